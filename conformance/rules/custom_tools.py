"""Tools of type custom, tool_choice allowed_tools, histories with custom calls (fact base §1.11, §4; from 2025-08 on).

Both belong to newer models, and their gates may be refused cleanly. A custom tool takes free text, perhaps by a
grammar; no document says which characters its name may have, so that names here are plain.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ...strategies.custom_tools import (
    LARK,
    REGEX,
    SYNTAXES,
    TEXT,
    allowed,
    bad_formats,
    choices_beside,
    custom,
    custom_call,
    custom_choice,
    custom_tools,
    reference_to,
)
from ...strategies.messages import assistant, assistant_calls, tool_call, tool_reply, user
from ...strategies.text import SPOKEN, prompts
from ...strategies.words import no_such, wrong_words
from ...strategies.wrong import wrong_samples, wrong_type
from ..model import Body, Chapter, Strength
from .forms import accepts, contested, documented, each, lacking, observed, observes, refuses, since, values, varying
from .gates import OTHER_TOOL, TOOL
from .tool_bodies import with_tools

_NEEDS = ["custom_tools"]
_SHAPE = documented("tools: a custom tool has a name, perhaps a description and a format")
_FORMAT = documented("tools: format of a custom tool is text, or a grammar in lark or regex with its definition")
_CALL = documented("tool call: a custom call has an id, the type custom, and custom with name and input")
_WRITE = [user("Note down that the milk is gone.")]
NOTE, OTHER = custom(), custom("sketch", description="Draws something.")


def _customs(member: str, *wanted: Any) -> list[Body]:
    """Bodies with one ordinary custom tool, one for each value of one member of its ``custom``."""
    return with_tools(*([custom(**{member: value})] for value in wanted))


def _grammar(**members: Any) -> dict[str, Any]:
    return {"type": "grammar", "grammar": {**LARK["grammar"], **members}}


tools = [
    accepts(
        "tool.custom.shape",
        "tools",
        "accepts a custom tool with a name, a description and a format of each kind",
        _SHAPE,
        [
            *with_tools([NOTE], [{"type": "custom", "custom": {"name": "note"}}]),
            *_customs("format", TEXT, LARK, REGEX),
            lean(messages=_WRITE, tools=[NOTE], max_tokens=128),
        ],
        examples=varying("tools", custom_tools().map(lambda tool: [tool])),
        needs=_NEEDS,
    ),
    accepts(
        "tool.custom.beside",
        "tools",
        "accepts custom tools beside functions",
        documented("tools: each item is a function tool or a custom tool"),
        with_tools([TOOL, NOTE], [NOTE, OTHER, TOOL]),
        needs=_NEEDS,
    ),
    refuses(
        "tool.custom.required",
        "tools",
        "refuses a custom tool without its custom, or without a name in it",
        documented("tools: custom and its name are required"),
        with_tools(
            [{"type": "custom"}],
            [{"type": "custom", "custom": {}}],
            [TOOL, {"type": "custom", "custom": {"description": "Writes."}}],
            [{"type": "custom", "custom": None}],
            [NOTE, {"type": "custom", "function": TOOL["function"]}],
            [{"type": "custom", "name": "note"}],
        ),
        needs=_NEEDS,
    ),
    refuses(
        "tool.custom.type",
        "tools",
        "refuses a custom tool whose custom, name or description has a wrong JSON type",
        _SHAPE,
        [
            *with_tools([{"type": "custom", "custom": "note"}], [{"type": "custom", "custom": [NOTE["custom"]]}]),
            *_customs("name", *wrong_samples("string")[:3]),
            *_customs("description", 7, ["Writes."]),
        ],
        examples=varying("tools", wrong_type("string").map(lambda value: [custom(value)])),
        needs=_NEEDS,
    ),
    refuses(
        "tool.custom.format",
        "tools",
        "refuses a format of a custom tool that is none, or a grammar without its parts",
        _FORMAT,
        _customs(
            "format",
            "text",
            {"type": "bogus"},
            {},
            {"type": "grammar"},
            {"type": "grammar", "grammar": lacking(LARK["grammar"], "definition")},
            {"type": "grammar", "grammar": lacking(LARK["grammar"], "syntax")},
            *(_grammar(syntax=word) for word in wrong_words(SYNTAXES)[:3]),
            _grammar(definition=7),
        ),
        examples=varying("tools", bad_formats().map(lambda value: [custom(format=value)])),
        needs=_NEEDS,
    ),
    observes(
        "tool.custom.format.flat",
        "tools",
        "refuses a grammar whose parts lie in the format itself",
        contested("tools: the flat form belongs to another interface of the service"),
        _customs("format", {"type": "grammar", **LARK["grammar"]}),
        needs=_NEEDS,
    ),
    observes(
        "tool.custom.name.pattern",
        "tools",
        "refuses a name of a custom tool with a space, or none of any length",
        contested("tools: no document says which names a custom tool may have"),
        _customs("name", "has space", "", "n" * 65),
        needs=_NEEDS,
    ),
]


streamed = [
    accepts(
        "stream.custom_tools",
        "stream",
        "accepts stream: true with a custom tool and with allowed tools",
        documented("stream: a boolean, whatever else is asked for"),
        [
            lean(
                messages=_WRITE,
                tools=[NOTE],
                tool_choice=custom_choice(),
                stream=True,
                stream_options={"include_usage": True},
                max_tokens=128,
            ),
            lean(tools=[NOTE, TOOL], tool_choice=allowed(NOTE), stream=True),
        ],
        needs=["streaming", "stream_options", "tools", "tool_choice", "custom_tools", "allowed_tools"],
    ),
]


def _called_with(value: Any) -> Body:
    return _called(custom_call(input=value))


def _called(*calls: Any) -> Body:
    replies = [tool_reply(call["id"]) for call in calls]
    return lean(messages=[user(), assistant_calls(*calls), *replies], tools=[NOTE, TOOL])


def _custom(**members: Any) -> dict[str, Any]:
    """A call whose ``custom`` has exactly these members."""
    return custom_call(custom=members)


_CALLS = [*_NEEDS, "tool_messages"]

histories = [
    accepts(
        "toolcall.custom.shape",
        "messages",
        "accepts custom calls in the history, each answered once",
        _CALL,
        [
            _called(custom_call()),
            _called(custom_call(1, input=" ".join(SPOKEN)), tool_call(2)),
            lean(
                messages=[user(), assistant_calls(custom_call()), tool_reply(), assistant(), user("Thank you!")],
                tools=[NOTE],
            ),
        ],
        examples=prompts().map(lambda text: _called(custom_call(input=text))),
        needs=_CALLS,
    ),
    refuses(
        "toolcall.custom.shape",
        "messages",
        "refuses a custom call that lacks a member or has a wrong type",
        _CALL,
        [
            _called(lacking(custom_call(), "custom")),
            _called(_custom(name="note")),
            _called(_custom(input="Buy milk.")),
            _called(custom_call(custom="note")),
        ],
        needs=_CALLS,
    ),
    refuses(
        "toolcall.custom.input.type",
        "messages",
        "refuses the input of a custom call that is not a string",
        _CALL,
        each(_called_with, {}, 7, ["Buy milk."]),
        examples=wrong_type("string").map(_called_with),
        needs=_CALLS,
    ),
]

_BOTH = [TOOL, NOTE]


def _choices(*wanted: Any, tools: list[Any]) -> list[Body]:
    return values("tool_choice", *wanted, tools=tools)


named = [
    accepts(
        "tool_choice.custom.shape",
        "tool_choice",
        "accepts the object that names a custom tool as tool_choice",
        documented("tool_choice: type custom and custom.name"),
        _choices(custom_choice(), custom_choice("sketch"), tools=[NOTE, OTHER, TOOL]),
        examples=varying("tool_choice", st.sampled_from((custom_choice(), "auto", "required", "none")), tools=[NOTE]),
        needs=_NEEDS,
    ),
    refuses(
        "tool_choice.custom.shape",
        "tool_choice",
        "refuses a tool_choice of type custom of another shape",
        documented("tool_choice: type and custom.name are required"),
        _choices(
            {"type": "custom"},
            {"type": "custom", "custom": {}},
            {"type": "custom", "custom": "note"},
            {"type": "custom", "name": "note"},
            {"type": "custom", "function": {"name": "note"}},
            custom_choice(7),
            tools=_BOTH,
        ),
        examples=varying("tool_choice", wrong_type("string").map(custom_choice), tools=_BOTH),
        needs=_NEEDS,
    ),
    refuses(
        "tool_choice.custom.exists",
        "tool_choice",
        "refuses a tool_choice that names a custom tool which is not there",
        documented("tool_choice: forces the named tool, so it has to be one of the tools"),
        _choices(custom_choice("sketch"), tools=_BOTH),
        strength=Strength.SHOULD,  # as tool_choice.named.exists
        needs=_NEEDS,
    ),
    observes(
        "tool_choice.custom.other",
        "tool_choice",
        "refuses a tool_choice that names a tool by the other type",
        contested("tool_choice: no document says whether names of the two types are apart"),
        _choices(custom_choice("get_weather"), {"type": "function", "function": {"name": "note"}}, tools=_BOTH),
        needs=_NEEDS,
    ),
]

_ALLOWED = documented("tool_choice: allowed_tools has a mode and an array of tools, both required")
_MODES = ("auto", "required")
_TWO = [TOOL, OTHER_TOOL]


def _choosing(members: Any) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": members}


some = [
    accepts(
        "tool_choice.allowed.shape",
        "tool_choice",
        "accepts a tool_choice that allows some of the tools, in either mode",
        _ALLOWED,
        [
            *_choices(allowed(TOOL), allowed(TOOL, mode="required"), allowed(*_TWO), tools=_TWO),
            *_choices(allowed(TOOL, OTHER_TOOL, mode="required"), tools=[*_TWO, {**TOOL, "function": {"name": "f"}}]),
        ],
        needs=["tools", "allowed_tools"],
    ),
    accepts(
        "tool_choice.allowed.custom",
        "tool_choice",
        "accepts a tool_choice that allows custom tools",
        _ALLOWED,
        _choices(allowed(NOTE), allowed(*_BOTH, mode="required"), tools=[*_BOTH, OTHER]),
        examples=varying("tool_choice", choices_beside(_BOTH), tools=_BOTH),
        needs=["allowed_tools", *_NEEDS],
    ),
    refuses(
        "tool_choice.allowed.shape",
        "tool_choice",
        "refuses a tool_choice of type allowed_tools that lacks a member or has one of a wrong type",
        _ALLOWED,
        _choices(
            {"type": "allowed_tools"},
            _choosing({"mode": "auto"}),
            _choosing({"tools": [reference_to(TOOL)]}),
            {"type": "allowed_tools", "mode": "auto", "tools": [reference_to(TOOL)]},
            _choosing({"mode": "auto", "tools": reference_to(TOOL)}),
            _choosing({"mode": "auto", "tools": ["get_weather"]}),
            _choosing("auto"),
            tools=_TWO,
        ),
        examples=varying(
            "tool_choice",
            wrong_type("array").map(lambda value: _choosing({"mode": "auto", "tools": value})),
            tools=_TWO,
        ),
        needs=["tools", "allowed_tools"],
    ),
    refuses(
        "tool_choice.allowed.mode",
        "tool_choice",
        "refuses a mode of allowed_tools that is not listed",
        documented("tool_choice: the mode of allowed_tools is auto or required"),
        _choices(*(allowed(TOOL, mode=word) for word in ("none", *wrong_words(_MODES), 7)), tools=_TWO),
        examples=varying("tool_choice", no_such(_MODES).map(lambda word: allowed(TOOL, mode=word)), tools=_TWO),
        needs=["tools", "allowed_tools"],
    ),
    observes(
        "tool_choice.allowed.exists",
        "tool_choice",
        "refuses allowed_tools that name a tool which is not there, or none",
        contested("tool_choice: the items of allowed_tools are free objects in the schema"),
        _choices(
            _choosing({"mode": "auto", "tools": [{"type": "function", "function": {"name": "get_news"}}]}),
            _choosing({"mode": "auto", "tools": []}),
            tools=_TWO,
        ),
        needs=["tools", "allowed_tools"],
    ),
    refuses(
        "tool_choice.allowed.needs.tools",
        "tool_choice",
        "refuses allowed_tools without tools",
        observed("tool_choice: only where tools are given"),
        [lean(tool_choice=allowed(TOOL))],
        needs=["tools", "allowed_tools"],
    ),
]

CHAPTER = Chapter(
    "custom_tools",
    "Custom tools and allowed tools",
    tuple(since("2026-08", *tools, *streamed, *histories, *named, *some)),
)
