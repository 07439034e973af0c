"""The Wengert list: operations in the order they were computed, each on earlier ones.

A node is a number, its place in the list. A scalar is either a node (`int`) or a number
that depends on no input (`float`): constants never become operations, and what can be
computed from constants alone is. Equal operations are made once. Identities that are
exact for every double (1*x, -1*x, x/1, x^1, -(-x), ...) make no operation either.

At a point every node has its value as soon as it is made, so that whatever extends the
list - a tracer, forward mode, reverse mode - can look at values to take its path.

For a table the same list will be made without values: there a condition on the inputs
is itself recorded, and each node carries the condition under which it is valid. Only
`value` and the tracer's decisions at a branch know that a list is at a point.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence

from adcli.errors import DEFAULT_MAX_OPERATIONS, LimitError
from adcli.graph.primitives import (
    ADD,
    COMMUTATIVE,
    CONSTANT,
    DIV,
    FIRST_UNARY,
    INPUT,
    MUL,
    NEG,
    POW,
    SUB,
    compute,
)

# A node, or a number that depends on no input.
Scalar = int | float

_MOST_FOLDED = 100
UNARY = -1
NOWHERE = -1

# The key of an operation in the table of those made: its code and operands in one int.
KEY_SHIFT = 32
KEY_CODES = 6


class Graph:
    """A Wengert list at a point, and the only place that adds to one.

    Attributes:
        is_open: whether its inputs have no values (see `open`).
        op: for each node the code of its primitive, INPUT or CONSTANT.
        left, right: its operands; `right` is UNARY where there is one.
        value: its value.
        where: an index into a program's spans, NOWHERE, or less for what came from
            the prelude (see `tracer`).
        inputs: the input nodes, in order.
        folded: what constants alone made non-finite: (code, operands, value, where).
        max_operations: how many operations there may be.
    """

    is_open = False

    def __init__(self, max_operations: int = DEFAULT_MAX_OPERATIONS) -> None:
        self.op = array("B")
        self.left = array("i")
        self.right = array("i")
        self.value = array("d")
        self.where = array("i")
        self.inputs: list[int] = []
        self.folded: list[tuple[int, tuple[float, ...], float, int]] = []
        self.max_operations = max_operations
        self._most_nodes = max_operations
        self.here = NOWHERE
        self.made: dict[int, int] = {}
        self._constants: dict[float | str, int] = {}

    def __len__(self) -> int:
        return len(self.op)

    def operations(self) -> Iterator[int]:
        """The nodes that are operations, in order."""
        return (i for i, code in enumerate(self.op) if code > CONSTANT)

    def number(self, x: Scalar) -> float:
        """The value of a scalar."""
        return self.value[x] if type(x) is int else x

    def operands(self, node: int) -> tuple[int, ...]:
        """The operands of an operation."""
        right = self.right[node]
        return (self.left[node],) if right == UNARY else (self.left[node], right)

    def parts(self, node: int) -> Sequence[int]:
        """The nodes that an operation is made of."""
        return self.operands(node)

    def reached(self, outputs: Iterable[Scalar]) -> set[int]:
        """Scalars that are nodes, and all nodes that they are computed from."""
        pending = [x for x in outputs if type(x) is int]
        seen = set(pending)
        while pending:
            node = pending.pop()
            if self.op[node] > CONSTANT:
                fresh = set(self.parts(node)) - seen
                seen |= fresh
                pending += fresh
        return seen

    def add_input(self, value: float) -> int:
        """A new independent variable."""
        node = self._append(INPUT, UNARY, UNARY, value)
        self.inputs.append(node)
        return node

    def constant(self, number: float) -> int:
        """The node that stands for a constant among the operands of others."""
        key: float | str = number
        if number == 0:
            key = "-0" if math.copysign(1.0, number) < 0 else "0"
        elif number != number:
            key = "nan"
        node = self._constants.get(key)
        if node is None:
            node = self._constants[key] = self._append(CONSTANT, UNARY, UNARY, number)
        return node

    def apply(self, code: int, x: Scalar, y: Scalar | None = None) -> Scalar:
        """The result of a primitive: an earlier node, a new one, or a constant."""
        if y is None:
            return self.unary(code, x)
        return self.binary(code, x, y)

    def unary(self, code: int, x: Scalar) -> Scalar:
        """The result of a primitive of one argument."""
        if type(x) is not int:
            value = compute(code, x)
            if value - value != 0:
                self.note_folded(code, (x,), value)
            return value
        if code == NEG and self.op[x] == NEG:
            return self.left[x]
        key = (x << KEY_SHIFT) << KEY_CODES | code
        node = self.made.get(key)
        if node is None:
            value = compute(code, self.value[x])
            node = self.made[key] = self._append(code, x, UNARY, value)
        return node

    def binary(self, code: int, x: Scalar, y: Scalar) -> Scalar:
        """The result of a primitive of two arguments."""
        if type(x) is not int:
            if type(y) is not int:
                value = compute(code, x, y)
                if value - value != 0:
                    self.note_folded(code, (x, y), value)
                return value
            if x == 1:
                if code == MUL:
                    return y
                if code == POW:
                    return 1.0
            elif x == -1 and code == MUL:
                return self.unary(NEG, y)
            elif x == 0 and code == ADD and math.copysign(1.0, x) < 0:
                return y
            x = self.constant(x)
        elif type(y) is not int:
            if y == 1:
                if code in (MUL, DIV, POW):
                    return x
            elif y == -1 and code == MUL:
                return self.unary(NEG, x)
            elif y == 0:
                if code == POW:
                    return 1.0
                if code == (ADD if math.copysign(1.0, y) < 0 else SUB):
                    return x
            y = self.constant(y)
        if x > y and code in COMMUTATIVE:
            key = (y << KEY_SHIFT | x) << KEY_CODES | code
        else:
            key = (x << KEY_SHIFT | y) << KEY_CODES | code
        node = self.made.get(key)
        if node is None:
            value = compute(code, self.value[x], self.value[y])
            node = self.made[key] = self._append(code, x, y, value)
        return node

    def node_limit(self) -> int:
        """The number of nodes at which there are too many operations.

        Raises:
            LimitError: there are so many nodes already.
        """
        if len(self.op) >= self._most_nodes:
            raise self.too_many()
        return self._most_nodes

    def allow(self, max_operations: int) -> None:
        """Let there be so many operations, if there may not be more already."""
        more = max(max_operations - self.max_operations, 0)
        self.max_operations += more
        self._most_nodes += more

    def too_many(self) -> LimitError:
        """The error for more operations, or whatever else is counted, than allowed."""
        return LimitError(
            f"more than {self.max_operations:,} operations",
            details=("--max-operations N allows more; a loop or recursion may never end",),
        )

    def note_folded(self, code: int, operands: tuple[float, ...], value: float) -> None:
        """Remember where constants alone began to be non-finite, for blame."""
        if len(self.folded) < _MOST_FOLDED and all(math.isfinite(x) for x in operands):
            self.folded.append((code, operands, value, self.here))

    def _append(self, code: int, x: int, y: int, value: float) -> int:
        node = len(self.op)
        if code > CONSTANT:
            self.node_limit()
        else:
            self._most_nodes += 1  # it is no operation
        self.op.append(code)
        self.left.append(x)
        self.right.append(y)
        self.value.append(value)
        self.where.append(self.here)
        return node


assert FIRST_UNARY > POW
