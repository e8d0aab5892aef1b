"""What an address asks of the explorer is read or refused."""

from __future__ import annotations

import pytest

from pipeline.steps.browsing.query import Query
from pipeline.view.address import count_of, query_of


def test_an_address_without_wishes_asks_for_everything_failures_first() -> None:
    assert query_of({}) == Query()


def test_every_wish_is_read() -> None:
    wishes = {
        "model": "한국어-모델", "prompt": "p", "params": "temperature 0.4", "status": "ok", "stop": "end_turn",
        "scorer": "s", "outcome": "wrong", "low": "-0.5", "high": "1e3", "differ": "1", "text": " a b ", "sort": "cost",
    }  # fmt: skip
    assert query_of(wishes) == Query(
        model="한국어-모델", prompt="p", params="temperature 0.4", status="ok", stop="end_turn", scorer="s",
        outcome="wrong", low=-0.5, high=1000.0, differ=True, text="a b", sort="cost",
    )  # fmt: skip


@pytest.mark.parametrize("wishes", [{"low": "x"}, {"high": "nan"}, {"low": "1,5"}])
def test_a_bound_that_is_no_number_is_refused(wishes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        query_of(wishes)


@pytest.mark.parametrize("text", ["-1", "x", "9" * 40, "1.5"])
def test_a_count_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        count_of({"offset": text}, "offset", 0)


def test_a_text_is_cut_where_no_one_would_write_more() -> None:
    assert len(query_of({"text": "x" * 5_000}).text) == 1_000
