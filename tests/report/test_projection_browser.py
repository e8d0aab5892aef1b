"""In a browser any number of rows can be projected, by keyboard too; without scripts a table stands there."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pipeline.report import numbers
from pipeline.report.cell_costs import usd_interval
from pipeline.report.pages import render_pages
from pipeline.report.projection import projected
from tests.support.browser import Watched
from tests.support.money import ROW_COST, money_view

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    render_pages(money_view(), folder)
    return folder / "cost.html"


def test_the_page_computes_what_the_report_would(browser: Browser, page: Path) -> None:
    watched = Watched(browser, page)
    rows = watched.page.get_by_label("Rows", exact=True)
    figure = watched.page.locator("td.projected").first
    for size in (1, 7, 360, 12_345, 1_000_000_000):
        rows.fill(str(size))
        usd, ends = projected(ROW_COST, size)
        assert ends is not None
        expect(figure.locator("span").first).to_have_text(numbers.usd(usd))
        expect(figure.locator(".below")).to_have_text(usd_interval(ends))
        expect(watched.page.locator("#projected-head")).to_have_text(f"{size:,} row{'' if size == 1 else 's'}")
    assert watched.complaints == []
    watched.page.close()


def test_the_keyboard_alone_reaches_and_changes_the_number_of_rows(browser: Browser, page: Path) -> None:
    watched = Watched(browser, page)
    for _ in range(40):
        watched.page.keyboard.press("Tab")
        if watched.page.evaluate("document.activeElement.id") == "projected-rows":
            break
    watched.page.keyboard.press("ControlOrMeta+A")
    watched.page.keyboard.type("2000")
    expect(watched.page.locator("#projected-told")).to_have_text("The first column of figures is for 2,000 rows.")
    watched.page.keyboard.press("ArrowUp")
    expect(watched.page.locator("#projected-head")).to_have_text("2,001 rows")
    watched.page.close()


@pytest.mark.parametrize("typed", ["", "0", "-5", "1.5", "1e15"])
def test_what_is_no_number_of_rows_gives_no_figures(browser: Browser, page: Path, typed: str) -> None:
    watched = Watched(browser, page)
    watched.page.locator("#projected-rows").fill(typed)
    expect(watched.page.locator("#projected-told")).to_have_text(
        "Type a whole number of rows from 1 to 1,000,000,000,000."
    )
    expect(watched.page.locator("td.projected span").first).to_have_text("–")
    expect(watched.page.locator("#projected-rows")).to_have_attribute("aria-invalid", "true")
    watched.page.close()


def test_without_scripts_the_table_is_there_and_the_control_is_not(browser: Browser, page: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(page.as_uri())
    expect(plain.locator("#projected-rows")).to_be_hidden()
    expect(plain.locator("#projected-head")).to_be_hidden()
    expect(plain.get_by_role("columnheader", name="1,000,000 rows")).to_be_visible()
    context.close()


def test_the_charts_of_the_page_are_drawn_and_a_phone_does_not_scroll_sideways(browser: Browser, page: Path) -> None:
    watched = Watched(browser, page, width=390, scheme="dark")
    assert watched.count("#plot-spent svg .mark-rect.role-mark > *") == 7
    assert watched.count("#plot-frontier svg .mark-line.role-mark > *") == 1
    opacities = watched.page.eval_on_selector_all(
        "#plot-frontier svg .mark-symbol.role-mark > *", "(marks) => marks.map((mark) => mark.getAttribute('opacity'))"
    )
    assert sorted(float(one) for one in opacities) == [0.42, 1.0, 1.0]
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert watched.complaints == []
    watched.page.close()
