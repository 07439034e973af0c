"""The drawing of the graph: what is on it, and along which arcs a derivative flows.

The graph is read a second time here, from its columns of codes and operands; numbers are
compared with mpmath, 60 digits, over that second reading: tangents with differences of
shifted inputs, partial derivatives with differences of single operations, adjoints with the
chain rule over those. An interpreter computes a program from nothing but its drawing.
"""

# ruff: noqa: E501  # a program reads better on one line

from __future__ import annotations

import itertools
import math
import operator
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

import pytest
from derivative_graphs import flatten, same_bits
from halves import half
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from mpmath_functions import PRIMITIVES
from reference_machine import Rejected
from test_jacobian import Made, make

import adcli
from adcli.differentiate import diagram as module
from adcli.differentiate.diagram import (
    CHOICE,
    COMPARED,
    CONDITION,
    CONSTANT,
    DECIDES,
    IF_FALSE,
    IF_TRUE,
    INPUT,
    OPERAND,
    OPERATION,
    OUTSIDE,
    RESULT,
    Arc,
    Diagram,
    Vertex,
    diagram,
    drawings,
    part,
    structure,
    warnings,
)
from adcli.errors import InputError, LimitError, ProgramError, Source
from adcli.graph import conditions, primitives
from adcli.graph.conditions import Condition
from adcli.graph.history import History, Place
from adcli.graph.open import SELECT, OpenGraph, UndecidedError
from adcli.graph.primitives import compute, row_of
from adcli.graph.program import Program, Run

INF, NAN = math.inf, math.nan
DIGITS = 60
# Of one operation on doubles; and of what many have added up to, each with its rounding.
TIGHT, LOOSE = 1e-13, 1e-9
STEP = mpf("1e-20")
MODES = ("forward", "reverse")
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def ran(text: str, at: Mapping[str, Any] | None = None) -> Run:
    """A program at a point, with its history."""
    return Program(Source(text, "test")).run(at or {}, history=History())


def opened(text: str, shapes: Mapping[str, Any] | None = None) -> Run:
    """A program without values, with its history."""
    return structure(Program(Source(text, "test")), shapes or {})


def drawn(text: str, at: Mapping[str, Any] | None = None, **options: Any) -> Diagram:
    """The one drawing of a program; without a point, of its structure."""
    (found,) = drawings(opened(text) if at is None else ran(text, at), **options)
    return found


# A second reading of the graph.


def operands(run: Run, node: int) -> list[int]:
    """The operands of a node, from the columns."""
    graph = run.graph
    if graph.op[node] in (primitives.INPUT, primitives.CONSTANT):
        return []
    return [x for x in (graph.left[node], graph.right[node]) if x >= 0]


def compared(condition: Condition) -> list[int]:
    """The nodes that a condition looks at, each once."""
    own = [x for x in condition.scalars if type(x) is int]
    inner = [x for one in condition.parts for x in compared(one)]
    return list(dict.fromkeys(own + inner))


def chooses(run: Run, node: int) -> Condition | None:
    """The condition of a choice."""
    graph = run.graph
    return graph.chooses.get(node) if isinstance(graph, OpenGraph) else None


def reach(run: Run, *, through_conditions: bool) -> list[int]:
    """For each node the set of nodes it is computed from and itself, as bits."""
    found: list[int] = []
    for node in range(len(run.graph)):
        bits = 1 << node
        condition = chooses(run, node)
        looked_at = compared(condition) if condition and through_conditions else []
        for other in [*operands(run, node), *looked_at]:
            bits |= found[other]
        found.append(bits)
    return found


def bits_of(nodes: Sequence[Any]) -> int:
    """A set of nodes as bits; constants are none."""
    return sum({1 << node for node in nodes if type(node) is int})


def expected_part(run: Run, wrt: str | None, result: str | None) -> tuple[set[int], list[str]]:
    """What depends on an input and leads to a result: nodes and results, by the second reading."""
    codes = run.graph.op
    nodes = {node for node, code in enumerate(codes) if code != primitives.CONSTANT}
    results = list(run.results) if result is None else [result]
    if result is not None:
        scalar = run.results[result]
        below = reach(run, through_conditions=True)
        needed = below[scalar] if type(scalar) is int else 0
        nodes = {node for node in nodes if needed >> node & 1}
    if wrt is not None:
        moved = bits_of([node for item in run.inputs if item.name == wrt for node in item.nodes])
        below = reach(run, through_conditions=False)
        nodes = {node for node in nodes if below[node] & moved}
        scalars = {name: run.results[name] for name in results}
        results = [name for name, x in scalars.items() if type(x) is int and below[x] & moved]
    return nodes, results


def names_of(run: Run) -> dict[int, str]:
    """The names of the elements of the inputs, by node."""
    found = {}
    for item in run.inputs:
        for position, node in enumerate(item.nodes):
            if not item.shape:
                found[node] = item.name
            elif len(item.shape) == 1:
                found[node] = f"{item.name}[{position + 1}]"
            else:
                row, column = divmod(position, item.shape[1])
                found[node] = f"{item.name}[{row + 1},{column + 1}]"
    return found


def around(place: Place | None) -> list[Place]:
    """A place and those around it, the outermost first."""
    found = []
    while place is not None:
        found.append(place)
        place = place.parent
    return found[::-1]


def made_in(run: Run) -> list[Place | None]:
    """Where each node was made, as the history says."""
    return [None] * len(run.graph) if run.history is None else run.history.places(run.graph)[0]


def outside_arms(run: Run) -> list[list[Place]]:
    """Of an open graph where each node holds.

    It is made in some arms; it holds outside of the first that not all its uses are in.
    """
    paths = list(map(around, made_in(run)))

    def used(node: Any, user: list[Place]) -> None:
        if type(node) is int:
            own = paths[node]
            arms = [k for k, x in enumerate(own) if x.kind in ("yes", "no") and x not in user]
            paths[node] = own[: arms[0]] if arms else own

    for result in run.results.values():
        used(result, [])
    for node in reversed(range(len(paths))):
        condition = chooses(run, node)
        for other in compared(condition) if condition else operands(run, node):
            used(other, paths[node])
    return paths


def same(one: float | None, other: float | None) -> bool:
    """Whether two numbers have the same bits, or neither is there."""
    if one is None or other is None:
        return one is other
    return same_bits(one, other)


class Reading:
    """A drawing, taken apart and compared with the graph it is of.

    Attributes:
        into: for each vertex the arcs to it, in order.
        out: for each vertex the arcs from it.
        at: the vertex of each node.
        nodes: the nodes that are drawn, those outside not among them.
    """

    def __init__(self, drawing: Diagram) -> None:
        self.drawing = drawing
        self.run = drawing.run
        self.vertices = drawing.vertices
        self.into: dict[int, list[Arc]] = defaultdict(list)
        self.out: dict[int, list[Arc]] = defaultdict(list)
        for arc in drawing.arcs:
            self.into[arc.head].append(arc)
            self.out[arc.tail].append(arc)
        self.at: dict[int, int] = {}
        for index, vertex in enumerate(self.vertices):
            if vertex.node is not None:
                assert vertex.node not in self.at, "a node that is drawn twice"
                self.at[vertex.node] = index
        self.nodes = {node for node, k in self.at.items() if self.vertices[k].kind != OUTSIDE}

    def check(self, results: Sequence[str]) -> None:
        """Each vertex is one of the graph, with the arcs it should have."""
        vertices, graph = self.vertices, self.run.graph
        assert self.drawing.has_values is not graph.is_open
        assert all(arc.tail < arc.head for arc in self.drawing.arcs)
        assert set(self.into) | set(self.out) <= set(range(len(vertices)))
        self.places()
        if self.run.history is not None:
            self.decisions(self.run.history.places(graph)[1])
        seen: set[int] = set()
        order = [x.node for x in vertices if x.kind in (INPUT, OPERATION, CHOICE)]
        assert order == sorted(order)
        for index, vertex in enumerate(vertices):
            arcs = self.into[index]
            if vertex.node is not None:
                value = None if graph.is_open else graph.value[vertex.node]
                assert same(vertex.value, value)
            match vertex.kind:
                case "input":
                    self.leaf(index, vertex, primitives.INPUT)
                case "outside":
                    assert not arcs
                    assert self.out[index]
                    assert vertex.derivative is None
                    assert not vertex.steps
                case "constant":
                    assert (vertex.node, arcs, len(self.out[index])) == (None, [], 1)
                    assert vertex.formula is not None
                    assert vertex.formula.is_number
                    assert same(vertex.value, vertex.formula.value)
                    head = vertices[self.out[index][0].head]
                    assert vertex.place is head.place
                case "operation":
                    self.operation(vertex, arcs)
                case "choice":
                    self.choice(vertex, arcs)
                case "condition":
                    self.condition(vertex, arcs, seen)
                case "result":
                    assert (vertex.node, vertex.place, self.out[index]) == (None, None, [])
                case _:
                    raise AssertionError(vertex.kind)
            if graph.is_open and vertex.kind not in (CONSTANT, RESULT):
                assert vertex.value is None
        self.results(results)

    def places(self) -> None:
        """At a point a node is where it was made; without values, in no arm its uses are not in."""
        nodes = {node: self.vertices[k].place for node, k in self.at.items()}
        if self.run.graph.is_open:
            paths = outside_arms(self.run)
            assert all(around(place) == paths[node] for node, place in nodes.items())
        else:
            made = made_in(self.run)
            assert all(place is made[node] for node, place in nodes.items())

    def leaf(self, index: int, vertex: Vertex, code: int) -> None:
        """An input."""
        assert vertex.node is not None
        assert self.run.graph.op[vertex.node] == code
        assert not self.into[index]
        assert vertex.formula is not None
        assert vertex.name == vertex.formula.name == names_of(self.run)[vertex.node]

    def operand(self, index: int, node: int) -> None:
        """The vertex that stands for an operand: its own, or a constant."""
        vertex, graph = self.vertices[index], self.run.graph
        if graph.op[node] == primitives.CONSTANT:
            assert vertex.kind == CONSTANT
            assert same(vertex.value, graph.value[node])
        else:
            assert vertex.node == node

    def operation(self, vertex: Vertex, arcs: list[Arc]) -> None:
        """An operation, with an arc from each of its operands."""
        node, graph = vertex.node, self.run.graph
        assert node is not None
        assert primitives.CONSTANT < graph.op[node] < SELECT
        right = operands(self.run, node)
        assert [arc.role for arc in arcs] == [OPERAND] * len(right)
        for arc, other in zip(arcs, right, strict=True):
            self.operand(arc.tail, other)
        assert vertex.formula is not None
        assert vertex.formula.row is row_of(graph.op[node])
        for formula, other in zip(vertex.formula.operands, right, strict=True):
            is_constant = graph.op[other] == primitives.CONSTANT
            assert formula.node == (None if is_constant else other)
            assert formula.is_number == is_constant
            assert same(formula.value, graph.value[other])

    def choice(self, vertex: Vertex, arcs: list[Arc]) -> None:
        """A choice, with arcs from its condition and its arms."""
        assert vertex.node is not None
        assert self.run.graph.op[vertex.node] == SELECT
        assert vertex.condition is chooses(self.run, vertex.node)
        assert [arc.role for arc in arcs] == [DECIDES, IF_TRUE, IF_FALSE]
        decided = self.vertices[arcs[0].tail]
        assert (decided.kind, decided.condition) == (CONDITION, vertex.condition)
        for arc, other in zip(arcs[1:], operands(self.run, vertex.node), strict=True):
            self.operand(arc.tail, other)

    def condition(self, vertex: Vertex, arcs: list[Arc], seen: set[int]) -> None:
        """A condition, with arcs from the nodes it looks at; each is there once."""
        assert (vertex.node, vertex.value, vertex.derivative) == (None, None, None)
        if vertex.condition is not None:
            assert self.run.graph.is_open
            assert vertex.condition.index not in seen
            seen.add(vertex.condition.index)
            nodes = compared(vertex.condition)
        else:
            assert vertex.decision is not None
            nodes = list(dict.fromkeys(x for x in vertex.decision.scalars if type(x) is int))
        assert [arc.role for arc in arcs] == [COMPARED] * len(nodes)
        assert sorted(arc.tail for arc in arcs) == sorted(self.at[node] for node in nodes)

    def decisions(self, made: Sequence[Any]) -> None:
        """Comparisons that were made on what is drawn, each once and in its place."""
        own = [(k, x.decision) for k, x in enumerate(self.vertices) if x.decision is not None]
        right = {}
        for one in made:
            if self.nodes.intersection(x for x in one.scalars if type(x) is int):
                right.setdefault((one.sign, repr(one.scalars)), one)
        assert [(x.sign, repr(x.scalars)) for _, x in own] == list(right)
        for (index, one), other in zip(own, right.values(), strict=True):
            values = [self.run.graph.number(x) for x in one.scalars]
            assert one.holds is SIGNS[one.sign](*values)
            assert self.vertices[index].place is other.place
            for node, position in self.at.items():
                if self.vertices[position].kind != OUTSIDE:
                    assert (node < other.before) == (position < index)

    def results(self, names: Sequence[str]) -> None:
        """The results, in order, each with an arc from what it is."""
        graph = self.run.graph
        own = [(k, x) for k, x in enumerate(self.vertices) if x.kind == RESULT]
        assert len(own) == len(names)
        assert len({vertex.name for _, vertex in own}) == len(own)
        for (index, vertex), name in zip(own, names, strict=True):
            scalar = self.run.results[name]
            (arc,) = self.into[index]
            assert arc.role == OPERAND
            source = self.vertices[arc.tail]
            assert vertex.formula is not None
            if type(scalar) is int:
                assert source.node == vertex.formula.node == scalar
                assert same(vertex.value, None if graph.is_open else graph.value[scalar])
            else:
                assert source.kind == CONSTANT
                assert vertex.formula.is_number
                assert same(source.value, scalar)
                assert same(vertex.value, scalar)

    def evaluate(self, numbers: Mapping[str, float]) -> list[float]:
        """The results, computed along the arcs of the drawing."""
        found: dict[int, Any] = {}
        for index, vertex in enumerate(self.vertices):
            tails = [found[arc.tail] for arc in self.into[index]]
            match vertex.kind:
                case "input":
                    found[index] = numbers[vertex.name]
                case "constant":
                    found[index] = vertex.value
                case "operation":
                    assert vertex.formula is not None
                    assert vertex.formula.row is not None
                    found[index] = compute(vertex.formula.row.code, *tails)
                case "condition":
                    found[index] = self.holds(vertex, found)
                case "choice":
                    found[index] = tails[1] if tails[0] else tails[2]
                case "result":
                    (found[index],) = tails
        return [found[k] for k, x in enumerate(self.vertices) if x.kind == RESULT]

    def holds(self, vertex: Vertex, found: Mapping[int, Any]) -> bool:
        """Whether a condition holds there."""

        def scalar(x: Any) -> float:
            return x if type(x) is float else found[self.at[x]]

        def of(condition: Condition) -> bool:
            if condition.kind == conditions.COMPARE:
                one, other = condition.scalars
                return SIGNS[condition.sign](scalar(one), scalar(other))
            truths = [of(one) for one in condition.parts]
            if condition.kind == conditions.NOT:
                return not truths[0]
            return all(truths) if condition.kind == conditions.AND else any(truths)

        if vertex.condition is not None:
            return of(vertex.condition)
        assert vertex.decision is not None
        one, other = vertex.decision.scalars
        return SIGNS[vertex.decision.sign](scalar(one), scalar(other))


# The numbers of a pass.

# Primitives that are constant piece by piece.
STEPS = ("sign", "floor", "ceil", "round")


class Exact:
    """A graph at a point in 60 digits, and its partial derivatives there.

    Attributes:
        values: of each node.
        partials: of each operation towards its operands, by position.
        rounded: the same, of operands that are the graph's doubles.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.names = {
            node: row_of(run.graph.op[node]).name
            for node in range(len(run.graph))
            if run.graph.op[node] > primitives.CONSTANT
        }
        with mp.workdps(DIGITS):
            self.values = self.evaluate({})
            self.partials = {node: self.slopes(node, self.values) for node in self.names}
            self.rounded = {node: self.slopes(node, run.graph.value) for node in self.names}

    def evaluate(self, shifts: Mapping[int, mpf]) -> list[mpf]:
        """All values, with some nodes shifted."""
        found: list[mpf] = []
        for node, value in enumerate(self.run.graph.value):
            if node in self.names:
                own = [found[x] for x in operands(self.run, node)]
                number = PRIMITIVES[self.names[node]](*own)
            else:
                number = mpf(value)
            found.append(number + shifts.get(node, 0))
        return found

    def slopes(self, node: int, values: Sequence[Any]) -> list[mpf]:
        """∂node/∂operand for each operand, from differences."""
        own = [mpf(values[x]) for x in operands(self.run, node)]
        function = PRIMITIVES[self.names[node]]
        found = []
        for position in range(len(own)):
            above, below = own[:], own[:]
            above[position] += STEP
            below[position] -= STEP
            found.append((function(*above) - function(*below)) / (2 * STEP))
        return found

    def is_steady(self) -> bool:
        """Whether no tangent or adjoint feels that values are rounded, and nothing jumps here."""
        slopes = itertools.chain(*self.partials.values(), *self.rounded.values())
        if any(abs(x) * STEP > 1e-6 for x in slopes):
            return False
        with mp.workdps(DIGITS):
            seeds = [{node: 1.0} for node in self.run.graph.inputs]
            ends = [{x: 1.0} for x in self.run.results.values() if type(x) is int]
            return all(
                abs(a - b) <= LOOSE / 10 * size
                for chained, of in ((self.chained, seeds), (self.adjoints, ends))
                for seed in of
                for a, b, size in zip(
                    chained(seed, self.partials),
                    chained(seed, self.rounded),
                    chained(seed, self.absolute),
                    strict=True,
                )
            )

    @cached_property
    def absolute(self) -> dict[int, list[mpf]]:
        """The partial derivatives without their signs."""
        return {node: [abs(x) for x in own] for node, own in self.partials.items()}

    def is_zero(self, node: int, position: int) -> bool:
        """Whether a derivative towards an operand is 0 whatever the numbers are."""
        other = operands(self.run, node)
        if self.names[node] in STEPS or self.run.graph.op[other[position]] == primitives.CONSTANT:
            return True
        if self.names[node] in ("max", "min"):
            own, rest = (self.run.graph.value[x] for x in (other[position], other[1 - position]))
            return own < rest if self.names[node] == "max" else own > rest
        return False

    def tangents(self, seed: Mapping[int, float]) -> list[mpf]:
        """Of all nodes, from values at shifted inputs."""
        above = self.evaluate({node: STEP * x for node, x in seed.items()})
        below = self.evaluate({node: -STEP * x for node, x in seed.items()})
        return [(a - b) / (2 * STEP) for a, b in zip(above, below, strict=True)]

    def chained(self, seed: Mapping[int, float], slopes: Mapping[int, Sequence[mpf]]) -> list[mpf]:
        """The chain rule from the inputs on; with `absolute` the sizes of what is added up."""
        found: list[mpf] = []
        for node in range(len(self.run.graph)):
            pairs = zip(operands(self.run, node), slopes.get(node, ()), strict=True)
            flow = sum((found[x] * slope for x, slope in pairs), mpf(0))
            found.append(flow + seed.get(node, 0))
        return found

    def adjoints(self, seed: Mapping[int, float], slopes: Mapping[int, Sequence[mpf]]) -> list[mpf]:
        """The same from the results back."""
        found = [mpf(seed.get(node, 0)) for node in range(len(self.run.graph))]
        for node in reversed(range(len(self.run.graph))):
            pairs = zip(operands(self.run, node), slopes.get(node, ()), strict=True)
            for x, slope in pairs:
                found[x] += found[node] * slope
        return found

    def moved(self, seed: Mapping[int, float]) -> set[int]:
        """The nodes whose tangents are not 0 whatever the numbers are."""
        found = {node for node, x in seed.items() if x != 0}
        for node in self.names:
            for position, x in enumerate(operands(self.run, node)):
                if x in found and not self.is_zero(node, position):
                    found.add(node)
        return found

    def reached(self, seed: Sequence[int]) -> set[int]:
        """The nodes that an adjoint comes to."""
        found = set(seed)
        for node in reversed(self.names):
            if node in found:
                own = enumerate(operands(self.run, node))
                found |= {x for position, x in own if not self.is_zero(node, position)}
        return found


def close(got: float | None, right: mpf, size: mpf, relative: float) -> None:
    """A number, to so much of a size."""
    assert got is not None
    assert abs(mpf(got) - right) <= relative * size + mpf("1e-30"), f"{got!r}, not {float(right)!r}"


class CheckedPass:
    """A drawing of a pass whose numbers are compared with exact ones."""

    def __init__(self, drawing: Diagram, exact: Exact, results: Sequence[str] = ()) -> None:
        assert drawing.traced is not None
        names = results or list(drawing.run.results)
        own = [x for x in drawing.vertices if x.kind == RESULT]
        self.results = dict(zip(names, own, strict=True))
        self.drawing = drawing
        self.exact = exact
        self.run = drawing.run
        self.reading = Reading(drawing)
        self.vertices = drawing.vertices
        self.seed = drawing.traced.seed

    def check(self) -> None:
        """Partial derivatives, tangents or adjoints, and where they flow."""
        with mp.workdps(DIGITS):
            self.arcs()
            if self.drawing.mode == "forward":
                self.forward()
            else:
                self.reverse()

    def source(self, vertex: int) -> int | None:
        """The node that a result is."""
        (arc,) = self.reading.into[vertex]
        return self.vertices[arc.tail].node

    def arcs(self) -> None:
        """The partial derivative on each arc of an operation, from the doubles on its operands."""
        for index, vertex in enumerate(self.vertices):
            arcs = self.reading.into[index]
            if vertex.kind != OPERATION:
                for arc in arcs:
                    assert (arc.partial, arc.value) == (None, None)
                continue
            assert vertex.node is not None
            own = operands(self.run, vertex.node)
            for position, arc in enumerate(arcs):
                is_zero = self.exact.is_zero(vertex.node, position)
                assert (arc.partial is None) == (arc.value is None) == is_zero
                right = self.exact.rounded[vertex.node][position]
                if arc.value is not None:
                    assert arc.partial is not None
                    close(arc.value, right, abs(right), TIGHT)
                    assert arc.partial.value == arc.value
                    assert arc.is_whole == (len(own) == len(set(own)))
                elif self.vertices[arc.tail].kind != CONSTANT:
                    assert right == 0

    def forward(self) -> None:
        """Tangents at every node, and where they come from."""
        nodes = {name: node for node, name in names_of(self.run).items()}
        seed = {nodes[name]: x for name, x in self.seed.items()}
        assert seed.keys() == set(self.run.graph.inputs)
        exact = self.exact.tangents(seed)
        sizes = self.exact.chained({node: abs(x) for node, x in seed.items()}, self.exact.absolute)
        for index, vertex in enumerate(self.vertices):
            if vertex.kind in (CONSTANT, CONDITION, OUTSIDE):
                assert (vertex.derivative, vertex.steps) == (None, [])
                continue
            node = self.source(index) if vertex.kind == RESULT else vertex.node
            if node is None:
                assert vertex.derivative == 0
            else:
                close(vertex.derivative, exact[node], sizes[node], LOOSE)
            (step,) = vertex.steps
            assert same(step.value, vertex.derivative)
            if vertex.kind == OPERATION:
                arcs = self.reading.into[index]
                self.sum(vertex.derivative, [(arc.value, arc.tail) for arc in arcs])

    def sum(self, total: float | None, terms: list[tuple[float | None, int]]) -> None:
        """A derivative is the sum of those it is made of, times the partials on the arcs."""
        products = []
        for value, index in terms:
            other = self.vertices[index]
            if value is not None and other.kind != OUTSIDE:
                assert other.derivative is not None
                products.append(value * other.derivative)
        size = math.fsum(map(abs, products))
        assert total is not None
        assert abs(total - math.fsum(products)) <= 1e-14 * size

    def reverse(self) -> None:
        """Adjoints at every node, and where they come from."""
        scalars = {self.run.results[name]: x for name, x in self.seed.items() if x != 0}
        seed = {node: x for node, x in scalars.items() if type(node) is int}
        exact = self.exact.adjoints(seed, self.exact.partials)
        sizes = self.exact.adjoints(seed, self.exact.absolute)
        reached = self.exact.reached(list(seed))
        for name, vertex in self.results.items():
            assert (vertex.derivative, vertex.steps) == (self.seed[name], [])
        for index, vertex in enumerate(self.vertices):
            if vertex.kind == RESULT:
                continue
            if vertex.kind not in (INPUT, OPERATION):
                assert (vertex.derivative, vertex.steps) == (None, [])
                continue
            assert vertex.node is not None
            close(vertex.derivative or 0.0, exact[vertex.node], sizes[vertex.node], LOOSE)
            if vertex.node not in reached:
                assert vertex.derivative == (0 if vertex.kind == INPUT else None)
                assert vertex.steps == []
                continue
            assert same(vertex.steps[-1].value, vertex.derivative)
            flowing = [arc for arc in self.reading.out[index] if arc.flows]
            assert len(vertex.steps) == len(flowing)
            terms = [(1.0 if arc.value is None else arc.value, arc.head) for arc in flowing]
            self.sum(vertex.derivative, terms)

    def flows(self) -> None:
        """The pass goes along an arc if there is something to pass on, and a way to."""
        nodes = {name: node for node, name in names_of(self.run).items()}
        if self.drawing.mode == "forward":
            live = self.exact.moved({nodes[name]: x for name, x in self.seed.items()})
        else:
            seeded = [self.run.results[name] for name, x in self.seed.items() if x != 0]
            live = self.exact.reached([node for node in seeded if type(node) is int])
        begins = [x for name, x in self.results.items() if self.seed.get(name)]
        for arc in self.drawing.arcs:
            tail, head = self.vertices[arc.tail], self.vertices[arc.head]
            right = False
            if head.kind == RESULT and self.drawing.mode == "reverse":
                right = head in begins and tail.node is not None
            elif tail.kind != OUTSIDE and head.kind in (RESULT, OPERATION):
                node = tail.node if self.drawing.mode == "forward" else head.node
                right = node in live and (head.kind == RESULT or arc.partial is not None)
            assert arc.flows is right, (tail.node, head.node)


# Generated programs.

COUNT = 40


@cache
def generated() -> list[tuple[Made, Run, Exact]]:
    """Programs with their graphs, the same in every run."""
    found = []
    for seed in itertools.count():
        try:
            made = make(random.Random(f"diagram {seed}"))
        except Rejected:
            continue
        run = ran(made.program.text, made.program.at)
        exact = Exact(run)
        if exact.is_steady():
            found.append((made, run, exact))
        if len(found) == COUNT:
            return found
    raise AssertionError


EACH = pytest.mark.parametrize("index", half(range(COUNT)))


def all_drawings(run: Run, mode: str) -> list[Diagram]:
    """All its passes of a mode, of which there are as many as there should be."""
    found = drawings(run, mode)
    assert len(found) == {"forward": len(run.graph.inputs), "reverse": len(run.results)}[mode]
    return found


def check_graph(run: Run) -> None:
    """The graph alone: everything is drawn, and computes what the program does."""
    (drawing,) = drawings(run)
    reading = Reading(drawing)
    reading.check(list(run.results))
    right = expected_part(run, None, None)
    assert part(run, None, None) == right
    assert reading.nodes == right[0]
    assert len(reading.at) == len(reading.nodes)
    assert (drawing.mode, drawing.traced) == ("", None)
    for arc in drawing.arcs:
        assert (arc.partial, arc.value, arc.flows) == (None, None, False)
    for vertex in drawing.vertices:
        assert (vertex.derivative, vertex.steps) == (None, [])
    numbers = {name: run.graph.value[node] for node, name in names_of(run).items()}
    results = reading.evaluate(numbers)
    assert list(map(repr, results)) == list(map(repr, run.values().values()))


@EACH
def test_graph(index: int) -> None:
    """Every operation once, with its operands; constants where they are used; results."""
    check_graph(generated()[index][1])


@EACH
def test_history_disturbs_nothing(index: int) -> None:
    """With a history the graph is the same, to the bit."""
    made, run, _ = generated()[index]
    alone = adcli.load(made.program.text).run(made.program.at)
    for column in ("op", "left", "right", "value", "where"):
        assert getattr(alone.graph, column).tobytes() == getattr(run.graph, column).tobytes()
    assert repr(alone.results) == repr(run.results)
    assert (alone.equalities, alone.kinks) == (run.equalities, run.kinks)


@pytest.mark.parametrize("mode", MODES)
@EACH
def test_passes(index: int, mode: str) -> None:
    """Partial derivatives, tangents at every node, and adjoints, in each pass."""
    made, run, exact = generated()[index]
    for k, drawing in enumerate(all_drawings(run, mode)):
        assert drawing.mode == mode
        Reading(drawing).check(list(run.results))
        checked = CheckedPass(drawing, exact)
        checked.check()
        # What comes out is a column or row of the Jacobian of the program in mpmath.
        if mode == "forward":
            got = [x.derivative for x in checked.results.values()]
            right = [row[k] for row in made.table]
        else:
            got = [x.derivative for x in drawing.vertices if x.kind == INPUT]
            right = made.table[k]
        sizes = [max(abs(x), mpf("1e-3")) for x in right]
        for number, entry, size in zip(got, right, sizes, strict=True):
            close(number, entry, size, LOOSE)


@pytest.mark.parametrize("mode", MODES)
@EACH
def test_flows(index: int, mode: str) -> None:
    """The arcs that a pass goes along."""
    _, run, exact = generated()[index]
    for drawing in all_drawings(run, mode):
        CheckedPass(drawing, exact).flows()


@EACH
def test_adjoints_are_derivatives(index: int) -> None:
    """Of some nodes: the adjoint is how the result moves when the node is moved."""
    _, run, exact = generated()[index]
    for name, drawing in zip(run.results, drawings(run, "reverse"), strict=True):
        scalar = run.results[name]
        vertices = [x for x in drawing.vertices if x.kind in (INPUT, OPERATION)]
        for vertex in random.Random(name).sample(vertices, min(4, len(vertices))):
            assert vertex.node is not None
            with mp.workdps(DIGITS):
                right = size = mpf(0)
                if type(scalar) is int:
                    above = exact.evaluate({vertex.node: STEP})[scalar]
                    right = (above - exact.evaluate({vertex.node: -STEP})[scalar]) / (2 * STEP)
                    size = exact.adjoints({scalar: 1.0}, exact.absolute)[vertex.node]
                close(vertex.derivative or 0.0, right, size, LOOSE)


@EACH
def test_parts(index: int) -> None:
    """What depends on an input and leads to a result, with passes over it."""
    _, run, exact = generated()[index]
    chosen = [None, *(item.name for item in run.inputs)]
    for wrt, result in itertools.product(chosen, [None, *run.results]):
        nodes, results = expected_part(run, wrt, result)
        items = None if wrt is None else run.wanted(wrt)
        if not results:
            with pytest.raises(InputError, match=f"nothing that is drawn depends on {wrt}"):
                part(run, items, result)
            continue
        assert part(run, items, result) == (nodes, results)
        elements = sum(len(item.nodes) for item in (run.inputs if items is None else items))
        passes = {"": 1, "forward": elements, "reverse": len(results)}
        for mode in passes:
            found = drawings(run, mode, wrt=wrt, result=result)
            assert len(found) == passes[mode]
            for drawing in found[:1]:
                reading = Reading(drawing)
                assert reading.nodes == nodes
                reading.check(results)
                if mode:
                    CheckedPass(drawing, exact, results).check()


@EACH
def test_directions(index: int) -> None:
    """One forward pass along any direction."""
    _, run, exact = generated()[index]
    chooser = random.Random(f"direction {index}")
    seed = {name: chooser.choice([0.0, 1.0, -2.5, 0.3]) for name in names_of(run).values()}
    (drawing,) = drawings(run, "forward", seed=seed)
    assert drawing.traced is not None
    assert drawing.traced.seed == seed
    Reading(drawing).check(list(run.results))
    CheckedPass(drawing, exact).check()


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False))
def test_any_program(chooser: random.Random) -> None:
    """The same of a program that hypothesis can make simpler."""
    try:
        made = make(chooser)
    except Rejected:
        reject()
    run = ran(made.program.text, made.program.at)
    exact = Exact(run)
    if not exact.is_steady():
        reject()
    check_graph(run)
    for mode in MODES:
        for drawing in all_drawings(run, mode):
            Reading(drawing).check(list(run.results))
            CheckedPass(drawing, exact).check()


# Without values.


def check_open(run: Run) -> Reading:
    """A graph without values is drawn: what results need, and all operations but some.

    Choices that no result needs are left out; an operation on one of those may be drawn,
    if what it is made of is.
    """
    (drawing,) = drawings(run)
    reading = Reading(drawing)
    reading.check(list(run.results))
    assert not [x for x in drawing.vertices if x.kind == OUTSIDE]
    below = reach(run, through_conditions=True)
    needed = 0
    for scalar in run.results.values():
        needed |= below[scalar] if type(scalar) is int else 0
    codes = run.graph.op
    unused = {node for node, code in enumerate(codes) if code == SELECT and not needed >> node & 1}
    nodes = {node for node, code in enumerate(codes) if code != primitives.CONSTANT}
    hidden = bits_of(sorted(unused))
    assert {node for node in nodes if not below[node] & hidden} <= reading.nodes <= nodes
    used = set()
    for node in reading.nodes:
        condition = chooses(run, node)
        used |= {*operands(run, node), *(compared(condition) if condition else ())}
    assert reading.nodes & unused <= used
    conditions_drawn = {x.condition.index for x in drawing.vertices if x.kind == CONDITION and x.condition}  # fmt: skip
    right = {run_condition.index for node in reading.nodes if (run_condition := chooses(run, node))}
    assert conditions_drawn == right
    # Everything on it has a name.
    assert all(node in run.labels.numbers for node in reading.at)
    return reading


def check_computes(reading: Reading, points: Sequence[Mapping[str, Any]]) -> None:
    """Along the arcs of a structure the results come out that running the program has."""
    program = adcli.load(reading.run.program.source.text)
    for at in points:
        right = list(program.eval(at).values())
        assert list(map(repr, reading.evaluate(dict(flatten(at))))) == list(map(repr, right))


@cache
def moved(index: int) -> dict[str, Any]:
    """The inputs of a generated program on the other side of 0."""

    def negative(value: Any) -> Any:
        return [negative(x) for x in value] if isinstance(value, list) else -value

    return {name: negative(value) for name, value in generated()[index][0].program.at.items()}


def has_structure(index: int) -> bool:
    """Whether a generated program has a graph without values."""
    made, _, _ = generated()[index]
    try:
        Program(Source(made.program.text, "test")).open(made.program.at)
    except UndecidedError:
        return False
    return True


@EACH
def test_generated_structures(index: int) -> None:
    """Of the generated programs, if they have one."""
    made, _, _ = generated()[index]
    if has_structure(index):
        reading = check_open(opened(made.program.text, made.program.at))
        check_computes(reading, [made.program.at, moved(index)])
    else:
        with pytest.raises(ProgramError, match="the inputs has no graph without values"):
            opened(made.program.text, made.program.at)


def test_generated_programs_have_everything() -> None:
    """Enough of the programs have what is tested above."""
    runs = [run for _, run, _ in generated()]
    assert sum(has_structure(index) for index in range(COUNT)) >= COUNT // 2
    codes = [
        {row_of(code).name for code in run.graph.op if code > primitives.CONSTANT} for run in runs
    ]
    assert sum(bool(names & set(STEPS)) for names in codes) >= 5
    assert sum(bool(names & {"max", "min"}) for names in codes) >= 5
    results = [list(map(repr, run.results.values())) for run in runs]
    assert sum(any("." in x for x in own) for own in results) >= 5
    assert sum(len(own) > len(set(own)) for own in results) >= 5
    inputs = [set(map(repr, run.graph.inputs)) for run in runs]
    assert sum(bool(a & set(b)) for a, b in zip(inputs, results, strict=True)) >= 5
    kinds = [[x.kind for x in drawings(run)[0].vertices] for run in runs]
    assert sum(CONDITION in own for own in kinds) >= 10
    pairs = [zip(run.graph.left, run.graph.right, strict=True) for run in runs]
    assert sum(any(x == y >= 0 for x, y in own) for own in pairs) >= 5


X = [{"x": x} for x in (-INF, -2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, 3.0, INF, NAN)]
XY = [{"x": x, "y": y} for x, y in itertools.product([-2.0, 0.0, 0.3, 1.0, 2.0], repeat=2)]

STRUCTURES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "choice": ("if x > 0 then sqrt(x) else x^2", X),
    "in a choice": ("if x > 0 then (if x > 1 then x else 2*x) else if x > -1 then 3 else x", X),
    "of constants": ("if x > 0 then 1 else 2", X),
    "of a constant": ("if x > 0 then x else 2", X),
    "of a choice": ("(if (if x > 0 then x else 1 - x) > 1 then x else 2)^2", X),
    "logic": ("if (x > 0 or x < -1) and not (x < 1 or x > 2) then x else 2*x", X),
    "chain": ("if -1 <= x < 1 <= 2*x + 1 != 3 then x else 2", X),
    "one condition": ("(if x > 0 then x else 1) + (if x > 0 then 2*x else 3)", X),
    "one arm": ("f(x) = { y = 1; if x > 0 { y = x }; y }", X),
    "temporaries": ("f(x) = { y = 0; if x > 0 { t = x^2; u = t + 1; y = u*t }; y }", X),
    "in a loop": ("f(x) = { y = 0; for i in 1..3 { if y*x > i { y += x } else { y -= i } }; y }", X),
    "in a function": ("g(a) = if a > 1 then a else 2*a\nf(x) = g(x) - g(-x)/g(g(x))", X),
    "prelude": ("f(x) = [relu(x), clamp(x, 0, 1), sigmoid(x), softplus(x)]", X),
    "no choice": ("f(x) = { y = x; for i in 1..3 { y = y*(1 - y) }; y }", X),
    "two inputs": ("if x > y then x/y else y - x", XY),
    "sorted": ("f(x, y) = { a = x; b = y; if a > b { a = y; b = x }; a, b }", XY),
    "results": ("f(x, y) = x, 2, if x > y then x else y, y, x", XY),
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures(name: str) -> None:
    """Structures are drawn with their choices and compute what the program does."""
    text, points = STRUCTURES[name]
    check_computes(check_open(opened(text)), points)


def lines(drawing: Diagram) -> list[str]:
    """A drawing in words: a vertex with what its arcs come from, a line each."""
    reading = Reading(drawing)
    names: list[str] = []
    found = []
    computed, decided = itertools.count(1), itertools.count(1)
    for index, vertex in enumerate(drawing.vertices):
        tails = [names[arc.tail] for arc in reading.into[index]]
        match vertex.kind:
            case "input":
                name = line = vertex.name
            case "constant":
                name = line = f"{vertex.value:g}"
            case "operation":
                assert vertex.formula is not None
                assert vertex.formula.row is not None
                name = f"v{next(computed)}"
                line = f"{name} = {vertex.formula.row.name}({', '.join(tails)})"
            case "choice":
                name = f"v{next(computed)}"
                line = "{} = if {} then {} else {}".format(name, *tails)
            case "condition":
                name = f"c{next(decided)}"
                line = f"{name}: {condition_text(vertex, reading, names)} ({', '.join(tails)})"
            case "result":
                name, line = "", f"{vertex.name} = {tails[0]}"
            case _:
                name = line = f"outside {vertex.node}"
        names.append(name)
        found.append(line)
    return found


def condition_text(vertex: Vertex, reading: Reading, names: Sequence[str]) -> str:
    """A condition, and at a point whether it holds."""

    def scalar(x: Any) -> str:
        return names[reading.at[x]] if type(x) is int else f"{x:g}"

    def of(condition: Condition) -> str:
        if condition.kind == conditions.COMPARE:
            one, other = map(scalar, condition.scalars)
            return f"{one} {condition.sign} {other}"
        word = {conditions.AND: " and ", conditions.OR: " or ", conditions.NOT: ""}[condition.kind]
        text = word.join(f"({of(one)})" for one in condition.parts)
        return f"not {text}" if condition.kind == conditions.NOT else text

    if vertex.condition is not None:
        return of(vertex.condition)
    assert vertex.decision is not None
    one, other = map(scalar, vertex.decision.scalars)
    return f"{one} {vertex.decision.sign} {other} is {str(vertex.decision.holds).lower()}"


# A program, a point (None for its structure), options, and the drawing.
IN_WORDS: dict[str, tuple[str, dict[str, Any] | None, dict[str, Any], list[str]]] = {
    "operations": (
        "x*y - sin(y)", {"x": 2, "y": 5}, {},
        ["x", "y", "v1 = mul(x, y)", "v2 = sin(y)", "v3 = sub(v1, v2)", "z = v3"],
    ),
    "a constant for each use": (
        "2*x + x^2", {"x": 3}, {},
        ["x", "2", "v1 = mul(2, x)", "2", "v2 = pow(x, 2)", "v3 = add(v1, v2)", "y = v3"],
    ),
    "made once": ("sin(x)*sin(x)", {"x": 3}, {}, ["x", "v1 = sin(x)", "v2 = mul(v1, v1)", "y = v2"]),
    "inputs that are not used": ("f(x, u, w) = w^x", {"x": 3, "u": 1, "w": 2}, {},
        ["x", "u", "w", "v1 = pow(w, x)", "y = v1"]),
    "operations that are not used": ("f(x) = { t = sin(x); x }", {"x": 3}, {},
        ["x", "v1 = sin(x)", "y = x"]),
    "a choice": (
        "if x > 0 then 2*x else x", None, {},
        ["x", "2", "v1 = mul(2, x)", "c1: x > 0 (x)", "v2 = if c1 then v1 else x", "y = v2"],
    ),
    "constants in arms": (
        "if x > 0 then 7 else 8", None, {},
        ["x", "c1: x > 0 (x)", "7", "8", "v1 = if c1 then 7 else 8", "y = v1"],
    ),
    "a choice of the other arm": (
        "if not x > 0 then 2*x else x", None, {},
        ["x", "2", "v1 = mul(2, x)", "c1: x > 0 (x)", "v2 = if c1 then x else v1", "y = v2"],
    ),
    "one condition, two choices": (
        "(if x > 0 then x else 1)*(if x > 0 then 2 else x)", None, {},
        ["x", "c1: x > 0 (x)", "1", "v1 = if c1 then x else 1", "2", "v2 = if c1 then 2 else x",
         "v3 = mul(v1, v2)", "y = v3"],
    ),
    "two conditions": (
        "(if x > 0 then x else 1)*(if 0 < x then 2 else x)", None, {},
        ["x", "c1: x > 0 (x)", "1", "v1 = if c1 then x else 1", "c2: 0 < x (x)", "2",
         "v2 = if c2 then 2 else x", "v3 = mul(v1, v2)", "y = v3"],
    ),
    "and": (
        "if x > 0 and x < y then x else y", None, {},
        ["x", "y", "c1: (x > 0) and (x < y) (x, y)", "v1 = if c1 then x else y", "z = v1"],
    ),
    "or, not": (
        "if y > 0 or not x < y then x else y", None, {},
        ["y", "x", "c1: (y > 0) or (not (x < y)) (y, x)", "v1 = if c1 then x else y", "z = v1"],
    ),
    "chain": (
        "if 0 < x^2 < y then x else y", None, {},
        ["x", "y", "2", "v1 = pow(x, 2)", "c1: (0 < v1) and (v1 < y) (v1, y)",
         "v2 = if c1 then x else y", "z = v2"],
    ),
    "a choice that decides": (
        "if (if x > 0 then x else 1) > y then x else y", None, {},
        ["x", "y", "c1: x > 0 (x)", "1", "v1 = if c1 then x else 1", "c2: v1 > y (v1, y)",
         "v2 = if c2 then x else y", "z = v2"],
    ),
    "a choice that is not used": (
        "f(x) = { t = 1; if x > 0 { t = x }; x^3 }", None, {},
        ["x", "3", "v1 = pow(x, 3)", "y = v1"],
    ),
    "a choice only another needs that is not used": (
        "f(x) = { t = if x > 0 then x else 1; if x > 2 { t = x^2 } ; x }", None, {},
        ["x", "2", "v1 = pow(x, 2)", "y = x"],
    ),
    "nothing to choose": ("f(x) = { n = 3; if n > 2 then x^5 else x }", None, {},
        ["x", "5", "v1 = pow(x, 5)", "y = v1"]),
    "a decision": (
        "if x > y then 2*x else y", {"x": 2, "y": 1}, {},
        ["x", "y", "c1: x > y is true (x, y)", "2", "v1 = mul(2, x)", "z = v1"],
    ),
    "a decision the other way": (
        "if x > 0 then 2*x else 3*x", {"x": -2}, {},
        ["x", "c1: x > 0 is false (x)", "3", "v1 = mul(3, x)", "y = v1"],
    ),
    "a decision after the last operation": (
        "f(x) = { y = x^2; if y > 1 { z = 1 }; y }", {"x": 2}, {},
        ["x", "2", "v1 = pow(x, 2)", "c1: v1 > 1 is true (v1)", "y = v1"],
    ),
    "a decision made twice": (
        "(if x > 0 then x else 1) + (if x > 0 then 2*x else 1)", {"x": 2}, {},
        ["x", "c1: x > 0 is true (x)", "2", "v1 = mul(2, x)", "v2 = add(x, v1)", "y = v2"],
    ),
    "alike but for the sign": (
        "(if x > 0 then x else 1) + (if x >= 0 then 2*x else 1)", {"x": 2}, {},
        ["x", "c1: x > 0 is true (x)", "c2: x >= 0 is true (x)", "2", "v1 = mul(2, x)",
         "v2 = add(x, v1)", "y = v2"],
    ),
    "with itself": ("if x == x then x else 1", {"x": NAN}, {},
        ["x", "c1: x == x is false (x)", "1", "y = 1"]),
    "turns": (
        "f(x) = { y = x; while y*y < 9 { y = y + 1 }; y }", {"x": 2}, {},
        ["x", "v1 = mul(x, x)", "c1: v1 < 9 is true (v1)", "1", "v2 = add(x, 1)",
         "v3 = mul(v2, v2)", "c2: v3 < 9 is false (v3)", "y = v2"],
    ),
    "of a result": (
        "f(x, u, w) = { p = x*u; q = u^2; r = w/p; q, r }", {"x": 1, "u": 2, "w": 3}, {"result": "q"},
        ["u", "2", "v1 = pow(u, 2)", "q = v1"],
    ),
    "of a result, without values": (
        "f(x, y, z) = { p = if x > 0 then y else 1; q = z^2; p, q }", None, {"result": "p"},
        ["x", "y", "c1: x > 0 (x)", "1", "v1 = if c1 then y else 1", "p = v1"],
    ),
    "of an input": (
        "x*y - sin(y)", {"x": 2, "y": 5}, {"wrt": "x"},
        ["x", "outside 1", "v1 = mul(x, outside 1)", "outside 3", "v2 = sub(v1, outside 3)", "z = v2"],
    ),
    "of an input, with the other's choice": (
        "(if y > 0 then y else 1)*x", None, {"wrt": "x"},
        ["x", "outside 3", "v1 = mul(outside 3, x)", "z = v1"],
    ),
    "of an input, with a decision": (
        "if x > sin(y) then x^2 else y", {"x": 2, "y": 5}, {"wrt": "x"},
        ["x", "outside 2", "c1: x > outside 2 is true (x, outside 2)", "2", "v1 = pow(x, 2)", "z = v1"],
    ),
    "decisions on others": (
        "if y > 0 then x^2 else y", {"x": 2, "y": 5}, {"wrt": "x"},
        ["x", "2", "v1 = pow(x, 2)", "z = v1"],
    ),
    "other results": (
        "f(x, u) = { p = x^2; q = u^3; p, q, x, 4 }", {"x": 2, "u": 5}, {"wrt": "x"},
        ["x", "2", "v1 = pow(x, 2)", "p = v1", "y3 = x"],
    ),
    "results that are constants": (
        "f(x) = x^3, 0, 1, 2, 3", {"x": 2}, {"wrt": "x"}, ["x", "3", "v1 = pow(x, 3)", "y1 = v1"],
    ),
    "a constant": ("f(x) = 3", {"x": 1}, {}, ["x", "3", "y = 3"]),
    "a constant, without values": ("f(x) = 3", None, {}, ["x", "3", "y = 3"]),
    "no input": ("1 + 2", {}, {}, ["3", "y = 3"]),
    "an input": ("f(x) = x", {"x": 1}, {}, ["x", "y = x"]),
    "the same twice": ("f(x) = [sin(x), sin(x)]", {"x": 1}, {}, ["x", "v1 = sin(x)", "y1 = v1", "y2 = v1"]),
    "an empty vector": ("f(v[], x) = sum(v) + 2*x", {"v": [], "x": 1}, {},
        ["x", "2", "v1 = mul(2, x)", "0", "v2 = add(0, v1)", "y = v2"]),
    "only an empty vector": ("f(v[]) = sum(v)", {"v": []}, {}, ["0", "y = 0"]),
    "no result": ("f(x) = [v for v in zeros(0)]", {"x": 1}, {}, ["x"]),
    "elements": ("f(A[1,2], v[1]) = A @ [v[1], 3]", {"A": [[1, 2]], "v": [4]}, {},
        ["A[1,1]", "A[1,2]", "v[1]", "v1 = mul(A[1,1], v[1])", "3", "v2 = mul(A[1,2], 3)",
         "v3 = add(v1, v2)", "y = v3"]),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_WORDS)
def test_in_words(name: str) -> None:
    """Drawings of programs made by hand, vertex by vertex."""
    text, at, options, expected = IN_WORDS[name]
    assert lines(drawn(text, at, **options)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "f(x) = { t = if x > 0 then x else 1; u = 2*t; x }",
        "f(x) = { t = if x > 0 then x else 1; u = if 2*t > 3 then x^2 else 4; x^3 }",
        "f(x) = { y = x; if x > 0 { t = x^2 } else { t = 3 }; for i in 1..2 { s = t*i }; y }",
    ],
)
def test_operations_on_choices_that_no_result_needs(text: str) -> None:
    """In a whole drawing nothing is outside, and everything has a name."""
    check_computes(check_open(opened(text)), X)


def test_places() -> None:
    """What is in a turn or an arm says so; a constant is where it is used."""
    drawing = drawn(
        "g(a) = a*3\nf(x) = { y = x; for i in 5..6 { y = g(y) }; if y > 1 { y = y/7 }; y }",
        {"x": 1},
    )

    def shown(vertex: Vertex) -> str:
        steps = around(vertex.place)
        return " / ".join(f"{x.kind} {x.span.text if x.span else ''} {x.number}" for x in steps)

    places = [(x.kind, shown(x)) for x in drawing.vertices]
    first, second = ("turn 5..6 1 / call g(y) 0", "turn 5..6 2 / call g(y) 0")
    assert places == [
        (INPUT, ""),
        (CONSTANT, first), (OPERATION, first), (CONSTANT, second), (OPERATION, second),
        (CONDITION, ""), (CONSTANT, "yes y > 1 0"), (OPERATION, "yes y > 1 0"),
        (RESULT, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("f(x) = if x > 0 then x^2 else 1", ["yes"]),
        ("f(x) = if x > 0 then sin(x^2) else cos(x^2)", ["", "yes", "no"]),
        ("f(x) = (if x > 0 then sin(x^2) else 1) + x^2", ["", "yes", ""]),
        ("f(x) = if x > 0 then (if x > 1 then sin(x^2) else cos(x^2)) else 1", ["yes", "yes / yes", "yes / no"]),
        ("f(x) = { y = 1; if x > 0 { y = x^2 }; y, x^2 }", [""]),
        ("f(x) = { y = 1; if x > 0 { y = sin(x^2) }; z = if x^2 > 3 then 5 else 6; y + z }", ["", "yes", ""]),
        ("f(x) = { for i in 1..2 { x = sin(x) }; x }", ["turn", "turn"]),
        ("f(x) = { y = 0; for i in 1..2 { y += if x > 0 then x^2 else 1 }; y }", ["turn / yes", "turn", "turn"]),
        ("f(x) = { y = 0; for i in 1..2 { y += if x > 0 then sin(x^2) else cos(x^2) }; y }", ["turn", "turn / yes", "turn / no", "turn", "turn"]),
    ],
)  # fmt: skip
def test_places_of_what_is_used_elsewhere(text: str, places: list[str]) -> None:
    """Without values an operation is in no arm that one of its uses is not in."""
    vertices = drawn(text).vertices
    found = [x.place for x in vertices if x.kind == OPERATION]
    assert [" / ".join(one.kind for one in around(place)) for place in found] == places


def test_without_history() -> None:
    """A run that has none is drawn without places and decisions."""
    run = adcli.load("f(x) = { y = x; for i in 1..2 { if y > 0 { y = y*3 } }; y }").run(x=1)
    (drawing,) = drawings(run)
    assert [x.kind for x in drawing.vertices] == [INPUT] + 2 * [CONSTANT, OPERATION] + [RESULT]
    assert not any(x.place for x in drawing.vertices)
    Reading(drawing).check(["f"])


def test_outside() -> None:
    """Operands from outside of a part say what they are."""
    run = ran("f(x, y) = x*sin(y) + y", {"x": 2, "y": 0.5})
    (drawing,) = drawings(run, wrt="x")
    outer = {x.name: x for x in drawing.vertices if x.kind == OUTSIDE}
    assert list(outer) == ["", "y"]
    assert outer[""].formula is not None
    assert outer[""].formula.row is row_of(primitives.BY_NAME["sin"].code)
    assert outer[""].value == math.sin(0.5)
    assert outer["y"].formula is not None
    assert (outer["y"].formula.name, outer["y"].value) == ("y", 0.5)
    (drawing,) = drawings(opened("(if y > 0 then y else 1)*x"), wrt="x")
    (choice,) = (x for x in drawing.vertices if x.kind == OUTSIDE)
    assert (choice.formula, choice.value) == (None, None)


# Passes over programs made by hand: an arc's tail, head, partial, whether it flows.

Flow = tuple[str, str, float | None, bool]


def flows(drawing: Diagram) -> list[Flow]:
    """The arcs of a pass; operations by their names."""

    def name(vertex: Vertex) -> str:
        if vertex.kind in (INPUT, RESULT, OUTSIDE):
            return vertex.name
        if vertex.kind == CONSTANT:
            return f"{vertex.value:g}"
        assert vertex.formula is not None
        assert vertex.formula.row is not None
        return vertex.formula.row.name

    vertices = drawing.vertices
    return [
        (name(vertices[arc.tail]), name(vertices[arc.head]), arc.value, arc.flows)
        for arc in drawing.arcs
        if arc.role == OPERAND
    ]


def derivatives(drawing: Diagram) -> list[float | None]:
    """Of inputs, operations and results, in order."""
    own = (INPUT, OPERATION, RESULT)
    return [x.derivative for x in drawing.vertices if x.kind in own]


# A program, a point, a mode and options, the arcs, and the derivatives.
BY_HAND: dict[str, tuple[str, dict[str, Any], str, dict[str, Any], list[Flow], list[float | None]]] = {
    "product, forward": (
        "x*y", {"x": 3, "y": 4}, "forward", {"wrt": "x"},
        [("x", "mul", 4, True), ("y", "mul", 3, False), ("mul", "z", None, True)],
        [1, 4, 4],
    ),
    "product, reverse": (
        "x*u", {"x": 3, "u": 4}, "reverse", {},
        [("x", "mul", 4, True), ("u", "mul", 3, True), ("mul", "y", None, True)],
        [4, 3, 1, 1],
    ),
    "of one input, reverse": (
        "x*y", {"x": 3, "y": 4}, "reverse", {"wrt": "y"},
        [("x", "mul", 4, False), ("y", "mul", 3, True), ("mul", "z", None, True)],
        [3, 1, 1],
    ),
    "alike, forward": (
        "x*x", {"x": 3}, "forward", {},
        [("x", "mul", 3, True), ("x", "mul", 3, True), ("mul", "y", None, True)],
        [1, 6, 6],
    ),
    "alike, reverse": (
        "x*x", {"x": 3}, "reverse", {},
        [("x", "mul", 3, True), ("x", "mul", 3, True), ("mul", "y", None, True)],
        [6, 1, 1],
    ),
    "power, reverse": (
        "x^x", {"x": 1}, "reverse", {},
        [("x", "pow", 1, True), ("x", "pow", 0, True), ("pow", "y", None, True)],
        [1, 1, 1],
    ),
    "difference, reverse": (
        "x - x", {"x": 3}, "reverse", {},
        [("x", "sub", 1, True), ("x", "sub", -1, True), ("sub", "y", None, True)],
        [0, 1, 1],
    ),
    "a constant operand": (
        "2*x^3", {"x": 3}, "forward", {},
        [("x", "pow", 27, True), ("3", "pow", None, False), ("2", "mul", None, False),
         ("pow", "mul", 2, True), ("mul", "y", None, True)],
        [1, 27, 54, 54],
    ),
    "a step, reverse": (
        "x + 2*floor(x)", {"x": 1.5}, "reverse", {},
        [("x", "floor", None, False), ("2", "mul", None, False), ("floor", "mul", 2, True),
         ("x", "add", 1, True), ("mul", "add", 1, True), ("add", "y", None, True)],
        [1, 2, 1, 1, 1],
    ),
    "the larger": (
        "max(x, y)", {"x": 3, "y": 4}, "reverse", {},
        [("x", "max", None, False), ("y", "max", 1, True), ("max", "z", None, True)],
        [0, 1, 1, 1],
    ),
    "a tie": (
        "max(x, u)", {"x": 3, "u": 3}, "reverse", {},
        [("x", "max", 0.5, True), ("u", "max", 0.5, True), ("max", "y", None, True)],
        [0.5, 0.5, 1, 1],
    ),
    "a derivative that is 0": (
        "x^2*u", {"x": 0, "u": 3}, "reverse", {},
        # It is 0 here, but not everywhere.
        [("x", "pow", 0, True), ("2", "pow", None, False), ("pow", "mul", 3, True),
         ("u", "mul", 0, True), ("mul", "y", None, True)],
        [0, 0, 3, 1, 1],
    ),
    "a direction": (
        "x*u", {"x": 3, "u": 4}, "forward", {"seed": {"x": 2, "u": -1}},
        [("x", "mul", 4, True), ("u", "mul", 3, True), ("mul", "y", None, True)],
        [2, -1, 5, 5],
    ),
    "a direction with a 0 in it": (
        "x*u", {"x": 3, "u": 4}, "forward", {"seed": {"x": 0, "u": -1}},
        [("x", "mul", 4, False), ("u", "mul", 3, True), ("mul", "y", None, True)],
        [0, -1, -3, -3],
    ),
    "a constant, forward": ("f(x) = 3", {"x": 1}, "forward", {}, [("3", "y", None, False)], [1, 0]),
    "a constant, reverse": ("f(x) = 3", {"x": 1}, "reverse", {}, [("3", "y", None, False)], [0, 1]),
    "an input, forward": ("f(x) = x", {"x": 1}, "forward", {}, [("x", "y", None, True)], [1, 1]),
    "an input, reverse": ("f(x) = x", {"x": 1}, "reverse", {}, [("x", "y", None, True)], [1, 1]),
    "an input that is not used, reverse": (
        "f(x, u) = 2*x", {"x": 1, "u": 3}, "reverse", {},
        [("2", "mul", None, False), ("x", "mul", 2, True), ("mul", "y", None, True)],
        [2, 0, 1, 1],
    ),
    "an operation that is not used, reverse": (
        "f(x) = { t = sin(x); 2*x }", {"x": 0}, "reverse", {},
        [("x", "sin", 1, False), ("2", "mul", None, False), ("x", "mul", 2, True),
         ("mul", "y", None, True)],
        [2, None, 1, 1],
    ),
    "an empty vector": (
        "f(v[], x) = sum(v) + 2*x", {"v": [], "x": 1}, "forward", {},
        [("2", "mul", None, False), ("x", "mul", 2, True), ("0", "add", None, False),
         ("mul", "add", 1, True), ("add", "y", None, True)],
        [1, 2, 2, 2],
    ),
    "only an empty vector, reverse": (
        "f(v[]) = sum(v)", {"v": []}, "reverse", {}, [("0", "y", None, False)], [1],
    ),
    "outside of the domain": (
        "sqrt(x)", {"x": -1}, "reverse", {},
        [("x", "sqrt", NAN, True), ("sqrt", "y", None, True)],
        [NAN, 1, 1],
    ),
    "at the end of the domain": (
        "sqrt(x)", {"x": 0}, "forward", {},
        [("x", "sqrt", INF, True), ("sqrt", "y", None, True)],
        [1, INF, INF],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    """Passes whose numbers are known, arc by arc."""
    text, at, mode, options, expected, numbers = BY_HAND[name]
    drawing = drawn(text, at, mode=mode, **options)
    for got, right in zip(flows(drawing), expected, strict=True):
        assert (*got[:2], got[3]) == (*right[:2], right[3])
        assert same(got[2], None if right[2] is None else float(right[2])), (got, right)
    found = derivatives(drawing)
    assert len(found) == len(numbers)
    for own, number in zip(found, numbers, strict=True):
        # Zeros of either sign are zero.
        assert own == number or same(own, number), (found, numbers)


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        (
            "x + 2*floor(x)",
            {"x": 1.5},
            [
                ("x", "floor", None, False), ("2", "mul", None, False), ("floor", "mul", 2, False),
                ("x", "add", 1, True), ("mul", "add", 1, False), ("add", "y", None, True),
            ],
        ),
        (
            "2*max(x, u)",
            {"x": 1.5, "u": 3.0},
            [
                ("x", "max", None, False), ("u", "max", 1, False), ("2", "mul", None, False),
                ("max", "mul", 2, False), ("mul", "y", None, False),
            ],
        ),
    ],
)  # fmt: skip
def test_a_forward_pass_ends_at_a_step(text: str, at: dict[str, Any], expected: list[Flow]) -> None:
    """Where the derivative is 0 whatever the numbers are, nothing goes on."""
    assert flows(drawn(text, at, mode="forward", seed={"x": 1})) == expected


WHOLE = {"x*x": False, "x*u": True, "x/x": False, "2*x": True, "sin(x)": True, "x^x": False}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", WHOLE)
def test_whole(text: str, mode: str) -> None:
    """Of two operands alike each arc has half of the rule."""
    at = {name: 1.5 for name in ("x", "u") if name in text.replace("sin", "")}
    for drawing in drawings(ran(text, at), mode):
        arcs = [arc for arc in drawing.arcs if arc.partial is not None]
        assert arcs
        assert {arc.is_whole for arc in arcs} == {WHOLE[text]}


def test_two_results_of_one_node() -> None:
    """Each pass begins at one of them."""
    first, second = drawings(ran("f(x) = [x^2, x^2]", {"x": 3}), "reverse")
    for drawing, weights in ((first, [1, 0]), (second, [0, 1])):
        ends = [x for x in drawing.vertices if x.kind == RESULT]
        assert [x.derivative for x in ends] == weights
        assert [x.name for x in ends] == ["y1", "y2"]
        assert drawing.vertices[0].derivative == 6
        arcs = [arc for arc in drawing.arcs if drawing.vertices[arc.head].kind == RESULT]
        assert [arc.flows for arc in arcs] == [bool(x) for x in weights]
        assert len({arc.tail for arc in arcs}) == 1


def test_several_passes() -> None:
    """Forward one for each element of the inputs, reverse one for each result, in order."""
    text, at = "f(v[2], x) = v[1]*v[2], 3, x*v[1]", {"v": [2, 3], "x": 5}
    run = ran(text, at)
    seeds = [one.traced.seed for one in drawings(run, "forward") if one.traced]
    assert seeds == [
        {"v[1]": 1, "v[2]": 0, "x": 0},
        {"v[1]": 0, "v[2]": 1, "x": 0},
        {"v[1]": 0, "v[2]": 0, "x": 1},
    ]
    rows = [derivatives(one)[-3:] for one in drawings(run, "forward")]
    assert rows == [[3, 0, 5], [2, 0, 0], [0, 0, 2]]
    backward = drawings(run, "reverse")
    assert [derivatives(one)[:3] for one in backward] == [[3, 2, 0], [0, 0, 0], [5, 0, 2]]
    seeds = [one.traced.seed for one in drawings(run, "forward", wrt="v") if one.traced]
    assert [max(seed, key=seed.__getitem__) for seed in seeds] == ["v[1]", "v[2]"]
    (alone,) = drawings(run, "reverse", result="f[3]")
    assert [x.name for x in alone.vertices if x.kind in (INPUT, RESULT)] == ["v[1]", "x", "y3"]
    assert derivatives(alone) == [5, 2, 1, 1]


def test_steps() -> None:
    """The lines of the trace about a vertex: in reverse one for each contribution."""
    drawing = drawn("x*x + x*y - y", {"x": 3, "y": 4}, mode="reverse")
    steps = {x.name or f"{x.node}": [s.value for s in x.steps] for x in drawing.vertices}
    # x*y comes first on the way back, with 4, then twice 3 of x*x.
    assert steps["x"] == [4, 7, 10]
    assert steps["y"] == [-1, 2]
    assert steps["z"] == []
    drawing = drawn("x*x + x*y - y", {"x": 3, "y": 4}, mode="forward", seed={"x": 1, "y": 2})
    assert [len(x.steps) for x in drawing.vertices] == [1] * len(drawing.vertices)
    assert derivatives(drawing) == [1, 2, 6, 10, 16, 14, 14]


# What cannot be drawn.

SAID_BY_VALUES = {
    "while": ("f(x) = { y = x; while y > 1 { y = y/2 }; y }", "a loop", "y > 1"),
    "recursion": ("g(a) = if a > 1 then g(a/2) else a\nf(x) = g(x)", "a recursion", "a > 1"),
    "range": ("f(x) = sum(i*x for i in 1..x)", "a loop", "1..x"),
    "index": ("f(v[2], x) = v[x]", "a number", "v[x]"),
    "length": ("f(x) = sum(zeros(x))", "a number", "zeros(x)"),
}


@pytest.mark.parametrize("name", SAID_BY_VALUES)
def test_what_only_values_say(name: str) -> None:
    """Such a program has no structure; at a point it is drawn."""
    text, what, where = SAID_BY_VALUES[name]
    with pytest.raises(ProgramError, match="depends on the inputs") as caught:
        opened(text)
    assert caught.value.message.startswith(what)
    assert caught.value.message.endswith(" has no graph without values")
    assert caught.value.hint == "give the inputs, or --values: what is executed is drawn"
    assert caught.value.span is not None
    assert caught.value.span.text == where
    at: dict[str, Any] = {"x": 2}
    check_graph(ran(text, at | ({"v": [1, 2]} if "v[2]" in text else {})))


def test_shapes_of_a_structure() -> None:
    """Of inputs without values only the shapes matter."""
    one, other = (opened("f(v) = sum(v)", {"v": v}) for v in ([1, 2, 3], [0, NAN, -5]))
    assert lines(drawings(one)[0]) == lines(drawings(other)[0])
    assert [x.name for x in drawings(one)[0].vertices if x.kind == INPUT] == [
        "v[1]",
        "v[2]",
        "v[3]",
    ]
    with pytest.raises(ProgramError, match="sum takes a vector") as caught:
        opened("f(v) = sum(v)")
    assert "say how long" in str(caught.value.details)
    with pytest.raises(InputError, match="no input"):
        opened("f(v) = sum(v)", {"w": [1]})
    with pytest.raises(LimitError, match="more than 2 operations"):
        structure(Program(Source("sin(cos(tan(x)))", "test")), {}, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"result": "g"}, "no result is called 'g'"),
        ({"result": "x"}, "no result is called 'x'"),
        ({"wrt": "z"}, "no input is called 'z'"),
        ({"wrt": ["x", "z"]}, "no input is called 'z'"),
        ({"wrt": "v[1]"}, r"no input is called 'v\[1\]'"),
        ({"mode": "sideways"}, "no mode is called 'sideways'"),
        ({"mode": "forward", "seed": {"z": 1}}, "no input is called 'z'"),
        ({"mode": "forward", "seed": {"v": 1}}, "the seed of 'v' is a number"),
        ({"wrt": "u"}, "nothing that is drawn depends on u"),
        ({"wrt": "x", "result": "f[2]"}, "nothing that is drawn depends on x"),
        ({"wrt": ["x", "u"], "result": "f[2]"}, "nothing that is drawn depends on x or u"),
        ({"wrt": []}, "nothing that is drawn depends on no input"),
        ({"seed": {"x": 1}}, "a seed is for a forward pass"),
        ({"mode": "reverse", "seed": {"x": 1}}, "a seed is for a forward pass"),
        ({"mode": "forward", "seed": {"x": 1}, "wrt": "x"}, "a seed is one pass"),
    ],
)
def test_refused(options: dict[str, Any], message: str) -> None:
    """Names that are not there, and parts with nothing in them."""
    run = ran("f(x, v[2], u) = sin(x), v[1]*v[2]", {"x": 1, "v": [2, 3], "u": 4})
    with pytest.raises(InputError, match=message):
        drawings(run, **options)


@pytest.mark.parametrize("mode", MODES)
def test_a_pass_needs_values(mode: str) -> None:
    """A structure has no tangents and adjoints."""
    with pytest.raises(InputError, match="a pass needs values") as caught:
        drawings(opened("sin(x)"), mode)
    assert caught.value.hint == "give the inputs"


@pytest.mark.parametrize(("text", "at"), [("1 + 2", {}), ("f(v[]) = sum(v)", {"v": []})])
def test_no_pass_without_inputs(text: str, at: dict[str, Any]) -> None:
    """Forward mode has nothing to begin with."""
    with pytest.raises(InputError, match="there is no pass to draw: the program has no inputs"):
        drawings(ran(text, at), "forward")


def test_no_pass_without_results() -> None:
    """Reverse mode has nothing to begin with, and that is what is said."""
    run = ran("f(x) = [v for v in zeros(0)]", {"x": 1})
    assert lines(drawings(run, "forward")[0]) == ["x"]
    with pytest.raises(InputError, match="no result"):
        drawings(run, "reverse")


# A program, a point (None for its structure) and options.
SIZES: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = [
    ("x*y - sin(y)", {"x": 2, "y": 5}, {}),
    ("x*y - sin(y)", None, {}),
    ("x*y - sin(y)", {"x": 2, "y": 5}, {"mode": "reverse"}),
    ("x*y - sin(y)", {"x": 2, "y": 5}, {"mode": "forward"}),
    ("x*y - sin(y)", {"x": 2, "y": 5}, {"mode": "forward", "seed": {"x": 1}}),
    ("x*y - sin(y)", {"x": 2, "y": 5}, {"wrt": "x"}),
    ("2*x + x^2 + 3^x", {"x": 2}, {}),
    ("f(x) = [x, 2*x, sin(x), x]", {"x": 2}, {}),
    ("f(x) = [x, 2*x, sin(x), x]", {"x": 2}, {"mode": "reverse"}),
    ("f(x) = [x, 2*x, sin(x), x]", {"x": 2}, {"result": "f[1]"}),
    ("f(x) = [x, 2*x, sin(x), x]", {"x": 2}, {"result": "f[3]", "mode": "reverse"}),
    ("f(v[]) = sum(v)", {"v": [1.0] * 6}, {"mode": "forward"}),
    ("f(v[]) = sum(v)", {"v": [1.0] * 50}, {"mode": "reverse"}),
    ("f(x) = { n = 0; while n < 50 { if x > n { n += 1 } else { n += 1 } }; x }", {"x": 1}, {}),
    ("f(x) = { y = 0; for i in 1..20 { if x > i { y = y + x } }; y }", {"x": 5}, {}),
    ("f(x) = { y = 0; for i in 1..20 { if x > i { y = y + x } }; y }", None, {}),
]


@pytest.mark.parametrize(("text", "at", "options"), SIZES)
def test_size(text: str, at: dict[str, Any] | None, options: dict[str, Any]) -> None:
    """As many vertices as all passes have are drawn, of every kind, and not one more."""
    run = opened(text) if at is None else ran(text, at)
    found = drawings(run, **options)
    total = sum(len(one.vertices) for one in found)
    assert len({len(one.vertices) for one in found}) == 1
    assert len(drawings(run, **options, max_nodes=total)) == len(found)
    with pytest.raises(LimitError, match=f"the limit is {total - 1:,}") as caught:
        drawings(run, **options, max_nodes=total - 1)
    assert caught.value.message.startswith(f"{total // len(found)} nodes")
    assert ("passes" in caught.value.message) == (len(found) > 1)
    assert "--max-nodes" in caught.value.message
    one_pass = {"forward": "--seed", "reverse": "--result"}.get(options.get("mode", ""), "")
    if len(found) > 1:
        assert f"one pass is drawn with {one_pass}" in caught.value.details[0]


@pytest.mark.parametrize("mode", MODES)
def test_most_passes(mode: str) -> None:
    """More than six passes are no picture; where there is no limit they are drawn."""
    text = "f(v[]) = 2*v"
    for count in (6, 7):
        run = ran(text, {"v": [1.0] * count})
        assert len(drawings(run, mode)) == count
        if count == 6:
            assert len(drawings(run, mode, max_nodes=1000)) == count
            continue
        with pytest.raises(LimitError, match="7 passes do not fit side by side; at most 6 do"):
            drawings(run, mode, max_nodes=1000)


# A program, a point, and the lines of its tree: one for each arc but those from constants, and
# one for each vertex that nothing is made from.
LINES = [
    ("x*y - sin(y)", {"x": 2, "y": 5}, 7),
    ("2*x^3", {"x": 2}, 4),
    ("f(x, u) = x", {"x": 2, "u": 3}, 3),
    ("f(x) = 3", {"x": 2}, 2),
    ("f(x) = [x, x]", {"x": 2}, 4),
    ("if x > 0 then 2*x else 3", {"x": 2}, 5),
]


@pytest.mark.parametrize(("text", "at", "count"), LINES)
def test_lines(text: str, at: dict[str, Any], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many lines as a tree may have, and not one more."""
    run = ran(text, at)
    for mode in ("", "forward"):
        all_lines = count * len(drawings(run, mode))
        monkeypatch.setattr(module, "MAX_LINES", all_lines)
        assert drawings(run, mode)
        monkeypatch.setattr(module, "MAX_LINES", all_lines - 1)
        with pytest.raises(LimitError, match=f"{count} lines.* are too many"):
            drawings(run, mode)
        monkeypatch.undo()


def test_large_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size beyond the limit is refused before anything is drawn."""
    run = ran("f(x) = { y = x; for i in 1..3000 { y = sin(y) }; y }", {"x": 1})
    assert len(drawings(run)[0].vertices) == 3002
    assert len(drawings(run, "reverse", max_nodes=3002)) == 1
    monkeypatch.setattr(module, "diagram", None)
    with pytest.raises(LimitError, match="3,001 nodes are too many; the limit is 2,000"):
        drawings(run, max_nodes=2000)


def test_warnings() -> None:
    """Of what is not finite: values always, derivatives if there is a pass."""
    fine, edge = ran("sqrt(x)", {"x": 4}), ran("sqrt(x)", {"x": 0})
    for mode in ("", *MODES):
        assert warnings(drawings(fine, mode)) == []
    assert warnings(drawings(edge)) == []
    for mode in MODES:
        (warning,) = warnings(drawings(edge, mode))
        assert "sqrt" in warning.message
    assert warnings(drawings(ran("ln(x)", {"x": 0})))
    assert warnings(drawings(opened("ln(x)"))) == []


def test_nodes_of_choice() -> None:
    """`diagram` draws the nodes and results it is told."""
    run = ran("f(x) = [sin(x), cos(x)]", {"x": 1})
    first, second = (node for node in run.results.values() if type(node) is int)
    found = diagram(run, {0, second}, results=["f[2]"])
    assert [(x.kind, x.node) for x in found.vertices] == [
        (INPUT, 0),
        (OPERATION, second),
        (RESULT, None),
    ]
    everything = diagram(run, {0, first, second})
    assert [x.name for x in everything.vertices if x.kind == RESULT] == ["y1", "y2"]
