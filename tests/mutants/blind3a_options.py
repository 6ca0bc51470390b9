"""Servers of the third blind list: numbers, options, formats and tools. See ``BLIND_3A.md``."""

from __future__ import annotations

from typing import Any

from .requests_making import (
    Body,
    about,
    crashing,
    entries,
    first_of,
    is_array,
    is_object,
    is_text,
    reading,
    refusing_valid,
    rewriting,
    stumbling,
    viewing,
    within,
)

SUM = 2
USER = 64

# --- numbers ----------------------------------------------------------------------------------------------------------


def is_number(value: object) -> bool:
    return type(value) in (int, float)


def negative(value: Any) -> bool:
    return is_number(value) and value < 0


def null_beside_top_p(body: Body) -> bool:
    return "temperature" in body and body["temperature"] is None and body.get("top_p") is not None


def far_together(body: Body) -> bool:
    penalties = [body.get("frequency_penalty"), body.get("presence_penalty")]
    return all(is_number(value) for value in penalties) and abs(sum(value or 0 for value in penalties)) > SUM


def several_streamed(body: Body) -> bool:
    return is_number(body.get("n")) and body["n"] > 1 and body.get("stream") is True


def digits(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10


def count_first(body: Body) -> bool:
    """Whether the number of alternatives comes before the flag that it needs."""
    names = list(body)
    both = body.get("top_logprobs") is not None and "logprobs" in body
    return both and names.index("top_logprobs") < names.index("logprobs")


# --- formats and tools ------------------------------------------------------------------------------------------------


def type_by_schema(form: Body) -> None:
    if "type" not in form and is_object(form.get("json_schema")):
        form["type"] = "json_schema"


def no_parameters(body: Body) -> bool:
    functions = [tool.get("function") for tool in entries(body, "tools")] + entries(body, "functions")
    return any(isinstance(function, dict) and function.get("parameters") == {} for function in functions)


def nested_name(choice: Body) -> None:
    if choice.get("type") == "function" and is_text(choice.get("name")) and "function" not in choice:
        choice["function"] = {"name": choice.pop("name")}


def bare_name(body: Body) -> None:
    chosen = body.get("function_call")
    if is_text(chosen) and chosen in [function.get("name") for function in entries(body, "functions")]:
        body["function_call"] = {"name": chosen}


def odd_tool(body: Body) -> bool:
    tools = body.get("tools")
    return isinstance(tools, list) and not all(isinstance(tool, dict) for tool in tools)


NUMBERS = [
    about("presence_penalty")(
        "blind3a-presence-integer-refused",
        "refused",
        refusing_valid(lambda body: type(body.get("presence_penalty")) is int),
        "mm.number",
        "presence_penalty.*.accepts gate.presence_penalty mm.default together.*",
    ),
    about("top_p")(
        "blind3a-top-p-clamped-below", "bound", reading("top_p", negative, lambda _: 0), "top_p.min.refuses"
    ),
    about("temperature")(
        "blind3a-temperature-null-top-p-crash",
        "crash",
        crashing(null_beside_top_p),
        "mm.null",
        "temperature.null.accepts together.*",
    ),
    about("presence_penalty")(
        "blind3a-penalties-sum-refused",
        "coupling",
        refusing_valid(far_together),
        "together.pairs.accepts",
        "together.random.accepts mm.monotone.good presence_penalty.*.accepts frequency_penalty.*.accepts",
    ),
    about("n")(
        "blind3a-n-stream-refused",
        "refused",
        refusing_valid(several_streamed),
        "together.pairs.accepts",
        "mm.stream together.* sse.choice.count",
    ),
    about("max_completion_tokens")(
        "blind3a-completion-string-digits",
        "type",
        reading("max_completion_tokens", digits, int),
        "max_completion_tokens.type.refuses",
        "mm.alias",
    ),
    about("top_logprobs")(
        "blind3a-top-logprobs-first-refused",
        "relation",
        refusing_valid(count_first),
        "top_logprobs.few.accepts",
        "mm.keyorder top_logprobs.*.accepts",
    ),
]

OPTIONS = [
    about("stop")(
        "blind3a-stop-null-items-dropped",
        "type",
        reading("stop", is_array, lambda value: [item for item in value if item is not None]),
        "stop.array.item.refuses",
    ),
    about("metadata")(
        "blind3a-metadata-empty-array",
        "type",
        reading("metadata", lambda value: value == [], lambda _: {}),
        "metadata.type.refuses",
    ),
    about("user")(
        "blind3a-user-long-refused",
        "refused",
        refusing_valid(lambda body: is_text(body.get("user")) and len(body["user"]) > USER),
        "user.type.accepts",
        "together.*",
    ),
    about("modalities")(
        "blind3a-modalities-string",
        "type",
        reading("modalities", is_text, lambda value: [value]),
        "modalities.type.refuses",
    ),
    about("response_format")(
        "blind3a-format-type-inferred",
        "required",
        within("response_format", type_by_schema),
        "response_format.type.required.refuses",
    ),
]

TOOLS = [
    about("tools")(
        "blind3a-parameters-empty-refused",
        "refused",
        refusing_valid(no_parameters),
        "fn.parameters.empty.accepts",
        "fn.parameters.*.accepts functions.parameters.*.accepts mm.tools.legacy",
    ),
    about("tools")(
        "blind3a-tool-names-later-unchecked",
        "pattern",
        viewing("fn.name.pattern", first_of("tools")),
        "fn.name.pattern.refuses",
        "mm.tools.legacy",
    ),
    about("tool_choice")(
        "blind3a-choice-flat-name", "required", within("tool_choice", nested_name), "tool_choice.named.shape.refuses"
    ),
    about("function_call")(
        "blind3a-function-call-name-string", "enum", rewriting(bare_name), "function_call.enum.refuses"
    ),
    about("tools")(
        "blind3a-tool-string-crash", "crash", stumbling(odd_tool), "tools.item.refuses", "tools.type.refuses"
    ),
]

MUTANTS = [*NUMBERS, *OPTIONS, *TOOLS]
