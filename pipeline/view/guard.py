"""Who may ask the local server, and what: the browser on this machine, for pages and data of its own, by GET alone.

Other sites in the same browser can send requests to loopback, and can give this address a name of their own (DNS
rebinding): the Host header must name loopback, and data is refused to other sites. Nothing is ever written.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'"
INERT = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The policy of a page that was not made by this server: styled text, without scripts and without this origin."""
_NAMES = ("127.0.0.1", "localhost")


def refusal(method: str, headers: Mapping[str, str], port: int, *, is_data: bool) -> tuple[int, str] | None:
    """Status and reason if a request is not answered."""
    host = headers.get("Host", "").lower()
    if host not in [f"{name}:{port}" for name in _NAMES]:
        return 421, "this server answers to 127.0.0.1 and localhost alone"
    if method not in ("GET", "HEAD"):
        return 405, "only GET is answered"
    origin = headers.get("Origin")
    if origin is not None and origin not in [f"http://{name}:{port}" for name in _NAMES]:
        return 403, "other sites get no answer"
    site = headers.get("Sec-Fetch-Site", "none")
    if site not in ("same-origin", "none") and (is_data or headers.get("Sec-Fetch-Mode") != "navigate"):
        return 403, "other sites get no data"
    return None


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what may not be asked; add the headers that browsers need to know, to errors too."""
    found = refusal(request.method, request.headers, request.app[PORT], is_data=request.path.endswith(".json"))
    if found is not None:
        response: web.StreamResponse = web.Response(status=found[0], text=found[1] + "\n")
    else:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=f"{error.reason}\n")
    for name, value in {"Content-Security-Policy": NOTHING_ALLOWED, **HEADERS}.items():
        response.headers.setdefault(name, value)
    return response


PORT = web.AppKey("port", int)
"""The port that the server listens on."""
