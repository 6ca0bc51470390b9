"""Refusals: the JSON error envelope of every 4xx answer (fact base §2.4).

An answer that is no JSON is one finding (``err.json``): the rules about members pass over it. Left out: answers 5xx
(findings already), and all of §2.5, since which status is right depends on the request and is judged there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..judge import mishap
from ..model import TOKEN_BOUNDS, Answer, Body, Chapter, Exchange, Request, Strength, Symptom, view
from ..redaction import HALF_REDACTED, REDACTED, without_parts
from ..sse import NOT_JSON
from .forms import COUPLED, documented, judges, observed
from .views import asked, said

_BAD = (
    lean(temperature="hot"),
    {"messages": lean()["messages"]},
    {"model": lean()["model"]},
    lean(messages="Say hi."),
    Request(raw=b'{"model": '),
)
_WRONG_KEY = Request(body=lean(), auth="Bearer wrong-key-0123456789abcdef")
_SIZE = (413, 414, 431)
_BUSY = (408, 429)


# --- what is judged ----------------------------------------------------------------------------------------------


@view
def denied(exchange: Exchange) -> bool:
    """Any 4xx answer."""
    return exchange.answer is not None and 400 <= exchange.answer.status < 500


@view
def refusals(exchange: Exchange) -> list[Answer]:
    """The complete 4xx answer of a completion request. Streams, where one was asked for, are the stream chapter's."""
    request, answer = exchange.request, exchange.answer
    if answer is None or exchange.trouble or request.method != "POST" or request.path != "/chat/completions":
        return []
    refused = 400 <= answer.status < 500 and answer.status not in _BUSY
    streamed = answer.event_stream and asked(exchange).get("stream")
    return [answer] if refused and not streamed else []


@view
def readable(exchange: Exchange) -> list[Answer]:
    """The same where it is JSON."""
    return [answer for answer in refusals(exchange) if answer.json is not NOT_JSON]


@view
def values(exchange: Exchange) -> list[Any]:
    """The JSON of a refusal by the application: what is refused for its size may never have reached it."""
    return [answer.json for answer in readable(exchange) if answer.status not in _SIZE]


@view
def unserved(exchange: Exchange) -> list[Answer]:
    """The refusal of a wrong method or path."""
    request, answer = exchange.request, exchange.answer
    if answer is None or exchange.trouble or (request.method == "POST" and request.path == "/chat/completions"):
        return []
    return [answer] if answer.status in (404, 405) else []


@view
def errors(exchange: Exchange) -> list[dict[str, Any]]:
    """The error object of a refusal."""
    found = [value.get("error") for value in values(exchange) if is_object(value)]
    return [error for error in found if is_object(error)]


def having(name: str) -> Callable[[Exchange], list[str]]:
    """The member of the error object where it is a string."""
    return lambda exchange: [error[name] for error in errors(exchange) if isinstance(error.get(name), str)]


@view
def params(exchange: Exchange) -> list[tuple[str, set[str]]]:
    """The ``param`` of a refused body, with the properties it may speak of."""
    body = asked(exchange)
    if not body or exchange.status not in (400, 422):
        return []
    followers = [name for names in COUPLED.values() for name in names]
    known = [{"model", "messages" if words[0] == "message" else words[0]} for words in _known(exchange)]
    names = known[0] if known else {"model", "messages", "reasoning_effort", *body, *COUPLED, *followers}
    return [(param, names) for param in having("param")(exchange) if param.strip()]


_NAMED: tuple[tuple[Body, tuple[str, ...]], ...] = (
    (lean(temperature="hot"), ("temperature",)),
    (lean(temperature=3), ("temperature",)),
    (lean(top_p=1.01), ("top_p",)),
    (lean(seed="7"), ("seed",)),
    (lean(messages="Say hi."), ("message",)),
    (lean(messages=[]), ("message",)),
    (lean(messages=[{"role": "bogus", "content": "Say hi."}]), ("message", "role", "bogus")),
    (lean(response_format={"type": "bogus"}), ("response_format", "bogus")),
    (lean(stop=["A", "B", "C", "D", "E"]), ("stop",)),
    ({"model": lean()["model"]}, ("message",)),
)
"""Bodies with one fault, and words of which a refusal should have one, the property (or a part of it) first."""


_MEMBER_NAMES = {"message", "type", "param", "code"}


def _known(exchange: Exchange) -> list[tuple[str, ...]]:
    """The words for the fault of a refused body, where it is known and is all that is unusual about the request."""
    request = exchange.request
    if exchange.status not in (400, 422) or request.chunked or request.content_type != "application/json":
        return []
    body = {name: value for name, value in asked(exchange).items() if name not in TOKEN_BOUNDS}
    return [found for fault, found in _NAMED if "model" in body and {**body, "model": fault["model"]} == fault]


def named(exchange: Exchange) -> list[tuple[str, tuple[str, ...]]]:
    """What an error object with a message says, and the words, where the fault of the body is known and is all that is
    unusual about the request.
    """
    words = [] if mishap(exchange) else _known(exchange)
    told = [error for error in errors(exchange) if isinstance(error.get("message"), str) and error["message"].strip()]
    said = ["\n".join(_strings([*error.values(), *(error.keys() - _MEMBER_NAMES)])) for error in told]
    return [(text, found) for text in said for found in words]


@view
def texts(exchange: Exchange) -> list[tuple[str, str]]:
    """All text of a refusal, JSON strings unescaped, with the text of the request."""
    if not refusals(exchange):
        return []
    sent = "\n".join(_strings(exchange.request.body)) + exchange.request.content.decode("utf-8", "replace")
    return [
        ("\n".join(_strings(answer.json)) if answer.json is not NOT_JSON else _text(answer), sent)
        for answer in refusals(exchange)
    ]


def keyed(exchange: Exchange) -> list[tuple[str, str, str]]:
    """The same of refusals for the key, with a false key that was sent. The client has taken out its own key."""
    auth = exchange.request.auth
    key = auth.split(" ")[-1] if isinstance(auth, str) and len(auth) >= 16 else ""
    return [(*pair, key) for pair in texts(exchange)] if exchange.status in (401, 403) else []


def _text(answer: Answer) -> str:
    return answer.content[:100_000].decode("utf-8", "replace")


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif is_object(value):
            waiting += [*value.keys(), *value.values()]
        elif is_array(value):
            waiting += value


# --- what is wrong -----------------------------------------------------------------------------------------------


def _not_json(answer: Answer) -> str | None:
    if answer.json is not NOT_JSON:
        return None
    return f"the body of a {answer.status} is {'not JSON' if answer.content.strip() else 'empty'}"


def _media(answer: Answer) -> str | None:
    if answer.media_type == "application/json":
        return None
    return f"a {answer.status} with a JSON body has content type {said(answer.header('content-type'))}"


def _envelope(value: Any) -> str | None:
    if not is_object(value):
        return f"the body of a refusal is {said(value)}, not an object"
    if "error" not in value:
        return "the body of a refusal has no member error"
    return None if is_object(value["error"]) else f"error is {said(value['error'])}, not an object"


def _text_member(name: str) -> Callable[[dict[str, Any]], str | None]:
    def wrong(error: dict[str, Any]) -> str | None:
        if name not in error:
            return f"error has no member {name}"
        return None if isinstance(error[name], str) else f"error.{name} is {said(error[name])}, not a string"

    return wrong


def _nullable_member(name: str) -> Callable[[dict[str, Any]], str | None]:
    def wrong(error: dict[str, Any]) -> str | None:
        if name in error and error[name] is None:
            return None
        why = _text_member(name)(error)
        return f"{why} or null" if why and name in error else why

    return wrong


_LEAKS = {
    "a stack trace": re.compile(
        r"Traceback \(most recent call last\)|\bFile \"[^\"\n]{1,300}\", line \d+|goroutine \d+ \["
        r"|thread '[^'\n]{0,80}' panicked at|^[ \t]{0,40}at [^\n]{1,200}[(:/\\][^\n]{1,200}:\d+\)?$",
        re.MULTILINE,
    ),
    "a path of a source file": re.compile(
        r"(?<![\w/.:-])(?:[A-Za-z]:\\(?:[\w.@ -]{1,80}\\){1,20}|/(?:[\w.@-]{1,80}/){1,20})[\w.-]{1,80}"
        r"\.(?:py|pyc|js|ts|mjs|go|rs|java|cpp|cc|hpp|cs|rb|php|so)\b"
    ),
}


def _leak(pair: tuple[str, str]) -> str | None:
    text, sent = pair
    for what, pattern in _LEAKS.items():
        for match in pattern.finditer(text[:100_000]):
            if match.group() not in sent:
                return f"the refusal carries {what}: {said(match.group().strip())}"
    return None


def _key(triple: tuple[str, str, str]) -> str | None:
    text, sent, key = triple
    if any(mark in text and mark not in sent for mark in (REDACTED, *([key] if key else []))):
        return "the refusal carries the API key"
    half = HALF_REDACTED in text or (key and without_parts(text, key) != text)
    return "the refusal carries more than half of the API key" if half else None


def _unnamed(pair: tuple[str, tuple[str, ...]]) -> str | None:
    text, words = pair
    held = any(word in text.lower() for word in words)
    return None if held else f"the error does not say what is wrong ({' or '.join(words)}): {said(text)}"


def _misplaced(pair: tuple[str, set[str]]) -> str | None:
    param, names = pair
    head = re.split(r"[.\[]", param, maxsplit=1)[0]
    return None if head in names else f"error.param is {said(param)}, which begins with no property that is wrong"


_MEMBERS = documented("errors: an object error with message, type, param and code, all four required")

RULES = (
    judges(
        "err.json",
        "error",
        "answers refusals with a JSON body",
        observed("refusals have a JSON body; proxies answer HTML"),
        refusals,
        _not_json,
        _BAD,
    ),
    judges(
        "err.ctype",
        "error",
        "answers refusals with content type application/json",
        observed("refusals are sent as application/json"),
        readable,
        _media,
        _BAD,
    ),
    judges(
        "err.envelope",
        "error",
        "answers refusals with an object error",
        documented("errors: an object with the member error, itself an object"),
        values,
        _envelope,
        _BAD,
    ),
    judges(
        "err.envelope.http",
        "error",
        "answers unknown paths and wrong methods with an object error",
        observed("errors: the service has one form for all of them; frameworks have their own"),
        unserved,
        lambda answer: _not_json(answer) or _envelope(answer.json),
        [Request(body=lean(), method="PUT"), Request(body=lean(), path="/chat/completionz")],
        twin_of=("err.envelope", "err.json"),
    ),
    *(
        judges(
            f"err.keys.{name}",
            "error",
            f"gives error.{name} as a string",
            _MEMBERS,
            errors,
            _text_member(name),
            _BAD,
        )
        for name in ("message", "type")
    ),
    *(
        judges(
            f"err.keys.{name}",
            "error",
            f"gives error.{name} as a string or null",
            _MEMBERS,
            errors,
            _nullable_member(name),
            _BAD,
            strength=Strength.SHOULD,
        )
        for name in ("param", "code")
    ),
    judges(
        "err.message",
        "error",
        "says in error.message what is wrong",
        observed("the message is never empty"),
        having("message"),
        lambda message: None if message.strip() else "error.message is empty",
        _BAD,
    ),
    judges(
        "err.message.names",
        "error",
        "names what is wrong in the error",
        observed("the message names the property, or param does"),
        named,
        _unnamed,
        [body for body, _ in _NAMED[:5]],
        twin_of=("err.message",),
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "err.param.path",
        "error",
        "begins error.param with a property of the request",
        observed("param is a path that begins with the property, in two styles"),
        params,
        _misplaced,
        [*_BAD[:4], {"temperature": 3, **lean()}],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "err.noleak",
        "error",
        "keeps stack traces and source paths out of refusals",
        observed("refusals tell nothing about the server's insides"),
        texts,
        _leak,
        _BAD,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "err.noleak.key",
        "error",
        "keeps the API key out of refusals",
        observed("all but the ends of a key is masked where an error speaks of it"),
        keyed,
        _key,
        [_WRONG_KEY],
        symptom=Symptom.WRONG_CONTENT,
    ),
)

CHAPTER = Chapter("error", "Refusals", tuple(replace(rule, refused=True) for rule in RULES), denied)
