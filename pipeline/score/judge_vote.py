"""Several verdicts to one: the judges of an answer, the two orders of a pair, the pairs of an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

from pipeline.score.judge_form import Form, Reading

Outcome = Literal["first", "second", "tie"]
"""Who wins a pair, whatever the order they were shown in."""

POINTS: Mapping[Outcome, float] = {"first": 1.0, "tie": 0.5, "second": 0.0}
_FIRST_SHOWN: Mapping[str, Outcome] = {"a": "first", "b": "second", "tie": "tie"}
_SECOND_SHOWN: Mapping[str, Outcome] = {"a": "second", "b": "first", "tie": "tie"}


def elected(form: Form, readings: Sequence[Reading]) -> tuple[str, float] | None:
    """What several judges say together, as label and value; None without any verdict.

    Scores: the median. Labels: the one with the most votes, and of equally many the one with the smallest value, so
    that a doubt is never counted for the answer.
    """
    given = [reading for reading in readings if reading.label is not None and reading.value is not None]
    if not given:
        return None
    if form.scale is not None:
        middle = float(median([reading.value for reading in given if reading.value is not None]))
        return f"{middle:g}", middle
    votes = Counter(reading.label for reading in given if reading.label is not None)
    most = max(votes.values())
    label = min((name for name, count in votes.items() if count == most), key=lambda name: (form.labels[name], name))
    return label, form.labels[label]


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What one judge says of a pair in both orders."""

    outcome: Outcome | None
    """None where one of the two verdicts could not be read."""
    consistent: bool | None
    """Whether both orders gave the same winner; None where that is not known."""


def both_orders(first_shown_first: Reading, second_shown_first: Reading) -> PairVerdict:
    """One judge's two verdicts on a pair: the winner if both name it, else a tie (Zheng et al. 2023, section 3.4)."""
    if first_shown_first.label is None or second_shown_first.label is None:
        return PairVerdict(None, None)
    one, other = _FIRST_SHOWN[first_shown_first.label], _SECOND_SHOWN[second_shown_first.label]
    return PairVerdict(one if one == other else "tie", one == other)


def majority(outcomes: Sequence[Outcome]) -> Outcome | None:
    """What several judges say of a pair: the winner that more of them name than the other one, else a tie."""
    if not outcomes:
        return None
    first, second = outcomes.count("first"), outcomes.count("second")
    ties = len(outcomes) - first - second
    if max(first, second) <= ties or first == second:
        return "tie"
    return "first" if first > second else "second"


def points(outcome: Outcome, *, is_first: bool) -> float:
    """What a pair gives one of its two: 1 for a win, half for a tie."""
    return POINTS[outcome] if is_first else 1.0 - POINTS[outcome]


def mean_points(gained: Sequence[float]) -> float | None:
    """An answer's mean over its pairs; None without any."""
    return fmean(gained) if gained else None
