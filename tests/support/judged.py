"""Evaluations with judges: on the built-in simulator, or on one whose requests are counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tests.support.bench import LAB
from tests.support.evals import EVAL

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


def verdicts(folder: str | Path, scorer: str = "right") -> pl.DataFrame:
    """The results of a scorer's judges."""
    return pl.read_parquet(f"{folder}/judges/{scorer}/results/*.parquet")


def scores(folder: str | Path, scorer: str = "right") -> pl.DataFrame:
    """The scores of one scorer."""
    return pl.read_parquet(f"{folder}/scores/*.parquet").filter(pl.col("scorer") == scorer)


def entry(summary: dict[str, Any], scorer: str = "right") -> dict[str, Any]:
    """What a summary says of a scorer's judges."""
    return next(one for one in summary["judges"] if one["scorer"] == scorer)
