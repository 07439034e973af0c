"""Files that appear whole or not at all, and streams that get all of a text or an error."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from adcli.errors import FileError
from adcli.language.files import reason


def write_stream(stream: TextIO, content: str | bytes) -> None:
    """Write all of a text, or of a picture, to a stream.

    An unbuffered standard output may take only the first part of a large text, and a
    text stream does not look: what is left is written until all is, or an error says why.

    Raises:
        OSError: the stream does not take it.
    """
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(content if isinstance(content, str) else content.decode(errors="replace"))
        return
    stream.flush()
    data = memoryview(_encoded(content, stream.encoding or "utf-8"))
    while data:
        written = buffer.write(data)
        data = data[written or 0 :]
    buffer.flush()


def _encoded(content: str | bytes, encoding: str) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return content.encode(encoding)
    except UnicodeError:  # data keeps its names; a table has none that do not fit
        return content.encode("utf-8", "backslashreplace")


_OPEN_FILES = ("/dev/", "/proc/")


def write_whole(path: str, content: str | bytes) -> None:
    """Write a text or picture to a file, whole or not at all.

    Raises:
        FileError: it cannot be written; an old file is then as it was.
    """
    with whole_file(path) as file:
        file.write(_encoded(content, "utf-8"))


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """A file to write that appears when all is: a temporary one in the same folder, then renamed.

    A link is followed, and a device or pipe is written to directly; so is what is open
    already, as /dev/stdout is.

    Raises:
        FileError: it cannot be written; an old file is then as it was.
    """
    import tempfile

    try:
        if os.path.abspath(path).startswith(_OPEN_FILES):
            with open(path, "ab") as file:
                yield file
            return
        target = os.path.realpath(path)
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:
                yield file
            return
        mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else None
        descriptor, partial = tempfile.mkstemp(prefix=".adcli-", dir=os.path.dirname(target) or ".")
        try:
            with open(descriptor, "wb") as file:
                yield file
            if mode is None:
                mask = os.umask(0)
                os.umask(mask)
                mode = 0o666 & ~mask
            os.chmod(partial, mode)
            os.replace(partial, target)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        raise FileError(f"cannot write '{path}': {reason(error)}") from None
