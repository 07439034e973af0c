"""CSV and TSV: blocks of whole records, read fast where they are plain and with care elsewhere.

The fast way is Arrow's reader. A block it refuses, because a record has another length, is read
record by record, which is what defines the result.
"""

from __future__ import annotations

import csv
import io
import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from adcli.batch import kernels, records
from adcli.batch.formats import SEPARATORS
from adcli.batch.records import Records
from adcli.batch.rows import COPIED, TYPED, RowError, Rows, shown
from adcli.batch.source import Block, Source
from adcli.errors import InputError, LimitError

_LONGEST_RECORD = 1 << 26
_NUMBER_TEXT = r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|(?i:inf|infinity|nan))"
_NUMBER = re.compile(_NUMBER_TEXT, re.ASCII)

csv.field_size_limit(_LONGEST_RECORD)  # a cell may be as long as its record


class DelimitedReader:
    """A CSV or TSV.

    Args:
        stream: the bytes.
        form: "csv" or "tsv".
        as_they_come: whether blocks are the lines that are there, however few.

    Attributes:
        header: the first record, without its line break.
        ending: its line break.

    Raises:
        InputError: it has no header.
    """

    def __init__(self, stream: BinaryIO, form: str, *, as_they_come: bool = False) -> None:
        self.format = form
        self.separator = SEPARATORS[form]
        self.unit = "line"
        self.vectors: dict[str, tuple[int, ...]] = {}
        self._use = COPIED
        self._source = Source(stream, _LONGEST_RECORD, self._too_long, as_they_come=as_they_come)
        self.header, self.ending = self._read_header()
        self.names = [name.strip() for name in cells(_text(self.header), self.separator)]

    def _read_header(self) -> tuple[bytes, bytes]:
        while True:
            header = self._first_record()
            text = header.rstrip(b"\r\n")
            if text.strip():
                return text, header[len(text) :] or records.LF
            if text or not header:  # an empty line is no record
                raise InputError("the table is empty: it has no header")

    def _first_record(self) -> bytes:
        """The next bytes up to the end of a record; none where the table ends."""
        data = self._source.peek()
        end = records.first_end(data, self.separator)
        while not end and not self._source.ended:
            self._source.more()
            data = self._source.peek()
            end = records.first_end(data, self.separator)
        if not end and not self._is_whole(data.rstrip(b"\r\n")):
            raise InputError("the header has a quote that is not closed")
        return self._source.take(end or len(data)).data

    def _too_long(self, data: bytes) -> LimitError:
        hint = "" if self._is_whole(data) else "; a quote is not closed"
        return LimitError(f"a record of more than {_LONGEST_RECORD:,} bytes{hint}")

    def prepare(self, use: str, read: int, made: int) -> None:
        """See `rows.Reader`."""
        self._use = use
        self._source.prepare(read, made)

    def blocks(self) -> Iterator[Block]:
        """Blocks of whole records.

        Raises:
            LimitError: a record is longer than anybody's.
        """
        return self._source.blocks(lambda data: records.last_end(data, self.separator))

    def decode(self, block: Block, wanted: Sequence[str]) -> Rows:
        """The numbers of a block; its records as they stand, or a table of its cells."""
        data = block.data
        found = records.cut(data, self.separator, self.ending, block.line)
        # Only a last record can have a quote that is not closed: it goes on to the end.
        is_open = b'"' in data and len(found) and not self._is_whole(found[len(found) - 1])
        # A mark of the encoding in the middle of a text is none, but to Arrow.
        is_plain = not is_open and not data.startswith(BOM_UTF8)
        fast = self._fast(data, found, wanted) if is_plain else None
        return fast or self._careful(found, wanted)

    def nothing(self) -> Rows:
        """No rows."""
        return self._careful(Records(b"", np.zeros(1, np.int64), self.ending, 1), ())

    def _fast(self, data: bytes, found: Records, wanted: Sequence[str]) -> Rows | None:
        """The block by Arrow's reader; None if it refuses it."""
        places = {name: f"c{self.names.index(name)}" for name in wanted}
        every = [f"c{i}" for i in range(len(self.names))]
        try:
            table = self._read(data, every, list(places.values()))
            texts = None if self._use == COPIED else self._arrow(data, every, every, pa.string())
            if table.num_rows != len(found):
                return None
            rows = Rows(len(found), {}, {}, found.lines, found)
            for name, place in places.items():
                rows.columns[name] = _numbers(table.column(place).combine_chunks(), name, rows)
        except pa.ArrowInvalid:
            return None
        if b"(" in data and any(np.isnan(column).any() for column in rows.columns.values()):
            return None  # it may be nan(1), which is a number to Arrow only
        if texts is not None:
            rows.table = self._table(texts.columns, rows)
        return rows

    def _read(self, data: bytes, every: list[str], chosen: list[str]) -> Any:
        """Some columns as doubles; as text if not all cells are numbers."""
        try:
            return self._arrow(data, every, chosen, pa.float64())
        except pa.ArrowInvalid:
            return self._arrow(data, every, chosen, pa.string())

    def _arrow(self, data: bytes, every: list[str], chosen: list[str], kind: Any) -> Any:
        """Some columns as one type; without any, the first as bytes, for their number."""
        kinds = dict.fromkeys(chosen, kind) or {every[0]: pa.binary()}
        return arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(
                column_names=every, use_threads=False, block_size=len(data) + 1
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.separator, newlines_in_values=b'"' in data
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(kinds),
                column_types=kinds,
                null_values=[""],
                quoted_strings_can_be_null=True,
                strings_can_be_null=False,
            ),
        )

    def _careful(self, found: Records, wanted: Sequence[str]) -> Rows:
        """The block record by record."""
        places = [self.names.index(name) for name in wanted]
        rows = Rows(len(found), {}, {}, found.lines, found)
        numbers: list[list[float]] = [[] for _ in wanted]
        texts: list[list[str]] = []
        mended: dict[int, bytes] = {}
        for row in range(len(found)):
            record = found[row]
            text = _text(record)
            row_cells = cells(text, self.separator)
            error = self._malformed(rows.line(row), record, row_cells)
            if error is not None:
                rows.errors[row] = error
                # So that what comes behind it stays in its column.
                blank = [""] * (len(self.names) - len(row_cells))
                row_cells = [*row_cells, *blank][: len(self.names)]
                mended[row] = written(row_cells, self.separator).encode("utf-8", "surrogateescape")
            numbers_of = (_number(row_cells[place]) for place in places)
            for name, place, column, number in zip(
                wanted, places, numbers, numbers_of, strict=True
            ):
                column.append(math.nan if number is None else number)
                if number is None and row not in rows.errors:
                    rows.errors[row] = _no_number(rows.line(row), name, row_cells[place])
            texts.append(row_cells)
        for name, column in zip(wanted, numbers, strict=True):
            rows.columns[name] = np.array(column, dtype=np.float64)
        rows.source = found.replaced(mended)
        if self._use != COPIED:
            self._check_texts(texts, rows)
            columns = [[row_cells[i] for row_cells in texts] for i in range(len(self.names))]
            rows.table = self._table([pa.array(column, pa.string()) for column in columns], rows)
        return rows

    def _is_whole(self, record: bytes) -> bool:
        return records.is_whole(record, self.separator)

    def _malformed(self, line: int, record: bytes, found: list[str]) -> RowError | None:
        """What is wrong with a record as a whole."""
        if b'"' in record and not self._is_whole(record):
            message = "a quote is not closed"
        elif len(found) != len(self.names):
            count = "1 cell" if len(found) == 1 else f"{len(found)} cells"
            message = f"{count}, but the header has {len(self.names)}"
        else:
            return None
        return RowError(line, message, text=_text(record))

    def _check_texts(self, texts: list[list[str]], rows: Rows) -> None:
        """Note the rows with cells that are no text in UTF-8, which other formats cannot hold."""
        for row, row_cells in enumerate(texts):
            for i, cell in enumerate(row_cells):
                if not cell.isascii() and _is_broken(cell):
                    error = RowError(rows.line(row), "the cell is not UTF-8", self.names[i], cell)
                    rows.errors.setdefault(row, error)
                    row_cells[i] = shown(cell)

    def _table(self, texts: Sequence[Any], rows: Rows) -> Any:
        """All columns as text; if types are asked for, those computed with as doubles."""
        columns = list(texts)
        if self._use == TYPED:
            bad = np.zeros(rows.count, bool)
            bad[list(rows.errors)] = True
            for name, numbers in rows.columns.items():
                mask = bad & np.isnan(numbers)
                columns[self.names.index(name)] = pa.array(numbers, mask=mask)
        return pa.Table.from_arrays(columns, names=self.names)


def cells(record: str, separator: str) -> list[str]:
    """The cells of a record."""
    found = list(csv.reader(io.StringIO(record, newline=""), delimiter=separator))
    return found[0] if found else []


def written(row_cells: Sequence[str], separator: str) -> str:
    """A record of cells, with quotes where they are needed, without a line break."""
    stream = io.StringIO(newline="")
    # Cells with a line break get quotes because it is in the terminator.
    csv.writer(stream, delimiter=separator, lineterminator="\r\n").writerow(row_cells)
    return stream.getvalue().removesuffix("\r\n")


def _text(record: bytes) -> str:
    """A record as text that keeps its bytes, also those that are no UTF-8."""
    return record.decode("utf-8", "surrogateescape")


def _is_broken(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _numbers(column: Any, name: str, rows: Rows) -> Any:
    """A column of doubles, (rows,); nan and an error where a cell is none.

    Raises:
        pa.ArrowInvalid: a number that Arrow does not read.
    """
    if pa.types.is_string(column.type):
        cells_ = kernels.trimmed(column, " \t")
        good = kernels.matches(cells_, rf"\A{_NUMBER_TEXT}\z")
        numbers = kernels.cast(kernels.only(cells_, good), pa.float64())
    else:
        numbers = column
    bad = np.flatnonzero(kernels.is_null(numbers)).tolist() if numbers.null_count else []
    for row in bad:
        cell = column[row].as_py() or ""
        rows.errors.setdefault(row, _no_number(rows.line(row), name, cell))
    return numbers.to_numpy(zero_copy_only=False)


def _no_number(line: int, name: str, cell: str) -> RowError:
    message = "not a number" if cell.strip(" \t") else "the cell is blank"
    return RowError(line, message, name, cell)


def _number(cell: str) -> float | None:
    """The number in a cell; None if it is none."""
    stripped = cell.strip(" \t")
    return float(stripped) if _NUMBER.fullmatch(stripped) else None
