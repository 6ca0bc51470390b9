"""Servers whose choices are wrong: how many, how numbered, how ended, and what their messages are."""

from __future__ import annotations

from chatproof.conformance.reference.behaviour import Reference

from .answers_common import (
    Members,
    each_message,
    later_choices,
    many,
    row,
    setting,
    turning,
    when,
    without,
    written_out,
)
from .base import answering, each_choice


def capped(most: int) -> Reference:
    """No more choices than this."""
    return answering(lambda body: body.update(choices=body["choices"][:most]))


def doubled(body: Members) -> None:
    """One choice more than was asked for."""
    last = body["choices"][-1]
    body["choices"].append({**last, "index": last["index"] + 1})


def own_reasoning(message: Members) -> None:
    """The text in a member of its own and no content."""
    message["reasoning_content"], message["content"] = message["content"], None


AFTER = "gate.multiple_choices many.choices"
ECHO = "ef.echo ef.echo.text"

COUNTS = [
    row(
        "answer-choices-null-many",
        "res.choices",
        answering(when(many, setting(choices=None))),
        AFTER,
        prop="n",
    ),
    row(
        "answer-choices-object-many",
        "res.choices",
        answering(when(many, turning("choices", lambda rows: dict(enumerate(rows))))),
        AFTER,
        prop="n",
    ),
    row(
        "answer-choices-strings",
        "res.choices",
        answering(turning("choices", lambda rows: ["Hi."] * len(rows))),
        "gate.*",
    ),
    row(
        "answer-choices-null-second",
        "res.choices",
        answering(turning("choices", lambda rows: [*rows[:1], *[None] * len(rows[1:])])),
        with_it=AFTER,
        prop="n",
    ),
    row("answer-choices-empty", "res.choices.one", answering(setting(choices=[])), "res.choices.count gate.*"),
    row(
        "answer-choices-double",
        "res.choices.one res.choices.count",
        answering(doubled),
        AFTER,
        prop="n",
    ),
    row("one-choice", "gate.multiple_choices", capped(1), "res.choices.count", prop="n", family="ignored"),
    row("answer-choices-two-at-most", "res.choices.count", capped(2), "many.choices", prop="n", family="ignored"),
    row("answer-choices-four-at-most", "res.choices.count", capped(4), "many.choices", prop="n", family="ignored"),
    row(
        "answer-choices-extra-many",
        "res.choices.count",
        answering(when(many, doubled)),
        AFTER,
        prop="n",
    ),
    row("answer-index-zero", "res.choices.index", answering(each_choice(setting(index=0))), prop="n"),
    row(
        "answer-index-from-one",
        "res.choices.index",
        answering(each_choice(turning("index", lambda place: place + 1))),
        prop="n",
    ),
    row("answer-index-string", "res.choices.index", answering(each_choice(turning("index", str))), prop="n"),
    row("answer-index-null-second", "res.choices.index", answering(later_choices(setting(index=None))), prop="n"),
    row("answer-index-missing", "res.choice.required", answering(each_choice(without("index")))),
    row("answer-index-missing-second", "res.choice.required", answering(later_choices(without("index"))), prop="n"),
    row("answer-finish-missing", "res.choice.required", answering(each_choice(without("finish_reason")))),
    row("answer-message-missing", "res.choice.required", answering(each_choice(without("message"))), "gate.*"),
    row(
        "answer-message-as-delta",
        "res.choice.required",
        answering(each_choice(lambda choice: choice.update(delta=choice.pop("message")))),
        "gate.*",
    ),
    row(
        "answer-choice-text",
        "res.choice.required",
        answering(each_choice(lambda choice: choice.update(text=choice.pop("message")["content"]))),
        "gate.*",
    ),
    row(
        "answer-choice-logprobs-missing",
        "res.choice.logprobs",
        answering(each_choice(when(lambda choice: choice["logprobs"] is None, without("logprobs")))),
        prop="logprobs",
    ),
    row(
        "answer-choice-logprobs-missing-second",
        "res.choice.logprobs",
        answering(later_choices(when(lambda choice: choice["logprobs"] is None, without("logprobs")))),
        prop="logprobs",
    ),
]

MESSAGES = [
    row(
        "answer-content-null",
        "res.message.nonempty",
        answering(each_choice(when(written_out, lambda choice: choice["message"].update(content=None)))),
        "gate.json_*",
    ),
    row(
        "answer-message-string",
        "res.message",
        answering(each_choice(turning("message", lambda message: message["content"]))),
        "gate.*",
    ),
    row(
        "answer-message-list",
        "res.message",
        answering(each_choice(turning("message", lambda message: [message]))),
        "gate.*",
    ),
    row("answer-message-null-second", "res.message", answering(later_choices(setting(message=None))), prop="n"),
    row("answer-role-missing", "res.message.required", answering(each_message(without("role"))), ECHO),
    row(
        "answer-role-missing-second",
        "res.message.required",
        answering(later_choices(lambda choice: choice["message"].pop("role"))),
        prop="n",
    ),
    row(
        "answer-content-missing",
        "res.message.required",
        answering(each_message(without("content"))),
        "res.message.content.null gate.*",
    ),
    row("role-user", "res.message.role", answering(each_message(setting(role="user"))), ECHO),
    row("answer-role-model", "res.message.role", answering(each_message(setting(role="model"))), ECHO),
    row(
        "answer-role-tool-calling",
        "res.message.role",
        answering(each_message(when(lambda message: "tool_calls" in message, setting(role="tool")))),
        "ef.echo",
        prop="tools",
    ),
    row(
        "answer-role-null-second",
        "res.message.role",
        answering(later_choices(lambda choice: choice["message"].update(role=None))),
        prop="n",
    ),
    row(
        "answer-content-parts",
        "res.message.content",
        answering(
            each_message(
                when(
                    lambda message: message["content"],
                    turning("content", lambda text: [{"type": "text", "text": text}]),
                )
            )
        ),
        "gate.json_*",
    ),
    row(
        "answer-content-parsed",
        "res.message.content",
        answering(
            each_message(
                when(
                    lambda message: (message["content"] or "").startswith("{"),
                    turning("content", lambda text: {"parsed": text}),
                )
            )
        ),
        "gate.json_*",
        prop="response_format",
    ),
    row(
        "answer-content-list-second",
        "res.message.content",
        answering(later_choices(lambda choice: choice["message"].update(content=[]))),
        prop="n",
    ),
    row(
        "answer-content-missing-calls",
        "res.message.content.null",
        answering(each_message(when(lambda message: "tool_calls" in message, without("content")))),
        prop="tools",
    ),
    row(
        "answer-content-missing-function",
        "res.message.content.null",
        answering(each_message(when(lambda message: "function_call" in message, without("content")))),
        prop="functions",
    ),
    row("answer-refusal-boolean", "res.message.refusal", answering(each_message(setting(refusal=False))), ECHO),
    row("answer-refusal-object", "res.message.refusal", answering(each_message(setting(refusal={}))), ECHO),
    row("answer-refusal-missing", "res.message.refusal.null", answering(each_message(without("refusal")))),
    row(
        "answer-refusal-missing-second",
        "res.message.refusal.null",
        answering(later_choices(lambda choice: choice["message"].pop("refusal"))),
        prop="n",
    ),
    row(
        "answer-refusal-missing-calls",
        "res.message.refusal.null",
        answering(each_message(when(lambda message: "tool_calls" in message, without("refusal")))),
        prop="tools",
    ),
    row(
        "answer-content-elsewhere",
        "res.message.nonempty",
        answering(each_choice(when(written_out, lambda choice: own_reasoning(choice["message"])))),
        "gate.json_*",
    ),
    row(
        "answer-content-null-second",
        "res.message.nonempty",
        answering(later_choices(when(written_out, lambda choice: choice["message"].update(content=None)))),
        prop="n",
    ),
]

MUTANTS = [*COUNTS, *MESSAGES]
