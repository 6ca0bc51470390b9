"""Effects: what a property does must be seen in the answer (fact base §3.2).

Left out: ef.n (res.choices.count, res.choices.index and sse.finish.once), ef.usage.stream (sse.usage.on and
sse.usage.off), ef.tier (res.tier), ef.bias.zero (logit_bias), and what is in ``compared``.
Bodies whose stop strings, biases or token bounds may cut an answer short are passed over.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...strategies.bodies import SCHEMAS, lean
from ...strategies.json_values import is_array, is_object
from ...strategies.messages import tool_reply, user
from ...strategies.text import call_id
from ..judge import Reaction, excuse, react
from ..model import (
    NOT_JSON,
    AnswerRule,
    Body,
    Chapter,
    Exchange,
    Fresh,
    Relation,
    Request,
    Script,
    Strength,
    Symptom,
    Undecided,
)
from ..sse import read_json
from .answer_views import objects
from .forms import documented, prose
from .gates import TOOL
from .schema_fit import misfit
from .views import (
    ENDS_THERE,
    accepted,
    asked,
    choices,
    chunks,
    completion,
    is_integer,
    long_answer,
    messages,
    option,
    plain,
    usage,
)

_TIME: Body = {"type": "function", "function": {"name": "get_time", "parameters": TOOL["function"]["parameters"]}}
_WEATHER = {"messages": [user("What is the weather in Paris and in Rome?")], "tools": [TOOL], "max_tokens": 128}
_BOTH = {"messages": [user("What are the weather and the time in Paris?")], "tools": [TOOL, _TIME], "max_tokens": 128}
_NAMED = {"type": "function", "function": {"name": "get_weather"}}
_JSON = {"messages": [user("Name a city. Answer with a JSON object.")], "max_tokens": 256}
_FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMAS[0]}}
_COUNTING = long_answer()["messages"]


def _closed(**properties: Any) -> Body:
    """A schema of an object that has these members and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_PLACE = _closed(lat={"type": "number"}, lon={"type": "number"})

KEYWORDS: dict[str, tuple[str, Body]] = {
    "enum": ("the values that an enum allows", _closed(mood={"type": "string", "enum": ["glad", "sad"]})),
    "number": (
        "integers, numbers and booleans where they are asked for",
        _closed(people={"type": "integer"}, share={"type": "number"}, capital={"type": "boolean"}),
    ),
    "array": ("arrays and the type of their items", _closed(cities={"type": "array", "items": {"type": "string"}})),
    "nested": ("objects within objects", _closed(name={"type": "string"}, place=_PLACE)),
    "ref": ("definitions that it refers to", {**_closed(place={"$ref": "#/$defs/place"}), "$defs": {"place": _PLACE}}),
    "anyof": ("alternatives", _closed(note={"anyOf": [{"type": "integer"}, {"type": "null"}]})),
}
"""What else a strict schema says: keyword, what it stands for, and a schema that says it."""


# --- views --------------------------------------------------------------------------------------------------------


def bound(exchange: Exchange) -> int | None:
    """The token bound that was sent, of either name."""
    for name in ("max_tokens", "max_completion_tokens"):
        value = option(exchange, name)
        if is_integer(value):
            return value
    return None


def free(exchange: Exchange) -> bool:
    """A plain answer that no stop string, bias or token bound has shaped; all choices ended by themselves."""
    if not plain(exchange) or any(option(exchange, name) for name in ("stop", "logit_bias", "prediction")):
        return False
    most, spent = bound(exchange), usage(exchange).get("completion_tokens")
    if most is not None and not (is_integer(spent) and spent < most):
        return False
    return bool(choices(exchange)) and all(choice.get("finish_reason") != "length" for choice in choices(exchange))


def calls(message: dict[str, Any]) -> list[Any]:
    """The tool calls of a message."""
    found = message.get("tool_calls")
    return found if is_array(found) else []


def names(message: dict[str, Any]) -> list[str]:
    """The names of the called functions that are strings."""
    functions = [call.get("function") for call in calls(message) if is_object(call)]
    found = [function.get("name") for function in functions if is_object(function)]
    return [name for name in found if isinstance(name, str)]


def texts(exchange: Exchange) -> list[str]:
    """The contents of a plain answer that are non-blank strings."""
    found = [message.get("content") for message in messages(exchange)]
    return [text for text in found if isinstance(text, str) and text.strip()]


def tools_with(exchange: Exchange, name: str, value: Any) -> bool:
    """A plain answer to a request with tools in which a property has this value."""
    found = asked(exchange).get(name)
    return plain(exchange) and bool(option(exchange, "tools")) and type(found) is type(value) and found == value


def entries(choice: dict[str, Any]) -> list[Any]:
    """The token log probabilities of a choice."""
    logprobs = choice.get("logprobs")
    found = logprobs.get("content") if is_object(logprobs) else None
    return found if is_array(found) else []


# --- one answer ---------------------------------------------------------------------------------------------------


def bounded(name: str) -> Callable[[Exchange], bool]:
    """Answers that tell how many tokens they spent under this bound (predictions and sound count otherwise)."""

    def applies(exchange: Exchange) -> bool:
        return (
            is_integer(option(exchange, name))
            and bound(exchange) == option(exchange, name)
            and not any(option(exchange, other) for other in ("prediction", "audio"))
            and is_integer(usage(exchange).get("completion_tokens"))
        )

    return applies


def overspent(name: str, slack: int) -> Callable[[Exchange], str | None]:
    """More tokens than all choices may have, with some slack for each. max_tokens may leave out hidden reasoning."""

    def check(exchange: Exchange) -> str | None:
        spent = usage(exchange)["completion_tokens"]
        details = usage(exchange).get("completion_tokens_details")
        hidden = details.get("reasoning_tokens") if is_object(details) and name == "max_tokens" else 0
        number = option(exchange, "n", 1)
        number = number if is_integer(number) else 1
        most = option(exchange, name)
        if spent - (hidden if is_integer(hidden) else 0) <= (most + slack) * number:
            return None
        return f"{spent} completion_tokens for {name}: {most} and {number} choice(s)"

    return check


def one_token(name: str) -> Callable[[Exchange], bool]:
    """Plain answers with text to the endless question under a bound of one token."""

    def applies(exchange: Exchange) -> bool:
        others = ("stop", "tools", "functions", "logit_bias", "response_format", "prediction", "audio")
        return (
            plain(exchange)
            and option(exchange, name) == 1
            and asked(exchange).get("messages") == _COUNTING
            and usage(exchange).get("completion_tokens") in (None, 0, 1)  # else the bound was not kept: ef.maxtokens
            and not any(option(exchange, other) for other in others)
            and bool(texts(exchange))
        )

    return applies


def not_length(exchange: Exchange) -> str | None:
    for choice in choices(exchange):
        message = choice.get("message")
        text = message.get("content") if is_object(message) else None
        if isinstance(text, str) and text.strip() and choice.get("finish_reason") in ("stop", "tool_calls"):
            return (
                f"a bound of one token cut the answer {text[:40]!r}, and its finish_reason is {choice['finish_reason']}"
            )
    return None


def no_call(exchange: Exchange) -> str | None:
    if any(calls(message) for message in messages(exchange)):
        return 'a tool is called for tool_choice: "none"'
    return None


def uncalled(exchange: Exchange) -> bool:
    """Whether a choice calls nothing at all, malformed calls included, and neither refuses nor was filtered."""
    for choice in choices(exchange):
        message = choice.get("message")
        if not is_object(message) or choice.get("finish_reason") == "content_filter":
            continue
        if not any(message.get(name) for name in ("tool_calls", "function_call", "refusal")):
            return True
    return False


def some_call(exchange: Exchange) -> str | None:
    return 'no tool is called for tool_choice: "required"' if uncalled(exchange) else None


def forced(exchange: Exchange) -> bool:
    """Answers for the named tool that call something, or that came to their end and were asked for nothing else."""
    if not tools_with(exchange, "tool_choice", _NAMED):
        return False
    if any(names(message) for message in messages(exchange)):
        return True
    others = ("functions", "response_format", "audio")
    return free(exchange) and bool(messages(exchange)) and not any(option(exchange, name) for name in others)


def named(exchange: Exchange) -> str | None:
    choice = option(exchange, "tool_choice")
    function = choice.get("function") if is_object(choice) else None
    wanted = function.get("name") if is_object(function) else None
    for message in messages(exchange):
        for name in names(message):
            if name != wanted:
                return f"tool_choice names {wanted!r}, and {name[:64]!r} is called"
    if free(exchange) and uncalled(exchange):
        return f"tool_choice names {wanted!r}, and no tool is called"
    return None


def one_call(exchange: Exchange) -> str | None:
    most = max((len(calls(message)) for message in messages(exchange)), default=0)
    return None if most <= 1 else f"{most} tool calls in one message for parallel_tool_calls: false"


def talkative(choice: dict[str, Any]) -> bool:
    """A choice with text and without tool calls."""
    message = choice.get("message")
    if not is_object(message) or message.get("tool_calls") or message.get("function_call"):
        return False
    return isinstance(message.get("content"), str) and bool(message["content"].strip())


def logprobs_missing(exchange: Exchange) -> str | None:
    for choice in choices(exchange):
        logprobs = choice.get("logprobs")
        content = logprobs.get("content") if is_object(logprobs) else None
        if talkative(choice) and (logprobs is None or (is_object(logprobs) and content in (None, []))):
            return "logprobs: true, and a choice with text has no token log probabilities"
    return None


def logprobs_unasked(exchange: Exchange) -> str | None:
    if any(entries(choice) for choice in choices(exchange)):
        return "token log probabilities come unasked"
    return None


def _format(schema: Body) -> Body:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def formatted(kind: str, schema: Body = SCHEMAS[0]) -> Callable[[Exchange], bool]:
    """Complete plain texts in an asked format; of structured outputs, those with this strict schema."""

    def applies(exchange: Exchange) -> bool:
        wanted = option(exchange, "response_format")
        if not is_object(wanted) or wanted.get("type") != kind or not free(exchange):
            return False
        if kind == "json_schema":
            shape = wanted.get("json_schema")
            if not is_object(shape) or shape.get("strict") is not True or shape.get("schema") != schema:
                return False
        return bool(_finished(exchange))

    return applies


def beside_tools(applies: Callable[[Exchange], bool], there: bool) -> Callable[[Exchange], bool]:
    """The same answers to requests that bring tools which must not be called, or to all others."""
    return lambda exchange: applies(exchange) and tools_with(exchange, "tool_choice", "none") is there


def _finished(exchange: Exchange) -> list[str]:
    """The texts of the choices that came to their end."""
    return [
        choice["message"]["content"]
        for choice in choices(exchange)
        if choice.get("finish_reason") == "stop" and talkative(choice) and not choice["message"].get("refusal")
    ]


def not_json(exchange: Exchange) -> str | None:
    for text in _finished(exchange):
        if read_json(text) is NOT_JSON:
            return f"the content is not JSON: {text[:60]!r}"
    return None


def not_object(exchange: Exchange) -> str | None:
    for text in _finished(exchange):
        value = read_json(text)
        if value is not NOT_JSON and not is_object(value):
            return f"the content is JSON but no object: {text[:60]!r}"
    return None


def off_schema(exchange: Exchange) -> str | None:
    for text in _finished(exchange):
        value = read_json(text)
        if not (is_object(value) and list(value) == ["city"] and isinstance(value["city"], str)):
            return f"the content does not satisfy the schema (an object with the string city alone): {text[:60]!r}"
    return None


def misfitting(exchange: Exchange) -> str | None:
    schema = option(exchange, "response_format")["json_schema"]["schema"]
    for text in _finished(exchange):
        value = read_json(text)
        why = "is not JSON" if value is NOT_JSON else misfit(value, schema)
        if why:
            return f"the content does not satisfy the schema ({why}): {text[:60]!r}"
    return None


# --- several answers ----------------------------------------------------------------------------------------------


def _text(exchange: Exchange) -> str:
    """The text of an accepted answer with one choice, streamed or not."""
    if react(exchange) is not Reaction.ACCEPTED:
        raise Undecided("the request was not accepted")
    if asked(exchange).get("stream") is not True:
        found = texts(exchange)
        return found[0] if found else ""
    pieces: list[str] = []
    for chunk in chunks(exchange):
        for choice in objects(chunk.get("choices")):
            delta = choice.get("delta")
            piece = delta.get("content") if is_object(delta) else None
            pieces += [piece] if isinstance(piece, str) else []
    return "".join(pieces)


def _stop_for(text: str) -> str:
    """The likeliest character of a text beside its first: as a stop string it should cut the text."""
    common = Counter(sign for sign in text[1:] if sign.isascii() and sign.isprintable() and sign != " ")
    if not common:
        raise Undecided("the answer without a stop string is too short to choose one from")
    return min(common, key=lambda sign: (-common[sign], text.index(sign)))


def _piece_of(text: str) -> str | None:
    """Three to five characters from the middle of a text, which are rarely one token; no blank at either end."""
    for width in (3, 4, 5):
        for at in sorted(range(1, len(text) - width), key=lambda at: abs(at - len(text) // 2)):
            piece = text[at : at + width]
            if piece == piece.strip() and piece.isascii() and piece.replace("\n", " ").isprintable():
                return piece
    return None


def stops(body: Body) -> Script:
    whole = _text((yield Request({key: value for key, value in body.items() if key != "stream"})))
    stop, none = _stop_for(whole), "\u241e"
    piece = _piece_of(whole) or stop
    for wanted, form in ((stop, stop), (piece, piece), (stop, [stop, none]), (piece, [none, piece])):
        text = _text((yield Request({**body, "stop": form})))
        if wanted in text:
            return f"the text holds the stop string {wanted!r}: {text[:60]!r}"
    return None


def stop_finish(body: Body) -> Script:
    """Asks with a stop sequence out of the server's own answer: why its end is not told as a stop, or None."""
    whole = _text((yield Request(body)))
    stop = _stop_for(whole)
    cut = yield Request({**body, "stop": stop})
    text = _text(cut)
    if not text or not whole.startswith(text + stop):
        raise Undecided("the answer was not seen to be cut by the stop string")
    finish = choices(cut)[0].get("finish_reason")
    return f"cut by a stop string, and finish_reason is {finish}" if finish in ("length", "tool_calls") else None


def stop_prefix(body: Body) -> Script:
    whole = _text((yield Request(body)))
    text = _text((yield Request({**body, "stop": _stop_for(whole)})))
    return None if whole.startswith(text.strip()) else "the text with a stop string does not begin the text without"


def repeats(body: Body) -> Script:
    first = yield Request(body)
    second = yield Fresh(Request(body))
    marks = [completion(exchange).get("system_fingerprint") for exchange in (first, second)]
    if not _text(first) or marks[0] != marks[1]:
        raise Undecided("no two texts of one configuration to compare")
    return None if _text(first) == _text(second) else "the same request gets two different texts"


def longer(body: Body) -> Script:
    before = 0
    for most in (8, 16, 32, 64):
        after = len(_text((yield Request({**body, "max_tokens": most}))))
        if after < before:
            return f"a larger bound makes the text shorter: {after} characters for {most} tokens, {before} for fewer"
        before = after
    return None


def prompt_tokens(exchange: Exchange) -> int:
    """The count of an answer, from the last chunk that has one in a stream."""
    counts = [usage(exchange)] if asked(exchange).get("stream") is not True else []
    counts += [chunk["usage"] for chunk in chunks(exchange) if is_object(chunk.get("usage"))]
    count = counts[-1].get("prompt_tokens") if counts else None
    if not is_integer(count) or count < 1:
        raise Undecided("no prompt_tokens to compare")
    return count


def same_prompt(body: Body) -> Script:
    """A prompt that the server never saw, then the same once more, which it may have in a cache."""
    new = {**body, "messages": [user(f"Say hi to guest {secrets.token_hex(4)}.")]}
    first = prompt_tokens((yield Request(new)))
    second = prompt_tokens((yield Fresh(Request(new))))
    return None if first == second else f"the same request has {first} prompt_tokens, then {second}"


def _counting_chunks(exchange: Exchange) -> list[dict[str, Any]]:
    return [chunk for chunk in chunks(exchange) if is_object(chunk.get("usage"))]


def streamed_prompt(body: Body) -> Script:
    first = prompt_tokens((yield Request(body)))
    streamed: Exchange = yield Request({**body, "stream": True, "stream_options": {"include_usage": True}})
    if any(chunk.get("usage") and chunk["usage"].get("prompt_tokens") == 0 for chunk in _counting_chunks(streamed)):
        return f"{first} prompt_tokens without stream, 0 with it"
    second = prompt_tokens(streamed)
    return None if first == second else f"{first} prompt_tokens without stream, {second} with it"


def growing_prompt(body: Body) -> Script:
    first = prompt_tokens((yield Request(body)))
    # the same last message: a server that counts no other one counts the same
    more = [*body["messages"], {"role": "assistant", "content": "Hi."}, body["messages"][-1]]
    second = prompt_tokens((yield Request({**body, "messages": more})))
    return None if second > first else f"{first} prompt_tokens, and {second} with two more messages"


def echo(body: Body) -> Script:
    """The assistant's message goes back as received. A hand-made one of the same sense must be accepted as well."""
    first = yield Request(body)
    found = [choice for choice in choices(first) if is_object(choice.get("message"))]
    if react(first) is not Reaction.ACCEPTED or not found:
        raise Undecided("no message to send back")
    message = found[0]["message"]
    if calls(message) and found[0].get("finish_reason") == "length":
        raise Undecided("the tool call was cut")
    replies, model, control_replies = _replies(message)
    rest = {key: value for key, value in body.items() if key != "tool_choice"}
    second = yield Request({**rest, "messages": [*body["messages"], message, *replies]})
    if react(second) not in (Reaction.REFUSED, Reaction.CRASHED) or excuse(second):
        return None
    control = yield Request({**rest, "messages": [*body["messages"], model, *control_replies]})
    if react(control) is not Reaction.ACCEPTED:
        raise Undecided("a hand-made message of the same sense is not accepted either")
    return f"its own message, sent back as received, is {react(second)} ({second.status})"


def _replies(message: dict[str, Any]) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """What follows the message; a message with nothing but what a client must send and ids of ours; what follows it."""
    if not calls(message):
        text = message.get("content")
        if message.get("role") != "assistant" or not isinstance(text, str) or not text.strip():
            raise Undecided("no text to send back")
        more = [user("Once more, please.")]
        return more, {"role": "assistant", "content": text}, more
    made: list[dict[str, Any]] = []
    idents: list[str] = []
    for call in calls(message):
        function = call.get("function") if is_object(call) else None
        if not is_object(function) or not isinstance(call.get("id"), str) or not names(message):
            raise Undecided("a tool call is malformed")
        arguments = function.get("arguments")
        if not isinstance(arguments, str) or not is_object(read_json(arguments)):
            raise Undecided("the arguments of a tool call are no JSON object")
        idents.append(call["id"])
        plain_function = {"name": function.get("name"), "arguments": arguments}
        made.append({"id": call_id(len(idents)), "type": "function", "function": plain_function})
    if not all(idents) or len(set(idents)) < len(idents):
        raise Undecided("the ids of the tool calls are empty or alike")
    model = {"role": "assistant", "content": None, "tool_calls": made}
    return [tool_reply(ident) for ident in idents], model, [tool_reply(call["id"]) for call in made]


# --- the table ----------------------------------------------------------------------------------------------------


def _answer(
    id: str, prop: str, title: str, applies: Callable[[Exchange], bool], check: Any, *pins: Body, **rest: Any
) -> Any:
    given: dict[str, Any] = {"strength": Strength.MUST, "source": prose(f"{prop}: what it does"), **rest}
    return AnswerRule(id=id, property=prop, title=title, applies=applies, check=check, pins=pins, **given)


def _relation(id: str, prop: str, title: str, script: Callable[[Body], Script], *pins: Body, **rest: Any) -> Relation:
    given: dict[str, Any] = {"strength": Strength.MUST, "source": prose(f"{prop}: what it does"), **rest}
    return Relation(id=id, property=prop, title=title, script=script, pins=pins, **given)


bounds = [
    rule
    for name, suffix in (("max_tokens", ""), ("max_completion_tokens", ".completion"))
    for rule in (
        _answer(
            f"ef.maxtokens{suffix}",
            name,
            f"spends no more tokens than {name} allows (one more for the end is let pass)",
            bounded(name),
            overspent(name, 1),
            *(long_answer(**{name: most}) for most in (4, 1, 16)),
        ),
        _answer(
            f"ef.maxtokens{suffix}.exact",
            name,
            f"spends not even one token more than {name} allows",
            bounded(name),
            overspent(name, 0),
            *(long_answer(**{name: most}) for most in (4, 1, 16)),
            strength=Strength.MAY,
        ),
        _answer(
            f"ef.length{suffix}",
            name,
            f"says finish_reason length where {name}: 1 cuts the answer",
            one_token(name),
            not_length,
            long_answer(**{name: 1}),
            long_answer(**{name: 1}, temperature=0),
            doubt=ENDS_THERE,
        ),
    )
]

tools = [
    _answer(
        "ef.choice.none",
        "tool_choice",
        'calls no tool for tool_choice: "none"',
        lambda exchange: tools_with(exchange, "tool_choice", "none"),
        no_call,
        lean(**_WEATHER, tool_choice="none"),
        lean(**_WEATHER, tool_choice="none", temperature=0),
        needs=("tools",),
    ),
    _answer(
        "ef.choice.required",
        "tool_choice",
        'calls a tool for tool_choice: "required"',
        lambda exchange: (
            tools_with(exchange, "tool_choice", "required") and free(exchange) and bool(messages(exchange))
        ),
        some_call,
        lean(**_WEATHER, tool_choice="required"),
        lean(**_WEATHER, tool_choice="required", temperature=0),
        needs=("forced_tool",),
    ),
    _answer(
        "ef.choice.named",
        "tool_choice",
        "calls the tool that tool_choice names, and no other",
        forced,
        named,
        lean(tools=[_TIME, TOOL], tool_choice=_NAMED, max_tokens=128),
        lean(tools=[TOOL], tool_choice=_NAMED, max_tokens=128, temperature=0),
        lean(**_WEATHER, tool_choice=_NAMED),
        needs=("forced_tool",),
    ),
    _answer(
        "ef.parallel.off",
        "parallel_tool_calls",
        "calls at most one tool for parallel_tool_calls: false",
        lambda exchange: tools_with(exchange, "parallel_tool_calls", False),
        one_call,
        lean(**_BOTH, tool_choice="required", parallel_tool_calls=False),
        lean(**_BOTH, tool_choice="required", parallel_tool_calls=False, temperature=0),
        lean(**_WEATHER, parallel_tool_calls=False),
        lean(**_WEATHER, parallel_tool_calls=False, temperature=0),
        needs=("tools",),
    ),
    _relation(
        "ef.echo",
        "tools",
        "takes its own tool call back, as received, with the tool's answer",
        echo,
        lean(**_WEATHER, tool_choice=_NAMED),
        needs=("forced_tool",),
        symptom=Symptom.REFUSED_VALID,
    ),
    _relation(
        "ef.echo.text",
        "messages",
        "takes its own message back, as received, in a conversation",
        echo,
        lean(),
        symptom=Symptom.REFUSED_VALID,
    ),
]

contents = [
    _answer(
        "ef.logprobs",
        "logprobs",
        "gives token log probabilities for logprobs: true",
        lambda exchange: (
            plain(exchange) and option(exchange, "logprobs") is True and any(map(talkative, choices(exchange)))
        ),
        logprobs_missing,
        lean(logprobs=True),
        lean(logprobs=True, top_logprobs=2),
    ),
    _answer(
        "ef.logprobs.off",
        "answer",
        "gives no token log probabilities unasked",
        lambda exchange: plain(exchange) and option(exchange, "logprobs", False) is False and bool(choices(exchange)),
        logprobs_unasked,
        lean(),
        source=documented("logprobs: default false"),
    ),
    _answer(
        "ef.json_object",
        "response_format",
        "writes JSON for response_format json_object",
        beside_tools(formatted("json_object"), False),
        not_json,
        lean(**_JSON, response_format={"type": "json_object"}),
        lean(**_JSON, response_format={"type": "json_object"}, temperature=0),
        needs=("json_object",),
    ),
    _answer(
        "ef.json_object.tools",
        "response_format",
        "writes JSON for response_format json_object beside tools that must not be called",
        beside_tools(formatted("json_object"), True),
        not_json,
        lean(**_JSON, response_format={"type": "json_object"}, tools=[TOOL], tool_choice="none"),
        needs=("json_object", "tools"),
        twin_of=("ef.json_object",),
    ),
    _answer(
        "ef.json_object.kind",
        "response_format",
        "writes an object for response_format json_object",
        formatted("json_object"),
        not_object,
        lean(**_JSON, response_format={"type": "json_object"}),
        needs=("json_object",),
        strength=Strength.SHOULD,
    ),
    _answer(
        "ef.json_schema",
        "response_format",
        "writes what satisfies a strict schema",
        formatted("json_schema"),
        off_schema,
        lean(**_JSON, response_format=_FORMAT),
        lean(**_JSON, response_format=_FORMAT, temperature=0),
        needs=("json_schema",),
    ),
    *(
        _answer(
            f"ef.json_schema.{keyword}",
            "response_format",
            f"keeps to a strict schema: {meaning}",
            formatted("json_schema", schema),
            misfitting,
            lean(**_JSON, response_format=_format(schema)),
            needs=("json_schema",),
            twin_of=("ef.json_schema",),
        )
        for keyword, (meaning, schema) in KEYWORDS.items()
    ),
    _relation(
        "ef.stop",
        "stop",
        "leaves the stop string and what follows it out of the text",
        stops,
        long_answer(max_tokens=32),
        long_answer(max_tokens=32, temperature=0),
    ),
    _relation(
        "ef.stop.stream",
        "stop",
        "leaves the stop string out of a stream",
        stops,
        long_answer(max_tokens=32, stream=True),
        needs=("streaming",),
    ),
    _relation(
        "ef.stop.finish",
        "stop",
        "says finish_reason stop where a stop string cut the text",
        stop_finish,
        long_answer(max_tokens=32, temperature=0),
    ),
]

counts = [
    _relation(
        "ef.prompt.tokens",
        "messages",
        "counts the same prompt tokens for the same request",
        same_prompt,
        lean(),
        strength=Strength.SHOULD,
    ),
    _relation(
        "ef.prompt.tokens.stream",
        "stream_options",
        "counts the same prompt tokens with and without a stream",
        streamed_prompt,
        lean(),
        strength=Strength.SHOULD,
        needs=("stream_usage",),
    ),
    _relation(
        "ef.prompt.monotone",
        "messages",
        "counts more prompt tokens for more messages",
        growing_prompt,
        lean(),
        strength=Strength.SHOULD,
    ),
]

reported = [
    _relation(row, prop, title, script, pin, strength=Strength.MAY)
    for row, prop, title, script, pin in (
        ("ef.seed", "seed", "repeats its text for the same seed", repeats, lean(seed=7, max_tokens=16)),
        ("ef.temp0", "temperature", "repeats its text at temperature 0", repeats, lean(temperature=0, max_tokens=16)),
        (
            "ef.stop.prefix",
            "stop",
            "only shortens the text for a stop string at temperature 0",
            stop_prefix,
            long_answer(max_tokens=32, temperature=0),
        ),
        (
            "ef.monotone.max",
            "max_tokens",
            "does not shorten a text for a larger bound at temperature 0",
            longer,
            long_answer(temperature=0),
        ),
    )
]

_ALL = (*bounds, *tools, *contents, *counts, *reported)

CHAPTER = Chapter(
    "effects",
    "Effects of properties",
    tuple(replace(rule, valid=True) if isinstance(rule, Relation) else rule for rule in _ALL),
    accepted,
)
