"""Settings to plain data: what run.json records, and what decides whether two runs are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from hashlib import sha256
from typing import Any

from pipeline.core.settings import (
    DatasetSettings,
    EvalSettings,
    ModelSettings,
    RecordedColumns,
    ScorerSettings,
    StatisticsSettings,
)

_IDENTITY = ("dataset", "prompts", "models", "grid", "repeats")


def describe(settings: EvalSettings) -> dict[str, Any]:
    """The resolved settings, JSON-ready and without secrets (keys are never in settings)."""
    return {
        "name": settings.name,
        "description": settings.description,
        "tags": list(settings.tags),
        "dataset": _without_place(settings.dataset),
        "prompts": [
            {
                "name": prompt.name,
                "path": prompt.path,
                "sha256": sha256(prompt.source.encode()).hexdigest(),
                "source": prompt.source,
            }
            for prompt in settings.prompts
        ],
        "models": [_model(settings, model) for model in settings.models],
        "grid": {key: list(values) for key, values in settings.grid.items()},
        "repeats": settings.run.repeats,
        "run": {
            key: str(value) if isinstance(value, Decimal) else value for key, value in asdict(settings.run).items()
        },
        "judges": [_model(settings, judge) for judge in settings.judges],
        "scorers": [_without_place(scorer) for scorer in settings.scorers],
        "gates": [asdict(gate) for gate in settings.gates],
        "statistics": describe_statistics(settings.statistics),
        "limits": describe_limits(settings),
        "simulator": asdict(settings.simulator) if "simulator" in settings.providers else None,
    }


def describe_scorer(settings: ScorerSettings) -> dict[str, Any]:
    """Plain data that `ScorerSettings(**data)` reads again."""
    return _without_place(settings) or {}


def describe_statistics(settings: StatisticsSettings) -> dict[str, Any]:
    """Plain data that `StatisticsSettings.recorded` reads again."""
    return {key: value for key, value in asdict(settings).items() if key != "places"}


def describe_limits(settings: EvalSettings) -> list[dict[str, Any]]:
    """What each account that the models under evaluation use allows, as configured; null where nothing is.

    A model with limits of its own has them to itself; the others of a provider share that provider's.
    """
    accounts: dict[tuple[str, str | None], dict[str, Any]] = {}
    for model in settings.models:
        if model.recorded is not None:
            continue
        provider = settings.providers[model.provider]
        own = provider.model_limits.get(model.model)
        entry = accounts.setdefault(
            (provider.name, None if own is None else model.model),
            {
                "provider": provider.name,
                "models": [],
                **asdict(own or provider.limits),
                "accounting": provider.accounting,
                "concurrency": settings.run.concurrency,
            },
        )
        entry["models"].append(model.name)
    return list(accounts.values())


def identity(described: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the settings that decides which jobs there are and what they ask.

    Judges, scorers, gates, statistics, budget and pace are left out: they may change between sessions of one run.
    """
    part = {key: described[key] for key in _IDENTITY}
    part["dataset"] = {key: value for key, value in described["dataset"].items() if key != "path"}
    part["prompts"] = [{"name": prompt["name"], "sha256": prompt["sha256"]} for prompt in described["prompts"]]
    return part


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """In words, where two identities differ: `models[2].params.temperature: 0.0 there, 0.7 here`."""
    return list(_differences("", theirs, ours))


def provider_identity(settings: EvalSettings, model: ModelSettings) -> dict[str, Any]:
    """Who answers: part of each fingerprint. The simulator's port changes, its profile and seed do not."""
    provider = settings.providers[model.provider]
    address: Any = provider.base_url
    if model.provider == "simulator" and not provider.base_url:
        address = {"simulator": settings.simulator.profile, "seed": settings.simulator.seed}
    return {"protocol": provider.protocol, "address": address, "model": model.model, "beta": list(model.beta)}


def _model(settings: EvalSettings, model: ModelSettings) -> dict[str, Any]:
    return {
        "name": model.name,
        "provider": model.provider,
        "model": model.model,
        "params": dict(model.params),
        "recorded": _without_place(model.recorded),
        "identity": provider_identity(settings, model),
    }


def _without_place(settings: DatasetSettings | ScorerSettings | RecordedColumns | None) -> dict[str, Any] | None:
    """Plain data, without the line that only messages need."""
    return None if settings is None else {key: value for key, value in asdict(settings).items() if key != "place"}


def _differences(place: str, there: Any, here: Any) -> list[str]:
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        keys = [*there, *(key for key in here if key not in there)]
        return [
            line
            for key in keys
            for line in _differences(f"{place}.{key}" if place else str(key), there.get(key), here.get(key))
        ]
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return [
            line
            for position, pair in enumerate(zip(there, here, strict=True))
            for line in _differences(f"{place}[{position + 1}]", *pair)
        ]
    return [] if there == here else [f"{place}: {_short(there)} there, {_short(here)} here"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
