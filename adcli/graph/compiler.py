"""Syntax to code: names become registers, structure becomes jumps.

Each form of the syntax has a method, written as if it recursed, as a generator: it
yields a part and is sent that part's register. A loop with a stack of its own runs the
generators, so that 100,000 nested parentheses are as good as one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any

from adcli.errors import ProgramError, Source, Span
from adcli.graph import code as c
from adcli.graph import primitives
from adcli.graph.arrays import EXTREMES, FILLED, FUNCTIONS
from adcli.graph.names import Names
from adcli.graph.rules import CONSTANTS
from adcli.graph.suggest import counted, suggestion
from adcli.language import syntax

_COMPARE = {"<": c.LT, "<=": c.LE, ">": c.GT, ">=": c.GE, "==": c.EQ, "!=": c.NE}
_CONDITIONS = (syntax.Compare, syntax.Logical, syntax.Not)
# What makes an array that no variable holds yet.
_FRESH = (syntax.Binary, syntax.Negative, syntax.Vector, syntax.Comprehension, syntax.Number)

# Functions of other languages, and how to say the same here.
_ELSEWHERE = {
    "pow": "write a^b",
    "power": "write a^b",
    "range": "write a..b",
    "linspace": "write a..b by s",
    "fmod": "did you mean 'mod'?",
    "length": "did you mean 'len'?",
    "size": "did you mean 'len'?",
    "average": "did you mean 'mean'?",
    "fabs": "did you mean 'abs'?",
    "sgn": "did you mean 'sign'?",
    "logistic": "did you mean 'sigmoid'?",
    "tg": "did you mean 'tan'?",
    "ctg": "did you mean 'cot'?",
    "sqr": "write x^2",
    "square": "write x^2",
    "array": "write [a, b, c]",
    "if": "write if c then a else b",
}

Register = int
_Step = Generator[syntax.Node, Register, Register]
# The method for each form, found once in a process.
_METHODS: dict[type[syntax.Node], Callable[[Any, Any], _Step]] = {}


class Environment:
    """What the functions of one program share.

    Args:
        source: its text.
        prelude: a function of the prelude by name, or None.
        known: the names of all functions, for suggestions.

    Attributes:
        functions: its own functions, by name; filled in as they are compiled.
        spans: the pieces of text that instructions come from.
        constants: the constants that it reads.
        main_names: the names of the main body, for messages.
    """

    def __init__(
        self,
        source: Source,
        prelude: Callable[[str], c.Function | None],
        known: Callable[[], Iterable[str]],
    ) -> None:
        self.source = source
        self.functions: dict[str, c.Function] = {}
        self.prelude = prelude
        self.known = known
        self.spans: list[tuple[int, int]] = []
        self.constants: set[str] = set()
        self.main_names: frozenset[str] = frozenset()

    def error(self, message: str, node: syntax.Node, hint: str = "") -> ProgramError:
        """An error about a piece of this program's text."""
        return ProgramError(message, Span(self.source, node.start, node.end), hint=hint)

    def error_at(self, message: str, start: int, end: int, hint: str = "") -> ProgramError:
        """An error about characters `start` to `end`."""
        return ProgramError(message, Span(self.source, start, end), hint=hint)


def is_builtin(name: str) -> bool:
    """Whether a name is a function that the language has, the prelude's aside."""
    if name in primitives.ALIASES or name in FUNCTIONS or name in FILLED:
        return True
    return name in primitives.BY_NAME and name not in primitives.OPERATORS


class Compiler:
    """Compiles one body.

    Args:
        environment: what the program's functions share.
        function: the function to fill in.
        names: what the body reads and assigns.
    """

    def __init__(self, environment: Environment, function: c.Function, names: Names) -> None:
        self.environment = environment
        self.function = function
        self.names = names
        self.code = function.code
        self.template = function.template
        self.variables: dict[str, Register] = {}
        # Names that surely have a value here, and the order in which they got one, so
        # that what an arm or loop added can be taken back without copying the set.
        self.defined: set[str] = set()
        self.gained: list[str] = []
        # Names stored to in the arms around, but for those an `if` took the value from.
        self.stored: list[str] = []
        self.constants: dict[str, Register] = {}
        self.free: list[Register] = []
        self.temporaries: set[Register] = set()

    # Registers.

    def _new(self, initial: Any = None) -> Register:
        self.template.append(initial)
        return len(self.template) - 1

    def _take(self) -> Register:
        """A temporary register."""
        if self.free:
            return self.free.pop()
        register = self._new()
        self.temporaries.add(register)
        return register

    def _give(self, *registers: Register) -> None:
        """Temporaries that are not needed any more; others stay."""
        for register in registers:
            if register in self.temporaries:
                self.free.append(register)

    def _constant(self, value: Any) -> Register:
        key = repr(value)
        register = self.constants.get(key)
        if register is None:
            register = self.constants[key] = self._new(value)
        return register

    def _emit(self, code: int, target: Any, a: Any, b: Any, node: syntax.Node) -> int:
        return self._emit_at(code, target, a, b, node.start, node.end)

    def _emit_at(self, code: int, target: Any, a: Any, b: Any, start: int, end: int) -> int:
        spans = self.environment.spans
        if not spans or spans[-1] != (start, end):
            spans.append((start, end))
        self.code.append((code, target, a, b, len(spans) - 1))
        return len(self.code) - 1

    def _region(
        self,
        kind: int,
        first: int,
        node: syntax.Node,
        variable: str = "",
        head: int | None = None,
    ) -> None:
        """Note that the code since span `first` is a loop or an arm."""
        last = len(self.environment.spans)
        if kind == c.LOOP or last > first:
            text = (node.start, node.end)
            head = first - 1 if head is None else head
            self.function.regions.append(c.Region(kind, first, last, text, head, variable))

    def _here(self) -> int:
        """The span that the next instruction will have."""
        return len(self.environment.spans)

    def _patch(self, position: int, target: Any = None, b: Any = None) -> None:
        code, old, a, old_b, where = self.code[position]
        target = old if target is None else target
        self.code[position] = (code, target, a, old_b if b is None else b, where)

    # Which variables have a value.

    def _define(self, name: str) -> None:
        self.stored.append(name)
        if name not in self.defined:
            self.defined.add(name)
            self.gained.append(name)

    def _take_back(self, mark: int) -> list[str]:
        """Undo what was gained since `mark`; the names."""
        names = self.gained[mark:]
        del self.gained[mark:]
        self.defined.difference_update(names)
        return names

    # The body.

    def parameters(self, parameters: list[syntax.Parameter]) -> None:
        """Give the parameters the first registers."""
        for parameter in parameters:
            if parameter.name in self.variables:
                raise self.environment.error(
                    f"two parameters are called '{parameter.name}'", parameter
                )
            self.variables[parameter.name] = self._new()
            self.defined.add(parameter.name)

    def body(self, statements: list[syntax.Statement], where: syntax.Node) -> None:
        """Compile all statements; the last one is the value."""
        for name in sorted(self.names.assigned - set(self.variables)):
            self.variables[name] = self._new()
        for parameter in sorted(self.defined & self.names.elements):
            # Element assignment must not reach the caller's vector.
            register = self.variables[parameter]
            self._emit(c.COPY, register, register, 0, where)
        rest, values = self._split(statements, where)
        self._run(self._block(rest))
        registers = []
        for value in values:
            registers.append(self._run(self._numeric(value)))
            result = value.name if isinstance(value, syntax.Name) else None
            self.function.results.append(result)
        self._emit_at(c.RETURN, 0, tuple(registers), 0, values[0].start, values[-1].end)

    def _split(
        self, statements: list[syntax.Statement], where: syntax.Node
    ) -> tuple[list[syntax.Statement], list[syntax.Expression]]:
        """The statements to run, and the expressions that are the body's value."""
        last = statements[-1] if statements else None
        if isinstance(last, syntax.Results):
            return statements[:-1], last.values
        if isinstance(last, syntax.Assign):
            targets = [target for target in last.targets if isinstance(target, syntax.Name)]
            if len(targets) == len(last.targets):
                return statements, list(targets)
        if isinstance(last, syntax.Update) and isinstance(last.target, syntax.Name):
            return statements, [last.target]
        raise self.environment.error(
            "there is no value: the last item of a body is its result", last or where
        )

    def _block(self, statements: list[syntax.Statement]) -> _Step:
        for statement in statements:  # noqa: UP028  (a list cannot be sent registers)
            yield statement
        return 0

    def _run(self, start: _Step) -> Register:
        """Run a generator and, on a stack of our own, those for the parts it asks for."""
        stack = [start]
        register: Any = None
        while True:
            try:
                part = stack[-1].send(register)
            except StopIteration as done:
                stack.pop()
                register = done.value
                if not stack:
                    return int(register)
            else:
                stack.append(self._visit(part))
                register = None

    def _visit(self, node: syntax.Node) -> _Step:
        """The generator for a form."""
        method = _METHODS.get(type(node))
        if method is None:
            name = f"_{type(node).__name__.lower()}"
            method = _METHODS[type(node)] = getattr(Compiler, name)
        return method(self, node)

    # Statements. What they return is of no use.

    def _results(self, node: syntax.Results) -> _Step:
        raise self.environment.error(
            "this value is not used",
            node,
            "only the last item of a body is its result; assign the others",
        )
        yield node

    def _assign(self, node: syntax.Assign) -> _Step:
        if len(node.targets) > 1 and len(node.values) == 1:
            source = yield from self._numeric(node.values[0])
            takes = [self._take() for _ in node.targets]
            self._emit(c.UNPACK, tuple(takes), source, 0, node)
            for target, register in zip(node.targets, takes, strict=True):
                yield from self._store(target, register, node, fresh=False)
            self._give(source, *takes)
            return 0
        if len(node.targets) != len(node.values):
            raise self.environment.error(
                f"{counted(len(node.targets), 'name')} but {counted(len(node.values), 'value')}",
                node,
            )
        if len(node.targets) == 1:
            value = node.values[0]
            register = yield from self._numeric(value)
            fresh = isinstance(value, _FRESH)
            yield from self._store(node.targets[0], register, value, fresh=fresh)
            self._give(register)
            return 0
        # a, b = b, a: all values first.
        registers = []
        for value in node.values:
            register = yield from self._numeric(value)
            held = self._take()
            self._emit(c.COPY, held, register, 0, value)
            self._give(register)
            registers.append(held)
        for target, register in zip(node.targets, registers, strict=True):
            yield from self._store(target, register, node, fresh=True)
        self._give(*registers)
        return 0

    def _store(
        self, target: syntax.Expression, register: Register, value: syntax.Node, *, fresh: bool
    ) -> _Step:
        """Assign a register to a name or element; `value` is where it came from."""
        if isinstance(target, syntax.Name):
            code = c.MOVE if fresh else c.COPY
            self._emit(code, self.variables[target.name], register, 0, value)
            self._define(target.name)
            return 0
        assert isinstance(target, syntax.Index)
        base = yield target.base
        indices = yield from self._indices(target)
        self._emit(c.SET_ELEMENT, base, register, tuple(indices), target)
        self._give_indices(indices)
        return 0

    def _update(self, node: syntax.Update) -> _Step:
        left = yield node.target
        right = yield from self._numeric(node.value)
        self._give(left, right)
        result = self._take()
        self._emit(primitives.SIGNS[node.operator], result, left, right, node)
        yield from self._store(node.target, result, node, fresh=True)
        self._give(result)
        return 0

    def _if(self, node: syntax.If) -> _Step:
        condition = yield from self._condition(node.condition)
        undefined = self._take()
        note = self._emit(c.UNDEFINED, undefined, (), 0, node)
        branch = self._emit(c.BRANCH, None, condition, None, node.condition)
        self._give(condition)
        mark, stored = len(self.gained), len(self.stored)
        first = self._here()
        yield from self._block(node.yes)
        self._region(c.YES, first, node.condition)
        jump = self._emit(c.JUMP, None, 0, 0, node)
        in_yes = set(self.stored[stored:])
        del self.stored[stored:]
        yes = self._take_back(mark)
        self._patch(branch, target=len(self.code))
        first = self._here()
        yield from self._block(node.no)
        self._region(c.NO, first, node.condition)
        no = self._take_back(mark)
        for name in set(yes).intersection(no):
            self._define(name)
        self._patch(jump, target=len(self.code))
        self._patch(branch, b=len(self.code))
        # Whichever arm ran: what only one of them assigns has no value afterwards, unless
        # it had one before.
        in_no = set(self.stored[stored:])
        one_arm = sorted((in_yes ^ in_no) - self.defined)
        self.stored[stored:] = sorted((in_yes | in_no).difference(one_arm))
        where = self.code[note][4]
        if one_arm:
            registers = tuple(self.variables[name] for name in one_arm)
            self.code[note] = (c.UNDEFINED, undefined, registers, 0, where)
            self._emit(c.FORGET, 0, undefined, 0, node)
        else:
            self.code[note] = (c.JUMP, note + 1, 0, 0, where)
        self._give(undefined)
        return 0

    def _for(self, node: syntax.For) -> _Step:
        iterator = yield from self._iterator(node.domain)
        # Another loop inside must not take this register before the loop ends.
        start = self._emit(c.NEXT, self.variables[node.variable], iterator, None, node.domain)
        mark = len(self.gained)
        first = self._here()
        self._define(node.variable)
        yield from self._block(node.body)
        self._region(c.LOOP, first, node.domain, node.variable)
        self._emit(c.JUMP, start, 0, 0, node)
        self._patch(start, b=len(self.code))
        self._give(iterator)
        self._take_back(mark)
        return 0

    def _while(self, node: syntax.While) -> _Step:
        start = self._emit(c.TURN, 0, 0, 0, node.condition)
        first = self.code[start][4]
        condition = yield from self._condition(node.condition)
        branch = self._emit(c.BRANCH, None, condition, None, node.condition)
        self._give(condition)
        mark = len(self.gained)
        yield from self._block(node.body)
        self._region(c.LOOP, first, node.condition, head=first)
        self._emit(c.JUMP, start, 0, 0, node)
        self._patch(branch, target=len(self.code), b=len(self.code))
        self._take_back(mark)
        return 0

    def _function(self, node: syntax.Function) -> _Step:
        raise AssertionError("functions are items of the program only")
        yield node

    # Expressions: each returns the register of its value.

    def _numeric(self, node: syntax.Expression) -> _Step:
        """A part that must be a number or an array."""
        register = self._leaf(node)
        if register is None:
            register = yield node
        return register

    def _leaf(self, node: syntax.Node) -> Register | None:
        """The register of a number or name; None for any other form.

        Asked before a part is yielded: most parts are leaves, and need no generator.

        Raises:
            ProgramError: it is a condition, or a name that has no value.
        """
        form = type(node)
        if form is syntax.Name:
            return self._read(node)  # type: ignore[arg-type]  # it is one
        if form is syntax.Number:
            return self._constant(node.value)  # type: ignore[attr-defined]  # it is one
        if form in _CONDITIONS:
            raise self.environment.error(
                "a condition is not a number", node, "write 'if ... then 1 else 0'"
            )
        return None

    def _name(self, node: syntax.Name) -> _Step:
        return self._read(node)
        yield node

    def _read(self, node: syntax.Name) -> Register:
        name = node.name
        register = self.variables.get(name)
        if register is not None:
            if name not in self.defined:
                self._emit(c.CHECK, 0, register, name, node)
            return register
        if name in CONSTANTS:
            self.environment.constants.add(name)
            return self._constant(CONSTANTS[name])
        raise self._unknown(node)

    def _unknown(self, node: syntax.Name) -> ProgramError:
        name = node.name
        error = self.environment.error
        if name in self.environment.functions or self.environment.prelude(name) or is_builtin(name):
            return error(f"'{name}' is a function", node, f"write {name}(...)")
        if name in self.environment.main_names:
            return error(
                f"'{name}' is not known in '{self.function.name}'",
                node,
                "a function sees its parameters, not the program's variables",
            )
        known = [*self.variables, *CONSTANTS]
        return error(f"unknown name '{name}'", node, suggestion(name, known))

    def _negative(self, node: syntax.Negative) -> _Step:
        operand = yield from self._numeric(node.operand)
        self._give(operand)
        result = self._take()
        self._emit(primitives.NEG, result, operand, operand, node)
        return result

    def _binary(self, node: syntax.Binary) -> _Step:
        if node.operator in "+-":
            result = yield from self._sum(node)
            return result
        left = self._leaf(node.left)
        if left is None:
            left = yield node.left
        right = self._leaf(node.right)
        if right is None:
            right = yield node.right
        self._give(left, right)
        result = self._take()
        self._emit(primitives.SIGNS.get(node.operator, c.MATMUL), result, left, right, node)
        return result

    def _sum(self, node: syntax.Binary) -> _Step:
        """A + b - c: all terms first, then the sum, as one writes a trace by hand."""
        sums: list[syntax.Binary] = []
        first: syntax.Expression = node
        while isinstance(first, syntax.Binary) and first.operator in "+-":
            sums.append(first)
            first = first.left
        sums.reverse()
        left = self._leaf(first)
        if left is None:
            left = yield first
        terms = [left]
        for step in sums:
            right = self._leaf(step.right)
            if right is None:
                right = yield step.right
            terms.append(right)
        result = terms[0]
        for step, right in zip(sums, terms[1:], strict=True):
            left = result
            self._give(left, right)
            result = self._take()
            self._emit(primitives.SIGNS[step.operator], result, left, right, step)
        return result

    def _choice(self, node: syntax.Choice) -> _Step:
        condition = yield from self._condition(node.condition)
        self._give(condition)
        branch = self._emit(c.BRANCH, None, condition, None, node.condition)
        result = self._take()
        first = self._here()
        yes = yield from self._numeric(node.yes)
        self._region(c.YES, first, node.condition)
        self._emit(c.MOVE, result, yes, 0, node.yes)
        self._give(yes)
        jump = self._emit(c.JUMP, None, 0, 0, node)
        self._patch(branch, target=len(self.code))
        first = self._here()
        no = yield from self._numeric(node.no)
        self._region(c.NO, first, node.condition)
        self._emit(c.MOVE, result, no, 0, node.no)
        self._give(no)
        self._patch(jump, target=len(self.code))
        self._patch(branch, b=len(self.code))
        return result

    def _vector(self, node: syntax.Vector) -> _Step:
        items: list[Register] = []
        for item in node.items:
            items.append((yield from self._numeric(item)))
        self._give(*items)
        result = self._take()
        self._emit(c.VECTOR, result, tuple(items), 0, node)
        return result

    def _comprehension(self, node: syntax.Comprehension) -> _Step:
        iterator = yield from self._iterator(node.domain)
        result = self._take()
        self._emit(c.COLLECT, result, 0, 0, node)
        variable = self._new()
        start = self._emit(c.NEXT, variable, iterator, None, node.domain)
        outer = self.variables.get(node.variable)
        was_defined = node.variable in self.defined
        self.variables[node.variable] = variable
        self.defined.add(node.variable)
        first = self._here()
        item = yield from self._numeric(node.body)
        self._region(c.LOOP, first, node.domain, node.variable)
        self._emit(c.APPEND, result, item, 0, node.body)
        self._give(item)
        self._emit(c.JUMP, start, 0, 0, node)
        self._patch(start, b=len(self.code))
        if outer is None:
            del self.variables[node.variable]
        else:
            self.variables[node.variable] = outer
        if not was_defined:
            self.defined.discard(node.variable)
        self._give(iterator)
        self._emit(c.STACK, result, result, 0, node)
        return result

    def _iterator(self, domain: syntax.Domain) -> _Step:
        """The register of an iterator over a range or the elements of a vector."""
        if isinstance(domain, syntax.Range):
            registers = yield from self._range_parts(domain)
            self._give(*registers)
            result = self._take()
            self._emit(c.RANGE, result, registers, 0, domain)
        else:
            vector = yield from self._numeric(domain)
            self._give(vector)
            result = self._take()
            self._emit(c.EACH, result, vector, 0, domain)
        return result

    def _range_parts(
        self, node: syntax.Range
    ) -> Generator[syntax.Node, Register, tuple[Register, ...]]:
        first = yield from self._numeric(node.first)
        last = yield from self._numeric(node.last)
        step = self._constant(1.0)
        if node.step is not None:
            step = yield from self._numeric(node.step)
        return first, last, step

    def _indices(self, node: syntax.Index) -> Generator[syntax.Node, Register, list[Any]]:
        indices: list[Any] = []
        for index in node.indices:
            if isinstance(index, syntax.Range):
                indices.append((yield from self._range_parts(index)))
            else:
                indices.append((yield from self._numeric(index)))
        return indices

    def _give_indices(self, indices: list[Any]) -> None:
        for index in indices:
            self._give(*(index if isinstance(index, tuple) else (index,)))

    def _index(self, node: syntax.Index) -> _Step:
        base = yield from self._numeric(node.base)
        indices = yield from self._indices(node)
        self._give_indices(indices)
        self._give(base)
        result = self._take()
        self._emit(c.INDEX, result, base, tuple(indices), node)
        return result

    # Conditions: each returns a register that holds a bool.

    def _condition(self, node: syntax.Expression) -> _Step:
        if not isinstance(node, _CONDITIONS):
            raise self.environment.error(
                "a condition is needed here, not a number", node, "compare it, as in x > 0"
            )
        register = yield node
        return register

    def _not(self, node: syntax.Not) -> _Step:
        operand = yield from self._condition(node.operand)
        self._give(operand)
        result = self._take()
        self._emit(c.NOT, result, operand, 0, node)
        return result

    def _logical(self, node: syntax.Logical) -> _Step:
        # `a and b` is `if a then b else no`, `a or b` is `if a then yes else b`: b is
        # not looked at when a decides.
        left = yield from self._condition(node.left)
        self._give(left)
        branch = self._emit(c.BRANCH, None, left, None, node.left)
        result = self._take()
        decided = self._constant(node.operator == "or")
        if node.operator == "or":
            self._emit(c.MOVE, result, decided, 0, node.left)
        else:
            right = yield from self._condition(node.right)
            self._emit(c.MOVE, result, right, 0, node.right)
            self._give(right)
        jump = self._emit(c.JUMP, None, 0, 0, node)
        self._patch(branch, target=len(self.code))
        if node.operator == "or":
            right = yield from self._condition(node.right)
            self._emit(c.MOVE, result, right, 0, node.right)
            self._give(right)
        else:
            self._emit(c.MOVE, result, decided, 0, node.left)
        self._patch(jump, target=len(self.code))
        self._patch(branch, b=len(self.code))
        return result

    def _compare(self, node: syntax.Compare) -> _Step:
        left = yield from self._numeric(node.operands[0])
        result = self._take()
        branches = []
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            right = yield from self._numeric(operand)
            start = node.operands[0].start
            self._emit_at(_COMPARE[operator], result, left, right, start, operand.end)
            self._give(left)
            left = right
            if operand is not node.operands[-1]:
                branches.append(self._emit(c.BRANCH, None, result, None, operand))
        self._give(left)
        if branches:
            # Where a link fails, the result already says so: jump over the rest.
            jump = self._emit(c.JUMP, None, 0, 0, node)
            end = len(self.code)
            self._patch(jump, target=end)
            for branch in branches:
                self._patch(branch, target=end, b=end)
        return result

    # Calls.

    def _call(self, node: syntax.Call) -> _Step:
        arguments = []
        for argument in node.arguments:
            register = self._leaf(argument)
            if register is None:
                register = yield argument
            arguments.append(register)
        self._give(*arguments)
        result = self._take()
        name = node.name
        function = self.environment.functions.get(name)
        if function is not None:
            self._check_call(node, function)
            self._emit(c.CALL, result, function, tuple(arguments), node)
            return result
        if name == "log" and len(arguments) != 1:
            return self._log(node, arguments, result)
        name = primitives.ALIASES.get(name, name)
        if is_builtin(name):
            self._builtin(node, name, arguments, result)
            return result
        function = self.environment.prelude(name)
        if function is None:
            raise self._unknown_function(node)
        self._check_call(node, function)
        self._emit(c.CALL, result, function, tuple(arguments), node)
        return result

    def _builtin(
        self, node: syntax.Call, name: str, arguments: list[Register], result: Register
    ) -> None:
        count = len(arguments)
        row = primitives.BY_NAME.get(name)
        if row is not None and row.arity == 1:
            self._check_count(node, 1)
            self._emit(row.code, result, arguments[0], arguments[0], node)
        elif row is not None and name in EXTREMES and count == 1:
            self._emit(c.WHOLE, result, EXTREMES[name], tuple(arguments), node)
        elif row is not None:
            if name in EXTREMES and count == 0:
                raise self._count_error(node, "numbers, or one vector")
            if not (count > 2 and (name in EXTREMES or name == "hypot")):
                self._check_count(node, 2)
            left = arguments[0]
            for position, right in enumerate(arguments[1:], 2):
                # The result may share a register with an argument still to be read.
                target = result if position == count else self._new()
                self._emit(row.code, target, left, right, node)
                left = target
        elif name in FILLED:
            if count not in (1, 2):
                raise self._count_error(node, "1 or 2 arguments (lengths)")
            self._emit(c.FILLED, result, FILLED[name], tuple(arguments), node)
        else:
            implementation, expected = FUNCTIONS[name]
            self._check_count(node, expected)
            self._emit(c.WHOLE, result, implementation, tuple(arguments), node)

    def _log(self, node: syntax.Call, arguments: list[Register], result: Register) -> Register:
        if len(arguments) != 2:
            raise self._count_error(node, "1 or 2 arguments")
        base = node.arguments[1]
        row = None
        if isinstance(base, syntax.Number):
            row = {2.0: primitives.LOG2, 10.0: primitives.LOG10}.get(base.value)
        if row is not None:
            self._emit(row, result, arguments[0], arguments[0], node)
        else:
            function = self.environment.prelude("logbase")
            self._emit(c.CALL, result, function, tuple(arguments), node)
        return result

    def _check_count(self, node: syntax.Call, count: int) -> None:
        if len(node.arguments) != count:
            raise self._count_error(node, counted(count, "argument"))

    def _count_error(self, node: syntax.Call, takes: str) -> ProgramError:
        return self.environment.error(
            f"{node.name} takes {takes}, {len(node.arguments)} given", node
        )

    def _check_call(self, node: syntax.Call, function: c.Function) -> None:
        most = len(function.parameters)
        needed = [i for i, p in enumerate(function.parameters, 1) if p.default is None]
        least = needed[-1] if needed else 0
        given = len(node.arguments)
        if given > most or any(p.default is None for p in function.parameters[given:]):
            names = ", ".join(parameter.name for parameter in function.parameters)
            if most == 0:
                takes = "no arguments"
            elif least == most:
                takes = f"{counted(most, 'argument')} ({names})"
            else:
                takes = f"{least} {'or' if most == least + 1 else 'to'} {most} arguments ({names})"
            raise self.environment.error(f"{node.name} takes {takes}, {given} given", node)

    def _unknown_function(self, node: syntax.Call) -> ProgramError:
        error = self.environment.error_at
        if node.name in self.variables:
            return error(
                f"'{node.name}' is a variable, not a function",
                node.start,
                node.name_end,
                f"write {node.name}*(...), or {node.name}[i] for an element",
            )
        hint = _ELSEWHERE.get(node.name) or suggestion(node.name, self.environment.known())
        return error(f"unknown function '{node.name}'", node.start, node.name_end, hint)
