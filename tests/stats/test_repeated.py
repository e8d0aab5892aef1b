"""Rows that were asked several times, against the plain formulas row by row."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from pipeline.core.settings import StatisticsSettings
from pipeline.stats.intervals import mean_se, share_interval
from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import plain_metric, result, results_batch, score, scores_batch

Answers = dict[str, list[str | None]]
"""What each row's answers say; "right" passes."""


def repeats_of(rows: Answers, **settings: Any) -> dict[str, Any]:
    builder = SummaryBuilder(
        "e", "r", simulated=False, metrics=[plain_metric("number")], gates=[], budget_usd=None,
        statistics=StatisticsSettings(**settings),
    )  # fmt: skip
    jobs = [(result(row, repeat=n), said) for row, answers in rows.items() for n, said in enumerate(answers)]
    random.Random(3).shuffle(jobs)
    for start in range(0, len(jobs), 5):
        part = jobs[start : start + 5]
        marks = [score(job, float(said == "right"), extracted=said) for job, said in part]
        builder.add_pair(results_batch([job for job, _ in part]), scores_batch(marks))
    found: dict[str, Any] = builder.finish()["cells"][0]["metrics"]["number"]["repeats"]
    return found


def drawn(rows: int, repeats: int) -> Answers:
    rng = random.Random(9)
    return {f"r{row}": rng.choices(["right", "a", "b", None], [5, 2, 2, 1], k=repeats) for row in range(rows)}


def majority(answers: list[str | None]) -> float:
    voted = [said for said in answers if said is not None]
    if not voted:
        return 0.0
    most = max(voted.count(said) for said in voted)
    winners = {said for said in voted if voted.count(said) == most}
    return float("right" in winners) / len(winners)


def test_every_figure_is_the_mean_over_rows_of_all_choices_of_k() -> None:
    rows = drawn(40, 5)
    found = repeats_of(rows, k=(1, 3, 5))
    assert (found["repeats"], list(found["pass_at"])) == (5, ["1", "3", "5"])
    for k in (1, 3, 5):
        chosen = [list(combinations(answers, k)) for answers in rows.values()]
        any_right = [float(np.mean(["right" in part for part in parts])) for parts in chosen]
        all_right = [float(np.mean([set(part) == {"right"} for part in parts])) for parts in chosen]
        voted = [float(np.mean([majority(list(part)) for part in parts])) for parts in chosen]
        for name, by_row in (("pass_at", any_right), ("pass_all", all_right), ("majority_at", voted)):
            mean, se = mean_se(by_row)
            entry = found[name][str(k)]
            assert (entry["mean"], entry["se"]) == (pytest.approx(mean), pytest.approx(se))
            assert entry["ci95"] == pytest.approx(share_interval(mean, se, 40))
    alike = [
        np.mean([float(a == b) for a, b in combinations([said for said in answers if said], 2)])
        for answers in rows.values()
        if sum(said is not None for said in answers) >= 2
    ]
    assert found["consistency"] == pytest.approx(np.mean(alike))


def test_without_k_it_is_1_and_the_number_of_repeats() -> None:
    assert list(repeats_of(drawn(6, 4))["majority_at"]) == ["1", "4"]


def test_one_row_has_figures_and_no_interval() -> None:
    found = repeats_of({"only": ["right", "a", "right"]})
    assert found["majority_at"]["3"] == {"mean": 1.0, "se": None, "ci95": None}
    assert found["pass_at"]["1"]["mean"] == pytest.approx(2 / 3)


def test_asked_once_there_is_nothing_to_repeat() -> None:
    assert repeats_of(drawn(5, 1)) is None


def test_a_row_with_too_few_answers_has_no_figure_at_that_k() -> None:
    found = repeats_of({"a": ["right"] * 3, "b": ["right"] * 3, "short": ["a"]}, k=(3,))
    assert found["pass_at"]["3"]["mean"] == 1.0
