"""The five programs of the batch kernel: text, inputs, and the same over arrays or symbols."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import adcli

PROGRAMS = {
    "running example": "f(x1, x2) = ln(x1) + x1*x2 - sin(x2)",
    "Black-Scholes": (
        "f(S, K, r, sigma, T) = { d1 = (ln(S/K) + (r + sigma^2/2)*T)/(sigma*sqrt(T))\n"
        "S*normcdf(d1) - K*exp(-r*T)*normcdf(d1 - sigma*sqrt(T)) }"
    ),
    "Rosenbrock in 10": ("f(x[10]) = sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..9)"),
    "robust loss": (
        "f(a, b, d, x, y) = { r = y - a*x - b\nif abs(r) <= d then r^2/2 else d*(abs(r) - d/2) }"
    ),
    "camera": (
        "f(w1, w2, w3, t1, t2, t3, focal, k1, k2, X, Y, Z, u, v) = {\n"
        "angle = sqrt(w1^2 + w2^2 + w3^2); a = w1/angle; b = w2/angle; c = w3/angle\n"
        "cs = cos(angle); sn = sin(angle); dot = (a*X + b*Y + c*Z)*(1 - cs)\n"
        "px = X*cs + (b*Z - c*Y)*sn + a*dot + t1\n"
        "py = Y*cs + (c*X - a*Z)*sn + b*dot + t2\n"
        "pz = Z*cs + (a*Y - b*X)*sn + c*dot + t3\n"
        "x = -px/pz; y = -py/pz; n = x*x + y*y; d = 1 + n*(k1 + k2*n)\n"
        "(focal*d*x - u)^2 + (focal*d*y - v)^2 }"
    ),
}


def inputs(name: str, rows: int) -> dict[str, Any]:
    """Values in the domain of a program."""
    random = np.random.default_rng(7)
    program = adcli.load(PROGRAMS[name])
    if name == "Rosenbrock in 10":
        return {f"x[{i}]": random.uniform(-2, 2, rows) for i in range(1, 11)}
    low, high = (0.1, 2.0) if name != "robust loss" else (-2.0, 2.0)
    given = {x: random.uniform(low, high, rows) for x in program.inputs}
    if name == "camera":
        given["t3"] += 6  # all points in front of it: at depth 0 no two codes agree
    return given


# The same by hand, in the vocabulary of an array library.


def formula(name: str, m: Any, x: list[Any]) -> Any:
    """The program over arrays or symbols; m has log, exp, sin, cos, sqrt, erf, abs, where."""
    if name == "running example":
        return m.log(x[0]) + x[0] * x[1] - m.sin(x[1])
    if name == "Black-Scholes":
        S, K, r, sigma, T = x  # noqa: N806
        d1 = (m.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * m.sqrt(T))

        def cdf(z: Any) -> Any:
            return 0.5 * (1 + m.erf(z / math.sqrt(2)))

        return S * cdf(d1) - K * m.exp(-r * T) * cdf(d1 - sigma * m.sqrt(T))
    if name == "Rosenbrock in 10":
        total = 0.0
        for i in range(9):
            total = total + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
        return total
    if name == "robust loss":
        a, b, d, px, y = x
        r = y - a * px - b
        return m.where(m.abs(r) <= d, r**2 / 2, d * (m.abs(r) - d / 2))
    w1, w2, w3, t1, t2, t3, focal, k1, k2, X, Y, Z, u, v = x  # noqa: N806
    angle = m.sqrt(w1**2 + w2**2 + w3**2)
    a, b, c = w1 / angle, w2 / angle, w3 / angle
    cs, sn = m.cos(angle), m.sin(angle)
    dot = (a * X + b * Y + c * Z) * (1 - cs)
    px = X * cs + (b * Z - c * Y) * sn + a * dot + t1
    py = Y * cs + (c * X - a * Z) * sn + b * dot + t2
    pz = Z * cs + (a * Y - b * X) * sn + c * dot + t3
    xx, yy = -px / pz, -py / pz
    n = xx * xx + yy * yy
    d = 1 + n * (k1 + k2 * n)
    return (focal * d * xx - u) ** 2 + (focal * d * yy - v) ** 2
