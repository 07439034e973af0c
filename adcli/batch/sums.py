"""Exact sums of doubles: no rounding before the end, in whatever order they come.

A double is a whole number of 53 bits times a power of two. The numbers of each power are added
up by themselves, in two halves so that no bit is lost, and the whole as one long integer.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_HALF = 26
# The exponent of the least bit of a double, as `frexp` and 53 bits see it.
_LEAST = -1126
# So many halves can be added up in a double without an error.
_MOST_AT_ONCE = 1 << 25


class ExactSum:
    """A sum of doubles.

    Adding up is exact, so that the order in which numbers and parts come does not matter.
    """

    __slots__ = ("_scaled", "_special")

    def __init__(self) -> None:
        self._scaled = 0
        # What is infinite or nan is a sum of its own, which nothing finite changes.
        self._special = 0.0

    def add(self, numbers: Any) -> None:
        """Add an array of doubles (n,)."""
        finite = np.isfinite(numbers)
        if not finite.all():
            for special in set(numbers[~finite].tolist()):
                self._special += special
            numbers = numbers[finite]
        for start in range(0, len(numbers), _MOST_AT_ONCE):
            self._scaled += _scaled(numbers[start : start + _MOST_AT_ONCE])

    def merge(self, other: ExactSum) -> None:
        """Add another sum."""
        self._scaled += other._scaled
        self._special += other._special

    def value(self) -> float:
        """The sum, rounded once."""
        if self._special != 0:
            return self._special
        try:
            return self._scaled / (1 << -_LEAST)
        except OverflowError:
            return math.inf if self._scaled > 0 else -math.inf


def _scaled(numbers: Any) -> int:
    """The sum of finite doubles, times two to the power of -_LEAST."""
    mantissas, exponents = np.frexp(numbers)
    powers = exponents - (53 + _LEAST)
    high = np.trunc(np.ldexp(mantissas, 53 - _HALF))
    low = np.ldexp(mantissas, 53) - np.ldexp(high, _HALF)
    total = 0
    for halves, shift in ((high, _HALF), (low, 0)):
        bins = np.bincount(powers, weights=halves)
        for power in np.flatnonzero(bins).tolist():
            total += int(bins[power]) << (power + shift)
    return total
