"""Methods side by side as tables, and the error of difference quotients as a chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from adcli.differentiate.compare import STEPPED, Comparison, Method
from adcli.differentiate.expressions import MOST_COUNTED
from adcli.graph.notation import latex_number, variable
from adcli.graph.numbers import number
from adcli.graph.program import arrange, derivative_name, labels
from adcli.render import latex
from adcli.render.views import Cell, Look, View

# Of more inputs only the error is shown.
_MOST_SHOWN = 3
_MARKS = {"forward difference": "f", "central difference": "c", "five-point difference": "5"}
# The methods differ in their last digits.
FEWER_DIGITS = 12
# Of the chart: powers of 10 of the step, columns for each, and those beside it.
_DECADES = 16
_COLUMNS_A_DECADE = 4
_MARGIN = 8


class CompareTables:
    """A comparison of methods."""

    def __init__(self, found: Comparison, look: Look) -> None:
        self._found = found
        self._look = look
        self._names = labels(found.inputs)

    def views(self) -> list[View]:
        """A row for each method; the errors over steps as a chart below."""
        found, look = self._found, self._look
        sign = "d" if look.ascii_only else "∂"
        shown = self._names if len(self._names) <= _MOST_SHOWN else []
        heads = [f"{sign}{found.result}/{sign}{name}" for name in shown]
        rows: list[list[Cell]] = []
        for method in found.methods:
            row: list[Cell] = [method.name]
            row += method.numbers[: len(shown)] if method.numbers else [""] * len(shown)
            if method.numbers is None:
                rows.append([*row, "", "", "", "", ""])
                continue
            counts = [f"{method.passes:,}", f"{method.operations:,}", _large(method.size)]
            rows.append([*row, _short(method.error), *counts, _time(method.seconds)])
        columns = ["method", *heads, "error", "passes", "operations", "size", "time"]
        footer = [f"errors against {found.reference_name}"]
        footer += [f"{x.name}: {x.note}" for x in found.methods if x.numbers is None]
        title = f"{found.result} = {number(found.value, look.digits)}"
        table = View(columns, rows, title, footer)
        table.fewer = FEWER_DIGITS
        table.right = set(range(1, len(columns)))
        if not found.steps:
            return [table]
        lines = chart(found.steps, look.width, ascii_only=look.ascii_only)
        return [table, View([], [], "Error against step (relative to x)", lines)]

    def record(self) -> View:
        """A row for each method; or for each step."""
        found = self._found
        if found.steps:
            return View(
                ["step", *_MARKS], [[step, *errors.values()] for step, errors in found.steps]
            )
        rows: list[list[Cell]] = []
        for method in found.methods:
            numbers = method.numbers or [math.nan] * len(self._names)
            counts = [str(method.passes), str(method.operations), _plain(method.size)]
            rows.append([method.name, *numbers, method.error, *counts, method.seconds])
        names = [derivative_name(found.result, name) for name in self._names]
        columns = ["method", *names, "error", "passes", "operations", "size", "seconds"]
        return View(columns, rows)

    def latex(self) -> str:
        """The table for LaTeX."""
        found = self._found
        shown = self._names if len(self._names) <= _MOST_SHOWN else []
        result = variable(found.result, "latex")
        heads = [rf"$\partial {result}/\partial {variable(name, 'latex')}$" for name in shown]
        lines = [rf"\begin{{tabular}}{{l{'r' * len(shown)}rrrr}}"]
        lines.append(
            " & ".join(["method", *heads, "error", "passes", "operations", r"size \\ \hline"])
        )
        for method in found.methods:
            numbers = (method.numbers or [math.nan] * len(shown))[: len(shown)]
            cells = [latex.text(method.name)]
            cells += [f"${latex_number(x, self._look.digits)}$" for x in numbers]
            cells.append(f"${latex_number(float(f'{method.error:.2g}'))}$")
            cells += [str(method.passes), str(method.operations), _large(method.size)]
            lines.append(" & ".join(cells) + r" \\")
        return "\n".join([*lines, r"\end{tabular}"]) + "\n"


def data(found: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it."""
    result: dict[str, Any] = {
        "result": found.result,
        "value": found.value,
        "reference": {
            "method": found.reference_name,
            "gradient": arrange(found.inputs, found.reference),
        },
        "methods": [_method_data(found, method) for method in found.methods],
    }
    if found.steps:
        result["steps"] = [{"step": step, **errors} for step, errors in found.steps]
    return result


def _method_data(found: Comparison, method: Method) -> dict[str, Any]:
    numbers = method.numbers
    return {
        "method": method.name,
        "gradient": None if numbers is None else arrange(found.inputs, numbers),
        "error": method.error,
        "passes": method.passes,
        "operations": method.operations,
        "size": method.size,
        "seconds": method.seconds,
        "note": method.note or None,
    }


def chart(
    steps: Sequence[tuple[float, Mapping[str, float]]],
    room: int | None = None,
    *,
    ascii_only: bool,
) -> list[str]:
    """Errors over steps, both logarithmic, a row for each power of 10.

    Args:
        steps: for each step the errors by method.
        room: the columns of the terminal, None of a pipe or a file.
        ascii_only: whether only ASCII may be used.
    """
    scale = _COLUMNS_A_DECADE
    if room is not None:
        scale = max(1, min(scale, (room - _MARGIN) // _DECADES))
    width = scale * _DECADES
    points: dict[tuple[int, int], str] = {}
    for step, errors in steps:
        column = round(scale * (math.log10(step) + _DECADES))
        for name, error in errors.items():
            if math.isfinite(error):
                height = round(math.log10(error)) if error > 0 else -17
                points[column, max(-17, min(height, 3))] = _MARKS[name]
    if not points:
        return ["no error is finite"]
    top = max(height for _, height in points)
    bottom = min(height for _, height in points)
    corner, up, along = ("+", "|", "-") if ascii_only else ("└", "│", "─")
    lines = []
    for height in range(top, bottom - 1, -1):
        row = "".join(points.get((column, height), " ") for column in range(width))
        label = f"1e{height}" if height > -17 else "0"
        lines.append(f"{label:>6} {up}{row}".rstrip())
    lines.append(f"{'':>6} {corner}{along * width}")
    each = 4 if scale > 1 else 8
    ticks = "".join(f"{f'1e-{16 - k}':<{each * scale}}" for k in range(0, _DECADES, each))
    lines.append(f"{'':>8}{ticks}")
    marks = [f"{mark} {name}" for name, mark in _MARKS.items()]
    legend = ", ".join(marks)
    lines += [legend] if room is None or len(legend) <= room else marks
    return lines


def _short(x: float) -> str:
    return "nan" if x != x else "0" if x == 0 else f"{x:.1e}"


def _large(count: int) -> str:
    if count < 10**9:
        return f"{count:,}"
    if count >= MOST_COUNTED:
        return "over 1e300"
    exponent = int(math.log10(count))
    return f"{10 ** (math.log10(count) - exponent):.1f}e{exponent}"


def _plain(count: int) -> str:
    return str(count) if count <= MOST_COUNTED else "inf"


def _time(seconds: float) -> str:
    if seconds != seconds:
        return ""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} us"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


assert tuple(_MARKS) == tuple(scheme.name for scheme in STEPPED)
