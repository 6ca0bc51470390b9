"""Servers whose streams have a wrong chunk, choice, delta, finish or usage, or that forget what was asked for."""

from __future__ import annotations

import copy
from dataclasses import replace

from .answers_common import planned, setting, turning, when, without
from .base import each_chunk
from .stream_common import (
    Members,
    Rows,
    counting,
    cut,
    deltas,
    each,
    finishing,
    forgetful,
    keep,
    last,
    later_choices,
    pieces,
    row,
    several,
    spoilt,
    where,
)


def own_ids(rows: Rows) -> None:
    """Another id in every chunk."""
    for place, chunk in enumerate(rows):
        chunk["id"] += str(place)


def ids_by_choice(rows: Rows) -> None:
    """Another id for every choice."""
    for chunk in rows:
        chunk["id"] += "".join(str(piece["index"]) for piece in chunk["choices"])


def empty_start(rows: Rows) -> None:
    """A chunk with nothing in it ahead of the others, as Azure has sent it."""
    usage = {"usage": None} if "usage" in rows[0] else {}
    rows.insert(0, {"id": "", "object": "", "created": 0, "model": "", "choices": [], **usage})


def ticking(rows: Rows) -> None:
    """The time of each chunk."""
    for place, chunk in enumerate(rows):
        chunk["created"] += place


def message_for_delta(piece: Members) -> None:
    """The member of a plain answer."""
    piece["message"] = piece.pop("delta")


def without_last_choice(rows: Rows) -> None:
    """The choice with the highest index is lost."""
    most = max(piece["index"] for piece in pieces(rows))
    keep(rows, lambda piece: piece["index"] < most)


def no_choices(chunk: Members) -> None:
    """Chunks that are sent without what they are for."""
    chunk["choices"] = []


def role_of_first_choice_only(rows: Rows) -> None:
    """The role once a stream and not once a choice."""
    for piece in pieces(rows):
        if piece["index"]:
            piece["delta"].pop("role", None)


def finish_again(rows: Rows) -> None:
    """Every chunk that ends a choice is sent twice."""
    rows[:] = [
        copy.deepcopy(chunk)
        for chunk in rows
        for _ in range(1 + any(piece["finish_reason"] for piece in chunk["choices"]))
    ]


def _of_choice(rows: Rows, index: int) -> list[int]:
    """Where the chunks of a choice are."""
    return [place for place, chunk in enumerate(rows) for piece in chunk["choices"] if piece["index"] == index]


def finish_with_the_last_word(rows: Rows) -> None:
    """The reason already on the last chunk with text, and again on the empty one after it."""
    for end in list(finishing(rows)):
        place = _of_choice(rows, end["index"])[-2]
        rows[place]["choices"][0]["finish_reason"] = end["finish_reason"]


def finish_early(rows: Rows) -> None:
    """The last piece of a choice overtaken by its end."""
    for end in list(finishing(rows)):
        places = _of_choice(rows, end["index"])
        if len(places) > 2:
            before, after = places[-2:]
            rows[before], rows[after] = rows[after], rows[before]


def finish_everywhere(rows: Rows) -> None:
    """The reason on every chunk of a choice."""
    reasons = {end["index"]: end["finish_reason"] for end in finishing(rows)}
    for piece in pieces(rows):
        piece["finish_reason"] = reasons[piece["index"]]


def usage_with_the_end(rows: Rows) -> None:
    """The usage on the chunk that ends the last choice, and no chunk of its own."""
    usage = rows.pop()["usage"]
    rows[-1]["usage"] = usage


def usage_by_choice(rows: Rows) -> None:
    """As many usage chunks as choices."""
    rows += [copy.deepcopy(rows[-1]) for _ in range(max(piece["index"] for piece in pieces(rows)))]


def usage_running(rows: Rows) -> None:
    """The usage so far on every chunk."""
    for chunk in rows[:-1]:
        chunk["usage"] = dict(rows[-1]["usage"])


def usage_of_one(chunk: Members) -> None:
    """A total that has the completion of half the choices."""
    chunk["usage"]["total_tokens"] -= chunk["usage"]["completion_tokens"] // 2


def usage_of_template(chunk: Members) -> None:
    """The prompt counted with three tokens more than in a plain answer."""
    usage = chunk["usage"]
    usage.update({name: usage[name] + 3 for name in ("prompt_tokens", "total_tokens")})


def usage_without_prompt(chunk: Members) -> None:
    """Nobody counted the prompt."""
    chunk["usage"].update(prompt_tokens=0, total_tokens=chunk["usage"]["completion_tokens"])


def first_word_lost(rows: Rows) -> None:
    """The first piece of text of every choice does not arrive."""
    known: set[int] = set()
    for piece in pieces(rows):
        if piece["delta"].get("content") and piece["index"] not in known:
            known.add(piece["index"])
            piece["delta"]["content"] = ""


CHUNKS = [
    spoilt("chunk-id-missing", "sse.chunk.id", each_chunk(without("id"))),
    spoilt("chunk-id-number", "sse.chunk.id", each_chunk(setting(id=7))),
    spoilt("usage-chunk-id-missing", "sse.chunk.id", where(counting, last(without("id")))),
    spoilt("chunk-ids", "sse.same.id", own_ids),
    spoilt("chunk-ids-by-choice", "sse.same.id", where(several, ids_by_choice)),
    spoilt("azure-first-chunk", "sse.chunk.object sse.same.id sse.same.created", empty_start, "sse.same.model"),
    spoilt("chunk-object", "sse.chunk.object", each_chunk(setting(object="chat.completion"))),
    spoilt("usage-chunk-object", "sse.chunk.object", where(counting, last(setting(object="chat.completion")))),
    spoilt("chunk-created-missing", "sse.chunk.created", each_chunk(without("created"))),
    spoilt("chunk-created-text", "sse.chunk.created", each_chunk(turning("created", str))),
    spoilt("chunk-created-float", "sse.chunk.created", each_chunk(turning("created", lambda n: n + 0.25))),
    spoilt("chunk-created-milliseconds", "sse.chunk.created.seconds",
           each_chunk(turning("created", lambda n: n * 1000))),
    spoilt("chunk-created-zero", "sse.chunk.created.seconds", each_chunk(setting(created=0))),
    spoilt("chunk-created-ticks", "sse.same.created", ticking),
    spoilt("chunk-model-missing", "sse.chunk.model", each_chunk(without("model"))),
    spoilt("last-chunk-model-null", "sse.chunk.model", last(setting(model=None))),
    spoilt("last-chunk-other-model", "sse.same.model", last(setting(model="alias"))),
    spoilt("usage-chunk-no-choices", "sse.chunk.choices", where(counting, last(without("choices"))), "sse.usage.on"),
    spoilt("usage-chunk-choices-null", "sse.chunk.choices", where(counting, last(setting(choices=None))),
           "sse.usage.on"),
    spoilt(
        "chunk-choices-object",
        "sse.chunk.choices",
        each_chunk(when(lambda chunk: chunk["choices"], turning("choices", lambda found: found[0]))),
    ),
    spoilt("chunk-fingerprint-number", "sse.chunk.fingerprint", each_chunk(setting(system_fingerprint=7))),
]  # fmt: skip

CHOICES = [
    spoilt("last-delta-missing", "sse.choice.delta", each(finishing, without("delta"))),
    spoilt("last-delta-null", "sse.choice.delta", each(finishing, setting(delta=None))),
    spoilt("delta-as-message", "sse.choice.delta", each(pieces, message_for_delta)),
    spoilt("choice-index-missing", "sse.choice.index", each(pieces, without("index"))),
    spoilt("choice-index-text", "sse.choice.index", each(pieces, turning("index", str))),
    spoilt("last-index-null", "sse.choice.index", each(finishing, setting(index=None))),
    spoilt("later-index-missing", "sse.choice.index", later_choices(without("index"))),
    spoilt("choice-index-from-one", "sse.choice.range", each(pieces, turning("index", lambda n: n + 1))),
    spoilt("finish-key-missing", "sse.choice.finish_reason",
           each(pieces, lambda piece: piece["finish_reason"] or piece.pop("finish_reason"))),
    spoilt("stream-choices-never", "sse.choice.one", where(lambda rows: not several(rows), each_chunk(no_choices))),
    spoilt("stream-one-choice", "sse.choice.count", lambda rows: keep(rows, lambda piece: piece["index"] == 0),
           prop="n"),
    spoilt("stream-last-choice-lost", "sse.choice.count", where(several, without_last_choice), prop="n"),
    spoilt("stream-index-stuck", "sse.choice.count", where(several, each(pieces, setting(index=0))),
           "sse.finish.once sse.finish.last sse.tool.later sse.tool.ids", prop="n"),
    spoilt("stream-role-missing", "sse.role", each(deltas, without("role"))),
    spoilt("stream-role-null", "sse.role", each(deltas, when(lambda delta: "role" in delta, setting(role=None)))),
    spoilt("stream-role-first-choice-only", "sse.role", role_of_first_choice_only),
    spoilt("stream-role-model", "sse.role.value", each(deltas, turning("role", lambda _: "model"))),
    spoilt("stream-role-empty-later", "sse.role.value",
           each(deltas, lambda delta: delta.setdefault("role", ""))),
    spoilt("delta-content-numbers", "sse.delta.content",
           each(deltas, turning("content", lambda text: int(text) if text and text.isdigit() else text))),
    spoilt("delta-content-parts", "sse.delta.content",
           each(deltas, turning("content", lambda text: [{"type": "text", "text": text}] if text else text))),
    spoilt("delta-refusal-false", "sse.delta.refusal", each(deltas, turning("refusal", bool))),
    spoilt("delta-tools-object", "sse.delta.tool_calls", each(deltas, turning("tool_calls", lambda found: found[0])),
           prop="tools"),
    spoilt("delta-function-text", "sse.delta.function_call",
           each(deltas, turning("function_call", lambda call: call["arguments"])), prop="functions"),
    spoilt("delta-function-arguments-object", "sse.delta.function_call",
           each(deltas, when(lambda delta: "function_call" in delta, lambda delta: delta["function_call"].update(
               arguments={}))),
           prop="functions"),
]  # fmt: skip

FINISH = [
    spoilt("stream-finish-never", "sse.finish", each(pieces, setting(finish_reason=None))),
    spoilt("stream-finish-later-never", "sse.finish", later_choices(setting(finish_reason=None)), prop="n"),
    spoilt("stream-finish-cut-never", "sse.finish", where(cut, each(pieces, setting(finish_reason=None)))),
    spoilt("stream-finish-calls-never", "sse.finish",
           each(finishing, turning("finish_reason", lambda reason: None if reason == "tool_calls" else reason)),
           prop="tools"),
    spoilt("stream-finish-eos", "sse.finish.enum",
           each(finishing, turning("finish_reason", lambda reason: "eos" if reason == "stop" else reason))),
    spoilt("stream-finish-max-tokens", "sse.finish.enum",
           each(finishing, turning("finish_reason", lambda reason: "max_tokens" if reason == "length" else reason))),
    spoilt("stream-finish-empty", "sse.finish.enum",
           each(pieces, turning("finish_reason", lambda reason: reason or ""))),
    spoilt("stream-finish-twice", "sse.finish.once", finish_again),
    spoilt("stream-finish-with-text", "sse.finish.once", finish_with_the_last_word),
    spoilt("stream-finish-everywhere", "sse.finish.once", finish_everywhere, "sse.finish.last"),
    spoilt("stream-finish-early", "sse.finish.last", finish_early),
    spoilt("stream-finish-early-later", "sse.finish.last", where(several, finish_early), prop="n"),
]  # fmt: skip

_ADDED_UP = ["prompt_tokens", "completion_tokens", "total_tokens"]

USAGE = [
    row("usage-always", "sse.usage.off", planned(lambda body, reply: replace(reply, include_usage=True)),
        prop="stream_options"),
    row("usage-unless-null", "sse.usage.off",
        planned(lambda body, reply: replace(reply, include_usage=isinstance(body.get("stream_options"), dict))),
        prop="stream_options"),
    row("usage-never", "gate.stream_usage", forgetful("stream_options"), "sse.usage.on", prop="stream_options",
        family="ignored"),
    spoilt("usage-with-finish", "sse.usage.on", where(counting, usage_with_the_end), prop="stream_options"),
    spoilt("usage-not-for-several", "sse.usage.on",
           where(counting, where(several, lambda rows: rows.pop())), prop="stream_options"),
    spoilt("usage-twice", "sse.usage.on.once", where(counting, lambda rows: rows.append(rows[-1])),
           prop="stream_options"),
    spoilt("usage-by-choice", "sse.usage.on.once", where(counting, usage_by_choice), prop="stream_options"),
    spoilt("usage-first", "sse.usage.on.last", where(counting, lambda rows: rows.insert(0, rows.pop())),
           prop="stream_options"),
    spoilt("usage-before-finish", "sse.usage.on.last", where(counting, lambda rows: rows.insert(-1, rows.pop())),
           prop="stream_options"),
    spoilt("usage-running", "sse.usage.on.null", where(counting, usage_running), prop="stream_options"),
    spoilt("usage-key-last-only", "sse.usage.on.null",
           each_chunk(when(lambda chunk: chunk.get("usage", 0) is None, without("usage"))), prop="stream_options"),
    spoilt("stream-usage-total-missing", "sse.usage.on.members",
           where(counting, last(lambda chunk: chunk["usage"].pop("total_tokens"))), prop="stream_options"),
    spoilt("stream-usage-text", "sse.usage.on.members",
           where(counting, last(lambda chunk: chunk["usage"].update({k: str(chunk["usage"][k]) for k in _ADDED_UP}))),
           prop="stream_options"),
    spoilt("stream-usage-null", "sse.usage.on.members",
           where(counting, last(lambda chunk: chunk["usage"].update(completion_tokens=None))), prop="stream_options"),
    spoilt("stream-usage-sum", "sse.usage.on.sum",
           where(counting, last(lambda chunk: chunk["usage"].update(total_tokens=1))), prop="stream_options"),
    spoilt("stream-usage-sum-several", "sse.usage.on.sum", where(counting, where(several, last(usage_of_one))),
           prop="stream_options"),
    spoilt("stream-usage-other-prompt", "ef.prompt.tokens.stream", where(counting, last(usage_of_template)),
           prop="stream_options"),
    spoilt("stream-usage-no-prompt", "res.usage.prompt.stream", where(counting, last(usage_without_prompt)),
           "ef.prompt.tokens.stream", prop="stream_options"),
]  # fmt: skip

FORGOTTEN = [
    row("stream-forgets-stop", "ef.stop.text.stream ef.stop.stream", forgetful("stop"), prop="stop", family="ignored"),
    row("stream-forgets-n", "sse.choice.count", forgetful("n"), prop="n", family="ignored"),
    spoilt("stream-first-word-lost", "sse.equiv", first_word_lost, "res.logprobs.concat.stream ef.*.stream many.*"),
]  # fmt: skip

MUTANTS = [*CHUNKS, *CHOICES, *FINISH, *USAGE, *FORGOTTEN]
