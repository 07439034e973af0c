"""Taylor coefficients from mpmath's values alone, with how far they may be off.

The values of a function at n + 1 points a tiny step h apart determine a polynomial, whose
coefficient k is the function's up to c[n+1]*h^(n+1-k); with n three above the order asked
for, to at least the fourth power of a step of 1e-25. What cancels on the way, 25 digits an
order, is paid for in working precision. No rule of differentiation is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import mpmath
from mpmath import mp, mpf

# Digits of a step below the length over which the function changes.
STEP_DIGITS = 25
MORE_POINTS = 3
# Of the values; mpmath's own are nearly all right, but a remainder cancels some.
GUARD_DIGITS = 60
NOISE_DIGITS = 30

Point = Mapping[str, Any]
# A coefficient, and how far it may be off.
Exact = tuple[mpf, mpf]


def moved(at: Point, direction: Point, t: mpf) -> dict[str, Any]:
    """The point x + t*direction, in mpmath's numbers; what has no direction stays."""
    return {name: _moved(value, direction.get(name), t) for name, value in at.items()}


def _moved(value: Any, step: Any, t: mpf) -> Any:
    if isinstance(value, (list, tuple)):
        steps = step if step is not None else [None] * len(value)
        return [_moved(x, d, t) for x, d in zip(value, steps, strict=True)]
    return mpf(value) if step is None else mpf(value) + mpf(step) * t


def series(function: Callable[[mpf], mpf], order: int, length: float = 1.0) -> list[Exact]:
    """The coefficients of a function of t about 0.

    Args:
        function: of mpmath's numbers.
        order: of the last coefficient.
        length: over what length the function changes: its radius of convergence, or less.
    """
    count = order + MORE_POINTS
    step_exponent = math.floor(math.log10(length)) - STEP_DIGITS
    # A value's digits behind those of h^count, for functions that change over 1 or over h.
    for guard in (GUARD_DIGITS, 6 * GUARD_DIGITS):
        digits = guard + count * max(-step_exponent, STEP_DIGITS)
        with mp.workdps(digits):
            h = mpf(10) ** step_exponent
            values = [function(j * h) for j in range(count + 1)]
            noise = max(map(abs, values)) * mpf(10) ** (NOISE_DIGITS - digits)
            scaled = _polynomial(values)
            found = []
            for k in range(order + 1):
                doubt = max(abs(scaled[k + 2]), abs(scaled[k + 3]), noise)
                found.append((scaled[k] / h**k, doubt / h**k))
        if all(doubt <= abs(value) * mpf(10) ** -20 for value, doubt in found):
            break
    return found


def _polynomial(values: Sequence[mpf]) -> list[mpf]:
    """The coefficients of the polynomial with these values at 0, 1, 2, ..."""
    differences = []
    row = list(values)
    for k in range(len(values)):
        differences.append(row[0] / mpmath.factorial(k))
        row = [after - before for before, after in pairwise(row)]
    # Newton's form by Horner's scheme: times (t - k), plus a difference.
    found = [mpf(0)] * len(values)
    for k in reversed(range(len(values))):
        found = [
            (found[i - 1] if i else mpf(0)) - k * found[i] + (0 if i else differences[k])
            for i in range(len(found))
        ]
    return found


def along(
    function: Callable[..., mpf], at: Point, direction: Point, order: int, length: float = 1.0
) -> list[Exact]:
    """The coefficients of a function of inputs along a line through a point."""
    return series(lambda t: function(**moved(at, direction, t)), order, length)


def error(got: float, exact: Exact, absolute: float = 0.0) -> float:
    """The relative error of a coefficient, as far as it is certain; inf if 0 is missed.

    Args:
        got: the coefficient.
        exact: what it should be.
        absolute: an error that does not count.
    """
    value, doubt = exact
    with mp.workdps(60):
        excess = abs(mpf(got) - value) - doubt - mpf(absolute)
        if excess <= 0:
            return 0.0
        return float(excess / abs(value)) if value else math.inf
