"""Keys: refused when damaged, never shown, scrubbed in every form."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.core.errors import SettingsError
from pipeline.core.secrets import Scrubber, Secret, load_key

KEY = "sk-test+key/with=signs&0123456789"


@pytest.mark.parametrize("raw", [KEY, f"{KEY}\n", f"  {KEY}", f"\t{KEY}\r\n"])
def test_white_space_around_a_key_is_a_slip_of_copying(raw: str) -> None:
    assert load_key("LAB_KEY", {"LAB_KEY": raw}).reveal() == KEY


@pytest.mark.parametrize("raw", ["", "  \n", "ab\ncd", "ab cd", "ab\x00cd", "키-abc", "abc\u200b", "a\x7f", "\ud83d"])
def test_a_damaged_key_is_refused_without_showing_it(raw: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_key("LAB_KEY", {"LAB_KEY": raw})
    assert "LAB_KEY" in str(caught.value)
    assert not raw.strip() or raw.strip() not in str(caught.value)
    assert caught.value.exit_code == 78


def test_a_missing_key_names_both_variables() -> None:
    with pytest.raises(SettingsError, match=r"LAB_KEY \(or LAB_KEY_FILE"):
        load_key("LAB_KEY", {"OTHER": KEY})


def test_a_key_comes_from_a_file_unless_the_variable_is_set(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n", encoding="utf-8")
    assert load_key("LAB_KEY", {"LAB_KEY_FILE": str(path)}).reveal() == KEY
    assert load_key("LAB_KEY", {"LAB_KEY": "direct", "LAB_KEY_FILE": str(path)}).reveal() == "direct"


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "absent", tmp_path, binary):
        with pytest.raises(SettingsError, match="LAB_KEY_FILE names"):
            load_key("LAB_KEY", {"LAB_KEY_FILE": str(path)})


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(KEY)
    shown = [repr(secret), str(secret), f"{secret}", repr({"key": secret}), repr([secret]), "%s" % secret]  # noqa: UP031
    assert not any(KEY in text for text in shown)
    assert not hasattr(secret, "__dict__")


def test_a_secret_does_not_travel() -> None:
    for way in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            way(Secret(KEY))


def test_a_secret_does_not_compare_by_its_value() -> None:
    assert Secret(KEY) != Secret(KEY)


FORMS = [KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()]


@pytest.mark.parametrize("form", FORMS, ids=["plain", "url-encoded", "base64"])
def test_a_known_key_is_scrubbed_in_every_usual_form(form: str) -> None:
    scrubber = Scrubber([Secret("another"), Secret(KEY)])
    for scrub in (scrubber.scrub, scrubber.scrub_known):
        assert scrub(f"header: {form}; another") == "header: ***; ***"


def test_the_longer_of_two_keys_is_scrubbed_whole() -> None:
    assert Scrubber([Secret("abcdef"), Secret("abcdefghij")]).scrub_known("<abcdefghij>") == "<***>"


FOREIGN = [
    "sk-" + "ant-api03-" + "aB3_" * 12,
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "hf_abcdefghijklmnopqrstuvwxyzABCDEF12",
    "ghp_abcdefghijklmnopqrstuvwxyzABCDEF12",
    "AKIAIOSFODNN7EXAMPLE",
]


@pytest.mark.parametrize("key", FOREIGN)
def test_what_looks_like_a_key_is_scrubbed_from_our_own_text_only(key: str) -> None:
    assert Scrubber().scrub(f"({key})") == "(***)"
    assert Scrubber().scrub_known(f"({key})") == f"({key})"


def test_bearer_headers_and_passwords_in_addresses_are_scrubbed() -> None:
    scrub = Scrubber().scrub
    assert scrub("Authorization: Bearer abc.def-ghi_jkl==") == "Authorization: Bearer ***"
    assert scrub("http://user:hunter2@proxy:8080/x") == "http://***@proxy:8080/x"


def test_ordinary_text_is_left_alone() -> None:
    text = "ask-me: the skeleton (sk-1) at https://example.com:8080/a@b says 'bearer of news'"
    assert Scrubber([Secret(KEY)]).scrub(text) == text
