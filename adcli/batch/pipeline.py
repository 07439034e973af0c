"""Blocks of a table through reading, computing and writing, side by side and in order."""

from __future__ import annotations

import math
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TextIO

import numpy as np

from adcli.batch.rows import Reader, RowError, Rows, Writer
from adcli.batch.sums import ExactSum
from adcli.differentiate.columns import Columns
from adcli.errors import AdcliError, NonFiniteError, RowFailedError

FAIL, SKIP, NULL = "fail", "skip", "null"
# How often progress is shown, and how much of the line it may take.
_SECONDS = 0.5
_WIDTH = 60


# Where the first row with a result that is not finite stands, and its numbers.
First = tuple[int, dict[str, float]]


class Done:
    """A block that was computed.

    Attributes:
        count: how many rows were read.
        output: what is to be written.
        errors: the rows without a result.
        not_finite: how many rows have results that are not finite.
        first: the first of those.
        sums: of each result the sum over the rows; None if not asked for.
    """

    __slots__ = ("count", "errors", "first", "not_finite", "output", "sums")

    def __init__(self, count: int, output: Any, errors: list[RowError]) -> None:
        self.count = count
        self.output = output
        self.errors = errors
        self.not_finite = 0
        self.first: First | None = None
        self.sums: dict[str, ExactSum] | None = None


class Totals:
    """What came of a whole table.

    Attributes:
        rows: how many rows there were.
        failed: how many of them have no result.
        not_finite: how many have results that are not finite.
        first: the first of those.
        sums: of each result the sum over the rows, if it was asked for.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.failed = 0
        self.not_finite = 0
        self.first: First | None = None
        self.sums: dict[str, ExactSum] = {}

    def sum(self, name: str) -> float:
        """The sum of a result over all rows, rounded once."""
        return self.sums.get(name, ExactSum()).value()

    def add(self, done: Done) -> None:
        """Count a block; blocks come in order."""
        self.rows += done.count
        self.failed += len(done.errors)
        self.not_finite += done.not_finite
        self.first = self.first or done.first
        for name, part in (done.sums or {}).items():
            self.sums.setdefault(name, ExactSum()).merge(part)


class Work:
    """What is done to a block.

    Args:
        reader: decodes it.
        columns: computes.
        writer: encodes the results; None if only sums are wanted.
        on_error: what becomes of rows that cannot be computed: FAIL, SKIP or NULL.
        strict: whether a result that is not finite is an error.

    Attributes:
        ended: set when nobody wants the rest any more.
    """

    def __init__(
        self,
        reader: Reader,
        columns: Columns,
        writer: Writer | None,
        on_error: str,
        *,
        strict: bool,
    ) -> None:
        self._reader = reader
        self._columns = columns
        self._writer = writer
        self._on_error = on_error
        self._strict = strict
        self.ended = threading.Event()

    def __call__(self, block: Any) -> Done:
        """Decode, compute, encode.

        Raises:
            RowFailedError: a row cannot be computed, and that is to be an error.
            NonFiniteError: a result is not finite, and that is to be one.
        """
        rows = self._reader.decode(block, self._columns.inputs)
        results = self._compute(rows)
        done = Done(rows.count, [], [rows.errors[row] for row in sorted(rows.errors)])
        good = _good(rows)
        self._look(rows, results, good, done)
        if self._writer is None:
            done.sums = {name: _sum(column[good]) for name, column in results.items()}
            return done
        kept = np.flatnonzero(good) if rows.errors and self._on_error == SKIP else None
        empty = ~good if rows.errors and self._on_error == NULL else None
        done.output = self._writer.encode(rows, results, kept, empty)
        return done

    def _compute(self, rows: Rows) -> dict[str, Any]:
        """The results of rows that can be computed; the others are noted, and nan."""
        stop = self._on_error == FAIL
        chosen = None
        if rows.errors:
            # What stands behind the row that ends everything does not matter.
            last = min(rows.errors) if stop else rows.count
            chosen = np.flatnonzero(_good(rows)[:last])
        columns = rows.columns
        if chosen is not None:
            columns = {name: column[chosen] for name, column in columns.items()}
        count = rows.count if chosen is None else len(chosen)
        results, failures = self._columns.compute(columns, count, 1, stop=stop, ended=self.ended)
        for place, failure in failures.items():
            row = place if chosen is None else int(chosen[place])
            rows.errors[row] = RowError(rows.line(row), failure.message)
        if rows.errors and stop:
            first = min(rows.errors)
            before = np.arange(count) if chosen is None else chosen
            odd = np.flatnonzero(_not_finite(results, count) & (before < first))
            if len(odd):
                self._check_finite(rows.line(int(before[odd[0]])), results, odd[0])
            raise row_failed(rows.errors[first], self._reader.unit)
        if chosen is None:
            return results
        spread = {}
        for name, column in results.items():
            spread[name] = np.full(rows.count, math.nan)
            spread[name][chosen] = column
        return spread

    def _look(self, rows: Rows, results: Mapping[str, Any], good: Any, done: Done) -> None:
        """Count the rows whose results are not finite, and note the first."""
        odd = _not_finite(results, rows.count) & good
        done.not_finite = int(odd.sum())
        if done.not_finite:
            row = int(np.argmax(odd))
            numbers = {name: float(rows.columns[name][row]) for name in rows.columns}
            done.first = (rows.line(row), numbers)
            self._check_finite(rows.line(row), results, row)

    def _check_finite(self, line: int, results: Mapping[str, Any], place: int) -> None:
        """Raise if results have to be finite, for those at a place that are not."""
        if self._strict:
            name = next(x for x, column in results.items() if not math.isfinite(column[place]))
            raise NonFiniteError(f"'{name}' is not finite at {self._reader.unit} {line:,}")


def _not_finite(results: Mapping[str, Any], count: int) -> Any:
    """For each row whether one of its results is not finite."""
    odd = np.zeros(count, bool)
    for column in results.values():
        odd |= ~np.isfinite(column)
    return odd


def _good(rows: Rows) -> Any:
    """For each row whether nothing is wrong with it."""
    good = np.ones(rows.count, bool)
    good[list(rows.errors)] = False
    return good


def row_failed(error: RowError, unit: str) -> RowFailedError:
    """The error that ends everything at the first row without a result.

    Args:
        error: what is wrong.
        unit: what its place is the number of, "line" or "row".
    """
    where, what = f"{unit} {error.line:,}", error.message
    if error.column:
        where += f", column '{error.column}'"
        if not what.startswith("the "):
            what = f"'{error.text}' is {what}"
    return RowFailedError(f"{where}: {what}", hint="--on-error skip or null goes on")


def _sum(numbers: Any) -> ExactSum:
    found = ExactSum()
    found.add(numbers)
    return found


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
    failure = None
    try:
        while True:
            try:
                block = next(blocks)
            except StopIteration:
                break
            except AdcliError as error:  # after what came before it
                failure = error
                break
            pending.append(pool.submit(work, block))
            while len(pending) > 2 * jobs or (pending and pending[0].done()):
                receive(pending.popleft().result())
        while pending:
            receive(pending.popleft().result())
        if failure is not None:
            raise failure
    except BaseException:
        work.ended.set()
        # Not waited for: who interrupts a row without end is not to wait for that.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


class Progress:
    """Rows a second, for somebody who waits.

    Args:
        terminal: where it is shown.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._start = self._last = time.monotonic()
        self._shown = False

    def rows(self, count: int) -> None:
        """So many rows are done."""
        now = time.monotonic()
        if now - self._last >= _SECONDS:
            self._last = now
            self._shown = True
            rate = count / (now - self._start)
            self._show(f"\r{count:,} rows, {rate:,.0f} rows/s ")

    def end(self) -> None:
        """Take it away again."""
        if self._shown:
            self._show("\r" + " " * _WIDTH + "\r")

    def leave(self) -> None:
        """As `end`, but a terminal that is stopped is not waited for."""
        if select.select([], [self._terminal], [], 0)[1]:
            self.end()

    def _show(self, text: str) -> None:
        self._terminal.write(text)
        self._terminal.flush()
