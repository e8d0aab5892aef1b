"""Every control of every page has a test that fails when the control is dead; a new one without a test is found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import polars as pl
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import DEAD_CONTROL, Watched
from tests.support.commands import ROOT
from tests.support.controls import COVERED, controls
from tests.support.served import Served
from tests.support.shown import Places

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_the_table_of_controls_is_that_of_all_pages(browser: Browser, places: Places) -> None:
    found: set[str] = set()
    for address in places.values():
        watched = Watched(browser, address)
        found |= controls(watched.page)
        if watched.count(".open"):
            watched.page.locator(".open").first.click()
            expect(watched.page.locator("#sample h3")).to_be_visible()
            found |= controls(watched.page)
        watched.page.close()
    assert found == set(COVERED)


def test_each_named_test_is_there() -> None:
    for named in COVERED.values():
        path, _, name = named.partition("::")
        assert f"\ndef {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("control", COVERED)
def test_without_the_control_its_test_fails(control: str) -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "", COVERED[control]]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, DEAD_CONTROL: control}, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    assert re.search(r"\d+ (failed|error)|(FAILED|ERROR) ", done.stdout)


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, places: Places) -> Iterator[Page]:
    watched = Watched(browser, places[request.param])
    yield watched.page
    assert watched.complaints == []
    watched.page.close()


@pytest.mark.parametrize("page", ["grid quality"], indirect=True)
def test_more_answers_than_fit_are_shown_when_asked_for(page: Page) -> None:
    page.locator(".open").first.click()
    expect(page.locator(".card")).to_have_count(12)
    page.get_by_role("button", name="Show all 24 answers").click()
    expect(page.locator(".card")).to_have_count(24)
    expect(page.get_by_role("button", name="Show all")).to_be_hidden()


@pytest.mark.parametrize("page", ["plain quality", "view samples"], indirect=True)
def test_the_link_to_a_sample_names_it_alone(page: Page) -> None:
    page.get_by_label("Sort by").select_option("row")
    expect(page.locator("#explorer[aria-busy]")).to_have_count(0)
    page.locator(".open").nth(3).click()
    name = page.locator("#sample h3").inner_text()
    page.get_by_role("link", name="Link to this sample").click()
    expect(page).to_have_url(re.compile("#job=[^&]+$"))
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#sample h3")).to_have_text(name)


@pytest.mark.parametrize("page", ["full quality"], indirect=True)
def test_the_list_of_metrics_leads_to_each(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    links = page.locator(".standings a")
    assert links.count() == 3
    for number, link in enumerate(links.all(), 1):
        link.click()
        assert page.locator(f"#metric-{number}").evaluate("(head) => Math.abs(head.getBoundingClientRect().top) < 300")
        assert link.inner_text() in page.locator(f"#metric-{number}").inner_text()


@pytest.mark.parametrize(
    "page",
    [
        "full quality", "plain cost", "costs",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("plain quality", "full cost")),
    ],
    indirect=True,
)  # fmt: skip
def test_the_list_of_sections_leads_to_each(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    heads = page.locator("main h2:not(.quiet)").all()
    titled = {f"#{head.get_attribute('id')}": head.inner_text() for head in heads}
    links = page.locator("nav.contents a").all()
    listed = {link.get_attribute("href"): link.inner_text() for link in links}
    if several := page.locator("#standings").count():
        assert listed.pop("#standings") == page.locator("#standings").inner_text()
        titled = {place: title for place, title in titled.items() if not place.startswith("#metric-")}
    assert list(listed.items()) == list(titled.items())
    for place, link in zip(titled, links[several:], strict=True):
        link.click()
        page.wait_for_url(f"**{place}")
        assert page.locator(place).evaluate("(head) => head.getBoundingClientRect().top < innerHeight")


def test_the_server_narrows_by_status_stop_reason_scorer_and_range(
    browser: Browser, places: Places, server: tuple[Served, Places]
) -> None:
    watched = Watched(browser, places["view samples"])
    page, tally = watched.page, watched.page.locator("#tally")
    rows = page.locator("#sample-table tbody tr")

    def only(**chosen: str) -> list[str]:
        if "#" in page.url:
            page.locator("#clear").click()
            expect(page).to_have_url(re.compile("^[^=]*$"))
        for label, value in chosen.items():
            field = page.get_by_label(label.replace("_", " "), exact=True)
            if field.evaluate("(field) => field.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        expect(page).to_have_url(re.compile(f"={re.escape([*chosen.values()][-1])}(&|$)"))
        expect(page.locator("#explorer[aria-busy]")).to_have_count(0)
        return rows.all_inner_texts()

    def shown(count: int, **chosen: str) -> None:
        only(**chosen)
        expect(tally).to_have_text(re.compile(f"^{count} "))

    assert all("truncated" in text for text in only(Status="truncated"))
    assert all("Overloaded" in text for text in only(Status="error"))
    ended = only(Stop_reason="max_tokens")
    assert 0 < len(ended) < 80
    scores = pl.read_parquet(server[0].top / "sums" / "r1" / "scores" / "*.parquet").filter(scorer="judge")
    low, high = scores.filter(pl.col("value") <= 0.3), scores.filter(pl.col("value") >= 0.6)
    assert 0 < len(low) != len(high) > 0
    shown(len(high), Scorer="judge", Lowest_score="0.6")
    shown(len(low), Scorer="judge", Highest_score="0.3")
    assert watched.complaints == []
    page.close()
