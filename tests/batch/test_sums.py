"""Exact sums, against sums of fractions."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adcli.batch import sums
from adcli.batch.sums import ExactSum

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def exact(values: list[float], pieces: int = 1) -> float:
    """The sum in several parts, merged backwards."""
    parts = []
    for start in range(pieces):
        part = ExactSum()
        part.add(np.array(values[start::pieces]))
        parts.append(part)
    total = parts.pop()
    while parts:
        total.merge(parts.pop())
    return total.value()


def rounded(values: list[float]) -> float:
    """The sum as a fraction, rounded once."""
    total = sum(map(Fraction, values), Fraction(0))
    try:
        return float(total)
    except OverflowError:
        return math.inf if total > 0 else -math.inf


@given(values=st.lists(FINITE, max_size=30), pieces=st.integers(1, 4))
def test_any_sum(values: list[float], pieces: int) -> None:
    assert exact(values, pieces) == rounded(values)


@pytest.mark.parametrize("count", [*range(9), 100, 1023, 70_000])
def test_sums_of_many_sizes(count: int) -> None:
    values = [random.Random(count + i).gauss(0, 1) * 10.0 ** (i % 17) for i in range(count)]
    assert exact(values) == math.fsum(values)


@pytest.mark.parametrize(
    "values",
    [
        [1e308, 1e308, -1e308],
        [1e308, 1e308, -1e308, -1e308, 5e-324],
        [1.7976931348623157e308, 9.9e291],
        [1e308] * 3,
        [-1e308] * 3,
        [5e-324] * 3,
        [2.0**53, 1.0, 1.0],
        [1.0, 2.0**-53, 2.0**-1074],
        [0.1] * 10,
        [-0.0, 0.0],
    ],
)
def test_sums_at_the_ends_of_the_range(values: list[float]) -> None:
    assert exact(values) == exact(values[::-1], 2) == rounded(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, math.inf, 2.0], math.inf),
        ([-math.inf, 1.0, -math.inf], -math.inf),
        ([math.inf, 1.0, -math.inf], math.nan),
        ([math.nan, 1.0, math.inf], math.nan),
        ([1e308, 1e308, -math.inf], -math.inf),
    ],
)
def test_sums_of_what_is_not_finite(values: list[float], expected: float) -> None:
    for pieces in (1, 2, 3):
        assert repr(exact(values, pieces)) == repr(expected)


def test_no_more_at_once_than_stays_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "_MOST_AT_ONCE", 7)
    values = [random.Random(i).uniform(-1, 1) for i in range(100)]
    assert exact(values) == math.fsum(values)
