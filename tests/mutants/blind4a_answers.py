"""Servers of the fourth blind list with one wrong thing in what they answer. See ``BLIND_4A.md``."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.prompt import text_of
from chatproof.conformance.reference.text import tokenize, whole

from .base import answering, each_choice, streaming
from .blind3b_answers import each_entry
from .blind_common import Body
from .blind_effects import wanted
from .effects_common import choosing, planning, replying, without
from .stream_common import Members, collection, pieces

STRUCTURED = ("json_object", "json_schema")


answer = collection("blind4a-", prop="answer", family="answer")


def everywhere(change: Callable[[Body], Any]) -> Reference:
    """With every plain answer and every chunk changed."""
    completion = answering(change).behaviour.completion
    chunks = streaming(lambda rows: [change(chunk) for chunk in rows]).behaviour.chunks
    return Reference(behaviour=Behaviour(completion=completion, chunks=chunks))


def each_piece(change: Callable[[Members], Any]) -> Reference:
    """With every choice changed, in plain answers and in streams."""
    return everywhere(lambda body: [change(piece) for piece in list(pieces([body]))])


# --- members ----------------------------------------------------------------------------------------------------------


def created_as_string(body: Body) -> None:
    body["created"] = str(body["created"])


def no_zero_index(choice: Body) -> None:
    if choice["index"] == 0:
        del choice["index"]


def nothing_written(body: Body, reply: Reply) -> Reply:
    left = {name: count for name, count in reply.usage.items() if count or name != "completion_tokens"}
    return replace(reply, usage=left)


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def camel_finish(piece: Members) -> None:
    if piece["finish_reason"]:
        piece["finish_reason"] = camel(piece["finish_reason"])


def no_empty_arguments(choice: Body) -> None:
    for call in choice["message"].get("tool_calls") or ():
        if call["function"]["arguments"] == "{}":
            del call["function"]["arguments"]


def empty_tier(body: Body) -> None:
    body.setdefault("service_tier", "")


# --- log probabilities ------------------------------------------------------------------------------------------------


def encoded(entry: Body) -> None:
    for one in (entry, *entry["top_logprobs"]):
        one["bytes"] = base64.b64encode(bytes(one["bytes"])).decode()


def only_with_count(body: Body) -> Body:
    return body if whole(body.get("top_logprobs")) else without("logprobs")(body)


def of_first_only(piece: Members) -> None:
    if piece["index"]:
        piece["logprobs"] = None


# --- what depends on the request --------------------------------------------------------------------------------------


def cut_json_as_whole(body: Body, choice: Choice) -> Choice:
    cut = choice.speaks and choice.finish == "length" and wanted(body).get("type") in STRUCTURED
    return replace(choice, finish="stop") if cut else choice


def predicted_whole(body: Body, reply: Reply) -> Reply:
    prediction = body.get("prediction")
    if not isinstance(prediction, dict):
        return reply
    accepted = len(tokenize(text_of(prediction.get("content"))))
    details = {**reply.usage["completion_tokens_details"], "accepted_prediction_tokens": accepted}
    return replace(reply, usage={**reply.usage, "completion_tokens_details": details})


def one_by_seed(body: Body) -> Body:
    return body if body.get("seed") is None else {**body, "n": 1}


MUTANTS = [
    answer(
        "created-string",
        "res.created sse.chunk.created",
        everywhere(created_as_string),
        with_it="res.created.seconds res.created.fresh sse.chunk.created.seconds",
    ),
    answer(
        "index-zero-omitted", "res.choice.required", answering(each_choice(no_zero_index)), with_it="res.choices.index"
    ),
    answer(
        "usage-zero-omitted",
        "res.usage.shape",
        replying(nothing_written),
        with_it="res.usage.sum sse.usage.on.members sse.usage.on.sum",
    ),
    answer(
        "finish-camel-case",
        "res.finish.enum sse.finish.enum",
        each_piece(camel_finish),
        prop="tools",
        with_it="res.finish.tools res.finish.function res.finish.function.stream sse.tool.finish client.tools*",
    ),
    answer(
        "call-arguments-omitted",
        "res.toolcalls.arguments",
        answering(each_choice(no_empty_arguments)),
        prop="tools",
        with_it="res.toolcalls.args res.toolcalls.args.strict ef.echo client.tools",
    ),
    answer(
        "tier-empty",
        "res.tier.value sse.chunk.tier.value",
        everywhere(empty_tier),
        prop="service_tier",
        with_it="res.tier sse.chunk.tier",
    ),
    answer(
        "bytes-base64",
        "res.logprobs.bytes",
        each_entry(encoded),
        prop="logprobs",
        with_it="sse.logprobs.entry res.logprobs.concat res.logprobs.concat.stream",
    ),
    answer("logprobs-need-count", "ef.logprobs", planning(only_with_count), prop="logprobs", with_it="sse.logprobs"),
    answer("logprobs-first-choice", "ef.logprobs", each_piece(of_first_only), prop="logprobs", with_it="sse.logprobs"),
    answer(
        "finish-json-cut",
        "res.finish.length",
        choosing(cut_json_as_whole),
        prop="response_format",
        with_it="res.finish.length.stream ef.length* ef.json_object ef.json_object.stream ef.json_schema "
        "ef.json_schema.stream",
    ),
    answer(
        "usage-prediction-whole",
        "res.usage.details.completion",
        replying(predicted_whole),
        prop="prediction",
        with_it="res.usage.details.completion.stream",
    ),
    answer(
        "seed-one-choice", "res.choices.count", planning(one_by_seed), prop="n", with_it="sse.choice.count sse.finish"
    ),
]
