"""The deprecated functions, and a conversation in which one is called (fact base §1.11).

How they are used, and how they mix with tools, are modules of their own.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from ...strategies import json_schemas, text
from ...strategies.bodies import lean
from ...strategies.faults import bad_item_in
from ...strategies.messages import assistant_function, function_reply, user
from ...strategies.plainer import plainer
from ...strategies.tools import Definition, definition, many_definitions, plain_functions
from ...strategies.wrong import wrong_samples, wrong_type
from ..model import Body, Chapter, Strength
from . import both_families, function_call
from .forms import (
    accepts,
    contested,
    documented,
    first_only,
    lacking,
    null_observed,
    observes,
    only,
    prose,
    refuses,
    varying,
    wrong_types_refused,
)
from .function_bodies import FUNCTION, A, B, with_functions

_GOOD = st.sampled_from([[], [A], [A, B]])


def _among(bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    """Bodies whose list of functions holds one bad function, alone or at any place among good ones."""
    return varying("functions", bad_item_in(_GOOD, bad))


functions = [
    accepts(
        "functions.min",
        "functions",
        "accepts one function and several",
        documented("functions: at least one"),
        [
            *with_functions([FUNCTION], [A, B, FUNCTION]),
            lean(messages=[user("What is the weather in Paris?")], functions=[FUNCTION], max_tokens=128),
        ],
        examples=varying("functions", plain_functions()),
    ),
    refuses(
        "functions.min",
        "functions",
        "refuses an empty list of functions",
        documented("functions: at least one"),
        with_functions([]),
    ),
    accepts(
        "functions.max",
        "functions",
        "accepts 128 functions",
        documented("functions: at most 128"),
        with_functions(many_definitions(128)),
        control=first_only("functions"),  # without parameters, as they all are
    ),
    refuses(
        "functions.max",
        "functions",
        "refuses more than 128 functions",
        documented("functions: at most 128"),
        with_functions(many_definitions(129), many_definitions(200)),
    ),
    wrong_types_refused("functions", "array", source=documented("functions: an array"), first=[FUNCTION]),
    null_observed("functions", contested("functions: not nullable in the document")),
    refuses(
        "functions.item",
        "functions",
        "refuses functions that are not objects",
        documented("functions: every item is an object"),
        with_functions([A, B, 7], ["get_weather"], [None]),
        examples=_among(wrong_type("object")),
    ),
    accepts(
        "functions.name",
        "functions",
        "accepts a function with a name",
        documented("functions: name"),
        with_functions([FUNCTION]),
    ),
    refuses(
        "functions.name",
        "functions",
        "refuses a function without a name",
        documented("functions: name is required"),
        with_functions([A, B, lacking(FUNCTION, "name")], [lacking(FUNCTION, "name")], [definition(None)]),
    ),
    refuses(
        "functions.name.type",
        "functions",
        "refuses a function name that is not a string",
        documented("functions: name is a string"),
        with_functions(*([definition(value)] for value in wrong_samples("string")[:3])),
        examples=_among(wrong_type("string").map(definition)),
    ),
    accepts(
        "functions.name.pattern",
        "functions",
        "accepts legacy function names of letters, digits, underscores and hyphens",
        prose("functions: characters of name"),
        with_functions([definition("a")], [definition("Get-Weather_2")]),
        examples=varying(
            "functions", text.function_names(max_size=text.NAME_MAX - 1).map(lambda name: [definition(name)])
        ),
    ),
    refuses(
        "functions.name.pattern",
        "functions",
        "refuses legacy function names that are empty or hold another character",
        prose("functions: characters of name"),
        with_functions(
            [definition("naïve")],
            [A, B, definition("a.b")],
            [definition("")],
            [definition("has space")],
            [definition("a\n")],
        ),
        examples=_among(text.bad_function_names().map(definition)),
    ),
    accepts(
        "functions.name.maxlen",
        "functions",
        "accepts legacy function names of 64 characters",
        prose("functions: length of name"),
        with_functions([definition("a" * 64)]),
    ),
    refuses(
        "functions.name.maxlen",
        "functions",
        "refuses legacy function names of more than 64 characters",
        prose("functions: length of name"),
        with_functions([definition("a" * 65)], [A, B, definition("a" * 256)]),
        examples=_among(st.text(text.NAME_ALPHABET, min_size=65, max_size=200).map(definition)),
    ),
    accepts(
        "functions.description",
        "functions",
        "accepts a legacy function with any description",
        documented("functions: description is an optional string"),
        with_functions([definition(description=" ".join(text.SPOKEN))]),
        reduce=plainer,
    ),
    refuses(
        "functions.description.type",
        "functions",
        "refuses a legacy function description that is not a string",
        documented("functions: description is a string"),
        with_functions([definition(description=7)], [A, definition(description=["x"])]),
    ),
    accepts(
        "functions.parameters.optional",
        "functions",
        "accepts a legacy function without parameters",
        prose("functions: leaving parameters out means that there are none"),
        with_functions([lacking(FUNCTION, "parameters")]),
    ),
    accepts(
        "functions.parameters.type",
        "functions",
        "accepts legacy parameters that are a JSON Schema of an object",
        documented("functions: parameters is a JSON Schema object"),
        with_functions([FUNCTION]),
        examples=varying("functions", json_schemas.documents().map(lambda schema: [definition(parameters=schema)])),
    ),
    refuses(
        "functions.parameters.type",
        "functions",
        "refuses legacy parameters that are not an object",
        documented("functions: parameters is an object"),
        with_functions([definition(parameters="x")], [definition(parameters=[])], [A, B, definition(parameters=7)]),
        examples=_among(wrong_type("object", "boolean").map(lambda value: definition(parameters=value))),
    ),
    observes(
        "functions.name.dup",
        "functions",
        "refuses two functions with one name",
        contested("functions: no primary source says that names are distinct"),
        with_functions([FUNCTION, FUNCTION]),
    ),
]


def _talk(declared: list[Definition], arguments: str) -> Body:
    """The first of the declared functions was called and answered, and the user goes on."""
    name = declared[0]["name"]
    messages = [
        user("What is the weather?"),
        assistant_function(name, arguments),
        function_reply(name),
        user("Thanks."),
    ]
    return lean(functions=declared, messages=messages)


@st.composite
def _talks(draw: st.DrawFn) -> Body:
    city = draw(st.sampled_from(["Paris", "Rome", "Oslo"]))
    return _talk(draw(plain_functions(max_size=2)), json.dumps({"city": city}))


conversation = [
    accepts(
        "functions.conversation",
        "functions",
        "accepts a conversation in which a declared function was called and answered",
        documented("functions, messages: function calls and function messages"),
        [_talk([FUNCTION], json.dumps({"city": "Paris"}))],
        examples=_talks(),
        strength=Strength.SHOULD,  # reasoning models refuse the role function, as in the chapter on roles
        needs=["function_messages"],
        control=only("functions"),
    ),
]

CHAPTER = Chapter(
    "legacy",
    "Legacy functions, and functions mixed with tools",
    (*functions, *conversation, *function_call.RULES, *both_families.RULES),
)
