"""An instance of a JSON Schema: the arguments and the structured answers of the toy model.

Covers what tool and answer schemas are written in: type, enum, const, properties, required, items, prefixItems,
anyOf, oneOf, allOf, $ref into the same document, and the bounds of strings, numbers and arrays.  `pattern`, `not` and
conditionals are not solved.  Recursive schemas end: past a depth only required members are made.
"""

from __future__ import annotations

import math
from typing import Any

from .json_values import is_array, is_object

#: Depth from which optional members and unasked array items are left out, and at which a branch gives up.
SHALLOW = 4
DEEP = 40
#: Values visited in one generation before it gives up.
BUDGET = 20_000

_FORMATS = {
    "date-time": "2024-11-05T12:00:00Z",
    "date": "2024-11-05",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_FILLER = "value"


class Unsolvable(Exception):
    """No instance was found on this branch: too deep, empty, or out of budget."""


def instance(schema: object) -> Any:
    """A JSON value of the schema; an empty object where none is found."""
    try:
        return _Maker(schema).make(schema, 0)
    except (Unsolvable, RecursionError):
        return {}


def _finite(value: object) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _count(value: object) -> int:
    number = _finite(value)
    return int(number) if number is not None and number > 0 else 0


class _Maker:
    def __init__(self, root: object) -> None:
        self.root = root
        self.left = BUDGET

    def make(self, schema: object, depth: int) -> Any:
        self.left -= 1
        if depth > DEEP or self.left < 0 or schema is False:
            raise Unsolvable
        if not is_object(schema):
            return _FILLER
        if "$ref" in schema:
            return self.make(self.resolve(schema["$ref"]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if is_array(schema.get("enum")) and schema["enum"]:
            return schema["enum"][0]
        for key in ("anyOf", "oneOf"):
            if is_array(schema.get(key)) and schema[key]:
                return self.branch(schema, schema[key], key, depth)
        if is_array(schema.get("allOf")) and schema["allOf"]:
            return self.make(self.merged(schema, depth), depth + 1)
        return self.typed(schema, depth)

    def resolve(self, ref: object) -> Any:
        """The target of `#`, `#/$defs/x` and the like."""
        node: Any = self.root
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise Unsolvable
        for step in ref[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if is_object(node) and name in node:
                node = node[name]
            elif is_array(node) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            else:
                raise Unsolvable
        return node

    def branch(self, schema: dict[str, Any], branches: list[Any], key: str, depth: int) -> Any:
        """The first branch that works; deep down the plain ones come first, which ends recursive schemas."""
        rest = {name: value for name, value in schema.items() if name != key}
        order = branches if depth < SHALLOW else sorted(branches, key=self.weight)
        for option in order:
            if not is_object(option):
                continue
            try:
                return self.make({**rest, **option}, depth + 1)
            except Unsolvable:
                if self.left < 0:
                    raise
        raise Unsolvable

    @staticmethod
    def weight(schema: object) -> int:
        """How far a branch is from a plain value."""
        if not is_object(schema):
            return 9
        if "const" in schema or "enum" in schema or schema.get("type") == "null":
            return 0
        return 2 if schema.get("type") in ("object", "array") or "$ref" in schema else 1

    def merged(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        result = {name: value for name, value in schema.items() if name != "allOf"}
        for part in schema["allOf"]:
            if depth > DEEP:
                raise Unsolvable
            if is_object(part) and "$ref" in part:
                part = self.resolve(part["$ref"])
            if not is_object(part):
                continue
            for name, value in part.items():
                old = result.get(name)
                if name == "properties" and is_object(old) and is_object(value):
                    result[name] = {**old, **value}
                elif name == "required" and is_array(old) and is_array(value):
                    result[name] = [*old, *value]
                else:
                    result[name] = value
        return result

    def typed(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type")
        if is_array(kind):
            simple = [name for name in kind if name != "null"]
            kind = "null" if depth >= SHALLOW and "null" in kind else (simple or kind or [None])[0]
        if kind is None:
            if "properties" in schema or "required" in schema:
                kind = "object"
            elif "items" in schema or "prefixItems" in schema:
                kind = "array"
            elif any(name in schema for name in ("minimum", "maximum", "multipleOf", "exclusiveMinimum")):
                kind = "number"
        match kind:
            case "object":
                return self.object(schema, depth)
            case "array":
                return self.array(schema, depth)
            case "integer" | "number":
                return self.number(schema, kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self.string(schema)

    def object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if is_object(properties) else {}
        required = [name for name in schema.get("required") or () if isinstance(name, str)]
        made: dict[str, Any] = {}
        for name in properties:
            if name in required:
                made[name] = self.make(properties[name], depth + 1)
            elif depth < SHALLOW:
                try:
                    made[name] = self.make(properties[name], depth + 1)
                except Unsolvable:
                    continue
        other = schema.get("additionalProperties")
        for name in required:
            if name not in made:
                made[name] = self.make(other if is_object(other) else {}, depth + 1)
        extra = 0
        while len(made) < min(_count(schema.get("minProperties")), 1_000) and other is not False:
            made.setdefault(f"key{extra}", self.make(other if is_object(other) else {}, depth + 1))
            extra += 1
        return made

    def array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        first = schema.get("prefixItems")
        first = first if is_array(first) else []
        items = schema.get("items", {})
        least = _count(schema.get("minItems"))
        most = _finite(schema.get("maxItems"))
        wanted = max(least, len(first), 1 if depth < SHALLOW and items is not False else 0)
        if most is not None:
            wanted = min(wanted, max(0, int(most)))
        if wanted > 10_000:
            raise Unsolvable
        unique = schema.get("uniqueItems") is True
        made: list[Any] = []
        for place in range(wanted):
            try:
                value = self.make(first[place] if place < len(first) else items, depth + 1)
            except Unsolvable:
                if place >= least:
                    break
                raise
            made.append(self.another(value, items, place) if unique and place else value)
        return made

    @staticmethod
    def another(value: Any, items: object, place: int) -> Any:
        """A value that differs from those before it, for arrays of unique items."""
        if is_object(items) and is_array(items.get("enum")) and place < len(items["enum"]):
            return items["enum"][place]
        if isinstance(value, str):
            return f"{value}{place}"
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            step = _finite(items.get("multipleOf")) if is_object(items) else None
            return value + place * (step or 1)
        return value

    @staticmethod
    def number(schema: dict[str, Any], integer: bool) -> int | float:
        """The smallest value in range that the steps allow; 7 where nothing bounds it."""
        low, high = _finite(schema.get("minimum")), _finite(schema.get("maximum"))
        above, below = _finite(schema.get("exclusiveMinimum")), _finite(schema.get("exclusiveMaximum"))
        step = _finite(schema.get("multipleOf"))
        step = step if step is not None and step > 0 else None
        if integer:
            if above is not None:
                low = max(math.floor(above) + 1, low if low is not None else -math.inf)
            if below is not None:
                high = min(math.ceil(below) - 1, high if high is not None else math.inf)
            unit = max(1, math.ceil(step)) if step is not None else 1
            if low is not None:
                return math.ceil(math.ceil(low) / unit) * unit if unit > 1 else math.ceil(low)
            start = 7 if high is None or high >= 7 else math.floor(high)
            return start // unit * unit
        if step is not None:
            base = above if above is not None else low
            value: int | float = 0 if base is None else math.ceil(base / step) * step
            if above is not None and value <= above:
                value += step
            if high is not None and value > high:
                value = math.floor(high / step) * step
            return value
        if above is not None and (low is None or above >= low):
            end = min((end for end in (high, below) if end is not None), default=None)
            return above + 1 if end is None or above + 1 < end else above + (end - above) / 2
        if low is not None:
            return low
        if below is not None and (high is None or below <= high):
            return below - 1 if below <= 7 else 7
        return 7 if high is None or high >= 7 else high

    @staticmethod
    def string(schema: dict[str, Any]) -> str:
        name = schema.get("format")
        if isinstance(name, str) and name in _FORMATS:
            return _FORMATS[name]
        least = _count(schema.get("minLength"))
        most = _finite(schema.get("maxLength"))
        if least > 100_000:
            raise Unsolvable
        text = _FILLER
        if len(text) < least:
            text = (text * (least // len(text) + 1))[:least]
        return text[: max(0, int(most))] if most is not None else text
