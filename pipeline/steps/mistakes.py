"""Mistakes: everything that would make requests fail or scores meaningless, found before a request is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

from pipeline.config.read import nearest
from pipeline.core.errors import EvalmillError, SettingsError, TemplateError
from pipeline.core.records import Request
from pipeline.core.settings import EvalSettings, ScorerSettings
from pipeline.core.template import compile_text
from pipeline.cost.prices import find_price
from pipeline.plan.check import UsesColumns, missing_columns
from pipeline.plan.expand import Lane
from pipeline.providers.cautions import cautions
from pipeline.providers.objections import objections
from pipeline.score.judge import JUDGE_KINDS
from pipeline.score.policy import counts_of
from pipeline.score.scorers import build_scorer
from pipeline.steps.columns import column_mistakes
from pipeline.steps.judging.mistakes import Bench, bench, judge_lanes, judge_warnings, preflight, templates
from pipeline.steps.prepare import Prepared
from pipeline.steps.simulation import simulator_options
from pipeline.steps.unbounded import budget_mistakes

CHECKED_REQUESTS = 20


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
    ready = bench(prepared)
    found += ready.mistakes
    columns_missing = missing_columns(_column_users(prepared, ready, found), prepared.dataset.columns)
    found += [TemplateError(sentence) for sentence in columns_missing]
    found += _attempted(SettingsError, (partial(_placed_scorer, scorer) for scorer in _pure(settings.scorers)))
    found += [SettingsError(sentence) for sentence in _recorded_mistakes(prepared)]
    found += [SettingsError(told) for told in column_mistakes(settings.statistics, prepared.dataset.schema)]
    found += [SettingsError(told) for told in _margin_mistakes(settings)]
    if "simulator" in settings.providers:
        found += _attempted(EvalmillError, [partial(simulator_options, settings.simulator)])
    asked = judge_lanes(prepared, ready)
    lanes = [*prepared.plan.lanes, *(lane for lane, _ in asked)]
    found += [SettingsError(sentence) for sentence in budget_mistakes(settings, lanes, today)]
    if not columns_missing:
        found += _attempted(EvalmillError, [prepared.plan.preflight])
        found += preflight(prepared, ready)
        found += [
            SettingsError(sentence)
            for lane in prepared.plan.lanes
            for sentence in _refused_by_model("model", lane, prepared.plan.sample_requests(lane, CHECKED_REQUESTS))
        ]
        found += [
            SettingsError(sentence)
            for lane, request in asked
            for sentence in _refused_by_model("judge", lane, [request])
        ]
    return found


def find_warnings(prepared: Prepared, *, today: date) -> list[str]:
    """What a user should know and may ignore."""
    warnings: list[str] = []
    for lane in prepared.plan.lanes:
        warnings += _price_warnings("model", lane, today)
        warnings += _cautions(prepared, lane, today)
    ready = bench(prepared)
    for lane, _ in judge_lanes(prepared, ready):
        warnings += _price_warnings("judge", lane, today)
    warnings = list(dict.fromkeys([*warnings, *judge_warnings(prepared, ready)]))
    if not prepared.settings.scorers:
        warnings.append("there is no [[scorers]] table: answers are collected and not judged")
    return warnings


def _price_warnings(noun: str, lane: Lane, today: date) -> Iterator[str]:
    provider, model = lane.provider.name, lane.model.model
    if provider != "recorded" and find_price(lane.provider.prices, provider, model, today, None) is None:
        yield f"{noun} {lane.model.name!r}: no price is known for {provider}/{model}; its cost will be unknown"


def _pure(scorers: Sequence[ScorerSettings]) -> list[ScorerSettings]:
    """The scorers that ask nobody."""
    return [scorer for scorer in scorers if scorer.kind not in JUDGE_KINDS]


def _placed_scorer(settings: ScorerSettings) -> None:
    """Build a scorer; a mistake in it is told with its file and line."""
    try:
        counts_of(settings, build_scorer(settings).better)
    except SettingsError as error:
        raise SettingsError(f"{settings.place}: {error}") from None


def _margin_mistakes(settings: EvalSettings) -> Iterator[str]:
    """Margins that no difference of shares exceeds: by them any two models are equal."""
    names = [scorer.name for scorer in settings.scorers]
    for pair in settings.statistics.equivalence if names else ():
        name = pair.metric or names[0]
        if pair.margin >= 1 and any(scorer.name == name and _gives_shares(scorer) for scorer in settings.scorers):
            yield (
                f"[[statistics.equivalence]] of {pair.a!r} and {pair.b!r}: margin is {pair.margin:g}, and {name!r} lies"
                " between 0 and 1; two percentage points are margin = 0.02"
            )


def _gives_shares(settings: ScorerSettings) -> bool:
    try:
        return settings.kind not in JUDGE_KINDS and build_scorer(settings).scale == "share"
    except SettingsError:
        return False


def _column_users(prepared: Prepared, ready: Bench, found: list[EvalmillError]) -> Iterator[UsesColumns]:
    """Every template over the row: prompts, recorded answers, expected values, rubrics."""
    for judge, _ in ready.judges:
        yield from templates(judge)
    yield from prepared.plan.templates.values()
    for answer in prepared.plan.answers.values():
        yield answer.text
    for scorer in _pure(prepared.settings.scorers):
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


def _recorded_mistakes(prepared: Prepared) -> Iterator[str]:
    """Columns that a recorded model names and the dataset does not have."""
    columns = prepared.dataset.columns
    for model in prepared.settings.models:
        if model.recorded is None:
            continue
        for key in ("input_tokens", "output_tokens", "stop_reason", "latency_ms"):
            name = getattr(model.recorded, key)
            if name is not None and name not in columns:
                told = f"model {model.name!r}: {key}: there is no column {name!r}{nearest(name, columns)}"
                yield f"{model.recorded.place}: {told}"


def _refused_by_model(noun: str, lane: Lane, requests: Sequence[Request]) -> list[str]:
    """What the model or the gateway is known to refuse in some requests of a lane."""
    if lane.model.recorded is not None:
        return []
    said: dict[str, None] = {}
    for request in requests:
        model = lane.model
        for objection in objections(request, provider=lane.provider, model=model.model, beta=model.beta):
            said[f"{noun} {model.name!r} ({lane.provider.name}/{model.model}): {objection}"] = None
    return list(said)


def _cautions(prepared: Prepared, lane: Lane, today: date) -> list[str]:
    """What is worth a warning in a lane's model and its first requests; requests that cannot be made are left out."""
    requests: list[Request | None] = [None]
    with suppress(EvalmillError):  # a mistake, and told as one
        requests += prepared.plan.sample_requests(lane, CHECKED_REQUESTS)
    said = (cautions(request, provider=lane.provider, model=lane.model.model, today=today) for request in requests)
    return list(dict.fromkeys(f"model {lane.model.name!r}: {caution}" for found in said for caution in found))
