"""Expressions in the language itself, and in LaTeX."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from adcli.differentiate.expressions import (
    CALL,
    CHOICE,
    NAME,
    NUMBER,
    PRODUCT,
    SUM,
    Expression,
    Truth,
    fraction,
    operations,
    reachable,
)
from adcli.graph import conditions
from adcli.graph.notation import latex_number, variable
from adcli.graph.numbers import number
from adcli.graph.primitives import POW

Style = Literal["text", "latex"]

# How tightly a text binds, loosest first.
_CHOICE, _SUM, _PRODUCT, _POWER, _ATOM = range(5)

# Multiples of constants are recognized up to this.
_LARGEST = 100
_LATEX_SIGNS = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne"}

# Numbers that are written by a name or as a function of one: value, LaTeX.
_CONSTANTS = {
    "e": (math.e, "e"),
    "pi": (math.pi, r"\pi"),
    "ln(2)": (math.log(2), r"\ln(2)"),
    "ln(10)": (math.log(10), r"\ln(10)"),
    "sqrt(pi)": (math.sqrt(math.pi), r"\sqrt{\pi}"),
}

# What is still to be written: a text, or an expression and how tightly it has to bind.
_Piece = str | tuple[Expression, int]


class Writer:
    """Writes expressions.

    Args:
        style: "text", the language itself, or "latex".
        names: by index, expressions that have a name, and are written as that.
        taken: names of inputs: a constant of that name is written as a number.
    """

    def __init__(
        self,
        style: Style,
        names: dict[int, str] | None = None,
        taken: Iterable[str] = (),
    ) -> None:
        self._latex = style == "latex"
        self._names = names or {}
        own = set(taken)
        self._constants = {
            value: latex if self._latex else name
            for name, (value, latex) in _CONSTANTS.items()
            if own.isdisjoint(re.findall(r"[a-z]+", name))
        }

    @property
    def _times(self) -> str:
        return r" \, " if self._latex else "*"

    def write(self, expression: Expression) -> str:
        """The text of an expression; the expression itself is written out, named or not."""
        written: list[str] = []
        pending: list[_Piece] = self._own(expression, _CHOICE)[::-1]
        while pending:
            piece = pending.pop()
            if isinstance(piece, str):
                written.append(piece)
                continue
            inner, level = piece
            name = self._names.get(inner.index)
            if name is not None:
                written.append(variable(name, "latex") if self._latex else name)
            else:
                pending += self._own(inner, level)[::-1]
        return "".join(written)

    def _own(self, one: Expression, level: int) -> list[_Piece]:
        """The pieces of an expression, in brackets where its place asks for them."""
        pieces, own = self._pieces(one)
        if own >= level:
            return pieces
        if self._latex:
            return [r"\left(", *pieces, r"\right)"]
        return ["(", *pieces, ")"]

    def _pieces(self, one: Expression) -> tuple[list[_Piece], int]:
        if one.kind == NUMBER:
            text = self._number(one.number)
            level = _SUM if text.startswith("-") else _PRODUCT if r"\times" in text else _ATOM
            return [text], level
        if one.kind == NAME:
            return [variable(one.name, "latex") if self._latex else one.name], _ATOM
        if one.kind == SUM:
            return self._sum(one), _SUM
        if one.kind == PRODUCT:
            return self._product(one.number, one.factors)
        if one.kind == CHOICE:
            return self._choice(one)
        return self._call(one)

    def _sum(self, one: Expression) -> list[_Piece]:
        terms: list[tuple[float, Expression | None]] = [(_sign(term), term) for term in one.terms]
        if one.number != 0:
            terms.append((1.0 if one.number > 0 or one.number != one.number else -1.0, None))
        # What begins with a minus is harder to read.
        first = next((i for i, (sign, _) in enumerate(terms) if sign > 0), 0)
        terms.insert(0, terms.pop(first))
        pieces: list[_Piece] = []
        for sign, term in terms:
            if pieces:
                pieces.append(" + " if sign > 0 else " - ")
            elif sign < 0:
                pieces.append("-")
            if term is None:
                pieces.append(self._number(abs(one.number)))
            elif sign < 0:
                pieces += self._product(-term.number, term.factors)[0]
            else:
                pieces.append((term, _PRODUCT))
        return pieces

    def _product(
        self, coefficient: float, factors: Sequence[tuple[Expression, float]]
    ) -> tuple[list[_Piece], int]:
        above = [(base, exponent) for base, exponent in factors if exponent > 0]
        below = [(base, -exponent) for base, exponent in factors if exponent < 0]
        sign = "-" if coefficient < 0 else ""
        top, bottom = self._coefficient(abs(coefficient), bool(below))
        if self._latex:
            numerator = self._factors(top, above)
            if not below and not bottom:
                return [sign, *numerator], _SUM if sign else _PRODUCT
            denominator = self._factors(bottom, below, is_below=True)
            return [sign, r"\frac{", *numerator, "}{", *denominator, "}"], (
                _SUM if sign else _PRODUCT
            )
        if len(factors) == 1 and above and not top and not bottom and not sign:
            return self._power(*above[0]), _POWER
        pieces = [sign, *self._factors(top, above)]
        if below or bottom:
            divisor = self._factors(bottom, below, is_below=True)
            many = len(below) + bool(bottom) > 1
            pieces += ["/(", *divisor, ")"] if many else ["/", *divisor]
        return pieces, _SUM if sign else _PRODUCT

    def _factors(
        self,
        coefficient: str,
        factors: Sequence[tuple[Expression, float]],
        *,
        is_below: bool = False,
    ) -> list[_Piece]:
        if factors and is_below and not coefficient.isdigit():  # x*ln(2), not ln(2)*x
            last: list[_Piece] = [self._times, coefficient] if coefficient else []
            if len(factors) == 1 and not last:
                # In a fraction of LaTeX it needs no brackets.
                ((base, exponent),) = factors
                is_alone = exponent == 1 and self._latex
                return [(base, _SUM)] if is_alone else self._power(base, exponent)
            return [*self._factors("", factors), *last]
        pieces: list[_Piece] = [coefficient] if coefficient else []
        if not pieces and len(factors) == 1 and factors[0][1] == 1:
            return [(factors[0][0], _PRODUCT)]
        for base, exponent in factors:
            if pieces:
                pieces.append(self._times)
            pieces += self._power(base, exponent)
        return pieces or ["1"]

    def _power(self, base: Expression, exponent: float) -> list[_Piece]:
        if exponent == 1:
            return [(base, _POWER)]
        text = self._number(exponent)
        return [(base, _ATOM), f"^{{{text}}}" if self._latex else f"^{text}"]

    def _coefficient(self, size: float, is_divided: bool) -> tuple[str, str]:
        """A coefficient as what stands above and below the line; "" for 1."""
        if size == 1:
            return "", ""
        text = self._number(size)
        for value, name in self._constants.items():
            times = round(size / value) if 0 < size < _LARGEST else 0
            if times > 1 and times * value == size:
                return f"{times}{self._times}{name}", ""
            above = round(size * value) if 0 < size < _LARGEST else 0
            if above > 0 and above / value == size:
                return str(above) if above > 1 else "", name
        top, bottom = fraction(size, is_divided=is_divided)
        if bottom == 1:
            return text, ""
        return "" if top == 1 else str(top), str(bottom)

    def _call(self, one: Expression) -> tuple[list[_Piece], int]:
        row = one.row
        assert row is not None
        if row.code == POW:
            base, exponent = one.arguments
            if self._latex:
                return [(base, _ATOM), "^{", (exponent, _CHOICE), "}"], _POWER
            return [(base, _ATOM), "^", (exponent, _ATOM)], _POWER
        if not self._latex:
            pieces: list[_Piece] = [row.name, "("]
            for position, argument in enumerate(one.arguments):
                pieces += [", ", (argument, _CHOICE)] if position else [(argument, _CHOICE)]
            return [*pieces, ")"], _ATOM
        notation = row.latex
        pieces = []
        for part in notation.text.replace("#2", "\0#2\0").replace("#1", "\0#1\0").split("\0"):
            if part in ("#1", "#2"):
                position = int(part[1]) - 1
                level = _FROM_NOTATION[notation.arguments[position]]
                pieces.append((one.arguments[position], level))
            else:
                pieces.append(part)
        return pieces, _FROM_NOTATION[notation.level]

    def _choice(self, one: Expression) -> tuple[list[_Piece], int]:
        assert one.truth is not None
        yes, no = one.arguments
        if self._latex:
            return [
                r"\begin{cases}", (yes, _CHOICE), r" & \text{if } ", *self._truth(one.truth),
                r" \\ ", (no, _CHOICE), r" & \text{otherwise}\end{cases}",
            ], _ATOM  # fmt: skip
        condition = self._truth(one.truth)
        return ["if ", *condition, " then ", (yes, _SUM), " else ", (no, _CHOICE)], _CHOICE

    def _truth(self, truth: Truth) -> list[_Piece]:
        if truth.kind == conditions.COMPARE:
            left, right = truth.sides
            sign = _LATEX_SIGNS[truth.sign] if self._latex else truth.sign
            return [(left, _SUM), f" {sign} ", (right, _SUM)]
        if truth.kind == conditions.NOT:
            return [r"\lnot (" if self._latex else "not (", *self._truth(truth.parts[0]), ")"]
        word = "and" if truth.kind == conditions.AND else "or"
        if self._latex:
            word = rf"\text{{ {word} }}"
        pieces: list[_Piece] = []
        for part in truth.parts:
            if pieces:
                pieces.append(f" {word} ")
            is_looser = part.kind == conditions.OR and truth.kind == conditions.AND
            inner = self._truth(part)
            pieces += ["(", *inner, ")"] if is_looser else inner
        return pieces

    def _number(self, x: float) -> str:
        name = self._constants.get(abs(x))
        if name is not None:
            return f"-{name}" if x < 0 else name
        return latex_number(x) if self._latex else number(x)


# The levels of the notation table: nothing, sum, sign, product, power, atom.
_FROM_NOTATION = (_CHOICE, _SUM, _PRODUCT, _PRODUCT, _POWER, _ATOM)


def _sign(term: Expression) -> float:
    return -1.0 if term.kind == PRODUCT and term.number < 0 else 1.0


def shared_names(roots: Sequence[Expression], taken: Iterable[str]) -> dict[int, str]:
    """Names for the parts that are used more than once, by index, in order.

    Args:
        roots: the expressions.
        taken: names that are in use.
    """
    used: dict[int, int] = {}
    every = reachable(roots)
    for one in every:
        for part in one.parts():
            used[part.index] = used.get(part.index, 0) + 1
    for root in roots:
        used[root.index] = used.get(root.index, 0) + 1
    own = list(taken)
    letters = itertools.chain(_LETTERS, ("part" + "_" * n for n in itertools.count(1)))
    letter = next(x for x in letters if not any(name.startswith(x) for name in own))
    repeated = [one for one in every if used[one.index] > 1 and _deserves_a_name(one)]
    return {one.index: f"{letter}{i}" for i, one in enumerate(repeated, 1)}


def _deserves_a_name(one: Expression) -> bool:
    """Whether it is longer than a name: not a number, a name, or the negative of one."""
    if one.kind == PRODUCT and one.number == -1:
        return operations(one) > 1
    return one.kind not in (NUMBER, NAME)


_LETTERS = ("t", "s", "p", "q", "w")
assert CALL < CHOICE
