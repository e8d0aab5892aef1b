"""Token estimates against the planning table of the protocol reference and against Pillow's picture headers."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.image_size import image_size
from pipeline.core.records import Request
from pipeline.core.tokens import estimate_request_tokens, estimate_tokens, image_tokens

ENGLISH = (
    "The harbour was quiet before sunrise, and the fishermen mended their nets without a word. Someone had left a "
    "lantern burning on the pier; its light moved with the tide. By seven o'clock the market would be loud again, "
    "full of buyers who had driven down from the hills. For now there was only the sound of rope against wood."
)
KOREAN = (
    "해가 뜨기 전 항구는 조용했고 어부들은 말없이 그물을 손질했다. 누군가 부두에 등불을 켜 두었고, 그 빛은 물결을 따라 "
    "흔들렸다. 일곱 시가 되면 시장은 다시 시끄러워질 것이다. 지금은 나무에 닿는 밧줄 소리만 들렸다."
)
PYTHON = '''
def moving_average(values: list[float], width: int) -> list[float]:
    """Mean of each window of `width` values."""
    if width < 1:
        raise ValueError(f"width must be at least 1, not {width}")
    totals = list(accumulate(values, initial=0.0))
    return [(totals[i + width] - totals[i]) / width for i in range(len(values) - width + 1)]
'''
INDENTED_JSON = json.dumps(
    [{"id": i, "name": f"station {i}", "active": i % 2 == 0, "tags": ["river", "gauge"]} for i in range(8)], indent=2
)

# Characters per token: planning values for Claude up to 4.6, and from 4.7 on.
TABLE = [
    ("English", ENGLISH, (3.4, 4.0), (2.5, 3.1)),
    ("Korean", KOREAN, (1.0, 1.2), (0.78, 0.93)),
    ("Python", PYTHON, (2.7, 3.7), (2.1, 2.9)),
    ("JSON", INDENTED_JSON, (2.1, 3.2), (1.6, 2.5)),
]


@pytest.mark.parametrize(("_", "text", "plain", "dense"), TABLE, ids=[row[0] for row in TABLE])
def test_characters_per_token_are_those_of_the_planning_table(
    _: str, text: str, plain: tuple[float, float], dense: tuple[float, float]
) -> None:
    assert plain[0] <= len(text) / estimate_tokens(text) <= plain[1]
    assert dense[0] <= len(text) / estimate_tokens(text, dense=True) <= dense[1]


def test_recorded_korean_and_mixed_text_match_the_table(shared: Path) -> None:
    rows = json.loads((shared / "datasets/klue/klue-nli-v1.1_dev.json").read_text("utf-8"))
    korean = " ".join(row["premise"] for row in rows[:500])
    mixed = next((shared / "seeds").glob("000_*.txt")).read_text("utf-8")
    assert 1.0 <= len(korean) / estimate_tokens(korean) <= 1.2
    assert 1.7 <= len(mixed) / estimate_tokens(mixed) <= 2.3


def test_nothing_is_no_tokens_and_anything_is_at_least_one() -> None:
    assert estimate_tokens("") == 0
    assert [estimate_tokens(text) for text in ("a", " ", "7", "한", "\ud83d", "\x00")] == [1, 1, 1, 2, 2, 1]


@given(st.text(), st.text())
def test_estimates_grow_with_the_text_and_add_up(first: str, second: str) -> None:
    whole = estimate_tokens(first + second)
    parts = estimate_tokens(first) + estimate_tokens(second)
    assert max(estimate_tokens(first), estimate_tokens(second)) <= whole <= parts
    assert parts - whole <= 1
    assert whole <= estimate_tokens(first + second, dense=True)


@given(st.characters(codec="utf-8"))
def test_every_character_has_a_weight(character: str) -> None:
    assert 8 <= estimate_tokens(character * 100) <= 250


# Examples of the protocol reference, then the bounds of both generations.
IMAGES = [
    ((1000, 1000), 1296, 1296),
    ((1920, 1080), 1560, 2691),
    ((28, 28), 1, 1),
    ((29, 28), 2, 2),
    ((1, 1), 1, 1),
]


@pytest.mark.parametrize(("size", "plain", "dense"), IMAGES)
def test_picture_tokens_are_those_of_the_reference(size: tuple[int, int], plain: int, dense: int) -> None:
    assert (image_tokens(*size), image_tokens(*size, dense=True)) == (plain, dense)


@given(st.integers(1, 8000), st.integers(1, 8000))
def test_no_picture_costs_more_than_the_cap(width: int, height: int) -> None:
    assert 1 <= image_tokens(width, height) <= 1568
    assert 1 <= image_tokens(width, height, dense=True) <= 4784


def encoded(size: tuple[int, int], kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(out, kind, **options)
    return out.getvalue()


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("GIF", {}),
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("JPEG", {"comment": b"x" * 60_000}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("WEBP", {"exif": b"Exif\x00\x00data"}),
]


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize("size", [(640, 360), (33, 1001), (1, 1)])
def test_a_pictures_size_is_read_from_its_header(kind: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    data = encoded(size, kind, **options)
    assert image_size(data) == size
    source = {"type": "base64", "media_type": f"image/{kind.lower()}", "data": base64.b64encode(data).decode()}
    request = Request(messages=({"role": "user", "content": [{"type": "image", "source": source}]},))
    assert estimate_request_tokens(request) == image_tokens(*size) + 4


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG", "WEBP"])
def test_a_picture_cut_short_anywhere_is_no_error(kind: str) -> None:
    data = encoded((640, 360), kind)
    assert {image_size(data[:end]) for end in range(64)} <= {None, (640, 360)}
    assert image_size(b"BM" + data) is None


@given(
    st.binary(max_size=64),
    st.sampled_from([b"\xff\xd8", b"RIFF\0\0\0\0WEBPVP8X", b"\x89PNG\r\n\x1a\n", b"GIF89a", b""]),
)
def test_noise_is_never_an_error(noise: bytes, start: bytes) -> None:
    size = image_size(start + noise)
    assert size is None or min(size) > 0


def ask(*content: Any, system: Any = None, **params: Any) -> Request:
    return Request(messages=tuple({"role": "user", "content": part} for part in content), system=system, params=params)


def test_a_request_is_its_texts_and_four_tokens_per_message() -> None:
    text = estimate_tokens(ENGLISH)
    assert abs(estimate_request_tokens(ask(ENGLISH, ENGLISH, system=ENGLISH)) - (3 * text + 8)) <= 2
    blocks = [{"type": "text", "text": ENGLISH}]
    assert estimate_request_tokens(ask(blocks, system=tuple(blocks))) == estimate_request_tokens(
        ask(ENGLISH, system=ENGLISH)
    )
    dense = estimate_request_tokens(ask(ENGLISH), dense=True)
    assert dense - 4 == estimate_tokens(ENGLISH, dense=True)


TOOLS = [{"name": "look", "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}}}]


@pytest.mark.parametrize(
    ("choice", "dense", "hidden"),
    [
        (None, False, 496),
        ("auto", False, 496),
        ("any", False, 588),
        ("tool", False, 588),
        ("auto", True, 354),
        ("any", True, 474),
    ],
)
def test_tools_cost_their_schema_and_a_hidden_prompt(choice: str | None, dense: bool, hidden: int) -> None:
    params = {"tools": TOOLS} if choice is None else {"tools": TOOLS, "tool_choice": {"type": choice}}
    extra = estimate_request_tokens(ask("hi", **params), dense=dense) - estimate_request_tokens(ask("hi"), dense=dense)
    assert hidden + 20 <= extra <= hidden + 80


COUNTED: list[tuple[dict[str, Any], int, int]] = [
    ({"type": "tool_use", "id": "t", "name": "look", "input": {"q": ENGLISH}}, 85, 150),
    ({"type": "tool_result", "tool_use_id": "t", "content": ENGLISH}, 80, 100),
    ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": ENGLISH}]}, 80, 100),
    ({"type": "document", "source": {"type": "text", "data": ENGLISH}}, 80, 100),
    ({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": ENGLISH}]}}, 80, 100),
    ({"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}, 3000, 5000),
    ({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}, 1600, 1604),
    ({"type": "image", "source": {"type": "base64", "data": "not base64 at all!"}}, 1600, 1604),
    ({"type": "thinking", "thinking": ENGLISH, "signature": "s" * 500}, 0, 4),
]


@pytest.mark.parametrize(("block", "least", "most"), COUNTED, ids=[case[0]["type"] for case in COUNTED])
def test_each_kind_of_block_is_counted(block: dict[str, Any], least: int, most: int) -> None:
    assert least <= estimate_request_tokens(ask([block])) <= most


def test_an_output_schema_is_counted() -> None:
    schema = {"output_config": {"format": {"type": "json_schema", "schema": TOOLS[0]["input_schema"]}}}
    assert estimate_request_tokens(ask("hi", **schema)) > estimate_request_tokens(ask("hi")) + 15
