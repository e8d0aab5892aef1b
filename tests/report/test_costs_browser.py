"""In a real browser the page of costs draws its charts, fits a phone, and asks nothing of anyone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from pipeline.cost.spending import Ledger
from pipeline.report.costs_page import Asked
from pipeline.report.pages import render_costs
from tests.support.browser import Watched
from tests.support.costs import rich_ledger

pytestmark = pytest.mark.browser
NOTHING = Ledger(folder="reports")
ASKED = Asked(simulated=False, made_at="now", version="0.1.0", repriced_day="at the prices of 2026-12-01")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_the_page_draws_its_charts_and_fits(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    watched = Watched(
        browser, render_costs(rich_ledger(), NOTHING, ASKED, tmp_path / "c.html"), width=width, scheme=scheme
    )
    assert watched.complaints == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.count("#plot-time svg .mark-rect.role-mark path") >= 30
    assert watched.count("#plot-models svg .mark-rect.role-mark path") == 6
    labels = watched.page.locator("#plot-models .mark-text.role-mark text").all_text_contents()
    assert labels[0].startswith("$189.00 · 50.0")
    legend = watched.page.locator("#plot-time .role-legend-label text").all_text_contents()
    assert legend[-1] == "all others"
    assert not [text for text in legend if text.endswith("…")]
    watched.page.locator("summary").first.click()
    assert watched.page.locator("details table").first.is_visible()
    watched.page.close()


def test_hostile_names_run_nothing_and_ask_for_nothing(browser: Browser, shared: Path, tmp_path: Path) -> None:
    vectors = [one["text"] for one in json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))]
    page = render_costs(rich_ledger(hostile=vectors), NOTHING, ASKED, tmp_path / "c.html")
    watched = Watched(browser, page)
    assert watched.complaints == []
    assert watched.count("img, iframe, object, embed, base, math, textarea, [onload], [onerror]") == 0
    assert "<script>alert(1)</script>" in watched.page.locator("main").inner_text()
    watched.page.close()
