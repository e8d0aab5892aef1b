"""Wrong answers are never right and always plausible."""

from __future__ import annotations

import random
import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulator.slips import slipped_number, wrong_answer

SEEDS = st.integers(0, 2**32)


@given(st.integers(-(10**9), 10**9), SEEDS)
def test_a_slipped_integer_is_another_integer_of_like_size(number: int, seed: int) -> None:
    text = slipped_number(str(number), "Tom has 3 and 15 and 240.", random.Random(seed))
    assert re.fullmatch(r"-?\d+", text)
    assert int(text) != number
    assert abs(int(text)) <= 10 * abs(number) + 250
    assert number < 0 or int(text) >= 0


@given(st.decimals(0, 10**6, places=2), SEEDS)
def test_a_slipped_amount_keeps_its_decimals(number: Decimal, seed: int) -> None:
    text = slipped_number(str(number), "", random.Random(seed))
    assert re.fullmatch(r"\d+\.\d\d", text)
    assert Decimal(text) != number


@given(st.integers(1_000, 10**9), SEEDS)
def test_units_and_grouping_stay(number: int, seed: int) -> None:
    text = wrong_answer(f"${number:,} per day", "", labels=(), alternatives=(), rng=random.Random(seed))
    assert re.fullmatch(r"\$\d{1,3}(,\d{3})* per day", text)
    assert text != f"${number:,} per day"


def test_labels_stay_in_their_set_and_texts_come_from_other_rows() -> None:
    rng = random.Random(1)
    labels = ("A", "B", "C")
    assert {wrong_answer("B", "", labels=labels, alternatives=labels, rng=rng) for _ in range(50)} == {"A", "C"}
    others = ("Paris", "Rome")
    assert wrong_answer("Paris", "", labels=(), alternatives=others, rng=rng) == "Rome"
    assert wrong_answer("Paris", "", labels=(), alternatives=("Paris",), rng=rng) != "Paris"
