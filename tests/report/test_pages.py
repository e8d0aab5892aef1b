"""The pages hold together as documents: structure, policy, and no text that becomes markup."""

from __future__ import annotations

import hashlib
import html
import json
import random
import re
import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import OutputError
from pipeline.report.pages import render_pages
from pipeline.report.vendored import VENDOR_FOLDER, chart_scripts
from pipeline.report.view import RunView, Turn
from tests.support.document import Document, check_accessible, check_policy
from tests.support.report import (
    make_cell,
    make_comparison,
    make_grid_view,
    make_sample,
    make_score,
    make_summary,
    make_view,
)

NAMES = ["index.html", "quality.html", "cost.html"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("run")
    return {path.name: path.read_text(encoding="utf-8") for path in render_pages(make_view(), folder)}


def test_three_pages_are_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    written = render_pages(make_view(), tmp_path)
    assert [path.name for path in written] == NAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    assert all(path.stat().st_size < 5_000_000 for path in written)


def test_a_folder_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError, match=r"index\.html: the page cannot be written"):
        render_pages(make_view(), tmp_path / "run")


def test_an_old_page_survives_a_failed_writing(tmp_path: Path) -> None:
    (tmp_path / "index.html").mkdir()
    with pytest.raises(OutputError):
        render_pages(make_view(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


@pytest.mark.parametrize("name", NAMES)
def test_the_policy_comes_first_and_allows_exactly_the_pages_own_code(pages: dict[str, str], name: str) -> None:
    check_policy(pages[name])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_loaded_and_no_style_or_handler_stands_in_an_attribute(pages: dict[str, str], name: str) -> None:
    for tag, attrs in Document(pages[name]).elements:
        assert tag not in {"link", "img", "iframe", "object", "base"}
        assert not [attribute for attribute in attrs if attribute == "style" or attribute.startswith("on")]
        assert attrs.get("src") is None
        assert (attrs.get("href") or "#").startswith("#") or attrs["href"] in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_accessible(pages: dict[str, str], name: str) -> None:
    check_accessible(Document(pages[name]))


@pytest.mark.parametrize("name", NAMES)
def test_a_simulated_run_says_so_on_every_page_and_a_real_one_does_not(
    pages: dict[str, str], name: str, tmp_path: Path
) -> None:
    render_pages(make_view(simulated=False), tmp_path)
    assert "Simulated run" in pages[name].split("<header")[0]
    assert "Simulated run" not in (tmp_path / name).read_text(encoding="utf-8")


def test_an_unfinished_run_says_so_on_every_page_and_decides_no_gate(tmp_path: Path) -> None:
    render_pages(make_grid_view(planned=1000, unanswered=(3, Decimal("0.12"))), tmp_path)
    index, quality, cost = ((tmp_path / name).read_text(encoding="utf-8") for name in NAMES)
    assert "<h1>216 of 1,000 jobs answered: this run is not finished</h1>" in index
    assert '<span class="value">216 of 1,000</span>' in index
    assert index.index("This run is not finished: 784 of") < index.index("3 requests were sent")
    assert index.count("not decided") == 9
    assert not re.search(r"judged (better|worse)", index)
    for page in (quality, cost):
        assert "216 of 1,000 jobs answered: this run is not finished" in page.split("<header")[0]
    assert "they may have cost up to $0.120" in cost


def test_a_finished_run_does_not_call_itself_unfinished(tmp_path: Path) -> None:
    for path in render_pages(make_grid_view(planned=216), tmp_path):
        assert "not finished" not in path.read_text(encoding="utf-8")


def test_a_run_with_two_metrics_gets_a_section_for_each(tmp_path: Path) -> None:
    cell = make_cell("a", "p", 0.5)
    cell["metrics"]["f1"] = {"mean": 0.61, "se": 0.02, "ci95": [0.57, 0.65], "n": 200, "passed": None, "unscored": 0}
    render_pages(make_view(cells=[cell], comparisons=[]), tmp_path)
    document = Document((tmp_path / "quality.html").read_text(encoding="utf-8"))
    assert {"plot-quality-1", "plot-quality-2"} <= {attrs.get("id") for attrs in document.all("div")}


def test_the_latency_of_a_single_cell_is_no_range(tmp_path: Path) -> None:
    cells = make_view().summary["cells"]
    render_pages(make_view(cells=cells[:1], comparisons=[]), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "of the answered jobs" in page
    assert "fastest to slowest cell" not in page


def test_a_run_without_any_answer_still_has_pages(tmp_path: Path) -> None:
    jobs = {**make_view().summary["jobs"], "total": 0}
    empty: dict[str, Any] = {"cells": [], "comparisons": [], "gates": [], "jobs": jobs}
    render_pages(make_view(samples=(), **empty), tmp_path)
    assert "No answer was scored." in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "There are no samples to show." in (tmp_path / "quality.html").read_text(encoding="utf-8")


def test_a_page_without_room_for_all_samples_says_how_to_see_the_others(tmp_path: Path) -> None:
    render_pages(replace(make_view(), folder="reports/my eval/r1"), tmp_path)
    page = html.unescape((tmp_path / "quality.html").read_text(encoding="utf-8"))
    assert "504 of 1,500 jobs are on this page" in page
    assert "<code>evalmill view 'reports/my eval/r1'</code>" in page


def test_a_page_stays_below_five_megabytes_however_long_the_answers_are(tmp_path: Path) -> None:
    rng = random.Random(3)
    long = (make_sample(job_id=f"j{n}", row_id=f"r{n}", answer=rng.randbytes(9_000).hex()) for n in range(5_000))
    pages = render_pages(replace(make_view(), samples=long), tmp_path)
    assert all(path.stat().st_size < 5_000_000 for path in pages)
    shown = re.search(
        r"([\d,]+) of 1,500 jobs are on this page", (tmp_path / "quality.html").read_text(encoding="utf-8")
    )
    assert shown is not None
    assert 100 < int(shown[1]) < 1_000


def poisoned(text: str) -> RunView:
    """Put `text` into every place that a model, a provider, a dataset or a user can fill."""
    score = make_score(scorer=text, label=text, extracted=text, expected=text, explanation=text)
    sample = make_sample(
        job_id=text, row_id=text, model=text, prompt=text, status="error", stop_reason=text, answer=text, prefill=text,
        thinking=text, error=text, scores=(score,), turns=(Turn(role="user", text=text),),
    )  # fmt: skip
    cells = [make_cell(text, "p", 0.9), make_cell("m", text, 0.8)]
    for cell in cells:
        cell["stop_reasons"] = {text: 200}
        cell["metrics"] = {text: cell["metrics"]["number"]}
    pair = make_comparison(("m", "p"), (text, text), 0.1, metric=text)
    gates = [{"metric": text, "model": text, "min": 0.5, "value": 0.4, "passed": False, "note": text}]
    summary = make_summary(cells, [pair], eval=text, run_id=text, gates=gates)
    return RunView(
        summary=summary, description=text, created_at=text, dataset={"name": text, "rows": 1, "sha256": text},
        version=text, samples=(sample,), total_jobs=1, notes=(text,),
    )  # fmt: skip


def test_no_text_becomes_markup_in_any_place(shared: Path, tmp_path: Path) -> None:
    vectors = json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))
    assert len(vectors) == 26
    render_pages(poisoned("harmless"), tmp_path)
    expected = {name: Document((tmp_path / name).read_text(encoding="utf-8")).shape() for name in NAMES}
    for vector in vectors:
        render_pages(poisoned(vector["text"]), tmp_path)
        for name in NAMES:
            document = Document((tmp_path / name).read_text(encoding="utf-8"))
            assert document.shape() == expected[name], (vector["id"], name)
            kinds = [attrs.get("type") for attrs in document.all("script")]
            for text, kind in zip(document.texts["script"], kinds, strict=True):
                assert kind is None or json.loads(text)


def test_the_vendored_files_are_the_listed_ones_with_their_licences() -> None:
    listed = tomllib.loads((VENDOR_FOLDER / "vendor.toml").read_text(encoding="utf-8"))["files"]
    for entry in listed:
        content = (VENDOR_FOLDER / entry["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
        assert "Redistribution and use" in (VENDOR_FOLDER / entry["licence_path"]).read_text(encoding="utf-8")
    names = {entry[key] for entry in listed for key in ("path", "licence_path")}
    assert {path.name for path in VENDOR_FOLDER.iterdir()} == {"vendor.toml", *names}


def test_the_chart_library_can_stand_inside_a_script_element() -> None:
    for script in chart_scripts():
        assert not re.search(r"</script|<!--|\r", script, re.IGNORECASE)
        assert "sourceMappingURL" not in script
