"""What a model makes of a conversation and what it says, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_4.md``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import objects, text_of
from chatproof.conformance.reference.text import bound, script, tokenize

from .base import Dialect
from .blind3_talk import scalar
from .blind4_limits import format_of, single_calls
from .blind_forms import respelled
from .blind_words import model, saying, uncalled
from .odd import Body, checking

LONGEST = 500
"""Characters of a message that are said again, at most."""


def last(body: Body) -> dict[str, Any]:
    """The last message."""
    return objects(body.get("messages"))[-1]


def again(message: dict[str, Any]) -> list[str]:
    """The beginning of a message in tokens."""
    return tokenize(scalar(text_of(message.get("content")))[:LONGEST])


# --- what comes last ----------------------------------------------------------------------------------------------


def one_call(body: Body, now: int) -> Reply:
    """A model that makes one call a message."""
    return answers.plan({**body, "parallel_tool_calls": False} if body.get("tools") else body, now)


def no_blank_end(ask: Ask) -> Iterator[Reason]:
    """Nobody can go on after a blank."""
    *_, (place, message, role) = ask.spoken
    said = text_of(message.get("content"))
    if role == "assistant" and said and said != said.rstrip():
        why = "Prefilling with an assistant message that ends with white space is not supported with this model."
        yield Reason("dialect", why, f"messages[{place}].content", None)


def continuing(body: Body, index: int) -> Iterator[str]:
    """What the assistant has begun to say, and how it goes on."""
    message = last(body)
    yield from again(message) if message.get("role") == "assistant" else ()
    yield from script(body, index)


def by_last_role(body: Body, index: int) -> Iterable[str]:
    """A result is handed on, an instruction is taken, and who has spoken says no more."""
    message = last(body)
    match message.get("role"):
        case "tool" | "function":
            return again(message)
        case "system":
            return ("OK",)
        case "assistant":
            return ()
        case _:
            return script(body, index)


def calls_once_answered(body: Body, now: int) -> Reply:
    """Left to itself, a model that calls nothing until it has a result, and then cannot stop."""
    talking = uncalled(body)
    wanted = {"tools": "tool", "functions": "function"}
    key = next((key for key, role in wanted.items() if body.get(key) and last(body).get("role") == role), None)
    if talking is body or key is None:
        return answers.plan(talking, now)
    if key == "tools":
        return answers.plan({**body, "tool_choice": "required"}, now)
    reply = answers.plan({**body, "function_call": {"name": body["functions"][0]["name"]}}, now)
    made = [replace(one, finish="function_call") if one.finish == "stop" else one for one in reply.choices]
    return replace(reply, choices=tuple(made))


# --- what came before ---------------------------------------------------------------------------------------------


def joins(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two messages are read as one: of a role that only speaks, and of one name."""
    plain = all(isinstance(message.get("content"), str) for message in (one, other))
    same = one.get("role") == other.get("role") and one.get("name") == other.get("name")
    return plain and same and one.get("role") in ("user", "system")


def merging(body: Body, now: int) -> Reply:
    """Neighbours speak with one voice; where they were joined there is a token."""
    made: list[dict[str, Any]] = []
    joined = 0
    for message in objects(body.get("messages")):
        if made and joins(made[-1], message):
            made[-1] = {**made[-1], "content": f"{made[-1]['content']}\n\n{message['content']}"}
            joined += 1
        else:
            made.append(message)
    reply = answers.plan({**body, "messages": made}, now)
    more = {key: reply.usage[key] + joined for key in ("prompt_tokens", "total_tokens")}
    return replace(reply, usage={**reply.usage, **more})


def ever_shorter(body: Body, now: int) -> Reply:
    """The longer one has talked, the less there is to say."""
    if body.get("tools") or body.get("functions") or format_of(body) != "text":
        return answers.plan(body, now)
    most = max(2, 40 - 4 * len(objects(body.get("messages"))))
    return answers.plan({**body, "max_tokens": min(bound(body) or most, most), "max_completion_tokens": None}, now)


# --- what is said -------------------------------------------------------------------------------------------------


def masked(body: Body, index: int) -> Iterator[str]:
    """Numbers are nobody's business."""
    for token in script(body, index):
        yield "".join("#" if sign.isdigit() else sign for sign in token)


def doubled(value: Any) -> str:
    """An object that says everything twice."""
    if not isinstance(value, dict):
        return json.dumps(value)
    rows = [f"{json.dumps(key)}: {json.dumps(item)}" for key, item in value.items()]
    return "{" + ", ".join(rows + random.sample(rows, len(rows))) + "}"


_DOUBLING = respelled(doubled)


def repeating(body: Body, now: int) -> Reply:
    """A loose tongue, where nothing is strict."""
    functions = [tool.get("function") or {} for tool in objects(body.get("tools"))] + objects(body.get("functions"))
    schema = (body.get("response_format") or {}).get("json_schema") or {}
    strict = any(one.get("strict") is True for one in (schema, *functions))
    return answers.plan(body, now) if strict else _DOUBLING(body, now)


_ONE_CALL, _CONTINUES = checking(single_calls), checking(no_blank_end)

DIALECTS = [
    Dialect(
        name="blind4-one-call-template",
        server=replace(_ONE_CALL, behaviour=model(one_call).behaviour),
        warnings=frozenset({"assistant.toolcalls.max*"}),
    ),
    Dialect(name="blind4-continues", server=replace(_CONTINUES, behaviour=saying(continuing).behaviour)),
    Dialect(name="blind4-merges-neighbours", server=model(merging)),
    Dialect(name="blind4-answers-by-last-role", server=saying(by_last_role)),
    Dialect(name="blind4-calls-once-answered", server=model(calls_once_answered)),
    Dialect(name="blind4-shorter-with-every-turn", server=model(ever_shorter)),
    Dialect(name="blind4-masks-digits", server=saying(masked)),
    Dialect(name="blind4-repeats-members", server=model(repeating)),
]
