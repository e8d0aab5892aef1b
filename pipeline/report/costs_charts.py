"""Draws spending over time and by model as Vega-Lite specifications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from pipeline.cost.spending import Dimension, Entry, Group, grouped, week
from pipeline.report import numbers
from pipeline.report.chart_parts import Spec, layered, tooltip
from pipeline.report.charts import Chart
from pipeline.report.visible import one_line

_COLOURS = ["var(--accent)", "var(--series-3)", "var(--series-5)", "var(--series-4)", "var(--series-2)"]
OTHERS = "all others"
_MOST_DAYS, _MOST_WEEKS = 62, 60
_MOST_BARS = 12
_BAR_HEIGHT = 48


@dataclass(frozen=True, slots=True)
class Bins:
    """How time is cut: the dimension, and every bin from the first to the last, empty ones included."""

    by: Dimension
    names: list[str]


def bins(entries: Sequence[Entry]) -> Bins:
    """Cut time into days, weeks or months, so that bars stay few; entries are not empty."""
    days = [entry.day for entry in entries]
    first, last = min(days), max(days)
    span = (last - first).days + 1
    if span <= _MOST_DAYS:
        return Bins("day", [f"{day}" for day in _days(first, last)])
    if span <= 7 * _MOST_WEEKS:
        return Bins("week", list(dict.fromkeys(week(day) for day in _days(first, last))))
    return Bins("month", list(dict.fromkeys(f"{day:%Y-%m}" for day in _days(first, last))))


def over_time(entries: Sequence[Entry]) -> Chart | None:
    """Draw spending over time, a colour for each of the dearest models; None where no cost is known."""
    spent = [group for group in grouped(entries, ["model"]) if group.spend.cost_usd]
    if not spent:
        return None
    cut, shown = bins(entries), _shown(spent)
    rows = _time_rows(entries, cut, shown)
    names = [*shown.values(), *([OTHERS] if len(spent) > len(shown) else [])]
    spec = layered(
        rows,
        [
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "x": {
                        "field": cut.by,
                        "type": "ordinal",
                        "title": None,
                        "scale": {"domain": cut.names, "paddingInner": 0.25},
                        "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 12, "labelBound": True},
                    },
                    "y": {
                        "field": "amount",
                        "type": "quantitative",
                        "stack": "zero",
                        "title": "US dollars",
                        "axis": {"format": "$,~r", "tickCount": 5},
                    },
                    "color": {
                        "field": "model",
                        "type": "nominal",
                        "title": None,
                        "scale": {"domain": names, "range": _COLOURS[: len(names)]},
                    },
                    "order": {"field": "place", "type": "quantitative"},
                    "tooltip": tooltip(cut.by, "model", "cost"),
                },
            }
        ],
    )
    spec["height"] = 260
    highest = max(grouped(entries, [cut.by]), key=lambda group: group.spend.cost_usd or Decimal(0))
    alternative = (
        f"Spending by {cut.by} in {len(cut.names)} {cut.by}s. "
        f"Most: {highest.key[0]}, {numbers.usd(highest.spend.cost_usd)}."
    )
    return Chart(alternative=alternative, spec=spec)


def by_model(groups: Sequence[Group]) -> Chart | None:
    """Draw a bar for each model with its name and share above it; None where no cost is known."""
    spent = [group for group in groups if group.spend.cost_usd]
    if len(spent) < 2:
        return None
    whole = sum((group.spend.cost_usd for group in spent if group.spend.cost_usd is not None), Decimal(0))
    names = _short_names(spent)
    rows = [_bar(group, names[group.key[0]], whole) for group in spent[:_MOST_BARS]]
    y = {"field": "place", "type": "ordinal", "sort": None, "axis": None}
    x = {"field": "amount", "type": "quantitative", "title": None, "axis": None, "scale": {"nice": False}}
    spec = layered(
        rows,
        [
            {
                "mark": {"type": "bar", "height": 12, "yOffset": 10, "color": "var(--accent)"},
                "encoding": {"x": x, "tooltip": tooltip("model", "cost", "share")},
            },
            {
                "mark": {"type": "text", "align": "left", "baseline": "middle", "dy": -10, "limit": {"expr": "width"}},
                "encoding": {"x": {"datum": 0}, "text": {"field": "label", "type": "nominal"}},
            },
        ],
    )
    spec["encoding"] = {"y": y}
    spec["height"] = _BAR_HEIGHT * len(rows)
    alternative = f"Cost of {len(rows)} models. Most: {rows[0]['label']}."
    return Chart(alternative=alternative, spec=spec)


def _bar(group: Group, short: str, whole: Decimal) -> Spec:
    cost = group.spend.cost_usd or Decimal(0)
    share = numbers.metric(float(cost / whole), share=True)
    name = one_line(group.key[0])
    return {
        "place": name,
        "model": name,
        "amount": float(cost),
        "cost text": numbers.usd(cost),
        "share text": share,
        "label": f"{numbers.usd(cost)} · {share} · {short}",
    }


def _shown(spent: Sequence[Group]) -> dict[str, str]:
    """The short names of the models with a colour of their own: all, or the dearest where there are too many."""
    names = _short_names(spent)
    kept = list(names)[: len(_COLOURS) if len(names) <= len(_COLOURS) else len(_COLOURS) - 1]
    return {model: names[model] for model in kept}


def _short_names(groups: Sequence[Group]) -> dict[str, str]:
    """The models without their providers, where that tells them apart."""
    models = [group.key[0] for group in groups]
    short = {model: one_line(model.partition("/")[2]) for model in models}
    return short if len(set(short.values())) == len(models) else {model: one_line(model) for model in models}


def _time_rows(entries: Sequence[Entry], cut: Bins, shown: Mapping[str, str]) -> list[Spec]:
    amounts: dict[tuple[str, str], Decimal] = {}
    for group in grouped(entries, [cut.by, "model"]):
        when, model = group.key
        if group.spend.cost_usd:
            key = when, shown.get(model, OTHERS)
            amounts[key] = amounts.get(key, Decimal(0)) + group.spend.cost_usd
    places = {name: place for place, name in enumerate([*shown.values(), OTHERS])}
    return [
        {
            cut.by: when,
            "model": model,
            "amount": float(amount),
            "cost text": numbers.usd(amount),
            "place": places[model],
        }
        for (when, model), amount in amounts.items()
    ]


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
