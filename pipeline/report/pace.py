"""The pace of a run against its limits, account by account: charts, tables, and what they say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import Summary
from pipeline.report.chart_parts import SERIES_COLOURS
from pipeline.report.charts import Chart
from pipeline.report.grid import Column, Entry, Grid
from pipeline.report.pace_charts import Bin, Drawing, cut_at, pace_chart
from pipeline.report.pace_words import account_words, run_words, step_words

_MANY_ACCOUNTS = 4
"""From so many on, tokens are drawn only where a limit was set on them."""
_FEWEST_BINS = 5
"""Fewer make no picture."""
_COUNTED = ("requests", "refused", "input_tokens", "output_tokens")
_CHARTS = (
    ("requests", "requests per minute", "requests_per_minute"),
    ("input_tokens", "input tokens per minute", "input_tokens_per_minute"),
    ("output_tokens", "output tokens per minute", "output_tokens_per_minute"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPace:
    """What one account's part of the section shows."""

    name: str
    words: str
    charts: tuple[Chart, ...]
    note: str
    """What the charts leave out."""
    grid: Grid


def pace_section(summary: Summary) -> dict[str, Any] | None:
    """What the section shows; None where nothing was sent or the summary is of an older version."""
    pace = summary.get("pace")
    if not pace:
        return None
    bins = _bins(pace)
    return {
        "words": run_words(summary, pace),
        "accounts": [_account(pace, use, bins) for use in pace["use"]],
        "waits": _waits_grid(pace) if pace["waits"] else None,
        "step": step_words(pace["step_seconds"]),
    }


def _bins(pace: Mapping[str, Any]) -> list[Bin]:
    step, start, bins = pace["step_seconds"], 0.0, []
    for number, session in enumerate(pace["sessions"]):
        began = datetime.fromisoformat(session["started_at"])
        for place in range(session["bins"]):
            seconds = min(step, max(step / 2, session["seconds"] - place * step))  # the last one is not whole
            at = f"{began + timedelta(seconds=place * step):%Y-%m-%d %H:%M:%S} UTC"
            bins.append(Bin(number, start, seconds, at))
            start += seconds
    return bins


def _account(pace: Mapping[str, Any], use: Mapping[str, Any], bins: Sequence[Bin]) -> AccountPace:
    counts = {name: _by_model(pace, use["models"], name) for name in _COUNTED}
    limits = [one for one in pace["limits"] if _is_of(one, use)]
    wanted = _wanted_charts(len(pace["use"]), limits) if len(bins) >= _FEWEST_BINS else []
    drawings = [_drawing(use, bins, counts, limits, which) for which in wanted]
    if drawings:
        drawings[0] = replace(drawings[0], waits=_waits(pace, use, bins))
        drawings[-1] = replace(drawings[-1], is_last=True)
    is_cut = any(cut_at(drawing) for drawing in drawings)
    name = " · ".join(filter(None, (use["provider"], ", ".join(use["models"]))))
    return AccountPace(
        name=name,
        words=account_words(pace, use, limits),
        charts=tuple(_chart(drawing) for drawing in drawings),
        note="Bars of more than twice the limit are cut; the table has them whole." if is_cut else "",
        grid=_grid(name, bins, counts),
    )


def _wanted_charts(accounts: int, limits: Sequence[Mapping[str, Any]]) -> list[int]:
    """Which of the charts are drawn; the first always is."""
    places = range(len(_CHARTS))
    if accounts < _MANY_ACCOUNTS:
        return list(places)
    return [place for place in places if place == 0 or any(limit.get(_CHARTS[place][2]) for limit in limits)]


def _is_of(limit: Mapping[str, Any], use: Mapping[str, Any]) -> bool:
    return limit["provider"] == use["provider"] and list(limit["models"]) == list(use["models"])


def _by_model(pace: Mapping[str, Any], models: Sequence[str], name: str) -> dict[str, list[int]]:
    """One of the counts in every bin of the run, by model; 0 where a model sent nothing in a session."""
    entries = {(entry["model"], entry["session"]): entry[name] for entry in pace["bins"]}
    return {
        model: [
            count
            for number, session in enumerate(pace["sessions"])
            for count in entries.get((model, number), [0] * session["bins"])
        ]
        for model in models
    }


def _total(counts: Mapping[str, Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*counts.values(), strict=True)]


def _drawing(
    use: Mapping[str, Any],
    bins: Sequence[Bin],
    counts: Mapping[str, Mapping[str, Sequence[int]]],
    limits: Sequence[Mapping[str, Any]],
    which: int,
) -> Drawing:
    """Requests by model, with refusals; tokens of all models together."""
    name, title, key = _CHARTS[which]
    is_first = which == 0
    by_model = is_first and 1 < len(use["models"]) <= len(SERIES_COLOURS)
    return Drawing(
        bins=bins,
        series=counts[name] if by_model else {title.removesuffix(" per minute"): _total(counts[name])},
        refused=_total(counts["refused"]) if is_first else (),
        title=title,
        limits=[(session, limit[key]) for limit in limits if limit.get(key) for session in limit["sessions"]],
        low=not is_first,
    )


def _chart(drawing: Drawing) -> Chart:
    rates = zip(_total(drawing.series), drawing.bins, strict=True)
    highest = numbers.count(round(max(count * 60 / one.seconds for count, one in rates)))
    limit = f"; the limit is {drawing.limits[-1][1]:,.0f}" if drawing.limits else ""
    title = f"{drawing.title[0].upper()}{drawing.title[1:]}"
    return Chart(alternative=f"{title} over the time of the run, at most {highest}{limit}.", spec=pace_chart(drawing))


def _waits(pace: Mapping[str, Any], use: Mapping[str, Any], bins: Sequence[Bin]) -> list[tuple[float, str]]:
    """Where on the axis the account's lanes waited or went on; what fell into a pause stands at its beginning."""
    found = []
    for wait in pace["waits"]:
        if wait["model"] in use["models"]:
            at = datetime.fromisoformat(wait["at"])
            found.append((_place(pace, bins, at), f"{wait['model']}: {wait['event']}"))
    return found


def _place(pace: Mapping[str, Any], bins: Sequence[Bin], at: datetime) -> float:
    place = 0.0
    for number, session in enumerate(pace["sessions"]):
        mine = [one for one in bins if one.session == number]
        since = (at - datetime.fromisoformat(session["started_at"])).total_seconds()
        if since >= 0:
            place = mine[0].start + min(since, mine[-1].start + mine[-1].seconds - mine[0].start)
    return place


def _grid(name: str, bins: Sequence[Bin], counts: Mapping[str, Mapping[str, Sequence[int]]]) -> Grid:
    columns = [_total(counts[one]) for one in _COUNTED]
    return Grid(
        caption=f"What left and came back, {name}",
        columns=(
            Column("From"),
            *(
                Column(head, number=True)
                for head in ("Seconds", "Requests", "of them 429", "Input tokens", "Output tokens")
            ),
        ),
        rows=tuple(
            (
                Entry(one.clock, kind="head"),
                Entry(f"{one.seconds:g}", kind="number"),
                *(Entry(numbers.count(column[place]), kind="number") for column in columns),
            )
            for place, one in enumerate(bins)
            if any(column[place] for column in columns)
        ),
    )


def _waits_grid(pace: Mapping[str, Any]) -> Grid:
    rows = [
        (Entry(_clock(wait["at"]), kind="head"), Entry(wait["model"], kind="name"), Entry(wait["event"]))
        for wait in pace["waits"]
    ]
    more = f"; {numbers.count(pace['waits_left_out'])} more are in events.jsonl" if pace["waits_left_out"] else ""
    return Grid(
        caption=f"When a lane waited and when it went on, the triangles above{more}",
        columns=(Column("At"), Column("Model"), Column("What happened")),
        rows=tuple(rows),
    )


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
