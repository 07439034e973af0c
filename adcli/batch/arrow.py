"""Parquet and Arrow IPC, read and written in record batches."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from adcli.batch.rows import RowError, Rows
from adcli.errors import InputError

_ROWS = 65_536


class ArrowReader:
    """A Parquet file, or an Arrow IPC file or stream.

    A column of lists of one length is a vector, whose elements are columns: x[1], x[2], ...

    Args:
        stream: the bytes; Parquet and Arrow files must be seekable.
        form: "parquet" or "arrow".

    Raises:
        InputError: it is no such file.
    """

    def __init__(self, stream: BinaryIO, form: str) -> None:
        self.format = form
        try:
            if form == "parquet":
                stream = _seekable(stream)
                file = parquet.ParquetFile(stream)
                self.schema = file.schema_arrow
                self._batches = file.iter_batches(_ROWS)
            else:
                self._batches, self.schema = _ipc(stream)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(f"the table cannot be read: {_first_line(error)}") from None
        self.names: list[str] = list(self.schema.names)

    def blocks(self) -> Iterator[tuple[Any, int]]:
        """Record batches, each with the number of its first row, counted from 1."""
        row = 1
        try:
            for batch in self._batches:
                for start in range(0, batch.num_rows, _ROWS):
                    part = batch.slice(start, _ROWS)
                    yield part, row
                    row += part.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"the table cannot be read: {_first_line(error)}") from None

    def decode(self, block: tuple[Any, int], wanted: Sequence[str]) -> Rows:
        """The numbers of a batch."""
        batch, first = block
        columns: dict[str, Any] = {}
        errors: dict[int, RowError] = {}
        for name in wanted:
            column = batch.column(self.names.index(name))
            try:
                numbers = compute.cast(column, pa.float64(), safe=False)
            except pa.ArrowException:
                raise InputError(f"column '{name}' holds {column.type}, not numbers") from None
            for row in np.flatnonzero(numbers.is_null().to_numpy(zero_copy_only=False)):
                error = RowError(first + int(row), "the value is null", name, "null")
                errors.setdefault(int(row), error)
            columns[name] = np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
        return Rows(batch.num_rows, columns, errors, first, batch)

    def table(self, rows: Rows, kept: Any | None) -> Any:
        """The rows with all columns."""
        table = pa.Table.from_batches([rows.source])
        return table if kept is None else table.take(pa.array(kept))


def _seekable(stream: BinaryIO) -> BinaryIO:
    """A stream that can be read from its end, as these formats want: a pipe is read whole."""
    return stream if stream.seekable() else io.BytesIO(stream.read())


def _ipc(stream: BinaryIO) -> tuple[Any, Any]:
    """The batches and schema of an Arrow file or stream."""
    head = stream.peek(6)[:6] if hasattr(stream, "peek") else b""
    if head == b"ARROW1":
        file = pa.ipc.open_file(_seekable(stream))
        return (file.get_batch(i) for i in range(file.num_record_batches)), file.schema
    reader = pa.ipc.open_stream(stream)
    return iter(reader), reader.schema


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


class ArrowEncoder:
    """Rows with their results as Arrow tables."""

    def __init__(self, names: Sequence[str], reader: Any) -> None:
        self._names = names
        self._reader = reader

    def head(self) -> bytes:
        """Nothing: the schema is that of the first table."""
        return b""

    def encode(
        self, rows: Rows, results: Mapping[str, Any], kept: Any | None, empty: Any | None
    ) -> Any:
        """A table."""
        columns = {}
        if self._names:
            table = self._reader.table(rows, kept)
            columns = {name: table.column(i) for i, name in enumerate(table.column_names)}
        for name, numbers in results.items():
            column = pa.array(numbers, mask=empty)
            columns[name] = column if kept is None else column.take(pa.array(kept))
        return pa.table(columns)


class ArrowSink:
    """Writes tables to a stream, in Parquet or as an Arrow stream or file."""

    def __init__(self, stream: BinaryIO, form: str, *, is_file: bool) -> None:
        self._stream = stream
        self._form = form
        self._is_file = is_file
        self._writer: Any = None

    def write(self, table: Any) -> None:
        """Write a table; the first says which columns there are."""
        if self._writer is None:
            self._writer = self._open(table.schema)
        self._writer.write_table(table.cast(self._schema))

    def _open(self, schema: Any) -> Any:
        self._schema = schema
        if self._form == "parquet":
            return parquet.ParquetWriter(self._stream, schema)
        new = pa.ipc.new_file if self._is_file else pa.ipc.new_stream
        return new(self._stream, schema)

    def close(self, empty: Any) -> None:
        """Finish; of no rows there is a table with columns only."""
        if self._writer is None:
            self.write(empty)
        self._writer.close()
