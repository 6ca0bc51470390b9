"""The rules that bear the blame for what others see under some circumstance."""

from __future__ import annotations

from .model import Rule

CROWD_RULE = "many.refusals"
"""The rule that bears the blame for what is broken, or killed, only by many requests in flight."""

REFUSED_RULE = "mm.isolation"
"""The rule that bears the blame for what crashes only after a request that was refused."""

REPEAT_RULE = "mm.repeat.neg"
"""The rule that bears the blame where a refused request is accepted when it is sent again, as it was, or by chance."""

STEADY_RULE = "mm.repeat"
"""The rule that bears the blame where a request fails now and then, and not when it is sent again."""

TEXT_RULE = "http.unicode.accepts"
"""The rule that bears the blame for characters that a server does not bear, wherever they stand."""

FAULTY_TEXT_RULE = "http.unicode.faulty"
"""The rule that bears the blame for characters with which a server does not bear to refuse a body."""

SPOKEN_RULE = "content.unicode.accepts"
"""The rule that bears the blame for texts that a server does not bear, in whatever message they stand."""

STREAM_RULE = "mm.stream"
"""The rule that bears the blame where nothing is checked in a streamed request."""

ADDED_RULE = "mm.monotone.bad"
"""The rule that bears the blame where nothing is checked beside some valid property."""

COMBINED_RULE = "together.random.accepts"
"""The rule that bears the blame where valid bodies are refused as one, and each is accepted by itself."""

SILENT_AT_SMOKE = (CROWD_RULE, REFUSED_RULE, STREAM_RULE, STEADY_RULE, ADDED_RULE)
"""Rules that send nothing at smoke, and only bear what the others see."""


def only_bears(rule: Rule, depth: str) -> bool:
    """Whether a rule sends nothing at this depth and bears what the others see."""
    return depth == "smoke" and rule.id in SILENT_AT_SMOKE
