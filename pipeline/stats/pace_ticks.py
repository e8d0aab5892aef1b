"""What happened in a run, tick of time by tick of time, by lane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ticks:
    """What happened in each tick of time in which anything did, by lane; ascending in time."""

    COLUMNS: ClassVar = ("requests", "returned", "refused", "input_tokens", "output_tokens", "busy_seconds")
    """Requests and their input tokens count when they leave, refusals and output tokens when they come back."""

    seconds: NDArray[np.float64]
    """Where the tick begins, since 1970."""
    lane: NDArray[np.int64]
    """Which of `models`."""
    sums: NDArray[np.float64]
    """By the columns above."""
    width: float
    """Seconds of one tick."""
    models: list[str]

    def column(self, name: str) -> NDArray[np.float64]:
        """One of the columns."""
        return self.sums[:, self.COLUMNS.index(name)]

    def where(self, kept: NDArray[np.bool_]) -> Ticks:
        """The ticks that are marked."""
        return Ticks(self.seconds[kept], self.lane[kept], self.sums[kept], self.width, self.models)
