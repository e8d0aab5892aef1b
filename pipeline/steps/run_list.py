"""The runs below a folder, with what their own files say of them; damaged ones are named, and nothing is changed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from pipeline.core.errors import EvalmillError
from pipeline.report.runs import RunEntry, State, measured
from pipeline.store import manifest as manifests
from pipeline.store.disk import read_regular
from pipeline.store.folder import MAX_JSON_BYTES, holds_run, read_run
from pipeline.store.live import LiveReader, Tally
from pipeline.store.lock import holder
from pipeline.store.objects import LocalObjects

SUMMARY = "summary.json"
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What reading a file of the wrong shape may raise."""
_DEPTH = 2
"""Runs lie below the folder of their evaluation, which lies below the reports."""

_COMPARISON = re.compile(r"compare(-[A-Za-z0-9._-]+)?\.html")
_NEVER = 2**40
"""A second after all others: results are not counted by second."""

Stamp = tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class _Known:
    stamps: tuple[Stamp, ...]
    entry: RunEntry


@dataclass(frozen=True, slots=True)
class _Standing:
    state: State
    jobs: int
    cost_usd: Decimal | None


class RunList:
    """Lists the runs below a folder again and again; what has not changed is not read twice."""

    def __init__(self, top: Path) -> None:
        """List what is in `top`, which may be a run folder itself."""
        self._top = top.resolve()
        self._known: dict[str, _Known] = {}
        self._live: dict[str, LiveReader] = {}
        """Readers of the runs that are not finished: they count what journals hold."""
        self.folders: dict[str, Path] = {}
        """The folder of each run by the key that its entry has: no other path is ever opened."""

    def entries(self) -> list[RunEntry]:
        """All runs, as they are now."""
        self.folders = {_key(self._top, folder): folder for folder in _run_folders(self._top)}
        self._known = {key: self._look(key, folder) for key, folder in self.folders.items()}
        return [known.entry for known in self._known.values()]

    def _look(self, key: str, folder: Path) -> _Known:
        stamps = tuple(_stamp(folder / name) for name in ("", "run.json", SUMMARY, manifests.FOLDER, "lock"))
        known = self._known.get(key)
        if known is not None and known.stamps == stamps and known.entry.state in ("finished", "damaged"):
            return known
        return _Known(stamps, self._entry(key, folder))

    def _entry(self, key: str, folder: Path) -> RunEntry:
        if _readable(str(folder)) != str(folder):  # no address names it, and Parquet's reader does not open it
            return RunEntry(
                key=key, evaluation=_readable(folder.parent.name), run_id=_readable(folder.name), state="damaged",
                problem="the name of its folder is not UTF-8; give it another one",
            )  # fmt: skip
        try:
            run = read_run(folder)
            standing = self._standing(key, folder)
        except (EvalmillError, OSError) as error:
            return RunEntry(
                key=key, evaluation=folder.parent.name, run_id=folder.name, state="damaged",
                problem=str(error).replace(f"{folder}/", ""),
            )  # fmt: skip
        summary, problem = _summary(folder)
        try:
            entry = _described(key, folder, run, standing, summary, problem)
        except MALFORMED as error:
            entry = _described(key, folder, run, standing, None, f"{SUMMARY} is damaged: {error!r}")
        return replace(entry, comparisons=tuple(comparisons(folder)))

    def _standing(self, key: str, folder: Path) -> _Standing:
        """What a run does, and how many results it has; of one that is not finished, its cost so far."""
        manifest, _ = manifests.newest(LocalObjects(folder))
        is_held = holder(folder) is not None
        if manifest.state == "complete" and not is_held:
            self._live.pop(key, None)
            return _Standing("finished", sum(part.rows for part in manifest.parts), None)
        holding = self._live.setdefault(key, LiveReader(folder)).read(_NEVER)
        total = sum(holding.tallies.values(), Tally())
        return _Standing("running" if is_held else "stopped", total.results, total.cost_usd)


def read_summary(folder: Path) -> dict[str, Any] | None:
    """`summary.json` of a run; None where there is none yet, ValueError or OSError where it cannot be read."""
    try:
        summary = orjson.loads(read_regular(folder / SUMMARY, limit=MAX_JSON_BYTES))
    except FileNotFoundError:
        return None
    if not isinstance(summary, dict):
        raise ValueError("it is no object")
    return summary


def comparisons(folder: Path) -> dict[str, Path]:
    """The pages that `evalmill compare` wrote into a run folder, by name; only what is there has a path."""
    try:
        with os.scandir(folder) as found:
            names = sorted(one.name for one in found if _COMPARISON.fullmatch(one.name) and one.is_file())
    except OSError:
        names = []
    return {name: folder / name for name in names}


def _readable(text: str) -> str:
    """The text with the codes of lone surrogates, which stand for bytes that are not UTF-8, in their places."""
    return text.encode("utf-8", "backslashreplace").decode()


def _described(
    key: str,
    folder: Path,
    run: Mapping[str, Any],
    standing: _Standing,
    summary: Mapping[str, Any] | None,
    problem: str,
) -> RunEntry:
    so_far = None if standing.cost_usd is None else str(standing.cost_usd)
    cost: Mapping[str, Any] = {"total_usd": so_far}
    if summary and standing.state == "finished":
        cost = summary["cost"]
    planned = run.get("planned_jobs")
    return RunEntry(
        key=key,
        evaluation=_readable(str(run.get("eval", folder.parent.name))),
        run_id=str(run.get("run_id", folder.name)),
        created_at=str(run.get("created_at", "")),
        state=standing.state,
        simulated=bool(run.get("simulated")),
        jobs=standing.jobs,
        planned=planned if isinstance(planned, int) else None,
        cost_usd=cost.get("total_usd"),
        unpriced_jobs=cost.get("unpriced_jobs", 0),
        measured=measured(summary) if summary else (),
        problem=problem,
    )


def _summary(folder: Path) -> tuple[dict[str, Any] | None, str]:
    try:
        return read_summary(folder), ""
    except (OSError, ValueError) as error:
        return None, f"{SUMMARY} is damaged: {error}; `evalmill report` makes it again"


def _run_folders(top: Path) -> Iterator[Path]:
    """Run folders in `top`, in order; symbolic links are not followed."""
    if holds_run(top):
        yield top
        return
    level = [top]
    for _ in range(_DEPTH):
        below = [folder for parent in level for folder in _folders(parent)]
        yield from (folder for folder in below if holds_run(folder))
        level = [folder for folder in below if not holds_run(folder)]


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as found:
            names = sorted(one.name for one in found if one.is_dir(follow_symlinks=False) and one.name[0] != ".")
    except OSError:
        return []
    return [parent / name for name in names]


def _key(top: Path, folder: Path) -> str:
    return folder.name if folder == top else folder.relative_to(top).as_posix()


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
