"""The wire: JSON text, content type, method, path, unknown keys, Unicode (fact base §1.1).

Left out: http.auth.* (key rules come with the issue that brings them); the accepted side of http.method and http.path
(every rule of the suite is one); http.size beyond the server's cap (it would send some 26 MB, and nothing is asserted).
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from ...strategies.bodies import PROMPT, lean
from ...strategies.messages import assistant, assistant_calls, tool_call, tool_reply, user
from ...strategies.plainer import plainer
from ..model import Body, Chapter, Request, Strength
from .forms import accepts, believed, contested, documented, leanest, observed, observes, prose, refuses
from .gates import TOOL

_JSON = json.dumps(lean())
_ESCAPED = r"Say \u0068\u0069 \ud83d\ude00"  # a surrogate pair is the astral character
_SHORT = r"Say hi \/ \\ \" \n \r \t"
_NO_STATUS = (404, 405)
_UNKNOWN = "zzz_unknown_8c41f0d27ab9"  # no vintage will ever have this


def _raw(text: str | bytes) -> Request:
    return Request(raw=text.encode() if isinstance(text, str) else text)


def _with_content(content: bytes) -> Request:
    """The lean body whose content is these bytes of a JSON string."""
    return _raw(_JSON.encode().replace(PROMPT.encode(), content))


def _with_member(member: str) -> Request:
    """The lean body with one more member, as text."""
    return _raw(f"{_JSON[:-1]}, {member}}}")


def _with_property(name: str, value: Any) -> Body:
    return lean(**{name: value})


def _saying(text: str) -> Body:
    return lean(messages=[{"role": "user", "content": f"{PROMPT} {text}"}])


def _without_nul(body: Body) -> Body:
    """The same body with a letter for each U+0000."""
    return json.loads(json.dumps(body).replace("\\u0000", "a"))


def _deep(levels: int) -> Request:
    """A tool whose parameters hold an array in an array and so on. As text, because json.dumps recurses."""
    nested = "[" * levels + "]" * levels
    parameters = f'{{"type": "object", "properties": {{}}, "default": {nested}}}'
    return _with_member(f'"tools": [{{"type": "function", "function": {{"name": "f", "parameters": {parameters}}}}}]')


json_text = [
    refuses(
        "http.json",
        "body",
        "refuses a body that is not JSON at all",
        documented("request body: JSON"),
        [
            _raw("Say hi."),
            _raw("model=chatproof-model&prompt=hi"),
            _raw("<request><model/></request>"),
            _raw(b"\x00\x01\x02\x03"),
        ],
        control=leanest,
    ),
    refuses(
        "http.json.truncated",
        "body",
        "refuses JSON that ends too early",
        observed("request body: cut JSON gives a parse error"),
        [_raw(_JSON[:-1]), _raw(_JSON[: len(_JSON) // 2]), _raw("{")],
        # Every proper prefix that begins with the brace is cut JSON, wherever the cut falls.
        examples=st.integers(1, len(_JSON) - 1).map(lambda size: _raw(_JSON[:size])),
        control=leanest,
    ),
    refuses(
        "http.json.comma",
        "body",
        "refuses JSON with a trailing comma",
        observed("request body: a trailing comma gives a parse error"),
        [_raw(f"{_JSON[:-1]},}}"), _raw(f"{_JSON[:-2]},]}}")],
        control=leanest,
    ),
    refuses(
        "http.json.quotes",
        "body",
        "refuses JSON written with single quotes",
        observed("request body: single quotes give a parse error"),
        [_raw(_JSON.replace('"', "'"))],
        control=leanest,
    ),
    refuses(
        "http.json.control",
        "body",
        "refuses a raw control character inside a JSON string",
        observed("request body: a raw tab in a string gives a parse error"),
        [_with_content(b"Say\thi."), _with_content(b"Say\nhi.")],
        control=leanest,
    ),
    refuses(
        "http.json.utf8",
        "body",
        "refuses bytes that are not UTF-8 inside a JSON string",
        observed("request body: invalid UTF-8 gives a parse error"),
        [_with_content(b"Say \xff hi."), _with_content(b"Say hi \xe9."), _with_content(b"Say hi \xe2\x82.")],
        control=leanest,
    ),
    refuses(
        "http.json.trailing",
        "body",
        "refuses text after the JSON object",
        documented("request body: one JSON text and nothing else"),
        [_raw(f"{_JSON} hi"), _raw(f"{_JSON}{_JSON}")],
        strength=Strength.SHOULD,  # some decoders stop reading after the first value
        control=leanest,
    ),
    refuses(
        "http.json.object",
        "body",
        "refuses JSON whose top level is no object",
        documented("request body: an object"),
        [_raw("[]"), _raw('"x"'), _raw("7"), _raw("null"), _raw("true"), _raw(f"[{_JSON}]"), _raw(json.dumps(_JSON))],
        control=leanest,
    ),
    refuses(
        "http.body.empty",
        "body",
        "refuses an empty body",
        observed("request body: an empty one gives a parse error"),
        [_raw(""), _raw(" \n")],
        control=leanest,
    ),
    accepts(
        "http.json.whitespace",
        "body",
        "accepts JSON with any insignificant whitespace",
        documented("request body: JSON, which lets whitespace stand between tokens"),
        [
            _raw("\r\n\t " + json.dumps(lean(), indent="\t").replace("\n", "\r\n") + " \n"),  # all four kinds
            _raw(json.dumps(lean(), separators=(",", ":"))),
            _raw(f"\r\n\t {{{' ' * 2_048}{_JSON[1:]} \n"),  # who looks ahead for the model must not give up
        ],
        control=leanest,
    ),
    accepts(
        "http.json.escapes",
        "body",
        "accepts the escapes of JSON strings",
        documented("request body: JSON, in which escapes and characters mean the same"),
        [
            _raw(_JSON.replace('"model"', r'"mode\u006c"').replace(PROMPT, _ESCAPED + _SHORT)),  # keys have them too
            _with_content(_SHORT.encode()),
            _with_content(_ESCAPED.encode()),
        ],
        control=leanest,
    ),
    observes(
        "http.bom",
        "body",
        "accepts a byte order mark before the JSON",
        contested("JSON lets a parser ignore it or refuse it"),
        [_raw(b"\xef\xbb\xbf" + _JSON.encode())],
        control=leanest,
    ),
    observes(
        "http.nan",
        "temperature",
        "refuses NaN and Infinity, which JSON does not have",
        believed("request body: some parsers read them, and engines have died of them"),
        [
            _with_member('"temperature": NaN'),
            _with_member('"temperature": Infinity'),
            _with_member('"temperature": -Infinity'),
        ],
        control=leanest,
        risky=True,
    ),
    observes(
        "http.dupkeys",
        "body",
        "accepts an object with a key twice",
        contested("JSON leaves it open; most parsers keep the last"),
        [_with_member('"temperature": 0.5, "temperature": 0.7'), _with_member('"user": "a", "user": "b"')],
        control=leanest,
    ),
    observes(
        "http.deep",
        "tools",
        "accepts arrays nested a thousand levels and more",
        contested("robustness: no parser may crash"),
        [_deep(1_500), _deep(50_000), _deep(120)],
        control=leanest,
        risky=True,
    ),
    observes(
        "http.size",
        "messages",
        "accepts a message of 20 000 characters",
        contested("content has no documented limit; caps and context windows differ"),
        [_saying("la " * 6_666)],
        statuses=[413],
        risky=True,
    ),
]

content_type = [
    accepts(
        "http.ctype.ok",
        "body",
        "accepts Content-Type application/json with and without a charset",
        observed("the charset form was refused for a few days and that was mended as a bug"),
        [
            Request(body=lean(), content_type=name)
            for name in ("application/json; charset=utf-8", "application/json;charset=UTF-8", "application/json")
        ],
        control=leanest,
    ),
    refuses(
        "http.ctype.bad",
        "body",
        "refuses a Content-Type other than JSON",
        observed("Content-Type: anything but JSON is unsupported"),
        [
            Request(body=lean(), content_type=name)
            for name in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=chatproof")
        ],
        control=leanest,
        statuses=[415],
    ),
    observes(
        "http.ctype.missing",
        "body",
        "accepts a request without Content-Type",
        contested("Content-Type: answers of 200, 400 and 415 are known"),
        [Request(body=lean(), content_type=None)],
        control=leanest,
        statuses=[415],
    ),
]

address = [
    refuses(
        "http.method",
        "body",
        "refuses PUT, DELETE and PATCH",  # GET lists stored completions on newer servers
        observed("only POST creates a completion"),
        [Request(body=lean(), method=method) for method in ("PUT", "DELETE", "PATCH")],
        control=leanest,
        statuses=(*_NO_STATUS, 501),  # HTTP's word for a method that a server has for no path
    ),
    refuses(
        "http.path",
        "body",
        "refuses a path it does not have",
        observed("an unknown path is not found"),
        [Request(body=lean(), path=path) for path in ("/chat/completionz", "/chat/completions/x")],
        control=leanest,
        statuses=_NO_STATUS,
    ),
]

_unknown_keys = st.text("0123456789abcdef", min_size=12, max_size=12).map("zzz_unknown_{}".format)
_any_value: st.SearchStrategy[Any] = st.sampled_from([1, 0.5, "x", True, False, [], {}, [1], {"a": 1}])

unknown_keys = [
    refuses(
        "http.key.unknown",
        "body",
        "refuses a top-level key it does not know",
        observed("unknown keys are refused, although no schema says so"),
        [lean(Temperature=1), lean(**{_UNKNOWN: 1}), lean(**{_UNKNOWN: {"a": "b"}})],
        examples=st.builds(_with_property, _unknown_keys, _any_value),
        control=leanest,
    ),
    # response_format.schema, the other known case, is a rule of the output chapter.
    refuses(
        "http.key.unknown.nested",
        "stream_options",
        "refuses a key it does not know inside stream_options",
        observed("stream_options: unknown members are refused"),
        [
            lean(stream=True, stream_options={_UNKNOWN: True}),
            lean(stream=True, stream_options={"include_usage": True, _UNKNOWN: 1}),
        ],
        needs=["streaming"],
    ),
    accepts(
        "http.key.unknown.message",
        "messages",
        "accepts a key it does not know inside a message",
        observed("messages: members that the role does not have are ignored"),
        [
            lean(messages=[{**user(), _UNKNOWN: 1}, {**assistant(), _UNKNOWN: {"a": 1}}, user("Once more.")]),
        ],
    ),
    accepts(
        "http.key.unknown.message.tool",
        "messages",
        "accepts a key it does not know inside a tool message and beside its call",
        observed("messages: members that the role does not have are ignored"),
        [
            lean(
                messages=[user(), {**assistant_calls(tool_call()), _UNKNOWN: 1}, {**tool_reply(), _UNKNOWN: 1}],
                tools=[TOOL],
            ),
        ],
        needs=["tools", "tool_messages"],
    ),
]

_assigned = st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"))

unicode = [
    accepts(
        "http.unicode",
        "messages",
        "accepts any Unicode text in a message",
        prose("messages: content is text"),
        [
            _saying("\U0001f600 \U0001d4b3 \U00010348"),  # beyond the basic plane
            _saying("שלום مرحبا"),  # right to left
            _saying("\U0001f469\u200d\U0001f469\u200d\U0001f467"),  # joined by zero-width joiners
            _saying("e\u0301 日本語 ﬁ \u2028"),
        ],
        examples=st.text(_assigned, min_size=1, max_size=20).map(_saying),
    ),
    observes(
        "http.unicode.faulty",
        "messages",
        "refuses a faulty body that holds characters beyond ASCII",
        prose("messages: content is text; the rules about each fault say that it is refused"),
        [{**_saying("שלום é 日本語 \U0001f600"), "temperature": "é \U0001f600"}],
    ),
    accepts(
        "http.unicode.rare",
        "messages",
        "accepts noncharacters and escaped control characters in a message",
        prose("messages: content is text, and these are Unicode scalar values"),
        [_saying("\uffff \u0001 \u001b[0m \u007f \u0085 \U0010ffff")],
        strength=Strength.SHOULD,
        reduce=plainer,
    ),
    observes(
        "http.unicode.nul",
        "messages",
        "accepts the escape of U+0000 in a message",
        contested("a Unicode scalar that many databases and C strings cannot hold"),
        [_saying("a\0b"), lean(user="a\0b", store=True, metadata={"a": "b\0"})],
        control=_without_nul,
    ),
    observes(
        "http.surrogate",
        "messages",
        "accepts the escape of half a surrogate pair",
        contested("JSON's grammar allows it, no UTF-8 can hold it"),
        [_with_content(rb"Say hi \ud800"), _with_content(rb"Say hi \ude00 \ud83d."), _with_member(r'"stop": "\ud800"')],
        control=leanest,
    ),
]

CHAPTER = Chapter("http", "The wire", (*json_text, *content_type, *address, *unknown_keys, *unicode))
