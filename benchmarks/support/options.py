"""The options that every script takes."""

from __future__ import annotations

import argparse


def is_quick(description: str | None) -> bool:
    """Whether the script was called with --quick."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it work, not how fast is it")
    quick: bool = parser.parse_args().quick
    return quick
