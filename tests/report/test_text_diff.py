"""Two answers are marked where their words differ, and not at all where they have nothing in common."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report.text_diff import Piece, differing_pieces


def marked(pieces: list[Piece]) -> list[str]:
    return [piece.text for piece in pieces if piece.differs]


def test_only_the_words_that_differ_are_marked() -> None:
    one, other = differing_pieces("So the answer is 3705.", "So the answer is 3706, I think.")
    assert marked(one) == ["3705"]
    assert marked(other) == ["3706, I think"]


def test_korean_words_and_japanese_signs_are_told_apart() -> None:
    one, other = differing_pieces("정답은 나입니다 고마워요", "정답은 다입니다 고마워요")
    assert (marked(one), marked(other)) == (["나입니다"], ["다입니다"])
    one, other = differing_pieces("答えは三つです", "答えは四つです")
    assert (marked(one), marked(other)) == (["三"], ["四"])


def test_unlike_texts_and_equal_texts_have_no_marks() -> None:
    for one, other in (("yes", "a long and careful explanation"), ("same", "same"), ("", "new"), ("", "")):
        assert [marked(pieces) for pieces in differing_pieces(one, other)] == [[], []]


def test_long_texts_are_marked_as_a_whole_between_what_they_share() -> None:
    start, end = "the same start " * 500, " the same end" * 500
    middle = [f"{word}{number} " for number in range(300) for word in ("a",)]
    one, other = differing_pieces(start + "".join(middle) + end, start + "".join(reversed(middle)) + end)
    assert len(marked(one)) == len(marked(other)) == 1


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_are_the_whole_text(one: str, other: str) -> None:
    pieces = differing_pieces(one, other)
    assert ["".join(piece.text for piece in side) for side in pieces] == [one, other]
    assert all(piece.text for side in pieces for piece in side if one and other)
