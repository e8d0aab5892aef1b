"""What earlier attempts of stored jobs cost, job by job."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MONEY = pa.decimal128(38, 12)
_ADDABLE = pa.decimal128(37, 12)
"""The sum of two still fits `MONEY`."""


def per_job(job: NDArray[np.int64], values: pa.Array, jobs: int) -> pa.Array:
    """Sum values by the number of their job; null where a job has none."""
    sums = pa.table({"job": job, "value": values}).group_by("job").aggregate([("value", "sum")])
    places = pc.index_in(pa.array(np.arange(jobs)), value_set=sums["job"].combine_chunks())
    found = sums["value_sum"].combine_chunks()
    return found.cast(values.type).take(places)


def own_costs(results: pa.Table) -> pa.Array:
    """The cost of each job's answer alone, of the columns `cost_usd` and `attempts`; null where it is unknown."""
    lists = results["attempts"].combine_chunks()
    cost = results["cost_usd"].combine_chunks().cast(_ADDABLE)
    job = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
    usd = pc.struct_field(pc.list_flatten(lists), "cost_usd").cast(MONEY)
    last = np.append(job[1:] != job[:-1], True)[: job.size]
    earlier = ~last & np.asarray(pc.is_valid(usd), dtype=np.bool_)
    if not earlier.any():
        return cost.cast(MONEY)
    spent = per_job(job[earlier], usd.filter(pa.array(earlier)), len(cost))
    return pc.subtract(cost, pc.fill_null(spent, 0).cast(_ADDABLE)).cast(MONEY)
