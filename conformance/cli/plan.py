"""``chatproof plan``: what a run would send, and what that may cost."""

from __future__ import annotations

import json
import math
from pathlib import Path

import click

from ..options import DEPTH_NAMES
from ..vintages import FIRST, VINTAGES

_PRICE = click.FloatRange(0, 1_000_000)


@click.command()
@click.option("--depth", type=click.Choice(DEPTH_NAMES), default="default", help="how much of each rule is asked")
@click.option("--max-examples", type=click.IntRange(0, 100_000), help="drawn bodies per rule")
@click.option("--seed", "--hypothesis-seed", type=int, default=0, help="seed of the run")
@click.option("--safe", is_flag=True, help="leave out requests that have killed engines")
@click.option("--conformance-profile", "word", metavar="NAME|FILE", help="what the server claims to offer")
@click.option(
    "--vintage",
    type=click.Choice(VINTAGES),
    help=f"version of the specification (default: the profile's, else {FIRST})",
)
@click.option("--max-requests", type=click.IntRange(1, 10**9), help="what this ceiling of the run would cut")
@click.option("--max-tokens-total", type=click.IntRange(1, 10**12), help="the same for completion tokens")
@click.option("--price-in", type=_PRICE, help="price of a million prompt tokens")
@click.option("--price-out", type=_PRICE, help="price of a million completion tokens")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="how to print it")
def plan(
    depth: str,
    max_examples: int | None,
    seed: int,
    safe: bool,
    word: str | None,
    vintage: str | None,
    max_requests: int | None,
    max_tokens_total: int | None,
    price_in: float | None,
    price_out: float | None,
    form: str,
) -> None:
    """Say how many requests and tokens a run with the same options would take, by chapter. Sends nothing.

    The bodies are drawn as for the run, which takes a minute or so for nightly and certify.

    Example: chatproof plan --depth smoke --price-in 0.15 --price-out 0.60
    """
    if (price_in is None) != (price_out is None):
        given, missing = ("--price-in", "--price-out") if price_out is None else ("--price-out", "--price-in")
        raise click.ClickException(f"{given} needs {missing} beside it (0 for what costs nothing)")
    prices = None if price_in is None or price_out is None else (price_in, price_out)
    if prices and any(map(math.isnan, prices)):
        raise click.ClickException("--price-in and --price-out need a number each, and nan is none")
    from .. import cuts
    from .. import profile as profiles
    from ..catalogue import load
    from ..depths import Settings
    from ..estimate import as_json, planned, table

    try:
        profile = profiles.named(word, Path())
    except profiles.ProfileError as error:
        raise click.ClickException(f"--conformance-profile: {error}") from None
    asked = vintage or profile.vintage or FIRST
    settings = Settings(asked, depth, max_examples, seed, safe=safe, **profile.settings())
    limits = max_requests, max_tokens_total
    found = planned(load(asked), settings, ceilings=limits, profile=profile)
    cut = found.cut
    if form == "json":
        ceilings = {"ceilings": cuts.as_json(cut)} if cut else {}
        click.echo(json.dumps(as_json(found.rows, prices) | ceilings, indent=1))
    else:
        lines = [*table(found.rows, prices), *(["", *cuts.sentences(cut, *limits)] if cut else [])]
        click.echo("\n".join(lines))
