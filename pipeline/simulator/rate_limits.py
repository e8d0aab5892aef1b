"""Token buckets per key and model: who may ask now, what the headers say, when to come back (protocol section 5)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.core.clock import Clock
from pipeline.simulator.asking import Refused
from pipeline.simulator.profiles import Accounting, HeaderStyle
from pipeline.simulator.prompt_cache import Account

if TYPE_CHECKING:
    from pipeline.simulator.options import Options

_MINUTE_SECONDS = 60.0
_ROUNDED_TO = 1_000
_SLACK = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one request wants of its buckets."""

    account: Account
    input_tokens: int
    """Fresh and written ones: cache reads do not count."""
    promised_output: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDebt:
    """Output tokens that an answer costs its key and model."""

    account: Account
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """A bucket that does not hold enough."""

    limit: str
    """`requests`, `input-tokens`, `output-tokens` or `tokens`."""
    per_minute: int
    retry_after_seconds: int


class _Bucket:
    """Refills continuously, and may be overdrawn by output that nobody foresaw."""

    def __init__(self, per_minute: int, now: float) -> None:
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._as_of = now

    def level(self, now: float) -> float:
        """What is in it."""
        refill = (now - self._as_of) * self.per_minute / _MINUTE_SECONDS
        self._level = min(float(self.per_minute), self._level + refill)
        self._as_of = now
        return self._level

    def take(self, amount: float, now: float) -> None:
        """Take out, below zero if need be."""
        self._level = self.level(now) - amount

    def seconds_until(self, amount: float, now: float) -> float:
        """Say how long until it holds `amount`, or is full."""
        missing = min(amount, float(self.per_minute)) - self.level(now)
        return max(0.0, missing) * _MINUTE_SECONDS / self.per_minute


class RateLimits:
    """The buckets of one provider."""

    def __init__(self, options: Options, clock: Clock, *, accounting: Accounting, style: HeaderStyle) -> None:
        self.refused: Counter[str] = Counter()
        """Requests refused, by the limit that refused them."""
        self._clock = clock
        self._accounting: Accounting = accounting
        self._style: HeaderStyle = style
        given = {
            "requests": options.requests_per_minute,
            "input-tokens": options.input_tokens_per_minute,
            "output-tokens": options.output_tokens_per_minute,
        }
        if accounting == "up-front":
            given = {"requests": given["requests"], "tokens": given["input-tokens"]}
        self._sizes = {name: size for name, size in given.items() if size is not None}
        self._buckets: dict[Account, dict[str, _Bucket]] = {}

    def admit(self, demand: Demand) -> Exceeded | None:
        """Let a request in and charge it; or say which limit it would exceed, and charge nothing."""
        now = self._clock.monotonic()
        buckets = self._of(demand.account, now)
        needs = self._needs(demand)
        for name, bucket in buckets.items():
            if bucket.level(now) + _SLACK < needs[name]:
                wait = bucket.seconds_until(needs[name], now)
                self.refused[name] += 1
                return Exceeded(limit=name, per_minute=bucket.per_minute, retry_after_seconds=max(1, math.ceil(wait)))
        for name, bucket in buckets.items():
            if name != "output-tokens":
                bucket.take(needs[name], now)
        return None

    def settle(self, debt: OutputDebt) -> None:
        """Charge the output of an answer that has ended."""
        now = self._clock.monotonic()
        bucket = self._of(debt.account, now).get("output-tokens")
        if bucket is not None:
            bucket.take(debt.tokens, now)

    def headers(self, account: Account) -> dict[str, str]:
        """Tell the state of the buckets as the provider tells it; empty where it has no limits or does not tell."""
        if self._style == "none" or not self._sizes:
            return {}
        now = self._clock.monotonic()
        buckets = self._of(account, now)
        if self._style == "anthropic":
            return self._anthropic_headers(buckets, now)
        told: dict[str, str] = {}
        for name, bucket in buckets.items():
            kind = "requests" if name == "requests" else "tokens"
            if kind == "requests" or self._style == "openai":
                told[f"x-ratelimit-limit-{kind}"] = str(bucket.per_minute)
                told[f"x-ratelimit-remaining-{kind}"] = str(max(0, math.floor(bucket.level(now))))
                told[f"x-ratelimit-reset-{kind}"] = duration(bucket.seconds_until(bucket.per_minute, now))
        return told

    def _anthropic_headers(self, buckets: dict[str, _Bucket], now: float) -> dict[str, str]:
        told: dict[str, str] = {}
        counted = [bucket for name, bucket in buckets.items() if name != "requests"]
        strictest = min(counted, key=lambda bucket: bucket.level(now), default=None)
        for name, bucket in [*buckets.items(), *([("tokens", strictest)] if strictest else [])]:
            level = max(0.0, bucket.level(now))
            left = math.floor(level) if name == "requests" else round(level / _ROUNDED_TO) * _ROUNDED_TO
            full = self._clock.now() + timedelta(seconds=math.ceil(bucket.seconds_until(bucket.per_minute, now)))
            told[f"anthropic-ratelimit-{name}-limit"] = str(bucket.per_minute)
            told[f"anthropic-ratelimit-{name}-remaining"] = str(left)
            told[f"anthropic-ratelimit-{name}-reset"] = f"{full:%Y-%m-%dT%H:%M:%SZ}"
        return told

    def _of(self, account: Account, now: float) -> dict[str, _Bucket]:
        known = self._buckets.get(account)
        if known is None:
            known = {name: _Bucket(size, now) for name, size in self._sizes.items()}
            self._buckets[account] = known
        return known

    def _needs(self, demand: Demand) -> dict[str, float]:
        """Output counts when it is there: all it takes to begin is a bucket that is not overdrawn."""
        return {
            "requests": 1.0,
            "input-tokens": float(demand.input_tokens),
            "output-tokens": 1.0,
            "tokens": float(max(demand.input_tokens, demand.promised_output or 0)),
        }


def refusal(exceeded: Exceeded) -> Refused:
    """Say which limit it was, as the provider says it."""
    what = exceeded.limit.replace("-", " ")
    return Refused(
        status=429,
        message=f"This request would exceed your organization's rate limit of {exceeded.per_minute:,} {what} per "
        f"minute; retry after {exceeded.retry_after_seconds}s",
    )


def duration(seconds: float) -> str:
    """Write a duration as OpenAI does: `20ms`, `1s`, `6m0s`."""
    if seconds < 1.0:
        return f"{math.ceil(seconds * 1_000)}ms"
    whole = math.ceil(seconds)
    return f"{whole}s" if whole < _MINUTE_SECONDS else f"{whole // 60}m{whole % 60}s"
