"""What an image costs in tokens: 28-pixel tiles after downscaling (protocol section 12)."""

from __future__ import annotations

import base64
import binascii
import math
import struct

_TILE = 28
_SHRINK = 0.995
_HEADER_CHARACTERS = 256 * 1024


def token_count(data: str, *, longest_edge: int, most_tokens: int) -> int:
    """Count the tokens of a base64 image; one whose size cannot be read costs the most."""
    try:
        head = base64.b64decode(data[:_HEADER_CHARACTERS])
    except (binascii.Error, ValueError):
        return most_tokens
    size = _size(head)
    if size is None or min(size) < 1:
        return most_tokens
    scale = min(1.0, longest_edge / max(size))
    while (tiles := _tiles(size, scale)) > most_tokens:
        scale *= _SHRINK
    return tiles


def _tiles(size: tuple[int, int], scale: float) -> int:
    return math.ceil(size[0] * scale / _TILE) * math.ceil(size[1] * scale / _TILE)


def _size(head: bytes) -> tuple[int, int] | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    if head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        width, height = struct.unpack("<HH", head[6:10])
        return width, height
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(head)
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[position + 5 : position + 9])
            return width, height
        position += 2 + int(struct.unpack(">H", head[position + 2 : position + 4])[0])
    return None
