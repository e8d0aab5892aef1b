"""The local server: loopback alone, GET alone; worker threads read, and stop when nobody waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from aiohttp import web

from pipeline.core.clock import Clock, SystemClock
from pipeline.core.errors import EvalmillError, OutputError, UsageError
from pipeline.report.encode import plain_json
from pipeline.steps.run_list import RunList, comparisons
from pipeline.store.disk import read_regular
from pipeline.view import run_pages
from pipeline.view.address import count_of, query_of
from pipeline.view.explorer import MOST_LINES, Explorers
from pipeline.view.guard import INERT, PORT, guarded
from pipeline.view.run_pages import Made
from pipeline.view.workers import IsDropped, Workers

_HOST = "127.0.0.1"
_SHUTDOWN_SECONDS = 0.25
SEARCH_SECONDS = 1.0
"""How long one request searches; the page asks again for the rest."""
_LINES = 50
_LARGEST_PAGE = 32 * 1024 * 1024


class ViewServer:
    """Serves the runs below a folder, alive inside `async with`."""

    def __init__(
        self,
        top: Path,
        *,
        port: int = 0,
        clock: Clock = SystemClock(),  # noqa: B008
        search_seconds: float = SEARCH_SECONDS,
    ) -> None:
        """Serve the runs below `top`, or the one in it, on `port`; 0 takes any free one.

        Raises OutputError when there is no folder.
        """
        if not top.is_dir():
            raise OutputError(f"{top}: is no folder; name one that holds runs, such as reports, or a run folder")
        self.address = ""
        """`http://127.0.0.1:PORT/`, known inside the context."""
        self._top = top
        self._port = port
        self._clock = clock
        self._runs = RunList(top)
        self._listing = threading.Lock()
        self._explorers = Explorers(clock, search_seconds)
        self._workers = Workers()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen; UsageError when the port is taken."""
        # With its first value pyarrow imports pandas, where there is one: not while somebody waits for a page.
        await self._workers.run(lambda _: pa.scalar(0))
        app = web.Application(middlewares=[guarded])
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, handler_cancellation=True, handle_signals=False
        )
        self._routes(app)
        socket = await self._bound()
        app[PORT] = socket.getsockname()[1]
        await runner.setup()
        self._runner = runner
        await web.SockSite(runner, socket).start()
        self.address = f"http://{_HOST}:{app[PORT]}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; requests that are still worked on are dropped."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _bound(self) -> Any:
        import socket

        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, self._port))
        except OSError as error:
            listening.close()
            raise UsageError(f"cannot listen on {_HOST}:{self._port}: {error.strerror}; try another --port") from error
        return listening

    def _routes(self, app: web.Application) -> None:
        app.router.add_get("/", self._list)
        app.router.add_get("/evaluation", self._evaluation)
        app.router.add_get("/runs/{key:.+}/samples.json", self._samples)
        app.router.add_get("/runs/{key:.+}/row.json", self._row)
        app.router.add_get("/runs/{key:.+}/job.txt", self._whole)
        app.router.add_get("/runs/{key:.+}/status.json", self._status)
        app.router.add_get("/runs/{key:.+}/{page}", self._page)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return await self._made(lambda: run_pages.listing(self._entries(), self._top))

    async def _evaluation(self, request: web.Request) -> web.StreamResponse:
        name = request.query.get("name", "")

        def make() -> Made:
            entries = [entry for entry in self._entries() if entry.evaluation == name]
            if not entries:
                raise OutputError(f"there is no run of {name!r} here")
            return run_pages.evaluation(entries, self._top)

        return await self._made(make)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["page"]
        folder = await self._folder(request)
        if name.startswith("compare"):
            return await self._comparison(folder, name)
        if name not in run_pages.NAMES:
            raise web.HTTPNotFound
        return await self._made(lambda: run_pages.run_page(folder, name, self._clock))

    async def _comparison(self, folder: Path, name: str) -> web.StreamResponse:
        """A page that lies in the run folder, as it is: whoever wrote it, it runs nothing and reaches nothing."""

        def read(_: IsDropped) -> bytes:
            path = comparisons(folder).get(name)
            if path is None:
                raise OutputError(f"there is no {name} in {folder}")
            return read_regular(path, limit=_LARGEST_PAGE)

        try:
            body = await self._workers.run(read)
        except (EvalmillError, OSError) as error:
            return web.Response(status=404, text=f"{error}\n")
        headers = {"Content-Security-Policy": INERT}
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)

    async def _samples(self, request: web.Request) -> web.StreamResponse:
        folder = await self._folder(request)
        try:
            query = query_of(request.query)
            offset, length = count_of(request.query, "offset", 0), count_of(request.query, "length", _LINES)
        except ValueError as error:
            raise web.HTTPBadRequest(reason=_one_line(error)) from error
        return await self._data(
            lambda is_dropped: self._explorers.of(folder).listed(query, offset, min(length, MOST_LINES), is_dropped)
        )

    async def _row(self, request: web.Request) -> web.StreamResponse:
        folder = await self._folder(request)
        job_id = request.query.get("job", "")
        return await self._data(lambda _: self._explorers.of(folder).row(job_id))

    async def _whole(self, request: web.Request) -> web.StreamResponse:
        folder = await self._folder(request)
        job_id = request.query.get("job", "")
        try:
            text = await self._workers.run(lambda _: self._explorers.of(folder).whole(job_id))
        except (EvalmillError, OSError) as error:
            return web.Response(status=503, text=f"{error}\n")
        if text is None:
            raise web.HTTPNotFound
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    async def _status(self, request: web.Request) -> web.StreamResponse:
        folder = await self._folder(request)
        return await self._data(lambda _: run_pages.status(folder, self._clock))

    async def _folder(self, request: web.Request) -> Path:
        """The folder of the run that the address names: one of those that were found, never a path made of it."""
        key = request.match_info["key"]
        if key not in self._runs.folders:
            await self._workers.run(lambda _: self._entries())
        if key not in self._runs.folders:
            raise web.HTTPNotFound
        return self._runs.folders[key]

    def _entries(self) -> Any:
        with self._listing:
            return self._runs.entries()

    async def _made(self, make: Callable[[], Made]) -> web.StreamResponse:
        try:
            made = await self._workers.run(lambda _: make())
        except EvalmillError as error:
            return web.Response(status=404, text=f"{error}\n")
        headers = {"Content-Security-Policy": made.policy}
        return web.Response(text=made.text, content_type="text/html", charset="utf-8", headers=headers)

    async def _data(self, work: Callable[[IsDropped], Any]) -> web.StreamResponse:
        try:
            body = await self._workers.run(lambda is_dropped: plain_json(work(is_dropped)))
        except (EvalmillError, OSError) as error:
            return web.Response(status=503, body=plain_json({"error": str(error)}), content_type="application/json")
        return web.Response(body=body, content_type="application/json")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
