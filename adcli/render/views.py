"""Tables as data, and the text formats that need no more than that."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from adcli.graph.numbers import number
from adcli.render.safe import safe

# A cell: a number to be formatted, or a text.
Cell = float | str


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
        """For each column whether it holds numbers only."""
        return [
            bool(self.rows) and not any(isinstance(row[i], str) for row in self.rows)
            for i in range(len(self.columns))
        ]


def cell_text(cell: Cell, digits: int | None) -> str:
    """A cell for people; a text may have several lines."""
    if isinstance(cell, str):
        return "\n".join(safe(line) for line in cell.split("\n"))
    return number(cell, digits)


def to_separated(view: View, separator: str) -> str:
    """CSV or TSV: a heading and the rows, numbers with every digit."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerow(view.columns)
    for row in view.rows:
        writer.writerow([cell if isinstance(cell, str) else repr(float(cell)) for cell in row])
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


def latex_text(text: str) -> str:
    """A plain text for LaTeX."""
    special = {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\textasciicircum{}",
        "&": r"\&", "%": r"\%", "#": r"\#", "$": r"\$", "~": r"\textasciitilde{}",
    }  # fmt: skip
    return "".join(special.get(character, character) for character in text)


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
