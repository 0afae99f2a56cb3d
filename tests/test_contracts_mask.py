"""Secrets leave every text that is written."""

import pytest

from contracts.mask import Mask

SECRET = "km_Ow7nErA3dm1nT0kenF0rTheM0ckAb2c8"
MASK = Mask({"owner": {"Authorization": f"Bearer {SECRET}", "tenant": "acme"}, "bot": {"X-API-Key": "k-123456789012"}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer $OWNER_TOKEN"),
        ("x-api-key: k-123456789012", "x-api-key: $BOT_X_API_KEY"),
        (f"Bearer {SECRET[:-1]}", "Bearer ***"),
        (f"x{SECRET[3:20]}y", "x***y"),
        ('{"password": "hunter2", "label": "x"}', '{"password": "***", "label": "x"}'),
        ('{"access_token":"abc"}', '{"access_token":"***"}'),
        ("set-cookie: sid=1; Path=/", "set-cookie: ***"),
        ("write to jane.doe@example.com", "write to ***@***"),
        ("tenant: acme", "tenant: acme"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_mask__takes_out_what_is_secret_and_nothing_else(text: str, expected: str) -> None:
    assert MASK(text) == expected


def test_mask__leaves_addresses_of_a_mock() -> None:
    assert Mask({}, mails=False)("jane@example.com") == "jane@example.com"


def test_mask__learns_secrets_that_come_up_later() -> None:
    mask = Mask({"owner": {"Authorization": "Bearer first-token-of-the-owner"}})
    mask.learn({"owner": {"Authorization": "Bearer second-token-of-the-owner"}})
    assert mask("authorization: Bearer second-token-of-the-owner") == "authorization: Bearer $OWNER_TOKEN"
    assert mask("authorization: Bearer first-token-of-the-owner") == "authorization: Bearer $OWNER_TOKEN"
