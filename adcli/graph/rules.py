"""The derivative rules: `grammar/derivatives.ad`, read line by line as they are needed.

A rule is compiled to functions of (u, w, v) over any arithmetic: floats for a sweep at
a point, nodes for a transformation of the graph. There is no second copy of a rule.

A partial that is the literal 0 is a structural zero and comes out as None: it
contributes nothing, whatever it meets. Outside of a primitive's domain its partials are
nan, and so are their derivatives, to any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from adcli.errors import InputError
from adcli.graph import primitives
from adcli.graph.definitions import Definitions
from adcli.graph.kernels import COMPARISONS
from adcli.graph.suggest import suggestion
from adcli.language import syntax

CONSTANTS = {
    "pi": math.pi,
    "π": math.pi,
    "e": math.e,
    "tau": math.tau,
    "inf": math.inf,
    "nan": math.nan,
}

if TYPE_CHECKING:
    from adcli.graph.wengert import Graph

# A partial that is not a constant: a function of (u, w, v).
Partial = Callable[[Any, Any, Any], Any]
_EXP = primitives.BY_NAME["exp"].code

_definitions: Definitions | None = None


def definitions() -> Definitions:
    """The lines of `derivatives.ad`, cut but not parsed."""
    global _definitions
    if _definitions is None:
        _definitions = Definitions("derivatives.ad")
    return _definitions


class Arithmetic:
    """What a rule is evaluated over.

    Args:
        apply: the primitives: code and arguments to a value.
        decide: a value to the float that conditions look at.
        guarded: whether domains matter; to show a rule they do not.
    """

    def __init__(
        self,
        apply: Callable[..., Any],
        decide: Callable[[Any], float] | None = None,
        *,
        guarded: bool = True,
    ) -> None:
        self.apply = apply
        self.decide = decide
        self.guarded = guarded
        self._partials: dict[int, tuple[Partial | float | None, ...]] = {}

    def partials(self, code: int) -> tuple[Partial | float | None, ...]:
        """The partials of a primitive, one for each argument.

        Returns:
            For each argument None (a structural zero), 1.0, -1.0, or a function of (u, w,
            v): the arguments (w is 0 of primitives of one) and the value.
        """
        found = self._partials.get(code)
        if found is None:
            found = self._partials[code] = self._read(primitives.row_of(code))
        return found

    def _read(self, row: primitives.Primitive) -> tuple[Partial | float | None, ...]:
        _, function = definitions().get(row.name)
        (body,) = function.body
        assert isinstance(body, syntax.Results)
        if len(body.values) != row.arity:
            raise RuntimeError(f"derivatives.ad: {row.name} needs {row.arity} partials")
        domain = _condition(row.domain, self) if row.domain and self.guarded else None
        return tuple(self._partial(value, domain) for value in body.values)

    def _partial(
        self, value: syntax.Expression, domain: Callable[[Any, Any, Any], bool] | None
    ) -> Partial | float | None:
        constant = _literal(value)
        if constant is not None and domain is None:
            if constant == 0:
                return None
            if abs(constant) == 1:
                return constant
        inside = self.compile(value)
        if domain is None:
            return inside
        apply = self.apply

        def guarded(u: Any, w: Any, v: Any) -> Any:
            if domain(u, w, v):
                return inside(u, w, v)
            # nan*exp(u + w) is nan, and so are its derivatives towards both.
            exponential = apply(_EXP, apply(primitives.ADD, u, w))
            return apply(primitives.MUL, math.nan, exponential)

        return guarded

    def compile(self, expression: syntax.Expression) -> Partial:
        """A function of (u, w, v) for an expression; None is a literal 0 that was chosen."""
        if isinstance(expression, syntax.Choice):
            condition = self.condition(expression.condition)
            yes, no = self.compile(expression.yes), self.compile(expression.no)
            return lambda u, w, v: yes(u, w, v) if condition(u, w, v) else no(u, w, v)
        if _literal(expression) == 0:
            return lambda u, w, v: None
        return self.value(expression)

    def value(self, expression: syntax.Expression) -> Partial:
        """A function of (u, w, v) for an expression without choices."""
        apply = self.apply
        match expression:
            case syntax.Number(value=value):
                return lambda u, w, v: value
            case syntax.Name(name="u"):
                return lambda u, w, v: u
            case syntax.Name(name="w"):
                return lambda u, w, v: w
            case syntax.Name(name="v"):
                return lambda u, w, v: v
            case syntax.Name(name=name):
                constant = CONSTANTS[name]
                return lambda u, w, v: constant
            case syntax.Negative(operand=operand):
                literal = _literal(operand)
                if literal is not None:
                    return lambda u, w, v: -literal
                inner = self.value(operand)
                return lambda u, w, v: apply(primitives.NEG, inner(u, w, v))
            case syntax.Binary(left=left, operator=sign, right=right):
                code = primitives.SIGNS[sign]
                first, second = self.value(left), self.value(right)
                return lambda u, w, v: apply(code, first(u, w, v), second(u, w, v))
            case syntax.Call(name=name, arguments=[argument]):
                code = primitives.BY_NAME[name].code
                inner = self.value(argument)
                return lambda u, w, v: apply(code, inner(u, w, v))
            case syntax.Call(name=name, arguments=[left, right]):
                code = primitives.BY_NAME[name].code
                first, second = self.value(left), self.value(right)
                return lambda u, w, v: apply(code, first(u, w, v), second(u, w, v))
        raise RuntimeError(f"derivatives.ad: {type(expression).__name__} is not for rules")

    def condition(self, expression: syntax.Expression) -> Callable[[Any, Any, Any], bool]:
        """A function of (u, w, v) for a condition on their values.

        A condition only looks: it is evaluated over floats and records no operation.
        """
        holds = _holds(expression)
        decide = self.decide
        if decide is None:
            return holds
        return lambda u, w, v: holds(decide(u), decide(w), decide(v))


FLOATS = Arithmetic(primitives.compute)


def local_partials(graph: Graph, node: int) -> list[float | None]:
    """The partial derivatives of an operation at a point; None where they are structural zeros."""
    values = [graph.value[operand] for operand in graph.operands(node)]
    u, w = values[0], values[1] if len(values) > 1 else 0.0
    return [
        partial(u, w, graph.value[node]) if callable(partial) else partial
        for partial in FLOATS.partials(graph.op[node])
    ]


def _holds(expression: syntax.Expression) -> Callable[[float, float, float], bool]:
    """A condition over floats."""
    match expression:
        case syntax.Compare(operands=operands, operators=operators):
            values = [FLOATS.value(operand) for operand in operands]
            compares = [COMPARISONS[sign] for sign in operators]

            def compare(u: float, w: float, v: float) -> bool:
                numbers = [value(u, w, v) for value in values]
                return all(c(a, b) for c, a, b in zip(compares, numbers, numbers[1:], strict=False))

            return compare
        case syntax.Logical(left=left, operator=word, right=right):
            first, second = _holds(left), _holds(right)
            if word == "and":
                return lambda u, w, v: first(u, w, v) and second(u, w, v)
            return lambda u, w, v: first(u, w, v) or second(u, w, v)
    raise RuntimeError("derivatives.ad: a condition compares")


def _literal(expression: syntax.Expression) -> float | None:
    """The number an expression is, if it is written as one."""
    if isinstance(expression, syntax.Number):
        return expression.value
    if isinstance(expression, syntax.Negative) and isinstance(expression.operand, syntax.Number):
        return -expression.operand.value
    return None


def parsed(text: str) -> syntax.Expression:
    """A condition of the primitive table, such as "u >= 0"."""
    from adcli.errors import Source
    from adcli.language import parse

    (results,) = parse(Source(text, "primitive table"), bool)
    assert isinstance(results, syntax.Results)
    return results.values[0]


def _condition(text: str, arithmetic: Arithmetic) -> Callable[[Any, Any, Any], bool]:
    return arithmetic.condition(parsed(text))


def kink(row: primitives.Primitive) -> Callable[[float, float, float], bool]:
    """The condition of a row under which a convention stands for its derivative."""
    return _condition(row.kink, FLOATS)


class RuleText:
    """A rule for a reader.

    Attributes:
        head: the primitive and its arguments, such as "mul(u, w)".
        name: its name.
        arguments: the names of its arguments.
        partials: as they stand in `derivatives.ad`, one for each argument.
        domain: where they hold, or "".
        convention: what is used at a kink, or "".
    """

    __slots__ = ("arguments", "convention", "domain", "head", "name", "partials")

    def __init__(self, row: primitives.Primitive) -> None:
        source, function = definitions().get(row.name)
        (body,) = function.body
        assert isinstance(body, syntax.Results)
        self.name = row.name
        self.arguments = ["u", "w"][: row.arity]
        self.head = f"{row.name}({', '.join(self.arguments)})"
        self.partials = [source.text[value.start : value.end] for value in body.values]
        self.domain = row.domain
        self.convention = row.convention


def rule_texts(names: Sequence[str]) -> list[RuleText]:
    """The rules of primitives.

    Args:
        names: their names; all if there are none.

    Raises:
        InputError: a name is no primitive.
    """
    rows = []
    for name in names:
        row = primitives.BY_NAME.get(primitives.ALIASES.get(name, name))
        if row is None:
            known = [*primitives.BY_NAME, *primitives.ALIASES]
            raise InputError(f"no primitive is called '{name}'", hint=suggestion(name, known))
        rows.append(row)
    return [RuleText(row) for row in rows or primitives.TABLE]
