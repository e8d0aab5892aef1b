"""What judges will cost is said before a run, and what they did cost on its page."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config.load import Overrides
from pipeline.steps.plan import plan_judges
from pipeline.steps.prepare import prepare
from pipeline.steps.summarize import summarize
from pipeline.store.folder import read_run
from pipeline.store.run_store import RunStore
from tests.support.evals import sums
from tests.support.judged import CORRECT, PREFERRED, SECOND_MODEL, entry, judged_eval, run_here

TODAY = date(2026, 11, 27)
HOSTILE = '"<b>judge</b>"'


def test_the_plan_bounds_what_the_judges_then_cost(tmp_path: Path) -> None:
    done = run_here(tmp_path, judged_eval(SECOND_MODEL, CORRECT, PREFERRED), rows=sums(20))
    right, preferred = plan_judges(prepare(tmp_path / "sums", Overrides()), today=TODAY)
    assert (right.model, right.jobs) == ("right: judge", 40)
    assert (preferred.model, preferred.jobs) == ("preferred: judge", 40)
    for planned, scorer in ((right, "right"), (preferred, "preferred")):
        spent = entry(done.summary, scorer)
        assert planned.jobs >= spent["judges"][0]["jobs"]
        assert planned.most_usd > Decimal(spent["cost_usd"])
        assert planned.input_tokens is not None


def test_the_cost_page_lists_each_judge_and_shows_names_as_text(tmp_path: Path) -> None:
    text = judged_eval(CORRECT).replace('name = "judge"', f"name = {HOSTILE}")
    done = run_here(tmp_path, text)
    page = (done.folder / "cost.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;judge&lt;/b&gt;" in page
    assert "<b>judge" not in page
    assert "part of the total" in page


def test_attempts_of_judges_that_may_have_been_billed_are_in_the_runs_count(tmp_path: Path) -> None:
    done = run_here(tmp_path, judged_eval(CORRECT))
    assert done.summary["cost"]["possibly_paid"] == 0
    (part,) = (done.folder / "judges").glob("*/results/*.parquet")
    table = pq.read_table(part)
    lists = table["attempts"].to_pylist()
    lists[0][0] |= {"possibly_paid": True, "booked_usd": lists[0][0]["cost_usd"] + Decimal("0.25")}
    at = table.schema.get_field_index("attempts")
    field = table.schema.field(at)
    pq.write_table(table.set_column(at, field, pa.array(lists, field.type)), part)
    with RunStore.open(done.folder) as store:
        summary = summarize(store, read_run(done.folder))
    assert (summary["cost"]["possibly_paid"], summary["cost"]["possibly_paid_usd"]) == (1, "0.25")


def test_a_page_without_judges_says_nothing_of_them(tmp_path: Path) -> None:
    done = run_here(tmp_path, judged_eval())
    page = (done.folder / "cost.html").read_text(encoding="utf-8")
    assert ">Judges<" not in page
