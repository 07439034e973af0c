"""Tables as data, and the text formats that need no more than that."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from adcli.graph.numbers import number
from adcli.render.safe import safe, width

# A cell: a number to be formatted, a text, or None for a structural zero.
Cell = float | str | None
_STRUCTURAL_ZERO = "·"


class View:
    """A table for a reader.

    Attributes:
        title: a line above it, or "".
        columns: the headings.
        rows: the cells.
        footer: lines below it.
    """

    __slots__ = ("columns", "footer", "rows", "title")

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

    def numeric(self) -> list[bool]:
        """For each column whether it holds numbers only, or structural zeros."""
        return [
            bool(self.rows) and not any(isinstance(row[i], str) for row in self.rows)
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


class Tables(Protocol):
    """A result as tables and formulas; each is made when it is asked for."""

    def views(self) -> list[View]:
        """Tables for people."""

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


def split(view: View, look: Look) -> list[View]:
    """A wide table as several that fit the terminal, each with the first column."""
    if look.width is None:
        return [view]
    # A column has a space on each side and a line.
    widths = [
        3 + max(width(safe(name)), *(width(cell_text(row[j], look.digits)) for row in view.rows), 0)
        for j, name in enumerate(view.columns)
    ]
    blocks: list[list[int]] = [[]]
    room = full = look.width - 1 - widths[0]
    for j in range(1, len(widths)):
        if widths[j] > room and blocks[-1]:
            blocks.append([])
            room = full
        blocks[-1].append(j)
        room -= widths[j]
    if len(blocks) == 1:
        return [view]
    found = []
    for block in blocks:
        shown = [0, *block]
        found.append(
            View(
                [view.columns[j] for j in shown],
                [[row[j] for j in shown] for row in view.rows],
                f"Columns {block[0]:,} to {block[-1]:,} of {len(widths) - 1:,}",
            )
        )
    found[0].title = f"{view.title}\n{found[0].title}" if view.title else found[0].title
    found[-1].footer = view.footer
    return found


def to_separated(view: View, separator: str) -> str:
    """CSV or TSV: a heading and the rows, numbers with every digit."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerow(view.columns)
    for row in view.rows:
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
    return json.dumps(_plain(data), ensure_ascii=ascii_only, allow_nan=False) + "\n"


def _plain(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    if isinstance(data, str):
        return data.encode("utf-8", "replace").decode() if not data.isascii() else data
    return data
