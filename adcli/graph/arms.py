"""Both arms of a branch that cannot be decided, and what comes of them afterwards."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from adcli.graph.arrays import Array, Mismatch, Several, describe, shape_of
from adcli.graph.conditions import Condition, Truth
from adcli.graph.open import OpenGraph
from adcli.graph.suggest import counted


class Perhaps:
    """The value of a variable that has none unless a turn was taken which assigns it.

    Attributes:
        value: the value.
        where: where it has it.
    """

    __slots__ = ("value", "where")

    def __init__(self, value: Any, where: Condition) -> None:
        self.value = value
        self.where = where


def separate(registers: list[Any]) -> list[Any]:
    """The registers for one arm: arrays are copied, for an arm may change their elements."""
    return [_copy(x) if type(x) in _CHANGE else x for x in registers]


def _copy(x: Any) -> Any:
    if isinstance(x, Perhaps):
        return Perhaps(_copy(x.value), x.where)
    return Array(x.shape, x.items[:]) if isinstance(x, Array) else x


def still(before: Any, value: Any) -> Any:
    """A variable behind an `if` with one arm that assigns it: where it had no value it has none."""
    if before is None or value is None:
        return None
    if not isinstance(before, Perhaps):
        return value
    return Perhaps(value.value if isinstance(value, Perhaps) else value, before.where)


def merged(
    graph: OpenGraph,
    condition: Truth,
    yes: list[Any],
    no: list[Any],
    variables: Collection[int] = (),
) -> list[Any]:
    """The registers after both arms.

    Registers that only one arm uses, for values in between, may hold anything; what is not
    alike becomes a `Mismatch`, which is an error only if it is used.

    Args:
        graph: the graph.
        condition: where the first arm is taken.
        yes: the registers after it.
        no: the registers after the other.
        variables: the registers which keep a value that only one arm has, as `Perhaps`.
    """
    return [
        a if a is b else _one(graph, condition, a, b, keeps=register in variables)
        for register, (a, b) in enumerate(zip(yes, no, strict=True))
    ]


def _one(graph: OpenGraph, condition: Truth, a: Any, b: Any, *, keeps: bool = False) -> Any:
    if isinstance(a, Perhaps) or isinstance(b, Perhaps) or (keeps and (a is None or b is None)):
        return _perhaps(graph, condition, a, b)
    if a is None or b is None:
        return None
    if type(a) in _TRUTHS and type(b) in _TRUTHS:
        return _truth(graph, condition, a, b)
    if type(a) in _SCALARS and type(b) in _SCALARS:
        return graph.select(condition, a, b)
    if isinstance(a, Array) and isinstance(b, Array) and a.shape == b.shape:
        pairs = zip(a.items, b.items, strict=True)
        return Array(a.shape, [graph.select(condition, x, y) for x, y in pairs])
    if isinstance(a, Several) and isinstance(b, Several) and len(a.items) == len(b.items):
        both = zip(a.items, b.items, strict=True)
        items = [x if x is y else _one(graph, condition, x, y) for x, y in both]
        return Several(items, a.names if a.names == b.names else [None] * len(items))
    for value in (a, b):
        if isinstance(value, Mismatch):
            return value
    if type(a) in _VALUES and type(b) in _VALUES:
        return Mismatch(_words(a), _words(b))
    return None


def _perhaps(graph: OpenGraph, condition: Truth, a: Any, b: Any) -> Any:
    """What one arm may have left without a value."""
    (u, has_u), (w, has_w) = _parts(a), _parts(b)
    if u is None or w is None or u is w:
        value = w if u is None else u
    else:
        value = _one(graph, condition, u, w)
    where = _truth(graph, condition, has_u, has_w)
    return Perhaps(value, where) if isinstance(where, Condition) else value


def _parts(x: Any) -> tuple[Any, Truth]:
    """A value and where it is there."""
    return (x.value, x.where) if isinstance(x, Perhaps) else (x, x is not None)


def _words(x: Any) -> str:
    return counted(len(x.items), "result") if isinstance(x, Several) else describe(shape_of(x))


def _truth(graph: OpenGraph, condition: Truth, a: Truth, b: Truth) -> Truth:
    """A if condition else b; `and` and `or` are branches too, where one of them is constant."""
    if a is True:
        return graph.either(condition, b)
    if b is False or b is condition:
        return graph.both(condition, a)
    if a is False:
        return graph.both(graph.negation(condition), b)
    if b is True:
        return graph.either(graph.negation(condition), a)
    return graph.either(graph.both(condition, a), graph.both(graph.negation(condition), b))


_TRUTHS = frozenset({bool, Condition})
_SCALARS = frozenset({int, float})
_VALUES = frozenset({int, float, Array, Several})
_CHANGE = frozenset({Array, Perhaps})
