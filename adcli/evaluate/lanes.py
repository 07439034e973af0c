"""A graph over lanes: many passes at once, a vector with a place for each pass.

The only part of a derivative at one point that needs numpy, which is imported when passes
are many and the graph is long.

In a lane a structural zero is the number 0, which contributes nothing unless it meets
what is not finite: a lane with a result that is nan or infinite has to be made again alone.
Added to a zero that is negative it makes a positive one, and no other difference.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from adcli.evaluate.floats import Over
from adcli.graph.rules import FLOATS
from adcli.graph.wengert import Graph


def over_lanes(graph: Graph) -> Over:
    """A sweep that yields a vector for each node."""
    return Over(graph.value, FLOATS, operator.mul, operator.add, keep=False)


def unit(count: int, lane: int) -> Any:
    """The seed of what belongs to one lane of `count`."""
    seed = np.zeros(count)
    seed[lane] = 1.0
    return seed


def quiet() -> AbstractContextManager[Any]:
    """Overflow and nan are results, not warnings."""
    return np.errstate(all="ignore")


def columns(results: Sequence[Any], count: int) -> list[list[float]]:
    """For each lane its numbers, one a result; None is 0."""
    rows = [np.zeros(count) if row is None else row for row in results]
    found: list[list[float]] = np.array(rows).reshape(len(rows), count).T.tolist()
    return found
