"""Gathers the chapters into one catalogue, checks it, and selects from it."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from .exchange import Request
from .model import VENDOR, AnswerRule, Chapter, Expect, Gate, Relation, RequestRule, Rule
from .vintages import FIRST, holds, up_to

CHAPTERS = (
    "http",
    "model",
    "messages",
    "roles",
    "parts",
    "developer",
    "files",
    "sampling",
    "logit_bias",
    "logprobs",
    "limits",
    "stop",
    "streaming",
    "output",
    "tools",
    "custom_tools",
    "legacy",
    "account",
    "audio",
    "prediction",
    "reasoning",
    "web_search",
    "caching",
    "safety",
    "together",
)
"""Files of ``rules/`` that hold request rules, in the order in which reports show them."""

SECOND_WAVE = (
    "answer",
    "additions",
    "stream",
    "error",
    "relations",
    "other_forms",
    "effects",
    "stream_effects",
    "compared",
    "many",
    "auth",
    "clients",
)
"""Files of ``rules/`` that hold rules about answers and relations."""

PROPERTIES: dict[str, tuple[str, ...]] = {
    "2024-11": (
        "messages",
        "model",
        "store",
        "metadata",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "modalities",
        "prediction",
        "audio",
        "presence_penalty",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "top_p",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "user",
        "function_call",
        "functions",
    ),
    "2026-08": (
        "reasoning_effort",
        "verbosity",
        "web_search_options",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "moderation",
    ),
}
"""The properties of the request object by the vintage that brought them; none was ever removed. The first 29 stand in
the order of the seed document. A vintage that brings none needs no entry."""


def properties(vintage: str = FIRST) -> tuple[str, ...]:
    """All properties of the request object of a vintage, those of older ones first."""
    return tuple(name for one in up_to(vintage) for name in PROPERTIES.get(one, ()))


class CatalogueError(ValueError):
    """The catalogue contradicts itself or does not hold what was asked for."""


@dataclass(frozen=True)
class Catalogue:
    """All gates and rules of one vintage, with ids that are unique."""

    vintage: str
    gates: tuple[Gate, ...]
    rules: tuple[RequestRule, ...]
    chapters: tuple[Chapter, ...]
    answers: tuple[AnswerRule, ...] = ()
    relations: tuple[Relation, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, Rule]:
        """Every gate and rule by its id."""
        return {rule.id: rule for rule in (*self.gates, *self.rules, *self.answers, *self.relations)}

    @cached_property
    def hash(self) -> str:
        """Twelve hex digits that change when any rule, pin or title changes. Vendors' rules are no part of it."""
        rows = [
            [
                rule.id,
                rule.property,
                rule.title,
                rule.strength,
                str(rule.source),
                [rule.probe, rule.nonsense] if isinstance(rule, Gate) else [_pin(pin) for pin in rule.pins],
            ]
            for rule in self.by_id.values()
            if not rule.id.startswith(VENDOR)
        ]
        return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:12]

    def find(self, rule_id: str) -> Rule:
        """The rule of that id; an unknown id is an error that names the nearest known one."""
        try:
            return self.by_id[rule_id]
        except KeyError:
            near = difflib.get_close_matches(rule_id, self.by_id, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise CatalogueError(f"no rule is called {rule_id!r}{hint}") from None


def _pin(pin: object) -> object:
    if isinstance(pin, Request):
        return [pin.method, pin.path, pin.content_type, pin.headers, pin.chunked, pin.content.hex()]
    return pin


def _placed(rule: RequestRule | AnswerRule | Relation, chapter: Chapter) -> RequestRule | AnswerRule | Relation:
    if isinstance(rule, AnswerRule):
        return replace(rule, chapter=chapter.name, among=chapter.among)
    return replace(rule, chapter=chapter.name)


def _lent(
    rule: RequestRule | AnswerRule | Relation, answers: Sequence[AnswerRule]
) -> RequestRule | AnswerRule | Relation:
    """The rule with the pins that it borrows of these."""
    if isinstance(rule, RequestRule) and rule.borrows:
        return replace(rule, pins=tuple(rule.borrows(answers)))
    return rule


@lru_cache
def load(vintage: str = FIRST) -> Catalogue:
    """Import every chapter and return the catalogue of a vintage. Chapters without a rule of it are left out."""
    from .rules.gates import GATES

    chapters: list[Chapter] = []
    for name in (*CHAPTERS, *SECOND_WAVE):
        chapter: Chapter = importlib.import_module(f".rules.{name}", __package__).CHAPTER
        rules = tuple(_placed(rule, chapter) for rule in chapter.rules if holds(vintage, rule.since, rule.until))
        if rules:
            chapters.append(replace(chapter, rules=rules))
    answers = tuple(rule for chapter in chapters for rule in chapter.rules if isinstance(rule, AnswerRule))
    chapters = [replace(one, rules=tuple(_lent(rule, answers) for rule in one.rules)) for one in chapters]
    gates = tuple(gate for gate in GATES if holds(vintage, gate.since, gate.until))
    every = [rule for chapter in chapters for rule in chapter.rules]
    rules = tuple(rule for rule in every if isinstance(rule, RequestRule))
    relations = tuple(rule for rule in every if isinstance(rule, Relation))
    return checked(Catalogue(vintage, gates, rules, tuple(chapters), answers, relations))


def checked(catalogue: Catalogue) -> Catalogue:
    """The catalogue itself. Raises CatalogueError where it contradicts itself."""
    _check(catalogue.gates, catalogue.rules, (*catalogue.answers, *catalogue.relations))
    return catalogue


def _check(gates: Sequence[Gate], rules: Iterable[RequestRule], others: Iterable[AnswerRule | Relation]) -> None:
    seen: set[str] = set()
    capabilities: set[str] = set()
    for gate in gates:
        if not set(gate.needs) <= capabilities:
            raise CatalogueError(f"{gate.id} needs a gate that stands after it or nowhere: {gate.needs}")
        capabilities.add(gate.capability)
        _once(gate.id, seen)
    for rule in rules:
        _once(rule.id, seen)
        if not set(rule.needs) <= capabilities:
            raise CatalogueError(f"{rule.id} needs an unknown capability: {sorted(set(rule.needs) - capabilities)}")
        suffix = {Expect.ACCEPT: ".accepts", Expect.REFUSE: ".refuses", Expect.EITHER: ""}[rule.expect]
        if not rule.id.endswith(suffix) or (not suffix and rule.id.endswith((".accepts", ".refuses"))):
            raise CatalogueError(f"{rule.id} should end in {suffix or 'neither .accepts nor .refuses'}")
        if not rule.pins and rule.examples is None:
            raise CatalogueError(f"{rule.id} has neither pins nor examples")
    for rule in others:
        _once(rule.id, seen)
        if not set(rule.needs) <= capabilities:
            raise CatalogueError(f"{rule.id} needs an unknown capability: {sorted(set(rule.needs) - capabilities)}")


def _once(rule_id: str, seen: set[str]) -> None:
    if rule_id in seen:
        raise CatalogueError(f"two rules are called {rule_id}")
    seen.add(rule_id)
