"""Names in right-to-left scripts keep to themselves: words and figures after them stay where they were written."""

from __future__ import annotations

import pytest

from pipeline.report.isolate import isolated


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sonnet leads by 3 points.", "sonnet leads by 3 points."),
        ("한국어 模型 (83.9 %)", "한국어 模型 (83.9 %)"),
        ("نموذج-جدا-20250929 (83.9 %)", "<bdi>نموذج-جدا-20250929</bdi> (83.9 %)"),
        ("prompt “أجب باختصار”, 4 rows", "prompt “<bdi>أجب باختصار</bdi>”, 4 rows"),
        ("مרחב · أجب and עברית: 2", "<bdi>مרחב</bdi> · <bdi>أجب</bdi> and <bdi>עברית</bdi>: 2"),
        ("<b>أجب</b>\u202e", "&lt;b&gt;<bdi>أجب</bdi>&lt;/b&gt;⟨U+202E⟩"),
    ],
)
def test_only_runs_of_right_to_left_text_are_isolated(text: str, shown: str) -> None:
    assert str(isolated(text)) == shown


def test_a_long_run_is_one() -> None:
    text = "א-" * 50_000 + "!"
    assert str(isolated(text)).count("<bdi>") == 1
