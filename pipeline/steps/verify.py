"""Verify: a run folder against its own hashes and records, and tidied where only leftovers stand in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.core.names import printable
from pipeline.store.folder import JUDGES, judge_folders, read_run
from pipeline.store.run_store import RunStore
from pipeline.store.verify import Finding, verify


def verify_run(folder: Path) -> tuple[list[Finding], int]:
    """What is wrong in a run folder and in those of its judges, and how many leftover files were removed.

    Parts that no manifest lists are what a crash leaves behind; where nothing else is wrong they are removed.
    Raises OutputError when `folder` is no run folder.
    """
    found, removed = _verify_one(folder)
    if (folder / JUDGES).is_symlink():
        found.append(Finding(kind="symlink", file=JUDGES, message="is a symlink; nothing behind it was read"))
    for judges in judge_folders(folder):
        inner, more = _verify_one(judges)
        found += [replace(finding, file=f"{JUDGES}/{printable(judges.name)}/{finding.file}") for finding in inner]
        removed += more
    return found, removed


def _verify_one(folder: Path) -> tuple[list[Finding], int]:
    read_run(folder)
    findings = verify(folder)
    if not findings or any(finding.kind != "unlisted" for finding in findings):
        return findings, 0
    with RunStore.open(folder) as store:
        removed = store.recovered.unlisted_parts
    return verify(folder), removed
