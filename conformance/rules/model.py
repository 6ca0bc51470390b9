"""The name of the model (fact base §1.2). A name that no model has may also be refused as not found (404),
and to a server that only looks it up, an empty one or a number is such a name; a missing name is not.

model.any has no rule of its own: it is the other side of model.unknown, whose verdict says which way the server went.
"""

from __future__ import annotations

import json
from dataclasses import replace

from ...strategies.bodies import MODEL, PROMPT, lean
from ..model import Chapter, Request
from .forms import accepts, contested, documented, null_observed, observed, refuses, values, wrong_types_refused

_NOT_FOUND = (404,)

_type = wrong_types_refused(
    "model", "string", source=documented("model: a string"), first=[1, False], statuses=_NOT_FOUND
)
_in_an_array = Request(raw=json.dumps(lean(model=[MODEL])).encode())
"""As text, in which the name stands for that of the endpoint's model wherever it is."""

model = [
    accepts(
        "model.required",
        "model",
        "accepts the name of a model it serves",
        documented("model: required"),
        [lean()],
    ),
    refuses(
        "model.required",
        "model",
        "refuses a request without model",
        documented("model: required"),
        [{"messages": [{"role": "user", "content": PROMPT}]}],
    ),
    refuses(
        "model.empty",
        "model",
        "refuses an empty model name",
        observed("model: an empty name is treated as none"),
        values("model", ""),
        statuses=_NOT_FOUND,
    ),
    null_observed(
        "model",
        contested("model: not nullable, seen to be refused; servers with one model read it as absent"),
        statuses=_NOT_FOUND,
    ),
    replace(_type, pins=(_type.pins[0], _in_an_array, *_type.pins[1:])),
    refuses(
        "model.unknown",
        "model",
        "refuses a model it does not have",
        observed("model: an unknown name is not found"),
        values("model", "chatproof-no-such-model-5d1e"),
        statuses=_NOT_FOUND,
    ),
]

CHAPTER = Chapter("model", "The model's name", tuple(model))
