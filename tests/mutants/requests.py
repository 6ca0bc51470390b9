"""Servers that take a wrong request or refuse a right one."""

from __future__ import annotations

from .base import Mutant, of, unchecked

MUTANTS = [
    Mutant(
        name="temperature-unbounded",
        property="temperature",
        family="bound",
        server=unchecked("temperature.max"),
        fails=of("temperature.max.refuses"),
    ),
    Mutant(
        name="stop-five",
        property="stop",
        family="bound",
        server=unchecked("stop.array.max"),
        fails=of("stop.array.max.refuses"),
    ),
    Mutant(
        name="tools-unbounded",
        property="tools",
        family="bound",
        server=unchecked("tools.max"),
        fails=of("tools.max.refuses"),
    ),
    Mutant(
        name="role-unchecked",
        property="messages",
        family="enum",
        server=unchecked("role.enum"),
        fails=of("role.enum.refuses", "role.developer"),
        with_it=of("mm.position.refuses"),
    ),
    Mutant(
        name="top-logprobs-alone",
        property="top_logprobs",
        family="coupling",
        server=unchecked("top_logprobs.needs"),
        fails=of("top_logprobs.needs.refuses"),
    ),
    Mutant(
        name="stream-options-alone",
        property="stream_options",
        family="coupling",
        server=unchecked("stream_options.needs"),
        fails=of("stream_options.needs.refuses"),
    ),
    Mutant(
        name="tool-id-missing",
        property="messages",
        family="required",
        server=unchecked("tool.id.required"),
        fails=of("tool.id.required.refuses"),
        with_it=of("tool.id.type.refuses"),
    ),
]
