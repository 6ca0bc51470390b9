"""How fast two runs were, with the noise said: what may be nothing is not mentioned."""

from __future__ import annotations

from dataclasses import dataclass

from .reading import Run, mapping

NOISE_RATIO = 1.5
"""Latencies whose ratio is smaller are not mentioned."""
NOISE_SECONDS = 0.005
"""Latencies whose difference is smaller are not mentioned."""
NOISE_RATIO_TOTAL = 2.0
"""The same for the time of a whole run divided by its requests, which says less."""

NOISE = (
    f"on a shared machine this is noise below {NOISE_RATIO:g} times (below {NOISE_RATIO_TOTAL:g} times for the mean of"
    f" a whole run) or {NOISE_SECONDS * 1000:g} ms; compare runs of one machine, taken one after the other"
)


@dataclass(frozen=True)
class Pace:
    """A duration in seconds in both runs that differs by more than noise."""

    name: str
    was: float
    now: float


def paces(old: Run, new: Run) -> tuple[Pace, ...]:
    """Latencies where both runs know them, else the mean time of a request where both asked the same."""
    before, after = (mapping(mapping((run.footer or {}).get("traffic")).get("latency")) for run in (old, new))
    names = [name for name in ("p50", "p90", "p99") if name in before and name in after]
    found = [(f"latency {name}", number(before[name]), number(after[name]), NOISE_RATIO) for name in names]
    if not found and _shape(old) == _shape(new):  # runs of another shape send another mixture of requests
        found = [("mean time of a request", _mean(old), _mean(new), NOISE_RATIO_TOTAL)]
    return tuple(
        Pace(name, was, now)
        for name, was, now, ratio in found
        if was and now and max(was, now) >= ratio * min(was, now) and abs(was - now) >= NOISE_SECONDS
    )


def _shape(run: Run) -> tuple[object, ...]:
    settings = mapping(run.header.get("settings"))
    return run.header.get("catalogue"), settings.get("depth"), settings.get("examples")


def _mean(run: Run) -> float:
    """Seconds of the run a request; 0 where that is not known."""
    footer = run.footer or {}
    requests = number(footer.get("requests"))
    return number(footer.get("seconds")) / requests if requests else 0.0


def number(value: object) -> float:
    """A finite number above 0 as it is, anything else as 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value < 1e12 else 0.0
