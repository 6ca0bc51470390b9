"""What the model says: counts if asked to count, repeats what is quoted, chatters otherwise. Tokens are bytes."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any

from .invent import invent
from .manners import Manners
from .request import said

LORE = """The otter sleeps on the river, and the river does not mind. A lamp in the window is not a star, but the moth
believes it. If the naïve baker sells süßes Brot, the street is happy; if he sells 12 loaves, the street is full.
水は静か。\u2028The\u0085 moss grows on the north side of the stone 🪨, and the stone grows on nobody. Nobody counts the
reeds, so the reeds are many. A river 🏞️ is a road that walks, and the otter walks it. Happy is the moth!"""

WORD = re.compile(r" ?[A-Za-z]+| ?[0-9]|[^\w\s]|\s|\w+")
COUNT = re.compile(r"\b[Cc]ount|\b[Nn]umbers? from")
SAY = re.compile(r"""(?:say|repeat|reply|answer|write|output)\b[^"'`]{0,40}(["'`])(.+?)\1""", re.I | re.S)
ALTERNATIVES = [word.encode() for word in (" the", " a", "!", " otter", "\n", " 7", " reed", "é", "水", ".", " is", "")]


def pieces(text: str) -> list[bytes]:
    """Cut a text into tokens: words of up to six bytes, what is beyond ASCII two bytes at a time, across characters."""
    tokens: list[bytes] = []
    for found in WORD.finditer(text):
        part = found.group().encode()
        size = 6 if part.isascii() else 2
        tokens += [part[at : at + size] for at in range(0, len(part), size)]
    return tokens


@dataclass
class Spoken:
    """A text as it leaves the model. ``spent`` counts every token that was made, also those that are not shown."""

    tokens: list[bytes] = field(default_factory=list)
    spent: int = 0
    reason: str = "stop"

    def text(self) -> str:
        """The text."""
        return b"".join(self.tokens).decode(errors="replace")


def dice_for(asked: dict[str, Any], choice: int) -> Random:
    """The randomness of one choice: fixed by the request where it is greedy or has a seed."""
    if asked.get("temperature") != 0 and "seed" not in asked:
        return Random(SystemRandom().getrandbits(64))
    key = json.dumps([asked["messages"], asked.get("seed"), choice], sort_keys=True)
    return Random(hashlib.sha256(key.encode()).digest())


def bound(asked: dict[str, Any]) -> int:
    """The most tokens a choice may have."""
    return asked.get("max_completion_tokens") or asked.get("max_tokens") or 4096


def utter(text: str, asked: dict[str, Any], manners: Manners, budget: int, *, stops: bool = True) -> Spoken:
    """Say a text within a budget of tokens, up to the first stop string."""
    made = pieces(text)
    spoken = Spoken(made[:budget], min(len(made), budget), "length" if len(made) > budget else "stop")
    if stops:
        words = asked.get("stop") or []
        _stop(spoken, [word for word in ([words] if isinstance(words, str) else words) if word])
    if manners.split == "drop":
        _whole(spoken)
    return spoken


def _stop(spoken: Spoken, words: list[str]) -> None:
    whole = b"".join(spoken.tokens)
    found = [(whole.find(word.encode()), len(word.encode())) for word in words if word.encode() in whole]
    if not found:
        return
    at, size = min(found)
    reach = 0
    for number, token in enumerate(spoken.tokens, 1):
        reach += len(token)
        if reach >= at + size:
            spoken.spent = number
            break
    _shorten(spoken, at)
    spoken.reason = "stop"


def _whole(spoken: Spoken) -> None:
    """Drop the bytes of a character that the bound cut in two."""
    whole = b"".join(spoken.tokens)
    _shorten(spoken, len(whole.decode(errors="ignore").encode()))


def _shorten(spoken: Spoken, size: int) -> None:
    kept: list[bytes] = []
    for token in spoken.tokens:
        if size <= 0:
            break
        kept.append(token[:size])
        size -= len(token)
    spoken.tokens = kept


def plan(asked: dict[str, Any], dice: Random, manners: Manners) -> str:
    """The text to say."""
    wanted = asked.get("response_format", {"type": "text"})
    space = 1 if manners.lavish else None
    if wanted["type"] == "json_object":
        return json.dumps({"answer": dice.choice(("moss", "süß", "🪨")), "n": dice.randint(0, 9)}, indent=space)
    if wanted["type"] == "json_schema":
        schema = wanted["json_schema"].get("schema") or {"type": "object"}
        return json.dumps(invent(schema, dice), ensure_ascii=not manners.lavish, indent=space)
    prompt = said(asked["messages"][-1])
    if manners.voice in ("dull", "silent"):
        return "Ok" if manners.voice == "dull" else ""
    if manners.voice == "endless":
        return " ".join([_chatter(dice) for _ in range(900)])
    if COUNT.search(prompt):
        last = min(int((re.findall(r"\d{1,6}", prompt) or ["60"])[-1]), 1500)
        between = "\n" if re.search("newline|own line|per line", prompt) else ", "
        return between.join(str(number) for number in range(1, last + 1))
    quoted = SAY.search(prompt)
    if quoted:
        return quoted.group(2)
    return _chatter(dice)


def _chatter(dice: Random) -> str:
    words = re.findall(r"\S+", LORE)
    said = [dice.choice(words)]
    for _ in range(dice.choice((0, 3, 11, 30))):
        after = [words[at + 1] for at, word in enumerate(words[:-1]) if word == said[-1]]
        said.append(dice.choice(after or words))
    return " ".join(said)


def logprobs(tokens: list[bytes], asked: dict[str, Any], dice: Random, manners: Manners) -> Iterator[dict[str, Any]]:
    """The entries for some tokens. Under a temperature the chosen token is not always the likeliest."""
    for token in tokens:
        rank = 0 if asked.get("temperature") == 0 or dice.random() < 0.7 else dice.randint(1, 3)
        others = [word for word in dice.sample(ALTERNATIVES, len(ALTERNATIVES)) if word and word != token]
        ranking = [*others[:rank], token, *others[rank:]]
        chances = [(0.6 * 0.4**number) or 1e-9 for number in range(len(ranking))]
        rows = [(word, math.log(chance)) for word, chance in zip(ranking, chances, strict=True)]
        rows = [(word, -9999.0 if chance < -9 else chance) for word, chance in rows]
        if manners.lavish and dice.random() < 0.2:
            rank, rows = 0, [(token, 0)]  # certain: a whole number, and no alternative
        known = not manners.lavish or not token.isascii() or dice.random() < 0.9
        entry = _entry(token, rows[rank][1], manners, known=known)
        entry["top_logprobs"] = [_entry(*row, manners) for row in rows[: asked.get("top_logprobs", 0)]]
        yield entry


def _entry(token: bytes, chance: float, manners: Manners, *, known: bool = True) -> dict[str, Any]:
    try:
        text = token.decode()
    except UnicodeDecodeError:
        text = (
            "bytes:" + "".join(f"\\x{byte:02x}" for byte in token) if manners.lavish else token.decode(errors="replace")
        )
    return {"token": text, "logprob": chance, "bytes": list(token) if known else None}
