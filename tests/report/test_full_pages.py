"""Pages with everything on them, and that of a comparison, keep to the same rules as the plain ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from pipeline.report.changes import BYTES_OF_CHANGES
from pipeline.report.pages import render_comparison, render_pages
from tests.support.browser import Watched
from tests.support.compare import make_change, make_difference, make_found
from tests.support.document import Document, check_accessible, check_policy
from tests.support.quality import make_full_summary
from tests.support.report import make_view


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    render_pages(replace(make_view(), summary=make_full_summary()), folder)
    two = make_found()
    two["pairs"][0]["slices"] = [make_difference(column="topic", value=f"t{number}") for number in range(15)]
    two["pairs"].append({**two["pairs"][0], "run": "C"})
    two["runs"].append({**two["runs"][1], "letter": "C"})
    render_comparison(two, folder / "compare.html")
    return folder


@pytest.mark.parametrize("name", ["quality.html", "compare.html"])
def test_the_document_is_accessible_and_runs_only_its_own_code(folder: Path, name: str) -> None:
    page = (folder / name).read_text(encoding="utf-8")
    check_accessible(Document(page))
    check_policy(page)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
@pytest.mark.parametrize("name", ["index.html", "quality.html", "compare.html"])
def test_it_opens_without_a_word_or_a_request_on_a_screen_and_a_phone(
    browser: Browser, folder: Path, name: str, width: int, scheme: str
) -> None:
    watched = Watched(browser, folder / name, width=width, scheme=scheme)
    watched.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert watched.complaints == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    watched.page.close()


def test_texts_of_a_comparison_become_no_markup(shared: Path, tmp_path: Path) -> None:
    vectors = [entry["text"] for entry in json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))]
    calm, hostile = make_found(), make_found()

    def fill(found: dict[str, Any], texts: list[str]) -> dict[str, Any]:
        changes = [make_change(row_id=text) for text in texts]
        for change, text in zip(changes, texts, strict=True):
            change["after"] = {**change["after"], "answer": text, "asked": text}
            change["before"] = {**change["before"], "answer": text, "asked": text}
        differing = [{"kind": "template", "text": text, "detail": [text]} for text in texts]
        found["pairs"][0] |= {"changes": changes, "differing": differing}
        found["runs"][1] |= {"run_id": texts[0], "eval": texts[0], "folder": texts[0]}
        return found

    pages = [
        Document(render_comparison(fill(found, texts), tmp_path / name).read_text(encoding="utf-8"))
        for found, texts, name in (
            (calm, ["harmless"] * len(vectors), "calm.html"),
            (hostile, vectors, "hostile.html"),
        )
    ]
    assert pages[0].shape() == pages[1].shape()


def test_a_comparison_shows_the_worse_rows_first_and_no_more_than_a_page_holds(tmp_path: Path) -> None:
    long = "x" * 4000
    rows = []
    for number in range(900):
        change = make_change(row_id=f"r{number}", change="higher" if number % 2 else "lower")
        rows.append({**change, "after": {**change["after"], "answer": long}})
    found = make_found()
    found["pairs"][0] |= {"changes": rows, "comparisons": [make_difference(gained=450, lost=450)]}
    path = render_comparison(found, tmp_path / "compare.html")
    page = path.read_text(encoding="utf-8")
    assert path.stat().st_size < BYTES_OF_CHANGES * 2
    assert page.index("exact of m · p: 450 worse") < page.index("exact of m · p: 450 better")
    assert page.count('class="change"') < 900


def test_what_differs_between_two_answers_is_marked(tmp_path: Path) -> None:
    page = render_comparison(make_found(), tmp_path / "compare.html").read_text(encoding="utf-8")
    assert "It is <mark>4</mark>" in page
    assert "It is <mark>5</mark>" in page
