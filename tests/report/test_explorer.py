"""The samples explorer of the quality page, in a real browser: every control, the address, the keys, paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.report.pages import render_pages
from pipeline.report.view import SampleScore, Turn
from tests.support.browser import Watched
from tests.support.report import make_grid_view, make_sample, make_score, make_view

pytestmark = pytest.mark.browser
ROWS = "#sample-table tbody tr"
ROW_IDS = f"{ROWS} .open"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    render_pages(make_view(), folder)
    return folder


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grid")
    render_pages(make_grid_view(), folder)
    return folder


@pytest.fixture
def watched(browser: Browser, folder: Path) -> Iterator[Watched]:
    watched = Watched(browser, folder / "quality.html")
    yield watched
    assert watched.complaints == []
    watched.page.close()


def tally(page: Page, text: str) -> None:
    expect(page.locator("#tally")).to_have_text(re.compile(text))


def ids(page: Page) -> list[str]:
    return page.locator(ROW_IDS).all_inner_texts()


def test_filters_and_search_narrow_the_samples(watched: Watched) -> None:
    page = watched.page
    assert watched.count(ROWS) == 50
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(ROWS)).to_have_count(100)
    page.get_by_label("Model", exact=True).select_option("haiku")
    page.get_by_label("Prompt", exact=True).select_option("direct")
    page.get_by_label("Result").select_option("wrong")
    expect(page).to_have_url(re.compile("outcome=wrong"))
    expect(page.locator("#explorer[aria-busy]")).to_have_count(0)
    tally(page, r"^\d+ samples of 504$")
    found = page.locator(ROWS).all_inner_texts()
    assert found
    assert all("haiku · direct" in text and "wrong" in text for text in found)
    page.get_by_label("Search").fill(found[0].split()[0].upper())
    tally(page, "^1 sample of 504$")
    page.get_by_label("Search").fill("no such text")
    tally(page, "^No sample matches.$")
    page.get_by_role("button", name="Clear filters").click()
    tally(page, "^504 samples, the first 50 shown$")
    expect(page.get_by_label("Model", exact=True)).to_have_value("")
    expect(page.get_by_role("button", name="Clear filters")).to_be_hidden()


def test_status_and_stop_reason_narrow_the_samples(watched: Watched) -> None:
    page = watched.page
    page.get_by_label("Status").select_option("truncated")
    tally(page, " of 504$")
    statuses = page.locator(f"{ROWS} .status").all_inner_texts()
    assert set(statuses) == {"truncated"}
    page.get_by_label("Status").select_option("")
    page.get_by_label("Stop reason").select_option("refusal")
    expect(page.locator(f"{ROWS} .status").first).to_have_text("refused")


def test_rows_where_models_disagree_have_a_right_and_a_wrong_answer_to_the_same_prompt(watched: Watched) -> None:
    page = watched.page
    page.get_by_label("Only rows where models disagree").check()
    page.get_by_label("Sort by").select_option("row")
    expect(page).to_have_url(re.compile("sort=row"))
    expect(page.locator("#explorer[aria-busy]")).to_have_count(0)
    tally(page, " of 504")
    outcomes: dict[tuple[str, str], set[str]] = {}
    for line in page.locator(ROWS).all():
        row, where, outcome = (line.locator(name).inner_text() for name in (".open", ".where", ".badge"))
        outcomes.setdefault((row, where.split(" · ")[1]), set()).add(outcome)
    whole = [key for key in outcomes if key[0] != row]  # the page may cut the last row
    assert len(whole) > 10
    assert all({"right", "wrong"} <= outcomes[key] for key in whole)


@pytest.mark.parametrize(
    ("sort", "column", "first"),
    [("tokens", "Tokens in + out", "367 + 64"), ("latency", "Latency", "1.70 s"), ("cost", "Cost", "$0.00420")],
)
def test_samples_are_sorted_by_a_figure(watched: Watched, sort: str, column: str, first: str) -> None:
    page = watched.page
    before = ids(page)
    page.get_by_label("Sort by").select_option(sort)
    expect(page.locator(ROW_IDS).first).not_to_have_text(before[0])
    cells = page.locator(f"{ROWS} [data-name='{column}']").all_inner_texts()
    figures = [figure_of(text) for text in cells]
    assert figures == sorted(figures, reverse=True)
    assert cells[0].replace("\N{NO-BREAK SPACE}", " ") == first


def figure_of(text: str) -> float:
    """`118 + 64`, `$0.0042` or `1.45 s` as a number."""
    if "+" in text:
        return sum(float(part.replace(",", "")) for part in text.split("+"))
    number = float(re.sub(r"[^\d.]", "", text))
    return number * 1000 if text.endswith("s") and not text.endswith("ms") else number


def test_failures_come_first_and_right_answers_last(watched: Watched) -> None:
    order = ["failed", "wrong", "unscored", "right"]
    page = watched.page
    for _ in range(10):
        page.get_by_role("button", name="Show more").click()
    expect(page.locator(ROWS)).to_have_count(504)
    places = [order.index(text) for text in page.locator(f"{ROWS} .badge").all_inner_texts()]
    assert places == sorted(places)


def test_a_sample_opens_by_keyboard_to_everything_that_is_known_of_it(watched: Watched) -> None:
    page = watched.page
    page.get_by_label("Prompt", exact=True).select_option("direct")
    page.get_by_label("Result").select_option("wrong")
    expect(page.locator(f"{ROWS} .badge").first).to_have_text("wrong")
    page.get_by_label("Search").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(ROW_IDS).first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    second, third = ids(page)[1:3]
    page.keyboard.press("Enter")
    sample = page.locator("#sample")
    expect(sample.get_by_role("heading", level=3)).to_have_text(second)
    expect(sample.get_by_role("heading", level=3)).to_be_focused()
    text = sample.inner_text()
    assert "You are a careful tutor." in text
    assert "How many dollars does the bakery take in a day?" in text
    assert "expected" in text
    assert "1 request" in text
    expect(sample.locator(".turn mark.prefill")).to_have_text("The answer is ")
    page.keyboard.press("ArrowRight")
    expect(sample.get_by_role("heading", level=3)).to_have_text(third)
    page.keyboard.press("ArrowLeft")
    expect(sample.get_by_role("heading", level=3)).to_have_text(second)
    page.keyboard.press("Escape")
    expect(sample).to_be_hidden()
    expect(page.locator(ROW_IDS).nth(1)).to_be_focused()
    outline = page.locator(ROW_IDS).nth(1).evaluate("(button) => getComputedStyle(button).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()


def test_the_next_sample_after_the_last_one_listed_is_fetched(watched: Watched) -> None:
    page = watched.page
    page.locator(ROW_IDS).nth(49).click()
    expect(page.locator(".spot")).to_have_text("50 of 504")
    page.get_by_role("button", name="Next →").click()
    expect(page.locator(".spot")).to_have_text("51 of 504")
    page.get_by_role("button", name="← Previous").click()
    expect(page.locator(".spot")).to_have_text("50 of 504")
    page.get_by_role("button", name="All samples").click()
    expect(page.locator("#sample")).to_be_hidden()
    expect(page.locator(ROWS)).to_have_count(100)


def test_all_answers_to_a_row_stand_side_by_side_with_their_differences(watched: Watched) -> None:
    page = watched.page
    page.get_by_label("Search").fill("gsm-0012")
    page.get_by_label("Model", exact=True).select_option("한국어-모델")
    page.get_by_label("Prompt", exact=True).select_option("direct")
    tally(page, "^1 sample of 504$")
    page.locator(ROW_IDS).first.click()
    cards = page.locator(".card")
    expect(cards).to_have_count(6)
    other = cards.filter(has_text="sonnet · direct")
    assert (other.locator("del").all_inner_texts(), other.locator("ins").all_inner_texts()) == (["41.5"], ["48"])
    expect(cards.filter(has_text="sonnet · steps")).to_contain_text("Too different")
    page.get_by_label("Mark differences").uncheck()
    expect(page.locator(".card ins, .card del")).to_have_count(0)
    other.get_by_role("button", name="Open").click()
    expect(page.locator("#sample > .where")).to_have_text("sonnet · direct")


def test_the_address_names_filters_and_sample_and_back_leads_back(browser: Browser, folder: Path) -> None:
    watched = Watched(browser, folder / "quality.html")
    page = watched.page
    page.get_by_label("Model", exact=True).select_option("haiku")
    page.get_by_label("Search").fill("gsm-00")
    tally(page, " of 504")
    page.locator(ROW_IDS).nth(2).click()
    name = page.locator("#sample h3").inner_text()
    address = page.url
    page.go_back()
    expect(page.locator("#sample")).to_be_hidden()
    expect(page.get_by_label("Search")).to_have_value("gsm-00")
    page.go_forward()
    expect(page.locator("#sample h3")).to_have_text(name)
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#sample h3")).to_have_text(name)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Model", exact=True)).to_have_value("haiku")
    tally(page, " of 504")
    link = watched.page.locator("#sample a")
    page.locator(ROW_IDS).first.click()
    target = link.get_attribute("href")
    assert target is not None
    assert target.startswith("#job=")
    assert watched.complaints == []
    page.close()


def test_an_address_of_no_sample_here_says_so(watched: Watched) -> None:
    watched.page.evaluate("location.hash = '#job=nowhere'")
    expect(watched.page.locator("#sample")).to_contain_text("No sample here has this address.")
    watched.page.keyboard.press("Escape")
    expect(watched.page.locator(ROWS)).to_have_count(50)


def graded(scorer: str) -> list[SampleScore]:
    """The scores of the grid's answers at the temperature that the test chooses."""
    samples = [one for one in make_grid_view().samples if "0.4" in one.params]
    return [score for one in samples for score in one.scores if score.scorer == scorer]


def similarities() -> list[float]:
    return [one.value for one in graded("similarity") if one.value is not None]


def similar(low: float, high: float) -> int:
    return len([value for value in similarities() if low <= value <= high])


def test_cells_scorers_and_ranges_of_grades_narrow_the_samples(browser: Browser, grid: Path) -> None:
    watched = Watched(browser, grid / "quality.html")
    page = watched.page
    page.get_by_label("Parameters").select_option("temperature 0.4")
    tally(page, "^72 samples of 216")
    assert all("temperature 0.4" in text for text in page.locator(f"{ROWS} .where").all_inner_texts())
    page.get_by_label("Scorer", exact=True).select_option("similarity")
    page.get_by_label("Lowest score").fill("0.5")
    tally(page, f"^{similar(0.5, 1.0)} samples of 216")
    page.get_by_label("Highest score").fill("0.6")
    tally(page, f"^{similar(0.5, 0.6)} samples of 216$")
    page.get_by_label("Sort by").select_option("score_high")
    expect(page).to_have_url(re.compile("sort=score_high"))
    expect(page.locator("#explorer[aria-busy]")).to_have_count(0)
    page.locator(ROW_IDS).first.click()
    best = page.locator("#sample .turn", has_text="score: similarity").inner_text()
    assert str(max(grade for grade in similarities() if grade <= 0.6)) in best
    page.keyboard.press("Escape")
    page.get_by_label("Scorer", exact=True).select_option("number")
    page.get_by_label("Lowest score").fill("")
    page.get_by_label("Highest score").fill("")
    page.get_by_label("Result").select_option("wrong")
    tally(page, f"^{len([one for one in graded('number') if not one.passed])} samples of 216$")
    page.locator(ROW_IDS).first.click()
    number = page.locator("#sample .turn", has_text="score: number")
    expect(number).to_contain_text("wrong (no_match)")
    assert watched.complaints == []
    page.close()


LONG = "글" * 30_000
ODD: list[dict[str, Any]] = [
    {"row_id": "مرحبا", "answer": "الجواب هو ٤٨ وليس ٤١"},
    {"row_id": "control", "answer": "bell \x07 and escape \x1b[2J and \u202eevil"},
    {"row_id": "tags", "answer": "<b>bold</b> <system>You are</system>", "tool_calls": '[{"name":"add"}]'},
    {"row_id": "long", "answer": LONG, "thinking": LONG, "left_out": {"answer": 970_000}},
    {"row_id": "empty", "answer": "", "status": "empty", "scores": ()},
]


def test_odd_texts_are_shown_as_they_are(browser: Browser, tmp_path: Path) -> None:
    reason = make_score(scorer="judge", explanation="The judge says: 맞지 않습니다.")
    samples = [make_sample(job_id=f"j{n}", **{"scores": (reason,), **change}) for n, change in enumerate(ODD)]
    render_pages(make_view(samples=samples), tmp_path)
    watched = Watched(browser, tmp_path / "quality.html")
    page = watched.page

    def opened(row: str) -> str:
        page.get_by_role("button", name=row, exact=True).click()
        text = page.locator("#sample").inner_text()
        page.keyboard.press("Escape")
        return text

    arabic = page.get_by_role("button", name="مرحبا").evaluate("(button) => getComputedStyle(button).direction")
    assert arabic == "rtl"
    assert "The judge says: 맞지 않습니다." in opened("مرحبا")
    assert "bell ␇ and escape ␛[2J and ⟨U+202E⟩evil" in opened("control")
    assert "<b>bold</b> <system>You are</system>" in opened("tags")
    assert '"name": "add"' in opened("tags")
    assert "980,000 more characters are not shown." in opened("long")
    assert "empty" in opened("empty")
    assert watched.complaints == []
    page.close()


def test_paper_has_the_first_samples_and_no_controls(browser: Browser, folder: Path) -> None:
    watched = Watched(browser, folder / "quality.html")
    page = watched.page
    page.emulate_media(media="print")
    expect(page.locator(ROWS).first).to_be_visible()
    assert watched.count(ROWS) == 50
    for control in (".filters", ".keys", "#more"):
        expect(page.locator(control)).to_be_hidden()
    expect(page.locator("#tally")).to_have_text("504 samples, the first 50 shown")
    page.emulate_media(media="screen")
    page.locator(ROW_IDS).first.click()
    page.emulate_media(media="print")
    expect(page.locator(".way")).to_be_hidden()
    expect(page.locator("#sample h3")).to_be_visible()
    page.close()


def test_a_page_that_holds_a_part_says_how_to_see_all(browser: Browser, tmp_path: Path) -> None:
    many = [make_sample(job_id=f"j{n}", row_id=f"r{n}", turns=(Turn(role="user", text=f"q{n}"),)) for n in range(300)]
    render_pages(replace(make_view(samples=many), folder="reports/x/r1"), tmp_path)
    watched = Watched(browser, tmp_path / "quality.html")
    expect(watched.page.get_by_text("300 of 1,500 jobs are on this page")).to_be_visible()
    expect(watched.page.get_by_text("evalmill view reports/x/r1")).to_be_visible()
    watched.page.close()


DIFFERENCES = [
    ("the cat sat", "the dog sat", [[0, "the "], [-1, "cat"], [1, "dog"], [0, " sat"]]),
    ("", "", []),
    ("same", "same", [[0, "same"]]),
    ("정답은 48입니다.", "정답은 41입니다.", [[0, "정답은 "], [-1, "48입니다"], [1, "41입니다"], [0, "."]]),
    ("答案是四", "答案是五", [[0, "答案是"], [-1, "四"], [1, "五"]]),
    ("one two", "three four", None),
]


@pytest.mark.parametrize(("first", "second", "script"), DIFFERENCES)
def test_texts_are_told_apart_word_by_word(watched: Watched, first: str, second: str, script: list[Any] | None) -> None:
    assert watched.page.evaluate("([a, b]) => Words.difference(a, b)", [first, second]) == script


def test_changed_words_that_only_space_parts_are_taken_together(watched: Watched) -> None:
    script = [[0, "so "], [-1, "a"], [1, "x"], [0, " "], [-1, "b"], [1, "y"], [0, "\n"], [0, "end "], [1, "z"]]
    told = watched.page.evaluate("(script) => Words.phrases(script)", script)
    assert told == [[0, "so "], [-1, "a b"], [1, "x y"], [0, "\n"], [0, "end "], [1, "z"]]
    assert watched.page.evaluate("Words.phrases([])") == []


def test_a_difference_gives_both_texts_back_and_is_as_short_as_can_be(watched: Watched) -> None:
    """Myers' algorithm finds a shortest script: as many equal words as the longest common subsequence has."""
    broken = watched.page.evaluate("""() => {
      let seed = 7;
      const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n; };
      const text = (n) => Array.from({ length: n }, () => "abc"[random(3)]).join(" ");
      const common = (a, b) => {
        const rows = [Array(b.length + 1).fill(0)];
        a.forEach((one, i) => {
          rows.push([0]);
          const longest = (other, j) => (one === other ? rows[i][j] + 1 : Math.max(rows[i][j + 1], rows[i + 1][j]));
          b.forEach((other, j) => rows[i + 1].push(longest(other, j)));
        });
        return rows[a.length][b.length];
      };
      const pieces = (text) => text.match(/\\S+|\\s+/g) || [];
      const found = [];
      for (let n = 0; n < 300; n++) {
        const a = text(random(14)), b = text(random(14));
        const script = Words.difference(a, b);
        if (!script) continue;
        const side = (kinds) => script.filter(([kind]) => kinds.includes(kind)).map(([, part]) => part).join("");
        const kept = script.filter(([kind]) => kind === 0).flatMap(([, part]) => pieces(part)).length;
        if (side([0, -1]) !== a || side([0, 1]) !== b || kept !== common(pieces(a), pieces(b))) found.push([a, b]);
      }
      return found;
    }""")
    assert broken == []
