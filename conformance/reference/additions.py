"""What the answers of the vintage 2026-08 say beside those of 2024-11 (fact base §2.1, §2.3, §4).

The text, the finish and the calls are the same; `plan_2026` fills in the members of `Reply` that the older one leaves
empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .answers import Choice, Reply, plan
from .json_values import is_object
from .prompt import input_tokens

FINGERPRINT_2026 = "fp_c0ffee2608"

#: The tier that serves a request, by the one that it asks for; all others are served as the default.
SERVED = {"fast": "priority", "priority": "priority", "flex": "flex", "scale": "scale"}

#: What the toy moderation looks for, and does not find.
CATEGORIES = ("harassment", "hate", "self-harm", "sexual", "violence")


def citations(body: Mapping[str, Any], choice: Choice) -> tuple[dict[str, Any], ...]:
    """The citations of a choice: one of its whole text, where a search of the web was asked for."""
    text = "".join(choice.tokens)
    if not is_object(body.get("web_search_options")) or not choice.speaks or not text:
        return ()
    citation = {"start_index": 0, "end_index": len(text), "url": "https://example.com/", "title": "Example"}
    return ({"type": "url_citation", "url_citation": citation},)


def moderation(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The verdict on the input and on the output, where it was asked for: nothing is ever flagged."""
    wanted = body.get("moderation")
    if not is_object(wanted):
        return None
    model = str(wanted.get("model"))
    result = {
        "type": "moderation_result",
        "model": model,
        "flagged": False,
        "categories": dict.fromkeys(CATEGORIES, False),
        "category_scores": dict.fromkeys(CATEGORIES, 0.001),
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }
    verdict = {"type": "moderation_results", "model": model, "results": [result]}
    return {"input": verdict, "output": verdict}


def usage(body: Mapping[str, Any], counted: Mapping[str, Any]) -> dict[str, Any]:
    """The counts with their newer details: text is what is neither sound nor picture, and nothing is cached."""
    prompt, completion = counted["prompt_tokens_details"], counted["completion_tokens_details"]
    images = input_tokens(dict(body), "image_url")
    return {
        **counted,
        "prompt_tokens_details": {
            **prompt,
            "text_tokens": counted["prompt_tokens"] - prompt["audio_tokens"] - images,
            "image_tokens": images,
            "cache_write_tokens": 0,
        },
        "completion_tokens_details": {
            **completion,
            "text_tokens": counted["completion_tokens"] - completion["audio_tokens"],
        },
    }


def plan_2026(body: Mapping[str, Any], now: int) -> Reply:
    """Everything that the reply to an accepted body says; `now` is the time in Unix seconds."""
    reply = plan(body, now)
    tier, options, metadata = body.get("service_tier"), body.get("stream_options"), body.get("metadata")
    return replace(
        reply,
        choices=tuple(replace(choice, annotations=citations(body, choice)) for choice in reply.choices),
        usage=usage(body, reply.usage),
        # always told: the tier that served the request
        tier=SERVED.get(tier, "default") if isinstance(tier, str) else "default",
        fingerprint=FINGERPRINT_2026,
        metadata=metadata if is_object(metadata) else None,
        moderation=moderation(body),
        obfuscated=not (is_object(options) and options.get("include_obfuscation") is False),
    )
