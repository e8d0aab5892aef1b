"""The question before a run that may be dear: what it would cost, and whether to go on."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.cli.output import note
from pipeline.core.errors import UsageError
from pipeline.core.unpaid import UNPAID

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.core.settings import EvalSettings
    from pipeline.steps.planning.consent import Prospect
    from pipeline.steps.planning.drafts import Setting

_YES = ("y", "yes")


def ask(
    settings: EvalSettings,
    make: Callable[[], Setting],
    *,
    yes: bool,
    aside: Callable[[], AbstractContextManager[None]],
) -> None:
    """Say what the run would cost, and ask where it could be more than `ask_above_usd`; raises UsageError for a no.

    Nobody is asked who gave --yes or named the amount with a budget, nor about the money of simulated models, which
    takes no time to find out. `make` says what the run is; `aside` keeps the terminal free for the question.
    """
    if all(name in UNPAID for name in settings.providers):
        return
    from pipeline.steps.planning.consent import look_ahead

    setting = make()
    if setting.choice.finished and not setting.again.retry:
        return
    prospect = look_ahead(setting)
    for line in _lines(prospect):
        note(line)
    run = settings.run
    if prospect.may_cost_usd <= run.ask_above_usd or yes or run.budget_usd is not None:
        return
    sum_words = f"could cost up to {_usd(prospect.may_cost_usd)}, more than ask_above_usd = {run.ask_above_usd}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"the run {sum_words}, and there is no terminal to ask on; nothing was sent. Say --yes, or name what it "
            "may cost with --budget, or raise ask_above_usd under [run]"
        )
    with aside():
        print(f"This {sum_words}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip().lower()
    if answer not in _YES:
        raise UsageError("not begun, since the answer was no; nothing was sent")


def _lines(prospect: Prospect) -> list[str]:
    from pipeline.cli.plan_words import total_words

    lines = []
    if prospect.expected is not None:
        lines.append(f"{total_words(prospect.expected)} (`evalmill plan` says more)")
    elif not prospect.unpriced:
        lines.append(
            f"at most {prospect.jobs:,} jobs to send, for {_usd(prospect.may_cost_usd)} at most, retries apart"
        )
    if prospect.unpriced:
        named = ", ".join(prospect.unpriced)
        lines.append(f"what {named} would cost is not known: there is no price; nobody is asked about that")
    return lines


def _usd(amount: Decimal) -> str:
    from pipeline.report.numbers import usd

    return usd(amount)
