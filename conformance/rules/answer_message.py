"""The message of a choice in a plain answer: its role and its content (fact base §2.1)."""

from __future__ import annotations

from ...strategies.json_values import is_object
from ..model import Strength, Symptom
from .answer_forms import CALLS, CHOICE, PLAIN, carries, missing, must_be, text_or_null
from .answer_views import Object, choices, member, messages, spoken
from .forms import documented, judges, observed
from .views import long_answer, option


def _incomplete(message: Object) -> str | None:
    if "role" not in message:
        return "the message has no role"
    return None if "content" in message or carries(message) else "the message has no content"


def _empty(pair: tuple[Object, Object]) -> str | None:
    choice, message = pair
    if choice["finish_reason"] in ("length", "content_filter") or carries(message):
        return None
    return "the message has neither content nor refusal nor a call" if message.get("content") is None else None


_MESSAGE = documented("message: role, content and refusal are required, content and refusal are nullable")
RULES = [
    judges(
        "res.message",
        "answer",
        "gives an object as message",
        CHOICE,
        member(choices, "message"),
        must_be("message", lambda value: is_object(value), "an object"),
        PLAIN,
    ),
    judges(
        "res.message.required",
        "answer",
        "gives the message a role and content",
        _MESSAGE,
        messages,
        _incomplete,
        [*PLAIN, long_answer(stop="1", max_tokens=32)],
    ),
    judges(
        "res.message.role",
        "answer",
        "gives the message the role assistant",
        documented("message: role is an enumeration of one"),
        member(messages, "role"),
        must_be("role", lambda value: value == "assistant", "assistant"),
        PLAIN,
    ),
    judges(
        "res.message.content",
        "answer",
        "gives content as a string or null",
        _MESSAGE,
        member(messages, "content"),
        must_be("content", text_or_null, "a string or null"),
        PLAIN,
    ),
    judges(
        "res.message.content.null",
        "answer",
        "gives the message content, null where it only calls",
        _MESSAGE,
        lambda exchange: [message for message in messages(exchange) if carries(message)],
        missing(("content",), "the message"),
        CALLS,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.message.refusal",
        "answer",
        "gives refusal as a string or null",
        _MESSAGE,
        member(messages, "refusal"),
        must_be("refusal", text_or_null, "a string or null"),
        PLAIN,
    ),
    judges(
        "res.message.refusal.null",
        "answer",
        "gives the message refusal, null where it does not refuse",
        _MESSAGE,
        messages,
        missing(("refusal",), "the message"),
        PLAIN,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.message.nonempty",
        "answer",
        "says or calls something in every message it ends by itself",
        observed("message: content, refusal, a call or audio is there"),
        # a stop string may have cut all that there was to say
        lambda exchange: [pair for pair in spoken(exchange) if "content" in pair[1] and not option(exchange, "stop")],
        _empty,
        PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
]
