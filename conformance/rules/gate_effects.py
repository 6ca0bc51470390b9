"""Effects of features, as gates look for them: True seen, False missing, None where an answer cannot tell."""

from __future__ import annotations

from typing import Any

from ...strategies.json_values import is_array, is_object
from ..model import NOT_JSON, Answer
from ..sse import read_json


def _choices(answer: Answer) -> list[dict[str, Any]] | None:
    value = answer.json
    if value is NOT_JSON or not is_object(value) or not is_array(value.get("choices")):
        return None
    return [choice for choice in value["choices"] if is_object(choice)]


def _first_message(answer: Answer) -> dict[str, Any] | None:
    choices = _choices(answer)
    message = choices[0].get("message") if choices else None
    return message if is_object(message) else None


def _ended_by(answer: Answer, *reasons: str) -> bool:
    choices = _choices(answer)
    return bool(choices) and choices[0].get("finish_reason") in reasons


def _withheld(answer: Answer) -> bool:
    """Whether a filter ended the answer, or the model refused to give one."""
    message = _first_message(answer)
    return bool(message and message.get("refusal")) or _ended_by(answer, "content_filter")


def _cut(answer: Answer) -> bool:
    """Whether the model had no say: the token bound or a filter ended its answer, or it refused to give one."""
    return _withheld(answer) or _ended_by(answer, "length")


def _silent(answer: Answer) -> bool:
    """Whether the message has no text, as that of a model which thinks until the bound."""
    message = _first_message(answer)
    return message is not None and not message.get("content")


def several_choices(answer: Answer) -> bool | None:
    """Two choices came back for n = 2."""
    choices = _choices(answer)
    return None if choices is None else len(choices) >= 2


def log_probabilities(answer: Answer) -> bool | None:
    """The choice has token log probabilities; an answer without text cannot tell."""
    choices = _choices(answer)
    if not choices:
        return None
    logprobs = choices[0].get("logprobs")
    if logprobs and not (is_object(logprobs) and logprobs.get("content", 0) is None):
        return True  # of whatever shape: that is the business of other rules
    return None if _silent(answer) else False


def event_stream(answer: Answer) -> bool | None:
    """The answer is a stream of events."""
    return answer.like_events


def usage_chunk(answer: Answer) -> bool | None:
    """Some event of the stream has token counts; a stream that cannot be read cannot tell."""
    chunks = answer.stream.chunks
    told = (chunk.get("usage") for chunk in chunks)
    if b'"prompt_tokens"' in answer.content or any(is_object(usage) and "prompt_tokens" in usage for usage in told):
        return True  # the first also where no one would look for them
    return False if chunks else None


def called_tool(answer: Answer) -> bool | None:
    """The message calls a tool; an answer that was cut before the call cannot tell."""
    message = _first_message(answer)
    if message is None:
        return None
    return True if message.get("tool_calls") else (None if _cut(answer) else False)


def called_custom(answer: Answer) -> bool | None:
    """The message calls a custom tool; an answer that was cut before the call cannot tell."""
    message = _first_message(answer)
    if message is None:
        return None
    calls = message.get("tool_calls")
    if is_array(calls) and any(is_object(call) and call.get("type") == "custom" for call in calls):
        return True
    return None if _cut(answer) else False


def moderated(answer: Answer) -> bool | None:
    """The answer tells what the moderation found; one that does not cannot tell."""
    value = answer.json
    return True if is_object(value) and is_object(value.get("moderation")) else None


def called_function(answer: Answer) -> bool | None:
    """The message has a legacy function call; an answer that was cut before it cannot tell."""
    message = _first_message(answer)
    if message is None:
        return None
    return True if message.get("function_call") else (None if _cut(answer) else False)


def json_content(answer: Answer) -> bool | None:
    """The content is a JSON object; an answer that was cut, or has no text, cannot tell."""
    message = _first_message(answer)
    if message is None or not isinstance(message.get("content"), str) or _silent(answer) or _cut(answer):
        return None
    return is_object(read_json(message["content"]))


def audio_content(answer: Answer) -> bool | None:
    """The message has audio; an answer that was cut before it cannot tell, unless it says its text in place of it. What
    was withheld tells nothing."""
    message = _first_message(answer)
    if message is None:
        return None
    if is_object(message.get("audio")):
        return True
    return None if _withheld(answer) or (_cut(answer) and not message.get("content")) else False
