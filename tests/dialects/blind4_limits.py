"""What is not offered together, thought of without knowing what is checked.

Each of two properties is taken alone; both in one request are refused. Why that conforms is told in ``BLIND_4.md``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import bound, whole

from .base import Dialect
from .odd import Body, checking

PENALTIES = ("frequency_penalty", "presence_penalty")


def choices(body: Body) -> int:
    """How many choices are asked for."""
    return whole(body.get("n")) or 1


def format_of(body: Body) -> str:
    """The kind of text that is asked for."""
    return (body.get("response_format") or {}).get("type", "text")


def together(key: str, why: str, code: str | None = "unsupported_value") -> Reason:
    """Two things that a model does not do at once."""
    return Reason("dialect", f"{why} is not supported with this model.", key, code)


def pictures(ask: Ask) -> list[str]:
    """Where the pictures of a conversation are."""
    return [path for path, _, part in ask.parts if part.get("type") == "image_url"]


# --- pictures -----------------------------------------------------------------------------------------------------


def plain_with_pictures(ask: Ask) -> Iterator[Reason]:
    """An early model with eyes: who shows it a picture gets words, and nothing else."""
    if not pictures(ask):
        return
    for key in ("tools", "functions", "logit_bias", "stop", "prediction"):
        if ask.body.get(key):
            yield together(key, f"'{key}' in a request with images", "unsupported_parameter")
    if ask.body.get("logprobs") is True:
        yield together("logprobs", "'logprobs' in a request with images", "unsupported_parameter")
    if format_of(ask.body) != "text":
        yield together("response_format", "A format other than text in a request with images")
    if choices(ask.body) > 1:
        yield together("n", "'n' above 1 in a request with images")


def pictures_or_systems(ask: Ask) -> Iterator[Reason]:
    """A template that has no place for both."""
    if pictures(ask) and any(role == "system" for _, _, role in ask.spoken):
        yield Reason("dialect", "Prompting with images is incompatible with system messages.", None, None)


def one_picture(ask: Ask) -> Iterator[Reason]:
    """One picture in the whole of a conversation."""
    if len(pictures(ask)) > 1:
        yield Reason("dialect", "At most 1 image(s) may be provided in one request.", None, None)


# --- formats and tools --------------------------------------------------------------------------------------------


def steered(ask: Ask, keys: tuple[str, ...], company: str) -> Iterator[Reason]:
    """Properties that have a value other than their default."""
    for key in keys:
        value = ask.body.get(key)
        if value is not None and (key == "seed" or value not in (0, {})):
            yield together(key, f"'{key}' with {company}", "unsupported_parameter")


def quiet_objects(ask: Ask) -> Iterator[Reason]:
    """A grammar and nothing beside it."""
    if format_of(ask.body) != "text":
        yield from steered(ask, ("stop", "logit_bias", *PENALTIES), "structured output")


def unsteered_calls(ask: Ask) -> Iterator[Reason]:
    """Who declares tools leaves the rest to the model."""
    if ask.body.get("tools") or ask.body.get("functions"):
        yield from steered(ask, ("stop", "seed", *PENALTIES), "tools")


STRICT = 4


def narrow_strict(ask: Ask) -> Iterator[Reason]:
    """Strict arguments cost a grammar each, and there is not much room."""
    strict = [path for path, function in ask.declared if function.get("strict") is True]
    if len(strict) > STRICT:
        why = f"Too many strict tools: {len(strict)}; more than {STRICT}"
        yield together("tools", why, None)
    if strict and choices(ask.body) > 1:
        yield together("n", "'n' above 1 with strict tools")
    if strict and format_of(ask.body) == "json_schema":
        yield together("response_format", "'json_schema' with strict tools")


FEW = 8


def forced_from_few(ask: Ask) -> Iterator[Reason]:
    """A call out of many is no trouble, unless there must be one."""
    if ask.body.get("tool_choice") == "required" and len(ask.body.get("tools") or ()) > FEW:
        why = f"The tools make a grammar of too many states: 'required' with more than {FEW} tools"
        yield together("tool_choice", why)


# --- choices, streams, bounds -------------------------------------------------------------------------------------


def few_in_streams(ask: Ask) -> Iterator[Reason]:
    """Two streams at once can be told apart, more cannot."""
    if ask.body.get("stream") is True and choices(ask.body) > 2:
        yield together("n", "Unsupported value: 'n' above 2 in a stream")


def room_for_alternatives(ask: Ask) -> Iterator[Reason]:
    """Many choices, or many alternatives."""
    if choices(ask.body) * (whole(ask.body.get("top_logprobs")) or 0) > 24:
        yield together("top_logprobs", "Unsupported value: 'n' times 'top_logprobs' above 24")


def seed_or_choices(ask: Ask) -> Iterator[Reason]:
    """A seed makes one answer."""
    if ask.body.get("seed") is not None and choices(ask.body) > 1:
        yield together("seed", "'seed' with 'n' above 1")


LONG = 200


def long_is_streamed(ask: Ask) -> Iterator[Reason]:
    """What takes long is not waited for."""
    for key in ("max_tokens", "max_completion_tokens"):
        if ask.body.get("stream") is not True and (whole(ask.body.get(key)) or 0) > LONG:
            why = f"{key} is too large: requests with {key} > {LONG} must have stream=true with this model."
            yield Reason("dialect", why, key, "invalid_value")


WINDOW = 1_500


def shared_window(ask: Ask) -> Iterator[Reason]:
    """A context in which all choices have their place beforehand."""
    prompt, rest = prompt_tokens(ask.body), choices(ask.body) * (bound(ask.body) or 0)
    if prompt + rest > WINDOW:
        why = f"This model's maximum context length is {WINDOW} tokens. However, you requested {prompt + rest} tokens "
        why += f"({prompt} in the messages, {rest} in the completion)."
        yield Reason("dialect", why, "messages", "context_length_exceeded")


# --- conversations ------------------------------------------------------------------------------------------------


def single_calls(ask: Ask) -> Iterator[Reason]:
    """A template that writes one call a message."""
    if any(len(message.get("tool_calls") or ()) > 1 for _, message, role in ask.spoken if role == "assistant"):
        yield Reason("dialect", "This model only supports single tool-calls at once!", None, None)


def tools_want_a_user(ask: Ask) -> Iterator[Reason]:
    """A template that tells of the tools where the user speaks first."""
    if (ask.body.get("tools") or ask.body.get("functions")) and all(role != "user" for _, _, role in ask.spoken):
        why = "Cannot put tools in the first user message when there's no first user message!"
        yield Reason("dialect", why, None, None)


def no_user_after_tools(ask: Ask) -> Iterator[Reason]:
    """A service where the assistant has the first word about a result."""
    if ("tool", "user") in itertools.pairwise(role for _, _, role in ask.spoken):
        yield Reason("dialect", "Unexpected role 'user' after role 'tool'", None, None)


MESSAGES = 16


def sixteen_messages(ask: Ask) -> Iterator[Reason]:
    """A conversation that comes to an end."""
    if len(ask.spoken) > MESSAGES:
        why = f"Too many messages: {len(ask.spoken)}. At most {MESSAGES} messages are supported with this model."
        yield Reason("dialect", why, "messages", "array_above_max_length")


def parts_for_users_only(ask: Ask) -> Iterator[Reason]:
    """Whoever is no user speaks in one piece."""
    for place, message, role in ask.spoken:
        if role != "user" and isinstance(message.get("content"), list):
            path = f"messages[{place}].content"
            yield together(path, f"'{path}' as an array for the role '{role}'")


# --- money --------------------------------------------------------------------------------------------------------

CREDIT = 3_000


def affordable(ask: Ask) -> Iterator[Reason]:
    """Whoever asks for much has to have much."""
    wanted = choices(ask.body) * (bound(ask.body) or 0)
    if wanted > CREDIT:
        why = "This request requires more credits, or fewer max_tokens. "
        why += f"You requested up to {wanted} tokens, but can only afford {CREDIT}."
        yield Reason("dialect", why, None, None, status=402, type="insufficient_credits")


def _without(name: str, check: Callable[[Ask], Iterator[Reason]]) -> Dialect:
    return Dialect(name=f"blind4-{name}", server=checking(check))


DIALECTS = [
    _without("plain-with-pictures", plain_with_pictures),
    _without("pictures-or-systems", pictures_or_systems),
    _without("one-picture", one_picture),
    _without("objects-want-quiet", quiet_objects),
    _without("few-choices-in-streams", few_in_streams),
    _without("alternatives-by-room", room_for_alternatives),
    _without("long-answers-are-streamed", long_is_streamed),
    _without("answers-share-the-window", shared_window),
    _without("strict-is-narrow", narrow_strict),
    _without("forced-from-few", forced_from_few),
    _without("seed-or-choices", seed_or_choices),
    _without("calls-unsteered", unsteered_calls),
    _without("tools-want-a-user", tools_want_a_user),
    _without("no-user-after-tools", no_user_after_tools),
    _without("sixteen-messages", sixteen_messages),
    _without("parts-for-users-only", parts_for_users_only),
    _without("can-only-afford", affordable),
]
