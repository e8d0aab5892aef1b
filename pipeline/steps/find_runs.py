"""Find every run below a folder: what is no run, cannot be read or is a copy is named, never passed over in silence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipeline.core.errors import EvalmillError, OutputError
from pipeline.cost.spending import Skipped
from pipeline.store.current import part_hashes, stored_rows
from pipeline.store.folder import holds_run, read_run, run_digest
from pipeline.store.sources import DAMAGE

JUDGES = "judges"
_KEPT_NAMES = ("README.md",)
"""What may lie beside runs without being called foreign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A run folder with what it says of itself."""

    folder: Path
    run: Mapping[str, Any]
    began: date
    """UTC; its prices hold for all sessions of the run."""
    providers: frozenset[str]
    """Those of its models."""
    tags: tuple[str, ...]


@dataclass(slots=True)
class Finds:
    """The runs of a folder, by name, and what was skipped."""

    runs: list[Found] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, folder: Path, reason: object, *, damaged: bool = False) -> None:
        """Name a folder that is in no figure."""
        words = str(reason).removeprefix(f"{folder}: ").removeprefix(f"{folder}/")
        self.skipped.append(Skipped(folder=str(folder), reason=words, damaged=damaged))


def find_runs(folder: Path) -> Finds:
    """Every run in `folder` or below it, to any depth; links are not followed. OutputError if it does not exist."""
    if not folder.is_dir():
        raise OutputError(
            f"{folder}: there is no such folder; name the one that holds your runs, or run an evaluation first"
        )
    finds = Finds()
    _walk(folder, finds, is_root=True)
    _drop_copies(finds)
    return finds


def judge_folders(folder: Path) -> dict[str, Path]:
    """The folders of a run's judges, by scorer; links are none."""
    home = folder / JUDGES
    if home.is_symlink() or not home.is_dir():
        return {}
    return {path.name: path for path in sorted(home.iterdir()) if path.is_dir() and not path.is_symlink()}


def _walk(folder: Path, finds: Finds, *, is_root: bool = False) -> bool:
    """Collect the runs; whether there was anything to say of the folder."""
    if holds_run(folder):
        _take(folder, finds)
        return True
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        finds.skip(folder, f"cannot be read: {error.strerror}", damaged=True)
        return True
    links = [entry for entry in entries if entry.is_symlink() and entry.is_dir()]
    for link in links:
        finds.skip(Path(link.path), "is a link, and links are not followed")
    inner = [entry for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")]
    told = [_walk(Path(entry.path), finds) for entry in inner]
    if any(told) or links or is_root:
        return True
    if any(not entry.name.startswith(".") and entry.name not in _KEPT_NAMES for entry in entries if not entry.is_dir()):
        finds.skip(folder, "holds files and no run")
        return True
    return False


def _take(folder: Path, finds: Finds) -> None:
    try:
        run = read_run(folder)
    except EvalmillError as error:
        finds.skip(folder, error, damaged=True)
        return
    try:
        finds.runs.append(_found(folder, run))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        finds.skip(folder, f"its run.json is not one of ours: {error!r}", damaged=True)


def _found(folder: Path, run: Mapping[str, Any]) -> Found:
    """Raise what Python raises of a run.json that says other things than ours."""
    if not (isinstance(run["run_id"], str) and isinstance(run["eval"], str)):
        raise TypeError("run_id and eval are to be texts")
    began = datetime.fromisoformat(run["created_at"])
    providers = frozenset(str(model["provider"]) for model in run["settings"].get("models", ()))
    tags = tuple(str(tag) for tag in run["settings"].get("tags", ()))
    day = (began if began.tzinfo else began.replace(tzinfo=UTC)).astimezone(UTC).date()
    return Found(folder=folder, run=run, began=day, providers=providers, tags=tags)


def _drop_copies(finds: Finds) -> None:
    """Of folders that hold the same run, keep the fullest: what was paid once must not count twice."""
    same: dict[str | None, list[Found]] = {}
    for found in finds.runs:
        same.setdefault(_digest(found.folder), []).append(found)
    for digest, copies in same.items():
        if digest is None or len(copies) == 1:
            continue
        copies.sort(key=lambda found: -_rows(found.folder))
        kept, hashes = copies[0], _hashes(copies[0].folder)
        for copy in copies[1:]:
            others = _hashes(copy.folder)
            if not others or others & hashes:
                finds.runs.remove(copy)
                finds.skip(copy.folder, f"is a copy of {kept.folder}, which counts")


def _digest(folder: Path) -> str | None:
    try:
        return run_digest(folder)
    except OSError:
        return None


def _rows(folder: Path) -> int:
    try:
        return stored_rows(folder)
    except DAMAGE:
        return 0


def _hashes(folder: Path) -> frozenset[str]:
    try:
        return part_hashes(folder)
    except DAMAGE:
        return frozenset()
