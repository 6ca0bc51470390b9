"""The effect of stop (fact base §3.2)."""

from __future__ import annotations

from collections import Counter

from ...strategies.bodies import lean
from ...strategies.json_values import is_array
from ...strategies.messages import system, user
from ..model import Body, Exchange, Fresh, Request, Script, Undecided
from .effect_forms import effect, relation, text_of, texts
from .views import COUNT, asked, choices, long_answer, option, plain

_LINES = [user("Repeat exactly these two lines: one\ntwo")]
"""A prompt whose answer has a line break."""

_ACCENTS = [user("Repeat exactly these words: \U0001f355 déjà vu, naïve café, à la carte")]
"""A prompt whose answer has characters beyond ASCII, one beyond the basic plane first: places are counted in them."""

_ACCENTED = "éàï"
"""Letters of it, precomposed. Others, and letters made of two characters, are left alone."""

_WORDS = [user("Repeat exactly these words: window morning light quiet garden river bridge harbor")]
"""A prompt whose answer has words of one token, in the middle of which a stop string can begin."""

_REPEATS = 2
"""How often a server must repeat a text and a shorter one before the difference is believed."""


def _stop_for(text: str) -> str:
    """The likeliest letter with an accent, else the likeliest character of a text beside its first: as a stop string
    it should cut the text."""
    if accented := sorted(sign for sign in _ACCENTED if sign in text[1:]):
        return min(accented, key=text.index)
    common = Counter(sign for sign in text[1:] if sign.isascii() and sign.isprintable() and sign != " ")
    if not common:
        raise Undecided("the answer without a stop string is too short to choose one from")
    return min(common, key=lambda sign: (-common[sign], text.index(sign)))


def _piece_of(text: str) -> str | None:
    """Three to five characters from the middle of a text, which are rarely one token; no blank at either end."""
    for width in (3, 4, 5):
        for at in sorted(range(1, len(text) - width), key=lambda at: abs(at - len(text) // 2)):
            piece = text[at : at + width]
            if piece == piece.strip() and piece.isascii() and piece.replace("\n", " ").isprintable():
                return piece
    return None


def _stopped(exchange: Exchange) -> list[str]:
    """The stop sequences that were asked for, of an answer with text."""
    asked_for = option(exchange, "stop")
    several = asked_for if is_array(asked_for) else [asked_for]
    return [one for one in several if isinstance(one, str) and one] if plain(exchange) and texts(exchange) else []


def holds_stop(exchange: Exchange) -> str | None:
    for text in texts(exchange):
        for stop in _stopped(exchange):
            if stop in text:
                return f"the text holds the stop string {stop!r}: {text[:60]!r}"
    return None


def _telling(exchange: Exchange) -> bool:
    """Whether the answer should have come to the stop sequence, or holds it."""
    rows = asked(exchange).get("messages")
    counts = is_array(rows) and rows[-1:] == COUNT
    return bool(_stopped(exchange)) and (counts or holds_stop(exchange) is not None)


def stops(body: Body) -> Script:
    whole = text_of((yield Request({key: value for key, value in body.items() if key != "stream"})))
    stop, none = _stop_for(whole), "\u241e"
    piece = _piece_of(whole) or stop
    for wanted, form in ((stop, stop), (piece, piece), (stop, [stop, none]), (piece, [none, piece])):
        text = text_of((yield Request({**body, "stop": form})))
        if wanted in text:
            return f"the text holds the stop string {wanted!r}: {text[:60]!r}"
    return None


def stop_finish(body: Body) -> Script:
    """Asks with a stop sequence out of the server's own answer: why its end is not told as a stop, or None."""
    whole = text_of((yield Request(body)))
    stop = _stop_for(whole)
    cut = yield Request({**body, "stop": stop})
    text = text_of(cut)
    if not text or not whole.startswith(text + stop):
        raise Undecided("the answer was not seen to be cut by the stop string")
    finish = choices(cut)[0].get("finish_reason")
    return f"cut by a stop string, and finish_reason is {finish}" if finish in ("length", "tool_calls") else None


def stop_prefix(body: Body) -> Script:
    """Why the answer with a stop sequence is no beginning of the one without, or None."""
    whole = text_of((yield Request(body)))
    text = text_of((yield Request({**body, "stop": _stop_for(whole)})))
    return None if whole.startswith(text.strip()) else "the text with a stop string does not begin the text without"


def stop_part(body: Body) -> Script:
    """Asks with a stop sequence from the middle of the text: whether a character of it ends the text well before.
    The text may have ended there by itself: judged only if the server repeats both."""
    whole = text_of((yield Request(body)))
    piece = _piece_of(whole)
    if piece is None:
        raise Undecided("the answer without a stop string is too short to choose one from")
    cut = yield Request({**body, "stop": piece})
    text = text_of(cut).rstrip()
    finish = next((choice.get("finish_reason") for choice in choices(cut)), None)
    sign = whole[len(text) :].lstrip()[:1]
    # some drop the whole token in which the stop string begins
    at = whole.index(piece)  # a text may begin with it
    if at == 0 or finish != "stop" or not whole.startswith(text) or 2 * len(text) > at or sign not in piece:
        return None
    for _ in range(_REPEATS):
        free = yield Fresh(Request(body))
        again = yield Fresh(Request({**body, "stop": piece}))
        if text_of(free) != whole or text_of(again).rstrip() != text:
            raise Undecided("the server does not repeat its texts")
    return f"the stop string {piece!r} cut the text before {sign!r}: {text[:60]!r}"


RULES = [
    effect(
        "ef.stop.text",
        "stop",
        "writes no stop string that was asked for",
        _telling,
        holds_stop,
        lean(messages=[system(), *COUNT], stop=["15", "14", "9", "3"], max_tokens=32),  # the last of four comes first
        # to find the one that comes first, a search must begin anew within "11, 12", where it failed
        long_answer(stop=["15", "14", "13", "1, 12"], max_tokens=64, temperature=0),
        # nothing is left of a text that begins with one
        long_answer(stop=["4", "3", "2", "1"], max_tokens=32, n=2),
        lean(messages=_LINES, stop="\n", max_tokens=32),
        lean(messages=_WORDS, stop="arde", max_tokens=32, logprobs=True),
        twin_of=("ef.stop",),
    ),
    relation(
        "ef.stop",
        "stop",
        "leaves the stop string and what follows it out of the text",
        stops,
        long_answer(max_tokens=32),
        lean(messages=_ACCENTS, max_tokens=32, temperature=0),
    ),
    relation(
        "ef.stop.stream",
        "stop",
        "leaves the stop string out of a stream",
        stops,
        long_answer(max_tokens=32, stream=True),
        needs=("streaming",),
    ),
    relation(
        "ef.stop.finish",
        "stop",
        "says finish_reason stop where a stop string cut the text",
        stop_finish,
        long_answer(max_tokens=32, temperature=0),
    ),
    relation(
        "ef.stop.part",
        "stop",
        "goes on where only a part of the stop string comes",
        stop_part,
        long_answer(max_tokens=32),
        long_answer(max_tokens=32, temperature=0),
    ),
]
