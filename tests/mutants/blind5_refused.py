"""Servers that refuse what they must take, or fail at it, from the fifth blind list. See ``BLIND_5.md``."""

from __future__ import annotations

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import coupled
from chatproof.conformance.reference.prompt import text_of
from starlette.types import ASGIApp, Receive, Scope, Send

from .blind4b_refused import failing
from .blind_common import Body, messages_of, pass_on, sent_by
from .blind_effects import wanted
from .load_common import is_create, whole
from .requests_making import crashing, entries, refusing_valid, stumbling
from .stream_common import collection

FEW = 32
"""Tools that there is room for."""
BUFFER = 65_536
"""Bytes of a chunked body that are kept."""
COLDEST = 0.01


refused = collection("blind5-", family="refused")


# --- refused ----------------------------------------------------------------------------------------------------------


def dashed_name(body: Body) -> bool:
    inner = wanted(body).get("json_schema")
    return wanted(body).get("type") == "json_schema" and isinstance(inner, dict) and "-" in inner["name"]


def nothing_parallel(body: Body) -> bool:
    return body.get("parallel_tool_calls") is True and len(entries(body, "tools")) == 1


def no_stop_left(body: Body) -> bool:
    stop = body.get("stop")
    return isinstance(stop, list) and len(stop) > 3 and bool(body.get("tools"))


def chunked_buffer(app: ASGIApp) -> ASGIApp:
    """What does not fit into the buffer of a chunked body is lost, and the rest is no JSON."""
    reason = coupled("http.json", None, "The body could not be parsed as JSON.", "should")
    content = behaviour.refuse(Reference(), reason).blocks[0]
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent = await sent_by(app, scope, raw)
        chunked = dict(scope["headers"]).get(b"transfer-encoding", b"").lower() == b"chunked"
        if chunked and len(raw) > BUFFER and sent[0]["status"] == 200:
            start = {"type": "http.response.start", "status": reason.status, "headers": headers}
            sent = [start, {"type": "http.response.body", "body": content}]
        await pass_on(send, sent)

    return changed


# --- failing ----------------------------------------------------------------------------------------------------------


def listed_type(schema: object) -> bool:
    """Whether a schema has a list of types anywhere."""
    left = [schema]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if isinstance(node.get("type"), list):
                return True
            left += node.values()
        elif isinstance(node, list):
            left += node
    return False


def typed_by_list(body: Body) -> bool:
    functions = [tool.get("function") for tool in entries(body, "tools")]
    return any(listed_type(function.get("parameters")) for function in functions if isinstance(function, dict))


def no_format(body: Body) -> bool:
    """Whether a text cannot be read as a format string without fields."""
    for message in messages_of(body):
        if message.get("role") in ("user", "system"):
            try:
                text_of(message.get("content")).format()
            except (ValueError, LookupError, AttributeError):
                return True
    return False


def unhashable_role(body: Body) -> bool:
    return any(isinstance(message.get("role"), (dict, list)) for message in messages_of(body))


def uniterable_stop(body: Body) -> bool:
    return isinstance(body.get("stop"), (int, float))


def overflowing(body: Body) -> bool:
    return isinstance(body.get("temperature"), (int, float)) and 0 < body["temperature"] < COLDEST


def several_counted(body: Body) -> bool:
    options = body.get("stream_options") or {}
    return body.get("stream") is True and options.get("include_usage") is True and (body.get("n") or 1) > 1


def logged_call(_body: Body, reply: Reply) -> bool:
    return reply.alternatives is not None and any(choice.calls for choice in reply.choices)


MUTANTS = [
    refused(
        "bias-empty-refused",
        "logit_bias.empty.accepts",
        refusing_valid(lambda body: body.get("logit_bias") == {}),
        prop="logit_bias",
    ),
    refused(
        "schema-name-dash-refused",
        "response_format.jsonschema.name.accepts",
        refusing_valid(dashed_name),
        prop="response_format",
    ),
    refused(
        "tools-limit-32",
        "tools.max.accepts",
        refusing_valid(lambda body: len(entries(body, "tools")) > FEW),
        prop="tools",
    ),
    refused(
        "parallel-true-single-refused",
        "parallel_tool_calls.default.accepts",
        refusing_valid(nothing_parallel),
        prop="parallel_tool_calls",
        with_it="mm.default parallel_tool_calls.*.accepts gate.parallel_tool_calls together.*",
    ),
    refused(
        "stop-four-tools-refused",
        "together.pairs.accepts",
        refusing_valid(no_stop_left),
        prop="stop",
        with_it="together.* stop.array.max.accepts mm.monotone.good",
    ),
    refused("chunked-large-refused", "mm.ccase", None, prop="server", family="transport", around=chunked_buffer),
    refused(
        "parameters-type-list-crash",
        "fn.parameters.type.accepts",
        crashing(typed_by_list),
        prop="tools",
        family="crash",
        with_it="fn.parameters.root.accepts fn.strict.schema.accepts",
    ),
    refused(
        "content-brace-crash",
        "content.user.required.accepts",
        crashing(no_format),
        prop="messages",
        family="crash",
        with_it="content.system.required.accepts content.user.parts.accepts"
        " content.system.parts.accepts content.unicode.accepts http.unicode.accepts",
    ),
    refused(
        "role-unhashable-crash",
        "role.type.refuses",
        stumbling(unhashable_role),
        prop="messages",
        family="crash",
        with_it="mm.position.refuses",
    ),
    refused("stop-number-crash", "stop.type.refuses", stumbling(uniterable_stop), prop="stop", family="crash"),
    refused(
        "temperature-tiny-crash",
        "temperature.min.accepts",
        crashing(overflowing),
        prop="temperature",
        family="crash",
        with_it="temperature.number.accepts temperature.exponent.accepts mm.number",
    ),
    refused(
        "stream-usage-several-crash",
        "together.pairs.accepts",
        crashing(several_counted),
        prop="stream_options",
        family="crash",
        with_it="together.* sse.usage.on sse.usage.on.sum stream_options.needs.accepts",
    ),
    refused(
        "calls-logprobs-crash",
        "together.pairs.accepts",
        failing(logged_call),
        prop="logprobs",
        family="crash",
        with_it="together.* ef.logprobs",
    ),
]
