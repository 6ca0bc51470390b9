"""The effect of tools and of the choice among them, and a call that goes back to its server (fact base §3.2)."""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ...strategies.messages import assistant, assistant_calls, system, tool_call, tool_reply, user
from ...strategies.text import call_id
from ..judge import Reaction, excuse, react
from ..model import Body, Exchange, Request, Script, Symptom, Undecided
from ..sse import read_json
from .answer_forms import FOR_BOTH
from .effect_forms import WEATHER, calls, effect, free, names, relation, tools_with
from .gates import TOOL
from .views import choices, messages, option

_TIME: Body = {"type": "function", "function": {"name": "get_time", "parameters": TOOL["function"]["parameters"]}}
_BOTH = {"messages": FOR_BOTH, "tools": [TOOL, _TIME], "max_tokens": 128}
_NAMED = {"type": "function", "function": {"name": "get_weather"}}
_ANSWERED: Body = {
    "messages": [
        user("Hello."),
        assistant("Hi."),
        user("Do you know Paris?"),
        assistant("Yes."),
        user("What is the weather in Paris?"),
        assistant_calls(tool_call(arguments='{"city": "Paris"}')),
        tool_reply(),
        assistant("It is sunny."),  # some templates want an assistant after a tool
        user("And what is the weather in Rome?"),
    ],
    "tools": [TOOL],
    "max_tokens": 128,
}
"""A conversation in which a tool has been called and has answered."""

_BARE: Body = {"type": "function", "function": {"name": "get_weather"}}
"""A tool without parameters."""

_GET: Body = {"type": "function", "function": {"name": "get", "parameters": TOOL["function"]["parameters"]}}
_SHORTER = {"type": "function", "function": {"name": "get"}}
"""A name with which the name of another tool begins."""


def no_call(exchange: Exchange) -> str | None:
    if any(calls(message) for message in messages(exchange)):
        return 'a tool is called for tool_choice: "none"'
    return None


def uncalled(exchange: Exchange) -> bool:
    """Whether a choice calls nothing at all, malformed calls included, and neither refuses nor was filtered."""
    for choice in choices(exchange):
        message = choice.get("message")
        if not is_object(message) or choice.get("finish_reason") == "content_filter":
            continue
        if not any(message.get(name) for name in ("tool_calls", "function_call", "refusal")):
            return True
    return False


def some_call(exchange: Exchange) -> str | None:
    return 'no tool is called for tool_choice: "required"' if uncalled(exchange) else None


def forced(exchange: Exchange) -> bool:
    """Answers for the named tool that call something, or that came to their end and were asked for nothing else."""
    if not any(tools_with(exchange, "tool_choice", choice) for choice in (_NAMED, _SHORTER)):
        return False
    if any(names(message) for message in messages(exchange)):
        return True
    others = ("functions", "response_format", "audio")
    return free(exchange) and bool(messages(exchange)) and not any(option(exchange, name) for name in others)


def named(exchange: Exchange) -> str | None:
    choice = option(exchange, "tool_choice")
    function = choice.get("function") if is_object(choice) else None
    wanted = function.get("name") if is_object(function) else None
    for message in messages(exchange):
        for name in names(message):
            if name != wanted:
                return f"tool_choice names {wanted!r}, and {name[:64]!r} is called"
    if free(exchange) and uncalled(exchange):
        return f"tool_choice names {wanted!r}, and no tool is called"
    return None


def one_call(exchange: Exchange) -> str | None:
    most = max((len(calls(message)) for message in messages(exchange)), default=0)
    return None if most <= 1 else f"{most} tool calls in one message for parallel_tool_calls: false"


def echo(body: Body) -> Script:
    """The assistant's message goes back as received."""
    return (yield from sent_back(body, (yield Request(body))))


def sent_back(body: Body, first: Exchange) -> Script:
    """The message of an answer goes back. A hand-made one of the same sense must be accepted as well."""
    found = [choice for choice in choices(first) if is_object(choice.get("message"))]
    if react(first) is not Reaction.ACCEPTED or not found:
        raise Undecided("no message to send back")
    message = found[0]["message"]
    if not all(isinstance(message.get(name), str | None) for name in ("content", "refusal")):
        raise Undecided("a member of the message is of a wrong type")
    if calls(message) and found[0].get("finish_reason") == "length":
        raise Undecided("the tool call was cut")
    replies, model, control_replies = _replies(message)
    rest = {key: value for key, value in body.items() if key != "tool_choice"}
    second = yield Request({**rest, "messages": [*body["messages"], message, *replies]})
    if react(second) not in (Reaction.REFUSED, Reaction.CRASHED) or excuse(second):
        return None
    control = yield Request({**rest, "messages": [*body["messages"], model, *control_replies]})
    if react(control) is not Reaction.ACCEPTED:
        raise Undecided("a hand-made message of the same sense is not accepted either")
    return f"its own message, sent back as received, is {react(second)} ({second.status})"


def _replies(message: dict[str, Any]) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """What follows the message; a message with nothing but what a client must send and ids of ours; what follows it."""
    if not calls(message):
        text = message.get("content")
        if message.get("role") != "assistant" or not isinstance(text, str) or not text.strip():
            raise Undecided("no text to send back")
        more = [user("Once more, please.")]
        return more, {"role": "assistant", "content": text}, more
    made: list[dict[str, Any]] = []
    idents: list[str] = []
    for call in calls(message):
        function = call.get("function") if is_object(call) else None
        if not is_object(function) or not isinstance(call.get("id"), str) or not names(message):
            raise Undecided("a tool call is malformed")
        if call.get("type") != "function":
            raise Undecided("a tool call does not say that it is a function's: other rules speak of that")
        arguments = function.get("arguments")
        if not isinstance(arguments, str) or not is_object(read_json(arguments)):
            raise Undecided("the arguments of a tool call are no JSON object")
        idents.append(call["id"])
        plain_function = {"name": function.get("name"), "arguments": arguments}
        made.append({"id": call_id(len(idents)), "type": "function", "function": plain_function})
    if not all(idents) or len(set(idents)) < len(idents):
        raise Undecided("the ids of the tool calls are empty or alike")
    model = {"role": "assistant", "content": None, "tool_calls": made}
    return [tool_reply(ident) for ident in idents], model, [tool_reply(call["id"]) for call in made]


def _led(body: Body) -> Body:
    """The same body with a system message in front."""
    return {**body, "messages": [system(), *body["messages"]]}


RULES = [
    effect(
        "ef.choice.none",
        "tool_choice",
        'calls no tool for tool_choice: "none"',
        lambda exchange: tools_with(exchange, "tool_choice", "none"),
        no_call,
        lean(**WEATHER, tool_choice="none"),
        _led(lean(**_ANSWERED, tool_choice="none", temperature=0)),
        needs=("tools",),
    ),
    effect(
        "ef.choice.required",
        "tool_choice",
        'calls a tool for tool_choice: "required"',
        lambda exchange: (
            tools_with(exchange, "tool_choice", "required") and free(exchange) and bool(messages(exchange))
        ),
        some_call,
        lean(**WEATHER, tool_choice="required"),
        lean(**WEATHER | {"tools": [_BARE]}, tool_choice="required", temperature=0),
        _led(lean(**_ANSWERED, tool_choice="required")),
        needs=("forced_tool",),
    ),
    effect(
        "ef.choice.named",
        "tool_choice",
        "calls the tool that tool_choice names, and no other",
        forced,
        named,
        lean(tools=[_TIME, TOOL], tool_choice=_NAMED, max_tokens=128),
        lean(tools=[TOOL], tool_choice=_NAMED, max_tokens=128, temperature=0),
        _led(lean(**WEATHER, tool_choice=_NAMED)),
        lean(tools=[TOOL, _GET], tool_choice=_SHORTER, max_tokens=128),
        needs=("forced_tool",),
    ),
    effect(
        "ef.parallel.off",
        "parallel_tool_calls",
        "calls at most one tool for parallel_tool_calls: false",
        lambda exchange: tools_with(exchange, "parallel_tool_calls", False),
        one_call,
        lean(**_BOTH, tool_choice="required", parallel_tool_calls=False),
        _led(lean(**_BOTH, tool_choice="required", parallel_tool_calls=False, temperature=0)),
        lean(**WEATHER, parallel_tool_calls=False),
        lean(**_BOTH, parallel_tool_calls=False, temperature=0),
        needs=("tools",),
    ),
    relation(
        "ef.echo",
        "tools",
        "takes its own tool call back, as received, with the tool's answer",
        echo,
        lean(**WEATHER, tool_choice=_NAMED),
        needs=("forced_tool",),
        symptom=Symptom.REFUSED_VALID,
    ),
    relation(
        "ef.echo.text",
        "messages",
        "takes its own message back, as received, in a conversation",
        echo,
        lean(),
        symptom=Symptom.REFUSED_VALID,
    ),
]
