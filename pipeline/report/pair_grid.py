"""Cells against cells at a glance: who is better, by how much, and how sure that is; and where models disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.names import number_of
from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, compare, judge, key, params_text, series, short_parts
from pipeline.report.leader import listed, p_words
from pipeline.report.measures import Measure, measure
from pipeline.report.visible import one_line

FEWEST_CELLS, MOST_CELLS = 3, 12
_TOLD = 4
"""Disagreements that are told one by one."""
_TONES = {"better": "better", "worse": "worse", "cannot tell": "unclear"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PairEntry:
    """What the line's cell is against the column's; all empty where they are not compared."""

    verdict: str = ""
    tone: str = ""
    difference: str = ""
    interval: str = ""
    p: str = ""
    itself: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PairGrid:
    """The paired comparisons of one metric, each seen from both sides."""

    metric: str
    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[PairEntry, ...]], ...]


def pair_grids(summary: Summary) -> list[PairGrid]:
    """One grid for each compared metric; none where the cells are too few to need one, or too many to see."""
    metrics = dict.fromkeys(found["metric"] for found in summary["comparisons"])
    return [grid for metric in metrics if (grid := _grid(summary, metric)) is not None]


def disagreements(summary: Summary) -> list[str]:
    """Say on how many of the rows two models are not both right or both wrong."""
    told = []
    for metric in dict.fromkeys(found["metric"] for found in summary["comparisons"]):
        pairs = [found for found in summary["comparisons"] if found["metric"] == metric and _is_of_models(found)]
        if pairs and measure(summary, metric).pass_fail:
            told.append(_disagreement(summary, metric, sorted(pairs, key=_part_of_rows, reverse=True)))
    return told


def _grid(summary: Summary, metric: str) -> PairGrid | None:
    compared = {key(found[end]) for found in summary["comparisons"] if found["metric"] == metric for end in "ab"}
    cells = [cell for cell in summary["cells"] if key(cell) in compared]
    if not FEWEST_CELLS <= len(cells) <= MOST_CELLS:
        return None
    of = measure(summary, metric)
    names = [f"{numbers.NO_BREAK}· ".join(parts) for parts in short_parts(cells)]
    unit = ", in points" if of.share else ""
    return PairGrid(
        metric=metric,
        caption=f"{of.figure[0].upper()}{of.figure[1:]}: the cell of the line against that of the column{unit}",
        heads=tuple(names),
        rows=tuple(
            (name, tuple(_entry(summary, of, (other, cell)) for other in cells))
            for name, cell in zip(names, cells, strict=True)
        ),
    )


def _entry(summary: Summary, of: Measure, pair: tuple[Cell, Cell]) -> PairEntry:
    base, cell = pair
    if base is cell:
        return PairEntry(itself=True)
    found = compare(summary, of.name, base, cell)
    if found is None:
        return PairEntry()
    verdict = judge(found, of.better)
    difference = of.difference(found["difference"])
    return PairEntry(
        verdict=verdict,
        tone=_TONES.get(verdict, "moved"),
        difference=difference.removesuffix(f"{numbers.NO_BREAK}points") if of.share else difference,
        interval="" if found["ci95"] is None else of.difference_interval(found["ci95"]),
        p="" if found["p_adjusted"] is None else f"p{numbers.NO_BREAK}{p_words(found['p_adjusted'])}",
    )


def _is_of_models(found: Mapping[str, Any]) -> bool:
    is_counted = found["n"] and found["gained"] is not None and found["lost"] is not None
    return bool(is_counted) and found["a"]["model"] != found["b"]["model"]


def _part_of_rows(found: Mapping[str, Any]) -> float:
    return float((found["gained"] + found["lost"]) / found["n"])


def _disagreement(summary: Summary, metric: str, pairs: Sequence[Mapping[str, Any]]) -> str:
    """All pairs where they are few, else the one that differs most and the one that differs least."""
    if not _part_of_rows(pairs[0]):
        return f"By {one_line(metric)}, no two models differ on any row."
    if len(pairs) <= _TOLD:
        return f"By {one_line(metric)}, {listed([_pair_words(summary, found) for found in pairs])}."
    most, least = (_pair_words(summary, found) for found in (pairs[0], pairs[-1]))
    counted = number_of(len(pairs), "pair")
    return f"By {one_line(metric)}, of {counted} of models, {most}, the most, and {least}, the least."


def _pair_words(summary: Summary, found: Mapping[str, Any]) -> str:
    differing = found["gained"] + found["lost"]
    a, b = one_line(found["a"]["model"]), one_line(found["b"]["model"])
    several = len({key(cell)[1:] for cell in summary["cells"]}) > 1
    under = f" under {one_line(series(found['a']))}" if several and (found["a"]["prompt"] or _params(found)) else ""
    share, rows = numbers.share_of(differing, found["n"]), number_of(found["n"], "row")
    return f"{a} and {b} differ{under} on {share} of {rows}"


def _params(found: Mapping[str, Any]) -> str:
    return params_text(found["a"].get("params"))
