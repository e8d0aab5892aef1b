from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.store import manifest as manifests
from pipeline.store.disk import SYSTEM_DISK
from pipeline.store.folder import create_run
from pipeline.store.journal import decode_line, encode_record
from pipeline.store.manifest import Manifest, encode, newest
from pipeline.store.objects import LocalObjects
from pipeline.store.parts import describe, file_digest, write_table
from pipeline.store.run_store import RunStore
from pipeline.store.schema import RESULTS_SCHEMA, results_table
from pipeline.store.verify import verify
from tests.support.store import RUN, result, store_all


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two parts with scores and rows, and five results in the journal."""
    anyio.run(build, tmp_path / "run")
    return tmp_path / "run"


async def build(run: Path) -> None:
    create_run(run, {**RUN, "dataset": {"rows": 50}})
    with RunStore.open(run, segment_rows=10) as store:
        await store_all(store, [result(number) for number in range(20)], [], state="running")
        rows = pa.table({"question": ["q"] * 50})
        store.put_rows("rows-0", rows.schema, [rows])
        store.put_scores(store.parts()[0].name, pa.table({"value": [1.0] * 50}))
    with RunStore.open(run) as store:
        await store_all(store, [result(number) for number in range(20, 25)], [], state=None)


def rewrite(folder: Path, change: Callable[[Manifest], Manifest]) -> None:
    """Replace the newest manifest by a changed one whose hash is right."""
    objects = LocalObjects(folder)
    manifest = change(newest(objects)[0])
    for name in objects.names("manifest/"):
        objects.remove(name)
    (folder / "manifest" / f"{manifest.number:08d}.json").write_bytes(encode(manifest))


def test_a_sound_run_has_no_findings(folder: Path) -> None:
    assert verify(folder) == []


@pytest.mark.parametrize("pattern", ["results/*", "manifest/*", "journal/*", "run.json", "rows/*", "scores/*"])
def test_every_flipped_bit_is_found(folder: Path, pattern: str) -> None:
    dice = random.Random(7)
    for path in sorted(folder.glob(pattern)):
        data = path.read_bytes()
        for _ in range(40):
            position, bit = dice.randrange(len(data)), dice.randrange(8)
            path.write_bytes(data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :])
            found = verify(folder)
            assert any(finding.file in str(path) for finding in found), (path, position, bit)
        path.write_bytes(data)


@pytest.mark.slow
def test_three_hundred_flipped_bits_are_found_by_name(folder: Path) -> None:
    anyio.run(complete, folder)
    dice = random.Random(300)
    found = 0
    for pattern in ("results/*.parquet", "manifest/*.json", "run.json"):
        files = sorted(folder.glob(pattern))
        for number in range(100):
            path = files[number % len(files)]
            data = path.read_bytes()
            position, bit = dice.randrange(len(data)), dice.randrange(8)
            path.write_bytes(data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :])
            name = str(path.relative_to(folder))
            found += any(finding.file == name for finding in verify(folder))
            path.write_bytes(data)
    assert found == 300
    assert verify(folder) == []


def test_without_a_noted_hash_page_checksums_are_compared(folder: Path) -> None:
    path = next((folder / "rows").glob("*.parquet"))
    path.with_name(f"{path.name}.sha256").unlink()
    assert verify(folder) == []
    data = path.read_bytes()
    position = data.index(b"\xb5\x2f\xfd") + 8  # inside the first zstd page
    path.write_bytes(data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :])
    assert [(finding.kind, finding.file) for finding in verify(folder)] == [("changed", f"rows/{path.name}")]


def test_missing_unlisted_and_changed_files_are_named(folder: Path) -> None:
    first, second = sorted((folder / "results").iterdir())
    shutil.copy(second, folder / "results" / "part-00000055-0123abcd.parquet")
    first.unlink()
    second.write_bytes(second.read_bytes() + b"x")
    assert {(finding.kind, finding.file) for finding in verify(folder)} == {
        ("missing", f"results/{first.name}"),
        ("changed", f"results/{second.name}"),
        ("unlisted", "results/part-00000055-0123abcd.parquet"),
    }


def test_totals_are_recomputed_from_the_records(folder: Path) -> None:
    def lie(manifest: Manifest) -> Manifest:
        part = replace(manifest.parts[0], rows=11, spent_usd=Decimal(1), shards={"m/00000": 9})
        return replace(manifest, parts=(part, *manifest.parts[1:]))

    rewrite(folder, lie)
    assert [finding.kind for finding in verify(folder)] == ["totals"] * 3


def test_a_job_in_two_parts_is_found(folder: Path) -> None:
    path = folder / "results" / "part-00000066-0123abcd.parquet"
    write_table(path, results_table([decode_line(encode_record(result(3))) or {}]), SYSTEM_DISK)
    rewrite(folder, lambda manifest: replace(manifest, parts=(*manifest.parts, describe(path))))
    found = verify(folder)
    assert [finding.kind for finding in found] == ["duplicate"]
    assert result(3).job_id in found[0].message


def test_a_part_that_is_a_symlink_is_not_read(folder: Path, tmp_path: Path) -> None:
    path = sorted((folder / "results").iterdir())[0]
    path.rename(tmp_path / "elsewhere.parquet")
    path.symlink_to(tmp_path / "elsewhere.parquet")
    assert [(finding.kind, finding.file) for finding in verify(folder)] == [("symlink", f"results/{path.name}")]


def test_a_path_out_of_the_folder_makes_the_manifest_invalid(folder: Path) -> None:
    def lead_out(manifest: Manifest) -> Manifest:
        return replace(manifest, parts=(replace(manifest.parts[0], file="../../x"),))

    rewrite(folder, lead_out)
    found = verify(folder)
    assert found[0].kind == "manifest"
    assert "plain name" in found[0].message
    assert {finding.kind for finding in found[1:]} == {"unlisted"}


def test_a_part_that_would_unpack_to_gigabytes_is_refused(folder: Path) -> None:
    path = folder / "results" / "part-00000088-0123abcd.parquet"
    rows = 1_200_000
    columns = {field.name: pa.nulls(rows, field.type) for field in RESULTS_SCHEMA}
    pq.write_table(pa.table(columns, schema=RESULTS_SCHEMA), path, row_group_size=rows)
    part = replace(newest(LocalObjects(folder))[0].parts[0], file=path.name, rows=rows)
    part = replace(part, bytes=path.stat().st_size, sha256=file_digest(path))
    rewrite(folder, lambda manifest: replace(manifest, parts=(part,)))
    refused = [finding for finding in verify(folder) if finding.file.endswith(path.name)]
    assert "too large" in refused[0].message


def test_control_characters_of_a_foreign_folder_do_not_reach_the_terminal(folder: Path) -> None:
    (folder / "results" / "\x1b[2J.parquet").touch()
    assert all("\x1b" not in finding.file + finding.message for finding in verify(folder))
    assert verify(folder)


def test_missing_rows_are_found(folder: Path) -> None:
    next((folder / "rows").glob("*.parquet")).unlink()
    assert [(finding.kind, finding.file) for finding in verify(folder)] == [("rows", "rows")]


def test_a_part_without_its_scores_is_found_where_a_complete_run_was_scored(folder: Path) -> None:
    anyio.run(complete, folder)
    assert verify(folder) == []  # never scored
    (folder / "scores" / "judged.json").write_text("{}")
    scored, *unscored = sorted(path.name for path in (folder / "results").iterdir())
    assert (folder / "scores" / scored).exists()
    assert [(found.kind, found.file) for found in verify(folder)] == [("scores", f"scores/{name}") for name in unscored]
    rewrite(folder, lambda manifest: replace(manifest, state="running"))
    assert verify(folder) == []


async def complete(folder: Path) -> None:
    with RunStore.open(folder) as store:
        await store.finish("complete")


@pytest.mark.parametrize("name", ["summary.json", "scores/judged.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_note_that_does_not_parse_is_found(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert [(finding.kind, finding.file) for finding in verify(folder)] == [("summary", name)]


def test_what_is_no_run_folder_is_a_finding_and_no_error(tmp_path: Path) -> None:
    assert [finding.kind for finding in verify(tmp_path)] == ["run"]
    assert [finding.kind for finding in verify(tmp_path / "nowhere")] == ["run"]
    assert manifests.newest(LocalObjects(tmp_path)) == (Manifest(), {})
