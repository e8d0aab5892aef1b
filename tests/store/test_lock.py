from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.core.errors import OutputError
from pipeline.store.lock import Holder, RunLock, holder, refuse_held
from tests.support.store import STAMP

HOLD = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
print("held", flush=True)
input()
"""


def test_a_second_opener_is_refused_at_once_and_told_who_holds_it(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path, now=STAMP)
    before = (tmp_path / "lock").read_bytes()
    started = time.monotonic()
    with pytest.raises(OutputError, match=f"in use by pid {os.getpid()} on .+ since 2026-11-22T10:00:00") as refused:
        RunLock.take(tmp_path, now=STAMP)
    assert time.monotonic() - started < 1
    assert refused.value.exit_code == 73
    assert (tmp_path / "lock").read_bytes() == before
    lock.release()
    lock.release()
    RunLock.take(tmp_path, now=STAMP).release()


def test_a_held_folder_is_refused_without_being_opened_for_writing(tmp_path: Path) -> None:
    refuse_held(tmp_path)
    refuse_held(tmp_path / "nowhere")
    lock = RunLock.take(tmp_path, now=STAMP)
    with pytest.raises(OutputError, match=f"in use by pid {os.getpid()} on .+ since 2026-11-22T10:00:00"):
        refuse_held(tmp_path)
    lock.release()
    refuse_held(tmp_path)


def test_the_lock_is_free_as_soon_as_its_holder_is_killed(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("pid 1 on elsewhere\x1b[2J\n")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(OutputError, match=r"pid 1 on elsewhere\\x1b\[2J"):
            RunLock.take(tmp_path, now=STAMP)
        holder.kill()
        holder.wait()
    RunLock.take(tmp_path, now=STAMP).release()


def test_a_lock_that_is_a_symlink_is_refused_and_its_target_unchanged(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("keep")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(OutputError, match="cannot be opened"):
        RunLock.take(tmp_path, now=STAMP)
    assert target.read_text() == "keep"


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        RunLock.take(tmp_path / "nowhere", now=STAMP)


def test_the_holder_is_found_without_touching_the_lock(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    lock = RunLock.take(tmp_path, now=STAMP)
    before = (tmp_path / "lock").stat()
    assert holder(tmp_path) == Holder(pid=os.getpid(), since=STAMP.replace(microsecond=0))
    assert (tmp_path / "lock").stat() == before
    lock.release()
    assert holder(tmp_path) is None


def test_a_holder_that_has_not_said_who_it_is_is_found_by_its_process(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path, now=STAMP)
    (tmp_path / "lock").write_text("")
    assert holder(tmp_path) == Holder(pid=os.getpid())
    lock.release()


def test_without_the_kernels_list_a_process_counts_that_lives_on_this_machine(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    lock = RunLock.take(tmp_path, now=STAMP)
    assert holder(tmp_path, locks=nowhere) == Holder(pid=os.getpid(), since=STAMP.replace(microsecond=0))
    lock.release()
    text = (tmp_path / "lock").read_text()
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    for other in (text.replace(" on ", " on another-"), text.replace(str(os.getpid()), str(gone.pid)), "", "pid x"):
        (tmp_path / "lock").write_text(other)
        assert holder(tmp_path, locks=nowhere) is None
