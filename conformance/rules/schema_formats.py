"""Structured outputs: the members of json_schema (fact base §1.10)."""

from __future__ import annotations

from hypothesis import strategies as st

from ...strategies import json_schemas, text
from ...strategies.json_schemas import Schema
from ...strategies.plainer import plainer
from ...strategies.wrong import wrong_samples, wrong_type
from .format_bodies import ASKS_JSON, CITY, DEEP, OPEN, drawn, formats, json_schema_of, structured
from .forms import accepts, contested, documented, each, observes, prose, refuses, varying

_P = "response_format"
_NAME = prose("response_format: characters and length of json_schema.name")
_WORDED: Schema = {
    **DEEP,
    "properties": {
        **DEEP["properties"],
        "unit": {"type": "string", "enum": ["a b", '"', "\\", "{x}", "%s", "ü🛑"], "description": '{} %s "\\ é'},
    },
}

RULES = [
    accepts(
        "response_format.jsonschema.required",
        _P,
        "accepts the response format json_schema with a name and a schema",
        documented("response_format: json_schema"),
        formats(structured(), structured(strict=True)),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.required",
        _P,
        "refuses the type json_schema without its json_schema",
        documented("response_format: json_schema is required"),
        formats(
            {"type": "json_schema"},
            {"type": "json_schema", "name": "city", "schema": CITY},  # as the Responses endpoint writes it
            {"type": "json_schema", "json_schema": None},
        ),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.type",
        _P,
        "refuses a json_schema that is not an object",
        documented("response_format: json_schema is an object"),
        formats(*each(json_schema_of, "city", [], 7, True)),
        examples=varying(
            _P,
            wrong_type("object").map(json_schema_of),
            messages=ASKS_JSON,
        ),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.jsonschema.name",
        _P,
        "accepts schema names of 1 to 64 letters, digits, underscores and hyphens",
        _NAME,
        formats(*(structured(name=name) for name in ("a" * 64, "a", "Get-City_2"))),
        examples=drawn("name", text.function_names()),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.name",
        _P,
        "refuses schema names that are empty, too long or hold another character",
        _NAME,
        formats(*(structured(name=name) for name in ("a b", "a" * 65, "", "a.b", "a" * 256, "city\n"))),
        examples=drawn("name", text.bad_function_names() | st.text(text.NAME_ALPHABET, min_size=65, max_size=200)),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.name.required",
        _P,
        "refuses a json_schema without a name",
        documented("response_format: json_schema.name is required"),
        formats({"type": "json_schema", "json_schema": {"schema": CITY}}, structured(name=None)),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.name.type",
        _P,
        "refuses a schema name that is not a string",
        documented("response_format: json_schema.name is a string"),
        formats(*(structured(name=value) for value in wrong_samples("string")[:4])),
        examples=drawn("name", wrong_type("string")),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.jsonschema.description",
        _P,
        "accepts a schema with a description",
        documented("response_format: json_schema.description"),
        formats(structured(description=" ".join(text.SPOKEN))),
        examples=drawn("description", text.prompts()),
        reduce=plainer,
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.description.type",
        _P,
        "refuses a schema description that is not a string",
        documented("response_format: json_schema.description is a string"),
        formats(*(structured(description=value) for value in (7, True, ["A city."]))),
        examples=drawn("description", wrong_type("string")),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.jsonschema.schema",
        _P,
        "accepts any ordinary JSON Schema of an object where strict is not asked for",
        documented("response_format: json_schema.schema is a JSON Schema object"),
        formats(structured(schema=OPEN), structured(schema=_WORDED)),
        examples=drawn("schema", json_schemas.parameters(min_properties=1)),
        needs=["json_schema"],
    ),
    observes(
        "response_format.jsonschema.schema",
        _P,
        "accepts a json_schema without a schema",
        contested("response_format: json_schema.schema is optional in the document"),
        formats({"type": "json_schema", "json_schema": {"name": "city"}}),
        needs=["json_schema"],
    ),
    observes(
        "response_format.jsonschema.recursive",
        _P,
        "accepts a schema that refers to itself, and one with many keywords",
        contested("response_format: which keywords a schema may have outside strict is not said"),
        formats(
            structured(schema={"type": "object", "properties": {"city": {"$ref": "#"}}}),
            structured(schema=json_schemas.WRITTEN),
        ),
        needs=["json_schema"],
        risky=True,
    ),
    refuses(
        "response_format.jsonschema.schema.type",
        _P,
        "refuses a schema that is not an object",
        documented("response_format: json_schema.schema is an object"),
        formats(structured(schema="x"), structured(schema=[]), structured(schema=7)),
        examples=drawn(
            "schema", st.integers(-99, 99) | st.text("abc", max_size=3) | st.lists(st.integers(0, 9), max_size=2)
        ),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.jsonschema.strict.type",
        _P,
        "accepts strict true, false and null",
        documented("response_format: json_schema.strict is a boolean, null allowed"),
        formats(*(structured(strict=value) for value in (True, False, None))),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.jsonschema.strict.type",
        _P,
        "refuses strict that is not a boolean",
        documented("response_format: json_schema.strict is a boolean"),
        formats(*(structured(strict=value) for value in ("yes", 1, "true", [True]))),
        examples=drawn("strict", wrong_type("boolean")),
        needs=["json_schema"],
    ),
]
