"""Whole request bodies: the lean one every rule starts from, and rich random ones."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from .json_values import is_array

MODEL = "chatproof-model"
"""Stands for the endpoint's model in every body; whoever sends a body puts the real name in."""

PROMPT = "Say hi."
"""Text of the one user message of a lean body."""


def lean(**properties: Any) -> dict[str, Any]:
    """The smallest valid request body (one user message) with ``properties`` added or replaced."""
    return {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], **properties}


JSON_WISH = " Answer with JSON, just json."
"""Ends a user message where ``response_format`` is ``json_object``: some message must name JSON."""

NULLABLE = frozenset(
    {
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "modalities",
        "n",
        "prediction",
        "presence_penalty",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
    }
)
"""Properties that the document of 2024-11 lets be null."""

LATER_NULLABLE = {
    "2026-08": frozenset(
        {
            "moderation",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning_effort",
            "safety_identifier",
            "verbosity",
        }
    ),
}
"""Properties that later documents let be null besides, by vintage."""


def nullable(vintage: str) -> frozenset[str]:
    """All properties that the document of a vintage (``YYYY-MM``) lets be null."""
    return NULLABLE.union(*(names for since, names in LATER_NULLABLE.items() if since <= vintage))


MOST_TOKENS = 32
"""Largest token bound in rich bodies, so that answers are cheap."""


def text_of(content: Any) -> str:
    """The text of a message's content: the string, or the text parts joined."""
    if is_array(content):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def in_parts(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same conversation with every text as a text part (the content of ``function`` messages has no parts)."""

    def parted(message: dict[str, Any]) -> dict[str, Any]:
        content = message.get("content")
        if not isinstance(content, str) or message["role"] == "function":
            return message
        return {**message, "content": [{"type": "text", "text": content}]}

    return [parted(message) for message in messages]


def named(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same conversation with a participant's name in every message whose role may have one."""
    names = {"system": "Sys-1", "user": "alice", "assistant": "Bob_2"}
    return [
        {**message, "name": names[message["role"]]} if message["role"] in names else message for message in messages
    ]


def wishing_for_json(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same valid conversation with JSON named in the last user message, unless a message names it already."""
    if any("json" in text_of(message.get("content")).lower() for message in messages):
        return list(messages)
    last = max(i for i, message in enumerate(messages) if message["role"] == "user")
    content = messages[last]["content"]
    wish = [*content, {"type": "text", "text": JSON_WISH}] if is_array(content) else content + JSON_WISH
    return [{**message, "content": wish} if i == last else message for i, message in enumerate(messages)]


EDGES: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (-2, 0, 2),
    "logit_bias": ({}, {"0": -100, "50": 0, "99": 100}),
    "metadata": ({}, {f"key-{i}": "v" for i in range(16)}),
    "presence_penalty": (-2, 0, 2),
    "seed": (0, -1, 2**53 - 1),
    "stop": (["END"], ["\n", "###", "a b", "🛑"]),
    "temperature": (0, 1, 2),
    "top_p": (1,),  # never 0, which engines refuse
}
"""Values worth more than chance gives them."""

SCHEMAS: tuple[dict[str, Any], ...] = (
    {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    {
        "type": "object",
        "properties": {
            "size": {"type": "string", "enum": ["s", "m", "l"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "place": {
                "type": "object",
                "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
                "required": ["lat", "lon"],
                "additionalProperties": False,
            },
        },
        "required": ["size", "tags", "place"],
        "additionalProperties": False,
    },
)
"""Schemas within the strict subset, for answers and for the parameters of functions."""


def _bias(token: int, bias: int) -> dict[str, int]:
    return {str(token): bias}


def _definition(name: str, members: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **members}


# Few choices a value: a rich body makes some fifty, at about 60 microseconds each.
_MEMBERS: tuple[dict[str, Any], ...] = (
    {},
    {"description": "Looks it up."},
    {"parameters": {"type": "object", "properties": {}}},
    {"description": "Größe → 大小", "parameters": SCHEMAS[0]},
    {"parameters": SCHEMAS[1], "strict": None},
    {"parameters": SCHEMAS[1], "strict": False},
)
_members = st.sampled_from(_MEMBERS)
_schemas = st.sampled_from(SCHEMAS)
_formats = st.sampled_from(("text", "json_object", "json_schema"))
_styles = st.sampled_from(({}, {"strict": True}, {"strict": False}, {"strict": None, "description": "An answer."}))
_stream_options = st.sampled_from(({}, {"include_usage": True}, {"include_usage": False}))
_spoken = st.fixed_dictionaries(
    {"voice": st.sampled_from(("alloy", "echo", "shimmer")), "format": st.sampled_from(("wav", "mp3"))}
)
_coin = st.booleans()
_one = st.just(1)
_few = st.integers(1, 3)
_text_only = st.just(["text"])
_no = st.just(False)
_top = st.integers(0, 5)
_tiers = st.sampled_from(("auto", "default"))
_tokens = st.integers(1, MOST_TOKENS)
_bounds = {
    False: st.sampled_from((None, "max_tokens", "max_completion_tokens")),
    True: st.sampled_from((None, "max_tokens")),
}
_users = st.integers(0, 10**6).map("user-{}".format)
_seeds = st.integers(-(2**53) + 1, 2**53 - 1)
_biases = st.builds(_bias, st.integers(0, 99), st.integers(-100, 100))


@cache
def _manners(key: str) -> SearchStrategy[Any]:
    """How a nullable property comes: drawn, as one of its edges, or as null."""
    return st.sampled_from(("drawn", *EDGES.get(key, ()), None))


@cache
def _hundredths(low: int, high: int) -> SearchStrategy[float]:
    return st.integers(low, high).map(lambda hundredth: hundredth / 100)


def bodies(
    *,
    vintage: str = "2024-11",
    tools: bool = True,
    functions: bool = True,
    parts: bool = True,
    images: bool = False,
    audio: bool = False,
    stream: bool = True,
) -> SearchStrategy[dict[str, Any]]:
    """Rich valid request bodies that use any of the properties together; every coupling of the prose holds.

    ``vintage`` (``YYYY-MM``): what its document has may occur, and nothing later. The switches say the same: ``tools``
    and legacy ``functions`` (never in one body), with their history in the conversation; ``parts``: contents as arrays
    of text parts; ``images``: image parts (taken only with ``parts``); ``audio``: spoken answers; ``stream``: ``stream:
    true``. Nullable properties are null now and then. Token bounds are at most 32, ``n`` is at most 3. Nothing occurs
    together that some known server may rightly refuse: several choices with temperature 0, metadata without ``store``,
    a prediction beside tools, log probabilities or several choices, an effort of reasoning beside tools.

    Shrinks towards the lean body.
    """
    # Here, because the messages module takes PROMPT from this one.
    from . import messages as m
    from .later import later
    from .metadata import metadata_values
    from .stop import stop_strings
    from .text import NAME_ALPHABET, phrases
    from .tools import as_tool, function_calls, tool_choices

    kinds = st.sampled_from(("plain", *["tools"] * tools, *["functions"] * functions, "prediction", *["audio"] * audio))
    conversations = {
        "plain": m.conversations(max_turns=2),
        "tools": m.conversations(tools=True, max_turns=2),
        "functions": m.conversations(functions=True, max_turns=2),
        "images": m.conversations(images=True, max_turns=2),
    }
    dresses = st.sampled_from(("as drawn", "names", *["parts", "both"] * parts))
    names = st.text(NAME_ALPHABET, min_size=1, max_size=12)
    definitions = st.builds(_definition, names, _members)
    predictions = phrases().map(lambda text: {"type": "content", "content": text})
    if parts:
        predictions |= phrases().map(lambda text: {"type": "content", "content": [m.text_part(text)]})
    pairs = metadata_values().map(lambda value: {"topic": value})
    stops = stop_strings()
    may_be_null = nullable(vintage)
    enrich = later(vintage)

    @st.composite
    def build(draw: DrawFn) -> dict[str, Any]:
        body = lean()
        nulls: list[str] = []  # properties whose partner is missing: as null they say nothing and need none

        def perhaps(key: str, value: SearchStrategy[Any]) -> Any:
            """Perhaps put the property in: drawn, an edge or null. The value it now has."""
            if draw(_coin):
                manner = draw(_manners(key)) if key in may_be_null else "drawn"
                body[key] = draw(value) if manner == "drawn" else copy(manner)
            return body.get(key)

        kind = draw(kinds)
        with_images = images and parts and draw(_coin)
        with_calls = kind in ("tools", "functions") and draw(_coin)
        if with_images or with_calls or draw(_coin):
            talk = draw(conversations[kind if with_calls else "images" if with_images else "plain"])
            dress = draw(dresses)
            talk = named(talk) if dress in ("names", "both") else talk
            body["messages"] = in_parts(talk) if dress in ("parts", "both") else talk

        if kind in ("tools", "functions"):
            history = m.declarations(body["messages"]).get(kind, [])
            declared = [item["function"] if kind == "tools" else item for item in history]
            for _ in range(draw(st.integers(0 if declared else 1, 2))):
                more = draw(definitions)
                while more["name"].lower() in {known["name"].lower() for known in declared}:
                    more = {**more, "name": more["name"] + "_2"}
                declared.append(more)
            if kind == "tools":
                body["tools"] = [as_tool(function) for function in declared]
                perhaps("tool_choice", tool_choices(body["tools"]))
                perhaps("parallel_tool_calls", _coin)
            else:
                body["functions"] = declared
                perhaps("function_call", function_calls(declared))
        elif kind == "prediction":
            body["prediction"] = draw(predictions)
        elif kind == "audio":
            body |= {"modalities": ["text", "audio"], "audio": draw(_spoken)}
        alone = kind in ("prediction", "audio")

        if kind != "audio":
            perhaps("modalities", _text_only)
            form = perhaps("response_format", _formats)
            if form == "json_object":
                body["messages"] = wishing_for_json(body["messages"])
            if form:
                body["response_format"] = {"type": form}
            if form == "json_schema":
                shape = {"name": draw(names), "schema": draw(_schemas), **draw(_styles)}
                body["response_format"]["json_schema"] = shape
            if perhaps("stream", _coin if stream else _no):
                perhaps("stream_options", _stream_options)
            else:
                nulls.append("stream_options")
        if not alone:
            nulls += ["audio", "prediction"]
            if perhaps("logprobs", _coin):
                perhaps("top_logprobs", _top)
            else:
                nulls.append("top_logprobs")
        several = (perhaps("n", _one if alone else _few) or 1) > 1
        if perhaps("temperature", _hundredths(10, 200)) == 0 and several:
            body["temperature"] = 0.01
        for key in ("frequency_penalty", "presence_penalty"):
            if (perhaps(key, _hundredths(-200, 200)) or 0) > 0 and alone:
                body[key] = -body[key]
        perhaps("top_p", _hundredths(1, 100))
        perhaps("seed", _seeds)
        perhaps("logit_bias", _biases)
        perhaps("stop", stops)
        perhaps("service_tier", _tiers)
        perhaps("user", _users)
        # Never both bounds, and never null: an answer without a bound is dear.
        bound = draw(_bounds[alone])
        if bound:
            body[bound] = draw(_tokens)
        if perhaps("store", _coin):
            perhaps("metadata", pairs)
        else:
            nulls.append("metadata")
        for step in enrich:
            step(draw, body, perhaps, kind)
        null = draw(st.sampled_from((None, *nulls)))
        return {**body, null: None} if null else body

    return build()
