"""Response formats: text, JSON mode and structured outputs (fact base §1.10).

Every body in JSON mode asks for JSON in a message, except in the rule about that.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies import json_schemas, text
from ...strategies.bodies import lean
from ...strategies.json_schemas import Schema
from ...strategies.messages import assistant, system, user
from ...strategies.plainer import plainer
from ...strategies.wrong import wrong_samples, wrong_type
from ..model import Body, Chapter
from .forms import (
    accepts,
    changed,
    contested,
    default_accepted,
    documented,
    each,
    null_observed,
    observed,
    observes,
    prose,
    refuses,
    since,
    values,
    varying,
)

_P = "response_format"
_ROOM = 128
_JSON = [user("Answer with a JSON object and nothing but json.")]
_JSON_OBJECT = {"type": "json_object"}
_SCHEMA: Schema = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_OPEN: Schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_DEEP: Schema = {
    "type": "object",
    "properties": {
        "place": _SCHEMA,
        "list": {"type": "array", "items": _SCHEMA},
        "unit": {"type": "string", "enum": ["C", "F"]},
    },
    "required": ["place", "list", "unit"],
    "additionalProperties": False,
}
_WORDED: Schema = {
    **_DEEP,
    "properties": {
        **_DEEP["properties"],
        "unit": {"type": "string", "enum": ["a b", '"', "\\", "{x}", "%s", "ü🛑"], "description": '{} %s "\\ é'},
    },
}
_OBJECT = documented("response_format: json_object")
_NAME = prose("response_format: characters and length of json_schema.name")
_SUBSET = observed("response_format: the strict subset of JSON Schema")


def _strict(properties: Schema, **more: Any) -> Schema:
    """A closed object that requires all of its properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def _format(**members: Any) -> dict[str, Any]:
    """A structured-outputs response format with members of its json_schema added or replaced."""
    return _structured({"name": "city", "schema": _SCHEMA, **members})


def _structured(json_schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": json_schema}


def _formats(*wanted: Any) -> list[Body]:
    return values(_P, *wanted, messages=_JSON)


def _drawn(member: str, strategy: st.SearchStrategy[Any], **others: Any) -> st.SearchStrategy[Body]:
    """Bodies with structured outputs, one member of whose json_schema is drawn; with room to answer a strict one."""
    more = {} if others.get("strict") is not True else {"max_tokens": _ROOM}
    return varying(_P, strategy.map(lambda value: _format(**{**others, member: value})), messages=_JSON, **more)


def _nested(levels: int) -> Schema:
    """Strict objects nested so many levels deep."""
    schema = _SCHEMA
    for _ in range(levels - 1):
        schema = _strict({"a": schema})
    return schema


@st.composite
def _json_words(draw: st.DrawFn) -> Body:
    """Bodies in JSON mode with the word in any letter case, in the first message or in the last."""
    word = "".join(draw(st.sampled_from([letter, letter.upper()])) for letter in "json")
    asks, other = user(f"Answer in {word}, please."), draw(st.sampled_from([[], [system("You are terse.")]]))
    later = draw(st.sampled_from([[], [assistant("Sure."), user("Say hi.")]]))
    return lean(messages=[*other, asks, *later], response_format=_JSON_OBJECT)


kinds = [
    accepts(
        "response_format.type.required",
        _P,
        "accepts the response format text",
        documented("response_format: type text"),
        values(_P, {"type": "text"}),
    ),
    refuses(
        "response_format.type.required",
        _P,
        "refuses a response format without a type",
        documented("response_format: type is required"),
        values(_P, {}, {"type": None}, {"json_schema": {"name": "city", "schema": _SCHEMA}}),
    ),
    accepts(
        "response_format.type.enum",
        _P,
        "accepts the response formats json_object and json_schema",
        documented("response_format: its three types"),
        _formats(_JSON_OBJECT, _format(strict=True)),
        needs=["json_object", "json_schema"],
    ),
    refuses(
        "response_format.type.enum",
        _P,
        "refuses any other type of response format",
        documented("response_format: its three types"),
        _formats(*({"type": kind} for kind in ("bogus", "JSON", "json", "", "json_object "))),
        examples=varying(
            _P,
            (
                st.sampled_from(["Text", "TEXT", "xml", "yaml", "jsonobject", "json-object", "JSON_OBJECT", "grammar1"])
                | wrong_type("string")
            ).map(lambda kind: {"type": kind}),
            messages=_JSON,
        ),
    ),
    refuses(
        "response_format.shape",
        _P,
        "refuses a response format that is not an object",
        documented("response_format: an object"),
        _formats("json", [], 7, True, "text", [{"type": "text"}]),
        examples=varying(_P, wrong_type("object")),
    ),
    null_observed(
        _P, contested("response_format: not nullable in the document; read as absent by the original service")
    ),
    default_accepted(_P, {"type": "text"}, documented("response_format: text is what is sent without it")),
]

json_object = [
    accepts(
        "response_format.jsonobject",
        _P,
        "accepts the response format json_object where a message asks for JSON",
        _OBJECT,
        _formats(_JSON_OBJECT),
        needs=["json_object"],
    ),
    accepts(
        "response_format.jsonobject.word",
        _P,
        "accepts json_object with the word in any letter case in any message",
        observed("response_format: the word in the messages"),
        [
            lean(messages=[user("Answer in json.")], response_format=_JSON_OBJECT),
            lean(messages=[system("You answer in JSON."), user("Say hi.")], response_format=_JSON_OBJECT),
            lean(messages=[user("Json, please."), assistant("Sure."), user("Say hi.")], response_format=_JSON_OBJECT),
        ],
        examples=_json_words(),
        needs=["json_object", "system_role"],
    ),
    refuses(
        "response_format.jsonobject.word",
        _P,
        "refuses json_object where no message has the word json",
        observed("response_format: the caller has to ask for JSON in a message"),
        [
            lean(response_format=_JSON_OBJECT),
            lean(messages=[system("You are terse."), user("Name one colour.")], response_format=_JSON_OBJECT),
        ],
        needs=["json_object"],
    ),
    refuses(
        "response_format.legacy.schema",
        _P,
        "refuses a schema beside the type json_object",
        observed("response_format: schema is an extension of other servers, unknown to the service"),
        _formats({**_JSON_OBJECT, "schema": _SCHEMA}),
        needs=["json_object"],
    ),
]

json_schema = [
    accepts(
        "response_format.jsonschema.required",
        _P,
        "accepts the response format json_schema with a name and a schema",
        documented("response_format: json_schema"),
        _formats(_format(), _format(strict=True)),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.required",
        _P,
        "refuses the type json_schema without its json_schema",
        documented("response_format: json_schema is required"),
        _formats(
            {"type": "json_schema"},
            {"type": "json_schema", "name": "city", "schema": _SCHEMA},  # as the Responses endpoint writes it
            {"type": "json_schema", "json_schema": None},
        ),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.type",
        _P,
        "refuses a json_schema that is not an object",
        documented("response_format: json_schema is an object"),
        _formats(*each(_structured, "city", [], 7, True)),
        examples=varying(
            _P,
            wrong_type("object").map(_structured),
            messages=_JSON,
        ),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.jsonschema.name",
        _P,
        "accepts schema names of 1 to 64 letters, digits, underscores and hyphens",
        _NAME,
        _formats(*(_format(name=name) for name in ("a" * 64, "a", "Get-City_2"))),
        examples=_drawn("name", text.function_names()),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.name",
        _P,
        "refuses schema names that are empty, too long or hold another character",
        _NAME,
        _formats(*(_format(name=name) for name in ("a b", "a" * 65, "", "a.b", "a" * 256, "city\n"))),
        examples=_drawn("name", text.bad_function_names() | st.text(text.NAME_ALPHABET, min_size=65, max_size=200)),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.name.required",
        _P,
        "refuses a json_schema without a name",
        documented("response_format: json_schema.name is required"),
        _formats({"type": "json_schema", "json_schema": {"schema": _SCHEMA}}, _format(name=None)),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.name.type",
        _P,
        "refuses a schema name that is not a string",
        documented("response_format: json_schema.name is a string"),
        _formats(*(_format(name=value) for value in wrong_samples("string")[:4])),
        examples=_drawn("name", wrong_type("string")),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.jsonschema.description",
        _P,
        "accepts a schema with a description",
        documented("response_format: json_schema.description"),
        _formats(_format(description=" ".join(text.SPOKEN))),
        examples=_drawn("description", text.prompts()),
        reduce=plainer,
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.description.type",
        _P,
        "refuses a schema description that is not a string",
        documented("response_format: json_schema.description is a string"),
        _formats(*(_format(description=value) for value in wrong_samples("string")[:3])),
        examples=_drawn("description", wrong_type("string")),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.jsonschema.schema",
        _P,
        "accepts any ordinary JSON Schema of an object where strict is not asked for",
        documented("response_format: json_schema.schema is a JSON Schema object"),
        _formats(_format(schema=_OPEN), _format(schema=_WORDED)),
        examples=_drawn("schema", json_schemas.parameters(min_properties=1)),
        needs=["json_schema"],
    ),
    observes(
        "response_format.jsonschema.schema",
        _P,
        "accepts a json_schema without a schema",
        contested("response_format: json_schema.schema is optional in the document"),
        _formats({"type": "json_schema", "json_schema": {"name": "city"}}),
        needs=["json_schema"],
    ),
    observes(
        "response_format.jsonschema.recursive",
        _P,
        "accepts a schema that refers to itself, and one with many keywords",
        contested("response_format: which keywords a schema may have outside strict is not said"),
        _formats(
            _format(schema={"type": "object", "properties": {"city": {"$ref": "#"}}}),
            _format(schema=json_schemas.WRITTEN),
        ),
        needs=["json_schema"],
        risky=True,
    ),
    refuses(
        "response_format.jsonschema.schema.type",
        _P,
        "refuses a schema that is not an object",
        documented("response_format: json_schema.schema is an object"),
        _formats(_format(schema="x"), _format(schema=[]), _format(schema=7)),
        examples=_drawn(
            "schema", st.integers(-99, 99) | st.text("abc", max_size=3) | st.lists(st.integers(0, 9), max_size=2)
        ),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.jsonschema.strict.type",
        _P,
        "accepts strict true, false and null",
        documented("response_format: json_schema.strict is a boolean, null allowed"),
        _formats(*(_format(strict=value) for value in (True, False, None))),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.strict.type",
        _P,
        "refuses strict that is not a boolean",
        documented("response_format: json_schema.strict is a boolean"),
        _formats(*(_format(strict=value) for value in ("yes", 1, "true"))),
        examples=_drawn("strict", wrong_type("boolean")),
        needs=["json_schema"],
    ),
]

strict = [
    accepts(
        "response_format.strict.additional",
        _P,
        "accepts strict schemas whose objects are all closed",
        _SUBSET,
        _formats(_format(strict=True), _format(strict=True, schema=_DEEP)),
        examples=_drawn("schema", json_schemas.strict_schemas(), strict=True),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.strict.additional",
        _P,
        "refuses a strict schema with an object that is not closed",
        _SUBSET,
        _formats(
            *(
                _format(strict=True, schema=schema)
                for schema in (
                    _OPEN,
                    {**_SCHEMA, "additionalProperties": True},
                    _strict({"place": _OPEN}),
                    _strict({"list": {"type": "array", "items": _OPEN}}),
                )
            )
        ),
        examples=_drawn("schema", json_schemas.open_schemas(), strict=True),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.strict.required",
        _P,
        "accepts strict schemas whose properties are all required",
        _SUBSET,
        _formats(_format(strict=True, schema=_strict({"city": {"type": "string"}, "days": {"type": "integer"}}))),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.strict.required",
        _P,
        "refuses a strict schema with a property that is not required",
        _SUBSET,
        _formats(
            *(
                _format(strict=True, schema=schema)
                for schema in (
                    _strict({"city": {"type": "string"}, "days": {"type": "integer"}}, required=["city"]),
                    _strict({"place": _strict({"a": {"type": "string"}, "b": {"type": "string"}}, required=["b"])}),
                )
            )
        ),
        examples=_drawn("schema", json_schemas.partly_required_schemas(), strict=True),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.strict.root",
        _P,
        "accepts strict schemas whose root is an object",
        _SUBSET,
        _formats(_format(strict=True)),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.strict.root",
        _P,
        "refuses a strict schema whose root is not an object",
        _SUBSET,
        _formats(
            *(
                _format(strict=True, schema=schema)
                for schema in (
                    {"type": "array", "items": {"type": "string"}},
                    {"anyOf": [_SCHEMA, _strict({"days": {"type": "integer"}})]},
                    {"type": "string"},
                )
            )
        ),
        examples=_drawn("schema", json_schemas.other_roots(), strict=True),
        needs=["json_schema"],
    ),
    observes(
        "response_format.strict.limits",
        _P,
        "accepts strict schemas five levels deep and with 100 properties",
        contested("response_format: limits of strict schemas are in a guide and have moved"),
        _formats(
            _format(strict=True, schema=_nested(5)),
            _format(strict=True, schema=_strict({f"p{i}": {"type": "integer"} for i in range(100)})),
        ),
        needs=["json_schema"],
    ),
    *changed(
        "2026-08",
        observes(
            "response_format.strict.keywords",
            _P,
            "refuses keywords outside the strict subset",
            contested("response_format: keywords of strict schemas are in a guide and have moved"),
            _formats(
                _format(strict=True, schema=_strict({"city": {"allOf": [{"type": "string"}]}})),
                _format(strict=True, schema=_strict({"city": {"type": "string", "minLength": 1}})),
            ),
            needs=["json_schema"],
        ),
        pins=tuple(
            _formats(
                *(
                    _format(strict=True, schema=_strict({"city": odd}))
                    for odd in ({"allOf": [{"type": "string"}]}, {"not": {"type": "integer"}})
                )
            )
        ),
    ),
    *since(
        "2026-08",
        observes(
            "response_format.strict.keywords.later",
            _P,
            "accepts patterns, ranges and array lengths in strict schemas",
            contested("response_format: keywords of strict schemas are in a guide and have moved"),
            _formats(
                *(
                    _format(strict=True, schema=_strict({"value": more}))
                    for more in (
                        {"type": "string", "pattern": "^[a-z]+$"},
                        {"type": "integer", "minimum": 0, "maximum": 9},
                        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
                    )
                )
            ),
            needs=["json_schema"],
        ),
    ),
]

CHAPTER = Chapter("output", "Response formats", (*kinds, *json_object, *json_schema, *strict))
