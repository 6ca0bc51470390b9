"""What else bears the blame for a violation: a control that fails as well, or a rule about characters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..strategies.json_values import in_ascii, is_object, up_to
from ..strategies.plainer import said_by_user
from .again import Unproved
from .bearers import FAULTY_TEXT_RULE, SPOKEN_RULE, TEXT_RULE
from .exchange import Body, Request, as_request, unaffordable
from .judge import Judgement, Kind, Reaction, describe, react
from .model import Expect, RequestRule, Rule, Symptom
from .pipeline import URGENT, Pipeline
from .plan import control_of
from .sse import read_json

PLANE = "\uffff"
"""The last character of the basic plane."""

_OF_CHARACTERS = (Symptom.REFUSED_VALID, Symptom.CRASHED, Symptom.DISCONNECTED)
"""Symptoms that a character may bring about in any string of a body."""


@dataclass(frozen=True)
class Blame:
    """What it takes to tell: the pipeline, what a rule says of a candidate (raises ``Unproved`` where it cannot be
    afforded), whether one breaks it, and a rule that may bear the blame, where it is asked."""

    pipeline: Pipeline
    tried: Callable[[RequestRule, Request], Awaitable[Judgement]]
    violates: Callable[[RequestRule, Request], Awaitable[bool]]
    bearer: Callable[[str], Rule | None]

    async def instead(self, rule: RequestRule, request: Request, judgement: Judgement) -> tuple[str, str]:
        """What else bears the blame for a violation that is there every time, and why; two empty strings for nothing.
        Raises Unproved where it cannot be afforded."""
        if judgement.symptom in (Symptom.REFUSED_VALID, Symptom.MALFORMED):
            note = await self._control(rule, request)
            if note:
                return "control", note
        if rule.id == FAULTY_TEXT_RULE and await self.violates(rule, as_request(in_ascii(request.body))):
            return "control", "the same body without its characters beyond ASCII fails as well"
        if judgement.symptom in _OF_CHARACTERS:
            bearer = await self._of_characters(rule, request, judgement)
            if bearer:
                return bearer, "the same fault, seen there as well: this body holds without its characters beyond ASCII"
        return "", ""

    async def _of_characters(self, rule: RequestRule, request: Request, judgement: Judgement) -> str:
        """The rule about characters, where it is broken as well and nothing else is wrong with this body."""
        valid = rule.expect is not Expect.REFUSE
        bearer = self.bearer(TEXT_RULE if valid else FAULTY_TEXT_RULE)
        if not isinstance(bearer, RequestRule) or rule.id in (bearer.id, SPOKEN_RULE):
            return ""
        body = read_json(request.content)
        if not is_object(body) or not _foreign(as_request(body)) or not _encodable(body):
            return ""  # half a surrogate pair, which only an escape can write
        if request.raw is not None:  # it is about how they are written
            if (await self.tried(rule, as_request(body))).kind is not Kind.VIOLATED:
                return ""
        elif valid and all(_foreign(as_request(pin)) for pin in rule.pins):  # it is about some of them
            if up_to(PLANE, body) == body or await self.violates(rule, as_request(up_to(PLANE, body))):
                return ""
        else:
            plain = await self.tried(rule, as_request(in_ascii(body)))
            if plain.kind is Kind.VIOLATED and (valid or plain.symptom is judgement.symptom):
                return ""
        return bearer.id if await self.breaks_bearer(bearer.id) else ""

    async def breaks_bearer(self, name: str) -> bool:
        """Whether a pin of a rule that bears the blame for others is broken as well, where it is asked."""
        bearer = self.bearer(name)
        if not isinstance(bearer, RequestRule):
            return False
        for pin in bearer.pins:
            if await self.violates(bearer, as_request(pin)):
                return True
        return False

    async def of_speech(self, rule: RequestRule, body: Body) -> bool:
        """Whether a body fails for the foreign characters that a user says in it, of which one rule bears the blame."""
        spoken = rule.id != SPOKEN_RULE and said_by_user(body) and not _foreign(as_request(body))
        return spoken and await self.breaks_bearer(SPOKEN_RULE)

    async def _control(self, rule: RequestRule, request: Request) -> str:
        """Why a refusal says nothing about this rule: the same body without what is under test is refused as well."""
        if request.raw is None and not is_object(request.body):
            return ""
        control = control_of(rule, {} if request.raw is not None else request.body)
        if control is None:
            return ""
        asked = as_request(control)
        if request.raw is not None and is_object(asked.body):  # as text too: nothing is added to that
            asked = Request(raw=asked.content)
        exchange = await self.pipeline.ask(asked, rule.id, URGENT)
        if unaffordable(exchange):
            raise Unproved(describe(exchange))
        if react(exchange) is Reaction.ACCEPTED:
            return ""
        return f"the same body without what is under test is not accepted either ({describe(exchange)})"


def _foreign(request: Request) -> bool:
    """Whether a body holds characters beyond ASCII, raw ones apart."""
    return request.raw is None and in_ascii(request.body) != request.body


def _encodable(body: Body) -> bool:
    try:
        return bool(as_request(body).content)
    except UnicodeEncodeError:
        return False
