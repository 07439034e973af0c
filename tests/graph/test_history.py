"""What a program went through: the calls, turns of loops and arms around each operation.

Three ways: programs made by hand, with every operation's place written beside them; random
programs, made together with a simulation that knows what they will do; and the syntax tree
of every sample and case, which says what is around an operation as far as the text does.
"""

# ruff: noqa: E501  # a program reads better on one line

from __future__ import annotations

import itertools
import operator
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adcli.differentiate.forward import forward
from adcli.errors import AdcliError, Source
from adcli.evaluate.floats import over_graph
from adcli.graph.conditions import Condition
from adcli.graph.history import CALL, NO, TURN, YES, Decision, History, Place
from adcli.graph.open import SELECT, OpenGraph
from adcli.graph.primitives import CONSTANT, INPUT, row_of
from adcli.graph.program import Program, Run, is_function
from adcli.language import parse, syntax

ROOT = Path(__file__).resolve().parents[2]
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def traced(text: str, at: Mapping[str, Any] | None = None, *, is_open: bool = False) -> Run:
    """A program run with a history, at a point or for inputs that are not known."""
    program = Program(Source(text, "test"))
    if is_open:
        return program.open(at or {}, history=History())
    return program.run(at or {}, history=History())


def places(run: Run) -> tuple[list[Place | None], list[Decision]]:
    """What the history of a run says."""
    assert run.history is not None
    return run.history.places(run.graph)


def operation_name(code: int) -> str:
    """What an operation is called here."""
    return "select" if code == SELECT else row_of(code).name


def around(place: Place | None) -> list[Place]:
    """A place and those around it, the outermost first."""
    found = []
    while place is not None:
        found.append(place)
        place = place.parent
    return found[::-1]


# Programs made by hand.


def written(place: Place | None) -> str:
    """A place in a line: `in g(x) / i=2 (2) of 1..3 / yes x > 0`."""
    if place is None:
        return "-"
    pieces = []
    for one in around(place):
        text = "nowhere" if one.span is None else one.span.text
        if one.kind == CALL:
            pieces.append(f"in {text}" if text.startswith(f"{one.name}(") else f"{one.name} {text}")
        elif one.kind == TURN:
            value = "" if one.value is None else f"={one.value:g}"
            pieces.append(f"{one.name}{value} ({one.number}) of {text}")
        else:
            pieces.append(f"{one.kind} {text}")
        if one.kind != TURN:
            assert (one.number, one.value) == (0, None)
    return " / ".join(pieces)


def listing(run: Run) -> list[str]:
    """The operations and comparisons in order, each with its place, as lines."""
    graph = run.graph
    found, decisions = places(run)
    assert len(found) == len(graph)
    numbers = [node for node, code in enumerate(graph.op) if code != CONSTANT]
    lines = []
    pending = list(decisions)
    for node, code in enumerate(graph.op):
        while pending and pending[0].before <= node:
            lines.append(comparison(pending.pop(0), numbers))
        if code > CONSTANT:
            lines.append(f"{operation_name(code)}: {written(found[node])}")
        else:
            assert found[node] is None
    return lines + [comparison(decision, numbers) for decision in pending]


def comparison(decision: Decision, numbers: Sequence[int]) -> str:
    """A comparison as a line: v0 is the first input, operations follow; constants have a point."""
    one, other = (f"v{numbers.index(x)}" if type(x) is int else repr(x) for x in decision.scalars)
    holds = {True: "holds", False: "fails"}[decision.holds]
    return f"{one} {decision.sign} {other} {holds}: {written(decision.place)}"


# A program, a point (None: an open graph), and what happens in it.
Case = tuple[str, dict[str, Any] | None, list[str]]

ARMS: dict[str, Case] = {
    "no structure": ("f(x) = x^2 + 1", {"x": 1}, ["pow: -", "add: -"]),
    "if then else, true": (
        "f(x) = (if x*x > 1 then x*3 else x/3) + 7",
        {"x": 2},
        ["mul: -", "v1 > 1.0 holds: -", "mul: yes x*x > 1", "add: -"],
    ),
    "if then else, false": (
        "f(x) = (if x*x > 1 then x*3 else x/3) + 7",
        {"x": 0.5},
        ["mul: -", "v1 > 1.0 fails: -", "div: no x*x > 1", "add: -"],
    ),
    "if then else in an arm": (
        "f(x) = if x > 1 then (if x > 2 then x*3 else x/3) else x",
        {"x": 1.5},
        ["v0 > 1.0 holds: -", "v0 > 2.0 fails: yes x > 1", "div: yes x > 1 / no x > 2"],
    ),
    "else if then else": (
        "f(x) = if x > 1 then x else if x*5 > 2 then x*3 else x/3",
        {"x": 0.5},
        ["v0 > 1.0 fails: -", "mul: no x > 1", "v1 > 2.0 holds: no x > 1",
         "mul: no x > 1 / yes x*5 > 2"],
    ),
    "a choice in a condition": (
        "f(x) = if (if x > 1 then x*2 else x*3) > 4 then x*5 else x*6",
        {"x": 1},
        ["v0 > 1.0 fails: -", "mul: no x > 1", "v1 > 4.0 fails: -",
         "mul: no (if x > 1 then x*2 else x*3) > 4"],
    ),
    "choices in sequence": (
        "f(x) = (if x > 1 then x*2 else x*3) + (if x > 2 then x*4 else x*5)",
        {"x": 3},
        ["v0 > 1.0 holds: -", "mul: yes x > 1", "v0 > 2.0 holds: -", "mul: yes x > 2", "add: -"],
    ),
    "if": (
        "f(x) = { y = x; if x > 1 { y = x*2 } else { y = x*3 }; y + 1 }",
        {"x": 2},
        ["v0 > 1.0 holds: -", "mul: yes x > 1", "add: -"],
    ),
    "else": (
        "f(x) = { if x > 1 { y = x*2 } else { y = x*3 }; y + 1 }",
        {"x": 1},
        ["v0 > 1.0 fails: -", "mul: no x > 1", "add: -"],
    ),
    "else that is not there": (
        "f(x) = { y = x; if x > 1 { y = x*2 }; y + 1 }",
        {"x": 1},
        ["v0 > 1.0 fails: -", "add: -"],
    ),
    "if in if": (
        "f(x) = { y = x; if x > 1 { y += 1; if x > 2 { y += 2 } else { y += 3 }; y += 4 }; y }",
        {"x": 3},
        ["v0 > 1.0 holds: -", "add: yes x > 1", "v0 > 2.0 holds: yes x > 1",
         "add: yes x > 1 / yes x > 2", "add: yes x > 1"],
    ),
    "else if": (
        "f(x) = { if x > 3 { y = x*2 } else if x > 2 { y = x*3 } else if x > 1 { y = x*4 } else { y = x*5 }; y }",
        {"x": 0},
        ["v0 > 3.0 fails: -", "v0 > 2.0 fails: no x > 3", "v0 > 1.0 fails: no x > 3 / no x > 2",
         "mul: no x > 3 / no x > 2 / no x > 1"],
    ),
    "statements and expressions": (
        "f(x) = { y = x; if x > 1 { y = if x > 2 then x*2 else x*3 }; y }",
        {"x": 2},
        ["v0 > 1.0 holds: -", "v0 > 2.0 fails: yes x > 1", "mul: yes x > 1 / no x > 2"],
    ),
    "an arm that is a leaf": (
        "f(x) = (if x > 1 then x else x*2)*3",
        {"x": 2},
        ["v0 > 1.0 holds: -", "mul: -"],
    ),
    "made before": (
        "f(x) = { a = x*2; if x > 1 { b = x*2 + 1 } else { b = 1 }; a + b }",
        {"x": 2},
        ["mul: -", "v0 > 1.0 holds: -", "add: yes x > 1", "add: -"],
    ),
    "and": (
        "f(x) = if x > 1 and x*x < 3 then x + 1 else x + 2",
        {"x": 1.5},
        ["v0 > 1.0 holds: -", "mul: -", "v1 < 3.0 holds: -", "add: yes x > 1 and x*x < 3"],
    ),
    "and that ends early": (
        "f(x) = if x > 1 and x*x < 3 then x + 1 else x + 2",
        {"x": 1},
        ["v0 > 1.0 fails: -", "add: no x > 1 and x*x < 3"],
    ),
    "or that ends early": (
        "f(x) = if x > 1 or x*x < 3 then x + 1 else x + 2",
        {"x": 2},
        ["v0 > 1.0 holds: -", "add: yes x > 1 or x*x < 3"],
    ),
    "not": (
        "f(x) = if not x > 1 then x + 1 else x + 2",
        {"x": 1},
        ["v0 > 1.0 fails: -", "add: yes not x > 1"],
    ),
    "chains": (
        "f(x) = if 0 <= x < 1 != 2*x then x + 1 else x + 2",
        {"x": 0.5},
        # Each operand is computed as the chain comes to it.
        ["0.0 <= v0 holds: -", "v0 < 1.0 holds: -", "mul: -", "1.0 != v1 fails: -",
         "add: no 0 <= x < 1 != 2*x"],
    ),
    "a chain that ends early": (
        "f(x) = if 0 <= x < 1 != 2*x then x + 1 else x + 2",
        {"x": 2},
        ["0.0 <= v0 holds: -", "v0 < 1.0 fails: -", "add: no 0 <= x < 1 != 2*x"],
    ),
    "signs": (
        "f(x, y) = { s = x; if x == y { s += 1 }; if x != y { s += 2 }; if x >= y { s += 3 }; if y <= x { s += 4 }; s }",
        {"x": 2, "y": 2},
        ["v0 == v1 holds: -", "add: yes x == y", "v0 != v1 fails: -", "v0 >= v1 holds: -",
         "add: yes x >= y", "v1 <= v0 holds: -", "add: yes y <= x"],
    ),
    "nan": (
        "f(x) = { y = x; if x < 1 { y += 1 } else { y += 2 }; if x != x { y += 3 }; y }",
        {"x": float("nan")},
        ["v0 < 1.0 fails: -", "add: no x < 1", "v0 != v0 holds: -", "add: yes x != x"],
    ),
    "comparisons of constants": (
        "f(x) = { n = 3; if n > 2 { y = x*2 } else { y = x*3 }; if 1 < n < 2 { y += 1 } else { y += 2 }; y }",
        {"x": 1},
        ["mul: yes n > 2", "add: no 1 < n < 2"],
    ),
    "one of them a constant of the program": (
        "f(x) = { n = 3; n = n + 1; if n > x { y = x*2 } else { y = x*3 }; y }",
        {"x": 1},
        ["4.0 > v0 holds: -", "mul: yes n > x"],
    ),
    "both arms, open": (
        "f(x) = { y = x; if x > 1 { y = x*2 } else { y = x*3 }; y + 1 }",
        None,
        ["mul: yes x > 1", "mul: no x > 1", "select: -", "add: -"],
    ),
    "arms in arms, open": (
        "f(x) = (if x > 1 then (if x > 2 then x*2 else x*3) else x*4)/5",
        None,
        ["mul: yes x > 1 / yes x > 2", "mul: yes x > 1 / no x > 2", "select: yes x > 1",
         "mul: no x > 1", "select: -", "div: -"],
    ),
    "else if, open": (
        "f(x) = { if x > 3 { y = x*2 } else if x > 2 { y = x*3 } else { y = x*4 }; y }",
        None,
        ["mul: yes x > 3", "mul: no x > 3 / yes x > 2", "mul: no x > 3 / no x > 2",
         "select: no x > 3", "select: -"],
    ),
    "decided, open": (
        "f(x) = { n = 3; if n > 2 { y = x*2 } else { y = x*3 }; y }",
        None,
        ["mul: yes n > 2"],
    ),
}  # fmt: skip

LOOPS: dict[str, Case] = {
    "for": (
        "f(x) = { y = x; for i in 3..5 { y = y*x }; y/2 }",
        {"x": 2},
        ["mul: i=3 (1) of 3..5", "mul: i=4 (2) of 3..5", "mul: i=5 (3) of 3..5", "div: -"],
    ),
    "for by": (
        "f(x) = { y = x; for t in 0.5..-0.5 by -0.5 { y = y*x }; y }",
        {"x": 2},
        ["mul: t=0.5 (1) of 0.5..-0.5 by -0.5", "mul: t=0 (2) of 0.5..-0.5 by -0.5",
         "mul: t=-0.5 (3) of 0.5..-0.5 by -0.5"],
    ),
    "for, no turn": ("f(x) = { y = x; for i in 3..2 { y = y*x }; y/2 }", {"x": 2}, ["div: -"]),
    "a turn that makes nothing": (
        "f(x) = { y = x; for i in 1..3 { if i != 2 { y = y*x } }; y }",
        {"x": 2},
        ["mul: i=1 (1) of 1..3 / yes i != 2", "mul: i=3 (3) of 1..3 / yes i != 2"],
    ),
    "for over numbers": (
        "f(x) = { y = x; for a in [7, 5] { y = y*x + a }; y }",
        {"x": 2},
        ["mul: a=7 (1) of [7, 5]", "add: a=7 (1) of [7, 5]", "mul: a=5 (2) of [7, 5]",
         "add: a=5 (2) of [7, 5]"],
    ),
    "for over an input": (
        "f(v) = { y = 1; for a in v { y = y*a + 1 }; y }",
        {"v": [2, 3]},
        ["add: a (1) of v", "mul: a (2) of v", "add: a (2) of v"],
    ),
    "for over both": (
        "f(x) = { y = x; for a in [x*3, 4] { y = y + a*x }; y }",
        {"x": 2},
        # What the loop runs over is made before it.
        ["mul: -", "mul: a (1) of [x*3, 4]", "add: a (1) of [x*3, 4]", "mul: a=4 (2) of [x*3, 4]",
         "add: a=4 (2) of [x*3, 4]"],
    ),
    "for over a number that is not known": (
        "f(x) = { y = x; for t in x..x+1 { y = y/t }; y }",
        {"x": 2},
        # The second t is made to begin a turn, and belongs to what is around the loop.
        ["add: -", "div: t (1) of x..x+1", "div: t (2) of x..x+1"],
    ),
    "for in for": (
        "f(x) = { y = x; for i in 1..2 { y += 5; for j in i..2 { y = y*x } }; y }",
        {"x": 2},
        ["add: i=1 (1) of 1..2",
         "mul: i=1 (1) of 1..2 / j=1 (1) of i..2", "mul: i=1 (1) of 1..2 / j=2 (2) of i..2",
         "add: i=2 (2) of 1..2",
         "mul: i=2 (2) of 1..2 / j=2 (1) of i..2"],
    ),
    "for after for": (
        "f(x) = { y = x; for i in 1..2 { y = y*x }; for i in 5..6 { y = y*x }; y }",
        {"x": 2},
        ["mul: i=1 (1) of 1..2", "mul: i=2 (2) of 1..2", "mul: i=5 (1) of 5..6",
         "mul: i=6 (2) of 5..6"],
    ),
    "a domain that is computed": (
        "f(x) = { y = x; for i in 1..2 { for a in [y*i, y] { y = y + a } }; y }",
        {"x": 2},
        ["add: i=1 (1) of 1..2 / a (1) of [y*i, y]", "add: i=1 (1) of 1..2 / a (2) of [y*i, y]",
         "mul: i=2 (2) of 1..2",
         "add: i=2 (2) of 1..2 / a (1) of [y*i, y]", "add: i=2 (2) of 1..2 / a (2) of [y*i, y]"],
    ),
    "comprehension": (
        "f(x) = prod([x*i for i in 2..3])/5",
        {"x": 2},
        ["mul: i=2 (1) of 2..3", "mul: i=3 (2) of 2..3", "mul: -", "div: -"],
    ),
    "sum for": (
        "f(v) = sum(sin(a) for a in v)",
        {"v": [1, 2, 3]},
        ["sin: a (1) of v", "sin: a (2) of v", "sin: a (3) of v", "add: -", "add: -"],
    ),
    "comprehension in comprehension": (
        "f(x) = sum(sum(x^(i + 10*j) for j in 1..2) for i in 3..4)",
        {"x": 2},
        ["pow: i=3 (1) of 3..4 / j=1 (1) of 1..2", "pow: i=3 (1) of 3..4 / j=2 (2) of 1..2",
         "add: i=3 (1) of 3..4",
         "pow: i=4 (2) of 3..4 / j=1 (1) of 1..2", "pow: i=4 (2) of 3..4 / j=2 (2) of 1..2",
         "add: i=4 (2) of 3..4", "add: -"],
    ),
    "choice in a comprehension": (
        "f(x) = sum(if x > i then x*i else x/5 for i in 2..3)",
        {"x": 2.5},
        ["v0 > 2.0 holds: i=2 (1) of 2..3", "mul: i=2 (1) of 2..3 / yes x > i",
         "v0 > 3.0 fails: i=3 (2) of 2..3", "div: i=3 (2) of 2..3 / no x > i", "add: -"],
    ),
    "comprehension in an arm": (
        "f(x) = if x > 1 then sum(x^i for i in 2..3) else x",
        {"x": 2},
        ["v0 > 1.0 holds: -", "pow: yes x > 1 / i=2 (1) of 2..3", "pow: yes x > 1 / i=3 (2) of 2..3",
         "add: yes x > 1"],
    ),
    "while that counts": (
        "f(x) = { y = x; n = 0; while n < 2 { y = y*x; n += 1 }; y }",
        {"x": 2},
        ["mul:  (1) of n < 2", "mul:  (2) of n < 2"],
    ),
    "while on a computed value": (
        "f(x) = { y = x; while y*y < 20 { y = y + 2 }; y/7 }",
        {"x": 1},
        ["mul:  (1) of y*y < 20", "v1 < 20.0 holds:  (1) of y*y < 20", "add:  (1) of y*y < 20",
         "mul:  (2) of y*y < 20", "v3 < 20.0 holds:  (2) of y*y < 20", "add:  (2) of y*y < 20",
         # The condition is looked at once more than the body.
         "mul:  (3) of y*y < 20", "v5 < 20.0 fails:  (3) of y*y < 20", "div: -"],
    ),
    "while on a value": (
        "f(x) = { y = x; while y < 3 { y = y + 1 }; y/7 }",
        {"x": 1},
        ["v0 < 3.0 holds:  (1) of y < 3", "add:  (1) of y < 3", "v1 < 3.0 holds:  (2) of y < 3",
         "add:  (2) of y < 3", "v2 < 3.0 fails:  (3) of y < 3", "div: -"],
    ),
    "while that begins an arm": (
        "f(x) = { y = x; if x > 0 { while y < 3 { y = y + 2 } } else { n = 0 }; y }",
        {"x": 2},
        ["v0 > 0.0 holds: -", "v0 < 3.0 holds: yes x > 0 /  (1) of y < 3",
         "add: yes x > 0 /  (1) of y < 3", "v1 < 3.0 fails: yes x > 0 /  (2) of y < 3"],
    ),
    "while that is all of a turn": (
        "f(x) = { y = x; for i in 1..2 { while y < 2*i { y = y + 2 } }; y }",
        {"x": 1},
        ["v0 < 2.0 holds: i=1 (1) of 1..2 /  (1) of y < 2*i",
         "add: i=1 (1) of 1..2 /  (1) of y < 2*i",
         "v1 < 2.0 fails: i=1 (1) of 1..2 /  (2) of y < 2*i",
         "v1 < 4.0 holds: i=2 (2) of 1..2 /  (1) of y < 2*i",
         "add: i=2 (2) of 1..2 /  (1) of y < 2*i",
         "v2 < 4.0 fails: i=2 (2) of 1..2 /  (2) of y < 2*i"],
    ),
    "while not": (
        "f(x) = { y = x; while not y > 2 { y = y + 1 }; y }",
        {"x": 2},
        ["v0 > 2.0 fails:  (1) of not y > 2", "add:  (1) of not y > 2",
         "v1 > 2.0 holds:  (2) of not y > 2"],
    ),
    "while between": (
        "f(x) = { y = x; while 1 < y < 3 { y = y + 1 }; y }",
        {"x": 2},
        ["1.0 < v0 holds:  (1) of 1 < y < 3", "v0 < 3.0 holds:  (1) of 1 < y < 3",
         "add:  (1) of 1 < y < 3", "1.0 < v1 holds:  (2) of 1 < y < 3",
         "v1 < 3.0 fails:  (2) of 1 < y < 3"],
    ),
    "while and": (
        "f(x) = { y = x; n = 0; while n < 9 and y*2 < 5 { y = y + 1; n += 1 }; y }",
        {"x": 2},
        ["mul:  (1) of n < 9 and y*2 < 5", "v1 < 5.0 holds:  (1) of n < 9 and y*2 < 5",
         "add:  (1) of n < 9 and y*2 < 5", "mul:  (2) of n < 9 and y*2 < 5",
         "v3 < 5.0 fails:  (2) of n < 9 and y*2 < 5"],
    ),
    "while in for": (
        "f(x) = { y = x; for i in 1..2 { n = 0; while n < i { y = y*x; n += 1 } }; y }",
        {"x": 2},
        ["mul: i=1 (1) of 1..2 /  (1) of n < i", "mul: i=2 (2) of 1..2 /  (1) of n < i",
         "mul: i=2 (2) of 1..2 /  (2) of n < i"],
    ),
    "while in while": (
        "f(x) = { y = x; m = 0; while m < 2 { n = 0; while n < 2 - m { y = y*x; n += 1 }; m += 1 }; y }",
        {"x": 2},
        ["mul:  (1) of m < 2 /  (1) of n < 2 - m", "mul:  (1) of m < 2 /  (2) of n < 2 - m",
         "mul:  (2) of m < 2 /  (1) of n < 2 - m"],
    ),
    "comprehension in the condition of a while": (
        "f(x) = { y = x; while sum(y*i for i in [3, 5]) < 20 { y = y + 1 }; y }",
        {"x": 2},
        ["mul:  (1) of sum(y*i for i in [3, 5]) < 20 / i=3 (1) of [3, 5]",
         "mul:  (1) of sum(y*i for i in [3, 5]) < 20 / i=5 (2) of [3, 5]",
         "add:  (1) of sum(y*i for i in [3, 5]) < 20",
         "v3 < 20.0 holds:  (1) of sum(y*i for i in [3, 5]) < 20",
         "add:  (1) of sum(y*i for i in [3, 5]) < 20",
         "mul:  (2) of sum(y*i for i in [3, 5]) < 20 / i=3 (1) of [3, 5]",
         "mul:  (2) of sum(y*i for i in [3, 5]) < 20 / i=5 (2) of [3, 5]",
         "add:  (2) of sum(y*i for i in [3, 5]) < 20",
         "v7 < 20.0 fails:  (2) of sum(y*i for i in [3, 5]) < 20"],
    ),
    "arms in a loop": (
        "f(x) = { y = x; for i in 1..2 { if y > 2 { y = y*3 } else { y = y*4 } }; y }",
        {"x": 1},
        ["v0 > 2.0 fails: i=1 (1) of 1..2", "mul: i=1 (1) of 1..2 / no y > 2",
         "v1 > 2.0 holds: i=2 (2) of 1..2", "mul: i=2 (2) of 1..2 / yes y > 2"],
    ),
    "a loop in an arm": (
        "f(x) = { y = x; if x > 1 { for i in 1..2 { y = y*x } } else { for i in 3..4 { y = y/x } }; y }",
        {"x": 1},
        ["v0 > 1.0 fails: -", "div: no x > 1 / i=3 (1) of 3..4", "div: no x > 1 / i=4 (2) of 3..4"],
    ),
    "loops in both arms, open": (
        "f(x) = { y = x; if x > 1 { for i in 1..2 { y = y*x } } else { for i in 2..2 { y = y/x } }; y }",
        None,
        ["mul: yes x > 1 / i=1 (1) of 1..2", "mul: yes x > 1 / i=2 (2) of 1..2",
         "div: no x > 1 / i=2 (1) of 2..2", "select: -"],
    ),
    "arms in a loop, open": (
        "f(x) = { y = x; for i in 1..2 { if y > i { y = y*3 } else { y = y*4 } }; y }",
        None,
        ["mul: i=1 (1) of 1..2 / yes y > i", "mul: i=1 (1) of 1..2 / no y > i",
         "select: i=1 (1) of 1..2",
         "mul: i=2 (2) of 1..2 / yes y > i", "mul: i=2 (2) of 1..2 / no y > i",
         "select: i=2 (2) of 1..2"],
    ),
    "statements without a function": (
        "y = x\nfor i in 1..2 {\n  y = y*x\n}\ny",
        {"x": 2},
        ["mul: i=1 (1) of 1..2", "mul: i=2 (2) of 1..2"],
    ),
    "whole vectors": (
        "f(v) = { w = v; for i in 1..2 { w = w*v }; w @ v }",
        {"v": [2, 3]},
        ["mul: i=1 (1) of 1..2", "mul: i=1 (1) of 1..2", "mul: i=2 (2) of 1..2",
         "mul: i=2 (2) of 1..2", "mul: -", "mul: -", "add: -"],
    ),
}  # fmt: skip

CALLS: dict[str, Case] = {
    "a function": (
        "g(a) = a*2\nf(x) = g(x) + 1",
        {"x": 1},
        ["mul: in g(x)", "add: -"],
    ),
    "arguments are made outside": (
        "g(a) = a*2\nf(x) = g(x/3)",
        {"x": 1},
        ["div: -", "mul: in g(x/3)"],
    ),
    "twice": (
        "g(a) = a*2\nf(x) = g(x) + g(x + 1)",
        {"x": 1},
        ["mul: in g(x)", "add: -", "mul: in g(x + 1)", "add: -"],
    ),
    "twice the same": (
        "g(a) = a*2\nf(x) = g(x) + g(x)",
        {"x": 1},
        # The second call finds what the first has made.
        ["mul: in g(x)", "add: -"],
    ),
    "functions in functions": (
        "h(a) = a*2\ng(a) = h(a + 1)/3\nf(x) = g(x) - 4",
        {"x": 1},
        ["add: in g(x)", "mul: in g(x) / in h(a + 1)", "div: in g(x)", "sub: -"],
    ),
    "a function of a function": (
        "g(a) = a*2\nf(x) = g(g(x))",
        {"x": 1},
        ["mul: in g(x)", "mul: in g(g(x))"],
    ),
    "recursion": (
        "g(a, n) = if n < 1 then a*5 else g(a + n, n - 1)/7\nf(x) = g(x, 2)",
        {"x": 1},
        ["add: in g(x, 2) / no n < 1",
         "add: in g(x, 2) / no n < 1 / in g(a + n, n - 1) / no n < 1",
         "mul: in g(x, 2) / no n < 1 / in g(a + n, n - 1) / no n < 1 / in g(a + n, n - 1) / yes n < 1",
         "div: in g(x, 2) / no n < 1 / in g(a + n, n - 1) / no n < 1",
         "div: in g(x, 2) / no n < 1"],
    ),
    "recursion on a value": (
        "g(a) = if a > 4 then a else g(a*2)\nf(x) = g(x)",
        {"x": 3},
        ["v0 > 4.0 fails: in g(x)", "mul: in g(x) / no a > 4",
         "v1 > 4.0 holds: in g(x) / no a > 4 / in g(a*2)"],
    ),
    "mutual recursion": (
        "g(a, n) = if n < 1 then a else h(a*2, n - 1)\nh(a, n) = if n < 1 then a else g(a*3, n - 1)\nf(x) = g(x, 2)",
        {"x": 3},
        ["mul: in g(x, 2) / no n < 1",
         "mul: in g(x, 2) / no n < 1 / in h(a*2, n - 1) / no n < 1"],
    ),
    "recursion, open": (
        "g(a, n) = if n < 1 then a else g(if a > n then a*2 else a*3, n - 1)\nf(x) = g(x, 2)",
        None,
        ["mul: in g(x, 2) / no n < 1 / yes a > n", "mul: in g(x, 2) / no n < 1 / no a > n",
         "select: in g(x, 2) / no n < 1",
         *(f"{one}: in g(x, 2) / no n < 1 / in g(if a > n then a*2 else a*3, n - 1) / no n < 1{arm}"
           for one, arm in (("mul", " / yes a > n"), ("mul", " / no a > n"), ("select", "")))],
    ),
    "a call in a turn": (
        "g(a) = a*2\nf(x) = { y = x; for i in 1..2 { y = g(y) + 1 }; y }",
        {"x": 1},
        ["mul: i=1 (1) of 1..2 / in g(y)", "add: i=1 (1) of 1..2",
         "mul: i=2 (2) of 1..2 / in g(y)", "add: i=2 (2) of 1..2"],
    ),
    "a loop in a call": (
        "g(a) = { for i in 1..2 { a = a*3 }; a }\nf(x) = g(x) + g(x + 1)",
        {"x": 1},
        # The turns of each call have numbers of their own.
        ["mul: in g(x) / i=1 (1) of 1..2", "mul: in g(x) / i=2 (2) of 1..2", "add: -",
         "mul: in g(x + 1) / i=1 (1) of 1..2", "mul: in g(x + 1) / i=2 (2) of 1..2", "add: -"],
    ),
    "a loop in a call in a loop": (
        "g(a) = { n = 0; while n < 2 { a = a*3; n += 1 }; a }\nf(x) = { y = x; for i in 1..2 { y = g(y) }; y }",
        {"x": 1},
        ["mul: i=1 (1) of 1..2 / in g(y) /  (1) of n < 2", "mul: i=1 (1) of 1..2 / in g(y) /  (2) of n < 2",
         "mul: i=2 (2) of 1..2 / in g(y) /  (1) of n < 2", "mul: i=2 (2) of 1..2 / in g(y) /  (2) of n < 2"],
    ),
    "a loop in an arm in a call": (
        "g(a) = { if a > 1 { for i in 1..2 { a = a*3 } } else { a = a/5 }; a }\nf(x) = g(x) + g(x + 1)",
        {"x": 1},
        ["v0 > 1.0 fails: in g(x)", "div: in g(x) / no a > 1", "add: -",
         "v2 > 1.0 holds: in g(x + 1)", "mul: in g(x + 1) / yes a > 1 / i=1 (1) of 1..2",
         "mul: in g(x + 1) / yes a > 1 / i=2 (2) of 1..2", "add: -"],
    ),
    "a loop in an arm in a call, open": (
        "g(a) = { if a > 1 { for i in 1..2 { a = a*3 } } else { a = a/5 }; a }\nf(x) = g(x)",
        None,
        ["mul: in g(x) / yes a > 1 / i=1 (1) of 1..2", "mul: in g(x) / yes a > 1 / i=2 (2) of 1..2",
         "div: in g(x) / no a > 1", "select: in g(x)"],
    ),
    "a call in a comprehension": (
        "g(a, b) = a^b\nf(x) = sum(g(x, i) for i in 2..3)",
        {"x": 1},
        ["pow: i=2 (1) of 2..3 / in g(x, i)", "pow: i=3 (2) of 2..3 / in g(x, i)", "add: -"],
    ),
    "a call in a condition": (
        "g(a) = a*2\nf(x) = if g(x) > 1 then g(x + 1) else x",
        {"x": 1},
        ["mul: in g(x)", "v1 > 1.0 holds: -", "add: yes g(x) > 1",
         "mul: yes g(x) > 1 / in g(x + 1)"],
    ),
    "a condition in a call in a while": (
        "g(a) = if a > 2 then a*2 else a + 1\nf(x) = { y = x; while g(y) < 5 { y = y + 1 }; y }",
        {"x": 2},
        ["v0 > 2.0 fails:  (1) of g(y) < 5 / in g(y)", "add:  (1) of g(y) < 5 / in g(y) / no a > 2",
         "v1 < 5.0 holds:  (1) of g(y) < 5", "v1 > 2.0 holds:  (2) of g(y) < 5 / in g(y)",
         "mul:  (2) of g(y) < 5 / in g(y) / yes a > 2", "v2 < 5.0 fails:  (2) of g(y) < 5"],
    ),
    "several results": (
        "g(a) = a*2, a*3\nf(x) = { p, q = g(x); p - q }",
        {"x": 1},
        ["mul: in g(x)", "mul: in g(x)", "sub: -"],
    ),
    "defaults": (
        "g(a, b = sum(k^2 for k in 1..3)) = a*b\nf(x, y = sum(k for k in 1..2)) = g(x) + g(y, 5)",
        {"x": 1},
        ["mul: in g(x)", "mul: in g(y, 5)", "add: -"],
    ),
    "relu": (
        "f(x) = relu(x)*2",
        {"x": 3},
        ["v0 == 0.0 fails: in relu(x)", "v0 < 0.0 fails: in relu(x)", "mul: -"],
    ),
    "relu at its kink": (
        "f(x) = relu(x)*x",
        {"x": 0},
        ["v0 == 0.0 holds: in relu(x)", "mul: -"],
    ),
    "softplus": (
        "f(x) = 2*softplus(x)",
        {"x": -3},
        # No arm: the text of the prelude is not the user's.
        ["v0 > 0.0 fails: in softplus(x)", "exp: in softplus(x)", "log1p: in softplus(x)",
         "mul: -"],
    ),
    "softplus mapped": (
        "f(v) = sum(softplus(v))",
        {"v": [1, -1]},
        ["v0 > 0.0 holds: in softplus(v)", "neg: in softplus(v)", "exp: in softplus(v)",
         "log1p: in softplus(v)", "add: in softplus(v)", "v1 > 0.0 fails: in softplus(v)",
         "exp: in softplus(v)", "log1p: in softplus(v)", "add: -"],
    ),
    "sigmoid in an arm in a turn": (
        "f(x) = { y = x; for i in 1..2 { if y < 0.7 { y = sigmoid(y) } else { y = y*2 } }; y }",
        {"x": -1},
        ["v0 < 0.7 holds: i=1 (1) of 1..2",
         "v0 >= 0.0 fails: i=1 (1) of 1..2 / yes y < 0.7 / in sigmoid(y)",
         *3 * ["{}: i=1 (1) of 1..2 / yes y < 0.7 / in sigmoid(y)"],
         "v3 < 0.7 holds: i=2 (2) of 1..2",
         "v3 >= 0.0 holds: i=2 (2) of 1..2 / yes y < 0.7 / in sigmoid(y)",
         *4 * ["{}: i=2 (2) of 1..2 / yes y < 0.7 / in sigmoid(y)"]],
    ),
    "sigmoid mapped in a call": (
        "g(v) = sigmoid(v)\nf(x) = g([x, -x])",
        {"x": -1},
        ["neg: -", "v0 >= 0.0 fails: in g([x, -x]) / in sigmoid(v)",
         *3 * ["{}: in g([x, -x]) / in sigmoid(v)"],
         # -(-x) is x, and its exponential has been made.
         "v1 >= 0.0 holds: in g([x, -x]) / in sigmoid(v)", "div: in g([x, -x]) / in sigmoid(v)"],
    ),
    "the prelude in the prelude": (
        "f(x) = silu(x)",
        {"x": -1},
        # Of a call in the prelude there is no text to show.
        ["v0 >= 0.0 fails: in silu(x) / sigmoid nowhere", *3 * ["{}: in silu(x) / sigmoid nowhere"],
         "mul: in silu(x)"],
    ),
    "a loop in the prelude": (
        "f(v) = logsumexp(v)*2",
        {"v": [1, 2]},
        ["v1 > v0 holds: in logsumexp(v)", *4 * ["{}: in logsumexp(v)"], "mul: -"],
    ),
    "log to a base": (
        "f(x) = log(x, 3)",
        {"x": 2},
        ["ln: logbase log(x, 3)", "div: logbase log(x, 3)"],
    ),
    "the prelude, open": (
        "f(x) = if x > 1 then softplus(x) else x*3",
        None,
        [*7 * ["{}: yes x > 1 / in softplus(x)"], "mul: no x > 1", "select: -"],
    ),
    "relu mapped, open": (
        "f(v[2]) = sum(relu(v))",
        None,
        [*4 * ["select: in relu(v)"], "add: -"],
    ),
    "the main function": ("g(x) = x*5\nf(x) = x*3 + g(x)", {"x": 1}, ["mul: -", "mul: in g(x)", "add: -"]),
}  # fmt: skip

BY_HAND = {
    f"{group}: {name}": case
    for group, cases in (("arms", ARMS), ("loops", LOOPS), ("calls", CALLS))
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", BY_HAND)
def test_places(name: str) -> None:
    """Each operation and comparison in order; {} stands for any operation."""
    text, at, expected = BY_HAND[name]
    found = listing(traced(text, at, is_open=at is None))
    assert len(found) == len(expected), found
    for line, right in zip(found, expected, strict=True):
        if right.startswith("{}"):
            line = re.sub(r"^\w+: ", "{}: ", line)
        assert line == right


def test_a_place_is_one_object() -> None:
    """What happens in one turn, call or arm has one place, and nothing else has it."""
    text = "g(a) = { for i in 1..2 { a = a*3 + i }; a }\nf(x) = { y = x; for k in 1..2 { y = g(y) + g(y + 5) }; y }"
    run = traced(text, {"x": 1})
    found, _ = places(run)
    nodes = list(run.graph.operations())
    turns = [found[node] for node in nodes if written(found[node]).endswith("of 1..2")]
    # Two operations in each of two turns of each of four calls, and two around them.
    inner = [x for x in turns if x is not None and x.name == "i"]
    assert len(inner) == 2 * 2 * 4
    assert [inner[k] is inner[k + 1] for k in range(0, 16, 2)] == [True] * 8
    assert len(set(map(id, inner))) == 8
    assert len({id(x.parent) for x in inner}) == 4
    assert len({id(x.parent.parent) for x in inner if x.parent is not None}) == 2


def test_path() -> None:
    """From the outside to the place itself, or its inner end; and how deep it is."""
    chain: list[Place] = []
    for k in range(5):
        chain.append(Place(TURN, "i", None, chain[-1] if chain else None, k + 1, float(k)))
    for k, place in enumerate(chain):
        assert place.depth == k
        for most in range(1, 8):
            assert place.path(most) == chain[max(0, k + 1 - most) : k + 1]
    assert len({CALL, TURN, YES, NO}) == 4


@given(
    st.lists(st.tuples(st.integers(-1, 30), st.sampled_from([CALL, TURN, YES, NO])), max_size=20)
)
def test_outside_arms(made: list[tuple[int, str]]) -> None:
    """What is used elsewhere is in no arm that the use is not in."""
    tree: list[Place] = []
    for k, (parent, kind) in enumerate(made):
        tree.append(Place(kind, "g", None, tree[parent % k] if parent >= 0 and k else None))
    for one, other in itertools.product(tree, [*tree, None]):
        own, user = around(one), around(other)
        arms = [k for k, x in enumerate(own) if x.kind in (YES, NO) and x not in user]
        expected = own[: arms[0]] if arms else own
        assert around(one.outside_arms(other)) == expected


def test_derivatives_have_no_place() -> None:
    """What is recorded behind the program is from nowhere in it, and changes nothing."""
    text = "f(x) = { y = x; for i in 1..2 { y = sin(y) }; y }"
    early, late = traced(text, {"x": 1}), traced(text, {"x": 1})
    size = len(early.graph)
    right, _ = places(early)
    for run in (early, late):
        forward(run.graph, {0: 1.0}, over_graph(run.graph))
        assert len(run.graph) > size
        found, _ = places(run)
        assert list(map(written, found[:size])) == list(map(written, right))
        assert not any(found[size:])
    assert written(right[size - 1]) == "i=2 (2) of 1..2"


def test_nobody_asks() -> None:
    """Without a history there is none."""
    program = Program(Source("f(x) = if x > 0 then x else -x", "test"))
    assert program.run({"x": 1}).history is None
    assert program.open({}).history is None


def test_deep_recursion() -> None:
    """Ten thousand calls inside each other, each with its own place."""
    text = "g(a, n) = if n < 1 then a else g(a + 1, n - 1)\nf(x) = g(x, 10000)"
    found, decisions = places(traced(text, {"x": 1}))
    assert decisions == []
    made = [x for x in found if x is not None]
    assert len(made) == 10_000
    # Through each call around it, and the arm of it that calls again.
    for depth in (1, 2, 5_000, 10_000):
        path = around(made[depth - 1])
        assert [x.kind for x in path] == [CALL, NO] * depth
        assert path[0].span is not None
        assert path[0].span.text == "g(x, 10000)"


# The same graph, told of or not.


def described(condition: Condition) -> Any:
    """What a condition is, for comparing."""
    parts = tuple(described(part) for part in condition.parts)
    return condition.kind, condition.sign, tuple(map(repr, condition.scalars)), parts


def everything(run: Run) -> Any:
    """All that a run is, its history aside, to the bit."""
    graph = run.graph
    columns = [x.tobytes() for x in (graph.op, graph.left, graph.right, graph.value, graph.where)]
    chooses = []
    if isinstance(graph, OpenGraph):
        chooses = [(node, described(condition)) for node, condition in graph.chooses.items()]
    inputs = [(item.name, item.shape, item.nodes) for item in run.inputs]
    results = [(name, repr(scalar)) for name, scalar in run.results.items()]
    return columns, chooses, inputs, results, run.equalities, run.kinks, repr(graph.folded)


def assert_not_disturbed(program: Program, at: Mapping[str, Any], *, is_open: bool) -> Run:
    """Running with a history makes the same graph; the run with it."""
    run = program.open if is_open else program.run
    with_history = run(at, history=History())
    assert everything(with_history) == everything(run(at))
    return with_history


SAMPLES = sorted((ROOT / "samples").glob("*.ad"))
PROGRAMS = sorted((ROOT / "tests" / "cases" / "programs").glob("*.txt"))


def opens(program: Program) -> bool:
    """Whether a program has a graph without values."""
    try:
        program.open({})
    except AdcliError:
        return False
    return True


@cache
def texts() -> dict[str, tuple[str, dict[str, float]]]:
    """The samples, and the cases with the numbers that their commands give."""
    found: dict[str, tuple[str, dict[str, float]]] = {}
    for path in SAMPLES:
        found[path.name] = (path.read_text(encoding="utf-8"), {})
    for path in PROGRAMS:
        text, _, rest = path.read_text(encoding="utf-8").partition("\n# $ adcli ")
        command, *words = rest.partition("\n")[0].split()
        given = dict(re.findall(r"(\w+)=(-?[\d.]+)(?: |$)", " ".join(words)))
        if command == "eval" and words[:1] == ["SOURCE"] and len(given) == len(words) - 1:
            found[path.name] = (text, {name: float(x) for name, x in given.items()})
    return found


TEXTS = [path.name for path in (*SAMPLES, *PROGRAMS) if path.name in texts()]


def test_there_are_enough_texts() -> None:
    """Most cases are run as they are, and a good part has a graph without values."""
    assert len(SAMPLES) >= 15
    assert len(TEXTS) >= len(SAMPLES) + 70
    assert sum(opens(Program(Source(text, "test"))) for text, _ in texts().values()) >= 60


@pytest.mark.parametrize("name", TEXTS)
def test_samples_and_cases(name: str) -> None:
    """Of every sample and case the graph stays as it is, and places are where the text says."""
    text, at = texts()[name]
    program = Program(Source(text, name))
    assert_text_agrees(assert_not_disturbed(program, at, is_open=False))
    if opens(program):
        assert_text_agrees(assert_not_disturbed(program, {}, is_open=True))


# What the syntax tree says: the loops and arms around a piece of text.

Around = tuple[tuple[str, str, str], ...]


def surroundings(source: Source) -> dict[tuple[int, int], Around]:
    """For each piece of syntax the loops and arms it is in: kind, variable and text."""
    found: dict[tuple[int, int], Around] = {}
    pending: list[tuple[Any, Around]] = [(item, ()) for item in parse(source, is_function)]
    while pending:
        node, around = pending.pop()
        if isinstance(node, list):
            pending += [(item, around) for item in node]
        elif isinstance(node, syntax.Node):
            assert found.setdefault((node.start, node.end), around) == around
            for part in type(node).__slots__:
                inner = around + inside(source, node, part)
                pending.append((getattr(node, part), inner))
    return found


def inside(source: Source, node: syntax.Node, part: str) -> Around:
    """What one part of a form is inside of, besides what the form is in."""

    def text(of: syntax.Node) -> str:
        return source.text[of.start : of.end]

    match node:
        case syntax.For() | syntax.Comprehension() if part == "body":
            return ((TURN, node.variable, text(node.domain)),)
        case syntax.While():
            return ((TURN, "", text(node.condition)),)
        case syntax.If() | syntax.Choice() if part in ("yes", "no"):
            return ((YES if part == "yes" else NO, "", text(node.condition)),)
    return ()


def assert_text_agrees(run: Run) -> None:
    """The loops and arms of each place are those around the text of the operation or call."""
    source = run.program.source
    by_text = surroundings(source)
    found, decisions = places(run)
    for node in run.graph.operations():
        place, where = found[node], run.graph.where[node]
        span = run.span(node)
        assert span is not None
        path = around(place)
        calls = [k for k, one in enumerate(path) if one.kind == CALL]
        if where < -1:  # of the prelude
            assert path[-1].kind == CALL
            assert is_function(path[-1].name)
        pieces = [path[a + 1 : b] for a, b in zip([-1, *calls], [*calls, len(path)], strict=True)]
        spans = [path[k].span for k in calls]
        if where >= -1:
            spans.append(span)
        else:
            assert pieces.pop() == []
            # Called in the text; and perhaps from inside the prelude too, which has none.
            while spans[-1] is None:
                spans.pop()
                assert pieces.pop() == []
            assert (spans[-1].start, spans[-1].end) == (span.start, span.end)
        for piece, inner in zip(pieces, spans, strict=True):
            assert inner is not None
            assert inner.source is source
            right = by_text[inner.start, inner.end]
            assert tuple((x.kind, x.name, x.span.text if x.span else "") for x in piece) == right
        for one in path:
            assert (one.number >= 1) == (one.kind == TURN)
    values = [run.graph.value[x] if type(x) is int else x for d in decisions for x in d.scalars]
    assert all(any(type(x) is int for x in d.scalars) for d in decisions)
    for k, decision in enumerate(decisions):
        assert decision.holds is SIGNS[decision.sign](values[2 * k], values[2 * k + 1])
        assert all(x < decision.before for x in decision.scalars if type(x) is int)
    assert [x.before for x in decisions] == sorted(x.before for x in decisions)
    if run.graph.is_open:
        assert decisions == []


# Random programs, with a simulation of each.


class Spot:
    """A place that is expected."""

    def __init__(
        self,
        parent: Spot | None,
        kind: str,
        name: str,
        text: str | None,
        number: int = 0,
        value: float | None = None,
    ) -> None:
        self.parent = parent
        self.expected = (kind, name, text, number, value)

    def path(self) -> list[Spot]:
        """From the outside to itself."""
        return [*(self.parent.path() if self.parent else ()), self]


class Made:
    """A node that is expected: an input, an operation, or what two arms leave."""

    def __init__(
        self, kind: str, operands: tuple[Any, ...], value: float | None, spot: Spot | None
    ) -> None:
        self.kind = kind
        self.operands = operands
        self.value = value
        self.spot = spot


Number = float | Made
# Whether a condition holds; if nothing can say, what it is made of.
Holds = bool | tuple[Any, ...]

VALUES: dict[str, Callable[..., float | None]] = {
    "add": operator.add,
    "sub": operator.sub,
    "max": max,
    "neg": operator.neg,
    # Nothing is decided on these.
    "exp": lambda u: None,
    "log1p": lambda u: None,
    "div": lambda u, w: None,
    "mul": lambda u, w: None,
}
Variables = dict[str, Any]


class Walk:
    """What a program should do: its operations and comparisons, in order."""

    def __init__(self, inputs: Mapping[str, float] | None, names: Sequence[str]) -> None:
        self.is_open = inputs is None
        self.inputs = [
            Made("input", (), None if inputs is None else inputs[name], None) for name in names
        ]
        self.spot: Spot | None = None
        self.operations: list[Made] = []
        self.decisions: list[tuple[int, str, tuple[Number, Number], bool, Spot | None]] = []
        self._known: dict[Any, Made] = {}

    @contextmanager
    def inside(self, *what: Any) -> Iterator[None]:
        """Whatever happens meanwhile is in this place."""
        before = self.spot
        self.spot = Spot(before, *what)
        yield
        self.spot = before

    def make(self, kind: str, *operands: Number) -> Number:
        """An operation, made once."""
        numbers = [x.value if isinstance(x, Made) else x for x in operands]
        if not any(isinstance(x, Made) for x in operands):
            return VALUES[kind](*numbers)
        key = (kind, *operands)
        if key not in self._known:
            value = None if None in numbers else VALUES[kind](*numbers)
            self._known[key] = Made(kind, operands, value, self.spot)
            self.operations.append(self._known[key])
        return self._known[key]

    def compare(self, sign: str, one: Number, other: Number) -> Holds:
        """A comparison: whether it holds, if anything can say."""
        if not isinstance(one, Made) and not isinstance(other, Made):
            return SIGNS[sign](one, other)
        if self.is_open:
            return sign, one, other
        numbers = [x.value if isinstance(x, Made) else x for x in (one, other)]
        holds = SIGNS[sign](*numbers)
        before = len(self.operations)
        self.decisions.append((before, sign, (one, other), holds, self.spot))
        return holds

    def choose(self, holds: Holds, yes: Callable[[], Number], no: Callable[[], Number]) -> Number:
        """What one arm or the other leaves, or what is chosen between both, made once."""
        if isinstance(holds, bool):
            return yes() if holds else no()
        one, other = yes(), no()
        if one is other:
            return one
        key = ("select", holds, one, other)
        return self._known.setdefault(key, Made("select", (one, other), None, self.spot))


class Piece:
    """Lines of a program, and what they do; a condition or expression has one."""

    def __init__(self, lines: list[str], run: Callable[[Walk, Variables], Any]) -> None:
        self.lines = lines
        self.run = run

    @property
    def text(self) -> str:
        """Of an expression."""
        (line,) = self.lines
        return line


class Writer:
    """Makes a program in which every operation has one expected place.

    Each function has a variable that is added to again and again, so that each operation
    is a new one. Every condition, call and domain has a number of its own in it, so that
    its text is found once in the program.

    Args:
        chooser: makes the choices.
        is_open: whether nothing may depend on values.
    """

    def __init__(self, chooser: random.Random, *, is_open: bool) -> None:
        self.chooser = chooser
        self.is_open = is_open
        self.count = 1000
        self.functions: list[tuple[str, Callable[[Walk, Number], Number]]] = []
        self.definitions: list[list[str]] = []
        # What is around the piece being made, so that programs end.
        self.depth = 0

    def choose(self, *options: Any) -> Any:
        """One of them."""
        return options[self.chooser.randrange(len(options))]

    def number(self) -> int:
        """One that is nowhere else; a last 0 would not be written."""
        self.count += 1 if self.count % 10 < 9 else 2
        return self.count

    def threshold(self) -> float:
        """The same, near the values of variables."""
        return float(f"{self.chooser.randrange(-4, 30)}.{self.number()}")

    def plus(self, name: str) -> Piece:
        """An expression: the variable and a number."""
        step = self.choose(1, 2, 3)
        return Piece([f"{name} + {step}"], lambda w, v: w.make("add", v[name], float(step)))

    # Conditions

    def condition(self, name: str, depth: int = 2) -> Piece:
        """A condition on the variable, or on constants alone."""
        kind = self.choose(
            "plain", "plain", "swapped", "constant", "not", "and", "or", "chain", "sum"
        )
        if depth == 0 and kind in ("not", "and", "or"):
            kind = "plain"
        sign = self.choose(*SIGNS)
        limit = self.threshold()
        match kind:
            case "plain":
                return Piece(
                    [f"{name} {sign} {limit}"], lambda w, v: w.compare(sign, v[name], limit)
                )
            case "swapped":
                return Piece(
                    [f"{limit} {sign} {name}"], lambda w, v: w.compare(sign, limit, v[name])
                )
            case "constant":
                return Piece([f"{limit} {sign} 7"], lambda w, v: w.compare(sign, limit, 7.0))
            case "sum":

                def of_sum(w: Walk, v: Variables) -> Holds:
                    return w.compare(sign, w.make("add", v[name], 4.0), limit)

                return Piece([f"{name} + 4 {sign} {limit}"], of_sum)
            case "chain":
                least = self.threshold()

                def chain(w: Walk, v: Variables) -> Holds:
                    first = w.compare("<", least, v[name])
                    if first is False:
                        return first
                    second = w.compare(sign, v[name], limit)
                    return second if first is True else ("and", first, second)

                return Piece([f"{least} < {name} {sign} {limit}"], chain)
        one = self.condition(name, depth - 1)
        if kind == "not":

            def negated(w: Walk, v: Variables) -> Holds:
                holds = one.run(w, v)
                return not holds if isinstance(holds, bool) else ("not", holds)

            return Piece([f"not ({one.text})"], negated)
        other = self.condition(name, depth - 1)

        def logical(w: Walk, v: Variables) -> Holds:
            decides = kind == "or"
            first: Holds = one.run(w, v)
            if first is decides:
                return decides
            second: Holds = other.run(w, v)
            if isinstance(first, bool):
                return second
            if isinstance(second, bool):
                return decides if second is decides else first
            return kind, first, second

        return Piece([f"({one.text}) {kind} ({other.text})"], logical)

    # Expressions

    def expression(self, name: str, depth: int) -> Piece:
        """What is made of the variable: more of it, a choice, or a call."""
        kind = self.choose("plus", "choice", "call") if depth else "plus"
        if kind == "call" and self.functions:
            return self.call(name)
        if kind != "choice":
            return self.plus(name)
        condition = self.condition(name)
        yes, no = self.expression(name, depth - 1), self.expression(name, depth - 1)
        if self.choose(True, False, False):  # a leaf
            no = Piece([name], lambda w, v: v[name])

        def choose(w: Walk, v: Variables) -> Number:
            holds = condition.run(w, v)

            def arm(kind: str, piece: Piece) -> Number:
                with w.inside(kind, "", condition.text):
                    found: Number = piece.run(w, v)
                    return found

            return w.choose(holds, lambda: arm(YES, yes), lambda: arm(NO, no))

        return Piece([f"(if {condition.text} then {yes.text} else {no.text})"], choose)

    def call(self, name: str) -> Piece:
        """A call of a function."""
        function, body = self.choose(*self.functions)
        text = f"{function}({name}, {self.number()})"

        def run(w: Walk, v: Variables) -> Number:
            with w.inside(CALL, function, text):
                return body(w, v[name])

        return Piece([text], run)

    # Statements

    def block(self, name: str) -> Piece:
        """Statements, of which one adds to the variable whatever happens."""
        self.depth += 1
        pieces = []
        for _ in range(self.choose(1, 2, 3) if self.depth < 4 else 0):
            kind = self.choose("step", "expression", "if", "if", "range", "vector", "counted", "while", "comprehension", "prelude")  # fmt: skip
            pieces.append(getattr(self, f"_{kind}")(name))
        position = self.chooser.randrange(len(pieces) + 1)
        pieces.insert(position, self.assign(name, self.plus(name)))
        self.depth -= 1

        def run(w: Walk, v: Variables) -> None:
            for piece in pieces:
                piece.run(w, v)

        return Piece([line for piece in pieces for line in piece.lines], run)

    def assign(self, name: str, value: Piece) -> Piece:
        """The variable becomes something else."""

        def run(w: Walk, v: Variables) -> None:
            v[name] = value.run(w, v)

        return Piece([f"{name} = {value.text}"], run)

    def _step(self, name: str) -> Piece:
        step = self.choose(1, 2)

        def run(w: Walk, v: Variables) -> None:
            v[name] = w.make("add", v[name], float(step))

        return Piece([f"{name} += {step}"], run)

    def _expression(self, name: str) -> Piece:
        return self.assign(name, self.expression(name, 2))

    def _if(self, name: str) -> Piece:
        condition, yes = self.condition(name), self.block(name)
        lines = [f"if {condition.text} {{", *yes.lines]
        match self.choose("none", "else", "else if"):
            case "none":
                no = Piece([], lambda w, v: None)
                lines += ["}"]
            case "else":
                no = self.block(name)
                lines += ["} else {", *no.lines, "}"]
            case _:
                no = self._if(name)
                lines += [f"}} else {no.lines[0]}", *no.lines[1:]]

        def run(w: Walk, v: Variables) -> None:
            holds = condition.run(w, v)

            def arm(kind: str, piece: Piece) -> Number:
                own = dict(v)
                with w.inside(kind, "", condition.text):
                    piece.run(w, own)
                found: Number = own[name]
                return found

            v[name] = w.choose(holds, lambda: arm(YES, yes), lambda: arm(NO, no))

        return Piece(lines, run)

    def _loop(
        self, name: str, domain: str, items: Callable[[Walk, Variables], list[Number]]
    ) -> Piece:
        variable = f"i{self.number()}"
        body = self.block(name)
        limit = float(self.count)
        extra = self.choose(True, False)
        lines = [f"for {variable} in {domain} {{", *body.lines]
        if extra:
            lines += [f"if {variable} < {limit} {{", f"{name} += 1", "}"]

        def more(w: Walk, v: Variables) -> Number:
            with w.inside(YES, "", f"{variable} < {limit}"):
                return w.make("add", v[name], 1.0)

        def run(w: Walk, v: Variables) -> None:
            for turn, item in enumerate(items(w, v), 1):
                value = None if isinstance(item, Made) else item
                with w.inside(TURN, variable, domain, turn, value):
                    body.run(w, v)
                    if extra:
                        holds = w.compare("<", item, limit)
                        v[name] = w.choose(holds, lambda: more(w, v), lambda: v[name])

        return Piece([*lines, "}"], run)

    def _range(self, name: str) -> Piece:
        first, turns = self.number(), self.choose(0, 1, 2, 3)
        numbers = [float(first + 2 * k) for k in range(turns)]
        return self._loop(name, f"{first}..{first + 2 * turns - 1} by 2", lambda w, v: [*numbers])

    def _vector(self, name: str) -> Piece:
        first, second = self.number(), self.number()
        if self.choose(True, False):
            text = f"[{first}, {name}, {second}]"
            return self._loop(name, text, lambda w, v: [float(first), v[name], float(second)])
        text = f"[{first}, {second}]"
        return self._loop(name, text, lambda w, v: [float(first), float(second)])

    def _counted(self, name: str) -> Piece:
        counter = f"n{self.number()}"
        most = self.choose(0, 1, 2)
        body = self.block(name)
        condition = f"{counter} < {most}"
        lines = [f"{counter} = 0", f"while {condition} {{", *body.lines, f"{counter} += 1", "}"]

        def run(w: Walk, v: Variables) -> None:
            for turn in range(1, most + 1):
                with w.inside(TURN, "", condition, turn):
                    body.run(w, v)

        return Piece(lines, run)

    def _while(self, name: str) -> Piece:
        """On the variable, which grows in each turn."""
        if self.is_open:
            return self._counted(name)
        limit = self.threshold()
        test = self.choose(
            Piece([f"{name} < {limit}"], lambda w, v: w.compare("<", v[name], limit)),
            Piece([f"{name} + 5 <= {limit}"],
                  lambda w, v: w.compare("<=", w.make("add", v[name], 5.0), limit)),
            Piece([f"not {name} > {limit}"], lambda w, v: not w.compare(">", v[name], limit)),
        )  # fmt: skip
        body = self.block(name)

        def run(w: Walk, v: Variables) -> None:
            turn, goes_on = 0, True
            while goes_on:
                turn += 1
                with w.inside(TURN, "", test.text, turn):
                    goes_on = test.run(w, v)
                    if goes_on:
                        body.run(w, v)

        return Piece([f"while {test.text} {{", *body.lines, "}"], run)

    def _comprehension(self, name: str) -> Piece:
        """The variable becomes the largest of several made in turns."""
        variable, first = f"i{self.number()}", self.number()
        turns = self.choose(1, 2, 3)
        domain = f"{first}..{first + turns - 1}"
        item = self.expression(name, 1)
        shown = f"{item.text} + {variable}"
        text = self.choose(f"max({shown} for {variable} in {domain})", f"max([{shown} for {variable} in {domain}])")  # fmt: skip

        def run(w: Walk, v: Variables) -> None:
            found: list[Number] = []
            for turn in range(1, turns + 1):
                value = float(first + turn - 1)
                with w.inside(TURN, variable, domain, turn, value):
                    found.append(w.make("add", item.run(w, v), value))
            total = found[0]
            for other in found[1:]:
                total = w.make("max", total, other)
            v[name] = total

        return Piece([f"{name} = {text}"], run)

    def _prelude(self, name: str) -> Piece:
        """A function of the prelude, of a number or of two; what it gives is not used."""
        function = self.choose("relu", "softplus", "sigmoid", "silu")
        limits = [self.threshold() for _ in range(self.choose(1, 2))]
        shown = ", ".join(f"{name} - {limit}" for limit in limits)
        shown = shown.replace("- -", "+ ")
        argument = shown if len(limits) == 1 else f"[{shown}]"
        text = f"{function}({argument})"

        def run(w: Walk, v: Variables) -> None:
            moved = [
                w.make("sub", v[name], limit) if limit >= 0 else w.make("add", v[name], -limit)
                for limit in limits
            ]
            for x in moved:
                with w.inside(CALL, function, text):
                    PRELUDE[function](w, x)

        return Piece([f"p{self.number()} = {text}"], run)

    # The whole

    def function(self) -> None:
        """Define a function that what follows may call."""
        number = self.number()
        name, own = f"g{number}", f"a{number}"
        head = f"{name}({own}, t)"
        kind = self.choose("block", "expression", "recursion")
        if kind == "recursion":
            self._recursion(name, own)
            return
        if kind == "expression":
            value = self.expression(own, 2)
            self.definitions.append([f"{head} = {value.text}"])
            self.functions.append((name, lambda w, x: value.run(w, {own: x})))
            return
        body = self.block(own)

        def run(w: Walk, x: Number) -> Number:
            variables = {own: x}
            body.run(w, variables)
            return variables[own]

        self.definitions.append([f"{head} = {{", *body.lines, own, "}"])
        self.functions.append((name, run))

    def _recursion(self, name: str, own: str) -> None:
        """A function that calls itself a few times."""
        wrapper = f"h{self.number()}"
        condition = f"n < 0.{self.number()}"
        again, base = self.plus(own), self.expression(own, 1)
        inner = f"{name}({again.text}, n - 1, {self.number()})"
        outer = f"{name}({own}, {self.choose(0, 1, 2)}, {self.number()})"
        depth = float(outer.split(", ")[1])

        def recur(w: Walk, x: Number, n: float) -> Number:
            if n < 0.5:
                with w.inside(YES, "", condition):
                    found: Number = base.run(w, {own: x})
                    return found
            with w.inside(NO, "", condition):
                more = again.run(w, {own: x})
                with w.inside(CALL, name, inner):
                    return recur(w, more, n - 1)

        def run(w: Walk, x: Number) -> Number:
            with w.inside(CALL, name, outer):
                return recur(w, x, depth)

        self.definitions.append(
            [f"{name}({own}, n, t) = if {condition} then {base.text} else {inner}"]
        )
        self.definitions.append([f"{wrapper}({own}, t) = {outer}"])
        self.functions.append((wrapper, run))

    def program(self) -> tuple[str, Callable[[Walk], Number]]:
        """A text and what it does."""
        for _ in range(self.choose(0, 1, 2, 3)):
            self.function()
        body = self.block("y")
        lines = ["y = x", *body.lines, "y"]
        if self.choose(True, False):
            lines = ["f(x) = {", *lines, "}"]
        text = "\n".join(line for block in [*self.definitions, lines] for line in block)

        def run(walk: Walk) -> Number:
            variables = {"y": walk.inputs[0]}
            body.run(walk, variables)
            return variables["y"]

        return text, run


def _relu(w: Walk, x: Number) -> Number:
    def positive() -> Number:
        return w.choose(w.compare("<", x, 0.0), lambda: 0.0, lambda: x)

    return w.choose(w.compare("==", x, 0.0), lambda: 0.0, positive)


def _softplus(w: Walk, x: Number) -> Number:
    def positive() -> Number:
        return w.make("add", x, w.make("log1p", w.make("exp", w.make("neg", x))))

    return w.choose(w.compare(">", x, 0.0), positive, lambda: w.make("log1p", w.make("exp", x)))


def _sigmoid(w: Walk, x: Number) -> Number:
    def positive() -> Number:
        return w.make("div", 1.0, w.make("add", 1.0, w.make("exp", w.make("neg", x))))

    def negative() -> Number:
        power = w.make("exp", x)
        return w.make("div", power, w.make("add", 1.0, w.make("exp", x)))

    return w.choose(w.compare(">=", x, 0.0), positive, negative)


def _silu(w: Walk, x: Number) -> Number:
    with w.inside(CALL, "sigmoid", None):
        inner = _sigmoid(w, x)
    return w.make("mul", x, inner)


PRELUDE: dict[str, Callable[[Walk, Number], Number]] = {
    "relu": _relu,
    "softplus": _softplus,
    "sigmoid": _sigmoid,
    "silu": _silu,
}


class Agreement:
    """Compares a run with what was expected of it, node by node."""

    def __init__(self, run: Run, walk: Walk) -> None:
        self.run = run
        self.walk = walk
        self.text = run.program.source.text
        self.found, self.decisions = places(run)
        self.nodes: dict[Made, int] = dict(zip(walk.inputs, run.graph.inputs, strict=True))
        self.spots: dict[Spot, Place] = {}

    def check(self, result: Number) -> None:
        """All of it."""
        graph = self.run.graph
        nodes = [node for node in graph.operations() if graph.op[node] != SELECT]
        names = [operation_name(graph.op[node]) for node in nodes]
        assert names == [made.kind for made in self.walk.operations]
        for node, made in zip(nodes, self.walk.operations, strict=True):
            self.nodes[made] = node
            for operand, expected in zip(graph.operands(node), made.operands, strict=True):
                self.operand(operand, expected)
            self.place(self.found[node], made.spot)
            if made.value is not None:
                assert made.value == graph.value[node]
        (scalar,) = self.run.results.values()
        assert type(scalar) is int
        self.operand(scalar, result)
        self.comparisons()
        # One object is one place.
        assert len(set(map(id, self.spots.values()))) == len(self.spots)

    def operand(self, node: int, expected: Number) -> None:
        """An operand is the one that is expected."""
        graph = self.run.graph
        if not isinstance(expected, Made):
            assert graph.op[node] == CONSTANT
            assert graph.value[node] == expected
        elif expected.kind == "select":
            assert graph.op[node] == SELECT
            self.place(self.found[node], expected.spot)
        else:
            assert node == self.nodes[expected]
            assert (graph.op[node] == INPUT) == (expected.kind == "input")

    def place(self, place: Place | None, spot: Spot | None) -> None:
        """A place is the one that is expected."""
        path = around(place)
        right = [] if spot is None else spot.path()
        shown = [
            (one.kind, one.name, one.span and one.span.text, one.number, one.value) for one in path
        ]
        assert shown == [one.expected for one in right]
        for one, other in zip(path, right, strict=True):
            assert self.spots.setdefault(other, one) is one
            if one.span is not None:
                assert self.text.count(one.span.text) == 1

    def comparisons(self) -> None:
        """The comparisons are those that are expected."""
        graph = self.run.graph
        assert len(self.decisions) == len(self.walk.decisions)
        for decision, right in zip(self.decisions, self.walk.decisions, strict=True):
            before, sign, scalars, holds, spot = right
            assert (decision.sign, decision.holds) == (sign, holds)
            codes = graph.op[: decision.before]
            assert sum(code > CONSTANT for code in codes) == before
            for scalar, expected in zip(decision.scalars, scalars, strict=True):
                if isinstance(expected, Made):
                    assert type(scalar) is int
                    assert scalar == self.nodes[expected]
                else:
                    assert (type(scalar), scalar) == (float, expected)
            self.place(decision.place, spot)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.randoms(use_true_random=False), st.booleans(), st.integers(-5, 5))
def test_any_program(chooser: random.Random, is_open: bool, start: int) -> None:
    """Programs that nobody wrote do what their simulation says, where it says."""
    text, simulate = Writer(chooser, is_open=is_open).program()
    walk = Walk(None if is_open else {"x": float(start)}, ["x"])
    result = simulate(walk)
    at = {} if is_open else {"x": float(start)}
    run = assert_not_disturbed(Program(Source(text, "test")), at, is_open=is_open)
    Agreement(run, walk).check(result)
    assert_text_agrees(run)


@pytest.mark.parametrize("is_open", [False, True])
def test_random_programs_have_everything(is_open: bool) -> None:
    """The programs that are made come into every kind of place, in every kind of place."""
    seen = set()
    signs = set()
    for seed in range(100):
        _, simulate = Writer(random.Random(seed), is_open=is_open).program()
        walk = Walk(None if is_open else {"x": float(seed % 11 - 5)}, ["x"])
        simulate(walk)
        for made in walk.operations:
            kinds = [one.expected[0] for one in (made.spot.path() if made.spot else [])]
            seen |= set(itertools.pairwise(kinds))
        signs |= {(sign, holds) for _, sign, _, holds, _ in walk.decisions}
    every = (CALL, TURN, YES, NO)
    assert seen >= {(outer, inner) for outer in every for inner in every}
    if is_open:
        assert not signs
    else:
        assert signs >= {
            (sign, holds) for sign in ("<", "<=", ">", ">=") for holds in (True, False)
        }
