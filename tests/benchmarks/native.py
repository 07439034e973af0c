"""Compiling for columns, and what a gradient costs against the value.

python tests/benchmarks/native.py [RUNS]
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np

import adcli

SIZES = (100, 1_000, 10_000, 100_000)
INPUTS = (10, 100, 1_000)


def first(n: int) -> float:
    """Time to the first value and gradient of a program of about n operations."""
    terms = " + ".join(f"sin(x*{i}.5)*y" for i in range(1, n // 4 + 1))
    column = np.linspace(0.1, 1, 64)
    start = time.perf_counter()
    adcli.load(f"f(x, y) = {terms}").columns({"x": column, "y": column})
    return time.perf_counter() - start


def cost(n: int, runs: int) -> tuple[float, float]:
    """Nanoseconds a row of the value, and of value and gradient, of Rosenbrock in n inputs."""
    program = adcli.load(
        "f(x[]) = sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..len(x)-1)"
    )
    rows = 20_000_000 // n
    given: dict[str, Any] = {
        f"x[{i}]": np.random.default_rng(i).uniform(-2, 2, rows) for i in range(1, n + 1)
    }
    found = []
    for values_only in (True, False):
        program.columns(given, values_only=values_only)
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(runs):
        for values_only in (True, False):
            start = time.perf_counter()
            program.columns(given, values_only=values_only)
            times[values_only].append(time.perf_counter() - start)
    found = [statistics.median(times[key]) / rows * 1e9 for key in (True, False)]
    return found[0], found[1]


def main() -> None:
    """Print the tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    first(10)  # imports
    print("operations   first result   microseconds an operation")
    for size in SIZES:
        seconds = statistics.median(first(size) for _ in range(3 if size < 100_000 else 1))
        print(f"{size:10,} {seconds:12.3f} s {seconds / size * 1e6:12.1f}", flush=True)
    print("inputs   value   value and gradient   ratio")
    for n in INPUTS:
        value, both = cost(n, runs)
        print(f"{n:6,} {value:7.1f} ns {both:14.1f} ns {both / value:10.2f}", flush=True)


if __name__ == "__main__":
    main()
