"""The Hessian of every result of every sample against its reference in mpmath.

The references are those of `test_samples`, differentiated twice by central differences of
step 1e-22: at 90 digits they are right to 1e-40 or better.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import mpmath
import pytest
from mpmath import mpf
from sample_references import REFERENCES
from test_samples import BOTH, CASES, leaves, load, shape, shaped

import adcli
from adcli.differentiate.hessian import Hessian

DIGITS = 90
STEP = mpf("1e-22")
RELATIVE = mpf("1e-9")
# The smallest entry that is not 0 is 6e-14; the differences of those that are 0 leave 1e-44.
ZERO = mpf("1e-38")

# At (1e-3, -250), with r the result, the entry towards x2 twice is 1/r - x2^2/r^3: of 4e-3
# each, and 6e-14 apart. It may be off by four roundings of what cancels.
CANCELLED = {("hypotenuse", 2, 1, 1): 4 * mpf(2) ** -53 / 250}

EVERY_CASE = pytest.mark.parametrize(("name", "position"), CASES)


@cache
def exact(name: str, position: int) -> list[list[list[Any]]]:
    """For each result of a reference its second derivatives by all numbers of the inputs."""
    at = REFERENCES[name].points[position]
    shapes = list(at.values())

    def results(numbers: list[Any]) -> list[Any]:
        values = shaped(shapes, list(numbers))
        return leaves(REFERENCES[name].function(**dict(zip(at, values, strict=True))))

    with mpmath.workdps(DIGITS):
        point = [mpf(number) for number in leaves(shapes)]
        size, count = len(point), len(results(point))

        def seconds(i: int, j: int) -> list[Any]:
            totals = [mpf(0)] * count
            for first in (1, -1):
                for second in (1, -1):
                    moved = list(point)
                    moved[i] += first * STEP
                    moved[j] += second * STEP
                    for k, value in enumerate(results(moved)):
                        totals[k] += first * second * value
            return [mpmath.chop(total / (4 * STEP**2), ZERO) for total in totals]

        upper = {(i, j): seconds(i, j) for i in range(size) for j in range(i, size)}
        return [
            [[upper[min(i, j), max(i, j)][k] for j in range(size)] for i in range(size)]
            for k in range(count)
        ]


def hessians(name: str, position: int, **options: Any) -> list[Hessian]:
    """What the tool finds, for each result."""
    program, at = load(name), REFERENCES[name].points[position]
    return [program.hessian(at, result=result, **options) for result in program.eval(at)]


def assert_close(got: float, expected: Any, absolute: Any = 0) -> None:
    """Compare relative to what is expected; 0 is to be hit exactly."""
    with mpmath.workdps(DIGITS):
        assert abs(mpf(got) - expected) <= max(RELATIVE * abs(expected), absolute), (
            f"got {got!r}, expected {mpmath.nstr(expected, 20)}"
        )


def labels(at: dict[str, Any]) -> list[str]:
    """The names of the numbers of the inputs."""
    found = []
    for name, value in at.items():
        match shape(value):
            case None:
                found.append(name)
            case [None, *rest]:
                found += [f"{name}[{i}]" for i in range(1, len(rest) + 2)]
            case rows:
                found += [
                    f"{name}[{i},{j}]"
                    for i, row in enumerate(rows, 1)
                    for j in range(1, len(row) + 1)
                ]
    return found


@EVERY_CASE
def test_entries(name: str, position: int) -> None:
    """Each second derivative of each result, without a warning; zeros are zero."""
    expected = exact(name, position)
    found = hessians(name, position)
    assert len(found) == len(expected)
    for one, matrix in zip(found, expected, strict=True):
        assert not one.warnings
        assert len(one.hessian) == len(matrix)
        for i, (row, exact_row) in enumerate(zip(one.hessian, matrix, strict=True)):
            for j, (got, wanted) in enumerate(zip(row, exact_row, strict=True)):
                assert_close(got, wanted, CANCELLED.get((name, position, i, j), 0))


def test_what_cancels_is_the_exception() -> None:
    """All but one entry need no leave; without it that one would fail."""
    for name, position, i, j in CANCELLED:
        (found,), (matrix,) = hessians(name, position), exact(name, position)
        with pytest.raises(AssertionError):
            assert_close(found.hessian[i][j], matrix[i][j])


@EVERY_CASE
def test_value_and_gradient(name: str, position: int) -> None:
    """They are those of `grad`: the same bits in the same mode."""
    program, at = load(name), REFERENCES[name].points[position]
    for found in hessians(name, position):
        reverse = program.grad(at, mode="reverse", result=found.result)
        assert (found.value, found.gradient) == (reverse.value, reverse.gradient)
        auto = program.grad(at, result=found.result)
        assert found.value == auto.value
        assert found.numbers == pytest.approx(auto.numbers, rel=1e-13, abs=0)


@EVERY_CASE
def test_shape_and_symmetry(name: str, position: int) -> None:
    """Rows and columns have the names of the inputs, and mirrored entries the same bits."""
    at = REFERENCES[name].points[position]
    for found in hessians(name, position):
        assert found.columns == labels(at)
        assert [len(row) for row in found.hessian] == [len(found.columns)] * len(found.columns)
        columns = list(zip(*found.hessian, strict=True))
        for row, column in zip(found.hessian, columns, strict=True):
            assert struct.pack(f"{len(row)}d", *row) == struct.pack(f"{len(row)}d", *column)


@EVERY_CASE
def test_structure(name: str, position: int) -> None:
    """The entries listed are those of the matrix; what is not listed is 0."""
    for found, matrix in zip(hessians(name, position), exact(name, position), strict=True):
        size = len(found.columns)
        assert found.matrix.width == size
        assert 0 <= found.colors <= size
        for i, (columns, numbers) in enumerate(
            zip(found.matrix.rows, found.matrix.numbers, strict=True)
        ):
            assert list(columns) == sorted(set(columns))
            assert [found.hessian[i][j] for j in columns] == list(numbers)
            assert {j for j in range(size) if matrix[i][j] != 0} <= set(columns)


@EVERY_CASE
def test_gradients_are_small(name: str, position: int) -> None:
    """The gradient takes at most four times as many operations as the value besides."""
    program, at = load(name), REFERENCES[name].points[position]
    for found in hessians(name, position):
        assert list(found.operations) == ["value", "gradient"]
        assert found.operations["value"] == sum(1 for _ in program.run(at).graph.operations())
        assert found.operations["gradient"] <= 4 * found.operations["value"]


@EVERY_CASE
def test_products(name: str, position: int) -> None:
    """The Hessian times directions, relative to the terms of the sum."""
    program, at = load(name), REFERENCES[name].points[position]
    columns = labels(at)
    for result, matrix in zip(program.eval(at), exact(name, position), strict=True):
        for multiplier in (5, 11):
            numbers = [(multiplier * i % 13 - 6) / 8 for i in range(1, len(columns) + 1)]
            direction = dict(zip(columns, numbers, strict=True))
            found = program.hvp(at, direction=direction, result=result)
            assert not found.warnings
            assert found.direction == direction
            assert list(found.hvp) == list(at)
            assert [shape(x) for x in found.hvp.values()] == [shape(x) for x in at.values()]
            for got, row in zip(leaves(list(found.hvp.values())), matrix, strict=True):
                with mpmath.workdps(DIGITS):
                    terms = [x * mpf(y) for x, y in zip(row, numbers, strict=True)]
                    size = sum(map(abs, terms))
                    assert abs(mpf(got) - sum(terms)) <= RELATIVE * size, result


@pytest.mark.parametrize("name", [name for name in BOTH if len(REFERENCES[name].points[0]) > 1])
def test_inputs_alone(name: str) -> None:
    """Towards one input: its block of the matrix and its part of the gradient."""
    at = REFERENCES[name].points[1]
    program: adcli.Program = load(name)
    for found, matrix in zip(hessians(name, 1), exact(name, 1), strict=True):
        for wrt in at:
            block = program.hessian(at, wrt=wrt, result=found.result)
            assert block.columns == labels({wrt: at[wrt]})
            assert block.gradient == {wrt: found.gradient[wrt]}
            chosen = [found.columns.index(column) for column in block.columns]
            for i, row in zip(chosen, block.hessian, strict=True):
                for j, got in zip(chosen, row, strict=True):
                    assert_close(got, matrix[i][j])
