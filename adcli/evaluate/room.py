"""Room for columns of results, used again when nobody holds them any more.

Fresh memory is dear: each page of it is a fault and is zeroed, which for a cheap formula
takes longer than computing. What was made for one call serves the next.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from typing import Any

import numpy as np

# More than this is given back to the system.
_MOST_KEPT = 1 << 28
# Columns begin at a line of the cache.
_ALIGNMENT = 64


class Room:
    """Keeps memory between calls."""

    def __init__(self) -> None:
        self._free: list[Any] = []
        # A collection of garbage in here may give back memory in this very thread, which
        # appends to the list; whatever is done with the list bears that.
        self._lock = threading.RLock()

    def columns(self, count: int, rows: int) -> list[Any]:
        """Arrays of doubles (rows,), not initialized.

        They begin at multiples of 64 bytes, and rows up to a multiple of 8 may be written
        to behind each.
        """
        # An odd number of lines: the same rows of all columns do not meet in the same few
        # places of a cache.
        stride = (-(-8 * rows // _ALIGNMENT) | 1) * _ALIGNMENT
        size = max(count, 1) * stride + _ALIGNMENT
        block = self._take(size)
        # Views hold on to this; when the last is gone the block is free.
        owner = (ctypes.c_char * len(block)).from_buffer(block)
        weakref.finalize(owner, self._give, block).atexit = False
        whole = np.frombuffer(memoryview(owner).cast("B"), np.uint8)
        first = -whole.ctypes.data % _ALIGNMENT
        starts = (first + i * stride for i in range(count))
        return [whole[start : start + 8 * rows].view(np.float64) for start in starts]

    def _take(self, size: int) -> Any:
        with self._lock:
            for position, block in enumerate(self._free):
                if size <= len(block) <= 2 * size:
                    return self._free.pop(position)
        return np.empty(size, np.uint8)

    def _give(self, block: Any) -> None:
        with self._lock:
            self._free.append(block)
            while sum(map(len, self._free)) > _MOST_KEPT:
                self._free.pop(0)
