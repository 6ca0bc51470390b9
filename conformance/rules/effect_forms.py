"""What the rules about effects share: how one is made, what is asked, and views of an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...strategies.json_values import is_array, is_object
from ...strategies.messages import user
from ...strategies.unmasked import UNSAID
from ..judge import Reaction, react
from ..model import AnswerRule, Body, Exchange, Relation, Script, Strength, Undecided
from .answer_views import bound, objects
from .forms import prose
from .gates import TOOL
from .views import asked, choices, chunks, is_integer, long_answer, messages, option, plain, usage

WEATHER = {"messages": [user("What is the weather in Paris and in Rome?")], "tools": [TOOL], "max_tokens": 128}
COUNTING = long_answer()["messages"]


def effect(
    id: str, prop: str, title: str, applies: Callable[[Exchange], bool], check: Any, *pins: Body, **rest: Any
) -> Any:
    """A rule about one answer in which a property must be seen; its pins are asked for it."""
    given: dict[str, Any] = {"strength": Strength.MUST, "source": prose(f"{prop}: what it does"), **rest}
    return AnswerRule(id=id, property=prop, title=title, applies=applies, check=check, pins=pins, **given)


def relation(id: str, prop: str, title: str, script: Callable[[Body], Script], *pins: Body, **rest: Any) -> Relation:
    """A rule about several answers in which a property must be seen; a pin is where the script begins."""
    given: dict[str, Any] = {"strength": Strength.MUST, "source": prose(f"{prop}: what it does"), **rest}
    return Relation(id=id, property=prop, title=title, script=script, pins=pins, **given)


def shaped(exchange: Exchange) -> bool:
    """Whether a stop string or a bias can have changed the answer: not one that nobody says, nor a bias of nought."""
    stop, bias = option(exchange, "stop", []), option(exchange, "logit_bias", {})
    unsaid = is_array(stop) and all(text in UNSAID for text in stop)
    return not unsaid or not is_object(bias) or any(bias.values())


def free(exchange: Exchange) -> bool:
    """A plain answer that no stop string, bias or token bound has shaped; all choices ended by themselves."""
    if not plain(exchange) or option(exchange, "prediction") or shaped(exchange):
        return False
    most, spent = bound(exchange), usage(exchange).get("completion_tokens")
    if most is not None and not (is_integer(spent) and spent < most):
        return False
    return bool(choices(exchange)) and all(choice.get("finish_reason") != "length" for choice in choices(exchange))


def calls(message: dict[str, Any]) -> list[Any]:
    """The tool calls of a message."""
    found = message.get("tool_calls")
    return found if is_array(found) else []


def names(message: dict[str, Any]) -> list[str]:
    """The names of the called functions that are strings."""
    functions = [call.get("function") for call in calls(message) if is_object(call)]
    found = [function.get("name") for function in functions if is_object(function)]
    return [name for name in found if isinstance(name, str)]


def texts(exchange: Exchange) -> list[str]:
    """The contents of a plain answer that are non-blank strings."""
    found = [message.get("content") for message in messages(exchange)]
    return [text for text in found if isinstance(text, str) and text.strip()]


def tools_with(exchange: Exchange, name: str, value: Any) -> bool:
    """A plain answer to a request with tools in which a property has this value."""
    found = asked(exchange).get(name)
    return plain(exchange) and bool(option(exchange, "tools")) and type(found) is type(value) and found == value


def talkative(choice: dict[str, Any]) -> bool:
    """A choice with text and without tool calls."""
    message = choice.get("message")
    if not is_object(message) or message.get("tool_calls") or message.get("function_call"):
        return False
    return isinstance(message.get("content"), str) and bool(message["content"].strip())


def text_of(exchange: Exchange) -> str:
    """The text of an accepted answer with one choice, streamed or not."""
    if react(exchange) is not Reaction.ACCEPTED:
        raise Undecided("the request was not accepted")
    if asked(exchange).get("stream") is not True:
        found = texts(exchange)
        return found[0] if found else ""
    pieces: list[str] = []
    for chunk in chunks(exchange):
        for choice in objects(chunk.get("choices")):
            delta = choice.get("delta")
            piece = delta.get("content") if is_object(delta) else None
            pieces += [piece] if isinstance(piece, str) else []
    return "".join(pieces)
