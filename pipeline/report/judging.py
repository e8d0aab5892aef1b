"""Judges on the page: who judged, how far they can be trusted, figures corrected by people, ratings from pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.names import number_of
from pipeline.report import numbers
from pipeline.report.cells import Summary, label
from pipeline.report.grid import Grid
from pipeline.report.judge_grids import confusion_grid, corrected_grid, rating_grid
from pipeline.report.leader import NB, listed
from pipeline.report.measures import measure
from pipeline.report.visible import one_line

Judged = Mapping[str, Any]
"""An entry of `summary["judges"]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSection:
    """One scorer whose verdicts are a model's."""

    scorer: str
    words: tuple[str, ...]
    grids: tuple[Grid, ...]


def judge_sections(summary: Summary) -> list[JudgeSection]:
    """One section for each judged scorer, in the order of the summary."""
    return [_section(summary, entry) for entry in summary.get("judges") or ()]


def raw_outside(summary: Summary) -> list[str]:
    """Name the cells whose figure by the judges lies outside the interval that people's labels allow."""
    found = []
    for entry in summary.get("judges") or ():
        of = measure(summary, entry["scorer"])
        for cell in (entry.get("calibration") or {}).get("cells") or ():
            ends = cell["ci95"]
            if ends is not None and cell["raw"] is not None and not ends[0] <= cell["raw"] <= ends[1]:
                name, raw, corrected = one_line(label(cell)), of.value(cell["raw"]), of.value(cell["corrected"])
                found.append(
                    f"By {one_line(of.name)}, the judges give {name} {raw}, which the human labels do not bear out: "
                    f"corrected, it is {corrected} (95{NB}% interval {of.interval(ends)})."
                )
    return found


def kin_sentences(summary: Summary) -> list[str]:
    """Say which judges were asked about answers of their own kind."""
    pairs = {
        (one["judge"], one["model"], one["relation"]): None
        for entry in summary.get("judges") or ()
        for one in entry.get("self_preference") or ()
    }
    kinds = {"same model": "the same model as", "same family": "of the same family as"}
    return [
        f"Judge {one_line(judge)} is {kinds.get(relation, relation)} {one_line(model)}, whose answers it judged; "
        "models tend to prefer answers of their own kind."
        for judge, model, relation in pairs
    ]


def _section(summary: Summary, entry: Judged) -> JudgeSection:
    of = measure(summary, entry["scorer"])
    ratings = [found for found in summary.get("ratings") or () if found["scorer"] == entry["scorer"]]
    words = [_who(entry), *_consistency(entry), *_between(entry), *_calibration_words(entry)]
    words += [sentence for found in ratings for sentence in _rating_words(found)]
    grids = [corrected_grid(entry, of), confusion_grid(entry), *(rating_grid(found) for found in ratings)]
    return JudgeSection(
        scorer=entry["scorer"], words=tuple(words), grids=tuple(grid for grid in grids if grid is not None)
    )


def _who(entry: Judged) -> str:
    judges = entry["judges"]
    names = listed([one_line(judge["name"]) for judge in judges]) if judges else "no judge"
    jobs = sum(judge["jobs"] for judge in judges)
    reasked = sum(judge["reasked"] for judge in judges)
    rubric = f" by the rubric “{one_line(entry['rubric'])}”" if entry.get("rubric") else ""
    cost = f", for {numbers.usd(entry['cost_usd'])}" if entry["cost_usd"] is not None else ", at an unknown cost"
    text = f"Judged{rubric} by {names} in {number_of(jobs, 'verdict')}{cost}."
    if reasked:
        text += f" {number_of(reasked, 'verdict')} could not be read and {_was(reasked)} asked for again."
    if errors := entry.get("errors"):
        text += f" {number_of(errors, 'question')} to a judge ended in an error or {_was(errors)} not sent."
    if entry["unscored"]:
        text += f" {number_of(entry['unscored'], 'answer')} stayed without a verdict."
    return text


def _consistency(entry: Judged) -> list[str]:
    found = entry.get("position_consistency")
    if not found or not found["pairs"]:
        return []
    by_judge = found.get("by_judge") or {}
    each = ", ".join(f"{one_line(name)} {numbers.metric(share, share=True)}" for name, share in by_judge.items())
    return [
        f"Shown in both orders, the same answer won (or tied) in {numbers.metric(found['share'], share=True)} of "
        f"{number_of(found['pairs'], 'pair')}{f' ({each})' if len(by_judge) > 1 else ''}."
    ]


def _between(entry: Judged) -> list[str]:
    found = entry.get("agreement_between_judges")
    if not found:
        return []
    agreed = numbers.metric(found["agreement"], share=True)
    kappa = _kappa(found, "fleiss_kappa")
    return [f"All judges agree on {agreed} of {number_of(found['n'], 'answer')} (Fleiss' kappa {kappa})."]


def _calibration_words(entry: Judged) -> list[str]:
    found = entry.get("calibration")
    if entry.get("calibration_problem"):
        return [f"The human labels could not be read: {one_line(str(entry['calibration_problem']))}."]
    if not found:
        return ["No human labels were given, so it is not known how far these verdicts can be trusted."]
    if not found["labels"]:
        return ["None of the human labels belongs to an answer that was judged."]
    agreed = numbers.metric(found["agreement"], share=True)
    ends = found["agreement_ci95"]
    interval = f" (95{NB}% interval {numbers.metric_interval(ends, share=True)})" if ends else ""
    weights = "quadratically weighted " if found.get("kappa_weights") == "quadratic" else ""
    text = (
        f"On {number_of(found['labels'], 'answer')} that people labelled, judges and people agree in "
        f"{agreed}{interval}; {weights}Cohen's kappa is {_kappa(found, 'kappa')}."
    )
    if unmatched := found.get("unmatched"):
        text += f" {number_of(unmatched, 'label')} {'fits' if unmatched == 1 else 'fit'} no judged answer."
    return [text]


def _kappa(found: Mapping[str, Any], name: str) -> str:
    text = numbers.metric(found[name], share=False)
    ends = found.get("kappa_ci95")
    return f"{text}, 95{NB}% interval {numbers.metric_interval(ends, share=False)}" if ends else text


def _rating_words(found: Mapping[str, Any]) -> list[str]:
    ratings = found["ratings"]
    if not found["connected"]:
        return [f"The pairs fix no ratings: {one_line(str(found['note']))}."]
    known = sorted((one for one in ratings if one["rating"] is not None), key=lambda one: -one["rating"])
    if len(known) < 2:
        return []
    first, second = known[0], known[1]
    lead = first["rating"] - second["rating"]
    names = f"{one_line(first['model'])} is rated highest, {one_line(second['model'])} next"
    chance = numbers.metric(_chance(lead), share=True)
    return [
        f"By {number_of(found['pairs'], 'pair')}, {names}; a lead of {numbers.metric(lead, share=False)} in log-odds "
        f"is a chance of {chance} to be preferred where there is no tie. {_rating_doubt(first, second, ratings[0])}"
    ]


def _rating_doubt(first: Judged, second: Judged, reference: Judged) -> str:
    """Whether the lead is more than chance, where an interval tells: those of ratings are against the reference."""
    other = second if first is reference else first if second is reference else None
    if other is not None and other["ci95"] is None:
        return "There is too little variation for an interval, so the data cannot tell the two apart."
    ends = other["ci95"] if other is not None else None
    if ends is None:
        return "The intervals are against the reference, so they do not tell whether that lead is chance."
    if ends[0] <= 0 <= ends[1]:
        return "The interval includes 0, so the data cannot tell the two apart."
    return "That is more than chance explains."


def _chance(lead: float) -> float:
    """The chance that the stronger of two wins, by Bradley and Terry (1952)."""
    from math import exp

    return 1.0 / (1.0 + exp(-lead))


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
