"""How numbers are found in text and read."""

from __future__ import annotations

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.score.number import extract_number
from pipeline.score.numerals import find_numbers, fold, last_number, read_number

READ = [
    ("18", 18),
    ("18.00.", 18),
    ("**18**", 18),
    ("1,234.50", Decimal("1234.5")),
    ("it costs $1,234.50.", Decimal("1234.5")),
    ("₩3,000", 3000),
    ("총5개", 5),
    ("1,234원입니다", 1234),
    ("US$5", 5),
    ("€ 7", 7),
    ("-5", -5),
    ("−5", -5),
    ("–5", -5),
    ("-$5", -5),
    ("$-5", -5),
    ("10-5", 5),
    ("pages 5–10", 10),
    ("(3)-5", 5),
    ("- 5", 5),
    ("3/4", Fraction(3, 4)),
    ("24 / 30", Fraction(4, 5)),
    ("1 1/2", Fraction(3, 2)),
    ("-1 1/2", Fraction(-3, 2)),
    ("½", Fraction(1, 2)),
    ("1½", Fraction(3, 2)),
    ("-½", Fraction(-1, 2)),
    (r"\frac{1}{2}", Fraction(1, 2)),
    (r"-\frac{3}{4}", Fraction(-3, 4)),
    (r"1\dfrac{1}{2}", Fraction(3, 2)),
    (r"\frac12", Fraction(1, 2)),
    (r"\boxed{\frac{1}{2}}", Fraction(1, 2)),
    (r"\boxed{x = 5} and 7 others", 5),
    (r"\boxed{5}, no, \boxed{6}", 6),
    (r"\boxed{1{,}234}", 1234),
    (r"\boxed{1\,234}", 1234),
    (r"\boxed{\$5}", 5),
    (r"$\boxed 7$", 7),
    (r"\boxed{12", 12),
    ("1e-3", Decimal("0.001")),
    ("2.5 × 10^3", 2500),
    (r"2.5 \times 10^{3}", 2500),
    ("10^3", 1000),
    ("50 m^2", 50),
    ("x^{2} = 4", 4),
    ("5 H2O", 5),
    ("１２３", 123),
    ("٣٤", 34),
    ("12,34,567", 1234567),
    ("1 234 567", 1234567),
    ("10 000 €", 10000),
    ("10\u202f000", 10000),
    ("1'234.5", Decimal("1234.5")),
    ("1’234", 1234),
    ("1.234,50", Decimal("1234.5")),
    ("1.234.567", 1234567),
    ("in 2019 200 people", 200),
    ("it is .5", Decimal("0.5")),
    ("(2,5)", 5),
    ("the 5th", 5),
    ("50%", 50),
    ("<<2*9=18>>18 per day\nA: 18", 18),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_the_last_number_is_read(text: str, value: Decimal | Fraction | int) -> None:
    extracted = extract_number(text)
    assert extracted is not None
    read = read_number(extracted)
    assert read is not None
    assert Fraction(read) == Fraction(value)


@pytest.mark.parametrize("text", ["", "none", "H2O", "m^2", "eighteen", r"\boxed{\text{none}} of 5", "①"])
def test_text_without_a_number_gives_none(text: str) -> None:
    assert extract_number(text) is None


@pytest.mark.parametrize("text", ["1/0", "1e99999", "9" * 2000, "no", "1 2 3 4", "", "1e", "Infinity", "nan", "1_000"])
def test_what_is_not_one_readable_number_reads_as_none(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(("text", "value"), [("50%", "1/2"), ("12.5 %", "1/8"), ("50 percent", "1/2"), ("3", "3")])
def test_percent_divides_by_a_hundred_only_when_asked(text: str, value: str) -> None:
    read, plain = read_number(text, percent=True), read_number(text)
    assert read is not None
    assert plain is not None
    assert Fraction(read) == Fraction(value)
    assert Fraction(plain) == Fraction(value) * (1 if value == "3" else 100)


@settings(deadline=None)
@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=4), st.text("abc 가,.!?\n", max_size=30))
def test_a_number_survives_formatting_and_surroundings(number: Decimal, words: str) -> None:
    for spelled in (f"{number:f}", f"{number:,f}"):
        extracted = extract_number(f"{words} about {spelled} {words}")
        assert extracted is not None
        assert read_number(extracted) == number


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from(["12", "3.5", " ", "x", "a", "e", ",", "/", "-", "%", "10^", "가", "퍼센트", "½", "\n"]))
)
def test_reading_backwards_finds_what_reading_forwards_finds_last(pieces: list[str]) -> None:
    text = "".join(pieces)
    forwards = find_numbers(fold(text))
    assert last_number(text) == (forwards[-1] if forwards else None)


@pytest.mark.parametrize(
    "text", ["1" + ",111" * 25_000 + "1", "3" * 100_000, "H2O " * 25_000, "1/" * 50_000, " " * 10**5]
)
def test_hostile_answers_take_no_long_time(text: str) -> None:
    start = time.process_time()
    extract_number(text)
    assert time.process_time() - start < 2.0
