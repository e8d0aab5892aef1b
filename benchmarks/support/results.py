"""Measurements on disk: one JSON file each, with when and where it was made."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.support.figures import Figure, long_table, text_table, wide_table

HERE = Path(__file__).resolve().parents[1]
RESULTS = HERE / "results"
SNAPSHOT = RESULTS / "snapshot.json"
"""The measurements that the README quotes; the rest of the folder is not kept in git."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one script measured."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    quick: bool
    taken_at: str
    seconds: float
    machine: str
    wide: bool = False
    """Shown with a row per name and a column per unit."""

    @property
    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows."""
        return wide_table(self.figures) if self.wide else long_table(self.figures)


def take(
    name: str, title: str, *, quick: bool, figures: Callable[[], Sequence[Figure]], wide: bool = False
) -> Measurement:
    """Measure, print the table, and write the JSON file."""
    started, where = time.monotonic(), machine()
    print(f"== {title}{' (quick)' if quick else ''}", flush=True)
    measured = tuple(figures())
    measurement = Measurement(
        name=name,
        title=title,
        figures=measured,
        quick=quick,
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 1),
        machine=where,
        wide=wide,
    )
    print(text_table(*measurement.table))
    print(f"   {measurement.seconds:.0f} s\n", flush=True)
    write(measurement)
    return measurement


def write(measurement: Measurement) -> None:
    """Write `results/<name>.json`, or below `results/quick/`."""
    folder = RESULTS / "quick" if measurement.quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{measurement.name}.json").write_text(json.dumps(asdict(measurement), indent=1) + "\n")


def read(path: Path) -> list[Measurement]:
    """The measurements in a file: one, or a snapshot's several."""
    content = json.loads(path.read_text())
    return [_measurement(entry) for entry in (content if isinstance(content, list) else [content])]


def write_snapshot(measurements: Sequence[Measurement]) -> None:
    """Keep these as what the README quotes."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    SNAPSHOT.write_text(json.dumps([asdict(measurement) for measurement in measurements], indent=1) + "\n")


def machine() -> str:
    """Cores, memory, Python, and how busy it has been in the last minute."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {memory_gb:.0f} GB, Python {platform.python_version()}, load before {load:.1f}"


def _measurement(entry: dict[str, Any]) -> Measurement:
    return Measurement(**{**entry, "figures": tuple(Figure(**figure) for figure in entry["figures"])})
