"""Requests to end: of the user with Ctrl-C, of the system, and of a terminal that closes.

They end the process from within their handler. An exception raised there could arrive where
Python throws exceptions away, which is in callbacks of garbage and of weak references: the
request would be lost, and with it what the callback was about to give back, as the lock that
every import waits for.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

_REQUESTS = ("SIGINT", "SIGTERM", "SIGHUP")
# What becomes of a signal that nobody has told to be ignored, as nohup does.
_USUAL = (signal.SIG_DFL, signal.default_int_handler)

_undoings: list[Callable[[], object]] = []
_undivided = 0
_came: list[int] = []


def hear() -> None:
    """Let requests end this process silently, with 128 and the number as its exit code.

    Who embeds the program does not call this, and keeps Python's own ways.
    """
    for name in _REQUESTS:
        number = getattr(signal, name, None)  # not all systems have all
        if number is not None and signal.getsignal(number) in _USUAL:
            signal.signal(number, _end)


@contextlib.contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """Let a request that ends this process undo something first.

    Args:
        undo: does it. It is called in the middle of anything, and must wait for no lock.
    """
    _undoings.append(undo)
    try:
        yield
    finally:
        _undoings.remove(undo)


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """Let requests wait until something is done whole; they cannot cut short what waits."""
    global _undivided
    _undivided += 1
    try:
        yield
    finally:
        _undivided -= 1
        if _came and not _undivided:
            _end(_came[0], None)


def _end(number: int, frame: FrameType | None) -> None:
    if _undivided:
        _came.append(number)
        return
    for undo in reversed(_undoings):
        with contextlib.suppress(Exception):  # the others are still to be undone
            undo()
    os._exit(128 + number)
