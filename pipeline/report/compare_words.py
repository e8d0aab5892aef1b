"""Says in words how a run differs from another: better, worse, or not to be told, and what to be careful about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import Judgement, judge, label
from pipeline.report.leader import Verdict, p_words, why_unclear
from pipeline.report.measures import Measure, measure_of
from pipeline.report.visible import one_line

Found = Mapping[str, Any]
"""What `steps.compare` found, or a part of it."""
_TOLD = 4
"""Comparisons that are told one by one."""
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


def verdict(pair: Found, known: Mapping[str, Measure]) -> Verdict:
    """Judge one run against the first: the headline, then the figures behind it."""
    entries = pair["comparisons"]
    told = [(entry, judged(entry, known[entry["metric"]])) for entry in entries]
    sure = [(entry, verdict) for verdict in ("worse", "better", "higher", "lower")
            for entry, found in told if found == verdict]  # fmt: skip
    sentences = [_sentence(entry, known[entry["metric"]], pair, judgement) for entry, judgement in sure[:_TOLD]]
    if len(sure) > _TOLD:
        sentences.append(f"The table has {_count(len(sure) - _TOLD, 'more difference')} that chance does not explain.")
    if not sure:
        sentences += _largest(entries, known, pair)
    sentences += _slice_sentences(pair, known)
    return Verdict(headline=_headline(pair["run"], [verdict for _, verdict in told]), sentences=tuple(sentences))


def comparison_name(entry: Found) -> str:
    """Name what is compared: the metric, and the cell; both cells where their names differ."""
    return f"{one_line(entry['metric'])} of {cell_name(entry)}"


def cell_name(entry: Found) -> str:
    """Name the cell, or both where their names differ."""
    a, b = one_line(label(entry["a"])), one_line(label(entry["b"]))
    return a if a == b else f"{a} → {b}"


def cautions(found: Found, pair: Found) -> list[str]:
    """What makes the comparison weaker than it looks, the gravest first."""
    a, b = found["runs"][0], next(run for run in found["runs"] if run["letter"] == pair["run"])
    return [
        *_unfinished(a, b),
        *_rows(pair),
        *(f"{_capital(one_line(entry['text']))}." for entry in pair["differing"]),
        *_cells(pair),
        *_left_out(pair),
        *_reused(b),
    ]


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
    tested = [entry for entry in entries if entry["p"] is not None and entry["difference"]]
    if not tested:
        scored = any(entry["n"] for entry in entries)
        return ["No row that both runs scored has changed." if scored else "No row is scored in both runs."]
    entry = min(tested, key=lambda one: one["p"])
    measure = known[entry["metric"]]
    start = "It differs most on" if len(entries) > 1 else "On"
    text = (
        f"{start} {one_line(measure.name)}, {cell_name(entry)}{':' if len(entries) > 1 else ' is'} "
        f"{_direction(entry)} by {measure.size(entry['difference'])} "
        f"({_evidence(entry, measure)}; {_moved(entry, measure)}); {why_unclear(entry)}."
    )
    needed = entry["smallest_detectable"]
    if needed is not None:
        rows = _count(entry["n"], "row")
        text += f" With {rows}, only a difference of about {measure.size(needed)} would reliably show."
    return [text]


def _slice_sentences(pair: Found, known: Mapping[str, Measure]) -> list[str]:
    """Name the slices in which the runs differ for sure."""
    if not pair["slices"]:
        return []
    sure = [(entry, judged(entry, known[entry["metric"]])) for entry in pair["slices"]]
    sure = [(entry, judgement) for entry, judgement in sure if judgement != "cannot tell"]
    if not sure:
        return [f"In none of {_count(len(pair['slices']), 'comparison')} by slice can the two be told apart."]
    told = [
        f"{judgement} where {one_line(entry['column'])} is {one_line(entry['value'])} ({comparison_name(entry)}, "
        f"{known[entry['metric']].difference(entry['difference'])})"
        for entry, judgement in sure[:_TOLD]
    ]
    more = f", and {len(sure) - _TOLD} more" if len(sure) > _TOLD else ""
    return [f"By slice, {pair['run']} is {'; '.join(told)}{more}."]


def _evidence(entry: Found, measure: Measure) -> str:
    inner = []
    if entry["ci95"]:
        inner.append(f"95{_NB}% interval {measure.difference_interval(entry['ci95'], named=True)}")
    if entry["p_adjusted"] is not None:
        inner.append(f"adjusted p {p_words(entry['p_adjusted'])}")
    return ", ".join(inner) or "no interval"


def _moved(entry: Found, measure: Measure) -> str:
    up, down = numbers.count(entry["gained"]), numbers.count(entry["lost"])
    if measure.pass_fail and entry["test"].startswith("mcnemar"):
        return f"{up} gained, {down} lost of {_count(entry['n'], 'row')}"
    return f"{up} higher, {down} lower of {_count(entry['n'], 'row')}"


def _direction(entry: Found) -> str:
    return "higher" if entry["difference"] > 0 else "lower"


def _unfinished(*runs: Found) -> list[str]:
    return [
        f"Run {run['letter']} is not finished: {numbers.count(run['jobs']['total'])} of "
        f"{_count(run['jobs']['planned'], 'job')} are done."
        for run in runs
        if run["jobs"]["planned"] is not None and run["jobs"]["planned"] > run["jobs"]["total"]
    ]


def _rows(pair: Found) -> list[str]:
    rows, letter, found = pair["rows"], pair["run"], []
    if not rows["common"]:
        return ["The two runs have no row in common; rows are matched by their key, the dataset's `id` column."]
    if rows["changed"]:
        ids = ", ".join(map(one_line, rows["changed_ids"]))
        more = ", …" if rows["changed"] > len(rows["changed_ids"]) else ""
        found.append(
            f"The content of {_count(rows['changed'], 'row')} with the same key differs between the datasets "
            f"({ids}{more}): "
            "a changed answer may be the answer to another question."
        )
    alone = [
        f"{_count(rows[name], 'row')} only in {where}"
        for name, where in (("only_a", "A"), ("only_b", letter))
        if rows[name]
    ]
    if alone:
        found.append(f"Compared are the {_count(rows['common'], 'row')} of both runs; left out: {' and '.join(alone)}.")
    for name, where in (("columns_only_a", "A"), ("columns_only_b", letter)):
        if rows[name]:
            found.append(f"Only the dataset of {where} has {', '.join(map(one_line, rows[name]))}.")
    return found


def _cells(pair: Found) -> list[str]:
    found = []
    for entry in pair["matched"]:
        names = f"{one_line(label(entry['a']))} of A is compared with {one_line(label(entry['b']))} of {pair['run']}"
        if entry["how"] == "last":
            found.append(f"{names}: each run has only this one without a counterpart of the same name.")
        if entry["how"] == "asked":
            found.append(f"{names}, as asked.")
    for name, where in (("only_a", "A"), ("only_b", pair["run"])):
        if pair[name]:
            cells = ", ".join(one_line(label(cell)) for cell in pair[name])
            found.append(f"Only in {where}, and not compared: {cells}.")
    return found


def _left_out(pair: Found) -> list[str]:
    """Rows of both runs that only one of them has a score for."""
    found = []
    for name, where, other in (("only_a", "A", pair["run"]), ("only_b", pair["run"], "A")):
        worst = max(pair["comparisons"], key=lambda entry: entry[name], default=None)
        if worst is not None and worst[name]:
            found.append(
                f"{_capital(_count(worst[name], 'row'))} scored in {where} have no score in {other} and are left out "
                f"({comparison_name(worst)} has most): errors, or answers that could not be scored."
            )
    return found


def _reused(run: Found) -> list[str]:
    reused = run["jobs"]["reused"]
    if not reused:
        return []
    return [
        f"{numbers.count(reused)} of {_count(run['jobs']['total'], 'job')} of {run['letter']} reuse answers of earlier "
        "runs; where they are A's own, nothing can have changed."
    ]


def _count(number: int, noun: str) -> str:
    return f"{numbers.count(number)} {noun}{'' if number == 1 else 's'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
