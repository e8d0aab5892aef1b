"""Settings to judges: the kinds `judge` and `pairwise`, whose verdicts are answers of models and cost money."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from pipeline.core.records import Better, Scale
from pipeline.core.settings import ScorerSettings
from pipeline.score.judge_form import Form
from pipeline.score.judge_rubrics import READY, Ready, rubric_file
from pipeline.score.options import Options

JUDGE_KINDS = ("judge", "pairwise")
Means = Literal["auto", "schema", "tool", "prompt", "text"]
"""How a verdict is asked for: by a JSON schema, a forced tool, in words alone, or as free text that a pattern reads."""
LONGEST = 200_000
"""Characters of an answer beyond which no judge is asked, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanLabels:
    """A file with what people said of some answers."""

    path: str
    """Absolute."""
    id: str
    label: str
    """Columns: the row's id and the label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """One scorer whose verdicts come from models."""

    name: str
    kind: str
    rubric: str
    """A ready rubric, or the file name of one's own."""
    path: str
    template: str
    """The source of the rubric's prompt."""
    form: Form
    own_labels: bool
    """Labels or scale are not those that the rubric explains."""
    judges: tuple[str, ...]
    """Names of [[judges]]; empty for all."""
    means: Means
    pattern: re.Pattern[str] | None
    expected: str | None
    context: str | None
    """Templates over the row."""
    better: Better
    pass_at: float | None
    against: str | None
    """Pairs are formed with this model alone; None for all pairs."""
    human: HumanLabels | None
    longest: int
    unit: str = ""
    corpus: None = None

    @property
    def is_pairwise(self) -> bool:
        """Whether two answers are compared."""
        return self.kind == "pairwise"

    @property
    def graded(self) -> bool:
        """Whether values lie anywhere; otherwise each is 0 or 1 and `passed` is set."""
        return self.is_pairwise or (self.pass_at is None and set(self.form.labels.values()) != {0.0, 1.0})

    @property
    def scale(self) -> Scale:
        """Whether values are shares, from 0 to 1."""
        within = self.is_pairwise or not self.graded or (self.form.lowest >= 0 and self.form.highest <= 1)
        return "share" if within else "number"

    @property
    def corpus_options(self) -> Mapping[str, Any]:
        """None: the figure of a cell is the mean."""
        return {}

    @property
    def worst(self) -> float:
        """The value of an answer that counts as wrong."""
        return 0.0 if self.is_pairwise or not self.graded else self.form.lowest

    def passes(self, value: float) -> bool:
        """Whether a value is a pass, for those who pass or fail."""
        return value >= (1.0 if self.pass_at is None else self.pass_at)


def build_judge(settings: ScorerSettings, *, source: str | None = None) -> Judge:
    """Read the settings of kind `judge` or `pairwise`; raises SettingsError for whatever is wrong with them.

    `source` is the rubric's prompt where it is known already; otherwise it is read from its file.
    """
    options = Options(settings)
    options.no_function()
    is_pairwise = settings.kind == "pairwise"
    rubric, ready, path = _rubric(options)
    form = Form() if is_pairwise else _form(options, ready)
    context = options.take_text("context", "") or None
    if (
        ready is not None
        and ready.needs is not None
        and {"expected": settings.expected, "context": context}[ready.needs] is None
    ):
        options.refuse(
            f'rubric = "{rubric}" needs {ready.needs}, a template over the row; add {ready.needs} = "{{{{ column }}}}"'
        )
    pattern = options.take_pattern()
    means = options.take_choice("verdict", ("auto", "schema", "tool", "prompt"))
    judge = Judge(
        name=settings.name,
        kind=settings.kind,
        rubric=rubric,
        path=str(path),
        template=_source(options, path) if source is None else source,
        form=form,
        own_labels=ready is None or not _is_default(form, ready),
        judges=options.take_texts("judges"),
        means="text" if pattern is not None else cast("Means", means),
        pattern=pattern,
        expected=settings.expected,
        context=context,
        better=cast("Better", options.take_choice("better", _better_first(ready))),
        pass_at=None if is_pairwise else _pass_at(options, form),
        against=(options.take_text("against", "") or None) if is_pairwise else None,
        human=None if is_pairwise else _human(options),
        longest=_longest(options),
    )
    if pattern is not None and means != "auto":
        options.refuse("pattern reads a verdict out of free text; remove it, or remove verdict")
    if judge.better != "higher" and (is_pairwise or not judge.graded):
        options.refuse('better = "lower" belongs to scores and labels without pass or fail')
    options.finish()
    return judge


def _rubric(options: Options) -> tuple[str, Ready | None, Path]:
    """The rubric's name, what comes with it, and where its prompt stands."""
    settings = options.settings
    ready = READY[settings.kind]
    rubric, own = options.take_text("rubric", ""), options.take_text("template", "")
    if bool(rubric) == bool(own):
        options.refuse(f"needs one of rubric ({', '.join(ready)}) and template, a Jinja2 file of your own")
    if own:
        return own, None, Path(settings.folder, own)
    if rubric not in ready:
        options.refuse(
            f'there is no ready rubric "{rubric}" for kind = "{settings.kind}"; there are: {", ".join(ready)}'
        )
    return rubric, ready[rubric], rubric_file(settings.kind, rubric)


def _source(options: Options, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        options.refuse(f"template names {path}, which cannot be read: {error}")


def _form(options: Options, ready: Ready | None) -> Form:
    scale, labels = options.take_value("scale"), options.take_value("labels")
    if scale is not None and labels is not None:
        options.refuse("has scale and labels; give one of them")
    if labels is not None:
        return Form(labels=_labels(options, labels))
    if scale is not None:
        return Form(scale=_scale(options, scale))
    if ready is None:
        options.refuse("a template of your own needs scale = [low, high] or labels = { name = value, ... }")
    return Form(scale=ready.scale, labels=ready.labels or {})


def _scale(options: Options, given: Any) -> tuple[float, float]:
    if (
        not isinstance(given, list | tuple)
        or len(given) != 2
        or not all(map(_is_number, given))
        or given[0] >= given[1]
    ):
        options.refuse(f"scale must be [low, high] with low below high, not {given!r}")
    return float(given[0]), float(given[1])


def _labels(options: Options, given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping) or len(given) < 2 or not all(map(_is_number, given.values())):
        options.refuse(f"labels must be a table of at least two labels with a number each, not {given!r}")
    if not all(name.strip() == name and name for name in given):
        options.refuse("labels holds a blank name, or one with spaces around it")
    if len({name.casefold() for name in given}) < len(given) or len(set(given.values())) < 2:
        options.refuse("labels must differ in their names, and not all in nothing but those")
    return {name: float(value) for name, value in given.items()}


def _is_default(form: Form, ready: Ready) -> bool:
    """Whether what the rubric says about labels or scale fits; of scales it explains every one."""
    if ready.scale is not None:
        return form.scale is not None
    return dict(form.labels) == dict(ready.labels or {})


def _pass_at(options: Options, form: Form) -> float | None:
    value = options.take_value("pass_at")
    if value is None:
        return None
    if not _is_number(value) or not form.lowest < value <= form.highest:
        options.refuse(f"pass_at must be a number above {form.lowest:g} and up to {form.highest:g}, not {value!r}")
    return float(value)


def _human(options: Options) -> HumanLabels | None:
    value = options.take_value("human")
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) - {"path", "id", "label"} or not value.get("path"):
        options.refuse('human must be { path = "labels.csv", id = "row_id", label = "label" }')
    if not all(isinstance(text, str) for text in value.values()):
        options.refuse("human: path, id and label are texts")
    return HumanLabels(
        path=str(Path(options.settings.folder, value["path"])),
        id=value.get("id", "row_id"),
        label=value.get("label", "label"),
    )


def _longest(options: Options) -> int:
    value = options.take_value("longest")
    if value is None:
        return LONGEST
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        options.refuse(f"longest must be a whole number of characters, not {value!r}")
    return value


def _better_first(ready: Ready | None) -> tuple[str, ...]:
    """The rubric's own direction first, which is the default."""
    return ("lower", "higher") if ready is not None and ready.better == "lower" else ("higher", "lower")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def variables(judge: Judge) -> tuple[str, ...]:
    """The names that a rubric's template may use beside the dataset's columns, whose own names give way to them."""
    shown = ("candidate_a", "candidate_b") if judge.is_pairwise else ("candidate",)
    given = (
        name for name, template in (("reference", judge.expected), ("context", judge.context)) if template is not None
    )
    return ("task", *shown, *given, "labels", "low", "high", "own_labels")
