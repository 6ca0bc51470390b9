"""The toy model: a small vocabulary, what it says, and how bounds, stop strings and biases shape it.

A token is a string.  Ids 0 to 99 are the tokens of `VOCABULARY`; the plain text of every answer is made of them alone,
so a bias on these ids is visible.  Structured output (arguments, JSON) is split by `tokenize` into words and single
characters; such pieces need no id, and biases leave them alone, as a constrained decoder would.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .json_values import is_array, is_object
from .prompt import digest, last_user_text

_DIGITS = tuple("0123456789")
_MARKS = (",", " ", ".", "\n", "!", "?")
_OPENERS = ("The", "A", "One", "This", "Here", "There", "Some", "Each", "It", "That", "Every", "Our")
_WORDS = tuple(
    re.findall(
        r" \w+",
        " river stone garden window morning light quiet road letter paper bridge harbor winter summer small long open"
        " warm simple clear blue green old new slow early late near far under over between before after with without"
        " turns holds keeps finds makes brings takes leaves carries follows and or but so then now here again café"
        " water wind house table music story answer question number word line page day night city field forest",
    )
)
#: Index = token id.
VOCABULARY: tuple[str, ...] = (*_DIGITS, *_MARKS, *_OPENERS, *_WORDS)

#: How far a request to count is followed when it names no end, and at most.
COUNT_DEFAULT = 200
COUNT_MAX = 1_000
#: What the model thinks of the token it wants, in the unit of the biases; any other token starts at zero.
WANTED = 10.0

_COUNT = re.compile(r"\bcount(?!r)", re.IGNORECASE)  # but not in a country
_NUMBER = re.compile(r"(?<!\d)(?:\d{1,3}(?:,\d{3})+|\d{1,9})(?!\d)", re.ASCII)
_REPEAT = re.compile(r"\s*repeat\b[^:]{0,60}: *(.+)", re.IGNORECASE | re.DOTALL)
_PIECE = re.compile(r" ?[A-Za-z]{1,12}|.", re.DOTALL)


def tokenize(text: str) -> list[str]:
    """Words with their leading blank (at most 12 letters) and single characters; joined they are the text."""
    return _PIECE.findall(text)


def _counting(last: int) -> Iterator[str]:
    """1, 2, 3, ... with one token a digit, a comma or a blank."""
    for number in range(1, last + 1):
        if number > 1:
            yield ","
            yield " "
        yield from str(number)


def _sentences(draw: random.Random) -> Iterator[str]:
    for sentence in range(draw.randint(1, 3)):
        if sentence:
            yield " "
        yield draw.choice(_OPENERS)
        for word in range(draw.randint(4, 9)):
            if word == 4:
                yield ","
            yield draw.choice(_WORDS)
        yield "."


def script(body: Mapping[str, Any], index: int) -> Iterator[str]:
    """What the model would say in choice `index`, without bounds or biases.

    Choices differ unless the temperature is zero: the first is always the greedy one.
    """
    temperature = body.get("temperature")
    cold = isinstance(temperature, (int, float)) and temperature == 0
    spread = 0 if cold else index
    ask = last_user_text(dict(body))
    if _COUNT.search(ask):
        if spread:
            # a different lead-in for each of up to 1 000 choices; the count follows on its own line
            yield _OPENERS[spread % len(_OPENERS)]
            yield _WORDS[spread // len(_OPENERS) % len(_WORDS)]
            yield "\n"
        numbers = [int(found.replace(",", "")) for found in _NUMBER.findall(ask)]
        yield from _counting(min(max(numbers, default=COUNT_DEFAULT) or COUNT_DEFAULT, COUNT_MAX))
        return
    if repeated := _REPEAT.fullmatch(ask):
        yield from tokenize(repeated[1])
        return
    yield from _sentences(random.Random(digest(dict(body)) + spread))


def biases(body: Mapping[str, Any]) -> dict[str, float]:
    """`logit_bias` by token instead of by id; ids outside the toy vocabulary bias nothing."""
    value = body.get("logit_bias")
    found: dict[str, float] = {}
    if is_object(value):
        for key, bias in value.items():
            known = key.isascii() and key.isdigit() and len(key) <= 6 and int(key) < len(VOCABULARY)
            if known and isinstance(bias, (int, float)) and bias != 0:
                found[VOCABULARY[int(key)]] = float(max(-1000, min(1000, bias)))
    return found


def biased(tokens: Iterable[str], bias: Mapping[str, float]) -> Iterator[str]:
    """Each wanted token, unless a bias makes another one likelier; -100 bans a token, 100 forces it."""
    if not bias:
        yield from tokens
        return
    likeliest = max(bias, key=lambda token: bias[token])
    free = next((word for word in (*_WORDS, *VOCABULARY) if bias.get(word, 0) >= 0), None)
    for wanted in tokens:
        score = WANTED + bias.get(wanted, 0)
        if bias[likeliest] > score:
            yield likeliest
        elif score < 0 and free is not None:
            yield free
        else:
            yield wanted


def whole(value: object) -> int | None:
    """An integer from a JSON number without a fraction; None for all else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def bound(body: Mapping[str, Any]) -> int | None:
    """The token bound of one choice: the smaller of the two names where both are given."""
    values = [whole(body.get(key)) for key in ("max_tokens", "max_completion_tokens")]
    usable = [value for value in values if value is not None and value >= 1]
    return min(usable) if usable else None


def stops(body: Mapping[str, Any]) -> list[str]:
    """The stop sequences of a body, as a list; what is no text or is empty is left out."""
    value = body.get("stop")
    listed = value if is_array(value) else [value]
    return [item for item in listed if isinstance(item, str) and item]


@dataclass(frozen=True)
class Written:
    """One piece of output: its tokens, and whether the bound or a stop string ended it."""

    tokens: tuple[str, ...]
    cut: bool = False

    @property
    def text(self) -> str:
        return "".join(self.tokens)


def take(tokens: Iterable[str], most: int | None) -> Written:
    """At most `most` tokens; `cut` tells whether there were more."""
    if most is None:
        return Written(tuple(tokens))
    taken = tuple(islice(tokens, most + 1))
    return Written(taken[:most], cut=len(taken) > most)


def stopped(written: Written, strings: Iterable[str]) -> Written:
    """The text before the first stop string; a token across the border keeps its front."""
    text = written.text
    found = [place for place in (text.find(string) for string in strings) if place >= 0]
    if not found:
        return written
    left = min(found)
    kept: list[str] = []
    for token in written.tokens:
        if left <= 0:
            break
        kept.append(token[:left])
        left -= len(token)
    return Written(tuple(kept))


def entry(token: str, position: int, alternatives: int, banned: frozenset[str] = frozenset()) -> dict[str, Any]:
    """One log-probability entry with exactly `alternatives` alternatives, likeliest first, the token itself ahead."""
    own = -0.01 - (position * 37 % 61) / 100
    first = {"token": token, "logprob": own, "bytes": list(token.encode("utf-8"))}
    others = (word for word in VOCABULARY if word != token and word not in banned)
    top = [first] if alternatives > 0 else []
    for rank, word in enumerate(islice(others, max(0, alternatives - 1)), start=1):
        top.append({"token": word, "logprob": own - 1.25 * rank, "bytes": list(word.encode("utf-8"))})
    return {**first, "top_logprobs": top}
