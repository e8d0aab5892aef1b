"""Made-up runs for tests of the pages: 3 models, 2 prompts, 250 rows; and one with a grid, repeats and 6 scorers."""

from __future__ import annotations

import base64
import json
import math
import random
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, product
from pathlib import Path
from typing import Any

from pipeline.core.settings import GateSettings
from pipeline.report.view import RunView, Sample, SampleAttempt, SampleScore, Turn
from pipeline.stats.summary import SummaryBuilder
from tests.support.stats import plain_metric, result, results_batch, score, scores_batch

ROWS = 250
METRIC = "number"
MODELS = {"sonnet": (0.89, 0.0042, 1450.0), "haiku": (0.83, 0.0011, 620.0), "한국어-모델": (0.71, 0.0006, 880.0)}
PROMPTS = {"steps": 0.0, "direct": -0.13}
STOPS = {"ok": "end_turn", "truncated": "max_tokens", "refused": "refusal", "error": None}
QUESTION = (
    "A bakery sells 24 rolls in the morning and {n} in the afternoon. Each roll costs $1.50, and the baker gives "
    "every third customer a free one.\nHow many dollars does the bakery take in a day?"
)


def make_view(*, simulated: bool = True, samples: Iterable[Sample] | None = None, **changes: Any) -> RunView:
    """Build the run; `changes` replace entries of the summary."""
    answers = _answers()
    summary = {**_summary(answers), "simulated": simulated, **changes}
    return RunView(
        summary=summary,
        description="Word problems, two prompts, three models",
        created_at="2026-11-22 09:30 UTC",
        dataset={"name": "arithmetic.parquet", "rows": ROWS, "sha256": "4f2c9d0e8b7a" + "0" * 52},
        version="0.1.0",
        samples=tuple(samples) if samples is not None else _samples(answers),
        total_jobs=summary["jobs"]["total"],
        notes=("The prices are those of 2025-09-29.",),
    )


def make_sample(**changes: Any) -> Sample:
    """Build one wrong answer; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "job_id": "j1",
        "row_id": "row-1",
        "model": "sonnet",
        "prompt": "steps",
        "params": "{}",
        "repeat": 0,
        "status": "ok",
        "stop_reason": "end_turn",
        "turns": (Turn(role="user", text="What is 2 + 2?"),),
        "answer": "5",
        "prefill": "",
        "thinking": None,
        "error": None,
        "scores": (make_score(),),
        "input_tokens": 12,
        "output_tokens": 3,
        "cost_usd": "0.00042",
        "latency_ms": 812.0,
        "attempts": (make_attempt(),),
    }
    return Sample(**{**fields, **changes})


def make_attempt(**changes: Any) -> SampleAttempt:
    """Build one request that was answered; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "started_at": "2026-11-22 09:30:01 UTC",
        "http_status": 200,
        "error": None,
        "latency_ms": 812.0,
        "cost_usd": "0.00042",
        "possibly_paid": False,
    }
    return SampleAttempt(**{**fields, **changes})


def make_score(**changes: Any) -> SampleScore:
    """Build one wrong score; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "scorer": METRIC,
        "value": 0.0,
        "passed": False,
        "label": None,
        "extracted": "5",
        "expected": "4",
        "explanation": None,
        "status": "scored",
    }
    return SampleScore(**{**fields, **changes})


def make_cell(model: str, prompt: str, mean: float | None, **changes: Any) -> dict[str, Any]:
    """Build one cell of a summary with `mean` of 200 answers right; `changes` replace its fields."""
    figures = _figures(round(mean * 200), 200) if mean is not None else {**_figures(0, 200), "mean": None, "ci95": None}
    return {
        "model": model,
        "prompt": prompt,
        "params": "{}",
        "n": 200,
        "statuses": _jobs(ok=200),
        "metrics": {METRIC: figures},
        "stop_reasons": {"end_turn": 200},
        "tokens": {"input": 1000, "cache_read": None, "cache_write": None, "output": 500, "thinking": None},
        "cost_usd": "0.5",
        "unpriced_jobs": 0,
        "reused": 0,
        "cost_per_1k_jobs_usd": "2.5",
        "cost_per_pass_usd": "0.003",
        "retries": 0,
        "wasted_usd": "0",
        "latency_ms": {"p50": 800.0, "p95": 1900.0, "p99": 2600.0},
        "first_token_ms": {"p50": None, "p95": None},
        **changes,
    }


def make_comparison(a: tuple[str, str], b: tuple[str, str], difference: float, **changes: Any) -> dict[str, Any]:
    """Build a comparison of two cells whose interval is the difference ± 4 points; `changes` replace its fields."""
    return {
        "metric": METRIC,
        "a": {"model": a[0], "prompt": a[1], "params": "{}"},
        "b": {"model": b[0], "prompt": b[1], "params": "{}"},
        "n": 200,
        "difference": difference,
        "se": 0.02,
        "ci95": [difference - 0.04, difference + 0.04],
        "gained": 20,
        "lost": 8,
        "p": 0.001,
        "p_adjusted": 0.01,
        "test": "mcnemar",
        "smallest_detectable": 0.056,
        **changes,
    }


def make_summary(cells: list[dict[str, Any]], comparisons: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Build a summary of these cells; `changes` replace its entries."""
    jobs = sum(cell["n"] for cell in cells)
    return {
        "eval": "arithmetic",
        "run_id": "r1",
        "simulated": False,
        "jobs": _jobs(total=jobs, ok=jobs),
        "cells": cells,
        "comparisons": comparisons,
        "cost": {
            "total_usd": "1.5",
            "unpriced_jobs": 0,
            "reused_saved_usd": None,
            "budget_usd": None,
            "usage_sources": {"reported": jobs, "estimated": 0, "missing": 0},
        },
        "gates": [],
        **changes,
    }


Answers = dict[tuple[str, str], list[tuple[str, bool]]]


def _answers() -> Answers:
    """Draw status and correctness per cell and row; a row is as hard for every cell."""
    rng = random.Random(7)
    hardness = [rng.gauss(0, 0.28) for _ in range(ROWS)]
    return {
        (model, prompt): [_answer(rng, skill + effect - 0.6 * abs(hard), model) for hard in hardness]
        for model, (skill, _, _) in MODELS.items()
        for prompt, effect in PROMPTS.items()
    }


def _answer(rng: random.Random, chance: float, model: str) -> tuple[str, bool]:
    draw = rng.random()
    status = "error" if draw < 0.008 else "refused" if draw < 0.016 else "truncated" if draw < 0.05 else "ok"
    if model == "sonnet" and status == "refused":
        status = "ok"
    return status, status == "ok" and rng.random() < chance + 0.14


def _summary(answers: Answers) -> dict[str, Any]:
    statuses = [status for cell in answers.values() for status, _ in cell]
    counted = {name: statuses.count(name) for name in STOPS}
    cells = [_cell(model, prompt, rows) for (model, prompt), rows in answers.items()]
    pairs = [(a, b) for a, b in combinations(answers, 2) if (a[0] == b[0]) != (a[1] == b[1])]
    return {
        "eval": "arithmetic",
        "run_id": "2026-11-22-0930-7f3a",
        "jobs": _jobs(total=len(statuses), reused=40, **counted),
        "cells": cells,
        "comparisons": [_comparison(a, b, answers, len(pairs)) for a, b in pairs],
        "cost": {
            "total_usd": "2.8914",
            "unpriced_jobs": 3,
            "reused_saved_usd": "0.084",
            "budget_usd": "5.00",
            "usage_sources": {"reported": 1498, "estimated": 2, "missing": 0},
        },
        "gates": [
            {"metric": METRIC, "model": "sonnet", "min": 0.85, "value": 0.872, "passed": True},
            {"metric": METRIC, "model": "haiku", "min": 0.9, "value": 0.812, "passed": False},
        ],
    }


def _jobs(**counts: int) -> dict[str, int]:
    names = ("total", "ok", "truncated", "refused", "empty", "error", "blocked", "skipped", "reused")
    return {name: counts.get(name, 0) for name in names}


def _cell(model: str, prompt: str, rows: list[tuple[str, bool]]) -> dict[str, Any]:
    _, price, median = MODELS[model]
    right = sum(passed for _, passed in rows)
    n = sum(status != "error" for status, _ in rows)
    factor = 2.4 if prompt == "steps" else 0.5
    ok = sum(status == "ok" for status, _ in rows)
    return {
        **make_cell(model, prompt, 0.5),
        "n": len(rows),
        "statuses": _jobs(**{status: sum(s == status for s, _ in rows) for status in STOPS}),
        "unpriced_jobs": 3 if (model, prompt) == ("haiku", "steps") else 0,
        "metrics": {METRIC: {**_figures(right, n), "answered": {"mean": right / ok, "n": ok}, "unscored": 2}},
        "stop_reasons": {
            reason: found for status, reason in STOPS.items() if reason and (found := sum(s == status for s, _ in rows))
        },
        "tokens": {
            "input": 31_204,
            "cache_read": 1_204_000 if prompt == "steps" else None,
            "cache_write": 4_800 if prompt == "steps" else None,
            "output": int(60_000 * factor),
            "thinking": None,
        },
        "cost_usd": f"{price * factor * len(rows) / 4:.6f}",
        "cost_per_1k_jobs_usd": f"{price * factor * 250:.6f}",
        "cost_per_pass_usd": f"{price * factor * len(rows) / 4 / right:.9f}",
        "retries": 7,
        "wasted_usd": "0.0021",
        "latency_ms": {"p50": median * factor, "p95": median * factor * 2.1, "p99": median * factor * 3.4},
    }


def _figures(right: int, n: int) -> dict[str, Any]:
    p, z = right / n, 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    se = math.sqrt(p * (1 - p) / (n - 1))
    return {"mean": p, "se": se, "ci95": [centre - reach, centre + reach], "n": n, "passed": right, "unscored": 0}


def _comparison(a: tuple[str, str], b: tuple[str, str], answers: Answers, tests: int) -> dict[str, Any]:
    pairs = [(x[1], y[1]) for x, y in zip(answers[a], answers[b], strict=True) if "error" not in (x[0], y[0])]
    gained = sum(not x and y for x, y in pairs)
    lost = sum(x and not y for x, y in pairs)
    n = len(pairs)
    difference = (gained - lost) / n
    se = math.sqrt(((gained + lost) / n - difference**2) / (n - 1))
    p = min(1.0, 2 * sum(math.comb(gained + lost, k) for k in range(min(gained, lost) + 1)) / 2 ** (gained + lost))
    return make_comparison(
        a,
        b,
        difference,
        n=n,
        se=se,
        ci95=[difference - 1.96 * se, difference + 1.96 * se],
        gained=gained,
        lost=lost,
        p=p,
        p_adjusted=min(1.0, p * tests),
        smallest_detectable=2.8 * se,
    )


def _samples(answers: Answers) -> tuple[Sample, ...]:
    jobs = [
        _sample(model, prompt, row, *answers[model, prompt][row])
        for row in range(0, ROWS, 3)
        for model, prompt in answers
    ]
    return tuple(
        sorted(jobs, key=lambda sample: (sample.status != "error", sample.scores[:1] != () and sample.answer == "36"))
    )


def _sample(model: str, prompt: str, row: int, status: str, passed: bool) -> Sample:
    _, price, median = MODELS[model]
    found = str(36 + row) if passed else "41.5"
    working = f"24 + {row} rolls are {24 + row}.\n따라서 정답은 {found}입니다."
    scored = make_score(value=float(passed), passed=passed, extracted=found, expected=str(36 + row))
    failed = status == "error"
    return make_sample(
        job_id=f"{model}-{prompt}-{row:04d}",
        row_id=f"gsm-{row:04d}",
        model=model,
        prompt=prompt,
        status=status,
        stop_reason=STOPS[status],
        turns=(
            Turn(role="system", text="You are a careful tutor. Answer with one number."),
            Turn(role="user", text=QUESTION.format(n=row)),
        ),
        answer="" if failed else found if prompt == "direct" else working,
        prefill="The answer is " if prompt == "direct" else "",
        error="529 overloaded_error: Overloaded (4 attempts, last after 31 s)" if failed else None,
        scores=() if failed else (scored,),
        input_tokens=None if failed else 118 + row,
        output_tokens=None if failed else 64,
        cost_usd=None if failed else f"{price:.6f}",
        latency_ms=None if failed else median + row,
        attempts=(make_attempt(http_status=529, error="Overloaded"),) * 4 if failed else (make_attempt(),),
    )


GRID_SCORERS = (
    ("number", True), ("contains", True), ("exact_match", True), ("json_schema", True), ("similarity", False),
    ("word_overlap", False),
)  # fmt: skip
GRID_PROMPTS = ("plain", "step by step")
GRID = ('{"temperature":0.0}', '{"temperature":0.4}', '{"temperature":0.8}')


def make_grid_view(
    *,
    models: Sequence[str] = ("lab-sonnet",),
    rows: int = 12,
    repeats: int = 3,
    planned: int | None = None,
    unanswered: tuple[int, Decimal | None] | None = None,
) -> RunView:
    """Build a run with a grid, repeats and six scorers; its figures come from the statistics themselves.

    exact_match is right for every answer, and word_overlap the same for every answer.
    """
    rng = random.Random(11)
    gates = [GateSettings(metric="number", min=0.9), GateSettings(metric="similarity", prompt="plain", max=0.95)]
    builder = SummaryBuilder(
        "arithmetic-grid", "2026-11-22-1015-c2a8", simulated=True,
        metrics=[plain_metric(*named) for named in GRID_SCORERS], gates=gates,
        budget_usd=Decimal(5), planned_jobs=planned, unanswered=unanswered,
    )  # fmt: skip
    samples = []
    for model, prompt, params in product(models, GRID_PROMPTS, GRID):
        jobs = [_grid_job(rng, model, prompt, params, row, repeat) for row in range(rows) for repeat in range(repeats)]
        scored = [(job, _grid_scores(rng, job)) for job in jobs]
        marks = [score(job, value, name, passed=passed) for job, found in scored for name, value, passed in found]
        builder.add_pair(results_batch(jobs), scores_batch(marks))
        samples += [_grid_sample(job, found) for job, found in scored]
    summary = builder.finish(models=models, prompts=GRID_PROMPTS, params=GRID)
    return replace(
        make_view(samples=samples),
        summary=summary,
        total_jobs=len(samples),
        notes=(),
        description="A grid with repeats",
    )


GridScores = list[tuple[str, float, bool | None]]


def _grid_job(rng: random.Random, model: str, prompt: str, params: str, row: int, repeat: int) -> dict[str, Any]:
    step = 1.0 if prompt == "plain" else 1.6
    return result(
        f"gsm-{row:03d}", model, prompt=prompt, params=params, repeat=repeat, input_tokens=120,
        output_tokens=int(60 * step),
        cost_usd=Decimal(f"{0.0011 * step * (1 + 0.1 * rng.random()):.8f}"), latency_ms=620 * step * (1 + rng.random()),
    )  # fmt: skip


def _grid_scores(rng: random.Random, job: dict[str, Any]) -> GridScores:
    skill = 0.92 if job["prompt"] == "plain" else 0.8
    passed = {name: rng.random() < skill for name in ("number", "contains", "json_schema")} | {"exact_match": True}
    graded = {"similarity": round(rng.uniform(0.4, 1.0), 3), "word_overlap": 0.75}
    return [
        (name, float(passed[name]) if pass_fail else graded[name], passed[name] if pass_fail else None)
        for name, pass_fail in GRID_SCORERS
    ]


def _grid_sample(job: dict[str, Any], found: GridScores) -> Sample:
    scores = tuple(
        make_score(
            scorer=name, value=value, passed=passed, extracted=None if passed is False else "6",
            expected=None if passed is None else "6", label="no_match" if passed is False else None,
        )
        for name, value, passed in found
    )  # fmt: skip
    return make_sample(
        **{name: job[name] for name in ("job_id", "row_id", "model", "prompt", "params", "repeat", "input_tokens")},
        scores=scores, turns=(Turn(role="user", text=QUESTION.format(n=7)),), answer="The bakery takes in 6 dollars.",
        output_tokens=job["output_tokens"], cost_usd=str(job["cost_usd"]), latency_ms=job["latency_ms"],
    )  # fmt: skip


def unpacked(data: str) -> list[dict[str, Any]]:
    """The samples that a page finds in its data."""
    shared: list[str] = []
    found = []
    for line in zlib.decompress(base64.b64decode(data), -zlib.MAX_WBITS).decode().splitlines():
        entry = json.loads(line)
        if isinstance(entry, list):
            shared += entry
            continue
        turns = [{**turn, "text": shared[turn["text"]] if isinstance(turn["text"], int) else turn["text"]}
                 for turn in entry["turns"]]  # fmt: skip
        found.append({**entry, "turns": turns})
    return found


def embedded(page: Path) -> str:
    """The samples of a quality page, as JSON."""
    data = re.search(r'id="sample-data">"([^"]*)"', page.read_text(encoding="utf-8"))
    assert data is not None
    return json.dumps(unpacked(data[1]), ensure_ascii=False)
