"""Every request that the gateways' documents show can be written as an evaluation, and leaves as they show it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.support.written import CASES, SEED_CASES, leaving


@pytest.mark.parametrize("name", SEED_CASES)
def test_a_documented_request_can_be_written_as_an_evaluation(name: str, tmp_path: Path) -> None:
    case = SEED_CASES[name]
    body, _ = leaving(case, tmp_path)
    assert body == {"model": case.model.partition("/")[2], "max_tokens": 1024, **case.body}


@pytest.mark.sdk
@pytest.mark.parametrize("name", CASES)
def test_the_official_sdk_sends_the_same_body(name: str, tmp_path: Path) -> None:
    import anthropic
    import httpx2

    case = CASES[name]
    captured: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        captured.append(request)
        return httpx2.Response(400, json={"type": "error", "error": {"type": "invalid_request_error", "message": "-"}})

    asked: dict[str, Any] = {"model": case.model.partition("/")[2], "max_tokens": 1024, **case.body}
    beyond = {name: asked.pop(name) for name in ("temperature", "top_p", "top_k") if name in asked}
    headers = {"anthropic-beta": ",".join(case.beta)} if case.beta else {}
    with httpx2.Client(transport=httpx2.MockTransport(respond)) as http:
        client = anthropic.Anthropic(api_key="k", base_url="http://gateway.test", http_client=http, max_retries=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the seeds' models
            with pytest.raises(anthropic.BadRequestError):
                client.messages.create(**asked, extra_body=beyond, extra_headers=headers)
    body, sent_headers = leaving(case, tmp_path)
    assert body == json.loads(captured[0].content)
    assert sent_headers.get("anthropic-beta") == captured[0].headers.get("anthropic-beta")
