"""Answers of no use and connections that nobody can blame: what is asked again, how often, and who pays."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from pipeline.core.settings import RunSettings
from pipeline.run.transport import NEW_CONNECTION, StaleConnection
from tests.support.lanes import Lane, job, message


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
