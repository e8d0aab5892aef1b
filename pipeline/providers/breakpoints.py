"""Where a request sets cache breakpoints (protocol sections 1.4 and 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.records import Request


def breakpoints(request: Request) -> Iterator[Mapping[str, Any]]:
    """Every `cache_control` object of `request`, the automatic one of the top level included."""
    yield from _marks([request.params])
    yield from _marks(request.params.get("tools"))
    yield from _marks(request.system)
    for message in request.messages:
        yield from _marks(message["content"])


def _marks(holders: Any) -> Iterator[Mapping[str, Any]]:
    if holders is None or isinstance(holders, str):
        return
    for holder in holders:
        mark = holder.get("cache_control") if isinstance(holder, Mapping) else None
        if isinstance(mark, Mapping):
            yield mark
