"""What providers themselves say an answer cost, read from their stored usage objects."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

UNITS = {"cost": "usd", "credits_cost": "credits"}
"""Keys of a usage object that tell a cost, and what it is counted in."""
_NUMBER = r"^\d{1,18}(\.\d{1,30})?([eE]-?0?\d)?$"
_WIDE = pa.decimal256(60, 30)
MONEY = pa.decimal128(38, 12)


def reported_costs(usage_raw: pa.Array, key: str) -> pa.Array:
    """Each usage object's own number under `key`; null where there is none, or none that is a plausible amount.

    Only the objects whose text contains the key are read at all. Rounded to 12 places.
    """
    has = pc.fill_null(pc.match_substring(usage_raw, f'"{key}"'), False)
    if not pc.any(has).as_py():
        return pa.nulls(len(usage_raw), MONEY)
    import polars as pl

    texts = pl.Series(usage_raw.filter(has)).str.json_path_match(f"$.{key}").to_arrow().cast(pa.string())
    plausible = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    exact = pc.if_else(plausible, texts, pa.scalar(None, pa.string())).cast(_WIDE)
    amounts = pc.round(exact, ndigits=12, round_mode="half_to_even").cast(MONEY)
    return pc.replace_with_mask(pa.nulls(len(usage_raw), MONEY), has, amounts)
