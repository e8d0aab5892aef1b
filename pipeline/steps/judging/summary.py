"""What the summary says of judges: who judged, what it cost, how far they can be trusted, and ratings from pairs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.settings import ModelSettings
from pipeline.score.judge import Judge
from pipeline.score.judge_form import Reading
from pipeline.stats.accounts import Account, dollars, total
from pipeline.stats.judging import CellValues, between_judges, calibration, corrected, rated, share
from pipeline.steps.judging.bench import Noted, noted_scorers
from pipeline.steps.judging.candidates import Candidate, Candidates
from pipeline.steps.judging.kin import kin
from pipeline.steps.judging.labels import HumanLabel, Key, key_of
from pipeline.steps.judging.ledger import Ledger, read_ledger
from pipeline.steps.judging.verdicts import Verdicts
from pipeline.store.folder import judge_folders
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore

_ROWS_AT_A_TIME = 2_000
Cell = tuple[str, str, str]


def add_judges(summary: dict[str, Any], store: RunStore, run: Mapping[str, Any]) -> None:
    """Add what there is to say of judges to a summary: `judges`, `ratings`, and their part of the cost."""
    folders = {folder.name: read_ledger(folder) for folder in judge_folders(store.folder)}
    noted = noted_scorers(store)
    if not folders and not noted:
        return
    models = [
        ModelSettings(name=model["name"], provider=model["provider"], model=model["model"])
        for model in run["settings"]["models"]
    ]
    summary["judges"], summary["ratings"] = [], []
    for one in noted:
        view = _ScorerView(one, store, folders.get(one.scorer.folder.name, Ledger()))
        summary["judges"].append(view.entry(models))
        if one.scorer.judge.is_pairwise:
            summary["ratings"] += view.ratings()
    members = [member for one in noted for member in one.scorer.verdicts.panel]
    summary["simulated"] |= any(member.model.provider == "simulator" for member in members)
    _add_cost(summary, list(folders.values()))


def _add_cost(summary: dict[str, Any], ledgers: Sequence[Ledger]) -> None:
    """Judges are part of what the run cost."""
    cost = summary["cost"]
    judges = total([ledger.cost_usd for ledger in ledgers])
    accounts = [account for ledger in ledgers for account in ledger.accounts.values()]
    own = None if cost["total_usd"] is None else Decimal(cost["total_usd"])
    cost["judges_usd"] = dollars(judges)
    cost["total_usd"] = dollars(total([own, judges]))
    cost["unpriced_jobs"] += sum(account.unpriced for account in accounts)
    cost["possibly_paid"] += sum(account.possibly_paid for account in accounts)
    known = [cost["possibly_paid_usd"], *(dollars(account.possibly_paid_usd) for account in accounts)]
    cost["possibly_paid_usd"] = dollars(total([None if usd is None else Decimal(usd) for usd in known]))
    lost = sum(ledger.lost_requests for ledger in ledgers)
    if lost:
        before = summary.get("unanswered", {"requests": 0, "usd": "0"})
        usd = Decimal(before["usd"] or 0) + sum((ledger.lost_usd for ledger in ledgers), Decimal(0))
        summary["unanswered"] = {"requests": before["requests"] + lost, "usd": dollars(usd)}


class _ScorerView:
    """Reads what is stored of one scorer's judges."""

    def __init__(self, noted: Noted, store: RunStore, ledger: Ledger) -> None:
        scorer = noted.scorer
        self._scorer = scorer
        self._labels = noted.labels
        self._judge: Judge = scorer.judge
        self._verdicts: Verdicts = scorer.verdicts
        self._candidates: Candidates = scorer.candidates
        self._store = store
        self._ledger = ledger

    def entry(self, models: Sequence[ModelSettings]) -> dict[str, Any]:
        judge = self._judge
        facts = self._pair_facts() if judge.is_pairwise else self._answer_facts()
        members = [member.model for member in self._verdicts.panel]
        return {
            "scorer": judge.name,
            "kind": judge.kind,
            "rubric": judge.rubric,
            "judges": [self._member(name) for name in self._verdicts.judges],
            "unscored": self._unscored(),
            "cost_usd": dollars(self._ledger.cost_usd),
            **facts,
            "self_preference": kin(members, models),
            **self._calibrated(),
        }

    def ratings(self) -> Iterator[dict[str, Any]]:
        """One entry for each prompt and grid cell, since only answers to the same question are compared."""
        groups: dict[tuple[str, str], list[tuple[str, str, Any, str]]] = defaultdict(list)
        for judged in self._judged_pairs():
            if judged.outcome is not None:
                first, second = judged.pair
                outcome = {"first": "a", "second": "b", "tie": "tie"}[judged.outcome]
                groups[first.prompt, first.params].append((first.model, second.model, outcome, first.row_id))
        for (prompt, params), pairs in sorted(groups.items()):
            met = {name for first, second, *_ in pairs for name in (first, second)}
            names = [name for name in self._verdicts.rules.models if name in met]
            codes = {name: code for code, name in enumerate(names)}
            firsts, seconds, outcomes, rows = zip(*pairs, strict=True)
            entry = rated(names, [codes[one] for one in firsts], [codes[one] for one in seconds], outcomes, rows)
            for name, rating in zip(names, entry["ratings"], strict=True):
                rating.update({"model": name, "prompt": prompt, "params": json.loads(params)})
            yield {"scorer": self._judge.name, **entry}

    def _member(self, name: str) -> dict[str, Any]:
        account = self._ledger.accounts.get(name, Account())
        jobs = account.statuses.total()
        return {
            "name": name,
            "jobs": jobs,
            "ok": account.statuses["ok"],
            "failed": jobs - account.statuses["ok"],
            "cost_usd": dollars(account.cost_usd),
            "reasked": self._ledger.reasked[name],
            "reused": account.reused,
            "reused_saved_usd": dollars(account.saved_usd),
        }

    def _unscored(self) -> int:
        return sum(
            pc.sum(pc.equal(_scores(path, self._judge.name)["status"], "unscored")).as_py() or 0
            for path in self._score_files()
        )

    def _answer_facts(self) -> dict[str, Any]:
        ratings = []
        missing = Counter[str]()
        for candidates in self._by_rows():
            for _, readings in self._verdicts.answers(candidates):
                ratings.append([reading.label for reading in readings.values()])
                _note_missing(missing, readings.values())
        between = between_judges(ratings)
        return {**_missing_entry(missing), "position_consistency": None, "agreement_between_judges": between}

    def _pair_facts(self) -> dict[str, Any]:
        known, consistent = Counter[str](), Counter[str]()
        ratings = []
        missing = Counter[str]()
        for judged in self._judged_pairs():
            _note_missing(missing, (reading for both in judged.by_judge.values() for reading in both))
            for name, verdict in judged.verdicts.items():
                known[name] += verdict.consistent is not None
                consistent[name] += bool(verdict.consistent)
            if judged.verdicts:
                ratings.append([verdict.outcome for verdict in judged.verdicts.values()])
        return {
            **_missing_entry(missing),
            "position_consistency": {
                "pairs": known.total(),
                "consistent": consistent.total(),
                "share": share(consistent.total(), known.total()),
                "by_judge": {name: share(consistent[name], known[name]) for name in self._verdicts.judges},
            },
            "agreement_between_judges": between_judges(ratings),
        }

    def _calibrated(self) -> dict[str, Any]:
        """The calibration; where the labels could not be read, why."""
        if self._judge.human is None:
            return {"calibration": None}
        if self._labels.problem is not None:
            return {"calibration": None, "calibration_problem": self._labels.problem}
        return {"calibration": self._calibration(self._labels.found)}

    def _calibration(self, labels: Mapping[Key, HumanLabel]) -> dict[str, Any]:
        cells: dict[Cell, CellValues] = defaultdict(CellValues)
        ours: list[str] = []
        theirs: list[str] = []
        rows: list[str] = []
        used: set[Key] = set()
        for path in self._score_files():
            places = {one.job_id: one for one in self._candidates.of_part(path.name)}
            for row in _scores(path, self._judge.name).to_pylist():
                if row["status"] == "scored":
                    one = places[row["job_id"]]
                    key = key_of(labels, one.row_id, one.model, one.prompt)
                    human = None if key is None else labels[key]
                    cells[one.model, one.prompt, one.params].add(one.row_id, row["value"], self._value(human))
                    if key is not None and human is not None and self._verdicts.rules.fate(one) == "judged":
                        used.add(key)
                        rows.append(one.row_id)
                        ours.append(row["label"])
                        theirs.append(human.label)
        form = self._judge.form
        ends = (form.lowest, form.highest) if self._judge.graded else (0.0, 1.0)
        known = list(form.labels) or sorted({*ours, *theirs}, key=float)
        return {
            **calibration(ours, theirs, known, ordered=form.scale is not None, rows=rows),
            "file": Path(self._judge.human.path).name if self._judge.human else None,
            "unmatched": len(labels) - len(used),
            "cells": [
                {"model": model, "prompt": prompt, "params": json.loads(params), **corrected(values, ends)}
                for (model, prompt, params), values in sorted(cells.items(), key=lambda item: self._rank(item[0]))
            ],
        }

    def _rank(self, cell: Cell) -> tuple[int, Cell]:
        """Cells by their model, in the order of the settings."""
        models = self._verdicts.rules.models
        return (models.index(cell[0]) if cell[0] in models else len(models), cell)

    def _value(self, human: HumanLabel | None) -> float | None:
        """A human label on the scale of the metric."""
        if human is None or self._judge.graded:
            return None if human is None else human.value
        return float(self._judge.passes(human.value))

    def _judged_pairs(self) -> Iterator[Any]:
        for candidates in self._by_rows():
            yield from self._verdicts.pairs(candidates)

    def _by_rows(self) -> Iterator[list[Candidate]]:
        for start in range(0, self._candidates.rows, _ROWS_AT_A_TIME):
            yield self._candidates.between(start, start + _ROWS_AT_A_TIME)

    def _score_files(self) -> list[Path]:
        files = [self._store.folder / "scores" / part.name for part in self._store.parts()]
        return [path for path in files if path.exists()]


def _note_missing(missing: Counter[str], readings: Iterable[Reading]) -> None:
    """Count the questions that no judge has answered."""
    for reading in readings:
        missing["errors"] += reading.is_failure
        missing["open"] += reading.is_open


def _missing_entry(missing: Counter[str]) -> dict[str, int]:
    return {name: missing[name] for name in ("errors", "open")}


def _scores(path: Path, scorer: str) -> pa.Table:
    table = read_part(path, columns=["job_id", "scorer", "value", "label", "status"])
    return table.filter(pc.equal(table["scorer"], scorer))
