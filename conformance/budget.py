"""Ceilings over a whole run: how many requests may be sent, and how many completion tokens may be asked for.

Each sending books itself here first, retries and canaries too, so that no path around a ceiling exists. What is most
worth knowing is asked first: below a floor that depends on the purpose of a request nothing more of it is sent, so that
what was seen broken can still be proved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..strategies.json_values import is_object
from .exchange import TOKEN_BOUNDS, Answer, Request
from .sse import read_json
from .traffic import completion_tokens

LARGEST = 16_384
"""Token bound from which on it is no bound: answers end long before, when the model is done."""

UNBOUNDED = 1_024
"""Tokens that are held for an answer whose request sets no bound, until it tells what it cost."""

PROOF = 4
"""Requests that are kept for each rule that was seen broken: twice again, a control, a canary."""

KEPT_SHARE, KEPT_LEAST, KEPT_MOST = 20, 2, 25
"""One request (or token) of so many is kept for canaries and for what nobody expects, within these bounds."""

TYPICAL = 16
"""Completion tokens of a proof: the bound that bodies get which set none."""

NOTE = "budget: "
"""How the note of a rule begins that a ceiling has cut."""

Priority = tuple[int, ...]

URGENT: Priority = (-1,)
"""Gates and proofs: before everything that waits, and down to the last request."""

LATER: Priority = (-1, 1)
"""Requests of wave 2, which wait for nothing by then; kept from drawn bodies, like pins."""

SEARCH: Priority = (-1, 2)
"""Requests that make a finding smaller: worth no more than drawn bodies are."""

DRAWN = 2
"""First number of the priority of drawn bodies (plan.Case.order)."""


def ceiling(body: object) -> int | None:
    """Completion tokens that a body allows at most, over all of its choices; None where it sets no real bound."""
    if not is_object(body):
        return None
    bounds = [whole for name in TOKEN_BOUNDS if (whole := _whole(body.get(name)))]
    return min(bounds) * (_whole(body.get("n")) or 1) if bounds and min(bounds) < LARGEST else None


def _whole(value: object) -> int | None:
    """A positive whole number, also one written as 1.0; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None


def kept(count: int) -> int:
    """Requests (or tokens) of a ceiling that are kept from the list."""
    return min(max(count // KEPT_SHARE, KEPT_LEAST), KEPT_MOST)


@dataclass
class Budget:
    """The ceilings of one process (None: none), and what is spent of them. Used by one thread at a time.

    ``tokens`` counts completion tokens: what an answer tells, or else all that its request allows. An answer to a
    request without a bound may exceed what is held for it, by its own length.
    """

    requests: int | None = None
    tokens: int | None = None
    sent: int = 0
    used: int = 0
    part: bool = False
    """Whether it is the share of one worker."""
    held: int = 0
    later: int = 0
    """Requests kept from drawn bodies for wave 2."""
    broken: set[str] = field(default_factory=set[str])
    """Rules that were seen broken and are not concluded yet."""

    @property
    def spent(self) -> str:
        """What a ceiling says to those that it cuts."""
        of = "one worker's share of " if self.part else ""
        if self.requests is not None and self.sent + self._floor(LATER) >= self.requests:
            return f"{NOTE}the {self.requests} requests of {of}--max-requests are spent or kept for proofs"
        if self.tokens is not None:
            return f"{NOTE}the {self.tokens} tokens of {of}--max-tokens-total do not allow more"
        return f"{NOTE}what is left of {of}--max-requests ({self.requests}) is kept for rules of more value"

    def allows(self, request: Request, priority: Priority, count: int = 1) -> bool:
        """Whether a request of that priority may still be sent, so many times."""
        if self.requests is not None and self.requests - self.sent - (count - 1) <= self._floor(priority):
            return False
        if self.tokens is None:
            return True
        proofs = 0 if priority == URGENT else kept(self.tokens) + PROOF * TYPICAL * len(self.broken)
        return self.used + self.held + count * self._ask(request) + proofs <= self.tokens

    def take(self, request: Request, count: int = 1) -> bool:
        """Book so many sendings of a request; False, and nothing booked, where a ceiling forbids it. For each of them
        ``settle`` or ``give_back`` must follow."""
        if not self.allows(request, URGENT, count):
            return False
        self.sent += count
        if self.tokens is not None:
            self.held += count * self._ask(request)
        return True

    def give_back(self, request: Request) -> None:
        """Take back the booking of a sending that was not made."""
        self.sent -= 1
        if self.tokens is not None:
            self.held -= self._ask(request)

    def settle(self, request: Request, answer: Answer | None) -> None:
        """Replace what was held for a sending by what it cost."""
        if self.tokens is None:
            return
        most = self._ask(request)
        self.held -= most
        if answer is None or answer.status == 200:
            told = completion_tokens(answer) if answer is not None else None
            self.used += most if told is None else told

    def _ask(self, request: Request) -> int:
        if self.tokens is None or request.method != "POST":
            return 0
        body = request.body if request.raw is None else read_json(request.content)
        most = ceiling(body)
        return UNBOUNDED if most is None else most

    def _floor(self, priority: Priority) -> int:
        """Requests that must be left after one of that priority."""
        if self.requests is None or priority == URGENT:
            return 0
        proofs = kept(self.requests) + PROOF * len(self.broken)
        return proofs + (self.later if priority == SEARCH or priority[0] >= DRAWN else 0)

    # --- several processes ---------------------------------------------------------------------------------------

    def told(self) -> dict[str, Any]:
        """What the footer of a record says."""
        return {
            "max_requests": self.requests,
            "max_tokens_total": self.tokens,
            "requests": self.sent,
            "tokens": self.used if self.tokens is not None else None,
        }

    def shares(self, workers: int, later: int) -> list[dict[str, int | None]]:
        """The fixed ceilings of some workers, and last those of whoever takes the place of a dead one: nothing.

        ``later`` requests stay with the controller, but no more than a quarter. What is handed out counts as spent.
        A ceiling below the number of workers leaves some with nothing to ask.
        """
        none: dict[str, int | None] = {"requests": None, "tokens": None}
        one, rest = dict(none), dict(none)
        if self.requests is not None:
            left = max(0, self.requests - self.sent)
            one["requests"], rest["requests"] = (left - min(later + kept(left), left // 4)) // workers, 0
            self.sent += one["requests"] * workers
        if self.tokens is not None:
            left = max(0, self.tokens - self.used)
            one["tokens"], rest["tokens"] = left * 9 // 10 // workers, 0
            self.used += one["tokens"] * workers
        return [rest, *([one] * workers)]

    def add(self, spent: dict[str, Any]) -> None:
        """Count what a worker has spent (its ``told``) in place of what it might have."""
        self.sent -= (spent["max_requests"] or 0) - (spent["requests"] if spent["max_requests"] is not None else 0)
        self.used -= (spent["max_tokens_total"] or 0) - (spent["tokens"] or 0)
