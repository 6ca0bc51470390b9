"""Dialects of what is refused, and how: ignorance of unknown keys, other statuses, features that are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.validator import CHECKS

from .base import Dialect


def without(*names: str) -> Reference:
    """Without the checks of these names."""
    left = tuple(check for check in CHECKS if check.name not in names)
    assert len(left) < len(CHECKS), names
    return Reference(checks=left)


def refusing(*keys: str, also: Callable[[dict[str, Any]], bool] = lambda body: False, code: str | None) -> Reference:
    """Refuses cleanly every body that has one of these keys (not null), as a server without the feature does."""

    def check(ask: Ask) -> Iterator[Reason]:
        for key in keys:
            if ask.body.get(key) is not None:
                yield Reason("dialect", f"{key} is not supported with this model.", key, code)
        if also(ask.body):
            yield Reason("dialect", "That is not supported with this model.", None, code)

    return Reference(checks=(*CHECKS, Check("dialect", check)))


def with_status(status: int) -> Reference:
    """Refuses with another status where 400 is the original's."""

    def first(found: Sequence[Reason]) -> Reason:
        reason = behaviour.first(found)
        return replace(reason, status=status) if reason.status == 400 else reason

    return Reference(behaviour=Behaviour(first=first))


def fuller(reason: Reason) -> dict[str, Any]:
    """An error with members of its own."""
    body = behaviour.envelope(reason)
    body["error"] |= {"request_id": "req_1", "details": [{"reason": reason.rule}]}
    return body | {"status": "failed"}


def shorter(reason: Reason) -> dict[str, Any]:
    """An error without param and code."""
    return {"error": {"message": reason.message, "type": "BadRequestError"}}


def has_image_or_audio(body: dict[str, Any]) -> bool:
    """Whether a message has a part that is no text."""
    messages = body.get("messages")
    rows = messages if isinstance(messages, list) else []
    contents = [message.get("content") for message in rows if isinstance(message, dict)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return any(isinstance(part, dict) and part.get("type") in ("image_url", "input_audio") for part in parts)


DIALECTS = [
    Dialect(
        name="ignores-unknown-keys",
        server=without("http.key.unknown", "http.key.unknown.nested"),
        warnings=frozenset({"http.key.unknown*", "response_format.legacy.schema.refuses"}),
    ),
    Dialect(name="answers-422", server=with_status(422)),
    Dialect(
        name="tools-and-functions",
        server=without("functions.and.tools"),
        warnings=frozenset({"functions.and.tools*"}),
    ),
    Dialect(
        name="one-choice-only",
        server=refusing(also=lambda body: body.get("n") not in (None, 1), code="unsupported_value"),
        warnings=frozenset({"n.max.accepts"}),
    ),
    Dialect(
        name="small-n",
        server=Reference(limits=replace(LIMITS, n_max=8)),
        warnings=frozenset({"n.max.accepts"}),
    ),
    Dialect(
        name="no-tools",
        server=refusing("tools", "tool_choice", "parallel_tool_calls", code="unsupported_parameter"),
    ),
    Dialect(name="no-functions", server=refusing("functions", "function_call", code="unsupported_parameter")),
    Dialect(
        name="no-logprobs",
        server=refusing("top_logprobs", also=lambda body: body.get("logprobs") is True, code="unsupported_parameter"),
    ),
    Dialect(
        name="five-top-logprobs",
        server=Reference(limits=replace(LIMITS, top_logprobs_max=5)),
        warnings=frozenset({"top_logprobs.max.accepts"}),
    ),
    Dialect(
        name="text-only", server=refusing("audio", "modalities", also=has_image_or_audio, code="unsupported_value")
    ),
    Dialect(name="no-prediction", server=refusing("prediction", code="unsupported_parameter")),
    Dialect(
        name="no-stop",
        server=refusing("stop", code="unsupported_parameter"),
    ),
    Dialect(name="error-with-more", server=Reference(behaviour=Behaviour(envelope=fuller))),
    Dialect(
        name="error-with-less",
        server=Reference(behaviour=Behaviour(envelope=shorter)),
        warnings=frozenset({"err.keys.param", "err.keys.code"}),
    ),
    Dialect(
        name="lenient-where-only-observed",
        server=without(
            "tool.preceded",
            "tool.id.match",
            "toolcalls.answered",
            "functions.history",
            "tools.min",
            "assistant.toolcalls.min",
            "assistant.toolcalls.max",
            "toolcall.id.maxlen",
            "toolcall.name.pattern",
            "messages.name.pattern",
            "max_tokens.both",
            "tool_choice.needs.tools",
            "parallel_tool_calls.needs.tools",
            "function_call.needs.functions",
            "metadata.pairs.max",
            "metadata.key.maxlen",
            "metadata.value.maxlen",
            "fn.description.maxlen",
            "fn.parameters.root",
            "fn.strict.schema",
            "response_format.jsonobject.word",
            "response_format.strict.root",
            "response_format.strict.additional",
            "response_format.strict.required",
            "logit_bias.key.vocab",
            "max_tokens.min",
            "max_completion_tokens.min",
            "http.key.unknown",
            "http.key.unknown.nested",
            "model.unknown",
            "tool_choice.named.exists",
        ),
        warnings=frozenset({"*.refuses"}),
    ),
    Dialect(name="any-model", server=Reference(models=None), warnings=frozenset({"model.unknown.refuses"})),
]
