"""Says in words who leads by one metric, by how much, and where the data cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.names import number_of
from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, compare, judge, key, label, mean, measured, ranked
from pipeline.report.measures import measure
from pipeline.report.visible import one_line

NB = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a reader should take away: one line, then the figures behind it."""

    headline: str
    sentences: tuple[str, ...]


def standing(summary: Summary, metric: str) -> Verdict | None:
    """Judge a metric: the leader against each rival that differs from it in one thing; None without any mean."""
    order = ranked(summary, metric)
    return Leader(summary, metric, order).verdict() if order else None


def lead_line(summary: Summary, metric: str) -> str:
    """Say in one line who leads by a metric, and by how much."""
    order = ranked(summary, metric)
    return Leader(summary, metric, order).line() if order else "No answer was scored."


def why_unclear(found: Mapping[str, Any]) -> str:
    """Say why a comparison cannot tell its two sides apart."""
    ends = found["ci95"]
    if ends is None:
        return _why_no_interval(found)
    if ends[0] <= 0 <= ends[1]:
        return "the interval includes 0"
    if found["p_adjusted"] is None:
        return "no p value is known"
    return "after correction for the number of comparisons this can be chance"


def _why_no_interval(found: Mapping[str, Any]) -> str:
    if found.get("clusters") is not None and found["n"] > 1 and found["clusters"] < 2:
        return "there are too few clusters for an interval"
    if found["n"] < 2:
        return "there are too few rows for an interval"
    if not (found["difference"] or found["gained"] or found["lost"]):
        return "not one row differs"
    return "the differences of the rows do not vary, so there is no interval"


def p_words(value: float) -> str:
    """Write a p value after its name: `= 0.012`, `< 0.001`."""
    text = numbers.p_value(value)
    return text if text.startswith("<") else f"={NB}{text}"


def listed(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def capital(text: str) -> str:
    """Begin a sentence."""
    return text[:1].upper() + text[1:]


class Leader:
    """One metric of one summary, and the leader that everything is measured against."""

    def __init__(self, summary: Summary, metric: str, order: list[Cell]) -> None:
        """Take the cells that have a mean, best first; there is at least one."""
        self.summary = summary
        self.metric = metric
        self.order = order
        self.leader = order[0]
        self.measure = measure(summary, metric)
        model, prompt, params = key(self.leader)
        others = [cell for cell in order[1:] if key(cell)[0] != model and key(cell)[1:] == (prompt, params)]
        self.between_models = bool(others)
        self.rivals = others or [cell for cell in order[1:] if _differences(cell, self.leader) == 1]

    def verdict(self) -> Verdict:
        """Put the leader, its closest rival, and what stands beside them in words."""
        if self.measure.better == "neither":
            return self._neutral()
        sentences = [self._leader_sentence()]
        if self.rivals:
            sentences.append(self._pair_sentence(self.rivals[0]))
        unclear = [rival for rival in self.rivals[1:] if not self._leads(rival)]
        if unclear:
            sentences.append(f"Nor can {listed([self._name(rival) for rival in unclear])} be told from it.")
        sentences += self._prompt_sentence() + self._stronger_elsewhere()
        return Verdict(headline=self._headline(), sentences=tuple(sentences))

    def line(self) -> str:
        """Add the distance of the next to the headline, where the leader leads."""
        headline = self.verdict().headline
        if self.measure.better == "neither" or not self.rivals or not self._leads(self.rivals[0]):
            return headline
        found = compare(self.summary, self.metric, self.rivals[0], self.leader)
        return (
            headline if found is None else f"{headline} {self._name(self.rivals[0])} comes next, {self._place(found)}."
        )

    def _headline(self) -> str:
        name = self._name(self.leader)
        if not self.rivals:
            return f"{name} reaches {self._mean(self.leader)}."
        place = f"With {_quoted_series(self.leader)}, " if self.between_models and self._many_series() else ""
        unclear = [rival for rival in self.rivals if not self._leads(rival)]
        if not unclear:
            return f"{place}{name} leads."
        if len(unclear) == len(self.rivals):
            return capital(f"{place}the data cannot tell which {self._what()} is best.")
        behind = [rival for rival in self.rivals if rival not in unclear]
        others = [self._name(rival) for rival in unclear]
        if all(self._ahead(cell, rival) for cell in unclear for rival in behind):
            return f"{place}{listed([name, *others])} lead; the data cannot tell them apart."
        beaten = listed([self._name(rival) for rival in behind])
        return f"{place}{name} is better than {beaten}; the data cannot tell it from {listed(others)}."

    def _neutral(self) -> Verdict:
        """Describe a metric of which neither direction is better."""
        figure, last = self.measure.figure, self.order[-1]
        name = one_line(label(self.leader))
        if len(self.order) == 1:
            return Verdict(headline=f"{name} has {figure} {self._mean(self.leader)}.", sentences=(self._reach(name),))
        found = [entry for entry in self.summary["comparisons"] if entry["metric"] == self.metric]
        told = [entry for entry in found if judge(entry, "neither") != "cannot tell"]
        if told:
            headline = (
                f"{capital(figure)} differs in {len(told)} of {len(found)} comparisons; neither direction is better."
            )
        else:
            headline = f"The data cannot tell the {self._what()}s apart by {figure}."
        lowest = f"The lowest is that of {one_line(label(last))}, {self._mean(last)}."
        return Verdict(headline=headline, sentences=(self._reach(name), lowest))

    def _reach(self, name: str) -> str:
        return f"{name} has the highest {self.measure.figure}, {self._mean(self.leader)} ({self._basis()})."

    def _leader_sentence(self) -> str:
        value, who = self._mean(self.leader), one_line(self.leader["model"])
        if self._many_series():
            who += f" with {_quoted_series(self.leader)}"
        if self.measure.pass_fail:
            return f"{who} gets {value} of the answers right ({self._basis()}, scored by {one_line(self.metric)})."
        best = "lowest" if self.measure.better == "lower" else "highest"
        way = ", which is best" if self.measure.better == "lower" else ""
        return f"{who} has the {best} {self.measure.figure}, {value}{way} ({self._basis()})."

    def _basis(self) -> str:
        """The interval of the leader's figure, and how many rows it stands on."""
        figures = measured(self.leader, self.metric) or {}
        interval = f"95{NB}% interval {self.measure.interval(figures['ci95'])}, " if figures["ci95"] else ""
        rows = number_of(figures["n"], "row")
        clusters = figures.get("clusters")
        return f"{interval}{rows}" + ("" if clusters is None else f" in {number_of(clusters, 'cluster')}")

    def _pair_sentence(self, rival: Cell) -> str:
        name = self._name(rival)
        found = compare(self.summary, self.metric, rival, self.leader)
        if found is None:
            return f"{name} comes next with {self._mean(rival)}, but the two were not compared row by row."
        figures = self._figures(found)
        if judge(found, self.measure.better) == "better":
            return f"{name} comes next, {figures}: more than chance explains."
        needed = found.get("smallest_detectable")
        tail = f" With these rows, only a difference of about {self.measure.size(needed)} would reliably show."
        start = f"{name} comes next, {figures}: {why_unclear(found)}, so the data cannot tell the two apart."
        return start + (tail if needed is not None else "")

    def _figures(self, found: Mapping[str, Any]) -> str:
        value = found["difference"]
        if value is None:
            return "by an unknown difference"
        place, inner = self._place(found), []
        if ends := found["ci95"]:
            lead = (-ends[1], -ends[0]) if self.measure.better == "lower" else ends
            inner.append(f"95{NB}% interval of the lead {self.measure.difference_interval(lead, named=True)}")
        if found["p_adjusted"] is not None:
            inner.append(f"adjusted p{numbers.NO_BREAK}{p_words(found['p_adjusted'])}")
        return place + (f" ({', '.join(inner)})" if inner else "")

    def _place(self, found: Mapping[str, Any]) -> str:
        value = found["difference"]
        return f"{self.measure.size(value)} {'lower' if value > 0 else 'higher'}" if value else "level with it"

    def _prompt_sentence(self) -> list[str]:
        """Judge the leader's own variants, where the rivals were other models."""
        if not self.between_models:
            return []
        own = [
            cell
            for cell in self.order[1:]
            if key(cell)[0] == key(self.leader)[0] and _differences(cell, self.leader) == 1
        ]
        found = compare(self.summary, self.metric, own[0], self.leader) if own else None
        if found is None:
            return []
        better, other = _quoted_series(self.leader), _quoted_series(own[0])
        start = f"For {one_line(self.leader['model'])}, {better}"
        if judge(found, self.measure.better) == "better":
            return [f"{start} is better than {other}, which is {self._figures(found)}."]
        return [f"{start} cannot be told from {other}, which is {self._figures(found)}."]

    def _stronger_elsewhere(self) -> list[str]:
        """Name the next model's better variant that no comparison links to the leader."""
        floor = mean(self.rivals[0], self.metric) if self.between_models else None
        for cell in self.order[1:]:
            value = mean(cell, self.metric)
            if floor is None or value is None or not self._beats(value, floor):
                return []
            if key(cell)[0] != key(self.leader)[0]:
                return [
                    f"{one_line(cell['model'])} reaches {self._mean(cell)} with {_quoted_series(cell)}; comparisons "
                    "are made between cells that differ in one thing only, so it was not compared with the leader."
                ]
        return []

    def _beats(self, value: float, floor: float) -> bool:
        return value < floor if self.measure.better == "lower" else value > floor

    def _leads(self, rival: Cell) -> bool:
        return self._ahead(self.leader, rival)

    def _ahead(self, cell: Cell, rival: Cell) -> bool:
        found = compare(self.summary, self.metric, rival, cell)
        return found is not None and judge(found, self.measure.better) == "better"

    def _what(self) -> str:
        return "model" if self.between_models else "variant"

    def _name(self, cell: Cell) -> str:
        if self.between_models or not self.rivals:
            return one_line(cell["model"])
        return one_line(label(cell))

    def _mean(self, cell: Cell) -> str:
        return self.measure.value(mean(cell, self.metric))

    def _many_series(self) -> bool:
        return len({key(cell)[1:] for cell in self.order}) > 1


def _differences(one: Cell, other: Cell) -> int:
    return sum(x != y for x, y in zip(key(one), key(other), strict=True))


def _quoted_series(cell: Cell) -> str:
    _, prompt, params = key(cell)
    return f"prompt “{one_line(prompt)}”" + (f" at {one_line(params)}" if params else "")
