"""A media reader that reads nothing."""

from __future__ import annotations

from typing import Any


class Links:
    """Takes every value for the address of what it names."""

    def image_source(self, value: Any) -> dict[str, Any]:
        """A URL source."""
        return {"type": "url", "url": value}

    def document_source(self, value: Any) -> dict[str, Any]:
        """A URL source."""
        return {"type": "url", "url": value}
