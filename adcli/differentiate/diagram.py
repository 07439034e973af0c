"""The computational graph as vertices and arcs, at a point or without values, with one pass.

Only data: which vertex is what, the formulas and numbers on it, and along which arcs a
derivative flows. Layout, text and colour are for a renderer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from adcli.differentiate import chain
from adcli.differentiate.blame import Diagnostic, value_warnings
from adcli.differentiate.directions import direction
from adcli.differentiate.reverse import depends
from adcli.differentiate.trace import (
    MAX_LINES,
    Pass,
    Step,
    forward_pass,
    result_names,
    reverse_pass,
    same_operands,
)
from adcli.differentiate.trace import warnings as trace_warnings
from adcli.errors import DEFAULT_MAX_OPERATIONS, InputError, LimitError, ProgramError
from adcli.graph.conditions import Condition
from adcli.graph.history import Decision, History, Place
from adcli.graph.notation import Formula, operation, reference
from adcli.graph.open import SELECT, OpenGraph, UndecidedError
from adcli.graph.primitives import CONSTANT as CONSTANT_CODE
from adcli.graph.primitives import INPUT as INPUT_CODE
from adcli.graph.program import Given, Input, Program, Run
from adcli.graph.rules import local_partials
from adcli.graph.wengert import Scalar

INPUT, CONSTANT, OPERATION, CHOICE, CONDITION, RESULT, OUTSIDE = (
    "input",
    "constant",
    "operation",
    "choice",
    "condition",
    "result",
    "outside",
)
# What an arc stands for, where it is no operand.
OPERAND, COMPARED, DECIDES, IF_TRUE, IF_FALSE = "operand", "compared", "if", "then", "else"

# Passes in one picture; of more, none would be seen.
MOST_SIDE_BY_SIDE = 6


class Vertex:
    """A node of the drawing.

    Attributes:
        kind: INPUT, CONSTANT, OPERATION, CHOICE (between two arms), CONDITION, RESULT, or
            OUTSIDE (an operand from outside the part that is drawn).
        node: the node of the graph, None of a constant, a condition or a result.
        formula: how it is computed; of an input or constant, it itself; None of a
            condition or choice.
        value: its value, None without inputs and of a condition.
        name: of a result, what the trace calls it; of an input, its own.
        condition: of a condition or choice without values.
        decision: of a condition at a point.
        derivative: its tangent or adjoint in the pass drawn, None if it has none.
        steps: the lines of the trace about it.
        place: the call, turn of a loop or arm it is from.
    """

    __slots__ = (
        "condition",
        "decision",
        "derivative",
        "formula",
        "kind",
        "name",
        "node",
        "place",
        "steps",
        "value",
    )

    def __init__(
        self,
        kind: str,
        *,
        node: int | None = None,
        formula: Formula | None = None,
        value: float | None = None,
        name: str = "",
        place: Place | None = None,
    ) -> None:
        self.kind = kind
        self.node = node
        self.formula = formula
        self.value = value
        self.name = name
        self.place = place
        self.condition: Condition | None = None
        self.decision: Decision | None = None
        self.derivative: float | None = None
        self.steps: list[Step] = []


class Arc:
    """An arrow of the drawing, from an operand to what is computed from it.

    Attributes:
        tail: the operand, an index of `Diagram.vertices`.
        head: what is computed from it, likewise.
        role: OPERAND, COMPARED (of a condition), DECIDES (a condition and its choice), or
            IF_TRUE or IF_FALSE (an arm and its choice).
        partial: the local partial derivative as a formula, None if it is none or a
            structural zero, or no pass is drawn.
        value: its value.
        is_whole: whether it is ∂head/∂tail, and not that through one of two operands alike.
        flows: whether the pass goes along it.
    """

    __slots__ = ("flows", "head", "is_whole", "partial", "role", "tail", "value")

    def __init__(self, tail: int, head: int, role: str = OPERAND) -> None:
        self.tail = tail
        self.head = head
        self.role = role
        self.partial: Formula | None = None
        self.value: float | None = None
        self.is_whole = True
        self.flows = False


class Diagram:
    """A drawing of the graph, or of one pass over it.

    Attributes:
        run: the program, at a point or without values.
        mode: "" of the graph alone, "forward" or "reverse".
        traced: the pass, None of the graph alone.
        vertices: in the order computed.
        arcs: what they are computed from.
    """

    __slots__ = ("arcs", "mode", "run", "traced", "vertices")

    def __init__(self, run: Run, mode: str, traced: Pass | None) -> None:
        self.run = run
        self.mode = mode
        self.traced = traced
        self.vertices: list[Vertex] = []
        self.arcs: list[Arc] = []

    @property
    def has_values(self) -> bool:
        """Whether the vertices have values."""
        return not self.run.graph.is_open


def structure(
    program: Program, shapes: Mapping[str, Given], max_operations: int = DEFAULT_MAX_OPERATIONS
) -> Run:
    """A program traced without values, with its history.

    Args:
        program: the program.
        shapes: of some inputs by name; only their shapes matter.
        max_operations: the most operations it may record.

    Raises:
        ProgramError: only values decide what it does; and what `Program.open` raises.
    """
    try:
        return program.open(shapes, max_operations, History())
    except UndecidedError as error:
        raise ProgramError(
            f"{error.what} has no graph without values",
            error.span,
            hint="give the inputs, or --values: what is executed is drawn",
            details=error.details,
        ) from None


def drawings(
    run: Run,
    mode: str = "",
    *,
    seed: Mapping[str, Given] | None = None,
    wrt: str | Sequence[str] | None = None,
    result: str | None = None,
    max_nodes: int | None = None,
) -> list[Diagram]:
    """The drawing of the graph, or of each pass over it.

    Args:
        run: the program, at a point or without values, run with a history.
        mode: "forward" for a pass for each input, "reverse" for one for each result, ""
            for the graph alone.
        seed: one forward pass along this direction instead.
        wrt: only what depends on these inputs, and forward passes for them.
        result: only what this result depends on, and a reverse pass for it.
        max_nodes: the most nodes of a picture; None if it is to be a tree.

    Raises:
        InputError: no such input or result, options that contradict each other, or nothing
            to draw.
        LimitError: more nodes than `max_nodes`, or lines than a tree may have.
    """
    if mode and run.graph.is_open:
        raise InputError("a pass needs values", hint="give the inputs")
    if mode not in ("", "forward", "reverse"):
        raise InputError(f"no mode is called '{mode}'", details=("the modes are forward, reverse",))
    if seed is not None and mode != "forward":
        raise InputError("a seed is for a forward pass", hint="add --mode forward")
    if seed is not None and wrt is not None:
        raise InputError("a seed is one pass; --wrt chooses among several")
    chosen = None if wrt is None else run.wanted(wrt)
    name = None if result is None else run.result(result)
    nodes, results = part(run, chosen, name)
    seeds: list[Mapping[str, float]] = [{}]
    if mode == "forward":
        moved = [label for item in chosen or run.inputs for label in item.labels()]
        seeds = (
            [{label: 1.0} for label in moved] if seed is None else [direction(run, seed, "seed")]
        )
    elif mode == "reverse":
        seeds = [{one: 1.0} for one in results]
    if not seeds:
        what = "inputs" if mode == "forward" else "results"
        raise InputError(f"there is no pass to draw: the program has no {what}")
    _check_size(run, len(nodes), len(seeds), mode, max_nodes)
    plain = diagram(run, nodes, results=results)
    size = len(plain.vertices) if max_nodes is not None else count_lines(plain)
    _check_size(run, size, len(seeds), mode, max_nodes)
    if not mode:
        return [plain]
    trace_pass = forward_pass if mode == "forward" else reverse_pass
    return [diagram(run, nodes, mode, trace_pass(run, one), results) for one in seeds]


def count_lines(drawing: Diagram) -> int:
    """How many lines a drawing has as a tree: constants have none."""
    vertices = drawing.vertices
    used = {arc.tail for arc in drawing.arcs}
    roots = sum(vertex.kind != CONSTANT and i not in used for i, vertex in enumerate(vertices))
    return roots + sum(vertices[arc.tail].kind != CONSTANT for arc in drawing.arcs)


def _check_size(run: Run, size: int, passes: int, mode: str, max_nodes: int | None) -> None:
    """Refuse, before it is made, a drawing that is too large.

    Args:
        run: the program.
        size: the nodes of each pass, or its lines as a tree.
        passes: how many there are.
        mode: of the passes.
        max_nodes: the most nodes of a picture, None of a tree.

    Raises:
        LimitError: it is.
    """
    what, limit = ("lines", MAX_LINES) if max_nodes is None else ("nodes", max_nodes)
    too_many = max_nodes is not None and passes > MOST_SIDE_BY_SIDE
    if size * passes <= limit and not too_many:
        return
    details = []
    if passes > 1 and mode == "forward":
        name = next(iter(run.elements))
        details.append(f"one pass is drawn with --seed {name}=1 or --wrt")
    elif passes > 1:
        details.append("one pass is drawn with --result NAME")
    else:
        details.append("--result and --wrt draw a part, --function another function")
    if max_nodes is not None:
        details.append("--format tree has room for more")
    if too_many:
        raise LimitError(
            f"{passes:,} passes do not fit side by side; at most {MOST_SIDE_BY_SIDE} do",
            details=tuple(details),
        )
    times = f" in each of {passes:,} passes" if passes > 1 else ""
    raise LimitError(
        f"{size:,} {what}{times} are too many; the limit is {limit:,}"
        + (" (--max-nodes)" if max_nodes is not None else ""),
        details=tuple(details),
    )


def part(run: Run, wrt: Sequence[Input] | None, result: str | None) -> tuple[set[int], list[str]]:
    """What to draw: all, or what depends on some inputs and leads to a result.

    Args:
        run: the program, at a point or without values.
        wrt: the inputs, all if None.
        result: the result, all if None.

    Returns:
        The nodes, inputs among them, and the names of the results.

    Raises:
        InputError: the results do not depend on these inputs.
    """
    graph = run.graph
    hidden = run.unused_choices() if graph.is_open else set()
    codes = enumerate(graph.op)
    found = {node for node, code in codes if code != CONSTANT_CODE and node not in hidden}
    results = list(run.results) if result is None else [result]
    if result is not None:
        found &= graph.reached([run.results[result]])
    if wrt is not None:
        varied = depends(graph, [node for item in wrt for node in item.nodes])
        found = {node for node in found if varied[node]}
        # A constant is no node, even if it is equal to the number of one.
        scalars = ((name, run.results[name]) for name in results)
        results = [name for name, scalar in scalars if type(scalar) is int and scalar in found]
        if not results:
            names = " or ".join(item.name for item in wrt) or "no input"
            raise InputError(f"nothing that is drawn depends on {names}")
    return found, results


def diagram(
    run: Run,
    nodes: set[int],
    mode: str = "",
    traced: Pass | None = None,
    results: Iterable[str] | None = None,
) -> Diagram:
    """The drawing of a program's graph.

    Args:
        run: the program, at a point or without values, run with a history.
        nodes: the nodes to draw, see `part`.
        mode: "forward" or "reverse" for one pass, "" for none.
        traced: the pass.
        results: which results to draw; all if None.
    """
    drawing = Diagram(run, mode, traced)
    _Builder(drawing, nodes).build(run.results if results is None else results)
    if traced is not None:
        _add_pass(drawing, traced)
    return drawing


class _Builder:
    """Makes the vertices and arcs of a drawing."""

    def __init__(self, drawing: Diagram, nodes: set[int]) -> None:
        self.drawing = drawing
        self.run = drawing.run
        self.graph = drawing.run.graph
        self.nodes = nodes
        self.names = {node: name for name, node in self.run.elements.items()}
        self.at: dict[int, int] = {}
        self.conditions: dict[int, int] = {}
        self.places: list[Place | None] = [None] * len(self.graph)
        self.decisions: list[Decision] = []
        if self.run.history is not None:
            places, self.decisions = self.run.history.places(self.graph)
            if isinstance(self.graph, OpenGraph):
                places = _shared_places(self.graph, places, self.run.results.values())
            self.places = places

    def build(self, results: Iterable[str]) -> None:
        """All of it, in the order computed."""
        decisions = self._drawn_decisions()
        upcoming = next(decisions, None)
        for node in sorted(self.nodes):
            while upcoming is not None and upcoming.before <= node:
                self._decided(upcoming)
                upcoming = next(decisions, None)
            if self.graph.op[node] == INPUT_CODE:
                self._input(node)
            elif self.graph.op[node] == SELECT:
                self._choice(node)
            else:
                self._operation(node)
        while upcoming is not None:
            self._decided(upcoming)
            upcoming = next(decisions, None)
        shown = result_names(self.run)
        for name in results:
            self._result(name, shown[name])

    def _add(self, vertex: Vertex) -> int:
        self.drawing.vertices.append(vertex)
        return len(self.drawing.vertices) - 1

    def _arc(self, tail: int, head: int, role: str = OPERAND) -> Arc:
        arc = Arc(tail, head, role)
        self.drawing.arcs.append(arc)
        return arc

    def _value(self, node: int) -> float | None:
        return None if self.graph.is_open else self.graph.value[node]

    def _input(self, node: int) -> None:
        name, value = self.names[node], self.graph.value[node]
        formula = Formula(value, name=name)
        vertex = Vertex(INPUT, node=node, formula=formula, value=self._value(node), name=name)
        self.at[node] = self._add(vertex)

    def _operation(self, node: int) -> None:
        graph, drawing = self.graph, self.drawing
        formula = operation(graph, node)
        place = self.places[node]
        vertex = Vertex(OPERATION, node=node, formula=formula, value=self._value(node), place=place)
        operands = graph.operands(node)
        tails = [self._operand(operand, place) for operand in operands]
        head = self.at[node] = self._add(vertex)
        partials: list[Formula | float | None] = [None] * len(operands)
        if drawing.traced is not None:
            own = Formula(graph.value[node], node=node)
            partials = chain.partials(formula, own)
        for position, (tail, partial) in enumerate(zip(tails, partials, strict=True)):
            arc = self._arc(tail, head)
            if partial is not None:
                arc.partial = partial if isinstance(partial, Formula) else Formula(partial)
                arc.value = local_partials(graph, node)[position] or 0.0
                arc.is_whole = not same_operands(self.run, node)

    def _operand(self, node: int, place: Place | None) -> int:
        """The vertex of an operand: one there is, or a constant beside its use."""
        if node in self.at:
            return self.at[node]
        formula = reference(self.graph, node)
        if self.graph.op[node] == CONSTANT_CODE:
            return self._add(Vertex(CONSTANT, formula=formula, value=formula.value, place=place))
        vertex = Vertex(OUTSIDE, node=node, formula=formula, value=self._value(node))
        vertex.place = self.places[node]
        if node in self.names:
            vertex.name = self.names[node]
            vertex.formula = Formula(formula.value, name=vertex.name)
        elif self.graph.op[node] == SELECT:
            vertex.formula = None
        else:
            vertex.formula = operation(self.graph, node)
        index = self.at[node] = self._add(vertex)
        return index

    def _scalar(self, scalar: Scalar, place: Place | None) -> int:
        if type(scalar) is int:
            return self._operand(scalar, place)
        number = float(scalar)
        return self._add(Vertex(CONSTANT, formula=Formula(number), value=number, place=place))

    def _choice(self, node: int) -> None:
        graph = self.graph
        assert isinstance(graph, OpenGraph)
        condition, place = graph.chooses[node], self.places[node]
        vertex = Vertex(CHOICE, node=node, place=place)
        vertex.condition = condition
        decided = self._condition(condition, place)
        yes, no = (self._operand(operand, place) for operand in graph.operands(node))
        head = self.at[node] = self._add(vertex)
        self._arc(decided, head, DECIDES)
        self._arc(yes, head, IF_TRUE)
        self._arc(no, head, IF_FALSE)

    def _condition(self, condition: Condition, place: Place | None) -> int:
        """The vertex of a condition, made once."""
        if condition.index not in self.conditions:
            vertex = Vertex(CONDITION, place=place)
            vertex.condition = condition
            scalars = dict.fromkeys(x for x in _scalars(condition) if type(x) is int)
            tails = [self._operand(x, place) for x in scalars]
            head = self.conditions[condition.index] = self._add(vertex)
            for tail in tails:
                self._arc(tail, head, COMPARED)
        return self.conditions[condition.index]

    def _drawn_decisions(self) -> Iterator[Decision]:
        """The decisions about what is drawn, each comparison once."""
        seen = set()
        for decision in self.decisions:
            key = (decision.sign, *(repr(x) for x in decision.scalars))
            nodes = [x for x in decision.scalars if type(x) is int]
            if key not in seen and any(x in self.nodes for x in nodes):
                seen.add(key)
                yield decision

    def _decided(self, decision: Decision) -> None:
        vertex = Vertex(CONDITION, place=decision.place)
        vertex.decision = decision
        nodes = dict.fromkeys(x for x in decision.scalars if type(x) is int)
        tails = [self._operand(x, decision.place) for x in nodes]
        head = self._add(vertex)
        for tail in tails:
            self._arc(tail, head, COMPARED)

    def _result(self, name: str, shown: str) -> None:
        scalar = self.run.results[name]
        tail = self._scalar(scalar, None)
        source = self.drawing.vertices[tail]
        formula = Formula(source.value or 0.0, node=source.node)
        if source.node is None:
            assert source.formula is not None
            formula = source.formula
        vertex = Vertex(RESULT, formula=formula, value=source.value, name=shown)
        self._arc(tail, self._add(vertex))


def _shared_places(
    graph: OpenGraph, places: Sequence[Place | None], results: Iterable[Scalar]
) -> list[Place | None]:
    """Where operations hold that were made once and are used in several places.

    An operation is from where it was made first. Without values one that both arms use is
    from neither, but from what is around them. A choice uses its operands in its arms, and
    says nothing; what it compares, it uses where it stands.
    """
    found = list(places)

    def used(operand: Scalar, place: Place | None) -> None:
        own = found[operand] if type(operand) is int else None
        if type(operand) is int and own is not None and own is not place:
            found[operand] = own.outside_arms(place)

    for result in results:
        used(result, None)
    for node in range(len(graph) - 1, -1, -1):
        if graph.op[node] == SELECT:
            for compared in _scalars(graph.chooses[node]):
                used(compared, found[node])
        elif graph.op[node] > CONSTANT_CODE:
            for operand in graph.operands(node):
                used(operand, found[node])
    return found


def _scalars(condition: Condition) -> Iterator[Scalar]:
    pending = [condition]
    while pending:
        one = pending.pop()
        yield from one.scalars
        pending += one.parts[::-1]


def _add_pass(drawing: Diagram, traced: Pass) -> None:
    """Put the tangents or adjoints of a pass, and where it flows, into a drawing."""
    run = drawing.run
    by_node: dict[int, list[Step]] = {}
    by_name: dict[str, list[Step]] = {}
    for step in traced.steps:
        own = step if drawing.mode == "reverse" else step.tangent
        assert own is not None
        if step.target.node is None:
            by_name.setdefault(step.target.name, []).append(own)
        else:
            by_node.setdefault(step.target.node, []).append(own)
    shown = result_names(run)
    seeds = {shown[name]: x for name, x in traced.seed.items() if name in shown}
    for vertex in drawing.vertices:
        if vertex.kind == OUTSIDE:
            continue
        if vertex.node is not None:
            vertex.steps = by_node.get(vertex.node, [])
        elif vertex.kind == RESULT:
            vertex.steps = by_name.get(vertex.name, [])
        if vertex.steps:
            vertex.derivative = vertex.steps[-1].value
        elif vertex.kind == RESULT:
            vertex.derivative = seeds[vertex.name] if drawing.mode == "reverse" else 0.0
        elif vertex.kind == INPUT and drawing.mode == "reverse":
            vertex.derivative = 0.0
    if drawing.mode == "forward":
        elements = run.elements
        moved = {elements[name] for name, x in traced.seed.items() if x != 0}
        live = {i for i, vertex in enumerate(drawing.vertices) if vertex.node in moved}
        for arc in drawing.arcs:  # in the order computed
            tail, head = drawing.vertices[arc.tail], drawing.vertices[arc.head]
            arc.flows = arc.tail in live and tail.kind != OUTSIDE
            arc.flows = arc.flows and (head.kind == RESULT or arc.partial is not None)
            if arc.flows:
                live.add(arc.head)
        return
    # The way back ends where the drawing does.
    pairs = {step.local for step in traced.steps if step.local is not None}
    for arc in drawing.arcs:
        tail, head = drawing.vertices[arc.tail], drawing.vertices[arc.head]
        if head.kind == RESULT:
            is_drawn = tail.node is not None and tail.kind != OUTSIDE
            arc.flows = seeds[head.name] != 0 and is_drawn
        else:
            is_live = tail.kind != OUTSIDE and arc.partial is not None
            arc.flows = is_live and (head.node, tail.node) in pairs


def warnings(drawn: Sequence[Diagram]) -> list[Diagnostic]:
    """What is not finite in drawings of one program, and notes, as for its trace."""
    run = drawn[0].run
    if run.graph.is_open:
        return []
    passes = [one.traced for one in drawn if one.traced is not None]
    if not passes:
        return value_warnings(run)
    is_forward = drawn[0].mode == "forward"
    return trace_warnings(run, passes if is_forward else (), () if is_forward else passes)
