"""The primitive table and the rules, row by row, against mpmath, IEEE 754 and the C library.

Nothing here is listed by hand that the table could tell: a new row is covered as soon as
it has a reference in `mpmath_functions` and its special values in SPECIAL_VALUES, and two tests
fail until it has.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import math
import random
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from mpmath_functions import PRIMITIVES

import adcli
from adcli.differentiate.gradient import Mode
from adcli.evaluate.floats import evaluate
from adcli.graph import primitives, rules
from adcli.graph.primitives import ALIASES, BY_NAME, TABLE, Primitive, compute

MODES: tuple[Mode, ...] = ("forward", "reverse")
ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
INF, NAN = math.inf, math.nan


# How a primitive is called in a program where it is not by its name.
OPERATOR_TEXT = {
    "add": "u + w",
    "sub": "u - w",
    "mul": "u*w",
    "div": "u/w",
    "pow": "u^w",
    "neg": "-u",
}

# Digits that two references of different step and precision must share to be believed.
REFERENCE_DIGITS = 30

ULPS = 4.0

# Where a partial cannot keep to 4 ulp, what it keeps to instead, and why. An ulp of a
# number is between 2^-53 and 2^-52 of it, so a relative error of r is up to 2^53*r ulp.
BOUNDS: dict[tuple[str, str], Callable[..., float]] = {
    # u^(w - 1): w - 1 is rounded by up to half an ulp, and the power multiplies that by
    # ln(u). For w in [1/2, 2], where w - 1 is exact, and for whole w, nothing is lost.
    ("pow", "u"): lambda u, w: ULPS + abs(math.log(abs(u))) * float(
        abs(Fraction(w - 1.0) - (Fraction(w) - 1)) * 2**53
    ),
    # 1/(3*v^2): v comes from the C library, whose cbrt is up to 3 ulp off, and is squared.
    ("cbrt", "u"): lambda u: 10.0,
    # (1/cosh(u))^2: cosh is up to 1 ulp off, its reciprocal rounds, and both are squared.
    ("tanh", "u"): lambda u: 5.0,
    # exp(-u^2): u^2 is rounded by up to half an ulp, which exp makes a factor of
    # 1 ± u^2*2^-53.
    ("erf", "u"): lambda u: ULPS + u * u,
    ("erfc", "u"): lambda u: ULPS + u * u,
    # 1/(1 + u^2) and 1/(u*ln(10)): where the divisor overflows the partial is 0, and what
    # is lost is less than the least normal double, 2^52 of the ulps there.
    ("atan", "u"): lambda u: ULPS if abs(u) < 1e154 else 2.0**52,
    ("log10", "u"): lambda u: ULPS if u < 1e307 else 2.0**52,
}  # fmt: skip

Point = tuple[float, ...]


def _spread(seed: str, count: int, low: float, high: float, signs: bool = True) -> list[float]:
    """Numbers whose logarithms are spread evenly between two bounds; the same each time."""
    generator = random.Random(seed)
    numbers = []
    for _ in range(count):
        number = math.exp(generator.uniform(math.log(low), math.log(high)))
        numbers.append(-number if signs and generator.random() < 0.5 else number)
    return numbers


def _more_points() -> dict[str, list[Point]]:
    """Points besides the samples of the table: over the whole domain and near its ends."""
    count = 12
    points: dict[str, list[float]] = {}
    for name in ("sqrt", "ln", "log2", "log10"):
        points[name] = _spread(name, count, 1e-300, 1e300, signs=False)
        points[name] += [1 - 1e-10, 1 + 1e-10, 0.999, 1.001, 2.2250738585072014e-308]
    for name in ("asin", "acos", "atanh"):
        points[name] = _spread(name, count, 1e-10, 0.9)
        for gap in _spread(name, count, 2.0**-52, 0.1, signs=False):
            points[name] += [1 - gap, gap - 1]
    points["log10"] += [1.7e308]
    points["acosh"] = [1 + gap for gap in _spread("acosh", count, 2.0**-52, 1e3, signs=False)]
    points["acosh"] += _spread("acosh far", count, 1e3, 1e300, signs=False)
    points["log1p"] = [*_spread("log1p", count, 1e-300, 0.9), 1e15, 1e300]
    points["log1p"] += [gap - 1 for gap in _spread("log1p", count, 2.0**-53, 0.1, signs=False)]
    for name in ("exp", "expm1", "sinh", "cosh"):
        points[name] = [*_spread(name, count, 1e-10, 700), -708.0, 709.0]
    points["tanh"] = [*_spread("tanh", count, 1e-10, 30), -300.0, 350.0]
    points["exp2"] = [*_spread("exp2", count, 1e-10, 1000), -1021.0, 1023.5]
    for name in ("erf", "erfc"):
        points[name] = [*_spread(name, count, 1e-10, 6), -26.0, 6.0, 12.0, 26.0]
    for name in ("asinh", "cbrt", "abs", "sign", "neg"):
        points[name] = _spread(name, count, 1e-300, 1e300)
    points["atan"] = [*_spread("atan", count, 1e-300, 1e150), 1.3e154, -1e160]
    for name in ("sin", "cos", "tan"):
        points[name] = [*_spread(name, count, 1e-10, 1e6), 1e22, 355.0, 11.0, 1.5707963267948966]
    for name in ("floor", "ceil", "round"):
        points[name] = [*_spread(name, count, 1e-3, 1e6), 2.0**51 - 0.75, 0.49999999999999994]

    pairs: dict[str, list[Point]] = {}
    for row in TABLE:
        if row.arity == 2:
            left = _spread(row.name, 2 * count, 1e-5, 1e5)
            pairs[row.name] = list(zip(left, reversed(left), strict=True))
    pairs["hypot"] += [(1e-200, 1e-200), (1e300, -1e300), (1e-300, 1e300), (-3e-8, 1.0)]
    pairs["atan2"] += [(1e-200, 1e-200), (1e150, -1e150), (1.0, 1e-17), (-1e-17, -1.0)]
    pairs["div"] += [(1e300, 1e-5), (-1e-300, 1e5), (1e-150, -1e150)]
    pairs["mod"] += [(-1.0, 0.1), (1e9, -0.7), (0.6, 0.2), (1e17, 3.0), (-1e-20, 1.0)]
    bases = _spread("bases", count, 1e-3, 1e3, signs=False)
    exponents = _spread("exponents", count, 1e-2, 30)
    pairs["pow"] = list(zip(bases, exponents, strict=True))
    pairs["pow"] += [(-1.5, 3.0), (-2.0, -2.0), (-0.3, 7.0), (-1e10, 20.0), (1 + 1e-12, 1e12)]
    pairs["pow"] += [(2.8e96, -0.21), (0.51, -63.9), (1e300, 0.1), (1e-200, 1 / 3), (3.0, -1.0)]
    return pairs | {name: [(u,) for u in numbers] for name, numbers in points.items()}


MORE_POINTS = _more_points()


def points(row: Primitive) -> list[Point]:
    """All the points a row is tested at."""
    return [*row.samples, *MORE_POINTS[row.name]]


def call(row: Primitive) -> str:
    """A primitive of u (and w) as a program writes it."""
    default = f"{row.name}(u, w)" if row.arity == 2 else f"{row.name}(u)"
    return OPERATOR_TEXT.get(row.name, default)


@cache
def program(name: str) -> adcli.Program:
    """The program of one call."""
    row = BY_NAME[name]
    parameters = "u, w" if row.arity == 2 else "u"
    return adcli.load(f"f({parameters}) = {call(row)}")


def at(point: Point) -> dict[str, float]:
    """A point by the names of the inputs."""
    return dict(zip("uw", point, strict=False))


@cache
def exact_value(name: str, point: Point) -> mpf:
    """The value at 100 digits more than any of the numbers at play."""
    with mp.workdps(450):
        return PRIMITIVES[name](*(mpf(x) for x in point))


@cache
def exact_partial(name: str, point: Point, position: int) -> mpf:
    """A partial derivative by mpmath, to REFERENCE_DIGITS at least.

    The precision is raised until two results agree; a derivative as small as exp(-700)
    needs hundreds of digits to show in a difference of values near 1.
    """

    def along(x: mpf) -> mpf:
        moved = [mpf(number) for number in point]
        moved[position] = x
        return PRIMITIVES[name](*moved)

    centre = mpf(point[position])
    scale = abs(centre) if 0 < abs(centre) < 1 else mpf(1)
    if name in ("atanh", "asin", "acos", "acosh", "log1p"):
        scale = mpf(2) ** -60  # these end at ±1
    before = None
    for digits in (100, 300, 900, 2700):
        with mp.workdps(digits):
            step = scale * mpf(10) ** -(digits // 3)
            found = mpmath.diff(along, centre, h=step)
            if before is not None and found != 0 and agree(found, before):
                return found
            before = found
    assert before == 0, f"no reference for {name} at {point}"
    return mpf(0)


def agree(x: mpf, y: mpf) -> bool:
    """Whether two references share REFERENCE_DIGITS digits."""
    return bool(abs(x - y) <= abs(x) * mpf(10) ** -REFERENCE_DIGITS)


def ulps(got: float, exact: mpf) -> float:
    """How far a double is from a number, in units in the last place of that number."""
    nearest = float(exact)
    if not math.isfinite(got) or not math.isfinite(nearest):
        return 0.0 if got == nearest else INF
    with mp.workdps(450):
        return float(abs(mpf(got) - exact) / math.ulp(nearest))


def same(got: float, expected: float) -> bool:
    """Whether two doubles are the same, down to the sign of a zero; nan is nan."""
    if expected != expected:
        return got != got
    return got == expected and math.copysign(1.0, got) == math.copysign(1.0, expected)


def defined(row: Primitive, point: Point, position: int) -> bool:
    """Whether a partial exists as a real number: not u^w towards w at a negative u."""
    return not (row.name == "pow" and position == 1 and point[0] <= 0)


def test_every_primitive_has_a_reference() -> None:
    """A new row fails here until it is said what it computes."""
    names = {row.name for row in TABLE}
    assert set(PRIMITIVES) == names
    assert set(SPECIAL_VALUES) == names
    assert set(MORE_POINTS) == names


@ROWS
def test_value(row: Primitive) -> None:
    """Values are within 4 ulp, through a program and through the table itself."""
    for point in points(row):
        exact = exact_value(row.name, point)
        got = program(row.name).eval(at(point))["f"]
        assert ulps(got, exact) <= ULPS, (point, got, float(exact))
        assert same(compute(row.code, *point), got)


@pytest.mark.parametrize("mode", MODES)
@ROWS
def test_partials(row: Primitive, mode: Mode) -> None:
    """Partials are within 4 ulp, or within what BOUNDS says, in both modes."""
    for point in points(row):
        found = program(row.name).grad(at(point), mode=mode).gradient
        for position, name in enumerate(at(point)):
            if not defined(row, point, position):
                continue
            exact = exact_partial(row.name, point, position)
            bound = BOUNDS.get((row.name, name), lambda *_: ULPS)(*point)
            assert ulps(found[name], exact) <= bound, (point, name, found[name], float(exact))


@ROWS
def test_both_modes_give_the_same_bits(row: Primitive) -> None:
    """One call has one partial an argument: the modes cannot differ."""
    for point in points(row):
        one, other = (program(row.name).grad(at(point), mode=mode).gradient for mode in MODES)
        for name in one:
            assert same(one[name], other[name]), (point, name)


@pytest.mark.parametrize(
    ("u", "w"),
    [(1.0, 0.1), (1.0, -0.1), (-1.0, 0.1), (0.6, 0.2), (0.7, 0.1), (4.9, 0.7), (100.0, 0.01)],
)
@pytest.mark.parametrize("mode", MODES)
def test_mod_counts_whole_turns(mode: Mode, u: float, w: float) -> None:
    """The partial of mod is the number of turns that its value took off, not one more.

    u/w may round up to a whole number that the exact quotient does not reach:
    1 mod 0.1 is 0.09999999999999995, after 9 turns.
    """
    turns = math.floor(Fraction(u) / Fraction(w))
    found = program("mod").grad(u=u, w=w, mode=mode)
    assert found.value == float(Fraction(u) - turns * Fraction(w))
    assert found.gradient == {"u": 1.0, "w": -turns}


@pytest.mark.parametrize(("u", "w", "jumps"), [(1.0, 0.1, False), (0.75, 0.25, True)])
def test_mod_is_said_to_jump_only_where_it_does(u: float, w: float, jumps: bool) -> None:
    """A multiple is where the value is 0."""
    found = program("mod").grad(u=u, w=w)
    assert (found.value == 0) is jumps
    assert [warning.kind for warning in found.warnings] == ["convention"] * jumps


# The domain of the property tests below, where it is not all of the reals.
_WHOLE = st.integers(-40, 40).map(float)
STRATEGIES: dict[str, tuple[st.SearchStrategy[float], ...]] = {
    "pow": (st.floats(1e-3, 1e3), st.floats(-40, 40)),
    "div": (st.floats(-1e10, 1e10), st.floats(1e-10, 1e10)),
    "mod": (_WHOLE.map(lambda n: n + 0.5), st.sampled_from([-3.0, -2.0, 2.0, 7.0])),
    "hypot": (st.floats(-1e10, 1e10), st.floats(1e-10, 1e10)),
    "atan2": (st.floats(-1e10, 1e10), st.floats(1e-10, 1e10)),
    "max": (st.floats(-1e10, 0), st.floats(1, 1e10)),
    "min": (st.floats(-1e10, 0), st.floats(1, 1e10)),
    "abs": (st.floats(1e-10, 1e10),),
    "sign": (st.floats(1e-10, 1e10),),
    "floor": (_WHOLE.map(lambda n: n + 0.3),),
    "ceil": (_WHOLE.map(lambda n: n + 0.3),),
    "round": (_WHOLE.map(lambda n: n + 0.3),),
    "sqrt": (st.floats(1e-10, 1e10),),
    "cbrt": (st.floats(1e-10, 1e10),),
    "ln": (st.floats(1e-10, 1e10),),
    "log2": (st.floats(1e-10, 1e10),),
    "log10": (st.floats(1e-10, 1e10),),
    "log1p": (st.floats(-1, 1e10, exclude_min=True),),
    "asin": (st.floats(-1, 1, exclude_min=True, exclude_max=True),),
    "acos": (st.floats(-1, 1, exclude_min=True, exclude_max=True),),
    "atanh": (st.floats(-1, 1, exclude_min=True, exclude_max=True),),
    "acosh": (st.floats(1, 1e10, exclude_min=True),),
    "atan": (st.floats(-1e140, 1e140),),
    "asinh": (st.floats(-1e300, 1e300),),
    "tanh": (st.floats(-20, 20),),
    "erf": (st.floats(-6, 6),),
    "erfc": (st.floats(-6, 26),),
}
TINY = 1e-290  # results smaller than this may have lost digits to underflow


@ROWS
@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_point(row: Primitive, data: st.DataObject) -> None:
    """The same bounds at points that nobody chose."""
    strategies = STRATEGIES.get(row.name, (st.floats(-20, 20),) * row.arity)
    point = tuple(data.draw(strategy) for strategy in strategies)
    if any(0 < abs(x) < TINY for x in point):
        return
    found = program(row.name).grad(at(point), mode="reverse")
    assert ulps(found.value, exact_value(row.name, point)) <= ULPS
    for position, name in enumerate(at(point)):
        exact = exact_partial(row.name, point, position)
        if exact == 0 or abs(exact) > TINY:
            bound = BOUNDS.get((row.name, name), lambda *_: ULPS)(*point)
            assert ulps(found.gradient[name], exact) <= bound


@ROWS
def test_samples_are_inside_the_domain(row: Primitive) -> None:
    """Samples of the table are where a derivative exists."""
    assert row.samples
    assert all(len(point) == row.arity for point in row.samples)
    for point in row.samples:
        value = compute(row.code, *point)
        assert math.isfinite(value)
        found = program(row.name).grad(at(point))
        assert found.warnings == []
        assert all(math.isfinite(x) for x in found.gradient.values())


# The rules as text, cut here without the help of the package.

RULES = Path(__file__).resolve().parents[2] / "grammar" / "derivatives.ad"


def rule_lines() -> dict[str, tuple[list[str], list[str]]]:
    """Name -> (parameters, partials) of each line of the rules."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for line in RULES.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = re.fullmatch(r"(\w+)\(([^)]*)\)\s*=\s*(.+)", text)
        assert match, f"not a rule: {line}"
        name, parameters, body = match.groups()
        assert name not in found, f"two rules for {name}"
        found[name] = ([p.strip() for p in parameters.split(",")], _cut(body))
    return found


def _cut(body: str) -> list[str]:
    """A list of expressions cut at the commas outside of brackets."""
    pieces, depth = [""], 0
    for character in body:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return [piece.strip() for piece in pieces]


def _bare(text: str) -> str:
    """An expression without brackets and spaces."""
    return re.sub(r"[\s()]", "", text)


def test_rules_and_rows_belong_together() -> None:
    """Every primitive has a rule, and every rule a primitive."""
    assert list(rule_lines()) != []
    assert set(rule_lines()) == {row.name for row in TABLE}


@ROWS
def test_rule_has_a_partial_for_each_argument(row: Primitive) -> None:
    """The line of a primitive has its arity, in parameters and in partials."""
    parameters, partials = rule_lines()[row.name]
    assert parameters == ["u", "w"][: row.arity]
    assert len(partials) == row.arity
    assert all(partials)
    assert [_bare(text) for text in rules.RuleText(row).partials] == [_bare(p) for p in partials]
    assert len(rules.FLOATS.partials(row.code)) == row.arity


def test_codes_are_places_in_the_table() -> None:
    """A code finds its row, its kernels and its arity."""
    for place, row in enumerate(TABLE):
        assert row.code == place + primitives.CONSTANT + 1
        assert primitives.KERNELS[row.code] is row.kernel
        assert primitives.CAREFUL[row.code] is row.careful
        assert (row.code >= primitives.FIRST_UNARY) == (row.arity == 1)
    assert TABLE[-1].code + 1 == primitives.END
    assert len(BY_NAME) == len(TABLE)


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_aliases(alias: str) -> None:
    """Another name is the same function."""
    row = BY_NAME[ALIASES[alias]]
    arguments = "u, w" if row.arity == 2 else "u"
    other = adcli.load(f"f({arguments}) = {alias}({arguments})")
    for point in row.samples:
        assert other.eval(at(point)) == program(row.name).eval(at(point))


# Special values: IEEE 754-2019 (clauses 6, 9.2), ISO C annex F. What is not listed is
# compared with the C library below.

HUGE, LEAST, NORMAL = 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308

SPECIAL_VALUES: dict[str, list[tuple[float, ...]]] = {
    # The arguments, then the value.
    "add": [
        (0.0, -0.0, 0.0),
        (-0.0, -0.0, -0.0),
        (INF, -INF, NAN),
        (INF, 1.0, INF),
        (-INF, -INF, -INF),
        (HUGE, HUGE, INF),
        (-HUGE, -HUGE, -INF),
        (NAN, 1.0, NAN),
        (LEAST, LEAST, 1e-323),
    ],
    "sub": [
        (0.0, 0.0, 0.0),
        (-0.0, 0.0, -0.0),
        (1.0, 1.0, 0.0),
        (INF, INF, NAN),
        (INF, -INF, INF),
        (1.0, INF, -INF),
        (-HUGE, HUGE, -INF),
        (1.0, NAN, NAN),
    ],
    "mul": [
        (0.0, -1.0, -0.0),
        (-0.0, -0.0, 0.0),
        (0.0, INF, NAN),
        (-INF, 0.0, NAN),
        (INF, -2.0, -INF),
        (HUGE, 2.0, INF),
        (HUGE, -2.0, -INF),
        (LEAST, 0.5, 0.0),
        (-LEAST, 0.5, -0.0),
        (NAN, 0.0, NAN),
    ],
    "div": [
        (1.0, 0.0, INF),
        (-1.0, 0.0, -INF),
        (1.0, -0.0, -INF),
        (-1.0, -0.0, INF),
        (0.0, 0.0, NAN),
        (-0.0, 0.0, NAN),
        (0.0, -3.0, -0.0),
        (1.0, INF, 0.0),
        (1.0, -INF, -0.0),
        (INF, INF, NAN),
        (INF, -0.0, -INF),
        (-INF, 0.0, -INF),
        (NAN, 0.0, NAN),
        (1.0, NAN, NAN),
        (HUGE, 0.5, INF),
        (-HUGE, LEAST, -INF),
        (LEAST, 2.0, 0.0),
    ],
    "pow": [
        (0.0, -1.0, INF),
        (-0.0, -1.0, -INF),
        (-0.0, -3.0, -INF),
        (0.0, -2.0, INF),
        (-0.0, -2.0, INF),
        (0.0, -0.5, INF),
        (-0.0, -0.5, INF),
        (0.0, -INF, INF),
        (-0.0, -INF, INF),
        (0.0, 3.0, 0.0),
        (-0.0, 3.0, -0.0),
        (-0.0, 2.0, 0.0),
        (-0.0, 0.5, 0.0),
        (0.0, INF, 0.0),
        (-1.0, INF, 1.0),
        (-1.0, -INF, 1.0),
        (1.0, NAN, 1.0),
        (1.0, INF, 1.0),
        (0.0, 0.0, 1.0),
        (-0.0, 0.0, 1.0),
        (0.0, -0.0, 1.0),
        (NAN, 0.0, 1.0),
        (NAN, -0.0, 1.0),
        (INF, 0.0, 1.0),
        (-INF, 0.0, 1.0),
        (NAN, 1.0, NAN),
        (2.0, NAN, NAN),
        (-8.0, 1 / 3, NAN),
        (-1.0, 0.5, NAN),
        (-INF, 0.5, INF),
        (-INF, 3.0, -INF),
        (-INF, 2.0, INF),
        (-INF, -3.0, -0.0),
        (-INF, -2.0, 0.0),
        (INF, 0.5, INF),
        (INF, -0.5, 0.0),
        (0.5, INF, 0.0),
        (0.5, -INF, INF),
        (2.0, INF, INF),
        (-2.0, INF, INF),
        (2.0, -INF, 0.0),
        (-0.5, -INF, INF),
        (9.0, 387420489.0, INF),
        (10.0, 400.0, INF),
        (-10.0, 401.0, -INF),
        (-10.0, 400.0, INF),
        (10.0, -400.0, 0.0),
        (-10.0, -401.0, -0.0),
        (-HUGE, 3.0, -INF),
        (-LEAST, -3.0, -INF),
        (-10.0, 1e300, INF),
        (2.0, -1074.0, LEAST),
        (-8.0, 3.0, -512.0),
    ],
    "max": [
        (1.0, 2.0, 2.0),
        (0.0, -0.0, 0.0),
        (-0.0, 0.0, 0.0),
        (-0.0, -0.0, -0.0),
        (INF, 1.0, INF),
        (-INF, 1.0, 1.0),
        (NAN, 1.0, NAN),
        (1.0, NAN, NAN),
        (NAN, INF, NAN),
        (INF, NAN, NAN),
        (NAN, NAN, NAN),
    ],
    "min": [
        (1.0, 2.0, 1.0),
        (0.0, -0.0, -0.0),
        (-0.0, 0.0, -0.0),
        (0.0, 0.0, 0.0),
        (INF, 1.0, 1.0),
        (-INF, 1.0, -INF),
        (NAN, 1.0, NAN),
        (1.0, NAN, NAN),
        (NAN, -INF, NAN),
        (-INF, NAN, NAN),
        (NAN, NAN, NAN),
    ],
    # u - w*floor(u/w), with the sign of w.
    "mod": [
        (7.5, 2.0, 1.5),
        (-7.5, 2.0, 0.5),
        (7.5, -2.0, -0.5),
        (-7.5, -2.0, -1.5),
        (4.0, 2.0, 0.0),
        (4.0, -2.0, -0.0),
        (-4.0, 2.0, 0.0),
        (1.0, 0.0, NAN),
        (1.0, -0.0, NAN),
        (0.0, 0.0, NAN),
        (INF, 2.0, NAN),
        (-INF, 2.0, NAN),
        (INF, INF, NAN),
        (5.0, INF, 5.0),
        (-5.0, -INF, -5.0),
        (-5.0, INF, INF),
        (5.0, -INF, -INF),
        (NAN, 2.0, NAN),
        (2.0, NAN, NAN),
        (HUGE, HUGE, 0.0),
        (LEAST, 1.0, LEAST),
    ],
    "atan2": [
        (0.0, 1.0, 0.0),
        (-0.0, 1.0, -0.0),
        (0.0, -1.0, math.pi),
        (-0.0, -1.0, -math.pi),
        (0.0, 0.0, 0.0),
        (-0.0, 0.0, -0.0),
        (0.0, -0.0, math.pi),
        (-0.0, -0.0, -math.pi),
        (1.0, 0.0, math.pi / 2),
        (1.0, -0.0, math.pi / 2),
        (-1.0, 0.0, -math.pi / 2),
        (-1.0, -0.0, -math.pi / 2),
        (1.0, 1.0, math.pi / 4),
        (1.0, -1.0, 3 * math.pi / 4),
        (-1.0, -1.0, -3 * math.pi / 4),
        (-1.0, 1.0, -math.pi / 4),
        (INF, INF, math.pi / 4),
        (INF, -INF, 3 * math.pi / 4),
        (-INF, -INF, -3 * math.pi / 4),
        (-INF, INF, -math.pi / 4),
        (INF, 1.0, math.pi / 2),
        (-INF, 1.0, -math.pi / 2),
        (1.0, INF, 0.0),
        (-1.0, INF, -0.0),
        (1.0, -INF, math.pi),
        (-1.0, -INF, -math.pi),
        (NAN, 1.0, NAN),
        (1.0, NAN, NAN),
        (NAN, INF, NAN),
    ],
    "hypot": [
        (0.0, -0.0, 0.0),
        (-0.0, -0.0, 0.0),
        (-3.0, 4.0, 5.0),
        (INF, 1.0, INF),
        (-INF, 1.0, INF),
        (NAN, INF, INF),
        (-INF, NAN, INF),
        (NAN, 1.0, NAN),
        (1.0, NAN, NAN),
        (HUGE, HUGE, INF),
        (1e300, 0.0, 1e300),
        (LEAST, 0.0, LEAST),
        (-3e-320, 4e-320, 5e-320),
    ],
    "neg": [(0.0, -0.0), (-0.0, 0.0), (INF, -INF), (NAN, NAN), (LEAST, -LEAST)],
    "abs": [(-0.0, 0.0), (0.0, 0.0), (-INF, INF), (INF, INF), (NAN, NAN), (-LEAST, LEAST)],
    "sign": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, 1.0),
        (-INF, -1.0),
        (NAN, NAN),
        (LEAST, 1.0),
        (-LEAST, -1.0),
    ],
    "floor": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (0.5, 0.0),
        (-0.5, -1.0),
        (-LEAST, -1.0),
        (INF, INF),
        (-INF, -INF),
        (NAN, NAN),
        (HUGE, HUGE),
        (-3.0, -3.0),
    ],
    "ceil": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (0.5, 1.0),
        (-0.5, -0.0),
        (LEAST, 1.0),
        (-LEAST, -0.0),
        (INF, INF),
        (-INF, -INF),
        (NAN, NAN),
        (-HUGE, -HUGE),
    ],
    # Ties go to the even neighbour.
    "round": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (0.5, 0.0),
        (-0.5, -0.0),
        (1.5, 2.0),
        (2.5, 2.0),
        (-1.5, -2.0),
        (-2.5, -2.0),
        (0.49999999999999994, 0.0),
        (-0.3, -0.0),
        (4503599627370497.5, 4503599627370498.0),
        (INF, INF),
        (-INF, -INF),
        (NAN, NAN),
        (HUGE, HUGE),
    ],
    "sqrt": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, INF),
        (-INF, NAN),
        (-1.0, NAN),
        (-LEAST, NAN),
        (NAN, NAN),
        (HUGE, 1.3407807929942596e154),
        (4.0, 2.0),
    ],
    "cbrt": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN), (-8.0, -2.0)],
    "exp": [
        (0.0, 1.0),
        (-0.0, 1.0),
        (INF, INF),
        (-INF, 0.0),
        (NAN, NAN),
        (1000.0, INF),
        (-1000.0, 0.0),
        (HUGE, INF),
        (-HUGE, 0.0),
        (LEAST, 1.0),
    ],
    "exp2": [
        (0.0, 1.0),
        (-0.0, 1.0),
        (INF, INF),
        (-INF, 0.0),
        (NAN, NAN),
        (1024.0, INF),
        (-1074.0, LEAST),
        (-1076.0, 0.0),
        (10.0, 1024.0),
    ],
    "expm1": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, INF),
        (-INF, -1.0),
        (NAN, NAN),
        (1000.0, INF),
        (-1000.0, -1.0),
        (LEAST, LEAST),
        (-1e-300, -1e-300),
    ],
    "ln": [
        (0.0, -INF),
        (-0.0, -INF),
        (1.0, 0.0),
        (INF, INF),
        (-INF, NAN),
        (-1.0, NAN),
        (-LEAST, NAN),
        (NAN, NAN),
    ],
    "log2": [
        (0.0, -INF),
        (-0.0, -INF),
        (1.0, 0.0),
        (8.0, 3.0),
        (INF, INF),
        (-INF, NAN),
        (-1.0, NAN),
        (NAN, NAN),
        (LEAST, -1074.0),
    ],
    "log10": [
        (0.0, -INF),
        (-0.0, -INF),
        (1.0, 0.0),
        (1000.0, 3.0),
        (INF, INF),
        (-INF, NAN),
        (-1.0, NAN),
        (NAN, NAN),
    ],
    "log1p": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (-1.0, -INF),
        (INF, INF),
        (-INF, NAN),
        (-2.0, NAN),
        (-1.0000000000000002, NAN),
        (NAN, NAN),
        (LEAST, LEAST),
        (-1e-300, -1e-300),
    ],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (LEAST, LEAST)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (LEAST, 1.0)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (LEAST, LEAST)],
    "asin": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (1.0, math.pi / 2),
        (-1.0, -math.pi / 2),
        (1.0000000000000002, NAN),
        (-2.0, NAN),
        (INF, NAN),
        (-INF, NAN),
        (NAN, NAN),
    ],
    "acos": [
        (1.0, 0.0),
        (-1.0, math.pi),
        (0.0, math.pi / 2),
        (1.0000000000000002, NAN),
        (-2.0, NAN),
        (INF, NAN),
        (-INF, NAN),
        (NAN, NAN),
    ],
    "atan": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, math.pi / 2),
        (-INF, -math.pi / 2),
        (HUGE, math.pi / 2),
        (NAN, NAN),
    ],
    "sinh": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, INF),
        (-INF, -INF),
        (1000.0, INF),
        (-1000.0, -INF),
        (NAN, NAN),
    ],
    "cosh": [
        (0.0, 1.0),
        (-0.0, 1.0),
        (INF, INF),
        (-INF, INF),
        (1000.0, INF),
        (-1000.0, INF),
        (NAN, NAN),
    ],
    "tanh": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, 1.0),
        (-INF, -1.0),
        (1000.0, 1.0),
        (NAN, NAN),
    ],
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN), (LEAST, LEAST)],
    "acosh": [
        (1.0, 0.0),
        (0.5, NAN),
        (0.9999999999999999, NAN),
        (-1.0, NAN),
        (INF, INF),
        (-INF, NAN),
        (NAN, NAN),
    ],
    "atanh": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (1.0, INF),
        (-1.0, -INF),
        (1.0000000000000002, NAN),
        (-2.0, NAN),
        (INF, NAN),
        (-INF, NAN),
        (NAN, NAN),
    ],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (40.0, 1.0), (NAN, NAN)],
    "erfc": [(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 2.0), (40.0, 0.0), (NAN, NAN)],
}  # fmt: skip


def _literal(number: float) -> str:
    """A number as a program writes it."""
    if number != number:
        return "nan"
    text = "inf" if math.isinf(number) else repr(abs(number))
    return f"(-{text})" if math.copysign(1.0, number) < 0 else text


def _by_table(row: Primitive, arguments: Point) -> float:
    return compute(row.code, *arguments)


def _by_program(row: Primitive, arguments: Point) -> float:
    return program(row.name).eval(at(arguments))["f"]


def _by_constants(row: Primitive, arguments: Point) -> float:
    text = call(row)
    for name, number in at(arguments).items():
        text = re.sub(rf"\b{name}\b", _literal(number), text)
    return adcli.load(text).eval()["f"]


def _by_half_constant(row: Primitive, arguments: Point) -> float:
    """The second argument is a constant, or the only one an element of a vector."""
    if row.arity == 1:
        text = re.sub(r"\bu\b", "[u, 1]", call(row))
        return adcli.load(f"f(u) = ({text})[1]").eval(u=arguments[0])["f"]
    text = re.sub(r"\bw\b", _literal(arguments[1]), call(row))
    return adcli.load(f"f(u) = {text}").eval(u=arguments[0])["f"]


def _by_other_half(row: Primitive, arguments: Point) -> float:
    """The first argument is a constant, or the only one is doubly negated."""
    if row.arity == 1:
        text = re.sub(r"\bu\b", "(-(-u))", call(row))
        return adcli.load(f"f(u) = {text}").eval(u=arguments[0])["f"]
    text = re.sub(r"\bu\b", _literal(arguments[0]), call(row))
    return adcli.load(f"f(w) = {text}").eval(w=arguments[1])["f"]


def _by_graph(row: Primitive, arguments: Point) -> float:
    """A graph made at another point and evaluated here."""
    run = program(row.name).run(at(row.samples[0]))
    output = run.results["f"]
    if type(output) is not int:
        return float(output)
    return evaluate(run.graph, arguments)[output]


WAYS = {
    "table": _by_table,
    "program": _by_program,
    "constants": _by_constants,
    "constant right": _by_half_constant,
    "constant left": _by_other_half,
    "graph": _by_graph,
}


@pytest.mark.parametrize("way", WAYS)
@ROWS
def test_special_values(row: Primitive, way: str) -> None:
    """Zeros, infinities, nan, overflow and underflow, by every way there is to compute."""
    for *arguments, expected in SPECIAL_VALUES[row.name]:
        got = WAYS[way](row, tuple(arguments))
        assert same(got, expected), (arguments, got, expected)


def _library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("m")
    try:
        library = ctypes.CDLL(name) if name else None
    except OSError:
        return None
    return library if library is not None and hasattr(library, "exp2") else None


LIBRARY = _library()
C_NAMES = {"ln": "log", "abs": "fabs", "round": "nearbyint"}
# max and min are not the C library's: fmax passes nan by.
NOT_IN_C = {"add", "sub", "mul", "div", "neg", "sign", "max", "min", "mod"}
GRID = [
    0.0, -0.0, INF, -INF, NAN, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 1 / 3, -1 / 3, 2.5,
    -2.5, 1e10, -1e10, 1e300, -1e300, HUGE, -HUGE, LEAST, -LEAST, NORMAL, -NORMAL, 1e-10, -1e-10,
    1 - 2.0**-53, 1 + 2.0**-52, 710.0, -746.0, 1023.9, -1075.0, 4503599627370496.5,
]  # fmt: skip


@pytest.mark.skipif(LIBRARY is None, reason="no C mathematics library to be found")
@pytest.mark.parametrize("name", [row.name for row in TABLE if row.name not in NOT_IN_C])
def test_agrees_with_the_c_library(name: str) -> None:
    """On a grid of special values: zeros, infinities and nan the same, the rest to 4 ulp."""
    row = BY_NAME[name]
    function = getattr(LIBRARY, C_NAMES.get(name, name))
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_double] * row.arity
    for arguments in itertools.product(GRID, repeat=row.arity):
        expected, got = function(*arguments), compute(row.code, *arguments)
        if expected != 0 and math.isfinite(expected):
            assert abs(got - expected) <= ULPS * math.ulp(expected), (arguments, got, expected)
            assert (got < 0) is (expected < 0)
        else:
            assert same(got, expected), (arguments, got, expected)


ANY_FLOAT = st.floats() | st.sampled_from(GRID)


@ROWS
@settings(max_examples=40, deadline=None)
@given(u=ANY_FLOAT, w=ANY_FLOAT)
def test_nothing_raises(row: Primitive, u: float, w: float) -> None:
    """Any doubles give a double, and the same derivatives in both modes."""
    point = (u, w)[: row.arity]
    value = compute(row.code, *point)
    assert type(value) is float
    one, other = (program(row.name).grad(at(point), mode=mode) for mode in MODES)
    for found in (one, other):
        assert same(found.value, value)
    for name in one.gradient:
        assert type(one.gradient[name]) is float
        assert same(one.gradient[name], other.gradient[name])


@ROWS
@settings(max_examples=20, deadline=None)
@given(u=ANY_FLOAT, w=ANY_FLOAT)
def test_nan_is_passed_on(row: Primitive, u: float, w: float) -> None:
    """A nan comes out of a nan, except where the C standard says otherwise."""
    cases: list[Point] = [(NAN,)] if row.arity == 1 else [(NAN, w), (u, NAN)]
    for case in cases:
        known = row.name == "hypot" and any(math.isinf(x) for x in case)
        known |= row.name == "pow" and (case[0] == 1 or case[1] == 0)
        value = compute(row.code, *case)
        assert known or value != value, case
