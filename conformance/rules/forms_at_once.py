"""All other forms of a body at once: one comparison that speaks for many relations where nothing comes of it.

Each of them changes nothing, so all together change nothing. Where they do, each is asked by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...strategies.bodies import lean
from ...strategies.messages import assistant, assistant_calls, system, tool_call, tool_reply, user
from ..model import Body, Relation, Request, Script
from .gates import TOOL
from .relation_outcomes import unlike
from .relations import FAULTS, RICH, STRUCTURED

BASES: tuple[Body, ...] = (
    lean(**RICH, messages=[system(), user("Größe → 大小 🛑"), assistant("Hi."), user("Say hi.")], stream=True),
    lean(max_tokens=16, stream=True, top_p=0.9, frequency_penalty=0.5),
    lean(
        messages=[user("What is the weather?"), assistant_calls(tool_call()), tool_reply()],
        tools=[TOOL],
        tool_choice="auto",
        max_tokens=16,
    ),
    lean(messages=[user("Name a city, as JSON.")], response_format=STRUCTURED, max_tokens=64),
    *FAULTS[:2],
)
"""Streams with many options and with few, a conversation with tools, a schema, and bodies that must be refused."""

_ABSENT = ("mm.null", "mm.default")
"""What may be said of an absent property: of the bodies one says this, the next that."""


def at_once(rules: Sequence[Relation]) -> Relation:
    """The comparison of ``BASES`` with what the forms of these rules make of them, one after the other. Its exchanges
    are those of the first rule."""

    written = [(rule.id, rule.form) for rule in sorted(rules, key=_place) if rule.form]

    def script(body: Body) -> Script:
        other, left_out = Request(body), _ABSENT[BASES.index(body) % len(_ABSENT)]
        for name, form in written:
            if name != left_out:
                other = form(other)
        base = yield Request(body)
        changed = yield other
        return unlike(base, changed, "in all other forms at once")

    return replace(rules[0], script=script, pins=BASES, examples=None, valid=False, quiet=True)


_SIGNS = ("mm.whitespace", "mm.whitespace.escapes")
"""Forms of a text in which no other finds what it looks for."""


def _place(rule: Relation) -> tuple[bool, bool]:
    """Where a form comes among others: one of the text when the body is as it is to be."""
    of_text = rule.form is not None and rule.form(Request(lean())).raw is not None
    return of_text, rule.id in _SIGNS
