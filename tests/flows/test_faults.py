"""No fault of a provider fools the product: each ends as documented, every job once, and the books agree.

Each run has one row per fault; the row's marker says what goes wrong, mostly at the first sighting only, so that a
retry finds a provider in good order.
"""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import (
    EvalmillError,
    KeyRefused,
    ProviderUnreachable,
    RequestRejected,
    SettingsError,
    StoppedResumable,
)
from tests.support.faults import DEADLINE_SECONDS, HASTE, MODES, TEXT, Mode, Ran, misbehaving, run_against
from tests.support.report import embedded

SWEPT = [
    pytest.param(mode, marks=() if number in (1, 2) else pytest.mark.slow, id=str(mode))
    for number, mode in enumerate(MODES)
]
"""One mode of each protocol, whole and streamed; the other two are slow."""
STREAMED = [mode for mode in MODES if mode.stream]
KILLED = ("the connection broke", "the server had closed the connection")
"""What an attempt says that met a kept-alive connection which another row's fault was just killing, or had killed."""


TOOLS = """
tool_choice = { type = "any" }
[[models.params.tools]]
name = "look_up"
description = "Looks up the weather of a place."
[models.params.tools.input_schema]
type = "object"
required = ["place", "days"]
[models.params.tools.input_schema.properties]
place = { type = "string" }
days = { type = "array", items = { type = "integer" }, minItems = 3 }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault and what becomes of its job."""

    wish: str
    status: str = "ok"
    attempts: tuple[int, ...] = (2,)
    error: str | None = None
    """The kind of error that the job ends with."""
    text: bool = True
    """Whether the stored text is the whole answer, letter for letter."""
    booked: bool = True
    """Whether the stored counts are those of the ledger."""

    @property
    def marker(self) -> str:
        """What the row asks of the simulator."""
        return self.wish if self.status not in ("ok",) else f"{self.wish},times=1"


def retried(*wishes: str) -> list[Case]:
    """Faults that another attempt mends."""
    return [Case(wish=wish) for wish in wishes]


def harmless(*wishes: str) -> list[Case]:
    """Oddities that change nothing."""
    return [Case(wish=wish, attempts=(1,)) for wish in wishes]


def either(*wishes: str) -> list[Case]:
    """Answers that may be read, with replacements, or asked for again: but never crash, and never half a text."""
    return [Case(wish=wish, attempts=(1, 2), text=False, booked=False) for wish in wishes]


def ends(wish: str, error: str) -> Case:
    """A failure that is final at once."""
    return Case(wish=wish, status="error", attempts=(1,), error=error, text=False, booked=False)


EVERYWHERE = [
    *retried(
        # N4-N7, N9, P8: the connection
        "reset",
        "reset,paid",
        "reset_after_headers",
        "reset_mid_body",
        "cut_length",
        "cut_chunked",
        "cut_close",
        "drip_headers,gap=0.5",
        "slow=9",
        # H3, H9, H12, H13, H16, H18
        *(f"status={status}" for status in (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529)),
        "html",
        *(f"html,status={status}" for status in (403, 502, 524)),
        "html,status=524,paid",
        "empty_body",
        "notjson",
        "huge_header",
        "error200",
        "code=500",
        "code=429",
        "status=400,should_retry=true",
        # H1
        *(f"status=429,retry_after={value}" for value in ("7", "0.5", "date", "-5", "soon", "nan", "none")),
        "status=429,retry_after_ms=250",
        "status=503,retry_after=3",
    ),
    *harmless(
        "interim_flood",
        "no_stop_sequence",
        "unknown_block",
        "bom",
    ),
    # E8: believed in part or not at all
    *(Case(wish=f"usage_{how}", attempts=(1,), booked=False) for how in ("decreasing", "negative", "string")),
    *either("latin1", "utf16", "lone_surrogate", "nul", "raw_nul", "nan", "deep_json"),
    # H5, H10, H18
    *(ends(f"status={status}", "request") for status in (400, 413, 422)),
    ends("status=500,should_retry=false", "overload"),
    # P1-P5
    Case(wish="max_tokens", status="truncated", attempts=(1,), text=False),
    Case(wish="refusal", status="refused", attempts=(1,), text=False),
    Case(wish="empty", status="empty", attempts=(1, 2), text=False, booked=False),
    *harmless("stop_reason=from_the_future", "model=another-model"),
    Case(wish="no_usage", attempts=(1,), booked=False),
]
ON_WHOLE_BODIES = [
    Case(wish="null_content", status="empty", attempts=(1, 2), text=False, booked=False),
    Case(wish="drip_body,gap=0.5"),
]
ON_STREAMS = [
    *harmless(
        # E2, E3, E5, E9 and the tolerances of the protocol's section 3
        "sse_bytes",
        "sse_split",
        "sse_crlf",
        "sse_cr",
        "sse_comments",
        "sse_no_names",
        "sse_no_space",
        "sse_multiline",
        "sse_no_last_blank",
        "sse_no_stop",
        "sse_stray_done",
        "sse_duplicates",
        "sse_unknown",
        "sse_choices",
        "sse_blank_reason",
        "sse_late_input",
        "sse_hold_open",
        "sse_as_json",
    ),
    *retried(
        # E4, E6, E11
        "sse_cut_start",
        "sse_cut_character",
        "sse_cut_tool",
        "sse_cut_delta",
        "sse_cut_start,abrupt",
        "sse_cut_character,abrupt",
        "sse_cut_tool,abrupt",
        "sse_cut_delta,abrupt",
        "sse_error",
        "sse_silence,gap=9",
    ),
    Case(wish="sse_no_delta", attempts=(1, 2), booked=False),
]


def cases(mode: Mode) -> list[Case]:
    """Every fault that a run outlives."""
    return EVERYWHERE + (ON_STREAMS if mode.stream else ON_WHOLE_BODIES)


@pytest.fixture(scope="module", params=SWEPT)
def survived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Mode, Ran, float]:
    """One run through all faults of a mode, and its seconds."""
    mode: Mode = request.param
    folder = tmp_path_factory.mktemp("faults")
    began = time.monotonic()
    with misbehaving(mode, folder) as simulator:
        ran = run_against(simulator, mode, folder, [case.marker for case in cases(mode)])
    return mode, ran, time.monotonic() - began


def test_every_fault_ends_as_documented(survived: tuple[Mode, Ran, float]) -> None:
    mode, ran, _ = survived
    wrong = []
    for case in cases(mode):
        row = ran.rows[case.marker]
        seen = (row["status"], row["error_kind"], len(row["attempts"]))
        killed = sum(any(words in (error or "") for words in KILLED) for error in _said(row))
        if seen[:2] != (case.status, case.error) or not {seen[2], seen[2] - killed} & set(case.attempts):
            wrong.append((case.marker, "expected", case.status, case.error, case.attempts, "got", *seen, _said(row)))
    assert not wrong, "\n".join(map(str, wrong))


def test_no_answer_is_ok_with_half_a_text(survived: tuple[Mode, Ran, float]) -> None:
    mode, ran, _ = survived
    exact = {case.marker for case in cases(mode) if case.text}
    wrong = []
    for marker, row in ran.rows.items():
        whole = row["text"] == TEXT if marker in exact else (row["text"] or "").startswith(TEXT)
        if row["status"] == "ok" and not whole:
            wrong.append((marker, len(row["attempts"]), row["text"]))
    assert not wrong, "\n".join(map(str, wrong))


def test_every_job_has_one_result_and_nothing_hangs(survived: tuple[Mode, Ran, float]) -> None:
    mode, ran, seconds = survived
    assert ran.rows.keys() == {case.marker for case in cases(mode)}
    assert seconds < 60 + 6 * DEADLINE_SECONDS
    late = [
        m
        for m, row in ran.rows.items()
        for a in row["attempts"]
        if a["latency_ms"] > (DEADLINE_SECONDS + 1) * HASTE * 1000
    ]
    assert not late


def test_tokens_are_those_of_the_ledger(survived: tuple[Mode, Ran, float]) -> None:
    """All that was answered and arrived is in the results once; what did not arrive cannot be."""
    mode, ran, _ = survived
    by_fault = {line["fault"]: line for line in ran.paid if line["fault"] is not None}
    calm = {(line["input_tokens"], line["output_tokens"]) for line in ran.paid if line["fault"] is None}
    wrong = []
    for case in cases(mode):
        row = ran.rows[case.marker]
        if not case.booked or row["status"] == "error":
            continue
        counts = (row["input_tokens"], row["output_tokens"])
        line = by_fault.get(_label(case))
        fits = (
            counts in calm
            if len(row["attempts"]) > 1
            else (line is not None and counts == (line["input_tokens"], line["output_tokens"]))
        )
        if not fits or row["usage_source"] != "reported":
            wrong.append((case.marker, counts, row["usage_source"], line))
    assert not wrong, "\n".join(map(str, wrong))


def test_cost_is_that_of_the_ledger(survived: tuple[Mode, Ran, float]) -> None:
    mode, ran, _ = survived
    exact = [ran.rows[case.marker] for case in cases(mode) if case.booked and case.status != "error"]
    assert len(exact) > 50
    for row in exact:
        price = Decimal("0.25") * row["input_tokens"] + Decimal("1.25") * row["output_tokens"]
        answer = row["attempts"][-1]["cost_usd"]
        assert abs(answer - price / 1_000_000) < Decimal("1e-9"), row["row_id"]
        earlier = sum((attempt["cost_usd"] or Decimal(0) for attempt in row["attempts"][:-1]), Decimal(0))
        assert row["cost_usd"] == answer + earlier
    priced = {(line["input_tokens"], line["output_tokens"]): line["cost_usd"] for line in ran.paid}
    for row in exact:
        assert abs(priced[row["input_tokens"], row["output_tokens"]] - row["attempts"][-1]["cost_usd"]) < Decimal(
            "1e-9"
        )


def test_what_was_paid_and_lost_is_marked_as_possibly_paid(survived: tuple[Mode, Ran, float]) -> None:
    """Every attempt that the ledger billed without delivering it is owned up to, by its cost or by the mark."""
    mode, ran, _ = survived
    lost = {line["fault"] for line in ran.paid if not line["delivered"]}
    assert len(lost) > 10
    silent = []
    for case in cases(mode):
        first = ran.rows[case.marker]["attempts"][0]
        accepted = len(ran.rows[case.marker]["attempts"]) == 1 and case.error is None
        if _label(case) in lost and not accepted and not first["possibly_paid"] and first["cost_usd"] is None:
            silent.append((case.marker, first["error"]))
    assert not silent, "\n".join(map(str, silent))


def test_odd_answers_are_told_apart(survived: tuple[Mode, Ran, float]) -> None:
    _, ran, _ = survived
    future = ran.rows["stop_reason=from_the_future,times=1"]
    assert (future["stop_reason"], future["stop_reason_raw"]) == ("unknown", "from_the_future")
    assert ran.rows["model=another-model,times=1"]["model_served"] == "another-model"
    unknown = ran.rows["no_usage,times=1"]
    assert unknown["usage_source"] == "estimated"
    assert unknown["output_tokens"] > 0


def test_no_key_is_kept_anywhere(survived: tuple[Mode, Ran, float]) -> None:
    _, ran, _ = survived
    for path in ran.outcome.folder.parent.rglob("*"):
        if path.is_file():
            assert b"sk-canary-7f3a" not in path.read_bytes(), path
    assert "sk-canary-7f3a" not in embedded(ran.outcome.folder / "quality.html")


@pytest.mark.parametrize("mode", SWEPT)
@pytest.mark.parametrize(
    ("wish", "reason", "exit_code"),
    [
        # H6-H8, H11, P10
        ("status=401", KeyRefused, 77),
        ("status=403", KeyRefused, 77),
        ("status=402", StoppedResumable, 75),
        ("insufficient_quota", StoppedResumable, 75),
        ("spend_limit", StoppedResumable, 75),
        ("spend_limit,status=400", StoppedResumable, 75),
        ("redirect=http://127.0.0.2:9/v1/messages", ProviderUnreachable, 69),
        ("status=429,retry_after=1000000000", StoppedResumable, 75),
        ("status=429,retry_after=21600", StoppedResumable, 75),
        ("status=400", RequestRejected, 65),
    ],
)
def test_what_no_retry_mends_stops_the_run(
    mode: Mode, wish: str, reason: type[EvalmillError], exit_code: int, tmp_path: Path
) -> None:
    with misbehaving(mode, tmp_path) as simulator:
        ran = run_against(simulator, mode, tmp_path, _rows(wish, 80), concurrency=4)
    assert isinstance(ran.outcome.stopped, reason), ran.outcome.stopped
    assert ran.outcome.exit_code == exit_code
    most = 20 + 4 if reason is RequestRejected else 4
    assert len(ran.ledger) <= most, "it stops with what was in flight"
    assert not ran.paid


def _rows(wish: str, count: int) -> list[str]:
    """The same wish again and again, spelt so that no two markers are alike."""
    return [f"{wish},times={number}" for number in range(2, 2 + count)]


@pytest.mark.parametrize("mode", SWEPT)
def test_a_model_that_does_not_exist_stops_the_run(mode: Mode, tmp_path: Path) -> None:
    with misbehaving(mode, tmp_path) as simulator:
        ran = run_against(simulator, mode, tmp_path, _rows("status=404", 20), concurrency=4)
    assert isinstance(ran.outcome.stopped, SettingsError | ProviderUnreachable)
    assert len(ran.ledger) <= 4


@pytest.mark.parametrize("mode", SWEPT)
def test_a_redirect_is_not_followed(mode: Mode, tmp_path: Path) -> None:
    """H11: the second server never sees a connection, so never the key."""
    with socket.socket() as other, misbehaving(mode, tmp_path) as simulator:
        other.bind(("127.0.0.2", 0))
        other.listen()
        other.setblocking(False)
        target = f"redirect=http://127.0.0.2:{other.getsockname()[1]}/v1/messages"
        ran = run_against(simulator, mode, tmp_path, [target])
        with pytest.raises(BlockingIOError):
            other.accept()
    assert isinstance(ran.outcome.stopped, ProviderUnreachable)
    assert "redirect" in str(ran.outcome.stopped)


@pytest.mark.parametrize("mode", STREAMED, ids=str)
def test_a_tool_call_that_was_cut_is_asked_for_again(mode: Mode, tmp_path: Path) -> None:
    wishes = [f"{word},times=1" for word in ("sse_cut_tool", "sse_cut_tool,abrupt", "cut_chunked", "sse_cut_delta")]
    with misbehaving(mode, tmp_path) as simulator:
        ran = run_against(simulator, mode, tmp_path, wishes, params=TOOLS)
    for wish, row in ran.rows.items():
        assert (row["status"], row["stop_reason"], len(row["attempts"])) == ("ok", "tool_use", 2), wish
        [call] = json.loads(row["tool_calls"])
        assert call["name"] == "look_up"
        assert call["input"].keys() == {"place", "days"}


@pytest.mark.parametrize("mode", SWEPT)
def test_bombs_are_defused(mode: Mode, tmp_path: Path) -> None:
    """H14, H15: cut at the cap, and final at once."""
    wishes = ["gzip_bomb", "endless_body"]
    with misbehaving(mode, tmp_path) as simulator:
        ran = run_against(simulator, mode, tmp_path, wishes, deadline_seconds=60, concurrency=1)
    ended = {wish: (row["status"], row["error_kind"], len(row["attempts"])) for wish, row in ran.rows.items()}
    assert ended == dict.fromkeys(wishes, ("error", "output", 1))


@pytest.mark.slow
@pytest.mark.parametrize("mode", STREAMED, ids=str)
def test_a_million_events_are_too_many(mode: Mode, tmp_path: Path) -> None:
    """E10: the same."""
    with misbehaving(mode, tmp_path) as simulator:
        ran = run_against(simulator, mode, tmp_path, ["sse_flood"], deadline_seconds=120)
    row = ran.rows["sse_flood"]
    assert (row["status"], row["error_kind"], len(row["attempts"])) == ("error", "output", 1)


@pytest.mark.parametrize("mode", SWEPT)
@pytest.mark.parametrize("fault", ["close_on_reuse", "close_after"])
def test_a_connection_that_dies_idle_costs_nothing(mode: Mode, fault: str, tmp_path: Path) -> None:
    """N13: whoever meets a dead connection comes back on another one, at once."""
    wishes = _rows(fault, 30)
    with misbehaving(mode, tmp_path) as simulator:
        ran = run_against(simulator, mode, tmp_path, wishes, concurrency=3)
    assert {row["status"] for row in ran.rows.values()} == {"ok"}
    assert {row["text"] for row in ran.rows.values()} == {TEXT}
    assert len(ran.paid) == len(wishes), "no request that was cut off unread was generated"
    assert {len(row["attempts"]) for row in ran.rows.values()} <= {1, 2}


@pytest.mark.parametrize("mode", SWEPT)
def test_a_run_outlives_a_mixture_of_faults(mode: Mode, tmp_path: Path) -> None:
    names = [
        "reset",
        "cut_chunked",
        "notjson",
        "status=503",
        "status=429",
        "error200",
        "html,status=502",
        "reset_mid_body",
    ]
    faults = dict.fromkeys(names, 0.03) | ({"sse_cut_tool": 0.05, "sse_error": 0.05} if mode.stream else {})
    with misbehaving(mode, tmp_path, faults=faults, seed=5) as simulator:
        ran = run_against(simulator, mode, tmp_path, [""] * 200)
    _whole_and_paid_once(ran, 200)


MIXTURE = {
    "reset": 0.01,
    "reset,paid": 0.01,
    "reset_after_headers": 0.01,
    "reset_mid_body": 0.01,
    "cut_length": 0.01,
    "cut_chunked": 0.01,
    "cut_close": 0.01,
    "notjson": 0.01,
    "empty_body": 0.01,
    "close_after": 0.01,
    "error200": 0.01,
    "html,status=502": 0.01,
    "status=503": 0.01,
    "status=529": 0.01,
    "status=429": 0.01,
    "status=429,retry_after=2": 0.01,
    "status=400": 0.01,
    "refusal": 0.01,
    "max_tokens": 0.01,
    "no_usage": 0.01,
    "drip_headers,gap=0.5": 0.001,
    "drip_body,gap=0.5": 0.001,
    "slow=9": 0.001,
}


@pytest.mark.slow
def test_ten_thousand_requests_with_mixed_faults_end_and_are_all_accounted_for(tmp_path: Path) -> None:
    """G9: no request outlives its deadline, no job is lost, and the ledger has no answer that the results lack."""
    mode, count = MODES[0], 10_000
    began = time.monotonic()
    with misbehaving(mode, tmp_path, questions=count, faults=MIXTURE, seed=9) as simulator:
        ran = run_against(simulator, mode, tmp_path, [""] * count, concurrency=64)
    assert time.monotonic() - began < 400
    assert len(ran.results) == len({row["row_id"] for row in ran.results}) == count
    ended = Counter(row["status"] for row in ran.results)
    assert ended.keys() == {"ok", "truncated", "refused", "error"}
    assert {row["error_kind"] for row in ran.results if row["status"] == "error"} == {"request"}
    assert 50 < ended["error"] < 200, "one in a hundred is refused for good"
    assert all(row["text"] == TEXT for row in ran.results if row["status"] == "ok")
    assert len(ran.ledger) > count * 1.1, "faults were drawn"
    assert len(ran.answers) == count - ended["error"], "each answer that arrived is a result"
    reported = [row for row in ran.results if row["usage_source"] == "reported"]
    booked = [line for line in ran.answers if line["fault"] != "no_usage"]
    for name in ("input_tokens", "output_tokens"):
        assert sum(row[name] for row in reported) == sum(line[name] for line in booked)
    latest = max(attempt["latency_ms"] for row in ran.results for attempt in row["attempts"])
    assert latest <= (DEADLINE_SECONDS + 1) * HASTE * 1000


@pytest.mark.parametrize("mode", SWEPT)
def test_an_outage_is_sat_out_and_on_record(mode: Mode, tmp_path: Path) -> None:
    """H4: no job fails, and the run's folder says when it waited."""
    with misbehaving(mode, tmp_path, outage=(0.0, 0.5)) as simulator:
        ran = run_against(simulator, mode, tmp_path, [""] * 100)
    assert {row["status"] for row in ran.results} == {"ok"}
    assert len(ran.ledger) <= 100 + 100, "few were sent into it"
    lines = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    said = [json.loads(line)["event"] for line in lines]
    assert said == ["the provider fails; waiting until it answers again", "the provider answers again"]


def _whole_and_paid_once(ran: Ran, count: int) -> None:
    assert len(ran.results) == count
    assert {row["status"] for row in ran.results} == {"ok"}
    assert {row["text"] for row in ran.results} == {TEXT}
    assert len(ran.ledger) > count * 1.1, "faults were drawn"
    assert len(ran.answers) == count
    for name in ("input_tokens", "output_tokens"):
        assert sum(row[name] for row in ran.results) == sum(line[name] for line in ran.answers)
    final = sum((row["attempts"][-1]["cost_usd"] for row in ran.results), Decimal(0))
    assert abs(final - sum(line["cost_usd"] for line in ran.answers)) < Decimal("1e-9")


def _label(case: Case) -> str:
    from pipeline.simulator.faults import parse

    return parse(case.wish).label or ""


def _said(row: dict[str, Any]) -> list[str | None]:
    return [attempt["error"] for attempt in row["attempts"]] or [row["error_message"]]
