"""What verbs print: results to standard output, all else to standard error; nothing that a terminal would obey."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from pipeline.core.names import printable, printable_json
from pipeline.core.secrets import Scrubber


def say(text: str) -> None:
    """A line of result."""
    print(_safe(text))


def note(text: str) -> None:
    """A line beside the result."""
    print(_safe(text), file=sys.stderr)


def say_error(text: str) -> None:
    """An error, on standard error, without keys."""
    print(f"evalmill: error: {_safe(Scrubber().scrub(text))}", file=sys.stderr)


def say_json(value: Any) -> None:
    """A value as JSON, for --json."""
    import orjson

    try:
        text = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:  # a lone surrogate: part of a file's name that is not UTF-8
        text = json.dumps(value, default=str, indent=2)
    sys.stdout.write(printable_json(text) + "\n")


def say_json_line(value: Any) -> None:
    """A value as one line of JSON, at once."""
    import orjson

    sys.stdout.write(printable_json(orjson.dumps(value, default=str).decode()) + "\n")
    sys.stdout.flush()


def say_table(table: Any) -> None:
    """A rich table, as wide as the terminal; where there is none, as wide as it needs to be."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=console.measure(table, options=console.options.update(width=10_000)).maximum)
    console.print(table)


def speak_plainly() -> None:
    """Let a terminal that cannot show a character show its code instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _safe(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))
