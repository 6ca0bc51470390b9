"""Servers whose log probabilities are wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference

from .answers_common import Change, Members, later_choices, planned, row, setting, turning, when, without
from .base import answering, each_choice


def each_logprobs(change: Change) -> Change:
    """Changes the logprobs of every choice that has some."""
    return each_choice(when(lambda choice: choice["logprobs"], lambda choice: change(choice["logprobs"])))


def spoiled(change: Change) -> Reference:
    """With every entry of the tokens changed."""

    def changed(members: Members) -> None:
        for entry in members["content"]:
            change(entry)

    return answering(each_logprobs(changed))


def alternatives(change: Change) -> Reference:
    """With every alternative changed."""

    def changed(entry: Members) -> None:
        for other in entry["top_logprobs"]:
            change(other)

    return spoiled(changed)


def tokens(turn: Callable[[list[Members]], Any]) -> Reference:
    """With another list of entries."""
    return answering(each_logprobs(turning("content", turn)))


def legacy(members: Members) -> None:
    """The form of the older completions endpoint."""
    entries = members.pop("content")
    members.pop("refusal")
    members.update(
        tokens=[entry["token"] for entry in entries],
        token_logprobs=[entry["logprob"] for entry in entries],
        top_logprobs=None,
        text_offset=[0 for _ in entries],
    )


def unlikely(entry: Members) -> None:
    """The logarithm of nothing, which JSON cannot say."""
    if entry["top_logprobs"]:
        entry["top_logprobs"][-1] = {**entry["top_logprobs"][-1], "logprob": -math.inf}


def infinite() -> Reference:
    """Writes -Infinity for the logarithm of nothing."""
    server = spoiled(unlikely)
    return replace(server, behaviour=replace(server.behaviour, dump=lambda value: json.dumps(value).encode()))


def signed(data: list[int]) -> list[int]:
    """Bytes as a language without unsigned ones prints them."""
    return [byte - 256 if byte > 127 else byte for byte in data]


def points(entry: Members) -> None:
    """Code points instead of bytes: the same for ASCII."""
    entry["bytes"] = [ord(letter) for letter in entry["token"]]


def wanted(change: Callable[[int], int]) -> Reference:
    """With another number of alternatives than was asked for."""

    def changed(body: Mapping[str, Any], reply: Reply) -> Reply:
        return replace(reply, alternatives=None if reply.alternatives is None else change(reply.alternatives))

    return planned(changed, streams=False)


def ended(entries: list[Members]) -> list[Members]:
    """One entry more, of the token that ends an answer."""
    last = {"token": "</s>", "logprob": -0.5, "bytes": list(b"</s>"), "top_logprobs": []}
    return [*entries, last]


def marked(entry: Members) -> None:
    """Blanks as the mark of the tokenizer, also in the bytes."""
    token = entry["token"].replace(" ", "\u0120")
    entry.update(token=token, bytes=list(token.encode()))


def borrowed(body: Members) -> None:
    """The first choice's log probabilities in all."""
    for choice in body["choices"]:
        choice["logprobs"] = body["choices"][0]["logprobs"]


def split(choice: Members) -> None:
    """Only half of the tokens."""
    entries = choice["logprobs"]["content"]
    choice["logprobs"]["content"] = entries[len(entries) // 2 :]


def top_late(entries: list[Members]) -> list[Members]:
    """The alternatives of the token before: the buffer is read a step too late."""
    lists = [entry["top_logprobs"] for entry in entries]
    return [{**entry, "top_logprobs": late} for entry, late in zip(entries, [*lists[:1], *lists], strict=False)]


def turned(entries: list[Members]) -> list[Members]:
    return entries[::-1]


UNREAD = "gate.logprobs ef.logprobs"

MUTANTS = [
    row(
        "answer-logprobs-list",
        "res.logprobs.shape",
        answering(
            each_choice(
                when(lambda choice: choice["logprobs"], turning("logprobs", lambda members: members["content"]))
            )
        ),
        UNREAD,
        prop="logprobs",
    ),
    row(
        "answer-logprobs-legacy",
        "res.logprobs.shape",
        answering(each_logprobs(legacy)),
        f"{UNREAD} res.logprobs.refusal",
        prop="logprobs",
    ),
    row(
        "answer-logprobs-content-object",
        "res.logprobs.shape",
        tokens(lambda entries: {entry["token"]: entry["logprob"] for entry in entries}),
        UNREAD,
        prop="logprobs",
    ),
    row(
        "answer-logprobs-legacy-second",
        "res.logprobs.shape",
        answering(later_choices(when(lambda choice: choice["logprobs"], lambda choice: legacy(choice["logprobs"])))),
        f"{UNREAD} res.logprobs.refusal",
        prop="logprobs",
    ),
    row(
        "answer-logprobs-true",
        "res.logprobs.shape",
        answering(each_choice(turning("logprobs", lambda members: members and True))),
        UNREAD,
        prop="logprobs",
    ),
    row(
        "answer-logprobs-refusal-missing",
        "res.logprobs.refusal",
        answering(each_logprobs(without("refusal"))),
        prop="logprobs",
    ),
    *[
        row(f"answer-logprobs-no-{key.replace('_', '-')}", "res.logprobs.entry", spoiled(without(key)), prop="logprobs")
        for key in ("token", "logprob", "top_logprobs")
    ],
    row("answer-logprobs-token-id", "res.logprobs.entry", spoiled(setting(token=42)), prop="logprobs"),
    row("answer-logprobs-logprob-text", "res.logprobs.entry", spoiled(turning("logprob", str)), prop="logprobs"),
    row(
        "answer-logprobs-logprob-null",
        "res.logprobs.entry",
        tokens(
            lambda entries: [{**entry, "logprob": None} if place == 0 else entry for place, entry in enumerate(entries)]
        ),
        prop="logprobs",
    ),
    row(
        "answer-logprobs-strings",
        "res.logprobs.entry",
        tokens(lambda entries: [entry["token"] for entry in entries]),
        prop="logprobs",
    ),
    row(
        "answer-logprobs-top-null",
        "res.logprobs.entry",
        spoiled(turning("top_logprobs", lambda rows: rows or None)),
        prop="top_logprobs",
    ),
    row(
        "answer-logprobs-top-map",
        "res.logprobs.entry",
        spoiled(turning("top_logprobs", lambda rows: {other["token"]: other["logprob"] for other in rows})),
        prop="top_logprobs",
    ),
    row("answer-top-no-token", "res.logprobs.top", alternatives(without("token")), prop="top_logprobs"),
    row("answer-top-no-logprob", "res.logprobs.top", alternatives(without("logprob")), prop="top_logprobs"),
    row(
        "answer-top-pairs",
        "res.logprobs.top",
        spoiled(turning("top_logprobs", lambda rows: [[other["token"], other["logprob"]] for other in rows])),
        prop="top_logprobs",
    ),
    row(
        "answer-top-last-null",
        "res.logprobs.top",
        spoiled(
            turning("top_logprobs", lambda rows: [*rows[:-1], *[{**other, "logprob": None} for other in rows[-1:]]])
        ),
        prop="top_logprobs",
    ),
    row(
        "answer-bytes-text",
        "res.logprobs.bytes",
        spoiled(turning("bytes", lambda data: bytes(data).decode())),
        prop="logprobs",
    ),
    row(
        "answer-bytes-hex",
        "res.logprobs.bytes",
        spoiled(turning("bytes", lambda data: [f"{byte:02x}" for byte in data])),
        prop="logprobs",
    ),
    row(
        "answer-bytes-signed",
        "res.logprobs.bytes",
        spoiled(turning("bytes", signed)),
        "res.logprobs.concat",
        prop="logprobs",
    ),
    row(
        "answer-bytes-text-alternatives",
        "res.logprobs.bytes",
        alternatives(turning("bytes", lambda data: bytes(data).decode())),
        prop="top_logprobs",
    ),
    row("answer-bytes-missing", "res.logprobs.bytes.null", spoiled(without("bytes")), prop="logprobs"),
    row(
        "answer-bytes-missing-alternatives",
        "res.logprobs.bytes.null",
        alternatives(without("bytes")),
        prop="top_logprobs",
    ),
    row(
        "answer-logprobs-probability",
        "res.logprobs.range",
        spoiled(turning("logprob", math.exp)),
        "res.logprobs.topsorted",
        prop="logprobs",
    ),
    row("answer-logprobs-positive", "res.logprobs.range", spoiled(turning("logprob", abs)), prop="logprobs"),
    row(
        "answer-logprobs-positive-alternatives",
        "res.logprobs.range",
        alternatives(turning("logprob", abs)),
        prop="top_logprobs",
    ),
    row("answer-logprobs-infinite", "res.json", infinite(), prop="top_logprobs"),
    row(
        "answer-logprobs-one-more",
        "res.logprobs.count",
        wanted(lambda asked: asked + 1),
        "res.logprobs.count.none",
        prop="top_logprobs",
    ),
    row(
        "answer-logprobs-one-more-if-asked",
        "res.logprobs.count",
        wanted(lambda asked: asked and asked + 1),
        prop="top_logprobs",
    ),
    row(
        "answer-logprobs-five",
        "res.logprobs.count",
        wanted(lambda asked: 5),
        "res.logprobs.count.none",
        prop="top_logprobs",
    ),
    row(
        "answer-logprobs-own-unasked",
        "res.logprobs.count.none",
        wanted(lambda asked: max(1, asked)),
        prop="top_logprobs",
    ),
    row("answer-logprobs-end-token", "res.logprobs.concat", tokens(ended), prop="logprobs"),
    row("answer-logprobs-first-lost", "res.logprobs.concat", tokens(lambda entries: entries[1:]), prop="logprobs"),
    row(
        "answer-logprobs-half",
        "res.logprobs.concat",
        answering(each_choice(when(lambda choice: choice["logprobs"], split))),
        prop="logprobs",
    ),
    row("answer-logprobs-marked", "res.logprobs.concat", spoiled(marked), prop="logprobs"),
    row("answer-logprobs-reversed", "res.logprobs.concat", tokens(turned), prop="logprobs"),
    row("answer-logprobs-code-points", "res.logprobs.concat", spoiled(points), prop="logprobs"),
    row("answer-logprobs-of-first-choice", "res.logprobs.concat", answering(borrowed), prop="n"),
    row("answer-top-late", "res.logprobs.top.own", tokens(top_late), prop="top_logprobs"),
    row("answer-top-unsorted", "res.logprobs.topsorted", spoiled(turning("top_logprobs", turned)), prop="top_logprobs"),
    row(
        "answer-top-by-token",
        "res.logprobs.topsorted",
        spoiled(turning("top_logprobs", lambda rows: sorted(rows, key=lambda other: other["token"]))),
        prop="top_logprobs",
    ),
]
