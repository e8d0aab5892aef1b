"""Run folders with chosen results, for tests of what was spent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.core.records import Attempt, Result
from pipeline.cost.spending import Entry, Ledger, RunFound, Skipped, Spend
from pipeline.store.folder import create_run
from pipeline.store.run_store import RunStore
from tests.support.store import result, store_all

MODEL = "claude-sonnet-4-5-20250929"
DAY = datetime(2026, 11, 22, 10, tzinfo=UTC)


def run_json(run_id: str = "r1", **changes: Any) -> dict[str, Any]:
    """A run.json with what costs are read from; `changes` replace its entries."""
    settings = {"models": [{"name": "sonnet", "provider": "apimart"}], "tags": ["thesis"]}
    return {
        "schema": 1,
        "run_id": run_id,
        "eval": "arithmetic",
        "created_at": "2026-11-22T09:00:00+00:00",
        "settings": settings,
        "dataset": {"rows": 0},
        "simulated": False,
        **changes,
    }


def attempt(cost: str | None = None, *, possibly_paid: bool = False, booked: str | None = None) -> Attempt:
    """An attempt that cost so much."""
    return Attempt(
        started_at=DAY,
        http_status=200,
        error=None,
        latency_ms=1.0,
        cost_usd=None if cost is None else Decimal(cost),
        possibly_paid=possibly_paid,
        booked_usd=None if booked is None else Decimal(booked),
    )


def paid(number: int, cost: str | None, *earlier: Attempt, days: int = 0, **changes: Any) -> Result:
    """An answer that cost so much, earlier attempts included, `days` after the run began."""
    moment = DAY + timedelta(days=days)
    own = None if cost is None else Decimal(cost) - sum((one.cost_usd or Decimal(0) for one in earlier), Decimal(0))
    last = attempt(None if own is None else str(own))
    fields = {"cost_usd": None if cost is None else Decimal(cost), "finished_at": moment, "attempts": (*earlier, last)}
    return result(number, **(fields | changes))


def unanswered(number: int, *attempts: Attempt, **changes: Any) -> Result:
    """A job that ended without an answer."""
    known = [one.cost_usd for one in attempts if one.cost_usd is not None]
    fields: dict[str, Any] = {
        "status": "error",
        "text": None,
        "stop_reason": None,
        "input_tokens": None,
        "output_tokens": None,
        "usage_source": "missing",
        "attempts": attempts,
        "cost_usd": sum(known, Decimal(0)) if known else None,
        "error_kind": "transport",
        "error_message": "gone",
    }
    return result(number, **(fields | changes))


def taken(number: int, saved: str | None) -> Result:
    """An answer of an earlier run, taken at no cost."""
    cost = None if saved is None else Decimal(saved)
    return result(
        number, source="reused", attempts=(), cost_usd=Decimal(0), reused_cost_usd=cost, reused_from="r0",
        finished_at=DAY - timedelta(days=40),
    )  # fmt: skip


async def write_run(
    folder: Path,
    results: Sequence[Result],
    *,
    run: dict[str, Any] | None = None,
    state: Any = "complete",
    judges: dict[str, Sequence[Result]] | None = None,
) -> Path:
    """A run folder with these results; of an unfinished one (`state` None) they stand in the journal."""
    create_run(folder, run or run_json(folder.name))
    with RunStore.open(folder) as store:
        await store_all(store, list(results), [], state=state)
    for judge, judged in (judges or {}).items():
        await write_run(folder / "judges" / judge, judged, run=run_json(f"{folder.name}-{judge}"))
    return folder


def entry(cost: str | None = "1", **changes: Any) -> Entry:
    """One line of a ledger; `changes` replace its fields, or those of its sums."""
    sums = {name: changes.pop(name) for name in list(changes) if name in Spend.__dataclass_fields__}
    spend = Spend(**{"jobs": 1, "cost_usd": None if cost is None else Decimal(cost), **sums})
    fields: dict[str, Any] = {
        "run": "r1", "evaluation": "arithmetic", "tags": (), "judge": None, "provider": "apimart", "model": MODEL,
        "name": "sonnet", "prompt": "steps", "day": date(2026, 11, 22), "simulated": False, "spend": spend,
    }  # fmt: skip
    return Entry(**(fields | changes))


def found(run: str = "r1", **changes: Any) -> RunFound:
    """One run of a ledger."""
    fields: dict[str, Any] = {
        "run": run, "folder": f"reports/arithmetic/{run}", "evaluation": "arithmetic", "day": date(2026, 11, 22),
        "state": "finished", "simulated": False,
    }  # fmt: skip
    return RunFound(**(fields | changes))


def ledger(*entries: Entry, skipped: Sequence[Skipped] = (), runs: Sequence[RunFound] | None = None) -> Ledger:
    """A ledger of these entries, with a run for each that they name."""
    named = runs if runs is not None else [found(run) for run in dict.fromkeys(one.run for one in entries)]
    return Ledger(folder="reports", runs=tuple(named), entries=entries, skipped=tuple(skipped))


def rich_ledger(*, hostile: Sequence[str] = ()) -> Ledger:
    """Three months of five models with judges, waste, caches, tags, reuse; and whatever names `hostile` gives."""
    models = [
        ("apimart", "claude-sonnet-4-5-20250929", 9), ("apimart", "claude-haiku-4-5-20251001", 3),
        ("ofox", "anthropic/claude-opus-4.6", 21), ("openai", "gpt-5-mini", 2), ("lab", "한국어-모델-7b", 1),
        ("openai", "gpt-5.4", 6),
    ]  # fmt: skip
    entries = [_rich_entry(number, *models[number % len(models)]) for number in range(60)]
    entries += [
        entry("500", run=text, evaluation=text, provider=text, model=text, tags=(text,), prompt=text, judge=text)
        for text in hostile
    ]
    skipped = [Skipped(folder=f"reports/{text}", reason=text) for text in ("damaged", *hostile)]
    names = dict.fromkeys(one.run for one in entries)
    runs = [found(run, unanswered=1, unanswered_usd=Decimal("0.02")) for run in names]
    return ledger(*entries, skipped=skipped, runs=runs)


def _rich_entry(number: int, provider: str, model: str, weight: int) -> Entry:
    cost = Decimal(weight * (7 + number % 5)) / 10
    cached, cheap, judged, reused = weight > 5, weight == 1, number % 11 == 0, number % 7 == 0
    return entry(
        str(cost),
        run=f"r{number // 6}",
        evaluation=("arithmetic", "sentiment-ko")[number % 2],
        provider=provider,
        model=model,
        tags=(("thesis",), ("thesis", "lab"), ())[number % 3],
        prompt=("steps", "brief")[number % 2],
        day=date(2026, 9, 1) + timedelta(days=(number * 37) % 60),
        jobs=250,
        retries=number % 4,
        input_tokens=120_000 + 1000 * number,
        cache_read_tokens=40_000 if cached else None,
        cache_write_tokens=9_000 if cached else None,
        output_tokens=45_000,
        thinking_tokens=12_000 if weight > 9 else None,
        wasted_usd=cost / 50,
        judge="rubric" if judged else None,
        judges_usd=cost if judged else None,
        reused_jobs=30 if reused else 0,
        saved_usd=cost / 3 if reused else None,
        unpriced_jobs=2 if cheap else 0,
        estimated_jobs=5 if cheap else 0,
        estimated_usd=cost / 4 if cheap else None,
        possibly_paid=number % 3,
        possibly_paid_usd=Decimal("0.01"),
        table_usd=cost * 2,
        change_usd=cost,
    )
