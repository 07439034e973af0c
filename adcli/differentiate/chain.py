"""The chain rule in symbols: what a tangent or adjoint is made of, for people to read.

The rules of `derivatives.ad` are evaluated over formulas here, so that a trace shows
what was computed and no rule is written a second time.
"""

from __future__ import annotations

from adcli.graph.notation import TANGENT, Formula
from adcli.graph.primitives import ADD, DIV, MUL, NEG, POW, SUB, compute, row_of
from adcli.graph.rules import Arithmetic


def _as_formula(x: Formula | float) -> Formula:
    return x if isinstance(x, Formula) else Formula(x)


def _apply(code: int, x: Formula | float, y: Formula | float | None = None) -> Formula | float:
    operands = [x] if y is None else [x, y]
    values = [operand.value if isinstance(operand, Formula) else operand for operand in operands]
    if all(_as_formula(operand).is_number for operand in operands):
        if code == DIV and values[0] == 1:  # reads better as a quotient: 1/2, not 0.5
            operands_ = (Formula(1.0), Formula(values[1]))
            return Formula(compute(DIV, *values), row=row_of(DIV), operands=operands_)
        return compute(code, *values)
    # The identities of `Graph.binary`, so that 2*u^(2 - 1) reads 2*u.
    if y is not None and _as_formula(y).is_number:
        if values[1] == 1 and code in (MUL, DIV, POW):
            return x
        if values[1] == 0 and code == POW:
            return 1.0
        if values[1] == 0 and code == SUB:
            return x
    if y is not None and _as_formula(x).is_number and code == MUL:
        if values[0] == 1:
            return y
        if values[0] == -1:
            return _apply(NEG, y)
    formulas = tuple(_as_formula(operand) for operand in operands)
    if code == NEG and formulas[0].row is row_of(NEG):
        return formulas[0].operands[0]
    return Formula(compute(code, *values), row=row_of(code), operands=formulas)


FORMULAS = Arithmetic(_apply, lambda x: x.value if isinstance(x, Formula) else x, guarded=False)


def partials(operation: Formula, own: Formula) -> list[Formula | float | None]:
    """The partial derivatives of an operation as formulas; None for a structural zero.

    Args:
        operation: the operation over its operands.
        own: the operation's own node, for rules that use the value.
    """
    assert operation.row is not None
    operands: list[Formula | float] = [
        operand.value if operand.is_number else operand for operand in operation.operands
    ]
    u = operands[0]
    w = operands[1] if len(operands) > 1 else 0.0
    found: list[Formula | float | None] = []
    for partial, operand in zip(
        FORMULAS.partials(operation.row.code), operation.operands, strict=True
    ):
        if operand.is_number:
            found.append(None)
        elif partial is None or isinstance(partial, float):
            found.append(partial)
        else:
            found.append(partial(u, w, own))
    return found


def times(derivative: Formula, partial: Formula | float) -> Formula:
    """A tangent or adjoint times a partial, as one would write it.

    Adjoints keep factors of 1 and -1, as in the survey's table; tangents do not, and
    bring signs to the front, where a sum can make a difference of them.
    """
    if derivative.mark == TANGENT:
        sign, partial = _sign(partial)
        if sign < 0:
            return _as_formula(_apply(NEG, times(derivative, partial)))
        if not isinstance(partial, Formula):
            return _as_formula(_apply(MUL, partial, derivative))
    if not isinstance(partial, Formula):
        return _product(derivative, Formula(partial))
    row, operands = partial.row, partial.operands
    if row is row_of(DIV):
        top, bottom = operands
        if not top.is_number:
            return Formula(0.0, row=row, operands=(times(derivative, top), bottom))
        if top.value == 1:
            return Formula(0.0, row=row, operands=(derivative, bottom))
    if row is row_of(MUL):
        return _product(times(derivative, operands[0]), operands[1])
    return _product(derivative, partial)


def _sign(partial: Formula | float) -> tuple[int, Formula | float]:
    """The sign in front of a partial, and the rest."""
    if not isinstance(partial, Formula):
        return (-1, -partial) if partial < 0 else (1, partial)
    if partial.is_number and partial.value < 0:
        return -1, Formula(-partial.value)
    if partial.row is row_of(NEG):
        return -1, partial.operands[0]
    if partial.row in (row_of(MUL), row_of(DIV)):
        sign, first = _sign(partial.operands[0])
        operands = (_as_formula(first), *partial.operands[1:])
        return sign, Formula(partial.value * sign, row=partial.row, operands=operands)
    return 1, partial


def _product(x: Formula, y: Formula) -> Formula:
    return Formula(x.value * y.value, row=row_of(MUL), operands=(x, y))


def plus(x: Formula | None, y: Formula) -> Formula:
    """A sum as one would write it: a + (-b) is a - b."""
    if x is None:
        return y
    if y.row is row_of(NEG):
        return Formula(0.0, row=row_of(SUB), operands=(x, y.operands[0]))
    return Formula(0.0, row=row_of(ADD), operands=(x, y))
