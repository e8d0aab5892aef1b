"""The tables of eval.toml and providers.toml as pydantic models: strict, unknown keys refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt

from pipeline.core.settings import Adjustment, Correction, IntervalMethod, TestMethod

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


def _number(value: Any) -> Any:
    """TOML numbers arrive as int or Decimal; a bool is not a number."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _money(value: Any) -> Any:
    """Money is written as a number or as a string, and read exactly."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return Decimal(value)
        except ArithmeticError:
            return value
    return value


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
PositiveNumber = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Rate = Annotated[float, BeforeValidator(_number), Field(ge=0, lt=1)]
Share = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]
Money = Annotated[Decimal, BeforeValidator(_money), Field(ge=0, lt=10**12, allow_inf_nan=False)]
SimulatorProfile = Literal["anthropic", "apimart-wrapped", "apimart", "ofox", "openai", "new-api", "openrouter"]
Price = Annotated[Decimal | None, BeforeValidator(_money), Field(ge=0, allow_inf_nan=False)]


class Table(BaseModel):
    """A TOML table in which every key is known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DatasetTable(Table):
    """Where the rows are."""

    path: str = Field(
        min_length=1, description="A .parquet, .csv, .jsonl or .arrow file, or a glob; relative to this file."
    )
    id: str | None = Field(None, description="The column that is the row key; without it, a content hash.")
    sample: PositiveInt | None = Field(None, description="Take this many rows, drawn by `seed`.")
    seed: int = 0


class PromptTable(Table):
    """One prompt template."""

    name: Name
    template: str = Field(min_length=1, description="A Jinja2 file, relative to this file.")


class ModelTable(Table):
    """One model."""

    name: Name = Field(description="How reports call it.")
    id: str = Field(pattern=r"^[^/\s]+/\S.*$", description="provider/model, split at the first slash.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="Parameters of the Messages protocol; unknown keys pass through."
    )
    answer: str | None = Field(None, description="Provider `recorded`: a template over the row that gives the answer.")
    input_tokens: str | None = Field(None, description="Provider `recorded`: a column.")
    output_tokens: str | None = Field(None, description="Provider `recorded`: a column.")
    stop_reason: str | None = Field(None, description="Provider `recorded`: a column.")
    latency_ms: str | None = Field(None, description="Provider `recorded`: a column.")


class RunTable(Table):
    """How the run behaves."""

    repeats: PositiveInt = 1
    concurrency: Annotated[int, Field(ge=1, le=4096)] = Field(64, description="Requests in flight per model.")
    budget_usd: Money | None = Field(None, description="The run stops, resumable, before it could cost more.")
    ask_above_usd: Money = Field(
        Decimal("5.00"), description="`evalmill run` asks before it sends what could cost more; see --yes."
    )
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 6
    deadline_seconds: PositiveNumber = Field(600.0, description="For one attempt, from connecting to the last byte.")
    idle_seconds: PositiveNumber = Field(60.0, description="Silence between two parts of a stream.")
    max_wait_seconds: PositiveNumber = Field(3600.0, description="A provider that asks for more is left for later.")
    max_outage_seconds: PositiveNumber = Field(900.0, description="A provider that is down longer is left for later.")
    max_failure_rate: Share | None = Field(
        None, description="The run stops, resumable, when a larger share of its jobs fails; 0.1 is a tenth."
    )
    grace_seconds: PositiveNumber = Field(30.0, description="What requests in flight get to be answered after Ctrl-C.")


class CountsTable(Table):
    """What answers that are not plainly answered count as; unset is the kind's default."""

    truncated: Literal["wrong", "scored", "left_out"] | None = None
    refused: Literal["wrong", "scored", "left_out"] | None = None
    empty: Literal["wrong", "scored", "left_out"] | None = None
    error: Literal["left_out", "wrong"] | None = None
    blocked: Literal["left_out", "wrong"] | None = None
    skipped: Literal["left_out", "wrong"] | None = None


class ScorerTable(BaseModel):
    """One scorer; keys beyond these are its own options."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    kind: str
    name: Name | None = None
    expected: str | None = Field(None, description="A template over the row.")
    pattern: str | None = Field(None, description="A regular expression; the last match counts.")
    function: str | None = Field(None, pattern=r"^[\w.]+:\w+$", description="Kind `python`: module:function.")
    counts: CountsTable | None = Field(None, description="What truncated, refused, empty and failed answers count as.")


class GateTable(Table):
    """`evalmill run` exits 1 when the mean of a matching cell is outside."""

    metric: str
    model: str | None = None
    prompt: str | None = None
    min: Number | None = None
    max: Number | None = None


class EquivalenceTable(Table):
    """Two models that are to be shown equal within a margin (two one-sided tests)."""

    a: str = Field(description="Name of a model.")
    b: str = Field(description="Name of another model.")
    margin: PositiveNumber = Field(description="The largest difference that does not matter, in the metric's unit.")
    metric: str | None = Field(None, description="Name of a scorer; by default the first.")


class StatisticsTable(Table):
    """How figures are computed from scores; `evalmill score` applies a change without a request."""

    cluster: str | None = Field(None, description="A dataset column whose equal rows depend on each other.")
    correction: Correction = Field("CR1", description="Small-sample correction of clustered standard errors.")
    interval: IntervalMethod = Field("analytic", description="Wilson or Student's t; or a seeded bootstrap.")
    test: TestMethod = Field("analytic", description="Exact McNemar or paired t; or by resampling.")
    adjust: Adjustment = Field("holm", description="How p values are adjusted for their number.")
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = 10_000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    slices: list[str] = Field(default_factory=list, description="Dataset columns to break the figures down by.")
    macro: str | None = Field(None, description="A dataset column; each value has the same weight in an average.")
    k: list[PositiveInt] = Field(
        default_factory=list, description="For pass@k, pass^k and majority@k; by default 1 and the number of repeats."
    )
    equivalence: list[EquivalenceTable] = Field(default_factory=list)


class SimulatorTable(Table):
    """What the built-in simulator knows, for models of the provider `simulator`."""

    profile: SimulatorProfile = Field("anthropic", description="Whose dialect the simulator speaks.")
    seed: int = 0
    answers: str | None = Field(None, description="A table of questions and true answers; relative to this file.")
    question_column: str = "question"
    answer_column: str = "answer"
    model_column: str | None = None
    replay: bool = Field(False, description="The answers are returned word for word.")
    error_rate: Rate = 0.0
    rate_limited: Rate = 0.0
    judge_accuracy: Share = Field(0.9, description="Share of answers whose worth a simulated judge sees.")
    judge_position_bias: Share = Field(0.0, description="Share of pairs of which it takes the first one regardless.")
    judge_echo: bool = Field(False, description="It repeats what it was to judge: a test of how verdicts are read.")


class EvalTable(Table):
    """A whole eval.toml."""

    name: Name
    description: str = ""
    tags: list[Name] = Field(default_factory=list, description="Words by which `evalmill costs` can sum.")
    dataset: DatasetTable
    prompts: list[PromptTable] = Field(min_length=1)
    models: list[ModelTable] = Field(min_length=1)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    run: RunTable = Field(default_factory=RunTable)
    judges: list[ModelTable] = Field(default_factory=list, description="Models that scorers of kind judge ask.")
    scorers: list[ScorerTable] = Field(default_factory=list)
    gates: list[GateTable] = Field(default_factory=list)
    statistics: StatisticsTable = Field(default_factory=StatisticsTable)
    simulator: SimulatorTable = Field(default_factory=SimulatorTable)


class LimitsTable(Table):
    """What an account allows per minute."""

    requests_per_minute: PositiveNumber | None = None
    input_tokens_per_minute: PositiveNumber | None = None
    output_tokens_per_minute: PositiveNumber | None = None
    requests_in_flight: PositiveInt | None = None
    burst_seconds: PositiveNumber = 6.0


class PriceTable(Table):
    """USD per million tokens, from a date on."""

    model: str
    effective: date
    source: str
    input: Price = None
    output: Price = None
    cache_read: Price = None
    cache_write_5m: Price = None
    cache_write_1h: Price = None
    above_input_tokens: PositiveInt | None = None
    checked: date | None = None


class ProviderModelTable(Table):
    """What differs for one model of a provider."""

    limits: LimitsTable


class ProviderTable(Table):
    """A provider: new, or what differs from the catalog's entry of the same name."""

    protocol: Literal["anthropic-messages", "openai-chat"] | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$")] | None = None
    key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    auth: Literal["x-api-key", "bearer"] | None = None
    headers: dict[str, str] | None = None
    accounting: Literal["anthropic", "openai"] | None = None
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    limits: LimitsTable | None = None
    models: dict[str, ProviderModelTable] = Field(default_factory=dict)
    prices: list[PriceTable] = Field(default_factory=list)


class ProvidersTable(Table):
    """A whole providers.toml."""

    providers: dict[Annotated[str, Field(pattern=r"^[^/\s]+$")], ProviderTable] = Field(default_factory=dict)
