"""The syntax of a program: one small class for each form in the grammar.

Plain classes with slots: importing them costs nothing, and a program of 100,000 terms
makes 200,000 of them. `start` and `end` are offsets into the source.
"""

from __future__ import annotations


class Node:
    """A piece of syntax and where it stands."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


class Expression(Node):
    """What has a value."""

    __slots__ = ()


class Number(Expression):
    """A literal."""

    __slots__ = ("value",)

    def __init__(self, start: int, end: int, value: float) -> None:
        self.start = start
        self.end = end
        self.value = value


class Name(Expression):
    """A variable, input, or constant that is read."""

    __slots__ = ("name",)

    def __init__(self, start: int, end: int, name: str) -> None:
        self.start = start
        self.end = end
        self.name = name


class Negative(Expression):
    """-operand."""

    __slots__ = ("operand",)

    def __init__(self, start: int, end: int, operand: Expression) -> None:
        self.start = start
        self.end = end
        self.operand = operand


class Binary(Expression):
    """left operator right, the operator one of + - * / @ ^."""

    __slots__ = ("left", "operator", "right")

    def __init__(
        self, start: int, end: int, left: Expression, operator: str, right: Expression
    ) -> None:
        self.start = start
        self.end = end
        self.left = left
        self.operator = operator
        self.right = right


class Compare(Expression):
    """A chain of comparisons: operands[0] operators[0] operands[1] ..."""

    __slots__ = ("operands", "operators")

    def __init__(
        self, start: int, end: int, operands: list[Expression], operators: list[str]
    ) -> None:
        self.start = start
        self.end = end
        self.operands = operands
        self.operators = operators


class Logical(Expression):
    """left and right, left or right."""

    __slots__ = ("left", "operator", "right")

    def __init__(
        self, start: int, end: int, left: Expression, operator: str, right: Expression
    ) -> None:
        self.start = start
        self.end = end
        self.left = left
        self.operator = operator
        self.right = right


class Not(Expression):
    """not operand."""

    __slots__ = ("operand",)

    def __init__(self, start: int, end: int, operand: Expression) -> None:
        self.start = start
        self.end = end
        self.operand = operand


class Choice(Expression):
    """if condition then yes else no."""

    __slots__ = ("condition", "no", "yes")

    def __init__(
        self, start: int, end: int, condition: Expression, yes: Expression, no: Expression
    ) -> None:
        self.start = start
        self.end = end
        self.condition = condition
        self.yes = yes
        self.no = no


class Call(Expression):
    """name(arguments); `name_end` is where the name ends."""

    __slots__ = ("arguments", "name", "name_end")

    def __init__(
        self, start: int, end: int, name: str, name_end: int, arguments: list[Expression]
    ) -> None:
        self.start = start
        self.end = end
        self.name = name
        self.name_end = name_end
        self.arguments = arguments


class Range(Node):
    """first..last by step; a step that is not written is None."""

    __slots__ = ("first", "last", "step")

    def __init__(
        self, start: int, end: int, first: Expression, last: Expression, step: Expression | None
    ) -> None:
        self.start = start
        self.end = end
        self.first = first
        self.last = last
        self.step = step


# What a loop runs over and an index picks: a range, or an expression.
Domain = Range | Expression


class Index(Expression):
    """base[indices]."""

    __slots__ = ("base", "indices")

    def __init__(self, start: int, end: int, base: Expression, indices: list[Domain]) -> None:
        self.start = start
        self.end = end
        self.base = base
        self.indices = indices


class Vector(Expression):
    """[items]."""

    __slots__ = ("items",)

    def __init__(self, start: int, end: int, items: list[Expression]) -> None:
        self.start = start
        self.end = end
        self.items = items


class Comprehension(Expression):
    """[body for variable in domain]."""

    __slots__ = ("body", "domain", "variable")

    def __init__(
        self, start: int, end: int, body: Expression, variable: str, domain: Domain
    ) -> None:
        self.start = start
        self.end = end
        self.body = body
        self.variable = variable
        self.domain = domain


class Statement(Node):
    """What is done, and has no value."""

    __slots__ = ()


class Results(Statement):
    """One or several expressions, separated by commas, where a body's value stands."""

    __slots__ = ("values",)

    def __init__(self, start: int, end: int, values: list[Expression]) -> None:
        self.start = start
        self.end = end
        self.values = values


class Assign(Statement):
    """targets = values; a target is a Name or an Index whose base is a Name."""

    __slots__ = ("targets", "values")

    def __init__(
        self, start: int, end: int, targets: list[Expression], values: list[Expression]
    ) -> None:
        self.start = start
        self.end = end
        self.targets = targets
        self.values = values


class Update(Statement):
    """target operator= value, the operator one of + - * /."""

    __slots__ = ("operator", "target", "value")

    def __init__(
        self, start: int, end: int, target: Expression, operator: str, value: Expression
    ) -> None:
        self.start = start
        self.end = end
        self.target = target
        self.operator = operator
        self.value = value


class If(Statement):
    """if condition { yes } else { no }."""

    __slots__ = ("condition", "no", "yes")

    def __init__(
        self,
        start: int,
        end: int,
        condition: Expression,
        yes: list[Statement],
        no: list[Statement],
    ) -> None:
        self.start = start
        self.end = end
        self.condition = condition
        self.yes = yes
        self.no = no


class For(Statement):
    """for variable in domain { body }."""

    __slots__ = ("body", "domain", "variable")

    def __init__(
        self, start: int, end: int, variable: str, domain: Domain, body: list[Statement]
    ) -> None:
        self.start = start
        self.end = end
        self.variable = variable
        self.domain = domain
        self.body = body


class While(Statement):
    """while condition { body }."""

    __slots__ = ("body", "condition")

    def __init__(self, start: int, end: int, condition: Expression, body: list[Statement]) -> None:
        self.start = start
        self.end = end
        self.condition = condition
        self.body = body


class Parameter(Node):
    """name[shape] = default.

    `shape` is None where none is written, else a length or None for each dimension.
    """

    __slots__ = ("default", "name", "shape")

    def __init__(
        self,
        start: int,
        end: int,
        name: str,
        shape: tuple[int | None, ...] | None = None,
        default: Expression | None = None,
    ) -> None:
        self.start = start
        self.end = end
        self.name = name
        self.shape = shape
        self.default = default


class Function(Statement):
    """name(parameters) = body."""

    __slots__ = ("body", "name", "name_end", "parameters")

    def __init__(
        self,
        start: int,
        end: int,
        name: str,
        name_end: int,
        parameters: list[Parameter],
        body: list[Statement],
    ) -> None:
        self.start = start
        self.end = end
        self.name = name
        self.name_end = name_end
        self.parameters = parameters
        self.body = body
