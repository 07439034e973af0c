"""Programs and points from files and streams."""

from __future__ import annotations

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import Any, BinaryIO

from adcli.errors import FileError, InputError, LimitError, Source
from adcli.language.parser import MAX_CHARACTERS

# No UTF-8 character is longer than four bytes.
_MAX_BYTES = 4 * MAX_CHARACTERS


def program_path(text: str) -> str | None:
    """The file that a text names which ends in ".ad" or begins with "@"; None of an expression."""
    is_file = text.startswith("@") or text.endswith(".ad")
    return text.removeprefix("@") if is_file else None


def program_source(text: str) -> Source:
    """An expression itself, or the program in the file that it names (see `program_path`).

    Raises:
        FileError, LimitError: as `read_program` does.
    """
    path = program_path(text)
    return Source(text) if path is None else read_program(path)


def read_program(path: str) -> Source:
    """The program in a file.

    Raises:
        FileError: it cannot be read, or is not UTF-8.
        LimitError: it is too large.
    """
    try:
        with open(path, "rb") as file:
            return _decode(file, path)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read '{path}': {reason(error)}") from None


def read_stream(stream: BinaryIO, name: str) -> Source:
    """The program on a stream, read to its end. Raises what `read_program` does."""
    try:
        return _decode(stream, name)
    except OSError as error:
        raise FileError(f"cannot read {name}: {reason(error)}") from None


def _decode(file: BinaryIO, name: str) -> Source:
    data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise LimitError(f"'{name}' is larger than the limit of {_MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if is_utf16(data):
            raise FileError(f"'{name}' is {UTF16}", hint=TO_UTF8) from None
        raise FileError(
            f"'{name}' is not UTF-8 text: byte 0x{data[error.start]:02x} at offset {error.start}"
        ) from None
    return Source(text, name)


def unrepeated(pairs: list[tuple[str, Any]], what: str = "") -> dict[str, Any]:
    """An object of JSON, whose keys come once: a hook for the reader of the standard library.

    Args:
        pairs: its keys and values.
        what: what the keys are called in the message.

    Raises:
        InputError: a key comes twice.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InputError(f"{what}'{name}' is given twice")
        found[name] = value
    return found


# What some systems write unasked, in words, and the way out.
UTF16, TO_UTF8 = "text in UTF-16, and not in UTF-8", "iconv -f UTF-16 -t UTF-8"


def is_utf16(data: bytes) -> bool:
    """Whether bytes begin as text in UTF-16 does: with its mark and a character of ASCII."""
    return data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) and 0 in data[2:4]


def reason(error: Exception) -> str:
    """Why a file could not be used, in the system's words."""
    if isinstance(error, OSError) and error.errno is not None:
        text = os.strerror(error.errno)
        return text[0].lower() + text[1:]
    return str(error)
