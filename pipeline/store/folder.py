"""Run folders from outside: make one, read what it says of itself, without the lock."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Set
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from pipeline.core.errors import DataError, OutputError
from pipeline.store import lock, manifest
from pipeline.store.disk import SYSTEM_DISK, Disk, publish, read_regular, reported, temporary, write_synced
from pipeline.store.objects import LocalObjects

RUN_JSON = "run.json"
RUN_SCHEMA = 1
"""Version of run.json."""
RESULTS = "results"
MAX_JSON_BYTES = 256 * 1024 * 1024
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG)
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def create_run(folder: Path, run_json: Mapping[str, Any], *, disk: Disk = SYSTEM_DISK) -> None:
    """Make a run folder that holds `run_json`, durably; its owner alone may read it.

    Raises OutputError (exit 73) when the folder holds anything already or cannot be written.
    """
    data = orjson.dumps(run_json, default=_plain, option=_OPTIONS)
    with reported(folder, bytes_needed=len(data)):
        try:
            is_first = _create(folder, data, disk)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
            raise OutputError(
                f"{folder}: cannot be written: {error.strerror}; choose another folder with --out"
            ) from error
    if not is_first:
        raise OutputError(f"{folder}: holds a run already; choose another folder with --out")


def read_run(folder: Path) -> dict[str, Any]:
    """Read `run.json`; OutputError if `folder` is no run folder of this version, DataError if the file is damaged."""
    path = folder / RUN_JSON
    try:
        value = orjson.loads(read_regular(path, limit=MAX_JSON_BYTES))
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path}: is not JSON: {error}; restore it from a copy") from error
    except OSError as error:
        raise OutputError(
            f"{folder}: is no run folder ({RUN_JSON}: {error.strerror}); name a run's own folder, or for a new run one "
            "that is empty or does not exist"
        ) from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: holds {type(value).__name__}, not an object; restore it from a copy")
    _require_this_version(path, value)
    return value


def run_digest(folder: Path) -> str | None:
    """The sha256 of `run.json`, in hexadecimal; None if there is none, OSError if it cannot be read."""
    try:
        return sha256(read_regular(folder / RUN_JSON, limit=MAX_JSON_BYTES)).hexdigest()
    except FileNotFoundError:
        return None


def holds_run(folder: Path) -> bool:
    """Whether there is a `run.json`, readable or not."""
    return os.path.lexists(folder / RUN_JSON)


def is_empty(folder: Path) -> bool:
    """Whether a run can begin there: nothing is there, or only what a crash before `run.json` was named leaves."""
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return RUN_JSON not in names and not _foreign(names)


def is_finished(folder: Path) -> bool:
    """Whether the newest valid manifest says that every job has its result."""
    return manifest.newest(LocalObjects(folder))[0].state == "complete"


def listed_parts(folder: Path) -> list[Path]:
    """The results that the newest valid manifest lists, in order; safe beside a running writer."""
    return [folder / RESULTS / part.file for part in manifest.newest(LocalObjects(folder))[0].parts]


def unanswered(folder: Path) -> tuple[int, Decimal]:
    """Requests of sessions that ended before their results were stored, and what was at stake for them; no lock.

    What a killed session left counts from the next opening on.
    """
    counted = manifest.newest(LocalObjects(folder))[0].unanswered
    return counted.requests, counted.usd


PLANNED = "planned.json"
JUDGES = "judges"
"""Below a run folder: one folder for each scorer whose verdicts come from models, a run folder of its own kind."""


def judge_folders(folder: Path) -> list[Path]:
    """The folders of a run's judges, by name; a symlink is none."""
    home = folder / JUDGES
    if home.is_symlink() or not home.is_dir():
        return []
    return [path for path in sorted(home.iterdir()) if not path.is_symlink() and holds_run(path)]


def planned(folder: Path) -> dict[str, Any]:
    """What a judges' folder notes of how many jobs it is to hold, for run.json does not know; empty without a note."""
    try:
        value = orjson.loads(read_regular(folder / PLANNED, limit=MAX_JSON_BYTES))
    except (OSError, orjson.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json_atomic(path: Path, value: Any, *, disk: Disk = SYSTEM_DISK) -> None:
    """Replace a JSON file as a whole, durably; Decimals become strings. DiskError (exit 74) when that fails."""
    data = orjson.dumps(value, default=_plain, option=_OPTIONS)
    aside = temporary(path)
    with reported(path.parent, bytes_needed=len(data)):
        write_synced(disk, aside, data)
        publish(disk, aside, path)


def _create(folder: Path, data: bytes, disk: Disk) -> bool:
    folder.parent.mkdir(parents=True, exist_ok=True)
    disk.make_dir(folder)
    names = {path.name for path in folder.iterdir()}
    foreign = _foreign(names)
    if RUN_JSON in names:
        return False
    if foreign:
        raise OutputError(
            f"{folder}: holds {len(foreign)} files that are no run, such as {foreign[0]!r}; choose an empty folder"
        )
    stored = LocalObjects(folder, disk).put_if_absent(RUN_JSON, data)
    disk.fsync_dir(folder.parent)
    return stored


def _foreign(names: Set[str]) -> list[str]:
    """What is neither a run's beginning nor the leftover of one."""
    return sorted(name for name in names - {RUN_JSON, lock.FILE_NAME} if not name.startswith(f".{RUN_JSON}."))


def _require_this_version(path: Path, run: Mapping[str, Any]) -> None:
    schema = run.get("schema")
    if schema is not None and schema != RUN_SCHEMA:
        raise OutputError(
            f"{path}: is of schema {schema!r}, this version of evalmill reads schema {RUN_SCHEMA}; "
            "use the version that made it, or choose another folder with --out"
        )
    lacking = [name for name in ("settings", "dataset") if not isinstance(run.get(name), dict)]
    if schema is None or lacking:
        missing = " and ".join(["schema"] * (schema is None) + lacking)
        raise OutputError(f"{path.parent}: is no run folder of this version: {RUN_JSON} has no {missing}")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (Path, tuple)):
        return str(value) if isinstance(value, Path) else list(value)
    raise TypeError(f"cannot write a {type(value).__name__} as JSON")
