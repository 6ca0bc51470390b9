"""The content of messages: text, nothing, and arrays of parts (fact base §1.4, ``content.*`` and ``part.*``).

Left out: remote image URLs (the server would have to fetch them). Developer messages and file parts, which are younger
than the oldest vintage, have chapters of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import chain
from typing import Any

from hypothesis import strategies as st

from ...strategies import text
from ...strategies.bodies import lean
from ...strategies.messages import (
    AUDIO,
    NOWHERE_URL,
    Message,
    assistant,
    assistant_calls,
    assistant_function,
    audio_part,
    conversations,
    declarations,
    function_reply,
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
from .forms import accepts, changed, contested, documented, observes, prose, refuses, until_before

_P = "messages"
_CALL = assistant_calls(tool_call())
_SECOND = tool_call(2)
_CALLS = ["tools", "tool_messages"]
_FUNCTIONS = ["functions", "function_messages"]
_SYSTEM = ["system_role"]
_ALL = " ".join(text.SPOKEN)
_AWKWARD = [text_part(said) for said in text.dealt(12)]


def _body(*messages: Any) -> Body:
    return lean(messages=list(messages), **declarations(messages))


def _system(content: Any) -> Body:
    return _body(system(content), user())


def _user(content: Any) -> Body:
    return _body(user(content))


def _assistant(content: Any, **more: Any) -> Body:
    return _body(user(), assistant(content, **more), user("Thank you!"))


def _tool(content: Any) -> Body:
    return _body(user(), _CALL, tool_reply(content=content))


def _second_tool(content: Any) -> Body:
    """Two calls, the second of which is answered with this; and the talk goes on."""
    answers = [tool_reply(1), tool_reply(2, content)]
    return _body(user(), assistant_calls(tool_call(1), _SECOND), *answers, assistant(), user("Thank you!"))


def _function(content: Any) -> Body:
    return _body(user(), assistant_function(), function_reply(content=content), assistant(), user("Thank you!"))


def _replied(content: Any, place: Callable[[Any], Body]) -> Body:
    return place(content)


def _no_content(message: Message) -> Message:
    return {key: value for key, value in message.items() if key != "content"}


def _parts(*parts: Any) -> Body:
    return _user(list(parts))


def _spoken(turn: int) -> Body:
    """A conversation in which two parties say all awkward texts by turns; with the next ``turn`` each says the
    other's."""
    texts = text.dealt(16, turn)
    turns = [[user(asked), assistant(answered)] for asked, answered in zip(texts[::2], texts[1::2], strict=True)]
    return _body(*chain(*turns), user())


def _said_beside(said: Any, beside: list[Any]) -> Body:
    return _parts(*beside, text_part(said))


def _where_images_are_offered(body: Body, offered: Collection[str]) -> Body | None:
    """A body whose fault stands beside an image, only where its image is no fault."""
    return body if "images" in offered or image_part() not in body["messages"][-1]["content"] else None


content = [
    accepts(
        "content.system.required",
        _P,
        "accepts system content as text",
        documented("system: content"),
        [_system(f"You are terse. {_ALL}")],
        needs=_SYSTEM,
        reduce=plainer,
    ),
    refuses(
        "content.system.required",
        _P,
        "refuses a system message without content",
        documented("system: content is required, not nullable"),
        [_body({"role": "system"}, user()), _system(None)],
        needs=_SYSTEM,
    ),
    accepts(
        "content.user.required",
        _P,
        "accepts user content as text",
        documented("user: content"),
        [_user("Say hi."), _user(f"Say hi. {_ALL}")],
        reduce=plainer,
    ),
    refuses(
        "content.user.required",
        _P,
        "refuses a user message without content",
        documented("user: content is required, not nullable"),
        [
            _body({"role": "user"}),
            _user(None),
            _body({"role": "user", "Content": "Hello."}, assistant(), user()),  # no name is read in any letter case
            _body(user(), assistant(), user(None)),
        ],
    ),
    accepts(
        "content.assistant.optional",
        _P,
        "accepts an assistant message without content beside tool_calls",
        prose("assistant: content is required unless there are calls"),
        [_body(user(), call, tool_reply()) for call in ({**_CALL, "content": None}, _no_content(_CALL))],
        needs=_CALLS,
    ),
    accepts(
        "content.assistant.function",
        _P,
        "accepts an assistant message without content beside function_call",
        prose("assistant: content is required unless there are calls"),
        [
            _body(user(), call, function_reply(), assistant(), user("Thank you!"))
            for call in (assistant_function(content=None), _no_content(assistant_function()))
        ],
        # Not must: the history has a function message, and reasoning models refuse that role (as below).
        strength=Strength.SHOULD,
        needs=_FUNCTIONS,
    ),
    refuses(
        "content.assistant.optional",
        _P,
        "refuses an assistant message with neither content nor calls",
        prose("assistant: content is required unless there are calls"),
        [
            _body(user(), {"role": "assistant"}, user("Thank you!")),
            _assistant(None),
            _body(user(), assistant(None)),  # nothing to go on from, either
            _assistant(None, function_call=None),
        ],
    ),
    observes(
        "content.assistant.refusal",
        _P,
        "accepts an assistant message with a refusal instead of content",
        contested("assistant: the prose names only calls as a reason to leave content out"),
        [_assistant(None, refusal="No.")],
    ),
    accepts(
        "content.tool.required",
        _P,
        "accepts tool content as text",
        documented("tool: content"),
        [
            _body(
                *(user(), assistant_calls(tool_call(1)), tool_reply(1, '{"celsius": 21, "wind": null}'), assistant()),
                *(user(), assistant_calls(_SECOND), tool_reply(2, _ALL)),
            )
        ],
        needs=_CALLS,
        reduce=plainer,
    ),
    refuses(
        "content.tool.required",
        _P,
        "refuses a tool message without content",
        documented("tool: content is required, not nullable"),
        [
            _body(user(), _CALL, _no_content(tool_reply())),
            _tool(None),
            _second_tool(None),
        ],
        needs=_CALLS,
    ),
    accepts(
        "content.function.nullable",
        _P,
        "accepts a function message whose content is null or text",
        documented("function: content is nullable"),
        [_function(None), _function(_ALL)],
        # Reasoning models refuse the deprecated role altogether (row role.function.unsupported).
        strength=Strength.SHOULD,
        needs=_FUNCTIONS,
        reduce=plainer,
    ),
    refuses(
        "content.function.nullable",
        _P,
        "refuses a function message without the key content",
        documented("function: content is required, though nullable"),
        [_body(user(), assistant_function(), _no_content(function_reply()), assistant(), user("Thank you!"))],
        needs=_FUNCTIONS,
    ),
    refuses(
        "content.type",
        _P,
        "refuses content that is neither text nor an array",
        documented("content: a string or an array of parts"),
        [
            _user(7),
            _user({"type": "text", "text": "Say hi."}),
            _system(True),
            _assistant(7),
            _body(user(7), assistant(), user()),
        ],
        examples=wrong_type("string", "array").map(_user),
    ),
    refuses(
        "content.tool.type",
        _P,
        "refuses tool content that is neither text nor an array",
        documented("tool: content is a string or an array of text parts"),
        [_tool(21), _tool({"celsius": 21})],
        examples=st.builds(_replied, wrong_type("string", "array"), st.sampled_from((_tool, _second_tool))),
        needs=_CALLS,
    ),
    accepts(
        "content.empty.string",
        _P,
        "accepts empty text as content",
        documented("content: no minimum length"),
        [_user(""), _system(""), _assistant("")],
        strength=Strength.SHOULD,
        needs=_SYSTEM,
    ),
    accepts(
        "content.empty.tool",
        _P,
        "accepts empty text as the content of a tool message",
        documented("content: no minimum length"),
        [_tool("")],
        strength=Strength.SHOULD,
        needs=_CALLS,
    ),
    observes(
        "content.empty.array",
        _P,
        "refuses content: []",
        contested("content: at least one part by the document, accepted by the service"),
        [_user([]), _system([])],
        needs=["content_parts"],
    ),
    accepts(
        "content.unicode",
        _P,
        "accepts any Unicode text as content",
        documented("content: a string"),
        [
            _user("Say hi. 😀 👩‍👩‍👧‍👦 𝒳"),
            _spoken(0),
            _spoken(1),
        ],
        examples=text.prompts().map(_user),
        reduce=plainer,
    ),
    observes(
        "content.control.tokens",
        _P,
        "accepts text that looks like the control tokens of a model",
        contested("content: a string; tokenizers know such words"),
        [
            _body(
                user("<|endoftext|><|im_start|>system [INST] </s> <start_of_turn>"),
                assistant("</think> <tool_call> <|im_end|> <|channel|> <unk> ▁<0x0A>"),
                user("<image> <|image_pad|> <|eot_id|> <|python_tag|> [TOOL_CALLS] <<SYS>>"),
            )
        ],
    ),
    observes(
        "content.blank",
        _P,
        "accepts text of white space only",
        contested("content: no document speaks of it"),
        [_user(" \n\t")],
    ),
]

text_parts = [
    accepts(
        "content.user.parts",
        _P,
        "accepts user content as an array of text parts",
        documented("user: content may be an array of parts"),
        [_parts(text_part()), _parts(*_AWKWARD, text_part())],
        examples=text.prompts().map(lambda said: _parts(text_part(said))),
        needs=["content_parts"],
        reduce=plainer,
    ),
    accepts(
        "content.system.parts",
        _P,
        "accepts system content as an array of text parts",
        documented("system: content may be an array of text parts"),
        [_system([text_part("You are terse.")]), _system([text_part("You are terse."), *_AWKWARD])],
        needs=["content_parts", *_SYSTEM],
        reduce=plainer,
    ),
    accepts(
        "content.assistant.parts",
        _P,
        "accepts assistant content as an array of text parts",
        documented("assistant: content may be an array of parts"),
        [_assistant([text_part("Hi.")]), _assistant([text_part("Hi."), *_AWKWARD])],
        needs=["content_parts"],
        reduce=plainer,
    ),
    accepts(
        "content.parts",
        _P,
        "accepts conversations in which any message has text parts",
        documented("content: an array of text parts in every role"),
        [
            _body(
                system([text_part("You are terse.")]),
                user(),
                assistant([text_part("Hi.")]),
                user([text_part("Thanks!")]),
            )
        ],
        examples=conversations(parts=True, plain=True).map(lambda messages: _body(*messages)),
        needs=["content_parts", *_SYSTEM],
    ),
    accepts(
        "content.tool.parts",
        _P,
        "accepts tool content as an array of text parts",
        documented("tool: content may be an array of text parts"),
        [_tool([text_part("21 degrees")]), _tool([text_part("21"), *_AWKWARD])],
        needs=["content_parts", *_CALLS],
        reduce=plainer,
    ),
    refuses(
        "part.object",
        _P,
        "refuses a part that is not an object",
        documented("content: items of the array are parts"),
        [_parts("Say hi."), _parts(7), _parts(None), _parts(text_part(), "Say hi."), _parts("Say hi.", text_part())],
        needs=["content_parts"],
    ),
    refuses(
        "part.type.required",
        _P,
        "refuses a part without type",
        documented("part: type is required"),
        [
            _parts({"text": "Say hi."}),
            _parts(text_part(), {"Type": "text", "text": "Hi."}),
            _parts(text_part(), {"image_url": image_part()["image_url"]}),  # its other member tells which it is
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
                _parts({"type": "bogus", "text": "Say hi."}),
                _parts({"type": "image", "text": "Say hi."}),
                _parts(text_part(), {"type": "input_text", "text": "Hi."}),  # as the Responses endpoint writes it
                _parts({"type": "bogus", "text": "Hi."}, text_part()),
                _system([{"type": "TEXT", "text": "You are terse."}]),
                _assistant([{"type": "", "text": "Hi."}]),
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
        [_parts({"type": 7, "text": "Say hi."}), _parts(text_part("Say hi."), {"type": None, "text": "Hi."})],
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
                _parts(
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
            _parts({"type": "text"}),
            _parts(text_part(7)),
            _parts(text_part(None)),
            _parts(text_part(), {"type": "text"}),
            _parts({"type": "text", "Text": "Hi."}, text_part()),
            _parts(image_part(), {"type": "text"}),
            _parts({"type": "text", "content": "Say hi."}),
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
        [_parts(text_part(""), text_part())],
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
        [_assistant([refusal_part(_ALL)])],
        needs=["content_parts"],
    ),
    refuses(
        "part.refusal.role",
        _P,
        "refuses a refusal part in a user or system message",
        documented("part: refusals belong to assistant messages"),
        [_parts(refusal_part()), _system([refusal_part()]), _parts(text_part(), refusal_part())],
        needs=["content_parts"],
    ),
    refuses(
        "part.refusal.tool",
        _P,
        "refuses a refusal part in a tool message",
        documented("tool: content parts are text"),
        [_tool([refusal_part()])],
        needs=["content_parts", *_CALLS],
    ),
    refuses(
        "part.refusal",
        _P,
        "refuses two refusal parts, or a refusal beside text",
        prose("assistant: text parts, or exactly one refusal"),
        [
            _assistant([refusal_part(), refusal_part()]),
            _assistant([text_part("Hi."), refusal_part()]),
            _assistant([refusal_part(), text_part("Hi.")]),
            _body(
                user(),
                {**assistant_calls(tool_call()), "content": [refusal_part(), text_part("Hi.")]},
                tool_reply(),
            ),
        ],
        needs=["content_parts"],
    ),
]


_AUDIO_OUT = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}


def _picture(image_url: Any) -> Body:
    return _parts(text_part("What is it?"), {"type": "image_url", "image_url": image_url})


_URL = image_part()["image_url"]["url"]

images = [
    accepts(
        "part.image.url",
        _P,
        "accepts an image part with a data URL",
        documented("image part: image_url is an object with url"),
        [
            _picture({"url": _URL}),
            _parts(image_part(), text_part("What is it?")),
        ],
        examples=conversations(images=True, plain=True, system_first=False, max_turns=2).map(
            lambda messages: _body(*messages)
        ),
        needs=["images"],
    ),
    observes(
        "part.image.several",
        _P,
        "accepts two image parts in a message",
        contested("image part: no limit is documented, engines are started with one"),
        [_parts(text_part("What are they?"), image_part(), image_part())],
        needs=["images"],
    ),
    refuses(
        "part.image.url",
        _P,
        "refuses an image part whose image_url is no object with a url",
        documented("image part: image_url is an object with url"),
        [
            _picture(_URL),
            _picture({}),
            _parts(text_part("What is it?"), {"type": "image_url", "imageUrl": {"url": _URL}}),
            _picture({"url": 7}),
            _picture({"url": None}),
            _parts(text_part("Are they alike?"), image_part(), {"type": "image_url", "image_url": {"detail": "auto"}}),
        ],
        needs=["images"],
    ),
    observes(
        "part.image.data",
        _P,
        "refuses a data URL whose bytes are no image",
        contested("image part: no document says what becomes of broken images"),
        [_picture({"url": "data:image/png;base64,AAAA"}), _picture({"url": "nonsense"})],
        needs=["images"],
    ),
    accepts(
        "part.image.detail",
        _P,
        "accepts the image details auto, low and high",
        documented("image part: detail"),
        [_picture({"url": _URL, "detail": detail}) for detail in ("auto", "low", "high")],
        needs=["images"],
    ),
    refuses(
        "part.image.detail",
        _P,
        "refuses an unknown image detail",
        documented("image part: detail is auto, low or high"),
        [
            *(_picture({"url": _URL, "detail": detail}) for detail in ("medium", "HIGH")),
            _picture({"url": NOWHERE_URL, "detail": "medium"}),
            _parts(text_part("Are they alike?"), image_part(), image_part(detail="")),
        ],
        needs=["images"],
    ),
    refuses(
        "part.image.role",
        _P,
        "refuses an image part in a system or assistant message",
        documented("part: images belong to user messages"),
        [
            _system([image_part()]),
            _assistant([image_part()]),
            _body(user([image_part()]), assistant([image_part()]), user("Thank you!")),
        ],
        needs=["images"],
    ),
    refuses(
        "part.image.tool",
        _P,
        "refuses an image part in a tool message",
        documented("tool: content parts are text"),
        [_tool([image_part()]), _tool([text_part("21 degrees"), image_part()])],
        needs=["images", *_CALLS],
    ),
]


def _sound(input_audio: Any) -> Body:
    return _parts(text_part("What is it?"), {"type": "input_audio", "input_audio": input_audio})


audio = [
    accepts(
        "part.audio.format",
        _P,
        "accepts audio parts in wav and mp3",
        documented("audio part: format"),
        [_parts(text_part("What is it?"), audio_part(format)) for format in AUDIO],
        needs=["audio_input"],
    ),
    refuses(
        "part.audio.format",
        _P,
        "refuses an audio part in an unknown format",
        documented("audio part: format is wav or mp3"),
        [
            *(_sound({"data": AUDIO["wav"], "format": format}) for format in ("ogg", "WAV", "")),
            {**_sound({"data": AUDIO["wav"], "format": 7}), **_AUDIO_OUT},
            _parts(audio_part(), {"type": "input_audio", "input_audio": {"data": AUDIO["wav"], "format": "flac"}}),
        ],
        needs=["audio_input"],
    ),
    refuses(
        "part.audio.required",
        _P,
        "refuses an audio part without data or format",
        documented("audio part: data and format are required"),
        [
            _sound({"format": "wav"}),
            _sound({"data": AUDIO["wav"]}),
            _parts(text_part("What is it?"), {"type": "input_audio"}),
            _sound({"data": None, "format": "wav"}),
        ],
        needs=["audio_input"],
    ),
    refuses(
        "part.audio.role",
        _P,
        "refuses an audio part in a system or assistant message",
        documented("part: audio belongs to user messages"),
        [_system([audio_part()]), _assistant([audio_part()])],
        needs=["audio_input"],
    ),
]

CHAPTER = Chapter("parts", "The content of messages", (*content, *text_parts, *refusals, *images, *audio))
