"""Response headers: looked up without regard to case, whatever mapping the transport hands over."""

from __future__ import annotations

from collections.abc import Mapping

REQUEST_ID_NAMES = ("request-id", "x-request-id", "x-oneapi-request-id", "x-generation-id")


def fold(headers: Mapping[str, str]) -> dict[str, str]:
    """Copy with lower-case names."""
    return {name.lower(): value for name, value in headers.items()}


def request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's name for this request, under any of the usual header names."""
    for name in REQUEST_ID_NAMES:
        if found := headers.get(name):
            return found
    if type(headers) is not dict:
        return None  # a case-insensitive mapping has been asked already
    folded = fold(headers)
    return next((folded[name] for name in REQUEST_ID_NAMES if folded.get(name)), None)
