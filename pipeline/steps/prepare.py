"""Prepare: an evaluation on disk to a plan, with every mistake found before a request is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.config.describe import describe, provider_identity
from pipeline.config.load import Overrides, load_eval
from pipeline.core.errors import EvalmillError, SettingsError, TemplateError
from pipeline.core.settings import EvalSettings
from pipeline.core.template import compile_text
from pipeline.cost.prices import find_price
from pipeline.guard.media import MediaReader
from pipeline.plan.check import UsesColumns, missing_columns
from pipeline.plan.dataset import Dataset, Survey, open_dataset
from pipeline.plan.expand import Lane, Plan
from pipeline.providers.capabilities import capabilities, objections
from pipeline.score.scorers import build_scorer

CHECKED_REQUESTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An evaluation that is ready to run."""

    settings: EvalSettings
    described: dict[str, Any]
    dataset: Dataset
    survey: Survey
    plan: Plan


def prepare(evaluation: Path, overrides: Overrides) -> Prepared:
    """Read settings and dataset, compile templates; raises SettingsError, DataError or TemplateError."""
    settings = load_eval(evaluation, overrides)
    dataset = open_dataset(settings.dataset)
    survey = dataset.survey()
    plan = Plan(
        settings,
        dataset,
        survey,
        identities={model.name: provider_identity(settings, model) for model in settings.models},
        image_source=media_reader(settings).image_source,
    )
    return Prepared(settings=settings, described=describe(settings), dataset=dataset, survey=survey, plan=plan)


def media_reader(settings: EvalSettings) -> MediaReader:
    """Images are read below the dataset's folder."""
    return MediaReader(root=Path(settings.dataset.path).parent)


def require_sound(prepared: Prepared, *, today: date) -> list[str]:
    """Raise for the mistakes that `find_mistakes` finds, all those of the first one's kind in one message.

    Returns warnings.
    """
    mistakes = find_mistakes(prepared, today=today)
    if mistakes:
        first = type(mistakes[0])
        raise first("\n".join(str(mistake) for mistake in mistakes if type(mistake) is first))
    return find_warnings(prepared, today=today)


def find_mistakes(prepared: Prepared, *, today: date) -> list[EvalmillError]:
    """Everything that would make requests fail or scores meaningless, found without a request."""
    found: list[EvalmillError] = []
    settings = prepared.settings
    columns_missing = missing_columns(_column_users(prepared, found), prepared.dataset.columns)
    found += [TemplateError(sentence) for sentence in columns_missing]
    found += _attempted(SettingsError, (lambda scorer=scorer: build_scorer(scorer) for scorer in settings.scorers))
    found += [SettingsError(sentence) for sentence in _gate_mistakes(settings)]
    found += [SettingsError(sentence) for sentence in _budget_mistakes(settings, today)]
    if not columns_missing:
        found += _attempted(EvalmillError, [prepared.plan.preflight])
        found += [
            SettingsError(sentence) for lane in prepared.plan.lanes for sentence in _refused_by_model(prepared, lane)
        ]
    return found


def find_warnings(prepared: Prepared, *, today: date) -> list[str]:
    """What a user should know and may ignore."""
    warnings = []
    for lane in prepared.plan.lanes:
        provider, model = lane.provider.name, lane.model.model
        if provider == "recorded":
            continue
        if find_price(lane.provider.prices, provider, model, today, None) is None:
            warnings.append(
                f"model {lane.model.name!r}: no price is known for {provider}/{model}; its cost will be unknown"
            )
        known = capabilities(provider, model)
        if known is not None and known.retires is not None and known.retires <= today:
            successor = f"; its successor is {known.successor}" if known.successor else ""
            warnings.append(f"model {lane.model.name!r}: {model} was to retire on {known.retires}{successor}")
    if not prepared.settings.scorers:
        warnings.append("there is no [[scorers]] table: answers are collected and not judged")
    return warnings


def _column_users(prepared: Prepared, found: list[EvalmillError]) -> Iterator[UsesColumns]:
    """Every template over the row: prompts, recorded answers, expected values."""
    yield from prepared.plan.templates.values()
    for answer in prepared.plan.answers.values():
        yield answer.text
    for scorer in prepared.settings.scorers:
        if scorer.expected is None:
            continue
        try:
            yield compile_text(scorer.expected, path=scorer.place)
        except TemplateError as error:
            found.append(error)


def _attempted(kind: type[EvalmillError], attempts: Any) -> list[EvalmillError]:
    return [error for attempt in attempts if (error := _error_of(kind, attempt)) is not None]


def _error_of(kind: type[EvalmillError], attempt: Callable[[], object]) -> EvalmillError | None:
    try:
        attempt()
    except kind as error:
        return error
    return None


def _gate_mistakes(settings: EvalSettings) -> Iterator[str]:
    names = {
        "metric": [scorer.name for scorer in settings.scorers],
        "model": [model.name for model in settings.models],
        "prompt": [prompt.name for prompt in settings.prompts],
    }
    for position, gate in enumerate(settings.gates, start=1):
        for key, known in names.items():
            value = getattr(gate, key)
            if value is not None and value not in known:
                yield f"[[gates]] {position}: there is no {key} {value!r}; there are: {', '.join(known) or 'none'}"
        if gate.min is None and gate.max is None:
            yield f"[[gates]] {position}: needs 'min' or 'max'"


def _budget_mistakes(settings: EvalSettings, today: date) -> Iterator[str]:
    if settings.run.budget_usd is None:
        return
    for model in settings.models:
        provider = settings.providers[model.provider]
        if provider.protocol == "recorded":
            continue
        if find_price(provider.prices, provider.name, model.model, today, None) is None:
            yield (
                f"budget_usd is set, but {model.provider}/{model.model} has no price, so the budget could not hold; "
                f"add one under [[providers.{model.provider}.prices]] in providers.toml"
            )


def _refused_by_model(prepared: Prepared, lane: Lane) -> list[str]:
    """What the model or the gateway is known to refuse in the first requests of a lane."""
    if lane.model.recorded is not None:
        return []
    said: dict[str, None] = {}
    for request in prepared.plan.sample_requests(lane, CHECKED_REQUESTS):
        for objection in objections(
            request.params,
            prefill=bool(request.prefill),
            image_urls=_has_image_url(request.messages),
            provider=lane.provider,
            model=lane.model.model,
        ):
            said[f"model {lane.model.name!r} ({lane.provider.name}/{lane.model.model}): {objection}"] = None
    return list(said)


def _has_image_url(messages: Any) -> bool:
    return any(
        block.get("type") == "image" and block.get("source", {}).get("type") == "url"
        for message in messages
        if not isinstance(message["content"], str)
        for block in message["content"]
    )
