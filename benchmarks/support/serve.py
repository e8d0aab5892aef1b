"""Servers in processes of their own: started on a free port, stopped by their id, asked what they saw."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.support.child import ROOT, child_environment
from benchmarks.support.ports import free_port, wait_until_listening


@dataclass(slots=True)
class Served:
    """A running server, and what it saw once it has stopped."""

    url: str
    saw: dict[str, Any] = field(default_factory=dict)


@contextmanager
def serving(module: str, folder: Path, *options: str) -> Iterator[Served]:
    """Run `python -m module PORT SEEN *options`; `saw` is filled in at the end of the block."""
    port = free_port()
    seen = folder / f"seen-{port}.json"
    command = [sys.executable, "-m", module, str(port), str(seen), *options]
    process = subprocess.Popen(command, cwd=ROOT, env=child_environment())
    served = Served(f"http://127.0.0.1:{port}")
    try:
        wait_until_listening(port)
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    served.saw.update(json.loads(seen.read_text()))


async def until_stopped() -> None:
    """In the server: wait for SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
