"""The Markdown of a run reads as its summary does, and no name in it becomes markup, a link or a mention."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from pipeline.report.cells import Summary
from pipeline.report.markdown import MOST_ROWS, code, escaped, markdown
from pipeline.report.words import verdict
from tests.support.quality import make_full_summary, make_judges
from tests.support.report import make_cell, make_comparison, make_grid_view, make_summary, make_view


def document(summary: Summary) -> str:
    text = markdown(summary, description="Word problems", created_at="2026-11-27T10:00:00+00:00")
    return text.replace("\N{NO-BREAK SPACE}", " ")


def html(text: str) -> str:
    rendered: str = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    return rendered


def test_verdict_table_comparisons_and_cost_are_those_of_the_summary() -> None:
    summary = make_view(simulated=False).summary
    text = document(summary)
    assert text.startswith(f"## arithmetic: {escaped(verdict(summary).headline)}\n")
    assert "| `haiku` | `steps` | 81.5 % (76.2–85.9 %) |" in text
    assert r"\$0.165" in text
    assert "| `number` | `sonnet · steps` | `haiku · steps` |" in text
    assert "Simulated run" not in text
    assert "\n> Simulated run" in document(make_view().summary)


def test_it_says_what_the_judges_figures_rest_on() -> None:
    text = document(make_full_summary())
    section = text[text.index("### Judges") :].split("\n### ")[0]
    assert "people labelled" in section
    assert "Cohen's kappa" in section
    unlabelled = document(make_full_summary(judges=[make_judges(calibration=None)]))
    assert "it is not known how far these verdicts can be trusted" in unlabelled
    assert "### Judges" not in document(make_view().summary)


def test_a_grid_has_a_column_for_its_parameters() -> None:
    lines = document(make_grid_view().summary).splitlines()
    assert any(line.startswith("| model | prompt | parameters |") for line in lines)


GATE: dict[str, Any] = {
    "metric": "number", "model": None, "prompt": None, "min": 0.9, "max": None, "pass_fail": True, "value": 0.5,
    "cell": {"model": "m", "prompt": "p", "params": "{}"}, "passed": False,
}  # fmt: skip


def test_gates_are_told_by_their_result() -> None:
    gates = [GATE, {**GATE, "value": 0.95, "passed": True}]
    text = document(make_view(gates=gates).summary)
    assert "- **failed:** m · p: number 50.0 %, required at least 90.0 %" in text
    assert "- **passed:** m · p: number 95.0 %, required at least 90.0 %" in text
    unfinished = make_grid_view(planned=1000).summary
    assert "- **not decided:** " in document({**unfinished, "gates": [GATE]})


def test_a_long_table_is_cut_with_a_count() -> None:
    cells = [make_cell(f"m{number}", "p", 0.5) for number in range(MOST_ROWS + 5)]
    text = document(make_summary(cells, []))
    assert text.count("\n| `m") == MOST_ROWS
    assert "and 5 more rows in the report" in text


HOSTILE = [
    "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](http://evil/x.png)", "@maintainer", "#1", "a|b",
    "`a` ``b``", "# title", "- item", "12. item", "***x***", "https://evil.example", "www.evil.example", "&lt;b&gt;",
    "a\nb\n\n# c", "\x1b[2J", "$x$", "<!-- x", "---", "a\\|b",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_untrusted_text_is_shown_and_not_obeyed(name: str) -> None:
    for written in (escaped(name), f"text {escaped(name)}", code(name)):
        shown = html(written)
        body = re.sub(r"</?(?:p|code)>", "", shown)
        assert re.findall(r"<(?!!)[^>]*>", body) == [], shown
        assert "\n" not in written
        assert not re.search(r"[\x00-\x1f]", written)
    assert not re.search(r"[@#]\w|(?<!\\)://|www\.", escaped(name)), "GitHub would link it"


def test_hostile_names_keep_the_shape_of_the_tables(shared: Path) -> None:
    vectors = [one["text"] for one in json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))]
    names = [*vectors, *HOSTILE]
    cells = [make_cell(name, f"p{number}", 0.5) for number, name in enumerate(names)]
    pairs = [make_comparison((name, "p"), (name, "q"), 0.1, metric=name) for name in names]
    for start in range(0, len(names), 20):
        shown = html(document(make_summary(cells[start : start + 20], pairs[start : start + 20], eval=names[start])))
        tags = set(re.findall(r"<([a-z0-9]+)", shown))
        assert tags <= {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "ul", "li", "strong",
                        "details", "summary", "blockquote"}  # fmt: skip
        assert shown.count("<tr>") == len(cells[start : start + 20]) + len(pairs[start : start + 20]) + 2
        rows = re.findall(r"<tr>\n(.*?)</tr>", shown, flags=re.DOTALL)
        assert {row.count("<td") for row in rows} == {0, 6, 7}
