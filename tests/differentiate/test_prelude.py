"""The functions of the prelude over the whole range of doubles, value and gradient.

What a function may lose is what its argument's own rounding may change: with the condition
number k = |x f'(x)/f(x)|, an error of a few ulp times 1 + k. The same for the gradient,
whose condition comes from second derivatives. Both are taken from mpmath, so that nothing
is asked that doubles cannot give, and no form that loses digits on the way gets by.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import pytest
from derivative_graphs import MODES, flatten, same
from mpmath import mp, mpf

import adcli
from adcli.differentiate.gradient import Mode

INF, NAN = math.inf, math.nan
MODE = pytest.mark.parametrize("mode", MODES)
ULPS = 6.0
LEAST, NORMAL = 5e-324, 2.2250738585072014e-308
# exp(-744) is 2*5e-324 and has no digits left: x*sigmoid(x) there is wrong by 744*5e-324.
UNDERFLOW = 1000 * LEAST
# 1 - p, where p is a weight near 1, is a difference: relative to p and not to itself.
DIFFERENCE = {"softmax": ULPS * 2**-52}

Function = Callable[..., mpf]


def _sigmoid(x: mpf) -> mpf:
    return 1 / (1 + mpmath.exp(-x))


def _logsumexp(*xs: mpf) -> mpf:
    return mpmath.log(sum(mpmath.exp(x) for x in xs))


def _softmax(*xs: mpf) -> mpf:
    return mpmath.exp(xs[0]) / sum(mpmath.exp(x) for x in xs)


# A program of one input, x, or of two; the same as mathematics; the points.
WIDE = [
    0.0, 1e-300, -1e-300, 1e-10, -1e-10, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 17.0, -17.0, 36.5, -36.5,
    37.5, -37.5, 100.0, -100.0, 700.0, -700.0, 709.5, -709.5, 710.5, -710.5, 744.0, -744.0, -745.0,
    746.0, -746.0, 1000.0, -1000.0, 1e300, -1e300,
]  # fmt: skip
ANGLES = [1e-150, -1e-150, 1e-8, 0.7, -0.7, 1.5, 1.5707963, 3.0, -3.1415926, 11.0, 1e6, -1e15]

SCALAR: dict[str, tuple[str, Function, list[float]]] = {
    "sec": ("sec(x)", mpmath.sec, [0.0, *ANGLES, 1.5707963267948966]),
    "csc": ("csc(x)", mpmath.csc, [*ANGLES, 3.141592653589793]),
    "cot": ("cot(x)", mpmath.cot, [*ANGLES, 1.5707963267948966, 3.141592653589793]),
    "sigmoid": ("sigmoid(x)", _sigmoid, WIDE),
    "softplus": ("softplus(x)", lambda x: mpmath.log1p(mpmath.exp(x)), WIDE),
    "relu": ("relu(x)", lambda x: max(x, mpf(0)), [x for x in WIDE if x]),
    "silu": ("silu(x)", lambda x: x * _sigmoid(x), WIDE),
    "logit": (
        "logit(x)",
        lambda p: mpmath.log(p) - mpmath.log1p(-p),
        [
            1e-300, 1e-20, 1e-5, 0.1, 0.2499999, 0.25, 0.2500001, 0.3, 0.5 - 1e-12, 0.5 + 1e-12,
            0.5 + 2.0**-53, 0.5, 0.6, 0.7499999, 0.75, 0.7500001, 0.9, 1 - 1e-10, 1 - 2.0**-53,
        ],
    ),
    "clamp": (
        "clamp(x, -1, 2.5)",
        lambda x: min(max(x, mpf(-1)), mpf(2.5)),
        [-1e300, -2.0, -0.999, 0.0, 1e-300, 2.499, 2.501, 1e300],
    ),
    "normpdf": (
        "normpdf(x)",
        mpmath.npdf,
        [0.0, 1e-300, -1e-5, 0.7, 1.0, -2.0, 5.0, -10.0, -30.0, 37.5, 38.5, -40.0, 1e200, 1e308],
    ),
    "normcdf": (
        "normcdf(x)",
        mpmath.ncdf,
        [0.0, 1e-300, -1e-5, 0.7, -1.0, 2.0, -5.0, 8.0, -10.0, -30.0, -37.5, 40.0, -40.0],
    ),
    "log of a base": (
        "log(x, 10)",
        lambda x: mpmath.log(x) / mpmath.log(10),
        [1e-300, 0.1, 0.999999, 1.000001, 2.0, 1e300],
    ),
}  # fmt: skip

VECTOR: dict[str, tuple[str, Function, list[list[float]]]] = {
    "log": (
        "f(x[2]) = log(x[1], x[2])",
        lambda x, b: mpmath.log(x) / mpmath.log(b),
        [[8.0, 2.0], [0.3, 10.0], [1e300, 1e-5], [1e-300, 2.5], [2.0, 1.0001], [1.0001, 0.5]],
    ),
    "logbase": (
        "f(x[2]) = logbase(x[1], x[2])",
        lambda x, b: mpmath.log(x) / mpmath.log(b),
        [[8.0, 2.0]],
    ),
    "clamp of three": (
        "f(x[3]) = clamp(x[1], x[2], x[3])",
        lambda x, low, high: min(max(x, low), high),
        [[0.5, -1.0, 1.0], [-3.0, -1.0, 1.0], [3.0, -1.0, 1.0]],
    ),
    "logaddexp": (
        "f(x[2]) = logaddexp(x[1], x[2])",
        lambda a, b: _logsumexp(a, b),
        [
            [0.0, 0.0], [1.0, -1.0], [-1.0, 1.0], [1000.0, 1000.0], [1000.0, 999.0],
            [1000.0, -1000.0], [-1000.0, -1001.0], [-745.0, -745.0], [-1e-10, -50.0],
            [-50.0, -1e-10], [1e300, -1e300], [-0.5, -2.0], [1e-300, -700.0], [3.0, 3.0],
            [-0.7, -0.6862217],
        ],
    ),
    "logsumexp": (
        "logsumexp(x)",
        _logsumexp,
        [
            [0.0, 0.0], [1.0, -1.0, 0.5], [1000.0, 1000.0, 999.0], [1000.7, -1000.0],
            [-1000.3, -1001.0, -1000.5], [-745.0, -745.0], [1e300, -1e300], [2.5], [0.9],
            [-0.5, -2.0, -3.0], [0.1, -30.0], [3.0, 3.0, 3.0, 3.0, 3.0],
            # Little below 0: nothing may be added to these that is taken off again.
            [-0.001], [-1e-10], [-1e-10, -50.0], [-1e-300, -800.0],
        ],
    ),
    "softmax": (
        "softmax(x)[1]",
        _softmax,
        [
            [0.0, 0.0], [1.0, -1.0, 0.5], [1000.0, 1000.0, 999.0], [1000.7, 700.2],
            [700.2, 1000.7], [-1000.3, -1001.0, -1000.5], [5.0, -30.0], [-30.0, 5.0], [-1e-10, 0.0],
            [1e300, 1e300], [2.5],
        ],
    ),
}  # fmt: skip


@cache
def derivative(function: Function, point: tuple[float, ...], positions: tuple[int, ...]) -> mpf:
    """A derivative by central differences, with as many digits as it takes."""
    before = None
    for digits in (150, 500, 1600):
        with mp.workdps(digits):
            found = _difference(function, [mpf(x) for x in point], positions, digits // 4)
            if before is not None and found and abs(found - before) <= abs(found) * mpf("1e-20"):
                return found
            before = found
    return before


def _difference(
    function: Function, point: list[mpf], positions: tuple[int, ...], digits: int
) -> mpf:
    if not positions:
        return function(*point)
    first, *rest = positions
    step = min(abs(point[first]) or mpf(1), mpf(1)) * mpf(10) ** -digits
    total = mpf(0)
    for sign in (1, -1):
        moved = point[:]
        moved[first] += sign * step
        total += sign * _difference(function, moved, tuple(rest), digits)
    return total / (2 * step)


def allowed(function: Function, point: tuple[float, ...], positions: tuple[int, ...]) -> float:
    """How far from its exact value a derivative may be."""
    exact = derivative(function, point, positions)
    change = sum(abs(x * derivative(function, point, (*positions, i))) for i, x in enumerate(point))
    size = max(float(abs(exact)), NORMAL)
    return ULPS * 2**-52 * (size + float(change)) + UNDERFLOW


def check(text: str, function: Function, given: Any, mode: Mode, difference: float = 0.0) -> None:
    """Compare a value and a gradient with their references."""
    point = tuple(given) if isinstance(given, list) else (given,)
    found = adcli.load(text).grad(x=given, mode=mode)
    numbers = [found.value, *dict(flatten(found.gradient)).values()]
    for got, positions in zip(numbers, [(), *((i,) for i in range(len(point)))], strict=True):
        exact = derivative(function, point, positions)
        what = f"{positions or 'value'}: {got!r}, not {float(exact)!r}"
        if math.isinf(float(exact)):
            assert got == float(exact), what
        else:
            bound = allowed(function, point, positions) + (difference if positions else 0.0)
            assert abs(mpf(got) - exact) <= bound, what


@MODE
@pytest.mark.parametrize(
    ("name", "x"),
    [(name, x) for name, (_, _, points) in SCALAR.items() for x in points],
    ids=str,
)
def test_functions_of_a_number(name: str, x: float, mode: Mode) -> None:
    """From one end of the doubles to the other."""
    text, function, _ = SCALAR[name]
    check(text, function, x, mode)


@MODE
@pytest.mark.parametrize(
    ("name", "x"),
    [(name, tuple(x)) for name, (_, _, points) in VECTOR.items() for x in points],
    ids=str,
)
def test_functions_of_several(name: str, x: tuple[float, ...], mode: Mode) -> None:
    """Those of several numbers, or of a vector."""
    text, function, _ = VECTOR[name]
    check(text, function, list(x), mode, DIFFERENCE.get(name, 0.0))


@MODE
@pytest.mark.parametrize(
    ("text", "x", "value", "slope"),
    [
        ("softplus(x)", 1000.0, 1000.0, 1.0),
        ("softplus(x)", -1000.0, 0.0, 0.0),
        ("softplus(x)", 0.0, 0.6931471805599453, 0.5),
        ("softplus(x)", INF, INF, 1.0),
        ("softplus(x)", -INF, 0.0, 0.0),
        ("sigmoid(x)", -1000.0, 0.0, 0.0),
        ("sigmoid(x)", 1000.0, 1.0, 0.0),
        ("sigmoid(x)", -745.0, 5e-324, 5e-324),
        ("sigmoid(x)", 0.0, 0.5, 0.25),
        ("sigmoid(x)", INF, 1.0, 0.0),
        ("sigmoid(x)", -INF, 0.0, 0.0),
        ("relu(x)", INF, INF, 1.0),
        ("relu(x)", -INF, 0.0, 0.0),
        ("relu(x)", NAN, NAN, 1.0),
        ("logit(x)", 0.0, -INF, INF),
        ("logit(x)", 1.0, INF, INF),
        ("logit(x)", 0.5, 0.0, 4.0),
        ("logit(x)", -0.1, NAN, NAN),
        ("logit(x)", 1.1, NAN, NAN),
        ("clamp(x, 0, 1)", INF, 1.0, 0.0),
        ("clamp(x, 0, 1)", -INF, 0.0, 0.0),
        ("clamp(x, 0, 1)", 1.0, 1.0, 0.5),
        ("normcdf(x)", INF, 1.0, 0.0),
        ("normcdf(x)", -INF, 0.0, 0.0),
        ("normcdf(x)", -1e200, 0.0, 0.0),
        ("normcdf(x)", 1e200, 1.0, 0.0),
        ("normcdf(x)", 0.0, 0.5, 0.3989422804014327),
        ("logaddexp(x, 3)", -INF, 3.0, 0.0),
        ("logaddexp(3, x)", -INF, 3.0, 0.0),
        ("logaddexp(x, 3)", INF, INF, 1.0),
        ("logaddexp(3, x)", INF, INF, 1.0),
        ("logaddexp(x, 3)", NAN, NAN, NAN),
        ("logsumexp([x, 3])", -INF, 3.0, 0.0),
        ("logsumexp([3, x, 2])", -1e300, 3.313261687518223, 0.0),
        ("softmax([x, 3])[1]", -INF, 0.0, 0.0),
        ("softmax([x, 3])[2]", -INF, 1.0, 0.0),
        ("sec(x)", 0.0, 1.0, 0.0),
        ("sec(x)", INF, NAN, NAN),
        ("csc(x)", 0.0, INF, -INF),
        ("cot(x)", 0.0, INF, -INF),
        ("log(x, 2)", 0.0, -INF, INF),
        ("log(x, 2)", 8.0, 3.0, 1 / (8 * math.log(2))),
        ("log(x)", 1.0, 0.0, 1.0),
    ],
)
def test_limits(text: str, x: float, value: float, slope: float, mode: Mode) -> None:
    """Infinities, ends of the domain, and the numbers everybody knows."""
    found = adcli.load(text).grad(x=x, mode=mode)
    for got, wanted in ((found.value, value), (found.gradient["x"], slope)):
        assert same(got, wanted) or got == pytest.approx(wanted, rel=4e-16, abs=0)


@MODE
@pytest.mark.parametrize(
    "name", ["sec", "csc", "cot", "sigmoid", "softplus", "relu", "silu", "normpdf", "normcdf"]
)
def test_they_map_over_vectors(name: str, mode: Mode) -> None:
    """A vector gives a vector, element by element the same bits."""
    numbers = [-2.5, -0.3, 0.7, 4.0]
    program = adcli.load(f"f(x[]) = {name}(x)")
    found = [
        program.grad(x=numbers, result=f"f[{i}]", mode=mode) for i in range(1, len(numbers) + 1)
    ]
    for i, x in enumerate(numbers):
        alone = adcli.load(f"{name}(x)").grad(x=x, mode=mode)
        assert found[i].value == alone.value
        expected = [0.0] * len(numbers)
        expected[i] = alone.gradient["x"]
        assert found[i].gradient["x"] == expected


@MODE
def test_softmax_is_a_distribution(mode: Mode) -> None:
    """Its elements add up to 1, and their derivatives to 0."""
    program = adcli.load("f(x[]) = sum(softmax(x))")
    found = program.grad(x=[1000.0, 998.5, -20.0, 1001.25], mode=mode)
    assert found.value == pytest.approx(1, rel=1e-15)
    assert found.gradient["x"] == pytest.approx([0, 0, 0, 0], abs=1e-15)


def test_every_function_of_the_prelude_is_here() -> None:
    """A new function of the prelude fails here until it has its rows."""
    from pathlib import Path

    text = (Path(__file__).resolve().parents[2] / "grammar" / "prelude.ad").read_text("utf-8")
    names = {
        line.partition("(")[0] for line in text.splitlines() if line[:1].isalpha() and "(" in line
    }
    tested = " ".join(text for text, *_ in [*SCALAR.values(), *VECTOR.values()])
    assert {name for name in names if f"{name}(" not in tested} == set()
