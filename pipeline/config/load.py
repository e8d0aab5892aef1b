"""An evaluation on disk to its settings: paths resolved, models joined to providers, filters applied."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from pipeline.config.locate import line_of
from pipeline.config.providers import find_providers_file, load_providers
from pipeline.config.read import nearest, parse, read_text
from pipeline.config.statistics import read_statistics
from pipeline.config.tables import EvalTable, ModelTable, PromptTable, ScorerTable
from pipeline.core.errors import SettingsError, UsageError
from pipeline.core.settings import (
    DatasetSettings,
    EvalSettings,
    GateSettings,
    ModelSettings,
    PromptSettings,
    ProviderSettings,
    RecordedColumns,
    RunSettings,
    ScorerSettings,
    SimulatorSettings,
)

_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")
FILE_NAME = "eval.toml"
DEFAULT_MAX_TOKENS = 1024
_RUN_OVERRIDES = ("budget_usd", "max_wait_seconds", "max_outage_seconds", "max_failure_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line changes."""

    limit: int | None = None
    models: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    budget_usd: Decimal | None = None
    max_wait_seconds: float | None = None
    max_outage_seconds: float | None = None
    max_failure_rate: float | None = None
    providers_file: Path | None = None


def load_eval(evaluation: Path, overrides: Overrides = Overrides()) -> EvalSettings:
    """Read an eval.toml (or the folder that holds one) into settings.

    Raises SettingsError with file, line and remedy; UsageError for a filter that matches nothing.
    """
    file = (evaluation / FILE_NAME if evaluation.is_dir() else evaluation).resolve()
    source = read_text(file)
    table = parse(source, file, EvalTable)
    reader = _Reader(file=file, source=source)
    providers_file = overrides.providers_file or find_providers_file(file.parent)
    providers = load_providers(providers_file)
    models = tuple(
        reader.model("models", position, model, providers)
        for position, model in enumerate(table.models)
        if _wanted(model.name, overrides.models)
    )
    judges = tuple(reader.model("judges", position, judge, providers) for position, judge in enumerate(table.judges))
    prompts = tuple(
        reader.prompt(position, prompt)
        for position, prompt in enumerate(table.prompts)
        if _wanted(prompt.name, overrides.prompts)
    )
    _require_matches("--model", overrides.models, [model.name for model in table.models])
    _require_matches("--prompt", overrides.prompts, [prompt.name for prompt in table.prompts])
    reader.require_unique("models", [model.name for model in table.models])
    reader.require_unique("judges", [judge.name for judge in table.judges])
    reader.require_unique("prompts", [prompt.name for prompt in table.prompts])
    return EvalSettings(
        name=table.name,
        description=table.description,
        tags=tuple(dict.fromkeys(table.tags)),
        file=file,
        dataset=DatasetSettings(
            path=_absolute(file.parent, table.dataset.path),
            id=table.dataset.id,
            sample=table.dataset.sample,
            seed=table.dataset.seed,
            limit=overrides.limit,
            place=reader.place("dataset", "id"),
        ),
        prompts=prompts,
        models=models,
        providers={model.provider: providers[model.provider] for model in (*models, *judges)},
        grid=reader.grid(table.grid),
        run=_run_settings(table, overrides),
        judges=judges,
        scorers=reader.scorers(table.scorers, [model.name for model in table.models]),
        gates=reader.gates(table, overrides),
        statistics=read_statistics(table, overrides.models, reader),
        simulator=_simulator(table, file.parent),
        providers_file=providers_file,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns tables into settings, with the file at hand for the places of mistakes."""

    file: Path
    source: str

    def place(self, *location: str | int) -> str:
        line = line_of(self.source, location)
        return f"{self.file}:{line}" if line else str(self.file)

    def mistake(self, location: Sequence[str | int], message: str) -> SettingsError:
        return SettingsError(f"{self.place(*location)}: {message}")

    def prompt(self, position: int, table: PromptTable) -> PromptSettings:
        location = ("prompts", position, "template")
        try:
            path = (self.file.parent / table.template).resolve()
            is_there = path.is_file()
        except (OSError, ValueError) as error:
            raise self.mistake(location, f"{table.template!r} is no file name: {error}") from None
        if not is_there:
            raise self.mistake(location, f"there is no template {table.template!r} (looked for {path})")
        return PromptSettings(name=table.name, path=str(path), source=read_text(path))

    def model(
        self, array: str, position: int, table: ModelTable, providers: Mapping[str, ProviderSettings]
    ) -> ModelSettings:
        """Read a table of `[[models]]` or `[[judges]]`."""
        provider, _, model = table.id.partition("/")
        if provider not in providers:
            hint = nearest(provider, providers) or f"; known: {', '.join(sorted(providers))}"
            raise self.mistake((array, position, "id"), f"there is no provider {provider!r}{hint}")
        params, beta = self._params(array, position, table)
        return ModelSettings(
            name=table.name,
            provider=provider,
            model=model,
            params=params,
            beta=beta,
            recorded=self._recorded(array, position, table, provider),
        )

    def _params(self, array: str, position: int, table: ModelTable) -> tuple[dict[str, Any], tuple[str, ...]]:
        params = {"max_tokens": DEFAULT_MAX_TOKENS, **{key: _plain(value) for key, value in table.params.items()}}
        beta = params.pop("beta", ())
        if not isinstance(beta, list | tuple) or not all(isinstance(name, str) for name in beta):
            raise self.mistake(
                (array, position, "params", "beta"), "'beta' is a list of names for the anthropic-beta header"
            )
        if not all(_HEADER_TEXT.fullmatch(name) for name in beta):
            raise self.mistake((array, position, "params", "beta"), "'beta' holds a name that fits no header")
        if isinstance(params.get("tools"), str):
            params["tools"] = self._tools(params["tools"], array, position, "params", "tools")
        self._require_sendable(array, position, params)
        return params, tuple(beta)

    def _require_sendable(self, array: str, position: int, params: Mapping[str, Any]) -> None:
        try:
            orjson.dumps(params)
        except (TypeError, ValueError) as error:
            raise self.mistake((array, position, "params"), f"'params' holds what JSON cannot carry: {error}") from None

    def grid(self, table: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, ...]]:
        """Read the values that parameters take in turn; a text among `tools` names a JSON file, as elsewhere."""
        if "beta" in table:
            raise self.mistake(
                ("grid", "beta"), "'beta' is a header of all requests of a model; put it into [models.params]"
            )
        grid = {key: tuple(_plain(value) for value in values) for key, values in table.items()}
        if "tools" in grid:
            grid["tools"] = tuple(
                self._tools(value, "grid", "tools") if isinstance(value, str) else value for value in grid["tools"]
            )
        return grid

    def _tools(self, name: str, *location: str | int) -> Any:
        path = self.file.parent / name
        try:
            tools = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self.mistake(
                location, f"'tools' names {name!r}, which is not a readable JSON file: {error}"
            ) from error
        if not isinstance(tools, list):
            raise self.mistake(location, f"'tools' names {name!r}, which holds no list of tools")
        return tools

    def _recorded(self, array: str, position: int, table: ModelTable, provider: str) -> RecordedColumns | None:
        columns = {key: getattr(table, key) for key in ("input_tokens", "output_tokens", "stop_reason", "latency_ms")}
        if provider == "recorded":
            if table.answer is None:
                raise self.mistake(
                    (array, position),
                    "a recorded model needs 'answer', a template over the row that gives its answer",
                )
            return RecordedColumns(answer=table.answer, place=self.place(array, position, "answer"), **columns)
        for key, value in {"answer": table.answer, **columns}.items():
            if value is not None:
                raise self.mistake(
                    (array, position, key),
                    f"{key!r} is for models of the provider 'recorded'; this one is {provider!r}",
                )
        return None

    def scorers(self, tables: Sequence[ScorerTable], models: Sequence[str]) -> tuple[ScorerSettings, ...]:
        """Read the scorers; `models` are all models of the file, those that the command line left out too."""
        names = [table.name or table.kind for table in tables]
        self.require_unique("scorers", names, "; give each its own 'name'")
        for position, table in enumerate(tables):
            against = (table.model_extra or {}).get("against")
            if isinstance(against, str) and against not in models:
                hint = nearest(against, models) or f"; there are: {', '.join(models)}"
                raise self.mistake(("scorers", position, "against"), f"there is no model {against!r}{hint}")
        return tuple(
            ScorerSettings(
                kind=table.kind,
                name=name,
                expected=table.expected,
                pattern=table.pattern,
                function=table.function,
                options={key: _plain(value) for key, value in (table.model_extra or {}).items()},
                counts={} if table.counts is None else table.counts.model_dump(exclude_none=True),
                place=self.place("scorers", position, "expected"),
                folder=str(self.file.parent),
            )
            for position, (name, table) in enumerate(zip(names, tables, strict=True))
        )

    def gates(self, table: EvalTable, overrides: Overrides) -> tuple[GateSettings, ...]:
        """The gates of what runs; a gate on a model or prompt that the command line left out is left out too."""
        known = {
            "metric": [scorer.name or scorer.kind for scorer in table.scorers],
            "model": [model.name for model in table.models],
            "prompt": [prompt.name for prompt in table.prompts],
        }
        for position, gate in enumerate(table.gates):
            for key, names in known.items():
                value = getattr(gate, key)
                if value is not None and value not in names:
                    hint = nearest(value, names) or f"; there are: {', '.join(names) or 'none'}"
                    raise self.mistake(("gates", position, key), f"there is no {key} {value!r}{hint}")
            if gate.min is None and gate.max is None:
                raise self.mistake(("gates", position), "a gate needs 'min' or 'max'")
        return tuple(
            GateSettings(**gate.model_dump())
            for gate in table.gates
            if (gate.model is None or _wanted(gate.model, overrides.models))
            and (gate.prompt is None or _wanted(gate.prompt, overrides.prompts))
        )

    def require_unique(self, array: str, names: Sequence[str], remedy: str = "") -> None:
        for position, name in enumerate(names):
            if name in names[:position]:
                raise self.mistake((array, position), f"the name {name!r} stands twice in [[{array}]]{remedy}")


def _run_settings(table: EvalTable, overrides: Overrides) -> RunSettings:
    given = {key: getattr(overrides, key) for key in _RUN_OVERRIDES}
    changed = {key: value for key, value in given.items() if value is not None}
    if "concurrency" in table.run.model_fields_set:
        changed["first_in_flight"] = table.run.concurrency
    return RunSettings(**{**table.run.model_dump(), **changed})


def _simulator(table: EvalTable, folder: Path) -> SimulatorSettings:
    given = table.simulator.model_dump()
    if given["answers"] is not None:
        given["answers"] = _absolute(folder, given["answers"])
    return SimulatorSettings(**given)


def _absolute(folder: Path, path: str) -> str:
    return path if "://" in path else str((folder / path).resolve())


def _wanted(name: str, filters: Sequence[str]) -> bool:
    return not filters or name in filters


def _require_matches(flag: str, filters: Sequence[str], names: Sequence[str]) -> None:
    for wanted in filters:
        if wanted not in names:
            hint = nearest(wanted, names) or f"; there are: {', '.join(names)}"
            raise UsageError(f"{flag} {wanted}: there is none of that name{hint}")


def _plain(value: Any) -> Any:
    """Decimals to floats, all the way down: parameters travel as JSON numbers, only money stays exact."""
    if isinstance(value, Decimal):
        return float(value)
    convert: Callable[[Any], Any] = _plain
    if isinstance(value, dict):
        return {key: convert(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [convert(inner) for inner in value]
    return value
