"""The stems of NLTK's Porter stemmer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.stem import PorterStemmer

from pipeline.score.porter import stem

NLTK = PorterStemmer()
PIECES = st.sampled_from(
    ["tri", "fl", "hop", "y", "e", "ies", "ied", "eed", "ed", "ing", "ss", "s", "logi", "alli", "fulli", "ation", "al"]
)


@given(st.lists(PIECES, min_size=1, max_size=5).map("".join) | st.text("aeiouybcdlstz", min_size=1, max_size=12))
def test_made_up_words_get_nltks_stems(word: str) -> None:
    assert stem(word) == NLTK.stem(word)


def test_the_words_of_this_repository_get_nltks_stems() -> None:
    texts = [path.read_text("utf-8") for path in Path(__file__).parents[2].glob("docs/*.md")]
    words = set(re.findall("[a-z]+", " ".join(texts).lower()))
    assert len(words) > 1000
    assert [word for word in words if stem(word) != NLTK.stem(word)] == []


@pytest.mark.parametrize("word", ["서울에서는", "東京", "überflüssig", "42"])
def test_other_scripts_stay_as_they_are(word: str) -> None:
    assert stem(word) == word
