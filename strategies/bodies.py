"""Whole request bodies: the lean one every rule starts from, and rich random ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

MODEL = "chatproof-model"
"""Stands for the endpoint's model in every body; whoever sends a body puts the real name in."""

PROMPT = "Say hi."
"""Text of the one user message of a lean body."""


def lean(**properties: Any) -> dict[str, Any]:
    """The smallest valid request body (one user message) with ``properties`` added or replaced."""
    return {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], **properties}


JSON_WISH = " Answer with JSON."
"""Ends a user message where ``response_format`` is ``json_object``: some message must name JSON."""

NULLABLE = frozenset(
    "audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens metadata modalities n prediction "
    "presence_penalty seed service_tier stop store stream stream_options temperature top_logprobs top_p".split()
)
"""Properties that the document of 2024-11 lets be null."""

MOST_TOKENS = 32
"""Largest token bound in rich bodies, so that answers are cheap."""


def text_of(content: Any) -> str:
    """The text of a message's content: the string, or the text parts joined."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def wishing_for_json(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same valid conversation with JSON named in the last user message, unless a message names it already."""
    if any("json" in text_of(message.get("content")).lower() for message in messages):
        return list(messages)
    last = max(i for i, message in enumerate(messages) if message["role"] == "user")
    content = messages[last]["content"]
    wish = [*content, {"type": "text", "text": JSON_WISH}] if isinstance(content, list) else content + JSON_WISH
    return [{**message, "content": wish} if i == last else message for i, message in enumerate(messages)]


EDGES: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (-2, 0, 2),
    "presence_penalty": (-2, 0, 2),
    "seed": (0, -1, 2**53 - 1),
    "temperature": (0, 1, 2),
    "top_p": (1,),  # never 0, which engines refuse
}
"""Values of numbers worth more than chance gives them."""

_users = st.builds("user-{}".format, st.integers(0, 10**6))
_seeds = st.integers(-(2**53) + 1, 2**53 - 1)
_stream_options = st.sampled_from(({}, {"include_usage": True}, {"include_usage": False}))
_audio = st.fixed_dictionaries(
    {"voice": st.sampled_from(("alloy", "echo", "shimmer")), "format": st.sampled_from(("wav", "mp3"))}
)


@cache
def _hundredths(low: int, high: int) -> SearchStrategy[float]:
    return st.integers(low, high).map(lambda hundredth: hundredth / 100)


def bodies(
    *,
    tools: bool = True,
    functions: bool = True,
    parts: bool = True,
    images: bool = False,
    audio: bool = False,
    stream: bool = True,
) -> SearchStrategy[dict[str, Any]]:
    """Rich valid request bodies that use any of the 29 properties together; every coupling of the prose holds.

    The switches say what may occur: ``tools`` and legacy ``functions`` (never in one body), with their history in the
    conversation; ``parts``: contents as arrays of text parts; ``images``: image parts (taken only with ``parts``);
    ``audio``: spoken answers; ``stream``: ``stream: true``. Nullable properties are null now and then. Token bounds are
    at most 32, ``n`` is at most 3. Nothing occurs together that some known server may rightly refuse: several choices
    with temperature 0, metadata without ``store``, a prediction beside tools, log probabilities or several choices.

    Shrinks towards the lean body.
    """
    # Here, because the messages module takes PROMPT from this one.
    from . import messages as m
    from . import tools as t
    from .json_schemas import strict_schemas
    from .logit_bias import logit_bias
    from .metadata import metadata
    from .stop import stop_lists, stop_strings
    from .text import function_names, phrases

    usual = ["plain", *["tools"] * tools, *["functions"] * functions, "prediction", *["audio"] * audio]
    kinds = st.sampled_from(usual)
    talk = {"parts": parts, "names": True, "max_turns": 2}
    conversations = {
        "plain": m.conversations(**talk),
        "tools": m.conversations(tools=True, **talk),
        "functions": m.conversations(functions=True, **talk),
        "images": m.conversations(images=True, **talk),
    }
    definitions = t.functions(max_size=2)
    schemas = st.fixed_dictionaries(
        {"name": function_names(max_size=12), "schema": strict_schemas()},
        optional={"strict": st.sampled_from((True, False, None)), "description": phrases()},
    )
    formats = {
        "text": st.just({"type": "text"}),
        "json_object": st.just({"type": "json_object"}),
        "json_schema": schemas.map(lambda schema: {"type": "json_schema", "json_schema": schema}),
    }
    texts = st.lists(phrases().map(m.text_part), min_size=1, max_size=2) if parts else phrases()
    predictions = (phrases() | texts).map(lambda content: {"type": "content", "content": content})
    stops = stop_strings() | stop_lists()
    biases, pairs = logit_bias(max_size=3), metadata(max_size=3)

    @st.composite
    def build(draw: DrawFn) -> dict[str, Any]:
        body = lean()
        nulls: list[str] = []  # properties whose partner is missing: as null they say nothing and need none

        def perhaps(key: str, value: SearchStrategy[Any]) -> Any:
            """Perhaps put the property in; the value it now has."""
            if draw(st.booleans()):
                manners = ("drawn", *EDGES.get(key, ()), *((None,) if key in NULLABLE else ()))
                manner = draw(st.sampled_from(manners)) if len(manners) > 1 else "drawn"
                body[key] = draw(value) if manner == "drawn" else manner
            return body.get(key)

        kind = draw(kinds)
        with_images = images and parts and draw(st.booleans())
        with_calls = kind in ("tools", "functions") and draw(st.booleans())
        if with_images or with_calls or draw(st.booleans()):
            body["messages"] = draw(conversations[kind if with_calls else "images" if with_images else "plain"])

        if kind in ("tools", "functions"):
            history = m.declarations(body["messages"]).get(kind, [])
            known = [item["function"] if kind == "tools" else item for item in history]
            names = {function["name"].lower() for function in known}
            drawn = draw(definitions) if not known or draw(st.booleans()) else []
            declared = [*known, *(function for function in drawn if function["name"].lower() not in names)]
            if kind == "tools":
                body["tools"] = [t.as_tool(function) for function in declared]
                perhaps("tool_choice", t.tool_choices(body["tools"]))
                perhaps("parallel_tool_calls", st.booleans())
            else:
                body["functions"] = declared
                perhaps("function_call", t.function_calls(declared))
        elif kind == "prediction":
            body["prediction"] = draw(predictions)
        elif kind == "audio":
            body |= {"modalities": ["text", "audio"], "audio": draw(_audio)}
        alone = kind in ("prediction", "audio")

        if kind != "audio":
            perhaps("modalities", st.just(["text"]))
            if draw(st.booleans()):
                body["response_format"] = draw(formats[draw(st.sampled_from(tuple(formats)))])
                if body["response_format"]["type"] == "json_object":
                    body["messages"] = wishing_for_json(body["messages"])
            if perhaps("stream", st.booleans() if stream else st.just(False)):
                perhaps("stream_options", _stream_options)
            else:
                nulls.append("stream_options")
        if not alone:
            nulls += ["audio", "prediction"]
            if perhaps("logprobs", st.booleans()):
                perhaps("top_logprobs", st.integers(0, 5))
            else:
                nulls.append("top_logprobs")
        n = perhaps("n", st.just(1) if alone else st.integers(1, 3))
        perhaps("temperature", _hundredths(10 if (n or 1) > 1 else 0, 200))
        if (n or 1) > 1 and body.get("temperature") == 0:
            body["temperature"] = 0.5
        for key in ("frequency_penalty", "presence_penalty"):
            value = perhaps(key, _hundredths(-200, 0 if alone else 200))
            if alone and (value or 0) > 0:
                body[key] = 0.0
        perhaps("top_p", _hundredths(1, 100))
        perhaps("seed", _seeds)
        perhaps("logit_bias", biases)
        perhaps("stop", stops)
        perhaps("service_tier", st.sampled_from(("auto", "default")))
        perhaps("user", _users)
        # Never both bounds, and never null: an answer without a bound is dear.
        bound = draw(st.sampled_from((None, "max_tokens", *(() if alone else ("max_completion_tokens",)))))
        if bound:
            body[bound] = draw(st.integers(1, MOST_TOKENS))
        if perhaps("store", st.booleans()):
            perhaps("metadata", pairs)
        else:
            nulls.append("metadata")
        null = draw(st.sampled_from((None, *nulls)))
        return {**body, null: None} if null else body

    return build()
