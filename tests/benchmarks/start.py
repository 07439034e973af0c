"""How long a start takes: whole processes as ratios to `python -c pass`, beside the peers.

    python tests/benchmarks/start.py [RUNS]

Each peer starts, differentiates the running example at (2, 5) and prints value and partials;
what they print is compared before any time is taken. Byte-compile the packages first, as an
installer does.
"""

from __future__ import annotations

import importlib.util
import math
import re
import shutil
import subprocess
import sys

from result import Line, Row, at_least, at_most, left_out, show
from timing import Timed, adcli, side_by_side

SOURCE = "ln(x1) + x1*x2 - sin(x2)"
POINT = ("x1=2", "x2=5")
EXPECTED = (11.652071455223084, 5.5, 1.7163378145367738)
PASS, GRAD = "python -c pass", "grad"
LIMITS = {"grad --format json": 7.5, GRAD: 9.0, "trace": 10.0}

SYMPY = """\
from sympy import log, sin, symbols
x1, x2 = symbols("x1 x2")
f = log(x1) + x1*x2 - sin(x2)
print(*(float(g.subs({x1: 2, x2: 5})) for g in (f, f.diff(x1), f.diff(x2))))
"""
AUTOGRAD = """\
from autograd import value_and_grad
from autograd.numpy import array, log, sin
value, partials = value_and_grad(lambda x: log(x[0]) + x[0]*x[1] - sin(x[1]))(array([2.0, 5.0]))
print(float(value), *partials.tolist())
"""
CASADI = """\
from casadi import SX, Function, gradient, log, sin
x = SX.sym("x", 2)
f = log(x[0]) + x[0]*x[1] - sin(x[1])
value, partials = Function("f", [x], [f, gradient(f, x)])([2, 5])
print(float(value), *map(float, partials.nonzeros()))
"""
JAX = """\
import jax
jax.config.update("jax_enable_x64", True)
from jax.numpy import log, sin
f = jax.jit(jax.value_and_grad(lambda x1, x2: log(x1) + x1*x2 - sin(x2), (0, 1)))
value, partials = f(2.0, 5.0)
print(float(value), *map(float, partials))
"""
PYTHON_PEERS = {
    "SymPy": ("sympy", SYMPY),
    "autograd": ("autograd", AUTOGRAD),
    "CasADi": ("casadi", CASADI),
    "JAX": ("jax", JAX),
}
# Qalculate's diff takes the order and the point, so the other input is a number.
QALC = (
    "[ln(2) + 2*5 - sin(5), diff(ln(x) + x*5 - sin(5), x, 1, 2),"
    " diff(ln(2) + 2*y - sin(y), y, 1, 5)]"
)
MAXIMA = (
    "f: log(x1) + x1*x2 - sin(x2)$ print(at([f, diff(f, x1), diff(f, x2)], [x1 = 2.0, x2 = 5.0]))$"
)
PROGRAM_PEERS = {
    "qalc": ["qalc", "-t", "-s", "angle 1", QALC],
    "Maxima": ["maxima", "--very-quiet", f"--batch-string={MAXIMA}"],
}


def commands() -> dict[str, list[str]]:
    """Those that can be measured here."""
    found = {
        PASS: [sys.executable, "-c", "pass"],
        "import click": [sys.executable, "-c", "import click"],
        "grad --format json": adcli("grad", SOURCE, *POINT, "--format", "json"),
        GRAD: adcli("grad", SOURCE, *POINT),
        "trace": adcli("trace", SOURCE, *POINT),
    }
    for name, (module, text) in PYTHON_PEERS.items():
        if importlib.util.find_spec(module):
            found[name] = [sys.executable, "-c", text]
    return found | {
        name: command for name, command in PROGRAM_PEERS.items() if shutil.which(command[0])
    }


def check(name: str, command: list[str]) -> None:
    """Value and partials are among the numbers printed; a trace shows three decimals of them.

    Raises:
        RuntimeError: they are not.
    """
    text = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text)]
    tolerance = 5e-4 if name == "trace" else 1e-8
    for number in EXPECTED:
        if not any(math.isclose(number, one, rel_tol=tolerance) for one in numbers):
            raise RuntimeError(f"{name} does not print {number}:\n{text}")


def measure(runs: int) -> dict[str, Timed]:
    """name -> times."""
    found = commands()
    for name, command in found.items():
        if name not in (PASS, "import click"):
            check(name, command)
    return side_by_side(found, runs)


def row(runs: int = 15) -> Row:
    """The row of the table."""
    timed = measure(runs)
    base = timed[PASS].median
    lines = []
    for name, one in timed.items():
        ratio = one.median / base
        text = f"{one.median * 1e3:.1f} ms, {ratio:.2f} x"
        if name in LIMITS:
            lines.append(at_most(name, text, ratio, LIMITS[name], f"x {PASS}"))
        elif name in PYTHON_PEERS:
            slower = one.median / timed[GRAD].median
            lines.append(at_least(name, f"{text}, {slower:.1f} x {GRAD}", slower, 1, f"x {GRAD}"))
        else:
            lines.append(Line(name, text))
    lines += [left_out(name) for name in (*PYTHON_PEERS, *PROGRAM_PEERS) if name not in timed]
    return Row(f"start: the running example as a whole process, median of {runs}", lines)


def main() -> None:
    """Print the row."""
    show(row(int(sys.argv[1]) if len(sys.argv) > 1 else 15))


if __name__ == "__main__":
    main()
