from __future__ import annotations
import itertools, json, random, re
from dataclasses import replace
from typing import Any
from chatproof.conformance.reference import answers, behaviour, stream
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Check, Reason
from chatproof.conformance.reference.validator import CHECKS
from .base import Dialect
from .odd import checking, copies, swapped, clumsy, capped, thinking, template, window, local, speaking, counted, filtered, eager, cached
from .odder import later, five_calls, careless, loose, moody, declined, blank, with_ends, shifted, thinking_apart, watched, forbidden, one_at_a_time, strict_messages, stopped_by_filter
from .refusing import refusing
from .answering import telling
from . import audited as A

def guard(rate):
    def check(ask):
        if random.random() < rate:
            yield Reason("dialect", "Stopped by a guardrail.", None, "content_filter")
    return replace(Reference(), checks=(Check("dialect", check), *CHECKS))

def per_byte(data):
    out=""; i=0
    while i<len(data):
        for n in (1,2,3,4):
            try: out+=data[i:i+n].decode(); i+=n; break
            except UnicodeDecodeError: pass
        else: out+="\ufffd"; i+=1
    return out

def mangled():
    """Broken characters, one replacement a byte, in plain answers with logprobs."""
    def completion(reply):
        body=answers.completion(reply)
        for choice,row in zip(reply.choices, body["choices"]):
            if choice.speaks and reply.alternatives is not None:
                from .odd import byte_entries
                data="".join(choice.tokens).encode()
                if len(data)>6: data=data[:3]+b"\xe6\x97"+data[3:]
                row["message"]["content"]=per_byte(data)
                row["logprobs"]=byte_entries(data, reply)
        return body
    return Reference(behaviour=Behaviour(completion=completion))

def surrogates():
    """Emoji in halves."""
    inner=speaking(lambda body,index: tuple("Hi \U0001f600 there \U0001f469\u200d\U0001f467!"*3))
    def chunks(reply):
        for row in stream.chunks(reply):
            row=json.loads(json.dumps(row))
            c=row["choices"][0] if row["choices"] else {"delta":{}}
            t=c["delta"].get("content")
            if list(c["delta"])!=["content"] or not t or ord(t[0])<0x10000: yield row; continue
            units=t.encode("utf-16-be"); 
            for k in range(0,len(units),2):
                half=chr(int.from_bytes(units[k:k+2],"big"))
                yield {**row,"choices":[{**c,"delta":{"content":half},"logprobs":c["logprobs"] if k==0 else None}]}
    def completion(reply):
        body=answers.completion(reply)
        for row in body["choices"]:
            if row["finish_reason"]=="length" and row["message"]["content"]: row["message"]["content"]+="\ud83d"
        return body
    return replace(inner, behaviour=replace(inner.behaviour, chunks=chunks))

def ref(checks): return checking(checks)
def no_stream(ask):
    if ask.body.get("stream") is True: yield Reason("dialect","Streaming is not available.",None,None)
def no_format(ask):
    if (ask.body.get("response_format") or {}).get("type","text")!="text": yield Reason("dialect","Unknown format.",None,None)
def no_usage(ask):
    if (ask.body.get("stream_options") or {}).get("include_usage"): yield Reason("dialect","include_usage is not supported with this model.","stream_options","unsupported_value")
def only_auto(ask):
    if ask.body.get("tool_choice") not in (None,"auto","none"): yield Reason("dialect","tool_choice can only be auto or none with this model.","tool_choice","unsupported_value")
def no_multi_system(ask):
    pass
def short_output(ask):
    for name in ("max_tokens","max_completion_tokens"):
        v=ask.body.get(name)
        if v and v>16: yield Reason("dialect",f"{name}: this model supports at most 16 output tokens",name,"invalid_value")
def temp_one(ask):
    if ask.body.get("temperature") not in (None,1): yield Reason("dialect","Unsupported value: 'temperature' does not support 0 with this model.","temperature","unsupported_value")
def n_words(ask):
    if (ask.body.get("n") or 1)>1: yield Reason("dialect","Only one completion choice is allowed","n",None,status=422)
def greedy_only(ask):
    b=ask.body
    if b.get("temperature") is not None and b.get("top_p") is not None: yield Reason("dialect","`temperature` and `top_p` cannot both be specified for this model. Please use only one.",None,None)

DIALECTS=[
 Dialect(name="p-guard", server=guard(1/8)),
 Dialect(name="p-mangled", server=mangled()),
 Dialect(name="p-surrogates", server=surrogates()),
 *(Dialect(name=f"p-{f.__name__}", server=ref(f)) for f in (no_stream,no_format,no_usage,only_auto,short_output,temp_one,n_words,greedy_only)),
 *(later(f"p-{f.__name__}", f) for f in (swapped, clumsy, five_calls, careless, loose, capped, blank, with_ends, thinking_apart, eager, filtered, A.coarse, A.nine, A.newer_bound, A.lost_words)),
 later("p-moody-declined", moody(stopped_by_filter)),
 *(later(f"p-check{i}-{f.__name__}", check=f) for i, f in enumerate((template, window, watched, forbidden, one_at_a_time, A.template, A.window, A.capped, A.exclusive, strict_messages))),
]

def ends_anywhere(body, now):
    """Six of ten texts end by themselves somewhere, whatever the temperature."""
    reply = answers.plan(body, now)
    made = []
    for one in reply.choices:
        if one.speaks and (body.get("response_format") or {}).get("type","text")=="text" and len(one.tokens) > 2 and random.random() < 0.6:
            one = replace(one, tokens=one.tokens[: random.randint(1, len(one.tokens) - 1)], finish="stop")
        made.append(one)
    return counted(body, reply, *made)

FILTERS = ("Your request was rejected as a result of our safety system.", "Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "Input data may contain inappropriate content.", "The response was filtered due to the prompt triggering the content management policy.", "Request blocked by guardrail.")
CODES = ("moderation_blocked", "invalid_prompt", None, None, None)
def watched_words(ask):
    t = json.dumps(ask.body.get("messages"))
    if "weather" in t or "time" in t or "Count" in t:
        k = len(t) % 5
        yield Reason("dialect", FILTERS[k], None, CODES[k])
def gemma(ask):
    if any(role == "system" for _, _, role in ask.spoken):
        yield Reason("dialect", "Developer instruction is not enabled for models/gemma-3-27b-it", None, None)
def after_tool(ask):
    roles=[role for _,_,role in ask.spoken]
    if any(a=="tool" and b=="user" for a,b in itertools.pairwise(roles)):
        yield Reason("dialect", "Unexpected role 'user' after role 'tool'", None, None)

from starlette.types import ASGIApp
from .odd import drained, answered
def large_429(app):
    async def wrapped(scope, receive, send):
        n=int(dict(scope["headers"]).get(b"content-length",b"0"))
        if n>3000:
            await drained(receive); await answered(send, 429, "Request too large for the rate of tokens per minute.", code="rate_limit_exceeded"); return
        await app(scope, receive, send)
    return wrapped
DIALECTS += [
 Dialect(name="q-ends-anywhere", server=Reference(behaviour=Behaviour(plan=ends_anywhere))),
 Dialect(name="q-watched", server=checking(watched_words)),
 Dialect(name="q-gemma", server=checking(gemma)),
 Dialect(name="q-after-tool", server=checking(after_tool)),
 Dialect(name="q-large-429", around=large_429),
]
