"""Servers that treat requests that mean the same differently."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.validator import CHECKS

from . import relations_readers as readers
from .base import Mutant, of
from .effects_common import planning
from .relations_common import Body, has, parts_in, reading, refused_when, seeing_messages, unchecked_when


def parts_cost_more(body: Body, now: int) -> answers.Reply:
    """Three prompt tokens more for every content part, for the template that wraps it."""
    reply = answers.plan(body, now)
    rows = [row.get("content") for row in body["messages"]]
    extra = 3 * sum(len(content) for content in rows if isinstance(content, list))
    usage = {**reply.usage, "prompt_tokens": reply.usage["prompt_tokens"] + extra}
    return replace(reply, usage={**usage, "total_tokens": usage["total_tokens"] + extra})


# --------------------------------------------------------------------------------------------- what is remembered


def forgetting_code() -> Reference:
    """Tells the code of a refusal the first time only, and every other time after: its cache has no place for it."""
    seen: Counter[str] = Counter()

    def envelope(reason: Reason) -> Any:
        key = f"{reason.rule} {reason.message}"
        seen[key] += 1
        return behaviour.envelope(reason if seen[key] % 2 else replace(reason, code="cached"))

    return Reference(behaviour=Behaviour(envelope=envelope))


def giving_in() -> Reference:
    """Takes an invalid temperature whenever the same body comes again: the first try left it in a cache."""
    seen: set[bytes] = set()

    def parse(raw: bytes) -> Any:
        body = behaviour.parse(raw)
        if isinstance(body, dict) and type(body.get("temperature")) in (int, float):
            key = hashlib.sha256(raw).digest()
            if key in seen:
                body["temperature"] = max(0, min(2, body["temperature"]))
            seen.add(key)
        return body

    return reading(parse)


def staining(name: str) -> Reference:
    """Keeps the error of a request without this property and gives it to the next request, whatever that is."""
    kept: list[Reason] = []

    def keep(ask: Ask) -> list[Reason]:
        if name in ask.body and kept:
            return [kept.pop()]
        if name not in ask.body:
            kept.append(Reason("stain", f"'{name}' is required.", None, None))
        return []

    return Reference(checks=(Check("stain", keep), *CHECKS))


def offended() -> Reference:
    """Fails for twenty requests after one without messages, as a worker that starts again."""
    left = [0]

    def ailing(ask: Ask) -> list[Reason]:
        if ask.body.get("messages") == []:
            left[0] = 20
        elif left[0] > 0:
            left[0] -= 1
            return [Reason("ailing", "The worker starts again.", None, None, status=500, type="server_error")]
        return []

    return Reference(checks=(Check("ailing", ailing), *CHECKS))


def leaving(name: str) -> Reference:
    """What one request gives for this property goes on working for those that give nothing."""
    kept: Body = {}

    def change(body: Body) -> Body:
        if body.get(name) is not None:
            kept[name] = body[name]
        return {**kept, **body}

    return planning(change)


def grudging() -> Reference:
    """Every other request right after a refused one fails: one of two workers has lost its state."""
    refused = [False]
    turns = count(1)

    def after(ask: Ask) -> list[Reason]:
        due = refused[0] and next(turns) % 2 == 0
        refused[0] = any(True for check in CHECKS for _ in check.function(ask))
        return [Reason("after", "Internal error.", None, None, status=500, type="server_error")] if due else []

    return Reference(checks=(Check("after", after), *CHECKS))


def relation(name: str, about: str, server: Reference, *fails: str, with_it: Iterable[str] = ()) -> Mutant:
    return Mutant(
        name=name, property=about, family="relation", server=server, fails=of(*fails), with_it=frozenset(with_it)
    )


MUTANTS = [
    # a malformed message, wherever it stands
    relation(
        "roles-of-last",
        "messages",
        seeing_messages(lambda rows: rows[-1:], "role.enum", "role.required", "role.type"),
        "mm.position.refuses",
        "role.enum.refuses",
        with_it=("role.*.refuses",),
    ),
    relation(
        "content-of-first",
        "messages",
        seeing_messages(lambda rows: rows[:1], "content.user.required"),
        "mm.position.refuses",
        with_it=("content.user.required.refuses",),
    ),
    relation(
        "middle-unread",
        "messages",
        seeing_messages(lambda rows: [*rows[:1], *rows[-1:]], "role.enum", "content.user.required"),
        "mm.position.refuses",
        with_it=("role.enum.refuses", "content.user.required.refuses"),
    ),
    # with stream: true as without
    relation(
        "stream-unbounded",
        "stream",
        unchecked_when(lambda body: body.get("stream") is True, "temperature.max", "top_p.max"),
        "mm.stream",
        with_it=("mm.monotone.bad",),
    ),
    relation(
        "stream-bad-role",
        "stream",
        unchecked_when(lambda body: body.get("stream") is True, "role.enum"),
        "mm.stream",
        with_it=("mm.monotone.bad", "role.enum.refuses", "mm.position.refuses"),
    ),
    relation(
        "stream-no-system",
        "stream",
        refused_when(lambda body: body.get("stream") is True and body["messages"][0]["role"] == "system"),
        "mm.stream",
        with_it=("together.*",),
    ),
    # null and defaults
    relation(
        "null-crash-stream",
        "seed",
        refused_when(lambda body: body.get("stream") is True and "seed" in body and body["seed"] is None, 500),
        "mm.null",
    ),
    relation(
        "null-repairs",
        "metadata",
        unchecked_when(lambda body: "metadata" in body and body["metadata"] is None, "top_p.max"),
        "mm.null",
    ),
    relation(
        "defaults-n-stream",
        "n",
        refused_when(lambda body: body.get("stream") is False and body.get("n") is not None),
        "mm.default",
        with_it=("mm.default.should", "together.*"),
    ),
    relation(
        "default-repairs",
        "temperature",
        unchecked_when(lambda body: body.get("temperature") == 1, "seed.type"),
        "mm.default",
    ),
    relation(
        "tier-with-format",
        "service_tier",
        refused_when(has("service_tier", "response_format")),
        "mm.default.should",
        "together.pairs.accepts",
        with_it=("together.random.accepts",),
    ),
    # one value in two forms
    relation(
        "stop-blank-string",
        "stop",
        refused_when(lambda body: isinstance(body.get("stop"), str) and not body["stop"].strip()),
        "mm.stop.scalar",
        with_it=("stop.string.accepts",),
    ),
    relation(
        "stop-string-stream",
        "stop",
        refused_when(lambda body: isinstance(body.get("stop"), str) and body.get("stream") is True, 500),
        "mm.stop.scalar",
        "mm.stream",
        with_it=("together.*", "ef.stop.stream"),
    ),
    relation(
        "stop-list-unread",
        "stop",
        unchecked_when(lambda body: isinstance(body.get("stop"), list), "stop.array.item"),
        "stop.array.item.refuses",
    ),
    relation(
        "parts-last-only",
        "messages",
        refused_when(lambda body: parts_in({"messages": body["messages"][:-1]})),
        "mm.content.parts",
        with_it=("content.*parts.accepts", "part.*.accepts", "mm.keyorder", "together.*"),
    ),
    relation(
        "parts-no-stream",
        "messages",
        refused_when(lambda body: body.get("stream") is True and parts_in(body)),
        "mm.content.parts",
        "together.pairs.accepts",
        with_it=("together.random.accepts", "mm.stream"),
    ),
    relation(
        "parts-unbounded",
        "temperature",
        unchecked_when(parts_in, "temperature.max"),
        "mm.content.parts",
    ),
    relation(
        "parts-cost-more",
        "messages",
        Reference(behaviour=Behaviour(plan=parts_cost_more)),
        "mm.content.parts.tokens",
    ),
    # members in any order
    relation("order-role-first", "messages", reading(readers.ordered(readers.role_before_content)), "mm.keyorder"),
    relation("order-type-first", "tools", reading(readers.ordered(readers.type_first)), "mm.keyorder"),
    relation("order-temperature", "temperature", reading(readers.temperature_after_messages), "mm.keyorder"),
    # blanks, escapes, numbers
    relation(
        "lines-one", "body", reading(readers.one_line), "http.json.whitespace.accepts", with_it=("mm.whitespace",)
    ),
    relation(
        "colon-tight", "temperature", reading(readers.tight_colons), "mm.whitespace", with_it=("mm.whitespace.escapes",)
    ),
    relation(
        "names-escaped",
        "body",
        reading(readers.raw_names),
        "http.json.escapes.accepts",
        with_it=("mm.whitespace.escapes",),
    ),
    relation("choice-escaped", "tool_choice", reading(readers.raw_choice), "mm.whitespace.escapes"),
    relation(
        "escape-solidus",
        "body",
        reading(readers.no_solidus),
        "http.json.escapes.accepts",
        with_it=("mm.whitespace.escapes",),
    ),
    relation(
        "exponent-dropped",
        "presence_penalty",
        reading(readers.mantissa),
        "mm.number",
        with_it=("*.max.refuses", "*.min.refuses", "seed.type.refuses", "temperature.exponent.accepts"),
    ),
    relation("exponent-penalty", "frequency_penalty", reading(readers.plain_penalty), "mm.number"),
    # one property more or less
    relation(
        "user-trusted",
        "user",
        unchecked_when(lambda body: isinstance(body.get("user"), str)),
        "mm.monotone.bad",
    ),
    relation(
        "seed-hides-n",
        "n",
        unchecked_when(lambda body: isinstance(body.get("seed"), int), "n.min"),
        "mm.monotone.bad",
    ),
    relation(
        "penalties-need-temperature",
        "temperature",
        refused_when(lambda body: has("frequency_penalty", "presence_penalty")(body) and "temperature" not in body),
        "mm.monotone.good",
        with_it=("together.*",),
    ),
    relation(
        "tools-need-choice",
        "tool_choice",
        refused_when(lambda body: has("tools", "parallel_tool_calls")(body) and "tool_choice" not in body),
        "mm.monotone.good",
        with_it=("parallel_tool_calls.*.accepts", "ef.parallel.off", "together.*", "gate.parallel_tool_calls"),
    ),
    # each request stands for itself, and is judged the same again
    relation("stain-model", "server", staining("model"), "mm.isolation", with_it=("*",)),
    relation("stain-messages", "server", staining("messages"), "mm.isolation", with_it=("*",)),
    relation("ailing-after-error", "server", offended(), "mm.isolation", with_it=("*",)),
    relation("after-refused", "server", grudging(), "mm.isolation", with_it=("*",)),
    relation("stop-left", "stop", leaving("stop"), "mm.isolation.options", with_it=("ef.*", "sse.equiv")),
    relation("logprobs-left", "logprobs", leaving("logprobs"), "mm.isolation.options", with_it=("*logprobs*",)),
    relation("code-forgotten", "error", forgetting_code(), "mm.repeat.neg"),
    relation(
        "second-try-taken",
        "temperature",
        giving_in(),
        "mm.repeat.neg",
        with_it=("mm.*", "temperature.*.refuses"),
    ),
]
