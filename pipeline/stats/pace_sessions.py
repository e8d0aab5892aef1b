"""The pace of a run as summary.json holds it: sessions without the pauses between them, bins of a round step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pipeline.stats.pace_ticks import Ticks
from pipeline.stats.pace_use import account_use

MOST_BINS = 120
"""Of one session; all together have at most three times as many."""
_ALL_BINS = 360
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)
_PAUSES = (60, 600, 3_600, 21_600, 86_400)
"""Seconds with nothing in flight beyond which another session begins: the first of them that makes few sessions."""
_MOST_SESSIONS = 24
_MOST_WAITS = 100
_SHOWN = ("requests", "refused", "input_tokens", "output_tokens")


def pace_entry(
    ticks: Ticks,
    limits: Sequence[Mapping[str, Any]] | None,
    changed: Sequence[Mapping[str, Any]],
    waits: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The entry `pace`: `ticks` are not empty; `changed` has limits with the time from which on they hold."""
    sessions = _sessions(ticks)
    step = _step(sessions, ticks.width)
    history = [(-math.inf, list(limits or ()))]
    history += [(datetime.fromisoformat(one["at"]).timestamp(), one["limits"]) for one in changed]
    held = [_held(history, session) for session in sessions]
    return {
        "step_seconds": step,
        "sessions": [
            {"started_at": _iso(_start(part)), "seconds": round(_length(part), 1), "bins": _bins(part, step)}
            for part in sessions
        ],
        "bins": [entry for number, part in enumerate(sessions) for entry in _lanes(part, number, step)],
        "limits_known": limits is not None,
        "limits": _limit_entries(history, held),
        "use": account_use(sessions, held),
        "waits": [{"at": wait["at"], "model": wait["model"], "event": wait["event"]} for wait in waits[:_MOST_WAITS]],
        "waits_left_out": max(0, len(waits) - _MOST_WAITS),
    }


def _sessions(ticks: Ticks) -> list[Ticks]:
    """Cut where nothing was in flight for long; what is in flight is no pause, however long it takes."""
    in_flight = np.cumsum(ticks.column("requests") - ticks.column("returned"))
    silence = np.diff(ticks.seconds)
    idle = np.where(in_flight[:-1] <= 0, silence, 0.0)
    for pause in _PAUSES:
        cuts = np.flatnonzero(idle > pause)
        if cuts.size < _MOST_SESSIONS:
            break
    else:
        cuts = np.sort(np.argsort(idle, kind="stable")[-(_MOST_SESSIONS - 1) :])
    number = np.searchsorted(cuts, np.arange(ticks.seconds.size))
    return [ticks.where(number == session) for session in range(cuts.size + 1)]


def _step(sessions: Sequence[Ticks], width: float) -> int:
    """The smallest round step with few bins, and no shorter than a tick."""
    for step in _STEPS:
        bins = [_bins(part, step) for part in sessions]
        if step >= width and max(bins) <= MOST_BINS and sum(bins) <= _ALL_BINS:
            return step
    days = math.ceil(max(_length(part) for part in sessions) / 86_400 / MOST_BINS)
    return 86_400 * days


def _start(part: Ticks) -> float:
    return math.floor(float(part.seconds[0]))


def _length(part: Ticks) -> float:
    return float(part.seconds[-1]) + part.width - _start(part)


def _bins(part: Ticks, step: int) -> int:
    return max(1, math.ceil(round(_length(part) / step, 6)))


def _lanes(part: Ticks, session: int, step: int) -> list[dict[str, Any]]:
    """The bins of each lane that sent anything in the session."""
    size = _bins(part, step)
    place = np.clip((part.seconds - _start(part)) // step, 0, size - 1).astype(np.int64)
    entries = []
    for lane in np.unique(part.lane).tolist():
        mine = part.lane == lane
        found = {
            name: np.bincount(place[mine], weights=part.column(name)[mine], minlength=size).round().astype(int).tolist()
            for name in _SHOWN
        }
        entries.append({"session": session, "model": part.models[lane], **found})
    return entries


def _held(history: Sequence[tuple[float, list[Any]]], part: Ticks) -> list[Mapping[str, Any]]:
    """The limits that a session ran under: the newest that were noted by its first request."""
    start = float(part.seconds[0]) + part.width
    return next(limits for since, limits in reversed(history) if since <= start)


def _limit_entries(history: Sequence[tuple[float, list[Any]]], held: Sequence[Any]) -> list[dict[str, Any]]:
    """The limits that any session ran under, each with the sessions."""
    entries = []
    for _, limits in history:
        sessions = [number for number, found in enumerate(held) if found is limits]
        entries += [{**one, "sessions": sessions} for one in limits if sessions]
    return entries


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
