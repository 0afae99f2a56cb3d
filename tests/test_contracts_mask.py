"""Secrets leave every text that is written, in whatever form they stand there."""

import base64
import html
import json
import re
import xml.etree.ElementTree as xml
from collections.abc import Callable
from urllib.parse import parse_qs, quote, quote_plus, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.safety.mask import Mask

SECRET = "km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8"
MASK = Mask({"owner": {"Authorization": f"Bearer {SECRET}", "tenant": "acme"}, "bot": {"X-API-Key": "k-123456789012"}})
PASSWORD = 'corr\u00e9ct/h"orse & battery<+>'
LOGIN = Mask({}, logins={"owner": {"email": "jane.doe@example.com", "password": PASSWORD}})
BASIC = base64.b64encode(b"jane@example.com:hunter2hunter2").decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer $OWNER_TOKEN"),
        ("x-api-key: k-123456789012", "x-api-key: $BOT_X_API_KEY"),
        (f"Bearer {SECRET[:-1]}", "Bearer ***"),
        (f"x{SECRET[3:20]}y", "x***y"),
        (f"authorization: {SECRET.upper()}", "authorization: ***"),
        ('{"password": "hunter2", "label": "x"}', '{"password": "***", "label": "x"}'),
        ('{"access_token":"abc"}', '{"access_token":"***"}'),
        ('{"pin_token": 12345, "a": 1}', '{"pin_token": "***", "a": 1}'),
        ('{"secret": "with \\"quotes\\" \\\\"}', '{"secret": "***"}'),
        ('"{\\"password\\": \\"hun\\\\\\"ter\\", \\"a\\": 1}"', '"{\\"password\\": \\"***\\", \\"a\\": 1}"'),
        ("password=hunter2&label=x", "password=***&label=x"),
        ("user%5Bpassword%5D=hunter2&label=x", "user%5Bpassword%5D=***&label=x"),
        ("https://api.example/v1?page=2&api_key=abc#top", "https://api.example/v1?page=2&api_key=***#top"),
        (
            "/login?next=https%3A%2F%2Fa%2F%3Ftoken%3Dabc%26b%3D1",
            "/login?next=https%3A%2F%2Fa%2F%3Ftoken%3D***%26b%3D1",
        ),
        ("location: https://login.example/?session_id=abc", "location: https://login.example/?session_id=***"),
        ("https://me:pass@proxy.example/", "https://***@proxy.example/"),
        ("<login><password>hunter2</password></login>", "<login><password>***</password></login>"),
        ("set-cookie: sid=1; Path=/", "set-cookie: ***"),
        ("Cookie: sid=1", "Cookie: ***"),
        ("x-auth-token: 0123456789abcdef0123", "x-auth-token: ***"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "got ***"),
        ("write to jane.doe@example.com", "write to ***@***"),
        ("write to jürgen.müller@büro.de now", "write to ***@*** now"),
        ("?to=jane.doe%40example.com&x=1", "?to=***@***&x=1"),
        ('{"to": "j\\u00fcrgen\\u0040example.com"}', '{"to": "***@***"}'),
        ('"a\\njane@example.com"', '"a\\n***@***"'),
        ("&lt;jane&#64;example.com&gt;", "&lt;***@***&gt;"),
    ],
)
def test_mask__takes_out_what_is_secret(text: str, expected: str) -> None:
    assert MASK(text) == expected
    assert MASK(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "tenant: acme",
        "nothing to hide",
        "www-authenticate: Bearer realm=tasks",
        "authorization: Bearer wrong",
        '{"key": "custom_task_statuses", "token_type": "Bearer", "next_page_token": "abc"}',
        '{"password": null, "tokens": ["a"], "is_secret": true}',
        "due@noon, or a @ b, or @example.com, or x@localhost",
        "status=WIP&sort=-due_date",
        "",
    ],
)
def test_mask__leaves_what_is_none(text: str) -> None:
    assert MASK(text) == text


def escaped_twice(text: str) -> str:
    return json.dumps(json.dumps(text))


FORMS: list[Callable[[str], str]] = [
    str,
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    lambda text: quote(quote(text, safe=""), safe=""),
    json.dumps,
    lambda text: json.dumps(text, ensure_ascii=False),
    escaped_twice,
    lambda text: json.dumps(text).replace("/", "\\/"),
    html.escape,
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    lambda text: base64.b64encode(b"jane:" + text.encode()).decode(),
    lambda text: base64.b64encode(b"jane.:" + text.encode() + b"!").decode(),
    lambda text: base64.b64encode(b"janes.:" + text.encode() + b"!!").decode(),
    lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", ["Tr0ub4dor/plus+and=more?yes", 'p&ss w\u00f6rd/<x>"y"\\z'])
def test_mask__hides_a_password_in_every_form(form: Callable[[str], str], secret: str) -> None:
    mask = Mask({}, mails=False, logins={"owner": {"password": secret}})
    text = form(secret)
    left = mask(f"it was {text} there")
    assert left.startswith("it was ") and left.endswith(" there")
    assert re.fullmatch(r"\W*\$OWNER_PASSWORD\W*|.{0,12}\*\*\*.{0,12}", left[7:-6]), left


def test_mask__hides_what_is_in_the_credentials_of_basic() -> None:
    mask = Mask({"owner": {"Authorization": f"Basic {BASIC}"}}, mails=False)
    assert mask(f"authorization: Basic {BASIC}") == "authorization: Basic $OWNER_TOKEN"
    assert mask("the password hunter2hunter2 of jane@example.com") == (
        "the password $OWNER_TOKEN_PASSWORD of $OWNER_TOKEN_USER"
    )


def test_mask__hides_the_cookies_of_a_caller() -> None:
    mask = Mask({"owner": {"Cookie": "lang=de; sid=0123456789abcdefXYZ"}})
    assert mask("cookie: lang=de; sid=0123456789abcdefXYZ") == "cookie: $OWNER_COOKIE"
    assert mask("your session 0123456789abcdefXYZ") == "your session $OWNER_COOKIE"


def test_mask__hides_what_callers_log_in_with() -> None:
    body = json.dumps({"email": "jane.doe@example.com", "password": PASSWORD})
    assert json.loads(LOGIN(body)) == {"email": "$OWNER_EMAIL", "password": "$OWNER_PASSWORD"}


def test_mask__a_secret_too_short_to_be_told_is_hidden_by_its_name() -> None:
    mask = Mask({"owner": {"Authorization": "Bearer a1"}}, logins={"owner": {"password": "test"}})
    assert mask("authorization: Bearer a1") == "authorization: Bearer $OWNER_TOKEN"
    assert mask('proofboard test a1: {"password": "test"}') == 'proofboard test a1: {"password": "***"}'


def test_mask__leaves_addresses_of_a_mock() -> None:
    assert Mask({}, mails=False)("jane@example.com") == "jane@example.com"


def test_mask__learns_secrets_that_come_up_later() -> None:
    mask = Mask({"owner": {"Authorization": "Bearer first-token-of-the-owner"}})
    assert mask("x Zm9vYmFyMTIzNDU2Nzg5") == "x Zm9vYmFyMTIzNDU2Nzg5"
    mask.learn({"owner": {"Authorization": "Bearer Zm9vYmFyMTIzNDU2Nzg5"}})
    assert mask("x Zm9vYmFyMTIzNDU2Nzg5") == "x $OWNER_TOKEN"
    assert mask("authorization: Bearer Zm9vYmFyMTIzNDU2Nzg5") == "authorization: Bearer $OWNER_TOKEN"
    assert mask("authorization: Bearer first-token-of-the-owner") == "authorization: Bearer $OWNER_TOKEN"
    assert mask("authorization: Bearer Zm9vYmFyMTIzNDU2NzgX") == "authorization: Bearer ***X"


AWKWARD = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [SECRET, SECRET[5:30], "jane@example.com", '\\"', "\\", "\n", "é@é.de", "token=abc", "<password>", "%40"]
    ),
)
NAMES = st.sampled_from(["password", "token", "label", "a@b.de", "secret\n", "x"]) | st.text(max_size=8)
VALUES = st.recursive(
    st.lists(AWKWARD, max_size=4).map("".join) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def shape(node: object) -> object:
    if isinstance(node, dict):
        return [shape(value) for value in node.values()]
    return [shape(item) for item in node] if isinstance(node, list) else None


@settings(deadline=None)
@given(VALUES)
def test_mask__json_stays_json(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps(value, indent=1)):
        masked = MASK(text)
        assert shape(json.loads(masked, object_pairs_hook=_pairs)) == shape(json.loads(text, object_pairs_hook=_pairs))
        assert SECRET not in masked and SECRET[5:30] not in masked and "jane@example.com" not in masked


def _pairs(pairs: list[tuple[str, object]]) -> dict[object, object]:
    """Names that the mask makes alike stay two."""
    return {number: value for number, (_, value) in enumerate(pairs)}


@settings(deadline=None)
@given(
    st.dictionaries(NAMES.filter(bool), st.lists(AWKWARD, min_size=1, max_size=3).map("".join).filter(bool), max_size=4)
)
def test_mask__a_query_keeps_its_parameters(fields: dict[str, str]) -> None:
    encoded = urlencode(fields)
    masked = MASK(f"https://api.example/v1/tasks?{encoded}")
    assert urlsplit(masked).netloc == "api.example"
    assert len(parse_qs(urlsplit(masked).query)) == len(parse_qs(encoded)) and SECRET not in masked


@settings(deadline=None)
@given(st.lists(AWKWARD, max_size=5).map("".join))
def test_mask__xml_stays_xml(text: str) -> None:
    printable = "".join(character for character in text if character in "\t\n" or character.isprintable())
    root = xml.Element("answer", {"token": printable})
    xml.SubElement(root, "password").text = printable
    masked = MASK(xml.tostring(root, encoding="unicode"))
    assert [each.tag for each in xml.fromstring(masked).iter()] == ["answer", "password"] and SECRET not in masked


@pytest.mark.parametrize(
    "part",
    ["x", "@", "a@", "a@b.", '"', '"token":"', "\\", "token=", "token%3D", "<token>", '\\"token\\":\\"', "://", "%"],
)
def test_mask__comes_to_an_end_with_what_a_hostile_target_sends(part: str) -> None:
    """A search that begins again at each character would take hours here."""
    text = part * (300_000 // len(part)) + f" token @ eyJ {SECRET}"
    assert SECRET not in MASK(text)


@pytest.mark.parametrize(
    "text",
    [
        "set-cookie: sid=8f2a9c1d; Path=/; note=" + "x" * 300,
        '{"note": "' + "a cookie, a token " * 20 + '", "password": "8f2a9c1d"}',
        "note=" + "x" * 300 + "&user%5Bpassword%5D=8f2a9c1d",
        "<a>" + "x" * 300 + "<password>8f2a9c1d</password></a>",
        '{"sent": "{\\"note\\": \\"' + "x" * 300 + '\\", \\"password\\": \\"8f2a9c1d\\"}"}',
    ],
)
def test_named__in_a_long_text_too(text: str) -> None:
    assert "8f2a9c1d" not in Mask({})(text)


def test_named__what_people_write_about_secrets_stays() -> None:
    text = "The cookie is in the jar; " * 20 + "no password, no token."
    assert Mask({})(text) == text
