"""Where a key stands in a TOML text: tomllib keeps no lines, error messages need them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|([A-Za-z0-9_-]+)')
_ASSIGNMENT = re.compile(
    r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="""
)

Path = tuple[str | int, ...]


def line_of(source: str, path: Sequence[str | int]) -> int | None:
    """Line (from 1) of the key at `path`, or of the nearest table around it; None when nothing is found.

    `path` is what pydantic calls `loc`: keys and positions in arrays of tables. A key inside an inline table
    is found by the line on which that table begins.
    """
    places = _places(source)
    wanted = tuple(path)
    while wanted:
        if wanted in places:
            return places[wanted]
        wanted = wanted[:-1]
    return None


def _places(source: str) -> dict[Path, int]:
    places: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(source.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _enter(counts, _parts(header.group(2)), is_array=header.group(1) == "[[")
            places.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            places.setdefault((*table, *_parts(assignment.group(1))), number)
    return places


def _enter(counts: dict[Path, int], parts: list[str], *, is_array: bool) -> Path:
    """Resolve a table header to a path: a header below an array of tables speaks of its last element."""
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if is_array and position == len(parts) - 1:
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def _parts(dotted: str) -> list[str]:
    return [next(group for group in match.groups() if group is not None) for match in _KEY_PART.finditer(dotted)]
