"""``chatproof bench``: every section through the installed script, and what its figures hang on."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from chatproof.conformance.bench import campaign_rate, shrinking, stub
from chatproof.conformance.catalogue import load
from chatproof.conformance.cli.bench import bench
from chatproof.conformance.depths import Settings
from chatproof.conformance.model import Expect, as_request
from chatproof.conformance.plan import cases
from chatproof.strategies.bodies import lean
from click.testing import CliRunner
from hypothesis import strategies as st

SCRIPT = Path(sys.executable).with_name("chatproof")


def test_every_section(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    options = ["--quick", "--latency-ms", "0", "--in-flight", "4", "--in-flight", "1", "--json", str(path)]
    done = subprocess.run(
        [str(SCRIPT), "bench", *options], capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "requests/s" in done.stdout
    found = json.loads(path.read_text())
    one, four = found["throughput"]
    assert (one["in_flight"], one["times_one"], four["in_flight"]) == (1, 1.0, 4)
    campaign = found["campaign"]
    assert campaign["requests"] > campaign["rules"] > 0
    for row in (one, four, campaign):
        assert min(row[name] for name in ("rate", "bare_rate", "ratio", "cpu_ms")) > 0
    generation = found["generation"]
    assert min(generation[name] for name in ("one_property_rate", "lean_rate", "rich_rate", "pairs_met")) > 0
    assert [row["depth"] for row in generation["lists"]] == ["smoke", "default"]
    [run] = found["run"]
    assert (run["exit_code"], run["verdict"]) == (0, "conformant")
    assert min(run[name] for name in ("requests", "tokens", "seconds", "cpu_seconds")) > 0
    assert found["shrinking"]["met"] == len(found["shrinking"]["rows"]) == 3


def test_a_file_that_cannot_be_written_is_known_at_once() -> None:
    done = CliRunner().invoke(bench, ["--json", "no/such/folder/x.json"])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "--json no/such/folder/x.json: No such file or directory; name a file" in done.output


def test_the_stub_refuses_what_it_was_told_to() -> None:
    def post(url: str, content: bytes) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url + "/chat/completions", content), timeout=10) as got:
                return got.status, got.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    good, bad, streamed = (
        as_request(body).content for body in (lean(), lean(temperature=3), lean(stream=True, stop=["a"]))
    )
    with stub.start(refused=[stub.mark(bad)]) as url:
        assert [post(url, content)[0] for content in (good, bad, streamed)] == [200, 400, 200]
        assert json.loads(post(url, good)[1])["choices"]
        assert post(url, streamed)[1].endswith(b"data: [DONE]\n\n")


def test_the_listed_requests_are_those_of_a_run() -> None:
    catalogue, settings = load(), Settings(depth="smoke")
    rules = campaign_rate.plain_rules(catalogue, 20)
    requests, refused = campaign_rate.listed(rules, catalogue, settings)
    listed = cases(catalogue, rules, settings)
    valid = {case.request.key for case in listed if case.rule.expect is not Expect.REFUSE}
    told = [request for request in requests if stub.mark(request.content) in refused]
    assert {request.key for request in requests if request not in told} == valid
    assert len(requests) == len({request.key for request in requests})
    assert len(told) == len(refused)
    invalid = [case.request for case in listed if case.rule.expect is Expect.REFUSE]
    alone = {request.key for request in invalid}
    assert len(told) == len(alone)
    added = [request for request in told if request.key not in alone]  # beside what has nothing to do with its fault
    for request in added:
        own = ({key: value for key, value in one.body.items() if key != "messages"} for one in invalid if not one.raw)
        assert any({**request.body, **body} == request.body for body in own)
    assert 0 < len(added) < len(told) < len(requests)


def test_a_search_counts_requests_and_ends_at_its_bound() -> None:
    numbers = st.integers(0, 2**60).map(lambda value: lean(seed=value))
    free = shrinking.search("seed", numbers, lambda body: body["seed"] >= 1000, 2_000)
    assert free["smallest_bytes"] == len(as_request(lean(seed=1000)).content) < free["first_bytes"]
    assert free["to_smallest"] <= free["requests"]
    bounded = shrinking.search("seed", numbers, lambda body: body["seed"] >= 1000, 3)
    assert bounded["requests"] == 3
