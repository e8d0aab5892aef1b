"""Settings as the parts see them: frozen, checked, paths resolved. `config` makes them from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

Protocol = Literal["anthropic-messages", "openai-chat", "recorded"]
Accounting = Literal["anthropic", "openai"]
Correction = Literal["CR1", "CR0"]
IntervalMethod = Literal["analytic", "percentile", "bca"]
TestMethod = Literal["analytic", "bootstrap", "permutation"]
Adjustment = Literal["holm", "benjamini_hochberg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSettings:
    """Where the rows are and which of them are taken."""

    path: str
    """A file or a glob, absolute."""
    id: str | None = None
    """The column that is the row key; without it, a content hash and an occurrence number."""
    sample: int | None = None
    seed: int = 0
    limit: int | None = None
    """Only the first rows (after sampling); from the command line."""
    place: str = ""
    """File and line of `id`, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """One template."""

    name: str
    path: str
    """For messages; the source is what counts."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedColumns:
    """Where a recorded model's answers stand in the dataset."""

    answer: str
    """A template over the row."""
    place: str = "eval.toml"
    """File and line of `answer`, for messages."""
    input_tokens: str | None = None
    output_tokens: str | None = None
    stop_reason: str | None = None
    latency_ms: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """One model under evaluation."""

    name: str
    provider: str
    model: str
    """The id that is sent."""
    params: Mapping[str, Any] = field(default_factory=dict)
    beta: tuple[str, ...] = ()
    recorded: RecordedColumns | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How the run behaves."""

    repeats: int = 1
    concurrency: int = 64
    """Requests in flight per lane."""
    first_in_flight: int = 8
    """How many of them to begin with where no limit is known: `concurrency` itself where that was chosen."""
    budget_usd: Decimal | None = None
    ask_above_usd: Decimal = Decimal("5.00")
    """`evalmill run` asks before it sends what could cost more, unless a budget names the amount."""
    max_attempts: int = 6
    deadline_seconds: float = 600.0
    """Total for one attempt, from connecting to the last byte."""
    idle_seconds: float = 60.0
    """Silence between two parts of a stream that ends the attempt."""
    max_wait_seconds: float = 3600.0
    """A provider's demand to wait longer holds its lane; the run ends resumable."""
    max_outage_seconds: float = 900.0
    """A provider that fails for longer holds its lane; the run ends resumable."""
    max_failure_rate: float | None = None
    """The share of failed jobs beyond which the run stops, resumable; None: it goes on."""
    grace_seconds: float = 30.0
    """After an interruption, what requests in flight get to be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerSettings:
    """One scorer."""

    kind: str
    name: str
    expected: str | None = None
    """A template over the row."""
    pattern: str | None = None
    function: str | None = None
    """`module:function`, for kind `python`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)
    """What answers of a status count as, where that is not the default: wrong, scored, left_out."""
    place: str = "eval.toml"
    """File and line of the scorer, for messages."""
    folder: str = "."
    """The evaluation's folder, where `function` is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """A demand on the mean of every matching cell."""

    metric: str
    model: str | None = None
    prompt: str | None = None
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EquivalenceSettings:
    """Two models that are to be shown equal within a margin, such as one model behind two providers."""

    a: str
    b: str
    margin: float
    """In the metric's own unit: 0.02 is two percentage points of a share."""
    metric: str | None = None
    """None: the first scorer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsSettings:
    """How figures are computed from scores; nothing here changes what is asked."""

    cluster: str | None = None
    """A dataset column: rows with the same value are not independent of each other."""
    correction: Correction = "CR1"
    interval: IntervalMethod = "analytic"
    test: TestMethod = "analytic"
    adjust: Adjustment = "holm"
    resamples: int = 10_000
    seed: int = 0
    slices: tuple[str, ...] = ()
    """Dataset columns whose values are looked at one by one."""
    macro: str | None = None
    """A dataset column: each of its values has the same weight in the macro average."""
    k: tuple[int, ...] = ()
    """For pass@k, pass^k and majority@k; empty: 1 and the number of repeats."""
    equivalence: tuple[EquivalenceSettings, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    """File and line of each key that names a column, for messages."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The dataset columns that are needed, each once."""
        named = (self.cluster, self.macro, *self.slices)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @classmethod
    def recorded(cls, noted: Mapping[str, Any] | None) -> StatisticsSettings:
        """As JSON holds them; the defaults where nothing was noted."""
        if noted is None:
            return cls()
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in noted.items()
        }
        plain["equivalence"] = tuple(EquivalenceSettings(**pair) for pair in noted["equivalence"])
        return cls(**plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """What the built-in simulator knows and how it misbehaves, for models of the provider `simulator`."""

    profile: str = "anthropic"
    """Whose dialect is spoken."""
    seed: int = 0
    answers: str | None = None
    """A table of questions with their true answers (absolute path)."""
    question_column: str = "question"
    answer_column: str = "answer"
    model_column: str | None = None
    """With `replay`: only rows whose model column equals the requested model answer."""
    replay: bool = False
    """The answer column holds whole answers, returned word for word."""
    error_rate: float = 0.0
    """Share of requests answered with 500 or 529."""
    rate_limited: float = 0.0
    """Share of requests answered with 429."""
    judge_accuracy: float = 0.9
    """Share of answers whose worth a simulated judge sees."""
    judge_position_bias: float = 0.0
    """Share of pairs of which it takes the first one, whatever they say."""
    judge_echo: bool = False
    """It repeats what it was to judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a provider account allows; None is unknown."""

    requests_per_minute: float | None = None
    input_tokens_per_minute: float | None = None
    output_tokens_per_minute: float | None = None
    requests_in_flight: int | None = None
    """Over all lanes of the account; each lane has `concurrency` besides."""
    burst_seconds: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens from a date on; a class that is None is unknown, not free."""

    provider: str
    model: str
    effective: date
    source: str
    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    above_input_tokens: int | None = None
    """The entry holds only for requests with more input tokens than this."""
    checked: date | None = None
    """The day on which somebody last compared the entry with its source."""

    @property
    def price_id(self) -> str:
        """Names the entry in results: provider, model, date."""
        above = "" if self.above_input_tokens is None else f">{self.above_input_tokens}"
        return f"{self.provider}/{self.model}{above}@{self.effective.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One account at one address."""

    name: str
    protocol: Protocol
    base_url: str
    key_env: str | None = None
    """None: no key is sent."""
    auth: Literal["x-api-key", "bearer"] = "x-api-key"
    headers: Mapping[str, str] = field(default_factory=dict)
    accounting: Accounting = "anthropic"
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    limits: Limits = field(default_factory=Limits)
    model_limits: Mapping[str, Limits] = field(default_factory=dict)
    prices: tuple[Price, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalSettings:
    """A whole evaluation, resolved."""

    name: str
    description: str
    file: Path
    """The eval.toml itself."""
    dataset: DatasetSettings
    prompts: tuple[PromptSettings, ...]
    models: tuple[ModelSettings, ...]
    providers: Mapping[str, ProviderSettings]
    """Those that the models and judges use."""
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    run: RunSettings = field(default_factory=RunSettings)
    judges: tuple[ModelSettings, ...] = ()
    """Models that scorers of the kinds judge and pairwise ask."""
    scorers: tuple[ScorerSettings, ...] = ()
    gates: tuple[GateSettings, ...] = ()
    statistics: StatisticsSettings = field(default_factory=StatisticsSettings)
    simulator: SimulatorSettings = field(default_factory=SimulatorSettings)
    providers_file: Path | None = None
    tags: tuple[str, ...] = ()
    """Words of the user's own, by which costs can be summed."""

    @property
    def folder(self) -> Path:
        """Where paths in eval.toml begin."""
        return self.file.parent
