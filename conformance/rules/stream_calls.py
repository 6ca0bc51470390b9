"""The tool calls of a streamed answer, piece by piece and put together (fact base §2.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ..model import Exchange
from ..sse import read_json
from .answer_forms import FOR_BOTH
from .forms import believed, documented, observed, prose
from .gates import OTHER_TOOL, TOOL
from .stream_forms import Check, each, rule, text_or_null
from .stream_views import calls, fragments, framed, function, placed, show, whole
from .views import is_integer, option

_WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
_NAMED = {"type": "function", "function": {"name": "get_weather"}}
_CALL = tuple(
    lean(messages=messages, tools=tools, tool_choice=choice, stream=True, max_tokens=128)
    for messages, tools, choice in (
        (_WEATHER, [TOOL], _NAMED),
        (_WEATHER, [TOOL], "required"),
        (FOR_BOTH, [TOOL, OTHER_TOOL], "required"),
    )
)
_AUTO = (lean(messages=FOR_BOTH, tools=[TOOL, OTHER_TOOL], stream=True, max_tokens=128),)
_TOOLS: Any = {"prop": "tools", "needs": ("forced_tool",), "pins": _CALL}
_PARALLEL: Any = {**_TOOLS, "pins": _CALL[2:]}
_FRAGMENT = observed("tool calls in a stream: the head first, then pieces of the arguments")


def first_fragment(good: Callable[[dict[str, Any]], bool], what: str) -> Check:
    """A check of the first fragment of every tool call."""

    def check(exchange: Exchange) -> str | None:
        for (_, index), found in fragments(exchange).items():
            if not good(found[0]):
                return f"the first fragment of tool call {show(index)} has no {what}"
        return None

    return check


def another(found: list[dict[str, Any]]) -> bool:
    """Whether the fragments under one index are of two calls: after whole arguments come another id, a function name
    and arguments of their own. A head that is only repeated, or an id that changes with every piece, is no call."""
    texts = [function(call).get("arguments") for call in found]
    told = [text if isinstance(text, str) else "" for text in texts]
    ids = [call.get("id") for call in found]
    for place, call in enumerate(found):
        heads = isinstance(ids[0], str) and isinstance(ids[place], str) and bool(ids[0]) and bool(ids[place])
        name = function(call).get("name")
        if not heads or ids[place] == ids[0] or not isinstance(name, str) or not name:
            continue
        if "".join(told[place:]).lstrip().startswith("{") and is_object(read_json("".join(told[:place]))):
            return True
    return False


def one_index_each(exchange: Exchange) -> str | None:
    return _second_call(exchange) or _second_arguments(exchange)


def _second_call(exchange: Exchange) -> str | None:
    """An index under which two calls come."""
    for (_, index), found in fragments(exchange).items():
        if another(found):
            return f"two tool calls come under index {show(index)}: a second id, name and arguments after whole ones"
    return None


def _second_arguments(exchange: Exchange) -> str | None:
    """An index under which the arguments of another call of the same choice come, which has none."""
    texts: dict[int, dict[object, str]] = {}
    for (choice, index), found in fragments(exchange).items():
        told = [function(call).get("arguments") for call in found if found[0].get("type") != "custom"]
        texts.setdefault(choice, {})[index] = "".join(text for text in told if isinstance(text, str)).strip()
    for of_choice in texts.values():
        bare = [index for index, text in of_choice.items() if not text]
        for index, text in of_choice.items():
            if bare and _two_objects(text):
                return f"index {show(index)} holds arguments twice, and tool call {show(bare[0])} has none"
    return None


def _two_objects(text: str) -> bool:
    """Whether a text is one JSON object right after another."""
    ends = (place + 1 for place, sign in enumerate(text[:-1]) if sign == "}")
    return any(is_object(read_json(text[:end])) and is_object(read_json(text[end:])) for end in ends)


def later_fragments(exchange: Exchange) -> str | None:
    for (_, index), found in fragments(exchange).items():
        if another(found):
            continue  # another rule owns that
        for call in found[1:]:
            if call.get("id") or function(call).get("name"):
                return f"a later fragment of tool call {show(index)} has an id or a name again"
    return None


def own_ids(exchange: Exchange) -> str | None:
    known: dict[tuple[int, str], int] = {}
    for (choice, index), found in fragments(exchange).items():
        name = found[0].get("id")
        if isinstance(name, str) and name and known.setdefault((choice, name), index) != index:
            return f"two tool calls of one choice have the id {show(name)}"
    return None


def whole_arguments(exchange: Exchange) -> str | None:
    cut = {index for index, piece, _ in placed(exchange) if piece.get("finish_reason") in ("length", "content_filter")}
    for (choice, index), found in fragments(exchange).items():
        texts = [function(call).get("arguments") for call in found]
        text = "".join(part for part in texts if isinstance(part, str))
        if another(found):
            continue  # another rule owns that
        if found[0].get("type") == "custom" or not all(isinstance(part, str | None) for part in texts):
            continue  # the input of a custom tool is any text; arguments that are no texts are another rule's
        if choice not in cut and not is_object(read_json(text)):
            return f"the arguments of tool call {show(index)} put together are no JSON object: {show(text)}"
    return None


def _chosen(exchange: Exchange) -> set[int]:
    """The choices in which the model called a tool of its own accord."""
    if option(exchange, "tool_choice", "auto") != "auto" or not whole(exchange):
        return set()
    return {index for index, _ in fragments(exchange)}


def tool_finish(exchange: Exchange) -> str | None:
    chosen = _chosen(exchange)
    for index, piece, _ in placed(exchange):
        if index in chosen and piece.get("finish_reason") in ("stop", "function_call"):
            return f"choice {show(index)} calls tools and finishes with {show(piece['finish_reason'])}"
    return None


def _call_items(exchange: Exchange) -> Iterator[dict[str, Any]]:
    return (call if is_object(call) else {} for call in calls(exchange))


def _heads(exchange: Exchange) -> Iterator[dict[str, Any]]:
    return (call for call in calls(exchange) if is_object(call))


def _functions(exchange: Exchange) -> Iterator[dict[str, Any]]:
    return (function(call) for call in _heads(exchange))


def _called(exchange: Exchange) -> bool:
    return framed(exchange) and any(True for _ in calls(exchange))


def _several_calls(exchange: Exchange) -> bool:
    return whole(exchange) and bool(fragments(exchange))


def _parallel(exchange: Exchange) -> bool:
    """A whole stream with two tool calls in one choice, by their ids."""
    found: dict[int, set[str]] = {}
    for (choice, _), parts in fragments(exchange).items():
        found.setdefault(choice, set()).update(one["id"] for one in parts if isinstance(one.get("id"), str))
    return whole(exchange) and any(len(ids - {""}) > 1 for ids in found.values())


RULES = [
    rule("tool.index", "gives every fragment of a tool call an integer index",
          documented("delta.tool_calls: index is required"),
          each(_call_items, lambda c: is_integer(c.get("index")), "index"), applies=_called, **_TOOLS),
    rule("tool.apart", "streams each of several tool calls under an index of its own",
          documented("delta.tool_calls: the index tells to which call a piece belongs"), one_index_each,
          applies=_parallel, **_PARALLEL),
    rule("tool.type", "sends type: function in tool calls", documented("delta.tool_calls: type"),
          each(_heads, lambda c: c.get("type") in (None, "function", "custom"), "type"), applies=_called, **_TOOLS),
    rule("tool.arguments", "streams tool arguments as strings", documented("delta.tool_calls: arguments is a string"),
          each(_functions, text_or_null("arguments"), "arguments"), applies=_called, **_TOOLS),
    rule("tool.first.id", "sends the id with the first fragment of a tool call", _FRAGMENT,
          first_fragment(lambda c: isinstance(c.get("id"), str) and bool(c["id"]), "id"),
          applies=_several_calls, **_TOOLS),
    rule("tool.first.type", "sends the type with the first fragment of a tool call", _FRAGMENT,
          first_fragment(lambda c: c.get("type") is not None, "type"), applies=_several_calls, **_TOOLS),
    rule("tool.first.name", "sends the name with the first fragment of a tool call", _FRAGMENT,
          first_fragment(lambda c: bool(function(c).get("name")) or c.get("type") == "custom", "function name"),
          applies=_several_calls, **_TOOLS),
    rule("tool.later", "sends only arguments with the later fragments of a tool call", _FRAGMENT, later_fragments,
          applies=_several_calls, **_TOOLS),
    rule("tool.ids", "gives every streamed tool call an id of its own", _FRAGMENT, own_ids,
          applies=_several_calls, **_TOOLS),
    rule("tool.args", "streams tool arguments that are a JSON object when put together",
          believed("delta.tool_calls: models may write invalid arguments"), whole_arguments,
          applies=_several_calls, **_TOOLS),
    rule("tool.finish", "finishes with tool_calls where the model chose to call in a stream",
          prose("finish_reason: tool_calls"), tool_finish, applies=lambda e: bool(_chosen(e)),
          prop="tools", pins=_AUTO),
]  # fmt: skip
