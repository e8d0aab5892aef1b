"""Says aloud what makes a comparison of runs weaker than it looks."""

from __future__ import annotations

from pipeline.core.names import number_of
from pipeline.report import numbers
from pipeline.report.cells import label
from pipeline.report.compare_words import Found, comparison_name
from pipeline.report.leader import capital
from pipeline.report.visible import one_line


def cautions(found: Found, pair: Found) -> list[str]:
    """What makes the comparison weaker than it looks, the gravest first."""
    a, b = found["runs"][0], next(run for run in found["runs"] if run["letter"] == pair["run"])
    return [
        *_unfinished(a, b),
        *_rows(pair),
        *(f"{capital(one_line(entry['text']))}." for entry in pair["differing"]),
        *_cells(pair),
        *_left_out(pair),
        *_reused(b),
    ]


def _unfinished(*runs: Found) -> list[str]:
    return [
        f"Run {run['letter']} is not finished: {numbers.count(run['jobs']['total'])} of "
        f"{number_of(run['jobs']['planned'], 'job')} are done."
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
            f"The content of {number_of(rows['changed'], 'row')} with the same key differs between the datasets "
            f"({ids}{more}): "
            "a changed answer may be the answer to another question."
        )
    alone = [
        f"{number_of(rows[name], 'row')} only in {where}"
        for name, where in (("only_a", "A"), ("only_b", letter))
        if rows[name]
    ]
    if alone:
        found.append(
            f"Compared are the {number_of(rows['common'], 'row')} of both runs; left out: {' and '.join(alone)}."
        )
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
                f"{capital(number_of(worst[name], 'row'))} scored in {where} have no score in {other} and are left out "
                f"({comparison_name(worst)} has most): errors, or answers that could not be scored."
            )
    return found


def _reused(run: Found) -> list[str]:
    reused = run["jobs"]["reused"]
    if not reused:
        return []
    return [
        f"{numbers.count(reused)} of {number_of(run['jobs']['total'], 'job')} of {run['letter']} reuse answers of "
        "earlier runs; where they are A's own, nothing can have changed."
    ]
