"""Derivatives inside of functions that are differentiated: perturbation confusion.

What is nested must tell its own perturbation from those outside of it. After Siskind and
Pearlmutter, Perturbation confusion and referential transparency (2005), and Nesting
forward-mode AD in a functional framework (2008); Manzyuk et al., Perturbation confusion in
forward automatic differentiation of higher-order functions (2019); and the tests that other
packages have for it. Each case is run in all combinations of the modes of its levels, and
what it should give is written down in closed form.

The language has no derivative in it, graphs have: a function over scalars of a graph is
differentiated towards a new input, which is then replaced by what it stands for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from derivative_graphs import differentiate, path_name, paths
from hypothesis import given, settings
from hypothesis import strategies as st

from adcli.differentiate.reverse import reverse
from adcli.evaluate.floats import over_graph
from adcli.graph.primitives import BY_NAME, CONSTANT, SIGNS
from adcli.graph.wengert import UNARY, Graph, Scalar


class Number:
    """A scalar of a graph, with the operators of Python."""

    def __init__(self, graph: Graph, scalar: Scalar) -> None:
        self.graph = graph
        self.scalar = scalar

    def __add__(self, other: Any) -> Number:
        return self._binary("+", self, other)

    def __radd__(self, other: Any) -> Number:
        return self._binary("+", other, self)

    def __sub__(self, other: Any) -> Number:
        return self._binary("-", self, other)

    def __mul__(self, other: Any) -> Number:
        return self._binary("*", self, other)

    def __rmul__(self, other: Any) -> Number:
        return self._binary("*", other, self)

    def __truediv__(self, other: Any) -> Number:
        return self._binary("/", self, other)

    def __pow__(self, other: Any) -> Number:
        return self._binary("^", self, other)

    def __float__(self) -> float:
        return self.graph.number(self.scalar)

    def _binary(self, sign: str, left: Any, right: Any) -> Number:
        x, y = (z.scalar if isinstance(z, Number) else float(z) for z in (left, right))
        return Number(self.graph, self.graph.apply(SIGNS[sign], x, y))


def call(name: str, x: Number, y: Number | None = None) -> Number:
    """A primitive of the package."""
    code = BY_NAME[name].code
    if y is None:
        return Number(x.graph, x.graph.apply(code, x.scalar))
    return Number(x.graph, x.graph.apply(code, x.scalar, y.scalar))


def substitute(graph: Graph, output: Scalar, old: int, new: Scalar) -> Scalar:
    """A scalar with an input replaced: what depends on it is made anew."""
    if type(output) is not int:
        return output
    made: dict[int, Scalar] = {old: new}
    for node in range(old + 1, output + 1):
        x, y, code = graph.left[node], graph.right[node], graph.op[node]
        if code > CONSTANT and (x in made or y in made):
            operands = [x] if y == UNARY else [x, y]
            scalars = [graph.value[z] if graph.op[z] == CONSTANT else z for z in operands]
            renewed = [made.get(z, s) for z, s in zip(operands, scalars, strict=True)]
            made[node] = graph.apply(code, *renewed)
    return made.get(output, output)


class Nest:
    """The levels of a nested derivative, each with a mode, and the graph they share."""

    def __init__(self, modes: Sequence[str]) -> None:
        self.graph = Graph()
        self.modes = modes
        self.level = 0

    def derivative(self, function: Callable[[Number], Number], at: Any) -> Number:
        """The derivative of a function at a number: D f (at)."""
        return self.gradient(lambda xs: function(xs[0]), [at])[0]

    def gradient(self, function: Callable[[list[Number]], Number], at: Sequence[Any]) -> list[Any]:
        """The gradient of a function of several numbers."""
        return self.jacobian(lambda xs: [function(xs)], at)[0]

    def jacobian(
        self, function: Callable[[list[Number]], Sequence[Any]], at: Sequence[Any]
    ) -> list[list[Number]]:
        """The Jacobian of a function of several numbers with several results."""
        graph, mode = self.graph, self.modes[self.level]
        inputs = [Number(graph, graph.add_input(float(x))) for x in at]
        self.level += 1
        outputs = function(inputs)
        self.level -= 1
        rows = []
        for output in outputs:
            row = [self._towards(output.scalar, x.scalar, mode) for x in inputs]
            for x, point in zip(inputs, at, strict=True):
                if isinstance(point, Number):  # what is a plain number may stay an input
                    row = [substitute(graph, y, x.scalar, point.scalar) for y in row]
            rows.append([Number(graph, y) for y in row])
        return rows

    def _towards(self, output: Scalar, node: Scalar, mode: str) -> Scalar:
        assert type(node) is int
        return differentiate(self.graph, output, node, mode)

    def hessian(self, function: Callable[[list[Number]], Number], at: Sequence[Any]) -> list[Any]:
        """The Hessian of a function of several numbers: two levels."""
        return self.jacobian(lambda xs: self.gradient(function, xs), at)


# A nested derivative, how many levels it has, and what it is.
Case = tuple[str, int, Callable[[Nest], Any], Any]


def _norm(xs: Sequence[Number]) -> Number:
    total = xs[0] * xs[0]
    for x in xs[1:]:
        total = total + x * x
    return call("sqrt", total)


def _dot(xs: Sequence[Any], ys: Sequence[Any]) -> Number:
    total = xs[0] * ys[0]
    for x, y in zip(xs[1:], ys[1:], strict=True):
        total = total + x * y
    return total


def _four_levels(nest: Nest) -> Number:
    """2*x^2*y^2*z^2*w is differentiated by z, x*y*that by y, and x*that by x."""
    d = nest.derivative
    return d(
        lambda x: x * d(
            lambda y: x * y * d(
                lambda z: x * y * z * d(lambda w: x * y * z * w * w, 0.5), 2.0
            ), 3.0
        ), 1.5,
    )  # fmt: skip


def _four_levels_inside(nest: Nest) -> Number:
    """The same with each level at the variable of the one outside: 4*x^3 and so on."""
    d = nest.derivative
    return d(lambda x: x * d(lambda y: y * d(lambda z: z * d(lambda w: w**3, z), y), x), 1.5)


def _shifted(nest: Nest, order: int) -> Number:
    """D(h)(x) as the derivative of h(x + u) at u = 0, applied to its own result."""

    def raised(h: Callable[[Number], Number]) -> Callable[[Number], Number]:
        return lambda x: nest.derivative(lambda u: h(x + u), 0.0)

    function: Callable[[Number], Number] = lambda x: call("exp", 2 * x)  # noqa: E731
    for _ in range(order):
        function = raised(function)
    return function(Number(nest.graph, nest.graph.add_input(0.25)))


def _again(nest: Nest, order: int, name: str, at: float) -> Number:
    """D(D(...)) of a primitive, each level at the variable of the next."""
    if order == 1:
        return nest.derivative(lambda x: call(name, x), at)

    def inner(x: Number) -> Number:
        function: Callable[[Number], Number] = lambda y: call(name, y)  # noqa: E731
        for _ in range(order - 1):
            function = (lambda f: lambda y: nest.derivative(f, y))(function)
        return function(x)

    return nest.derivative(inner, at)


MATRIX = [[0.5, -1.25, 2.0], [3.0, 0.75, -0.125]]
MASS, GRAVITY = 2.0, 9.75


def _lagrangian(q: Sequence[Any], speed: Sequence[Any]) -> Number:
    return _dot(speed, speed) * (MASS / 2) - MASS * GRAVITY * q[1]


def _hamiltonian(nest: Nest, q: Sequence[Number], p: Sequence[float]) -> Number:
    """The Legendre transform, by the Hessian and gradient at 0."""

    def function(speed: Sequence[Any]) -> Number:
        return _lagrangian(q, speed)

    zero = [0.0, 0.0]
    (a, b), (c, d) = nest.hessian(function, zero)
    first, second = (x * -1.0 + y for x, y in zip(nest.gradient(function, zero), p, strict=True))
    determinant = a * d - b * c
    speed = [
        (d * first - b * second) / determinant,
        (a * second - c * first) / determinant,
    ]
    return _dot(speed, p) - function(speed)


CASES: list[Case] = [
    # Siskind and Pearlmutter: 2 if the perturbations are confused.
    (
        "x*D(x + y)",
        2,
        lambda n: n.derivative(lambda x: x * n.derivative(lambda y: x + y, 1.0), 1.0),
        1.0,
    ),
    (
        "x*D(x + y) at 0",
        2,
        lambda n: n.derivative(lambda x: x * n.derivative(lambda y: x + y, 0.0), 0.0),
        1.0,
    ),
    (
        "x*D(x*y) at a number",
        2,
        lambda n: n.derivative(lambda x: x * n.derivative(lambda y: x * y, 2.0), 1.0),
        2.0,
    ),
    (
        "x*D(x*y) at x",
        2,
        lambda n: n.derivative(lambda x: x * n.derivative(lambda y: x * y, x), 3.0),
        6.0,
    ),
    (
        "x*D(x*y^2) at x",
        2,
        lambda n: n.derivative(lambda x: x * n.derivative(lambda y: x * y * y, x), 3.0),
        54.0,
    ),
    (
        "the inner one does not depend on x",
        2,
        lambda n: n.derivative(lambda x: x * n.derivative(lambda y: y * y * y, 2.0), 5.0),
        12.0,
    ),
    (
        "nor does it on y",
        2,
        lambda n: n.derivative(lambda x: x + n.derivative(lambda y: x * x * x, 2.0), 5.0),
        1.0,
    ),
    (
        "exp(x*y)",
        2,
        lambda n: n.derivative(
            lambda x: n.derivative(lambda y: call("exp", x * y), 0.75), -0.5
        ),
        (1 - 0.5 * 0.75) * math.exp(-0.5 * 0.75),
    ),
    (
        "sin(x)*cos(y) at x",
        2,
        lambda n: n.derivative(
            lambda x: n.derivative(lambda y: call("sin", x) * call("cos", y), x), 0.7
        ),
        -math.sin(1.4),
    ),
    (
        "two inside, side by side",
        2,
        lambda n: n.derivative(
            lambda x: n.derivative(lambda y: x * y * y, x) * n.derivative(lambda y: x / y, x), 3.0
        ),
        -2.0,  # 2*x^2*(-1/x) is -2*x
    ),
    (
        "three levels",
        3,
        lambda n: n.derivative(
            lambda x: x * n.derivative(
                lambda y: y * n.derivative(lambda z: x * y * z, 5.0), 3.0
            ), 2.0,
        ),
        24.0,
    ),
    (
        "three levels at x",
        3,
        lambda n: n.derivative(
            lambda x: x * n.derivative(
                lambda y: x * n.derivative(lambda z: x * y * y * z * z, x), x
            ), 2.0,
        ),
        4.0 * 5 * 2.0**4,
    ),
    ("four levels", 4, _four_levels, 48 * 1.5**3 * 3.0**2 * 2.0 * 0.5),
    ("four levels at the variable outside", 4, _four_levels_inside, 3 * 3 * 3 * 3 * 1.5**2),
    *(
        (f"exp(2*(x + u)) {order} times", order, lambda n, k=order: _shifted(n, k),
         2**order * math.exp(0.5))
        for order in (1, 2, 3, 4)
    ),
    *(
        (f"sin {order} times", order, lambda n, k=order: _again(n, k, "sin", 0.7),
         math.sin(0.7 + order * math.pi / 2))
        for order in (1, 2, 3, 4)
    ),
    (
        "ln 4 times",
        4,
        lambda n: _again(n, 4, "ln", 0.5),
        -6 / 0.5**4,
    ),
    # ForwardDiff.jl: a derivative in a gradient, of which v is not the variable.
    (
        "gradient of sum(v)*D(y*norm(v))",
        2,
        lambda n: n.gradient(
            lambda v: (v[0] + v[1]) * n.derivative(lambda y: y * _norm(v), 1.0), [3.0, 4.0]
        ),
        [5 + 7 * 3 / 5, 5 + 7 * 4 / 5],
    ),
    (
        "gradient of one element",
        2,
        lambda n: n.gradient(lambda v: v[0] * n.derivative(lambda y: y * _norm(v), 1.0), [1.0]),
        [2.0],
    ),
    # A gradient in a Jacobian: that of y @ A @ x by y, by x, is A.
    (
        "Jacobian of a gradient",
        2,
        lambda n: n.jacobian(
            lambda x: n.gradient(
                lambda y: _dot(y, [_dot(x, row) for row in MATRIX]), [0.25, -3.0]
            ), [1.0, 0.0, -1.0],
        ),
        MATRIX,
    ),
    (
        "Jacobian of a gradient at the variable outside",
        2,
        lambda n: n.jacobian(
            lambda x: n.gradient(lambda y: x[0] * y[0] * y[1] * y[1], x), [2.0, 3.0]
        ),
        # [x1*x2^2, 2*x1^2*x2]
        [[9.0, 12.0], [24.0, 8.0]],
    ),
    (
        "Hessian",
        2,
        lambda n: n.hessian(lambda x: x[0] * x[0] * x[1] + x[1] * x[1] * x[1], [2.0, 3.0]),
        [[6.0, 4.0], [4.0, 18.0]],
    ),
    (
        "Jacobian of the gradient of a Lagrangian",
        2,
        lambda n: n.jacobian(
            lambda q: n.gradient(lambda speed: _lagrangian(q, speed), [3.0, 4.0]), [1.0, 2.0]
        ),
        [[0.0, 0.0], [0.0, 0.0]],
    ),
    (
        "gradient of a Hamiltonian",
        3,
        lambda n: n.gradient(lambda q: _hamiltonian(n, q, [5.0, 6.0]), [1.0, 2.0]),
        [0.0, MASS * GRAVITY],
    ),
    # |gradient|^2 of x^2*y is 4*x^2*y^2 + x^4; its gradient, and the Laplacian of that.
    (
        "gradient of the square of a gradient",
        2,
        lambda n: n.gradient(
            lambda x: (lambda g: _dot(g, g))(n.gradient(lambda y: y[0] * y[0] * y[1], x)),
            [2.0, 3.0],
        ),
        [8 * 2 * 9 + 4 * 8, 8 * 4 * 3],
    ),
    (
        "Hessian of the square of a gradient",
        3,
        lambda n: n.hessian(
            lambda x: (lambda g: _dot(g, g))(n.gradient(lambda y: y[0] * y[0] * y[1], x)),
            [2.0, 3.0],
        ),
        [[8 * 9 + 12 * 4, 16 * 2 * 3], [16 * 2 * 3, 8 * 4]],
    ),
]  # fmt: skip

RUNS = [(case, path) for case in CASES for path in paths(case[1])]


def _flat(found: Any) -> list[float]:
    if isinstance(found, list):
        return [number for item in found for number in _flat(item)]
    return [float(found)]


@pytest.mark.parametrize(
    ("case", "path"), RUNS, ids=[f"{case[0]}-{path_name(path)}" for case, path in RUNS]
)
def test_nested(case: Case, path: tuple[str, ...]) -> None:
    """Each case, the outermost level in the first mode of its path."""
    _, _, nested, expected = case
    got, wanted = _flat(nested(Nest(path))), _flat(expected)
    assert got == pytest.approx(wanted, rel=1e-14, abs=0)


def test_reverse_mode_in_one_pass() -> None:
    """One reverse pass for all inputs gives the nodes that a pass for each gives."""
    graph = Graph()
    x = [Number(graph, graph.add_input(z)) for z in (0.5, 1.5, -2.0)]
    output = (x[0] * x[1] + call("sin", x[2])) * x[0] / x[1]
    nodes = [z.scalar for z in x]
    found = reverse(graph, {output.scalar: 1.0}, nodes, over_graph(graph))
    together = [found[node] for node in nodes]
    assert together == [differentiate(graph, output.scalar, z, "reverse") for z in nodes]
    assert len(set(together)) == 3


# Monomials: a level is a product of powers of its own variable and those outside of it,
# times the derivative of the next level. What comes out is a monomial again.

EXPONENTS = st.lists(st.sampled_from([0, 1, 1, 2]), min_size=4, max_size=4)


@st.composite
def _levels(draw: Any) -> list[tuple[str, list[int], int, int]]:
    """For each level its mode, the exponents of the variables, and the point.

    The point is a small number, or the variable of a level outside (if that is not -1).
    """
    count = draw(st.integers(2, 4))
    levels = []
    for level in range(count):
        mode = draw(st.sampled_from(["forward", "reverse"]))
        variable = draw(st.integers(-1, level - 1))
        levels.append((mode, draw(EXPONENTS)[: level + 1], draw(st.integers(-2, 3)), variable))
    return levels


def _monomial(levels: list[tuple[str, list[int], int, int]]) -> float:
    """The nested derivative by the rule for powers, in integers."""
    # The innermost level has no derivative inside: a factor of 1.
    factor = 1
    powers = [0] * len(levels)
    for level in reversed(range(len(levels))):
        _, exponents, point, variable = levels[level]
        for i, exponent in enumerate(exponents):
            powers[i] += exponent
        power = powers[level]
        factor *= power
        powers[level] = 0
        if power:
            if variable < 0:
                factor *= point ** (power - 1)
            else:
                powers[variable] += power - 1
    return float(factor)


def _nested_monomial(levels: list[tuple[str, list[int], int, int]]) -> float:
    """The same by nested derivatives."""
    nest = Nest([mode for mode, *_ in levels])

    def level(outside: list[Number]) -> Number:
        _, exponents, point, variable = levels[len(outside)]

        def function(x: Number) -> Number:
            variables = [*outside, x]
            inside = level(variables) if len(variables) < len(levels) else Number(nest.graph, 1.0)
            for y, exponent in zip(variables, exponents, strict=True):
                inside = inside * y**exponent
            return inside

        return nest.derivative(function, point if variable < 0 else outside[variable])

    return float(level([]))


@settings(max_examples=300, deadline=None)
@given(_levels())
def test_nested_monomials(levels: list[tuple[str, list[int], int, int]]) -> None:
    """Exactly the integer that the rule for powers gives, whatever the modes."""
    assert _nested_monomial(levels) == _monomial(levels)
