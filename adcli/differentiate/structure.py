"""Which results depend on which inputs, known from the graph before any derivative is."""

from __future__ import annotations

from collections.abc import Sequence

from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.evaluate.sets import TooManyError, Union, members, over_sets
from adcli.graph.wengert import Graph, Scalar

# Bytes. Larger sets than this come from dense derivatives, of which nothing is to be known.
_MEMORY = 1 << 28

# For each row the columns of its entries that are not structurally zero, ascending.
Rows = list[Sequence[int]]


def structure(graph: Graph, outputs: Sequence[Scalar], inputs: Sequence[int]) -> Rows:
    """The structure of a Jacobian: a path from an input to a result is an entry.

    A path ends at a structural zero: an arm not taken, a partial that is the literal 0.

    Args:
        graph: the operations.
        outputs: the results, a row each.
        inputs: the input nodes, a column each.

    Returns:
        The columns of the entries of each row; all columns of all rows if finding out
        would take too much memory.
    """
    nodes = [scalar for scalar in outputs if type(scalar) is int]
    over = over_sets(graph, Union(_MEMORY))
    try:
        if len(inputs) <= len(nodes):
            seeds = {node: frozenset((j,)) for j, node in enumerate(inputs)}
            found = forward(graph, seeds, over, nodes)
            return [
                members(found[x]) if type(x) is int and found[x] is not None else []
                for x in outputs
            ]
        towards: dict[int, frozenset[int]] = {}
        for i, x in enumerate(outputs):
            if type(x) is int:
                towards[x] = towards.get(x, frozenset()) | {i}
        found = reverse(graph, towards, inputs, over)
    except TooManyError:
        everything = range(len(inputs))
        return [everything if type(x) is int else [] for x in outputs]
    rows: list[list[int]] = [[] for _ in outputs]
    for j, node in enumerate(inputs):
        if found[node] is not None:
            for i in members(found[node]):
                rows[i].append(j)
    return list(rows)


def transposed(rows: Sequence[Sequence[int]], columns: int) -> Rows:
    """For each column the rows of its entries, ascending."""
    found: list[list[int]] = [[] for _ in range(columns)]
    for i, row in enumerate(rows):
        for j in row:
            found[j].append(i)
    return list(found)


def entries(rows: Sequence[Sequence[int]]) -> int:
    """How many entries there are."""
    return sum(len(row) for row in rows)
