"""Errors, warnings and notes as text: the sentence, the place, the line, the carets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adcli.errors import AdcliError, Span
from adcli.render.safe import safe, to_ascii, width

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic

# How much of a long line is shown around a span.
_WINDOW = 70
_MOST_CARETS = 60

_RED, _YELLOW, _BLUE, _BOLD = "31", "33", "34", "1"


# Of one line of a message, and of a word in it: a list of inputs may be long, a name not.
_LONGEST = 4_000
_LONGEST_WORD = 200


def _clipped(text: str) -> str:
    """A text made safe, the middle left out of what is absurdly long."""
    if len(text) > _LONGEST_WORD:
        text = _WORD.sub(lambda found: _without_middle(found[0], _LONGEST_WORD), text)
    return safe(_without_middle(text, _LONGEST))


_WORD = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")


def _without_middle(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


class Messages:
    """A writer of messages.

    Args:
        color: whether to colour them.
        ascii_only: whether only ASCII may be used.
    """

    def __init__(self, *, color: bool = False, ascii_only: bool = False) -> None:
        self.color = color
        self.ascii_only = ascii_only

    def error(self, error: AdcliError) -> str:
        """An error, ended by a newline."""
        return self._message("error", _RED, error.message, error.span, error.hint, error.details)

    def diagnostic(self, diagnostic: Diagnostic) -> str:
        """A warning or note, ended by a newline."""
        severity = diagnostic.severity
        color = _YELLOW if severity == "warning" else _BLUE
        return self._message(
            severity, color, diagnostic.message, diagnostic.span, diagnostic.hint, ()
        )

    def _message(
        self,
        severity: str,
        color: str,
        message: str,
        span: Span | None,
        hint: str,
        details: tuple[str, ...],
    ) -> str:
        head = self._paint(severity + ":", f"{_BOLD};{color}")
        lines = [f"{head} {_clipped(message)}"]
        if span is not None:
            lines += self._excerpt(span, hint, color)
        elif hint:
            lines.append(f"  {_clipped(hint)}")
        lines += [f"  {_clipped(detail)}" for detail in details]
        text = "\n".join(lines) + "\n"
        return to_ascii(text) if self.ascii_only else text

    def _excerpt(self, span: Span, hint: str, color: str) -> list[str]:
        number, column = span.line, span.column
        line = span.source.line(number)
        length = max(1, min(span.end - span.start, len(line) - column + 1))
        start, end = column - 1, column - 1 + length

        # A window of a long line, with the beginning of the span in it.
        first = 0
        if len(line) > _WINDOW:
            first = max(0, min(start - _WINDOW // 3, len(line) - _WINDOW))
        last = min(len(line), first + _WINDOW)
        before = ("…" if first else "") + safe(line[first:start])
        inside = safe(line[start : min(end, last)])
        after = safe(line[min(end, last) : last]) + ("…" if last < len(line) else "")
        carets = "^" * max(1, min(width(inside), _MOST_CARETS))

        gutter = " " * len(str(number))
        bar = self._paint("|", _BLUE)
        place = f"{safe(span.source.name)}:{number}:{column}"
        mark = self._paint(carets, f"{_BOLD};{color}")
        return [
            f"{gutter}{self._paint('-->', _BLUE)} {place}",
            f"{gutter} {bar}",
            f"{self._paint(str(number), _BLUE)} {bar} {before}{inside}{after}",
            f"{gutter} {bar} {' ' * width(before)}{mark}{' ' + _clipped(hint) if hint else ''}",
        ]

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text
