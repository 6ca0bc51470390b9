"""File parts in user messages (fact base §1.4, part.file; from 2025-03 on).

The original service takes PDF files alone, so every file here is a small PDF. Which members go together is not in the
schema, so that only their types bind. Left out: file_id (a file would have to be uploaded first).
"""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.files import FILE, PDF, file_part
from ...strategies.messages import (
    assistant,
    assistant_calls,
    declarations,
    system,
    text_part,
    tool_call,
    tool_reply,
    user,
)
from ...strategies.wrong import wrong_samples
from ..model import Body, Chapter
from .forms import accepts, contested, documented, observes, refuses, since

_P = "messages"
_NEEDS = ["files"]
_FILE = documented("file part: file is a required object")
_ASK = text_part("What does it say?")


def _asking(*parts: Any) -> Body:
    return lean(messages=[user([_ASK, *parts])])


def _called(*parts: Any) -> Body:
    messages = [user(), assistant_calls(tool_call()), tool_reply(content=list(parts))]
    return lean(messages=messages, **declarations(messages))


rules = [
    accepts(
        "part.file",
        _P,
        "accepts a file part with a name and a PDF",
        documented("file part: filename and file_data"),
        [_asking(file_part()), lean(messages=[user([file_part(), _ASK])])],
        needs=_NEEDS,
    ),
    refuses(
        "part.file.required",
        _P,
        "refuses a file part whose file is missing or no object",
        _FILE,
        [_asking({"type": "file"}), *(_asking(file_part(value)) for value in (PDF, None, [FILE], 7))],
        needs=_NEEDS,
    ),
    refuses(
        "part.file.type",
        _P,
        "refuses a member of a file that is not a string",
        documented("file part: filename, file_data and file_id are strings"),
        [
            _asking(file_part({**FILE, "file_data": 7})),
            _asking(file_part({**FILE, "filename": ["hi.pdf"]})),
            _asking(file_part({"file_id": 7})),
            *(_asking(file_part({**FILE, "file_data": value})) for value in wrong_samples("string")[1:3]),
        ],
        needs=_NEEDS,
    ),
    refuses(
        "part.file.role",
        _P,
        "refuses a file part in a system or assistant message",
        documented("part: files belong to user messages"),
        [
            lean(messages=[system([file_part()]), user()]),
            lean(messages=[user(), assistant([file_part()]), user("Thank you!")]),
        ],
        needs=_NEEDS,
    ),
    refuses(
        "part.file.tool",
        _P,
        "refuses a file part in a tool message",
        documented("tool: content parts are text"),
        [_called(file_part()), _called(text_part("21 degrees"), file_part())],
        needs=[*_NEEDS, "tools", "tool_messages"],
    ),
    observes(
        "part.file.empty",
        _P,
        "refuses a file with neither data nor an id",
        contested("file part: no member is required in the schema"),
        [_asking(file_part({})), _asking(file_part({"filename": "hi.pdf"}))],
        needs=_NEEDS,
    ),
    observes(
        "part.file.name",
        _P,
        "accepts file_data without a filename",
        contested("file part: the two are named together, and neither is required"),
        [_asking(file_part({"file_data": PDF}))],
        needs=_NEEDS,
    ),
    observes(
        "part.file.data",
        _P,
        "refuses file_data that is no PDF",
        contested("file part: the original service takes PDF files alone, and no document says so"),
        [
            _asking(file_part({"filename": "a.txt", "file_data": "data:text/plain;base64,SGk="})),
            _asking(file_part({"filename": "hi.pdf", "file_data": "nonsense"})),
        ],
        needs=_NEEDS,
    ),
]

CHAPTER = Chapter("files", "File parts", tuple(since("2026-08", *rules)))
