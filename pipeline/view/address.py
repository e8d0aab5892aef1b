"""What an address asks of the explorer; whatever is written there, it is read or refused, never obeyed."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pipeline.steps.browsing.query import Query

_TEXTS = ("model", "prompt", "params", "status", "stop", "scorer", "outcome", "sort")
_LONGEST = 1_000
_FARTHEST = 10**12


def query_of(values: Mapping[str, str]) -> Query:
    """The query; ValueError says what cannot be read."""
    texts = {name: value for name in _TEXTS if (value := values.get(name, "")[:_LONGEST])}
    return Query(
        **texts,
        low=_bound(values, "low"),
        high=_bound(values, "high"),
        differ=values.get("differ", "") != "",
        text=values.get("text", "").strip()[:_LONGEST],
    )


def count_of(values: Mapping[str, str], name: str, otherwise: int) -> int:
    """A number of jobs; ValueError if it is none."""
    text = values.get(name, "")
    number = int(text) if text else otherwise
    if not 0 <= number <= _FARTHEST:
        raise ValueError(f"{name}={text} is out of range")
    return number


def _bound(values: Mapping[str, str], name: str) -> float | None:
    text = values.get(name, "")
    if not text:
        return None
    number = float(text)
    if math.isnan(number):
        raise ValueError(f"{name}={text} is no number")
    return number
