"""The primitives in mpmath: the reference from outside that the tests share."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
from mpmath import mpf

PRIMITIVES: dict[str, Callable[..., mpf]] = {
    "add": lambda u, w: u + w,
    "sub": lambda u, w: u - w,
    "mul": lambda u, w: u * w,
    "div": lambda u, w: u / w,
    "pow": mpmath.power,
    "max": max,
    "min": min,
    "mod": lambda u, w: u - w * mpmath.floor(u / w),
    "atan2": mpmath.atan2,
    "hypot": mpmath.hypot,
    "neg": lambda u: -u,
    "abs": abs,
    "sign": mpmath.sign,
    "floor": mpmath.floor,
    "ceil": mpmath.ceil,
    "round": mpmath.nint,
    "sqrt": mpmath.sqrt,
    "cbrt": lambda u: mpmath.sign(u) * mpmath.cbrt(abs(u)),
    "exp": mpmath.exp,
    "exp2": lambda u: mpmath.power(2, u),
    "expm1": mpmath.expm1,
    "ln": mpmath.log,
    "log2": lambda u: mpmath.log(u) / mpmath.log(2),
    "log10": lambda u: mpmath.log(u) / mpmath.log(10),
    "log1p": mpmath.log1p,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "asin": mpmath.asin,
    "acos": mpmath.acos,
    "atan": mpmath.atan,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "asinh": mpmath.asinh,
    "acosh": mpmath.acosh,
    "atanh": mpmath.atanh,
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
}
