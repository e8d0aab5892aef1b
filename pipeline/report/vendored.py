"""Reads the chart library that lies beside the code, ready to be inlined."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

VENDOR_FOLDER = Path(__file__).parent / "vendor"
_SOURCE_MAP = re.compile(r"\s*//# sourceMappingURL=\S+\s*\Z")


@cache
def chart_scripts() -> tuple[str, ...]:
    """Return the scripts in the order in which they must run.

    The pointer to the source map is dropped: a browser with open developer tools would follow it.
    """
    listed = tomllib.loads((VENDOR_FOLDER / "vendor.toml").read_text(encoding="utf-8"))["files"]
    return tuple(_SOURCE_MAP.sub("\n", (VENDOR_FOLDER / entry["path"]).read_text(encoding="utf-8")) for entry in listed)
