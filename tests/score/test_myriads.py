"""Numbers with 만, 億 and their like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.score.myriads import fold_units
from tests.support.score import said, scorer

UNITS = [("조", 10**12), ("억", 10**8), ("만", 10**4), ("천", 10**3), ("백", 10**2)]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("3만 5천원", "35000원"),
        ("1만2천", "12000"),
        ("12억", "1200000000"),
        ("1億2000万円", "120000000円"),
        ("3千5百万", "35000000"),
        ("1.5万", "15000"),
        ("1,234만", "12340000"),
        ("1조 2,000억", "1200000000000"),
        ("20만500", "200500"),
        ("2만 3개", "20000 3개"),
        ("3만 5만", "30000 50000"),
        ("제2조", "제2조"),
        ("만약 3이면", "만약 3이면"),
        ("千葉県 3", "千葉県 3"),
    ],
)
def test_units_become_digits(written: str, plain: str) -> None:
    assert fold_units(written) == plain


@given(st.integers(1, 10**16 - 1), st.booleans())
def test_any_number_written_with_units_is_read_back(number: int, spaced: bool) -> None:
    groups, rest = [], number
    for unit, size in UNITS[:3]:
        count, rest = divmod(rest, size)
        groups += [f"{count:,}{unit}"] if count else []
    written = (" " if spaced and not rest else "").join(groups) + (str(rest) if rest else "")
    assert fold_units(written).replace(" ", "") == str(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("정답은 3만 5천원입니다.", "35000"),
        ("답: 3만 5천", "35,000원"),
        ("答えは1億2000万円です。", "120000000"),
        ("一共是１０万元。", "100000"),
        ("-3만", "-30000"),
    ],
)
def test_an_answer_with_units_equals_the_plain_number(text: str, expected: str) -> None:
    assert scorer("number").score(said(text), expected, {}).passed is True


def test_half_a_number_is_not_the_number() -> None:
    assert scorer("number").score(said("정답은 3만 5천원입니다."), "5", {}).passed is False


def test_a_long_row_of_units_takes_linear_time() -> None:
    assert fold_units("1만" * 20_000).count("10000") == 20_000
