"""Providers that nothing is paid to: their money is invented, or was spent already."""

from __future__ import annotations

SIMULATOR = "simulator"
"""Its money is invented, and never added to real money."""
RECORDED = "recorded"
"""Its answers stand in the dataset."""
UNPAID = (SIMULATOR, RECORDED)
