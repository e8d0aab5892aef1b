"""The kind `python`: the evaluation's own function decides."""

from __future__ import annotations

import importlib.util
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, cast

from pipeline.core.errors import SettingsError
from pipeline.core.names import slug
from pipeline.core.records import Answer, Better, Corpus, Scale, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.figures import NO_OPTIONS
from pipeline.score.options import Options
from pipeline.score.verdicts import SCORER_FAILED

ImportFunction = Callable[[str, str], Callable[..., Any]]
"""(folder, "module:function") to the function; raises SettingsError when there is none."""

_VERDICT_KEYS = tuple(field.name for field in fields(Verdict) if field.name not in ("status", "sums"))
_LONGEST_EXPLANATION = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """Calls function(text=..., expected=..., row=...); what it raises makes that one answer unscored."""

    name: str
    function: Callable[..., Any]
    graded: bool
    better: Better = "higher"
    unit: str = ""
    scale: Scale = "share"
    row_columns: ClassVar[frozenset[str] | None] = None
    corpus: ClassVar[Corpus | None] = None
    corpus_options: ClassVar[Mapping[str, Any]] = NO_OPTIONS
    takes_answer: bool = False
    """The function gets `answer=` too: tool calls, tokens, latency and cost beside the text."""

    def score(self, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
        """Read what the function returns as a verdict."""
        try:
            more = {"answer": answer} if self.takes_answer else {}
            returned = self.function(text=answer.text, expected=expected, row=row, **more)
        except Exception as error:  # the function is the user's: whatever it raises concerns this answer only
            return failed(f"{type(error).__name__}: {error}")
        verdict = read_verdict(returned, expected)
        if not self.graded and verdict.value not in (None, 0.0, 1.0):
            return failed(f"a pass/fail scorer returned {verdict.value!r}; set graded = true for values between")
        if self.graded or verdict.value is None or verdict.passed is not None:
            return verdict
        return replace(verdict, passed=verdict.value == 1.0)


def failed(explanation: str) -> Verdict:
    """Unscored, because the scorer did not work."""
    return Verdict(value=None, label=SCORER_FAILED, explanation=explanation[:_LONGEST_EXPLANATION], status="unscored")


def read_verdict(returned: Any, expected: str | None) -> Verdict:
    """Read a function's return value.

    bool: pass or fail. Number: the value. Text: a label, which passes when it equals the reference. dict: any of
    value, passed, label, extracted, expected, explanation. Verdict: itself. Anything else, NaN and infinity: unscored.
    """
    returned = _plain_scalar(returned)
    if isinstance(returned, Verdict):
        return _checked(returned)
    if isinstance(returned, Mapping):
        return _from_mapping(returned, expected)
    if isinstance(returned, bool):
        return Verdict(value=float(returned), passed=returned, expected=expected)
    if isinstance(returned, Real):
        return _checked(Verdict(value=float(returned), expected=expected))
    if isinstance(returned, str):
        return _from_label(returned, expected)
    return failed(f"the function returned {type(returned).__name__}; return bool, number, text, dict or Verdict")


def _from_label(label: str, expected: str | None) -> Verdict:
    if expected is None:
        return failed(f"the function returned the label {label!r}, but the scorer has no `expected` to compare it with")
    passed = label.strip() == expected.strip()
    return Verdict(value=float(passed), passed=passed, label=label, extracted=label, expected=expected)


def _from_mapping(returned: Mapping[Any, Any], expected: str | None) -> Verdict:
    if strange := [str(key) for key in returned if key not in _VERDICT_KEYS]:
        return failed(f"the function's dict has unknown keys: {', '.join(strange)}; known: {', '.join(_VERDICT_KEYS)}")
    value, passed = _plain_scalar(returned.get("value")), _plain_scalar(returned.get("passed"))
    if passed is not None and not isinstance(passed, bool):
        return failed(f"the function's dict has passed = {passed!r}; it must be true or false")
    if value is None and passed is not None:
        value = float(passed)
    if not isinstance(value, Real):
        return failed(f"the function's dict has value = {value!r}; it must be a number")
    return _checked(
        Verdict(
            value=float(value),
            passed=passed,
            label=_text(returned.get("label")),
            extracted=_text(returned.get("extracted")),
            expected=_text(returned.get("expected", expected)),
            explanation=_text(returned.get("explanation")),
        )
    )


def _checked(verdict: Verdict) -> Verdict:
    if verdict.status == "scored" and (verdict.value is None or not math.isfinite(verdict.value)):
        return failed(f"the function's value is {verdict.value}; it must be a finite number")
    return verdict


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _plain_scalar(value: Any) -> Any:
    """A NumPy scalar as Python's own."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () else value


def import_function(folder: str, target: str) -> Callable[..., Any]:
    """Load `module:function` from the folder of the evaluation.

    The file is loaded under a name of its own, so two evaluations may each have a `scorers.py`. It may import its
    neighbours at its top; the folder is on the module path only while the file loads.
    """
    module_name, colon, function_name = target.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module_name.split("."), function_name]):
        raise SettingsError(f'function = "{target}" is not "module:function"')
    path = Path(folder, *module_name.split(".")).with_suffix(".py")
    if not path.is_file():
        raise SettingsError(f'function = "{target}": there is no {path}; paths start at the folder of eval.toml')
    function: Callable[..., Any] | None = getattr(_load(path, target), function_name, None)
    if callable(function):
        return function
    raise SettingsError(f'function = "{target}": {path} has no function {function_name}{_hint(path, function_name)}')


def _load(path: Path, target: str) -> ModuleType:
    name = f"evalmill_scorer_{slug(str(path.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingsError(f'function = "{target}": {path} cannot be loaded as Python')
    module = importlib.util.module_from_spec(spec)
    neighbours = str(path.parent.resolve())
    sys.modules[name] = module  # dataclasses and pickle look their module up by name
    sys.path.insert(0, neighbours)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises is a mistake in the settings' function
        del sys.modules[name]
        raise SettingsError(f'function = "{target}": {path} fails with {type(error).__name__}: {error}') from error
    finally:
        sys.path.remove(neighbours)
    return module


def _hint(path: Path, function_name: str) -> str:
    defined = [line[4:].partition("(")[0] for line in path.read_text("utf-8").splitlines() if line[:4] == "def "]
    near = get_close_matches(function_name, defined, n=1)
    return f"; did you mean {near[0]}?" if near else f"; it defines {', '.join(defined) or 'none'}"


def build_python(settings: ScorerSettings, import_function: ImportFunction) -> Python:
    """Read the settings of kind `python`; options: function, graded, and for graded values better, unit, scale.

    Without `graded`, a function annotated to return bool or str is pass/fail, every other one graded.
    """
    options = Options(settings)
    if settings.pattern is not None:
        options.refuse("pattern belongs to the built-in kinds; narrow the text inside the function")
    if not settings.function:
        options.refuse('needs function = "module:function"')
    try:
        function = import_function(settings.folder, settings.function)
    except SettingsError as error:
        options.refuse(str(error))
    graded = options.take_bool("graded", _returns(function) not in ("bool", "str"))
    scorer = Python(
        name=settings.name,
        function=function,
        graded=graded,
        better=cast("Better", options.take_choice("better", ("higher", "lower", "neither"))),
        unit=options.take_text("unit", ""),
        scale=cast("Scale", options.take_choice("scale", ("number", "share") if graded else ("share",))),
        takes_answer=_takes_answer(function),
    )
    if not graded and (scorer.better != "higher" or scorer.unit):
        options.refuse("better and unit belong to graded values; a pass/fail figure is a share of passes")
    options.finish()
    return scorer


def _takes_answer(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some callables written in C have no signature
        return False
    named = parameters.get("answer")
    if named is not None and named.kind is not named.POSITIONAL_ONLY:
        return True
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())


def _returns(function: Callable[..., Any]) -> str | None:
    try:
        annotation = inspect.signature(function).return_annotation
    except (TypeError, ValueError):  # some callables written in C have no signature
        return None
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", None)
