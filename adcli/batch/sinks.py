"""Where what was made goes: text as it is, and files by a thread of their own."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

# So many blocks may wait to be written.
_MOST_WAITING = 2


class Output(Protocol):
    """Where bytes go."""

    def write(self, data: Any, /) -> int:
        """Write all of them."""

    def flush(self) -> None:
        """Let all arrive."""


class TextSink:
    """Writes pieces of text to a stream.

    Args:
        stream: where they go.
        head: what comes first. It waits for the first rows: they may be an error, and then
            nothing is written.
        flushes: whether each piece is to arrive at once.
    """

    def __init__(self, stream: Output, head: bytes, *, flushes: bool) -> None:
        self._stream = stream
        self._head = [head]
        self._flushes = flushes

    def write(self, pieces: Sequence[Any]) -> None:
        """Write some pieces."""
        for piece in (*self._head, *pieces):
            self._stream.write(piece)
        self._head.clear()
        if self._flushes:
            self._stream.flush()

    def finish(self, nothing: Sequence[Any]) -> None:
        """Of no rows there is the header."""
        self.write(nothing)

    def abort(self) -> None:
        """Nothing is held back that could be written."""


class Behind:
    """Writes in a thread while the next blocks are read and computed.

    For files only: a pipe may not take anything for ever, and then only the main thread
    can be interrupted.
    """

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def write(self, block: Any) -> None:
        """Write a block soon.

        Raises:
            OSError: an earlier one could not be written.
        """
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._sink.write, block))

    def finish(self, nothing: Any) -> None:
        """Write all that waits, and the end.

        Raises:
            OSError: it cannot be written.
        """
        while self._waiting:
            self._waiting.popleft().result()
        self._thread.shutdown()
        self._sink.finish(nothing)

    def abort(self) -> None:
        """Write nothing more."""
        self._thread.shutdown(cancel_futures=True)
        with contextlib.suppress(OSError):  # the disk may be full
            self._sink.abort()
