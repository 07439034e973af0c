"""A drawing as a tree for the terminal: each operation once, its operands below it.

What is used more than once is referred to by its name afterwards. A deep chain goes on at
the margin, so that the output grows with the graph and no faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from adcli.differentiate.diagram import CONDITION, CONSTANT, OUTSIDE, RESULT, Arc, Diagram, Vertex
from adcli.render.diagram import Captions
from adcli.render.trace import DEFAULT_DIGITS
from adcli.render.views import Cell, Look, View, table_width

# How deep lines are indented before a chain goes on at the margin; on a narrow terminal
# less, but not less than the second.
_DEEPEST = 16
_SHALLOWEST = 2
_DERIVATIVES = {"forward": "tangent", "reverse": "adjoint"}


class Trees:
    """Drawings as tables, of which the first column is a tree."""

    def __init__(self, drawings: Sequence[Diagram], look: Look) -> None:
        self._drawings = drawings
        self._look = look

    def views(self) -> list[View]:
        """A table for each drawing."""
        return [_fitting(drawing, self._look) for drawing in self._drawings]


def _fitting(drawing: Diagram, look: Look) -> View:
    """A table that fits the terminal: less deep, and without what there is no room for."""
    deepest, left_out = _DEEPEST, 0
    while True:
        tree = _Tree(drawing, look, deepest)
        view, missing = tree.view(left_out)
        room = look.width
        excess = 0 if room is None else table_width(view, view.digits) - room
        if excess <= 0 or (deepest == _SHALLOWEST and left_out == len(missing)):
            break
        # First a little depth, then columns from the right, then the rest of the depth.
        if deepest > _DEEPEST // 2:
            deepest = max(_DEEPEST // 2, deepest - -(-excess // tree.step))
        elif left_out < len(missing):
            left_out += 1
        else:
            deepest = max(_SHALLOWEST, deepest - -(-excess // tree.step))
    if left_out:
        names = ", ".join(missing[:left_out])
        view.footer.append(f"no room for: {names}")
    return view


class _Tree:
    """The lines of one drawing."""

    def __init__(self, drawing: Diagram, look: Look, deepest: int) -> None:
        self.drawing = drawing
        self.deepest = deepest
        self.digits = DEFAULT_DIGITS if look.digits is None else look.digits
        self.captions = Captions(drawing, look.digits, ascii_only=look.ascii_only)
        ascii_only = look.ascii_only
        self.fork, self.last = ("+- ", "`- ") if ascii_only else ("├─ ", "└─ ")
        self.line, self.gap = ("|  ", "   ") if ascii_only else ("│  ", "   ")
        self.step = len(self.gap)
        self.up, self.down = ("(above)", "(below)") if ascii_only else ("↑", "↓")
        self.into: list[list[Arc]] = [[] for _ in drawing.vertices]
        for arc in drawing.arcs:
            self.into[arc.head].append(arc)
        self.printed: set[int] = set()
        self.later: deque[int] = deque()
        # The text of a line, its vertex, the arc to it, and whether it stands there first.
        self.rows: list[tuple[str, int, Arc | None, bool]] = []
        self._grow()

    def _grow(self) -> None:
        vertices = self.drawing.vertices
        for index, vertex in enumerate(vertices):
            if vertex.kind == RESULT:
                self._tree(index)
        for index, vertex in enumerate(vertices):
            if vertex.decision is not None:
                self._tree(index)
        # What no result needs: the latest first, so that operands come below.
        for index in range(len(vertices) - 1, -1, -1):
            if vertices[index].kind not in (CONSTANT, CONDITION):
                self._tree(index)

    def _tree(self, root: int) -> None:
        """The tree below a vertex, and what had to go on at the margin."""
        self.later.append(root)
        while self.later:
            index = self.later.popleft()
            if index not in self.printed:
                self._lines(index)

    def _lines(self, root: int) -> None:
        captions = self.captions
        # A line is begun with `head`; what is below it with `below`.
        pending: list[tuple[int, Arc | None, str, str, int]] = [(root, None, "", "", 0)]
        while pending:
            index, arc, head, below, depth = pending.pop()
            vertex = self.drawing.vertices[index]
            operands = self._operands(index)
            if arc is not None:
                head += captions.role(arc)
            if index in self.printed:
                mark = f" {self.up}" if operands else ""
                self.rows.append((f"{head}{captions.name(vertex)}{mark}", index, arc, False))
                continue
            if depth >= self.deepest and operands:
                self.rows.append((f"{head}{captions.name(vertex)} {self.down}", index, arc, False))
                self.later.append(index)
                continue
            self.printed.add(index)
            outside = "  (not drawn)" if vertex.kind == OUTSIDE and not vertex.name else ""
            text = f"{head}{captions.definition(vertex)}{outside}"
            self.rows.append((text, index, arc, True))
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

    def view(self, left_out: int) -> tuple[View, list[str]]:
        """The tree with its columns.

        Args:
            left_out: how many columns to leave out, of those that may be.

        Returns:
            The table, and the columns that may be left out, in the order to do so.
        """
        drawing, captions = self.drawing, self.captions
        columns: dict[str, list[Cell]] = {}
        vertices = [drawing.vertices[index] for _, index, _, _ in self.rows]
        optional = []
        if drawing.mode:
            optional.append("local partial derivative")
        if any(vertex.place is not None for vertex in drawing.vertices):
            optional.insert(0, "from")
        if drawing.has_values:
            columns["value"] = [_value(vertex) for vertex in vertices]
        if drawing.mode:
            columns[_DERIVATIVES[drawing.mode]] = [vertex.derivative for vertex in vertices]
        if "local partial derivative" in optional[left_out:]:
            columns["local partial derivative"] = [
                "" if arc is None else " ".join(captions.arc(arc)) for _, _, arc, _ in self.rows
            ]
        if "from" in optional[left_out:]:
            columns["from"] = [
                captions.origin(vertex.place) if is_first else ""
                for vertex, (_, _, _, is_first) in zip(vertices, self.rows, strict=True)
            ]
        texts: list[Cell] = [text for text, *_ in self.rows]
        rows = zip(texts, *columns.values(), strict=True)
        footer = [", ".join(self._marks()), *captions.results()]
        shown = View(
            [captions.subtitle(), *columns], rows, captions.title(), [x for x in footer if x]
        )
        shown.digits = self.digits
        shown.fewer = None
        shown.right = {1} if drawing.has_values else set()
        return shown, optional

    def _marks(self) -> list[str]:
        """What the arrows mean, where there are any."""
        marks = {self.up: "shown above", self.down: "shown below"}
        ends = {text.rpartition(" ")[2] for text, *_ in self.rows}
        return [
            f"{mark} {meaning}"
            for mark, meaning in marks.items()
            if mark in ends and not mark.startswith("(")
        ]


def _value(vertex: Vertex) -> Cell:
    if vertex.decision is not None:
        return "true" if vertex.decision.holds else "false"
    return vertex.value
