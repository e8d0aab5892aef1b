"""What judges are worth and what they say together: calibration against people, agreement, ratings from pairs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import fmean
from typing import Any, Literal

from pipeline.stats.agreement import agreement, cohen_kappa, confusion, fleiss_kappa
from pipeline.stats.bradley_terry import clustered, count_outcomes, fit
from pipeline.stats.intervals import Interval, clip, t_interval
from pipeline.stats.prediction_powered import ppi_mean

Outcome = Literal["a", "b", "tie"]
_NORMAL_975 = 1.959963984540054


@dataclass(slots=True)
class CellValues:
    """A cell's values by the judges, and what people said of some of them."""

    every: list[float] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    """The row of each value."""
    judge: list[float] = field(default_factory=list)
    human: list[float] = field(default_factory=list)
    labelled_rows: list[str] = field(default_factory=list)

    def add(self, row: str, value: float, human: float | None) -> None:
        """Add one answer; `human` is what a person would have given, where one was asked."""
        self.every.append(value)
        self.rows.append(row)
        if human is not None:
            self.judge.append(value)
            self.human.append(human)
            self.labelled_rows.append(row)


def corrected(values: CellValues, bounds: Interval = (-inf, inf)) -> dict[str, Any]:
    """A cell's mean as the judges gave it, and as people would have, estimated from those that they labelled.

    Several answers to one row are one cluster; what lies outside `bounds`, the ends of the scale, is cut. `raw` is the
    judges' mean; `corrected` has its se and ci95, all None without labels. Source: prediction_powered.py.
    """
    repeated = len(set(values.rows)) < len(values.rows)
    estimate = ppi_mean(
        values.every,
        values.judge,
        values.human,
        clusters=(values.rows, values.labelled_rows) if repeated else None,
    )
    return {
        "raw": fmean(values.every) if values.every else None,
        "corrected": None if estimate.estimate is None else min(max(estimate.estimate, bounds[0]), bounds[1]),
        "se": estimate.se,
        "ci95": None if estimate.ci95 is None else _listed(clip(estimate.ci95, *bounds)),
        "labels": estimate.n_labelled,
        "n": estimate.n_all,
        "weight": estimate.weight,
    }


def calibration(
    judge: Sequence[Hashable],
    human: Sequence[Hashable],
    labels: Sequence[str],
    *,
    ordered: bool,
    rows: Sequence[str] = (),
) -> dict[str, Any]:
    """How far judges and people agree on the same answers; `ordered` ones are scores and take quadratic weights in
    kappa, by the scores themselves.

    Several answers to one of `rows` are one cluster. The confusion's rows are what people said, its columns what the
    judges said.
    """
    clusters = rows if len(set(rows)) < len(rows) else None
    places = [float(label) for label in labels] if ordered else None
    agreed = agreement(judge, human, clusters=clusters)
    kappa = cohen_kappa(human, judge, labels=labels, places=places, clusters=clusters)
    table = confusion(human, judge, labels)
    return {
        "labels": agreed.n,
        "agreement": agreed.value,
        "agreement_ci95": _listed(agreed.ci95),
        "kappa": kappa.value,
        "kappa_ci95": _listed(kappa.ci95),
        "kappa_weights": "quadratic" if ordered else None,
        "confusion": {"labels": [str(label) for label in table.labels], "counts": table.counts.tolist()},
    }


def between_judges(ratings: Sequence[Sequence[Hashable | None]]) -> dict[str, Any] | None:
    """How far several judges agree with each other; None where none two of them judged the same answer.

    `agreement` is the share of answers on which all that gave a verdict gave the same; kappa is Fleiss's.
    """
    known = [[label for label in item if label is not None] for item in ratings]
    several = [item for item in known if len(item) > 1]
    if not several:
        return None
    kappa = fleiss_kappa(several)
    same = sum(len(set(item)) == 1 for item in several)
    return {
        "n": len(several),
        "agreement": same / len(several),
        "fleiss_kappa": kappa.value,
        "kappa_ci95": _listed(kappa.ci95),
    }


def rated(
    names: Sequence[str],
    first: Sequence[int],
    second: Sequence[int],
    outcomes: Sequence[Outcome],
    rows: Sequence[str] = (),
) -> dict[str, Any]:
    """Ratings from pairs: log abilities against the first competitor, by Davidson's model where there are ties.

    Where the pairs fix no finite ratings, `connected` is false, `note` says why, and counts alone are given. Several
    pairs of one of `rows` are one cluster. Source: bradley_terry.py.
    """
    wins, ties = count_outcomes(first, second, outcomes, len(names))
    model: Literal["half", "davidson"] = "davidson" if ties.any() else "half"
    found = fit(wins, ties, model=model, names=names)
    if found.problem is not None and model == "davidson":
        model, found = "half", fit(wins, ties, model="half", names=names)
    units = len(set(rows)) if len(set(rows)) < len(rows) else None
    if units is not None:
        found = clustered(found, first, second, outcomes, rows)
    ratings = []
    for index in range(len(names)):
        ability = None if found.log_abilities is None else float(found.log_abilities[index])
        se = None if found.se is None or index == 0 else float(found.se[index])
        ratings.append(
            {
                "rating": ability,
                "se": se,
                "ci95": _normal(ability, se) if units is None else _student(ability, se, units),
                "wins": int(wins[index].sum()),
                "ties": int(ties[index].sum()),
                "losses": int(wins[:, index].sum()),
            }
        )
    return {
        "method": "bradley_terry_davidson" if model == "davidson" else "bradley_terry",
        "pairs": int(found.n),
        "clusters": units,
        "ratings": ratings,
        "connected": found.problem is None,
        "note": found.problem,
    }


def _normal(value: float | None, se: float | None) -> list[float] | None:
    return None if se is None or value is None else [value - _NORMAL_975 * se, value + _NORMAL_975 * se]


def _student(value: float | None, se: float | None, units: int) -> list[float] | None:
    return None if se is None or value is None else _listed(t_interval(value, se, units))


def share(hits: int, n: int) -> float | None:
    """A share; None of nothing."""
    return hits / n if n else None


def _listed(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [float(interval[0]), float(interval[1])]
