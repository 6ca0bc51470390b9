"""No false alarms on a conforming server by another hand, whatever it chooses where the documents are silent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import second_server.reply
from chatproof.conformance.model import Answer
from chatproof.conformance.rules import gate_effects
from conftest import Ran
from second_server import Manners, serving

Run = Callable[..., Ran]

LEAN = Manners(status=400, contested="refuse", style="lean", errors="bare")
OTHERS = {
    "lean": LEAN,
    "refuses all that is contested": Manners(contested="refuse", errors="full"),
    "says one word": Manners(voice="dull", style="lean"),
    "says nothing": Manners(voice="silent"),
    "calls whenever it can": Manners(voice="eager", style="lean"),
    "thinks": Manners(thinking=5),
    "thinks beyond most bounds": Manners(thinking=50, style="lean"),
    "refuses at times": Manners(refusing=0.3),
    "refuses always": Manners(refusing=1),
    "filters": Manners(filtered=0.3, style="lean"),
    "takes four at once": Manners(seats=4),
    "closes what is idle": Manners(idle=0.03),
    "closes after each answer": Manners(close=True),
    "speaks HTTP/1.0": Manners(version="HTTP/1.0", style="lean"),
    "sends everything in pieces": Manners(chunked=True, gzip=True, hints=True, split="replace"),
    "has one choice": Manners(most_choices=1),
    "has no tools": Manners(without=("tools", "functions", "json_schema")),
    "has no stream": Manners(without=("stream", "stop", "metadata", "seed")),
    "has a short memory": Manners(window=400, largest=100_000),
}


def innocent(ran: Ran) -> dict[str, str]:
    """Check that nothing was found, and give the verdicts."""
    harmless = ("passed", "info", "not_offered", "blocked")
    assert {rule: line for rule, line in ran.results.items() if line["verdict"] not in harmless} == {}
    assert ran.code == 0, ran.out
    assert ran.footer["verdict"] == "conformant"
    return ran.verdicts


def test_no_alarm_at_smoke(run: Run) -> None:
    with serving() as server:
        innocent(run("--endpoint", server.url, "--depth", "smoke", "--strict", "-q"))


@pytest.mark.slow
def test_no_alarm_by_default(run: Run) -> None:
    with serving() as server:
        verdicts = innocent(run("--endpoint", server.url, "--strict", "-q"))
    assert "blocked" not in verdicts.values()


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("manners", OTHERS.values(), ids=OTHERS)
def test_no_alarm_of_other_manners(run: Run, manners: Manners, seed: int) -> None:
    with serving(manners) as server:
        verdicts = innocent(
            run("--endpoint", server.url, "--strict", "-q", "--hypothesis-seed", str(seed), timeout=300)
        )
    assert "blocked" not in verdicts.values()


CUT = ("ef.length", "ef.length.completion", "res.finish.length")


@pytest.mark.parametrize("liar", [False, True])
def test_an_answer_that_fills_its_bound_may_be_whole(run: Run, monkeypatch: pytest.MonkeyPatch, liar: bool) -> None:
    """A model that says one word ends there by itself; one that is cut and says ``stop`` is wrong."""
    if liar:
        honest = second_server.reply.choices

        def choices(*given: Any) -> list[second_server.reply.Choice]:
            made = honest(*given)
            for choice in made:
                choice.reason = "stop"
            return made

        monkeypatch.setattr("second_server.wire.choices", choices)
    with serving(Manners(voice="plain" if liar else "dull")) as server:
        ran = run("--endpoint", server.url, "--depth", "smoke", "-q", "-k", "ef.length or res.finish.length")
    plain = {ran.verdicts[rule] for rule in CUT}
    streamed = {ran.verdicts[f"{rule}.stream"] for rule in CUT}
    if liar:
        assert (plain, streamed) == ({"failed"}, {"blocked"})
    else:
        assert plain | streamed <= {"passed", "not_offered"}
        assert ran.results["ef.length"]["note"] == "the answer is no longer where there is more room: it was not cut"


@pytest.mark.parametrize("effect", [gate_effects.called_tool, gate_effects.called_function, gate_effects.audio_content])
def test_a_model_that_refuses_has_not_ignored_a_feature(effect: Callable[[Answer], bool | None]) -> None:
    def told(**message: Any) -> bool | None:
        value = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}]}
        return effect(Answer(200, (("content-type", "application/json"),), json.dumps(value).encode()))

    assert told(content=None, refusal="No.") is None
    assert told(content="No.", refusal=None) is False
