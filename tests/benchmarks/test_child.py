"""Measured processes."""

import os

import pytest

from benchmarks.support.child import BenchmarkFailed, child_environment, measure, python


def test_cpu_memory_and_output_are_those_of_the_process() -> None:
    code = "import time; kept = b'x' * 60_000_000; time.sleep(0.2); print('done')"
    measured = measure(python("-c", code)).require()
    assert measured.stdout == "done\n"
    assert measured.cpu_seconds < measured.wall_seconds + 0.5
    assert 60 < measured.peak_mb < 90


def test_a_failed_process_is_no_measurement() -> None:
    measured = measure(python("-c", "import sys; sys.exit('out of luck')"))
    assert measured.require(1) is measured
    with pytest.raises(BenchmarkFailed, match="out of luck"):
        measured.require()


def test_a_process_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(TimeoutError):
        measure(python("-c", "import time; time.sleep(30)"), timeout_seconds=0.1)


def test_children_keep_byte_code() -> None:
    assert "PYTHONDONTWRITEBYTECODE" not in child_environment({"PYTHONDONTWRITEBYTECODE": "1"})
    assert child_environment({"MORE": "1"}).items() >= {"MORE": "1", "PATH": os.environ["PATH"]}.items()
