"""Write tool-calls.jsonl: requests to an assistant with three tools, each with the calls that answer it.

    python datasets/make_tool_calls.py            writes the file and prints its sha256
    python datasets/make_tool_calls.py --check    exit 1 if the file is not what this script gives

A request is made of the arguments of its call, so question and answer cannot drift apart.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from dataset_files import jsonl_bytes, run

SEED = 20261123
UNITS = {"km": "kilometres", "mi": "miles", "kg": "kilograms", "lb": "pounds", "l": "litres", "gal": "gallons"}
MONTHS = ("March", "May", "July", "September", "November")
Example = tuple[str, list[dict[str, Any]]]


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """One call as the scorer expects it."""
    return {"name": name, "input": arguments}


def forecasts() -> list[Example]:
    """Weather: the unit is asked for in some rows only, so it is an optional argument."""
    plain = [("Oslo", 3), ("Lima", 5), ("Nairobi", 2), ("Quebec City", 7)]
    warm = [("Austin", 4), ("San José", 2)]
    korean = [("부산", 3), ("제주", 5)]
    return [
        *(
            (f"What will the weather be like in {city} over the next {days} days?", [forecast(city, days)])
            for city, days in plain
        ),
        *(
            (f"I need the forecast for {city}, {days} days, in degrees Fahrenheit.", [forecast(city, days, "F")])
            for city, days in warm
        ),
        *((f"앞으로 {days}일 동안 {city} 날씨를 알려 주세요.", [forecast(city, days)]) for city, days in korean),
    ]


def forecast(city: str, days: int, unit: str | None = None) -> dict[str, Any]:
    """A call of get_forecast."""
    return call("get_forecast", city=city, days=days, **({} if unit is None else {"unit": unit}))


def conversions() -> list[Example]:
    """Units: decimals, large numbers with a separator, and requests for two conversions at once."""
    single = [(12.5, "mi", "km"), (80, "kg", "lb"), (3, "gal", "l"), (0.75, "l", "gal"), (1250, "lb", "kg")]
    single += [(42.195, "km", "mi"), (9.9, "lb", "kg"), (60, "l", "gal"), (10000, "km", "mi")]
    double = [((5, "mi", "km"), (12, "lb", "kg")), ((100, "km", "mi"), (20, "l", "gal"))]
    double += [((2.5, "kg", "lb"), (8, "gal", "l")), ((26.2, "mi", "km"), (70, "kg", "lb"))]
    return [
        *(
            (f"How many {UNITS[to]} are {amount:,} {UNITS[unit]}?", [convert(amount, unit, to)])
            for amount, unit, to in single
        ),
        *(
            (
                f"Please convert {one[0]} {UNITS[one[1]]} to {UNITS[one[2]]}, "
                f"and {two[0]} {UNITS[two[1]]} to {UNITS[two[2]]}.",
                [convert(*one), convert(*two)],
            )
            for one, two in double
        ),
    ]


def convert(amount: float, unit: str, to: str) -> dict[str, Any]:
    """A call of convert_units."""
    return call("convert_units", amount=amount, unit=unit, to=to)


def reminders(rng: random.Random) -> list[Example]:
    """Reminders: a date in words becomes ISO 8601, a time the 24-hour clock."""
    tasks = ["water the plants", "call the dentist", "return the library books", "renew the passport"]
    tasks += ["feed the neighbour's cat", "pay the rent", "book the train", "back up the laptop", "send the invoice"]
    examples = []
    for task in tasks:
        day, month, hour = rng.randint(1, 28), rng.randrange(len(MONTHS)), rng.randint(1, 11)
        half = rng.choice(("am", "pm"))
        examples.append(
            (
                f"Remind me to {task} on {day} {MONTHS[month]} 2027 at {hour} {half}.",
                [
                    call(
                        "set_reminder",
                        text=task,
                        date=f"2027-{3 + 2 * month:02}-{day:02}",
                        time=f"{hour + 12 * (half == 'pm'):02}:00",
                    )
                ],
            )
        )
    return examples


def make_rows() -> list[dict[str, str]]:
    """All rows, mixed."""
    rng = random.Random(SEED)
    examples = [*forecasts(), *conversions(), *reminders(rng)]
    rng.shuffle(examples)
    return [
        {"id": f"tc-{number:02}", "question": question, "answer": as_text(calls)}
        for number, (question, calls) in enumerate(examples, start=1)
    ]


def as_text(calls: list[dict[str, Any]]) -> str:
    """One call as an object, several as a list."""
    return json.dumps(calls[0] if len(calls) == 1 else calls, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(run({"tool-calls.jsonl": jsonl_bytes(make_rows())}))
