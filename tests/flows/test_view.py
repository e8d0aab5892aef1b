"""`evalmill view`: runs of any size in the browser of this machine, and nothing for anybody else."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.store.run_store import RunStore
from tests.support.browser import Watched
from tests.support.commands import evalmill
from tests.support.report import make_cell, make_comparison, make_summary
from tests.support.served import Served, apart, serving, unfinished
from tests.support.store import result, store_all
from tests.support.stored import STORED, results, stored_run, summarised

ROWS = "#sample-table tbody tr"
ROW_IDS = f"{ROWS} .open"
PAGES = ["index.html", "quality.html", "cost.html", "samples.html"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of an example, one that is not finished, and one that is damaged."""
    top = tmp_path_factory.mktemp("view") / "reports"
    newer, older = top / "arithmetic" / "r2", top / "arithmetic" / "r1"
    done = evalmill("run", "prompts/arithmetic", "--limit", 24, "--out", newer)
    assert done.code == 0, done.err
    shutil.copytree(newer, older)
    run = json.loads((older / "run.json").read_text())
    (older / "run.json").write_text(json.dumps({**run, "run_id": "r1", "created_at": "2026-11-01T08:00:00+00:00"}))
    apart(unfinished, top)
    (top / "sums" / "r3").mkdir()
    (top / "sums" / "r3" / "run.json").write_text("{", encoding="utf-8")
    return top


@pytest.fixture(scope="module")
def served(runs: Path) -> Iterator[Served]:
    with serving(runs) as served:
        yield served


def newest(served: Served) -> tuple[str, dict[str, Any]]:
    """The address of the newest example run, and its summary."""
    folder = max((served.top / "arithmetic").iterdir())
    return f"{served.address}runs/arithmetic/{folder.name}/", json.loads((folder / "summary.json").read_text())


@contextmanager
def opened(browser: Browser, address: str, **how: Any) -> Iterator[Page]:
    """A page that, at its end, has said and asked nothing that it should not."""
    watched = Watched(browser, address, **how)
    yield watched.page
    watched.settle()
    assert watched.complaints == []
    watched.page.close()


def tally(page: Page, text: str) -> None:
    expect(page.locator("#tally")).to_have_text(re.compile(text))


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_tells_each_runs_state_and_headline(browser: Browser, served: Served, scheme: str) -> None:
    _, summary = newest(served)
    with opened(browser, served.address, scheme=scheme) as page:
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(19, 23, 26)"}[scheme]
        first = page.locator(".runs tbody tr").first
        best = max(cell["metrics"]["number"]["mean"] for cell in summary["cells"])
        expect(first).to_contain_text(f"{100 * best:.1f}")
        expect(first).to_contain_text("finished")
        expect(first).to_contain_text("simulated")
        sums = page.get_by_role("region", name="sums").last
        expect(sums.locator("tr", has_text="r2")).to_contain_text("stopped")
        expect(sums.locator("tr", has_text="r2")).to_contain_text("30 of 80")
        expect(sums.locator("tr", has_text="r3")).to_contain_text("run.json: is not JSON")
        assert page.locator(".plot svg .mark-symbol.role-mark path").count() == 10
        page.get_by_role("link", name="arithmetic", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("arithmetic")
        expect(page.locator(".runs tbody tr")).to_have_count(2)
        page.locator(".runs tbody th a").first.click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.get_by_role("link", name="All runs").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Runs")


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_a_runs_pages_are_there_and_fit_a_phone(browser: Browser, served: Served, name: str) -> None:
    address, summary = newest(served)
    with opened(browser, address + name, width=390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        expect(page.get_by_text("Simulated run").first).to_be_visible()
        if name == "quality.html":
            text = page.locator("main").inner_text()
            assert all(f"{100 * cell['metrics']['number']['mean']:.1f}" in text for cell in summary["cells"])
            page.get_by_role("link", name=f"All {summary['jobs']['total']} jobs").click()
            tally(page, f"^{summary['jobs']['total']} samples")
        if name == "samples.html":
            page.locator(ROW_IDS).first.click()
            expect(page.locator(".card").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
def test_figures_and_disagreements_lead_to_their_samples_on_another_page(browser: Browser, served: Served) -> None:
    address, summary = newest(served)
    cell = summary["cells"][0]
    with opened(browser, address + "quality.html") as page:
        page.locator(".matrix tbody a").first.click()
        tally(page, f"^{cell['n']} samples of {summary['jobs']['total']}")
        expect(page.get_by_label("Model", exact=True)).to_have_value(cell["model"])
        page.go_back()
        page.get_by_role("link", name="Rows where models disagree").click()
        expect(page.locator("#filter-differ")).to_be_checked()
        tally(page, rf"^[1-9]\d* samples of {summary['jobs']['total']}")


@pytest.mark.browser
def test_the_list_fits_a_phone(browser: Browser, served: Served) -> None:
    with opened(browser, served.address, width=390) as page:
        assert page.locator(".runs caption").first.evaluate("(caption) => caption.clientWidth") > 300
        assert page.locator(".runs tbody th").first.evaluate("(head) => head.clientHeight") < 60
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
def test_samples_are_filtered_searched_and_sorted_by_the_server(browser: Browser, served: Served) -> None:
    address, summary = newest(served)
    jobs = summary["jobs"]["total"]
    with opened(browser, address + "samples.html") as page:
        tally(page, f"^{jobs} samples, the first 50 shown$")
        page.get_by_role("button", name="Show more").click()
        expect(page.locator(ROWS)).to_have_count(100)
        page.get_by_label("Model", exact=True).select_option("small")
        page.get_by_label("Prompt", exact=True).select_option("brief")
        page.get_by_label("Result").select_option("wrong")
        expect(page).to_have_url(re.compile("outcome=wrong"))
        expect(page.locator("#explorer[aria-busy]")).to_have_count(0)
        tally(page, rf"^\d+ samples of {jobs}$")
        found = page.locator(ROWS).all_inner_texts()
        assert found
        assert all("small · brief" in text and "wrong" in text for text in found)
        page.get_by_role("button", name="Clear filters").click()
        tally(page, f"^{jobs} samples")
        page.get_by_label("Search").fill("AR-00")
        tally(page, rf"^\d+ samples of {jobs}")
        assert all("ar-00" in text for text in page.locator(ROW_IDS).all_inner_texts())
        page.get_by_label("Search").fill("no such text")
        tally(page, "^No sample matches.$")
        page.get_by_label("Search").fill("")
        page.get_by_label("Only rows where models disagree").check()
        page.get_by_label("Sort by").select_option("row")
        tally(page, rf"^\d+ samples of {jobs}")
        expect(page).to_have_url(re.compile(r"#sort=row&differ=1$"))
        expect(page.locator("#explorer[aria-busy]")).to_have_count(0)
        ids = page.locator(ROW_IDS).all_inner_texts()
        assert ids == sorted(ids)


@pytest.mark.browser
def test_a_sample_is_opened_by_keyboard_linked_to_and_left_by_back(browser: Browser, served: Served) -> None:
    address, _ = newest(served)
    with opened(browser, address + "samples.html") as page:
        page.get_by_label("Search").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        name = page.locator(ROW_IDS).nth(1).inner_text()
        page.keyboard.press("Enter")
        expect(page.locator("#sample h3")).to_have_text(name)
        expect(page.locator(".card")).to_have_count(6)
        link = page.url
        page.keyboard.press("ArrowRight")
        expect(page.locator(".spot")).to_contain_text("3 of")
        page.go_back()
        expect(page.locator(ROWS).first).to_be_visible()
        page.goto("about:blank")
        page.goto(link)
        expect(page.locator("#sample h3")).to_have_text(name)
        page.emulate_media(media="print")
        expect(page.locator(".way")).to_be_hidden()
        expect(page.locator("#sample h3")).to_be_visible()
        page.emulate_media(media="screen")
        page.keyboard.press("Escape")
        expect(page.locator(ROW_IDS).nth(1)).to_be_focused()


@pytest.mark.browser
def test_an_unfinished_run_is_shown_as_it_grows_while_its_writer_works(browser: Browser, tmp_path: Path) -> None:
    made = results()
    apart(unfinished, tmp_path)
    folder = tmp_path / "sums" / "r2"
    with (
        serving(tmp_path) as served,
        RunStore.open(folder) as store,
        opened(browser, f"{served.address}runs/sums/r2/index.html") as page,
    ):
        expect(page.locator("#state")).to_have_text("running")
        expect(page.locator("#standing-table tbody tr").last).to_contain_text("30 of 80")
        page.get_by_role("link", name="Samples").click()
        tally(page, "^30 samples. The run has 30 of its 80 jobs so far.$")
        apart(more_of, store, made[30:50])
        page.get_by_label("Sort by").select_option("latency")
        tally(page, "^50 samples. The run has 50 of its 80 jobs so far.$")
        page.get_by_role("link", name="Progress").click()
        expect(page.locator("#standing-table tbody tr").last).to_contain_text("50 of 80")


async def more_of(store: RunStore, made: list[Any]) -> None:
    await store_all(store, made, [], state=None)


@pytest.mark.browser
def test_an_answer_of_a_million_signs_is_cut_and_linked_to(browser: Browser, tmp_path: Path) -> None:
    apart(stored_run, tmp_path / "r1", [result(0, text="글자 " * 350_000), result(1, row_id="0")])
    with (
        serving(tmp_path / "r1") as served,
        opened(browser, f"{served.address}runs/r1/samples.html#job={0:032x}") as page,
    ):
        expect(page.locator(".turn.answer")).to_contain_text("1,030,000 more characters are not shown.")
        link = page.get_by_role("link", name="All of its texts, as plain text")
        status, headers, body = served.ask(f"/runs/r1/{link.get_attribute('href')}")
        assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert "글자 " * 350_000 in body.decode()
        page.keyboard.press("Escape")
        tally(page, "^2 samples")


@pytest.mark.browser
def test_hostile_texts_run_nothing_and_ask_for_nothing(browser: Browser, shared: Path, tmp_path: Path) -> None:
    listed = json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))
    vectors = [entry["text"].encode("utf-8", "replace").decode() for entry in listed]
    assert len(vectors) == 26
    apart(hostile_run, tmp_path / "evil" / "r1", vectors)
    with serving(tmp_path) as served:
        base = f"{served.address}runs/evil/r1/"
        for address in (served.address, *(base + name for name in PAGES)):
            with opened(browser, address) as page:
                if address.endswith("samples.html"):
                    read_all(page, len(vectors))
                strange = "img, iframe, object, embed, base, math, textarea, a[href^='javascript'], [onload], [onerror]"
                assert page.locator(strange).count() == 0


def read_all(page: Page, count: int) -> None:
    texts = ""
    page.locator(ROW_IDS).first.click()
    for number in range(count):
        expect(page.locator(".spot")).to_have_text(f"{number + 1} of {count}")
        page.evaluate("document.querySelectorAll('#sample details').forEach((one) => { one.open = true; })")
        texts += page.locator("#sample").inner_text()
        page.keyboard.press("ArrowRight")
    for expected in ("Asked: <script>alert(1)</script>", "&lt;script&gt;", "⟨U+202E⟩evil", "␛]0;pwn"):
        assert expected in texts


async def hostile_run(folder: Path, vectors: list[str]) -> None:
    """The vectors as row ids, models, answers, thinking, errors, stop reasons, reasons of judges, and in the prompt."""
    made = [
        result(
            number, row_id=text, model=text, prompt="steps", text=text, thinking=text, tool_calls=text,
            status="error" if number % 2 else "ok", error_kind=text, error_message=text, stop_reason_raw=text,
            request_id=text, model_served=text, params=text,
        )
        for number, text in enumerate(vectors)
    ]  # fmt: skip
    texts = {"eval": vectors[0], "settings": {**STORED["settings"], "description": vectors[1]}}
    await stored_run(folder, made, run={**STORED, **texts}, reason=vectors[2], question=lambda row: row)
    cells = [make_cell(text, "p", 0.5, stop_reasons={text: 200}) for text in vectors]
    pair = make_comparison((vectors[0], "p"), (vectors[1], "p"), 0.1, metric="number")
    summarised(folder, make_summary(cells, [pair], eval=vectors[0]))


@pytest.mark.browser
def test_a_comparison_in_a_runs_folder_is_linked_to_and_runs_nothing(browser: Browser, served: Served) -> None:
    page_text = "<!doctype html><title>c</title><p>compared</p><script>document.body.append('ran')</script>"
    (served.top / "arithmetic" / "r2" / "compare-r1.html").write_text(page_text, encoding="utf-8")
    watched = Watched(browser, served.address)
    watched.page.get_by_role("link", name="compared with r1").click()
    expect(watched.page.locator("body")).to_have_text("compared")
    watched.page.close()
    _, headers, _ = served.ask("/runs/arithmetic/r2/compare-r1.html")
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert served.ask("/runs/arithmetic/r2/compare-r9.html")[0] == 404
    assert served.ask("/runs/arithmetic/r2/compare-%2e%2e%2fr1.html")[0] == 404


TRAVERSALS = [
    "/runs/../../../../etc/passwd/index.html",
    "/runs/%2e%2e/%2e%2e/etc/index.html",
    "/runs/..%2f..%2fetc/samples.json",
    "/runs//etc/samples.html",
    "/runs/arithmetic/../../samples.html",
    "/runs/arithmetic/run.json",
    "/runs/sums/r2/../r2/run.json",
    "/assets/explorer.js",
    "/etc/passwd",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_address_leads_to_another_file(served: Served, path: str) -> None:
    assert served.ask(path)[0] == 404


def test_only_this_machines_browser_is_answered(served: Served) -> None:
    assert served.ask("/")[0] == 200
    assert served.ask("/", Host=f"localhost:{served.port}")[0] == 200
    assert served.ask("/", Host=f"evil.example:{served.port}")[0] == 421
    assert served.ask("/runs/sums/r2/samples.json", Origin="http://evil.example")[0] == 403
    assert served.ask("/runs/sums/r2/samples.json", Sec_Fetch_Site="cross-site")[0] == 403
    assert served.ask("/", method="POST")[0] == 405
    assert served.ask("/", method="HEAD")[0] == 200


@pytest.mark.parametrize("path", ["/", "/nowhere", "/runs/sums/r2/samples.html", "/runs/sums/r2/samples.json"])
def test_every_answer_tells_browsers_what_not_to_do(served: Served, path: str) -> None:
    _, headers, _ = served.ask(path)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_what_cannot_be_read_in_an_address_is_refused(served: Served) -> None:
    base = "/runs/sums/r2/samples.json"
    assert served.ask(f"{base}?offset=-1")[0] == 400
    assert served.ask(f"{base}?low=x")[0] == 400
    assert served.json(f"{base}?length=100000000")["matching"] == 30
    assert served.json("/runs/sums/r2/row.json?job=nowhere") == []
    assert served.ask("/runs/sums/r3/samples.json")[0] == 503
    assert served.ask("/runs/sums/r3/index.html")[0] == 404


def test_all_samples_of_the_server_are_those_of_the_results(served: Served) -> None:
    folder = max((served.top / "arithmetic").iterdir())
    base = f"/runs/{quote(f'arithmetic/{folder.name}')}/samples.json"
    whole = served.json(f"{base}?length=200")
    jobs = json.loads((folder / "summary.json").read_text())["jobs"]["total"]
    assert (whole["total"], whole["matching"], len(whole["items"])) == (jobs, jobs, jobs)
    assert len({item["job"] for item in whole["items"]}) == jobs
    pages = [served.json(f"{base}?length=50&offset={start}")["items"] for start in range(0, jobs, 50)]
    assert [item for page in pages for item in page] == whole["items"]


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(20) == 0


def test_a_port_in_use_and_a_missing_folder_are_told(served: Served, tmp_path: Path) -> None:
    busy = evalmill("view", tmp_path, "--no-open", "--port", served.port)
    assert busy.code == 64
    assert f"cannot listen on 127.0.0.1:{served.port}" in busy.err
    missing = evalmill("view", tmp_path / "nowhere", "--no-open")
    assert missing.code == 73
    assert "is no folder" in missing.err
