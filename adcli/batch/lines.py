"""JSON lines: an object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa

from adcli.batch import kernels
from adcli.batch.delimited import Block
from adcli.batch.rows import COPIED, TEXTS, RowError, Rows, fewer
from adcli.batch.vectors import labelled, numbers_in, shape_of_list
from adcli.errors import InputError, LimitError

_BLOCK = 1 << 21
_LONGEST_LINE = 1 << 26
_MARK = b"\xef\xbb\xbf"


class LinesReader:
    """JSON lines; the columns are the keys of the first object.

    Args:
        stream: the bytes.
        lists: the inputs of the program: a list of numbers is a vector if it is one.
        as_they_come: whether blocks are the lines that are there, however few.

    Raises:
        InputError: there are lines, and none of them is an object.
    """

    format = "jsonl"
    unit = "line"

    def __init__(
        self, stream: BinaryIO, lists: Collection[str] = (), *, as_they_come: bool = False
    ) -> None:
        self._stream = stream
        self._as_they_come = as_they_come
        self._rest = b""
        self._ended = False
        self._line = 1
        self._use = COPIED
        self._size = _BLOCK
        # Keys that the output has already.
        self.taken: Collection[str] = ()
        self._read()
        while _MARK.startswith(self._rest) and len(self._rest) < len(_MARK) and not self._ended:
            self._read()
        self._rest = self._rest.removeprefix(_MARK)
        first = self._first()
        self.names = list(first)
        shapes = {key: shape_of_list(first[key]) for key in first if key in lists}
        self.vectors = {key: shape for key, shape in shapes.items() if shape}
        self._kinds = {key: _kind(value) for key, value in first.items()}

    def _read(self) -> None:
        read = self._stream.read1 if self._as_they_come else self._stream.read  # type: ignore[attr-defined]  # buffered
        piece = read(self._size)
        self._ended = not piece
        self._rest += piece
        if b"\n" not in self._rest and len(self._rest) > _LONGEST_LINE:
            raise LimitError(f"a line of more than {_LONGEST_LINE:,} bytes")

    def _first(self) -> dict[str, Any]:
        """The first object, which stays to be read."""
        start, message = 0, ""
        while True:
            end = self._rest.find(b"\n", start)
            if end < 0 and not self._ended:
                if len(self._rest) > _LONGEST_LINE:
                    raise InputError(f"no line is a JSON object; {message}")
                self._read()
                continue
            line = self._rest[start : end if end >= 0 else len(self._rest)]
            if line.strip():
                found, wrong = _object(line)
                if found is not None:
                    return found
                message = message or f"the first is {wrong}"
            if end < 0:
                if message:
                    raise InputError(f"no line is a JSON object; {message}")
                return {}
            start = end + 1

    def prepare(self, use: str, read: int, made: int) -> None:
        """See `rows.Reader`."""
        self._use = use
        # A number and what separates it are two bytes or more.
        self._size = fewer(_BLOCK, made / max(1, 2 * read))

    def blocks(self) -> Iterator[Block]:
        """Blocks of whole lines."""
        while True:
            end = len(self._rest) if self._ended else self._rest.rfind(b"\n") + 1
            if end and (self._ended or self._as_they_come or end >= self._size):
                data, self._rest = self._rest[:end], self._rest[end:]
                yield Block(data, self._line)
                self._line += data.count(b"\n")
            elif self._ended:
                return
            else:
                self._read()

    def nothing(self) -> Rows:
        """No rows."""
        return self.decode(Block(b"", 1), ())

    def decode(self, block: Block, wanted: Sequence[str]) -> Rows:
        """The numbers of a block; its lines as they stand, or a table of their values."""
        rows, objects = _plain(block) or _careful(block)
        made: dict[str, Any] = {}
        for key, labels in self._wanted_keys(wanted):
            numbers = self._numbers(key, objects, rows)
            made.update(zip(labels, numbers.T, strict=True))
        rows.columns = {name: np.ascontiguousarray(made[name]) for name in wanted}
        self._check_keys(objects, rows)
        if self._use != COPIED:
            rows.table = self._table(objects, rows)
        return rows

    def _wanted_keys(self, wanted: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """The keys whose numbers are wanted, with the names of these."""
        there = set(wanted)
        for key in self.names:
            labels = labelled(key, self.vectors.get(key, ()))
            if not there.isdisjoint(labels):
                yield key, labels

    def _numbers(self, key: str, objects: list[dict[str, Any]], rows: Rows) -> Any:
        """The numbers of a key, (rows, elements); nan and an error where they are none."""
        values = [found.get(key) for found in objects]
        shape = self.vectors.get(key, ())
        if not shape and _SCALARS.issuperset(map(type, values)):
            return np.array(values, np.float64)[:, np.newaxis]
        made = np.full((len(values), math.prod(shape)), math.nan)
        for row, value in enumerate(values):
            numbers, message = numbers_in(value, shape)
            if numbers is not None:
                made[row] = numbers
            elif row not in rows.errors:
                rows.errors[row] = _no_number(rows.line(row), key, objects[row], message)
        return made

    def _check_keys(self, objects: list[dict[str, Any]], rows: Rows) -> None:
        """Note the rows with keys that are results', or that a table has no column for."""
        known = frozenset() if self._use == COPIED else frozenset(self.names)
        taken = frozenset(self.taken)
        if known and not all(map(known.issuperset, objects)):
            message = "the key '{}' is not in the first line, which says the columns"
            _note(rows, objects, lambda key: key not in known, message)
        if taken and not all(map(taken.isdisjoint, objects)):
            _note(rows, objects, taken.__contains__, "the key '{}' is that of a result")

    def _table(self, objects: list[dict[str, Any]], rows: Rows) -> Any:
        """A column for each key."""
        arrays = []
        for name in self.names:
            kind = pa.string() if self._use == TEXTS else self._kinds[name]
            if name in self.vectors:
                kind = pa.list_(pa.float64())
                if len(self.vectors[name]) > 1:
                    kind = pa.list_(kind)
            values = [found.get(name) for found in objects]
            arrays.append(_array(values, kind, name, rows))
        return pa.Table.from_arrays(arrays, names=self.names)


def _plain(block: Block) -> tuple[Rows, list[dict[str, Any]]] | None:
    """The rows of a block and their objects; None if not each line is one."""
    lines = block.data.removesuffix(b"\n").split(b"\n")
    try:
        objects = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return None
    if set(map(type, objects)) != {dict}:
        return None
    return Rows(len(lines), {}, {}, block.line, lines), objects


def _careful(block: Block) -> tuple[Rows, list[dict[str, Any]]]:
    """The rows of a block and their objects, line by line; an empty one where there is none."""
    lines: list[bytes] = []
    places: list[int] = []
    objects: list[dict[str, Any]] = []
    errors: dict[int, RowError] = {}
    for offset, line in enumerate(block.data.split(b"\n")):
        if not line.strip():
            continue
        place = block.line + offset
        found, message = _object(line)
        if found is None:
            text = line.decode("utf-8", "replace")
            errors[len(lines)] = RowError(place, message, text=text)
            line, found = b"{}", {}
        lines.append(line)
        places.append(place)
        objects.append(found)
    return Rows(len(lines), {}, errors, places, lines), objects


def _note(
    rows: Rows, objects: list[dict[str, Any]], is_bad: Callable[[str], bool], message: str
) -> None:
    """Note the rows with a bad key."""
    for row, found in enumerate(objects):
        bad = next(filter(is_bad, found), None)
        if bad is not None:
            rows.errors.setdefault(row, RowError(rows.line(row), message.format(bad)))


def _array(values: list[Any], kind: Any, name: str, rows: Rows) -> Any:
    """The values of a column, all of one type; errors where they are not."""
    kinds = set(map(type, values))
    if kinds <= _PLAIN.get(kind, frozenset()):
        return pa.array(values, kind)
    if kind == pa.string():
        return _texts(values)
    made = []
    for row, value in enumerate(values):
        fits, message = _as_kind(value, kind)
        if message and row not in rows.errors:
            rows.errors[row] = RowError(rows.line(row), message, name, _json(value))
        made.append(fits)
    return pa.array(made, kind)


def _texts(values: list[Any]) -> Any:
    """Values as texts: a number as in any table, other than texts as JSON."""
    is_float = [type(value) is float for value in values]
    numbers = [value if there else None for value, there in zip(values, is_float, strict=True)]
    others = [
        value if value is None or isinstance(value, str) else None if there else _json(value)
        for value, there in zip(values, is_float, strict=True)
    ]
    written = kernels.cast(pa.array(numbers, pa.float64()), pa.string())
    return kernels.filled(written, pa.array(others, pa.string()))


# Types of values that columns hold as they are.
_PLAIN = {
    pa.string(): frozenset({str, type(None)}),
    pa.float64(): frozenset({float, type(None)}),
    pa.bool_(): frozenset({bool, type(None)}),
}
_SCALARS = frozenset({float, int})


def _kind(value: Any) -> Any:
    """The type of a column, by its first value."""
    if isinstance(value, bool):
        return pa.bool_()
    return pa.float64() if isinstance(value, (int, float)) else pa.string()


def _as_kind(value: Any, kind: Any) -> tuple[Any, str]:
    """A value of a column of some type; or None, and what is wrong."""
    if value is None:
        return None, ""
    if pa.types.is_list(kind):
        return (value, "") if isinstance(value, list) and shape_of_list(value) else (None, "")
    if kind == pa.bool_():
        return (value, "") if isinstance(value, bool) else (None, "neither true nor false")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, "not a number"
    if isinstance(value, int) and int(float(value)) != value:
        return None, "a number of more digits than a double has"
    return float(value), ""


def _object(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """The object of a line, or why there is none."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, f"not JSON: {error.msg}"
    if not isinstance(found, dict):
        return None, "not an object"
    return found, ""


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # nested deeper than it goes
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _no_number(line: int, name: str, found: Mapping[str, Any], message: str) -> RowError:
    if name not in found:
        return RowError(line, "the key is missing", name)
    if found[name] is None:
        return RowError(line, "the value is null", name, "null")
    return RowError(line, message, name, _json(found[name]))
