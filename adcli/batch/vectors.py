"""Lists of numbers in cells: vectors and matrices, a column of the program for each element."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adcli.graph.program import element_names


def expanded(names: Iterable[str], vectors: Mapping[str, tuple[int, ...]]) -> list[str]:
    """The names of columns, of vectors those of their elements: x[1], x[2], ..."""
    found: list[str] = []
    for name in names:
        found += element_names(name, vectors[name]) if name in vectors else [name]
    return found


def shape_of_list(value: Any) -> tuple[int, ...]:
    """(n,) of a list of numbers, (n, m) of a list of lists; () of anything else."""
    if not isinstance(value, list) or not value:
        return ()
    if _are_numbers(value):
        return (len(value),)
    if not all(isinstance(row, list) and row and _are_numbers(row) for row in value):
        return ()
    lengths = {len(row) for row in value}
    return (len(value), *lengths) if len(lengths) == 1 else ()


def numbers_in(value: Any, shape: tuple[int, ...]) -> tuple[list[float] | None, str]:
    """The numbers of a value of some shape, row by row; or None, and what is wrong."""
    if not shape:
        return ([value], "") if _are_numbers([value]) else (None, "not a number")
    if shape_of_list(value) == shape:
        return (value if len(shape) == 1 else [x for row in value for x in row]), ""
    return None, f"not {_described(shape)}"


def _described(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"a list of {shape[0]} numbers" if shape[0] != 1 else "a list of one number"
    return f"a list of {shape[0]} lists of {shape[1]} numbers"


def _are_numbers(values: list[Any]) -> bool:
    return {float, int}.issuperset(map(type, values))
