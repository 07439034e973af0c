"""Kernels over columns in memory: blocks of rows, in threads, and rows that need more turns.

A block is small enough for what it reads and writes to stay in a cache. A row that a kernel
leaves undecided, because a loop of it takes more turns, goes to the kernel of twice as many;
which kernel computes a row depends on the row alone, and so do its bits. A row that no kernel
decides, or that ends with an error, is computed as at a point.
"""

from __future__ import annotations

import math
import operator
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from adcli.errors import AdcliError, InputError
from adcli.evaluate.room import Room
from adcli.evaluate.threads import together

BLOCK = 65_536
# So few rows are looked at one by one before a kernel is made for them.
_FEW = 8
ROOM = Room()


def elements(name: str, given: Any) -> tuple[tuple[int, ...], list[Any], int]:
    """What was given for an input as columns of doubles.

    Args:
        name: the input.
        given: a column (n,) of a number, or rows of vectors (n, k) or of matrices (n, k, l).

    Returns:
        The shape of the input in one row, a column for each of its elements, and how many
        rows there are.

    Raises:
        InputError: it is no such array, or holds something else than numbers.
    """
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, OverflowError):  # rows of several lengths, among others
        array = np.empty(0, object)
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2, 3):
        raise InputError(
            f"'{name}' is not a column of numbers",
            hint="give an array (rows,), or (rows, length) for a vector",
        )
    if np.ma.is_masked(given):
        raise InputError(f"'{name}' has masked values", hint="fill them, with nan if need be")
    rows, *shape = array.shape
    with np.errstate(over="ignore"):  # of long doubles: they are infinite then
        flat = array.reshape(rows, math.prod(shape)).astype(np.float64, copy=False)
    return tuple(shape), [np.require(x, requirements=["C", "A"]) for x in flat.T], rows


class Computes(Protocol):
    """A kernel, as `native.Kernel` is one."""

    lanes: int

    def run(
        self, inputs: Sequence[int], outputs: Sequence[int], rows: int, threads: int = 1
    ) -> None:
        """Compute rows in so many threads at most."""


class Stage:
    """A kernel with what it does not decide.

    Attributes:
        kernel: the kernel; its last two columns say which rows take more turns, and which
            have failed, unless it decides all.
        decides_all: whether it does.
    """

    __slots__ = ("decides_all", "kernel")

    def __init__(self, kernel: Computes, *, decides_all: bool) -> None:
        self.kernel = kernel
        self.decides_all = decides_all


class Computation(Protocol):
    """What is computed for a row, as `columns.Columns` is it."""

    def is_made(self, number: int) -> bool:
        """Whether the stage of this number, or that there is none, is known."""

    def stage(self, number: int) -> Stage | None:
        """The stage of this number, made if need be; None beyond the last."""

    def is_out_of_reach(self, numbers: Sequence[float]) -> bool:
        """Whether no stage there will ever be decides a row."""

    def at_point(self, numbers: Sequence[float]) -> Sequence[float]:
        """The results of a row that no stage decides; raises what is wrong with it."""


class Blocks:
    """Computes columns from columns.

    Args:
        computation: what is computed.
        width: how many columns that is.
        jobs: how many threads; all cores if None.

    Raises:
        InputError: that is no number of threads.
    """

    def __init__(self, computation: Computation, width: int, jobs: int | None = None) -> None:
        self._computation = computation
        self._width = width
        self._jobs = _threads(jobs)

    def compute(
        self,
        columns: Sequence[Any],
        rows: int,
        *,
        stop: bool = False,
        ended: threading.Event | None = None,
    ) -> tuple[list[Any], dict[int, AdcliError]]:
        """The results for all rows.

        Args:
            columns: arrays of doubles (n,).
            rows: n.
            stop: whether to compute nothing more behind the first row without a result; the
                results are of no use then.
            ended: set by somebody who does not want the results any more.

        Returns:
            Arrays of doubles (n,), and for each row that has no result, why; the numbers in
            it are nan. With `stop` the first of these is there, if there are any.
        """
        columns = [np.ascontiguousarray(column, dtype=np.float64) for column in columns]
        results = ROOM.columns(self._width, rows)
        errors: dict[int, AdcliError] = {}
        first = self._computation.stage(0)
        assert first is not None
        if first.decides_all:
            _run(first, columns, results, rows, self._jobs)
            return results, errors
        spans = [(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK)]
        upcoming = iter(spans)

        def is_over(row: int) -> bool:
            """Whether this row need not be computed."""
            if ended is not None and ended.is_set():
                return True
            return stop and _any_before(errors, row)

        def work() -> None:
            for start, end in upcoming:  # each thread gets others
                if not is_over(start):
                    self._block(columns, results, start, end, errors, is_over)

        together(work, max(min(self._jobs, len(spans)), 1))
        return results, errors

    def _block(
        self,
        columns: Sequence[Any],
        results: Sequence[Any],
        start: int,
        end: int,
        errors: dict[int, AdcliError],
        is_over: Callable[[int], bool],
    ) -> None:
        """Compute some rows, in place."""
        for row in self._by_kernels(columns, results, start, end):
            if is_over(row):
                return
            try:
                numbers = self._computation.at_point(_row(columns, row))
            except AdcliError as error:
                errors[row] = error
                numbers = [math.nan] * len(results)
            for result, value in zip(results, numbers, strict=True):
                result[row] = value

    def _by_kernels(
        self, columns: Sequence[Any], results: Sequence[Any], start: int, end: int
    ) -> list[int]:
        """Compute the rows that kernels decide, in place; the others, in order."""
        computation = self._computation
        stage = computation.stage(0)
        assert stage is not None
        inside = [column[start:end] for column in columns]
        targets = [result[start:end] for result in results]
        undecided, failed = _run(stage, inside, targets, end - start)
        left, alone = start + undecided, [start + failed]
        number, is_looked_at = 0, False
        while left.size:
            number += 1
            if left.size <= _FEW and not (is_looked_at or computation.is_made(number)):
                # An endless row would have every kernel made there can be.
                is_looked_at = True
                far = [computation.is_out_of_reach(_row(columns, row)) for row in left.tolist()]
                alone.append(left[far])
                left = left[np.logical_not(far)]
            stage = computation.stage(number) if left.size else None
            if stage is None:
                alone.append(left)
                break
            inside = [column[left] for column in columns]
            targets = [np.empty(left.size) for _ in results]
            undecided, failed = _run(stage, inside, targets, left.size)
            for result, target in zip(results, targets, strict=True):
                result[left] = target
            alone.append(left[failed])
            left = left[undecided]
        return sorted(np.concatenate(alone).tolist())


def _run(
    stage: Stage, inside: Sequence[Any], targets: Sequence[Any], rows: int, threads: int = 1
) -> tuple[Any, Any]:
    """Run the kernel of a stage; the rows that take more turns, and those that have failed."""
    outputs = list(targets)
    if not stage.decides_all:
        outputs += [np.empty(rows), np.empty(rows)]
    kernel = stage.kernel
    whole = rows - rows % kernel.lanes
    if whole:
        addresses = [x.ctypes.data for x in inside], [x.ctypes.data for x in outputs]
        kernel.run(*addresses, whole, threads)
    if whole < rows:
        # The rest in a vector of its own, filled up with its last row.
        rest = rows - whole
        padded = [np.empty(kernel.lanes) for _ in inside]
        made = [np.empty(kernel.lanes) for _ in outputs]
        for column, room in zip(inside, padded, strict=True):
            room[:rest] = column[whole:]
            room[rest:] = column[-1]
        addresses = [x.ctypes.data for x in padded], [x.ctypes.data for x in made]
        kernel.run(*addresses, kernel.lanes)
        for output, part in zip(outputs, made, strict=True):
            output[whole:] = part[:rest]
    if stage.decides_all:
        return _NONE, _NONE
    undecided, failed = outputs[-2] != 0, outputs[-1] != 0
    return np.flatnonzero(undecided & ~failed), np.flatnonzero(failed)


_NONE = np.empty(0, np.intp)


def _row(columns: Sequence[Any], row: int) -> list[float]:
    """The inputs of a row."""
    return [float(column[row]) for column in columns]


def _any_before(errors: dict[int, AdcliError], row: int) -> bool:
    """Whether a row before this one is known to have no result; other threads add to them."""
    return any(other < row for other in list(errors))


def _threads(jobs: int | None) -> int:
    """How many threads are meant.

    Raises:
        InputError: it is no number of threads.
    """
    if jobs is None:
        return os.cpu_count() or 1
    try:
        number = operator.index(jobs)
    except TypeError:
        number = 0
    if number < 1:
        raise InputError(f"jobs is a number of threads, 1 or more, not {jobs!r}")
    return number
