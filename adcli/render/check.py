"""Gradient checks as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from adcli.differentiate.check import OK, UNDEFINED, WRONG, Check, Component
from adcli.graph.notation import latex_number, variable
from adcli.graph.numbers import number
from adcli.render import latex
from adcli.render.compare import FEWER_DIGITS
from adcli.render.views import Cell, Look, View

_ERROR_DIGITS = 2
_POINT_DIGITS = 6
# Failures told of below the table, one for each component.
_MOST_TOLD = 6
_MOST_NAMED = 6


class CheckTables:
    """The components of a gradient check, the worst of each over all points."""

    def __init__(self, check: Check, look: Look, *, by_hand: bool) -> None:
        self._check = check
        self._look = look
        self._by_hand = by_hand

    def views(self) -> list[View]:
        """A row for each component, the verdict below."""
        check, look = self._check, self._look
        sign = "d" if look.ascii_only else "∂"
        reference = "written by hand" if self._by_hand else "difference quotient"
        columns = [
            "input", f"{sign}{check.result}/{sign}input", reference, "error", "at most", "",
        ]  # fmt: skip
        rows = [_row(one, _short(one.error), _short(one.tolerance)) for one in check.components]
        table = View(columns, rows, footer=self._footer())
        table.fewer = FEWER_DIGITS
        table.right = {3, 4}
        return [table]

    def _footer(self) -> list[str]:
        check = self._check
        points = "1 point" if check.points == 1 else f"{check.points:,} points"
        skipped = f"; {check.skipped:,} left out, not finite there" if check.skipped else ""
        if check.passed:
            unclear = [one.input for one in check.components if one.verdict != OK]
            rest = f", but {', '.join(unclear[:_MOST_NAMED])} not settled" if unclear else ""
            return [f"passed at {points}{rest}{skipped}"]
        lines = [f"failed: {len(check.failures):,} wrong or undefined in all, at {points}{skipped}"]
        wrong = [one for one in check.components if one.verdict in (WRONG, UNDEFINED)]
        for one in wrong[:_MOST_TOLD]:
            slip = f": {one.slip}" if one.slip else ""
            if one.verdict == UNDEFINED:
                what = "value" if math.isfinite(one.ad) else f"derivative is {number(one.ad)}"
                slip = f": the {what}" + (" is not finite" if what == "value" else "")
            place = f" (at {_place(one.point)})" if check.points > 1 else ""
            lines.append(f"{one.input}{slip}{place}")
        if len(wrong) > _MOST_TOLD:
            lines.append(f"… and {len(wrong) - _MOST_TOLD:,} more inputs")
        return lines

    def record(self) -> View:
        """A row for each component."""
        rows = [_row(one, one.error, one.tolerance) for one in self._check.components]
        return View(["input", "ad", "reference", "error", "tolerance", "verdict"], rows)

    def latex(self) -> str:
        """The table for LaTeX."""
        reference = "by hand" if self._by_hand else "difference quotient"
        lines = [
            r"\begin{tabular}{lrrrl}",
            rf"input & AD & {reference} & error & \\ \hline",
        ]
        digits = self._look.digits
        for one in self._check.components:
            numbers = [latex_number(one.ad, digits), latex_number(one.reference, digits)]
            numbers.append(latex_number(float(f"{one.error:.{_ERROR_DIGITS}g}")))
            cells = [f"${variable(one.input, 'latex')}$", *(f"${x}$" for x in numbers)]
            lines.append(" & ".join([*cells, latex.text(one.verdict)]) + r" \\")
        return "\n".join([*lines, r"\end{tabular}"]) + "\n"


def data(component: Component) -> dict[str, Any]:
    """A component as JSON has it."""
    return {
        "input": component.input,
        "ad": component.ad,
        "reference": component.reference,
        "error": component.error,
        "tolerance": component.tolerance,
        "verdict": component.verdict,
        "slip": component.slip or None,
        "point": component.point,
    }


def _row(one: Component, error: Cell, tolerance: Cell) -> list[Cell]:
    return [one.input, one.ad, one.reference, error, tolerance, one.verdict]


def _short(x: float) -> str:
    return "nan" if x != x else "0" if x == 0 else f"{x:.1e}"


def _place(point: Mapping[str, Any]) -> str:
    pieces = []
    for name, value in point.items():
        if isinstance(value, list):
            pieces.append(f"{name} = …" if len(value) > 3 else f"{name} = {_listed(value)}")
        else:
            pieces.append(f"{name} = {number(value, _POINT_DIGITS)}")
    return ", ".join(pieces[:_MOST_NAMED]) + (", …" if len(pieces) > _MOST_NAMED else "")


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_listed(x) for x in value)}]"
    return number(value, _POINT_DIGITS)
