"""Streamed answers (fact base §2.3): their bytes, their events, their chunks, and what the chunks put together say.

A rule passes over what another rule owns: what must be there is asked only of ``whole`` streams, whose every event is a
JSON object and which no error broke off. The general rules have the property "answer": their gate is ``streaming``.
"""

from __future__ import annotations

from ..model import Chapter
from . import stream_calls, stream_chunks, stream_errors, stream_frames, stream_logprobs, stream_usage

_PARTS = (stream_frames, stream_chunks, stream_usage, stream_calls, stream_logprobs, stream_errors)

CHAPTER = Chapter("stream", "Streamed answers", tuple(rule for part in _PARTS for rule in part.RULES))
