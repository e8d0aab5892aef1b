"""Settings to scorers: the kinds by name, and what every scorer promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Protocol

from pipeline.core.errors import SettingsError
from pipeline.core.records import Answer, Better, Corpus, Scale, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.choice import build_choice
from pipeline.score.custom import ImportFunction, build_python, import_function
from pipeline.score.f1 import build_f1
from pipeline.score.json_fields import build_json_fields
from pipeline.score.judge import JUDGE_KINDS
from pipeline.score.measured import build_cost, build_latency, build_length
from pipeline.score.number import build_number
from pipeline.score.rouge import build_rouge
from pipeline.score.text import build_contains, build_exact, build_regex
from pipeline.score.tool_call import build_tool_call


class Scorer(Protocol):
    """Judges answers one by one, without network, clock or memory of earlier ones."""

    @property
    def name(self) -> str:
        """The metric's name in tables and gates."""
        ...

    @property
    def graded(self) -> bool:
        """Whether values lie anywhere; otherwise each is 0 or 1 and `passed` is set."""
        ...

    @property
    def better(self) -> Better:
        """Which values are the better ones."""
        ...

    @property
    def unit(self) -> str:
        """Of the values: "ms", "USD", "characters"; empty for plain figures."""
        ...

    @property
    def scale(self) -> Scale:
        """Whether values are shares, from 0 to 1."""
        ...

    @property
    def corpus(self) -> Corpus | None:
        """The figure of many answers that is computed from their summed `Verdict.sums`; None where it is the mean."""
        ...

    @property
    def corpus_options(self) -> Mapping[str, Any]:
        """What that figure depends on beside the sums."""
        ...

    @property
    def row_columns(self) -> frozenset[str] | None:
        """The columns of the row that `score` may look at; None is any."""
        ...

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Judge `answer` against the rendered reference; `row` holds the dataset's columns."""
        ...


def _build_json_schema(settings: ScorerSettings) -> Scorer:
    """The validator takes longer to import than everything else here, so only those who use it wait for it."""
    from pipeline.score.json_schema import build_json_schema

    return build_json_schema(settings)


def _build_by_sacrebleu(settings: ScorerSettings) -> Scorer:
    """The library is an extra, and takes its time to import."""
    from pipeline.score import translation

    builders = {"bleu": translation.build_bleu, "chrf": translation.build_chrf, "ter": translation.build_ter}
    return builders[settings.kind](settings)


_BUILDERS: Mapping[str, Callable[[ScorerSettings], Scorer]] = {
    "exact": build_exact,
    "contains": build_contains,
    "regex": build_regex,
    "number": build_number,
    "choice": build_choice,
    "f1": build_f1,
    "bleu": _build_by_sacrebleu,
    "chrf": _build_by_sacrebleu,
    "ter": _build_by_sacrebleu,
    **dict.fromkeys(("rouge", "rouge-1", "rouge-2", "rouge-L", "rouge-Lsum"), build_rouge),
    "json_schema": _build_json_schema,
    "json_fields": build_json_fields,
    "tool_call": build_tool_call,
    "length": build_length,
    "latency": build_latency,
    "cost": build_cost,
}

KINDS: tuple[str, ...] = (*_BUILDERS, "python", *JUDGE_KINDS)
"""The scorer kinds; those whose verdicts come from models are built by `build_judge`."""


def build_scorer(settings: ScorerSettings, *, import_function: ImportFunction = import_function) -> Scorer:
    """Make the scorer that `settings` describe.

    Raises SettingsError for an unknown kind or option, a bad pattern, a missing reference or function.
    """
    if settings.kind == "python":
        return build_python(settings, import_function)
    build = _BUILDERS.get(settings.kind)
    if build is not None:
        return build(settings)
    near = get_close_matches(settings.kind, KINDS, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(KINDS)}"
    raise SettingsError(f'scorer "{settings.name}": unknown kind "{settings.kind}"; {hint}')
