"""``--parity``: the statuses and error forms of the original service, as a table over families of rules.

The service validates in three layers, each with a form of its own (fact base §0.4): an old schema validator (``param``
and ``code`` null), a typed one (a path and always a code), and checks of meaning (a path, mostly no code). One bad
request may meet any of them, so a refusal is held against the set of the three, never against one.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import lru_cache

from .exchange import Exchange
from .judge import Judgement, Kind, error_of, judge
from .model import Expect, RequestRule, Symptom


@dataclass(frozen=True)
class Form:
    """How a family is refused: the one ``status``, ``codes`` of the typed layer (None: not known, not asserted).

    With ``bare`` a code may stand without a path, as those of the transport and of the model do.
    """

    codes: frozenset[str] | None = frozenset()
    status: int = 400
    bare: bool = False


def _codes(*names: str) -> Form:
    return Form(frozenset(names))


TYPE = ("invalid_type", "missing_required_parameter", "invalid_value")
SHAPE = (*TYPE, "unknown_parameter", "missing_mutually_exclusive_parameters")
NUMBER = ("integer", "decimal")
BELOW = tuple(f"{kind}_below_min_value" for kind in NUMBER)
ABOVE = tuple(f"{kind}_above_max_value" for kind in NUMBER)
LONG = ("string_above_max_length",)
PATTERN = ("invalid_value", *LONG, "string_below_min_length", "empty_string", "string_does_not_match_pattern")
MANY = ("array_above_max_length",)
FEW = ("empty_array", "array_below_min_length")
TOGETHER = (
    "invalid_parameter_combination",
    "mutually_exclusive_parameters",
    "unknown_parameter",
    "unsupported_parameter",
    "invalid_value",
)
SCHEMA = ("invalid_function_parameters", "invalid_value", "invalid_type", "missing_required_parameter")

FAMILIES: tuple[tuple[str, Form], ...] = (
    ("http.ctype.bad.*", Form(frozenset({"unsupported_content_type"}), bare=True)),
    ("http.method.*", Form(frozenset({"method_not_supported"}), 405, bare=True)),
    ("http.path.*", Form(None, 404)),
    ("http.key.unknown*", Form(frozenset({"unknown_parameter"}))),
    ("http.*", Form()),
    ("model.unknown.*", Form(frozenset({"model_not_found"}), 404, bare=True)),
    ("model.*", _codes(*TYPE, "empty_string")),
    ("messages.min.*", _codes(*FEW)),
    ("assistant.toolcalls.min.*", _codes(*FEW)),
    ("assistant.toolcalls.max.*", _codes(*MANY)),
    ("tools.min.*", _codes(*FEW)),
    ("tools.max.*", _codes(*MANY)),
    ("functions.min.*", _codes(*FEW)),
    ("functions.max.*", _codes(*MANY)),
    ("stop.array.max.*", _codes(*MANY, "invalid_type", "invalid_value")),
    ("metadata.pairs.max.*", _codes("object_above_max_properties")),
    ("metadata.key.maxlen.*", _codes("property_name_above_max_length")),
    ("*.maxlen.*", _codes(*LONG)),
    ("*.min.refuses", _codes(*BELOW)),
    ("*.max.refuses", _codes(*ABOVE)),
    ("*.value.range*", _codes(*BELOW, *ABOVE, "invalid_value")),
    ("*.name.pattern.*", _codes(*PATTERN)),
    ("response_format.jsonschema.name.refuses", _codes(*PATTERN)),
    ("*.enum*", _codes(*SHAPE, "unsupported_value")),
    ("*.both.*", _codes(*TOGETHER)),
    ("*.and.tools*", _codes(*TOGETHER)),
    ("*.with.*", _codes(*TOGETHER)),
    ("*.needs*", _codes(*TOGETHER, "missing_required_parameter")),
    ("*.legacy.*", _codes(*SHAPE)),
    ("*.tool.form.*", _codes(*SHAPE)),
    ("fn.parameters.root.*", _codes(*SCHEMA)),
    ("fn.strict.schema.*", _codes(*SCHEMA)),
    ("fn.strict.required.*", _codes(*SCHEMA)),
    ("response_format.strict.*", _codes(*SCHEMA)),
    ("*", _codes(*SHAPE, "unsupported_value")),
)
"""Families of refusing rules by pattern of their ids; the first that fits counts."""

_CALLS = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call")
RELATED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_CALLS, (*_CALLS, "messages")),
    "top_logprobs": ("logprobs",),
    "logprobs": ("top_logprobs",),
    "stream_options": ("stream",),
    "max_tokens": ("max_completion_tokens",),
    "max_completion_tokens": ("max_tokens",),
    "audio": ("modalities", "model"),
    "modalities": ("audio", "model"),
    "metadata": ("store",),
    "response_format": ("messages", "text"),
    "messages": ("tools", "functions"),
}
"""Properties that a refusal may name instead of the one under test, because the two need each other."""


@lru_cache
def form_of(rule_id: str) -> Form:
    """How the original service refuses what a rule of this id sends."""
    return next(form for pattern, form in FAMILIES if fnmatch.fnmatchcase(rule_id, pattern))


def _names(param: str, rule: RequestRule) -> bool:
    """Whether a path starts at the property under test; rules about the whole body may name anything."""
    if rule.property == "body" or rule.id.startswith("http."):
        return True
    root = re.split(r"[.\[]", param, maxsplit=1)[0]
    return root == rule.property or root in RELATED.get(rule.property, ())


def _status_fault(rule: RequestRule, exchange: Exchange) -> str | None:
    """What is wrong with the status of a refusal, or None."""
    wanted = form_of(rule.id).status
    if exchange.status == wanted:
        return None
    return f"refused with {exchange.status}, where the original service answers {wanted}"


def _form_fault(rule: RequestRule, exchange: Exchange) -> str | None:
    """What is wrong with the error object of a refusal, or None."""
    form = form_of(rule.id)
    answer = exchange.answer
    if answer is None or form.codes is None:
        return None
    error = error_of(answer)
    kind, param, code = error.get("type"), error.get("param"), error.get("code")
    if kind != "invalid_request_error":
        return f"error.type is {kind!r}, where the original service says 'invalid_request_error'"
    if param is not None and not (isinstance(param, str) and _names(param, rule)):
        return f"error.param is {param!r}: neither null nor a path that starts at {rule.property}"
    if code is None:
        return None
    if not isinstance(code, str):
        return f"error.code is {code!r}: neither null nor a string"
    if code not in form.codes:
        known = f"null or one of {', '.join(sorted(form.codes))}" if form.codes else "null"
        return f"error.code is {code!r}, where the original service says {known}"
    if param is None and not form.bare:
        return f"error.code is {code!r} without a path in error.param"
    return None


def judge_as_asked(rule: RequestRule, exchange: Exchange, parity: bool) -> Judgement:
    """The judgement of a run: with ``parity`` refusals are held against the original service's as well."""
    judgement = judge(rule, exchange)
    return held_to_parity(rule, exchange, judgement) if parity else judgement


def held_to_parity(rule: RequestRule, exchange: Exchange, judgement: Judgement) -> Judgement:
    """The judgement of a refusal that held, held against the original service's status and form as well."""
    if rule.expect is not Expect.REFUSE or judgement.kind is not Kind.HELD:
        return judgement
    fault = _status_fault(rule, exchange)
    if fault:
        return Judgement(Kind.VIOLATED, fault, Symptom.WRONG_STATUS, judgement.observed)
    fault = _form_fault(rule, exchange)
    if fault:
        return Judgement(Kind.VIOLATED, fault, Symptom.WRONG_CONTENT, judgement.observed)
    return judgement
