"""Servers that judge the parts of content wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference.behaviour import Reference

from .base import unchecked
from .requests_making import (
    Body,
    about,
    crashing_message,
    each_message,
    is_array,
    is_integer,
    is_object,
    is_text,
    parts,
    refusing_message,
    refusing_valid,
    rewriting,
    set_if,
    spoken,
    stumbling,
    viewing,
)
from .requests_messages import content_is


def each_part(change: Callable[[Body], object], *roles: str) -> Reference:
    return rewriting(lambda body: [change(part) for part in parts(body, *roles)])


def refusing_part(test: Callable[[Body], object], *roles: str) -> Reference:
    return refusing_valid(lambda body: any(test(part) for part in parts(body, *roles)))


def first_parts(body: Body) -> Body:
    """A view in which only the first part of each content is left."""
    kept = (
        [
            message | {"content": message["content"][:1]}
            if is_object(message) and is_array(message.get("content"))
            else message
            for message in body.get("messages") or ()
        ]
        if is_array(body.get("messages"))
        else body.get("messages")
    )
    return body | {"messages": kept}


def filled(key: str, value: Any) -> Callable[[Body], None]:
    """A missing or null member gets a value."""

    def change(holder: Body) -> None:
        if holder.get(key) is None:
            holder[key] = value

    return change


def relabelled(*names: str) -> Callable[[Body], None]:
    """Parts of these types are read as text."""

    def change(part: Body) -> None:
        if part.get("type") in names:
            part.update(type="text", text="")

    return change


def kind(part: Body) -> None:
    if "type" not in part and "text" in part:
        part["type"] = "text"


def picture(change: Callable[[Body], object]) -> Reference:
    return each_part(lambda part: change(part["image_url"]) if is_object(part.get("image_url")) else None)


def sound(change: Callable[[Body], object]) -> Reference:
    return each_part(lambda part: change(part["input_audio"]) if is_object(part.get("input_audio")) else None)


def bare_url(part: Body) -> None:
    if is_text(part.get("image_url")):
        part["image_url"] = {"url": part["image_url"]}


def no_object(part: object) -> bool:
    return not isinstance(part, dict)


def odd_content(message: Body) -> bool:
    return is_array(message.get("content")) and any(map(no_object, message["content"]))


def items_as_text(message: Body) -> None:
    if odd_content(message):
        message["content"] = [
            part if is_object(part) else {"type": "text", "text": str(part)} for part in message["content"]
        ]


def lonely_refusal(message: Body) -> None:
    """Of several refusals, or a refusal among text, the text is kept."""
    content = message.get("content")
    if (
        is_array(content)
        and len(content) > 1
        and any(is_object(part) and part.get("type") == "refusal" for part in content)
    ):
        message["content"] = [{"type": "text", "text": ""}]


def is_part(name: str) -> Callable[[Body], bool]:
    return lambda part: part.get("type") == name


row = about("messages")

PARTS = [
    row(
        "parts-system-refused",
        "refused",
        refusing_message(content_is(is_array), "system"),
        "content.system.parts.accepts content.parts.accepts",
    ),
    row(
        "parts-assistant-refused",
        "refused",
        refusing_message(content_is(is_array), "assistant"),
        "content.assistant.parts.accepts content.parts.accepts",
        "part.refusal.accepts",
    ),
    row("parts-tool-crash", "crash", crashing_message(content_is(is_array), "tool"), "content.tool.parts.accepts"),
    row("part-word", "type", each_message(items_as_text), "part.object.refuses"),
    row(
        "part-number-crash",
        "crash",
        stumbling(lambda body: any(odd_content(message) for message in spoken(body))),
        "part.object.refuses",
    ),
    row("part-type-missing", "required", each_part(kind), "part.type.required.refuses"),
    row(
        "part-type-bogus",
        "enum",
        each_part(relabelled("bogus", "image", "audio", "video", "")),
        "part.type.enum.refuses",
    ),
    row(
        "part-type-number",
        "type",
        each_part(lambda part: part.update(type="text") if is_integer(part.get("type")) else None),
        "part.type.type.refuses",
    ),
    row(
        "part-first-only",
        "enum",
        viewing("part.type.enum", first_parts),
        "part.type.enum.refuses",
        "part.type.type.refuses",
    ),
    row(
        "part-text-missing",
        "required",
        each_part(lambda part: part.setdefault("text", "") if part.get("type") == "text" else None),
        "part.text.required.refuses",
    ),
    row("part-text-number", "type", each_part(set_if("text", is_integer, "7")), "part.text.required.refuses"),
    row(
        "part-text-empty-refused",
        "refused",
        refusing_part(lambda part: part.get("text") == ""),
        "part.text.empty.accepts",
    ),
    row("refusal-part-refused", "refused", refusing_part(is_part("refusal")), "part.refusal.accepts"),
    row("refusal-part-user", "enum", each_part(relabelled("refusal"), "user", "system"), "part.refusal.role.refuses"),
    row("refusal-part-tool", "enum", each_part(relabelled("refusal"), "tool"), "part.refusal.tool.refuses"),
    row("refusal-parts-two", "bound", each_message(lonely_refusal, "assistant"), "part.refusal.refuses"),
    row("image-bare-url", "type", each_part(bare_url), "part.image.url.refuses"),
    row("image-url-missing", "required", picture(filled("url", "data:,")), "part.image.url.refuses"),
    row("image-detail-unchecked", "enum", unchecked("part.image.detail"), "part.image.detail.refuses"),
    row(
        "image-detail-low-refused",
        "refused",
        refusing_part(lambda part: is_object(part.get("image_url")) and part["image_url"].get("detail") == "low"),
        "part.image.detail.accepts",
    ),
    row("image-anywhere", "enum", each_part(relabelled("image_url"), "system", "assistant"), "part.image.role.refuses"),
    row("image-tool", "enum", each_part(relabelled("image_url"), "tool"), "part.image.tool.refuses"),
    row("sound-ogg", "enum", unchecked("part.audio.format"), "part.audio.format.refuses"),
    row(
        "sound-mp3-refused",
        "refused",
        refusing_part(lambda part: is_object(part.get("input_audio")) and part["input_audio"].get("format") == "mp3"),
        "part.audio.format.accepts",
    ),
    row(
        "sound-members-missing",
        "required",
        sound(lambda audio: (filled("data", "")(audio), filled("format", "wav")(audio))),
        "part.audio.required.refuses",
    ),
    row(
        "sound-anywhere", "enum", each_part(relabelled("input_audio"), "system", "assistant"), "part.audio.role.refuses"
    ),
]

MUTANTS = [*PARTS]
