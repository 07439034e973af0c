"""Vectors and matrices of scalars, and the functions of the language that take them.

An array is a shape and a flat list of scalars, row by row; the graph knows scalars only.
Sums of more than a few terms are added in pairs, so that rounding grows with the
logarithm of their number (Higham, Accuracy and Stability, section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable

from adcli.errors import LimitError, ProgramError
from adcli.graph.numbers import number as shown
from adcli.graph.primitives import ABS, ADD, DIV, FIRST_UNARY, HYPOT, MAX, MIN, MUL
from adcli.graph.wengert import Graph, Scalar

_BLOCK = 8


class Array:
    """A vector (shape (n,)) or matrix (shape (m, n)) of scalars."""

    __slots__ = ("items", "shape")

    def __init__(self, shape: tuple[int, ...], items: list[Scalar]) -> None:
        self.shape = shape
        self.items = items


class Several:
    """What a function of several results returns; no item is several itself.

    Attributes:
        items: the results.
        names: for each its name where it is a plain name, else None.
    """

    __slots__ = ("items", "names")

    def __init__(self, items: list[Value], names: list[str | None]) -> None:
        self.items = items
        self.names = names


class Mismatch:
    """What two arms of a branch leave behind when their values have not one shape.

    Attributes:
        yes: the one in words.
        no: the other.
    """

    __slots__ = ("no", "yes")

    def __init__(self, yes: str, no: str) -> None:
        self.yes = yes
        self.no = no


Value = Scalar | Array | Several


def shape_of(value: Value | None) -> tuple[int, ...]:
    """The shape of a value; a scalar's is ()."""
    return value.shape if isinstance(value, Array) else ()


def describe(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    if not shape:
        return "a number"
    if len(shape) == 1:
        return f"a vector of {shape[0]}"
    return f"a {shape[0]} by {shape[1]} matrix"


def check_numbers(*values: Value | None) -> None:
    """Raise unless every value is a scalar or an array.

    Raises:
        ProgramError: one of them is several results at once, or a condition.
    """
    for value in values:
        if isinstance(value, Several):
            raise ProgramError(
                f"a function with {len(value.items)} results cannot be used as one number",
                hint="take them apart first: a, b = ...",
            )
        if isinstance(value, Mismatch):
            raise ProgramError(
                f"this is {value.yes} or {value.no}, as the inputs decide",
                hint="there is no formula for that; adcli grad differentiates at a point",
            )


def stack(items: list[Value]) -> Array:
    """[a, b, c]: a vector of numbers, or a matrix of vectors.

    Raises:
        ProgramError: the items differ in shape, or are matrices.
    """
    check_numbers(*items)
    if not any(isinstance(item, Array) for item in items):
        return Array((len(items),), items)  # type: ignore[arg-type]  # all are scalars
    shape = shape_of(items[0])
    flat: list[Scalar] = []
    for position, item in enumerate(items, 1):
        if shape_of(item) != shape:
            raise ProgramError(
                f"item 1 is {describe(shape)}, item {position} is {describe(shape_of(item))}"
            )
        if isinstance(item, Array):
            flat += item.items
    if len(shape) > 1:
        raise ProgramError("a vector of matrices; there are vectors and matrices only")
    return Array((len(items), *shape), flat)


def elementwise(graph: Graph, code: int, values: list[Value]) -> Value:
    """A primitive over scalars and arrays; scalars spread.

    Raises:
        ProgramError: the shapes do not agree.
    """
    check_numbers(*values)
    if code >= FIRST_UNARY:
        (value,) = values
        if isinstance(value, Array):
            return Array(value.shape, [graph.unary(code, x) for x in value.items])
        assert not isinstance(value, Several)
        return graph.unary(code, value)
    x, y = values
    assert not isinstance(x, Several)
    assert not isinstance(y, Several)
    if isinstance(x, Array):
        if isinstance(y, Array):
            if x.shape != y.shape:
                raise ProgramError(
                    f"shapes do not agree: {describe(x.shape)} and {describe(y.shape)}"
                )
            pairs = zip(x.items, y.items, strict=True)
            return Array(x.shape, [graph.binary(code, a, b) for a, b in pairs])
        return Array(x.shape, [graph.binary(code, a, y) for a in x.items])
    if isinstance(y, Array):
        return Array(y.shape, [graph.binary(code, x, b) for b in y.items])
    return graph.binary(code, x, y)


def _reduce(graph: Graph, code: int, items: list[Scalar], pairwise: int = _BLOCK) -> Scalar:
    """Combine items from the left in blocks, the blocks in pairs."""
    level = items
    size = pairwise
    while True:
        merged: list[Scalar] = []
        for start in range(0, len(level), size):
            total = level[start]
            for item in level[start + 1 : start + size]:
                total = graph.binary(code, total, item)
            merged.append(total)
        if len(merged) == 1:
            return merged[0]
        level = merged
        size = 2


def _array(name: str, value: Value, what: str = "vector") -> Array:
    check_numbers(value)
    if not isinstance(value, Array):
        raise ProgramError(f"{name} takes a {what}, not a number")
    return value


def _sum(graph: Graph, value: Value) -> Value:
    items = _array("sum", value).items
    return _reduce(graph, ADD, items) if items else 0.0


def _prod(graph: Graph, value: Value) -> Value:
    items = _array("prod", value).items
    return _reduce(graph, MUL, items) if items else 1.0


def _extreme(code: int, name: str) -> Callable[[Graph, Value], Value]:
    def extreme(graph: Graph, value: Value) -> Value:
        items = _array(name, value).items
        if not items:
            raise ProgramError(f"{name} of an empty vector")
        return _reduce(graph, code, items)

    return extreme


def _len(graph: Graph, value: Value) -> Value:
    return float(_array("len", value).shape[0])


def _norm(graph: Graph, value: Value) -> Value:
    # hypot in pairs neither overflows nor underflows, and its derivative at 0 is 0.
    items = _array("norm", value).items
    if len(items) == 1:
        return graph.unary(ABS, items[0])
    return _reduce(graph, HYPOT, items, 2) if items else 0.0


def _dot(graph: Graph, x: Value, y: Value) -> Value:
    a, b = _array("dot", x), _array("dot", y)
    if len(a.shape) != 1 or a.shape != b.shape:
        raise ProgramError(
            f"dot takes two vectors of one length, not {describe(a.shape)} and {describe(b.shape)}"
        )
    return _inner(graph, a.items, b.items)


def _inner(graph: Graph, x: list[Scalar], y: list[Scalar]) -> Scalar:
    if not x:
        return 0.0
    return _reduce(graph, ADD, [graph.binary(MUL, a, b) for a, b in zip(x, y, strict=True)])


def _transpose(graph: Graph, value: Value) -> Value:
    array = _array("transpose", value, "matrix")
    if len(array.shape) != 2:
        raise ProgramError(f"transpose takes a matrix, not {describe(array.shape)}")
    rows, columns = array.shape
    items = [array.items[i * columns + j] for j in range(columns) for i in range(rows)]
    return Array((columns, rows), items)


def whole(graph: Graph, value: Value, what: str) -> int:
    """The whole number that a value is.

    Raises:
        ProgramError: it is not one; `what` says what was to be a whole number.
    """
    check_numbers(value)
    if isinstance(value, Array):
        raise ProgramError(f"{what} is a whole number, not {describe(value.shape)}")
    assert not isinstance(value, Several)
    number = graph.number(value)
    if number != number or abs(number) == float("inf") or number != int(number):
        raise ProgramError(f"{what} is a whole number, not {shown(number)}")
    return int(number)


def filled(graph: Graph, number: float, name: str, sizes: list[Value]) -> Array:
    """zeros(n), zeros(m, n), ones(...).

    Raises:
        ProgramError: a length that is not a whole number or is negative.
        LimitError: more elements than there may be operations.
    """
    shape = tuple(whole(graph, size, f"the length in {name}") for size in sizes)
    if min(shape) < 0:
        raise ProgramError(f"{name} with a negative length, {min(shape)}")
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    check_size(graph, count)
    return Array(shape, [number] * count)


def check_size(graph: Graph, count: int) -> None:
    """Refuse, before it is made, an array larger than the limit on operations.

    Raises:
        LimitError: it is.
    """
    if count > graph.max_operations:
        raise LimitError(
            f"a vector of {count:,} elements; the limit is {graph.max_operations:,}",
            details=("--max-operations N allows more",),
        )


def matrix_product(graph: Graph, x: Value, y: Value) -> Value:
    """X @ y for vectors and matrices.

    Raises:
        ProgramError: a number among them, or shapes that do not agree.
    """
    check_numbers(x, y)
    if not isinstance(x, Array) or not isinstance(y, Array):
        raise ProgramError(
            f"'@' multiplies vectors and matrices, not {describe(shape_of(x))} and "
            f"{describe(shape_of(y))}",
            hint="write * for numbers",
        )
    if x.shape[-1] != y.shape[0]:
        raise ProgramError(f"shapes do not agree: {describe(x.shape)} @ {describe(y.shape)}")
    inner = y.shape[0]
    columns = y.shape[1] if len(y.shape) > 1 else 1
    rows = x.shape[0] if len(x.shape) > 1 else 1
    products = rows * columns * inner
    if products > graph.max_operations:
        raise LimitError(
            f"a product of {describe(x.shape)} and {describe(y.shape)} takes {products:,} "
            f"multiplications; the limit is {graph.max_operations:,}",
            details=("--max-operations N allows more",),
        )
    result: list[Scalar] = []
    for i in range(rows):
        row = x.items[i * inner : (i + 1) * inner]
        result += [_inner(graph, row, y.items[j::columns]) for j in range(columns)]
    shape = x.shape[:-1] + y.shape[1:]
    return Array(shape, result) if shape else result[0]


def _mean(graph: Graph, value: Value) -> Value:
    items = _array("mean", value).items
    if not items:
        raise ProgramError("mean of an empty vector")
    return graph.binary(DIV, _reduce(graph, ADD, items), float(len(items)))


# Functions of the language over whole arrays: name -> (implementation, argument count).
FUNCTIONS: dict[str, tuple[Callable[..., Value], int]] = {
    "sum": (_sum, 1),
    "prod": (_prod, 1),
    "mean": (_mean, 1),
    "len": (_len, 1),
    "norm": (_norm, 1),
    "dot": (_dot, 2),
    "transpose": (_transpose, 1),
}
# The same names as primitives of two arguments, of a single vector.
EXTREMES = {"max": _extreme(MAX, "max"), "min": _extreme(MIN, "min")}
FILLED = {"zeros": 0.0, "ones": 1.0}
