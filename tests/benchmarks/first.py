"""Time to the first batch result, beside JAX and Numba, and how it grows with the program.

    python tests/benchmarks/first.py [RUNS]

From the text, or the function, to the value and gradient of 4,096 rows: what compiling takes.
Everything is imported before. Results are compared before any time is taken.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from peers import Maker, check, installed
from programs import PROGRAMS, inputs
from result import Line, Row, at_least, at_most, left_out, show
from timing import Timed, in_turn

import adcli

PEERS = ("JAX", "Numba by hand")
SIZES = (1_000, 10_000, 100_000)


def measure(runs: int) -> dict[str, dict[str, Timed]]:
    """program -> peer -> times from nothing to the first result."""
    found = {}
    makers = installed(("adcli", *PEERS))
    for name in PROGRAMS:
        given = inputs(name, 4096)
        expected = None
        for peer, make in makers.items():
            one = make(name, given)
            got = one.columns(one.call())
            expected = expected or got
            check(peer, name, expected, got)

        def fresh(make: Maker, name: str = name) -> Callable[[], object]:
            given = inputs(name, 4096)
            return lambda: make(name, given).call()

        found[name] = in_turn({peer: fresh(make) for peer, make in makers.items()}, runs)
    return found


def compiled(size: int) -> float:
    """Seconds to the first value and gradient of a program of about so many operations.

    Raises:
        RuntimeError: a result is wrong.
    """
    factors = np.arange(1, size // 4 + 1) + 0.5
    text = "f(x, y) = " + " + ".join(f"sin(x*{factor})*y" for factor in factors.tolist())
    x, y = np.linspace(0.1, 1, 64), np.linspace(1, 2, 64)
    start = time.perf_counter()
    got = adcli.load(text).columns({"x": x, "y": y})
    seconds = time.perf_counter() - start
    angles = np.outer(x, factors)
    by_hand = [
        np.sin(angles).sum(1) * y,
        (np.cos(angles) * factors).sum(1) * y,
        np.sin(angles).sum(1),
    ]
    check("by hand", f"{size:,} operations", list(got.values()), by_hand)
    return seconds


def growth(runs: int) -> dict[int, float]:
    """Size -> seconds."""
    compiled(100)
    return {
        size: statistics.median(compiled(size) for _ in range(runs if size < SIZES[-1] else 1))
        for size in SIZES
    }


def row(runs: int = 5) -> Row:
    """The row of the table."""
    found = measure(runs)
    lines = []
    for name, times in found.items():
        each = ", ".join(f"{peer} {one.median * 1e3:.0f}" for peer, one in times.items())
        lines.append(Line(name, f"{each} ms"))
    for peer in PEERS:
        ratios = [one[peer].median / one["adcli"].median for one in found.values() if peer in one]
        if ratios:
            text = f"{min(ratios):.1f} x"
            lines.append(at_least(f"{peer}, least of the five", text, min(ratios), 3, "x"))
        else:
            lines.append(left_out(peer))
    grown = growth(runs)
    base = grown[SIZES[0]] / SIZES[0]
    for size, seconds in grown.items():
        ratio = seconds / size / base
        text = f"{seconds:.3f} s, {seconds / size * 1e6:.1f} microseconds each"
        what = f"{size:,} operations"
        if size == SIZES[0]:
            lines.append(Line(what, text))
        else:
            lines.append(at_most(what, text, ratio, 1.5, f"x those of {SIZES[0]:,}"))
    return Row(f"time to the first batch result, median of {runs}", lines)


def main() -> None:
    """Print the row."""
    show(row(int(sys.argv[1]) if len(sys.argv) > 1 else 5))


if __name__ == "__main__":
    main()
