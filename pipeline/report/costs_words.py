"""Says in words what was spent, and aloud what makes the figure less than the whole truth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from pipeline.core.names import number_of
from pipeline.cost.spending import Entry, Ledger, Spend, total
from pipeline.report import numbers
from pipeline.report.visible import one_line

_NB = "\N{NO-BREAK SPACE}"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
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
    least = "At least " if spend.unpriced_jobs or _damaged(ledger) else ""
    what = "of invented money was" if simulated else "was"
    return f"{least}{numbers.usd(spend.cost_usd)} {what} spent by {runs}, {period(ledger.entries)}."


def period(entries: Sequence[Entry]) -> str:
    """Say from which day to which the entries reach."""
    days = [entry.day for entry in entries]
    if not days:
        return "on no day"
    first, last = min(days), max(days)
    if first == last:
        return f"on {_written(first)}"
    return f"from {_written(first, year=first.year != last.year)} to {_written(last)}"


def warnings(ledger: Ledger) -> list[str]:
    """Say what is not in the total, and what of it is not certain; the gravest first."""
    return [*_missing(ledger, total(ledger.entries)), *_open(ledger)]


def parts(ledger: Ledger) -> list[str]:
    """Say what went to judges and into nothing, and what reuse saved."""
    spend, found = total(ledger.entries), []
    if spend.judges_usd is not None:
        names = ", ".join(sorted({one_line(entry.judge) for entry in ledger.entries if entry.judge is not None}))
        found.append(f"{numbers.usd(spend.judges_usd)} of it went to judges ({names}).")
    if spend.wasted_usd:
        retries = number_of(spend.retries, "retry").replace("retrys", "retries")
        found.append(f"{numbers.usd(spend.wasted_usd)} of it went into attempts without a result ({retries}).")
    if spend.reused_jobs:
        answers, saved = number_of(spend.reused_jobs, "answer"), numbers.usd(spend.saved_usd)
        found.append(
            f"{answers} came from earlier runs, which saved {saved}; each is counted once, in the run that paid for it."
        )
    return found


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
        found.append(
            f"Without a price in this table: {jobs}, so its total is a lower bound; --as-of takes another day's prices."
        )
    if spend.kept_usd:
        kept = numbers.usd(spend.kept_usd)
        found.append(f"{kept} of it is as recorded: of attempts without a result no tokens are stored.")
    return found


def signed_usd(amount: Decimal | None) -> str:
    """Write a change in dollars with its sign."""
    plus = "+" if amount is not None and amount > 0 else ""
    return f"{plus}{numbers.usd(amount)}"


def _missing(ledger: Ledger, spend: Spend) -> list[str]:
    found = []
    if damaged := _damaged(ledger):
        found.append(f"Missing from every figure: {number_of(damaged, 'damaged run')}, named at the end.")
    if others := len(ledger.skipped) - damaged:
        found.append(f"Not counted: {number_of(others, 'folder')}, named at the end with the reason.")
    if spend.unpriced_jobs:
        found.append(
            f"The cost of {number_of(spend.unpriced_jobs, 'job')} is unknown, so the total is a lower bound; "
            "--reprice shows whether a price table knows them now."
        )
    if spend.estimated_jobs:
        found.append(
            f"{numbers.usd(spend.estimated_usd)} is estimated: the provider did not report the tokens of "
            f"{number_of(spend.estimated_jobs, 'job')}."
        )
    if spend.possibly_paid:
        start = f"{number_of(spend.possibly_paid, 'attempt')} without an answer may have been billed, "
        found.append(f"{start}{_at_most(spend.possibly_paid_usd)}.")
    requests = sum(run.unanswered for run in ledger.runs)
    if requests:
        at_stake = sum((run.unanswered_usd for run in ledger.runs), Decimal(0))
        start = f"{number_of(requests, 'request')} left and never came to a stored result, "
        found.append(f"{start}{_at_most(at_stake or None)}.")
    return found


def _damaged(ledger: Ledger) -> int:
    return sum(one.damaged for one in ledger.skipped)


def _at_most(amount: Decimal | None) -> str:
    if amount is None:
        return "at a cost that is not known and in no total"
    return f"at up to {numbers.usd(amount)} as far as known, which is in no total"


def _open(ledger: Ledger) -> list[str]:
    states = [run.state for run in ledger.runs]
    told = []
    if going := states.count("running"):
        told.append(f"{number_of(going, 'run')} going on: the figures still grow.")
    if stopped := states.count("unfinished"):
        told.append(f"{number_of(stopped, 'run')} not finished; what was spent until now is counted.")
    return told


def _written(day: date, *, year: bool = True) -> str:
    month = _MONTHS[day.month - 1]
    return f"{day.day}{_NB}{month}{f'{_NB}{day.year}' if year else ''}"
