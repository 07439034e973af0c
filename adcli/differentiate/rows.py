"""A program and its derivatives as one graph for all rows of a table.

The program is traced without values, loops whose length depends on the row in as many turns
as are asked for; reverse mode adds the adjoints, and forward mode over that the second
derivatives. What comes out is a list of scalars with names, for a kernel to compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.errors import DEFAULT_MAX_OPERATIONS, InputError
from adcli.evaluate.masked import Masked, over_open, unmasked
from adcli.graph.conditions import Truth
from adcli.graph.open import OpenGraph
from adcli.graph.program import Given, Program, Run
from adcli.graph.wengert import Scalar


class Wanted:
    """What is computed for each row.

    Attributes:
        order: 0 for the results alone, 1 for their first derivatives too, 2 for the second.
        wrt: the inputs that derivatives are towards; all that are columns if None.
    """

    __slots__ = ("order", "wrt")

    def __init__(self, order: int = 1, wrt: Sequence[str] | None = None) -> None:
        self.order = order
        self.wrt = None if wrt is None else tuple(wrt)


class RowGraph:
    """The graph for all rows.

    Attributes:
        graph: the graph.
        elements: the names of the columns it reads, with their nodes, in order.
        names: the names of the columns it computes: f, df_dx1, d2f_dx1_dx2.
        outputs: the scalars they are.
        undecided: where this holds the row has to be computed in another way.
    """

    __slots__ = ("elements", "graph", "names", "outputs", "undecided")

    def __init__(
        self,
        program: Program,
        constants: Mapping[str, Given],
        shapes: Mapping[str, Given],
        wanted: Wanted,
        turns: int,
        max_operations: int = DEFAULT_MAX_OPERATIONS,
    ) -> None:
        run = program.open(
            {**shapes, **constants}, max_operations, turns=turns, fixed=frozenset(constants)
        )
        assert isinstance(run.graph, OpenGraph)
        self.graph = run.graph
        self.elements = run.elements
        self.names: list[str] = list(run.results)
        self.outputs: list[Scalar] = list(run.results.values())
        if wanted.order:
            self._differentiate(run, wanted)
        self.undecided: Truth = self.graph.undecided

    def _differentiate(self, run: Run, wanted: Wanted) -> None:
        inputs = run.wanted(wanted.wrt)
        towards = {
            label: node
            for item in inputs
            for label, node in zip(item.labels(), item.nodes, strict=True)
        }
        gradients = {name: self._gradient(name, run.results[name], towards) for name in run.results}
        if wanted.order < 2:
            return
        if len(run.results) != 1:
            raise InputError(
                f"second derivatives are of one result; the program has {len(run.results)}"
            )
        ((name, gradient),) = gradients.items()
        over = over_open(self.graph, exact=True)
        labels = list(towards)
        nodes = [x for x in gradient if type(x) is int]
        for i, (label, node) in enumerate(towards.items()):
            v_dot = forward(self.graph, {node: Masked((), 1.0)}, over, nodes)
            # The upper triangle, in the order of its rows.
            for j, derivative in enumerate(gradient[: i + 1]):
                second = v_dot[derivative] if type(derivative) is int else None
                self.names.append(f"d2{name}_d{labels[j]}_d{label}")
                self.outputs.append(unmasked(self.graph, second))
        self._sort_triangle(len(labels))

    def _gradient(self, name: str, output: Scalar, towards: Mapping[str, int]) -> list[Scalar]:
        found: list[Scalar] = [0.0] * len(towards)
        if type(output) is int:
            over = over_open(self.graph, exact=True)
            v_bar = reverse(self.graph, {output: Masked((), 1.0)}, towards.values(), over)
            found = [unmasked(self.graph, v_bar[node]) for node in towards.values()]
        self.names += [f"d{name}_d{label}" for label in towards]
        self.outputs += found
        return found

    def _sort_triangle(self, n: int) -> None:
        """Put the second derivatives, which came by columns, in the order of rows."""
        first = len(self.names) - n * (n + 1) // 2
        order = sorted((i, j) for j in range(n) for i in range(j + 1))
        place = {(i, j): first + j * (j + 1) // 2 + i for i, j in order}
        self.names[first:] = [self.names[place[pair]] for pair in order]
        self.outputs[first:] = [self.outputs[place[pair]] for pair in order]
