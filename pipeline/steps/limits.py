"""Output limits of earlier runs, for requests that differ from earlier ones in nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from pipeline.core.errors import EvalmillError
from pipeline.core.fingerprint import canonical_json
from pipeline.core.records import Request
from pipeline.steps.prepare import Prepared
from pipeline.store.folder import read_run

LIMITS = ("max_tokens", "max_completion_tokens")

OtherLimits = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
"""By a model's name and a grid cell's text: the limits that earlier runs set in its place."""


def other_limits(home: Path, own: Path, prepared: Prepared) -> OtherLimits:
    """The limits in the runs below `home` whose models and grids differ from ours in their limits alone."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for folder in sorted(home.glob("*"), reverse=True):
        if folder.resolve() == own.resolve():
            continue
        with suppress(EvalmillError, LookupError, TypeError, AttributeError, ValueError):  # damaged, and told as such
            for place, limits in _limits_of(read_run(folder)["settings"], prepared):
                known = found.setdefault(place, [])
                known += [limits] if limits not in known else []
    return found


def limited(request: Request, limits: Mapping[str, Any]) -> Request:
    """The request under other output limits."""
    return replace(request, params={**_without_limits(request.params), **limits})


def _limits_of(theirs: Mapping[str, Any], prepared: Prepared) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """The limits that other settings have in the place of ours, for each of our models and cells."""
    ours = prepared.described
    if _masked_grid(theirs["grid"]) != _masked_grid(ours["grid"]):
        return
    for lane, mine in zip(prepared.plan.lanes, ours["models"], strict=True):
        for model in theirs["models"]:
            if _asked(model) != _asked(mine):
                continue
            for cell, limits in zip(lane.cells, _cell_limits(model, theirs["grid"]), strict=False):
                if limits != _only_limits(cell.params):
                    yield (lane.model.name, cell.text), limits


def _asked(model: Mapping[str, Any]) -> bytes:
    """Who is asked, and with which parameters, limits apart."""
    return canonical_json([model["identity"], _without_limits(model["params"])])


def _masked_grid(grid: Mapping[str, Sequence[Any]]) -> list[tuple[str, Any]]:
    """The grid in its order, of limits only how many there are."""
    return [
        (name, len(values) if name in LIMITS else canonical_json(list(values)).decode())
        for name, values in grid.items()
    ]


def _cell_limits(model: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]) -> list[Mapping[str, Any]]:
    """The limits of each cell, in the order of the cells."""
    cells = (dict(zip(grid, values, strict=True)) for values in product(*grid.values()))
    return [_only_limits({**model["params"], **cell}) for cell in cells]


def _only_limits(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in LIMITS if name in params}


def _without_limits(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in LIMITS}
