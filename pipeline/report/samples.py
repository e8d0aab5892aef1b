"""Chooses which jobs a page shows: failures first, balanced over models and prompts, the same each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

SAMPLE_LIMIT = 1_000
_FAILED = frozenset({"error", "blocked", "skipped"})
_GROUPS = 4
"""Failed jobs, wrong or graded answers, unscored ones, right ones."""
_ROOM = 4
"""Entries held per cell, as a multiple of the limit, before the surplus is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is known of a job when choosing."""

    job_id: str
    status: str
    worst: bool | float | None
    """The lowest verdict of its scorers: passed or not, or the value of a graded metric; None when unscored."""
    model: str
    prompt: str


def pick_samples(candidates: Iterable[Candidate], limit: int = SAMPLE_LIMIT) -> list[str]:
    """Return at most `limit` job ids in the order in which they are to be shown.

    Errors come first, then wrong answers (the lowest grades first), then unscored, then right ones; within each, models
    and prompts take turns. Where not all fit, each of the four keeps a tenth of the places if it can fill them, so that
    one outage does not hide every answer. Memory is bounded by `limit` and the cells, not by the candidates.
    """
    cells: dict[tuple[int, str, str], list[tuple[float, str]]] = {}
    for candidate in candidates:
        group, grade = _rank(candidate)
        held = cells.setdefault((group, candidate.model, candidate.prompt), [])
        held.append((grade, candidate.job_id))
        if len(held) > _ROOM * max(limit, 1):
            held.sort()
            del held[limit:]
    groups = [_in_turns(cells, group, limit) for group in range(_GROUPS)]
    sizes = _places([len(group) for group in groups], limit)
    return list(chain.from_iterable(group[:size] for group, size in zip(groups, sizes, strict=True)))


def _rank(candidate: Candidate) -> tuple[int, float]:
    if candidate.status in _FAILED:
        return 0, 0.0
    if candidate.worst is None:
        return 2, 0.0
    if candidate.worst is True:
        return 3, 0.0
    return 1, float(candidate.worst)


def _in_turns(cells: dict[tuple[int, str, str], list[tuple[float, str]]], group: int, limit: int) -> list[str]:
    lines = [sorted(held) for (number, *_), held in sorted(cells.items()) if number == group]
    turns: Iterator[tuple[tuple[float, str] | None, ...]] = zip_longest(*lines)
    return [entry[1] for turn in turns for entry in turn if entry is not None][:limit]


def _places(sizes: list[int], limit: int) -> list[int]:
    kept = [min(size, limit // 10) for size in sizes]
    free = limit - sum(kept)
    for number, size in enumerate(sizes):
        more = min(size - kept[number], free)
        kept[number] += more
        free -= more
    return kept
