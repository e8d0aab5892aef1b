"""Every measurement but the peers, one after another, then the README's table from what was written."""

from __future__ import annotations

import argparse
import sys

from benchmarks import (
    costs,
    latency,
    limits,
    memory,
    outage,
    pages,
    planning,
    report,
    reuse,
    scoring,
    startup,
    throughput,
    view,
)
from benchmarks.support.child import BenchmarkFailed

SCRIPTS = {
    "throughput": throughput.run,
    "limits": limits.run,
    "outage": outage.run,
    "startup": startup.run,
    "planning": planning.run,
    "scoring": scoring.run,
    "reuse": reuse.run,
    "memory": memory.run,
    "pages": pages.run,
    "view": view.run,
    "latency": latency.run,
    "costs": costs.run,
}


def main() -> None:
    """Measure, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, and the README stays as it is")
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=list(SCRIPTS))
    given = parser.parse_args()
    failed = [name for name in given.only if not _measured(name, quick=given.quick)]
    if not given.quick:
        report.main()
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def _measured(name: str, *, quick: bool) -> bool:
    """Run one script; that it fails keeps no other from being run."""
    try:
        SCRIPTS[name](quick=quick)
    except (BenchmarkFailed, TimeoutError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    main()
