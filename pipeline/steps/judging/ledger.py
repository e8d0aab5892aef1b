"""What the judges in one folder did and cost, summed up from their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stats.accounts import Account, add_batch, total
from pipeline.store.folder import holds_run, listed_parts, unanswered
from pipeline.store.parts import read_part

_ACCOUNT_COLUMNS = [
    "model", "status", "stop_reason", "usage_source", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens",
    "cache_write_1h_tokens", "output_tokens", "thinking_tokens", "source", "cost_usd", "reused_cost_usd", "attempts",
]  # fmt: skip
REASKED = "output: "
"""How the error of an attempt begins whose answer was no verdict."""


@dataclass(slots=True)
class Ledger:
    """What the judges in one folder did and cost."""

    accounts: dict[str, Account] = field(default_factory=dict)
    reasked: Counter[str] = field(default_factory=Counter)
    lost_requests: int = 0
    lost_usd: Decimal = Decimal(0)

    @property
    def cost_usd(self) -> Decimal | None:
        """The known cost of all judges; None where none is known."""
        return total([account.cost_usd for account in self.accounts.values()])


def read_ledger(folder: Path) -> Ledger:
    """Sum up a judges' folder, part by part; what is asked no more was paid for all the same."""
    ledger = Ledger()
    if not holds_run(folder):
        return ledger
    ledger.lost_requests, ledger.lost_usd = unanswered(folder)
    for path in listed_parts(folder):
        table = read_part(path, columns=_ACCOUNT_COLUMNS)
        names = table["model"].combine_chunks().cast(pa.string()).dictionary_encode()
        known = names.dictionary.to_pylist()
        for name in known:
            ledger.accounts.setdefault(name, Account())
        by_code = {code: ledger.accounts[name] for code, name in enumerate(known)}
        codes = np.asarray(names.indices, dtype=np.int32)
        add_batch(by_code, table, codes, np.zeros(len(codes), dtype=np.bool_))
        ledger.reasked.update(_reasked(table, known, codes))
    return ledger


def _reasked(table: pa.Table, names: Sequence[str], codes: Any) -> Counter[str]:
    """How often a judge was asked again because its verdict could not be read."""
    lists = table["attempts"].combine_chunks()
    errors = pc.struct_field(pc.list_flatten(lists), "error")
    again = np.asarray(pc.fill_null(pc.starts_with(errors, REASKED), False), dtype=np.bool_)
    called = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)[again]
    return Counter(names[code] for code in codes[called])
