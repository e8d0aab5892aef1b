"""Templates against columns: every name a template or a scorer asks for and the dataset does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol


class UsesColumns(Protocol):
    """A compiled template that knows which columns it needs."""

    @property
    def path(self) -> str:
        """Where it stands."""
        ...

    @property
    def column_lines(self) -> Mapping[str, int]:
        """Each column it needs, with the line that asks for it."""
        ...


def missing_columns(templates: Iterable[UsesColumns], columns: Sequence[str]) -> list[str]:
    """One sentence for each column that is asked for and not there, with file and line."""
    return [
        f"{template.path}:{line}: no column {name!r}{_nearest(name, columns)}"
        for template in templates
        for name, line in sorted(template.column_lines.items(), key=lambda item: (item[1], item[0]))
        if name not in columns
    ]


def _nearest(name: str, columns: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, columns, n=1)
    listing = f"the dataset has {', '.join(columns)}"
    return f"; did you mean {close[0]!r}? ({listing})" if close else f"; {listing}"
