"""Puts a Messages stream together: the message that a whole body would have been (protocol section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pipeline.core.records import Block, Response, Usage
from pipeline.providers.body import UnreadableBody, join_text, parse_json, without_surrogates
from pipeline.providers.envelope import Answer, DisguisedError
from pipeline.providers.messages_response import read_message
from pipeline.providers.stream_usage import CumulativeUsage
from pipeline.providers.usage import messages_usage

_FINAL_FIELDS = ("stop_reason", "stop_sequence", "stop_details", "container")
_GROWING = {"text_delta": "text", "thinking_delta": "thinking"}
"""Deltas that append to the field of the same name."""


class MessagesAssembly:
    """The events of one Messages answer.

    Unknown events and deltas are skipped, unknown blocks kept as they came. A refusal takes back what was written.
    """

    def __init__(self, cache_ttl: str) -> None:
        """Expect `message_start`; cache writes without a split count as writes for `cache_ttl`."""
        self._cache_ttl = cache_ttl
        self._message: dict[str, Any] = {}
        self._bill: dict[str, Any] = {}
        self._usage = CumulativeUsage()
        self._output_reported = False
        self._blocks: dict[int, _Block] = {}
        self._latest = -1
        self._handlers: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "message_start": self._start,
            "content_block_start": self._start_block,
            "content_block_delta": self._extend_block,
            "message_delta": self._conclude,
            "message_stop": self._stop,
        }
        self.done = False
        self.has_token = False
        self.characters = 0

    def matters(self, name: str | None) -> bool:
        """Whether an event of this name can carry a part of the answer."""
        return name is None or name == "message" or name in self._handlers

    def take(self, name: str | None, event: Answer) -> DisguisedError | None:
        """Add one event, named by its data or else by its `event:` field."""
        body = event.body
        kind = body.get("type")
        kind = kind if isinstance(kind, str) else name
        if kind == "error":
            return DisguisedError(body)
        self._bill.update(event.bill)
        handle = self._handlers.get(kind or "")
        if handle is not None:
            handle(body)
        return None

    def answer(self, request_id: str | None, *, at_end_mark: bool) -> Response | None:
        """Read the message; None before `message_stop`, or before a stop reason where the stream just ended."""
        reason = self._message.get("stop_reason")
        begun = bool(self._message or self._blocks)
        if not begun or not (self.done or (isinstance(reason, str) and reason)):
            return None
        flags = [] if self.done else ["no_message_stop"]
        content = [self._blocks[index].finish() for index in sorted(self._blocks)]
        if reason == "refusal" and content:
            content = []
            flags.append("text_discarded")
        if not self._output_reported:
            flags.append("no_output_count")
        if self._usage.rejected:
            flags.append("usage_rejected")
        message = without_surrogates({**self._message, "content": content, "usage": self._usage.fields})
        found = read_message(Answer(message, self._bill), request_id, read_usage=self._read_usage)
        return None if found is None else replace(found, flags=tuple(flags))

    def usage(self) -> Usage | None:
        """What has been reported so far; the output only once the stream gave a count of its own."""
        return None if self._usage.fields is None else self._read_usage(self._usage.fields, self._bill)

    def _read_usage(self, raw: Any, bill: Mapping[str, Any]) -> Usage:
        # message_start holds a first count of the output, which says nothing about the whole.
        distrusted = self._usage.rejected if self._output_reported else self._usage.rejected | {"output_tokens"}
        return messages_usage(raw, bill, cache_ttl=self._cache_ttl, distrusted=distrusted)

    def _start(self, event: Mapping[str, Any]) -> None:
        message = event.get("message")
        if isinstance(message, dict):
            self._message = {**message, **dict.fromkeys(("stop_reason", "stop_sequence"))}
            self._usage.update(message.get("usage"))

    def _start_block(self, event: Mapping[str, Any]) -> None:
        block = event.get("content_block")
        if not isinstance(block, dict):
            return
        self._latest = self._index(event, self._latest + 1)
        self._blocks[self._latest] = _Block(block)
        text = block.get("text")
        self._count(text if isinstance(text, str) else "")
        if text or block.get("type") not in ("text", "thinking"):
            self.has_token = True

    def _extend_block(self, event: Mapping[str, Any]) -> None:
        delta = event.get("delta")
        if not isinstance(delta, dict):
            return
        index = self._index(event, self._latest)
        block = self._blocks.get(index)
        if block is None:
            field = _GROWING.get(str(delta.get("type")))
            if field is None:
                return
            block = self._blocks[index] = _Block({"type": field, field: ""})
            self._latest = index
        added = block.extend(delta)
        if added:
            self.has_token = True
        if delta.get("type") == "text_delta":
            self._count(added)

    def _conclude(self, event: Mapping[str, Any]) -> None:
        delta = event.get("delta")
        if isinstance(delta, dict):
            self._message.update((name, delta[name]) for name in _FINAL_FIELDS if delta.get(name) is not None)
        usage = event.get("usage")
        self._usage.update(usage, refused=self._message.get("stop_reason") == "refusal")
        if isinstance(usage, Mapping) and usage.get("output_tokens") is not None:
            self._output_reported = True

    def _stop(self, event: Mapping[str, Any]) -> None:
        self.done = True

    def _count(self, text: str) -> None:
        self.characters += len(text)

    @staticmethod
    def _index(event: Mapping[str, Any], otherwise: int) -> int:
        index = event.get("index")
        return index if isinstance(index, int) else otherwise


class _Block:
    """One content block while it grows."""

    __slots__ = ("_block", "_parts")

    def __init__(self, block: Block) -> None:
        self._block = block
        self._parts: dict[str, list[str]] = {}

    def extend(self, delta: Mapping[str, Any]) -> str:
        """Add a delta; returns the content that it carried, empty for an unknown one."""
        kind = delta.get("type")
        if kind == "signature_delta":
            self._block["signature"] = delta.get("signature")
        elif kind == "citations_delta":
            self._block["citations"] = [*(self._block.get("citations") or ()), delta.get("citation")]
        elif kind == "input_json_delta":
            return self._append("input", delta.get("partial_json"))
        elif kind in _GROWING:
            return self._append(_GROWING[kind], delta.get(_GROWING[kind]))
        return ""

    def finish(self) -> Block:
        """Return the block as a whole body would have it."""
        for field, parts in self._parts.items():
            if field == "input":
                self._block["input"] = _tool_input(join_text(parts), self._block.get("input"))
            else:
                start = self._block.get(field)
                self._block[field] = join_text([start if isinstance(start, str) else "", *parts])
        self._parts = {}
        return self._block

    def _append(self, field: str, part: Any) -> str:
        if not isinstance(part, str):
            return ""
        self._parts.setdefault(field, []).append(part)
        return part


def _tool_input(text: str, at_start: Any) -> Any:
    if not text.strip():
        return {} if at_start is None else at_start
    try:
        return parse_json(text.encode("utf-8"))
    except UnreadableBody:
        return text  # cut off by max_tokens, or malformed: kept as it came, for the scorer to judge
