"""What a conforming server may choose: each value of each field keeps every documented promise."""

from __future__ import annotations

from dataclasses import dataclass

MODELS = ("ermite/l'été \\ 7b:q4", "hermit-small")


@dataclass(frozen=True)
class Manners:
    """The choices of one server. The defaults are as far from the habits of the original service as is allowed."""

    status: int = 422
    """Status of a fault of shape: 400 or 422. Faults of sense are always 400."""
    unknown: str = "refuse"
    """What becomes of a top-level key or option nobody knows: ``refuse``, or ``ignore`` (observed rules then warn)."""
    contested: str = "take"
    """What becomes of what no document settles: ``take`` or ``refuse``."""
    style: str = "lavish"
    """``lavish``: extra keys, several tokens a chunk, the finish beside the last text. ``lean``: the least."""
    errors: str = "own"
    """Form of an error: ``full`` (param and code filled), ``bare`` (both null), ``own`` (own types, extra members)."""
    most_choices: int = 128
    """Largest n; more is refused cleanly."""
    most_tokens: int = 32_768
    """Largest token bound; more is refused."""
    window: int = 2_000_000
    """Tokens of the longest prompt."""
    largest: int = 26_214_400
    """Bytes of the longest body; a longer one gets a 413."""
    any_model: bool = False
    """Whether every name of a model is taken, as by servers with one model (an observed rule then warns)."""
    unlisted: bool = False
    """Whether there is no list of models."""
    without: tuple[str, ...] = ()
    """Features refused with a clean 400: top-level keys, or audio, images, json_schema, json_object."""
    thinking: int = 0
    """Tokens of hidden reasoning before each answer; they count against the bound."""
    delay: float = 0.0
    """Seconds before the first token."""
    close: bool = False
    """Whether every connection ends after one answer, as with HTTP/1.0."""
    chunked: bool = False
    """Whether answers that are no streams also come in chunks, without a length."""
    key: str | None = None
    """The key that must be sent, if any."""
    voice: str = "plain"
    """How the model talks: ``plain``; ``dull`` always says one token, ``silent`` none, ``endless`` never comes to an
    end, ``eager`` calls a tool whenever there is one."""
    refusing: float = 0.0
    """Share of choices in which the model refuses to answer, in ``refusal``."""
    filtered: float = 0.0
    """Share of choices that a content filter cuts off."""
    seats: int = 1000
    """Requests under way at once; more get a 429 that asks for patience."""
    idle: float = 120.0
    """Seconds after which a connection that was kept open is closed without a word."""
    gzip: bool = False
    """Whether answers are compressed where the client allows it."""
    hints: bool = False
    """Whether an interim answer (103) comes before each answer."""
    version: str = "HTTP/1.1"
    """Version of the protocol: ``HTTP/1.1``, or ``HTTP/1.0``, which has neither chunks nor kept connections."""
    split: str = "drop"
    """A character cut by the token bound: ``drop`` its bytes, or ``replace`` it by U+FFFD."""

    @property
    def takes(self) -> bool:
        """Whether contested requests are accepted."""
        return self.contested == "take"

    @property
    def lavish(self) -> bool:
        """Whether answers carry all that is allowed."""
        return self.style == "lavish"
