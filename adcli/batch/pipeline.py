"""Blocks of a table through reading, computing and writing, side by side and in order."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from adcli.batch.rows import RowError, Rows
from adcli.differentiate.columns import Columns
from adcli.errors import NonFiniteError, RowFailedError

FAIL, SKIP, NULL = "fail", "skip", "null"


class Done:
    """A block that was computed.

    Attributes:
        count: how many rows were read.
        output: what is to be written.
        errors: the rows without a result.
        not_finite: how many rows have results that are not finite.
        first: of the first of those, where it stands and its numbers.
        sums: of each result the sum over the rows, as two doubles; None if not asked for.
    """

    __slots__ = ("count", "errors", "first", "not_finite", "output", "sums")

    def __init__(self, count: int, output: Any, errors: list[RowError]) -> None:
        self.count = count
        self.output = output
        self.errors = errors
        self.not_finite = 0
        self.first: tuple[int, dict[str, float]] | None = None
        self.sums: dict[str, tuple[float, float]] | None = None


class Totals:
    """What came of a whole table."""

    def __init__(self) -> None:
        self.rows = 0
        self.failed = 0
        self.not_finite = 0
        self.first: tuple[int, dict[str, float]] | None = None
        self.sums: dict[str, list[float]] = {}

    def add(self, done: Done) -> None:
        """Count a block; blocks come in order."""
        self.rows += done.count
        self.failed += len(done.errors)
        self.not_finite += done.not_finite
        self.first = self.first or done.first
        for name, parts in (done.sums or {}).items():
            self.sums.setdefault(name, []).extend(parts)

    def sum(self, name: str) -> float:
        """The sum of a result over all rows, correctly rounded but for the last bit."""
        parts = self.sums.get(name, [])
        if all(map(math.isfinite, parts)):
            return math.fsum(parts)
        return float(np.sum(parts))


class Work:
    """What is done to a block.

    Args:
        reader: decodes it.
        columns: computes.
        writer: encodes the results; None if only sums are wanted.
        on_error: what becomes of rows that cannot be computed: FAIL, SKIP or NULL.
        strict: whether a result that is not finite is an error.
    """

    def __init__(
        self, reader: Any, columns: Columns, writer: Any | None, on_error: str, *, strict: bool
    ) -> None:
        self._reader = reader
        self._columns = columns
        self._writer = writer
        self._on_error = on_error
        self._strict = strict

    def __call__(self, block: Any) -> Done:
        """Decode, compute, encode.

        Raises:
            RowFailedError: a row cannot be computed, and that is to be an error.
            NonFiniteError: a result is not finite, and that is to be one.
        """
        rows: Rows = self._reader.decode(block, self._columns.inputs)
        results, failures = self._columns.compute(rows.columns, rows.count, jobs=1)
        for row, failure in failures.items():
            message = getattr(failure, "message", None) or str(failure)
            rows.errors.setdefault(row, RowError(rows.line(row), message))
        bad = sorted(rows.errors)
        if bad and self._on_error == FAIL:
            raise row_failed(rows.errors[bad[0]])
        done = Done(rows.count, b"", [rows.errors[row] for row in bad])
        good = np.ones(rows.count, bool)
        good[bad] = False
        self._look(rows, results, good, done)
        if self._writer is None:
            done.sums = {name: _sum(column[good]) for name, column in results.items()}
            return done
        kept = np.flatnonzero(good) if bad and self._on_error == SKIP else None
        empty = ~good if bad and self._on_error == NULL else None
        done.output = self._writer.encode(rows, results, kept, empty)
        return done

    def _look(self, rows: Rows, results: Mapping[str, Any], good: Any, done: Done) -> None:
        """Count the rows whose results are not finite, and note the first."""
        odd = np.zeros(rows.count, bool)
        for column in results.values():
            odd |= ~np.isfinite(column)
        odd &= good
        done.not_finite = int(odd.sum())
        if done.not_finite:
            row = int(np.argmax(odd))
            numbers = {name: float(rows.columns[name][row]) for name in rows.columns}
            done.first = (rows.line(row), numbers)
            if self._strict:
                name = next(x for x, column in results.items() if not math.isfinite(column[row]))
                raise NonFiniteError(f"'{name}' is not finite at line {rows.line(row):,}")


def row_failed(error: RowError) -> RowFailedError:
    """The error that ends everything at the first row without a result."""
    where = f"line {error.line:,}"
    if error.column:
        where += f", column '{error.column}'"
        text = (
            f"'{error.text}' is {error.message}"
            if error.message == "not a number"
            else error.message
        )
        return RowFailedError(f"{where}: {text}", hint="--on-error skip or null goes on")
    return RowFailedError(f"{where}: {error.message}", hint="--on-error skip or null goes on")


def _sum(numbers: Any) -> tuple[float, float]:
    """A sum as the double nearest to it and about what is left, whatever the order of threads.

    In pairs, with the error of each addition (Knuth's TwoSum) added up.
    """
    rest = 0.0
    with np.errstate(all="ignore"):
        while len(numbers) > 1:
            half = len(numbers) // 2
            a, b = numbers[:half], numbers[half : 2 * half]
            total = a + b
            back = total - a
            rest += float(np.sum((a - (total - back)) + (b - back)))
            numbers = np.append(total, numbers[2 * half :])
    found = float(numbers[0]) if len(numbers) else 0.0
    return (found, rest) if math.isfinite(rest) else (found, 0.0)


def run(
    blocks: Iterator[Any],
    work: Work,
    jobs: int,
    receive: Callable[[Done], None],
) -> None:
    """Work on blocks side by side, and hand them on in order.

    Args:
        blocks: the blocks; no more than a few are held at a time.
        work: what is done to each.
        jobs: how many threads.
        receive: gets the blocks that are done.
    """
    if jobs == 1:
        for block in blocks:
            receive(work(block))
        return
    pending: deque[Future[Done]] = deque()
    pool = ThreadPoolExecutor(jobs)
    try:
        for block in blocks:
            pending.append(pool.submit(work, block))
            while len(pending) > 2 * jobs or (pending and pending[0].done()):
                receive(pending.popleft().result())
        while pending:
            receive(pending.popleft().result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Progress:
    """Rows a second, for somebody who waits.

    Args:
        write: prints a text without ending the line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._start = self._last = time.monotonic()
        self._shown = False

    def rows(self, count: int) -> None:
        """So many rows are done."""
        now = time.monotonic()
        if now - self._last >= 0.5:
            self._last = now
            self._shown = True
            rate = count / (now - self._start)
            self._write(f"\r{count:,} rows, {rate:,.0f} rows/s ")

    def end(self) -> None:
        """Take it away again."""
        if self._shown:
            self._write("\r" + " " * 60 + "\r")
