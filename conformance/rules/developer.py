"""Messages of the role developer (fact base §1.4, role.developer and content.developer.required; from 2024-12 on).

The role is refused in the vintage before it joined and belongs to newer models, so its gate may be refused cleanly.
"""

from __future__ import annotations

from ...strategies.bodies import lean
from ...strategies.messages import assistant, conversations, developer, image_part, text_part, user
from ...strategies.plainer import plainer
from ...strategies.text import SPOKEN, prompts
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter
from .forms import accepts, contested, documented, observed, observes, refuses, since
from .talks import THANKS

_P = "messages"
_NEEDS = ["developer_role"]
_PARTS = [*_NEEDS, "content_parts"]
_ROLE = documented("role: the roles of the document")
_CONTENT = documented("developer: content is required, text or an array of text parts")


def _first(content: object, **more: object) -> Body:
    return lean(messages=[developer(content, **more), user()])


rules = [
    accepts(
        "role.developer",
        _P,
        "accepts the role developer",
        _ROLE,
        [
            lean(messages=[developer(), user()]),
            lean(messages=[developer(), user(), assistant(), THANKS]),
            _first("You are terse.", name="Dev-1"),
        ],
        examples=conversations(plain=True, system_first=False, max_turns=2).map(
            lambda messages: lean(messages=[developer(), *messages])
        ),
        needs=_NEEDS,
    ),
    observes(
        "role.developer.later",
        _P,
        "accepts a developer message after the first message",
        contested("messages: no document gives it a place"),
        [lean(messages=[user(), assistant(), developer(), THANKS])],
        needs=_NEEDS,
    ),
    observes(
        "role.developer.system",
        _P,
        "accepts a developer message beside a system message",
        contested("messages: the one takes the other's place, and no document forbids both"),
        [lean(messages=[{"role": "system", "content": "You are kind."}, developer(), user()])],
        needs=_NEEDS,
    ),
    accepts(
        "content.developer.required",
        _P,
        "accepts developer content as text",
        _CONTENT,
        [_first(" ".join(("You are terse.", *SPOKEN)))],
        reduce=plainer,
        examples=prompts().map(_first),
        needs=_NEEDS,
    ),
    refuses(
        "content.developer.required",
        _P,
        "refuses a developer message without content",
        observed("developer: error texts about missing content, of a form of their own"),
        [lean(messages=[{"role": "developer"}, user()]), _first(None)],
        needs=_NEEDS,
    ),
    refuses(
        "content.developer.type",
        _P,
        "refuses developer content that is neither text nor an array",
        _CONTENT,
        [_first(7), _first(True), _first({"type": "text", "text": "You are terse."})],
        examples=wrong_type("string", "array").map(_first),
        needs=_NEEDS,
    ),
    accepts(
        "content.developer.parts",
        _P,
        "accepts developer content as an array of text parts",
        _CONTENT,
        [_first([text_part("You are terse.")]), _first([text_part("You are terse."), text_part("And kind.")])],
        needs=_PARTS,
    ),
    refuses(
        "part.image.developer",
        _P,
        "refuses an image part in a developer message",
        documented("developer: content parts are text"),
        [_first([image_part()]), _first([text_part("You are terse."), image_part()])],
        needs=[*_PARTS, "images"],
    ),
]

CHAPTER = Chapter("developer", "Developer messages", tuple(since("2026-08", *rules)))
