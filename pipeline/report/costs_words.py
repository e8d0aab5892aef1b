"""Says in words what was spent, and aloud what makes the figure less than the whole truth."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pipeline.cost.spending import Entry, Ledger, Spend, total
from pipeline.report import numbers
from pipeline.report.visible import one_line

INVENTED = "Simulated runs: the money is invented, and nothing was paid."


def headline(ledger: Ledger, simulated: bool) -> str:
    """Say how much was spent, by how many runs, from when to when."""
    spend = total(ledger.entries)
    runs = number_of(len(ledger.runs), "run")
    if not ledger.runs:
        return "No run was found."
    if spend.cost_usd is None and not spend.jobs:
        return f"{runs}, and nothing was asked of a provider."
    if spend.cost_usd is None:
        return f"What {runs} cost is unknown: no price applies to them."
    least = "At least " if spend.unpriced_jobs else ""
    what = "of invented money was" if simulated else "was"
    return f"{least}{numbers.usd(spend.cost_usd)} {what} spent by {runs}, {period(ledger.entries)}."


def period(entries: Sequence[Entry]) -> str:
    """Say from which day to which the entries reach."""
    days = [entry.day for entry in entries]
    if not days:
        return "on no day"
    first, last = min(days), max(days)
    return f"on {first}" if first == last else f"{first} to {last}"


def statements(ledger: Ledger) -> list[str]:
    """Say what the total is made of, and what is not in it; the gravest first."""
    spend = total(ledger.entries)
    found = [*_missing(ledger, spend), *_open(ledger), *_parts(ledger, spend)]
    return [text for text in found if text]


def apart(ledger: Ledger, simulated: bool) -> str:
    """Say what the other kind of money came to, real or invented; empty where there is none of it."""
    if not ledger.runs or not ledger.entries:
        return ""
    runs = number_of(len(ledger.runs), "run")
    spent = numbers.usd(total(ledger.entries).cost_usd)
    if simulated:
        return f"Not shown: {runs} with real models, {spent}."
    return f"Apart, and in no figure here: {runs} with simulated models, {spent} of invented money."


def skipped(ledger: Ledger) -> list[str]:
    """Name every folder that is in no figure, with the reason."""
    return [one_line(f"{one.folder}: {one.reason}") for one in ledger.skipped]


def repriced(spend: Spend, day: str) -> list[str]:
    """Say what the runs cost under another price table, and what of that is not comparable."""
    change = signed_usd(spend.change_usd)
    found = [
        f"Recorded {numbers.usd(spend.cost_usd)}; under this price table {numbers.usd(spend.table_usd)}, {day}. "
        f"Over the jobs that have both: {change}."
    ]
    if spend.table_unpriced_jobs:
        jobs = number_of(spend.table_unpriced_jobs, "job")
        found.append(f"{jobs} still have no price in this table, so its total is a lower bound.")
    if spend.kept_usd:
        kept = numbers.usd(spend.kept_usd)
        found.append(f"{kept} of it is as recorded: of attempts without a result no tokens are stored.")
    return found


def signed_usd(amount: Decimal | None) -> str:
    """Write a change in dollars with its sign."""
    plus = "+" if amount is not None and amount > 0 else ""
    return f"{plus}{numbers.usd(amount)}"


def number_of(number: int, noun: str) -> str:
    """Write a count with its noun: `1 run`, `12 runs`."""
    return f"{numbers.count(number)} {noun}{'' if number == 1 else 's'}"


def _missing(ledger: Ledger, spend: Spend) -> list[str]:
    found = []
    if ledger.skipped:
        found.append(f"{number_of(len(ledger.skipped), 'folder')} could not be counted.")
    if spend.unpriced_jobs:
        found.append(
            f"The cost of {number_of(spend.unpriced_jobs, 'job')} is unknown, so the total is a lower bound; "
            "--reprice holds them against today's prices."
        )
    if spend.estimated_jobs:
        found.append(
            f"{numbers.usd(spend.estimated_usd)} is estimated: the provider did not report the tokens of "
            f"{number_of(spend.estimated_jobs, 'job')}."
        )
    if spend.possibly_paid:
        found.append(
            f"{number_of(spend.possibly_paid, 'attempt')} without an answer may have been billed for up to "
            f"{numbers.usd(spend.possibly_paid_usd)} more, which is in no total."
        )
    requests = sum(run.unanswered for run in ledger.runs)
    if requests:
        at_stake = sum((run.unanswered_usd for run in ledger.runs), Decimal(0))
        found.append(
            f"{number_of(requests, 'request')} left and have no stored result; they may have cost up to "
            f"{numbers.usd(at_stake)}, which is in no total."
        )
    return found


def _open(ledger: Ledger) -> list[str]:
    states = [run.state for run in ledger.runs]
    going, stopped = states.count("running"), states.count("unfinished")
    return [
        f"{number_of(going, 'run')} going on: the figures still grow." if going else "",
        f"{number_of(stopped, 'run')} not finished; what was spent until now is counted." if stopped else "",
    ]


def _parts(ledger: Ledger, spend: Spend) -> list[str]:
    found = []
    if spend.judges_usd is not None:
        names = ", ".join(sorted({one_line(entry.judge) for entry in ledger.entries if entry.judge is not None}))
        found.append(f"{numbers.usd(spend.judges_usd)} of it went to judges ({names}).")
    if spend.wasted_usd:
        retries = number_of(spend.retries, "retry").replace("retrys", "retries")
        found.append(f"{numbers.usd(spend.wasted_usd)} of it went into attempts without a result ({retries}).")
    if spend.reused_jobs:
        found.append(
            f"{number_of(spend.reused_jobs, 'answer')} were reused, which saved {numbers.usd(spend.saved_usd)}; "
            "each is counted once, in the run that paid for it."
        )
    return found
