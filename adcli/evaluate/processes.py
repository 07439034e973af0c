"""Python processes of our own that share work which Python's lock would make one after the other.

A process answers messages, one after the other, over its standard input and output. It ends
when its input does, whatever it does then, and so never outlives the one that started it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO

from adcli.errors import LimitError
from adcli.language.files import reason

_SIZE = struct.Struct("<Q")
# So many messages for each process may wait for it, or for being read in order.
_WAITING = 2
# What to do where there can be no other processes or threads.
ALONE = "--jobs 1 does without"


def own_python() -> tuple[list[str], dict[str, str]]:
    """How to run Python with the modules that this process has: a command, an environment."""
    # -P, or files of the user's own in the current folder would be imported.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("PYTHONUNBUFFERED", None)  # or a pipe may take a part of what is written
    return [sys.executable, "-P"], environment


class Process:
    """A process that answers.

    Args:
        module: what it runs: a module that calls `serve`.
        first: its first message, which has no reply.

    Raises:
        LimitError: it cannot be started.
    """

    def __init__(self, module: str, first: bytes) -> None:
        command, environment = own_python()
        try:
            with _uninterrupted():
                self._process = subprocess.Popen(
                    [*command, "-m", module],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=environment,
                )
        except OSError as error:
            raise LimitError(
                f"no process can be started to share the work: {reason(error)}", details=(ALONE,)
            ) from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        with contextlib.suppress(OSError):  # then there is no answer either
            _send(self._to, first)

    def ask(self, message: bytes) -> bytes:
        """The reply to a message.

        Raises:
            LimitError: the process was ended.
        """
        try:
            _send(self._to, message)
            reply = _receive(self._from)
        except (OSError, ValueError):
            reply = None
        if reply is None:
            raise LimitError(
                "a process that shares the work was ended, perhaps for want of memory",
                details=(ALONE,),
            )
        return reply

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._from.close()
        with contextlib.suppress(OSError):  # what was not sent yet
            self._to.close()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """What is started here never sees Ctrl-C: who starts it decides what that ends."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(start: Callable[[bytes], Callable[[bytes], bytes]]) -> None:
    """Answer the messages that this process gets, until there are no more.

    Args:
        start: makes of the first message what makes replies of the others.
    """
    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, messages), daemon=True).start()
    answer = start(messages.get())
    while True:
        try:
            _send(sys.stdout.buffer, answer(messages.get()))
        except BrokenPipeError:
            os._exit(0)


def _listen(stream: IO[bytes], messages: queue.SimpleQueue[bytes]) -> None:
    """Hand messages on; where they end nobody waits for an answer any more."""
    while (message := _receive(stream)) is not None:
        messages.put(message)
    os._exit(0)


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(_SIZE.pack(len(message)))
    stream.write(message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """The next message; None if there is none, or not all of it."""
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    message = stream.read(size)
    return message if len(message) == size else None


def side_by_side(
    messages: Iterator[bytes], start: Callable[[], Process], count: int
) -> Iterator[bytes]:
    """The replies to messages, in order, each as soon as it is there.

    Args:
        messages: they are taken by a thread, which may have to wait for them.
        start: starts a process.
        count: how many there are at most.

    Raises:
        Exception: what taking a message raised, behind the replies to those before it.
        LimitError: a process was ended.
    """
    shared = _Shared(messages, start, count)
    try:
        yield from shared.replies()
    finally:
        shared.end()


class _Shared:
    """Threads that each ask a process."""

    def __init__(self, messages: Iterator[bytes], start: Callable[[], Process], count: int) -> None:
        self._messages = messages
        self._start = start
        self._pool = ThreadPoolExecutor(count)
        self._room = threading.Semaphore(_WAITING * count)
        self._futures: queue.SimpleQueue[Future[bytes] | BaseException | None]
        self._futures = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._all: list[Process] = []
        self._ended = False

    def replies(self) -> Iterator[bytes]:
        """The replies in order; see `side_by_side`."""
        threading.Thread(target=self._feed, daemon=True).start()
        while (future := self._futures.get()) is not None:
            if isinstance(future, BaseException):
                raise future
            yield future.result()
            self._room.release()

    def end(self) -> None:
        """End the processes, whatever they do."""
        with self._lock:
            self._ended = True
            processes = self._all[:]
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._room.release()
        for process in processes:
            process.end()

    def _feed(self) -> None:
        try:
            for message in self._messages:
                self._room.acquire()
                if self._ended:
                    return
                self._futures.put(self._pool.submit(self._ask, message))
            self._futures.put(None)
        except BaseException as error:  # for the thread that wants the replies
            self._futures.put(error)

    def _ask(self, message: bytes) -> bytes:
        process = self._free()
        reply = process.ask(message)
        with self._lock:
            self._idle.append(process)
        return reply

    def _free(self) -> Process:
        """A process that has nothing to do; there are no more of them than threads."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._ended:
                raise LimitError("ended")
            process = self._start()
            self._all.append(process)
            return process
