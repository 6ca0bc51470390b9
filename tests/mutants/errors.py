"""Servers whose refusals break one promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from . import errors_auth
from .answers_common import headed, row, without
from .base import refusing

TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/opt/engine/serving/chat.py", line 211, in create\n'
    "    request = Request(**body)\n"
    "ValueError: invalid request"
)
JAVA = (
    "java.lang.IllegalArgumentException: invalid request\n"
    "\tat com.example.gateway.ChatController.create(ChatController.java:88)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:1583)"
)
GO = "goroutine 41 [running]:\nmain.(*Server).chat(0xc0000b2000)\n\t/build/server/chat.go:132 +0x1d"
PAGE = "<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body><h1>400 Bad Request</h1></body>\r\n</html>\r\n"


wrong = partial(row, prop="error", family="error")


def failed(status: int) -> bool:
    return status >= 400


def told(form: Callable[[Reason], Any]) -> Reference:
    """With error bodies of another form; a text is sent as it is."""

    def dump(value: Any) -> bytes:
        return value.encode() if isinstance(value, str) else behaviour.dump(value)

    return Reference(behaviour=Behaviour(envelope=form, dump=dump))


def sometimes(test: Callable[[Reason], Any], form: Callable[[Reason], Any]) -> Reference:
    """With error bodies of another form for some faults only."""
    return told(lambda reason: form(reason) if test(reason) else behaviour.envelope(reason))


def member(name: str, turn: Callable[[Reason], Any]) -> Reference:
    """With another value of one member of the error."""
    return refused(lambda reason: {name: turn(reason)})


def refused(turn: Callable[[Reason], Mapping[str, Any]]) -> Reference:
    """With other values of members of the error."""

    def envelope(reason: Reason) -> Any:
        return {"error": {**behaviour.envelope(reason)["error"], **turn(reason)}}

    return Reference(behaviour=Behaviour(envelope=envelope))


def lacking(name: str) -> Reference:
    return refusing(lambda body: without(name)(body["error"]))


def flat(reason: Reason) -> Any:
    """As vLLM and SGLang told errors."""
    return {"object": "error", "message": reason.message, "type": "BadRequest", "param": None, "code": reason.status}


def details(reason: Reason) -> Any:
    """As FastAPI tells what its models refuse."""
    place = ["body", *(reason.param or "").split(".")]
    return {"detail": [{"type": "value_error", "loc": place, "msg": reason.message}]}


def path(turn: Callable[[str], str]) -> Reference:
    """With another spelling of the place of a fault."""
    return member("param", lambda reason: None if reason.param is None else turn(reason.param))


def about_json(reason: Reason) -> bool:
    """Whether the body could not be read, which another layer of a server tells."""
    return reason.rule in ("http.json", "http.body.empty", "http.json.object")


def about_bounds(reason: Reason) -> bool:
    return "must be" in reason.message


VAGUE = "The request could not be processed."

MUTANTS = [
    wrong("error-vague", "err.message.names", refusing(lambda body: body["error"].update(message=VAGUE, param=None))),
    wrong(
        "error-text", "err.json", told(lambda reason: reason.message), "err.ctype", around=headed("text/plain", failed)
    ),
    wrong("error-page", "err.json", told(lambda reason: PAGE), "err.ctype", around=headed("text/html", failed)),
    wrong("error-empty-body", "err.json", told(lambda reason: "")),
    wrong("error-python", "err.json", told(lambda reason: str(behaviour.envelope(reason)))),
    wrong("error-text-syntax", "err.json", sometimes(about_json, lambda reason: reason.message)),
    wrong(
        "error-text-model",
        "err.json",
        sometimes(lambda reason: reason.status == 404, lambda reason: "404 page not found"),
    ),
    wrong(
        "error-text-method",
        "err.envelope.http",
        sometimes(lambda reason: reason.status == 405, lambda reason: "Method Not Allowed"),
    ),
    wrong(
        "error-text-type",
        "err.json",
        sometimes(lambda reason: reason.code == "invalid_type", lambda reason: reason.message),
    ),
    wrong("error-typed-text", "err.ctype", Reference(), around=headed("text/plain; charset=utf-8", failed)),
    wrong("error-typed-html", "err.ctype", Reference(), around=headed("text/html", failed)),
    wrong("error-untyped", "err.ctype", Reference(), around=headed(None, failed)),
    wrong("error-problem", "err.ctype", Reference(), around=headed("application/problem+json", failed)),
    wrong("error-string", "err.envelope", told(lambda reason: {"error": reason.message})),
    wrong("error-flat", "err.envelope", told(flat)),
    wrong("error-detail-list", "err.envelope", told(details)),
    wrong("error-detail-text", "err.envelope", told(lambda reason: {"detail": reason.message})),
    wrong(
        "error-typed-beside", "err.envelope", told(lambda reason: {"error": reason.message, "error_type": "validation"})
    ),
    wrong("error-list", "err.envelope", told(lambda reason: {"errors": [behaviour.envelope(reason)["error"]]})),
    wrong("error-in-array", "err.envelope", told(lambda reason: [behaviour.envelope(reason)])),
    wrong("error-null", "err.envelope", told(lambda reason: {"error": None, "message": reason.message})),
    wrong("error-detail-syntax", "err.envelope", sometimes(about_json, details)),
    wrong(
        "error-detail-method",
        "err.envelope.http",
        sometimes(lambda reason: reason.status == 405, lambda reason: {"detail": "Method Not Allowed"}),
    ),
    wrong(
        "error-detail-model",
        "err.envelope",
        sometimes(lambda reason: reason.status == 404, lambda reason: {"detail": reason.message}),
    ),
    wrong("error-detail-type", "err.envelope", sometimes(lambda reason: reason.code == "invalid_type", details)),
    wrong(
        "error-detail-missing",
        "err.envelope",
        sometimes(lambda reason: reason.code == "missing_required_parameter", details),
    ),
    wrong("error-no-message", "err.keys.message", lacking("message")),
    wrong("error-message-null", "err.keys.message", member("message", lambda reason: None)),
    wrong("error-message-list", "err.keys.message", member("message", lambda reason: [reason.message])),
    wrong("error-message-detail", "err.keys.message", member("message", details)),
    wrong("error-no-type", "err.keys.type", lacking("type")),
    wrong("error-type-null", "err.keys.type", member("type", lambda reason: None)),
    wrong("error-type-number", "err.keys.type", member("type", lambda reason: reason.status)),
    wrong("error-type-list", "err.keys.type", member("type", lambda reason: [reason.type])),
    wrong(
        "error-type-null-404",
        "err.keys.type",
        member("type", lambda reason: None if reason.status == 404 else reason.type),
    ),
    wrong("error-no-param", "err.keys.param", lacking("param")),
    wrong("error-param-list", "err.keys.param", member("param", lambda reason: ["body", reason.param])),
    wrong("error-param-object", "err.keys.param", member("param", lambda reason: {"name": reason.param})),
    wrong("error-param-false", "err.keys.param", member("param", lambda reason: reason.param or False)),
    wrong("error-no-code", "err.keys.code", lacking("code")),
    wrong("error-code-number", "err.keys.code", member("code", lambda reason: reason.status)),
    wrong("error-code-number-if-none", "err.keys.code", member("code", lambda reason: reason.code or reason.status)),
    wrong(
        "error-code-number-404",
        "err.keys.code",
        member("code", lambda reason: 404 if reason.status == 404 else reason.code),
    ),
    wrong("error-wordless", "err.message", member("message", lambda reason: "")),
    wrong("error-blank", "err.message", member("message", lambda reason: " \n")),
    wrong(
        "error-wordless-model",
        "err.message",
        member("message", lambda reason: "" if reason.status == 404 else reason.message),
    ),
    wrong(
        "error-wordless-syntax",
        "err.message",
        member("message", lambda reason: "" if about_json(reason) else reason.message),
    ),
    wrong("error-param-body", "err.param.path", path("body.{}".format)),
    wrong("error-param-dollar", "err.param.path", path("$.{}".format)),
    wrong("error-param-pointer", "err.param.path", path(lambda place: "/" + place.replace(".", "/"))),
    wrong("error-param-class", "err.param.path", path("ChatCompletionRequest.{}".format)),
    wrong(
        "error-param-none",
        "err.param.path",
        refused(lambda reason: {"type": "None", "param": "None", "code": str(reason.status)}),
    ),
    wrong("error-param-last", "err.param.path", path(lambda place: place.rsplit(".", 1)[-1])),
    wrong("error-trace-python", "err.noleak", member("message", lambda reason: f"{reason.message}\n{TRACE}")),
    wrong("error-trace-java", "err.noleak", member("message", lambda reason: f"{reason.message}\n{JAVA}")),
    wrong("error-trace-go", "err.noleak", member("message", lambda reason: f"{reason.message}\n{GO}")),
    wrong("error-trace-beside", "err.noleak", refusing(lambda body: body.update(traceback=TRACE))),
    wrong(
        "error-trace-syntax",
        "err.noleak",
        member("message", lambda reason: TRACE if about_json(reason) else reason.message),
    ),
    wrong(
        "error-source-path",
        "err.noleak",
        member(
            "message",
            lambda reason: f"{reason.message} (/usr/local/lib/python3.11/site-packages/engine/protocol.py:412)",
        ),
    ),
    wrong(
        "error-source-template",
        "err.noleak",
        member("message", lambda reason: f"{reason.message} at C:\\engine\\src\\chat.cpp:57"),
    ),
    *errors_auth.MUTANTS,
]
