"""Judges end to end: what they cost, what is asked again, budgets, interruptions and kills."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pipeline.store.journal import segment_files
from tests.support.bench import KEY, Bench, counted_simulator, results_of
from tests.support.commands import COMMAND, ROOT, evalmill, simulator
from tests.support.evals import sums, write_eval
from tests.support.judged import (
    CORRECT,
    PREFERRED,
    SECOND_MODEL,
    entry,
    judge,
    judged_eval,
    judged_lab,
    scores,
    verdicts,
)

ROWS = sums(12)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    ledger = tmp_path_factory.mktemp("lab") / "ledger.jsonl"
    with counted_simulator(ledger) as address:
        yield address, ledger


@pytest.fixture
def bench(tmp_path: Path, lab: tuple[str, Path]) -> Bench:
    bench = Bench(tmp_path, lab[1])
    bench.asks(lab[0])
    return bench


def score(bench: Bench, folder: str, *arguments: object) -> tuple[dict, int, int]:
    before = bench.requests()
    done = evalmill("score", folder, "--json", *arguments, env=KEY)
    return done.json["summary"] if done.out else {}, bench.requests() - before, done.code


def test_a_judge_scores_every_answer_and_its_cost_is_the_runs(bench: Bench) -> None:
    bench.write(judged_lab(CORRECT), rows=ROWS)
    done, requests = bench.run()
    assert (done.code, requests) == (0, 24), done.err
    folder, summary = done.json["folder"], done.json["summary"]
    said = entry(summary)
    assert said["judges"][0] | {"jobs": 12, "ok": 12, "failed": 0} == said["judges"][0]
    assert set(scores(folder)["label"]) <= {"correct", "partly", "incorrect"}
    assert scores(folder)["explanation"].null_count() == 0
    judged, answered = verdicts(folder), results_of(folder)
    cost = summary["cost"]
    assert Decimal(cost["judges_usd"]) == judged["cost_usd"].sum() == Decimal(said["cost_usd"])
    assert Decimal(cost["total_usd"]) == judged["cost_usd"].sum() + answered["cost_usd"].sum()
    assert set(judged["run_id"]) == set(answered["run_id"])
    named = {json.loads(params)["judged"] for params in judged["params"]}
    assert named == set(answered["job_id"])
    assert evalmill("verify", folder).code == 0


def test_scoring_again_sends_nothing_and_a_new_judge_pays_its_own_calls_alone(bench: Bench) -> None:
    bench.write(judged_lab(CORRECT), rows=ROWS)
    done, _ = bench.run()
    folder = done.json["folder"]
    first = scores(folder)
    assert score(bench, folder)[1:] == (0, 0)
    bench.write(judged_lab(judge("second", "lab/sim-small").replace("200", "201"), CORRECT), rows=ROWS)
    summary, requests, code = score(bench, folder)
    assert (requests, code) == (12, 0)
    assert [one["jobs"] for one in entry(summary)["judges"]] == [12, 12]
    assert entry(summary)["agreement_between_judges"]["n"] == 12
    assert scores(folder)["extracted"].str.contains("second").all()
    bench.write(judged_lab(CORRECT), rows=ROWS)
    summary, requests, code = score(bench, folder)
    assert (requests, code) == (0, 0)
    assert scores(folder).equals(first), "without the second judge all is as it was"
    assert len(verdicts(folder)) == 24, "what was paid for stays"
    assert Decimal(summary["cost"]["judges_usd"]) == verdicts(folder)["cost_usd"].sum()


def test_another_run_takes_the_verdicts_of_an_earlier_one(bench: Bench) -> None:
    bench.write(judged_lab(CORRECT), rows=ROWS)
    bench.run()
    bench.write(judged_lab(CORRECT), rows=sums(13))
    done, requests = bench.run()
    assert (done.code, requests) == (0, 2), "an answer and its verdict"
    assert verdicts(done.json["folder"])["source"].value_counts().sort("source")["count"].to_list() == [1, 12]
    assert entry(done.json["summary"])["judges"][0]["reused"] == 12


def test_an_answer_that_changed_is_judged_again_and_no_other(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path / "ledger.jsonl")
    bench.write(judged_lab(CORRECT, "\n[run]\nmax_attempts = 1\n"), rows=sums(30))
    with counted_simulator(bench.ledger, "--error-rate", "0.3") as address:
        bench.asks(address)
        failed, _ = bench.run()
    folder = failed.json["folder"]
    errors = results_of(folder).filter(pl.col("status") == "error").height
    unjudged = verdicts(folder).filter(pl.col("status") == "error").height
    assert errors
    assert unjudged
    assert scores(folder).filter(pl.col("status") == "left_out").height == errors
    assert scores(folder).filter(pl.col("status") == "unscored").height == unjudged, "a judge that fails is no verdict"
    with counted_simulator(bench.ledger, "--port", address.rpartition(":")[2]):
        done, requests = bench.run("--retry", "error")
    assert done.code == 0, done.err
    assert requests == errors + errors + unjudged
    assert scores(folder).filter(pl.col("status") == "scored").height == 30
    assert len(verdicts(folder)) == 30


def test_the_budget_holds_for_answers_and_judges_together_and_the_run_continues(bench: Bench) -> None:
    bench.write(judged_lab(CORRECT), rows=sums(40))
    done, _ = bench.run("--limit", "1", "--fresh")
    one = Decimal(done.json["summary"]["cost"]["total_usd"])
    judging = Decimal(done.json["summary"]["cost"]["judges_usd"])
    cap = (one - judging) * 40 + judging * 15
    stopped, before = bench.run("--fresh", "--budget", f"{cap:f}")
    assert stopped.code == 75, stopped.err
    assert "verdicts are left" in stopped.err
    folder, cost = stopped.json["folder"], stopped.json["summary"]["cost"]
    assert Decimal(cost["total_usd"]) <= cap
    assert len(results_of(folder)) == 40
    assert 0 < len(verdicts(folder)) < 40
    again, nothing = bench.run("--fresh", "--budget", f"{cap:f}")
    assert (again.code, nothing) == (75, 0), "what the judges have spent counts from the start"
    assert again.json["folder"] == folder
    rest, after = bench.run("--fresh")
    assert (rest.code, rest.json["folder"]) == (0, folder), rest.err
    assert before + after == 80, "nothing is paid twice"
    assert len(verdicts(folder)) == 40


def test_a_run_that_is_killed_while_judging_loses_nothing_and_pays_nothing_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path / "ledger.jsonl")
    evaluation = bench.write(judged_lab(CORRECT, "\n[run]\nconcurrency = 4\n"), rows=sums(60))
    folder = tmp_path / "run"
    with simulator("--ledger", bench.ledger, "--latency-scale", "0.6") as address:
        bench.asks(address)
        process = subprocess.Popen(
            [*COMMAND, "run", str(evaluation), "--out", str(folder)],
            cwd=ROOT,
            env=KEY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        judges = folder / "judges/right"
        while process.poll() is None and not (
            judges.exists() and any(path.stat().st_size > 20_000 for path in segment_files(judges).values())
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        stopped = evalmill("status", folder, "--json").json
        done = evalmill("run", evaluation, "--out", folder, "--json", env=KEY)
    assert done.code == 0, done.err
    assert stopped["state"] == "stopped"
    assert 0 < stopped["judges"][0]["done"] < 60
    assert stopped["judges"][0]["planned"] == 60
    assert len(verdicts(folder)) == verdicts(folder)["job_id"].n_unique() == 60
    assert 120 <= bench.requests() <= 128, "only what was in flight, or not yet on disk, is sent again"
    assert evalmill("verify", folder).code == 0
    assert evalmill("status", folder, "--json").json["state"] == "finished"


def test_pairs_are_shown_in_both_orders_and_a_biased_judge_gives_ties(tmp_path: Path) -> None:
    text = judged_eval(SECOND_MODEL, PREFERRED, simulator="judge_position_bias = 1.0\n")
    done = evalmill("run", write_eval(tmp_path / "sums", text), "--reports", tmp_path / "reports", "--json")
    assert done.code == 0, done.err
    folder, said = done.json["folder"], entry(done.json["summary"], "preferred")
    consistency = said["position_consistency"]
    assert consistency["pairs"] > 0
    assert consistency["share"] == 0.0
    assert len(verdicts(folder, "preferred")) == 2 * consistency["pairs"]
    assert set(scores(folder, "preferred")["value"]) == {0.5}
    rating = done.json["summary"]["ratings"][0]
    assert [one["ties"] for one in rating["ratings"]] == [8, 8]
    assert [one["rating"] for one in rating["ratings"]] == [0.0, pytest.approx(0.0, abs=1e-6)]


def test_an_accurate_judge_prefers_the_right_answer_whatever_the_order(tmp_path: Path) -> None:
    text = judged_eval(SECOND_MODEL, PREFERRED, simulator="judge_accuracy = 1.0\n")
    evaluation = write_eval(tmp_path / "sums", text, rows=sums(30))
    done = evalmill("run", evaluation, "--reports", tmp_path / "reports", "--json")
    assert done.code == 0, done.err
    assert entry(done.json["summary"], "preferred")["position_consistency"]["share"] == 1.0
    folder = done.json["folder"]
    by_job = dict(scores(folder, "number").select("job_id", "passed").iter_rows())
    jobs = results_of(folder).join(scores(folder, "preferred"), on="job_id")
    for _, pair in jobs.group_by("row_id"):
        right = [by_job[job] for job in pair["job_id"]]
        if right[0] != right[1]:
            assert pair["value"].to_list() == [float(one) for one in right]


def test_truncated_answers_are_counted_without_asking_a_judge(bench: Bench) -> None:
    cut = judged_lab(CORRECT).replace("max_tokens = 64", "max_tokens = 3", 1)
    bench.write(cut, rows=ROWS)
    done, requests = bench.run()
    truncated = done.json["summary"]["jobs"]["truncated"]
    assert truncated
    assert requests == 12 + 12 - truncated
    wrong = scores(done.json["folder"]).filter(pl.col("label") == "truncated")
    assert len(wrong) == truncated
    assert set(wrong["value"]) == {0.0}


def test_an_echo_for_a_judge_leaves_every_answer_unscored(tmp_path: Path) -> None:
    text = judged_eval(CORRECT, simulator="judge_echo = true\n")
    done = evalmill("run", write_eval(tmp_path / "sums", text), "--reports", tmp_path / "reports", "--json")
    assert done.code == 0, done.err
    assert set(scores(done.json["folder"])["status"]) == {"unscored"}
    assert entry(done.json["summary"])["judges"][0]["reasked"] == 16, "each of 8 twice, and no more"
    assert entry(done.json["summary"])["unscored"] == 8
