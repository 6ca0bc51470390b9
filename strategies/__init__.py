"""Hypothesis strategies for chat-completions requests: whole bodies, and every value that goes into one.

    from chatproof.strategies import bodies
    from hypothesis import given

    @given(bodies(functions=False))
    def test_my_gateway_takes_it(body):
        assert client.post("/v1/chat/completions", json={**body, "model": "m"}).status_code == 200

Everything drawn is valid by every reading of the specification, unless its name says what is wrong with it.
"""

from .bodies import MODEL, bodies, lean
from .combinations import covering_bodies
from .cut import cut_bodies
from .json_schemas import arguments, instances, parameters, strict_schemas
from .logit_bias import logit_bias, logit_bias_with_bad_key, logit_bias_with_bias_outside
from .messages import broken_conversations, contents, conversations, declarations
from .metadata import metadata
from .simpler import simpler
from .stop import stop_lists, stop_strings
from .text import bad_function_names, call_ids, function_names, phrases, prompts, texts
from .tools import bad_function_calls, bad_tool_choices, function_calls, functions, tool_choices, tools
from .unmasked import unmasked_bodies
from .wrong import wrong_type

__all__ = [
    "MODEL",
    "arguments",
    "bad_function_calls",
    "bad_function_names",
    "bad_tool_choices",
    "bodies",
    "broken_conversations",
    "call_ids",
    "contents",
    "conversations",
    "covering_bodies",
    "cut_bodies",
    "declarations",
    "function_calls",
    "function_names",
    "functions",
    "instances",
    "lean",
    "logit_bias",
    "logit_bias_with_bad_key",
    "logit_bias_with_bias_outside",
    "metadata",
    "parameters",
    "phrases",
    "prompts",
    "simpler",
    "stop_lists",
    "stop_strings",
    "strict_schemas",
    "texts",
    "tool_choices",
    "tools",
    "unmasked_bodies",
    "wrong_type",
]
