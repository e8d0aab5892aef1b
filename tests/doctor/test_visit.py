"""A visit over real sockets: what a gateway's habits make the doctor say, ask and stop at."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import anyio
import anyio.abc
import pytest

from pipeline.core.errors import KeyRefused, ProviderUnreachable, SettingsError
from pipeline.core.settings import Price
from pipeline.doctor.questions import WRONG_MODEL
from pipeline.doctor.records import Change, Subject
from pipeline.doctor.visit import examine, find_key
from tests.support.doctor import (
    KEY,
    TODAY,
    Heard,
    Said,
    by_aspect,
    chat_subject,
    completion,
    diagnosis,
    error,
    gateway,
    message,
    said,
    sse,
    subject,
)

PRICE = Price(
    provider="lab",
    model="claude-haiku-4-5",
    effective=date(2026, 1, 1),
    source="a test",
    input=Decimal(1),
    output=Decimal(5),
    cache_read=Decimal("0.1"),
    cache_write_5m=Decimal("1.25"),
)


def tidy(heard: Heard) -> Said:
    """A gateway that does everything right, without streams."""
    if heard.path.endswith("/count_tokens"):
        return error(404, "not_found_error", "Not found: the path")
    if heard.body.get("stream"):
        return error(400, "invalid_request_error", "stream: not here")
    if heard.body["model"] == WRONG_MODEL:
        return error(404, "not_found_error", f"model: {WRONG_MODEL}")
    return said(message(), request_id="req_1")


def picky_chat(field: str) -> Callable[[Heard], Said]:
    """A chat server that knows one name of max_tokens."""

    def answer(heard: Heard) -> Said:
        if field not in heard.body:
            return said({"error": {"message": f"use {field}", "type": "invalid_request_error", "param": None}}, 400)
        if heard.body["model"] == WRONG_MODEL:
            return said({"error": {"message": "no such model", "code": "model_not_found"}}, 404)
        return said(completion())

    return answer


async def test_a_visit_is_a_handful_of_small_requests() -> None:
    heard: list[Heard] = []
    async with gateway(tidy, heard) as url:
        found = await examine(subject(url), KEY, today=TODAY)
    assert found.calls == len(heard) == 5
    assert [ask.path.removeprefix("/v1/messages") for ask in heard] == ["", "", "", "/count_tokens", ""]
    assert all(ask.body.get("max_tokens", 0) <= 64 for ask in heard)
    assert [("x-api-key" in ask.headers, "authorization" in ask.headers) for ask in heard[:3]] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    assert found.answered


async def test_a_plain_gateway_is_described() -> None:
    found = by_aspect(await diagnosis(tidy))
    assert found["key"].found == found["key in Authorization: Bearer"].found == "accepted"
    assert found["envelope"].found == "bare"
    assert (found["usage"].found, found["usage"].note) == ("input, output", "input_tokens, output_tokens")
    assert found["request id"].found == "request-id"
    assert (found["count_tokens"].found, found["count_tokens"].note) == ("no", "HTTP 404")
    assert found["wrong model"].found == "HTTP 404, class model"
    assert found["wrong model"].note.startswith("{type, error: {type, message}}: ")
    assert (found["served model"].note, found["served model"].differs) == ("the same model, spelled otherwise", False)
    assert "stream: not here" in found["streaming"].note


@pytest.mark.parametrize(
    ("answer", "aspect", "found"),
    [
        (said({"code": 200, "data": message()}), "envelope", "wrapped in {code: 200, data}"),
        (said(message(usage=None)), "usage", "missing or incomplete"),
        (said(message(model="gpt-x")), "served model", "gpt-x"),
        (said(message(model=None)), "served model", "not said"),
        (said(message(), x_oneapi_request_id="1"), "request id", "x-oneapi-request-id"),
        (said(message()), "request id", "none"),
        (said(message()), "wrong model", "answered all the same"),
        (said(message()), "count_tokens", "unclear"),
        (said(message()), "streaming", "no"),
        (said(message(), x_ratelimit_limit_requests="9"), "rate limits", "9 requests per minute"),
    ],
)
async def test_habits_are_found(answer: Said, aspect: str, found: str) -> None:
    assert by_aspect(await diagnosis(lambda _: answer))[aspect].found == found


async def test_a_count_is_found_in_a_wrapper_too() -> None:
    def answer(heard: Heard) -> Said:
        counted = heard.path.endswith("/count_tokens")
        return said({"code": 200, "data": {"input_tokens": 12} if counted else message()})

    found = by_aspect(await diagnosis(answer))["count_tokens"]
    assert (found.found, found.note) == ("yes", "12 input tokens for the plain question")


async def test_a_key_that_only_the_other_header_takes_changes_the_settings_and_the_visit_goes_on() -> None:
    heard: list[Heard] = []

    def answer(ask: Heard) -> Said:
        heard.append(ask)
        return tidy(ask) if "authorization" in ask.headers else error(401, "authentication_error", "invalid x-api-key")

    whole = await diagnosis(answer)
    found = by_aspect(whole)
    assert found["key"].found == "refused"
    assert found["key in Authorization: Bearer"].found == "accepted"
    assert whole.changes == (Change(table=("providers", "lab"), values={"auth": "bearer"}),)
    assert found["answer"].found == "HTTP 200, ok"
    assert all("authorization" in ask.headers for ask in heard[1:])


async def test_a_key_that_no_header_takes_ends_the_visit() -> None:
    refusal = error(401, "authentication_error", f"invalid key {KEY.reveal()}")
    with pytest.raises(KeyRefused) as caught:
        await diagnosis(lambda _: refusal)
    assert "LAB_KEY" in str(caught.value)
    assert KEY.reveal() not in str(caught.value)


async def test_a_chat_server_that_refuses_bearer_refuses_the_key() -> None:
    def answer(heard: Heard) -> Said:
        return said(completion()) if "x-api-key" in heard.headers else said({"error": {"message": "no"}}, 401)

    with pytest.raises(KeyRefused, match="key in x-api-key: accepted"):
        await diagnosis(answer, chat_subject)


async def test_without_a_key_none_is_sent() -> None:
    heard: list[Heard] = []
    async with gateway(tidy, heard) as url:
        found = by_aspect(await examine(subject(url, key_env=None, has_key=False), None, today=TODAY))
    assert found["key"].found == "none is sent"
    assert len(heard) == 4
    assert not any({"x-api-key", "authorization"} & {name.lower() for name in ask.headers} for ask in heard)


async def test_the_name_of_max_tokens_is_learned_and_used() -> None:
    whole = await diagnosis(picky_chat("max_completion_tokens"), chat_subject)
    found = by_aspect(whole)["max tokens field"]
    assert (found.found, found.catalog, found.differs) == ("max_completion_tokens", "max_tokens", True)
    assert whole.changes == (Change(table=("providers", "lab"), values={"max_tokens_field": "max_completion_tokens"}),)
    assert by_aspect(whole)["wrong model"].found == "HTTP 404, class model"
    assert by_aspect(whole)["usage"].note == "prompt_tokens, completion_tokens, total_tokens"


async def test_the_configured_name_of_max_tokens_needs_no_change() -> None:
    whole = await diagnosis(picky_chat("max_tokens"), chat_subject)
    found = by_aspect(whole)["max tokens field"]
    assert (found.found, found.differs, whole.changes) == ("max_tokens", False, ())
    assert whole.calls <= 8


async def test_no_answer_at_all_ends_the_visit_with_what_the_provider_said() -> None:
    whole = await diagnosis(lambda _: error(402, "billing_error", "Your credit balance is too low."))
    found = by_aspect(whole)
    assert not whole.answered
    assert (whole.calls, found["answer"].found) == (2, "none")
    assert "credit balance" in found["answer"].note
    assert found["key"].found == "not refused"


async def test_a_429_that_comes_by_itself_is_read() -> None:
    limited = error(429, "rate_limit_error", "slow down", retry_after="7")
    found = by_aspect(await diagnosis(lambda ask: limited if ask.body.get("stream") else tidy(ask)))
    assert found["retry-after"].found == "retry-after: 7"


async def test_the_cost_is_counted_and_what_is_unknown_is_said() -> None:
    def priced(url: str) -> Subject:
        return subject(url, prices=(PRICE,))

    # Two answers of 12 and 2 tokens; refusals and counts are free.
    whole = await diagnosis(tidy, priced)
    assert (whole.cost_usd, whole.unpriced_calls) == (Decimal("0.000044"), 0)
    assert (await diagnosis(tidy)).unpriced_calls == 2
    generous = await diagnosis(lambda _: said(message()), priced)
    assert generous.unpriced_calls == 1  # nobody knows what a model costs that does not exist
    lost = await diagnosis(lambda ask: Said(200, b"<html>") if ask.body.get("stream") else tidy(ask), priced)
    assert (lost.cost_usd, lost.unpriced_calls) == (Decimal("0.000044"), 1)


async def test_the_cache_is_only_asked_for_on_demand_and_with_the_same_long_prompt_twice() -> None:
    heard: list[Heard] = []

    def answer(ask: Heard) -> Said:
        heard.append(ask)
        if "system" not in ask.body:
            return tidy(ask)
        seen = sum("system" in other.body for other in heard) > 1
        counts = {"cache_creation_input_tokens": 0 if seen else 6000, "cache_read_input_tokens": 6000 if seen else 0}
        return said(message(usage={"input_tokens": 12, "output_tokens": 2, **counts}))

    assert "cache write" not in by_aspect(await diagnosis(answer))
    heard.clear()
    whole = await diagnosis(answer, with_cache=True)
    found = by_aspect(whole)
    assert (found["cache write"].found, found["cache read"].found) == ("6,000 tokens", "6,000 tokens")
    assert whole.calls == 7
    first, second = (ask.body for ask in heard if "system" in ask.body)
    assert first == second
    assert first["system"][0]["cache_control"] == {"type": "ephemeral"}


async def test_what_a_gateway_cannot_do_is_a_finding_each_time() -> None:
    def answer(ask: Heard) -> Said:
        if "system" in ask.body:
            return error(400, "invalid_request_error", "cache_control: Extra inputs are not permitted")
        return Said(200, b"<html>") if ask.path.endswith("/count_tokens") else tidy(ask)

    found = by_aspect(await diagnosis(answer, with_cache=True))
    assert (found["cache write"].found, found["cache read"].found) == ("unclear", "unclear")
    assert "Extra inputs" in found["cache write"].note
    assert found["count_tokens"].found == "unclear"


async def test_an_endless_body_is_cut_and_said_to_be_too_large() -> None:
    found = by_aspect(await diagnosis(lambda _: said(message(padding="x" * 1_500_000))))
    assert found["answer"].found == "none"
    assert "larger than 1 MiB" in found["answer"].note


async def test_a_chat_server_without_credit_is_not_asked_for_the_other_name_of_max_tokens() -> None:
    whole = await diagnosis(
        lambda _: said({"error": {"message": "pay", "code": "insufficient_quota"}}, 429), chat_subject
    )
    assert "max tokens field" not in by_aspect(whole)
    assert not whole.answered


async def test_cache_counters_that_are_missing_are_not_zero() -> None:
    found = by_aspect(await diagnosis(tidy, with_cache=True))
    assert (found["cache write"].found, found["cache read"].found) == ("not reported", "not reported")


async def test_nobody_at_the_address_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ProviderUnreachable, match=f"127.0.0.1:{port} cannot be reached"):
        await examine(subject(f"http://127.0.0.1:{port}"), KEY, today=TODAY)


async def test_silence_and_broken_answers_are_findings() -> None:
    async def half_an_answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

    async def silence(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await anyio.sleep(5)

    for handler, words in ((half_an_answer, "ended early"), (silence, "no complete answer within 0.3 s")):
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, handler)
            asked = subject(f"http://127.0.0.1:{port}", prices=(PRICE,))
            whole = await examine(asked, KEY, today=TODAY, deadline_seconds=0.3)
            group.cancel_scope.cancel()
        assert not whole.answered
        assert words in by_aspect(whole)["answer"].note
        assert whole.unpriced_calls == 2  # it may have been billed all the same


async def test_a_stream_that_stays_open_after_its_end_is_not_waited_for() -> None:
    frames = sse(
        ("message_start", {"type": "message_start", "message": message(content=[], stop_reason=None)}),
        (
            "message_delta",
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        ),
        ("message_stop", {"type": "message_stop"}),
    )
    whole_body = json.dumps(message()).encode()

    async def handler(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            streamed = b'"stream":true' in await _request(stream)
            kind = b"text/event-stream" if streamed else b"application/json"
            head = b"HTTP/1.1 200 OK\r\nContent-Type: " + kind
            if not streamed:
                await stream.send(head + b"\r\nContent-Length: %d\r\n\r\n" % len(whole_body) + whole_body)
                return
            await stream.send(head + b"\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(frames), frames))
            await anyio.sleep(30)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handler)
        with anyio.fail_after(10):
            whole = await examine(subject(f"http://127.0.0.1:{port}"), KEY, today=TODAY)
        group.cancel_scope.cancel()
    found = by_aspect(whole)["streaming"]
    assert found.found == "yes, ends with message_stop"
    assert "stays open" in found.note


async def test_the_key_is_in_nothing_that_is_said() -> None:
    def echo(ask: Heard) -> Said:
        words = " ".join([*ask.headers.values(), json.dumps(ask.body)])
        return said(message(model=words), x_request_id=words) if "stream" not in ask.body else error(400, "x", words)

    whole = await diagnosis(echo)
    assert KEY.reveal() not in repr(whole)
    assert "***" in repr(whole)


def test_a_key_is_wanted_where_settings_name_one() -> None:
    with pytest.raises(SettingsError, match="LAB_KEY"):
        find_key(subject().provider, {})
    found = find_key(subject().provider, {"LAB_KEY": "k"})
    assert found is not None
    assert found.reveal() == "k"
    assert find_key(replace(subject().provider, key_env=None), {"LAB_KEY": "k"}) is None


async def _request(stream: anyio.abc.SocketStream) -> bytes:
    """One request to the end of its body."""
    data: Any = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += await stream.receive()
    return head + body
