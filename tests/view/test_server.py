"""The server's answers: searches that take several requests, long texts, runs that come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.view.server import ViewServer
from tests.support.store import result
from tests.support.stored import results, stored_run

LONG = "글자 " * 350_000
"""A little over 1,000,000 characters."""


@pytest.fixture
async def top(tmp_path: Path) -> Path:
    await stored_run(tmp_path / "sums" / "r1")
    return tmp_path


@pytest.fixture
async def client(top: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        ViewServer(top, search_seconds=0) as server,
        httpx.AsyncClient(base_url=server.address, trust_env=False, timeout=60) as client,
    ):
        yield client


async def asked(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_search_goes_on_with_every_request_until_it_is_through(client: httpx.AsyncClient) -> None:
    expected = sum(one.text is not None for one in results())
    answers = [await asked(client, "runs/sums/r1/samples.json", text="äpfel")]
    while answers[-1]["searched"] < 1:
        answers.append(await asked(client, "runs/sums/r1/samples.json", text="äpfel"))
    assert len(answers) > 1
    assert answers[-1]["matching"] == expected
    assert all("äpfel" in item["answer"]["text"].lower() for item in answers[-1]["items"])


async def test_a_line_has_the_beginning_a_sample_more_and_whoever_asks_gets_the_whole_text(
    client: httpx.AsyncClient, top: Path
) -> None:
    await stored_run(top / "sums" / "r2", [result(0, text=LONG, row_id="a"), result(1, row_id="a")])
    line = (await asked(client, "runs/sums/r2/samples.json", sort="row"))["items"][0]
    job = {"job": f"{0:032x}"}
    row = await asked(client, "runs/sums/r2/row.json", **job)
    texts = [line["answer"], row[0]["answer"]]
    assert [len(text["text"]) for text in texts] == [600, 20_000]
    assert [text["more"] for text in texts] == [len(LONG) - 600, len(LONG) - 20_000]
    assert len(row) == 2
    whole = await client.get("runs/sums/r2/job.txt", params=job)
    assert whole.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert f"== user\nAsked: what is a?\n\n== answer\n{LONG}\n" in whole.text
    assert (await client.get("runs/sums/r2/job.txt?job=x")).status_code == 404


async def test_a_run_that_is_new_is_found_and_one_that_is_gone_is_not(client: httpx.AsyncClient, top: Path) -> None:
    assert (await client.get("runs/sums/new/samples.json")).status_code == 404
    await stored_run(top / "sums" / "new", results()[:4])
    assert (await asked(client, "runs/sums/new/samples.json"))["total"] == 4
    (top / "sums" / "new").rename(top / "sums" / "old")
    assert (await client.get("runs/sums/new/samples.json")).status_code == 503
    await client.get("")
    assert (await client.get("runs/sums/new/samples.json")).status_code == 404


async def test_names_with_odd_signs_have_addresses(client: httpx.AsyncClient, top: Path) -> None:
    await stored_run(top / "한글 & ?#%" / "r 1", results()[:4])
    page = (await client.get("")).text
    start = page.index('href="/runs/%ED%95%9C') + len('href="')
    address = page[start : page.index('"', start)]
    assert (await client.get(address)).status_code == 200
    assert (await asked(client, address.replace("index.html", "samples.json")))["total"] == 4


@pytest.mark.parametrize("name", ["index.html", "quality.html", "cost.html", "live.html"])
async def test_a_damaged_summary_is_told_on_every_page(client: httpx.AsyncClient, top: Path, name: str) -> None:
    for text in ("{", '{"jobs": {"total": 3}}', '{"cells": [{"model": 1}]}'):
        (top / "sums" / "r1" / "summary.json").write_text(text, encoding="utf-8")
        answer = await client.get(f"runs/sums/r1/{name}")
        assert answer.status_code == 200
        assert name == "live.html" or "summary.json is damaged" in answer.text


async def test_status_says_what_is_done(client: httpx.AsyncClient) -> None:
    told = await asked(client, "runs/sums/r1/status.json")
    assert told["state"] == "finished"
    assert told["rows"][-1][:2] == ["all", "80 of 80"]
