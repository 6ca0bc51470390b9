"""Checks of the `messages` array and of the members of one message (fact base §1.3 and §1.4).

The order of calls and their answers is judged in `dialogue.py`.  A message with an unknown role has that one reason
and no other.  Members that a role does not know are ignored, as OpenAI does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .faults import (
    Ask,
    CheckFunction,
    Reason,
    bad_value,
    coupled,
    missing,
    one_of,
    string_member,
    table,
    too_long,
    wrong_type,
)
from .json_values import is_array, is_object, is_string


def required(ask: Ask) -> Iterator[Reason]:
    if "messages" not in ask.body:
        yield missing("messages.required", "messages")


def null(ask: Ask) -> Iterator[Reason]:
    if "messages" in ask.body and ask.body["messages"] is None:
        yield wrong_type("messages.null", "messages", "an array", None)


def array(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("messages")
    if value is not None and not is_array(value):
        yield wrong_type("messages.type", "messages", "an array of objects", value)


def minimum(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("messages")
    least = ask.limits.messages_min
    if is_array(value) and len(value) < least:
        yield Reason("messages.min", f"'messages' must hold at least {least} message.", "messages", "empty_array")


def item_type(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("messages")
    if is_array(value):
        for i, item in enumerate(value):
            if not is_object(item):
                yield wrong_type("messages.item.type", f"messages[{i}]", "an object", item)


def role_required(ask: Ask) -> Iterator[Reason]:
    for i, message in ask.items:
        if "role" not in message:
            yield missing("role.required", f"messages[{i}].role")


def role_type(ask: Ask) -> Iterator[Reason]:
    for i, message in ask.items:
        if "role" in message and not is_string(message["role"]):
            path = f"messages[{i}].role"
            # a null role is answered like an absent one
            yield (
                missing("role.type", path)
                if message["role"] is None
                else wrong_type("role.type", path, "a string", message["role"])
            )


def role_enum(ask: Ask) -> Iterator[Reason]:
    roles = ask.limits.roles
    for i, message in ask.items:
        role = message.get("role")
        if isinstance(role, str) and role not in roles and role != "developer":
            yield bad_value("role.enum", f"messages[{i}].role", one_of(roles))


def role_developer(ask: Ask) -> Iterator[Reason]:
    """The role joined after the vintage 2024-11, so it is an unknown role there; the row is contested."""
    for i, message in ask.items:
        if message.get("role") == "developer" and "developer" not in ask.limits.roles:
            yield Reason(
                "role.developer",
                "The role 'developer' is not supported with this model.",
                f"messages[{i}].role",
                "unsupported_value",
                strength="should",
            )


def _names(ask: Ask) -> Iterator[tuple[str, object]]:
    """Participant names that are present: the tool role has none at this vintage, null counts as absent."""
    for i, message, role in ask.spoken:
        if role != "tool" and message.get("name") is not None:
            yield f"messages[{i}].name", message["name"]


def name_type(ask: Ask) -> Iterator[Reason]:
    for path, name in _names(ask):
        if not is_string(name):
            yield wrong_type("messages.name.type", path, "a string", name)


def name_pattern(ask: Ask) -> Iterator[Reason]:
    """Only the characters that every observed pattern leaves out are refused; an empty name passes."""
    for path, name in _names(ask):
        if isinstance(name, str) and ask.limits.participant_refused.search(name):
            yield bad_value("messages.name.pattern", path, "without blanks and without any of <>|/\\", "should")


def function_name_required(ask: Ask) -> Iterator[Reason]:
    for i, message, role in ask.spoken:
        if role == "function" and message.get("name") is None:
            yield missing("functionmsg.name.required", f"messages[{i}].name")


def content_required(rule: str, wanted: str) -> CheckFunction:
    """Content of the role `wanted` is there and not null; answered by the semantic layer, hence the dotted path."""

    def check(ask: Ask) -> Iterator[Reason]:
        for i, message, role in ask.spoken:
            if role == wanted and message.get("content") is None:
                yield coupled(rule, f"messages.[{i}].content", f"A message of the role '{role}' needs content.")

    return check


def content_assistant(ask: Ask) -> Iterator[Reason]:
    """Prose: an assistant message says something, calls something, or refuses."""
    for i, message, role in ask.spoken:
        if (
            role == "assistant"
            and message.get("content") is None
            and all(message.get(key) is None for key in ("tool_calls", "function_call", "refusal", "audio"))
        ):
            yield coupled(
                "content.assistant.optional",
                f"messages.[{i}].content",
                "An assistant message without content must have tool_calls or function_call.",
            )


def content_developer(ask: Ask) -> Iterator[Reason]:
    """Observed: the one role whose missing content is answered by the typed layer."""
    rule = "content.developer.required"
    for i, message, role in ask.spoken:
        if role == "developer" and message.get("content") is None:
            path = f"messages[{i}].content"
            yield (
                wrong_type(rule, path, "a string or an array of text parts", None, "should")
                if "content" in message
                else missing(rule, path, "should")
            )


def content_function(ask: Ask) -> Iterator[Reason]:
    for i, message, role in ask.spoken:
        if role == "function" and "content" not in message:
            yield missing("content.function.nullable", f"messages[{i}].content")


def content_type(ask: Ask) -> Iterator[Reason]:
    """A string or an array of objects; also the types of an assistant message's refusal and audio."""
    for i, message, role in ask.spoken:
        content = message.get("content")
        path = f"messages[{i}].content"
        if is_array(content):
            for j, part in enumerate(content):
                if not is_object(part):
                    yield wrong_type("content.type", f"{path}[{j}]", "an object", part)
        elif content is not None and not is_string(content):
            yield wrong_type("content.type", path, "a string or an array of content parts", content)
        if role == "assistant":
            refusal, audio = message.get("refusal"), message.get("audio")
            if refusal is not None and not is_string(refusal):
                yield wrong_type("content.type", f"messages[{i}].refusal", "a string", refusal)
            if audio is not None and not is_object(audio):
                yield wrong_type("content.type", f"messages[{i}].audio", "an object", audio)


def content_maxlen(ask: Ask) -> Iterator[Reason]:
    """Observed for a string; the same bound holds for the text of a part, which means the same."""
    most = ask.limits.content_max
    for i, message, _ in ask.spoken:
        content = message.get("content")
        if isinstance(content, str) and len(content) > most:
            yield too_long("messages.content.maxlen", f"messages[{i}].content", most, "should")
    for path, _, part in ask.parts:
        text = part.get("text")
        if part.get("type") == "text" and isinstance(text, str) and len(text) > most:
            yield too_long("messages.content.maxlen", f"{path}.text", most, "should")


def part_type_required(ask: Ask) -> Iterator[Reason]:
    for path, _, part in ask.parts:
        if "type" not in part:
            yield missing("part.type.required", f"{path}.type")


def _refused_here(ask: Ask, name: object, role: str) -> bool:
    """A part type that some role knows and this one does not."""
    parts = ask.limits.parts
    return isinstance(name, str) and name not in parts[role] and any(name in known for known in parts.values())


def part_type_enum(ask: Ask) -> Iterator[Reason]:
    parts = ask.limits.parts
    for path, role, part in ask.parts:
        if "type" not in part:
            continue
        name = part["type"]
        if not isinstance(name, str):
            yield wrong_type("part.type.enum", f"{path}.type", "a string", name)
        elif name not in parts[role] and (not _refused_here(ask, name, role) or name not in ("image_url", "refusal")):
            yield bad_value("part.type.enum", f"{path}.type", one_of(parts[role]))


def part_image_role(ask: Ask) -> Iterator[Reason]:
    for path, role, part in ask.parts:
        if part.get("type") == "image_url" and _refused_here(ask, "image_url", role):
            yield bad_value("part.image.role", f"{path}.type", f"a part type of the role '{role}'")


def part_refusal(ask: Ask) -> Iterator[Reason]:
    """Refusal parts are the assistant's; they carry a string, and one stands alone in its content."""
    for path, role, part in ask.parts:
        if part.get("type") == "refusal":
            if _refused_here(ask, "refusal", role):
                yield bad_value("part.refusal", f"{path}.type", f"a part type of the role '{role}'")
            elif not is_string(part.get("refusal")):
                yield (
                    wrong_type("part.refusal", f"{path}.refusal", "a string", part["refusal"])
                    if "refusal" in part
                    else missing("part.refusal", f"{path}.refusal")
                )
    for i, message, role in ask.spoken:
        content = message.get("content")
        if role == "assistant" and is_array(content) and len(content) > 1:
            kinds = [part.get("type") for part in content if is_object(part)]
            if "refusal" in kinds and all(name in ("refusal", "text") for name in kinds):
                yield bad_value("part.refusal", f"messages[{i}].content", "text parts, or exactly one refusal")


def _known(ask: Ask, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parts of one type, where the role takes that type."""
    for path, role, part in ask.parts:
        if part.get("type") == name and name in ask.limits.parts[role]:
            yield path, part


def part_text(ask: Ask) -> Iterator[Reason]:
    for path, part in _known(ask, "text"):
        yield from string_member("part.text.required", path, part, "text")


def part_image_url(ask: Ask) -> Iterator[Reason]:
    for path, part in _known(ask, "image_url"):
        if "image_url" not in part:
            yield missing("part.image.url", f"{path}.image_url")
        elif not is_object(part["image_url"]):
            yield wrong_type("part.image.url", f"{path}.image_url", "an object", part["image_url"])
        else:
            yield from string_member("part.image.url", f"{path}.image_url", part["image_url"], "url")


def part_image_detail(ask: Ask) -> Iterator[Reason]:
    allowed = ask.limits.image_details
    for path, part in _known(ask, "image_url"):
        image = part.get("image_url")
        if is_object(image) and image.get("detail") is not None:
            detail = image["detail"]
            if not is_string(detail):
                yield wrong_type("part.image.detail", f"{path}.image_url.detail", "a string", detail)
            elif detail not in allowed:
                yield bad_value("part.image.detail", f"{path}.image_url.detail", one_of(allowed))


def part_audio_required(ask: Ask) -> Iterator[Reason]:
    for path, part in _known(ask, "input_audio"):
        audio = part.get("input_audio")
        if "input_audio" not in part:
            yield missing("part.audio.required", f"{path}.input_audio")
        elif not is_object(audio):
            yield wrong_type("part.audio.required", f"{path}.input_audio", "an object", audio)
        else:
            yield from string_member("part.audio.required", f"{path}.input_audio", audio, "data")
            yield from string_member("part.audio.required", f"{path}.input_audio", audio, "format")


def part_audio_format(ask: Ask) -> Iterator[Reason]:
    allowed = ask.limits.input_audio_formats
    for path, part in _known(ask, "input_audio"):
        audio = part.get("input_audio")
        if is_object(audio) and is_string(audio.get("format")) and audio["format"] not in allowed:
            yield bad_value("part.audio.format", f"{path}.input_audio.format", one_of(allowed))


def part_file(ask: Ask) -> Iterator[Reason]:
    """An uploaded file by its id, or its data with a name.  That one of the two must be there is the accepted form read
    the other way round."""
    rule = "part.file"
    for path, part in _known(ask, "file"):
        file, path = part.get("file"), f"{path}.file"
        if "file" not in part:
            yield missing(rule, path)
        elif not is_object(file):
            yield wrong_type(rule, path, "an object", file)
        else:
            given = {key: file[key] for key in ("file_id", "file_data", "filename") if file.get(key) is not None}
            for key, value in given.items():
                if not is_string(value):
                    yield wrong_type(rule, f"{path}.{key}", "a string", value)
            if "file_id" not in given and "file_data" not in given:
                yield missing(rule, f"{path}.file_id", "should")
            elif "file_id" not in given and "filename" not in given:
                yield missing(rule, f"{path}.filename", "should")


SHAPE_CHECKS = table(
    ("messages.null", null),
    ("messages.type", array),
    ("messages.min", minimum),
    ("messages.item.type", item_type),
    ("role.required", role_required),
    ("role.type", role_type),
    ("role.enum", role_enum),
    ("role.developer", role_developer),
    ("messages.name.type", name_type),
    ("messages.name.pattern", name_pattern),
    ("functionmsg.name.required", function_name_required),
    ("content.type", content_type),
    ("messages.content.maxlen", content_maxlen),
    ("part.type.required", part_type_required),
    ("part.type.enum", part_type_enum),
    ("part.image.role", part_image_role),
    ("part.refusal", part_refusal),
    ("part.text.required", part_text),
    ("part.image.url", part_image_url),
    ("part.image.detail", part_image_detail),
    ("part.audio.required", part_audio_required),
    ("part.audio.format", part_audio_format),
)

SHAPE_CHECKS_2026 = (*SHAPE_CHECKS, *table(("part.file", part_file)))

# OpenAI looks for missing content after everything else
CONTENT_CHECKS = table(
    ("content.system.required", content_required("content.system.required", "system")),
    ("content.user.required", content_required("content.user.required", "user")),
    ("content.assistant.optional", content_assistant),
    ("content.tool.required", content_required("content.tool.required", "tool")),
    ("content.function.nullable", content_function),
)
CONTENT_CHECKS_2026 = (*CONTENT_CHECKS, *table(("content.developer.required", content_developer)))
