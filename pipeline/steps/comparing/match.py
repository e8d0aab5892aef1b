"""Which cell of one run stands beside which cell of another: by name, as asked, or because no other is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.core.errors import UsageError
from pipeline.stats.cells import CellKey

How = Literal["same", "asked", "last"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPair:
    """Two cells that are compared, and why these two."""

    a: CellKey
    b: CellKey
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """The cells of two runs, side by side."""

    pairs: tuple[CellPair, ...]
    only_a: tuple[CellKey, ...]
    only_b: tuple[CellKey, ...]


def read_renames(texts: Sequence[str], a: Sequence[CellKey], b: Sequence[CellKey]) -> dict[str, str]:
    """Read `NAME=NAME` of --match: a model or prompt of the first run, and its counterpart in the others.

    A name may itself hold `=`. Raises UsageError for what names nothing, or names one thing twice.
    """
    renames: dict[str, str] = {}
    for text in texts:
        left, right = _split(text, _names(a), _names(b))
        if left in renames or right in renames.values():
            raise UsageError(f"--match {text}: {left!r} or {right!r} is matched twice")
        renames[left] = right
    return renames


def match_cells(a: Sequence[CellKey], b: Sequence[CellKey], renames: dict[str, str]) -> Matching:
    """Match equal names after `renames`; where each run then has one cell left, the two are taken for each other."""
    wanted = {(renames.get(model, model), renames.get(prompt, prompt), params): cell
              for cell in a for model, prompt, params in [cell]}  # fmt: skip
    pairs = [
        CellPair(a=wanted[cell], b=cell, how="same" if wanted[cell] == cell else "asked")
        for cell in b
        if cell in wanted
    ]
    pairs.sort(key=lambda pair: list(a).index(pair.a))
    only_a = [cell for cell in a if cell not in {pair.a for pair in pairs}]
    only_b = [cell for cell in b if cell not in {pair.b for pair in pairs}]
    if len(only_a) == len(only_b) == 1:
        pairs.append(CellPair(a=only_a[0], b=only_b[0], how="last"))
        only_a, only_b = [], []
    return Matching(pairs=tuple(pairs), only_a=tuple(only_a), only_b=tuple(only_b))


def _split(text: str, left_names: Sequence[str], right_names: Sequence[str]) -> tuple[str, str]:
    places = [place for place, sign in enumerate(text) if sign == "="]
    if not places:
        raise UsageError(f"--match {text}: write it as NAME=NAME, a model or prompt of each run")
    for place in places:
        left, right = text[:place], text[place + 1 :]
        if left in left_names and right in right_names:
            return left, right
    raise UsageError(
        f"--match {text}: no model or prompt is called so; the first run has {_listed(left_names)}, "
        f"the other {_listed(right_names)}"
    )


def _names(cells: Sequence[CellKey]) -> list[str]:
    return list(dict.fromkeys([*(cell[0] for cell in cells), *(cell[1] for cell in cells)]))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
