"""Summaries by setting: clusters, resampling, adjustment, slices, equivalence; statsmodels and scipy as oracles."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as sps
from statsmodels.stats.multitest import multipletests

from pipeline.core.settings import EquivalenceSettings
from pipeline.stats.intervals import wilson
from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import plain_metric, result, results_batch, score, scores_batch
from tests.support.summaries import metric_of, summary_of

RNG = np.random.default_rng(8)
ROWS = 120
PASSAGES = RNG.integers(0, 24, ROWS)
HARD = RNG.random(24)
A = (RNG.random(ROWS) < HARD[PASSAGES]).astype(float).tolist()
B = (RNG.random(ROWS) < np.minimum(1, HARD[PASSAGES] + 0.15)).astype(float).tolist()
C = (RNG.random(ROWS) < 0.9).astype(float).tolist()
SUBJECTS = ["law", "art", "maths", "art", "law", "law"] * (ROWS // 6)
COLUMNS = {"passage": [f"p{number}" for number in PASSAGES], "subject": SUBJECTS}
SHARE = plain_metric("f1", pass_fail=False, scale="share")


def clustered(values: Any, correction: bool = True) -> Any:
    fit = sm.OLS(np.asarray(values), np.ones(len(values)))
    return fit.fit(cov_type="cluster", cov_kwds={"groups": PASSAGES, "use_correction": correction})


def test_the_standard_error_counts_clusters() -> None:
    figures = metric_of(summary_of({"a": A}, COLUMNS, cluster="passage"), "a")
    groups = np.unique(PASSAGES).size
    assert figures["se"] == pytest.approx(clustered(A).bse[0], rel=1e-9)
    assert (figures["clusters"], figures["n"], figures["interval"]) == (groups, ROWS, "clustered_t")
    low, high = sps.t.interval(0.95, groups - 1, np.mean(A), figures["se"])
    assert figures["ci95"] == pytest.approx([max(low, 0), min(high, 1)])
    plain = metric_of(summary_of({"a": A}, COLUMNS), "a")
    assert plain["se"] < figures["se"]
    assert (plain["clusters"], plain["interval"]) == (None, "wilson")


def test_cr0_makes_no_correction() -> None:
    figures = metric_of(summary_of({"a": A}, COLUMNS, cluster="passage", correction="CR0"), "a")
    assert figures["se"] == pytest.approx(clustered(A, correction=False).bse[0], rel=1e-9)


def test_a_comparison_over_clusters_is_a_t_test_of_clustered_differences() -> None:
    (pair,) = summary_of({"a": A, "b": B}, COLUMNS, cluster="passage")["comparisons"]
    fit = clustered(np.array(B) - np.array(A))
    groups = np.unique(PASSAGES).size
    assert (pair["test"], pair["clusters"], pair["n"]) == ("clustered_t", groups, ROWS)
    assert pair["se"] == pytest.approx(fit.bse[0], rel=1e-9)
    assert pair["p"] == pytest.approx(2 * sps.t.sf(abs(fit.tvalues[0]), groups - 1), rel=1e-9)
    assert pair["smallest_detectable"] == pytest.approx(2.8016 * fit.bse[0], rel=1e-4)


def test_one_cluster_shows_nothing() -> None:
    one = {"passage": ["same"] * ROWS}
    summary = summary_of({"a": A, "b": B}, one, cluster="passage", equivalence=(equal(0.9),))
    figures, (pair,) = metric_of(summary, "a"), summary["comparisons"]
    assert figures["mean"] == pytest.approx(np.mean(A))
    assert (figures["se"], figures["ci95"], figures["interval"], figures["clusters"]) == (None, None, None, 1)
    assert (pair["se"], pair["ci95"], pair["p"], pair["smallest_detectable"]) == (None, None, None, None)
    assert summary["equivalence"][0]["equivalent"] is None


def test_clusters_that_all_passed_have_a_wilson_interval_over_clusters() -> None:
    figures = metric_of(summary_of({"a": [1.0] * ROWS}, COLUMNS, cluster="passage"), "a")
    groups = np.unique(PASSAGES).size
    assert (figures["ci95"], figures["interval"]) == (list(wilson(groups, groups) or ()), "wilson")


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_a_bootstrap_interval_is_near_scipys_and_the_same_for_the_same_seed(method: Any) -> None:
    values = np.random.default_rng(1).beta(2, 5, 80)
    summary = summary_of({"a": values.tolist()}, metric=SHARE, interval=method, seed=4)
    figures = metric_of(summary, "a", "f1")
    known = sps.bootstrap((values,), np.mean, n_resamples=20_000, method=method, rng=np.random.default_rng(2))
    assert figures["ci95"] == pytest.approx(list(known.confidence_interval), abs=0.003)
    assert figures["interval"] == method
    assert metric_of(summary_of({"a": values.tolist()}, metric=SHARE, interval=method, seed=4), "a", "f1") == figures
    assert metric_of(summary_of({"a": values.tolist()}, metric=SHARE, interval=method, seed=5), "a", "f1") != figures


@pytest.mark.parametrize("cluster", [None, "passage"])
def test_a_permutation_test_flips_whole_clusters(cluster: Any) -> None:
    (pair,) = summary_of({"a": A, "b": B}, COLUMNS, cluster=cluster, test="permutation")["comparisons"]
    differences = np.array(B) - np.array(A)
    sums = differences if cluster is None else np.bincount(PASSAGES, weights=differences)
    known = sps.permutation_test(
        (sums[sums != 0],), np.sum, permutation_type="samples", n_resamples=20_000, vectorized=True,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    assert (pair["test"], pair["p"]) == ("permutation", pytest.approx(known.pvalue, abs=0.015))


@pytest.mark.parametrize("cluster", [None, "passage"])
def test_a_bootstrap_test_and_interval_are_near_the_analytic_ones(cluster: Any) -> None:
    settings: dict[str, Any] = {"cluster": cluster, "metric": SHARE}
    graded = {"a": (np.array(A) * 0.8 + 0.1).tolist(), "b": (np.array(B) * 0.8 + 0.1).tolist()}
    (analytic,) = summary_of(graded, COLUMNS, **settings)["comparisons"]
    (pair,) = summary_of(graded, COLUMNS, **settings, test="bootstrap", interval="percentile")["comparisons"]
    assert pair["test"] == "bootstrap"
    assert pair["p"] == pytest.approx(analytic["p"], abs=0.03)
    assert pair["ci95"] == pytest.approx(analytic["ci95"], abs=0.02)
    assert pair["ci95"] != analytic["ci95"]
    assert (pair["difference"], pair["se"]) == (analytic["difference"], analytic["se"])


@pytest.mark.parametrize("interval", ["analytic", "percentile", "bca"])
@pytest.mark.parametrize("test", ["analytic", "bootstrap", "permutation"])
def test_no_interval_comes_from_one_row_whatever_the_settings(interval: Any, test: Any) -> None:
    columns = {"passage": ["x"], "subject": ["law"]}
    summary = summary_of(
        {"a": [1.0], "b": [0.0]}, columns, interval=interval, test=test, slices=("subject",), macro="subject",
        equivalence=(equal(0.5),),
    )  # fmt: skip
    figures, (pair,) = metric_of(summary, "a"), summary["comparisons"]
    assert (figures["se"], figures["ci95"], figures["interval"]) == (None, None, None)
    assert (figures["macro"]["se"], figures["macro"]["ci95"]) == (None, None)
    assert (pair["se"], pair["ci95"]) == (None, None)
    assert {(part["se"], part["ci95"], part["p"]) for part in summary["slices"]} == {(None, None, None)}
    assert {(part["se"], part["ci95"]) for part in summary["slice_comparisons"]} == {(None, None)}
    assert (summary["equivalence"][0]["equivalent"], summary["equivalence"][0]["ci90"]) == (None, None)


@pytest.mark.parametrize(("adjust", "method"), [("holm", "holm"), ("benjamini_hochberg", "fdr_bh")])
def test_p_values_are_adjusted_over_all_comparisons_shown(adjust: Any, method: str) -> None:
    summary = summary_of({"a": A, "b": B, "c": C}, COLUMNS, adjust=adjust, slices=("subject",))
    for shown in (summary["comparisons"], summary["slices"], summary["slice_comparisons"]):
        known = multipletests([entry["p"] for entry in shown], method=method)[1]
        assert [entry["p_adjusted"] for entry in shown] == pytest.approx(list(known), abs=1e-12)
    assert {pair["adjust"] for pair in summary["comparisons"]} == {adjust}


def test_a_slice_stands_beside_the_rest_of_its_cell() -> None:
    summary = summary_of({"a": A, "b": B}, COLUMNS, slices=("subject",))
    assert [(part["value"], part["model"]) for part in summary["slices"]] == [
        ("art", "a"), ("art", "b"), ("law", "a"), ("law", "b"), ("maths", "a"), ("maths", "b"),
    ]  # fmt: skip
    law = next(part for part in summary["slices"] if (part["value"], part["model"]) == ("law", "b"))
    inside = np.array([subject == "law" for subject in SUBJECTS])
    here, rest = np.array(B)[inside], np.array(B)[~inside]
    assert (law["column"], law["n"], law["metric"]) == ("subject", 60, "number")
    assert law["mean"] == pytest.approx(here.mean())
    assert law["rest_difference"] == pytest.approx(here.mean() - rest.mean())
    assert law["ci95"] == pytest.approx(wilson(int(here.sum()), 60))
    table = [[here.sum(), 60 - here.sum()], [rest.sum(), 60 - rest.sum()]]
    assert law["p"] == pytest.approx(sps.fisher_exact(table).pvalue, rel=1e-8)


def test_a_slice_of_a_graded_metric_is_tested_by_welch_and_over_clusters_by_clusters() -> None:
    values = np.random.default_rng(6).beta(2, 2, ROWS)
    inside = np.array([subject == "maths" for subject in SUBJECTS])
    plain = summary_of({"a": values.tolist()}, COLUMNS, metric=SHARE, slices=("subject",))["slices"][2]
    known = sps.ttest_ind(values[inside], values[~inside], equal_var=False).pvalue
    assert (plain["value"], plain["p"]) == ("maths", pytest.approx(known))
    over = summary_of({"a": values.tolist()}, COLUMNS, metric=SHARE, slices=("subject",), cluster="passage")["slices"]
    assert over[2]["p"] != plain["p"]


def test_a_slice_comparison_is_the_comparison_of_its_rows() -> None:
    summary = summary_of({"a": A, "b": B}, COLUMNS, slices=("subject",))
    law = next(part for part in summary["slice_comparisons"] if part["value"] == "law")
    rows = [row for row, subject in enumerate(SUBJECTS) if subject == "law"]
    (alone,) = summary_of({"a": [A[row] for row in rows], "b": [B[row] for row in rows]})["comparisons"]
    for name in ("n", "difference", "se", "ci95", "gained", "lost", "p", "a", "b", "metric"):
        assert law[name] == alone[name], name


def test_of_many_values_the_largest_fifty_are_shown_and_the_rest_counted() -> None:
    values = [*(f"v{row:03d}" for row in range(60)), *(f"v{row:03d}" for row in range(50)), *[None] * 10]
    summary = summary_of({"a": A}, {"code": values}, slices=("code",))
    assert [part["value"] for part in summary["slices"]] == [f"v{row:03d}" for row in range(50)]
    assert summary["slices_left_out"] == [{"column": "code", "values": 10, "n": 10}]


def test_without_slices_there_are_none() -> None:
    summary = summary_of({"a": A, "b": B})
    assert (summary["slices"], summary["slice_comparisons"], summary["slices_left_out"]) == ([], [], [])


def equal(margin: float) -> EquivalenceSettings:
    return EquivalenceSettings(a="a", b="b", margin=margin)


def test_equivalence_is_two_one_sided_tests_on_the_common_rows() -> None:
    values = np.random.default_rng(3).beta(2, 2, 400)
    other = np.clip(values + np.random.default_rng(4).normal(0, 0.1, 400), 0, 1)
    given = {"a": values.tolist(), "b": other.tolist(), "c": [0.5] * 400}
    summary = summary_of(given, metric=SHARE, equivalence=(equal(0.02), equal(0.005)))
    wide, narrow = summary["equivalence"]
    differences = other - values
    upper = sps.ttest_1samp(differences, 0.02, alternative="less").pvalue
    lower = sps.ttest_1samp(differences, -0.02, alternative="greater").pvalue
    assert wide["p"] == pytest.approx(max(upper, lower), rel=1e-9)
    assert wide["ci90"] == pytest.approx(
        list(sps.t.interval(0.90, 399, differences.mean(), sps.sem(differences))), rel=1e-9
    )
    assert (wide["equivalent"], narrow["equivalent"]) == (True, False)
    assert (wide["a"]["model"], wide["b"]["model"], wide["metric"], wide["n"]) == ("a", "b", "f1", 400)


def test_models_that_never_differ_are_equal_once_there_are_rows_enough() -> None:
    many = summary_of({"a": C, "b": C}, equivalence=(equal(0.03),))["equivalence"][0]
    assert (many["difference"], many["p"], many["equivalent"]) == (0.0, pytest.approx(0.97**ROWS), True)
    few = summary_of({"a": C[:20], "b": C[:20]}, equivalence=(equal(0.03),))["equivalence"][0]
    assert few["equivalent"] is False


def test_the_summary_survives_json_and_says_what_its_metrics_are() -> None:
    summary = summary_of(
        {"a": A, "b": B}, COLUMNS, cluster="passage", slices=("subject",), macro="subject", equivalence=(equal(0.1),)
    )
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["metrics"] == {
        "number": {
            "kind": "", "pass_fail": True, "better": "higher", "unit": "", "scale": "share", "corpus": None,
            "counts": {},
        }
    }  # fmt: skip


COUNTED = [
    ({"truncated": 1.0}, 0.75, {"mean": 2 / 3, "n": 3}),
    ({"refused": 0.0}, 0.5, {"mean": 2 / 3, "n": 3}),
    ({"error": 0.0}, 0.5, {"mean": 2 / 3, "n": 3}),
    ({"truncated": None}, 2 / 3, None),
]
"""A status with the value that the policy gives it: scored as it is, wrong, wrong, left out."""


@pytest.mark.parametrize(("fourth", "mean", "answered"), COUNTED)
def test_both_figures_are_given_where_other_answers_count(
    fourth: dict[str, float | None], mean: float, answered: dict[str, Any] | None
) -> None:
    ((status, value),) = fourth.items()
    jobs = [result(f"r{row}", status=status if row == 3 else "ok") for row in range(4)]
    marks = [score(job, float(row > 0), passed=row > 0) for row, job in enumerate(jobs[:3])]
    marks.append(score(jobs[3], value, status="left_out" if value is None else "scored"))
    builder = SummaryBuilder(
        "e", "r", simulated=False, metrics=[plain_metric("number")], gates=[], budget_usd=None
    )  # fmt: skip
    builder.add_pair(results_batch(jobs), scores_batch(marks))
    figures = metric_of(builder.finish(), "m")
    assert figures["mean"] == pytest.approx(mean)
    assert figures["unscored"] == 0
    assert figures["answered"] == (None if answered is None else pytest.approx(answered))
