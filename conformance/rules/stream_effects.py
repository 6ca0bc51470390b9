"""Effects in streams: what a plain answer must show of a request, its stream must show as well.

The chunks are put together to the answer that a client makes of them, and the rules about plain answers judge it. Each
rule here is the twin of one there, with ``.stream`` after its id.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ..model import AnswerRule, Body, Chapter, Exchange, Request, Script, Symptom, Undecided, view
from . import answer, effects
from .answer_forms import NAMED
from .effect_forms import WEATHER, relation
from .effect_tools import sent_back
from .stream_views import calls, deltas, ended, fragments, function, listed, pieces, placed, read, totals, whole
from .views import accepted, asked, is_integer, option

TWINS = (
    "ef.maxtokens",
    "ef.maxtokens.completion",
    "ef.length",
    "ef.length.completion",
    "ef.stop.text",
    "ef.choice.none",
    "ef.choice.required",
    "ef.choice.named",
    "ef.parallel.off",
    "ef.json_object",
    "ef.json_object.kind",
    "ef.json_schema",
    "res.finish.length",
    "res.finish.early",
    "res.finish.function",
    "res.finish.forced",
    "res.finish.calls",
    "res.toolcalls.name",
    "res.toolcalls.args.strict",
    "res.toolcalls.args.schema",
    "res.logprobs.concat",
    "res.logprobs.top.own",
    "res.usage.choices",
    "res.usage.prompt",
    "res.usage.details",
    "res.usage.details.completion",
    "res.usage.details.prompt",
)
"""Rules about plain answers that are asked of streams too."""

OF_LOGPROBS = ("res.logprobs.concat", "res.logprobs.top.own", "res.usage.choices")
"""Those that look at log probabilities: where a stream misplaces them, nothing is told of what they are."""


def readable(delta: dict[str, Any]) -> bool:
    """Whether texts are texts, and calls are calls whose arguments are texts."""
    texts = [delta.get("content"), delta.get("refusal")]
    texts += [function(call).get("arguments") for call in listed(delta.get("tool_calls"))]
    shapes = isinstance(delta.get("tool_calls"), list | None) and isinstance(delta.get("function_call"), dict | None)
    return shapes and all(isinstance(text, str | None) for text in texts)


@view
def sound(exchange: Exchange) -> bool:
    """A stream that came to its end with a reason to finish for every choice: other rules own those that did not."""
    if not whole(exchange) or not read(exchange).finished or not read(exchange).decodes:
        return False
    if any(not is_integer(piece.get("index")) or not is_object(piece.get("delta")) for piece in pieces(exchange)):
        return False
    if not all(is_object(call) and is_integer(call.get("index")) for call in calls(exchange)):
        return False
    if not all(map(readable, deltas(exchange))):
        return False
    every, n = {index for index, _, _ in placed(exchange)}, option(exchange, "n", 1)
    if is_integer(n) and n > 1 and len(every) != n:
        return False
    return bool(every) and every == {index for index, piece, _ in placed(exchange) if ended(piece)}


@view
def put_together(exchange: Exchange) -> Exchange:
    """The exchange as if the request had asked for no stream: the answer that a client makes of the chunks."""
    found: dict[int, dict[str, Any]] = {}
    for index, piece, delta in placed(exchange):
        message = found.setdefault(index, {"index": index, "message": {"role": "assistant", "content": None}})
        if ended(piece):
            message["finish_reason"] = piece["finish_reason"]
        if is_object(piece.get("logprobs")):
            message.setdefault("logprobs", {"content": []})["content"] += listed(piece["logprobs"].get("content"))
        for name in ("content", "refusal"):
            if isinstance(delta.get(name), str):
                message["message"][name] = (message["message"].get(name) or "") + delta[name]
        legacy = delta.get("function_call")
        if is_object(legacy):
            call = message["message"].setdefault("function_call", {"name": "", "arguments": ""})
            for name in ("name", "arguments"):
                call[name] += legacy[name] if isinstance(legacy.get(name), str) else ""
    for (index, _), parts in sorted(fragments(exchange).items()):
        texts = [function(part).get("arguments") for part in parts]
        call = {name: value for name, value in parts[0].items() if name != "index"}
        call["function"] = {**function(parts[0])}
        call["function"]["arguments"] = "".join(text for text in texts if isinstance(text, str))
        found[index]["message"].setdefault("tool_calls", []).append(call)
    body: dict[str, Any] = {"choices": [found[index] for index in sorted(found)]}
    if totals(exchange):
        body["usage"] = totals(exchange)[-1]
    request = replace(exchange.request, body={**asked(exchange), "stream": False})
    assert exchange.answer is not None
    headers = (("content-type", "application/json"),)
    plain = replace(exchange.answer, headers=headers, content=json.dumps(body, ensure_ascii=True).encode())
    return replace(exchange, request=request, answer=plain)


def _streamed(body: Body) -> Body:
    return {**body, "stream": True, "stream_options": {"include_usage": True}}


def twin(rule: AnswerRule) -> AnswerRule:
    """The rule for streams."""

    def applies(exchange: Exchange) -> bool:
        return sound(exchange) and rule.applies(put_together(exchange))

    def check(exchange: Exchange) -> str | None:
        return rule.check(put_together(exchange))

    def clears(roomy: Exchange, cut: Exchange) -> str | None:
        return rule.doubt.clears(roomy, put_together(cut)) if rule.doubt else None

    stands_for = ("sse.logprobs.chunk",) if rule.id in OF_LOGPROBS else ()
    return replace(
        rule,
        id=f"{rule.id}.stream",
        twin_of=(rule.id, *(f"{name}.stream" for name in rule.twin_of), *stands_for),
        title=f"{rule.title}, streamed",
        applies=applies,
        check=check,
        doubt=rule.doubt and replace(rule.doubt, clears=clears),
        pins=tuple(_streamed(pin) for pin in rule.pins if is_object(pin)),
        needs=(*rule.needs, "streaming"),
        chapter="",
    )


def echo(body: Body) -> Script:
    """A streamed message goes back as it was put together, in a request for a plain answer."""
    first: Exchange = yield Request(_streamed(body))
    if not sound(first):
        raise Undecided("no whole stream to send back")
    return (yield from sent_back(body, put_together(first)))


ECHO = relation(
    "ef.echo.stream",
    "tools",
    "takes its own streamed tool call back, put together, with the tool's answer",
    echo,
    lean(**WEATHER, tool_choice=NAMED),
    needs=("forced_tool", "streaming"),
    symptom=Symptom.REFUSED_VALID,
    valid=True,
)


def _by_id(*chapters: Chapter) -> Callable[[str], AnswerRule]:
    found = {rule.id: rule for chapter in chapters for rule in chapter.rules if isinstance(rule, AnswerRule)}
    return found.__getitem__


CHAPTER = Chapter(
    "stream_effects",
    "Effects of properties in streams",
    (*(twin(rule) for rule in map(_by_id(answer.CHAPTER, effects.CHAPTER), TWINS)), ECHO),
    accepted,
)
