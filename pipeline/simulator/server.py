"""The HTTP server on loopback: reads requests, waits the latency, books, has the reply delivered."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from aiohttp import web

from pipeline.core.clock import Clock, SystemClock
from pipeline.core.errors import UsageError
from pipeline.simulator import profiles
from pipeline.simulator.asking import Route
from pipeline.simulator.delivery import Delivery
from pipeline.simulator.exchange import Exchange
from pipeline.simulator.ledger import Booking, Entry, Ledger
from pipeline.simulator.options import Options
from pipeline.simulator.replies import Reply

_HOST = "127.0.0.1"
_LARGEST_BODY = 32 * 1024 * 1024
_BACKLOG = 2_048
_SHUTDOWN_SECONDS = 0.25
_GREETING = (
    "evalmill simulator: a made-up provider on this machine, profile {profile}, seed {seed}. "
    "No model is behind it, and its answers cost nothing.\n"
)


class Simulator:
    """A provider on loopback, alive inside `async with`; stopping it drops requests that are still waiting."""

    def __init__(self, options: Options, *, port: int = 0, clock: Clock = SystemClock()) -> None:  # noqa: B008
        """Play `options` on `port`; 0 takes any free one."""
        self.base_url = ""
        """`http://127.0.0.1:PORT`, known inside the context; OpenAI clients append /v1."""
        self.ledger = Ledger()
        self._options = options
        self._port = port
        self._clock = clock
        self._exchange = Exchange(options, clock)
        self.limits = self._exchange.limits
        """The token buckets, with the count of what they refused."""
        self._delivery = Delivery(clock)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen (UsageError when the port is taken, OutputError when the ledger cannot be opened)."""
        self.ledger = Ledger(self._options.ledger_path)
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, _HOST, self._port, backlog=_BACKLOG).start()
        except OSError as error:
            await self.__aexit__(None, None, None)
            raise UsageError(f"cannot listen on {_HOST}:{self._port}: {error}; choose another port") from error
        self.base_url = f"http://{_HOST}:{runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and close the ledger."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.ledger.close()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST_BODY)
        prefixes = ["", "/anthropic"] if profiles.find(self._options.profile).anthropic_prefix else [""]
        for prefix in prefixes:
            app.router.add_post(f"{prefix}/v1/messages", self._messages)
            app.router.add_post(f"{prefix}/v1/messages/count_tokens", self._count_tokens)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/v1/models/{model_id:.+}", self._model)
        app.router.add_get("/", self._greeting)
        app.router.add_route("*", "/{path:.*}", self._missing)
        return app

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        return await self._generate("messages", request)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._generate("chat", request)

    async def _generate(self, route: Route, request: web.Request) -> web.StreamResponse:
        doomed = self._delivery.cut_if_doomed(request)
        if doomed is not None:
            return doomed
        raw = await _read(request)
        if raw is None:
            self.ledger.book(Entry(model=None, key=None, status=413))
            return await self._too_large()
        reply = self._exchange.generate(route, request.headers, raw)
        if reply.wait_seconds > 0:
            await self._clock.sleep(reply.wait_seconds)
        booking = self._book(reply)
        try:
            response, whole = await self._delivery.send(request, reply, partial(self._exchange.begun, reply))
        finally:
            self._exchange.finished(reply)
        if whole and booking is not None:
            self.ledger.delivered(booking)
        return response

    def _book(self, reply: Reply) -> Booking | None:
        if reply.entry is None:
            return None
        return self.ledger.book(replace(reply.entry, fault=reply.directives.label))

    async def _count_tokens(self, request: web.Request) -> web.StreamResponse:
        raw = await _read(request)
        if raw is None:
            return await self._too_large()
        return _response(self._exchange.count_tokens(request.headers, raw))

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return _response(self._exchange.models(request.headers, request.query))

    async def _model(self, request: web.Request) -> web.StreamResponse:
        return _response(self._exchange.model(request.headers, request.match_info["model_id"]))

    async def _greeting(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=_GREETING.format(profile=self._options.profile, seed=self._options.seed))

    async def _missing(self, request: web.Request) -> web.StreamResponse:
        return _response(self._exchange.refuse(404, f"Not found: {request.method} {request.path}"))

    async def _too_large(self) -> web.StreamResponse:
        return _response(self._exchange.refuse(413, f"Request exceeds the maximum size of {_LARGEST_BODY} bytes"))


async def _read(request: web.Request) -> bytes | None:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return None


def _response(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status, body=reply.body, headers={**reply.headers, "Content-Type": reply.content_type}
    )
