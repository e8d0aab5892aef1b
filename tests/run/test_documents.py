"""What a document can cost is bounded by its pages and by what the model reads; a budget says what it lacks."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Job, Request, Result
from pipeline.core.settings import RunSettings
from pipeline.cost.budget import PDF_PAGE_TOKENS
from pipeline.run.need import need_of
from tests.support.lanes import PRICE, Lane, job, message
from tests.support.media import packed_pdf, plain_pdf

FETCHED = {"type": "url", "url": "https://example.com/a.pdf"}
KEPT_THERE = {"type": "file", "file_id": "file_1"}
TEXT = {"type": "text", "media_type": "text/plain", "data": "short"}


def pdf(content: bytes) -> dict[str, Any]:
    return {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(content).decode()}


def reading(*sources: dict[str, Any], max_tokens: int = 5) -> Job:
    """A job whose request holds these documents."""
    content = [{"type": "document", "source": source} for source in sources]
    request = Request(messages=({"role": "user", "content": content},), params={"max_tokens": max_tokens})
    return replace(job(1), request=request)


async def run(reader: Job, budget: str, *, model: str = "m", used: int = 10) -> tuple[Lane, list[Result]]:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message(usage={"input_tokens": used, "output_tokens": 2})

    lane = Lane(answer, [reader], run=RunSettings(budget_usd=Decimal(budget)), model=model)
    return lane, await lane.run()


@pytest.mark.parametrize("make", [plain_pdf, packed_pdf])
def test_a_pdf_is_bounded_by_its_bytes_and_pages(make: Any) -> None:
    need = need_of(reading(pdf(make(3)), TEXT), b"x" * 1000)
    assert (need.request_bytes, need.unbounded) == (1000 + 3 * PDF_PAGE_TOKENS, False)


def test_no_document_costs_more_than_the_model_reads() -> None:
    many = reading(pdf(plain_pdf(90)))
    assert need_of(many, b"x" * 1000).request_bytes == 1000 + 90 * PDF_PAGE_TOKENS
    assert need_of(many, b"x" * 1000, max_input_tokens=200_000).request_bytes == 200_000


@pytest.mark.parametrize("source", [FETCHED, KEPT_THERE, pdf(b"%PDF-1.7\n")], ids=["fetched", "kept", "no page"])
def test_a_document_whose_pages_nobody_counts_is_bounded_by_what_the_model_reads(source: dict[str, Any]) -> None:
    assert need_of(reading(source), b"x" * 1000).unbounded
    need = need_of(reading(source, pdf(plain_pdf(1))), b"x" * 1000, max_input_tokens=200_000)
    assert (need.request_bytes, need.unbounded) == (200_000, False)


def test_text_is_bounded_by_its_bytes_as_ever() -> None:
    assert need_of(reading(TEXT), b"x" * 1000, max_input_tokens=500).request_bytes == 1000


async def test_the_budget_that_a_stopped_run_asks_for_lets_the_request_through() -> None:
    reader = reading(pdf(packed_pdf(4)))
    lane, results = await run(reader, "0.01")
    assert results == []
    assert isinstance(lane.control.reason, StoppedResumable)
    said = str(lane.control.reason)
    assert "the budget of $0.01 cannot take the next request (row 'row 1', prompt 'plain', model 'mine')" in said
    assert "it may cost up to $0.03" in said
    assert "of $0.01 are $0 spent and $0.01 left" in said
    told = re.search(r"--budget (\S+) \(or budget_usd = \1\)", said)
    assert told is not None
    _, results = await run(reader, told[1])
    assert [result.status for result in results] == ["ok"]


async def test_what_the_pages_cost_at_most_is_within_the_bound() -> None:
    """Four pages of the dearest kind: 4,784 tokens of picture and 3,000 of text each (protocol section 12)."""
    used = 4 * (4_784 + 3_000)
    lane, results = await run(reading(pdf(plain_pdf(4))), "1", used=used)
    bound = lane.kept.at_stake["job 1"]
    assert bound is not None
    assert results[0].cost_usd is not None
    assert results[0].cost_usd <= bound < 2 * results[0].cost_usd


async def test_a_known_model_takes_a_fetched_document_under_a_budget_that_covers_all_it_reads() -> None:
    lane, results = await run(reading(FETCHED), "0.1", model="claude-haiku-4-5")
    assert results == []
    assert "it may cost up to $0.200025" in str(lane.control.reason), (
        f"200,000 tokens at ${PRICE.input} and 5 of output"
    )
    _, results = await run(reading(FETCHED), "0.2001", model="claude-haiku-4-5")
    assert [result.status for result in results] == ["ok"]


async def test_where_no_budget_helps_none_is_advised() -> None:
    lane, results = await run(reading(FETCHED), "1000000")
    assert results == []
    said = str(lane.control.reason)
    assert "the pages of a document in it cannot be counted" in said
    assert "Run without budget_usd and --budget" in said
    assert "lets it through" not in said
