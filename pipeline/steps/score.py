"""Score: stored answers to scores, part by part; costs no tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.describe import describe_scorer, describe_statistics
from pipeline.core.errors import DataError, DiskError, TemplateError
from pipeline.core.records import Answer, Metric, Treatment, Verdict
from pipeline.core.settings import EvalSettings, GateSettings, ScorerSettings, StatisticsSettings
from pipeline.core.template import TextTemplate, compile_text
from pipeline.score.apply import judge
from pipeline.score.policy import counts_of
from pipeline.score.scorers import Scorer, build_scorer
from pipeline.steps.columns import require_columns, require_referenced
from pipeline.steps.judging.bench import judged_scorers, note_scorers
from pipeline.steps.judging.panel import JudgeModel, judge_models, recorded_judge_models
from pipeline.steps.judging.scores import JudgedScorer
from pipeline.steps.rows import RowLookup
from pipeline.store.folder import write_json_atomic
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore
from pipeline.store.schema import SCORES_SCHEMA, scores_table

_COLUMNS = [
    *("job_id", "run_id", "row_id", "status"),
    *("text", "tool_calls", "output_tokens", "latency_ms", "cost_usd", "source", "reused_cost_usd"),
]
_RESULTS_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class BoundScorer:
    """A scorer with the template of its reference."""

    scorer: Scorer
    expected: TextTemplate | None
    kind: str
    counts: Mapping[str, Treatment]

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.scorer.name

    @property
    def row_columns(self) -> frozenset[str] | None:
        """The columns of the row that the scorer and its reference may look at; None is any."""
        read = self.scorer.row_columns
        if self.expected is None or read is None:
            return read
        return None if self.expected.only_column is None else read | {self.expected.only_column}

    @property
    def metric(self) -> Metric:
        """What the scorer's values are, for those who read them later."""
        scorer = self.scorer
        return Metric(
            name=scorer.name,
            kind=self.kind,
            pass_fail=not scorer.graded,
            better=scorer.better,
            unit=scorer.unit,
            scale=scorer.scale,
            corpus=scorer.corpus,
            corpus_options=dict(scorer.corpus_options),
            counts=dict(self.counts),
        )

    def score(self, result: Mapping[str, Any], answer: Answer, row: Mapping[str, Any]) -> Verdict:
        """Judge the answer of `result`; a reference that cannot be rendered leaves it unscored."""
        return judge(self.scorer, self.counts, result["status"], answer, self._reference(row), row)

    def _reference(self, row: Mapping[str, Any]) -> str | None:
        if self.expected is None:
            return None
        try:
            return self.expected.render(row)
        except TemplateError:
            return None


def bind(settings: Sequence[ScorerSettings]) -> list[BoundScorer]:
    """Build the scorers; raises SettingsError or TemplateError."""
    return [_bind(scorer) for scorer in settings]


def _bind(settings: ScorerSettings) -> BoundScorer:
    scorer = build_scorer(settings)
    return BoundScorer(
        scorer=scorer,
        expected=None if settings.expected is None else compile_text(settings.expected, path=settings.place),
        kind=settings.kind,
        counts=counts_of(settings, scorer.better),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """How answers are judged, and what is demanded of the result."""

    scorers: tuple[ScorerSettings, ...]
    judges: tuple[JudgeModel, ...]
    """Whom scorers of the kinds judge and pairwise ask."""
    gates: tuple[GateSettings, ...]
    statistics: StatisticsSettings
    budget_usd: Decimal | None

    @classmethod
    def of(cls, settings: EvalSettings) -> Demands:
        """As eval.toml says now."""
        return cls(
            scorers=settings.scorers,
            judges=judge_models(settings),
            gates=settings.gates,
            statistics=settings.statistics,
            budget_usd=settings.run.budget_usd,
        )

    @classmethod
    def recorded(cls, run: Mapping[str, Any]) -> Demands:
        """As run.json says: when the run began."""
        settings = run["settings"]
        budget = settings["run"]["budget_usd"]
        return cls(
            scorers=tuple(ScorerSettings(**scorer) for scorer in settings["scorers"]),
            judges=recorded_judge_models(settings),
            gates=tuple(GateSettings(**gate) for gate in settings["gates"]),
            statistics=StatisticsSettings.recorded(settings.get("statistics")),
            budget_usd=None if budget is None else Decimal(budget),
        )


def score_run(store: RunStore, demands: Demands) -> list[str]:
    """Write `scores/<part>` for every results part, and `scores/judged.json`: by what they were made.

    Returns one sentence for each scorer that left answers unscored, with the first reason, and for each file of human
    labels that cannot be read. Raises SettingsError or TemplateError for a scorer that cannot be built, and for
    references or statistics over columns that are not there.
    """
    require_columns(store.folder, demands.statistics)
    judged = judged_scorers(store, demands.scorers, demands.judges)
    scorers = [judged.get(scorer.name) or _bind(scorer) for scorer in demands.scorers]
    pure = (bound for bound in scorers if isinstance(bound, BoundScorer))
    require_referenced(store.folder, (bound.expected for bound in pure if bound.expected is not None))
    rows = RowLookup(store.folder, _columns_read(scorers))
    unscored: dict[str, Unscored] = {}
    for part in store.parts():
        tables = [SCORES_SCHEMA.empty_table()]
        for judge_scorer in judged.values():
            judge_scorer.begin(part)
        for table in _scores(read_part(part, columns=_COLUMNS), rows, scorers):
            tables.append(table)
            _note_unscored(unscored, table)
        store.put_scores(part.name, pa.concat_tables(tables))
    noted = Judged(
        scorers=tuple(bound.metric for bound in scorers),
        gates=demands.gates,
        statistics=demands.statistics,
        budget_usd=demands.budget_usd,
        settings=tuple(describe_scorer(scorer) for scorer in demands.scorers),
    )
    uncalibrated = note_scorers(store, demands.scorers, judged)
    write_json_atomic(store.folder / JUDGED, _encode(noted))
    return uncalibrated + [
        f"scorer {name!r}: {_counted(left.answers)} unscored; the first: {left.first_reason or 'no reason given'}"
        for name, left in unscored.items()
    ]


def _columns_read(scorers: Sequence[BoundScorer | JudgedScorer]) -> frozenset[str] | None:
    """The columns of the rows that are worth reading; None is all."""
    read: frozenset[str] = frozenset()
    for bound in scorers:
        columns = bound.row_columns
        if columns is None:
            return None
        read |= columns
    return read


def _scores(results: pa.Table, rows: RowLookup, scorers: Sequence[BoundScorer | JudgedScorer]) -> Iterator[pa.Table]:
    """The scores of some results, a few results at a time: as columns they take less than as objects."""
    records = rows.records(results["row_id"])
    for batch in results.to_batches(max_chunksize=_RESULTS_AT_A_TIME):
        asked = [(result, _answer(result), record) for result, record in zip(batch.to_pylist(), records, strict=False)]
        for bound in scorers:
            yield scores_table(batch, bound.name, [bound.score(*one) for one in asked])


@dataclass(slots=True)
class Unscored:
    """Answers that a scorer left unscored, and why the first of them."""

    first_reason: str | None
    answers: int = 0


def _note_unscored(unscored: dict[str, Unscored], scores: pa.Table) -> None:
    """Count what one scorer left unscored in a table of its scores."""
    left = scores.filter(pc.equal(scores["status"], "unscored"))
    if left.num_rows:
        noted = unscored.setdefault(left["scorer"][0].as_py(), Unscored(left["explanation"][0].as_py()))
        noted.answers += left.num_rows


def _counted(answers: int) -> str:
    return f"{answers:,} answer is" if answers == 1 else f"{answers:,} answers are"


def is_scored(store: RunStore) -> bool:
    """Whether every results part has its scores."""
    return (store.folder / JUDGED).exists() and all(scores.exists() for _, scores in scored_parts(store))


def _answer(result: Mapping[str, Any]) -> Answer:
    """What a scorer may look at, from the columns of a result; a reused answer costs what it cost when it was new."""
    calls = result["tool_calls"]
    return Answer(
        text=result["text"] or "",
        tool_calls=() if calls is None else tuple(json.loads(calls)),
        output_tokens=result["output_tokens"],
        latency_ms=result["latency_ms"],
        cost_usd=result["reused_cost_usd" if result["source"] == "reused" else "cost_usd"],
    )


def scored_parts(store: RunStore) -> list[tuple[Path, Path]]:
    """Results parts, each with the file that holds the scores of the same jobs."""
    return [(part, store.folder / "scores" / part.name) for part in store.parts()]


JUDGED = "scores/judged.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """By what the stored scores were made, and what is demanded of them."""

    scorers: tuple[Metric, ...]
    gates: tuple[GateSettings, ...]
    statistics: StatisticsSettings
    budget_usd: Decimal | None
    settings: tuple[Mapping[str, Any], ...] = ()
    """The scorers as eval.toml described them; older runs did not note them."""


def read_judged(folder: Path) -> Judged:
    """What `score_run` noted; raises DataError when the run was never scored."""
    try:
        noted = json.loads((folder / JUDGED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder} has no scores yet; run `evalmill score {folder}`") from None
    except ValueError as error:
        raise DiskError(f"{folder / JUDGED}: is damaged: {error}; run `evalmill score {folder}`") from None
    budget = noted["budget_usd"]
    return Judged(
        scorers=tuple(_metric(scorer) for scorer in noted["scorers"]),
        gates=tuple(GateSettings(**gate) for gate in noted["gates"]),
        statistics=StatisticsSettings.recorded(noted.get("statistics")),
        budget_usd=None if budget is None else Decimal(budget),
        settings=tuple(noted.get("settings", ())),
    )


def _metric(noted: Mapping[str, Any]) -> Metric:
    """One entry; those of older versions hold the name and `pass_fail` alone."""
    return Metric(**{"scale": "share" if noted["pass_fail"] else "number", **noted})


def _encode(judged: Judged) -> dict[str, Any]:
    return {
        "scorers": [asdict(metric) for metric in judged.scorers],
        "gates": [asdict(gate) for gate in judged.gates],
        "statistics": describe_statistics(judged.statistics),
        "budget_usd": None if judged.budget_usd is None else str(judged.budget_usd),
        "settings": list(judged.settings),
    }
