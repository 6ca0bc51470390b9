"""The only place that turns a rule and an exchange into a judgement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ..strategies.json_values import is_object
from .exchange import TOKEN_BOUNDS, Answer, Body, Exchange, view
from .model import Expect, RequestRule, Symptom
from .sse import NOT_JSON, read_json


class Reaction(StrEnum):
    """What the server did with a request, before any rule looks at it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ERROR_IN_200 = "error in a 200"
    CRASHED = "crashed"
    DISCONNECTED = "disconnected"
    HUNG = "hung"
    KILLED = "killed"
    REDIRECTED = "redirected"
    UNREACHED = "unreached"
    LIMITED = "limited"


class Kind(StrEnum):
    """What one exchange says about one rule."""

    HELD = "held"
    VIOLATED = "violated"
    EXCUSED = "excused"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Judgement:
    """One rule's view of one exchange. ``why`` is a sentence, ``observed`` a word or two for the summary."""

    kind: Kind
    why: str = ""
    symptom: Symptom | None = None
    observed: str = ""


NOT_ABOUT_THE_REQUEST = (401, 402, 408, 429, 503, 529)
"""Statuses that speak of the key, the bill, the network or the load. A rule about them names them in its statuses."""

UNREACHED = ("dns", "tls", "connect", "connect_timeout", "cancelled", "set_aside", "budget")
_FAULTS = {
    Reaction.CRASHED: (Symptom.CRASHED, "answered with a server error"),
    Reaction.DISCONNECTED: (Symptom.DISCONNECTED, "dropped the connection"),
    Reaction.HUNG: (Symptom.HUNG, "gave no complete answer"),
    Reaction.KILLED: (Symptom.KILLED_SERVER, "died"),
}


def first_event(content: bytes) -> object:
    """The JSON of the first ``data:`` line of an event stream, or NOT_JSON."""
    for line in content.splitlines():
        if line.startswith(b"data:"):
            return read_json(line[5:])
    return NOT_JSON


def is_error_body(value: object) -> bool:
    """Whether a JSON value is an error: a truthy ``error`` or the object ``error``, and no choices."""
    if not is_object(value) or value.get("choices"):
        return False
    return bool(value.get("error")) or value.get("object") == "error"


def carries_error(answer: Answer) -> bool:
    """Whether a 2xx answer is an error in disguise: an error object, or a stream whose first event is one."""
    if answer.like_events:
        return is_error_body(first_event(answer.content))
    return is_error_body(answer.json)


@view
def react(exchange: Exchange) -> Reaction:
    """Classify an exchange. What speaks of the key, the network or the load says nothing about the request."""
    trouble, answer = exchange.trouble, exchange.answer
    if trouble and trouble.kind in UNREACHED:
        return Reaction.UNREACHED
    if trouble and trouble.kind == "killed":
        return Reaction.KILLED
    if answer is not None and answer.status in NOT_ABOUT_THE_REQUEST:
        return Reaction.LIMITED
    if answer is not None and answer.status == 504:
        return Reaction.HUNG
    if answer is not None and answer.status >= 500:
        return Reaction.CRASHED
    if trouble and trouble.kind == "timeout":
        return Reaction.HUNG
    if trouble and trouble.kind in ("disconnected", "protocol"):
        return Reaction.DISCONNECTED
    if answer is None:
        return Reaction.UNREACHED
    if answer.status >= 400:
        return Reaction.REFUSED
    if 300 <= answer.status < 400:
        return Reaction.REDIRECTED
    if trouble and trouble.kind == "too_large":
        return Reaction.HUNG  # nobody has seen its end
    return Reaction.ERROR_IN_200 if carries_error(answer) else Reaction.ACCEPTED


def describe(exchange: Exchange) -> str:
    """What came back, in a few words."""
    trouble, answer = exchange.trouble, exchange.answer
    if answer is None:
        return trouble.text if trouble else "nothing"
    return f"{answer.status}" + (f" ({trouble.text})" if trouble else "")


def error_of(answer: Answer) -> dict[str, object]:
    """The error object of an answer, of its first event, or a flat one; empty where there is none."""
    value = answer.json if answer.json is not NOT_JSON else first_event(answer.content)
    if not is_object(value):
        return {}
    inner = value.get("error")
    if is_object(inner):
        return inner
    return {"message": inner} if isinstance(inner, str) else value


_CONTEXT = re.compile(
    r"context[ _-]?(?:length|size|window)|maximum context|\btokens?\b.{0,80}\b(?:exceed|n_ctx|context)"
    r"|(?:exceeds?|larger than|too (?:long|many|large)).{0,60}\b(?:context|tokens)\b"
    r"|exceeded.{0,20} token limit|maximum (?:prompt|input|sequence) length"
    r"|inputs?`? (?:tokens\b.{0,40}\bmust be|must have less than \d+ tokens)|input is too long for (?:\w+ )?model"
    r"|(?:reduce|shorten) (?:the length of )?(?:the|your) (?:messages?|prompt|input)\b"
    r"|longer than .{0,40}(?:\btokens\b|\bmodel length\b)|\bmax_model_len\b|range of input length should be|上下文",
    re.IGNORECASE | re.DOTALL,
)
_MODEL_CODES = ("unsupported_value", "unsupported_parameter")
_MODEL_TEXT = re.compile(
    r"(?:support|allow|availab|enabl|specif)\w*.{0,60}\b(?:with|by|for|from|on|in) (?:this|the|your)(?: \w+)? model\b"
    r"|\bmodel\b.{0,60}\bdo(?:es)?(?: not|n't) support|\bmodel only (?:supports|allows|accepts)\b"
    r"|\bin thinking mode\b|\b(?:while|when) thinking is enabled\b"
    r"|模型.{0,20}不支持|不支持.{0,20}模型"
    r"|no endpoints found that"  # a router whose providers lack the feature
    r"|\b(?:not|n't) (?:supported|allowed|available|enabled) (?:with|by|for|on|in) models?\b"
    # chat templates
    r"|system role (?:is )?not supported|roles must alternate|\bonly [\w, ]{4,60} roles are supported",
    re.IGNORECASE | re.DOTALL,
)
# Beside the name of the model, that something is not supported.
_UNSUPPORTED = re.compile(
    r"(?:\bnot|n't|\bonly)\b.{0,60}\b(?:support|compatib)|\b(?:unsupport|incompatib)|\bsupports? only\b",
    re.IGNORECASE | re.DOTALL,
)
# That a property is not supported; "unsupported value" is said of a value.
_DECLINED = re.compile(
    r"\bunsupported\b(?! value)|\b(?:not|n't) (?:yet |currently )?support(?:ed)?\b(?!.{0,40}\bvalue)|不支持",
    re.IGNORECASE | re.DOTALL,
)
# What is not supported beside something else: a feature, or that they come together.
_FEATURE = re.compile(
    r"tool|function|\bcall|stream|log[ _-]?prob|format|json|schema|choice|\bn\b|best_of|image|picture|vision|audio"
    r"|voice|system|developer|role|prefi|stop|temperature|top_|greedy|sampl|penalt|bias|seed|predict|modalit|reason|search"
    r"|together|combin|\bboth\b|same time|simultan|each other|mutual|alongside|modal|plugin|assistant",
    re.IGNORECASE,
)
# The request was taken and its answer came to nothing: cut by the bound, or stopped by a filter.
_UNFINISHED_CODES = ("json_validate_failed", "tool_use_failed", "output_parse_failed")
_UNFINISHED_TEXT = re.compile(
    r"could not finish the message|\bfailed_generation\b|model output limit"
    r"|max(?:imum)?[ _](?:\w+[ _])?tokens.{0,40}\breached",
    re.IGNORECASE | re.DOTALL,
)
# A bound on the answer that is larger than the server allows (fact base, max_tokens.max).
_CAP = re.compile(
    r"\bmax_(?:\w+_)?tokens\b.{0,60}"
    r"(?:\btoo (?:large|high|big)\b|\b(?:at most|less than or equal to|exceed|maximum allowed)|<=)"
    r"|\brange of \W?max_(?:\w+_)?tokens|\bat most \d+ (?:completion|output) tokens",
    re.IGNORECASE | re.DOTALL,
)
_MOST_READ = 4_000
_ROOM = 8_192
"""Bytes of a body that every server has room for: only of a larger one may it say that it is too large."""
_FILTER_CODES = (
    "content_filter",
    "content_policy_violation",
    "data_inspection_failed",
    "moderation_blocked",
    "invalid_prompt",
)
_FILTER_TEXT = re.compile(
    r"\b(?:content|usage)(?: management)? polic(?:y|ies)\b|\bsafety (?:system|filter)"
    r"|\binappropriate content\b|\bguardrails?\b",
    re.IGNORECASE,
)


def _told(answer: Answer) -> tuple[object, str]:
    """The code and the message of an error; a body without a message (a list, a ``detail``, plain text) as a whole."""
    error = error_of(answer)
    message = error.get("message")
    if not isinstance(message, str) or not message:
        message = answer.content[:_MOST_READ].decode("utf-8", "replace")
    return error.get("code"), message


def mishap(exchange: Exchange) -> str:
    """Why a valid body may be refused that is taken another time: its answer came to nothing. Or an empty string."""
    if exchange.answer is None:
        return ""
    return _mishap(*_told(exchange.answer))


def _mishap(code: object, message: str) -> str:
    if code in _UNFINISHED_CODES or _UNFINISHED_TEXT.search(message):
        return f"the request was taken, but its answer was not finished: {_short(message)}"
    if code in _FILTER_CODES or _FILTER_TEXT.search(message):
        return f"a content filter stopped it: {_short(message)}"
    return ""


def excuse(exchange: Exchange) -> str:
    """Why a refusal of a valid body is no violation (fact base §3.3, §8.13, §8.15), or an empty string."""
    answer = exchange.answer
    if answer is None:
        return ""
    code, message = _told(answer)
    if code == "context_length_exceeded" or _CONTEXT.search(message):
        return f"the prompt does not fit the server's context window: {_short(message)}"
    if why := _mishap(code, message):
        return why
    if any(isinstance(value, int) and value > 1 for value in _bounds(exchange)) and _CAP.search(message):
        return f"the server writes no answer as long as that: {_short(message)}"
    if answer.status == 413:
        return "larger than the server takes (413)"
    if answer.status == 403:
        return f"the model lacks the permission or the feature (403): {_short(message)}"
    if code in _MODEL_CODES or _MODEL_TEXT.search(message) or _names_model(exchange, message):
        return f"this model does not offer it: {_short(message)}"
    return ""


def speaks_of_model(exchange: Exchange) -> bool:
    """Whether a refusal is about what the model or the key may do, and not about the request (fact base §8.13)."""
    error = error_of(exchange.answer) if exchange.answer else {}
    message = error.get("message")
    if error.get("code") in _MODEL_CODES:
        return True
    return isinstance(message, str) and (bool(_MODEL_TEXT.search(message)) or _names_model(exchange, message))


def declined(exchange: Exchange, prop: str) -> bool:
    """Whether a refusal is of a whole property and not of a value: it names it and says that it is not supported."""
    if exchange.answer is None:
        return False
    _, message = _told(exchange.answer)
    return bool(re.search(rf"(?<!\w){re.escape(prop)}(?!\w)", message) and _DECLINED.search(message))


def _names_model(exchange: Exchange, message: str) -> bool:
    """Whether a message says that something is not supported, and names the model that was asked for."""
    model = _sent(exchange).get("model")
    if not isinstance(model, str) or len(model) < 3 or not _UNSUPPORTED.search(message):
        return False
    return re.search(rf"(?<![\w.-]){re.escape(model)}(?![\w-])", message) is not None


def _sent(exchange: Exchange) -> Body:
    """The body that was sent, raw or not; empty where it was no JSON object."""
    request = exchange.request
    body = request.body if request.raw is None else read_json(request.raw)
    return body if is_object(body) else {}


def _bounds(exchange: Exchange) -> list[object]:
    """The token bounds that were sent, null ones apart."""
    sent = _sent(exchange)
    return [sent[name] for name in TOKEN_BOUNDS if sent.get(name) is not None]


def _short(text: str, most: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _excuse_for(rule: RequestRule, exchange: Exchange) -> str:
    """The same for a rule: of many features a server may also say which of them it does not support together."""
    reason = excuse(exchange)
    if reason or rule.fit is None or exchange.answer is None:
        return reason
    message = _told(exchange.answer)[1]
    named = _FEATURE.search(message) or any(name in message for name in _sent(exchange) if len(name) > 3)
    named = named and _UNSUPPORTED.search(message)
    return f"the server does not offer that together: {_short(message)}" if named else ""


def judge(rule: RequestRule, exchange: Exchange) -> Judgement:
    """What this exchange says about this rule. Acceptance and refusal only: answers have rules of their own."""
    reaction = react(exchange)
    said = describe(exchange)
    if exchange.trouble and exchange.trouble.text.startswith("budget: "):
        return Judgement(Kind.UNDECIDED, said)
    if rule.expect is Expect.REFUSE and exchange.trouble is None and exchange.status in rule.statuses:
        return Judgement(Kind.HELD, observed=f"refused ({said})")
    if rule.expect is Expect.EITHER and reaction is Reaction.HUNG:
        return Judgement(Kind.HELD, observed=f"no answer ({said})")  # a large body may simply take its time
    without_bound = exchange.request.bare and exchange.request.raw is None and not _bounds(exchange)  # on purpose
    if rule.expect is Expect.ACCEPT and reaction is Reaction.HUNG and without_bound:
        why = f"no answer in time ({said}), and nothing bounds how long a model may think about this one"
        return Judgement(Kind.EXCUSED, why, observed="no answer in time")
    match reaction:
        case Reaction.UNREACHED | Reaction.LIMITED | Reaction.REDIRECTED:
            return Judgement(Kind.UNDECIDED, f"no verdict possible: {reaction} ({said})")
        case Reaction.CRASHED | Reaction.DISCONNECTED | Reaction.HUNG | Reaction.KILLED:
            symptom, what = _FAULTS[reaction]
            return Judgement(Kind.VIOLATED, f"the server {what} ({said})", symptom, reaction.value)
        case _:
            pass
    accepted = reaction is Reaction.ACCEPTED
    if rule.expect is Expect.EITHER:
        return Judgement(Kind.HELD, observed="accepted" if accepted else f"refused ({said})")
    if rule.expect is Expect.ACCEPT:
        if accepted:
            return Judgement(Kind.HELD, observed="accepted")
        reason = _excuse_for(rule, exchange) if reaction is Reaction.REFUSED else ""
        if reason:
            return Judgement(Kind.EXCUSED, reason, observed="not offered")
        if reaction is Reaction.ERROR_IN_200:
            return Judgement(
                Kind.VIOLATED, f"a valid request got {said} with an error in it", Symptom.MALFORMED, "error"
            )
        return Judgement(
            Kind.VIOLATED, f"a valid request was refused ({said})", Symptom.REFUSED_VALID, f"refused ({said})"
        )
    if accepted:
        return Judgement(
            Kind.VIOLATED, f"an invalid request was accepted ({said})", Symptom.ACCEPTED_INVALID, "accepted"
        )
    if reaction is Reaction.ERROR_IN_200:
        why = f"an invalid request got {said}; the error in its body does not make it a refusal"
        return Judgement(Kind.VIOLATED, why, Symptom.ACCEPTED_INVALID, "error in a 200")
    if exchange.status == 413 and 413 not in rule.statuses and len(exchange.request.content) > _ROOM:
        return Judgement(Kind.EXCUSED, "larger than the server takes (413)", observed="not offered")
    legal = {400, 422, *rule.statuses}
    if exchange.status in legal or (exchange.status == 403 and speaks_of_model(exchange)):
        return Judgement(Kind.HELD, observed=f"refused ({said})")
    why = f"refused with {said}, where {' or '.join(map(str, sorted({400, 422, *rule.statuses})))} is the answer"
    return Judgement(Kind.VIOLATED, why, Symptom.WRONG_STATUS, f"refused ({said})")
