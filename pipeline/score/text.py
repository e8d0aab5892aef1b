"""The kinds that compare text with text: exact, contains, regex."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.core.records import Answer, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.figures import PassFail
from pipeline.score.normalise import Normalisation, normalise
from pipeline.score.options import Options
from pipeline.score.references import EMPTY, prepared_references, take_references
from pipeline.score.verdicts import last_match, no_match, pass_or_fail, unusable_reference

_NO_PATTERN = "the pattern matches nothing in the answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact(PassFail):
    """Passes when answer and reference are the same text after normalisation."""

    name: str
    rules: Normalisation
    listed: bool = False
    """`expected` is a JSON list of references; any of them will do."""
    pattern: re.Pattern[str] | None = None

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Compare the answer, narrowed by the pattern, with `expected`."""
        try:
            references = prepared_references(expected, partial(normalise, rules=self.rules), listed=self.listed)
        except ValueError as error:
            return unusable_reference(expected, str(error))
        shown = " | ".join(references)
        narrowed = answer.text if self.pattern is None else last_match(self.pattern, answer.text)
        if narrowed is None:
            return no_match(shown, _NO_PATTERN)
        said = normalise(narrowed, self.rules)
        return pass_or_fail(said in references, extracted=said, expected=shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contains(PassFail):
    """Passes when the reference, or any text of the option `any`, stands in the answer."""

    name: str
    rules: Normalisation
    needs_expected: bool
    listed: bool = False
    """`expected` is a JSON list of references; any of them will do."""
    any: tuple[str, ...] = ()
    whole_words: bool = False
    pattern: re.Pattern[str] | None = None

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Look for `expected` and the listed texts in the answer, narrowed by the pattern."""
        wanted = self.any
        if self.needs_expected:
            try:
                references = prepared_references(expected, partial(normalise, rules=self.rules), listed=self.listed)
            except ValueError as error:
                return unusable_reference(expected, str(error))
            wanted = (*references, *wanted)
        shown = " | ".join(wanted)
        narrowed = answer.text if self.pattern is None else last_match(self.pattern, answer.text)
        if narrowed is None:
            return no_match(shown, _NO_PATTERN)
        found = first_contained(normalise(narrowed, self.rules), wanted, whole_words=self.whole_words)
        if found is None:
            return no_match(shown, "the answer does not contain it")
        return pass_or_fail(True, extracted=found, expected=shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regex(PassFail):
    """Passes when the pattern's last match equals the reference, or exists at all where there is no reference."""

    name: str
    rules: Normalisation
    pattern: re.Pattern[str]
    needs_expected: bool

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Compare the last match (its first group if it has one) with `expected`."""
        reference = normalise(expected or "", self.rules) if self.needs_expected else None
        if reference == "":
            return unusable_reference(expected, EMPTY)
        found = last_match(self.pattern, answer.text)
        if found is None:
            return no_match(reference, _NO_PATTERN)
        said = normalise(found, self.rules)
        return pass_or_fail(reference is None or said == reference, extracted=said, expected=reference)


def first_contained(text: str, wanted: tuple[str, ...], *, whole_words: bool) -> str | None:
    """The first of `wanted` that stands in `text`; with `whole_words` not inside a longer word."""
    if not whole_words:
        return next((part for part in wanted if part in text), None)
    return next((part for part in wanted if re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text)), None)


def build_exact(settings: ScorerSettings) -> Exact:
    """Read the settings of kind `exact`; options: references, pattern, flags and those of normalisation."""
    options = Options(settings)
    options.no_function()
    options.need_expected()
    scorer = Exact(
        name=settings.name,
        rules=Normalisation.from_options(options),
        listed=take_references(options),
        pattern=options.take_pattern(),
    )
    options.finish()
    return scorer


def build_contains(settings: ScorerSettings) -> Contains:
    """Read the settings of kind `contains`; options: any, whole_words, references, pattern, flags, normalisation."""
    options = Options(settings)
    options.no_function()
    listed = options.take_texts("any")
    if not listed:
        options.need_expected()
    rules = Normalisation.from_options(options)
    wanted = tuple(normalise(text, rules) for text in listed)
    if "" in wanted:
        options.refuse("any holds a text of which normalisation leaves nothing; remove it")
    scorer = Contains(
        name=settings.name,
        rules=rules,
        needs_expected=bool(settings.expected),
        listed=take_references(options) if settings.expected else False,
        any=wanted,
        whole_words=options.take_bool("whole_words", False),
        pattern=options.take_pattern(),
    )
    options.finish()
    return scorer


def build_regex(settings: ScorerSettings) -> Regex:
    """Read the settings of kind `regex`; options: flags and those of normalisation."""
    options = Options(settings)
    options.no_function()
    pattern = options.take_pattern()
    if pattern is None:
        options.refuse("needs a pattern, a regular expression over the answer")
    scorer = Regex(
        name=settings.name,
        rules=Normalisation.from_options(options),
        pattern=pattern,
        needs_expected=bool(settings.expected),
    )
    options.finish()
    return scorer
