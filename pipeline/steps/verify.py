"""Verify: a run folder against its own hashes and records, and tidied where only leftovers stand in it."""

from __future__ import annotations

from pathlib import Path

from pipeline.store.folder import read_run
from pipeline.store.run_store import RunStore
from pipeline.store.verify import Finding, verify


def verify_run(folder: Path) -> tuple[list[Finding], int]:
    """What is wrong, and how many leftover files were removed.

    Parts that no manifest lists are what a crash leaves behind; where nothing else is wrong they are removed.
    Raises OutputError when `folder` is no run folder.
    """
    read_run(folder)
    findings = verify(folder)
    if not findings or any(finding.kind != "unlisted" for finding in findings):
        return findings, 0
    with RunStore.open(folder) as store:
        removed = store.recovered.unlisted_parts
    return verify(folder), removed
