"""An interpreter's arithmetic over mpmath's numbers, which looks at what it computes.

It notes which features of the language were executed and which way the decisions went,
and turns down a point that is too close to a kink, to the end of a domain, or to the range
of exp. Asked to, it makes an error of rounding in every operation. It shares no code with
the package.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
from mpmath import mpf
from mpmath_functions import PRIMITIVES

ROUNDING = mpf(2) ** -53
LARGEST = 1e5
# How far a point stays away from where a path, a kink or a domain ends.
MARGIN = 0.01
MOST_OPERATIONS = 1500

Environment = dict[str, Any]


class Rejected(Exception):  # noqa: N818  # it is not an error
    """A program or point that says nothing about accuracy; the reason is the message."""


def _positive(u: mpf) -> bool:
    return bool(u > 0.05)


def _apart(u: mpf, w: mpf) -> bool:
    return bool(abs(u - w) > MARGIN)


def _moderate(u: mpf) -> bool:
    return bool(abs(u) < 6)


def _power_is_tame(u: mpf, w: mpf) -> bool:
    if abs(w) > 12:
        return False
    if w == mpmath.floor(w):
        return bool(w >= 0 or abs(u) > 0.05)
    return _positive(u)


def _between_whole_numbers(u: mpf) -> bool:
    return bool(abs(u - mpmath.nint(u)) > MARGIN)


FUNCTIONS: dict[str, Callable[..., mpf]] = {
    **PRIMITIVES,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": mpmath.power,
    "logaddexp": lambda u, w: mpmath.log(mpmath.exp(u) + mpmath.exp(w)),
    "log": mpmath.log,
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log(1 + mpmath.exp(u)),
    "silu": lambda u: u / (1 + mpmath.exp(-u)),
    "relu": lambda u: max(u, mpf(0)),
    "normpdf": mpmath.npdf,
    "normcdf": mpmath.ncdf,
    "sec": mpmath.sec,
}

UNARY = [
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "exp", "exp2", "expm1", "ln", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "erf", "erfc",
]  # fmt: skip

# Where a function may be asked; elsewhere the program is turned down.
TAME: dict[str, Callable[..., bool]] = {
    "/": lambda u, w: abs(w) > 0.05,
    "^": _power_is_tame,
    "max": _apart,
    "min": _apart,
    "mod": lambda u, w: abs(w) > 0.05 and _between_whole_numbers(u / w),
    "atan2": lambda u, w: u * u + w * w > 0.01 and (w > 0 or abs(u) > MARGIN),
    "hypot": lambda u, w: u * u + w * w > 0.01,
    "logaddexp": lambda u, w: abs(u) < 50 and abs(w) < 50,
    "abs": lambda u: abs(u) > MARGIN,
    "sign": lambda u: abs(u) > MARGIN,
    "relu": lambda u: abs(u) > MARGIN,
    "floor": _between_whole_numbers,
    "ceil": _between_whole_numbers,
    "sqrt": _positive,
    "cbrt": lambda u: abs(u) > 0.05,
    "ln": _positive,
    "log": _positive,
    "log2": _positive,
    "log10": _positive,
    "log1p": lambda u: u > -0.9,
    "tan": lambda u: abs(mpmath.cos(u)) > 0.1,
    "sec": lambda u: abs(mpmath.cos(u)) > 0.1,
    "asin": lambda u: abs(u) < 0.95,
    "acos": lambda u: abs(u) < 0.95,
    "atanh": lambda u: abs(u) < 0.95,
    "acosh": lambda u: u > 1.05,
    **dict.fromkeys(
        ["exp", "exp2", "expm1", "sinh", "cosh", "erfc", "normpdf", "normcdf"], _moderate
    ),
}

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Machine:
    """Computes with mpmath's numbers, and looks at what is computed.

    Args:
        noise: the seed of the errors made on purpose; none if None.

    Attributes:
        seen: the features of the language that were executed.
        path: the decisions taken, to be sure that a difference is taken along one path.
    """

    def __init__(self, noise: int | None = None) -> None:
        self._noise = None if noise is None else random.Random(noise)
        self._left = MOST_OPERATIONS
        self.seen: set[str] = set()
        self.path: list[bool] = []

    def apply(self, name: str, *arguments: mpf) -> mpf:
        """The value of a function or operator.

        Raises:
            Rejected: the arguments are not tame, or the value is too large.
        """
        tame = TAME.get(name)
        if tame is not None and not tame(*arguments):
            raise Rejected(f"{name} near an edge")
        return self.round(FUNCTIONS[name](*arguments))

    def round(self, value: mpf) -> mpf:
        """A result as the machine keeps it: with its error, if there are any."""
        self._left -= 1
        if self._left < 0:
            raise Rejected("too long")
        if not abs(value) < LARGEST:
            raise Rejected("too large")
        if self._noise is not None:
            value += value * (ROUNDING if self._noise.random() < 0.5 else -ROUNDING)
        return value

    def compare(self, sign: str, u: mpf, w: mpf) -> bool:
        """A comparison of numbers that depend on the inputs.

        Raises:
            Rejected: they are too close.
        """
        if not _apart(u, w):
            raise Rejected("a comparison too close")
        holds = COMPARISONS[sign](u, w)
        self.path.append(holds)
        return holds

    def spread(self, name: str, *arguments: Any) -> Any:
        """A function over numbers and vectors, element by element."""
        lengths = [len(x) for x in arguments if isinstance(x, list)]
        if not lengths:
            return self.apply(name, *arguments)
        rows = [x if isinstance(x, list) else [x] * lengths[0] for x in arguments]
        return [self.spread(name, *items) for items in zip(*rows, strict=True)]

    def sum(self, items: Sequence[mpf]) -> mpf:
        """The sum of a vector that is not empty."""
        total = items[0]
        for item in items[1:]:
            total = self.apply("+", total, item)
        return total

    def dot(self, x: Sequence[mpf], y: Sequence[mpf]) -> mpf:
        """The inner product."""
        return self.sum([self.apply("*", a, b) for a, b in zip(x, y, strict=True)])
