"""How a metric reads: as a share or a number, in which unit, and which direction is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.records import Better
from pipeline.report import numbers
from pipeline.report.visible import one_line

_NB = "\N{NO-BREAK SPACE}"
_SCALED = ("ms", "USD")
"""Units that are written larger or smaller with the figure."""
_DIGITS = 3
_LARGE = 10
_CORPUS_NAMES = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric, and how its figures are written."""

    name: str
    pass_fail: bool
    share: bool
    """Between 0 and 1, so that means read as percentages and differences as points."""
    better: Better = "higher"
    unit: str = ""
    corpus: str | None = None
    """`bleu`, `chrf` or `ter`: the figure is computed from sums over all answers and is not a mean of theirs."""

    @property
    def noun(self) -> str:
        """What the figure of a cell is: a mean, or a corpus score."""
        return f"corpus {_CORPUS_NAMES.get(self.corpus, self.corpus)}" if self.corpus else "mean"

    @property
    def figure(self) -> str:
        """The figure with its metric: `mean f1`, `corpus BLEU (bleu-13a)`."""
        if self.corpus is None:
            return f"mean {one_line(self.name)}"
        return self.noun if self.name.lower() == self.corpus else f"{self.noun} ({one_line(self.name)})"

    def value(self, value: float | None, *, more: int = 0) -> str:
        """Write a value; `more` digits than usual where told apart from others."""
        if value is None or self.share:
            return numbers.metric(value, share=True, more=more)
        if self.unit == "ms":
            return numbers.milliseconds(value)
        if self.unit == "USD":
            return numbers.usd(f"{value:.12f}")
        return _with_unit(numbers.metric(value, share=False, more=more + self._fewer(value)), self.unit)

    def interval(self, ends: Sequence[float] | None) -> str:
        """Write the interval of a mean; the unit stands with the mean, where it does not depend on the size."""
        if ends is None or self.share:
            return numbers.metric_interval(ends, share=True)
        if self.unit in _SCALED:
            low, high = (self.value(end) for end in ends)
            shown, unit = low.partition(_NB)[::2]
            return f"{shown if unit and unit == high.partition(_NB)[2] else low}–{high}"
        if not self.unit:
            return numbers.metric_interval(ends, share=False)
        return numbers.number_interval(ends, _DIGITS + self._fewer(max(map(abs, ends))))

    def difference(self, value: float | None) -> str:
        """Write a difference with its sign."""
        if value is None or self.share:
            return numbers.difference(value, share=True)
        if self.unit in _SCALED:
            return numbers.signed(self.value(abs(value)), value)
        if not self.unit:
            return numbers.difference(value, share=False)
        text = numbers.metric(abs(value), share=False, more=self._fewer(value))
        return numbers.signed(_with_unit(text, self.unit), value)

    def size(self, value: float | None) -> str:
        """Write how large a difference is, without its sign."""
        return self.difference(None if value is None else abs(value)).lstrip("+")

    def difference_interval(self, ends: Sequence[float] | None, *, named: bool = False) -> str:
        """Write the interval of a difference; points are `named` where no column head does."""
        if ends is None or self.share:
            points = f"{_NB}points" if named and ends is not None else ""
            return numbers.difference_interval(ends, share=True) + points
        if self.unit in _SCALED:
            return f"{self.difference(ends[0])} to {self.difference(ends[1])}"
        return numbers.difference_interval(ends, share=False, fewer=-self._fewer(max(map(abs, ends))))

    def _fewer(self, value: float) -> int:
        """Fewer decimals for large figures that carry a unit: 512.3 characters."""
        return -2 if self.unit and abs(value) >= _LARGE else 0


def measure(summary: Mapping[str, Any], name: str) -> Measure:
    """Read how a metric of the summary is meant; older summaries tell only whether it is pass/fail."""
    found = (summary.get("metrics") or {}).get(name, {})
    cells = summary.get("cells") or ()
    pass_fail = found.get("pass_fail")
    if pass_fail is None:
        pass_fail = any((cell["metrics"].get(name) or {}).get("passed") is not None for cell in cells)
    return measure_of(name, {**found, "pass_fail": pass_fail})


def measure_of(name: str, found: Mapping[str, Any]) -> Measure:
    """Read an entry of `summary["metrics"]`, of which only `pass_fail` must be there."""
    return Measure(
        name=name,
        pass_fail=found["pass_fail"],
        share=found["scale"] == "share" if found.get("scale") else found["pass_fail"],
        better=found.get("better") or "higher",
        unit=found.get("unit") or "",
        corpus=found.get("corpus"),
    )


def _with_unit(text: str, unit: str) -> str:
    return f"{text}{_NB}{unit}" if unit else text
