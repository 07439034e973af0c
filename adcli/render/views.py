"""Tables as data, and the text formats that need no more than that."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from adcli.graph.numbers import number
from adcli.render.safe import safe, to_ascii, width

# A cell: a number to be formatted, a text, or None for a structural zero.
Cell = float | str | None
_STRUCTURAL_ZERO = "·"
# Of a table that does not fit the terminal with all digits.
_FEWER_DIGITS = 6


class View:
    """A table for a reader.

    Attributes:
        title: a line above it, or "".
        columns: the headings.
        rows: the cells.
        footer: lines below it.
        digits: digits behind the point, None for what was asked for.
        fewer: digits where those are too many for the terminal, and none were asked for; None
            of a table that fits already, or folds its words.
        right: columns that are set as those of numbers are, although they hold words too.
    """

    __slots__ = ("columns", "digits", "fewer", "footer", "right", "rows", "title")

    def __init__(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        title: str = "",
        footer: Sequence[str] = (),
    ) -> None:
        self.title = title
        self.columns = list(columns)
        self.rows = [list(row) for row in rows]
        self.footer = list(footer)
        self.digits: int | None = None
        self.fewer: int | None = _FEWER_DIGITS
        self.right: set[int] = set()

    def numeric(self) -> list[bool]:
        """For each column whether it holds numbers only, or structural zeros."""
        return [
            i in self.right
            or (bool(self.rows) and not any(isinstance(row[i], str) for row in self.rows))
            for i in range(len(self.columns))
        ]


class Look:
    """How a result is to look to people.

    Attributes:
        digits: digits behind the point, None for all or for what suits.
        ascii_only: whether only ASCII may be used.
        width: the columns of the terminal, None of a pipe, a file or another format.
    """

    __slots__ = ("ascii_only", "digits", "width")

    def __init__(self, digits: int | None, *, ascii_only: bool, width: int | None) -> None:
        self.digits = digits
        self.ascii_only = ascii_only
        self.width = width


class Views(Protocol):
    """A result as tables for people."""

    def views(self) -> list[View]:
        """The tables, made when they are asked for."""


class Tables(Views, Protocol):
    """A result as tables and formulas; each is made when it is asked for."""

    def record(self) -> View:
        """One table for machines."""

    def latex(self) -> str:
        """Formulas, or a table, for LaTeX."""


def cell_text(cell: Cell, digits: int | None) -> str:
    """A cell for people; a text may have several lines."""
    if cell is None:
        return _STRUCTURAL_ZERO
    if isinstance(cell, str):
        return "\n".join(safe(line) for line in cell.split("\n"))
    return number(cell, digits)


def fitted(
    view: View, digits: int | None, room: int | None, *, ascii_only: bool = False
) -> list[View]:
    """A wide table of numbers for a terminal: with fewer digits, or as several one below the other.

    Each of several has the first column, the names of the rows. A table of words only is left
    alone: they can be folded.

    Args:
        view: the table.
        digits: digits behind the point, None for all.
        room: the columns of the terminal, None of a pipe or a file.
        ascii_only: whether only ASCII may be used.
    """
    if view.fewer is None or room is None or not any(view.numeric()):
        return [view]
    if table_width(view, digits, ascii_only=ascii_only) <= room:
        return [view]
    if digits is None and view.digits is None:
        view.digits = view.fewer
        cells = itertools.chain.from_iterable(view.rows)
        if any(cell_text(cell, None) != cell_text(cell, view.fewer) for cell in cells):
            view.footer.append(f"rounded to {view.fewer} digits; --digits 17 shows all")
    digits = digits if view.digits is None else view.digits
    widths = _widths(view, digits, ascii_only=ascii_only)
    blocks: list[list[int]] = [[]]
    rest = full = room - 1 - widths[0]
    for j in range(1, len(widths)):
        if widths[j] > rest and blocks[-1]:
            blocks.append([])
            rest = full
        blocks[-1].append(j)
        rest -= widths[j]
    if len(blocks) == 1:
        return [view]
    found = []
    title = view.title
    for block in blocks:
        shown = [0, *block]
        several = f"s {block[0]:,} to {block[-1]:,}" if len(block) > 1 else f" {block[0]:,}"
        part = View(
            [view.columns[j] for j in shown],
            [[row[j] for j in shown] for row in view.rows],
            "; ".join(filter(None, (title, f"Column{several} of {len(widths) - 1:,}"))),
        )
        title = ""
        part.digits = view.digits
        part.right = {shown.index(j) for j in view.right if j in shown}
        found.append(part)
    found[-1].footer = view.footer
    return found


def table_width(view: View, digits: int | None, *, ascii_only: bool = False) -> int:
    """The columns of the terminal that a table takes."""
    return 1 + sum(_widths(view, digits, ascii_only=ascii_only))


def _widths(view: View, digits: int | None, *, ascii_only: bool) -> list[int]:
    """The width of each column with its line and the spaces beside it."""

    def size(text: str) -> int:
        return width(to_ascii(text)) if ascii_only else width(text)

    return [
        3 + max([size(safe(name)), *(size(cell_text(row[j], digits)) for row in view.rows)])
        for j, name in enumerate(view.columns)
    ]


def to_separated(view: View, separator: str) -> str:
    """CSV or TSV: a heading and the rows, numbers with every digit."""
    return separated([view.columns, *view.rows], separator)


def separated(records: Iterable[Sequence[Cell]], separator: str) -> str:
    """Records of CSV or TSV, numbers with every digit."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    for row in records:
        writer.writerow(
            [
                cell if isinstance(cell, str) else repr(0.0 if cell is None else float(cell))
                for cell in row
            ]
        )
    return stream.getvalue()


def to_markdown(views: Sequence[View], digits: int | None) -> str:
    """Markdown tables, each under its title."""
    blocks = []
    for view in views:
        lines = [f"**{_markdown(view.title)}**", ""] if view.title else []
        if not view.columns:  # a chart
            blocks.append("\n".join([*lines, "```", *view.footer, "```"]) + "\n")
            continue
        lines.append("| " + " | ".join(_markdown(name) for name in view.columns) + " |")
        lines.append("|" + " --- |" * len(view.columns))
        for row in view.rows:
            cells = [_markdown(cell_text(cell, digits)) for cell in row]
            lines.append("| " + " | ".join(cells) + " |")
        if view.footer:
            lines += ["", *(_markdown(line) for line in view.footer)]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _markdown(text: str) -> str:
    for character in "\\`*_|<>[]":
        text = text.replace(character, "\\" + character)
    return text


def to_json(data: Any, *, ascii_only: bool = False) -> str:
    """One line of JSON: null for what is not finite, every digit of what is."""
    try:
        text = json.dumps(data, ensure_ascii=ascii_only, allow_nan=False)
    except ValueError:  # a number that is not finite
        text = json.dumps(_plain(data), ensure_ascii=ascii_only, allow_nan=False)
    if not text.isprintable():  # there is something that terminals act upon
        text = "".join(c if c.isprintable() else _escaped(c) for c in text)
    return text + "\n"


def _escaped(character: str) -> str:
    """A character of a text in JSON; half of one is none, and not every reader takes it."""
    return "\ufffd" if "\ud800" <= character <= "\udfff" else json.dumps(character)[1:-1]


def _plain(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    return data
