"""Work that several threads share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def together(work: Callable[[], None], threads: int) -> None:
    """Do work in this thread, and at the same time in others.

    The others are kept for the next time: starting them may take longer than the work. If
    all are busy this thread does the work alone.

    Args:
        work: does a part of the work after another until none is left.
        threads: how many do it.
    """
    others = [_helpers().submit(work) for _ in range(threads - 1)]
    interrupt = None
    try:
        work()
    finally:
        # One that has not begun would find nothing left. The memory that the others write to
        # may be gone once this returns, so whatever happens they are waited for.
        for other in others:
            while not (other.cancel() or other.done()):
                try:
                    wait([other])
                except KeyboardInterrupt as caught:
                    interrupt = caught
    if interrupt is not None:
        raise interrupt
    for other in others:
        if not other.cancelled():
            other.result()


def _helpers() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(os.cpu_count() or 1, "adcli")
        return _pool


def _forget() -> None:
    """In a child process there are no threads of the parent."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
