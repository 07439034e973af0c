"""JSON lines: an object a line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa

from adcli.batch.delimited import Block
from adcli.batch.rows import RowError, Rows
from adcli.errors import InputError, LimitError

_BLOCK = 1 << 21
_LONGEST_LINE = 1 << 26


class LinesReader:
    """JSON lines; the columns are those of the first object.

    A vector is a list, whose elements are columns: x[1], x[2], ...

    Args:
        stream: the bytes.
        as_they_come: whether blocks are the lines that are there, however few.

    Raises:
        InputError: the first line is no object.
    """

    format = "jsonl"

    def __init__(self, stream: BinaryIO, *, as_they_come: bool = False) -> None:
        self._stream = stream
        self._as_they_come = as_they_come
        self._rest = b""
        self._ended = False
        self._line = 1
        first = self._first()
        self.names: list[str] = []
        if first is not None:
            for key, value in first.items():
                self.names += [name for name, _ in _elements(key, value)]

    def _read(self) -> None:
        piece = self._stream.read1(_BLOCK) if self._as_they_come else self._stream.read(_BLOCK)  # type: ignore[attr-defined]  # buffered
        self._ended = not piece
        self._rest += piece
        if b"\n" not in self._rest and len(self._rest) > _LONGEST_LINE:
            raise LimitError(f"a line of more than {_LONGEST_LINE:,} bytes")

    def _first(self) -> dict[str, Any] | None:
        """The first object, which stays to be read."""
        start = 0
        while True:
            end = self._rest.find(b"\n", start)
            if end < 0 and not self._ended:
                self._read()
                continue
            line = self._rest[start : end if end >= 0 else len(self._rest)]
            if line.strip():
                found, message = _object(line)
                if found is None:
                    raise InputError(f"the first line is no JSON object: {message}")
                return found
            if end < 0:
                return None
            start = end + 1

    def blocks(self) -> Iterator[Block]:
        """Blocks of whole lines."""
        while True:
            end = len(self._rest) if self._ended else self._rest.rfind(b"\n") + 1
            if end and (self._ended or self._as_they_come or end >= _BLOCK):
                data, self._rest = self._rest[:end], self._rest[end:]
                yield Block(data, self._line)
                self._line += data.count(b"\n")
            elif self._ended:
                return
            else:
                self._read()

    def decode(self, block: Block, wanted: Sequence[str]) -> Rows:
        """The numbers of a block; its lines as they stand."""
        lines: list[bytes] = []
        places: list[int] = []
        errors: dict[int, RowError] = {}
        numbers: list[list[float]] = [[] for _ in wanted]
        for offset, line in enumerate(block.data.split(b"\n")):
            if not line.strip():
                continue
            row, place = len(lines), block.line + offset
            lines.append(line)
            places.append(place)
            found, message = _object(line)
            values: dict[str, Any] = {}
            if found is None:
                errors[row] = RowError(place, message)
            else:
                for key, value in found.items():
                    values.update(_elements(key, value))
            for name, column in zip(wanted, numbers, strict=True):
                value = values.get(name)
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    column.append(float(value))
                    continue
                column.append(math.nan)
                if row not in errors:
                    errors[row] = _no_number(place, name, name in values, value)
        columns = {
            name: np.array(column, dtype=np.float64)
            for name, column in zip(wanted, numbers, strict=True)
        }
        return Rows(len(lines), columns, errors, places, lines)

    def table(self, rows: Rows, kept: Any | None) -> Any:
        """All keys of the first object; what is no number or text as JSON."""
        chosen = range(rows.count) if kept is None else kept.tolist()
        records = []
        for row in chosen:
            values: dict[str, Any] = {}
            for key, value in (_object(rows.source[row])[0] or {}).items():
                values.update(_elements(key, value))
            records.append(values)
        arrays = [_column([record.get(name) for record in records]) for name in self.names]
        return pa.Table.from_arrays(arrays, names=self.names)


def _column(values: list[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {float, int}:
        return pa.array([None if x is None else float(x) for x in values], pa.float64())
    return pa.array(
        [x if x is None or isinstance(x, str) else orjson.dumps(x).decode() for x in values],
        pa.string(),
    )


def _object(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """The object of a line, or why there is none."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, f"not JSON: {error.msg}"
    if not isinstance(found, dict):
        return None, "not an object"
    return found, ""


def _elements(key: str, value: Any) -> list[tuple[str, Any]]:
    """A value with its name, or the elements of a list of numbers with theirs."""
    if isinstance(value, list) and value and all(isinstance(x, (int, float)) for x in value):
        return [(f"{key}[{i}]", x) for i, x in enumerate(value, 1)]
    return [(key, value)]


def _no_number(line: int, name: str, is_there: bool, value: Any) -> RowError:
    if not is_there:
        return RowError(line, "the key is missing", name)
    if value is None:
        return RowError(line, "the value is null", name, "null")
    return RowError(line, "not a number", name, orjson.dumps(value).decode())
