from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.store.journal import at_stake, decode_line, encode_record, encode_start, read_lines, segment_files
from tests.support.store import result

any_text = st.text(st.characters(exclude_categories=()), max_size=60)


def storable(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@given(any_text, any_text)
def test_any_text_survives_and_lone_surrogates_are_replaced(text: str, raw: str) -> None:
    line = encode_record(result(text=text, stop_reason_raw=raw))
    record = decode_line(line)
    assert record is not None
    assert line.count(b"\n") == 1
    kept_whole = storable(text) == text and storable(raw) == raw
    assert record["text"] == (text if kept_whole else storable(text))
    assert record["stop_reason_raw"] == (raw if kept_whole else storable(raw))
    assert record["cost_usd"] == "0.001230000001"


@pytest.mark.parametrize("text", ["a\x00b", "a\u2028b", "a\u0085b\x0cc\r\nd", "\udfff", "\U0001f600"])
def test_awkward_characters_stay_on_one_line(text: str) -> None:
    lines = encode_record(result(1, text=text)) + encode_record(result(2))
    found = [record for _, record in read_lines(io.BytesIO(lines))]
    assert [record and record["text"][:1] for record in found] == [storable(text)[:1], "a"]


@given(st.data())
def test_no_flipped_bit_goes_unnoticed(data: st.DataObject) -> None:
    line = bytearray(encode_record(result(3)))
    position = data.draw(st.integers(0, len(line) - 2))
    line[position] ^= 1 << data.draw(st.integers(0, 7))
    assert all(record is None for _, record in read_lines(io.BytesIO(bytes(line))))


def test_a_bad_line_costs_itself_and_no_other() -> None:
    good = [encode_record(result(number)) for number in range(3)]
    damaged = good[1].replace(b"answer 1", b"answer 9")
    found = [record for _, record in read_lines(io.BytesIO(good[0] + damaged + good[2]))]
    assert [record and record["row_id"] for record in found] == ["0", None, "2"]


def test_a_torn_tail_is_not_a_line() -> None:
    whole, torn = encode_record(result(1)), encode_record(result(2))[:-1]
    found = list(read_lines(io.BytesIO(whole + torn)))
    assert [end for end, _ in found] == [len(whole)]


@pytest.mark.parametrize(
    "content", [b"[]", b"1", b'{"shard":"x"}', b'{"start":1}', b'{"job_id":"x","shard":null}', b"[" * 100_000]
)
def test_json_that_is_no_record_is_bad_although_its_checksum_is_right(content: bytes) -> None:
    from zlib import crc32

    assert decode_line(b"%08x %b\n" % (crc32(content), content)) is None


def test_a_line_that_is_too_long_is_skipped_in_pieces() -> None:
    class Pieces(io.BytesIO):
        longest = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            piece = super().readline(size)
            self.longest = max(self.longest, len(piece))
            return piece

    after = encode_start("x")
    file = Pieces(b"x" * 10_000 + b"\n" + after)
    assert [record for _, record in read_lines(file, limit=512)] == [None, {"start": "x", "usd": None}]
    assert file.longest <= 512


@pytest.mark.parametrize(
    ("usd", "expected"),
    [
        ("0.01", Decimal("0.01")),
        ("0", Decimal(0)),
        (None, None),
        ("much", None),
        ("NaN", None),
        ("-1", None),
        (7, None),
    ],
)
def test_what_a_start_puts_at_stake_is_an_amount_or_unknown(usd: object, expected: Decimal | None) -> None:
    assert at_stake({"start": "x", "usd": usd}) == expected


def test_a_start_says_what_is_at_stake_and_one_of_before_that_is_read() -> None:
    assert decode_line(encode_start("x", Decimal("0.01"))) == {"start": "x", "usd": "0.01"}
    assert at_stake({"start": "x"}) is None


def test_segments_are_found_by_number_and_links_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    for name in ("00000010.jsonl", "00000002.jsonl", "notes.jsonl", "00000003.jsonl.bak"):
        (folder / name).touch()
    (folder / "00000004.jsonl").symlink_to("/etc/hostname")
    assert list(segment_files(tmp_path)) == [2, 10]
    assert segment_files(tmp_path / "nowhere") == {}
