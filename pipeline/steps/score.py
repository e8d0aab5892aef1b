"""Score: stored answers to scores, part by part; costs no tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.core.errors import DataError, TemplateError
from pipeline.core.records import Score
from pipeline.core.settings import EvalSettings, GateSettings, ScorerSettings
from pipeline.core.template import TextTemplate, compile_text
from pipeline.score.apply import score_result
from pipeline.score.scorers import Scorer, build_scorer
from pipeline.steps.rows import RowLookup
from pipeline.store.folder import write_json_atomic
from pipeline.store.run_store import RunStore
from pipeline.store.schema import scores_table

_COLUMNS = ["job_id", "run_id", "row_id", "status", "text"]


@dataclass(frozen=True, slots=True)
class BoundScorer:
    """A scorer with the template of its reference."""

    scorer: Scorer
    expected: TextTemplate | None

    def score(self, answer: Mapping[str, Any], row: Mapping[str, Any]) -> Score:
        """Judge one answer; a reference that cannot be rendered leaves it unscored."""
        return score_result(
            self.scorer,
            run_id=answer["run_id"],
            job_id=answer["job_id"],
            status=answer["status"],
            text=answer["text"] or "",
            expected=self._reference(row),
            row=row,
        )

    def _reference(self, row: Mapping[str, Any]) -> str | None:
        if self.expected is None:
            return None
        try:
            return self.expected.render(row)
        except TemplateError:
            return None


def bind(settings: Sequence[ScorerSettings]) -> list[BoundScorer]:
    """Build the scorers; raises SettingsError or TemplateError."""
    return [
        BoundScorer(
            scorer=build_scorer(scorer),
            expected=None if scorer.expected is None else compile_text(scorer.expected, path=scorer.place),
        )
        for scorer in settings
    ]


def score_run(store: RunStore, scorers: Sequence[BoundScorer], settings: EvalSettings) -> None:
    """Write `scores/<part>` for every results part, and `scores/judged.json`: by what they were made."""
    rows = RowLookup(store.folder)
    for part in store.parts():
        answers = pq.read_table(part, columns=_COLUMNS).to_pylist()
        records = rows.records([answer["row_id"] for answer in answers])
        scores = [
            bound.score(answer, record) for answer, record in zip(answers, records, strict=True) for bound in scorers
        ]
        store.put_scores(part.name, scores_table(scores))
    judged = Judged(
        scorers=tuple((bound.scorer.name, not bound.scorer.graded) for bound in scorers),
        gates=settings.gates,
        budget_usd=settings.run.budget_usd,
    )
    write_json_atomic(store.folder / JUDGED, _encode(judged))


def scored_parts(store: RunStore) -> list[tuple[Path, Path]]:
    """Results parts, each with the file that holds the scores of the same jobs."""
    return [(part, store.folder / "scores" / part.name) for part in store.parts()]


JUDGED = "scores/judged.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """By what the stored scores were made, and what is demanded of them."""

    scorers: tuple[tuple[str, bool], ...]
    """Names, each with whether it is pass/fail."""
    gates: tuple[GateSettings, ...]
    budget_usd: Decimal | None


def read_judged(folder: Path) -> Judged:
    """What `score_run` noted; raises DataError when the run was never scored."""
    try:
        noted = json.loads((folder / JUDGED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder} has no scores yet; run `evalmill score {folder}`") from None
    budget = noted["budget_usd"]
    return Judged(
        scorers=tuple((scorer["name"], scorer["pass_fail"]) for scorer in noted["scorers"]),
        gates=tuple(GateSettings(**gate) for gate in noted["gates"]),
        budget_usd=None if budget is None else Decimal(budget),
    )


def _encode(judged: Judged) -> dict[str, Any]:
    return {
        "scorers": [{"name": name, "pass_fail": pass_fail} for name, pass_fail in judged.scorers],
        "gates": [asdict(gate) for gate in judged.gates],
        "budget_usd": None if judged.budget_usd is None else str(judged.budget_usd),
    }
