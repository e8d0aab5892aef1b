"""The pages of a real run, in a real browser: drawn, searchable, silent, and equal to summary.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Watched
from tests.support.commands import evalmill

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "run"
    done = evalmill("run", "prompts/sentiment-ko", "--limit", 40, "--out", folder)
    assert done.code == 0, done.err
    return folder


@pytest.mark.parametrize("name", ["index.html", "quality.html", "cost.html"])
def test_a_page_opens_without_a_request_or_a_word_on_the_console(browser: Browser, run: Path, name: str) -> None:
    watched = Watched(browser, run / name)
    assert watched.complaints == []
    expect(watched.page.get_by_text("Simulated run").first).to_be_visible()
    watched.page.close()


def test_the_ranking_shows_the_figures_of_the_summary(browser: Browser, run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    watched = Watched(browser, run / "quality.html")
    text = watched.page.locator("main").inner_text()
    for cell in summary["cells"]:
        assert f"{100 * cell['metrics']['choice']['mean']:.1f}" in text
    watched.page.close()


def test_a_korean_review_is_found_by_search(browser: Browser, run: Path) -> None:
    watched = Watched(browser, run / "quality.html")
    watched.page.get_by_label("Search").fill("ko-001")
    rows = watched.page.locator("tbody tr", has_text="ko-001")
    expect(rows.first).to_be_visible()
    expect(watched.page.locator("tbody tr", has_text="ko-002")).to_have_count(0)
    watched.page.close()
