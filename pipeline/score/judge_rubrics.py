"""The rubrics that come with the product: labels or scale, direction, and the file of the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.records import Better

_FOLDER = Path(__file__).with_name("rubrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A rubric that comes with the product."""

    scale: tuple[float, float] | None = None
    labels: Mapping[str, float] | None = None
    better: Better = "higher"
    needs: str | None = None
    """The option without which the rubric makes no sense."""


_THREE = {"correct": 1.0, "partly": 0.5, "incorrect": 0.0}
READY: Mapping[str, Mapping[str, Ready]] = {
    "judge": {
        "correctness": Ready(labels=_THREE, needs="expected"),
        "faithfulness": Ready(labels={"faithful": 1.0, "partly": 0.5, "unfaithful": 0.0}, needs="context"),
        "helpfulness": Ready(scale=(1.0, 5.0)),
        "toxicity": Ready(labels={"none": 0.0, "mild": 0.5, "severe": 1.0}, better="lower"),
    },
    "pairwise": {"helpfulness": Ready()},
}
"""The ready rubrics of each kind."""


def rubric_file(kind: str, rubric: str) -> Path:
    """The prompt of a ready rubric."""
    return _FOLDER / f"{'pairwise_' if kind == 'pairwise' else ''}{rubric}.jinja"
