"""Forward, reverse, symbolic and batch: four ways to one gradient, of programs nobody wrote.

Programs with a reference are held against 60-digit differences in each way. Programs without
one have values of every kind, edges and what is not finite; there rows of a table are held
against the point, and the two modes against each other.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from generated_programs import make
from grammar_programs import Writer
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from mpmath import mpf
from reference_machine import Rejected
from targets import point
from test_print_and_parse import flat, moved

import adcli
from adcli.differentiate.columns import compiled as compile_columns
from adcli.differentiate.gradient import gradient
from adcli.differentiate.rows import Wanted
from adcli.differentiate.symbolic import symbolic
from adcli.errors import AdcliError, LimitError, ProgramError, Source
from adcli.graph.program import Program

RELATIVE = 1e-12
# Formulas are rearranged, and lose a little more where terms cancel.
RELATIVE_OF_FORMULAS = 1e-9
MOST_OPERATIONS = 1_000
TOO_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def close(got: float, exact: Any, relative: float) -> bool:
    """Whether a number is right, relative to itself."""
    return bool(abs(mpf(got) - exact) <= relative * abs(exact))


def with_reference(chooser: random.Random) -> dict[str, int]:
    """Try a program in each way; which of them it has.

    Raises:
        Rejected: the program says nothing about accuracy.
    """
    program, reference = make(chooser)
    compiled = adcli.load(program.text)
    exact = reference.numbers()
    names = list(flat(program.at))
    found: dict[str, list[float]] = {}
    for mode in ("forward", "reverse"):
        made = compiled.grad(program.at, mode=mode)  # type: ignore[arg-type]  # one of two
        by_name = {name: made.gradient[name] for name in program.at}
        found[mode] = [made.value, *flat(by_name).values()]
    (result,) = compiled.results
    columns = {name: np.array([x, x], float) for name, x in program.at.items()}
    try:
        rows = compiled.columns(columns, jobs=1)
        found["batch"] = [rows[result][1], *(rows[f"d{result}_d{name}"][1] for name in names)]
    except ProgramError as error:
        if "recursion" not in str(error):
            raise
    try:
        formulas = symbolic(compiled._compiled, program.at, None, None, 10_000)
        there = flat(program.at)
        by_label = dict(zip(formulas.names, formulas.evaluate(there), strict=True))
        found["symbolic"] = [float(exact[0]), *(by_label[name] for name in names)]
    except (ProgramError, LimitError):
        pass  # a loop, a recursion or an index that the inputs decide
    for way, numbers in found.items():
        relative = RELATIVE_OF_FORMULAS if way == "symbolic" else 2 * RELATIVE
        for got, number in zip(numbers, exact, strict=True):
            assert close(got, number, relative), (way, got, float(number), program.text, program.at)
    return dict.fromkeys(found, 1)


@settings(max_examples=30, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_four_ways_to_a_known_gradient(chooser: random.Random) -> None:
    try:
        with_reference(chooser)
    except Rejected:
        reject()


@pytest.mark.thorough
@settings(max_examples=2_000, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_four_ways_to_many_known_gradients(chooser: random.Random) -> None:
    try:
        with_reference(chooser)
    except Rejected:
        reject()


def test_each_way_is_tried() -> None:
    """Enough of the programs have formulas and columns."""
    ways: dict[str, int] = {}
    for seed in range(40):
        try:
            tried = with_reference(random.Random(seed))
        except Rejected:
            continue
        for way in tried:
            ways[way] = ways.get(way, 0) + 1
    assert min(ways.values()) >= 6, ways
    assert set(ways) == {"forward", "reverse", "symbolic", "batch"}


# Without a reference.


def at_point(program: Program, at: Mapping[str, Any]) -> tuple[dict[str, float], bool]:
    """The results and reverse-mode derivatives at a point, and whether forward mode says so too.

    Raises:
        AdcliError: the point has none.
    """
    run = program.run(at, MOST_OPERATIONS)
    found = dict(run.values())
    alike = True
    for name in run.results:
        reverse = gradient(run, "reverse", None, name)
        forward = gradient(run, "forward", None, name)
        labels = [label for item in run.inputs for label in item.labels()]
        for label, x, y in zip(labels, reverse.numbers, forward.numbers, strict=True):
            found[f"d{name}_d{label}"] = x
            # Where one of them meets 0*inf and the other does not, no rule says who is right.
            alike = alike and similar(x, y, 1e-9) and math.isfinite(x)
    return found, alike


def similar(one: float, other: float, relative: float) -> bool:
    """Whether numbers are the same but for rounding, also if they are not finite."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    if math.isinf(one) or math.isinf(other):
        return one == other
    return abs(one - other) <= relative * max(abs(one), abs(other), 1.0)


def rows_and_points(chooser: random.Random) -> int:
    """Rows are what the points say, each; how many were compared."""
    text = Writer(chooser).program()
    try:
        program = Program(Source(text))
        at = point(program)
    except AdcliError:
        return 0
    if not at:
        return 0
    points = [at, *({n: moved(x, chooser) for n, x in at.items()} for _ in range(3))]
    expected, kept = [], []
    for there in points:
        try:
            expected.append(_steady(program, there))
        except AdcliError:
            continue
        kept.append(there)
    if not kept:
        return 0
    try:
        shapes = {name: np.shape(value) for name, value in at.items()}
        code = compile_columns(program, shapes, {}, Wanted(1), max_operations=MOST_OPERATIONS)
        elements = {
            label: np.array([flat(there)[label] for there in kept]) for label in code.inputs
        }
        found, errors = code.compute(elements, len(kept), 1)
        assert not errors, (text, errors)
    except (ProgramError, LimitError):
        return 0
    compared = 0
    for row, (numbers, alike) in enumerate(expected):
        assert list(found) == list(numbers), text
        if not alike:
            continue
        for name, number in numbers.items():
            got = float(found[name][row])
            assert similar(got, number, 1e-7), (text, kept[row], name, got, number)
            compared += 1
    return compared


def _steady(program: Program, at: Mapping[str, Any]) -> tuple[dict[str, float], bool]:
    """As `at_point`, and whether a point hardly beside it has nearly the same.

    Where it has not, errors of rounding count for more than how they came about.
    """
    numbers, alike = at_point(program, at)
    try:
        beside, _ = at_point(program, {name: nudged(x) for name, x in at.items()})
    except AdcliError:
        return numbers, False
    same_names = list(beside) == list(numbers)
    steady = same_names and all(similar(beside[name], numbers[name], 1e-9) for name in numbers)
    return numbers, alike and steady


def nudged(value: Any) -> Any:
    """An input that is off by a few roundings."""
    if isinstance(value, list):
        return [nudged(item) for item in value]
    return value * (1 + 1e-14)


@settings(max_examples=80, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_rows_are_what_the_points_say(chooser: random.Random) -> None:
    rows_and_points(chooser)


@pytest.mark.thorough
@settings(max_examples=3_000, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_many_rows_are_what_the_points_say(chooser: random.Random) -> None:
    rows_and_points(chooser)


def test_enough_rows_are_compared() -> None:
    assert sum(rows_and_points(random.Random(seed)) > 0 for seed in range(100)) >= 15
