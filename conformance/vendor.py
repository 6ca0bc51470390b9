"""Rules of others: chapters that installed packages bring, by the entry-point group ``chatproof.rules``.

They are asked, proved and shown like any rule, and counted apart: ids begin with ``x-``, and neither the verdict of a
run nor the hash of the catalogue knows them. ``rules/VENDOR.md`` says how to write one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, cast

from .catalogue import Catalogue, CatalogueError, checked
from .model import VENDOR, AnswerRule, Chapter, Relation, RequestRule, as_request
from .record import printable
from .vintages import VINTAGES, holds

GROUP = "chatproof.rules"

_NAME = re.compile(rf"{VENDOR}[a-z0-9_]+(-[a-z0-9_]+)*")
_PROPERTY = re.compile(r"[a-z][a-z0-9_]*|")


class VendorError(ValueError):
    """A package of rules cannot be used; the message is one line that names the package and the mend."""


@dataclass(frozen=True)
class Vendor:
    """One chapter, and the package that it comes from."""

    chapter: Chapter
    package: str
    version: str

    def told(self, asked: Iterable[str]) -> dict[str, Any]:
        """What the header of a record says of it, given the ids of the rules that are asked."""
        number = sum(name.startswith(f"{self.chapter.name}.") for name in asked)
        return {"name": self.chapter.name, "package": self.package, "version": self.version, "rules": number}


def found() -> tuple[Vendor, ...]:
    """The chapters of all installed packages, by their names. Raises VendorError."""
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return tuple(_loaded(point) for point in points)


def extended(catalogue: Catalogue, vendors: Iterable[Vendor]) -> Catalogue:
    """The catalogue with the rules of vendors after its own. Raises VendorError."""
    for vendor in vendors:
        name = vendor.chapter.name
        if any(chapter.name == name for chapter in catalogue.chapters):
            raise _error(vendor.package, f"two packages bring a chapter that is called {name}")
        rules = tuple(
            _guarded(replace(rule, chapter=name))
            for rule in vendor.chapter.rules
            if holds(catalogue.vintage, rule.since, rule.until)
        )
        added = replace(
            catalogue,
            rules=(*catalogue.rules, *(rule for rule in rules if isinstance(rule, RequestRule))),
            answers=(*catalogue.answers, *(rule for rule in rules if isinstance(rule, AnswerRule))),
            relations=(*catalogue.relations, *(rule for rule in rules if isinstance(rule, Relation))),
            chapters=(*catalogue.chapters, replace(vendor.chapter, rules=rules)),
        )
        try:
            catalogue = checked(added)
        except CatalogueError as error:
            raise _error(vendor.package, str(error)) from None
    return catalogue


def is_vendor(rule_id: str) -> bool:
    """Whether a rule is a vendor's."""
    return rule_id.startswith(VENDOR)


def _error(package: str, why: str) -> VendorError:
    return VendorError(printable(f"rules of the package {package}: {why}; mend it, or uninstall {package}"))


def _loaded(point: EntryPoint) -> Vendor:
    package = point.dist.name if point.dist is not None else point.name
    version = point.dist.version if point.dist is not None else ""
    try:
        value = point.load()
    except (Exception, SystemExit) as error:  # whatever the code of others does
        raise _error(package, f"{point.value} cannot be imported: {type(error).__name__}: {error}") from None
    if isinstance(value, ModuleType):
        value = getattr(value, "CHAPTER", None)
    if not isinstance(value, Chapter):
        raise _error(package, f"{point.value} is no Chapter of chatproof.conformance.model")
    if why := _wrong(value):
        raise _error(package, why)
    return Vendor(value, package, version)


def _wrong(chapter: Chapter) -> str:
    """What a chapter cannot say, in words; empty where all is well."""
    if not _NAME.fullmatch(str(chapter.name)):
        return f"the chapter is called {chapter.name!r}; a vendor's name begins with {VENDOR}, as in {VENDOR}acme"
    rule_id = re.compile(rf"{re.escape(chapter.name)}(\.[a-z0-9_]+)+")
    if not isinstance(cast("object", chapter.rules), tuple):
        return f"the rules of {chapter.name} are no tuple"
    for rule in chapter.rules:
        if not isinstance(cast("object", rule), RequestRule | AnswerRule | Relation):
            return f"{chapter.name} holds {type(rule).__name__}, which is no RequestRule, AnswerRule or Relation"
        if not rule_id.fullmatch(str(rule.id)):
            return f"the id {rule.id!r} does not begin with {chapter.name}. and go on in small letters"
        if not _PROPERTY.fullmatch(str(rule.property)):
            return f"{rule.id} is about {rule.property!r}, which is no name of a property"
        if rule.since not in VINTAGES or rule.until not in (None, *VINTAGES):
            return f"{rule.id} holds for a vintage that is not known; known: {', '.join(VINTAGES)}"
        for pin in rule.pins:
            try:
                len(as_request(pin).content)
            except (TypeError, ValueError, RecursionError) as error:
                return f"{rule.id} has a pin that cannot be sent: {error}"
    return ""


# --- what the code of others cannot disturb ---------------------------------------------------------------------------


class Guard:
    """A function of a rule that raises nothing: after the first fault, which it keeps, it gives ``otherwise``."""

    def __init__(self, function: Callable[..., Any], otherwise: object) -> None:
        self.function = function
        self.otherwise = otherwise
        self.fault = ""

    def __call__(self, *arguments: object) -> Any:
        """What the function gives."""
        if self.fault:
            return self.otherwise
        try:
            return self.function(*arguments)
        except Exception as error:
            self.fault = printable(f"the rule itself raises {type(error).__name__}: {error}")
            return self.otherwise


def _guarded(rule: RequestRule | AnswerRule | Relation) -> RequestRule | AnswerRule | Relation:
    """The rule with its functions guarded where they are called amid the work for others."""
    if isinstance(rule, AnswerRule):
        return replace(rule, applies=Guard(rule.applies, False), check=Guard(rule.check, None))
    if isinstance(rule, RequestRule) and rule.fit is not None:
        return replace(rule, fit=Guard(rule.fit, None))
    return rule


def fault(rule: AnswerRule) -> str:
    """What a guarded rule has raised; empty where nothing."""
    guards = (part for part in (rule.applies, rule.check) if isinstance(part, Guard))
    return next((guard.fault for guard in guards if guard.fault), "")
