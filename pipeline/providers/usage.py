"""Token counts from the wire: whole, plausible, in classes that never overlap (protocol 2, 10)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from pipeline.core.records import Usage

MAX_TOKENS = 10**12
"""More than any request can use: a larger count is a mistake of the server."""

_NOTHING: Mapping[str, Any] = {}


def is_count(value: Any) -> bool:
    """Tell a plausible number of tokens from everything else."""
    if type(value) is int:
        return 0 <= value <= MAX_TOKENS
    return type(value) is float and value.is_integer() and 0 <= value <= MAX_TOKENS


class _Counts:
    """Reads counts and remembers whether one was nonsense."""

    __slots__ = ("_distrusted", "rejected")

    def __init__(self, distrusted: Container[str] = ()) -> None:
        self.rejected = False
        self._distrusted = distrusted

    def read(self, source: Mapping[str, Any], name: str) -> int | None:
        """Return a count; None when absent, null, or rejected."""
        value = source.get(name)
        if value is None:
            return None
        if name not in self._distrusted and is_count(value):
            return int(value)
        self.rejected = True
        return None


def messages_usage(
    raw: Any, bill: Mapping[str, Any], *, cache_ttl: str = "5m", distrusted: Container[str] = ()
) -> Usage:
    """Read a Messages usage object. Cache writes without a split are booked as writes for `cache_ttl`.

    A cache count that is rejected leaves the input unknown too, so that no cost is made up from the rest.
    `distrusted` names counts that are rejected whatever they say.
    """
    if not isinstance(raw, dict):
        return Usage(raw=bill or None)
    counts = _Counts(distrusted)
    read = counts.read(raw, "cache_read_input_tokens")
    written = counts.read(raw, "cache_creation_input_tokens")
    split = raw.get("cache_creation")
    write_5m, write_1h = _split_writes(written, split if isinstance(split, dict) else _NOTHING, counts, cache_ttl)
    input_tokens = None if counts.rejected else counts.read(raw, "input_tokens")
    output_tokens = counts.read(raw, "output_tokens")
    thinking = counts.read(_object(raw, "output_tokens_details"), "thinking_tokens")
    known = not counts.rejected and input_tokens is not None and output_tokens is not None
    return Usage(
        input_tokens=input_tokens,
        cache_read_tokens=read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        output_tokens=output_tokens,
        thinking_tokens=thinking,
        source="reported" if known else "missing",
        raw={**bill, **raw} if bill else raw,
    )


def chat_usage(raw: Any, bill: Mapping[str, Any], *, distrusted: Container[str] = ()) -> Usage:
    """Read a chat-completions usage object: what was cached is taken out of the prompt.

    Where `total_tokens` shows that reasoning is counted beside the completion, it is added to the output.
    """
    if not isinstance(raw, dict):
        return Usage(raw=bill or None)
    counts = _Counts(distrusted)
    details = _object(raw, "prompt_tokens_details")
    read = counts.read(details, "cached_tokens")
    if read is None:
        read = counts.read(raw, "prompt_cache_hit_tokens")  # DeepSeek
    written = counts.read(details, "cache_write_tokens")
    prompt = counts.read(raw, "prompt_tokens")
    fresh = None if counts.rejected or prompt is None else prompt - (read or 0) - (written or 0)
    if fresh is not None and fresh < 0:
        counts.rejected, fresh = True, None
    completion = counts.read(raw, "completion_tokens")
    reasoning = counts.read(_object(raw, "completion_tokens_details"), "reasoning_tokens")
    output = _with_reasoning(prompt, completion, reasoning, raw.get("total_tokens"))
    known = not counts.rejected and fresh is not None and output is not None
    return Usage(
        input_tokens=fresh,
        cache_read_tokens=read,
        cache_write_5m_tokens=written,
        output_tokens=output,
        thinking_tokens=reasoning,
        source="reported" if known else "missing",
        raw={**bill, **raw} if bill else raw,
    )


def _split_writes(
    written: int | None, split: Mapping[str, Any], counts: _Counts, cache_ttl: str
) -> tuple[int | None, int | None]:
    write_5m = counts.read(split, "ephemeral_5m_input_tokens")
    write_1h = counts.read(split, "ephemeral_1h_input_tokens")
    rest = 0 if written is None else written - (write_5m or 0) - (write_1h or 0)
    named = write_5m is not None or write_1h is not None
    if written is None or rest < 0 or (rest == 0 and named):
        return write_5m, write_1h
    if cache_ttl == "1h":
        return write_5m, (write_1h or 0) + rest
    return (write_5m or 0) + rest, write_1h


def _with_reasoning(prompt: int | None, completion: int | None, reasoning: int | None, total: Any) -> int | None:
    if prompt is None or completion is None or not reasoning:
        return completion
    return completion + reasoning if total == prompt + completion + reasoning else completion


def _object(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = source.get(name)
    return value if isinstance(value, dict) else _NOTHING
