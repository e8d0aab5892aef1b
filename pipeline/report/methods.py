"""Names the statistics behind a page's figures: how intervals were made, which tests, which correction."""

from __future__ import annotations

from pipeline.report.cells import Summary, measured

_TESTS = {
    "mcnemar_exact": "exact McNemar",
    "mcnemar": "McNemar",
    "paired_t": "paired t-test over rows",
    "clustered_t": "t-test over clusters",
    "bootstrap": "paired bootstrap",
    "permutation": "permutation of signs",
    "paired_bootstrap": "paired bootstrap of the corpus figure",
}
_ADJUSTMENTS = {"holm": "Holm's method", "benjamini_hochberg": "the method of Benjamini and Hochberg"}
_INTERVALS = {
    "wilson": "Wilson's score interval",
    "t": "Student's t over rows",
    "clustered_t": "Student's t over clusters",
    "percentile": "percentile bootstrap",
    "bca": "bias-corrected bootstrap (BCa)",
}


def method_words(summary: Summary) -> str:
    """Name the tests and corrections behind the p values of the comparisons, in words."""
    found = summary["comparisons"]
    names = [_TESTS.get(name, name) for name in dict.fromkeys(entry["test"] for entry in found)]
    ways = [_ADJUSTMENTS.get(name, name) for name in dict.fromkeys(entry.get("adjust") or "holm" for entry in found)]
    return f"Tests: {', '.join(names)}; corrected by {' and '.join(ways)}." if names else ""


def interval_words(summary: Summary, metric: str) -> str:
    """Name how the intervals of a metric were made; empty for summaries that do not tell."""
    kinds = [(measured(cell, metric) or {}).get("interval") for cell in summary["cells"]]
    names = [_INTERVALS.get(kind, kind) for kind in dict.fromkeys(kinds) if kind]
    return f"Intervals: {', '.join(names)}." if names else ""
