"""Audio output: modalities and audio (fact base §1.9).

The default of audio is null, so its null rule is its default rule. Left out: audio.model and audio.modelneeds (they
would test the model). The control of the rules about audio is a valid request for audio, so that blame is certain.
What audio has to be does not depend on whether it is asked for, nor on how the answer comes, so some wrong values stand
in a stream or without the modality.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ...strategies.words import no_such
from ..model import Body, Chapter, Strength
from .forms import (
    accepts,
    changed,
    contested,
    default_accepted,
    documented,
    null_accepted,
    observes,
    prose,
    refuses,
    since,
    values,
    varying,
    without,
    wrong_types_refused,
)

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")
LATER_VOICES = ("marin", "cedar", "fable", "nova", "onyx")
FORMATS = ("wav", "mp3", "flac", "opus", "pcm16")

_BOTH = {"modalities": ["text", "audio"]}
_GOOD = {"voice": "alloy", "format": "wav"}
_NEEDS = ["audio_output"]


def _audio(*wanted: Any) -> list[Body]:
    return values("audio", *wanted, **_BOTH)


def _good_audio(_: Body) -> Body:
    return lean(**_BOTH, audio=_GOOD)


def _in_format(name: str, beside: Body) -> Body:
    return lean(**beside, audio={**_GOOD, "format": name})


modalities = [
    accepts(
        "modalities.enum",
        "modalities",
        "accepts the modalities text and audio",
        documented("modalities: text and audio"),
        _audio(_GOOD),
        needs=_NEEDS,
    ),
    refuses(
        "modalities.enum",
        "modalities",
        "refuses a modality that is not listed",
        documented("modalities: text and audio"),
        values("modalities", ["text", "TEXT"], ["image", "text"], ["text", "video"]),
        examples=varying("modalities", no_such(("text", "audio")).map(lambda name: [name])),
    ),
    refuses(
        "modalities.item",
        "modalities",
        "refuses a modality that is no string",
        documented("modalities: an array of strings"),
        values("modalities", ["text", 7], [1], [None]),
    ),
    wrong_types_refused("modalities", "array", source=documented("modalities: an array"), first=["text"]),
    accepts(
        "modalities.text",
        "modalities",
        'accepts modalities: ["text"]',
        documented("modalities: text is what every model makes; newer models are seen to refuse the key"),
        values("modalities", ["text"]),
        strength=Strength.SHOULD,
    ),
    default_accepted("modalities", ["text"], documented('modalities: default ["text"]'), strength=Strength.SHOULD),
    null_accepted("modalities", documented("modalities: nullable")),
    observes(
        "modalities.empty",
        "modalities",
        "accepts modalities: []",
        contested("modalities: no minimum in the schema"),
        values("modalities", []),
    ),
    observes(
        "modalities.audio",
        "modalities",
        "accepts audio as the only modality",
        contested("modalities: valid by the schema, no example shows it"),
        [lean(modalities=["audio"], audio=_GOOD)],
        needs=_NEEDS,
    ),
]

audio = [
    refuses(
        "audio.needs",
        "audio",
        "refuses the modality audio without audio",
        prose("audio: required where audio output is asked for"),
        [lean(**_BOTH), lean(**_BOTH, audio=None)],
        needs=_NEEDS,
        control=_good_audio,
    ),
    observes(
        "audio.alone",
        "audio",
        "accepts audio without the modality audio",
        contested("audio: nothing is said about it"),
        [lean(audio=_GOOD)],
        needs=_NEEDS,
    ),
    refuses(
        "audio.required",
        "audio",
        "refuses audio without a voice or without a format",
        documented("audio: voice and format are required"),
        [
            *_audio({"format": "wav"}),
            lean(**_BOTH, audio={"voice": "alloy"}, stream=True),
            *_audio({**_GOOD, "voice": None}, {**_GOOD, "format": None}),
        ],
        needs=_NEEDS,
        control=_good_audio,
    ),
    *changed(
        "2026-08",
        accepts(
            "audio.voice",
            "audio",
            "accepts every listed voice",
            documented("audio.voice: one of eight names"),
            _audio({**_GOOD, "voice": VOICES[-1]}, _GOOD),
            examples=varying("audio", st.sampled_from(VOICES).map(lambda name: {**_GOOD, "voice": name}), **_BOTH),
            needs=_NEEDS,
            control=without("modalities"),
        ),
        source=documented("audio.voice: the names of the enumeration"),
    ),
    refuses(
        "audio.voice",
        "audio",
        "refuses a voice that is not listed",
        documented("audio.voice: one of eight names"),
        [*_audio({**_GOOD, "voice": "Alloy"}, {**_GOOD, "voice": "bogus"}), lean(audio={**_GOOD, "voice": ""})],
        needs=_NEEDS,
        control=_good_audio,
        until="2024-11",  # later any string may name a voice
    ),
    *changed(
        "2026-08",
        accepts(
            "audio.format",
            "audio",
            "accepts every listed audio format",
            documented("audio.format: one of five names"),
            _audio(*({**_GOOD, "format": name} for name in FORMATS[1:])),
            needs=_NEEDS,
            control=without("modalities"),
        ),
        source=documented("audio.format: one of six names"),
    ),
    *changed(
        "2026-08",
        refuses(
            "audio.format",
            "audio",
            "refuses an audio format that is not listed",
            documented("audio.format: one of five names"),
            [
                *_audio({**_GOOD, "format": "WAV"}),
                lean(**_BOTH, audio={**_GOOD, "format": "ogg"}, stream=True),
                lean(audio={**_GOOD, "format": 7}),
            ],
            examples=st.builds(_in_format, no_such(FORMATS), st.sampled_from((_BOTH, {**_BOTH, "stream": True}, {}))),
            needs=_NEEDS,
            control=_good_audio,
        ),
        source=documented("audio.format: one of six names"),
    ),
    wrong_types_refused(
        "audio",
        "object",
        source=documented("audio: an object"),
        first=["{}", 1, [_GOOD]],
        context=_BOTH,
        needs=_NEEDS,
        control=_good_audio,
    ),
    null_accepted("audio", documented("audio: nullable")),
    *since(
        "2026-08",
        accepts(
            "audio.voice.later",
            "audio",
            "accepts the voices that came later",
            documented("audio.voice: the names of the enumeration and of the prose"),
            _audio(*({**_GOOD, "voice": name} for name in LATER_VOICES)),
            strength=Strength.SHOULD,  # models know different voices
            needs=_NEEDS,
            control=_good_audio,
        ),
        refuses(
            "audio.voice.type",
            "audio",
            "refuses a voice that is neither a string nor an object with an id",
            documented("audio.voice: a string, or an object with an id and nothing else"),
            _audio(*({**_GOOD, "voice": value} for value in (7, True, ["alloy"], {}, {"id": 7}, None))),
            needs=_NEEDS,
            control=_good_audio,
        ),
        observes(
            "audio.voice.custom",
            "audio",
            "accepts a voice that is not listed, by name or by id",
            contested("audio.voice: any string and any id in the schema; which there are is the account's"),
            _audio({**_GOOD, "voice": "bogus"}, {**_GOOD, "voice": {"id": "voice_1234"}}),
            needs=_NEEDS,
            control=_good_audio,
        ),
        accepts(
            "audio.format.aac",
            "audio",
            "accepts the audio format aac",
            documented("audio.format: in the enumeration, though the prose beside it does not name it"),
            _audio({**_GOOD, "format": "aac"}),
            strength=Strength.SHOULD,
            needs=_NEEDS,
            control=_good_audio,
        ),
    ),
]

CHAPTER = Chapter("audio", "Audio output", (*modalities, *audio))
