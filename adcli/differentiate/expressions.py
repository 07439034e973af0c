"""Expressions as a person would write them: sums of products of powers, simplified.

A part of a graph becomes an `Expression`: equal expressions are one object, like terms are
collected, factors with the same base are one power, and numbers are multiplied out. Sums
are not expanded, and nothing is factored. Nothing here recurses: an expression may be as
deep as a program is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from adcli.graph.conditions import AND, COMPARE, NOT, OR, Condition
from adcli.graph.kernels import COMPARISONS
from adcli.graph.open import SELECT, OpenGraph
from adcli.graph.primitives import (
    ADD,
    CONSTANT,
    DIV,
    INPUT,
    MUL,
    NEG,
    POW,
    SUB,
    Primitive,
    compute,
    row_of,
)
from adcli.graph.wengert import Scalar

NUMBER, NAME, SUM, PRODUCT, CALL, CHOICE = range(6)

# A coefficient with a longer text is written as a fraction with a denominator up to this.
_LARGEST_DENOMINATOR = 100
_SHORT = 5
# Of an expression written out; a number with thousands of digits says no more.
MOST_COUNTED = 10**300
# Sums and products of so many parts at most are taken into others that use them.
_SMALL = 8


class Truth:
    """A condition over expressions.

    Attributes:
        kind: as of `conditions.Condition`.
        sign: of a comparison.
        sides: what is compared.
        parts: the conditions it is made of.
    """

    __slots__ = ("kind", "parts", "sides", "sign")

    def __init__(
        self,
        kind: int,
        sign: str,
        sides: tuple[Expression, ...],
        parts: tuple[Truth, ...],
    ) -> None:
        self.kind = kind
        self.sign = sign
        self.sides = sides
        self.parts = parts


class Expression:
    """A simplified expression.

    Attributes:
        kind: NUMBER, NAME, SUM, PRODUCT, CALL or CHOICE.
        index: its number; a later one may contain an earlier one.
        number: of a NUMBER its value, of a SUM its constant, of a PRODUCT its coefficient.
        name: of a NAME.
        terms: of a SUM.
        factors: of a PRODUCT, bases with their exponents.
        row: of a CALL the primitive.
        arguments: of a CALL, and of a CHOICE the two arms.
        truth: of a CHOICE its condition.
        condition: of a CHOICE the number of its condition.
    """

    __slots__ = (
        "arguments",
        "condition",
        "factors",
        "index",
        "kind",
        "name",
        "number",
        "row",
        "terms",
        "truth",
    )

    def __init__(self, kind: int, index: int) -> None:
        self.kind = kind
        self.index = index
        self.number = 0.0
        self.name = ""
        self.terms: tuple[Expression, ...] = ()
        self.factors: tuple[tuple[Expression, float], ...] = ()
        self.row: Primitive | None = None
        self.arguments: tuple[Expression, ...] = ()
        self.truth: Truth | None = None
        self.condition = -1

    def parts(self) -> list[Expression]:
        """The expressions directly inside."""
        found = [*self.terms, *(base for base, _ in self.factors), *self.arguments]
        pending = [self.truth] if self.truth is not None else []
        while pending:
            truth = pending.pop()
            found += truth.sides
            pending += truth.parts
        return found


class Expressions:
    """Makes expressions; equal ones are made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Expression] = {}
        # How deep choices are being put together inside of choices.
        self._inside = 0

    def _new(self, key: tuple[Any, ...], kind: int) -> tuple[Expression, bool]:
        found = self._made.get(key)
        if found is not None:
            return found, False
        found = self._made[key] = Expression(kind, len(self._made))
        return found, True

    def number(self, x: float) -> Expression:
        """A number; zero has no sign."""
        x = x or 0.0
        found, is_new = self._new((NUMBER, repr(x)), NUMBER)
        if is_new:
            found.number = x
        return found

    def name(self, name: str) -> Expression:
        """An element of an input."""
        found, is_new = self._new((NAME, name), NAME)
        if is_new:
            found.name = name
        return found

    def sum(self, pieces: Iterable[tuple[float, Expression]]) -> Expression:
        """A sum of multiples, like terms collected."""
        constant = 0.0
        collected: dict[int, tuple[float, Expression]] = {}
        pending = list(pieces)[::-1]
        while pending:
            times, piece = pending.pop()
            if piece.kind == NUMBER:
                constant += times * piece.number
                continue
            if piece.kind == SUM and abs(times) == 1 and len(piece.terms) <= _SMALL:
                constant += times * piece.number
                pending += [(times, term) for term in reversed(piece.terms)]
                continue
            if piece.kind == PRODUCT:
                times *= piece.number
                piece = self._product(1.0, piece.factors)
            if piece.kind == SUM and abs(times) == 1 and len(piece.terms) <= _SMALL:
                pending.append((times, piece))
                continue
            before = collected.get(piece.index)
            collected[piece.index] = (times + before[0] if before else times, piece)
        together = self._choices_together(collected.values())
        if together is not None:
            return self.sum([(constant, self.number(1.0)), *together])
        terms = [self.times(times, piece) for times, piece in collected.values() if times != 0]
        if not terms:
            return self.number(constant)
        if len(terms) == 1 and constant == 0:
            return terms[0]
        key = (SUM, repr(constant), *(term.index for term in terms))
        found, is_new = self._new(key, SUM)
        if is_new:
            found.number = constant
            found.terms = tuple(terms)
        return found

    def _choices_together(
        self, pieces: Iterable[tuple[float, Expression]]
    ) -> list[tuple[float, Expression]] | None:
        """The pieces of a sum, with one choice for all that have the same condition.

        Returns:
            None if there is nothing to put together.
        """
        chosen: dict[int, list[tuple[float, Expression]]] = {}
        rest: list[tuple[float, Expression]] = []
        for times, piece in pieces:
            if piece.kind == CHOICE and times != 0:
                chosen.setdefault(piece.condition, []).append((times, piece))
            else:
                rest.append((times, piece))
        if all(len(choices) == 1 for choices in chosen.values()) or self._inside > _SMALL:
            return None
        self._inside += 1
        for condition, choices in chosen.items():
            first = choices[0][1]
            assert first.truth is not None
            yes, no = (
                self.sum((times, choice.arguments[arm]) for times, choice in choices)
                for arm in (0, 1)
            )
            one = (
                choices[0]
                if len(choices) == 1
                else (1.0, self.choice(condition, first.truth, yes, no))
            )
            rest.append(one)
        self._inside -= 1
        return rest

    def times(self, times: float, piece: Expression) -> Expression:
        """A multiple."""
        if times == 1:
            return piece
        if piece.kind == NUMBER:
            return self.number(times * piece.number)
        return self.product(times, [(piece, 1.0)])

    def product(self, number: float, pieces: Iterable[tuple[Expression, float]]) -> Expression:
        """A product of powers, those of one base collected."""
        collected: dict[int, tuple[Expression, float]] = {}
        pending = list(pieces)[::-1]
        while pending:
            base, exponent = pending.pop()
            is_small = base.kind == PRODUCT and abs(exponent) == 1 and len(base.factors) <= _SMALL
            if base.kind == NUMBER or is_small:
                power = compute(POW, base.number, abs(exponent))
                together = number * power if exponent > 0 else compute(DIV, number, power)
                if _is_kept(together, number, base.number):
                    number = together
                    if is_small:
                        pending += [(inner, e * exponent) for inner, e in reversed(base.factors)]
                    continue
            before = collected.get(base.index)
            collected[base.index] = (base, exponent + before[1] if before else exponent)
        factors = [(base, exponent) for base, exponent in collected.values() if exponent != 0]
        factors.sort(key=lambda factor: (_RANK[factor[0].kind], factor[0].index))
        return self._product(number, tuple(factors))

    def _product(self, number: float, factors: tuple[tuple[Expression, float], ...]) -> Expression:
        if not factors or number == 0:
            return self.number(number)
        if number == 1 and len(factors) == 1 and factors[0][1] == 1:
            return factors[0][0]
        key = (PRODUCT, repr(number), *((base.index, exponent) for base, exponent in factors))
        found, is_new = self._new(key, PRODUCT)
        if is_new:
            found.number = number
            found.factors = factors
        return found

    def call(self, row: Primitive, arguments: Sequence[Expression]) -> Expression:
        """A primitive that is no operator, or a power with an exponent that is no number."""
        if all(argument.kind == NUMBER for argument in arguments):
            return self.number(compute(row.code, *(argument.number for argument in arguments)))
        key = (CALL, row.code, *(argument.index for argument in arguments))
        found, is_new = self._new(key, CALL)
        if is_new:
            found.row = row
            found.arguments = tuple(arguments)
        return found

    def choice(self, index: int, truth: Truth, yes: Expression, no: Expression) -> Expression:
        """If a condition (of this index) then one else the other."""
        if yes is no:
            return yes
        found, is_new = self._new((CHOICE, index, yes.index, no.index), CHOICE)
        if is_new:
            found.condition = index
            found.truth = truth
            found.arguments = (yes, no)
        return found


def _is_kept(together: float, *numbers: float) -> bool:
    """Whether numbers made one number are not out of the range of doubles, if they were in it."""
    if all(x != 0 and math.isfinite(x) for x in numbers):
        return together != 0 and math.isfinite(together)
    return True


# In a product: names first, then sums, calls and choices.
_RANK = {NAME: 0, PRODUCT: 1, SUM: 2, CALL: 3, CHOICE: 4, NUMBER: 5}


_ADDITIVE = frozenset({ADD, SUB})
_MULTIPLICATIVE = frozenset({MUL, DIV})


class Reader:
    """Reads parts of an open graph as expressions.

    Args:
        graph: the graph.
        names: of the input nodes.
        first_order: how many nodes there were before derivatives were recorded.
    """

    def __init__(self, graph: OpenGraph, names: dict[int, str], first_order: int) -> None:
        self.graph = graph
        self.make = Expressions()
        self._names = names
        self._first_order = first_order
        self._read: dict[int, Expression] = {}
        self._truths: dict[int, Truth | bool] = {}

    def read(self, scalars: Sequence[Scalar]) -> list[Expression]:
        """The expressions of some scalars."""
        roots = self._roots([x for x in scalars if type(x) is int])
        for node in roots:
            if node not in self._read:
                self._read[node] = self._expression(node)
        return [self._read[x] if type(x) is int else self.make.number(float(x)) for x in scalars]

    def _roots(self, outputs: list[int]) -> list[int]:
        """The nodes that become expressions of their own, in order.

        Those inside of a sum or product do not, if they are used once: of a sum of 100,000
        terms there is one expression, not one for each partial sum.
        """
        op = self.graph.op
        uses: dict[int, int] = {}
        inside: set[int] = set()
        pending = list(dict.fromkeys(outputs))
        seen = set(pending)
        while pending:
            node = pending.pop()
            if op[node] <= CONSTANT:
                continue
            for operand in self.graph.parts(node):
                uses[operand] = uses.get(operand, 0) + 1
                if _inside(op[node], op[operand]):
                    inside.add(operand)
                if operand not in seen:
                    seen.add(operand)
                    pending.append(operand)
        wanted = set(outputs)
        return sorted(
            node for node in seen if node in wanted or node not in inside or uses[node] > 1
        )

    def _expression(self, node: int) -> Expression:
        graph, make = self.graph, self.make
        code = graph.op[node]
        if code == INPUT:
            return make.name(self._names[node])
        if code == CONSTANT:
            return make.number(graph.value[node])
        if code in _ADDITIVE:
            return make.sum(self._addends(node))
        if code in _MULTIPLICATIVE or code == NEG:
            return make.product(1.0, self._factors(node))
        if code == SELECT:
            yes, no = (self._read[x] for x in graph.operands(node))
            condition = graph.chooses[node]
            truth = self._truth(condition)
            if isinstance(truth, bool):
                return yes if truth else no
            return make.choice(condition.index, truth, yes, no)
        operands = [self._read[x] for x in graph.operands(node)]
        if code == POW and operands[1].kind == NUMBER and math.isfinite(operands[1].number):
            return self._power(operands[0], operands[1].number)
        return make.call(row_of(code), operands)

    def _power(self, base: Expression, exponent: float) -> Expression:
        make = self.make
        is_whole = exponent == math.floor(exponent) and abs(exponent) <= _SMALL
        if base.kind == PRODUCT and is_whole and len(base.factors) <= _SMALL:
            # (x^2)^(1/2) is not x, and 0.1^2 has other digits than one would write.
            whole = all(e == math.floor(e) for _, e in base.factors)
            if whole and base.number.is_integer() and base.number != 0:
                number = compute(POW, base.number, exponent)
                if _is_kept(number, base.number):
                    factors = [(inner, e * exponent) for inner, e in base.factors]
                    return make.product(number, factors)
            if exponent % 2 == 0 and base.number < 0:
                base = make.times(-1.0, base)
        return make.product(1.0, [(base, exponent)])

    def _addends(self, node: int) -> list[tuple[float, Expression]]:
        """The leaves of a sum with their signs."""
        graph = self.graph
        found: list[tuple[float, Expression]] = []
        pending = [(1.0, node)]
        while pending:
            sign, at = pending.pop()
            if at != node and at in self._read:
                found.append((sign, self._read[at]))
                continue
            code = graph.op[at]
            left, right = graph.left[at], graph.right[at]
            pending.append((sign if code == ADD else -sign, right))
            pending.append((sign, left))
        # A sweep backwards adds what comes last in the program first.
        return found[::-1] if node >= self._first_order else found

    def _factors(self, node: int) -> list[tuple[Expression, float]]:
        """The leaves of a product with exponents 1 and -1."""
        graph = self.graph
        found: list[tuple[Expression, float]] = []
        pending = [(1.0, node)]
        while pending:
            exponent, at = pending.pop()
            if at != node and at in self._read:
                found.append((self._read[at], exponent))
                continue
            code = graph.op[at]
            if code == NEG:
                found.append((self.make.number(-1.0), 1.0))
                pending.append((exponent, graph.left[at]))
            else:
                pending.append((exponent if code == MUL else -exponent, graph.right[at]))
                pending.append((exponent, graph.left[at]))
        return found

    def _truth(self, condition: Condition) -> Truth | bool:
        """A condition over expressions; decided if they turned out to be numbers."""
        if condition.index not in self._truths:
            self._truths[condition.index] = self._truth_of(condition)
        return self._truths[condition.index]

    def _truth_of(self, condition: Condition) -> Truth | bool:
        if condition.kind == COMPARE:
            left, right = (
                self._read[x] if type(x) is int else self.make.number(float(x))
                for x in condition.scalars
            )
            if left.kind == NUMBER and right.kind == NUMBER:
                return COMPARISONS[condition.sign](left.number, right.number)
            return Truth(COMPARE, condition.sign, (left, right), ())
        parts = [self._truth(part) for part in condition.parts]
        if condition.kind == NOT:
            (part,) = parts
            return not part if isinstance(part, bool) else Truth(NOT, "", (), (part,))
        decides = condition.kind == OR
        open_parts = tuple(part for part in parts if not isinstance(part, bool))
        if any(part is decides for part in parts):
            return decides
        if not open_parts:
            return not decides
        return open_parts[0] if len(open_parts) == 1 else Truth(condition.kind, "", (), open_parts)


def _inside(outer: int, inner: int) -> bool:
    """Whether an operation is a part of the sum or product that it is an operand of."""
    if outer in _ADDITIVE:
        return inner in _ADDITIVE
    if outer in _MULTIPLICATIVE or outer == NEG:
        return inner in _MULTIPLICATIVE or inner == NEG
    return False


def evaluate(roots: Sequence[Expression], values: Mapping[str, float]) -> list[float]:
    """The values of expressions at a point; of a choice only the arm that is chosen counts.

    Args:
        roots: the expressions.
        values: of the elements of the inputs, by name.
    """
    found: dict[int, float] = {}
    for one in reachable(roots):
        found[one.index] = _value(one, found, values)
    return [found[root.index] for root in roots]


def _value(one: Expression, found: Mapping[int, float], values: Mapping[str, float]) -> float:
    if one.kind == NUMBER:
        return one.number
    if one.kind == NAME:
        return values[one.name]
    if one.kind == SUM:
        total = found[one.terms[0].index]
        for term in one.terms[1:]:
            total += found[term.index]
        return total + one.number if one.number != 0 else total
    if one.kind == PRODUCT:
        above, below = abs(one.number), 1.0
        for base, exponent in one.factors:
            power = found[base.index]
            if abs(exponent) != 1:
                power = compute(POW, power, abs(exponent))
            if exponent > 0:
                above *= power
            else:
                below *= power
        size = above if below == 1 else compute(DIV, above, below)
        return math.copysign(1.0, one.number) * size
    arguments = [found[argument.index] for argument in one.arguments]
    if one.kind == CHOICE:
        assert one.truth is not None
        return arguments[0] if _holds(one.truth, found) else arguments[1]
    assert one.row is not None
    return compute(one.row.code, *arguments)


def _holds(truth: Truth, found: Mapping[int, float]) -> bool:
    if truth.kind == COMPARE:
        left, right = (found[side.index] for side in truth.sides)
        return COMPARISONS[truth.sign](left, right)
    parts = (_holds(part, found) for part in truth.parts)
    if truth.kind == NOT:
        return not next(parts)
    return all(parts) if truth.kind == AND else any(parts)


def size(roots: Sequence[Expression]) -> tuple[int, int]:
    """How many operations expressions have: written out, and with equal parts counted once.

    What is more than MOST_COUNTED is that.
    """
    every = reachable(roots)
    full: dict[int, int] = {}
    for one in every:
        total = operations(one) + sum(full[part.index] for part in one.parts())
        full[one.index] = min(total, MOST_COUNTED)
    raw = min(sum(full[root.index] for root in roots), MOST_COUNTED)
    return raw, sum(operations(one) for one in every)


def fraction(size: float, *, is_divided: bool) -> tuple[float, float]:
    """A coefficient as what is written above and below the line.

    Args:
        size: the coefficient, not negative.
        is_divided: whether there is something below the line anyway.
    """
    if not math.isfinite(size) or size == math.floor(size):
        return size, 1
    found = Fraction(size).limit_denominator(_LARGEST_DENOMINATOR)
    is_fraction = found.numerator > 0 and float(found) == size
    if not is_fraction or (len(repr(size)) <= _SHORT and not is_divided):
        return size, 1
    return found.numerator, found.denominator


def operations(one: Expression) -> int:
    """The operations of an expression itself, its parts aside."""
    if one.kind == SUM:
        negated = sum(term.kind == PRODUCT and term.number == -1 for term in one.terms)
        all_negative = negated == len(one.terms) and one.number <= 0
        return len(one.terms) - (one.number == 0) - negated + all_negative
    if one.kind == PRODUCT:
        powers = sum(abs(exponent) != 1 for _, exponent in one.factors)
        below = sum(exponent < 0 for _, exponent in one.factors)
        top, bottom = fraction(abs(one.number), is_divided=below > 0)
        above = len(one.factors) - below + (top != 1)
        below += bottom != 1
        return max(above, 1) - 1 + below + powers + (one.number == -1 and above > 0)
    if one.kind == CHOICE:
        found = 1
        pending = [one.truth]
        while pending:
            truth = pending.pop()
            assert truth is not None
            found += 1
            pending += truth.parts
        return found
    return int(one.kind == CALL)


def reachable(roots: Sequence[Expression]) -> list[Expression]:
    """All expressions in some, each after its parts."""
    seen = {root.index: root for root in roots}
    pending = list(seen.values())
    while pending:
        for part in pending.pop().parts():
            if part.index not in seen:
                seen[part.index] = part
                pending.append(part)
    return [seen[index] for index in sorted(seen)]
