"""``chatproof probe``: the draft of a profile from what a server's gates and a smoke run show, to be reviewed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ...reports.causes import causes
from ...reports.reading import Run, read
from ..waivers import WAIVABLE
from ._access import access_from, access_options
from ._records import Unreadable, put
from .waivers import DAYS, MOST_WHY, comment, group, is_sound

BOUNDS: Mapping[str, tuple[str, str]] = {
    "n.max.accepts": ("n", "128"),
    "top_logprobs.max.accepts": ("top_logprobs", "20"),
    "temperature.max.accepts": ("temperature", "2"),
    "top_p.max.accepts": ("top_p", "1"),
    "stop.array.max.accepts": ("max_stop", "4"),
    "tools.max.accepts": ("max_tools", "128"),
    "metadata.pairs.max.accepts": ("max_metadata", "16"),
}
"""Rules about a greatest value, the bound of a profile that speaks of it, and that value."""


@click.command()
@click.argument("endpoint", metavar="URL")
@click.option("--model", metavar="NAME", help="model to ask for (default: the first of GET /models)")
@click.option("--in-flight", type=click.IntRange(1, 512), default=16, help="requests under way at once")
@click.option("--safe", is_flag=True, help="leave out requests that have killed engines")
@click.option("--start", metavar="COMMAND", help="starts the server, restarts it when it dies, stops it at the end")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="write to this file, which must not be there yet")
@access_options
def probe(
    endpoint: str,
    model: str | None,
    api_key_env: str,
    in_flight: int,
    safe: bool,
    start: str | None,
    output: Path | None,
    **how: Any,
) -> None:
    """Draft a profile of the server at URL from its gates and a smoke run (some 500 requests).

    A draft says what was seen, not what the server promises: read each line before it is used. Its waivers are
    comments. Then: pytest --endpoint URL --conformance-profile FILE. Exit code 6: the endpoint cannot be asked.

    Example: chatproof probe http://127.0.0.1:8000/v1 > profile.toml
    """
    from ..depths import Settings, asked_at
    from ..record import printable
    from ..session import Session
    from ..target import REFERENCE, EndpointError

    if output is not None and output.exists():
        raise Unreadable(f"{output}: is there already, and may be reviewed; name another file")
    if start and endpoint == REFERENCE:
        raise click.ClickException("--start works with the URL of a server")
    settings = Settings(depth="smoke", safe=safe, in_flight=in_flight)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chatproof-probe-")))
        session = Session(endpoint, model, access_from(api_key_env, **how), settings, start=start)
        stack.callback(session.close)
        try:
            session.open(lambda: (str(folder), Path()))
            assert session.target is not None
            target = session.target
            locked = bool(target.key) and not asyncio.run(_open_door(target))
            session.ask_gates()
            wanted = [rule.id for rule in asked_at(session.catalogue, settings.depth)]
            session.submit(wanted)
            for name in wanted:
                session.line(name)
        except EndpointError as error:
            click.echo(f"Error: {printable(str(error))}", err=True)
            raise SystemExit(6) from None
        session.close()
        run = read(folder)
    bound = next(iter(target.fields), "none")
    put(draft(run, bound, "required" if locked else "", datetime.now(UTC).date()), output)


async def _open_door(target: object) -> bool:
    """Whether a plain request is taken without the key."""
    from ..canary import CANARY
    from ..judge import Reaction, react
    from ..lane import Lane
    from ..outgoing import prepare
    from ..target import Target

    assert isinstance(target, Target)
    bare = prepare(CANARY, target)
    async with Lane(Target(target.base, target.query, target.model, bounds=target.bounds)) as lane:
        return react(await lane.ask(bare)) is Reaction.ACCEPTED


def draft(run: Run, token_bound: str, key: str, today: date) -> str:
    """The profile as TOML. What the server says stands in comments and in the name of its model only."""
    return "".join(f"{row}\n" for row in _rows(run, token_bound, key, today))


def quoted(text: str) -> str:
    """A text as a TOML string of one line, whatever is in it."""
    shown = "".join(
        f"\\{char}"
        if char in '"\\'
        else char
        if char.isprintable()
        else f"\\u{ord(char):04x}"
        if char <= "\uffff"
        else f"\\U{ord(char):08x}"
        for char in text.encode("utf-8", "replace").decode()
    )
    return f'"{shown}"'


def _rows(run: Run, token_bound: str, key: str, today: date) -> Iterator[str]:
    header = run.header
    yield comment(f"Draft of a profile, from a smoke run on {today} of {len(run.results)} rules.", MOST_WHY)
    yield comment("It says what was seen, not what the server promises: read each line, and take out what is not so.")
    yield 'title = "A server, as it was seen"'
    yield f'vintage = "{header["vintage"]}"'
    if key:
        yield f'key = "{key}"  # without it a request is not taken'
    else:
        yield comment('key = "none"  (no key was needed; say "required" where one is meant to be)')
    yield from _capabilities(run)
    yield ""
    yield "[models]"
    yield f"chat = {quoted(header['model'])}"
    yield comment('images = "…"  (another model for a capability: images, audio_input, audio_output, tools, …)')
    yield ""
    yield "[request]"
    yield f'token_bound = "{token_bound}"  # the first that the plain request was taken with'
    yield comment('fields = { reasoning_effort = "none" }  (what every request needs)')
    yield from _bounds(run)
    yield from _waivers(run, today)


def _capabilities(run: Run) -> Iterator[str]:
    gates = [line for line in run.results if line.get("capability")]
    yield ""
    yield "[capabilities]"
    yield comment("A capability that is claimed, and then refused or ignored, is a failure.")
    yield "claimed = ["
    for line in gates:
        if line["capability"] == "offered":
            seen = comment(line.get("observed") or line["verdict"], MOST_WHY)
            yield f'  "{line["rule"].removeprefix("gate.")}",  {seen}'
    yield "]"
    yield 'others = "asked"  # "left out": nothing else is asked'
    for word in ("refused", "ignored", "broken"):
        for line in gates:
            if line["capability"] == word:
                why = line["finding"]["why"] if "finding" in line else line.get("note") or line.get("blocked_by") or ""
                yield comment(f"{word}: {line['rule'].removeprefix('gate.')}: {why}", MOST_WHY)


def _bounds(run: Run) -> Iterator[str]:
    refused = [
        (name, value)
        for rule, (name, value) in BOUNDS.items()
        if run.by_rule.get(rule, {}).get("finding", {}).get("symptom") == "refused_valid"
    ]
    if refused:
        yield ""
        yield comment("Bounds of its own that the server documents: valid requests beyond them are not_offered.")
        yield comment("[bounds]")
    for name, value in refused:
        yield comment(f"{name} = ?  ({value} was refused)")


def _waivers(run: Run, today: date) -> Iterator[str]:
    broken = [line for line in run.results if line["verdict"] in WAIVABLE and is_sound(line)]
    yield ""
    if not broken:
        yield comment("Nothing was seen broken.")
        return
    yield comment("Known failures. Take off the marks of an entry, and say why and who: it then is no failure until it")
    yield comment("expires. Some of these may be failures of a claim above: then the claim goes, not the rule.")
    for cause in causes(broken):
        yield ""
        for row in group(cause, today + timedelta(DAYS)):
            yield row if row.startswith("#") or not row else comment(row)
