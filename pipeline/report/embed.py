"""Packs samples into a page: lines of JSON, compressed while there is room, as text that is inert in HTML."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.report.encode import plain_json
from pipeline.report.payload import as_payload
from pipeline.report.view import Sample

PACKED_BYTES = 3_500_000
"""What the samples may take of a page, as base64; the chart library and all else stay well below 1.5 MB."""
UNPACKED_BYTES = 64 * 1024 * 1024
"""What a browser has to hold."""
_CHUNK_BYTES = 64 * 1024
_SHARED_FROM = 40
_LEVEL = 6  # of zlib: 9 takes twice the time for 4 % less
_EMPTY_LAST_BLOCK = b"\x03\x00"  # ends a stream of RFC 1951 after a sync flush


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Samples as a page carries them."""

    data: str
    """Base64 of a raw deflate stream (RFC 1951) of lines: a sample, or an array of texts that later lines refer to."""
    samples: int


def pack(samples: Iterable[Sample], limit_bytes: int = PACKED_BYTES, unpacked_bytes: int = UNPACKED_BYTES) -> Packed:
    """Pack the first samples that fit; not one more is read.

    A text that several samples share (the same prompt asked of several models) is packed once.
    """
    packer = _Packer()
    room = limit_bytes * 3 // 4
    for sample in samples:
        packer.add(sample)
        if packer.waiting < _CHUNK_BYTES:
            continue
        packer.flush()
        if packer.size > room or packer.unpacked > unpacked_bytes:
            return packer.finished_before()
    packer.flush()
    return packer.finished_before() if packer.size > room or packer.unpacked > unpacked_bytes else packer.finished()


class _Packer:
    """A stream that can be ended at any flush."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._pieces: list[bytes] = []
        self._counts: list[int] = []
        self._shared: dict[str, int] = {}
        self._piece = b""
        self.count = 0
        self.size = len(_EMPTY_LAST_BLOCK)
        self.waiting = 0
        self.unpacked = 0

    def add(self, sample: Sample) -> None:
        texts: list[str] = []
        entry = as_payload(sample)
        entry["turns"] = [self._referring(turn, texts) for turn in entry["turns"]]
        for line in ([texts] if texts else []) + [entry]:
            data = plain_json(line) + b"\n"
            self._piece += self._stream.compress(data)
            self.waiting += len(data)
        self.count += 1

    def flush(self) -> None:
        self._pieces.append(self._piece + self._stream.flush(zlib.Z_SYNC_FLUSH))
        self._counts.append(self.count)
        self.size += len(self._pieces[-1])
        self.unpacked += self.waiting
        self._piece, self.waiting = b"", 0

    def finished(self) -> Packed:
        if not self._counts or not self._counts[-1]:
            return Packed(data="", samples=0)
        data = b"".join(self._pieces) + _EMPTY_LAST_BLOCK
        return Packed(data=base64.b64encode(data).decode(), samples=self._counts[-1])

    def finished_before(self) -> Packed:
        """Without what the last flush added."""
        self._pieces.pop()
        self._counts.pop()
        return self.finished()

    def _referring(self, turn: dict[str, Any], texts: list[str]) -> dict[str, Any]:
        text = turn["text"]
        if len(text) < _SHARED_FROM:
            return turn
        if text not in self._shared:
            self._shared[text] = len(self._shared)
            texts.append(text)
        return {**turn, "text": self._shared[text]}
