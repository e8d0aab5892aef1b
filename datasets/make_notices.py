"""Write notices.jsonl: short notices of events, each with the fields that it states.

    python datasets/make_notices.py            writes the file and prints its sha256
    python datasets/make_notices.py --check    exit 1 if the file is not what this script gives

A notice is worded from its fields, so text and answer cannot drift apart. What a notice leaves out is null in its
answer.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from dataset_files import jsonl_bytes, run

SEED = 20261123
MONTHS = ("January", "February", "March", "April", "May", "June")
WORDINGS = (
    "{title}\n{weekday}, {day} {month} {year}, {start}\n{place}\nEntry: {fee_words}",
    "Come to the {title} on {month} {day}, {year}! We start at {clock} in the {place}. {Fee_sentence}",
    "The {place} hosts the {title} again this year: {day} {month} {year}, doors at {start}. {Fee_sentence} "
    "Please do not park in front of the gate.",
    "Dear neighbours, the {title} was moved from {before} to {day} {month} {year}. Everything else stays as it was: "
    "{clock}, {place}. {Fee_sentence}",
    "제목: {title}\n일시: {year}년 {number}월 {day}일 {start}\n장소: {place}\n참가비: {fee_korean}",
    "{title} ({day}/{number}/{year}, day first) -- {place} -- {clock} -- {fee_words}",
)
EVENTS = (
    ("Seed Swap", "Linden Hall"),
    ("Repair Café", "Old Fire Station"),
    ("Chess Evening", "Harbour Library"),
    ("Spring Choir Concert", "St Anne's Church"),
    ("Robot Workshop", "Makers' Yard"),
    ("Flea Market", "Station Square"),
    ("Poetry Night", "Blue Door Theatre"),
    ("First Aid Course", "Red Brick School"),
    ("Bicycle Auction", "Tram Depot"),
    ("Star Gazing", "Hilltop Observatory"),
    ("Bread Baking Class", "Mill House"),
    ("Local History Walk", "Bridge Museum"),
)
ROUNDS = 2
Fee = float | None


def fee_phrases(fee: Fee) -> dict[str, str]:
    """How a fee is said, in each wording; a fee that is not known is not mentioned."""
    if fee is None:
        return {"fee_words": "see the website", "Fee_sentence": "", "fee_korean": "추후 공지"}
    if fee == 0:
        return {"fee_words": "free", "Fee_sentence": "Admission is free.", "fee_korean": "무료"}
    return {
        "fee_words": f"€{fee:.2f}",
        "Fee_sentence": f"Tickets cost {fee:.2f} euros.",
        "fee_korean": f"{fee:.2f}유로",
    }


def word_notice(wording: str, fields: Mapping[str, Any], hour: int, minute: int) -> str:
    """The text of one notice."""
    when = date.fromisoformat(fields["date"])
    before = when - timedelta(days=7)
    phrases = {
        **fields,
        **fee_phrases(fields["fee_eur"]),
        "day": when.day,
        "month": MONTHS[when.month - 1],
        "number": when.month,
        "year": when.year,
        "weekday": when.strftime("%A"),
        "before": f"{before.day} {MONTHS[before.month - 1]}",
        "clock": f"{(hour - 1) % 12 + 1}:{minute:02} {'am' if hour < 12 else 'pm'}",
    }
    return wording.format(**phrases).replace("  ", " ").strip()


def make_rows() -> list[dict[str, str]]:
    """Each event twice, under different wordings."""
    rng = random.Random(SEED)
    rows = []
    for number in range(ROUNDS * len(EVENTS)):
        title, place = EVENTS[number % len(EVENTS)]
        hour, minute = rng.randint(8, 20), rng.choice((0, 15, 30))
        fields = {
            "title": title,
            "date": str(date(2027, rng.randint(2, 6), rng.randint(1, 28))),
            "start": f"{hour:02}:{minute:02}",
            "place": place,
            "fee_eur": rng.choice((None, 0, 5, 7.5, 12)),
        }
        wording = WORDINGS[(number + number // len(EVENTS)) % len(WORDINGS)]
        rows.append(
            {
                "id": f"no-{number + 1:02}",
                "notice": word_notice(wording, fields, hour, minute),
                "answer": json.dumps(fields, ensure_ascii=False),
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(run({"notices.jsonl": jsonl_bytes(make_rows())}))
