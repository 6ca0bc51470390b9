"""Strings: message texts, names, ids."""

from __future__ import annotations

import string

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

NAME_ALPHABET = string.ascii_lowercase + string.digits + "_-" + string.ascii_uppercase
"""Characters of a function name (letters, digits, underscore, hyphen), the simplest first."""

NAME_MAX = 64
"""Longest function name."""

CALL_ID_MAX = 40
"""Longest id of a tool call."""

PHRASES = (
    "Hi.",
    "Say hi.",
    "What is 2 + 2?",
    "Name one colour.",
    "Yes, please.",
    "Thank you!",
    "It is 21 degrees.",
    "Wie heißt du?",
    "¿Qué hora es?",
    "你好",
    "שלום",
    "Good 👍",
)
"""Short ordinary messages; none is empty or blank."""

PLAIN = tuple(phrase for phrase in PHRASES if phrase.isascii())
"""Those of them that have ASCII characters only."""

TRICKY = (
    "😀",  # astral
    "👩‍👩‍👧‍👦",  # joined by zero-width joiners
    "🇫🇷",  # regional indicators
    "𝒳𐍈",  # astral letters
    "e\u0301\u0323",  # combining marks
    "Z\u0351\u036b\u0343\u036a\u0302",  # stacked combining marks
    "مرحبا",  # right to left
    "\u202eabc\u202c",  # direction override
    "日本語",
    "\ufeff",  # zero-width no-break space, the byte order mark
    "\u200b",  # zero-width space
    "\u2028",  # line separator
    "\r\n",
    "\n\n",
    "\t",
    "\ufffd",
    "\\u0041",  # looks like an escape and is none
    '"',
    "\\",
    "/",
    "{{x}}",
    "%s",
    "null",
    "{",
    "}",
    "{0}",
    "{% x %}",
    "${x}",
    "$1",
    "%",
    "\\1",
    "'",
    "`",
    "<b>",
    "&amp;",
    "[(*+?|^",
    "--",
    "#",
    "data: ",
)
"""Pieces of text that careless code mangles. Control characters and noncharacters have a milder rule of their own."""

CODE = "()[]{}*+?|^$\\.%<>&'\"/#`~"
"""Characters that say something in regular expressions, formats, templates, markup or shells."""

SPOKEN = (
    "{} and {0} and {name!r:>8} of {",  # fields of a format, the last of them left open
    "100 % of %s, %d, %(name)s and 5%",
    "{{ name }} {% if x %} {# note #} {%- raw -%}",
    "<%= x %> ${x} #{x} @{x} [[x]]",
    "} ) ] %} }} */",
    "echo $HOME $1 `date` $(date) && a | b > c; !x ~",
    "([a-z]*+?|^$) \\d \\1 (?P<a>.) [",
    "C:\\new\\table\\",
    "O'Brien said \"it's\" “so” `` ''",
    "x'; -- /* y */ _%",
    '<b a="c">&amp; &lt;</b> <!-- x --> ]]> <br/>',
    "a: [b\n- c: &d *e\n---\n",
    "# a\n```python\nprint(1)\n```\n| a | b |",
    "data: [DONE]\n\ndata: {}\n\n",
    "User: Hi.\nAssistant: Hi.\n\nHuman:",
    "\\n \\x41 \\u0041 %41 &#65; \\0 \\ud83d",  # what looks like an escape and is none
    "data:image/png;base64,iVBORw0KGgo= SGk=",
    "https://example.com/?a=b&c=%20#d a@example.com",
    "Donaudampfschifffahrtsgesellschaft" * 2,
    "3.14159265358979323846 1e999 -0",
    "😀 👩‍👩‍👧‍👦 🇫🇷 👍🏽 ❤️",
    "𝒳 𐍈 𠮷",
    "e\u0301\u0323 Z\u0351\u036b\u0343\u036a\u0302 \u0301",
    "שלום مرحبا \u202eabc\u202c \u200f",
    "a\u200bb\u00adc\u2060d\ufeffe\u00a0f",
    "a\r\nb\rc\td\u2028e\u2029f",
    "日本語 हिन्दी ไทย Привет ½ ② Ａ ٣",
    "İ ı ß ﬁ ǆ K \ufffd",  # longer or shorter in another letter case
)
"""Texts that are something else to a careless reader: formats, templates, shells, patterns, markup, logs, scripts."""

WHOLE = ("null", "0", '{"role": "system", "content": "x"}', "[]", "\ufeffHi.", " Hi. \n", "\u0301", "{")
"""Texts that are taken for something else where nothing stands beside them."""

LONG = "It was a bright cold day, and all of the clocks were late. " * 75
"""More characters than a small buffer holds, of about a thousand tokens."""

LABEL = "Zoë 🛑 {0} {{x}} {% %s $1 \\ \"' `a` <b>&lt; #{y} שלום e\u0301 [*"
"""The same in the room of an identifier, 64 characters."""


def dealt(places: int, turn: int = 0) -> list[str]:
    """All of ``SPOKEN`` and ``WHOLE`` as so many texts, more than there are whole ones: those stand alone, the others
    share the places that are left. ``turn`` moves every text so many places on. None is blank."""
    shared = places - len(WHOLE)
    texts = [*(" ".join(SPOKEN[place::shared]) for place in range(shared))]
    for place, text in enumerate(WHOLE):
        texts.insert(2 * place + 1, text)
    return texts[-turn:] + texts[:-turn] if turn else texts


BAD_NAME_CHARACTERS = (" ", ".", "/", "é", ":", "$", "@", "名", "٣", "Ａ", "😀", "\t", "\n")
"""Characters no function name may hold, the most tempting first."""

# without codec="utf-8", which means the same but costs seconds and 200 MB where Hypothesis has no cache of it
_assigned = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"))


def texts(*, min_size: int = 0, max_size: int = 40) -> SearchStrategy[str]:
    """Any assigned Unicode text of ``min_size`` to ``max_size`` characters, of control characters only white space.

    Two of three hold pieces that careless code mangles. Shrinks towards the empty text, or zeros.
    """
    anything = st.text(_assigned, min_size=min_size, max_size=max_size)
    pieces = st.lists(st.sampled_from(TRICKY) | st.sampled_from(PHRASES), max_size=5).map("".join)
    spoken = st.sampled_from((*SPOKEN, *WHOLE))
    return anything | (pieces | spoken).map(lambda text: text[:max_size].ljust(min_size, "0"))


def prompts() -> SearchStrategy[str]:
    """Texts that begin with an ordinary phrase, so that they are never blank. Shrinks towards ``Hi.``."""
    return st.builds("{} {}".format, st.sampled_from(PHRASES), texts())


def phrases() -> SearchStrategy[str]:
    """Short ordinary messages, never blank. Shrinks towards ``Hi.``."""
    return st.sampled_from(PHRASES)


def function_names(*, max_size: int = NAME_MAX) -> SearchStrategy[str]:
    """Names of 1 to ``max_size`` letters, digits, underscores and hyphens. Shrinks towards ``0``."""
    return st.text(NAME_ALPHABET, min_size=1, max_size=max_size) | st.text(
        NAME_ALPHABET, min_size=max_size, max_size=max_size
    )


def plain_names() -> SearchStrategy[str]:
    """Function names of up to 12 lower-case letters, which nothing can have against. Shrinks towards ``a``."""
    return st.text(string.ascii_lowercase, min_size=1, max_size=12)


def bad_function_names() -> SearchStrategy[str]:
    """Names of 2 to 64 characters of which exactly one may not be in a function name.

    The bad one stands anywhere, also first or last. Shrinks towards ``" 0"``.
    """
    good = st.text(NAME_ALPHABET, min_size=1, max_size=31)
    some = st.text(NAME_ALPHABET, max_size=31)
    bad = st.sampled_from(BAD_NAME_CHARACTERS)
    first_or_middle = st.builds("{}{}{}".format, some, bad, good)
    return first_or_middle | st.builds("{}{}".format, good, bad)


def participant_names() -> SearchStrategy[str]:
    """Names of participants that every reading allows, made like function names. Shrinks towards ``0``."""
    return function_names()


def call_ids() -> SearchStrategy[str]:
    """Ids of tool calls: 1 to 40 letters, digits, underscores, hyphens. Shrinks towards ``0``."""
    free = st.text(NAME_ALPHABET, min_size=1, max_size=CALL_ID_MAX)
    longest = st.text(NAME_ALPHABET, min_size=CALL_ID_MAX, max_size=CALL_ID_MAX)
    usual = st.text(string.ascii_letters + string.digits, min_size=24, max_size=24).map("call_{}".format)
    return free | usual | longest


def call_id(number: int) -> str:
    """An id that every known server takes (exactly nine letters and digits, which some insist on)."""
    return f"call{number:05d}"
