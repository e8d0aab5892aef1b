"""The sections of a long page, for the list of links at its top; with one or two it has no list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Contents = list[tuple[str, str]]
"""Of each section the name of its place and its title, as the templates have them."""


def quality_contents(page: Mapping[str, Any]) -> Contents:
    """The sections of `quality.html`, by its context. Several metrics have a list of their own, which leads on."""
    metrics = page["metrics"]
    return [
        *([("standings", "Who is better at what")] if len(metrics) > 1 else []),
        *([("metric-1", f"Scored by {metrics[0]['name']}")] if len(metrics) == 1 else []),
        *_if(page["equivalence_grid"], "equivalence", "The same quality?"),
        *[(f"judges-{n}", f"The judges of {part.scorer}") for n, part in enumerate(page["judges"], 1)],
        *_if(page["comparisons"], "pairs", "Paired comparisons"),
        *[(f"slices-{n}", f"By {part.column}") for n, part in enumerate(page["slices"], 1)],
        *_if(page["stops"], "stops", "Why answers ended"),
        ("samples", "Samples"),
    ]


def cost_contents(page: Mapping[str, Any]) -> Contents:
    """The sections of `cost.html`, by its context."""
    return [
        *_if(page["spent"]["grid"], "spent", "Where the money went"),
        *_if(page["frontier"], "frontier", "Quality against cost"),
        ("cells", "By model and prompt"),
        *_if(page["projection"], "projection", "What more rows would cost"),
        *_if(page["judges"], "judges", "Judges"),
        *_if(page["savings"], "saved", "Saved"),
        *_if(page["reported"], "reported", "Reported by the provider"),
        ("tokens", "Tokens"),
        *_if(page["token_shapes"], "lengths", "How long requests and answers are"),
        *_if(page["time_shapes"] or page["latency"], "latency", "Latency"),
        *_if(page["pace"], "pace", "Pace"),
    ]


def costs_contents(page: Mapping[str, Any]) -> Contents:
    """The sections of `costs.html`, by its context."""
    return [
        *_if(page["time_chart"], "time", "Over time"),
        *_if(page["repriced"], "repriced", "Under another price table"),
        *[(part["id"], part["title"]) for part in page["sections"]],
        *_if(page["skipped"], "skipped", "Not counted"),
    ]


def _if(is_there: Any, place: str, title: str) -> Contents:
    return [(place, title)] if is_there else []
