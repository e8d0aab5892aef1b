"""The table in the terminal shows every cell and obeys none of its names."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.report.terminal import summary_table
from tests.support.report import make_cell, make_grid_view, make_summary, make_view

GRID = make_grid_view(planned=1000).summary


def printed(summary: object, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(summary_table(summary))  # type: ignore[arg-type]
    return out.getvalue().replace("\N{NO-BREAK SPACE}", " ")


def test_each_cell_has_its_line_with_interval_jobs_cost_and_median() -> None:
    text = printed(make_view().summary)
    assert "simulated run" in text
    line = next(line for line in text.splitlines() if "haiku" in line and "steps" in line)
    assert "81.5 % (76.2–85.9 %)" in line
    assert "/250" in line
    assert "$0.165" in line
    assert "1.49 s" in line


def test_unknown_is_a_dash() -> None:
    cell = make_cell("m", "p", None, cost_usd=None, latency_ms={"p50": None, "p95": None, "p99": None})
    assert printed(make_summary([cell], [])).count("–") == 3


def test_names_move_no_cursor_and_set_no_colour(shared: Path) -> None:
    vectors = [entry["text"] for entry in json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))]
    vectors += ["\x1b]0;pwn\x07", "\x1b[2J", "\x1b]8;;http://evil\x07x", "a\rb", "a\nb", "[bold red]x[/]"]
    text = printed(make_summary([make_cell(vector, vector, 0.5) for vector in vectors], []))
    assert not [sign for sign in text if ord(sign) < 32 and sign != "\n"]
    assert "[bold red]x[/]" in text
    text.encode()


@pytest.mark.parametrize("width", [60, 80, 120, 160, 190, 240, 10_000])
def test_no_name_and_no_figure_is_cut_at_any_width(width: int) -> None:
    text = printed(GRID, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    words = text.replace("│", " ").split()
    for name in ("lab-sonnet", "plain", "temperature", "0.4", "word_overlap", "json_schema", "0.750", "36/36"):
        assert name in words


@pytest.mark.parametrize(
    ("width", "tables", "told"),
    [
        (240, 1, "94.4 % (86.2–100.0 %) │"),
        (180, 1, "(86.2–100.0 %) │"),
        (160, 1, "intervals do not fit here"),
        (80, 7, "94.4 % (86.2–100.0 %) │"),
    ],
)
def test_a_narrow_terminal_gets_intervals_below_then_none_then_a_table_for_each_metric(
    width: int, tables: int, told: str
) -> None:
    text = printed(GRID, width)
    assert text.count("┏") == tables
    assert told in text


def test_the_measured_width_is_that_of_the_widest_form() -> None:
    console = Console(width=80)
    table = summary_table(GRID)
    wide = console.measure(table, options=console.options.update(max_width=100_000)).maximum
    assert printed(GRID, wide) == printed(GRID, 10_000)
    assert printed(GRID, wide - 1) != printed(GRID, wide)


def test_a_run_that_is_not_finished_says_so_in_the_title() -> None:
    assert "simulated run, incomplete: 216 of 1,000 jobs" in printed(GRID, 240)
    assert "incomplete" not in printed(make_grid_view(planned=216).summary, 240)
