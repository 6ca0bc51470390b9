"""Servers that refuse what they must take, or fail at a request, from the seventh blind list. See ``BLIND_7.md``."""

from __future__ import annotations

import json

from .blind_common import Body, Sent, between
from .load_common import body_of, failure
from .requests_making import crashing, entries, is_array, null, refusing_message, refusing_valid, stumbling
from .stream_common import collection

refused = collection("blind7-", prop="messages", family="refused")


def in_parts(message: Body) -> bool:
    return is_array(message.get("content"))


def image_before_text(message: Body) -> bool:
    kinds = [part.get("type") for part in entries(message, "content")]
    return "image_url" in kinds and "text" in kinds[kinds.index("image_url") :]


def nameless_tool(body: Body) -> bool:
    functions = [tool.get("function") for tool in entries(body, "tools")]
    return any(isinstance(function, dict) and "name" not in function for function in functions)


def named_alone(body: Body) -> bool:
    return isinstance(body.get("tool_choice"), dict) and body.get("parallel_tool_calls") is False


def compared_with_nothing(body: Body) -> bool:
    return null("top_logprobs")(body) and body.get("logprobs") is True


def logged_in_ascii(raw: bytes, sent: Sent) -> Sent:
    """A refusal is written to a log together with its body, and that fails."""
    body = body_of(raw)
    if not 400 <= sent[0]["status"] < 500 or body is None or json.dumps(body, ensure_ascii=False).isascii():
        return sent
    failed = failure(500, "The server failed.")
    headers = [*failed.headers, (b"content-length", str(len(failed.content)).encode())]
    start = {"type": "http.response.start", "status": failed.status, "headers": headers}
    return [start, {"type": "http.response.body", "body": failed.content}]


MUTANTS = [
    refused(
        "stop-null-refused",
        "stop.null.accepts",
        refusing_valid(null("stop")),
        prop="stop",
        with_it="mm.null mm.default",
    ),
    refused(
        "bias-null-crash",
        "logit_bias.null.accepts",
        crashing(null("logit_bias")),
        prop="logit_bias",
        family="crash",
        with_it="mm.null mm.default",
    ),
    refused(
        "system-parts-refused",
        "content.system.parts.accepts",
        refusing_message(in_parts, "system"),
        with_it="content.parts.accepts together.*",
    ),
    refused(
        "tool-name-missing-crash", "fn.name.required.refuses", stumbling(nameless_tool), prop="tools", family="crash"
    ),
    refused(
        "image-before-text-refused",
        "part.image.url.accepts",
        refusing_message(image_before_text),
        with_it="part.image.detail.accepts part.image.several gate.images",
    ),
    refused(
        "named-parallel-off-crash",
        "together.pairs.accepts",
        crashing(named_alone),
        prop="tool_choice",
        family="crash",
        with_it="together.* tool_choice.named.*.accepts parallel_tool_calls.*.accepts",
    ),
    refused(
        "top-logprobs-null-logprobs-crash",
        "top_logprobs.null.accepts",
        crashing(compared_with_nothing),
        prop="top_logprobs",
        family="crash",
        with_it="mm.null",
    ),
    refused(
        "refused-non-ascii-crash",
        "http.unicode.faulty",
        prop="error",
        family="crash",
        around=between(logged_in_ascii),
        with_it="fn.name.pattern.refuses functions.name.pattern.refuses toolcall.name.pattern.refuses"
        " response_format.jsonschema.name.refuses"
        " logit_bias.key.numeric.refuses role.enum.refuses part.type.enum.refuses",
    ),
]
