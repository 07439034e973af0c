"""Rows of a table on their way: what came in, what is wrong with them, what goes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from adcli.batch import kernels

_LONGEST_TEXT = 60


class RowError:
    """Why a row has no result.

    Attributes:
        line: where it stands, counted from 1: a line of a text, a row of other tables.
        message: what is wrong.
        column: the column it is in, "" of a whole row.
        text: what stands there, shortened.
    """

    __slots__ = ("column", "line", "message", "text")

    def __init__(self, line: int, message: str, column: str = "", text: str = "") -> None:
        self.line = line
        self.message = message
        self.column = shown(column)
        text = shown(text)
        self.text = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."

    def data(self) -> dict[str, Any]:
        """As a record for --errors."""
        return {
            "line": self.line,
            "column": self.column or None,
            "text": self.text,
            "message": self.message,
        }


def shown(text: str) -> str:
    """A text that may have kept bytes which are no UTF-8, with a sign for each of them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Rows:
    """A block of rows that was read.

    Attributes:
        count: how many.
        columns: of each column that is computed with, an array of doubles (n,).
        errors: for each row that cannot be computed, why; its numbers are nan.
        lines: where each row stands: its line number, or the number of the first if the
            rows follow each other line by line.
        source: the rows as they came in, for a writer of the same format: `Records` of
            CSV, a list of lines of JSON.
        table: the rows as an Arrow table, for a writer of another format and of those of
            Arrow; None if there is none.
    """

    __slots__ = ("columns", "count", "errors", "lines", "source", "table")

    def __init__(
        self,
        count: int,
        columns: dict[str, Any],
        errors: dict[int, RowError],
        lines: int | Sequence[int],
        source: Any = None,
        table: Any | None = None,
    ) -> None:
        self.count = count
        self.columns = columns
        self.errors = errors
        self.lines = lines
        self.source = source
        self.table = table

    def taken(self, chosen: Any | None) -> list[Any]:
        """The columns of the table, of some rows if not None."""
        assert self.table is not None
        return [kernels.taken(column, chosen) for column in self.table.columns]

    def line(self, row: int) -> int:
        """Where a row stands."""
        return self.lines + row if isinstance(self.lines, int) else int(self.lines[row])


# So many numbers are made at a time, or the number of one row.
_MOST_NUMBERS = 1 << 22


def fewer(size: int, width: float) -> int:
    """The size of a block, less if many numbers are made of each of its parts.

    Args:
        size: in bytes or rows.
        width: how many numbers a part makes at most.
    """
    return max(1, min(size, int(_MOST_NUMBERS / width)))


# What the rows of a reader are for, besides their numbers: to be copied into a table of the
# same format, or to become cells of text, or values of types in another.
COPIED, TEXTS, TYPED = "copied", "texts", "typed"


class Reader(Protocol):
    """A table that is read in blocks.

    Attributes:
        format: which of the formats it is.
        names: the names of its columns.
        vectors: the columns that hold a list of numbers in each row, of those that the
            program takes as vectors or matrices, with their shapes.
        unit: what the places of rows are the numbers of, "line" or "row".
    """

    format: str
    names: list[str]
    vectors: dict[str, tuple[int, ...]]
    unit: str

    def prepare(self, use: str, read: int, made: int) -> None:
        """Say what is coming, before blocks are read.

        Args:
            use: what the rows are for: COPIED, TEXTS or TYPED.
            read: how many numbers are read in each row.
            made: how many are made of them.
        """

    def blocks(self) -> Iterator[Any]:
        """The blocks as they come, not looked at yet."""

    def decode(self, block: Any, wanted: Sequence[str]) -> Rows:
        """Look at a block; workers do so side by side.

        Args:
            block: one of `blocks`.
            wanted: the columns that are computed with, of vectors their elements.
        """

    def nothing(self) -> Rows:
        """No rows, for the output of an empty table."""


class Writer(Protocol):
    """Makes what is written."""

    def head(self) -> bytes:
        """What comes before all rows."""

    def encode(
        self, rows: Rows, results: Mapping[str, Any], kept: Any | None, empty: Any | None
    ) -> Any:
        """Rows with their results; workers do so side by side.

        Args:
            rows: the rows.
            results: for each name a column of doubles.
            kept: the rows to write, as indices; None for all.
            empty: for each row whether its results are left empty, or None.
        """
