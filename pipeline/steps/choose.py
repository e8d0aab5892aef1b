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
from pipeline.core.settings import EvalSettings, ModelSettings, Price
from pipeline.cost.reprice import PriceList
from pipeline.steps.judging.units import is_judged
from pipeline.steps.prepare import Prepared
from pipeline.store.folder import RUN_SCHEMA, create_run, is_empty, is_finished, read_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where runs are written."""

    reports: Path
    """The folder below which new run folders are made."""
    out: Path | None = None
    """The run folder itself, when it is named."""

    def home(self, evaluation: str) -> Path:
        """The folder of an evaluation's runs."""
        return self.reports / slug(evaluation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What is asked again although it was answered before."""

    fresh: bool = False
    """Everything: nothing is reused from earlier runs."""
    retry: tuple[str, ...] = ()
    """Jobs that ended with one of these statuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where a run goes, and what is there already."""

    folder: Path
    run: Mapping[str, Any] | None
    """run.json of the run that is continued; None for a new one."""
    finished: bool = False

    def began(self, now: datetime) -> date:
        """The day the run began: its prices hold for all its sessions."""
        return now.date() if self.run is None else datetime.fromisoformat(self.run["created_at"]).date()


def choose(prepared: Prepared, places: Places, again: Again, *, now: datetime, rng: Random) -> Choice:
    """The folder for this run: `places.out` where it is named, else one below `places.reports`."""
    if places.out is not None:
        return choose_named(places.out, prepared, again)
    home = places.home(prepared.settings.name)
    return choose_below(home, prepared, again) or Choice(folder=home / new_run_id(now, rng), run=None)


def begin(prepared: Prepared, folder: Path, again: Again, *, now: datetime) -> dict[str, Any]:
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
        "prices": [price for model in settings.models for price in _prices(settings, model, now)],
        "simulated": "simulator" in settings.providers,
        "fresh": again.fresh,
        "retry": list(again.retry),
    }
    create_run(folder, run)
    return run


def choose_named(folder: Path, prepared: Prepared, again: Again) -> Choice:
    """The folder that `--out` names.

    Raises SettingsError (78) when it holds a run of other settings or another dataset, OutputError (73) when it
    holds something else.
    """
    if not folder.exists() or is_empty(folder):
        return Choice(folder=folder, run=None)
    run = read_run(folder)
    differing = _differences(run, prepared, again)
    if differing:
        listing = "\n".join(f"  {line}" for line in differing[:10])
        raise SettingsError(
            f"{folder} holds a run of other settings:\n{listing}\n"
            "name another folder with --out, or restore the settings"
        )
    return Choice(folder=folder, run=run, finished=_is_finished(folder, run, prepared))


def choose_below(home: Path, prepared: Prepared, again: Again) -> Choice | None:
    """The newest unfinished run of the same settings below `home`, if there is one; with `retry` a finished one too."""
    for folder in sorted((path for path in home.glob("*") if path.is_dir()), reverse=True):
        run = _run_or_none(folder)
        if run is None or not _is_same(run, prepared, again):
            continue
        finished = _is_finished(folder, run, prepared)
        if not finished or again.retry:
            return Choice(folder=folder, run=run, finished=finished)
    return None


def _is_finished(folder: Path, run: Mapping[str, Any], prepared: Prepared) -> bool:
    """Whether every job has its result, and every judge its say."""
    return is_finished(folder) and is_judged(folder, run, [scorer.name for scorer in prepared.settings.scorers])


def new_run_id(now: datetime, rng: Random) -> str:
    """A name that sorts by time: `20261122-081530-3fa9`."""
    return f"{now:%Y%m%d-%H%M%S}-{rng.randrange(16**4):04x}"


def _prices(settings: EvalSettings, model: ModelSettings, now: datetime) -> list[dict[str, Any]]:
    """The prices that hold for a model on the day the run begins, those of larger inputs too."""
    provider = settings.providers[model.provider]
    tiers = PriceList({provider.name: provider.prices}, now.date()).tiers(provider.name, model.model)
    found = {tier.price.price_id: tier.price for tier in tiers if tier.price is not None}
    return [_price(model, price) for price in found.values()] or [{"model": model.name, "price_id": None}]


def _price(model: ModelSettings, price: Price) -> dict[str, Any]:
    fields = {key: value if value is None else str(value) for key, value in asdict(price).items()}
    return {**fields, "model": model.name, "price_id": price.price_id}


def _run_or_none(folder: Path) -> Mapping[str, Any] | None:
    try:
        return read_run(folder)
    except EvalmillError:
        return None


def _is_same(run: Mapping[str, Any], prepared: Prepared, again: Again) -> bool:
    """Whether a run is of our settings; a damaged run.json is not."""
    try:
        return not _differences(run, prepared, again)
    except (LookupError, TypeError, AttributeError):
        return False


def _differences(run: Mapping[str, Any], prepared: Prepared, again: Again) -> list[str]:
    found = differences(identity(prepared.described), identity(run["settings"]))
    sha256 = run["dataset"]["sha256"]
    if sha256 != prepared.survey.content_sha256:
        found.append(f"dataset: its content is not the same (sha256 {sha256[:12]}… there)")
    if again.fresh and not run.get("fresh"):
        found.append("--fresh: not there, here")
    return found
