"""Every figure on the pages is one of summary.json, or computed from it as is declared and done again here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.report.junit import junit
from pipeline.report.markdown import markdown
from pipeline.report.pages import render_comparison, render_pages
from pipeline.report.view import RunView
from tests.support.compare import make_found
from tests.support.derived import derived, derived_from_comparison
from tests.support.page_figures import Number, Numbers, figures
from tests.support.page_text import Line, chart_numbers, markdown_lines, page_lines, xml_lines
from tests.support.quality import make_full_summary
from tests.support.report import make_grid_view, make_view

VIEWS = {
    "plain": make_view,
    "full": lambda: replace(make_view(), summary=make_full_summary()),
    "grid": make_grid_view,
    "incomplete grid of two models": lambda: make_grid_view(models=("lab-a", "lab-b"), planned=2_000),
}


def numbers_of(view: RunView) -> Numbers:
    """The numbers of a run as its summary.json has them, with what is derived from them, and of the page itself."""
    found = Numbers()
    summary = json.loads(json.dumps(view.summary))
    found.add(summary)
    found.names.update((view.description, view.created_at, *view.notes))
    found.pool += derived(summary)
    found.pool += [Number("count", view.total_jobs), Number("count", len(list(view.samples)))]
    return found


@pytest.fixture(scope="module", params=VIEWS)
def view(request: pytest.FixtureRequest) -> RunView:
    return VIEWS[request.param]()


@pytest.fixture(scope="module")
def pages(view: RunView, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("figures")
    return {path.name: path.read_text(encoding="utf-8") for path in render_pages(view, folder)}


@pytest.mark.parametrize("name", ["index.html", "quality.html", "cost.html"])
def test_every_figure_of_a_page_is_one_of_the_summary(view: RunView, pages: dict[str, str], name: str) -> None:
    assert numbers_of(view).missing(page_lines(pages[name])) == []


@pytest.mark.parametrize("name", ["quality.html", "cost.html"])
def test_every_number_that_is_drawn_is_one_of_the_summary(view: RunView, pages: dict[str, str], name: str) -> None:
    assert len(list(chart_numbers(pages[name]))) > 10
    assert numbers_of(view).missing_from_charts(pages[name]) == []


def test_the_documents_show_no_other_figures(view: RunView) -> None:
    known = numbers_of(view)
    text = markdown(view.summary, description=view.description, created_at=view.created_at)
    assert known.missing(markdown_lines(text)) == []
    assert known.missing(xml_lines(junit(view.summary, created_at="2026-11-22T09:30:00+00:00"))) == []


def test_the_page_of_a_comparison_shows_no_other_figures(tmp_path: Path) -> None:
    found = make_found()
    known = Numbers()
    known.add(found)
    known.pool += derived_from_comparison(found)
    page = render_comparison(found, tmp_path / "compare.html").read_text(encoding="utf-8")
    assert known.missing(page_lines(page)) == []


def changed_places(page: str, figure: str, other: str) -> Iterator[str]:
    """The page with `other` in place of `figure`, once for every place where that is read."""
    for found in re.finditer(rf"(?<![\w.,]){re.escape(figure)}(?![\w.,]*\d)", page):
        yield page[: found.start()] + other + page[found.end() :]


@pytest.mark.parametrize(
    ("name", "figure", "other", "places"),
    [
        ("index.html", "85.8", "88.8", 3),
        ("index.html", "$2.89", "$2.98", 2),
        ("quality.html", "85.8", "86.1", 5),
        ("quality.html", "80.9–89.6", "80.9–99.1", 4),
        ("quality.html", "+9.0 to +23.7", "+9.0 to +28.7", 2),
        ("quality.html", "24.9", "24.8", 1),
        ("quality.html", "77.8", "77.9", 1),
        ("cost.html", "31,204", "31,240", 6),
        ("cost.html", "$2.52", "$2.25", 3),
    ],
)
def test_a_figure_that_is_not_there_is_noticed_in_every_place(
    tmp_path: Path, name: str, figure: str, other: str, places: int
) -> None:
    view = make_view()
    known = numbers_of(view)
    render_pages(view, tmp_path)
    changed = list(changed_places((tmp_path / name).read_text(encoding="utf-8"), figure, other))
    assert len(changed) >= places
    assert [len(known.missing(page_lines(page))) > 0 for page in changed] == [True] * len(changed)


def test_a_number_that_is_not_there_is_noticed_in_a_chart(tmp_path: Path) -> None:
    view = make_view()
    known = numbers_of(view)
    render_pages(view, tmp_path)
    for name in ("quality.html", "cost.html"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        chart, field, value = next(iter(chart_numbers(page)))
        [problem] = known.missing_from_charts(page.replace(f'"{field}":{value}', f'"{field}":{value * 1.0001}', 1))
        assert f"as {field} of {chart}" in problem


def test_a_line_of_a_table_may_show_only_figures_of_the_cells_that_it_names() -> None:
    view = make_view()
    known = numbers_of(view)
    first, second = (cell["cost_usd"] for cell in view.summary["cells"][:2])
    names = tuple(view.summary["cells"][0][name] for name in ("model", "prompt"))
    assert known.missing([Line(f"${float(first):.2f}", names), Line(f"${float(second):.2f}")]) == []
    assert len(known.missing([Line(f"${float(second):.2f}", names)])) == 1


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("87.2 % (80.9–89.6 %)", ["87.2 %", "80.9 %", "89.6 %"]),
        ("−0.4 to +5.9 points", ["-0.4 point", "+5.9 point"]),
        ("2 min 5 s, 1.24 s, 12.3 k", ["2 min 5 s", "1.24 s", "12.3 k"]),
        ("$1,204.50 of 1,500; p < 0.001", ["$1,204.50 $", "1,500", "0.001"]),
    ],
)
def test_figures_are_read_with_their_units(text: str, read: list[str]) -> None:
    found = list(figures(Numbers().without_names(text)))
    assert [figure.text for figure in found] == read
    assert [figure.bound for figure in found] == ["<" if figure.text == "0.001" else "" for figure in found]
