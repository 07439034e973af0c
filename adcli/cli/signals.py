"""Requests to end: of the user with Ctrl-C, of the system, and of a terminal that closes.

They end the process from within their handler. An exception raised there could arrive where
Python throws exceptions away, which is in callbacks of garbage and of weak references: the
request would be lost, and with it what the callback was about to give back, as the lock that
every import waits for.

Handlers run in the main thread between two steps of Python. A signal that comes in the moment
before that thread begins to wait, for a lock or a pipe, does not wake it, so another thread
sends it again until the handler ran.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

_REQUESTS = ("SIGINT", "SIGTERM", "SIGHUP")
# What becomes of a signal that nobody has told to be ignored, as nohup does.
_USUAL = (signal.SIG_DFL, signal.default_int_handler)
# Seconds in which a handler that runs at all has run.
_SOON = 0.05

_undoings: list[Callable[[], object]] = []
_undivided = 0
_came: list[int] = []
_is_ending = False


def hear() -> None:
    """Let requests end this process silently, with 128 and the number as its exit code.

    Who embeds the program does not call this, and keeps Python's own ways.
    """
    for name in _REQUESTS:
        number = getattr(signal, name, None)  # not all systems have all
        if number is not None and signal.getsignal(number) in _USUAL:
            signal.signal(number, _end)
    # The pipe must not get the number of a standard stream that is closed.
    if hasattr(signal, "pthread_kill") and None not in (sys.stdin, sys.stdout, sys.stderr):
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        with contextlib.suppress(RuntimeError):  # there may be no more threads
            _thread.start_new_thread(_repeat, (reading, _thread.get_ident()))


def _repeat(descriptor: int, thread: int) -> None:
    """Send a thread the signal again that a pipe tells of."""
    (number,) = os.read(descriptor, 1)
    while True:
        time.sleep(_SOON)
        signal.pthread_kill(thread, number)


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
    global _is_ending
    if _undivided:
        _came.append(number)
        return
    if _is_ending:  # it comes again and again
        return
    _is_ending = True
    for undo in reversed(_undoings):
        with contextlib.suppress(Exception):  # the others are still to be undone
            undo()
    os._exit(128 + number)
