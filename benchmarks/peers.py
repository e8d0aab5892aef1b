"""Other tools on the same rows and the same server, each in an environment of its own under .peers/."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.support.answer import MODEL
from benchmarks.support.child import EVALMILL, Measured, child_environment, measure, python
from benchmarks.support.figures import Figure
from benchmarks.support.nginx import nginx
from benchmarks.support.results import HERE, take
from benchmarks.support.work import cached_rows, evaluation, work_folder
from benchmarks.support.workload import INSTRUCTION, KEY, Setup, read_questions

PEERS = HERE / ".peers"
SCRIPTS = HERE / "peer_scripts"
IN_FLIGHT = 64
RUN_TIMEOUT_SECONDS = 300.0
INSTALL_TIMEOUT_SECONDS = 400.0
LOOPBACK_ONLY = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}
"""Whatever a tool wants from elsewhere – telemetry, vocabularies, price lists – it does not get."""
QUIET = {
    "ANTHROPIC_API_KEY": KEY,
    "OPENAI_API_KEY": KEY,
    "TELEMETRY_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a tool is asked to do."""

    rows_file: Path
    rows: int
    base_url: str
    work: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One tool: how it is installed, how it is called, and how many answers it says it has."""

    name: str
    packages: tuple[str, ...]
    command: Callable[[Path, Job], list[str]]
    answers: Callable[[Job, str], int]
    npm: bool = False

    @property
    def home(self) -> Path:
        """Its environment."""
        return PEERS / self.name


class Unavailable(Exception):
    """A tool cannot be installed or run here; the text says why."""


def main() -> None:
    """Install what is missing, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=[peer.name for peer in ALL])
    given = parser.parse_args()
    chosen = [peer for peer in ALL if given.only is None or peer.name in given.only]
    rows = 200 if given.quick else 2_000
    title = f"other tools: {rows:,} rows, {IN_FLIGHT} in flight, no latency, whole process"
    partial = given.quick or given.only is not None
    take("peers", title, quick=partial, figures=lambda: _figures(chosen, rows), wide=True)
    if not partial:
        report.main()


def _figures(peers: list[Peer], rows: int) -> list[Figure]:
    with nginx() as server, work_folder() as folder:
        job = Job(rows_file=cached_rows(rows), rows=rows, base_url=server.url, work=folder)
        measured: list[tuple[str, Measured | str]] = [("bare loop", _floor(job)), ("evalmill", _evalmill(job))]
        measured += [(f"{peer.name} {_version(peer)}".rstrip(), _peer(peer, job)) for peer in peers]
    ours = measured[1][1]
    assert isinstance(ours, Measured)
    return [figure for name, outcome in measured for figure in figures_of(name, outcome, ours, rows)]


def figures_of(name: str, outcome: Measured | str, ours: Measured, rows: int) -> list[Figure]:
    """What one tool took, with evalmill beside it; a text is the reason why nothing was measured."""
    if isinstance(outcome, str):
        return [Figure(what=name, value=None, note=outcome)]
    beside = "" if outcome is ours else "evalmill"
    pairs = (
        ("jobs/s", rows / outcome.wall_seconds, rows / ours.wall_seconds),
        ("CPU ms/job", outcome.cpu_seconds * 1000 / rows, ours.cpu_seconds * 1000 / rows),
        ("MB", outcome.peak_mb, ours.peak_mb),
    )
    return [
        Figure(what=name, value=value, unit=unit, beside=beside, beside_value=other if beside else None)
        for unit, value, other in pairs
    ]


def _floor(job: Job) -> Measured:
    lines = str(job.work / "floor.jsonl")
    return measure(python("-m", "benchmarks.floor", str(job.rows_file), job.base_url, lines)).require()


def _evalmill(job: Job) -> Measured:
    settings = evaluation(job.work, job.rows_file, Setup(base_url=job.base_url, concurrency=IN_FLIGHT))
    return measure([EVALMILL, "run", "--yes", str(settings), "--out", str(job.work / "out")]).require()


def _peer(peer: Peer, job: Job) -> Measured | str:
    work = job.work / peer.name
    work.mkdir()
    own = Job(rows_file=job.rows_file, rows=job.rows, base_url=job.base_url, work=work)
    try:
        _install(peer)
        return _run(peer, own)
    except (Unavailable, TimeoutError, OSError) as error:
        return without_places(str(error))


def _run(peer: Peer, job: Job) -> Measured:
    environment = {**LOOPBACK_ONLY, **QUIET, **_homes(job.work), **_vocabulary(peer)}
    command = peer.command(peer.home, job)
    measured = measure(command, environment=environment, timeout_seconds=RUN_TIMEOUT_SECONDS, cwd=job.work)
    (PEERS / f"{peer.name}.out").write_text(measured.stdout + measured.stderr)
    try:
        answers = peer.answers(job, measured.stdout)
    except (OSError, ValueError, KeyError, IndexError):
        answers = 0
    if answers != job.rows:
        raise Unavailable(f"{answers} of {job.rows} answers, exit code {measured.exit_code}: {_last_line(measured)}")
    return measured


def _homes(work: Path) -> Mapping[str, str]:
    """Caches and settings go to the working folder, so that nothing is remembered from an earlier run."""
    names = ("HOME", "HF_HOME", "XDG_CACHE_HOME", "CURATOR_CACHE_DIR", "PROMPTFOO_CONFIG_DIR")
    return {name: str(work) for name in names}


def _vocabulary(peer: Peer) -> Mapping[str, str]:
    """The token vocabulary that comes with litellm, for tools that would download the same one."""
    folders = list(peer.home.glob("lib/python*/site-packages/litellm/litellm_core_utils/tokenizers"))
    return {"TIKTOKEN_CACHE_DIR": str(folders[0])} if folders else {}


def _last_line(measured: Measured) -> str:
    lines = [line.strip() for line in (measured.stderr or measured.stdout).splitlines() if line.strip()]
    return without_places(lines[-1])[:160] if lines else "it said nothing"


def without_places(text: str) -> str:
    """A message without addresses, hosts and folders, which are this machine's affair."""
    text = re.sub(r"https?://\S+", "…", text)
    text = re.sub(r"host='[^']*'", "host=…", text)
    return re.sub(r"(?<![\w.])/[\w.\-]+(/[\w.\-]+)+", "…", text)


def _install(peer: Peer) -> None:
    done = peer.home / ".installed"
    wanted = " ".join(peer.packages)
    if done.exists() and done.read_text() == wanted:
        return
    peer.home.mkdir(parents=True, exist_ok=True)
    for command in _install_commands(peer):
        try:
            process = subprocess.run(
                command, cwd=peer.home, env=child_environment(), capture_output=True, text=True,
                timeout=INSTALL_TIMEOUT_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"not installed: {type(error).__name__}") from None
        if process.returncode:
            last = (process.stderr.strip() or "no reason given").splitlines()[-1]
            raise Unavailable(f"not installed: {without_places(last)[:160]}")
    done.write_text(wanted)


def _install_commands(peer: Peer) -> list[list[str]]:
    if peer.npm:
        return [["npm", "install", "--no-fund", "--no-audit", "--prefix", ".", *peer.packages]]
    pip = [str(peer.home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [[sys.executable, "-m", "venv", str(peer.home)], [*pip, *peer.packages]]


def _version(peer: Peer) -> str:
    return peer.packages[0].rpartition("==" if not peer.npm else "@")[2]


def _script(name: str) -> Callable[[Path, Job], list[str]]:
    def command(home: Path, job: Job) -> list[str]:
        script = str(SCRIPTS / name)
        given = [str(job.rows_file), job.base_url, MODEL, INSTRUCTION, str(IN_FLIGHT), str(job.work)]
        return [str(home / "bin" / "python"), script, *given]

    return command


def _counted(_: Job, stdout: str) -> int:
    return int(stdout.rpartition("ANSWERS ")[2].split()[0])


def _lm_eval(home: Path, job: Job) -> list[str]:
    task = (SCRIPTS / "bench.yaml").read_text()
    task = task.replace("ROWS_FILE", str(job.rows_file)).replace("INSTRUCTION", INSTRUCTION.replace("\n", "\\n"))
    (job.work / "bench.yaml").write_text(task)
    model = f"model={MODEL},base_url={job.base_url}/v1/chat/completions,num_concurrent={IN_FLIGHT},max_retries=3"
    return [
        str(home / "bin" / "lm_eval"), "--model", "local-chat-completions", "--model_args", model, "--tasks", "bench",
        "--include_path", str(job.work), "--apply_chat_template", "--log_samples", "--output_path", str(job.work),
    ]  # fmt: skip


def _lm_eval_answers(job: Job, _: str) -> int:
    (samples,) = job.work.glob("**/samples_bench_*.jsonl")
    return sum(bool(json.loads(line)["resps"][0][0]) for line in samples.read_text().splitlines())


def _promptfoo(home: Path, job: Job) -> list[str]:
    settings = {
        "prompts": ["{{question}}" + INSTRUCTION],
        "providers": [
            {
                "id": f"anthropic:messages:{MODEL}",
                "config": {"apiBaseUrl": job.base_url, "apiKey": KEY, "max_tokens": 512, "temperature": 0},
            }
        ],
        "tests": [
            {"vars": {"question": question}, "assert": [{"type": "contains", "value": "30"}]}
            for _, question in read_questions(job.rows_file)
        ],
    }
    (job.work / "promptfooconfig.json").write_text(json.dumps(settings))
    return [
        str(home / "node_modules" / ".bin" / "promptfoo"), "eval", "-c", "promptfooconfig.json", "--no-cache",
        "--max-concurrency", str(IN_FLIGHT), "--no-table", "--no-progress-bar", "-o", "out.json",
    ]  # fmt: skip


def _promptfoo_answers(job: Job, _: str) -> int:
    results = json.loads((job.work / "out.json").read_text())["results"]["results"]
    return sum(bool(result.get("response", {}).get("output")) for result in results)


ALL = (
    Peer(
        name="curator", packages=("bespokelabs-curator==0.1.31",), command=_script("with_curator.py"), answers=_counted
    ),
    Peer(name="lm-eval", packages=("lm_eval[api]==0.4.13",), command=_lm_eval, answers=_lm_eval_answers),
    Peer(
        name="litellm",
        packages=("litellm==1.110.2", "pyarrow==26.0.1"),
        command=_script("with_litellm.py"),
        answers=_counted,
    ),
    Peer(name="promptfoo", packages=("promptfoo@0.121.20",), command=_promptfoo, answers=_promptfoo_answers, npm=True),
    Peer(
        name="inspect-ai",
        packages=("inspect-ai==0.3.285", "anthropic==2.14.0", "pyarrow==26.0.1"),
        command=_script("with_inspect.py"),
        answers=_counted,
    ),
)


if __name__ == "__main__":
    main()
