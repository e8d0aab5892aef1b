"""Shows a summary as a table in the terminal; no name in it can move the cursor or set a colour."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from pipeline.core.names import printable
from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, is_share, measured, metric_names, params_text


def summary_table(summary: Summary) -> Table:
    """Return one line per cell: model, prompt, each metric with its interval, answered jobs, cost, median latency."""
    metrics = metric_names(summary)
    grid = any(params_text(cell.get("params")) for cell in summary["cells"])
    table = Table(title="simulated run" if summary["simulated"] else None)
    for name in ("model", "prompt", *(["params"] if grid else [])):
        table.add_column(name, overflow="fold")
    for metric in metrics:
        table.add_column(_text(metric), justify="right", no_wrap=True)
    for name in ("ok/jobs", "cost", "p50"):
        table.add_column(name, justify="right", no_wrap=True)
    for cell in summary["cells"]:
        names = [cell["model"], cell["prompt"], *([params_text(cell.get("params"))] if grid else [])]
        figures = [_metric(cell, metric, share=is_share(summary, metric)) for metric in metrics]
        table.add_row(*map(_text, [*names, *figures, _answered(cell), numbers.usd(cell["cost_usd"]), _median(cell)]))
    return table


def _metric(cell: Cell, metric: str, *, share: bool) -> str:
    found = measured(cell, metric)
    if found is None or found["mean"] is None:
        return numbers.UNKNOWN
    value = numbers.metric(found["mean"], share=share)
    return value if found["ci95"] is None else f"{value} ({numbers.metric_interval(found['ci95'], share=share)})"


def _answered(cell: Cell) -> str:
    return f"{numbers.count(cell['statuses']['ok'])}/{numbers.count(cell['n'])}"


def _median(cell: Cell) -> str:
    return numbers.milliseconds((cell.get("latency_ms") or {}).get("p50"))


def _text(words: str) -> Text:
    """Wrap plain words, so that rich reads no markup in them; lone surrogates would not survive printing."""
    encodable = words.encode("utf-8", "backslashreplace").decode()
    return Text(printable(encodable).replace("\n", " ").replace("\t", " "))
