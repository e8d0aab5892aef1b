"""Faults over sockets: each word changes what a client meets, on both routes, streamed and whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from pipeline.simulator import faults
from pipeline.simulator.answers import AnswerBook
from pipeline.simulator.options import Options
from pipeline.simulator.server import Simulator
from tests.support.simulator.exchanges import NotedClock, body
from tests.support.simulator.wire import Heard

ROUTES = [("/v1/messages", "anthropic"), ("/v1/chat/completions", "openai")]
OF_STREAMS = {word for word in faults.FLAGS if word.startswith("sse_")} | {"abrupt"}
NOT_BY_THEMSELVES = {"paid"}
"""Words that say something about another fault."""
ELSEWHERE = {
    ("/v1/messages", True): {"sse_blank_reason", "sse_choices", "null_content"},
    ("/v1/messages", False): {"usage_decreasing"},
    ("/v1/chat/completions", True): {
        "sse_no_names",
        "sse_stray_done",
        "sse_late_input",
        "null_content",
        "no_stop_sequence",
    },
    ("/v1/chat/completions", False): {"usage_decreasing", "unknown_block", "no_stop_sequence"},
}
"""Words without effect there."""
BOMBS = ("gzip_bomb", "endless_body", "sse_flood")
HANDS_OFF = {"redacted", "close_after", "close_on_reuse", "sse_hold_open", "sse_silence", *BOMBS}
"""Shown in tests of their own: with thinking, or in the tests of delivery."""
WORDS = sorted(faults.FLAGS.keys() - HANDS_OFF - NOT_BY_THEMSELVES)


def options(profile: str, **more: Any) -> Options:
    book = AnswerBook(
        [("Say it.", "Es grünt so grün, sagte sie, und so weiter und so fort.", None)], source="t", replay=True
    )
    return Options(profile=profile, answers=book, latency_scale=0.0, **more)


async def meet(base_url: str, path: str, words: str, *, stream: bool) -> Heard:
    """Ask with the header x-sim, on a connection of its own; the answer without what differs by time."""
    asked = body(
        "Say it.", temperature=0, **({"stream": True, "stream_options": {"include_usage": True}} if stream else {})
    )
    if path == "/v1/messages":
        asked.pop("stream_options", None)
    raw = orjson.dumps(asked)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\nx-sim: {words}\r\n"
        f"Connection: close\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    heard = Heard()
    with anyio.fail_after(20):
        async with await anyio.connect_tcp("127.0.0.1", int(base_url.rpartition(":")[2])) as connection:
            await connection.send(head.encode() + raw)
            try:
                while True:
                    heard.data += await connection.receive()
            except anyio.EndOfStream:
                pass
            except anyio.BrokenResourceError:
                heard.reset = True
    heard.data = re.sub(rb"(?m)^(Date: .*|[a-z-]*request-id: .*)\r\n|req_\w+", b"", heard.data)
    return heard


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("path", "profile"), ROUTES, ids=["messages", "chat"])
async def test_every_word_has_an_effect_where_it_says_so(path: str, profile: str, stream: bool) -> None:
    without: set[str] = set()
    async with Simulator(options(profile), clock=NotedClock()) as simulator:
        calm = await meet(simulator.base_url, path, "times=0", stream=stream)
        assert calm == await meet(simulator.base_url, path, "times=0", stream=stream)
        assert calm.head.startswith(b"HTTP/1.1 200 OK")
        for word in WORDS:
            if await meet(simulator.base_url, path, word, stream=stream) == calm:
                without.add(word)
    expected = ELSEWHERE[path, stream] | (set() if stream else OF_STREAMS)
    assert without == expected - HANDS_OFF


async def test_faults_by_rate_reach_the_wire_and_the_ledger(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    async with Simulator(options("anthropic", faults={"cut_length": 1.0}, ledger_path=ledger)) as simulator:
        heard = await meet(simulator.base_url, "/v1/messages", "", stream=False)
    length = re.search(rb"Content-Length: (\d+)", heard.head)
    assert length is not None
    assert len(heard.body) == int(length[1]) // 2
    line = orjson.loads(ledger.read_bytes())
    assert (line["fault"], line["billed"], line["delivered"]) == ("cut_length", True, False)


async def test_a_slow_answer_is_booked_though_its_client_left(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    async with Simulator(options("anthropic", ledger_path=ledger)) as simulator:
        with anyio.move_on_after(0.2):
            await meet(simulator.base_url, "/v1/messages", "slow=0.5", stream=False)
        await anyio.sleep(0.6)
    line = orjson.loads(ledger.read_bytes())
    assert (line["fault"], line["billed"], line["delivered"]) == ("slow=0.5", True, False)
    assert line["output_tokens"] > 0
