"""Rows as text: the records as they came in, and numbers in the shortest form that reads back."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as arrow_csv

from adcli.batch.rows import Rows


def number_texts(numbers: Any, empty: Any | None) -> Any:
    """Numbers as texts; nothing where `empty` says so."""
    return compute.cast(pa.array(numbers, mask=empty), pa.string())


class DelimitedWriter:
    """CSV or TSV.

    Args:
        names: the columns of the input table that are written, [] for none.
        results: the names of the results.
        separator: between cells.
        source: the reader, if it has the same separator: its records are copied then.
        ending: of a line.
    """

    def __init__(
        self,
        names: Sequence[str],
        results: Sequence[str],
        separator: str,
        source: Any | None,
        reader: Any,
    ) -> None:
        self._names = names
        self._results = results
        self._separator = separator
        self._source = source
        self._reader = reader
        self._ending: bytes = source.ending if source is not None else b"\n"

    def head(self) -> bytes:
        """The header."""
        if self._source is not None and self._names:
            first: bytes = self._source.header.rstrip(b"\r\n")
            rest = self._line(list(self._results))
            return first + self._separator.encode() + rest + self._ending
        return self._line([*self._names, *self._results]) + self._ending

    def _line(self, cells: list[str]) -> bytes:
        stream = io.StringIO()
        csv.writer(stream, delimiter=self._separator, lineterminator="").writerow(cells)
        line: str = stream.getvalue()
        return line.encode()

    def encode(
        self, rows: Rows, results: Mapping[str, Any], kept: Any | None, empty: Any | None
    ) -> bytes:
        """Records with their results."""
        columns = [number_texts(column, empty) for column in results.values()]
        if kept is not None:
            columns = [column.take(pa.array(kept)) for column in columns]
        if not self._names:
            # Each begins with a line break, which is taken off the first.
            columns[0] = compute.binary_join_element_wise("\n", _filled(columns[0]), "")
        elif self._source is not None:
            columns.insert(0, _records(rows, kept))
        else:
            table = self._reader.table(rows, kept)
            lines = _written(table, self._separator)
            columns.insert(0, lines)
        joined = compute.binary_join_element_wise(
            *columns, self._separator, null_handling="replace", null_replacement=""
        )
        text = _bytes(joined)[1:]
        text = text + b"\n" if text or len(joined) else b""
        return text.replace(b"\n", self._ending) if self._ending != b"\n" else text


def _filled(column: Any) -> Any:
    return compute.fill_null(column, "")


def _records(rows: Rows, kept: Any | None) -> Any:
    """The records as they stand, each with a line break before it."""
    records = _cut(*rows.source)
    return records if kept is None else records.take(pa.array(kept))


def _cut(data: bytes, ends: Any) -> Any:
    """Lines that end at these places as texts, each with a line break before it and none after."""
    offsets = np.zeros(len(ends) + 1, np.int32)
    offsets[1:] = ends + 1
    buffers = pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"\n" + data)
    return pa.StringArray.from_buffers(len(ends), *buffers)


def _written(table: Any, separator: str) -> Any:
    """The records of a table, each with a line break before it."""
    try:
        data = _csv(table, separator, "none")
    except pa.ArrowInvalid:  # a cell that needs quotes
        data = _csv(table, separator, "needed")
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
    if len(ends) != table.num_rows:  # line breaks inside of cells
        pieces = [_csv(table.slice(i, 1), separator, "needed") for i in range(table.num_rows)]
        data = b"".join(pieces)
        ends = np.cumsum([len(piece) for piece in pieces]) - 1
    return _cut(data, ends)


def _csv(table: Any, separator: str, quoting: str) -> bytes:
    sink = io.BytesIO()
    options = arrow_csv.WriteOptions(
        include_header=False, delimiter=separator, quoting_style=quoting
    )
    arrow_csv.write_csv(table, sink, options)
    return sink.getvalue()


def _bytes(column: Any) -> bytes:
    """The bytes of texts, one behind the other."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not len(column):
        return b""
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, np.int32, len(column) + 1 + column.offset)[column.offset :]
    if data is None:
        return b""
    text: bytes = data.slice(int(places[0]), int(places[-1] - places[0])).to_pybytes()
    return text


class LinesWriter:
    """JSON, an object a line.

    Args:
        names: the columns of the input table that are written, [] for none.
        results: the names of the results.
        source: the reader, if it has lines of JSON: they are copied then.
        reader: the reader.
    """

    def __init__(
        self, names: Sequence[str], results: Sequence[str], source: Any | None, reader: Any
    ) -> None:
        self._names = names
        self._results = results
        self._source = source
        self._reader = reader

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def encode(
        self, rows: Rows, results: Mapping[str, Any], kept: Any | None, empty: Any | None
    ) -> bytes:
        """Objects with their results; null for what is not finite or left empty."""
        chosen = range(rows.count) if kept is None else kept.tolist()
        columns = [column.tolist() for column in results.values()]
        keys = list(results)
        lines = []
        if self._names and self._source is None:
            table = self._reader.table(rows, kept)
            objects = table.to_pylist()
        for k, row in enumerate(chosen):
            is_empty = empty is not None and empty[row]
            made = {
                key: None if is_empty else column[row]
                for key, column in zip(keys, columns, strict=True)
            }
            if not self._names:
                lines.append(orjson.dumps(made))
            elif self._source is None:
                lines.append(orjson.dumps({**objects[k], **made}))
            else:
                before = rows.source[row].rstrip()[:-1].rstrip()
                comma = b"" if before.endswith(b"{") else b","
                lines.append(before + comma + orjson.dumps(made)[1:])
        return b"".join(line + b"\n" for line in lines)
