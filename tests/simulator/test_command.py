"""`evalmill simulate` as a process: its options reach the simulator."""

from __future__ import annotations

import httpx

from tests.support.commands import simulator
from tests.support.simulator.exchanges import HEADERS, body


def test_limits_and_profile_given_as_options_hold() -> None:
    limits = ["--requests-per-minute", 2, "--input-tokens-per-minute", 9_000, "--output-tokens-per-minute", 500]
    with (
        simulator("--profile", "anthropic", "--latency-scale", 0, *limits) as address,
        httpx.Client(base_url=address, headers=HEADERS, trust_env=False) as http,
    ):
        answers = [http.post("/v1/messages", json=body()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["anthropic-ratelimit-input-tokens-limit"] == "9000"
    assert answers[0].headers["anthropic-ratelimit-output-tokens-limit"] == "500"
    assert 20 < int(answers[2].headers["retry-after"]) <= 30
