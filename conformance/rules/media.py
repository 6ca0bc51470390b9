"""Pictures and sounds as parts of a message (fact base §1.4, ``part.image.*`` and ``part.audio.*``).

Left out: remote image URLs (the server would have to fetch them).
"""

from __future__ import annotations

from typing import Any

from ...strategies.messages import AUDIO, NOWHERE_URL, assistant, audio_part, conversations, image_part, text_part, user
from ..model import Body
from .forms import accepts, contested, documented, observes, refuses
from .talks import CALLS, THANKS, assistant_says, system_says, talk, tool_says, user_parts

_P = "messages"
_URL = image_part()["image_url"]["url"]
_AUDIO_OUT = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}


def _picture(image_url: Any) -> Body:
    return user_parts(text_part("What is it?"), {"type": "image_url", "image_url": image_url})


images = [
    accepts(
        "part.image.url",
        _P,
        "accepts an image part with a data URL",
        documented("image part: image_url is an object with url"),
        [
            _picture({"url": _URL}),
            user_parts(image_part(), text_part("What is it?")),
        ],
        examples=conversations(images=True, plain=True, system_first=False, max_turns=2).map(
            lambda messages: talk(*messages)
        ),
        needs=["images"],
    ),
    observes(
        "part.image.several",
        _P,
        "accepts two image parts in a message",
        contested("image part: no limit is documented, engines are started with one"),
        [user_parts(text_part("What are they?"), image_part(), image_part())],
        needs=["images"],
    ),
    refuses(
        "part.image.url",
        _P,
        "refuses an image part whose image_url is no object with a url",
        documented("image part: image_url is an object with url"),
        [
            user_parts(
                text_part("Are they alike?"), image_part(), {"type": "image_url", "image_url": {"detail": "auto"}}
            ),
            _picture(_URL),
            _picture({}),
            user_parts(text_part("What is it?"), {"type": "image_url", "imageUrl": {"url": _URL}}),
            _picture({"url": 7}),
            _picture({"url": None}),
            _picture([{"url": _URL}]),
        ],
        needs=["images"],
    ),
    observes(
        "part.image.data",
        _P,
        "refuses a data URL whose bytes are no image",
        contested("image part: no document says what becomes of broken images"),
        [_picture({"url": "data:image/png;base64,AAAA"}), _picture({"url": "nonsense"})],
        needs=["images"],
    ),
    accepts(
        "part.image.detail",
        _P,
        "accepts the image details auto, low and high",
        documented("image part: detail"),
        [_picture({"url": _URL, "detail": detail}) for detail in ("auto", "low", "high")],
        needs=["images"],
    ),
    refuses(
        "part.image.detail",
        _P,
        "refuses an unknown image detail",
        documented("image part: detail is auto, low or high"),
        [
            user_parts(text_part("Are they alike?"), image_part(), image_part(detail="HIGH")),
            *(_picture({"url": _URL, "detail": detail}) for detail in ("", "medium")),
            _picture({"url": NOWHERE_URL, "detail": "medium"}),
            _picture({"url": _URL, "detail": 1}),
        ],
        needs=["images"],
    ),
    refuses(
        "part.image.role",
        _P,
        "refuses an image part in a system or assistant message",
        documented("part: images belong to user messages"),
        [
            talk(user([image_part()]), assistant([image_part()]), THANKS),
            system_says([image_part()]),
            assistant_says([image_part()]),
        ],
        needs=["images"],
    ),
    refuses(
        "part.image.tool",
        _P,
        "refuses an image part in a tool message",
        documented("tool: content parts are text"),
        [tool_says([image_part()]), tool_says([text_part("21 degrees"), image_part()])],
        needs=["images", *CALLS],
    ),
]


def _sound(input_audio: Any) -> Body:
    return user_parts(text_part("What is it?"), {"type": "input_audio", "input_audio": input_audio})


audio = [
    accepts(
        "part.audio.format",
        _P,
        "accepts audio parts in wav and mp3",
        documented("audio part: format"),
        [user_parts(text_part("What is it?"), audio_part(format)) for format in AUDIO],
        needs=["audio_input"],
    ),
    refuses(
        "part.audio.format",
        _P,
        "refuses an audio part in an unknown format",
        documented("audio part: format is wav or mp3"),
        [
            *(_sound({"data": AUDIO["wav"], "format": format}) for format in ("WAV", "", "ogg")),
            {**_sound({"data": AUDIO["wav"], "format": 7}), **_AUDIO_OUT},
            user_parts(audio_part(), {"type": "input_audio", "input_audio": {"data": AUDIO["wav"], "format": "flac"}}),
        ],
        needs=["audio_input"],
    ),
    refuses(
        "part.audio.required",
        _P,
        "refuses an audio part without data or format",
        documented("audio part: data and format are required"),
        [
            _sound({"format": "wav"}),
            _sound({"data": AUDIO["wav"]}),
            user_parts(text_part("What is it?"), {"type": "input_audio"}),
            _sound({"data": None, "format": "wav"}),
            _sound({"data": 7, "format": "wav"}),
            _sound({"data": AUDIO["wav"], "format": None}),
        ],
        needs=["audio_input"],
    ),
    refuses(
        "part.audio.role",
        _P,
        "refuses an audio part in a system or assistant message",
        documented("part: audio belongs to user messages"),
        [system_says([audio_part()]), assistant_says([audio_part()])],
        needs=["audio_input"],
    ),
]

RULES = [*images, *audio]
