"""Many derivatives in as few passes as their structure allows."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from adcli.differentiate import coloring
from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.differentiate.structure import Rows, structure, transposed
from adcli.evaluate.floats import Over, over_floats
from adcli.graph.wengert import Graph, Scalar

# From here on passes are made many at once. Importing numpy takes as long as about so many
# visits of operations one by one, and few lanes gain nothing.
_MANY_VISITS = 200_000
_MANY_PASSES = 8
# Bytes for the vectors of one sweep.
_MEMORY = 1 << 28
_DOUBLE = 8

# From seeds, over numbers or lanes, what a pass finds for each result.
Pass = Callable[[Mapping[int, Any], Over], Sequence[Any]]


class Matrix:
    """A matrix of derivatives, its entries those that are not structurally zero.

    Attributes:
        rows: for each row the columns of its entries, ascending.
        numbers: for each row its entries, in that order.
        width: how many columns there are.
        mode: "forward" or "reverse".
        passes: how many passes were made.
    """

    __slots__ = ("mode", "numbers", "passes", "rows", "width")

    def __init__(
        self, rows: Rows, numbers: Iterable[Iterable[float]], width: int, mode: str, passes: int
    ) -> None:
        self.rows = rows
        # A zero has no sign here: in a lane it would not be kept.
        self.numbers = [array("d", [x + 0.0 for x in row]) for row in numbers]
        self.width = width
        self.mode = mode
        self.passes = passes

    def dense(self) -> list[list[float]]:
        """All rows, with 0.0 where an entry is structurally zero."""
        found = []
        for columns, numbers in zip(self.rows, self.numbers, strict=True):
            if len(columns) == self.width:
                found.append(numbers.tolist())
                continue
            row = [0.0] * self.width
            for j, number in zip(columns, numbers, strict=True):
                row[j] = number
            found.append(row)
        return found

    def first_bad(self) -> tuple[int, int] | None:
        """Row and column of the first entry that is not finite."""
        for i, numbers in enumerate(self.numbers):
            if not math.isfinite(sum(numbers)):
                for j, number in zip(self.rows[i], numbers, strict=True):
                    if not math.isfinite(number):
                        return i, j
        return None


def derivatives(
    graph: Graph, outputs: Sequence[Scalar], inputs: Sequence[int], mode: str = "auto"
) -> Matrix:
    """The Jacobian of scalars of a graph, compressed by a colouring.

    Args:
        graph: the operations.
        outputs: the results, a row each.
        inputs: the input nodes, a column each.
        mode: "forward" makes a pass for each colour of the columns, "reverse" for each
            colour of the rows; "auto" takes what makes fewer, forward if they are equal.

    Raises:
        LimitError: too many entries that are not structurally zero.
    """
    rows = structure(graph, outputs, inputs, "Jacobian")
    columns = transposed(rows, len(inputs))
    by_column = coloring.color_columns(rows, len(inputs)) if mode != "reverse" else []
    by_row = coloring.color_columns(columns, len(outputs)) if mode != "forward" else []
    if mode == "auto":
        few = coloring.count(by_column) <= coloring.count(by_row)
        mode = "forward" if few else "reverse"
    if mode == "forward":
        compressed = push(graph, by_column, outputs, inputs)
        passes = coloring.count(by_column)
        numbers = [[compressed[by_column[j]][i] for j in row] for i, row in enumerate(rows)]
    else:
        compressed = pull(graph, by_row, outputs, inputs)
        passes = coloring.count(by_row)
        numbers = [[compressed[by_row[i]][j] for j in row] for i, row in enumerate(rows)]
    return Matrix(rows, numbers, len(inputs), mode, passes)


def push(
    graph: Graph, colors: Sequence[int], outputs: Sequence[Scalar], inputs: Sequence[int]
) -> list[list[float]]:
    """Forward passes, one for each colour of the inputs.

    Returns:
        For each colour the sum of the derivatives towards its inputs, of each output.
    """
    nodes = [scalar for scalar in outputs if type(scalar) is int]

    def one_pass(seeds: Mapping[int, Any], over: Over) -> list[Any]:
        v_dot = forward(graph, seeds, over, nodes)
        return [v_dot[x] if type(x) is int else None for x in outputs]

    groups = [[inputs[j] for j in group] for group in coloring.groups(colors)]
    return _all_passes(graph, groups, one_pass)


def pull(
    graph: Graph, colors: Sequence[int], outputs: Sequence[Scalar], inputs: Sequence[int]
) -> list[list[float]]:
    """Reverse passes, one for each colour of the outputs.

    Returns:
        For each colour the sum of the derivatives of its outputs, towards each input.
    """

    def one_pass(seeds: Mapping[int, Any], over: Over) -> list[Any]:
        v_bar = reverse(graph, seeds, inputs, over)
        return [v_bar[node] for node in inputs]

    groups = [
        [x for x in (outputs[i] for i in group) if type(x) is int]
        for group in coloring.groups(colors)
    ]
    return _all_passes(graph, groups, one_pass)


def _all_passes(graph: Graph, groups: list[list[int]], one_pass: Pass) -> list[list[float]]:
    """What passes find, each seeded with 1 at a group of nodes: alone, or many at once."""
    many = len(groups) >= _MANY_PASSES and len(groups) * len(graph) >= _MANY_VISITS
    found = _in_lanes(graph, groups, one_pass) if many else [None] * len(groups)
    over = over_floats(graph)
    return [
        _alone(group, one_pass, over) if numbers is None else numbers
        for group, numbers in zip(groups, found, strict=True)
    ]


def _alone(group: Sequence[int], one_pass: Pass, over: Over) -> list[float]:
    return [0.0 if x is None else x for x in one_pass(dict.fromkeys(group, 1.0), over)]


def _in_lanes(graph: Graph, groups: list[list[int]], one_pass: Pass) -> list[list[float] | None]:
    """What the passes find; None for those that have to be made alone."""
    from adcli.evaluate import lanes

    found: list[list[float] | None] = []
    at_once = max(_MANY_PASSES, _MEMORY // (_DOUBLE * len(graph)))
    over = lanes.over_lanes(graph)
    for start in range(0, len(groups), at_once):
        chunk = groups[start : start + at_once]
        seeds: dict[int, Any] = {}
        for lane, group in enumerate(chunk):
            for node in group:
                unit = lanes.unit(len(chunk), lane)
                # Results that are one node are seeded in the lane of each.
                seeds[node] = seeds[node] + unit if node in seeds else unit
        with lanes.quiet():
            results = one_pass(seeds, over)
        for numbers in lanes.columns(results, len(chunk)):
            finite = math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers))
            found.append(numbers if finite else None)
    return found
