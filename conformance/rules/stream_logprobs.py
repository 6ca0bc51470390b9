"""The log probabilities of a streamed answer (fact base §2.3)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..model import Exchange
from .forms import documented, prose
from .stream_forms import SHOULD, rule
from .stream_views import entries, framed, listed, logs, member, pieces, placed, show, whole
from .views import asked, is_integer, is_number, long_answer, option

_LOGS = (
    lean(stream=True, logprobs=True, top_logprobs=2),
    long_answer(stream=True, logprobs=True, top_logprobs=5, max_tokens=64),  # some 50 kB
    lean(stream=True, logprobs=True, top_logprobs=0),
    long_answer(stream=True, logprobs=True, n=2, max_tokens=4),
)
_LOGPROBS: Any = {"prop": "logprobs", "needs": ("logprobs",), "pins": _LOGS}
SEVERAL = 4
"""Different texts that the chunks of a choice must have before their log probabilities are compared with them."""

_LOG = documented("chunk object, logprobs: as in a plain answer, for the tokens of the chunk")


def logged(exchange: Exchange) -> bool:
    """A whole stream that was asked for log probabilities."""
    return whole(exchange) and asked(exchange).get("logprobs") is True


def has_logs(exchange: Exchange) -> bool:
    """A stream in which some piece has log probabilities."""
    return framed(exchange) and any(True for _ in logs(exchange))


def logs_all(exchange: Exchange) -> str | None:
    if log_object(exchange):
        return None  # another rule owns that
    spoke = {index for index, _, delta in placed(exchange) if delta.get("content")}
    with_logs = {index for index, piece, _ in placed(exchange) if entries(piece.get("logprobs"))}
    left = sorted(spoke - with_logs)
    return f"choice {show(left[0])} has content and no log probabilities" if left else None


def log_object(exchange: Exchange) -> str | None:
    for piece in pieces(exchange):
        log = piece.get("logprobs")
        if log is None:
            continue
        if not is_object(log):
            return f"logprobs is {show(log)}"
        for name in ("content", "refusal"):
            if log.get(name) is not None and not is_array(log[name]):
                return f"logprobs.{name} is {show(log[name])}"
    return None


def log_keys(exchange: Exchange) -> str | None:
    for log in logs(exchange):
        if not {"content", "refusal"} <= log.keys():
            return "logprobs lacks content or refusal"
        for entry in entries(log):
            if is_object(entry) and "bytes" not in entry:
                return "an entry lacks bytes"
    return None


def log_entry(exchange: Exchange) -> str | None:
    for entry in (entry for log in logs(exchange) for entry in entries(log)):
        if not is_object(entry) or not is_array(entry.get("top_logprobs")):
            return "an entry is no object with a top_logprobs array"
        for token in (entry, *entry["top_logprobs"]):
            wrong = _token(token)
            if wrong:
                return wrong
    return None


def _token(token: object) -> str | None:
    if not is_object(token):
        return f"an item of top_logprobs is {show(token)}"
    if not isinstance(token.get("token"), str):
        return f"in an entry {member(token, 'token')}"
    if not is_number(token.get("logprob")):
        return f"in an entry {member(token, 'logprob')}"
    codes = token.get("bytes")
    if codes is not None and not (is_array(codes) and all(is_integer(c) and 0 <= c <= 255 for c in codes)):
        return "the bytes of an entry are no array of integers from 0 to 255"
    return None


def log_range(exchange: Exchange) -> str | None:
    for entry in (entry for log in logs(exchange) for entry in entries(log) if is_object(entry)):
        for token in (entry, *listed(entry.get("top_logprobs"))):
            if is_object(token) and is_number(token.get("logprob")) and token["logprob"] > 1e-6:
                return f"a logprob is {show(token['logprob'])}"
    return None


def log_count(exchange: Exchange) -> str | None:
    most = option(exchange, "top_logprobs", 0)
    if not is_integer(most) or most < 1:  # that none come unasked is a habit only
        return None
    for entry in (entry for log in logs(exchange) for entry in entries(log) if is_object(entry)):
        if len(listed(entry.get("top_logprobs"))) > most:
            return f"{len(entry['top_logprobs'])} alternatives, where {show(most)} were asked for"
    return None


def _logged_apart(exchange: Exchange) -> str | None:
    """A choice has text in three chunks or more, none of which has log probabilities, and another has three at once."""
    texts: dict[int, int] = {}
    logged_texts: set[int] = set()
    alone: dict[int, int] = {}
    for index, piece, delta in placed(exchange):
        count = len(entries(piece.get("logprobs")))
        if delta.get("content"):
            texts[index] = texts.get(index, 0) + 1
            logged_texts |= {index} if count else set()
        elif not any(delta.get(name) for name in ("refusal", "reasoning_content", "reasoning", "tool_calls")):
            alone[index] = max(count, alone.get(index, 0))
    for index, count in alone.items():
        if count >= 3 and texts.get(index, 0) >= 3 and index not in logged_texts:
            return f"a chunk of choice {show(index)} without text has the log probabilities of {count} tokens"
    return None


def _logged_elsewhere(exchange: Exchange) -> str | None:
    """A choice has text in several chunks, whose tokens all come with the first of them, or each with the next chunk.
    A server that holds text back, to look for a stop string or the rest of a character, sends some of them early."""
    rows: dict[int, list[tuple[str, str]]] = {}
    for index, piece, delta in placed(exchange):
        tokens = [entry.get("token") for entry in entries(piece.get("logprobs")) if is_object(entry)]
        content, made = delta.get("content"), "".join(token for token in tokens if isinstance(token, str))
        text = content if isinstance(content, str) else ""
        if text or made:
            rows.setdefault(index, []).append((text, made))
    for index, found in rows.items():
        texts, mades = [text for text, _ in found], [made for _, made in found]
        if len(set(texts)) < SEVERAL:
            continue
        if mades[0] == "".join(texts) == "".join(mades):
            return f"the first chunk of choice {show(index)} has the log probabilities of all of them"
        if not mades[0] and texts[:-1] == mades[1:]:
            return f"each chunk of choice {show(index)} has the log probabilities of the chunk before it"
    return None


def log_pieces(exchange: Exchange) -> str | None:
    """All come in a chunk without text, in the first, or in the next one; or a chunk's list repeats the list before it
    and adds to it, twice or more."""
    if late := _logged_apart(exchange) or _logged_elsewhere(exchange):
        return late
    lists: dict[int, list[list[tuple[str, str]]]] = {}
    for index, piece, _ in placed(exchange):
        found = [entry for entry in entries(piece.get("logprobs")) if is_object(entry)]
        if found:
            lists.setdefault(index, []).append([(show(e.get("token")), show(e.get("logprob"))) for e in found])
    for index, found_lists in lists.items():
        pairs = list(pairwise(found_lists))
        if len(pairs) >= 2 and all(len(b) > len(a) and b[: len(a)] == a for a, b in pairs):
            return f"each chunk of choice {show(index)} repeats the log probabilities of the chunks before it"
    return None


def _logs_off(exchange: Exchange) -> str | None:
    return "log probabilities that were not asked for" if any(entries(log) for log in logs(exchange)) else None


def _quiet(exchange: Exchange) -> bool:
    return framed(exchange) and not asked(exchange).get("logprobs")


def _loud(exchange: Exchange) -> bool:
    return has_logs(exchange) and asked(exchange).get("logprobs") is True


RULES = [
    rule("logprobs", "streams log probabilities where they are asked for", _LOG, logs_all, applies=logged,
          **_LOGPROBS),
    rule("logprobs.off", "streams no log probabilities where they are not asked for", _LOG, _logs_off, applies=_quiet),
    rule("logprobs.shape", "streams logprobs as an object of arrays", _LOG, log_object, applies=logged, **_LOGPROBS),
    rule("logprobs.keys", "streams logprobs with all their members", _LOG, log_keys, applies=_loud,
          **_LOGPROBS, **SHOULD),
    rule("logprobs.entry", "streams well-formed log probability entries", _LOG, log_entry, applies=_loud, **_LOGPROBS),
    rule("logprobs.range", "streams log probabilities of at most 0", prose("logprob: a logarithm of a probability"),
          log_range, applies=_loud, **_LOGPROBS),
    rule("logprobs.count", "streams at most top_logprobs alternatives", prose("top_logprobs: how many"), log_count,
          applies=_loud, **_LOGPROBS),
    rule("logprobs.chunk", "streams only a chunk's own log probabilities with it", _LOG, log_pieces, applies=_loud,
          **_LOGPROBS),
]  # fmt: skip
