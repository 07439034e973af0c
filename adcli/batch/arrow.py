"""Parquet and Arrow IPC, read and written in record batches."""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from adcli.batch import kernels
from adcli.batch.rows import RowError, Rows, fewer
from adcli.batch.sinks import Output
from adcli.batch.vectors import numbers_in, shape_of_list
from adcli.errors import FileError, InputError
from adcli.graph.program import element_names
from adcli.language.files import reason

_ROWS = 65_536
# A block has no more bytes, if a row has no more.
_MOST_BYTES = 1 << 26


class ArrowReader:
    """A Parquet file, or an Arrow IPC file or stream.

    Args:
        stream: the bytes; Parquet and Arrow files must be seekable.
        form: "parquet" or "arrow".
        lists: the inputs of the program, of which columns of lists are vectors, with their
            shapes if they are declared.

    Raises:
        FileError: it is no such file.
    """

    unit = "row"

    def __init__(self, stream: BinaryIO, form: str, lists: Mapping[str, tuple[int, ...]]) -> None:
        self.format = form
        self._size = _ROWS
        try:
            if form == "parquet":
                import pyarrow.parquet as parquet

                file = parquet.ParquetFile(_seekable(stream), pre_buffer=False)
                self.schema = file.schema_arrow
                batches = file.iter_batches(_ROWS)
            else:
                batches, self.schema = _ipc(stream)
            self.names: list[str] = list(self.schema.names)
            chosen = {
                name: lists[name]
                for name, kind in zip(self.names, self.schema.types, strict=True)
                if name in lists and _is_list(kind)
            }
            self._batches, self.vectors = _shapes(iter(batches), self.schema, chosen)
        except _UNREADABLE as error:
            raise _unreadable(error) from None

    def prepare(self, use: str, read: int, made: int) -> None:
        """See `rows.Reader`."""
        self._size = fewer(_ROWS, made)

    def blocks(self) -> Iterator[tuple[Any, int]]:
        """Record batches, each with the number of its first row, counted from 1.

        Raises:
            FileError: the table is broken.
        """
        row = 1
        try:
            for batch in self._batches:
                parts = -(-batch.nbytes // _MOST_BYTES)
                size = max(1, min(self._size, -(-batch.num_rows // max(parts, 1))))
                for start in range(0, batch.num_rows, size):
                    part = batch.slice(start, size)
                    yield part, row
                    row += part.num_rows
        except _UNREADABLE as error:
            raise _unreadable(error) from None

    def nothing(self) -> Rows:
        """No rows."""
        return self.decode((pa.RecordBatch.from_pylist([], schema=self.schema), 1), ())

    def decode(self, block: tuple[Any, int], wanted: Sequence[str]) -> Rows:
        """The numbers of a batch."""
        batch, first = block
        rows = Rows(batch.num_rows, {}, {}, first, table=pa.Table.from_batches([batch]))
        there = set(wanted)
        made: dict[str, Any] = {}
        for place, name in enumerate(self.names):
            labels = element_names(name, self.vectors.get(name, ()))
            if there.isdisjoint(labels):
                continue
            column = kernels.plain(batch.column(place))
            if name in self.vectors:
                numbers = _elements(column, name, self.vectors[name], rows)
                made.update(zip(labels, numbers.T, strict=True))
            else:
                made[name] = _numbers(column, name, rows)
        rows.columns = {name: np.ascontiguousarray(made[name]) for name in wanted}
        return rows


_UNREADABLE = (pa.ArrowException, pa.ArrowMemoryError, OSError, ValueError)


def _unreadable(error: Exception) -> FileError:
    return FileError(f"the table cannot be read: {_line(error)}")


# Names of classes are no words for a reader.
_CLASS = re.compile(r"\b\w+(?:Exception|Error): ")


def _line(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return reason(error)
    return _CLASS.sub("", str(error).partition("\n")[0])


def _seekable(stream: BinaryIO) -> BinaryIO:
    """A stream that can be read from its end, as these formats want: a pipe is read whole."""
    return stream if stream.seekable() else io.BytesIO(stream.read())


def _ipc(stream: BinaryIO) -> tuple[Any, Any]:
    """The batches and schema of an Arrow file or stream."""
    head = stream.read(len(_FILE))
    if stream.seekable():
        stream.seek(-len(head), io.SEEK_CUR)
    else:
        stream = io.BufferedReader(_Resumed(head, stream))
    if head == _FILE:
        file = pa.ipc.open_file(_seekable(stream))
        batches = (file.get_batch(i) for i in range(file.num_record_batches))
        return map(_valid, batches), file.schema
    reader = pa.ipc.open_stream(stream)
    return map(_valid, reader), reader.schema


_FILE = b"ARROW1"


class _Resumed(io.RawIOBase):
    """A stream from the start, of which some was read."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        piece = self._head[: len(into)] or self._stream.read1(len(into))  # type: ignore[attr-defined]  # buffered
        self._head = self._head[len(piece) :] if self._head else b""
        into[: len(piece)] = piece
        return len(piece)


def _valid(batch: Any) -> Any:
    """A batch that was looked at: Arrow believes what its buffers say.

    Raises:
        pa.ArrowInvalid: it is broken.
    """
    batch.validate(full=True)
    return batch


def _is_list(kind: Any) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _shapes(
    batches: Iterator[Any], schema: Any, lists: Mapping[str, tuple[int, ...]]
) -> tuple[Iterator[Any], dict[str, tuple[int, ...]]]:
    """The batches, and the shapes of columns of lists: as declared, or of the first list.

    Raises:
        InputError: a column has no list of numbers in the first rows.
    """
    shapes = {name: shape for name, shape in lists.items() if shape}
    if len(shapes) == len(lists):
        return batches, shapes
    seen = []
    for batch in batches:
        seen.append(batch)
        if batch.num_rows:
            break
    for name in lists:
        if name in shapes:
            continue
        first = seen[-1].column(schema.names.index(name))[:_LOOKED_AT] if seen else []
        shape = next(filter(None, (shape_of_list(value.as_py()) for value in first)), ())
        if not shape:
            raise InputError(f"column '{name}' begins with no list of numbers")
        shapes[name] = shape
    return itertools.chain(seen, batches), shapes


# Rows in which the shape of a vector is looked for.
_LOOKED_AT = 1000


def _numbers(column: Any, name: str, rows: Rows) -> Any:
    """The numbers of a column, (rows,); nulls are errors.

    Raises:
        InputError: it does not hold numbers.
    """
    kind = column.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not (is_number or pa.types.is_boolean(kind) or pa.types.is_null(kind)):
        raise InputError(f"column '{name}' holds {kind}, not numbers")
    if pa.types.is_decimal(kind):  # by way of its digits: the cast rounds twice
        column = kernels.cast(column, pa.string())
    numbers = kernels.cast(column, pa.float64(), safe=False)
    if numbers.null_count:
        for row in np.flatnonzero(kernels.is_null(numbers)).tolist():
            rows.errors.setdefault(row, RowError(rows.line(row), "the value is null", name, "null"))
    return numbers.to_numpy(zero_copy_only=False)


def _elements(column: Any, name: str, shape: tuple[int, ...], rows: Rows) -> Any:
    """The numbers of a column of lists, (rows, elements); lists of another shape are errors."""
    if len(shape) == 1 and not column.null_count and (kernels.lengths(column) == shape[0]).all():
        flat = column.flatten()  # of a slice, its own values only
        if not flat.null_count:
            numbers = kernels.cast(flat, pa.float64(), safe=False)
            return numbers.to_numpy(zero_copy_only=False).reshape(len(column), shape[0])
    made = np.full((len(column), math.prod(shape)), math.nan)
    for row, value in enumerate(column.to_pylist()):
        numbers, message = numbers_in(value, shape)
        if numbers is not None:
            made[row] = numbers
        else:
            message = "the value is null" if value is None else message
            rows.errors.setdefault(row, RowError(rows.line(row), message, name, str(value)))
    return made


class ArrowEncoder:
    """Rows with their results as Arrow tables.

    Args:
        names: the columns of the input table that are written, [] for none.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def head(self) -> bytes:
        """Nothing: the schema is that of the first table."""
        return b""

    def encode(
        self, rows: Rows, results: Mapping[str, Any], kept: Any | None, empty: Any | None
    ) -> Any:
        """A table; columns that were there keep their types, and what was said of them."""
        chosen = None if kept is None else pa.array(kept)
        arrays: list[Any] = []
        schema = pa.schema([])
        if self._names:
            assert rows.table is not None
            arrays += rows.taken(chosen)
            schema = rows.table.schema
        for name, numbers in results.items():
            schema = schema.append(pa.field(name, pa.float64()))
            arrays.append(kernels.taken(pa.array(numbers, mask=empty), chosen))
        return pa.Table.from_arrays(arrays, schema=schema)


class ArrowSink:
    """Writes tables to a stream, in Parquet or as an Arrow stream or file.

    Args:
        stream: where the bytes go.
        form: "parquet" or "arrow".
        is_file: whether Arrow is to be in the format of files, which has an index.
    """

    def __init__(self, stream: Output, form: str, *, is_file: bool) -> None:
        self._stream = _Gate(stream)
        self._form = form
        self._is_file = is_file
        self._writer: Any = None
        self._waiting: list[Any] = []

    def write(self, table: Any) -> None:
        """Write a table; the first says which columns there are.

        Raises:
            InputError: the format has no such columns.
        """
        if self._form == "parquet":
            # Each table becomes a group of rows, of which there is an index at the end.
            self._waiting.append(table)
            rows = sum(part.num_rows for part in self._waiting)
            if rows < _ROWS and sum(part.nbytes for part in self._waiting) < _MOST_BYTES:
                return
            table = self._gathered()
        elif self._is_file:
            table = _undivided(table)
        self._write(table)

    def _gathered(self) -> Any:
        """The tables that wait as one."""
        table = pa.concat_tables(self._waiting)
        self._waiting.clear()
        return table

    def _write(self, table: Any) -> None:
        try:
            if self._writer is None:
                self._writer = self._open(table.schema)
            self._writer.write_table(table)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise InputError(f"{self._form} cannot have such a table: {_line(error)}") from None

    def _open(self, schema: Any) -> Any:
        if self._form == "parquet":
            import pyarrow.parquet as parquet

            return parquet.ParquetWriter(self._stream, schema)
        new = pa.ipc.new_file if self._is_file else pa.ipc.new_stream
        return new(self._stream, schema)

    def finish(self, empty: Any) -> None:
        """End the table; of no rows there is one with columns only."""
        if self._waiting:
            self._write(self._gathered())
        if self._writer is None:
            self._write(_undivided(empty) if self._form == "arrow" and self._is_file else empty)
        self._writer.close()

    def abort(self) -> None:
        """Write nothing more: what is there is not to look like a whole table."""
        self._stream.is_open = False
        if self._writer is not None:
            self._writer.close()


def _undivided(table: Any) -> Any:
    """A table without dictionaries: in an Arrow file they cannot change from batch to batch."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            kind = field.type.value_type
            column = kernels.cast(table.column(place), kind)
            table = table.set_column(place, field.with_type(kind), column)
    return table


class _Gate(io.RawIOBase):
    """A stream that can be shut for what a library writes when it gives up."""

    def __init__(self, stream: Output) -> None:
        super().__init__()
        self._stream = stream
        self._size = 0
        self.is_open = True

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if self.is_open:
            self._stream.write(data)
            self._size += size
        return size
