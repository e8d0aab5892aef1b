"""Reads the figures of a page and looks each one up in the numbers that it should come from.

A figure is looked up by what it says, not by the code that wrote it: `87.2 %` is there when some share of the numbers
rounds to it. In a line of a table that names cells of the run, only the numbers of those cells count.

To extend: a figure that is computed from the summary goes to `tests.support.derived`; words that hold a number and say
no figure go to `CONSTANTS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import floor, isclose
from typing import Any, Literal

from tests.support.page_text import SPACE, Line, chart_numbers

Kind = Literal["money", "time", "share", "count", "number"]
Owner = tuple[str, str, str]
"""Model, prompt, parameters as pages write them."""

CONSTANTS = (
    r"\b95\s?%( intervals?)?", r"\bp(5|25|50|75|95|99)\b", r"pass[@^]\d+", r"majority@\d+", r"1,000 jobs",
    r"the interval includes 0", r"includes 0\b", r"0\.05 or more", r"80 % of such runs", r"95 of 100 draws",
    r"whose rating is 0",
    r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?", r"of them 429", r"on a line from \S+ \S+", r"below 1(?![.\d])",
    r"\b(sha256|junit|bm25|utf-8|f1|rouge\d?|bleu-13a)\b", r"HTTP \d+",
)  # fmt: skip
"""Words with a number that is no figure of the run."""
DRAWING = ("place", "top", "bottom")
"""Fields of a chart's rows that say where something is drawn."""
_NUMBER = r"[+\-]?\$?\d[\d,]*(?:\.\d+)?"
_UNIT = r"(?: ?(?P<{}>%|points?|ms|s|k|M|G)(?![\w@]))?"
_TOKEN = re.compile(
    rf"(?P<minutes>[\d,]+) min (?P<seconds>\d+) s"
    rf"|(?P<low>{_NUMBER}){_UNIT.format('low_unit')}(?:–| – | to )(?P<high>{_NUMBER}){_UNIT.format('high_unit')}"
    rf"|(?P<bound>[<>] ?)?(?P<one>{_NUMBER}){_UNIT.format('one_unit')}"
)


@dataclass(frozen=True, slots=True)
class Number:
    """One number that a figure may come from."""

    kind: Kind
    value: float
    owners: frozenset[Owner] = frozenset()
    """The cells that it is of; none: of the run."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it is written."""

    text: str
    value: float
    decimals: int
    unit: str
    bound: str = ""
    """`<` or `>` before it."""


@dataclass(slots=True)
class Numbers:
    """All numbers of a summary, and the words that are no figures."""

    pool: list[Number] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    _read: dict[tuple[Any, ...], set[int]] = field(default_factory=dict)
    """How numbers in reach of some cells read, by unit and decimals."""
    _cells: dict[tuple[str, ...], frozenset[Owner]] = field(default_factory=dict)
    """The cells that names stand for."""
    _words: tuple[int, re.Pattern[str]] | None = None
    """What is no figure, for so many names."""

    def add(self, value: Any, key: str = "", owners: frozenset[Owner] = frozenset()) -> None:
        """Take every number and every name of a JSON value."""
        if isinstance(value, Mapping):
            owners |= _owners(value)
            for name, item in value.items():
                self.names.add(str(name))
                self.add(item, f"{key}.{name}", owners)
        elif isinstance(value, list | tuple):
            for item in value:
                self.add(item, key, owners)
        elif isinstance(value, str) and re.search(r"_usd\b|\.usd$", key):
            self.pool.append(Number("money", float(value), owners))
        elif isinstance(value, str):
            self.names.update((value, params_words(value)))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self.pool.append(Number(_kind(key, value), float(value), owners))
            if key.endswith("seconds"):
                self.pool.append(Number("time", value * 1000.0, owners))

    def missing(self, lines: Iterable[Line]) -> list[str]:
        """The figures that come from no number, each with its line."""
        return [
            f"{figure.text!r} in {line.text!r}"
            for line in lines
            for cells in (self._reach(line),)
            for figure in figures(self.without_names(line.text))
            if not self._has(figure, cells)
        ]

    def missing_from_charts(self, page: str) -> list[str]:
        """The numbers that charts draw and that stand nowhere, each with its chart and field."""
        known = [abs(number.value) * scale for number in self.pool for scale in (1.0, 1e-3)]
        return [
            f"{value} as {field} of {chart}"
            for chart, field, value in chart_numbers(page)
            if field not in DRAWING and not any(isclose(abs(value), one, rel_tol=1e-9) for one in known)
        ]

    def without_names(self, text: str) -> str:
        """The text without names and constant words, so that only figures have digits."""
        if self._words is None or self._words[0] != len(self.names):
            named = sorted((_plain(name) for name in self.names), key=len, reverse=True)
            parts = [re.escape(name) for name in named if re.search(r"\d", name) and re.search(r"[^\W\d]", name)]
            words = "|".join([*(rf"(?<!\w){part}(?!\w)" for part in parts), *CONSTANTS])
            self._words = len(self.names), re.compile(words, re.IGNORECASE)
        return self._words[1].sub("◦", _plain(text))

    def _reach(self, line: Line) -> frozenset[Owner]:
        """The cells that the line names; none: all."""
        if line.names not in self._cells:
            cells = {owner for number in self.pool for owner in number.owners}
            self._cells[line.names] = frozenset(_named(line.names, cells))
        return self._cells[line.names]

    def _has(self, figure: Figure, cells: frozenset[Owner]) -> bool:
        """Whether a number of the run, or of these cells, reads as the figure."""
        if figure.bound:
            sign, scale = (1 if figure.bound == ">" else -1), 100 if figure.unit == "%" else 1
            shares = (abs(number.value) * scale for number in self._near(cells) if number.kind in ("share", "count"))
            return any(sign * (share - figure.value) > 0 for share in shares)
        looks = (cells, figure.unit, figure.decimals)
        if looks not in self._read:
            self._read[looks] = {
                digits
                for number in self._near(cells)
                for scale in _scales(figure, number)
                for digits in _rounded(abs(number.value) * scale * 10.0**figure.decimals)
            }
        return round(figure.value * 10.0**figure.decimals) in self._read[looks]

    def _near(self, cells: frozenset[Owner]) -> Iterator[Number]:
        return (number for number in self.pool if not cells or not number.owners or number.owners & cells)


def figures(text: str) -> Iterator[Figure]:
    """Every figure of a text, in its order."""
    for found in _TOKEN.finditer(text):
        if found["minutes"]:
            seconds = _value(found["minutes"]) * 60 + _value(found["seconds"])
            yield Figure(found[0], seconds, 0, "s")
        elif found["low"]:
            yield _figure(found["low"], found["low_unit"] or found["high_unit"] or "")
            yield _figure(found["high"], found["high_unit"] or "")
        else:
            yield _figure(found["one"], found["one_unit"] or "", bound=(found["bound"] or "").strip())


def _figure(text: str, unit: str, *, bound: str = "") -> Figure:
    decimals = len(text.partition(".")[2])
    unit = "$" if "$" in text else unit.removesuffix("s") if unit == "points" else unit
    return Figure(f"{text} {unit}".strip(), _value(text), decimals, unit, bound)


def _value(text: str) -> float:
    return abs(float(text.replace(",", "").replace("$", "")))


def _rounded(value: float) -> tuple[int, int]:
    """The whole number nearest to a value; both where it lies between two."""
    return floor(value + 0.5 - 1e-6), floor(value + 0.5 + 1e-6)


def _scales(figure: Figure, number: Number) -> tuple[float, ...]:
    """What a number may have been multiplied by before it was written."""
    graded = number.kind in ("number", "share")
    if figure.unit == "$":
        return (1.0,) if number.kind == "money" else ()
    if figure.unit in ("ms", "s"):
        return (1.0 if figure.unit == "ms" else 1e-3,) if number.kind == "time" else ()
    if figure.unit in ("%", "point"):
        return (100.0,) if graded and abs(number.value) <= 1 else ()
    if figure.unit in ("k", "M", "G"):
        return ({"k": 1e-3, "M": 1e-6, "G": 1e-9}[figure.unit],) if number.kind == "count" else ()
    if figure.decimals == 0:
        return (1.0,) if number.kind == "count" or graded else ()
    if number.kind == "money":
        return (1.0,) if figure.decimals > 2 else ()  # as it stands in the summary
    return (1.0, 100.0) if graded and abs(number.value) <= 1 else (1.0,) if graded else ()


def _kind(key: str, value: float) -> Kind:
    if re.search(r"_ms\b", key) and not re.search(r"\.(counts|unknown|n)$", key):
        return "time"
    return "count" if isinstance(value, int) else "share" if -1 <= value <= 1 else "number"


def _owners(entry: Mapping[str, Any]) -> frozenset[Owner]:
    """The cells that an entry of a summary is of: its own, or the two that it compares."""
    ends = [entry, *(entry[end] for end in ("a", "b", "cell") if isinstance(entry.get(end), Mapping))]
    return frozenset(
        (str(end["model"]), str(end["prompt"]), params_words(end.get("params")))
        for end in ends
        if end.get("model") and end.get("prompt")
    )


def params_words(params: Any) -> str:
    """A grid cell as pages write it."""
    try:
        found = json.loads(params or "{}") if isinstance(params, str) else params or {}
    except ValueError:
        return str(params)
    return ", ".join(f"{name} {value}" for name, value in found.items()) if isinstance(found, Mapping) else str(params)


def _named(names: tuple[str, ...], cells: set[Owner]) -> set[Owner]:
    """The cells that names stand for: one named by all of them together, else those named by each."""
    parts = [{part for part in re.split(r" · ", _plain(name)) if part} for name in names]
    together = set().union(*parts)
    found = {cell for cell in cells if together and together <= set(map(_plain, cell))}
    return found or {cell for cell in cells for some in parts if some and some <= set(map(_plain, cell))}


def _plain(text: str) -> str:
    return SPACE.sub(" ", text.replace("\N{MINUS SIGN}", "-")).strip()
