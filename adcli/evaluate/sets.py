"""A graph over sets: the arithmetic of which results depend on which inputs.

The chain rule with sets in place of numbers: a set times a partial derivative is the set,
a sum is the union. What is None over numbers, a structural zero, is None here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adcli.evaluate.floats import Over
from adcli.graph.primitives import compute
from adcli.graph.rules import Arithmetic, Partial
from adcli.graph.wengert import Graph
from adcli.language import syntax

# A few numbers as a set, many as the bits of an int: a set of 1,000 would take 32 kB.
Numbers = frozenset[int] | int

_MOST_LISTED = 64
_BYTES_LISTED = 70
_BITS = 8


class _Presence(Arithmetic):
    """The rules, computed only where a condition decides whether a partial is there."""

    def __init__(self) -> None:
        super().__init__(compute)

    def _partial(
        self, value: syntax.Expression, domain: Callable[[Any, Any, Any], bool] | None
    ) -> Partial | float | None:
        found = super()._partial(value, domain)
        return found if found is None or isinstance(value, syntax.Choice) else 1.0


class TooManyError(Exception):
    """The sets take more memory than they may."""


class Union:
    """The union of sets, which counts what it makes.

    Args:
        memory: how many bytes all unions may take together.
    """

    def __init__(self, memory: int) -> None:
        self._left = memory

    def __call__(self, one: Numbers, other: Numbers) -> Numbers:
        """The union; one of the two where that is the union already.

        Raises:
            TooManyError: the memory is used up.
        """
        if one is other:
            return one
        if type(one) is not type(other):
            one, other = as_bits(one), as_bits(other)
        union: Numbers = one | other  # type: ignore[operator]  # of one type
        if union == one:
            return one
        if union == other:
            return other
        if not isinstance(union, int) and len(union) > _MOST_LISTED:
            union = as_bits(union)
        if isinstance(union, int):
            self._left -= union.bit_length() // _BITS
        else:
            self._left -= _BYTES_LISTED * len(union)
        if self._left < 0:
            raise TooManyError
        return union


def as_bits(numbers: Numbers) -> int:
    """A set as the bits of an int."""
    if isinstance(numbers, int):
        return numbers
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits


def size_of(numbers: Numbers) -> int:
    """How many numbers a set has."""
    return numbers.bit_count() if isinstance(numbers, int) else len(numbers)


def members(numbers: Numbers) -> list[int]:
    """The numbers of a set, ascending."""
    if isinstance(numbers, int):
        return [i for i, digit in enumerate(reversed(f"{numbers:b}")) if digit == "1"]
    return sorted(numbers)


def over_sets(graph: Graph, union: Union) -> Over:
    """A sweep that yields sets: seed inputs, or results, with the sets of their numbers."""
    return Over(graph.value, _Presence(), _itself, union, keep=False)


def _itself(numbers: Numbers, partial: float) -> Numbers:
    return numbers
