"""Verdicts to scores: what the judges of a scorer say of each answer, in the form of every other score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.core.errors import TemplateError
from pipeline.core.records import Answer, Metric, Verdict
from pipeline.score.json_values import compact
from pipeline.score.judge import Judge
from pipeline.score.judge_form import Reading
from pipeline.score.judge_vote import Outcome, elected, mean_points, points
from pipeline.score.verdicts import SCORER_FAILED
from pipeline.steps.judging.candidates import Candidate, Candidates
from pipeline.steps.judging.prompt import given_templates
from pipeline.steps.judging.units import Fate
from pipeline.steps.judging.verdicts import JudgedPair, Readings, Verdicts

_LONGEST_EXPLANATION = 4_000
_OUTCOMES: Mapping[float, str] = {1.0: "win", 0.5: "tie", 0.0: "loss"}


class JudgedScorer:
    """Gives each result the score that its judges' stored verdicts amount to; sends nothing."""

    def __init__(self, verdicts: Verdicts, candidates: Candidates) -> None:
        """`candidates` are the answers of the run that is scored."""
        self.verdicts = verdicts
        self.judge = verdicts.rules.judge
        self.candidates = candidates
        self._rules = verdicts.rules
        self._expected = given_templates(self.judge).get("reference")
        self._found: dict[str, Verdict] = {}

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.judge.name

    @property
    def folder(self) -> Path:
        """Where the judges' own results are."""
        return self.verdicts.folder

    @property
    def metric(self) -> Metric:
        """What the values are, for those who read them later."""
        judge = self.judge
        return Metric(
            name=judge.name,
            kind=judge.kind,
            pass_fail=not judge.graded,
            better=judge.better,
            unit=judge.unit,
            scale=judge.scale,
            counts=dict(self._rules.counts),
        )

    def begin(self, part: Path) -> None:
        """Look up what is said of the answers in `part`; memory holds one part."""
        candidates = self.candidates.to_rows_of(part)
        if self.judge.is_pairwise:
            self._found = _pair_verdicts(list(self.verdicts.pairs(candidates)))
        else:
            self._found = {
                one.job_id: answer_verdict(self.judge, readings) for one, readings in self.verdicts.answers(candidates)
            }
        for one in candidates:
            fate = self._rules.fate(one)
            if fate == "left_out" or one.job_id not in self._found:
                self._found[one.job_id] = _without_judge(self.judge, fate, one)

    @property
    def row_columns(self) -> frozenset[str] | None:
        """The columns of the row that the reference is made of; None is any."""
        if self._expected is None:
            return frozenset()
        return None if self._expected.only_column is None else frozenset({self._expected.only_column})

    def score(self, result: Mapping[str, Any], answer: Answer, row: Mapping[str, Any]) -> Verdict:
        """The verdict on one result of the part that was begun."""
        verdict = self._found[result["job_id"]]
        explanation = None if verdict.explanation is None else verdict.explanation[:_LONGEST_EXPLANATION]
        return replace(verdict, expected=self._reference(row), explanation=explanation)

    def _reference(self, row: Mapping[str, Any]) -> str | None:
        if self._expected is None:
            return None
        try:
            return self._expected.render(row)
        except TemplateError:
            return None


def answer_verdict(judge: Judge, readings: Readings) -> Verdict:
    """What several judges say of one answer together: unscored when none of them gave a verdict."""
    chosen = elected(judge.form, list(readings.values()))
    explanation = _explained(readings)
    if chosen is None:
        return Verdict(value=None, label=SCORER_FAILED, explanation=explanation, status="unscored")
    label, value = chosen
    extracted = compact({name: reading.label for name, reading in readings.items()})
    verdict = Verdict(value=value, label=label, extracted=extracted, explanation=explanation)
    if judge.graded:
        return verdict
    passed = judge.passes(value)
    return replace(verdict, value=float(passed), passed=passed)


def _explained(readings: Readings) -> str:
    said = {name: reading.problem or reading.reason for name, reading in readings.items()}
    if len(said) == 1:
        return next(iter(said.values()))
    return "\n".join(f"{name}: {text}" for name, text in said.items())


def _without_judge(judge: Judge, fate: Fate, candidate: Candidate) -> Verdict:
    """The verdict on an answer that was not shown to a judge, or whose pairs came to nothing."""
    if fate == "left_out":
        return Verdict(value=None, label=candidate.status, status="left_out")
    if fate == "wrong" and not judge.is_pairwise:
        return Verdict(
            value=judge.worst,
            passed=None if judge.graded else False,
            label=candidate.status,
            explanation=f"the answer is {candidate.status}; it counts as wrong, and no judge was asked",
        )
    why = {
        "blank": "the answer holds nothing to judge",
        "too_long": f"the answer has {candidate.length:,} characters, more than longest = {judge.longest:,}",
    }
    if fate in why:
        return Verdict(value=None, label=fate, explanation=why[fate], status="unscored")
    return Verdict(value=None, label="no_pair", explanation="there is no answer to compare it with", status="left_out")


@dataclass(frozen=True, slots=True)
class _Half:
    """A pair from the side of one of its answers."""

    opponent: str
    points: float | None
    outcome: Outcome | None
    said: str


def _pair_verdicts(pairs: Sequence[JudgedPair]) -> dict[str, Verdict]:
    halves: dict[str, list[_Half]] = defaultdict(list)
    for judged in pairs:
        first, second = judged.pair
        for mine, other, is_first in ((first, second, True), (second, first, False)):
            if judged.outcome is None and not judged.by_judge:
                continue  # the other answer is left out or unreadable: there is nothing to compare with
            gained = None if judged.outcome is None else points(judged.outcome, is_first=is_first)
            halves[mine.job_id].append(_Half(other.model, gained, judged.outcome, _reasons(judged)))
    return {job_id: _pair_verdict(mine) for job_id, mine in halves.items()}


def _pair_verdict(halves: Sequence[_Half]) -> Verdict:
    """An answer's mean over its pairs: 1 for a win, half for a tie; unscored when no pair came to anything."""
    value = mean_points([half.points for half in halves if half.points is not None])
    explanation = "\n".join(f"against {half.opponent}: {half.said}" for half in halves)
    if value is None:
        return Verdict(value=None, label=SCORER_FAILED, explanation=explanation, status="unscored")
    extracted = compact({half.opponent: None if half.points is None else _OUTCOMES[half.points] for half in halves})
    label = _OUTCOMES.get(value) if len(halves) == 1 else None
    return Verdict(value=value, label=label, extracted=extracted, explanation=explanation)


def _reasons(judged: JudgedPair) -> str:
    if not judged.by_judge:
        return "decided without a judge"
    shown = []
    for name, (one, other) in judged.by_judge.items():
        verdict = judged.verdicts[name]
        how = "" if verdict.consistent is not False else " (the orders disagree: a tie)"
        shown.append(f"{name}{how}: {_said(one)} | swapped: {_said(other)}")
    return "; ".join(shown)


def _said(reading: Reading) -> str:
    return reading.problem or f"{reading.label}, {reading.reason}"
