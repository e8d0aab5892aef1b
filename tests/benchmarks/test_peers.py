"""What is said of a tool, measured or not."""

from benchmarks.peers import figures_of, without_places
from benchmarks.sdk_like import pause_seconds
from benchmarks.support.child import Measured

OURS = Measured(exit_code=0, wall_seconds=2, cpu_seconds=1, peak_mb=200, stdout="", stderr="")
OTHER = Measured(exit_code=0, wall_seconds=8, cpu_seconds=4, peak_mb=300, stdout="", stderr="")


def test_a_tool_is_compared_in_pace_cpu_and_memory() -> None:
    figures = figures_of("other 1.0", OTHER, OURS, 1000)
    assert [(figure.unit, figure.value, figure.ratio) for figure in figures] == [
        ("jobs/s", 125, 0.25),
        ("CPU ms/job", 4, 4),
        ("MB", 300, 1.5),
    ]


def test_a_tool_that_did_not_run_says_why() -> None:
    (figure,) = figures_of("other 1.0", "not installed: no npm", OURS, 1000)
    assert figure.value is None
    assert figure.note == "not installed: no npm"


def test_reasons_name_no_hosts_and_folders() -> None:
    said = "Error: HTTPSConnectionPool(host='f.example', port=443): see https://f.example/x in /srv/a/b.py and/or ask"
    assert without_places(said) == "Error: HTTPSConnectionPool(host=…, port=443): see … in … and/or ask"


def test_the_sdks_wait_half_a_second_and_longer_each_time() -> None:
    assert [pause_seconds(retries, 0) for retries in range(6)] == [0.5, 1, 2, 4, 8, 8]
    assert pause_seconds(0, 1) == 0.375
