"""Services that one rents, with the habits that their users tell of, thought of without knowing what is checked.

Whose habits they are and why each of them conforms is told in ``BLIND_8.md``.
"""

from __future__ import annotations

import itertools
import json
import random
import secrets
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import bound, script, tokenize
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk
from .base import Dialect
from .blind4_limits import choices
from .blind6_houses import reasoning, thinking_first, with_thoughts
from .blind6_parts import built, is_stream, lumped, now_and_then, with_rows, wrapping
from .blind8_parts import (
    DIGITS,
    LOWER,
    called,
    calls_at_once,
    form_is_422,
    hashed,
    lacking,
    marked,
    messages_of,
    note,
    noted,
    role_with_texts,
    several,
    shaped,
    signs,
    thinking_within,
    told,
    turned_away,
    usage_at_the_end,
)
from .blind_words import saying
from .odd import Body, copies

NUMBER = frozenset({"err.keys.code"})

# --- Azure --------------------------------------------------------------------------------------------------------

SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
PROMPTS = [{"prompt_index": 0, "content_filter_results": {**SAFE, "jailbreak": {"filtered": False, "detected": False}}}]


def watched(ask: Ask) -> Iterator[Reason]:
    """One conversation of eight sounds like something else."""
    if hashed(ask.body) % 8 == 0:
        why = "The response was filtered due to the prompt triggering the content management policy. "
        why += "Please modify your prompt and retry."
        yield Reason("filter", why, "prompt", "content_filter")


def azure_within(reason: Reason) -> dict[str, Any]:
    if reason.rule != "filter":
        return {}
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": SAFE}
    return {"status": reason.status, "innererror": inner}


def azure_body(reply: Reply, body: Chunk) -> None:
    body["prompt_filter_results"] = PROMPTS
    for choice in body["choices"]:
        choice["content_filter_results"] = SAFE if choice["message"]["content"] else {}


def asynchronous(reply: Reply) -> Iterator[Chunk]:
    """What the filter says comes when it comes: first of the prompt, then of what was said, the last after the end."""
    at = 0
    for place, row in enumerate(copies(reply)):
        if place == 0:
            yield {**row, "choices": [], "prompt_filter_results": PROMPTS}
        yield row
        for choice in row["choices"]:
            at += len(choice["delta"].get("content") or "")
            if place % 12 == 11 or choice["finish_reason"]:
                offsets = {"check_offset": 0, "start_offset": 0, "end_offset": at}
                empty = {"index": choice["index"], "delta": {}, "logprobs": None, "finish_reason": None}
                found = {**empty, "content_filter_results": SAFE, "content_filter_offsets": offsets}
                yield {**row, "choices": [found]}


AZURE = built(
    refuses=watched,
    plan=marked(lambda: f"chatcmpl-{signs(29)}", lambda name, place: f"call_{signs(24)}", fingerprint="fp_ee1d74bde0"),
    envelope=told(within=azure_within),
    **shaped(plain=azure_body, rows=asynchronous),
)
REGION = (b"x-ms-region", b"Sweden Central"), (b"apim-request-id", b"5a0e"), (b"x-ms-client-request-id", b"not-set")

# --- Gemini -------------------------------------------------------------------------------------------------------


def signed(reply: Reply, owner: Chunk) -> None:
    """What the model thought when it called, for nobody to read."""
    for choice in owner["choices"]:
        said = choice.get("message") or choice.get("delta") or {}
        for call in said.get("tool_calls") or ():
            call["extra_content"] = {"google": {"thought_signature": secrets.token_urlsafe(96)}}


def doubling(reply: Reply) -> Iterator[Chunk]:
    return calls_at_once(reply, lambda made: lumped(made, lambda k: 2**k))


GEMINI = built(
    refuses=lacking(
        lambda name: f"{name.title().replace('_', '')} is not enabled for this model",
        *("frequency_penalty", "presence_penalty", "logprobs"),
        code="INVALID_ARGUMENT",
    ),
    limits=replace(LIMITS, n_max=8),
    plan=marked(
        lambda: signs(23),
        lambda name, place: f"function-call-{signs(19, DIGITS)}",
        thinking_within(20),
        fingerprint=None,
    ),
    envelope=told(code=lambda reason: reason.status, within=lambda reason: {"status": "INVALID_ARGUMENT"}),
    **shaped(plain=signed, rows=doubling, chunk=signed),
)

# --- Groq ---------------------------------------------------------------------------------------------------------

MINUTE = 12_000
"""Tokens that one request may reserve."""
TIMES = {"queue_time": 0.07535312, "prompt_time": 0.006, "completion_time": 0.022, "total_time": 0.028}


def groq(ask: Ask) -> Iterator[Reason]:
    for place, message, role in ask.spoken:
        if role != "function" and message.get("name") is not None:
            inner = f"'messages.{place}' : property 'name' is unsupported"
            why = f"'messages.{place}' : for 'role:{role}' the following must be satisfied[({inner})]"
            yield Reason("dialect", why, f"messages[{place}].name", "unsupported_parameter")
    yield from lacking(lambda name: f"property '{name}' is unsupported", "n", "logprobs", "logit_bias")(ask)
    if "tool_choice" in ask.body and ask.body["tool_choice"] is None:
        yield Reason("dialect", "'tool_choice' : value must be one of none, auto, required", "tool_choice", None)
    wanted = prompt_tokens(ask.body) + choices(ask.body) * (bound(ask.body) or 0)
    if wanted > MINUTE:
        why = f"Request too large for this model on tokens per minute (TPM): Limit {MINUTE}, Requested {wanted}, "
        why += "please reduce your message size and try again."
        yield Reason("dialect", why, None, "rate_limit_exceeded", status=413, type="tokens")


def groq_plan(body: Body, now: int) -> Reply:
    reply = marked(lambda: f"chatcmpl-{uuid.uuid4()}", lambda name, place: signs(9, LOWER))(body, now)
    return noted(replace(reply, usage={**reply.usage, **TIMES}), request=f"req_{signs(26, LOWER)}")


def groq_body(reply: Reply, body: Chunk) -> None:
    body |= {"x_groq": {"id": note(reply, "request")}, "usage_breakdown": None}


def groq_rows(reply: Reply) -> Iterator[Chunk]:
    left = len(reply.choices)
    for place, row in enumerate(calls_at_once(reply)):
        left -= any(choice["finish_reason"] for choice in row["choices"])
        if place == 0:
            row["x_groq"] = {"id": note(reply, "request")}
        elif not left and row["choices"]:
            row["x_groq"] = {"id": note(reply, "request"), "usage": dict(reply.usage)}
        yield row


GROQ = built(refuses=groq, plan=groq_plan, **shaped(plain=groq_body, rows=groq_rows))
GROQ_HEADERS = (
    *((b"x-ratelimit-limit-requests", b"14400"), (b"x-ratelimit-remaining-requests", b"14399")),
    *((b"x-ratelimit-reset-requests", b"6s"), (b"x-ratelimit-reset-tokens", b"1.57s")),
    *((b"x-ratelimit-remaining-tokens", b"5843"), (b"via", b"1.1 google"), (b"x-request-id", b"req_01hxnxvkfjf6")),
)

# --- Cerebras -----------------------------------------------------------------------------------------------------


def alone(ask: Ask) -> Iterator[Reason]:
    """A prediction wants to be alone."""
    body = ask.body
    if body.get("prediction") and (body.get("logprobs") or choices(body) > 1 or body.get("tools")):
        why = "prediction is not supported with logprobs, n > 1 or tools"
        yield Reason("dialect", why, "prediction", "wrong_api_format")


def cerebras_times(reply: Reply, owner: Chunk) -> None:
    if owner.get("usage") or "message" in owner["choices"][0]:
        owner["time_info"] = {**TIMES, "created": reply.created + 0.25}


CEREBRAS = built(
    refuses=several(
        lacking(
            lambda name: f"property '{name}' is unsupported",
            *("frequency_penalty", "presence_penalty", "logit_bias"),
            code="wrong_api_format",
        ),
        alone,
    ),
    first=form_is_422,
    plan=marked(lambda: f"chatcmpl-{uuid.uuid4()}", lambda name, place: signs(9, LOWER), fingerprint="fp_70185065a4"),
    envelope=told(within=lambda reason: {"id": ""}),
    **shaped(plain=cerebras_times, chunk=cerebras_times, rows=lambda reply: lumped(reply, lambda k: 30 * 40**k)),
)
CEREBRAS_HEADERS = (
    (b"x-ratelimit-limit-requests-day", b"14400"),
    (b"x-ratelimit-remaining-tokens-minute", b"59871"),
    (b"x-ratelimit-reset-tokens-minute", b"11.382"),
    (b"inference-id", b"chatcmpl-0"),
)

# --- Perplexity ---------------------------------------------------------------------------------------------------

FOUND = [{"title": "A page", "url": "https://example.com/a", "date": "2024-11-20"}]
CITED = {"citations": ["https://example.com/a"], "search_results": FOUND}


def alternating(ask: Ask) -> Iterator[Reason]:
    """The user and the assistant take turns."""
    heard = [role for _, _, role in ask.spoken if role in ("user", "assistant")]
    if any(one == other for one, other in itertools.pairwise(heard)):
        why = "After the (optional) system message(s), user and assistant roles should be alternating."
        yield Reason("turns", why, "messages", None, type="invalid_message")


def sources(body: Body, index: int) -> Iterator[str]:
    """Where it is from, after every sentence."""
    for token in script(body, index):
        yield token
        if token == ".":
            yield from ("[", "1", "]")


def perplexity_body(reply: Reply, body: Chunk) -> None:
    body |= CITED
    body["usage"] |= {"search_context_size": "low", "cost": {"total_cost": 0.005, "request_cost": 0.005}}


def so_far(reply: Reply) -> Iterator[Chunk]:
    """What was said till now, beside what is new."""
    texts = dict.fromkeys(range(len(reply.choices)), "")
    for row in copies(reply):
        row |= CITED
        for choice in row["choices"]:
            texts[choice["index"]] += choice["delta"].get("content") or ""
            choice["message"] = {"role": "assistant", "content": texts[choice["index"]]}
        yield row


PERPLEXITY = built(
    refuses=several(
        alternating, lacking(lambda name: f"{name} is not supported with this model", "tools", "functions")
    ),
    plan=marked(lambda: str(uuid.uuid4()), None, saying(sources).behaviour.plan, fingerprint=None),
    envelope=told(code=lambda reason: reason.status, bare=("param",)),
    **shaped(plain=perplexity_body, rows=so_far),
)

# --- Fireworks ----------------------------------------------------------------------------------------------------

CAPITALS = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "PAYLOAD_TOO_LARGE"}


def long_is_streamed(ask: Ask) -> Iterator[Reason]:
    if (bound(ask.body) or 0) > 4_096 and ask.body.get("stream") is not True:
        yield Reason("dialect", "Requests with max_tokens > 4096 must have stream=true", "max_tokens", None)


def fire_entries(reply: Reply, owner: Chunk) -> None:
    at = 0
    for choice in owner["choices"]:
        for entry in (choice.get("logprobs") or {}).get("content") or ():
            entry |= {"token_id": len(entry["token"]), "sampling_logprob": entry["logprob"], "text_offset": at}
            at += len(entry["token"])


def fire_body(reply: Reply, body: Chunk) -> None:
    fire_entries(reply, body)
    body["perf_metrics"] = {"server-time-to-first-token": "0.139", "prompt-tokens": str(body["usage"]["prompt_tokens"])}


FIREWORKS = built(
    refuses=long_is_streamed,
    plan=marked(lambda: str(uuid.uuid4()), lambda name, place: f"call_{signs(24)}", fingerprint=None),
    envelope=told(kind=lambda reason: "error", code=lambda reason: CAPITALS.get(reason.status, "BAD_REQUEST")),
    **shaped(plain=fire_body, rows=usage_at_the_end, chunk=fire_entries),
)
FIREWORKS_HEADERS = (b"fireworks-prompt-tokens", b"17"), (b"fireworks-server-processing-time", b"0.139")

# --- Together -----------------------------------------------------------------------------------------------------


def together_plan(body: Body, now: int) -> Reply:
    """By chance, and it tells which."""
    seed = body.get("seed") or random.getrandbits(53)
    made = marked(lambda: f"nz{signs(5)}-{signs(16, '0123456789abcdef')}-AMS", lambda name, place: f"call_{signs(24)}")
    reply = made({**body, "seed": seed}, now)
    usage = {**reply.usage, "cached_tokens": 0}
    return noted(replace(reply, usage=usage, fingerprint=None), seed=seed)


def together_body(reply: Reply, body: Chunk) -> None:
    body["prompt"] = []
    for choice in body["choices"]:
        choice["seed"] = note(reply, "seed")
        choice["message"].setdefault("tool_calls", [])


def together_chunk(reply: Reply, row: Chunk) -> None:
    role_with_texts(row)
    for choice in row["choices"]:
        choice |= {"text": choice["delta"].get("content") or "", "seed": None}
        if choice["finish_reason"]:
            choice["seed"] = note(reply, "seed")


TOGETHER = built(
    lacks=("assistant.toolcalls.min",),
    plan=together_plan,
    **shaped(plain=together_body, chunk=together_chunk, rows=usage_at_the_end),
)

# --- OpenRouter ---------------------------------------------------------------------------------------------------

PROVIDERS = {
    "Azure": (lambda k: 1, "stop", "fp_eb37e061ec"),
    "Anthropic": (lambda k: 6, "end_turn", None),
    "Google": (lambda k: 2**k, "STOP", None),
    "DeepInfra": (lambda k: 1 + k % 2, "eos", ""),
}


def routed(body: Body, now: int) -> Reply:
    provider = random.choice(list(PROVIDERS))
    reply = answers.plan(body, now)
    reply = replace(reply, ident=f"gen-{now}-{signs(20)}", fingerprint=PROVIDERS[provider][2])
    return noted(called(reply, lambda name, place: f"{name}_{place}_{signs(20)}"[-40:]), provider=provider)


def router_members(reply: Reply, owner: Chunk) -> None:
    provider = note(reply, "provider")
    owner["provider"] = provider
    for choice in owner["choices"]:
        native = PROVIDERS[provider][1] if choice["finish_reason"] == "stop" else choice["finish_reason"]
        choice["native_finish_reason"] = native
        (choice.get("message") or {}).setdefault("reasoning", None)
    if owner.get("usage"):
        owner["usage"] |= {"cost": 1.25e-05, "is_byok": False}


def router_chunk(reply: Reply, row: Chunk) -> None:
    router_members(reply, row)
    role_with_texts(row)


def router_rows(reply: Reply) -> Iterator[Chunk]:
    return lumped(reply, PROVIDERS[note(reply, "provider")][0])


def processing(chunk: Any) -> bytes:
    """A sign of life now and then."""
    return (b": OPENROUTER PROCESSING\n\n" if random.random() < 0.2 else b"") + behaviour.frame(chunk)


def raw(reason: Reason) -> dict[str, Any]:
    """The words of the provider, as they came."""
    inner = json.dumps(behaviour.envelope(reason), indent=2)
    return {"metadata": {"raw": inner, "provider_name": "Azure", "is_byok": False}}


def fails_on_the_way(every: int) -> Any:
    """One stream of so many ends with an error after its first words."""
    error = {"message": "Provider disconnected unexpectedly", "type": "server_error", "param": None, "code": "502"}

    def around(app: ASGIApp) -> ASGIApp:
        number = itertools.count(1)

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            fails = over = False

            async def sending(message: Message) -> None:
                nonlocal fails, over
                if message["type"] == "http.response.start":
                    fails = is_stream(message) and next(number) % every == 0
                elif over:
                    return
                elif fails:
                    over = True
                    kept = [*message["body"].split(b"\n\n")[:2], b"data: " + json.dumps({"error": error}).encode(), b""]
                    message = {"type": "http.response.body", "body": b"\n\n".join(kept), "more_body": False}
                await send(message)

            await app(scope, receive, sending)

        return wrapped

    return around


OPENROUTER = built(
    plan=routed,
    frame=processing,
    envelope=told(
        message=lambda reason: f"Provider returned error: {reason.message}",
        code=lambda reason: reason.status,
        within=raw,
        beside=lambda reason: {"user_id": "user_2x0000000000000000000f5"},
    ),
    **shaped(plain=router_members, rows=router_rows, chunk=router_chunk),
)

# --- xAI ----------------------------------------------------------------------------------------------------------


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def deserializer(reason: Reason) -> str:
    if reason.status != 422:
        return reason.message
    return f"Failed to deserialize the JSON body into the target type: {reason.param}: {reason.message}"


def xai_plan(body: Body, now: int) -> Reply:
    reply = reasoning(body, now)
    details = {**reply.usage["prompt_tokens_details"], "text_tokens": reply.usage["prompt_tokens"], "image_tokens": 0}
    return replace(reply, usage={**reply.usage, "prompt_tokens_details": details, "num_sources_used": 0})


XAI = built(
    refuses=lacking(
        lambda name: f"Argument not supported on this model: {camel(name)}",
        *("stop", "frequency_penalty", "presence_penalty"),
        code="Client specified an invalid argument",
    ),
    first=form_is_422,
    plan=marked(lambda: str(uuid.uuid4()), lambda name, place: f"call_{signs(8, DIGITS)}", xai_plan),
    envelope=told(message=deserializer, code=lambda reason: reason.code or "Client specified an invalid argument"),
    **shaped(completion=with_thoughts, rows=thinking_first),
)
XAI_HEADERS = (
    (b"x-ratelimit-limit-requests", b"480"),
    (b"x-ratelimit-remaining-tokens", b"1999000"),
    (b"vary", b"origin"),
)

# --- Mistral ------------------------------------------------------------------------------------------------------


def order_of_roles(ask: Ask) -> Iterator[Reason]:
    heard = [role for _, _, role in ask.spoken]
    if heard and heard[-1] == "assistant":
        why = "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
        yield Reason("order", why, "messages", "3230", type="invalid_request_message_order")
    if ("tool", "user") in itertools.pairwise(heard):
        why = "Unexpected role 'user' after role 'tool'"
        yield Reason("order", why, "messages", "3230", type="invalid_request_message_order")


def mistral_message(reason: Reason) -> str:
    if reason.status != 422:
        return reason.message
    detail = {"type": reason.code, "loc": ["body", *(reason.param or "").split(".")], "msg": reason.message}
    return json.dumps({"detail": [detail]})


def mistral_within(reason: Reason) -> dict[str, Any]:
    return {"object": "error", "raw_status_code": reason.status}


def padded(reply: Reply, row: Chunk) -> None:
    row["p"] = signs(random.randrange(40), "abcdefghijklmnopqrstuvwxyz")


def calls_end(reply: Reply) -> Iterator[Chunk]:
    return usage_at_the_end(reply, lambda made: calls_at_once(made, ends=True))


MISTRAL = built(
    refuses=order_of_roles,
    first=form_is_422,
    plan=marked(lambda: uuid.uuid4().hex, lambda name, place: signs(9), fingerprint=None),
    envelope=told(
        message=mistral_message,
        code=lambda reason: reason.code if reason.rule == "order" else "3051",
        within=mistral_within,
    ),
    **shaped(rows=calls_end, chunk=padded),
)
MISTRAL_HEADERS = (
    (b"mistral-correlation-id", b"019b98cb"),
    (b"x-kong-upstream-latency", b"131"),
    (b"x-kong-request-id", b"0"),
)

# --- Databricks ---------------------------------------------------------------------------------------------------


def decoder(ask: Ask) -> Iterator[Reason]:
    yield from lacking(lambda name: f"{name} > 1 is not supported for this endpoint", "n")(ask)


def counting(reply: Reply) -> Iterator[Chunk]:
    """What it comes to so far, with everything."""
    asked, so_far_said = reply.usage["prompt_tokens"], 0
    for row in copies(reply):
        for choice in row["choices"]:
            so_far_said += any(choice["delta"].get(name) for name in ("content", "tool_calls", "function_call"))
            now = reply.usage["completion_tokens"] if choice["finish_reason"] else so_far_said
            now = min(now, reply.usage["completion_tokens"])
            row["usage"] = {"prompt_tokens": asked, "completion_tokens": now, "total_tokens": asked + now}
        yield row


DATABRICKS = built(
    refuses=decoder,
    plan=marked(lambda: f"msg_bdrk_{signs(24)}", lambda name, place: f"toolu_bdrk_{signs(24)}", fingerprint=None),
    envelope=told(beside=lambda reason: {"error_code": "BAD_REQUEST", "message": reason.message}),
    chunks=counting,
)
DATABRICKS_HEADERS = (b"x-databricks-org-id", b"0"), (b"server", b"databricks"), (b"served-model-name", b"reference")

# --- Claude behind a gateway --------------------------------------------------------------------------------------

ASIDE = tokenize("I'll look that up.")


def claude(ask: Ask) -> Iterator[Reason]:
    if ask.body.get("temperature") is not None and ask.body.get("top_p") is not None:
        why = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        yield Reason("dialect", why, None, None)
    for place, message, _ in ask.spoken:
        if message.get("content") == "":
            yield Reason("dialect", f"messages.{place}: text content blocks must be non-empty", "messages", None)
    yield from lacking(
        lambda name: f"{name}: Extra inputs are not permitted; it is not supported with this model.",
        *("n", "logprobs", "logit_bias", "frequency_penalty", "presence_penalty", "seed"),
    )(ask)


def beside_calls(body: Body, now: int) -> Reply:
    """It says what it does, where nobody counts or stops it."""
    made = marked(lambda: f"msg_01{signs(22)}", lambda name, place: f"toolu_01{signs(22)}", fingerprint=None)
    reply = made(body, now)
    if bound(body) is not None or body.get("stop") or not any(one.calls for one in reply.choices):
        return reply
    spent = sum(len(ASIDE) for one in reply.choices if one.calls)
    usage = {**reply.usage, "completion_tokens": reply.usage["completion_tokens"] + spent}
    usage["total_tokens"] += spent
    return noted(replace(reply, usage=usage), speaks=True)


def spoken_beside(reply: Reply, body: Chunk) -> None:
    for message in messages_of(body):
        if note(reply, "speaks") and message.get("tool_calls"):
            message["content"] = "".join(ASIDE)


def spoken_before(reply: Reply) -> Iterable[Chunk]:
    for row in copies(reply):
        yield row
        for choice in row["choices"]:
            if note(reply, "speaks") and "role" in choice["delta"] and reply.choices[choice["index"]].calls:
                for token in ASIDE:
                    yield {**row, "choices": [{**choice, "delta": {"content": token}, "logprobs": None}]}


CLAUDE = built(
    refuses=claude,
    plan=beside_calls,
    envelope=told(beside=lambda reason: {"type": "error", "request_id": f"req_011{signs(21)}"}),
    **shaped(plain=spoken_beside, rows=spoken_before),
)


def _like(
    name: str, server: Any, *headers: tuple[bytes, bytes], warned: Iterable[str] = (), around: Any = None
) -> Dialect:
    layers = [with_rows(*headers)] if headers else []
    return Dialect(
        name=f"blind8-like-{name}",
        server=server,
        around=wrapping(*layers, *([around] if around else [])),
        warnings=frozenset(warned),
    )


DIALECTS = [
    _like("azure", AZURE, *REGION, warned=["err.param.path*"]),
    _like("gemini", GEMINI, warned=[*NUMBER, "n.more.accepts", "n.max.accepts"]),
    _like("groq", GROQ, *GROQ_HEADERS, warned=["n.max.accepts"]),
    _like("cerebras", CEREBRAS, *CEREBRAS_HEADERS),
    _like("perplexity", PERPLEXITY, warned=[*NUMBER, "err.keys.param"]),
    _like("fireworks", FIREWORKS, *FIREWORKS_HEADERS),
    _like("together", TOGETHER, warned=["assistant.toolcalls.min.refuses"]),
    _like("openrouter", OPENROUTER, warned=NUMBER, around=fails_on_the_way(90)),
    _like("xai", XAI, *XAI_HEADERS),
    _like("mistral", MISTRAL, *MISTRAL_HEADERS),
    _like("databricks", DATABRICKS, *DATABRICKS_HEADERS, warned=["sse.usage.on.null", "n.max.accepts"]),
    _like(
        "claude-gateway",
        CLAUDE,
        warned=["n.max.accepts", "content.empty.*"],
        around=now_and_then(80, turned_away(529, "Overloaded", "overloaded_error")),
    ),
]
