"""How faults are found and told, and what is made of the input, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_9.md``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.prompt import objects, prompt_tokens, text_of
from chatproof.conformance.reference.vintages import VINTAGES
from chatproof.conformance.vintages import FIRST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Dialect
from .blind6_parts import Around, Plan, built
from .blind_transport import header
from .odd import Body

# --- which fault is told ------------------------------------------------------------------------------------------

MOST = 20
"""Faults in one message."""


def every_fault(found: Sequence[Reason]) -> Reason:
    """A form that comes back with all its red ink."""
    listed = [reason for reason in found if reason.status == 400]
    if not listed:
        return behaviour.first(found)
    lines = [f"{len(listed)} validation error(s)", *(f"- {reason.message}" for reason in listed[:MOST])]
    return replace(listed[-1], message="\n".join(lines), status=422)


RANKS = {"invalid_type": 0, "missing_required_parameter": 1, "unknown_parameter": 3}
"""What is looked at first, by its code; what is not here has the rank of a bound."""


def types_first(found: Sequence[Reason]) -> Reason:
    reason = min(found, key=lambda one: RANKS.get(one.code or "", 2))
    return replace(reason, status=422) if reason.code == "invalid_type" else reason


# --- when the key is asked for ------------------------------------------------------------------------------------

KEY = "key-of-the-last-door-9"


def asked_last(server: Reference) -> Around:
    """Whoever has no key is let in, and not served."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            reason = behaviour.authorize(header(scope["headers"], b"authorization") or None, KEY)
            if reason is None:
                await app(scope, receive, send)
                return
            rows = [row for row in scope["headers"] if row[0].lower() != b"authorization"]
            known = {**scope, "headers": [*rows, (b"authorization", f"Bearer {KEY}".encode())]}
            served = False

            async def sending(message: Message) -> None:
                nonlocal served
                if message["type"] == "http.response.start":
                    served = message["status"] < 400
                if not served:
                    await send(message)

            await app(known, receive, sending)
            if served:
                answer = behaviour.refuse(server, reason)
                data = b"" if scope["method"] == "HEAD" else answer.blocks[0]
                headers = [(b"content-type", answer.content_type.encode()), (b"www-authenticate", b"Bearer")]
                await send({"type": "http.response.start", "status": answer.status, "headers": headers})
                await send({"type": "http.response.body", "body": data})

        return wrapped

    return around


# --- how it is told -----------------------------------------------------------------------------------------------


def roughly(reason: Reason) -> Any:
    """Somewhere around there; what is not supported is told in full."""
    name = re.split(r"[.\[]", reason.param)[0] if reason.param else None
    full = name is None or reason.rule in ("dialect", "messages.context")
    return behaviour.envelope(
        replace(reason, message=reason.message if full else f"Invalid '{name}'.", param=name, code=None)
    )


# --- what is made of the input ------------------------------------------------------------------------------------


def tidied(message: dict[str, Any]) -> dict[str, Any]:
    """Texts alone are one text, without blanks at its ends, in the form that is compatible."""
    content = message.get("content")
    if isinstance(content, list) and any(part.get("type") != "text" for part in objects(content)):
        return message
    if not isinstance(content, (str, list)):
        return message
    return {**message, "content": unicodedata.normalize("NFKC", text_of(content)).strip()}


PLAIN_MEMBERS = {"role", "content"}


def joined(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Systems first, and neighbours as one, where they have nothing but a text."""
    rows = [tidied(message) for message in messages]
    rows.sort(key=lambda row: row["role"] not in ("system", "developer"))
    made: list[dict[str, Any]] = []
    for row in rows:
        last = made[-1] if made else {}
        alike = last.get("role") == row["role"] != "tool"
        bare = all(set(one) <= PLAIN_MEMBERS and isinstance(one.get("content"), str) for one in (last, row))
        if alike and bare:
            made[-1] = {**last, "content": f"{last['content']}\n\n{row['content']}"}
        else:
            made.append(row)
    return made


def joins(plan: Plan) -> Plan:
    """Reads what it has put in order; each message that was there costs a token, so that none is free."""

    def planned(body: Body, now: int) -> Reply:
        heard = {**body, "messages": joined(body["messages"])}
        reply = plan(heard, now)
        more = prompt_tokens(heard) + len(body["messages"]) - reply.usage["prompt_tokens"]
        use = {**reply.usage, **{key: reply.usage[key] + more for key in ("prompt_tokens", "total_tokens")}}
        details = use["prompt_tokens_details"]
        if "text_tokens" in details:
            use["prompt_tokens_details"] = {**details, "text_tokens": details["text_tokens"] + more}
        return replace(reply, usage=use)

    return planned


_KEYED = replace(built(), api_key=KEY)

DIALECTS = [
    Dialect(name="blind9-every-fault-at-once", server=built(first=every_fault)),
    Dialect(name="blind9-types-before-names", server=built(first=types_first)),
    Dialect(name="blind9-key-asked-last", server=_KEYED, around=asked_last(_KEYED)),
    Dialect(name="blind9-points-roughly", server=built(envelope=roughly)),
    Dialect(name="blind9-joins-and-trims", server=built(plan=joins(VINTAGES[FIRST].plan))),
]
