from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import OutputError
from pipeline.store.manifest import Manifest, Part, Unanswered, commit, decode, encode, newest
from pipeline.store.objects import LocalObjects

PART = Part(
    file="part-00000001-0123abcd.parquet",
    rows=3,
    bytes=900,
    sha256="ab" * 32,
    spent_usd=Decimal("0.000000000001"),
    shards={"m/00000": 2, "다른/00001": 1},
)
MANIFEST = Manifest(
    number=4,
    state="complete",
    compacted_through=2,
    run_sha256="cd" * 32,
    unanswered=Unanswered(requests=2, usd=Decimal("0.03"), through=2),
    parts=(PART,),
)


def named(part_file: object) -> bytes:
    """A manifest with a valid hash and another file name."""
    return encode(replace(MANIFEST, parts=(replace(PART, file=part_file),)))  # type: ignore[arg-type]


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    (tmp_path / "manifest").mkdir()
    return LocalObjects(tmp_path)


def test_a_manifest_comes_back_as_it_was() -> None:
    assert decode(encode(MANIFEST)) == MANIFEST


def test_a_manifest_of_before_unanswered_requests_were_counted_is_valid() -> None:
    content = orjson.loads(encode(MANIFEST))
    del content["unanswered"], content["sha256"]
    options = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    content["sha256"] = sha256(orjson.dumps(content, option=options)).hexdigest()
    older = orjson.dumps(content, option=options)
    assert decode(older) == replace(MANIFEST, unanswered=Unanswered())
    with pytest.raises(ValueError, match="does not match its hash"):
        decode(older.replace(b'"rows":3', b'"rows":4'))


@pytest.mark.parametrize("usd", ["NaN", "-1", "Infinity", "much"])
def test_unanswered_money_that_is_no_amount_is_refused(usd: str) -> None:
    data = encode(MANIFEST).replace(b'"usd":"0.03"', f'"usd":"{usd}"'.encode())
    with pytest.raises(ValueError, match=r"not an amount|not a manifest"):
        decode(data)


@given(st.integers(0, len(encode(MANIFEST)) - 1), st.integers(0, 7))
def test_every_flipped_bit_makes_it_invalid(position: int, bit: int) -> None:
    data = bytearray(encode(MANIFEST))
    data[position] ^= 1 << bit
    with pytest.raises(ValueError):  # noqa: PT011 - JSON, field and hash errors alike
        decode(bytes(data))


@pytest.mark.parametrize(
    "file",
    ["../../x", "/etc/passwd", "a/b.parquet", "..", ".hidden.parquet", "x.parquet/", "x\x00.parquet", "x.txt", 7, None],
)
def test_a_part_is_a_plain_name_even_if_the_hash_is_right(file: object) -> None:
    with pytest.raises(ValueError, match=r"plain name|not a manifest"):
        decode(named(file))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'"' + b"a" * 1000,
        b"[" * 100_000,
        orjson.dumps({"version": 2}),
        orjson.dumps({"version": 1, "number": -1}),
    ],
)
def test_what_is_no_manifest_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(content)


def test_the_newest_valid_one_counts_and_the_last_three_are_kept(objects: LocalObjects, tmp_path: Path) -> None:
    for number in range(1, 6):
        commit(objects, replace(MANIFEST, number=number))
    assert objects.names("manifest/") == [f"manifest/{number:08d}.json" for number in (3, 4, 5)]
    path = tmp_path / "manifest" / "00000005.json"
    path.write_bytes(path.read_bytes()[:-40])
    found, invalid = newest(objects)
    assert found.number == 4
    assert list(invalid) == ["manifest/00000005.json"]


def test_a_manifest_under_another_number_does_not_count(objects: LocalObjects) -> None:
    objects.put_if_absent("manifest/00000009.json", encode(MANIFEST))
    found, invalid = newest(objects)
    assert found == Manifest()
    assert invalid == {"manifest/00000009.json": "it is numbered 4"}


def test_two_committers_cannot_both_win(objects: LocalObjects) -> None:
    commit(objects, MANIFEST)
    with pytest.raises(OutputError, match="another process writes"):
        commit(objects, replace(MANIFEST, state="running"))
    assert newest(objects)[0] == MANIFEST
