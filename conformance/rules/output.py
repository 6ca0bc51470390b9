"""Response formats: text and JSON mode (fact base §1.10).

Structured outputs, and the strict subset of their schemas, are modules of their own. Every body in JSON mode asks for
JSON in a message, except in the rule about that.
"""

from __future__ import annotations

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ...strategies.messages import assistant, system, user
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter
from . import schema_formats, strict_formats
from .format_bodies import ASKS_JSON, CITY, formats, structured
from .forms import accepts, contested, default_accepted, documented, null_observed, observed, refuses, values, varying

_P = "response_format"
_JSON_OBJECT = {"type": "json_object"}
_OBJECT = documented("response_format: json_object")


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
        "refuses a response format whose type is missing or no string",
        documented("response_format: type is a required string"),
        values(
            _P, {}, {"type": None}, {"json_schema": {"name": "city", "schema": CITY}}, {"type": ["text"]}, {"type": 7}
        ),
    ),
    accepts(
        "response_format.type.enum",
        _P,
        "accepts the response formats json_object and json_schema",
        documented("response_format: its three types"),
        formats(_JSON_OBJECT, structured(strict=True)),
        needs=["json_object", "json_schema"],
    ),
    refuses(
        "response_format.type.enum",
        _P,
        "refuses any other type of response format",
        documented("response_format: its three types"),
        formats(*({"type": kind} for kind in ("Text", "", "bogus", "json", "json_object "))),
        examples=varying(
            _P,
            (
                st.sampled_from(["Text", "TEXT", "xml", "yaml", "jsonobject", "json-object", "JSON_OBJECT", "grammar1"])
                | wrong_type("string")
            ).map(lambda kind: {"type": kind}),
            messages=ASKS_JSON,
        ),
    ),
    refuses(
        "response_format.shape",
        _P,
        "refuses a response format that is not an object",
        documented("response_format: an object"),
        formats("json", [], 7, True, "text", [{"type": "text"}]),
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
        formats(_JSON_OBJECT),
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
        formats({**_JSON_OBJECT, "schema": CITY}),
        needs=["json_object"],
    ),
]

CHAPTER = Chapter("output", "Response formats", (*kinds, *json_object, *schema_formats.RULES, *strict_formats.RULES))
