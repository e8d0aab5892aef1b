"""Status: the numbers of a run as it stands, of each model and of all together; reads only, and takes no lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pipeline.core.clock import Clock
from pipeline.core.errors import EvalmillError, OutputError
from pipeline.core.names import slug
from pipeline.store.folder import holds_run, judge_folders, planned, read_run
from pipeline.store.live import Holding, LiveReader, Tally
from pipeline.store.lock import Holder, holder

RATE_SECONDS = 60
"""The rate is that of the last minute."""

State = Literal["running", "stopped", "finished"]
FindHolder = Callable[[Path], Holder | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What is done of a model's jobs, or of all; None is unknown."""

    planned: int | None
    done: int
    failed: int
    in_flight: int
    """Requests that left and have no answer yet; 0 when no process works on the run."""
    unanswered: int
    """Requests that left with a process that is gone, since the last that was answered for."""
    tokens: int
    cost_usd: Decimal | None
    unpriced: int
    """Answers whose cost is not known."""
    jobs_per_minute: float | None
    """None when no process works on the run."""
    eta_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """A run at one moment."""

    folder: Path
    run: str
    evaluation: str
    state: State
    process: Holder | None
    now: datetime
    last_activity: datetime | None
    scorer: str
    """Of a judges' folder: whose judges they are."""
    models: Mapping[str, Numbers]
    total: Numbers
    at_stake_usd: Decimal
    """What may have been paid for requests in flight or unanswered, as far as known; those of judges included."""
    judges: Mapping[str, Mapping[str, Numbers]] = field(default_factory=dict)
    """By scorer and judge: verdicts instead of answers."""


def find_run(path: Path) -> Path:
    """`path` if it is a run folder, else the newest run in it or in its folders; OutputError if there is none."""
    if holds_run(path):
        return path
    found = [(run["created_at"], folder) for folder in _run_folders(path) if (run := _run_or_none(folder)) is not None]
    if not found:
        raise OutputError(f"{path}: is no run folder and holds none; name one below reports/")
    newest: Path = max(found)[1]
    return newest


class StatusReader:
    """Reads the status of one run again and again."""

    def __init__(self, folder: Path, clock: Clock, find_holder: FindHolder = holder) -> None:
        """Raises OutputError or DataError when `folder` holds no run that can be read."""
        self._folder = folder
        self._run = {**read_run(folder), **planned(folder)}
        listed = self._run["settings"].get("models", ())
        names: list[str] = [model["name"] for model in listed] or list(self._run.get("planned_jobs_by_model") or ())
        self._models = {slug(name): name for name in names}
        self._live = LiveReader(folder)
        self._clock = clock
        self._find_holder = find_holder
        self._judges: dict[str, StatusReader] = {}

    def read(self) -> RunStatus:
        """The run as it stands now; DiskError when its results cannot be read."""
        now = self._clock.now()
        process = self._find_holder(self._folder)
        holding = self._live.read(int(now.timestamp()) - RATE_SECONDS)
        pace = _Pace(now, process)
        models = self._numbers_by_model(holding, pace)
        judges = [self._judge(path).read() for path in judge_folders(self._folder)]
        is_complete = holding.state == "complete" and all(one.state == "finished" for one in judges)
        return RunStatus(
            folder=self._folder,
            run=self._run.get("run_id", self._folder.name),
            evaluation=self._run.get("eval", ""),
            state="running" if process else "finished" if is_complete else "stopped",
            process=process,
            now=now,
            last_activity=_latest([holding.last_change, *(one.last_activity for one in judges)]),
            scorer=str((self._run.get("judges") or {}).get("scorer", self._folder.name)),
            models=models,
            total=self._total(holding, pace, models.values()),
            at_stake_usd=sum((one.at_stake_usd for one in judges), holding.at_stake_usd),
            judges={one.scorer: one.models for one in judges},
        )

    def _judge(self, folder: Path) -> StatusReader:
        """The reader of one scorer's judges; made anew when their number of jobs is known or changes."""
        reader = self._judges.get(folder.name)
        if reader is None or reader.has_new_plan():
            self._judges[folder.name] = reader = StatusReader(folder, self._clock, self._find_holder)
        return reader

    def has_new_plan(self) -> bool:
        """Whether more or other jobs are planned than when this reader was made."""
        return any(self._run.get(name) != value for name, value in planned(self._folder).items())

    def _numbers_by_model(self, holding: Holding, pace: _Pace) -> dict[str, Numbers]:
        planned_jobs: Mapping[str, int] = self._run.get("planned_jobs_by_model") or {}
        starts = Counter(self._model_of(start.shard) for start in holding.open_starts.values())
        names = dict.fromkeys([*self._models.values(), *sorted(holding.tallies)])
        return {
            name: pace.numbers(holding.tallies.get(name, Tally()), planned_jobs.get(name), starts[name])
            for name in names
        }

    def _total(self, holding: Holding, pace: _Pace, models: Iterable[Numbers]) -> Numbers:
        planned_jobs: int | None = self._run.get("planned_jobs")
        tally = sum(holding.tallies.values(), Tally())
        numbers = pace.numbers(tally, planned_jobs, len(holding.open_starts), earlier=holding.unanswered)
        if not self._run.get("planned_jobs_by_model"):
            return numbers
        ends = [model.eta_seconds for model in models]
        known = [seconds for seconds in ends if seconds is not None]
        return replace(numbers, eta_seconds=max(known, default=None) if len(known) == len(ends) else None)

    def _model_of(self, shard: str | None) -> str | None:
        """The model of a shard's jobs; that of the run where it has one alone."""
        if shard is None:
            return next(iter(self._models.values())) if len(self._models) == 1 else None
        lane = shard.rpartition("/")[0]
        return self._models.get(lane, lane)


class _Pace:
    """How fast the process that holds the run gets on."""

    def __init__(self, now: datetime, process: Holder | None) -> None:
        self._is_running = process is not None
        since = None if process is None else process.since
        seconds = RATE_SECONDS if since is None else (now - since).total_seconds()
        self._seconds = min(max(seconds, 1.0), RATE_SECONDS)
        self._from_second = now.timestamp() - self._seconds

    def numbers(self, tally: Tally, planned: int | None, open_starts: int, *, earlier: int = 0) -> Numbers:
        """A tally with what it means now."""
        rate = self._jobs_per_minute(tally)
        return Numbers(
            planned=planned,
            done=tally.results,
            failed=tally.failed,
            in_flight=open_starts if self._is_running else 0,
            unanswered=earlier + (0 if self._is_running else open_starts),
            tokens=tally.tokens,
            cost_usd=tally.cost_usd,
            unpriced=tally.unpriced,
            jobs_per_minute=rate,
            eta_seconds=_eta_seconds(planned, tally.results, rate),
        )

    def _jobs_per_minute(self, tally: Tally) -> float | None:
        if not self._is_running:
            return None
        recent = sum(count for second, count in tally.by_second.items() if second >= int(self._from_second))
        return recent * 60 / self._seconds


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _eta_seconds(planned: int | None, done: int, jobs_per_minute: float | None) -> float | None:
    if planned is None or jobs_per_minute is None:
        return None
    if done >= planned:
        return 0.0
    return (planned - done) * 60 / jobs_per_minute if jobs_per_minute else None


def _run_folders(path: Path) -> list[Path]:
    """Runs in `path`, which may be the folder of an evaluation's runs or that of all evaluations."""
    return [found.parent for pattern in ("*/run.json", "*/*/run.json") for found in path.glob(pattern)]


def _run_or_none(folder: Path) -> Mapping[str, Any] | None:
    try:
        run = read_run(folder)
    except EvalmillError:
        return None
    return run if isinstance(run.get("created_at"), str) else None
