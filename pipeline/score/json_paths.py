"""Places in a JSON value: `buyer.name`, `lines[0].sku`, `["any key"]`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Path = tuple[str | int, ...]
"""Keys of objects and positions in lists, from the outermost one inwards."""

ABSENT: Final = object()
"""Nothing stands at a place; null is something."""

_STEP = re.compile(r'(?:^|\.)(?P<key>[^.\[\]"]+)|\[(?P<position>\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]')


def read_path(text: str) -> Path:
    """Read a path as it is written in settings; raises ValueError."""
    steps: list[str | int] = []
    end = 0
    while end < len(text):
        match = _STEP.match(text, end)
        if match is None:
            raise ValueError(f'{text!r} is no path; write it like buyer.name, lines[0].sku or ["any key"]')
        position, quoted = match["position"], match["quoted"]
        steps.append(int(position) if position else json.loads(quoted) if quoted else match["key"].strip())
        end = match.end()
    if not steps:
        raise ValueError("an empty path names no field")
    return tuple(steps)


def written(path: Path) -> str:
    """A path as `read_path` reads it; the whole value is $."""
    text = "".join(f"[{step}]" if isinstance(step, int) else _key(step) for step in path)
    return text.removeprefix(".") or "$"


def _key(step: str) -> str:
    return f".{step}" if re.fullmatch(r"[^.\[\]\"\s]+", step) else f"[{json.dumps(step, ensure_ascii=False)}]"


def look_up(value: Any, path: Path) -> Any:
    """What stands at `path`; ABSENT when nothing does."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return ABSENT
            value = value[step]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return ABSENT
    return value


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every scalar with its place, and every empty object or list."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for position, inner in enumerate(value):
            yield from leaves(inner, (*path, position))
    else:
        yield path, value
