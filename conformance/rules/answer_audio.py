"""The audio of a message in a plain answer (fact base §2.1)."""

from __future__ import annotations

from ...strategies.bodies import lean
from ..model import Symptom
from .answer_forms import PLAIN, missing
from .answer_views import Object, member, messages, objects
from .forms import documented, judges
from .views import asked, is_integer, said

_AUDIO = [lean(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}, max_tokens=64)]


def _audio(item: Object) -> str | None:
    gone = missing(("id", "expires_at", "data", "transcript"), "audio")(item)
    if gone:
        return gone
    wrong = [name for name in ("id", "data", "transcript") if not isinstance(item[name], str)]
    if wrong:
        return f"audio has the {wrong[0]} {said(item[wrong[0]])}, not a string"
    return None if is_integer(item["expires_at"]) else f"audio has the expires_at {said(item['expires_at'])}"


RULES = [
    judges(
        "res.audio",
        "audio",
        "gives audio its id, expires_at, data and transcript, of their types",
        documented("message: audio has four required members"),
        lambda exchange: objects(member(messages, "audio", null=True)(exchange)),
        _audio,
        _AUDIO,
        needs=["audio_output"],
    ),
    judges(
        "res.audio.absent",
        "answer",
        "gives audio only where it was asked for",
        documented("message: audio is there where the modality was asked for"),
        lambda exchange: (
            messages(exchange) if asked(exchange) and not {"modalities", "audio"} & asked(exchange).keys() else []
        ),
        lambda message: "the message has audio that nobody asked for" if message.get("audio") else None,
        PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
]
