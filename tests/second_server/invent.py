"""Makes a JSON value that a JSON Schema allows: arguments of a tool, or an answer in a given form."""

from __future__ import annotations

import math
import re
from random import Random
from typing import Any

WORDS = ("reed", "otter", "Quelle", "süß", "lamp", "moss", "Ω", "north")
TRIES = ("", "a", "abc", "A1", "0", "12345", "000-00-0000", "a@b.co", "2024-05-01", "AB-12", "x_1", "+1 555 0100")
FORMATS = {
    "date-time": "2024-05-01T10:00:00Z", "date": "2024-05-01", "time": "10:00:00Z", "email": "otter@example.org",
    "uri": "https://example.org/reed", "uuid": "8b9f2a6e-6c1e-4f0a-9d57-0d6c5b1f3c11", "ipv4": "192.0.2.7",
    "ipv6": "2001:db8::7", "hostname": "example.org", "duration": "P1D",
}  # fmt: skip
DEEP = 5
DEEPEST = 60


def invent(schema: Any, dice: Random, root: Any = None, depth: int = 0) -> Any:
    """A value for a schema. The keywords it knows are kept; below a depth of 5 it takes the shortest way out."""
    root = schema if root is None else root
    if not isinstance(schema, dict) or depth > DEEPEST:
        return None
    if isinstance(schema.get("$ref"), str):
        return invent(_resolve(schema["$ref"], root), dice, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return dice.choice(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            ways = schema[key]
            short = [way for way in ways if isinstance(way, dict) and way.get("type") in ("null", "string", "boolean")]
            way = dice.choice(short if depth > DEEP and short else ways)
            rest = {name: item for name, item in schema.items() if name != key}
            return invent({**rest, **way} if isinstance(way, dict) else rest, dice, root, depth + 1)
    if isinstance(schema.get("allOf"), list):
        merged: dict[str, Any] = {name: item for name, item in schema.items() if name != "allOf"}
        for way in schema["allOf"]:
            if isinstance(way, dict):
                properties = {**merged.get("properties", {}), **way.get("properties", {})}
                required = [*merged.get("required", []), *way.get("required", [])]
                merged |= way
                if properties:
                    merged |= {"properties": properties, "required": required}
        return invent(merged, dice, root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = "null" if depth > DEEP and "null" in kind else dice.choice(kind) if kind else None
    if kind is None:
        kind = "object" if "properties" in schema or depth == 0 else "array" if "items" in schema else "string"
    makers = {"object": _object, "array": _array}
    if kind in makers:
        return makers[kind](schema, dice, root, depth)
    return _scalar(kind, schema, dice)


def _resolve(reference: str, root: Any) -> Any:
    found = root
    for step in reference.lstrip("#").split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        found = found.get(step, {}) if isinstance(found, dict) else {}
    return found


def _scalar(kind: Any, schema: dict[str, Any], dice: Random) -> Any:
    if kind == "null":
        return None
    if kind == "boolean":
        return dice.random() < 0.5
    if kind in ("integer", "number"):
        return _number(kind, schema, dice)
    return _string(schema, dice)


def _number(kind: str, schema: dict[str, Any], dice: Random) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    for key, step in (("exclusiveMinimum", 1), ("exclusiveMaximum", -1)):
        bound = schema.get(key)
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            inside = bound + step if kind == "integer" else math.nextafter(bound, bound + step)
            low, high = (max(inside, low) if low is not None else inside, high) if step > 0 else (low, high)
            high = (min(inside, high) if high is not None else inside) if step < 0 else high
    low = low if low is not None else (min(0, high) if high is not None else 0)
    high = high if high is not None else max(low, 0) + 40
    step = schema.get("multipleOf")
    if step:
        return math.ceil(low / step) * step
    if kind == "integer":
        return dice.randint(math.ceil(low), max(math.ceil(low), math.floor(high)))
    return min(max(round(dice.uniform(low, high), 2), low), high)


def _string(schema: dict[str, Any], dice: Random) -> str:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10**6)
    if isinstance(schema.get("pattern"), str):
        fits = [text for text in TRIES if re.search(schema["pattern"], text) and least <= len(text) <= most]
        if fits:
            return dice.choice(fits)
    text = " ".join(dice.choices(WORDS, k=dice.randint(1, 2)))
    return (text + "~" * max(0, least - len(text)))[:most]


def _array(schema: dict[str, Any], dice: Random, root: Any, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    most = min(schema.get("maxItems", 3), max(least, 3))
    items = schema.get("items", {"type": "string"})
    heads = schema.get("prefixItems", [])
    count = max(least, len(heads)) if depth > DEEP else max(dice.randint(least, max(least, most)), len(heads))
    made = [invent(heads[k] if k < len(heads) else items, dice, root, depth + 1) for k in range(count)]
    if schema.get("uniqueItems"):
        made = [one for number, one in enumerate(made) if one not in made[:number]]
    return made


def _object(schema: dict[str, Any], dice: Random, root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    made = {
        name: invent(below, dice, root, depth + 1)
        for name, below in properties.items()
        if name in required or (depth <= DEEP and dice.random() < 0.7)
    }
    for name in sorted(required - made.keys()):
        made[name] = invent(schema.get("additionalProperties", {"type": "string"}), dice, root, depth + 1)
    return made
