"""Servers whose spoken answers are wrong."""

from __future__ import annotations

from chatproof.conformance.reference.behaviour import Reference

from .answers_common import Change, each_message, later_choices, row, setting, turning, when, without
from .base import answering


def spoken(change: Change) -> Reference:
    """With the audio of messages changed."""
    return answering(each_message(when(lambda message: "audio" in message, lambda message: change(message["audio"]))))


MUTANTS = [
    *[
        row(
            f"answer-audio-no-{key.replace('_', '-')}",
            "res.audio",
            spoken(without(key)),
            "gate.audio_output",
            prop="audio",
        )
        for key in ("id", "expires_at", "data", "transcript")
    ],
    row("answer-audio-expiry-text", "res.audio", spoken(turning("expires_at", str)), "gate.audio_output", prop="audio"),
    row("answer-audio-data-null", "res.audio", spoken(setting(data=None)), "gate.audio_output", prop="audio"),
    row(
        "answer-audio-always",
        "res.audio.absent",
        answering(
            each_message(
                when(
                    lambda message: message["content"] and "audio" not in message,
                    lambda message: message.update(
                        audio={
                            "id": "audio_1",
                            "expires_at": 4102444800,
                            "data": "AAAA",
                            "transcript": message["content"],
                        }
                    ),
                )
            )
        ),
        prop="audio",
    ),
    row(
        "answer-audio-second",
        "res.audio.absent",
        answering(
            later_choices(
                lambda choice: choice["message"].update(
                    audio={"id": "audio_1", "expires_at": 4102444800, "data": "AAAA", "transcript": ""}
                )
            )
        ),
        prop="audio",
    ),
]
