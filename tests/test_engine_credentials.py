"""Who is calling: the token in a request, and what its bearer may do."""

from typing import Any, NamedTuple

import pytest

from mockserver.engine.chance import parse_time
from mockserver.engine.credentials import credentials, reader
from mockserver.engine.messages import Request

BEARER = {"type": "http", "scheme": "bearer"}


class Caller(NamedTuple):
    name: str
    token: str
    scopes: tuple[str, ...]
    account: str = "me"
    expires_at: str | None = None
    user: str | None = None
    is_revoked: bool = False


def read(scheme: dict[str, Any], *headers: tuple[bytes, bytes]) -> str | None:
    return reader(scheme)(Request("GET", "/", b"", list(headers), {}, b""))


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer abc", "abc"),
        (b"bearer abc", "abc"),
        (b"BEARER  abc ", "abc"),
        (b"Bearer", ""),
        (b"Bearer ", ""),
        (b"Basic abc", ""),
        (b"abc", ""),
        (b"", ""),
        (b"Bearer a b", "a b"),
        (b"Bearer \xff", "\xff"),
    ],
)
def test_bearer__in_any_spelling_and_never_taken_for_missing(value: bytes, token: str) -> None:
    assert read(BEARER, (b"authorization", value)) == token


def test_bearer__without_header_is_none() -> None:
    assert read(BEARER, (b"x-other", b"Bearer abc")) is None


def test_bearer__of_two_headers_the_first_counts() -> None:
    assert read(BEARER, (b"authorization", b"Bearer one"), (b"authorization", b"Bearer two")) == "one"


def test_api_key__in_its_header() -> None:
    scheme = {"type": "apiKey", "in": "header", "name": "X-Key"}
    assert read(scheme, (b"x-key", b"abc")) == "abc"
    assert read(scheme) is None


def test_reader__of_an_unknown_scheme_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="mutualTLS"):
        reader({"type": "mutualTLS"})


def test_credentials__reach_what_their_scopes_include() -> None:
    callers = [Caller("all", "t1", ("admin",)), Caller("one", "t2", ("write",))]
    found = credentials(callers, {"admin": ["read", "write"]})
    assert found["t1"].reach == {"admin", "read", "write"}
    assert found["t1"].scopes == ("admin",)
    assert found["t2"].reach == {"write"}


def test_credentials__expire_where_the_seed_says_so() -> None:
    found = credentials([Caller("old", "t", (), expires_at="2023-06-01T00:00:00Z")], {})
    assert found["t"].expires_at == parse_time("2023-06-01T00:00:00Z")
    assert credentials([Caller("new", "t", ())], {})["t"].expires_at is None


def test_credentials__revoked_ones_are_not_known() -> None:
    found = credentials([Caller("good", "t", ()), Caller("revoked", "u", (), is_revoked=True)], {})
    assert list(found) == ["t"]
