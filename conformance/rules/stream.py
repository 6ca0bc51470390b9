"""Streamed answers (fact base §2.3): their bytes, their events, their chunks, and what the chunks put together say.

A rule passes over what another rule owns: what must be there is asked only of ``whole`` streams, whose every event is a
JSON object and which no error broke off. The general rules have the property "answer": their gate is ``streaming``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..judge import Reaction, react
from ..model import EVIDENCE_STRENGTH, NOT_JSON, AnswerRule, Body, Chapter, Exchange, Source, Strength, Symptom, Unended
from ..sse import read_json, unglued
from .forms import believed, documented, observed, prose
from .gates import OTHER_TOOL, TOOL
from .stream_views import (
    calls,
    counted,
    deltas,
    ended,
    entries,
    fragments,
    framed,
    function,
    is_usage,
    listed,
    logs,
    member,
    pieces,
    placed,
    read,
    show,
    totals,
    wanted,
    whole,
)
from .views import asked, chunks, is_integer, is_number, long_answer, option, refused, streamed

Check = Callable[[Exchange], str | None]
REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")
ROLES = ("assistant", "user", "system", "tool", "developer")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
SPOKEN = ("content", "refusal", "tool_calls", "function_call")

# --- bytes and events -------------------------------------------------------------------------------------------------


def content_type(exchange: Exchange) -> str | None:
    found = exchange.answer.media_type if exchange.answer else ""
    return None if found == "text/event-stream" else f"the content type of the stream is {show(found)}"


def some_event(exchange: Exchange) -> str | None:
    return None if read(exchange).payloads else "there is no event with a chunk in the stream"


def one_object(exchange: Exchange) -> str | None:
    for event in read(exchange).events:
        parts = unglued(event)
        if parts:
            return f"{len(parts)} data lines have no blank line between them, which makes them one event"
        if event.done:
            return None
        if not is_object(event.json):
            what = "not JSON" if event.json is NOT_JSON else "JSON, but no object"
            return f"the data of an event is {what}: {show(event.data)}"
    return None


def ends_events(exchange: Exchange) -> str | None:
    rest = read(exchange).rest
    return f"no blank line ends the last event, so it does not count: {show(rest)}" if rest else None


def after_done(exchange: Exchange) -> str | None:
    stream = read(exchange)
    late = len(stream.messages) - len(stream.payloads) - 1
    return f"{late} more events follow the end marker" if late > 0 else None


def exact_marker(exchange: Exchange) -> str | None:
    stream = read(exchange)
    marker = stream.messages[len(stream.payloads)].data
    return None if marker == "[DONE]" else f"the end marker is {show(marker)}"


def closed_early(exchange: Exchange) -> str | None:
    early = exchange.answer is not None and exchange.answer.unended is Unended.CLOSED
    return "after the end marker the connection is closed in the middle of the message" if early else None


# --- chunks -----------------------------------------------------------------------------------------------------------


def each(values: Callable[[Exchange], Iterable[Any]], good: Callable[[Any], bool], name: str) -> Check:
    """A check that every object of a kind has a member as it should be."""

    def check(exchange: Exchange) -> str | None:
        return next((f"{member(owner, name)}" for owner in values(exchange) if not good(owner)), None)

    return check


def same(name: str, good: Callable[[Any], bool]) -> Check:
    """A check that a member is the same on all chunks that have it in its right type."""

    def check(exchange: Exchange) -> str | None:
        values = [chunk[name] for chunk in chunks(exchange) if good(chunk.get(name))]
        other = next((value for value in values if value != values[0]), None)
        return None if other is None else f"{name} is {show(values[0])} on the first chunk and {show(other)} on another"

    return check


def some_id(exchange: Exchange) -> str | None:
    values = [chunk.get("id") for chunk in chunks(exchange)]
    bad = [value for value in values if not isinstance(value, str)]
    if bad:
        return f"the id of a chunk is {show(bad[0])}"
    return "the id is an empty string on every chunk" if values and not any(values) else None


def in_seconds(exchange: Exchange) -> str | None:
    values = [chunk["created"] for chunk in chunks(exchange) if is_integer(chunk.get("created"))]
    if not values or 10**9 <= max(values) < 10**11:
        return None
    return f"created is {show(max(values))}, which is no time of today in seconds"


def in_range(exchange: Exchange) -> str | None:
    count = wanted(exchange)
    for index, _, _ in placed(exchange):
        if count and not 0 <= index < count:
            return f"a choice has the index {show(index)}, where {show(count)} were asked for"
    return None


def all_choices(exchange: Exchange) -> str | None:
    count = wanted(exchange)
    found = {index for index, _, _ in placed(exchange)}
    return f"{len(found)} choices in the stream, where {count} were asked for" if count and len(found) < count else None


def first_role(exchange: Exchange) -> str | None:
    known: set[int] = set()
    for index, piece, delta in placed(exchange):
        if not is_object(piece.get("delta")):
            continue  # another rule owns that
        if index not in known and delta.get("role") not in ("assistant", *_odd(delta.get("role"))):
            return f"the first delta of choice {show(index)} has the role {show(delta.get('role'))}"
        known.add(index)
    return None


def _odd(role: object) -> tuple[object, ...]:
    return () if role is None or role in ROLES else (role,)  # another rule owns values outside the enum


def finishes(exchange: Exchange) -> str | None:
    every = {index for index, _, _ in placed(exchange)}
    done = {index for index, piece, _ in placed(exchange) if ended(piece)}
    left = sorted(every - done)
    return f"no chunk has a finish_reason for choice {show(left[0])}" if left else None


def finishes_once(exchange: Exchange) -> str | None:
    seen: set[int] = set()
    for index, piece, _ in placed(exchange):
        if ended(piece) and piece["finish_reason"] in REASONS:
            if index in seen:
                return f"a second chunk has a finish_reason for choice {show(index)}"
            seen.add(index)
    return None


def nothing_after(exchange: Exchange) -> str | None:
    seen: set[int] = set()
    for index, piece, delta in placed(exchange):
        more = next((name for name in SPOKEN if delta.get(name)), None)
        if index in seen and more and not ended(piece):
            return f"choice {show(index)} gets more {more} after its finish_reason"
        if ended(piece) and piece["finish_reason"] in REASONS:
            seen.add(index)
    return None


# --- usage ------------------------------------------------------------------------------------------------------------


def usage_chunk(exchange: Exchange) -> str | None:
    if totals(exchange):
        return None
    inside = any(is_object(chunk.get("usage")) for chunk in chunks(exchange))
    return "the usage came on a chunk that has choices" if inside else "no chunk has empty choices and a usage"


def usage_last(exchange: Exchange) -> str | None:
    seen = False
    for chunk in chunks(exchange):
        if seen and listed(chunk.get("choices")):
            return "a chunk with choices follows the usage chunk"
        seen = seen or is_usage(chunk)
    return None


def usage_sums(exchange: Exchange) -> str | None:
    for usage in totals(exchange):
        if not _full(usage):
            continue
        if usage["total_tokens"] != usage["prompt_tokens"] + usage["completion_tokens"]:
            return " and ".join(member(usage, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    return None


def _full(usage: dict[str, Any]) -> bool:
    return all(_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _unasked(exchange: Exchange) -> bool:
    options = option(exchange, "stream_options", {})
    silent = is_object(options) and options.get("include_usage", False) is False
    return framed(exchange) and silent and bool(chunks(exchange))


# --- tool calls -------------------------------------------------------------------------------------------------------


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
    for (_, index), found in fragments(exchange).items():
        if another(found):
            return f"two tool calls come under index {show(index)}: a second id, name and arguments after whole ones"
    return None


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
        if choice not in cut and text and not is_object(read_json(text)):
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


# --- log probabilities ------------------------------------------------------------------------------------------------


def logged(exchange: Exchange) -> bool:
    """A whole stream that was asked for log probabilities."""
    return whole(exchange) and asked(exchange).get("logprobs") is True


def has_logs(exchange: Exchange) -> bool:
    """A stream in which some piece has log probabilities."""
    return framed(exchange) and any(True for _ in logs(exchange))


def logs_all(exchange: Exchange) -> str | None:
    if log_object(exchange):
        return None  # another rule owns that
    spoke = {index for index, _, delta in placed(exchange) if delta.get("content")}
    with_logs = {index for index, piece, _ in placed(exchange) if entries(piece.get("logprobs"))}
    left = sorted(spoke - with_logs)
    return f"choice {show(left[0])} has content and no log probabilities" if left else None


def log_object(exchange: Exchange) -> str | None:
    for piece in pieces(exchange):
        log = piece.get("logprobs")
        if log is None:
            continue
        if not is_object(log):
            return f"logprobs is {show(log)}"
        for name in ("content", "refusal"):
            if log.get(name) is not None and not is_array(log[name]):
                return f"logprobs.{name} is {show(log[name])}"
    return None


def log_keys(exchange: Exchange) -> str | None:
    for log in logs(exchange):
        if not {"content", "refusal"} <= log.keys():
            return "logprobs lacks content or refusal"
        for entry in entries(log):
            if is_object(entry) and "bytes" not in entry:
                return "an entry lacks bytes"
    return None


def log_entry(exchange: Exchange) -> str | None:
    for entry in (entry for log in logs(exchange) for entry in entries(log)):
        if not is_object(entry) or not is_array(entry.get("top_logprobs")):
            return "an entry is no object with a top_logprobs array"
        for token in (entry, *entry["top_logprobs"]):
            wrong = _token(token)
            if wrong:
                return wrong
    return None


def _token(token: object) -> str | None:
    if not is_object(token):
        return f"an item of top_logprobs is {show(token)}"
    if not isinstance(token.get("token"), str):
        return f"in an entry {member(token, 'token')}"
    if not is_number(token.get("logprob")):
        return f"in an entry {member(token, 'logprob')}"
    codes = token.get("bytes")
    if codes is not None and not (is_array(codes) and all(is_integer(c) and 0 <= c <= 255 for c in codes)):
        return "the bytes of an entry are no array of integers from 0 to 255"
    return None


def log_range(exchange: Exchange) -> str | None:
    for entry in (entry for log in logs(exchange) for entry in entries(log) if is_object(entry)):
        for token in (entry, *listed(entry.get("top_logprobs"))):
            if is_object(token) and is_number(token.get("logprob")) and token["logprob"] > 1e-6:
                return f"a logprob is {show(token['logprob'])}"
    return None


def log_count(exchange: Exchange) -> str | None:
    most = option(exchange, "top_logprobs", 0)
    if not is_integer(most) or most < 1:  # that none come unasked is a habit only
        return None
    for entry in (entry for log in logs(exchange) for entry in entries(log) if is_object(entry)):
        if len(listed(entry.get("top_logprobs"))) > most:
            return f"{len(entry['top_logprobs'])} alternatives, where {show(most)} were asked for"
    return None


def log_pieces(exchange: Exchange) -> str | None:
    """Each chunk's list repeats the whole list before it and adds to it, three times or more."""
    lists: dict[int, list[list[tuple[str, str]]]] = {}
    for index, piece, _ in placed(exchange):
        found = [entry for entry in entries(piece.get("logprobs")) if is_object(entry)]
        if found:
            lists.setdefault(index, []).append([(show(e.get("token")), show(e.get("logprob"))) for e in found])
    for index, found_lists in lists.items():
        pairs = list(pairwise(found_lists))
        if len(pairs) >= 2 and all(len(b) > len(a) and b[: len(a)] == a for a, b in pairs):
            return f"each chunk of choice {show(index)} repeats the log probabilities of the chunks before it"
    return None


# --- errors -----------------------------------------------------------------------------------------------------------


def _refused(exchange: Exchange) -> bool:
    request = exchange.request
    right = request.method == "POST" and request.path == "/chat/completions"
    return right and asked(exchange).get("stream") is True and refused(exchange)


def _tried(exchange: Exchange) -> bool:
    return _refused(exchange) or _disguised(exchange)


def _disguised(exchange: Exchange) -> bool:
    request = exchange.request
    right = request.method == "POST" and request.path == "/chat/completions"
    return right and asked(exchange).get("stream") is True and react(exchange) is Reaction.ERROR_IN_200


def error_status(exchange: Exchange) -> str | None:
    said = f"status {exchange.status}, and then an error in the body"
    return said if _disguised(exchange) else None


def error_plain(exchange: Exchange) -> str | None:
    answer = exchange.answer
    if answer is None:
        return None
    if answer.media_type == "text/event-stream" or answer.content.lstrip().startswith(b"data:"):
        return f"the refusal ({answer.status}) is an event stream"
    return None


def error_last(exchange: Exchange) -> str | None:
    seen = False
    for event in read(exchange).payloads:
        if seen and not event.failed:
            return "the stream goes on after an error event"
        seen = seen or event.failed
    return None


def error_shape(exchange: Exchange) -> str | None:
    for event in read(exchange).payloads:
        error = event.json.get("error") if event.failed else None
        if event.failed and not (is_object(error) and isinstance(error.get("message"), str)):
            return f"the error of an event is {show(error)}, where an object with a message belongs"
    return None


# --- the table --------------------------------------------------------------------------------------------------------

_WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
_BOTH = [{"role": "user", "content": "What are the weather and the time in Paris?"}]
_NAMED = {"type": "function", "function": {"name": "get_weather"}}
_LEAN = (lean(stream=True), long_answer(stream=True, max_tokens=8), lean(stream=True, temperature=0))
_TIER = (lean(stream=True, service_tier="auto"),)
_TWO = (lean(stream=True, n=2), long_answer(stream=True, n=3, max_tokens=4))
_USAGE = tuple({**body, "stream_options": {"include_usage": True}} for body in (*_LEAN, lean(stream=True, n=2)))
_CALL = tuple(
    lean(messages=messages, tools=tools, tool_choice=choice, stream=True, max_tokens=128)
    for messages, tools, choice in (
        (_WEATHER, [TOOL], _NAMED),
        (_WEATHER, [TOOL], "required"),
        (_BOTH, [TOOL, OTHER_TOOL], "required"),
    )
)
_AUTO = (lean(messages=_WEATHER, tools=[TOOL], stream=True, max_tokens=128),)
_LOGS = (
    lean(stream=True, logprobs=True, top_logprobs=2),
    long_answer(stream=True, logprobs=True, max_tokens=8),
    lean(stream=True, logprobs=True, top_logprobs=0),
    long_answer(stream=True, logprobs=True, n=2, max_tokens=4),
)
_BAD = (lean(stream=True, messages="nonsense"), lean(stream=True, messages=[]), lean(stream=True, temperature=3))


def _rule(
    id: str,
    title: str,
    source: Source,
    check: Check,
    *,
    applies: Callable[[Exchange], bool] = framed,
    prop: str = "answer",
    pins: tuple[Body, ...] = _LEAN,
    needs: tuple[str, ...] = (),
    strength: Strength | None = None,
    symptom: Symptom = Symptom.WRONG_CONTENT,
) -> AnswerRule:
    return AnswerRule(
        id=f"sse.{id}",
        property=prop,
        title=title,
        strength=strength or EVIDENCE_STRENGTH[source.evidence],
        source=source,
        applies=applies,
        check=check,
        pins=pins,
        needs=("streaming", *needs),
        symptom=symptom,
    )


_BYTES: Any = {"symptom": Symptom.MALFORMED}
_SHOULD: Any = {"strength": Strength.SHOULD}
_WHOLE: Any = {"applies": whole}
_TOOLS: Any = {"prop": "tools", "needs": ("forced_tool",), "pins": _CALL}
_PARALLEL: Any = {**_TOOLS, "pins": _CALL[2:]}
_LOGPROBS: Any = {"prop": "logprobs", "needs": ("logprobs",), "pins": _LOGS}
_COUNTS: Any = {"prop": "stream_options", "needs": ("stream_usage",), "pins": _USAGE, "applies": counted}

_SSE = documented("stream: server-sent events, as their standard defines them")
_CHUNK = documented("chunk object: members that must be there and their types")
_CHOICE = documented("chunk object, choices: members that must be there and their types")
_DELTA = documented("chunk object, delta: members and their types")
_SAME = prose("chunk object: all chunks of a stream share it")
_LOG = documented("chunk object, logprobs: as in a plain answer, for the tokens of the chunk")
_ON = prose("stream_options.include_usage: one more chunk with the usage, before the end marker")
_FRAGMENT = observed("tool calls in a stream: the head first, then pieces of the arguments")
_DONE = prose("stream: data: [DONE] ends it")


def _text(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda owner: isinstance(owner.get(name), str | None)


def _tier(chunk: dict[str, Any]) -> bool:
    return not isinstance(chunk.get("service_tier"), str) or chunk["service_tier"] in TIERS


def _tiered(exchange: Exchange) -> bool:
    return framed(exchange) and any(isinstance(chunk.get("service_tier"), str) for chunk in chunks(exchange))


def _objects(chunk: dict[str, Any]) -> bool:
    found = chunk.get("choices")
    return is_array(found) and all(is_object(choice) for choice in found)


def _call_items(exchange: Exchange) -> Iterator[dict[str, Any]]:
    return (call if is_object(call) else {} for call in calls(exchange))


def _heads(exchange: Exchange) -> Iterator[dict[str, Any]]:
    return (call for call in calls(exchange) if is_object(call))


def _functions(exchange: Exchange) -> Iterator[dict[str, Any]]:
    return (function(call) for call in _heads(exchange))


def _other_chunks(exchange: Exchange) -> list[dict[str, Any]]:
    return [chunk for chunk in chunks(exchange) if not is_usage(chunk)] if totals(exchange) else []


def _usage_only(exchange: Exchange) -> str | None:
    return "a chunk without choices carries a usage that was not asked for" if totals(exchange) else None


def _second_usage(exchange: Exchange) -> str | None:
    return "there is more than one usage chunk" if len(totals(exchange)) > 1 else None


def _usage_members(exchange: Exchange) -> str | None:
    return None if all(map(_full, totals(exchange))) else "the usage lacks a token count, or has one that is no count"


def _stray(exchange: Exchange) -> str | None:
    found = read(exchange).stray
    return f"a line is no field of an event: {show(found[0])}" if found else None


def _decodes(exchange: Exchange) -> str | None:
    return None if read(exchange).decodes else "the stream is not UTF-8"


def _marker(exchange: Exchange) -> str | None:
    return None if read(exchange).finished else "the stream ends without data: [DONE]"


def _logs_off(exchange: Exchange) -> str | None:
    return "log probabilities that were not asked for" if any(entries(log) for log in logs(exchange)) else None


def _reason(piece: dict[str, Any]) -> bool:
    return piece.get("finish_reason") is None or piece["finish_reason"] in REASONS


def _role(delta: dict[str, Any]) -> bool:
    return delta.get("role") is None or delta["role"] in ROLES


def _arguments(call: dict[str, Any]) -> bool:
    return isinstance(call.get("arguments"), str | None)


def _legacy(delta: dict[str, Any]) -> bool:
    call = delta.get("function_call")
    return call is None or (is_object(call) and _arguments(call) and isinstance(call.get("name"), str | None))


def _ends_chunk(exchange: Exchange) -> bool:
    return framed(exchange) and not read(exchange).rest.lstrip().startswith("[DONE]")


def _ends_marker(exchange: Exchange) -> bool:
    return framed(exchange) and read(exchange).finished and not _open_chunk(exchange)


def _open_chunk(exchange: Exchange) -> bool:
    return bool(read(exchange).rest) and _ends_chunk(exchange)


def _closed(exchange: Exchange) -> bool:
    return framed(exchange) and bool(read(exchange).payloads) and not read(exchange).failed


def _finished(exchange: Exchange) -> bool:
    return framed(exchange) and read(exchange).finished


def _placed(exchange: Exchange) -> bool:
    """A whole stream in which every choice can be told apart."""
    listed_all = all(is_array(chunk.get("choices")) for chunk in chunks(exchange))
    return whole(exchange) and listed_all and all(is_integer(piece.get("index")) for piece in pieces(exchange))


def _one(exchange: Exchange) -> bool:
    return _placed(exchange) and wanted(exchange) == 1


def _several(exchange: Exchange) -> bool:
    return _placed(exchange) and (wanted(exchange) or 1) > 1


def _quiet(exchange: Exchange) -> bool:
    return framed(exchange) and not asked(exchange).get("logprobs")


def _loud(exchange: Exchange) -> bool:
    return has_logs(exchange) and asked(exchange).get("logprobs") is True


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


FRAMES = [
    _rule("ctype", "answers stream: true with text/event-stream", prose("stream: server-sent events"), content_type,
          applies=streamed, **_BYTES),
    _rule("frame.events", "sends chunks as data: events", _SSE, some_event, **_BYTES),
    _rule("frame.json", "sends one JSON object per event, with a blank line after it", _SSE, one_object, **_BYTES),
    _rule("frame.ended", "ends the last chunk with a blank line", _SSE, ends_events, applies=_ends_chunk, **_BYTES),
    _rule("frame.lines", "sends no lines but fields and comments", _SSE, _stray, **_BYTES, **_SHOULD),
    _rule("frame.utf8", "sends streams as UTF-8", _SSE, _decodes, **_BYTES),
    _rule("done", "ends a stream with data: [DONE]", _DONE, _marker, applies=_closed, **_BYTES),
    _rule("done.last", "sends nothing after [DONE]", _DONE, after_done, applies=_finished, **_BYTES),
    _rule("done.exact", "sends exactly [DONE] as end marker", _DONE, exact_marker,
          applies=_finished, **_BYTES, **_SHOULD),
    _rule("done.ended", "sends a blank line after [DONE]", _SSE, ends_events,
          applies=_ends_marker, **_BYTES, **_SHOULD),
    _rule("done.closed", "ends the message after [DONE] before it closes the connection",
          documented("HTTP/1.1: a message in chunks ends with the last chunk"), closed_early,
          applies=_finished, symptom=Symptom.DISCONNECTED),
]  # fmt: skip

CHUNKS = [
    _rule("chunk.id", "gives every chunk an id", _CHUNK, some_id),
    _rule("chunk.object", "names every chunk chat.completion.chunk", _CHUNK,
          each(chunks, lambda c: c.get("object") == "chat.completion.chunk", "object")),
    _rule("chunk.created", "gives every chunk an integer created", _CHUNK,
          each(chunks, lambda c: is_integer(c.get("created")), "created")),
    _rule("chunk.created.seconds", "counts created in seconds in chunks", _CHUNK, in_seconds, **_SHOULD),
    _rule("chunk.model", "names the model in every chunk", _CHUNK,
          each(chunks, lambda c: isinstance(c.get("model"), str), "model")),
    _rule("chunk.choices", "gives every chunk an array of choices", _CHUNK, each(chunks, _objects, "choices")),
    _rule("chunk.fingerprint", "sends system_fingerprint in chunks as a string or not at all", _CHUNK,
          each(chunks, _text("system_fingerprint"), "system_fingerprint")),
    _rule("chunk.tier", "sends service_tier in chunks as a string or null or not at all", _CHUNK,
          each(chunks, _text("service_tier"), "service_tier"), pins=_TIER),
    _rule("chunk.tier.value", "names a documented tier in chunks", observed("service_tier: the tiers of both vintages"),
          each(chunks, _tier, "service_tier"), applies=_tiered, pins=_TIER),
    _rule("same.id", "keeps one id in all chunks of a stream", _SAME, same("id", lambda v: isinstance(v, str))),
    _rule("same.created", "keeps one created in all chunks of a stream", _SAME, same("created", is_integer)),
    _rule("same.model", "keeps one model in all chunks of a stream", _SAME, same("model", lambda v: isinstance(v, str)),
          **_SHOULD),
    _rule("choice.delta", "gives every streamed choice a delta", _CHOICE,
          each(pieces, lambda p: is_object(p.get("delta")), "delta")),
    _rule("choice.index", "gives every streamed choice an integer index", _CHOICE,
          each(pieces, lambda p: is_integer(p.get("index")), "index")),
    _rule("choice.finish_reason", "has finish_reason on every streamed choice, null until the end", _CHOICE,
          each(pieces, lambda p: "finish_reason" in p, "finish_reason"), **_SHOULD),
    _rule("choice.range", "streams only choices from 0 to n - 1", documented("n and choices.index"), in_range),
    _rule("choice.one", "streams a choice where n is 1", prose("n: how many choices"), all_choices, applies=_one),
    _rule("choice.count", "streams as many choices as n asks for", prose("n: how many choices"), all_choices,
          applies=_several, prop="n", needs=("multiple_choices",), pins=_TWO),
    _rule("role", "begins every streamed choice with role: assistant", observed("the first delta of a choice"),
          first_role, **_WHOLE),
    _rule("role.value", "sends only known roles in deltas", _DELTA, each(deltas, _role, "role")),
    _rule("delta.content", "streams content as strings", _DELTA, each(deltas, _text("content"), "content")),
    _rule("delta.refusal", "streams a refusal as strings", _DELTA, each(deltas, _text("refusal"), "refusal")),
    _rule("delta.tool_calls", "streams tool_calls as an array", _DELTA,
          each(deltas, lambda d: isinstance(d.get("tool_calls"), list | None), "tool_calls")),
    _rule("delta.function_call", "streams a function_call as an object of strings", _DELTA,
          each(deltas, _legacy, "function_call")),
    _rule("finish", "gives every streamed choice a finish_reason", prose("finish_reason in chunks"), finishes,
          **_WHOLE),
    _rule("finish.enum", "streams only documented values of finish_reason", _CHOICE,
          each(pieces, _reason, "finish_reason")),
    _rule("finish.once", "finishes every streamed choice once", observed("the last chunk of a choice"), finishes_once),
    _rule("finish.last", "streams nothing for a choice after its finish_reason", prose("finish_reason in chunks"),
          nothing_after),
]  # fmt: skip

USAGE = [
    _rule("usage.off", "sends no usage chunk that was not asked for", _ON, _usage_only, applies=_unasked),
    _rule("usage.on", "sends a usage chunk with empty choices for include_usage", _ON, usage_chunk, **_COUNTS),
    _rule("usage.on.once", "sends one usage chunk", _ON, _second_usage, **_COUNTS),
    _rule("usage.on.last", "sends the usage chunk after all choices", _ON, usage_last, **_COUNTS),
    _rule("usage.on.null", "has usage: null on the other chunks with include_usage", _ON,
          each(_other_chunks, lambda c: "usage" in c and c["usage"] is None, "usage"), **_COUNTS, **_SHOULD),
    _rule("usage.on.members", "sends three token counts in the usage chunk", documented("usage: its required members"),
          _usage_members, **_COUNTS),
    _rule("usage.on.sum", "sends token counts that add up in the usage chunk", prose("usage: the total is the sum"),
          usage_sums, **_COUNTS),
]  # fmt: skip

TOOL_CALLS = [
    _rule("tool.index", "gives every fragment of a tool call an integer index",
          documented("delta.tool_calls: index is required"),
          each(_call_items, lambda c: is_integer(c.get("index")), "index"), applies=_called, **_TOOLS),
    _rule("tool.apart", "streams each of several tool calls under an index of its own",
          documented("delta.tool_calls: the index tells to which call a piece belongs"), one_index_each,
          applies=_parallel, **_PARALLEL),
    _rule("tool.type", "sends type: function in tool calls", documented("delta.tool_calls: type"),
          each(_heads, lambda c: c.get("type") in (None, "function", "custom"), "type"), applies=_called, **_TOOLS),
    _rule("tool.arguments", "streams tool arguments as strings", documented("delta.tool_calls: arguments is a string"),
          each(_functions, _arguments, "arguments"), applies=_called, **_TOOLS),
    _rule("tool.first.id", "sends the id with the first fragment of a tool call", _FRAGMENT,
          first_fragment(lambda c: isinstance(c.get("id"), str) and bool(c["id"]), "id"),
          applies=_several_calls, **_TOOLS),
    _rule("tool.first.type", "sends the type with the first fragment of a tool call", _FRAGMENT,
          first_fragment(lambda c: c.get("type") is not None, "type"), applies=_several_calls, **_TOOLS),
    _rule("tool.first.name", "sends the name with the first fragment of a tool call", _FRAGMENT,
          first_fragment(lambda c: bool(function(c).get("name")) or c.get("type") == "custom", "function name"),
          applies=_several_calls, **_TOOLS),
    _rule("tool.later", "sends only arguments with the later fragments of a tool call", _FRAGMENT, later_fragments,
          applies=_several_calls, **_TOOLS),
    _rule("tool.ids", "gives every streamed tool call an id of its own", _FRAGMENT, own_ids,
          applies=_several_calls, **_TOOLS),
    _rule("tool.args", "streams tool arguments that are a JSON object when put together",
          believed("delta.tool_calls: models may write invalid arguments"), whole_arguments,
          applies=_several_calls, **_TOOLS),
    _rule("tool.finish", "finishes with tool_calls where the model chose to call in a stream",
          prose("finish_reason: tool_calls"), tool_finish, applies=lambda e: bool(_chosen(e)),
          prop="tools", pins=_AUTO),
]  # fmt: skip

LOGPROBS = [
    _rule("logprobs", "streams log probabilities where they are asked for", _LOG, logs_all, applies=logged,
          **_LOGPROBS),
    _rule("logprobs.off", "streams no log probabilities where they are not asked for", _LOG, _logs_off, applies=_quiet),
    _rule("logprobs.shape", "streams logprobs as an object of arrays", _LOG, log_object, applies=logged, **_LOGPROBS),
    _rule("logprobs.keys", "streams logprobs with all their members", _LOG, log_keys, applies=_loud,
          **_LOGPROBS, **_SHOULD),
    _rule("logprobs.entry", "streams well-formed log probability entries", _LOG, log_entry, applies=_loud, **_LOGPROBS),
    _rule("logprobs.range", "streams log probabilities of at most 0", prose("logprob: a logarithm of a probability"),
          log_range, applies=_loud, **_LOGPROBS),
    _rule("logprobs.count", "streams at most top_logprobs alternatives", prose("top_logprobs: how many"), log_count,
          applies=_loud, **_LOGPROBS),
    _rule("logprobs.chunk", "streams only a chunk's own log probabilities with it", _LOG, log_pieces, applies=_loud,
          **_LOGPROBS),
]  # fmt: skip

_BEFORE = observed("a bad request is refused the same way with and without stream")
_DURING = observed("a failure after the first byte: one event with an error, then the end")

ERRORS = [
    _rule("error.before", "refuses before it begins to stream", _BEFORE, error_status, applies=_tried, pins=_BAD,
          **_BYTES),
    _rule("error.before.plain", "refuses stream: true with a plain body", _BEFORE, error_plain, applies=_refused,
          pins=_BAD, **_BYTES),
    _rule("error.during", "ends a stream with its error event", _DURING, error_last),
    _rule("error.during.shape", "puts an error object with a message in an error event", _DURING, error_shape),
]  # fmt: skip

CHAPTER = Chapter("stream", "Streamed answers", (*FRAMES, *CHUNKS, *USAGE, *TOOL_CALLS, *LOGPROBS, *ERRORS))
