"""Float kernels with IEEE results: what the C library computes, and what it refuses to.

Python's `math` raises where IEEE 754 has an answer (`log(0)`, `1/0`, overflow). Each
primitive therefore has a fast kernel, and a careful one that is called only when the
fast one raised. A careful kernel may assume that it did.

References: IEEE 754-2019, clause 9.2; ISO C, annex F.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

INF = math.inf
NAN = math.nan


def nan(*_: float) -> float:
    """Outside the domain."""
    return NAN


def infinite(*_: float) -> float:
    """Overflow of a function that is positive there."""
    return INF


def divide(u: float, w: float) -> float:
    """u/w where w is a zero."""
    if u == 0 or u != u:
        return NAN
    return math.copysign(INF, u) * math.copysign(1.0, w)


def power(u: float, w: float) -> float:
    """u^w where `math.pow` raised: a pole at u = 0, overflow, or no real value."""
    odd = w % 2 == 1
    if u == 0:
        return math.copysign(INF, u) if odd else INF
    if u < 0 and w != math.floor(w):
        return NAN
    return -INF if u < 0 and odd else INF


def logarithm(u: float) -> float:
    """ln, log2, log10 at 0 (a pole) and below (no value)."""
    return -INF if u == 0 else NAN


def logarithm_1p(u: float) -> float:
    """log1p at -1 and below."""
    return -INF if u == -1 else NAN


def hyperbolic_sine(u: float) -> float:
    """Sinh where it overflows."""
    return math.copysign(INF, u)


def area_tangent(u: float) -> float:
    """Atanh at ±1 and outside."""
    return math.copysign(INF, u) if abs(u) == 1 else NAN


def sign(u: float) -> float:
    """-1, 0 or 1; nan of nan, and a zero keeps its sign."""
    return math.copysign(1.0, u) if u < 0 or u > 0 else u


def floor(u: float) -> float:
    """The largest whole number not above u."""
    return float(math.floor(u)) or math.copysign(0.0, u)


def ceil(u: float) -> float:
    """The smallest whole number not below u."""
    return float(math.ceil(u)) or math.copysign(0.0, u)


def nearest(u: float) -> float:
    """The nearest whole number, ties to the even one (IEEE roundTiesToEven)."""
    return float(round(u)) or math.copysign(0.0, u)


def itself(u: float) -> float:
    """floor, ceil and round of an infinity or nan."""
    return u


def maximum(u: float, w: float) -> float:
    """The larger; nan if either is (IEEE maximum)."""
    if u > w:
        return u
    if w > u:
        return w
    if u == w:
        return w if math.copysign(1.0, u) < 0 else u
    return NAN


def minimum(u: float, w: float) -> float:
    """The smaller; nan if either is (IEEE minimum)."""
    if u < w:
        return u
    if w < u:
        return w
    if u == w:
        return u if math.copysign(1.0, u) < 0 else w
    return NAN


def negate(u: float) -> float:
    """-u."""
    return -u
