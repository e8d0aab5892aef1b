"""Places the names of points in a chart so that they cover each other as little as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

SIDES = ("right", "left", "above", "below")
_PLOT_WIDTH, _PLOT_HEIGHT = 300.0, 260.0
"""The narrow plot that the places are worked out for; in a wider one there is only more room."""
LIMIT = 300
"""Pixels after which a name is cut."""
_CHARACTER, _LINE, _GAP = 6.6, 15.0, 9.0


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    bottom: float
    width: float
    height: float

    def shared(self, other: _Box) -> float:
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        along = min(self.bottom + self.height, other.bottom + other.height) - max(self.bottom, other.bottom)
        return across * along if across > 0 and along > 0 else 0.0

    def outside(self) -> float:
        over = max(0.0, -self.left) + max(0.0, self.left + self.width - _PLOT_WIDTH)
        return over * self.height


def place(points: Sequence[tuple[float, float]], names: Sequence[str]) -> list[str]:
    """Choose a side of `SIDES` for the name of each point; coordinates are parts (0 to 1) of the plot, y upwards."""
    centres = [(x * _PLOT_WIDTH, y * _PLOT_HEIGHT) for x, y in points]
    taken = [_Box(x - 6, y - 6, 12, 12) for x, y in centres]
    chosen = []
    for number, (centre, name) in enumerate(zip(centres, names, strict=True)):
        others = taken[:number] + taken[number + 1 :]
        boxes = {side: _box(centre, name, side) for side in SIDES}
        best = min(SIDES, key=lambda side: boxes[side].outside() + sum(boxes[side].shared(box) for box in others))
        taken.append(boxes[best])
        chosen.append(best)
    return chosen


def _box(centre: tuple[float, float], name: str, side: str) -> _Box:
    x, y = centre
    width = min(LIMIT, sum(_CHARACTER * (2 if east_asian_width(sign) in "WF" else 1) for sign in name))
    if side in ("above", "below"):
        bottom = y + _GAP if side == "above" else y - _GAP - _LINE
        return _Box(x - width / 2, bottom, width, _LINE)
    return _Box(x + _GAP if side == "right" else x - _GAP - width, y - _LINE / 2, width, _LINE)
