"""One fault each in what is made of a strict schema: a keyword of it is not kept to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import Mutant
from .effects_common import Body, effect, planning

Turn = Callable[[dict[str, Any]], dict[str, Any]]


def without(keyword: str) -> Turn:
    return lambda schema: {name: value for name, value in schema.items() if name != keyword}


def typed(old: str, new: str) -> Turn:
    return lambda schema: {**schema, "type": new} if schema.get("type") == old else schema


def hollow(schema: dict[str, Any]) -> dict[str, Any]:
    """An object of whose members nothing is known, where it stands in another."""
    return {"type": "object"} if schema.get("type") == "object" else schema


def optional(schema: dict[str, Any]) -> dict[str, Any]:
    """An object that lacks its last member."""
    if schema.get("type") != "object" or len(schema.get("properties", {})) < 2:
        return schema
    last = list(schema["properties"])[-1]
    left = {name: value for name, value in schema["properties"].items() if name != last}
    return {**schema, "properties": left, "required": list(left)}


def throughout(schema: Any, turn: Turn, *, root: bool = True) -> Any:
    """A schema with something done to every schema in it, itself included where ``root``."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    for name in ("properties", "$defs"):
        if isinstance(made.get(name), dict):
            made[name] = {key: throughout(part, turn) for key, part in made[name].items()}
    if isinstance(made.get("items"), dict):
        made["items"] = throughout(made["items"], turn)
    return turn(made) if root else made


def in_format(turn: Turn, *, root: bool = True) -> Callable[[Body], Body]:
    """The body with something done to the schema of its structured output."""

    def change(body: Body) -> Body:
        wanted = body.get("response_format")
        held = wanted.get("json_schema") if isinstance(wanted, dict) else None
        if not isinstance(wanted, dict) or not isinstance(held, dict) or "schema" not in held:
            return body
        schema = throughout(held["schema"], turn, root=root)
        return {**body, "response_format": {**wanted, "json_schema": {**held, "schema": schema}}}

    return change


def in_tools(turn: Turn) -> Callable[[Body], Body]:
    """The body with something done to the parameters of its strict tools."""

    def change(body: Body) -> Body:
        tools = [
            {**tool, "function": {**tool["function"], "parameters": throughout(tool["function"]["parameters"], turn)}}
            if (tool.get("function") or {}).get("strict") is True and "parameters" in tool["function"]
            else tool
            for tool in body.get("tools") or ()
        ]
        return {**body, "tools": tools} if tools else body

    return change


def schema(name: str, change: Callable[[Body], Body], fails: str) -> Mutant:
    with_it = ("ef.json_schema*", "client.structured")
    return effect(name, "response_format", planning(change), fails, with_it=with_it, family="answer")


def argument(name: str, turn: Turn) -> Mutant:
    return effect(
        name, "tools", planning(in_tools(turn)), "res.toolcalls.args.schema", with_it=("res.toolcalls.*",),
        family="answer",
    )  # fmt: skip


MUTANTS = [
    schema("schema-enum-unread", in_format(without("enum")), "ef.json_schema.enum"),
    schema("schema-integer-as-text", in_format(typed("integer", "string")), "ef.json_schema.number"),
    schema("schema-boolean-as-text", in_format(typed("boolean", "string")), "ef.json_schema.number"),
    schema("schema-array-as-text", in_format(typed("array", "string")), "ef.json_schema.array"),
    schema("schema-nested-unread", in_format(hollow, root=False), "ef.json_schema.nested"),
    schema("schema-last-member-lost", in_format(optional), "ef.json_schema.nested"),
    schema("schema-ref-unread", in_format(without("$ref")), "ef.json_schema.ref"),
    schema("schema-alternatives-unread", in_format(without("anyOf")), "ef.json_schema.anyof"),
    argument("strict-enum-unread", without("enum")),
    argument("strict-integer-as-text", typed("integer", "string")),
    argument("strict-last-member-lost", optional),
]
