"""Asking for a stream: stream and stream_options (fact base §1.8).

The default of stream_options is null, so its null rule is its default rule. Members of stream_options that no document
knows are in the http chapter.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies.bodies import SCHEMAS, lean
from ...strategies.messages import user
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter
from .forms import (
    accepts,
    default_accepted,
    documented,
    each,
    null_accepted,
    prose,
    refuses,
    since,
    values,
    varying,
    wrong_types_refused,
)
from .gates import TOOL
from .views import COUNT

_ON = {"stream": True}
_NEEDS = ["streaming"]
_WEATHER = [user("What is the weather in Paris?")]
_JSON = [user("Answer with a JSON object and nothing but json.")]
_FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMAS[0]}}
_USAGE = documented("stream_options.include_usage: a boolean")

stream = [
    accepts(
        "stream.type",
        "stream",
        "accepts stream: true",
        documented("stream: a boolean"),
        values("stream", True),
        needs=_NEEDS,
    ),
    wrong_types_refused("stream", "boolean", source=documented("stream: a boolean"), first=["true", 1, "false", 0]),
    null_accepted("stream", documented("stream: nullable")),
    default_accepted("stream", False, documented("stream: default false")),
]


def _usage(value: Any) -> dict[str, Any]:
    return {"include_usage": value}


def _obfuscation(value: Any) -> dict[str, Any]:
    return {"include_obfuscation": value}


def _without_stream(usage: bool, off: Body) -> Body:
    return lean(stream_options={"include_usage": usage}, **off)


def _streamed(**properties: Any) -> Body:
    return lean(**_ON, stream_options={"include_usage": True}, **properties)


_BESIDE = documented("stream: a boolean, whatever else is asked for")

together = [
    accepts(
        "stream.tools",
        "stream",
        "accepts stream: true with tools",
        _BESIDE,
        [_streamed(messages=_WEATHER, tools=[TOOL], max_tokens=128)],
        needs=[*_NEEDS, "stream_options", "tools"],
    ),
    accepts(
        "stream.tool_choice",
        "stream",
        "accepts stream: true with tool_choice required",
        _BESIDE,
        [_streamed(messages=_WEATHER, tools=[TOOL], tool_choice="required", max_tokens=128)],
        needs=[*_NEEDS, "stream_options", "tools", "tool_choice", "forced_tool"],
    ),
    accepts(
        "stream.functions",
        "stream",
        "accepts stream: true with functions",
        _BESIDE,
        [_streamed(messages=_WEATHER, functions=[TOOL["function"]], max_tokens=128)],
        needs=[*_NEEDS, "stream_options", "functions"],
    ),
    accepts(
        "stream.format",
        "stream",
        "accepts stream: true with the response format json_object",
        _BESIDE,
        [_streamed(messages=_JSON, response_format={"type": "json_object"}, max_tokens=256)],
        needs=[*_NEEDS, "stream_options", "json_object"],
    ),
    accepts(
        "stream.schema",
        "stream",
        "accepts stream: true with the response format json_schema",
        _BESIDE,
        [_streamed(messages=_JSON, response_format=_FORMAT, max_tokens=256)],
        needs=[*_NEEDS, "stream_options", "json_schema"],
    ),
    *(
        accepts(
            f"stream.bound{suffix}",
            "stream",
            f"accepts stream: true with {name}: 1",
            _BESIDE,
            [_streamed(messages=COUNT, **{name: 1})],
            needs=[*_NEEDS, "stream_options", name],
        )
        for name, suffix in (("max_tokens", ""), ("max_completion_tokens", ".completion"))
    ),
]

options = [
    accepts(
        "stream_options.needs",
        "stream_options",
        "accepts stream_options with stream: true",
        prose("stream_options: only with stream: true"),
        [lean(stream_options={"include_usage": True}, **_ON)],  # the order of members means nothing
        needs=_NEEDS,
    ),
    refuses(
        "stream_options.needs",
        "stream_options",
        "refuses stream_options without stream: true",
        prose("stream_options: only with stream: true"),
        [
            lean(**stream, stream_options=options)
            for stream, options in (
                ({}, {"include_usage": True}),
                ({"stream": False}, {"include_usage": True}),
                ({"stream": None}, {}),
            )
        ],
        examples=st.builds(
            _without_stream,
            st.booleans(),
            st.sampled_from([{}, {"stream": False}]),
        ),
    ),
    null_accepted("stream_options", documented("stream_options: nullable")),
    accepts(
        "stream_options.null.stream",
        "stream_options",
        "accepts stream_options: null with stream: true",
        documented("stream_options: nullable"),
        values("stream_options", None, **_ON),
        needs=_NEEDS,
    ),
    accepts(
        "stream_options.empty",
        "stream_options",
        "accepts stream_options: {} with stream: true",
        documented("stream_options: no member is required"),
        values("stream_options", {}, **_ON),
        needs=_NEEDS,
    ),
    accepts(
        "stream_options.usage.type",
        "stream_options",
        "accepts include_usage: true and false",
        _USAGE,
        values("stream_options", {"include_usage": False}, {"include_usage": True}, **_ON),
        needs=_NEEDS,
    ),
    refuses(
        "stream_options.usage.type",
        "stream_options",
        "refuses include_usage of a wrong JSON type",
        _USAGE,
        values("stream_options", *each(_usage, "true", 1, "yes", 0.5, [], {}), **_ON),
        examples=varying("stream_options", wrong_type("boolean").map(_usage), **_ON),
        needs=_NEEDS,
    ),
    wrong_types_refused(
        "stream_options", "object", source=documented("stream_options: an object"), context=_ON, needs=_NEEDS
    ),
]

_OBFUSCATION = documented("stream_options.include_obfuscation: a boolean")

obfuscation = since(
    "2026-08",
    accepts(
        "stream_options.obfuscation.type",
        "stream_options",
        "accepts include_obfuscation: true and false",
        _OBFUSCATION,
        values(
            "stream_options",
            {"include_obfuscation": False},
            {"include_obfuscation": True},
            {"include_usage": True, "include_obfuscation": False},
            **_ON,
        ),
        needs=_NEEDS,
    ),
    refuses(
        "stream_options.obfuscation.type",
        "stream_options",
        "refuses include_obfuscation of a wrong JSON type",
        _OBFUSCATION,
        values("stream_options", *each(_obfuscation, "no", 0, "false", 0.5, [], {}), **_ON),
        examples=varying("stream_options", wrong_type("boolean").map(_obfuscation), **_ON),
        needs=_NEEDS,
    ),
)

CHAPTER = Chapter("streaming", "Asking for a stream", (*stream, *together, *options, *obfuscation))
