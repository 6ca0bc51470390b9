"""Servers whose plain answers break one promise: the body, its head, its usage."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import usage

from . import answers_audio, answers_calls, answers_choices, answers_finish, answers_logprobs
from .answers_common import Members, headed, many, planned, row, said, setting, turning, when, without, written
from .base import Mutant, answering, each_choice, of


def arguments_as_object(choice: dict[str, Any]) -> None:
    """Arguments of calls as an object instead of a string of JSON."""
    for call in choice["message"].get("tool_calls") or ():
        call["function"]["arguments"] = {}


def latin(body: Members) -> bytes:
    """Accented letters as one byte each, which is not UTF-8."""
    return json.dumps(body, ensure_ascii=False).encode("latin-1", "replace")


def framed(body: Members) -> bytes:
    """The answer as the one event of a stream."""
    return b"data: " + behaviour.dump(body) + b"\n\ndata: [DONE]\n\n"


def not_a_number(body: Members) -> bytes:
    """NaN in the place of an absent value."""
    return behaviour.dump(body).replace(b'"refusal":null', b'"refusal":NaN')


def ok(status: int) -> bool:
    return status == 200


def traced(body: Members) -> bool:
    return body["choices"][0]["logprobs"] is not None


def called(body: Members) -> bool:
    return "tool_calls" in body["choices"][0]["message"]


def no_room(body: Members) -> None:
    """Reasoning tokens beside the completion instead of inside it."""
    body["usage"]["completion_tokens_details"]["reasoning_tokens"] = body["usage"]["completion_tokens"] + 64


def counts(**counted: Any) -> Any:
    """Other token counts."""
    return answering(lambda body: body["usage"].update(counted))


def details(side: str, **members: Any) -> Any:
    """Other members in the details of one side."""
    return answering(lambda body: body["usage"][f"{side}_tokens_details"].update(members))


def halves(body: Members) -> None:
    """Token counts between integers, that add up."""
    for key in ("prompt_tokens", "total_tokens"):
        body["usage"][key] += 0.5


def recount(body: Members, prompt: int, completion: int) -> None:
    """Token counts that add up."""
    body["usage"] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


AFTER = "gate.multiple_choices many.choices"

BODY = [
    row("answer-text-plain", "res.ctype", behaviour.Reference(), around=headed("text/plain; charset=utf-8", ok)),
    row("answer-untyped", "res.ctype", behaviour.Reference(), around=headed(None, ok)),
    row("answer-as-events", "res.ctype", behaviour.Reference(), around=headed("text/event-stream", ok)),
    row(
        "answer-in-string-many",
        "res.json",
        said(lambda body: json.dumps(body) if many(body) else body),
        AFTER,
        prop="n",
    ),
    row(
        "answer-framed-logprobs",
        "res.json",
        written(lambda body: framed(body) if traced(body) else behaviour.dump(body)),
        "gate.logprobs",
        prop="logprobs",
    ),
    row(
        "answer-nan-calls",
        "res.json",
        written(lambda body: not_a_number(body) if called(body) else behaviour.dump(body)),
        "gate.forced_tool",
        prop="tools",
    ),
    row("answer-latin", "res.json", written(latin)),
    row(
        "answer-enveloped-many",
        "res.required",
        said(lambda body: {"code": 0, "data": body} if many(body) else body),
        f"{AFTER} res.usage.presence",
        prop="n",
    ),
    row("answer-choices-missing-many", "res.required", answering(when(many, without("choices"))), AFTER, prop="n"),
    *[row(f"answer-{key}-missing", "res.required", answering(without(key))) for key in ("id", "object", "created")],
]

HEAD = [
    row("answer-id-empty", "res.id", answering(setting(id=""))),
    row("answer-id-number", "res.id", answering(turning("id", lambda value: int(value[-6:], 16)))),
    row("answer-id-null-many", "res.id", answering(when(many, setting(id=None)))),
    row("answer-id-constant", "res.id.unique", answering(setting(id="chatcmpl-123"))),
    row(
        "answer-id-pool", "res.id.unique", answering(lambda body: body.update(id=f"chatcmpl-{secrets.randbelow(999)}"))
    ),
    row("answer-object-chunk", "res.object", answering(setting(object="chat.completion.chunk"))),
    row("answer-object-underscore", "res.object", answering(setting(object="chat_completion"))),
    row("answer-object-null-many", "res.object", answering(when(many, setting(object=None)))),
    row("answer-created-string", "res.created", answering(turning("created", str))),
    row("answer-created-null", "res.created", answering(setting(created=None))),
    row("answer-created-iso", "res.created", answering(setting(created="2026-11-22T00:00:00Z"))),
    row("answer-created-milliseconds", "res.created.seconds", answering(turning("created", lambda at: at * 1000 + 7))),
    row("answer-created-zero", "res.created.fresh", answering(setting(created=0)), "res.created.seconds"),
    row("answer-created-example", "res.created.fresh", answering(setting(created=1677652288))),
    row("answer-created-local-time", "res.created.fresh", answering(turning("created", lambda at: at + 7200))),
    row("answer-model-empty", "res.model", answering(setting(model=""))),
    row("answer-model-null", "res.model", answering(setting(model=None))),
    row("answer-model-object", "res.model", answering(turning("model", lambda name: {"id": name}))),
    row("answer-fingerprint-number", "res.fingerprint", answering(setting(system_fingerprint=44709))),
    row("answer-fingerprint-list", "res.fingerprint", answering(setting(system_fingerprint=[]))),
    row("answer-tier-object", "res.tier", answering(setting(service_tier={"name": "default"})), prop="service_tier"),
    row("answer-tier-number-echo", "res.tier", answering(turning("service_tier", lambda _: 1)), prop="service_tier"),
    row("answer-tier-on-demand", "res.tier.value", answering(setting(service_tier="on_demand")), prop="service_tier"),
    row("answer-tier-upper", "res.tier.value", answering(turning("service_tier", str.upper)), prop="service_tier"),
]

USAGE = [
    row("answer-usage-missing", "res.usage.presence", answering(without("usage"))),
    row("answer-usage-null", "res.usage.presence", answering(setting(usage=None))),
    row("answer-usage-missing-many", "res.usage.presence", answering(when(many, without("usage")))),
    row(
        "answer-usage-missing-logprobs",
        "res.usage.presence",
        answering(when(lambda body: body["choices"][0]["logprobs"], without("usage"))),
        prop="logprobs",
    ),
    row("answer-usage-list", "res.usage.shape", answering(turning("usage", lambda usage: [usage]))),
    row("answer-usage-strings", "res.usage.shape", answering(lambda body: body["usage"].update(prompt_tokens="11"))),
    row("answer-usage-floats", "res.usage.shape", answering(halves)),
    row("answer-usage-null-count", "res.usage.shape", counts(completion_tokens=None)),
    row("answer-usage-no-total", "res.usage.shape", answering(lambda body: body["usage"].pop("total_tokens"))),
    row("answer-usage-renamed", "res.usage.shape", answering(lambda body: body.update(usage={"input_tokens": 9}))),
    row(
        "answer-usage-negative",
        "res.usage.shape",
        answering(lambda body: recount(body, body["usage"]["prompt_tokens"], -1)),
        "res.usage.sum",
    ),
    row(
        "answer-usage-total-completion",
        "res.usage.sum",
        answering(lambda body: body["usage"].update(total_tokens=body["usage"]["completion_tokens"])),
    ),
    row(
        "answer-usage-sum-many",
        "res.usage.sum",
        answering(when(many, lambda body: body["usage"].update(total_tokens=body["usage"]["total_tokens"] * 2))),
        prop="n",
    ),
    row(
        "answer-usage-zero",
        "res.usage.prompt",
        answering(lambda body: recount(body, 0, 0)),
        "ef.prompt.monotone ef.prompt.tokens.stream",
    ),
    row(
        "answer-usage-prompt-zero",
        "res.usage.prompt",
        answering(lambda body: recount(body, 0, body["usage"]["completion_tokens"])),
        "ef.prompt.monotone ef.prompt.tokens.stream",
    ),
    row(
        "answer-usage-first-choice",
        "res.usage.choices",
        planned(lambda body, reply: replace(reply, usage=usage(body, reply.choices[:1])), streams=False),
        prop="n",
    ),
    row("answer-usage-details-text", "res.usage.details", details("completion", reasoning_tokens="0")),
    row("answer-usage-details-floats", "res.usage.details", details("prompt", cached_tokens=0.5)),
    row("answer-usage-reasoning-beside", "res.usage.details.completion", answering(no_room)),
    row(
        "answer-usage-accepted-many",
        "res.usage.details.completion",
        details("completion", accepted_prediction_tokens=9999),
    ),
    row("answer-usage-cached-many", "res.usage.details.prompt", details("prompt", cached_tokens=65536)),
    row("answer-usage-audio-input", "res.usage.details.prompt", details("prompt", audio_tokens=65536)),
]

MUTANTS = [
    Mutant(
        name="usage-sum",
        property="answer",
        family="answer",
        server=answering(lambda body: body["usage"].update(total_tokens=body["usage"]["total_tokens"] + 1)),
        fails=of("res.usage.sum"),
    ),
    Mutant(
        name="object-wrong",
        property="answer",
        family="answer",
        server=answering(lambda body: body.update(object="text_completion")),
        fails=of("res.object"),
    ),
    Mutant(
        name="created-float",
        property="answer",
        family="answer",
        server=answering(lambda body: body.update(created=body["created"] + 0.5)),
        fails=of("res.created"),
    ),
    Mutant(
        name="model-missing",
        property="answer",
        family="answer",
        server=answering(lambda body: body.pop("model")),
        fails=of("res.required"),
    ),
    Mutant(
        name="arguments-object",
        property="tools",
        family="answer",
        server=answering(each_choice(arguments_as_object)),
        fails=of("res.toolcalls.arguments"),
    ),
    *BODY,
    *HEAD,
    *USAGE,
    *answers_audio.MUTANTS,
    *answers_choices.MUTANTS,
    *answers_finish.MUTANTS,
    *answers_calls.MUTANTS,
    *answers_logprobs.MUTANTS,
]
