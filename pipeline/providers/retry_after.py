"""How long the provider asks us to wait (reliability 5.3)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read `retry-after-ms`, else `retry-after` in seconds or as a date; None when absent or nonsense.

    `headers` have lower-case names. A date counts from the `Date` header; without one it is ignored.
    """
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    plain = headers.get("retry-after")
    seconds = _seconds(plain)
    return seconds if seconds is not None else _from_now(_http_date(plain), headers)


def retry_info_seconds(details: Any) -> float | None:
    """Read Google's RetryInfo (`retryDelay: "34s"`) out of an error's `details` list."""
    if not isinstance(details, list):
        return None
    for entry in details:
        if isinstance(entry, Mapping) and isinstance(delay := entry.get("retryDelay"), str):
            return duration_seconds(delay)
    return None


def reset_seconds(headers: Mapping[str, str]) -> float | None:
    """Read when an exhausted limit is free again: `x-ratelimit-reset-*`, else `anthropic-ratelimit-*-reset`.

    Of several the latest; a limit whose remaining count is above 0 is not the one that was hit.
    """
    plain = [
        duration_seconds(value)
        for name, value in headers.items()
        if name.startswith("x-ratelimit-reset-") and not _remaining(headers, name.replace("-reset-", "-remaining-"))
    ]
    if plain_wait := _latest(plain):
        return plain_wait
    return _latest(
        _from_now(_rfc3339(value), headers)
        for name, value in headers.items()
        if name.startswith("anthropic-ratelimit-")
        and name.endswith("-reset")
        and not _remaining(headers, name.removesuffix("reset") + "remaining")
    )


def _latest(waits: Iterable[float | None]) -> float | None:
    return max((wait for wait in waits if wait is not None), default=None)


def _remaining(headers: Mapping[str, str], name: str) -> bool:
    left = _seconds(headers.get(name))
    return left is not None and left > 0


def _seconds(text: str | None) -> float | None:
    if text is None or not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) and number >= 0 else None


def duration_seconds(text: str) -> float | None:
    """Read `1s`, `6m0s`, `20ms` or a plain number of seconds; None for anything else."""
    plain = _seconds(text)
    if plain is not None:
        return plain
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def until_reset_seconds(text: str, headers: Mapping[str, str]) -> float | None:
    """Read when a limit is full again: a duration, or a time that counts from the `date` header; None for nonsense."""
    if not text:
        return None
    seconds = duration_seconds(text)
    return seconds if seconds is not None else _from_now(_rfc3339(text), headers)


def _from_now(moment: datetime | None, headers: Mapping[str, str]) -> float | None:
    now = _http_date(headers.get("date"))
    if moment is None or now is None:
        return None
    wait = (moment - now).total_seconds()
    return wait if wait >= 0 else None


@lru_cache(maxsize=8)  # all answers of one second bear the same date
def _http_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _rfc3339(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else None
