"""docs/scoring.md: its settings run, and its answers get the values that it says."""

from __future__ import annotations

import json
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.config.tables import ScorerTable
from pipeline.core.settings import ScorerSettings
from pipeline.score.scorers import KINDS, build_scorer
from tests.support.commands import evalmill
from tests.support.score import said

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "scoring.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
HEAD = "| answer | reference | value |"
TABLE = re.compile(
    rf"```toml\n(?P<toml>(?:(?!```)[\s\S])*)```\n\n{re.escape(HEAD)}\n\|---\|---\|---\|\n(?P<rows>(?:\|.*\n)+)"
)
ROW = re.compile(r"\| `(.+?)` \| (?:`(.+?)`)? ?\| ([\d.]+) \|")

EVAL = """
name = "docs"

[dataset]
path = "rows.jsonl"

[[prompts]]
name = "p"
template = "p.jinja"

[[models]]
name = "m"
id = "recorded/m"
answer = "{{ said }}"
output_tokens = "tokens"
latency_ms = "ms"
"""
ROW_OF_ALL = {
    "said": "Seoul! order 17, total 18",
    "answer": 18,
    "capital": "Seoul",
    "capitals": ["Seoul", "서울"],
    "order": "17",
    "label": "B",
    "translation": "Seoul! order 17, total 18",
    "summary": "Seoul",
    "city": "Oslo",
    "invoice": {"number": "A1", "total": 1, "buyer": {"name": "Kim"}, "lines": [{"sku": "x"}]},
    "tokens": 9,
    "ms": 812.5,
}
VALUES = {
    "number-as-said": 1.0,
    "exact": 0.0,
    "contains": 1.0,
    "regex": 1.0,
    "number": 1.0,
    "choice": 1.0,
    "f1": 5 / 12,
    "bleu": 100.0,
    "chrf": 100.0,
    "ter": 0.0,
    "rouge": 1 / 3,
    "json_schema": 0.0,
    "json_fields": 0.0,
    "tool_call": 0.0,
    "length": 5.0,
    "within 2 s": 1.0,
    "cost": None,
    "python": 1.0,
}


def examples() -> list[tuple[str, str, str | None, float]]:
    """The scorer of each table (as TOML), with one of its rows."""
    found = []
    tables = list(TABLE.finditer(TEXT))
    assert len(tables) == TEXT.count(HEAD)
    for match in tables:
        rows = match["rows"].splitlines()
        parsed = [one for row in rows if (one := ROW.fullmatch(row))]
        assert len(parsed) == len(rows), f"a row of an example is not understood: {rows}"
        found += [(match["toml"], one[1], one[2], float(one[3])) for one in parsed]
    return found


def settings_of(toml: str) -> ScorerSettings:
    (table,) = tomllib.loads(toml, parse_float=Decimal)["scorers"]
    read = ScorerTable.model_validate(table)
    return ScorerSettings(
        kind=read.kind, name=read.kind, expected=read.expected, pattern=read.pattern, options=read.model_extra or {}
    )


@pytest.mark.parametrize(("toml", "answer", "reference", "value"), examples())
def test_an_answer_gets_the_value_that_the_table_says(
    toml: str, answer: str, reference: str | None, value: float
) -> None:
    verdict = build_scorer(settings_of(toml)).score(said(answer), reference, {})
    assert verdict.value == pytest.approx(value, abs=5e-5 if value > 1 else 5e-7)


def test_every_kind_has_an_example_that_runs(tmp_path: Path) -> None:
    (tmp_path / "eval.toml").write_text(EVAL + "\n".join(BLOCKS), "utf-8")
    (tmp_path / "p.jinja").write_text("Say something.", "utf-8")
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW_OF_ALL) + "\n", "utf-8")
    (function,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    (tmp_path / "checks.py").write_text(function, "utf-8")
    done = evalmill("run", tmp_path, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    scores = pl.read_parquet(str(tmp_path / "run/scores/*.parquet"))
    assert dict(zip(scores["scorer"], scores["value"], strict=True)) == pytest.approx(VALUES)
    noted: list[dict[str, Any]] = json.loads((tmp_path / "run/scores/judged.json").read_text("utf-8"))["scorers"]
    spoken_of = {entry["kind"] for entry in noted}
    assert {kind for kind in KINDS if not kind.startswith("rouge-")} - {"judge", "pairwise"} == spoken_of


def test_every_option_of_a_status_is_shown() -> None:
    assert {"truncated", "refused", "empty", "error", "blocked", "skipped"} <= set(re.findall(r"`(\w+)`", TEXT))
