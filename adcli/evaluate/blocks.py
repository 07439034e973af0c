"""Kernels over columns in memory: blocks of rows, in threads, and rows that need more turns.

A block is small enough for what it reads and writes to stay in a cache. A row that a kernel
leaves undecided, because a loop of it takes more turns, goes to the kernel of twice as many;
which kernel computes a row depends on the row alone, and so do its bits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from adcli.errors import InputError
from adcli.evaluate.room import Room

BLOCK = 65_536
ROOM = Room()


def elements(name: str, given: Any) -> tuple[tuple[int, ...], list[Any]]:
    """What was given for an input as columns of doubles.

    Args:
        name: the input.
        given: a column (n,) of a number, or rows of vectors (n, k) or of matrices (n, k, l).

    Returns:
        The shape of the input in one row, and a column for each of its elements.

    Raises:
        InputError: it is no such array, or holds something else than numbers.
    """
    array = np.asarray(given)
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2, 3):
        raise InputError(
            f"'{name}' is not a column of numbers",
            hint="give an array (rows,), or (rows, length) for a vector",
        )
    shape = array.shape[1:]
    flat = array.reshape(len(array), -1)
    return shape, [np.ascontiguousarray(flat[:, i], np.float64) for i in range(flat.shape[1])]


class Computes(Protocol):
    """A kernel, as `native.Kernel` is one."""

    lanes: int

    def run(self, inputs: Sequence[int], outputs: Sequence[int], rows: int) -> None:
        """Compute rows."""


class Stage:
    """A kernel with what it leaves undecided.

    Attributes:
        kernel: the kernel; if rows may be undecided its last column says which.
        decides_all: whether none may be.
    """

    __slots__ = ("decides_all", "kernel")

    def __init__(self, kernel: Computes, *, decides_all: bool) -> None:
        self.kernel = kernel
        self.decides_all = decides_all


# The stage of a number, None beyond the last.
Stages = Callable[[int], "Stage | None"]
# The results of one row at a point; it raises what is wrong with that row.
AtPoint = Callable[[Sequence[float]], Sequence[float]]


class Blocks:
    """Computes columns from columns.

    Args:
        stages: the kernels, made as they are needed.
        width: how many columns are computed.
        at_point: computes a row that no stage decides.
        jobs: how many threads; all cores if None.
    """

    def __init__(
        self, stages: Stages, width: int, at_point: AtPoint, jobs: int | None = None
    ) -> None:
        self._stages = stages
        self._width = width
        self._at_point = at_point
        self._jobs = jobs or os.cpu_count() or 1

    def compute(self, columns: Sequence[Any], rows: int) -> tuple[list[Any], dict[int, Exception]]:
        """The results for all rows.

        Args:
            columns: arrays of doubles (n,).
            rows: n.

        Returns:
            Arrays of doubles (n,), and for each row that has no result, why; the numbers in
            it are nan.
        """
        columns = [np.ascontiguousarray(column, dtype=np.float64) for column in columns]
        results = ROOM.columns(self._width, rows)
        errors: dict[int, Exception] = {}
        spans = [(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK)]

        def work(span: tuple[int, int]) -> None:
            start, end = span
            self._block(columns, results, start, end, errors)

        if len(spans) <= 1 or self._jobs == 1:
            for span in spans:
                work(span)
        else:
            with ThreadPoolExecutor(min(self._jobs, len(spans))) as pool:
                list(pool.map(work, spans))
        return results, errors

    def _block(
        self,
        columns: Sequence[Any],
        results: Sequence[Any],
        start: int,
        end: int,
        errors: dict[int, Exception],
    ) -> None:
        """Compute some rows, in place."""
        inside = [column[start:end] for column in columns]
        targets = [result[start:end] for result in results]
        left = self._stage(0, inside, targets, end - start)
        number = 0
        while left.size:
            number += 1
            inside = [np.ascontiguousarray(column[start:end][left]) for column in columns]
            if self._stages(number) is None:
                self._alone(inside, results, start + left, errors)
                return
            targets = [np.empty(left.size) for _ in results]
            still = self._stage(number, inside, targets, left.size)
            for result, target in zip(results, targets, strict=True):
                result[start + left] = target
            left = left[still]

    def _stage(self, number: int, inside: Sequence[Any], targets: Sequence[Any], rows: int) -> Any:
        """Run the kernel of a stage; the rows it leaves undecided."""
        stage = self._stages(number)
        assert stage is not None
        outputs = list(targets)
        if not stage.decides_all:
            outputs.append(np.empty(rows))
        kernel = stage.kernel
        whole = rows - rows % kernel.lanes
        if whole:
            kernel.run([x.ctypes.data for x in inside], [x.ctypes.data for x in outputs], whole)
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
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(outputs[-1])

    def _alone(
        self,
        inside: Sequence[Any],
        results: Sequence[Any],
        rows: Any,
        errors: dict[int, Exception],
    ) -> None:
        """Compute rows one by one, as at a point."""
        for k, row in enumerate(rows.tolist()):
            try:
                numbers = self._at_point([float(column[k]) for column in inside])
            except Exception as error:  # whatever it is belongs to this row
                errors[row] = error
                numbers = [float("nan")] * len(results)
            for result, number in zip(results, numbers, strict=True):
                result[row] = number
