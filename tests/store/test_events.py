"""What happened to a run's lanes is on record, and never in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.store.events import FILE_NAME, EventLog, Events, read_events
from tests.support.store import STAMP


def test_events_are_appended_one_line_each(tmp_path: Path) -> None:
    for said in ("the provider fails", "line\nbreak \u2028"):
        EventLog(tmp_path).add(STAMP, "small", said)
    lines = [json.loads(line) for line in (tmp_path / FILE_NAME).read_bytes().split(b"\n") if line]
    assert [line["event"] for line in lines] == ["the provider fails", "line\nbreak \u2028"]
    assert lines[0]["model"] == "small"
    assert lines[0]["at"].startswith("2026-11-22T10:00:00")


def test_an_event_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    EventLog(tmp_path / "nowhere").add(STAMP, "small", "the provider fails")
    precious = tmp_path / "precious"
    precious.write_text("keep")
    (tmp_path / FILE_NAME).symlink_to(precious)
    EventLog(tmp_path).add(STAMP, "small", "the provider fails")
    assert precious.read_text() == "keep"


def test_events_are_read_again_with_the_limits_of_later_sessions(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.add(STAMP, "small", "the provider fails")
    log.limits(STAMP, [{"provider": "lab", "models": ["small"], "requests_per_minute": 5.0}])
    log.add(STAMP, "small", "the provider answers again")
    found = read_events(tmp_path)
    assert [wait["event"] for wait in found.waits] == ["the provider fails", "the provider answers again"]
    assert [one["limits"][0]["requests_per_minute"] for one in found.limits] == [5.0]
    assert found.limits[0]["at"] == found.waits[0]["at"]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"at": "2026-11-22T10:00:00+00:00", "model": "small", "ev', b"\x00\xff\xfe", b"[]", b"null", b"12",
        b'{"at": "yesterday", "model": "m", "event": "e"}',
        b'{"at": "2026-11-22T10:00:00", "model": "m", "event": "e"}',
        b'{"at": 7, "model": "m", "event": "e"}', b'{"at": "2026-11-22T10:00:00Z", "model": 1, "event": []}',
        b'{"at": "2026-11-22T10:00:00Z", "limits": {"a": 1}}', b'{"at": "2026-11-22T10:00:00Z", "limits": [{}]}',
        b'{"at": "2026-11-22T10:00:00Z", "limits": [{"provider": "p", "models": [["x"]]}]}',
        b'{"at": "2026-11-22T10:00:00Z", "limits": [{"provider": "p", "models": ["x"], "burst_seconds": "6"}]}',
    ],
)  # fmt: skip
def test_damaged_lines_tell_nothing_and_hide_nothing(tmp_path: Path, damage: bytes) -> None:
    EventLog(tmp_path).add(STAMP, "small", "before")
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(damage + b"\n")
    EventLog(tmp_path).add(STAMP, "small", "after")
    found = read_events(tmp_path)
    assert [wait["event"] for wait in found.waits] == ["before", "after"]
    assert found.limits == []


def test_without_a_file_of_ours_there_are_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path) == Events()
    (tmp_path / FILE_NAME).mkdir()
    assert read_events(tmp_path) == Events()
