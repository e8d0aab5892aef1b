"""Where a request sets cache breakpoints (protocol sections 1.4 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.records import Request


def breakpoints(request: Request) -> list[Mapping[str, Any]]:
    """Every `cache_control` object of `request`, the automatic one of the top level included."""
    holders: list[Any] = [request.params]
    for content in (request.params.get("tools"), request.system, *[message["content"] for message in request.messages]):
        if content is not None and not isinstance(content, str):
            holders += content
    marks = [holder.get("cache_control") for holder in holders if isinstance(holder, Mapping)]
    return [mark for mark in marks if isinstance(mark, Mapping)]
