"""Hand-made summaries with everything that a quality page can tell: slices, repeats, judges, equivalence."""

from __future__ import annotations

from typing import Any

from tests.support.report import METRIC, make_cell, make_comparison, make_summary

SONNET, HAIKU = ("sonnet", "steps"), ("haiku", "steps")
COUNTS = {
    "truncated": "wrong", "refused": "wrong", "empty": "wrong",
    "error": "left_out", "blocked": "left_out", "skipped": "left_out",
}  # fmt: skip


def make_metric(**changes: Any) -> dict[str, Any]:
    """Build an entry of `summary["metrics"]`: pass/fail, higher is better; `changes` replace its fields."""
    return {
        "kind": "number", "pass_fail": True, "better": "higher", "unit": "", "scale": "share", "corpus": None,
        "counts": COUNTS, **changes,
    }  # fmt: skip


def make_figures(mean: float | None, **changes: Any) -> dict[str, Any]:
    """Build a graded metric's figures of a cell over 200 rows, ± 0.02; `changes` replace its fields."""
    return {
        "mean": mean, "se": 0.01, "ci95": None if mean is None else [mean - 0.02, mean + 0.02], "n": 200,
        "clusters": None, "interval": "t", "scored": 200, "passed": None, "unscored": 0, "answered": None,
        "repeats": None, "macro": None, **changes,
    }  # fmt: skip


def graded(better: str, sonnet: float, haiku: float, **metric: Any) -> dict[str, Any]:
    """Build a summary of two models by one graded metric `m`; the difference of sonnet is ± 0.04 and significant."""
    cells = [make_cell(*SONNET, 0.5), make_cell(*HAIKU, 0.5)]
    for cell, mean in zip(cells, (sonnet, haiku), strict=True):
        cell["metrics"] = {"m": make_figures(mean)}
    pair = make_comparison(HAIKU, SONNET, sonnet - haiku, metric="m", test="paired_t")
    known = {"m": make_metric(**{"pass_fail": False, "scale": "number", "better": better, **metric})}
    return make_summary(cells, [pair], metrics=known)


def make_slice(model: str, value: str, mean: float, rest: float, **changes: Any) -> dict[str, Any]:
    """Build a slice of `topic` that differs by `rest` from the cell's other rows, beyond chance."""
    return {
        "column": "topic", "value": value, "n": 40, "model": model, "prompt": "steps", "params": "{}", "metric": METRIC,
        "mean": mean, "se": 0.02, "ci95": [mean - 0.04, min(1.0, mean + 0.04)], "rest_difference": rest, "p": 0.001,
        "p_adjusted": 0.004, **changes,
    }  # fmt: skip


def make_slice_comparison(value: str, difference: float, **changes: Any) -> dict[str, Any]:
    """Build sonnet against haiku on one topic: ± 4 points, beyond chance; `changes` replace its fields."""
    pair = make_comparison(HAIKU, SONNET, difference, column="topic", value=value, n=40)
    return {**{name: found for name, found in pair.items() if name not in ("test", "smallest_detectable")}, **changes}


def make_equivalence(**changes: Any) -> dict[str, Any]:
    """Build sonnet behind two gateways: equal within 2 points; `changes` replace its fields."""
    return {
        "metric": METRIC, "a": {"model": "sonnet", "prompt": "steps", "params": "{}"},
        "b": {"model": "sonnet-ofox", "prompt": "steps", "params": "{}"}, "margin": 0.02, "n": 200, "difference": 0.005,
        "se": 0.006, "ci90": [-0.005, 0.015], "p": 0.006, "equivalent": True, **changes,
    }  # fmt: skip


def make_repeats(**changes: Any) -> dict[str, Any]:
    """Build what 5 repeats tell of a cell; `changes` replace its fields."""

    def at(**means: float) -> dict[str, Any]:
        return {k[1:]: {"mean": mean, "se": 0.02, "ci95": [mean - 0.04, mean + 0.04]} for k, mean in means.items()}

    return {
        "repeats": 5, "consistency": 0.83, "pass_at": at(k1=0.7, k5=0.91), "pass_all": at(k1=0.7, k5=0.42),
        "majority_at": at(k1=0.7, k5=0.76), **changes,
    }  # fmt: skip


def make_judges(**changes: Any) -> dict[str, Any]:
    """Build two judges of one scorer, calibrated by 100 human labels; `changes` replace its fields."""
    member = {"jobs": 400, "ok": 398, "failed": 2, "cost_usd": "0.06", "reused": 0, "reused_saved_usd": "0"}
    return {
        "scorer": METRIC, "kind": "judge", "rubric": "correctness", "unscored": 2, "cost_usd": "0.12",
        "judges": [{"name": "j1", "reasked": 3, **member}, {"name": "j2", "reasked": 0, **member}],
        "position_consistency": None,
        "agreement_between_judges": {"n": 400, "agreement": 0.78, "fleiss_kappa": 0.55, "kappa_ci95": [0.48, 0.62]},
        "self_preference": [{"judge": "j1", "model": "sonnet", "relation": "same family"}],
        "calibration": {
            "labels": 100, "agreement": 0.83, "agreement_ci95": [0.745, 0.891],
            "kappa": 0.62, "kappa_ci95": [0.47, 0.77], "kappa_weights": None,
            "confusion": {"labels": ["right", "wrong"], "counts": [[60, 10], [7, 23]]},
            "file": "labels.csv", "unmatched": 1,
            "cells": [
                {"model": "sonnet", "prompt": "steps", "params": {}, "raw": 0.9, "corrected": 0.8, "se": 0.03,
                 "ci95": [0.74, 0.86], "labels": 50, "n": 200, "weight": 0.7},
                {"model": "haiku", "prompt": "steps", "params": {}, "raw": 0.78, "corrected": 0.77, "se": 0.03,
                 "ci95": [0.71, 0.83], "labels": 50, "n": 200, "weight": 0.7},
            ],
        }, **changes,
    }  # fmt: skip


def make_ratings(**changes: Any) -> dict[str, Any]:
    """Build ratings of three models from pairs; `changes` replace fields."""

    def rating(model: str, value: float, se: float | None) -> dict[str, Any]:
        ends = None if se is None else [value - 1.96 * se, value + 1.96 * se]
        return {"model": model, "prompt": "steps", "params": {}, "rating": value, "se": se, "ci95": ends, "wins": 90,
                "ties": 20, "losses": 60}  # fmt: skip

    return {
        "scorer": METRIC, "method": "bradley_terry_davidson", "pairs": 300, "connected": True, "note": None,
        "ratings": [rating("haiku", 0.0, None), rating("sonnet", 0.8, 0.2), rating("opus", -0.3, 0.2)], **changes,
    }  # fmt: skip


def make_full_summary(**changes: Any) -> dict[str, Any]:
    """Build a summary that has a little of everything."""
    macro = {"column": "topic", "groups": 4, "se": 0.02, "ci95": [0.7, 0.8]}
    cells = [make_cell(*SONNET, 0.9), make_cell(*HAIKU, 0.8)]
    for cell, average in zip(cells, (0.74, 0.78), strict=True):
        cell["metrics"][METRIC] |= {"interval": "clustered_t", "clusters": 12, "repeats": make_repeats(),
                                    "macro": {**macro, "mean": average},
                                    "answered": {"mean": cell["metrics"][METRIC]["mean"] + 0.03, "n": 190}}  # fmt: skip
        cell["metrics"]["ter"] = make_figures(48.0 if cell["model"] == "sonnet" else 55.5)
        cell["metrics"]["length"] = make_figures(312.0 if cell["model"] == "sonnet" else 290.0)
    pairs = [
        make_comparison(HAIKU, SONNET, 0.1, adjust="holm", test="clustered_t"),
        make_comparison(HAIKU, SONNET, -7.5, metric="ter", ci95=[-9.0, -6.0], adjust="holm", test="paired_bootstrap"),
        make_comparison(HAIKU, SONNET, 22.0, metric="length", ci95=[18.0, 26.0], adjust="holm", test="paired_t"),
    ]
    metrics = {
        METRIC: make_metric(),
        "ter": make_metric(kind="ter", pass_fail=False, better="lower", scale="number", corpus="ter",
                           counts={**COUNTS, "truncated": "scored", "refused": "scored", "empty": "scored"}),
        "length": make_metric(kind="length", pass_fail=False, better="neither", scale="number", unit="characters"),
    }  # fmt: skip
    summary = make_summary(
        cells, pairs, metrics=metrics,
        slices=[
            make_slice("sonnet", "algebra", 0.98, 0.1, p_adjusted=0.3), make_slice("sonnet", "geometry", 0.7, -0.25),
            make_slice("haiku", "algebra", 0.8, 0.0), make_slice("haiku", "geometry", 0.8, 0.0, p_adjusted=1.0),
        ],
        slice_comparisons=[make_slice_comparison("algebra", 0.18), make_slice_comparison("geometry", -0.1)],
        slices_left_out=[{"column": "topic", "values": 3, "n": 9}],
        equivalence=[make_equivalence()], judges=[make_judges()], ratings=[make_ratings()],
    )  # fmt: skip
    summary["cost"]["judges_usd"] = "0.12"
    return {**summary, **changes}
