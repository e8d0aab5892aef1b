"""What people said of some answers: the file that judges are calibrated with."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.errors import DataError
from pipeline.score.judge import Judge

Key = tuple[str, str | None, str | None]
"""Row id, model, prompt; None stands for all of them."""


@dataclass(frozen=True, slots=True)
class HumanLabel:
    """One label with its value on the judge's scale."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Labels:
    """What people said as it was when the run was scored, or why that could not be read."""

    found: Mapping[Key, HumanLabel] = field(default_factory=dict)
    problem: str | None = None


def labels_note(judge: Judge) -> dict[str, Any]:
    """The labels of the file as a run keeps them, JSON-ready: its pages need the file no more."""
    try:
        return {"labels": [[*key, human.label] for key, human in read_labels(judge).items()]}
    except DataError as error:
        return {"labels": [], "labels_problem": str(error)}


def noted_labels(judge: Judge, note: Mapping[str, Any]) -> Labels:
    """Read what `labels_note` gave."""
    if note.get("labels_problem"):
        return Labels(problem=str(note["labels_problem"]))
    try:
        entries: Sequence[Sequence[Any]] = note.get("labels") or ()
        return Labels({(row, model, prompt): _label(judge, said, row) for row, model, prompt, said in entries})
    except (DataError, TypeError, ValueError, AttributeError) as error:
        return Labels(problem=f"the run's copy is damaged: {error}")


def read_labels(judge: Judge) -> dict[Key, HumanLabel]:
    """Read the file of human labels: a CSV with the row's id, the label, and model and prompt where they matter.

    Raises DataError for a file that cannot be read, a column that is missing, a label that the judge does not know,
    and two labels for one answer.
    """
    human = judge.human
    if human is None:
        return {}
    path = Path(human.path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            missing = [name for name in (human.id, human.label) if name not in columns]
            if missing:
                there = ", ".join(columns) or "nothing in it"
                raise DataError(f"{path}: human: there is no column {missing[0]!r}; the file has {there}")
            found: dict[Key, HumanLabel] = {}
            for row in reader:
                _add(found, judge, row, f"{path}:{reader.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: the human labels cannot be read: {error}") from None
    if not found:
        raise DataError(f"{path}: holds no labels")
    return found


def key_of(labels: Mapping[Key, HumanLabel], row_id: str, model: str, prompt: str) -> Key | None:
    """Where the label of one answer stands: the one that names most of its place."""
    keys = ((row_id, model, prompt), (row_id, model, None), (row_id, None, prompt), (row_id, None, None))
    return next((key for key in keys if key in labels), None)


def _add(found: dict[Key, HumanLabel], judge: Judge, row: Mapping[str, str | None], place: str) -> None:
    human = judge.human
    if human is None:
        return
    row_id, said = (row[human.id] or "").strip(), (row[human.label] or "").strip()
    if not said:
        return  # not labelled yet
    model, prompt = ((row.get(name) or "").strip() or None for name in ("model", "prompt"))
    key = (row_id, model, prompt)
    if key in found:
        raise DataError(f"{place}: a second label for row {row_id!r}; keep one, or tell them apart by model and prompt")
    found[key] = _label(judge, said, place)


def _label(judge: Judge, said: str, place: str) -> HumanLabel:
    form = judge.form
    if form.labels:
        name = next((label for label in form.labels if label.casefold() == said.casefold()), None)
        if name is None:
            raise DataError(f"{place}: {said!r} is none of the judge's labels ({', '.join(form.labels)})")
        return HumanLabel(name, form.labels[name])
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not form.lowest <= value <= form.highest:
        raise DataError(f"{place}: {said!r} is no score from {form.lowest:g} to {form.highest:g}")
    return HumanLabel(f"{value:g}", value)
