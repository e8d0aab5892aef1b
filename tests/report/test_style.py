"""The pages' colours can be read: WCAG AA contrast in light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pipeline.report.pages

CSS = (Path(pipeline.report.pages.__file__).parent / "assets" / "page.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.S)
)
TEXT = [
    ("ink", "paper"), ("ink", "wash"), ("ink", "accent-wash"), ("paper", "ink"), ("quiet", "paper"), ("quiet", "wash"),
    ("accent", "paper"), ("accent", "wash"), ("ink", "tint-3"), ("quiet", "tint-3"), ("quiet", "tint-1"),
    ("bad", "paper"), ("bad", "wash"), ("warm", "warm-wash"),
]  # fmt: skip
MARKS = [name for name in LIGHT if re.match(r"series-|stop-(?!done-2)", name)]


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_a_contrast_of_four_and_a_half(scheme: dict[str, str]) -> None:
    weak = {pair: contrast(scheme[pair[0]], scheme[pair[1]]) for pair in TEXT}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_of_charts_have_a_contrast_of_three_where_there_is_room(scheme: dict[str, str]) -> None:
    weak = {name: contrast(scheme[name], scheme["paper"]) for name in MARKS}
    assert {name: ratio for name, ratio in weak.items() if ratio < 2.9} == {}


def test_both_schemes_define_the_same_colours() -> None:
    assert set(LIGHT) == set(DARK)
