"""Token biases: the ends ±100 and what lies outside, keys, values, one bad entry among many (fact base §1.6).

Ids that must be accepted are 0 to 99, because every vocabulary has them. The default of logit_bias is null, so the null
rule is the default rule. Left out: more than 300 entries (nothing is asserted).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...strategies.bodies import lean
from ...strategies.logit_bias import (
    biases_outside,
    logit_bias_with_bad_key,
    logit_bias_with_bias_outside,
    logit_bias_with_wrong_type,
    not_token_ids,
    token_ids,
)
from ...strategies.logit_bias import logit_bias as bias_maps
from ..model import Body, Chapter
from .forms import (
    accepts,
    contested,
    documented,
    null_accepted,
    observes,
    prose,
    refuses,
    values,
    varying,
    wrong_types_refused,
)
from .views import is_integer

_PROP = "logit_bias"
_RANGE = prose("logit_bias: values from -100 to 100")
_KEYS = prose("logit_bias: keys are token ids")
_MANY = 100


def _many(bias: int = 1) -> dict[str, Any]:
    """Every safe id with one bias."""
    return {str(token): bias for token in range(_MANY)}


def _bad_value(value: Any, at: int) -> Body:
    """A hundred good entries but for the value at one position."""
    return lean(logit_bias={key: value if i == at else good for i, (key, good) in enumerate(_many().items())})


def _bad_key(key: str, at: int) -> Body:
    """A hundred good entries but for the key at one position."""
    return lean(logit_bias={key if i == at else good: value for i, (good, value) in enumerate(_many().items())})


def _by_themselves(bad: Callable[[str, Any], bool]) -> Callable[[Body], list[Body]]:
    """A map without its good entries: where that is taken too, it is not the company that hides the bad one."""

    def reduce(body: Body) -> list[Body]:
        entries = {key: value for key, value in body[_PROP].items() if bad(key, value)}
        return [{**body, _PROP: entries}] if len(entries) < len(body[_PROP]) else []

    return reduce


extremes = [
    accepts(
        "logit_bias.value.range",
        _PROP,
        "accepts biases of -100, 100 and between",
        _RANGE,
        values(_PROP, {"50": 100}, {"50": -100}, {"1": -100, "50": 0, "99": 100}),
        examples=varying(_PROP, bias_maps(min_size=1)),
    ),
    refuses(
        "logit_bias.value.range",
        _PROP,
        "refuses a bias beyond ±100",
        _RANGE,
        values(_PROP, {"50": 101}, {"50": -101}, {"50": 1000}, {"50": -(10**6)}),
        examples=varying(_PROP, biases_outside().map(lambda bias: {"50": bias})),
    ),
    refuses(
        "logit_bias.value.range.among",
        _PROP,
        "refuses one bias beyond ±100 among a hundred good ones",
        _RANGE,
        [_bad_value(101, _MANY - 1), _bad_value(-101, 0), _bad_value(101, _MANY // 2)],
        examples=varying(_PROP, logit_bias_with_bias_outside()),
        reduce=_by_themselves(lambda key, value: abs(value) > 100),
    ),
    accepts("logit_bias.zero", _PROP, "accepts a bias of 0", _RANGE, values(_PROP, {"50": 0})),
    observes(
        "logit_bias.value.next",
        _PROP,
        "refuses biases of 100.5 and -100.5",
        contested("logit_bias: servers that take decimals may round or clamp"),
        values(_PROP, {"50": 100.5}, {"50": -100.5}),
    ),
]

sizes = [
    accepts("logit_bias.empty", _PROP, "accepts logit_bias: {}", documented("logit_bias: a map"), values(_PROP, {})),
    null_accepted(_PROP, documented("logit_bias: nullable")),
    accepts(
        "logit_bias.size",
        _PROP,
        "accepts a hundred biases at once",
        documented("logit_bias: a map without a limit"),
        values(_PROP, _many(), _many(-50), _many(50)),
    ),
]

value_types = [
    refuses(
        "logit_bias.value.type",
        _PROP,
        "refuses a bias that is no number",
        documented("logit_bias: values are integers"),
        values(_PROP, {"50": "5"}, {"50": False}, {"50": [5]}, {"50": {}}),
        examples=varying(_PROP, logit_bias_with_wrong_type()),
    ),
    refuses(
        "logit_bias.value.type.among",
        _PROP,
        "refuses one bias that is no number among a hundred good ones",
        documented("logit_bias: values are integers"),
        [_bad_value("5", _MANY - 1), _bad_value("5", 0), _bad_value(True, _MANY // 2)],
        reduce=_by_themselves(lambda key, value: not is_integer(value)),
    ),
    refuses(
        "logit_bias.value.null",
        _PROP,
        "refuses a bias of null",
        documented("logit_bias: values are integers, not nullable"),
        [lean(logit_bias={"50": None}), _bad_value(None, _MANY - 1)],
    ),
    observes(
        "logit_bias.value.decimal",
        _PROP,
        "accepts decimal biases",
        contested("logit_bias: integers in the schema, decimals on several servers"),
        values(_PROP, {"50": 1.5}, {"50": 50.0}),
    ),
]

keys = [
    accepts(
        "logit_bias.key.numeric",
        _PROP,
        "accepts token ids from 0 to 99 as keys",
        _KEYS,
        values(_PROP, {"0": 1}, {"99": 1}),
        examples=varying(_PROP, token_ids().map(lambda token: {token: 1})),
    ),
    refuses(
        "logit_bias.key.numeric",
        _PROP,
        "refuses a key that is no token id",
        _KEYS,
        values(_PROP, {"AI": 1}, {"": 1}, {"-1": 1}, {"1.5": 1}),
        examples=varying(_PROP, not_token_ids().map(lambda key: {key: 1})),
    ),
    refuses(
        "logit_bias.key.numeric.among",
        _PROP,
        "refuses one key that is no token id among a hundred good ones",
        _KEYS,
        [_bad_key("AI", _MANY - 1), _bad_key("AI", 0), _bad_key("-1", _MANY // 2)],
        examples=varying(_PROP, logit_bias_with_bad_key()),
        reduce=_by_themselves(lambda key, value: not key.isdigit()),
    ),
    observes(
        "logit_bias.key.form",
        _PROP,
        "accepts token ids written with a space, a sign or a leading zero",
        contested("logit_bias: no document says how an id is written"),
        values(_PROP, {" 1": 1}, {"+1": 1}, {"01": 1}),
    ),
    observes(
        "logit_bias.key.large",
        _PROP,
        "accepts the token id 50256",
        contested("logit_bias: whether the id exists depends on the vocabulary"),
        values(_PROP, {"50256": 1}),
        risky=True,
    ),
    observes(
        "logit_bias.key.vocab",
        _PROP,
        "refuses a token id beyond every vocabulary",
        contested("logit_bias: refused by the original service, dangerous in some engines"),
        values(_PROP, {str(10**9): 1}, {str(2**31): 1}),
        risky=True,
    ),
]

shape = [
    wrong_types_refused(_PROP, "object", source=documented("logit_bias: an object"), first=["x", [[0, 1]]]),
]

CHAPTER = Chapter("logit_bias", "Token biases", (*extremes, *sizes, *value_types, *keys, *shape))
