"""Predicted output (fact base §1.9).

The default of prediction is null, so the null rule is the default rule. Left out: prediction.model (it would test the
model).
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies import text
from ...strategies.bodies import lean
from ...strategies.wrong import wrong_type
from ..model import Chapter
from .forms import (
    accepts,
    believed,
    contested,
    documented,
    null_accepted,
    observes,
    refuses,
    values,
    varying,
    wrong_types_refused,
)
from .views import long_answer

_PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
_SHAPE = documented("prediction: an object with type and content")
_GOOD = {"type": "content", "content": "Hi."}

_texts = text.prompts()


def _part(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def _content(content: Any) -> dict[str, Any]:
    return {"type": "content", "content": content}


prediction = [
    accepts(
        "prediction.shape",
        "prediction",
        "accepts a string as predicted content",
        _SHAPE,
        # what is predicted is longer than what there is room for
        [lean(prediction=_GOOD), long_answer(prediction=_content("1, 2, 3, 4, 5, 6, 7, 8, 9, 10,\n11"), max_tokens=5)],
        examples=varying("prediction", _texts.map(_content)),
    ),
    accepts(
        "prediction.parts",
        "prediction",
        "accepts text parts as predicted content",
        documented("prediction.content: a string or an array of text parts"),
        values("prediction", _content([_part("Hi.")]), _content([*map(_part, text.dealt(12))])),
        examples=varying("prediction", st.lists(_texts.map(_part), min_size=1, max_size=3).map(_content)),
    ),
    refuses(
        "prediction.shape",
        "prediction",
        "refuses a prediction without type or content, or of another type",
        _SHAPE,
        values(
            "prediction",
            {"content": "Hi."},
            {"type": "content"},
            {**_GOOD, "type": "Content"},
            {**_GOOD, "type": 7},
            {**_GOOD, "type": None},
        ),
    ),
    refuses(
        "prediction.content.type",
        "prediction",
        "refuses predicted content that is neither a string nor an array",
        _SHAPE,
        values("prediction", *map(_content, (_part("Hi."), 7, True, None))),
        examples=varying("prediction", wrong_type("string", "array").map(_content)),
    ),
    refuses(
        "prediction.parts",
        "prediction",
        "refuses a part of predicted content that is no text part",
        documented("prediction.content: a string or an array of text parts"),
        values(
            "prediction",
            _content([_part("Hi."), _PIXEL]),
            _content([_PIXEL]),
            _content(["Hi."]),
            _content([{"type": "text"}]),
            _content([{"type": "text", "text": None}]),
        ),
    ),
    observes(
        "prediction.content.empty",
        "prediction",
        "accepts predicted content of no parts",
        contested("prediction.content: at least one part in the schema; empty arrays of parts are taken elsewhere"),
        values("prediction", _content([])),
    ),
    wrong_types_refused("prediction", "object", source=documented("prediction: an object"), first=["Hi.", [], [_GOOD]]),
    null_accepted("prediction", documented("prediction: nullable")),
    observes(
        "prediction.incompat",
        "prediction",
        "accepts a prediction beside properties that a guide excludes",
        believed(
            "prediction: the guide names penalties, logprobs, several choices, tools, audio, max_completion_tokens"
        ),
        [lean(prediction=_GOOD, presence_penalty=0.5), lean(prediction=_GOOD, max_completion_tokens=16)],
    ),
]

CHAPTER = Chapter("prediction", "Predicted output", tuple(prediction))
