"""`python -m pipeline.cli` is the command `evalmill`."""

from __future__ import annotations

from pipeline.cli.entry import main

if __name__ == "__main__":
    main()
