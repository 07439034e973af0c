"""What a gradient costs against the value: Rosenbrock in more and more inputs.

    python tests/benchmarks/native.py [RUNS]

By native code for columns, compiling apart; at a point by the tracer and the reverse sweep.
Gradients are compared with those written by hand before any time is taken.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from hand import rosenbrock
from peers import check
from result import Row, at_most, show
from timing import Timed, in_turn

import adcli

TEXT = "f(x[]) = sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..len(x)-1)"
INPUTS = (10, 100, 1_000)
MANY = 100_000
VALUE, BOTH = "value", "value and gradient"


def points(inputs: int, rows: int) -> tuple[Any, list[Any]]:
    """Random inputs, a row for each; and the value and the partials by hand."""
    x = np.random.default_rng(inputs).uniform(-2, 2, (inputs, rows))
    out = np.empty((inputs + 1, rows))
    rosenbrock(x, out)
    return x, list(out)


def by_columns(inputs: int, rows: int, runs: int) -> dict[str, Timed]:
    """Value, and value and gradient, of many rows."""
    program = adcli.load(TEXT)
    x, expected = points(inputs, rows)
    given = {f"x[{i}]": column for i, column in enumerate(x, 1)}
    got = list(program.columns(given).values())
    check("columns", f"{inputs:,} inputs", expected, got)
    check("columns", "value", expected[:1], list(program.columns(given, values_only=True).values()))
    del got, expected
    return in_turn(
        {
            VALUE: lambda: program.columns(given, values_only=True),
            BOTH: lambda: program.columns(given),
        },
        runs,
    )


def at_a_point(inputs: int, runs: int) -> dict[str, Timed]:
    """Value, and value and gradient, at one point."""
    program = adcli.load(TEXT)
    x, expected = points(inputs, 1)
    at = {"x": x[:, 0].tolist()}
    found = program.grad(at)
    partials = np.ravel(list(found.gradient.values()))
    check("grad", f"{inputs:,} inputs", expected, [[found.value], *([d] for d in partials)])
    return in_turn({VALUE: lambda: program.eval(at), BOTH: lambda: program.grad(at)}, runs)


def row(runs: int = 5, many: bool = True) -> Row:
    """The row of the table.

    Args:
        runs: how many of each.
        many: whether to compile for 100,000 inputs too, which takes about a minute.
    """
    lines = []
    for inputs in (*INPUTS, MANY) if many else INPUTS:
        rows = max(64, 20_000_000 // inputs) if inputs < MANY else 64
        found = by_columns(inputs, rows, runs)
        value, both = (found[key].median / rows * 1e9 for key in (VALUE, BOTH))
        text = f"{value:,.1f} -> {both:,.1f} ns a row, {both / value:.2f} x"
        lines.append(at_most(f"columns, {inputs:,} inputs", text, both / value, 3, "x"))
    found = at_a_point(MANY, min(runs, 3))
    value, both = found[VALUE].median, found[BOTH].median
    text = f"{value:.2f} -> {both:.2f} s, {both / value:.2f} x"
    lines.append(at_most(f"at a point, {MANY:,} inputs", text, both / value, 3, "x"))
    return Row(f"cost of value and gradient against the value, median of {runs}", lines)


def main() -> None:
    """Print the row."""
    show(row(int(sys.argv[1]) if len(sys.argv) > 1 else 5))


if __name__ == "__main__":
    main()
