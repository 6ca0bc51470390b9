"""Servers that fail on two valid features together, each of which they take alone."""

from __future__ import annotations

from collections.abc import Iterable

from .base import Mutant, of
from .relations_common import Body, When, has, parts_in, refused_when


def several(body: Body) -> bool:
    """More than one choice."""
    value = body.get("n")
    return isinstance(value, int) and value > 1


def streamed(body: Body) -> bool:
    return body.get("stream") is True


def token_logs(body: Body) -> bool:
    return body.get("logprobs") is True


def as_json(body: Body) -> bool:
    """A response format other than text."""
    wanted = body.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def told_calls(body: Body) -> bool:
    """A conversation in which tools were called."""
    return any(row.get("tool_calls") for row in body["messages"])


def spoken_system(body: Body) -> bool:
    return any(row["role"] == "system" for row in body["messages"])


def greedy(body: Body) -> bool:
    return type(body.get("temperature")) in (int, float) and body["temperature"] == 0


def stops_listed(body: Body) -> bool:
    return isinstance(body.get("stop"), list)


def pair(
    name: str, first: When, second: When, *fails: str, with_it: Iterable[str] = (), status: int = 500, about: str = ""
) -> Mutant:
    """Fails where both are asked; random combinations may always meet it."""
    return Mutant(
        name=f"pair-{name}",
        property=about or "server",
        family="crash" if status >= 500 else "refused",
        server=refused_when(lambda body: first(body) and second(body), status),
        fails=of("together.pairs.accepts", *fails),
        with_it=of("together.random.accepts", *with_it),
    )


MUTANTS = [
    pair("logprobs-stream", token_logs, streamed, with_it=("mm.stream", "many.streams")),
    pair("n-stop", several, has("stop")),
    pair("json-tools", as_json, has("tools")),
    pair("seed-bias", has("seed"), has("logit_bias")),
    pair("stream-n", streamed, several),
    pair("tools-stream", has("tools"), streamed, "mm.stream", with_it=("many.streams", "stream.*.accepts")),
    pair("logprobs-n", token_logs, several),
    pair("json-stream", as_json, streamed, with_it=("mm.stream", "many.streams", "stream.*.accepts")),
    pair("logprobs-tools", token_logs, has("tools")),
    pair("bound-n", has("max_completion_tokens"), several),
    pair("parts-tools", parts_in, has("tools"), with_it=("content.tool.parts.accepts",)),
    pair("stops-bias", stops_listed, has("logit_bias")),
    pair("penalties", has("frequency_penalty"), has("presence_penalty"), with_it=("mm.default",)),
    pair("calls-stream", told_calls, streamed, with_it=("mm.stream", "many.streams", "stream.*.accepts")),
    pair("usage-n", has("stream_options"), several),
    pair("system-json", spoken_system, as_json, with_it=("response_format.jsonobject.word.accepts",)),
    pair("greedy-logprobs", greedy, token_logs),
    pair("user-tier", has("user"), has("service_tier")),
    pair("metadata-stream", has("metadata"), streamed),
    # known from services: only one of the two may be altered; one feature at a time in a grammar
    pair("temperature-top-p", has("temperature"), has("top_p"), "mm.default", status=400),
    pair("logprobs-json", token_logs, as_json, status=400),
]
