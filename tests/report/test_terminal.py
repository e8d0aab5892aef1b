"""The table in the terminal shows every cell and obeys none of its names."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from pipeline.report.terminal import summary_table
from tests.support.report import make_cell, make_summary, make_view


def printed(summary: object) -> str:
    out = io.StringIO()
    Console(file=out, width=160, force_terminal=False).print(summary_table(summary))  # type: ignore[arg-type]
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
