"""A graph over columns: LLVM vector code for it, compiled once and run over blocks of rows.

The code is straight: all rows go through the same operations, a vector of them at a time,
and a choice takes one of two values. Transcendental functions are those of the C library:
its vector library (glibc's libmvec, at most 4 ulp) where there is one, else the scalar
ones, lane by lane. There is no reassociation and no contraction, so that a row's bits do
not depend on its place.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from adcli.evaluate.chunks import Chunks, Output
from adcli.evaluate.target import Target
from adcli.evaluate.text import ALIGNMENT
from adcli.evaluate.threads import together
from adcli.graph.open import OpenGraph

__all__ = ["Kernel", "Target"]

# Results of more bytes than this do not stay in a cache anyway: they are written past it,
# which saves reading what they replace.
_STREAMS = 4 << 20
# Code for more operations than this is not made for both.
_DEAR = 2_000
# Threads take so many rows at a time, fewer if there are few; a multiple of any vector.
_BLOCK = 4_096
_SMALLEST_BLOCK = 64
# So many rows times operations and columns are worth another thread, and are computed
# before anybody may interrupt.
_WORTH_A_THREAD = 1 << 20
_TURN = 1 << 31


class Kernel:
    """Compiled code for the results of a graph.

    Args:
        graph: the graph.
        inputs: the nodes that columns are read into, in order.
        outputs: what is computed for each row, in order.
        target: the machine.

    Attributes:
        operations: how many operations and conditions a row takes.
        lanes: rows are computed so many at a time.
    """

    def __init__(
        self,
        graph: OpenGraph,
        inputs: Sequence[int],
        outputs: Sequence[Output],
        target: Target,
    ) -> None:
        self._chunks = Chunks(graph, inputs, outputs, target)
        self.operations = self._chunks.operations
        self.lanes = target.lanes
        self._target = target
        self._lock = threading.Lock()
        self._codes: dict[bool, _Code] = {}

    def run(
        self, inputs: Sequence[int], outputs: Sequence[int], rows: int, threads: int = 1
    ) -> None:
        """Compute rows; other threads run meanwhile.

        Args:
            inputs: the addresses of the columns.
            outputs: the addresses of columns of doubles to write.
            rows: how many rows, a multiple of `lanes`.
            threads: how many threads may share the work; fewer do if there is little.
        """
        size = rows * (self.operations + len(inputs) + len(outputs))
        threads = max(min(threads, size // _WORTH_A_THREAD), 1)
        is_aligned = self._target.fills_lines and all(x % ALIGNMENT == 0 for x in outputs)
        code = self._code(is_aligned, is_large=8 * rows * len(outputs) >= _STREAMS)
        work = _Shared(code, inputs, outputs, rows, threads, size)
        if threads == 1:
            work()
        else:
            together(work, threads)

    def _code(self, is_aligned: bool, *, is_large: bool) -> _Code:
        """Code for outputs that may be streamed, and that had better be."""
        streams = is_aligned and is_large
        with self._lock:
            code = self._codes.get(streams)
            if code is None and self.operations > _DEAR and (streams or is_aligned):
                code = self._codes.get(not streams)
            if code is None:
                code = self._codes[streams] = _Code(self._chunks, self._target, streams)
            return code


class _Code:
    """Machine code in memory.

    Attributes:
        call: kernel(in, out, data, scratch, next, rows, block), see `Chunks.module`.
        data: what is to be handed to it.
        scratch: how many bytes it needs for itself.
    """

    def __init__(self, chunks: Chunks, target: Target, streams: bool) -> None:
        module = llvm.parse_assembly(chunks.module(streams=streams))
        self._engine = llvm.create_mcjit_compiler(module, target.machine())
        self._engine.finalize_object()
        address = self._engine.get_function_address("kernel")
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        self.call: Callable[..., None] = ctypes.CFUNCTYPE(None, *[pointer] * 5, number, number)(
            address
        )
        self._owner, self.data = chunks.data.in_memory()
        self.scratch = 8 * target.lanes * chunks.slots


class _Shared:
    """Rows that threads take in turn: each calls this, and computes some until none is left."""

    def __init__(
        self,
        code: _Code,
        inputs: Sequence[int],
        outputs: Sequence[int],
        rows: int,
        threads: int,
        size: int,
    ) -> None:
        self._code = code
        self._sources = (ctypes.c_void_p * max(len(inputs), 1))(*inputs)
        self._targets = (ctypes.c_void_p * max(len(outputs), 1))(*outputs)
        self._is_stopped = False
        share = -(-rows // (8 * threads * _SMALLEST_BLOCK)) * _SMALLEST_BLOCK
        self._block = max(min(_BLOCK, share), _SMALLEST_BLOCK)
        turn = max(_TURN * rows // max(size, 1) // _BLOCK, 1) * _BLOCK
        self._ends = [*range(turn, rows, turn), rows]
        # Of each turn the first row that nobody has taken.
        self._next = (ctypes.c_int64 * len(self._ends))(0, *self._ends[:-1])

    def __call__(self) -> None:
        code = self._code
        room: Any = np.empty(code.scratch + ALIGNMENT, np.uint8)
        scratch = -(-room.ctypes.data // ALIGNMENT) * ALIGNMENT
        first = ctypes.addressof(self._next)
        try:
            for number, end in enumerate(self._ends):
                if self._is_stopped:
                    return
                upcoming = first + 8 * number
                code.call(
                    self._sources, self._targets, code.data, scratch, upcoming, end, self._block
                )
        except BaseException:  # somebody interrupts: the other threads need not go on
            self._is_stopped = True
            raise
