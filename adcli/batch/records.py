"""Where the records of a CSV begin and end: the one place that says so.

A record is cells with a separator between them, up to a line break: LF, CR LF or CR. A cell
that begins with a quote goes on to the next single quote, over separators and line breaks;
two quotes in it are one. A quote elsewhere is a sign like others. A line with nothing in it is
no record. (This is how Python's csv, Arrow and RFC 4180 read it, where they say something.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

LF, CR = b"\n", b"\r"
CRLF = CR + LF


@cache
def _patterns(separator: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """For a record with its line break: if more may follow, and in a whole text; one without."""
    mark = re.escape(separator)
    quoted = rf'"[^"]*+(?:""[^"]*+)*+"[^{mark}\r\n]*+'
    cell = rf'(?:{quoted}|[^"{mark}\r\n][^{mark}\r\n]*+|)'
    cells = f"(?:{cell}{mark})*+{cell}"
    rest = r"(?P<rest>[\s\S]++)"
    texts = (
        rf"{cells}(?P<end>\r\n|\n|\r(?!\Z))|{rest}",
        rf"{cells}(?P<end>\r\n|\n|\r)|{rest}",
        rf"{cells}\Z",
    )
    first, second, third = (re.compile(text.encode()) for text in texts)
    return first, second, third


def is_whole(record: bytes, separator: str) -> bool:
    """Whether each quote of a last record is closed."""
    return _patterns(separator)[2].match(record) is not None


def first_end(data: bytes, separator: str) -> int:
    """Where the first record ends, behind its line break; 0 if that is not there yet."""
    found = _patterns(separator)[0].match(data)
    return found.end() if found and found["end"] else 0


def last_end(data: bytes, separator: str) -> int:
    """Where the last record ends that is whole, behind its line break; 0 if there is none."""
    if b'"' not in data:
        # A CR at the end may be half of a line break.
        return 1 + max(data.rfind(LF), data.rfind(CR, 0, max(len(data) - 1, 0)))
    end = 0
    for found in _patterns(separator)[0].finditer(data):
        if found["end"]:
            end = found.end()
    return end


def feeds(data: bytes) -> int:
    """How many LF there are."""
    # Counted by NumPy: they are too many for `bytes.count`, which looks for each.
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == LF[0]))


def breaks(data: bytes) -> int:
    """How many line breaks there are."""
    count = feeds(data)
    return count + data.count(CR) - data.count(CRLF) if CR in data else count


class Records:
    """Records as they stand, without blank lines.

    Attributes:
        ending: the line break before each.
        data: the records one behind the other, each with a line break before it.
        offsets: where each begins, line break first, and where the last ends (n + 1,).
        lines: the number of the line that each begins in; of the first if they follow
            each other line by line.
    """

    __slots__ = ("data", "ending", "lines", "offsets")

    def __init__(self, data: bytes, offsets: Any, ending: bytes, lines: int | list[int]) -> None:
        self.data = data
        self.offsets = offsets
        self.ending = ending
        self.lines = lines

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> bytes:
        start = int(self.offsets[row]) + len(self.ending)
        return self.data[start : int(self.offsets[row + 1])]

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(len(self)))

    def texts(self) -> Any:
        """The records with the line breaks before them, as texts of Arrow."""
        buffers = (
            pa.py_buffer(np.ascontiguousarray(self.offsets, np.int32)),
            pa.py_buffer(self.data),
        )
        return pa.StringArray.from_buffers(len(self), *buffers)

    def replaced(self, others: dict[int, bytes]) -> Records:
        """The same with other records at some places."""
        if not others:
            return self
        records = [others.get(row, self[row]) for row in range(len(self))]
        return joined(records, self.ending, self.lines)


def joined(records: list[bytes], ending: bytes, lines: int | list[int]) -> Records:
    """Records from a list."""
    offsets = np.zeros(len(records) + 1, np.int64)
    np.cumsum([len(record) + len(ending) for record in records], out=offsets[1:])
    data = b"".join([piece for record in records for piece in (ending, record)])
    return Records(data, offsets, ending, lines)


def cut(data: bytes, separator: str, ending: bytes, line: int) -> Records:
    """The records of a block.

    Args:
        data: whole records; the last may have no line break.
        separator: between cells.
        ending: the line break that they get.
        line: the number of the first line.
    """
    if b'"' in data:
        return _scanned(data, separator, ending, line)
    return _plain(_with_breaks(data, ending), ending, line)


def _with_breaks(data: bytes, ending: bytes) -> bytes:
    """Lines with one kind of line break, before the first and behind the last too."""
    if ending == LF:
        alike = CR not in data
    elif ending == CR:
        alike = LF not in data
    else:
        alike = data.count(CR) == data.count(LF) == data.count(CRLF)
    if not alike:
        data = data.replace(CRLF, LF).replace(CR, LF)
        data = data if ending == LF else data.replace(LF, ending)
    return b"".join([ending, data, b"" if data.endswith(ending) else ending])


def _plain(data: bytes, ending: bytes, line: int) -> Records:
    """Lines without quotes."""
    size = len(ending)
    marks = np.flatnonzero(np.frombuffer(data, np.uint8) == ending[-1])
    offsets = marks - (size - 1)
    kept = np.flatnonzero(np.diff(offsets) > size)
    if len(kept) == len(offsets) - 1:
        return Records(data, offsets, ending, line)
    records = [data[int(offsets[row]) + size : int(offsets[row + 1])] for row in kept]
    return joined(records, ending, (line + kept).tolist())


def _scanned(data: bytes, separator: str, ending: bytes, line: int) -> Records:
    """Records with quotes."""
    records: list[bytes] = []
    lines: list[int] = []
    for found in _patterns(separator)[1].finditer(data):
        stop = found.start("end") if found["end"] else found.end()
        record = data[found.start() : stop]
        if record:
            records.append(record)
            lines.append(line)
        line += breaks(record) + 1
    return joined(records, ending, lines)
