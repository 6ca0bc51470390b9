"""Features that are not there, or not beside others, each told in words of its own.

Thought of without knowing what is checked. Why each of them conforms is told in ``BLIND_9.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import objects
from chatproof.conformance.reference.text import bound, stops

from .base import Dialect
from .blind4_limits import format_of, together
from .blind4_traffic import LATER
from .blind5_limits import callable_ones, has_calls
from .blind6_parts import built
from .blind8_parts import sounds

# --- what is lacking ----------------------------------------------------------------------------------------------


def of_functions(ask: Ask) -> Iterator[str]:
    """Where the older kind of calls is spoken of."""
    for key in ("functions", "function_call"):
        if ask.body.get(key) is not None:
            yield key
    for place, message, role in ask.spoken:
        if role == "function" or (role == "assistant" and message.get("function_call") is not None):
            yield f"messages[{place}]"


def not_implemented(ask: Ask) -> Iterator[Reason]:
    """A young server, which says what it has yet to learn."""
    body = ask.body
    wanted: dict[str, Any] = {
        "functions": next(of_functions(ask), None),
        "prediction": body.get("prediction"),
        "logit_bias": body.get("logit_bias"),
        "audio": sounds(ask),
        "message.name": any(message.get("name") is not None for _, message, role in ask.spoken if role != "function"),
    }
    for name, there in wanted.items():
        if there:
            why = f"{name}: not implemented. This feature is not supported with this model yet."
            yield Reason("dialect", why, None, None, status=400, type="not_implemented")


def unvalued(path: str, value: str, *known: str) -> Reason:
    """A value that other models have."""
    listed = ", ".join(f"'{name}'" for name in known)
    why = f"Unsupported value: '{path}' does not support '{value}' with this model. Supported values are: {listed}."
    return Reason("dialect", why, path, "unsupported_value", status=422)


def value_by_value(ask: Ask) -> Iterator[Reason]:
    """Every property is there, and something is missing of each."""
    body = ask.body
    if body.get("tool_choice") == "required":
        yield unvalued("tool_choice", "required", "none", "auto", "a named function")
    if body.get("service_tier") == "default":
        yield unvalued("service_tier", "default", "auto")
    if format_of(body) == "json_schema" and body["response_format"]["json_schema"].get("strict") is True:
        yield unvalued("response_format.json_schema.strict", "true", "false")
    for path, function in ask.declared:
        if function.get("strict") is True:
            yield unvalued(f"{path}.strict", "true", "false")
    for path, _, part in ask.parts:
        if part.get("type") == "image_url" and part["image_url"].get("detail") == "high":
            yield unvalued(f"{path}.image_url.detail", "high", "auto", "low")
        if part.get("type") == "input_audio" and part["input_audio"].get("format") == "mp3":
            yield unvalued(f"{path}.input_audio.format", "mp3", "wav")
    if (body.get("audio") or {}).get("format") == "mp3":
        yield unvalued("audio.format", "mp3", "wav", "flac", "opus", "pcm16")


def no_alternatives(ask: Ask) -> Iterator[Reason]:
    """One knows how sure it was, and not of what else it thought."""
    if ask.body.get("top_logprobs"):
        why = "top_logprobs is not supported with this model; only the logprob of the sampled token is."
        yield Reason("dialect", why, "top_logprobs", None)


NUMBERS: dict[str, tuple[float, float]] = {
    "temperature": (0, 1),
    "top_p": (0.05, 1),
    "frequency_penalty": (0, 2),
    "presence_penalty": (0, 2),
    "seed": (-(2**31), 2**31 - 1),
}
"""What is supported of each, both ends included."""


def narrow_numbers(ask: Ask) -> Iterator[Reason]:
    for key, (least, most) in NUMBERS.items():
        value = ask.body.get(key)
        if value is not None and not least <= value <= most:
            why = f"Unsupported value: '{key}' outside [{least}, {most}] is not supported with this model."
            yield Reason("dialect", why, key, "unsupported_value")


def gone(ask: Ask) -> Iterator[Reason]:
    """Whoever still asks for it is told what to ask for."""
    found = next(of_functions(ask), None)
    if found == "functions":
        why = "'functions' was removed in this version and is not supported with this model. Please migrate to 'tools'."
        yield Reason("dialect", why, found, None)
    elif found == "function_call":
        why = "`function_call` is no longer supported with this model; see `tool_choice`."
        yield Reason("dialect", why, found, "unsupported_parameter", status=422)
    elif found:
        yield Reason("dialect", f"{found}: messages of functions are not supported with this model.", found, None)
    if ask.body.get("max_tokens") is not None:
        why = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        yield Reason("dialect", why, "max_tokens", "unsupported_parameter")


NEWER = "tools", "tool_choice", "parallel_tool_calls"
LOGS = "logprobs", "top_logprobs"


def unrecognized(ask: Ask, keys: tuple[str, ...]) -> Iterator[Reason]:
    """As a version of an interface says it that was made before all this."""
    wanted = [key for key in keys if ask.body.get(key) not in (None, False)]
    if format_of(ask.body) == "json_schema":
        wanted.append("response_format.json_schema")
    if has_calls(ask):
        wanted.append("messages.tool_calls")
    if wanted:
        plural = "s" if len(wanted) > 1 else ""
        why = f"Unrecognized request argument{plural} supplied: {', '.join(sorted(wanted))}"
        yield Reason("dialect", why, None, None)


def before_tools(ask: Ask) -> Iterator[Reason]:
    yield from unrecognized(ask, (*NEWER, *LOGS))


def before_tools_but_logs(ask: Ask) -> Iterator[Reason]:
    yield from unrecognized(ask, NEWER)


# --- what is lacking in company -----------------------------------------------------------------------------------

ROOM = 16


def room_to_call(ask: Ask) -> Iterator[Reason]:
    """A call that is cut is of no use."""
    for key in ("max_tokens", "max_completion_tokens"):
        most = ask.body.get(key)
        if callable_ones(ask.body) and most is not None and most < ROOM:
            yield together(key, f"'{key}' below {ROOM} in a request with tools")


def unbounded_objects(ask: Ask) -> Iterator[Reason]:
    """Half an object is none."""
    if format_of(ask.body) != "text" and bound(ask.body) is not None:
        key = "max_tokens" if ask.body.get("max_tokens") is not None else "max_completion_tokens"
        why = (
            f"{key} cannot be set for structured output: JSON may be truncated. This is not supported with this model."
        )
        yield Reason("dialect", why, key, None)


def unstreamed_stops(ask: Ask) -> Iterator[Reason]:
    """What was sent cannot be taken back."""
    if ask.body.get("stream") is True and stops(ask.body):
        yield together("stop", "Streaming with stop sequences", None)


def seeds_want_heat(ask: Ask) -> Iterator[Reason]:
    """Of two screws one is to be left alone."""

    def turned(key: str, rest: float) -> bool:
        return ask.body.get(key) not in (None, rest)

    if ask.body.get("seed") is not None and ask.body.get("temperature") == 0:
        yield Reason("dialect", "seed is not supported with greedy decoding (temperature 0).", None, None, status=422)
    if turned("temperature", 1) and turned("top_p", 1):
        why = "Altering both temperature and top_p is not supported with this model."
        yield Reason("dialect", why, None, None, status=422)
    if turned("frequency_penalty", 0) and turned("presence_penalty", 0):
        why = "frequency_penalty together with presence_penalty is not supported with this model."
        yield Reason("dialect", why, None, None, status=422)


# --- of the later vintage -----------------------------------------------------------------------------------------

EFFORTS = "low", "medium", "high"


def few_extras(ask: Ask) -> Iterator[Reason]:
    """What came last is not here yet."""
    body = ask.body
    if body.get("web_search_options") is not None:
        why = "Your project does not have access to web search with this model."
        yield Reason("dialect", why, None, None, status=403)
    if body.get("moderation") is not None:
        yield Reason("dialect", "moderation: not supported with this model", "moderation", None, status=422)
    for key in ("prompt_cache_options", "prompt_cache_retention"):
        if body.get(key) is not None:
            yield together(key, f"Unsupported parameter: '{key}'", "unsupported_parameter")
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in EFFORTS:
        yield unvalued("reasoning_effort", effort, *EFFORTS)
    if body.get("verbosity") == "high":
        yield unvalued("verbosity", "high", "low", "medium")
    if any(tool.get("type") == "custom" for tool in objects(body.get("tools"))):
        yield together("tools", "Tools of the type 'custom'")


DIALECTS = [
    Dialect(name="blind9-not-implemented", server=built(refuses=not_implemented)),
    Dialect(name="blind9-value-by-value", server=built(refuses=value_by_value)),
    Dialect(
        name="blind9-likelihoods-without-others",
        server=built(refuses=no_alternatives),
        warnings=frozenset({"top_logprobs.max.accepts"}),
    ),
    Dialect(
        name="blind9-narrow-numbers",
        server=built(refuses=narrow_numbers),
        warnings=frozenset({"top_p.zero*", "top_p.min*"}),
    ),
    Dialect(name="blind9-gone-with-the-old", server=built(refuses=gone)),
    Dialect(name="blind9-before-the-tools", server=built(refuses=before_tools)),
    Dialect(name="blind9-room-to-call", server=built(refuses=room_to_call)),
    Dialect(name="blind9-objects-unbounded", server=built(refuses=unbounded_objects)),
    Dialect(name="blind9-stops-not-streamed", server=built(refuses=unstreamed_stops)),
    Dialect(name="blind9-seeds-want-heat", server=built(refuses=seeds_want_heat)),
    Dialect(name="blind9-later-few-extras", server=built(refuses=few_extras, vintage=LATER), vintage=LATER),
]
