"""Read CSV and TSV: every value is text exactly as written, every malformed line is refused with its number."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NoReturn, TextIO

import pyarrow as pa

from pipeline.core.errors import DataError
from pipeline.core.names import printable
from pipeline.plan.read_table import MAX_LINE_CHARACTERS, check_columns
from pipeline.plan.sniff import undecodable

_BLOCK_ROWS = 1_000
_BLOCK_CHARACTERS = 16 << 20

# The limit belongs to the whole process; the standard one (128 Ki) is shorter than ordinary documents.
csv.field_size_limit(MAX_LINE_CHARACTERS)


class CsvReader:
    r"""One CSV or TSV file with a header.

    Values are never interpreted: `02139` stays `02139`, `NA` stays `NA`. CSV cannot tell an empty text from a missing
    one; both are the empty text "", so a template renders nothing for them (a null would be an error there).
    Quotes follow RFC 4180 (in TSV too). Blank lines are skipped; line ends may be LF, CRLF or CR, also mixed.
    """

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        """Read the header of `path`; raises DataError."""
        self.path = path
        self._delimiter = delimiter
        header = next(self._records(), None)
        if header is None:
            raise DataError(f"{self._place} holds no header line")
        self._check_header(header)
        self.schema = pa.schema([pa.field(name, pa.string()) for name in header])

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (row number, rows) for rows start..stop; row 0 is the first after the header."""
        records = islice(self._records(), start + 1, None if stop is None else stop + 1)
        while block := _take_block(records):
            arrays = [pa.array(column, pa.string()) for column in zip(*block, strict=True)]
            yield start, pa.RecordBatch.from_arrays(arrays, schema=self.schema)
            start += len(block)

    def _records(self) -> Iterator[list[str]]:
        """All records, the header first, each as wide as the header."""
        width = 0
        line = 0
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(self._lines(file), delimiter=self._delimiter, strict=True)
            try:
                for row in rows:
                    width = width or len(row)
                    if row and len(row) != width:
                        self._refuse_width(len(row), width, line + 1)
                    line = rows.line_num
                    if row:
                        yield row
            except csv.Error as error:
                self._refuse_record(error, line + 1)
            except UnicodeDecodeError as error:
                raise undecodable(self.path) from error
            if width == 1:
                self._refuse_ambiguous_ends(file.newlines)

    def _lines(self, file: TextIO) -> Iterator[str]:
        number = 0
        while text := file.readline(MAX_LINE_CHARACTERS + 1):
            number += 1
            if "\0" in text:
                raise DataError(
                    f"{self._place}:{number}: a NUL byte; the file is binary, or UTF-16 without its mark "
                    "(then: iconv -f UTF-16LE -t UTF-8 FILE > NEW)"
                )
            if len(text) > MAX_LINE_CHARACTERS:
                raise DataError(f"{self._place}:{number}: a line longer than {MAX_LINE_CHARACTERS:,} characters")
            yield text

    def _check_header(self, header: list[str]) -> None:
        check_columns(self.path, header)
        if len(header) > 1:
            return
        for separator, name in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
            if separator in header[0]:
                raise DataError(
                    f"{self._place}: one column only, {printable(header[0])[:100]!r}: the fields seem to be separated "
                    f"by {name}; write the file with {'tabs' if self._delimiter != ',' else 'commas'} between fields"
                )

    def _refuse_width(self, found: int, expected: int, line: int) -> NoReturn:
        advice = "a field that holds the separator needs quotes" if found > expected else "is the line cut short?"
        raise DataError(f"{self._place}:{line}: {found} fields, expected {expected}; {advice}")

    def _refuse_record(self, error: csv.Error, line: int) -> NoReturn:
        reason = str(error)
        if "unexpected end" in reason:
            reason = "the quote opened in this record is never closed"
        elif "field larger" in reason:
            reason = f"a field longer than {MAX_LINE_CHARACTERS:,} characters (is a quote left open?)"
        elif "expected after" in reason:
            reason = "text after a closing quote; a quote inside a quoted field is written twice"
        raise DataError(f"{self._place}:{line}: {reason}") from error

    def _refuse_ambiguous_ends(self, ends: str | tuple[str, ...] | None) -> None:
        if isinstance(ends, tuple) and "\r" in ends:
            raise DataError(
                f"{self._place}: one column, and some lines end in CR only: CR may be text or the end of a row; "
                "write the file with one kind of line end"
            )

    @property
    def _place(self) -> str:
        return printable(str(self.path))


def _take_block(records: Iterator[list[str]]) -> list[list[str]]:
    block: list[list[str]] = []
    characters = 0
    for record in records:
        block.append(record)
        characters += sum(map(len, record))
        if len(block) >= _BLOCK_ROWS or characters >= _BLOCK_CHARACTERS:
            break
    return block
