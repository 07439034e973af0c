"""Derivatives of derivatives: the graph of a derivative, differentiated again.

Each case is a program and, independently, the same function over mpmath's numbers. The
whole Hessian is compared, in all four combinations of the modes; derivatives of third
order for some; and the graph of a derivative is taken to other points, where it is to
give the derivative there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import mpmath
import pytest
from derivative_graphs import (
    MODES,
    Function,
    derivative,
    differentiate,
    differentiate_at_point,
    element_nodes,
    flatten,
    path_name,
    paths,
    reference,
    same_bits,
)
from mpmath import mpf

import adcli
from adcli.evaluate.floats import evaluate


class Case:
    """A program, the same as mathematics, a point, and points nearby on the same path.

    The function takes the elements of the inputs one by one, in order.
    """

    def __init__(
        self, name: str, text: str, function: Function, at: Mapping[str, Any], *nearby: float
    ) -> None:
        self.name = name
        self.text = text
        self.function = function
        self.at = at
        self.nearby = nearby or (0.01, -0.02)
        self.elements = dict(flatten(at))

    @property
    def point(self) -> list[float]:
        """The numbers of all elements, in order."""
        return list(self.elements.values())

    def reference(self, names: tuple[str, ...], shift: float = 0.0) -> mpf:
        """The derivative towards these elements, at the point or that far from it."""
        order = list(self.elements)
        point = [x + shift for x in self.point]
        return reference(self.function, point, [order.index(name) for name in names])


def _sigmoid(x: mpf) -> mpf:
    return 1 / (1 + mpmath.exp(-x))


def _softplus_of_product(x: mpf, y: mpf) -> mpf:
    return mpmath.log1p(mpmath.exp(x * y))


def _newton(a: mpf) -> mpf:
    x = mpf(1)
    for _ in range(4):
        x = (x + a / x) / 2
    return x


def _halvings(x: mpf) -> mpf:
    total = mpf(0)
    while x > 1:
        x = x / 2
        total += mpmath.sin(x)
    return total * x


def _logistic(r: mpf, x: mpf) -> mpf:
    for _ in range(5):
        x = r * x * (1 - x)
    return x


def _time_steps(k: mpf, y: mpf, h: mpf) -> mpf:
    for _ in range(4):
        k1 = -k * y
        k2 = -k * (y + h * k1 / 2)
        y = y + h * k2
    return y


def _logsumexp(*xs: mpf) -> mpf:
    return mpmath.log(sum(mpmath.exp(x) for x in xs))


def _softmax_last(*xs: mpf) -> mpf:
    return mpmath.exp(xs[-1]) / sum(mpmath.exp(x) for x in xs)


def _power_by_squaring(x: mpf) -> mpf:
    return x**13


CASES = [
    Case("product", "x*y*x", lambda x, y: x * y * x, {"x": 1.5, "y": -0.75}),
    Case("quotient", "(x - y)/(x*y)", lambda x, y: (x - y) / (x * y), {"x": 1.5, "y": -0.75}),
    Case(
        "baydin",
        "ln(x1) + x1*x2 - sin(x2)",
        lambda x, y: mpmath.log(x) + x * y - mpmath.sin(y),
        {"x1": 2.0, "x2": 5.0},
    ),
    Case("power 3.5", "x^3.5", lambda x: x ** mpf("3.5"), {"x": 1.7}),
    Case("power -2", "x^-2", lambda x: x**-2, {"x": -1.7}),
    Case("negative base", "x^5", lambda x: x**5, {"x": -1.3}),
    Case("power x^y", "x^y", lambda x, y: x**y, {"x": 1.7, "y": 2.3}),
    Case("power x^x", "x^x^x", lambda x: x ** (x**x), {"x": 1.4}),
    Case("exponential base", "2^(x*y)", lambda x, y: mpf(2) ** (x * y), {"x": 0.7, "y": 1.3}),
    Case(
        "trigonometric",
        "sin(x)*cos(y)*tan(x*y)",
        lambda x, y: mpmath.sin(x) * mpmath.cos(y) * mpmath.tan(x * y),
        {"x": 0.7, "y": 0.4},
    ),
    Case(
        "inverse trigonometric",
        "asin(x) + acos(x*y) + atan(y/x)",
        lambda x, y: mpmath.asin(x) + mpmath.acos(x * y) + mpmath.atan(y / x),
        {"x": 0.6, "y": -0.8},
    ),
    Case("atan2", "atan2(y, x)*x", lambda y, x: mpmath.atan2(y, x) * x, {"y": -0.6, "x": -1.1}),
    Case(
        "hyperbolic",
        "sinh(x)*tanh(y) + cosh(x*y)",
        lambda x, y: mpmath.sinh(x) * mpmath.tanh(y) + mpmath.cosh(x * y),
        {"x": 0.8, "y": -1.2},
    ),
    Case(
        "inverse hyperbolic",
        "asinh(x) + acosh(y) + atanh(x/y)",
        lambda x, y: mpmath.asinh(x) + mpmath.acosh(y) + mpmath.atanh(x / y),
        {"x": 0.8, "y": 1.9},
    ),
    Case(
        "logarithms",
        "log2(x) + log10(x*y) + log1p(y) + log(x, y)",
        lambda x, y: (
            mpmath.log(x, 2) + mpmath.log10(x * y) + mpmath.log1p(y) + mpmath.log(x) / mpmath.log(y)
        ),
        {"x": 3.0, "y": 1.6},
    ),
    Case(
        "exponentials",
        "exp(x)*exp2(y) + expm1(x*y)",
        lambda x, y: mpmath.exp(x) * 2**y + mpmath.expm1(x * y),
        {"x": 0.3, "y": -0.7},
    ),
    Case(
        "roots",
        "sqrt(x*y) + cbrt(x - y)",
        lambda x, y: mpmath.sqrt(x * y) + mpmath.cbrt(x - y),
        {"x": 2.5, "y": 0.75},
    ),
    Case(
        "error functions",
        "erf(x)*erfc(y)",
        lambda x, y: mpmath.erf(x) * mpmath.erfc(y),
        {"x": 0.4, "y": 0.9},
    ),
    Case(
        "piecewise",
        "abs(x)^3 + max(x*y, y^2) + min(x^2, y^3)*floor(y)",
        lambda x, y: (
            abs(x) ** 3 + max(x * y, y * y) + min(x * x, y**3) * mpmath.floor(y)
        ),
        {"x": -1.2, "y": 2.6},
    ),
    Case(
        "remainder",
        "mod(x^2, y)^2",
        lambda x, y: (x * x - y * mpmath.floor(x * x / y)) ** 2,
        {"x": 2.3, "y": 1.6},
    ),
    Case(
        "hypot",
        "hypot(x, y)",
        mpmath.hypot,
        {"x": 0.75, "y": -1.25},
    ),
    Case(
        "norm",
        "norm(v)*norm(v - [1, 2, 3])",
        lambda a, b, c: (
            mpmath.sqrt(a**2 + b**2 + c**2)
            * mpmath.sqrt((a - 1) ** 2 + (b - 2) ** 2 + (c - 3) ** 2)
        ),
        {"v": [0.5, -1.5, 2.0]},
    ),
    Case(
        "vectors",
        "f(v[3], s) = prod(v)/s + dot(v, v)^2 + mean(exp(s*v)) + max(v)",
        lambda a, b, c, s: (
            a * b * c / s
            + (a * a + b * b + c * c) ** 2
            + (mpmath.exp(s * a) + mpmath.exp(s * b) + mpmath.exp(s * c)) / 3
            + max(a, b, c)
        ),
        {"v": [0.5, -0.25, 0.75], "s": 1.5},
    ),
    Case(
        "matrices",
        "f(A[2,2], x[2]) = (A @ x) @ (transpose(A) @ x)",
        lambda a, b, c, d, x, y: (a * x + b * y) * (a * x + c * y)
        + (c * x + d * y) * (b * x + d * y),
        {"A": [[1.5, -0.5], [0.25, 2.0]], "x": [0.75, -1.25]},
    ),
    Case(
        "rosenbrock",
        "f(x[4]) = sum(100*(x[i + 1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..3)",
        lambda *x: sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(3)),
        {"x": [-1.25, 1.5, 0.5, 0.75]},
    ),
    Case(
        "loop",
        "f(a) = { x = 1; for i in 1..4 { x = (x + a/x)/2 }; x }",
        _newton,
        {"a": 2.7},
    ),
    Case(
        "while loop",
        "f(x) = { s = 0; while x > 1 { x /= 2; s += sin(x) }; s*x }",
        _halvings,
        {"x": 5.3},
    ),
    Case(
        "logistic map",
        "f(r, x) = { for i in 1..5 { x = r*x*(1 - x) }; x }",
        _logistic,
        {"r": 2.75, "x": 0.4},
    ),
    Case(
        "time steps",
        """
        f(k, y, h = 0.125) = {
            for i in 1..4 {
                k1 = -k*y
                k2 = -k*(y + h*k1/2)
                y += h*k2
            }
            y
        }
        """,
        _time_steps,
        {"k": 1.3, "y": 0.8, "h": 0.125},
    ),
    Case(
        "branches",
        """
        f(x, y) = {
            if x > y { z = x^2*y } else if x > 0 { z = sin(x*y) } else { z = x/y }
            if z < 0 then exp(z) else z^1.5
        }
        """,
        lambda x, y: mpmath.sin(x * y) ** mpf("1.5"),
        {"x": 0.5, "y": 1.75},
    ),
    Case(
        "recursion",
        "p(x, n) = if n == 0 then 1 else if mod(n, 2) == 1 then x*p(x, n - 1) else p(x, n/2)^2\n"
        "f(x) = p(x, 13)",
        _power_by_squaring,
        {"x": 1.1},
    ),
    Case(
        "functions of functions",
        "g(a, b) = a*exp(-b)\nh(a, b) = g(a, b), g(b, a)\nf(x, y) = { p, q = h(x, y); p*q - p/q }",
        lambda x, y: (
            x * mpmath.exp(-y) * y * mpmath.exp(-x) - x * mpmath.exp(-y) / (y * mpmath.exp(-x))
        ),
        {"x": 0.7, "y": 1.6},
    ),
    Case("sigmoid", "sigmoid(x)", _sigmoid, {"x": -1.3}),
    Case("softplus", "softplus(x*y)", _softplus_of_product, {"x": 1.3, "y": 0.7}),
    Case("silu", "silu(x)", lambda x: x * _sigmoid(x), {"x": 0.8}),
    Case("logit", "logit(p)", lambda p: mpmath.log(p / (1 - p)), {"p": 0.35}),
    Case("logit outside", "logit(p)", lambda p: mpmath.log(p / (1 - p)), {"p": 0.15}),
    Case("normal", "normcdf(x)*normpdf(x)", lambda x: mpmath.ncdf(x) * mpmath.npdf(x), {"x": -0.6}),
    Case(
        "logaddexp",
        "logaddexp(x, y)",
        lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)),
        {"x": 0.6, "y": 1.1},
    ),
    Case("logsumexp", "logsumexp(v)", _logsumexp, {"v": [0.3, -1.2, 0.8]}),
    Case("softmax", "softmax(v)[3]", _softmax_last, {"v": [0.3, -1.2, 0.8]}),
    Case("reciprocals", "sec(x) + csc(x)*cot(x)", lambda x: (
        mpmath.sec(x) + mpmath.csc(x) * mpmath.cot(x)
    ), {"x": 0.9}),
    Case("clamp", "clamp(x, 0, 2)^3 + relu(x)^2", lambda x: x**3 + x**2, {"x": 1.3}),
]  # fmt: skip


EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
PATHS = pytest.mark.parametrize("path", paths(2), ids=path_name)

# Of the largest derivative of the same order: an entry that is 0 by symmetry is not.
RELATIVE = 1e-12


def _derivatives(case: Case, path: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    """Every derivative of the order of a path, each from a graph of its own."""
    found = {}
    for names in itertools.product(case.elements, repeat=len(path)):
        found[names] = derivative(case.text, case.at, names, path)
    return found


def _check(case: Case, path: tuple[str, ...], relative: float) -> None:
    """Compare all of them, with some leave of absolute error for those that cancel."""
    found = _derivatives(case, path)
    expected = {names: case.reference(names) for names in found}
    largest = max(abs(x) for x in expected.values())
    for names, got in found.items():
        error = abs(got - expected[names])
        assert error <= relative * abs(expected[names]) + relative / 10 * largest, names


@EVERY_CASE
def test_values_and_gradients(case: Case) -> None:
    """The two texts of a case are the same function."""
    program = adcli.load(case.text)
    exact = float(case.function(*(mpf(x) for x in case.point)))
    for mode in MODES:
        found = program.grad(case.at, mode=mode)
        assert found.value == pytest.approx(exact, rel=1e-13)
        gradient = dict(flatten(found.gradient))
        assert list(gradient) == list(case.elements)
        expected = {name: float(case.reference((name,))) for name in gradient}
        largest = max(abs(x) for x in expected.values())
        for name, got in gradient.items():
            assert got == pytest.approx(expected[name], rel=1e-12, abs=1e-14 * largest), name


@PATHS
@EVERY_CASE
def test_hessians(case: Case, path: tuple[str, str]) -> None:
    """All second derivatives, in each combination of the modes."""
    _check(case, path, RELATIVE)


@pytest.mark.parametrize("path", paths(3), ids=path_name)
@pytest.mark.parametrize(
    "name",
    [
        "baydin", "power 3.5", "power x^y", "negative base", "atan2", "hyperbolic", "hypot",
        "while loop", "branches", "recursion", "sigmoid", "softplus", "logaddexp", "remainder",
    ],
)  # fmt: skip
def test_third_derivatives(name: str, path: tuple[str, str, str]) -> None:
    """All third derivatives of some, in each of the eight combinations."""
    (case,) = (case for case in CASES if case.name == name)
    _check(case, path, 1e-11)


@pytest.mark.parametrize("path", [("forward",) * 6, ("reverse",) * 6, ("forward", "reverse") * 3])
def test_sixth_derivative(path: tuple[str, ...]) -> None:
    """There is no end to it: the sixth derivative."""
    got = derivative("sin(x)*exp(x)", {"x": 0.7}, ("x",) * 6, path)
    # d/dx is a rotation by 45 degrees and a factor of sqrt(2): six of them are -8*cos.
    expected = -8 * mpmath.cos(mpf(0.7)) * mpmath.exp(mpf(0.7))
    assert got == pytest.approx(float(expected), rel=1e-13)


@pytest.mark.parametrize("mode", MODES)
@EVERY_CASE
def test_the_graph_of_a_derivative_is_valid_nearby(case: Case, mode: str) -> None:
    """The extended graph, evaluated at other points, gives the derivative there."""
    run = adcli.load(case.text).run(case.at)
    (output,) = run.results.values()
    first = {
        name: differentiate(run.graph, output, node, mode)
        for name, node in element_nodes(run).items()
    }
    for shift in case.nearby:
        values = evaluate(run.graph, [x + shift for x in case.point])
        expected = {name: case.reference((name,), shift) for name in first}
        largest = max(abs(x) for x in expected.values())
        for name, scalar in first.items():
            got = values[scalar] if type(scalar) is int else scalar
            error = abs(got - expected[name])
            assert error <= 1e-12 * abs(expected[name]) + 1e-13 * largest, (name, shift)


@PATHS
@EVERY_CASE
def test_the_graph_of_a_second_derivative_is_valid_nearby(
    case: Case, path: tuple[str, str]
) -> None:
    """The same for second derivatives, towards the first and last element."""
    run = adcli.load(case.text).run(case.at)
    (output,) = run.results.values()
    nodes = element_nodes(run)
    names = (next(iter(nodes)), list(nodes)[-1])
    for name, mode in zip(names, path, strict=True):
        output = differentiate(run.graph, output, nodes[name], mode)
    shift = case.nearby[0]
    values = evaluate(run.graph, [x + shift for x in case.point])
    got = values[output] if type(output) is int else output
    expected = case.reference(names, shift)
    assert abs(got - expected) <= 1e-11 * abs(expected) + 1e-13


@pytest.mark.parametrize("mode", MODES)
@EVERY_CASE
def test_floats_and_graph_give_the_same_bits(case: Case, mode: str) -> None:
    """A sweep over numbers and the transformation of the graph are one computation."""
    for order in (1, 2):
        for path in paths(order - 1):
            run = adcli.load(case.text).run(case.at)
            (output,) = run.results.values()
            nodes = element_nodes(run)
            first = next(iter(nodes))
            for before in path:
                output = differentiate(run.graph, output, nodes[first], before)
            for name, node in nodes.items():
                by_floats = differentiate_at_point(run.graph, output, node, mode)
                by_graph = run.graph.number(differentiate(run.graph, output, node, mode))
                assert same_bits(by_floats, by_graph), (name, path)


@pytest.mark.parametrize("mode", MODES)
@EVERY_CASE
def test_a_graph_keeps_what_it_had(case: Case, mode: str) -> None:
    """Differentiating adds behind what there was; doing it again adds nothing."""
    run = adcli.load(case.text).run(case.at)
    (output,) = run.results.values()
    graph = run.graph
    before = (list(graph.op), list(graph.left), list(graph.right), list(graph.value))
    count = len(graph)
    found = {
        name: differentiate(graph, output, node, mode) for name, node in element_nodes(run).items()
    }
    after = (graph.op, graph.left, graph.right, graph.value)
    assert [list(column[:count]) for column in after] == list(before)
    assert graph.inputs == list(element_nodes(run).values())
    extended = len(graph)
    again = {
        name: differentiate(graph, output, node, mode) for name, node in element_nodes(run).items()
    }
    assert again == found
    if mode == "reverse":  # forward mode goes on to what was added, of which there is more now
        assert len(graph) == extended


@pytest.mark.parametrize("mode", MODES)
@EVERY_CASE
def test_evaluate_gives_back_the_values(case: Case, mode: str) -> None:
    """At the point where it was made, a graph evaluates to the values it has, to the bit."""
    run = adcli.load(case.text).run(case.at)
    (output,) = run.results.values()
    for node in element_nodes(run).values():
        differentiate(run.graph, output, node, mode)
    values = evaluate(run.graph, case.point)
    assert len(values) == len(run.graph)
    assert all(map(same_bits, values, run.graph.value))
    assert all(math.isfinite(x) for x in values)


@EVERY_CASE
def test_all_combinations_agree(case: Case) -> None:
    """The four Hessians are one, and symmetric."""
    hessians = []
    for path in paths(2):
        hessians.append(_derivatives(case, path))
    largest = max(abs(x) for x in hessians[0].values())
    for hessian in hessians:
        for (row, column), number in hessian.items():
            close = pytest.approx(number, rel=RELATIVE, abs=RELATIVE / 10 * largest)
            assert hessian[column, row] == close
            assert all(other[row, column] == close for other in hessians)
