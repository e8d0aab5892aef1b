"""How long a run takes, and what holds it up: the account's limits, or the requests in flight times their latency."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.settings import Accounting, Limits, RunSettings
from pipeline.stats.predict import Range, predict_longest, total

SEEN_PACE_FACTOR = 1.5
"""By how much a limit may differ that was only seen through refusals."""
REFUSALS = "refusals (429)"

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one lane sends. Token ranges are None where nothing is known."""

    jobs: int
    requests: float
    """Attempts, retries included."""
    input: Range | None
    """Tokens that count against the limit: not those that a cache holds."""
    output: Range | None
    """As the provider counts them: generated, or promised by max_tokens."""
    busy_seconds: Range | None
    """In flight, summed over all attempts."""
    spans: Numbers
    """Seconds from the first attempt to the answer, of earlier answers; empty where there are none."""
    refused_pace: float | None
    """Requests per minute that a provider let through which refused others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """Seconds from the first request to the last answer; None where that is not known."""

    low: float
    likely: float | None
    high: float | None
    limited_by: str | None
    """What holds the run up most; None where nothing is sent."""


NO_TIME = Duration(low=0.0, likely=0.0, high=0.0, limited_by=None)


def lane_seconds(
    load: Load, account: Sequence[Load], limits: Limits, accounting: Accounting, run: RunSettings
) -> Duration:
    """How long a lane takes that shares its account's `limits` with all of `account`, itself among them."""
    if not load.jobs:
        return NO_TIME
    width = min(run.concurrency, limits.requests_in_flight or run.concurrency)
    longest = predict_longest(load.spans, min(load.jobs, width))
    paces = list(_paces(account, limits, accounting, width))
    if load.refused_pace is not None:
        seconds = 60 * load.requests / load.refused_pace
        paces.append((REFUSALS, Range(seconds, seconds, seconds).widened(SEEN_PACE_FACTOR)))
    if load.busy_seconds is None or longest is None:
        found = max(paces, key=lambda pace: pace[1].low, default=None)
        return Duration(
            low=0.0 if found is None else found[1].low,
            likely=None,
            high=None,
            limited_by=None if found is None else found[0],
        )
    mean = load.busy_seconds.likely or 0.0
    known = limits.requests_per_minute is not None or limits.input_tokens_per_minute is not None
    first = width if known else min(width, run.first_in_flight)
    flow = _in_flight(load, width, first, longest)
    flow = Range(flow.low, flow.likely, flow.high + _pauses(load, run))
    paces.append((_width_words(run, limits, width), flow))
    tail = mean / load.jobs, longest.high + _pauses(load, run)
    ends = [(name, pace if pace is flow else _with_tail(pace, *tail)) for name, pace in paces]
    name, _ = max(ends, key=lambda pace: pace[1].likely or 0.0)
    return Duration(
        low=max(pace.low for _, pace in ends),
        likely=max(pace.likely or 0.0 for _, pace in ends),
        high=max(pace.high for _, pace in ends),
        limited_by=name,
    )


def together(lanes: Sequence[Duration]) -> Duration:
    """Lanes side by side end with the last of them."""
    if not lanes:
        return NO_TIME
    slowest = max(lanes, key=lambda lane: (lane.likely is None, lane.likely or lane.low))
    known = [lane.likely for lane in lanes if lane.likely is not None]
    ends = [lane.high for lane in lanes if lane.high is not None]
    return Duration(
        low=max(lane.low for lane in lanes),
        likely=max(known) if len(known) == len(lanes) else None,
        high=max(ends) if len(ends) == len(lanes) else None,
        limited_by=slowest.limited_by,
    )


def one_after_another(steps: Sequence[Duration]) -> Duration:
    """Answers first, then one scorer's judges after the other's."""
    known = [step.likely for step in steps if step.likely is not None]
    ends = [step.high for step in steps if step.high is not None]
    return Duration(
        low=sum(step.low for step in steps),
        likely=sum(known) if len(known) == len(steps) else None,
        high=sum(ends) if len(ends) == len(steps) else None,
        limited_by=max(steps, key=lambda step: step.likely or step.low, default=NO_TIME).limited_by,
    )


def _paces(account: Sequence[Load], limits: Limits, accounting: Accounting, width: int) -> list[tuple[str, Range]]:
    """When the last request may leave, by each limit that is known: a full bucket at first, then its refill."""
    burst = limits.burst_seconds
    found: list[tuple[str, Range]] = []
    if (rate := limits.requests_per_minute) is not None:
        requests = sum(load.requests for load in account)
        jobs = sum(load.jobs for load in account)
        capacity = max(1.0, rate * burst / 60)
        at = Range(float(jobs), requests, 2 * requests - jobs)
        found.append((f"{rate:,.0f} requests/min", _refilled(at, capacity, rate)))
    if (rate := limits.input_tokens_per_minute) is not None and (tokens := _sum(load.input for load in account)):
        # Requests in flight hold what they are estimated at, until their answer tells what they used.
        held = (tokens.likely or 0.0) / max(1, sum(load.jobs for load in account)) * width
        at = Range(max(0.0, tokens.low - held), tokens.likely, tokens.high + held)
        found.append((f"{rate:,.0f} input tokens/min", _refilled(at, max(1.0, rate * burst / 60), rate)))
    if (rate := limits.output_tokens_per_minute) is not None and (tokens := _sum(load.output for load in account)):
        # Where output counts as it is generated, the bucket may go into debt by what is in flight.
        debt = (
            0.0
            if accounting == "openai"
            else (tokens.likely or tokens.high) / max(1, sum(load.jobs for load in account)) * width
        )
        at = Range(max(0.0, tokens.low - debt), tokens.likely, tokens.high + debt)
        found.append((f"{rate:,.0f} output tokens/min", _refilled(at, max(1.0, rate * burst / 60), rate)))
    return found


def _refilled(amount: Range, capacity: float, per_minute: float) -> Range:
    def seconds(tokens: float) -> float:
        return max(0.0, tokens - capacity) * 60 / per_minute

    likely = seconds(amount.high if amount.likely is None else amount.likely)
    return Range(seconds(amount.low), likely, seconds(amount.high))


def _with_tail(pace: Range, mean: float, longest: float) -> Range:
    """The last request leaves, and is answered."""
    return Range(pace.low, (pace.likely or 0.0) + mean, pace.high + longest)


def _in_flight(load: Load, width: int, first: int, longest: Range) -> Range:
    """Jobs served by `width` at a time, each when one before it ends; at first fewer, twice as many each round trip.

    The end comes when the work is shared out and the last answers are in: between work / width and that plus the
    longest answer (Graham 1969).
    """
    busy = load.busy_seconds or Range(0.0, 0.0, 0.0)
    if load.jobs <= first:
        return longest
    likely, high = busy.likely or busy.high, busy.high
    mean = likely / load.jobs
    ramp = [_ramp_seconds(load.jobs, width, first, seconds / load.jobs) for seconds in (likely, high)]
    shared = likely / width + ramp[0]
    return Range(
        max(busy.low / width, longest.low),
        max(shared + max(0.0, (longest.likely or 0.0) - mean / 2), longest.likely or 0.0),
        high / width + ramp[1] + longest.high,
    )


def _pauses(load: Load, run: RunSettings) -> float:
    """The pauses before the attempts of one of the last jobs, if it fails as often as one of all jobs probably will."""
    failed = 1 - load.jobs / load.requests if load.requests > load.jobs else 0.0
    if not failed:
        return 0.0
    most = math.ceil(math.log(2 * load.jobs) / -math.log(failed))
    return sum(min(60.0, 2.0**attempt) for attempt in range(min(most, run.max_attempts - 1)))


def _ramp_seconds(jobs: int, width: int, first: int, latency: float) -> float:
    """What it costs to begin with `first` in flight and make room for one more with each answer."""
    if first >= width:
        return 0.0
    grown = min(jobs, width - first)
    return latency * (math.log((first + grown) / first) - grown / width)


def _width_words(run: RunSettings, limits: Limits, width: int) -> str:
    what = "requests_in_flight" if limits.requests_in_flight == width < run.concurrency else "concurrency"
    return f"{what} {width} × latency"


def _sum(ranges: Iterable[Range | None]) -> Range | None:
    """The sum, where each is known."""
    every = list(ranges)
    known = [one for one in every if one is not None]
    return total(known) if known and len(known) == len(every) else None
