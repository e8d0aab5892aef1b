"""Cells of two runs are matched by name, as asked, or because no other is left; and nothing is guessed beyond that."""

from __future__ import annotations

import pytest

from pipeline.core.errors import UsageError
from pipeline.steps.comparing.match import match_cells, read_renames

OLD, NEW, OTHER = ("old", "p", "{}"), ("new", "p", "{}"), ("other", "p", "{}")


def test_equal_names_are_matched_in_the_order_of_the_first_run() -> None:
    found = match_cells([OLD, OTHER], [OTHER, OLD, NEW], {})
    assert [(pair.a, pair.b, pair.how) for pair in found.pairs] == [(OLD, OLD, "same"), (OTHER, OTHER, "same")]
    assert (found.only_a, found.only_b) == ((), (NEW,))


def test_the_only_ones_left_are_taken_for_each_other() -> None:
    found = match_cells([OTHER, OLD], [NEW, OTHER], {})
    assert [(pair.a, pair.b, pair.how) for pair in found.pairs] == [(OTHER, OTHER, "same"), (OLD, NEW, "last")]
    assert found.only_a == found.only_b == ()


def test_two_left_on_one_side_are_not_guessed() -> None:
    found = match_cells([OLD], [NEW, OTHER], {})
    assert found.pairs == ()
    assert (found.only_a, found.only_b) == ((OLD,), (NEW, OTHER))


def test_cells_are_matched_as_asked_by_model_and_by_prompt() -> None:
    a = [("old", "steps", "{}"), ("old", "brief", "{}")]
    b = [("new", "brief", "{}"), ("new", "steps v2", "{}")]
    renames = read_renames(["old=new", "steps=steps v2"], a, b)
    found = match_cells(a, b, renames)
    assert [(pair.a, pair.b, pair.how) for pair in found.pairs] == [(a[0], b[1], "asked"), (a[1], b[0], "asked")]


def test_a_name_may_hold_the_sign_between_names() -> None:
    assert read_renames(["a=b=c=d"], [("a=b", "p", "{}")], [("c=d", "p", "{}")]) == {"a=b": "c=d"}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["old"], "write it as NAME=NAME"),
        (["old=typo"], "no model or prompt is called so; the first run has 'old', 'p', the other 'new', 'p'"),
        (["old=new", "old=new"], "is matched twice"),
    ],
)
def test_a_match_that_names_nothing_is_refused(texts: list[str], words: str) -> None:
    with pytest.raises(UsageError, match="--match") as raised:
        read_renames(texts, [OLD], [NEW])
    assert words in str(raised.value)
