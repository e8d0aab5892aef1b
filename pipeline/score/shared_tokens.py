"""Scorers that count what an answer and its reference share: precision, recall and their harmonic mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from pipeline.core.records import Answer, Verdict
from pipeline.score.figures import GradedShare
from pipeline.score.options import Options
from pipeline.score.references import NOTHING_LEFT, read_references
from pipeline.score.verdicts import NO_MATCH, last_match, nfc, unusable_reference

Figure = Literal["f1", "precision", "recall"]
Sentences = list[list[str]]
"""Tokens by sentence; texts that are taken as a whole are one sentence."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two texts share, as counts: of the answer's units and of the reference's."""

    shared: int
    of_answer: int
    of_reference: int

    @property
    def precision(self) -> float:
        """The share of the answer that stands in the reference."""
        return self.shared / self.of_answer if self.of_answer else 0.0

    @property
    def recall(self) -> float:
        """The share of the reference that stands in the answer."""
        return self.shared / self.of_reference if self.of_reference else 0.0

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTokens(GradedShare):
    """The value is a figure of the overlap with the reference; of several, with the one that has the best f1."""

    name: str
    prepare: Callable[[str], Sentences]
    compare: Callable[[Sentences, Sentences], Overlap]
    """Of the answer with the reference."""
    figure: Figure = "f1"
    listed: bool = False
    pattern: re.Pattern[str] | None = None

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Compare the answer, narrowed by the pattern, with each reference."""
        try:
            references = read_references(expected, listed=self.listed)
        except ValueError as error:
            return unusable_reference(expected, str(error))
        prepared = [(text, tokens) for text in references if any(tokens := self.prepare(nfc(text)))]
        if not prepared:
            return unusable_reference(expected, NOTHING_LEFT)
        narrowed = nfc(answer.text) if self.pattern is None else last_match(self.pattern, answer.text)
        if narrowed is None:
            return _nothing(prepared[0][0], "the pattern matches nothing in the answer")
        said = self.prepare(narrowed)
        compared = [(self.compare(said, tokens), text) for text, tokens in prepared]
        best, reference = max(compared, key=lambda pair: pair[0].f1)
        if not best.shared:
            return _nothing(reference, "the answer shares nothing with the reference")
        return Verdict(
            value=getattr(best, self.figure),
            extracted=None if self.pattern is None else narrowed,
            expected=reference,
            explanation=f"precision {best.precision:.4f}, recall {best.recall:.4f}",
        )


def _nothing(reference: str, explanation: str) -> Verdict:
    return Verdict(value=0.0, label=NO_MATCH, expected=reference, explanation=explanation)


def take_figure(options: Options) -> Figure:
    """Read `figure`: f1, precision or recall."""
    return cast("Figure", options.take_choice("figure", ("f1", "precision", "recall")))
