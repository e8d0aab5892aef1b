"""How much of its limits an account used: what left, against what the limits let through in that time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.pace_ticks import Ticks

_RATES = {
    "requests": "requests_per_minute",
    "input_tokens": "input_tokens_per_minute",
    "output_tokens": "output_tokens_per_minute",
}
_SUMS = ("requests", "refused", "input_tokens", "output_tokens")

_Limits = Sequence[Mapping[str, Any]]
_Account = tuple[str | None, tuple[str, ...]]
"""A provider, and the models that share its limits."""


def account_use(sessions: Sequence[Ticks], limits: Sequence[_Limits]) -> list[dict[str, Any]]:
    """What each account sent, and the shares of what its `limits`, given session by session, let through.

    A limit lets its rate through from the first to the last request of each session, and its burst before. Of lanes
    that no account has there is an entry too, without limits. `seconds` is the time with requests on their way, and
    `in_flight` how many there were in the mean.
    """
    accounts = dict.fromkeys(_account(one) for held in limits for one in held)
    told = {model for _, models in accounts for model in models}
    others = tuple(model for model in sessions[0].models if model not in told)
    found = [_use(account, sessions, limits) for account in (*accounts, *([(None, others)] if others else []))]
    return [use for use in found if use["requests"]]


def _use(account: _Account, sessions: Sequence[Ticks], limits: Sequence[_Limits]) -> dict[str, Any]:
    parts = list(_parts(account, sessions, limits))
    seconds = sum(_span(part.seconds, part.width) for part, _ in parts)
    sums = {name: sum(int(part.column(name).sum()) for part, _ in parts) for name in _SUMS}
    busy = sum(float(part.column("busy_seconds").sum()) for part, _ in parts)
    allowed = {name: _total([_let_through(name, part, limit) for part, limit in parts]) for name in _RATES}
    room = _total([_room(part, limit) for part, limit in parts])
    return {
        "provider": account[0],
        "models": list(account[1]),
        **sums,
        "seconds": round(seconds, 1),
        "in_flight": busy / seconds if seconds else None,
        "shares": {
            **{name: sums[name] / most if most else None for name, most in allowed.items()},
            "in_flight": busy / room if room else None,
        },
    }


def _parts(
    account: _Account, sessions: Sequence[Ticks], limits: Sequence[_Limits]
) -> Iterator[tuple[Ticks, Mapping[str, Any]]]:
    """The sessions in which the account sent anything, with its limits there."""
    for ticks, held in zip(sessions, limits, strict=True):
        lanes = [number for number, name in enumerate(ticks.models) if name in account[1]]
        part = ticks.where(np.isin(ticks.lane, lanes))
        if part.seconds.size:
            yield part, next((one for one in held if _account(one) == account), {})


def _let_through(name: str, part: Ticks, limit: Mapping[str, Any]) -> float | None:
    """How much may leave from the first to the last request: a bucket that is full at first, and its rate."""
    rate: float | None = limit.get(_RATES[name])
    if rate is None:
        return None
    burst = rate * (limit.get("burst_seconds") or 0.0) / 60
    return rate * _span(part.seconds[part.column("requests") > 0], 0.0) / 60 + max(1.0, burst)


def _room(part: Ticks, limit: Mapping[str, Any]) -> float | None:
    """Request-seconds for which there was room: of each lane while it sent, and of the account."""
    rooms: list[float] = []
    if (most := limit.get("requests_in_flight")) is not None:
        rooms.append(most * _span(part.seconds, part.width))
    if (concurrency := limit.get("concurrency")) is not None:
        lanes = (part.seconds[part.lane == lane] for lane in np.unique(part.lane))
        rooms.append(concurrency * sum(_span(seconds, part.width) for seconds in lanes))
    return min(rooms, default=None)


def _account(entry: Mapping[str, Any]) -> _Account:
    return entry.get("provider"), tuple(entry["models"])


def _total(amounts: Sequence[float | None]) -> float | None:
    """The sum; None where one of them is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _span(seconds: NDArray[np.float64], width: float) -> float:
    """From the first tick to the last; `width` where the last is counted too."""
    return float(seconds[-1] - seconds[0]) + width if seconds.size else 0.0
