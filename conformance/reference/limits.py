"""Every number, enumeration and pattern that the reference server enforces.

One frozen dataclass holds them all, so a test can build a wrong server with `dataclasses.replace(LIMITS, n_max=129)`
and without touching a check.  `LIMITS` holds the values of the vintage 2024-11 of the chat-completions contract,
`LIMITS_2026` what the vintage 2026-08 changes of them; where the comment says *observed*, the hosted service enforces
the value although no document states it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

#: The 29 request properties of the vintage 2024-11.
REQUEST_KEYS = frozenset(
    (
        "messages",
        "model",
        "store",
        "metadata",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "modalities",
        "prediction",
        "audio",
        "presence_penalty",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "top_p",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "user",
        "function_call",
        "functions",
    )
)

#: The 37 request properties of the vintage 2026-08: none was removed.
REQUEST_KEYS_2026 = REQUEST_KEYS | {
    "reasoning_effort",
    "verbosity",
    "web_search_options",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "moderation",
}

#: Content part types by message role; a part type of another role is refused.
PARTS = MappingProxyType(
    {
        "system": frozenset({"text"}),
        "user": frozenset({"text", "image_url", "input_audio"}),
        "assistant": frozenset({"text", "refusal"}),
        "tool": frozenset({"text"}),
        "function": frozenset({"text"}),
    }
)

PARTS_2026 = MappingProxyType({**PARTS, "developer": PARTS["system"], "user": PARTS["user"] | {"file"}})

#: Members of the nested option objects (an unknown one is refused: observed).
OPTION_KEYS = MappingProxyType(
    {
        "stream_options": frozenset({"include_usage"}),
        "response_format": frozenset({"type", "json_schema"}),
        "response_format.json_schema": frozenset({"name", "description", "schema", "strict"}),
        "audio": frozenset({"voice", "format"}),
        "prediction": frozenset({"type", "content"}),
        "tool_choice": frozenset({"type", "function"}),
        "tool_choice.function": frozenset({"name"}),
    }
)

OPTION_KEYS_2026 = MappingProxyType(
    {
        **OPTION_KEYS,
        "stream_options": frozenset({"include_usage", "include_obfuscation"}),
        "audio.voice": frozenset({"id"}),
        "tool_choice": frozenset({"type", "function", "custom", "allowed_tools"}),
        "tool_choice.custom": frozenset({"name"}),
        "tool_choice.allowed_tools": frozenset({"mode", "tools"}),
        "web_search_options": frozenset({"user_location", "search_context_size"}),
        "web_search_options.user_location": frozenset({"type", "approximate"}),
        "web_search_options.user_location.approximate": frozenset({"country", "region", "city", "timezone"}),
        "prompt_cache_options": frozenset({"mode", "ttl"}),
        "moderation": frozenset({"model", "policy"}),
        "moderation.policy": frozenset({"input", "output"}),
        "moderation.policy.input": frozenset({"mode"}),
        "moderation.policy.output": frozenset({"mode"}),
    }
)

_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Limits:
    """The enforced values.  Lengths are in characters (Unicode code points), counts in items, bodies in bytes."""

    # transport
    body_max: int = 26_214_400  # bytes; one more is answered 413
    request_keys: frozenset[str] = REQUEST_KEYS
    option_keys: Mapping[str, frozenset[str]] = field(default_factory=lambda: OPTION_KEYS)

    # messages
    messages_min: int = 1
    roles: frozenset[str] = frozenset(PARTS)
    parts: Mapping[str, frozenset[str]] = field(default_factory=lambda: PARTS)
    content_max: int = 1_048_576  # observed, in one string
    context_window: int = 128_000  # tokens of the prompt
    participant_refused: re.Pattern[str] = re.compile(r"[\s<>|/\\]")  # observed: searched, one hit refuses
    image_details: frozenset[str] = frozenset({"auto", "low", "high"})
    input_audio_formats: frozenset[str] = frozenset({"wav", "mp3"})
    calls_min: int = 1  # observed, items of an assistant message's tool_calls
    calls_max: int = 128  # observed
    call_id_max: int = 40  # observed
    call_types: frozenset[str] = frozenset({"function"})
    call_name: re.Pattern[str] = _NAME  # observed, full match

    # sampling numbers, both ends accepted
    temperature_min: float = 0
    temperature_max: float = 2
    top_p_min: float = 0
    top_p_max: float = 1
    frequency_penalty_min: float = -2
    frequency_penalty_max: float = 2
    presence_penalty_min: float = -2
    presence_penalty_max: float = 2
    seed_min: int = 1 - 2**64  # int64 by the documents; between that and 2**64 nothing is asserted, so accepted
    seed_max: int = 2**64 - 1
    n_min: int = 1
    n_max: int = 128
    output_min: int = 1  # observed, max_tokens and max_completion_tokens
    output_max: int = 16_384  # observed: the output cap of a model of that time
    top_logprobs_min: int = 0
    top_logprobs_max: int = 20
    bias_min: float = -100
    bias_max: float = 100
    bias_key: re.Pattern[str] = re.compile(r"[0-9]+")  # full match, token ids
    vocabulary_max: int = 100_257  # observed: the largest token id

    # stop, metadata, tier
    stop_max: int = 4
    metadata_pairs_max: int = 16  # observed at this vintage
    metadata_key_max: int = 64  # observed
    metadata_value_max: int = 512  # observed
    tiers: frozenset[str] = frozenset({"auto", "default"})

    # modalities, audio, prediction
    modalities: frozenset[str] = frozenset({"text", "audio"})
    voices: frozenset[str] = frozenset({"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"})
    audio_formats: frozenset[str] = frozenset({"wav", "mp3", "flac", "opus", "pcm16"})
    streamed_audio_formats: frozenset[str] = frozenset({"pcm16"})
    prediction_types: frozenset[str] = frozenset({"content"})
    prediction_parts_min: int = 1

    # response_format
    format_types: frozenset[str] = frozenset({"text", "json_object", "json_schema"})
    schema_name: re.Pattern[str] = _NAME  # full match
    schema_name_max: int = 64

    # tools and functions
    tools_min: int = 1  # observed
    tools_max: int = 128
    functions_min: int = 1
    functions_max: int = 128
    tool_types: frozenset[str] = frozenset({"function"})
    function_name: re.Pattern[str] = _NAME  # full match
    function_name_max: int = 64
    description_max: int = 1_024  # observed
    choices: frozenset[str] = frozenset({"none", "auto", "required"})
    choice_types: frozenset[str] = frozenset({"function"})
    choices_without_tools: frozenset[str] = frozenset({"none"})  # the documented default without tools
    function_choices: frozenset[str] = frozenset({"none", "auto"})

    # the properties and objects that joined later: no check of the vintage 2024-11 reads these
    efforts: frozenset[str] = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
    verbosities: frozenset[str] = frozenset({"low", "medium", "high"})
    safety_identifier_max: int = 64
    retentions: frozenset[str] = frozenset({"in_memory", "24h"})
    cache_modes: frozenset[str] = frozenset({"implicit", "explicit"})
    cache_ttls: frozenset[str] = frozenset({"30m"})
    search_sizes: frozenset[str] = frozenset({"low", "medium", "high"})
    location_types: frozenset[str] = frozenset({"approximate"})
    moderation_modes: frozenset[str] = frozenset({"score", "block"})
    custom_formats: frozenset[str] = frozenset({"text", "grammar"})
    grammar_syntaxes: frozenset[str] = frozenset({"lark", "regex"})
    allowed_modes: frozenset[str] = frozenset({"auto", "required"})


LIMITS = Limits()
LIMITS_2026 = replace(
    LIMITS,
    request_keys=REQUEST_KEYS_2026,
    option_keys=OPTION_KEYS_2026,
    roles=frozenset(PARTS_2026),
    parts=PARTS_2026,
    call_types=frozenset({"function", "custom"}),
    tiers=frozenset({"auto", "default", "flex", "scale", "priority", "fast"}),
    audio_formats=LIMITS.audio_formats | {"aac"},
    tool_types=frozenset({"function", "custom"}),
    choice_types=frozenset({"function", "custom", "allowed_tools"}),
)
