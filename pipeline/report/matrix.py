"""Models by prompts: every cell's figure where its model and its prompt meet, shaded, with the means of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, key, mean, params_text, series
from pipeline.report.measures import Measure, measure
from pipeline.report.visible import visible

MOST_CELLS = 200
"""More are read in the ranking: a page has room for few such tables."""
TINTS = 3
"""Shades beside none."""
_CALM_SHARE = 0.1
"""Shades span at least ten points, so that small differences look small."""
_CALM_PART = 0.1
"""Of other metrics: at least this part of the largest figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixEntry:
    """One cell of the matrix; all empty where the run has no such cell."""

    text: str
    interval: str = ""
    tint: int = 0
    """From 0 to `TINTS`; the most for the best."""
    best: bool = False
    link: str = ""
    """What the explorer's address says after `#` for the samples of the cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A table of models by prompts."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MatrixEntry, ...], str], ...]
    """Each model's name, its cells, its mean."""
    means: tuple[str, ...]
    """Of each prompt; the last is that of all cells."""
    words: str


def matrix(summary: Summary, metric: str) -> Matrix | None:
    """The matrix of one metric; None where the run has one model or one prompt, or too many of them."""
    models = list(dict.fromkeys(cell["model"] for cell in summary["cells"]))
    columns = {key(cell)[1:]: cell for cell in summary["cells"]}
    if len(models) < 2 or len(columns) < 2 or len(models) * len(columns) > MOST_CELLS:
        return None
    found = measure(summary, metric)
    cells = {key(cell): cell for cell in summary["cells"]}
    means = {name: mean(cell, metric) for name, cell in cells.items()}
    shade = _Shade([value for value in means.values() if value is not None], found)
    rows = []
    for model in models:
        entries = tuple(_entry(cells.get((model, *column)), found, shade) for column in columns)
        rows.append((model, entries, found.value(_mean([means.get((model, *column)) for column in columns]))))
    down = [_mean([means.get((model, *column)) for model in models]) for column in columns]
    everything = _mean([means.get((model, *column)) for model in models for column in columns])
    return Matrix(
        caption=f"{found.figure[0].upper()}{found.figure[1:]}, models by prompts, with 95 % intervals",
        heads=tuple(series(cell) for cell in columns.values()),
        rows=tuple(rows),
        means=tuple(found.value(value) for value in (*down, everything)),
        words=_words(found, [cell for cell in cells.values() if mean(cell, metric) is not None], metric),
    )


def samples_of(cell: Cell, metric: str = "") -> str:
    """What the explorer's address says after `#` for a cell's samples: its filters."""
    wish = {"model": cell["model"], "prompt": cell["prompt"], "params": params_text(cell.get("params"))}
    return urlencode({name: visible(value) for name, value in {**wish, "scorer": metric}.items() if value})


class _Shade:
    """How strongly a figure is shaded, and whether it is the best."""

    def __init__(self, values: Sequence[float], found: Measure) -> None:
        self._lower = found.better == "lower"
        self._low, self._high = (min(values), max(values)) if values else (0.0, 0.0)
        calm = _CALM_SHARE if found.share else _CALM_PART * max(abs(self._low), abs(self._high))
        self._span = max(self._high - self._low, calm)
        told_apart = found.better != "neither" and self._high > self._low
        self._best = (self._low if self._lower else self._high) if told_apart else None

    def tint(self, value: float) -> int:
        over = self._high - value if self._lower else value - self._low
        return round(TINTS * over / self._span) if self._span else 0

    def is_best(self, value: float) -> bool:
        return value == self._best


def _entry(cell: Cell | None, found: Measure, shade: _Shade) -> MatrixEntry:
    value = None if cell is None else mean(cell, found.name)
    if cell is None or value is None:
        return MatrixEntry(text=numbers.UNKNOWN)
    return MatrixEntry(
        text=found.value(value),
        interval=_interval(cell["metrics"][found.name], found),
        tint=shade.tint(value),
        best=shade.is_best(value),
        link=samples_of(cell, found.name),
    )


def _interval(figures: Mapping[str, Sequence[float] | None], found: Measure) -> str:
    return "" if figures["ci95"] is None else found.interval(figures["ci95"])


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean where every cell has a figure: others would compare unlike things."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _words(found: Measure, cells: Sequence[Cell], metric: str) -> str:
    fewest, most = (bound(cell["metrics"][metric]["n"] for cell in cells) for bound in (min, max)) if cells else (0, 0)
    scored = numbers.count(fewest) if fewest == most else f"{numbers.count(fewest)} to {numbers.count(most)}"
    shade = {"higher": "better", "lower": "better, which is lower", "neither": "higher"}[found.better]
    return (
        f"A stronger shade is {shade}. The means of lines and columns are those of their cells, each weighing the "
        f"same; all cells were asked the same rows, and {scored} answers were scored in each. Whether two cells can be "
        "told apart is for the paired comparisons to say."
    )
