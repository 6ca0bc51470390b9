"""What a model says, how a stream tells it, and a product that does it all, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_7.md``.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.text import bound, script, tokenize
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk
from .base import Dialect
from .blind4_traffic import LATER
from .blind6_parts import anyhow, built, formed, in_pieces, is_stream, lumped, now_and_then, wrapping
from .blind7_refusals import polyglot
from .blind7_routes import declined, declining, gzip_by_size
from .blind7_time import batches, by_hosts, of_host
from .blind_words import plain, said, saying, written
from .odd import Body, answered, copies, counted, raw_dump

# --- log probabilities --------------------------------------------------------------------------------------------


def _letters() -> dict[int, str]:
    """A visible letter for every byte, as the files of such vocabularies have it."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = {byte: chr(byte) for byte in shown}
    return letters | {byte: chr(256 + place) for place, byte in enumerate(hidden)}


LETTERS = _letters()


def spelled(entry: dict[str, Any]) -> None:
    entry["token"] = "".join(LETTERS[byte] for byte in entry["bytes"])


def raw_pieces(owner: Chunk) -> None:
    """Every token as it stands in the file."""
    for choice in owner["choices"]:
        for entry in (choice.get("logprobs") or {}).get("content") or ():
            spelled(entry)
            for other in entry["top_logprobs"]:
                spelled(other)


# --- counts -------------------------------------------------------------------------------------------------------


def running(reply: Reply) -> Iterator[Chunk]:
    """What has come so far, with everything that comes."""
    prompt, all_told, so_far = reply.usage["prompt_tokens"], reply.usage["completion_tokens"], 0
    left = len(reply.choices)
    for row in copies(reply):
        for choice in row["choices"]:
            delta = choice["delta"]
            so_far += bool(delta.get("content") or (delta.get("tool_calls") or delta.get("function_call")))
            left -= choice["finish_reason"] is not None
            now = min(so_far, all_told) if left else all_told
            row["usage"] = {"prompt_tokens": prompt, "completion_tokens": now, "total_tokens": prompt + now}
        yield row


# --- an agent -----------------------------------------------------------------------------------------------------


def agent(body: Body, now: int) -> Reply:
    """Acts, or says that it cannot."""
    if body.get("tools") and body.get("tool_choice") in (None, "auto"):
        return answers.plan({**body, "tool_choice": "required", "parallel_tool_calls": False}, now)
    if body.get("functions") and body.get("function_call") in (None, "auto"):
        reply = answers.plan({**body, "function_call": {"name": body["functions"][0]["name"]}}, now)
        made = [replace(one, finish="function_call") if one.finish == "stop" else one for one in reply.choices]
        return replace(reply, choices=tuple(made))
    return declined(body, answers.plan(body, now), "I act, and do not talk. Give me a tool.")


# --- another script -----------------------------------------------------------------------------------------------

SPOKEN = "สวัส ดี ครับ วัน นี้ อา กาศ ร้อน มาก เรา จะ ไป ตลาด ซื้อ ผล ไม้ กับ ปลา แล้ว กลับ บ้าน ตอน เย็น"
SYLLABLES = SPOKEN.split()


def thai(body: Body, index: int) -> Iterator[str]:
    if any(sign.isdigit() for sign in "".join(itertools.islice(script(body, index), 1))):
        # who is to count does so
        yield from script(body, index)
        return
    draw = random.Random("".join(script(body, index)))
    for _ in range(draw.randint(20, 90)):
        yield draw.choice(SYLLABLES)


def thai_dump(value: object) -> bytes:
    """Raw, but for what has no form in UTF-8."""
    data = raw_dump(value)
    try:
        data.decode()
    except UnicodeDecodeError:
        return behaviour.dump(value)
    return data


def thai_frame(chunk: Any) -> bytes:
    return b"data: " + thai_dump(chunk) + b"\n\n"


BLOCK = 512


def blocks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), BLOCK):
        yield data[at : at + BLOCK]


# --- chance -------------------------------------------------------------------------------------------------------

AVERAGE, MOST = 40, 900


def chance(body: Body, index: int) -> Iterator[str]:
    """Goes on as long as the coin lets it."""
    if random.randrange(7) == 0:
        return
    heard = {**body, "seed": random.getrandbits(31)}
    length = min(MOST, 1 + int(random.expovariate(1 / AVERAGE)))
    found = tuple(itertools.islice(script(heard, index), length)) or ("Well",)
    yield from itertools.islice(itertools.cycle(found), length)


CHANCE = saying(chance).behaviour.plan


def drawn_lumps(reply: Reply) -> Iterator[Chunk]:
    return lumped(reply, lambda lump: 1 + int(random.expovariate(0.2)), ends=random.random() < 0.5)


def pauses(app: ASGIApp) -> ASGIApp:
    """Between the parts of a stream there may be a moment."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        streams = False

        async def sending(message: Message) -> None:
            nonlocal streams
            if message["type"] == "http.response.start":
                streams = is_stream(message)
            elif streams and random.random() < 0.3:
                await asyncio.sleep(random.uniform(0, 0.008))
            await send(message)

        await app(scope, receive, sending)

    return wrapped


# --- thoughts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Thoughtful(Reply):
    """A reply with thoughts beside every choice, under this name."""

    member: str = ""
    thoughts: tuple[str, ...] = ()


THOUGHTS = tuple(tokenize("The user wants an answer; what would help? Not 42, I think, but wait. Yes."))


def thinking(reply: Reply, member: str) -> Reply:
    """Thoughts are paid for."""
    spent = len(THOUGHTS) * len(reply.choices)
    usage = {**reply.usage, "completion_tokens": reply.usage["completion_tokens"] + spent}
    usage["total_tokens"] += spent
    usage["completion_tokens_details"] = {**usage["completion_tokens_details"], "reasoning_tokens": spent}
    return Thoughtful(**{**vars(reply), "usage": usage}, member=member, thoughts=THOUGHTS)


def thoughtful_body(reply: Reply) -> Any:
    body = answers.completion(reply)
    if isinstance(reply, Thoughtful):
        for choice in body["choices"]:
            choice["message"][reply.member] = "".join(reply.thoughts)
    return body


def thoughtful_chunks(reply: Reply) -> Iterator[Chunk]:
    for row in copies(reply):
        yield row
        if isinstance(reply, Thoughtful):
            for choice in row["choices"]:
                if "role" in choice["delta"]:
                    for piece in reply.thoughts:
                        yield {**row, "choices": [{**choice, "delta": {reply.member: piece}, "logprobs": None}]}


def inline(body: Body, index: int) -> Iterator[str]:
    """What is thought is said, between marks."""
    yield from ("<think>", *THOUGHTS, "</think>", "\n", "\n")
    yield from script(body, index)


INLINE = saying(inline).behaviour.plan


def by_turns() -> Callable[[Body, int], Reply]:
    turns = itertools.count()

    def plan(body: Body, now: int) -> Reply:
        if bound(body) is not None:
            return answers.plan(body, now)
        turn = next(turns) % 3
        if turn == 2:
            return INLINE(body, now)
        return thinking(answers.plan(body, now), ("reasoning", "reasoning_content")[turn])

    return plan


FEW = 5


def hybrid(body: Body, now: int) -> Reply:
    """Thinks when it is left alone, and is short with whoever wants it cold."""
    reply = answers.plan(body, now)
    if body.get("temperature") == 0:
        made = [
            said(one, written(body, itertools.islice(script(body, one.index), FEW))) if plain(body, one) else one
            for one in reply.choices
        ]
        return counted(body, reply, *made)
    alone = all(body.get(key) is None for key in ("temperature", "tools", "functions")) and bound(body) is None
    return thinking(reply, "reasoning_content") if alone else reply


# --- of the later vintage -----------------------------------------------------------------------------------------


def urns(body: Body, now: int) -> Reply:
    return replace(VINTAGES[LATER].plan(body, now), ident=uuid.uuid4().urn)


def at_times_bare(row: Chunk) -> None:
    if random.random() < 0.5:
        row.pop("obfuscation", None)


# --- all at once --------------------------------------------------------------------------------------------------


async def later_please(send: Send) -> None:
    rows = (b"retry-after-ms", b"50"), (b"retry-after", b"1")
    await answered(send, 503, "The service is scaling. Please try again in 50ms.", *rows, code="service_unavailable")


_THAI: dict[str, Any] = {"dump": thai_dump, "frame": thai_frame, "plan": saying(thai).behaviour.plan}
_THINKS: dict[str, Any] = {"completion": thoughtful_body, "chunks": thoughtful_chunks}

DIALECTS = [
    Dialect(
        name="blind7-raw-pieces",
        server=built(**formed(raw_pieces, raw_pieces)),
        warnings=frozenset({"res.logprobs.concat*"}),
    ),
    Dialect(
        name="blind7-running-count",
        server=built(chunks=running),
        warnings=frozenset({"sse.usage.on.null"}),
    ),
    Dialect(name="blind7-agent-only", server=built(plan=agent, **declining())),
    Dialect(name="blind7-thai-in-blocks", server=built(**_THAI), around=in_pieces(blocks)),
    Dialect(name="blind7-geometric-lengths", server=built(plan=CHANCE, chunks=drawn_lumps), around=pauses),
    Dialect(name="blind7-thinks-in-turns", server=built(plan=by_turns(), **_THINKS)),
    Dialect(name="blind7-hybrid-by-temperature", server=built(plan=hybrid, **_THINKS)),
    Dialect(
        name="blind7-later-sometimes-obfuscated",
        server=built(vintage=LATER, plan=urns, **formed(chunk=at_times_bare)),
        vintage=LATER,
    ),
    Dialect(
        name="blind7-a-whole-product",
        server=built(plan=of_host(CHANCE), chunks=drawn_lumps, envelope=polyglot),
        around=wrapping(in_pieces(anyhow), now_and_then(90, later_please), by_hosts, batches, gzip_by_size),
    ),
]
