"""Odd but conforming: models with strange habits, and gateways with strange manners, as real ones have.

Each name is followed by the row of the fact base that lets it be so.
"""

from __future__ import annotations

import asyncio
import email.utils
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour, stream
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import stopped, stops, tokenize
from chatproof.conformance.reference.validator import CHECKS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk, telling
from .base import Dialect
from .refusing import without

Body = Mapping[str, Any]
Rows = Iterator[Mapping[str, Any]]

SORRY = ("I", "'m", " sorry", ",", " I", " can", "not", " help", ".")


def copies(reply: Reply) -> Iterator[Chunk]:
    """The chunks of the reference, free to be changed."""
    return (json.loads(json.dumps(row)) for row in stream.chunks(reply))


def counted(body: Body, reply: Reply, *choices: Choice) -> Reply:
    """The reply with other choices, and the usage that they make."""
    use = answers.usage(body, choices)
    return replace(reply, choices=choices, usage=use)


def speaking(say: Callable[[Body, int], tuple[str, ...]]) -> Reference:
    """A model that calls what it must, and says what ``say`` tells for a body and the index of a choice."""

    def plan(body: Body, now: int) -> Reply:
        reply = answers.plan(body, now)
        most = answers.bound(body)
        made: list[Choice] = []
        for choice in reply.choices:
            if choice.calls or choice.function or (body.get("response_format") or {}).get("type", "text") != "text":
                made.append(choice)
                continue
            tokens = say(body, choice.index)
            cut = most is not None and len(tokens) > most
            written = stopped(answers.Written(tokens[:most], cut), stops(body))
            audio = answers._speaks(body, now)
            made.append(Choice(choice.index, "length" if written.cut else "stop", written.tokens, audio))
        return counted(body, reply, *made)

    return Reference(behaviour=Behaviour(plan=plan))


def checking(row: Callable[[Ask], Iterator[Reason]]) -> Reference:
    """With further reasons to refuse what has no other fault."""

    def last(ask: Ask) -> Iterator[Reason]:
        if not any(reason for check in CHECKS for reason in check.function(ask)):
            yield from row(ask)

    return Reference(checks=(*CHECKS, Check("dialect", last)))


# --- what a model says --------------------------------------------------------------------------------------------


def refusal(body: Body, now: int) -> Reply:
    """Every wish is declined, that for a call or for an object as well."""
    bare = {key: value for key, value in body.items() if key not in ("modalities", "audio", "stop", "logit_bias")}
    reply = answers.plan(bare, now)
    most = answers.bound(body)
    cut = most is not None and most < len(SORRY)
    made = [Choice(choice.index, "length" if cut else "stop", SORRY[:most]) for choice in reply.choices]
    return counted(body, reply, *made)


def refusing_message(owner: dict[str, Any]) -> None:
    """The text as a refusal: the content null, the log probabilities under the other name."""
    for choice in owner["choices"]:
        said = choice.get("message") or choice["delta"]
        if "content" in said:
            text = said["content"]
            whole = "message" in choice or "role" not in said
            said |= {"content": None, "refusal": text if whole else None}
        if choice.get("logprobs"):
            choice["logprobs"] = {"content": None, "refusal": choice["logprobs"]["content"]}


def eager(body: Body, now: int) -> Reply:
    """Wherever a tool may be called it is, twice where that is allowed."""
    if body.get("tools") and body.get("tool_choice") in (None, "auto"):
        return answers.plan({**body, "tool_choice": "required"}, now)
    if body.get("functions") and body.get("function_call") in (None, "auto"):
        name = body["functions"][0]["name"]
        reply = answers.plan({**body, "function_call": {"name": name}}, now)
        made = [replace(one, finish="function_call" if one.finish == "stop" else one.finish) for one in reply.choices]
        return replace(reply, choices=tuple(made))
    return answers.plan(body, now)


LEAD = "I will look that up."


def beside_calls(body: dict[str, Any]) -> None:
    """A word before the call."""
    for choice in body["choices"]:
        if choice["message"].get("tool_calls"):
            choice["message"]["content"] = LEAD


def before_calls(reply: Reply) -> Rows:
    """The same in a stream: pieces of text before the first piece of a call."""
    for row in copies(reply):
        yield row
        for choice in row["choices"]:
            if "role" in choice["delta"] and reply.choices[choice["index"]].calls:
                for at, token in enumerate(tokenize(LEAD)):
                    log = answers.logprobs(reply, (token,), at)
                    yield {**row, "choices": [{**choice, "delta": {"content": token}, "logprobs": log}]}


def fickle(body: Body, now: int) -> Reply:
    """Neither temperature nor seed make it say the same twice, and it calls a tool when it feels like it."""
    other = {**body, "seed": random.getrandbits(31)}
    if body.get("tools") and body.get("tool_choice") in (None, "auto"):
        other["tool_choice"] = random.choice(["none", "required"])
    reply = answers.plan(other, now)
    made: list[Choice] = []
    for choice in reply.choices:
        if choice.speaks and body.get("response_format") is None and len(choice.tokens) > 2 and random.random() < 0.3:
            choice = replace(choice, tokens=choice.tokens[: random.randint(1, len(choice.tokens) - 1)], finish="stop")
        made.append(choice)
    return counted(body, reply, *made)


def silent(body: Body, index: int) -> tuple[str, ...]:
    """Nothing but the end of the turn."""
    return ()


def one_word(body: Body, index: int) -> tuple[str, ...]:
    """The whole of what it has to say is one token."""
    return ("Understood",)


PROTOCOL = (
    'data: [DONE]\n\ndata: {"error": {"message": "boom", "type": "server_error"}}\n\n: x\r\n<html>\u2028\u0085\u2029'
    '\ufeff[DONE]\n{"choices": []}\nTraceback (most recent call last):\n  File "/srv/app.py", line 1, in <module>\n'
    "KeyError: 'sk-test' 👩‍👩‍👧‍👦 \U0001f6d1\n\n"
)


def protocol(body: Body, index: int) -> tuple[str, ...]:
    """A text that looks like the wire that carries it."""
    return tuple(tokenize(PROTOCOL * 3))


def raw_dump(value: object) -> bytes:
    """JSON with as few escapes as there may be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def raw_frame(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + raw_dump(chunk) + b"\n\n"


def shuffled(value: Any) -> Any:
    """The same value with the members of its objects in a random order."""
    if isinstance(value, dict):
        rows = [(key, shuffled(item)) for key, item in value.items()]
        return dict(random.sample(rows, len(rows)))
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def pretty(value: object) -> bytes:
    """Indented, with blanks around, members in any order, every character of a string escaped."""
    text = json.dumps(shuffled(json.loads(json.dumps(value))), indent=2)
    return f"\r\n\t {text} \n\n".encode()


def in_lines(chunk: Mapping[str, Any]) -> bytes:
    """One event of many data lines, which the standard joins."""
    lines = json.dumps(chunk, indent=1).encode().split(b"\n")
    return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


def byte_entries(data: bytes, reply: Reply) -> dict[str, Any] | None:
    """A token a byte: a character of several bytes has several, none of which is a text."""
    if reply.alternatives is None:
        return None
    rows: list[dict[str, Any]] = []
    for one in data:
        shown = chr(one) if one < 128 else f"bytes:\\x{one:02x}"
        entry = {"token": shown, "logprob": -0.5, "bytes": [one]}
        rows.append({**entry, "top_logprobs": [entry][: reply.alternatives]})
    return {"content": rows, "refusal": None}


def by_characters(reply: Reply) -> Rows:
    """A chunk a character, with the tokens of all its bytes."""
    for row in copies(reply):
        for choice in row["choices"]:
            if choice["logprobs"] is not None:
                choice["logprobs"] = byte_entries((choice["delta"].get("content") or "").encode(), reply)
        yield row


def bytewise(chunks: Callable[[Reply], Rows] = by_characters) -> Reference:
    """A model without a vocabulary: its tokens are bytes, and a bound may leave a character out half way."""

    def plan(body: Body, now: int) -> Reply:
        free = {key: value for key, value in body.items() if key not in ("max_tokens", "max_completion_tokens")}
        reply = answers.plan({**free, "max_tokens": None}, now)
        most = answers.bound(body)
        made: list[Choice] = []
        spent = 0
        for choice in reply.choices:
            if not choice.speaks:
                inner = answers.plan({**body, "n": 1}, now).choices[0]
                made.append(replace(inner, index=choice.index))
                spent += inner.used
                continue
            data = "".join(choice.tokens).encode("utf-8")
            kept = data[:most]
            spent += len(kept)
            text = kept.decode("utf-8", "ignore")
            finish = "length" if len(kept) < len(data) else choice.finish
            made.append(replace(choice, tokens=tuple(text), finish=finish))
        reply = counted(body, reply, *made)
        use = {**reply.usage, "completion_tokens": spent, "total_tokens": reply.usage["prompt_tokens"] + spent}
        return replace(reply, usage=use)

    def completion(reply: Reply) -> Any:
        body = answers.completion(reply)
        for choice, row in zip(reply.choices, body["choices"], strict=True):
            if choice.speaks:
                row["logprobs"] = byte_entries("".join(choice.tokens).encode(), reply)
        return body

    return Reference(behaviour=Behaviour(plan=plan, completion=completion, chunks=chunks))


def sparse_logprobs(owner: dict[str, Any]) -> None:
    """Bytes null, whole numbers and the stand-in for the unlikely, fewer alternatives than were asked for."""
    for choice in owner["choices"]:
        entries: list[Any] = (choice.get("logprobs") or {}).get("content") or []
        for place, entry in enumerate(entries):
            entry |= {"bytes": None, "logprob": (0, -0.0, -1, -9999.0, -1e-07)[place % 5]}
            tops = [{**top, "bytes": None} for top in entry["top_logprobs"][: place % 2]]
            entry["top_logprobs"] = [{**top, "logprob": entry["logprob"]} for top in tops]


def filtered(body: Body, now: int) -> Reply:
    """A filter cuts every text after its third token, and lets no call through."""
    free = {key: value for key, value in body.items() if key not in ("tools", "functions")}
    reply = answers.plan(free, now)
    heard = 0 if body.get("audio") else 3
    made = [Choice(one.index, "content_filter", one.tokens[:heard]) for one in reply.choices]
    return counted(body, reply, *made)


def thinking(body: Body, now: int) -> Reply:
    """Ten tokens of thought that come first under either bound, counted in the total alone."""
    most = answers.bound(body)
    names = {"max_tokens": None, "max_completion_tokens": None}
    left = None if most is None else most - 10
    if left is not None and left <= 0:
        reply = answers.plan({**body, "max_tokens": 1, "max_completion_tokens": None}, now)
        made = [Choice(choice.index, "length") for choice in reply.choices]
        spent = (most or 0) * len(made)
    else:
        reply = answers.plan({**body, **names, "max_tokens": left}, now)
        made = list(reply.choices)
        spent = sum(one.used + 10 for one in made)
    prompt = reply.usage["prompt_tokens"]
    use = {"prompt_tokens": prompt, "completion_tokens": spent, "total_tokens": prompt + spent}
    return replace(reply, choices=tuple(made), usage=use)


def tagged(body: dict[str, Any]) -> None:
    """What was thought stands in a member of its own, and an empty text is null."""
    for choice in body["choices"]:
        choice["message"] |= {"reasoning_content": "Hm. ", "content": choice["message"]["content"] or None}


def capped(body: Body, now: int) -> Reply:
    """No answer is longer than 48 tokens, whatever was asked for."""
    most = answers.bound(body)
    return answers.plan({**body, "max_tokens": min(most or 48, 48), "max_completion_tokens": None}, now)


def clumsy(body: Body, now: int) -> Reply:
    """Arguments that are no JSON, and a tool that nobody declared, where nothing is strict or named."""
    reply = answers.plan(body, now)
    strict = any((tool.get("function") or {}).get("strict") for tool in body.get("tools") or ())
    if strict:
        return reply
    forced = isinstance(body.get("tool_choice"), dict)
    made: list[Choice] = []
    for one in reply.choices:
        calls = [
            call
            if one.finish == "length"
            else replace(call, name=call.name if forced else "look_up", arguments=("{city: ", "Paris"))
            for call in one.calls
        ]
        made.append(replace(one, calls=tuple(calls)))
    return counted(body, reply, *made)


def swapped(body: Body, now: int) -> Reply:
    """A required call ends with stop, a named one with the reason of its kind."""
    reply = answers.plan(body, now)
    choice = body.get("tool_choice")
    made: list[Choice] = []
    for one in reply.choices:
        if one.calls and one.finish != "length":
            if choice == "required":
                one = replace(one, finish="stop")
            elif isinstance(choice, dict):
                one = replace(one, finish="tool_calls")
        if one.function and one.finish == "stop":
            one = replace(one, finish="function_call")
        made.append(one)
    return replace(reply, choices=tuple(made))


# --- how a stream is cut ------------------------------------------------------------------------------------------


def last_first(reply: Reply) -> Rows:
    """Choices one after another, the last one first."""
    rows = list(copies(reply))
    order = sorted((row for row in rows if row["choices"]), key=lambda row: -row["choices"][0]["index"])
    yield from order
    yield from (row for row in rows if not row["choices"])


def abreast(reply: Reply) -> Rows:
    """All choices that are still going in one chunk."""
    rows = list(copies(reply))
    lines: dict[int, list[Chunk]] = {}
    for row in rows:
        for choice in row["choices"]:
            lines.setdefault(choice["index"], []).append(choice)
    for pieces in itertools.zip_longest(*lines.values()):
        yield {**rows[0], "choices": [piece for piece in pieces if piece is not None]}
    yield from (row for row in rows if not row["choices"])


def braided(reply: Reply) -> Rows:
    """The pieces of parallel calls take turns, the later call ends first."""
    waiting: list[Chunk] = []

    def flush() -> Rows:
        lines: dict[tuple[int, int], list[Chunk]] = {}
        for row in waiting:
            choice = row["choices"][0]
            lines.setdefault((choice["index"], choice["delta"]["tool_calls"][0]["index"]), []).append(row)
        heads = [line.pop(0) for line in lines.values()]
        yield from heads
        for pieces in itertools.zip_longest(*reversed(lines.values())):
            yield from (piece for piece in pieces if piece is not None)
        waiting.clear()

    for row in copies(reply):
        if row["choices"] and "tool_calls" in row["choices"][0]["delta"]:
            waiting.append(row)
            continue
        if not row["choices"] or row["choices"][0]["finish_reason"]:
            yield from flush()
        yield row


def roles_again(reply: Reply) -> Rows:
    """The role in every chunk, an empty text where there is none, and the type of a call with every piece."""
    for row in copies(reply):
        for choice in row["choices"]:
            choice["delta"] = {"role": "assistant", "content": "", **choice["delta"]}
            for call in choice["delta"].get("tool_calls", ()):
                call["type"] = "function"
        yield row


def usage_early(reply: Reply) -> Rows:
    """The usage with the last piece, asked for or not, and where it was asked for in a chunk of its own as well."""
    rows = list(copies(reply))
    ends = [row for row in rows if row["choices"] and row["choices"][0]["finish_reason"]]
    ends[-1]["usage"] = dict(reply.usage)
    yield from rows


# --- members that a gateway fills in ------------------------------------------------------------------------------


def nulls(owner: dict[str, Any]) -> None:
    """Every member that its schema has, null or empty where there is nothing to say."""
    owner |= {"service_tier": owner.get("service_tier"), "system_fingerprint": None}
    for choice in owner["choices"]:
        message = choice.get("message")
        if message is not None:
            message |= {"audio": message.get("audio"), "annotations": [], "reasoning_content": None}
            message["function_call"] = message.get("function_call")
            message["tool_calls"] = message.get("tool_calls", [])
    if owner.get("usage"):
        owner["usage"] |= {"prompt_tokens_details": None, "completion_tokens_details": None}


def empty_refusals(owner: dict[str, Any]) -> None:
    """An empty string where nothing is refused, and a tier that was not asked for."""
    owner["service_tier"] = "default"
    for choice in owner["choices"]:
        said = choice.get("message") or choice["delta"]
        if said.get("refusal", 0) is None:
            said["refusal"] = ""


def cached() -> Reference:
    """An answer that was given before is given again, with its id and its time; the prompt's tokens come cached."""
    known: dict[str, Reply] = {}

    def plan(body: Body, now: int) -> Reply:
        mark = json.dumps(body, sort_keys=True)
        if mark not in known:
            known[mark] = answers.plan(body, now)
            return known[mark]
        reply = known[mark]
        details = {**reply.usage["prompt_tokens_details"], "cached_tokens": reply.usage["prompt_tokens"]}
        return replace(reply, usage={**reply.usage, "prompt_tokens_details": details})

    return Reference(behaviour=Behaviour(plan=plan))


# --- what is refused ----------------------------------------------------------------------------------------------

WINDOW = 160


def window(ask: Ask) -> Iterator[Reason]:
    """A small context, which prompt and answer share."""
    bound = answers.bound(ask.body) or 0
    needed = prompt_tokens(ask.body) + bound
    if needed > WINDOW:
        why = f"This model's maximum context length is {WINDOW} tokens. However, you requested {needed} tokens."
        yield Reason("dialect", why, "messages", "context_length_exceeded")


def template(ask: Ask) -> Iterator[Reason]:
    """A chat template that knows no system, and a user and an assistant who take turns."""
    roles = [role for _, _, role in ask.spoken]
    if "system" in roles:
        yield Reason("dialect", "System role not supported", None, None)
    turns = [role for role in roles if role in ("user", "assistant")]
    if any(one == other for one, other in itertools.pairwise(turns)) or (turns and turns[0] != "user"):
        yield Reason("dialect", "Conversation roles must alternate user/assistant/user/assistant/...", None, None)


def unstored(ask: Ask) -> Iterator[Reason]:
    """Metadata belongs to what is stored."""
    if ask.body.get("metadata") and ask.body.get("store") is not True:
        yield Reason("dialect", "'metadata' is only allowed when 'store' is enabled.", "metadata", None)


def contested(ask: Ask) -> Iterator[Reason]:
    """All that may be refused."""
    body = ask.body
    for key in ("function_call", "functions", "parallel_tool_calls", "response_format", "tool_choice", "tools", "user"):
        if key in body and body[key] is None:
            yield Reason("dialect", f"Invalid type for '{key}': null.", key, "invalid_type")
    for key in ("n", "seed", "max_tokens", "max_completion_tokens", "top_logprobs"):
        if isinstance(body.get(key), float):
            yield Reason("dialect", f"Invalid type for '{key}': expected an integer.", key, "invalid_type")
    if body.get("stop") in ("", []):
        yield Reason("dialect", "'stop' is empty.", "stop", "empty_string")
    if body.get("modalities") == []:
        yield Reason("dialect", "'modalities' is empty.", "modalities", "empty_array")
    if any(isinstance(value, float) for value in (body.get("logit_bias") or {}).values()):
        yield Reason("dialect", "A bias is an integer.", "logit_bias", "invalid_type")
    if any(int(key) > 99 for key in body.get("logit_bias") or {} if key.isdigit()):
        yield Reason("dialect", "Such a token there is not.", "logit_bias", None)
    n, cold = body.get("n") or 1, body.get("temperature") == 0
    if n != 1 and cold:
        yield Reason("dialect", "best_of must be 1 when using greedy sampling.", "n", None)
    if body.get("top_logprobs") == 0 and not body.get("logprobs"):
        yield Reason("dialect", "'top_logprobs' needs 'logprobs'.", "top_logprobs", None)
    shape = body.get("response_format")
    if isinstance(shape, dict) and shape.get("type") == "json_schema" and "schema" not in shape["json_schema"]:
        yield Reason("dialect", "A schema is missing.", "response_format.json_schema.schema", None)
    names = [(tool.get("function") or tool.get("custom")).get("name") for tool in body.get("tools") or ()]
    if len(set(names)) < len(names):
        yield Reason("dialect", "Tool names must be unique.", "tools", None)
    roles = [role for _, _, role in ask.spoken]
    if roles[-1] == "assistant" or set(roles) == {"system"}:
        yield Reason("dialect", "The last message must be the user's or a tool's.", "messages", None)
    text = json.dumps(body)
    if "\\u0000" in text or any("\ud800" <= sign <= "\udfff" for sign in str(body.get("user"))):
        yield Reason("dialect", "There is a character that no text has.", None, None)
    for _, message, _ in ask.spoken:
        if message.get("content") == [] or len(message.get("name") or "") > 64:
            yield Reason("dialect", "A message is not as it should be.", "messages", None)
        if message.get("tool_calls", 0) is None:
            yield Reason("dialect", "'tool_calls' is null.", "messages", "invalid_type")


def local(ask: Ask) -> Iterator[Reason]:
    """A plain model that tells in another language, and in no code, what it has not."""
    missing = ("tools", "functions", "logprobs", "response_format", "logit_bias", "prediction", "audio")
    for key in missing:
        value = ask.body.get(key)
        if value not in (None, False, {"type": "text"}):
            yield Reason("dialect", f"当前模型不支持参数 {key}。", None, None, type="bad_request")
    if any(part.get("type") in ("image_url", "input_audio") for _, _, part in ask.parts):
        yield Reason("dialect", "消息内容只能是文本。", None, None, type="bad_request")


def wordy(reason: Reason) -> dict[str, Any]:
    """An error with a long message of several lines in another language, and nothing in param and code."""
    message = f"エラー：リクエストが正しくありません。\n  → {reason.message}\n" + "詳細については管理者に。" * 300
    body = behaviour.envelope(replace(reason, message=message, param=None, code=None, type="Bad Request"))
    return body | {"detail": [{"loc": ["body"], "msg": "x"}], "object": "error", "status": 400, "path": "/v1"}


def no_json(value: str | None) -> Reason | None:
    """Another media type is 415, and so is none."""
    if value is not None and behaviour.media_type(value) is None:
        return None
    return Reason("http.ctype.bad", "Unsupported Media Type", None, None, status=415)


# --- the wire -----------------------------------------------------------------------------------------------------


async def answered(send: Send, status: int, message: str, *rows: tuple[bytes, bytes], code: str | None = None) -> None:
    """An error in the usual form."""
    error = {"message": message, "type": "requests", "param": None, "code": code}
    body = json.dumps({"error": error}).encode()
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json"), *rows]}
    )
    await send({"type": "http.response.body", "body": body})


async def drained(receive: Receive) -> None:
    while (await receive()).get("more_body", False):
        pass


def four_at_once(app: ASGIApp) -> ASGIApp:
    """A fifth request is told to come back, at a time that is given as a date."""
    going = 0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal going
        if going >= 4:
            await drained(receive)
            when = email.utils.formatdate(time.time() + 1, usegmt=True).encode()
            await answered(send, 429, "Too many at once.", (b"retry-after", when), code="rate_limit_exceeded")
            return
        going += 1
        try:
            await asyncio.sleep(0.002)
            await app(scope, receive, send)
        finally:
            going -= 1

    return wrapped


def naps(app: ASGIApp) -> ASGIApp:
    """Some tenths of a second out of service after every three hundred requests, told with 503 or 529."""
    number, until = itertools.count(1), 0.0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal until
        if scope["method"] == "POST" and next(number) % 300 == 0:
            until = time.monotonic() + 0.3
        if time.monotonic() < until:
            await drained(receive)
            await answered(send, random.choice([503, 529]), "The model is being loaded.")
            return
        await app(scope, receive, send)

    return wrapped


def in_crumbs(app: ASGIApp) -> ASGIApp:
    """Answers go out in pieces that end wherever, in the middle of characters and line ends too."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            data = message.get("body", b"")
            if message["type"] != "http.response.body" or len(data) > 20_000:
                await send(message)
                return
            for at in range(0, len(data), 97):
                await send({"type": "http.response.body", "body": data[at : at + 97], "more_body": True})
            await send({**message, "body": b""})

        await app(scope, receive, sending)

    return wrapped


def post_only(app: ASGIApp) -> ASGIApp:
    """A router that knows POST alone, and answers other methods as it does paths that it has not."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/chat/completions") and scope["method"] != "POST":
            await drained(receive)
            await answered(send, 404, f"Invalid URL ({scope['method']})", (b"connection", b"close"))
            return
        await app(scope, receive, send)

    return wrapped


def breaking_off(app: ASGIApp) -> ASGIApp:
    """Every seventh stream fails on its way, tells so in an event, and ends."""
    number = itertools.count(1)
    error = {"error": {"message": "Overloaded", "type": "server_error", "param": None, "code": None}}

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        broken = False

        async def sending(message: Message) -> None:
            nonlocal broken
            data = message.get("body", b"")
            if broken:
                return
            if data.startswith(b"data: ") and data.count(b"\n\n") > 3 and next(number) % 7 == 0:
                broken = True
                events = data.split(b"\n\n")[:2]
                data = b"\n\n".join([*events, b"data: " + json.dumps(error).encode(), b""])
                await send({"type": "http.response.body", "body": data, "more_body": False})
                return
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def _model(plan: Callable[[Body, int], Reply], **more: Any) -> Reference:
    return Reference(behaviour=Behaviour(plan=plan, **more))


_REFUSED = telling(refusing_message, refusing_message).behaviour
_BESIDE = telling(beside_calls).behaviour

DIALECTS = [
    # res.message.required, res.message.nonempty, ef.choice.required (no refusal is a call)
    Dialect(name="always-declines", server=_model(refusal, completion=_REFUSED.completion, chunks=_REFUSED.chunks)),
    # ef.choice.required and res.finish.tools say nothing of when a model calls
    Dialect(name="eager-to-call", server=_model(eager)),
    # res.message.required: content beside calls is free
    Dialect(
        name="talks-before-it-calls",
        server=Reference(behaviour=Behaviour(completion=_BESIDE.completion, chunks=before_calls)),
    ),
    # ef.seed, ef.temp0: reports
    Dialect(name="never-the-same-twice", server=_model(fickle)),
    # res.message.nonempty: an empty text is legal
    Dialect(name="says-nothing", server=speaking(silent)),
    # ef.length: a one-token answer may stop naturally
    Dialect(name="one-word", server=speaking(one_word)),
    # http.unicode; RFC 8259 §7: what need not be escaped
    Dialect(
        name="speaks-protocol",
        server=replace(
            speaking(protocol),
            behaviour=replace(speaking(protocol).behaviour, dump=raw_dump, frame=raw_frame),
        ),
    ),
    # RFC 8259 §2: whitespace and order are free
    Dialect(name="pretty-json", server=Reference(behaviour=Behaviour(dump=pretty))),
    # sse.frame: an event is its data lines joined
    Dialect(name="events-in-lines", server=Reference(behaviour=Behaviour(frame=in_lines))),
    # res.logprobs.concat: a token may be part of a character; res.logprobs.count: fewer may come
    Dialect(name="a-token-a-byte", server=bytewise()),
    # res.logprobs.entry (bytes null), res.logprobs.range (-9999), res.logprobs.count (fewer)
    Dialect(name="sparse-logprobs", server=telling(sparse_logprobs, sparse_logprobs)),
    # res.finish.enum
    Dialect(name="filters-everything", server=_model(filtered)),
    # res.message.nonempty, res.usage.details (optional), ef.maxtokens
    Dialect(name="thinks-under-either-bound", server=_model(thinking)),
    # max_tokens.max: servers clamp silently
    Dialect(name="forty-eight-tokens", server=_model(capped)),
    # res.toolcalls.args, res.toolcalls.name: should
    Dialect(name="clumsy-caller", server=_model(clumsy), warnings=frozenset({"res.toolcalls.*", "sse.tool.args"})),
    # §2.2
    Dialect(name="other-ends-of-forced-calls", server=_model(swapped)),
    # sse.interleave
    Dialect(name="last-choice-first", server=Reference(behaviour=Behaviour(chunks=last_first))),
    Dialect(name="choices-abreast", server=Reference(behaviour=Behaviour(chunks=abreast))),
    # sse.tool.index: assemble by index
    Dialect(name="braided-calls", server=Reference(behaviour=Behaviour(chunks=braided))),
    # sse.role: repeating it is tolerated
    Dialect(
        name="role-in-every-chunk",
        server=Reference(behaviour=Behaviour(chunks=roles_again)),
        warnings=frozenset({"sse.tool.later"}),
    ),
    # sse.usage.off: usage on the last piece is tolerated
    Dialect(
        name="usage-with-the-last-piece",
        server=Reference(behaviour=Behaviour(chunks=usage_early)),
        warnings=frozenset({"sse.usage.on.null"}),
    ),
    # res.toolcalls.absent, res.fingerprint, res.tier, res.extra
    Dialect(
        name="fills-with-nulls",
        server=replace(without("assistant.toolcalls.min"), behaviour=telling(nulls).behaviour),
        warnings=frozenset({"assistant.toolcalls.min.refuses"}),
    ),
    # res.message.required (string or null), res.tier (never assert absence)
    Dialect(name="empty-refusals", server=telling(empty_refusals, empty_refusals)),
    # res.id (uniqueness: a report), res.usage.details
    Dialect(name="answers-from-a-cache", server=cached()),
    # ruling 15
    Dialect(name="tiny-window", server=checking(window)),
    # messages.single.system, role.system.unsupported, ruling 16
    Dialect(name="chat-template", server=checking(template)),
    # metadata.needs.store
    Dialect(name="metadata-needs-store", server=checking(unstored)),
    # §1.12, §1.13, §6, rulings 2, 5, 7, 12
    Dialect(name="refuses-what-it-may", server=checking(contested)),
    # err.keys, §3.3.6
    Dialect(
        name="other-tongue",
        server=replace(checking(local), behaviour=Behaviour(envelope=wordy, dump=raw_dump)),
    ),
    # http.ctype.bad, http.ctype.missing
    Dialect(name="wants-a-content-type", server=Reference(behaviour=Behaviour(media_type=no_json))),
    # http.size
    Dialect(name="small-bodies", server=Reference(limits=replace(LIMITS, body_max=16_000))),
    # §2.5 429, §3.3.3
    Dialect(name="four-at-once", around=four_at_once),
    Dialect(name="naps", around=naps),
    # RFC 9112 §7.1: pieces are of any size
    Dialect(name="in-crumbs", around=in_crumbs),
    # http.method: 404 is tolerated
    Dialect(name="post-only", around=post_only),
    # sse.error.during
    Dialect(name="breaks-off-often", around=breaking_off),
]
