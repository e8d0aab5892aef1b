"""What happened in a run folder beside the answers, in words for the user."""

from __future__ import annotations

from pipeline.steps.choose import Again
from pipeline.store.recovery import Recovery
from pipeline.store.run_store import RunStore


def recovery_notes(recovery: Recovery) -> list[str]:
    """One sentence for each thing that an earlier session's end left behind and that matters to the user."""
    notes = []
    if recovery.unanswered_starts:
        at_stake = f" (up to ${recovery.unanswered_usd:f})" if recovery.unanswered_usd else ""
        notes.append(
            f"{recovery.unanswered_starts:,} requests of the earlier session left without an answer being stored; "
            f"they may have been paid{at_stake}, and their jobs are sent again"
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


def retry_notes(again: Again, store: RunStore, redone: int | None) -> list[str]:
    """What came of asking again for `redone` jobs of a run that was there; None is a new run."""
    if redone is None:
        return []
    ended = f"ended in {' or '.join(again.retry)}"
    if not redone:
        return [f"no job had {ended}, so none was asked again"]
    notes = [f"{redone:,} jobs had {ended} and were to be asked again"]
    if store.kept_rows:
        notes.append(f"{store.kept_rows:,} of them got nothing better than they had, and keep that")
    return notes
