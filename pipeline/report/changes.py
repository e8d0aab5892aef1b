"""The rows that changed between two runs, side by side with their differences marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.report import numbers
from pipeline.report.cells import direction
from pipeline.report.compare_words import Found, cell_name
from pipeline.report.encode import safe_json
from pipeline.report.measures import Measure
from pipeline.report.text_diff import Piece, differing_pieces
from pipeline.report.visible import cut

BYTES_OF_CHANGES = 3_000_000


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
