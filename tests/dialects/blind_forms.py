"""How an answer is spelled, thought of without knowing what is checked: JSON, log probabilities, members of its own.

Why each of them conforms is told in ``BLIND_2.md``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Call, Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.text import bound, stopped, stops, take, tokenize

from .answering import telling
from .base import Dialect
from .blind_talk import UNBOUND, structured, written
from .odd import SORRY, Body, Rows, copies, counted, refusing_message

# --- how JSON is written ------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """A string of JSON in which every unit of UTF-16 is an escape."""
    units = text.encode("utf-16-be", "surrogatepass")
    return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'


def powered(value: float) -> str:
    """A decimal with an exponent."""
    return f"{value:.16E}"


def spelled(value: Any, text: Callable[[str], str] = json.dumps, decimal: Callable[[float], str] = repr) -> str:
    """JSON with strings and decimals written in a way of one's own."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, dict):
        rows = (f"{text(key)}:{spelled(item, text, decimal)}" for key, item in value.items())
        return "{" + ",".join(rows) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(spelled(item, text, decimal) for item in value) + "]"
    return json.dumps(value)


def dump_escaped(value: object) -> bytes:
    return spelled(value, escaped).encode()


def frame_escaped(chunk: object) -> bytes:
    return b"data: " + dump_escaped(chunk) + b"\n\n"


def dump_powered(value: object) -> bytes:
    return spelled(value, decimal=powered).encode()


def frame_powered(chunk: object) -> bytes:
    return b"data: " + dump_powered(chunk) + b"\n\n"


def respelled(change: Callable[[Any], str]) -> Callable[[Body, int], Reply]:
    """A plan in which the arguments of calls and the JSON texts are spelled in another way, within the bound."""

    def spelling(tokens: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(tokenize(change(json.loads("".join(tokens)))))

    def plan(body: Body, now: int) -> Reply:
        reply = answers.plan({**body, **UNBOUND}, now)
        most = bound(body)
        made: list[Choice] = []
        for plain, one in zip(answers.plan(body, now).choices, reply.choices, strict=True):
            if one.calls or one.function:
                left, calls, cut = most, [], False
                for call in one.calls or (one.function,):
                    if call is None or (left is not None and left <= 0):
                        cut = True
                        break
                    told = take(spelling(call.arguments), left)
                    calls.append(replace(call, arguments=told.tokens))
                    cut = told.cut
                    if cut:
                        break
                    left = None if left is None else left - len(told.tokens)
                kept: tuple[Call, ...] = tuple(calls)
                held = {"function": kept[0]} if one.function else {"calls": kept}
                made.append(replace(one, finish="length" if cut else one.finish, **held))
            elif one.speaks and structured(body):
                told = written(body, spelling(one.tokens))
                made.append(replace(one, tokens=told.tokens, finish="length" if told.cut else "stop"))
            else:
                made.append(plain)
        return counted(body, reply, *made)

    return plan


def pretty(value: Any) -> str:
    """Indented, with line ends around."""
    return "\n" + json.dumps(value, indent=2) + "\n"


# --- members of its own -------------------------------------------------------------------------------------------


def error_null(owner: dict[str, Any]) -> None:
    """No error, and it is said."""
    owner["error"] = None


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = {"": [value]}
    return value


def heavy(owner: dict[str, Any]) -> None:
    """Members that are deep, long, without a name, or larger than a machine's word."""
    owner |= {"": "", "deep": _nested(30), "wide": list(range(300)), "big": 2**80, "tiny": 1e-300, "choices_": [None]}
    for choice in owner["choices"]:
        choice |= {"$ref": "#/x", "__proto__": {"a": 1}, "ключ": "\u2028" * 20, "error": None, "text": None}


def billed(body: Body, now: int) -> Reply:
    """A hidden prompt, a cache that knows it, a price, and a tier that nobody asked for."""
    reply = answers.plan(body, now)
    prompt, spent = reply.usage["prompt_tokens"] + 1500, reply.usage["completion_tokens"]
    use = {
        "prompt_tokens": prompt,
        "completion_tokens": spent,
        "total_tokens": prompt + spent,
        "prompt_tokens_details": {"cached_tokens": prompt},
        "completion_tokens_details": {"reasoning_tokens": 0},
        "cost": 1.25e-05,
        "cost_details": {"upstream_inference_cost": None},
        "is_byok": False,
    }
    return replace(reply, usage=use, tier="scale")


def numbered(body: Body, now: int) -> Reply:
    """Ids of calls that count from nought in every answer."""
    reply = answers.plan(body, now)
    made = [
        replace(one, calls=tuple(replace(call, ident=str(at)) for at, call in enumerate(one.calls)))
        for one in reply.choices
    ]
    return replace(reply, choices=tuple(made))


# --- text and calls -----------------------------------------------------------------------------------------------

AFTER = ("I", " have", " called", " it", ".")


def talking_after(body: Body, now: int) -> Reply:
    """A word after the call, where no bound is given."""
    reply = answers.plan(body, now)
    if bound(body) is not None:
        return reply
    kept = stopped(answers.Written(AFTER), stops(body)).tokens
    made = [replace(one, tokens=kept) if one.calls else one for one in reply.choices]
    return counted(body, reply, *made)


def after_calls(reply: Reply) -> Any:
    """The word beside the calls."""
    body = answers.completion(reply)
    for one, row in zip(reply.choices, body["choices"], strict=True):
        if one.calls and one.tokens:
            row["message"]["content"] = "".join(one.tokens)
            row["logprobs"] = answers.logprobs(reply, one.tokens)
    return body


def after_calls_in_chunks(reply: Reply) -> Rows:
    """The word in chunks between the last piece of a call and the end."""
    for row in copies(reply):
        for choice in row["choices"]:
            one = reply.choices[choice["index"]]
            if choice["finish_reason"] and one.calls:
                for at, token in enumerate(one.tokens):
                    log = answers.logprobs(reply, (token,), at)
                    piece = {**choice, "delta": {"content": token}, "logprobs": log, "finish_reason": None}
                    yield {**row, "choices": [piece]}
        yield row


class Declined(Choice):
    """A choice whose tokens are a refusal."""


def declining(body: Body, now: int) -> Reply:
    """A wish for a schema is declined."""
    reply = answers.plan(body, now)
    if (body.get("response_format") or {}).get("type") != "json_schema":
        return reply
    told = written(body, SORRY)
    finish = "length" if told.cut else "stop"
    made = [Declined(one.index, finish, told.tokens) if one.speaks else one for one in reply.choices]
    return counted(body, reply, *made)


def _declines(reply: Reply) -> bool:
    return all(isinstance(one, Declined) for one in reply.choices)


def declined(reply: Reply) -> Any:
    body = answers.completion(reply)
    if _declines(reply):
        refusing_message(body)
    return body


def declined_chunks(reply: Reply) -> Rows:
    for row in copies(reply):
        if _declines(reply):
            refusing_message(row)
        yield row


# --- log probabilities --------------------------------------------------------------------------------------------


def logging(change: Callable[[dict[str, Any]], None]) -> Reference:
    """With every entry of the log probabilities changed."""

    def changed(owner: dict[str, Any]) -> None:
        for choice in owner["choices"]:
            for row in (choice.get("logprobs") or {}).get("content") or ():
                change(row)

    return telling(changed, changed)


def by_id(row: dict[str, Any]) -> None:
    """The number of a token in place of its text."""
    for one in (row, *row["top_logprobs"]):
        one["token"] = f"token_id:{zlib.crc32(bytes(one['bytes'])) % 50_000}"


def unlikely(row: dict[str, Any]) -> None:
    """What was chosen is far less likely than what was not."""
    tops = row["top_logprobs"]
    if tops:
        stray = {"token": " zq", "logprob": tops[-1]["logprob"] - 0.5, "bytes": list(b" zq")}
        row["top_logprobs"] = [one for one in (*tops[1:], stray) if one["token"] != row["token"]]
    row["logprob"] = min([-9, *(one["logprob"] - 2 for one in row["top_logprobs"])])


def split(row: dict[str, Any]) -> None:
    """Alternatives that are the first bytes of characters, all as likely as what was chosen."""
    row["logprob"] = -3.1
    others = [{"token": "\ufffd", "logprob": -3.1, "bytes": [0xC3 + at]} for at in range(len(row["top_logprobs"]))]
    own = {key: row[key] for key in ("token", "logprob", "bytes")}
    row["top_logprobs"] = [own, *others][: len(others)]


def _model(name: str, plan: Callable[[Body, int], Reply], **more: Any) -> Dialect:
    return Dialect(name=f"blind2-{name}", server=Reference(behaviour=Behaviour(plan=plan, **more)))


DIALECTS = [
    _model("pretty-arguments", respelled(pretty)),
    _model("escaped-arguments", respelled(lambda value: spelled(value, escaped))),
    _model("escapes-everything", answers.plan, dump=dump_escaped, frame=frame_escaped),
    _model("exponents", answers.plan, dump=dump_powered, frame=frame_powered),
    Dialect(name="blind2-error-null", server=telling(error_null, error_null)),
    Dialect(name="blind2-heavy-extras", server=telling(heavy, heavy)),
    _model("billing", billed),
    _model("counted-call-ids", numbered),
    _model("talks-after-calls", talking_after, completion=after_calls, chunks=after_calls_in_chunks),
    _model("declines-schemas", declining, completion=declined, chunks=declined_chunks),
    Dialect(name="blind2-tokens-by-id", server=logging(by_id), warnings=frozenset({"res.logprobs.concat*"})),
    Dialect(name="blind2-unlikely-words", server=logging(unlikely)),
    Dialect(name="blind2-split-alternatives", server=logging(split)),
]
