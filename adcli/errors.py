"""What can go wrong, where in the text it did, and the exit code that says so.

Nothing here prints: `render.messages` turns these into text. Nothing here is raised for
a non-finite number either, which is a result, unless `--strict` asks (`NonFiniteError`).
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum

DEFAULT_MAX_OPERATIONS = 10_000_000
# Of a picture of a graph.
DEFAULT_MAX_NODES = 2_000


class ExitCode(IntEnum):
    """The exit codes of every command; see the README."""

    DONE = 0
    NO = 1
    USAGE = 2
    PROGRAM = 3
    NON_FINITE = 4
    FILE = 5
    LIMIT = 6
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class Source:
    """A text with a name, able to say which line and column an offset is in."""

    __slots__ = ("_starts", "name", "text")

    def __init__(self, text: str, name: str = "expression") -> None:
        self.text = text
        self.name = name
        self._starts: list[int] | None = None

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of a character offset, both counted from 1."""
        if self._starts is None:
            ends = (i + 1 for i, character in enumerate(self.text) if character == "\n")
            self._starts = [0, *ends]
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (counted from 1), without its end."""
        self.position(0)
        assert self._starts is not None
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


class Span:
    """A piece of a source: characters `start` to `end`, the end not included."""

    __slots__ = ("end", "source", "start")

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.start = start
        self.end = end

    @property
    def line(self) -> int:
        """The line of the first character, counted from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """The column of the first character, counted from 1."""
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]


class AdcliError(Exception):
    """Base of every error that adcli raises on purpose.

    Args:
        message: one sentence without a full stop.
        span: where in a program it happened, if it did.
        hint: a few words printed behind the carets, such as "did you mean 'sin'?".
        details: further lines, each a whole thought.
    """

    exit_code = ExitCode.PROGRAM

    def __init__(
        self,
        message: str,
        span: Span | None = None,
        *,
        hint: str = "",
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint
        self.details = details
        self._added: list[str] = []

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]  # see add_note
        """What Python prints below the message where nobody catches the error."""
        span = self.span
        place = f"--> {span.source.name}:{span.line}:{span.column}" if span else ""
        return [*filter(None, (place, self.hint, *self.details)), *self._added]

    def add_note(self, note: str) -> None:
        """As of all exceptions."""
        self._added.append(note)

    def data(self) -> dict[str, str | int | None]:
        """As JSON has it: where there is no place, `line` and `column` are None."""
        found: dict[str, str | int | None] = {
            "message": self.message,
            "line": self.span.line if self.span else None,
            "column": self.span.column if self.span else None,
        }
        hint = "; ".join(filter(None, (self.hint, *self.details)))
        return {**found, "hint": hint} if hint else found


class ProgramError(AdcliError):
    """The text of a program: syntax, names, shapes."""

    exit_code = ExitCode.PROGRAM


class InputError(AdcliError):
    """What was asked of a program: its inputs, results, options."""

    exit_code = ExitCode.USAGE


class NonFiniteError(AdcliError):
    """A value or derivative is not finite, and `strict` was asked for."""

    exit_code = ExitCode.NON_FINITE


class FileError(AdcliError):
    """A file cannot be read or written."""

    exit_code = ExitCode.FILE


class RowFailedError(AdcliError):
    """A row of a table cannot be computed."""

    exit_code = ExitCode.NO


class LimitError(AdcliError):
    """A limit was reached: operations, depth, size of the text."""

    exit_code = ExitCode.LIMIT
