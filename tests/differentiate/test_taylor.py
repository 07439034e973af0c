"""Taylor series against mpmath's values, closed forms, and exact arithmetic.

`taylor_references` makes coefficients from mpmath's values at points 25 digits apart, with
a bound on their own error. What a coefficient may be off is relative to itself wherever
that can be: to a few roundings an order. Where a sum cancels, it is relative to what its
neighbours make of it at the distance of the nearest singularity, and the row says so.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import pytest
from generated_programs import Program, make, seeded
from halves import half
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from mpmath_functions import PRIMITIVES
from reference_machine import Rejected
from taylor_references import Exact, Point, along, error, moved, series
from test_prelude import SCALAR, VECTOR

import adcli
from adcli.differentiate.taylor import MAX_ORDER, Taylor, taylor
from adcli.errors import ExitCode, InputError, LimitError
from adcli.graph.primitives import TABLE, Primitive

INF, NAN = math.inf, math.nan
ROOT = Path(__file__).parents[2]
ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
ROUNDING = 2.0**-53
# Coefficients beyond may overflow on the way: a slope is k times its coefficient.
LARGEST = 1e300
# An error of numbers too small for all their digits, after it was multiplied a little.
UNDERFLOW = 1e-307


def same(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether coefficients are the same, nan is nan, and zeros of either sign are zero."""
    return len(one) == len(other) and all(
        a == b or (a != a and b != b) for a, b in zip(one, other, strict=True)
    )


def non_finite(found: Taylor) -> list[Any]:
    """The warnings about numbers that are not finite."""
    return [warning for warning in found.warnings if warning.is_non_finite]


def span_text(warning: Any) -> str | None:
    """The text that a warning points at."""
    return warning.span.text if warning.span else None


def check(
    found: Taylor, exact: Sequence[Exact], relative: float, size: Sequence[mpf] | None = None
) -> float:
    """Compare coefficients.

    Behind one that a double cannot hold others may be lost, but none may be wrong.

    Args:
        found: the series.
        exact: its coefficients.
        relative: how far each may be off, of itself.
        size: of what each may be off by some roundings besides, if digits may cancel.

    Returns:
        The worst relative error.
    """
    assert len(found.coefficients) == len(exact)
    worst, overflow = 0.0, False
    for k, (got, number) in enumerate(zip(found.coefficients, exact, strict=True)):
        if abs(number[0]) > LARGEST:
            overflow = True
            assert abs(got) > LARGEST / 10 or got != got
            continue
        if overflow and not math.isfinite(got):
            continue
        absolute = UNDERFLOW + (4 * (k + 1) * ROUNDING * float(size[k]) if size else 0.0)
        off = error(got, number, absolute)
        assert off <= relative, f"coefficient {k}: {got!r}, not {float(number[0])!r}, off {off:.2g}"
        worst = max(worst, off)
    assert overflow or non_finite(found) == []
    return worst


def sizes(exact: Sequence[Exact], radius: float, reach: int) -> list[mpf]:
    """For each coefficient the largest of those around it, brought to its order.

    Args:
        exact: the coefficients.
        radius: of convergence: coefficient j is worth c[j]*radius^(j - k) at order k.
        reach: how many orders away.
    """
    return [
        max(
            abs(value) * mpf(radius) ** (j - k)
            for j, (value, _) in enumerate(exact)
            if abs(j - k) <= reach
        )
        for k in range(len(exact))
    ]


# Every primitive of the table.

# How a primitive is called in a program where it is not by its name.
OPERATOR_TEXT = {
    "add": "u + w",
    "sub": "u - w",
    "mul": "u*w",
    "div": "u/w",
    "pow": "u^w",
    "neg": "-u",
}
ORDER = 8
# Division loses the most: 1/cosh(u) at 25 is exp(-u) by dividing by exp(u), where each
# order trebles what is lost of it (3^8 roundings are 7e-13). Otherwise 1e-14 or less.
PRIMITIVE_RELATIVE = 1e-13

# Where the nearest singularity is, for rules that take a difference, and how many orders
# what it loses reaches: hypot has 1 - (u/v)^2 in its second derivative, and all the
# further ones come of that; at 45 degrees every fourth coefficient of atan2 is 0, and the
# others of 1 - u and 1 + u are small near 0, where they lose relative to a neighbour.
CANCELLING: dict[str, tuple[Callable[..., float], int]] = {
    "hypot": (math.hypot, ORDER),
    "atan2": (math.hypot, 1),
    "asin": (lambda u: 1 - abs(u), 1),
    "acos": (lambda u: 1 - abs(u), 1),
    "atanh": (lambda u: 1 - abs(u), 1),
}

# Points besides the samples: small, large and near the end of a domain.
POINTS: dict[str, list[tuple[float, ...]]] = {
    "pow": [(-1.5, 3.0), (-2.0, -2.0), (1e-3, -2.5), (2.8e96, -0.21), (0.51, -63.9), (2.5, 40.0)],
    "div": [(1e300, 1e5), (-1e-300, 1e5), (-3.0, -1e-30)],
    "mod": [(-1.0, 0.1), (1e9, -0.7), (1e17, 3.0)],
    "hypot": [(1e-30, 1e-30), (-3e-8, 1.0), (68130.8, -0.28), (-1e-3, 186.0)],
    "atan2": [(1e-30, 1e-30), (1e150, -1e150), (1.0, 1e-17), (-1e-17, -1.0)],
    "sqrt": [(1e-30,), (1e300,), (1 + 1e-10,)],
    "cbrt": [(-1e-30,), (1e300,)],
    "ln": [(1e-30,), (1 - 1e-10,), (1e300,)],
    "log1p": [(1e-300,), (2.0**-53 - 1,)],
    "asin": [(1 - 2.0**-40,), (1e-9,), (-2e-4,)],
    "acos": [(2.0**-40 - 1,), (1e-9,)],
    "atanh": [(1 - 2.0**-40,), (-1e-9,)],
    "acosh": [(1 + 2.0**-50,)],
    "atan": [(-1e150,), (1e-150,)],
    "tan": [(1.5707963267948966,), (355.0,)],
    "tanh": [(-300.0,), (1e-10,), (6.0,)],
    "erf": [(-6.0,), (12.0,), (1e-10,)],
    "erfc": [(26.0,), (-6.0,)],
}  # fmt: skip


@cache
def primitive(name: str) -> adcli.Program:
    """The program of one call."""
    arity = len(next(row for row in TABLE if row.name == name).samples[0])
    parameters = "u, w" if arity == 2 else "u"
    text = OPERATOR_TEXT.get(name, f"{name}({parameters})")
    return adcli.load(f"f({parameters}) = {text}")


def directions(row: Primitive) -> list[dict[str, float]]:
    """Towards each argument alone, and a mixture of both."""
    if row.arity == 1:
        return [{"u": 1.0}, {"u": -1.5}]
    return [{"u": 1.0}, {"w": 1.0}, {"u": 0.75, "w": -1.25}]


def expansions(row: Primitive) -> list[tuple[dict[str, float], dict[str, float]]]:
    """The points and directions of a primitive; none of u^w towards w at a negative u."""
    return [
        (dict(zip("uw", point, strict=False)), direction)
        for point in [*row.samples, *POINTS.get(row.name, [])]
        for direction in directions(row)
        if not (row.name == "pow" and point[0] < 0 and "w" in direction)
    ]


def primitive_error(row: Primitive, at: Point, direction: Point) -> float:
    """Compare a primitive with mpmath's values, and return the worst relative error."""
    length = min([abs(at[name] / d) for name, d in direction.items() if at[name]] or [1.0])

    def function(**inputs: mpf) -> mpf:
        return PRIMITIVES[row.name](*inputs.values())

    exact = along(function, at, direction, ORDER, length)
    size = None
    if row.name in CANCELLING:
        radius, reach = CANCELLING[row.name]
        size = sizes(exact, radius(*at.values()) / max(map(abs, direction.values())), reach)
    found = primitive(row.name).taylor(at, order=ORDER, direction=direction)
    return check(found, exact, PRIMITIVE_RELATIVE, size)


@ROWS
def test_primitives(row: Primitive) -> None:
    """Every primitive at its samples and more, towards each argument and both."""
    for at, direction in expansions(row):
        primitive_error(row, at, direction)


# Of the primitives with a kink or jump: points there, and the partials by convention.
KINKS: dict[str, list[tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "max": [((1.5, 1.5), (0.5, 0.5)), ((0.0, -0.0), (0.5, 0.5))],
    "min": [((1.5, 1.5), (0.5, 0.5)), ((0.0, -0.0), (0.5, 0.5))],
    "mod": [((6.0, 2.0), (1.0, -3.0)), ((-8.0, 4.0), (1.0, 2.0)), ((0.0, 2.0), (1.0, 0.0))],
    "hypot": [((0.0, 0.0), (0.0, 0.0)), ((-0.0, 0.0), (0.0, 0.0))],
    "abs": [((0.0,), (0.0,)), ((-0.0,), (0.0,))],
    "sign": [((0.0,), (0.0,))],
    "floor": [((2.0,), (0.0,)), ((-3.0,), (0.0,)), ((0.0,), (0.0,))],
    "ceil": [((2.0,), (0.0,)), ((-3.0,), (0.0,)), ((0.0,), (0.0,))],
    "round": [((2.5,), (0.0,)), ((-0.5,), (0.0,))],
}


def test_every_kink_is_here() -> None:
    """A new primitive with a kink fails here until it has a point there."""
    assert set(KINKS) == {row.name for row in TABLE if row.kink}


@pytest.mark.parametrize("name", KINKS)
def test_conventions(name: str) -> None:
    """At a kink the series is a straight line, by convention, with a note that says so."""
    row = next(row for row in TABLE if row.name == name)
    for point, partials in KINKS[name]:
        at = dict(zip("uw", point, strict=False))
        for direction in directions(row):
            slope = sum(direction.get(u, 0.0) * p for u, p in zip("uw", partials, strict=False))
            found = primitive(name).taylor(at, order=5, direction=direction)
            value = primitive(name).eval(at)["f"]
            assert found.coefficients == [value, slope, 0.0, 0.0, 0.0, 0.0]
            assert found.is_polynomial
            (note,) = found.warnings
            assert (note.kind, note.message) == ("convention", row.convention)
            assert note.span is not None


# The prelude.

PRELUDE_ORDER = 6
# exp(-x^2/2) at -30 loses 450 roundings to that of x/sqrt(2).
PRELUDE_RELATIVE = 1e-12
# Those that have coefficients of 0, and how many orders what is lost there reaches.
PRELUDE_CANCELLING = {"sigmoid": 1, "softplus": 1, "silu": 1, "normcdf": 1, "softmax": 6}


def _is_moderate(x: float) -> bool:
    return 1e-12 < abs(x) < 40


def prelude_error(name: str, found: Taylor, exact: list[Exact]) -> float:
    """Compare a series of the prelude, whose singularities are farther than 1."""
    reach = PRELUDE_CANCELLING.get(name)
    return check(found, exact, PRELUDE_RELATIVE, reach and sizes(exact, 1.0, reach))


@pytest.mark.parametrize("name", SCALAR)
def test_prelude(name: str) -> None:
    """The functions of the prelude at the moderate points of their own tests."""
    text, function, points = SCALAR[name]
    for x in filter(_is_moderate, points):
        exact = series(lambda t, x=x: function(mpf(x) + t), PRELUDE_ORDER, min(1.0, abs(x)))
        prelude_error(name, adcli.load(text).taylor(x=x, order=PRELUDE_ORDER), exact)


@pytest.mark.parametrize("name", VECTOR)
def test_prelude_of_several(name: str) -> None:
    """Those of several numbers or of a vector, along a direction that moves each."""
    text, function, points = VECTOR[name]
    for point in points:
        if all(map(_is_moderate, point)):
            way = {"x": [(-1.0) ** i * (1 + 0.25 * i) for i in range(len(point))]}
            exact = along(lambda x: function(*x), {"x": point}, way, PRELUDE_ORDER, 0.1)
            found = adcli.load(text).taylor(x=point, direction=way, order=PRELUDE_ORDER)
            prelude_error(name, found, exact)


# Programs of every kind.


def _logistic(x: mpf, r: mpf) -> mpf:
    for _ in range(8):
        x = r * x * (1 - x)
    return x


def _newton(a: mpf) -> mpf:
    x = a
    for _ in range(6):
        x = (x + a / x) / 2
    return x


def _halved(x: mpf) -> mpf:
    return x if x < 1 else mpmath.sin(_halved(x / 2)) + x


def _iterated(x: mpf, n: int) -> mpf:
    return x if n < 1 else mpmath.sin(_iterated(x, n - 1)) + x / n


def _runge_kutta(start: list[mpf], length: mpf) -> mpf:
    def slope(state: list[mpf]) -> list[mpf]:
        return [state[1], mpf(-9.81) / length * mpmath.sin(state[0])]

    def plus(state: list[mpf], by: mpf, change: list[mpf]) -> list[mpf]:
        return [x + by * dx for x, dx in zip(state, change, strict=True)]

    h, state = mpf(0.1), list(start)
    for _ in range(20):
        k1 = slope(state)
        k2 = slope(plus(state, h / 2, k1))
        k3 = slope(plus(state, h / 2, k2))
        k4 = slope(plus(state, h, k3))
        state = [
            x + h / 6 * (a + 2 * b + 2 * c + d)
            for x, a, b, c, d in zip(state, k1, k2, k3, k4, strict=True)
        ]
    return state[0]


def _softplus_loop(x: list[mpf], s: mpf) -> mpf:
    return mpmath.log(mpmath.fsum(mpmath.exp(s * u) for u in x)) / s


def _norm(x: Sequence[mpf]) -> mpf:
    return mpmath.sqrt(sum(u * u for u in x))


X: Point = {"x": 1.0}
# A program, where to expand it and along what, and the same in mpmath.
COMPOSITIONS: dict[str, tuple[str, Point, Point, Callable[..., mpf]]] = {
    "composition": (
        "sin(cos(x))*exp(x)/(2 + x)", {"x": 0.7}, X,
        lambda x: mpmath.sin(mpmath.cos(x)) * mpmath.exp(x) / (2 + x),
    ),
    "x^x": ("x^x", {"x": 1.5}, X, lambda x: x**x),
    "2^x": ("2^x", {"x": -0.4}, X, lambda x: mpf(2) ** x),
    "x^sin(x)": ("x^sin(x)", {"x": 2.0}, X, lambda x: x ** mpmath.sin(x)),
    "tower": ("x^x^x", {"x": 1.25}, X, lambda x: x ** (x**x)),
    "power of a negative": ("(x - 3)^-3", {"x": 0.5}, X, lambda x: (x - 3) ** -3),
    "power of a sine": ("sin(x)^12", {"x": 0.8}, X, lambda x: mpmath.sin(x) ** 12),
    "long power of a sine": ("sin(x)^30", {"x": 0.8}, X, lambda x: mpmath.sin(x) ** 30),
    "fractional power": ("(1 + x^2)^2.75", {"x": 0.4}, X, lambda x: (1 + x * x) ** mpf(2.75)),
    "root": ("sqrt(1 + x^2)", {"x": 0.3}, X, lambda x: mpmath.sqrt(1 + x * x)),
    "nested roots": (
        "sqrt(x + sqrt(x + cbrt(x)))", {"x": 2.0}, X,
        lambda x: mpmath.sqrt(x + mpmath.sqrt(x + mpmath.cbrt(x))),
    ),
    "quotients": ("1/(1 + 1/(2 + 1/(3 + x)))", {"x": 0.2}, X,
                  lambda x: 1 / (1 + 1 / (2 + 1 / (3 + x)))),
    "several": (
        "ln(x*y) + x/y - atan2(x, y)", {"x": 2.0, "y": 0.75}, {"x": 1.0, "y": -0.5},
        lambda x, y: mpmath.log(x * y) + x / y - mpmath.atan2(x, y),
    ),
    "one of several": (
        "exp(x*y)*cos(y - x)", {"x": 0.6, "y": 1.1}, {"y": 1.0},
        lambda x, y: mpmath.exp(x * y) * mpmath.cos(y - x),
    ),
    "norm": (
        "norm(v)", {"v": [3.0, -4.0, 12.0]}, {"v": [1.0, 2.0, -0.5]}, lambda v: _norm(v)
    ),
    "distance": (
        "norm(a - b)/(1 + norm(a))",
        {"a": [1.0, 2.0], "b": [-1.0, 0.5]}, {"a": [0.5, 0.25], "b": [1.0, -1.0]},
        lambda a, b: _norm([u - w for u, w in zip(a, b, strict=True)]) / (1 + _norm(a)),
    ),
    "reductions": (
        "sum(v)*prod(v) + dot(v, sin(v)) + mean(v)",
        {"v": [0.5, 1.5, -2.0]}, {"v": [1.0, -1.0, 0.5]},
        lambda v: sum(v) * v[0] * v[1] * v[2] + sum(u * mpmath.sin(u) for u in v) + sum(v) / 3,
    ),
    "quadratic form": (
        "f(m[2,2], x[2]) = x @ m @ x", {"m": [[2.0, 1.0], [0.5, 3.0]], "x": [1.0, -2.0]},
        {"x": [1.0, 0.25]},
        lambda m, x: sum(x[i] * m[i][j] * x[j] for i in range(2) for j in range(2)),
    ),
    "comprehension": (
        "sum(sin(i*x)/i for i in 1..6)", {"x": 0.4}, X,
        lambda x: sum(mpmath.sin(i * x) / i for i in range(1, 7)),
    ),
    "logistic map": (
        "f(x, r) = {\n for i in 1..8 {\n x = r*x*(1 - x)\n }\n x\n}",
        {"x": 0.3, "r": 3.2}, {"x": 0.25, "r": 1.0}, _logistic,
    ),
    "newton": (
        "f(a) = {\n x = a\n n = 0\n while n < 6 {\n x = (x + a/x)/2\n n += 1\n }\n x\n}",
        {"a": 2.0}, {"a": 1.0}, _newton,
    ),
    "while on a value": (
        "f(x) = {\n s = 0\n while x > 1 {\n s += sin(x)\n x = x/2\n }\n s + x\n}",
        {"x": 5.0}, X,
        lambda x: mpmath.sin(x) + mpmath.sin(x / 2) + mpmath.sin(x / 4) + x / 8,
    ),
    "branch taken": (
        "if x > 1 then x^3*ln(x) else 1/(x - 2)", {"x": 2.0}, X,
        lambda x: x**3 * mpmath.log(x),
    ),
    "branch not taken": (
        "if x > 1 then sqrt(x - 2) else exp(x)", {"x": 0.5}, X, mpmath.exp
    ),
    "recursion": (
        "g(x, n) = if n < 1 then x else sin(g(x, n - 1)) + x/n\nf(x) = g(x, 4)",
        {"x": 0.6}, X, lambda x: _iterated(x, 4),
    ),
    "recursion on a value": (
        "f(x) = if x < 1 then x else sin(f(x/2)) + x", {"x": 5.0}, X, _halved
    ),
    "assignment": (
        "a = x*y\nb = exp(a)\na = a + b\na/(1 + b)", {"x": 0.3, "y": -0.8}, {"x": 1.0, "y": 1.0},
        lambda x, y: (x * y + mpmath.exp(x * y)) / (1 + mpmath.exp(x * y)),
    ),
    "log of a sum of exponentials": (
        "logsumexp(s*x)/s", {"s": 0.5, "x": [1.0, -1.0, 2.0]}, {"s": 0.25, "x": [1.0, 0.5, -1.0]},
        _softplus_loop,
    ),
    "runge_kutta": (
        str(ROOT / "samples" / "runge_kutta.ad"), {"start": [1.0, 0.0], "length": 1.5},
        {"start": [0.5, -1.0], "length": 0.25}, _runge_kutta,
    ),
    "kinks away from them": (
        "abs(x - 2) + max(x, x^2)*floor(x + 0.5) + mod(x, 2)*sign(x) - min(sin(x), 1)",
        {"x": 1.25}, X,
        lambda x: 2 - x + x**2 * 1 + x - mpmath.sin(x),
    ),
    "statistics": (
        "normcdf(x)*sigmoid(y) + softplus(x*y)", {"x": 0.4, "y": -0.9}, {"x": 1.0, "y": 0.5},
        lambda x, y: mpmath.ncdf(x) / (1 + mpmath.exp(-y)) + mpmath.log1p(mpmath.exp(x * y)),
    ),
    "inverses": (
        "tan(atan(x)) + sinh(asinh(x)) + exp(ln(x)) + cos(acos(x/4))", {"x": 1.75}, X,
        lambda x: 3 * x + x / 4,
    ),
}  # fmt: skip
COMPOSITION_ORDER = 12
COMPOSITION_RELATIVE = 1e-12
# Whose coefficients vanish, or are much smaller than what a singularity so far away makes
# of the others: what is lost is relative to that.
COMPOSITION_RADIUS = {"fractional power": math.hypot(1, 0.4), "inverses": 1.0}


def composition_error(name: str) -> float:
    """Compare a program with its reference, and return the worst relative error."""
    text, at, direction, function = COMPOSITIONS[name]
    exact = along(function, at, direction, COMPOSITION_ORDER, 0.1)
    radius = COMPOSITION_RADIUS.get(name)
    size = sizes(exact, radius, COMPOSITION_ORDER) if radius else None
    found = adcli.load(text).taylor(at, order=COMPOSITION_ORDER, direction=direction)
    return check(found, exact, COMPOSITION_RELATIVE, size)


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_compositions(name: str) -> None:
    """Every construct of the language, to order 12."""
    composition_error(name)


# Programs that nobody wrote.

PROGRAMS = 48
GENERATED_ORDER = 4
# A relative error besides what errors of rounding in every operation do to the coefficient.
# Those come the same at all points, so that they are one factor for a whole series; the
# errors of its coefficients are not, hence the factor, and a few roundings of the largest
# coefficient: what cancels in one of softmax no error in its value shows.
GENERATED_RELATIVE = 1e-13
GENERATED_FACTOR = 10
# Of those that hypothesis chooses: one may have a hypot with nearly all of its second
# derivative cancelled, and a slope that makes the most of what is left; or a norm near 0,
# along a line that nears 0 as fast, so that a coefficient is worth 32 of the one before.
ANY_RELATIVE = 1e-7
ANY_RADIUS = 1 / 32


@cache
def programs() -> list[tuple[int, Program]]:
    """Generated programs, the same in every run."""
    return [(seed, program) for seed, program, _ in seeded(PROGRAMS)]


def line(program: Program, chooser: random.Random) -> dict[str, Any]:
    """A direction that moves every element of the inputs by 1/4 to 5/4."""

    def step() -> float:
        return chooser.choice((-1, 1)) * (0.25 + chooser.randrange(1024) / 1024)

    return {
        name: [step() for _ in value] if isinstance(value, list) else step()
        for name, value in program.at.items()
    }


def generated(program: Program, direction: Point, noise: int | None) -> list[Exact]:
    """The coefficients of a generated program, or of one with errors of rounding.

    Raises:
        Rejected: the points of the difference do not take the same path.
    """
    paths = set()

    def function(t: mpf) -> mpf:
        there = copy.copy(program)
        there.at = moved(program.at, direction, t)
        value, machine = there.evaluate(None, mpf(0), noise)
        paths.add(tuple(machine.path))
        return value

    found = series(function, GENERATED_ORDER)
    if len(paths) > 1:
        raise Rejected("a path that ends")
    return found


def generated_error(
    program: Program,
    direction: Point,
    relative: float = GENERATED_RELATIVE,
    radius: float = 1.0,
) -> tuple[float, float]:
    """Compare a generated program.

    Returns:
        The worst relative error, and the worst in terms of what rounding does to the program.
    """
    exact = generated(program, direction, None)
    noisy = [generated(program, direction, noise) for noise in (1, 2, 3)]
    found = adcli.load(program.text).taylor(program.at, order=GENERATED_ORDER, direction=direction)
    size = sizes(exact, radius, GENERATED_ORDER)
    worst = [0.0, 0.0]
    for k, (got, number) in enumerate(zip(found.coefficients, exact, strict=True)):
        moves = float(max(abs(other[k][0] - number[0]) for other in noisy))
        roundings = 4 * (k + 1) * ROUNDING * float(size[k])
        off = error(got, number, GENERATED_FACTOR * moves + roundings)
        assert off <= relative, (
            f"coefficient {k}: {got!r}, not {float(number[0])!r}, by {off:.2g} more than "
            f"{moves:.2g}\n{program.at}, {direction}\n{program.text}"
        )
        plain = error(got, number)
        worst[0] = max(worst[0], plain)
        worst[1] = max(worst[1], plain * float(abs(number[0])) / moves if moves else 0.0)
    return worst[0], worst[1]


@pytest.mark.parametrize("index", half(range(PROGRAMS)))
def test_generated_programs(index: int) -> None:
    """As right as 2^-53 in every operation lets them be, along any direction."""
    seed, program = programs()[index]
    generated_error(program, line(program, random.Random(seed)))


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False))
def test_any_program(chooser: random.Random) -> None:
    """The same, with the choices left to hypothesis."""
    try:
        program, _ = make(chooser)
        generated_error(program, line(program, chooser), ANY_RELATIVE, ANY_RADIUS)
    except Rejected:
        reject()


# Series that have a name.


def _even(k: int, term: Callable[[int], Any]) -> Any:
    return term(k // 2) if k % 2 == 0 else 0


def _odd(k: int, term: Callable[[int], Any]) -> Any:
    return term(k // 2) if k % 2 else 0


def _inverse_factorial(k: int) -> Fraction:
    return Fraction(1, math.factorial(k))


def _binomial(exponent: Fraction, k: int) -> Fraction:
    found = Fraction(1)
    for j in range(k):
        found *= (exponent - j) / (j + 1)
    return found


def _central(n: int) -> Fraction:
    return Fraction(math.comb(2 * n, n), 4**n)


def _tangent(n: int) -> mpf:
    """Coefficient 2n + 1 of tan, by a Bernoulli number."""
    m = 2 * n + 2
    return (-1) ** n * mpf(2) ** m * (mpf(2) ** m - 1) * mpmath.bernoulli(m) / mpmath.factorial(m)


def _fibonacci(k: int) -> int:
    a, b = 1, 1
    for _ in range(k):
        a, b = b, a + b
    return a


HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
# A program of x at 0, the order, the coefficients, and how many roundings they may be off.
CLASSICS: dict[str, tuple[str, int, Callable[[int], Any], float]] = {
    "1/(1 - x)": ("1/(1 - x)", 999, lambda k: 1, 0),
    "1/(1 - x)^2": ("1/(1 - x)^2", 999, lambda k: k + 1, 0),
    "(1 - x)^-2": ("(1 - x)^-2", 999, lambda k: k + 1, 1),
    "(1 + x)^-3": ("(1 + x)^-3", 500, lambda k: (-1) ** k * (k + 1) * (k + 2) // 2, 1),
    "Fibonacci": ("1/(1 - x - x^2)", 76, _fibonacci, 0),
    "geometric": ("1/(2 - x)", 900, lambda k: Fraction(1, 2 ** (k + 1)), 0),
    "ln": ("ln(1 + x)", 999, lambda k: Fraction((-1) ** (k + 1), k) if k else 0, 1),
    "log1p": ("log1p(x)", 999, lambda k: Fraction((-1) ** (k + 1), k) if k else 0, 1),
    "log2": ("log2(1 + x)", 200, lambda k: (-1) ** (k + 1) / (k * mpmath.ln2) if k else 0, 4),
    "exp": ("exp(x)", 160, _inverse_factorial, 16),
    "expm1": ("expm1(x)", 160, lambda k: _inverse_factorial(k) if k else 0, 16),
    "2^x": ("2^x", 120, lambda k: mpmath.ln2**k * mpf(1) / math.factorial(k), 120),
    "exp2": ("exp2(x)", 120, lambda k: mpmath.ln2**k * mpf(1) / math.factorial(k), 120),
    "sin": ("sin(x)", 160, lambda k: _odd(k, lambda n: (-1) ** n * _inverse_factorial(k)), 16),
    "cos": ("cos(x)", 160, lambda k: _even(k, lambda n: (-1) ** n * _inverse_factorial(k)), 16),
    "sinh": ("sinh(x)", 160, lambda k: _odd(k, lambda n: _inverse_factorial(k)), 16),
    "cosh": ("cosh(x)", 160, lambda k: _even(k, lambda n: _inverse_factorial(k)), 16),
    "tan": ("tan(x)", 200, lambda k: _odd(k, _tangent), 50),
    "tanh": ("tanh(x)", 60, lambda k: _odd(k, lambda n: (-1) ** n * _tangent(n)), 20),
    "sec": ("sec(x)", 100, lambda k: _even(
        k, lambda n: abs(mpmath.eulernum(k)) / mpmath.factorial(k)), 50),
    "asin": ("asin(x)", 199, lambda k: _odd(k, lambda n: _central(n) / k), 8),
    "acos": ("acos(x)", 199, lambda k: mpmath.pi / 2 if k == 0 else _odd(
        k, lambda n: -_central(n) / k), 8),
    "atan": ("atan(x)", 199, lambda k: _odd(k, lambda n: Fraction((-1) ** n, k)), 1),
    "asinh": ("asinh(x)", 199, lambda k: _odd(k, lambda n: (-1) ** n * _central(n) / k), 8),
    "atanh": ("atanh(x)", 199, lambda k: _odd(k, lambda n: Fraction(1, k)), 1),
    "sqrt": ("sqrt(1 + x)", 200, lambda k: _binomial(HALF, k), 12),
    "power 1/2": ("(1 + x)^0.5", 200, lambda k: _binomial(HALF, k), 50),
    "power -1/2": ("(1 + x)^-0.5", 200, lambda k: _binomial(-HALF, k), 25),
    "power 15/2": ("(1 + x)^7.5", 200, lambda k: _binomial(Fraction(15, 2), k), 20),
    "power 60": ("(1 + x)^60", 59, lambda k: math.comb(60, k), 20),
    "cbrt": ("cbrt(1 + x)", 200, lambda k: _binomial(THIRD, k), 100),
    "erf": ("erf(x)", 160, lambda k: _odd(k, lambda n: 2 / mpmath.sqrt(mpmath.pi) * (
        mpf((-1) ** n) / (k * math.factorial(n)))), 16),
    "erfc": ("erfc(x)", 160, lambda k: 1 if k == 0 else _odd(
        k, lambda n: -2 / mpmath.sqrt(mpmath.pi) * (mpf((-1) ** n) / (k * math.factorial(n)))),
        16),
    "normpdf": ("normpdf(x)", 160, lambda k: _even(
        k, lambda n: mpf((-1) ** n) / (2**n * math.factorial(n)) / mpmath.sqrt(2 * mpmath.pi)),
        16),
    "Bell": ("exp(exp(x) - 1)", 120, lambda k: mpmath.bell(k) / mpmath.factorial(k), 30),
    "Hermite": ("exp(2*0.75*x - x^2)", 60, lambda k: mpmath.hermite(k, mpf(0.75))
                / mpmath.factorial(k), 100),
    "Legendre": ("1/sqrt(1 - 2*0.375*x + x^2)", 60, lambda k: mpmath.legendre(k, mpf(0.375)),
                 100),
    "central binomials": ("1/sqrt(1 - 4*x)", 400, lambda k: math.comb(2 * k, k), 20),
}  # fmt: skip


def classic_error(name: str) -> float:
    """How many roundings the worst coefficient is off."""
    text, order, term, roundings = CLASSICS[name]
    found = adcli.load(text).taylor(x=0, order=order)
    worst = 0.0
    with mp.workdps(60):
        for k, got in enumerate(found.coefficients):
            value = term(k)
            if isinstance(value, Fraction):
                value = mpf(value.numerator) / value.denominator
            off = error(got, (mpf(value), mpf(0)), UNDERFLOW if abs(value) < 1e-290 else 0.0)
            assert off <= roundings * ROUNDING, (
                f"coefficient {k}: {got!r}, not {float(value)!r}, off by {off / ROUNDING:.3g}"
            )
            worst = max(worst, off / ROUNDING)
    assert found.warnings == []
    return worst


@pytest.mark.parametrize("name", CLASSICS)
def test_classics(name: str) -> None:
    """Series whose coefficients are known in closed form, to high order."""
    classic_error(name)


def test_logarithm_to_the_last_bit() -> None:
    """Coefficient k of ln(1 + x) is the double nearest to 1/k, up to sign."""
    found = adcli.load("ln(1 + x)").taylor(x=0, order=999)
    assert found.coefficients == [0.0] + [(-1.0) ** (k + 1) / k for k in range(1, 1000)]


def test_the_highest_order() -> None:
    """Ten thousand and one ones."""
    found = adcli.load("1/(1 - x)").taylor(x=0, order=MAX_ORDER)
    assert found.coefficients == [1.0] * (MAX_ORDER + 1)
    assert found.order == MAX_ORDER


# Polynomials: exact, and nothing behind their degree.


def shifted(coefficients: Sequence[int], x: int) -> list[int]:
    """The coefficients of a polynomial about another point."""
    return [
        sum(math.comb(j, k) * a * x ** (j - k) for j, a in enumerate(coefficients) if j >= k)
        for k in range(len(coefficients))
    ]


def _powers(coefficients: Sequence[int]) -> str:
    return " + ".join(f"({a})*x^{j}" for j, a in enumerate(coefficients))


def _horner(coefficients: Sequence[int]) -> str:
    text = str(coefficients[-1])
    for a in reversed(coefficients[:-1]):
        text = f"({text})*x + ({a})"
    return text


def _loop(coefficients: Sequence[int]) -> str:
    shown = ", ".join(map(str, reversed(coefficients)))
    return f"s = 0*x\nfor a in [{shown}] {{\n s = s*x + a\n}}\ns"


WHOLE = st.lists(st.integers(-9, 9), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    coefficients=WHOLE,
    x=st.integers(-9, 9),
    order=st.integers(0, 12),
    write=st.sampled_from([_powers, _horner, _loop]),
)
def test_polynomials(
    coefficients: list[int], x: int, order: int, write: Callable[[Sequence[int]], str]
) -> None:
    """Of whole numbers they are exact; behind the degree there is nothing, not even -0."""
    text = write(coefficients)
    assume("x" in text)
    found = adcli.load(text).taylor(x=x, order=order)
    expected = shifted(coefficients, x) + [0] * order
    assert found.coefficients == expected[: order + 1]
    if write is not _loop:  # which multiplies the 0*x it begins with
        behind = found.coefficients[len(coefficients) :]
        assert [math.copysign(1.0, c) for c in behind] == [1.0] * len(behind)
    if order > len(coefficients) + 1:
        assert found.is_polynomial
    assert found.warnings == []


@settings(max_examples=60, deadline=None)
@given(above=WHOLE, below=WHOLE, order=st.integers(0, 40))
def test_rational_functions(above: list[int], below: list[int], order: int) -> None:
    """With 1 below at 0 the coefficients are whole, and exact as long as doubles are."""
    below = [1, *below]
    assume(any(below[1:]))
    expected: list[int] = []
    for k in range(order + 1):
        known = sum(below[j] * expected[k - j] for j in range(1, min(k, len(below) - 1) + 1))
        expected.append((above[k] if k < len(above) else 0) - known)
    found = adcli.load(f"({_horner(above)})/({_horner(below)})").taylor(x=0, order=order)
    for got, number in zip(found.coefficients, expected, strict=True):
        if abs(number) >= 2**49:  # its products with a coefficient below are not exact
            break
        assert got == number


@pytest.mark.parametrize(
    ("text", "x", "degree", "order"),
    [
        ("x^3", 0.0, 3, 8),
        ("x^3", 2.0, 3, 8),
        ("x*x*x", 2.0, 3, 8),
        ("x^50", 0.0, 50, 60),
        ("(x^5)^10", 0.0, 50, 60),
        ("(1 + x)^20", 0.0, 20, 19),
        ("(1 + x)^20", 0.0, 20, 20),
        ("(1 + x)^20", 0.0, 20, 21),
        ("(1 + x)^20", 0.0, 20, 50),
        ("(1 + x)^20", 1.0, 20, 8),
        ("(x - 3)^20", 3.0, 20, 25),
        ("(x - 3)^20", 3.0, 20, 15),
        ("prod([x for i in 1..7])", -1.0, 7, 12),
    ],
)
def test_powers(text: str, x: float, degree: int, order: int) -> None:
    """A whole power is the binomial theorem, at 0 as elsewhere, however long the series."""
    base = {"(1 + x)^20": x + 1, "(x - 3)^20": x - 3}.get(text, x)
    found = adcli.load(text).taylor(x=x, order=order)
    assert found.coefficients == [
        math.comb(degree, k) * base ** (degree - k) if k <= degree else 0.0
        for k in range(order + 1)
    ]
    assert found.is_polynomial or order <= degree
    assert found.warnings == []


@pytest.mark.parametrize("order", [7, 50, 99, 100, 101, 120])
def test_a_long_power(order: int) -> None:
    """x^100 at 2, whose coefficients no double holds exactly, up to its degree and behind."""
    found = adcli.load("x^100").taylor(x=2, order=order)
    for k, got in enumerate(found.coefficients):
        expected = Fraction(math.comb(100, k) * 2 ** max(100 - k, 0))
        assert abs(Fraction(got) - expected) <= expected * Fraction(1, 2**46)
    assert found.is_polynomial is (order > 100)


CHEBYSHEV = {
    "recursion": (
        "T(n, x) = if n < 1 then 1 else if n < 2 then x else 2*x*T(n - 1, x) - T(n - 2, x)\n"
        "f(x) = T(12, x)"
    ),
    "loop": (
        "f(x) = {\n a = 1\n b = x\n for n in 2..12 {\n c = 2*x*b - a\n a = b\n b = c\n }\n b\n}"
    ),
}


@pytest.mark.parametrize("x", [0, 1, -2])
@pytest.mark.parametrize("way", CHEBYSHEV)
def test_chebyshev(way: str, x: int) -> None:
    """A polynomial by recursion: exact, and an end to it."""
    before, now = [1], [0, 1]
    for _ in range(2, 13):
        after = [0, *(2 * a for a in now)]
        for j, a in enumerate(before):
            after[j] -= a
        before, now = now, after
    found = adcli.load(CHEBYSHEV[way]).taylor(x=x, order=20)
    assert found.coefficients == shifted(now, x) + [0] * 8
    assert found.is_polynomial


@pytest.mark.parametrize(
    ("text", "is_polynomial"),
    [
        ("x^2 + 1", True),
        ("abs(x)*floor(x)", True),
        ("mod(x, 2) + max(x, 1)*min(x, 9) - round(x)", True),
        ("x/3", True),
        ("if x > 1 then x else exp(x)", True),
        ("x^0 + x^1", True),
        ("x*sign(exp(x))", True),
        ("(x^4)^0.5", False),
        ("1/x", False),
        ("x^2/x", False),
        ("sin(x)^2 + cos(x)^2", False),
        ("exp(0*x)", False),
    ],
)
def test_what_is_a_polynomial(text: str, is_polynomial: bool) -> None:
    """What is one by its structure is known to be; what happens to be one is not."""
    assert adcli.load(text).taylor(x=2.3, order=6).is_polynomial is is_polynomial


# Against the other derivatives.

SAMPLES = sorted((ROOT / "samples").glob("*.ad"))
# A program, a point, and a direction, if it is not one that the sample's inputs make.
LINES: dict[str, tuple[str, Point, Point | None]] = {
    **{name: (text, at, line) for name, (text, at, line, _) in COMPOSITIONS.items()},
    **{path.name: (str(path), {}, None) for path in SAMPLES},
}


def _leaves(value: Any) -> list[float]:
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


@pytest.mark.parametrize("name", LINES)
def test_first_and_second_order(name: str) -> None:
    """Coefficients 0, 1 and 2 are the value, the jvp, and half of d'Hd, to 1e-12."""
    text, at, direction = LINES[name]
    program = adcli.load(text)
    run = program.run(at)
    if direction is None:
        direction = {label: (-1.0) ** i / (1 + i) for i, label in enumerate(run.elements)}
    slopes = program.jvp(at, direction=direction).jvp
    for result, value in run.values().items():
        series_of = {
            order: program.taylor(at, order=order, direction=direction, result=result)
            for order in (0, 1, 2)
        }
        assert series_of[0].coefficients == [value]
        assert series_of[1].coefficients == series_of[2].coefficients[:2]
        assert series_of[1].coefficients == [value, pytest.approx(slopes[result], rel=1e-12)]
        products = program.hvp(at, direction=direction, result=result).hvp
        by_element = dict(
            zip(run.elements, _leaves([products[name] for name in program.inputs]), strict=True)
        )
        terms = [x * by_element[label] for label, x in series_of[2].direction.items()]
        assert series_of[2].coefficients[2] == pytest.approx(
            math.fsum(terms) / 2,
            rel=1e-12,
            abs=1e-12 * sum(map(abs, terms)) + 8 * ROUNDING * abs(value),
        )


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_a_longer_series_begins_with_a_shorter(name: str) -> None:
    """However far it goes; powers take another way at other orders, hence the tolerance."""
    text, at, direction, _ = COMPOSITIONS[name]
    program = adcli.load(text)
    full = program.taylor(at, order=12, direction=direction).coefficients
    for order in range(12):
        found = program.taylor(at, order=order, direction=direction)
        assert found.coefficients == pytest.approx(full[: order + 1], rel=1e-13, abs=1e-300)


def scaled(direction: Point, by: float) -> dict[str, Any]:
    """A direction as many times as long."""
    return {
        name: [by * x for x in value] if isinstance(value, list) else by * value
        for name, value in direction.items()
    }


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(COMPOSITIONS)),
    exponent=st.integers(-30, 30),
    sign=st.sampled_from([-1.0, 1.0]),
)
def test_twice_the_direction(name: str, exponent: int, sign: float) -> None:
    """Along a*d coefficient k is a^k times as large: to the bit if a is a power of two."""
    text, at, direction, _ = COMPOSITIONS[name]
    a = sign * 2.0**exponent
    program = adcli.load(text)
    one = program.taylor(at, order=8, direction=direction).coefficients
    other = program.taylor(at, order=8, direction=scaled(direction, a)).coefficients
    assert other == [a**k * c for k, c in enumerate(one)]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(COMPOSITIONS.keys() - COMPOSITION_RADIUS.keys())),
    a=st.floats(0.125, 8).map(lambda x: x - 4),
)
def test_any_multiple_of_the_direction(name: str, a: float) -> None:
    """Along a*d coefficient k is a^k times as large, up to rounding."""
    assume(abs(a) > 1e-3)
    text, at, direction, _ = COMPOSITIONS[name]
    program = adcli.load(text)
    one = program.taylor(at, order=8, direction=direction).coefficients
    other = program.taylor(at, order=8, direction=scaled(direction, a)).coefficients
    assert other == pytest.approx([a**k * c for k, c in enumerate(one)], rel=1e-11, abs=1e-300)


def test_an_input_is_its_direction() -> None:
    """wrt="x" is the direction of 1 in x, and so is a name in a list."""
    program = adcli.load("exp(x*y)/y")
    at = {"x": 0.5, "y": 2.0}
    one = program.taylor(at, wrt="x")
    for other in (program.taylor(at, wrt=["x"]), program.taylor(at, direction={"x": 1, "y": 0})):
        assert other.coefficients == one.coefficients
    assert one.direction == {"x": 1.0}
    assert one.order == 8
    nowhere = program.taylor(at, direction={"y": 0.0})
    assert nowhere.coefficients == [one.coefficients[0]] + [0] * 8
    assert nowhere.is_polynomial
    assert program.taylor(at, order=0, direction={}).is_polynomial


def test_a_run_can_be_expanded_again() -> None:
    """What the first expansion recorded does not change the second, nor the values."""
    program = adcli.load("f(x, y) = x^1.5*sin(y)/hypot(x, y)")
    at = {"x": 0.75, "y": 1.5}
    run = program.run(at)
    values = run.values()
    for order, direction in [(3, {"x": 1}), (8, {"x": 1}), (2, {"y": 2.0}), (8, {"x": 1, "y": 1})]:
        expected = program.taylor(at, order=order, direction=direction)
        assert taylor(run, order, direction=direction).coefficients == expected.coefficients
    assert run.values() == values


# Edges.

X0: Point = {"x": 0.0}
# A program, a point, a direction, the coefficients up to the first that is not finite (there
# is no finite one behind), and the kind and place of what is said.
EDGES: list[tuple[str, Point, Point, list[float], str, str]] = [
    ("sqrt(x)", X0, X, [0, INF], "derivative", "sqrt(x)"),
    ("sqrt(x)", X0, {"x": -2.0}, [0, -INF], "derivative", "sqrt(x)"),
    ("1 - sqrt(x)", X0, X, [1, -INF], "derivative", "sqrt(x)"),
    ("cbrt(x)", X0, X, [0, INF], "derivative", "cbrt(x)"),
    ("ln(x)", X0, X, [-INF], "value", "ln(x)"),
    ("log1p(x)", {"x": -1.0}, X, [-INF], "value", "log1p(x)"),
    ("ln(x)", {"x": -1.0}, X, [NAN], "value", "ln(x)"),
    ("x^2.5", X0, X, [0, 0, 0, INF], "derivative", "x^2.5"),
    ("x^3.5", X0, X, [0, 0, 0, 0, INF], "derivative", "x^3.5"),
    ("x^0.5", X0, X, [0, INF], "derivative", "x^0.5"),
    ("1/x", X0, X, [INF], "value", "1/x"),
    ("x^-2", X0, X, [INF], "value", "x^-2"),
    ("1/(1/x)", X0, X, [0, NAN], "derivative", "1/x"),
    ("asin(x)", {"x": 1.0}, X, [math.pi / 2, INF], "derivative", "asin(x)"),
    ("asin(x)", {"x": -1.0}, X, [-math.pi / 2, INF], "derivative", "asin(x)"),
    ("acos(x)", {"x": 1.0}, X, [0, -INF], "derivative", "acos(x)"),
    ("acosh(x)", {"x": 1.0}, X, [0, INF], "derivative", "acosh(x)"),
    ("atanh(x)", {"x": 1.0}, X, [INF], "value", "atanh(x)"),
    ("atan2(x, y)", {"x": 0.0, "y": 0.0}, X, [0, NAN], "derivative", "atan2(x, y)"),
    ("exp(x)", {"x": 1000.0}, X, [INF], "value", "exp(x)"),
    ("sqrt(x^2)", X0, X, [0, NAN], "derivative", "sqrt(x^2)"),
    ("cbrt(x)^3", X0, X, [0, NAN], "derivative", "cbrt(x)"),
    ("x*ln(x)", X0, X, [NAN], "value", "ln(x)"),
    ("1e200*x^200", {"x": 1e3}, X, [INF], "value", "x^200"),
    # What ends at the lowest order is named, not what stands first.
    ("x^2.5 + sqrt(x)", X0, X, [0, INF], "derivative", "sqrt(x)"),
    # Powers, towards the base, the exponent, and both.
    ("x^0", X0, X, [1, 0, 0, 0], "", ""),
    ("x^0", {"x": -2.0}, X, [1, 0, 0, 0], "", ""),
    ("x^1", {"x": -2.0}, X, [-2, 1, 0, 0], "", ""),
    ("x^2", X0, X, [0, 0, 1, 0, 0], "", ""),
    ("x^y", {"x": 0.0, "y": 2.0}, X, [0, 0, 1, 0, 0], "", ""),
    ("x^y", {"x": 0.0, "y": 2.0}, {"y": 1.0}, [0, 0, 0, 0], "", ""),
    ("0^x", {"x": 2.0}, X, [0, 0, 0, 0], "", ""),
    ("0^x", X0, X, [1, -INF], "derivative", "0^x"),
    ("0^x", {"x": -1.0}, X, [INF], "value", "0^x"),
    ("1^x", {"x": 3.0}, X, [1, 0, 0], "", ""),
    ("x^y", {"x": -2.0, "y": 3.0}, X, [-8, 12, -6, 1, 0], "", ""),
    ("x^y", {"x": -2.0, "y": 3.0}, {"y": 1.0}, [-8, NAN], "derivative", "x^y"),
    ("x^y", {"x": -2.0, "y": 3.0}, {"x": 1.0, "y": 1.0}, [-8, NAN], "derivative", "x^y"),
    ("(-2)^x", {"x": 2.0}, X, [4, NAN], "derivative", "(-2)^x"),
    ("x^y", {"x": -8.0, "y": 1 / 3}, X, [NAN], "value", "x^y"),
    # t^(2 + t) is t^2 + t^3*ln(t) + ...
    ("x^y", {"x": 0.0, "y": 2.0}, {"x": 1.0, "y": 1.0}, [0, 0, 1, -INF], "derivative", "x^y"),
    # What does not depend on the direction contributes nothing, whatever it meets.
    ("sqrt(a) + b", {"a": 0.0, "b": 1.0}, {"b": 1.0}, [1, 1, 0, 0], "", ""),
    ("sqrt(a) + b", {"a": 0.0, "b": 1.0}, {"a": 0.0, "b": 1.0}, [1, 1, 0, 0], "", ""),
    ("sqrt(a)*b", {"a": 0.0, "b": 1.0}, {"b": 1.0}, [0, 0, 0, 0], "", ""),
    ("x^3.5*y", {"x": 0.0, "y": 2.0}, {"y": 1.0}, [0, 0, 0], "", ""),
    ("floor(sqrt(x)) + x", {"x": 0.0}, X, [0, 1, 0, 0], "convention", "floor(sqrt(x))"),
    ("if x > 0 then sqrt(x) else x^2", X0, X, [0, 0, 1, 0], "", ""),
    ("if x > 1 then ln(x - 5) else x", X0, X, [0, 1, 0, 0], "", ""),
    ("max(sqrt(x), x + 1)", X0, X, [1, 1, 0, 0], "", ""),
    # Conventions at kinks.
    ("abs(x)", X0, X, [0, 0, 0, 0], "convention", "abs(x)"),
    ("x*abs(x)", X0, X, [0, 0, 0, 0], "convention", "abs(x)"),
    ("abs(x)^2", X0, X, [0, 0, 0, 0], "convention", "abs(x)"),
    ("relu(x)", X0, X, [0, 0, 0, 0], "convention", "relu(x)"),
    ("norm([x, 2*x])", X0, X, [0, 0, 0, 0], "convention", "norm([x, 2*x])"),
    ("norm(v)", {"v": [0.0, 0.0]}, {"v": [3.0, 4.0]}, [0, 0, 0, 0], "convention", "norm(v)"),
    ("max(x^2, x)", {"x": 1.0}, X, [1, 1.5, 0.5, 0], "convention", "max(x^2, x)"),
    ("min(x, y)", {"x": 2.0, "y": 2.0}, {"x": 1.0, "y": 4.0}, [2, 2.5, 0], "convention",
     "min(x, y)"),
    ("clamp(x, 0, 1)", X0, X, [0, 0.5, 0, 0], "convention", "clamp(x, 0, 1)"),
    ("if x == 0 then 1 else sin(x)/x", X0, X, [1, 0, 0, 0], "equality", "x == 0"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "direction", "expected", "kind", "place"), EDGES)
def test_edges(
    text: str, at: Point, direction: Point, expected: list[float], kind: str, place: str
) -> None:
    """Zeros, infinities and nan where they belong, and a word about them."""
    program = adcli.load(text)
    ends = not math.isfinite(expected[-1])
    for order in range(len(expected) + 3):
        found = program.taylor(at, order=order, direction=direction)
        behind = found.coefficients[len(expected) :]
        assert same(found.coefficients[: len(expected)], expected[: order + 1])
        assert not any(map(math.isfinite, behind)) if ends else behind == [0.0] * len(behind)
        said = [(warning.kind, span_text(warning)) for warning in found.warnings]
        if ends and order < len(expected) - 1:
            assert said == []
        else:
            assert said == ([(kind, place)] if kind else [])


def test_what_is_said_of_an_end() -> None:
    """The operation of the program is named, not one of its derivative, with its argument."""
    (warning,) = adcli.load("1 + (4*x)^2.5").taylor(x=0, order=5).warnings
    assert warning.node == "v2"
    assert "coefficient 3 of the series of pow at 0, 2.5 is inf" in warning.message
    assert warning.hint == "v₁ = 0"
    assert (warning.span.line, warning.span.column) == (1, 5)


def test_coefficients_whose_sum_overflows() -> None:
    """Coefficients are finite or not each by itself."""
    found = adcli.load("exp(x)").taylor(x=709.5, order=4)
    value = math.exp(709.5)
    assert found.coefficients == pytest.approx([value / math.factorial(k) for k in range(5)])
    assert found.warnings == []


@pytest.mark.parametrize("x", [400.0, 700.0, 711.0, -800.0, 1e5, -1e300])
@pytest.mark.parametrize("text", ["tanh(x)", "erf(x)", "2*sigmoid(2*x) - 1"])
def test_flat_ends(text: str, x: float) -> None:
    """Where a curve is flat for doubles all its derivatives are 0, however far out."""
    found = adcli.load(text).taylor(x=x, order=6)
    assert found.coefficients == [math.copysign(1.0, x)] + [0.0] * 6
    assert found.warnings == []


@pytest.mark.parametrize("x", [1e-150, 1e-185, 1e-190, 1e-200, 1e-250])
def test_a_power_smaller_than_its_derivative(x: float) -> None:
    """x^1.7 underflows before its slope does; the slope is not to be made of it."""
    found = adcli.load("x^1.7").taylor(x=x, order=1)
    with mp.workdps(40):
        exact = mpf(1.7) * mpf(x) ** (mpf(1.7) - 1)
    assert found.coefficients[1] == pytest.approx(float(exact), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("x + 1", INF, [INF, 1, 0, 0]),
        ("x^2", 1e200, [INF, 2e200, 1, 0]),
        ("x*1e300", 1e10, [INF, 1e300, 0, 0]),
        ("1e300*(x/1e-10)^2", 0.0, [0, 0, INF, 0]),
        ("(1e308 + 1e308*x)*(1 + x)", 0.0, [1e308, INF, 1e308, 0]),
        ("atan(x)", INF, [math.pi / 2, 0, NAN, NAN]),
        ("exp(-inf*x)", 1.0, [0, NAN, NAN, NAN]),
        ("atan(x*inf)", 1.0, [math.pi / 2, NAN, NAN, NAN]),
        ("1/x", INF, [0, 0, 0, 0]),
        ("x/inf", 3.0, [0, 0, 0, 0]),
        ("min(x, inf)", 3.0, [3, 1, 0, 0]),
    ],
)
def test_infinities(text: str, x: float, expected: list[float]) -> None:
    """Of an input, of the text, and of a value that overflows before its derivatives do."""
    found = adcli.load(text).taylor(x=x, order=3)
    assert same(found.coefficients, expected)
    assert bool(non_finite(found)) is not all(map(math.isfinite, expected))


ANY = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -3.0, 1e300, -1e300, 1e-300, 5e-324, 709.5, 1e154]
)


@ROWS
@settings(max_examples=30, deadline=None)
@given(u=ANY, w=ANY)
def test_anywhere(row: Primitive, u: float, w: float) -> None:
    """At any finite point: the value, the jvp, and a word if anything is not finite."""
    program = primitive(row.name)
    at = dict(zip("uw", (u, w), strict=False)) if row.arity == 2 else {"u": u}
    for direction in directions(row):
        found = program.taylor(at, order=4, direction=direction)
        assert all(type(c) is float for c in found.coefficients)
        assert same(found.coefficients[:1], [program.eval(at)["f"]])
        finite = all(map(math.isfinite, found.coefficients))
        assert bool(non_finite(found)) is not finite
        assert all(span_text(warning) for warning in found.warnings)
        if row.name == "pow" and abs(w) > 2.0**53:
            continue  # w - 1 is no double, and a negative u has the sign of its parity
        if math.isfinite(found.coefficients[0]) and len(direction) == 1:
            slope = program.jvp(at, direction=direction).jvp["f"]
            if abs(slope) < LARGEST and abs(found.coefficients[1]) < LARGEST:
                assert found.coefficients[1] == pytest.approx(slope, rel=1e-12, abs=UNDERFLOW)
            elif slope != slope:
                assert math.isnan(found.coefficients[1])


# What is refused.

PAIR: Point = {"x": 1.0, "y": 2.0}
VECTOR_OF_2: Point = {"v": [1.0, 2.0]}
REFUSED: list[tuple[str, Point, Mapping[str, Any], str]] = [
    ("x*y", PAIR, {"wrt": "x", "order": -1}, "-1"),
    ("x*y", PAIR, {"wrt": "x", "order": 10_001}, "10001"),
    ("x*y", PAIR, {"wrt": "x", "order": 2.5}, "2.5"),
    ("x*y", PAIR, {"wrt": "x", "order": INF}, "inf"),
    ("x*y", PAIR, {"wrt": "x", "order": NAN}, "nan"),
    ("x*y", PAIR, {"wrt": "x", "order": "3"}, "order"),
    ("x*y", PAIR, {"wrt": "x", "order": None}, "order"),
    ("x*y", PAIR, {}, "one input or along a direction"),
    ("x*y", PAIR, {"wrt": ["x", "y"]}, "one input or along a direction"),
    ("x*y", PAIR, {"wrt": "z"}, "'z'"),
    ("x*y", PAIR, {"direction": {"z": 1.0}}, "'z'"),
    ("x*y", PAIR, {"wrt": "x", "direction": {"x": 1.0}}, "not both"),
    ("x*y", PAIR, {"wrt": "x", "result": "g"}, "'g'"),
    ("f(x, y) = x*y, x/y", PAIR, {"wrt": "x"}, "2 results"),
    ("f(x, y) = x*y, x/y", PAIR, {"wrt": "x", "result": "f[3]"}, "'f[3]'"),
    ("f(v[2]) = sum(v)", VECTOR_OF_2, {}, "one input or along a direction"),
    ("f(v[2]) = sum(v)", VECTOR_OF_2, {"wrt": "v"}, "one input or along a direction"),
    ("f(v[2]) = sum(v)", VECTOR_OF_2, {"direction": {"v": [1.0]}}, "vector of 1"),
    ("f(v[2]) = sum(v)", VECTOR_OF_2, {"direction": {"v": [1.0, 2.0, 3.0]}}, "vector of 3"),
    ("f(v[2]) = sum(v)", VECTOR_OF_2, {"direction": {"v": 1.0}}, "vector of 2"),
    ("f(v[2]) = sum(v)", VECTOR_OF_2, {"direction": {"v[3]": 1.0}}, "'v[3]'"),
    ("f(v[2]) = sum(v)", VECTOR_OF_2, {"direction": {"v": [1.0, 1.0], "v[1]": 1.0}}, "twice"),
    ("x*y", PAIR, {"direction": {"x": INF}}, "not finite"),
    ("x*y", PAIR, {"direction": {"x": NAN}}, "not finite"),
    ("x*y", PAIR, {"direction": "x"}, "by name"),
    ("2 + 3", {}, {}, "no input"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "options", "words"), REFUSED)
def test_refused(text: str, at: Point, options: Mapping[str, Any], words: str) -> None:
    """What was asked for cannot be: an error of usage that says what."""
    with pytest.raises(InputError) as caught:
        adcli.load(text).taylor(at, **options)
    assert caught.value.exit_code == ExitCode.USAGE == 2
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("sum(sin(x*i) for i in 1..3000)", MAX_ORDER),
        ("sum(sin(x*i) for i in 1..300)", 3000),
        pytest.param("sum(sin(x*i) for i in 1..60000)", 100, marks=pytest.mark.thorough),
        ("f(x) = {\n s = 0\n for i in 1..5000 {\n s += x*cos(s)\n }\n s\n}", 1000),
    ],
)
def test_too_many_coefficients(text: str, order: int) -> None:
    """What would not fit, or take too long, is refused before it is begun."""
    with pytest.raises(LimitError) as caught:
        adcli.load(text).taylor(x=1, order=order)
    assert caught.value.exit_code == ExitCode.LIMIT == 6
    assert "coefficients" in caught.value.message


# Results of every kind.

RESULTS: list[tuple[str, Point, Point, str | None, list[float]]] = [
    ("f(x) = 3", X0, X, None, [3, 0, 0, 0]),
    ("f(x) = 2*pi", X0, X, None, [2 * math.pi, 0, 0, 0]),
    ("f(x, y) = y^2", PAIR, X, None, [4, 0, 0, 0]),
    ("x", {"x": 5.0}, X, None, [5, 1, 0, 0]),
    ("x", {"x": 5.0}, {"x": -2.5}, None, [5, -2.5, 0, 0]),
    ("x", {"x": 5.0}, {"x": 0.0}, None, [5, 0, 0, 0]),
    ("x*x", {"x": 5.0}, {}, None, [25, 0, 0, 0]),
    ("f(x, y) = x, y, x*y, 2, x^2*y", PAIR, X, "x", [1, 1, 0, 0]),
    ("f(x, y) = x, y, x*y, 2, x^2*y", PAIR, X, "y", [2, 0, 0, 0]),
    ("f(x, y) = x, y, x*y, 2, x^2*y", PAIR, X, "f[1]", [2, 2, 0, 0]),
    ("f(x, y) = x, y, x*y, 2, x^2*y", PAIR, X, "f[2]", [2, 0, 0, 0]),
    ("f(x, y) = x, y, x*y, 2, x^2*y", PAIR, {"x": 1, "y": 1}, "f[3]", [2, 5, 4, 1]),
    ("f(v[2]) = v*v[1]", VECTOR_OF_2, {"v": [1.0, 1.0]}, "f[2]", [2, 3, 1, 0]),
    ("f(v[2]) = v*v[1]", VECTOR_OF_2, {"v[2]": 3.0}, "f[2]", [2, 3, 0, 0]),
    ("f(v[1]) = v[1]^3", {"v": [2.0]}, {"v": [1.0]}, None, [8, 12, 6, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "direction", "result", "expected"), RESULTS)
def test_results(
    text: str, at: Point, direction: Point, result: str | None, expected: list[float]
) -> None:
    """Constants, inputs, elements, and one result of several."""
    found = adcli.load(text).taylor(at, order=3, direction=direction, result=result)
    assert found.coefficients == expected
    assert found.result == (result or "f")
    assert found.warnings == []
    assert found.is_polynomial or expected[3] != 0


def test_only_input() -> None:
    """A program of one input needs no choice, nor does a vector of one."""
    assert adcli.load("x^2").taylor(x=3, order=2).coefficients == [9.0, 6.0, 1.0]
    found = adcli.load("f(v[1]) = v[1]^2").taylor(v=[3.0], order=2)
    assert found.coefficients == [9.0, 6.0, 1.0]
    assert found.direction == {"v[1]": 1.0}
