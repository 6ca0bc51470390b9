"""The badge of a run (``badge.svg``): the verdict and how many rules held, as a picture without any foreign text."""

from __future__ import annotations

from pathlib import Path

from .certificate import verdict
from .reading import Run

NAME = "badge.svg"

COLOURS = {"conformant": "#1a7f37", "non-conformant": "#b3261e", "incomplete": "#6b5a00"}
"""Dark enough for white letters (contrast above 5 to 1)."""

_LABEL = "chatproof"
_NARROW, _WIDE = "fijlrt-/() ", "mw"
"""Letters of about 4.5 and 10.5 pixels in an 11 pixel sans serif; the others take about 7."""


def render(run: Run) -> str:
    """The badge as SVG: ``chatproof | conformant 679/683``, where rules with ``passed`` or ``info`` held."""
    found = verdict(run)
    held = run.counts.get("passed", 0) + run.counts.get("info", 0)
    waived = run.counts.get("waived", 0)
    text = f"{found} {held}/{len(run.results)}" + (f" ({waived} waived)" if waived else "")
    left, right = _width(_LABEL), _width(text)
    whole = left + right
    title = f"{_LABEL}: {text}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="round"><rect width="{whole}" height="20" rx="3"/></clipPath>'
        '<g clip-path="url(#round)">'
        f'<rect width="{left}" height="20" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{COLOURS[found]}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2}" y="14" textLength="{left - 10}">{_LABEL}</text>'
        f'<text x="{left + right / 2}" y="14" textLength="{right - 10}">{text}</text></g></svg>\n'
    )


def write(run: Run, folder: Path) -> Path:
    """Write ``badge.svg`` into a folder; returns its path."""
    path = folder / NAME
    path.write_text(render(run), encoding="ascii")
    return path


def _width(text: str) -> int:
    """Pixels of a text with five on either side."""
    return round(sum(4.5 if char in _NARROW else 10.5 if char in _WIDE else 7 for char in text)) + 10
