"""The kind `f1`: the tokens or characters that answer and reference share, as SQuAD counts them.

Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text", section 6.1, and its evaluation
script; for single characters Lim et al. 2019, "KorQuAD 1.0".
"""

from __future__ import annotations

import string
from collections import Counter
from functools import partial

from pipeline.core.settings import ScorerSettings
from pipeline.score.normalise import Normalisation, PunctuationTable, normalise
from pipeline.score.options import Options
from pipeline.score.references import take_references
from pipeline.score.shared_tokens import Overlap, Sentences, SharedTokens, take_figure
from pipeline.score.tokens import characters, spaced_tokens

F1_DEFAULTS = Normalisation(ignore_case=True, ignore_punctuation=True, ignore_articles=True, ignore_width=True)
_PUNCTUATION = PunctuationTable(string.punctuation, separator=" ")
"""SQuAD drops all of ASCII's signs, $ and + among them, and joins what they parted: cat's is cats.

Signs of other scripts part words as they do in text: 사과·배 are two.
"""


def build_f1(settings: ScorerSettings) -> SharedTokens:
    """Read the settings of kind `f1`; options: level, figure, references, pattern, flags and those of normalisation.

    Case, punctuation, articles and width do not count unless asked otherwise.
    """
    options = Options(settings)
    options.no_function()
    options.need_expected()
    by_character = options.take_choice("level", ("token", "character")) == "character"
    scorer = SharedTokens(
        name=settings.name,
        prepare=partial(_prepare, rules=Normalisation.from_options(options, F1_DEFAULTS), by_character=by_character),
        compare=shared_counts,
        figure=take_figure(options),
        listed=take_references(options),
        pattern=options.take_pattern(),
    )
    options.finish()
    return scorer


def _prepare(text: str, *, rules: Normalisation, by_character: bool) -> Sentences:
    tokens = f1_tokens(text, rules)
    return [characters(tokens) if by_character else tokens]


def f1_tokens(text: str, rules: Normalisation) -> list[str]:
    """Words as white space parts them, once `rules` are applied."""
    return spaced_tokens(normalise(text, rules, punctuation=_PUNCTUATION))


def shared_counts(answer: Sentences, reference: Sentences) -> Overlap:
    """Tokens in common, each as often as it stands in both."""
    said, wanted = Counter(answer[0]), Counter(reference[0])
    return Overlap((said & wanted).total(), said.total(), wanted.total())
