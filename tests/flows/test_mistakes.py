"""A user's mistake gives one clear message, the documented exit code, and no traceback."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.commands import COMMAND, ROOT, Finished, called, environment, evalmill, simulator
from tests.support.evals import EVAL, write_eval


def told(done: Finished, code: int, *words: str) -> None:
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert done.err.count("evalmill: error: ") == 1
    for word in words:
        assert word in done.err, f"{word!r} not in {done.err!r}"


def lab(folder: Path, address: str) -> Path:
    """An evaluation whose model is behind a provider of its own."""
    evaluation = write_eval(folder / "sums", EVAL.replace("simulator/sim-small", "lab/sim-small"))
    (folder / "providers.toml").write_text(
        f'[providers.lab]\nprotocol = "anthropic-messages"\nbase_url = "{address}"\nkey_env = "LAB_KEY"\n'
    )
    return evaluation


def test_a_wrong_key(tmp_path: Path) -> None:
    with simulator() as address:
        evaluation = lab(tmp_path, address)
        done = evalmill("run", evaluation, "--out", tmp_path / "run", env=environment(LAB_KEY="wrong-canary-7f3a"))
    told(done, 77, "the provider refuses the key", "Check LAB_KEY")
    assert "canary" not in done.out + done.err


def test_a_missing_key(tmp_path: Path) -> None:
    told(evalmill("run", lab(tmp_path, "http://127.0.0.1:9"), "--out", tmp_path / "run"), 78, "LAB_KEY")
    assert not (tmp_path / "run").exists(), "nothing is made before the settings are sound"


def test_an_address_that_does_not_answer(tmp_path: Path) -> None:
    evaluation = lab(tmp_path, "http://127.0.0.1:9")
    told(
        evalmill("run", evaluation, "--out", tmp_path / "run", env=environment(LAB_KEY="k")),
        69,
        "cannot be reached",
        "lab",
    )


def test_a_missing_column(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path, template="line one\n{{ queston }}")
    done = evalmill("run", evaluation, "--out", tmp_path / "run")
    told(done, 65, "plain.jinja:2: no column 'queston'; did you mean 'question'?")


def test_an_id_column_that_is_not_there(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path, EVAL.replace('id = "id"', 'id = "key"'))
    told(called("check", evaluation), 65, "eval.toml:5: the dataset has no column 'key' for `id`")


def test_a_template_typo(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path, template="{% user %}\n{{ question }}\n{% endusr %}")
    told(called("check", evaluation), 65, "plain.jinja:3", "endusr")


def test_mistakes_in_several_templates_are_told_at_once(tmp_path: Path) -> None:
    prompts = "".join(f'[[prompts]]\nname = "{name}"\ntemplate = "{name}.jinja"\n' for name in ("a", "b", "c"))
    evaluation = write_eval(tmp_path, EVAL.replace("[[models]]", f"{prompts}\n[[models]]"))
    (evaluation / "a.jinja").write_text("{% usr %}{{ question }}{% endusr %}")
    (evaluation / "b.jinja").write_text("line one\n{{ queston }}")
    (evaluation / "c.jinja").write_text("line one\nline two\n{% endfr %}")
    done = called("check", evaluation)
    told(done, 65, "a.jinja:1: ", "'usr'", "b.jinja:2: no column 'queston'", "c.jinja:3: ", "'endfr'")


def test_an_unknown_key(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path, EVAL.replace("seed = 3", "sede = 3"))
    told(called("check", evaluation), 78, "eval.toml:22: unknown key 'simulator.sede'; did you mean 'seed'?")


def test_an_empty_csv(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path)
    (evaluation / "rows.csv").write_text("")
    told(called("run", evaluation, "--out", tmp_path / "run"), 65, "rows.csv", "empty")


def test_a_folder_with_something_else_in_it(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    told(called("run", write_eval(tmp_path / "sums"), "--out", tmp_path / "run"), 73, str(tmp_path / "run"))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_a_folder_of_other_settings(tmp_path: Path) -> None:
    evaluation = write_eval(tmp_path / "sums")
    assert evalmill("run", evaluation, "--out", tmp_path / "run").code == 0
    (evaluation / "eval.toml").write_text(EVAL.replace("max_tokens = 64", "max_tokens = 65"))
    done = evalmill("run", evaluation, "--out", tmp_path / "run")
    told(done, 78, "models[1].params.max_tokens: 64 there, 65 here")
    (evaluation / "eval.toml").write_text(EVAL)
    (evaluation / "rows.csv").write_text((evaluation / "rows.csv").read_text().replace("r7", "r9"))
    told(evalmill("run", evaluation, "--out", tmp_path / "run"), 78, "dataset: its content is not the same")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    told(called("run", write_eval(tmp_path / "sums"), "--out", blocked / "run"), 73, "cannot be written")


def test_a_run_folder_that_another_process_holds(tmp_path: Path) -> None:
    slow = EVAL.replace('answers = "rows.csv"', "").replace("{{ question }}", "{{ question }}")
    evaluation = write_eval(tmp_path / "sums", slow, template="{{ question }} [[sim:slow=30]]")
    holder = subprocess.Popen(
        [*COMMAND, "run", str(evaluation), "--out", str(tmp_path / "run")],
        cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            if (tmp_path / "run" / "lock").exists():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        told(evalmill("run", evaluation, "--out", tmp_path / "run"), 73, f"pid {holder.pid}")
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)


def test_a_full_disk(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the kernel refuses the write in the same place."""
    command = f"exec {' '.join(COMMAND)} run prompts/arithmetic --out {tmp_path / 'run'}"
    done = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; ulimit -f 24; {command}"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    told(Finished(done.returncode, done.stdout, done.stderr), 74, str(tmp_path / "run"))
    again = evalmill("run", "prompts/arithmetic", "--out", tmp_path / "run", "--json")
    assert again.code == 0, again.err
    assert again.json["summary"]["jobs"] == {**again.json["summary"]["jobs"], "total": 2160, "ok": 2160}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], ["EVAL"]),
        (["run", "prompts/arithmetic", "--limt", "3"], ["--limt"]),
        (["run", "prompts/arithmetic", "--limit", "0"], ["--limit"]),
        (["run", "prompts/arithmetic", "--model", "smal"], ["did you mean 'small'"]),
        (["run", "prompts/arithmetic", "--budget", "lots"], ["not an amount in dollars"]),
        (["rnu"], ["rnu"]),
        (["simulate", "--profile", "antropic"], ["did you mean 'anthropic'"]),
        (["models", "ofxo"], ["did you mean 'ofox'"]),
    ],
)
def test_a_wrong_command_line(arguments: list[str], words: list[str]) -> None:
    told(called(*arguments), 64, *words)


def test_a_report_of_something_that_is_no_run(tmp_path: Path) -> None:
    told(called("report", tmp_path), 73, "no run folder")


def test_jobs_that_fail_give_exit_code_2_and_are_counted(tmp_path: Path) -> None:
    evaluation = write_eval(
        tmp_path / "sums", template="{{ question }}{% if id == 'r3' %} [[sim:status=413]]{% endif %}"
    )
    done = evalmill("run", evaluation, "--out", tmp_path / "run", "--json")
    assert done.code == 2, done.err
    assert done.json["summary"]["jobs"]["error"] == 1
    assert done.json["summary"]["jobs"]["ok"] == 7


def test_requests_that_are_all_refused_alike_stop_the_run_early(tmp_path: Path) -> None:
    rows = [{"id": f"r{number}", "question": f"What is {number}?", "answer": "1"} for number in range(200)]
    evaluation = write_eval(
        tmp_path / "sums", EVAL + "\n[run]\nconcurrency = 4\n", template="{{ question }} [[sim:status=413]]", rows=rows
    )
    done = evalmill("run", evaluation, "--out", tmp_path / "run")
    assert done.code == 65
    assert "the first 20 requests were all refused alike" in done.err


def test_the_key_is_written_nowhere(tmp_path: Path) -> None:
    with simulator() as address:
        evaluation = lab(tmp_path, address)
        done = evalmill("run", evaluation, "--out", tmp_path / "run", env=environment(LAB_KEY="sk-canary-7f3a"))
    assert done.code == 0, done.err
    assert "canary" not in done.out + done.err
    for file in (tmp_path / "run").rglob("*"):
        if file.is_file():
            assert b"canary" not in file.read_bytes(), file
