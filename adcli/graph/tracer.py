"""The tracer: runs a compiled program at a point into the graph of what was executed.

The loop below is the machine. Operations on scalars, jumps and loops are handled in it;
whatever is rarer, or has a vector in it, in methods. Calls push a frame on a list, so
recursion is bounded by MAX_DEPTH and not by Python's stack.

A branch at a point is decided by looking at a value (`BRANCH`, below). In an open graph
there is nothing to look at; what happens then is in `opentracer`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from adcli.errors import LimitError, ProgramError, Span
from adcli.graph import arrays
from adcli.graph import code as c
from adcli.graph.arrays import Array, Several, Value
from adcli.graph.conditions import SIGNS
from adcli.graph.kernels import COMPARISONS
from adcli.graph.numbers import number
from adcli.graph.primitives import (
    ADD,
    CAREFUL,
    COMMUTATIVE,
    END,
    FIRST_UNARY,
    KERNELS,
    MUL,
    NEG,
)
from adcli.graph.suggest import counted
from adcli.graph.wengert import (
    KEY_CODES,
    KEY_SHIFT,
    NOWHERE,
    UNARY,
    Graph,
    Scalar,
)

if TYPE_CHECKING:
    from adcli.graph.history import History

MAX_DEPTH = 100_000
# Prelude functions that are mapped run a machine of their own inside the machine.
MAX_NESTED = 50

_COMPARE = {op: COMPARISONS[sign] for op, sign in SIGNS.items()}


class Iterator:
    """What a `for` runs over: an arithmetic sequence or the elements of a vector."""

    __slots__ = ("count", "first", "index", "items", "step")

    def __init__(
        self, count: int, first: Scalar, step: Scalar, items: list[Value] | None = None
    ) -> None:
        self.index = 0
        self.count = count
        self.first = first
        self.step = step
        self.items = items


class Tracer:
    """Runs functions into a graph.

    Args:
        graph: where operations are recorded.

    Attributes:
        equalities: for each `==` or `!=` of quantities that depend on the inputs and
            were equal, where it stands and a node compared: the path then holds at this
            point only.
        kinks: for each function of the prelude that was at a kink, where it was called,
            the node there, and what convention was used.
        history: told of calls, turns of loops and comparisons, None if nobody asks.
    """

    def __init__(self, graph: Graph, history: History | None = None) -> None:
        self.graph = graph
        self.history = history
        self.equalities: dict[int, int] = {}
        self.kinks: dict[int, tuple[int, str]] = {}
        # Turns, calls and elements are counted besides the nodes, so that a loop which
        # records nothing ends too.
        self.budget = graph.max_operations
        self._nested = 0

    def call(
        self, function: c.Function, arguments: list[Value | None], fixed: int = NOWHERE
    ) -> Value:
        """Run a function; arguments that are None take their defaults.

        Args:
            function: the function.
            arguments: a value for each of its parameters.
            fixed: where to say operations happen, for functions of the prelude.

        Raises:
            ProgramError: a shape, index or name that only shows when it runs.
            LimitError: more operations, or calls inside calls, than allowed.
        """
        self._nested += 1
        if self._nested > MAX_NESTED:
            raise LimitError(f"defaults nested more than {MAX_NESTED} deep")
        try:
            registers = self._enter(function, arguments)
            if self.history is None:
                return self._run(function, registers, fixed)
            self.history.enter(len(self.graph), function, fixed)
            value = self._run(function, registers, fixed)
            self.history.leave(len(self.graph))
            return value
        finally:
            self._nested -= 1

    def _run(
        self,
        function: c.Function,
        registers: list[Any],
        fixed: int,
        arm: list[c.Instruction] | None = None,
        position: int = 0,
    ) -> Value:
        graph, history = self.graph, self.history
        is_open = graph.is_open
        made = graph.made
        ops, lefts, rights = graph.op, graph.left, graph.right
        values, wheres = graph.value, graph.where
        add_op, add_left, add_right = ops.append, lefts.append, rights.append
        add_value, add_where = values.append, wheres.append
        limit = graph.node_limit()
        frames: list[Frame] = []
        code = function.code if arm is None else arm
        R = registers
        where = NOWHERE
        try:
            while True:
                op, target, a, b, where = code[position]
                position += 1
                if op < FIRST_UNARY:
                    x = R[a]
                    y = R[b]
                    if type(x) is int and type(y) is int:
                        if x > y and op in COMMUTATIVE:
                            key = (y << KEY_SHIFT | x) << KEY_CODES | op
                        else:
                            key = (x << KEY_SHIFT | y) << KEY_CODES | op
                        node = made.get(key)
                        if node is None:
                            try:
                                value = KERNELS[op](values[x], values[y])
                            except (ArithmeticError, ValueError):
                                value = CAREFUL[op](values[x], values[y])
                            node = len(ops)
                            if node >= limit:
                                limit = graph.node_limit()
                            add_op(op)
                            add_left(x)
                            add_right(y)
                            add_value(value)
                            add_where(where if fixed == NOWHERE else fixed)
                            made[key] = node
                        R[target] = node
                    elif type(x) is float and type(y) is float:
                        try:
                            value = KERNELS[op](x, y)
                        except (ArithmeticError, ValueError):
                            value = CAREFUL[op](x, y)
                        R[target] = value
                        if value - value != 0:
                            graph.here = where if fixed == NOWHERE else fixed
                            graph.note_folded(op, (x, y), value)
                    else:
                        graph.here = where if fixed == NOWHERE else fixed
                        if type(x) in _SCALARS and type(y) in _SCALARS:
                            R[target] = graph.binary(op, x, y)
                        else:
                            R[target] = self._elementwise(op, [x, y])
                elif op < END:
                    x = R[a]
                    if type(x) is int and op != NEG:
                        key = (x << KEY_SHIFT) << KEY_CODES | op
                        node = made.get(key)
                        if node is None:
                            try:
                                value = KERNELS[op](values[x])
                            except (ArithmeticError, ValueError):
                                value = CAREFUL[op](values[x])
                            node = len(ops)
                            if node >= limit:
                                limit = graph.node_limit()
                            add_op(op)
                            add_left(x)
                            add_right(UNARY)
                            add_value(value)
                            add_where(where if fixed == NOWHERE else fixed)
                            made[key] = node
                        R[target] = node
                    else:
                        graph.here = where if fixed == NOWHERE else fixed
                        if type(x) in _SCALARS:
                            R[target] = graph.unary(op, x)
                        else:
                            R[target] = self._elementwise(op, [x])
                elif op <= c.NE:
                    x = R[a]
                    y = R[b]
                    tx, ty = type(x), type(y)
                    if tx not in _SCALARS or ty not in _SCALARS:
                        raise self._not_comparable(x, y)
                    if is_open:
                        R[target] = graph.compare(SIGNS[op], x, y)  # type: ignore[attr-defined]
                        continue
                    u = values[x] if tx is int else x
                    w = values[y] if ty is int else y
                    R[target] = _COMPARE[op](u, w)
                    if history is not None and (tx is int or ty is int):
                        place = where if fixed == NOWHERE else fixed
                        history.compare(len(ops), place, SIGNS[op], (x, y), R[target])
                    if op >= c.EQ and u == w and (tx is int or ty is int):
                        self._held(function, x if tx is int else y, u, where, fixed)
                elif op == c.BRANCH:
                    x = R[a]
                    if x is False:
                        position = target
                    elif x is not True:
                        position = self._open(function, code, position, R, fixed)
                elif op == c.JUMP:
                    position = target
                elif op == c.MOVE:
                    R[target] = R[a]
                elif op == c.COPY:
                    x = R[a]
                    if type(x) in _SCALARS:
                        R[target] = x
                    else:
                        arrays.check_numbers(x)
                        self._spend(len(x.items) >> 3)
                        R[target] = Array(x.shape, x.items[:])
                elif op == c.NEXT:
                    iterator = R[a]
                    if is_open and type(iterator) is not Iterator:
                        position = self._open(function, code, position, R, fixed)
                        continue
                    index = iterator.index
                    if index >= iterator.count:
                        position = b
                    else:
                        self.budget -= 1
                        if self.budget < 0:
                            raise self.graph.too_many()
                        iterator.index = index + 1
                        if iterator.items is not None:
                            R[target] = iterator.items[index]
                        elif type(iterator.first) is float and type(iterator.step) is float:
                            R[target] = iterator.first + index * iterator.step
                        else:
                            graph.here = where if fixed == NOWHERE else fixed
                            R[target] = self._term(iterator, index)
                        if history is not None:
                            history.turn(len(ops), where, R[target])
                elif op == c.TURN:
                    self._spend(0)
                    if history is not None:
                        history.turn(len(ops), where)
                elif op == c.CALL:
                    self._spend(len(a.template) >> 6)
                    arguments = [R[register] for register in b]
                    for argument in arguments:
                        if type(argument) is Several:
                            arrays.check_numbers(argument)
                    called: c.Function = a
                    if called.from_prelude and _maps(called, arguments):
                        here = where if fixed == NOWHERE else fixed
                        R[target] = self._map(called, arguments, _prelude(here))
                    else:
                        if len(frames) >= MAX_DEPTH:
                            raise LimitError(
                                f"calls inside calls more than {MAX_DEPTH:,} deep",
                                details=("a recursion may never end",),
                            )
                        entered = self._enter(called, arguments)
                        if history is not None:
                            history.enter(len(ops), called, where)
                        frames.append((function, code, position, R, target, fixed))
                        if called.from_prelude and fixed == NOWHERE:
                            fixed = _prelude(where)
                        function, R, code, position = called, entered, called.code, 0
                elif op == c.RETURN:
                    result = R[a[0]] if len(a) == 1 else self._several(function, a, R)
                    if not frames:
                        return result
                    function, code, position, R, target, fixed = frames.pop()
                    R[target] = result
                    if history is not None:
                        history.leave(len(ops))
                elif op == c.CHECK:
                    x = R[a]
                    if x is None:
                        raise ProgramError(
                            f"'{b}' has no value here",
                            hint="assigned nowhere before, or only in one arm of an 'if'",
                        )
                    if is_open and type(x) not in _SCALARS:
                        R[a] = self._checked(x)
                elif op == c.NOT:
                    x = R[a]
                    R[target] = graph.negation(x) if is_open else not x  # type: ignore[attr-defined]
                else:
                    graph.here = where if fixed == NOWHERE else fixed
                    self._rare(op, target, a, b, R)
        except (ProgramError, LimitError) as error:
            if error.span is None:
                error.span = self._span(function, where, fixed, frames)
            raise

    # What values decide at a point, and in an open graph nothing does: see `opentracer`.

    def _open(
        self,
        function: c.Function,
        code: list[c.Instruction],
        position: int,
        R: list[Any],
        fixed: int,
    ) -> int:
        """Run what the BRANCH or NEXT before `position` leads to; where that ends."""
        raise NotImplementedError

    def _checked(self, value: Any) -> Any:
        """The value of a variable that may have none."""
        raise NotImplementedError

    def _several(self, function: c.Function, registers: tuple[int, ...], R: list[Any]) -> Several:
        """The results of a function, those of a call among them one after the other."""
        items: list[Value] = []
        names: list[str | None] = []
        for register, name in zip(registers, function.results, strict=True):
            value = R[register]
            if isinstance(value, Several):
                items += value.items
                names += [None] * len(value.items)
            else:
                items.append(value)
                names.append(name)
        return Several(items, names)

    def _enter(self, function: c.Function, arguments: list[Any]) -> list[Any]:
        """The registers at the start of a call."""
        registers = function.template[:]
        given = len(arguments)
        registers[:given] = arguments
        parameters = function.parameters
        if given < len(parameters) or None in arguments:
            for position, parameter in enumerate(parameters):
                if registers[position] is None:
                    assert parameter.default is not None
                    registers[position] = self.call(parameter.default, [])
        if function.has_shapes:
            for position, parameter in enumerate(parameters):
                if parameter.shape is not None:
                    check_shape(function.name, parameter, registers[position])
        return registers

    def _span(
        self,
        function: c.Function,
        where: int,
        fixed: int,
        frames: list[Frame],
    ) -> Span | None:
        """The user's text that was running: for the prelude, the call of it, if known."""
        if not function.from_prelude:
            return Span(function.source, *function.spans[where])
        for caller, _, position, _, _, _ in reversed(frames):
            if not caller.from_prelude:
                return Span(caller.source, *caller.spans[caller.code[position - 1][4]])
        return None  # mapped over a vector: the machine around this one knows

    def _held(self, function: c.Function, node: int, value: float, where: int, fixed: int) -> None:
        """Note that two quantities were equal: in the prelude, a kink (see prelude.ad)."""
        if not function.from_prelude:
            self.equalities[where] = node
        elif math.isfinite(value):
            message = f"{function.name} has no derivative at {number(value)}; using 0"
            self.kinks[called_at(fixed)] = (node, message)

    def _spend(self, amount: int) -> None:
        self.budget -= 1 + amount
        if self.budget < 0:
            raise self.graph.too_many()

    def _stack(self, items: list[Value]) -> Array:
        """Items as a vector, or vectors as a matrix; counted before it is made."""
        self._spend(sum(len(item.items) if isinstance(item, Array) else 1 for item in items))
        return arrays.stack(items)

    def _elementwise(self, op: int, operands: list[Any]) -> Value:
        for operand in operands:
            if isinstance(operand, Array):
                self._spend(len(operand.items))
        return arrays.elementwise(self.graph, op, operands)

    def _not_comparable(self, x: Any, y: Any) -> ProgramError:
        arrays.check_numbers(x, y)
        return ProgramError(
            f"only numbers can be compared, not {arrays.describe(arrays.shape_of(x))} and "
            f"{arrays.describe(arrays.shape_of(y))}",
            hint="of a vector, element by element: [... for v in x]",
        )

    def _map(self, function: c.Function, arguments: list[Any], fixed: int) -> Value:
        """A function of scalars over vectors, element by element; scalars spread."""
        arrays.check_numbers(*arguments)
        shapes = {argument.shape for argument in arguments if isinstance(argument, Array)}
        if len(shapes) > 1:
            first, second = sorted(shapes)[:2]
            raise ProgramError(
                f"shapes do not agree: {arrays.describe(first)} and {arrays.describe(second)}"
            )
        (shape,) = shapes
        count = math.prod(shape)
        self._spend(count)
        items = []
        for i in range(count):
            scalars = [x.items[i] if isinstance(x, Array) else x for x in arguments]
            items.append(self.call(function, scalars, fixed))
        return Array(shape, items)  # type: ignore[arg-type]  # such functions return scalars

    def _term(self, iterator: Iterator, index: int) -> Scalar:
        """Term `index` of a sequence whose first term or step depends on the inputs."""
        graph = self.graph
        if index == 0:
            return iterator.first
        offset = graph.binary(MUL, float(index), iterator.step)
        return graph.binary(ADD, iterator.first, offset)

    def _rare(self, op: int, target: Any, a: Any, b: Any, R: list[Any]) -> None:
        graph = self.graph
        if op == c.INDEX:
            R[target] = self._index(R[a], b, R)
        elif op == c.SET_ELEMENT:
            self._set_element(R[target], R[a], b, R)
        elif op == c.APPEND:
            R[target].append(R[a])
        elif op == c.RANGE:
            R[target] = self._range(*(R[register] for register in a))
        elif op == c.EACH:
            R[target] = self._each(R[a])
        elif op == c.COLLECT:
            R[target] = []
        elif op == c.STACK:
            R[target] = self._stack(R[a])
        elif op == c.VECTOR:
            R[target] = self._stack([R[register] for register in a])
        elif op == c.WHOLE:
            values = [R[register] for register in b]
            for value in values:
                if isinstance(value, Array) and a is not arrays.FUNCTIONS["len"][0]:
                    self._spend(len(value.items))
            R[target] = a(graph, *values)
        elif op == c.FILLED:
            array = arrays.filled(graph, a, "ones" if a else "zeros", [R[r] for r in b])
            self._spend(len(array.items))
            R[target] = array
        elif op == c.MATMUL:
            left, right = R[a], R[b]
            R[target] = arrays.matrix_product(graph, left, right)
            columns = len(right.items) // max(right.shape[0], 1)
            self._spend(len(right.items) + len(left.items) * columns)
        elif op == c.UNDEFINED:
            R[target] = self._undefined(a, R)
        elif op == c.FORGET:
            self._forget(R[a], R)
        elif op == c.UNPACK:
            value = R[a]
            if not isinstance(value, Several):
                arrays.check_numbers(value)
            items = value.items if isinstance(value, Several) else [value]
            if len(items) != len(target):
                raise ProgramError(
                    f"{counted(len(target), 'name')} but {counted(len(items), 'value')}"
                )
            for register, item in zip(target, items, strict=True):
                R[register] = item
        else:
            raise AssertionError(f"no instruction {op}")

    def _undefined(self, registers: tuple[int, ...], R: list[Any]) -> Any:
        """Which of some variables have no value before an `if` with one arm."""
        return [register for register in registers if R[register] is None]

    def _forget(self, undefined: Any, R: list[Any]) -> None:
        """Take their values away again behind it."""
        for register in undefined:
            R[register] = None

    def _range(self, first: Value, last: Value, step: Value) -> Any:
        """What a `for` runs over from first to last."""
        count = self._range_count(first, last, step)
        if count > self.budget:  # it will not end in time: there is no way out of a `for`
            most = self.graph.max_operations
            raise LimitError(
                f"a loop of {count:,} turns; the limit is {most:,} operations",
                details=("--max-operations N allows more",),
            )
        return Iterator(count, first, step)  # type: ignore[arg-type]  # counted, they are scalars

    def _each(self, value: Value) -> Iterator:
        arrays.check_numbers(value)
        if not isinstance(value, Array):
            raise ProgramError(
                "a loop runs over a range or the elements of a vector, not a number",
                hint="write 1..n",
            )
        self._spend(len(value.items) >> 6)
        items: list[Value] = list(value.items)
        if len(value.shape) == 2:
            rows, columns = value.shape
            items = [
                Array((columns,), value.items[i * columns : (i + 1) * columns]) for i in range(rows)
            ]
        return Iterator(len(items), 0.0, 0.0, items)

    def _range_count(self, first: Value, last: Value, step: Value) -> int:
        """How many terms first, first + step, ... there are up to and including last."""
        numbers = []
        for value in (first, last, step):
            arrays.check_numbers(value)
            if isinstance(value, Array):
                raise no_range_end(value)
            assert not isinstance(value, Several)
            numbers.append(self.graph.number(value))
        start, end, stride = numbers
        if stride == 0:
            raise ProgramError("a range with step 0 never ends")
        turns = (end - start) / stride
        if not math.isfinite(turns) or not math.isfinite(stride):
            raise ProgramError(
                f"a range cannot run from {number(start)} to {number(end)} by {number(stride)}"
            )
        if start.is_integer() and end.is_integer() and stride.is_integer():
            return int(max(0, (int(end) - int(start)) // int(stride) + 1))
        # 0..0.3 by 0.1 has four terms although 0.3/0.1 is 2.9999999999999996.
        return max(0, math.floor(turns + 1e-10 * max(1.0, abs(turns))) + 1)

    def _positions(self, index: Any, R: list[Any], size: int, what: str) -> list[int] | int:
        """The offset an index picks (from 0), or those a range picks."""
        if not isinstance(index, tuple):
            position = arrays.whole(self.graph, R[index], "an index")
            if not 1 <= position <= size:
                raise _outside(position, size, what)
            return position - 1
        first, last, step = (R[register] for register in index)
        count = self._range_count(first, last, step)
        start = arrays.whole(self.graph, first, "an index")
        stride = arrays.whole(self.graph, step, "the step of an index")
        if count:
            for end in (start, start + (count - 1) * stride):
                if not 1 <= end <= size:
                    raise _outside(end, size, what)
        self._spend(count >> 3)
        return [start - 1 + k * stride for k in range(count)]

    def _index(self, base: Any, indices: tuple[Any, ...], R: list[Any]) -> Value:
        arrays.check_numbers(base)
        if not isinstance(base, Array):
            raise ProgramError("a number has no elements")
        if len(base.shape) == 1:
            if len(indices) != 1:
                raise ProgramError(
                    f"{counted(len(indices), 'index')}, but it is {arrays.describe(base.shape)}"
                )
            picked = self._positions(indices[0], R, base.shape[0], "elements")
            if isinstance(picked, int):
                return base.items[picked]
            return Array((len(picked),), [base.items[i] for i in picked])
        rows, columns = base.shape
        row = self._positions(indices[0], R, rows, "rows")
        if len(indices) == 1:
            column: list[int] | int = list(range(columns))
        else:
            column = self._positions(indices[1], R, columns, "columns")
        if isinstance(row, int):
            if isinstance(column, int):
                return base.items[row * columns + column]
            self._spend(len(column) >> 3)
            return Array((len(column),), [base.items[row * columns + j] for j in column])
        if isinstance(column, int):
            self._spend(len(row) >> 3)
            return Array((len(row),), [base.items[i * columns + column] for i in row])
        self._spend(len(row) * len(column))
        items = [base.items[i * columns + j] for i in row for j in column]
        return Array((len(row), len(column)), items)

    def _set_element(self, base: Any, value: Any, indices: tuple[Any, ...], R: list[Any]) -> None:
        arrays.check_numbers(base, value)
        if not isinstance(base, Array):
            raise ProgramError(
                "an element can be assigned only in a vector that exists",
                hint="begin with zeros(n)",
            )
        if len(indices) != len(base.shape):
            raise ProgramError(
                f"{counted(len(indices), 'index')}, but it is {arrays.describe(base.shape)}"
            )
        if isinstance(value, Array):
            raise ProgramError(f"an element is a number, not {arrays.describe(value.shape)}")
        if any(isinstance(index, tuple) for index in indices):
            raise ProgramError("only one element at a time can be assigned")
        what = "elements" if len(base.shape) == 1 else "rows"
        offset = self._positions(indices[0], R, base.shape[0], what)
        assert isinstance(offset, int)
        if len(indices) == 2:
            column = self._positions(indices[1], R, base.shape[1], "columns")
            assert isinstance(column, int)
            offset = offset * base.shape[1] + column
        base.items[offset] = value


_SCALARS = frozenset({int, float})
# A call to go back to: the function, its code, position and registers, where the result
# goes, and where to say that operations happen.
Frame = tuple[c.Function, list[c.Instruction], int, list[Any], int, int]


def _prelude(where: int) -> int:
    """The mark of operations of the prelude called at `where`; `called_at` undoes it."""
    return where if where < NOWHERE else -where - 2


def called_at(where: int) -> int:
    """The place in the program of an operation, its own or of the prelude it called."""
    return -where - 2 if where < NOWHERE else where


def _maps(function: c.Function, arguments: list[Any]) -> bool:
    """Whether a function of the prelude gets a vector for a parameter without shape."""
    return not function.has_shapes and any(isinstance(x, Array) for x in arguments)


def no_range_end(value: Array) -> ProgramError:
    """The error of a range whose end is a vector."""
    return ProgramError(f"a range has numbers as its ends, not {arrays.describe(value.shape)}")


def _outside(position: int, size: int, what: str) -> ProgramError:
    hint = "indices count from 1" if position == 0 else ""
    there = f"is 1 {what[:-1]}" if size == 1 else f"are {size} {what}"
    return ProgramError(f"index {position} is outside: there {there}", hint=hint)


def check_shape(name: str, parameter: c.Parameter, value: Any) -> None:
    """Raise unless a value has the shape that a parameter was declared with.

    Raises:
        ProgramError: it does not; the message names both.
    """
    arrays.check_numbers(value)
    shape = arrays.shape_of(value)
    if not fits(parameter, shape):
        assert parameter.shape is not None
        raise ProgramError(
            f"'{parameter.name}' of {name} is {declared(parameter.shape)}, "
            f"got {arrays.describe(shape)}"
        )


def fits(parameter: c.Parameter, shape: tuple[int, ...]) -> bool:
    """Whether a shape is the one a parameter was declared with, if it was."""
    wanted = parameter.shape
    if wanted is None:
        return True
    return len(wanted) == len(shape) and all(
        n is None or n == m for n, m in zip(wanted, shape, strict=True)
    )


def declared(shape: tuple[int | None, ...]) -> str:
    """A declared shape in words; free lengths are left open."""
    if len(shape) == 1:
        return "a vector" if shape[0] is None else f"a vector of {shape[0]}"
    if None in shape:
        rows, columns = ("any" if n is None else str(n) for n in shape)
        return f"a matrix ({rows} by {columns})"
    return f"a {shape[0]} by {shape[1]} matrix"
