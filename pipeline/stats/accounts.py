"""What each cell's jobs used and cost, summed batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.records import ANSWERED

TOKENS = ("input", "cache_read", "cache_write", "output", "thinking")
_MONEY = pa.decimal128(38, 12)
_ADDABLE = pa.decimal128(37, 12)
"""The sum of two still fits `_MONEY`."""
_NOTHING, _ZERO = pa.scalar(None, _MONEY), pa.scalar(0, _MONEY)
_EXACT = Context(prec=60)
_Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Account:
    """Running totals of one cell. A total without any known part is None, never 0."""

    statuses: Counter[str] = field(default_factory=Counter)
    stop_reasons: Counter[str] = field(default_factory=Counter)
    usage_sources: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(TOKENS))
    reused: int = 0
    saved_usd: Decimal | None = None
    """What reused answers cost when they were called."""
    cost_usd: Decimal | None = None
    """Known cost in this run; a reused answer costs 0."""
    unpriced: int = 0
    """Called jobs that were or may have been billed at a cost that is not known."""
    priced: int = 0
    """Jobs whose answer's own cost is known, those reused at a known cost included."""
    priced_usd: Decimal | None = None
    priced_passes: int = 0
    """Priced jobs that the first pass/fail scorer passes."""
    retries: int = 0
    wasted_usd: Decimal | None = None
    wasted_unknown: int = 0
    possibly_paid: int = 0
    """Attempts without an answer that may have been billed for more than the cost says."""
    possibly_paid_usd: Decimal | None = None
    """The most that they can have cost beyond it, as far as known; in no total."""

    def wasted(self) -> Decimal | None:
        """Cost of attempts that gave no result; 0 when there were none that could cost anything."""
        if self.wasted_usd is None and not self.wasted_unknown:
            return Decimal(0)
        return self.wasted_usd

    def per_thousand(self) -> Decimal | None:
        """Cost of 1,000 jobs, from those with a known cost."""
        return None if self.priced_usd is None else self.priced_usd * 1000 / self.priced

    def per_pass(self) -> Decimal | None:
        """Cost of one passed answer, the failed ones paid for; from jobs with a known cost."""
        return self.priced_usd / self.priced_passes if self.priced_usd is not None and self.priced_passes else None


def dollars(amount: Decimal | None) -> str | None:
    """Money as JSON carries it: a plain decimal string, at most 12 places, no trailing zeros."""
    if amount is None:
        return None
    text = f"{amount.quantize(Decimal('1e-12'), context=_EXACT):f}"
    return text.rstrip("0").rstrip(".")


def total(amounts: list[Decimal | None]) -> Decimal | None:
    """Sum of the known amounts; None when none is known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def add_batch(accounts: Mapping[int, Account], results: pa.Table, cells: NDArray[np.int32], passed: _Mask) -> None:
    """Add a batch of results to the accounts; `cells` names each job's account, `passed` its first pass/fail score."""
    _count(accounts, cells, results["status"], "statuses")
    _count(accounts, cells, results["stop_reason"], "stop_reasons")
    _count(accounts, cells, results["usage_source"], "usage_sources")
    _add_tokens(accounts, results, cells)
    answered = _mask(pc.is_in(results["status"], pa.array(ANSWERED)))
    reused = _mask(pc.equal(results["source"], "reused"))
    maybe_paid = _add_attempts(accounts, results, cells, called=~reused, answered=answered)
    # An answer without an attempt was recorded, not bought: nothing is missing from its cost.
    bought = answered & _mask(pc.fill_null(pc.greater(pc.list_value_length(results["attempts"]), 0), False))
    _add_costs(accounts, results, cells, _Jobs(reused, bought | maybe_paid, passed))


@dataclass(frozen=True, slots=True)
class _Jobs:
    reused: _Mask
    billable: _Mask
    passed: _Mask


def _add_costs(accounts: Mapping[int, Account], results: pa.Table, cells: NDArray[np.int32], jobs: _Jobs) -> None:
    cost = results["cost_usd"].combine_chunks().cast(_MONEY)
    saved = pc.if_else(pa.array(jobs.reused), results["reused_cost_usd"].combine_chunks().cast(_MONEY), None)
    own_cost = pc.if_else(pa.array(jobs.reused), saved, cost)
    known = _mask(pc.is_valid(cost))
    priced = _mask(pc.is_valid(own_cost))
    columns = {
        "cost": cost,
        "saved": saved,
        "priced_cost": own_cost,
        "reused": pa.array(jobs.reused.astype(np.int64)),
        "unpriced": pa.array((~jobs.reused & ~known & jobs.billable).astype(np.int64)),
        "priced": pa.array(priced.astype(np.int64)),
        "priced_passes": pa.array((priced & jobs.passed).astype(np.int64)),
    }
    for cell, sums in _sums(cells, columns):
        account = accounts[cell]
        account.cost_usd = total([account.cost_usd, sums["cost"]])
        account.saved_usd = total([account.saved_usd, sums["saved"]])
        account.priced_usd = total([account.priced_usd, sums["priced_cost"]])
        account.reused += sums["reused"]
        account.unpriced += sums["unpriced"]
        account.priced += sums["priced"]
        account.priced_passes += sums["priced_passes"]


def _add_tokens(accounts: Mapping[int, Account], results: pa.Table, cells: NDArray[np.int32]) -> None:
    columns = {
        "input": results["input_tokens"],
        "cache_read": results["cache_read_tokens"],
        "write_5m": results["cache_write_5m_tokens"],
        "write_1h": results["cache_write_1h_tokens"],
        "output": results["output_tokens"],
        "thinking": results["thinking_tokens"],
    }
    for cell, sums in _sums(cells, columns):
        writes = [tokens for tokens in (sums["write_5m"], sums["write_1h"]) if tokens is not None]
        sums["cache_write"] = sum(writes) if writes else None
        tokens = accounts[cell].tokens
        for kind in TOKENS:
            if sums[kind] is not None:
                tokens[kind] = (tokens[kind] or 0) + sums[kind]


def _add_attempts(
    accounts: Mapping[int, Account], results: pa.Table, cells: NDArray[np.int32], *, called: _Mask, answered: _Mask
) -> _Mask:
    """Add retries and wasted cost; returns which jobs have an attempt that may have been billed at an unknown cost."""
    lists = results["attempts"].combine_chunks()
    parents = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
    attempts = pc.list_flatten(lists)
    cost = pc.struct_field(attempts, "cost_usd").cast(_MONEY)
    last = np.append(parents[1:] != parents[:-1], True)[: parents.size]
    wasted = called[parents] & ~(last & answered[parents])
    known = _mask(pc.is_valid(cost))
    possibly = _mask(pc.fill_null(pc.struct_field(attempts, "possibly_paid"), False))
    maybe_paid = ~known & possibly
    columns = {
        "retries": pa.array((called[parents] & ~last).astype(np.int64)),
        "wasted": pc.if_else(pa.array(wasted), cost, _NOTHING),
        "unknown": pa.array((wasted & maybe_paid).astype(np.int64)),
        **_at_stake(attempts, cost, called[parents] & possibly),
    }
    for cell, sums in _sums(cells[parents], columns):
        account = accounts[cell]
        account.retries += sums["retries"]
        account.wasted_usd = total([account.wasted_usd, sums["wasted"]])
        account.wasted_unknown += sums["unknown"]
        account.possibly_paid += sums["possibly_paid"]
        account.possibly_paid_usd = total([account.possibly_paid_usd, sums["possibly_paid_usd"]])
    jobs = len(cells)
    told = np.bincount(parents[known], minlength=jobs) > 0
    _add_failed_jobs(accounts, results["cost_usd"], cells, called & ~answered & ~told)
    return np.bincount(parents[maybe_paid], minlength=jobs) > 0


def _at_stake(attempts: pa.Array, cost: pa.Array, possibly: _Mask) -> dict[str, pa.Array]:
    """What attempts that were `possibly` billed may have cost beyond what is known; null where nothing bounds it.

    One whose known cost is all that was booked is not among them.
    """
    if not possibly.any() or attempts.type.get_field_index("booked_usd") < 0:  # older parts have costs alone
        return {"possibly_paid": pa.array(possibly.astype(np.int64)), "possibly_paid_usd": pa.nulls(len(cost), _MONEY)}
    booked = pc.struct_field(attempts, "booked_usd").cast(_ADDABLE)
    over = pc.subtract(booked, pc.fill_null(cost, 0).cast(_ADDABLE)).cast(_MONEY)
    more = possibly & _mask(pc.fill_null(pc.greater(over, _ZERO), True))
    return {
        "possibly_paid": pa.array(more.astype(np.int64)),
        "possibly_paid_usd": pc.if_else(pa.array(more), over, _NOTHING),
    }


def _add_failed_jobs(
    accounts: Mapping[int, Account], costs: pa.ChunkedArray, cells: NDArray[np.int32], failed: _Mask
) -> None:
    """A job without an answer whose attempts do not tell their cost wasted the job's cost."""
    wasted = pc.if_else(pa.array(failed), costs.combine_chunks().cast(_MONEY), _NOTHING)
    for cell, sums in _sums(cells, {"wasted": wasted}):
        accounts[cell].wasted_usd = total([accounts[cell].wasted_usd, sums["wasted"]])


def _count(accounts: Mapping[int, Account], cells: NDArray[np.int32], column: pa.ChunkedArray, counter: str) -> None:
    table = pa.table({"cell": cells, "value": column.cast(pa.string())})
    for row in table.group_by(["cell", "value"]).aggregate([([], "count_all")]).to_pylist():
        if row["value"] is not None:
            getattr(accounts[row["cell"]], counter)[row["value"]] += row["count_all"]


def _sums(cells: NDArray[np.int32], columns: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Sum each column by cell; a sum of nulls alone is None."""
    grouped = pa.table({"cell": cells, **columns}).group_by("cell").aggregate([(name, "sum") for name in columns])
    return [(row["cell"], {name: row[f"{name}_sum"] for name in columns}) for row in grouped.to_pylist()]


def _mask(array: Any) -> _Mask:
    return np.asarray(array, dtype=np.bool_)
