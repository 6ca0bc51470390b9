"""Messages, their parts, and whole conversations: valid ones by everything the prose asks, and broken ones.

The builders make ordinary messages; a rule that wants a strange one changes a copy. A conversation is a list of
messages, sent with what ``declarations`` finds that it needs.
"""

from __future__ import annotations

import base64
import io
import json
import string
import struct
import wave
import zlib
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from .bodies import PROMPT
from .json_values import is_array, is_object
from .text import PHRASES, PLAIN, SPOKEN, WHOLE, call_id, phrases, texts
from .tools import definition, tool

Message = dict[str, Any]
Part = dict[str, Any]

REMARK = "Let me look."
"""What the assistant says beside its calls."""

TOOL_NAMES = ("get_weather", "f", "search-web", "Lookup_2")
"""Names that calls in drawn conversations have."""


def _png(side: int, colour: tuple[int, int, int]) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(colour) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def _wav(samples: int, rate: int = 8000) -> bytes:
    tone = [4000 if i // 10 % 2 else -4000 for i in range(samples)]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(struct.pack(f"<{samples}h", *tone))
    return file.getvalue()


def _mp3(frames: int) -> bytes:
    """Silence: MPEG-1 layer III frames of 32 kbit/s mono at 44.1 kHz whose side information and data are all zero."""
    return (b"\xff\xfb\x10\xc4" + bytes(100)) * frames


# 64 pixels a side in 136 bytes: some vision models refuse pictures smaller than one of their patches (28 or 32 pixels).
PNG_URL = "data:image/png;base64," + base64.b64encode(_png(64, (200, 30, 30))).decode()
"""Data URL of a small red PNG."""

NOWHERE_URL = "http://127.0.0.1:9/cat.png"
"""URL of a picture that nobody serves, for bodies that are to be refused whatever it shows."""

# 0.125 s and 0.26 s: some services refuse sound shorter than 0.1 s.
AUDIO = {
    "wav": base64.b64encode(_wav(1000)).decode(),
    "mp3": base64.b64encode(_mp3(10)).decode(),
}
"""Short sounds in base64 by format."""


def text_part(text: Any = PROMPT) -> Part:
    """A text part."""
    return {"type": "text", "text": text}


def image_part(url: str = PNG_URL, **more: Any) -> Part:
    """An image part with a data URL; ``more`` (``detail``) goes beside the URL."""
    return {"type": "image_url", "image_url": {"url": url, **more}}


def audio_part(format: str = "wav") -> Part:
    """An audio input part with a short sound."""
    return {"type": "input_audio", "input_audio": {"data": AUDIO[format], "format": format}}


def refusal_part(text: Any = "I cannot help with that.") -> Part:
    """A refusal part, which only assistant messages may hold."""
    return {"type": "refusal", "refusal": text}


def system(content: Any = "You are terse.", **more: Any) -> Message:
    """A system message."""
    return {"role": "system", "content": content, **more}


def developer(content: Any = "You are terse.", **more: Any) -> Message:
    """A developer message, which took the place of system messages."""
    return {"role": "developer", "content": content, **more}


def user(content: Any = PROMPT, **more: Any) -> Message:
    """A user message."""
    return {"role": "user", "content": content, **more}


def assistant(content: Any = "Hi.", **more: Any) -> Message:
    """An assistant message with text."""
    return {"role": "assistant", "content": content, **more}


USUAL_ARGUMENTS = '{"city": "Paris"}'
"""What the usual tool is called with: arguments that fit its parameters."""


def tool_call(number: int = 1, name: str = "get_weather", arguments: Any = USUAL_ARGUMENTS, **more: Any) -> Message:
    """The call with the ``number``-th id (see ``call_id``); ``more`` replaces members."""
    call = {"id": call_id(number), "type": "function", "function": {"name": name, "arguments": arguments}}
    return {**call, **more}


def assistant_calls(*calls: Any, content: Any = REMARK, **more: Any) -> Message:
    """An assistant message that calls tools and says something besides, because some servers refuse silent ones."""
    return {"role": "assistant", "content": content, "tool_calls": list(calls), **more}


def tool_reply(call: int | str = 1, content: Any = "21 degrees", **more: Any) -> Message:
    """The answer to the call with that number or id."""
    return {
        "role": "tool",
        "tool_call_id": call if isinstance(call, str) else call_id(call),
        "content": content,
        **more,
    }


def assistant_function(name: str = "get_weather", arguments: str = USUAL_ARGUMENTS, **more: Any) -> Message:
    """An assistant message with a legacy function call and, as above, some text."""
    return {"role": "assistant", "content": REMARK, "function_call": {"name": name, "arguments": arguments}, **more}


def function_reply(name: str = "get_weather", content: str | None = "21 degrees", **more: Any) -> Message:
    """A message of the deprecated role ``function``."""
    return {"role": "function", "name": name, "content": content, **more}


def declarations(messages: Sequence[Any]) -> dict[str, Any]:
    """The request properties an ordinary client sends with such a history: ``tools`` or ``functions`` of its calls.

    Whatever has not the form of a call is passed over, so it serves broken conversations too.
    """
    history = [message for message in messages if is_object(message)]
    lists = [message["tool_calls"] for message in history if is_array(message.get("tool_calls"))]
    called = [call.get("function") for calls in lists for call in calls if is_object(call)]
    if names := _names_in(called):
        return {"tools": [tool(name) for name in names]}
    if names := _names_in([message.get("function_call") for message in history]):
        return {"functions": [definition(name) for name in names]}
    return {}


def _names_in(functions: Sequence[Any]) -> list[str]:
    names = [function.get("name") for function in functions if is_object(function)]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def json_arguments() -> SearchStrategy[str]:
    """Arguments of a call: a small JSON object as a string. Shrinks towards ``{}``."""
    names = st.sampled_from(("city", "q", "n", "größe", "a b", "a.b", "{x}", "$1", '"', "id", "name"))
    values = texts() | st.integers(-99, 99) | st.booleans() | st.none() | st.lists(st.integers(0, 9), max_size=2)
    return st.builds(
        json.dumps,
        st.dictionaries(names, values, max_size=2),
        ensure_ascii=st.booleans(),
    )


@st.composite
def contents(draw: DrawFn, *, parts: bool = False, images: bool = False, plain: bool = False) -> Any:
    """Content of a message: text, or (``parts``) perhaps an array of text parts; ``images``: ends with an image part.

    Some texts look like code, markup or something else. ``plain``: ordinary ASCII text only. Shrinks towards ``"Hi."``.
    """
    texts = _plain if plain else _spoken
    text = draw(texts)
    if not (images or (parts and draw(st.booleans()))):
        return text
    more = [text_part(draw(texts))] if draw(st.booleans()) else []
    return [text_part(text), *more, *([image_part()] if images else [])]


_names = st.none() | st.sampled_from(("alice", "Bob_2", "a-b"))
_call_names = st.sampled_from(TOOL_NAMES)
_arguments = st.sampled_from((USUAL_ARGUMENTS, "{}", '{"n": [1, 2]}'))
_plain = st.sampled_from(PLAIN)
_spoken = st.sampled_from((*PHRASES, *SPOKEN, *WHOLE))
_plain_call_names = st.sampled_from(("get_weather", "lookup"))
_plain_arguments = st.sampled_from((USUAL_ARGUMENTS, "{}"))
_remark = st.just({"content": REMARK})
_silences = st.sampled_from(({"content": None}, {}, {"content": REMARK}))


@st.composite
def conversations(
    draw: DrawFn,
    *,
    parts: bool = False,
    tools: bool = False,
    functions: bool = False,
    images: bool = False,
    names: bool = False,
    plain: bool = False,
    system_first: bool = True,
    max_turns: int = 3,
) -> list[Message]:
    """Valid conversations: perhaps a system message, then turns of user and assistant; the last message is a user's.

    ``parts``: some contents are arrays of text parts. ``tools``: at least one turn calls tools, one or several at once,
    every call is answered once, in any order, and the last message may be a tool's. ``functions``: at least one turn
    calls a legacy function (not together with ``tools``, which servers may refuse). ``images``: at least one user
    message has an image part. ``names``: some messages name the participant. ``plain``: ASCII texts, ordinary names
    and flat arguments, and whoever calls says something, too. ``system_first``: perhaps
    with a system message. Send it with its ``declarations``.

    Shrinks towards one short user message (and one call, or one image).
    """
    if tools and functions:
        raise ValueError("a conversation has tool calls or function calls, not both; draw from one of the two")
    said = contents(parts=parts, plain=plain)
    called, given = (_plain_call_names, _plain_arguments) if plain else (_call_names, _arguments)
    beside = _remark if plain else _silences
    messages: list[Message] = []
    calls = 0

    def named() -> Message:
        name = draw(_names) if names else None
        return {} if name is None else {"name": name}

    if system_first and draw(st.booleans()):
        messages.append(system(draw(said), **named()))
    turns = draw(st.integers(1, max_turns))
    special = draw(st.integers(0, turns - 1)) if tools or functions or images else 0
    for turn in range(turns):
        chosen = turn == special
        messages.append(user(draw(contents(parts=parts, images=images and chosen, plain=plain)), **named()))
        more_follows = turn < turns - 1
        if tools and (chosen or draw(st.booleans())):
            for _ in range(draw(st.integers(1, 2))):
                ids = range(calls + 1, calls + 1 + draw(st.integers(1, 3)))
                made = [tool_call(i, draw(called), draw(given)) for i in ids]
                calls += len(made)
                messages.append({"role": "assistant", **draw(beside), "tool_calls": made})
                order = draw(st.permutations(made)) if len(made) > 1 else made
                messages += [tool_reply(call["id"], draw(said)) for call in order]
            if not more_follows and not draw(st.booleans()):
                break
            messages.append(assistant(draw(said)))
            if not more_follows:
                messages.append(user(draw(said)))
        elif functions and (chosen or draw(st.booleans())):
            name = draw(called)
            remark = {} if plain else {"content": None}
            messages += [
                assistant_function(name, draw(given), **remark),
                function_reply(name, draw(_plain if plain else phrases())),
                assistant(draw(said)),
            ]
            if not more_follows:
                messages.append(user(draw(said)))
        elif more_follows:
            messages.append(assistant(draw(said), **named()))
    return messages


BAD_ROLES = (
    "bogus",
    "",
    "USER",
    "ai",
    "System",
    "assistants",
    "human",
    " user",
    "user\n",
    "tool_calls",
    "model",
    "bot",
)
"""Strings that no vintage has as a role, the most telling first."""


def bad_roles() -> SearchStrategy[str]:
    """Strings that are no role in any vintage. Shrinks towards ``bogus``."""
    return st.sampled_from(BAD_ROLES) | st.text(string.ascii_letters, max_size=8).map("x_{}".format)


def _without(message: Message, key: str) -> Message:
    return {name: value for name, value in message.items() if name != key}


@st.composite
def broken_conversations(draw: DrawFn) -> list[Any]:
    """Conversations of several messages, now and then of many, of which exactly one is malformed: the first, the last,
    which may be an assistant message then, or one between.

    It has no role or none that exists, no content, null or a number as content, or is no object.
    Shrinks towards two turns with a bogus role in front.
    """
    messages: list[Any] = [user(draw(phrases())), assistant(draw(phrases())), user(draw(phrases()))]
    if draw(st.booleans()):
        messages.insert(0, system(draw(phrases())))
    many = draw(st.booleans())
    for _ in range(draw(st.integers(4, 9)) if many else 0):
        messages += [assistant("Go on."), user(draw(phrases()))]
    place = draw(st.integers(0, len(messages) - 1) | st.sampled_from((0, len(messages) - 1)))
    if place == len(messages) - 1 and draw(st.booleans()):
        messages.append(assistant(draw(phrases())))
        place += 1
    message = messages[place]
    faults = [
        {**message, "role": draw(bad_roles())},
        _without(message, "role"),
        _without(message, "content"),
        {**message, "content": None},
        {**message, "content": 7},
        message["content"],
    ]
    messages[place] = draw(st.sampled_from(faults))
    return messages
