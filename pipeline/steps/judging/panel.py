"""Who judges: the judges of a scorer as models, each with the way its verdict is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.config.describe import provider_identity
from pipeline.core.errors import SettingsError
from pipeline.core.fingerprint import asked_digest, canonical_json
from pipeline.core.settings import EvalSettings, ModelSettings, RecordedColumns
from pipeline.providers.capabilities import capabilities
from pipeline.score.judge import Judge, Means
from pipeline.score.judge_form import TOOL


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeModel:
    """One of [[judges]], with who it is for fingerprints."""

    model: ModelSettings
    identity: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panelist:
    """A judge at work for one scorer."""

    model: ModelSettings
    identity: Mapping[str, Any]
    means: Means
    """How its verdict is asked for; never auto."""
    params: Mapping[str, Any]
    """The model's own parameters with those that demand the verdict's form."""
    asked: str
    """Digest of everything that is asked of it whatever the answer: another digest is another judgment."""


def judge_models(settings: EvalSettings) -> tuple[JudgeModel, ...]:
    """The [[judges]] of an evaluation."""
    return tuple(JudgeModel(model=judge, identity=provider_identity(settings, judge)) for judge in settings.judges)


def recorded_judge_models(described: Mapping[str, Any]) -> tuple[JudgeModel, ...]:
    """The same, from the settings in run.json."""
    return tuple(
        JudgeModel(
            model=ModelSettings(
                name=judge["name"],
                provider=judge["provider"],
                model=judge["model"],
                params=judge["params"],
                beta=tuple(judge["identity"]["beta"]),
                recorded=None if judge["recorded"] is None else RecordedColumns(**judge["recorded"]),
            ),
            identity=judge["identity"],
        )
        for judge in described.get("judges", ())
    )


def panel(judge: Judge, models: Sequence[JudgeModel]) -> tuple[Panelist, ...]:
    """Those of `models` that judge for a scorer; raises SettingsError for an unknown name, and for none."""
    by_name = {model.model.name: model for model in models}
    unknown = [name for name in judge.judges if name not in by_name]
    if unknown or not by_name:
        there = f"there are: {', '.join(by_name)}" if by_name else "there is no [[judges]] table; add one"
        wanted = f"there is no judge {unknown[0]!r}" if unknown else "it needs a judge"
        raise SettingsError(f'scorer "{judge.name}" (kind {judge.kind}): {wanted}; {there}')
    return tuple(_panelist(judge, by_name[name]) for name in judge.judges or by_name)


def _panelist(judge: Judge, model: JudgeModel) -> Panelist:
    means = _means(judge, model.model)
    params = {**model.model.params, **_demands(judge, means, model.model.params)}
    form = judge.form
    rest = [form.scale, dict(form.labels), judge.own_labels, judge.expected, judge.context, means]
    source = "\x00".join([judge.template, canonical_json(rest).decode()])
    return Panelist(
        model=model.model,
        identity=model.identity,
        means=means,
        params=params,
        asked=asked_digest(model.identity, source, params),
    )


def _means(judge: Judge, model: ModelSettings) -> Means:
    """What the model is known to take: a schema, else a forced tool, else words; the unknown get a schema."""
    if judge.means != "auto":
        return judge.means
    if model.provider == "recorded":
        raise SettingsError(
            f'scorer "{judge.name}" (kind {judge.kind}): the judge {model.name!r} is recorded, so its verdicts are '
            "free text; add pattern, whose first group is the verdict"
        )
    known = capabilities(model.provider, model.model)
    if known is None or known.output_config:
        return "schema"
    return "tool" if known.forced_tool_choice else "prompt"


def _demands(judge: Judge, means: Means, params: Mapping[str, Any]) -> dict[str, Any]:
    if means == "schema":
        given = params.get("output_config")
        schema = {"type": "json_schema", "schema": judge.form.schema()}
        return {"output_config": {**(given if isinstance(given, Mapping) else {}), "format": schema}}
    if means == "tool":
        return {"tools": [judge.form.tool()], "tool_choice": {"type": "tool", "name": TOOL}}
    return {}
