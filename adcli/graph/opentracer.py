"""The tracer where inputs have no values: what they decide is recorded whatever they are.

Both arms of a branch run, one after the other, and their registers are merged (see `arms`).
Of a loop some turns run, each under the condition that it is taken. An error in an arm is one
of the inputs that take it; they are noted in the graph as failed.

Without turns (see `OpenGraph`) the graph is to be read as a formula, and there is none for
loops, recursions and indices that the inputs decide.
"""

from __future__ import annotations

import math
from typing import Any

from adcli.errors import LimitError, ProgramError
from adcli.graph import arrays
from adcli.graph import code as c
from adcli.graph.arms import Perhaps, merged, separate, still
from adcli.graph.arrays import Array, Value
from adcli.graph.conditions import Condition, Truth
from adcli.graph.history import History
from adcli.graph.open import OpenGraph, UndecidedError
from adcli.graph.primitives import ABS, ADD, BY_NAME, DIV, MAX, MUL, SUB
from adcli.graph.tracer import Tracer, no_range_end
from adcli.graph.wengert import NOWHERE, Scalar

# Branches inside of branches that the inputs decide: each is three calls of Python, for which
# `Program.open` makes room.
_MOST_ARMS = 1000

# Arms of a branch inside of arms of the same, in turns of a loop that the inputs decide: with
# each step of the recursion there are as many more as turns.
_MOST_RECURSIONS = 10_000

_FLOOR = BY_NAME["floor"].code


class OpenRange:
    """What a `for` runs over whose ends or step the inputs decide."""

    __slots__ = ("first", "step", "terms")

    def __init__(self, graph: OpenGraph, first: Scalar, last: Scalar, step: Scalar) -> None:
        self.first = first
        self.step = step
        turns = graph.binary(DIV, graph.binary(SUB, last, first), step)
        # The terms behind the first, as `Tracer._range_count` counts them.
        size = graph.binary(MAX, 1.0, graph.unary(ABS, turns))
        whole: Truth = True
        for x in (first, last, step):
            whole = graph.both(whole, graph.compare("==", graph.unary(_FLOOR, x), x))
        slack = graph.select(whole, 0.0, graph.binary(MUL, 1e-10, size))
        self.terms = graph.binary(ADD, turns, slack)

    def is_range(self, graph: OpenGraph) -> Truth:
        """Whether the ends are numbers, and the step is none of 0, inf and nan."""
        finite = [graph.binary(SUB, x, x) for x in (self.terms, self.step)]
        return graph.both(*(graph.compare("==", x, 0.0) for x in finite))

    def goes_on(self, graph: OpenGraph, index: int) -> Truth:
        """Whether there is a term `index`, counted from 0."""
        return graph.compare(">=", self.terms, float(index))


class OpenIndex:
    """An index that the inputs decide, within its bounds."""

    __slots__ = ("_graph", "_node")

    def __init__(self, graph: OpenGraph, node: int) -> None:
        self._graph = graph
        self._node = node

    def equals(self, offset: int) -> Truth:
        """Whether it picks the element at an offset (from 0)."""
        return self._graph.compare("==", self._node, float(offset + 1))

    def pick(self, items: list[Scalar]) -> Scalar:
        """The element it picks; of none anything, for there all inputs have failed."""
        found: Scalar = items[-1] if items else math.nan
        for offset in range(len(items) - 2, -1, -1):
            found = self._graph.select(self.equals(offset), items[offset], found)
        return found


class OpenTracer(Tracer):
    """Runs functions into an open graph.

    Args:
        graph: where operations are recorded.
        history: told of calls, turns of loops and comparisons, None if nobody asks.
    """

    graph: OpenGraph

    def __init__(self, graph: OpenGraph, history: History | None = None) -> None:
        super().__init__(graph, history)
        # The branches of which an arm is being run, outermost first, and for each arm where
        # it and those around it are taken.
        self._arms: list[tuple[int, int]] = []
        self._taken: list[Truth] = [True]
        # The loops that the inputs decide around, and the recursions in them.
        self._loops = 0
        self._recursions = 0

    def _open(
        self,
        function: c.Function,
        code: list[c.Instruction],
        position: int,
        R: list[Any],
        fixed: int,
    ) -> int:
        """Run turns of the loop, or both arms of the branch, before `position`.

        Returns:
            Where it ends, or they meet.

        Raises:
            ProgramError: it is a loop or a recursion whose end the inputs decide.
        """
        graph = self.graph
        op, target, a, end, where = code[position - 1]
        assert isinstance(end, int)
        last = code[end - 1]
        # A loop ends with a jump back before its condition.
        if op == c.NEXT or (last[0] == c.JUMP and last[1] < position):
            if not graph.turns:
                raise _no_formula("loop")
            self._turns(function, code, position, R, fixed)
            return end
        condition = R[a]
        code = code[:]
        code[end] = (c.RETURN, 0, (0,), 0, code[min(end, len(code) - 1)][4])
        yes, no = separate(R), separate(R)
        self._begin(function, position)
        in_yes = self._arm(condition, True, function, yes, fixed, code, position)
        in_no = self._arm(condition, False, function, no, fixed, code, target)
        self._arms.pop()
        graph.here = where if fixed == NOWHERE else fixed
        if in_yes and in_no:
            raise in_yes
        R[:] = no if in_yes else yes if in_no else merged(graph, condition, yes, no)
        return end

    def _begin(self, function: c.Function, position: int) -> None:
        """Note that arms of the branch before `position` run inside of those around.

        Raises:
            ProgramError: it is a recursion whose end the inputs decide.
            LimitError: there are too many around.
        """
        place = (id(function), position)
        depth = len(self._arms)
        # In a formula no recursion is followed; for rows those that other values end are.
        if place in self._arms:
            self._recursions += self._loops > 0
            is_endless = depth >= _MOST_ARMS or self._recursions > _MOST_RECURSIONS
            if is_endless or not self.graph.turns:
                raise _no_formula("recursion")
        if depth >= _MOST_ARMS:
            raise LimitError(f"branches nested more than {_MOST_ARMS} deep have no formula")
        self._arms.append(place)

    def _arm(
        self,
        condition: Condition,
        holds: bool,
        function: c.Function,
        registers: list[Any],
        fixed: int,
        code: list[c.Instruction],
        position: int,
    ) -> ProgramError | LimitError | None:
        """Run an arm, or a turn of a loop, under the condition that it is taken.

        Returns:
            The error it ends with, if it does: the inputs that take it are noted as failed.

        Raises:
            ProgramError: what only values could decide; in a formula, any error.
            LimitError: nothing can be recorded any more; in a formula, any limit.
        """
        graph = self.graph
        depth, loops = len(self._arms), self._loops
        if graph.turns:
            here = condition if holds else graph.negation(condition)
            self._taken.append(graph.both(self._taken[-1], here))
        try:
            self._run(function, registers, fixed, code, position)
        except (ProgramError, LimitError) as error:
            is_spent = self.budget < 0 or graph.is_full
            if not graph.turns or is_spent or isinstance(error, UndecidedError):
                raise
            self._fail(True)
            return error
        finally:
            del self._arms[depth:]
            self._loops = loops
            if graph.turns:
                self._taken.pop()
        return None

    def _fail(self, where: Truth) -> None:
        """Note an error of those inputs that come here and of which a condition holds."""
        self.graph.note_failed(self.graph.both(self._taken[-1], where))

    def _checked(self, value: Any) -> Any:
        """The value of a variable that may have none: inputs for which it has none failed."""
        if not isinstance(value, Perhaps):
            return value
        self._fail(self.graph.negation(value.where))
        return value.value

    def _undefined(self, registers: tuple[int, ...], R: list[Any]) -> Any:
        """Variables before an `if` with one arm: here one without a value may get one at times."""
        return [(register, R[register]) for register in registers]

    def _forget(self, undefined: Any, R: list[Any]) -> None:
        """Behind it a variable has a value where it had one before."""
        for register, before in undefined:
            R[register] = still(before, R[register])

    def _turns(
        self,
        function: c.Function,
        code: list[c.Instruction],
        position: int,
        R: list[Any],
        fixed: int,
    ) -> None:
        """Run turns of a loop under the condition that the inputs decide.

        A turn whose condition does not hold leaves everything as it was. Where it still
        holds after as many turns as the graph has, the graph is `undecided`; turns that no
        input decides are not counted.

        `position` is behind the BRANCH of a `while`, or the NEXT of a `for`.
        """
        graph = self.graph
        op, target, a, end, where = code[position - 1]
        assert isinstance(end, int)
        is_while = op == c.BRANCH
        if code[end - 2][0] == c.APPEND and not is_while:
            raise _no_length()
        iterator = R[a]
        variables = {instruction[2] for instruction in code if instruction[0] == c.CHECK}
        # A turn is the body and the jump back, of a `while` also the condition again.
        code = code[:]
        code[position - 1] = (c.RETURN, 0, (0,), 0, where)
        condition: Truth = R[a] if is_while else iterator.goes_on(graph, 0)
        self._begin(function, position)
        self._loops += 1
        left, index = graph.turns, 0
        while condition is True or (condition is not False and left):
            self._spend(0)
            if condition is True:
                self._run(function, R, fixed, code, position)
                condition = R[a]
                continue
            registers = separate(R)
            if not is_while:
                registers[target] = self._term(iterator, index)
            if self._arm(condition, True, function, registers, fixed, code, position):
                condition = False  # all who take this turn have failed
                break
            left -= 1
            index += 1
            graph.here = where if fixed == NOWHERE else fixed
            R[:] = merged(graph, condition, registers, R, variables)
            condition = R[a] if is_while else iterator.goes_on(graph, index)
        self._loops -= 1
        self._arms.pop()
        graph.note_undecided(graph.both(self._taken[-1], condition))

    def _range(self, first: Value, last: Value, step: Value) -> Any:
        if int not in (type(first), type(last), type(step)):
            return super()._range(first, last, step)
        if not self.graph.turns:
            raise _no_formula("loop")
        arrays.check_numbers(first, last, step)
        for value in (first, last, step):
            if isinstance(value, Array):
                raise no_range_end(value)
        found = OpenRange(self.graph, first, last, step)  # type: ignore[arg-type]  # scalars
        self._fail(self.graph.negation(found.is_range(self.graph)))
        return found

    def _is_decided(self, index: Any, R: list[Any]) -> bool:
        """Whether an index is a constant, or a range of them."""
        return isinstance(index, tuple) or type(R[index]) is not int or not self.graph.turns

    def _open_index(self, node: int, size: int) -> OpenIndex:
        """An index that the inputs decide; where it is outside they have failed."""
        graph = self.graph
        self._spend(size >> 3)
        inside = graph.both(graph.compare(">=", node, 1.0), graph.compare("<=", node, float(size)))
        whole = graph.compare("==", graph.unary(_FLOOR, node), node)
        self._fail(graph.negation(graph.both(inside, whole)) if size else True)
        return OpenIndex(graph, node)

    def _index(self, base: Any, indices: tuple[Any, ...], R: list[Any]) -> Value:
        is_array = isinstance(base, Array) and len(indices) <= len(base.shape)
        if not is_array or all(self._is_decided(index, R) for index in indices):
            return super()._index(base, indices, R)
        if len(base.shape) == 1:
            return self._open_index(R[indices[0]], len(base.items)).pick(base.items)
        rows, columns = base.shape
        # The row first, then of what is left the column.
        if self._is_decided(indices[0], R):
            chosen = self._positions(indices[0], R, rows, "rows")
            places = [chosen] if isinstance(chosen, int) else chosen
            lines = [base.items[i * columns : (i + 1) * columns] for i in places]
        else:
            row = self._open_index(R[indices[0]], rows)
            chosen = 0
            lines = [[row.pick(base.items[j::columns]) for j in range(columns)]]
        items: list[Scalar] = [item for line in lines for item in line]
        if len(indices) == 1:
            return Array((columns,), items)
        if self._is_decided(indices[1], R):
            column = self._positions(indices[1], R, columns, "columns")
            if isinstance(column, int):
                return items[column]
            return Array((len(column),), [items[j] for j in column])
        picked = self._open_index(R[indices[1]], columns)
        found: list[Scalar] = [picked.pick(line) for line in lines]
        return found[0] if isinstance(chosen, int) else Array((len(found),), found)

    def _set_element(self, base: Any, value: Any, indices: tuple[Any, ...], R: list[Any]) -> None:
        is_element = isinstance(base, Array) and type(value) in (int, float)
        is_element = is_element and len(indices) == len(base.shape)
        if not is_element or any(isinstance(index, tuple) for index in indices):
            super()._set_element(base, value, indices, R)
            return
        if all(self._is_decided(index, R) for index in indices):
            super()._set_element(base, value, indices, R)
            return
        graph, size = self.graph, len(base.items)
        here: list[Truth] = [True] * size
        # Where an offset is in a row or column: offset // stride % length.
        stride = size
        for index, length, what in zip(indices, base.shape, _WHAT[len(indices)], strict=True):
            stride //= max(length, 1)
            if self._is_decided(index, R):
                offset = self._positions(index, R, length, what)
                wheres: list[Truth] = [k == offset for k in range(length)]
            else:
                picked = self._open_index(R[index], length)
                wheres = [picked.equals(k) for k in range(length)]
            for place in range(size):
                here[place] = graph.both(here[place], wheres[place // stride % length])
        base.items[:] = [
            graph.select(where, value, item) for where, item in zip(here, base.items, strict=True)
        ]


# What messages call what an index counts, of vectors and of matrices.
_WHAT = {1: ("elements",), 2: ("rows", "columns")}


def _no_formula(what: str) -> ProgramError:
    what = f"a {what} whose length depends on the inputs"
    hint = "this is where automatic differentiation goes on: adcli grad"
    return UndecidedError(what, f"{what} has no formula", hint)


def _no_length() -> ProgramError:
    what = "a vector whose length depends on the inputs"
    hint = "add up in a for loop: s = 0; for i in 1..n { s += ... }"
    return UndecidedError(what, "the length of a vector cannot depend on the inputs here", hint)
