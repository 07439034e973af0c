"""Views as Rich tables, on a terminal or in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adcli.render.safe import to_ascii, width
from adcli.render.views import View, cell_text, fitted, table_width

# Wider than any table: nothing is ever cut short or folded in a pipe.
_UNLIMITED = 1_000_000
_HEIGHT = 25  # of no meaning to tables
# The columns that any letter fits.
_LETTER = 2
# Rich takes about 0.1 ms a cell; a table of more cells than this is set without it.
LONG = 1500


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
        # All that Rich would find out from FORCE_COLOR, TTY_COMPATIBLE, COLUMNS and others
        # is said here: `cli.environment` has decided already.
        self.console = Console(
            file=stream,
            width=width or _UNLIMITED,
            height=_HEIGHT,
            color_system="standard" if color else None,
            force_terminal=color,
            force_interactive=False,
            force_jupyter=False,
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
        parts = [
            part
            for view in views
            for part in fitted(view, digits, self.width, ascii_only=self.ascii_only)
        ]
        for position, view in enumerate(parts):
            if position:
                self.console.print()
            self._view(view, digits if view.digits is None else view.digits)

    def _view(self, view: View, digits: int | None) -> None:
        if view.title:
            self.console.print(Text(self.text(view.title), style="bold"), soft_wrap=True)
        if view.columns:
            if len(view.rows) * len(view.columns) > LONG:
                self._long(view, digits)
            else:
                self._table(view, digits)
        for line in view.footer:
            self.console.print(Text(self.text(line)), soft_wrap=True)

    def _table(self, view: View, digits: int | None) -> None:
        numeric = view.numeric()
        rows = [[Text(self.text(cell_text(cell, digits))) for cell in row] for row in view.rows]
        widths: list[int | None] = [None] * len(numeric)
        least = None
        if view.fewer is not None and self._is_wide(view, digits):
            widths, least = self._narrow(view, rows)
        table = Table(box=self._box(), header_style="bold", width=least)
        for name, is_number, size in zip(view.columns, numeric, widths, strict=True):
            table.add_column(
                Text(self.text(name)),
                justify="right" if is_number else "left",
                overflow="fold",
                style="cyan" if is_number else "",
                width=size,
            )
        for row in rows:
            table.add_row(*row)
        self.console.print(table, crop=False)

    def _is_wide(self, view: View, digits: int | None) -> bool:
        """Whether a table is wider than the screen."""
        if self.width is None:
            return False
        return table_width(view, digits, ascii_only=self.ascii_only) > self.width

    def _narrow(
        self, view: View, rows: Sequence[Sequence[Text]]
    ) -> tuple[list[int | None], int | None]:
        """The widths of columns of numbers, which stay whole, and of a table too wide for them.

        What else there is, is folded: words of cells, then those of headings.
        """
        words = [max(map(width, self.text(name).split()), default=0) for name in view.columns]
        widths: list[int | None] = []
        least = 0
        for heads in (words, [_LETTER] * len(words)):
            widths = [
                max([heads[j], *(row[j].cell_len for row in rows)]) if is_number else None
                for j, is_number in enumerate(view.numeric())
            ]
            least = 1 + sum(3 + (_LETTER if size is None else size) for size in widths)
            if least <= self.console.width:
                return widths, None
        return widths, least

    def _long(self, view: View, digits: int | None) -> None:
        """The same table without Rich's measuring and styling of every cell."""
        numeric = view.numeric()
        rows = [
            [self.text(cell_text(cell, digits)).split("\n") for cell in row] for row in view.rows
        ]
        heads = [self.text(name) for name in view.columns]
        widths = [
            2 + max([width(head), *(width(line) for row in rows for line in row[i])])
            for i, head in enumerate(heads)
        ]
        lines_box = self._box()
        write = self.console.file.write
        write(lines_box.get_top(widths) + "\n")
        edge = lines_box.mid_left
        for number, row in enumerate([[[head] for head in heads], *rows]):
            for k in range(max(len(cell) for cell in row)):
                cells = []
                for cell, room, is_number in zip(row, widths, numeric, strict=True):
                    text = cell[k] if k < len(cell) else ""
                    space = " " * (room - 2 - width(text))
                    cells.append(f" {space}{text} " if is_number else f" {text}{space} ")
                write(edge + lines_box.mid_vertical.join(cells) + lines_box.mid_right + "\n")
            if number == 0:
                write(lines_box.get_row(widths, "head") + "\n")
        write(lines_box.get_bottom(widths) + "\n")

    def _box(self) -> box.Box:
        return box.ASCII2 if self.ascii_only else box.ROUNDED
