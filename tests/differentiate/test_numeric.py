"""Difference quotients and their extrapolation, against mpmath at 100 digits.

An estimate may be far off; it may not be far off and say that it is sure. What counts as
sure is what `check` goes by: ten times the error it states itself, and rounding.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import adcli
from adcli.differentiate.numeric import (
    BACKWARD,
    CENTRAL,
    EPSILON,
    FIVE_POINT,
    FORWARD,
    SCHEMES,
    Along,
    Estimate,
    Function,
    Scheme,
    exact_step,
    richardson,
    ridders,
    size,
)

INF, NAN = math.inf, math.nan
DIGITS = 100
SCHEME = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
# As in check: what an estimate's own error is multiplied by, and when it says nothing.
SAFETY = 10
UNSURE = 1e-3
LEAST = 1e-8


def total(function: Function) -> Function:
    """A function that is nan where Python would raise."""

    def at(x: float) -> float:
        try:
            return function(x)
        except (ValueError, OverflowError, ZeroDivisionError):
            return NAN

    return at


def derivative(function: Callable[[Any], Any], x: float) -> float:
    """The derivative to 25 digits or more: a central difference, small against x."""
    # Also where x is small against other numbers, the step is to count.
    more = 0 if x == 0 else max(0, -math.floor(math.log10(abs(x))))
    with mp.workdps(DIGITS + more):
        step = mpf(10) ** -30 * (abs(mpf(x)) or 1)
        return float((function(x + step) - function(x - step)) / (2 * step))


# Schemes.


@SCHEME
def test_exact_of_polynomials(scheme: Scheme) -> None:
    """Every polynomial of degree up to the order; small whole numbers leave no rounding."""
    random_numbers = random.Random(1)
    for _ in range(100):
        coefficients = [random_numbers.randrange(-9, 10) for _ in range(scheme.order + 1)]
        x, h = random_numbers.randrange(-8, 9) / 4, 2.0 ** -random_numbers.randrange(3)

        def polynomial(t: float, terms: list[int] = coefficients) -> float:
            return math.fsum(c * t**k for k, c in enumerate(terms))

        exact = sum(k * c * Fraction(x) ** (k - 1) for k, c in enumerate(coefficients) if k)
        assert scheme.quotient(polynomial, x, h) == exact
        assert scheme.quotient(polynomial, x, -h) == exact


@SCHEME
def test_not_exact_of_the_next_power(scheme: Scheme) -> None:
    assert scheme.quotient(lambda t: t ** (scheme.order + 1), 0.5, 0.5) != (
        (scheme.order + 1) * 0.5**scheme.order
    )


# The first term of the error over h^order: a factor, and the derivative it goes with.
FIRST_TERMS = {
    FORWARD.name: (1 / 2, 2),
    BACKWARD.name: (-1 / 2, 2),
    CENTRAL.name: (1 / 6, 3),
    FIVE_POINT.name: (-1 / 30, 5),
}


@SCHEME
@pytest.mark.parametrize(
    ("function", "exact"),
    [(math.exp, mpmath.exp), (math.sin, mpmath.sin), (math.atan, mpmath.atan)],
    ids=["exp", "sin", "atan"],
)
@pytest.mark.parametrize("x", [0.7, -1.3])
def test_error_falls_with_its_order(
    scheme: Scheme, function: Function, exact: Callable[[Any], Any], x: float
) -> None:
    slope = derivative(exact, x)
    large = {1: 1e-3, 2: 1e-2, 4: 5e-2}[scheme.order]
    errors = [scheme.quotient(function, x, h) - slope for h in (large, large / 2, large / 4)]
    for error, half in itertools.pairwise(errors):
        assert math.log2(error / half) == pytest.approx(scheme.order, abs=0.1)
    factor, power = FIRST_TERMS[scheme.name]
    with mp.workdps(DIGITS):
        leading = factor * float(mpmath.diff(exact, mpf(x), power)) * (large / 4) ** scheme.order
    assert errors[-1] == pytest.approx(leading, rel=0.05)


@SCHEME
@pytest.mark.parametrize("function", [math.exp, math.sin], ids=["exp", "sin"])
def test_step_is_about_the_best(scheme: Scheme, function: Function) -> None:
    """At the recommended step the error is about the least there is over all steps."""
    x = 1.0
    slope = derivative(getattr(mpmath, function.__name__), x)

    def error(h: float) -> float:
        """The typical error near a step: rounding varies from one to the next."""
        steps = [exact_step(x, h * (1 + k / 50)) for k in range(20)]
        return math.fsum(abs(scheme.quotient(function, x, h) - slope) for h in steps) / len(steps)

    least = min(error(10 ** (-k / 4)) for k in range(4, 60))
    assert error(scheme.step) <= 8 * least
    assert scheme.step == pytest.approx(EPSILON ** (1 / (scheme.order + 1)))


def test_a_quotient_that_fails_is_nan() -> None:
    assert math.isnan(CENTRAL.quotient(total(math.log), 0.5, 1.0))
    assert math.isnan(FORWARD.quotient(lambda x: NAN, 1.0, 0.1))
    assert BACKWARD.quotient(total(lambda x: 1 / x), 1.0, 0.5) == -2.0


# Steps.


@given(
    st.floats(1e-300, 1e300) | st.floats(-1e300, -1e-300),
    st.floats(-20, 0),
)
def test_exact_step(x: float, power: float) -> None:
    """x + h is a double, and h is as near as can be to what was asked for."""
    h = abs(x) * 10**power
    step = exact_step(x, h)
    assert Fraction(x) + Fraction(step) == Fraction(x + step)
    assert abs(step - h) <= math.ulp(x + h)
    assert exact_step(x, step) == step


@pytest.mark.parametrize(
    ("x", "expected"), [(0.0, 1.0), (-0.0, 1.0), (-3.0, 3.0), (1e-10, 1e-10), (5e-324, 5e-324)]
)
def test_size(x: float, expected: float) -> None:
    assert size(x) == expected


# Extrapolation.


class Case(NamedTuple):
    """A function to differentiate: for Python and for mpmath, and where."""

    name: str
    function: Function
    exact: Callable[[Any], Any]
    x: float

    def __str__(self) -> str:
        return f"{self.name} at {self.x!r}"


def ids(case: Case) -> str:
    return str(case).replace(" ", "_")


def smooth(name: str, *points: float) -> list[Case]:
    """A function of both libraries at several points."""
    return [
        Case(name, getattr(math, name), getattr(mpmath, {"ln": "log"}.get(name, name)), x)
        for x in points
    ]


WELL_SCALED = [
    *smooth("exp", 0.0, 1.0, -3.0, 20.0, 300.0, -1e-3, 1e-6),
    *smooth("sin", 0.0, 1.0, -2.5, 12.0, 100.0, 1e-12, math.pi),
    *smooth("cos", 0.0, 0.3, math.pi / 2, 50.0),
    *smooth("tan", 0.0, 1.0, 1.5, -0.4),
    *smooth("log", 1e-10, 1e-8, 1e-3, 1.0, 7.0, 1e6, 1e100, 1e-100),
    *smooth("sqrt", 1e-10, 1e-6, 2.0, 1e8, 1e-200),
    *smooth("atan", 0.0, 1.0, -30.0, 1e4),
    *smooth("sinh", 0.0, 2.0, -10.0),
    *smooth("cosh", 0.0, 2.0, -10.0),
    *smooth("tanh", 0.0, 0.5, -4.0, 1e-9),
    *smooth("asinh", 0.0, 3.0, -1e5),
    *smooth("acosh", 1.5, 20.0, 1e5),
    *smooth("atanh", 0.0, 0.5, -0.9),
    *smooth("asin", 0.0, 0.5, -0.9),
    *smooth("acos", 0.0, 0.5, -0.9),
    *smooth("erf", 0.0, 0.5, -2.0),
    *smooth("erfc", 0.0, 0.5, -2.0, 4.0),
    *smooth("gamma", 0.5, 3.0, 5.5),
    Case("x^2", lambda t: t * t, lambda t: t * t, 1e150),
    Case("x^2", lambda t: t * t, lambda t: t * t, 1e-150),
    Case("x^2", lambda t: t * t, lambda t: t * t, 0.0),
    Case("x^7", lambda t: t**7, lambda t: t**7, 3.0),
    Case("1/x", lambda t: 1 / t, lambda t: 1 / t, 1e-5),
    Case("1/x", lambda t: 1 / t, lambda t: 1 / t, 1e12),
    Case("x^x", lambda t: t**t, lambda t: t**t, 2.0),
    Case("x ln x", lambda t: t * math.log(t), lambda t: t * mpmath.log(t), 1e-7),
    Case("sin 30x", lambda t: math.sin(30 * t), lambda t: mpmath.sin(30 * t), 1.0),
    Case("a constant", lambda t: 3.0, lambda t: mpf(3), 2.0),
]


def confident(case: Case, found: Estimate, slope: float) -> bool:
    """Whether the estimate is sure of itself by the standards of check."""
    rounding = EPSILON * abs(total(case.function)(case.x)) / found.step
    doubt = SAFETY * max(found.error, rounding) / max(1.0, abs(slope), abs(found.value))
    return doubt <= UNSURE


def allowed(case: Case, found: Estimate) -> float:
    """How far off it may be by its own account."""
    rounding = EPSILON * abs(total(case.function)(case.x)) / found.step
    return SAFETY * max(found.error, rounding)


def assert_honest(case: Case, found: Estimate) -> None:
    """It is right, or says that it may not be."""
    slope = derivative(case.exact, case.x)
    if math.isnan(found.value) or math.isnan(found.error):
        assert math.isnan(found.error)
        return
    scale = max(1.0, abs(slope), abs(found.value))
    if abs(found.value - slope) <= max(allowed(case, found), LEAST * scale):
        return
    assert not confident(case, found, slope), (
        f"{case}: {found.value!r} ± {found.error!r}, and it is {slope!r}"
    )


@pytest.mark.parametrize("case", WELL_SCALED, ids=ids)
def test_richardson_is_right(case: Case) -> None:
    """Right, sure, and honest about how sure."""
    found = richardson(total(case.function), case.x)
    slope = derivative(case.exact, case.x)
    scale = max(1.0, abs(slope))
    assert abs(found.value - slope) <= 1e-8 * scale
    assert abs(found.value - slope) <= allowed(case, found) + 4 * EPSILON * scale
    assert confident(case, found, slope)


@pytest.mark.parametrize("case", WELL_SCALED, ids=ids)
def test_ridders_is_right(case: Case) -> None:
    """From a step that suits the function, without help from others."""
    found = ridders(total(case.function), case.x, 0.01 * size(case.x))
    slope = derivative(case.exact, case.x)
    scale = max(1.0, abs(slope))
    assert abs(found.value - slope) <= 1e-7 * scale
    assert abs(found.value - slope) <= allowed(case, found) + 4 * EPSILON * scale


def test_extrapolation_gains_digits() -> None:
    """What the whole is for: far better than any single quotient."""
    for function in (math.exp, math.sin, math.atan):
        slope = derivative(getattr(mpmath, function.__name__), 0.8)
        found = richardson(function, 0.8)
        single = min(
            abs(scheme.quotient(function, 0.8, exact_step(0.8, scheme.step)) - slope)
            for scheme in (FORWARD, CENTRAL)
        )
        assert abs(found.value - slope) < 0.1 * single
        assert abs(found.value - slope) < 1e-12


def bump(width: float) -> tuple[Function, Callable[[Any], Any]]:
    """A bell of that width on a line, at 1."""
    return (
        lambda t: 2 * t + math.exp(-(((t - 1) / width) ** 2)),
        lambda t: 2 * t + mpmath.exp(-(((t - 1) / mpf(width)) ** 2)),
    )


def piece(
    left: Function, right: Function, x: float, slope: float
) -> tuple[Function, Callable[[Any], Any]]:
    """Two functions that meet at 1, and the derivative at x."""
    return lambda t: left(t) if t < 1 else right(t), lambda t: mpf(slope) * (t - x)


DIFFICULT = [
    *smooth("asin", 0.99, 0.999, 0.999999, 1 - 1e-9, 1 - 1e-12, -0.9999),
    *smooth("acos", -0.99, 0.999, 1 - 1e-7),
    *smooth("acosh", 1.001, 1 + 1e-8),
    *smooth("atanh", 0.999, -1 + 1e-6),
    *smooth("log", 1e-300, 5e-320),
    *smooth("sqrt", 1e-300),
    *smooth("tan", 1.57),
    *smooth("exp", 700.0, 709.0, -700.0, 1e-10, 1e-12, 1e-17, 1e-300),
    *smooth("sin", 1e5),
    *smooth("gamma", 170.0, 1e-9),
    Case("ln(1 + x)", math.log1p, mpmath.log1p, -1 + 1e-10),
    Case("sin(1/x)", lambda t: math.sin(1 / t), lambda t: mpmath.sin(1 / t), 0.01),
    Case("sin(1/x)", lambda t: math.sin(1 / t), lambda t: mpmath.sin(1 / t), 1e-4),
    Case("exp(-1/x^2)", lambda t: math.exp(-1 / t**2), lambda t: mpmath.exp(-1 / t**2), 0.05),
    Case("1e9 + x^2", lambda t: 1e9 + t * t, lambda t: 1e9 + t * t, 3.0),
    Case("1e15 + x^2", lambda t: 1e15 + t * t, lambda t: 1e15 + t * t, 3.0),
    Case("(1 - cos x)/x^2", lambda t: (1 - math.cos(t)) / t**2,
         lambda t: (1 - mpmath.cos(t)) / t**2, 1e-5),
    Case("x^3 rounded", lambda t: round(t**3, 6), lambda t: t**3, 0.9),
    *(Case(f"bell of {w}", *bump(w), x) for w in (1e-1, 1e-3, 1e-5)
      for x in (1.0, 1.0 + w / 2, 1.0 - 3 * w)),
    *(Case("abs(x - 1)", lambda t: abs(t - 1), lambda t: abs(t - 1), 1 + d)
      for d in (1e-5, -1e-4, 1e-3, 1e-2)),
    *(Case("x + (x > 1)", *piece(lambda t: t, lambda t: t + 1, 1 + d, 1.0), 1 + d)
      for d in (-1e-9, 1e-7, -1e-6, 1e-5, -1e-3, 0.05)),
    *(Case("(x - 1)abs(x - 1)", lambda t: (t - 1) * abs(t - 1),
           lambda t: (t - 1) * abs(t - 1), 1 + d) for d in (1e-9, 1e-7, -1e-5, 1e-4, 1e-2)),
    *(Case("piecewise", *piece(lambda t: t**3, lambda t: 3 * t - 2, 1 + d, s), 1 + d)
      for d, s in ((-1e-3, 3 * 0.999**2), (1e-3, 3.0), (-0.05, 3 * 0.95**2))),
]  # fmt: skip


@pytest.mark.parametrize("case", DIFFICULT, ids=ids)
def test_richardson_is_honest(case: Case) -> None:
    """Domain edges, spikes, kinks, jumps, cancellation, noise: right, or unsure."""
    assert_honest(case, richardson(total(case.function), case.x))


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda t: NAN, 1.0),
        (lambda t: INF, 1.0),
        (lambda t: t if t == 2.0 else NAN, 2.0),
        (math.log, 0.0),
        (math.log, -1.0),
        (math.sqrt, 0.0),
        (math.asin, 1.0),
        (lambda t: t, INF),
        (lambda t: t, NAN),
    ],
)
def test_nowhere_to_step(function: Function, x: float) -> None:
    """Without a single quotient there is no estimate, and that shows."""
    for found in (richardson(total(function), x), ridders(total(function), x, 0.1)):
        assert math.isnan(found.value)
        assert math.isnan(found.error)


def leap(t: float) -> float:
    """Around 1 the quotients of the first steps are far from those of the second, about 1e308."""
    is_first = any(abs(abs(t - 1) / step - 1) < 0.1 for step in (1e-5, 1e-3, 0.1))
    return (t - 1) * (-0.5e308 if is_first else 0.4e308)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda t: 1e308 * t, 1.0),
        (leap, 1.0),
        (lambda t: 1e308 * t, 1e-3),
        (lambda t: -1e308 * t, -1.0),
        (lambda t: 1e306 / t, 1e-2),
        (lambda t: 1.7e308 if t > 1 else -1.7e308, 1.0),
        (lambda t: 1e308 * math.sin(1e3 * t), 1.0),
        (lambda t: 1.5e308 * math.sin(3 * t), 0.3),
        (lambda t: 8e307 * math.sin(1e8 * t), 1e-3),
        (lambda t: math.copysign(1e303, t - 1.0001), 1.0),
        (lambda t: 1e308 * math.exp(t / 10), 1.0),
        (lambda t: 1e308 * t * t, 0.5),
        (lambda t: t**155, 98.0),
    ],
)
def test_quotients_that_overflow(function: Function, x: float) -> None:
    """What is not finite is no estimate: there is one with an error, or none."""
    found = richardson(total(function), x)
    assert math.isfinite(found.value) == math.isfinite(found.error)
    assert math.isfinite(found.value) or math.isnan(found.value)
    assert math.isfinite(found.error) or math.isnan(found.error)


def test_comes_away_from_the_edge() -> None:
    """A first step across the edge of a domain is made smaller until it is not."""
    found = ridders(total(math.log), 1e-4, 1.0)
    assert found.value == pytest.approx(1e4, rel=1e-6)
    assert found.step < 1e-4
    assert found.step > 0


@pytest.mark.parametrize("x", [0.0, 1.0, 1e-310, 5e-324, 1e308, -1.7e308])
@pytest.mark.parametrize("h", [0.0, 1e-320, 1e-300, 1.0, 1e300])
def test_any_step_ends(x: float, h: float) -> None:
    """No division by zero, no loop without end, whatever the scale; nothing false."""
    found = ridders(lambda t: 3 * t, x, h)
    if not math.isnan(found.error):
        assert abs(found.value - 3) <= SAFETY * found.error + 1e-6


@pytest.mark.parametrize(
    ("function", "x"), [(math.exp, 1.0), (math.sin, 1e-6), (abs, 0.0), (math.log, 1e-9)]
)
def test_evaluations_are_counted(function: Function, x: float) -> None:
    """The numbers say how often the function was called."""
    calls = 0

    def counted(t: float) -> float:
        nonlocal calls
        calls += 1
        return total(function)(t)

    one = ridders(counted, x, 0.1)
    assert one.evaluations == calls
    # 12 rows at most, and 40 that were too far out.
    assert 2 <= calls <= 2 * (12 + 40)
    calls = 0
    several = richardson(counted, x)
    assert several.evaluations == calls
    assert calls > one.evaluations


# Of random functions. Each is bounded with its derivatives, so that all have an estimate.

UNARY: dict[str, tuple[Function, Callable[[Any], Any]]] = {
    "sin": (math.sin, mpmath.sin),
    "cos": (math.cos, mpmath.cos),
    "tanh": (math.tanh, mpmath.tanh),
    "atan": (math.atan, mpmath.atan),
    "erf": (math.erf, mpmath.erf),
    "bell": (lambda t: math.exp(-t * t), lambda t: mpmath.exp(-t * t)),
    "root": (lambda t: math.sqrt(1 + t * t), lambda t: mpmath.sqrt(1 + t * t)),
    "log": (lambda t: math.log(2 + math.sin(t)), lambda t: mpmath.log(2 + mpmath.sin(t))),
    "inverse": (lambda t: 1 / (2 + math.cos(t)), lambda t: 1 / (2 + mpmath.cos(t))),
}

Pair = tuple[str, Function, Callable[[Any], Any]]


def leaves() -> st.SearchStrategy[Pair]:
    constants = st.integers(-12, 12).map(lambda k: k / 4)
    return st.one_of(
        st.just(("x", lambda t: t, lambda t: t)),
        constants.map(lambda c: (f"{c}x", lambda t: c * t, lambda t: c * t)),
        constants.map(lambda c: (f"(x + {c})", lambda t: t + c, lambda t: t + c)),
    )


def larger(children: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def apply(name: str, u: Pair) -> Pair:
        f, g = UNARY[name]
        return (f"{name}({u[0]})", lambda t: f(u[1](t)), lambda t: g(u[2](t)))

    def combine(sign: str, u: Pair, w: Pair) -> Pair:
        text = f"({u[0]} {sign} {w[0]})"
        if sign == "+":
            return (text, lambda t: u[1](t) + w[1](t), lambda t: u[2](t) + w[2](t))
        return (text, lambda t: u[1](t) * w[1](t), lambda t: u[2](t) * w[2](t))

    return st.one_of(
        st.builds(apply, st.sampled_from(sorted(UNARY)), children),
        st.builds(combine, st.sampled_from("+*"), children, children),
    )


COMPOSITIONS = st.recursive(leaves(), larger, max_leaves=6)
POINTS = st.floats(-4, 4).filter(lambda x: x == 0 or abs(x) > 1e-4)
# Where the steps are so small that rounding may leave no digit.
TINY = st.floats(-300, -9).map(lambda power: 10**power) | st.sampled_from([1e-10, 5e-324])


@settings(max_examples=150, deadline=None)
@given(COMPOSITIONS, POINTS)
def test_any_smooth_composition(pair: Pair, x: float) -> None:
    """Right to 1e-6, and never wrong by more than its own account."""
    case = Case(*pair, x)
    found = richardson(total(case.function), x)
    assume(abs(case.function(x)) < 1e6)
    assert_honest(case, found)
    slope = derivative(case.exact, x)
    assert abs(found.value - slope) <= 1e-6 * max(1.0, abs(slope), abs(case.function(x)))


@settings(max_examples=100, deadline=None)
@given(COMPOSITIONS, TINY)
def test_any_smooth_composition_near_zero(pair: Pair, x: float) -> None:
    """Right, or unsure; where terms cancel, their rounding does not show in the value."""
    case = Case(*pair, x)
    assume(abs(case.function(x)) > 0.1)
    assert_honest(case, richardson(total(case.function), x))


# A result as a function of an element.


def along(text: str, result: str = "f", **inputs: Any) -> Along:
    return Along(adcli.load(text).run(inputs), result)


def test_along_moves_one_element() -> None:
    one = along("sum(A @ x) + y", A=[[1.0, 2.0], [3.0, 4.0]], x=[5.0, 6.0], y=7.0)
    assert one.point == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert one.at(one.point) == 1 * 5 + 2 * 6 + 3 * 5 + 4 * 6 + 7
    assert one.element(1)(10.0) == 1 * 5 + 10 * 6 + 3 * 5 + 4 * 6 + 7
    assert one.element(4)(0.0) == 2 * 6 + 4 * 6 + 7
    assert one.element(6)(0.5) == 1 * 5 + 2 * 6 + 3 * 5 + 4 * 6 + 0.5
    assert one.point == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert one.evaluations == 4
    assert one.operations > 4


def test_along_takes_other_paths() -> None:
    """Another branch, another number of iterations."""
    branch = along("if x > 1 then 10*x else x", x=0.5).element(0)
    assert (branch(0.5), branch(2.0)) == (0.5, 20.0)
    loop = along("n = 0; while x < 100 { x *= 2; n += 1 }; n", x=60.0).element(0)
    assert (loop(60.0), loop(1.0)) == (1.0, 7.0)


def test_along_is_nan_where_the_program_fails() -> None:
    index = along("[1, 2, 3][x]", x=1.0)
    assert index.element(0)(3.0) == 3.0
    assert math.isnan(index.element(0)(4.0))
    assert math.isnan(index.element(0)(1.5))
    endless = Along(
        adcli.load("while x > 0 { x += 1 }; x").run({"x": -1.0}, max_operations=50), "f"
    )
    assert math.isnan(endless.element(0)(1.0))
    assert endless.element(0)(-2.0) == -2.0
    # A result that is only there at the given point.
    shorter = along("[x for i in 1..n]", "f[3]", x=2.0, n=3.0)
    assert shorter.element(0)(5.0) == 5.0
    assert math.isnan(shorter.element(1)(2.0))


def test_along_of_one_result() -> None:
    assert along("x, x^2", "f[1]", x=2.0).element(0)(3.0) == 9.0
    assert along("f(x) = 4", x=2.0).element(0)(3.0) == 4.0
