"""What is asked of judges: which answers and pairs, in which order, and what is decided without them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.settings import ScorerSettings
from pipeline.steps.judging.candidates import Candidate
from pipeline.steps.judging.units import Pair, Rules, Unit, rules_of

MODELS = ("small", "large", "base")


def rules(kind: str = "judge", counts: dict[str, str] | None = None, **options: Any) -> Rules:
    settings = ScorerSettings(kind=kind, name="it", options={"rubric": "helpfulness", **options}, counts=counts or {})
    return rules_of(settings, MODELS)


def answer(model: str, said: str = "", *, status: Any = "ok", row: int = 0, **more: Any) -> Candidate:
    fields = {"prompt": "p", "params": "{}", "repeat": 0, "length": 5, "part": 0} | more
    return Candidate(
        number=row, job_id=f"{model}-{row}", row_id=f"r{row}", model=model, status=status, said=said or model, **fields
    )


@pytest.mark.parametrize(
    ("status", "counts", "fate"),
    [
        ("ok", {}, "judged"),
        ("truncated", {}, "wrong"),
        ("refused", {}, "wrong"),
        ("empty", {}, "wrong"),
        ("error", {}, "left_out"),
        ("truncated", {"truncated": "scored"}, "judged"),
        ("refused", {"refused": "left_out"}, "left_out"),
        ("error", {"error": "wrong"}, "wrong"),
    ],
)
def test_the_policy_decides_what_a_judge_is_shown(status: str, counts: dict[str, str], fate: str) -> None:
    assert rules(counts=counts).fate(answer("small", status=status)) == fate


def test_what_holds_nothing_or_too_much_is_sent_to_nobody() -> None:
    assert rules().fate(answer("small", length=0)) == "blank"
    assert rules(longest=4).fate(answer("small")) == "too_long"
    assert rules(longest=5).fate(answer("small")) == "judged"


def test_a_question_is_known_by_who_is_asked_and_what_the_answer_says() -> None:
    one = Unit((answer("small", "text"),))
    assert one.job_id("asked") == Unit((answer("small", "text"),)).job_id("asked")
    assert len({one.job_id("asked"), one.job_id("otherwise"), Unit((answer("small", "new"),)).job_id("asked")}) == 3


def test_pairs_are_of_two_models_on_one_row_under_one_prompt_cell_and_repeat() -> None:
    alike = [answer(model, row=row) for row in (0, 1) for model in reversed(MODELS)]
    strangers = [answer("small", "x", row=0, prompt="q"), answer("large", row=0, params='{"t":1}')]
    pairs = list(rules("pairwise").pairs([*alike, *strangers, answer("base", row=1, repeat=1)]))
    assert [(pair.first.model, pair.second.model, pair.first.number) for pair in pairs] == [
        (first, second, row)
        for row in (0, 1)
        for first, second in (("small", "large"), ("small", "base"), ("large", "base"))
    ]


def test_against_one_model_means_its_pairs_alone() -> None:
    pairs = rules("pairwise", against="base").pairs([answer(model) for model in MODELS])
    assert [(pair.first.model, pair.second.model) for pair in pairs] == [("small", "base"), ("large", "base")]


def test_a_pair_is_asked_about_twice_in_both_orders() -> None:
    units = list(rules("pairwise").units([answer("small"), answer("large")]))
    assert [[target.model for target in unit.targets] for unit in units] == [["small", "large"], ["large", "small"]]
    assert len({unit.job_id("asked") for unit in units}) == 2
    assert units[0].place == {"first": "small-0", "second": "large-0"}


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ({}, {"status": "truncated"}, "first"),
        ({"status": "refused"}, {}, "second"),
        ({"status": "refused"}, {"status": "empty"}, "tie"),
        ({"said": "same"}, {"said": "same"}, "tie"),
        ({}, {"status": "error"}, None),
        ({"status": "error"}, {"status": "truncated"}, None),
        ({"length": 0}, {}, None),
    ],
)
def test_what_is_decided_without_a_judge(first: dict[str, Any], second: dict[str, Any], outcome: str | None) -> None:
    pair = Pair(answer("small", **first), answer("large", **second))
    assert not rules("pairwise").is_asked(pair)
    assert list(rules("pairwise").units(pair)) == []
    assert rules("pairwise").without_judge(pair) == outcome
