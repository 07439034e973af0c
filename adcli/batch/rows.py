"""Rows of a table on their way: what came in, what is wrong with them, what goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

_LONGEST_TEXT = 60


class RowError:
    """Why a row has no result.

    Attributes:
        line: where it stands, counted from 1: a line of a text, a row of other tables.
        message: what is wrong.
        column: the column it is in, "" of a whole row.
        text: what stands there.
    """

    __slots__ = ("column", "line", "message", "text")

    def __init__(self, line: int, message: str, column: str = "", text: str = "") -> None:
        self.line = line
        self.message = message
        self.column = column
        self.text = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."

    def data(self) -> dict[str, Any]:
        """As a record for --errors."""
        return {
            "line": self.line,
            "column": self.column or None,
            "text": self.text if self.column else None,
            "message": self.message,
        }


class Rows:
    """A block of rows that was read.

    Attributes:
        count: how many.
        columns: of each column that is computed with, an array of doubles (n,).
        errors: for each row that cannot be computed, why; its numbers are nan.
        lines: where each row stands: its line number, or the number of the first if the
            rows follow each other line by line.
        source: what the reader needs to write the rows out again as they were.
    """

    __slots__ = ("columns", "count", "errors", "lines", "source")

    def __init__(
        self,
        count: int,
        columns: dict[str, Any],
        errors: dict[int, RowError],
        lines: int | Sequence[int],
        source: Any,
    ) -> None:
        self.count = count
        self.columns = columns
        self.errors = errors
        self.lines = lines
        self.source = source

    def line(self, row: int) -> int:
        """Where a row stands."""
        return self.lines + row if isinstance(self.lines, int) else self.lines[row]


class Reader(Protocol):
    """A table that is read in blocks.

    Attributes:
        names: the names of its columns.
        format: which of the formats it is.
    """

    names: Sequence[str]
    format: str

    def blocks(self) -> Any:
        """The blocks as they come, not looked at yet."""

    def decode(self, block: Any, wanted: Sequence[str]) -> Rows:
        """Look at a block; workers do so side by side.

        Args:
            block: one of `blocks`.
            wanted: the columns that are computed with.
        """

    def table(self, rows: Rows, kept: Any | None) -> Any:
        """The rows as an Arrow table with all columns of the input, or those of some rows."""


class Writer(Protocol):
    """Makes what is written."""

    def head(self) -> bytes:
        """What comes before all rows."""

    def encode(self, rows: Rows, results: Mapping[str, Any], kept: Any | None, empty: Any) -> Any:
        """Rows with their results; workers do so side by side.

        Args:
            rows: the rows.
            results: for each name a column of doubles.
            kept: the rows to write, as indices; None for all.
            empty: for each row whether its results are left empty, or None.
        """
