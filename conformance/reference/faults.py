"""What a reason to refuse is, and the small vocabulary in which the checks state them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from .json_values import is_array, is_object, is_string, kind
from .limits import Limits

Strength = Literal["must", "should"]

#: Types of a tool, a call or a choice whose content stands in a member of that name; all others have `function`.
_OWN_MEMBER = ("custom", "allowed_tools")


def holds(value: dict[str, Any], known: Collection[str]) -> str:
    """The member that carries the content of a tool, a call or a choice, by its type and the known types.

    Where the type is not known it is the member that is there, so that a missing type is one fault and not two.
    """
    own = [name for name in _OWN_MEMBER if name in known]
    name = value.get("type")
    if isinstance(name, str) and name in known:
        return name if name in own else "function"
    return next((key for key in own if key in value and "function" not in value), "function")


@dataclass(frozen=True)
class Reason:
    """One reason to refuse: the fact-base row, and the four members of the error that OpenAI would send."""

    rule: str
    message: str
    param: str | None
    code: str | None
    status: int = 400
    strength: Strength = "must"
    type: str = "invalid_request_error"


@dataclass
class Ask:
    """One parsed request on its way through the checks, with the views of `messages` that many checks share."""

    body: dict[str, Any]
    limits: Limits
    models: Collection[str] | None = None
    raw: object = field(default=None, repr=False)

    @cached_property
    def items(self) -> list[tuple[int, dict[str, Any]]]:
        """The messages that are objects, with their position."""
        messages = self.body.get("messages")
        if not is_array(messages):
            return []
        return [(i, message) for i, message in enumerate(messages) if is_object(message)]

    @cached_property
    def spoken(self) -> list[tuple[int, dict[str, Any], str]]:
        """The messages whose role is known; the others have one reason already and are judged no further."""
        roles = self.limits.roles
        return [
            (i, message, message["role"])
            for i, message in self.items
            if isinstance(message.get("role"), str) and message["role"] in roles
        ]

    @cached_property
    def parts(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Content parts that are objects: path, role of the message, part."""
        return [
            (f"messages[{i}].content[{j}]", role, part)
            for i, message, role in self.spoken
            if is_array(message.get("content"))
            for j, part in enumerate(message["content"])
            if is_object(part)
        ]

    @cached_property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """Tool calls of assistant messages that are objects: path, call."""
        return [
            (f"messages[{i}].tool_calls[{j}]", call)
            for i, message, role in self.spoken
            if role == "assistant" and is_array(message.get("tool_calls"))
            for j, call in enumerate(message["tool_calls"])
            if is_object(call)
        ]

    @cached_property
    def declared(self) -> list[tuple[str, dict[str, Any]]]:
        """Function objects under `tools` and `functions`: path, function."""
        found: list[tuple[str, dict[str, Any]]] = []
        tools = self.body.get("tools")
        if is_array(tools):
            for i, tool in enumerate(tools):
                if not is_object(tool) or holds(tool, self.limits.tool_types) != "function":
                    continue
                if is_object(tool.get("function")):
                    found.append((f"tools[{i}].function", tool["function"]))
        functions = self.body.get("functions")
        if is_array(functions):
            found += [(f"functions[{i}]", item) for i, item in enumerate(functions) if is_object(item)]
        return found

    @cached_property
    def customs(self) -> list[tuple[str, dict[str, Any]]]:
        """The tools of the type custom, where the vintage has it: path, tool."""
        tools = self.body.get("tools")
        return [
            (f"tools[{i}]", tool)
            for i, tool in enumerate(tools if is_array(tools) else ())
            if is_object(tool) and holds(tool, self.limits.tool_types) == "custom"
        ]


CheckFunction = Callable[[Ask], Iterable[Reason]]


@dataclass(frozen=True)
class Check:
    """One named row of the table `CHECKS`; `name` is the fact-base row that the function enforces."""

    name: str
    function: CheckFunction


def wrong_type(rule: str, path: str, wanted: str, value: object, strength: Strength = "must") -> Reason:
    """A value of another JSON type than ``wanted`` (words, as in "a string")."""
    return Reason(
        rule,
        f"'{path}' has the wrong type: it must be {wanted}, it is {kind(value)}.",
        path,
        "invalid_type",
        strength=strength,
    )


def missing(rule: str, path: str, strength: Strength = "must") -> Reason:
    """A member that must be there and is not."""
    return Reason(
        rule,
        f"The parameter '{path}' is required and is not there.",
        path,
        "missing_required_parameter",
        strength=strength,
    )


def bad_value(rule: str, path: str, wanted: str, strength: Strength = "must") -> Reason:
    """A value of the right type that is not allowed; ``wanted`` says in words what is."""
    return Reason(
        rule, f"The value of '{path}' is not valid: it must be {wanted}.", path, "invalid_value", strength=strength
    )


def one_of(allowed: Iterable[str]) -> str:
    """A set of strings in the words of a message."""
    return "one of " + ", ".join(repr(name) for name in sorted(allowed))


def too_long(rule: str, path: str, most: int, strength: Strength = "must") -> Reason:
    """A string of more than ``most`` characters."""
    return Reason(
        rule,
        f"The string '{path}' is longer than {most} characters.",
        path,
        "string_above_max_length",
        strength=strength,
    )


def coupled(rule: str, path: str | None, message: str, strength: Strength = "must") -> Reason:
    """A refusal by the semantic layer, which names no code."""
    return Reason(rule, message, path, None, strength=strength)


def member(ask: Ask, key: str) -> dict[str, Any] | None:
    """A top-level option that is an object; None where it is anything else."""
    value = ask.body.get(key)
    return value if is_object(value) else None


def one_string_of(
    rule: str, path: str, value: object, allowed: frozenset[str], strength: Strength = "must"
) -> Iterator[Reason]:
    """A string out of a set: its type first, then its value."""
    if not isinstance(value, str):
        yield wrong_type(rule, path, "a string", value, strength)
    elif value not in allowed:
        yield bad_value(rule, path, one_of(allowed), strength)


def string_member(rule: str, path: str, holder: dict[str, Any], key: str) -> Iterator[Reason]:
    """A string that must be there."""
    if key not in holder:
        yield missing(rule, f"{path}.{key}")
    elif not is_string(holder[key]):
        yield wrong_type(rule, f"{path}.{key}", "a string", holder[key])


def typed(rule: str, key: str, fits: Callable[[object], bool], wanted: str) -> CheckFunction:
    """A check that an optional property, when present and not null, has its JSON type."""

    def check(ask: Ask) -> Iterator[Reason]:
        value = ask.body.get(key)
        if value is not None and not fits(value):
            yield wrong_type(rule, key, wanted, value)

    return check


def table(*rows: tuple[str, CheckFunction]) -> tuple[Check, ...]:
    """Checks from rows of rule id and function."""
    return tuple(Check(name, function) for name, function in rows)
