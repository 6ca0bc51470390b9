"""Several plain habits in one server, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_6.md``.
"""

from __future__ import annotations

import itertools
import json
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.text import bound
from starlette.types import Message, Scope, Send

from .answering import Chunk, more, tiny
from .base import Dialect
from .blind4_limits import pictures
from .blind6_parts import (
    IGNORES,
    LEAN,
    UNKNOWN,
    anyhow,
    as_422,
    built,
    formed,
    headed,
    in_pieces,
    lean,
    lumped,
    now_and_then,
    sevens,
    sized,
)
from .blind_words import plain
from .odd import Body, answered, copies, counted, shuffled

# --- what is said -------------------------------------------------------------------------------------------------


def unprefixed(body: Body, now: int) -> Reply:
    return replace(answers.plan(body, now), ident=str(uuid.uuid4()).upper())


def another_text(body: Body, now: int) -> Reply:
    """Never the same, under a number."""
    reply = answers.plan({**body, "seed": random.getrandbits(31)}, now)
    return replace(reply, ident=str(random.randrange(10**18, 10**19)))


def at_times_nothing() -> Callable[[Body, int], Reply]:
    """A model by its own name, that has nothing to say to every third request."""
    turns = itertools.count(1)

    def plan(body: Body, now: int) -> Reply:
        reply = replace(answers.plan(body, now), model="open-house-7b")
        if next(turns) % 3:
            return reply
        made = [replace(one, tokens=(), finish="stop") if plain(body, one) else one for one in reply.choices]
        return counted(body, reply, *made)

    return plan


HIDDEN = 20


def hollow(body: Body, now: int) -> Reply:
    """All that is generated is thought, and none of it is shown."""
    reply, most = answers.plan(body, now), bound(body)
    spent = HIDDEN if most is None else min(HIDDEN, most)
    end: answers.Finish = "length" if most is not None and most <= HIDDEN else "stop"
    silent = [plain(body, one) for one in reply.choices]
    made = [
        replace(one, tokens=(), finish=end) if quiet else one for one, quiet in zip(reply.choices, silent, strict=True)
    ]
    used = sum(one.used for one in made) + spent * sum(silent)
    prompt = reply.usage["prompt_tokens"]
    usage = {"prompt_tokens": prompt, "completion_tokens": used, "total_tokens": prompt + used}
    return replace(reply, choices=tuple(made), usage=usage)


# --- how it is told -----------------------------------------------------------------------------------------------


def role_again(row: Chunk) -> None:
    """Every delta is the assistant's."""
    row.pop("system_fingerprint", None)
    for choice in row["choices"]:
        choice["delta"]["role"] = "assistant"


def nameless(body: Chunk) -> None:
    del body["system_fingerprint"]


def beats(chunk: Any) -> bytes:
    return b": working\r\n\r\ndata: " + behaviour.dump(chunk) + b"\r\n\r\n:\r\n\r\n"


def dozens(reply: Reply) -> Iterator[Chunk]:
    return lumped(reply, lambda lump: 12, ends=True)


def dated(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    return replace(reply, model=f"{reply.model}-2024-11-06-v2:0")


def capitals(scope: Scope, message: Message) -> Message:
    rows = [(name.upper(), value) for name, value in message["headers"]]
    return {**message, "headers": [*rows, (b"X-REQUEST-ID", uuid.uuid4().hex.encode())]}


def spaced(value: object, indent: int | None) -> bytes:
    """JSON in any dress; a lone surrogate is only ever written as its escape."""
    gaps = random.choice([",", ", ", " ,\t"]), random.choice([":", ": ", " : "])
    text = json.dumps(shuffled(json.loads(json.dumps(value))), ensure_ascii=False, indent=indent, separators=gaps)
    if random.random() < 0.5 or any("\ud800" <= sign <= "\udfff" for sign in text):
        text = json.dumps(json.loads(text), indent=indent, separators=gaps)
    return text.encode()


def any_dump(value: object) -> bytes:
    """A plain answer, perhaps in lines."""
    around = random.choice([b"", b"\n", b"\r\n\t ", b" "])
    return around + spaced(value, random.choice([None, None, 0, 1, 3])) + random.choice([b"", b"\n", b" \n\n"])


def any_frame(chunk: Any) -> bytes:
    """An event on one line, however that ends."""
    end = random.choice([b"\n", b"\r\n"])
    return random.choice([b"data:", b"data: "]) + spaced(chunk, None) + end + end


def any_lumps(reply: Reply) -> Iterator[Chunk]:
    return lumped(reply, lambda lump: random.randint(1, 9), ends=random.random() < 0.5)


def empty_ends(reply: Reply) -> Iterator[Chunk]:
    """Nothing is said before the first word, and after the last one."""
    for row in copies(reply):
        row["x_trace"] = {"span": [], "sampled": False}
        if isinstance(row.get("usage"), dict):
            row["usage"] |= {"queue_time": 0.0021, "prompt_time": 0.0003, "x_images": None}
        for choice in row["choices"]:
            choice["x_state"] = "ended" if choice["finish_reason"] else "going"
        speaks = bool(row["choices"]) and reply.choices[row["choices"][0]["index"]].speaks
        choice = row["choices"][0] if speaks else None
        if choice is not None and "role" in choice["delta"]:
            for delta in ({"role": "assistant", "content": None}, {}, {"content": ""}):
                yield {**row, "choices": [{**choice, "delta": delta}]}
            continue
        if choice is not None and choice["finish_reason"]:
            choice["delta"] |= {"content": "", "refusal": None}
        yield row


def two_comments(chunk: Any) -> bytes:
    return b": one\n: two\n\n" + behaviour.frame(chunk)


# --- what is refused ----------------------------------------------------------------------------------------------

CALLS = "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"


def no_calls(ask: Ask) -> Iterator[Reason]:
    for key in CALLS:
        if ask.body.get(key) is not None:
            yield Reason("dialect", f"'{key}' is not supported with this model.", key, "unsupported_parameter")


def kind_of(ask: Ask) -> str:
    """The format that is asked for."""
    return (ask.body.get("response_format") or {}).get("type", "text")


PRICES = "is part of the Team plan; your workspace is on the Starter plan. Compare plans at https://example.com/pricing"


def upgrade(ask: Ask) -> Iterator[Reason]:
    """What costs more."""
    wanted = {
        "tools": ask.body.get("tools"),
        "functions": ask.body.get("functions"),
        "logprobs": ask.body.get("logprobs") is True,
        "response_format": kind_of(ask) == "json_schema",
    }
    for key, there in wanted.items():
        if there:
            why = f"🔒 '{key}' {PRICES}#{key}."
            yield Reason("dialect", why, key, "plan_upgrade_required", status=403, type="permission_error")


def tongues(ask: Ask) -> Iterator[Reason]:
    """Each part of the service was made in another country."""
    if ask.body.get("logprobs") is True:
        yield Reason("dialect", "このモデルでは logprobs はご利用いただけません。", None, None)
    if (ask.body.get("n") or 1) > 1:
        yield Reason("dialect", "Dieses Modell unterstützt nur eine einzige Antwort (n = 1).", None, None)
    if pictures(ask):
        yield Reason("dialect", "Ce modèle ne prend pas en charge les images (image_url).", None, None, status=422)
    if kind_of(ask) == "json_schema":
        yield Reason("dialect", "当前模型不支持 response_format 的 json_schema 类型。", None, None, status=403)


# --- the dialects -------------------------------------------------------------------------------------------------


async def later_please(send: Send) -> None:
    rows = (b"retry-after", b"1"), (b"retry-after-ms", b"40"), (b"x-ratelimit-remaining-requests", b"0")
    await answered(send, 429, "Slow down: your share of this minute is used up.", *rows, code="rate_limit_exceeded")


_QUOTED = 'application/json; Charset="utf-8"'
_CRUMBS: dict[str, Any] = {"frame": beats, "done": b"data: [DONE]\r\n\r\n", **formed(nameless, role_again, tiny)}
_SHAPES: dict[str, Any] = {"dump": any_dump, "frame": any_frame, "chunks": any_lumps, "plan": another_text}

DIALECTS = [
    Dialect(
        name="blind6-lean-and-422",
        server=built(lacks=UNKNOWN, first=as_422, plan=unprefixed, **formed(lean, lean)),
        around=sized,
        warnings=IGNORES | LEAN,
    ),
    Dialect(name="blind6-crumbs-and-beats", server=built(**_CRUMBS), around=in_pieces(sevens)),
    Dialect(
        name="blind6-lumps-with-luggage",
        server=built(plan=dated, json_type=_QUOTED, **formed(more, more, dozens)),
        around=headed(capitals),
    ),
    Dialect(
        name="blind6-narrow-and-busy",
        server=built(refuses=no_calls, limits=replace(LIMITS, n_max=2), plan=another_text),
        around=now_and_then(33, later_please),
        warnings=frozenset({"n.few.accepts", "n.more.accepts", "n.max.accepts"}),
    ),
    Dialect(
        name="blind6-open-house",
        server=built(lacks=(*UNKNOWN, "functions.and.tools"), any_model=True, plan=at_times_nothing()),
        warnings=IGNORES | {"functions.and.tools*", "model.unknown.refuses"},
    ),
    Dialect(name="blind6-hollow-and-counted", server=built(plan=hollow)),
    Dialect(name="blind6-never-the-same-shape", server=built(**_SHAPES), around=in_pieces(anyhow)),
    Dialect(name="blind6-empty-first-and-last", server=built(chunks=empty_ends, frame=two_comments)),
    Dialect(name="blind6-upgrade-your-plan", server=built(refuses=upgrade)),
    Dialect(name="blind6-refuses-in-tongues", server=built(refuses=tongues), warnings=frozenset({"n.max.accepts"})),
]
