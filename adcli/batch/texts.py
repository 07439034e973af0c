"""Rows as text: the records as they came in, and numbers in the shortest form that reads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from adcli.batch import kernels
from adcli.batch.delimited import written
from adcli.batch.rows import Rows
from adcli.batch.values import to_json
from adcli.batch.vectors import expanded

# What is written, piece by piece.
Pieces = list[Any]


class DelimitedWriter:
    """CSV or TSV.

    Args:
        names: the columns of the input table that are written, [] for none.
        results: the names of the results.
        separator: between cells.
        vectors: those columns that are written element by element, with their shapes.
        source: the reader, if its records are copied.
    """

    def __init__(
        self,
        names: Sequence[str],
        results: Sequence[str],
        separator: str,
        vectors: Mapping[str, tuple[int, ...]],
        source: Any | None,
    ) -> None:
        self._names = names
        self._results = results
        self._separator = separator
        self._vectors = vectors
        self._source = source if names else None
        self._ending: bytes = b"\n" if source is None else source.ending

    def head(self) -> bytes:
        """The header."""
        if self._source is not None:
            rest = written(self._results, self._separator).encode()
            parts = (self._source.header, self._separator.encode(), rest, self._ending)
            return b"".join(parts)
        names = [*expanded(self._names, self._vectors), *self._results]
        return written(names, self._separator).encode() + self._ending

    def encode(
        self, rows: Rows, results: Mapping[str, Any], kept: Any | None, empty: Any | None
    ) -> Pieces:
        """Records with their results."""
        chosen = None if kept is None else pa.array(kept)
        columns = []
        for numbers in results.values():
            column = pa.array(numbers, mask=empty)
            columns.append(kernels.cast(kernels.taken(column, chosen), pa.string()))
        if self._source is not None:
            columns.insert(0, kernels.taken(rows.source.texts(), chosen))
        else:
            if self._names:
                columns = [*self._cells(rows.taken(chosen)), *columns]
            if len(columns) == 1:  # a blank line would be no record
                columns[0] = kernels.filled(columns[0], '""')
            first = kernels.filled(columns[0], "")
            columns[0] = kernels.join(self._ending.decode(), first, separator="")
        joined = kernels.join(*columns, separator=self._separator)
        # The line break before the first record belongs behind the last.
        return [_bytes(joined)[len(self._ending) :], self._ending] if len(joined) else []

    def _cells(self, columns: Sequence[Any]) -> list[Any]:
        """The columns of a table as cells."""
        found: list[Any] = []
        for name, column in zip(self._names, columns, strict=True):
            if name in self._vectors:
                found += _elements(column, self._vectors[name])
            else:
                found.append(_quoted(_as_text(column), self._separator))
        return found


def _bytes(column: Any) -> memoryview:
    """The bytes of texts, one behind the other."""
    column = kernels.plain(column)
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return memoryview(data)[int(places[0]) : int(places[-1])]


def _quoted(column: Any, separator: str) -> Any:
    """Cells with quotes where they need them."""
    needs = kernels.matches(column, f'[{separator}"\r\n]')
    if not kernels.is_any(needs):
        return column
    doubled = kernels.replaced(column, '"', '""')
    return kernels.chosen(needs, kernels.join('"', doubled, '"', separator=""), column)


def _as_text(column: Any) -> Any:
    """A column as texts: lists and the like as JSON, bytes in base 64, times as in ISO 8601."""
    column = kernels.plain(column)
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_binary(kind) or pa.types.is_nested(kind):
        texts = [None if value is None else _unquoted(value) for value in _values(column)]
        return pa.array(texts, pa.string())
    return _written(column)


def _written(column: Any) -> Any:
    """Numbers, times and the like as texts."""
    if pa.types.is_floating(column.type):  # as it is computed with
        column = kernels.cast(column, pa.float64())
    if pa.types.is_interval(column.type):
        return pa.array([x if x is None else str(x) for x in column.to_pylist()], pa.string())
    try:
        return kernels.cast(column, pa.string())
    except pa.ArrowInvalid:  # a time in a zone that nobody knows: as UTC, which it is stored in
        return kernels.cast(column.cast(pa.timestamp(column.type.unit, "UTC")), pa.string())


def _values(column: Any) -> list[Any]:
    """The values of a column of bytes or lists, all of them such as JSON has."""
    kind = _simpler(column.type)
    found: list[Any] = (column if kind == column.type else kernels.cast(column, kind)).to_pylist()
    return found


def _simpler(kind: Any) -> Any:
    """A type with texts in place of times and decimals, which Python may not have."""
    if pa.types.is_map(kind):
        return pa.map_(_simpler(kind.key_type), _simpler(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_simpler(field.type)) for field in kind])
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_simpler(kind.value_type), kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_simpler(kind.value_type))
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        return pa.string()
    return kind


def _unquoted(value: Any) -> str:
    made = to_json(value).decode()
    return made[1:-1] if made.startswith('"') else made


def _elements(column: Any, shape: tuple[int, ...]) -> list[Any]:
    """A column of lists as a column of cells for each element; blank where it is no such list."""
    size = int(np.prod(shape))
    cells: list[list[float | None]] = [[] for _ in range(size)]
    for value in column.to_pylist():
        flat = value if len(shape) == 1 or value is None else [x for row in value for x in row]
        whole = flat if flat is not None and len(flat) == size else [None] * size
        for into, number in zip(cells, whole, strict=True):
            into.append(number)
    return [kernels.cast(pa.array(column, pa.float64()), pa.string()) for column in cells]


class LinesWriter:
    """JSON, an object a line.

    Args:
        names: the columns of the input table that are written, [] for none.
        is_copied: whether the rows are lines of JSON themselves.
    """

    def __init__(self, names: Sequence[str], *, is_copied: bool) -> None:
        self._names = names
        self._is_copied = is_copied and bool(names)

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def encode(
        self, rows: Rows, results: Mapping[str, Any], kept: Any | None, empty: Any | None
    ) -> Pieces:
        """Objects with their results; null for what is not finite or left empty."""
        chosen = None if kept is None else pa.array(kept)
        columns: list[tuple[str, Any]] = []
        start: Any = "{"
        if self._is_copied:
            start = kernels.taken(_opened(rows.source), chosen)
        elif self._names:
            columns += zip(self._names, rows.taken(chosen), strict=True)
        for name, numbers in results.items():
            columns.append((name, kernels.taken(pa.array(numbers, mask=empty), chosen)))
        parts = [start]
        for place, (name, column) in enumerate(columns):
            parts += [("," if place else "") + to_json(name).decode() + ":", _as_json(column)]
        joined = kernels.join(*parts, "}\n", separator="")
        return [_bytes(joined)] if len(joined) else []


def _opened(lines: Sequence[bytes]) -> Any:
    """Objects without their last brace, and a comma if there is something in them."""
    opened = []
    for line in lines:
        inside = line.rstrip()[:-1].rstrip()
        opened.append(inside if inside.endswith(b"{") else inside + b",")
    return kernels.cast(pa.array(opened, pa.binary()), pa.string())


def _as_json(column: Any) -> Any:
    """A column as texts of JSON: null for what is null or not finite."""
    column = kernels.plain(column)
    kind = column.type
    if pa.types.is_floating(kind):
        texts = _json_numbers(column.to_numpy(zero_copy_only=False).astype(np.float64))
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        texts = kernels.cast(column, pa.string())
    elif pa.types.is_binary(kind) or pa.types.is_nested(kind):
        texts = pa.array([to_json(value).decode() for value in _values(column)], pa.string())
    else:
        texts = _json_strings(column if pa.types.is_string(kind) else _written(column))
    return kernels.filled(texts, "null")


def _json_strings(texts: Any) -> Any:
    """Texts as strings of JSON."""
    if kernels.is_any(kernels.matches(texts, _ESCAPED)):
        return pa.array([to_json(text).decode() for text in texts.to_pylist()], pa.string())
    quoted = kernels.join('"', texts, '"', separator="")
    return kernels.chosen(kernels.is_valid(texts), quoted, texts)


def _json_numbers(numbers: Any) -> Any:
    """Doubles as texts of JSON, null what is not finite: 3.0, for 3 would be an integer."""
    texts = kernels.cast(pa.array(numbers, mask=~np.isfinite(numbers)), pa.string())
    if not (numbers == np.floor(numbers)).any():
        return texts
    whole = kernels.matches(texts, r"\A-?[0-9]+\z")
    return kernels.chosen(whole, kernels.join(texts, ".0", separator=""), texts)


# What stands as something else in a string of JSON.
_ESCAPED = r'[\x00-\x1f"\\]'
