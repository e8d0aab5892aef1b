"""Texts that attack, in every position, through the real command line: all are shown, and nothing obeys them."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Container, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Watched
from tests.support.commands import Finished, evalmill
from tests.support.hostile import MARKED, POSITIONS, folders, marked, shown, write_runs
from tests.support.served import Served, apart, serving

TERMINAL = {
    "T1": "\x1b]0;pwn\x07", "T2": "\x1b[2J", "T3": "\x1b]8;;http://evil\x07x", "T4": "\x1b]52;c;cHdu\x07", "T5": "a\rb",
    "T6": "a\nforged: line", "T7": "\x9b2J", "T8": "[bold red]x[/]",
}  # fmt: skip
"""What a terminal would obey: reliability vectors, the C1 form of CSI, and the markup of a library."""
FORMULAS = {
    "F1": "=cmd|' /C calc'!A0", "F2": "@SUM(1)", "F3": "+1+1", "F4": "-2+3", "F5": "\t=1", "F6": "＝1",
    "F7": '=HYPERLINK("http://evil")',
}  # fmt: skip
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Hostile:
    """Runs full of attacks, and what the verbs said of them."""

    top: Path
    texts: MARKED
    said: Mapping[str, Finished]

    def of(self, *positions: str) -> list[str]:
        return [text for position in positions for text in self.texts[position].values()]


@pytest.fixture(scope="module")
def hostile(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    top = tmp_path_factory.mktemp("hostile")
    texts = marked(shared)
    for position in ("model", "error", "row", "output", "reason"):
        more = {**TERMINAL, **FORMULAS} if position == "model" else TERMINAL
        texts[position] |= {name: f"{text} ;{position} {name};" for name, text in more.items()}
    apart(write_runs, top / "runs", texts)
    runs, names, one, two = top / "runs", top / "runs/names/one", top / "runs/texts/one", top / "runs/texts/two"
    formats, pages = ("--format", "html,md,junit,json"), ("--html", top / "costs.html", "--csv", top / "costs.csv")
    first = {
        "report": ("report", one, names, *formats),
        "report others": ("report", two, top / "runs/names/two", "--format", "json"),
    }
    then = {
        "compare texts": ("compare", one, two, "--out", top / "texts.html"),
        "compare names": ("compare", names, top / "runs/names/two", "--out", top / "names.html"),
        "costs": ("costs", runs, *pages, "--by", "model", "--by", "run"),
        "status": ("status", names),
        "status json": ("status", names, "--json"),
        "verify": ("verify", one),
    }
    said: dict[str, Finished] = {}
    with ThreadPoolExecutor(2) as threads:
        for verbs in (first, then):
            said |= dict(zip(verbs, threads.map(lambda words: evalmill(*words), verbs.values()), strict=True))
    assert {name: done.err for name, done in said.items() if done.code not in (0, 2)} == {}
    return Hostile(top, texts, said)


@pytest.fixture(scope="module")
def server(hostile: Hostile) -> Iterator[Served]:
    with serving(hostile.top / "runs") as served:
        yield served


STRANGE = """() => {
  const known = new Set((
    "html head meta title style script noscript body a p aside header nav main section article footer div span " +
    "dl dt dd h1 h2 h3 h4 h5 ul li table caption thead tbody tr th td details summary form fieldset legend label " +
    "input select option button code kbd pre mark ins del svg g path line circle rect text defs clipPath"
  ).split(" "));
  const homes = new Set("head body div td section".split(" ").concat("main"));
  const act = /^(on.*|src|srcdoc|action|formaction|style)$/, run = /^\\s*(javascript|data|vbscript):/i;
  const bad = (one) => !known.has(one.localName)
    || (!one.closest("svg, .tip, .plot") && one.getAttributeNames().some((name) => act.test(name)))
    || run.test(one.getAttribute("href") || "")
    || (one.matches("script, style, meta, svg, form") && !homes.has(one.parentElement.localName)
        && !one.parentElement.matches("#explorer"));
  return [...document.querySelectorAll("*")].filter(bad).map((one) => one.outerHTML.slice(0, 200));
}"""
"""Elements and attributes that no template of ours has."""
EVERYTHING = """() => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const texts = [...document.querySelectorAll("main, header, footer")].map((one) => one.textContent);
  return texts.join("\\n").replace(/\\s+/g, " ");
}"""


def told(page: Page) -> str:
    """All text of the page; of samples, each opened in turn, with the other answers to its row in cards."""
    assert page.evaluate(STRANGE) == []
    text: str = page.evaluate(EVERYTHING)
    if page.locator(".open").count() == 0:
        return text
    page.get_by_label("Sort by").select_option("row")
    if page.get_by_label("Model", exact=True).locator("option").count() == 3:
        page.get_by_label("Model", exact=True).select_option("answering")
        expect(page).to_have_url(re.compile("model=answering"))
    expect(page.locator("#explorer[aria-busy]")).to_have_count(0)
    page.locator(".open").first.click()
    while True:
        expect(page.locator("#sample h3")).to_be_visible()
        if page.get_by_role("button", name="Show all").is_visible():
            page.get_by_role("button", name="Show all").click()
            return text + page.evaluate(EVERYTHING)
        text += page.evaluate(EVERYTHING)
        spot = page.locator(".spot").inner_text()
        following = page.get_by_role("button", name="Next →")
        if following.is_disabled():
            assert page.evaluate(STRANGE) == []
            return text
        following.click()
        expect(page.locator(".spot")).not_to_have_text(spot)


def missing(text: str, wanted: list[str]) -> list[str]:
    return [one for one in wanted if " ".join(shown(one).split()) not in text]


SAMPLES = ("prompt", "output", "error", "row", "reason", "stop")
FROM_DISK = {
    "runs/texts/one/index.html": (), "runs/texts/one/quality.html": (*SAMPLES, "column"),
    "runs/texts/one/cost.html": (), "runs/names/one/index.html": ("model",), "runs/names/one/quality.html": ("model",),
    "runs/names/one/cost.html": ("model",), "texts.html": ("prompt", "output", "row", "reason", "stop", "column"),
    "names.html": ("model",), "costs.html": ("model", "file"),
}  # fmt: skip
SERVED = {
    "": ("file",), "runs/texts/one/quality.html": ("column", "stop"), "runs/texts/one/samples.html": SAMPLES,
    "runs/names/one/index.html": ("model",), "runs/names/one/quality.html": ("model",),
    "runs/names/one/cost.html": ("model",), "runs/names/one/samples.html": ("model",),
    "runs/names/two/live.html": ("model",),
}  # fmt: skip
QUICK = ("runs/texts/one/quality.html", "runs/names/one/cost.html")
QUICK_SERVED = ("", "runs/texts/one/samples.html")
"""Pages that hold, together, every kind of part; the others are slow."""


def some_slow(names: Iterable[str], quick: Container[str]) -> list[Any]:
    return [pytest.param(name, marks=[] if name in quick else pytest.mark.slow) for name in names]


def test_each_position_is_on_a_page_from_the_disk_and_on_a_served_one() -> None:
    for pages in (FROM_DISK, SERVED):
        assert {position for positions in pages.values() for position in positions} == set(POSITIONS)


@pytest.mark.browser
@pytest.mark.parametrize("name", some_slow(FROM_DISK, QUICK))
def test_a_page_shows_every_text_and_obeys_none(browser: Browser, hostile: Hostile, name: str) -> None:
    watched = Watched(browser, hostile.top / name)
    assert missing(told(watched.page), hostile.of(*FROM_DISK[name])) == []
    assert watched.complaints == []
    watched.page.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", some_slow(SERVED, QUICK_SERVED))
def test_a_served_page_shows_every_text_and_obeys_none(
    browser: Browser, hostile: Hostile, server: Served, name: str
) -> None:
    watched = Watched(browser, server.address + name)
    assert missing(told(watched.page), hostile.of(*SERVED[name])) == []
    assert watched.complaints == []
    watched.page.close()


@pytest.mark.browser
@pytest.mark.slow
def test_a_run_in_a_folder_of_any_name_is_served_with_the_name_of_its_file(
    browser: Browser, hostile: Hostile, server: Served
) -> None:
    watched = Watched(browser, server.address)
    for text in hostile.of("file"):
        for name in ("samples.html", "live.html"):
            watched.page.goto(f"{server.address}runs/files/{quote(text, safe='')}/{name}")
            watched.settle()
            assert missing(told(watched.page), [text]) == []
    assert watched.complaints == []
    watched.page.close()


@pytest.mark.parametrize(
    ("verb", "positions"),
    [
        ("report", ("model",)), ("compare names", ("model",)), ("costs", ("model", "file")), ("status", ("model",)),
        ("report others", ("model",)), ("compare texts", ()), ("verify", ()), ("status json", ()),
    ],
)  # fmt: skip
def test_a_terminal_obeys_no_text_of_a_verb(hostile: Hostile, verb: str, positions: tuple[str, ...]) -> None:
    done = hostile.said[verb]
    for text in (done.out, done.err):
        assert [text[max(0, one.start() - 30) : one.end() + 10] for one in OBEYED.finditer(text)] == []
        assert not [line for line in text.splitlines() if line.startswith("forged")]
    assert done.out
    flat = re.sub(r"[\s│]+", "", done.out)
    names = [f";{position}{name};" for position in positions for name in hostile.texts[position]]
    assert [name for name in names if name not in flat] == []


def test_json_of_a_verb_holds_the_texts_as_they_are(hostile: Hostile) -> None:
    assert [one["model"] for one in hostile.said["status json"].json["models"]] == hostile.of("model")


def test_a_spreadsheet_runs_nothing_of_the_csv(hostile: Hostile) -> None:
    with (hostile.top / "costs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    begins = re.compile("[ \n'\"\u00a0\u3000\ufeff]*[=+\\-@\t\r＝＋－＠]")
    texts = [row[name] for row in rows for name in ("model", "run")]
    assert [text for text in texts if begins.match(text) and not text.startswith("'")] == []
    joined = "\n".join(texts)
    assert [name for name in hostile.texts["model"] if f";model {name};" not in joined] == []
    numbers = [value for row in rows for name, value in row.items() if name not in ("model", "run")]
    assert all(re.fullmatch(r"-?[\d.]*", value) for value in numbers)


def test_the_documents_of_a_run_hold_names_as_text(hostile: Hostile) -> None:
    folder = hostile.top / "runs/names/one"
    text = (folder / "report.md").read_text(encoding="utf-8")
    html: str = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    tags = set(re.findall(r"<([a-z0-9]+)", html))
    assert tags <= {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "ul", "li", "strong",
                    "details", "summary", "blockquote"}  # fmt: skip
    widths = {row.count("<td") for row in re.findall(r"<tr>\n(.*?)</tr>", html, flags=re.DOTALL)}
    assert len(widths) <= 3
    assert [name for name in hostile.texts["model"] if f";model {name};" not in text] == []
    names = {case.attrib["name"] for case in ET.parse(folder / "junit.xml").iter("testcase")}
    assert len(names) >= len(hostile.texts["model"])


def test_the_attacks_are_in_the_runs(hostile: Hostile) -> None:
    assert len(list(folders(hostile.top / "runs"))) == 4 + len(hostile.texts["file"])


def test_a_folder_whose_name_is_not_utf_8_is_named_and_hides_no_other_run(hostile: Hostile, tmp_path: Path) -> None:
    shutil.copytree(hostile.top / "runs/names/one", tmp_path / "names" / "good")
    shutil.copytree(hostile.top / "runs/names/two", tmp_path / "names" / os.fsdecode(b"bad\xffname"))
    done = evalmill("costs", tmp_path, "--json")
    assert (done.code, len(done.json["runs"])) == (0, 1)
    assert "bad\udcffname" in done.json["skipped"][0]["folder"]
    with serving(tmp_path) as served:
        status, _, body = served.ask("/")
    assert status == 200
    assert "the name of its folder is not UTF-8" in body.decode()
    assert 'href="/runs/names/good/index.html"' in body.decode()


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation whose names and texts all try what a terminal might obey."""
    home = tmp_path_factory.mktemp("named")
    vectors = [f"{text} ;{name};" for name, text in TERMINAL.items()]
    rows = [{"id": text, "question": text, "answer_given": text} for text in vectors]
    (home / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (home / "plain.jinja").write_text("{{ question }}", encoding="utf-8")
    models = [
        f'[[models]]\nname = {json.dumps(text)}\nid = "recorded/m{number}"\nanswer = "{{{{ answer_given }}}}"\n'
        for number, text in enumerate(vectors)
    ]
    (home / "eval.toml").write_text(
        f'name = {json.dumps(vectors[0])}\ndescription = {json.dumps(vectors[5])}\n\n[dataset]\npath = "rows.jsonl"\n'
        f'id = "id"\n\n[[prompts]]\nname = {json.dumps(vectors[5])}\ntemplate = "plain.jinja"\n\n{"".join(models)}\n'
        f'[[scorers]]\nkind = "contains"\nname = {json.dumps(vectors[7])}\nexpected = "{{{{ question }}}}"\n\n'
        f'[[gates]]\nmetric = {json.dumps(vectors[7])}\nmin = 2.0\n',
        encoding="utf-8",
    )  # fmt: skip
    prices = [
        f"[[providers.lab.prices]]\nmodel = {json.dumps(text)}\neffective = 2025-09-29\n"
        f'input = "3.00"\noutput = "15.00"\nsource = {json.dumps(text)}\n'
        for text in vectors
    ]  # fmt: skip
    lab = '[providers.lab]\nprotocol = "openai-chat"\nbase_url = "http://127.0.0.1:9/v1"\n'
    (home / "providers.toml").write_text(lab + "".join(prices), encoding="utf-8")
    return home


@pytest.mark.slow
def test_a_terminal_obeys_no_name_of_an_evaluation(named: Path, tmp_path: Path) -> None:
    run, models = tmp_path / "run", ("models", "--providers", named / "providers.toml")
    verbs: list[tuple[object, ...]] = [
        ("check", named), ("plan", named), ("plan", named, "--detect", "0.1"), ("run", named, "--out", run),
        ("score", run), ("report", run), ("status", run), ("verify", run), models, (*models, "--json"),
        ("run", named, "--model", TERMINAL["T1"]), ("run", named, "--out", run, "--json"), ("costs", tmp_path),
        ("costs", tmp_path, "--by", "evaluation", "--by", "prompt"), ("run", tmp_path / TERMINAL["T6"]),
        ("verify", tmp_path / TERMINAL["T2"]), ("view", tmp_path / TERMINAL["T3"], "--no-open"),
    ]  # fmt: skip
    for words in verbs:
        done = evalmill(*words)
        assert done.code not in (70, -1), done.err
        for text in (done.out, done.err):
            assert [text[max(0, one.start() - 30) : one.end() + 10] for one in OBEYED.finditer(text)] == [], words
        if "--json" not in words:
            assert "forged: line ;T6;" not in [line.strip() for line in done.out.splitlines()], words
        if words[0] in ("plan", "run", "models", "status") and done.code in (0, 1):
            assert "[bold red]x[/]" in done.out, words
