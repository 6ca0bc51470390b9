"""The ways to use the official ``openai`` package that rules are about: each makes a JSON value of a body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..strategies.json_values import is_object

RETRIES = 1
"""How often the client may send again, in the uses that are about it; otherwise never."""


def _plain(model: Any) -> Any:
    """What the client gave as JSON: a model's members as they came, a text for what it did not read."""
    return model.to_dict(mode="json", warnings=False) if hasattr(model, "to_dict") else model


def create(client: Any, body: Mapping[str, Any]) -> Any:
    """A plain completion."""
    return _plain(client.chat.completions.create(**body))


def stream(client: Any, body: Mapping[str, Any]) -> Any:
    """The chunks of a stream."""
    with client.chat.completions.create(**body, stream=True) as chunks:
        return [_plain(chunk) for chunk in chunks]


def helper(client: Any, body: Mapping[str, Any]) -> Any:
    """What the helper puts together from a stream."""
    with client.chat.completions.stream(**body) as events:
        for _ in events:
            pass
        return _plain(events.get_final_completion())


async def create_async(client: Any, body: Mapping[str, Any]) -> Any:
    """A plain completion, by the asynchronous client."""
    return _plain(await client.chat.completions.create(**body))


async def stream_async(client: Any, body: Mapping[str, Any]) -> Any:
    """The chunks of a stream, by the asynchronous client."""
    async with await client.chat.completions.create(**body, stream=True) as chunks:
        return [_plain(chunk) async for chunk in chunks]


async def helper_async(client: Any, body: Mapping[str, Any]) -> Any:
    """What the asynchronous helper puts together from a stream."""
    async with client.chat.completions.stream(**body) as events:
        async for _ in events:
            pass
        return _plain(await events.get_final_completion())


def parse(client: Any, body: Mapping[str, Any]) -> Any:
    """A structured output: the text, and the object that the client reads from it."""
    from pydantic import BaseModel

    class City(BaseModel):
        city: str

    message = client.chat.completions.parse(**body, response_format=City).choices[0].message
    return {
        "content": message.content,
        "parsed": message.parsed and message.parsed.model_dump(mode="json", warnings=False),
    }


def tools(client: Any, body: Mapping[str, Any]) -> Any:
    """A tool call, and the turn after it: the message as the client gave it, and a reply to each call."""
    message = client.chat.completions.create(**body).choices[0].message
    replies = [{"role": "tool", "tool_call_id": call.id, "content": "21 degrees"} for call in message.tool_calls or ()]
    if not replies:
        return {"message": _plain(message)}
    second = {name: value for name, value in body.items() if name != "tool_choice"}
    second["messages"] = [*body["messages"], message, *replies]
    return {"message": _plain(message), "second": _plain(client.chat.completions.create(**second))}


def refused(client: Any, body: Mapping[str, Any]) -> Any:
    """What the client says of a refusal; the completion where there is none."""
    import openai

    try:
        return {"completion": create(client, body)}
    except openai.APIStatusError as error:
        said = {name: getattr(error, name, None) for name in ("param", "code", "type")}
        said["message"] = error.body.get("message") if is_object(error.body) else error.message
        return {"class": type(error).__name__, "status": error.status_code, **said}


@dataclass(frozen=True)
class Use:
    """One way to use the package. ``turns``: requests that it makes where all are answered. ``retries``: how often the
    client may send one again. ``drop``: connections that we break before the request is sent."""

    run: Callable[[Any, Mapping[str, Any]], Any]
    asynchronous: bool = False
    turns: int = 1
    retries: int = 0
    drop: int = 0

    @property
    def most_requests(self) -> int:
        """How many requests it sends at most."""
        return self.turns * (1 + self.retries) - self.drop


USES: Mapping[str, Use] = {
    "create": Use(create),
    "create_async": Use(create_async, asynchronous=True),
    "stream": Use(stream),
    "stream_async": Use(stream_async, asynchronous=True),
    "helper": Use(helper),
    "helper_async": Use(helper_async, asynchronous=True),
    "parse": Use(parse),
    "tools": Use(tools, turns=2),
    "refused": Use(refused, retries=RETRIES),
    "retry": Use(create, retries=RETRIES, drop=1),
}
