"""Says where a model is stronger or weaker than elsewhere, and where one beats another only on part of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import SIGNIFICANCE, Cell, Judgement, Summary, direction, judge, key, label, short_parts
from pipeline.report.leader import listed
from pipeline.report.measures import Measure, measure
from pipeline.report.visible import one_line

_NAMED = 3
_TOLD = 4
"""Sentences of one kind in a section."""

Entries = Sequence[Mapping[str, Any]]


def slice_words(summary: Summary, column: str, slices: Entries, pairs: Entries) -> tuple[str, ...]:
    """What stands out among the slices of a column, and which pairs of cells differ on some of them."""
    if all(entry["p"] is None for entry in (*slices, *pairs)):
        return (f"What differs by {one_line(column)} cannot be tested: its values have too few independent rows each.",)
    return (*_standing_out(summary, column, slices), *_differing(summary, column, pairs))


def standing_of(entry: Mapping[str, Any], found: Measure) -> Judgement:
    """Whether a slice is better or worse than the cell's other rows."""
    p, difference = entry["p_adjusted"], entry["rest_difference"]
    if p is None or p >= SIGNIFICANCE or not difference:
        return "cannot tell"
    return direction(difference > 0, found.better)


def _standing_out(summary: Summary, column: str, slices: Entries) -> list[str]:
    told = [(entry, standing_of(entry, measure(summary, entry["metric"]))) for entry in slices]
    sure = [(entry, judged) for entry, judged in told if judged != "cannot tell"]
    if not sure:
        tested = sum(entry["p"] is not None for entry in slices)
        text = f"No value of {one_line(column)} stands out in any cell: what differs among "
        return [f"{text}{numbers.count(tested)} figures can be chance."] if tested else []
    sure.sort(key=lambda pair: (measure(summary, pair[0]["metric"]).better == "neither", pair[0]["p_adjusted"]))
    sentences = [_stands_out(summary, entry, judged) for entry, judged in sure[:_TOLD]]
    return [*sentences, *_more(len(sure) - _TOLD, "figure", "out")]


def _stands_out(summary: Summary, entry: Mapping[str, Any], judged: Judgement) -> str:
    found = measure(summary, entry["metric"])
    word = {"better": "stronger", "worse": "weaker"}.get(judged, judged)
    elsewhere = entry["mean"] - entry["rest_difference"]
    return (
        f"By {one_line(found.name)}, {_cell_name(summary, entry)} is {word} where {one_line(entry['column'])} is "
        f"{one_line(entry['value'])}: {found.value(entry['mean'])}, elsewhere {found.value(elsewhere)}."
    )


def _differing(summary: Summary, column: str, pairs: Entries) -> list[str]:
    """Tell of pairs that differ in some slices, and whether they do as a whole."""
    whole = {(entry["metric"], key(entry["a"]), key(entry["b"])): entry for entry in summary["comparisons"]}
    groups: dict[tuple[str, Any, Any], list[Mapping[str, Any]]] = {}
    for entry in pairs:
        groups.setdefault((entry["metric"], key(entry["a"]), key(entry["b"])), []).append(entry)
    told = []
    for name, entries in groups.items():
        sure = [(entry, judge(entry, measure(summary, name[0]).better)) for entry in entries]
        sure = [(entry, judged) for entry, judged in sure if judged != "cannot tell"]
        if sure:
            told.append(_pair_sentence(summary, whole.get(name), sure, len(entries)))
    if not told and groups:
        return [f"In no value of {one_line(column)} alone can two cells be told apart."]
    sentences = [text for _, text in sorted(told, key=lambda pair: pair[0])]
    return [*sentences[:_TOLD], *_more(len(sentences) - _TOLD, "pair", "differ")]


def _pair_sentence(
    summary: Summary, whole: Mapping[str, Any] | None, sure: Sequence[tuple[Mapping[str, Any], Judgement]], values: int
) -> tuple[int, str]:
    """The sentence, after its rank: what the whole does not tell comes first."""
    first = sure[0][0]
    found = measure(summary, first["metric"])
    a, b = _cell_name(summary, first["a"]), _cell_name(summary, first["b"])
    parts = []
    for word in dict.fromkeys(judged for _, judged in sure):
        mine = [entry for entry, judged in sure if judged == word]
        parts.append(f"{word} than {a} {places(mine, values, found)}")
    start = f"By {one_line(found.name)}, {b} is {' and '.join(parts)}"
    overall = "cannot tell" if whole is None else judge(whole, found.better)
    if overall == "cannot tell":
        return 0, f"{start}, although the two cannot be told apart as a whole."
    if any(judged != overall for _, judged in sure):
        return 1, f"{start}; as a whole it is {overall}."
    rest = values - len(sure)
    others = "one" if rest == 1 else rest
    return 2, f"{start}, as it is as a whole" + (f"; for the other {others} the data cannot tell." if rest else ".")


def places(entries: Entries, values: int, found: Measure) -> str:
    """Name the slices of one column, or count them where they are many; `values` is how many the column has."""
    column = one_line(entries[0]["column"])
    largest = sorted(entries, key=lambda entry: -abs(entry["difference"]))
    names = [f"{one_line(entry['value'])} ({found.difference(entry['difference'])})" for entry in largest]
    if len(names) <= _NAMED:
        return f"where {column} is {_or(names)}"
    return f"for {len(names)} of {values} values of {column}, most where it is {names[0]}"


def _cell_name(summary: Summary, cell: Cell) -> str:
    """Name a cell by what differs between the cells of the run."""
    cells = summary["cells"]
    names = dict(zip(map(key, cells), short_parts(cells), strict=True))
    return one_line(" · ".join(names.get(key(cell), (label(cell),))))


def _or(texts: Sequence[str]) -> str:
    return listed(list(texts)).replace(" and ", " or ")


def _more(number: int, noun: str, verb: str) -> list[str]:
    """Say that there is more of the kind in the table."""
    if number <= 0:
        return []
    nouns = noun if number == 1 else f"{noun}s"
    stands = {"out": "stands out" if number == 1 else "stand out", "differ": "differs" if number == 1 else "differ"}[
        verb
    ]
    return [f"{number} more {nouns} {stands} in the tables."]
