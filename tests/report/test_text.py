"""Texts of models and rows become visible, and cannot leave the place that the page gives them."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.report.encode import csp_source, plain_json, policy, safe_json
from pipeline.report.visible import cut, one_line, visible

ANY_TEXT = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x00\x1b[2J\r", "␀␛[2J␍"),
        ("\x7f\x85", "␡⟨U+0085⟩"),
        ("\u202eevil\u202c", "⟨U+202E⟩evil⟨U+202C⟩"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("\u2028\u2029", "⟨U+2028⟩⟨U+2029⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("한국어 é 👍🏽", "한국어 é 👍🏽"),
    ],
)
def test_what_is_invisible_becomes_a_sign(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY_TEXT)
def test_nothing_that_controls_is_left(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(sign) for sign in shown if sign not in "\n\t"} & {"Cc", "Cs"}
    assert not {unicodedata.bidirectional(sign) for sign in shown} & {
        "RLO",
        "LRO",
        "RLE",
        "LRE",
        "PDF",
        "RLI",
        "LRI",
        "FSI",
        "PDI",
    }
    shown.encode()
    assert visible(shown) == shown


def test_long_texts_are_cut_with_a_count() -> None:
    assert cut("x" * 25_000) == ("x" * 20_000, 5_000)
    assert cut("short") == ("short", 0)


def test_one_line_holds_no_line_break() -> None:
    assert one_line(" a\n\tb\r\n") == "a b␍"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | ANY_TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    )
)
def test_json_is_inert_in_html_and_reads_back(value: Any) -> None:
    text = safe_json(value)
    assert not set(text) & set("<>&\u2028\u2029")
    text.encode()
    if isinstance(value, str):
        assert json.loads(text) == visible(value)


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT)))
@example([("\x1b[2J", "\r"), ("\ud800", "\u202e"), ("\x7f", "\x08\x0c")])
@example([(r"\beta", r"C:\users\new"), ("\\", '"'), ("한국어\xa0é", "\t\n")])
def test_plain_json_shows_every_text_and_every_name_once(texts: list[tuple[str, str]]) -> None:
    by_name = dict(texts)
    shown = [[visible(one), visible(other)] for one, other in texts]
    shown_by_name = {visible(name): visible(text) for name, text in by_name.items()}
    assert json.loads(plain_json([texts, by_name])) == [shown, shown_by_name]


def test_plain_json_writes_numbers_that_json_does_not_know_as_null() -> None:
    assert plain_json({"mean": float("nan"), "\x1b": float("inf")}) == '{"mean":null,"␛":null}'.encode()


def test_numbers_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        safe_json({"mean": float("nan")})


def test_the_policy_allows_the_given_code_and_nothing_else() -> None:
    told = policy(["a()"], ["b{}"])
    assert told.startswith("default-src 'none'; script-src 'sha256-")
    assert csp_source("a()") in told
    assert csp_source("b{}") in told
    assert "unsafe" not in told
    assert "script-src 'none'" in policy([], ["b{}"])
