"""What ended badly in this session or the one before, in words for the user."""

from __future__ import annotations

from decimal import Decimal

from pipeline.store.recovery import Recovery


def recovery_notes(recovery: Recovery) -> list[str]:
    """One sentence for each thing that an earlier session's end left behind and that matters to the user."""
    notes = []
    if recovery.unanswered_starts:
        notes.append(
            f"{recovery.unanswered_starts:,} requests of the earlier session left without an answer being stored; "
            f"they may have been paid{_up_to(recovery.unanswered_usd)}, and their jobs are sent again"
        )
    if recovery.bad_lines:
        shown = ", ".join(recovery.bad_lines[:3])
        notes.append(
            f"{len(recovery.bad_lines):,} damaged journal lines were skipped ({shown}); their jobs are sent again"
        )
    if recovery.adopted_parts:
        notes.append(f"{recovery.adopted_parts:,} parts were found again that only a lost manifest listed")
    notes += [
        f"manifest {name} was not valid ({why}); an older one was used"
        for name, why in recovery.invalid_manifests.items()
    ]
    return notes


def unanswered_notes(found: tuple[int, Decimal], now: tuple[int, Decimal]) -> list[str]:
    """What this session cut off, and what was lost in the whole run: requests and dollars, when it began and now."""
    notes = []
    requests, usd = now
    cut_off = requests - found[0]
    if cut_off:
        notes.append(
            f"{cut_off:,} requests were cut off without an answer; they may have been paid{_up_to(usd - found[1])}"
        )
    if requests:
        notes.append(
            f"in the whole run {requests:,} requests left without an answer; they may have been paid{_up_to(usd)}"
        )
    return notes


def _up_to(usd: Decimal) -> str:
    return f" (up to ${usd:f})" if usd else ""
