"""Files that appear whole or not at all, and streams that get all of a text or an error."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

from adcli.cli import signals
from adcli.errors import FileError
from adcli.language.files import reason


class Writer:
    """Writes all of what it is given, or says why not.

    An unbuffered standard output may take only the first part of it, as may a pipe while a
    signal arrives.

    Args:
        stream: where it goes.
        path: its name in errors; None if errors are to stay what they are.
    """

    def __init__(self, stream: Any, path: str | None = None) -> None:
        self._stream = stream
        self._path = path

    def write(self, data: Any) -> int:
        """Write some bytes.

        Raises:
            FileError: the file does not take them.
            BrokenPipeError: nobody reads them.
            OSError: the stream does not take them.
        """
        rest = memoryview(data).cast("B")
        size = len(rest)
        with refused(self._path):
            while rest:
                rest = rest[self._stream.write(rest) or 0 :]
        return size

    def fileno(self) -> int:
        """The descriptor it goes to."""
        number: int = self._stream.fileno()
        return number

    def flush(self) -> None:
        """Let all arrive.

        Raises:
            As `write`.
        """
        with refused(self._path):
            self._stream.flush()


@contextlib.contextmanager
def refused(path: str | None) -> Iterator[None]:
    """Give errors of a file its name; but that nobody reads is no error of a file."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if path is None:
            raise
        raise FileError(f"cannot write '{path}': {reason(error)}") from None


@contextlib.contextmanager
def waiting(descriptor: int) -> Iterator[None]:
    """Let a stream wait that another process has told not to: nothing yet is not the end."""
    try:
        waits = os.get_blocking(descriptor)
    except OSError:  # it is closed: who uses it says so
        waits = True
    if waits:
        yield
        return
    restore = functools.partial(os.set_blocking, descriptor, False)
    with signals.undone(restore):
        os.set_blocking(descriptor, True)
        try:
            yield
        finally:
            restore()


def write_stream(stream: TextIO, content: str | bytes) -> None:
    """Write all of a text, or of a picture, to a stream.

    Raises:
        OSError: the stream does not take it.
    """
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(content if isinstance(content, str) else content.decode(errors="replace"))
        return
    stream.flush()
    Writer(buffer).write(_encoded(content, stream.encoding or "utf-8"))
    buffer.flush()


def _encoded(content: str | bytes, encoding: str) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return content.encode(encoding)
    except UnicodeError:  # data keeps its names; a table has none that do not fit
        return content.encode("utf-8", "backslashreplace")


# What is open already has a place to write at, which others share.
_DESCRIPTOR = re.compile(r"/(?:dev|dev/fd|proc/self/fd)/(stdin|stdout|stderr|[0-9]{1,9})")
_STANDARD = {"stdin": 0, "stdout": 1, "stderr": 2}
_OPEN_FILES = ("/dev/", "/proc/")


def write_whole(path: str, content: str | bytes) -> None:
    """Write a text or picture to a file, whole or not at all.

    Raises:
        FileError: it cannot be written; an old file is then as it was.
    """
    with whole_file(path) as file:
        file.write(_encoded(content, "utf-8"))


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[Writer]:
    """A file to write that appears when all is: a temporary one in the same folder, then renamed.

    A link is followed, and a device or pipe is written to directly; so is what is open
    already, as /dev/stdout is.

    Raises:
        FileError: it cannot be written; an old file is then as it was.
    """
    target = os.path.realpath(path)
    with contextlib.ExitStack() as stack:
        partial: str | None = None
        with refused(path):
            if os.path.islink(target):  # one that leads to itself
                raise OSError(errno.ELOOP, "")
            if os.path.abspath(path).startswith(_OPEN_FILES):
                file = _opened(os.path.abspath(path))
            elif os.path.exists(target) and not os.path.isfile(target):
                file = open(target, "wb")  # noqa: SIM115  (closed below)
            else:
                with signals.undivided():
                    file, partial = _temporary(target)
                    stack.enter_context(signals.undone(functools.partial(os.unlink, partial)))
        try:
            yield Writer(file, path)
            with refused(path):
                file.close()
                if partial is not None:
                    os.chmod(partial, _mode(target))
                    os.replace(partial, target)
        except BaseException:
            with contextlib.suppress(OSError):
                file.close()
            if partial is not None:
                with contextlib.suppress(FileNotFoundError):  # it has its name already
                    os.unlink(partial)
            raise


def _opened(path: str) -> BinaryIO:
    """A device, or what is open already."""
    found = _DESCRIPTOR.fullmatch(path)
    if found is None:
        return open(path, "ab")
    number = _STANDARD[found[1]] if found[1] in _STANDARD else int(found[1])
    return open(os.dup(number), "wb")


def _temporary(target: str) -> tuple[BinaryIO, str]:
    import tempfile

    descriptor, path = tempfile.mkstemp(prefix=".adcli-", dir=os.path.dirname(target) or ".")
    return open(descriptor, "wb"), path


def _mode(target: str) -> int:
    """The rights of a file: as before, or as those of a new one."""
    if os.path.exists(target):
        return os.stat(target).st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
