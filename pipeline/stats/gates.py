"""Demands on the means of cells: which hold, which do not, and which have nothing to test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.core.settings import GateSettings


def check_gates(gates: Sequence[GateSettings], cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Test each gate on the mean of every matching cell of the summary, one entry per gate and cell.

    A gate that matches no cell, or a cell without a mean, fails with a note: silence is not a pass.
    """
    return [entry for gate in gates for entry in _test(gate, cells)]


def _test(gate: GateSettings, cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    matching = [
        cell
        for cell in cells
        if gate.model in (None, cell["model"])
        and gate.prompt in (None, cell["prompt"])
        and gate.metric in cell["metrics"]
    ]
    if matching:
        return [_entry(gate, cell, _pass_fail(gate.metric, cells)) for cell in matching]
    return [_entry(gate, None, _pass_fail(gate.metric, cells))]


def _pass_fail(metric: str, cells: Sequence[dict[str, Any]]) -> bool | None:
    """Say whether the metric is a share of passed answers; None where no cell has it."""
    found = [cell["metrics"][metric]["passed"] is not None for cell in cells if metric in cell["metrics"]]
    return any(found) if found else None


def _entry(gate: GateSettings, cell: dict[str, Any] | None, pass_fail: bool | None) -> dict[str, Any]:
    value = None if cell is None else cell["metrics"][gate.metric]["mean"]
    return {
        "metric": gate.metric,
        "pass_fail": pass_fail,
        "model": gate.model,
        "prompt": gate.prompt,
        "min": None if gate.min is None else float(gate.min),
        "max": None if gate.max is None else float(gate.max),
        "cell": None if cell is None else {name: cell[name] for name in ("model", "prompt", "params")},
        "value": value,
        "passed": value is not None and _holds(gate, value),
        "note": _note(cell, value),
    }


def _holds(gate: GateSettings, value: float) -> bool:
    return (gate.min is None or value >= gate.min) and (gate.max is None or value <= gate.max)


def _note(cell: dict[str, Any] | None, value: float | None) -> str | None:
    if cell is None:
        return "no cell has this metric, model and prompt; check the gate's names"
    return "no answer of this cell was scored" if value is None else None
