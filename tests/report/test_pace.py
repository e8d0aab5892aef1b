"""The pace on the cost page: rates that are the summary's counts, limits as lines, and words that say no more."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import Browser

from pipeline.report.charts import Chart
from pipeline.report.pace import AccountPace, pace_section
from pipeline.report.pages import render_pages
from pipeline.stats.pace import PaceBuilder
from tests.support.browser import Watched
from tests.support.report import make_grid_view, make_view
from tests.support.stats import attempt, result, results_batch

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
LIMITS: dict[str, Any] = {
    "provider": "lab", "models": ["a", "b"], "requests_per_minute": 60.0, "input_tokens_per_minute": 100_000.0,
    "output_tokens_per_minute": None, "requests_in_flight": None, "burst_seconds": 6.0, "concurrency": 8,
}  # fmt: skip


def job(number: int, at: float, *, model: str = "a", status: int = 200, seconds: float = 0.5) -> dict[str, Any]:
    one = {
        **attempt(),
        "started_at": START + timedelta(seconds=at),
        "latency_ms": seconds * 1000,
        "http_status": status,
    }
    return result(f"{number}", model, input_tokens=100, output_tokens=10, attempts=[one])


def paced(count: int = 66, *, step: float = 1.0, **more: Any) -> list[dict[str, Any]]:
    """Six at once, then one in each step, to two models in turn."""
    return [job(n, max(0, n - 5) * step, model="ab"[n % 2], **more) for n in range(count)]


def section(jobs: list[dict[str, Any]], limits: Any = (LIMITS,), **events: Any) -> dict[str, Any]:
    found = pace_section(summary(jobs, limits, **events))
    assert found is not None
    return found


def summary(jobs: list[dict[str, Any]], limits: Any = (LIMITS,), **events: Any) -> dict[str, Any]:
    builder = PaceBuilder()
    if jobs:
        builder.add(pa.Table.from_batches([results_batch(jobs)]))
    return {**make_view().summary, "pace": builder.finish(limits, **events)}


def account(found: dict[str, Any]) -> AccountPace:
    (one,) = found["accounts"]
    assert isinstance(one, AccountPace)
    return one


def marks(chart: Chart, kind: str) -> list[dict[str, Any]]:
    assert json.loads(json.dumps(chart.spec, allow_nan=False)) == chart.spec
    return [row for layer in chart.spec["layer"] if layer["mark"]["type"] == kind for row in layer["data"]["values"]]


def test_bars_are_requests_per_minute_of_each_model_on_top_of_each_other() -> None:
    one = account(section(paced()))
    requests = one.charts[0]
    bars = marks(requests, "rect")
    assert sum(round((bar["top"] - bar["bottom"]) * (bar["to"] - bar["from"]) / 60, 6) for bar in bars) == 66
    assert {bar["series"] for bar in bars} == {"a", "b"}
    first = [bar for bar in bars if bar["from"] == 0]
    assert [(bar["bottom"], bar["top"]) for bar in first] == [(0, 180), (180, 360)]


def test_a_limit_is_a_line_with_its_number_and_none_is_drawn_without_one() -> None:
    one = account(section(paced()))
    (line,) = marks(one.charts[0], "rule")
    assert (line["limit"], line["from"]) == (60.0, 0)
    assert [text["said"] for text in marks(one.charts[0], "text")] == ["limit 60"]
    assert [text["said"] for text in marks(one.charts[1], "text")] == ["limit 100,000"]
    assert marks(one.charts[2], "rule") == []
    assert "the limit is 60" in one.charts[0].alternative


def test_words_say_how_much_of_each_limit_was_used_and_what_held_it_back() -> None:
    words = account(section(paced())).words
    assert "66 requests in" in words
    assert "100\N{NO-BREAK SPACE}% of 60 requests/min" in words
    assert "6\N{NO-BREAK SPACE}% of 100,000 input tokens/min" in words
    assert "The limit of requests held it back." in words


def test_without_limits_that_is_said_and_nothing_is_made_up() -> None:
    words = account(section(paced(), [{**LIMITS, "requests_per_minute": None, "input_tokens_per_minute": None}])).words
    assert "No limit on requests or tokens was set." in words
    assert "held it back" not in words
    assert "Which limits were set was not noted." in account(section(paced(), None)).words


def test_a_full_window_held_the_run_back() -> None:
    jobs = [job(n, n // 4, model="a", seconds=1.0) for n in range(120)]
    words = account(section(jobs, [{**LIMITS, "models": ["a"], "requests_per_minute": None, "concurrency": 4}])).words
    assert "The requests that may be in flight (4 for each model) held it back." in words


def test_no_limit_was_used_up_where_the_run_was_slower_than_all() -> None:
    words = account(section(paced(step=3.0))).words
    assert "no limit was used up" in words
    assert "held it back" not in words


def test_refusals_are_counted_and_drawn() -> None:
    jobs = [*paced(), *(job(100 + n, n * 2, status=429) for n in range(5))]
    one = account(section(jobs))
    assert "The provider refused 5 of them, 7.0\N{NO-BREAK SPACE}%, with 429." in one.words
    assert sum(bar["series"] == "refused (429)" for bar in marks(one.charts[0], "rect")) == 5


def test_a_burst_that_is_cut_is_told() -> None:
    assert "cut" in account(section([job(n, n // 40, model="a") for n in range(400)])).note
    assert account(section(paced(step=6.0))).note == ""


def test_sessions_follow_each_other_without_the_pause() -> None:
    jobs = [job(n, n) for n in range(30)] + [job(100 + n, 50_000 + n) for n in range(30)]
    found = section(jobs)
    assert "2 sessions" in found["words"]
    assert "832 min" in found["words"].replace("\N{NO-BREAK SPACE}", " ")
    one = account(found)
    assert one.charts[0].spec["layer"][0]["encoding"]["x"]["scale"]["domain"][1] < 70
    assert any("until 2026-11-22 22:53:20 UTC" in row.get("pause", "") for row in marks(one.charts[0], "rule"))
    assert "pauses left out" in one.charts[-1].spec["layer"][0]["encoding"]["x"]["title"]


def test_limits_that_were_changed_are_lines_of_their_own_sessions() -> None:
    jobs = [job(n, n) for n in range(30)] + [job(100 + n, 5_000 + n) for n in range(30)]
    changed = [
        {"at": (START + timedelta(seconds=4_000)).isoformat(), "limits": [{**LIMITS, "requests_per_minute": 30.0}]}
    ]
    one = account(section(jobs, changed_limits=changed))
    lines = [row for row in marks(one.charts[0], "rule") if "limit" in row]
    assert [row["limit"] for row in lines] == [60.0, 30.0]
    assert lines[0]["to"] == lines[1]["from"]
    assert "The limits were changed between sessions" in one.words


def test_waits_are_marked_and_listed() -> None:
    wait = {"at": (START + timedelta(seconds=20)).isoformat(), "model": "a", "event": "the provider fails"}
    found = section(paced(), waits=[wait, {**wait, "model": "elsewhere"}])
    assert [(row["from"], row["event"]) for row in marks(account(found).charts[0], "point")] == [
        (20.0, "a: the provider fails")
    ]
    assert "waited for the provider" in account(found).words
    assert "waited for the provider" not in account(section(paced(), waits=[{**wait, "model": "elsewhere"}])).words
    assert [row[0].text for row in found["waits"].rows] == ["2026-11-22 09:00:20 UTC"] * 2


def test_the_table_holds_every_bin_in_which_anything_happened() -> None:
    grid = account(section(paced())).grid
    assert sum(int(row[2].text) for row in grid.rows) == 66
    assert sum(int(row[4].text.replace(",", "")) for row in grid.rows) == 6_600
    assert grid.rows[0][0].text == "2026-11-22 09:00:00 UTC"


def test_a_short_run_has_words_and_a_table_and_no_picture() -> None:
    one = account(section([job(0, 0.0)]))
    assert one.charts == ()
    assert one.words.startswith("1 request in")
    assert len(one.grid.rows) == 1


def test_what_is_not_in_it_is_said() -> None:
    base = summary(paced())
    base["jobs"] = {**base["jobs"], "reused": 3}
    found = pace_section({**base, "judges": [{}], "pace": {**base["pace"], "answers_without_tokens": 2}})
    assert found is not None
    assert "Reused answers sent nothing." in found["words"]
    assert "judges" in found["words"]
    assert "2 answers" in found["words"]


@pytest.mark.parametrize("older", [{}, {"pace": None}])
def test_a_run_that_sent_nothing_and_an_older_summary_have_no_section(older: dict[str, Any], tmp_path: Path) -> None:
    view = replace(make_view(), summary={**make_view().summary, **older})
    text = next(path for path in render_pages(view, tmp_path) if path.name == "cost.html").read_text(encoding="utf-8")
    assert 'id="pace"' not in text


def test_the_page_has_the_section_with_its_charts(tmp_path: Path) -> None:
    view = replace(make_view(), summary=summary(paced()))
    text = next(path for path in render_pages(view, tmp_path) if path.name == "cost.html").read_text(encoding="utf-8")
    assert 'id="pace"' in text
    assert [f'id="plot-pace-1-{number}"' in text for number in (1, 2, 3)] == [True] * 3
    assert "in steps of 1\N{NO-BREAK SPACE}s" in text


def test_many_accounts_have_charts_of_tokens_only_where_these_are_limited() -> None:
    jobs = [job(number, number, model=f"m{number % 4}") for number in range(40)]
    limits = [
        {**LIMITS, "models": [f"m{number}"], "input_tokens_per_minute": 9.0 if number else None} for number in range(4)
    ]
    found = section(jobs, limits)
    assert [[chart.spec["title"]["text"] for chart in one.charts] for one in found["accounts"][:2]] == [
        ["requests per minute"], ["requests per minute", "input tokens per minute"],
    ]  # fmt: skip
    last = found["accounts"][0].charts[-1].spec["layer"][0]["encoding"]["x"]
    assert last["title"] == "seconds since the start"


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pace_and_distributions_are_drawn_without_a_complaint(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    wait = {"at": (START + timedelta(seconds=20)).isoformat(), "model": "a", "event": "the provider fails"}
    jobs = [*paced(), *(job(100 + n, 9_000 + n, status=429) for n in range(5))]
    grid = make_grid_view(models=("lab-sonnet", "한국어-모델"))
    view = replace(grid, summary={**grid.summary, "pace": summary(jobs, waits=[wait])["pace"]})
    render_pages(view, tmp_path)
    watched = Watched(browser, tmp_path / "cost.html", width=width, scheme=scheme)
    watched.page.locator("#pace ~ details > summary").click()
    assert watched.page.locator("#pace ~ details td.number").first.is_visible()
    assert watched.count("#plot-pace-1-1 .mark-rect.role-mark path") > 60
    assert watched.count("#plot-output_tokens .mark-rect.role-mark path") >= 12
    watched.page.locator("#plot-output_tokens .mark-rect.role-mark path").first.hover()
    assert "lab-sonnet" in watched.page.locator(".tip").inner_text()
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.complaints == []
    watched.page.close()
