from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.providers.body import BodyBuffer, UnreadableBody, dump_json, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda inner: st.lists(inner, max_size=4)
)


@settings(max_examples=50)
@given(VALUES)
def test_what_the_standard_library_writes_is_read_the_same(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@settings(max_examples=50)
@given(VALUES)
def test_what_is_written_the_standard_library_reads_the_same(value: Any) -> None:
    assert json.loads(dump_json(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse_json(body)
    except UnreadableBody:
        return


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": None, "b": None, "c": None}),
        (b'{"a": "x\\ud800y"}', {"a": "x\ufffdy"}),
        (b'{"a\\udfff": ["\\ud83d\\ude00", "\\ud800"]}', {"a\ufffd": ["😀", "\ufffd"]}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "\\u0000"}', {"a": "\x00"}),
        ('{"a": "line\u2028end"}'.encode(), {"a": "line\u2028end"}),
        (b'{"a": "tab\there"}', {"a": "tab\there"}),
    ],
)
def test_broken_text_and_numbers_become_something_that_can_be_stored(body: bytes, value: Any) -> None:
    assert parse_json(body) == value


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"[" * 100_000, b'{"a": ' * 5000, b"9" * 5000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableBody):
        parse_json(body)


@pytest.mark.parametrize("extra", [b"", b'"\\ud800",'], ids=["fast parser", "lenient parser"])
def test_nesting_is_taken_to_64_levels_and_no_further(extra: bytes) -> None:
    def nested(levels: int) -> bytes:
        return b"[" * (levels - 1) + b"[" + extra + b"1]" + b"]" * (levels - 1)

    parse_json(nested(64))
    with pytest.raises(UnreadableBody, match="64"):
        parse_json(nested(65))


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert len(parse_json(json.dumps([[1]] * 1000).encode())) == 1000


def test_a_body_over_the_cap_is_dropped_not_kept() -> None:
    buffer = BodyBuffer(cap=10)
    buffer.feed(b"123456")
    assert (buffer.take(), buffer.overflowed) == (b"123456", False)
    buffer.feed(b"7890")
    assert (buffer.take(), buffer.overflowed) == (b"1234567890", False)
    buffer.feed(b"1")
    buffer.feed(b"2")

    assert (buffer.take(), buffer.overflowed) == (b"", True)


def test_decimals_become_numbers() -> None:
    assert dump_json({"temperature": Decimal("0.7")}) == b'{"temperature":0.7}'


def test_a_lone_surrogate_is_sent_as_a_replacement_character() -> None:
    sent = json.loads(dump_json({"text": "a\ud800b", "temperature": Decimal("0.7")}))

    assert sent == {"text": "a\ufffdb", "temperature": 0.7}


def test_an_object_that_json_does_not_know_is_a_bug() -> None:
    with pytest.raises(TypeError, match="set"):
        dump_json({"tools": {1, 2}})
