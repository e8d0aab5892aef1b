"""The server itself: routes, resets, large bodies, waiting, and the ledger that outlives its clients."""

from __future__ import annotations

import contextlib
import json
import sys
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from pipeline.core.errors import DiskError, OutputError, UsageError
from pipeline.simulator.ledger import Entry, Ledger, request_key
from pipeline.simulator.options import PROFILES, Options
from pipeline.simulator.server import Simulator
from tests.support.simulator.exchanges import HEADERS, HeldClock, NotedClock, body

QUICK = Options(latency_scale=0.0)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def client(simulator: Simulator) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=simulator.base_url, headers=HEADERS, trust_env=False)


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_profile_answers_on_every_route(profile: str) -> None:
    async with Simulator(Options(profile=profile, latency_scale=0.0)) as simulator, client(simulator) as http:
        counted = body(max_tokens=...)
        answers = [
            await http.post("/v1/messages", json=body()),
            await http.post("/v1/chat/completions", json=body()),
            await http.post("/v1/messages/count_tokens", json=counted),
            await http.get("/v1/models"),
            await http.get("/"),
        ]
        prefixed = await http.post("/anthropic/v1/messages", json=body())
    assert [answer.status_code for answer in answers] == [200] * 5
    assert "simulator" in answers[-1].text
    assert prefixed.status_code == (200 if profile == "ofox" else 404)
    assert answers[3].json()["data"]


async def test_unknown_paths_are_not_found_in_the_profiles_shape() -> None:
    async with Simulator(QUICK) as simulator, client(simulator) as http:
        for method, path in [("GET", "/v1/nothing"), ("GET", "/v1/messages"), ("DELETE", "/v1/models")]:
            answer = await http.request(method, path)
            assert answer.status_code == 404
            assert answer.json()["error"]["type"] == "not_found_error"


async def test_a_reset_closes_the_connection_without_an_answer() -> None:
    async with Simulator(QUICK) as simulator, client(simulator) as http:
        with pytest.raises(httpx.TransportError):
            await http.post("/v1/messages", json=body("[[sim:reset]]"))
        assert (await http.post("/v1/messages", json=body("[[sim:reset,times=0]]"))).status_code == 200
    assert simulator.ledger.total.faults == 1


async def test_a_body_over_32_megabytes_is_too_large() -> None:
    async with Simulator(QUICK) as simulator, client(simulator) as http:
        answer = await http.post("/v1/messages", content=b" " * (32 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "request_too_large"


async def test_it_waits_on_the_clock_it_was_given() -> None:
    clock = NotedClock()
    async with Simulator(Options(latency_scale=1.0), clock=clock) as simulator, client(simulator) as http:
        await http.post("/v1/messages", json=body("[[sim:slow=30]]"))
    assert len(clock.slept) == 1
    assert 30 < clock.slept[0] < 31


async def test_a_taken_port_is_said_so() -> None:
    async with Simulator(QUICK) as first:
        port = int(first.base_url.rsplit(":", 1)[1])
        with pytest.raises(UsageError, match=f"{port}.*choose another port"):
            async with Simulator(QUICK, port=port):
                pass


async def test_the_ledger_counts_what_was_answered_and_what_failed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    options = Options(latency_scale=0.0, ledger_path=path)
    async with Simulator(options) as simulator, client(simulator) as http:
        good = (await http.post("/v1/messages", json=body())).json()
        await http.post("/v1/messages", json=body("[[sim:status=500]]", model="sim-large"))
        await http.post("/v1/messages", json=body("[[sim:no_usage]]"))
        await http.post("/v1/messages", json=body(max_tokens=...))
        await http.post("/v1/messages", content=b"{")
        await http.post("/v1/messages/count_tokens", json=body(max_tokens=...))
    small, large = simulator.ledger.models["sim-small"], simulator.ledger.models["sim-large"]
    assert (small.requests, small.answered, small.faults) == (3, 2, 1)
    assert (large.requests, large.answered, large.faults) == (1, 0, 1)
    assert simulator.ledger.total.requests == 5
    written = lines(path)
    canonical = json.dumps(body(), sort_keys=True, separators=(",", ":")).encode()
    assert written[0] == {
        "delivered": True,
        "n": 1,
        "model": "sim-small",
        "key": blake2b(canonical, digest_size=16).hexdigest(),
        "status": 200,
        "fault": None,
        "billed": True,
        "input_tokens": good["usage"]["input_tokens"],
        "output_tokens": good["usage"]["output_tokens"],
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cache_write_5m_tokens": 0,
        "cache_write_1h_tokens": 0,
        "thinking_tokens": 0,
        "cost_usd": written[0]["cost_usd"],
    }
    assert [line["status"] for line in written] == [200, 500, 200, 400, 400]
    assert [line["n"] for line in written] == [1, 2, 3, 4, 5]
    assert written[1]["output_tokens"] == 0 < written[2]["output_tokens"]
    assert sum(line["output_tokens"] for line in written) == simulator.ledger.total.output_tokens


async def test_the_ledger_tells_what_was_paid_and_what_arrived(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    wishes = ["", "status=503", "cut_chunked", "reset,paid", "html,status=524,paid", "notjson", "close_after"]
    async with Simulator(Options(latency_scale=0.0, ledger_path=path)) as simulator, client(simulator) as http:
        for wish in wishes:
            with contextlib.suppress(httpx.TransportError):
                await http.post("/v1/messages", json=body(f"Hi. [[sim:{wish}]]" if wish else "Hi."))
    written = lines(path)
    assert [line["fault"] for line in written] == [
        *(None, "status=503", "cut_chunked", "paid,reset", "html,paid,status=524", "notjson", "close_after")
    ]
    assert [line["billed"] for line in written] == [True, False, True, True, True, True, True]
    assert [line["delivered"] for line in written] == [True, True, False, False, False, False, True]
    small = simulator.ledger.models["sim-small"]
    assert (small.answered, small.delivered, small.faults) == (6, 2, 1)


async def test_two_simulators_can_share_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    options = Options(latency_scale=0.0, ledger_path=path)
    async with Simulator(options) as one, Simulator(options) as two, client(one) as first, client(two) as second:
        for number in range(10):
            await first.post("/v1/messages", json=body(f"row {number} {'x' * number}"))
            await second.post("/v1/messages", json=body("[[sim:notjson]]", model="sim-large"))
    assert [(line["model"], line["delivered"]) for line in lines(path)] == [
        ("sim-small", True),
        ("sim-large", False),
    ] * 10


CLIENT = """
import json, sys, urllib.request
for n in range(100000):
    request = urllib.request.Request(sys.argv[1] + "/v1/messages", json.dumps({
        "model": "sim-small", "max_tokens": 9, "messages": [{"role": "user", "content": f"row {n}"}]}).encode(),
        {"x-api-key": "k", "anthropic-version": "2023-06-01"})
    urllib.request.urlopen(request).read()
    print(n, flush=True)
"""


async def test_the_ledger_knows_every_answer_a_killed_client_received(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Simulator(Options(latency_scale=0.0, ledger_path=path)) as simulator:
        received = 0
        command = [sys.executable, "-c", CLIENT, simulator.base_url]
        async with await anyio.open_process(command, stderr=None) as killed:
            assert killed.stdout is not None
            async for chunk in killed.stdout:
                received += chunk.count(b"\n")
                if received >= 20:
                    killed.kill()
        await anyio.sleep(0.05)
        answered = simulator.ledger.total.answered
        assert len(lines(path)) == answered
        assert 20 <= received <= answered <= received + 1


async def test_an_answer_is_booked_although_its_client_went_away() -> None:
    clock = HeldClock()
    async with Simulator(QUICK, clock=clock) as simulator:
        async with client(simulator) as http, anyio.create_task_group() as tasks:
            tasks.start_soon(partial(http.post, "/v1/messages", json=body("[[sim:slow=1]]")))
            await clock.waiting.wait()
            tasks.cancel_scope.cancel()
        assert simulator.ledger.total.answered == 0
        clock.release.set()
        await anyio.sleep(0.05)
        assert simulator.ledger.total.answered == 1


async def test_stopping_does_not_wait_for_slow_answers() -> None:
    clock = HeldClock()
    with anyio.fail_after(30):
        async with (
            Simulator(QUICK, clock=clock) as simulator,
            client(simulator) as http,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(partial(http.post, "/v1/messages", json=body("[[sim:slow=600]]")))
            await clock.waiting.wait()
            tasks.cancel_scope.cancel()
    assert simulator.ledger.total.requests == 0


def test_a_ledger_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be opened"):
        Ledger(tmp_path / "no-folder" / "ledger.jsonl")


def test_a_full_disk_is_said_so() -> None:
    ledger = Ledger(Path("/dev/full"))
    with pytest.raises(DiskError, match="cannot be written"):
        ledger.book(Entry(model="m", key="k", status=200))
    ledger.close()


def test_the_key_ignores_the_order_of_fields() -> None:
    assert request_key({"a": 1, "b": [2, {"c": 3, "d": 4}]}) == request_key({"b": [2, {"d": 4, "c": 3}], "a": 1})
    assert request_key({"a": 1}) != request_key({"a": 2})
