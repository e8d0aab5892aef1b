"""What is asked of a judge: which answers and pairs are judged, in which order, and under which ids; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pipeline.core.fingerprint import digest
from pipeline.core.names import slug
from pipeline.core.records import Treatment
from pipeline.core.settings import ScorerSettings
from pipeline.score.judge import JUDGE_KINDS, Judge, build_judge
from pipeline.score.judge_vote import Outcome
from pipeline.score.policy import counts_of
from pipeline.steps.judging.candidates import Candidate
from pipeline.store.folder import JUDGES, holds_run, is_finished

Fate = Literal["judged", "wrong", "left_out", "blank", "too_long"]
"""What becomes of an answer: shown to a judge, or decided without one."""


def judge_folder(run_folder: Path, scorer: str) -> Path:
    """Where the verdicts of a scorer's judges are stored."""
    return run_folder / JUDGES / slug(scorer)


def is_judged(folder: Path, run: Mapping[str, Any], wanted: Sequence[str]) -> bool:
    """Whether the judges that a run began with, as far as they are still wanted, have given every verdict."""
    names = [scorer["name"] for scorer in run["settings"]["scorers"] if scorer["kind"] in JUDGE_KINDS]
    folders = [judge_folder(folder, name) for name in names if name in wanted]
    return all(holds_run(path) and is_finished(path) for path in folders)


def model_names(run: Mapping[str, Any]) -> list[str]:
    """The models of a run in their order, from run.json."""
    return [model["name"] for model in run["settings"]["models"]]


class Unit(NamedTuple):
    """One question to a judge: an answer, or two in the order in which they are shown."""

    targets: tuple[Candidate, ...]

    def job_id(self, asked: str) -> str:
        """The id of the question to one judge; another text of an answer makes it another question."""
        return digest(["judge", asked, [[target.job_id, target.said] for target in self.targets]])

    @property
    def place(self) -> dict[str, str]:
        """The answers' job ids, as results name them."""
        names = ("judged",) if len(self.targets) == 1 else ("first", "second")
        return {name: target.job_id for name, target in zip(names, self.targets, strict=True)}


class Pair(NamedTuple):
    """Two answers of two models to one row, under one prompt, grid cell and repeat; in the models' order."""

    first: Candidate
    second: Candidate

    @property
    def orders(self) -> tuple[Unit, Unit]:
        """The pair as it is shown to a judge, twice."""
        return Unit((self.first, self.second)), Unit((self.second, self.first))


@dataclass(frozen=True, slots=True)
class Rules:
    """How a scorer treats answers, and the order of the models."""

    judge: Judge
    counts: Mapping[str, Treatment]
    models: Sequence[str]

    def fate(self, candidate: Candidate) -> Fate:
        """What becomes of one answer. What has nothing to read, or too much, is sent to nobody."""
        treatment = self.counts.get(candidate.status, "scored")
        if treatment != "scored":
            return treatment
        if not candidate.length:
            return "blank"
        return "too_long" if candidate.length > self.judge.longest else "judged"

    def units(self, candidates: Sequence[Candidate]) -> Iterator[Unit]:
        """Every question to ask about `candidates`, all answers to some rows."""
        if not self.judge.is_pairwise:
            yield from (Unit((one,)) for one in candidates if self.fate(one) == "judged")
            return
        for pair in self.pairs(candidates):
            if self.is_asked(pair):
                yield from pair.orders

    def pairs(self, candidates: Sequence[Candidate]) -> Iterator[Pair]:
        """The pairs that are compared: all, or those with one model alone."""
        ranks = {name: rank for rank, name in enumerate(self.models)}
        places: dict[tuple[int, str, str, int], list[Candidate]] = defaultdict(list)
        for one in candidates:
            places[one.number, one.prompt, one.params, one.repeat].append(one)
        against = self.judge.against
        for together in places.values():
            together.sort(key=lambda one: (ranks.get(one.model, len(ranks)), one.model))
            for first, second in combinations(together, 2):
                if against is None or against in (first.model, second.model):
                    yield Pair(first, second)

    def is_asked(self, pair: Pair) -> bool:
        """Whether a judge is needed; the same text twice is a tie."""
        return self.fate(pair.first) == self.fate(pair.second) == "judged" and pair.first.said != pair.second.said

    def without_judge(self, pair: Pair) -> Outcome | None:
        """What a pair comes to that no judge is asked about; None where it does not count."""
        first, second = self.fate(pair.first), self.fate(pair.second)
        if first == second == "judged":
            return "tie"
        undecided = ("left_out", "blank", "too_long")
        if first in undecided or second in undecided:
            return None
        if first == second:
            return "tie"
        return "second" if first == "wrong" else "first"


def rules_of(settings: ScorerSettings, models: Sequence[str], *, source: str | None = None) -> Rules:
    """The rules that a scorer's settings make, with the rubric's `source` where it is known; raises SettingsError."""
    judge = build_judge(settings, source=source)
    return Rules(judge=judge, counts=counts_of(settings, judge.better), models=models)
