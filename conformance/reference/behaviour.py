"""How the server answers, as replaceable parts, and the pure path from raw bytes to an answer.

`Reference` bundles what makes one server: vintage, limits, checks, behaviour, models, key, latency.  A wrong server is
a `dataclasses.replace` of any of them; nothing here reads a global.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .answers import Reply, completion
from .faults import Check, Reason, coupled
from .json_values import is_object
from .limits import Limits
from .stream import DONE, chunks
from .validator import reasons
from .vintages import DEFAULT, vintage

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"

#: Digits that one integer literal is read with; longer ones are cut, which keeps them out of every range.
DIGITS_MAX = 4_000


class BadJson(ValueError):
    """The body is not JSON by RFC 8259, in UTF-8."""


def _no_constant(name: str) -> Any:
    raise BadJson(f"{name} is not JSON")


def _integer(literal: str) -> int:
    return int(literal[:DIGITS_MAX])


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer)


def parse(raw: bytes) -> Any:
    """A JSON value from UTF-8 bytes.  NaN, Infinity and raw control characters are refused; the last of two equal
    keys counts; 1e400 is read as infinity.  Raises `BadJson`, or `RecursionError` for very deep nesting."""
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except ValueError as error:
        raise BadJson(str(error)) from error


def dump(value: object) -> bytes:
    """Compact JSON in ASCII, so a lone surrogate is written as its escape."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def envelope(reason: Reason) -> dict[str, Any]:
    """The error body: four members, two of them nullable."""
    return {
        "error": {"message": reason.message, "type": reason.type, "param": reason.param, "code": reason.code},
    }


def first(found: Sequence[Reason]) -> Reason:
    """The reason that is told when there are several."""
    return found[0]


def frame(chunk: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + dump(chunk) + b"\n\n"


def media_type(value: str | None) -> Reason | None:
    """A refusal of a Content-Type other than JSON; a missing one is read as JSON, parameters are free."""
    if value is None or value.split(";", 1)[0].strip().lower() == JSON:
        return None
    return Reason(
        "http.ctype.bad",
        "The Content-Type must be application/json.",
        None,
        "unsupported_content_type",
        strength="should",
    )


def authorize(value: str | None, key: str | None) -> Reason | None:
    """A refusal of a missing or a wrong bearer key, on a server that has one."""
    if key is None:
        return None
    scheme, _, given = (value or "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        return Reason(
            "http.auth.missing",
            "No API key was given in an Authorization header (Bearer).",
            None,
            None,
            status=401,
            strength="should",
        )
    if not hmac.compare_digest(given.strip().encode("utf-8", "replace"), key.encode("utf-8", "replace")):
        return Reason(
            "http.auth.bad", "The API key is not a valid one.", None, "invalid_api_key", status=401, strength="should"
        )
    return None


_VINTAGES: Any = None  # stands for "what the vintage says" until a `Reference` is made


@dataclass(frozen=True)
class Behaviour:
    """The answering functions; each has the signature of its default, `plan` that of its vintage."""

    parse: Callable[[bytes], Any] = parse
    media_type: Callable[[str | None], Reason | None] = media_type
    authorize: Callable[[str | None, str | None], Reason | None] = authorize
    first: Callable[[Sequence[Reason]], Reason] = first
    envelope: Callable[[Reason], Any] = envelope
    plan: Callable[[Mapping[str, Any], int], Reply] = _VINTAGES
    completion: Callable[[Reply], Any] = completion
    chunks: Callable[[Reply], Iterable[Mapping[str, Any]]] = chunks
    frame: Callable[[Mapping[str, Any]], bytes] = frame
    dump: Callable[[Any], bytes] = dump
    clock: Callable[[], float] = time.time
    done: bytes = DONE
    json_type: str = JSON
    event_type: str = EVENTS


@dataclass(frozen=True)
class Reference:
    """One server: `models` None serves any name, `api_key` None asks for none, `latency` is in seconds.

    Limits, checks and the plan of replies that are not given are those of `vintage`; an unknown one is a `ValueError`.
    `dataclasses.replace` keeps what there is: a server of another vintage is made, not replaced.
    """

    limits: Limits = _VINTAGES
    checks: Sequence[Check] = _VINTAGES
    behaviour: Behaviour = field(default_factory=Behaviour)
    models: tuple[str, ...] | None = ("chatproof-reference",)
    api_key: str | None = None
    latency: float = 0.0
    vintage: str = DEFAULT

    def __post_init__(self) -> None:
        speaks = vintage(self.vintage)
        for name, value in (("limits", speaks.limits), ("checks", speaks.checks)):
            if getattr(self, name) is _VINTAGES:
                object.__setattr__(self, name, value)
        if self.behaviour.plan is _VINTAGES:
            object.__setattr__(self, "behaviour", replace(self.behaviour, plan=speaks.plan))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: one block for JSON, one per event for a stream."""

    status: int
    content_type: str
    blocks: tuple[bytes, ...]
    headers: tuple[tuple[str, str], ...] = ()


def refuse(reference: Reference, reason: Reason, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """The error answer that tells a reason, in the server's own form."""
    behaviour = reference.behaviour
    return Answer(reason.status, behaviour.json_type, (behaviour.dump(behaviour.envelope(reason)),), headers)


def too_large(reference: Reference) -> Reason:
    """Why a body beyond the limit of bytes is refused."""
    return Reason(
        "http.size",
        f"The body is larger than {reference.limits.body_max} bytes.",
        None,
        None,
        status=413,
        strength="should",
        type="server_error",
    )


def _judge(reference: Reference, raw: bytes) -> tuple[Any, Reason | None]:
    """The parsed body and the reason to refuse it, if there is one."""
    try:
        body = reference.behaviour.parse(raw)
    except BadJson:
        if not raw:
            return None, coupled("http.body.empty", None, "The body is empty; it must be a JSON object.", "should")
        return None, coupled("http.json", None, "The body could not be parsed as JSON.", "should")
    found = reasons(body, limits=reference.limits, checks=reference.checks, models=reference.models)
    return body, reference.behaviour.first(found) if found else None


def _accept(reference: Reference, body: Mapping[str, Any]) -> Answer:
    behaviour = reference.behaviour
    reply = behaviour.plan(body, int(behaviour.clock()))
    if body.get("stream") is True:
        # all events are made before the first is sent, so a failure is still a plain error
        events = [behaviour.frame(chunk) for chunk in behaviour.chunks(reply)]
        blocks = (*events, behaviour.done) if behaviour.done else tuple(events)
        return Answer(200, behaviour.event_type, blocks, (("cache-control", "no-cache"),))
    return Answer(200, behaviour.json_type, (behaviour.dump(behaviour.completion(reply)),))


def respond(reference: Reference, content_type: str | None, raw: bytes) -> Answer:
    """The answer to one create request, from its Content-Type and its whole body.  Pure but for ids and the clock."""
    if len(raw) > reference.limits.body_max:
        return refuse(reference, too_large(reference))
    unsupported = reference.behaviour.media_type(content_type)
    if unsupported is not None:
        return refuse(reference, unsupported)
    try:
        body, reason = _judge(reference, raw)
        if reason is not None:
            return refuse(reference, reason)
        return _accept(reference, body if is_object(body) else {})
    except RecursionError:
        return refuse(reference, coupled("http.deep", None, "The body is nested too deeply.", "should"))
