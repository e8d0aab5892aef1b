"""`evalmill view` in a process of its own, and folders of runs for it."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from tests.support.commands import COMMAND, ROOT, environment
from tests.support.stored import results, stored_run


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    address: str
    top: Path
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.address.split(":")[2].strip("/"))

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; the path is sent as it is written here."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in {"Host": f"127.0.0.1:{self.port}", **headers}.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        status, _, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)


def apart(work: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
    """Run async work in a thread: where the browser is, a loop runs already."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, work, *arguments).result()


@contextmanager
def serving(top: Path) -> Iterator[Served]:
    command = [*COMMAND, "view", str(top), "--no-open", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT)
    try:
        assert process.stdout is not None
        yield Served(json.loads(process.stdout.readline())["address"], top, process)
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


async def unfinished(top: Path) -> None:
    """A run of which 30 of 80 jobs are answered."""
    await stored_run(top / "sums" / "r2", results()[:30], finished=False)
