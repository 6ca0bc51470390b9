"""What a stranger has sent, as something to look at: the unseen made visible, JSON laid out, long texts cut."""

from __future__ import annotations

import json
import re

from markupsafe import Markup, escape

SHORT = 600
"""Characters of a text that is no body (a title, a model's name), at most."""

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Runs of what does not show or turns the text around it: controls, bidi and zero-width characters, lone surrogates."""


def _escapes(found: re.Match[str]) -> str:
    return "".join(f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}" for char in found[0])


def visible(value: object, most: int = SHORT) -> str:
    """Text of ``value`` with what cannot be seen as an escape, cut after ``most`` characters. Still to be escaped."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
    cut = f"… [{len(text) - most} more characters]" if len(text) > most else ""
    return UNSEEN.sub(_escapes, text[:most]) + cut


def duration(seconds: float) -> str:
    """Seconds in three digits, with their unit."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def dotted(rule: str) -> Markup:
    """A rule's id as content of an element that a narrow page breaks after a dot."""
    return Markup(".<wbr>").join(visible(rule).split("."))


def block(text: str, most: int, key: str = "") -> Markup:
    """A body as content of an element: escapes set apart from what the body itself spells, ``key`` marked, cut."""
    shown: list[Markup] = []
    at = 0
    for found in UNSEEN.finditer(text, 0, most):
        shown += [escape(text[at : found.start()]), Markup("<i>{}</i>").format(_escapes(found))]
        at = found.end()
    markup = Markup("").join([*shown, escape(text[at:most])])
    if key:
        name = escape(f'"{visible(key)}":')
        markup = Markup(str(markup).replace(name, f"<mark>{name}</mark>"))  # both sides are escaped already
    if len(text) > most:
        markup += Markup('<span class="cut">… cut here; the record has all {} characters</span>').format(
            f"{len(text):,}"
        )
    return markup


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{},:]|[^][{},:"\s]+')


def pretty(text: str, width: int = 64) -> str:
    """JSON laid out with every literal as it was sent (no reader in between drops keys or digits); else the text."""
    if len(text) > 200_000:
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    stack: list[list[str]] = [[]]
    """Finished members of the containers that are open; the first list is the text itself."""
    for token in _TOKEN.findall(text):
        if token in "[{":
            if len(stack) > 60:
                return text
            stack.append([token])
        elif token in "]}":
            opened, *members = stack.pop()
            _append(stack[-1], _laid_out(opened, members, token, width - 2 * len(stack)))
        elif token == ":":
            stack[-1][-1] += ": "
        elif token != ",":
            _append(stack[-1], token)
    return stack[0][0]


def _append(members: list[str], text: str) -> None:
    if members and members[-1].endswith(": "):  # a name that waits for its value: strings end with a quote
        members[-1] += text
    else:
        members.append(text)


def _laid_out(opened: str, members: list[str], closed: str, width: int) -> str:
    line = opened + ", ".join(members) + closed
    if len(line) <= width and "\n" not in line:
        return line
    return "\n".join([opened, *("  " + row for row in ",\n".join(members).split("\n")), closed])
