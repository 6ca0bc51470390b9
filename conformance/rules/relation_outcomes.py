"""The outcomes of requests that relations compare: acceptance and, for a refusal, its status."""

from __future__ import annotations

from ..judge import Reaction, excuse, react
from ..model import Exchange, Undecided


def in_events(exchange: Exchange) -> bool:
    """Whether the answer says that it is an event stream."""
    return exchange.answer is not None and exchange.answer.event_stream


def outcome(exchange: Exchange) -> str:
    """Acceptance, or the status of the refusal, in words. What is neither allows no comparison."""
    match react(exchange):
        case Reaction.ACCEPTED:
            return "accepted"
        case Reaction.REFUSED:
            return f"refused with {exchange.status}"
        case Reaction.CRASHED:
            return f"answered with a server error ({exchange.status})"
        case Reaction.ERROR_IN_200:
            return f"answered with {exchange.status} and an error in it"
        case reaction:
            raise Undecided(f"no outcome to compare ({reaction})")


def base_of(exchange: Exchange) -> str:
    """The outcome of a body as it is; server errors and errors in a 200 are other rules' findings."""
    if react(exchange) in (Reaction.CRASHED, Reaction.ERROR_IN_200):
        raise Undecided("the body alone was neither accepted nor refused")
    return outcome(exchange)


def unlike(base: Exchange, other: Exchange, change: str) -> str | None:
    """What is wrong where a body and its other form should have one outcome."""
    before, after = base_of(base), outcome(other)
    if before == after:
        return _in_other_form(base, other, change)
    if excuse(base) or excuse(other):
        raise Undecided(excuse(base) or excuse(other))
    return f"a request is {before}, but {after} {change}"


def _in_other_form(base: Exchange, other: Exchange, change: str) -> str | None:
    """What is wrong where an event stream is answered to one form of a body only."""
    streams = [in_events(one) for one in (base, other)]
    if streams == [True, False]:
        return f"a request is answered with an event stream, but not {change}"
    return None


def accepted_or_undecided(exchange: Exchange, what: str) -> None:
    """Stops a script whose precondition is an acceptance."""
    if react(exchange) is not Reaction.ACCEPTED:
        raise Undecided(f"{what} was not accepted")
