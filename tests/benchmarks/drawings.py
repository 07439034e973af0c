"""Pictures of graphs of about 1,000 nodes, and of twice as many: whole processes.

python tests/benchmarks/drawings.py [RUNS]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from timing import adcli, side_by_side

# What a program of about n operations looks like; the last is as tangled as they come.
SHAPES: dict[str, Callable[[int], str]] = {
    "loop": lambda n: (
        f"f(r = 3.7, s = 0.3) = {{ x = s; for i in 1..{n // 3} {{ x = r*x*(1 - x) }}; x }}"
    ),
    "sum": lambda n: f"f(x = 2) = sum(sin(i*x) for i in 1..{n // 3})",
    "valley": lambda n: (
        f"f(a = 1, b = 2) = {{ x = [a + i*b for i in 1..{n // 9}]\n"
        "sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..len(x)-1) }"
    ),
    "tangle": lambda n: (
        "f(a0 = 1.1, a1 = 2) = {\n"
        + "\n".join(
            f"a{i} = a{max(0, i - 1 - i * 7 % 13)} {'+-*'[i % 3]} sin(a{i * i % max(1, i - 1)})"
            for i in range(2, n // 2)
        )
        + f"\na{n // 2 - 1}\n}}"
    ),
}
FORMS = ("svg", "pdf", "dot", "tree")


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        commands = {}
        for name, make in SHAPES.items():
            for size in (1000, 2000):
                path = Path(folder) / f"{name}{size}.ad"
                path.write_text(make(size) + "\n")
                base = ["graph", str(path), "--mode", "reverse", "--max-nodes", "100000"]
                for form in FORMS:
                    target = str(Path(folder) / f"{name}{size}.{form}")
                    command = adcli(*base, "--format", form, "--quiet", "-o", target)
                    commands[f"{name} {size:,} {form}"] = command
        timed = side_by_side(commands, runs, warm_up=False)
    print(f"{'median of ' + str(runs):24} {'seconds':>8} {'MB':>6}")
    for name, one in timed.items():
        print(f"{name:24} {one.median:8.2f} {one.peak / 1e6:6.0f}")


if __name__ == "__main__":
    main()
