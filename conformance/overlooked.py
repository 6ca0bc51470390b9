"""What a server overlooks in company: how much company a violation needs, and which rule bears the blame for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from ..strategies.bodies import lean
from ..strategies.json_values import is_object
from ..strategies.surroundings import fewer_turns, filled
from .again import Crowd, CrowdSighting
from .bearers import ADDED_RULE, STREAM_RULE
from .exchange import Body, Exchange, Request, as_request
from .in_company import added_to
from .judge import Judgement, Kind, Reaction, react
from .model import Relation, RequestRule, Rule, Symptom
from .outgoing import prepare
from .pipeline import URGENT, Pipeline
from .plan import Case, control_of

_OVERLOOKED = (Reaction.ACCEPTED, Reaction.ERROR_IN_200, Reaction.CRASHED, Reaction.DISCONNECTED, Reaction.HUNG)
"""What comes of an invalid request that a server does not look at in time."""

_OTHER_FAULTS = (lean(top_p=1.01), lean(presence_penalty=2.5), lean(seed="7"))
"""Faults of properties that a server checks apart from each other, beside those of the rule that bears the blame."""

Judged = tuple[Case, Exchange, Judgement]


@dataclass(frozen=True)
class Overlooked:
    """What it takes to tell: the pipeline, how a rule judges an exchange, whether a request breaks a rule (raises
    ``Unproved`` where it cannot be asked), what is kept by the rule that bears it, and a rule by its id, where it is
    asked."""

    pipeline: Pipeline
    judge: Callable[[RequestRule, Exchange], Judgement]
    violates: Callable[[RequestRule, Request], Awaitable[bool]]
    kept: Mapping[str, Crowd]
    bearer: Callable[[str], Rule | None]

    async def apart(self, rule: RequestRule, violated: list[Judged]) -> tuple[list[Judged], str]:
        """The violations by bodies alone, or else by those with the least company that they need; where another rule
        bears the blame for what company brings about, none, and a note."""
        violated = [(_beside_its_stream(case), exchange, judgement) for case, exchange, judgement in violated]
        if alone := [row for row in violated if row[0].alone is None]:
            return alone, ""
        if any(judgement.symptom is Symptom.KILLED_SERVER for _, _, judgement in violated):
            return violated, ""  # what kills is not sent again to see what of it does
        apart: list[Judged] = []
        for case, _, _ in violated:
            assert case.alone is not None
            if await self.violates(rule, case.alone):
                case = _beside_its_stream(replace(case, request=case.alone, alone=None))
                if case.alone is None or await self.violates(rule, case.alone):
                    return [await self._asked(rule, replace(case, request=case.alone or case.request, alone=None))], ""
            body, added = case.alone.body, added_to(case)
            fewer = {key: value for key, value in added.items() if value is not None}
            if fewer and fewer != added and await self.violates(rule, as_request({**body, **fewer})):
                added = fewer
            for name in reversed(list(added)):  # a choice is dropped before its tools
                fewer = {key: value for key, value in added.items() if key != name}
                if fewer and await self.violates(rule, as_request({**body, **fewer})):
                    added = fewer
            added = await self._shorter(rule, body, added)
            valid = _valid(rule, body, added)
            row = await self._asked(rule, replace(case, request=as_request({**body, **added})))
            if row[2].kind is not Kind.VIOLATED:
                continue  # seen once
            if react(row[1]) is not Reaction.ACCEPTED:  # the company may be what the server minds
                control = as_request({**(control_of(rule, body) or lean()), **valid})
                if react(await self.pipeline.ask(control, rule.id, URGENT)) is not Reaction.ACCEPTED:
                    continue
            if kept := await self._bears(rule, valid):
                case, exchange, judgement = await self._asked(rule, row[0], alone=True)
                if judgement.kind is not Kind.VIOLATED:
                    continue
                ready, symptom = prepare(case.request, self.pipeline.target), judgement.symptom or Symptom.WRONG_STATUS
                apart_from = CrowdSighting(rule.id, judgement.why + in_words(case), symptom, ready, exchange, "2/2")
                return [], kept.note(apart_from, rule.strength)
            apart.append(row)
        return apart, ""

    async def _shorter(self, rule: RequestRule, body: Body, added: Body) -> Body:
        """The same company with as little of a longer conversation as the violation needs."""
        core = body["messages"] if "messages" in added else ()
        left = "messages" in added
        while left:
            left = False
            for rows in fewer_turns(added["messages"], core):
                if await self.violates(rule, as_request({**body, **added, "messages": rows})):
                    added, left = {**added, "messages": rows}, True
                    break
        return added

    async def _asked(self, rule: RequestRule, case: Case, *, alone: bool = False) -> Judged:
        if alone:
            exchange = await self.pipeline.ask_alone(case.request, rule.id)
        else:
            exchange = await self.pipeline.ask(case.request, rule.id, URGENT)
        return case, exchange, self.judge(rule, exchange)

    async def _bears(self, rule: RequestRule, added: Body) -> Crowd | None:
        """What the rule about company keeps, where this company lets the faults of other properties pass as well."""
        bearer = self.bearer(STREAM_RULE if added.keys() == {"stream"} else ADDED_RULE)
        if not isinstance(bearer, Relation):
            return None
        talk = {"messages"} & added.keys()
        for fault in (*bearer.pins, *_OTHER_FAULTS):
            as_usual = {rule.property, *talk}
            if (added.keys() - talk) & fault.keys() or any(fault.get(name) != lean().get(name) for name in as_usual):
                continue
            alone, beside = [
                react(await self.pipeline.ask(as_request(body), rule.id, URGENT))
                for body in (fault, {**fault, **added})
            ]
            if alone is Reaction.REFUSED and beside in _OVERLOOKED:
                return self.kept[bearer.id]
        return None


_ABOUT_STREAMS = ("stream", "stream_options")


def _beside_its_stream(case: Case) -> Case:
    """A case that asks for a stream of its own accord as one that has it for company: its rule is about something
    else."""
    request = case.request
    body = request.body if request == Request(body=request.body) and is_object(request.body) else {}
    if case.alone is not None or body.get("stream") is not True or case.rule.property in _ABOUT_STREAMS:
        return case
    if "stream_options" in body:
        return case
    return replace(case, alone=Request(body={name: value for name, value in body.items() if name != "stream"}))


def _valid(rule: RequestRule, body: Body, added: Body) -> Body:
    """Company without the fault that is in its messages, where that is where the fault is."""
    if rule.property != "messages" or "messages" not in added:
        return added
    return {**added, "messages": filled(added["messages"], body["messages"])}


def in_words(case: Case) -> str:
    """What to say of a body that is taken only in company."""
    beside = ["other messages" if name == "messages" else name for name in added_to(case)]
    return f" (beside {', '.join(beside)}; refused without)" if case.alone else ""
