"""Every measurement but the peers, one after another, then the README's table from what was written."""

from __future__ import annotations

import argparse

from benchmarks import latency, limits, memory, outage, planning, report, startup, throughput

SCRIPTS = {
    "throughput": throughput.run,
    "limits": limits.run,
    "outage": outage.run,
    "startup": startup.run,
    "planning": planning.run,
    "memory": memory.run,
    "latency": latency.run,
}


def main() -> None:
    """Measure, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, and the README stays as it is")
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=list(SCRIPTS))
    given = parser.parse_args()
    for name in given.only:
        SCRIPTS[name](quick=given.quick)
    if not given.quick:
        report.main()


if __name__ == "__main__":
    main()
