"""Names on disk and on the terminal."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.names import printable, printable_json, printable_line, slug


@pytest.mark.parametrize("name", ["steps", "claude-sonnet-4.5", "a_b", "0"])
def test_a_name_that_is_a_slug_stays_as_it_is(name: str) -> None:
    assert slug(name) == name


@pytest.mark.parametrize("name", ["Two Words", "../../etc/passwd", "한국어", "a/b", ".", "..", "-x", "a" * 200, "CON."])
def test_any_other_name_gets_a_safe_folder_with_part_of_its_hash(name: str) -> None:
    folder = slug(name)
    assert re.fullmatch(r"(?:[a-z0-9_][a-z0-9._-]*-)?[0-9a-f]{8}", folder)
    assert len(folder) <= 69


@given(st.text(max_size=80), st.text(max_size=80))
def test_two_names_never_share_a_folder(first: str, second: str) -> None:
    assert (slug(first) == slug(second)) == (first == second)


def test_names_that_differ_only_in_case_are_kept_apart() -> None:
    assert len({slug(name) for name in ("Model", "model", "MODEL", "model ", "model!")}) == 5


# The terminal vectors T1-T6, and marks that turn the direction of text.
ESCAPES = [
    ("\x1b]0;pwn\x07", "\\x1b]0;pwn\\x07"),
    ("\x1b[2J", "\\x1b[2J"),
    ("\x1b]8;;http://x\x1b\\", "\\x1b]8;;http://x\\x1b\\"),
    ("a\rb", "a\\x0db"),
    ("\x9b2J", "\\x9b2J"),
    ("\u202egnp", "\\u202egnp"),
    ("\u2066x\u2069", "\\u2066x\\u2069"),
    ("\ufeffx\u200b", "\\ufeffx\\u200b"),
    ("\x00\x7f", "\\x00\\x7f"),
    ("plain 한글 😀\n\tkept", "plain 한글 😀\n\tkept"),
]


@pytest.mark.parametrize(("text", "shown"), ESCAPES)
def test_a_terminal_is_shown_control_characters_and_obeys_none(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_name_begins_no_line_of_its_own() -> None:
    assert printable_line("a\nerror: forged\r\x1b[2J\tb") == "a error: forged\\x0d\\x1b[2J b"


@pytest.mark.parametrize("text", [text for text, _ in ESCAPES] + ["\u061c\u2060x\U000e0041"])
def test_json_holds_the_same_values_and_no_control_character(text: str) -> None:
    told = printable_json(json.dumps({"name": text}, ensure_ascii=False))
    assert json.loads(told) == {"name": text}
    assert told.isprintable()
