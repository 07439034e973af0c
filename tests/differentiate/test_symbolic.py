"""Symbolic derivatives: as a person would write them, and the same numbers as AD.

The texts are read back by the package and evaluated, so what is tested is what a user gets:
each derivative alone, all of them as one program, and that with its equal parts shared.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pytest
from derivative_graphs import flatten, same
from generated_programs import MOST_SENSITIVE, Generator, Program, seeded
from halves import half
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from nested import texts
from reference_machine import Rejected
from test_edges import ROWS as EDGES
from test_prelude import SCALAR, VECTOR

import adcli
from adcli.graph.primitives import SIGNS, TABLE, Primitive
from adcli.render.symbolic import MOST_WRITTEN_OUT

ROOT = Path(__file__).resolve().parents[2]
RELATIVE = 1e-12
INF = math.inf


def vectors(at: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that have a shape to be said."""
    return {name: value for name, value in at.items() if isinstance(value, list)}


def evaluate(text: str, at: Mapping[str, Any]) -> list[float]:
    """The results of a program that may have only some of the inputs."""
    program = _loaded(text)
    return list(program.eval({name: at[name] for name in program.inputs}).values())


@lru_cache(maxsize=100)
def _loaded(text: str) -> adcli.Program:
    return adcli.load(text)


class Formulas:
    """A program and its derivatives in every form that there is of them."""

    def __init__(self, text: str, at: Mapping[str, Any], result: str | None = None) -> None:
        self.text = text
        self.result = result
        self.program = adcli.load(text)
        plain = self.program.diff(vectors(at), result=result)
        self.found = plain.found
        self.forms = {
            "program": [plain.program],
            "shared": [self.program.diff(vectors(at), result=result, shared=True).program],
            "alone": list(texts(list(plain.derivatives.values()))),
        }

    def exact(self, at: Mapping[str, Any]) -> list[float]:
        """The gradient by automatic differentiation, element by element."""
        gradient = self.program.grad(at, result=self.result).gradient
        return list(dict(flatten(gradient)).values())

    def every_way(self, at: Mapping[str, Any]) -> Iterator[tuple[str, list[float]]]:
        """The gradient by each form, and by the expressions themselves."""
        for way, forms in self.forms.items():
            yield way, [number for text in forms for number in evaluate(text, at)]
        yield "expressions", self.found.evaluate(dict(flatten(at)))

    def compare(self, at: Mapping[str, Any], scale: float = 0.0) -> int:
        """Assert that every form agrees with automatic differentiation.

        Where that gives nan they may have a value: formulas are cancelled as on paper, and
        know no domains. Never the other way round.

        Args:
            at: the inputs.
            scale: of what cancelled on the way, where the gradient does not show it.

        Returns:
            How many numbers were compared.
        """
        wanted = self.exact(at)
        compared = 0
        for way, got in self.every_way(at):
            assert len(got) == len(wanted)
            for number, other in zip(got, wanted, strict=True):
                if other != other:
                    continue
                close = abs(number - other) <= RELATIVE * max(abs(other), scale)
                assert same(number, other) or close, f"{way} at {at}: {got}, not {wanted}"
                compared += 1
        return compared


# As a person would write it.

WRITTEN = {
    # Powers and sums.
    "2*x^3 + 3*x^2": "6*x^2 + 6*x",
    "x": "1",
    "3*x + 2": "3",
    "f(x) = 5": "0",
    "x^0": "0",
    "x - x": "0",
    "x^2": "2*x",
    "-x^2": "-2*x",
    "x^7": "7*x^6",
    "x*x*x": "3*x^2",
    "x^2*x^3": "5*x^4",
    "x^3/x": "2*x",
    "x^3/3": "x^2",
    "x^2/3": "2*x/3",
    "0.1*x^2": "0.2*x",
    "x^1.5": "1.5*x^0.5",
    "x^0.5": "1/(2*x^0.5)",
    "5*x^4 - 3*x^2 + 7*x - 9": "20*x^3 - 6*x + 7",
    "x^3 - 3*x": "3*x^2 - 3",
    "x - x^3": "1 - 3*x^2",
    "(2*x)^2": "8*x",
    "(-x)^3": "-3*x^2",
    "pi*x^2": "2*pi*x",
    # Products, quotients and the chain rule.
    "(x + 1)*(x + 2)": "2*x + 3",
    "(x + 1)^3": "3*(x + 1)^2",
    "(2*x + 1)^5": "10*(2*x + 1)^4",
    "(x^2 + 1)^3": "6*x*(x^2 + 1)^2",
    "-(x - 1)^2": "-2*(x - 1)",
    "1/x": "-1/x^2",
    "1/x^2": "-2/x^3",
    "3*x^-2": "-6/x^3",
    "1/(x + 1)": "-1/(x + 1)^2",
    "1/(2*x + 1)": "-2/(2*x + 1)^2",
    "1/(1 + x^2)": "-2*x/(x^2 + 1)^2",
    "sqrt(x)": "1/(2*sqrt(x))",
    "cbrt(x)": "1/(3*cbrt(x)^2)",
    "sqrt(x^2 + 1)": "x/sqrt(x^2 + 1)",
    "sqrt(1 - x^2)": "-x/sqrt(1 - x^2)",
    # Exponentials and logarithms.
    "exp(x)": "exp(x)",
    "exp(-x)": "-exp(-x)",
    "exp(-x^2)": "-2*x*exp(-x^2)",
    "exp(-x^2/2)": "-x*exp(-0.5*x^2)",
    "x*exp(x)": "x*exp(x) + exp(x)",
    "x^2*exp(-x)": "2*x*exp(-x) - x^2*exp(-x)",
    "exp(x)^2": "2*exp(x)^2",
    "e^x": "e^x",
    "2^x": "ln(2)*2^x",
    "expm1(x)": "exp(x)",
    "ln(x)": "1/x",
    "ln(x)^2": "2*ln(x)/x",
    "ln(x^2)": "2/x",
    "ln(x^2 + 1)": "2*x/(x^2 + 1)",
    "x*ln(x)": "ln(x) + 1",
    "x*ln(x) - x": "ln(x)",
    "ln(ln(x))": "1/(x*ln(x))",
    "1/ln(x)": "-1/(x*ln(x)^2)",
    "log10(x)": "1/(x*ln(10))",
    "log(x, 2)": "1/(x*ln(2))",
    # Trigonometry.
    "sin(x)": "cos(x)",
    "cos(x)": "-sin(x)",
    "tan(x)": "tan(x)^2 + 1",
    "sin(x)^2": "2*sin(x)*cos(x)",
    "sin(x^2)": "2*x*cos(x^2)",
    "cos(3*x + 1)": "-3*sin(3*x + 1)",
    "sin(2*pi*x)": "2*pi*cos(2*pi*x)",
    "sin(x)*cos(x)": "cos(x)^2 - sin(x)^2",
    "x*sin(x)": "x*cos(x) + sin(x)",
    "sin(x)/x": "cos(x)/x - sin(x)/x^2",
    "x^2*sin(1/x)": "2*x*sin(1/x) - cos(1/x)",
    "1/sin(x)": "-cos(x)/sin(x)^2",
    "ln(sin(x))": "cos(x)/sin(x)",
    "asin(x)": "1/sqrt((1 - x)*(x + 1))",
    "atan(x)": "1/(x^2 + 1)",
    "sinh(x)": "cosh(x)",
    "sec(x)": "sin(x)/cos(x)^2",
    "erf(x)": "2*exp(-x^2)/sqrt(pi)",
    # Pieces.
    "abs(x)": "sign(x)",
    "sign(x)": "0",
    "floor(x)*x": "floor(x)",
    "mod(x, 2)": "1",
    "max(x, 0)": "if x > 0 then 1 else if x < 0 then 0 else 0.5",
    "relu(x)": "if x == 0 then 0 else if x < 0 then 0 else 1",
    "if x > 0 then x^2 else -x": "if x > 0 then 2*x else -1",
    "if x > 0 then 2*x else 2*x": "2",
    "x*(if x > 0 then x else 1)": "if x > 0 then 2*x else 1",
    "if 0 < x < 1 then x^2 else 1": "if 0 < x and x < 1 then 2*x else 0",
    "if not (x > 0 or x < -1) then x^2 else 1": "if x > 0 or x < -1 then 0 else 2*x",
    "if x < 0 then -x else if x < 1 then x^2 else 2*x": (
        "if x < 0 then -1 else if x < 1 then 2*x else 2"
    ),
    "(if x > 0 then x^2 else 0) + (if x > 0 then x else 1)": "if x > 0 then 2*x + 1 else 0",
}

# The same of several inputs: the derivative towards each.
WRITTEN_OF_SEVERAL = {
    "a*x^2 + b*x + c": {"a": "x^2", "x": "2*a*x + b", "b": "x", "c": "1"},
    "x/y": {"x": "1/y", "y": "-x/y^2"},
    "ln(x*y)": {"x": "1/x", "y": "1/y"},
    "ln(x/y)": {"x": "1/x", "y": "-1/y"},
    "exp(x*y)": {"x": "y*exp(x*y)", "y": "x*exp(x*y)"},
    "(a + b)*(a - b)": {"a": "2*a", "b": "-2*b"},
    "x^2 + y^2 - 2*x*y": {"x": "2*x - 2*y", "y": "2*y - 2*x"},
    "sqrt(x^2 + y^2)": {"x": "x/sqrt(x^2 + y^2)", "y": "y/sqrt(x^2 + y^2)"},
    "x*(y - 1)^2": {"x": "(y - 1)^2", "y": "2*x*(y - 1)"},
    "exp(-k*t)": {"k": "-t*exp(-k*t)", "t": "-k*exp(-k*t)"},
    "A*sin(w*t + p)": {
        "A": "sin(w*t + p)",
        "w": "A*t*cos(w*t + p)",
        "t": "A*w*cos(w*t + p)",
        "p": "A*cos(w*t + p)",
    },
    "log(x, b)": {"x": "1/(x*ln(b))", "b": "-ln(x)/(b*ln(b)^2)"},
    "if x > y then x*y else 2*y": {"x": "if x > y then y else 0", "y": "if x > y then x else 2"},
    "f(x[2]) = dot(x, x)": {"x": ["2*x[1]", "2*x[2]"]},
    "f(x[2], y[2]) = x @ y": {"x": ["y[1]", "y[2]"], "y": ["x[1]", "x[2]"]},
    "f(x[3]) = sum(x^2)/2": {"x": ["x[1]", "x[2]", "x[3]"]},
    "f(A[2,2]) = sum(A^2)": {"A": [["2*A[1,1]", "2*A[1,2]"], ["2*A[2,1]", "2*A[2,2]"]]},
    "f(x, n = 3) = { y = 1; for i in 1..4 { y = y*x }; y }": {"x": "4*x^3", "n": "0"},
    "f(x[3]) = { s = 0; for v in x { s += v^2 }; s }": {"x": ["2*x[1]", "2*x[2]", "2*x[3]"]},
}  # fmt: skip

# What cancels: equal terms are one term, in whatever order their factors were found.
CANCELS = {
    "sin(x)^2 + cos(x)^2": "0",
    "x*y + y*x - 2*x*y": "0",
    "cosh(x)^2 - sinh(x)^2": "0",
    "f(x) = x*exp(x)*sin(x) - sin(x)*exp(x)*x": "0",
    "f(x) = -(0*x)": "0",
    "f(x) = x*exp(x)*sin(x) + sin(x)*exp(x)*x - 2*exp(x)*x*sin(x)": "0",
}

# What is left when inputs cancel is a number, and computed.
NUMBERS_ALONE = {
    "exp(x - x)*x": "1",
    "(x - x)^2*sin(x) + x^2": "2*x",
    "x^2/2 + x + (if x > 0 then x else 2*x) + (if x > 0 then 2*x else x)": "x + 4",
    "f(x, y) = sin(x) + (if x > 0 then x*y else x) + (if x > 0 then -x*y else -x)": "cos(x)",
    "f(x, y) = sin(x) + y*(if x > 0 then x else 3) + (if x > 0 then -x else 3)*y": "cos(x)",
    "sin(x) + (if x > 0 then x else 2*x) + (if x > 0 then 2*x else x) - 3*x": "cos(x)",
    "if x - x > 0 then x^2 else x": "1",
    "f(x, y) = x^(2*y/y)": "2*x",
    "f(x, y) = x^2*cos(y/y - 1)": "2*x",
}


@pytest.mark.parametrize("text", WRITTEN)
def test_as_a_person_would_write_it(text: str) -> None:
    found = adcli.load(text).diff(wrt="x")
    assert found.derivatives == {"x": WRITTEN[text]}
    assert found.program == WRITTEN[text] + "\n"


@pytest.mark.parametrize("text", WRITTEN_OF_SEVERAL)
def test_of_several_inputs(text: str) -> None:
    assert adcli.load(text).diff().derivatives == WRITTEN_OF_SEVERAL[text]


@pytest.mark.parametrize("text", CANCELS)
def test_equal_terms_are_one_term(text: str) -> None:
    assert adcli.load(text).diff(wrt="x").derivatives == {"x": CANCELS[text]}


@pytest.mark.parametrize("text", NUMBERS_ALONE)
def test_numbers_are_computed(text: str) -> None:
    assert adcli.load(text).diff(wrt="x").derivatives == {"x": NUMBERS_ALONE[text]}


# What no text may contain, besides brackets around brackets.
UNTIDY = re.compile(
    r"""
      (?<![\w.])1\*                # 1*x
    | [*/^]1(?![\w.])              # x*1, x/1, x^1
    | (?<![\w.])0[*/]              # 0*x
    | [*^]0(?![\w.])               # x*0, x^0
    | [-+]\ 0(?![\w.])             # x + 0
    | --|-\ -|\+\ -|[*/^]-         # x - -y, x*-y
    | (?<!\w)-0(?![\w.])
    | (?<![\w.\])])\([\w.]+\)      # (x)
    | not\ \(not
    """,
    re.VERBOSE,
)


def untidy(text: str) -> str:
    """What in a text nobody would write; nothing if all is well."""
    found = UNTIDY.search(text)
    if found:
        return found[0]
    closes: dict[int, int] = {}
    opened: list[int] = []
    for position, character in enumerate(text):
        if character == "(":
            opened.append(position)
        elif character == ")":
            closes[opened.pop()] = position
    assert not opened
    for start, end in closes.items():
        if closes.get(start + 1) == end - 1:
            return text[start : end + 1]
    return ""


def test_what_is_untidy() -> None:
    """The check itself finds what it is for."""
    bad = [
        "1*x", "x*1", "x + 0", "x - -y", "x + -y", "x--y", "x^1", "((x + 1))^2", "-0", "0*x",
        "exp((x))", "(x)*y", "2*((x + 1)*(y + 1))^2 + ((x))", "if x > 0 then (x) else 1", "x/1",
        "not (not (x > 0))", "x - 0", "x*-y", "x*0", "-1*x", "0/x", "exp((x + y))", "x^0",
    ]  # fmt: skip
    assert [text for text in bad if not untidy(text)] == []
    good = [
        "11*x", "x*10", "x + 0.5", "x - y", "x^10", "x^1.5", "(x + 1)^2", "exp(-x)", "x*(-y + 1)",
        "exp((x + 1)*(y + 1))", "sin(x)", "x1*y", "1e-05*x", "0.1*x", "(-2)^x", "x^(-y)",
        "x[10]*x[1]", "-1/x", "if x > 0 then 1 else 0", "x/10", "((x + 1)*(y - 1))^2",
    ]  # fmt: skip
    assert [text for text in good if untidy(text)] == []


# Programs.

# Of x, and of x and y: branches of every kind, with something in each arm that would
# spoil the other.
BRANCHES = [
    "if x > 0 then sqrt(x) else 0",
    "if x > 0 then sqrt(x) else x",
    "if x > 0 then ln(x) else if x < -1 then ln(-1 - x) else 3*x",
    "if x == 0 then 1 else sin(x)/x",
    "if not (x > 0 and x < 1) then x^2 else x^3",
    "if x > 0 or x < -1 then x^2 else x^3",
    "if 0 < x < 1 then x^2 else x^3",
    "if 0 <= x < 1 <= 2*x then x^2 else x^3",
    "if (if x > 0 then x else -x) > 1 then x^2 else x^3",
    "x*(if x > 0 then 1 else 2)*(if x > 0 then x else 3)",
    "(if x > 0 then sqrt(x) else 0) + (if x < 0 then sqrt(-x) else 0)",
    "(if x > 0 then sqrt(x) else 0)*(if x > 1 then ln(x) else 1)",
    "(if x > 1 then sqrt(x) else 1) + (if x > 2 then ln(x) else 1)",
    "if x > 0 and sqrt(x) < 1 then sqrt(x) else 0",
    "if x < 0 or ln(x) < 0 then x^2 else ln(x)",
    "f(x) = { y = sqrt(x); z = 0; if x > 0 { z = y }; z }",
    "f(x) = { y = sqrt(x); if x > 0 { if x > 1 { y = 2*y } else { y = y*x } } else { y = 0 }; y }",
    "f(x) = { y = sqrt(x); if x > 0 { if x > 1 { y = 2*y } } else { y = 0 }; y }",
    "f(x) = { y = 0; if x > 0 { y = sqrt(x); if y > 1 { y = ln(y) } }; y }",
    "f(x) = { y = 1; if x > 0 { y = x }; if x > 0 { y = y*x } else { y = y*2 }; y }",
    "f(x) = { y = exp(x)\n"
    "if x > 2 { y = 20 } else if x > 1 { y += 1 } else if x > 0 { y *= y }; y }",
    "f(x) = { s = 0; for i in 1..3 { if x > i { s += sqrt(x - i) } else { s -= x } }; s }",
    "f(x) = { s = x; for i in 1..3 { if s > i { s = s/2 } else { s = s*3 } }; s }",
    "f(x) = { y = x; n = 0; while n < 3 { n += 1; if x > n { y = y*2 } }; y }",
    "f(x) = { v = [x, x^2]; if x > 0 { v[1] = ln(x) } else { v[2] = 3 }; v[1]*v[2] }",
    "f(x) = { v = [x, x^2]; w = v; if x > 0 { v[1] = ln(x) }; v[1] + w[1] }",
    "f(x) = { if x > 0 { v = [x, 1] } else { v = [2, x] }; v[1]^2*v[2]^3 }",
    "f(x) = { v = zeros(3)\nfor i in 1..3 { if x > i { v[i] = sqrt(x - i) } else { v[i] = x*i } }\n"
    "sum(v) + prod(v) }",
    "g(a) = if a > 0 then ln(a) else a^2; f(x) = g(x) + g(x - 1) + g(g(x))",
    "g(a) = { if a > 0 { b = sqrt(a) } else { b = -a }; b }; f(x) = sum(g(x - i) for i in 0..2)",
    "g(x) = if x > 0 then x else -x, x^2; f(x) = { p, q = g(x); p*q }",
    "g(x) = { if x > 0 { a = x; b = 1 } else { a = 2; b = x^2 }; a, b }\n"
    "f(x) = { p, q = g(x); p*q }",
    "abs(x - 1)*x",
    "max(x, x^2)",
    "max(min(x, 1), 0)*x",
    "max(0, 1 - x)^2",
    "mod(x^2, 1.5)*floor(x)",
    "norm([x, x - 1])",
    "abs(x)^x",
]  # fmt: skip

BRANCHES_OF_TWO = [
    "if x > y then sqrt(x - y) else 0",
    "if x > 0 and y > 0 then sqrt(x)*sqrt(y) else 0",
    "if x > 0 or y > 0 then x*y else sqrt(x*y)",
    "if not (x > 0 and (y > 0 or x < -y)) then x^2*y else x*y^2",
    "if 0 < x < y < 2 then ln(x*y) else x - y",
    "(if x > 0 then sqrt(x) else y) + (if y > 0 then sqrt(y) else x)",
    "f(x, y) = { s = sqrt(x); a = if y > 1 then s else 0; b = if y < -1 then s else 0; a + b + y }",
    "f(x, y) = { s = sqrt(x); a = if y > 1 then s else 0; b = if y < -1 then s else 0; a*b + y }",
    "f(x, y) = { s = sqrt(x); a = if y > 1 then s else 0; b = if x > 1 then s else 0\n"
    "c = if x > 0.5 and y > 0 then s else 0; a + b + c + y }",
    "f(x, y) = { s = sqrt(x); r = 1/s; z = 0; if y > 0 { z = r }\n"
    "w = 0; if y > 1 { w = s }; z + w }",
    "f(x, y) = { s = sqrt(x); u = 0; if y > 0 { u = s; if y > 1 { u = u*s } }\n"
    "w = 0; if y < 0 { w = s }; u*w + u - w }",
    "f(x, y) = { s = ln(x); z = y; for i in 0..2 { if y > i { z = z + s*i } }; z }",
    "f(x, y) = { v = [sqrt(x), y]; w = if y > 0 then v else 2*v; if y > 1 { w[1] *= x }\n"
    "w[2] + (if y < 0.1 then 0 else w[1]) }",
    "f(x, y) = { z = if x > y then x else y; if z > 1 { z = z^2 - x }; z*y }",
    "f(x, y) = { a = x; b = y; if a > b { a = y; b = x }; a^2 + 3*b }",
    "f(x, y) = { s = 0; for a in [x, y, x - y] { if a > 0 { s += sqrt(a) } else { s -= a } }; s }",
    "f(x, y) = { s = 0\nfor a in [x, y] { for b in [y, 2*x] { if a > b { s += a*b } else {\n"
    "if s > 1 { s = s/2 } } } }\ns }",
    "f(x, y) = { v = zeros(2)\n"
    "if x > 0 { v[1] = x; if y > 0 { v[2] = y*v[1] } else { v[1] = y } }\n"
    "else { v = [y, x] }; v @ [x, y] }",
    "f(x, y) = { A = [[x, 1], [y, x*y]]; if x > y { A[1,2] = x*y } else { A = transpose(A) }\n"
    "(A @ [x, y])[1] + A[2,1] }",
    "h(a, b) = a*b, a - b^2; f(x, y) = { p, q = h(x, y); if p > q { p, q = h(q, p) }; p - 2*q }",
    "h(a, b) = if a > 0 then (if b > 0 then a*b else a/b) else (if b > 0 then b - a else ln(-b))\n"
    "f(x, y) = h(x, y) + h(y, x) + h(h(x, y), y)",
    "f(x, y) = { c = 0; if x > 0 { c = 1 }; d = 0; if c == 1 and y > 0 { d = x }; d*y + c*x }",
    "max(x, y)*min(x, y) + max(x^2, y^2)",
    "x^y",
    "logaddexp(x, y)",
    "f(x, y) = logsumexp([x, y, 1])",
    "f(x, y) = max([x, y, x*y, 1])",
    "f(x, y) = norm([x, y, x*y])",
]  # fmt: skip

NUMBERS = [-2.0, -1.0, -0.5, -0.0, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0]
PAIRS = list(itertools.product([-2.0, -1.0, -0.5, 0.0, 0.3, 1.0, 2.0], repeat=2))
# Several inputs, vectors, loops, functions.
PLAIN = {
    "x1*x2 + sin(x1)": {"x1": 0.5, "x2": -2.0},
    "f(x[3], y) = y*sum(x^2)/norm(x)": {"x": [1.0, -2.0, 0.5], "y": 3.0},
    "f(A[2,2], x[2]) = x @ A @ x": {"A": [[1.0, 2.0], [-3.0, 0.5]], "x": [0.7, -1.1]},
    "f(A[2,3]) = sum(transpose(A) @ A)": {"A": [[1.0, 2.0, -1.0], [-3.0, 0.5, 0.25]]},
    "sum(x[i]^i for i in 1..len(x))": {"x": [1.5, 2.0, -0.5]},
    "f(x[]) = prod(x) + mean(sin(x)) - dot(x, [1, 2, 3])": {"x": [1.5, 2.0, -0.5]},
    "g(a, n = 2) = if n == 0 then a else sin(g(a, n - 1))*a; f(x, y) = g(x, 5) - g(y)": {
        "x": 0.4, "y": 1.3,
    },
    "f(x) = { y = x; for i in 1..6 { y = y - (y^2 - x)/(2*y) }; y }": {"x": 2.5},
    "f(x, y) = { v = [x, y, 1]; for i in 1..2 { v[i] = v[i]*v[i+1] }; v[1] + v[2] }": {
        "x": 0.4, "y": 1.3,
    },
    "P*V/(n*R*T) - G*m*M/r^2": {
        "P": 2.0, "V": 3.0, "n": 0.5, "R": 8.3, "T": 300.0, "G": 0.3, "m": 2.0, "M": 5.0, "r": 1.5,
    },
    "(1/(s*sqrt(2*pi)))*exp(-(x - mu)^2/(2*s^2))": {"s": 0.7, "x": 1.2, "mu": 0.9},
    "σ^2*sin(θ₁)/x_2": {"σ": 0.7, "θ₁": 1.2, "x_2": 0.9},
}  # fmt: skip


def every_program() -> dict[str, dict[str, Any]]:
    """The programs of this file, each with a point."""
    found: dict[str, dict[str, Any]] = dict(PLAIN)
    for text in [*WRITTEN, *WRITTEN_OF_SEVERAL, *BRANCHES, *BRANCHES_OF_TWO]:
        found.setdefault(text, {})
    return found


@pytest.mark.parametrize("text", every_program())
def test_nothing_untidy(text: str) -> None:
    """In no text there is a factor of 1, a term of 0, a double sign or a double bracket."""
    shapes = vectors(PLAIN.get(text, {}))
    for shared in (False, True):
        for line in adcli.load(text).diff(shapes, shared=shared).program.splitlines():
            assert not untidy(line), f"{untidy(line)!r} in {line!r}"


@pytest.mark.parametrize("text", [*WRITTEN, *PLAIN])
def test_evaluates_to_the_gradient(text: str) -> None:
    """At several points, those of PLAIN and others near them."""
    formulas = Formulas(text, PLAIN.get(text, {}))
    compared = 0
    for factor in (1.0, 1.25, -0.75, 2.5):
        at = {
            name: _scaled(PLAIN[text][name] if text in PLAIN else 0.7, factor)
            for name in formulas.program.inputs
        }
        compared += formulas.compare(at)
    assert compared >= 4


def _scaled(value: Any, factor: float) -> Any:
    return [_scaled(x, factor) for x in value] if isinstance(value, list) else value * factor


@pytest.mark.parametrize("text", BRANCHES)
def test_branches(text: str) -> None:
    """On both sides of each branch, where they meet, and where an arm has no value."""
    formulas = Formulas(text, {})
    compared = 0
    for x in NUMBERS:
        (value,) = formulas.program.eval(x=x).values()
        if math.isfinite(value):
            compared += formulas.compare({"x": x}, scale=max(1.0, abs(value)))
    assert compared >= 20


@pytest.mark.parametrize("text", BRANCHES_OF_TWO)
def test_branches_of_two_inputs(text: str) -> None:
    """The same on a grid, ties and zeros included."""
    formulas = Formulas(text, {})
    compared = 0
    for x, y in PAIRS:
        (value,) = formulas.program.eval(x=x, y=y).values()
        if math.isfinite(value):
            compared += formulas.compare({"x": x, "y": y}, scale=max(1.0, abs(value)))
    assert compared >= 100


def exact(text: str, at: Mapping[str, Any]) -> list[float]:
    """A gradient of numbers only, by automatic differentiation."""
    return list(_loaded(text).grad(at).gradient.values())


def _called(row: Primitive) -> str:
    signs = {code: sign for sign, code in SIGNS.items()}
    if row.code in signs:
        return f"u {signs[row.code]} w"
    return "-u" if row.name == "neg" else f"{row.name}({', '.join('uw'[: row.arity])})"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_primitives(row: Primitive) -> None:
    """Every primitive at its sample points."""
    formulas = Formulas(_called(row), {})
    for arguments in row.samples:
        compared = formulas.compare(dict(zip("uw", arguments, strict=False)))
        assert compared == 4 * row.arity


@pytest.mark.parametrize("name", [*SCALAR, *VECTOR])
def test_prelude(name: str) -> None:
    """Every function of the prelude, over the range of doubles."""
    text, _, points = (SCALAR | VECTOR)[name]  # type: ignore[operator]
    scale = 1.0 if name == "softmax" else 0.0  # 1 - p, where p is a weight near 1
    compared = 0
    formulas: dict[Any, Formulas] = {}
    for x in points:
        shape = len(x) if isinstance(x, list) else 0
        if shape not in formulas:
            formulas[shape] = Formulas(text, {"x": x})
        compared += formulas[shape].compare({"x": x}, scale)
    assert compared >= 4 * len(points)


@cache
def samples() -> dict[str, str]:
    """The files of samples/ by name; newton.ad has no formula."""
    files = sorted((ROOT / "samples").glob("*.ad"))
    return {path.stem: str(path) for path in files if path.stem != "newton"}


@pytest.mark.parametrize("name", samples())
def test_samples(name: str) -> None:
    """Every result of every sample, at its defaults and at points around them."""
    program = adcli.load(samples()[name])
    run = program.run()
    defaults = {
        item.name: item.arrange([run.graph.number(node) for node in item.nodes])
        for item in run.inputs
    }
    for result in program.eval():
        formulas = Formulas(samples()[name], defaults, result)
        for factor in (1.0, 1.0625, 0.8125):
            at = {name: _scaled(value, factor) for name, value in defaults.items()}
            assert formulas.compare(at) >= 4


def test_newton_is_the_only_sample_without_a_formula() -> None:
    with pytest.raises(adcli.ProgramError, match="a loop whose length depends on the inputs"):
        adcli.load(str(ROOT / "samples" / "newton.ad")).diff()
    assert len(samples()) >= 14


# Generated programs.

COUNT = 45
# Loops and recursions that end when a number is small enough are in about a third.
LEAST = 25


def _formulas(program: Program) -> Formulas | None:
    """The derivatives of a program; None if it has none, and says so."""
    try:
        return Formulas(program.text, program.at)
    except adcli.ProgramError as error:
        refused = error
    assert "whose length depends on the inputs has no formula" in refused.message
    assert refused.span is not None
    return None


def _other_points(program: Program, chooser: random.Random) -> Iterator[dict[str, Any]]:
    """Points anywhere, where the program is well-conditioned."""
    at = program.at
    for _ in range(2):
        program.at = {
            name: [chooser.uniform(-3, 3) for _ in value]
            if isinstance(value, list)
            else chooser.uniform(-3, 3)
            for name, value in at.items()
        }
        try:
            exact = program.reference()
            if exact.differs(program.reference(1)) <= MOST_SENSITIVE:
                yield program.at
        except Rejected:
            continue
    program.at = at


def _check_generated(program: Program, points: list[dict[str, Any]]) -> bool:
    formulas = _formulas(program)
    if formulas is None:
        return False
    for line in formulas.forms["program"][0].splitlines():
        assert not untidy(line), f"{untidy(line)!r} in {line!r}"
    for at in points:
        wanted = formulas.exact(at)
        for way, got in formulas.every_way(at):
            for number, other in zip(got, wanted, strict=True):
                wrong = abs(number - other)
                assert wrong <= RELATIVE * abs(other), f"{way} at {at}\n{program.text}"
    return True


def test_generated_programs() -> None:
    """Programs that nobody wrote, each at three points; those that end on a value have none."""
    done = others = 0
    for seed, program, _ in seeded(COUNT):
        points = [program.at, *_other_points(program, random.Random(seed))]
        if _check_generated(program, points):
            done += 1
            others += len(points) - 1
    assert done >= LEAST
    assert others >= LEAST // 2


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False))
def test_any_program(chooser: random.Random) -> None:
    """The same, with the choices left to hypothesis, which can shrink what fails."""
    program = Generator(chooser).program()
    try:
        if program.reference().differs(program.reference(1)) > MOST_SENSITIVE:
            reject()
    except Rejected:
        reject()
    if not _check_generated(program, [program.at]):
        reject()


# Edges.


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [row for row in EDGES if any(math.isfinite(x) for _, x in flatten(row[2]))],
    ids=lambda value: str(value),
)
def test_edges(text: str, at: dict[str, Any], expected: dict[str, Any]) -> None:
    """The table of the conventions: where it has a number, every text has it too.

    Of what is undefined or outside of a domain a formula knows nothing, and nan as an input
    takes no side of a branch.
    """
    if any(x != x for _, x in flatten(at)) and re.match("max|min", text):
        pytest.skip("a formula does not tell nan from a tie")
    wanted = [x for _, x in flatten(expected)]
    for way, got in Formulas(text, at).every_way(at):
        for number, other in zip(got, wanted, strict=True):
            if math.isfinite(other):
                assert number == pytest.approx(other, rel=1e-14, abs=0), way


# A point at which an arm that is not taken, or a side that loses, is infinite or nan.
NOT_TAKEN: list[tuple[str, dict[str, float], dict[str, float]]] = [
    ("if x > 0 then sqrt(x) else 0", {"x": 0.0}, {"x": 0.0}),
    ("if x > 0 then sqrt(x) else 0", {"x": -1.0}, {"x": 0.0}),
    ("if x > 0 then ln(x)*sqrt(x)/x else -x", {"x": 0.0}, {"x": -1.0}),
    ("if x > 0 then (if x > 1 then sqrt(x) else x) else 0", {"x": 0.0}, {"x": 0.0}),
    ("if x > 1 then sqrt(x) else if x > 0.5 then 1/x else 3*x", {"x": 0.0}, {"x": 3.0}),
    ("(if x > 0 then sqrt(x) else 0) + (if x > 1 then sqrt(x) else x)", {"x": 0.0}, {"x": 1.0}),
    ("(if x > 0 then sqrt(x) else 1)*(if x > 1 then ln(x) else x)", {"x": 0.0}, {"x": 1.0}),
    ("f(x) = { s = sqrt(x); z = 1; if x > 0 { z = s }; z }", {"x": 0.0}, {"x": 0.0}),
    # One variable, its own derivative infinite, in two branches, none of them taken.
    (
        "f(x, y) = { s = sqrt(x); a = if y > 1 then s else 0; b = if y < -1 then s else 0; a + b }",
        {"x": 0.0, "y": 0.0},
        {"x": 0.0, "y": 0.0},
    ),
    (
        "f(x, y) = { s = 1/x; a = if y > 1 then s else y; b = if y > 2 then s^2 else y; a*b }",
        {"x": 0.0, "y": 0.5},
        {"x": 0.0, "y": 1.0},
    ),
    (
        "f(x, y) = { s = ln(x); a = if y > 0 and x > 0 then s else 0\n"
        "b = if not (y < 1 or x > 2) then s else 0; a - b }",
        {"x": 0.0, "y": 0.5},
        {"x": 0.0, "y": 0.0},
    ),
    (
        "f(x, y) = { s = sqrt(x); z = y; for i in 1..3 { if y > i { z += s } }; z }",
        {"x": 0.0, "y": 0.5},
        {"x": 0.0, "y": 1.0},
    ),
    # In both arms of one branch, but not in the inner arms that are taken.
    (
        "f(x, y) = { s = sqrt(x)\n"
        "if y > 0 { z = if y > 1 then s else 0 } else { z = if y < -1 then s else 0 }; z }",
        {"x": 0.0, "y": 0.5},
        {"x": 0.0, "y": 0.0},
    ),
    (
        "f(x, y) = { s = sqrt(x); if y > 0 then (if y > 1 then s else 0) else 2*s }",
        {"x": 0.0, "y": 0.5},
        {"x": 0.0, "y": 0.0},
    ),
    (
        "f(x, y) = { s = ln(x); z = 0\nif y > 0 { if y > 1 { z = s } else { z = 2*y } }\n"
        "else { if y < -1 { z = 3*s } }; z }",
        {"x": 0.0, "y": 0.5},
        {"x": 0.0, "y": 2.0},
    ),
    (
        "f(x, y) = { v = [1/x, y]; w = if y > 0 then (if y > 1 then v else [y, y]) else v\n"
        "w[1] + w[2] }",
        {"x": 0.0, "y": 0.5},
        {"x": 0.0, "y": 2.0},
    ),
    # A side that loses is a structural zero as an arm is.
    ("max(sqrt(x), 1)", {"x": 0.0}, {"x": 0.0}),
    ("min(1/x, 1)*y", {"x": 0.0, "y": 2.0}, {"x": 0.0, "y": 1.0}),
    ("max(0, ln(x))", {"x": 0.0}, {"x": 0.0}),
    ("clamp(sqrt(x), 1, 2)", {"x": 0.0}, {"x": 0.0}),
    ("hypot(sqrt(x), y)", {"x": 0.0, "y": 0.0}, {"x": 0.0, "y": 0.0}),
    ("relu(sqrt(x) - 1)", {"x": 0.0}, {"x": 0.0}),
    ("floor(sqrt(x)) + y", {"x": 0.0, "y": 1.0}, {"x": 0.0, "y": 1.0}),
]


@pytest.mark.parametrize(("text", "at", "expected"), NOT_TAKEN, ids=str)
def test_no_nan_from_what_is_not_taken(
    text: str, at: dict[str, float], expected: dict[str, float]
) -> None:
    formulas = Formulas(text, {})
    assert formulas.exact(at) == list(expected.values()), "the row itself is wrong"
    for way, got in formulas.every_way(at):
        assert got == list(expected.values()), way


# Sizes.

_WORDS = re.compile(r"\s*(\d[\w.]*(?:(?<=e)[-+]\d+)?|[^\W\d]\w*|[<>=!]=|\S)")


_KEYWORDS = {"if", "then", "else", "and", "or", "not"}
_COMPARISONS = {"<", ">", "<=", ">=", "==", "!="}
_BEFORE_A_SIGN = {*"([,=^*/"} | _KEYWORDS | _COMPARISONS


def count_operations(text: str) -> int:
    """The operators, comparisons, choices and calls in a text; a minus of a number is none."""
    words = _WORDS.findall(text)
    count = 0
    before = "("
    for position, word in enumerate(words):
        after = words[position + 1] if position + 1 < len(words) else ""
        if word == "-" and before in _BEFORE_A_SIGN:
            count += not (after[0].isdigit() and words[position + 2 : position + 3] != ["^"])
        else:
            is_call = after == "(" and word[0].isalpha() and word not in _KEYWORDS
            is_sign = word in ("+", "-", "*", "/", "^", "and", "or", "not", "if")
            count += is_sign or word in _COMPARISONS or is_call
        before = word
    return count


COUNTED = {
    "6*x^2 + 6*x": 4,
    "-2*x*exp(-x^2)": 5,
    "-x": 1,
    "-1/x^2": 2,
    "1/(2*sqrt(x))": 3,
    "cos(x)^2 - sin(x)^2": 5,
    "1 - 3*x^2": 3,
    "if x > 0 and y > 0 then y else -1": 4,
    "if not (x > 0) then -x*y else 1e-05*x^-2": 7,
    "x[1]*A[1,2] + x[2]": 2,
    "max(x, y) - 3": 2,
    "-2^x": 2,
}


def test_operations_are_counted_right_here() -> None:
    assert {text: count_operations(text) for text in COUNTED} == COUNTED


SMALL = [
    "2*x^3 + 3*x^2", "x^2", "x^3", "exp(-x^2)", "1/x", "-x^2", "sin(x)*x", "x*y", "x/y", "abs(x)",
    "tan(x)", "exp(-x)", "(x^2 + 1)^3", "max(x, y)", "x^2*y^3*z", "hypot(x, y)", "x1*x2 + sin(x1)",
    "if x > 0 then x^2 else 3*x", "if x > 0 and y > 0 then x*y else x + y", "ln(x)^2",
    "if not (x > 0 and y > 0) then x*y else x^2", "a*x^2 + b*x + c", "(a + b)/(c + d)",
]  # fmt: skip
SUBTRACTIONS = [
    "x - x^3", "sin(x)*cos(x)", "sqrt(1 - x^2)", "x^2*exp(-x)", "x^3 - 3*x", "sin(x)/x", "asin(x)",
    "x^2*sin(1/x)", "x^2 + y^2 - 2*x*y", "acosh(x)", "samples/branch.ad",
]  # fmt: skip
FRACTIONS = ["sqrt(x)", "cbrt(x)", "x^2/3", "x^0.5", "x^2*y^2/3", "sqrt(x*y)", "x^3/7"]


def _same_count(text: str) -> None:
    """The number said is that of the operations in the text."""
    found = adcli.load(str(ROOT / text) if text.startswith("samples") else text).diff()
    written = [text for nested in found.derivatives.values() for text in texts(nested)]
    assert found.operations["raw"] == sum(map(count_operations, written)), written


@pytest.mark.parametrize("text", SMALL)
def test_operations_written_out(text: str) -> None:
    _same_count(text)


def test_operations_of_differences() -> None:
    """x - y is one operation, not a sum and a product with -1."""
    for text in SUBTRACTIONS:
        _same_count(text)


def test_operations_of_fractions() -> None:
    """x/(3*y) is two operations, not a product with 0.333."""
    for text in FRACTIONS:
        _same_count(text)


@pytest.mark.parametrize("text", [*every_program(), *samples().values()])
def test_shared_is_no_more(text: str) -> None:
    """Equal parts counted once are at most what is written out, and 0 together with it."""
    result = "f[1]" if "composition" in text else None
    count = adcli.load(text).diff(vectors(PLAIN.get(text, {})), result=result).operations
    assert list(count) == ["value", "raw", "shared"]
    assert 0 <= count["shared"] <= count["raw"]
    assert (count["shared"] == 0) is (count["raw"] == 0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", 0), ("f(x) = 5", 0), ("x^2", 1), ("2*x^3 + 3*x^2", 5), ("x*x + x*x", 2),
        ("x*y + y*x", 2), ("f(x[4]) = sum(x^2)", 7),
        ("f(x) = { y = x; for i in 1..10 { y = 3*y*(1 - y) }; y }", 30),
    ],
)  # fmt: skip
def test_operations_of_the_program(text: str, value: int) -> None:
    """What is equal is computed once, and loops are unrolled."""
    assert adcli.load(text).diff().operations["value"] == value


def test_the_shared_program_has_as_many_operations_as_it_says() -> None:
    for text in ("x^2*exp(x^2)*exp(x^2)", "sqrt(x^2 + y^2)", "(x*y + 1)^3*exp(x*y + 1)"):
        found = adcli.load(text).diff(shared=True)
        lines = [line.partition(" = ")[2] or line for line in found.program.splitlines()]
        wrote = count_operations(" , ".join(lines))
        assert wrote == found.operations["shared"]
        assert wrote < found.operations["raw"]


# Named parts.


def test_large_derivatives_are_shared_anyway() -> None:
    """What would be over 10,000 operations is never written out."""
    assert MOST_WRITTEN_OUT == 10_000
    for turns in range(2, 12):
        text = f"f(r, x) = {{ for i in 1..{turns} {{ x = r*x*(1 - x) }}; x }}"
        found = adcli.load(text).diff()
        is_large = found.operations["raw"] > MOST_WRITTEN_OUT
        assert ("t1 = " in found.program) is is_large
        assert len(found.program) <= 20 * MOST_WRITTEN_OUT
        at = {"r": 3.1, "x": 0.4}
        assert evaluate(found.program, at) == pytest.approx(exact(text, at), rel=1e-12, abs=0)
        for nested in found.derivatives.values():
            assert len(nested) <= 20 * MOST_WRITTEN_OUT
    assert is_large


def test_what_swells_says_so() -> None:
    """The logistic map: millions of operations from 30, and few of them different."""
    found = adcli.load(samples()["logistic_map"]).diff()
    assert found.operations["value"] == 30
    assert found.operations["raw"] > 1_000_000
    assert found.operations["shared"] < 300
    raws = []
    for turns in range(1, 9):
        text = f"f(x) = {{ for i in 1..{turns} {{ x = 3.7*x*(1 - x) }}; x }}"
        raws.append(adcli.load(text).diff().operations["raw"])
    assert all(2 * one < other for one, other in itertools.pairwise(raws[2:]))


TAKEN = [
    ["x"],
    ["t", "x"],
    ["t1", "x"],
    ["s1", "t2", "x"],
    ["tau", "sigma", "x"],
    ["t", "s", "p", "q", "x"],
    ["t", "s", "p", "q", "w", "x"],
    ["t", "s", "p", "q", "w", "part_", "x"],
    ["t", "s", "p", "q", "w", "part_1", "part__1", "x"],
    ["df_dx", "df_dx_", "x"],
    ["df_dt", "t", "dx", "x"],
    ["x_1", "x1", "x₁", "x"],
    # Constants of the language.
    ["e", "x"],
    ["pi", "x"],
    ["tau", "x"],
    ["inf", "nan", "x"],
    # Its functions.
    ["exp", "x"],
    ["sin", "x"],
    ["sqrt", "max", "x"],
    ["sigmoid", "len", "zeros", "x"],
]


@pytest.mark.parametrize("names", TAKEN, ids=" ".join)
def test_names_never_clash(names: list[str]) -> None:
    """Parts and results have names of their own, whatever the inputs are called."""
    product = "*".join(names[:-1]) or "1"
    text = f"f({', '.join(names)}) = (x^2 + 1)*cos(x^2 + 1)*cosh(x^2 + 1)*{product}"
    found = adcli.load(text).diff(shared=True)
    lines = found.program.splitlines()
    assigned = [line.partition(" = ")[0] for line in lines if " = " in line and "(" not in line[:3]]
    assert len(set(assigned)) == len(assigned)
    assert not set(assigned) & {*names}
    at = {name: 0.3 + 0.15 * position for position, name in enumerate(names)}
    formulas = Formulas(text, {})
    for way, got in formulas.every_way(at):
        assert got == pytest.approx(formulas.exact(at), rel=1e-12, abs=0), way


def test_a_constant_of_the_same_name_as_an_input() -> None:
    """pi is written as a number if an input is called so, and so is what is made of it."""
    text = "f(pi, x) = pi*x^2 + 3.141592653589793*x + erf(x)*pi"
    at = {"pi": 0.25, "x": 0.5}
    formulas = Formulas(text, {})
    for way, got in formulas.every_way(at):
        assert got == pytest.approx(formulas.exact(at), rel=1e-12, abs=0), way


def test_parts_that_occur_once_have_no_name() -> None:
    assert adcli.load("sin(x)*y").diff(shared=True).program == (
        "df_dx = y*cos(x)\ndf_dy = sin(x)\ndf_dx, df_dy\n"
    )
    program = adcli.load("sqrt(x^2 + y^2)").diff(shared=True).program
    assert program.splitlines()[-1] == "df_dx, df_dy"
    assert program.count("x^2 + y^2") == 1
    named = [line.partition(" = ")[0] for line in program.splitlines() if line.startswith("t")]
    assert named
    for name in named:  # each is used twice at least, or by another that is
        assert len(re.findall(rf"\b{name}\b", program)) >= 3


# Large expressions.

TERMS = 1000
LARGE: dict[str, Callable[[int], str]] = {
    "polynomial": lambda i: f"{i}*x^{i}",
    "of two": lambda i: f"{i}*x^{i}*y",
    "sines": lambda i: f"sin({i}*x)",
    "x sin": lambda i: f"x*sin({i}*x)",
    "bells": lambda i: f"{i}*exp(-{i}*x^2)",
    "quotients": lambda i: f"x/(x + {i})",
    "logarithms": lambda i: f"ln(x^2 + {i})",
    "roots": lambda i: f"sqrt(x^2 + {i})",
    "products": lambda i: f"sin(x)*cos({i}*x)*exp(x/{i})",
    "absolute": lambda i: f"abs(x - {i})",
    "largest": lambda i: f"max(x, {i})",
    "tanh": lambda i: f"tanh({i}*x)",
    "one condition": lambda i: f"(if x > 0 then x^{i} else {i}*x)",
    "other conditions": lambda i: f"(if x > {i} then x^2 else {i}*x)",
    # Powers of two unknowns keep their conventions at 0 as conditions, and are longer.
}


@pytest.mark.parametrize("kind", half(LARGE))
def test_a_thousand_terms(kind: str) -> None:
    """The derivative of 1,000 terms is at most 5 times as long."""
    text = " + ".join(LARGE[kind](i) for i in range(1, TERMS + 1))
    found = adcli.load(text).diff()
    at = {"x": 0.75, "y": 0.5}
    at = {name: at[name] for name in adcli.load(text).inputs}
    assert evaluate(found.program, at) == pytest.approx(exact(text, at), rel=1e-12, abs=0)
    assert len(found.program) <= 5 * len(text)


@pytest.mark.thorough
def test_wide() -> None:
    """100,000 terms."""
    count = 100_000
    text = " + ".join(f"{i}*x^{i % 40 + 2}" for i in range(count))
    found = adcli.load(text).diff()
    terms = len(found.program.split(" + "))
    assert terms == 40
    (got,) = evaluate(found.program, {"x": 0.75})
    wanted = math.fsum(i * (i % 40 + 2) * 0.75 ** (i % 40 + 1) for i in range(count))
    assert got == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("body", "slope"),
    [
        ("g(x, n - 1) + x", lambda x, n: n + 1.0),
        ("g(x, n - 1)*x", lambda x, n: (n + 1.0) * x**n),
        ("sin(g(x, n - 1))", None),
        ("(if x > n/1000 then g(x, n - 1) else 0)", None),
    ],
)
def test_deep(body: str, slope: Callable[[float, int], float] | None) -> None:
    """5,000 calls inside calls; those in an arm are refused, not followed."""
    depth = 5_000
    text = f"g(x, n) = if n == 0 then x else {body}; f(x) = g(x, {depth})"
    if body.startswith("(if"):
        with pytest.raises(adcli.ProgramError, match="recursion"):
            adcli.load(text).diff()
        return
    found = adcli.load(text).diff()
    x = 0.9999
    wanted = slope(x, depth) if slope else exact(text, {"x": x})[0]
    (got,) = evaluate(found.program, {"x": x})
    assert got == pytest.approx(wanted, rel=1e-9)
    assert found.latex().startswith("\\[\n")


BRANCHY = {
    "relu": "f(x) = sum(relu(x - i) for i in 1..100)",
    "branches": "f(x) = sum(if x > i then x^2 else i*x for i in 1..100)",
    "else if": "f(x) = " + "".join(f"if x < {i} then {i}*x^2 else " for i in range(200)) + "x",
    "else if of blocks": "f(x) = { y = x\n"
    + " else ".join(f"if x < {i} {{ y = {i}*x^2 }}" for i in range(200))
    + "\ny }",
    "loop": "f(x) = { s = x; for i in 1..100 { if s > i { s = s/2 } else { s = s*3 } }; s }",
}


@pytest.mark.parametrize("kind", BRANCHY)
def test_many_branches(kind: str) -> None:
    """A hundred branches, one after the other or each in the last: as many as at a point."""
    for x in (0.5, 12.25):
        wanted = exact(BRANCHY[kind], {"x": x})
        found = adcli.load(BRANCHY[kind]).diff()
        assert evaluate(found.program, {"x": x}) == pytest.approx(wanted, rel=1e-11, abs=0)


def test_many_choices_inside_choices() -> None:
    """logsumexp of 40 elements: the work may not double with each. A process that can be ended."""
    script = (
        "import adcli; d = adcli.load('f(x[40]) = logsumexp(x)').diff(); "
        "assert len(d.program) < 100_000; print(d.operations['shared'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 5000


# Options of the library.


def test_towards_some_inputs() -> None:
    program = adcli.load("x*y^2*z")
    assert list(program.diff(wrt="y").derivatives) == ["y"]
    assert list(program.diff(wrt=["z", "x"]).derivatives) == ["x", "z"]
    assert program.diff(wrt=["x"]).program.count("\n") == 1
    with pytest.raises(adcli.InputError, match="no input is called 'q'"):
        program.diff(wrt="q")


def test_of_one_result() -> None:
    program = adcli.load("f(x) = { s = x^2; c = x^3; s, c }")
    assert program.diff(result="s").derivatives == {"x": "2*x"}
    assert program.diff(result="c").program == "3*x^2\n"
    assert program.diff(result="c").result == "c"
    with pytest.raises(adcli.InputError, match="the program has 2 results; a derivative is of one"):
        program.diff()
    with pytest.raises(adcli.InputError, match="no result is called 'x'"):
        program.diff(result="x")
    vector = adcli.load("f(x) = [x, x^2]")
    assert vector.diff(result="f[2]").derivatives == {"x": "2*x"}


def test_names_of_results() -> None:
    """After the result and the elements of the inputs, made into names."""
    program = adcli.load("f(x[2], A[1,2]) = { y = [x[1]*A[1,1], x[2]*A[1,2]]; y, x[1]^2 }")
    last = program.diff(result="y[2]").program.splitlines()[-1].replace("__", "_")
    assert last == "dy_2_dx_1, dy_2_dx_2, dy_2_dA_1_1, dy_2_dA_1_2"


def test_shapes_are_all_that_matters_of_values() -> None:
    program = adcli.load("sum(x^2)*y")
    one = program.diff({"x": [1, 2]})
    other = program.diff({"x": [math.nan, -5.0], "y": 7})
    assert one.derivatives == other.derivatives
    assert len(one.derivatives["x"]) == 2
    assert len(program.diff({"x": [[0, 0, 0], [0, 0, 0]]}).derivatives["x"]) == 2
    declared = adcli.load("f(x[2], y[] = [1, 2, 3]) = sum(x) + sum(y)")
    assert declared.diff().derivatives == {"x": ["1", "1"], "y": ["1", "1", "1"]}
    assert len(declared.diff({"y": [0]}).derivatives["y"]) == 1
    with pytest.raises(adcli.InputError, match="'x' is a vector of 2, got a vector of 3"):
        declared.diff({"x": [0, 0, 0]})
    with pytest.raises(adcli.InputError, match="no input is called 'q'"):
        declared.diff({"q": 1})


def test_it_can_be_the_gradient_of_a_check() -> None:
    """The program of `diff` has the results that `check` wants, in their order."""
    for text, at in PLAIN.items():
        by_hand = adcli.load(adcli.load(text).diff(vectors(at), shared=True).program)
        assert adcli.load(text).check(at, gradient=by_hand, points=3).passed


# LaTeX.


def well_formed(text: str) -> None:
    """Braces, \\left and \\right, and environments are in pairs; no script stands twice."""
    assert text.startswith("\\[\n\\begin{aligned}\n")
    assert text.endswith("\n\\end{aligned}\n\\]\n")
    depth = 0
    for position, character in enumerate(text):
        if character in "{}" and text[position - 1] != "\\":
            depth += 1 if character == "{" else -1
            assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for word in re.findall(r"\\left\b|\\right\b|\\begin\{\w+\}|\\end\{\w+\}", text):
        if word.startswith((r"\left", r"\begin")):
            opened.append(word.replace(r"\begin", r"\end").replace(r"\left", r"\right"))
        else:
            assert opened.pop() == word
    assert not opened
    for delimiter in re.findall(r"\\(?:left|right)\b(.)", text):
        assert delimiter in "()|\\ "
    for script in "^_":  # a^{b}^{c} is an error in TeX
        for start in (found.end() - 1 for found in re.finditer(rf"\{script}\{{", text)):
            end = _closing(text, start)
            assert text[end + 1 : end + 2] != script, text[start - 10 : end + 10]
    for body in re.findall(r"\\begin\{cases\}(.*?)\\end\{cases\}", text):
        if r"\begin{cases}" not in body:
            assert body.count("&") == 2
            assert body.count(r"\\") == 1
            assert body.endswith(r"& \text{otherwise}")
    assert "*" not in text
    assert "e-" not in text


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        if text[position] in "{}" and text[position - 1] != "\\":
            depth += 1 if text[position] == "{" else -1
            if depth == 0:
                return position
    raise AssertionError("braces")


@pytest.mark.parametrize("text", every_program())
def test_latex(text: str) -> None:
    shapes = vectors(PLAIN.get(text, {}))
    for shared in (False, True):
        found = adcli.load(text).diff(shapes, shared=shared)
        latex = found.latex()
        well_formed(latex)
        assert latex.count(r"\frac{\partial ") == len(found.found.names)


@pytest.mark.parametrize("name", samples())
def test_latex_of_samples(name: str) -> None:
    program = adcli.load(samples()[name])
    for result in program.eval():
        well_formed(program.diff(result=result).latex())


LATEX = {
    "2*x^3 + 3*x^2": r"6 \, x^{2} + 6 \, x",
    "exp(-x^2)": r"-2 \, x \, e^{-x^{2}}",
    "1/(1 + x^2)": r"-\frac{2 \, x}{\left(x^{2} + 1\right)^{2}}",
    "sqrt(x)": r"\frac{1}{2 \, \sqrt{x}}",
    "abs(x)*x": r"x \, \operatorname{sign} x + \left|x\right|",
    "1e-9*x^2": r"2 \times 10^{-9} \, x",
    "x^2.5": r"2.5 \, x^{1.5}",
    "if x <= 0 then x^2 else 1": (
        r"\begin{cases}2 \, x & \text{if } x \le 0 \\ 0 & \text{otherwise}\end{cases}"
    ),
    "if x != 1 and x >= 0 then x^2 else 1": (
        r"\begin{cases}2 \, x & \text{if } x \ne 1 \text{ and } x \ge 0 \\ "
        r"0 & \text{otherwise}\end{cases}"
    ),
}


@pytest.mark.parametrize("text", LATEX)
def test_latex_as_a_person_would_write_it(text: str) -> None:
    pair = rf"\frac{{\partial f}}{{\partial x}} &= {LATEX[text]}"
    assert pair in adcli.load(text).diff().latex().splitlines()


@pytest.mark.parametrize(
    "text", ["(1e20)^x", "(1e-7)^x", "f(x, y) = (x^1e20)^y", "x^1e20", "1e300*x/1e-9", "x^1e-7"]
)
def test_latex_of_large_numbers(text: str) -> None:
    """10^{20}^{x} is an error in TeX."""
    well_formed(adcli.load(text).diff().latex())


@pytest.mark.parametrize(
    "text", ["x1^2", "alpha*x_1", "f(x[2]) = x[1]*x[2]", "σ_2^2", "h(x12) = x12^3"]
)
def test_latex_of_names(text: str) -> None:
    well_formed(adcli.load(text).diff().latex())


def test_latex_of_parts() -> None:
    """Parts come first, each once, by the names they have in the text."""
    found = adcli.load("(x1^2 + x2^2)^0.5").diff(shared=True)
    lines = found.latex().splitlines()
    assert lines[2] == r"t_{1} &= x_{1}^{2} + x_{2}^{2} \\"
    assert sum(line.startswith("t_") for line in lines) == sum(
        line.startswith("t") for line in found.program.splitlines()
    )


def test_everything_is_json() -> None:
    """The texts hold nothing that JSON could not."""
    for text, at in PLAIN.items():
        found = adcli.load(text).diff(vectors(at))
        back = json.loads(json.dumps(found.derivatives))
        assert back == found.derivatives
        assert list(back) == adcli.load(text).inputs
