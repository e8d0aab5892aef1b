"""Where this process gets its memory: from one heap that gives back what is free, so that a long run stays small."""

from __future__ import annotations

import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Numbers of glibc's malloc.h."""
_LARGE_BYTES = 256 * 1024
"""A block of this size is mapped alone, and unmapped when it is free."""
_TRIMMED_BYTES = 1024 * 1024
"""What may be free at the heap's end before it is given back."""


def use_one_heap() -> None:
    """Call this before any thread is started and before Arrow is imported; what the environment says counts more.

    Arrow's own pools keep what they have freed, and glibc gives threads heaps of their own: a run that needs 40 MB
    beside its modules would hold 120.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    from ctypes import CDLL

    mallopt = getattr(CDLL(None), "mallopt", None)  # glibc has it, other C libraries need not
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _TRIMMED_BYTES)
