"""From a failing drawn body to the smallest one that still fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import Phase, given, seed
from hypothesis.database import ExampleDatabase

from .depths import Settings, drawn_count
from .model import RequestRule
from .plan import quiet, seed_of
from .sharing import name_key, replace_database


class _Fails(Exception):
    """The one failure that the search minimises."""


def smallest(
    rule: RequestRule, chosen: Settings, fails: Callable[[Any], bool | None], database: ExampleDatabase | None = None
) -> Any:
    """Search again with the rule's own seed, so that the failing body comes at once, then shrink it.

    ``fails`` answers from memory where it can and from the endpoint within a bound; None means that the bound is
    spent, which ends the search. ``database`` keeps what fails. Returns the smallest failing body, or None where none
    failed this time.
    """
    assert rule.examples is not None
    best: list[Any] = []
    spent = False

    @replace_database(quiet(max(drawn_count(rule, chosen), 1), Phase.generate, Phase.shrink), database)
    @seed(seed_of(chosen.seed, rule.id))
    @given(rule.examples)
    def search(body: Any) -> None:
        nonlocal spent
        if spent:
            if best and body == best[0]:
                raise _Fails
            return
        verdict = fails(body)
        if verdict is None:
            spent = True
            if best and body == best[0]:
                raise _Fails
            return
        if verdict:
            best[:] = [body]
            raise _Fails

    name_key(search)
    try:
        search()
    except BaseException as error:  # _Fails, or Hypothesis' own word for a failure that did not repeat
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
    return best[0] if best else None
