"""Usage as a stream tells it: cumulative, later counts over earlier ones, none of them falling (protocol section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.providers.usage import is_count

_INPUT_COUNTS = frozenset(
    (
        "input_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "ephemeral_5m_input_tokens",
        "ephemeral_1h_input_tokens",
        "prompt_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "prompt_cache_hit_tokens",
    )
)
_OUTPUT_COUNTS = frozenset(("output_tokens", "thinking_tokens", "completion_tokens", "reasoning_tokens"))


class CumulativeUsage:
    """The provider's own usage object as it stands after every event that carried one."""

    __slots__ = ("fields", "rejected")

    def __init__(self) -> None:
        """Start with nothing reported."""
        self.fields: dict[str, Any] | None = None
        self.rejected: set[str] = set()
        """Counts that fell, or were no counts at some point: none of their values can be trusted."""

    def update(self, usage: Any, *, refused: bool = False) -> None:
        """Overwrite what `usage` names and does not leave null; the output of a refusal may fall."""
        if not isinstance(usage, Mapping):
            return
        if self.fields is None:
            self.fields = {}
        for name, value in usage.items():
            if value is None and name in self.fields:
                continue
            self._compare(name, self.fields.get(name), value, refused)
            self.fields[name] = value

    def _compare(self, name: str, before: Any, after: Any, refused: bool) -> None:
        if isinstance(after, Mapping):
            inner = before if isinstance(before, Mapping) else {}
            for key, value in after.items():
                if not isinstance(value, Mapping):
                    self._compare(key, inner.get(key), value, refused)
            return
        if after is None or name not in _INPUT_COUNTS | _OUTPUT_COUNTS:
            return
        may_fall = refused and name in _OUTPUT_COUNTS
        if not is_count(after) or (not may_fall and is_count(before) and after < before):
            self.rejected.add(name)
