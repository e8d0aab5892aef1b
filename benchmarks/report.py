"""The README's tables: the newest full measurements, kept as a snapshot and written between the README's markers."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.support.figures import markdown_table
from benchmarks.support.results import HERE, RESULTS, SNAPSHOT, Measurement, read, write_snapshot

README = HERE / "README.md"
BEGIN, END = "<!-- results: written by report.py -->", "<!-- end of results -->"
ORDER = (
    *("throughput", "limits", "outage", "startup", "planning", "scoring", "memory", "pages", "view", "reuse"),
    *("latency", "costs", "peers"),
)


def newest(snapshot: Sequence[Measurement], written: Sequence[Measurement]) -> list[Measurement]:
    """One measurement of each name, in the order of the README: the newest."""
    by_name: dict[str, Measurement] = {}
    for measurement in (*snapshot, *written):
        known = by_name.get(measurement.name)
        if known is None or measurement.taken_at >= known.taken_at:
            by_name[measurement.name] = measurement
    return [by_name[name] for name in ORDER if name in by_name]


def tables(measurements: Sequence[Measurement]) -> str:
    """All measurements in Markdown."""
    return "\n\n".join(_table(measurement) for measurement in measurements)


def replaced(document: str, content: str) -> str:
    """`document` with `content` between the markers."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the document has no markers for the results")
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{after}"


def main() -> None:
    """Update snapshot and README."""
    snapshot = read(SNAPSHOT) if SNAPSHOT.exists() else []
    files = [path for path in sorted(RESULTS.glob("*.json")) if path != SNAPSHOT]
    measurements = newest(snapshot, [measurement for path in files for measurement in read(path)])
    write_snapshot(measurements)
    README.write_text(replaced(README.read_text(), tables(measurements)))


def _table(measurement: Measurement) -> str:
    day = measurement.taken_at[:10]
    head = f"### {measurement.title[0].upper()}{measurement.title[1:]}\n\n{day}, {measurement.machine}."
    return f"{head}\n\n{markdown_table(*measurement.table)}"


if __name__ == "__main__":
    main()
