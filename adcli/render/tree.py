"""A drawing as a tree for the terminal: each operation once, its operands below it.

What is used more than once is referred to by its name afterwards. A deep chain goes on at
the margin, so that the output grows with the graph and no faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from adcli.differentiate.diagram import CONDITION, CONSTANT, RESULT, Arc, Diagram, Vertex
from adcli.errors import LimitError
from adcli.render.diagram import Captions, place_name
from adcli.render.trace import DEFAULT_DIGITS
from adcli.render.views import Cell, Look, View, fitted

# How deep lines are indented before a chain goes on at the margin.
_DEEPEST = 16
_MOST_LINES = 500_000
_DERIVATIVES = {"forward": "tangent", "reverse": "adjoint"}


class Trees:
    """Drawings as tables, of which the first column is a tree."""

    def __init__(self, drawings: Sequence[Diagram], look: Look) -> None:
        lines = sum(len(drawing.vertices) + len(drawing.arcs) for drawing in drawings)
        if lines > _MOST_LINES:
            raise LimitError(
                f"a tree of about {lines:,} lines; the limit is {_MOST_LINES:,}",
                details=("--result and --wrt draw a part of it",),
            )
        self._drawings = drawings
        self._look = look

    def views(self) -> list[View]:
        """A table for each drawing."""
        views = []
        for drawing in self._drawings:
            view = _Tree(drawing, self._look).view()
            view.digits = DEFAULT_DIGITS if self._look.digits is None else self._look.digits
            views += fitted(view, self._look, view.digits)
        return views


class _Tree:
    """The lines of one drawing."""

    def __init__(self, drawing: Diagram, look: Look) -> None:
        self.drawing = drawing
        self.captions = Captions(drawing, look.digits, ascii_only=look.ascii_only)
        ascii_only = look.ascii_only
        self.fork, self.last = ("+-- ", "`-- ") if ascii_only else ("├── ", "└── ")
        self.line, self.gap = ("|   ", "    ") if ascii_only else ("│   ", "    ")
        self.up, self.down = ("(above)", "(below)") if ascii_only else ("↑", "↓")
        self.into: list[list[Arc]] = [[] for _ in drawing.vertices]
        for arc in drawing.arcs:
            self.into[arc.head].append(arc)
        self.printed: set[int] = set()
        self.later: deque[int] = deque()
        self.rows: list[tuple[str, int, Arc | None, bool]] = []

    def view(self) -> View:
        """The tree with its columns."""
        vertices = self.drawing.vertices
        results = [i for i, vertex in enumerate(vertices) if vertex.kind == RESULT]
        for index in results:
            self._tree(index)
        for index, vertex in enumerate(vertices):
            if vertex.decision is not None:
                self._tree(index)
        # What no result needs: the latest first, so that operands come below.
        for index in range(len(vertices) - 1, -1, -1):
            if vertices[index].kind not in (CONSTANT, CONDITION):
                self._tree(index)
        return self._table()

    def _tree(self, root: int) -> None:
        """The tree below a vertex, and what had to go on at the margin."""
        self.later.append(root)
        while self.later:
            index = self.later.popleft()
            if index not in self.printed:
                self._lines(index)

    def _lines(self, root: int) -> None:
        vertices = self.drawing.vertices
        # A line is begun with `head`; what is below it with `below`.
        pending: list[tuple[int, Arc | None, str, str, int]] = [(root, None, "", "", 0)]
        while pending:
            index, arc, head, below, depth = pending.pop()
            vertex = vertices[index]
            operands = self._operands(index)
            if index in self.printed:
                mark = f" {self.up}" if operands else ""
                self.rows.append((f"{head}{self.captions.name(vertex)}{mark}", index, arc, False))
                continue
            if depth >= _DEEPEST and operands:
                self.rows.append(
                    (f"{head}{self.captions.name(vertex)} {self.down}", index, arc, False)
                )
                self.later.append(index)
                continue
            self.printed.add(index)
            role = "" if arc is None else "".join(self.captions.role(arc))
            text = self.captions.shown(self.captions.definition(vertex))
            self.rows.append((f"{head}{role}{text}", index, arc, True))
            for position, operand in enumerate(reversed(operands)):
                fork, line = (self.last, self.gap) if position == 0 else (self.fork, self.line)
                pending.append((operand.tail, operand, below + fork, below + line, depth + 1))

    def _operands(self, index: int) -> list[Arc]:
        """What to show below a vertex: of a comparison only what is not shown yet."""
        vertices = self.drawing.vertices
        arcs = [arc for arc in self.into[index] if vertices[arc.tail].kind != CONSTANT]
        if vertices[index].decision is not None:
            return [arc for arc in arcs if arc.tail not in self.printed]
        return arcs

    def _table(self) -> View:
        drawing, captions = self.drawing, self.captions
        has_places = any(vertex.place is not None for vertex in drawing.vertices)
        columns = [captions.subtitle()]
        if drawing.has_values:
            columns.append("value")
        if drawing.mode:
            columns += [_DERIVATIVES[drawing.mode], "local partial derivative"]
        if has_places:
            columns.append("from")
        rows: list[list[Cell]] = []
        for text, index, arc, is_first in self.rows:
            vertex = drawing.vertices[index]
            row: list[Cell] = [text]
            if drawing.has_values:
                row.append(_value(vertex))
            if drawing.mode:
                row += [vertex.derivative, "" if arc is None else " ".join(captions.arc(arc))]
            if has_places:
                row.append(captions.shown(_places(vertex)) if is_first else "")
            rows.append(row)
        footer = []
        texts = [text for text, *_ in self.rows]
        marks = [(self.up, "shown above"), (self.down, "shown below")]
        footer += [
            f"{mark} {meaning}"
            for mark, meaning in marks
            if not mark.startswith("(") and any(text.endswith(mark) for text in texts)
        ]
        return View(columns, rows, captions.title(), [", ".join(footer)] if footer else [])


def _value(vertex: Vertex) -> Cell:
    if vertex.decision is not None:
        return "true" if vertex.decision.holds else "false"
    return vertex.value


def _places(vertex: Vertex) -> str:
    if vertex.place is None:
        return ""
    return " > ".join(place_name(place) for place in vertex.place.path()[-3:])
