"""Answers compared: what only two answers to nearly the same request show (fact base §2.3, §3.2).

Texts are compared only where the server has just repeated its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..judge import Reaction, react
from ..model import (
    EVIDENCE_STRENGTH,
    TOKEN_BOUNDS,
    Body,
    Chapter,
    Exchange,
    Fresh,
    Relation,
    Request,
    Script,
    Source,
    Strength,
    Symptom,
    Undecided,
    Unended,
)
from .effect_logprobs import entries
from .effect_stops import stop_finish
from .forms import contested, observed, prose
from .stream_effects import put_together, sound
from .stream_views import deltas, read
from .views import choices, is_integer, is_number, long_answer, messages, usage

_IDS = ("1", "11", "16", "13")
"""Token ids that are tried: a digit, a mark or a line break in common vocabularies."""

_REPEATED = 3
"""Tokens of one kind that show a forced one."""

_TRIES = 3
"""Streams in a row that must stay open."""


def plainly(exchange: Exchange) -> Exchange:
    """The exchange of an accepted request; a stream put together."""
    if react(exchange) is not Reaction.ACCEPTED:
        raise Undecided("the request was not accepted")
    if not exchange.request.streamed:
        return exchange
    if not sound(exchange):
        raise Undecided("the stream is not whole")
    return put_together(exchange)


def streamed(body: Body) -> Body:
    """The same body with a stream."""
    return {**body, "stream": True}


# --- with and without a stream ------------------------------------------------------------------------------------


def _said(exchange: Exchange) -> tuple[str, Any]:
    """Text and finish reason of the one choice, without what a cut may leave at either end."""
    found = choices(plainly(exchange))
    message = found[0].get("message") if len(found) == 1 else None
    text = message.get("content") if is_object(message) else None
    if not isinstance(text, str) or not text.strip(" \n\ufffd"):
        raise Undecided("no text to compare")
    return " ".join(text.split()).strip(" \ufffd"), found[0].get("finish_reason")


def equivalent(body: Body) -> Script:
    """Twice without a stream and twice with one: only a server that repeats itself both times can be judged. Where they
    differ, stream: false must make no difference either: else it is no stream that does."""
    plain = _said((yield Request(body)))
    if plain != _said((yield Fresh(Request(body)))):
        raise Undecided("the server does not repeat its text")
    stream = _said((yield Request(streamed(body))))
    if stream != _said((yield Fresh(Request(streamed(body))))):
        raise Undecided("the server does not repeat its streams")
    if plain[1] != stream[1]:
        raise Undecided("the two end for different reasons, which other rules judge")
    if plain == stream:
        return None
    if plain != _said((yield Request({**body, "stream": False}))):
        raise Undecided("stream: false brings another text, too")
    return f"the text is {plain[0][:60]!r}, streamed it is {stream[0][:60]!r}"


def in_streams(script: Callable[[Body], Script]) -> Callable[[Body], Script]:
    """The script with every request sent as a stream, and every stream put together."""

    def play(body: Body) -> Script:
        inner = script(body)
        step: Any = next(inner)
        while True:
            exchange: Exchange = yield Request(streamed(step.body))
            try:
                step = inner.send(plainly(exchange))
            except StopIteration as end:
                return end.value

    return play


def left_open(body: Body) -> Script:
    """A stream whose message does not end: what a busy machine delays once, it does not delay again and again."""
    for number in range(_TRIES):
        request = Request(body)
        exchange: Exchange = yield Fresh(request) if number else request
        if react(exchange) is not Reaction.ACCEPTED or exchange.answer is None or not read(exchange).finished:
            raise Undecided("no stream that came to its end marker")
        if exchange.answer.unended is not Unended.SILENT:
            return None
    return "after the end marker neither the message nor the connection is ended"


# --- stop strings in streams --------------------------------------------------------------------------------------

_SPANS = ((1, 1), (1, 2), (2, 1), (2, 2), (3, 3))
"""How many characters of a stop string are the end of one piece and the beginning of the next."""


def _pieces(exchange: Exchange) -> list[str]:
    """The texts of a stream with one choice, piece by piece."""
    found = choices(plainly(exchange))
    if len(found) != 1 or found[0].get("message", {}).get("tool_calls"):
        raise Undecided("no stream of one text")
    texts = [delta.get("content") for delta in deltas(exchange)]
    return [text for text in texts if isinstance(text, str) and text]


def _spanning(pieces: list[str]) -> tuple[str, str] | None:
    """A stop string that lies across two pieces where the text has it first, and the text before it."""
    whole = "".join(pieces)
    for left, right in _SPANS:
        at = 0
        for one, two in pairwise(pieces):
            at += len(one)
            stop, place = one[-left:] + two[:right], at - min(left, len(one))
            sure = stop.isascii() and stop.isprintable() and stop == stop.strip() and len(stop) == left + right
            if sure and place > 0 and whole.find(stop) == place and whole[:place].strip():
                return stop, whole[:place]
    return None


def stop_across(body: Body) -> Script:
    """A stop string that the server's own stream has across two pieces. The beginning of it may have been sent before
    the rest came: judged only if the server repeats both streams and cuts the plain text where it should."""
    free = _pieces((yield Request(streamed(body))))
    found = _spanning(free)
    if found is None:
        raise Undecided("no two pieces to take a stop string from")
    stop, before = found
    stopped = Request({**streamed(body), "stop": stop})
    cut = yield stopped
    text = "".join(_pieces(cut))
    if text.rstrip() == before.rstrip():
        return None
    rest = text[len(before) :]
    if not text.startswith(before) or not stop.startswith(rest) or rest in ("", stop):
        raise Undecided("the stream with the stop string is another, or holds it, which other rules judge")
    if choices(plainly(cut))[0].get("finish_reason") != "stop":
        raise Undecided("the stream was not seen to be cut by the stop string")
    plain = choices(plainly((yield Request({**body, "stop": stop}))))
    message = plain[0].get("message") if len(plain) == 1 else None
    if not is_object(message) or str(message.get("content")).strip() != before.strip():
        raise Undecided("the text without a stream is not cut there")
    again = yield Fresh(stopped)
    whole = yield Fresh(Request(streamed(body)))
    if "".join(_pieces(whole)) != "".join(free) or "".join(_pieces(again)) != text:
        raise Undecided("the server does not repeat its streams")
    return f"the stream ends with {rest!r}, the beginning of the stop string {stop!r}; the plain text does not"


# --- token biases and log probabilities ---------------------------------------------------------------------------


def _tokens(exchange: Exchange) -> list[Any]:
    """The tokens of the one choice, where its log probabilities tell them."""
    found = choices(plainly(exchange))
    return [entry.get("token") for entry in entries(found[0]) if is_object(entry)] if len(found) == 1 else []


def _repeats(text: str, times: int) -> bool:
    """Whether a text is one piece so many times; a blank at either end may be lost."""
    text = text.strip()
    for width in {-(-len(text) // times), -(-(len(text) + 1) // times)}:
        for piece in (text[:width], " " + text[: width - 1]):
            if (piece * times).strip() == text:
                return True
    return False


def forced(body: Body) -> Script:
    for ident in _IDS:
        answer = plainly((yield Request({**body, "logit_bias": {ident: 100}})))
        found = [message.get("content") for message in messages(answer)]
        spent = usage(answer).get("completion_tokens")
        text = found[0] if found and isinstance(found[0], str) else ""
        if not text.strip() or not is_integer(spent) or spent < _REPEATED:
            continue  # a token without a sign, or one that ends the text
        # some count the token that ends the answer
        held = _repeats(text, spent) or _repeats(text, spent - 1)
        return None if held else f"{spent} tokens with a bias of 100 on token {ident}: {text[:60]!r}"
    raise Undecided("no token whose repetition could be seen")


def banned(body: Body) -> Script:
    """First the token of an id is found by forcing it, then it is forbidden where it comes by itself."""
    free = _tokens((yield Request(body)))
    for ident in _IDS:
        made = _tokens((yield Request({**body, "logit_bias": {ident: 100}})))
        known = len(made) >= _REPEATED and isinstance(made[0], str) and made[0].isprintable()
        if not known or any(token != made[0] for token in made) or made[0] not in free:
            continue
        others = {other: -100 for other in _IDS if other != ident}  # a server must mind the last of several as well
        without = _tokens((yield Request({**body, "logit_bias": {**others, ident: -100}})))
        return f"token {ident}, {made[0]!r}, comes with a bias of -100" if made[0] in without else None
    raise Undecided("no token id is known to stand for a token that comes by itself")


def _first_tops(exchange: Exchange) -> tuple[Any, list[Any]]:
    """The first chosen token and its alternatives; a tie among them has no order."""
    found = choices(plainly(exchange))
    first = next(iter(entries(found[0]) if found else ()), None)
    tops = first.get("top_logprobs") if is_object(first) else None
    if not is_array(tops) or not all(is_object(top) and is_number(top.get("logprob")) for top in tops):
        raise Undecided("no alternatives to compare")
    values = [top["logprob"] for top in tops]
    if any(abs(one - two) < 1e-3 for one, two in pairwise(values)):
        raise Undecided("two alternatives are equally likely")
    assert is_object(first)
    return first.get("token"), [top.get("token") for top in tops]


def nested(body: Body) -> Script:
    few = _first_tops((yield Request({**body, "top_logprobs": 2})))
    more = _first_tops((yield Request({**body, "top_logprobs": 3})))
    if few[0] != more[0] or len(few[1]) != 2 or len(more[1]) != 3:
        raise Undecided("no two lists for one token")
    return None if more[1][:2] == few[1] else "the two likeliest of three alternatives are not those of two"


# --- bounds -------------------------------------------------------------------------------------------------------


def same_bound(body: Body) -> Script:
    """How many tokens an endless answer has under either name of the bound."""
    counts: dict[str, int] = {}
    for name in TOKEN_BOUNDS:
        counts[name] = _cut_at(plainly((yield Request({**body, name: 8}))))
    if len(set(counts.values())) == 1:
        return None
    for name, spent in counts.items():
        if _cut_at(plainly((yield Fresh(Request({**body, name: 8}))))) != spent:
            raise Undecided("answers are not cut at the same place each time")
    return ", ".join(f"{spent} completion_tokens for {name}: 8" for name, spent in counts.items())


def _cut_at(answer: Exchange) -> int:
    """How many tokens an answer has that the bound cut."""
    spent, details = usage(answer).get("completion_tokens"), usage(answer).get("completion_tokens_details")
    hidden = details.get("reasoning_tokens") if is_object(details) else 0
    if hidden or not is_integer(spent) or any(one.get("finish_reason") != "length" for one in choices(answer)):
        raise Undecided("the bound was not seen to cut the answer")
    return spent


# --- the table ----------------------------------------------------------------------------------------------------


def _relation(
    id: str, prop: str, title: str, source: Source, script: Callable[[Body], Script], *pins: Body, **rest: Any
) -> Relation:
    given: dict[str, Any] = {"strength": EVIDENCE_STRENGTH[source.evidence], "valid": True, **rest}
    return Relation(id=id, property=prop, title=title, source=source, script=script, pins=pins, **given)


def _rules() -> Iterator[Relation]:
    yield _relation(
        "sse.done.open",
        "answer",
        "ends the message or the connection after [DONE]",
        prose("stream: the connection is closed after the end marker"),
        left_open,
        lean(stream=True),
        needs=("streaming",),
        symptom=Symptom.HUNG,
    )
    yield _relation(
        "sse.equiv",
        "answer",
        "streams the text that it gives without a stream",
        observed("stream: the same completion in pieces; compared where the server repeats itself"),
        equivalent,
        long_answer(max_tokens=32, temperature=0),
        needs=("streaming",),
    )
    yield _relation(
        "ef.stop.finish.stream",
        "stop",
        "says finish_reason stop where a stop string cut the text, streamed",
        prose("stop: what it does"),
        in_streams(stop_finish),
        long_answer(max_tokens=32, temperature=0),
        needs=("streaming",),
    )
    yield _relation(
        "ef.stop.across.stream",
        "stop",
        "leaves all of a stop string out of a stream that has it across two pieces",
        prose("stop: the text ends before the stop sequence; compared where the server repeats itself"),
        stop_across,
        long_answer(max_tokens=32, temperature=0),
        needs=("streaming",),
        strength=Strength.SHOULD,
    )
    yield _relation(
        "mm.alias.bound",
        "max_completion_tokens",
        "cuts an answer at the same place for either name of the bound",
        observed("max_tokens, max_completion_tokens: one bound; hidden reasoning may count in one of them only"),
        same_bound,
        long_answer(),
        needs=("max_tokens", "max_completion_tokens"),
    )
    yield _relation(
        "ef.bias.force",
        "logit_bias",
        "writes nothing but the token with a bias of 100",
        contested("logit_bias: 100 makes a token near certain; filters may have the last word"),
        forced,
        long_answer(max_tokens=8, temperature=0),
    )
    yield _relation(
        "ef.bias.ban",
        "logit_bias",
        "never writes the token with a bias of -100",
        contested("logit_bias: -100 bans a token; two ids may be written alike, so the ban cannot be seen for sure"),
        banned,
        long_answer(max_tokens=8, temperature=0, logprobs=True),
        needs=("logprobs",),
    )
    yield _relation(
        "ef.toplogprobs.nested",
        "top_logprobs",
        "begins a longer list of alternatives with the shorter one",
        contested("top_logprobs: the likeliest tokens, so more of them have the same head"),
        nested,
        lean(logprobs=True, temperature=0),
        needs=("logprobs",),
    )


CHAPTER = Chapter("compared", "Answers compared", tuple(_rules()))
