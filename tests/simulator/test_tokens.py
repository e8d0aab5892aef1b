"""The simulator's tokenizer counts and cuts alike; images cost their tiles."""

from __future__ import annotations

import base64
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.simulator import catalog, images, tokens


@given(st.text(), st.integers(0, 50), st.sampled_from([1.0, 1.3]))
def test_a_cut_text_is_a_prefix_within_the_limit(text: str, limit: int, per_piece: float) -> None:
    kept = tokens.cut(text, limit, per_piece)
    assert text.startswith(kept)
    assert tokens.count(kept, per_piece) <= limit
    assert kept == text or tokens.count(text, per_piece) > limit or limit == 0


def test_counts_are_near_the_published_characters_per_token() -> None:
    english = "The farmer sold seven of the remaining sheep at the market before the rain began to fall. " * 20
    korean = "농부는 비가 내리기 전에 시장에서 남은 양 일곱 마리를 팔았습니다. " * 20
    assert 3.2 < len(english) / tokens.count(english) < 4.8
    assert 1.0 < len(korean) / tokens.count(korean) < 1.4
    assert tokens.count(english, 1.3) == pytest.approx(1.3 * tokens.count(english), abs=1)


OLDER = {"longest_edge": 1_568, "most_tokens": 1_568}
NEWER = {"longest_edge": 2_576, "most_tokens": 4_784}


@pytest.mark.parametrize(
    ("size", "limits", "expected"),
    [
        ((1000, 1000), OLDER, 1296),
        ((1920, 1080), OLDER, 1560),
        ((1920, 1080), NEWER, 2691),
        ((28, 29), OLDER, 2),
        ((3136, 28), OLDER, 56),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF"])
def test_images_cost_their_tiles(form: str, size: tuple[int, int], limits: dict[str, int], expected: int) -> None:
    data = io.BytesIO()
    Image.new("L", size).save(data, form)
    assert images.token_count(base64.b64encode(data.getvalue()).decode(), **limits) == expected


def test_an_unreadable_image_costs_the_most() -> None:
    for data in ("", "AAAA", "@@@@", base64.b64encode(b"\xff\xd8\xff").decode()):
        assert images.token_count(data, **OLDER) == 1_568


def test_the_table_knows_the_documented_models_and_their_limits() -> None:
    cards = catalog.load().by_id
    documented = {
        "claude-haiku-4-5-20251001": (200_000, 64_000, True),
        "claude-sonnet-4-5-20250929": (200_000, 64_000, True),
        "claude-opus-4-1-20250805": (200_000, 32_000, True),
        "claude-opus-4-1-20250805-thinking": (200_000, 32_000, True),
        "claude-sonnet-4-5-20250929-thinking": (200_000, 64_000, True),
        "anthropic/claude-opus-4.6": (1_000_000, 128_000, False),
        "anthropic/claude-sonnet-4.5": (200_000, 64_000, True),
        "anthropic/claude-haiku-4.5": (200_000, 64_000, True),
        "claude-opus-4-5-20251101": (200_000, 64_000, True),
        "claude-sonnet-5-5": (1_000_000, 128_000, False),
        "claude-fable-5": (1_000_000, 128_000, False),
    }
    for model, limits in documented.items():
        card = cards[model]
        assert (card.window, card.max_output, card.prefill) == limits, model
