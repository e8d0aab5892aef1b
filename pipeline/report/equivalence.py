"""Says whether two models are of the same quality within a margin, such as one model behind two gateways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pipeline.report import numbers
from pipeline.report.cells import Summary, key, label
from pipeline.report.grid import Column, Entry, Grid
from pipeline.report.leader import NB, p_words
from pipeline.report.measures import Measure, measure
from pipeline.report.visible import one_line

Sameness = Literal["equivalent", "different", "not shown", "cannot tell"]
_KINDS = {"equivalent": "better", "different": "worse", "not shown": "unclear", "cannot tell": "unclear"}


def sameness(entry: Mapping[str, Any]) -> Sameness:
    """Judge an entry of `summary["equivalence"]`.

    Equivalent: the 90 % interval lies within the margin. Different: it lies outside on one side. Not shown: it reaches
    over the margin, so the two may or may not be the same.
    """
    if entry["equivalent"] is None:
        return "cannot tell"
    if entry["equivalent"]:
        return "equivalent"
    ends = entry["ci90"]
    outside = ends is not None and (ends[0] >= entry["margin"] or ends[1] <= -entry["margin"])
    return "different" if outside else "not shown"


def equivalence_sentences(summary: Summary) -> tuple[str, ...]:
    """One sentence for each pair that was to be shown equal."""
    return tuple(_sentence(entry, measure(summary, entry["metric"])) for entry in summary.get("equivalence") or ())


def equivalence_grid(summary: Summary) -> Grid | None:
    """The figures behind the sentences; None without any."""
    entries = summary.get("equivalence") or ()
    if not entries:
        return None
    heads = ("Metric", "Model", "Verdict", "Compared with", "Difference", "90 % interval", "Margin", "p", "Rows")
    numeric = {"Difference", "90 % interval", "Margin", "p", "Rows"}
    return Grid(
        caption="Two one-sided tests: the verdict is “equivalent” where the 90 % interval lies within the margin",
        columns=tuple(Column(head, number=head in numeric) for head in heads),
        rows=tuple(_row(entry, measure(summary, entry["metric"])) for entry in entries),
    )


def _row(entry: Mapping[str, Any], found: Measure) -> tuple[Entry, ...]:
    judged = sameness(entry)
    return (
        Entry(entry["metric"], kind="head"),
        Entry(label(entry["b"]), kind="name"),
        Entry(judged, kind="judged", tone=_KINDS[judged]),
        Entry(label(entry["a"]), kind="name"),
        Entry(found.difference(entry["difference"]), kind="strong"),
        Entry(found.difference_interval(entry["ci90"]), kind="number"),
        Entry(f"±{NB}{found.size(entry['margin'])}", kind="number"),
        Entry(numbers.p_value(entry["p"]), kind="number"),
        Entry(numbers.count(entry["n"]), kind="number"),
    )


def _sentence(entry: Mapping[str, Any], found: Measure) -> str:
    a, b = (one_line(entry[side]["model"]) for side in ("a", "b"))
    where = " · ".join(one_line(part) for part in key(entry["a"])[1:] if part)
    place = f"By {one_line(found.name)}{f' ({where})' if where else ''}, "
    margin = found.size(entry["margin"])
    return f"{place}{_judgement(sameness(entry), a, b, margin)}{_evidence(entry, found)}."


def _judgement(judged: Sameness, a: str, b: str, margin: str) -> str:
    if judged == "equivalent":
        return f"{b} is as good as {a} within {margin}"
    if judged == "different":
        return f"{b} is not of the quality of {a}: the difference is larger than {margin}"
    if judged == "not shown":
        return f"it is not shown that {b} is of the quality of {a} within {margin}"
    return f"it cannot be told whether {b} is of the quality of {a}"


def _evidence(entry: Mapping[str, Any], found: Measure) -> str:
    if entry["difference"] is None:
        return ""
    inner = [f"difference {found.difference(entry['difference'])}"]
    if entry["ci90"]:
        inner.append(f"90{NB}% interval {found.difference_interval(entry['ci90'], named=True)}")
    if entry["p"] is not None:
        inner.append(f"p {p_words(entry['p'])}")
    return f" ({', '.join(inner)})"
