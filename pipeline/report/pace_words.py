"""What the pace of a run says in words: how much of each limit was used, and what held it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import Summary
from pipeline.report.leader import capital, listed

_NB = "\N{NO-BREAK SPACE}"
_REACHED = 0.9
"""A limit of which less was used did not hold the account back all the time."""
_KINDS = {
    "requests": ("requests_per_minute", "requests/min", "the limit of requests"),
    "input_tokens": ("input_tokens_per_minute", "input tokens/min", "the limit of input tokens"),
    "output_tokens": ("output_tokens_per_minute", "output tokens/min", "the limit of output tokens"),
}


def run_words(summary: Summary, pace: Mapping[str, Any]) -> str:
    """What belongs to the whole section: sessions, what is not in it."""
    sentences = []
    if len(sessions := pace["sessions"]) > 1:
        begun = [datetime.fromisoformat(one["started_at"]) for one in sessions]
        pauses = [
            (later - earlier).total_seconds() - one["seconds"]
            for earlier, later, one in zip(begun, begun[1:], sessions, strict=False)
        ]
        longest = numbers.milliseconds(max(pauses) * 1000)
        left_out = f"the pause of {longest} is" if len(pauses) == 1 else f"pauses, the longest of {longest}, are"
        sentences.append(f"It sent in {len(sessions)} sessions; {left_out} left out.")
    if summary["jobs"]["reused"]:
        sentences.append("Reused answers sent nothing.")
    if summary.get("judges"):
        sentences.append("Requests of judges are not in it; they have limits and records of their own.")
    if unknown := pace["answers_without_tokens"]:
        sentences.append(f"Tokens of {_answers(unknown)} are not known and are missing here.")
    return " ".join(sentences)


def step_words(seconds: int) -> str:
    """Write a round time: `10 s`, `5 min`, `2 h`."""
    for size, unit in ((3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size}{_NB}{unit}"
    return f"{seconds}{_NB}s"


def account_words(pace: Mapping[str, Any], use: Mapping[str, Any], limits: Sequence[Mapping[str, Any]]) -> str:
    """What an account sent, how much of its limits that is, and what held it back, as far as the data says."""
    sent = f"{numbers.count(use['requests'])} {'request' if use['requests'] == 1 else 'requests'}"
    sentences = [f"{sent} in {numbers.milliseconds(use['seconds'] * 1000)}."]
    sentences += _used(pace, use, limits)
    if use["refused"]:
        share = numbers.share_of(use["refused"], use["requests"])
        sentences.append(f"The provider refused {numbers.count(use['refused'])} of them, {share}, with 429.")
    if any(wait["model"] in use["models"] for wait in pace["waits"]):
        sentences.append("In between it waited for the provider, as listed below.")
    sentences += _held_back(use, limits)
    return " ".join(sentences)


def _used(pace: Mapping[str, Any], use: Mapping[str, Any], limits: Sequence[Mapping[str, Any]]) -> list[str]:
    if not pace["limits_known"] or not limits:
        return ["Which limits were set was not noted."]
    now = limits[-1]
    parts = [
        f"{_percent(share)} of {now[key]:,.0f} {words}"
        for name, (key, words, _) in _KINDS.items()
        if (share := use["shares"][name]) is not None and now.get(key)
    ]
    if not any(one.get(key) for one in limits for key, _, _ in _KINDS.values()):
        return ["No limit on requests or tokens was set."]
    if not parts:
        return ["The limits were not the same in all sessions."]
    changed = " The limits were changed between sessions; the last are named." if len(limits) > 1 else ""
    return [f"Used {listed(parts)}.{changed}"]


def _held_back(use: Mapping[str, Any], limits: Sequence[Mapping[str, Any]]) -> list[str]:
    shares = use["shares"]
    held = [words for name, (_, _, words) in _KINDS.items() if (shares[name] or 0) >= _REACHED]
    if (shares["in_flight"] or 0) >= _REACHED:
        most = [one for one in limits if one.get("concurrency")]
        held.append(f"the requests that may be in flight{f' ({_room(most[-1])})' if most else ''}")
    if held:
        return [f"{capital(listed(held))} held it back."]
    if shares["in_flight"] is None:
        return []
    mean = f"{use['in_flight']:,.1f}" if use["in_flight"] < 10 else f"{use['in_flight']:,.0f}"
    end = "; no limit was used up" if any(shares[name] is not None for name in _KINDS) else ""
    return [f"On average {mean} requests were in flight, {_percent(shares['in_flight'])} of what was allowed{end}."]


def _room(limit: Mapping[str, Any]) -> str:
    if (most := limit.get("requests_in_flight")) is not None:
        return f"{most} for the account"
    return f"{limit['concurrency']} for each model"


def _percent(share: float) -> str:
    return f"{share * 100:.0f}{_NB}%" if share >= 0.01 else f"less than 1{_NB}%"


def _answers(count: int) -> str:
    return "1 answer" if count == 1 else f"{numbers.count(count)} answers"
