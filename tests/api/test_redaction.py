"""Secrets leave no trace in text, in whatever form they come."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.redaction import MARK, NOTHING_SECRET, Redaction

SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="•"), min_size=4, max_size=30)


@pytest.mark.parametrize(
    "written",
    [
        lambda secret: secret,
        lambda secret: quote(secret, safe=""),
        lambda secret: quote(secret),
        quote_plus,
        lambda secret: json.dumps({"token": secret}),
        lambda secret: json.dumps({"token": secret}, ensure_ascii=False),
        lambda secret: json.dumps(json.dumps([secret])),
        lambda secret: repr({"token": secret}),
        lambda secret: quote(secret, safe="").replace("%2F", "%2f"),
        lambda secret: secret.replace("\r", " ").replace("\n", " "),
        lambda secret: " ".join(secret.split()),
        lambda secret: base64.b64encode(secret.encode()).decode(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("secret", ["s3cr3t-token", 'a"b/c d+e\\é\n%', "tschüß/%2F&=?"])
def test_every_form_is_taken_out(written: Callable[[str], str], secret: str) -> None:
    redaction = Redaction([secret, "another one"])
    text = f"before <{written(secret)}> after"
    assert redaction.finds(text)
    cleaned = redaction(text)
    assert MARK in cleaned
    assert cleaned.startswith("before <")
    assert cleaned.endswith("> after")
    assert not redaction.finds(cleaned)


@given(secrets=st.lists(SECRETS, min_size=1, max_size=3), parts=st.lists(st.text(max_size=5), min_size=2, max_size=4))
def test_nothing_is_left_of_any_secret(secrets: list[str], parts: list[str]) -> None:
    redaction = Redaction(secrets)
    cleaned = redaction(secrets[0].join(parts))
    assert all(secret not in cleaned for secret in secrets)


@given(text=st.text())
def test_without_secrets_nothing_changes(text: str) -> None:
    assert NOTHING_SECRET(text) == text
    assert not NOTHING_SECRET.finds(text)
    assert not NOTHING_SECRET


def test_more_secrets_can_join() -> None:
    both = Redaction(["abcd"]).and_also(["efgh"])
    assert both("abcd efgh ijkl") == f"{MARK} {MARK} ijkl"
