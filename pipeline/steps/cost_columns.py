"""What each stored job adds to the sums of spending beyond the accounts of a summary; one array for each sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.records import ANSWERED
from pipeline.cost.attempt_costs import per_job
from pipeline.cost.reprice import MONEY, PriceList, answer_costs

_Mask = NDArray[np.bool_]
_NOTHING = pa.scalar(None, MONEY)


@dataclass(frozen=True, slots=True)
class _Attempts:
    """The attempts of a table's called jobs, flat; each names the row of its job."""

    job: NDArray[np.int64]
    cost: pa.Array
    maybe_paid: _Mask
    last: _Mask

    @classmethod
    def of(cls, results: pa.Table, called: _Mask) -> _Attempts:
        lists = results["attempts"].combine_chunks()
        job = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
        flat = pc.list_flatten(lists)
        last = np.append(job[1:] != job[:-1], True)[: job.size]
        kept = called[job]
        flat, job = flat.filter(pa.array(kept)), job[kept]
        return cls(
            job=job,
            cost=pc.struct_field(flat, "cost_usd").cast(MONEY),
            maybe_paid=_mask(pc.struct_field(flat, "possibly_paid")),
            last=last[kept],
        )


def extra_columns(results: pa.Table, called: _Mask, prices: PriceList | None) -> dict[str, Any]:
    """Columns to be summed, by the name of their sum; `called` marks the jobs that were asked of a provider."""
    answered = _mask(pc.is_in(results["status"], pa.array(ANSWERED)))
    estimated = called & _mask(pc.equal(results["usage_source"], "estimated"))
    cost = results["cost_usd"].combine_chunks().cast(MONEY)
    columns = {
        "failed": _ones(called & ~answered),
        "estimated_jobs": _ones(estimated),
        "estimated_usd": pc.if_else(pa.array(estimated), cost, _NOTHING),
    }
    if prices is not None:
        columns |= _repriced(results, called & answered, _Attempts.of(results, called), prices)
    return columns


def _repriced(results: pa.Table, answered: _Mask, attempts: _Attempts, prices: PriceList) -> dict[str, Any]:
    """The jobs' cost under the table: the answer's tokens priced anew, attempts without a result as they were.

    A job without an answer keeps its recorded cost: of it no tokens are stored.
    """
    jobs = len(answered)
    recorded = results["cost_usd"].combine_chunks().cast(MONEY)
    bought = answered & (np.bincount(attempts.job, minlength=jobs) > 0)
    earlier = per_job(attempts.job, pc.if_else(pa.array(attempts.last), _NOTHING, attempts.cost), jobs)
    anew = _plus(answer_costs(results, prices).combine_chunks(), earlier)
    called_costs = pc.if_else(pa.array(_called(results)), recorded, _NOTHING)
    table = pc.if_else(pa.array(bought), anew, called_costs)
    may_be_billed = bought | (np.bincount(attempts.job[attempts.maybe_paid], minlength=jobs) > 0)
    unpriced = may_be_billed & ~_mask(pc.is_valid(table))
    change = pc.subtract(table.cast(pa.decimal128(37, 12)), recorded.cast(pa.decimal128(37, 12))).cast(MONEY)
    return {
        "table_usd": table,
        "table_unpriced_jobs": _ones(unpriced),
        "kept_usd": pc.if_else(pa.array(bought), pc.if_else(pc.is_valid(anew), earlier, _NOTHING), called_costs),
        "change_usd": change,
    }


def _called(results: pa.Table) -> _Mask:
    return ~_mask(pc.equal(results["source"], "reused"))


def _plus(amounts: pa.Array, more: pa.Array) -> pa.Array:
    """Known amounts, with what is known of the rest."""
    return pc.add(amounts.cast(pa.decimal128(37, 12)), pc.fill_null(more, 0).cast(pa.decimal128(37, 12)))


def _ones(mask: _Mask) -> pa.Array:
    return pa.array(mask.astype(np.int64))


def _mask(array: Any) -> _Mask:
    return np.asarray(pc.fill_null(array, False), dtype=np.bool_)
