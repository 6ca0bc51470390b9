"""The forms in which chapters state rules: few functions, so that every property is treated alike.

Ids: ``ROW.accepts`` and ``ROW.refuses`` for what a row of the fact base says, ``ROW`` alone for what is only observed
(``observes``). Bodies are pins, the most telling first, because a smoke run sends only the first ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...strategies import numbers
from ...strategies.bodies import lean
from ...strategies.wrong import wrong_samples, wrong_type
from ..model import (
    EVIDENCE_STRENGTH,
    AnswerRule,
    Body,
    Exchange,
    Expect,
    Gate,
    Relation,
    Request,
    RequestRule,
    Source,
    Strength,
    Symptom,
)
from ..vintages import before

Pins = Iterable[Body | Request]
Made = TypeVar("Made")
AnyRule = TypeVar("AnyRule", RequestRule, AnswerRule, Relation, Gate)


def documented(where: str) -> Source:
    """Said by the seed document or the official schema of the vintage."""
    return Source("documented", where)


def prose(where: str) -> Source:
    """Said only in a description, so no schema can see it."""
    return Source("prose", where)


def observed(where: str) -> Source:
    """The original service is seen to do it."""
    return Source("observed", where)


def contested(where: str) -> Source:
    """Evidence conflicts."""
    return Source("contested", where)


def believed(where: str) -> Source:
    """Recollection or a secondary account."""
    return Source("believed", where)


def since(vintage: str, *rules: AnyRule) -> list[AnyRule]:
    """The rules, in force from this vintage on."""
    return [replace(rule, since=vintage) for rule in rules]


def until_before(vintage: str, *rules: AnyRule) -> list[AnyRule]:
    """The rules, in force in all vintages before this one."""
    return [replace(rule, until=before(vintage)) for rule in rules]


def changed(vintage: str, rule: AnyRule, **members: Any) -> list[AnyRule]:
    """A rule that speaks of the same row otherwise from this vintage on: the old one, and the one that follows it.

    For what flips between vintages, so that no rule has to ask which one it is in.
    """
    return [*until_before(vintage, rule), *since(vintage, replace(rule, **members))]


COUPLED = {
    "tools": ("tool_choice", "parallel_tool_calls"),
    "functions": ("function_call",),
    "stream": ("stream_options",),
    "logprobs": ("top_logprobs",),
    "modalities": ("audio",),
}
"""Properties that mean nothing without another: dropping the key drops its followers."""


def without(prop: str) -> Callable[[Body], Body]:
    """A function that drops ``prop`` and what depends on it from a body (messages and model get the lean ones)."""
    gone = {prop, *COUPLED.get(prop, ())}

    def drop(body: Body) -> Body:
        kept = {key: value for key, value in body.items() if key not in gone}
        return {**{key: value for key, value in lean().items() if key not in kept}, **kept}

    return drop


def only(*props: str) -> Callable[[Body], Body]:
    """A function that keeps these properties of a body and no other, beside the lean messages and model."""
    return lambda body: lean(**{name: body[name] for name in props})


def first_only(prop: str) -> Callable[[Body], Body]:
    """A function that leaves the first item of a list: the control of its length."""
    return lambda body: {**body, prop: body[prop][:1]}


def lacking(thing: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object without this member."""
    return {name: value for name, value in thing.items() if name != key}


leanest = only()
"""The control of bodies whose fault is no property's: the lean body."""


def _rule(
    id: str,
    prop: str,
    title: str,
    expect: Expect,
    source: Source,
    pins: Pins,
    *,
    examples: SearchStrategy[Any] | None = None,
    strength: Strength | None = None,
    needs: Sequence[str] = (),
    control: Callable[[Body], Body] | None = None,
    statuses: Iterable[int] = (),
    **rest: Any,
) -> RequestRule:
    return RequestRule(
        id=id,
        property=prop,
        title=title,
        expect=expect,
        strength=strength or EVIDENCE_STRENGTH[source.evidence],
        source=source,
        pins=tuple(pins),
        examples=examples,
        needs=tuple(needs),
        control=control or without(prop),
        statuses=frozenset(statuses),
        **rest,
    )


def accepts(row: str, prop: str, title: str, source: Source, pins: Pins, **rest: Any) -> RequestRule:
    """The server takes every one of these bodies. ``title`` starts with "accepts"."""
    return _rule(f"{row}.accepts", prop, title, Expect.ACCEPT, source, pins, **rest)


def refuses(row: str, prop: str, title: str, source: Source, pins: Pins, **rest: Any) -> RequestRule:
    """The server refuses every one of these bodies, each with exactly one fault. ``title`` starts with "refuses"."""
    return _rule(f"{row}.refuses", prop, title, Expect.REFUSE, source, pins, **rest)


def observes(row: str, prop: str, title: str, source: Source, pins: Pins, **rest: Any) -> RequestRule:
    """Either way is right: the run only says which way the server went, and fails only on a crash.

    ``title`` is worded as one of the two ("accepts tools: null"); the strength is always *may*.
    """
    return _rule(row, prop, title, Expect.EITHER, source, pins, strength=Strength.MAY, **rest)


def values(prop: str, *wanted: Any, **context: Any) -> list[Body]:
    """Lean bodies, one for each value of one property; ``context`` adds the same further properties to each."""
    return [lean(**context, **{prop: value}) for value in wanted]


def each(make: Callable[[Any], Made], *wanted: Any) -> list[Made]:
    """What a function makes of each of these values."""
    return [make(value) for value in wanted]


def varying(prop: str, strategy: SearchStrategy[Any], **context: Any) -> SearchStrategy[Body]:
    """Lean bodies whose one property is drawn. Shrinks as the strategy does."""
    return strategy.map(lambda value: lean(**context, **{prop: value}))


def wrong_types_refused(prop: str, *allowed: str, source: Source, **rest: Any) -> RequestRule:
    """``PROP.type.refuses``: every JSON type but ``allowed`` and null.

    ``rest`` may hold ``context`` for the bodies and, as ``first``, wrong values more tempting than the usual samples.
    """
    context: Body = rest.pop("context", {})
    first: Sequence[Any] = rest.pop("first", ())
    samples = [value for value in wrong_samples(*allowed) if repr(value) not in map(repr, first)]
    return refuses(
        f"{prop}.type",
        prop,
        f"refuses {prop} of a wrong JSON type",
        source,
        values(prop, *first, *samples, **context),
        examples=varying(prop, wrong_type(*allowed), **context),
        **rest,
    )


def null_accepted(prop: str, source: Source, *, context: Body | None = None, **rest: Any) -> RequestRule:
    """``PROP.null.accepts``: null means the same as leaving the property out."""
    return accepts(f"{prop}.null", prop, f"accepts {prop}: null", source, values(prop, None, **context or {}), **rest)


def null_observed(prop: str, source: Source, *, context: Body | None = None, **rest: Any) -> RequestRule:
    """``PROP.null``: the property is not nullable in the document, and servers differ."""
    return observes(f"{prop}.null", prop, f"accepts {prop}: null", source, values(prop, None, **context or {}), **rest)


def default_accepted(
    prop: str, default: Any, source: Source, *, context: Body | None = None, **rest: Any
) -> RequestRule:
    """``PROP.default.accepts``: the documented default may be sent explicitly."""
    title = f"accepts the default of {prop} sent explicitly"
    return accepts(f"{prop}.default", prop, title, source, values(prop, default, **context or {}), **rest)


def decimal_bounds(prop: str, low: float, high: float, source: Source, **rest: Any) -> list[RequestRule]:
    """Rules for a decimal with documented bounds: edges and inside accepted, outside refused, next float observed.

    ``rest["edges"]`` may give, for ``min`` or ``max``, other arguments for the rule that accepts that edge.
    """
    edges: dict[str, Any] = rest.pop("edges", {})
    middle = (low + high) / 2
    lowest = [int(low), float(low), *([-0.0] if low == 0 else [])]
    return [
        accepts(
            f"{prop}.min",
            prop,
            f"accepts {prop} from {low:g} up",
            source,
            values(prop, *lowest),
            examples=varying(prop, numbers.decimals(low + (numbers.GAP if edges.get("min") else 0), middle)),
            **{**rest, **edges.get("min", {})},
        ),
        accepts(
            f"{prop}.max",
            prop,
            f"accepts {prop} up to {high:g}",
            source,
            values(prop, int(high), float(high)),
            examples=varying(prop, numbers.decimals(middle, high)),
            **{**rest, **edges.get("max", {})},
        ),
        refuses(
            f"{prop}.min",
            prop,
            f"refuses {prop} below {low:g}",
            source,
            values(prop, round(low - 0.01, 2), int(low) - 1, -1e4),
            examples=varying(prop, numbers.decimals_below(low)),
            **rest,
        ),
        refuses(
            f"{prop}.max",
            prop,
            f"refuses {prop} above {high:g}",
            source,
            values(prop, round(high + 0.01, 2), int(high) + 1, 1e4),
            examples=varying(prop, numbers.decimals_above(high)),
            **rest,
        ),
        observes(
            f"{prop}.next",
            prop,
            f"refuses {prop} one float outside its bounds",
            contested("a float32 server rounds the next double to the bound"),
            values(prop, numbers.next_above(high), *([numbers.next_below(low)] if low else [-1e-9])),
            **rest,
        ),
    ]


def integer_floor(
    prop: str, low: int, source: Source, *, refused: Source | None = None, **rest: Any
) -> list[RequestRule]:
    """``PROP.min``: ``low`` is accepted, smaller integers are refused (evidence ``refused`` where it differs)."""
    context: Body = rest.pop("context", {})
    return [
        accepts(f"{prop}.min", prop, f"accepts {prop}: {low}", source, values(prop, low, **context), **rest),
        refuses(
            f"{prop}.min",
            prop,
            f"refuses {prop} below {low}",
            refused or source,
            values(prop, low - 1, low - 2, -15335, **context),
            examples=varying(prop, st.integers(-(10**6), low - 1), **context),
            **rest,
        ),
    ]


def integer_ceiling(
    prop: str, high: int, source: Source, *, accepted_strength: Strength | None = None, **rest: Any
) -> list[RequestRule]:
    """``PROP.max``: ``high`` is accepted, larger integers are refused."""
    context: Body = rest.pop("context", {})
    risky = rest.pop("risky", False)
    return [
        accepts(
            f"{prop}.max",
            prop,
            f"accepts {prop}: {high}",
            source,
            values(prop, high, **context),
            strength=accepted_strength,
            risky=risky,
            **rest,
        ),
        refuses(
            f"{prop}.max",
            prop,
            f"refuses {prop} above {high}",
            source,
            values(prop, high + 1, high + 2, 10 * high, **context),
            # not far beyond: a server that takes them does all that work
            examples=varying(prop, st.integers(high + 1, 10 * high), **context),
            risky=risky,
            **rest,
        ),
    ]


def integral_observed(prop: str, value: float, **rest: Any) -> RequestRule:
    """``PROP.integral``: an integer written with a fraction of zero. ``rest`` may hold ``context`` for the bodies."""
    context: Body = rest.pop("context", {})
    return observes(
        f"{prop}.integral",
        prop,
        f"accepts {prop}: {value:.1f}",
        contested("an integer for JSON Schema, refused by strict integer decoders"),
        values(prop, float(value), **context),
        **rest,
    )


def judges(
    id: str,
    prop: str,
    title: str,
    source: Source,
    found: Callable[[Exchange], Sequence[Any]],
    wrong: Callable[[Any], str | None],
    pins: Pins,
    *,
    strength: Strength | None = None,
    needs: Sequence[str] = (),
    symptom: Symptom = Symptom.MALFORMED,
    **rest: Any,
) -> AnswerRule:
    """A rule about answers. ``found`` gives what there is to judge in an exchange (nothing: the rule does not apply),
    ``wrong`` what is wrong with one such thing, in a sentence."""

    def check(exchange: Exchange) -> str | None:
        return next((why for why in map(wrong, found(exchange)) if why), None)

    return AnswerRule(
        id=id,
        property=prop,
        title=title,
        strength=strength or EVIDENCE_STRENGTH[source.evidence],
        source=source,
        applies=lambda exchange: bool(found(exchange)),
        check=check,
        pins=tuple(pins),
        needs=tuple(needs),
        symptom=symptom,
        **rest,
    )
