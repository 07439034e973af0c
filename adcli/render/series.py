"""Taylor series as tables and formulas."""

from __future__ import annotations

import math
from collections.abc import Callable

from adcli.differentiate.taylor import Taylor
from adcli.graph.notation import latex_number, variable
from adcli.graph.numbers import number
from adcli.graph.program import Run
from adcli.render import latex
from adcli.render.values import listed
from adcli.render.views import Cell, Look, View

# The largest order whose factorial is a double.
_LAST_FACTORIAL = 170
# Longer polynomials are not read.
_MOST_TERMS = 10
_DIGITS = 4
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class TaylorTables:
    """The coefficients of a series."""

    def __init__(self, run: Run, found: Taylor, look: Look) -> None:
        self._run = run
        self._found = found
        self._look = look

    def _place(self, *, in_latex: bool = False) -> str:
        """What the polynomial is of: 2 + t, or x1 = 2 + t of several, or x + t d."""
        elements, direction = self._run.elements, self._found.direction
        if list(direction.values()) != [1.0]:
            return "x + t d"
        (name,) = direction
        write = latex_number if in_latex else number
        start = write(self._run.graph.value[elements[name]], self._look.digits)
        place = "t" if start == "0" else f"{start} + t"
        return place if len(elements) == 1 else f"{name} = {place}"

    def views(self) -> list[View]:
        """A row for each coefficient, and the polynomial if it is short."""
        found, look = self._found, self._look
        rows: list[list[Cell]] = []
        for k, coefficient in enumerate(found.coefficients):
            derivative: Cell = ""
            if k <= _LAST_FACTORIAL:
                derivative = coefficient * math.factorial(k)
            row: list[Cell] = [float(k), coefficient, derivative]
            rows.append(row)
        title = f"Taylor series of {found.result} along {listed(found.direction, look)}"
        if len(found.direction) == 1 and 1.0 in found.direction.values():
            title = f"Taylor series of {found.result} in {next(iter(found.direction))}"
        columns = ["order", "coefficient", "derivative"]
        # At a kink the series is of a convention, and not equal to the function.
        short = found.order <= _MOST_TERMS and not found.warnings
        footer = [self._polynomial()] if short else []
        return [View(columns, rows, title, footer)]

    def _polynomial(self) -> str:
        found, look = self._found, self._look
        digits = _DIGITS if look.digits is None else look.digits
        terms = _sum(
            [(number(abs(c), digits), c < 0, c == 0) for c in found.coefficients],
            lambda k: "t" if k == 1 else f"t{str(k).translate(_SUPERSCRIPT)}",
            " ",
        )
        exact = all(number(c, digits) == number(c) for c in found.coefficients)
        text = f"{found.result}({self._place()}) {'=' if exact else '≈'} {terms}"
        if found.is_polynomial:
            return text
        order = str(found.order + 1).translate(_SUPERSCRIPT)
        return f"{text} + O(t{order if found.order else ''})"

    def record(self) -> View:
        """A row for each coefficient."""
        rows: list[list[Cell]] = [[str(k), x] for k, x in enumerate(self._found.coefficients)]
        return View(["order", "coefficient"], rows)

    def latex(self) -> str:
        """The polynomial."""
        found = self._found
        left = f"{variable(found.result, 'latex')}({self._place(in_latex=True)})"
        terms = [
            (latex_number(abs(c), self._look.digits), c < 0, c == 0) for c in found.coefficients
        ]
        right = _sum(terms, lambda k: "t" if k == 1 else f"t^{{{k}}}", r" \, ")
        if not found.is_polynomial:
            order = f"t^{{{found.order + 1}}}" if found.order else "t"
            right += f" + O({order})"
        return latex.equations([(left, right)])


def _sum(terms: list[tuple[str, bool, bool]], power: Callable[[int], str], space: str) -> str:
    """A polynomial from the absolute values, signs and zeros of its coefficients."""
    text = ""
    for k, (size, is_negative, is_zero) in enumerate(terms):
        if is_zero:
            continue
        term = size if k == 0 else power(k) if size == "1" else f"{size}{space}{power(k)}"
        if text:
            text += f" - {term}" if is_negative else f" + {term}"
        else:
            text = f"-{term}" if is_negative else term
    return text or "0"
