"""Distributions in the summary: of tokens, times and scores, with bins shared by all cells."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import plain_metric, result, results_batch, score, scores_batch
from tests.support.summaries import metric_of, summary_of

Rows = list[dict[str, Any]]


def summarize(rows: Rows, *, cut: int | None = None) -> dict[str, Any]:
    builder = SummaryBuilder(
        "e", "r", simulated=False, metrics=[plain_metric("number")], gates=[], budget_usd=None
    )  # fmt: skip
    for part in (rows[:cut], rows[cut:]) if cut else (rows,):
        builder.add_pair(results_batch(part), scores_batch([score(row, 1.0) for row in part]))
    return builder.finish()


def distributions(summary: dict[str, Any], model: str = "m") -> dict[str, Any]:
    found: dict[str, Any] = next(cell for cell in summary["cells"] if cell["model"] == model)["distributions"]
    return found


def test_cells_share_edges_and_each_job_is_in_one_bin_or_unknown() -> None:
    rng = np.random.default_rng(3)
    rows = [
        result(str(n), model, output_tokens=int(tokens), latency_ms=None if n % 9 == 0 else float(tokens) * 3)
        for model, mean in (("small", 40), ("large", 400))
        for n, tokens in enumerate(rng.poisson(mean, 80))
    ]
    summary = summarize(rows)
    small, large = distributions(summary, "small"), distributions(summary, "large")
    for name in ("output_tokens", "latency_ms"):
        assert small[name]["edges"] == large[name]["edges"]
        assert [sum(found[name]["counts"]) + found[name]["unknown"] for found in (small, large)] == [80, 80]
    assert small["latency_ms"]["unknown"] == 9
    tokens = [row["output_tokens"] for row in rows[:80]]
    assert small["output_tokens"]["counts"] == np.histogram(tokens, small["output_tokens"]["edges"])[0].tolist()
    assert small["output_tokens"]["p50"] == np.median(tokens)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_input_is_all_that_was_sent_whether_cached_or_not() -> None:
    rows = [
        result("a", input_tokens=10, cache_read_tokens=1_000, cache_write_5m_tokens=200, cache_write_1h_tokens=3),
        result("b", input_tokens=13),
        result("c", cache_read_tokens=5),
    ]
    found = distributions(summarize(rows))["input_tokens"]
    assert (found["max"], found["unknown"]) == (1213, 1)
    assert found["p50"] == (1213 + 13) / 2


def test_what_nobody_reported_is_unknown_and_not_zero() -> None:
    found = distributions(summarize([result("a", input_tokens=3), result("b")]))
    assert found["input_tokens"]["unknown"] == 1
    assert found["input_tokens"]["p5"] == 3
    assert set(found) == {"input_tokens"}  # no job has any other quantity


def test_a_job_without_an_answer_has_no_tokens_and_no_time() -> None:
    rows = [result("a", output_tokens=5), result("b", status="error", output_tokens=900, latency_ms=1.0)]
    found = distributions(summarize(rows))
    assert (found["output_tokens"]["max"], found["output_tokens"]["unknown"]) == (5, 1)
    assert "latency_ms" not in found


def test_the_cut_of_batches_does_not_matter() -> None:
    rows = [result(str(n), output_tokens=n * n, latency_ms=float(n)) for n in range(50)]
    assert summarize(rows) == summarize(rows, cut=17)


def test_a_run_without_jobs_has_no_distributions() -> None:
    assert summarize([])["cells"] == []


def test_graded_scores_are_counted_between_edges_that_all_cells_share() -> None:
    values = {model: np.random.default_rng(seed).beta(4, 2, 200).tolist() for seed, model in enumerate(("a", "b"))}
    summary = summary_of({**values, "c": [None, 0.5]}, metric=plain_metric("similarity", False))
    a, b, c = (metric_of(summary, model, "similarity")["distribution"] for model in "abc")
    assert a["edges"] == b["edges"] == c["edges"]
    assert a["counts"] == np.histogram(values["a"], a["edges"])[0].tolist()
    assert (sum(c["counts"]), c["unknown"]) == (1, 1)
    assert a["p25"] == pytest.approx(np.quantile(values["a"], 0.25))


def test_marks_of_which_there_are_few_have_a_bar_each() -> None:
    summary = summary_of({"a": [1, 2, 2, 5], "b": [4.0, None]}, metric=plain_metric("judge", False))
    assert metric_of(summary, "a", "judge")["distribution"] == {
        "values": [1, 2, 4, 5], "counts": [1, 2, 0, 1], "unknown": 0,
    }  # fmt: skip
    assert metric_of(summary, "b", "judge")["distribution"]["counts"] == [0, 0, 1, 0]


def test_repeated_rows_are_counted_by_how_many_of_their_answers_pass() -> None:
    passes = {"a": [1, 1, 1], "b": [1, 0, 1], "c": [0, 0, 0], "d": [1, 1]}
    rows = [result(row, repeat=repeat) for row, given in passes.items() for repeat in range(len(given))]
    marks = [float(value) for given in passes.values() for value in given]
    builder = SummaryBuilder(
        "e", "r", simulated=False, metrics=[plain_metric("number")], gates=[], budget_usd=None
    )  # fmt: skip
    builder.add_pair(results_batch(rows), scores_batch([score(*pair) for pair in zip(rows, marks, strict=True)]))
    found = metric_of(builder.finish(), "m")["distribution"]
    assert found == {"of": 3, "counts": [1, 0, 1, 1], "unknown": 1}  # d has no third answer


def test_passes_of_rows_that_were_asked_once_are_no_distribution() -> None:
    assert "distribution" not in metric_of(summary_of({"a": [1, 0, 1]}), "a")
