"""What happened to a run's lanes is on record, and never in the way."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.store.events import FILE_NAME, EventLog
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
