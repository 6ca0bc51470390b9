"""A stable split of the rules that send requests: the same on every machine, whatever is selected or added.

Gates, rules about answers and the rule about crowds are judged in every shard. Requests of their own that rules about
answers send belong to one shard like those of any rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from .bearers import CROWD_RULE
from .model import AnswerRule, Gate, Rule


@dataclass(frozen=True)
class Share:
    """Part ``index`` (from 1) of ``of``."""

    index: int
    of: int

    def owns(self, rule_id: str) -> bool:
        """Whether the requests of a rule are sent in this part."""
        number = int.from_bytes(hashlib.sha256(rule_id.encode()).digest()[:8])
        return number % self.of == self.index - 1

    def judges(self, rule: Rule) -> bool:
        """Whether this part gives a verdict on a rule."""
        return isinstance(rule, Gate | AnswerRule) or rule.id == CROWD_RULE or self.owns(rule.id)

    def told(self) -> dict[str, int]:
        """What the header of a record says."""
        return {"index": self.index, "of": self.of}

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


def spread(rule_ids: Sequence[str], workers: int) -> dict[str, int]:
    """The worker (from 0) of each of the rules of one run: neighbours, which cost alike, go to different ones."""
    return {name: place % workers for place, name in enumerate(dict.fromkeys(rule_ids))}


def parse(text: str) -> Share:
    """The share that ``I/N`` names. Raises ValueError with one line that says what is needed."""
    index, slash, of = text.partition("/")
    if not (slash and index.isascii() and of.isascii() and index.isdigit() and of.isdigit() and len(of) < 5):
        raise ValueError(f"{text!r} is not of the form I/N, such as 1/4")
    share = Share(int(index), int(of))
    if not 1 <= share.index <= share.of:
        raise ValueError(f"{text!r}: the first number is from 1 to the second")
    return share
