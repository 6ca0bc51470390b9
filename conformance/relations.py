"""Relations: what their scripts say of the endpoint becomes verdicts, and a violation is proved."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from ..strategies.json_values import is_object
from .again import GRAVE, LEFT, LOST, SETTLED, Asked, Crowd, CrowdSighting, Unproved, after_refused, asked_again
from .bearers import CROWD_RULE, REFUSED_RULE, REPEAT_RULE, STEADY_RULE
from .by_chance import taken_by_chance
from .circumstances import finding_of
from .depths import DEPTHS, Settings
from .exchange import TOKEN_BOUNDS, Body, Exchange, Request
from .judge import Reaction, react
from .model import Relation, Symptom, Undecided
from .outgoing import curl
from .pipeline import Pipeline
from .plan import relation_bodies
from .playing import CROWDS, Played, Player
from .record import cut
from .results import Finding, Result, Verdict, upheld, weighed
from .rules.forms_at_once import at_once
from .server_errors import ServerErrors
from .sightings import Sightings
from .sse import read_json
from .tallies import Ledger

TURNS_AT_ONCE = 8
"""Equal comparisons that are made together to see whether a crowd breaks what alone holds."""

CONTROLS = 4
"""Refused requests of a broken comparison that are sent again as they were."""

STEPS = 20
"""Compared requests that a record keeps."""

_AKIN = {"tools": "tool_choice", "stream_options": "stream", "max_completion_tokens": "max_tokens"}
"""Properties that the rule about crowds of another one stands for."""

_LOST = {Reaction.CRASHED: Symptom.CRASHED, Reaction.DISCONNECTED: Symptom.DISCONNECTED}


def _unanswered(exchange: Exchange) -> bool:
    return react(exchange) is not Reaction.ACCEPTED


@dataclass(frozen=True)
class Relations:
    """What it takes to conclude relations. ``kept`` is what other rules saw only under some circumstance, by the rule
    that bears the blame, ``errors`` what comparisons met. Without ``prove`` a violation is left to another process."""

    pipeline: Pipeline
    settings: Settings
    sightings: Sightings
    ledger: Ledger
    kept: Mapping[str, Crowd]
    errors: ServerErrors
    prove: bool = True

    @cached_property
    def _player(self) -> Player:
        return Player(self.pipeline, self.settings, self.sightings, self.ledger, self.errors)

    @property
    def crowd(self) -> Crowd:
        """What is broken only with others in flight."""
        return self.kept[CROWD_RULE]

    @property
    def refused(self) -> Crowd:
        """What is broken only after a refused request."""
        return self.kept[REFUSED_RULE]

    def bears(self, rule: Relation) -> bool:
        """Whether a rule bears the blame for what others see."""
        return rule.id in self.kept and self.kept[rule.id].blamed is not None

    async def conclude(self, rule: Relation) -> Result:
        """The verdict of a relation; of many at once there is only one where the server dies of them."""
        crowd = self.pipeline.health.crowd
        result = None if crowd and rule.chapter == CROWDS else await self._related(rule)
        crowd = self.pipeline.health.crowd
        if crowd is None or rule.chapter != CROWDS:
            result = result or await self._related(rule)
            unproved = result.finding is None or result.verdict is Verdict.INCONSISTENT
            if self.bears(rule) and unproved:
                kept = self.kept[rule.id]
                left = [row for row in kept.sightings if not self._mixed_up(row)]
                rare = rule.id == STEADY_RULE
                if rare and any(
                    row.symptom in (*GRAVE, *LOST) for one in (self.crowd, self.refused) for row in one.sightings
                ):
                    return result.with_(note="what fails in a crowd, or after others, explains what fails now and then")
                if left:
                    return result.with_(
                        verdict=Verdict.INCONSISTENT if all(row.rare for row in left) else Verdict.FAILED,
                        finding=finding_of(rule.id, replace(kept, sightings=left), self.pipeline.target),
                    )
            return result
        if rule.id != CROWD_RULE:
            return Result(rule.id, Verdict.BLOCKED, blocked_by=CROWD_RULE, note="the server dies of many at once")
        line = curl(crowd.exchange.request, self.pipeline.target)
        finding = Finding(
            symptom=Symptom.KILLED_SERVER,
            why=f"the server died of {crowd.deadly} requests at once, twice, and of none of them alone",
            request=crowd.exchange.request,
            exchange=crowd.exchange,
            curl=" & ".join([line] * crowd.deadly) + " & wait",
            confirmed="2/2",
        )
        return Result(rule.id, Verdict.FAILED, requests=result.requests if result else 0, finding=finding)

    async def held_at_once(self, rules: Sequence[Relation]) -> list[Result]:
        """The results of relations about other forms of a body, where all forms at once change nothing. None where
        something changes, or the first and richest body is not taken, or few are asked anyway: each is asked by
        itself."""
        rules = [rule for rule in rules if rule.form]
        if len(rules) < 2 or not DEPTHS[self.settings.depth].jointly:
            return []
        whole, sent = at_once(rules), 0
        for body in whole.pins:
            if self.settings.beyond(body):
                continue
            health = self.pipeline.health
            with suppress(Undecided, Unproved):
                played = await health.undisturbed(
                    lambda body=body: self._player.play(whole, body), lambda row: not row[0]
                )
                told = body is not whole.pins[0] or (played and react(played[1][0]) is Reaction.ACCEPTED)
                if played is not None and played[0] is None and told:
                    sent += len(played[1])
                    continue
            return []
        note = "with the other forms at once"
        return [
            Result(rule.id, upheld(rule.strength), observed="held", judged=sent // 2, requests=sent, note=note)
            for rule in rules
        ]

    def seen_by(self, held: Sequence[Relation]) -> Relation | None:
        """Which of these rules about crowds, that hold, all wrong answers are about that others saw only in a crowd."""
        rows = [row for row in self.crowd.sightings if not self._mixed_up(row)]
        if any(row.symptom in (*GRAVE, *LOST) for row in rows):
            return None  # no answers, whatever was asked for
        seen = {row.rule for row in rows}
        found = [rule for rule in self.sightings.rules if rule.id in seen]
        about = {"stream" if rule.id.startswith("sse.") else _AKIN.get(rule.property, rule.property) for rule in found}
        home = next((rule for rule in held if {rule.property} == about), None)
        return home if len(found) == len(seen) else None  # what relations see is about more than one property

    def moved_to(self, result: Result) -> Result:
        """The result of a rule that is to bear what others saw only in a crowd, in place of the rule that kept it."""
        seen = [row for row in self.crowd.sightings if not self._mixed_up(row)]
        finding = finding_of(CROWD_RULE, replace(self.crowd, sightings=seen), self.pipeline.target)
        self.crowd.sightings.clear()
        return result.with_(verdict=Verdict.FAILED, finding=finding)

    def _mixed_up(self, sighting: CrowdSighting) -> bool:
        """Whether a wrong answer shows what a rule about many at once has found: whose work a crowd mixes up."""
        body = read_json(sighting.request.content)
        if sighting.symptom in (*GRAVE, *LOST) or sighting.refused or not is_object(body):
            return False
        about = {rule.property for rule in self.sightings.rules if rule.id == sighting.rule}
        return bool(self.crowd.mixed & (about | (set(body) - set(TOKEN_BOUNDS))))

    async def _related(self, rule: Relation) -> Result:
        """Its script is run over its pins and drawn bodies, a violation once more."""
        bodies = await asyncio.to_thread(relation_bodies, rule, self.settings)
        if not bodies and self.bears(rule) and not self.pipeline.gone:
            judged = self.pipeline.traffic.requests
            return Result(
                rule.id, upheld(rule.strength), observed="held", judged=judged, note="in other rules' requests"
            )
        held, undecided, note = 0, "", ""
        sent = 0
        for done, body in enumerate(bodies):
            if beyond := self.settings.beyond(body):
                undecided = beyond
                continue
            try:
                found = await self._compared(rule, body)
            except Undecided as reason:
                undecided = str(reason)
                continue
            except Unproved as reason:
                missing = f"{len(bodies) - done} of {len(bodies)} comparisons were not made"
                return Result(rule.id, Verdict.ERROR, note=f"{reason}; {missing}", requests=sent)
            sent += sum(len(exchanges) for _, exchanges in found.seen)
            if self.pipeline.gone:
                break
            if found.crowd or found.refused:
                why, exchanges = found.seen[-1]
                last = exchanges[-1]
                symptom = Symptom.CRASHED if found.refused else rule.symptom
                apart = CrowdSighting(rule.id, why or "", symptom, last.request, last, found.told, found.refused)
                note = self.kept[apart.bearer].note(apart, rule.strength)
            elif found.asked and self._fails_beside_refused(rule, found):
                note = "refused requests are among its own"
                return Result(rule.id, Verdict.BLOCKED, blocked_by=REFUSED_RULE, requests=sent, note=note)
            elif found.asked and (later := await self._otherwise_later(rule, found)):
                why = found.seen[-1][0] or ""
                apart = CrowdSighting(rule.id, why, Symptom.ACCEPTED_INVALID, later.request, later, found.told)
                note = self.kept[REPEAT_RULE].note(apart, rule.strength)
                return Result(rule.id, Verdict.BLOCKED, blocked_by=REPEAT_RULE, requests=sent, note=note)
            elif found.asked and self._loses_answers(rule, found):
                return self._left_to_crowds(rule, found, sent)
            elif found.asked and (lost := self._lost_now_and_then(rule, found)):
                why = found.seen[-1][0] or ""
                symptom = _LOST[react(lost)]
                apart = CrowdSighting(rule.id, why, symptom, lost.request, lost, found.told, rare=True)
                note = self.kept[STEADY_RULE].note(apart, rule.strength)
            elif found.asked and (taken := await self._taken_by_chance(rule, found)):
                why = found.seen[-1][0] or ""
                apart = CrowdSighting(
                    rule.id, why, Symptom.ACCEPTED_INVALID, taken.request, taken, found.told, rare=True
                )
                note = self.kept[REPEAT_RULE].note(apart, rule.strength)
            elif found.asked:
                return self._broken(rule, found, sent)
            held += 1
        if self.pipeline.gone:
            return Result(rule.id, Verdict.ERROR, note=f"no verdict possible: {self.pipeline.gone}", requests=sent)
        if rule.id in self.errors.met and not self.prove:
            return Result(rule.id, Verdict.ERROR, note=LEFT, requests=sent)
        finding, said = await self.errors.finding(rule)
        if finding:
            return Result(rule.id, Verdict.FAILED, requests=sent, finding=finding)
        note = note or said
        if not held:
            note = said or undecided or "nothing to compare"
            return Result(rule.id, Verdict.NOT_OFFERED, note=note, requests=sent)
        verdict = upheld(rule.strength)
        return Result(rule.id, verdict, observed="held", judged=held, requests=sent, note=note)

    async def _compared(self, rule: Relation, body: Body) -> Asked[Played]:
        """The times that a comparison was broken, and how often it was made (0: it held); never from an ill server."""

        async def work() -> Asked[Played]:
            first = await self._player.play(rule, body)
            if first[0] is None:
                return Asked([first], 0)
            if not self.prove:
                raise Unproved(LEFT)

            down = next((one for one in first[1] if react(one) is Reaction.CRASHED), None)
            if rule.quiet or rule.chapter == CROWDS:
                down = None  # they look for what others leave behind, or set off, themselves

            async def again() -> Played | None:
                return await self._broken_again(rule, body, alone=True, before=SETTLED if down else ())

            async def refused() -> list[Played | None]:
                assert down is not None
                rows = await after_refused(self.pipeline, down.request, rule.id)
                said = f"a server error ({down.status})"
                return [(said, [one]) if react(one) is Reaction.CRASHED else None for one in rows]

            async def crowd() -> list[Played | None]:
                turns = range(min(self.settings.in_flight, TURNS_AT_ONCE))
                return list(await asyncio.gather(*(self._broken_again(rule, body, alone=False) for _ in turns)))

            if rule.chapter == CROWDS:
                return await asked_again(first, again)
            return await asked_again(
                first,
                again,
                crowd if self.crowd.blamed else None,
                refused=refused if self.refused.blamed and (down or self.refused.known) and not rule.quiet else None,
                known=self.crowd.known,
                known_refused=self.refused.known,
            )

        health = self.pipeline.health
        found = await health.undisturbed(work, lambda value: value.asked == 0)
        if found is None:
            raise Undecided(f"the server was not itself ({self.pipeline.gone or 'it fell ill each time'})")
        return found

    async def _broken_again(
        self, rule: Relation, body: Body, *, alone: bool, before: Sequence[Request] = ()
    ) -> Played | None:
        """The comparison made anew, with nothing else in flight where it is made one request at a time."""
        try:
            played = await self._player.play(rule, body, again=True, alone=alone, before=before)
        except Undecided:
            return None  # seen once, and not seen again
        return played if played[0] is not None else None

    async def _otherwise_later(self, rule: Relation, found: Asked[Played]) -> Exchange | None:
        """A request of the broken comparisons that was refused and is accepted now, or refused with another status: no
        other form has to do with it. Asked only after a violation."""
        if rule.quiet or rule.chapter == CROWDS or self.kept[REPEAT_RULE].blamed in (None, rule.id):
            return None
        made = [one for _, exchanges in found.seen for one in exchanges]
        refused: dict[bytes, Exchange] = {}
        for one in made:
            if react(one) is Reaction.REFUSED and refused.setdefault(one.request.content, one).status != one.status:
                return one
        for one in [*refused.values()][:CONTROLS]:
            later = await self.pipeline.ask_alone(one.request, rule.id)
            if react(later) is Reaction.ACCEPTED or (react(later) is Reaction.REFUSED and later.status != one.status):
                return later
        return None

    def _lost_now_and_then(self, rule: Relation, found: Asked[Played]) -> Exchange | None:
        """The answer that is missing from a comparison which is not broken every time, where that is another rule's to
        bear: of many at once only where single requests fail as well."""
        kept = self.kept[STEADY_RULE]
        if found.steady or kept.blamed in (None, rule.id) or (rule.chapter == CROWDS and not kept.known):
            return None
        return next((one for one in found.seen[-1][1] if react(one) in _LOST), None)

    async def _taken_by_chance(self, rule: Relation, found: Asked[Played]) -> Exchange | None:
        """An invalid request that is accepted in a comparison which is not broken every time, where such are accepted
        by chance: another rule bears that."""
        kept = self.kept[REPEAT_RULE]
        if found.steady or kept.blamed in (None, rule.id) or rule.quiet or self.crowd.known:
            return None
        made = found.seen[-1][1]
        if not any(react(one) is Reaction.REFUSED for one in made):
            return None
        for one in [one for one in reversed(made) if react(one) is Reaction.ACCEPTED][:CONTROLS]:
            if react(await self.pipeline.ask_alone(one.request, rule.id)) is Reaction.REFUSED:
                by_chance = await taken_by_chance(self.pipeline, kept, rule.id, rule.property)
                return one if by_chance else None
        return None

    def _loses_answers(self, rule: Relation, found: Asked[Played]) -> bool:
        """Whether many at once get no answers, as a rule: one fault, whatever they ask for. The rule about that bears
        it."""
        if rule.chapter != CROWDS or self.crowd.blamed in (None, rule.id):
            return False
        mostly = bool(self.crowd.sightings) and len(found.seen) * 2 >= found.asked  # others have seen it as well
        if not found.steady and not mostly:
            return False
        return all(any(map(_unanswered, exchanges)) for _, exchanges in found.seen)

    def _fails_beside_refused(self, rule: Relation, found: Asked[Played]) -> bool:
        """Whether a crowd of valid and invalid requests shows what refused ones bring about without one."""
        if rule.id != self.crowd.blamed or self.crowd.sightings or not self.refused.sightings:
            return False
        return all(any(react(one) is Reaction.CRASHED for one in exchanges) for _, exchanges in found.seen)

    def _left_to_crowds(self, rule: Relation, found: Asked[Played], sent: int) -> Result:
        why, exchanges = found.seen[-1]
        lost = next(filter(_unanswered, exchanges))
        symptom = _LOST.get(react(lost), Symptom.REFUSED_VALID)
        self.crowd.note(CrowdSighting(rule.id, why or "", symptom, lost.request, lost, found.told), rule.strength)
        note = f"no answers with many in flight, {found.told}"
        return Result(rule.id, Verdict.BLOCKED, blocked_by=self.crowd.blamed or "", requests=sent, note=note)

    def _broken(self, rule: Relation, found: Asked[Played], sent: int) -> Result:
        why, exchanges = found.seen[-1]
        last = exchanges[-1]
        finding = Finding(
            symptom=rule.symptom,
            why=why or "",
            request=last.request,
            exchange=last,
            curl=" ; ".join(curl(exchange.request, self.pipeline.target) for exchange in exchanges[-3:]),
            confirmed=found.told,
            others=tuple(cut(exchange.request.content, 300) for exchange in exchanges[:-1][:5]),
            steps=tuple(exchange.request for exchange in exchanges[:STEPS]),
        )
        verdict = weighed(rule.strength, found.steady, self.settings.strict)
        self.crowd.proved |= rule.chapter == CROWDS and found.steady
        if rule.chapter == CROWDS and rule.id != CROWD_RULE and found.steady:
            self.crowd.mixed.add(rule.property)
        return Result(rule.id, verdict, requests=sent, finding=finding)
