"""Mistakes in what judges are to do, found before a request is sent; and what is worth a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import EvalmillError
from pipeline.core.records import Request
from pipeline.core.settings import ScorerSettings
from pipeline.plan.check import UsesColumns
from pipeline.plan.expand import GridCell, Lane
from pipeline.score.judge import JUDGE_KINDS, Judge, variables
from pipeline.score.policy import counts_of
from pipeline.steps.judging.kin import kin_warnings
from pipeline.steps.judging.labels import read_labels
from pipeline.steps.judging.panel import Panelist, judge_models, panel
from pipeline.steps.judging.prompt import JudgePrompt, Shown, given_templates, rubric_template
from pipeline.steps.judging.units import rules_of
from pipeline.steps.prepare import Prepared


@dataclass(frozen=True, slots=True)
class _Rubric:
    """A rubric's template with those of its names that must be columns of the dataset."""

    path: str
    column_lines: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Bench:
    """The judges that can be built, and the mistakes of the others."""

    judges: tuple[tuple[Judge, tuple[Panelist, ...]], ...]
    mistakes: tuple[EvalmillError, ...]


def bench(prepared: Prepared) -> Bench:
    """Build every judge; a mistake in one is told with its file and line."""
    found: list[tuple[Judge, tuple[Panelist, ...]]] = []
    mistakes: list[EvalmillError] = []
    for scorer in prepared.settings.scorers:
        if scorer.kind not in JUDGE_KINDS:
            continue
        try:
            found.append(_checked(prepared, scorer))
        except EvalmillError as error:
            mistakes.append(type(error)(f"{scorer.place}: {error}"))
    return Bench(tuple(found), tuple(mistakes))


def templates(judge: Judge) -> Iterator[UsesColumns]:
    """The templates of a judge, with the columns that they need."""
    rubric = rubric_template(judge)
    own = set(variables(judge))
    lines = {name: line for name, line in rubric.column_lines.items() if name not in own}
    yield _Rubric(rubric.path, lines)
    yield from given_templates(judge).values()


def judge_lanes(prepared: Prepared, ready: Bench) -> list[tuple[Lane, Request]]:
    """A lane for each judge of each scorer, with a request as it would be sent."""
    lanes = []
    for judge, members in ready.judges:
        request = _sample(prepared, judge)
        for member in members:
            lane = Lane(
                model=member.model,
                provider=prepared.settings.providers[member.model.provider],
                identity=member.identity,
                cells=(GridCell(params=member.params, text="{}"),),
                repeats=1,
            )
            lanes.append((lane, Request(messages=request.messages, system=request.system, params=member.params)))
    return lanes


def judge_warnings(prepared: Prepared, ready: Bench) -> list[str]:
    """What a user should know of the judges and may ignore."""
    said: list[str] = []
    for judge, members in ready.judges:
        models = [member.model for member in members]
        names = [model.name for model in prepared.settings.models]
        if judge.is_pairwise and (len(names) < 2 or judge.against not in (None, *names)):
            said.append(f"scorer {judge.name!r}: of the models that it compares only {', '.join(names)} runs: no pairs")
        said += [f"scorer {judge.name!r}: {strangers}" for strangers in _strangers(prepared, judge)]
        said += [f"scorer {judge.name!r}: {kin}" for kin in kin_warnings(models, prepared.settings.models)]
        if judge.pattern is not None and any(model.recorded is None for model in models):
            said.append(
                f"scorer {judge.name!r}: verdicts are read out of free text, which an answer that the judge quotes can "
                "forge; remove pattern where the judge can follow a schema"
            )
    used = {member.model.name for _, members in ready.judges for member in members}
    idle = [judge.name for judge in prepared.settings.judges if judge.name not in used]
    if idle and not ready.mistakes:
        said.append(f"judge {', '.join(map(repr, idle))}: no scorer asks it")
    return said


def _strangers(prepared: Prepared, judge: Judge) -> Iterator[str]:
    """Human labels of models and prompts that the evaluation does not have."""
    keys = read_labels(judge)
    models = {model.name for model in prepared.settings.models}
    prompts = {prompt.name for prompt in prepared.settings.prompts}
    for noun, place, names in (("model", 1, models), ("prompt", 2, prompts)):
        found = {str(key[place]) for key in keys if key[place] is not None} - names
        if found:
            named = ", ".join(map(repr, sorted(found)[:5]))
            yield f"human labels of a {noun} that does not run: {named}; there is {', '.join(sorted(names))}"


def _checked(prepared: Prepared, scorer: ScorerSettings) -> tuple[Judge, tuple[Panelist, ...]]:
    models = [model.name for model in prepared.settings.models]
    rules = rules_of(scorer, models)
    judge = rules.judge
    counts_of(scorer, judge.better)
    members = panel(judge, judge_models(prepared.settings))
    if judge.human is not None:
        read_labels(judge)
    list(templates(judge))
    return judge, members


def preflight(prepared: Prepared, ready: Bench) -> list[EvalmillError]:
    """Render each rubric over the first row; what does not fit is a mistake."""
    found: list[EvalmillError] = []
    for judge, _ in ready.judges:
        try:
            _rendered(prepared, judge)
        except EvalmillError as error:
            found.append(type(error)(f"scorer {judge.name!r}: {error}"))
    return found


def sample_requests(prepared: Prepared, judge: Judge, count: int) -> list[Request]:
    """What a judge would be asked about the first rows, with a short text for each answer.

    Raises TemplateError or DataError where a row does not fit.
    """
    run: Mapping[str, Any] = {"settings": prepared.described}
    made = JudgePrompt(judge, run, prepared.settings.dataset.seed)
    texts = ("an answer", "another answer") if judge.is_pairwise else ("an answer",)
    prompt = prepared.settings.prompts[0].name
    stop = min(count, prepared.survey.rows)
    rows = (row for batch in prepared.dataset.batches(prepared.survey, 0, stop) for row in batch.records())
    shown = (Shown(row=row, prompt=prompt, targets=tuple("-" * len(texts)), texts=texts) for row in rows)
    return [made.render(one, {})[0] for one in shown]


def _rendered(prepared: Prepared, judge: Judge) -> Request:
    return sample_requests(prepared, judge, 1)[0]


def _sample(prepared: Prepared, judge: Judge) -> Request:
    """A judge's request; a plain one where the rubric does not fit, which is told as a mistake of its own."""
    try:
        return _rendered(prepared, judge)
    except EvalmillError:
        return Request(messages=({"role": "user", "content": "?"},))
