"""Says in words how a run differs from another: better, worse, or not to be told, and what to be careful about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.names import number_of
from pipeline.report import numbers
from pipeline.report.cells import Judgement, judge, label
from pipeline.report.leader import Verdict, capital, p_words, why_unclear
from pipeline.report.measures import Measure, measure_of
from pipeline.report.slice_words import places
from pipeline.report.visible import one_line

Found = Mapping[str, Any]
"""What `steps.compare` found, or a part of it."""
_TOLD = 4
"""Comparisons that are told one by one."""
_PAID_TOLD = 3
COST = Measure(name="cost", pass_fail=False, share=False, better="lower", unit="USD")
LATENCY = Measure(name="latency", pass_fail=False, share=False, better="lower", unit="ms")
_NB = "\N{NO-BREAK SPACE}"


def measures(found: Found) -> dict[str, Measure]:
    """How each compared metric reads."""
    return {name: measure_of(name, entry) for name, entry in found["metrics"].items()}


def judged(entry: Found, measure: Measure) -> Judgement:
    """Whether the second run is better in one comparison."""
    return judge(entry, measure.better)


def regressions(found: Found) -> list[Found]:
    """Comparisons in which a run is significantly worse than the first, slices not counted."""
    known = measures(found)
    return [
        entry
        for pair in found["pairs"]
        for entry in pair["comparisons"]
        if judged(entry, known[entry["metric"]]) == "worse"
    ]


def untested(found: Found) -> list[Found]:
    """Comparisons without a single row that both runs have scored: a gate has nothing to test there."""
    return [entry for pair in found["pairs"] for entry in pair["comparisons"] if not entry["n"]]


def verdict(pair: Found, known: Mapping[str, Measure]) -> Verdict:
    """Judge one run against the first: the headline, then the figures behind it."""
    entries = pair["comparisons"]
    told = [(entry, judged(entry, known[entry["metric"]])) for entry in entries]
    sure = [(entry, verdict) for verdict in ("worse", "better", "higher", "lower")
            for entry, found in told if found == verdict]  # fmt: skip
    sentences = [_sentence(entry, known[entry["metric"]], pair, judgement) for entry, judgement in sure[:_TOLD]]
    if len(sure) > _TOLD:
        sentences.append(
            f"The table has {number_of(len(sure) - _TOLD, 'more difference')} that chance does not explain."
        )
    if not sure:
        sentences += _largest(entries, known, pair)
    sentences += [*_slice_sentences(pair, known), *_paid_sentences(pair)]
    return Verdict(headline=_headline(pair["run"], [verdict for _, verdict in told]), sentences=tuple(sentences))


def comparison_name(entry: Found) -> str:
    """Name what is compared: the metric, and the cell; both cells where their names differ."""
    return f"{one_line(entry['metric'])} of {cell_name(entry)}"


def cell_name(entry: Found) -> str:
    """Name the cell, or both where their names differ."""
    a, b = one_line(label(entry["a"])), one_line(label(entry["b"]))
    return a if a == b else f"{a} → {b}"


def _headline(letter: str, told: Sequence[Judgement]) -> str:
    better, worse = told.count("better"), told.count("worse")
    moved, unclear = len(told) - better - worse - told.count("cannot tell"), told.count("cannot tell")
    if len(told) == unclear:
        return f"The data cannot tell {letter} from A."
    if len(told) == 1 and not moved:
        return f"{letter} is {told[0]} than A."
    if moved and not (better or worse):
        return f"{letter} differs from A in {_of(moved, len(told))}; neither direction is better."
    parts = [
        f"{word} than A in {_of(number, len(told))}"
        for word, number in (("better", better), ("worse", worse))
        if number
    ]
    rest = f"; for the other {unclear} the data cannot tell" if unclear else ""
    return f"{letter} is {' and '.join(parts)}{rest}."


def _of(number: int, total: int) -> str:
    if number == total:
        return "the one comparison" if total == 1 else f"all {total} comparisons"
    return f"{number} of {total} comparisons"


def _sentence(entry: Found, measure: Measure, pair: Found, judgement: str) -> str:
    start = f"On {one_line(measure.name)}, {cell_name(entry)} is {_direction(entry)} in {pair['run']} by "
    reading = f", which is {judgement}" if measure.better == "lower" else ""
    means = f"{measure.value(entry['mean_a'])} in A, {measure.value(entry['mean_b'])} in {pair['run']}"
    evidence = f"{means}; {_evidence(entry, measure)}"
    return f"{start}{measure.size(entry['difference'])}{reading} ({evidence}): {_moved(entry, measure)}."


def _largest(entries: Sequence[Found], known: Mapping[str, Measure], pair: Found) -> list[str]:
    """Tell the least unlikely difference, and why it may be none."""
    moved = [entry for entry in entries if entry["difference"] or entry["gained"] or entry["lost"]]
    if not moved:
        scored = any(entry["n"] for entry in entries)
        return ["No row that both runs scored has changed." if scored else "No row is scored in both runs."]
    entry = min(moved, key=lambda one: 1.0 if one["p"] is None else one["p"])
    measure = known[entry["metric"]]
    start = "It differs most on" if len(entries) > 1 else "On"
    text = (
        f"{start} {one_line(measure.name)}, {cell_name(entry)}{':' if len(entries) > 1 else ' is'} "
        f"{_difference(entry, measure)} "
        f"({_evidence(entry, measure)}; {_moved(entry, measure)}); {why_unclear(entry)}."
    )
    needed = entry["smallest_detectable"]
    if needed is not None:
        rows = number_of(entry["n"], "row")
        text += f" With {rows}, only a difference of about {measure.size(needed)} would reliably show."
    return [text]


def _slice_sentences(pair: Found, known: Mapping[str, Measure]) -> list[str]:
    """Name the slices in which the runs differ for sure."""
    if not pair["slices"]:
        return []
    groups: dict[tuple[str, str, str, Judgement], list[Found]] = {}
    values: Counter[tuple[str, str, str]] = Counter()
    for entry in pair["slices"]:
        name = (entry["metric"], cell_name(entry), entry["column"])
        values[name] += 1
        if (judgement := judged(entry, known[entry["metric"]])) != "cannot tell":
            groups.setdefault((*name, judgement), []).append(entry)
    if not groups:
        return [f"In none of {number_of(len(pair['slices']), 'comparison')} by slice can the two be told apart."]
    told = [
        f"on {one_line(metric)}, {cell} is {judgement} {places(entries, values[metric, cell, column], known[metric])}"
        for (metric, cell, column, judgement), entries in groups.items()
    ]
    more = f"; {len(told) - _TOLD} more groups of slices differ in the table" if len(told) > _TOLD else ""
    return [f"By slice, {'; '.join(told[:_TOLD])}{more}."]


def _paid_sentences(pair: Found) -> list[str]:
    """Tell what answers cost and how long they took, of few cells, where the interval of the difference excludes 0."""
    if len(pair["costs"]) > _PAID_TOLD:
        return []
    sentences = []
    for cost, time in zip(pair["costs"], pair["latencies"], strict=True):
        parts = []
        if _moves(cost):
            before, after = (COST.value(cost[name] * 1000) for name in ("mean_a", "mean_b"))
            parts.append(f"1,000 jobs of {cell_name(cost)} cost {after} instead of {before}")
        if _moves(time):
            before, after = (LATENCY.value(time[name]) for name in ("mean_a", "mean_b"))
            parts.append(f"an answer{'' if parts else f' of {cell_name(time)}'} takes {after} instead of {before}")
        if parts:
            sentences.append(f"{capital(' and '.join(parts))}.")
    return sentences


def _moves(entry: Found) -> bool:
    return entry["ci95"] is not None and not entry["ci95"][0] <= 0 <= entry["ci95"][1]


def _evidence(entry: Found, measure: Measure) -> str:
    inner = []
    if entry["ci95"]:
        inner.append(f"95{_NB}% interval {measure.difference_interval(entry['ci95'], named=True)}")
    if entry["p_adjusted"] is not None:
        inner.append(f"adjusted p{numbers.NO_BREAK}{p_words(entry['p_adjusted'])}")
    return ", ".join(inner) or "no interval"


def _moved(entry: Found, measure: Measure) -> str:
    up, down = numbers.count(entry["gained"]), numbers.count(entry["lost"])
    if measure.pass_fail and entry["test"].startswith("mcnemar"):
        return f"{up} gained, {down} lost of {number_of(entry['n'], 'row')}"
    return f"{up} higher, {down} lower of {number_of(entry['n'], 'row')}"


def _difference(entry: Found, measure: Measure) -> str:
    return f"{_direction(entry)} by {measure.size(entry['difference'])}" if entry["difference"] else "level"


def _direction(entry: Found) -> str:
    return "higher" if entry["difference"] > 0 else "lower"
