"""Evaluations with judges: on the built-in simulator, or on one whose requests are counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from pipeline.config.load import Overrides
from pipeline.core.errors import EvalmillError
from pipeline.core.records import Result
from pipeline.flow import Outcome, Surroundings, run_evaluation, score_again
from pipeline.steps.choose import Again, Places
from pipeline.steps.mistakes import require_sound
from pipeline.steps.prepare import prepare
from tests.support.bench import LAB, Bench
from tests.support.evals import EVAL, write_eval

KEYS = {"LAB_KEY": "k"}
JUDGE = """
[[judges]]
name = "{name}"
id = "{id}"
[judges.params]
max_tokens = 200
temperature = 0.0
"""
CORRECT = """
[[scorers]]
kind = "judge"
name = "right"
rubric = "correctness"
expected = "{{ answer }}"
"""
PREFERRED = """
[[scorers]]
kind = "pairwise"
name = "preferred"
rubric = "helpfulness"
"""
SECOND_MODEL = """
[[models]]
name = "large"
id = "simulator/sim-large"
[models.params]
max_tokens = 64
"""


def judge(name: str = "judge", model: str = "simulator/sim-large") -> str:
    """A table of [[judges]]."""
    return JUDGE.format(name=name, id=model)


def judged_eval(*tables: str, simulator: str = "") -> str:
    """The sums on the built-in simulator, with judges."""
    return EVAL.replace("\n[simulator]\n", "\n".join(["", judge(), *tables, "[simulator]\n"])) + simulator


def judged_lab(*tables: str, models: str = "") -> str:
    """The sums on a counted simulator, with a judge there; at temperature 0 the same request gets the same answer."""
    text = LAB.replace("[models.params]", "[models.params]\ntemperature = 0.0")
    return text + models + judge(model="lab/sim-small") + "\n".join(tables)


class Silent:
    """Watches a run and says nothing."""

    def lane(self, model: str, *, total: int, done: int) -> None: ...

    def in_flight(self, model: str, change: int) -> None: ...

    def event(self, model: str, said: str) -> None: ...

    def acknowledged(self, results: Sequence[Result], /) -> None: ...

    def kept(self, result: Result, /) -> None: ...


def run_here(tmp_path: Path, text: str, **more: Any) -> Outcome:
    """Run an evaluation in this process."""
    return _run(write_eval(tmp_path / "sums", text, **more), tmp_path, Overrides(), Again())


def run_lab(
    bench: Bench,
    *,
    fresh: bool = False,
    retry: tuple[str, ...] = (),
    budget: Decimal | None = None,
    limit: int | None = None,
) -> Counted:
    """Run the evaluation of a bench in this process, and count its requests."""
    before = bench.requests()
    overrides = Overrides(budget_usd=budget, limit=limit)
    done = _run(bench.folder / "sums", bench.folder, overrides, Again(fresh=fresh, retry=retry))
    return Counted(done, bench.requests() - before)


def score_lab(bench: Bench, folder: Path) -> Counted:
    """Score a run of a bench again in this process, and count the requests."""
    before = bench.requests()
    around = Surroundings(environment=KEYS)
    done = score_again(folder, None, Overrides(), around=around, observer=Silent())
    return Counted(done, bench.requests() - before)


class Counted(NamedTuple):
    """What a run left, and how many requests it sent."""

    outcome: Outcome
    requests: int


def _run(evaluation: Path, home: Path, overrides: Overrides, again: Again) -> Outcome:
    return run_evaluation(
        evaluation,
        overrides,
        Places(reports=home / "reports"),
        again,
        around=Surroundings(environment=KEYS),
        observe=lambda prepared, choice, warnings: Silent(),
    )


def verdicts(folder: str | Path, scorer: str = "right") -> pl.DataFrame:
    """The results of a scorer's judges."""
    return pl.read_parquet(f"{folder}/judges/{scorer}/results/*.parquet")


def scores(folder: str | Path, scorer: str = "right") -> pl.DataFrame:
    """The scores of one scorer."""
    return pl.read_parquet(f"{folder}/scores/*.parquet").filter(pl.col("scorer") == scorer)


def entry(summary: dict[str, Any], scorer: str = "right") -> dict[str, Any]:
    """What a summary says of a scorer's judges."""
    return next(one for one in summary["judges"] if one["scorer"] == scorer)


def mistakes_of(folder: Path, *tables: str) -> tuple[int, str]:
    """The exit code and the words of `evalmill check` for the sums with these tables; 0 and the warnings without."""
    text = EVAL.replace("\n[simulator]\n", "\n".join(["", *tables, "[simulator]\n"]))
    try:
        prepared = prepare(write_eval(folder, text), Overrides())
        return 0, "\n".join(require_sound(prepared, today=date(2026, 11, 27)))
    except EvalmillError as error:
        return error.exit_code, str(error)
