"""Where signs stand: what is looked for first changes nothing in what is found."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.score.signs import SignFinder, SignPatterns, sign_patterns, sign_table

PIECES = st.sampled_from(
    [
        *(
            "The answer is",
            "ANSWER:",
            "Choice",
            "option ",
            "정답은 ",
            "답: ",
            "答え は",
            "正解は",
            "#### ",
            "\\boxed{",
            "}",
        ),
        *("A", "B", "(B)", "b.", "③", "ㄷ", "나", "번", "**C**", "「D」", "\n", " ", "İ", "ß", "and", "because"),
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


def finders(patterns: SignPatterns) -> list[SignFinder]:
    values = [getattr(patterns, field.name) for field in fields(patterns)]
    nested = [value if isinstance(value, tuple) else (value,) for value in values]
    return [one for group in nested for one in group if isinstance(one, SignFinder)]


@pytest.mark.parametrize("choices", ["ABCD", "1234", "①②③④"])
@given(text=TEXTS)
def test_a_finder_finds_the_last_match_of_its_pattern(choices: str, text: str) -> None:
    signs = sign_table([*choices])
    assert signs is not None
    for finder in finders(sign_patterns(signs)):
        matches = [(match.start(), match[1]) for match in finder.pattern.finditer(text)]
        found = finder.last(text, text.lower())
        assert ([] if found is None else [(found.start(), found[1])]) == matches[-1:]
