"""A program and its derivatives as one graph for all rows of a table.

The program is traced without values, loops whose length depends on the row in as many turns
as are asked for; reverse mode adds the adjoints, and forward mode over that the second
derivatives. What comes out is a list of scalars with names, for a kernel to compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.differentiate.structure import MAX_NUMBERS
from adcli.errors import DEFAULT_MAX_OPERATIONS, InputError, LimitError
from adcli.evaluate.masked import Masked, over_open, unless_zero, unmasked
from adcli.graph.conditions import Truth
from adcli.graph.open import OpenGraph
from adcli.graph.program import Given, Program, Run, derivative_name
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

    Args:
        program: the program.
        constants: inputs that are the same in all rows.
        shapes: of the other inputs a value of their shape.
        wanted: what is computed.
        turns: of a loop whose length depends on the row, how many are recorded.
        max_operations: the most operations of the program.
        most: the most with those of its derivatives.

    Attributes:
        graph: the graph.
        elements: the names of the columns it reads, with their nodes, in order.
        names: the names of the columns it computes: f, df_dx1, d2f_dx1_dx2.
        outputs: the scalars they are.
        results: the names of the results; those of derivatives come behind them.
        undecided: where this holds the row takes more turns.
        failed: where this holds the row has no result, and its point tells why.
    """

    __slots__ = ("elements", "failed", "graph", "names", "outputs", "results", "undecided")

    def __init__(
        self,
        program: Program,
        constants: Mapping[str, Given],
        shapes: Mapping[str, Given],
        wanted: Wanted,
        turns: int,
        max_operations: int = DEFAULT_MAX_OPERATIONS,
        most: int = DEFAULT_MAX_OPERATIONS,
    ) -> None:
        run = program.open(
            {**shapes, **constants}, max_operations, turns=turns, fixed=frozenset(constants)
        )
        assert isinstance(run.graph, OpenGraph)
        self.graph = run.graph
        self.elements = run.elements
        self.results: list[str] = list(run.results)
        self.names: list[str] = list(run.results)
        self.outputs: list[Scalar] = list(run.results.values())
        if wanted.order:
            # At a point derivatives are not recorded, and not counted.
            self.graph.allow(most)
            self._differentiate(run, wanted)
        self.undecided: Truth = self.graph.undecided
        self.failed: Truth = self.graph.failed

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
        columns_made = len(towards) * (len(towards) + 1) // 2
        if columns_made > MAX_NUMBERS:
            raise LimitError(
                f"{columns_made:,} second derivatives of a row; the limit is {MAX_NUMBERS:,}",
                details=("--wrt chooses some inputs",),
            )
        if len(run.results) != 1:
            raise InputError(
                f"second derivatives are of one result; the program has {len(run.results)}"
            )
        ((name, gradient),) = gradients.items()
        over = over_open(self.graph, exact=True)
        nodes = [x for x in gradient if type(x) is int]
        columns: list[list[Masked | None]] = []
        for node in towards.values():
            v_dot = forward(self.graph, {node: Masked((), 1.0)}, over, nodes)
            columns.append([v_dot[x] if type(x) is int else None for x in gradient])
        for i, one in enumerate(towards):
            for j, other in list(enumerate(towards))[i:]:
                self.names.append(derivative_name(name, one, other))
                self.outputs.append(unless_zero(self.graph, columns[j][i], columns[i][j]))

    def _gradient(self, name: str, output: Scalar, towards: Mapping[str, int]) -> list[Scalar]:
        found: list[Scalar] = [0.0] * len(towards)
        if type(output) is int:
            over = over_open(self.graph, exact=True)
            v_bar = reverse(self.graph, {output: Masked((), 1.0)}, towards.values(), over)
            found = [unmasked(self.graph, v_bar[node]) for node in towards.values()]
        self.names += [derivative_name(name, label) for label in towards]
        self.outputs += found
        return found
