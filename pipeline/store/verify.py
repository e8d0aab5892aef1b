"""Check a run folder against its own hashes and records; reads only, and trusts nothing that it reads."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.core.errors import EvalmillError
from pipeline.core.names import printable_line
from pipeline.store import manifest as manifests
from pipeline.store.disk import read_regular
from pipeline.store.folder import MAX_JSON_BYTES, RUN_JSON, read_run, run_digest
from pipeline.store.journal import FOLDER as JOURNAL
from pipeline.store.journal import read_lines, segment_files
from pipeline.store.manifest import Manifest, Part
from pipeline.store.objects import LocalObjects
from pipeline.store.parts import RESULTS, check_group, describe, digest_note, file_digest
from pipeline.store.recovery import FOLDERS, ROWS, SCORES
from pipeline.store.schema import RESULTS_SCHEMA

JUDGED = f"{SCORES}/judged.json"
SUMMARY = "summary.json"
_SHOWN = 5
_NOTE_BYTES = 200

Kind = Literal[
    "run",
    "manifest",
    "missing",
    "symlink",
    "changed",
    "totals",
    "duplicate",
    "unlisted",
    "journal",
    "rows",
    "scores",
    "summary",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as the run folder says."""

    kind: Kind
    file: str
    """Relative to the run folder; safe to print."""
    message: str


def verify(folder: Path) -> list[Finding]:
    """Check every part against its hash and the manifest's totals; an empty list means that all is well.

    Safe on a foreign folder: no symlink is followed, no path leads out of it. Meant for a folder that no process
    writes to: a running writer's newest part may show as unlisted, and its last line as torn.
    """
    return list(_findings(folder))


def _findings(folder: Path) -> Iterator[Finding]:
    linked = [name for name in FOLDERS if (folder / name).is_symlink()]
    if linked:
        yield from (_finding("symlink", name, "is a symlink; nothing behind it was read") for name in linked)
        return
    objects = LocalObjects(folder)
    manifest, invalid = manifests.newest(objects)
    yield from (_finding("manifest", name, f"is not valid: {reason}") for name, reason in invalid.items())
    yield from _older_manifests(objects, manifest)
    run, wrong = _read_run(folder, manifest)
    yield from wrong
    sound: list[Path] = []
    for part in manifest.parts:
        problems = list(_part_findings(folder, part))
        yield from problems
        if not problems:
            sound.append(folder / RESULTS / part.file)
    yield from _duplicates(sound)
    yield from _unlisted(folder, manifest)
    yield from _journal_findings(folder, manifest)
    for name in (ROWS, SCORES):
        yield from _table_findings(folder, name)
    if run is not None:
        yield from _rows_findings(folder, run["dataset"].get("rows"))
    yield from _scores_findings(folder, manifest)
    for name in (JUDGED, SUMMARY):
        yield from _json_findings(folder, name)


def _older_manifests(objects: LocalObjects, newest: Manifest) -> Iterator[Finding]:
    for number, name in manifests.numbered(objects).items():
        if number >= newest.number:
            continue
        try:
            manifests.decode(objects.read(name))
        except (ValueError, OSError) as error:
            yield _finding("manifest", name, f"is not valid: {error}; a newer one is in force")


def _read_run(folder: Path, manifest: Manifest) -> tuple[dict[str, Any] | None, list[Finding]]:
    """What run.json says, and what is wrong with it."""
    try:
        run = read_run(folder)
        digest = run_digest(folder)
    except (EvalmillError, OSError) as error:
        return None, [_finding("run", RUN_JSON, str(error))]
    if manifest.run_sha256 not in (None, digest):
        return run, [_finding("run", RUN_JSON, f"its hash is {digest}, the manifest says {manifest.run_sha256}")]
    return run, []


def _part_findings(folder: Path, part: Part) -> Iterator[Finding]:
    name = f"{RESULTS}/{part.file}"
    path = folder / name
    try:
        status = path.lstat()
    except OSError:
        yield _finding("missing", name, f"the manifest lists it with {part.rows:,} rows")
        return
    if not stat.S_ISREG(status.st_mode):
        yield _finding("symlink", name, "is not a regular file; it was not read")
        return
    if status.st_size != part.bytes:
        yield _finding("changed", name, f"has {status.st_size:,} bytes, the manifest says {part.bytes:,}")
        return
    digest = file_digest(path)
    if digest != part.sha256:
        yield _finding("changed", name, f"its hash is {digest}, the manifest says {part.sha256}")
        return
    yield from _content_findings(path, name, part)


def _content_findings(path: Path, name: str, part: Part) -> Iterator[Finding]:
    try:
        if not pq.read_schema(path).equals(RESULTS_SCHEMA):
            yield _finding("totals", name, "its columns are not those of this version's results")
            return
        found = describe(path)
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        yield _finding("changed", name, f"cannot be read: {error}")
        return
    if found.rows != part.rows:
        yield _finding("totals", name, f"holds {found.rows:,} rows, the manifest says {part.rows:,}")
    if found.shards != dict(part.shards):
        yield _finding("totals", name, "its rows per shard are not those of the manifest")
    if found.spent_usd != part.spent_usd:
        yield _finding("totals", name, f"its attempts cost {found.spent_usd}, the manifest says {part.spent_usd}")


def _duplicates(paths: list[Path]) -> Iterator[Finding]:
    """Jobs that stand in the results more than once; 1,000,000 ids take about 100 MB."""
    ids = [chunk for path in paths for chunk in _job_id_column(path).chunks]
    if not ids:
        return
    counts = pc.value_counts(pa.chunked_array(ids))
    repeated = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1)).to_pylist()
    if repeated:
        shown = ", ".join(str(entry["values"]) for entry in repeated[:_SHOWN])
        yield _finding("duplicate", RESULTS, f"{len(repeated):,} jobs have more than one row: {shown}")


def _job_id_column(path: Path) -> pa.ChunkedArray:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read(columns=["job_id"], use_threads=False)["job_id"]


def _unlisted(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    listed = {part.file for part in manifest.parts}
    for path in _files(folder / RESULTS):
        if path.name not in listed and path.suffix == ".parquet":
            yield _finding(
                "unlisted", f"{RESULTS}/{path.name}", "is in no manifest in force; continuing the run settles it"
            )


def _journal_findings(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    for number, path in segment_files(folder).items():
        if number <= manifest.compacted_through:
            continue
        name = f"{JOURNAL}/{path.name}"
        end = 0
        with path.open("rb") as file:
            for line, (offset, record) in enumerate(read_lines(file), 1):
                end = offset
                if record is None:
                    yield _finding("journal", name, f"line {line} is damaged; its job runs again")
            torn = file.tell() - end
        if torn:
            yield _finding("journal", name, f"ends in {torn:,} bytes of a torn line; continuing the run cuts them")


def _table_findings(folder: Path, directory: str) -> Iterator[Finding]:
    for path in _files(folder / directory):
        name = f"{directory}/{path.name}"
        if path.suffix != ".parquet":
            continue
        if path.is_symlink() or not path.is_file():
            yield _finding("symlink", name, "is not a regular file; it was not read")
            continue
        try:
            expected = _noted_digest(path)
            if expected is None:
                _read_through(path)
            elif expected != file_digest(path):
                yield _finding("changed", name, "is not what its .sha256 file says")
        except (OSError, pa.ArrowException, ValueError) as error:
            yield _finding("changed", name, f"cannot be read: {error}")


def _rows_findings(folder: Path, expected: Any) -> Iterator[Finding]:
    found = 0
    for path in _files(folder / ROWS):
        if path.suffix != ".parquet":
            continue
        try:
            found += 0 if path.is_symlink() else pq.read_metadata(path).num_rows
        except (OSError, pa.ArrowException):
            return  # the file has a finding of its own
    if found != expected:
        yield _finding(
            "rows",
            ROWS,
            f"holds {found:,} rows, {RUN_JSON} says {expected!r}; continuing the run writes missing files again",
        )


def _scores_findings(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Parts without scores, where the run is complete and was scored."""
    if manifest.state != "complete" or not (folder / JUDGED).exists():
        return
    for part in manifest.parts:
        if not (folder / SCORES / part.file).exists():
            yield _finding("scores", f"{SCORES}/{part.file}", "is missing; `evalmill score` makes it again")


def _json_findings(folder: Path, name: str) -> Iterator[Finding]:
    try:
        value = orjson.loads(read_regular(folder / name, limit=MAX_JSON_BYTES))
    except FileNotFoundError:
        return
    except (OSError, orjson.JSONDecodeError) as error:
        yield _finding("summary", name, f"cannot be read: {error}; `evalmill score` makes it again")
        return
    if not isinstance(value, dict):
        yield _finding("summary", name, f"holds {type(value).__name__}, not an object; `evalmill score` makes it again")


def _noted_digest(path: Path) -> str | None:
    """The hash noted beside a table; None if there is none."""
    try:
        return read_regular(digest_note(path), limit=_NOTE_BYTES).decode("ascii", "replace").removesuffix("\n")
    except FileNotFoundError:
        return None


def _read_through(path: Path) -> None:
    """Read every page, so that its checksum is compared."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            check_group(file, group)
            file.read_row_group(group, use_threads=False)


def _files(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.is_dir() else []


def _finding(kind: Kind, file: str, message: str) -> Finding:
    return Finding(kind=kind, file=printable_line(file), message=printable_line(message))
