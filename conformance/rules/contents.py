"""What the content of a message may be: text, nothing, or an array, whose parts are not looked at (fact base §1.4,
``content.*``)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from hypothesis import strategies as st

from ...strategies import text
from ...strategies.messages import (
    assistant,
    assistant_calls,
    assistant_function,
    function_reply,
    system,
    tool_call,
    tool_reply,
    user,
)
from ...strategies.plainer import plainer
from ...strategies.wrong import wrong_type
from ..model import Body, Strength
from .forms import accepts, contested, documented, lacking, observes, prose, refuses
from .talks import CALLS, FUNCTIONS, THANKS, assistant_says, system_says, talk, tool_says, user_says

_P = "messages"
_CALL = assistant_calls(tool_call())
_SECOND = tool_call(2)
_SYSTEM = ["system_role"]
_ALL = " ".join(text.SPOKEN)


def _second_tool(content: Any) -> Body:
    """Two calls, the second of which is answered with this; and the talk goes on."""
    answers = [tool_reply(1), tool_reply(2, content)]
    return talk(user(), assistant_calls(tool_call(1), _SECOND), *answers, assistant(), THANKS)


_RESULTS = ('{"celsius": 21, "wind": null}', '["Rome", {"celsius": 21}]', "null", " 21\n", _ALL)
"""What tools and functions give back: JSON of most kinds, and what careless code mangles. More of them would not fit
a small window."""


def _tool(*contents: Any) -> Body:
    """As many calls one after the other, answered with these, the last of them at the end."""
    rounds = [
        [user(), assistant_calls(tool_call(number)), tool_reply(number, content), assistant()]
        for number, content in enumerate(contents, 1)
    ]
    return talk(*list(chain(*rounds))[:-1])


def _function(*contents: Any) -> Body:
    rounds = [[user(), assistant_function(), function_reply(content=content), assistant()] for content in contents]
    return talk(*chain(*rounds), THANKS)


def _replied(content: Any, place: Callable[[Any], Body]) -> Body:
    return place(content)


def _spoken(turn: int) -> Body:
    """A conversation in which two parties say all awkward texts by turns; with the next ``turn`` each says the
    other's."""
    texts = text.dealt(16, turn)
    turns = [[user(asked), assistant(answered)] for asked, answered in zip(texts[::2], texts[1::2], strict=True)]
    return talk(*chain(*turns), user())


RULES = [
    accepts(
        "content.system.required",
        _P,
        "accepts system content as text",
        documented("system: content"),
        [system_says(f"You are terse. {_ALL}"), system_says('{"style": "terse"}')],
        needs=_SYSTEM,
        reduce=plainer,
    ),
    refuses(
        "content.system.required",
        _P,
        "refuses a system message without content",
        documented("system: content is required, not nullable"),
        [
            talk({"role": "system"}, user()),
            talk(system(), user(), assistant(), {"role": "system", "content": None}, THANKS),
        ],
        needs=_SYSTEM,
    ),
    accepts(
        "content.user.required",
        _P,
        "accepts user content as text",
        documented("user: content"),
        [user_says("Say hi."), user_says(f"Say hi. {_ALL}"), user_says(f"{text.LONG} Say hi.")],
        reduce=plainer,
    ),
    refuses(
        "content.user.required",
        _P,
        "refuses a user message without content",
        documented("user: content is required, not nullable"),
        [
            talk({"role": "user"}),
            talk(user(), assistant(), user(None)),
            talk({"role": "user", "Content": "Hello."}, assistant(), user()),  # no name is read in any letter case
            user_says(None),
        ],
    ),
    accepts(
        "content.assistant.optional",
        _P,
        "accepts an assistant message without content beside tool_calls",
        prose("assistant: content is required unless there are calls"),
        [talk(user(), call, tool_reply()) for call in ({**_CALL, "content": None}, lacking(_CALL, "content"))],
        needs=CALLS,
    ),
    accepts(
        "content.assistant.function",
        _P,
        "accepts an assistant message without content beside function_call",
        prose("assistant: content is required unless there are calls"),
        [
            talk(user(), call, function_reply(), assistant(), THANKS)
            for call in (assistant_function(content=None), lacking(assistant_function(), "content"))
        ],
        # Not must: the history has a function message, and reasoning models refuse that role (as below).
        strength=Strength.SHOULD,
        needs=FUNCTIONS,
    ),
    refuses(
        "content.assistant.optional",
        _P,
        "refuses an assistant message with neither content nor calls",
        prose("assistant: content is required unless there are calls"),
        [
            talk(user(), {"role": "assistant"}, THANKS),
            assistant_says(None),
            talk(user(), assistant(None)),  # nothing to go on from, either
            assistant_says(None, function_call=None),
        ],
    ),
    observes(
        "content.assistant.refusal",
        _P,
        "accepts an assistant message with a refusal instead of content",
        contested("assistant: the prose names only calls as a reason to leave content out"),
        [assistant_says(None, refusal="No.")],
    ),
    accepts(
        "content.tool.required",
        _P,
        "accepts tool content as text",
        documented("tool: content"),
        [_tool(*_RESULTS)],
        needs=CALLS,
        reduce=plainer,
    ),
    refuses(
        "content.tool.required",
        _P,
        "refuses a tool message without content",
        documented("tool: content is required, not nullable"),
        [
            talk(user(), _CALL, lacking(tool_reply(), "content")),
            tool_says(None),
            _second_tool(None),
        ],
        needs=CALLS,
    ),
    accepts(
        "content.function.nullable",
        _P,
        "accepts a function message whose content is null or text",
        documented("function: content is nullable"),
        [_function(None), _function(*_RESULTS)],
        # Reasoning models refuse the deprecated role altogether (row role.function.unsupported).
        strength=Strength.SHOULD,
        needs=FUNCTIONS,
        reduce=plainer,
    ),
    refuses(
        "content.function.nullable",
        _P,
        "refuses a function message without the key content",
        documented("function: content is required, though nullable"),
        [talk(user(), assistant_function(), lacking(function_reply(), "content"), assistant(), THANKS)],
        needs=FUNCTIONS,
    ),
    refuses(
        "content.type",
        _P,
        "refuses content that is neither text nor an array",
        documented("content: a string or an array of parts"),
        [
            user_says(7),
            user_says({"type": "text", "text": "Say hi."}),
            user_says(True),
            system_says(True),
            assistant_says(7),
            talk(user(7), assistant(), user()),
            system_says({"type": "text", "text": "You are terse."}),
            assistant_says(False),
        ],
        examples=wrong_type("string", "array").map(user_says),
    ),
    refuses(
        "content.tool.type",
        _P,
        "refuses tool content that is neither text nor an array",
        documented("tool: content is a string or an array of text parts"),
        [tool_says(21), tool_says({"celsius": 21})],
        examples=st.builds(_replied, wrong_type("string", "array"), st.sampled_from((tool_says, _second_tool))),
        needs=CALLS,
    ),
    accepts(
        "content.empty.string",
        _P,
        "accepts empty text as content",
        documented("content: no minimum length"),
        [user_says(""), system_says(""), assistant_says("")],
        strength=Strength.SHOULD,
        needs=_SYSTEM,
    ),
    accepts(
        "content.empty.tool",
        _P,
        "accepts empty text as the content of a tool message",
        documented("content: no minimum length"),
        [tool_says("")],
        strength=Strength.SHOULD,
        needs=CALLS,
    ),
    observes(
        "content.empty.array",
        _P,
        "refuses content: []",
        contested("content: at least one part by the document, accepted by the service"),
        [user_says([]), system_says([])],
        needs=["content_parts"],
    ),
    accepts(
        "content.unicode",
        _P,
        "accepts any Unicode text as content",
        documented("content: a string"),
        [
            user_says("Say hi. 😀 👩‍👩‍👧‍👦 𝒳"),
            _spoken(0),
            _spoken(1),
        ],
        examples=text.prompts().map(user_says),
        reduce=plainer,
    ),
    observes(
        "content.control.tokens",
        _P,
        "accepts text that looks like the control tokens of a model",
        contested("content: a string; tokenizers know such words"),
        [
            talk(
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
        [user_says(" \n\t")],
    ),
]
