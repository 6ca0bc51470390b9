"""Features of a valid request body, and how to take them away one by one while it stays valid.

``simpler`` gives the bodies with one feature less, to find out which two of them a server cannot take together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .bodies import JSON_WISH, PROMPT, text_of, wishing_for_json
from .json_values import is_array

Body = dict[str, Any]
Message = dict[str, Any]

PLAIN_TEXTS = {
    "system": "You are terse.",
    "developer": "You are terse.",
    "user": PROMPT,
    "assistant": "Hi.",
    "tool": "21 degrees",
    "function": "21 degrees",
}
"""What every role says where the text does not matter."""

PARTNERS = {
    "stream_options": "stream",
    "top_logprobs": "logprobs",
    "tool_choice": "tools",
    "parallel_tool_calls": "tools",
    "function_call": "functions",
    "audio": "modalities",
    "metadata": "store",
}
"""Properties that need another one, unless they are null."""

IN_MESSAGES = ("system", "developer", "turns", "tool_calls", "function_calls", "names", "parts", "images", "text")
"""Features of a conversation, as ``features`` calls them."""


def features(body: Body) -> set[str]:
    """The features of a valid body: its optional properties, and what its conversation has beyond the lean one."""
    messages = body["messages"]
    contents = [message.get("content") for message in messages]
    found = {
        "system": any(message["role"] == "system" for message in messages),
        "developer": any(message["role"] == "developer" for message in messages),
        "turns": len(_turns(messages)) > 1,
        "tool_calls": any("tool_calls" in message for message in messages),
        "function_calls": any("function_call" in message for message in messages),
        "names": messages != _nameless(messages),
        "parts": any(isinstance(content, list) for content in contents),
        "images": messages != _blind(messages),
        "text": _wordless(messages) != _plain(messages),
    }
    return {name for name, present in found.items() if present} | set(body) - {"model", "messages"}


def properties_of(body: Body) -> set[str]:
    """The properties of the request object that a valid body's features belong to."""
    present = features(body)
    return present - set(IN_MESSAGES) | ({"messages"} if present & set(IN_MESSAGES) else set())


def needed(feature: str, body: Body) -> set[str]:
    """The features of the body that this one cannot do without, itself included."""
    first = {
        "tool_calls": {"tools"},
        "function_calls": {
            "functions",
            "turns",
        },  # a user message follows, since engines refuse a function's as the last
        "images": {"parts"},
    }.get(feature, set())
    if body.get(feature) is not None and feature in PARTNERS:
        first = {PARTNERS[feature]}
    if feature == "modalities" and "audio" in (body[feature] or ()):
        first = {"audio"}
    if feature in _IN_ONE and (role := _only_role(feature, body["messages"])) in _BRINGERS:
        first = _brought(role, body)
    return {feature, *first} & (features(body) | {feature})


def _only_role(feature: str, messages: Sequence[Message]) -> str:
    """The role that alone bears a feature of single messages; empty where several do."""
    roles = {message["role"] for message in messages if _IN_ONE[feature](message)}
    return roles.pop() if len(roles) == 1 else ""


def _brought(role: str, body: Body) -> set[str]:
    """The features that bring messages of a role into the body; none where it is not clear which of them did."""
    bringers = _BRINGERS[role] & features(body)
    return set[str]().union(*(needed(name, body) for name in bringers)) if len(bringers) == 1 else set()


def manifold(body: Body) -> bool:
    """Whether features meet in the body: no single one, with what it needs, is all there is."""
    present = features(body)
    return bool(present) and not any(needed(feature, body) == present for feature in present)


def worded(body: Body) -> Body:
    """The body with JSON named in its conversation where, and only where, ``response_format`` asks for it."""
    messages = _wordless(body["messages"])
    form = body.get("response_format")
    if form and form.get("type") == "json_object":
        messages = wishing_for_json(messages)
    return {**body, "messages": messages}


def without(body: Body, feature: str) -> Body:
    """The valid body without a feature and without what needs it; a body that has it not stays as it is."""
    present = features(body)
    gone = {name for name in present if feature in needed(name, body)}
    left = {key: value for key, value in body.items() if key not in gone}
    messages = left["messages"]
    for name in IN_MESSAGES:
        if name in gone:
            messages = _CUTS[name](messages)
    return worded({**left, "messages": messages})


def simpler(body: Body) -> Iterator[Body]:
    """The valid bodies with one feature or one turn less; none where a single feature is left."""
    if not manifold(body):
        return
    seen = [body]
    turns = _turns(body["messages"])
    shorter = [_joined(body["messages"], turns[:i] + turns[i + 1 :]) for i in range(len(turns)) if len(turns) > 1]
    candidates = [without(body, name) for name in sorted(features(body), key=_bulk)]
    narrower = [_in_role(body["messages"], feature, role) for feature in _IN_ONE for role in PLAIN_TEXTS]
    for candidate in (
        *candidates,
        *(worded({**body, "messages": messages}) for messages in (*shorter, *narrower) if messages),
    ):
        if candidate not in seen and features(candidate):
            seen.append(candidate)
            yield candidate


def _bulk(feature: str) -> tuple[int, str]:
    """Order in which features are taken away: what takes most with it first."""
    first = ("turns", "tools", "functions", "tool_calls", "function_calls", *PARTNERS.values(), *IN_MESSAGES)
    return (first.index(feature) if feature in first else len(first), feature)


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    """The conversation cut before every user message, without what stands before the first."""
    turns: list[list[Message]] = []
    for message in messages:
        if message["role"] == "user":
            turns.append([])
        if turns:
            turns[-1].append(message)
    return turns


def _joined(messages: Sequence[Message], turns: Sequence[Sequence[Message]]) -> list[Message]:
    """What stands before the first user message with these turns, ending as valid conversations end; else nothing."""
    lead = messages[: next(i for i, message in enumerate(messages) if message["role"] == "user")]
    joined = [*lead, *(message for turn in turns for message in turn)]
    if joined[-1]["role"] == "assistant":
        joined.pop()
    return joined if joined[-1]["role"] in ("user", "tool") else []


def _in_role(messages: Sequence[Message], feature: str, role: str) -> list[Message]:
    """The messages with a feature taken from those of one role; nothing where it is theirs alone, or not theirs."""
    bearers = {message["role"] for message in messages if _IN_ONE[feature](message)}
    if role not in bearers or len(bearers) == 1:
        return []
    return [_CUTS[feature]([message])[0] if message["role"] == role else message for message in messages]


def _without_calls(messages: Sequence[Message], key: str, reply: str) -> list[Message]:
    return [message for message in messages if key not in message and message["role"] != reply]


def _nameless(messages: Sequence[Message]) -> list[Message]:
    return [
        {key: value for key, value in message.items() if key != "name" or message["role"] == "function"}
        for message in messages
    ]


def _joined_parts(messages: Sequence[Message]) -> list[Message]:
    return [
        {**message, "content": text_of(message["content"])} if isinstance(message.get("content"), list) else message
        for message in messages
    ]


def _over_parts(messages: Sequence[Message], keep: Callable[[Any], bool]) -> list[Message]:
    return [
        {**message, "content": [part for part in message["content"] if keep(part)]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]


def _blind(messages: Sequence[Message]) -> list[Message]:
    return _over_parts(messages, lambda part: part["type"] == "text")


def _wordless(messages: Sequence[Message]) -> list[Message]:
    """The conversation without the wish for JSON."""
    cut = _over_parts(messages, lambda part: part != {"type": "text", "text": JSON_WISH})
    return [
        {**message, "content": message["content"].removesuffix(JSON_WISH)}
        if isinstance(message.get("content"), str)
        else message
        for message in cut
    ]


def _plain(messages: Sequence[Message]) -> list[Message]:
    """The conversation with the plainest text in every message that has one."""

    def plain(message: Message) -> Message:
        content, text = message.get("content"), PLAIN_TEXTS[message["role"]]
        if is_array(content):
            other = [part for part in content if part["type"] != "text"]
            return {**message, "content": [{"type": "text", "text": text}, *other]}
        return message if content is None else {**message, "content": text}

    return [plain(message) for message in messages]


_CUTS: dict[str, Callable[[Sequence[Message]], list[Message]]] = {
    "system": lambda messages: [message for message in messages if message["role"] != "system"],
    "developer": lambda messages: [message for message in messages if message["role"] != "developer"],
    "turns": lambda messages: _joined(messages, _turns(messages)[-1:]),
    "tool_calls": lambda messages: _without_calls(messages, "tool_calls", "tool"),
    "function_calls": lambda messages: _without_calls(messages, "function_call", "function"),
    "names": _nameless,
    "images": _blind,
    "parts": lambda messages: _joined_parts(_blind(messages)),
    "text": _plain,
}

_IN_ONE: dict[str, Callable[[Message], bool]] = {
    "parts": lambda message: isinstance(message.get("content"), list),
    "names": lambda message: _nameless([message]) != [message],
}
"""Features that a message has by itself: whether one has it."""

_BRINGERS: dict[str, set[str]] = {
    "system": {"system"},
    "developer": {"developer"},
    "assistant": {"turns", "tool_calls", "function_calls"},
    "tool": {"tool_calls"},
    "function": {"function_calls"},
}
"""The features that bring messages of a role; a user's are always there."""
