"""Which earlier answers tell of the jobs to come: those asked alike first, then ever less alike ones, ever wider."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.steps.planning.history import ENOUGH, Asked, History, Seen

OTHER_PARAMS = 1.5
OTHER_PROMPT = 2.5
OTHER_MODEL = 4.0
"""By how much answers may be longer or shorter elsewhere. Models answer one prompt at lengths up to 1.4 times apart in
LLMBar and GSM8K, and up to 2.3 times in prompts/arithmetic on the simulator; prompts that ask for steps make answers
several times as long."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Earlier answers, and by how much what they say may be off for being to something else."""

    seen: tuple[Seen, ...]
    factor: float
    """1 where the same was asked."""
    other: str
    """What was not the same, in words; empty where nothing was."""

    @property
    def words(self) -> str:
        """Name the answers: `480 answers of run X`."""
        answers = sum(len(one.output) for one in self.seen)
        runs = list(dict.fromkeys(one.run_id for one in self.seen))
        of = f"run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs, the newest {runs[0]}"
        return f"{answers:,} answers{f' of {self.other}' if self.other else ''} in {of}"

    def by_row(self, values: Callable[[Seen], Numbers]) -> Numbers:
        """One value for each row of each run."""
        return np.concatenate([one.by_row(values(one)) for one in self.seen])

    def of_jobs(self, values: Callable[[Seen], Numbers]) -> Numbers:
        """One value for each answer."""
        return np.concatenate([values(one) for one in self.seen])


def like(history: History, asked: Asked) -> Evidence | None:
    """Answers to the same model, prompt and parameters, of any run; output limits apart."""
    return _evidence((one for one in history.seen if one.asked == asked), 1.0, "")


def answers_like(history: History, asked: Asked) -> Evidence | None:
    """The answers that are nearest to what is asked: same prompt, else another one of this evaluation, else of another
    model in it."""
    return of_model(history, asked) or _evidence(
        (one for one in _own(history) if one.asked.prompt == asked.prompt), OTHER_MODEL, "another model"
    ) or _evidence(_own(history), OTHER_MODEL * OTHER_PROMPT, "another model to another prompt")  # fmt: skip


def of_model(history: History, asked: Asked) -> Evidence | None:
    """The nearest answers of the same model."""
    mine = [one for one in history.seen if _same_model(one.asked, asked)]
    return (
        like(history, asked)
        or _evidence((one for one in mine if one.asked.prompt == asked.prompt), OTHER_PARAMS, "other parameters")
        or _evidence((one for one in mine if one.own), OTHER_PROMPT, "another prompt")
    )


def model_anywhere(history: History, asked: Asked) -> list[Seen]:
    """Everything that the same model was asked, in this evaluation or another."""
    return [one for one in history.seen if _same_model(one.asked, asked)]


def _same_model(one: Asked, other: Asked) -> bool:
    return (one.provider, one.model) == (other.provider, other.model)


def _own(history: History) -> Iterator[Seen]:
    return (one for one in history.seen if one.own)


def _evidence(found: Iterator[Seen], factor: float, other: str) -> Evidence | None:
    """The newest of these until there are enough; None where they are fewer than two answers."""
    taken: list[Seen] = []
    for one in found:
        if len(one.output) and sum(len(kept.output) for kept in taken) < ENOUGH:
            taken.append(one)
    evidence = Evidence(seen=tuple(taken), factor=factor, other=other)
    return evidence if taken and len(evidence.by_row(_output)) >= 2 else None


def _output(one: Seen) -> Numbers:
    return one.output


def newest(seen: Sequence[Seen], most: int) -> Sequence[Seen]:
    """The first few, which are the newest."""
    return [one for one in seen if len(one.output)][:most]
