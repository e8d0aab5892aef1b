"""The stored verdicts of a scorer's judges, joined with the answers and pairs that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.score.judge_form import Reading
from pipeline.score.judge_vote import Outcome, PairVerdict, both_orders, majority
from pipeline.steps.judging.candidates import Candidate
from pipeline.steps.judging.panel import Panelist
from pipeline.steps.judging.reading import read_result
from pipeline.steps.judging.units import Pair, Rules, Unit
from pipeline.store.folder import holds_run, listed_parts
from pipeline.store.parts import read_part

_COLUMNS = ["job_id", "model", "status", "params", "text", "tool_calls", "error_message"]
_NOT_ASKED = Reading(problem="the judge has not been asked yet", is_open=True)

Readings = Mapping[str, Reading]
"""By judge."""


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A pair with what came of it."""

    pair: Pair
    outcome: Outcome | None
    """None where it does not count, or no judge could say."""
    by_judge: Mapping[str, tuple[Reading, Reading]]
    """Each judge's verdicts in both orders; empty where no judge was needed."""
    verdicts: Mapping[str, PairVerdict]
    """Each judge's two verdicts taken together."""


class Verdicts:
    """Reads what the judges of one scorer have said so far."""

    def __init__(self, rules: Rules, panel: Sequence[Panelist], folder: Path) -> None:
        """`folder` holds the judges' results; nobody writes to it meanwhile."""
        self.rules = rules
        self.panel = tuple(panel)
        self.folder = folder
        parts = listed_parts(folder) if holds_run(folder) else []
        tables = [read_part(path, columns=_COLUMNS) for path in parts]
        self._table = pa.concat_tables(tables).combine_chunks() if tables else None

    @property
    def judges(self) -> list[str]:
        """The names of the judges."""
        return [one.model.name for one in self.panel]

    def answers(self, candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, Readings]]:
        """Every answer that is for a judge, with what each judge says of it."""
        units = [Unit((one,)) for one in candidates if self.rules.fate(one) == "judged"]
        readings = self._readings(units)
        for unit in units:
            yield unit.targets[0], readings[unit]

    def pairs(self, candidates: Sequence[Candidate]) -> Iterator[JudgedPair]:
        """Every pair among `candidates`, with what came of it."""
        pairs = list(self.rules.pairs(candidates))
        asked = [pair for pair in pairs if self.rules.is_asked(pair)]
        readings = self._readings([unit for pair in asked for unit in pair.orders])
        for pair in pairs:
            if not self.rules.is_asked(pair):
                yield JudgedPair(pair, self.rules.without_judge(pair), {}, {})
                continue
            one, other = (readings[unit] for unit in pair.orders)
            by_judge = {name: (one[name], other[name]) for name in self.judges}
            verdicts = {name: both_orders(*two) for name, two in by_judge.items()}
            said = [verdict.outcome for verdict in verdicts.values() if verdict.outcome is not None]
            yield JudgedPair(pair, majority(said), by_judge, verdicts)

    def _readings(self, units: Sequence[Unit]) -> Mapping[Unit, Readings]:
        found: dict[Unit, dict[str, Reading]] = {unit: {} for unit in units}
        for one in self.panel:
            ids = [unit.job_id(one.asked) for unit in units]
            rows = self._rows(ids)
            for unit, job_id in zip(units, ids, strict=True):
                row = rows.get(job_id)
                said = _NOT_ASKED if row is None else read_result(self.rules.judge, one.means, row)
                found[unit][one.model.name] = said
        return found

    def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        if self._table is None or not ids:
            return {}
        column = self._table["job_id"]
        chosen = self._table.filter(pc.is_in(column, value_set=pa.array(ids, column.type)))
        return {row["job_id"]: row for row in chosen.to_pylist()}
