"""What earlier runs saw: tokens, times and waste of some of their answers, in groups that were asked alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import EvalmillError
from pipeline.core.fingerprint import canonical_json
from pipeline.run.permits import max_output_tokens
from pipeline.steps.planning.answers import INPUTS, MOST_ROWS, groups, sampled
from pipeline.store.folder import holds_run, read_run

MOST_RUNS = 12
"""Earlier runs that are read, the newest first."""
ENOUGH = 400
"""Answers to the same after which older runs say nothing that is worth the time."""
LIMITS = ("max_tokens", "max_completion_tokens")
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who was asked and with what; equal where answers may be taken to be drawn alike."""

    provider: str
    model: str
    """The provider's id."""
    prompt: str
    """The template's sha256; of a judge's questions, the scorer's name."""
    params: str
    """All parameters but output limits, as canonical JSON."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """Answers of one earlier run to one `Asked`; arrays have one entry for each answer."""

    folder: Path
    run_id: str
    asked: Asked
    prompt_name: str
    own: bool
    """Of the evaluation that is planned."""
    row_ids: pa.Array
    classes: Mapping[str, Numbers]
    """Input tokens by class; 0 where the provider names none."""
    output: Numbers
    max_tokens: int | None
    cut: NDArray[np.bool_]
    """Answers that ended at their limit."""
    busy_seconds: Numbers
    """In flight, over all attempts."""
    span_seconds: Numbers
    """From the first attempt to the answer, pauses included."""
    requests: Numbers
    wasted_usd: Numbers
    """What attempts without a result cost, as far as known."""

    @property
    def input(self) -> Numbers:
        """All input tokens of each answer."""
        return np.asarray(sum(self.classes.values()), dtype=np.float64)

    def by_row(self, values: Numbers) -> Numbers:
        """The mean of each row's answers: rows are drawn, repeats of one row depend on each other."""
        _, place = np.unique(np.asarray(self.row_ids.to_pylist(), dtype=object).astype(str), return_inverse=True)
        return np.bincount(place, weights=values) / np.bincount(place)


@dataclass(slots=True)
class History:
    """What was found."""

    seen: list[Seen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused_pace: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    """Requests per minute that went through where some were refused as too many, by provider and model; and the run."""


def asked_of(provider: str, model: str, prompt: str, params: Mapping[str, Any]) -> Asked:
    """The group of a request."""
    rest = {name: value for name, value in params.items() if name not in LIMITS}
    return Asked(provider=provider, model=model, prompt=prompt, params=canonical_json(rest).decode())


def read_history(home: Path, reports: Path, wanted: Collection[Asked]) -> History:
    """What the newest runs below `home` saw, until there is enough of everything `wanted`; and, where that says nothing
    of one of the models, what runs of other evaluations below `reports` saw of it."""
    found = History()
    for folder, run in _runs(home)[:MOST_RUNS]:
        if wanted and all(_answers(found, asked) >= ENOUGH for asked in wanted):
            return found
        _try(found, folder, run, own=True)
    known = {(one.asked.provider, one.asked.model) for one in found.seen if len(one.output) > 1}
    strangers = {(asked.provider, asked.model) for asked in wanted} - known
    if strangers:
        others = [(folder, run) for folder, run in _runs(reports, depth=2) if folder.parent != home]
        for folder, run in [one for one in others if _asks(one[1], strangers)][:MOST_RUNS]:
            _try(found, folder, run, own=False)
    return found


def _answers(found: History, asked: Asked) -> int:
    return sum(len(one.output) for one in found.seen if one.asked == asked)


def _try(found: History, folder: Path, run: Mapping[str, Any], *, own: bool) -> None:
    """Read one run; one that cannot be read is named."""
    try:
        _read(found, folder, run, own=own)
    except (EvalmillError, LookupError, TypeError, ValueError, AttributeError) as error:
        found.notes.append(f"{folder} could not be read ({error}); it is no basis of this plan")


def read_judgments(home: Path, scorer_folder: str) -> list[Seen]:
    """What the judges of one scorer saw in the runs below `home`."""
    found = History()
    for folder, _ in _runs(home)[:MOST_RUNS]:
        path = folder / scorer_folder
        if holds_run(path):
            with suppress(EvalmillError, LookupError, TypeError, ValueError, AttributeError):
                _read_judge(found, path)
    return found.seen


def _runs(folder: Path, depth: int = 1) -> list[tuple[Path, Mapping[str, Any]]]:
    """The runs there, the newest first; what cannot be read is left to the commands that are about it."""
    found = []
    for path in folder.glob("/".join("*" * depth)):
        if path.is_dir() and holds_run(path):
            with suppress(EvalmillError):
                found.append((path, read_run(path)))
    return sorted(found, key=lambda one: str(one[1].get("created_at")), reverse=True)


def _asks(run: Mapping[str, Any], models: set[tuple[str, str]]) -> bool:
    with suppress(LookupError, TypeError, AttributeError):
        return any((model["provider"], model["model"]) in models for model in run["settings"]["models"])
    return False


def _read(found: History, folder: Path, run: Mapping[str, Any], *, own: bool) -> None:
    settings = run["settings"]
    models = {model["name"]: model for model in settings["models"]}
    prompts = {prompt["name"]: prompt["sha256"] for prompt in settings["prompts"]}
    for key, table in groups(sampled(folder), ("model", "prompt", "params")):
        model = models[key["model"]]
        params = {**model["params"], **_parsed(key["params"])}
        asked = asked_of(model["provider"], model["model"], prompts[key["prompt"]], params)
        place = _Place(folder, str(run["run_id"]), asked, key["prompt"], max_output_tokens(params), own)
        found.seen.append(_seen(place, table))
        _note_pace(found, folder, asked, table)


def _read_judge(found: History, folder: Path) -> None:
    run, by = read_run(folder), ("model", "provider", "model_requested")
    for key, table in groups(sampled(folder, by), by):
        asked = Asked(provider=key["provider"], model=key["model_requested"], prompt=folder.name, params="{}")
        found.seen.append(_seen(_Place(folder, str(run["run_id"]), asked, folder.name, None, True), table))


def _parsed(cell: str) -> dict[str, Any]:
    import orjson

    parsed: dict[str, Any] = orjson.loads(cell)
    return parsed


class _Place(NamedTuple):
    """Where answers were seen, and to what."""

    folder: Path
    run_id: str
    asked: Asked
    prompt_name: str
    max_tokens: int | None
    own: bool


def _seen(place: _Place, table: pa.Table) -> Seen:
    """The answers whose usage the provider reported."""
    table = table.filter(pc.fill_null(pc.equal(table["usage_source"], "reported"), False))
    attempts = _Attempts(table)
    return Seen(
        **place._asdict(),
        row_ids=table["row_id"].combine_chunks(),
        classes={name: _floats(table[name]) for name in INPUTS},
        output=_floats(table["output_tokens"]),
        cut=np.asarray(pc.equal(table["status"], "truncated"), dtype=np.bool_),
        busy_seconds=attempts.busy_seconds,
        span_seconds=attempts.span_seconds,
        requests=attempts.count,
        wasted_usd=attempts.wasted_usd,
    )


class _Attempts:
    """Sums over the attempts of each job."""

    def __init__(self, table: pa.Table) -> None:
        jobs = len(table)
        lists = table["attempts"].combine_chunks()
        job = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
        flat = pc.list_flatten(lists)
        last = np.append(job[1:] != job[:-1], True)[: job.size]
        cost = _floats(pc.struct_field(flat, "cost_usd"))
        started = np.asarray(pc.struct_field(flat, "started_at").cast(pa.int64()), dtype=np.float64)
        first = np.full(jobs, np.inf)
        np.minimum.at(first, job, started)
        finished = _floats(table["finished_at"].cast(pa.int64()))
        self.count: Numbers = np.bincount(job, minlength=jobs).astype(np.float64)
        self.busy_seconds = np.bincount(job, _floats(pc.struct_field(flat, "latency_ms")), minlength=jobs) / 1000
        self.wasted_usd: Numbers = np.bincount(job, np.where(last, 0.0, cost), minlength=jobs).astype(np.float64)
        self.span_seconds = np.where(np.isfinite(first), np.maximum(finished - first, 0) / 1e6, 0.0)


def _note_pace(found: History, folder: Path, asked: Asked, table: pa.Table) -> None:
    """What a provider let through while it refused other requests as too many: its limit, seen from outside."""
    key = asked.provider, asked.model
    flat = pc.list_flatten(table["attempts"].combine_chunks())
    refused = pc.sum(pc.equal(pc.struct_field(flat, "http_status"), 429)).as_py() or 0
    finished = _floats(table["finished_at"].cast(pa.int64()))
    if key in found.refused_pace or refused < 3 or len(finished) < 20 or len(table) >= MOST_ROWS:
        return
    span = (finished.max() - finished.min()) / 1e6
    if span > 0:
        found.refused_pace[key] = 60 * len(finished) / span, folder.name


def _floats(column: Any) -> Numbers:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), 0.0), dtype=np.float64)
