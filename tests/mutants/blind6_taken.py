"""Servers that take what they must refuse, from the sixth blind list. See ``BLIND_6.md``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference.limits import LIMITS

from .blind4b_taken import blinkered, hidden, messages_seen
from .blind_common import Body, messages_of
from .blind_effects import wanted
from .effects_common import without
from .requests_making import each_message, entries, is_object, parts, reading, rewriting, within
from .stream_common import collection

taken = collection("blind6-", prop="messages", family="type")


def is_number(value: object) -> bool:
    return type(value) in (int, float)


# --- plain: options ---------------------------------------------------------------------------------------------------


def no_word(value: object) -> bool:
    return value is not None and not isinstance(value, str)


def fraction(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) and not value.is_integer()


def truth(value: object) -> bool:
    """What JavaScript makes of a value that is asked for its truth."""
    return isinstance(value, (dict, list)) or bool(value)


def truthy_usage(options: Body) -> None:
    if options.get("include_usage") is not None:
        options["include_usage"] = truth(options["include_usage"])


def written_out(metadata: Body) -> None:
    for key, value in metadata.items():
        if isinstance(value, bool) or is_number(value):
            metadata[key] = json.dumps(value)


def content_meant(prediction: Body) -> None:
    prediction["type"] = "content"


def nameless_schema(body: Body) -> None:
    inner = wanted(body).get("json_schema")
    if wanted(body).get("type") == "json_schema" and isinstance(inner, dict):
        inner.setdefault("name", "response")


def any_strict(body: Body) -> None:
    """A flag that is none is not read."""
    for tool in entries(body, "tools"):
        function = tool.get("function")
        if isinstance(function, dict) and not isinstance(function.get("strict", False), bool):
            del function["strict"]


# --- plain: messages --------------------------------------------------------------------------------------------------


def values_of(value: Any) -> Any:
    return list(value.values())


def bare_part(message: Body) -> None:
    if isinstance(message.get("content"), dict):
        message["content"] = [message["content"]]


def silent_audio(body: Body) -> None:
    for part in parts(body, "user"):
        audio = part.get("input_audio")
        if part.get("type") == "input_audio" and isinstance(audio, dict):
            audio.setdefault("data", "")


def nothing_returned(message: Body) -> None:
    message.setdefault("content", None)


# --- two circumstances: options ---------------------------------------------------------------------------------------


def streamed(body: Body) -> bool:
    return body.get("stream") is True


def beside(prop: str) -> Callable[[Body], bool]:
    return lambda body: body.get(prop) is not None


def newer_there(body: Body) -> bool:
    return "max_completion_tokens" in body


def loosely_named(body: Body) -> Body:
    """The body with a good name of a schema that is not strict."""
    form = wanted(body)
    inner = form.get("json_schema")
    if not isinstance(inner, dict) or inner.get("strict") is True or not isinstance(inner.get("name"), str):
        return body
    return {**body, "response_format": {**form, "json_schema": {**inner, "name": "good"}}}


# --- two circumstances: messages --------------------------------------------------------------------------------------


def guessed_role(message: Body) -> None:
    if "role" in message:
        return
    if isinstance(message.get("tool_calls"), list):
        message["role"] = "assistant"
    elif isinstance(message.get("tool_call_id"), str):
        message["role"] = "tool"


def found_by_name(body: Body) -> None:
    """The only call that is open is the one that a result of the same name is for."""
    opened: list[tuple[object, object]] = []
    for message in messages_of(body):
        if message.get("role") != "tool":
            calls = entries(message, "tool_calls") if message.get("role") == "assistant" else []
            functions = [(call.get("id"), call.get("function")) for call in calls]
            opened = [(ident, inner.get("name")) for ident, inner in functions if isinstance(inner, dict)]
            continue
        name = message.get("name")
        if message.get("tool_call_id") is None and isinstance(name, str) and [said for _, said in opened] == [name]:
            message["tool_call_id"] = opened[0][0]
        opened = [pair for pair in opened if pair[0] != message.get("tool_call_id")]


def uncalled_beside_text(at: int, rows: list[Any]) -> Any:
    """The assistant's message without its calls, where it says something."""
    message = rows[at]
    says = isinstance(message, dict) and message.get("role") == "assistant" and message.get("content")
    return without("tool_calls")(message) if says else message


def known_types() -> set[str]:
    return {name for names in LIMITS.parts.values() for name in names}


def strangers_after_text(message: Body) -> None:
    """Parts that no role has are left out once a text has come."""
    content = message.get("content")
    if not isinstance(content, list):
        return
    kept: list[Any] = []
    said = False
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if said and isinstance(kind, str) and kind not in known_types():
            continue
        said = said or kind == "text"
        kept.append(part)
    message["content"] = kept


def remote(part: Any) -> bool:
    image = part.get("image_url") if isinstance(part, dict) and part.get("type") == "image_url" else None
    url = image.get("url") if isinstance(image, dict) else None
    return isinstance(url, str) and not url.lower().startswith("data:")


def details_of_data(at: int, rows: list[Any]) -> Any:
    """The message without the details of images that are elsewhere."""
    message = rows[at]
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    seen = [{**part, "image_url": without("detail")(part["image_url"])} if remote(part) else part for part in content]
    return {**message, "content": seen}


MUTANTS = [
    taken("user-number-taken", "user.type.refuses", reading("user", is_number, str), prop="user"),
    taken("tier-type-ignored", "service_tier.type.refuses", reading("service_tier", no_word), prop="service_tier"),
    taken("seed-fraction-cut", "seed.type.refuses", reading("seed", fraction, int), prop="seed"),
    taken(
        "usage-flag-truthy",
        "stream_options.usage.type.refuses",
        within("stream_options", truthy_usage),
        prop="stream_options",
    ),
    taken("metadata-scalars-taken", "metadata.value.type.refuses", within("metadata", written_out), prop="metadata"),
    taken(
        "prediction-type-unchecked",
        "prediction.shape.refuses",
        within("prediction", content_meant),
        prop="prediction",
        family="enum",
    ),
    taken(
        "schema-name-missing-taken",
        "response_format.jsonschema.name.required.refuses",
        rewriting(nameless_schema),
        prop="response_format",
        family="required",
    ),
    taken("tool-strict-any", "fn.strict.type.refuses", rewriting(any_strict), prop="tools"),
    taken("messages-numbered-object", "messages.type.refuses", reading("messages", is_object, values_of)),
    taken(
        "content-single-part",
        "content.type.refuses",
        each_message(bare_part),
        with_it="content.tool.type.refuses mm.position.refuses",
    ),
    taken("input-audio-data-missing", "part.audio.required.refuses", rewriting(silent_audio), family="required"),
    taken(
        "function-content-absent-taken",
        "content.function.nullable.refuses",
        each_message(nothing_returned, "function"),
        family="required",
        with_it="mm.position.refuses",
    ),
    taken(
        "presence-unchecked-beside-frequency",
        "presence_penalty.max.refuses",
        blinkered(
            ("presence_penalty.min", "presence_penalty.max"), hidden("presence_penalty", beside("frequency_penalty"))
        ),
        prop="presence_penalty",
        family="coupling",
        with_it="presence_penalty.min.refuses mm.monotone.bad",
    ),
    taken(
        "top-logprobs-alone-stream",
        "top_logprobs.needs.refuses",
        blinkered(("top_logprobs.needs",), hidden("top_logprobs", streamed)),
        prop="top_logprobs",
        family="coupling",
        with_it="mm.stream mm.monotone.bad",
    ),
    taken(
        "max-tokens-unchecked-beside-null",
        "max_tokens.type.refuses",
        blinkered(("max_tokens.type",), hidden("max_tokens", newer_there)),
        prop="max_tokens",
        family="coupling",
        with_it="mm.monotone.bad mm.null",
    ),
    taken(
        "role-guessed-from-members",
        "role.required.refuses",
        each_message(guessed_role),
        family="required",
        with_it="mm.position.refuses",
    ),
    taken(
        "tool-id-missing-named",
        "tool.id.required.refuses",
        rewriting(found_by_name),
        family="required",
        with_it="mm.position.refuses",
    ),
    taken(
        "calls-unchecked-beside-content",
        "toolcall.shape.refuses",
        blinkered(
            ("toolcall.shape", "toolcall.id.maxlen", "toolcall.name.pattern"), messages_seen(uncalled_beside_text)
        ),
        family="coupling",
        with_it="toolcall.*.refuses mm.position.refuses",
    ),
    taken(
        "part-type-unchecked-after-text",
        "part.type.enum.refuses",
        each_message(strangers_after_text),
        family="enum",
        with_it="mm.position.refuses",
    ),
    taken(
        "image-detail-unchecked-remote",
        "part.image.detail.refuses",
        blinkered(("part.image.detail",), messages_seen(details_of_data)),
        family="enum",
    ),
    taken(
        "schema-name-unchecked-loose",
        "response_format.jsonschema.name.refuses",
        blinkered(("response_format.jsonschema.name",), loosely_named),
        prop="response_format",
        family="pattern",
    ),
]
