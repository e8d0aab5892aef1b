"""Says aloud what makes a run's numbers weaker than they look."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.names import number_of
from pipeline.report import numbers
from pipeline.report.cells import Cell, Summary, answered, label, metric_names, unfinished
from pipeline.report.judging import kin_sentences, raw_outside
from pipeline.report.policies import Caution, policies, treatment
from pipeline.report.visible import one_line

SHARE_WORTH_A_CAUTION = 0.02
FEW_CLUSTERS = 20
SIMULATED = "Simulated run: the answers come from the built-in simulator, so they say nothing about real models."
_WEAK_ANSWERS = (("truncated", "cut off at a token limit"), ("refused", "refused"), ("empty", "empty"))
_LEFT_OUT = (("error", "ending in an error"), ("blocked", "blocked by the guard"), ("skipped", "skipped"))


def cautions(summary: Summary) -> tuple[Caution, ...]:
    """Return every reason for care, the gravest first."""
    simulated = [Caution(kind="simulated", text=SIMULATED)] if summary["simulated"] else []
    run = [*_incomplete(summary), *simulated, *_gates(summary)]
    counted = [
        *_left_out(summary),
        *_weak(summary),
        *policies(summary),
        *_unscored(summary),
        *_clusters(summary),
        *_judges(summary),
    ]
    return (*run, *counted, *_unanswered(summary), *_money(summary))


def _incomplete(summary: Summary) -> list[Caution]:
    found = unfinished(summary)
    if found is None:
        return _half_judged(summary)
    done, planned = found
    text = (
        f"This run is not finished: {numbers.count(planned - done)} of its {number_of(planned, 'job')} have not been "
        "done, so every figure can still change, and no gate is decided."
    )
    return [Caution(kind="incomplete", text=text)]


def _half_judged(summary: Summary) -> list[Caution]:
    """Say that judges were not asked everything; their figures are of the answers that came first."""
    left = {entry["scorer"]: entry.get("open", 0) for entry in summary.get("judges") or ()}
    return [
        Caution(
            kind="incomplete",
            text=f"The judges of {one_line(scorer)} are not finished: {number_of(number, 'verdict')} are missing, "
            "so its figures can still change.",
        )
        for scorer, number in left.items()
        if number
    ]


def _gates(summary: Summary) -> list[Caution]:
    failed = [gate for gate in summary["gates"] if not gate["passed"]]
    if not failed or unfinished(summary):
        return []
    names = ", ".join(dict.fromkeys(one_line(str(gate.get("metric", ""))) for gate in failed))
    return [Caution(kind="gate", text=f"{number_of(len(failed), 'gate')} failed ({names}).")]


def _left_out(summary: Summary) -> list[Caution]:
    jobs = summary["jobs"]
    return [
        Caution(kind=status, text=f"{treatment(summary, status)}: {number_of(jobs[status], 'job')} {words}.")
        for status, words in _LEFT_OUT
        if jobs[status]
    ]


def _weak(summary: Summary) -> list[Caution]:
    jobs = summary["jobs"]
    answers = answered(jobs)
    found = []
    for status, words in _WEAK_ANSWERS:
        worst, worst_share = _worst(summary, status)
        if max(_share(jobs, status), worst_share) <= SHARE_WORTH_A_CAUTION:
            continue
        where = f"; {one_line(label(worst))} has most, {numbers.metric(worst_share, share=True)}" if worst else ""
        share = numbers.share_of(jobs[status], answers)
        parts = f"{numbers.count(jobs[status])} of {numbers.count(answers)}"
        text = f"{treatment(summary, status)}: {share} of the answers ({parts}) {words}{where}."
        found.append(Caution(kind=status, text=text))
    return found


def _worst(summary: Summary, status: str) -> tuple[Cell | None, float]:
    """Find the cell with the largest share of answers in this status; no cell where there is but one."""
    shares = [(_share(cell["statuses"], status), cell) for cell in summary["cells"]]
    worst_share, worst = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    return (worst if len(shares) > 1 and worst_share > 0 else None), worst_share


def _share(counts: Mapping[str, int], status: str) -> float:
    answers = answered(counts)
    return counts[status] / answers if answers else 0.0


def _unscored(summary: Summary) -> list[Caution]:
    found = []
    for metric in metric_names(summary):
        total = sum(cell["metrics"][metric]["unscored"] for cell in summary["cells"] if metric in cell["metrics"])
        if total:
            text = (
                f"Missing from the mean of {one_line(metric)}: {number_of(total, 'answer')} that could not be scored."
            )
            found.append(Caution(kind="unscored", text=text))
    return found


def _judges(summary: Summary) -> list[Caution]:
    """Warn of judges that people do not bear out, and of those that judged their own kind."""
    return [Caution(kind="judges", text=text) for text in (*raw_outside(summary), *kin_sentences(summary))]


def _clusters(summary: Summary) -> list[Caution]:
    """Say that rows are not independent, and that few clusters give uncertain errors."""
    figures = [found for cell in summary["cells"] for found in cell["metrics"].values() if found.get("clusters")]
    if not figures:
        return []
    fewest = min(found["clusters"] for found in figures)
    text = (
        "Rows of the same cluster are not independent of each other: standard errors, intervals and tests are computed "
        f"over {number_of(fewest, 'cluster')} of rows."
    )
    few = " So few clusters make the errors themselves uncertain." if fewest < FEW_CLUSTERS else ""
    return [Caution(kind="clusters", text=text + few)]


def _unanswered(summary: Summary) -> list[Caution]:
    lost = summary.get("unanswered")
    if not lost:
        return []
    single = lost["requests"] == 1
    sent = f"{numbers.count(lost['requests'])} {'request was' if single else 'requests were'} sent whose"
    start = f"{sent} {'answer was' if single else 'answers were'} never stored;"
    they = "it" if single else "they"
    if lost["usd"] is None:
        text = f"{start} what {they} may have cost is unknown and not in the totals."
    else:
        text = f"{start} {they} may have cost up to {numbers.usd(lost['usd'])}, which is not in the totals."
    return [Caution(kind="unanswered", text=text)]


def _money(summary: Summary) -> list[Caution]:
    cost = summary["cost"]
    found = []
    if unpriced := cost["unpriced_jobs"]:
        known = cost["total_usd"] is not None
        so = "every total of money is a lower bound" if known else "there is no total of money"
        text = f"The cost of {number_of(unpriced, 'job')} is unknown, so {so}."
        found.append(Caution(kind="unpriced", text=text))
    if attempts := cost.get("possibly_paid"):
        found.append(Caution(kind="possibly paid", text=_possibly_paid(attempts, cost["possibly_paid_usd"])))
    if estimated := cost["usage_sources"]["estimated"]:
        text = f"The token usage of {number_of(estimated, 'job')} is estimated: the provider did not report it."
        found.append(Caution(kind="estimated", text=text))
    return found


def _possibly_paid(attempts: int, usd: str | None) -> str:
    start = f"{number_of(attempts, 'attempt')} without an answer may have been billed"
    if usd is None:
        return f"{start}, at a cost that is not known and in no total."
    return f"{start}, at up to {numbers.usd(usd)} as far as known, which is not in the totals."
