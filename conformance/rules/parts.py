"""The content of messages, and its parts: text and refusals (fact base §1.4, ``content.*`` and ``part.*``).

What content may be at all, and pictures and sounds, are modules of their own. Left out: developer messages and file
parts, which are younger than the oldest vintage and have chapters of their own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from ...strategies import text
from ...strategies.messages import (
    assistant,
    assistant_calls,
    conversations,
    image_part,
    refusal_part,
    system,
    text_part,
    tool_call,
    tool_reply,
    user,
)
from ...strategies.plainer import plainer
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter, Strength
from . import contents, media
from .forms import accepts, changed, contested, documented, observes, prose, refuses, until_before
from .talks import CALLS, assistant_says, system_says, talk, tool_says, user_parts

_P = "messages"
_SYSTEM = ["system_role"]
_ALL = " ".join(text.SPOKEN)
_AWKWARD = [text_part(said) for said in text.dealt(12)]


def _said_beside(said: Any, beside: list[Any]) -> Body:
    return user_parts(*beside, text_part(said))


def _where_images_are_offered(body: Body, offered: Collection[str]) -> Body | None:
    """A body whose fault stands beside an image, only where its image is no fault."""
    return body if "images" in offered or image_part() not in body["messages"][-1]["content"] else None


text_parts = [
    accepts(
        "content.user.parts",
        _P,
        "accepts user content as an array of text parts",
        documented("user: content may be an array of parts"),
        [user_parts(text_part()), user_parts(*_AWKWARD, text_part())],
        examples=text.prompts().map(lambda said: user_parts(text_part(said))),
        needs=["content_parts"],
        reduce=plainer,
    ),
    accepts(
        "content.system.parts",
        _P,
        "accepts system content as an array of text parts",
        documented("system: content may be an array of text parts"),
        [system_says([text_part("You are terse.")]), system_says([text_part("You are terse."), *_AWKWARD])],
        needs=["content_parts", *_SYSTEM],
        reduce=plainer,
    ),
    accepts(
        "content.assistant.parts",
        _P,
        "accepts assistant content as an array of text parts",
        documented("assistant: content may be an array of parts"),
        [assistant_says([text_part("Hi.")]), assistant_says([text_part("Hi."), *_AWKWARD])],
        needs=["content_parts"],
        reduce=plainer,
    ),
    accepts(
        "content.parts",
        _P,
        "accepts conversations in which any message has text parts",
        documented("content: an array of text parts in every role"),
        [
            talk(
                system([text_part("You are terse.")]),
                user(),
                assistant([text_part("Hi.")]),
                user([text_part("Thanks!")]),
            )
        ],
        examples=conversations(parts=True, plain=True).map(lambda messages: talk(*messages)),
        needs=["content_parts", *_SYSTEM],
    ),
    accepts(
        "content.tool.parts",
        _P,
        "accepts tool content as an array of text parts",
        documented("tool: content may be an array of text parts"),
        [tool_says([text_part("21 degrees")]), tool_says([text_part("21"), *_AWKWARD])],
        needs=["content_parts", *CALLS],
        reduce=plainer,
    ),
    refuses(
        "part.object",
        _P,
        "refuses a part that is not an object",
        documented("content: items of the array are parts"),
        [
            user_parts("Say hi."),
            user_parts(7),
            user_parts(None),
            user_parts(text_part(), "Say hi."),
            user_parts("Say hi.", text_part()),
        ],
        needs=["content_parts"],
    ),
    refuses(
        "part.type.required",
        _P,
        "refuses a part without type",
        documented("part: type is required"),
        [
            user_parts({"text": "Say hi."}),
            user_parts(text_part(), {"Type": "text", "text": "Hi."}),
            user_parts(text_part(), {"image_url": image_part()["image_url"]}),  # its other member tells which it is
        ],
        needs=["content_parts"],
    ),
    *changed(
        "2026-08",
        refuses(
            "part.type.enum",
            _P,
            "refuses a part of an unknown type",
            documented("part: type is text, image_url, input_audio or refusal"),
            [
                user_parts({"type": "TEXT", "text": "Say hi."}),
                user_parts({"type": "image", "text": "Say hi."}),
                user_parts(text_part(), {"type": "input_text", "text": "Hi."}),  # as the Responses endpoint writes it
                user_parts({"type": "bogus", "text": "Hi."}, text_part()),
                system_says([{"type": "bogus", "text": "You are terse."}]),
                assistant_says([{"type": "", "text": "Hi."}]),
            ],
            needs=["content_parts"],
        ),
        source=documented("part: type is text, image_url, input_audio, file or refusal"),
    ),
    refuses(
        "part.type.type",
        _P,
        "refuses a part whose type is not a string",
        documented("part: type is a string"),
        [user_parts({"type": 7, "text": "Say hi."}), user_parts(text_part("Say hi."), {"type": None, "text": "Hi."})],
        needs=["content_parts"],
    ),
    *until_before(
        "2026-08",  # from then on the chapter about file parts has it
        observes(
            "part.file",
            _P,
            "accepts a file part",
            contested("part: type file came after the vintage"),
            [
                user_parts(
                    text_part(),
                    {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGk="}},
                )
            ],
            needs=["content_parts"],
        ),
    ),
    refuses(
        "part.text.required",
        _P,
        "refuses a text part whose text is missing or no string",
        documented("text part: text is a required string"),
        [
            user_parts({"type": "text"}),
            user_parts(text_part(None)),
            user_parts(text_part(7)),
            user_parts(text_part(), {"type": "text"}),
            user_parts({"type": "text", "Text": "Hi."}, text_part()),
            user_parts(image_part(), {"type": "text"}),
            user_parts({"type": "text", "content": "Say hi."}),
            user_parts(text_part(["Say hi."])),
        ],
        examples=st.builds(
            _said_beside,
            wrong_type("string"),
            st.sampled_from(([], [text_part()], [image_part()])),
        ),
        needs=["content_parts"],
        fit=_where_images_are_offered,
    ),
    accepts(
        "part.text.empty",
        _P,
        "accepts an empty text part beside another",
        documented("text part: no minimum length"),
        [user_parts(text_part(""), text_part())],
        # As content.empty.string: engines refuse it for their templates.
        strength=Strength.SHOULD,
        needs=["content_parts"],
    ),
]

refusals = [
    accepts(
        "part.refusal",
        _P,
        "accepts a refusal part in an assistant message",
        documented("assistant: content may hold one refusal part"),
        [assistant_says([refusal_part(_ALL)])],
        needs=["content_parts"],
    ),
    refuses(
        "part.refusal.role",
        _P,
        "refuses a refusal part in a user or system message",
        documented("part: refusals belong to assistant messages"),
        [user_parts(refusal_part()), system_says([refusal_part()]), user_parts(text_part(), refusal_part())],
        needs=["content_parts"],
    ),
    refuses(
        "part.refusal.tool",
        _P,
        "refuses a refusal part in a tool message",
        documented("tool: content parts are text"),
        [tool_says([refusal_part()])],
        needs=["content_parts", *CALLS],
    ),
    refuses(
        "part.refusal",
        _P,
        "refuses two refusal parts, a refusal beside text, or one without its text",
        prose("assistant: text parts, or exactly one refusal, whose text is a required string"),
        [
            assistant_says([refusal_part(), refusal_part()]),
            assistant_says([text_part("Hi."), refusal_part()]),
            assistant_says([refusal_part(), text_part("Hi.")]),
            assistant_says([{"type": "refusal"}]),
            assistant_says([refusal_part(None)]),
            talk(
                user(),
                {**assistant_calls(tool_call()), "content": [refusal_part(), text_part("Hi.")]},
                tool_reply(),
            ),
        ],
        needs=["content_parts"],
    ),
]

CHAPTER = Chapter("parts", "The content of messages", (*contents.RULES, *text_parts, *refusals, *media.RULES))
