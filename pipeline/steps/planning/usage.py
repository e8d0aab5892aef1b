"""Tokens to come: input by the estimate and what it missed earlier, output by the length of earlier answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core.errors import EvalmillError
from pipeline.core.records import Request
from pipeline.core.template import compile_template
from pipeline.core.tokens import estimate_request_tokens
from pipeline.guard.media import MediaReader
from pipeline.run.permits import max_output_tokens
from pipeline.stats.predict import NOTHING, Range, predict_from_base, predict_sum
from pipeline.steps.planning.evidence import Evidence, answers_like, like, model_anywhere, newest
from pipeline.steps.planning.history import Asked, History, Seen, asked_of
from pipeline.steps.planning.look import Part, is_dense
from pipeline.steps.rows import RowLookup
from pipeline.store.folder import read_run

UNCALIBRATED = (0.55, 1.35)
"""What the true count may be of an estimate that nothing confirms. Measured with the public tokenizers of Claude 2,
cl100k and o200k over English, German, Chinese, Japanese, Korean, Python and JSON: 0.59 to 1.21 times the estimate."""
OTHER_TEXT = 1.3
"""The same between two prompts of one model; the square root of that spread, and a little."""
RENDERED = 100
"""Earlier requests that are rendered again, to see how far off their estimates were."""
_SEED = 0

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """True counts with their estimates."""

    true: Numbers
    estimated: Numbers
    words: str


@dataclass(frozen=True, slots=True)
class Told:
    """A quantity, and what it rests on."""

    amount: Range
    basis: str


class InputTokens:
    """Predicts input tokens; renders each earlier run's requests once."""

    def __init__(self, history: History, counted: dict[str, Pairs]) -> None:
        """`counted` holds what a provider counted, by model name."""
        self._history = history
        self._counted = counted
        self._pairs: dict[int, Pairs | None] = {}

    def predict(self, part: Part, asked: Asked, tokens: Range, jobs: int) -> Told:
        """The input of `jobs` open jobs whose estimates sum up to `tokens`."""
        if not jobs or not tokens.likely:
            return Told(NOTHING, "")
        counted = self._counted.get(part.lane.model.name)
        if counted is not None:
            found = _held_against(counted, part, tokens.likely)
            if found is not None:
                return Told(found.as_open_as(tokens), counted.words)
        alike = like(self._history, asked)
        for seen, factor, other in (
            ([] if alike is None else alike.seen, 1.0, ""),
            (model_anywhere(self._history, asked), OTHER_TEXT, " to other prompts"),
        ):
            pairs = self._joined(newest(seen, 3), dense=is_dense(part.lane))
            found = None if pairs is None else _held_against(pairs, part, tokens.likely)
            if pairs is not None and found is not None:
                return Told(found.widened(factor).as_open_as(tokens), f"{pairs.words}{other}")
        low, high = UNCALIBRATED
        return Told(Range(tokens.low * low, tokens.likely, tokens.high * high), "an estimate that nothing confirms yet")

    def _joined(self, seen: Sequence[Seen], *, dense: bool) -> Pairs | None:
        found = [pairs for one in seen if (pairs := self._of(one, dense=dense)) is not None]
        if not found:
            return None
        true = np.concatenate([pairs.true for pairs in found])
        words = f"the estimate, held against {len(true):,} requests of {found[0].words}"
        return Pairs(true, np.concatenate([pairs.estimated for pairs in found]), words)

    def _of(self, seen: Seen, *, dense: bool) -> Pairs | None:
        if id(seen) not in self._pairs:
            self._pairs[id(seen)] = None
            with suppress(EvalmillError, OSError, LookupError, TypeError, ValueError, AttributeError):
                self._pairs[id(seen)] = _rendered_again(seen, dense=dense)
        return self._pairs[id(seen)]


def predict_output(history: History, part: Part, asked: Asked, jobs: int) -> Told | None:
    """The output of `jobs` open jobs; None where neither earlier answers nor max_tokens say anything."""
    most = max_output_tokens(part.cell.params)
    if not jobs:
        return Told(NOTHING, "")
    evidence = answers_like(history, asked)
    found = None if evidence is None else _lengths(evidence, most, jobs, part.per_row)
    if evidence is not None and found is not None:
        return Told(found.widened(evidence.factor).within(0.0, _bound(most, jobs)), evidence.words)
    if most is None:
        return None
    return Told(
        Range(float(jobs), None, float(jobs * most)), "unknown without earlier answers: from 1 token to max_tokens each"
    )


def asked_by(part: Part, prompt_sha256: str) -> Asked:
    """What the jobs of a part ask."""
    model = part.lane.model
    return asked_of(model.provider, model.model, prompt_sha256, part.cell.params)


def row_count(jobs: int, units: float) -> int:
    """Of `jobs`, the rows that they belong to."""
    return max(1, round(jobs / units))


def _lengths(evidence: Evidence, most: int | None, jobs: int, units: float) -> Range | None:
    """Answers as long as earlier ones, under the limit that holds now. What was cut by a lower one may go on to it."""
    found = predict_sum(evidence.by_row(lambda one: _cut(one, most)), row_count(jobs, units), units=units)
    if found is None:
        return None
    longer = predict_sum(evidence.by_row(lambda one: _let_go(one, most)), row_count(jobs, units), units=units)
    return Range(found.low, found.likely, max(found.high, found.high if longer is None else longer.high))


def _held_against(pairs: Pairs, part: Part, tokens: float) -> Range | None:
    """The open jobs' input, row by row: repeats of one row have the same."""
    sizes = np.asarray(part.tokens, dtype=np.float64)
    by_row = np.bincount(part.rows, sizes)
    rows = np.bincount(part.rows)
    per_job = by_row[rows > 0] / rows[rows > 0]
    found = predict_from_base(pairs.true, pairs.estimated, per_job, part.per_row)
    looked_at = float(sizes.sum())
    return None if found is None or not looked_at else found.times(tokens / looked_at)


def _cut(one: Seen, most: int | None) -> Numbers:
    return one.output if most is None else np.minimum(one.output, most)


def _let_go(one: Seen, most: int | None) -> Numbers:
    """Cut answers as long as a higher limit lets them be."""
    if most is None or one.max_tokens is None or one.max_tokens >= most:
        return _cut(one, most)
    return np.where(one.cut, float(most), _cut(one, most))


def _bound(most: int | None, jobs: int) -> float:
    return float("inf") if most is None else float(most * jobs)


def _rendered_again(seen: Seen, *, dense: bool) -> Pairs | None:
    """The requests of some earlier answers, rendered again from the run's own rows and templates, and estimated."""
    run = read_run(seen.folder)
    prompt = next(one for one in run["settings"]["prompts"] if one["name"] == seen.prompt_name)
    template = compile_template(prompt["source"], path=prompt["path"])
    media = MediaReader(root=Path(run["dataset"]["path"]).parent)
    _, places = np.unique(np.asarray(seen.row_ids.to_pylist(), dtype=object).astype(str), return_index=True)
    if len(places) > RENDERED:
        places = np.random.default_rng(_SEED).choice(places, RENDERED, replace=False)
    places = np.sort(places)
    params = _params(seen)
    estimates = []
    for row in RowLookup(seen.folder).records(seen.row_ids.take(pa.array(places))):
        rendered = template.render(row, media)
        request = Request(messages=rendered.messages, system=rendered.system, params=params)
        estimates.append(estimate_request_tokens(request, dense=dense))
    return Pairs(seen.input[places], np.asarray(estimates, dtype=np.float64), f"run {seen.run_id}")


def _params(seen: Seen) -> dict[str, object]:
    import orjson

    params: dict[str, object] = orjson.loads(seen.asked.params)
    return params
