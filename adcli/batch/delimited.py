"""CSV and TSV: blocks of whole records, read fast where they are plain and with care elsewhere.

The fast way is Arrow's reader for the columns that are computed with, and the lines as they
stand for the rest. A block it refuses - a cell that is no number, a record of another length,
a line break inside of quotes - is read record by record, which is what defines the result.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from adcli.batch.rows import RowError, Rows
from adcli.errors import InputError, LimitError

_BLOCK = 1 << 21
_LONGEST_RECORD = 1 << 26
_NUMBER = re.compile(
    r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|inf|infinity|nan)",
    re.ASCII | re.IGNORECASE,
)
_MARK = b"\xef\xbb\xbf"
SEPARATORS = {"csv": ",", "tsv": "\t"}


class Block:
    """Bytes of whole records, and the number of their first line."""

    __slots__ = ("data", "line")

    def __init__(self, data: bytes, line: int) -> None:
        self.data = data
        self.line = line


class DelimitedReader:
    """A CSV or TSV.

    Args:
        stream: the bytes.
        form: "csv" or "tsv".
        as_they_come: whether blocks are the lines that are there, however few.

    Raises:
        InputError: it has no header.
    """

    def __init__(self, stream: BinaryIO, form: str, *, as_they_come: bool = False) -> None:
        self._stream = stream
        self.format = form
        self.separator = SEPARATORS[form]
        self._as_they_come = as_they_come
        self._rest = b""
        self._ended = False
        self.header = self._read_header()
        self.ending = b"\r\n" if self.header.endswith(b"\r\n") else b"\n"
        text = self.header.rstrip(b"\r\n").decode("utf-8", "replace")
        self.names: list[str] = [name.strip() for name in self._cells(text)]

    def _cells(self, record: str) -> list[str]:
        found = list(csv.reader(io.StringIO(record, newline=""), delimiter=self.separator))
        return found[0] if found else []

    def _read_header(self) -> bytes:
        self._fill(1)
        if self._rest.startswith(_MARK):
            self._rest = self._rest[len(_MARK) :]
        end = self._record_end(0)
        header, self._rest = self._rest[:end], self._rest[end:]
        if not header.strip():
            raise InputError("the table is empty: it has no header")
        self._line = 1 + max(1, header.count(b"\n"))
        return header

    def _fill(self, least: int) -> None:
        """Read until there are so many bytes, or no more."""
        pieces = [self._rest]
        size = len(self._rest)
        while size < least and not self._ended:
            piece = self._stream.read1(_BLOCK) if self._as_they_come else self._stream.read(_BLOCK)  # type: ignore[attr-defined]  # buffered
            self._ended = not piece
            pieces.append(piece)
            size += len(piece)
        self._rest = b"".join(pieces)

    def _record_end(self, start: int) -> int:
        """Where the record ends that begins at `start`, behind its line break."""
        quotes, position = 0, start
        while True:
            end = self._rest.find(b"\n", position)
            if end < 0:
                if self._ended:
                    return len(self._rest)
                if len(self._rest) - start > _LONGEST_RECORD:
                    raise _too_long(self._rest[start:], quotes)
                self._fill(len(self._rest) + 1)
                continue
            quotes += self._rest.count(b'"', position, end)
            position = end + 1
            if quotes % 2 == 0:
                return position

    def blocks(self) -> Iterator[Block]:
        """Blocks of whole records."""
        while True:
            if not self._rest or not self._as_they_come:
                self._fill(1 if self._as_they_come else _BLOCK)
            if not self._rest:
                return
            end = len(self._rest) if self._ended else self._last_end()
            if end == 0:
                if len(self._rest) > _LONGEST_RECORD:
                    raise _too_long(self._rest, self._rest.count(b'"'))
                self._fill(len(self._rest) + 1)
                continue
            data, self._rest = self._rest[:end], self._rest[end:]
            yield Block(data, self._line)
            self._line += data.count(b"\n")

    def _last_end(self) -> int:
        """Where the last whole record ends; 0 if there is none."""
        end = self._rest.rfind(b"\n") + 1
        quotes = self._rest.count(b'"', 0, end)
        while end and quotes % 2:
            before = self._rest.rfind(b"\n", 0, end - 1) + 1
            quotes -= self._rest.count(b'"', before, end)
            end = before
        return end

    def decode(self, block: Block, wanted: Sequence[str]) -> Rows:
        """The numbers of a block; its records as they stand."""
        data = block.data.replace(b"\r\n", b"\n") if b"\r" in block.data else block.data
        if not data.endswith(b"\n"):
            data += b"\n"
        return self._fast(data, block.line, wanted) or self._careful(data, block.line, wanted)

    def _fast(self, data: bytes, line: int, wanted: Sequence[str]) -> Rows | None:
        """The block by Arrow's reader; None if it refuses it or lines are no records."""
        generic = [f"c{i}" for i in range(len(self.names))]
        positions = {name: self.names.index(name) for name in wanted}
        chosen = [generic[i] for i in positions.values()]
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(data),
                read_options=arrow_csv.ReadOptions(
                    column_names=generic, use_threads=False, block_size=len(data) + 1
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.separator, ignore_empty_lines=False
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=chosen or generic[:1],
                    column_types={name: pa.float64() for name in chosen}
                    or {generic[0]: pa.string()},
                    null_values=[""],
                    quoted_strings_can_be_null=True,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid:
            return None
        # The line breaks: one before each record, by which records are cut below.
        marks = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(marks == 10)
        if len(ends) != table.num_rows:
            return None
        # An empty line is no record.
        if len(ends) and (ends[0] == 0 or (np.diff(ends) == 1).any()):
            return None
        columns: dict[str, Any] = {}
        errors: dict[int, RowError] = {}
        for name, i in positions.items():
            column = table.column(generic[i]).combine_chunks()
            if column.null_count:
                for row in np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)):
                    errors.setdefault(
                        int(row), RowError(line + int(row), "the cell is blank", name)
                    )
            columns[name] = column.to_numpy(zero_copy_only=False)
        return Rows(table.num_rows, columns, errors, line, (data, ends))

    def _careful(self, data: bytes, line: int, wanted: Sequence[str]) -> Rows:
        """The block record by record."""
        positions = [self.names.index(name) for name in wanted]
        records: list[bytes] = []
        lines: list[int] = []
        errors: dict[int, RowError] = {}
        numbers: list[list[float]] = [[] for _ in wanted]
        for record, first in _records(data, line):
            row = len(records)
            records.append(record)
            lines.append(first)
            text = record.decode("utf-8", "replace")
            cells = self._cells(text) if record.count(b'"') % 2 == 0 else None
            found = [math.nan] * len(wanted)
            if cells is None:
                errors[row] = RowError(first, "a quote is not closed")
            elif len(cells) != len(self.names):
                cells_ = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
                errors[row] = RowError(first, f"{cells_}, but the header has {len(self.names)}")
            else:
                for k, (name, i) in enumerate(zip(wanted, positions, strict=True)):
                    cell = cells[i].strip(" \t")
                    if _NUMBER.fullmatch(cell):
                        found[k] = float(cell)
                    elif row not in errors:
                        message = "not a number" if cell else "the cell is blank"
                        errors[row] = RowError(first, message, name, cells[i])
            for column, number in zip(numbers, found, strict=True):
                column.append(number)
        columns = {
            name: np.array(column, dtype=np.float64)
            for name, column in zip(wanted, numbers, strict=True)
        }
        joined = b"".join(record + b"\n" for record in records)
        sizes = np.array([len(record) + 1 for record in records], dtype=np.int64)
        return Rows(len(records), columns, errors, lines, (joined, np.cumsum(sizes) - 1))

    def table(self, rows: Rows, kept: Any | None) -> Any:
        """All columns: those computed with as doubles, others as text."""
        data, ends = rows.source
        starts = [0, *(ends[:-1] + 1).tolist()]
        cells: list[list[str]] = [[] for _ in self.names]
        chosen = range(rows.count) if kept is None else kept.tolist()
        for row in chosen:
            text = data[starts[row] : ends[row]].decode("utf-8", "replace")
            record = self._cells(text)
            record += [""] * (len(self.names) - len(record))
            for column, cell in zip(cells, record, strict=False):
                column.append(cell)
        arrays = []
        for name, column in zip(self.names, cells, strict=True):
            if name in rows.columns:
                numbers = rows.columns[name] if kept is None else rows.columns[name][kept]
                bad = np.array([row in rows.errors for row in chosen], dtype=bool)
                arrays.append(pa.array(numbers, mask=bad & np.isnan(numbers)))
            else:
                arrays.append(pa.array(column, pa.string()))
        return pa.Table.from_arrays(arrays, names=list(self.names))


def _records(data: bytes, line: int) -> Iterator[tuple[bytes, int]]:
    """Records without their line breaks, and the numbers of their first lines; no empty ones."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        quotes = data.count(b'"', start, end)
        while quotes % 2:
            following = data.find(b"\n", end + 1)
            if following < 0:
                end = len(data) - 1
                break
            quotes += data.count(b'"', end, following)
            end = following
        record = data[start:end]
        if record.strip(b" \t"):
            yield record, line
        line += 1 + record.count(b"\n")
        start = end + 1


def _too_long(data: bytes, quotes: int) -> LimitError:
    hint = "; a quote is not closed" if quotes % 2 else ""
    return LimitError(f"a record of more than {_LONGEST_RECORD:,} bytes{hint}")
