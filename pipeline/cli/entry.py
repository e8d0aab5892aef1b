"""The command `evalmill`: an interruption while it is still starting ends it as quietly as one later."""

from __future__ import annotations

import sys


def main() -> None:
    """Start the command line."""
    try:
        from pipeline.cli.memory import use_one_heap

        use_one_heap()
        from pipeline.cli.main import run_command

        sys.exit(run_command())
    except KeyboardInterrupt:
        sys.exit(130)
