"""Every page in every state can be used by everybody: axe-core, contrast, keyboard, phone, zoom, paper."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.axe import FOLDER, audit
from tests.support.browser import Watched
from tests.support.contrast import weak_texts
from tests.support.controls import COVERED, controls
from tests.support.shown import NAMES, Places

pytestmark = pytest.mark.browser
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PAPER = {"width": 718, "height": 1046}
"""A4 less the margins that browsers print with."""


QUICK = ("full quality", "plain cost", "view samples")
"""Pages that hold, together, every kind of part; all others are slow."""
CHECKED: set[str] = set()


OPEN = " with a sample open"
STATES = [*NAMES, *(name + OPEN for name in ("plain quality", "full quality", "grid quality", "view samples"))]
PARAMS = [pytest.param(name, marks=[] if name.removesuffix(OPEN) in QUICK else pytest.mark.slow) for name in STATES]


@pytest.fixture(scope="module", params=PARAMS)
def shared(request: pytest.FixtureRequest, browser: Browser, places: Places) -> Iterator[Page]:
    """A page that its tests share; none of them finds a word on its console, or a request."""
    watched = Watched(browser, places[request.param.removesuffix(OPEN)])
    page = watched.page
    if request.param.endswith(OPEN):
        page.locator(".open").first.click()
        expect(page.locator("#sample .card").nth(1)).to_be_visible()
    page.evaluate("window.opened = [...document.querySelectorAll('details[open]')]")
    yield page
    assert watched.complaints == []
    page.close()


@pytest.fixture
def page(shared: Page) -> Iterator[Page]:
    """The page, left as it was."""
    yield shared
    shared.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = opened.includes(one); })")
    shared.emulate_media(media="screen", color_scheme="light", reduced_motion="no-preference")
    shared.set_viewport_size(WIDE)  # type: ignore[arg-type]


def show(page: Page, scheme: str, size: dict[str, int]) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(size)  # type: ignore[arg-type]


def open_details(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def start_at_the_top(page: Page) -> None:
    """Let the next Tab go to the first stop of the page."""
    page.evaluate("""() => {
      scrollTo(0, 0);
      document.body.tabIndex = -1;
      document.body.focus();
      document.body.blur();
      document.body.removeAttribute("tabindex");
    }""")


def violations(page: Page) -> list[dict[str, Any]]:
    return audit(page)["violations"]


def test_the_list_of_pages_is_whole(places: Places) -> None:
    assert sorted(places) == sorted(NAMES)


def test_axe_finds_nothing_in_light_on_a_screen_and_in_dark_on_a_phone(page: Page) -> None:
    open_details(page)
    assert violations(page) == []
    show(page, "dark", PHONE)
    assert violations(page) == []


def test_every_text_stands_out_in_light_and_in_dark(page: Page) -> None:
    open_details(page)
    assert weak_texts(page) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 23, 26)"
    assert weak_texts(page) == []


def test_nothing_needs_sideways_scrolling_at_any_width(page: Page) -> None:
    open_details(page)
    for width in (1280, 640, 390, 320):  # 640 and 320: the wide screen at 200 and 400 %
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


FOCUSED = """() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  return {
    name: one.outerHTML.slice(0, 90), place: [...document.querySelectorAll("*")].indexOf(one),
    outlined: style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2,
    seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


STOPS = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex]")]
  .filter((one) => !one.disabled && one.tabIndex >= 0 && one.checkVisibility({ contentVisibilityAuto: true }))
  .length"""


def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    start_at_the_top(page)
    wanted = page.evaluate(STOPS)
    places = []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        assert found is not None, f"{len(places)} of {wanted} are reached"
        assert found["outlined"], found["name"]
        assert found["seen"], found["name"]
        places.append(found["place"])
    assert places == sorted(set(places))


def test_the_first_stop_leads_past_the_head_of_the_page(page: Page) -> None:
    before = page.url
    start_at_the_top(page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = "(where) => document.activeElement.closest(where) !== null"
    assert page.evaluate("location.hash") == "#content"
    page.evaluate("(before) => history.replaceState(null, '', before)", before)
    assert page.evaluate(inside, "main") or page.locator("main :is(a, button, [tabindex])").count() == 0


def test_what_can_be_opened_opens_and_closes_by_keyboard(page: Page) -> None:
    for summary in page.locator("summary").all():
        if not summary.is_visible():
            continue
        box = summary.locator("..")
        was = box.evaluate("(one) => one.open")
        summary.focus()
        for wanted in (not was, was):
            page.keyboard.press("Enter")
            assert box.evaluate("(one) => one.open") is wanted
            rest = box.locator(":scope > :not(summary)").first
            assert rest.is_visible() is wanted


def test_every_link_leads_somewhere(page: Page) -> None:
    links = page.evaluate(
        "[...document.querySelectorAll('a[href]')].map((one) => [one.getAttribute('href'), one.href])"
    )
    inside = {written[1:] for written, _ in links if re.match("#(?![a-z]+=)", written)}
    assert [name for name in inside if page.locator(f"[id='{name}']").count() != 1] == []
    outside = {address for written, address in links if not written.startswith("#")} - CHECKED
    for address in outside:
        with urlopen(address) as answer:
            assert b"<h1>" in answer.read(), address
    CHECKED.update(outside)


def test_nothing_moves_for_those_who_asked_for_rest(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert page.evaluate("document.getAnimations().length") == 0


def test_every_control_has_a_test_of_its_own(page: Page) -> None:
    assert controls(page) - set(COVERED) == set()


def test_what_is_wider_than_the_phone_is_moved_by_the_keyboard(page: Page) -> None:
    show(page, "light", PHONE)
    open_details(page)
    wide = "(one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1"
    for region in page.locator("[tabindex='0']").all()[:20]:
        if region.evaluate(wide):
            region.focus()
            page.keyboard.press("ArrowRight")
            page.wait_for_function("() => document.activeElement.scrollLeft > 0")
            region.evaluate("(one) => { one.scrollLeft = 0; }")


CUT_OFF = """() => [...document.querySelectorAll("main, main *")].filter((one) => {
  if (!one.checkVisibility() || one.closest("svg, .unseen")) return false;
  const style = getComputedStyle(one), hides = style.overflowX !== "visible" || style.overflowY !== "visible";
  return hides && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
}).map((one) => one.outerHTML.slice(0, 120))"""


def test_paper_has_everything_but_the_controls_in_ink(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size(PAPER)  # type: ignore[arg-type]
    controls = page.locator("input, select, button:not(.open), nav, .skip, .keys")
    assert [one.evaluate("(one) => one.outerHTML") for one in controls.all() if one.is_visible()] == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    closed = page.locator("details > :not(summary)")
    assert [one.evaluate("(one) => one.outerHTML") for one in closed.all() if not one.is_visible()] == []
    assert weak_texts(page) == []
    assert page.evaluate(CUT_OFF) == []


def test_axe_is_the_listed_file_and_no_part_of_the_package() -> None:
    (entry,) = tomllib.loads((FOLDER / "vendor.toml").read_text(encoding="utf-8"))["files"]
    content = (FOLDER / entry["path"]).read_bytes()
    assert (len(content), sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert content.startswith(f"/*! axe v{entry['version']}".encode())
    assert "Mozilla Public License, version 2.0" in (FOLDER / entry["licence_paths"][0]).read_text(encoding="utf-8")
    assert {path.name for path in FOLDER.iterdir()} == {"vendor.toml", entry["path"], *entry["licence_paths"]}
    assert "pipeline" not in FOLDER.parts[-3:]
