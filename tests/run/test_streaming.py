"""A streamed answer is timed to its first token, read to its end, and never taken for whole when it is not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import httpx
import pytest

from pipeline.core.settings import RunSettings
from tests.support.lanes import Lane, job

START = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**START, "usage": {"input_tokens": 10, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "안녕"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
]


def frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


class Frames(httpx.AsyncByteStream):
    """Sends frames, waits where a number stands between them, and breaks off where an exception does."""

    def __init__(self, parts: Sequence[bytes | float | Exception]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, bytes):
                yield part
            else:
                await anyio.sleep(part)


def streaming(*answers: Sequence[bytes | float | Exception]):  # type: ignore[no-untyped-def]
    left = list(answers)

    async def answer(request: httpx.Request) -> httpx.Response:
        assert json.loads(request.content)["stream"] is True
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=Frames(left.pop(0) if len(left) > 1 else left[0]))

    return answer


WHOLE = [frame(event) for event in EVENTS]


async def test_a_stream_is_read_like_a_whole_body_and_timed() -> None:
    result = (await Lane(streaming(WHOLE), [job(1, stream=True)]).run())[0]
    assert (result.status, result.text, result.stop_reason) == ("ok", "안녕 hello", "end_turn")
    assert (result.input_tokens, result.output_tokens, result.usage_source) == (10, 4, "reported")
    assert result.first_token_ms is not None
    assert result.latency_ms is not None


async def test_long_outputs_are_streamed_without_being_asked() -> None:
    assert (await Lane(streaming(WHOLE), [job(1, max_tokens=32_000)]).run())[0].status == "ok"


@pytest.mark.parametrize("kept", range(1, len(EVENTS) - 1))
async def test_a_stream_that_ends_early_is_tried_again(kept: int) -> None:
    result = (await Lane(streaming(WHOLE[:kept], WHOLE), [job(1, stream=True)]).run())[0]
    assert [attempt.error is None for attempt in result.attempts] == [False, True]
    assert result.text == "안녕 hello"
    assert result.attempts[0].possibly_paid


async def test_a_connection_that_breaks_after_the_stop_reason_costs_nothing_more() -> None:
    broken = [*WHOLE[:-1], httpx.RemoteProtocolError("the body ended early")]
    result = (await Lane(streaming(broken), [job(1, stream=True)]).run())[0]
    assert (result.status, len(result.attempts)) == ("ok", 1)
    assert "no_message_stop" in (result.attempts[0].error or "")


async def test_a_connection_that_breaks_in_the_middle_is_tried_again() -> None:
    broken = [*WHOLE[:3], httpx.RemoteProtocolError("the body ended early")]
    result = (await Lane(streaming(broken, WHOLE), [job(1, stream=True)]).run())[0]
    assert (result.text, len(result.attempts)) == ("안녕 hello", 2)


async def test_silence_in_the_middle_of_a_stream_ends_the_attempt() -> None:
    silent = [*WHOLE[:3], 30.0, *WHOLE[3:]]
    run = RunSettings(idle_seconds=0.05, deadline_seconds=20)
    result = (await Lane(streaming(silent, WHOLE), [job(1, stream=True)], run=run).run())[0]
    assert (result.status, len(result.attempts)) == ("ok", 2)
    assert "went silent" in (result.attempts[0].error or "")


async def test_a_stream_held_open_after_its_end_holds_up_nothing() -> None:
    result = (await Lane(streaming([*WHOLE, 30.0]), [job(1, stream=True)]).run())[0]
    assert result.status == "ok"


async def test_an_error_inside_a_stream_is_no_answer() -> None:
    error = frame({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    result = (await Lane(streaming([*WHOLE[:3], error], WHOLE), [job(1, stream=True)]).run())[0]
    assert (result.text, len(result.attempts)) == ("안녕 hello", 2)
    assert "overload" in (result.attempts[0].error or "")
