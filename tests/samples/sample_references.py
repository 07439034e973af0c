"""What the samples compute, in mpmath: written from the formulas, not from the samples.

A reference bears the name of its file. Its parameters are the inputs, by the same names;
it returns a number, or a list for a vector. Where there is another way to the same number,
it is taken: a closed form for an iteration, a library function for a formula. Numbers come
in as mpmath's, converted without rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath
from mpmath import mpf

# mpmath has no types to import: its numbers, and vectors and matrices as lists of them.
Real = Any
Vector = list[Any]
Matrix = list[list[Any]]
Point = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """A function in mpmath, and three points to compare at, first the sample's defaults."""

    function: Callable[..., Any]
    points: tuple[Point, Point, Point]


REFERENCES: dict[str, Reference] = {}


def reference(
    defaults: Point, second: Point, third: Point
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the reference of the sample of its name.

    Args:
        defaults: the sample's inputs, in order, with their defaults.
        second: another point to compare at; inputs left out keep their defaults.
        third: yet another.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        points = (defaults, {**defaults, **second}, {**defaults, **third})
        REFERENCES[function.__name__] = Reference(function, points)
        return function

    return register


@reference({"x1": 2.0, "x2": 5.0}, {"x1": 0.5, "x2": -3.0}, {"x1": 1e6, "x2": 0.1})
def baydin(x1: Real, x2: Real) -> Real:
    """ln(x1) + x1*x2 - sin(x2)."""
    return mpmath.log(x1) + x1 * x2 - mpmath.sin(x2)


@reference({"x1": 3.0, "x2": 4.0}, {"x1": -5.0, "x2": 12.0}, {"x1": 1e-3, "x2": -250.0})
def hypotenuse(x1: Real, x2: Real) -> Real:
    """The length of a complex number."""
    return abs(mpmath.mpc(x1, x2))


@reference({"x": 2.0}, {"x": -1.0}, {"x": 1e-3})
def polynomial(x: Real) -> Real:
    """2*x^3 + 3*x^2, by Horner's scheme; -1 is a maximum."""
    return (2 * x + 3) * x * x


@reference({"x": 0.5}, {"x": 0.0}, {"x": -3.5})
def gaussian(x: Real) -> Real:
    """exp(-x^2), from the density of the normal distribution of variance 1/2."""
    return mpmath.sqrt(mpmath.pi) * mpmath.npdf(x, 0, mpmath.sqrt(mpf(1) / 2))


@reference({"x": 1.5}, {"x": 0.0}, {"x": -2.75})
def chain(x: Real) -> Real:
    """exp(sin(x^2))."""
    return mpmath.exp(mpmath.sin(x * x))


@reference({"x": [0.1, 0.2, 0.3]}, {"x": [1.0, -2.0, 0.5]}, {"x": [0.0, 0.25, -0.0625]})
def composition(x: Vector) -> Vector:
    """The composition, multiplied out."""
    a, b, c = x
    product = mpmath.sin(a + 2 * b - c) * mpmath.sin(3 * b + c)
    return [product, mpmath.sin(2 * a - b + c) + mpmath.exp(mpmath.sin(a + 2 * c))]


@reference(
    {
        "W": [[0.1, -0.4], [0.7, 0.2], [-0.5, 0.3]],
        "b": [0.0, 0.1, -0.2],
        "w": [0.6, -0.3, 0.8],
        "x": [1.0, 0.5],
        "t": 1.0,
    },
    {"x": [-3.0, 2.0], "t": -1.0},
    {"W": [[2.0, 1.0], [-1.0, 0.5], [0.25, -4.0]], "b": [1.0, 2.0, 3.0], "w": [-1.0, 2.0, 0.5]},
)
def network(W: Matrix, b: Vector, w: Vector, x: Vector, t: Real) -> Real:  # noqa: N803  # as in the sample
    """The squared error; the logistic function as a hyperbolic tangent."""
    potentials = mpmath.matrix(W) * mpmath.matrix(x) + mpmath.matrix(b)
    hidden = [(1 + mpmath.tanh(potential / 2)) / 2 for potential in potentials]
    return (mpmath.fdot(w, hidden) - t) ** 2 / 2


@reference({"x": 1.5}, {"x": -0.5}, {"x": 3.0})
def branch(x: Real) -> Real:
    """The cubic B-spline as a sum of truncated powers, up to its factor."""
    weights = [1, -4, 6, -4, 1]
    return sum(
        weight * mpmath.power(max(x - knot, mpf(0)), 3) / 4
        for weight, knot in zip(weights, range(-2, 3), strict=True)
    )


@reference({"a": 2.0}, {"a": 12345.678}, {"a": 1e-6})
def newton(a: Real) -> Real:
    """What the iteration converges to."""
    return mpmath.sqrt(a)


@reference(
    {"S": 42.0, "K": 40.0, "r": 0.1, "sigma": 0.2, "T": 0.5},
    {"S": 100.0, "K": 80.0, "r": 0.01, "sigma": 0.35, "T": 2.0},
    {"S": 95.0, "K": 110.0, "r": 0.03, "sigma": 0.25, "T": 1.25},
)
def black_scholes(S: Real, K: Real, r: Real, sigma: Real, T: Real) -> Real:  # noqa: N803  # as in the sample
    """The price of the option, by way of the forward and the total deviation."""
    forward = S * mpmath.exp(r * T)
    deviation = sigma * mpmath.sqrt(T)
    centre = mpmath.log(forward / K) / deviation
    in_stock = forward * mpmath.ncdf(centre + deviation / 2)
    in_cash = K * mpmath.ncdf(centre - deviation / 2)
    return (in_stock - in_cash) * mpmath.exp(-r * T)


@reference({"x": [-1.2, 1.0, -1.2, 1.0]}, {"x": [1.0, 1.0, 1.0]}, {"x": [0.5, -0.25]})
def rosenbrock(x: Vector) -> Real:
    """The chained function of Rosenbrock; its minimum is at the second point."""
    total = mpf(0)
    for left, right in pairwise(x):
        total += (10 * (right - left * left)) ** 2 + (left - 1) ** 2
    return total


@reference(
    {
        "slope": 0.9,
        "intercept": 0.2,
        "delta": 0.5,
        "x": [0.0, 1.0, 2.0, 3.0, 4.0],
        "y": [0.1, 1.3, 1.8, 3.2, 9.0],
    },
    {"slope": 2.0, "intercept": -1.0, "delta": 1.5},
    {"delta": 0.125, "x": [-1.0, 0.5, 2.25], "y": [4.0, 0.75, -2.0]},
)
def robust_loss(slope: Real, intercept: Real, delta: Real, x: Vector, y: Vector) -> Real:
    """Huber's loss without branches: with c the residual clipped to delta, c*(r - c/2)."""
    total = mpf(0)
    for xi, yi in zip(x, y, strict=True):
        residual = yi - (slope * xi + intercept)
        clipped = max(-delta, min(delta, residual))
        total += clipped * (residual - clipped / 2)
    return total


@reference({"r": 3.7, "x0": 0.3}, {"r": 2.5, "x0": 0.75}, {"r": 3.2, "x0": 0.0625})
def logistic_map(r: Real, x0: Real) -> Real:
    """Ten steps of z^2 + c, to which the logistic map is conjugate by z = r*(1/2 - x)."""
    half = mpf(1) / 2
    c = r / 2 * (1 - r / 2)
    z = r * (half - x0)
    for _ in range(10):
        z = z * z + c
    return half - z / r


@reference({"x": [1000.0, 1001.5, 999.0]}, {"x": [-2.0]}, {"x": [-700.0, -701.5, -703.0, -700.25]})
def log_sum_exp(x: Vector) -> Real:
    """The logarithm of the sum of exponentials, which mpmath's exponents can hold."""
    return mpmath.log(mpmath.fsum(mpmath.exp(xi) for xi in x))


@reference(
    {"start": [1.0, 0.0], "length": 1.5},
    {"start": [-0.5, 2.0]},
    {"start": [3.0, 0.25], "length": 0.75},
)
def runge_kutta(start: Vector, length: Real) -> Real:
    """The method from its Butcher tableau; the step and 9.81 are the doubles they are."""
    half, sixth = mpf(1) / 2, mpf(1) / 6
    tableau = [[], [half], [0, half], [0, 0, 1]]
    weights = [sixth, 2 * sixth, 2 * sixth, sixth]
    step, gravity = mpf(2 / 20), mpf(9.81)

    def slope(state: Real) -> Real:
        return mpmath.matrix([state[1], -gravity / length * mpmath.sin(state[0])])

    state = mpmath.matrix(start)
    for _ in range(20):
        slopes: list[Real] = []
        for row in tableau:
            moved = state.copy()
            for factor, earlier in zip(row, slopes, strict=True):
                moved += step * factor * earlier
            slopes.append(slope(moved))
        for weight, found in zip(weights, slopes, strict=True):
            state += step * weight * found
    return state[0]
