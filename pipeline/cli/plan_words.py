"""What a plan says: intervals for people and for JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.stats.predict import Range
    from pipeline.steps.planning.drafts import Expected
    from pipeline.steps.planning.forecast import Forecast
    from pipeline.steps.planning.money import Dollars
    from pipeline.steps.planning.pace import Duration

UNKNOWN = "unknown"


def tokens_words(found: Range | None) -> str:
    """`1.20 M (1.10–1.31 M)`."""
    from pipeline.report.numbers import tokens

    if found is None:
        return UNKNOWN
    low, high = tokens(round(found.low)), tokens(round(found.high))
    return _words(None if found.likely is None else tokens(round(found.likely)), low, high)


def usd_words(found: Dollars | None) -> str:
    """`$1.20 ($1.10–$1.31)`."""
    from pipeline.report.numbers import usd

    if found is None:
        return UNKNOWN
    likely = None if found.likely is None else usd(_rounded(found.likely))
    return _words(likely, usd(_rounded(found.low)), usd(_rounded(found.high)))


def seconds_words(found: Duration) -> str:
    """`2 min 5 s (1 min 50 s–2 min 30 s)`, or how long at least; a dash where nothing is sent."""
    if found.high == 0:
        return "–"
    if found.high is None:
        return f"at least {_time(found.low)}" if found.low else UNKNOWN
    return _words(None if found.likely is None else _time(found.likely), _time(found.low), _time(found.high))


def jobs_words(found: Range) -> str:
    """A number that is known, or about how many."""
    likely = round(found.likely or 0.0)
    return (
        f"{likely:,}" if found.low == found.high else f"about {likely:,} ({round(found.low):,}–{round(found.high):,})"
    )


def total_words(found: Forecast) -> str:
    """The whole run in one line."""
    if sends_nothing(found):
        return "nothing to send: every answer is there"
    cost = usd_words(found.usd)
    cost = "cost unknown" if cost == UNKNOWN else cost
    if not found.simulated and any(one.provider == "simulator" for one in found.expected):
        cost += " without simulated money"
    time = seconds_words(found.seconds)
    time = "time unknown" if time == UNKNOWN else time
    limited = f", limited by {found.seconds.limited_by}" if found.seconds.limited_by else ""
    return f"{_asked(found)} to send: {cost}, {time}{limited}"


def sends_nothing(found: Forecast) -> bool:
    """Whether neither a model nor a judge is asked anything."""
    return not any(one.jobs.high for one in found.expected)


def _asked(found: Forecast) -> str:
    from pipeline.stats.predict import total

    models, judges = (total(one.jobs for one in ones.values()) for ones in (found.models, found.judges))
    asked = [
        f"{jobs_words(jobs)} {noun}{'' if jobs.low == jobs.high == 1 else 's'}"
        for jobs, noun in ((models, "job"), (judges, "verdict"))
        if jobs.high
    ]
    return " and ".join(asked)


def as_json(found: Expected) -> dict[str, Any]:
    """One model's or judge's figures."""
    return {
        "to_send": range_json(found.jobs),
        "reused": range_json(found.reused),
        "input": range_json(found.input),
        "output": range_json(found.output),
        "usd": usd_json(found.usd),
        "seconds": seconds_json(found.seconds),
        "limited_by": found.seconds.limited_by,
        "basis": list(found.basis),
    }


def range_json(found: Range | None) -> dict[str, int | None] | None:
    """Whole units, rounded outward."""
    if found is None:
        return None
    likely = None if found.likely is None else round(found.likely)
    return {"low": int(found.low), "likely": likely, "high": -int(-found.high // 1)}


def usd_json(found: Dollars | None) -> dict[str, str | None] | None:
    """Decimal strings."""
    from pipeline.stats.accounts import dollars

    if found is None:
        return None
    return {"low": dollars(found.low), "likely": dollars(found.likely), "high": dollars(found.high)}


def seconds_json(found: Duration) -> dict[str, float | None]:
    """Seconds from the first request to the last answer."""
    return {
        name: None if value is None else round(value, 3)
        for name, value in (("low", found.low), ("likely", found.likely), ("high", found.high))
    }


def _words(likely: str | None, low: str, high: str) -> str:
    if likely == low == high:
        return low
    return f"{low} to {high}" if likely is None else f"{likely} ({_without_unit(low, high)}–{high})"


def _without_unit(low: str, high: str) -> str:
    """The lower end of an interval in one unit: `1.10`–`1.31 M`."""
    number, space, unit = low.partition("\N{NO-BREAK SPACE}")
    return number if space and high.partition("\N{NO-BREAK SPACE}")[2] == unit else low


def _time(seconds: float) -> str:
    from pipeline.report.numbers import milliseconds

    hours = seconds / 3600
    return f"{hours:,.1f}\N{NO-BREAK SPACE}h" if hours >= 2 else milliseconds(seconds * 1000)


def _rounded(amount: Decimal) -> str:
    return f"{amount:f}"
