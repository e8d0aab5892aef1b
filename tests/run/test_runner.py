"""A lane brings every job to one result: answered, failed, skipped, or left open when the run stops."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import anyio
import httpx
import pytest

from pipeline.core.errors import KeyRefused, RequestRejected, SettingsError, StoppedResumable
from pipeline.core.records import Failure, Request, Result
from pipeline.core.settings import Limits, RunSettings
from pipeline.run.control import RunControl
from pipeline.run.need import need_of
from pipeline.run.transport import NEW_CONNECTION, StaleConnection
from tests.support.lanes import Kept, Lane, job, message, problem, sent


async def test_every_job_gets_one_result_with_usage_and_cost() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message(sent(request).upper())

    results = await Lane(answer, [job(number) for number in range(300)]).run()
    assert [result.text for result in results] == [f"NUMBER {number}" for number in range(300)]
    first = results[0]
    assert (first.status, first.stop_reason, first.input_tokens, first.output_tokens) == ("ok", "end_turn", 10, 2)
    assert first.cost_usd == Decimal("0.00002")
    assert (first.usage_source, first.price_id, first.request_id) == ("reported", "lab/m@2026-01-01", "req_1")
    assert len(first.attempts) == 1


async def test_no_more_requests_are_in_flight_than_allowed() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.02)
        return message()

    lane = Lane(answer, [job(number) for number in range(60)], run=RunSettings(concurrency=7))
    assert len(await lane.run()) == 60
    assert lane.kept.most_in_flight == 7


async def test_a_start_is_noted_before_each_job_leaves() -> None:
    lane: Lane

    async def answer(request: httpx.Request) -> httpx.Response:
        assert "job " + sent(request).removeprefix("number ") in lane.kept.started
        return message()

    lane = Lane(answer, [job(number) for number in range(5)])
    await lane.run()
    assert len(lane.kept.started) == 5


async def test_a_transient_failure_is_retried_and_every_attempt_is_kept() -> None:
    seen: Counter[str] = Counter()

    async def answer(request: httpx.Request) -> httpx.Response:
        seen[sent(request)] += 1
        return problem(529, "overloaded_error", "Overloaded") if seen[sent(request)] < 3 else message()

    lane = Lane(answer, [job(1)])
    result = (await lane.run())[0]
    assert result.status == "ok"
    assert [attempt.http_status for attempt in result.attempts] == [529, 529, 200]
    assert result.attempts[0].error is not None
    assert "Overloaded" in result.attempts[0].error
    assert lane.clock.monotonic() > 0, "it waited"


async def test_attempts_run_out() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(500, "api_error")

    result = (await Lane(answer, [job(1)], run=RunSettings(max_attempts=4)).run())[0]
    assert (result.status, result.error_kind, result.http_status, len(result.attempts)) == ("error", "overload", 500, 4)
    assert result.cost_usd is None


async def test_a_rate_limit_is_not_charged_to_the_job_and_closes_the_gate_for_the_lane() -> None:
    refused = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal refused
        refused += 1
        return problem(429, "rate_limit_error", **{"retry-after": "7"}) if refused <= 12 else message()

    lane = Lane(answer, [job(1)], run=RunSettings(max_attempts=2))
    result = (await lane.run())[0]
    assert (result.status, len(result.attempts)) == ("ok", 13)
    assert lane.clock.monotonic() >= 12 * 7


async def test_a_permanent_failure_is_final() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(413, "request_too_large", "too long") if "number 3" in sent(request) else message()

    results = await Lane(answer, [job(number) for number in range(6)]).run()
    assert [result.status for result in results] == ["ok", "ok", "ok", "error", "ok", "ok"]
    assert (results[3].error_kind, len(results[3].attempts)) == ("request", 1)


async def test_a_refused_key_stops_the_run_and_leaves_the_jobs_open() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(401, "authentication_error", "invalid x-api-key")

    lane = Lane(answer, [job(number) for number in range(1000)], run=RunSettings(concurrency=8))
    assert await lane.run() == []
    assert isinstance(lane.control.reason, KeyRefused)
    assert len(lane.kept.started) <= 8, "a dead key costs at most what was in flight"


async def test_an_unknown_model_stops_the_run_when_it_is_the_only_lane() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(404, "not_found_error", "model: m")

    lane = Lane(answer, [job(1), job(2)])
    assert await lane.run() == []
    assert isinstance(lane.control.reason, SettingsError)


async def test_an_unknown_model_beside_others_stops_its_lane_and_skips_the_rest() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(404, "not_found_error", "model: m")

    lane = Lane(answer, [job(number) for number in range(50)], run=RunSettings(concurrency=1), only_lane=False)
    results = await lane.run()
    assert lane.control.reason is None
    assert Counter(result.status for result in results) == {"error": 1, "skipped": 49}
    assert "not sent" in (results[-1].error_message or "")


async def test_twenty_equal_refusals_and_no_answer_stop_the_run() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(400, "invalid_request_error", "top_k: bad")

    lane = Lane(answer, [job(number) for number in range(500)], run=RunSettings(concurrency=1))
    assert len(await lane.run()) == 20
    assert isinstance(lane.control.reason, RequestRejected)


async def test_a_job_with_an_earlier_answer_is_done_and_sends_nothing() -> None:
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(sent(request))
        return message()

    known = (await Lane(answer, [job(1)]).run())[0]
    results = await Lane(answer, [replace(job(1), earlier=known), job(2)]).run()
    assert results[0] is known
    assert asked == ["number 1", "number 2"]


async def test_a_row_without_a_request_is_an_error_and_sends_nothing() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    broken = replace(job(1), request=None, failure=Failure(kind="local", message="column 'x' is null in this row"))
    lane = Lane(answer, [job(0), broken])
    results = await lane.run()
    assert [result.status for result in results] == ["ok", "error"]
    assert results[1].error_message == "column 'x' is null in this row"
    assert lane.kept.started == ["job 0"]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"stop_reason": "max_tokens"}, "truncated"),
        ({"stop_reason": "refusal", "content": []}, "refused"),
        ({"content": []}, "empty"),
        ({"stop_reason": "from the future"}, "ok"),
    ],
)
async def test_the_stop_reason_decides_what_an_answer_is_worth(more: dict[str, object], status: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message(**more)  # type: ignore[arg-type]

    result = (await Lane(answer, [job(1)]).run())[0]
    assert result.status == status
    assert result.stop_reason_raw == more.get("stop_reason", "end_turn")


async def test_missing_usage_is_estimated_and_said_so() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message("word " * 100, usage=None)

    result = (await Lane(answer, [job(1)]).run())[0]
    assert result.usage_source == "estimated"
    assert 60 < (result.output_tokens or 0) < 250
    assert result.cost_usd is not None


async def test_without_a_price_the_cost_is_unknown_and_not_zero() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    result = (await Lane(answer, [job(1)], price=None).run())[0]
    assert result.cost_usd is None
    assert result.price_id is None


async def test_a_request_never_outlives_its_deadline() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(30)
        return message()

    lane = Lane(answer, [job(1)], run=RunSettings(deadline_seconds=0.05, max_attempts=2))
    result = (await lane.run())[0]
    assert (result.status, result.error_kind, len(result.attempts)) == ("error", "transport", 2)
    assert all(attempt.possibly_paid for attempt in result.attempts)


async def test_a_body_that_never_ends_does_not_outlive_the_deadline_either() -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            while True:
                await anyio.sleep(0.01)
                yield b" "

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Drip())

    result = (await Lane(answer, [job(1)], run=RunSettings(deadline_seconds=0.1, max_attempts=1)).run())[0]
    assert result.error_kind == "transport"
    assert "deadline" in (result.error_message or "")


async def test_a_wait_longer_than_allowed_stops_the_run_resumable() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(429, "rate_limit_error", "daily limit", **{"retry-after": "21600"})

    lane = Lane(answer, [job(1), job(2)], run=RunSettings(concurrency=1))
    assert await lane.run() == []
    assert isinstance(lane.control.reason, StoppedResumable)
    assert "max_wait_seconds" in str(lane.control.reason)


async def test_the_budget_is_never_exceeded_and_stops_the_run_resumable() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.001)
        return message()

    cap = Decimal("0.003")
    lane = Lane(answer, [job(number) for number in range(1000)], run=RunSettings(budget_usd=cap))
    results = await lane.run()
    paid = sum(result.cost_usd or 0 for result in results)
    assert Decimal("0.002") < paid <= cap
    assert isinstance(lane.control.reason, StoppedResumable)
    assert len(results) == len(lane.kept.started), "everything that was sent is kept"


async def test_requests_are_paced_by_the_known_limit() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    limits = Limits(input_tokens_per_minute=6000, burst_seconds=1)
    lane = Lane(answer, [job(number) for number in range(100)], limits=limits)
    await lane.run()
    assert 7 < lane.clock.monotonic() < 12, "1,000 reported input tokens at 100 a second, a second's worth at once"


async def test_a_stop_lets_what_is_in_flight_finish() -> None:
    lane: Lane

    async def answer(request: httpx.Request) -> httpx.Response:
        if "number 5" in sent(request):
            lane.control.stop(signal=2)
        await anyio.sleep(0.01)
        return message()

    lane = Lane(answer, [job(number) for number in range(1000)], run=RunSettings(concurrency=10))
    results = await lane.run()
    assert len(results) == len(lane.kept.started) <= 20
    assert all(result.status == "ok" for result in results)


async def test_the_key_is_in_no_result() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if "number 1" in sent(request):
            return problem(413, "request_too_large", "your key sk-canary-7f3a sent too much")
        return message("the key is sk-canary-7f3a")

    results = await Lane(answer, [job(0), job(1)]).run()
    assert "canary" not in repr(results)


async def test_a_wrong_parameter_costs_at_most_twenty_requests_whatever_the_concurrency() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.001)
        return problem(400, "invalid_request_error", "top_k: bad")

    lane = Lane(answer, [job(number) for number in range(500)], run=RunSettings(concurrency=64))
    assert len(await lane.run()) == 20
    assert len(lane.kept.started) == 20


async def test_different_refusals_do_not_hold_up_the_trial() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        number = int(sent(request).removeprefix("number "))
        return problem(413, "request_too_large", f"row {number} is too long") if number < 60 else message()

    results = await Lane(answer, [job(number) for number in range(100)], run=RunSettings(concurrency=8)).run()
    assert Counter(result.status for result in results) == {"error": 60, "ok": 40}


async def test_our_own_backoff_is_no_demand_of_the_provider() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(500, "api_error") if answered.pop() else message()

    answered = [False, True, True, True]
    lane = Lane(answer, [job(1)], run=RunSettings(max_wait_seconds=0.001))
    assert [result.status for result in await lane.run()] == ["ok"]
    assert lane.control.reason is None


async def test_rate_limits_without_a_time_are_asked_again_ever_more_slowly() -> None:
    refusals = 8

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal refusals
        refusals -= 1
        return problem(429, "rate_limit_error") if refusals >= 0 else message()

    lane = Lane(answer, [job(1)])
    assert [result.status for result in await lane.run()] == ["ok"]
    assert lane.clock.monotonic() >= 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60


async def test_answers_that_cannot_be_stored_hold_up_the_sending() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    class SlowDisk(Kept):
        async def put(self, result: Result) -> None:
            await anyio.sleep(0.02)
            self.waiting = max(self.waiting, len(self.started) - len(self.results))
            await super().put(result)

        waiting = 0

    lane = Lane(answer, [job(number) for number in range(60)], run=RunSettings(concurrency=4))
    slow = lane.use(SlowDisk())
    await lane.run()
    assert slow.waiting <= 4, "no more is sent than can be in flight, however slow the disk"


async def test_what_is_at_stake_for_an_open_job_is_known_at_every_moment() -> None:
    """One attempt may have been paid, then the key is withdrawn: the bound of the first stays booked."""
    seen = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal seen
        seen += 1
        return problem(524, "timeout") if seen == 1 else problem(401, "authentication_error")

    lane = Lane(answer, [job(1)])
    assert await lane.run() == []
    bound = lane.kept.at_stake["job 1"]
    assert bound is not None
    assert Decimal("0.0005") < bound < Decimal("0.001"), "100 tokens of output at $5 and some 120 bytes of input at $1"


async def test_an_attempt_is_booked_at_its_cost_or_its_bound_or_nothing() -> None:
    seen = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal seen
        seen += 1
        return [problem(524, "timeout"), problem(429, "rate_limit_error"), message()][seen - 1]

    result = (await Lane(answer, [job(1)]).run())[0]
    first, second, third = (attempt.booked_usd for attempt in result.attempts)
    assert first is not None
    assert first > Decimal("0.0005")
    assert second == 0
    assert third == result.cost_usd == Decimal("0.00002")


@pytest.mark.parametrize(
    "params",
    [{"max_tokens": 1000.0}, {"max_tokens": "5"}, {"max_tokens": True}, {"max_tokens": -1}, {"n": "many"}],
    ids=str,
)
async def test_a_request_that_nothing_bounds_is_not_sent_under_a_budget(params: dict[str, object]) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    lane = Lane(answer, [job(1, **params)], run=RunSettings(budget_usd=Decimal(5)))
    assert await lane.run() == []
    assert isinstance(lane.control.reason, StoppedResumable)
    assert "cannot be bounded" in str(lane.control.reason)


async def test_a_document_that_the_provider_fetches_is_not_sent_under_a_budget() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    block = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    fetched = replace(
        job(1), request=Request(messages=({"role": "user", "content": [block]},), params={"max_tokens": 5})
    )
    lane = Lane(answer, [fetched], run=RunSettings(budget_usd=Decimal(5)))
    assert await lane.run() == []
    assert [result.status for result in await Lane(answer, [fetched]).run()] == ["ok"]


async def test_several_choices_are_booked_several_times() -> None:
    need = need_of(job(1, n=50, max_completion_tokens=1000), b"{}")
    assert need.max_tokens == 50_000


async def test_the_data_of_an_image_is_not_counted_as_text() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 2_000_000}
    photo = {"type": "image", "source": source}
    seen = replace(job(1), request=Request(messages=({"role": "user", "content": [photo]},), params={"max_tokens": 5}))
    need = need_of(seen, b"x" * 2_000_150)
    assert (need.request_bytes, need.images) == (150, 1)


async def test_an_answer_with_numbers_beyond_64_bits_and_broken_text_is_stored() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        body = (
            b'{"type":"message","role":"assistant","content":[{"type":"text","text":"\\ud83d hello"}],'
            b'"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1,"odd":123456789012345678901234567890}}'
        )
        return httpx.Response(200, content=body)

    result = (await Lane(answer, [job(1)]).run())[0]
    assert (result.status, "hello" in (result.text or "")) == ("ok", True)


async def test_a_signal_counts_beside_an_earlier_reason() -> None:
    control = RunControl()
    control.stop(StoppedResumable("budget"))
    control.stop(signal=2)
    assert control.signal == 2
    assert isinstance(control.reason, StoppedResumable)


async def test_an_empty_answer_is_asked_for_once_more_and_both_are_paid() -> None:
    texts = ["", "here"]

    async def answer(request: httpx.Request) -> httpx.Response:
        return message(texts.pop(0))

    result = (await Lane(answer, [job(1)]).run())[0]
    assert (result.status, result.text, len(result.attempts)) == ("ok", "here", 2)
    assert result.cost_usd == 2 * Decimal("0.00002")


async def test_an_answer_that_stays_empty_is_empty() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message("")

    result = (await Lane(answer, [job(1)]).run())[0]
    assert (result.status, len(result.attempts)) == ("empty", 2)


async def test_a_stale_connection_counts_against_nobody_and_is_on_record() -> None:
    """The first is excused; whoever meets another one on a new connection has a provider that fails."""
    stale = 1

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal stale
        stale -= 1
        if stale >= 0:
            raise StaleConnection("closed", request=request)
        assert NEW_CONNECTION in request.extensions
        return message()

    result = (await Lane(answer, [job(1)], run=RunSettings(max_attempts=1)).run())[0]
    assert (result.status, len(result.attempts)) == ("ok", 2)
    assert result.attempts[0].possibly_paid
    stale = 2
    result = (await Lane(answer, [job(1)], run=RunSettings(max_attempts=1)).run())[0]
    assert (result.status, len(result.attempts)) == ("error", 2)


async def test_an_empty_answer_with_flags_is_asked_for_once_more_and_no_more() -> None:
    asked = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(201, json=message("").json())

    result = (await Lane(answer, [job(1)]).run())[0]
    assert (result.status, asked) == ("empty", 2)


async def test_a_stream_that_broke_is_booked_at_its_bound_whatever_it_had_counted() -> None:
    stream = (
        b'data: {"type":"message_start","message":{"type":"message","role":"assistant","model":"m","content":[],'
        b'"usage":{"input_tokens":10,"output_tokens":1}}}\n\n'
        b'data: {"type":"message_delta","delta":{},"usage":{"output_tokens":1}}\n\n'
    )

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=stream, headers={"content-type": "text/event-stream"})

    lane = Lane(answer, [job(1, stream=True)], run=RunSettings(max_attempts=1, budget_usd=Decimal(1)))
    result = (await lane.run())[0]
    [attempt] = result.attempts
    assert attempt.possibly_paid
    assert attempt.booked_usd is not None
    assert attempt.booked_usd > Decimal("0.0005")
    assert lane.budget.spent_usd == attempt.booked_usd


async def test_refusals_that_differ_in_their_request_ids_alone_are_alike() -> None:
    count = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        return problem(400, "invalid_request_error", f"req_{count:012x}: top_k: bad")

    lane = Lane(answer, [job(number) for number in range(100)], run=RunSettings(concurrency=1))
    assert len(await lane.run()) == 20
    assert isinstance(lane.control.reason, RequestRejected)


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
AS_JSON = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}


@pytest.mark.parametrize("broken", ["no JSON", '{"n": "one"}', '{"n": 1', "[]"])
async def test_an_answer_that_breaks_its_schema_is_asked_for_again(broken: str) -> None:
    texts = [broken, broken, '{"n": 1}']

    async def answer(request: httpx.Request) -> httpx.Response:
        return message(texts.pop(0))

    result = (await Lane(answer, [job(1, **AS_JSON)]).run())[0]
    assert (result.status, result.text, len(result.attempts)) == ("ok", '{"n": 1}', 3)
    assert (result.attempts[0].error or "").startswith("output: the answer ")
    assert result.cost_usd == 3 * Decimal("0.00002"), "each of them was paid"


async def test_an_answer_that_goes_on_breaking_its_schema_is_taken_as_it_is() -> None:
    asked = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return message("no JSON")

    result = (await Lane(answer, [job(1, **AS_JSON)]).run())[0]
    assert (result.status, result.text, asked) == ("ok", "no JSON", 3)


async def test_an_answer_without_a_schema_may_say_what_it_likes() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message("no JSON")

    assert len((await Lane(answer, [job(1)]).run())[0].attempts) == 1


async def test_a_lane_that_cannot_send_takes_earlier_answers_and_stops_at_its_first_request() -> None:
    sent_jobs: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        sent_jobs.append(sent(request))
        return message()

    done = [replace(job(number), earlier=(await Lane(answer, [job(number)]).run())[0]) for number in range(3)]
    sent_jobs.clear()
    lane = Lane(answer, [*done, job(3), job(4)])
    lane.problem = SettingsError("no key")
    assert len(await lane.run()) == 3
    assert lane.control.reason is lane.problem
    lane = Lane(answer, done)
    lane.problem = SettingsError("no key")
    assert len(await lane.run()) == 3
    assert lane.control.reason is None
    assert sent_jobs == []
