"""Gathers what the page of a comparison shows: its tables, marks and changed rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report import numbers
from pipeline.report.cautions import SIMULATED
from pipeline.report.cells import direction
from pipeline.report.compare_words import Found, cautions, cell_name, judged, measures, verdict
from pipeline.report.encode import safe_json
from pipeline.report.measures import Measure
from pipeline.report.tables import Whisker, place_between
from pipeline.report.text_diff import Piece, differing_pieces
from pipeline.report.visible import cut

BYTES_OF_CHANGES = 3_000_000
_SLICES_IN_SIGHT = 10
_MARK_WIDTH = 120
_COST = Measure(name="cost", pass_fail=False, share=False, better="lower", unit="USD")
_LATENCY = Measure(name="latency", pass_fail=False, share=False, better="lower", unit="ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """One comparison as a line of a table."""

    metric: str
    cell: str
    slice: tuple[str, str]
    """Column and value; empty texts for all rows."""
    verdict: str
    before: str
    after: str
    difference: str
    interval: str
    whisker: Whisker | None
    zero: float
    p_adjusted: str
    gained: str
    lost: str
    n: str
    detectable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One answer of a changed row."""

    letter: str
    pieces: list[Piece]
    more: int
    score: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row whose score changed."""

    row_id: str
    asked: str
    asked_after: str
    """Empty where both runs asked the same."""
    sides: tuple[Side, Side]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroup:
    """Rows that changed in the same way."""

    title: str
    shown: str
    kind: str
    changes: list[Change]


def comparison_context(found: Found) -> dict[str, Any]:
    """Return the context of `compare.html.jinja`."""
    runs = found["runs"]
    return {
        "page": "compare.html",
        "eval_name": " · ".join(dict.fromkeys(run["eval"] for run in runs)),
        "description": f"{len(runs)} runs, paired row by row",
        "simulated": SIMULATED if any(run["simulated"] for run in runs) else "",
        "progress": "",
        "runs": [_run(run) for run in runs],
        "pairs": [_pair(found, pair) for pair in found["pairs"]],
        "version": runs[-1]["version"],
        "whisker_width": _MARK_WIDTH,
    }


def _run(run: Found) -> dict[str, str]:
    return {
        "letter": run["letter"],
        "run_id": run["run_id"],
        "folder": run["folder"],
        "eval": run["eval"],
        "created_at": run["created_at"][:16].replace("T", " "),
        "rows": numbers.count(run["rows"]),
        "jobs": numbers.count(run["jobs"]["total"]),
    }


def _pair(found: Found, pair: Found) -> dict[str, Any]:
    known = measures(found)
    slices = difference_rows(sorted(pair["slices"], key=_surest), known)
    return {
        "letter": pair["run"],
        "verdict": verdict(pair, known),
        "cautions": cautions(found, pair),
        "details": [entry for entry in pair["differing"] if entry["detail"]],
        "rows": difference_rows(pair["comparisons"], known),
        "slices": slices[:_SLICES_IN_SIGHT],
        "more_slices": slices[_SLICES_IN_SIGHT:],
        "endings": [_ending(entry) for entry in pair["endings"]],
        "paid": [_paid(cost, time) for cost, time in zip(pair["costs"], pair["latencies"], strict=True)],
        "groups": change_groups(pair, known),
    }


def difference_rows(entries: Sequence[Found], known: Mapping[str, Measure]) -> list[DifferenceRow]:
    """Return comparisons as lines; the small marks of one metric share a scale around zero."""
    reach = {name: _reach(entry for entry in entries if entry["metric"] == name) for name in known}
    return [_difference_row(entry, known[entry["metric"]], reach[entry["metric"]]) for entry in entries]


def change_groups(pair: Found, known: Mapping[str, Measure]) -> list[ChangeGroup]:
    """Return the changed rows by metric, cell and direction, the worse ones first, as many as a page holds."""
    groups: dict[tuple[str, str, str], list[Found]] = {}
    for entry in pair["changes"]:
        groups.setdefault((entry["metric"], cell_name(entry), entry["change"]), []).append(entry)
    totals = {(entry["metric"], cell_name(entry)): (entry["lost"], entry["gained"]) for entry in pair["comparisons"]}
    order = sorted(groups, key=lambda key: direction(key[2] == "higher", known[key[0]].better) != "worse")
    left, found = BYTES_OF_CHANGES, []
    for key in order:
        metric, cell, change = key
        fitting, left = _fitting(groups[key], left)
        total = totals[metric, cell][change == "higher"]
        word = direction(change == "higher", known[metric].better)
        found.append(
            ChangeGroup(
                title=f"{metric} of {cell}: {numbers.count(total)} {word}",
                shown="" if len(fitting) == total else f"{numbers.count(len(fitting))} of them are on this page, the "
                "largest changes first.",
                kind={"worse": "worse", "better": "better"}.get(word, "moved"),
                changes=[_change(entry, known[metric], pair["run"]) for entry in fitting],
            )
        )  # fmt: skip
    return found


def _fitting(entries: Sequence[Found], left: int) -> tuple[list[Found], int]:
    fitting = []
    for entry in entries:
        size = sum(
            len(safe_json(entry[side][name]).encode()) for side in ("before", "after") for name in ("asked", "answer")
        )
        if size > left:
            break
        left -= size
        fitting.append(entry)
    return fitting, left


def _surest(entry: Found) -> float:
    return 1.0 if entry["p"] is None else float(entry["p"])


def _reach(entries: Iterable[Found]) -> float:
    ends = [abs(end) for entry in entries for end in (entry["ci95"] or [entry["difference"] or 0.0])]
    return max(ends, default=0.0) or 1.0


def _difference_row(entry: Found, measure: Measure, reach: float) -> DifferenceRow:
    line = (-reach, reach)
    ends = entry["ci95"]
    low, high = (
        (place_between(ends[0], line, _MARK_WIDTH), place_between(ends[1], line, _MARK_WIDTH)) if ends else (None, None)
    )
    value = entry["difference"]
    return DifferenceRow(
        metric=entry["metric"],
        cell=cell_name(entry),
        slice=(entry.get("column", ""), entry.get("value", "")),
        verdict=judged(entry, measure),
        before=measure.value(entry["mean_a"]),
        after=measure.value(entry["mean_b"]),
        difference=measure.difference(value),
        interval=measure.difference_interval(ends),
        whisker=None if value is None else Whisker(mean=place_between(value, line, _MARK_WIDTH), low=low, high=high),
        zero=place_between(0.0, line, _MARK_WIDTH),
        p_adjusted=numbers.p_value(entry["p_adjusted"]),
        gained=numbers.count(entry["gained"]),
        lost=numbers.count(entry["lost"]),
        n=numbers.count(entry["n"]),
        detectable=measure.size(entry["smallest_detectable"]),
    )


def _ending(entry: Found) -> dict[str, str]:
    return {
        "cell": cell_name(entry),
        "before": entry["from"],
        "after": entry["to"],
        "jobs": numbers.count(entry["jobs"]),
        "share": numbers.share_of(entry["jobs"], entry["of"]),
    }


def _paid(cost: Found, time: Found) -> dict[str, Any]:
    return {"cell": cell_name(cost), "cost": _figures(cost, _COST, 1000), "latency": _figures(time, _LATENCY, 1)}


def _figures(entry: Found, measure: Measure, factor: int) -> tuple[str, str, str, str]:
    """Before, after, difference and its interval, for so many jobs."""
    before, after, difference = (
        None if entry[name] is None else entry[name] * factor for name in ("mean_a", "mean_b", "difference")
    )
    ends = None if entry["ci95"] is None else [end * factor for end in entry["ci95"]]
    return (
        measure.value(before), measure.value(after), measure.difference(difference), measure.difference_interval(ends),
    )  # fmt: skip


def _change(entry: Found, measure: Measure, letter: str) -> Change:
    before, after = entry["before"], entry["after"]
    (one, more), (other, other_more) = cut(_words(before)), cut(_words(after))
    pieces = differing_pieces(one, other)
    return Change(
        row_id=entry["row_id"],
        asked=cut(before["asked"])[0],
        asked_after="" if before["asked"] == after["asked"] else cut(after["asked"])[0],
        sides=(
            _side("A", before, entry["metric"], measure, (pieces[0], more)),
            _side(letter, after, entry["metric"], measure, (pieces[1], other_more)),
        ),
    )


def _side(letter: str, answer: Found, metric: str, measure: Measure, text: tuple[list[Piece], int]) -> Side:
    pieces, more = text
    score = score_words(answer, metric, measure)
    return Side(letter=letter, pieces=pieces, more=more, score=score, facts=_facts(answer, metric))


def score_words(answer: Found, metric: str, measure: Measure) -> str:
    """Write what a scorer said of one answer: right, wrong, or its value."""
    score = answer["scores"].get(metric)
    if score is None or score["value"] is None:
        return "not scored"
    if score["passed"] is None:
        return measure.value(score["value"])
    return "right" if score["passed"] else "wrong"


def _words(answer: Found) -> str:
    return str(answer["answer"] or answer["error"] or "")


def _facts(answer: Found, metric: str) -> tuple[tuple[str, str], ...]:
    score = answer["scores"].get(metric) or {}
    facts = [(name, score.get(key)) for name, key in (("found", "extracted"), ("expected", "expected"))]
    facts += [("label", score.get("label")), ("because", score.get("explanation"))]
    if answer["status"] != "ok":
        facts.append(("status", answer["status"]))
    if answer["repeat"]:
        facts.append(("repeat", str(answer["repeat"] + 1)))
    return tuple((name, cut(str(value), 400)[0]) for name, value in facts if value)
