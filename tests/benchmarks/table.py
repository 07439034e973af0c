"""The table of performance, measured: all rows beside what must be reached.

    python tests/benchmarks/table.py [--quick] [ROW ...]

Each row is one run in a process of its own, adcli and its peers in turn. With a name, only
that row. A row whose results differ is refused, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from typing import Any

from result import Line, Row, show
from timing import apart

# Row -> module, function, and the arguments that make it quick.
ROWS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "start": ("start", "row", {"runs": 5}),
    "kernel": ("rows", "row", {"runs": 2}),
    "csv": ("tables", "row", {"rows": 500_000, "runs": 3}),
    "first": ("first", "row", {"runs": 2}),
    "cost": ("native", "row", {"runs": 2, "many": False}),
    "size": ("sizes", "row", {"share": 5, "runs": 1}),
    "each": ("each", "row", {"lines": 5_000, "runs": 2}),
    "memory": ("tables", "memory_row", {"sizes": (250_000, 1_000_000), "runs": 1}),
}


def measured(module: str, function: str, arguments: dict[str, Any]) -> Row:
    """A row; imports what it needs, in whatever process this is."""
    found: Row = getattr(import_module(module), function)(**arguments)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the table of performance.")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rows and runs, and programs a fifth as long"
    )
    parser.add_argument("row", nargs="*", metavar="ROW", help=", ".join(ROWS))
    options = parser.parse_args()
    for name in options.row:
        if name not in ROWS:
            parser.error(f"no row is called {name!r}; there are {', '.join(ROWS)}")
    start, refused = time.perf_counter(), []
    for name in options.row or ROWS:
        module, function, quick = ROWS[name]
        try:
            show(apart(measured, module, function, quick if options.quick else {}))
        except Exception as error:
            refused.append(name)
            show(Row(name, [Line("refused", f"{type(error).__name__}: {error}")]))
    print(f"\n{time.perf_counter() - start:.0f} s")
    if refused:
        sys.exit(f"refused: {', '.join(refused)}")


if __name__ == "__main__":
    main()
