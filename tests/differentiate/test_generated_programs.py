"""Values and gradients of programs that nobody wrote, against 60-digit differences.

`generated_programs` makes each program as a text and as closures over mpmath's numbers;
it also says there how ill-conditioned programs are told from wrong results.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
from derivative_graphs import (
    MODES,
    differentiate,
    differentiate_at_point,
    element_nodes,
    flatten,
    same_bits,
)
from generated_programs import MOST_SENSITIVE, Program, Reference, make, seeded
from halves import half
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from mpmath import mpf
from reference_machine import Rejected

import adcli
from adcli.evaluate.floats import evaluate

COUNT = 160
# A program is kept if errors of rounding move its results by less than 1/20 of this.
RELATIVE = 1e-12
assert MOST_SENSITIVE * 20 <= RELATIVE

# How many of the programs must have executed a feature, at least.
FEATURES = {
    "main function": 50, "bare statements": 30, "user function": 60, "block function": 10,
    "function of a vector": 10, "several results": 5, "default": 8, "recursion": 15,
    "recursion on a value": 5, "mutual recursion": 8,
    "for": 40, "for over a vector": 15, "while": 20, "while on a value": 20,
    "if statement": 50, "else": 15, "else if": 15, "if expression": 50, "logic": 30,
    "chained comparison": 15,
    "+=": 40, "-=": 30, "*=": 30, "/=": 30, "element assigned": 40,
    "vector literal": 60, "index": 50, "slice": 8, "elementwise": 10, "mapped function": 10,
    "comprehension": 25, "comprehension as argument": 20, "zeros or ones": 5,
    "sum": 15, "mean": 10, "prod": 8, "norm": 15, "dot": 15, "softmax": 5, "logsumexp": 5,
    "max or min of a vector": 5, "@ of vectors": 15, "@ of a matrix": 10, "matrix literal": 15,
    "matrix element": 5,
    "power": 50, "variable exponent": 20, "prelude": 50, "max or min": 15, "abs": 8, "mod": 8,
    "step function": 20,
    "style 0": 20, "style 1": 20, "style 2": 20, "style 3": 20,
}  # fmt: skip


@cache
def programs() -> list[tuple[int, Program, Reference]]:
    """The programs, the same in every run."""
    return list(seeded(COUNT))


def _numbers(found: Any, names: Iterable[str]) -> list[float]:
    """The value and the elements of the gradient, its inputs in this order."""
    gradient = {name: found.gradient[name] for name in names}
    return [found.value, *dict(flatten(gradient)).values()]


def _check(program: Program, reference: Reference) -> None:
    """Both modes give the value and the gradient of reference."""
    compiled = adcli.load(program.text)
    for mode in MODES:
        found = compiled.grad(program.at, mode=mode)
        assert found.mode == mode
        assert list(found.gradient) == list(compiled.inputs)
        assert sorted(found.gradient) == sorted(program.at)
        numbers = _numbers(found, program.at)
        for got, exact in zip(numbers, reference.numbers(), strict=True):
            wrong = abs(mpf(got) - exact)
            assert wrong <= RELATIVE * abs(exact), (
                f"{mode}: {got!r}, not {float(exact)!r}\n{program.at}\n{program.text}"
            )


@pytest.mark.parametrize("index", half(range(COUNT)))
def test_value_and_gradient(index: int) -> None:
    """Each program, in both modes, to 1e-12 of every component."""
    _, program, reference = programs()[index]
    _check(program, reference)


@pytest.mark.parametrize("feature", FEATURES)
def test_programs_have_everything(feature: str) -> None:
    """Enough of the programs executed each feature of the language."""
    executed = Counter(name for _, _, reference in programs() for name in reference.features)
    assert executed[feature] >= FEATURES[feature]


def test_there_are_enough_programs() -> None:
    """Programs are turned down, but most are not, and no two are the same."""
    assert len(programs()) >= 150
    assert len({program.text for _, program, _ in programs()}) == len(programs())
    last_seed = programs()[-1][0]
    assert last_seed < 2 * len(programs())
    executed = {name for _, _, reference in programs() for name in reference.features}
    assert executed == set(FEATURES)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("index", range(0, COUNT, 4))
def test_derivative_graphs(index: int, mode: str) -> None:
    """The graph of the gradient holds the numbers of the sweep, to the bit."""
    _, program, _ = programs()[index]
    run = adcli.load(program.text).run(program.at)
    (output,) = run.results.values()
    by_graph = []
    for node in element_nodes(run).values():
        by_floats = differentiate_at_point(run.graph, output, node, mode)
        scalar = differentiate(run.graph, output, node, mode)
        assert same_bits(by_floats, run.graph.number(scalar))
        by_graph.append(scalar)
    numbers = [run.graph.value[node] for node in run.graph.inputs]
    assert list(map(repr, evaluate(run.graph, numbers))) == list(map(repr, run.graph.value))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False))
def test_any_program(chooser: random.Random) -> None:
    """The same, with the choices left to hypothesis, which can shrink what fails."""
    try:
        program, reference = make(chooser)
    except Rejected:
        reject()
    _check(program, reference)
