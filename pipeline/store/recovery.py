"""Opening a run folder again: find what counts, remove what does not, and never remove what nothing else holds."""

from __future__ import annotations

import errno
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from pipeline.core.errors import DiskError, OutputError
from pipeline.store import manifest as manifests
from pipeline.store.compaction import listed_jobs
from pipeline.store.disk import Disk
from pipeline.store.journal import FOLDER as JOURNAL
from pipeline.store.journal import at_stake, read_lines, segment_files
from pipeline.store.manifest import Manifest, Part
from pipeline.store.objects import ObjectStore
from pipeline.store.parts import DIGEST_SUFFIX, RESULTS, describe, part_segment
from pipeline.store.segments import Segment, Start, known_usd, note_start, spent_on_row

ROWS = "rows"
SCORES = "scores"
FOLDERS = (JOURNAL, RESULTS, ROWS, SCORES, manifests.FOLDER)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


@dataclass(slots=True, kw_only=True)
class Recovery:
    """What was found when the folder was opened, and what was put right."""

    finished_jobs: int = 0
    unanswered_starts: int = 0
    """Requests of the last session that left without an answer in the store: possibly paid, and paid again when their
    jobs are redone."""
    unanswered_usd: Decimal = Decimal(0)
    """What was at stake for them, as far as known."""
    torn_bytes: int = 0
    """Cut from the ends of segments: the write that was under way when the process died."""
    bad_lines: list[str] = field(default_factory=list)
    """`segment:line` of damaged records; their jobs run again."""
    redundant_results: int = 0
    """Journal records that an older record repeats; dropped at compaction."""
    temporary_files: int = 0
    unlisted_parts: int = 0
    """Parts removed because their journal segment still holds the same results."""
    adopted_parts: int = 0
    """Parts that only a damaged or lost manifest listed; listed again."""
    compacted_segments: int = 0
    """Segments removed because the parts hold them."""
    invalid_manifests: dict[str, str] = field(default_factory=dict)
    """Why each manifest newer than the one in force is not valid."""


def prepare(folder: Path, disk: Disk) -> None:
    """Make the folders of a run; OutputError (exit 73) if that is refused or one of them is a symlink."""
    for name in FOLDERS:
        path = folder / name
        if path.is_symlink():
            raise OutputError(
                f"{path}: is a symlink; a run folder holds its own files. Remove the link or choose another folder"
            )
        try:
            disk.make_dir(path)
        except OSError as error:
            if error.errno not in (*_REFUSED, errno.EEXIST):
                raise
            raise OutputError(f"{path}: cannot be made: {error.strerror}; choose another folder") from error


def recover_parts(folder: Path, objects: ObjectStore, disk: Disk, recovery: Recovery) -> Manifest:
    """Settle which parts count: the newest valid manifest, and parts that only a lost manifest listed."""
    manifest, recovery.invalid_manifests = manifests.newest(objects)
    for part in manifest.parts:
        _check_present(folder / RESULTS / part.file, part, recovery.invalid_manifests)
    recovery.temporary_files = _remove_temporary(folder, disk)
    adopted = _settle_unlisted(folder, objects, manifest, disk, recovery)
    if adopted:
        number = max(manifests.numbered(objects), default=0) + 1
        manifest = replace(manifest, number=number, state="running", parts=(*manifest.parts, *adopted))
        manifests.commit(objects, manifest)
    _remove_orphan_scores(folder, {part.file for part in manifest.parts}, disk)
    return manifest


def recover_segments(folder: Path, manifest: Manifest, disk: Disk, recovery: Recovery) -> list[Segment]:
    """Index the journal segments that no part holds, oldest first, each cut behind its last complete line."""
    segments: list[Segment] = []
    starts: dict[str, Start] = {}
    answered: set[str] = set()
    for number, path in segment_files(folder).items():
        if number <= manifest.compacted_through:
            disk.unlink(path)
            recovery.compacted_segments += 1
            continue
        segment = Segment(number=number, path=path)
        is_counted = number <= manifest.unanswered.through
        _scan(segment, {} if is_counted else starts, answered, recovery)
        _cut_tail(segment, disk, recovery)
        segments.append(segment)
    for segment in segments:
        segment.drop(listed_jobs(folder, segment, manifest))
    recovery.redundant_results = sum(segment.records - segment.results - segment.replacements for segment in segments)
    unanswered = {job_id: start for job_id, start in starts.items() if job_id not in answered}
    recovery.unanswered_starts = len(unanswered)
    recovery.unanswered_usd = known_usd(unanswered)
    recovery.finished_jobs = sum(part.rows for part in manifest.parts) + sum(s.results for s in segments)
    return segments


def _check_present(path: Path, part: Part, invalid_manifests: Mapping[str, str]) -> None:
    try:
        size = path.lstat().st_size
    except FileNotFoundError:
        size = -1
    if size != part.bytes or path.is_symlink():
        found = "missing" if size < 0 else f"{size:,} bytes"
        older = ""
        if invalid_manifests:
            damaged = ", ".join(f"{name} ({why})" for name, why in invalid_manifests.items())
            older = f" That manifest is an older one, since newer ones are damaged: {damaged}; restore them as well."
        raise DiskError(
            f"{path}: the manifest lists it with {part.bytes:,} bytes, found: {found}.{older} "
            "Restore it from a copy, or start a new run folder: answers in the other parts are reused"
        )


def _remove_temporary(folder: Path, disk: Disk) -> int:
    found = [*folder.glob(".run.json.*.tmp")]
    for name in FOLDERS:
        found += (folder / name).glob(".*.tmp")
    for path in found:
        disk.unlink(path)
    return len(found)


def _settle_unlisted(
    folder: Path, objects: ObjectStore, manifest: Manifest, disk: Disk, recovery: Recovery
) -> list[Part]:
    """Remove unlisted parts whose results stand elsewhere, and return those that are the only holders of theirs."""
    segments = segment_files(folder)
    replaced = _listed_before(objects)
    adopted = []
    for path in unlisted_parts(folder, manifest):
        if part_segment(path.name) in segments or path.name in replaced:
            disk.unlink(path)
            recovery.unlisted_parts += 1
        elif part := _readable(path, disk):
            adopted.append(part)
            recovery.adopted_parts += 1
    return adopted


def unlisted_parts(folder: Path, manifest: Manifest) -> list[Path]:
    """Files in `results/` that bear a part's name and that the manifest does not list."""
    listed = {part.file for part in manifest.parts}
    found = sorted((folder / RESULTS).iterdir())
    return [path for path in found if path.name not in listed and part_segment(path.name) is not None]


def _listed_before(objects: ObjectStore) -> set[str]:
    files: set[str] = set()
    for name in manifests.numbered(objects).values():
        try:
            files.update(part.file for part in manifests.decode(objects.read(name)).parts)
        except (ValueError, OSError):
            continue
    return files


def _readable(path: Path, disk: Disk) -> Part | None:
    try:
        return describe(path)
    except (OSError, pa.ArrowException):
        disk.rename(path, path.with_name(f"{path.name}.damaged"))  # kept, but no longer matched by results/*.parquet
        return None


def _remove_orphan_scores(folder: Path, listed: Collection[str], disk: Disk) -> None:
    for path in (folder / SCORES).iterdir():
        part = path.name.removesuffix(DIGEST_SUFFIX)
        if part_segment(part) is not None and part not in listed:
            disk.unlink(path)


def _scan(segment: Segment, starts: dict[str, Start], answered: set[str], recovery: Recovery) -> None:
    """Index a segment's results; those that an earlier segment holds are redundant."""
    with segment.path.open("rb") as file:
        for line_number, (end, record) in enumerate(read_lines(file), 1):
            segment.length = end
            if record is None:
                recovery.bad_lines.append(f"{JOURNAL}/{segment.path.name}:{line_number}")
            elif "start" in record:
                note_start(starts, record["start"], Start(at_stake(record)))
            else:
                if record["job_id"] in answered:
                    segment.redundant.add(record["job_id"])
                segment.add(record["job_id"], record["shard"], spent_on_row(record), replaces="replaces" in record)
    for jobs in (*segment.jobs.values(), *segment.replacing.values()):
        answered.update(jobs)


def _cut_tail(segment: Segment, disk: Disk, recovery: Recovery) -> None:
    """Cut a torn tail, and make sure that what was found is on the disk before it counts."""
    recovery.torn_bytes += segment.path.stat().st_size - segment.length
    fd = disk.open_append(segment.path)
    try:
        disk.truncate(fd, segment.length)
        disk.fdatasync(fd)
    finally:
        disk.close(fd)
