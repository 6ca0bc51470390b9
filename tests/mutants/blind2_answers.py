"""Servers with one wrong thing in a plain answer, from the second list that was made without a look at the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import bound, stops

from .base import answering, each_choice
from .blind_answers import ended
from .blind_common import Body, Sent, between, content_of, is_plain, with_content
from .effects_common import choosing, replying
from .load_common import body_of
from .stream_common import Around, collection

BUFFER = 16_384
DIGITS = 15


answer = collection("blind2-", prop="answer", family="answer")


def fraction(body: Body) -> None:
    if any(choice["message"].get("tool_calls") for choice in body["choices"]):
        body["created"] += 0.25


def once(body: Body, reply: Reply) -> Reply:
    """Without the choices that say what one before them said."""
    kept: dict[object, Choice] = {}
    for choice in reply.choices:
        calls = tuple((call.name, call.arguments) for call in (*choice.calls, *filter(None, [choice.function])))
        kept.setdefault((choice.tokens, calls), choice)
    choices = tuple(replace(choice, index=index) for index, choice in enumerate(kept.values()))
    return replace(reply, choices=choices, usage=answers.usage(body, choices))


def unrefused(choice: Body) -> None:
    choice["message"]["refusal"] = False


def numeric(value: Any) -> Any:
    """The value with all strings of digits in it turned into numbers."""
    if isinstance(value, dict):
        return {key: numeric(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [numeric(inner) for inner in value]
    digits = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= DIGITS
    return int(value) if digits else value


def checked(body: Body) -> None:
    body.update(numeric(body))


def stop_sequence(body: Body, choice: Choice) -> Choice:
    return replace(choice, finish=cast(Any, "stop_sequence")) if ended(body, choice) else choice


def of_first(body: Body, reply: Reply) -> Reply:
    finish = reply.choices[0].finish
    return replace(reply, choices=tuple(replace(choice, finish=finish) for choice in reply.choices))


def bounds_all(body: Body, choice: Choice) -> Choice:
    """The bound is taken for one of the whole context; texts with stop strings are left alone."""
    most = bound(body)
    if not most or stops(body) or not choice.speaks or choice.finish != "stop":
        return choice
    used = prompt_tokens(dict(body)) + len(choice.tokens)
    return replace(choice, finish="length") if used >= most else choice


def as_if_called(body: Body, choice: Choice) -> Choice:
    texts = body.get("tools") and choice.speaks and choice.finish == "stop"
    return replace(choice, finish="tool_calls") if texts else choice


def prompt_again(body: Body, reply: Reply) -> Reply:
    usage = {**reply.usage}
    usage["total_tokens"] += usage["prompt_tokens"] * (len(reply.choices) - 1)
    return replace(reply, usage=usage)


def seeded(body: Body, reply: Reply) -> Reply:
    seed = body.get("seed")
    return reply if seed is None else replace(reply, fingerprint=cast(Any, seed))


def transcript_moved(choice: Body) -> None:
    message = choice["message"]
    if "audio" in message:
        message["content"] = message["audio"].pop("transcript")


def plain_answers(change: Callable[[Body, Sent], Sent]) -> Around:
    """Sends accepted answers that are not streamed otherwise."""

    def turned(raw: bytes, sent: Sent) -> Sent:
        body = body_of(raw)
        return change(body, sent) if body is not None and is_plain(sent) else sent

    return between(turned)


def as_events(body: Body, sent: Sent) -> Sent:
    if "stream" not in body:
        return sent
    headers = [pair for pair in sent[0]["headers"] if pair[0] != b"content-type"]
    return [{**sent[0], "headers": [(b"content-type", b"text/event-stream"), *headers]}, *sent[1:]]


def buffered(body: Body, sent: Sent) -> Sent:
    content = content_of(sent)
    return with_content(sent, content[:BUFFER]) if len(content) > BUFFER else sent


MUTANTS = [
    answer("created-fraction-calls", "res.created", answering(fraction), prop="tools"),
    answer("n-equal-once", "res.choices.count", replying(once), prop="n", with_it="sse.finish.once"),
    answer("refusal-false", "res.message.refusal", answering(each_choice(unrefused)), with_it="ef.echo ef.echo.text"),
    answer("numeric-check", "res.message.content", answering(checked), with_it="res.logprobs.entry res.logprobs.top"),
    answer(
        "finish-stop-sequence",
        "res.finish.enum",
        choosing(stop_sequence),
        prop="stop",
        with_it="ef.stop.finish sse.finish.enum",
    ),
    answer("finish-of-first", "res.finish.length", replying(of_first), prop="n", with_it="res.finish.early"),
    answer("finish-total-bound", "res.finish.early", choosing(bounds_all), prop="max_tokens"),
    answer("finish-tools-declared", "res.finish.calls", choosing(as_if_called), prop="tools"),
    answer("usage-prompt-per-choice", "res.usage.sum", replying(prompt_again), prop="n", with_it="sse.usage.on.sum"),
    answer("fingerprint-seed", "res.fingerprint", replying(seeded), prop="seed", with_it="sse.chunk.fingerprint"),
    answer("audio-transcript-moved", "res.audio", answering(each_choice(transcript_moved)), prop="audio"),
    answer("ctype-stream-false", "res.ctype", prop="stream", around=plain_answers(as_events)),
    answer("body-buffer", "res.json", around=plain_answers(buffered)),
]
