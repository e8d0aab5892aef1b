"""Numbers are written with units, and unknown is never zero."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report import numbers


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        ("0", "$0"),
        ("0.000000000000", "$0"),
        ("12.3456", "$12.35"),
        ("1234567.891", "$1,234,567.89"),
        ("0.5", "$0.500"),
        ("0.0123456", "$0.0123"),
        ("0.000123456", "$0.000123"),
        ("0.000000000001", "$0.00000000000100"),
        ("-0.25", "−$0.250"),
        (Decimal(1), "$1.00"),
    ],
)
def test_dollars_keep_the_digits_that_matter(value: str | Decimal | None, text: str) -> None:
    assert numbers.usd(value) == text


@given(st.decimals(min_value=Decimal("0.000000000001"), max_value=Decimal(10) ** 9, allow_nan=False))
def test_a_known_amount_is_never_shown_as_nothing(amount: Decimal) -> None:
    shown = Decimal(numbers.usd(amount).replace("$", "").replace(",", ""))
    assert abs(shown - amount) <= amount * Decimal("0.0051")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (999, "999"),
        (1_000, "1.00 k"),
        (12_340, "12.3 k"),
        (999_499, "999 k"),
        (999_600, "1.00 M"),
        (3_612_000, "3.61 M"),
        (2_000_000_000, "2.00 G"),
    ],
)
def test_tokens_are_written_shortly(value: int | None, text: str) -> None:
    assert plain(numbers.tokens(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0.00 ms"),
        (3.21, "3.21 ms"),
        (849.7, "850 ms"),
        (999.6, "1.00 s"),
        (1_240.0, "1.24 s"),
        (12_400.0, "12.4 s"),
        (125_000.0, "2 min 5 s"),
    ],
)
def test_durations_change_their_unit(value: float | None, text: str) -> None:
    assert plain(numbers.milliseconds(value)) == text


@pytest.mark.parametrize(
    ("value", "share", "text"),
    [
        (None, True, "–"),
        (0.9123, True, "91.2 %"),
        (0.0, True, "0.0 %"),
        (1.0, True, "100.0 %"),
        (0.7344, False, "0.734"),
        (-0.00001, False, "0.000"),
        (-1.5, False, "−1.500"),
    ],
)
def test_means_are_shares_or_plain_numbers(value: float | None, share: bool, text: str) -> None:
    assert plain(numbers.metric(value, share=share)) == text


@pytest.mark.parametrize(
    ("ends", "share", "text"),
    [
        (None, True, "–"),
        ((0.881, 0.94), True, "88.1–94.0 %"),
        ((0.1, 0.2), False, "0.100–0.200"),
        ((-0.1, 0.2), False, "−0.100 to 0.200"),
    ],
)
def test_intervals_of_means(ends: tuple[float, float] | None, share: bool, text: str) -> None:
    assert plain(numbers.metric_interval(ends, share=share)) == text


@pytest.mark.parametrize(
    ("value", "share", "text"),
    [
        (None, True, "–"),
        (0.031, True, "+3.1 points"),
        (-0.031, True, "−3.1 points"),
        (0.0, True, "0.0 points"),
        (0.5, False, "+0.500"),
    ],
)
def test_differences_have_a_sign(value: float | None, share: bool, text: str) -> None:
    assert plain(numbers.difference(value, share=share)) == text


def test_an_interval_of_a_difference_shows_both_signs() -> None:
    assert numbers.difference_interval((-0.004, 0.059), share=True) == "−0.4 to +5.9"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.00001, "< 0.001"), (0.031, "0.031"), (0.5, "0.50"), (1.0, "1.00")]
)
def test_p_values(value: float | None, text: str) -> None:
    assert plain(numbers.p_value(value)) == text


def test_a_share_of_nothing_is_unknown() -> None:
    assert numbers.share_of(0, 0) == "–"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-27T18:30:00+09:00", "2026-11-27 09:30 UTC"),
        ("2026-11-27T10:00:00.123456+00:00", "2026-11-27 10:00 UTC"),
        ("2026-11-27 10:00", "2026-11-27 10:00"),
        ("today", "today"),
        ("", ""),
    ],
)
def test_a_moment_is_written_in_utc_and_what_is_none_stays_as_it_is(written: str, read: str) -> None:
    assert numbers.moment(written) == read
