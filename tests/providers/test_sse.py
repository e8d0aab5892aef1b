from __future__ import annotations

import random
import time

import pytest

from pipeline.providers.body import MAX_BODY_BYTES
from pipeline.providers.sse import MAX_EVENT_BYTES, MAX_EVENTS, Event, EventParser
from tests.support.streams import TEXTS, cut


def parse(*chunks: bytes) -> list[Event]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)] + parser.finish()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [(None, b"a")]),
        (b"data:a\n\n", [(None, b"a")]),
        (b"data:  a\n\n", [(None, b" a")]),
        (b"event: e\ndata: a\n\n", [("e", b"a")]),
        (b"event:e\rdata:a\r\r", [("e", b"a")]),
        (b"event: e\r\ndata: a\r\n\r\n", [("e", b"a")]),
        (b"event: e\r\ndata: a\n\rdata: b\n\n", [("e", b"a"), (None, b"b")]),
        (b"data: a\ndata: b\n\n", [(None, b"a\nb")]),
        (b"data: a\ndata\ndata:\ndata: b\n\n", [(None, b"a\n\n\nb")]),
        (b"\xef\xbb\xbfdata: a\n\n", [(None, b"a")]),
        (b"\xef\xbb\xbf\ndata: \xef\xbb\xbfa\n\n", [(None, b"\xef\xbb\xbfa")]),
        (b"\xef\xbb\xbfdata: a", [(None, b"a")]),
        (b": ping\n\n: OPENROUTER PROCESSING\n\ndata: a\n:x\n\n", [(None, b"a")]),
        (b"retry: 3000\nid: 7\nnovel: x\ndata: a\n\n", [(None, b"a")]),
        (b"event: e\n\ndata: a\n\n", [(None, b"a")]),
        (b"event: e\ndata:\n\ndata: a\n\n", [(None, b"a")]),
        (b"event: \ndata: a\n\n", [(None, b"a")]),
        (b"event: e\nevent: f\ndata: a\n\n", [("f", b"a")]),
        (b"data: a\n\n\n\n\ndata: b", [(None, b"a"), (None, b"b")]),
        (b"event: e\ndata: a\n", [("e", b"a")]),
        (b"", []),
        (b"\n\n", []),
        (b"database: x\nDATA: x\n data: x\n\n", []),
    ],
)
def test_a_stream_is_read_whole_and_byte_by_byte(stream: bytes, events: list[tuple[str | None, bytes]]) -> None:
    assert parse(stream) == events
    assert parse(*(stream[place : place + 1] for place in range(len(stream)))) == events


def test_an_event_is_out_as_soon_as_its_blank_line_is() -> None:
    parser = EventParser()

    assert parser.feed(b"data: a\r\r") == [(None, b"a")]
    assert parser.feed(b"\ndata: b\n") == []
    assert parser.feed(b"\n") == [(None, b"b")]


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0c", "\x0b", "\x1c", "\x1d", "\x1e", "\x00", "안😀"])
def test_no_other_sign_ends_a_line(sign: str) -> None:
    data = f"a{sign}b".encode()

    for place in range(len(data)):
        assert parse(b"data: " + data[:place], data[place:] + b"\n\n") == [(None, data)]


@pytest.mark.parametrize(
    ("stream", "is_cut"),
    [
        (b"data: a\n\n", False),
        (b"data: a", False),
        (b"data: a\n\n: comment", False),
        (b"data: a\n\nretry: 30", False),
        (b"data: a\n\nda", True),
        (b"data: a\n\ndata:", True),
        (b"data: a\n\nevent: e", True),
        (b"data: a\n\nevent: e\n", True),
        (b"data: a\n\nevent:", True),
        (b"", False),
    ],
)
def test_an_end_within_an_event_is_noticed(stream: bytes, is_cut: bool) -> None:
    parser = EventParser()
    parser.feed(stream)
    parser.finish()

    assert parser.cut is is_cut


def test_ten_thousand_random_cuts_give_the_same_bytes() -> None:
    chance = random.Random(20261122)
    cuts = 0
    while cuts < 10_000:
        end = chance.choice(("\n", "\r", "\r\n"))
        space = chance.choice(("", " "))
        texts = [chance.choice(TEXTS).replace("\n", "").replace("\r", "") or "x" for _ in range(chance.randint(1, 4))]
        events = [(chance.choice((None, "e", "말")), text) for text in texts]
        lines = [": hi", ""]
        for name, text in events:
            lines += [f"event:{space}{name}"] if name else []
            lines += [f"data:{space}{text}" if space or not text.startswith(" ") else f"data: {text}", "", ""]
        body = end.join([*lines, ""]).encode()
        expected = [(name, text.encode()) for name, text in events]
        for _ in range(20):
            assert parse(*cut(body, chance)) == expected
            cuts += 1


def test_an_event_over_its_cap_ends_the_stream_however_it_arrives() -> None:
    for chunk in (b"data: " + b"x" * (MAX_EVENT_BYTES + 1) + b"\n\n", b"data: " + b"x" * 2**20):
        parser = EventParser()
        for _ in range(20):
            assert parser.feed(chunk) == []
        assert "larger than 16 MiB" in (parser.overflow or "")
        assert parser.finish() == []


def test_many_data_lines_count_together() -> None:
    parser = EventParser()
    lines = b"data: " + b"x" * 2**20 + b"\n"
    for _ in range(17):
        parser.feed(lines)

    assert "an event" in (parser.overflow or "")


def test_a_line_that_grows_behind_a_large_event_counts_too() -> None:
    parser = EventParser()
    parser.feed(b"data: " + b"x" * (MAX_EVENT_BYTES - 100) + b"\ndata: " + b"y" * 200)

    assert "an event" in (parser.overflow or "")


def test_a_stream_over_its_cap_ends() -> None:
    parser = EventParser()
    chunk = b": " + b"x" * (2**20 - 3) + b"\n"
    for _ in range(MAX_BODY_BYTES // len(chunk)):
        parser.feed(chunk)
    assert parser.overflow is None

    parser.feed(b"x")
    assert "64 MiB" in (parser.overflow or "")


def test_a_million_tiny_events_pass_and_one_more_does_not() -> None:
    parser = EventParser()
    started = time.process_time()
    events = 0
    for _ in range(MAX_EVENTS // 10_000):
        events += len(parser.feed(b"data:x\n\n" * 10_000))
    assert (events, parser.overflow) == (MAX_EVENTS, None)
    assert time.process_time() - started < 30

    assert parser.feed(b"data:x\n\n") == []
    assert "1,000,000 events" in (parser.overflow or "")
