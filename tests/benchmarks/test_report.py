"""The README quotes the snapshot, word for word."""

from dataclasses import replace

import pytest

from benchmarks.report import BEGIN, END, README, newest, replaced, tables
from benchmarks.support.figures import Figure
from benchmarks.support.results import SNAPSHOT, Measurement, read

OLD = Measurement(
    name="latency", title="acknowledge latency", figures=(Figure(what="p99", value=20, unit="ms"),), quick=False,
    taken_at="2026-11-01T10:00:00+00:00", seconds=1, machine="2 cores",
)  # fmt: skip
NEW = replace(OLD, taken_at="2026-11-02T10:00:00+00:00")
FIRST = replace(OLD, name="throughput")


def test_the_tables_in_the_readme_are_those_of_the_snapshot() -> None:
    assert README.read_text() == replaced(README.read_text(), tables(read(SNAPSHOT)))


def test_the_snapshot_has_no_quick_measurement() -> None:
    assert not any(measurement.quick for measurement in read(SNAPSHOT))


def test_the_newest_of_each_counts_in_the_order_of_the_readme() -> None:
    assert newest([NEW], [OLD, FIRST]) == [FIRST, NEW]


def test_a_table_says_when_and_where() -> None:
    assert tables([NEW]).startswith("### Acknowledge latency\n\n2026-11-02, 2 cores.\n\n| what | evalmill |")


def test_only_what_is_between_the_markers_is_replaced() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter"
    assert replaced(document, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter"
    with pytest.raises(ValueError, match="no markers"):
        replaced("nothing", "new")
