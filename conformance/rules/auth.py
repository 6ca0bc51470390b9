"""Keys: an endpoint that wants one refuses a request without it, with another, or in another scheme (§1.1, §2.5).

Asked only where a key was sent and the plain request is not taken without it: what servers without keys do with the
header is their own business.
"""

from __future__ import annotations

from ...strategies.bodies import lean
from ..judge import Reaction, describe, mishap, react
from ..model import (
    KEY_HERE,
    Body,
    Chapter,
    Exchange,
    Fresh,
    Relation,
    Request,
    Script,
    Source,
    Strength,
    Undecided,
    Unlocked,
)
from .forms import observed

WRONG_KEY = "Bearer chatproof-is-not-a-key"


def _locked(body: Body) -> Script:
    """The exchange without a key; Unlocked where the endpoint is open, or no key was sent in the first place, and
    Undecided where the request is not taken with the key either: then nothing is known of the key."""
    bare: Exchange = yield Request(body=body, auth=False)
    if react(bare) is Reaction.ACCEPTED:
        raise Unlocked("the endpoint takes requests without a key")
    if bare.answer is None or mishap(bare):  # it may be open all the same
        raise Undecided(f"a request without a key was stopped for another reason ({describe(bare)})")
    usual: Exchange = yield Fresh(Request(body=body))
    if react(usual) is not Reaction.ACCEPTED:
        raise Undecided(f"with the key, the request is not accepted ({describe(usual)})")
    return bare  # type: ignore[return-value]


def _is_401(exchange: Exchange, what: str) -> str | None:
    if exchange.status == 401:
        return None
    if exchange.answer is None or mishap(exchange):
        raise Undecided(f"a request {what} was stopped for another reason ({describe(exchange)})")
    if react(exchange) is Reaction.ACCEPTED:
        return f"a request {what} is accepted ({describe(exchange)})"
    return f"a request {what} gets {describe(exchange)} instead of 401"


def missing(body: Body) -> Script:
    """Without any Authorization header."""
    bare = yield from _locked(body)
    return _is_401(bare, "without a key")  # type: ignore[arg-type]


def wrong(body: Body) -> Script:
    """With a key that nobody was given, and with the right one and a character more."""
    yield from _locked(body)
    answer: Exchange = yield Request(body=body, auth=WRONG_KEY)
    longer: Exchange = yield Request(body=body, auth=f"Bearer {KEY_HERE}x")
    return _is_401(answer, "with a wrong key") or _is_401(longer, "with a key that only begins like the right one")


def scheme(body: Body) -> Script:
    """With a scheme other than Bearer."""
    yield from _locked(body)
    answer: Exchange = yield Request(body=body, auth=f"Basic {KEY_HERE}")
    return _is_401(answer, "with another scheme than Bearer")


def _rule(name: str, title: str, script: object, source: Source) -> Relation:
    return Relation(
        id=f"http.auth.{name}",
        property="body",
        title=title,
        strength=Strength.SHOULD,
        source=source,
        script=script,  # type: ignore[arg-type]
        pins=(lean(),),
    )


CHAPTER = Chapter(
    "auth",
    "Keys",
    (
        _rule(
            "missing",
            "refuses a request without its key with 401",
            missing,
            observed("a missing key is answered with 401"),
        ),
        _rule("bad", "refuses a wrong key with 401", wrong, observed("a wrong key is answered with 401")),
        _rule(
            "scheme",
            "refuses a scheme other than Bearer with 401",
            scheme,
            observed("the key is sent as a bearer token"),
        ),
    ),
)
