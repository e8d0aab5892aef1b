"""Words of every script."""

from __future__ import annotations

import pytest

from pipeline.score.tokens import spaced_tokens, usual_width, word_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The cat's 3.5 mats", ["The", "cat", "s", "3", "5", "mats"]),
        ("서울은 한국의 수도", ["서울은", "한국의", "수도"]),
        ("東京タワーへ行く", [*"東京タワーへ行く"]),
        ("GPT4は𠮷野家", ["GPT4", *"は𠮷野家"]),
        ("naïve हिन्दी", ["naïve", "हिन्दी"]),
        ("一、二。「三」", ["一", "二", "三"]),
        ("a\u3000b", ["a", "b"]),
    ],
)
def test_words_are_found_in_every_script(text: str, tokens: list[str]) -> None:
    assert word_tokens(text) == tokens


def test_spaced_tokens_keep_their_signs() -> None:
    assert spaced_tokens("don't stop, 東京!") == ["don't", "stop,", "東", "京", "!"]


@pytest.mark.parametrize(
    ("wide", "usual"), [("ＡＢＣ１２３", "ABC123"), ("ｶﾞｷﾞ", "ガギ"), ("（Ａ）", "(A)"), ("ﾊﾝ", "ハン")]
)
def test_width_is_brought_to_the_usual_one(wide: str, usual: str) -> None:
    assert usual_width(wide) == usual


def test_other_characters_keep_their_form() -> None:
    assert usual_width("①㎏ﬁ\u3000½") == "①㎏ﬁ\u3000½"
