"""In a real browser the pages draw their charts, answer the filters, and ask nothing of anyone."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pipeline.report.pages import render_pages
from pipeline.report.view import RunView, Turn
from tests.support.browser import Watched
from tests.support.report import (
    make_cell,
    make_comparison,
    make_grid_view,
    make_sample,
    make_score,
    make_summary,
    make_view,
)

pytestmark = pytest.mark.browser
NAMES = ["index.html", "quality.html", "cost.html"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    render_pages(make_view(), folder)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_opens_from_the_disk_without_a_word_or_a_request(
    browser: Browser, folder: Path, name: str, scheme: str
) -> None:
    watched = Watched(browser, folder / name, scheme=scheme)
    assert watched.complaints == []
    background = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(19, 23, 26)"}[scheme]
    watched.page.close()


@pytest.mark.parametrize(
    ("name", "charts"),
    [
        ("quality.html", {"quality-1": 12, "stops": 16}),
        ("cost.html", {"frontier": 12, "latency": 18}),
    ],
)
def test_charts_are_drawn_in_colours_of_the_page(
    browser: Browser, folder: Path, name: str, charts: dict[str, int]
) -> None:
    watched = Watched(browser, folder / name)
    for chart, marks in charts.items():
        drawn = ", ".join(
            f"#plot-{chart} svg .{mark}.role-mark > *" for mark in ("mark-symbol", "mark-rule", "mark-rect")
        )
        assert watched.count(drawn) >= marks
        fill = watched.page.locator(drawn).last.evaluate("(mark) => getComputedStyle(mark).fill")
        assert fill.startswith("rgb(")
        assert fill != "rgb(0, 0, 0)"
    watched.page.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, folder: Path, name: str) -> None:
    watched = Watched(browser, folder / name, width=390)
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390
    if name == "quality.html":
        watched.page.locator(".open").nth(14).click()
        expect(watched.page.locator("#sample .card")).to_have_count(6)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert watched.complaints == []
    watched.page.close()


def test_a_tooltip_tells_the_figures(browser: Browser, folder: Path) -> None:
    watched = Watched(browser, folder / "cost.html")
    watched.page.locator("#plot-frontier .mark-symbol.role-mark path").first.hover()
    assert "95" not in watched.page.locator(".tip dt").all_inner_texts()
    assert "sonnet · steps" in watched.page.locator(".tip").inner_text()
    assert watched.complaints == []
    watched.page.close()


BROKEN_WORDS = """() => {
  const broken = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode());) {
    const place = text.parentElement;
    if (!place.checkVisibility() || place.closest("script, style, svg, .unseen, .skip, footer")) continue;
    for (const word of text.data.matchAll(/[\\p{L}\\p{N}_.]+/gu)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const boxes = [...range.getClientRects()].filter((box) => box.width > 0);
      const lines = new Set(boxes.map((box) => Math.round(box.top)));
      if (lines.size > 1) broken.add(word[0]);
    }
  }
  return [...broken];
}"""
OVERLAPPING_NAMES = """() => {
  const texts = "#plot-frontier .mark-text.role-mark text, #plot-frontier .role-axis-label text";
  const names = [...document.querySelectorAll(texts)]
    .filter((name) => name.textContent && name.getAttribute("visibility") !== "hidden")
    .map((name) => name.getBoundingClientRect());
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b]));
  const beside = ([a, b]) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 2 || b.bottom <= a.top + 2;
  return pairs.filter((pair) => !beside(pair)).length;
}"""


@pytest.fixture(scope="module")
def grids(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    views = {
        "one model": make_grid_view(),
        "two models": make_grid_view(models=("lab-sonnet", "lab-haiku")),
        "incomplete": make_grid_view(planned=1000, unanswered=(3, None)),
    }
    folders = {name: tmp_path_factory.mktemp(name.replace(" ", "-")) for name in views}
    for name, view in views.items():
        render_pages(view, folders[name])
    return folders


@pytest.mark.parametrize(
    ("run", "name", "width"),
    [
        pytest.param(run, name, width, marks=[] if wide == (run == "two models") else pytest.mark.slow)
        for run in ("one model", "two models", "incomplete")
        for name in NAMES
        for width, wide in ((1280, True), (400, False))
        if run != "incomplete" or name == "index.html" or wide
    ],
)
def test_a_grid_with_six_scorers_breaks_no_word_and_draws_without_a_complaint(
    browser: Browser, grids: dict[str, Path], run: str, name: str, width: int
) -> None:
    watched = Watched(browser, grids[run] / name, width=width, scheme="dark" if run == "two models" else "light")
    assert watched.complaints == []
    assert watched.page.evaluate(BROKEN_WORDS) == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.page.evaluate(OVERLAPPING_NAMES) == 0
    axes = watched.page.locator(".plot svg .role-axis-label text").all_text_contents()
    assert not [text for text in axes if text.endswith("…")]
    watched.page.close()


def test_points_of_one_model_are_named_by_what_differs(browser: Browser, grids: dict[str, Path]) -> None:
    watched = Watched(browser, grids["one model"] / "cost.html")
    names = watched.page.locator("#plot-frontier .mark-text.role-mark text:not([visibility])").all_text_contents()
    assert "plain · temperature 0.0" in names
    assert not [name for name in names if "lab-sonnet" in name]
    watched.page.close()


def test_the_pair_of_a_sample_is_that_of_the_deciding_scorer(browser: Browser, grids: dict[str, Path]) -> None:
    watched = Watched(browser, grids["one model"] / "quality.html")
    watched.page.get_by_label("Result").select_option("wrong")
    expect(watched.page.locator("#tally")).to_contain_text(" of ")
    expect(watched.page.locator(".badge.right, .badge.unscored")).to_have_count(0)
    for line in watched.page.locator("#sample-table tbody tr").all()[:20]:
        found = line.locator("[data-name='Expected and found']").inner_text().split()
        assert found[0] in ("number:", "contains:", "json_schema:")
        assert found[1:] == ["expected", "6", "found", "–"]
    assert " · repeat " in watched.page.locator(".where").first.inner_text()
    watched.page.close()


def hostile(vectors: list[str]) -> RunView:
    cells = [make_cell(text, "p", 0.5, stop_reasons={text: 200}) for text in vectors]
    for cell in cells:
        cell["metrics"] = {vectors[0]: cell["metrics"]["number"]}
    pairs = [make_comparison((a, "p"), (b, "p"), 0.1, metric=vectors[0]) for a, b in pairwise(vectors)]
    samples = tuple(
        make_sample(
            job_id=text, row_id=text, model=text, prompt=text, params=text, stop_reason=text, prefill=text, answer=text,
            thinking=text, error=text, turns=(Turn(role="user", text=text), Turn(role="assistant", text=text)),
            scores=(make_score(scorer=text, label=text, extracted=text, expected=text, explanation=text),),
        )
        for text in vectors
    )  # fmt: skip
    view = make_view(samples=samples, eval=vectors[0])
    return RunView(
        summary=make_summary(cells, pairs, eval=vectors[0]), description=vectors[1], created_at="", samples=samples,
        dataset=view.dataset, version="", total_jobs=len(samples), notes=tuple(vectors),
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_hostile_texts_run_nothing_and_ask_for_nothing(
    browser: Browser, shared: Path, tmp_path: Path, name: str
) -> None:
    vectors = [entry["text"] for entry in json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))]
    render_pages(hostile(vectors), tmp_path)
    watched = Watched(browser, tmp_path / name)
    if name == "quality.html":
        texts = ""
        watched.page.locator(".open").first.click()
        for number in range(len(vectors)):
            expect(watched.page.locator(".spot")).to_have_text(f"{number + 1} of {len(vectors)}")
            watched.page.evaluate("document.querySelectorAll('#sample details').forEach((one) => { one.open = true; })")
            texts += "\n".join(watched.page.locator("#sample .text").all_inner_texts())
            watched.page.keyboard.press("ArrowRight")
        assert "<script>alert(1)</script>" in texts
        assert "&lt;script&gt;" in texts
        assert "⟨U+202E⟩evil" in texts
    assert (
        watched.count("img, iframe, object, embed, base, math, textarea, a[href^='javascript'], [onload], [onerror]")
        == 0
    )
    assert watched.complaints == []
    watched.page.close()


def test_a_figure_of_the_matrix_leads_to_its_samples_and_the_disagreements_to_theirs(
    browser: Browser, folder: Path
) -> None:
    watched = Watched(browser, folder / "quality.html")
    page = watched.page
    page.locator(".matrix tbody tr").nth(1).locator("a").first.click()
    expect(page.locator("#filter-model")).to_have_value("haiku")
    expect(page.locator("#filter-prompt")).to_have_value("steps")
    expect(page.locator("#tally")).to_contain_text("84 samples of 504")
    expect(page.locator("#explorer")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("#tally")).to_contain_text("504 samples")
    page.locator(".disagreements a").click()
    expect(page.locator("#filter-differ")).to_be_checked()
    expect(page.locator("#tally")).not_to_contain_text("No sample")
    assert watched.complaints == []
    page.close()


def test_on_a_phone_the_head_of_a_line_stays_while_its_pairs_are_moved(browser: Browser, folder: Path) -> None:
    watched = Watched(browser, folder / "quality.html", width=390)
    table = watched.page.locator(".pair-grid")
    table.locator("xpath=..").evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    head, pair = (table.locator(f"tbody {cell}").nth(place).bounding_box() for cell, place in (("th", 0), ("td", 5)))
    assert head is not None
    assert pair is not None
    assert head["x"] == pytest.approx(20, abs=1)
    assert 20 + head["width"] <= pair["x"] + 1 < 390
    watched.page.close()
