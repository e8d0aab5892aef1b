"""What providers themselves say an answer cost, read from their stored usage objects."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

UNITS = {"cost": "usd", "credits_cost": "credits"}
"""Keys of a usage object that tell a cost, and what it is counted in."""
_ANY_KEY = re.compile(rb'cost"')
_NUMBER = r"^\d{1,18}(\.\d{1,30})?([eE]-?0?\d)?$"
_WIDE = pa.decimal256(60, 30)
MONEY = pa.decimal128(38, 12)


def reported_costs(usage_raw: pa.LargeStringArray) -> dict[str, pa.Array]:
    """By unit each usage object's own number; null where there is none, or none that is a plausible amount.

    Where no text has a key at all, which is the rule, it is looked for and nothing is parsed; the answer is empty.
    Rounded to 12 places.
    """
    texts = usage_raw.buffers()[2]
    if texts is None or _ANY_KEY.search(texts) is None:
        return {}
    return {unit: _amounts(usage_raw, key) for key, unit in UNITS.items()}


def _amounts(usage_raw: pa.LargeStringArray, key: str) -> pa.Array:
    import polars as pl

    objects = pl.Series(usage_raw)
    has = pc.fill_null(objects.str.contains(f'"{key}"', literal=True).to_arrow(), False)
    texts = objects.filter(pl.Series(has)).str.json_path_match(f"$.{key}").to_arrow().cast(pa.string())
    plausible = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    exact = pc.if_else(plausible, texts, pa.scalar(None, pa.string())).cast(_WIDE)
    amounts = pc.round(exact, ndigits=12, round_mode="half_to_even").cast(MONEY)
    return pc.replace_with_mask(pa.nulls(len(usage_raw), MONEY), has, amounts)
