"""What is printed as a program is one: it is read again as what it was.

That is the derivatives of `diff`, each alone, together, and with names for equal parts. Read
again and printed again, a text is the same; but for the order of some sums in products, which
is that of the operations before: then it is the same from there on.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from grammar_programs import any_program, from_grammar, well_meant
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nested import texts
from targets import point

from adcli.differentiate.expressions import Reader
from adcli.differentiate.symbolic import Symbolic, symbolic
from adcli.errors import AdcliError, Source
from adcli.graph.program import Input, Program
from adcli.render.expressions import Writer
from adcli.render.symbolic import Derivatives

MOST_OPERATIONS = 2_000
# Of derivatives written out.
MOST_WRITTEN = 400
# Nearly always a text gives the number to the bit.
ROUNDING = 1e-9
TOO_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def formulas(text: str) -> tuple[Symbolic, dict[str, Any]] | None:
    """The derivatives of a program, if it has some that are not too long, and a point."""
    try:
        program = Program(Source(text))
        at = point(program)
        results = program.run(at, MOST_OPERATIONS).results
        found = symbolic(program, at, None, next(iter(results), None), MOST_OPERATIONS)
    except AdcliError:
        return None
    return (found, at) if found.raw <= MOST_WRITTEN else None


def with_inputs(text: str, every: Sequence[Input]) -> str:
    """A formula as a function of all inputs in their order, which that of its terms follows."""
    if text.startswith("derivative"):
        return text
    shown = (
        item.name + (f"[{','.join(map(str, item.shape))}]" if item.shape else "") for item in every
    )
    return f"f({', '.join(shown)}) = {text}"


def printed_again(text: str, every: Sequence[Input], at: Mapping[str, Any]) -> str:
    """A formula read and printed."""
    program = Program(Source(with_inputs(text, every)))
    known = {name: x for name, x in at.items() if name in program.inputs}
    run = program.open(known, 10 * MOST_OPERATIONS)
    elements = {node: label for label, node in run.elements.items()}
    (result,) = run.results.values()
    (expression,) = Reader(run.graph, elements, len(run.graph)).read([result])
    return Writer("text", {}, frozenset(program.inputs)).write(expression)


def values(text: str, at: Mapping[str, Any]) -> list[float]:
    """The results of a printed program, which may have only some of the inputs."""
    program = Program(Source(text))
    run = program.run({name: at[name] for name in program.inputs}, 100 * MOST_OPERATIONS)
    return list(run.values().values())


def flat(at: Mapping[str, Any]) -> dict[str, float]:
    """The elements of inputs by name."""
    found: dict[str, float] = {}
    for name, value in at.items():
        if not isinstance(value, list):
            found[name] = float(value)
            continue
        for i, row in enumerate(value, 1):
            if isinstance(row, list):
                found.update({f"{name}[{i},{j}]": float(x) for j, x in enumerate(row, 1)})
            else:
                found[f"{name}[{i}]"] = float(row)
    return found


def moved(value: Any, chooser: random.Random) -> Any:
    """An input elsewhere."""
    if isinstance(value, list):
        return [moved(item, chooser) for item in value]
    return value + chooser.randrange(-64, 64) / 32


def check(text: str, chooser: random.Random) -> str:
    """Print and read again; what came of it: "same", "ordered", or "" if there is no formula."""
    made = formulas(text)
    if made is None:
        return ""
    found, at = made
    what = "same"
    derivatives = Derivatives(found)
    alone = list(texts(list(derivatives.derivatives.values())))
    for one in alone:
        if one.startswith("derivative"):  # its inputs are named like constants
            Program(Source(one))
            continue
        again = printed_again(one, found.every, at)
        assert printed_again(again, found.every, at) == again, (text, one)
        if again != one:
            what = "ordered"
    programs = derivatives.program, Derivatives(found, shared=True).program
    for _ in range(3):
        there = {name: moved(value, chooser) for name, value in at.items()}
        exact = found.evaluate(flat(there))
        ways = [[x for one in alone for x in values(one, there)]]
        ways += [values(program, there) for program in programs]
        for way in ways:
            assert len(way) == len(exact)
            for got, number in zip(way, exact, strict=True):
                assert same(got, number), (text, alone, there, got, number)
    return what


def same(one: float, other: float) -> bool:
    """Equal numbers but for rounding, or both nan."""
    if one == other or (math.isnan(one) and math.isnan(other)):
        return True
    return abs(one - other) <= ROUNDING * max(abs(other), 1.0)


@cache
def outcomes() -> Counter[str]:
    """What came of the first programs."""
    found: Counter[str] = Counter()
    for seed in range(400):
        chooser = random.Random(seed)
        text = from_grammar(chooser) if seed % 4 else well_meant(chooser)
        found[check(text, chooser)] += 1
    return found


def test_most_texts_are_the_same_again() -> None:
    found = outcomes()
    assert found["same"] >= 60
    assert found["ordered"] <= found["same"] // 20


@settings(max_examples=150, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_print_and_parse(chooser: random.Random) -> None:
    check(any_program(chooser), chooser)


@pytest.mark.thorough
@settings(max_examples=5_000, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_print_and_parse_of_many(chooser: random.Random) -> None:
    check(any_program(chooser), chooser)
