"""The log probabilities of a plain answer (fact base §2.1)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ...strategies.messages import user
from ..model import Exchange, Strength, Symptom
from .answer_forms import SLACK, TWO_CUT, carries, is_text, missing, shown
from .answer_views import alternatives, choices, every_token, logprobs, member, objects, spoken, tokens
from .forms import documented, judges, observed, prose
from .views import asked, is_integer, is_number, option, said

_WIDE = lean(messages=[user("Repeat these words: Größe, 日本語, 🛑.")], logprobs=True)
_LOGPROBS = [lean(logprobs=True), {**_WIDE, "top_logprobs": 2}]


def _logprobs_shape(found: Any) -> str | None:
    if not is_object(found):
        return f"logprobs is {said(found)}, not an object"
    if "content" not in found:
        return "logprobs has no content"
    odd = [name for name in ("content", "refusal") if not isinstance(found.get(name), list | None)]
    return f"logprobs.{odd[0]} is {said(found[odd[0]])}, not an array or null" if odd else None


def _entry(entry: Any, *, chosen: bool) -> str | None:
    if not is_object(entry):
        return f"an entry of logprobs is {said(entry)}, not an object"
    if not isinstance(entry.get("token"), str):
        return f"the token of an entry is {shown(entry, 'token')}, not a string"
    if not is_number(entry.get("logprob")):
        return f"the logprob of an entry is {shown(entry, 'logprob')}, not a number"
    if chosen and not is_array(entry.get("top_logprobs")):
        return f"the top_logprobs of an entry is {shown(entry, 'top_logprobs')}, not an array"
    return None


def _no_bytes(value: Any) -> str | None:
    if value is None or (is_array(value) and all(is_integer(one) and 0 <= one <= 255 for one in value)):
        return None
    return f"bytes is {said(value)}, not an array of integers from 0 to 255 or null"


def _tops(exchange: Exchange) -> list[list[Any]]:
    found = [entry.get("top_logprobs") for entry in objects(tokens(exchange))]
    return [one for one in found if is_array(one)]


def _top_counts(exchange: Exchange, few: int, most: int) -> list[tuple[int, int]]:
    wanted = option(exchange, "top_logprobs", 0)
    if asked(exchange).get("logprobs") is not True or not is_integer(wanted) or not few <= wanted <= most:
        return []
    return [(wanted, len(found)) for found in _tops(exchange)]


def _too_many(pair: tuple[int, int]) -> str | None:
    wanted, came = pair
    return f"a token has {came} top_logprobs where {wanted} were asked for" if came > wanted else None


def _sequences(exchange: Exchange) -> list[tuple[str, bytes]]:
    """Texts with the joined bytes of their tokens, where no stop string cut the text."""
    if not asked(exchange) or option(exchange, "stop") is not None:
        return []
    found: list[tuple[str, bytes]] = []
    for choice, message in spoken(exchange):
        entries = choice["logprobs"].get("content") if is_object(choice.get("logprobs")) else None
        parts = [entry.get("bytes") for entry in objects(entries)]
        whole = bool(parts) and len(parts) == len(entries or []) and all(part and not _no_bytes(part) for part in parts)
        if whole and is_text(message.get("content")) and not carries(message):
            found.append((message["content"], b"".join(bytes(part or ()) for part in parts)))
    return found


def _differs(pair: tuple[str, bytes]) -> str | None:
    # what is no character is written as one sign a byte, as one in all, or left out
    text, joined = pair[0].replace("\ufffd", "").strip(), pair[1].decode("utf-8", "replace").replace("\ufffd", "")
    return None if text in joined else "the bytes of the tokens do not hold the text"


def _clipped(value: float) -> float:
    return max(-1e5, min(value, 1e5))


def _unsorted(found: list[Any]) -> str | None:
    values = [entry["logprob"] for entry in objects(found) if is_number(entry.get("logprob"))]
    falling = all(not two > one + SLACK for one, two in pairwise(map(_clipped, values)))
    return None if falling else "top_logprobs do not fall"


_SHAPING = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "response_format",
    "tools",
    "functions",
)
"""Properties that may shape the choice of a token, and leave the probabilities of its alternatives as they were."""
_UNKNOWN = -9000
"""Below it is the stand-in for a logprob that is not known, which the document puts at -9999."""


def _likelihoods(exchange: Exchange) -> list[tuple[float, list[float]]]:
    """The logprob of each chosen token and those of its alternatives, where as many came as were asked for."""
    most = option(exchange, "top_logprobs", 0)
    if not is_integer(most) or most < 1 or any(asked(exchange).get(name) is not None for name in _SHAPING):
        return []
    found: list[tuple[float, list[float]]] = []
    for entry in objects(tokens(exchange)):
        tops = objects(entry.get("top_logprobs"))
        logs: list[Any] = [one.get("logprob") for one in (entry, *tops)]
        values = [value for value in logs if is_number(value)]
        if len(values) == 1 + len(tops) > most and all(_UNKNOWN < value <= SLACK for value in values):
            found.append((values[0], values[1:]))
    return found


def _elsewhere(pair: tuple[float, list[float]]) -> str | None:
    """By numbers alone: one token may be written in two ways, and two tokens alike."""
    own, tops = pair
    near = 0.01 * max(1, abs(own))
    if own <= min(tops) + near or any(abs(own - top) <= near for top in tops):
        return None
    return f"the logprob of a token is {said(own)}, and its top_logprobs go down to {said(min(tops))} without it"


_TOKEN = documented("logprobs: an entry has token, logprob, bytes and top_logprobs, bytes is nullable")
RULES = [
    judges(
        "res.logprobs.shape",
        "logprobs",
        "gives logprobs as an object with content, an array or null",
        documented("logprobs: content and refusal, nullable arrays"),
        member(choices, "logprobs", null=True),
        _logprobs_shape,
        _LOGPROBS,
    ),
    judges(
        "res.logprobs.refusal",
        "logprobs",
        "gives logprobs the member refusal, null where nothing is refused",
        documented("logprobs: content and refusal are required and nullable"),
        lambda exchange: [found for found in logprobs(exchange) if "content" in found],
        missing(("refusal",), "logprobs"),
        _LOGPROBS,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.logprobs.entry",
        "logprobs",
        "gives every token its text, logprob and top_logprobs",
        _TOKEN,
        tokens,
        lambda entry: _entry(entry, chosen=True),
        _LOGPROBS,
    ),
    judges(
        "res.logprobs.top",
        "top_logprobs",
        "gives every alternative its token and logprob",
        _TOKEN,
        alternatives,
        lambda entry: _entry(entry, chosen=False),
        _LOGPROBS[1:],
        needs=["logprobs"],
        twin_of=("res.logprobs.entry",),
    ),
    judges(
        "res.logprobs.bytes",
        "logprobs",
        "gives the bytes of a token as integers from 0 to 255 or null",
        _TOKEN,
        member(every_token, "bytes"),
        _no_bytes,
        _LOGPROBS,
    ),
    judges(
        "res.logprobs.bytes.null",
        "logprobs",
        "gives every token its bytes, null where there are none",
        _TOKEN,
        every_token,
        missing(("bytes",), "an entry of logprobs"),
        _LOGPROBS,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.logprobs.range",
        "logprobs",
        "gives no logprob above 0",
        prose("logprob: the logarithm of a probability"),
        lambda exchange: [one["logprob"] for one in every_token(exchange) if is_number(one.get("logprob"))],
        lambda value: f"a logprob is {said(value)}, above 0" if value > SLACK else None,
        _LOGPROBS,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.count",
        "top_logprobs",
        "gives at most as many top_logprobs as were asked for",
        prose("top_logprobs: how many of the likeliest tokens to return"),
        lambda exchange: _top_counts(exchange, 1, 20),
        _too_many,
        _LOGPROBS[1:],
        needs=["logprobs"],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.count.none",
        "logprobs",
        "gives no top_logprobs where none were asked for",
        observed("top_logprobs: empty without the property"),
        lambda exchange: _top_counts(exchange, 0, 0),
        _too_many,
        _LOGPROBS[:1],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.concat",
        "logprobs",
        "gives tokens whose bytes are the text",
        observed("bytes: joined they are the content"),
        _sequences,
        _differs,
        [*_LOGPROBS, _WIDE, TWO_CUT],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.topsorted",
        "top_logprobs",
        "gives top_logprobs the likeliest first",
        observed("top_logprobs: falling by habit; an engine puts the chosen token first"),
        _tops,
        _unsorted,
        _LOGPROBS[1:],
        needs=["logprobs"],
        strength=Strength.MAY,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.top.own",
        "top_logprobs",
        "gives every token the top_logprobs of its own position",
        prose("top_logprobs: the likeliest tokens at each position, so a likelier one than the last of them is listed"),
        _likelihoods,
        _elsewhere,
        [TWO_CUT, *_LOGPROBS[1:]],
        needs=["logprobs"],
        strength=Strength.SHOULD,
        symptom=Symptom.WRONG_CONTENT,
    ),
]
