"""What answers of each status count as: judged like any other, wrong, or left out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from pipeline.core.errors import SettingsError
from pipeline.core.records import Better, Treatment
from pipeline.core.settings import ScorerSettings

_TREATMENTS: Mapping[str, Treatment] = {treatment: treatment for treatment in get_args(Treatment)}
_FAILED: Mapping[str, Treatment] = {"error": "left_out", "blocked": "left_out", "skipped": "left_out"}
COUNTS: Mapping[str, Treatment] = MappingProxyType(
    {"truncated": "wrong", "refused": "wrong", "empty": "wrong", **_FAILED}
)
"""Of figures that are the better the higher they are."""
COUNTS_WITHOUT_WRONG: Mapping[str, Treatment] = MappingProxyType(
    {"truncated": "scored", "refused": "scored", "empty": "scored", **_FAILED}
)
"""Of the others: wrong is the value 0, which would be their best one, or say nothing."""


def default_counts(better: Better) -> Mapping[str, Treatment]:
    """The policy of a scorer that chooses none, by which way its figure is better."""
    return COUNTS if better == "higher" else COUNTS_WITHOUT_WRONG


def counts_of(settings: ScorerSettings, better: Better) -> Mapping[str, Treatment]:
    """The whole policy: the scorer's own `counts` over the default.

    Raises SettingsError for an unknown status or treatment, for "wrong" where the value 0 is not the worst one, and
    for jobs without an answer that are to be judged by what they say.
    """
    defaults = default_counts(better)
    chosen: dict[str, Treatment] = dict(defaults)
    for status, given in settings.counts.items():
        treatment = _TREATMENTS.get(given)
        if status not in defaults:
            raise _mistake(settings, f"counts knows {', '.join(defaults)}, not {status!r}")
        if treatment is None:
            raise _mistake(settings, f"counts: {status} is {', '.join(_TREATMENTS)}, not {given!r}")
        if treatment == "wrong" and better != "higher":
            raise _mistake(
                settings, f'counts: {status} = "wrong" would be the value 0, which is not the worst of this figure'
            )
        if treatment == "scored" and status in _FAILED:
            raise _mistake(settings, f'counts: {status} = "scored", but such jobs have no answer to score')
        chosen[status] = treatment
    return chosen


def _mistake(settings: ScorerSettings, problem: str) -> SettingsError:
    return SettingsError(f'scorer "{settings.name}" (kind {settings.kind}): {problem}')
