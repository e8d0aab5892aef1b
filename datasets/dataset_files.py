"""The command line of the scripts that make datasets: write the files, or compare those on disk with what is made."""

from __future__ import annotations

import argparse
import csv
import io
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
Same = Callable[[bytes, bytes], bool]
FOLDER = Path(__file__).parent


def run(files: Mapping[str, bytes], *, same: Same = operator.eq) -> int:
    """Write `files` (by path below the folder) and print their sha256, or with --check say which differs; exit code.

    `same` decides whether a file on disk is what was made, where equal bytes are too much to ask.
    """
    parser = argparse.ArgumentParser(description="Write the files of a dataset, or check them.")
    parser.add_argument("--check", action="store_true", help="compare the files with what is made, write nothing")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="another place for the files")
    arguments = parser.parse_args()
    if arguments.check:
        return _check(files, arguments.folder, same)
    for name, content in files.items():
        path = arguments.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(sha256(content).hexdigest(), name)
    return 0


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """Rows as CSV: UTF-8, LF line ends, quotes where needed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def jsonl_bytes(rows: Sequence[Row]) -> bytes:
    """Rows as JSON Lines, Korean as it is."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _check(files: Mapping[str, bytes], folder: Path, same: Same) -> int:
    for name, content in files.items():
        path = folder / name
        if not path.is_file():
            print(f"{path} is missing; run this script without --check to write it")
            return 1
        if not same(path.read_bytes(), content):
            print(f"{path} is not what the script gives")
            return 1
    print(f"{len(files)} files as the script gives them")
    return 0
