"""`[statistics]` to settings: names checked against the evaluation's models and scorers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.config.read import nearest
from pipeline.config.tables import EvalTable
from pipeline.core.errors import SettingsError
from pipeline.core.settings import EquivalenceSettings, StatisticsSettings

_COLUMN_KEYS = ("cluster", "macro", "slices")


class Places(Protocol):
    """Knows where keys stand in the file."""

    def place(self, *location: str | int) -> str:
        """File and line of a key."""

    def mistake(self, location: Sequence[str | int], message: str) -> SettingsError:
        """An error that names the key's place."""


def read_statistics(table: EvalTable, models: Sequence[str], file: Places) -> StatisticsSettings:
    """Check and resolve `[statistics]`; an equivalence of a model that is not among the wanted `models` is left out.

    Raises SettingsError with file and line. Whether its columns exist is for whoever knows the dataset.
    """
    given = table.statistics
    _check_k(table, file)
    for position, pair in enumerate(given.equivalence):
        location = ("statistics", "equivalence", position)
        _check_known(file, (*location, "a"), "model", pair.a, [model.name for model in table.models])
        _check_known(file, (*location, "b"), "model", pair.b, [model.name for model in table.models])
        scorers = [scorer.name or scorer.kind for scorer in table.scorers]
        if pair.metric is not None:
            _check_known(file, (*location, "metric"), "metric", pair.metric, scorers)
        if pair.a == pair.b:
            raise file.mistake(location, f"'a' and 'b' are both {pair.a!r}; name two models")
        if not scorers:
            raise file.mistake(location, "an equivalence needs a metric, and there is no [[scorers]] table")
    plain = given.model_dump(exclude={"equivalence", "slices", "k"})
    return StatisticsSettings(
        **plain,
        slices=tuple(dict.fromkeys(given.slices)),
        k=tuple(sorted(set(given.k))),
        equivalence=tuple(
            EquivalenceSettings(**pair.model_dump())
            for pair in given.equivalence
            if not models or {pair.a, pair.b} <= set(models)
        ),
        places={key: file.place("statistics", key) for key in _COLUMN_KEYS},
    )


def _check_k(table: EvalTable, file: Places) -> None:
    repeats = table.run.repeats
    if table.statistics.k and max(table.statistics.k) > repeats:
        raise file.mistake(
            ("statistics", "k"),
            f"k = {max(table.statistics.k)} needs at least as many repeats; [run] has repeats = {repeats}",
        )


def _check_known(file: Places, location: Sequence[str | int], noun: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        hint = nearest(name, known) or f"; there are: {', '.join(known) or 'none'}"
        raise file.mistake(location, f"there is no {noun} {name!r}{hint}")
