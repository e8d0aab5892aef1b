"""What earlier runs have answered is not paid again; the requests are counted where they arrive."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.support.bench import KEY, LAB, Bench, counted_simulator, results_of
from tests.support.commands import COMMAND, ROOT, evalmill
from tests.support.evals import EVAL, sums, write_eval

SECOND_PROMPT = '\n[[prompts]]\nname = "second"\ntemplate = "second.jinja"\n'
SECOND_MODEL = '\n[[models]]\nname = "medium"\nid = "lab/sim-medium"\n'


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    ledger = tmp_path_factory.mktemp("lab") / "ledger.jsonl"
    with counted_simulator(ledger) as address:
        yield address, ledger


@pytest.fixture
def bench(tmp_path: Path, lab: tuple[str, Path]) -> Bench:
    address, ledger = lab
    bench = Bench(tmp_path, ledger)
    bench.asks(address)
    return bench


def test_adding_a_row_to_500_sends_one_request(bench: Bench) -> None:
    bench.write(rows=sums(500))
    assert bench.sent() == 500
    bench.write(rows=sums(501))
    assert bench.sent() == 1


def test_the_same_settings_again_send_nothing_and_say_what_was_saved(bench: Bench) -> None:
    bench.write(rows=sums(20))
    first, _ = bench.run()
    second, requests = bench.run()
    assert requests == 0
    assert second.json["folder"] != first.json["folder"]
    paid = first.json["summary"]["cost"]["total_usd"]
    assert second.json["summary"]["jobs"]["reused"] == 20
    assert (
        second.json["summary"]["cost"] | {"total_usd": "0", "reused_saved_usd": paid}
        == (second.json["summary"]["cost"])
    )
    assert "20 answers reused from earlier runs, saving $0.0" in second.err
    then, now = results_of(first.json["folder"]), results_of(second.json["folder"])
    assert now["source"].unique().to_list() == ["reused"]
    assert now["reused_from"].unique().to_list() == [Path(first.json["folder"]).name]
    assert now["cost_usd"].sum() == 0
    assert now["attempts"].list.len().sum() == 0
    assert now["reused_cost_usd"].sum() == then["cost_usd"].sum() == Decimal(paid)
    assert dict(now.select("row_id", "text").iter_rows()) == dict(then.select("row_id", "text").iter_rows())
    assert evalmill("verify", second.json["folder"]).code == 0
    third, requests = bench.run("--out", bench.folder / "elsewhere")
    assert requests == 0
    copies = results_of(third.json["folder"])
    assert copies["reused_from"].unique().to_list() == [Path(first.json["folder"]).name], "the run that paid is named"
    assert copies["reused_cost_usd"].sum() == Decimal(paid)


def test_renaming_a_prompt_and_reordering_rows_send_nothing(bench: Bench) -> None:
    bench.write(rows=sums(20))
    bench.sent()
    bench.write(LAB.replace('name = "plain"', 'name = "renamed"'), rows=sums(20)[::-1])
    assert bench.sent() == 0


def test_touching_a_template_runs_only_that_prompt_again(bench: Bench) -> None:
    folder = bench.write(LAB + SECOND_PROMPT, rows=sums(20))
    (folder / "second.jinja").write_text("Tell me: {{ question }}")
    assert bench.sent() == 40
    (folder / "second.jinja").write_text("Please tell me: {{ question }}")
    assert bench.sent() == 20


def test_adding_a_model_pays_only_for_its_cells(bench: Bench) -> None:
    bench.write(rows=sums(20))
    bench.sent()
    bench.write(LAB.replace("\n[[scorers]]", SECOND_MODEL + "\n[[scorers]]"), rows=sums(20))
    assert bench.sent() == 20


def test_repeats_get_distinct_answers_and_more_of_them_are_paid(bench: Bench) -> None:
    bench.write(LAB + "\n[run]\nrepeats = 2\n", rows=sums(10))
    assert bench.sent() == 20
    bench.write(LAB + "\n[run]\nrepeats = 3\n", rows=sums(10))
    done, requests = bench.run()
    assert requests == 10
    assert results_of(done.json["folder"])["request_id"].n_unique() == 30


def test_fresh_pays_again_and_stays_fresh_when_it_is_continued(bench: Bench) -> None:
    bench.write(rows=sums(8))
    assert bench.sent() == 8
    stopped, requests = bench.run("--fresh", "--budget", "0.0002")
    assert stopped.code == 75, stopped.err
    assert 0 < requests < 8
    continued, more = bench.run()
    assert continued.json["folder"] == stopped.json["folder"]
    assert requests + more == 8
    assert continued.json["summary"]["jobs"]["reused"] == 0


def test_fresh_does_not_continue_a_run_that_reuses(bench: Bench) -> None:
    bench.write(rows=sums(8))
    stopped, _ = bench.run("--budget", "0.0002")
    assert stopped.code == 75
    fresh, requests = bench.run("--fresh")
    assert fresh.json["folder"] != stopped.json["folder"]
    assert requests == 8
    refused, requests = bench.run("--fresh", "--out", stopped.json["folder"])
    assert (refused.code, requests) == (78, 0)
    assert "--fresh" in refused.err


def test_errors_are_asked_again_and_the_rest_is_reused(bench: Bench) -> None:
    bench.write(rows=sums(8), template="{{ question }}{% if id == 'r3' %} [[sim:status=413]]{% endif %}")
    done, _ = bench.run()
    assert done.json["summary"]["jobs"]["error"] == 1
    assert bench.run()[1] == 1


def test_a_run_under_way_is_read_from_its_journal(bench: Bench) -> None:
    """It holds its lock, and waits for the answer to row 20."""
    stuck = "{{ question }}{% if id == 'r20' %} [[sim:slow=60]]{% endif %}"
    bench.write(LAB + "\n[run]\nconcurrency = 1\n", rows=sums(40), template=stuck)
    home = bench.folder / "reports" / "sums"
    process = subprocess.Popen(
        [*COMMAND, "run", str(bench.folder / "sums"), "--reports", str(bench.folder / "reports")],
        cwd=ROOT, env=KEY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 30
        while _answers_in_journals(home) < 20 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        bench.write(LAB, rows=sums(40))
        done, requests = bench.run("--out", bench.folder / "other")
        assert process.poll() is None
        assert requests == 20
        assert done.json["summary"]["jobs"]["reused"] == 20
    finally:
        process.kill()
        process.wait(10)


def _answers_in_journals(home: Path) -> int:
    return sum(path.read_text().count('"fingerprint"') for path in home.glob("*/journal/*.jsonl"))


def test_a_damaged_run_is_passed_over_with_a_note(bench: Bench) -> None:
    bench.write(rows=sums(8))
    done, _ = bench.run()
    damaged = bench.folder / "reports" / "sums" / "20990101-damaged"
    shutil.copytree(done.json["folder"], damaged)
    (damaged / "run.json").write_text("{")
    half = bench.folder / "reports" / "sums" / "20990102-half"
    shutil.copytree(done.json["folder"], half)
    for part in (half / "results").iterdir():
        part.write_bytes(part.read_bytes()[:-7])
    empty = bench.folder / "reports" / "sums" / "20990103-empty"
    empty.mkdir()
    (empty / "run.json").write_text('{"schema": 1, "settings": {}, "dataset": {}}')
    again, requests = bench.run()
    assert requests == 0
    assert again.json["summary"]["jobs"]["reused"] == 8
    assert "20990101-damaged" in again.err
    assert "20990102-half" in again.err
    assert "Traceback" not in again.err


def test_recorded_answers_are_never_reused(tmp_path: Path) -> None:
    recorded = EVAL.replace(
        'id = "simulator/sim-small"\n[models.params]\nmax_tokens = 64', 'id = "recorded/mine"\nanswer = "{{ answer }}"'
    )
    evaluation = write_eval(tmp_path / "sums", recorded.partition("\n[simulator]")[0])
    for _ in range(2):
        done = evalmill("run", evaluation, "--reports", tmp_path / "reports", "--json")
        assert done.code == 0, done.err
        assert done.json["summary"]["jobs"]["reused"] == 0


def test_a_reused_answer_is_judged_by_what_it_cost_when_it_was_new(bench: Bench) -> None:
    bench.write(LAB + '\n[[scorers]]\nkind = "cost"\n', rows=sums(3))
    costs = []
    for sent in (3, 0):
        run, requests = bench.run()
        assert requests == sent
        scores = pl.read_parquet(f"{run.json['folder']}/scores/*.parquet").filter(pl.col("scorer") == "cost")
        results = results_of(run.json["folder"]).select("job_id", "row_id")
        costs.append(dict(results.join(scores, on="job_id").select("row_id", "value").iter_rows()))
    assert costs[0] == costs[1]
    assert min(costs[1].values()) > 0
