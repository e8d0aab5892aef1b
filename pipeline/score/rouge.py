"""The kind `rouge`: n-grams and longest common subsequences, in any script.

Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"; where the paper leaves a choice, as ROUGE-1.5.5 and
the library rouge-score have it: of several references the best, in rougeLsum no token counted twice.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pipeline.core.settings import ScorerSettings
from pipeline.score.options import Options
from pipeline.score.porter import stem
from pipeline.score.references import take_references
from pipeline.score.shared_tokens import Overlap, Sentences, SharedTokens, take_figure
from pipeline.score.tokens import characters, usual_width, word_tokens

VARIANTS = ("rouge1", "rouge2", "rouge3", "rouge4", "rougeL", "rougeLsum")
_LINES = re.compile(r"\n")
_SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[。！？｡])\s*|\n")
_SHORTEST_STEMMED = 4
"""Shorter words are left as they are, as in ROUGE-1.5.5."""


def build_rouge(settings: ScorerSettings) -> SharedTokens:
    """Read the settings of kind `rouge`.

    Options: variant, stem, level, sentences (of rougeLsum), figure, references, pattern, flags. The kinds `rouge-1`,
    `rouge-2`, `rouge-L` and `rouge-Lsum` name the variant.
    """
    options = Options(settings)
    options.no_function()
    options.need_expected()
    variant = _take_variant(options)
    by_sentence = variant == "rougeLsum"
    split_at = options.take_choice("sentences", ("lines", "marks")) if by_sentence else "nothing"
    scorer = SharedTokens(
        name=settings.name,
        prepare=partial(
            _prepare,
            stems=options.take_bool("stem", False),
            by_character=options.take_choice("level", ("token", "character")) == "character",
            split_at={"lines": _LINES, "marks": _SENTENCES, "nothing": None}[split_at],
        ),
        compare=_comparison(variant),
        figure=take_figure(options),
        listed=take_references(options),
        pattern=options.take_pattern(),
    )
    options.finish()
    return scorer


def _take_variant(options: Options) -> str:
    implied = options.settings.kind.replace("-", "")
    return options.take_choice("variant", VARIANTS if implied == "rouge" else (implied,))


def _comparison(variant: str) -> Callable[[Sentences, Sentences], Overlap]:
    if variant == "rougeL":
        return lcs_overlap
    if variant == "rougeLsum":
        return summary_lcs_overlap
    return partial(ngram_overlap, order=int(variant.removeprefix("rouge")))


def _prepare(text: str, *, stems: bool, by_character: bool, split_at: re.Pattern[str] | None) -> Sentences:
    sentences = [text] if split_at is None else split_at.split(text)
    tokens = [word_tokens(usual_width(sentence).lower()) for sentence in sentences]
    if by_character:
        tokens = [characters(words) for words in tokens]
    if stems:
        tokens = [[stem(word) if len(word) >= _SHORTEST_STEMMED else word for word in words] for words in tokens]
    return [words for words in tokens if words]


def ngram_overlap(answer: Sentences, reference: Sentences, *, order: int) -> Overlap:
    """ROUGE-N (section 2): n-grams in common, each as often as it stands in both."""
    said, wanted = _ngrams(answer, order), _ngrams(reference, order)
    return Overlap((said & wanted).total(), said.total(), wanted.total())


def _ngrams(sentences: Sentences, order: int) -> Counter[tuple[str, ...]]:
    tokens = sentences[0] if sentences else []
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def lcs_overlap(answer: Sentences, reference: Sentences) -> Overlap:
    """ROUGE-L (section 3.1): the length of the longest common subsequence."""
    said, wanted = (sentences[0] if sentences else [] for sentences in (answer, reference))
    return Overlap(lcs_length(wanted, said), len(said), len(wanted))


def summary_lcs_overlap(answer: Sentences, reference: Sentences) -> Overlap:
    """ROUGE-L of summaries (section 3.2): of each reference sentence, the union of what it shares with each answer's.

    No token is counted more often than it stands in either text.
    """
    said = Counter(token for sentence in answer for token in sentence)
    wanted = Counter(token for sentence in reference for token in sentence)
    shared = 0
    left = said & wanted
    for sentence in reference:
        union: set[int] = set()
        union.update(*(lcs_positions(sentence, other) for other in answer))
        for position in union:
            token = sentence[position]
            if left[token] > 0:
                left[token] -= 1
                shared += 1
    return Overlap(shared, said.total(), wanted.total())


def lcs_length(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of a longest common subsequence."""
    (last,) = deque(_lcs_rows(one, other), maxlen=1)
    return _in_common(last, len(other))


def lcs_positions(one: Sequence[str], other: Sequence[str]) -> list[int]:
    """The positions in `one` of a longest common subsequence; of several, the one that rouge-score reads out."""
    rows = list(_lcs_rows(one, other))
    found: list[int] = []
    row, column = len(one), len(other)
    while row and column:
        if one[row - 1] == other[column - 1]:
            found.append(row - 1)
            row, column = row - 1, column - 1
        elif _in_common(rows[row], column - 1) > _in_common(rows[row - 1], column):
            column -= 1
        else:
            row -= 1
    return found


def _lcs_rows(one: Sequence[str], other: Sequence[str]) -> Iterator[int]:
    """The rows of the table of common lengths, each as bits: a zero where the length grows by one.

    Hyyrö 2004, "Bit-parallel LCS-length computation revisited": a row costs a few operations on integers.
    """
    places: dict[str, int] = {}
    for position, token in enumerate(other):
        places[token] = places.get(token, 0) | 1 << position
    every = (1 << len(other)) - 1
    row = every
    yield row
    for token in one:
        matches = row & places.get(token, 0)
        row = (row + matches | row - matches) & every
        yield row


def _in_common(row: int, columns: int) -> int:
    return columns - (row & (1 << columns) - 1).bit_count()
