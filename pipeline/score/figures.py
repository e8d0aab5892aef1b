"""What a scorer's values are: which way is better, in what unit, on what scale, and how a cell's figure is made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pipeline.core.records import Better, Corpus, Scale

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
NO_COLUMNS: frozenset[str] = frozenset()


class _Share:
    """Values are part of a whole, and more is better; the answer and its reference tell them."""

    __slots__ = ()
    better: ClassVar[Better] = "higher"
    unit: ClassVar[str] = ""
    scale: ClassVar[Scale] = "share"
    corpus: ClassVar[Corpus | None] = None
    corpus_options: ClassVar[Mapping[str, Any]] = NO_OPTIONS

    @property
    def row_columns(self) -> frozenset[str] | None:
        """The answer and its reference are enough."""
        return NO_COLUMNS


class PassFail(_Share):
    """Values are 0 or 1; a cell's figure is the share of answers that passed."""

    __slots__ = ()
    graded: ClassVar[bool] = False


class GradedShare(_Share):
    """Values lie anywhere from 0 to 1; a cell's figure is their mean."""

    __slots__ = ()
    graded: ClassVar[bool] = True
