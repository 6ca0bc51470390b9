"""Answers that are no streams: the completion object and everything in it (fact base §2.1, §2.2).

One fault makes one rule speak: whether members are there, of which type they are and what they say are rules of their
own, and each passes over what another owns. Unknown members are allowed everywhere (``res.extra``), and null stands for
absent wherever the document has an optional member that servers fill with null.

Whether log probabilities come when asked, and the token bound, are effects.
"""

from __future__ import annotations

from ..model import Chapter
from . import answer_audio, answer_calls, answer_choices, answer_logprobs, answer_message, answer_object, answer_usage
from .views import accepted

_PARTS = (answer_object, answer_choices, answer_message, answer_calls, answer_audio, answer_logprobs, answer_usage)

CHAPTER = Chapter("answer", "Answers", tuple(rule for part in _PARTS for rule in part.RULES), accepted)
