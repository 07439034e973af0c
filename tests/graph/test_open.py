"""Graphs without values: what a program computes wherever its inputs are.

An interpreter of its own evaluates an open graph at a point, following each SELECT to the
arm it chooses. What it finds must be, bit for bit, what running the program there finds.
"""

# ruff: noqa: E501  # a program reads better on one line

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import pytest

import adcli
from adcli.errors import Source, Span
from adcli.graph import conditions
from adcli.graph.conditions import Condition, Truth
from adcli.graph.kernels import COMPARISONS
from adcli.graph.open import SELECT, OpenGraph
from adcli.graph.primitives import ADD, CONSTANT, FIRST_UNARY, INPUT, MUL, compute
from adcli.graph.program import Program, Run

NAN, INF = math.nan, math.inf


def opened(text: str, shapes: Mapping[str, Any] | None = None) -> Run:
    """A program traced for inputs that are not known."""
    return Program(Source(text, "test")).open(shapes or {})


class AtPoint:
    """An open graph evaluated at a point, as far as it is needed.

    Args:
        run: what was traced.
        numbers: the elements of the inputs, in order.
    """

    def __init__(self, run: Run, numbers: list[float]) -> None:
        assert isinstance(run.graph, OpenGraph)
        self.graph = run.graph
        self.values = dict(zip(run.graph.inputs, numbers, strict=True))

    def number(self, scalar: int | float) -> float:
        """The value of a scalar; of a choice only the arm that is chosen is looked at."""
        if type(scalar) is float:
            return scalar
        if scalar in self.values:
            return self.values[scalar]
        pending = [scalar]
        while pending:
            node = pending[-1]
            needed = [x for x in self._needed(node) if x not in self.values]
            if needed:
                pending += needed
            else:
                self.values[node] = self._value(node)
                pending.pop()
        return self.values[scalar]

    def _needed(self, node: int) -> list[int]:
        graph = self.graph
        if graph.op[node] in (INPUT, CONSTANT):
            return []
        if graph.op[node] != SELECT:
            return list(graph.operands(node))
        sides = self._sides(graph.chooses[node])
        if any(x not in self.values for x in sides):
            return sides
        return [graph.operands(node)[0 if self.holds(graph.chooses[node]) else 1]]

    def _sides(self, condition: Condition) -> list[int]:
        own = [x for x in condition.scalars if type(x) is int]
        return own + [x for part in condition.parts for x in self._sides(part)]

    def _value(self, node: int) -> float:
        graph = self.graph
        code = graph.op[node]
        if code == CONSTANT:
            return graph.value[node]
        if code == SELECT:
            return self.values[self._needed(node)[0]]
        operands = [self.values[x] for x in graph.operands(node)]
        return compute(code, *operands[: 1 if code >= FIRST_UNARY else 2])

    def holds(self, condition: Truth) -> bool:
        """Whether a condition holds there."""
        if isinstance(condition, bool):
            return condition
        if condition.kind == conditions.COMPARE:
            one, other = (self.values[x] if type(x) is int else x for x in condition.scalars)
            return COMPARISONS[condition.sign](one, other)
        parts = [self.holds(part) for part in condition.parts]
        if condition.kind == conditions.NOT:
            assert len(parts) == 1
            return not parts[0]
        assert len(parts) == 2
        return all(parts) if condition.kind == conditions.AND else any(parts)


def flat(value: Any) -> list[float]:
    """The numbers in a number, a list, or a list of rows."""
    return [x for item in value for x in flat(item)] if isinstance(value, list) else [float(value)]


def assert_same(text: str, points: list[dict[str, Any]], *, names: bool = True) -> Run:
    """An open graph has the results that running the program has, at each point."""
    shapes = {name: value for name, value in points[0].items() if isinstance(value, list)}
    run = opened(text, shapes)
    for at in points:
        expected = adcli.load(text).eval(at)
        numbers = [x for item in run.inputs for x in flat(at[item.name])]
        point = AtPoint(run, numbers)
        if names:
            assert list(run.results) == list(expected)
        got = [point.number(scalar) for scalar in run.results.values()]
        assert list(map(repr, got)) == list(map(repr, expected.values())), (text, at)
    return run


X = [{"x": x} for x in (-INF, -2.0, -1.0, -0.5, -0.0, 0.0, 0.25, 1.0, 1.5, 2.0, 3.0, INF, NAN)]
XY = [
    {"x": x, "y": y} for x, y in itertools.product([-2.0, -0.5, 0.0, 0.3, 1.0, 2.0, NAN], repeat=2)
]

# Arms of every kind.
OF_ONE = {
    "choice": "if x > 0 then sqrt(x) else x^2",
    "choice in a choice": "if x > 0 then (if x > 1 then x else 2*x) else if x > -1 then 3 else x",
    "choices in sequence": "(if x > 0 then x else 1)*(if x > 1 then ln(x) else x)",
    "choice as condition": "if (if x > 0 then x else 1 - x) > 1 then x else 2",
    "choice as argument": "g(a, b) = a - 2*b; f(x) = g(if x > 0 then x else 1, if x > 1 then 2 else x)",
    "comparisons": "f(x) = [if x < 1 then 1 else 2, if x <= 1 then 1 else 2, if x > 1 then 1 else 2,\n"
    "if x >= 1 then 1 else 2, if x == 1 then 1 else 2, if x != 1 then 1 else 2]",
    "not": "f(x) = [if not x > 1 then 1 else 2, if not (not x > 1) then 1 else 2]",
    "and": "if x > 0 and x < 1 then x else 2",
    "or": "if x < 0 or x > 1 then x else 2",
    "not and": "if not (x > 0 and x < 1) then x else 2",
    "and or": "if x > 0 and x < 1 or x > 2 and not x == 3 then x else 2*x",
    "or and": "if (x > 0 or x < -1) and (x < 1 or x > 2) then x else 2*x",
    "chain": "if 0 < x < 1 then x else 2",
    "long chain": "if -1 <= x < 1 <= 2*x + 1 != 3 then x else 2",
    "chain in not": "if not 0 < x < 1 then x else 2",
    "condition of constants": "if 1 > 2 or x > 0 then x else 2",
    "condition of constants and": "if 1 < 2 and x > 0 then x else 2",
    "both arms assign": "f(x) = { if x > 0 { y = sqrt(x) } else { y = -x }; y }",
    "one arm assigns": "f(x) = { y = 1; if x > 0 { y = x }; y }",
    "arms assign in turn": "f(x) = { a = 1; b = 2; if x > 0 { a = b } else { b = a + x }; a + 3*b }",
    "nested blocks": "f(x) = { y = 0; if x > 0 { if x > 1 { y = x } else { y = 2; y += x } } else\n"
    "{ if x < -1 { y = 3 } }; y }",
    "early assignment": "f(x) = { y = sqrt(x); if x > 0 { z = y } else { z = 0 }; z }",
    "else if": "f(x) = { if x > 2 { y = 1 } else if x > 1 { y = x } else if x > 0 { y = 3 } else\n"
    "{ y = x^2 }; y }",
    "temporaries": "f(x) = { y = 0; if x > 0 { t = x^2; u = t + 1; y = u*t }; y }",
    "temporaries of other kinds": "f(x) = { if x > 0 { t = [x, 1]; y = sum(t) } else { t = x; y = t }\n"
    "y }",
    "loop in an arm": "f(x) = { y = x; if x > 0 { for i in 1..3 { y = y*x + i } } else { y = 2 }; y }",
    "while in an arm": "f(x) = { y = x; if x > 0 { n = 0; while n < 2 { y += x; n += 1 } }; y }",
    "arms in a loop": "f(x) = { y = 0; for i in 1..3 { if x > i { y += x } else { y -= i } }; y }",
    "arms in arms in a loop": "f(x) = { y = x; for i in 1..3 { if y > i { if x > 1 { y = y/2 } } else\n"
    "{ y = 2*y } }; y }",
    "element in one arm": "f(x) = { v = [x, 2, 3]; if x > 0 { v[2] = x^2 }; v }",
    "element in both arms": "f(x) = { v = [x, 2]; if x > 0 { v[2] = x^2 } else { v[1] = 7 }; v }",
    "elements in a loop": "f(x) = { v = zeros(3); for i in 1..3 { if x > i { v[i] = x } }; v }",
    "a copy is not changed": "f(x) = { v = [x, 2]; w = v; if x > 0 { v[1] = 5 }; v[1] + 10*w[1] }",
    "a copy made in an arm": "f(x) = { v = [x, 2]; w = [1, 1]; if x > 0 { w = v; w[1] = 9 }\n"
    "v[1] + 10*w[1] + 100*w[2] }",
    "the argument is not changed": "g(v) = { if v[1] > 0 { v[1] = 5 }; v[1] }\n"
    "f(x) = { v = [x, 2]; a = g(v); a + 10*v[1] }",
    "matrix element": "f(x) = { A = [[x, 1], [2, 3]]; if x > 0 { A[1,2] = x } else { A = 2*A }; A }",
    "whole vectors": "f(x) = { if x > 0 { v = [x, 1] } else { v = [2, x] }; v }",
    "vector choice": "f(x) = (if x > 0 then [x, 1] else [2, x])*3",
    "vectors of other lengths, unused": "f(x) = { if x > 0 { v = [x, 1]; y = v[2] } else { v = [1, 2, x]\n"
    "y = v[3] }; y }",
    "several": "g(x) = if x > 0 then x else -x, x^2; f(x) = { p, q = g(x); p - 2*q }",
    "several in both arms": "g(x) = x, 2*x; h(x) = x^2, 3; f(x) = { p = 0; q = 0\n"
    "if x > 0 { p, q = g(x) } else { p, q = h(x) }; p - 2*q }",
    "several results": "f(x) = { if x > 0 { a = x; b = 1 } else { a = 2; b = x }; a, b }",
    "a result and a vector": "f(x) = { a = 1; v = [x, x]; if x > 0 { a = x; v[1] = 0 }; a, v, a*v[1] }",
    "calls in arms": "g(a) = if a > 1 then a else 2*a; f(x) = if x > 0 then g(x) else g(-x)",
    "functions of functions": "g(a) = if a > 0 then a else 1 - a; f(x) = g(g(g(x) - 1) - 2)",
    "defaults": "g(a, b = 2) = if a > b then a else b; f(x) = g(x) + g(x, 1)",
    "recursion of known depth": "g(a, n) = if n <= 0 then a else (if a > 1 then a/2 else 3*a) + g(a, n - 1)\n"
    "f(x) = g(x, 4)",
    "comprehension": "f(x) = [if x > i then x else i for i in 0..3]",
    "comprehension of choices": "f(x) = sum(if v > 0 then v else 1 for v in [x, -x, x - 1])",
    "updates": "f(x) = { y = 2; if x > 0 { y *= x; y -= 1 } else { y /= 4; y += x }; y }",
    "abs and max": "abs(x) + max(x, 1)*min(x, 2) + sign(x)",
    "prelude": "f(x) = [relu(x), clamp(x, 0, 1), sigmoid(x), softplus(x), silu(x)]",
    "logsumexp": "logsumexp([x, 1, 2*x])",
    "no branch": "f(x) = { y = x; for i in 1..10 { y = 3.5*y*(1 - y) }; y }",
    "no input in it": "f(x) = { y = 3; if 2 > 1 { y = 4 }; y }",
}  # fmt: skip

OF_TWO = {
    "compared": "if x > y then x else y",
    "sorted": "f(x, y) = { a = x; b = y; if a > b { a = y; b = x }; a, b }",
    "both": "if x > 0 and y > 0 then x*y else x + y",
    "either": "if x > 0 or y > 0 then x*y else x + y",
    "nested": "f(x, y) = { z = 0; if x > 0 { if y > 0 { z = x } else { z = y } } else { if y > 1 { z = 3 } }\n"
    "z }",
    "chain": "if 0 < x < y < 2 then x else y",
    "flags": "f(x, y) = { c = 0; if x > 0 { c = 1 }; d = 0; if c == 1 and y > 0 { d = x }; d*y + c*x }",
    "swaps": "f(x, y) = { v = [x, y]; if v[1] > v[2] { t = v[1]; v[1] = v[2]; v[2] = t }; v }",
    "bubbles": "f(x, y) = { v = [x, y, 0.5, 1]; for i in 1..3 { for j in 1..4-i { if v[j] > v[j+1] {\n"
    "t = v[j]; v[j] = v[j+1]; v[j+1] = t } } }; v }",
    "largest": "f(x, y) = { most = x; at = 1; if y > most { most = y; at = 2 }; most, at }",
    "in functions": "h(a, b) = if a > b then a - b else b*a; f(x, y) = h(h(x, y), h(y, x))",
    "over a vector": "f(x, y) = { s = 0; for a in [x, y, x - y] { if a > 0 { s += a } else { s = s/2 } }; s }",
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ONE)
def test_arms_are_merged(name: str) -> None:
    assert_same(OF_ONE[name], X)


@pytest.mark.parametrize("name", OF_TWO)
def test_arms_of_two_inputs_are_merged(name: str) -> None:
    assert_same(OF_TWO[name], XY)


def test_the_interpreter_here_notices() -> None:
    """It tells programs apart: nothing above passes because everything does."""
    run = opened("if x > 0 then x else 2")
    point = AtPoint(run, [-1.0])
    assert point.number(run.results["f"]) == 2
    assert AtPoint(run, [3.0]).number(run.results["f"]) == 3


def test_names_of_results() -> None:
    """Where both arms have the same names they stay; else results are numbered."""
    same = "g(x) = { p = x; q = x^2; p, q }; f(x) = if x > 0 then g(x) else g(-x)"
    assert_same(same, X[:3], names=False)
    other = "g(x) = { p = x; q = 2; p, q }; h(x) = { u = x; w = 3; u, w }\n"
    run = assert_same(other + "f(x) = if x > 0 then g(x) else h(x)", X, names=False)
    assert list(run.results) == ["f[1]", "f[2]"]


def test_vectors_and_matrices() -> None:
    """Inputs of a shape: from a value, as declared, or of a default."""
    points = [{"v": v} for v in ([1.0, 2.0, 3.0], [3.0, -1.0, 2.0], [NAN, 0.0, -0.0])]
    for text in (
        "f(v) = { m = v[1]; for a in v { if a > m { m = a } }; m }",
        "f(v[3]) = { for i in 1..3 { if v[i] < 0 { v[i] = -v[i] } }; v }",
        "f(v[]) = sum(if a > 1 then a^2 else a for a in v)",
        "f(v) = max(v) - min(v)*norm(v)",
        "f(v) = { w = v; if v[1] > v[2] { w = v[3..1 by -1] }; w }",
    ):
        assert_same(text, points)
    matrices = [{"A": [[1.0, 2.0], [3.0, x]]} for x in (-1.0, 5.0)]
    assert_same("f(A) = { if A[2,2] > 0 { A = transpose(A) }; A @ [1, 2] }", matrices)
    assert opened("f(A[2,3], b[2] = [0, 0], c = 1) = sum(A)*sum(b)*c").inputs[0].shape == (2, 3)
    assert [item.shape for item in opened("f(b[] = [0, 0, 0], c = 1) = b*c").inputs] == [(3,), ()]


# What is simplified.


def graph_of(count: int) -> tuple[OpenGraph, list[int]]:
    """An open graph and its inputs."""
    graph = OpenGraph()
    return graph, [graph.add_input(NAN) for _ in range(count)]


@pytest.mark.parametrize("sign", COMPARISONS)
def test_comparisons(sign: str) -> None:
    """Of constants they are decided, of a quantity with itself too; equal ones are one."""
    graph, (x, y) = graph_of(2)
    for one, other in itertools.product([1.0, 2.0, -0.0, 0.0, INF, NAN], repeat=2):
        assert graph.compare(sign, one, other) is COMPARISONS[sign](one, other)
    assert graph.compare(sign, x, x) is (sign in ("<=", ">=", "=="))
    condition = graph.compare(sign, x, y)
    assert isinstance(condition, Condition)
    assert graph.compare(sign, x, y) is condition
    assert graph.compare(sign, y, x) is not condition
    assert (condition.kind, condition.sign) == (conditions.COMPARE, sign)
    assert condition.scalars == (x, y)
    # Node 1 is not the number 1, and zeros have signs.
    assert y == 1
    assert graph.compare(sign, x, 1.0) is not condition
    assert graph.compare(sign, x, 0.0) is graph.compare(sign, x, 0.0)
    assert graph.compare(sign, x, 0.0) is not graph.compare(sign, 0.0, x)
    assert graph.compare(sign, y, 1.0) not in (True, False)


def test_logic() -> None:
    """True, False, a condition with itself and with its negation leave nothing to decide."""
    graph, (x, y) = graph_of(2)
    a, b = graph.compare("<", x, y), graph.compare("<", x, 1.0)
    for condition in (a, b):
        assert isinstance(condition, Condition)
        negated = graph.negation(condition)
        assert isinstance(negated, Condition)
        assert negated.kind == conditions.NOT
        assert graph.negation(negated) is condition
        assert graph.negation(condition) is negated
        assert graph.both(condition, True) is graph.both(True, condition) is condition
        assert graph.both(condition, False) is graph.both(False, condition) is False
        assert graph.either(condition, False) is graph.either(False, condition) is condition
        assert graph.either(condition, True) is graph.either(True, condition) is True
        assert graph.both(condition, condition) is graph.either(condition, condition) is condition
        assert graph.both(condition, negated) is graph.both(negated, condition) is False
        assert graph.either(condition, negated) is graph.either(negated, condition) is True
    assert graph.negation(True) is False
    assert graph.negation(False) is True
    assert graph.both(a, b) is graph.both(a, b)
    assert graph.both(a, b) is not graph.either(a, b)
    both = graph.both(a, b)
    assert isinstance(both, Condition)
    assert (both.kind, both.parts) == (conditions.AND, (a, b))
    # Not less is not greater or equal, where one is nan.
    assert graph.negation(a) is not graph.compare(">=", x, y)


def test_selects() -> None:
    """A choice between equals is none, and equal choices are made once."""
    graph, (x, y) = graph_of(2)
    condition = graph.compare("<", x, y)
    assert graph.select(True, x, y) == x
    assert graph.select(False, x, 2.5) == 2.5
    for scalar in (x, 1.5, -0.0, INF, NAN):
        assert graph.select(condition, scalar, scalar) is scalar
    assert len(graph) == 2
    node = graph.select(condition, x, y)
    assert type(node) is int
    assert graph.op[node] == SELECT
    assert graph.chooses == {node: condition}
    assert graph.operands(node) == (x, y)
    assert graph.value[node] != graph.value[node]
    assert graph.select(condition, x, y) == node
    assert graph.select(graph.negation(condition), y, x) == node
    assert graph.select(condition, y, x) != node
    # Zeros of both signs are two numbers, and node 1 is not the number 1.
    zeros = graph.select(condition, 0.0, -0.0)
    assert type(zeros) is int
    assert [graph.value[x] for x in graph.operands(zeros)] == [0.0, -0.0]
    assert math.copysign(1.0, graph.value[graph.operands(zeros)[1]]) == -1.0
    assert graph.select(condition, y, 1.0) != graph.select(condition, 1.0, y)
    assert type(graph.select(condition, y, float(y))) is int


def test_the_same_condition_is_one_condition() -> None:
    """In a program, wherever it is written."""
    run = opened(
        "f(x, y) = { a = if x > y then 1 else 2; b = if x > y then x else y\n"
        "c = if not (x > y) then y else x; d = 0; if x > y { d = x }; a + b + c + d }"
    )
    graph = run.graph
    assert isinstance(graph, OpenGraph)
    assert len({id(condition) for condition in graph.chooses.values()}) == 1
    # b and c are one node.
    assert sum(code == SELECT for code in graph.op) == 3


@pytest.mark.parametrize(
    "text",
    [
        "if x > x then x^2 else 3*x",
        "if x == x then 3*x else x^2",
        "if 2 > 1 then 3*x else x^2",
        "if x > 0 or not (x > 0) then 3*x else x^2",
        "if x > 0 and not (x > 0) then x^2 else 3*x",
        "if x > 0 then 3*x else 3*x",
        "f(x) = { y = 3*x; if x > 0 { y = x*3 }; y }",
        "f(x) = { y = 3*x; if x > 0 { z = x^2 }; y }",
    ],
)
def test_nothing_to_choose(text: str) -> None:
    """Where the arms are alike, or the condition is always the same, there is no choice."""
    run = opened(text)
    assert SELECT not in run.graph.op
    (result,) = run.results.values()
    assert type(result) is int
    assert run.graph.op[result] == MUL


def test_loops_are_unrolled() -> None:
    """With constant bounds: as many operations as turns, and no choice."""
    run = opened("f(r, x) = { for i in 1..10 { x = r*x*(1 - x) }; x }")
    assert sum(1 for _ in run.graph.operations()) == 30
    assert SELECT not in run.graph.op
    for text, count in {
        "f(x) = { s = 0; for i in 1..9 by 2 { s += x^i }; s }": 5 + 4,
        "f(x) = { s = 0; i = 0; while i < 4 { s = s*x + i; i += 1 }; s }": 8,
        "f(x[5]) = sum(a^2 for a in x)": 9,
        "f(x) = { n = 0; y = x; while n < 3 { if n == 1 { y = sin(y) } else { y = y^2 }; n += 1 }; y }": 3,
        "g(n) = if n < 1 then 1 else n*g(n - 1); f(x) = x + g(3)*x": 2,
    }.items():
        run = opened(text)
        found = [code for code in run.graph.op if code > CONSTANT]
        assert len(found) == count, text
        assert SELECT not in found


def test_values_are_not_known() -> None:
    """All values in an open graph are nan but those of constants; nothing is folded away."""
    run = opened("f(x, y = 2) = (if x > 0 then x + y else 3)*x^0*2")
    graph = run.graph
    for node, code in enumerate(graph.op):
        assert (graph.value[node] == graph.value[node]) is (code == CONSTANT)
    with pytest.raises(adcli.ProgramError, match="it depends on the inputs"):
        graph.number(graph.inputs[0])
    assert graph.number(2.5) == 2.5
    assert graph.binary(ADD, 1.0, 2.0) == 3.0


# What has no formula.

GRAD = "adcli grad"
LOOP = "a loop whose length depends on the inputs has no formula"
RECURSION = "a recursion whose length depends on the inputs has no formula"
NUMBER = "what is needed here is a number, but it depends on the inputs"
REFUSED: dict[str, tuple[str, str]] = {
    "f(x) = { while x > 1 { x = x/2 }; x }": (LOOP, "x > 1"),
    "f(x) = { while x > 1 and x < 9 { x = x/2 }; x }": (LOOP, "x > 1 and x < 9"),
    "f(x) = { while not x < 1 { x = x/2 }; x }": (LOOP, "not x < 1"),
    "f(x) = { n = 0; while n < x { n += 1 }; n }": (LOOP, "n < x"),
    "f(x) = { n = 0; while n < 3 { if x > 0 { n += 1 } else { n += 2 } }; n }": (LOOP, "n < 3"),
    "f(x) = { y = 0; if x > 0 { while y < x { y += 1 } }; y }": (LOOP, "y < x"),
    "f(x, n) = { s = 0; for i in 1..n { s += x }; s }": (LOOP, "1..n"),
    "f(x, n) = { s = 0; for i in n..3 { s += x }; s }": (LOOP, "n..3"),
    "f(x, n) = { s = 0; for i in 1..3 by n { s += x }; s }": (LOOP, "1..3 by n"),
    "f(x, n) = sum(x^i for i in 1..n)": (LOOP, "1..n"),
    "f(n) = if n < 2 then n else f(n - 1) + f(n - 2)": (RECURSION, "n < 2"),
    "g(x, n) = if n < 1 then x else h(x, n - 1)\nh(x, n) = if n < 1 then 2*x else g(x, n - 1)\n"
    "f(x, n) = g(x, n)": (RECURSION, "n < 1"),
    "g(x) = { y = x; if x > 1 { y = g(x/2) }; y }\nf(x) = g(x)": (RECURSION, "x > 1"),
    "f(x[3], i) = x[i]": (NUMBER, "x[i]"),
    "f(x[3], i) = sum(x[1..i])": (NUMBER, "x[1..i]"),
    "f(A[2,2], i) = A[1,i]": (NUMBER, "A[1,i]"),
    "f(x[3], i) = { x[i] = 2; sum(x) }": (NUMBER, "x[i]"),
    "f(x, n) = sum(zeros(n)) + x": (NUMBER, "zeros(n)"),
    "f(x, n) = sum(ones(n, 2)) + x": (NUMBER, "ones(n, 2)"),
    "f(x) = { i = 1; if x > 0 { i = 2 }; [x, 3][i] }": (NUMBER, "[x, 3][i]"),
}


def refusal(text: str) -> adcli.ProgramError:
    """How a program without a formula is refused."""
    with pytest.raises(adcli.ProgramError) as caught:
        opened(text)
    return caught.value


def marked(span: Span | None) -> str:
    """The text of a span."""
    assert span is not None
    return span.source.text[span.start : span.end]


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    """With what it is, where it is, and what to do instead."""
    error = refusal(text)
    message, place = REFUSED[text]
    assert error.message == message
    assert marked(error.span) == place
    assert GRAD in error.hint
    if message in (LOOP, RECURSION):
        assert error.hint.startswith("this is where automatic differentiation goes on")


@pytest.mark.parametrize(
    "use", ["v[1]", "sum(v)", "v + x", "len(v)", "v @ [1, 2]", "[a for a in v]", "-v"]
)
def test_shapes_that_differ_matter_only_if_used(use: str) -> None:
    """A vector of 2 in one arm, of 3 in the other."""
    start = "f(x) = { if x > 0 { v = [x, 1] } else { v = [x, 1, 2] }; "
    assert opened(start + "2*x }").results
    error = refusal(f"{start}{use} }}")
    assert error.message == "this is a vector of 2 or a vector of 3, as the inputs decide"
    assert GRAD in error.hint
    assert "v" in marked(error.span)


def test_shapes_that_differ_as_result() -> None:
    """The result of the program is a use."""
    for arms, message in {
        "v = [x, 1] } else { v = x": "this is a vector of 2 or a number, as the inputs decide",
        "v = [x, 1] } else { v = [[x]]": "this is a vector of 2 or a 1 by 1 matrix, as the inputs decide",
    }.items():
        error = refusal(f"f(x) = {{ if x > 0 {{ {arms} }}; v }}")
        assert error.message == message


@pytest.mark.parametrize(
    "text",
    [
        "f(x) = { if x > 0 { y = x }; y }",
        "f(x) = { if x > 0 { y = x } else { z = x }; y }",
        "f(x) = { if x > 0 { if x > 1 { y = x } } else { y = 1 }; y }",
        "f(x) = { for i in 1..2 { if x > i { y = x } }; y }",
    ],
)
def test_names_that_only_one_arm_defines(text: str) -> None:
    """They have no value afterwards, as at a point, whichever arm runs there."""
    error = refusal(text)
    assert error.message == "'y' has no value here"
    for x in (-1.0, 0.5, 3.0):
        with pytest.raises(adcli.ProgramError) as caught:
            adcli.load(text).eval(x=x)
        assert caught.value.message == error.message
        assert marked(caught.value.span) == marked(error.span) == "y"


def test_an_arm_may_fail_only_if_it_can_run() -> None:
    """An arm that is never taken because of constants is not traced."""
    assert opened("if 1 > 2 then [x][3] else x").results
    assert opened("f(x, n = 2) = { i = 2; if i > 3 { v = zeros(n) }; x }").results
    error = refusal("if x > 0 then [x][3] else x")
    assert error.message.startswith("index 3 is outside")


def test_a_recursion_of_unknown_length_is_refused_at_once() -> None:
    """Not after as many calls as there may be: fib of an unknown number."""
    text = "fib(n) = if n < 2 then n else fib(n - 1) + fib(n - 2); f(x, n) = x*fib(n)"
    graph_size = {}
    for limit in (100, 10_000_000):
        with pytest.raises(adcli.ProgramError) as caught:
            Program(Source(text, "test")).open({}, limit)
        graph_size[limit] = caught.value.message
    assert set(graph_size.values()) == {RECURSION}
    assert_same("fib(n) = if n < 2 then n else fib(n - 1) + fib(n - 2); f(x) = x*fib(10)", X)


def test_too_many_operations() -> None:
    """The limit holds for open graphs too, and nothing is unrolled without end."""
    text = "f(x) = { for i in 1..1000 { x = sin(x) }; x }"
    with pytest.raises(adcli.LimitError, match="limit is 100 operations"):
        Program(Source(text, "test")).open({}, 100)
    with pytest.raises(adcli.LimitError, match="a loop of 1,000,000 turns"):
        Program(Source("f(x) = { for i in 1..1000000 { x = x }; x }", "test")).open({}, 100)
    with pytest.raises(adcli.LimitError):
        Program(Source("f(x) = { n = 0; while n < 1 { n = 0*1 }; x }", "test")).open({}, 1000)


# Deep and wide.


def test_deep_calls() -> None:
    """20,000 calls inside calls, with a branch on the inputs on the way."""
    depth = 20_000
    text = f"g(x, n) = if n == 0 then x else g(x, n - 1)*0.5 + x; f(x) = g(x, {depth})"
    run = assert_same(text, [{"x": 0.7}])
    assert sum(1 for _ in run.graph.operations()) == 2 * depth
    text = "h(x) = if x > 0 then x else -x\ng(x, n) = if n == 0 then h(x) else h(g(x, n - 1) - 1)\n"
    assert_same(f"{text}f(x) = g(x, 5000)", [{"x": 0.75}, {"x": -30.5}])


def test_long_loops() -> None:
    """A branch in each of 5,000 turns."""
    text = "f(x) = { y = x; for i in 1..5000 { if y > 1 { y = y/2 } else { y = y*1.5 } }; y }"
    run = assert_same(text, [{"x": 0.75}, {"x": 40.0}])
    assert sum(code == SELECT for code in run.graph.op) == 5000


@pytest.mark.thorough
def test_wide() -> None:
    """100,000 terms, and as many results."""
    run = assert_same("f(x) = sum(i*x for i in 1..100000)", [{"x": 0.75}])
    assert sum(1 for _ in run.graph.operations()) == 2 * 100_000 - 2
    run = opened("f(x) = [if x > i then x else i for i in 1..20000]")
    assert len(run.results) == 20_000


@pytest.mark.parametrize("count", [100, 600])
def test_many_arms(count: int) -> None:
    """As many `else if` as there are at a point, and no RecursionError."""
    expression = "".join(f"if x < {i} then x + {i} else " for i in range(count)) + "x^2"
    points = [{"x": x} for x in (-3.5, 7.5, count - 0.5, count + 1.0)]
    assert_same(f"f(x) = {expression}", points)
    blocks = " else ".join(f"if x < {i} {{ y = x + {i} }}" for i in range(count))
    assert_same(f"f(x) = {{ y = x\n{blocks}\ny }}", points)


@pytest.mark.parametrize("word", ["and", "or"])
def test_many_conditions(word: str) -> None:
    """150 conditions in one."""
    sign = "!=" if word == "and" else "=="
    condition = f" {word} ".join(f"x {sign} {i}" for i in range(150))
    assert_same(f"if {condition} then x^2 else 3*x", [{"x": x} for x in (2.0, 149.0, 150.0, NAN)])
