"""Native code for graphs: each primitive, special values, tails of vectors, long code.

The references are the kernels of the primitive table, mpmath with 50 digits, and what
conditions are in Python. Code for the vector library and without it is tested alike.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from mpmath_functions import PRIMITIVES

from adcli.evaluate import text
from adcli.evaluate.native import Kernel, Target
from adcli.evaluate.room import Room
from adcli.evaluate.threads import together
from adcli.graph.conditions import Condition
from adcli.graph.kernels import COMPARISONS
from adcli.graph.open import OpenGraph
from adcli.graph.primitives import (
    ADD,
    BY_NAME,
    COMMUTATIVE,
    DIV,
    MAX,
    MUL,
    POW,
    SUB,
    TABLE,
    Primitive,
    compute,
)

INF, NAN = math.inf, math.nan
ULPS = 4

SPECIAL = (
    0.0, -0.0, INF, -INF, NAN, 5e-324, -5e-324, 1e-310, -1e-310, 2.0**-1022, -(2.0**-1022),
    math.nextafter(INF, 0), -math.nextafter(INF, 0), 1e300, -1e300, 1e-300, 0.5, -0.5, 1.0, -1.0,
    1 - 2.0**-53, 1 + 2.0**-52, 1.5, -1.5, 2.0, -2.0, 2.5, -2.5, 3.0, -3.0, 1e-8, -1e-8, 1e-20,
    20.0, -20.0, 26.5, -745.0, -746.0, 709.5, 710.4, 1e5, -1e5, 1e16, -1e16, 1e22,
)  # fmt: skip

SIN, EXP = BY_NAME["sin"].code, BY_NAME["exp"].code
BOTH_TARGETS = pytest.mark.parametrize("vectors", [True, False], ids=["vectors", "scalars"])
EACH_PRIMITIVE = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


@cache
def target(vectors: bool) -> Target:
    """This machine, with the vector library or without."""
    return Target(vectors=vectors)


ROOM = Room()


def opened(count: int) -> tuple[OpenGraph, list[int]]:
    """A graph without values, and its inputs; a number compared with itself may be nan."""
    graph = OpenGraph(turns=1)
    return graph, [graph.add_input(NAN) for _ in range(count)]


def run(kernel: Kernel, columns: Sequence[Sequence[float]], width: int) -> list[list[float]]:
    """What a kernel computes, filled up to whole vectors with the last row."""
    rows = len(columns[0])
    more = -rows % kernel.lanes
    inputs = [np.array([*column, *[column[-1]] * more], float) for column in columns]
    outputs = [np.full(rows + more, 12345.0) for _ in range(width)]
    kernel.run([x.ctypes.data for x in inputs], [x.ctypes.data for x in outputs], rows + more)
    return [x[:rows].tolist() for x in outputs]


def apply(graph: OpenGraph, row: Primitive, operands: Sequence[int | float]) -> int | float:
    """A primitive, recorded."""
    return graph.unary(row.code, *operands) if row.arity == 1 else graph.binary(row.code, *operands)


def assert_close(got: float, expected: float, what: object) -> None:
    """Nan, infinities and zeros with their signs alike; else within 4 ulp."""
    said = (what, got, expected)
    if math.isnan(expected) or math.isinf(expected) or expected == 0:
        assert repr(float(got)) == repr(float(expected)), said
    else:
        assert abs(got - expected) <= ULPS * math.ulp(expected), said


# Primitives.


@BOTH_TARGETS
@EACH_PRIMITIVE
def test_special_values(row: Primitive, vectors: bool) -> None:
    """At special values and at its samples a primitive is what its kernel says."""
    graph, inputs = opened(row.arity)
    kernel = Kernel(graph, inputs, [apply(graph, row, inputs)], target(vectors))
    assert kernel.operations == 1
    points = [*row.samples, *itertools.product(SPECIAL, repeat=row.arity)]
    points = [tuple(map(float, point)) for point in points]
    ((*found,),) = run(kernel, list(zip(*points, strict=True)), 1)
    for point, got in zip(points, found, strict=True):
        assert_close(got, compute(row.code, *point), (row.name, point))


@BOTH_TARGETS
@EACH_PRIMITIVE
def test_exact_values(row: Primitive, vectors: bool) -> None:
    """Samples, and numbers nearby, are within 4 ulp of what mpmath says."""
    graph, inputs = opened(row.arity)
    kernel = Kernel(graph, inputs, [apply(graph, row, inputs)], target(vectors))
    points = [
        tuple(float(x) * (1 + k * 2.0**-40) for x in sample)
        for sample in row.samples
        for k in range(-3, 4)
    ]
    inside = [point for point in points if math.isfinite(compute(row.code, *point))]
    assert len(inside) >= len(points) / 2
    (found,) = run(kernel, list(zip(*inside, strict=True)), 1)
    with mpmath.workdps(50):
        for point, got in zip(inside, found, strict=True):
            exact = PRIMITIVES[row.name](*map(mpf, point))
            ulp = math.ulp(float(exact))
            assert abs(mpf(got) - exact) <= ULPS * ulp, (row.name, point, got)


@BOTH_TARGETS
@pytest.mark.parametrize("row", [r for r in TABLE if r.arity == 2], ids=lambda row: row.name)
def test_constants_as_operands(row: Primitive, vectors: bool) -> None:
    """A constant on either side, special ones too."""
    graph, (x,) = opened(1)
    numbers = [0.3, -7.0, 0.0, -0.0, INF, -INF, NAN, 5e-324, 2.0]
    outputs, expected = [], []
    for number in numbers:
        outputs += [graph.binary(row.code, x, number), graph.binary(row.code, number, x)]
        expected += [
            [compute(row.code, u, number) for u in SPECIAL],
            [compute(row.code, number, u) for u in SPECIAL],
        ]
    kernel = Kernel(graph, [x], outputs, target(vectors))
    found = run(kernel, [SPECIAL], len(outputs))
    for position, (column, numbers_there) in enumerate(zip(found, expected, strict=True)):
        for u, got, exact in zip(SPECIAL, column, numbers_there, strict=True):
            assert_close(got, exact, (row.name, numbers[position // 2], position % 2, u))


@BOTH_TARGETS
@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.0, -1.0, -2.0, 0.5, -0.5, 1.5, 5.0, -3.0])
def test_powers(exponent: float, vectors: bool) -> None:
    """Exponents with code of their own: signs of zero, infinities, nan; and random numbers."""
    graph, (x,) = opened(1)
    kernel = Kernel(graph, [x], [graph.binary(POW, x, exponent)], target(vectors))
    chooser = random.Random(7)
    bases = [
        *SPECIAL,
        *(chooser.choice((1, -1)) * 10 ** chooser.uniform(-70, 70) for _ in "x" * 300),
    ]
    (found,) = run(kernel, [bases], 1)
    for base, got in zip(bases, found, strict=True):
        assert_close(got, compute(POW, base, exponent), (base, exponent))


@BOTH_TARGETS
def test_random_numbers(vectors: bool) -> None:
    """All functions of one argument over many magnitudes in one kernel."""
    rows = [row for row in TABLE if row.arity == 1]
    graph, (x,) = opened(1)
    kernel = Kernel(graph, [x], [graph.unary(row.code, x) for row in rows], target(vectors))
    chooser = random.Random(3)
    numbers = [chooser.choice((1, -1)) * 10 ** chooser.uniform(-12, 3) for _ in range(1001)]
    found = run(kernel, [numbers], len(rows))
    for row, column in zip(rows, found, strict=True):
        for number, got in zip(numbers, column, strict=True):
            expected = compute(row.code, number)
            if math.isfinite(expected) and expected:
                # Both are up to 4 ulp off.
                assert abs(got - expected) <= 2 * ULPS * math.ulp(expected), (row.name, number)
            else:
                assert_close(got, expected, (row.name, number))


# Vectors.


@BOTH_TARGETS
@pytest.mark.parametrize("rows", range(1, 18))
def test_lengths(rows: int, vectors: bool) -> None:
    """What is computed for a row is the same bits in each place, and nothing beyond it."""
    graph, (x, y) = opened(2)
    value = graph.binary(ADD, graph.unary(SIN, x), graph.binary(POW, y, 1.7))
    kernel = Kernel(graph, [x, y], [value], target(vectors))
    xs, ys = [0.1 + 0.37 * k for k in range(rows)], [2.0 + k / 7 for k in range(rows)]
    (together,) = run(kernel, [xs, ys], 1)
    alone = [run(kernel, [[a], [b]], 1)[0][0] for a, b in zip(xs, ys, strict=True)]
    assert [a.hex() for a in together] == [a.hex() for a in alone]
    for a, b, got in zip(xs, ys, together, strict=True):
        assert got == pytest.approx(math.sin(a) + b**1.7, rel=1e-14)


def test_no_more_rows_than_asked_for() -> None:
    """Rows behind are not touched, and none at all if there are none."""
    graph, (x,) = opened(1)
    kernel = Kernel(graph, [x], [graph.binary(MUL, x, 2.0)], target(True))
    numbers, found = np.arange(32.0), np.full(32, -1.0)
    kernel.run([numbers.ctypes.data], [found.ctypes.data], 0)
    assert (found == -1).all()
    kernel.run([numbers.ctypes.data], [found.ctypes.data], kernel.lanes)
    assert (found[: kernel.lanes] == 2 * numbers[: kernel.lanes]).all()
    assert (found[kernel.lanes :] == -1).all()


@BOTH_TARGETS
def test_outputs_that_are_no_operations(vectors: bool) -> None:
    """Inputs, constants, decided conditions, and one output twice."""
    graph, (x, y) = opened(2)
    value = graph.binary(SUB, x, y)
    outputs = [y, 3.5, -0.0, NAN, True, False, value, x, value]
    kernel = Kernel(graph, [y, x], outputs, target(vectors))
    found = run(kernel, [[10.0, 20.0, 30.0], [1.0, 2.0, 3.0]], len(outputs))
    assert list(map(repr, found)) == list(
        map(
            repr,
            [
                [10.0, 20.0, 30.0], [3.5] * 3, [-0.0] * 3, [NAN] * 3, [1.0] * 3, [0.0] * 3,
                [-9.0, -18.0, -27.0], [1.0, 2.0, 3.0], [-9.0, -18.0, -27.0],
            ],
        )
    )  # fmt: skip


# Conditions.

TRUTHS = list(itertools.product([0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 5e-324], repeat=2))


@BOTH_TARGETS
@pytest.mark.parametrize("sign", COMPARISONS)
def test_comparisons(sign: str, vectors: bool) -> None:
    """Each sign, its negation, and choices by it, nan among the operands."""
    graph, (x, y) = opened(2)
    condition = graph.compare(sign, x, y)
    outputs = [condition, graph.negation(condition), graph.select(condition, x, -7.0)]
    found = run(Kernel(graph, [x, y], outputs, target(vectors)), list(zip(*TRUTHS, strict=True)), 3)
    for (u, w), got, negated, chosen in zip(TRUTHS, *found, strict=True):
        holds = COMPARISONS[sign](u, w)
        assert (got, negated) == (float(holds), float(not holds)), (u, sign, w)
        assert repr(chosen) == repr(u if holds else -7.0)


@BOTH_TARGETS
@pytest.mark.parametrize("sign", COMPARISONS)
def test_a_number_compared_with_itself(sign: str, vectors: bool) -> None:
    """Only nan is not equal to itself."""
    graph, (x,) = opened(1)
    condition = graph.compare(sign, x, x)
    (found,) = run(Kernel(graph, [x], [condition], target(vectors)), [SPECIAL], 1)
    assert found == [float(COMPARISONS[sign](u, u)) for u in SPECIAL]


Made = Callable[[OpenGraph, Any, Any], Any]
LOGIC: dict[str, tuple[Made, Callable[[bool, bool], bool]]] = {
    "and": (lambda g, a, b: g.both(a, b), lambda a, b: a and b),
    "or": (lambda g, a, b: g.either(a, b), lambda a, b: a or b),
    "not and": (lambda g, a, b: g.negation(g.both(a, b)), lambda a, b: not (a and b)),
    "and not": (lambda g, a, b: g.both(a, g.negation(b)), lambda a, b: a and not b),
    "or not": (lambda g, a, b: g.either(g.negation(a), b), lambda a, b: not a or b),
    "absorbed or": (
        lambda g, a, b: g.either(a, g.both(g.negation(a), b)),
        lambda a, b: a or b,
    ),
    "absorbed and": (
        lambda g, a, b: g.both(a, g.either(g.negation(a), b)),
        lambda a, b: a and b,
    ),
    "exclusive": (
        lambda g, a, b: g.either(g.both(a, g.negation(b)), g.both(g.negation(a), b)),
        lambda a, b: a != b,
    ),
}


@BOTH_TARGETS
@pytest.mark.parametrize("name", LOGIC)
def test_logic(name: str, vectors: bool) -> None:
    """And, or and not of two comparisons, as outputs and as what chooses."""
    make, expected = LOGIC[name]
    graph, (x, y) = opened(2)
    condition = make(graph, graph.compare("<", x, y), graph.compare(">=", x, 0.0))
    assert isinstance(condition, Condition)
    outputs = [condition, graph.select(condition, x, y)]
    found = run(Kernel(graph, [x, y], outputs, target(vectors)), list(zip(*TRUTHS, strict=True)), 2)
    for (u, w), got, chosen in zip(TRUTHS, *found, strict=True):
        holds = expected(u < w, u >= 0)
        assert got == float(holds), (u, w)
        assert repr(chosen) == repr(u if holds else w)


# Long code.


def recorded(operations: int, seed: int) -> tuple[OpenGraph, list[int], list[Any]]:
    """A graph of many operations and choices, with operands from near and from far back."""
    chooser = random.Random(seed)
    graph, inputs = opened(3)
    made: list[Any] = list(inputs)
    truths: list[Condition] = []
    while len(graph) < operations + 3:
        u, w = chooser.choice(made[-9:]), chooser.choice(made)
        kind = chooser.randrange(8)
        if kind < 4:
            code = chooser.choice((ADD, SUB, MUL, MAX))
            value = graph.binary(code, u, w)
            if code == MUL:
                value = graph.unary(SIN, value)
        elif kind == 4:
            value = graph.binary(DIV, u, 3.0)
        elif kind == 5:
            value = graph.unary(SIN, graph.binary(POW, w, 2.0))
        else:
            condition = graph.compare("<", u, w)
            if isinstance(condition, Condition):
                truths.append(condition)
                condition = graph.both(condition, chooser.choice(truths))
            value = graph.select(condition, u, w)
        if type(value) is int:
            made.append(value)
    picked = [*chooser.sample(made, 20), made[-1], *truths[:3], *truths[-3:]]
    return graph, inputs, picked


@BOTH_TARGETS
@pytest.mark.parametrize("operations", [1_990, 2_000, 2_001, 2_010, 4_500, 12_000])
def test_long_code(operations: int, vectors: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code cut into functions has the bits of code that is one function, and of short ones."""
    graph, inputs, outputs = recorded(operations, operations)
    chooser = random.Random(1)
    columns = [[chooser.uniform(-3, 3) for _ in range(21)] for _ in inputs]
    columns[0][:3] = [NAN, INF, -0.0]
    cut = run(Kernel(graph, inputs, outputs, target(vectors)), columns, len(outputs))
    monkeypatch.setattr("adcli.evaluate.chunks.LONGEST", 97)
    shreds = run(Kernel(graph, inputs, outputs, target(vectors)), columns, len(outputs))
    assert repr(shreds) == repr(cut)
    if operations < 5_000:
        monkeypatch.setattr("adcli.evaluate.chunks.LONGEST", 10**6)
        whole = run(Kernel(graph, inputs, outputs, target(vectors)), columns, len(outputs))
        assert repr(whole) == repr(cut)
    assert len({repr(column) for column in cut}) > 10


def test_long_code_without_operations_that_hide_errors() -> None:
    """A sum of which each term is needed at the end: all are handed on."""
    graph, (x,) = opened(1)
    terms = [graph.binary(MUL, x, float(k)) for k in range(2, 6_002)]
    total: Any = 0.0
    for term in reversed(terms):
        total = graph.binary(ADD, term, total)
    kernel = Kernel(graph, [x], [total], target(True))
    assert kernel.operations > 10_000
    (found,) = run(kernel, [[1.0, -2.0, 0.5]], 1)
    exact = sum(range(2, 6_002))
    assert found == [exact, -2.0 * exact, 0.5 * exact]


def test_commutative_operations_are_shared() -> None:
    """The sum of two inputs is the same operation either way round."""
    for code in COMMUTATIVE:
        graph, (x, y) = opened(2)
        outputs = [graph.binary(code, x, y), graph.binary(code, y, x)]
        assert Kernel(graph, [x, y], outputs, target(True)).operations == 1


def test_the_scalar_library_is_used_if_asked_for() -> None:
    """Without vectors no function is one of vectors."""
    assert target(False).vector_library == ""
    for name, arity in (("exp", 1), ("pow", 2), ("log", 1)):
        address, is_vector = target(False).function(name, arity)
        assert address
        assert not is_vector
    assert target(True).lanes == target(False).lanes in (2, 4, 8)
    if target(True).vector_library:
        assert target(True).function("exp", 1)[1]
    with pytest.raises(RuntimeError, match="no such_function"):
        target(True).function("such_function", 1)


@BOTH_TARGETS
@pytest.mark.parametrize("name", ["erf", "ln", "atan2"])
def test_a_primitive_that_no_library_has(
    vectors: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is computed by the kernel of its row, whose values are those at a point."""
    monkeypatch.setitem(text._LIBRARY_NAMES, name, "such_function")
    row = BY_NAME[name]
    graph, inputs = opened(row.arity)
    numbers = [[0.5, -1.0, 3.0, math.inf, math.nan, 0.0, 1e300, 2.0, -0.0]] * row.arity
    kernel = Kernel(graph, inputs, [graph.apply(row.code, *inputs)], target(vectors))
    (found,) = run(kernel, numbers, 1)
    expected = [compute(row.code, *given) for given in zip(*numbers, strict=True)]
    assert [repr(x) for x in found] == [repr(x) for x in expected]


# What is large, and what is nothing.


@BOTH_TARGETS
def test_no_operations(vectors: bool) -> None:
    """Without operations, without inputs, without outputs, without rows."""
    graph, (x,) = opened(1)
    assert run(Kernel(graph, [x], [x], target(vectors)), [[1.0, -0.0, NAN]], 1)[0][:2] == [1, 0]
    constants = [2.5, True, NAN, -0.0]
    graph, _ = opened(0)
    kernel = Kernel(graph, [], constants, target(vectors))
    assert kernel.operations == 0
    outputs = [np.empty(16) for _ in constants]
    kernel.run([], [output.ctypes.data for output in outputs], 16)
    for constant, output in zip(constants, outputs, strict=True):
        assert {repr(float(constant))} == set(map(repr, output.tolist()))
    kernel = Kernel(graph, [], [], target(vectors))
    kernel.run([], [], 16)
    kernel.run([], [], 0)


def test_the_bits_of_constants() -> None:
    """A nan keeps its sign and payload, and zeros their signs."""
    graph, (x,) = opened(1)
    bits = (0x7FF8000000000123, 0xFFF8000000000456, 0x8000000000000000, 0, 1, 0x7FF0000000000000)
    numbers = [struct.unpack("<d", struct.pack("<Q", b))[0] for b in bits]
    condition = graph.compare(">", x, 0.0)
    # In an operation all nans are one.
    outputs = [*numbers, *(graph.select(condition, number, 1.0) for number in numbers[2:])]
    found = run(Kernel(graph, [x], outputs, target(True)), [[1.0] * 3], len(outputs))
    for column, b in zip(found, bits + bits[2:], strict=True):
        assert {struct.unpack("<Q", struct.pack("<d", number))[0] for number in column} == {b}


@BOTH_TARGETS
@pytest.mark.parametrize("name", ["neg", "abs", "sign"])
def test_signs_are_bits(name: str, vectors: bool) -> None:
    """What changes a sign changes that of nan too, or keeps it as Python does."""
    graph, (x,) = opened(1)
    kernel = Kernel(graph, [x], [graph.unary(BY_NAME[name].code, x)], target(vectors))
    signed = [s * number for s in (1.0, -1.0) for number in SPECIAL]
    (found,) = run(kernel, [signed], 1)
    for number, got in zip(signed, found, strict=True):
        expected = compute(BY_NAME[name].code, number)
        assert repr(got) == repr(expected)
        assert math.copysign(1, got) == math.copysign(1, expected) or name == "sign"


def test_many_columns() -> None:
    """Ten thousand outputs and as many inputs; most outputs are no operations."""
    count = 10_000
    graph, inputs = opened(count)
    outputs: list[Any] = [*inputs[::2], *(float(k) for k in range(count // 2))]
    outputs[5::100] = [graph.unary(BY_NAME["neg"].code, node) for node in inputs[5::100]]
    rows = 9
    columns = [[float(k + row) for row in range(rows)] for k in range(count)]
    found = run(Kernel(graph, inputs, outputs, target(True)), columns, count)
    for position, column in enumerate(found):
        if position % 100 == 5:
            assert column == [-number for number in columns[position]]
        elif position < count // 2:
            assert column == columns[2 * position]
        else:
            assert column == [float(position - count // 2)] * rows


def test_values_that_no_stack_holds() -> None:
    """A sum that needs 20,000 values at its end, in a thread with little stack."""
    graph, (x,) = opened(1)
    terms = [graph.binary(MUL, x, float(k)) for k in range(2, 20_002)]
    total: Any = 0.0
    for term in reversed(terms):
        total = graph.binary(ADD, term, total)
    kernel = Kernel(graph, [x], [total], target(True))
    found: list[list[float]] = []
    size = threading.stack_size(512 << 10)
    try:
        thread = threading.Thread(target=lambda: found.extend(run(kernel, [[1.0, -2.0]], 1)))
        thread.start()
    finally:
        threading.stack_size(size)
    thread.join()
    exact = float(sum(range(2, 20_002)))
    assert found == [[exact, -2.0 * exact]]


# Threads and places.


def bits_of(columns: Sequence[Any]) -> list[bytes]:
    """Columns as bytes."""
    return [column.tobytes() for column in columns]


@BOTH_TARGETS
@pytest.mark.parametrize("operations", [40, 2_500])
def test_threads_and_places(
    operations: int, vectors: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bits for each number of threads, size of turns, and way to write."""
    graph, inputs, outputs = recorded(operations, operations)
    rows = 64 * 11 + 8
    given = np.random.default_rng(5).uniform(-3, 3, (len(inputs), rows))
    given[0, :3] = NAN, INF, -0.0
    monkeypatch.setattr("adcli.evaluate.native._WORTH_A_THREAD", 1)
    monkeypatch.setattr("adcli.evaluate.native._BLOCK", 64)
    expected: list[bytes] | None = None
    for least in (0, 1 << 40):  # bytes that are streamed: all, none
        monkeypatch.setattr("adcli.evaluate.native._STREAMS", least)
        kernel = Kernel(graph, inputs, outputs, target(vectors))
        for turn in (1, 1 << 40):
            monkeypatch.setattr("adcli.evaluate.native._TURN", turn)
            for threads, shift in itertools.product((1, 2, 5), (0, 1)):
                room = [column[shift:] for column in ROOM.columns(len(outputs), rows + shift)]
                for column in room:
                    column[:] = 12345.0
                addresses = [x.ctypes.data for x in given], [x.ctypes.data for x in room]
                kernel.run(*addresses, rows, threads)
                expected = expected or bits_of(room)
                assert bits_of(room) == expected, (least, turn, threads, shift)


def test_threads_that_run_one_kernel_at_once() -> None:
    """Its scratch memory is not shared."""
    graph, inputs, outputs = recorded(3_000, 4)
    kernel = Kernel(graph, inputs, outputs, target(True))
    rows = 64
    given = np.random.default_rng(5).uniform(-3, 3, (8, len(inputs), rows))

    def compute_part(k: int) -> list[bytes]:
        made = [np.empty(rows) for _ in outputs]
        kernel.run([x.ctypes.data for x in given[k]], [x.ctypes.data for x in made], rows)
        return bits_of(made)

    expected = [compute_part(k) for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            assert list(pool.map(compute_part, range(8))) == expected


def test_work_that_fails() -> None:
    """Whichever thread fails, the error arrives, and the next work is done."""
    here = threading.get_ident()
    for fails_here in (True, False):
        both = threading.Barrier(2)

        def work(both: threading.Barrier = both, fails_here: bool = fails_here) -> None:
            both.wait()
            if (threading.get_ident() == here) is fails_here:
                raise KeyError("failed")

        with pytest.raises(KeyError, match="failed"):
            together(work, 2)
    done: list[int] = []
    together(lambda: done.append(1), 3)
    assert 1 <= len(done) <= 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_threads_after_a_fork() -> None:
    """A child has none of the threads of its parent, and does not wait for them."""
    code = (
        "import os, sys\n"
        "from adcli.evaluate.threads import together\n"
        "together(lambda: None, 4)\n"
        "child = os.fork()\n"
        "together(lambda: None, 4)\n"
        "if not child: os._exit(7)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 7


# Room for results.


def test_room_is_used_again() -> None:
    """Columns are apart, begin at lines of the cache, and are free when nobody has them."""
    room = Room()
    for count, rows in ((3, 1_000), (1, 1), (0, 8), (2, 0), (5, 4_096)):
        columns = room.columns(count, rows)
        assert [len(column) for column in columns] == [rows] * count
        for k, column in enumerate(columns):
            column[:] = k
            assert column.ctypes.data % 64 == 0 or not rows
        assert all((column == k).all() for k, column in enumerate(columns))
    (column,) = room.columns(1, 5_000)
    address, part = column.ctypes.data, column[10:20]
    del column
    (other,) = room.columns(1, 5_000)
    assert other.ctypes.data != address
    del part
    (again,) = room.columns(1, 5_000)
    assert again.ctypes.data == address


def test_room_is_given_back_in_the_middle_of_taking() -> None:
    """A collection of garbage may do that in the same thread."""
    room = Room()
    done: list[int] = []

    class Block:
        """Its length is asked for while the lock is held."""

        def __len__(self) -> int:
            done.append(1)
            if len(done) < 5:
                room._give(np.empty(7, np.uint8))
            return 1

    def use() -> None:
        room._free.append(Block())
        room._take(100)
        room._give(np.empty(8, np.uint8))

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert len(done) >= 5
