"""An evaluation of a provider on loopback whose requests are counted where they arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tests.support.commands import Finished, environment, evalmill, simulator
from tests.support.evals import EVAL, write_eval

LAB = EVAL.replace("simulator/sim-small", "lab/sim-small")
KEY = environment(LAB_KEY="k")
PROVIDERS = """\
[providers.lab]
protocol = "anthropic-messages"
base_url = "{address}"
key_env = "LAB_KEY"

[[providers.lab.prices]]
model = "sim-small"
effective = 2025-01-01
source = "the simulator's own table"
input = "0.25"
output = "1.25"
cache_read = "0.025"
cache_write_5m = "0.3125"
cache_write_1h = "0.5"
"""
"""A provider with the simulator's own prices."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with an evaluation, and the ledger of the simulator that it asks."""

    folder: Path
    ledger: Path

    def asks(self, address: str) -> None:
        """Name the provider's address."""
        (self.folder / "providers.toml").write_text(PROVIDERS.format(address=address))

    def write(self, eval_toml: str = LAB, *, rows: list[dict[str, str]], **more: str) -> Path:
        return write_eval(self.folder / "sums", eval_toml, rows=rows, **more)

    def run(self, *arguments: object) -> tuple[Finished, int]:
        """Run the evaluation; gives what it said and how many requests it sent."""
        before = self.requests()
        done = evalmill(
            "run", self.folder / "sums", "--reports", self.folder / "reports", "--json", *arguments, env=KEY
        )
        return done, self.requests() - before

    def requests(self) -> int:
        return len(self.ledger.read_text().splitlines()) if self.ledger.exists() else 0

    def sent(self, *arguments: object) -> int:
        """Run it to a good end; gives how many requests it sent."""
        done, requests = self.run(*arguments)
        assert done.code == 0, done.err
        return requests


@contextmanager
def counted_simulator(ledger: Path, *arguments: object) -> Iterator[str]:
    """A simulator that answers at once and writes down each request; gives its address."""
    with simulator("--ledger", ledger, "--latency-scale", "0", *arguments) as address:
        yield address


def results_of(folder: str | Path) -> pl.DataFrame:
    return pl.read_parquet(f"{folder}/results/*.parquet")


def by_status(done: Finished) -> Mapping[str, int]:
    """How many jobs ended how; what did not occur is left out."""
    jobs = done.json["summary"]["jobs"]
    statuses = ("ok", "truncated", "refused", "empty", "error", "skipped")
    return {status: jobs[status] for status in statuses if jobs[status]}
