"""Values and gradients of the five programs, written by hand.

Each function reads the inputs from x and writes the value and the partials to out. Over
matrices of a row for each input this is NumPy; over vectors of numbers Numba compiles it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

ByHand = Callable[[Any, Any], None]


def running_example(x: Any, out: Any) -> None:
    out[0] = np.log(x[0]) + x[0] * x[1] - np.sin(x[1])
    out[1] = 1 / x[0] + x[1]
    out[2] = x[0] - np.cos(x[1])


def black_scholes(erf: Callable[[Any], Any]) -> ByHand:
    """The price with its Greeks; NumPy has no erf, so whoever has one gives it."""

    def price(x: Any, out: Any) -> None:
        S, K, r, sigma, T = x[0], x[1], x[2], x[3], x[4]  # noqa: N806
        root = np.sqrt(T)
        d1 = (np.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * root)
        first = 0.5 * (1 + erf(d1 / math.sqrt(2)))
        second = 0.5 * (1 + erf((d1 - sigma * root) / math.sqrt(2)))
        owed = K * np.exp(-r * T) * second
        density = S * np.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
        out[0] = S * first - owed
        out[1] = first
        out[2] = -owed / K
        out[3] = T * owed
        out[4] = density * root
        out[5] = density * sigma / (2 * root) + r * owed

    return price


def rosenbrock(x: Any, out: Any) -> None:
    """In as many inputs as there are."""
    out[:] = 0.0
    for i in range(len(x) - 1):
        curve = x[i + 1] - x[i] * x[i]
        rest = 1 - x[i]
        out[0] += 100 * curve * curve + rest * rest
        out[i + 1] += -400 * x[i] * curve - 2 * rest
        out[i + 2] += 200 * curve


def robust_loss(x: Any, out: Any) -> None:
    a, b, d, px, y = x[0], x[1], x[2], x[3], x[4]
    r = y - a * px - b
    size = np.abs(r)
    near = size <= d
    slope = np.where(near, r, d * np.sign(r))
    out[0] = np.where(near, r * r / 2, d * (size - d / 2))
    out[1] = -slope * px
    out[2] = -slope
    out[3] = np.where(near, 0.0, size - d)
    out[4] = -slope * a
    out[5] = slope


def camera(x: Any, out: Any) -> None:
    w1, w2, w3, t1, t2, t3, focal = x[0], x[1], x[2], x[3], x[4], x[5], x[6]
    k1, k2, X, Y, Z, u, v = x[7], x[8], x[9], x[10], x[11], x[12], x[13]  # noqa: N806
    angle = np.sqrt(w1 * w1 + w2 * w2 + w3 * w3)
    a, b, c = w1 / angle, w2 / angle, w3 / angle
    cs, sn = np.cos(angle), np.sin(angle)
    along = a * X + b * Y + c * Z
    dot = along * (1 - cs)
    ax, ay, az = b * Z - c * Y, c * X - a * Z, a * Y - b * X
    px = X * cs + ax * sn + a * dot + t1
    py = Y * cs + ay * sn + b * dot + t2
    pz = Z * cs + az * sn + c * dot + t3
    xx, yy = -px / pz, -py / pz
    n = xx * xx + yy * yy
    d = 1 + n * (k1 + k2 * n)
    eu, ev = focal * d * xx - u, focal * d * yy - v
    out[0] = eu * eu + ev * ev

    # Backwards; g_ is what the value changes by for each unit of what follows the g.
    both = 2 * (eu * xx + ev * yy)
    gd = focal * both
    gn = gd * (k1 + 2 * k2 * n)
    gx, gy = 2 * (focal * d * eu + xx * gn), 2 * (focal * d * ev + yy * gn)
    gpx, gpy, gpz = -gx / pz, -gy / pz, -(gx * xx + gy * yy) / pz
    gdot = gpx * a + gpy * b + gpz * c
    galong = gdot * (1 - cs)
    gcs = gpx * X + gpy * Y + gpz * Z - gdot * along
    gsn = gpx * ax + gpy * ay + gpz * az
    ga = gpx * dot + sn * (gpz * Y - gpy * Z) + galong * X
    gb = gpy * dot + sn * (gpx * Z - gpz * X) + galong * Y
    gc = gpz * dot + sn * (gpy * X - gpx * Y) + galong * Z
    gangle = gsn * cs - gcs * sn - (ga * a + gb * b + gc * c) / angle
    out[1] = ga / angle + gangle * a
    out[2] = gb / angle + gangle * b
    out[3] = gc / angle + gangle * c
    out[4] = gpx
    out[5] = gpy
    out[6] = gpz
    out[7] = d * both
    out[8] = gd * n
    out[9] = gd * n * n
    out[10] = gpx * cs + sn * (gpy * c - gpz * b) + galong * a
    out[11] = gpy * cs + sn * (gpz * a - gpx * c) + galong * b
    out[12] = gpz * cs + sn * (gpx * b - gpy * a) + galong * c
    out[13] = -2 * eu
    out[14] = -2 * ev


def by_hand(name: str, erf: Callable[[Any], Any]) -> ByHand:
    """The function of a program."""
    return {
        "running example": running_example,
        "Black-Scholes": black_scholes(erf),
        "Rosenbrock in 10": rosenbrock,
        "robust loss": robust_loss,
        "camera": camera,
    }[name]
