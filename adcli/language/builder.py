"""What the parser calls, once for each production, to build the syntax during the parse.

A method is named like its production in `grammar/adcli.lark` and takes where the piece
starts and ends, then its children. Tokens come as (terminal, text, start, end).
"""

from __future__ import annotations

from typing import Any

from adcli.errors import ProgramError, Source, Span
from adcli.language import syntax
from adcli.language.lexer import Token

_OPERATORS = {"−": "-", "·": "*", "×": "*", "⋅": "*", "**": "^"}
_COMPARISONS = {"≤": "<=", "≥": ">=", "≠": "!="}


class Builder:
    """The callbacks of the grammar, for one source."""

    def __init__(self, source: Source) -> None:
        self.source = source

    # Lists.

    def start(self, start: int, end: int, items: list[syntax.Statement]) -> Any:
        return items

    def program(self, start: int, end: int, items: Any = None) -> Any:
        return items or []

    def first(self, start: int, end: int, item: Any) -> Any:
        return [item]

    def more(self, start: int, end: int, items: list[Any], *item: Any) -> Any:
        # `items SEP item` keeps its SEP token, the other lists have none.
        items.append(item[-1])
        return items

    def none(self, start: int, end: int) -> Any:
        return []

    def args(self, start: int, end: int, items: Any) -> Any:
        return items

    # Items.

    def results(self, start: int, end: int, values: list[syntax.Expression]) -> Any:
        return syntax.Results(start, end, values)

    def assign(
        self,
        start: int,
        end: int,
        targets: list[syntax.Expression],
        values: list[syntax.Expression],
    ) -> Any:
        for target in targets:
            self._check_target(target)
        return syntax.Assign(start, end, targets, values)

    def update(
        self,
        start: int,
        end: int,
        targets: list[syntax.Expression],
        operator: Token,
        value: syntax.Expression,
    ) -> Any:
        if len(targets) > 1:
            raise ProgramError(
                f"'{operator[1]}' takes one variable on its left",
                Span(self.source, targets[0].start, targets[-1].end),
            )
        self._check_target(targets[0])
        sign = operator[1][0]
        return syntax.Update(start, end, targets[0], _OPERATORS.get(sign, sign), value)

    def _check_target(self, target: syntax.Expression) -> None:
        if isinstance(target, syntax.Name):
            return
        if isinstance(target, syntax.Index) and isinstance(target.base, syntax.Name):
            return
        span = Span(self.source, target.start, target.end)
        if isinstance(target, syntax.Number):
            raise ProgramError("a number cannot be assigned to", span)
        if isinstance(target, syntax.Call):
            raise ProgramError(
                "a function is defined with names as parameters, at the start of an item", span
            )
        raise ProgramError(
            "only a name or an element x[i] can be assigned to",
            span,
            hint="to compare, use '=='",
        )

    def function(
        self,
        start: int,
        end: int,
        name: Token,
        parameters: list[syntax.Parameter],
        values: list[syntax.Expression],
    ) -> Any:
        body: list[syntax.Statement] = [syntax.Results(values[0].start, values[-1].end, values)]
        return syntax.Function(start, end, name[1], name[3], parameters, body)

    def function_block(
        self,
        start: int,
        end: int,
        name: Token,
        parameters: list[syntax.Parameter],
        body: list[syntax.Statement],
    ) -> Any:
        return syntax.Function(start, end, name[1], name[3], parameters, body)

    def for_loop(
        self,
        start: int,
        end: int,
        variable: Token,
        domain: syntax.Domain,
        body: list[syntax.Statement],
    ) -> Any:
        return syntax.For(start, end, variable[1], domain, body)

    def while_loop(
        self, start: int, end: int, condition: syntax.Expression, body: list[syntax.Statement]
    ) -> Any:
        return syntax.While(start, end, condition, body)

    def if_then(
        self, start: int, end: int, condition: syntax.Expression, yes: list[syntax.Statement]
    ) -> Any:
        return syntax.If(start, end, condition, yes, [])

    def if_else(
        self,
        start: int,
        end: int,
        condition: syntax.Expression,
        yes: list[syntax.Statement],
        no: list[syntax.Statement],
    ) -> Any:
        return syntax.If(start, end, condition, yes, no)

    def if_else_if(
        self,
        start: int,
        end: int,
        condition: syntax.Expression,
        yes: list[syntax.Statement],
        no: syntax.Statement,
    ) -> Any:
        return syntax.If(start, end, condition, yes, [no])

    def branch(self, start: int, end: int, statement: Any) -> Any:
        return statement

    def empty_block(self, start: int, end: int) -> Any:
        return []

    def block(self, start: int, end: int, items: list[syntax.Statement]) -> Any:
        for item in items:
            if isinstance(item, syntax.Function):
                raise ProgramError(
                    "functions are defined outside of blocks",
                    Span(self.source, item.start, item.name_end),
                )
        return items

    # Parameters.

    def param(self, start: int, end: int, name: Token) -> Any:
        return syntax.Parameter(start, end, name[1])

    def param_default(self, start: int, end: int, name: Token, default: syntax.Expression) -> Any:
        return syntax.Parameter(start, end, name[1], None, default)

    def param_shape(self, start: int, end: int, name: Token, dims: list[int | None]) -> Any:
        return self.param_shape_default(start, end, name, dims, None)

    def param_shape_default(
        self,
        start: int,
        end: int,
        name: Token,
        dims: list[int | None],
        default: syntax.Expression | None,
    ) -> Any:
        if len(dims) > 2:
            raise ProgramError(
                f"'{name[1]}' has {len(dims)} dimensions; there are vectors [n] and matrices [m,n]",
                Span(self.source, start, end),
            )
        return syntax.Parameter(start, end, name[1], tuple(dims), default)

    def fixed_dim(self, start: int, end: int, number: Token) -> Any:
        digits = number[1].replace("_", "")
        if not digits.isdigit() or len(digits) > 15:
            raise ProgramError("a length is a whole number", Span(self.source, start, end))
        return int(digits)

    def free_dim(self, start: int, end: int) -> Any:
        return None

    # Expressions.

    def if_expr(
        self,
        start: int,
        end: int,
        condition: syntax.Expression,
        yes: syntax.Expression,
        no: syntax.Expression,
    ) -> Any:
        return syntax.Choice(start, end, condition, yes, no)

    def or_(self, start: int, end: int, left: syntax.Expression, right: syntax.Expression) -> Any:
        return syntax.Logical(start, end, left, "or", right)

    def and_(self, start: int, end: int, left: syntax.Expression, right: syntax.Expression) -> Any:
        return syntax.Logical(start, end, left, "and", right)

    def not_(self, start: int, end: int, operand: syntax.Expression) -> Any:
        return syntax.Not(start, end, operand)

    def compare(
        self, start: int, end: int, left: syntax.Expression, sign: Token, right: syntax.Expression
    ) -> Any:
        operator = _COMPARISONS.get(sign[1], sign[1])
        return syntax.Compare(start, end, [left, right], [operator])

    def compare_chain(self, start: int, end: int, *pieces: Any) -> Any:
        operators = [_COMPARISONS.get(sign[1], sign[1]) for sign in pieces[1::2]]
        return syntax.Compare(start, end, list(pieces[0::2]), operators)

    def compare_more(
        self, start: int, end: int, chain: syntax.Compare, sign: Token, right: syntax.Expression
    ) -> Any:
        chain.end = end
        chain.operands.append(right)
        chain.operators.append(_COMPARISONS.get(sign[1], sign[1]))
        return chain

    def binary(
        self, start: int, end: int, left: syntax.Expression, sign: Token, right: syntax.Expression
    ) -> Any:
        operator = sign[1]
        return syntax.Binary(start, end, left, _OPERATORS.get(operator, operator), right)

    def negative(self, start: int, end: int, sign: Token, operand: syntax.Expression) -> Any:
        return syntax.Negative(start, end, operand)

    def positive(self, start: int, end: int, sign: Token, operand: syntax.Expression) -> Any:
        return operand

    def call(self, start: int, end: int, name: Token, arguments: list[syntax.Expression]) -> Any:
        return syntax.Call(start, end, name[1], name[3], arguments)

    def call_comprehension(
        self, start: int, end: int, name: Token, argument: syntax.Expression
    ) -> Any:
        return syntax.Call(start, end, name[1], name[3], [argument])

    def index(
        self, start: int, end: int, base: syntax.Expression, indices: list[syntax.Domain]
    ) -> Any:
        if len(indices) > 2:
            raise ProgramError(
                f"{len(indices)} indices; there are vectors x[i] and matrices A[i,j]",
                Span(self.source, start, end),
            )
        return syntax.Index(start, end, base, indices)

    def number(self, start: int, end: int, number: Token) -> Any:
        return syntax.Number(start, end, float(number[1].replace("−", "-")))

    def name(self, start: int, end: int, name: Token) -> Any:
        return syntax.Name(start, end, name[1])

    def empty_vector(self, start: int, end: int) -> Any:
        return syntax.Vector(start, end, [])

    def vector(self, start: int, end: int, items: list[syntax.Expression]) -> Any:
        return syntax.Vector(start, end, items)

    def comprehension(
        self,
        start: int,
        end: int,
        body: syntax.Expression,
        variable: Token,
        domain: syntax.Domain,
    ) -> Any:
        return syntax.Comprehension(start, end, body, variable[1], domain)

    def range(self, start: int, end: int, first: syntax.Expression, last: syntax.Expression) -> Any:
        return syntax.Range(start, end, first, last, None)

    def range_by(
        self,
        start: int,
        end: int,
        first: syntax.Expression,
        last: syntax.Expression,
        by: Token,
        step: syntax.Expression,
    ) -> Any:
        return syntax.Range(start, end, first, last, step)
