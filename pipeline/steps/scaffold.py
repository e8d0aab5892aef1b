"""Scaffold: a first eval.toml and template for a dataset, guessed from its columns; meant to be edited."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.core.errors import DataError, OutputError, UsageError
from pipeline.core.names import slug
from pipeline.core.settings import DatasetSettings
from pipeline.plan.dataset import Dataset, open_dataset

_ANSWER_NAMES = ("answer", "label", "expected", "target", "gold", "ground_truth", "reference", "solution", "output")
_QUESTION_NAMES = ("question", "prompt", "input", "text", "review", "instruction", "query", "sentence", "content")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")
_SAMPLE_ROWS = 200
_MOST_LABELS = 12

_EVAL = """\
name = {name}
description = ""

[dataset]
path = {path}
{id_line}
[[prompts]]
name = "first"
template = "first.jinja"

# Simulated models need no key and no network; their prices are made up. They show how a run and its pages look.
[[models]]
name = "small"
id = "simulator/sim-small"
[models.params]
max_tokens = 512
temperature = 0.0

[[models]]
name = "large"
id = "simulator/sim-large"
[models.params]
max_tokens = 512
temperature = 0.0

# A real model: take the marks away and set its key, here APIMART_API_KEY.
# [[models]]
# name = "sonnet"
# id = "apimart/claude-sonnet-4-5-20250929"
# [models.params]
# max_tokens = 512
# temperature = 0.0

[run]
concurrency = 16
# budget_usd = 5.00
{scorer}{simulator}"""

_SIMULATOR = """
# What the simulated models know; has no effect on real ones.
[simulator]
seed = 7
answers = {path}
question_column = {question}
answer_column = {answer}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What the columns seem to be."""

    row_key: str | None
    question: str
    answer: str | None
    scorer: str


def scaffold(name: str, data: Path, folder: Path) -> list[Path]:
    """Write `folder`/<slug>/eval.toml and first.jinja; raises OutputError when they are there already."""
    if not name.strip():
        raise UsageError("an evaluation needs a name")
    dataset = open_dataset(DatasetSettings(path=str(data.resolve())))
    records = _first_records(dataset)
    guess = _guess(dataset, records)
    home = folder / slug(name)
    path = Path(os.path.relpath(data.resolve(), home.resolve())).as_posix()
    contents = {"eval.toml": _eval_toml(name, path, guess), "first.jinja": _template(guess)}
    for file in contents:
        if (home / file).exists():
            raise OutputError(f"{home / file} exists already; choose another name, or remove it first")
    try:
        home.mkdir(parents=True, exist_ok=True)
        for file, text in contents.items():
            (home / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{home} cannot be written: {error.strerror or error}") from error
    return [home / file for file in contents]


def _first_records(dataset: Dataset) -> list[Mapping[str, Any]]:
    survey = dataset.survey()
    if survey.rows == 0:
        raise DataError(f"{dataset.files[0]} has no rows")
    batches = dataset.batches(survey, 0, min(survey.rows, _SAMPLE_ROWS))
    return list(islice((record for batch in batches for record in batch.records()), _SAMPLE_ROWS))


def _guess(dataset: Dataset, records: Sequence[Mapping[str, Any]]) -> Guess:
    columns = dataset.columns
    answer = _first_named(_ANSWER_NAMES, columns)
    texts = [column for column in columns if column != answer and any(isinstance(row[column], str) for row in records)]
    question = _first_named(_QUESTION_NAMES, texts) or _longest(texts or list(columns), records)
    return Guess(
        row_key="id" if "id" in columns and len({row["id"] for row in records}) == len(records) else None,
        question=question,
        answer=answer,
        scorer="" if answer is None else _scorer([row[answer] for row in records], answer),
    )


def _first_named(names: Sequence[str], columns: Sequence[str]) -> str | None:
    by_lower = {column.lower(): column for column in columns}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _longest(columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    return max(columns, key=lambda column: sum(len(str(row[column])) for row in records))


def _scorer(values: Sequence[Any], column: str) -> str:
    texts = [str(value).strip() for value in values if value is not None]
    expected = f"expected = {_toml('{{ ' + _reference(column) + ' }}')}"
    if texts and all(_NUMBER.fullmatch(text) for text in texts):
        return f'\n[[scorers]]\nkind = "number"\n{expected}\n'
    labels = sorted(set(texts))
    if 2 <= len(labels) <= _MOST_LABELS and len(texts) > len(labels):
        return f'\n[[scorers]]\nkind = "choice"\n{expected}\nchoices = {json.dumps(labels, ensure_ascii=False)}\n'
    return f'\n[[scorers]]\nkind = "exact"\n{expected}\n'


def _reference(column: str) -> str:
    """A column as a template names it."""
    return column if _IDENTIFIER.fullmatch(column) else f"row[{_toml(column)}]"


def _eval_toml(name: str, path: str, guess: Guess) -> str:
    simulator = ""
    if guess.answer is not None:
        simulator = _SIMULATOR.format(path=_toml(path), question=_toml(guess.question), answer=_toml(guess.answer))
    return _EVAL.format(
        name=_toml(name),
        path=_toml(path),
        id_line=f"id = {_toml(guess.row_key)}\n" if guess.row_key else "",
        scorer=guess.scorer,
        simulator=simulator,
    )


def _template(guess: Guess) -> str:
    return (
        "{% system %}Answer briefly. End with the answer itself.{% endsystem %}\n"
        f"{{% user %}}{{{{ {_reference(guess.question)} }}}}{{% enduser %}}\n"
    )


def _toml(text: str) -> str:
    """A TOML basic string: JSON's escapes are a part of TOML's."""
    return json.dumps(text, ensure_ascii=False)
