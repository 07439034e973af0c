"""What may have gone wrong in a gradient written by hand: the usual slips, recognized.

Each is a relation between the right derivatives and those written that holds at several
points: a sign, a factor, a term of a sum or an inner derivative that is missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.evaluate.floats import over_floats
from adcli.graph.numbers import number
from adcli.graph.primitives import CONSTANT
from adcli.graph.program import Run

_CLOSE = 1e-7
_LONGEST = 40
_DIGITS = 6
_CLEAN = (2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25, math.pi, 1 / math.pi, math.log(2), math.log(10))


class Sample:
    """The derivatives at one point, right and as written, and where they come from.

    Attributes:
        run: the program at the point.
        right: the derivatives by element.
        written: what was written for them.
    """

    __slots__ = ("right", "run", "written")

    def __init__(self, run: Run, right: dict[str, float], written: dict[str, float]) -> None:
        self.run = run
        self.right = right
        self.written = written


def guess(name: str, samples: list[Sample], result: str) -> str:
    """What a wrong derivative looks like.

    Args:
        name: the element it is towards.
        samples: the derivatives at several points.
        result: the result differentiated.

    Returns:
        A few words, or "" if it looks like none of the usual slips.
    """
    right = [sample.right[name] for sample in samples]
    written = [sample.written[name] for sample in samples]
    if all(g == 0 for g in written):
        return "it is 0"
    if _same(written, [-a for a in right]):
        return "the sign is wrong"
    for other in samples[0].right:
        if other != name and _same(written, [sample.right[other] for sample in samples]):
            return f"it is the derivative towards {other}"
    if all(right):
        ratios = [g / a for g, a in zip(written, right, strict=True)]
        if _same(ratios, [ratios[0]] * len(ratios)):
            return f"it is {_factor(ratios[0])} times what it should be"
    runs = [sample.run for sample in samples]
    return _missing_term(name, runs, right, written, result) or _missing_factor(
        name, runs, right, written
    )


def _factor(ratio: float) -> str:
    for clean in _CLEAN:
        if abs(abs(ratio) - clean) <= _CLOSE * clean:
            ratio = math.copysign(clean, ratio)
    short = number(ratio, _DIGITS)
    return short if short.lstrip("-") != "1" else number(ratio)


def _missing_term(
    name: str, runs: list[Run], right: list[float], written: list[float], result: str
) -> str:
    """A contribution to the adjoint that was left out, counted twice, or has a wrong sign."""
    tables = [_contributions(run, name, result) for run in runs]
    short = [a - g for a, g in zip(right, written, strict=True)]
    for key in tables[0]:
        if all(key in table for table in tables):
            terms = [table[key] for table in tables]
            if all(terms):
                # How many times of what it should be the term is in what was written.
                times = [1 - x / term for x, term in zip(short, terms, strict=True)]
                text = _text(runs[0], key)
                if _same(times, [times[0]] * len(times), absolute=True):
                    return f"the term through {text} {_times(times[0])}"
                inner = _factor_of(name, runs, [1 / x if x else math.nan for x in times])
                if inner:
                    return f"in the term through {text}, {inner}"
    return ""


def _times(times: float) -> str:
    if abs(times) <= _CLOSE:
        return "is missing"
    if abs(times + 1) <= _CLOSE:
        return "has the wrong sign"
    if abs(times - 2) <= _CLOSE:
        return "is there twice"
    return f"is {_factor(times)} times what it should be"


def _missing_factor(name: str, runs: list[Run], right: list[float], written: list[float]) -> str:
    """A factor that was left out, perhaps an inner derivative, or that is there once more."""
    ratios = [a / g if g else math.nan for a, g in zip(right, written, strict=True)]
    inverse = [g / a if a else math.nan for a, g in zip(right, written, strict=True)]
    found = _factor_of(name, runs, ratios)
    if found:
        return found
    for factors, verb in ((ratios, "is missing"), (inverse, "is too much")):
        text = _quantity(runs, factors)
        if text:
            return f"a factor of {text} {verb}"
    return ""


def _quantity(runs: list[Run], numbers: list[float]) -> str:
    """The input or operation whose value some numbers are at all points, or its negative."""
    first = runs[0]
    elements = {node: label for label, node in first.elements.items()}
    count = min(len(run.graph) for run in runs)
    for node in range(count):
        values = [run.graph.value[node] for run in runs]
        for sign, shown in ((1.0, ""), (-1.0, "-")):
            if first.graph.op[node] != CONSTANT and _same([sign * x for x in values], numbers):
                return shown + (elements[node] if node in elements else _text(first, node))
    return ""


def _factor_of(name: str, runs: list[Run], ratios: list[float]) -> str:
    """The operation whose derivative a factor is at all points."""
    tables = [_inner(run, name) for run in runs]
    for key in tables[0]:
        if all(key in table for table in tables):
            inner = [table[key] for table in tables]
            if _same(inner, ratios) and not _same(inner, [1.0] * len(inner)):
                text = _text(runs[0], key)
                return f"the inner derivative, of {text}, is missing (chain rule)"
    return ""


def _contributions(run: Run, name: str, result: str) -> dict[int, float]:
    """The terms of an element's adjoint, by the operation they come through."""
    node = run.elements[name]
    terms: dict[int, float] = {}

    def observe(target: int, source: int, position: int, before: Any, after: Any) -> None:
        if target == node:
            terms[source] = terms.get(source, 0.0) + after - (before or 0.0)

    output = run.results[result]
    if type(output) is int:
        reverse(run.graph, {output: 1.0}, [node], over_floats(run.graph), observe)
    return terms


def _inner(run: Run, name: str) -> dict[int, float]:
    """The derivative of each operation towards an element."""
    graph = run.graph
    v_dot = forward(graph, {run.elements[name]: 1.0}, over_floats(graph))
    return {
        node: v_dot[node]
        for node, code in enumerate(graph.op)
        if code > CONSTANT and v_dot[node] is not None and math.isfinite(v_dot[node])
    }


def _text(run: Run, node: int) -> str:
    """An operation as the program has it, or by its name where that is long."""
    span = run.span(node)
    text = " ".join(span.text.split()) if span else ""
    return text if 0 < len(text) <= _LONGEST else run.labels.label(node, "text")


def _same(one: Sequence[float], other: Sequence[float], *, absolute: bool = False) -> bool:
    least = 1.0 if absolute else 0.0
    return all(
        abs(a - b) <= _CLOSE * max(abs(a), abs(b), least) for a, b in zip(one, other, strict=True)
    )
