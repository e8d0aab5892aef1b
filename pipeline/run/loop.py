"""Which event loop a run uses."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def has_uvloop() -> bool:
    """Whether the faster loop of the extra `speed` is there; it does not exist for Windows."""
    return sys.platform != "win32" and find_spec("uvloop") is not None
