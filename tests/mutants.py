"""Single-fault servers: the reference with exactly one thing wrong, each under a path of its own.

``python tests/mutants.py`` serves them all on a free port of 127.0.0.1, prints the port, and stops when its input ends.
The faults speak of the specification's families; the suite knows none of them.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import uvicorn
from chatproof.conformance.reference import answers, behaviour, stream
from chatproof.conformance.reference.app import create_app
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.validator import CHECKS


@dataclass(frozen=True)
class Mutant:
    """One wrong server: what must fail, and which other rules may fail with it."""

    server: Reference
    fails: frozenset[str]
    with_it: frozenset[str] = frozenset()


def unchecked(*names: str) -> Reference:
    """Without the checks of these names."""
    left = tuple(check for check in CHECKS if check.name not in names)
    assert len(left) < len(CHECKS), names
    return Reference(checks=left)


def bounded(**limits: Any) -> Reference:
    """With other limits."""
    return Reference(limits=replace(LIMITS, **limits))


def answering(change: Callable[[dict[str, Any]], Any]) -> Reference:
    """With every plain answer changed."""

    def completion(reply: answers.Reply) -> Any:
        body = answers.completion(reply)
        change(body)
        return body

    return Reference(behaviour=Behaviour(completion=completion))


def streaming(change: Callable[[list[dict[str, Any]]], Any]) -> Reference:
    """With the chunks of every stream changed."""

    def chunks(reply: answers.Reply) -> Iterator[Mapping[str, Any]]:
        rows = [json.loads(json.dumps(row)) for row in stream.chunks(reply)]
        change(rows)
        yield from rows

    return Reference(behaviour=Behaviour(chunks=chunks))


def refusing(change: Callable[[dict[str, Any]], Any]) -> Reference:
    """With every error body changed."""

    def envelope(reason: Any) -> Any:
        body = behaviour.envelope(reason)
        change(body)
        return body

    return Reference(behaviour=Behaviour(envelope=envelope))


def each_choice(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], None]:
    def all_choices(body: dict[str, Any]) -> None:
        for choice in body["choices"]:
            change(choice)

    return all_choices


def each_chunk(change: Callable[[dict[str, Any]], Any]) -> Callable[[list[dict[str, Any]]], None]:
    def all_chunks(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            change(row)

    return all_chunks


def finish(choice: dict[str, Any]) -> None:
    choice["finish_reason"] = "eos" if choice["finish_reason"] == "stop" else choice["finish_reason"]


def arguments_as_object(choice: dict[str, Any]) -> None:
    for call in choice["message"].get("tool_calls") or ():
        call["function"]["arguments"] = {}


def own_ids(rows: list[dict[str, Any]]) -> None:
    for place, row in enumerate(rows):
        row["id"] += str(place)


def of(*names: str) -> frozenset[str]:
    return frozenset(names)


MUTANTS: dict[str, Mutant] = {
    "temperature-unbounded": Mutant(unchecked("temperature.max"), of("temperature.max.refuses")),
    "stop-five": Mutant(unchecked("stop.array.max"), of("stop.array.max.refuses")),
    "tools-unbounded": Mutant(unchecked("tools.max"), of("tools.max.refuses")),
    "role-unchecked": Mutant(
        unchecked("role.enum"), of("role.enum.refuses"), of("mm.position.refuses", "role.developer")
    ),
    "top-logprobs-alone": Mutant(unchecked("top_logprobs.needs"), of("top_logprobs.needs.refuses")),
    "stream-options-alone": Mutant(unchecked("stream_options.needs"), of("stream_options.needs.refuses")),
    "tool-id-missing": Mutant(
        unchecked("tool.id.required"), of("tool.id.required.refuses"), of("tool.id.type.refuses")
    ),
    "usage-sum": Mutant(
        answering(lambda body: body["usage"].update(total_tokens=body["usage"]["total_tokens"] + 1)),
        of("res.usage.sum"),
    ),
    "object-wrong": Mutant(answering(lambda body: body.update(object="text_completion")), of("res.object")),
    "created-float": Mutant(answering(lambda body: body.update(created=body["created"] + 0.5)), of("res.created")),
    "model-missing": Mutant(answering(lambda body: body.pop("model")), of("res.required")),
    "one-choice": Mutant(
        answering(lambda body: body.update(choices=body["choices"][:1])),
        of("gate.multiple_choices"),
        of("res.choices.count"),
    ),
    "finish-eos": Mutant(answering(each_choice(finish)), of("res.finish.enum"), of("res.finish.stop")),
    "role-user": Mutant(
        answering(each_choice(lambda choice: choice["message"].update(role="user"))), of("res.message.role")
    ),
    "arguments-object": Mutant(answering(each_choice(arguments_as_object)), of("res.toolcalls.arguments")),
    "no-done": Mutant(Reference(behaviour=Behaviour(done=b"")), of("sse.done")),
    "stream-json-type": Mutant(Reference(behaviour=Behaviour(event_type="application/json")), of("sse.ctype")),
    "chunk-object": Mutant(
        streaming(each_chunk(lambda row: row.update(object="chat.completion"))), of("sse.chunk.object")
    ),
    "chunk-ids": Mutant(streaming(own_ids), of("sse.same.id")),
    "error-flat": Mutant(refusing(lambda body: body.update(error=body["error"]["message"])), of("err.envelope")),
    "error-no-type": Mutant(refusing(lambda body: body["error"].pop("type")), of("err.keys.type")),
}
"""Wrong servers by the first part of their path."""


def serve() -> None:
    """All mutants in one process, until standard input ends."""
    app = create_app({f"/{name}": mutant.server for name, mutant in MUTANTS.items()})
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))

    def watch() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    serve()
