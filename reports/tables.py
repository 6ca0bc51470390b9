"""Pages that hold tables and no bodies: escaped, self-contained, with a policy for our style and script only."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup

from .showing import visible

TEMPLATES = Path(__file__).parent / "templates"
STYLE = "tables.css"


def page(template: str, script: str = "", **values: object) -> str:
    """The page that a template makes of ``values``; every text in it is escaped. ``script`` names a file beside it."""
    style, source = hashed(STYLE)
    policy, code = f"default-src 'none'; style-src {source}; base-uri 'none'; form-action 'none'", Markup("")
    if script:
        code, source = hashed(script)
        policy += f"; script-src {source}"
    return _environment().get_template(template).render(policy=Markup(policy), style=style, script=code, **values)


def _shown(value: object) -> object:
    """Whatever a template writes has been made visible; what it forgot to give a value is an error, not a text."""
    return value if isinstance(value, Markup | int | float | Undefined) else visible(value)


@lru_cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def hashed(name: str) -> tuple[Markup, str]:
    """A file that stands inside a page, and the source expression that lets the page's policy pass it."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    return Markup(text), f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
