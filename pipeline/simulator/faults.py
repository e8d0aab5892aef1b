"""Faults: those forced by a marker or a header, and those drawn by rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipeline.simulator import chance
from pipeline.simulator.fields import Invalid
from pipeline.simulator.options import Options
from pipeline.simulator.profiles import Profile

_MARKER = re.compile(r"\[\[sim:([^\[\]]*)\]\]")
_SEPARATOR = re.compile(r"[,;\s]+")
_MOST_SLOW_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Directives:
    """Behaviour that a request asks for, for tests."""

    status: int | None = None
    refusal: bool = False
    empty: bool = False
    max_tokens: bool = False
    slow: float = 0.0
    """Seconds to wait besides the latency; not scaled."""
    reset: bool = False
    html: bool = False
    error200: bool = False
    code: int | None = None
    notjson: bool = False
    no_usage: bool = False
    stop_reason: str | None = None
    times: int | None = None
    """Only the first so many sightings of the request are affected."""


NONE = Directives()
_FLAGS = ("refusal", "empty", "max_tokens", "reset", "html", "error200", "notjson", "no_usage")


def directives(user_text: str, header: str | None) -> Directives:
    """Read `[[sim:...]]` markers of the last user text and the x-sim header.

    Several may be combined: `[[sim:status=500,times=2]]`. Raises Invalid for a word that is not known.
    """
    written = _MARKER.findall(user_text) if "[[sim:" in user_text else []
    if header:
        written.append(header)
    if not written:
        return NONE
    found: dict[str, Any] = {}
    for word in _SEPARATOR.split(" ".join(written).strip()):
        if word:
            name, value = _directive(word)
            found[name] = value
    return Directives(**found)


def drawn_status(options: Options, profile: Profile, key: str, sighting: int) -> int | None:
    """Draw the fault of one sighting of a request, or None; the next sighting draws anew, so retries succeed."""
    if not options.error_rate and not options.rate_limited:
        return None
    place = chance.unit(options.seed, "fault", key, sighting)
    if place < options.error_rate:
        return profile.outage_statuses[chance.whole(options.seed, "outage", key, sighting) % 2]
    return 429 if place < options.error_rate + options.rate_limited else None


def _directive(word: str) -> tuple[str, Any]:
    name, has_value, value = word.partition("=")
    if name in _FLAGS and not has_value:
        return name, True
    if name == "stop_reason" and value:
        return name, value
    if name in ("status", "code", "times") and value.isdecimal():
        number = int(value)
        if name != "status" or 300 <= number <= 599:
            return name, number
    if name == "slow" and re.fullmatch(r"\d+(\.\d+)?", value):
        return name, min(float(value), _MOST_SLOW_SECONDS)
    raise Invalid(
        f"the simulator does not know the marker {word!r}; it knows {', '.join(_FLAGS)}, "
        "status=300..599, code=NNN, slow=SECONDS, stop_reason=WORD, times=N"
    )
