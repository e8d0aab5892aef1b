"""The kinds that measure an answer without a reference: length, latency, cost; with limits they are pass/fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from pipeline.core.records import Answer, Better, Corpus, Scale, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.figures import NO_COLUMNS, NO_OPTIONS
from pipeline.score.options import Options
from pipeline.score.tokens import word_tokens
from pipeline.score.verdicts import last_match, nfc, no_match, pass_or_fail

UNKNOWN = "unknown"

Amount = int | float | Decimal
Measure = Callable[[Answer, str], Amount | None]
"""Of an answer and its text, narrowed by the pattern; None where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The value is what is measured; with limits it is 1 where that lies between them, and 0 where not."""

    name: str
    measure: Measure
    noun: str
    measured_in: str
    least: Decimal | None = None
    most: Decimal | None = None
    better: Better = "higher"
    pattern: re.Pattern[str] | None = None
    row_columns: ClassVar[frozenset[str] | None] = NO_COLUMNS
    corpus: ClassVar[Corpus | None] = None
    corpus_options: ClassVar[Mapping[str, Any]] = NO_OPTIONS

    @property
    def graded(self) -> bool:
        """Without limits."""
        return self.least is None and self.most is None

    @property
    def unit(self) -> str:
        """A share of passes has none."""
        return self.measured_in if self.graded else ""

    @property
    def scale(self) -> Scale:
        """With limits, the figure is a share of passes."""
        return "number" if self.graded else "share"

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Measure the answer; what nobody reported is unscored."""
        text = nfc(answer.text) if self.pattern is None else last_match(self.pattern, answer.text)
        if text is None:
            return self._no_match()
        found = self.measure(answer, text)
        if found is None:
            problem = f"the {self.noun} of this answer is not known"
            return Verdict(value=None, label=UNKNOWN, explanation=problem, status="unscored")
        if self.graded:
            return Verdict(value=float(found))
        exact = Decimal(str(found))
        passed = (self.least is None or exact >= self.least) and (self.most is None or exact <= self.most)
        return pass_or_fail(passed, extracted=f"{found} {self.measured_in}", expected=self._limits())

    def _no_match(self) -> Verdict:
        problem = "the pattern matches nothing in the answer"
        if not self.graded:
            return no_match(self._limits(), problem)
        return Verdict(value=None, label=UNKNOWN, explanation=problem, status="unscored")

    def _limits(self) -> str:
        limits = (("at least", self.least), ("at most", self.most))
        return ", ".join(f"{word} {limit} {self.measured_in}" for word, limit in limits if limit is not None)


_LENGTHS: Mapping[str, Measure] = {
    "characters": lambda answer, text: len(text),
    "words": lambda answer, text: len(word_tokens(text)),
    "tokens": lambda answer, text: answer.output_tokens,
}


def build_length(settings: ScorerSettings) -> Measured:
    """Read the settings of kind `length`; options: of (characters, words, tokens), min, max, pattern, flags."""
    options = _begin(settings)
    of = options.take_choice("of", tuple(_LENGTHS))
    pattern = options.take_pattern()
    if of == "tokens" and pattern is not None:
        options.refuse('of = "tokens" counts what the provider billed for the whole answer; remove the pattern')
    return _finished(options, _LENGTHS[of], noun="length", measured_in=of, better="neither", pattern=pattern)


def build_latency(settings: ScorerSettings) -> Measured:
    """Read the settings of kind `latency`; options: min, max, in milliseconds."""
    options = _begin(settings)
    options.no_pattern()
    return _finished(options, lambda answer, text: answer.latency_ms, noun="latency", measured_in="ms", better="lower")


def build_cost(settings: ScorerSettings) -> Measured:
    """Read the settings of kind `cost`; options: min, max, in US dollars for one answer."""
    options = _begin(settings)
    options.no_pattern()
    return _finished(options, lambda answer, text: answer.cost_usd, noun="cost", measured_in="USD", better="lower")


def _begin(settings: ScorerSettings) -> Options:
    options = Options(settings)
    options.no_function()
    if settings.expected is not None:
        options.refuse("measures the answer alone, without a reference; remove expected")
    return options


def _finished(  # the parts of a scorer that the kinds differ in
    options: Options,
    measure: Measure,
    *,
    noun: str,
    measured_in: str,
    better: Better,
    pattern: re.Pattern[str] | None = None,
) -> Measured:
    least, most = (options.take_limit(name) for name in ("min", "max"))
    if least is not None and most is not None and least > most:
        options.refuse(f"min is {least} and max is {most}; nothing lies between them")
    options.finish()
    has_limits = least is not None or most is not None
    return Measured(
        name=options.settings.name,
        measure=measure,
        noun=noun,
        measured_in=measured_in,
        least=least,
        most=most,
        better="higher" if has_limits else better,
        pattern=pattern,
    )
