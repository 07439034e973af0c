"""How long a start takes: whole processes as ratios to `python -c pass`.

    python tests/benchmarks/start.py [RUNS]

Byte-compile the packages first, as an installer does.
"""

from __future__ import annotations

import sys

from timing import adcli, side_by_side

SOURCE = "ln(x1) + x1*x2 - sin(x2)"
POINT = ("x1=2", "x2=5")
LIMITS = {"grad --format json": 7.5, "grad": 9.0, "trace": 10.0}


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    timed = side_by_side(
        {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import click": [sys.executable, "-c", "import click"],
            "grad --format json": adcli("grad", SOURCE, *POINT, "--format", "json"),
            "grad": adcli("grad", SOURCE, *POINT),
            "trace": adcli("trace", SOURCE, *POINT),
        },
        runs,
    )
    base = timed["python -c pass"].median
    print(f"{'median of ' + str(runs):20} {'ms':>7} {'ratio':>6} {'limit':>6}")
    for name, one in timed.items():
        limit = f"{LIMITS[name]:6.1f}" if name in LIMITS else ""
        print(f"{name:20} {one.median * 1e3:7.1f} {one.median / base:6.2f} {limit}")


if __name__ == "__main__":
    main()
