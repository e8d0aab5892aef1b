"""Write docs/command-line.md from the commands' own help; `make docs` runs it and a test compares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VERBS = (
    "run",
    "check",
    "plan",
    "status",
    "score",
    "report",
    "view",
    "compare",
    "costs",
    "verify",
    "models",
    "doctor",
    "init",
    "simulate",
    "schema",
)
HEAD = """\
# Command line

What every verb says of itself with `--help`. Results go to standard output, everything else to standard error;
every verb takes `--json`.
The exit codes are in [results.md](results.md#exit-codes).
"""


def help_of(*verb: str) -> str:
    """The help text, 100 columns wide."""
    command = [sys.executable, "-m", "pipeline.cli", *verb, "--help"]
    environment = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.replace("python -m pipeline.cli", "evalmill").strip()


def page() -> str:
    """The whole page."""
    sections = [HEAD, f"```text\n{help_of()}\n```\n"]
    sections += [f"## `evalmill {verb}`\n\n```text\n{help_of(verb)}\n```\n" for verb in VERBS]
    return "\n".join(sections)


if __name__ == "__main__":
    Path(__file__).with_name("command-line.md").write_text(page(), encoding="utf-8")
