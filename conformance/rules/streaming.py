"""Asking for a stream: stream and stream_options (fact base §1.8).

The default of stream_options is null, so its null rule is its default rule. Members of stream_options that no document
knows are in the http chapter.
"""

from __future__ import annotations

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ...strategies.wrong import wrong_type
from ..model import Chapter
from .forms import (
    accepts,
    default_accepted,
    documented,
    null_accepted,
    prose,
    refuses,
    values,
    varying,
    wrong_types_refused,
)

_ON = {"stream": True}
_NEEDS = ["streaming"]
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

options = [
    accepts(
        "stream_options.needs",
        "stream_options",
        "accepts stream_options with stream: true",
        prose("stream_options: only with stream: true"),
        values("stream_options", {"include_usage": True}, **_ON),
        needs=_NEEDS,
    ),
    refuses(
        "stream_options.needs",
        "stream_options",
        "refuses stream_options without stream: true",
        prose("stream_options: only with stream: true"),
        [lean(stream_options={"include_usage": True}), lean(stream=False, stream_options={"include_usage": True})],
        examples=st.builds(
            lambda usage, off: lean(stream_options={"include_usage": usage}, **off),
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
        values("stream_options", *({"include_usage": bad} for bad in ("yes", 1, "true", 0.5, [], {})), **_ON),
        examples=varying("stream_options", st.builds(lambda bad: {"include_usage": bad}, wrong_type("boolean")), **_ON),
        needs=_NEEDS,
    ),
    wrong_types_refused(
        "stream_options", "object", source=documented("stream_options: an object"), context=_ON, needs=_NEEDS
    ),
]

CHAPTER = Chapter("streaming", "Asking for a stream", (*stream, *options))
