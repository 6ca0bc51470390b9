"""Gates: one basic request per property and feature, judged by its effect, before the rules that need it.

A gate named like a property stands for the whole property: if its ordinary use is refused, the property's rules are
not asked; if blatant nonsense in its place is accepted, the server does not look at the property and the rules about
refusals are not asked. The other gates stand for a feature and bind the rules that name it in ``needs``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...strategies.bodies import lean
from ...strategies.caching import RETENTIONS
from ...strategies.custom_tools import allowed, custom, custom_choice
from ...strategies.files import file_part
from ...strategies.messages import (
    assistant_calls,
    assistant_function,
    audio_part,
    developer,
    function_reply,
    image_part,
    system,
    text_part,
    tool_call,
    tool_reply,
    user,
)
from ...strategies.moderation import moderation
from ..model import Answer, Body, Gate, Source, Strength
from .forms import documented, prose, since
from .gate_effects import (
    audio_content,
    called_custom,
    called_function,
    called_tool,
    event_stream,
    json_content,
    log_probabilities,
    moderated,
    several_choices,
    usage_chunk,
)
from .views import COUNT

NONSENSE = {"nonsense": True}
"""An object where a scalar or an array belongs."""

_LIST = ["nonsense"]
"""The like where an object may stand: a server that passes over strange numbers or words does not take this."""

TOOL: Body = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
"""A tool every server that has tools can take."""

OTHER_TOOL: Body = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}
"""One to choose from beside it."""

_JSON = [user("Answer with a JSON object and nothing but json.")]
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def _property(
    name: str,
    usual: Any,
    nonsense: Any,
    source: Source | None = None,
    *,
    effect: Callable[[Answer], bool | None] | None = None,
    optional: bool = False,
    needs: tuple[str, ...] = (),
    strength: Strength = Strength.MUST,
    **context: Any,
) -> Gate:
    return Gate(
        capability=name,
        property=name,
        title=f"takes {name} and looks at it",
        source=source or documented(f"{name}: a property of the request"),
        probe=lean(**context, **{name: usual}),
        nonsense=lean(**context, **{name: nonsense}),
        effect=effect,
        optional=optional,
        needs=needs,
        strength=strength,
    )


def _feature(
    name: str,
    prop: str,
    title: str,
    source: Source,
    probe: Body,
    effect: Callable[[Answer], bool | None] | None = None,
    *,
    optional: bool = True,
    needs: tuple[str, ...] = (),
    strength: Strength = Strength.MUST,
) -> Gate:
    return Gate(
        capability=name,
        property=prop,
        title=title,
        source=source,
        probe=probe,
        effect=effect,
        optional=optional,
        needs=needs,
        strength=strength,
    )


_PREDICTION = {"type": "content", "content": "Hi."}
_FUNCTION = TOOL["function"]
_WEATHER = user("What is the weather in Paris?")
_PARIS = '{"city": "Paris"}'
_AUDIO = {"voice": "alloy", "format": "wav"}

GATES: tuple[Gate, ...] = (
    _property("temperature", 0.7, NONSENSE),
    _property("top_p", 0.9, NONSENSE),
    _property("frequency_penalty", 0.5, NONSENSE),
    _property("presence_penalty", 0.5, NONSENSE),
    _property("seed", 7, NONSENSE),
    _property("n", 1, NONSENSE),
    _property("max_tokens", 16, NONSENSE),
    _property("max_completion_tokens", 16, NONSENSE),
    # an answer that comes to it, so that rules about stop have something to see
    _property("stop", "4", NONSENSE, messages=COUNT, max_tokens=32),
    _property("logit_bias", {"10": 1}, "nonsense", optional=True),
    _property("logprobs", True, NONSENSE, effect=log_probabilities, optional=True),
    _property("top_logprobs", 2, NONSENSE, needs=("logprobs",), logprobs=True),
    _property("stream", False, NONSENSE),
    _feature(
        "streaming",
        "stream",
        "streams events for stream: true",
        prose("stream: server-sent events"),
        lean(stream=True),
        event_stream,
    ),
    _property("stream_options", {"include_usage": True}, "nonsense", needs=("streaming",), stream=True),
    _property("store", False, NONSENSE),
    _property("metadata", {"topic": "test"}, "nonsense", store=True),
    _property("user", "user-1", NONSENSE),
    _property("service_tier", "auto", NONSENSE),
    _property("modalities", ["text"], NONSENSE, strength=Strength.SHOULD),
    _property("response_format", {"type": "text"}, "nonsense"),
    _property("prediction", _PREDICTION, "nonsense", optional=True),
    _property("tools", [TOOL], NONSENSE, optional=True),
    _property("tool_choice", "auto", _LIST, needs=("tools",), tools=[TOOL]),
    _property("parallel_tool_calls", True, NONSENSE, needs=("tools",), tools=[TOOL]),
    _property("functions", [_FUNCTION], NONSENSE, optional=True),
    _property("function_call", "auto", _LIST, needs=("functions",), functions=[_FUNCTION]),
    _feature(
        "multiple_choices",
        "n",
        "makes two choices for n: 2",
        prose("n: how many choices to generate"),
        lean(n=2),
        several_choices,
    ),
    _feature(
        "stream_usage",
        "stream_options",
        "sends token counts in the stream for include_usage",
        prose("stream_options.include_usage: an additional chunk with the usage"),
        lean(stream=True, stream_options={"include_usage": True}),
        usage_chunk,
        needs=("streaming",),
    ),
    _feature(
        "forced_tool",
        "tool_choice",
        "calls the tool that tool_choice names",
        prose("tool_choice: naming a function forces the model to call it"),
        lean(
            tools=[TOOL],  # for a greeting, so that a call is the doing of tool_choice
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
            max_tokens=128,
        ),
        called_tool,
        needs=("tools",),
    ),
    _feature(
        "forced_function",
        "function_call",
        "calls the function that function_call names",
        prose("function_call: naming a function forces the model to call it"),
        lean(functions=[_FUNCTION], function_call={"name": "get_weather"}, max_tokens=128),
        called_function,
        needs=("functions",),
    ),
    _feature(
        "json_object",
        "response_format",
        "answers with JSON for response_format json_object",
        prose("response_format: JSON mode makes the message valid JSON"),
        lean(messages=_JSON, response_format={"type": "json_object"}, max_tokens=256),
        json_content,
    ),
    _feature(
        "json_schema",
        "response_format",
        "answers with JSON for response_format json_schema",
        prose("response_format: structured outputs match the schema"),
        lean(
            messages=_JSON,
            response_format={"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": _SCHEMA}},
            max_tokens=256,
        ),
        json_content,
    ),
    # not optional: these three are what every server of the vintage takes, and about ten rules need each of them
    _feature(
        "system_role",
        "messages",
        "takes a system message",
        documented("role: the roles of the document"),
        lean(messages=[system(), user()]),
        optional=False,
    ),
    _feature(
        "tool_messages",
        "messages",
        "takes a tool message that answers a call",
        documented("role: the roles of the document"),
        lean(messages=[_WEATHER, assistant_calls(tool_call(arguments=_PARIS)), tool_reply()], tools=[TOOL]),
        optional=False,
        needs=("tools",),
    ),
    _feature(
        "function_messages",
        "messages",
        "takes a function message that answers a legacy call",
        documented("role: the roles of the document"),
        lean(
            messages=[_WEATHER, assistant_function(arguments=_PARIS), function_reply(), user("Thank you!")],
            functions=[_FUNCTION],
        ),
        optional=False,
        needs=("functions",),
        strength=Strength.SHOULD,  # reasoning models refuse the deprecated role
    ),
    _feature(
        "content_parts",
        "messages",
        "takes user content as an array of text parts",
        documented("messages: user content is a string or an array of parts"),
        lean(messages=[user([text_part()])]),
    ),
    _feature(
        "images",
        "messages",
        "takes an image part with a data URL",
        documented("messages: user content may hold image parts"),
        lean(messages=[user([text_part("What is it?"), image_part()])]),
        needs=("content_parts",),
    ),
    _feature(
        "audio_input",
        "messages",
        "takes an input_audio part",
        documented("messages: user content may hold audio parts"),
        lean(messages=[user([text_part("What is it?"), audio_part()])]),
        needs=("content_parts",),
    ),
    _feature(
        "audio_output",
        "audio",
        "answers with audio where modalities and audio ask for it",
        documented("modalities, audio: audio output"),
        lean(modalities=["text", "audio"], audio=_AUDIO, max_tokens=64),
        audio_content,
    ),
    # what came after 2024-11; models differ in most of it, so it may be refused cleanly
    *since(
        "2026-08",
        _property("reasoning_effort", "medium", NONSENSE, optional=True),
        _property("verbosity", "medium", NONSENSE, optional=True),
        _property("web_search_options", {}, "nonsense", optional=True),
        _property("safety_identifier", "user-1", NONSENSE),
        _property("prompt_cache_key", "key-1", NONSENSE),
        _property("prompt_cache_retention", RETENTIONS[0], NONSENSE, optional=True),
        _property("prompt_cache_options", {}, "nonsense", optional=True),
        _property("moderation", moderation(), "nonsense", effect=moderated, optional=True),
        _feature(
            "developer_role",
            "messages",
            "takes a developer message",
            documented("role: the roles of the document; models of an older kind do not know this one"),
            lean(messages=[developer(), user()]),
        ),
        _feature(
            "files",
            "messages",
            "takes a file part with a small PDF",
            documented("messages: user content may hold file parts"),
            lean(messages=[user([text_part("What does it say?"), file_part()])]),
            needs=("content_parts",),
        ),
        _feature(
            "custom_tools",
            "tools",
            "calls the custom tool that tool_choice names",
            prose("tools, tool_choice: naming a custom tool forces the model to call it"),
            lean(tools=[custom()], tool_choice=custom_choice(), max_tokens=128),
            called_custom,
            needs=("tools",),
        ),
        _feature(
            "allowed_tools",
            "tool_choice",
            "calls a tool where tool_choice allows one and the mode is required",
            prose("tool_choice: allowed_tools restricts the model to some of the tools"),
            lean(tools=[TOOL], tool_choice=allowed(TOOL, mode="required"), max_tokens=128),
            called_tool,
            needs=("tools",),
        ),
    ),
)
"""Every gate of every vintage, in the order in which they are asked."""
