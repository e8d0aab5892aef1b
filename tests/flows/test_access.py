"""A key and a server are asked for only where something is sent; what is missing is told before anything is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bench import KEY, LAB, Bench, by_status, counted_simulator
from tests.support.commands import Finished, environment, evalmill
from tests.support.evals import sums
from tests.support.judged import CORRECT, judge

NO_KEY = environment()
SECOND_MODEL = """
[[models]]
name = "second"
id = "other/sim-small"
[models.params]
max_tokens = 64
"""
SECOND_PROVIDER = """
[providers.other]
protocol = "anthropic-messages"
base_url = "{address}"
key_env = "OTHER_KEY"
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Ten rows that an earlier run has answered; the server is still there."""
    bench = Bench(tmp_path, tmp_path / "ledger.jsonl")
    bench.write(LAB, rows=sums(10))
    with counted_simulator(bench.ledger) as address:
        bench.asks(address)
        assert bench.sent() == 10
        yield bench


def run(bench: Bench, *, env: dict[str, str]) -> tuple[Finished, int]:
    """Run the evaluation once more; gives how many requests were sent."""
    before = bench.requests()
    done = evalmill("run", bench.folder / "sums", "--reports", bench.folder / "reports", "--json", env=env)
    return done, bench.requests() - before


def test_a_run_whose_answers_are_all_reused_needs_no_key(bench: Bench) -> None:
    done, requests = run(bench, env=NO_KEY)
    assert (done.code, requests) == (0, 0), done.err
    assert done.json["summary"]["jobs"]["reused"] == 10


def test_a_run_whose_answers_are_all_reused_needs_no_server(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path / "ledger.jsonl")
    bench.write(LAB, rows=sums(10))
    with counted_simulator(bench.ledger) as address:
        bench.asks(address)
        bench.sent()
    done, _ = run(bench, env=KEY)
    assert done.code == 0, done.err
    bench.write(LAB, rows=sums(11))
    done, _ = run(bench, env=KEY)
    assert done.code == 69
    assert "cannot be reached" in done.err
    assert "nothing was sent to it" in done.err


def test_one_row_that_is_new_needs_the_key(bench: Bench) -> None:
    bench.write(LAB, rows=sums(11))
    done, requests = run(bench, env=NO_KEY)
    assert (done.code, requests) == (78, 0)
    assert "LAB_KEY" in done.err


def test_a_row_that_is_new_among_fewer_needs_the_key(bench: Bench) -> None:
    """Ten answers and ten rows: only a look at the rows tells that one of them was never asked."""
    bench.write(LAB, rows=sums(11)[1:])
    done, requests = run(bench, env=NO_KEY)
    assert (done.code, requests) == (78, 0)
    done, requests = run(bench, env=KEY)
    assert (done.code, requests, by_status(done)) == (0, 1, {"ok": 10}), done.err


def test_a_missing_key_is_told_before_another_model_spends_anything(bench: Bench) -> None:
    providers = bench.folder / "providers.toml"
    address = providers.read_text().split('base_url = "')[1].split('"')[0]
    providers.write_text(providers.read_text() + SECOND_PROVIDER.format(address=address))
    bench.write(LAB.replace("\n[[scorers]]", SECOND_MODEL + "\n[[scorers]]", 1), rows=sums(12))
    done, requests = run(bench, env=KEY)
    assert (done.code, requests) == (78, 0)
    assert "OTHER_KEY" in done.err
    done, requests = run(bench, env=environment(OTHER_KEY="k"))
    assert (done.code, requests) == (78, 0)
    assert "LAB_KEY" in done.err


def test_a_first_run_without_a_key_leaves_no_folder(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path / "ledger.jsonl")
    bench.write(LAB, rows=sums(3))
    bench.asks("http://127.0.0.1:9")
    done, _ = run(bench, env=NO_KEY)
    assert done.code == 78
    assert not list((tmp_path / "reports").rglob("run.json"))


def judged_elsewhere() -> str:
    """The sums with a judge at the other provider, whose key is not there."""
    settled = LAB.replace("[models.params]", "[models.params]\ntemperature = 0.0")
    return settled + judge(model="other/sim-small") + CORRECT


def test_a_missing_key_of_a_judge_is_told_before_the_answers_are_paid_for(bench: Bench) -> None:
    """Although there are earlier answers, which may be all that a run needs."""
    providers = bench.folder / "providers.toml"
    address = providers.read_text().split('base_url = "')[1].split('"')[0]
    providers.write_text(providers.read_text() + SECOND_PROVIDER.format(address=address))
    bench.write(judged_elsewhere(), rows=sums(10))
    done, requests = run(bench, env=KEY)
    assert (done.code, requests) == (78, 0), done.err
    assert "OTHER_KEY" in done.err
    both = {**KEY, "OTHER_KEY": "k"}
    assert run(bench, env=both)[1] == 20
    bench.write(judged_elsewhere(), rows=sums(12))
    done, requests = run(bench, env=KEY)
    assert (done.code, requests) == (78, 0), done.err
    bench.write(judged_elsewhere(), rows=sums(9))
    done, requests = run(bench, env=NO_KEY)
    assert (done.code, requests) == (0, 0), "what all is there already needs no key"
