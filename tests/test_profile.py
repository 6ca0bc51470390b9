"""Profiles: what a file may say, that every shipped one is sound, and what a claim changes in a run."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance import profile as files
from chatproof.conformance.catalogue import load as load_catalogue
from chatproof.conformance.claims import MEASURES, USES, excess, model_of
from chatproof.conformance.depths import Settings
from chatproof.conformance.estimate import planned, total
from chatproof.conformance.model import Request
from chatproof.conformance.outgoing import curl, headers_of, prepare
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.target import EndpointError, Target
from chatproof.conformance.vintages import VINTAGES
from chatproof.reports import certificate
from chatproof.reports.reading import read
from conftest import Ran
from hypothesis import given
from hypothesis import strategies as st
from mutants.relations_common import refused_when
from serving import asked, served, written

Ask = Callable[..., Ran]
SMOKE = Settings(depth="smoke")
ALL = sorted([*files.FOLDER.glob("*.toml"), *files.FOLDER.glob("drafts/*.toml")])
RUN_HERE = (
    *("aimock", "dasllama", "litellm", "llama_cpp", "llama_cpp_python", "llmock", "mlx_lm", "mock_llm", "transformers"),
    "vllm",
)
DRAFTS = ("azure", "deepseek", "groq", "lm_studio", "mistral", "ollama", "sglang", "tgi")


# --- what is shipped --------------------------------------------------------------------------------------------------


def test_what_is_shipped() -> None:
    assert {"core", "openai-2024-11", "openai-2026-08", *RUN_HERE} <= set(files.shipped())
    assert sorted(path.stem for path in files.FOLDER.glob("drafts/*.toml")) == sorted(DRAFTS)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_shipped_profile_loads_and_names_known_rules_only(path: Path) -> None:
    found = files.load(path)  # unknown rules, capabilities and keys raise
    assert found.title
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.waivers.unknown == ()
    assert "TODO" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DRAFTS)
def test_every_waiver_of_a_draft_has_a_source_and_a_date(name: str) -> None:
    path = files.FOLDER / "drafts" / f"{name}.toml"
    assert "DRAFT, NOT RUN" in path.read_text(encoding="utf-8")
    for waiver in files.load(path).waivers.entries:
        assert re.search(r"\w.* \[[^\]]+\]$", waiver.reason), waiver.reason
        assert re.search(r"(?<![#\w])20\d\d(-\d\d){0,2}\b", waiver.reason), waiver.reason  # no number of a thread


def test_the_pages_show_what_loads(tmp_path: Path) -> None:
    page = (files.FOLDER / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    found = written(tmp_path, example)
    assert set(re.findall(r"max_\w+", example)) >= {name for name in MEASURES if name.startswith("max_")}
    assert found.limits
    drafts = (files.FOLDER / "drafts" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.toml`" in drafts for name in DRAFTS)


def test_the_wholes_claim_everything_of_their_vintage() -> None:
    for vintage in VINTAGES:
        found = files.load(files.shipped()[f"openai-{vintage}"])
        assert found.vintage == vintage
        assert found.claims == tuple(gate.capability for gate in load_catalogue(vintage).gates)


def test_core_is_kept_by_a_server_that_takes_nothing_else() -> None:
    core = files.load(files.shipped()["core"])
    gates = {gate.capability: gate for gate in load_catalogue().gates}
    taken = {"model", "messages", *(gates[name].property for name in core.claims)}

    def more(body: Any) -> bool:
        return isinstance(body, dict) and (bool(set(body) - taken) or body.get("n") not in (None, 1))

    with served(refused_when(more)) as url:
        lines = asked(url, SMOKE, core)
        without = asked(url, SMOKE)
    assert set(Counter(line["verdict"] for line in lines.values())) <= {"passed", "info", "not_offered"}
    assert any(line["verdict"] == "failed" for line in without.values())
    assert lines["temperature.max.accepts"]["verdict"] == "passed"
    assert lines["gate.tools"] | {"seconds": 0} == lines["gate.tools"] | {
        "verdict": "not_offered",
        "capability": "unclaimed",
        "requests": 0,
        "note": "the profile core leaves it out",
        "seconds": 0,
    }


@pytest.mark.parametrize("name", ["core", "openai-2024-11", "openai-2026-08"])
def test_the_reference_keeps_the_profile(ask: Ask, name: str) -> None:
    ran = ask("--endpoint", "reference", "--depth", "smoke", "--strict", "--conformance-profile", name)
    assert ran.code == 0, ran.out
    assert ran.footer["verdict"] == "conformant"
    header = ran.record[0]
    assert header["profile"] == name
    assert header["vintage"] == (files.load(files.shipped()[name]).vintage or "2024-11")
    assert header["claims"]["sha256"] == hashlib.sha256(files.shipped()[name].read_bytes()).hexdigest()
    assert f"profile {name}" in ran.out
    claimed = certificate.build(read(ran.folder / "report"))["claimed"]
    assert claimed["profile"] == name
    assert claimed["claims"] == header["claims"]
    hold(ran)


def hold(ran: Ran) -> None:
    """The record and its certificate against their published schemas."""
    schemas = pytest.importorskip("jsonschema_rs")
    folder = Path(__file__).parents[1] / "reports"
    record, page = (json.loads((folder / f"{name}.schema.json").read_text()) for name in ("run", "certificate"))
    for line in ran.record:
        schemas.validate(record, line)
    schemas.validate(page, json.loads((ran.folder / "report/certificate.json").read_text()))


# --- files ------------------------------------------------------------------------------------------------------------

WHOLE = """
title = "A server"
vintage = "2024-11"
key = "required"
[capabilities]
claimed = ["top_logprobs", "images"]
others = "left out"
[models]
chat = "small"
images = "seeing"
[request]
token_bound = "max_completion_tokens"
fields = { reasoning_effort = "none", nested = { a = [1, 2.5, true] } }
headers = { X-Tier = "test" }
[bounds]
n = 8
top_p = { min = 0.01, max = 0.99 }
max_messages = 20
[[waiver]]
rule = "stop.array.max.refuses"
symptom = "accepted_invalid"
reason = "takes eight"
owner = "us"
expires = 2030-01-01
"""


def test_a_whole_file(tmp_path: Path) -> None:
    found = written(tmp_path, WHOLE)
    assert found.claims == ("logprobs", "top_logprobs", "content_parts", "images")  # with what they need
    assert found.only
    assert (found.key, found.token_bound, found.models) == (
        "required",
        "max_completion_tokens",
        {"chat": "small", "images": "seeing"},
    )
    assert found.limits == (("n", None, 8), ("top_p", 0.01, 0.99), ("max_messages", None, 20))
    assert found.headers == (("x-tier", "test"),)
    assert found.waivers.entries[0].name == "waiver 1 of profile x (stop.array.max.refuses)"
    json.dumps(found.header())


BAD = {
    "unknown key": ("titel = 'x'", "unknown key 'titel'; did you mean title?"),
    "unknown table": ("[capabilites]", "unknown key 'capabilites'; did you mean capabilities?"),
    "unknown inner key": (
        "[request]\ntoken_bond = 'none'",
        "unknown key 'token_bond' in [request]; did you mean token",
    ),
    "unknown capability": ("[capabilities]\nclaimed = ['tool']", "unknown capability 'tool' in 'capabilities.claimed'"),
    "claimed twice": ("[capabilities]\nclaimed = ['n', 'n']", "'capabilities.claimed' names n twice"),
    "claims of no list": ("[capabilities]\nclaimed = 'everything'", "'capabilities.claimed' is a text; write a list"),
    "others": ("[capabilities]\nothers = 'skip'", "'capabilities.others' is 'skip'; known: asked, left out"),
    "no table": ("bounds = 3", "'bounds' is a number; write a table, [bounds]"),
    "no text": ("title = 3", "'title' is a number; write a text in quotes"),
    "vintage": ("vintage = '2024-12'", "'vintage' is '2024-12'; did you mean 2024-11?"),
    "key": ("key = 'yes'", "'key' is 'yes'; known: required, none"),
    "bound": ("[bounds]\nm = 3", "unknown key 'm' in [bounds]; known: "),
    "bound that was meant": ("[bounds]\nmax_message = 3", "unknown key 'max_message' in [bounds]; did you mean max_me"),
    "bound of no number": ("[bounds]\nn = true", "'bounds.n' is true or false; write a number, as in n = 8"),
    "bound that is no number": ("[bounds]\nn = nan", "'bounds.n' is a number; write a number, as in n = 8"),
    "empty bound": ("[bounds]\nn = {}", "'bounds.n' says nothing"),
    "bound with a wrong end": ("[bounds]\nn = { maxi = 3 }", "unknown key 'maxi' in [bounds.n]; did you mean max?"),
    "exchanged": ("[bounds]\nn = { min = 3, max = 1 }", "'bounds.n' has a min above its max; exchange them"),
    "model": ("[models]\nvision = 'm'", "unknown key 'vision' in [models]; known: chat, "),
    "reserved field": ("[request]\nfields = { n = 3 }", "'request.fields' cannot set n: rules are about it"),
    "a date as field": ("[request]\nfields = { a = 2030-01-01 }", "'request.fields.a' is no JSON value"),
    "a secret": ("[request]\nheaders = { Authorization = 'Bearer x' }", "'request.headers' cannot set 'Authorization'"),
    "another secret": ("[request]\nheaders = { x-api-key = 'x' }", "keys are in no file, --api-key-env names theirs"),
    "reserved header": ("[request]\nheaders = { Content-Type = 'x' }", "the client or a rule sets it"),
    "header line": ('[request]\nheaders = { X-A = "a\\nb" }', "'request.headers.X-A' holds a character that no header"),
    "waiver": ("[[waiver]]\nrule = 'n.max.acepts'", "waiver 1 (n.max.acepts): 'reason' is missing"),
    "no TOML": ("[", "this is no TOML: "),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_bad_files_get_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(files.ProfileError) as caught:
        written(tmp_path, text)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path}")
    assert said in line
    assert line.isprintable()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_profile_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    try:
        files.load(path)
    except files.ProfileError as error:
        said = str(error)
    else:
        return
    assert said.isprintable()


def test_names_and_paths(tmp_path: Path) -> None:
    (tmp_path / "core").write_text("")
    assert files.find("core", tmp_path) == files.FOLDER / "core.toml"
    assert files.find("drafts/sglang", tmp_path) == files.FOLDER / "drafts/sglang.toml"
    assert files.find("mine.toml", tmp_path) == tmp_path / "mine.toml"
    with pytest.raises(files.ProfileError, match=r"mine\.toml: No such file or directory; name a shipped profile"):
        files.load(files.find("mine.toml", tmp_path))


def test_a_draft_is_called_one(ask: Ask) -> None:
    ran = ask("--endpoint", "reference", "--conformance-profile", "drafts/sglang", "--depth", "smoke", "-k", "gate.n")
    assert ran.code == 0, ran.out
    assert "profile sglang (a draft, not run)" in ran.out


def test_an_unknown_name_gets_the_nearest(ask: Ask) -> None:
    ran = ask("--endpoint", "reference", "--conformance-profile", "cor", report=False)
    assert ran.code == 4
    assert "--conformance-profile: no profile is called 'cor'; did you mean core?" in ran.out


# --- claims -----------------------------------------------------------------------------------------------------------


def test_what_is_claimed_and_refused_is_a_failure(tmp_path: Path) -> None:
    only = ["gate.tools", "tools.max.accepts", "tool_choice.named.shape.accepts", "gate.tool_choice"]
    known = [rule for rule in only if rule in load_catalogue().by_id]
    with served(refused_when(lambda body: "tools" in body)) as url:
        auto = asked(url, SMOKE, only=known)
        claimed = asked(url, SMOKE, written(tmp_path, "[capabilities]\nclaimed = ['tool_choice']"), known)
    assert {line["verdict"] for line in auto.values()} <= {"not_offered", "blocked"}
    assert auto["gate.tools"]["verdict"] == "not_offered"
    gate = claimed.pop("gate.tools")
    assert gate["verdict"] == "failed"
    assert gate["finding"]["symptom"] == "refused_valid"
    assert gate["finding"]["why"] == "the profile x claims tools, and it is refused (400)"
    assert {line["verdict"] for line in claimed.values()} == {"blocked"}


def test_a_model_that_lacks_what_is_claimed_is_no_excuse(tmp_path: Path) -> None:
    from mutants.base import refusing

    def say(body: dict[str, Any]) -> None:
        body["error"]["message"] = "logprobs are not supported with this model"

    server = refused_when(lambda body: "logprobs" in body)
    server = Reference(checks=server.checks, behaviour=refusing(say).behaviour)
    with served(server) as url:
        claimed = asked(url, SMOKE, written(tmp_path, "[capabilities]\nclaimed = ['logprobs']"), ["gate.logprobs"])
    assert claimed["gate.logprobs"]["verdict"] == "failed"


def test_bounds_that_a_server_documents(tmp_path: Path) -> None:
    profile = written(tmp_path, "[bounds]\nn = 8\nmax_messages = 3\n")
    server = refused_when(lambda body: (body.get("n") or 1) > 8 or len(body.get("messages") or ()) > 3)
    only = ["n.max.accepts", "n.max.refuses", "n.few.accepts", "messages.turns.accepts", "together.random.accepts"]
    with served(server) as url:
        lines = asked(url, Settings(examples=5), profile, only)
        without = asked(url, Settings(strict=True, examples=0), only=["n.max.accepts"])
    assert without["n.max.accepts"]["verdict"] == "failed"
    assert lines["n.max.accepts"]["verdict"] == "not_offered"
    assert "at most 8" in lines["n.max.accepts"]["note"]
    assert lines["n.max.refuses"]["verdict"] == "passed"
    assert lines["n.few.accepts"]["verdict"] == "passed"
    assert {lines[name]["verdict"] for name in ("messages.turns.accepts", "together.random.accepts")} <= {
        "passed",
        "not_offered",
    }


def test_a_body_beyond_a_bound_is_not_what_a_search_ends_at(tmp_path: Path) -> None:
    """A fault among bodies within the bounds is shrunk to one within them."""
    profile = written(tmp_path, "[bounds]\ntemperature = 1\n")
    server = refused_when(lambda body: isinstance(body.get("temperature"), float) and body["temperature"] > 0.5)
    with served(server) as url:
        lines = asked(url, Settings(examples=20), profile, ["temperature.number.accepts"])
    finding = lines["temperature.number.accepts"].get("finding")
    assert finding is None or json.loads(finding["request"]["body"])["temperature"] <= 1


@pytest.mark.parametrize(
    ("body", "beyond"),
    [
        ({"n": 8}, ""),
        ({"n": 9}, "n is 9, and the profile p says that the server documents at most 8"),
        ({"n": True}, ""),
        ({"n": "9"}, ""),
        ({"top_p": 0}, "top_p is 0, and the profile p says that the server documents at least 0.1"),
        ({"stop": ["a", "b"]}, "the number of stop sequences is 2, and the profile p says"),
        ({"stop": "a"}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_what_goes_beyond(body: object, beyond: str) -> None:
    limits = (("n", None, 8.0), ("top_p", 0.1, None), ("max_stop", None, 1.0))
    found = excess(body, limits, "p")
    assert found.startswith(beyond) if beyond else found == ""


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=5))
def test_no_value_disturbs_a_measure(value: object) -> None:
    for name, (_, measure) in MEASURES.items():
        measure({name.removeprefix("max_"): value, name: value, "messages": [value, {"content": [value]}]})
    for uses in USES.values():
        uses(dict.fromkeys(("messages", "audio", "modalities", "tools", "response_format"), value))


def test_the_plan_leaves_out_what_the_profile_leaves_out() -> None:
    core = files.load(files.shipped()["core"])
    chosen = Settings(depth="smoke")
    whole, less = (planned(load_catalogue(), one).rows for one in (chosen, replace(chosen, **core.settings())))
    assert 0 < total(less).requests < total(whole).requests
    assert "tools" not in {row.chapter for row in less}


@pytest.mark.slow
def test_workers_know_the_profile(run: Ask, tmp_path: Path) -> None:
    claims = "[capabilities]\nclaimed = ['multiple_choices', 'n', 'tools']\nothers = 'left out'\n[bounds]\nn = 8\n"
    request = "[request]\nfields = { user = 'me' }\nheaders = { X-A = 'b' }\n[models]\ntools = 'other'\n"
    (tmp_path / "p.toml").write_text(claims + request)
    with served(Reference(models=None)) as url:
        arguments = ("--conformance-profile", "p.toml", "--depth", "smoke", "-n", "1", "-k", "n.max or stop")
        ran = run("--endpoint", url, *arguments)
    assert ran.code == 0, ran.out
    assert ran.verdicts["n.max.accepts"] == "not_offered"
    assert "at most 8" in ran.results["n.max.accepts"]["note"]
    assert ran.verdicts["stop.string.accepts"] == "not_offered"
    assert ran.verdicts["n.max.refuses"] == "passed"


# --- models, fields, headers, keys ------------------------------------------------------------------------------------

IMAGE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}


def test_the_model_follows_what_a_body_uses() -> None:
    models = {"images": "seeing", "audio_output": "speaking", "tools": "calling"}
    assert model_of({"messages": [IMAGE]}, models, "m") == "seeing"
    assert model_of({"messages": [IMAGE], "audio": {"voice": "x"}}, models, "m") == "speaking"
    assert model_of({"messages": [], "tools": []}, models, "m") == "calling"
    assert model_of({"messages": [], "tools": None, "modalities": ["text"]}, models, "m") == "m"


def test_every_request_has_the_base_fields_and_headers() -> None:
    target = Target("http://h/v1", model="m", extra={"effort": "low", "seed": 1}, plain_headers=(("x-tier", "t"),))
    sent = prepare(Request(body={"model": "m", "seed": 7}), target)
    assert sent.body == {"effort": "low", "seed": 7, "model": "m"}
    assert prepare(Request(body={"model": "m"}, bare=True), target).body == {"model": "m"}
    assert headers_of(sent, target)["x-tier"] == "t"
    assert "-H 'x-tier: t'" in curl(sent, target)


def test_images_go_to_the_model_that_sees(tmp_path: Path) -> None:
    def blind(body: Any) -> bool:
        return body.get("model") != "seeing" and any(isinstance(m.get("content"), list) for m in body["messages"])

    profile = written(tmp_path, "[capabilities]\nclaimed = ['images']\n[models]\nchat = 'x'\nimages = 'seeing'\n")
    server = Reference(
        checks=tuple(check for check in refused_when(lambda body: _sees(body) and blind(body)).checks), models=None
    )
    with served(server) as url:
        lines = asked(url, SMOKE, profile, ["gate.images"])
        assert asked(url, SMOKE, only=["gate.images"])["gate.images"]["verdict"] == "not_offered"
    assert lines["gate.images"]["verdict"] == "passed"


def _sees(body: Any) -> bool:
    return USES["images"](body)


def test_the_token_bound_that_is_named(tmp_path: Path) -> None:
    text = "[request]\ntoken_bound = '{}'\nfields = {{ user = 'me' }}\n"
    with served(refused_when(lambda body: "max_tokens" in body or body.get("user") != "me")) as url:
        lines = asked(url, SMOKE, written(tmp_path, text.format("max_completion_tokens")), ["temperature.max.accepts"])
        assert lines["temperature.max.accepts"]["verdict"] == "passed"
        with pytest.raises(EndpointError, match="canary refused"):
            asked(url, SMOKE, written(tmp_path, text.format("max_tokens")), ["temperature.max.accepts"])


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed, none = (written(tmp_path, f"key = '{word}'", word) for word in ("required", "none"))
    monkeypatch.delenv("CHATPROOF_TEST_KEY", raising=False)
    with served(Reference()) as url:
        with pytest.raises(EndpointError, match="says that a key is required; put it into CHATPROOF_TEST_KEY"):
            asked(url, SMOKE, needed, ["gate.n"])
        monkeypatch.setenv("CHATPROOF_TEST_KEY", "sk-0123456789")
        default = Settings(strict=True)
        open_door = asked(url, default, needed, ["http.auth.missing"])["http.auth.missing"]
        assert open_door["verdict"] == "failed"
        assert "the profile required says that it wants one" in open_door["finding"]["why"]
        assert asked(url, default, only=["http.auth.missing"])["http.auth.missing"]["verdict"] == "not_offered"
    with served(Reference(api_key="sk-0123456789")) as url:
        assert asked(url, default, needed, ["http.auth.missing"])["http.auth.missing"]["verdict"] == "passed"
        with pytest.raises(EndpointError, match="wants a key"):
            asked(url, SMOKE, none, ["gate.n"])


# --- waivers of a profile ---------------------------------------------------------------------------------------------

WAIVER = """
[[waiver]]
rule = "{}"
symptom = "accepted_invalid"
reason = "r"
owner = "o"
expires = 2030-01-01
"""


def put(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


def test_the_waivers_of_a_profile_and_of_a_file_hold(ask: Ask, pytester: pytest.Pytester) -> None:
    from mutants.base import unchecked

    profile = put(pytester.path, "p.toml", WAIVER.format("stop.array.max.refuses"))
    waivers = put(pytester.path, "w.toml", WAIVER.format("n.max.refuses"))
    with served(unchecked("stop.array.max", "n.max")) as url:
        ran = ask(
            *("--endpoint", url, "--conformance-profile", profile, "--waivers", waivers, "--depth", "smoke"),
            *("-k", "stop.array.max.refuses or n.max.refuses", "--xfail-tb"),
        )
    assert ran.code == 0, ran.out
    assert "waived until 2030-01-01: r (o)" in ran.out
    assert "suite.py" not in ran.out  # no traceback: to make one would parse our sources
    assert set(ran.verdicts.values()) == {"waived", "passed"}
    rows = certificate.build(read(ran.folder / "report"))["waivers"]
    assert [(row["rule"], row["used"]) for row in rows] == [
        ("n.max.refuses", True),
        ("stop.array.max.refuses", True),
    ]


def test_a_waiver_that_is_not_needed_is_no_conformance_under_strict(ask: Ask, pytester: pytest.Pytester) -> None:
    profile = put(pytester.path, "p.toml", WAIVER.format("stop.array.max.refuses"))
    arguments = ("--endpoint", "reference", "--conformance-profile", profile, "-k", "stop.array.max.refuses")
    mild = ask(*arguments, "--depth", "smoke")
    assert mild.code == 0
    assert mild.footer["verdict"] == "conformant"
    said = "waiver 1 of profile p (stop.array.max.refuses) is not needed: stop.array.max.refuses passed; take it out"
    assert said in mild.out
    assert mild.footer["waiver_remarks"] == [said]
    ran = ask(*arguments, "--depth", "smoke", "--strict")
    assert ran.code == 1
    assert ran.footer["verdict"] == "non-conformant"
    made = certificate.build(read(ran.folder / "report"))
    assert made["verdict"] == "non-conformant"
    assert made["waiver_remarks"] == [said]
    hold(ran)
    for report in ("summary.md", "report.html"):
        assert "is not needed" in (ran.folder / "report" / report).read_text(encoding="utf-8")


def test_an_unknown_rule_is_a_remark_and_fails_under_strict(ask: Ask, pytester: pytest.Pytester) -> None:
    waivers = put(pytester.path, "w.toml", WAIVER.format("stop.array.max.refuse"))
    arguments = ("--endpoint", "reference", "--waivers", waivers, "--depth", "smoke", "-k", "gate.n")
    ran = ask(*arguments)
    assert ran.code == 0
    said = "'rule' is no rule: 'stop.array.max.refuse'; did you mean stop.array.max.refuses?"
    assert said in ran.out
    assert [row["rule"] for row in certificate.build(read(ran.folder / "report"))["waivers"]] == [
        "stop.array.max.refuse"
    ]
    ran = ask(*arguments, "--strict")
    assert ran.code == 4
    assert said in ran.out


def test_a_certificate_has_no_waiver_of_a_must_in_its_profile(ask: Ask, pytester: pytest.Pytester) -> None:
    profile = put(pytester.path, "p.toml", WAIVER.format("stop.array.max.refuses"))
    ran = ask("--endpoint", "reference", "--conformance-profile", profile, "--depth", "certify", report=False)
    assert ran.code == 4
    assert "--depth certify has no such waivers" in ran.out


def test_a_finding_is_sent_again_under_its_profile(tmp_path: Path) -> None:
    import record_strategies as draw
    from chatproof.conformance.cli.replay import replay
    from click.testing import CliRunner

    profile = put(tmp_path, "p.toml", "[request]\nfields = { user = 'me' }\n")
    with served(refused_when(lambda body: body.get("user") != "me")) as url:
        line = draw.result("n.min.accepts", "failed", symptom="refused_valid")
        line["finding"]["request"] = {"method": "POST", "path": "/chat/completions", "body": '{"n": 1}'}
        record = draw.put(tmp_path, draw.record(line, endpoint=url, model="chatproof-reference"))
        without = CliRunner().invoke(replay, [str(record)])
        within = CliRunner().invoke(replay, [str(record), "--conformance-profile", str(tmp_path / profile)])
        unknown = CliRunner().invoke(replay, [str(record), "--conformance-profile", "cor"])
    assert without.exit_code == 6
    assert "canary refused" in without.output
    assert within.exit_code == 1
    assert "still fails  n.min.accepts" in within.output
    assert "did you mean core?" in unknown.output
