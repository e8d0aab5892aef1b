"""Costs: what all runs below a folder spent, summed from their stored results; only reads, and takes no lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import DiskError
from pipeline.core.settings import Price
from pipeline.core.unpaid import RECORDED, UNPAID
from pipeline.cost.reprice import COLUMNS as PRICED_COLUMNS
from pipeline.cost.reprice import PriceList
from pipeline.cost.spending import Entry, Ledger, RunFound, RunState, Spend
from pipeline.stats.accounts import Account, add_batch
from pipeline.steps.cost_columns import extra_columns
from pipeline.steps.find_runs import Found, find_runs, judge_folders
from pipeline.store.current import Unstored, manifest_number, read_current
from pipeline.store.folder import is_finished
from pipeline.store.lock import FILE_NAME as LOCK
from pipeline.store.lock import holder

_KEYS = ("provider", "model_requested", "model", "prompt")
_COLUMNS = tuple(
    dict.fromkeys((
        *_KEYS, "status", "stop_reason", "usage_source", "thinking_tokens", "source", "attempts", "cost_usd",
        "reused_cost_usd", "finished_at", *PRICED_COLUMNS,
    ))
)  # fmt: skip
_LOOKS = 5


class Repricing(NamedTuple):
    """A price table to hold old runs against."""

    prices: Mapping[str, Sequence[Price]]
    """By provider."""
    as_of: date | None = None
    """The day whose prices hold; None is the day on which each run began."""


def read_costs(folder: Path, repricing: Repricing | None = None) -> Ledger:
    """Everything spent by the runs in `folder` or below it, unfinished ones included.

    A run that is damaged anywhere is named and left out as a whole. OutputError when there is no such folder.
    """
    finds = find_runs(folder)
    runs: list[RunFound] = []
    entries: list[Entry] = []
    for found in finds.runs:
        try:
            spent, unstored = _read_run(found, repricing)
        except DiskError as error:
            finds.skip(found.folder, error, damaged=True)
        else:
            entries += spent
            runs.append(_run_found(found, unstored))
    return Ledger(folder=str(folder), runs=tuple(runs), entries=tuple(entries), skipped=tuple(finds.skipped))


def _read_run(found: Found, repricing: Repricing | None) -> tuple[list[Entry], Unstored]:
    """The run's own answers and its judges'."""
    prices = None if repricing is None else PriceList(repricing.prices, repricing.as_of or found.began)
    entries: list[Entry] = []
    requests, usd = 0, Unstored().usd
    for judge, folder in ((None, found.folder), *judge_folders(found.folder).items()):
        sums, unstored = _read_folder(folder, found.began, prices)
        entries += sums.entries(found, judge)
        requests, usd = requests + unstored.requests, usd + unstored.usd
    return entries, Unstored(requests=requests, usd=usd)


def _read_folder(folder: Path, began: date, prices: PriceList | None) -> tuple[_Sums, Unstored]:
    """Read until no writer moved results meanwhile."""
    for _ in range(_LOOKS):
        sums, before = _Sums(began, prices), manifest_number(folder)
        try:
            return sums, read_current(folder, _COLUMNS, sums.take)
        except DiskError:
            if manifest_number(folder) == before:
                raise
    return sums, read_current(folder, _COLUMNS, sums.take)


def _run_found(found: Found, unstored: Unstored) -> RunFound:
    return RunFound(
        run=found.run["run_id"],
        folder=str(found.folder),
        evaluation=found.run["eval"],
        day=found.began,
        state=_state(found.folder),
        simulated=bool(found.run.get("simulated")) and found.providers <= set(UNPAID),
        unanswered=unstored.requests,
        unanswered_usd=unstored.usd,
    )


def _state(folder: Path) -> RunState:
    if (folder / LOCK).is_file() and holder(folder) is not None:  # a pipe of that name would be waited for
        return "running"
    return "finished" if is_finished(folder) else "unfinished"


class _Sums:
    """The running sums of one results folder, by model, prompt, day and source."""

    def __init__(self, began: date, prices: PriceList | None) -> None:
        self._began = began
        self._prices = prices
        self._keys: dict[tuple[Any, ...], int] = {}
        self._accounts: dict[int, Account] = {}
        self._extras: dict[int, Spend] = {}

    def take(self, results: pa.Table) -> None:
        """Add some results."""
        if not results.num_rows:
            return
        results = self._with_day(results)
        numbers = self._numbers(results)
        add_batch(self._accounts, results, numbers, np.zeros(results.num_rows, dtype=np.bool_))
        called = np.asarray(pc.equal(results["source"], "called"), dtype=np.bool_)
        columns = extra_columns(results, called, self._prices)
        summed = pa.table({"number": numbers, **columns}).group_by("number").aggregate([(n, "sum") for n in columns])
        for row in summed.to_pylist():
            more = Spend(**{name: row[f"{name}_sum"] for name in columns})
            self._extras[row["number"]] = self._extras.get(row["number"], Spend()) + more

    def entries(self, found: Found, judge: str | None) -> list[Entry]:
        """One entry for each key, with its sources together."""
        sums: dict[tuple[Any, ...], Spend] = {}
        for (*key, source), number in self._keys.items():
            sums[tuple(key)] = sums.get(tuple(key), Spend()) + self._spend(number, source, judge)
        invented = UNPAID if found.run.get("simulated") else ()
        return [
            Entry(
                run=found.run["run_id"], evaluation=found.run["eval"], tags=found.tags, judge=judge,
                provider=provider or "", model=model or "", name=name or "", prompt=prompt or "", day=day,
                simulated=provider in invented, spend=spend,
            )
            for (provider, model, name, prompt, day), spend in sums.items()
        ]  # fmt: skip

    def _spend(self, number: int, source: str, judge: str | None) -> Spend:
        account = self._accounts[number]
        jobs = account.statuses.total()
        if source == "reused":
            return Spend(reused_jobs=jobs, saved_usd=account.saved_usd, cost_usd=account.cost_usd)
        if source == RECORDED:
            return Spend(recorded_jobs=jobs)
        return self._extras.get(number, Spend()) + Spend(
            jobs=jobs,
            retries=account.retries,
            input_tokens=account.tokens["input"],
            cache_read_tokens=account.tokens["cache_read"],
            cache_write_tokens=account.tokens["cache_write"],
            output_tokens=account.tokens["output"],
            thinking_tokens=account.tokens["thinking"],
            cost_usd=account.cost_usd,
            unpriced_jobs=account.unpriced,
            wasted_usd=account.wasted_usd,
            possibly_paid=account.possibly_paid,
            possibly_paid_usd=account.possibly_paid_usd,
            judges_usd=None if judge is None else account.cost_usd,
        )

    def _with_day(self, results: pa.Table) -> pa.Table:
        """With `day`, when the money was spent, and recorded answers as a source of their own.

        The times of a reused answer are those of the run that called for it.
        """
        source = pc.if_else(pc.equal(results["provider"], RECORDED), RECORDED, results["source"])
        finished = results["finished_at"].cast(pa.date32())
        began = pa.scalar(self._began, pa.date32())
        day = pc.coalesce(pc.if_else(pc.equal(source, "called"), finished, began), began)
        at = results.schema.get_field_index("source")
        return results.set_column(at, "source", source).append_column("day", day)

    def _numbers(self, results: pa.Table) -> NDArray[np.int32]:
        """Number each job's key, opening an account for new ones."""
        names = (*_KEYS, "day", "source")
        codes = np.zeros(results.num_rows, dtype=np.int64)
        for name in names:
            encoded = results[name].combine_chunks().dictionary_encode(null_encoding="encode")
            codes = codes * len(encoded.dictionary) + np.asarray(encoded.indices, dtype=np.int64)
        _, firsts, inverse = np.unique(codes, return_index=True, return_inverse=True)
        keys = results.select(list(names)).take(pa.array(firsts)).to_pylist()
        numbers = np.empty(firsts.size, dtype=np.int32)
        for position, row in enumerate(keys):
            numbers[position] = number = self._keys.setdefault(tuple(row.values()), len(self._keys))
            self._accounts.setdefault(number, Account())
        return numbers[inverse]
