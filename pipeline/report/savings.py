"""What caches and earlier answers saved, and how a provider's own figures compare, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pipeline.report import numbers
from pipeline.report.cell_costs import name_heads, names_of
from pipeline.report.cells import Summary
from pipeline.report.grid import Column, Entry, Grid

WORTH_A_LOOK = Decimal("0.01")
"""Share by which a reported and a computed cost may differ without a word."""


def savings(summary: Summary) -> list[str]:
    """A sentence on the cache, where tokens were read from or written to one, and one on reused answers."""
    return [text for text in (_cache(summary), _reuse(summary)) if text]


def reported_words(summary: Summary) -> list[str]:
    """What providers say that answers cost, against what the price table says; empty where none says it."""
    return [text for found in summary["cost"].get("reported") or () for text in _reported(found)]


def reported_grid(summary: Summary) -> Grid | None:
    """The same by cell; None where no two cells have a reported cost in dollars."""
    found = [(cell, one) for cell in summary["cells"] for one in _in_dollars(cell)]
    if len(found) < 2:
        return None
    return Grid(
        caption="Answers of which both costs are known; the difference is reported less computed",
        columns=(
            *name_heads(summary),
            *(Column(head, True) for head in ("Answers", "Reported", "Computed", "Difference")),
        ),
        rows=tuple(
            (
                *names_of(summary, cell),
                Entry(numbers.count(one["jobs"]), kind="number"),
                Entry(numbers.usd(one["reported_usd"]), kind="number"),
                Entry(numbers.usd(one["computed_usd"]), kind="number"),
                Entry(_difference(one), kind="number"),
            )
            for cell, one in found
        ),
    )


def _cache(summary: Summary) -> str:
    cost = summary["cost"]
    saved, classes, tokens = cost.get("cache_saved_usd"), cost.get("classes_usd") or {}, cost.get("class_tokens") or {}
    read, written = tokens.get("cache_read") or 0, tokens.get("cache_write") or 0
    if saved is None or not read + written:
        return ""
    paid = sum((Decimal(classes[name]) for name in ("cache_read", "cache_write") if classes.get(name)), Decimal(0))
    fresh = Decimal(saved) + paid
    moved = f"{numbers.tokens(read)} tokens read from it and {numbers.tokens(written)} written to it"
    why = f"{moved} cost {numbers.usd(paid)}, and would have cost {numbers.usd(fresh)} as fresh input."
    if Decimal(saved) < 0:
        return f"The prompt cache cost {numbers.usd(-Decimal(saved))} more than it saved: {why}"
    return f"The prompt cache saved {numbers.usd(saved)}: {why}"


def _reuse(summary: Summary) -> str:
    reused, saved = summary["jobs"]["reused"], summary["cost"]["reused_saved_usd"]
    if not reused:
        return ""
    answers = f"{numbers.count(reused)} answer{' was' if reused == 1 else 's were'} taken from earlier runs"
    if saved is None:
        return f"{answers}; what they cost there is not known."
    return f"{answers}, where {'it' if reused == 1 else 'they'} had cost {numbers.usd(saved)}: so much this run saved."


def _reported(found: Mapping[str, Any]) -> list[str]:
    told = []
    if found["jobs"]:
        told.append(_credits(found) if found["unit"] == "credits" else _compared(found))
    if found["unpriced_jobs"]:
        told.append(
            f"Of {numbers.count(found['unpriced_jobs'])} answers that no price is known for, the provider reported "
            f"{_amount(found, 'unpriced')} in all, which is in no total here."
        )
    return told


def _compared(found: Mapping[str, Any]) -> str:
    reported, computed = Decimal(found["reported_usd"]), Decimal(found["computed_usd"])
    start = (
        f"For {numbers.count(found['jobs'])} answers the provider reported {numbers.usd(reported)} itself; "
        f"by the price table they cost {numbers.usd(computed)}"
    )
    if abs(reported - computed) <= WORTH_A_LOOK * computed:
        return f"{start}, which is the same to within 1\N{NO-BREAK SPACE}%."
    gap = _difference(found).lstrip("+\N{MINUS SIGN}")
    more = "more" if reported > computed else "less"
    return f"{start}: the provider says {gap} {more}. One of the two is wrong; compare the price table with its bill."


def _credits(found: Mapping[str, Any]) -> str:
    credits, computed = Decimal(found["reported"]), Decimal(found["computed_usd"])
    each = f"; a credit would be {numbers.usd(computed / credits)}" if credits else ""
    return (
        f"For {numbers.count(found['jobs'])} answers the provider reported {_plain(credits)} credits, which are not "
        f"dollars; by the price table they cost {numbers.usd(computed)}{each}."
    )


def _in_dollars(cell: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in cell.get("reported") or () if one["unit"] == "usd" and one["jobs"]]


def _difference(found: Mapping[str, Any]) -> str:
    reported, computed = Decimal(found["reported_usd"]), Decimal(found["computed_usd"])
    gap = reported - computed
    share = f" ({numbers.metric(abs(float(gap / computed)), share=True)})" if computed else ""
    return numbers.signed(numbers.usd(abs(gap)), float(gap)) + share


def _amount(found: Mapping[str, Any], name: str) -> str:
    if found["unit"] == "credits":
        return f"{_plain(Decimal(found[name]))} credits"
    return numbers.usd(found[f"{name}_usd"])


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():,f}" if amount.as_tuple().exponent != 0 else f"{amount:,f}"
