"""Relations: what must be alike in the outcomes of several requests (fact base §3.1).

The outcome is acceptance and, for a refusal, its status; no texts are compared, since servers sample. What a single
property does alone (its null, its default, its notation) is a request rule's finding: relations leave it out and ask
what those rules do not, above all refused bodies and everything at once.

Left out: mm.boundary.pair and mm.user (request rules ask them), mm.position (messages),
mm.image.detail and mm.strict.default (parts and output ask both sides), and the rows' integer and byte order mark
parts (PROP.integral, http.bom). What is sent otherwise is in ``other_forms``. The pairs of ruling 10 are never taken
apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ...strategies.bodies import MODEL, SCHEMAS, bodies, lean, nullable
from ...strategies.company import ADDITIONS, LATER_ADDITIONS
from ...strategies.json_values import is_array, is_object
from ...strategies.messages import assistant, assistant_calls, system, tool_call, tool_reply, user
from ..judge import Reaction, excuse, react
from ..model import Body, Chapter, Relation, Request, Script, Strength, Symptom, Undecided
from ..vintages import FIRST
from .forms import COUPLED, changed, documented, observed, prose
from .gates import TOOL
from .relation_outcomes import accepted_or_undecided, outcome, unlike
from .relation_sequels import isolation, leftovers, repeat, taken_again
from .views import is_integer, long_answer, usage

_BOUND = {"max_tokens": 16}
_TOOLS = {"tools": [TOOL]}
STRUCTURED = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMAS[0]}}

FAULTS: tuple[Body, ...] = (
    lean(temperature=3),
    lean(messages=[]),
    lean(n=0),
    lean(messages=[{"role": "bogus", "content": "Say hi."}]),
    {"model": MODEL},
    lean(top_p=1.01),
    lean(response_format={"type": "bogus"}),
    lean(stop=["A", "B", "C", "D", "E"]),
    lean(logit_bias={"0": 101}),
    lean(seed="7"),
)
"""Bodies with one fault each, which request rules ask as well."""


# --- other forms of one body --------------------------------------------------------------------------------------


def together_with(values: dict[str, Any], change: str) -> Callable[[Body], Script]:
    """All of the values at once change nothing. A value that is refused alone is its own rule's finding."""

    def script(body: Body) -> Script:
        keys = [key for key in values if key not in body]
        alone = yield [Request(lean(**{key: values[key]})) for key in keys]
        kept = {key: values[key] for key, one in zip(keys, alone, strict=True) if react(one) is Reaction.ACCEPTED}
        if not kept:
            raise Undecided("the server takes none of them alone")
        base = yield Request(body)
        other = yield Request({**body, **kept})
        return unlike(base, other, f"{change} ({', '.join(kept)})")

    return script


_BOUNDS = ("max_tokens", "max_completion_tokens")


def _nulls(vintage: str) -> Body:
    """All nullable properties but the bounds as null."""
    return dict.fromkeys(sorted(nullable(vintage) - set(_BOUNDS)))


def nulls(vintage: str) -> Callable[[Body], Script]:
    """All nullable properties as null. A bound is null where the body has none: beside another it is contested."""
    every = _nulls(vintage)

    def script(body: Body) -> Script:
        for bound in (None,) if any(name in body for name in _BOUNDS) else _BOUNDS:
            values = {**every, bound: None} if bound else every
            why = yield from together_with(values, "with these properties as null")(body)
            if why:
                return why
        return None

    return script


def reordered(value: Any) -> Any:
    """The same JSON value with the members of every object in the opposite order."""
    if is_object(value):
        return {key: reordered(item) for key, item in reversed(value.items())}
    return [reordered(item) for item in value] if is_array(value) else value


def escaped(value: Any) -> str:
    """The same JSON value with every character of its strings escaped (but the model's name, which is put in later)."""
    if is_object(value):
        return "{" + ",".join(f"{escaped(key)}:{escaped(item)}" for key, item in value.items()) + "}"
    if is_array(value):
        return "[" + ",".join(map(escaped, value)) + "]"
    if not isinstance(value, str) or value == MODEL:
        return json.dumps(value)
    units = value.encode("utf-16-be")
    pairs = (units[i : i + 2].hex() for i in range(0, len(units), 2))
    return '"' + "".join(f"\\u{pair}" for pair in pairs) + '"'


def spaced(body: Body) -> str:
    """The same body with whitespace of every kind wherever JSON lets it stand."""
    return "\r\n\t " + json.dumps(body, indent="\t", separators=(" \t,\r\n", "\n : ")) + " \n"


_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(rf"({_STRING})|([{{}}\[\],:])")


def of_text(change: Callable[[re.Match[str]], str]) -> Callable[[Request], Request]:
    """The form of a request that this makes of its text: of each string, in the first group, and each sign."""
    return lambda request: replace(request, raw=_TOKEN.sub(change, request.content.decode()).encode())


def _spaced_token(token: re.Match[str]) -> str:
    return token[1] or f"\r\n {token[2]}\t"


def _escaped_token(token: re.Match[str]) -> str:
    return escaped(json.loads(token[1])) if token[1] else token[2]


def written(write: Callable[[Body], str], change: str) -> Callable[[Body], Script]:
    """Another notation of the body changes nothing. If it fails for the lean body, the http chapter speaks."""

    def script(body: Body) -> Script:
        plain = yield Request(lean(**_BOUND))
        control = yield Request(raw=write(lean(**_BOUND)).encode())
        accepted_or_undecided(plain, "the lean body")
        accepted_or_undecided(control, "the lean body in this notation (see the http chapter)")
        base = yield Request(body)
        other = yield Request(raw=write(body).encode())
        return unlike(base, other, change)

    return script


def key_order(body: Body) -> Script:
    base = yield Request(body)
    other = yield Request(reordered(body))
    return unlike(base, other, "with the members of its objects in another order")


_DECIMALS = ("top_p", "frequency_penalty", "presence_penalty")
_DECIMAL = re.compile(rf'("(?:{"|".join(_DECIMALS)})": *-?[\d.]+)')


def _with_exponents(request: Request) -> Request:
    return replace(request, raw=_DECIMAL.sub(r"\1e0", request.content.decode()).encode())


def numbers(body: Body) -> Script:
    base = yield Request(body)
    for name in _DECIMALS:
        if name in body:
            text = json.dumps({**body, name: "@"})
            for form in (f"{body[name]}.0", f"{body[name]}e0", f"{body[name]}0E-1"):
                other = yield Request(raw=text.replace('"@"', form).encode())
                why = unlike(base, other, f"with {name} written as {form}")
                if why:
                    return why
    return None


def of_body(change: Callable[[Body], Body]) -> Callable[[Request], Request]:
    """The form of a request that this makes of its body."""
    return lambda request: replace(request, body=change(request.body))


def _stop_in_array(body: Body) -> Body:
    return {**body, "stop": [body["stop"]]} if isinstance(body.get("stop"), str) else body


def scalar_stop(body: Body) -> Script:
    controls = yield [Request(lean(stop="END")), Request(lean(stop=["END"]))]
    for control in controls:
        accepted_or_undecided(control, "a stop (see stop.string and stop.array.min)")
    base = yield Request(body)
    other = yield Request(_stop_in_array(body))
    return unlike(base, other, "with its stop string in an array")


def in_parts(body: Body) -> Body:
    """The same body with the texts of user messages as one text part each."""

    def parted(message: dict[str, Any]) -> dict[str, Any]:
        if message["role"] != "user" or not isinstance(message["content"], str):
            return message
        return {**message, "content": [{"type": "text", "text": message["content"]}]}

    return {**body, "messages": [parted(message) for message in body["messages"]]} if "messages" in body else body


def parts(body: Body) -> Script:
    base = yield Request(body)
    other = yield Request(in_parts(body))
    return unlike(base, other, "with its texts as text parts")


def part_tokens(body: Body) -> Script:
    base = yield Request(body)
    other = yield Request(in_parts(body))
    counts = [usage(exchange).get("prompt_tokens") for exchange in (base, other)]
    if not all(is_integer(count) for count in counts):
        raise Undecided("no prompt_tokens to compare")
    return None if counts[0] == counts[1] else f"{counts[0]} prompt_tokens for a text, {counts[1]} for a text part"


def streaming(body: Body) -> Script:
    plain = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
    base = yield Request(plain)
    other = yield Request({**plain, "stream": True})
    return unlike(base, other, "with stream: true")


# --- one property more or less ------------------------------------------------------------------------------------


def additions(values: Body) -> Callable[[Body], Script]:
    """None of these values makes a refused body an accepted one."""

    def script(body: Body) -> Script:
        base = yield Request(body)
        if react(base) is not Reaction.REFUSED:
            raise Undecided("the server does not refuse the body")
        added = [key for key in values if key not in body]
        others = yield [Request({**body, key: values[key]}) for key in added]
        for key, other in zip(added, others, strict=True):
            if react(other) is Reaction.ACCEPTED:
                return f"a request that is refused with {base.status} is accepted when {key} is added"
        return None

    return script


def removable(body: Body) -> Iterator[str]:
    """The optional properties that nothing else in the body depends on."""
    for key in body:
        if key not in ("model", "messages") and not any(
            other in body for other in (*COUPLED.get(key, ()), *(["metadata"] if key == "store" else []))
        ):
            yield key


def removals(body: Body) -> Script:
    base = yield Request(body)
    accepted_or_undecided(base, "the body with all properties")
    removed = list(removable(body))
    others = yield [Request({key: value for key, value in body.items() if key != gone}) for gone in removed]
    for gone, other in zip(removed, others, strict=True):
        if react(other) in (Reaction.REFUSED, Reaction.CRASHED) and not excuse(other):
            return f"a request is accepted, but {outcome(other)} without its {gone}"
    return None


# --- the table ----------------------------------------------------------------------------------------------------

_DEFAULTS: Body = {
    "store": False,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logprobs": False,
    "n": 1,
    "stream": False,
    "temperature": 1,
    "top_p": 1,
    "response_format": {"type": "text"},
}
_ALIKE = documented("the request object: both forms are the same JSON value or the same request")
_TALK = [system(), user("Hello."), assistant("Hi."), user("Say hi.")]
RICH = {
    "temperature": 0.7,
    "top_p": 0.9,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "seed": 7,
    "stop": "END",
    "user": "user-1",
    "n": 1,
    "response_format": {"type": "text"},
    "max_tokens": 16,
}
_STREAMABLE = (
    lean(temperature=3),
    lean(stop="END"),
    lean(messages=_TALK),
    lean(**_TOOLS),
    *FAULTS[1:5],
)
_REMOVABLE = (
    lean(**RICH),
    lean(**_BOUND, **_TOOLS, tool_choice="auto", parallel_tool_calls=True),
    lean(**_BOUND, stream=True, stream_options={"include_usage": True}, logprobs=True, top_logprobs=1),
)
_LATER_DEFAULTS: Body = {
    "modalities": ["text"],
    "service_tier": "auto",
    "verbosity": "medium",
    "prompt_cache_options": {"mode": "implicit", "ttl": "30m"},
}


def _relation(id: str, title: str, script: Callable[[Body], Script], *pins: Body, **rest: Any) -> Relation:
    given: dict[str, Any] = {
        "property": "relations",
        "source": _ALIKE,
        "strength": Strength.MUST,
        "symptom": Symptom.WRONG_STATUS,
        **rest,
    }
    return Relation(id=id, title=title, script=script, pins=pins, **given)


relations = [
    *changed(
        "2026-08",
        _relation(
            "mm.stream",
            "takes and refuses the same requests with stream: true as without",
            streaming,
            *_STREAMABLE,
            examples=bodies(stream=False),
            property="stream",
            source=documented("stream: says how the answer comes, not what is asked"),
            needs=("streaming",),
        ),
        pins=(
            *_STREAMABLE,
            lean(verbosity="bogus"),
            lean(safety_identifier=7),
            lean(messages=[{"role": "developer", "content": "You are terse."}, user()]),
        ),
        examples=bodies(stream=False, vintage="2026-08"),
    ),
    *changed(
        "2026-08",
        _relation(
            "mm.null",
            "takes null as if the property were absent, also for all nullable properties at once",
            nulls(FIRST),
            lean(),
            lean(**_BOUND, temperature=0.5, presence_penalty=0.5),  # null beside what it is used with
            lean(**_BOUND, stream=True, top_p=0.9, frequency_penalty=0.5),
            lean(**_BOUND, messages=[]),
            lean(**_BOUND, top_p=1.01),
            source=documented("the request object: properties that are nullable"),
            form=of_body(lambda body: {**_nulls(FIRST), **body}),
        ),
        script=nulls("2026-08"),
        form=of_body(lambda body: {**_nulls("2026-08"), **body}),
    ),
    _relation(
        "mm.default",
        "takes documented defaults as if they were absent, also all at once",
        together_with(_DEFAULTS, "with these properties at their defaults"),
        lean(**_BOUND),
        lean(**_BOUND, messages=[]),
        lean(**_BOUND, seed="7"),
        source=documented("the request object: documented defaults"),
        form=of_body(lambda body: {**_DEFAULTS, **body}),
    ),
    *changed(
        "2026-08",
        _relation(
            "mm.default.should",
            "takes the defaults of modalities and service_tier beside the other defaults",
            together_with({"modalities": ["text"], "service_tier": "auto"}, "with these properties at their defaults"),
            lean(**_BOUND, **_DEFAULTS),
            lean(**_BOUND, messages=[]),
            source=documented("modalities, service_tier: documented defaults"),
            strength=Strength.SHOULD,
        ),
        title="takes the defaults of modalities, service_tier, verbosity and cache options beside the other defaults",
        source=documented("modalities, service_tier, verbosity, prompt_cache_options: documented defaults"),
        script=together_with(_LATER_DEFAULTS, "with these properties at their defaults"),
    ),
    _relation(
        "mm.stop.scalar",
        "takes a stop string alone or in an array",
        scalar_stop,
        *(lean(stop=text) for text in ("\n", " ", "\U0001f6d1")),
        lean(stop="END", stream=True),
        property="stop",
        source=documented("stop: a string or an array of strings"),
        form=of_body(_stop_in_array),
    ),
    _relation(
        "mm.content.parts",
        "takes the text of user messages as a string or as one text part",
        parts,
        lean(messages=_TALK),
        lean(messages=[user("Größe → 大小 🛑")]),
        lean(stream=True),
        lean(temperature=3),
        property="messages",
        source=documented("messages: user content is a string or an array of parts"),
        needs=("content_parts",),
        form=of_body(in_parts),
    ),
    _relation(
        "mm.content.parts.tokens",
        "counts as many prompt tokens for a text part as for a text",
        part_tokens,
        lean(),
        property="messages",
        source=documented("messages: user content is a string or an array of parts"),
        strength=Strength.MAY,
        needs=("content_parts",),
    ),
    _relation(
        "mm.keyorder",
        "takes the members of objects in any order",
        key_order,
        lean(messages=[*_TALK[:-1], user("Say hi. " * 160)], temperature=0.7, stop=["END"]),  # more than a kilobyte
        lean(messages=[user(), assistant_calls(tool_call()), tool_reply()], **_TOOLS, tool_choice="auto"),
        lean(response_format=STRUCTURED, stream=True),
        lean(messages=in_parts(lean(messages=_TALK))["messages"]),
        lean(temperature=3, seed=7),
        lean(messages=FAULTS[3]["messages"], seed=7),
        form=of_body(reordered),
    ),
    _relation(
        "mm.number",
        "reads a decimal the same in every notation of a JSON number",
        numbers,
        lean(**_BOUND, top_p=1),
        lean(**_BOUND, frequency_penalty=-2),
        lean(**_BOUND, presence_penalty=3),
        source=documented("top_p, frequency_penalty, presence_penalty: numbers"),
        form=_with_exponents,
    ),
    _relation(
        "mm.whitespace",
        "reads JSON the same with and without insignificant whitespace",
        written(spaced, "with whitespace between its tokens"),
        lean(**_BOUND, temperature=3),
        lean(**_BOUND, messages=_TALK, stop=["END", "\n"], stream=True),
        lean(**_BOUND, **_TOOLS),
        {"model": MODEL},
        form=of_text(_spaced_token),
    ),
    _relation(
        "mm.whitespace.escapes",
        "reads escaped characters as the characters, also in names and enumerations",
        written(escaped, "with the characters of its strings escaped"),
        lean(**_BOUND, temperature=3),
        lean(**_BOUND, messages=[system(), user('Größe/大小 🛑 "\\')], stop=["/", "🛑"]),
        lean(**_BOUND, **_TOOLS, tool_choice="auto", stream=True),
        lean(**_BOUND, response_format={"type": "bogus"}),
        form=of_text(_escaped_token),
    ),
    *changed(
        "2026-08",
        _relation(
            "mm.monotone.bad",
            "refuses an invalid request also with one more valid property",
            additions(ADDITIONS),
            *FAULTS[:2],
            source=documented("the request object: no property repairs another's value"),
            symptom=Symptom.ACCEPTED_INVALID,
        ),
        script=additions(LATER_ADDITIONS),
    ),
    *changed(
        "2026-08",
        _relation(
            "mm.monotone.good",
            "takes a valid request also with one optional property less",
            removals,
            *_REMOVABLE,
            source=documented("the request object: all properties but model and messages are optional"),
            symptom=Symptom.REFUSED_VALID,
        ),
        pins=(
            *_REMOVABLE,
            lean(**_BOUND, safety_identifier="user-1", prompt_cache_key="key-1", user="user-1"),
            lean(**_BOUND, verbosity="low", reasoning_effort="low", prompt_cache_options={"mode": "implicit"}),
        ),
    ),
    _relation(
        "mm.isolation",
        "takes a valid request right after invalid ones",
        isolation,
        *FAULTS[:2],
        {},  # nothing that is required
        source=prose("each request stands for itself"),
        symptom=Symptom.REFUSED_VALID,
        quiet=True,
    ),
    _relation(
        "mm.isolation.options",
        "answers a request without a stop string, tools or more choices as before one that has them",
        leftovers,
        long_answer(max_tokens=32, temperature=0, seed=7),
        source=prose("each request stands for itself"),
        symptom=Symptom.WRONG_CONTENT,
        valid=True,
        quiet=True,
    ),
    _relation(
        "mm.repeat",
        "takes a valid request each time that it is sent",
        taken_again,
        lean(),
        source=prose("each request stands for itself"),
        symptom=Symptom.REFUSED_VALID,
        quiet=True,
    ),
    _relation(
        "mm.repeat.neg",
        "refuses an invalid request the same way when it is sent again",
        repeat,
        *FAULTS[:4],
        source=observed("the same fault gives the same status, type, param and code"),
        strength=Strength.MUST,
    ),
]

CHAPTER = Chapter("relations", "Requests compared", tuple(relations))
