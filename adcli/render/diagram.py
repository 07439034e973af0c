"""What stands on the vertices and arcs of a drawing, for every format it is drawn in."""

from __future__ import annotations

from collections.abc import Sequence

from adcli.differentiate.diagram import (
    CHOICE,
    CONDITION,
    CONSTANT,
    DECIDES,
    IF_FALSE,
    IF_TRUE,
    OPERAND,
    OPERATION,
    RESULT,
    Arc,
    Diagram,
    Vertex,
)
from adcli.errors import Source
from adcli.graph import conditions
from adcli.graph.conditions import Condition
from adcli.graph.history import CALL, TURN, YES, Place
from adcli.graph.notation import (
    ADJOINT,
    PRIMAL,
    TANGENT,
    Formula,
    Style,
    numbers,
    reference,
    variable,
    write,
)
from adcli.graph.numbers import number
from adcli.graph.program import Run
from adcli.graph.wengert import Scalar
from adcli.render.safe import safe, to_ascii, width
from adcli.render.trace import DEFAULT_DIGITS, Writer, called, seed_text

# The longest text of a program shown on a drawing, and in its tooltips.
_LONGEST_TITLE = 90
_LONGEST_TEXT = 300
_LONGEST_CHOICE = 40
_LONGEST_LABEL = 20
# The contributions to an adjoint that a tooltip lists.
_MOST_STEPS = 6
# The places around an operation that a tooltip names, and a column of a table.
_MOST_PLACES = 6
_FEW_PLACES = 3

ROLES = {DECIDES: "if", IF_TRUE: "then", IF_FALSE: "else"}


class Caption:
    """The text on a vertex.

    Attributes:
        name: what it is: v₃ = sin v₀.
        value: its value, or "".
        derivative: its tangent or adjoint, or "".
        tooltip: all that is known about it, a line each.
    """

    __slots__ = ("derivative", "name", "tooltip", "value")

    def __init__(self, name: str, value: str, derivative: str, tooltip: list[str]) -> None:
        self.name = name
        self.value = value
        self.derivative = derivative
        self.tooltip = tooltip

    def lines(self) -> list[str]:
        """What is shown, a line each."""
        return [line for line in (self.name, self.value, self.derivative) if line]


class Captions:
    """Writes the texts of one drawing.

    Args:
        drawing: the drawing.
        digits: digits behind the point, None for as many as traces have.
        ascii_only: whether only ASCII may be used.
    """

    def __init__(self, drawing: Diagram, digits: int | None, *, ascii_only: bool) -> None:
        self.drawing = drawing
        self.ascii_only = ascii_only
        self.style: Style = "ascii" if ascii_only else "text"
        self.writer = Writer(drawing.run, self.style, DEFAULT_DIGITS if digits is None else digits)
        self._called = called(self.writer)
        # Constants that stand beside the operation they are an operand of.
        self.beside = {
            arc.tail: arc.head
            for arc in drawing.arcs
            if arc.role == OPERAND
            and drawing.vertices[arc.tail].kind == CONSTANT
            and drawing.vertices[arc.head].kind == OPERATION
        }
        self._mark = {"": PRIMAL, "forward": TANGENT, "reverse": ADJOINT}[drawing.mode]

    def is_second(self, arc: Arc) -> bool:
        """Whether a constant is the second operand."""
        formula = self.drawing.vertices[arc.head].formula
        return formula is not None and formula.operands[-1].is_number

    def shown(self, text: str) -> str:
        """A text that is safe to show here."""
        return to_ascii(safe(text)) if self.ascii_only else safe(text)

    def title(self) -> str:
        """What the drawing is of: the text of a short program, or its file and function."""
        return self.shown(program_title(self.drawing.run))

    def subtitle(self) -> str:
        """What is drawn: the graph alone, its values, or which pass."""
        drawing = self.drawing
        if drawing.traced is not None:
            return self.shown(seed_text(self.writer, drawing.mode, drawing.traced))
        return "Computational graph, with values" if drawing.has_values else "Computational graph"

    def vertex(self, vertex: Vertex) -> Caption:
        """The text on a vertex."""
        name = self._definition(vertex)
        value = "" if vertex.value is None else self.writer.number(vertex.value)
        if vertex.kind == CONSTANT or name.endswith(f"= {value}"):
            value = ""
        if vertex.decision is not None:
            value = "true" if vertex.decision.holds else "false"
        derivative = ""
        if vertex.derivative is not None:
            derivative = f"{self._symbol(vertex)} = {self.writer.number(vertex.derivative)}"
        name, value, derivative = map(self.shown, (name, value, derivative))
        return Caption(name, value, derivative, self._tooltip(vertex, name))

    def definition(self, vertex: Vertex) -> str:
        """v₃ = sin v₀, v₋₁ = x₁, y = v₄, v₁ < 1, 2."""
        return self.shown(self._definition(vertex))

    def _definition(self, vertex: Vertex) -> str:
        writer = self.writer
        if vertex.kind == CONDITION:
            return self._condition(vertex)
        own = self._own(vertex, PRIMAL)
        if vertex.kind == CHOICE:
            return f"{own} = {self._choice(vertex)}"
        if vertex.formula is None:
            return own
        text = writer.expression(vertex.formula)
        return f"{own} = {text}" if own else text

    def _own(self, vertex: Vertex, mark: str) -> str:
        if vertex.kind == RESULT:
            return variable(vertex.name, self.style, mark)
        if vertex.node is None:
            return ""
        return self.writer.labels.label(vertex.node, self.style, mark)

    def _symbol(self, vertex: Vertex) -> str:
        return self._own(vertex, self._mark)

    def name(self, vertex: Vertex) -> str:
        """The symbol of a vertex alone: v₃, y, or the number a constant is."""
        return self.shown(self._own(vertex, PRIMAL) or self._definition(vertex))

    def _condition(self, vertex: Vertex) -> str:
        if vertex.decision is not None:
            one, other = (self._scalar(x) for x in vertex.decision.scalars)
            return f"{one} {vertex.decision.sign} {other}"
        assert vertex.condition is not None
        return self._write(vertex.condition)

    def _write(self, condition: Condition) -> str:
        if condition.kind == conditions.COMPARE:
            one, other = (self._scalar(x) for x in condition.scalars)
            return f"{one} {condition.sign} {other}"
        if condition.kind == conditions.NOT:
            return f"not ({self._write(condition.parts[0])})"
        is_and = condition.kind == conditions.AND
        texts = [
            f"({self._write(part)})" if is_and and part.kind == conditions.OR else self._write(part)
            for part in condition.parts
        ]
        return (" and " if is_and else " or ").join(texts)

    def _scalar(self, scalar: Scalar) -> str:
        formula = Formula(scalar)
        if type(scalar) is int:
            formula = reference(self.drawing.run.graph, scalar)
        return self.writer.expression(formula)

    def _choice(self, vertex: Vertex) -> str:
        assert vertex.node is not None
        assert vertex.condition is not None
        graph = self.drawing.run.graph
        yes, no = (
            self.writer.expression(reference(graph, operand))
            for operand in graph.operands(vertex.node)
        )
        condition = self._write(vertex.condition)
        text = f"if {condition} then {yes} else {no}"
        return text if len(text) <= _LONGEST_CHOICE else f"if ... then {yes} else {no}"

    def _tooltip(self, vertex: Vertex, name: str) -> list[str]:
        """The lines of the trace, the text of the program, and what is around it."""
        lines = [name]
        if vertex.condition is not None and vertex.kind == CHOICE:
            lines.append(f"if {self._write(vertex.condition)}")
        if vertex.kind == RESULT and vertex.name in self._called:
            lines.append(self._called[vertex.name])
        if vertex.formula is not None and vertex.value is not None and vertex.kind != CONSTANT:
            value = self.writer.number(vertex.value)
            filled = ""
            if vertex.formula.row is not None:
                filled = write(vertex.formula, self.style, numbers(self.style, self.writer.digits))
            lines[0] = " = ".join(dict.fromkeys(x for x in (name, filled, value) if x))
            if name.endswith(f"= {value}"):
                lines[0] = name
        is_adjoint = self.drawing.mode == "reverse"
        line = self.writer.adjoint_line if is_adjoint else self.writer.line
        lines += [line(step) for step in vertex.steps[:_MOST_STEPS]]
        if len(vertex.steps) > _MOST_STEPS:
            lines += ["...", line(vertex.steps[-1])]
        if vertex.node is not None:
            span = self.drawing.run.span(vertex.node)
            if span is not None:
                lines.append(f"line {span.line}: {short(span.text)}")
        return [*(self.shown(line) for line in lines), *self.around(vertex.place)]

    def around(self, place: Place | None) -> list[str]:
        """The calls, turns and arms around something, the outermost first."""
        if place is None:
            return []
        is_open = not self.drawing.has_values
        places = place.path(_MOST_PLACES)
        lines = [self.shown(place_text(one, is_open=is_open)) for one in places]
        return lines if places[0].parent is None else ["...", *lines]

    def group(self, places: Sequence[Place]) -> str:
        """Places one inside of the other in a few words: i = 2 › huber."""
        return self.shown(" › ".join(place_name(place) for place in places))

    def origin(self, place: Place | None) -> str:
        """The innermost places around something in a few words, for a column of a table."""
        if place is None:
            return ""
        places = place.path(_FEW_PLACES)
        more = [] if places[0].parent is None else ["..."]
        return self.shown(" › ".join([*more, *(place_name(one) for one in places)]))

    def results(self) -> list[str]:
        """Which result is which, where drawings have other names for them."""
        drawn = {vertex.name for vertex in self.drawing.vertices if vertex.kind == RESULT}
        return [self.shown(text) for name, text in self._called.items() if name in drawn]

    def role(self, arc: Arc) -> str:
        """What an operand is to a choice: "if ", "then ", "else "; "" of others."""
        return f"{ROLES[arc.role]} " if arc.role in ROLES else ""

    def arc(self, arc: Arc) -> list[str]:
        """The lines beside an arc: the local partial derivative, or the role."""
        if arc.role != OPERAND:
            return [ROLES[arc.role]] if arc.role in ROLES else []
        if arc.partial is None or arc.value is None:
            return []
        formula = self.writer.expression(arc.partial)
        value = self.writer.number(arc.value)
        texts = [value] if formula == value else [formula, value]
        if not arc.is_whole:
            return [self.shown(" = ".join(texts))]
        partial = self._partial(arc)
        line = " = ".join([partial, *texts])
        if width(line) <= _LONGEST_LABEL:
            return [self.shown(line)]
        return [self.shown(partial), self.shown(" = ".join(["", *texts]).lstrip())]

    def _partial(self, arc: Arc) -> str:
        tail, head = self.drawing.vertices[arc.tail], self.drawing.vertices[arc.head]
        assert tail.node is not None
        assert head.node is not None
        return self.writer.partial(head.node, tail.node)


def program_title(run: Run) -> str:
    """The text of a short program, or its file and function."""
    source: Source = run.program.source
    text = " ".join(source.text.split())
    if source.name in ("expression", "standard input") and len(text) <= _LONGEST_TITLE:
        return text
    return f"{source.name}: {run.program.name}" if source.name != "expression" else short(text)


def short(text: str, longest: int = _LONGEST_TITLE) -> str:
    """The beginning of a text, on one line."""
    text = " ".join(text[: _LONGEST_TEXT + longest].split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


def place_text(place: Place, *, is_open: bool) -> str:
    """A place in full: in huber(r, delta); i = 2 of 1..n; q < 1 is true.

    Args:
        place: the place.
        is_open: whether conditions are not decided: if q < 1.
    """
    text = "" if place.span is None else short(place.span.text)
    if place.kind == CALL:
        return f"in {text or place.name}"
    if place.kind == TURN:
        return f"{place_name(place)} {'of' if place.name else 'while'} {text}"
    if is_open:
        return f"if {text}" if place.kind == YES else f"if not ({text})"
    return f"{text} is {'true' if place.kind == YES else 'false'}"


def place_name(place: Place) -> str:
    """A place in short: huber; i = 2; turn 3; q < 1: true."""
    if place.kind == CALL:
        return place.name
    if place.kind == TURN:
        if place.name and place.value is not None:
            return f"{place.name} = {number(place.value)}"
        return f"{place.name}: turn {place.number}" if place.name else f"turn {place.number}"
    text = "" if place.span is None else short(place.span.text, _LONGEST_CHOICE)
    return f"{text}: {'true' if place.kind == YES else 'false'}"
