"""The documents name what the code has: columns, keys, codes, models; and their examples are valid."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

from pipeline.config import tables
from pipeline.core import errors
from pipeline.core.errors import EvalmillError, SettingsError
from pipeline.core.records import Request, Result
from pipeline.core.settings import EquivalenceSettings, GateSettings, ScorerSettings, StatisticsSettings
from pipeline.core.template import compile_template
from pipeline.providers.catalog import load_catalog
from pipeline.providers.formats import wire_format
from pipeline.score.judge import build_judge
from pipeline.simulator.options import PROFILES
from pipeline.stats.summary import SummaryBuilder
from pipeline.store.schema import RESULTS_SCHEMA, SCORES_SCHEMA
from tests.support.commands import environment
from tests.support.stats import plain_metric

DOCS = Path(__file__).resolve().parents[2] / "docs"


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under `heading`, down to the next one of the same or a higher level."""
    level = heading.split(" ")[0]
    after = text.split(f"\n{heading}\n")[1]
    return re.split(rf"^#{{1,{len(level)}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """The code words of the first column of all tables."""
    cells = re.findall(r"^\| (`[^|]+) \|", text, flags=re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def keys_of(table: type[BaseModel]) -> set[str]:
    return set(table.model_fields)


def test_the_results_table_lists_every_column_once() -> None:
    listed = first_cells(section(text_of("results.md"), "## `results`"))
    statuses = {"ok", "truncated", "refused", "empty", "error", "blocked", "skipped"}
    assert sorted(word for word in listed if word not in statuses) == sorted(field.name for field in fields(Result))


def test_the_scores_table_lists_every_column_once() -> None:
    assert sorted(first_cells(section(text_of("results.md"), "## `scores`"))) == sorted(SCORES_SCHEMA.names)


def test_the_exit_codes_are_those_of_the_errors() -> None:
    listed = {
        int(code) for code in re.findall(r"^\| (\d+)", section(text_of("results.md"), "## Exit codes"), re.MULTILINE)
    }
    raised = {kind.exit_code for kind in EvalmillError.__subclasses__()}
    assert listed == {0, errors.EXIT_GATE_FAILED, errors.EXIT_JOBS_FAILED, errors.EXIT_BUG, 130} | raised


@pytest.mark.parametrize(
    ("heading", "table", "elsewhere"),
    [
        (
            "## Top level",
            tables.EvalTable,
            {"dataset", "prompts", "models", "grid", "run", "judges", "scorers", "gates", "statistics", "simulator"},
        ),
        ("## `[dataset]`", tables.DatasetTable, set()),
        ("## `[[prompts]]`", tables.PromptTable, set()),
        ("## `[run]`", tables.RunTable, set()),
        ("## `[[gates]]`", tables.GateTable, set()),
        ("## `[statistics]`", tables.StatisticsTable, set()),
    ],
)
def test_every_key_of_a_table_is_explained(heading: str, table: type[BaseModel], elsewhere: set[str]) -> None:
    assert set(first_cells(section(text_of("writing-evaluations.md"), heading))) == keys_of(table) - elsewhere


PARAMETERS = re.findall(
    r"^\| `(\w+ = .+?)` \| .+ \| (.+) \|$",
    section(text_of("writing-evaluations.md"), "### `[models.params]`"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("written", "counterpart"), PARAMETERS)
def test_every_parameter_is_shown_as_it_goes_out(written: str, counterpart: str) -> None:
    params = tomllib.loads(written, parse_float=Decimal)
    beta = params.pop("beta", ())
    turns = ({"role": "user", "content": "hi"},)
    catalog = load_catalog()
    body, plain, chat = (
        json.loads(
            wire_format(catalog[name].protocol).encode(Request(messages=turns, params=asked), "m", catalog[name])
        )
        for name, asked in (("anthropic", params), ("openai", {}), ("openai", params))
    )
    assert {name: body[name] for name in params} == json.loads(json.dumps(params, default=float))
    assert wire_format("anthropic-messages").headers(catalog["anthropic"], tuple(beta)).get("anthropic-beta") == (
        ",".join(beta) or None
    )
    added = {name for name in chat if chat[name] != plain.get(name)}
    assert added == (set() if counterpart == "not sent" else set(re.findall(r"`(\w+)`", counterpart)))


def test_every_parameter_that_is_spoken_of_is_shown() -> None:
    shown = Counter(written.partition(" ")[0] for written, _ in PARAMETERS)
    assert shown == {
        **dict.fromkeys(("temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier"), 1),
        **dict.fromkeys(("cache_control", "beta", "stream"), 1),
        **dict.fromkeys(("output_config", "tools"), 2),
        **dict.fromkeys(("thinking", "tool_choice"), 4),
    }


def test_every_key_of_models_scorers_and_providers_is_explained() -> None:
    text = text_of("writing-evaluations.md")
    assert keys_of(tables.ModelTable) <= set(first_cells(section(text, "## `[[models]]`")))
    assert keys_of(tables.ScorerTable) <= set(first_cells(section(text, "## `[[scorers]]`")))
    providers = keys_of(tables.ProviderTable) - {"limits", "models", "prices"}
    explained = providers | keys_of(tables.LimitsTable) | keys_of(tables.PriceTable)
    assert set(first_cells(section(text, "## `providers.toml`"))) == explained


def test_every_key_of_the_simulator_is_explained() -> None:
    text = section(text_of("simulator.md"), "### `[simulator]`")
    assert set(first_cells(text)) == keys_of(tables.SimulatorTable)


def test_the_simulator_document_names_its_profiles_and_models() -> None:
    text = text_of("simulator.md")
    models = tomllib.loads((DOCS.parent / "pipeline" / "simulator" / "models.toml").read_text(encoding="utf-8"))[
        "models"
    ]
    for name in ("sim-small", "sim-medium", "sim-large"):
        row = f"| `{name}` | {models[name]['skill'] * 100:.0f} % | {models[name]['median_ms']:.0f} ms |"
        assert row in text
    assert [name for name in first_cells(text) if name in PROFILES] == list(PROFILES)


def test_every_field_of_the_summary_is_explained(tmp_path: Path) -> None:
    write_run(tmp_path)
    summary = summary_of(tmp_path)
    text = section(text_of("results.md"), "## `summary.json`")
    words = {word.rpartition(".")[2] for word in re.findall(r"`([^`]+)`", text)}
    cell, comparison = summary["cells"][0], summary["comparisons"][0]
    metric = cell["metrics"]["number"]
    parts = [
        metric["macro"],
        *(summary[name][0] for name in ("slices", "slice_comparisons", "equivalence")),
        summary,
        summary["cost"],
        summary["metrics"]["number"],
        summary["gates"][0],
        cell,
        metric,
        cell["tokens"],
        cell["latency_ms"],
        comparison,
    ]
    named = {key for part in parts for key in part}
    assert named - words == set()


def summary_of(folder: Path) -> dict[str, Any]:
    """The summary of the run, and of the same answers by a second model."""
    gates = [GateSettings(metric="number", min=0.5)]
    statistics = StatisticsSettings(
        slices=("question",), macro="question", equivalence=(EquivalenceSettings(a="m", b="n", margin=0.1),)
    )
    metrics = [plain_metric("number")]
    builder = SummaryBuilder(
        "e", "r", simulated=False, metrics=metrics, gates=gates, budget_usd=None, statistics=statistics
    )
    rows = pl.read_parquet(folder / "rows" / "part.parquet").to_arrow()
    builder.add_rows(rows["row_id"], {"question": rows["question"]})
    results = pl.read_parquet(folder / "results" / "part.parquet")
    scores = pl.read_parquet(folder / "scores" / "part.parquet")
    for model in ("m", "n"):
        job_id = pl.col("job_id") + model
        builder.add_pair(
            results.with_columns(job_id, model=pl.lit(model)).to_arrow().cast(RESULTS_SCHEMA),
            scores.with_columns(job_id).to_arrow().cast(SCORES_SCHEMA),
        )
    return builder.finish()


def fragments(name: str) -> list[dict[str, Any]]:
    blocks = re.findall(r"```toml\n(.*?)```", text_of(name), flags=re.DOTALL)
    return [tomllib.loads(block, parse_float=Decimal) for block in blocks]


BASE = {
    "name": "x",
    "dataset": {"path": "x.csv"},
    "prompts": [{"name": "p", "template": "p.jinja"}],
    "models": [{"name": "m", "id": "simulator/sim-small"}],
}


@pytest.mark.parametrize("name", ["writing-evaluations.md", "simulator.md", "judges.md"])
def test_every_toml_example_is_accepted(name: str) -> None:
    examples = fragments(name)
    assert len(examples) >= 2
    for example in examples:
        if "providers" in example:
            assert tables.ProvidersTable.model_validate(example).providers
        else:
            tables.EvalTable.model_validate({**BASE, **example})


def test_the_ready_rubrics_are_quoted_as_they_are() -> None:
    rubrics = sorted((DOCS.parent / "pipeline" / "score" / "rubrics").glob("*.jinja"))
    assert len(rubrics) == 5
    for path in rubrics:
        assert path.read_text(encoding="utf-8").strip() in text_of("judges.md"), path.name


def test_every_option_of_a_judge_is_explained() -> None:
    text = text_of("judges.md")
    known: set[str] = set()
    for kind, more in (
        ("judge", {"expected": "x", "options": {"rubric": "helpfulness", "nonsense": 1}}),
        ("pairwise", {"options": {"rubric": "helpfulness", "nonsense": 1}}),
    ):
        with pytest.raises(SettingsError, match="nonsense") as caught:
            build_judge(ScorerSettings(kind=kind, name="x", **more))
        known |= set(str(caught.value).rpartition("known: ")[2].split(", "))
    assert known - {"name", "flags"} - set(first_cells(text)) == {"against"}
    assert "`against`" in text


def test_every_template_example_compiles() -> None:
    blocks = re.findall(r"```jinja\n(.*?)```", text_of("writing-evaluations.md"), flags=re.DOTALL)
    inline = re.findall(r"`({[%{].*?[%}]})`", text_of("writing-evaluations.md"))
    assert len(blocks) >= 4
    for block in blocks:
        assert compile_template(block, path="docs").columns
    for text in [text for text in inline if "hint" in text or "messages" in text]:
        compile_template(text, path="docs")


def test_the_document_of_the_viewer_names_every_control_and_runs_its_command(tmp_path: Path) -> None:
    text = text_of("viewing.md")
    template = (DOCS.parent / "pipeline" / "report" / "templates" / "explorer.html.jinja").read_text(encoding="utf-8")
    controls = [*re.findall(r'choice\("\w+", "([^"]+)"\)', template), "Search", "Only rows where models disagree"]
    table = section(text, "## The samples")
    assert [name for name in controls if not re.search(rf"^\|[^|]*{name}", table, re.MULTILINE)] == []
    command = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)[0].split()
    (tmp_path / "reports").mkdir()
    served = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", *command[1:], "--no-open"],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert served.stdout is not None
    with served.stdout as said:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\n", said.readline())
        served.send_signal(signal.SIGINT)
        assert served.wait(20) == 0


def write_run(folder: Path) -> None:
    """A run of two rows: one right, one wrong after a retry; the second row's cost is unknown."""
    stamp = datetime(2026, 11, 23, tzinfo=UTC)
    attempt = {
        "started_at": stamp,
        "http_status": 200,
        "error": None,
        "latency_ms": 5.0,
        "cost_usd": None,
        "possibly_paid": False,
    }
    common = {"prompt": "p", "model": "m", "params": "{}", "repeat": 0, "status": "ok", "text": "4", "source": "called"}
    results = [
        {**common, "job_id": "a", "row_id": "1", "cost_usd": Decimal("0.25"), "attempts": [attempt]},
        {**common, "job_id": "b", "row_id": "2", "cost_usd": None, "attempts": [attempt, attempt]},
    ]
    scores = [
        {"job_id": "a", "scorer": "number", "value": 1.0, "passed": True, "status": "scored"},
        {"job_id": "b", "scorer": "number", "value": 0.0, "passed": False, "status": "scored"},
    ]
    rows = [{"row_id": "1", "question": "2 + 2?"}, {"row_id": "2", "question": "2 + 3?"}]
    for part, table in (
        ("results", _table(results, RESULTS_SCHEMA)),
        ("scores", _table(scores, SCORES_SCHEMA)),
        ("rows", pl.DataFrame(rows)),
    ):
        (folder / part).mkdir()
        table.write_parquet(folder / part / "part.parquet")


def _table(records: list[dict[str, Any]], schema: Any) -> pl.DataFrame:
    return pl.DataFrame(pa.Table.from_pylist(records, schema=schema))


def test_the_polars_examples_run_and_say_what_they_promise(tmp_path: Path) -> None:
    write_run(tmp_path)
    blocks = re.findall(
        r"```python\n(.*?)```", section(text_of("results.md"), "## Reading the tables"), flags=re.DOTALL
    )
    scope: dict[str, Any] = {}
    exec(blocks[0].replace("reports/arithmetic/<run id>", str(tmp_path)), scope)
    answers = []
    for block in blocks[1:]:
        lines = block.strip().split("\n")
        start = 1 if re.match(r"\w+ = ", lines[0]) else 0
        exec("\n".join(lines[:start]), scope)
        answers.append(eval("\n".join(lines[start:]), scope))
    status, share, wrong, cost, retried = answers
    assert status.rows() == [("m", "ok", 2)]
    assert share.rows() == [("m", "p", 2, 0.5)]
    assert wrong.select("row_id", "question").rows() == [("2", "2 + 3?")]
    assert cost.rows() == [("m", Decimal("0.25"), 1)]
    assert retried["job_id"].to_list() == ["b"]


def test_the_cost_example_gives_null_where_nothing_is_known(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", text_of("results.md"), flags=re.DOTALL)
    code = next(block for block in blocks if "jobs_without_cost" in block)
    unknown = pl.DataFrame(
        {"model": ["m"], "cost_usd": [None]}, schema={"model": pl.String, "cost_usd": pl.Decimal(38, 12)}
    )
    scope: dict[str, Any] = {"pl": pl, "results": unknown}
    first, rest = code.split("\n", 1)
    exec(first, scope)
    assert eval(rest, scope).rows() == [("m", None, 1)]
