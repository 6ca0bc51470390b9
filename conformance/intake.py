"""What an answer may weigh: content codings are undone within a bound, and all contents are kept within a budget.

A server decides what it sends, so none of it may decide how much memory it takes: a few kilobytes of gzip stand for
gigabytes, a few megabytes of ``[],`` for millions of values. Sizes are bytes.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

from .exchange import Trouble

STEP = 2**16
"""Bytes that one decoder gives at a time."""

MOST_CODINGS = 3
"""Codings on top of each other that are undone; no honest server uses two."""

LARGE = 2**16
"""From this size on few answers are received at once, and what they hold is counted before anybody parses it."""

MOST_LARGE = 4
"""Large answers that are received at once."""

BUDGET = 48 * 2**20
"""Bytes of contents that one run keeps; after that, only the start of an answer of more than ``SAMPLE``."""

SAMPLE = 2**14
"""Bytes kept of an answer that is too large, or that finds no more room."""

MOST_VALUES = 500_000
MOST_LINES = 100_000
"""JSON values and lines in one answer that are parsed; each takes some hundred bytes of memory."""


class BrokenCoding(Exception):
    """The bytes are not what their content-encoding says; the text is a sentence."""


class _Inflater:
    """Undoes gzip or deflate, a step at a time, ``limit`` bytes at most."""

    def __init__(self, name: str, limit: int) -> None:
        self.name = name
        self.left = limit
        self._first = True
        # servers send both kinds of deflate: with the header of zlib, and without
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16 if name == "gzip" else zlib.MAX_WBITS)

    @property
    def ended(self) -> bool:
        """Whether its end was seen."""
        return self._inflate.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What these bytes stand for. Ends early when the limit is passed; then ``left`` is negative."""
        while self.left >= 0:
            piece = self._next(data)
            data = self._inflate.unconsumed_tail
            self.left -= len(piece)
            if piece:
                yield piece
            if not data and len(piece) < STEP:
                return

    def _next(self, data: bytes) -> bytes:
        first, self._first = self._first, False
        try:
            return self._inflate.decompress(data, STEP)
        except zlib.error:
            if not first or self.name != "deflate":
                raise BrokenCoding(f"the answer is not the {self.name} that its content-encoding says") from None
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        return self._next(data)


class Decoder:
    """Undoes the codings of one answer, so that no more than ``limit`` bytes come out.

    Only what Python itself can undo: the result must not depend on what else is installed. Other codings, for which
    nobody asked, leave the bytes as they came.
    """

    def __init__(self, content_encoding: str, limit: int) -> None:
        names = [name.strip().lower().removeprefix("x-") for name in content_encoding.split(",")]
        names = [name for name in names if name not in ("", "identity")]
        known = self.known = all(name in ("gzip", "deflate") for name in names) and len(names) <= MOST_CODINGS
        # what another coding will make of it may be smaller than it is now
        self._chain = [_Inflater(name, limit + STEP) for name in reversed(names)] if known else []
        self._left = limit

    @property
    def overflowed(self) -> bool:
        """Whether there was more than the limit."""
        return self._left < 0 or any(stage.left < 0 for stage in self._chain)

    @property
    def ended(self) -> bool:
        """Whether the end of every coding was seen."""
        return all(stage.ended for stage in self._chain)

    def decode(self, data: bytes) -> bytes:
        """The bytes that these stand for, within what is left of the limit. Raises BrokenCoding."""
        if not self._chain:
            left, self._left = max(self._left, 0), self._left - len(data)
            return data[:left] if len(data) > left else data
        out = bytearray()
        for piece in self._through(0, data):
            out += piece[: max(self._left, 0)]
            self._left -= len(piece)
            if self.overflowed:
                break
        return bytes(out)

    def _through(self, stage: int, data: bytes) -> Iterator[bytes]:
        if stage == len(self._chain):
            yield data
            return
        for piece in self._chain[stage].pieces(data):
            yield from self._through(stage + 1, piece)


def decoded(content: bytes, content_encoding: str, limit: int, *, whole: bool = True) -> bytes:
    """An answer without its codings. Raises BrokenCoding, also for one that is not known, does not end though it is
    ``whole``, or stands for more than ``limit`` bytes."""
    decoder = Decoder(content_encoding, limit)
    plain = decoder.decode(content)
    if not decoder.known:
        raise BrokenCoding(f"the answer has a content-encoding that is not undone here: {content_encoding!r}")
    if decoder.overflowed:
        raise BrokenCoding(f"the answer is longer than {limit} bytes")
    if whole and not decoder.ended:
        raise BrokenCoding("the answer ends before its content-encoding does")
    return plain


class Intake:
    """What the lanes of one run share: how many receive a large answer at once, and how much is kept of all."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.kept = 0
        self._large = asyncio.Semaphore(MOST_LARGE)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Held while a large answer is received."""
        return self._large

    def keep(self, content: bytes) -> tuple[bytes, Trouble | None]:
        """The content of a complete answer as it is kept, and why that is not all of it."""
        size = len(content)
        why = ""
        if size > SAMPLE and self.kept + size > self.budget:
            why = "the answers of this run fill the memory that they are given"
        elif size > LARGE:
            values = sum(map(content.count, (b",", b"[", b"{", b":")))
            if values > MOST_VALUES or content.count(b"\n") + content.count(b"\r") > MOST_LINES:
                why = "it holds more values than are parsed"
        if why:
            content = content[:SAMPLE]
        self.kept += len(content)
        return content, Trouble("unkept", f"{size} bytes, not kept: {why}") if why else None
