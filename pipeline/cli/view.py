"""evalmill view: a local server over all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import note, say, say_json_line


def command(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A folder that holds runs, or a run folder.")] = Path(
        "reports"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> int:
    """Serve runs to the browser of this machine until interrupted: their list, pages and every sample."""
    import signal

    import anyio

    from pipeline.view.server import ViewServer

    async def serve() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with ViewServer(folder, port=port) as server:
                if json:
                    say_json_line({"address": server.address, "folder": str(folder)})
                else:
                    say(server.address)
                    note(f"showing the runs in {folder}; interrupt to stop")
                _flush()
                if not no_open:
                    await anyio.to_thread.run_sync(_open_browser, server.address, abandon_on_cancel=True)
                async for _ in signals:
                    return

    anyio.run(serve)
    return 0


def _open_browser(address: str) -> None:
    import webbrowser

    webbrowser.open(address)


def _flush() -> None:
    import sys

    sys.stdout.flush()
