"""The streams of one run of the program, and how output to them may look."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from typing import TextIO

_NOTATION = "v̄₋₁ × ∂ ε √ ╭"


class Environment:
    """Where output goes and how it may look.

    Known before the options are parsed, so that an error about them looks right too.

    Args:
        arguments: the command line.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.stdout = sys.stdout
        self.stderr = sys.stderr
        self.variables = os.environ
        self.color = "auto"
        words = arguments[1:] if arguments[:1] == ["--"] else arguments  # behind the program's name
        options = list(itertools.takewhile(lambda word: word != "--", words))
        self.ascii_asked = "--ascii" in options
        for position, argument in enumerate(options):
            name, equals, value = argument.partition("=")
            if name == "--color":
                value = value if equals else "".join(options[position + 1 : position + 2])
                self.color = value if value in ("always", "never") else "auto"

    def colored(self, stream: TextIO) -> bool:
        """Whether to use escape sequences on a stream: for colours, bold, or anything else.

        The first that says something decides: --color, NO_COLOR, CLICOLOR_FORCE, CLICOLOR
        and TERM, the stream. See https://no-color.org and https://bixense.com/clicolors.
        """
        if self.color != "auto":
            return self.color == "always"
        if self.variables.get("NO_COLOR"):
            return False
        if self.variables.get("CLICOLOR_FORCE", "0") not in ("", "0"):
            return True
        if self.variables.get("CLICOLOR") == "0" or self.variables.get("TERM") == "dumb":
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
