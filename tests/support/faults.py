"""Runs the whole product against a simulator that misbehaves, in this process, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
from anyio.from_thread import start_blocking_portal

from pipeline.config.load import Overrides
from pipeline.core.clock import SystemClock
from pipeline.core.records import Result
from pipeline.flow import Outcome, Surroundings, run_evaluation
from pipeline.simulator.answers import AnswerBook
from pipeline.simulator.options import Options
from pipeline.simulator.server import Simulator
from pipeline.steps.choose import Again, Choice, Places
from pipeline.steps.prepare import Prepared

TEXT = (
    "Erstens: ‘äöü’ \u2028 zweitens\u0085 drittens \x0c 안녕하세요 여러분, "
    + "und so weiter, ".join(map(str, range(40)))
    + " Ende."
)
"""Every whole answer: long, with characters of several bytes and with what careless readers take for line ends."""

DEADLINE_SECONDS = 5.0
IDLE_SECONDS = 2.0
HASTE = 100.0

_EVAL = """\
name = "faults"

[dataset]
path = "rows.jsonl"
id = "id"

[[prompts]]
name = "plain"
template = "plain.jinja"

[[models]]
name = "small"
id = "simulator/sim-small"
[models.params]
max_tokens = 2048
stream = {stream}
{params}

[run]
concurrency = {concurrency}
deadline_seconds = {deadline}
idle_seconds = {idle}
{run}
"""
_PROVIDERS = """\
[providers.simulator]
protocol = "{protocol}"
base_url = "{base_url}"
key_env = "SIMULATOR_KEY"
"""


class HastyClock(SystemClock):
    """Its seconds are hundredths of seconds, so that waiting as asked takes no time; deadlines are real ones."""

    def monotonic(self) -> float:
        """Seconds that fly."""
        return super().monotonic() * HASTE

    async def sleep(self, seconds: float) -> None:
        """Wait, shortly."""
        await super().sleep(seconds / HASTE)


class _Silent:
    def lane(self, model: str, *, total: int, done: int) -> None:
        pass

    def in_flight(self, model: str, change: int) -> None:
        pass

    def event(self, model: str, said: str) -> None:
        pass

    def acknowledged(self, results: Sequence[Result], /) -> None:
        pass

    def kept(self, result: Result, /) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How the product asks."""

    protocol: str
    stream: bool
    profile: str

    def __str__(self) -> str:
        return f"{self.protocol}, {'streamed' if self.stream else 'whole'}"


MODES = [
    Mode(protocol="anthropic-messages", stream=False, profile="anthropic"),
    Mode(protocol="anthropic-messages", stream=True, profile="anthropic"),
    Mode(protocol="openai-chat", stream=False, profile="openai"),
    Mode(protocol="openai-chat", stream=True, profile="openai"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run left on both sides."""

    outcome: Outcome
    results: Sequence[dict[str, Any]]
    rows: Mapping[str, dict[str, Any]]
    """Results by the wish of their row."""
    ledger: list[dict[str, Any]]

    @property
    def paid(self) -> list[dict[str, Any]]:
        """The ledger's lines of answers that were generated."""
        return [line for line in self.ledger if line["billed"]]

    @property
    def answers(self) -> list[dict[str, Any]]:
        """The ledger's lines of answers that the client could use.

        A client that has what it needs may leave a stream before its last bytes: an undisturbed one counts as used.
        """
        return [line for line in self.ledger if line["billed"] and (line["delivered"] or line["fault"] is None)]


@contextmanager
def misbehaving(mode: Mode, folder: Path, *, questions: int = 300, **options: Any) -> Iterator[Simulator]:
    """A simulator in a thread of its own, that gives `TEXT` for every answer; its ledger is a file."""
    rows = [(f"Question {number}.", TEXT, None) for number in range(questions)]
    book = AnswerBook(rows, source="rows", replay=True)
    chosen = Options(
        profile=mode.profile, answers=book, latency_scale=0.0, ledger_path=folder / "ledger.jsonl", **options
    )
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(portal.call(lambda: Simulator(chosen))) as simulator,
    ):
        yield simulator


def run_against(simulator: Simulator, mode: Mode, folder: Path, wishes: Sequence[str], **run: Any) -> Ran:
    """Run one evaluation with a row for each of `wishes`, what its marker says; its row id too.

    `run` holds keys of [run], and `params`: more lines for [models.params].
    """
    evaluation = folder / "eval"
    evaluation.mkdir()
    params = run.pop("params", "")
    concurrency = run.pop("concurrency", 16)
    deadline = run.pop("deadline_seconds", DEADLINE_SECONDS)
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in run.items())
    (evaluation / "eval.toml").write_text(
        _EVAL.format(
            stream=str(mode.stream).lower(),
            params=params,
            concurrency=concurrency,
            deadline=deadline,
            idle=IDLE_SECONDS,
            run=settings,
        )
    )
    (evaluation / "plain.jinja").write_text("{{ question }}{% if wish %} [[sim:{{ wish }}]]{% endif %}")
    rows = [
        {"id": f"{number} {wish}", "question": f"Question {number}.", "wish": wish}
        for number, wish in enumerate(wishes)
    ]
    (evaluation / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    base_url = simulator.base_url + ("/v1" if mode.protocol == "openai-chat" else "")
    providers = folder / "providers.toml"
    providers.write_text(_PROVIDERS.format(protocol=mode.protocol, base_url=base_url))
    around = Surroundings(environment={"SIMULATOR_KEY": "sk-canary-7f3a"}, clock=HastyClock(), rng=Random(1))
    out = folder / "run"
    outcome = run_evaluation(
        evaluation,
        Overrides(providers_file=providers),
        Places(reports=folder, out=out),
        Again(),
        around=around,
        observe=_observe,
    )
    results = _results(out)
    by_wish = {row["row_id"].partition(" ")[2]: row for row in results}
    return Ran(outcome=outcome, results=results, rows=by_wish, ledger=_ledger(folder))


def _observe(prepared: Prepared, choice: Choice, warnings: list[str]) -> _Silent:
    return _Silent()


def _results(out: Path) -> list[dict[str, Any]]:
    parts = sorted((out / "results").glob("*.parquet"))
    rows = [row for part in parts for row in pl.read_parquet(part).iter_rows(named=True)]
    assert len({row["job_id"] for row in rows}) == len(rows), "a job has two results"
    return rows


def _ledger(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    return [{**line, "cost_usd": None if line["cost_usd"] is None else Decimal(line["cost_usd"])} for line in lines]
