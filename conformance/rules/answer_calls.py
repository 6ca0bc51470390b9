"""The tool and function calls of a plain answer (fact base §2.1, §2.2)."""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..model import Body, Exchange, Strength, Symptom
from ..sse import NOT_JSON, read_json
from .answer_forms import CALLS, FUNCTIONS, NAMED, PLAIN, QUOTED, WEATHER, is_text, must_be, shown
from .answer_views import Object, bound, functions, member, messages, objects, single, spent, spoken, tool_calls
from .forms import changed, documented, judges, observed, prose
from .schema_fit import misfit
from .views import asked, said

_BOUND: Body = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "hourly": {"type": "boolean"},
                "note": {"type": "string", "enum": [QUOTED]},
            },
            "required": ["city", "days", "unit", "hourly", "note"],
            "additionalProperties": False,
        },
    },
}
_STRICT = lean(**{**WEATHER, "max_tokens": 256}, tools=[_BOUND], tool_choice=NAMED)


def _declared(exchange: Exchange, word: str = "function") -> list[Object]:
    return [tool for tool in objects(asked(exchange).get("tools")) if tool.get("type") == word]


def _call_types(exchange: Exchange) -> list[tuple[Any, tuple[str, ...]]]:
    allowed = ("function", *(["custom"] if _declared(exchange, "custom") else []))
    return [(call.get("type"), allowed) for call in tool_calls(exchange)]


def _call_type(pair: tuple[Any, tuple[str, ...]]) -> str | None:
    value, allowed = pair
    return None if value in allowed else f"the type of a tool call is {said(value)}, not {' or '.join(allowed)}"


def _plain_calls(exchange: Exchange) -> list[Object]:
    return [call for call in tool_calls(exchange) if call.get("type") != "custom"]


def _twins(message: Object) -> str | None:
    ids = [call["id"] for call in objects(message.get("tool_calls")) if is_text(call.get("id"))]
    twin = next((value for value in ids if ids.count(value) > 1), None)
    return f"two tool calls of one message have the id {said(twin)}" if twin is not None else None


def _named(exchange: Exchange) -> list[tuple[Any, list[Any]]]:
    declared = [tool.get("function") for tool in _declared(exchange)]
    names = [function.get("name") for function in objects(declared)]
    called = [function["name"] for function in functions(exchange) if is_text(function.get("name"))]
    return [(name, names) for name in called] if names else []


def _arguments(exchange: Exchange, *, strict: bool) -> list[str]:
    """The arguments of finished calls of tools that were, or were not, declared strict."""
    most, used = bound(exchange), spent(exchange)
    if most is None or used is None or used >= most or not single(exchange):
        return []
    declared = objects([tool.get("function") for tool in _declared(exchange)])
    names = [function.get("name") for function in declared if function.get("strict") is True]
    ended = [message for choice, message in spoken(exchange) if choice["finish_reason"] in ("stop", "tool_calls")]
    calls = [call for message in ended for call in objects(message.get("tool_calls"))]
    found = objects([call.get("function") for call in calls])
    return [
        one["arguments"]
        for one in found
        if isinstance(one.get("arguments"), str) and (one.get("name") in names) is strict
    ]


def _strict_arguments(exchange: Exchange) -> list[tuple[str, Any]]:
    """The arguments of the lone call of a strict tool, and its schema: of several calls strict says nothing."""
    texts = _arguments(exchange, strict=True)
    if len(texts) != 1 or len(tool_calls(exchange)) != 1:
        return []
    name = functions(exchange)[0].get("name")
    declared = objects([tool.get("function") for tool in _declared(exchange)])
    return [(texts[0], function.get("parameters")) for function in declared if function.get("name") == name]


def _off_schema(pair: tuple[str, Any]) -> str | None:
    text, schema = pair
    value = read_json(text)
    why = misfit(value, schema) if is_object(value) else None
    return f"the arguments of a call do not satisfy the schema ({why}): {said(text)}" if why else None


def _no_object(text: str) -> str | None:
    return None if is_object(read_json(text)) else f"the arguments of a call are no JSON object: {said(text)}"


def _uncalled_value(message: Object) -> str | None:
    value = message.get("tool_calls", NOT_JSON)
    return f"a message without tool calls has tool_calls {said(value)}" if value is None or value == [] else None


def _legacy(call: Any) -> str | None:
    if not is_object(call):
        return f"function_call is {said(call)}, not an object"
    odd = [name for name in ("name", "arguments") if not isinstance(call.get(name), str)]
    return f"function_call has no string as {odd[0]}" if odd else None


_CALL = documented("tool calls: id, type and function with name and arguments, all required")
RULES = [
    judges(
        "res.toolcalls.shape",
        "tools",
        "gives tool_calls as an array of objects",
        _CALL,
        member(messages, "tool_calls", null=True),
        must_be(
            "tool_calls",
            lambda found: is_array(found) and len(objects(found)) == len(found),
            "an array of objects",
        ),
        CALLS,
    ),
    judges(
        "res.toolcalls.id",
        "tools",
        "gives every tool call a non-empty id",
        _CALL,
        tool_calls,
        lambda call: None if is_text(call.get("id")) else f"the id of a tool call is {shown(call, 'id')}",
        CALLS,
    ),
    judges(
        "res.toolcalls.id.unique",
        "tools",
        "gives the tool calls of a message different ids",
        prose("tool calls: a reply names the call by its id"),
        lambda exchange: [message for message in messages(exchange) if objects(message.get("tool_calls"))],
        _twins,
        CALLS,
        symptom=Symptom.WRONG_CONTENT,
    ),
    *changed(
        "2026-08",
        judges(
            "res.toolcalls.type",
            "tools",
            "gives tool calls the type function",
            documented("tool calls: the type is function"),
            _call_types,
            _call_type,
            CALLS,
        ),
        title="gives tool calls the type of a tool that was declared",
        source=documented("tool calls: the type is function or custom"),
    ),
    judges(
        "res.toolcalls.function",
        "tools",
        "gives every tool call a function with a name",
        _CALL,
        _plain_calls,
        lambda call: (
            f"the function of a tool call is {shown(call, 'function')}"
            if not is_object(call.get("function"))
            else None
            if is_text(call["function"].get("name"))
            else f"the name of a called function is {shown(call['function'], 'name')}"
        ),
        CALLS,
    ),
    judges(
        "res.toolcalls.arguments",
        "tools",
        "gives the arguments of a call as a string",
        documented("tool calls: arguments are a string that holds JSON"),
        functions,
        lambda function: (
            None
            if isinstance(function.get("arguments"), str)
            else f"the arguments of a call are {shown(function, 'arguments')}, not a string"
        ),
        CALLS,
    ),
    judges(
        "res.toolcalls.args",
        "tools",
        "gives arguments that are a JSON object",
        observed("tool calls: arguments are JSON, which the document does not promise"),
        lambda exchange: _arguments(exchange, strict=False),
        _no_object,
        CALLS,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.toolcalls.args.strict",
        "tools",
        "gives arguments that are a JSON object for a strict tool",
        prose("strict: arguments follow the schema exactly"),
        lambda exchange: _arguments(exchange, strict=True),
        _no_object,
        [_STRICT],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.toolcalls.args.schema",
        "tools",
        "gives arguments that satisfy the schema of a strict tool",
        prose("strict: arguments follow the schema exactly"),
        _strict_arguments,
        _off_schema,
        [_STRICT],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.toolcalls.name",
        "tools",
        "calls only tools that were declared",
        observed("tool calls: invented names are rare, and allowed"),
        _named,
        lambda pair: None if pair[0] in pair[1] else f"the called tool {said(pair[0])} was not declared",
        CALLS,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.toolcalls.absent",
        "answer",
        "leaves tool_calls out where no tool is called",
        prose("tool_calls: optional, not nullable; servers send null or an empty array"),
        lambda exchange: [message for message in messages(exchange) if not message.get("tool_calls")],
        _uncalled_value,
        PLAIN,
        strength=Strength.MAY,
    ),
    judges(
        "res.functioncall.shape",
        "functions",
        "gives function_call as an object of two strings",
        documented("function_call: name and arguments, both required strings"),
        member(messages, "function_call", null=True),
        _legacy,
        FUNCTIONS,
    ),
]
