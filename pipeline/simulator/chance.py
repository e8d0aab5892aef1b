"""Reproducible chance: numbers that depend on the named parts and on nothing else."""

from __future__ import annotations

import random
from hashlib import blake2b
from statistics import NormalDist

_SPAN = 2**64
_STANDARD_NORMAL = NormalDist()


def whole(*parts: object) -> int:
    """Draw a number below 2**64."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def unit(*parts: object) -> float:
    """Draw uniformly from [0, 1)."""
    return (whole(*parts) >> 11) / (_SPAN >> 11)


def normal(*parts: object) -> float:
    """Draw from the standard normal distribution."""
    return _STANDARD_NORMAL.inv_cdf((whole(*parts) + 0.5) / (_SPAN + 1))


def generator(*parts: object) -> random.Random:
    """Make a generator for several draws."""
    return random.Random(whole(*parts))


def token(length: int, *parts: object) -> str:
    """Draw `length` hexadecimal digits (at most 64), for identifiers."""
    text = "\x1f".join(map(str, parts))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()[:length]
