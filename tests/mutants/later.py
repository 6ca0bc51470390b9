"""Servers of the vintage 2026-08 with one fault each, in what came after the oldest vintage."""

from __future__ import annotations

from typing import Any

from .later_making import (
    GONE,
    Body,
    answering,
    choice,
    each_call,
    each_message,
    fault,
    parts,
    put,
    reading,
    refusing,
    rewriting,
    streaming,
    tools,
    within,
)

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
LEVELS = ("low", "medium", "high")
MODES = ("auto", "required")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")


def member(body: Body, key: str, name: str) -> Any:
    """A member of an option object; an empty text where there is none."""
    holder = body.get(key)
    return holder.get(name, "") if isinstance(holder, dict) else ""


def no_string(value: Any) -> bool:
    return value is not None and not isinstance(value, str)


def undemanding(body: Body) -> None:
    """Where there are several tools, a call of an allowed one is not demanded but left to the model."""
    found, tools = body.get("tool_choice"), body.get("tools")
    inside = found.get("allowed_tools") if isinstance(found, dict) else None
    if isinstance(inside, dict) and inside.get("mode") == "required" and isinstance(tools, list) and len(tools) > 1:
        inside["mode"] = "auto"


def no_boolean(value: Any) -> bool:
    return value is not None and not isinstance(value, bool)


def nameless(found: Body) -> None:
    """A choice without a proper name is read as one of the usual tool."""
    inside = found.get("custom")
    if not isinstance(inside, dict) or not isinstance(inside.get("name"), str):
        found["custom"] = {"name": "note"}


def word_beside(*words: str) -> Any:
    """Strings that are none of these."""
    return lambda value: isinstance(value, str) and value not in words


def place(change: Any) -> Any:
    """A change of a search's place that is an object."""

    def options(holder: Body) -> None:
        if isinstance(holder.get("user_location"), dict):
            change(holder["user_location"])

    return options


def policy(change: Any) -> Any:
    """A change of each side of a policy."""

    def sides(holder: Body) -> None:
        found = holder.get("policy")
        for name in ("input", "output") if isinstance(found, dict) else ():
            if isinstance(found.get(name), dict):
                change(found[name])

    return sides


def custom(change: Any) -> Any:
    """A change of the inside of a custom tool."""

    def inside(tool: Body) -> None:
        if tool.get("type") == "custom" and isinstance(tool.get("custom"), dict):
            change(tool["custom"])

    return inside


def history(change: Any) -> Any:
    """A change of the inside of every custom call in the history."""

    def messages(body: Body) -> None:
        rows = body.get("messages")
        for message in rows if isinstance(rows, list) else ():
            calls = message.get("tool_calls") if isinstance(message, dict) else None
            for call in calls if isinstance(calls, list) else ():
                if isinstance(call, dict) and call.get("type") == "custom" and isinstance(call.get("custom"), dict):
                    change(call["custom"])

    return rewriting(messages)


def any_format(holder: Body) -> None:
    if "format" in holder:
        holder["format"] = {"type": "text"}


def grammar(change: Any) -> Any:
    def inside(holder: Body) -> None:
        form = holder.get("format")
        if isinstance(form, dict) and isinstance(form.get("grammar"), dict):
            change(form["grammar"])

    return custom(inside)


def allowed(change: Any) -> Any:
    def inside(found: Body) -> None:
        if isinstance(found.get("allowed_tools"), dict):
            change(found["allowed_tools"])

    return inside


def developers(change: Any) -> Any:
    def messages(body: Body) -> None:
        rows = body.get("messages")
        for message in rows if isinstance(rows, list) else ():
            if isinstance(message, dict) and message.get("role") == "developer":
                change(message)

    return rewriting(messages)


def developer_parts(body: Body) -> bool:
    rows = body.get("messages")
    return any(
        isinstance(row, dict) and row.get("role") == "developer" and isinstance(row.get("content"), list)
        for row in (rows if isinstance(rows, list) else ())
    )


def without_extra(body: Body) -> None:
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and len(metadata) > 16:
        body["metadata"] = dict(list(metadata.items())[:16])


def file(change: Any) -> Any:
    """A change of every file part in a user message."""

    def part(role: str, found: Any) -> Any:
        if role == "user" and isinstance(found, dict) and found.get("type") == "file":
            change(found)
        return found

    return parts(part)


GOOD_FILE = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}


def no_file(role: str, found: Any) -> Any:
    """File parts outside of user messages are passed over."""
    return GONE if role != "user" and isinstance(found, dict) and found.get("type") == "file" else found


def annotate(value: Any) -> Any:
    return answering(each_message(lambda message: message.update(annotations=value)))


def cite(**members: Any) -> Any:
    inside = {"url": "https://example.org", "title": "A", "start_index": 0, "end_index": 1, **members}
    return annotate([{"type": "url_citation", "url_citation": inside}])


def details(owner: str, **members: Any) -> Any:
    return answering(lambda body: body["usage"][owner].update(members))


def moderation(change: Any) -> Any:
    def inside(body: Body) -> None:
        if isinstance(body.get("moderation"), dict):
            change(body["moderation"])

    return answering(inside)


def results(change: Any) -> Any:
    def inside(found: Body) -> None:
        for side in found.values():
            for one in side.get("results") or ():
                change(one)

    return moderation(inside)


def rename_call(call: Body) -> None:
    call["custom"]["name"] += "_2"


def whole_input(chunk: Body) -> None:
    """The input of a streamed custom call as an object."""
    for one in chunk["choices"]:
        for call in one["delta"].get("tool_calls") or ():
            if "custom" in call:
                call["custom"]["input"] = {"text": call["custom"]["input"]}


REQUESTS = [
    fault("reasoning_effort", "effort-any-word", "enum", reading("reasoning_effort", word_beside(*EFFORTS)),
          "reasoning_effort.enum.refuses"),
    fault("reasoning_effort", "effort-any-case", "enum",
          reading("reasoning_effort", word_beside(*EFFORTS, "bogus", ""), lambda value: "low"),
          "reasoning_effort.enum.refuses"),
    fault("reasoning_effort", "effort-any-type", "type", reading("reasoning_effort", no_string),
          "gate.reasoning_effort", "reasoning_effort.type.refuses"),
    fault("reasoning_effort", "effort-number", "type",
          reading("reasoning_effort", lambda value: isinstance(value, int | float)), "reasoning_effort.type.refuses"),
    fault("reasoning_effort", "effort-null", "refused",
          refusing(lambda body: "reasoning_effort" in body and body["reasoning_effort"] is None),
          "reasoning_effort.null.accepts", "together.* mm.null"),
    fault("reasoning_effort", "effort-high", "refused", refusing(lambda body: body.get("reasoning_effort") == "high"),
          "reasoning_effort.enum.accepts", "together.*"),
    fault("reasoning_effort", "effort-max", "refused", refusing(lambda body: body.get("reasoning_effort") == "max"),
          "reasoning_effort.enum.later.accepts"),
    fault("verbosity", "verbosity-any-word", "enum", reading("verbosity", word_beside(*LEVELS)),
          "verbosity.enum.refuses", "mm.stream"),
    fault("verbosity", "verbosity-ignored", "ignored", reading("verbosity", lambda value: True), "gate.verbosity"),
    fault("verbosity", "verbosity-low", "refused", refusing(lambda body: body.get("verbosity") == "low"),
          "verbosity.enum.accepts", "together.* mm.monotone.*"),
    fault("verbosity", "verbosity-list", "type", reading("verbosity", lambda value: isinstance(value, list)),
          "verbosity.type.refuses"),
    fault("web_search_options", "search-any-size", "enum",
          within("web_search_options", put("search_context_size", word_beside(*LEVELS), "low")),
          "web_search_options.size.enum.refuses"),
    fault("web_search_options", "search-place-without-type", "required",
          within("web_search_options", place(put("type", lambda value: value is None, "approximate"))),
          "web_search_options.location.shape.refuses"),
    fault("web_search_options", "search-place-any-type", "enum",
          within("web_search_options", place(put("type", word_beside("approximate"), "approximate"))),
          "web_search_options.location.shape.refuses"),
    fault("web_search_options", "search-place-text", "type",
          within("web_search_options", put("user_location", lambda value: isinstance(value, str), None)),
          "web_search_options.location.type.refuses"),
    fault("web_search_options", "search-place-null", "refused",
          refusing(lambda body: member(body, "web_search_options", "user_location") is None),
          "web_search_options.location.null.accepts"),
    fault("safety_identifier", "safety-unbounded", "bound",
          reading("safety_identifier", lambda value: isinstance(value, str), lambda value: value[:64]),
          "safety_identifier.maxlen.refuses"),
    fault("safety_identifier", "safety-off-by-one", "bound",
          reading("safety_identifier", lambda value: isinstance(value, str) and len(value) == 65,
                  lambda value: value[:64]),
          "safety_identifier.maxlen.refuses"),
    fault("safety_identifier", "safety-too-short", "bound",
          refusing(lambda body: isinstance(body.get("safety_identifier"), str) and len(body["safety_identifier"]) > 63),
          "safety_identifier.maxlen.accepts", "safety_identifier.type.accepts"),
    fault("safety_identifier", "safety-null", "refused",
          refusing(lambda body: "safety_identifier" in body and body["safety_identifier"] is None),
          "safety_identifier.null.accepts", "together.* mm.null"),
    fault("safety_identifier", "safety-refused", "refused", refusing(lambda body: body.get("safety_identifier")),
          "gate.safety_identifier", "together.* mm.*"),
    fault("prompt_cache_key", "cache-key-number", "type",
          reading("prompt_cache_key", lambda value: isinstance(value, int | float)), "prompt_cache_key.type.refuses"),
    fault("prompt_cache_key", "cache-key-ignored", "ignored", reading("prompt_cache_key", lambda value: True),
          "gate.prompt_cache_key"),
    fault("prompt_cache_retention", "cache-retention-any-word", "enum",
          reading("prompt_cache_retention", word_beside("24h", "in_memory")), "prompt_cache_retention.enum.refuses"),
    fault("prompt_cache_retention", "cache-retention-null", "refused",
          refusing(lambda body: "prompt_cache_retention" in body and body["prompt_cache_retention"] is None),
          "prompt_cache_retention.null.accepts", "together.* mm.null"),
    fault("prompt_cache_options", "cache-any-mode", "enum",
          within("prompt_cache_options", put("mode", word_beside("implicit", "explicit"), "implicit")),
          "prompt_cache_options.mode.enum.refuses"),
    fault("prompt_cache_options", "cache-any-ttl", "enum",
          within("prompt_cache_options", put("ttl", word_beside("30m"), "30m")),
          "prompt_cache_options.ttl.enum.refuses"),
    fault("prompt_cache_options", "cache-explicit", "refused",
          refusing(lambda body: member(body, "prompt_cache_options", "mode") == "explicit"),
          "prompt_cache_options.shape.accepts", "together.* part.breakpoint.accepts"),
    fault("moderation", "moderation-without-model", "required",
          within("moderation", put("model", lambda value: value is None, "m")), "moderation.model.required.refuses"),
    fault("moderation", "moderation-any-mode", "enum",
          within("moderation", policy(put("mode", lambda value: value not in ("score", "block"), "score"))),
          "moderation.mode.enum.refuses"),
    fault("moderation", "moderation-text-policy", "type",
          within("moderation", put("policy", lambda value: isinstance(value, str), None)),
          "moderation.policy.type.refuses"),
    fault("moderation", "moderation-null", "refused",
          refusing(lambda body: "moderation" in body and body["moderation"] is None),
          "moderation.null.accepts", "together.* mm.null"),
    fault("messages", "developer-without-content", "required",
          developers(put("content", lambda value: value is None, "x")), "content.developer.required.refuses"),
    fault("messages", "developer-any-content", "type",
          developers(put("content", lambda value: not isinstance(value, str | list | None), "x")),
          "content.developer.type.refuses"),
    fault("messages", "developer-parts", "refused", refusing(developer_parts),
          "content.developer.parts.accepts", "together.*"),
    fault("messages", "file-without-file", "required",
          file(put("file", lambda value: not isinstance(value, dict), GOOD_FILE)), "part.file.required.refuses"),
    fault("messages", "file-any-member", "type",
          file(put("file", lambda value: isinstance(value, dict), GOOD_FILE)), "part.file.type.refuses"),
    fault("messages", "file-anywhere", "coupling", parts(no_file), "part.file.role.refuses part.file.tool.refuses"),
    fault("tools", "custom-without-name", "required",
          tools(custom(put("name", lambda value: value is None, "n"))), "tool.custom.required.refuses"),
    fault("tools", "custom-any-format", "enum", tools(custom(any_format)), "tool.custom.format.refuses"),
    fault("tools", "custom-any-syntax", "enum",
          tools(grammar(put("syntax", word_beside("lark", "regex"), "lark"))), "tool.custom.format.refuses"),
    fault("tools", "custom-without-definition", "required",
          tools(grammar(put("definition", lambda value: value is None, "start: x"))), "tool.custom.format.refuses"),
    fault("tools", "custom-number-name", "type", tools(custom(put("name", no_string, "n"))),
          "tool.custom.type.refuses"),
    fault("tools", "custom-regex", "refused",
          refusing(lambda body: '"regex"' in str(body.get("tools")).replace("'", '"')), "tool.custom.shape.accepts"),
    fault("messages", "custom-call-object-input", "type", history(put("input", no_string, "x")),
          "toolcall.custom.input.type.refuses"),
    fault("messages", "custom-call-without-input", "required",
          history(put("input", lambda value: value is None, "x")), "toolcall.custom.shape.refuses"),
    fault("tool_choice", "custom-choice-without-name", "required",
          choice("custom", nameless),
          "tool_choice.custom.shape.refuses"),
    fault("tool_choice", "allowed-any-mode", "enum",
          choice("allowed_tools", allowed(put("mode", word_beside("auto", "required"), "auto"))),
          "tool_choice.allowed.mode.refuses"),
    fault("tool_choice", "allowed-without-mode", "required",
          choice("allowed_tools", allowed(put("mode", lambda value: value is None, "auto"))),
          "tool_choice.allowed.shape.refuses"),
    fault("tool_choice", "allowed-ignored", "ignored",
          reading("tool_choice", lambda value: isinstance(value, dict) and value.get("type") == "allowed_tools"
                  and isinstance(value.get("allowed_tools"), dict) and value["allowed_tools"].get("mode") in MODES,
                  lambda value: value["allowed_tools"]["mode"]),
          "ef.choice.allowed", "tool_choice.allowed.*"),
    fault("tool_choice", "allowed-not-demanded", "ignored",
          rewriting(undemanding),
          "ef.choice.allowed.required"),
    fault("tools", "custom-choice-ignored", "ignored",
          reading("tool_choice", lambda value: isinstance(value, dict) and value.get("type") == "custom",
                  lambda value: "auto"),
          "gate.custom_tools"),
    fault("service_tier", "tier-any-word", "enum", reading("service_tier", word_beside(*TIERS)),
          "service_tier.enum.later.refuses"),
    fault("service_tier", "tier-priority", "refused", refusing(lambda body: body.get("service_tier") == "priority"),
          "service_tier.enum.later.accepts", "together.*"),
    fault("metadata", "metadata-unbounded", "bound", rewriting(without_extra), "metadata.pairs.max.refuses"),
    fault("audio", "voice-any-type", "type", within("audio", put("voice", no_string, "alloy")),
          "audio.voice.type.refuses"),
    fault("stream_options", "obfuscation-any-type", "type",
          within("stream_options", put("include_obfuscation", no_boolean, False)),
          "stream_options.obfuscation.type.refuses"),
    fault("stream_options", "obfuscation-refused", "refused",
          refusing(lambda body: isinstance(member(body, "stream_options", "include_obfuscation"), bool)),
          "stream_options.obfuscation.type.accepts", "together.* sse.obfuscation.off"),
]  # fmt: skip

ANSWERS = [
    fault("tools", "custom-input-object", "answer",
          answering(each_call(lambda call: call["custom"].update(input={}))), "res.toolcalls.custom"),
    fault("tools", "custom-call-nameless", "answer",
          answering(each_call(lambda call: call["custom"].pop("name"))), "res.toolcalls.custom"),
    fault("tools", "custom-call-renamed", "answer", answering(each_call(rename_call)),
          "res.toolcalls.custom.name ef.choice.custom", "ef.choice.allowed"),
    fault("answer", "annotations-object", "answer", annotate({}), "res.annotations"),
    fault("answer", "annotations-files", "answer", annotate([{"type": "file", "file": {}}]), "res.annotations.type"),
    fault("answer", "citation-untitled", "answer", cite(title=None), "res.annotations.citation"),
    fault("answer", "citation-decimal", "answer", cite(end_index=1.5), "res.annotations.citation"),
    fault("answer", "metadata-list", "answer", answering(lambda body: body.update(metadata=[])), "res.metadata"),
    fault("answer", "tier-unsaid", "answer", answering(lambda body: body.pop("service_tier", None)), "res.tier.sent"),
    fault("moderation", "moderation-unsaid", "answer", answering(lambda body: body.pop("moderation", None)),
          "res.moderation.presence"),
    fault("moderation", "moderation-one-sided", "answer", moderation(lambda found: found.pop("output")),
          "res.moderation"),
    fault("moderation", "moderation-side-untyped", "answer", moderation(lambda found: found["input"].pop("type")),
          "res.moderation.side"),
    fault("moderation", "moderation-flag-word", "answer", results(lambda one: one.update(flagged="no")),
          "res.moderation.result"),
    fault("answer", "text-tokens-word", "answer", details("prompt_tokens_details", text_tokens="9"),
          "res.usage.details.later"),
    fault("answer", "image-tokens-many", "answer", details("prompt_tokens_details", image_tokens=10**6),
          "res.usage.details.later.fit"),
    fault("tools", "custom-input-streamed-whole", "stream", streaming(whole_input), "sse.tool.custom"),
    fault("stream", "obfuscation-number", "stream", streaming(lambda chunk: chunk.update(obfuscation=7)),
          "sse.obfuscation", "sse.obfuscation.off"),
    fault("stream_options", "obfuscation-always", "stream", streaming(lambda chunk: chunk.update(obfuscation="a8Kd")),
          "sse.obfuscation.off"),
    fault("stream", "chunk-tier-number", "stream", streaming(lambda chunk: chunk.update(service_tier=1)),
          "sse.chunk.tier"),
]  # fmt: skip

MUTANTS = [*REQUESTS, *ANSWERS]
