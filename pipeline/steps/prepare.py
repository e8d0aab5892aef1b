"""Prepare: an evaluation on disk to a plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.describe import describe, provider_identity
from pipeline.config.load import Overrides, load_eval
from pipeline.core.settings import EvalSettings
from pipeline.guard.media import MediaReader
from pipeline.plan.dataset import Dataset, Survey, open_dataset
from pipeline.plan.expand import Plan

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
        media=media_reader(settings),
    )
    return Prepared(settings=settings, described=describe(settings), dataset=dataset, survey=survey, plan=plan)


def media_reader(settings: EvalSettings) -> MediaReader:
    """Images and documents are read below the dataset's folder."""
    return MediaReader(root=Path(settings.dataset.path).parent)
