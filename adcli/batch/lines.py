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
from adcli.batch.records import feeds
from adcli.batch.rows import COPIED, TEXTS, RowError, Rows
from adcli.batch.source import Block, Source
from adcli.batch.values import to_json
from adcli.batch.vectors import numbers_in, shape_of_list
from adcli.errors import InputError, LimitError
from adcli.graph.program import element_names

_LONGEST_LINE = 1 << 26
# Where the shape of a vector is looked for if the first line does not say it.
_LOOKED_AT = 1 << 16


class LinesReader:
    """JSON lines; the columns are the keys of the first object.

    Args:
        stream: the bytes.
        lists: the inputs of the program, of which lists of numbers are vectors, with their
            shapes if they are declared.
        as_they_come: whether blocks are the lines that are there, however few.

    Raises:
        InputError: there are lines, and none of them is an object.
    """

    format = "jsonl"
    unit = "line"

    def __init__(
        self,
        stream: BinaryIO,
        lists: Mapping[str, tuple[int, ...]],
        *,
        as_they_come: bool = False,
    ) -> None:
        self._source = Source(
            stream,
            _LONGEST_LINE,
            _too_long,
            as_they_come=as_they_come,
            breaks=feeds,  # a CR is white space in JSON
        )
        self._use = COPIED
        # Keys that the output has already.
        self.taken: Collection[str] = ()
        first = self._first()
        self.names = list(first)
        self.vectors = self._shapes(first, lists)
        self._kinds = {key: _kind(value) for key, value in first.items()}

    def _first(self) -> dict[str, Any]:
        """The first object, which stays to be read."""
        message = ""
        seen = 0
        while True:
            data = self._source.peek()
            end = len(data) if self._source.ended else data.rfind(b"\n") + 1
            for line in data[seen:end].split(b"\n"):
                if line.strip():
                    found, wrong = _object(line)
                    if found is not None:
                        return found
                    message = message or f"the first is {wrong}"
            if self._source.ended or (message and end > _LONGEST_LINE):
                if message:
                    raise InputError(f"no line is a JSON object; {message}")
                raise InputError("the table is empty: no line says which columns it has")
            seen = end
            self._source.more()

    def _shapes(
        self, first: Mapping[str, Any], lists: Mapping[str, tuple[int, ...]]
    ) -> dict[str, tuple[int, ...]]:
        """The keys that hold vectors or matrices, with the declared or the first shapes."""
        shapes = {}
        for key, value in first.items():
            if key not in lists or not (value is None or isinstance(value, list)):
                continue
            shape = lists[key] or shape_of_list(value) or self._first_shape(key)
            if shape:
                shapes[key] = shape
        return shapes

    def _first_shape(self, key: str) -> tuple[int, ...]:
        """The shape of the first list of numbers in the first lines."""
        for line in self._source.look(_LOOKED_AT).split(b"\n"):
            found, _ = _object(line)
            shape = shape_of_list(found.get(key)) if found else ()
            if shape:
                return shape
        return ()

    def prepare(self, use: str, read: int, made: int) -> None:
        """See `rows.Reader`."""
        self._use = use
        self._source.prepare(read, made)

    def blocks(self) -> Iterator[Block]:
        """Blocks of whole lines.

        Raises:
            LimitError: a line is longer than anybody's.
        """
        return self._source.blocks(lambda data: data.rfind(b"\n") + 1)

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
            labels = element_names(key, self.vectors.get(key, ()))
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
            for row, found in enumerate(objects):
                if not taken.isdisjoint(found):
                    others = {key: value for key, value in found.items() if key not in taken}
                    rows.source[row] = to_json(others)

    def _table(self, objects: list[dict[str, Any]], rows: Rows) -> Any:
        """A column for each key."""
        arrays = []
        for name in self.names:
            values = [found.get(name) for found in objects]
            if name in self.vectors:
                arrays.append(_lists(values, self.vectors[name]))
            elif self._use == TEXTS:
                arrays.append(_texts(values, name, rows))
            else:
                arrays.append(_typed(values, self._kinds[name], name, rows))
        return pa.Table.from_arrays(arrays, names=self.names)


def _too_long(data: bytes) -> LimitError:
    return LimitError(f"a line of more than {_LONGEST_LINE:,} bytes")


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


def _lists(values: list[Any], shape: tuple[int, ...]) -> Any:
    """A column of lists of some shape; null where there is none, which is an error already."""
    kind = pa.list_(pa.float64())
    if len(shape) > 1:
        kind = pa.list_(kind)
    return pa.array([x if numbers_in(x, shape)[0] else None for x in values], kind)


def _typed(values: list[Any], kind: Any, name: str, rows: Rows) -> Any:
    """A column of one type; errors where values are of another."""
    if kind == pa.string():
        return _texts(values, name, rows)
    if _PLAIN[kind].issuperset(map(type, values)):
        return pa.array(values, kind)
    made = []
    for row, value in enumerate(values):
        fits, message = _as_kind(value, kind)
        if message:
            error = RowError(rows.line(row), message, name, _shortly(value))
            rows.errors.setdefault(row, error)
        made.append(fits)
    return pa.array(made, kind)


def _texts(values: list[Any], name: str, rows: Rows) -> Any:
    """A column of texts: a number as in any table, other than texts as JSON."""
    if _TEXTS.issuperset(map(type, values)):
        return pa.array(values, pa.string())
    numbers: list[float | None] = [None] * len(values)
    others: list[str | None] = [None] * len(values)
    for row, value in enumerate(values):
        if type(value) is float and abs(value) < _MOST_EXACT:
            numbers[row] = value
        elif isinstance(value, str):
            others[row] = value
        elif value is not None:
            # A large integer was read as a double: its digits are in the line.
            if type(value) is float:
                value = _large(rows.source[row], name, value)
            try:
                others[row] = to_json(value).decode()
            except RecursionError:
                error = RowError(rows.line(row), _TOO_DEEP, name, _shortly(value))
                rows.errors.setdefault(row, error)
    written = kernels.cast(pa.array(numbers, pa.float64()), pa.string())
    return kernels.filled(written, pa.array(others, pa.string()))


def _large(line: bytes, name: str, number: float) -> Any:
    """A number of an object with all digits if it is an integer."""
    try:
        return json.loads(line)[name]
    except (ValueError, RecursionError, KeyError):
        return number


# Types of values that columns hold as they are.
_PLAIN = {
    pa.float64(): frozenset({float, type(None)}),
    pa.bool_(): frozenset({bool, type(None)}),
}
_TEXTS = frozenset({str, type(None)})
_SCALARS = frozenset({float, int})
# Integers from here on do not fit 64 bits.
_MOST_EXACT = 2.0**63
_TOO_DEEP = "nested too deeply to be written"


def _kind(value: Any) -> Any:
    """The type of a column, by its first value."""
    if isinstance(value, bool):
        return pa.bool_()
    return pa.float64() if isinstance(value, (int, float)) else pa.string()


def _as_kind(value: Any, kind: Any) -> tuple[Any, str]:
    """A value of a column of some type; or None, and what is wrong."""
    if value is None:
        return None, ""
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


def _shortly(value: Any) -> str:
    try:
        return to_json(value).decode()
    except RecursionError:
        return "[...]"


def _no_number(line: int, name: str, found: Mapping[str, Any], message: str) -> RowError:
    if name not in found:
        return RowError(line, "the key is missing", name)
    if found[name] is None:
        return RowError(line, "the value is null", name, "null")
    return RowError(line, message, name, _shortly(found[name]))
