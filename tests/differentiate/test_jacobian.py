"""The Jacobian: its numbers, its structure, how many passes it takes, and that passes made
together give what each would have given alone.

Numbers are compared with differences of mpmath values at 60 digits, of programs made by hand
and generated ones (see `generated_programs`), and with closed forms. Only where the claim is
that two ways give the same bits are two ways compared.
"""

from __future__ import annotations

import itertools
import math
import operator
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import mpmath
import pytest
from derivative_graphs import MODES, flatten, same
from generated_programs import (
    DIGITS,
    LEAST_SLOPE,
    MOST_SENSITIVE,
    STEP,
    Expression,
    Generator,
    Scope,
)
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from reference_machine import Environment, Machine, Rejected

import adcli
from adcli.differentiate import passes, structure
from adcli.differentiate.forward import forward
from adcli.differentiate.gradient import Mode
from adcli.differentiate.jacobian import Jacobian
from adcli.differentiate.reverse import reverse
from adcli.evaluate.floats import Over, over_floats
from adcli.graph.program import Run
from adcli.graph.rules import FLOATS

INF, NAN = math.inf, math.nan
RELATIVE = 1e-12
ALL_MODES: tuple[Mode, ...] = ("forward", "reverse", "auto")
MODE = pytest.mark.parametrize("mode", MODES)

Numbers = list[mpf]
Table = list[list[mpf]]
# Below this doubles have few digits.
UNDERFLOW = mpf("1e-300")


def owner(column: str) -> str:
    """The input that an element is of."""
    return column.partition("[")[0]


# References.


def differences(function: Callable[[Numbers], Numbers], point: Sequence[float]) -> Table:
    """The Jacobian of a function of all elements by central differences, to 30 digits."""
    with mp.workdps(DIGITS):
        step = mpf(STEP)
        columns = []
        for j in range(len(point)):
            above, below = [[mpf(x) for x in point] for _ in range(2)]
            above[j] += step
            below[j] -= step
            pairs = zip(function(above), function(below), strict=True)
            columns.append([(a - b) / (2 * step) for a, b in pairs])
        return [list(row) for row in zip(*columns, strict=True)]


def slack(run: Run, wrt: Sequence[str] | None = None) -> list[list[float]]:
    """What rounding may do to each entry where its terms cancel: 1e-14 of their absolute sum.

    The terms are the products of partials along paths, which is what any order of summation
    adds up. Noise in the values, which `generated_programs` makes, does not show it.
    """
    graph = run.graph
    over = Over(graph.value, FLOATS, lambda term, partial: abs(term * partial), operator.add)
    columns = []
    for item in run.inputs:
        for node in item.nodes if wrt is None or item.name in wrt else ():
            terms = forward(graph, {node: 1.0}, over)
            columns.append(
                [(terms[x] if type(x) is int else None) or 0.0 for x in run.results.values()]
            )
    assert all(math.isfinite(x) for column in columns for x in column)
    # Differences of 60 digits are right to 1e-38.
    return [[1e-14 * column[i] + 1e-30 for column in columns] for i in range(len(run.results))]


def check_numbers(
    found: Jacobian,
    exact: Sequence[Sequence[Any]],
    more: Sequence[Sequence[float]] | None = None,
    message: str = "",
) -> None:
    """Entries to 1e-12 of themselves and some more; no structural entry means truly zero."""
    dense = found.jacobian
    assert len(dense) == len(found.rows) == len(exact), message
    assert found.matrix.width == len(found.columns)
    for i, (row, own, exactly) in enumerate(zip(dense, found.matrix.rows, exact, strict=True)):
        assert list(own) == sorted(set(own)), message
        assert len(row) == len(exactly) == len(found.columns), message
        for j, (got, right) in enumerate(zip(row, exactly, strict=True)):
            where = f"{found.rows[i]} by {found.columns[j]}"
            allowed = RELATIVE * abs(right) + (more[i][j] if more else 0)
            assert abs(mpf(got) - right) <= allowed + UNDERFLOW, (
                f"{found.mode}, {where}: {got!r}, not {float(right)!r}\n{message}"
            )
            if j not in own:
                assert (got, right) == (0, 0), f"{where} is no entry\n{message}"


def check_modes(
    program: adcli.Program,
    at: Mapping[str, Any],
    exact: Sequence[Sequence[Any]],
    wrt: Sequence[str] | None = None,
    *,
    more: Sequence[Sequence[float]] | None = None,
) -> dict[str, Jacobian]:
    """All three modes give these numbers and each other's, and auto the fewest passes."""
    found = {mode: program.jacobian(at, mode=mode, wrt=wrt) for mode in ALL_MODES}
    values = program.eval(at)
    for mode, one in found.items():
        check_numbers(one, exact, more, f"{at}")
        assert one.mode == mode or mode == "auto"
        assert list(one.values.items()) == list(values.items())
        assert one.rows == list(values)
        assert one.columns == found["auto"].columns
        assert list(map(list, one.matrix.rows)) == list(map(list, found["auto"].matrix.rows))
        assert not any(math.copysign(1, x) < 0 for row in one.jacobian for x in row if x == 0)
    ahead, back, auto = (found[mode] for mode in ALL_MODES)
    for i, (row, other) in enumerate(zip(ahead.jacobian, back.jacobian, strict=True)):
        for j, (a, b) in enumerate(zip(row, other, strict=True)):
            allowed = RELATIVE * abs(exact[i][j]) + (more[i][j] if more else 0)
            assert abs(a - b) <= allowed + UNDERFLOW, (
                f"{ahead.rows[i]} by {ahead.columns[j]}: {a!r}, {b!r}"
            )
    assert ahead.passes <= len(ahead.columns)
    assert back.passes <= len(back.rows)
    assert auto.passes == min(ahead.passes, back.passes)
    assert auto.mode == ("forward" if ahead.passes <= back.passes else "reverse")
    assert auto.jacobian == found[auto.mode].jacobian
    assert max(map(len, ahead.matrix.rows), default=0) <= ahead.passes
    return found


# Programs made by hand.


class Case(NamedTuple):
    """A program, a point, the names of its results, and the same as mathematics.

    The function takes the elements of all inputs in order, and returns those of all results.
    """

    text: str
    at: dict[str, Any]
    rows: list[str]
    function: Callable[[Numbers], Numbers]

    @property
    def point(self) -> list[float]:
        """The numbers of all elements, in order."""
        return [x for _, x in flatten(self.at)]

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return [name for name, _ in flatten(self.at)]

    def derivatives(self) -> Table:
        """The Jacobian of reference."""
        table = differences(self.function, self.point)
        return table or [[] for _ in self.rows]


def _product(rows: int, inner: int, columns: int, x: Numbers) -> Numbers:
    """A matrix of so many rows times one of so many columns, both in one list."""
    a, b = x[: rows * inner], x[rows * inner :]
    return [
        sum(a[i * inner + k] * b[k * columns + j] for k in range(inner))
        for i in range(rows)
        for j in range(columns)
    ]


def _logistic(x: Numbers) -> Numbers:
    rate, y = x
    orbit = []
    for _ in range(4):
        y = rate * y * (1 - y)
        orbit.append(y)
    return [*orbit, y / rate]


def _halved(x: Numbers) -> Numbers:
    z, count = x[0] * x[1], mpf(0)
    while z > 1:
        z, count = z / 2, count + mpmath.sin(z / 2)
    return [z, count]


def _predator_prey(x: Numbers) -> Numbers:
    prey, hunters, h = x
    for _ in range(3):
        prey, hunters = prey + h * prey * (1 - hunters), hunters + h * hunters * (prey - 1)
    return [prey, hunters]


def _softmax(x: Numbers) -> Numbers:
    total = sum(mpmath.exp(item) for item in x)
    return [mpmath.exp(item) / total for item in x]


def _unit(x: Numbers) -> Numbers:
    norm = mpmath.sqrt(sum(item**2 for item in x))
    return [item / norm for item in x] + [norm]


def _nested_sines(x: mpf, count: int) -> mpf:
    for _ in range(count):
        x = mpmath.sin(x)
    return x


CASES: dict[str, Case] = {
    "polar": Case(
        "r*cos(a), r*sin(a)",
        {"r": 2.0, "a": 0.6},
        ["f[1]", "f[2]"],
        lambda x: [x[0] * mpmath.cos(x[1]), x[0] * mpmath.sin(x[1])],
    ),
    "one result": Case(
        "g(x, y) = x^2*y", {"x": 1.5, "y": -2.0}, ["g"], lambda x: [x[0] ** 2 * x[1]]
    ),
    "named results": Case(
        "s = x + y\np = x*y\ns, p, s/p",
        {"x": 1.5, "y": -2.0},
        ["s", "p", "f[1]"],
        lambda x: [x[0] + x[1], x[0] * x[1], (x[0] + x[1]) / (x[0] * x[1])],
    ),
    "vector": Case(
        "f(v[3]) = [v[1]*v[2], v[2]^v[3], sum(v), exp(v[1])]",
        {"v": [0.5, 1.25, -0.75]},
        ["f[1]", "f[2]", "f[3]", "f[4]"],
        lambda v: [v[0] * v[1], v[1] ** v[2], v[0] + v[1] + v[2], mpmath.exp(v[0])],
    ),
    "vector and number": Case(
        "f(x, y) = x + 1, [x*y, y^2], x*y",
        {"x": 0.5, "y": 1.25},
        ["f[1]", "f[2][1]", "f[2][2]", "f[3]"],
        lambda x: [x[0] + 1, x[0] * x[1], x[1] ** 2, x[0] * x[1]],
    ),
    "vector of one": Case("f(x[]) = x^3", {"x": [3.0]}, ["f[1]"], lambda x: [x[0] ** 3]),
    "number by number": Case("x^3", {"x": 3.0}, ["f"], lambda x: [x[0] ** 3]),
    "matrix times vector": Case(
        "f(A[2,3], x[3]) = A @ x",
        {"A": [[1.0, -2.0, 0.5], [3.0, 0.25, 4.0]], "x": [0.3, -1.1, 2.0]},
        ["f[1]", "f[2]"],
        lambda x: _product(2, 3, 1, x),
    ),
    "matrix result": Case(
        "f(A[2,2], B[2,2]) = A @ B",
        {"A": [[1.0, -2.0], [3.0, 0.25]], "B": [[0.3, -1.1], [2.0, 0.7]]},
        ["f[1,1]", "f[1,2]", "f[2,1]", "f[2,2]"],
        lambda x: _product(2, 2, 2, x),
    ),
    "transpose and scale": Case(
        "f(A[2,3], s) = s*transpose(A)",
        {"A": [[1.0, -2.0, 0.5], [3.0, 0.25, 4.0]], "s": 1.5},
        ["f[1,1]", "f[1,2]", "f[2,1]", "f[2,2]", "f[3,1]", "f[3,2]"],
        lambda x: [x[6] * x[k] for k in (0, 3, 1, 4, 2, 5)],
    ),
    "inputs as results": Case(
        "f(x, v[2], y) = v, x*y, x, y, x",
        {"x": 0.5, "v": [2.0, 3.0], "y": 1.25},
        ["v[1]", "v[2]", "f[1]", "x", "y", "f[2]"],
        lambda x: [x[1], x[2], x[0] * x[3], x[0], x[3], x[0]],
    ),
    "an input alone": Case(
        "f(x[]) = x", {"x": [1.0, 2.0]}, ["f[1]", "f[2]"], lambda x: [x[0], x[1]]
    ),
    "constants": Case(
        "f(x, y) = 3, x*y, pi, [1, x]",
        {"x": 0.5, "y": 1.25},
        ["f[1]", "f[2]", "pi", "f[3][1]", "f[3][2]"],
        lambda x: [mpf(3), x[0] * x[1], +mp.pi, mpf(1), x[0]],
    ),
    "only constants": Case(
        "f(x, y) = 3, 4", {"x": 0.5, "y": 1.25}, ["f[1]", "f[2]"], lambda x: [mpf(3), mpf(4)]
    ),
    "one node": Case(
        "f(x, y) = x*y, y*x, sin(x*y), x*y",
        {"x": 0.5, "y": 1.25},
        ["f[1]", "f[2]", "f[3]", "f[4]"],
        lambda x: [x[0] * x[1], x[0] * x[1], mpmath.sin(x[0] * x[1]), x[0] * x[1]],
    ),
    "a result in another": Case(
        "a = x*y\nb = sin(a)\nc = a*b*z\na, b, c",
        {"x": 0.5, "y": 1.25, "z": 3.0},
        ["a", "b", "c"],
        lambda x: [
            x[0] * x[1],
            mpmath.sin(x[0] * x[1]),
            x[0] * x[1] * mpmath.sin(x[0] * x[1]) * x[2],
        ],
    ),
    "unused inputs": Case(
        "f(x, u[2], y, w) = x + y, x^2",
        {"x": 0.5, "u": [1.0, 2.0], "y": 1.25, "w": 7.0},
        ["f[1]", "f[2]"],
        lambda x: [x[0] + x[3], x[0] ** 2],
    ),
    "loop": Case(
        "f(r, y) = {\n  z = zeros(4)\n  for i in 1..4 { y = r*y*(1 - y); z[i] = y }\n  z, y/r\n}",
        {"r": 3.25, "y": 0.3},
        ["z[1]", "z[2]", "z[3]", "z[4]", "f[1]"],
        _logistic,
    ),
    "while": Case(
        "z = a*b\nn = 0\nwhile z > 1 { z /= 2; n += sin(z) }\nz, n",
        {"a": 3.0, "b": 4.5},
        ["z", "n"],
        _halved,
    ),
    "branches": Case(
        "f(x, y, z) = {\n"
        "  if x > y { p = x*z; q = sin(y) } else { p = y; q = z }\n"
        "  p, q, if z < 0 then x*y else z^2\n}",
        {"x": 2.0, "y": 1.25, "z": 0.5},
        ["p", "q", "f[1]"],
        lambda x: [x[0] * x[2], mpmath.sin(x[1]), x[2] ** 2],
    ),
    "other branches": Case(
        "f(x, y, z) = {\n"
        "  if x > y { p = x*z; q = sin(y) } else { p = y; q = z }\n"
        "  p, q, if z < 0 then x*y else z^2\n}",
        {"x": -2.0, "y": 1.25, "z": -0.5},
        ["p", "q", "f[1]"],
        lambda x: [x[1], x[2], x[0] * x[1]],
    ),
    "recursion": Case(
        "g(x, n) = if n <= 0 then x else sin(g(x, n - 1))\nf(x, y) = g(x, 3), x*g(y, 2), g(x*y, 1)",
        {"x": 0.5, "y": 1.25},
        ["f[1]", "f[2]", "f[3]"],
        lambda x: [
            _nested_sines(x[0], 3),
            x[0] * _nested_sines(x[1], 2),
            mpmath.sin(x[0] * x[1]),
        ],
    ),
    "several passed on": Case(
        "g(a, b) = a*b, a - b\nf(x, y) = { p, q = g(x, y^2); q, p*q }",
        {"x": 0.5, "y": 1.25},
        ["q", "f[1]"],
        lambda x: [x[0] - x[1] ** 2, x[0] * x[1] ** 2 * (x[0] - x[1] ** 2)],
    ),
    "default": Case(
        "f(x, k = 2.5) = k*x, x^k",
        {"x": 0.5, "k": 2.5},
        ["f[1]", "f[2]"],
        lambda x: [x[1] * x[0], x[0] ** x[1]],
    ),
    "comprehension": Case(
        "f(x[]) = [x[i]*x[i+1] for i in 1..len(x) - 1]",
        {"x": [1.0, -2.0, 0.5, 3.0]},
        ["f[1]", "f[2]", "f[3]"],
        lambda x: [x[i] * x[i + 1] for i in range(3)],
    ),
    "running sums": Case(
        "f(x[]) = { s = 0; z = x; for i in 1..len(x) { s += x[i]^2; z[i] = s }; z }",
        {"x": [1.0, -2.0, 0.5, 3.0, 1.5]},
        [f"f[{i}]" for i in range(1, 6)],
        lambda x: list(itertools.accumulate(item**2 for item in x)),
    ),
    "softmax": Case(
        "f(x[]) = softmax(x)",
        {"x": [0.5, -1.0, 2.0]},
        ["f[1]", "f[2]", "f[3]"],
        _softmax,
    ),
    "unit vector": Case(
        "f(x[]) = { n = norm(x); x/n, n }",
        {"x": [0.5, -1.0, 2.0]},
        ["f[1][1]", "f[1][2]", "f[1][3]", "n"],
        _unit,
    ),
    "kinks on one side": Case(
        "f(x, y) = max(x, y), min(x, y), abs(y), relu(x), clamp(y, -1, 1), mod(x, y)",
        {"x": 2.0, "y": -1.25},
        [f"f[{i}]" for i in range(1, 7)],
        lambda x: [
            max(x),
            min(x),
            abs(x[1]),
            x[0],
            mpf(-1),
            x[0] - x[1] * mpmath.floor(x[0] / x[1]),
        ],
    ),
    "steps": Case(
        "f(x, y) = floor(x), x*ceil(y), sign(x)*y, round(y) + x, (x*y)^0",
        {"x": 2.25, "y": -1.25},
        [f"f[{i}]" for i in range(1, 6)],
        lambda x: [mpf(2), -x[0], x[1], x[0] - 1, mpf(1)],
    ),
    "predator and prey": Case(
        "f(x, y, h) = { for i in 1..3 { z = x + h*x*(1 - y); y += h*y*(x - 1); x = z }; x, y }",
        {"x": 1.5, "y": 0.5, "h": 0.125},
        ["x", "y"],
        _predator_prey,
    ),
}


@cache
def case_table(name: str) -> Table:
    """The Jacobian of a case, computed once."""
    return CASES[name].derivatives()


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    """Numbers, names and values of programs made by hand, in all modes."""
    case = CASES[name]
    found = check_modes(adcli.load(case.text), case.at, case_table(name))["auto"]
    assert found.rows == case.rows
    assert found.columns == case.columns
    with mp.workdps(DIGITS):
        exact = case.function([mpf(x) for x in case.point])
    for got, right in zip(found.values.values(), exact, strict=True):
        assert abs(mpf(got) - right) <= RELATIVE * abs(right)
    assert found.warnings == []


@pytest.mark.parametrize("name", CASES)
def test_with_respect_to(name: str) -> None:
    """With some inputs only, in whatever order, it is those columns of the whole."""
    case = CASES[name]
    table = case_table(name)
    program = adcli.load(case.text)
    for size in (1, 2, len(case.at)):
        for some in itertools.combinations(case.at, min(size, len(case.at))):
            kept = [j for j, column in enumerate(case.columns) if owner(column) in some]
            exact = [[row[j] for j in kept] for row in table]
            found = check_modes(program, case.at, exact, list(reversed(some)))
            assert found["auto"].columns == [case.columns[j] for j in kept]
            if len(some) == 1:
                alone = program.jacobian(case.at, wrt=some[0])
                assert alone.jacobian == found["auto"].jacobian


EMPTY = [
    ("f(x[]) = x", {"x": []}, None, 0, 0),
    ("f(x[]) = zeros(0)", {"x": [1.0, 2.0]}, None, 0, 2),
    ("f(x, y) = x, x*y", {"x": 1.0, "y": 2.0}, [], 2, 0),
    ("f(x, v[]) = x, x^2", {"x": 1.0, "v": []}, ["v"], 2, 0),
    ("3, 4, 5", {}, None, 3, 0),
]


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize(("text", "at", "wrt", "height", "width"), EMPTY)
def test_empty(
    text: str, at: dict[str, Any], wrt: list[str] | None, height: int, width: int, mode: Mode
) -> None:
    """No rows, or no columns: no passes."""
    found = adcli.load(text).jacobian(at, wrt=wrt, mode=mode)
    assert found.jacobian == [[0.0] * width] * height
    assert (len(found.rows), len(found.columns), found.passes) == (height, width, 0)


# Generated programs of several results.


class Several(Generator):
    """Makes programs of several results, which take numbers, vectors and a matrix."""

    def results(self, scope: Scope) -> list[Expression]:
        """Expressions for results: some are variables, constants, or there twice."""
        found: list[Expression] = []
        for _ in range(self.choose([1, 2, 3, 4, 5])):
            kind = self.weighted(scalar=6, variable=3, vector=3, constant=1, again=2)
            if kind == "again" and found:
                found.append(self.choose(found))
            elif kind == "variable":
                names = [*scope.scalars, *scope.vectors, *scope.matrices]
                found.append(self.variable(self.choose(names)))
            elif kind == "vector":
                found.append(self.vector(scope, self.choose([2, 3]), 2))
            elif kind == "constant":
                found.append(self.number())
            else:
                found.append(self.scalar(scope, 2))
        return found

    def several(self) -> ProgramOfSeveral:
        """The program."""
        for _ in range(self.choose([1, 1, 2])):
            self.function()
        scope = Scope()
        at: dict[str, Any] = {}
        for name in ("x", "y", "z")[: self.choose([1, 2, 3])]:
            at[name] = self._number()
            scope.scalars.append(name)
        if self.chance(60):
            scope.vectors["u"] = self.choose([2, 3])
            at["u"] = [self._number() for _ in range(scope.vectors["u"])]
        if self.chance(30):
            rows, columns = self.choose([(2, 2), (2, 3), (3, 2)])
            scope.matrices["M"] = rows, columns
            at["M"] = [[self._number() for _ in range(columns)] for _ in range(rows)]
        statements = self.statements(scope, self.choose([1, 2, 3]), 2, top=True)
        results = self.results(scope)
        sizes = {name: f"{name}[{size}]" for name, size in scope.vectors.items() if name in at}
        sizes |= {"M": "M[{},{}]".format(*scope.matrices["M"])} if "M" in at else {}
        shown = [sizes.get(name, name) for name in at]
        lines = [line for statement in statements for line in statement.lines]
        lines.append(", ".join(result.text for result in results))
        head = f"main({', '.join(shown)}) = {{"
        text = "\n".join([*(line for block in self.definitions for line in block), head])
        text += "\n    " + "\n    ".join(lines) + "\n}\n"

        def run(machine: Machine, variables: Environment) -> Numbers:
            for statement in statements:
                statement.run(machine, variables)
            return [x for result in results for x in flat(result.run(machine, variables))]

        return ProgramOfSeveral(text, at, run)

    def _number(self) -> float:
        return self.chooser.randrange(-2000, 2000) / 1024 + 1e-3


def flat(value: Any) -> list[Any]:
    """The numbers in a number, a list, or a list of lists."""
    return [x for item in value for x in flat(item)] if isinstance(value, list) else [value]


class ProgramOfSeveral(NamedTuple):
    """A generated program: its text, its inputs, and what it computes."""

    text: str
    at: dict[str, Any]
    run: Callable[[Machine, Environment], Numbers]

    @property
    def columns(self) -> list[str]:
        """The names of the elements of all inputs."""
        return [name for name, _ in flatten(self.at)]

    def evaluate(self, moved: int, by: mpf, noise: int | None) -> tuple[Numbers, list[bool]]:
        """The results with one element moved, and the decisions on the way."""
        numbers = itertools.count()

        def exact(value: Any) -> Any:
            if isinstance(value, list):
                return [exact(item) for item in value]
            return mpf(value) + (by if next(numbers) == moved else 0)

        machine = Machine(noise)
        variables = {name: exact(value) for name, value in self.at.items()}
        return self.run(machine, variables), machine.path

    def reference(self, noise: int | None = None) -> tuple[Numbers, Table]:
        """Values and Jacobian to 30 digits or more, of this program or one with errors.

        Raises:
            Rejected: the point is too close to an edge.
        """
        with mp.workdps(DIGITS):
            step = mpf(STEP)
            values, path = self.evaluate(-1, mpf(0), noise)
            columns = []
            for j in range(len(self.columns)):
                above, one = self.evaluate(j, step, noise)
                below, other = self.evaluate(j, -step, noise)
                if not path == one == other:
                    raise Rejected("a path that ends")
                columns.append([(a - b) / (2 * step) for a, b in zip(above, below, strict=True)])
                if any(0 < abs(slope) < LEAST_SLOPE for slope in columns[-1]):
                    raise Rejected("a slope too small")
            return values, [list(row) for row in zip(*columns, strict=True)]


class Made(NamedTuple):
    """A program that can be trusted to say something, and what it should give."""

    program: ProgramOfSeveral
    values: Numbers
    table: Table


def make(chooser: random.Random) -> Made:
    """A program with values and a Jacobian that errors of rounding do not move.

    Raises:
        Rejected: it has none.
    """
    program = Several(chooser).several()
    values, table = program.reference()
    right = [*values, *flat(table)]
    for noise in (1, 2):
        values_then, table_then = program.reference(noise)
        for mine, theirs in zip(right, [*values_then, *flat(table_then)], strict=True):
            if abs(theirs - mine) > MOST_SENSITIVE * abs(mine):
                raise Rejected("ill-conditioned")
    return Made(program, values, table)


COUNT = 60


@cache
def generated() -> list[Made]:
    """The programs, the same in every run."""
    return list(itertools.islice(_accepted(), COUNT))


def _accepted() -> Iterator[Made]:
    for seed in itertools.count():
        try:
            yield make(random.Random(f"several {seed}"))
        except Rejected:
            continue


def check_generated(made: Made) -> None:
    """Values, names and numbers in all modes, of all inputs and of each alone."""
    program, table = made.program, made.table
    compiled = adcli.load(program.text)
    run = compiled.run(program.at)
    try:
        found = check_modes(compiled, program.at, table, more=slack(run))["auto"]
        for name in program.at:
            own = [j for j, column in enumerate(program.columns) if owner(column) == name]
            columns = [[row[j] for j in own] for row in table]
            check_modes(compiled, program.at, columns, [name], more=slack(run, [name]))
        assert found.columns == program.columns
        for got, right in zip(found.values.values(), made.values, strict=True):
            assert abs(mpf(got) - right) <= RELATIVE * abs(right)
    except AssertionError as error:
        error.add_note(program.text)
        raise


@pytest.mark.parametrize("index", range(COUNT))
def test_generated(index: int) -> None:
    """Each program in all modes, and with respect to each of its inputs."""
    check_generated(generated()[index])


def test_generated_programs_have_everything() -> None:
    """Tall, wide, sparse and compressed Jacobians, matrices, and results that are one node."""
    programs = generated()
    assert len({made.program.text for made in programs}) == COUNT
    found = [adcli.load(made.program.text).jacobian(made.program.at) for made in programs]
    shapes = [(len(one.rows), len(one.columns)) for one in found]
    runs = [adcli.load(made.program.text).run(made.program.at) for made in programs]
    assert sum(height > width for height, width in shapes) >= 5
    assert sum(height < width for height, width in shapes) >= 20
    assert sum("M" in made.program.at for made in programs) >= 8
    assert sum(any(not row for row in one.matrix.rows) for one in found) >= 5
    assert sum(one.passes < min(shape) for one, shape in zip(found, shapes, strict=True)) >= 5
    assert sum({"forward": 1, "reverse": 0}[one.mode] for one in found) >= 10
    assert sum({"forward": 0, "reverse": 1}[one.mode] for one in found) >= 10
    assert sum(len(set(run.results.values())) < len(run.results) for run in runs) >= 10
    zeros = sum(x == 0 for made in programs for x in flat(made.table))
    missing = sum(len(one.columns) - len(row) for one in found for row in one.matrix.rows)
    assert 100 <= missing <= zeros


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False))
def test_any_program(chooser: random.Random) -> None:
    """The same, with the choices left to hypothesis."""
    try:
        made = make(chooser)
    except Rejected:
        reject()
    check_generated(made)


# Structures that are known.

Structure = tuple[str, dict[str, Any], list[list[int]]]

STRUCTURES: list[Structure] = [
    ("f(x, y) = x*y, x, 3, y^2", {"x": 1.0, "y": 2.0}, [[0, 1], [0], [], [1]]),
    # Permutations, elements overwritten, slices.
    ("f(v[4]) = [v[4], v[3] + v[1], v[2], 1]", {"v": [1.0] * 4}, [[3], [0, 2], [1], []]),
    ("f(v[3]) = { v[2] = 1; v }", {"v": [1.0] * 3}, [[0], [], [2]]),
    ("f(v[4]) = sum(v[2..3]), v[1..2]", {"v": [1.0] * 4}, [[1, 2], [0], [1]]),
    ("f(v[3]) = { t = v; t[1] = v[3]*t[2]; t, v }", {"v": [1.0] * 3},
     [[1, 2], [1], [2], [0], [1], [2]]),
    ("f(A[2,2]) = transpose(A)", {"A": [[1.0, 2.0], [3.0, 4.0]]}, [[0], [2], [1], [3]]),
    ("f(A[2,2], x[2]) = A @ x", {"A": [[1.0, 2.0], [3.0, 4.0]], "x": [5.0, 6.0]},
     [[0, 1, 4, 5], [2, 3, 4, 5]]),
    # Arms taken, and not.
    ("f(x, y) = if x > 0 then x else y", {"x": 1.0, "y": 2.0}, [[0]]),
    ("f(x, y) = if x > 0 then x else y", {"x": -1.0, "y": 2.0}, [[1]]),
    ("f(x, y, z) = { t = x; if z > 0 { t = y }; t }", {"x": 1.0, "y": 2.0, "z": 3.0}, [[1]]),
    ("f(x, y, z) = { t = x; if z > 0 { t = y }; t }", {"x": 1.0, "y": 2.0, "z": -3.0}, [[0]]),
    ("f(x, n) = { s = x; while n > 0 { s = s*x; n -= 1 }; s, n }", {"x": 1.0, "n": 2.0},
     [[0], [1]]),
    ("f(x[]) = { s = 0; z = x; for i in 1..3 { s += x[i]; z[i] = s }; z }", {"x": [1.0] * 3},
     [[0], [0, 1], [0, 1, 2]]),
    # The side that loses; a tie has two winners, and of a nan nobody knows.
    ("f(x, y) = max(x, y), min(x, y)", {"x": 1.0, "y": 2.0}, [[1], [0]]),
    ("f(x, y) = max(x, y), min(x, y)", {"x": 2.0, "y": 2.0}, [[0, 1], [0, 1]]),
    ("f(x, y) = max(x, y), min(x, y)", {"x": NAN, "y": 2.0}, [[0, 1], [0, 1]]),
    ("f(x, y, z) = max([x, y, z])", {"x": 1.0, "y": 3.0, "z": 2.0}, [[1]]),
    ("f(x) = relu(x), relu(-x), clamp(x, 0, 1), clamp(x, 0, 5)", {"x": 2.0}, [[0], [], [], [0]]),
    ("f(x, y) = max(sqrt(x), y)", {"x": 0.0, "y": 1.0}, [[1]]),
    # Steps.
    ("f(x, y) = sign(x), floor(x), ceil(y), round(x*y)", {"x": 1.5, "y": 2.5}, [[], [], [], []]),
    ("f(x, y) = x*sign(y), y*floor(x), floor(x)^y", {"x": 2.5, "y": 2.0}, [[0], [1], [1]]),
    ("f(x, y) = floor(sqrt(x)) + y, sign(ln(x))*y", {"x": 0.0, "y": 2.0}, [[1], [1]]),
    ("f(x, y) = mod(x, y), abs(x)", {"x": 2.5, "y": 2.0}, [[0, 1], [0]]),
    # A zero that is a number is an entry; the literal 0 of a rule is none.
    ("f(x, y) = 0*x, y*0, x - x, abs(x - x)", {"x": 1.5, "y": 2.5}, [[0], [1], [0], [0]]),
    ("f(x, y) = x^0, y^0*x, (x*y)^0, x^1", {"x": 1.5, "y": 2.5}, [[], [0], [], [0]]),
    ("f(x, y) = x^y", {"x": 2.0, "y": 3.0}, [[0, 1]]),
    ("f(x, y) = x^y", {"x": 0.0, "y": 3.0}, [[0]]),
    ("f(x, y) = x^y", {"x": 0.0, "y": 0.0}, [[1]]),
    ("f(x, y) = hypot(x, y), y", {"x": 0.0, "y": 0.0}, [[], [1]]),
    ("f(x, y) = hypot(x, y), y", {"x": 0.0, "y": 1.0}, [[0, 1], [1]]),
    # What is constant is no node.
    ("f(x, y) = x + 0*3, sin(2), 1^y, [pi, y]", {"x": 1.5, "y": 2.5}, [[0], [], [], [], [1]]),
    ("f(x, y, z) = y, x + z, y", {"x": 1.0, "y": 2.0, "z": 3.0}, [[1], [0, 2], [1]]),
]  # fmt: skip


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize(("text", "at", "rows"), STRUCTURES)
def test_structure(text: str, at: dict[str, Any], rows: list[list[int]], mode: Mode) -> None:
    """The entries are those that mathematics, or a convention, says there are."""
    found = adcli.load(text).jacobian(at, mode=mode)
    assert list(map(list, found.matrix.rows)) == rows
    assert list(map(len, found.matrix.numbers)) == list(map(len, rows))


@pytest.mark.parametrize(("text", "at", "rows"), STRUCTURES)
def test_structure_from_either_side(text: str, at: dict[str, Any], rows: list[list[int]]) -> None:
    """It is the same found from the inputs, from the results, and in pieces."""
    run = adcli.load(text).run(at)
    outputs = list(run.results.values())
    inputs = [node for item in run.inputs for node in item.nodes]
    many, times = len(inputs) + 1, len(outputs) + 1
    for block in (1, 2, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(structure, "_LEAST_BLOCK", block)
            patch.setattr(structure, "_MOST_BLOCKS", 1000)
            tall = structure.structure(run.graph, outputs * many, inputs, "Jacobian")
            assert list(map(list, tall)) == rows * many
            wide = structure.structure(run.graph, outputs, inputs * times, "Jacobian")
            expected = [[k * len(inputs) + j for k in range(times) for j in row] for row in rows]
            assert list(map(list, wide)) == expected


# Systems: sin(c1*x[j1] + c2*x[j2] + ...) for each row of a pattern.

Pattern = list[list[int]]


def _coefficient(i: int, j: int) -> float:
    return 0.25 * (1 + (3 * i + 2 * j) % 7)


def system(rows: Pattern, width: int) -> tuple[str, dict[str, Any], Table]:
    """A program with that structure, a point, and its Jacobian."""
    x = [0.25 + 0.125 * (j % 5) for j in range(width)]
    texts = []
    for i, row in enumerate(rows):
        inside = " + ".join(f"{_coefficient(i, j)}*x[{j + 1}]" for j in row)
        texts.append(f"sin({inside})" if row else "1.5")
    text = f"f(x[]) = [{', '.join(texts)}]" if rows else "f(x[]) = zeros(0)"
    with mp.workdps(50):
        table = []
        for i, row in enumerate(rows):
            slope = mpmath.cos(sum(mpf(_coefficient(i, j)) * x[j] for j in row))
            table.append([_coefficient(i, j) * slope if j in row else mpf(0) for j in range(width)])
    return text, {"x": x}, table


def band(size: int, below: int, above: int) -> Pattern:
    """So many diagonals below the main one, and above."""
    return [list(range(max(0, i - below), min(size, i + above + 1))) for i in range(size)]


def blocks(count: int, height: int, width: int) -> Pattern:
    """So many blocks along the diagonal."""
    return [list(range(k * width, (k + 1) * width)) for k in range(count) for _ in range(height)]


# A pattern, its columns, and the passes of forward and reverse mode.
SYSTEMS: dict[str, tuple[Pattern, int, int, int]] = {
    "diagonal": (band(9, 0, 0), 9, 1, 1),
    "reversed diagonal": (band(9, 0, 0)[::-1], 9, 1, 1),
    "bidiagonal": (band(9, 1, 0), 9, 2, 2),
    "tridiagonal": (band(9, 1, 1), 9, 3, 3),
    "pentadiagonal": (band(11, 2, 2), 11, 5, 5),
    "lopsided band": (band(12, 3, 1), 12, 5, 5),
    "longer tridiagonal": (band(40, 1, 1), 40, 3, 3),
    "2 by 2 blocks": (blocks(5, 2, 2), 10, 2, 2),
    "3 by 3 blocks": (blocks(4, 3, 3), 12, 3, 3),
    "4 by 4 blocks": (blocks(3, 4, 4), 12, 4, 4),
    "wide blocks": (blocks(4, 2, 5), 20, 5, 2),
    "tall blocks": (blocks(4, 5, 2), 8, 2, 5),
    "first row dense": ([list(range(9)), *band(9, 0, 0)], 9, 9, 2),
    "last row dense": ([*band(9, 0, 0), list(range(9))], 9, 9, 2),
    "first column dense": ([sorted({0, i}) for i in range(9)], 9, 2, 9),
    "last column dense": ([sorted({i, 8}) for i in range(9)], 9, 2, 9),
    "arrow": ([list(range(9)), *[[0, i] for i in range(1, 9)]], 9, 9, 9),
    "full": ([list(range(6))] * 6, 6, 6, 6),
    "tall and full": ([[0, 1]] * 8, 2, 2, 8),
    "wide and full": ([list(range(8))] * 2, 8, 8, 2),
    "one row": ([list(range(8))], 8, 8, 1),
    "one column": ([[0]] * 8, 1, 1, 8),
    "triangle": ([list(range(i + 1)) for i in range(6)], 6, 6, 6),
    "cycle of 9": ([sorted({(i + k) % 9 for k in (-1, 0, 1)}) for i in range(9)], 9, 3, 3),
    "cycle of 10": ([sorted({(i + k) % 10 for k in (-1, 0, 1)}) for i in range(10)], 10, 4, 4),
    "empty rows": ([[], [0, 1], [], [2], []], 3, 2, 1),
    "empty columns": ([[1], [4], [1, 4]], 6, 2, 2),
    "only constants": ([[], [], []], 4, 0, 0),
    "no rows": ([], 4, 0, 0),
}


class Passes:
    """Counts the passes over numbers, and what was made in lanes."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.forward = 0
        self.reverse = 0
        self.in_lanes = 0
        self.again = 0
        inner = passes._in_lanes

        def in_lanes(*arguments: Any) -> list[list[float] | None]:
            found = inner(*arguments)
            self.in_lanes += len(found)
            self.again += sum(numbers is None for numbers in found)
            return found

        def count_forward(*arguments: Any) -> Any:
            self.forward += 1
            return forward(*arguments)

        def count_reverse(*arguments: Any) -> Any:
            self.reverse += 1
            return reverse(*arguments)

        patch.setattr(passes, "_in_lanes", in_lanes)
        patch.setattr(passes, "forward", count_forward)
        patch.setattr(passes, "reverse", count_reverse)


@MODE
@pytest.mark.parametrize("name", SYSTEMS)
def test_systems(name: str, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, structure and number of passes, which are really made."""
    rows, width, ahead, back = SYSTEMS[name]
    text, at, table = system(rows, width)
    counted = Passes(monkeypatch)
    found = adcli.load(text).jacobian(at, mode=mode)
    assert list(map(list, found.matrix.rows)) == rows
    assert found.passes == (ahead if mode == "forward" else back)
    assert counted.forward == (ahead if mode == "forward" else 0)
    assert counted.reverse == (back if mode == "reverse" else 0)
    check_numbers(found, table)


@pytest.mark.parametrize("name", SYSTEMS)
def test_auto(name: str) -> None:
    """The fewer passes; forward ones if they are equal."""
    rows, width, ahead, back = SYSTEMS[name]
    text, at, _ = system(rows, width)
    found = adcli.load(text).jacobian(at)
    assert found.passes == min(ahead, back)
    assert found.mode == ("forward" if ahead <= back else "reverse")


@st.composite
def patterns(draw: st.DrawFn) -> tuple[Pattern, int]:
    """Rows of columns, ascending, and how many columns there are."""
    width = draw(st.integers(1, 7))
    row = st.sets(st.integers(0, width - 1), max_size=4)
    return [sorted(columns) for columns in draw(st.lists(row, max_size=7))], width


@settings(max_examples=60, deadline=None)
@given(patterns())
def test_any_pattern(pattern: tuple[Pattern, int]) -> None:
    """Any pattern is found, and its numbers are told apart."""
    rows, width = pattern
    text, at, table = system(rows, width)
    found = check_modes(adcli.load(text), at, table or [[] for _ in rows])
    assert list(map(list, found["auto"].matrix.rows)) == rows


@pytest.mark.parametrize("height", [3, 200])
def test_many_columns(height: int) -> None:
    """Rows of a hundred entries and more, which are kept in another way than short ones."""
    width = 160
    rows = [[j for j in range(width) if (j * j + i * j + i) % 7 < 4] for i in range(height)]
    rows[1] = [17, 80, 159]
    text, at, table = system(rows, width)
    found = adcli.load(text).jacobian(at)
    assert list(map(list, found.matrix.rows)) == rows
    assert found.mode == ("reverse" if height == 3 else "forward")
    check_numbers(found, table)


@pytest.mark.parametrize("name", SYSTEMS)
def test_structure_too_large_to_know(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the sets would take too much memory all entries are computed, to the same bits."""
    rows, width, _, _ = SYSTEMS[name]
    text, at, table = system(rows, width)
    program = adcli.load(text)
    known = {mode: program.jacobian(at, mode=mode) for mode in MODES}
    monkeypatch.setattr(structure, "_MEMORY", 0)
    for mode in MODES:
        found = program.jacobian(at, mode=mode)
        assert found.jacobian == known[mode].jacobian
        assert found.passes >= known[mode].passes
        everything = [list(range(width)) if row else [] for row in rows]
        entries = list(map(list, found.matrix.rows))
        assert all(entries[i] in (rows[i], everything[i]) for i in range(len(rows)))
        if name in ("tridiagonal", "arrow", "empty rows", "full"):
            assert entries == everything
        for row, exactly in zip(found.jacobian, table, strict=True):
            for got, right in zip(row, exactly, strict=True):
                assert abs(mpf(got) - right) <= RELATIVE * abs(right)


# Passes together and alone.


def alone(run: Run, mode: str) -> list[list[float | None]]:
    """The Jacobian by a pass for each column, or each row: None is a structural zero."""
    graph = run.graph
    inputs = [node for item in run.inputs for node in item.nodes]
    outputs = list(run.results.values())
    if mode == "forward":
        columns = []
        for node in inputs:
            v_dot = forward(graph, {node: 1.0}, over_floats(graph))
            columns.append([v_dot[x] if type(x) is int else None for x in outputs])
        return [[column[i] for column in columns] for i in range(len(outputs))]
    found: list[list[float | None]] = []
    for x in outputs:
        v_bar = reverse(graph, {x: 1.0}, inputs, over_floats(graph)) if type(x) is int else None
        found.append([v_bar[node] if v_bar else None for node in inputs])
    return found


def check_bits(found: Jacobian, expected: list[list[float | None]]) -> None:
    """The same structure and bits as passes alone; zeros may have another sign."""
    assert list(map(list, found.matrix.rows)) == [
        [j for j, x in enumerate(row) if x is not None] for row in expected
    ]
    for row, numbers in zip(expected, found.jacobian, strict=True):
        assert len(row) == len(numbers)
        for x, got in zip(row, numbers, strict=True):
            assert same(0.0 if x is None else x, got), (x, got)


@contextmanager
def forced_lanes(least: int, memory: int) -> Iterator[Passes]:
    """Lanes for any graph, so many at once as fit in the memory but `least` in any case."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "_MANY_PASSES", least)
        patch.setattr(passes, "_MANY_VISITS", 0)
        patch.setattr(passes, "_MEMORY", memory)
        yield Passes(patch)


# All lanes at once, one after the other, and three at a time.
LANES = [(1, 1 << 28), (1, 0), (3, 0)]


def check_together(program: adcli.Program, at: Mapping[str, Any]) -> None:
    """Compressed passes, in lanes or not, give the bits of each pass alone, in both modes."""
    run = program.run(at)
    for mode in MODES:
        expected = alone(run, mode)
        with pytest.MonkeyPatch.context() as patch:
            counted = Passes(patch)
            check_bits(program.jacobian(at, mode=mode), expected)
            assert counted.in_lanes == 0
        for least, memory in LANES:
            with forced_lanes(least, memory) as counted:
                found = program.jacobian(at, mode=mode)
                check_bits(found, expected)
            in_lanes = found.passes if found.passes >= least else 0
            at_once = max(least, memory)  # as many as there are, if there is memory
            sweeps = math.ceil(in_lanes / at_once) + found.passes - in_lanes
            assert counted.in_lanes == in_lanes
            assert counted.forward + counted.reverse == sweeps + counted.again


@pytest.mark.parametrize("index", range(COUNT))
def test_generated_together(index: int) -> None:
    """Generated programs."""
    program = generated()[index].program
    check_together(adcli.load(program.text), program.at)


@pytest.mark.parametrize("name", CASES)
def test_cases_together(name: str) -> None:
    """Programs made by hand."""
    check_together(adcli.load(CASES[name].text), CASES[name].at)


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_together(name: str) -> None:
    """Systems."""
    rows, width, _, _ = SYSTEMS[name]
    text, at, _ = system(rows, width)
    check_together(adcli.load(text), at)


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.0, 5e-324, 1e-160, 1e160, 1.7e308, INF, -INF, NAN]
SHAPES = [
    "{} + {}", "{} - {}", "{}*{}", "{}/{}", "{}^{}", "max({}, {})", "min({}, {})", "mod({}, {})",
    "atan2({}, {})", "hypot({}, {})", "sqrt({})", "cbrt({})", "ln({})", "exp({})", "asin({})",
    "abs({})", "floor({})", "sign({})", "-{}", "relu({})",
]  # fmt: skip


@st.composite
def rough_programs(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Operations on anything at all, with infinities, nan, and many structural zeros."""
    at = {"x": draw(st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=5))}
    names = [f"x[{j + 1}]" for j in range(len(at["x"]))]
    lines = []
    for k in range(draw(st.integers(0, 9))):
        shape = draw(st.sampled_from(SHAPES))
        operand = st.sampled_from([*names, *names[-2:], "0", "2", "0.5"])
        lines.append(f"t{k} = {shape.format(*(draw(operand) for _ in range(shape.count('{}'))))}")
        names.append(f"t{k}")
    results = draw(st.lists(st.sampled_from([*names, *names[-3:], "2"]), min_size=1, max_size=6))
    body = "; ".join([*lines, f"[{', '.join(results)}]"])
    return f"f(x[]) = {{ {body} }}", at


@settings(max_examples=300, deadline=None)
@given(rough_programs())
def test_anything_together(rough: tuple[str, dict[str, Any]]) -> None:
    """Whatever is not finite spoils what it would have spoiled alone, and nothing else."""
    text, at = rough
    check_together(adcli.load(text), at)


# A program, its Jacobian with what is not finite, and the passes of each mode that lanes
# cannot make: a zero of another lane meets what is not finite there.
ROUGH: list[tuple[str, dict[str, Any], list[list[float]], int, int]] = [
    ("f(x, y, z) = sqrt(x) + y*z, x + y + z, y - z", {"x": 0.0, "y": 1.0, "z": 2.0},
     [[INF, 2, 1], [1, 1, 1], [0, 1, -1]], 3, 3),
    ("f(x, y, z) = ln(x) + y, x*y*z, y + z", {"x": -1.0, "y": 1.0, "z": 2.0},
     [[NAN, 1, 0], [2, -2, -1], [0, 1, 1]], 3, 3),
    ("f(x, y) = x*y, x + y, x - y", {"x": INF, "y": 1.0},
     [[1, INF], [1, 1], [1, -1]], 2, 3),
    # Only the product of two slopes is not finite: there is no such slope for other lanes.
    ("f(x, y) = 1e200*(1e200*x) + y, x + y, x - y", {"x": 1e-150, "y": 1.0},
     [[INF, 1], [1, 1], [1, -1]], 1, 1),
    # One colour for all, infinite or not.
    ("f(x[]) = sqrt(x)", {"x": [0.0, 1.0, 0.0, 4.0]},
     [[INF, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, INF, 0], [0, 0, 0, 0.25]], 1, 1),
    ("f(x[]) = [x[1]*sqrt(x[2]), x[2], x[3]^-1, x[3] + x[4]]", {"x": [0.0, 0.0, 0.0, 1.0]},
     [[0, NAN, 0, 0], [0, 1, 0, 0], [0, 0, -INF, 0], [0, 0, 1, 1]], 2, 2),
    # The same, met only by structural zeros.
    ("f(x, y) = y*floor(sqrt(x)), x + y, x", {"x": 0.0, "y": 1.0},
     [[0, 0], [1, 1], [1, 0]], 0, 0),
    ("f(x, y) = max(sqrt(x), y), x + y, x - y", {"x": 0.0, "y": 1.0},
     [[0, 1], [1, 1], [1, -1]], 0, 0),
]  # fmt: skip


@MODE
@pytest.mark.parametrize(("text", "at", "exact", "ahead", "back"), ROUGH)
def test_not_finite(
    text: str, at: dict[str, Any], exact: list[list[float]], ahead: int, back: int, mode: Mode
) -> None:
    """A structural zero is zero in lanes as well, and what had to be made again was."""
    program = adcli.load(text)
    for least, memory in LANES[:2]:
        with forced_lanes(least, memory) as counted:
            found = program.jacobian(at, mode=mode)
        for row, exactly in zip(found.jacobian, exact, strict=True):
            assert list(map(same, row, exactly)) == [True] * len(exactly), found.jacobian
        assert counted.in_lanes == found.passes
        if memory:
            assert counted.again == (ahead if mode == "forward" else back)
    check_together(program, at)


def test_lanes_by_themselves() -> None:
    """Without being forced, a large graph and many passes are made in lanes."""
    text = (
        "f(x[], A[]) = { n = len(x); "
        "for k in 1..9 { s = sum(x); x = [sin(A[i]*x[i]) + s/n for i in 1..n] }; x }"
    )
    at = {"x": [0.01 * i for i in range(80)], "A": [1 + 0.02 * i for i in range(80)]}
    program = adcli.load(text)
    run = program.run(at)
    for mode in MODES:
        with pytest.MonkeyPatch.context() as patch:
            counted = Passes(patch)
            found = program.jacobian(at, mode=mode)
            assert counted.in_lanes == found.passes > 0
            assert counted.again == 0
        check_bits(found, alone(run, mode))


@MODE
def test_gradient_in_lanes(mode: Mode) -> None:
    """The gradient takes the same passes: its numbers do not change either."""
    for made in generated()[:20]:
        program = adcli.load(made.program.text)
        for name in program.eval(made.program.at):
            one = program.grad(made.program.at, mode=mode, result=name)
            with forced_lanes(*LANES[0]) as counted:
                other = program.grad(made.program.at, mode=mode, result=name)
            assert all(map(same, one.numbers, other.numbers))
            if mode == "reverse":
                assert counted.in_lanes == 0


# What it refuses, and what it says.


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"mode": "sideways"}, "no mode is called 'sideways'", ""),
        ({"wrt": "z"}, "no input is called 'z'", ""),
        ({"wrt": ["x", "Speed"]}, "no input is called 'Speed'", "did you mean 'speed'?"),
        ({"wrt": "v[1]"}, "no input is called 'v[1]'", "'v' is taken whole"),
    ],
)
def test_refused(options: dict[str, Any], message: str, hint: str) -> None:
    """Modes and inputs that there are not."""
    program = adcli.load("f(x, speed, v[]) = x*speed, v")
    with pytest.raises(adcli.InputError) as caught:
        program.jacobian(x=1.0, speed=2.0, v=[1.0, 2.0], **options)
    assert caught.value.exit_code == 2
    assert message in caught.value.message
    assert caught.value.hint == hint


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize(("most", "refused"), [(5, True), (6, False)])
def test_too_many_entries(
    most: int, refused: bool, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that are structural zeros do not count."""
    monkeypatch.setattr(structure, "MAX_NUMBERS", most)
    program = adcli.load("f(x[]) = [x[1]*x[2], x[2]*x[3], x[3]*x[1]]")
    if refused:
        with pytest.raises(adcli.LimitError) as caught:
            program.jacobian(x=[1.0, 2.0, 3.0], mode=mode)
        assert caught.value.exit_code == 6
    else:
        assert program.jacobian(x=[1.0, 2.0, 3.0], mode=mode).matrix.rows == [
            [0, 1],
            [1, 2],
            [0, 2],
        ]


@pytest.mark.parametrize("mode", ALL_MODES)
def test_warnings(mode: Mode) -> None:
    """An infinite derivative is blamed on the operation that has it, if it is wanted."""
    program = adcli.load("f(z, y, x) = y^2, y*cbrt(x), sqrt(y) + z")
    (warning,) = program.jacobian(x=0.0, y=2.0, z=1.0, mode=mode).warnings
    assert (warning.kind, warning.is_non_finite) == ("derivative", True)
    assert "cbrt" in warning.message
    assert program.jacobian(x=0.0, y=2.0, z=1.0, mode=mode, wrt=["y", "z"]).warnings == []


@pytest.mark.parametrize(
    "mode",
    [
        "forward",
        "reverse",
    ],
)
def test_blame_follows_what_flows(mode: Mode) -> None:
    """sqrt is infinite here but floor lets nothing through: cbrt is to blame."""
    found = adcli.load("f(x) = floor(sqrt(x)) + cbrt(x), x").jacobian(x=0.0, mode=mode)
    (blamed,) = [warning.message for warning in found.warnings if warning.kind == "derivative"]
    assert "cbrt" in blamed


def test_repr() -> None:
    """What an interactive session shows."""
    found = adcli.load("f(x[]) = x^2").jacobian(x=[1.0, 2.0, 3.0])
    assert repr(found) == "Jacobian(3 x 3, 1 passes)"
