"""``chatproof rules`` and ``chatproof explain``: what the catalogue says."""

from __future__ import annotations

import shlex
from collections import Counter

import click

from .. import rule_reference as reference
from .. import vendor
from ..catalogue import Catalogue, CatalogueError, load
from ..outgoing import curl
from ..vintages import FIRST, VINTAGES

_VINTAGE = click.option("--vintage", type=click.Choice(VINTAGES), default=FIRST, help="version of the specification")


def _catalogue(vintage: str) -> Catalogue:
    """The catalogue, and after it the rules that installed packages bring."""
    try:
        return vendor.extended(load(vintage), vendor.found())
    except vendor.VendorError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "md", "json"]), default="text", help="how to print them")
@click.option("--property", "prop", metavar="NAME", help="only rules about one property")
@click.option("--chapter", metavar="NAME", help="only rules of one chapter")
@_VINTAGE
def rules(form: str, prop: str | None, chapter: str | None, vintage: str) -> None:
    """List every rule: as lines (the last one counts them by property), as the reference page, or as JSON.

    \b
    Example: chatproof rules --property logit_bias
    Example: chatproof rules --format md > rules.md
    """
    catalogue = _catalogue(vintage)
    chosen = list(catalogue.by_id.values())
    for option, wanted in (("property", prop), ("chapter", chapter)):
        known = dict.fromkeys(getattr(rule, option) for rule in catalogue.by_id.values())
        if wanted is not None and wanted not in known:
            raise click.BadParameter(
                f"{wanted!r} is none of {', '.join(name for name in known if name)}", param_hint=f"--{option}"
            )
        chosen = [rule for rule in chosen if wanted in (None, getattr(rule, option))]
    if form == "json":
        click.echo(reference.to_json(chosen), nl=False)
        return
    if form == "md":
        click.echo(reference.to_markdown(catalogue, chosen).encode(), nl=False)  # UTF-8, whatever the terminal is
        return
    for rule in chosen:
        click.echo(f"{rule.id:48} {rule.strength.value:6} {rule.title}")
    counted = Counter(rule.property for rule in chosen if rule.property)
    click.echo(f"\n{len(chosen)} rules; by property: {', '.join(f'{name} {count}' for name, count in counted.items())}")


@click.command()
@click.argument("rule_id", metavar="RULE")
@_VINTAGE
def explain(rule_id: str, vintage: str) -> None:
    """Say what one rule asks, why, and with which requests.

    Example: chatproof explain temperature.max.refuses
    """
    try:
        rule = _catalogue(vintage).find(rule_id)
    except CatalogueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{rule.id}: the server {rule.title}")
    click.echo(f"  strength  {rule.strength.value}")
    click.echo(f"  source    {rule.source}")
    click.echo(f"  vintages  {', '.join(reference.vintages(rule))}")
    click.echo(f"  property  {rule.property} (chapter {rule.chapter})")
    click.echo(f"  judged on {reference.kind(rule)}")
    if rule.needs:
        click.echo(f"  needs     {', '.join(rule.needs)}")
    if getattr(rule, "risky", False):
        click.echo("  risky     such requests have killed engines: left out by --safe")
    if reference.drawn(rule):
        click.echo("  drawn     further bodies by Hypothesis")
    sent = reference.pins(rule)
    for request in sent[:10]:
        click.echo(f"  pin       {request.content[:300].decode('utf-8', 'replace')}")
    if len(sent) > 10:
        click.echo(f"            … and {len(sent) - 10} more pins")
    if sent:
        line = curl(sent[0], reference.TARGET)
        click.echo(f"  try it    {line}" if len(line) <= 2000 else "  try it    (a curl line too long to show)")
    of_vintage = "" if vintage == FIRST else f" --vintage {vintage}"
    click.echo(f"  run it    pytest --endpoint URL{of_vintage} -k {shlex.quote(rule_id)}")
