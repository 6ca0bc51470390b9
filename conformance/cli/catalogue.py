"""``chatproof rules`` and ``chatproof explain``: what the catalogue says."""

from __future__ import annotations

import json
import shlex

import click

from .. import vendor
from ..catalogue import PROPERTIES, Catalogue, CatalogueError, load
from ..endpoint import Target, curl, prepare
from ..model import Gate, Rule, as_request


def _row(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.id,
        "chapter": rule.chapter,
        "property": rule.property,
        "strength": rule.strength.value,
        "title": rule.title,
        "source": str(rule.source),
        "needs": list(rule.needs),
        "pins": 1 if isinstance(rule, Gate) else len(rule.pins),
        "drawn": getattr(rule, "examples", None) is not None,
    }


def _catalogue() -> Catalogue:
    """The catalogue, and after it the rules that installed packages bring."""
    try:
        return vendor.extended(load(), vendor.found())
    except vendor.VendorError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "md", "json"]), default="text", help="how to print them")
@click.option(
    "--property", "prop", type=click.Choice([*PROPERTIES, "body", "together"]), help="only rules about one property"
)
def rules(form: str, prop: str | None) -> None:
    """List every rule; the last line counts them by property.

    Example: chatproof rules --property logit_bias
    """
    catalogue = _catalogue()
    rows = [_row(rule) for rule in catalogue.by_id.values() if prop in (None, rule.property)]
    if form == "json":
        click.echo(json.dumps(rows, indent=1))
        return
    if form == "md":
        click.echo("| rule | strength | the server … | source |\n| --- | --- | --- | --- |")
        for row in rows:
            click.echo(f"| `{row['rule']}` | {row['strength']} | {row['title']} | {row['source']} |")
    else:
        for row in rows:
            click.echo(f"{row['rule']:48} {row['strength']:6} {row['title']}")
    counted = {name: sum(row["property"] == name for row in rows) for name in PROPERTIES}
    shown = ", ".join(f"{name} {count}" for name, count in counted.items() if prop in (None, name))
    click.echo(f"\n{len(rows)} rules; by property: {shown}")


@click.command()
@click.argument("rule_id")
def explain(rule_id: str) -> None:
    """Say what one rule asks, why, and with which requests.

    Example: chatproof explain temperature.max.refuses
    """
    try:
        rule = _catalogue().find(rule_id)
    except CatalogueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{rule.id}: the server {rule.title}")
    click.echo(f"  strength  {rule.strength.value}")
    click.echo(f"  source    {rule.source}")
    click.echo(f"  property  {rule.property} (chapter {rule.chapter})")
    if rule.needs:
        click.echo(f"  needs     {', '.join(rule.needs)}")
    target = Target("http://127.0.0.1:8000/v1", model="MODEL", fields={"max_tokens": 16})
    pins = [rule.probe, rule.nonsense] if isinstance(rule, Gate) else list(rule.pins)
    sent = [prepare(as_request(pin), target) for pin in pins if pin is not None]
    if getattr(rule, "examples", None) is not None:
        click.echo("  drawn     further bodies by Hypothesis")
    for request in sent[:10]:
        click.echo(f"  pin       {request.content[:300].decode('utf-8', 'replace')}")
    if len(sent) > 10:
        click.echo(f"            … and {len(sent) - 10} more pins")
    if sent:
        click.echo(f"  try it    {curl(sent[0], target)[:2000]}")
    click.echo(f"  run it    pytest --endpoint URL -k {shlex.quote(rule.id)}")
