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
    refused("stop-null-refused", "TODO", refusing_valid(null("stop")), prop="stop"),
    refused("bias-null-crash", "TODO", crashing(null("logit_bias")), prop="logit_bias", family="crash"),
    refused("system-parts-refused", "TODO", refusing_message(in_parts, "system")),
    refused("tool-name-missing-crash", "TODO", stumbling(nameless_tool), prop="tools", family="crash"),
    refused("image-before-text-refused", "TODO", refusing_message(image_before_text)),
    refused("named-parallel-off-crash", "TODO", crashing(named_alone), prop="tool_choice", family="crash"),
    refused(
        "top-logprobs-null-logprobs-crash",
        "TODO",
        crashing(compared_with_nothing),
        prop="top_logprobs",
        family="crash",
    ),
    refused("refused-non-ascii-crash", "TODO", prop="error", family="crash", around=between(logged_in_ascii)),
]
