"""The bytes that the commands for tables and lines read and write."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from adcli.cli.files import Writer, waiting, whole_file
from adcli.errors import FileError, InputError
from adcli.language.files import reason


def format_of(
    path: str, given: str | None, option: str, endings: Mapping[str, str], usual: str
) -> str:
    """The format of a file: as said, or by its ending.

    Args:
        path: its name; - and what is in /dev are streams.
        given: what was said.
        option: the option that says it.
        endings: the formats there are, by the endings of files.
        usual: of a stream, if nothing was said.

    Raises:
        InputError: the ending says none.
    """
    if given is not None:
        return given
    ending = os.path.splitext(path)[1].lower()
    if ending in endings:
        return endings[ending]
    if path == "-" or path.startswith("/dev/"):
        return usual
    raise InputError(
        f"'{path}' has no ending that says a format",
        details=(f"endings: {', '.join(endings)}; or say {option}",),
    )


@contextlib.contextmanager
def reading(path: str) -> Iterator[BinaryIO]:
    """The bytes of a file; of standard input if it is called -.

    Raises:
        FileError: it cannot be read.
    """
    if path == "-":
        if sys.stdin is None:
            raise FileError("standard input is closed")
        with waiting(sys.stdin.fileno()):
            yield sys.stdin.buffer
        return
    try:
        file = open(path, "rb")  # noqa: SIM115  (closed below)
        if os.path.isdir(path):
            raise IsADirectoryError
    except OSError as error:
        raise FileError(f"cannot read '{path}': {reason(error)}") from None
    with file:
        yield file


@contextlib.contextmanager
def writing(path: str | None, stdout: Any, source: BinaryIO) -> Iterator[Writer]:
    """Where bytes are written: a file that appears whole, or standard output.

    Args:
        path: the file, or None.
        stdout: standard output.
        source: what is read meanwhile.

    Raises:
        FileError: the file cannot be written.
        InputError: standard output is the file that is read: that would never end.
    """
    if path is None:
        _check_apart(stdout, source)
        stdout.flush()
        with waiting(stdout.fileno()):
            yield Writer(stdout.buffer)
        return
    with whole_file(path) as file:
        _check_apart(file, source)  # it may be /dev/stdout
        yield file


def _check_apart(output: Any, source: BinaryIO) -> None:
    """Raise if what is written would be read again.

    Raises:
        InputError: both are one file.
    """
    try:
        one, other = os.fstat(output.fileno()), os.fstat(source.fileno())
    except (OSError, ValueError):
        return
    if stat.S_ISREG(one.st_mode) and os.path.samestat(one, other):
        raise InputError("standard output is the file that is read", hint="write -o FILE")
