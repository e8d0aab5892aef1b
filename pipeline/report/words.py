"""Says in words what a summary shows: who leads, by how much, and whether the data can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.names import number_of
from pipeline.report import numbers
from pipeline.report.cells import Summary, answered, label, metric_names, unfinished
from pipeline.report.equivalence import equivalence_sentences
from pipeline.report.leader import Verdict, standing
from pipeline.report.visible import one_line


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
    found = standing(summary, names[0]) if names else None
    if found is None:
        return Verdict(headline="No answer was scored.", sentences=(*_unanswered(summary), *_spend(summary)))
    sentences = (*found.sentences, *equivalence_sentences(summary), *_spend(summary))
    return Verdict(headline=found.headline, sentences=sentences)


def _unanswered(summary: Summary) -> tuple[str, ...]:
    jobs = summary["jobs"]
    if not jobs["total"] or answered(jobs):
        return ()
    return (f"Of {number_of(jobs['total'], 'job')} not one has an answer.",)


_BOUNDS = (("min", "at least"), ("max", "at most"))


def _spend(summary: Summary) -> tuple[str, ...]:
    cost, jobs = summary["cost"], numbers.count(summary["jobs"]["total"])
    if cost["total_usd"] is None and not cost["unpriced_jobs"]:
        return ("No answer of this run was bought.",)
    if cost["total_usd"] is None:
        return (f"What the {jobs} jobs cost is unknown: no price applies to them.",)
    least = "at least " if cost["unpriced_jobs"] else ""
    what = f"The {jobs} jobs so far" if unfinished(summary) else f"The run of {jobs} jobs"
    judges = cost.get("judges_usd")
    of_it = f", {numbers.usd(judges)} of it for judges" if judges is not None else ""
    return (f"{what} cost {least}{numbers.usd(cost['total_usd'])}{of_it}.",)
