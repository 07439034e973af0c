"""Jacobians, Hessians and products with a Hessian as tables and formulas."""

from __future__ import annotations

from collections.abc import Sequence

from adcli.differentiate.hessian import Hessian, Hvp
from adcli.differentiate.jacobian import Jacobian
from adcli.differentiate.passes import Matrix
from adcli.differentiate.structure import entries
from adcli.graph.notation import latex_number, variable
from adcli.graph.numbers import number
from adcli.graph.program import Run, labels
from adcli.render import latex
from adcli.render.values import counted, derivative_head, listed, points
from adcli.render.views import Look, View


class JacobianTables:
    """A Jacobian, dense or as coordinates."""

    def __init__(self, jacobian: Jacobian, look: Look, *, sparse: bool) -> None:
        self._found = jacobian
        self._look = look
        self._sparse = sparse

    def views(self) -> list[View]:
        """The matrix, results down and inputs across."""
        found = self._found
        lines = len(found.columns) if found.mode == "forward" else len(found.rows)
        noun = "input" if found.mode == "forward" else "result"
        passes = f"{found.mode} mode, {counted(found.passes)}"
        footer = [passes + _for_lines(found.passes, lines, noun)]
        footer += _zeros(found.matrix, self._sparse)
        if self._sparse:
            return [
                View(_COORDINATES, _triples(found.rows, found.columns, found.matrix), "", footer)
            ]
        sign = "d" if self._look.ascii_only else "∂"
        view = _dense_view(f"{sign}result/{sign}input", found.rows, found.columns, found.matrix)
        view.footer = footer
        return [view]

    def record(self) -> View:
        """The matrix under the names of its columns, or a row for each entry."""
        found = self._found
        if self._sparse:
            return View(_COORDINATES, _triples(found.rows, found.columns, found.matrix))
        return _dense_view("result", found.rows, found.columns, found.matrix)

    def latex(self) -> str:
        """The matrix as an equation, or a table of its entries."""
        found = self._found
        if self._sparse:
            return _coordinates(_triples(found.rows, found.columns, found.matrix), self._look)
        above, below = latex.listing(found.rows), latex.listing(found.columns)
        left = rf"\frac{{\partial({above})}}{{\partial({below})}}"
        right = latex.matrix(found.matrix.dense(), len(found.columns), self._look.digits)
        return latex.equations([(left, right)])


class HessianTables:
    """The value, gradient and Hessian of a result."""

    def __init__(self, run: Run, hessian: Hessian, look: Look, *, sparse: bool) -> None:
        self._found = hessian
        self._look = look
        self._sparse = sparse
        self._points = points(run, hessian.inputs)

    def views(self) -> list[View]:
        """The gradient, and the matrix below."""
        found, look = self._found, self._look
        title = f"{found.result} = {number(found.value, look.digits)}"
        columns = ["input", "value", derivative_head(found.result, look)]
        rows = zip(found.columns, self._points, found.numbers, strict=True)
        gradient = View(columns, rows, title)
        passes = f"forward over reverse mode, {counted(found.colors)} over the gradient"
        footer = [
            passes + _for_lines(found.colors, len(found.columns), "input"),
            *_zeros(found.matrix, self._sparse),
            operations(found.operations),
        ]
        if self._sparse:
            triples = _triples(found.columns, found.columns, found.matrix)
            return [gradient, View(_COORDINATES, triples, "Hessian", footer)]
        view = _dense_view("Hessian", found.columns, found.columns, found.matrix)
        view.footer = footer
        return [gradient, view]

    def record(self) -> View:
        """The matrix under the names of its columns, or a row for each entry."""
        found = self._found
        if self._sparse:
            return View(_COORDINATES, _triples(found.columns, found.columns, found.matrix))
        return _dense_view("input", found.columns, found.columns, found.matrix)

    def latex(self) -> str:
        """Value, gradient and matrix as equations, or a table of its entries."""
        found, digits = self._found, self._look.digits
        if self._sparse:
            return _coordinates(_triples(found.columns, found.columns, found.matrix), self._look)
        own = variable(found.result, "latex")
        gradient = latex.matrix([[x] for x in found.numbers], 1, digits)
        matrix = latex.matrix(found.matrix.dense(), len(found.columns), digits)
        return latex.equations(
            [
                latex.value(found.result, found.value, digits),
                (rf"\nabla {own}", gradient),
                (rf"\nabla^2 {own}", matrix),
            ]
        )


class HvpTables:
    """The product of a Hessian and a direction."""

    def __init__(self, run: Run, found: Hvp, look: Look) -> None:
        self._found = found
        self._look = look
        self._names = labels(found.inputs)
        self._points = points(run, found.inputs)

    def views(self) -> list[View]:
        """A row for each input."""
        found, look = self._found, self._look
        title = f"{found.result} = {number(found.value, look.digits)}"
        columns = ["input", "value", derivative_head(found.result, look), "Hessian × direction"]
        rows = zip(self._names, self._points, found.numbers, found.product, strict=True)
        footer = [
            f"along {listed(found.direction, look)}",
            "forward over reverse mode, 1 pass over the gradient",
            operations(found.operations),
        ]
        return [View(columns, rows, title, footer)]

    def record(self) -> View:
        """A row for each input."""
        found = self._found
        rows = zip(self._names, self._points, found.numbers, found.product, strict=True)
        return View(["input", "value", "gradient", "hvp"], rows)

    def latex(self) -> str:
        """The value, and the product as a column."""
        found, digits = self._found, self._look.digits
        own = variable(found.result, "latex")
        direction = [[found.direction.get(name, 0.0)] for name in self._names]
        product = latex.matrix([[x] for x in found.product], 1, digits)
        return latex.equations(
            [
                latex.value(found.result, found.value, digits),
                (rf"\nabla^2 {own} \, {latex.matrix(direction, 1, digits)}", product),
            ]
        )


_COORDINATES = ("row", "column", "value")


def operations(count: dict[str, int]) -> str:
    """The size of the gradient in words."""
    value, gradient = count["value"], count["gradient"]
    ratio = f", {gradient / value:.2g} for each" if value else ""
    return f"operations: {value:,} for the value, {gradient:,} more for the gradient{ratio}"


def _dense_view(corner: str, rows: Sequence[str], columns: Sequence[str], matrix: Matrix) -> View:
    cells: list[list[str | float | None]] = []
    for name, places, numbers in zip(rows, matrix.rows, matrix.numbers, strict=True):
        row: list[str | float | None] = [None] * matrix.width
        for j, x in zip(places, numbers, strict=True):
            row[j] = x
        cells.append([name, *row])
    return View([corner, *columns], cells)


def _triples(
    rows: Sequence[str], columns: Sequence[str], matrix: Matrix
) -> list[tuple[str, str, float]]:
    return [
        (name, columns[j], x)
        for name, places, numbers in zip(rows, matrix.rows, matrix.numbers, strict=True)
        for j, x in zip(places, numbers, strict=True)
    ]


def _coordinates(triples: Sequence[tuple[str, str, float]], look: Look) -> str:
    """Entries as a table for LaTeX."""
    lines = [r"\begin{tabular}{llr}", r"row & column & value \\ \hline"]
    for row, column, x in triples:
        cells = (variable(row, "latex"), variable(column, "latex"), latex_number(x, look.digits))
        lines.append(" & ".join(f"${cell}$" for cell in cells) + r" \\")
    return "\n".join([*lines, r"\end{tabular}"]) + "\n"


def _for_lines(passes: int, lines: int, noun: str) -> str:
    """How many passes there would be without a colouring, if it saved some."""
    if passes == lines:
        return ""
    colors = f"{passes:,} colour{'s' if passes != 1 else ''}"
    return f" for {lines:,} {noun}{'s' if lines != 1 else ''} ({colors})"


def _zeros(matrix: Matrix, sparse: bool) -> list[str]:
    size = len(matrix.rows) * matrix.width
    zeros = size - entries(matrix.rows)
    if not zeros:
        return []
    sign = "" if sparse else " (·)"
    verb = "is" if zeros == 1 else "are"
    return [f"{zeros:,} of {size:,} entries {verb} structurally zero{sign}"]
