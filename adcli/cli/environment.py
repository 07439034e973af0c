"""The streams and habits of one run of the program, in an object that tests can replace."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

_NOTATION = "v̄₋₁ × ∂ ε √ ╭"


class Environment:
    """Where output goes and how it may look.

    Args:
        stdout, stderr: the streams.
        variables: the environment variables.
        color: "auto", "always" or "never".
        ascii_only: True asks for ASCII; else the locale and the stream decide.
    """

    def __init__(
        self,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        variables: Mapping[str, str] | None = None,
        color: str = "auto",
        ascii_only: bool = False,
    ) -> None:
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.variables = os.environ if variables is None else variables
        self.color = color
        self.ascii_asked = ascii_only

    def colored(self, stream: TextIO) -> bool:
        """Whether to use colours and bold on a stream."""
        if self.color != "auto":
            return self.color == "always"
        if self.variables.get("NO_COLOR") or self.variables.get("TERM") == "dumb":
            return False
        return stream.isatty()

    def ascii_only(self, stream: TextIO) -> bool:
        """Whether a stream may get ASCII only."""
        if self.ascii_asked:
            return True
        for name in ("LC_ALL", "LC_CTYPE", "LANG"):
            value = self.variables.get(name)
            if value:
                if value in ("C", "POSIX"):
                    return True
                break
        try:
            _NOTATION.encode(stream.encoding or "utf-8")
        except (UnicodeError, LookupError):
            return True
        return False

    def width(self, stream: TextIO) -> int | None:
        """The columns of the terminal a stream is; None of a pipe or file."""
        if not stream.isatty():
            return None
        columns = self.variables.get("COLUMNS", "")
        if columns.isdigit() and int(columns) > 0:
            return int(columns)
        try:
            return os.get_terminal_size(stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80
