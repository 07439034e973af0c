"""Which results depend on which inputs, known from the graph before any derivative is."""

from __future__ import annotations

from collections.abc import Sequence

from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.errors import LimitError
from adcli.evaluate.sets import Numbers, TooManyError, Union, members, over_sets, size_of
from adcli.graph.wengert import Graph, Scalar

# Numbers in a matrix: up to 1.5 GB as text and while it is made.
MAX_NUMBERS = 4_000_000

# Bytes of all sets made in a sweep. More than this come from dense derivatives, where there
# is nothing to be gained.
_MEMORY = 1 << 30
# A sweep is for so many inputs, or results: the sets of a hundred thousand at once would be
# long, and most of each would be empty.
_LEAST_BLOCK = 1 << 15
_MOST_BLOCKS = 16

# For each row the columns of its entries that are not structurally zero, ascending.
Rows = list[Sequence[int]]


def structure(graph: Graph, outputs: Sequence[Scalar], inputs: Sequence[int], what: str) -> Rows:
    """The structure of a Jacobian: a path from an input to a result is an entry.

    A path ends at a structural zero: an arm not taken, a partial that is the literal 0.

    Args:
        graph: the operations.
        outputs: the results, a row each.
        inputs: the input nodes, a column each.
        what: what the matrix is called in messages.

    Returns:
        The columns of the entries of each row; all columns of all rows that depend on
        anything if finding out would take too much memory.

    Raises:
        LimitError: there are more than MAX_NUMBERS entries.
    """
    forwards = len(inputs) <= len(outputs)
    size = len(inputs) if forwards else len(outputs)
    block = max(_LEAST_BLOCK, size // _MOST_BLOCKS)
    rows: list[list[int]] = [[] for _ in outputs]
    count = 0
    try:
        for start in range(0, size, block):
            stop = min(start + block, size)
            if forwards:
                found = _reached(graph, outputs, inputs, start, stop)
            else:
                found = _reaching(graph, outputs, inputs, start, stop)
            for place, numbers in enumerate(found):
                if numbers is None:
                    continue
                count += size_of(numbers)
                if count > MAX_NUMBERS:
                    raise _too_many(what)
                if forwards:
                    rows[place] += [start + j for j in members(numbers)]
                else:
                    for i in members(numbers):
                        rows[start + i].append(place)
    except TooManyError:
        everything = range(len(inputs))
        rows_of_all: Rows = [everything if type(x) is int else [] for x in outputs]
        if entries(rows_of_all) > MAX_NUMBERS:
            raise _too_many(what) from None
        return rows_of_all
    return list(rows)


def _reached(
    graph: Graph, outputs: Sequence[Scalar], inputs: Sequence[int], start: int, stop: int
) -> list[Numbers | None]:
    """For each result the inputs, of those from `start` to `stop`, that it depends on."""
    nodes = [scalar for scalar in outputs if type(scalar) is int]
    seeds = {inputs[j]: frozenset((j - start,)) for j in range(start, stop)}
    found = forward(graph, seeds, over_sets(graph, Union(_MEMORY)), nodes)
    return [found[x] if type(x) is int else None for x in outputs]


def _reaching(
    graph: Graph, outputs: Sequence[Scalar], inputs: Sequence[int], start: int, stop: int
) -> list[Numbers | None]:
    """For each input the results, of those from `start` to `stop`, that depend on it."""
    seeds: dict[int, frozenset[int]] = {}
    for i in range(start, stop):
        node = outputs[i]
        if type(node) is int:  # several results may be one node
            seeds[node] = seeds.get(node, frozenset()) | {i - start}
    found = reverse(graph, seeds, inputs, over_sets(graph, Union(_MEMORY)))
    return [found[node] for node in inputs]


def _too_many(what: str) -> LimitError:
    return LimitError(
        f"the {what} has more than {MAX_NUMBERS:,} entries that are not structurally zero",
        details=("--wrt chooses fewer inputs; jvp, vjp and hvp make no matrix",),
    )


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
