"""Says in words what a summary shows: who leads, by how much, and whether the data can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import (
    Cell,
    Summary,
    answered,
    compare,
    is_share,
    judge,
    key,
    label,
    mean,
    measured,
    metric_names,
    ranked,
    unfinished,
)
from pipeline.report.visible import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a reader should take away: one line, then the figures behind it."""

    headline: str
    sentences: tuple[str, ...]


def verdict(summary: Summary) -> Verdict:
    """Judge the headline metric (the first scorer): the leader against each rival that differs from it in one thing.

    Of a run that is not finished, the headline says so first, and the judgement is one of so far.
    """
    found = _judged(summary)
    standing = progress(summary)
    if standing is None:
        return found
    return Verdict(headline=standing, sentences=(f"So far: {found.headline}", *found.sentences))


def progress(summary: Summary) -> str | None:
    """Say that a run is not finished; None of a whole one."""
    found = unfinished(summary)
    if found is None:
        return None
    answers = f"{numbers.count(answered(summary['jobs']))} of {numbers.count(found[1])} jobs answered"
    return f"{answers}: this run is not finished"


def gate_sentence(gate: Mapping[str, Any]) -> str:
    """Say in one line where a gate of the summary was tested, what was found and what is required."""
    cell = gate.get("cell")
    where = label(cell) if cell else " · ".join(gate[name] for name in ("model", "prompt") if gate.get(name))
    found, bound = gate_figures(gate, share=bool(gate.get("pass_fail")))
    start = one_line(f"{where}: {gate['metric']}" if where else str(gate["metric"]))
    value = f" {found}" if gate.get("value") is not None else ""
    note = f"; {one_line(str(gate['note']))}" if gate.get("note") else ""
    return f"{start}{value}, required {bound}{note}"


def gate_figures(gate: Mapping[str, Any], *, share: bool) -> tuple[str, str]:
    """Write the value that a gate found and its bounds, with digits enough to tell them apart."""
    named = [(words, gate[name]) for name, words in _BOUNDS if gate.get(name) is not None]
    found, *texts = numbers.told_apart(gate.get("value"), [bound for _, bound in named], share=share)
    bounds = [f"{words} {text}" for (words, _), text in zip(named, texts, strict=True)]
    return found, " and ".join(bounds) or numbers.UNKNOWN


def _judged(summary: Summary) -> Verdict:
    names = metric_names(summary)
    order = ranked(summary, names[0]) if names else []
    if not order:
        return Verdict(headline="No answer was scored.", sentences=_spend(summary))
    return _Judge(summary, names[0], order).verdict()


class _Judge:
    """The headline metric of one summary, and the leader that everything is measured against."""

    def __init__(self, summary: Summary, metric: str, order: list[Cell]) -> None:
        self.summary = summary
        self.metric = metric
        self.order = order
        self.leader = order[0]
        self.share = is_share(summary, metric)
        model, prompt, params = key(self.leader)
        others = [cell for cell in order[1:] if key(cell)[0] != model and key(cell)[1:] == (prompt, params)]
        self.between_models = bool(others)
        self.rivals = others or [cell for cell in order[1:] if _differences(cell, self.leader) == 1]

    def verdict(self) -> Verdict:
        sentences = [self._leader_sentence()]
        if self.rivals:
            sentences.append(self._pair_sentence(self.rivals[0]))
        unclear = [rival for rival in self.rivals[1:] if self._judge(rival) != "better"]
        if unclear:
            sentences.append(f"Nor can {_list([self._name(rival) for rival in unclear])} be told from it.")
        sentences += self._prompt_sentence() + self._stronger_elsewhere()
        return Verdict(headline=self._headline(), sentences=(*sentences, *_spend(self.summary)))

    def _headline(self) -> str:
        name = self._name(self.leader)
        if not self.rivals:
            return f"{name} reaches {self._mean(self.leader)}."
        place = f"With {_quoted_series(self.leader)}, " if self.between_models and self._many_series() else ""
        unclear = [rival for rival in self.rivals if self._judge(rival) != "better"]
        if not unclear:
            return f"{place}{name} leads."
        if len(unclear) == len(self.rivals):
            what = "model" if self.between_models else "variant"
            return _capital(f"{place}the data cannot tell which {what} is best.")
        tied = _list([name, *(self._name(rival) for rival in unclear)])
        return f"{place}{tied} lead; the data cannot tell them apart."

    def _leader_sentence(self) -> str:
        figures = measured(self.leader, self.metric) or {}
        ends = numbers.metric_interval(figures["ci95"], share=self.share)
        interval = f"95{_NB}% interval {ends}, " if figures["ci95"] else ""
        rows = f"{numbers.count(figures['n'])} {'row' if figures['n'] == 1 else 'rows'}"
        value, who = self._mean(self.leader), one_line(self.leader["model"])
        if self._many_series():
            who += f" with {_quoted_series(self.leader)}"
        if self.share:
            return f"{who} gets {value} of the answers right ({interval}{rows}, scored by {one_line(self.metric)})."
        return f"{who} has the highest mean {one_line(self.metric)}, {value} ({interval}{rows})."

    def _pair_sentence(self, rival: Cell) -> str:
        name = self._name(rival)
        found = compare(self.summary, self.metric, rival, self.leader)
        if found is None:
            return f"{name} comes next with {self._mean(rival)}, but the two were not compared row by row."
        figures = self._figures(found)
        if judge(found) == "better":
            return f"{name} comes next, {figures}: more than chance explains."
        needed = found.get("smallest_detectable")
        detectable = numbers.difference(needed, share=self.share).lstrip("+") if needed is not None else None
        tail = f" With these rows, only a difference of about {detectable} would reliably show." if detectable else ""
        return f"{name} comes next, {figures}: {why_unclear(found)}, so the data cannot tell the two apart.{tail}"

    def _figures(self, found: Any) -> str:
        value = found["difference"]
        if value is None:
            return "by an unknown difference"
        gap = numbers.difference(abs(value), share=self.share).lstrip("+")
        place = f"{gap} {'lower' if value > 0 else 'higher'}" if value else "level with it"
        ends = found["ci95"]
        unit = f"{_NB}points" if self.share else ""
        inner = (
            [f"95{_NB}% interval of the lead {numbers.difference_interval(ends, share=self.share)}{unit}"]
            if ends
            else []
        )
        if found["p_adjusted"] is not None:
            inner.append(f"adjusted p {p_words(found['p_adjusted'])}")
        return place + (f" ({', '.join(inner)})" if inner else "")

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
        if judge(found) == "better":
            return [f"{start} is better than {other}, which is {self._figures(found)}."]
        return [f"{start} cannot be told from {other}, which is {self._figures(found)}."]

    def _stronger_elsewhere(self) -> list[str]:
        """Name the next model's better variant that no comparison links to the leader."""
        floor = mean(self.rivals[0], self.metric) if self.between_models else None
        for cell in self.order[1:]:
            value = mean(cell, self.metric)
            if floor is None or value is None or value <= floor:
                return []
            if key(cell)[0] != key(self.leader)[0]:
                return [
                    f"{one_line(cell['model'])} reaches {self._mean(cell)} with {_quoted_series(cell)}; comparisons "
                    "are made between cells that differ in one thing only, so it was not compared with the leader."
                ]
        return []

    def _judge(self, rival: Cell) -> str:
        found = compare(self.summary, self.metric, rival, self.leader)
        return "cannot tell" if found is None else judge(found)

    def _name(self, cell: Cell) -> str:
        if self.between_models or not self.rivals:
            return one_line(cell["model"])
        return one_line(label(cell))

    def _mean(self, cell: Cell) -> str:
        return numbers.metric(mean(cell, self.metric), share=self.share)

    def _many_series(self) -> bool:
        return len({key(cell)[1:] for cell in self.order}) > 1


_NB = "\N{NO-BREAK SPACE}"
_BOUNDS = (("min", "at least"), ("max", "at most"))


def _spend(summary: Summary) -> tuple[str, ...]:
    cost, jobs = summary["cost"], numbers.count(summary["jobs"]["total"])
    if cost["total_usd"] is None:
        return (f"What the {jobs} jobs cost is unknown: no price applies to them.",)
    least = "at least " if cost["unpriced_jobs"] else ""
    what = f"The {jobs} jobs so far" if unfinished(summary) else f"The run of {jobs} jobs"
    return (f"{what} cost {least}{numbers.usd(cost['total_usd'])}.",)


def why_unclear(found: Any) -> str:
    """Say why a comparison cannot tell its two sides apart."""
    ends = found["ci95"]
    if ends is None:
        return "there are too few rows for an interval"
    if ends[0] <= 0 <= ends[1]:
        return "the interval includes 0"
    if found["p_adjusted"] is None:
        return "no p value is known"
    return "after correction for the number of comparisons this can be chance"


def p_words(value: float) -> str:
    """Write a p value after its name: `= 0.012`, `< 0.001`."""
    text = numbers.p_value(value)
    return text if text.startswith("<") else f"={_NB}{text}"


def _differences(one: Cell, other: Cell) -> int:
    return sum(x != y for x, y in zip(key(one), key(other), strict=True))


def _quoted_series(cell: Cell) -> str:
    _, prompt, params = key(cell)
    return f"prompt “{one_line(prompt)}”" + (f" at {one_line(params)}" if params else "")


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
