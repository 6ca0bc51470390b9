"""Checks of the calls in a history and of their answers, and of the length of the prompt (fact base §1.3, §1.4).

The sequence is judged only when every message is sound: a call without an id has its own reason and must not make
its answer an orphan as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from .faults import Ask, CheckFunction, Reason, coupled, holds, missing, one_of, table, too_long, wrong_type
from .json_values import is_array, is_object, is_string
from .prompt import prompt_tokens


def _assistants(ask: Ask, key: str) -> Iterator[tuple[str, object]]:
    for i, message, role in ask.spoken:
        if role == "assistant" and message.get(key) is not None:
            yield f"messages[{i}].{key}", message[key]


def calls_min(ask: Ask) -> Iterator[Reason]:
    least = ask.limits.calls_min
    for path, calls in _assistants(ask, "tool_calls"):
        if is_array(calls) and len(calls) < least:
            yield Reason(
                "assistant.toolcalls.min",
                f"'{path}' must hold at least {least} call.",
                path,
                "empty_array",
                strength="should",
            )


def calls_max(ask: Ask) -> Iterator[Reason]:
    most = ask.limits.calls_max
    for path, calls in _assistants(ask, "tool_calls"):
        if is_array(calls) and len(calls) > most:
            yield Reason(
                "assistant.toolcalls.max",
                f"'{path}' holds more than {most} calls.",
                path,
                "array_above_max_length",
                strength="should",
            )


def _called(path: str, value: object, said: str = "arguments") -> Iterator[Reason]:
    """Name and arguments (or input), both strings: the body of a call."""
    if not is_object(value):
        yield wrong_type("toolcall.shape", path, "an object", value)
        return
    for key in ("name", said):
        if key not in value:
            yield missing("toolcall.shape", f"{path}.{key}")
        elif not is_string(value[key]):
            yield wrong_type("toolcall.shape", f"{path}.{key}", "a string", value[key])


def call_shape(ask: Ask) -> Iterator[Reason]:
    """The four members of a call; an assistant's `function_call` is judged like the `function` of a call."""
    allowed = ask.limits.call_types
    for path, calls in _assistants(ask, "tool_calls"):
        if not is_array(calls):
            yield wrong_type("toolcall.shape", path, "an array", calls)
            continue
        for j, call in enumerate(calls):
            if not is_object(call):
                yield wrong_type("toolcall.shape", f"{path}[{j}]", "an object", call)
    for path, call in ask.calls:
        for key in ("id", "type"):
            if key not in call:
                yield missing("toolcall.shape", f"{path}.{key}")
            elif not is_string(call[key]):
                yield wrong_type("toolcall.shape", f"{path}.{key}", "a string", call[key])
        if is_string(call.get("type")) and call["type"] not in allowed:
            yield Reason("toolcall.shape", f"'{path}.type' must be {one_of(allowed)}.", f"{path}.type", "invalid_value")
        key = holds(call, allowed)
        if key not in call:
            yield missing("toolcall.shape", f"{path}.{key}")
        else:
            yield from _called(f"{path}.{key}", call[key], "arguments" if key == "function" else "input")
    for path, call in _assistants(ask, "function_call"):
        yield from _called(path, call)


def call_id_max(ask: Ask) -> Iterator[Reason]:
    most = ask.limits.call_id_max
    for path, call in ask.calls:
        if is_string(call.get("id")) and len(call["id"]) > most:
            yield too_long("toolcall.id.maxlen", f"{path}.id", most, "should")


def call_name(ask: Ask) -> Iterator[Reason]:
    for path, call in ask.calls:
        function = call.get("function") if holds(call, ask.limits.call_types) == "function" else None
        name = function.get("name") if is_object(function) else None
        if isinstance(name, str) and not ask.limits.call_name.fullmatch(name):
            yield Reason(
                "toolcall.name.pattern",
                "A function name has letters, digits, '_' and '-' only.",
                f"{path}.function.name",
                "invalid_value",
                strength="should",
            )


def tool_id(ask: Ask) -> Iterator[Reason]:
    for i, message, role in ask.spoken:
        if role == "tool" and not is_string(message.get("tool_call_id")):
            if message.get("tool_call_id") is None:
                yield coupled(
                    "tool.id.required",
                    f"messages.[{i}].tool_call_id",
                    "A tool message must name the call that it answers.",
                )
            else:
                yield wrong_type("tool.id.required", f"messages[{i}].tool_call_id", "a string", message["tool_call_id"])


def _sound(ask: Ask) -> bool:
    """Whether every message has a known role and every id in the sequence is a string."""
    messages = ask.body.get("messages")
    if not is_array(messages) or len(ask.spoken) != len(messages):
        return False
    for _, message, role in ask.spoken:
        if role == "tool" and not is_string(message.get("tool_call_id")):
            return False
        calls = message.get("tool_calls")
        if (
            role == "assistant"
            and calls is not None
            and not (is_array(calls) and calls and all(is_object(call) and is_string(call.get("id")) for call in calls))
        ):
            return False
    return True


def sequence(ask: Ask) -> list[Reason]:
    """Walk the conversation once and collect the faults of all three sequence rows.

    `block` holds the ids of the open calls, `pending` those of them without an answer.  After a wrong id the block
    is not asked for the answer that the id should have been; after an unanswered call its late answer is no orphan:
    each would be the same fault told twice.
    """
    if not _sound(ask):
        return []
    found: list[Reason] = []
    block: set[str] = set()
    pending: set[str] = set()
    late: set[str] = set()
    opened = 0
    mismatched = False

    def close(at: int) -> None:
        nonlocal late, pending
        if pending and not mismatched:
            found.append(
                coupled(
                    "toolcalls.answered",
                    f"messages.[{at}].role",
                    "Every call of an assistant message needs a tool message that answers it.",
                    "should",
                )
            )
            late = late | pending
        pending = set()

    for i, message, role in ask.spoken:
        if role == "tool":
            ident = message["tool_call_id"]
            if ident in block:
                pending.discard(ident)
            elif ident in late:
                continue
            elif not block:
                found.append(
                    coupled(
                        "tool.preceded",
                        f"messages.[{i}].role",
                        "A tool message must follow an assistant message with tool_calls.",
                        "should",
                    )
                )
            else:
                mismatched = True
                found.append(
                    coupled(
                        "tool.id.match",
                        f"messages.[{i}].tool_call_id",
                        "No call of the preceding assistant message has this id.",
                        "should",
                    )
                )
            continue
        close(i)
        block = set()
        mismatched = False
        if role == "assistant" and message.get("tool_calls"):
            block = {call["id"] for call in message["tool_calls"]}
            pending = set(block)
            opened = i
    close(opened)
    return found


def sequence_row(rule: str) -> CheckFunction:
    """One row of the sequence; the walk is cheap enough to be done once per row."""

    def check(ask: Ask) -> Iterator[Reason]:
        return (reason for reason in sequence(ask) if reason.rule == rule)

    return check


def functions_history(ask: Ask) -> Iterator[Reason]:
    """Observed: calls of the newer form in a history do not go with `functions`."""
    if is_array(ask.body.get("functions")) and ask.body.get("tools") is None:
        for i, message, role in ask.spoken:
            if role == "assistant" and is_array(message.get("tool_calls")):
                yield coupled(
                    "functions.history",
                    f"messages.[{i}].tool_calls",
                    "A history with tool_calls needs 'tools', not 'functions'.",
                    "should",
                )
                return


def context(ask: Ask) -> Iterator[Reason]:
    """A string over its own bound is not counted again here."""
    if any(isinstance(m.get("content"), str) and len(m["content"]) > ask.limits.content_max for _, m in ask.items):
        return
    if any(isinstance(p.get("text"), str) and len(p["text"]) > ask.limits.content_max for _, _, p in ask.parts):
        return
    used = prompt_tokens(ask.body)
    if used > ask.limits.context_window:
        yield Reason(
            "messages.context",
            f"The context window holds {ask.limits.context_window} tokens, these messages come to {used}.",
            "messages",
            "context_length_exceeded",
            strength="should",
        )


CALL_CHECKS = table(
    ("assistant.toolcalls.min", calls_min),
    ("assistant.toolcalls.max", calls_max),
    ("toolcall.shape", call_shape),
    ("toolcall.id.maxlen", call_id_max),
    ("toolcall.name.pattern", call_name),
)

SEQUENCE_CHECKS = table(
    ("functions.history", functions_history),
    ("tool.id.required", tool_id),
    ("tool.preceded", sequence_row("tool.preceded")),
    ("tool.id.match", sequence_row("tool.id.match")),
    ("toolcalls.answered", sequence_row("toolcalls.answered")),
    ("messages.context", context),
)
