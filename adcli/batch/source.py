"""The bytes of a text as they are read, cut into blocks where its format says."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from typing import BinaryIO

from adcli.batch.records import breaks
from adcli.batch.rows import fewer
from adcli.errors import FileError
from adcli.language.files import TO_UTF8, UTF16, is_utf16, reason

BLOCK = 1 << 21
# How other files begin, what they are, and what to do about it.
_OTHERS = {
    b"PAR1\x15": ("Parquet", "write --from parquet"),
    b"ARROW1\x00": ("Arrow", "write --from arrow"),
    b"\xff\xff\xff\xff": ("Arrow", "write --from arrow"),
    b"\x1f\x8b\x08": ("compressed", "zcat unpacks it"),
    b"\x28\xb5\x2f\xfd": ("compressed", "zstdcat unpacks it"),
}
_MARKS = (BOM_UTF8, BOM_UTF16_LE, BOM_UTF16_BE, *_OTHERS)
# With the character that follows the mark of UTF-16.
_LONGEST_UTF16 = 4


def _may_be_mark(data: bytes) -> bool:
    """Whether some bytes may be the beginning of what says how a text is written."""
    if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return len(data) < _LONGEST_UTF16
    return any(mark.startswith(data) and mark != data for mark in _MARKS)


class Block:
    """Bytes of whole records, and the number of their first line."""

    __slots__ = ("data", "line")

    def __init__(self, data: bytes, line: int) -> None:
        self.data = data
        self.line = line


class Source:
    """A text that is read in blocks; a mark of its encoding at the start is left out.

    Args:
        stream: the bytes.
        longest: so many bytes may be looked at for the end of a record.
        too_long: the error if there is none in these.
        as_they_come: whether blocks are what is there, however little.
        breaks: how many lines end in some bytes.

    Raises:
        FileError: it cannot be read, now or later, or is in UTF-16.

    Attributes:
        ended: whether there is no more than what was read.
    """

    def __init__(
        self,
        stream: BinaryIO,
        longest: int,
        too_long: Callable[[bytes], Exception],
        *,
        as_they_come: bool,
        breaks: Callable[[bytes], int] = breaks,
    ) -> None:
        self._read = stream.read1 if as_they_come else stream.read  # type: ignore[attr-defined]  # buffered
        self._longest = longest
        self._too_long = too_long
        self._as_they_come = as_they_come
        self._breaks = breaks
        self._size = BLOCK
        self._data = b""
        self._start = 0
        self._line = 1
        self.ended = False
        self._fill(1)
        while _may_be_mark(self._data) and not self.ended:
            self._fill(len(self._data) + 1)
        self._data = self._data.removeprefix(BOM_UTF8)
        if is_utf16(self._data):
            raise FileError(f"the table is {UTF16}", hint=TO_UTF8)
        for mark, (what, hint) in _OTHERS.items():
            if self._data.startswith(mark):
                raise FileError(f"the table is no text, but {what}", hint=hint)

    def __len__(self) -> int:
        return len(self._data) - self._start

    def peek(self, size: int | None = None) -> bytes:
        """What was read and not taken yet, or so many bytes of it."""
        return self._data[self._start : None if size is None else self._start + size]

    def look(self, size: int) -> bytes:
        """So many bytes, or all there are; of lines answered as they come what is there."""
        if not self._as_they_come:
            self._fill(size)
        return self.peek(size)

    def _fill(self, least: int) -> None:
        """Read until there are so many bytes that were not taken, or no more."""
        if len(self) >= least or self.ended:
            return
        pieces = [self.peek()]
        size = len(pieces[0])
        while size < least and not self.ended:
            asked = BLOCK if self._as_they_come else min(least - size, BLOCK)
            try:
                piece = self._read(asked)
            except OSError as error:
                raise FileError(f"the table cannot be read: {reason(error)}") from None
            # A terminal would go on after its end; what comes short has ended.
            self.ended = not piece or (not self._as_they_come and len(piece) < asked)
            pieces.append(piece)
            size += len(piece)
        self._data, self._start = b"".join(pieces), 0

    def more(self) -> None:
        """Read on: what is there ends nowhere.

        Raises:
            Exception: as `too_long` says, if it is too much already.
        """
        size = len(self)
        if size > self._longest:
            raise self._too_long(self.peek())
        # Twice as much each time: what was looked at is looked at again.
        self._fill(size + 1 if self._as_they_come else max(2 * size, BLOCK))

    def take(self, size: int) -> Block:
        """The next bytes."""
        data = self.peek(size)
        self._start += size
        block = Block(data, self._line)
        self._line += self._breaks(data)
        return block

    def prepare(self, read: int, made: int) -> None:
        """Make blocks smaller, if need be: see `rows.Reader`."""
        # A number and what separates it are two bytes or more.
        self._size = fewer(BLOCK, made / max(1, 2 * read))

    def blocks(self, last_end: Callable[[bytes], int]) -> Iterator[Block]:
        """Blocks of whole records.

        Args:
            last_end: where the last record ends that is whole; 0 if none is.
        """
        size = self._size
        while True:
            self._fill(1 if self._as_they_come else size)
            if not len(self):
                return
            window = self.peek(None if self._as_they_come else size)
            end = self._end(window, last_end)
            while not end:
                if len(window) == len(self):
                    self.more()
                window = self.peek(None if self._as_they_come else max(2 * len(window), size))
                end = self._end(window, last_end)
            yield self.take(end)

    def _end(self, window: bytes, last_end: Callable[[bytes], int]) -> int:
        return len(window) if self.ended and len(window) == len(self) else last_end(window)
