"""Choose the run folder: continue an unfinished run of the same settings and dataset, or begin a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

from pipeline.config.describe import differences, identity
from pipeline.core.errors import EvalmillError, SettingsError
from pipeline.core.names import slug
from pipeline.core.settings import EvalSettings, ModelSettings
from pipeline.cost.prices import find_price
from pipeline.steps.prepare import Prepared
from pipeline.store.folder import RUN_SCHEMA, create_run, is_empty, is_finished, read_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where a run goes, and what is there already."""

    folder: Path
    run: Mapping[str, Any] | None
    """run.json of the run that is continued; None for a new one."""
    finished: bool = False
    repeats: Path | None = None
    """A finished run of the same settings, which this new one pays for again."""

    def began(self, now: datetime) -> date:
        """The day the run began: its prices hold for all its sessions."""
        return now.date() if self.run is None else datetime.fromisoformat(self.run["created_at"]).date()


def choose(prepared: Prepared, reports: Path, out: Path | None, *, now: datetime, rng: Random) -> Choice:
    """The folder for this run: `out` where it is named, else one below `reports`."""
    sha256 = prepared.survey.content_sha256
    if out is not None:
        return choose_named(out, prepared.described, sha256)
    return choose_below(reports, prepared.described, sha256, now=now, rng=rng)


def begin(prepared: Prepared, folder: Path, *, now: datetime) -> dict[str, Any]:
    """Create the run folder and its run.json, which never changes; returns its content.

    Raises OutputError when the folder cannot be made or holds something else.
    """
    settings = prepared.settings
    run = {
        "schema": RUN_SCHEMA,
        "run_id": folder.name,
        "eval": settings.name,
        "created_at": now.isoformat(timespec="seconds"),
        "version": version("evalmill"),
        "evaluation": str(settings.file),
        "providers_file": None if settings.providers_file is None else str(settings.providers_file),
        "planned_jobs": sum(prepared.plan.total_jobs(lane) for lane in prepared.plan.lanes),
        "planned_jobs_by_model": {lane.model.name: prepared.plan.total_jobs(lane) for lane in prepared.plan.lanes},
        "settings": prepared.described,
        "dataset": {
            "path": settings.dataset.path,
            "sha256": prepared.survey.content_sha256,
            "rows": prepared.survey.rows,
            "total_rows": prepared.survey.total_rows,
            "columns": list(prepared.dataset.columns),
        },
        "prices": [_price(settings, model, now) for model in settings.models],
        "simulated": "simulator" in settings.providers,
    }
    create_run(folder, run)
    return run


def choose_named(folder: Path, described: Mapping[str, Any], dataset_sha256: str) -> Choice:
    """The folder that `--out` names.

    Raises SettingsError (78) when it holds a run of other settings or another dataset, OutputError (73) when it
    holds something else.
    """
    if not folder.exists() or is_empty(folder):
        return Choice(folder=folder, run=None)
    run = read_run(folder)
    differing = _differences(run, described, dataset_sha256)
    if differing:
        listing = "\n".join(f"  {line}" for line in differing[:10])
        raise SettingsError(
            f"{folder} holds a run of other settings:\n{listing}\n"
            "name another folder with --out, or restore the settings"
        )
    return Choice(folder=folder, run=run, finished=is_finished(folder))


def choose_below(
    reports: Path, described: Mapping[str, Any], dataset_sha256: str, *, now: datetime, rng: Random
) -> Choice:
    """The newest unfinished run of the same settings below `reports`/<eval>, else a new folder there."""
    home = reports / slug(described["name"])
    repeats = None
    for folder in sorted((path for path in home.glob("*") if path.is_dir()), reverse=True):
        run = _run_or_none(folder)
        if run is None or _differences(run, described, dataset_sha256):
            continue
        if not is_finished(folder):
            return Choice(folder=folder, run=run)
        repeats = repeats or folder
    return Choice(folder=home / new_run_id(now, rng), run=None, repeats=repeats)


def new_run_id(now: datetime, rng: Random) -> str:
    """A name that sorts by time: `20261122-081530-3fa9`."""
    return f"{now:%Y%m%d-%H%M%S}-{rng.randrange(16**4):04x}"


def _price(settings: EvalSettings, model: ModelSettings, now: datetime) -> dict[str, Any]:
    """The price that holds for a model on the day the run begins."""
    provider = settings.providers[model.provider]
    price = find_price(provider.prices, provider.name, model.model, now.date(), None)
    if price is None:
        return {"model": model.name, "price_id": None}
    fields = {key: value if value is None else str(value) for key, value in asdict(price).items()}
    return {**fields, "model": model.name, "price_id": price.price_id}


def _run_or_none(folder: Path) -> Mapping[str, Any] | None:
    try:
        return read_run(folder)
    except EvalmillError:
        return None


def _differences(run: Mapping[str, Any], described: Mapping[str, Any], dataset_sha256: str) -> list[str]:
    found = differences(identity(described), identity(run["settings"]))
    if run["dataset"]["sha256"] != dataset_sha256:
        found.append(f"dataset: its content is not the same (sha256 {run['dataset']['sha256'][:12]}… there)")
    return found
