"""What was spent, in words, as a table, as a page and as files; no name in it is obeyed by anything that reads it."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.core.errors import OutputError
from pipeline.cost.spending import Dimension, Ledger, Skipped, grouped, total
from pipeline.report.costs_charts import OTHERS, by_model, over_time
from pipeline.report.costs_export import export_table, guarded, write_csv, write_parquet
from pipeline.report.costs_page import Asked, costs_context
from pipeline.report.costs_terminal import costs_table
from pipeline.report.costs_words import apart, headline, parts, repriced, skipped, warnings
from pipeline.report.pages import render_costs
from tests.support.costs import entry, found, ledger, rich_ledger

NOTHING = Ledger(folder="reports")
ASKED = Asked(simulated=False, made_at="2026-11-27 10:00 UTC", version="0.1.0")


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_headline_says_how_much_by_how_many_and_when() -> None:
    one = ledger(entry("12.5"))
    assert plain(headline(one, False)) == "$12.50 was spent by 1 run, on 22 November 2026."
    two = ledger(entry("1", run="a", day=date(2025, 12, 31)), entry("2", run="b", day=date(2026, 1, 1)))
    assert plain(headline(two, False)) == "$3.00 was spent by 2 runs, from 31 December 2025 to 1 January 2026."
    assert plain(headline(ledger(entry("1", unpriced_jobs=2)), True)).startswith("At least $1.00 of invented money was")
    assert (
        headline(ledger(entry(None, unpriced_jobs=1)), False) == "What 1 run cost is unknown: no price applies to them."
    )
    assert headline(ledger(entry(None, jobs=0, recorded_jobs=9)), False) == (
        "1 run, and nothing was asked of a provider."
    )
    missing = ledger(entry("1"), skipped=[Skipped(folder="x", reason="is damaged", damaged=True)])
    assert headline(missing, False).startswith("At least $1.00 was spent")
    assert headline(NOTHING, False) == "No run was found."


def test_what_is_missing_from_the_total_is_said() -> None:
    runs = [
        found("a", unanswered=3, unanswered_usd=Decimal("0.5")),
        found("b", state="unfinished"),
        found(state="running"),
    ]
    told = warnings(
        ledger(
            entry(unpriced_jobs=2, estimated_jobs=1, estimated_usd=Decimal("0.25"), possibly_paid=1),
            skipped=[
                Skipped(folder="reports/x", reason="is damaged", damaged=True),
                Skipped(folder="reports/y", reason="holds files and no run"),
            ],
            runs=runs,
        )
    )
    assert told == [
        "Missing from every figure: 1 damaged run, named at the end.",
        "Not counted: 1 folder, named at the end with the reason.",
        "The cost of 2 jobs is unknown, so the total is a lower bound; --reprice shows whether a price table knows "
        "them now.",
        "$0.250 is estimated: the provider did not report the tokens of 1 job.",
        "1 attempt without an answer may have been billed, at a cost that is not known and in no total.",
        "3 requests left and never came to a stored result, at up to $0.500 as far as known, which is in no total.",
        "1 run going on: the figures still grow.",
        "1 run not finished; what was spent until now is counted.",
    ]
    assert warnings(ledger(entry())) == []


def test_judges_waste_and_reuse_are_said() -> None:
    sums = {"wasted_usd": Decimal("0.1"), "retries": 1, "reused_jobs": 4, "saved_usd": Decimal(2)}
    told = parts(ledger(entry(judge="rubric", judges_usd=Decimal(1), **sums)))
    assert told == [
        "$1.00 of it went to judges (rubric).",
        "$0.100 of it went into attempts without a result (1 retry).",
        "4 answers came from earlier runs, which saved $2.00; each is counted once, in the run that paid for it.",
    ]


def test_the_other_kind_of_money_is_named_and_not_added() -> None:
    other = ledger(entry("8"))
    assert apart(other, False) == "Apart, and in no figure here: 1 run with simulated models, $8.00 of invented money."
    assert apart(other, True) == "Not shown: 1 run with real models, $8.00."
    assert apart(NOTHING, False) == ""
    context = costs_context(ledger(entry("1")), other, ASKED)
    assert context["total"].cost == "$1.00"
    assert context["warnings"] == [apart(other, False)]


def test_another_price_table_is_told_with_what_it_lacks() -> None:
    spend = entry("2", table_usd=Decimal(5), change_usd=Decimal(-1), table_unpriced_jobs=1, kept_usd=Decimal(3)).spend
    first, second, third = repriced(spend, "at the prices of 2026-12-01")
    assert first.startswith("Recorded $2.00; under this price table $5.00, at the prices of 2026-12-01.")
    assert first.endswith("Over the jobs that have both: −$1.00.")
    assert second.startswith("Without a price in this table: 1 job,")
    assert third.startswith("$3.00 of it is as recorded")


def printed(shown: Ledger, *by: Dimension, repriced: bool = False) -> str:
    out = io.StringIO()
    table = costs_table(grouped(shown.entries, by), by, total(shown.entries), repriced=repriced)
    Console(file=out, width=200, force_terminal=False).print(table)
    return plain(out.getvalue())


def test_the_table_sums_up_and_leaves_out_what_nobody_used() -> None:
    text = printed(ledger(entry("1", input_tokens=5000), entry("2.5", model="haiku", thinking_tokens=None)), "model")
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["model", "jobs", "fresh", "input", "cost"]
    assert lines[1] == ["apimart/haiku", "1", "–", "$2.50"]
    assert lines[3] == ["all", "2", "5.00", "k", "$3.50"]
    rich = printed(rich_ledger(), "evaluation", "model")
    assert [
        name for name in ("cache read", "thinking", "wasted", "unknown cost", "saved by reuse") if name not in rich
    ] == []
    assert "+$378.00" in printed(rich_ledger(), "model", repriced=True)


def test_no_figure_is_cut_where_the_terminal_is_narrow() -> None:
    shown = rich_ledger()
    for width in (200, 120, 80, 60):
        out = io.StringIO()
        table = costs_table(grouped(shown.entries, ["model"]), ["model"], total(shown.entries))
        Console(file=out, width=width, force_terminal=False).print(table)
        text = plain(out.getvalue())
        assert "…" not in text
        assert "$378.00" in text
        assert max(map(len, text.splitlines())) <= width
        assert ("left out for want of room" in text) == (width < 200)


TERMINAL = [
    "\x1b]0;pwn\x07",
    "\x1b[2J",
    "\x1b]8;;http://evil\x07x\x1b]8;;\x07",
    "\x1b]52;c;aGk=\x07",
    "a\rb",
    "a\nb",
    "[red]x",
]


def test_no_name_moves_the_cursor() -> None:
    text = printed(ledger(*(entry("1", evaluation=name) for name in TERMINAL)), "evaluation")
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) is None
    assert len(text.splitlines()) == len(TERMINAL) + 2
    assert "[red]x" in text


FORMULAS = [
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "+1+1",
    "-2+3",
    "\t=1",
    "＝1",
    '=HYPERLINK("http://evil")',
    " =1",
    '"=1',
    "\r=1",
]


def test_a_spreadsheet_runs_nothing_of_the_csv(tmp_path: Path) -> None:
    groups = grouped([entry("1", evaluation=text, change_usd=Decimal("-0.5")) for text in FORMULAS], ["evaluation"])
    write_csv(tmp_path / "costs.csv", groups, ["evaluation"])
    with (tmp_path / "costs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["evaluation"] for row in rows) == sorted(f"'{text}" for text in FORMULAS)
    assert {row["change_usd"] for row in rows} == {"-0.5"}, "numbers stay numbers"
    assert {row["saved_usd"] for row in rows} == {""}, "unknown is empty, not 0"
    assert [guarded(text) for text in ("sonnet", "한국어", "a=b", "1-2")] == ["sonnet", "한국어", "a=b", "1-2"]


def test_parquet_is_exact_and_typed_even_where_nothing_is_known(tmp_path: Path) -> None:
    exact = Decimal("1234567.000000000001")
    groups = grouped([entry(str(exact)), entry(None, model="haiku")], ["model"])
    write_parquet(tmp_path / "costs.parquet", groups, ["model"])
    table = pq.read_table(tmp_path / "costs.parquet")
    assert table["cost_usd"].to_pylist() == [exact, None]
    assert table.schema.field("saved_usd").type == pa.decimal128(38, 12)
    assert table.schema.field("input_tokens").type == pa.int64()
    assert export_table([], ["day"]).schema.field("day").type == pa.string()


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    for write in (write_csv, write_parquet):
        with pytest.raises(OutputError, match="cannot be written"):
            write(tmp_path / "nowhere" / "costs", [], ["day"])
    assert list(tmp_path.iterdir()) == []


def test_time_is_cut_so_that_bars_stay_few_and_no_day_is_left_out() -> None:
    def drawn(*days: date) -> list[str]:
        chart = over_time([entry("1", day=day) for day in days])
        assert chart is not None
        names: list[str] = chart.spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
        return names

    assert drawn(date(2026, 11, 1), date(2026, 11, 4)) == [f"2026-11-0{day}" for day in (1, 2, 3, 4)]
    assert drawn(date(2026, 8, 1), date(2026, 11, 1))[0] == "2026-W31"
    assert drawn(date(2024, 12, 1), date(2026, 11, 1)) == sorted(drawn(date(2024, 12, 1), date(2026, 11, 1)))
    assert len(drawn(date(2024, 12, 1), date(2026, 11, 1))) == 24


def test_charts_tell_all_the_money_and_name_the_dearest() -> None:
    entries = [entry(str(cost), model=f"m{cost}") for cost in range(1, 9)]
    chart, bars = over_time(entries), by_model(grouped(entries, ["model"]))
    assert chart is not None
    assert bars is not None
    rows = chart.spec["data"]["values"]
    assert sum(row["amount"] for row in rows) == 36
    assert {row["model"] for row in rows} == {"m8", "m7", "m6", "m5", OTHERS}
    assert bars.spec["data"]["values"][0]["label"] == "$8.00 · 22.2\N{NO-BREAK SPACE}% · m8"
    assert over_time([entry(None)]) is None
    assert by_model(grouped([entry("1")], ["model"])) is None


def test_the_page_holds_everything_it_needs(tmp_path: Path) -> None:
    asked = Asked(simulated=False, made_at="now", version="0.1.0", repriced_day="at the prices of 2026-12-01")
    page = render_costs(rich_ledger(), NOTHING, asked, tmp_path / "costs.html")
    text = page.read_text(encoding="utf-8")
    assert "default-src &#39;none&#39;" in text
    assert re.findall(r"<(?:link|img|iframe|script src)|url\(|@import", text.split("<script>")[0]) == []
    words = re.sub(r"<[^>]+>", " ", text.split("<script>")[0])
    for said in (
        "At least $378.00 was spent",
        "By tag",
        "Answers and judges",
        "judge rubric",
        "한국어-모델-7b",
        "Not counted",
    ):
        assert said in words
    empty = render_costs(NOTHING, NOTHING, ASKED, tmp_path / "empty.html").read_text(encoding="utf-8")
    assert "No run was found." in empty


def test_a_long_list_of_runs_is_summed_at_its_end() -> None:
    many = ledger(*(entry("1", run=f"r{number:03}") for number in range(120)))
    rows = costs_context(many, NOTHING, ASKED)["sections"][-1]["rows"]
    assert (len(rows), rows[-1].name, rows[-1].cost) == (50, "71 others", "$71.00")


def test_hostile_names_stay_text(shared: Path, tmp_path: Path) -> None:
    vectors = [one["text"] for one in json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))]
    hostile = [*vectors, *TERMINAL, *FORMULAS]
    page = render_costs(rich_ledger(hostile=hostile), NOTHING, ASKED, tmp_path / "costs.html")
    text = page.read_text(encoding="utf-8")
    body = text.split("<script>")[0]
    assert re.findall(r"<(?:img|svg|iframe|base|math)\b|[\x00-\x08\x0b-\x1f\x7f-\x9f]", body) == []
    assert set(re.findall(r"<a [^>]*href=[^>]*>", body)) - {'<a class="skip" href="#content">'} == {
        f'<a href="#{place}">' for place in re.findall(r'<h2 id="([\w-]+)">', body)
    }
    told = skipped(rich_ledger(hostile=hostile))
    assert all("\n" not in line and "\x1b" not in line for line in told)
