"""`--retry`: jobs that ended badly are asked again, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.support.bench import LAB, Bench, by_status, counted_simulator, results_of
from tests.support.commands import evalmill
from tests.support.evals import sums

ONE_ATTEMPT = LAB + "\n[run]\nmax_attempts = 1\n"
SHORT = LAB.replace("max_tokens = 64", "max_tokens = 25")
GRID = "\n[grid]\nmax_tokens = [{}, {}]\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, tmp_path / "ledger.jsonl")
    with counted_simulator(bench.ledger) as address:
        bench.asks(address)
        yield bench


def test_errors_are_asked_again_in_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path / "ledger.jsonl")
    bench.write(ONE_ATTEMPT, rows=sums(40))
    with counted_simulator(bench.ledger, "--error-rate", "0.3") as address:
        bench.asks(address)
        failed, _ = bench.run()
    assert failed.code == 2, failed.err
    errors = by_status(failed)["error"]
    assert 0 < errors < 40
    before = results_of(failed.json["folder"])
    with counted_simulator(bench.ledger, "--port", address.rpartition(":")[2]):
        done, requests = bench.run("--retry", "error")
        assert requests == errors
        assert done.code == 0, done.err
        assert done.json["folder"] == failed.json["folder"]
        assert by_status(done) == {"ok": 40}
        again, requests = bench.run("--retry", "error", "--out", failed.json["folder"])
        assert (again.code, requests) == (0, 0)
    after = results_of(failed.json["folder"])
    assert after.height == after["job_id"].n_unique() == 40
    kept = before.filter(pl.col("status") == "ok").select("job_id", "request_id")
    assert set(kept.iter_rows()) <= set(after.select("job_id", "request_id").iter_rows())
    assert after["attempts"].list.len().sum() == 40 + errors
    scores = pl.read_parquet(f"{failed.json['folder']}/scores/*.parquet")
    assert scores.filter(pl.col("status") == "scored").height == scores.height == 40
    assert evalmill("verify", failed.json["folder"]).code == 0


def test_truncated_answers_that_are_truncated_again_cost_what_they_cost(bench: Bench) -> None:
    bench.write(SHORT, rows=sums(20))
    first, _ = bench.run()
    cut = by_status(first)["truncated"]
    assert 0 < cut < 20
    again, requests = bench.run("--retry", "truncated")
    assert requests == cut
    assert again.json["folder"] == first.json["folder"]
    rows = results_of(again.json["folder"])
    attempts = rows.explode("attempts").unnest("attempts", separator=".")
    assert rows.filter(pl.col("attempts").list.len() == 2).height == cut
    assert rows["cost_usd"].sum() == attempts["attempts.cost_usd"].sum()
    costs = [Decimal(done.json["summary"]["cost"]["total_usd"]) for done in (first, again)]
    assert costs[1] == rows["cost_usd"].sum() > costs[0]


def test_jobs_that_get_nothing_better_keep_their_rows_and_are_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path / "ledger.jsonl")
    bench.write(SHORT + "\n[run]\nmax_attempts = 1\n", rows=sums(20))
    with counted_simulator(bench.ledger) as address:
        bench.asks(address)
        first, _ = bench.run()
    cut = by_status(first)["truncated"]
    with counted_simulator(bench.ledger, "--error-rate", "0.999", "--port", address.rpartition(":")[2]):
        again, requests = bench.run("--retry", "truncated")
    assert requests == cut
    assert by_status(again) == by_status(first)
    assert f"{cut} of them got nothing better than they had, and keep that" in again.err
    assert [line for line in again.err.splitlines() if line.startswith("small: 20/20 done")][-1].endswith("finished")


def test_a_run_of_which_too_much_fails_stops_and_goes_on(bench: Bench) -> None:
    failing = "{{ question }}{% if id|length == 2 %} [[sim:status=413]]{% endif %}"
    bench.write(LAB + "\n[run]\nconcurrency = 2\n", rows=sums(40), template=failing)
    stopped, _ = bench.run("--max-failure-rate", "0.1")
    assert stopped.code == 75
    assert "more than max_failure_rate = 0.1 allows" in stopped.err
    assert "HTTP 413" in stopped.err
    assert by_status(stopped)["error"] < 10
    done, _ = bench.run()
    assert done.json["folder"] == stopped.json["folder"]
    assert (done.code, by_status(done)) == (2, {"ok": 30, "error": 10})


def test_with_a_higher_limit_only_the_truncated_are_sent(bench: Bench) -> None:
    bench.write(SHORT, rows=sums(20))
    first, _ = bench.run()
    cut = by_status(first)["truncated"]
    assert 0 < cut < 20
    bench.write(rows=sums(20))
    second, requests = bench.run("--retry", "truncated")
    assert requests == cut
    assert second.json["folder"] != first.json["folder"]
    assert by_status(second) == {"ok": 20}
    assert second.json["summary"]["jobs"]["reused"] == 20 - cut


def test_another_limit_is_another_question_without_retry(bench: Bench) -> None:
    bench.write(SHORT, rows=sums(20))
    bench.sent()
    bench.write(rows=sums(20))
    assert bench.sent() == 20


def test_limits_in_a_grid_correspond_by_their_place(bench: Bench) -> None:
    bench.write(LAB + GRID.format(24, 30), rows=sums(10))
    first, _ = bench.run()
    bench.write(LAB + GRID.format(64, 128), rows=sums(10))
    _, requests = bench.run("--retry", "truncated")
    assert 0 < requests < 20
    assert requests == by_status(first)["truncated"]


def test_a_stopped_retry_with_other_limits_goes_on_where_it_was(bench: Bench) -> None:
    bench.write(SHORT + "\n[run]\nconcurrency = 1\n", rows=sums(20))
    first, _ = bench.run()
    cut = by_status(first)["truncated"]
    bench.write(LAB + "\n[run]\nconcurrency = 1\n", rows=sums(20))
    stopped, some = bench.run("--retry", "truncated", "--budget", "0.00015")
    assert stopped.code == 75, stopped.err
    done, more = bench.run()
    assert done.json["folder"] == stopped.json["folder"]
    assert some + more == cut
    assert by_status(done) == {"ok": 20}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--retry", "errors"], ["'errors' is no status", "ok, truncated, refused, empty, error, blocked, skipped"]),
        (["--retry", ""], ["is no status"]),
        (["--retry", "error", "--fresh"], ["--fresh", "--retry"]),
    ],
)
def test_a_retry_that_cannot_be_meant(arguments: list[str], words: list[str]) -> None:
    done = evalmill("run", "prompts/arithmetic", *arguments)
    assert done.code == 64, done.err
    assert all(word in done.err for word in words)
