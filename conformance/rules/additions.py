"""What later vintages add to answers (fact base §2.1, §2.3 and §4): custom calls, annotations, metadata, moderation,
the tier that served, further token counts, obfuscation of chunks. The rules of the oldest vintage go on beside them.

Thinking text (``reasoning_content``) is in no document, so nothing is asked of it; other rules pass over it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...strategies.bodies import lean
from ...strategies.custom_tools import allowed, custom, custom_choice
from ...strategies.json_values import is_array, is_object
from ...strategies.messages import user
from ...strategies.moderation import moderation
from ..model import Body, Chapter, Exchange, Strength, Symptom
from .answer_forms import is_text, shown
from .answer_views import Object, completions, member, messages, objects, tool_calls, usages
from .effect_forms import free
from .effect_tools import uncalled
from .forms import contested, documented, judges, observed, prose, since
from .gates import OTHER_TOOL, TOOL
from .stream_views import fragments, framed
from .views import asked, chunks, is_count, is_integer, is_number, long_answer, option, said

_LATER = "2026-08"
_NOTE = custom()
_WRITE: Body = {"messages": [user("Note down that the milk is gone.")], "max_tokens": 128}
_FORCED = lean(**_WRITE, tools=[_NOTE], tool_choice=custom_choice())
_WEATHER: Body = {"messages": [user("What is the weather in Paris?")], "max_tokens": 128}


# --- custom calls and allowed tools -------------------------------------------------------------------------------


def custom_calls(exchange: Exchange) -> list[Object]:
    """The calls of custom tools."""
    return [call for call in tool_calls(exchange) if call.get("type") == "custom"]


def _custom_shape(call: Object) -> str | None:
    inner = call.get("custom")
    if not is_object(inner):
        return f"custom of a custom call is {shown(call, 'custom')}, not an object"
    if not is_text(inner.get("name")):
        return f"the name of a called custom tool is {shown(inner, 'name')}"
    return None if isinstance(inner.get("input"), str) else f"the input of a call is {shown(inner, 'input')}, no string"


def name_of(tool: Object) -> tuple[str, str] | None:
    """Type and name of a tool, a call, or a reference to a tool; None for what has none."""
    kind = tool.get("type")
    inner = tool.get(kind) if kind in ("function", "custom") else None
    name = inner.get("name") if is_object(inner) else None
    return (str(kind), name) if isinstance(name, str) and name else None


def _called(exchange: Exchange) -> list[tuple[str, str]]:
    return [found for call in tool_calls(exchange) if (found := name_of(call))]


def _declared(exchange: Exchange) -> list[tuple[tuple[str, str], list[tuple[str, str]]]]:
    declared = [found for tool in objects(asked(exchange).get("tools")) if (found := name_of(tool))]
    return [(call, declared) for call in _called(exchange) if call[0] == "custom"]


def _not_among(pair: tuple[tuple[str, str], list[tuple[str, str]]]) -> str | None:
    (_, name), known = pair
    return None if pair[0] in known else f"the called custom tool {said(name)} was not declared"


def _choice(exchange: Exchange, kind: str) -> Object | None:
    """The member of a ``tool_choice`` of this type that says what is chosen, in a request that has tools."""
    choice = option(exchange, "tool_choice")
    if not is_object(choice) or choice.get("type") != kind or not option(exchange, "tools"):
        return None
    found = choice.get(kind)
    return found if is_object(found) else None


def _named(exchange: Exchange) -> list[tuple[str, list[tuple[str, str]], bool]]:
    """The custom tool that was named, what was called, and whether a call may be missing."""
    chosen = _choice(exchange, "custom")
    if chosen is None or not isinstance(chosen.get("name"), str) or not messages(exchange):
        return []
    return [(chosen["name"], _called(exchange), not free(exchange) or not uncalled(exchange))]


def _other(triple: tuple[str, list[tuple[str, str]], bool]) -> str | None:
    wanted, called, fine = triple
    for _, name in called:
        if name != wanted:
            return f"tool_choice names {said(wanted)}, and {said(name)} is called"
    return None if called or fine else f"tool_choice names {said(wanted)}, and no tool is called"


def _allowed(exchange: Exchange) -> list[tuple[tuple[str, str], list[tuple[str, str]]]]:
    """What is called of the declared tools, and those that are allowed: invented names are another rule's."""
    chosen = _choice(exchange, "allowed_tools")
    known = [name_of(tool) for tool in objects(chosen.get("tools"))] if chosen else []
    if not known or None in known:
        return []
    declared = [name_of(tool) for tool in objects(asked(exchange).get("tools"))]
    return [(call, [one for one in known if one]) for call in _called(exchange) if call in declared]


def _not_allowed(pair: tuple[tuple[str, str], list[tuple[str, str]]]) -> str | None:
    (_, name), known = pair
    return None if pair[0] in known else f"{said(name)} is called, which is none of the allowed tools"


def _demanded(exchange: Exchange) -> list[bool]:
    chosen = _choice(exchange, "allowed_tools")
    if not chosen or chosen.get("mode") != "required" or not free(exchange) or not messages(exchange):
        return []
    return [uncalled(exchange)]


_CUSTOM = documented("tool calls: a custom call has custom with a name and an input, a string")
_TWO = [TOOL, OTHER_TOOL]

calls = since(
    _LATER,
    judges(
        "res.toolcalls.custom",
        "tools",
        "gives a call of a custom tool its name and its input as a string",
        _CUSTOM,
        custom_calls,
        _custom_shape,
        [_FORCED, lean(**_WRITE, tools=[_NOTE, TOOL])],
        needs=["custom_tools"],
    ),
    judges(
        "res.toolcalls.custom.name",
        "tools",
        "calls only custom tools that were declared",
        observed("tool calls: invented names are rare, and allowed"),
        _declared,
        _not_among,
        [_FORCED],
        needs=["custom_tools"],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "ef.choice.custom",
        "tool_choice",
        "calls the custom tool that tool_choice names, and no other",
        prose("tool_choice: naming a custom tool forces the model to call it"),
        _named,
        _other,
        [_FORCED, lean(tools=[TOOL, _NOTE], tool_choice=custom_choice(), max_tokens=128)],
        needs=["custom_tools"],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "ef.choice.allowed",
        "tool_choice",
        "calls no tool but those that tool_choice allows",
        prose("tool_choice: allowed_tools restricts the model to some of the tools"),
        _allowed,
        _not_allowed,
        [
            lean(**_WEATHER, tools=_TWO, tool_choice=allowed(OTHER_TOOL, mode="required")),
            lean(**_WEATHER, tools=[OTHER_TOOL, TOOL], tool_choice=allowed(OTHER_TOOL, mode="required"), temperature=0),
            lean(**_WEATHER, tools=_TWO, tool_choice=allowed(TOOL)),
        ],
        needs=["allowed_tools"],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "ef.choice.allowed.required",
        "tool_choice",
        "calls a tool for allowed_tools with the mode required",
        prose("tool_choice: the mode required demands a call of an allowed tool"),
        _demanded,
        lambda missing: "no tool is called for allowed_tools with the mode required" if missing else None,
        [
            lean(tools=_TWO, tool_choice=allowed(TOOL, mode="required"), max_tokens=128),
            lean(**_WEATHER, tools=_TWO, tool_choice=allowed(*_TWO, mode="required")),
        ],
        needs=["allowed_tools"],
        symptom=Symptom.WRONG_CONTENT,
    ),
)


# --- members of the answer and the message ------------------------------------------------------------------------

annotated = member(messages, "annotations", null=True)


def _annotation_list(value: Any) -> str | None:
    if is_array(value) and len(objects(value)) == len(value):
        return None
    return f"annotations is {said(value)}, not an array of objects"


def _citations(exchange: Exchange) -> list[Object]:
    return [one for found in annotated(exchange) for one in objects(found) if one.get("type") == "url_citation"]


def _citation(annotation: Object) -> str | None:
    inner = annotation.get("url_citation")
    if not is_object(inner):
        return f"url_citation of an annotation is {shown(annotation, 'url_citation')}, not an object"
    for name in ("url", "title"):
        if not isinstance(inner.get(name), str):
            return f"{name} of a citation is {shown(inner, name)}, not a string"
    odd = [name for name in ("start_index", "end_index") if not is_integer(inner.get(name))]
    return f"{odd[0]} of a citation is {shown(inner, odd[0])}, not an integer" if odd else None


def _kinds(exchange: Exchange) -> list[Object]:
    return [one for found in annotated(exchange) for one in objects(found)]


def _pairs(value: Any) -> str | None:
    if value is None:
        return None
    if not is_object(value):
        return f"metadata is {said(value)}, not an object or null"
    odd = [one for one in value.values() if not isinstance(one, str)]
    return f"a value of metadata is {said(odd[0])}, not a string" if odd else None


_SEARCHED = lean(messages=[user("What is new today?")], web_search_options={}, max_tokens=128)

members = since(
    _LATER,
    judges(
        "res.annotations",
        "answer",
        "gives annotations, if at all, as an array of objects",
        documented("message: annotations is an optional array"),
        annotated,
        _annotation_list,
        [lean()],
    ),
    judges(
        "res.annotations.type",
        "answer",
        "gives every annotation the type url_citation",
        documented("message: annotations are citations of URLs"),
        _kinds,
        lambda one: None if one.get("type") == "url_citation" else f"the type of an annotation is {shown(one, 'type')}",
        [lean()],
        strength=Strength.SHOULD,  # gateways have annotations of other services
    ),
    judges(
        "res.annotations.citation",
        "answer",
        "gives a citation its URL, its title and its place in the text",
        documented("message: url_citation has four required members"),
        _citations,
        _citation,
        [_SEARCHED],
        needs=["web_search_options"],
    ),
    judges(
        "res.metadata",
        "answer",
        "gives metadata, if at all, as an object of strings or null",
        documented("the completion object: metadata"),
        member(completions, "metadata"),
        _pairs,
        [lean(store=True, metadata={"topic": "test"})],
    ),
    judges(
        "res.tier.sent",
        "answer",
        "says which service tier it was",
        observed("service_tier: sent with every answer"),
        lambda exchange: [body for body in completions(exchange) if "choices" in body],
        lambda body: None if body.get("service_tier") is not None else f"service_tier is {shown(body, 'service_tier')}",
        [lean()],
    ),
)


# --- moderation ---------------------------------------------------------------------------------------------------

moderations = member(completions, "moderation", null=True)


def _sides(exchange: Exchange) -> list[Object]:
    found = [value for value in moderations(exchange) if is_object(value)]
    return [value[name] for value in found for name in ("input", "output") if is_object(value.get(name))]


def _two_sides(value: Any) -> str | None:
    if not is_object(value):
        return f"moderation is {said(value)}, not an object or null"
    odd = [name for name in ("input", "output") if not is_object(value.get(name))]
    return f"moderation.{odd[0]} is {shown(value, odd[0])}, not an object" if odd else None


def _side(side: Object) -> str | None:
    wanted = {"moderation_results": ("model",), "error": ("code", "message")}.get(str(side.get("type")))
    if wanted is None:
        return f"the type of a side of moderation is {shown(side, 'type')}"
    odd = [name for name in wanted if not isinstance(side.get(name), str)]
    if odd:
        return f"{odd[0]} of a side of moderation is {shown(side, odd[0])}, not a string"
    found = side.get("results")
    if side["type"] == "error" or (is_array(found) and len(objects(found)) == len(found)):
        return None
    return f"the results of moderation are {shown(side, 'results')}, not an array of objects"


def _results(exchange: Exchange) -> list[Object]:
    return [one for side in _sides(exchange) for one in objects(side.get("results"))]


_BY_CATEGORY: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("categories", lambda value: isinstance(value, bool)),
    ("category_scores", is_number),
    ("category_applied_input_types", is_array),
)
"""Members of a result that hold one value a category."""


def _result(one: Object) -> str | None:
    if not isinstance(one.get("flagged"), bool):
        return f"flagged of a result is {shown(one, 'flagged')}, not a boolean"
    for name, test in _BY_CATEGORY:
        found = one.get(name)
        if not is_object(found) or not all(map(test, found.values())):
            return f"{name} of a result is {shown(one, name)}, or holds a value of a wrong type"
    return None


_MODERATED = lean(moderation=moderation())
_MODERATION = documented("the completion object: moderation has input and output, each results or an error")

moderated = since(
    _LATER,
    judges(
        "res.moderation.presence",
        "moderation",
        "tells what the moderation found where it was asked for",
        documented("the completion object: moderation where it was requested, nullable"),
        lambda exchange: completions(exchange) if is_object(option(exchange, "moderation")) else [],
        lambda body: None if body.get("moderation") is not None else f"moderation is {shown(body, 'moderation')}",
        [_MODERATED],
        strength=Strength.SHOULD,
    ),
    judges(
        "res.moderation",
        "moderation",
        "gives moderation as an object with what was asked and what was answered",
        _MODERATION,
        moderations,
        _two_sides,
        [_MODERATED],
    ),
    judges(
        "res.moderation.side",
        "moderation",
        "gives each side of moderation as results or as an error",
        _MODERATION,
        _sides,
        _side,
        [_MODERATED],
    ),
    judges(
        "res.moderation.result",
        "moderation",
        "gives every result of moderation its flag, categories and scores",
        documented("moderation results: flagged, categories, category_scores, category_applied_input_types"),
        _results,
        _result,
        [_MODERATED],
    ),
)


# --- usage --------------------------------------------------------------------------------------------------------

_DETAILS = {
    "completion_tokens_details": ("text_tokens",),
    "prompt_tokens_details": ("text_tokens", "image_tokens", "cache_write_tokens"),
}


def _counts(exchange: Exchange) -> list[tuple[str, Any, Any]]:
    """The later token counts with the total they belong to."""
    return [
        (f"{owner}.{name}", details[name], use.get(owner.removesuffix("_details")))
        for use in usages(exchange)
        for owner, names in _DETAILS.items()
        if is_object(details := use.get(owner))
        for name in names
        if details.get(name) is not None
    ]


def _fitting(triple: tuple[str, Any, Any]) -> str | None:
    name, count, total = triple
    if not is_count(count) or not is_count(total) or count <= total:
        return None  # other rules own counts that are none
    return f"{name} is {said(count)} of a total of {said(total)}"


usage = since(
    _LATER,
    judges(
        "res.usage.details.later",
        "answer",
        "gives the later details of usage as integers",
        documented("usage: text_tokens, image_tokens and cache_write_tokens are optional integers"),
        _counts,
        lambda triple: None if is_count(triple[1]) else f"{triple[0]} is {said(triple[1])}, not an integer from 0 up",
        [lean()],
    ),
    judges(
        "res.usage.details.later.fit",
        "answer",
        "gives later details of usage that fit their total",
        prose("usage: the details break a count down"),
        _counts,
        _fitting,
        [lean()],
        symptom=Symptom.WRONG_CONTENT,
    ),
)


# --- streams ------------------------------------------------------------------------------------------------------


def _in_chunks(name: str) -> Callable[[Exchange], Sequence[Any]]:
    return lambda exchange: [chunk[name] for chunk in chunks(exchange) if name in chunk] if framed(exchange) else []


def _plain_chunks(exchange: Exchange) -> list[Object]:
    options = option(exchange, "stream_options")
    if not framed(exchange) or not is_object(options) or options.get("include_obfuscation") is not False:
        return []
    return chunks(exchange)


_STREAM = [lean(stream=True), long_answer(stream=True, max_tokens=8)]

streams = since(
    _LATER,
    judges(
        "sse.obfuscation",
        "stream",
        "sends obfuscation in chunks, if at all, as a string",
        documented("chunks: obfuscation is a string"),
        _in_chunks("obfuscation"),
        lambda value: None if value is None or isinstance(value, str) else f"obfuscation is {said(value)}, no string",
        _STREAM,
        needs=["streaming"],
    ),
    judges(
        "sse.obfuscation.off",
        "stream_options",
        "sends no obfuscation for include_obfuscation: false",
        prose("stream_options.include_obfuscation: false leaves the field out"),
        _plain_chunks,
        lambda chunk: f"obfuscation is {said(chunk['obfuscation'])}" if chunk.get("obfuscation") else None,
        [{**body, "stream_options": {"include_obfuscation": False}} for body in _STREAM],
        needs=["streaming"],
        symptom=Symptom.WRONG_CONTENT,
    ),
)


def _custom_pieces(exchange: Exchange) -> list[Any]:
    heads = [(key, found) for key, found in fragments(exchange).items() if found[0].get("type") == "custom"]
    return [call["custom"] for _, found in heads for call in found if "custom" in call] if framed(exchange) else []


def _custom_piece(piece: Any) -> str | None:
    if not is_object(piece):
        return f"custom of a streamed call is {said(piece)}, not an object"
    odd = [name for name in ("name", "input") if not isinstance(piece.get(name), str | None)]
    return f"{odd[0]} of a streamed custom call is {said(piece[odd[0]])}, no string" if odd else None


custom_streams = since(
    _LATER,
    judges(
        "sse.tool.custom",
        "tools",
        "streams the input of a custom call in pieces of text",
        contested("delta.tool_calls: the chunk's schema knows functions alone"),
        _custom_pieces,
        _custom_piece,
        [{**_FORCED, "stream": True}],
        needs=["custom_tools", "streaming"],
    ),
)

CHAPTER = Chapter(
    "additions", "What later vintages add", (*calls, *members, *moderated, *usage, *streams, *custom_streams)
)
