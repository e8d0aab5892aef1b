"""nginx with one worker as a provider: the same answer to every request, at once or after 200 ms."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.answer import as_text, chat_answer, messages_answer
from benchmarks.support.ports import free_port, wait_until_listening

SLOW_MS = 200
ECHO_MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
"""Debian's libnginx-mod-http-echo; nginx itself cannot wait."""


@dataclass(frozen=True, slots=True)
class NginxServer:
    """A running nginx."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Base address of the provider that answers at once."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def slow_url(self) -> str:
        """Base address of the provider that answers after 200 ms."""
        return f"{self.url}/slow"


def is_installed() -> bool:
    """Whether this machine has nginx and the echo module."""
    return _binary() is not None and ECHO_MODULE.exists()


@contextmanager
def nginx() -> Iterator[NginxServer]:
    """Start nginx in a folder of its own, and stop it by its process id."""
    binary = _binary()
    if binary is None or not ECHO_MODULE.exists():
        raise SystemExit("the benchmarks need Debian's packages nginx-light and libnginx-mod-http-echo")
    with tempfile.TemporaryDirectory(prefix="evalmill-bench-nginx-") as name:
        prefix = Path(name)
        port = free_port()
        (prefix / "nginx.conf").write_text(config(prefix, port))
        process = subprocess.Popen([binary, "-p", name, "-c", str(prefix / "nginx.conf"), "-e", "stderr"])
        try:
            wait_until_listening(port)
            yield NginxServer(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def worker_cpu_seconds(server: NginxServer) -> float:
    """CPU time that nginx's worker has used so far."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == server.pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def config(prefix: Path, port: int) -> str:
    """nginx.conf: no logs, no limit on a connection's requests, both protocols at two speeds."""
    messages, chat = as_text(messages_answer()), as_text(chat_answer())
    return f"""
load_module {ECHO_MODULE};
daemon off;
worker_processes 1;
pid {prefix}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 100000000;
    keepalive_timeout 3600s;
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    client_max_body_size 64m;
    client_body_buffer_size 64k;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /v1/messages {{ return 200 '{_quoted(messages)}'; }}
        location = /v1/chat/completions {{ return 200 '{_quoted(chat)}'; }}
        location = /slow/v1/messages {{ echo_sleep {SLOW_MS / 1000}; echo -n '{_quoted(messages)}'; }}
        location = /slow/v1/chat/completions {{ echo_sleep {SLOW_MS / 1000}; echo -n '{_quoted(chat)}'; }}
    }}
}}
"""


def _quoted(text: str) -> str:
    """Text as it stands in nginx's single quotes; a dollar sign would be a variable."""
    if "$" in text:
        raise ValueError("nginx cannot return a dollar sign")
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _binary() -> str | None:
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


def main() -> None:
    """Serve until interrupted, for trying things by hand."""
    with nginx() as server:
        print(server.url, "and", server.slow_url)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
