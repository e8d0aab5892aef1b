"""Each cell's figures as plain text, for documents that are not pages."""

from __future__ import annotations

from pipeline.report import numbers, tables
from pipeline.report.cells import Cell, Summary, key, metric_names


def metric_texts(summary: Summary) -> dict[str, dict[tuple[str, str, str], str]]:
    """Write each metric's figure and interval, `88.1 % (84.0–91.3 %)`, by metric and the cell's `cells.key`."""
    return {
        metric: {(row.model, row.prompt, row.params): _with_interval(row) for row in tables.ranking(summary, metric)}
        for metric in metric_names(summary)
    }


def texts_of(cell: Cell, texts: dict[str, dict[tuple[str, str, str], str]]) -> dict[str, str]:
    """Take one cell's figures by metric; those that it does not have are unknown."""
    return {metric: by_cell.get(key(cell), numbers.UNKNOWN) for metric, by_cell in texts.items()}


def _with_interval(row: tables.RankingRow) -> str:
    return row.mean if row.interval == numbers.UNKNOWN else f"{row.mean} ({row.interval})"
