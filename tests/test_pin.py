"""The upper bound on Hypothesis is there for hypothesis-jsonschema 0.23.1; a newer one may lift it."""

from __future__ import annotations

from importlib.metadata import version


def test_the_pin_is_still_needed() -> None:
    assert version("hypothesis-jsonschema") == "0.23.1", (
        "hypothesis-jsonschema has a new release: try it with the newest Hypothesis, and if"
        " `from_schema({'type': 'array'})` draws there, drop the upper bound on hypothesis in pyproject.toml"
    )
