"""Delivery: what a client sees on the wire, byte for byte, and what the server knows of it."""

from __future__ import annotations

import gzip
import json
import time

import anyio
import httpx
import pytest

from pipeline.simulator.faults import parse
from pipeline.simulator.replies import Reply
from tests.support.simulator.exchanges import NotedClock
from tests.support.simulator.wire import MESSAGE, MESSAGE_FRAMES, Served, deliver, hear, reply, serving, stream

BODY = json.dumps(MESSAGE, ensure_ascii=False, separators=(",", ":")).encode()
LAST_CHUNK = b"\r\n0\r\n\r\n"


def lengths(chunked: bytes) -> list[int]:
    """The sizes of the chunks of a chunked body."""
    found = []
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        found.append(int(size, 16))
        chunked = rest[found[-1] + 2 :]
    return found


async def pieces(what: Reply) -> tuple[list[bytes], Served]:
    """A body as it came, not unpacked."""
    async with (
        serving(lambda _: what) as served,
        httpx.AsyncClient(trust_env=False) as http,
        http.stream("POST", f"http://127.0.0.1:{served.port}/", content=b"{}") as answer,
    ):
        heard = [piece async for piece in answer.aiter_raw()]
        await served.delivered()
    return heard, served


async def test_a_whole_answer_arrives_and_keeps_the_connection() -> None:
    async with serving(lambda _: reply()) as served:
        heard = await hear(served.port, until=lambda data: data.endswith(BODY), requests=2)
    assert heard.data.count(BODY) == 2
    assert b"connection: close" not in heard.head.lower()
    assert (served.whole, served.begun) == ([True, True], 2)


async def test_a_stream_arrives_frame_by_frame() -> None:
    heard, served = await deliver(stream(), end=LAST_CHUNK)
    assert b"Content-Type: text/event-stream; charset=utf-8" in heard.head
    assert lengths(heard.body) == [*map(len, MESSAGE_FRAMES), 0]
    assert served.whole == [True]


async def test_frames_keep_their_distance() -> None:
    clock = NotedClock()
    await deliver(stream(gap_seconds=0.25), clock=clock, end=LAST_CHUNK)
    assert clock.slept == [0.25] * (len(MESSAGE_FRAMES) - 1)


@pytest.mark.parametrize("words", ["reset_after_headers", "reset_mid_body"])
async def test_a_late_reset_comes_behind_what_was_sent(words: str) -> None:
    heard, served = await deliver(reply(words))
    assert heard.reset
    assert heard.head.startswith(b"HTTP/1.1 200 OK")
    assert f"Content-Length: {len(BODY)}".encode() in heard.head
    assert heard.body == (b"" if words == "reset_after_headers" else BODY[: len(BODY) // 2])
    assert served.whole == [False]


async def test_a_body_can_be_cut_under_each_kind_of_framing() -> None:
    half = BODY[: len(BODY) // 2]
    heard, _ = await deliver(reply("cut_length"))
    assert (heard.body, heard.reset) == (half, False)
    assert f"Content-Length: {len(BODY)}".encode() in heard.head
    heard, _ = await deliver(reply("cut_chunked"))
    assert heard.body == b"%x\r\n%b\r\n" % (len(half), half)
    assert b"Transfer-Encoding: chunked" in heard.head
    heard, served = await deliver(reply("cut_close"))
    assert heard.body == half
    assert b"Content-Length" not in heard.head
    assert served.whole == [False]


async def test_a_stream_can_be_cut_like_a_body() -> None:
    whole = b"".join(MESSAGE_FRAMES)
    heard, _ = await deliver(stream("cut_length"))
    assert heard.body == whole[: len(whole) // 2]


@pytest.mark.parametrize(("words", "dripped"), [("drip_headers", "head"), ("drip_body", "body")])
async def test_bytes_drip(words: str, dripped: str) -> None:
    clock = NotedClock()
    heard, served = await deliver(reply(words), clock=clock)
    assert heard.body == BODY
    assert set(clock.slept) == {0.3}
    assert len(clock.slept) == len(BODY if dripped == "body" else heard.head + b"\r\n\r\n")
    assert served.whole == [True]


async def test_a_drip_ends_when_the_client_goes() -> None:
    async with serving(lambda _: reply("drip_body,gap=0.01")) as served:
        await hear(served.port, until=lambda data: b"\r\n\r\n{" in data)
        await served.delivered()
    assert served.whole == [False]


async def test_an_answer_can_close_the_connection_unannounced() -> None:
    for what in (reply("close_after"), stream("close_after")):
        heard, served = await deliver(what)
        assert not heard.reset
        assert b"connection: close" not in heard.head.lower()
        assert served.whole == [True]


async def test_the_next_request_on_a_connection_can_be_cut_off() -> None:
    async with serving(lambda _: reply("close_on_reuse")) as served:
        heard = await hear(served.port, until=lambda data: data.endswith(BODY), requests=2)
        again = await hear(served.port, until=lambda data: data.endswith(BODY))
    assert (heard.data.count(BODY), heard.reset) == (1, True)
    assert again.data.endswith(BODY)
    assert served.whole == [True, True]


async def test_a_thousand_interim_answers_come_first() -> None:
    heard, _ = await deliver(reply("interim_flood"))
    assert heard.data.count(b"HTTP/1.1 103 Early Hints\r\n") == 1_000
    assert heard.data.endswith(b"\r\n\r\n" + BODY)


async def test_a_header_can_be_huge() -> None:
    heard, _ = await deliver(reply("huge_header"), end=BODY)
    assert len(heard.head) > 200_000


async def test_bombs_are_small_on_the_wire_and_bounded_unpacked() -> None:
    heard, served = await pieces(reply("gzip_bomb"))
    packed = b"".join(heard)
    assert len(packed) < 200_000
    unpacked = gzip.decompress(packed)
    assert unpacked.startswith(BODY)
    assert len(unpacked) == len(BODY) + 80 * 1024 * 1024
    assert served.whole == [False]


async def test_an_endless_body_ends_at_80_megabytes() -> None:
    heard, served = await pieces(reply("endless_body"))
    assert sum(map(len, heard)) == len(BODY) + 80 * 1024 * 1024
    assert served.whole == [False]


async def test_a_stream_can_end_without_its_last_chunk() -> None:
    heard, served = await deliver(stream("abrupt"))
    assert heard.body.endswith(MESSAGE_FRAMES[-1] + b"\r\n")
    assert (heard.reset, served.whole) == (False, [False])


async def test_a_stream_can_be_held_open_until_the_client_leaves() -> None:
    async with serving(lambda _: stream("sse_hold_open")) as served:
        heard = await hear(served.port, until=lambda data: MESSAGE_FRAMES[-1] in data)
        assert not heard.body.endswith(LAST_CHUNK)
        assert served.whole == []
        await served.delivered()


async def test_a_stream_can_fall_silent_half_way() -> None:
    clock = NotedClock()
    await deliver(stream("sse_silence"), clock=clock, end=LAST_CHUNK)
    assert clock.slept == [90.0]
    began = time.monotonic()
    async with serving(lambda _: stream("sse_silence,gap=0.3")) as served:
        first = await hear(served.port, until=lambda data: MESSAGE_FRAMES[3] in data)
        assert time.monotonic() - began < 0.25
        assert MESSAGE_FRAMES[4] not in first.data
        await hear(served.port, until=lambda data: data.endswith(LAST_CHUNK))
    assert time.monotonic() - began > 0.3


async def test_a_client_that_leaves_a_long_stream_is_noticed() -> None:
    async with serving(lambda _: stream(frames=(b": x\n\n" * 10_000,) * 400)) as served:
        await hear(served.port, until=lambda data: len(data) > 1_000)
        await anyio.sleep(0.3)
    assert served.whole != [True]


def test_delivery_knows_only_faults_of_the_table() -> None:
    from pipeline.simulator import delivery

    words = [*delivery._RAW, *delivery._SPOILT, *delivery._SPOILT_STREAM]
    assert parse(" ".join(words)).words == set(words)
