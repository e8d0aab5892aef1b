"""What truncated, refused, empty and failed answers count as, and how a scorer changes it."""

from __future__ import annotations

import pytest

from pipeline.core.errors import SettingsError
from pipeline.core.records import Better
from pipeline.core.settings import ScorerSettings
from pipeline.score.policy import counts_of


def chosen(better: Better = "higher", **counts: str) -> dict[str, str]:
    return dict(counts_of(ScorerSettings(kind="number", name="n", counts=counts), better))


def test_without_a_choice_bad_answers_are_wrong_and_missing_ones_left_out() -> None:
    assert chosen() == {
        "truncated": "wrong",
        "refused": "wrong",
        "empty": "wrong",
        "error": "left_out",
        "blocked": "left_out",
        "skipped": "left_out",
    }


@pytest.mark.parametrize("better", ["lower", "neither"])
def test_figures_whose_zero_is_not_the_worst_take_bad_answers_as_they_are(better: Better) -> None:
    assert {chosen(better)[status] for status in ("truncated", "refused", "empty")} == {"scored"}
    assert {chosen(better)[status] for status in ("error", "blocked", "skipped")} == {"left_out"}


def test_a_choice_changes_the_statuses_that_it_names() -> None:
    found = chosen(truncated="scored", refused="left_out", error="wrong")
    assert (found["truncated"], found["refused"], found["error"], found["empty"]) == (
        *("scored", "left_out", "wrong", "wrong"),
    )


@pytest.mark.parametrize(
    ("better", "counts", "said"),
    [
        ("higher", {"slow": "wrong"}, "not 'slow'"),
        ("higher", {"empty": "right"}, "wrong, scored, left_out, not 'right'"),
        ("higher", {"error": "scored"}, "no answer to score"),
        ("lower", {"empty": "wrong"}, "not the worst"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(better: Better, counts: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        chosen(better, **counts)
    assert 'scorer "n" (kind number)' in str(caught.value)
