"""Views as Rich tables, on a terminal or in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adcli.render.safe import to_ascii
from adcli.render.views import View, cell_text

# Wider than any table: nothing is ever cut short or folded in a pipe.
_UNLIMITED = 1_000_000
# Rich measures every cell of a table before it prints the first; a long table is printed
# in sections of this many rows instead.
SECTION = 500


class Screen:
    """Where views are printed.

    Args:
        stream: the stream.
        width: its width in columns, None where it has none (a pipe, a file).
        color: whether to use colours.
        ascii_only: whether only ASCII may be used.
    """

    def __init__(self, stream: TextIO, width: int | None, *, color: bool, ascii_only: bool) -> None:
        self.width = width
        self.ascii_only = ascii_only
        self.console = Console(
            file=stream,
            width=width or _UNLIMITED,
            color_system="standard" if color else None,
            force_terminal=color,
            no_color=not color,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    def text(self, line: str) -> str:
        """A text as it can be shown here."""
        return to_ascii(line) if self.ascii_only else line

    def show(self, views: Sequence[View], digits: int | None) -> None:
        """Print views one below the other."""
        for position, view in enumerate(views):
            if position:
                self.console.print()
            self._view(view, digits)

    def _view(self, view: View, digits: int | None) -> None:
        if view.title:
            self.console.print(Text(self.text(view.title), style="bold"), soft_wrap=True)
        if view.columns:
            for start in range(0, max(len(view.rows), 1), SECTION):
                table = Table(
                    box=box.ASCII2 if self.ascii_only else box.ROUNDED,
                    header_style="bold",
                    show_lines=False,
                )
                for number, name in enumerate(view.columns):
                    is_number = bool(view.rows) and all(
                        not isinstance(row[number], str) for row in view.rows
                    )
                    table.add_column(
                        Text(self.text(name)),
                        justify="right" if is_number else "left",
                        overflow="fold",
                        style="cyan" if is_number else "",
                    )
                for row in view.rows[start : start + SECTION]:
                    table.add_row(*(Text(self.text(cell_text(cell, digits))) for cell in row))
                self.console.print(table)
        for line in view.footer:
            self.console.print(Text(self.text(line)), soft_wrap=True)
