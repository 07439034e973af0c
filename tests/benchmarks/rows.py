"""Value and gradient of a million rows in memory: adcli beside JAX, CasADi and NumPy by hand.

    python tests/benchmarks/rows.py [ROWS] [RUNS] [PEERS]

All use all cores where they can. Results are compared before any time is taken. Peers that
are not installed are left out.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from peers import check, installed
from programs import PROGRAMS, inputs
from result import Line, Row, at_least, left_out, show
from timing import Timed, in_turn

PEERS = ("JAX", "CasADi", "NumPy by hand")


def measure(rows: int, runs: int, peers: Sequence[str]) -> dict[str, dict[str, Timed]]:
    """program -> peer -> times."""
    found = {}
    makers = installed(("adcli", *peers))
    for name in PROGRAMS:
        given = inputs(name, rows)
        ready = {peer: make(name, given) for peer, make in makers.items()}
        expected = ready["adcli"].columns(ready["adcli"].call())
        for peer, one in ready.items():
            check(peer, name, expected, one.columns(one.call()))
        del expected
        found[name] = in_turn({key: one.call for key, one in ready.items()}, runs, settle=True)
    return found


def row(rows: int = 1_000_000, runs: int = 5, peers: Sequence[str] = PEERS) -> Row:
    """The row of the table."""
    found = measure(rows, runs, peers)
    lines = []
    for name, times in found.items():
        each = ", ".join(f"{peer} {one.median / rows * 1e9:.1f}" for peer, one in times.items())
        lines.append(Line(name, f"{each} ns a row"))
    for peer in peers:
        ratios = [
            times[peer].median / times["adcli"].median for times in found.values() if peer in times
        ]
        if not ratios:
            lines.append(left_out(peer))
            continue
        mean, least = math.exp(sum(map(math.log, ratios)) / len(ratios)), min(ratios)
        what = f"{peer} takes longer, mean"
        limit = {"JAX": 6, "CasADi": 20}.get(peer)
        text = f"{mean:.1f} x"
        lines.append(at_least(what, text, mean, limit, "x") if limit else Line(what, text))
        if peer == "JAX":
            lines.append(at_least(f"{peer}, least of the five", f"{least:.1f} x", least, 1, "x"))
    return Row(f"batch kernel: value and gradient, {rows:,} rows, median of {runs}", lines)


def main() -> None:
    """Print the row."""
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    show(row(rows, runs, sys.argv[3].split(",") if len(sys.argv) > 3 else PEERS))


if __name__ == "__main__":
    main()
