"""Shows a comparison in the terminal: in words first, then as a table, then the rows that changed."""

from __future__ import annotations

from rich.table import Table

from pipeline.report import numbers
from pipeline.report.cells import direction
from pipeline.report.changes import score_words
from pipeline.report.compare_cautions import cautions
from pipeline.report.compare_words import Found, cell_name, judged, measures, verdict
from pipeline.report.measures import Measure
from pipeline.report.terminal import plain_text
from pipeline.report.visible import one_line

_ROWS_SHOWN = 5
_COLUMNS = ("metric", "cell", "A", "difference", "adjusted p", "higher", "lower", "rows")


def opening_lines(found: Found, pair: Found) -> list[str]:
    """The verdict, what stands behind it, and what to be careful about."""
    runs = [run for run in found["runs"] if run["letter"] in ("A", pair["run"])]
    names = [f"{run['letter']}: {run['folder']} ({numbers.count(run['rows'])} rows)" for run in runs]
    told = verdict(pair, measures(found))
    said = (*names, "", told.headline, *told.sentences, *(f"! {text}" for text in cautions(found, pair)), "")
    return [one_line(text) for text in said]


def comparison_table(found: Found, pair: Found) -> Table:
    """One line for each metric and cell, all slices left to the page."""
    known = measures(found)
    simulated = "simulated run" if any(run["simulated"] for run in found["runs"]) else None
    table = Table(title=simulated)
    for name in (*_COLUMNS[:3], pair["run"], *_COLUMNS[3:], f"{pair['run']} is"):
        names = name in ("metric", "cell", f"{pair['run']} is")
        table.add_column(name, justify="left" if names else "right", overflow="fold")
    for entry in pair["comparisons"]:
        measure = known[entry["metric"]]
        interval = f"\n({measure.difference_interval(entry['ci95'])})" if entry["ci95"] else ""
        figures = [
            *(entry["metric"], cell_name(entry), measure.value(entry["mean_a"]), measure.value(entry["mean_b"])),
            measure.difference(entry["difference"]),
            numbers.p_value(entry["p_adjusted"]),
            *(numbers.count(entry[name]) for name in ("gained", "lost", "n")),
            judged(entry, measure),
        ]
        cells = [plain_text(figure) for figure in figures]
        cells[4].append(interval)
        table.add_row(*cells)
    return table


def changed_lines(found: Found, pair: Found) -> list[str]:
    """Some of the rows that changed: of the first metric, or of the one that got worst."""
    known = measures(found)
    if not pair["changes"]:
        return []
    worse = [entry for entry in pair["comparisons"] if judged(entry, known[entry["metric"]]) == "worse"]
    chosen = min(worse, key=lambda entry: entry["p"]) if worse else pair["comparisons"][0]
    measure = known[chosen["metric"]]
    lines = []
    for change in ("higher", "lower") if measure.better == "lower" else ("lower", "higher"):
        rows = [
            row
            for row in pair["changes"]
            if (row["metric"], cell_name(row), row["change"]) == (chosen["metric"], cell_name(chosen), change)
        ]
        total = chosen["gained" if change == "higher" else "lost"]
        if rows:
            word = direction(change == "higher", measure.better)
            shown = f", {_ROWS_SHOWN} of them" if total > _ROWS_SHOWN else ""
            lines.append(f"{one_line(measure.name)} of {cell_name(chosen)}, {numbers.count(total)} {word}{shown}:")
            lines += [_line(row, measure, pair["run"]) for row in rows[:_ROWS_SHOWN]]
    return [*lines, ""]


def _line(row: Found, measure: Measure, letter: str) -> str:
    sides = [f"{name} {_told(row[side], measure)}" for name, side in (("A", "before"), (letter, "after"))]
    return f"  {one_line(row['row_id'])}: {'; '.join(sides)}"


def _told(answer: Found, measure: Measure) -> str:
    score = answer["scores"].get(measure.name) or {}
    found = score.get("extracted") or answer["answer"] or answer["status"]
    text = one_line(found)
    return f"{score_words(answer, measure.name, measure)} “{text[:60]}{'…' if len(text) > 60 else ''}”"
