"""Free ports on loopback, and waiting until a server listens on one."""

from __future__ import annotations

import socket
import time


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_until_listening(port: int, *, timeout_seconds: float = 10.0) -> None:
    """Return once a connection is taken; raises TimeoutError when none is in time."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1.0):
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port} after {timeout_seconds:g} s")
