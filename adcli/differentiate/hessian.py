"""The Hessian of one scalar result, and its products: forward mode over reverse mode.

Reverse mode records the gradient into the graph; forward mode then differentiates that,
in a pass for each colour of a star colouring. There is no rule for second derivatives.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.differentiate import coloring, directions
from adcli.differentiate.coloring import NONE
from adcli.differentiate.diagnosis import Failed, diagnosis
from adcli.differentiate.forward import forward
from adcli.differentiate.jacobian import check_dense
from adcli.differentiate.passes import Matrix, push
from adcli.differentiate.reverse import reverse
from adcli.differentiate.structure import Rows, structure
from adcli.errors import InputError
from adcli.evaluate.floats import over_floats, over_graph
from adcli.graph.primitives import CONSTANT
from adcli.graph.program import Given, Input, Run, arrange, labels
from adcli.graph.wengert import Graph, Scalar

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic


class Recorded:
    """The gradient of a result as a part of the graph, and the result's value.

    Attributes:
        result: the name of the result.
        value: its value.
        inputs: the inputs differentiated, in order.
        nodes: their nodes.
        gradient: the derivatives, as scalars of the graph.
        value_operations: how many operations the program took.
        gradient_operations: how many more the gradient takes.
    """

    __slots__ = (
        "gradient",
        "gradient_operations",
        "inputs",
        "nodes",
        "result",
        "value",
        "value_operations",
    )

    def __init__(self, run: Run, result: str, inputs: list[Input]) -> None:
        graph = run.graph
        output = run.results[result]
        self.result = result
        self.value = graph.number(output)
        self.inputs = inputs
        self.nodes = [node for item in inputs for node in item.nodes]
        self.value_operations = sum(code > CONSTANT for code in graph.op[: run.size])
        found: list[Scalar | None] = [None] * len(self.nodes)
        if type(output) is int:
            v_bar = reverse(graph, {output: 1.0}, self.nodes, over_graph(graph))
            found = [v_bar[node] for node in self.nodes]
        self.gradient: list[Scalar] = [0.0 if x is None else x for x in found]
        operations = sum(code > CONSTANT for code in graph.op)
        self.gradient_operations = operations - self.value_operations

    def numbers(self, run: Run) -> list[float]:
        """The gradient as numbers."""
        return [run.graph.number(x) for x in self.gradient]

    def warnings(self, run: Run, second: Mapping[int, float] | None) -> list[Diagnostic]:
        """What is not finite or a convention.

        Args:
            run: the program at a point.
            second: the seeds of a forward pass over the gradient that is not finite.
        """
        failed = None
        if not all(map(math.isfinite, self.numbers(run))):
            output = run.results[self.result]
            if type(output) is int:
                failed = Failed("reverse", {output: 1.0})
        elif second is not None:
            wanted = [x for x in self.gradient if type(x) is int]
            failed = Failed("forward", second, wanted, run.size)
        finite = math.isfinite(self.value)
        return diagnosis(run, [self.result], self.nodes, finite=finite, failed=failed)


class _SecondOrder:
    """What the results of this module have in common: value and gradient."""

    __slots__ = ("inputs", "numbers", "operations", "result", "value", "warnings")

    def __init__(self, run: Run, recorded: Recorded, warnings: list[Diagnostic]) -> None:
        self.result = recorded.result
        self.value = recorded.value
        self.inputs = recorded.inputs
        self.numbers = recorded.numbers(run)
        self.operations = {
            "value": recorded.value_operations,
            "gradient": recorded.gradient_operations,
        }
        self.warnings = warnings

    @property
    def gradient(self) -> dict[str, Any]:
        """For each input a number, a list, or a list of rows, in its own shape."""
        return arrange(self.inputs, self.numbers)


class Hessian(_SecondOrder):
    """The matrix of second derivatives of one result, symmetric to the last bit.

    Attributes:
        result: the name of the result.
        value: its value.
        inputs: the inputs differentiated, in order.
        numbers: the gradient, one an element of the inputs.
        operations: how many operations the value took, and the gradient besides.
        columns: the names of the rows and columns.
        matrix: the derivatives; `.hessian` has them as a list of rows.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = ("columns", "matrix")

    def __init__(
        self, run: Run, recorded: Recorded, matrix: Matrix, warnings: list[Diagnostic]
    ) -> None:
        super().__init__(run, recorded, warnings)
        self.columns = labels(recorded.inputs)
        self.matrix = matrix

    @property
    def hessian(self) -> list[list[float]]:
        """The matrix as a list of rows.

        Raises:
            LimitError: it is too large.
        """
        check_dense("Hessian", len(self.columns), len(self.columns))
        return self.matrix.dense()

    @property
    def colors(self) -> int:
        """The colours of the columns: so many passes were made over the gradient."""
        return self.matrix.passes

    def __repr__(self) -> str:
        size = len(self.columns)
        return f"Hessian({self.result}={self.value!r}, {size} x {size}, {self.colors} colors)"


class Hvp(_SecondOrder):
    """The Hessian of one result times a direction.

    Attributes:
        result: the name of the result.
        value: its value.
        inputs: the inputs differentiated, in order.
        operations: how many operations the value took, and the gradient besides.
        direction: the direction by element of the inputs.
        numbers: the gradient, one an element of the inputs.
        product: the product, likewise.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = ("direction", "product")

    def __init__(
        self,
        run: Run,
        recorded: Recorded,
        direction: dict[str, float],
        product: list[float],
        warnings: list[Diagnostic],
    ) -> None:
        super().__init__(run, recorded, warnings)
        self.direction = direction
        self.product = product

    @property
    def hvp(self) -> dict[str, Any]:
        """For each input a number, a list, or a list of rows, in its own shape."""
        return arrange(self.inputs, self.product)

    def __repr__(self) -> str:
        return f"Hvp({self.result}={self.value!r}, hvp={self.hvp!r})"


def hessian(run: Run, wrt: str | Sequence[str] | None = None, result: str | None = None) -> Hessian:
    """Differentiate one result of a run twice. The gradient is recorded in the run's graph.

    Args:
        run: the program at a point.
        wrt: the inputs to differentiate with respect to; all if None.
        result: the name of the result; needed if there are several.

    Raises:
        InputError: no such input or result, or several results and none named.
        LimitError: too many operations, or entries that are not structurally zero.
    """
    name = run.result(result, "a Hessian")
    recorded = Recorded(run, name, run.wanted(wrt))
    graph, nodes = run.graph, recorded.nodes
    rows = structure(graph, recorded.gradient, nodes, "Hessian")
    both = _symmetric(rows)
    colors = coloring.color_symmetric(both)
    matrix = _recovered(graph, recorded, rows, both, colors)
    bad = matrix.first_bad()
    second = None
    if bad is not None:
        # Whichever of the two it was read from.
        second = {nodes[bad[0]]: 1.0, nodes[bad[1]]: 1.0}
    return Hessian(run, recorded, matrix, recorded.warnings(run, second))


def hvp(
    run: Run,
    direction: Mapping[str, Given],
    wrt: str | Sequence[str] | None = None,
    result: str | None = None,
) -> Hvp:
    """The Hessian times a direction, in one pass over the gradient.

    Args:
        run: the program at a point.
        direction: numbers by input (in its shape) or element; what is left out is 0.
        wrt: the inputs that the Hessian is of; all if None.
        result: the name of the result; needed if there are several.

    Raises:
        InputError: no such input or result, several results and none named, or a
            direction of another shape, or in an input that the Hessian is not of.
        LimitError: too many operations.
    """
    name = run.result(result, "a Hessian")
    full = directions.direction(run, direction)
    inputs = run.wanted(wrt)
    known = set(labels(inputs))
    for label in full:
        if label not in known:
            raise InputError(f"the direction has '{label}', which --wrt leaves out")
    recorded = Recorded(run, name, inputs)
    graph, elements = run.graph, run.elements
    seeds = {elements[label]: x for label, x in full.items() if x != 0}
    wanted = [x for x in recorded.gradient if type(x) is int]
    v_dot = forward(graph, seeds, over_floats(graph), wanted)
    numbers = [(v_dot[x] if type(x) is int else None) or 0.0 for x in recorded.gradient]
    second = seeds if not all(map(math.isfinite, numbers)) else None
    return Hvp(run, recorded, full, numbers, recorded.warnings(run, second))


def _symmetric(rows: Rows) -> Rows:
    """The structure and its mirror.

    They are the same but where a convention makes a structural zero of one of the two.
    """
    if all(len(row) == len(rows) for row in rows):
        return rows
    both = [set(row) for row in rows]
    for i, row in enumerate(rows):
        for j in row:
            both[j].add(i)
    return [sorted(row) for row in both]


def _recovered(
    graph: Graph, recorded: Recorded, rows: Rows, both: Rows, colors: Sequence[int]
) -> Matrix:
    """The matrix, from passes for each colour.

    An entry or its mirror is read where it is alone in its colour. Where only one of them
    is finite, or only one not structurally zero, a convention was used for that: the other
    counts.
    """
    gradient, nodes = recorded.gradient, recorded.nodes
    compressed = push(graph, colors, gradient, nodes)
    size, passes = len(rows), len(compressed)
    finite = all(math.isfinite(x) for row in compressed for x in row)
    if finite and rows is both and passes == size:  # each column had a pass of its own
        numbers = [[compressed[j][i] for j in range(i)] + compressed[i][i:] for i in range(size)]
        return Matrix(rows, numbers, size, "forward", size)
    own = [frozenset(row) for row in rows]
    counts = [Counter(colors[j] for j in row) for row in both]

    def readable(i: int, j: int) -> bool:
        return j in own[i] and (i == j or counts[i][colors[j]] == 1)

    # Entries that can be read nowhere need a pass of their own column.
    alone = sorted(
        {j for i, row in enumerate(rows) for j in row if i not in own[j] and not readable(i, j)}
    )
    if passes + len(alone) > size:  # then a pass for each column is less
        return _recovered(graph, recorded, rows, both, range(size))
    single = [NONE] * size
    for color, j in enumerate(alone):
        single[j] = color
    extra = dict(zip(alone, push(graph, single, gradient, nodes), strict=True)) if alone else {}

    def entry(i: int, j: int) -> float:
        """The derivative of gradient component i or j, i at most j."""
        found = [compressed[colors[b]][a] for a, b in ((i, j), (j, i)) if readable(a, b)]
        found += [extra[b][a] for a, b in ((i, j), (j, i)) if b in extra and b in own[a]]
        return next((x for x in found if not math.isfinite(x)), found[0])

    numbers = [[entry(min(i, j), max(i, j)) for j in row] for i, row in enumerate(both)]
    return Matrix(both, numbers, size, "forward", passes + len(alone))
