"""The same request in another form: sent otherwise, or with the older names (fact base §3.1).

As with the relations, outcomes are compared and nothing else. What the lean body meets in the other form is a rule of
its own, or the precondition.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...strategies.bodies import lean
from ...strategies.messages import assistant, system, user
from ..judge import Reaction, react
from ..model import Body, Chapter, Exchange, Relation, Request, Script, Source, Strength, Symptom, Undecided
from .forms import documented, prose
from .gates import TOOL
from .relation_outcomes import accepted_or_undecided, base_of, unlike
from .relations import RICH, of_body

LARGE = 300_000
"""Bytes of a large body: more than most buffers hold, and less than a picture."""

_WANTS_LENGTH = (411, 501)
_CHARSET = "application/json; charset=utf-8"
_TALK = [system(), user("Größe → 大小 🛑"), assistant("Hi."), user("Say hi.")]


# --- how it is sent -----------------------------------------------------------------------------------------------


def chunked(body: Body) -> Script:
    """In chunks without a Content-Length, which HTTP lets a server decline with 411, or with 501: as it is, and with
    so much white space that no buffer holds it. What is too large is so in both forms."""
    base: Exchange = yield Request(body)
    other: Exchange = yield Request(body, chunked=True)
    if other.status in _WANTS_LENGTH:
        raise Undecided(f"the server wants a Content-Length ({other.status})")
    if react(other) in (Reaction.DISCONNECTED, Reaction.KILLED):
        return f"a request is {base_of(base)}, but gets no answer with its body in chunks"
    why = unlike(base, other, "with its body in chunks")
    if why:
        return why
    large = Request(raw=_padded(body))
    other = yield replace(large, chunked=True)
    if unlike(base, other, ""):
        base = yield large
    return unlike(base, other, f"with {LARGE} bytes in chunks, most of them white space")


def _in_chunks(request: Request) -> Request:
    return replace(request, chunked=True)


def _padded(body: Body) -> bytes:
    """The body as text with white space in front of its last brace."""
    written = json.dumps(body).encode()
    return written[:-1] + b" " * (LARGE - len(written)) + b"}"


def with_other_header(body: Body) -> Script:
    """The name of the header in capitals, then a charset. Whether the lean body is taken with one is another rule's."""
    base: Exchange = yield Request(body)
    other: Exchange = yield Request(body, content_type=None, headers=(("CONTENT-TYPE", "application/json"),))
    why = unlike(base, other, "with CONTENT-TYPE as the name of the header")
    if why:
        return why
    control: Exchange = yield Request(lean(), content_type=_CHARSET)
    accepted_or_undecided(control, "the lean body with a charset (see http.ctype.ok)")
    other = yield Request(body, content_type=_CHARSET)
    return unlike(base, other, "with a charset in its Content-Type")


def _with_other_header(request: Request) -> Request:
    return replace(request, content_type=None, headers=(("CONTENT-TYPE", _CHARSET),))


# --- under other names --------------------------------------------------------------------------------------------


def with_older(body: Body, controls: tuple[Body, Body], other: Body, change: str) -> Script:
    """Two spellings of one request; of each the simplest use must have been accepted."""
    known: list[Exchange] = yield [Request(control) for control in controls]
    for one in known:
        accepted_or_undecided(one, "one of the two in its simplest use")
    base: Exchange = yield Request(body)
    changed: Exchange = yield Request(other)
    return unlike(base, changed, change)


def _renamed(body: Body) -> Body:
    return {"max_completion_tokens" if key == "max_tokens" else key: value for key, value in body.items()}


def alias(body: Body) -> Script:
    controls = (lean(max_tokens=16), lean(max_completion_tokens=16))
    return with_older(body, controls, _renamed(body), "with max_completion_tokens in place of max_tokens")


def as_functions(body: Body) -> Body:
    """The body with functions in place of tools, function_call in place of tool_choice."""
    names = {"tools": "functions", "tool_choice": "function_call"}
    functions = [tool["function"] for tool in body["tools"]]
    return {names.get(key, key): functions if key == "tools" else value for key, value in body.items()}


def legacy(body: Body) -> Script:
    controls = (lean(tools=[TOOL]), lean(functions=[TOOL["function"]]))
    return with_older(body, controls, as_functions(body), "with functions in place of tools")


# --- the table ----------------------------------------------------------------------------------------------------


def _relation(
    id: str, prop: str, title: str, source: Source, script: Callable[[Body], Script], *pins: Body, **rest: Any
) -> Relation:
    given: dict[str, Any] = {"strength": Strength.MUST, "symptom": Symptom.WRONG_STATUS, **rest}
    return Relation(id=id, property=prop, title=title, source=source, script=script, pins=pins, **given)


CHAPTER = Chapter(
    "other_forms",
    "Requests in another form",
    (
        _relation(
            "mm.ccase",
            "body",
            "takes and refuses the same requests with the body in chunks",
            documented("HTTP/1.1: a body has a length or comes in chunks, which every recipient can read"),
            chunked,
            lean(messages=_TALK, max_tokens=16, stream=True),
            lean(temperature=3),
            form=_in_chunks,
        ),
        _relation(
            "mm.charset",
            "body",
            "takes and refuses the same requests with a charset in the Content-Type, and with its name in capitals",
            documented("Content-Type: JSON is UTF-8 with and without the parameter, and names of headers have no case"),
            with_other_header,
            lean(temperature=3),
            lean(messages=_TALK, max_tokens=16, stream=True),
            form=_with_other_header,
        ),
        _relation(
            "mm.alias",
            "max_completion_tokens",
            "takes and refuses the same requests with max_completion_tokens as with max_tokens",
            prose("max_tokens: deprecated in favour of max_completion_tokens"),
            alias,
            lean(**RICH),
            lean(max_tokens=16, temperature=3),
            lean(max_tokens=16, messages=[]),
            needs=("max_tokens", "max_completion_tokens"),
            form=of_body(_renamed),
        ),
        _relation(
            "mm.tools.legacy",
            "functions",
            "takes and refuses the same requests with functions as with tools",
            prose("functions, function_call: deprecated in favour of tools and tool_choice"),
            legacy,
            lean(tools=[TOOL], temperature=3),
            lean(tools=[TOOL], seed=7, stop="END", max_tokens=16),
            lean(tools=[TOOL], messages=[]),
            needs=("tools", "functions"),
        ),
    ),
)
