"""Odder still, and conforming: what changes from one answer to the next, what excludes what, what a proxy adds.

Each name is followed by the row of the fact base that lets it be so.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import replying, telling
from .base import Dialect
from .odd import (
    SORRY,
    Body,
    Rows,
    byte_entries,
    bytewise,
    checking,
    contested,
    copies,
    counted,
    drained,
    fickle,
    refusal,
    refusing_message,
)

# --- what changes from one answer to the next ---------------------------------------------------------------------


def moody(bad: Callable[[Choice, Body], Choice]) -> Callable[[Body, int], Reply]:
    """Three choices of ten turn out as ``bad`` says."""

    def plan(body: Body, now: int) -> Reply:
        reply = answers.plan(body, now)
        made = [bad(choice, body) if random.random() < 0.3 else choice for choice in reply.choices]
        return counted(body, reply, *made)

    return plan


def declined(choice: Choice, body: Body) -> Choice:
    """A refusal in place of the text or the call."""
    most = answers.bound(body)
    if most is not None and most < len(SORRY):
        return choice
    return Choice(choice.index, "stop", SORRY)


def stopped_by_filter(choice: Choice, body: Body) -> Choice:
    """Half of the text, and no call."""
    return Choice(choice.index, "content_filter", choice.tokens[: len(choice.tokens) // 2])


def some_refused(owner: dict[str, Any]) -> None:
    """The text of a refusal where it belongs."""
    for choice in owner["choices"]:
        said = choice.get("message") or choice["delta"]
        if said.get("content") == "".join(SORRY):
            said |= {"content": None, "refusal": said["content"]}
            if choice["logprobs"]:
                choice["logprobs"] = {"content": None, "refusal": choice["logprobs"]["content"]}


def some_refused_chunks(reply: Reply) -> Rows:
    refused = {choice.index for choice in reply.choices if choice.tokens == SORRY and choice.speaks}
    for row in copies(reply):
        for choice in row["choices"]:
            if choice["index"] in refused:
                refusing_message({"choices": [choice]})
        yield row


def two_builds(body: Body, now: int) -> Reply:
    """Two builds behind one balancer, each with its fingerprint, its text and its name for the model."""
    other = random.random() < 0.5
    reply = answers.plan({**body, "seed": 77} if other else body, now)
    name = f"{reply.model}-{'2024-11-20' if other else 'b'}"
    return replace(
        reply, model=name, fingerprint=None if other else "fp_b", ident=("gen-" if other else "") + reply.ident
    )


# --- what a model says --------------------------------------------------------------------------------------------


def five_calls(body: Body, now: int) -> Reply:
    """The same tool five times where several calls are allowed."""
    reply = answers.plan(body, now)
    if body.get("parallel_tool_calls") is False or answers.bound(body) is not None:
        return reply
    made: list[Choice] = []
    for one in reply.choices:
        calls = [replace(call, ident=f"call_{at}_{call.ident[-8:]}") for call in one.calls for at in range(5)]
        made.append(replace(one, calls=tuple(calls)))
    return counted(body, reply, *made)


def careless(body: Body, now: int) -> Reply:
    """Arguments that lack what is required and have what was not declared, where nothing is strict."""
    reply = answers.plan(body, now)
    if any((tool.get("function") or {}).get("strict") for tool in body.get("tools") or ()):
        return reply
    made: list[Choice] = []
    for one in reply.choices:
        if one.finish != "length":
            wrong = ("\n{", '"unit"', " : ", "7", "}\n")
            calls = tuple(replace(call, arguments=wrong) for call in one.calls)
            one = replace(one, calls=calls, function=one.function and replace(one.function, arguments=wrong))
        made.append(one)
    return counted(body, reply, *made)


def loose(body: Body, now: int) -> Reply:
    """A schema is followed where it is strict; elsewhere it is a hint."""
    shape = (body.get("response_format") or {}).get("json_schema") or {}
    if shape and shape.get("strict") is not True:
        return answers.plan({key: value for key, value in body.items() if key != "response_format"}, now)
    return answers.plan(body, now)


def blank(body: Body, now: int) -> Reply:
    """Blank tokens before and after every text, within the bound, and none past a stop string."""
    reply = answers.plan(body, now)
    most = answers.bound(body)
    made: list[Choice] = []
    for one in reply.choices:
        if one.speaks:
            tokens = ("\n", "\n", *one.tokens, *(() if one.finish == "length" else (" ", "\n")))
            cut = one.finish == "length" or (most is not None and len(tokens) > most)
            written = answers.stopped(answers.Written(tokens[:most], cut), answers.stops(body))
            one = replace(one, tokens=written.tokens, finish="length" if written.cut else "stop")
        made.append(one)
    return counted(body, reply, *made)


def with_ends(body: Body, now: int) -> Reply:
    """The token that ends a turn is counted with the others."""
    reply = answers.plan(body, now)
    ends = sum(one.finish != "length" for one in reply.choices)
    use = dict(reply.usage)
    use |= {name: use[name] + ends for name in ("completion_tokens", "total_tokens")}
    return replace(reply, usage=use)


def shifted(body: Body, now: int) -> Reply:
    """A long prompt loses its beginning: no more than thirty tokens are read, or counted."""
    reply = answers.plan(body, now)
    use = dict(reply.usage)
    use["prompt_tokens"] = min(use["prompt_tokens"], 30)
    use["total_tokens"] = use["prompt_tokens"] + use["completion_tokens"]
    return replace(reply, usage={key: value for key, value in use.items() if key != "prompt_tokens_details"})


def any_order(owner: dict[str, Any]) -> None:
    """Choices come in any order."""
    random.shuffle(owner["choices"])


def strange(reply: Reply) -> Reply:
    """Ids and names of a gateway's own making."""
    made = [
        replace(
            one,
            calls=tuple(
                replace(call, ident=f"functions.{at}:ü 1/{call.ident[-9:]}") for at, call in enumerate(one.calls)
            ),
        )
        for one in reply.choices
    ]
    ident = f"urn:x/{reply.ident}?a=1&b=\"'<>\\ ü" + "0" * 300
    return replace(reply, ident=ident, model="Ünïcode/model:latest @ eu\u2028west", choices=tuple(made))


def null_deltas(owner: dict[str, Any]) -> None:
    """Members of a delta that have nothing to say are null."""
    for choice in owner["choices"]:
        names = ("content", "refusal", "audio", "reasoning_content", "annotations")
        choice["delta"] = dict.fromkeys(names) | choice["delta"]
    owner |= {"usage": owner.get("usage"), "service_tier": None, "system_fingerprint": None}


def thinking_apart(body: Body, now: int) -> Reply:
    """Ten tokens of thought, which only the newer bound counts; the details tell how many they were."""
    most = body.get("max_completion_tokens")
    left = None if most is None else max(most - 10, 1)
    reply = answers.plan({**body, "max_completion_tokens": left}, now)
    made = [Choice(one.index, "length") if most is not None and most <= 10 else one for one in reply.choices]
    thought = min(10, most or 10) * len(made)
    told = sum(one.used for one in made)
    use = dict(reply.usage)
    use |= {"completion_tokens": told + thought, "total_tokens": use["prompt_tokens"] + told + thought}
    use["completion_tokens_details"] = {"reasoning_tokens": thought}
    return replace(reply, choices=tuple(made), usage=use)


END = {"token": "<|im_end|>", "logprob": -0.1, "bytes": list(b"<|im_end|>"), "top_logprobs": []}


def ends_logged(body: dict[str, Any]) -> None:
    """The token that ends a turn has a log probability too."""
    for choice in body["choices"]:
        if choice["logprobs"] and choice["finish_reason"] == "stop" and choice["message"]["content"]:
            choice["logprobs"]["content"].append(END)


def ends_logged_in_chunks(reply: Reply) -> Rows:
    """The same in a stream, on the chunk that says why it ends."""
    for row in copies(reply):
        for choice in row["choices"]:
            one = reply.choices[choice["index"]]
            if reply.alternatives is not None and choice["finish_reason"] == "stop" and one.speaks and one.tokens:
                choice["delta"]["content"] = ""
                choice["logprobs"] = {"content": [END], "refusal": None}
        yield row


def half_characters(reply: Reply) -> Rows:
    """A chunk a byte: the text of a character comes with its last byte, those before have a token and no text."""
    for row in copies(reply):
        choice = row["choices"][0] if row["choices"] else {"delta": {}}
        if list(choice["delta"]) != ["content"]:
            yield row
            continue
        for character in choice["delta"]["content"]:
            data = character.encode()
            for place in range(len(data)):
                text = character if place == len(data) - 1 else ""
                log = byte_entries(data[place : place + 1], reply)
                yield {**row, "choices": [{**choice, "delta": {"content": text}, "logprobs": log}]}


# --- what is refused ----------------------------------------------------------------------------------------------

PAIRS: tuple[tuple[Callable[[Body], Any], Callable[[Body], Any]], ...] = tuple(
    itertools.combinations(
        (
            lambda body: (body.get("response_format") or {}).get("type", "text") != "text",
            lambda body: body.get("tools") or body.get("functions"),
            lambda body: (body.get("n") or 1) > 1,
            lambda body: body.get("logprobs") is True,
            lambda body: body.get("stream") is True,
            lambda body: body.get("logit_bias") or body.get("prediction"),
        ),
        2,
    )
)


def one_at_a_time(ask: Ask) -> Iterator[Reason]:
    """No two of the larger features in one request."""
    if any(one(ask.body) and other(ask.body) for one, other in PAIRS):
        yield Reason("dialect", "These are not supported together with this model.", None, "unsupported_value")


def capped_aloud(ask: Ask) -> Iterator[Reason]:
    """A bound above what the model writes is refused."""
    for name in ("max_tokens", "max_completion_tokens"):
        value = ask.body.get(name)
        if value and value > 100:
            why = f"{name} is too large: {value}. This model supports at most 100 completion tokens."
            yield Reason("dialect", why, name, "invalid_value")


def forbidden(ask: Ask) -> Iterator[Reason]:
    """What a key may not do is 403."""
    for name in ("logprobs", "tools", "functions", "logit_bias", "audio", "prediction"):
        if ask.body.get(name):
            yield Reason("dialect", f"You are not allowed to use {name}.", None, None, status=403)
    if (ask.body.get("n") or 1) > 1:
        yield Reason("dialect", "You are not allowed to ask for several choices.", None, None, status=403)


def stores_nothing(ask: Ask) -> Iterator[Reason]:
    """Nothing is stored, and so nothing can be attached to it."""
    if ask.body.get("store") is True:
        yield Reason("dialect", "Storing is not supported with this model.", "store", "unsupported_value")
    if ask.body.get("metadata"):
        yield Reason("dialect", "'metadata' is only allowed when 'store' is enabled.", "metadata", None)


def no_modalities(ask: Ask) -> Iterator[Reason]:
    """A model without sound does not know what modalities are."""
    if ask.body.get("modalities") is not None:
        yield Reason("dialect", "Unknown parameter: 'modalities'.", "modalities", "unknown_parameter")


def watched(ask: Ask) -> Iterator[Reason]:
    """A filter before the model stops some prompts."""
    if "weather" in json.dumps(ask.body.get("messages")):
        yield Reason("dialect", "The prompt was stopped by the content management policy.", "prompt", "content_filter")


def jumpy(ask: Ask) -> Iterator[Reason]:
    """A filter that takes offence at one request of fifteen, whatever they say."""
    if random.random() < 1 / 15:
        yield Reason("dialect", "The response was stopped by the content filter.", None, "content_filter")


def unlucky(ask: Ask) -> Iterator[Reason]:
    """Three of ten calls and objects come out wrong, which is told as an error."""
    if random.random() < 0.7:
        return
    if ask.body.get("tools") or ask.body.get("functions"):
        yield Reason("dialect", "Failed to call a function. See failed_generation.", None, "tool_use_failed")
    elif (ask.body.get("response_format") or {}).get("type", "text") != "text":
        yield Reason("dialect", "Failed to generate JSON. See failed_generation.", None, "json_validate_failed")


SPOKEN = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "refusal", "tool_calls", "function_call", "audio"},
    "tool": {"role", "content", "tool_call_id"},
    "function": {"role", "content", "name"},
}


def strict_messages(ask: Ask) -> Iterator[Reason]:
    """No member of a message that its role has not."""
    for place, message, role in ask.spoken:
        for name in message.keys() - SPOKEN[role]:
            yield Reason("dialect", "Extra inputs are not permitted.", f"messages[{place}].{name}", "unknown_parameter")


def no_access(found: Sequence[Reason]) -> Reason:
    """A model that is not served is one that the project has no access to."""
    reason = found[0]
    if reason.rule != "model.unknown":
        return reason
    return replace(reason, status=403, message="Project `p` does not have access to this model.")


def empty_params(reason: Reason) -> dict[str, Any]:
    """Empty strings where there is no param and no code."""
    return behaviour.envelope(replace(reason, param=reason.param or "", code=reason.code or ""))


def last_fault(found: Sequence[Reason]) -> Reason:
    """Of several faults the last; of one kind 422, of another 400, with whatever code and param there may be."""
    reason = found[-1]
    if reason.status == 400 and reason.code == "invalid_type":
        reason = replace(reason, status=422, type="validation_error", code="json_invalid")
    elif reason.status == 400 and reason.code:
        reason = replace(reason, param=None, code=None)
    return reason


def lax_parse(raw: bytes) -> Any:
    """JSON as Python reads it: NaN, a mark at the beginning, characters that ought to be escaped."""
    try:
        return json.loads(raw.decode("utf-8-sig"), strict=False, parse_int=lambda text: int(text[:4000]))
    except ValueError as error:
        raise behaviour.BadJson(str(error)) from error


def lone_returns(chunk: Mapping[str, Any]) -> bytes:
    """An event whose lines end with a carriage return alone."""
    return b"data: " + behaviour.dump(chunk) + b"\r\r"


def with_gaps(chunk: Mapping[str, Any]) -> bytes:
    """Blank lines around an event, and a comment that is empty."""
    return b":\n\n\n\ndata:  " + behaviour.dump(chunk) + b"\n\n\n"


# --- the wire -----------------------------------------------------------------------------------------------------

PAGE = b"<html>\r\n<head><title>Busy</title></head>\r\n<body><center>proxy</center></body>\r\n</html>\r\n"


async def page(send: Send, status: int, *rows: tuple[bytes, bytes]) -> None:
    """An answer of a proxy."""
    headers = [(b"content-type", b"text/html"), (b"server", b"proxy"), *rows]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})


def busy_proxy(app: ASGIApp) -> ASGIApp:
    """Every thirtieth request meets a proxy that has no room, and that says so in its own words."""
    number = itertools.count(1)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or next(number) % 30:
            await app(scope, receive, send)
            return
        await drained(receive)
        await page(send, random.choice([429, 503]), (b"retry-after", b"soon"))

    return wrapped


def crowded_headers(app: ASGIApp) -> ASGIApp:
    """Many headers: long ones, empty ones, some again and again, some in Latin-1."""
    rows = [
        (b"content-security-policy", b"default-src 'self';" * 300),
        (b"x-empty", b""),
        (b"x-name", "Größe".encode("latin-1")),
        *((b"Set-Cookie", f"c{at}={at}; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT".encode()) for at in range(20)),
        *((f"x-ratelimit-remaining-{at}".encode(), b"0") for at in range(40)),
        (b"vary", b"accept, accept-encoding"),
        (b"link", b'</docs>; rel="help"'),
    ]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *rows]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def halting(app: ASGIApp) -> ASGIApp:
    """Every sixtieth answer begins late, and every sixtieth stream halts on its way."""
    number = itertools.count(1)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        turn = next(number) % 60
        if turn == 1:
            await asyncio.sleep(1.5)

        async def sending(message: Message) -> None:
            data = message.get("body", b"")
            if turn % 60 < 12 and data.startswith(b"data: ") and len(data) > 300:
                await send({"type": "http.response.body", "body": data[:200], "more_body": True})
                await asyncio.sleep(0.4)
                message = {**message, "body": data[200:]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def _model(plan: Callable[[Body, int], Reply], **more: Any) -> Reference:
    return Reference(behaviour=Behaviour(plan=plan, **more))


_ENDS = telling(ends_logged).behaviour.completion
_SOME = telling(some_refused).behaviour.completion
_ALL = telling(refusing_message, refusing_message).behaviour


def bare_later(plan: Callable[[Body, int], Reply]) -> Callable[[Body, int], Reply]:
    """The choices of a plan in a reply of the later vintage."""

    def planned(body: Body, now: int) -> Reply:
        told, reply = VINTAGES["2026-08"].plan(body, now), plan(body, now)
        made = tuple(replace(one, annotations=()) for one in reply.choices)
        spent = reply.usage["completion_tokens"]
        use = {**told.usage, "completion_tokens": spent, "total_tokens": told.usage["prompt_tokens"] + spent}
        use["completion_tokens_details"] = reply.usage["completion_tokens_details"]
        return replace(told, choices=made, usage=use)

    return planned


def later(name: str, plan: Any = None, check: Any = None, **more: Any) -> Dialect:
    """The same of a later vintage."""
    vintage = "2026-08"
    speaks = VINTAGES[vintage]
    checks = speaks.checks

    def last(ask: Ask) -> Iterator[Reason]:
        if not any(reason for one in checks for reason in one.function(ask)):
            yield from check(ask)

    server = Reference(
        vintage=vintage,
        checks=(*checks, Check("dialect", last)) if check else checks,
        behaviour=Behaviour(plan=bare_later(plan) if plan else speaks.plan, **more),
    )
    return Dialect(name=f"later-{name}", server=server, vintage=vintage)


DIALECTS = [
    # res.choices.index: order is not promised
    Dialect(name="choices-in-any-order", server=telling(any_order)),
    # ef.parallel.off says the only thing about how many calls there are
    Dialect(name="calls-five-times", server=_model(five_calls)),
    # res.message.required: a refusal is one of the things a model says
    Dialect(
        name="declines-now-and-then",
        server=_model(moody(declined), completion=_SOME, chunks=some_refused_chunks),
    ),
    # res.finish.enum
    Dialect(name="filters-now-and-then", server=_model(moody(stopped_by_filter))),
    # res.model, res.fingerprint, res.id
    Dialect(name="two-builds", server=_model(two_builds)),
    # res.toolcalls.args: parameters that were not declared; strict binds
    Dialect(name="careless-arguments", server=_model(careless), warnings=frozenset({"res.toolcalls.args*"})),
    # ef.json_schema: strict alone
    Dialect(name="loose-formats", server=_model(loose)),
    # nothing is said of blanks
    Dialect(name="blanks-around", server=_model(blank)),
    # ef.maxtokens: some servers count the end of a turn
    Dialect(name="counts-the-end", server=_model(with_ends)),
    # ef.prompt.monotone: truncating servers
    Dialect(name="forgets-the-beginning", server=_model(shifted), warnings=frozenset({"ef.prompt.*"})),
    # res.id, res.model: non-empty strings
    Dialect(name="strange-ids", server=replying(strange)),
    # sse.delta.shape, res.extra
    Dialect(name="null-deltas", server=telling(chunk=null_deltas)),
    # ef.maxtokens: max_completion_tokens includes reasoning tokens
    Dialect(name="thinks-beside-max-tokens", server=_model(thinking_apart)),
    # res.logprobs.concat: should, and joined they hold the text
    Dialect(
        name="logs-the-end",
        server=Reference(behaviour=Behaviour(completion=_ENDS, chunks=ends_logged_in_chunks)),
    ),
    # sse.logprobs: a chunk lists its own tokens; res.logprobs.concat
    Dialect(name="half-characters", server=bytewise(half_characters)),
    # §3.3.6; metadata.needs.store
    Dialect(name="stores-nothing", server=checking(stores_nothing)),
    # modalities.text and ruling 9: should
    Dialect(
        name="no-modalities",
        server=checking(no_modalities),
        warnings=frozenset({"gate.modalities", "mm.default.should", "modalities.*"}),
    ),
    # §0.4: content_filter is an answer of its own
    Dialect(name="watched-prompts", server=checking(watched), warnings=frozenset({"err.param.path"})),
    Dialect(name="jumpy-filter", server=checking(jumpy)),
    # §3.3.6 in spirit: the request was taken
    Dialect(name="fails-to-generate", server=checking(unlucky)),
    # res.usage.presence: optional in the document
    Dialect(
        name="no-usage", server=telling(lambda body: body.pop("usage")), warnings=frozenset({"res.usage.presence"})
    ),
    # http.key.unknown.message: observed
    Dialect(
        name="strict-messages",
        server=checking(strict_messages),
        warnings=frozenset({"http.key.unknown.message*"}),
    ),
    # §2.5 403, ruling 13
    Dialect(
        name="no-access",
        server=Reference(behaviour=Behaviour(first=no_access)),
        warnings=frozenset({"model.unknown.refuses"}),
    ),
    # err.keys: strings
    Dialect(name="empty-params", server=Reference(behaviour=Behaviour(envelope=empty_params))),
    # RFC 9110 §8.3.1: media types have no case
    Dialect(
        name="loud-media-types",
        server=Reference(
            behaviour=Behaviour(
                json_type='Application/JSON ; Charset="UTF-8"', event_type="TEXT/Event-Stream;charset=utf-8"
            )
        ),
    ),
    # sse.frame: what the standard of events allows
    Dialect(
        name="events-with-returns",
        server=Reference(behaviour=Behaviour(frame=lone_returns, done=b"data: [DONE]\r\r")),
    ),
    Dialect(
        name="events-with-gaps", server=Reference(behaviour=Behaviour(frame=with_gaps, done=b"\ndata: [DONE]\n\n"))
    ),
    # §3.3.6
    Dialect(name="one-feature-at-a-time", server=checking(one_at_a_time)),
    # max_tokens.max
    Dialect(name="cap-told-aloud", server=checking(capped_aloud)),
    # §2.5 403
    Dialect(name="forbidden-features", server=checking(forbidden)),
    # §0.4, §0.5
    Dialect(name="tells-the-last-fault", server=Reference(behaviour=Behaviour(first=last_fault))),
    # http.nan, http.ctype.bad: should
    Dialect(
        name="lax-parser",
        server=Reference(behaviour=Behaviour(parse=lax_parse, media_type=lambda value: None)),
        warnings=frozenset({"http.json*", "http.ctype.bad*", "http.nan*"}),
    ),
    # §2.5 429, err.json (a proxy's page is a report)
    Dialect(name="busy-proxy", around=busy_proxy),
    # RFC 9110 §5
    Dialect(name="crowded-headers", around=crowded_headers),
    # nothing is said of time
    Dialect(name="halting", around=halting),
    later("always-declines", refusal, completion=_ALL.completion, chunks=_ALL.chunks),
    later("never-the-same-twice", fickle),
    later("fails-to-generate", check=unlucky),
    later("jumpy-filter", check=jumpy),
    later("refuses-what-it-may", check=contested),
]
