"""Rules about streams: each one fails on the fault it is for, alone, and none on a conforming stream."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from chatproof.conformance.model import Answer, Exchange, Request, Unended
from chatproof.conformance.rules.stream import CHAPTER
from chatproof.strategies.bodies import lean
from hypothesis import given
from hypothesis import strategies as st

IDS = {rule.id for rule in CHAPTER.rules}
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "m-1"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def chunk(delta: Any = None, finish: Any = None, index: Any = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish, **more}
    return {**HEAD, "choices": [choice]}


def text(*, index: int = 0) -> list[dict[str, Any]]:
    """Four chunks of one choice."""
    return [
        chunk({"role": "assistant", "content": ""}, index=index),
        chunk({"content": "Hi"}, index=index),
        chunk({"content": " 🙂"}, index=index),
        chunk({}, "stop", index=index),
    ]


def counted(usage: Any = None) -> list[dict[str, Any]]:
    return [*({**one, "usage": None} for one in text()), {**HEAD, "choices": [], "usage": usage or USAGE}]


def entry(token: str, logprob: Any = -0.5, **more: Any) -> dict[str, Any]:
    top = [{"token": token, "logprob": -0.5, "bytes": list(token.encode())}]
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": top, **more}


def logs(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"logprobs": {"content": list(entries), "refusal": None, **more}}


def logged() -> list[dict[str, Any]]:
    start, *_, end = text()
    return [start, *(chunk({"content": t}, **logs(entry(t))) for t in ("a", "b", "c")), end]


LATE = [
    text()[0],
    *(chunk({"content": t}) for t in ("a", "b", "c")),
    chunk({}, "stop", **logs(*(entry(t) for t in ("a", "b", "c")))),
]
"""All log probabilities with the end."""

_SPELT = ("a", "b", "c", "d")


def spelt(*tokens: Sequence[str], end: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Four texts, each with the log probabilities of these tokens, some with the end."""
    rows = [chunk({"content": t}, **logs(*map(entry, own))) for t, own in zip(_SPELT, tokens, strict=True)]
    return [text()[0], *rows, chunk({}, "stop", **logs(*map(entry, end)))]


def fragment(index: Any = 0, arguments: Any = None, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"index": index, **more}
    return found if arguments is None else {**found, "function": {"arguments": arguments}}


def head(index: int = 0, **more: Any) -> dict[str, Any]:
    call = {"id": f"call_{index}", "type": "function", "function": {"name": "f", "arguments": ""}}
    return {"index": index, **call, **more}


def called(*fragments: Any, finish: str = "tool_calls") -> list[dict[str, Any]]:
    if not fragments:
        fragments = (head(), fragment(0, '{"a"'), fragment(0, ": 1}"), head(1), fragment(1, "{}"))
    start = chunk({"role": "assistant", "content": None})
    return [start, *(chunk({"tool_calls": [one]}) for one in fragments), chunk({}, finish)]


def events(chunks: list[Any], end: str = "data: [DONE]\n\n") -> bytes:
    return ("".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + end).encode()


def exchange(
    content: bytes, body: dict[str, Any] | None = None, ctype: str = "text/event-stream", status: int = 200
) -> Exchange:
    return Exchange(Request(body=body or STREAM), Answer(status, (("content-type", ctype),), content))


STREAM = lean(stream=True)
WITH_USAGE = lean(stream=True, stream_options={"include_usage": True})
WITH_LOGS = lean(stream=True, logprobs=True, top_logprobs=1)
TWO = lean(stream=True, n=2)
TOOL = {"type": "function", "function": {"name": "f"}}
AUTO = lean(stream=True, tools=[TOOL])
WHOLE = {"name": "f", "arguments": "{}"}
HALF = {"name": "f", "arguments": '{"a"'}
FORCED = lean(stream=True, tools=[TOOL], tool_choice="required")


def broken(one: Exchange) -> set[str]:
    rules: Any = CHAPTER.rules
    return {rule.id for rule in rules if rule.applies(one) and rule.check(one)}


def edit(chunks: list[dict[str, Any]], number: int, **changes: Any) -> list[dict[str, Any]]:
    """The chunks with members of one replaced, or dropped where the value is ``...``."""
    found = copy.deepcopy(chunks)
    for name, value in changes.items():
        if value is ...:
            del found[number][name]
        else:
            found[number][name] = value
    return found


def edit_choice(chunks: list[dict[str, Any]], number: int, **changes: Any) -> list[dict[str, Any]]:
    found = copy.deepcopy(chunks)
    found[number]["choices"][0] = edit(found[number]["choices"], 0, **changes)[0]
    return found


def every(chunks: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    return [edit([one], 0, **changes)[0] for one in chunks]


PLAIN = events(text()).decode()
JSON = "application/json"
FAILED = {"error": {"message": "out of memory", "type": "server_error", "param": None, "code": None}}
interleaved = [one for pair in zip(text(), text(index=1), strict=True) for one in pair]
both = [{**HEAD, "choices": a["choices"] + b["choices"]} for a, b in zip(text(), text(index=1), strict=True)]

_NULLS = {"role": None, "content": None, "tool_calls": None, "function_call": None}
_LEGACY = [
    chunk({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}}),
    chunk({"function_call": {"arguments": "{}"}}),
    chunk({}, "function_call"),
]
_EVERY_ROLE = [chunk({"role": "assistant", "content": "x"}), chunk({"role": "assistant"}, "stop")]

GOOD = {
    "plain": exchange(events(text())),
    "crlf": exchange(PLAIN.replace("\n", "\r\n").encode()),
    "comments": exchange(b": hello\n\n" + PLAIN.replace("data:", ": ping\n\ndata:").encode() + b": bye\n"),
    "fields": exchange(PLAIN.replace("data: ", "event: message\nid: 1\ndata:").encode()),
    "charset": exchange(events(text()), ctype="Text/Event-Stream; charset=UTF-8"),
    "extra": exchange(events(every(text(), obfuscation="xx", service_tier=None, system_fingerprint=None, usage=USAGE))),
    "nulls": exchange(events([text()[0], chunk(_NULLS, logprobs=None), text()[3]])),
    "role everywhere": exchange(events(_EVERY_ROLE)),
    "one chunk": exchange(events([chunk({"role": "assistant", "content": "x"}, "length")])),
    "reasoning": exchange(events([chunk({"role": "assistant", "reasoning_content": "hm"}), *text()[1:]])),
    "empty": exchange(events([chunk({"role": "assistant", "content": ""}), chunk({}, "length")])),
    "after": exchange(events([*text(), chunk({"content": ""})])),
    "two": exchange(events([*text(), *text(index=1)]), TWO),
    "interleaved": exchange(events(interleaved), TWO),
    "both in one chunk": exchange(events(both), TWO),
    "filter results first": exchange(events([{**HEAD, "choices": [], "prompt_filter_results": []}, *text()])),
    "usage": exchange(events(counted()), WITH_USAGE),
    "usage off": exchange(events(text()), lean(stream=True, stream_options={})),
    "logs": exchange(events(logged()), WITH_LOGS),
    "tools": exchange(events(called()), AUTO),
    "tools forced": exchange(events(called(finish="stop")), FORCED),
    "tools cut": exchange(events(called(head(), fragment(0, '{"a'), finish="length")), AUTO),
    "tools at once": exchange(events(called(head(function={"name": "f", "arguments": '{"a": 1}'}))), AUTO),
    "legacy": exchange(events(_LEGACY)),
    "failed": exchange(events([*text()[:2], FAILED], end="")),
    "failed and done": exchange(events([*text()[:2], FAILED])),
    "failed before the usage": exchange(events([*counted()[:2], FAILED]), WITH_USAGE),
    "refused": exchange(json.dumps(FAILED).encode(), ctype=JSON, status=400),
    "refused in html": exchange(b"<html>", ctype="text/html", status=400),
    "not streamed": exchange(b"{}", lean(), ctype=JSON),
    "limited": exchange(b"data: {}", ctype="text/event-stream", status=500),
}  # fmt: skip

LOG_CALL = chunk({"content": "a"}, **logs(entry("a")))


def with_entry(**changes: Any) -> bytes:
    return events([text()[0], chunk({"content": "a"}, **logs(edit([entry("a")], 0, **changes)[0])), text()[3]])


_TOKENS = [entry(t) for t in "abc"]
GROWING = [text()[0], *(chunk({"content": "a"}, **logs(*_TOKENS[:n])) for n in (1, 2, 3)), text()[3]]
LOGGED = [text()[0], LOG_CALL, text()[3]]


def cut_off(one: Exchange) -> Exchange:
    """The connection closes in the middle of the message."""
    assert one.answer is not None
    return replace(one, answer=replace(one.answer, unended=Unended.CLOSED))


BAD: list[tuple[str, Exchange]] = [
    ("sse.ctype", exchange(events(text()), ctype=JSON)),
    ("sse.ctype", exchange(b'{"choices": []}', ctype=JSON)),
    ("sse.frame.events", exchange(b"")),
    ("sse.frame.events", exchange(b"data: [DONE]\n\n")),
    ("sse.frame.json", exchange(PLAIN.replace("\n\n", "\n").encode() + b"\n")),
    ("sse.frame.json", exchange(PLAIN.replace('{"content": "Hi"}', "NaN", 1).encode())),
    ("sse.frame.json", exchange(b"data: 7\n\n" + PLAIN.encode())),
    ("sse.frame.json", exchange(b"data:\n\n" + PLAIN.encode())),
    ("sse.frame.lines", exchange(b"HELLO\n\n" + PLAIN.encode())),
    ("sse.frame.utf8", exchange(PLAIN.replace("Hi", "H\xff").encode("latin-1"))),
    ("sse.done", exchange(events(text(), end=""))),
    ("sse.done.last", exchange(events(text()) + events(text()[:1], end=""))),
    ("sse.done.last", exchange(events(text()) + b"data: [DONE]\n\n")),
    ("sse.done.exact", exchange(events(text(), end="data: [DONE] \n\n"))),
    ("sse.done.ended", exchange(events(text(), end="data: [DONE]"))),
    ("sse.done.ended", exchange(events(text(), end="data: [DONE]\n"))),
    ("sse.chunk.id", exchange(events(edit(text(), 1, id=...)))),
    ("sse.chunk.id", exchange(events(every(text(), id="")))),
    ("sse.chunk.object", exchange(events(every(text(), object="chat.completion")))),
    ("sse.chunk.created", exchange(events(every(text(), created=1.5)))),
    ("sse.chunk.created.seconds", exchange(events(every(text(), created=1_760_000_000_000)))),
    ("sse.chunk.model", exchange(events(edit(text(), 1, model=...)))),
    ("sse.chunk.choices", exchange(events([*text(), {**HEAD}]))),
    ("sse.chunk.choices", exchange(events([*text(), {**HEAD, "choices": None}]))),
    ("sse.chunk.choices", exchange(events([*text(), {**HEAD, "choices": [7]}]))),
    ("sse.chunk.tier", exchange(events(edit(text(), 1, service_tier=7)))),
    ("sse.chunk.tier.value", exchange(events(edit(text(), 1, service_tier="on_demand")))),
    ("sse.done.closed", cut_off(exchange(events(text())))),
    ("sse.chunk.fingerprint", exchange(events(edit(text(), 1, system_fingerprint=7)))),
    ("sse.same.id", exchange(events(edit(text(), 2, id="chatcmpl-2")))),
    ("sse.same.id", exchange(events(edit(text(), 0, id="")))),
    ("sse.same.created", exchange(events(edit(text(), 3, created=1_760_000_001)))),
    ("sse.same.model", exchange(events(edit(text(), 3, model="m-2")))),
    ("sse.choice.delta", exchange(events(edit_choice(text(), 3, delta=...)))),
    ("sse.choice.index", exchange(events(edit_choice(text(), 1, index=...)))),
    ("sse.choice.finish_reason", exchange(events(edit_choice(text(), 1, finish_reason=...)))),
    ("sse.choice.range", exchange(events([*text(), *text(index=1)]))),
    ("sse.choice.range", exchange(events(text(index=1)), STREAM)),
    ("sse.choice.one", exchange(events([{**HEAD, "choices": []}]))),
    ("sse.choice.count", exchange(events(text()), TWO)),
    ("sse.role", exchange(events([chunk({"content": "x"}), *text()[1:]]))),
    ("sse.role", exchange(events([chunk({"role": "user"}), *text()[1:]]))),
    ("sse.role", exchange(events([*text(), *text(index=1)[1:]]), TWO)),
    ("sse.role.value", exchange(events([chunk({"role": "bot"}), *text()[1:]]))),
    ("sse.delta.content", exchange(events(edit_choice(text(), 1, delta={"content": [{"type": "text"}]})))),
    ("sse.delta.refusal", exchange(events(edit_choice(text(), 1, delta={"refusal": False})))),
    ("sse.delta.tool_calls", exchange(events(edit_choice(text(), 1, delta={"tool_calls": {}})))),
    ("sse.delta.function_call", exchange(events(edit_choice(text(), 1, delta={"function_call": {"arguments": {}}})))),
    ("sse.finish", exchange(events(text()[:3]))),
    ("sse.finish", exchange(events([*text(), *text(index=1)[:3]]), TWO)),
    ("sse.finish.enum", exchange(events([*text()[:3], chunk({}, "eos")]))),
    ("sse.finish.enum", exchange(events(edit_choice(text(), 1, finish_reason="")))),
    ("sse.finish.once", exchange(events([*text(), chunk({}, "stop")]))),
    ("sse.finish.last", exchange(events([*text(), chunk({"content": "more"})]))),
    ("sse.usage.off", exchange(events([*text(), {**HEAD, "choices": [], "usage": USAGE}]))),
    ("sse.usage.on", exchange(events(text()), WITH_USAGE)),
    ("sse.usage.on", exchange(events(edit(text(), 3, usage=USAGE)), WITH_USAGE)),
    ("sse.usage.on.once", exchange(events([*counted(), counted()[-1]]), WITH_USAGE)),
    ("sse.usage.on.last", exchange(events([counted()[-1], *counted()[:-1]]), WITH_USAGE)),
    ("sse.usage.on.null", exchange(events([*text(), counted()[-1]]), WITH_USAGE)),
    ("sse.usage.on.null", exchange(events(edit(counted(), 1, usage=USAGE)), WITH_USAGE)),
    ("sse.usage.on.members", exchange(events(counted({"prompt_tokens": 5, "total_tokens": 5})), WITH_USAGE)),
    ("sse.usage.on.sum", exchange(events(counted({**USAGE, "total_tokens": 8})), WITH_USAGE)),
    ("sse.tool.index", exchange(events(called(edit([head()], 0, index=...)[0])), AUTO)),
    ("sse.tool.apart", exchange(events(called(head(), fragment(0, "{}"), head(id="x"), fragment(0, "{}"))), AUTO)),
    ("sse.tool.apart", exchange(events(called(head(function=WHOLE), head(id="x", function=WHOLE))), AUTO)),
    ("sse.tool.apart", exchange(events(called(head(function=WHOLE), head(id="x", function=HALF),
                                              finish="length")), AUTO)),
    ("sse.tool.type", exchange(events(called(head(type="tool"))), AUTO)),
    ("sse.tool.arguments", exchange(events(called(head(), fragment(0, {"a": 1}))), AUTO)),
    ("sse.tool.first.id", exchange(events(called(edit([head()], 0, id=...)[0])), AUTO)),
    ("sse.tool.first.type", exchange(events(called(head(type=None))), AUTO)),
    ("sse.tool.first.name", exchange(events(called(head(function={"arguments": "{}"}))), AUTO)),
    ("sse.tool.later", exchange(events(called(head(), head())), AUTO)),
    ("sse.tool.later", exchange(events(called(head(function=WHOLE), head(id="x"))), AUTO)),
    ("sse.tool.ids", exchange(events(called(head(), head(1, id="call_0"))), AUTO)),
    ("sse.tool.args", exchange(events(called(head(), fragment(0, '{"a"'))), AUTO)),
    ("sse.tool.args", exchange(events(called(head())), AUTO)),
    ("sse.tool.finish", exchange(events(called(finish="stop")), AUTO)),
    ("sse.logprobs", exchange(events(text()), WITH_LOGS)),
    ("sse.logprobs.off", exchange(events(logged()))),
    ("sse.logprobs.shape", exchange(events(LOGGED).replace(b'"refusal": null', b'"refusal": 7'), WITH_LOGS)),
    ("sse.logprobs.keys", exchange(events(LOGGED).replace(b', "refusal": null', b""), WITH_LOGS)),
    ("sse.logprobs.keys", exchange(with_entry(bytes=...), WITH_LOGS)),
    ("sse.logprobs.entry", exchange(with_entry(token=None), WITH_LOGS)),
    ("sse.logprobs.entry", exchange(with_entry(logprob="-1"), WITH_LOGS)),
    ("sse.logprobs.entry", exchange(with_entry(top_logprobs=...), WITH_LOGS)),
    ("sse.logprobs.entry", exchange(with_entry(bytes=[256]), WITH_LOGS)),
    ("sse.logprobs.range", exchange(with_entry(logprob=0.5), WITH_LOGS)),
    ("sse.logprobs.count", exchange(with_entry(top_logprobs=entry("a")["top_logprobs"] * 2), WITH_LOGS)),
    ("sse.logprobs.chunk", exchange(events(GROWING), WITH_LOGS)),
    ("sse.logprobs.chunk", exchange(events(LATE), WITH_LOGS)),
    ("sse.logprobs.chunk", exchange(events(spelt(_SPELT, (), (), ())), WITH_LOGS)),
    ("sse.logprobs.chunk", exchange(events(spelt((), *_SPELT[:3], end=_SPELT[3])), WITH_LOGS)),
    ("sse.logprobs.chunk", exchange(events(spelt((), *_SPELT[:3])), WITH_LOGS)),
    ("sse.error.before", exchange(b"data: " + json.dumps(FAILED).encode() + b"\n\n")),
    ("sse.error.before", exchange(json.dumps(FAILED).encode(), ctype=JSON)),
    ("sse.error.before.plain", exchange(b"data: " + json.dumps(FAILED).encode() + b"\n\n", status=400)),
    ("sse.error.during", exchange(events([text()[0], FAILED, *text()[1:]]))),
    ("sse.error.during.shape", exchange(events([text()[0], {"error": "oops"}]))),
    ("sse.frame.ended", exchange(events([*text()[:3]], end="data: " + json.dumps(text()[3])))),
]  # fmt: skip

COMPANIONS = {
    "sse.frame.ended": {"sse.done"},  # whoever stops in an event has not sent the end marker either
    # heads alone, which are calls without arguments
    **{f"sse.tool.{part}": {"sse.tool.args"} for part in ("type", "first.id", "first.type", "later", "ids")},
}


@pytest.mark.parametrize("name", GOOD)
def test_conforming_streams_break_no_rule(name: str) -> None:
    assert broken(GOOD[name]) == set()


@pytest.mark.parametrize(("rule", "one"), BAD, ids=[f"{number}-{rule}" for number, (rule, _) in enumerate(BAD)])
def test_a_fault_breaks_its_rule_alone(rule: str, one: Exchange) -> None:
    assert broken(one) - COMPANIONS.get(rule, set()) == {rule}


def test_every_rule_has_a_fault() -> None:
    assert {rule for rule, _ in BAD} == IDS


NAMES = ["id", "object", "created", "model", "choices", "usage", "index", "delta", "finish_reason", "role", "content"]
NAMES += ["refusal", "tool_calls", "function_call", "function", "arguments", "name", "type", "logprobs", "token"]
NAMES += ["logprob", "bytes", "top_logprobs", "error", "message", "prompt_tokens", "completion_tokens", "total_tokens"]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*NAMES, "", "assistant", "stop"])
values = st.recursive(
    scalars | st.just(10**4200),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
BODIES = [STREAM, WITH_USAGE, WITH_LOGS, TWO, AUTO, FORCED, lean(stream=True, n="x", stream_options=7), lean()]


def wild(chunks: list[dict[str, Any]], changes: list[tuple[int, Any]]) -> list[Any]:
    """The chunks with some values somewhere inside replaced."""
    root: list[Any] = copy.deepcopy(chunks)
    for place, value in changes:
        spots: list[tuple[Any, Any]] = []
        waiting: list[Any] = [root]
        while waiting:
            owner = waiting.pop()
            for key in owner if isinstance(owner, dict) else range(len(owner)):
                spots.append((owner, key))
                if isinstance(owner[key], dict | list):
                    waiting.append(owner[key])
        if spots:
            owner, key = spots[place % len(spots)]
            owner[key] = value
    return root


streams = st.sampled_from([text(), interleaved, counted(), logged(), called()])
changed = st.builds(wild, streams, st.lists(st.tuples(st.integers(0, 999), values), max_size=4))


@given(
    st.sampled_from(BODIES),
    changed | st.lists(values, max_size=4),
    st.sampled_from(["", "data: [DONE]\n\n", "data: [DONE]", "zzz"]),
    st.sampled_from(["text/event-stream", JSON, ""]),
    st.sampled_from([200, 400, 500]),
)
def test_no_stream_makes_a_rule_raise(
    body: dict[str, Any], chunks: list[Any], end: str, ctype: str, status: int
) -> None:
    broken(exchange(events(chunks, end), body, ctype, status))


@given(st.binary(), st.sampled_from([200, 400]))
def test_no_bytes_make_a_rule_raise(content: bytes, status: int) -> None:
    broken(exchange(content, status=status))
    broken(exchange(b"data: " + content, status=status))


@pytest.mark.parametrize("depth", [200, 900, 100_000])
def test_deep_answers_do_not_make_a_rule_raise(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    for part in (b'{"choices": %s}', b'{"id": %s}', b'{"choices": [{"index": 0, "delta": %s, "finish_reason": %s}]}'):
        broken(exchange(b"data: " + part.replace(b"%s", deep) + b"\n\n"))
