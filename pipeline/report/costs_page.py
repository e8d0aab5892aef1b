"""Gathers what the page of costs shows: figures, charts, and a table for each way of summing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.core.names import number_of
from pipeline.cost.spending import Dimension, Entry, Group, Ledger, Spend, grouped, total
from pipeline.report import costs_charts, numbers
from pipeline.report.contents import costs_contents
from pipeline.report.costs_words import (
    INVENTED,
    apart,
    headline,
    period,
    repriced,
    signed_usd,
    skipped,
    warnings,
)
from pipeline.report.key_figures import Figure

MOST_ROWS = 50
"""Rows of one table; the rest is summed in a last one."""
TOKENS = {
    "input": "Fresh input",
    "cache_read": "Cache read",
    "cache_write": "Cache write",
    "output": "Output",
    "thinking": "of it thinking",
}
_ALWAYS = ("input", "output")
_HEADS: dict[Dimension, tuple[str, str]] = {
    "model": ("By model", "Model"),
    "provider": ("By provider", "Provider"),
    "evaluation": ("By evaluation", "Evaluation"),
    "prompt": ("By prompt", "Prompt"),
    "tag": ("By tag", "Tag"),
    "judge": ("Answers and judges", "Spent on"),
    "run": ("By run", "Run"),
}
_EXPLAINED: dict[Dimension, str] = {
    "tag": "A run with several tags counts under each of them, so the lines can add up to more than the total."
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How the ledger is to be shown."""

    simulated: bool
    made_at: str
    version: str
    repriced_day: str = ""
    """The day whose prices hold, in words; empty without another price table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """One line of a table of spending, written out."""

    name: str
    jobs: str
    tokens: dict[str, str]
    """By the classes of `TOKENS`."""
    cost: str
    wasted: str
    retries: str
    unknown: str
    saved: str
    table: str
    change: str
    table_unknown: str


def costs_context(ledger: Ledger, other: Ledger, asked: Asked) -> dict[str, Any]:
    """Return the context of `costs.html`; `other` is the other kind of money, real or invented."""
    spend = total(ledger.entries)
    models = grouped(ledger.entries, ["model"])
    page = {
        "page": "costs.html",
        "eval_name": "Costs",
        "description": f"All runs below {ledger.folder}",
        "simulated": INVENTED if asked.simulated else "",
        "progress": "",
        "version": asked.version,
        "made_at": asked.made_at,
        "folder": ledger.folder,
        "headline": headline(ledger, asked.simulated),
        "figures": _figures(ledger, spend),
        "warnings": [text for text in (*warnings(ledger), apart(other, asked.simulated)) if text],
        "skipped": skipped(ledger),
        "time_chart": costs_charts.over_time(ledger.entries) if ledger.entries else None,
        "time_rows": _time_rows(ledger.entries),
        "model_chart": costs_charts.by_model(models),
        "sections": _sections(ledger.entries, spend),
        "repriced": repriced(spend, asked.repriced_day) if asked.repriced_day else [],
        "models": [spend_row(group.key[0], group.spend) for group in models],
        "runs": [spend_row(group.key[0], group.spend) for group in _few(grouped(ledger.entries, ["run"]))],
        "classes": {name: head for name, head in TOKENS.items() if _is_used(name, spend)},
        "any_unknown": spend.unpriced_jobs > 0,
        "any_saved": spend.reused_jobs > 0,
        "total": spend_row("all", spend),
    }
    return {**page, "contents": costs_contents(page)}


def spend_row(name: str, spend: Spend) -> SpendRow:
    """Write the sums of one line."""
    return SpendRow(
        name=name,
        jobs=numbers.count(spend.jobs),
        tokens={name: numbers.tokens(getattr(spend, f"{name}_tokens")) for name in TOKENS},
        cost=numbers.usd(spend.cost_usd),
        wasted=numbers.usd(wasted(spend)),
        retries=numbers.count(spend.retries),
        unknown=numbers.count(spend.unpriced_jobs),
        saved=numbers.usd(spend.saved_usd),
        table=numbers.usd(spend.table_usd),
        change=signed_usd(spend.change_usd),
        table_unknown=numbers.count(spend.table_unpriced_jobs),
    )


def wasted(spend: Spend) -> Decimal | None:
    """The cost of attempts without a result; 0 where there were none that could cost anything."""
    return Decimal(0) if spend.wasted_usd is None and not spend.possibly_paid else spend.wasted_usd


def _is_used(name: str, spend: Spend) -> bool:
    return name in _ALWAYS or bool(getattr(spend, f"{name}_tokens"))


def _figures(ledger: Ledger, spend: Spend) -> list[Figure]:
    where = f"on {number_of(spend.jobs, 'job')} in {number_of(len(ledger.runs), 'run')}"
    figures = [
        Figure(name="Spent", value=numbers.usd(spend.cost_usd), note=where),
        Figure(name="Input", value=numbers.tokens(_input(spend)), note=_cached(spend)),
        Figure(name="Output", value=numbers.tokens(spend.output_tokens), note=_thinking(spend)),
        Figure(name="Without a result", value=numbers.usd(wasted(spend)), note="paid attempts that gave nothing"),
    ]
    if spend.judges_usd is not None:
        figures.append(Figure(name="Judges", value=numbers.usd(spend.judges_usd), note="part of what was spent"))
    if spend.reused_jobs:
        note = f"{number_of(spend.reused_jobs, 'answer')} of earlier runs"
        figures.append(Figure(name="Saved by reuse", value=numbers.usd(spend.saved_usd), note=note))
    return figures


def _input(spend: Spend) -> int | None:
    known = [
        tokens
        for tokens in (spend.input_tokens, spend.cache_read_tokens, spend.cache_write_tokens)
        if tokens is not None
    ]
    return sum(known) if known else None


def _cached(spend: Spend) -> str:
    read = spend.cache_read_tokens
    return f"tokens, {numbers.tokens(read)} read from a cache" if read else "tokens"


def _thinking(spend: Spend) -> str:
    return f"tokens, {numbers.tokens(spend.thinking_tokens)} of them thinking" if spend.thinking_tokens else "tokens"


def _time_rows(entries: Sequence[Entry]) -> dict[str, Any]:
    if not entries:
        return {"head": "", "rows": [], "period": ""}
    by = costs_charts.bins(entries).by
    rows = [spend_row(group.key[0], group.spend) for group in grouped(entries, [by])]
    return {"head": by.capitalize(), "rows": rows, "period": period(entries)}


def _sections(entries: Sequence[Entry], spend: Spend) -> list[dict[str, Any]]:
    found = []
    for dimension, (title, head) in _HEADS.items():
        groups = grouped(entries, [dimension])
        if groups and _is_telling(dimension, entries, groups):
            found.append({
                "id": f"by-{dimension}",
                "title": title,
                "head": head,
                "explained": _EXPLAINED.get(dimension, ""),
                "rows": [spend_row(group.key[0], group.spend) for group in _few(groups)],
                "total": spend_row("all", spend) if dimension != "tag" and len(groups) > 1 else None,
            })  # fmt: skip
    return found


def _is_telling(dimension: Dimension, entries: Sequence[Entry], groups: Sequence[Group]) -> bool:
    """Whether a table says more than the total does."""
    if dimension == "tag":
        return any(entry.tags for entry in entries)
    return dimension in ("model", "run") or len(groups) > 1


def _few(groups: Sequence[Group]) -> list[Group]:
    if len(groups) <= MOST_ROWS:
        return list(groups)
    rest = groups[MOST_ROWS - 1 :]
    others = Group(key=(f"{numbers.count(len(rest))} others",), spend=sum((group.spend for group in rest), Spend()))
    return [*groups[: MOST_ROWS - 1], others]
