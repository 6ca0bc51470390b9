"""The request of vintage 2024-11 as a table of shapes, and what no shape can say."""

from __future__ import annotations

import re
from typing import Any

from .manners import MODELS, Manners
from .shapes import Fault, Path, Shape, check

VOCABULARY = 151_936
WHOLE = {"n", "seed", "top_logprobs", "max_tokens", "max_completion_tokens"}

LONE = re.compile("[\ud800-\udfff]")
SPACED = re.compile(r"[\s<>|/\\]")


def table(manners: Manners) -> dict[str, Shape]:
    """The shape of each top-level member, in the order in which faults are reported."""
    takes = manners.takes
    rest = {"...": "refuse"} if manners.unknown == "refuse" else {}
    whole = "whole" if takes else "integer"  # 1.0 for 1
    fewest = 0 if takes else 1

    def absent(shape: Shape) -> Shape:
        """Null where the documents do not allow it, but the service reads it as absent."""
        return (shape, "null") if takes else shape

    schema: Shape = {}
    function: Shape = {
        "name": "name", "description?": "string 0 1024", "parameters?": schema, "strict?": ("boolean", "null"),
    }  # fmt: skip
    detail = "enum auto low high"
    parts: dict[str, Shape] = {
        "text": {"text": "string"},
        "image_url": {"image_url": {"url": "string", "detail?": detail}},
        "input_audio": {"input_audio": {"data": "string", "format": "enum wav mp3"}},
        "refusal": {"refusal": "string"},
    }

    def content(*names: str) -> Shape:
        return ("string 0 1048576", [{"<type>": {name: parts[name] for name in names}}, fewest, None])

    called: Shape = {"name": "name", "arguments": "string"}
    call: Shape = {"id": "string 1 40", "<type>": {"function": {"function": called}}}
    name: Shape = {"name?": absent("string")}
    roles: dict[str, Shape] = {
        "system": {"content": content("text"), **name},
        "user": {"content": content("text", "image_url", "input_audio"), **name},
        "assistant": {
            "content?": (*content("text", "refusal"), "null"),
            "refusal?": ("string", "null"),
            "audio?": ({"id": "string"}, "null"),
            "tool_calls?": absent([call, 1, 128]),
            "function_call?": (called, "null"),
            **name,
        },
        "tool": {"content": content("text"), "tool_call_id": "string"},
        "function": {"content": ("string 0 1048576", "null"), "name": "string"},
    }
    if takes:
        roles["developer"] = roles["system"]
    text: Shape = ("string", [{"<type>": {"text": parts["text"]}}, 1, None])
    named: Shape = {"<type>": {"function": {"function": {"name": "name"}}}}
    formats: dict[str, Shape] = {
        "text": rest,
        "json_object": rest,
        "json_schema": {
            "json_schema": {
                "name": "name", "description?": "string", "strict?": ("boolean", "null"),
                "schema?" if takes else "schema": schema,
            },
            **rest,
        },
    }  # fmt: skip
    bias = f"{'number' if takes else 'integer'} -100 100"
    return {
        "model": "string",
        "messages": [{"<role>": roles}, 1, None],
        "functions": absent([function, 1, 128]),
        "function_call": absent(("enum none auto", {"name": "name"})),
        "tools": absent([{"<type>": {"function": {"function": function}}}, 1, 128]),
        "tool_choice": absent(("enum none auto required", named)),
        "parallel_tool_calls": absent("boolean"),
        "max_completion_tokens": (f"{whole} 1", "null"),
        "n": (f"{whole} 1 {manners.most_choices}", "null"),
        "temperature": ("number 0 2", "null"),
        "top_p": ("number 0 1", "null"),
        "presence_penalty": ("number -2 2", "null"),
        "frequency_penalty": ("number -2 2", "null"),
        "logprobs": ("boolean", "null"),
        "top_logprobs": (f"{whole} 0 20", "null"),
        "user": absent("string"),
        "seed": (f"{whole} {-(2**63)} {2**63 - 1}", "null"),
        "response_format": absent({"<type>": formats}),
        "service_tier": ("enum auto default", "null"),
        "max_tokens": (f"{whole} 1", "null"),
        "modalities": (["enum text audio", fewest, None], "null"),
        "audio": (
            {
                "voice": "enum alloy ash ballad coral echo sage shimmer verse",
                "format": "enum wav mp3 flac opus pcm16",
                **rest,
            },
            "null",
        ),
        "logit_bias": ({"<each>": ("token", bias, None)}, "null"),
        "stop": ("string" if takes else "string 1", ["string" if takes else "string 1", fewest, 4], "null"),
        "stream": ("boolean", "null"),
        "stream_options": ({"include_usage?": "boolean", **rest}, "null"),
        "store": ("boolean", "null"),
        "metadata": ({"<each>": ("string 0 64", "string 0 512", 16)}, "null"),
        "prediction": ({"<type>": {"content": {"content": text}}}, "null"),
    }


def accept(body: Any, manners: Manners, shapes: dict[str, Shape]) -> dict[str, Any]:
    """The members of a body that are not null. Raises Fault where it is to be refused."""
    if not isinstance(body, dict):
        raise Fault("The body must be a JSON object.", code="invalid_type")
    if body.get("model") in (None, ""):
        raise Fault("you must name a 'model'", ("model",))
    if "messages" not in body:
        raise Fault("'messages' is missing.", ("messages",), "missing_required_parameter")
    for key in body:
        if key not in shapes and manners.unknown == "refuse":
            raise Fault(f"'{key}' is not known here.", (key,), "unknown_parameter")
    for key, shape in shapes.items():
        if key in body:
            check(shape, body[key], (key,))
    asked = {key: value for key, value in body.items() if key in shapes and value is not None}
    for key in WHOLE & asked.keys():
        asked[key] = int(asked[key])
    _surrogates(asked)
    if asked["model"] not in MODELS and not manners.any_model:
        raise Fault("No such 'model'.", ("model",), "model_not_found", "sense", 404)
    _messages(asked, manners)
    _tools(asked, manners)
    _formats(asked, manners)
    _pairs(asked, manners)
    _offered(asked, manners)
    if prompt_tokens(asked) > manners.window:
        raise sense(
            f"'messages' exceed the context of {manners.window} tokens.", "messages", code="context_length_exceeded"
        )
    return asked


def prompt_tokens(asked: dict[str, Any]) -> int:
    """What a prompt costs: a token for four bytes, and three for each message."""
    size = sum(
        len(piece.encode()) for piece in strings([asked["messages"], asked.get("tools"), asked.get("functions")])
    )
    return 3 * len(asked["messages"]) + size // 4 + 1


def sense(message: str, *path: str | int, code: str | None = None) -> Fault:
    """A fault that only shows when members are seen together."""
    return Fault(message, path, code, "sense", dotted=True)


def _surrogates(asked: dict[str, Any]) -> None:
    """Half a surrogate pair is no text and cannot be counted in bytes."""
    for key, value in asked.items():
        for piece in strings(value):
            if LONE.search(piece):
                raise Fault(f"'{key}' holds half of a surrogate pair.", (key,), "invalid_value")


def strings(value: Any) -> list[str]:
    """All strings in a value, keys too."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            found += one
            waiting += one.values()
    return found


def _messages(asked: dict[str, Any], manners: Manners) -> None:
    open_calls: dict[str, int] = {}
    known: set[str] = set()
    legacy = False
    final = len(asked["messages"]) - 1
    for number, message in enumerate(asked["messages"]):
        role = message["role"]
        where: Path = ("messages", number)
        if message.get("name") is not None and SPACED.search(message["name"]):
            raise Fault("'name' may hold no blank.", (*where, "name"), "invalid_value")
        if open_calls and role != "tool":
            left = ", ".join(open_calls)
            raise sense(f"These tool calls have no answer in 'messages': {left}", *where, "role")
        if role == "tool":
            wanted = message["tool_call_id"]
            if wanted not in known:
                raise sense("A 'tool' message in 'messages' must answer a call before it.", *where, "role")
            if wanted not in open_calls and not manners.takes:
                raise sense("A call in 'messages' was answered twice.", *where, "tool_call_id")
            open_calls.pop(wanted, None)
            continue
        known = set()
        if role == "function" and not legacy and not manners.takes:
            raise sense("A 'function' message in 'messages' must follow a function call.", *where, "role")
        legacy = message.get("function_call") is not None if role == "assistant" else False
        if role == "assistant":
            _assistant(message, where)
            for call in message.get("tool_calls") or []:
                known.add(call["id"])
                open_calls[call["id"]] = number
    if open_calls:
        raise sense(
            f"These tool calls have no answer in 'messages': {', '.join(open_calls)}", "messages", final, "role"
        )
    if manners.contested == "refuse":
        if asked["messages"][-1]["role"] == "assistant":
            raise sense("The last of 'messages' must not be the assistant's.", "messages", final, "role")
        if all(message["role"] == "system" for message in asked["messages"]):
            raise sense("There is nothing to answer in 'messages'.", "messages")
    called = any(message.get("tool_calls") for message in asked["messages"] if message["role"] == "assistant")
    if called and "functions" in asked:
        raise sense("'messages' hold tool calls, which 'functions' do not know.", "messages")


def _assistant(message: dict[str, Any], where: Path) -> None:
    content = message.get("content")
    others = ("tool_calls", "function_call", "refusal", "audio")
    if content is None and all(message.get(key) is None for key in others):
        raise sense("An assistant's message in 'messages' needs 'content'.", *where, "content")
    if isinstance(content, list):
        refusals = sum(part["type"] == "refusal" for part in content)
        if refusals > 1 or (refusals and len(content) > 1):
            raise sense("A refusal part stands alone, in 'messages' too.", *where, "content")


def _tools(asked: dict[str, Any], manners: Manners) -> None:
    for many, choice, path in (("tools", "tool_choice", ("function",)), ("functions", "function_call", ())):
        functions = [item["function"] if path else item for item in asked.get(many, ())]
        names = [function["name"] for function in functions]
        for number, function in enumerate(functions):
            where = (many, number, *path, "parameters")
            parameters = function.get("parameters")
            if parameters:
                _root(parameters, where, manners)
            if function.get("strict") and parameters:
                _strict(parameters, where, "invalid_function_parameters")
        if len(set(names)) < len(names) and not manners.takes:
            raise sense(f"Two of '{many}' have one name.", many)
        chosen = asked.get(choice)
        if chosen is None:
            continue
        if not functions and chosen != "none":
            raise sense(f"'{choice}' is only allowed with '{many}'.", choice)
        if isinstance(chosen, dict):
            wanted = chosen["function"]["name"] if path else chosen["name"]
            if wanted not in names:
                raise sense(f"'{choice}' names none of '{many}'.", choice)
    if "parallel_tool_calls" in asked and "tools" not in asked:
        raise sense("'parallel_tool_calls' is only allowed with 'tools'.", "parallel_tool_calls")
    if "tools" in asked and "functions" in asked:
        raise sense("'tools' and 'functions' exclude each other.", "functions")


def _root(parameters: dict[str, Any], where: Path, manners: Manners) -> None:
    if parameters.get("type", "object") != "object":
        raise sense("The root of 'parameters' must have the type object.", *where, code="invalid_function_parameters")
    if not manners.takes and parameters == {"type": "object"}:
        raise sense("An object in 'parameters' needs 'properties'.", *where, code="invalid_function_parameters")


def _strict(schema: Any, where: Path, code: str | None) -> None:
    """The strict subset: closed objects, every property required, an object at the root."""
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        raise sense("A strict schema has an object at its root.", *where, code=code)
    waiting: list[Any] = [schema]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict):
            continue
        properties = one.get("properties", {})
        if "object" in _listed(one.get("type")) or "properties" in one:
            if one.get("additionalProperties") is not False:
                raise sense("A strict object needs 'additionalProperties': false.", *where, code=code)
            if not isinstance(properties, dict) or set(properties) - set(one.get("required") or ()):
                raise sense("A strict object requires all of its properties.", *where, code=code)
        for below in (properties, one.get("$defs", {}), one.get("definitions", {})):
            waiting += below.values() if isinstance(below, dict) else ()
        waiting.append(one.get("items"))
        for key in ("anyOf", "prefixItems"):
            waiting += one[key] if isinstance(one.get(key), list) else ()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _formats(asked: dict[str, Any], manners: Manners) -> None:
    wanted = asked.get("response_format", {"type": "text"})
    if wanted["type"] == "json_object" and not any("json" in piece.lower() for piece in strings(asked["messages"])):
        raise sense("'messages' must speak of JSON where 'response_format' asks for it.", "messages")
    if wanted["type"] == "json_schema" and wanted["json_schema"].get("strict"):
        if wanted["json_schema"].get("schema") is not None:
            _strict(wanted["json_schema"]["schema"], ("response_format",), None)
        elif not manners.takes:
            raise sense("'response_format' has no schema.", "response_format")


def _pairs(asked: dict[str, Any], manners: Manners) -> None:
    takes = manners.takes
    if "max_tokens" in asked and "max_completion_tokens" in asked:
        raise sense("Give 'max_tokens' or 'max_completion_tokens'.", "max_tokens", code="invalid_parameter_combination")
    for key in ("max_tokens", "max_completion_tokens"):
        if asked.get(key, 0) > manners.most_tokens:
            raise sense(f"'{key}' is above {manners.most_tokens}.", key, code="invalid_value")
    top = asked.get("top_logprobs")
    if top is not None and asked.get("logprobs") is not True and (top > 0 or not takes):
        raise sense("'top_logprobs' needs 'logprobs': true.", "top_logprobs")
    if "stream_options" in asked and asked.get("stream") is not True:
        raise sense("'stream_options' needs 'stream': true.", "stream_options")
    if any(int(key) >= VOCABULARY for key in asked.get("logit_bias", ())):
        raise sense("'logit_bias' speaks of a token that does not exist.", "logit_bias")
    if "audio" in asked.get("modalities", ()):
        if "audio" not in asked:
            raise sense("'modalities' with audio need 'audio'.", "audio", code="missing_required_parameter")
        if asked.get("stream") and asked["audio"]["format"] != "pcm16":
            raise sense(
                "A stream carries 'audio' in the format pcm16 only.", "audio", "format", code="unsupported_value"
            )
    if not takes:
        greedy = asked.get("temperature", 1) == 0
        if greedy and asked.get("n", 1) > 1:
            raise sense("'n' above 1 makes no sense with temperature 0.", "n")
        if "metadata" in asked and asked["metadata"] and not asked.get("store"):
            raise sense("'metadata' is only kept with 'store'.", "metadata")
        speaks = "audio" in asked.get("modalities", ())
        mixed = asked.get("n", 1) > 1 or asked.get("logprobs") or "tools" in asked or "max_completion_tokens" in asked
        if "prediction" in asked and (mixed or speaks):
            raise sense("'prediction' does not go with that.", "prediction")


def _offered(asked: dict[str, Any], manners: Manners) -> None:
    kinds = {part["type"] for message in asked["messages"] for part in parts(message)}
    wanted = asked.get("response_format", {}).get("type")
    idle = {"n": 1, "logprobs": False, "stream": False, "modalities": ["text"], "temperature": 1, "top_p": 1}
    used = {key for key, value in asked.items() if idle.get(key) != value}
    used |= {name for name, kind in (("audio", "input_audio"), ("images", "image_url")) if kind in kinds}
    used |= {wanted} if wanted else set()
    if "audio" in asked.get("modalities", ()):
        used.add("audio")
    for message in asked["messages"]:
        used |= {"tools"} if message["role"] == "assistant" and message.get("tool_calls") else set()
        used |= {"functions"} if message["role"] == "function" or message.get("function_call") else set()
    for feature in manners.without:
        if feature in used:
            key = feature if feature in asked else "messages" if feature != wanted else "response_format"
            raise sense(f"'{feature}' is not supported by this model.", key, code="unsupported_parameter")


def parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The content of a message as a list of parts."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content or []


def said(message: dict[str, Any]) -> str:
    """The text of a message."""
    return "\n".join(part.get("text", "") for part in parts(message))
