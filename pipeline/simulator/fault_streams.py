"""Deforms streams: frames in, chunks as they are to be written out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from pipeline.simulator import fault_bodies
from pipeline.simulator.faults import Directives

_FLOOD_EVENTS = 1_000_000
_FLOOD_PIECE = 1_000
_DONE = b"data: [DONE]\n\n"
_WIDE = "é"
_NOISE = b": OPENROUTER PROCESSING\n\nretry: 3000\nid: 7\n\n"
_COMMENT = b":" + b" " * 65_534 + b"\n"
_OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
_OVERLOADED_CHAT = {"error": {"message": "Overloaded", "type": "server_error", "code": 503}}
_LINE_END = re.compile(rb"\n")
_ENDS = {"sse_crlf": b"\r\n", "sse_split": b"\r\n", "sse_cr": b"\r"}

Payload = dict[str, Any]
Frames = list[bytes]


def deform(frames: tuple[bytes, ...], wanted: Directives) -> tuple[bytes, ...]:
    """Make the chunks of a stream that misbehaves as its directives ask; of a good one, its frames."""
    if not wanted.words and wanted.model is None:
        return frames
    changed = [_rewritten(frame, wanted) for frame in frames]
    changed = _text_faults(changed, wanted)
    for word, change in _STRUCTURE.items():
        if wanted.has(word):
            changed = change(changed)
    changed = [_spelt(frame, wanted) for frame in changed]
    if wanted.has("sse_no_last_blank") and changed:
        changed[-1] = changed[-1].rstrip(b"\r\n") + _ends(wanted)
    return _chunks(changed, wanted)


def read(frame: bytes) -> Payload | None:
    """Read the object of a frame; None for comments and `[DONE]`."""
    _, _, data = frame.partition(b"data: ")
    return orjson.loads(data) if data.startswith(b"{") else None


def write(payload: Payload) -> bytes:
    """Write an object as a frame: with the name of its type, where it has one."""
    name = payload.get("type")
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(payload) + b"\n\n"


def _rewritten(frame: bytes, wanted: Directives) -> bytes:
    payload = read(frame)
    if payload is None:
        return frame
    message = payload.get("message", payload)
    if wanted.model is not None and "model" in message:
        message["model"] = wanted.model
    for holder in (message, payload):
        if wanted.has("no_usage"):
            holder.pop("usage", None)
    if wanted.has("no_stop_sequence"):
        message.pop("stop_sequence", None)
        payload.get("delta", {}).pop("stop_sequence", None)
    if wanted.has("sse_blank_reason"):
        for choice in payload.get("choices", ()):
            choice["finish_reason"] = choice.get("finish_reason") or ""
    return write(payload)


def _text_faults(frames: Frames, wanted: Directives) -> Frames:
    """Put odd bytes at the end of the last piece of text, and odd fields into it."""
    if not wanted.has("latin1", "lone_surrogate", "nul", "raw_nul", "nan", "deep_json"):
        return frames
    place = next((index for index in reversed(range(len(frames))) if _text_of(frames[index])), None)
    if place is None:
        return frames
    payload = read(frames[place]) or {}
    _add_text(payload, fault_bodies.mark("", wanted))
    changed = fault_bodies.fill_hole(write(payload), wanted)
    if wanted.has("nan"):
        changed = changed.replace(b"data: {", b'data: {"score":NaN,', 1)
    if wanted.has("deep_json"):
        changed = changed.replace(b"data: {", b'data: {"deep":' + b"[" * 100_000 + b"]" * 100_000 + b",", 1)
    return [*frames[:place], changed, *frames[place + 1 :]]


def _text_of(frame: bytes) -> str | None:
    payload = read(frame)
    if payload is None:
        return None
    if payload.get("type") == "content_block_delta":
        text = payload["delta"].get("text")
    else:
        choices = payload.get("choices") or [{}]
        text = choices[0].get("delta", {}).get("content")
    return text if isinstance(text, str) else None


def _add_text(payload: Payload, more: str) -> None:
    if "delta" in payload:
        payload["delta"]["text"] += more
    else:
        payload["choices"][0]["delta"]["content"] += more


def _is_last_usage(payload: Payload) -> bool:
    return payload.get("type") == "message_delta" or (bool(payload.get("usage")) and "choices" in payload)


def _is_stop(frame: bytes) -> bool:
    return frame == _DONE or b'"type":"message_stop"' in frame


def _is_delta_stop(frame: bytes) -> bool:
    payload = read(frame)
    if payload is None:
        return False
    choices = payload.get("choices") or [{}]
    return payload.get("type") == "message_delta" or choices[0].get("finish_reason") is not None


def _is_content(frame: bytes) -> bool:
    payload = read(frame) or {}
    return payload.get("type") == "content_block_delta" or bool(_text_of(frame))


def _middle(frames: Frames) -> int:
    """Find where to cut content in half: behind the first of its pieces, at least."""
    places = [index for index, frame in enumerate(frames) if _is_content(frame)]
    return places[len(places) // 2] if places else len(frames) // 2


def _cut_delta(frames: Frames) -> Frames:
    end = next((index for index, frame in enumerate(frames) if _is_delta_stop(frame)), len(frames))
    return frames[:end]


def _cut_tool(frames: Frames) -> Frames:
    tools = [index for index, frame in enumerate(frames) if b"partial_json" in frame or b'"arguments"' in frame]
    place = tools[len(tools) // 2] if tools else _middle(frames)
    return [*frames[:place], frames[place][: len(frames[place]) * 2 // 3]]


def _cut_character(frames: Frames) -> Frames:
    place = _middle(frames)
    payload = read(frames[place])
    if payload is not None and _text_of(frames[place]):
        _add_text(payload, _WIDE)
        frames = [*frames[:place], write(payload)]
    wide = max(index for index, byte in enumerate(frames[place]) if byte >= 0x80 or index == 0)
    return [*frames[:place], frames[place][:wide]]


def _error(frames: Frames) -> Frames:
    chat = all(not frame.startswith(b"event: ") for frame in frames)
    return [*frames[: _middle(frames) + 1], write(_OVERLOADED_CHAT if chat else _OVERLOADED)]


def _duplicates(frames: Frames) -> Frames:
    copies = [1 if _is_content(frame) or b"tool_calls" in frame else 2 for frame in frames]
    return [frame for frame, times in zip(frames, copies, strict=True) for _ in range(times)]


def _unknown(frames: Frames) -> Frames:
    block = {"type": "hologram", "shape": "cube"}
    odd = [
        {"type": "sparkle", "brightness": 3},
        {"type": "content_block_start", "index": 99, "content_block": block},
        {"type": "content_block_delta", "index": 99, "delta": {"type": "glitter_delta", "glitter": "x"}},
        {"type": "content_block_stop", "index": 99},
    ]
    if all(not frame.startswith(b"event: ") for frame in frames):
        odd = [{"object": "sparkle", "choices": []}]
    end = len(_cut_delta(frames))
    return [*frames[:end], *map(write, odd), *frames[end:]]


def _second_choice(frames: Frames) -> Frames:
    """Put before each chunk one of another choice, whose words are spelt backwards."""
    changed = []
    for frame in frames:
        payload = read(frame) or {}
        for choice in payload.get("choices", ()):
            delta = choice["delta"]
            if isinstance(delta.get("content"), str):
                delta["content"] = delta["content"][::-1]
            choice["index"] = 1
        changed += [write(payload), frame] if payload.get("choices") else [frame]
    return changed


def _late_input(frames: Frames) -> Frames:
    """Move the input's tokens from message_start to message_delta."""
    changed, tokens = [], None
    for frame in frames:
        payload = read(frame) or {}
        if payload.get("type") == "message_start" and "usage" in payload["message"]:
            usage = payload["message"]["usage"]
            tokens, usage["input_tokens"] = usage["input_tokens"], 0
            frame = write(payload)
        if payload.get("type") == "message_delta" and tokens is not None:
            payload.setdefault("usage", {})["input_tokens"] = tokens
            frame = write(payload)
        changed.append(frame)
    return changed


def _later_usage(change: Callable[[Payload], None]) -> Callable[[Frames], Frames]:
    """Make the change that repeats the last usage, deformed, behind the right one."""

    def repeat(frames: Frames) -> Frames:
        place = next((i for i in reversed(range(len(frames))) if _is_last_usage(read(frames[i]) or {})), None)
        if place is None:
            return frames
        payload = read(frames[place]) or {}
        change(payload["usage"])
        return [*frames[: place + 1], write(payload), *frames[place + 1 :]]

    return repeat


def _decrease(usage: Payload) -> None:
    for name in ("output_tokens", "completion_tokens", "total_tokens"):
        if name in usage:
            usage[name] = usage[name] // 2


def _negate(usage: Payload) -> None:
    fault_bodies.deform_usage(usage, Directives(words=frozenset({"usage_negative"})))


def _as_text(usage: Payload) -> None:
    fault_bodies.deform_usage(usage, Directives(words=frozenset({"usage_string"})))


def _flood(frames: Frames) -> Frames:
    chat = all(not frame.startswith(b"event: ") for frame in frames)
    ping = write({"choices": []}) if chat else write({"type": "ping"})
    return [*frames[:1], *[ping * _FLOOD_PIECE] * (_FLOOD_EVENTS // _FLOOD_PIECE), *frames[1:]]


def _pad(frames: Frames) -> Frames:
    return [*frames[:1], *fault_bodies.endless(_COMMENT), *frames[1:]]


_STRUCTURE: dict[str, Callable[[Frames], Frames]] = {
    "usage_decreasing": _later_usage(_decrease),
    "usage_negative": _later_usage(_negate),
    "usage_string": _later_usage(_as_text),
    "sse_late_input": _late_input,
    "sse_choices": _second_choice,
    "sse_unknown": _unknown,
    "unknown_block": _unknown,
    "sse_duplicates": _duplicates,
    "sse_comments": lambda frames: [piece for frame in frames for piece in (_NOISE, frame)],
    "sse_stray_done": lambda frames: [*(frame for frame in frames if frame != _DONE), _DONE],
    "sse_no_delta": lambda frames: [frame for frame in frames if not _is_delta_stop(frame)],
    "sse_no_stop": lambda frames: [frame for frame in frames if not _is_stop(frame)],
    "sse_error": _error,
    "sse_cut_delta": _cut_delta,
    "sse_cut_tool": _cut_tool,
    "notjson": _cut_tool,
    "sse_cut_character": _cut_character,
    "sse_cut_start": lambda frames: [],
    "empty_body": lambda frames: [],
    "bom": lambda frames: [b"\xef\xbb\xbf", *frames],
    "sse_flood": _flood,
    "endless_body": _pad,
    "gzip_bomb": _pad,
}
"""Faults of whole frames, in the order in which they are applied."""


def _ends(wanted: Directives) -> bytes:
    return next((end for word, end in _ENDS.items() if wanted.has(word)), b"\n")


def _spelt(frame: bytes, wanted: Directives) -> bytes:
    if wanted.has("sse_no_names"):
        frame = re.sub(rb"(?m)^event: [^\n]*\n", b"", frame)
    if wanted.has("sse_multiline"):
        frame = re.sub(rb"(?m)^data: \{", b"data: {\ndata: ", frame)
    if wanted.has("sse_no_space"):
        frame = re.sub(rb"(?m)^(data|event): ", rb"\1:", frame)
    ends = _ends(wanted)
    return frame if ends == b"\n" else _LINE_END.sub(ends, frame)


def _chunks(frames: Frames, wanted: Directives) -> tuple[bytes, ...]:
    if wanted.has("sse_bytes"):
        return tuple(bytes([byte]) for byte in b"".join(frames))
    if wanted.has("sse_split"):
        return tuple(_split(b"".join(frames)))
    if wanted.has("utf16"):
        return tuple(piece.decode("utf-8", "replace").encode("utf-16-le") for piece in frames)
    return tuple(frames)


def _split(data: bytes) -> Iterator[bytes]:
    """Cut between CR and LF, and before every byte that continues a character."""
    start = 0
    for index in range(1, len(data)):
        if 0x80 <= data[index] < 0xC0 or (data[index] == 0x0A and data[index - 1] == 0x0D):
            yield data[start:index]
            start = index
    yield data[start:]
