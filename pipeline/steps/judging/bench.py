"""The scorers of a run whose verdicts come from models, and the note of them beside those verdicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import DiskError
from pipeline.core.settings import ScorerSettings
from pipeline.score.judge import JUDGE_KINDS
from pipeline.steps.judging.candidates import Candidates
from pipeline.steps.judging.labels import Labels, labels_note, noted_labels
from pipeline.steps.judging.panel import JudgeModel, panel, recorded_judge_models
from pipeline.steps.judging.scores import JudgedScorer
from pipeline.steps.judging.units import judge_folder, model_names, rules_of
from pipeline.steps.judging.verdicts import Verdicts
from pipeline.store.folder import JUDGES, read_run, write_json_atomic
from pipeline.store.run_store import RunStore

NOTE = f"{JUDGES}/judged.json"


def judged_scorers(
    store: RunStore, scorers: Sequence[ScorerSettings], judges: Sequence[JudgeModel]
) -> dict[str, JudgedScorer]:
    """Those of `scorers` whose verdicts come from models, by name, over what is stored of these."""
    wanted = [(scorer, None) for scorer in scorers if scorer.kind in JUDGE_KINDS]
    return _built(store, wanted, judges)


def note_scorers(store: RunStore, scorers: Sequence[ScorerSettings], judged: dict[str, JudgedScorer]) -> list[str]:
    """Note by what the verdicts were made, so that they can be read again whatever becomes of eval.toml and the files
    that it names; returns one sentence for each file of human labels that could not be read.
    """
    if not judged and not (store.folder / JUDGES).is_dir():
        return []
    (store.folder / JUDGES).mkdir(exist_ok=True)
    labels = {name: labels_note(scorer.judge) for name, scorer in judged.items()}
    models = {member.model.name: member for one in judged.values() for member in one.verdicts.panel}
    write_json_atomic(
        store.folder / NOTE,
        {
            "scorers": [
                {"settings": asdict(scorer), "template": judged[scorer.name].judge.template, **labels[scorer.name]}
                for scorer in scorers
                if scorer.name in judged
            ],
            "judges": [{**asdict(model.model), "identity": dict(model.identity)} for model in models.values()],
        },
    )
    problems = {name: note["labels_problem"] for name, note in labels.items() if "labels_problem" in note}
    return [f"scorer {name!r}: not calibrated: {problem}" for name, problem in problems.items()]


def read_note(folder: Path) -> dict[str, Any]:
    """What `note_scorers` noted; empty without judges. Raises DiskError for what is no JSON."""
    path = folder / NOTE
    try:
        noted: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DiskError(f"{path}: is damaged: {error}; run `evalmill score {folder}`") from None
    return noted


@dataclass(frozen=True, slots=True)
class Noted:
    """A scorer of the last scoring, as it was then."""

    scorer: JudgedScorer
    labels: Labels
    """What people had said by then."""


def noted_scorers(store: RunStore) -> list[Noted]:
    """The scorers of the last scoring; empty where there were none. Reads nothing outside the run's folder."""
    noted = read_note(store.folder)
    if not noted:
        return []
    wanted = [(ScorerSettings(**entry["settings"]), entry["template"]) for entry in noted["scorers"]]
    judged = _built(store, wanted, recorded_judge_models(noted))
    return [
        Noted(judged[scorer.name], noted_labels(judged[scorer.name].judge, entry))
        for (scorer, _), entry in zip(wanted, noted["scorers"], strict=True)
    ]


def _built(
    store: RunStore, wanted: Sequence[tuple[ScorerSettings, str | None]], judges: Sequence[JudgeModel]
) -> dict[str, JudgedScorer]:
    if not wanted:
        return {}
    candidates = Candidates(store)
    models = model_names(read_run(store.folder))
    found = {}
    for scorer, source in wanted:
        rules = rules_of(scorer, models, source=source)
        members = panel(rules.judge, judges)
        found[scorer.name] = JudgedScorer(Verdicts(rules, members, judge_folder(store.folder, scorer.name)), candidates)
    return found
