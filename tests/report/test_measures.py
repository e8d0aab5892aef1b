"""Figures are written in the unit of their metric."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.report.measures import Measure, measure
from tests.support.report import make_cell, make_summary


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def written(found: Measure, value: float, ends: tuple[float, float]) -> tuple[str, str, str, str]:
    return (
        plain(found.value(value)), plain(found.interval(ends)), plain(found.difference(-value)),
        plain(found.difference_interval((-value, value))),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "value", "ends", "words"),
    [
        ({"share": True}, 0.5, (0.4, 0.6), ("50.0 %", "40.0–60.0 %", "−50.0 points", "−50.0 to +50.0")),
        ({}, 0.5, (0.4, 0.6), ("0.500", "0.400–0.600", "−0.500", "−0.500 to +0.500")),
        ({}, 27.65, (27.1, 28.2), ("27.650", "27.100–28.200", "−27.650", "−27.650 to +27.650")),
        (
            {"unit": "ms"},
            1500.0,
            (900.0, 2500.0),
            ("1.50 s", "900 ms–2.50 s", "−1.50 s", "−1.50 s to +1.50 s"),
        ),
        (
            {"unit": "USD"},
            0.0012,
            (0.001, 0.0014),
            ("$0.00120", "$0.00100–$0.00140", "−$0.00120", "−$0.00120 to +$0.00120"),
        ),
        (
            {"unit": "characters"},
            512.25,
            (500.0, 520.0),
            (
                "512.2 characters", "500.0–520.0", "−512.2 characters",
                "−512.2 to +512.2",
            ),
        ),
    ],
)  # fmt: skip
def test_a_figure_is_written_in_its_unit(
    fields: dict[str, Any], value: float, ends: tuple[float, float], words: tuple[str, ...]
) -> None:
    found = Measure(name="m", pass_fail=False, **{"share": False, **fields})
    assert written(found, value, ends) == words


def test_unknown_is_a_dash_in_every_unit() -> None:
    for unit in ("", "ms", "USD", "words"):
        found = Measure(name="m", pass_fail=False, share=False, unit=unit)
        assert {found.value(None), found.interval(None), found.difference(None), found.size(None)} == {"–"}


def test_no_difference_has_no_sign() -> None:
    for unit in ("", "ms", "USD", "words"):
        assert Measure(name="m", pass_fail=False, share=False, unit=unit).difference(0.0)[0] in "0$"


def test_a_metric_of_an_older_summary_is_a_share_where_it_is_pass_fail() -> None:
    summary = make_summary([make_cell("m", "p", 0.5)], [])
    found = measure(summary, "number")
    assert (found.pass_fail, found.share, found.better, found.noun) == (True, True, "higher", "mean")


def test_a_corpus_figure_is_named_as_such() -> None:
    summary = make_summary([], [], metrics={"bleu": {"pass_fail": False, "scale": "number", "corpus": "bleu"}})
    assert measure(summary, "bleu").noun == "corpus BLEU"
