"""The array of messages, the names of participants, the order and the length of a conversation (fact base §1.3, §1.4).

Left out: ``messages.context`` and ``messages.content.maxlen``, since the window of a server is not known and a prompt
that surely exceeds it costs money where it does not, or keeps a small engine busy for minutes after it was given up.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from ...strategies import text
from ...strategies.bodies import MODEL, lean
from ...strategies.json_values import is_object
from ...strategies.messages import assistant, broken_conversations, conversations, system, text_part, user
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter
from .forms import accepts, believed, contested, documented, observed, observes, refuses, values, varying

_P = "messages"
_ROLES = ("system", "user", "assistant")


def _with_item(item: Any, first: bool) -> Body:
    return lean(messages=[item, user()] if first else [user(), assistant(), item])


def _at(message: Any, places: tuple[int, ...] = (0, 2, 4)) -> list[Body]:
    """A conversation of five messages in which ``message`` stands at each of ``places`` instead of an ordinary one."""
    good = [user(), assistant(), user("What is 2 + 2?"), assistant("4"), user("Thank you!")]
    return [lean(messages=[*good[:i], message, *good[i + 1 :]]) for i in places]


_IN_A_ROW = lean(messages=[user("Hello."), user([text_part("How are you?")]), user()])
"""Neighbours of one role and of both kinds of content, which servers that join them have to put together."""


def _where_parts_are_offered(body: Body, offered: Collection[str]) -> Body | None:
    return body if "content_parts" in offered or body != _IN_A_ROW else None


def _far(message: Any) -> Body:
    """A conversation of fifteen messages with ``message`` in front of it instead of an ordinary one."""
    turns = [one for number in range(7) for one in (assistant(), user(f"And {number} + 2?"))]
    return lean(messages=[message, *turns])


def _sound(message: Any) -> bool:
    """Whether a message of the conversations here is one: it has a role that exists, and a text."""
    return is_object(message) and message.get("role") in _ROLES and isinstance(message.get("content"), str)


def _by_itself(body: Body) -> list[Body]:
    """The malformed message without the others: where that is taken too, its place has nothing to do with it."""
    malformed = [message for message in body[_P] if not _sound(message)]
    return [lean(messages=malformed)] if len(malformed) < len(body[_P]) else []


array = [
    refuses(
        "messages.required",
        _P,
        "refuses a body without messages",
        documented("messages: required"),
        [{"model": MODEL}],
    ),
    refuses("messages.null", _P, "refuses messages: null", documented("messages: not nullable"), values(_P, None)),
    refuses(
        "messages.type",
        _P,
        "refuses messages that are not an array",
        documented("messages: an array"),
        values(_P, "Say hi.", user(), {"0": user()}, 7, True),
        examples=varying(_P, wrong_type("array")),
    ),
    accepts("messages.min", _P, "accepts a single user message", documented("messages: at least one item"), [lean()]),
    refuses("messages.min", _P, "refuses messages: []", documented("messages: at least one item"), values(_P, [])),
    refuses(
        "messages.item.type",
        _P,
        "refuses a message that is not an object",
        documented("messages: items are objects"),
        [*values(_P, ["Say hi."], [None], [7], [[user()]]), *_at("Say hi.", (0, 4)), *_at(None, (2,))],
        examples=st.builds(
            _with_item,
            wrong_type("object"),
            st.booleans(),
        ),
    ),
    accepts(
        "messages.turns",
        _P,
        "accepts a conversation of several turns",
        documented("messages: the conversation so far"),
        [
            lean(messages=[user(), assistant(), user("Thank you!")]),
            lean(messages=[system(), user(), assistant(), user("What is 2 + 2?"), assistant("4"), user("Thank you!")]),
        ],
        examples=varying(_P, conversations(max_turns=6, plain=True)),
        needs=["system_role"],
    ),
    # Row mm.position. The other rules about one message have pins at several places as well.
    refuses(
        "mm.position",
        _P,
        "refuses a malformed message wherever it stands in the conversation",
        documented("messages: every item is a message"),
        [
            *_at(user(role="bogus"), (4, 2)),
            *_at({"role": "user"}, (4,)),
            *_at(assistant(None), (3,)),
            _far(user(7)),
            _far({"role": "user"}),
        ],
        examples=varying(_P, broken_conversations()),
        reduce=_by_itself,
    ),
]

names = [
    accepts(
        "messages.name.type",
        _P,
        "accepts the name of a participant",
        documented("name: an optional string of system, user and assistant messages"),
        [
            lean(messages=[user(name="alice")]),
            lean(messages=[system(name="carol"), user(), assistant(name="alice"), user("Thank you!")]),
        ],
        needs=["system_role"],
    ),
    refuses(
        "messages.name.type",
        _P,
        "refuses a name that is not a string",
        documented("name: a string"),
        [
            lean(messages=[user(name=7)]),
            lean(messages=[system(name=["alice"]), user()]),
            lean(messages=[user(name={})]),
            lean(messages=[user(), assistant(name=True), user("Thank you!")]),
        ],
        examples=wrong_type("string").map(lambda name: lean(messages=[user(name=name)])),
    ),
    observes(
        "messages.name.null",
        _P,
        "accepts name: null in a message",
        contested("name: optional, not nullable in the document"),
        [lean(messages=[user(name=None)])],
    ),
    accepts(
        "messages.name.pattern",
        _P,
        "accepts every name of letters, digits, underscore and hyphen",
        observed("name: the pattern in error texts"),
        [lean(messages=[user(name=name)]) for name in ("Alice_1-b", "7", "-")],
        examples=text.participant_names().map(lambda name: lean(messages=[user(name=name)])),
    ),
    observes(
        "messages.name.pattern",
        _P,
        "refuses a name with a space or an angle bracket",
        contested("name: the pattern is seen in error texts only and became looser"),
        [lean(messages=[user(name=name)]) for name in ("has space", "a<b")],
    ),
    observes(
        "messages.name.empty",
        _P,
        "refuses an empty name",
        contested("name: no minimum length is documented"),
        [lean(messages=[user(name="")])],
    ),
    observes(
        "messages.name.maxlen",
        _P,
        "refuses a name of 65 characters",
        believed("name: up to 64 characters"),
        [lean(messages=[user(name="a" * 65)])],
    ),
]

order = [
    observes(
        "messages.single.system",
        _P,
        "accepts a system message alone",
        contested("messages: some chat templates want a user message"),
        [lean(messages=[system()])],
    ),
    observes(
        "messages.last.assistant",
        _P,
        "accepts an assistant message at the end",
        contested("messages: some servers continue it, some refuse it"),
        [lean(messages=[user(), assistant("Hi")])],
    ),
    observes(
        "messages.first.assistant",
        _P,
        "accepts an assistant message at the start",
        contested("messages: no document forbids it, some chat templates do"),
        [lean(messages=[assistant(), user()])],
    ),
    observes(
        "messages.alternation",
        _P,
        "accepts two messages of one role in a row",
        contested("messages: no document asks for alternation, some chat templates do"),
        [
            lean(messages=[user("Hello."), user()]),
            lean(messages=[user(), assistant("Hi."), assistant("Yes?"), user("Thank you!")]),
            _IN_A_ROW,
        ],
        fit=_where_parts_are_offered,
    ),
    observes(
        "messages.system.later",
        _P,
        "accepts a system message after the first message",
        contested("messages: no document gives it a place, some chat templates do"),
        [
            lean(messages=[user(), assistant(), system(), user("Thank you!")]),
            lean(messages=[system(), system("Be kind."), user()]),
        ],
    ),
]

length = [
    accepts(
        "messages.many",
        _P,
        "accepts a conversation of 65 messages",
        documented("messages: an array with a lower bound and no upper one"),
        [lean(messages=[*[user("1"), assistant("2")] * 32, user("3")])],
    ),
    observes(
        "messages.max",
        _P,
        "accepts a conversation of 257 messages",
        believed("messages: no upper bound is documented"),
        [lean(messages=[*[user("1"), assistant("2")] * 128, user("3")])],
    ),
]

CHAPTER = Chapter("messages", "The conversation", (*array, *names, *order, *length))
