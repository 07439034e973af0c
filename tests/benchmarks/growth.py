"""How time grows with the size of a program: n and 4 n, where 4 is linear and 16 is not.

python tests/benchmarks/growth.py [RUNS]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import adcli

FAMILIES: dict[str, tuple[int, Callable[[int], str]]] = {
    "terms": (20_000, lambda n: " + ".join(f"x*{i}" for i in range(1, n))),
    "notes": (1_500, lambda n: " + ".join(f"abs(x*{i})" for i in range(1, n))),
    "statements": (5_000, lambda n: "\n".join(f"y{i} = x*{i}" for i in range(n)) + "\nx"),
    "ifs": (
        3_000,
        lambda n: "\n".join(f"y{i} = 0; if x > {i} {{ y{i} = x }}" for i in range(n)) + "\nx",
    ),
    "else if": (
        1_500,
        lambda n: (
            "if x < 0 { y = 0 } "
            + " ".join(f"else if x < {i} {{ y{i} = {i}*x }}" for i in range(n))
            + " else { y = 1 }; x"
        ),
    ),
    "functions": (
        2_000,
        lambda n: "f0(x) = x\n" + "\n".join(f"f{i}(x) = f{i - 1}(x) + 1" for i in range(1, n)),
    ),
    "results": (5_000, lambda n: "[" + ", ".join(f"x*{i}" for i in range(n)) + "]"),
}


def seconds(text: str) -> float:
    """Time to load a program and differentiate its first result."""
    start = time.perf_counter()
    run = adcli.load(text).run(x=0)
    from adcli.differentiate.gradient import gradient

    gradient(run, "reverse", result=next(iter(run.results)))
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{'median of ' + str(runs):14} {'n':>7} {'seconds':>9} {'4 n':>9} {'ratio':>6}")
    for name, (size, make) in FAMILIES.items():
        small, large = make(size), make(4 * size)
        pairs = [(seconds(small), seconds(large)) for _ in range(runs)]
        one = statistics.median(pair[0] for pair in pairs)
        four = statistics.median(pair[1] for pair in pairs)
        print(f"{name:14} {size:7,} {one:9.3f} {four:9.3f} {four / one:6.1f}")


if __name__ == "__main__":
    main()
