"""What a program went through while it was traced: calls, turns of loops, comparisons.

Operations know which text they are from, but not in which turn of a loop or in which call
they were made. The tracer tells a `History`, and `places` says it for each node.
"""

from __future__ import annotations

from typing import Any

from adcli.errors import Span
from adcli.graph import code as c
from adcli.graph.primitives import CONSTANT
from adcli.graph.tracer import called_at
from adcli.graph.wengert import NOWHERE, Graph, Scalar

_ENTER, _LEAVE, _TURN, _COMPARE = range(4)

CALL, TURN, YES, NO = "call", "turn", "yes", "no"


class Place:
    """Where in the run of a program something happened.

    Attributes:
        kind: CALL of a function, TURN of a loop, or the YES or NO arm of a condition.
        name: the function, or the variable of the loop ("" of `while`).
        number: of a turn, its number, counted from 1.
        value: of a turn, the variable's value if it is a number that is known.
        span: the text of the call, the condition, or what the loop runs over.
        parent: the place around it, None in the main body.
        depth: how many are around it.
    """

    __slots__ = ("depth", "kind", "name", "number", "parent", "span", "value")

    def __init__(
        self,
        kind: str,
        name: str,
        span: Span | None,
        parent: Place | None,
        number: int = 0,
        value: float | None = None,
    ) -> None:
        self.kind = kind
        self.name = name
        self.span = span
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.number = number
        self.value = value

    def path(self, most: int) -> list[Place]:
        """The places around it and itself, the outermost first; at most the inner so many."""
        found: list[Place] = []
        place: Place | None = self
        while place is not None and len(found) < most:
            found.append(place)
            place = place.parent
        return found[::-1]

    def outside_arms(self, other: Place | None) -> Place | None:
        """The innermost place around this that is in no arm that another place is not in."""
        found: Place | None = self
        one: Place | None = self
        while one is not other and one is not None:
            if other is not None and other.depth > one.depth:
                other = other.parent
                continue
            if one.kind in (YES, NO):
                found = one.parent
            if other is not None and other.depth == one.depth:
                other = other.parent
            one = one.parent
        return found


class Decision:
    """A comparison on quantities that depend on the inputs, as it turned out.

    Attributes:
        before: how many nodes there were when it was made.
        sign: `<`, `<=`, `>`, `>=`, `==` or `!=`.
        scalars: the two scalars compared.
        holds: whether it held.
        place: where it was made.
    """

    __slots__ = ("before", "holds", "place", "scalars", "sign")

    def __init__(
        self,
        before: int,
        sign: str,
        scalars: tuple[Scalar, Scalar],
        holds: bool,
        place: Place | None,
    ) -> None:
        self.before = before
        self.sign = sign
        self.scalars = scalars
        self.holds = holds
        self.place = place


class _Structure:
    """The regions of a function.

    Attributes:
        innermost: of each `where` the innermost region it is in.
        around: of each region the one around it.
        loops: the loops by their heads.
    """

    __slots__ = ("around", "innermost", "loops")

    def __init__(self, function: c.Function) -> None:
        self.innermost: dict[int, c.Region] = {}
        self.around: dict[c.Region, c.Region | None] = {}
        self.loops = {x.head: x for x in function.regions if x.kind == c.LOOP}
        open_regions: list[c.Region] = []
        where = 0
        for region in sorted(function.regions, key=lambda x: (x.first, -x.last)):
            while open_regions and open_regions[-1].last <= region.first:
                where = self._close(open_regions, where)
            self._fill(open_regions, where, region.first)
            where = region.first
            self.around[region] = open_regions[-1] if open_regions else None
            open_regions.append(region)
        while open_regions:
            where = self._close(open_regions, where)

    def _close(self, open_regions: list[c.Region], where: int) -> int:
        last = open_regions[-1].last
        self._fill(open_regions, where, last)
        open_regions.pop()
        return last

    def _fill(self, open_regions: list[c.Region], first: int, last: int) -> None:
        if open_regions:
            for where in range(first, last):
                self.innermost[where] = open_regions[-1]


class _Call:
    """A call while the history is read: its function, its place, its loops' turns."""

    __slots__ = ("function", "inside", "place", "structure", "turns", "values")

    def __init__(self, function: c.Function, place: Place | None, structure: _Structure) -> None:
        self.function = function
        self.place = place
        self.structure = structure
        # The number of the turn that a loop is in, by the loop and the place around it.
        self.turns: dict[tuple[int, Place | None], int] = {}
        self.values: dict[int, Any] = {}
        # The places that the regions are now, until a turn begins.
        self.inside: dict[c.Region, Place] = {}


class History:
    """Is told by the tracer what happens, in order; `size` is how many nodes there are."""

    def __init__(self) -> None:
        self._events: list[tuple[int, int, int, Any, Any, Any]] = []
        self._found: tuple[list[Place | None], list[Decision]] | None = None

    def enter(self, size: int, function: c.Function, where: int) -> None:
        """A function is called at `where` in its caller."""
        self._events.append((size, _ENTER, where, function, None, None))

    def leave(self, size: int) -> None:
        """The function called last returns."""
        self._events.append((size, _LEAVE, 0, None, None, None))

    def turn(self, size: int, where: int, item: Any = None) -> None:
        """A turn begins of the loop whose head is at `where`."""
        value = item if type(item) is float else None
        self._events.append((size, _TURN, where, value, None, None))

    def compare(
        self, size: int, where: int, sign: str, scalars: tuple[Scalar, Scalar], holds: bool
    ) -> None:
        """Two scalars, of which one depends on the inputs, were compared."""
        self._events.append((size, _COMPARE, where, sign, scalars, holds))

    def places(self, graph: Graph) -> tuple[list[Place | None], list[Decision]]:
        """The place of each node, None of inputs and in the main body; and the decisions.

        They are found once, and are those of the nodes that the program made.
        """
        if self._found is None:
            self._found = self._read(graph)
        return self._found

    def _read(self, graph: Graph) -> tuple[list[Place | None], list[Decision]]:
        found: list[Place | None] = [None] * len(graph)
        decisions: list[Decision] = []
        made: dict[Any, Place] = {}
        structures: dict[c.Function, _Structure] = {}
        calls: list[_Call] = []
        node = 0
        for size, kind, where, a, b, holds in self._events:
            if calls:
                for i in range(node, size):
                    if graph.op[i] > CONSTANT:
                        found[i] = _place(calls[-1], graph.where[i], made)
            node = max(node, size)
            if kind == _ENTER:
                place = None
                if calls:
                    around = _place(calls[-1], where, made)
                    place = Place(CALL, a.name, _span(calls[-1], where), around)
                if a not in structures:
                    structures[a] = _Structure(a)
                calls.append(_Call(a, place, structures[a]))
            elif kind == _LEAVE:
                calls.pop()
            elif kind == _TURN:
                _begin_turn(calls[-1], where, a, made)
            else:
                around = _place(calls[-1], where, made)
                decisions.append(Decision(size, a, b, holds, around))
        return found, decisions


def _place(call: _Call, where: int, made: dict[Any, Place]) -> Place | None:
    """The place of an instruction of a call."""
    if call.function.from_prelude:
        return call.place
    return _region_place(call, call.structure.innermost.get(called_at(where)), made)


def _region_place(call: _Call, region: c.Region | None, made: dict[Any, Place]) -> Place | None:
    """The place that a region of a call is now."""
    pending: list[c.Region] = []
    while region is not None and region not in call.inside:
        pending.append(region)
        region = call.structure.around[region]
    place = call.place if region is None else call.inside[region]
    for inner in reversed(pending):
        place = call.inside[inner] = _inside(call, inner, place, made)
    return place


def _inside(call: _Call, region: c.Region, around: Place | None, made: dict[Any, Place]) -> Place:
    """The place that a region is, inside of another."""
    number = call.turns.get((region.head, around), 1) if region.kind == c.LOOP else 0
    key = (call, around, region.first, region.kind, number)
    place = made.get(key)
    if place is None:
        span = Span(call.function.source, region.start, region.end)
        if region.kind == c.LOOP:
            value = call.values.get(region.head)
            place = Place(TURN, region.variable, span, around, number, value)
        else:
            place = Place(YES if region.kind == c.YES else NO, "", span, around)
        made[key] = place
    return place


def _begin_turn(call: _Call, head: int, value: float | None, made: dict[Any, Place]) -> None:
    loop = call.structure.loops[head]
    around = _region_place(call, call.structure.around[loop], made)
    key = (head, around)
    call.turns[key] = call.turns.get(key, 0) + 1
    call.values[head] = value
    call.inside.clear()


def _span(caller: _Call, where: int) -> Span | None:
    """The text of a call; of a default, or one inside the prelude, there is none to show."""
    if caller.function.from_prelude or where == NOWHERE:
        return None
    return Span(caller.function.source, *caller.function.spans[called_at(where)])
