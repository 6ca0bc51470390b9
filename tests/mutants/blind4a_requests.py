"""Servers of the fourth blind list that take or refuse the wrong requests. See ``BLIND_4A.md``."""

from __future__ import annotations

from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.limits import REQUEST_KEYS

from .requests_making import (
    Body,
    about,
    calls,
    crashing,
    each_message,
    entries,
    is_text,
    null,
    reading,
    refusing_valid,
    rewriting,
    within,
)

MEMBERS = frozenset(("role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "audio"))
FILLED = ("system", "user", "tool")
WORDS = ("auto", "none", "required")
INNER = ("name", "description", "schema", "strict")

# --- the body ---------------------------------------------------------------------------------------------------------


def reset_at_messages(body: Body) -> None:
    """What came before the messages is forgotten, but not the model, which is looked for beforehand."""
    names = list(body)
    before = names[: names.index("messages")] if "messages" in body else []
    for name in before:
        if name != "model":
            del body[name]


def spread_over(body: Body) -> None:
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        body.update({name: value for name, value in metadata.items() if name in REQUEST_KEYS})


# --- messages ---------------------------------------------------------------------------------------------------------


def type_last(body: Body) -> bool:
    return any(list(call).index("type") > list(call).index("function") for call in calls(body))


def slots_used_again() -> Reference:
    """Each place of the array of messages is memory that a message without content does not overwrite."""
    slots: dict[int, object] = {}

    def change(body: Body) -> None:
        messages = body.get("messages")
        for at, message in enumerate(messages if isinstance(messages, list) else ()):
            if not isinstance(message, dict):
                continue
            content = message.get("content")
            if is_text(content):
                slots[at] = content
            elif content is None and message.get("role") in FILLED and at in slots:
                message["content"] = slots[at]

    return rewriting(change)


def lower_names(body: Body) -> None:
    for message in entries(body, "messages"):
        for name in list(message):
            lower = name.lower()
            if lower in MEMBERS and lower not in message:
                message[lower] = message.pop(name)


def null_as_empty(message: Body) -> None:
    for part in entries(message, "content"):
        if part.get("type") == "text" and "text" in part and part["text"] is None:
            part["text"] = ""


# --- options ----------------------------------------------------------------------------------------------------------


def strict_unless_told(form: Body) -> None:
    inner = form.get("json_schema")
    if isinstance(inner, dict) and inner.get("strict") is None:
        inner["strict"] = True


def predicted_parts(body: Body) -> bool:
    prediction = body.get("prediction")
    return isinstance(prediction, dict) and isinstance(prediction.get("content"), list)


def one_number(value: object) -> bool:
    return isinstance(value, list) and len(value) == 1 and type(value[0]) in (int, float)


def word_of(body: Body) -> None:
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in WORDS:
        body["tool_choice"] = choice["type"]


def folded(form: Body) -> None:
    flat = {name: form[name] for name in INNER if name in form}
    if form.get("type") == "json_schema" and "json_schema" not in form and flat:
        for name in flat:
            del form[name]
        form["json_schema"] = flat


def empty_value(body: Body) -> bool:
    metadata = body.get("metadata")
    return isinstance(metadata, dict) and "" in metadata.values()


def no_expression(text: str) -> bool:
    """Whether a text is no regular expression: it repeats nothing, leaves a bracket open, or ends in its escape."""
    open_group = text.count("(") != text.count(")") or text.count("[") > text.count("]")
    return open_group or text.startswith(("*", "+", "?")) or text.endswith("\\")


def odd_stop(body: Body) -> bool:
    stop = body.get("stop")
    return any(is_text(item) and no_expression(item) for item in (stop if isinstance(stop, list) else [stop]))


BODIES = [
    about("body")("blind4a-options-before-messages-lost", "relation", rewriting(reset_at_messages), "mm.keyorder"),
    about("metadata")("blind4a-metadata-spread", "relation", rewriting(spread_over), "metadata.type.accepts"),
]

MESSAGES = [
    about("messages")(
        "blind4a-call-type-last-refused",
        "relation",
        refusing_valid(type_last),
        "mm.keyorder",
        "toolcall.shape.accepts tools.conversation.accepts",
    ),
    about("messages")(
        "blind4a-slice-reuse-content",
        "required",
        slots_used_again(),
        "content.user.required.refuses",
        "content.system.required.refuses content.tool.required.refuses mm.position.refuses mm.repeat.neg",
    ),
    about("messages")(
        "blind4a-message-keys-any-case",
        "required",
        rewriting(lower_names),
        "role.required.refuses",
        "content.user.required.refuses",
    ),
    about("messages")(
        "blind4a-part-text-null",
        "type",
        each_message(null_as_empty),
        "part.text.required.refuses",
        "mm.position.refuses",
    ),
]

OPTIONS = [
    about("audio")(
        "blind4a-audio-null-crash", "crash", crashing(null("audio")), "audio.null.accepts", "mm.null mm.default"
    ),
    about("response_format")(
        "blind4a-strict-default-true",
        "refused",
        within("response_format", strict_unless_told),
        "response_format.jsonschema.schema.accepts",
        "response_format.jsonschema.strict.type.accepts response_format.jsonschema.required.accepts "
        "response_format.jsonschema.recursive",
    ),
    about("response_format")(
        "blind4a-format-flat-schema",
        "required",
        within("response_format", folded),
        "response_format.jsonschema.required.refuses",
    ),
    about("prediction")(
        "blind4a-prediction-parts-refused", "refused", refusing_valid(predicted_parts), "prediction.parts.accepts"
    ),
    about("frequency_penalty")(
        "blind4a-frequency-single-array",
        "type",
        reading("frequency_penalty", one_number, lambda value: value[0]),
        "frequency_penalty.type.refuses",
    ),
    about("tool_choice")("blind4a-choice-object-auto", "enum", rewriting(word_of), "tool_choice.named.shape.refuses"),
    about("metadata")(
        "blind4a-metadata-empty-value-refused",
        "refused",
        refusing_valid(empty_value),
        "metadata.type.accepts",
        "metadata.value.maxlen.accepts metadata.key.maxlen.accepts",
    ),
    about("stop")(
        "blind4a-stop-regex-crash",
        "crash",
        crashing(odd_stop),
        "stop.string.accepts",
        "stop.array.item.accepts stop.array.max.accepts stop.array.min.accepts",
    ),
]

MUTANTS = [*BODIES, *MESSAGES, *OPTIONS]
