"""The kinds `bleu`, `chrf` and `ter`, computed by sacrebleu: an answer's own value, and sums for the corpus figure.

Papineni et al. 2002, "BLEU"; Popović 2015 and 2017, "chrF" and "chrF++"; Snover et al. 2006, "A Study of Translation
Edit Rate"; Post 2018, "A Call for Clarity in Reporting BLEU Scores".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from pipeline.core.records import Answer, Better, Corpus, Scale, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.figures import NO_COLUMNS
from pipeline.score.options import Options
from pipeline.score.references import prepared_references, take_references
from pipeline.score.verdicts import NO_MATCH, last_match, nfc, unusable_reference

TOKENIZERS = ("13a", "intl", "char", "zh", "ja-mecab", "ko-mecab", "none")
"""sacrebleu has others, which download a vocabulary when they are first used."""
_SMOOTH_VALUES = {"floor": 0.1, "add-k": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """The value is the answer's own score, as sacrebleu's `sentence_score` has it: from 0 to 100, TER without bound."""

    name: str
    metric: Any
    """sacrebleu's."""
    sentence_metric: Any
    """The same for one answer alone: BLEU then takes no n-grams into account that the answer is too short for."""
    corpus: Corpus
    corpus_options: Mapping[str, Any]
    better: Better = "higher"
    listed: bool = False
    pattern: re.Pattern[str] | None = None
    graded: ClassVar[bool] = True
    row_columns: ClassVar[frozenset[str] | None] = NO_COLUMNS
    unit: ClassVar[str] = ""
    scale: ClassVar[Scale] = "number"

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Compare the answer, narrowed by the pattern, with all references at once."""
        try:
            references = prepared_references(expected, _without_margins, listed=self.listed)
        except ValueError as error:
            return unusable_reference(expected, str(error))
        narrowed = nfc(answer.text) if self.pattern is None else last_match(self.pattern, answer.text)
        # What `sentence_score` does in two steps; the statistics of chrF and TER can be had in no other way.
        sums = self.metric._extract_corpus_statistics([narrowed or ""], [[text] for text in references])[0]
        return Verdict(
            value=float(self.sentence_metric._compute_score_from_stats(sums).score),
            label=NO_MATCH if narrowed is None else None,
            extracted=None if self.pattern is None else narrowed,
            expected=" | ".join(references),
            explanation="the pattern matches nothing in the answer" if narrowed is None else None,
            sums=tuple(map(float, sums)),
        )


def _without_margins(reference: str) -> str:
    return nfc(reference).strip()


def build_bleu(settings: ScorerSettings) -> Translation:
    """Read the settings of kind `bleu`.

    Options: tokenize, lowercase, smooth_method, smooth_value, references, pattern, flags.
    """
    options = _begin(settings)
    metrics = _sacrebleu(options)
    method = options.take_choice("smooth_method", ("exp", "floor", "add-k", "none"))
    value = float(options.take_amount("smooth_value")) or _SMOOTH_VALUES.get(method)
    if "smooth_value" in settings.options and method not in _SMOOTH_VALUES:
        options.refuse(f'smooth_value belongs to smooth_method = "floor" or "add-k", not to "{method}"')
    smoothing = {"smooth_method": method, **({} if value is None else {"smooth_value": value})}
    tokenize = options.take_choice("tokenize", TOKENIZERS)
    chosen = {**smoothing, "tokenize": tokenize, "lowercase": options.take_bool("lowercase", False), "force": True}
    try:
        metric, sentence_metric = (metrics.BLEU(**chosen, effective_order=alone) for alone in (False, True))
    except (ImportError, RuntimeError):
        options.refuse(f'tokenize = "{tokenize}" needs packages; install: pip install "sacrebleu[{tokenize[:2]}]"')
    return _finished(options, metric, sentence_metric, corpus="bleu", corpus_options=smoothing)


def build_chrf(settings: ScorerSettings) -> Translation:
    """Read the settings of kind `chrf`.

    Options: char_order, word_order (2 is chrF++), beta, lowercase, whitespace, references, pattern, flags.
    """
    options = _begin(settings)
    metrics = _sacrebleu(options)
    orders = {
        "char_order": options.take_count("char_order", 6),
        "word_order": options.take_count("word_order", 0),
        "beta": options.take_count("beta", 2),
    }
    if not orders["char_order"] or not orders["beta"]:
        options.refuse("char_order and beta must be at least 1")
    metric = metrics.CHRF(
        **orders, lowercase=options.take_bool("lowercase", False), whitespace=options.take_bool("whitespace", False)
    )
    return _finished(options, metric, metric, corpus="chrf", corpus_options=orders)


def build_ter(settings: ScorerSettings) -> Translation:
    """Read the settings of kind `ter`.

    Options: normalized, no_punct, asian_support, case_sensitive, references, pattern, flags.
    """
    options = _begin(settings)
    metrics = _sacrebleu(options)
    names = ("normalized", "no_punct", "asian_support", "case_sensitive")
    chosen = {name: options.take_bool(name, False) for name in names}
    if chosen["asian_support"] and not (chosen["normalized"] or chosen["no_punct"]):
        options.refuse("asian_support does nothing without normalized = true or no_punct = true")
    metric = metrics.TER(**chosen)
    return _finished(options, metric, metric, corpus="ter", corpus_options={})


def _begin(settings: ScorerSettings) -> Options:
    options = Options(settings)
    options.no_function()
    options.need_expected()
    return options


def _finished(
    options: Options, metric: Any, sentence_metric: Any, *, corpus: Corpus, corpus_options: Mapping[str, Any]
) -> Translation:
    scorer = Translation(
        name=options.settings.name,
        metric=metric,
        sentence_metric=sentence_metric,
        corpus=corpus,
        corpus_options=corpus_options,
        better="lower" if corpus == "ter" else "higher",
        listed=take_references(options),
        pattern=options.take_pattern(),
    )
    options.finish()
    return scorer


def _sacrebleu(options: Options) -> Any:
    try:
        from sacrebleu import metrics
    except ImportError:
        _missing(options)
    return metrics


def _missing(options: Options) -> NoReturn:
    options.refuse('needs the package sacrebleu; install it with: pip install "evalmill[text]"')
