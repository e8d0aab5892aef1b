"""The summary of small hand-made runs, checked figure by figure, and of the recorded GSM8K run."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats as sps

from pipeline.core.settings import GateSettings
from pipeline.stats.intervals import wilson
from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import attempt, plain_metric, result, results_batch, score, scores_batch

Rows = list[dict[str, Any]]


def builder(
    scorers: Sequence[tuple[str, bool]] = (("number", True),), gates: Sequence[GateSettings] = ()
) -> SummaryBuilder:
    metrics = [plain_metric(name, pass_fail) for name, pass_fail in scorers]
    return SummaryBuilder(
        "arithmetic", "run-1", simulated=True, metrics=metrics, gates=gates, budget_usd=Decimal("5.00")
    )


def summarize(rows: Rows, values: Sequence[float | None], **arguments: Any) -> dict[str, Any]:
    build = builder(**arguments)
    build.add_pair(
        results_batch(rows), scores_batch([score(row, value) for row, value in zip(rows, values, strict=True)])
    )
    return build.finish()


def only_cell(summary: dict[str, Any]) -> dict[str, Any]:
    (cell,) = summary["cells"]
    found: dict[str, Any] = cell
    return found


def test_a_pass_fail_metric_is_the_mean_with_a_wilson_interval() -> None:
    summary = summarize([result(str(n)) for n in range(10)], [1.0] * 7 + [0.0] * 3)
    metric = only_cell(summary)["metrics"]["number"]
    assert metric == {
        "mean": 0.7,
        "se": pytest.approx((0.21 / 9) ** 0.5),
        "ci95": list(wilson(7, 10) or ()),
        "interval": "wilson",
        "n": 10,
        "clusters": None,
        "scored": 10,
        "passed": 7,
        "unscored": 0,
        "answered": None,
        "repeats": None,
        "macro": None,
    }


def test_the_head_and_every_figure_survive_json() -> None:
    summary = summarize([result("1", cost_usd=Decimal("0.001"))], [1.0])
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["eval"], summary["run_id"], summary["simulated"]) == ("arithmetic", "run-1", True)
    assert summary["cost"]["budget_usd"] == "5"


def test_with_repeats_the_row_is_the_unit() -> None:
    rows = [result(row, repeat=repeat) for row in "abc" for repeat in (0, 1)]
    metric = only_cell(summarize(rows, [1, 1, 1, 0, 0, 0]))["metrics"]["number"]
    assert (metric["mean"], metric["n"], metric["scored"], metric["passed"]) == (0.5, 3, 6, 3)
    assert metric["se"] == pytest.approx(0.5 / 3**0.5)
    assert metric["ci95"] == [0.0, 1.0]  # Student's t reaches from -0.74 to 1.74, which no share can


def test_with_repeats_the_interval_is_students_t_over_the_rows() -> None:
    rows = [result(str(n), repeat=repeat) for n in range(12) for repeat in (0, 1)]
    values = [float(n % 3 == 0 or (n % 2 == 0 and repeat)) for n in range(12) for repeat in (0, 1)]
    metric = only_cell(summarize(rows, values))["metrics"]["number"]
    means = [sum(values[n : n + 2]) / 2 for n in range(0, 24, 2)]
    assert metric["ci95"] == pytest.approx(sps.t.interval(0.95, 11, loc=np.mean(means), scale=sps.sem(means)))
    assert 0 < metric["ci95"][0] < metric["ci95"][1] < 1


@pytest.mark.parametrize(
    ("rows", "values", "passed"), [(30, [1, 1], 30), (30, [0, 0], 0), (8, [1, 0], 4), (2, [1, 1], 2)]
)
def test_repeated_rows_that_are_all_alike_get_a_wilson_interval_over_rows(
    rows: int, values: list[int], passed: int
) -> None:
    jobs = [result(str(n), repeat=repeat) for n in range(rows) for repeat in (0, 1)]
    metric = only_cell(summarize(jobs, [float(value) for value in values] * rows))["metrics"]["number"]
    assert metric["n"] == rows
    assert metric["ci95"] == pytest.approx(wilson(passed, rows))


def test_one_repeated_row_and_a_graded_metric_without_spread_get_no_interval() -> None:
    jobs = [result("a", repeat=repeat) for repeat in (0, 1, 2)]
    assert only_cell(summarize(jobs, [1.0] * 3))["metrics"]["number"]["ci95"] is None
    graded = summarize([result(row) for row in "abc"], [1.0] * 3, scorers=[("number", False)])
    assert only_cell(graded)["metrics"]["number"]["ci95"] is None


def test_the_interval_of_a_graded_metric_is_not_cut() -> None:
    metric = only_cell(summarize([result("a"), result("b")], [0.0, 1.0], scorers=[("number", False)]))["metrics"]
    assert metric["number"]["ci95"][0] < -1
    assert metric["number"]["ci95"][1] > 2


@pytest.mark.parametrize("pass_fail", [True, False])
def test_an_interval_of_a_difference_of_shares_is_cut_to_what_is_possible(pass_fail: bool) -> None:
    rows = [result(row, model=model) for model in ("m1", "m2") for row in "abc"]
    (pair,) = summarize(rows, [0, 0, 0, 1, 1, 0], scorers=[("number", pass_fail)])["comparisons"]
    assert pair["difference"] == pytest.approx(2 / 3)
    assert pair["ci95"][1] == 1.0 if pass_fail else pair["ci95"][1] > 2
    assert pair["ci95"][0] > -1


def planned(planned_jobs: int | None, unanswered: tuple[int, Decimal | None] | None) -> dict[str, Any]:
    build = SummaryBuilder(
        "e", "r", simulated=False, metrics=[plain_metric("number")], gates=[], budget_usd=None,
        planned_jobs=planned_jobs, unanswered=unanswered,
    )  # fmt: skip
    build.add_pair(results_batch([result("a")]), scores_batch([]))
    return build.finish()


def test_the_summary_tells_how_many_jobs_were_planned_and_what_was_never_answered() -> None:
    summary = planned(240, (3, Decimal("0.120")))
    assert (summary["jobs"]["total"], summary["jobs"]["planned"]) == (1, 240)
    assert summary["unanswered"] == {"requests": 3, "usd": "0.12"}
    assert planned(1, (2, None))["unanswered"] == {"requests": 2, "usd": None}


@pytest.mark.parametrize("unanswered", [None, (0, Decimal(0))])
def test_nothing_is_said_of_what_is_not_known_or_did_not_happen(unanswered: tuple[int, Decimal] | None) -> None:
    summary = planned(None, unanswered)
    assert "planned" not in summary["jobs"]
    assert "unanswered" not in summary


def test_both_figures_are_shown_where_truncation_makes_them_differ() -> None:
    rows = [result("a"), result("b"), result("c", status="truncated", stop_reason="max_tokens")]
    cell = only_cell(summarize(rows, [1.0, 0.0, 0.0]))
    assert cell["metrics"]["number"]["mean"] == pytest.approx(1 / 3)
    assert cell["metrics"]["number"]["answered"] == {"mean": 0.5, "n": 2}
    assert cell["stop_reasons"] == {"end_turn": 2, "max_tokens": 1}


def test_errors_are_left_out_and_unscored_answers_counted() -> None:
    rows = [result("a"), result("b", status="error", stop_reason=None), result("c"), result("d")]
    build = builder()
    scores = [score(rows[0], 1.0), score(rows[1], None, status="left_out"), score(rows[2], None)]
    build.add_pair(results_batch(rows), scores_batch(scores))
    summary = build.finish()
    metric = only_cell(summary)["metrics"]["number"]
    assert (metric["n"], metric["unscored"], metric["mean"]) == (1, 2, 1.0)  # c failed to score, d has no score yet
    assert summary["jobs"]["error"] == 1
    assert summary["jobs"]["total"] == 4
    assert metric["ci95"] is None


def test_a_graded_metric_counts_no_passes() -> None:
    metric = only_cell(summarize([result("a"), result("b")], [0.25, 0.75], scorers=[("number", False)]))["metrics"]
    assert metric["number"]["passed"] is None
    assert metric["number"]["mean"] == 0.5


def test_batches_add_up_whatever_their_cut() -> None:
    rows = [result(str(n), model=f"m{n % 2}", cost_usd=Decimal(n) / 1000, latency_ms=float(n)) for n in range(20)]
    values = [float(n % 3 == 0) for n in range(20)]
    whole = summarize(rows, values)
    build = builder()
    for start in range(0, 20, 7):
        part = slice(start, start + 7)
        scores = [score(row, value) for row, value in zip(rows[part], values[part], strict=True)]
        build.add_pair(results_batch(rows[part]), scores_batch(scores[::-1]))
    assert build.finish() == whole


def test_sliced_batches_read_like_whole_ones() -> None:
    rows = [result(str(n), attempts=[attempt("0.5"), attempt("1")][: n % 3], cost_usd=Decimal(n)) for n in range(9)]
    values = [1.0] * 9
    build = builder()
    batch = results_batch(rows)
    scores = scores_batch([score(row, value) for row, value in zip(rows, values, strict=True)])
    for start in (0, 4):
        build.add_pair(batch.slice(start, 4 if start == 0 else 5), scores.slice(start, 4 if start == 0 else 5))
    assert build.finish() == summarize(rows, values)


def test_unknown_costs_stay_unknown() -> None:
    summary = summarize([result("a", attempts=[attempt()]), result("b", attempts=[attempt()])], [1.0, 1.0])
    cell = only_cell(summary)
    assert (cell["cost_usd"], cell["cost_per_1k_jobs_usd"], cell["cost_per_pass_usd"]) == (None, None, None)
    assert summary["cost"]["total_usd"] is None
    assert summary["cost"]["unpriced_jobs"] == 2
    assert cell["tokens"] == {"input": None, "cache_read": None, "cache_write": None, "output": None, "thinking": None}


def test_a_recorded_answer_is_not_unpriced() -> None:
    summary = summarize([result("a"), result("b")], [1.0, 1.0])
    assert (summary["cost"]["total_usd"], summary["cost"]["unpriced_jobs"]) == (None, 0)


def test_known_costs_are_summed_exactly_beside_the_unpriced() -> None:
    rows = [result("a", cost_usd=Decimal("0.000000000001")), result("b", cost_usd=Decimal("0.1"))]
    rows.append(result("c", attempts=[attempt()]))
    summary = summarize(rows, [1.0, 0.0, 1.0])
    cell = only_cell(summary)
    assert cell["cost_usd"] == "0.100000000001"
    assert cell["unpriced_jobs"] == 1
    assert cell["cost_per_1k_jobs_usd"] == "50.0000000005"  # two priced jobs
    assert cell["cost_per_pass_usd"] == "0.100000000001"  # one of them passed


def test_tokens_are_summed_by_class() -> None:
    rows = [
        result("a", input_tokens=10, cache_write_5m_tokens=3, output_tokens=5),
        result("b", input_tokens=20, cache_write_1h_tokens=4, output_tokens=6, thinking_tokens=2),
    ]
    tokens = only_cell(summarize(rows, [1.0, 1.0]))["tokens"]
    assert tokens == {"input": 30, "cache_read": None, "cache_write": 7, "output": 11, "thinking": 2}


def test_failed_attempts_and_errors_are_wasted() -> None:
    rows = [
        result("a", cost_usd=Decimal("0.3"), attempts=[attempt("0.2"), attempt("0.1")]),
        result("b", status="error", cost_usd=Decimal("0.5"), attempts=[attempt("0.5")]),
        result("c", status="error", cost_usd=Decimal("0.7"), attempts=[attempt()]),
        result("d", cost_usd=Decimal("0.1"), attempts=[attempt(), attempt(), attempt("0.1")]),
    ]
    cell = only_cell(summarize(rows, [1.0, None, None, 1.0]))
    assert cell["retries"] == 3
    assert cell["wasted_usd"] == "1.4"


def test_nothing_wasted_is_zero_and_a_lost_request_of_unknown_cost_is_unknown() -> None:
    calm = only_cell(summarize([result("a", attempts=[attempt()])], [1.0]))
    lost = only_cell(summarize([result("a", attempts=[attempt(possibly_paid=True), attempt("0.1")])], [1.0]))
    assert calm["wasted_usd"] == "0"
    assert lost["wasted_usd"] is None


def test_attempts_that_may_have_been_billed_are_counted_with_the_most_that_they_cost() -> None:
    lost = [attempt(possibly_paid=True, booked="0.3"), attempt("0.1", possibly_paid=True, booked="0.5")]
    settled = [attempt("0.2", possibly_paid=True, booked="0.2"), attempt("0.1")]
    reused = result("c", source="reused", cost_usd=Decimal(0), attempts=lost)
    rows = [result("a", attempts=[*lost, attempt("0.1")]), result("b", attempts=settled), reused]
    summary = summarize(rows, [1.0, 1.0, 1.0])
    for told in (only_cell(summary), summary["cost"]):
        assert (told["possibly_paid"], told["possibly_paid_usd"]) == (2, "0.7")
    unbounded = only_cell(summarize([result("a", attempts=[attempt(possibly_paid=True)])], [1.0]))
    assert (unbounded["possibly_paid"], unbounded["possibly_paid_usd"]) == (1, None)


def test_an_error_that_was_possibly_billed_is_unpriced_and_a_plain_one_is_not() -> None:
    rows = [
        result("a", status="error", attempts=[attempt(possibly_paid=True)]),
        result("b", status="error", attempts=[attempt()]),
        result("c", status="skipped"),
    ]
    assert summarize(rows, [None, None, None])["cost"]["unpriced_jobs"] == 1


def test_reused_answers_cost_nothing_here_and_their_saving_is_told() -> None:
    reused = result("a", source="reused", cost_usd=Decimal(0), reused_cost_usd=Decimal("0.2"))
    rows = [reused, result("b", cost_usd=Decimal("0.4"))]
    summary = summarize(rows, [1.0, 1.0])
    assert summary["cost"]["total_usd"] == "0.4"
    assert summary["cost"]["reused_saved_usd"] == "0.2"
    assert summary["jobs"]["reused"] == only_cell(summary)["reused"] == 1
    assert only_cell(summary)["cost_per_1k_jobs_usd"] == "300"


@pytest.mark.parametrize(("rows", "saved"), [([result("a")], "0"), ([result("a", source="reused")], None)])
def test_a_saving_of_unknown_size_is_not_zero(rows: Rows, saved: str | None) -> None:
    assert summarize(rows, [1.0])["cost"]["reused_saved_usd"] == saved


def test_percentiles_are_those_of_answered_jobs() -> None:
    latencies = [float(n * n) for n in range(1, 41)]
    rows = [result(str(n), latency_ms=latency, first_token_ms=latency / 2) for n, latency in enumerate(latencies)]
    rows += [result("late", status="error", latency_ms=600_000.0), result("unknown")]
    cell = only_cell(summarize(rows, [1.0] * 40 + [None, 1.0]))
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99])
    assert cell["latency_ms"] == {"p50": p50, "p95": p95, "p99": p99}
    assert cell["first_token_ms"] == {"p50": p50 / 2, "p95": p95 / 2}


def test_cells_differing_in_exactly_one_thing_are_compared() -> None:
    rows = [
        result(row, model=model, prompt=prompt)
        for row in "abcd"
        for model in ("m1", "m2")
        for prompt in ("short", "long")
    ]
    values = [float(row["model"] == "m2" or row["row_id"] == "a") for row in rows]
    found = summarize(rows, values)["comparisons"]
    pairs = [(pair["a"]["model"], pair["a"]["prompt"], pair["b"]["model"], pair["b"]["prompt"]) for pair in found]
    assert pairs == [
        ("m1", "short", "m1", "long"),
        ("m1", "short", "m2", "short"),
        ("m1", "long", "m2", "long"),
        ("m2", "short", "m2", "long"),
    ]
    better = found[1]
    assert (better["difference"], better["gained"], better["lost"], better["p"]) == (0.75, 3, 0, 0.25)
    assert better["p_adjusted"] == 1.0
    assert better["test"] == "mcnemar_exact"


def test_repeated_rows_are_compared_by_their_means() -> None:
    rows = [result(row, model=model, repeat=n) for row in "abc" for model in ("m1", "m2") for n in (0, 1)]
    values = [float(row["model"] == "m2" or row["repeat"] == 0) for row in rows]
    values[0] = 0.0
    (pair,) = summarize(rows, values)["comparisons"]
    assert (pair["test"], pair["n"], pair["gained"]) == ("paired_t", 3, 3)
    assert pair["difference"] == pytest.approx((1 + 0.5 + 0.5) / 3)


def test_cells_come_in_the_asked_order_whatever_came_first() -> None:
    rows = [result("a", model="slow", prompt="p2"), result("a", model="fast", prompt="p1"), result("a", model="new")]
    build = builder()
    build.add_pair(results_batch(rows), scores_batch([]))
    cells = build.finish(models=["fast", "slow"], prompts=["p1", "p2"])["cells"]
    assert [cell["model"] for cell in cells] == ["fast", "slow", "new"]


GRID = ['{"temperature":0.0}', '{"temperature":0.5}', '{"temperature":1.0}']


@pytest.mark.parametrize("seed", range(5))
def test_neither_order_nor_direction_depends_on_which_answer_came_first(seed: int) -> None:
    rows = [
        result(row, model=model, prompt=prompt, params=params)
        for row in "ab"
        for model in ("m1", "m2")
        for prompt in ("p1", "p2")
        for params in GRID
    ]
    random.Random(seed).shuffle(rows)
    build = builder()
    values = [float(row["row_id"] == "a" or row["params"] == GRID[2]) for row in rows]
    for start in range(0, len(rows), 7):
        part = slice(start, start + 7)
        scores = [score(row, value) for row, value in zip(rows[part], values[part], strict=True)]
        build.add_pair(results_batch(rows[part]), scores_batch(scores))
    summary = build.finish(models=["m1", "m2"], prompts=["p1", "p2"], params=GRID)
    order = [(model, prompt, params) for model in ("m1", "m2") for prompt in ("p1", "p2") for params in GRID]
    assert [(cell["model"], cell["prompt"], cell["params"]) for cell in summary["cells"]] == order
    ends = [tuple(order.index(tuple(pair[end].values())) for end in "ab") for pair in summary["comparisons"]]
    assert ends == sorted(ends)
    assert all(a < b for a, b in ends)


GATES = [
    (GateSettings(metric="number", min=0.5), [True, False]),
    (GateSettings(metric="number", model="good", min=0.75), [True]),
    (GateSettings(metric="number", model="bad", max=0.25), [True]),
    (GateSettings(metric="number", model="good", max=0.7), [False]),
    (GateSettings(metric="number", model="typo", min=0.0), [False]),
    (GateSettings(metric="typo", min=0.0), [False]),
    (GateSettings(metric="number", prompt="p", model="bad", min=0.25, max=0.25), [True]),
]


@pytest.mark.parametrize(("gate", "passed"), GATES)
def test_a_gate_tests_every_matching_cell_and_fails_without_one(gate: GateSettings, passed: list[bool]) -> None:
    rows = [result(str(n), model=model) for model in ("good", "bad") for n in range(4)]
    entries = summarize(rows, [1, 1, 1, 0, 1, 0, 0, 0], gates=[gate])["gates"]
    assert [entry["passed"] for entry in entries] == passed
    assert {entry["pass_fail"] for entry in entries} == {None if gate.metric == "typo" else True}
    assert all((entry["note"] is None) == (entry["cell"] is not None) for entry in entries)


def test_a_gate_on_a_cell_without_scores_fails() -> None:
    (entry,) = summarize([result("a")], [None], gates=[GateSettings(metric="number", max=1.0)])["gates"]
    assert (entry["passed"], entry["value"]) == (False, None)
    assert "scored" in entry["note"]


def test_an_empty_run_has_an_empty_summary() -> None:
    build = builder(gates=[GateSettings(metric="number", min=0.1)])
    build.add_pair(results_batch([]), scores_batch([]))
    summary = build.finish()
    assert summary["jobs"]["total"] == 0
    assert summary["cells"] == summary["comparisons"] == []
    assert summary["gates"][0]["passed"] is False


MISMATCHES = [
    ([score(result("other"), 1.0)], "other/m/p"),
    ([score(result("a"), 1.0, scorer="typo")], "typo"),
    ([score(result("a"), 1.0), score(result("a"), 0.0)], "twice"),
]


@pytest.mark.parametrize(("scores", "named"), MISMATCHES)
def test_scores_that_do_not_belong_to_the_results_are_refused(scores: Rows, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        builder().add_pair(results_batch([result("a")]), scores_batch(scores))


def test_the_recorded_gsm8k_run_gives_the_known_figures(shared: Path) -> None:
    known = json.loads((shared / "datasets/expected.json").read_text("utf-8"))["gsm8k"]
    lines = (shared / "datasets/gsm8k/example_model_solutions.jsonl").read_text("utf-8").splitlines()
    recorded = [json.loads(line) for line in lines]
    build = builder()
    for model in known["models"]:
        rows = [result(str(n), model=model) for n in range(len(recorded))]
        values = [float(row[model]["is_correct"]) for row in recorded]
        scores = [score(row, value) for row, value in zip(rows, values, strict=True)]
        build.add_pair(results_batch(rows), scores_batch(scores))
    summary = build.finish()
    for cell in summary["cells"]:
        figures = known["models"][cell["model"]]
        assert cell["metrics"]["number"]["passed"] == figures["correct"]
        assert cell["metrics"]["number"]["se"] == pytest.approx(figures["se"], rel=1e-12)
    assert len(summary["comparisons"]) == 6
    for pair in summary["comparisons"]:
        figures = known["pairs"][f"{pair['a']['model']}->{pair['b']['model']}"]
        assert (pair["gained"], pair["lost"]) == (figures["gained"], figures["lost"])
        assert pair["difference"] == pytest.approx(figures["diff"], rel=1e-9)
        assert pair["p"] == pytest.approx(figures["mcnemar_exact_p"], rel=1e-9)
        assert pair["p"] < pair["p_adjusted"] < 0.05 or pair["p"] == pair["p_adjusted"]
