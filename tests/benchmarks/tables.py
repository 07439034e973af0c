"""CSV to CSV, whole processes: adcli beside DuckDB, Polars and Miller with derivatives by hand.

python tests/benchmarks/tables.py [ROWS] [RUNS]

The peers compute the derivatives that somebody wrote down; adcli finds them. The tables are
compared, all of them, before any time is taken. Then memory: a table four times as long.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from result import Line, Row, at_least, at_most, left_out, show
from timing import Timed, adcli, apart, side_by_side

PROGRAM = "ln(x1) + x1*x2 - sin(x2)"
DUCKDB = """import duckdb
duckdb.sql('''COPY (SELECT *, ln(x1) + x1*x2 - sin(x2) AS f, 1/x1 + x2 AS df_dx1,
x1 - cos(x2) AS df_dx2 FROM read_csv('{table}')) TO '{out}' (HEADER)''')
"""
POLARS = """import polars as pl
a, b = pl.col("x1"), pl.col("x2")
pl.scan_csv("{table}").with_columns((a.log() + a*b - b.sin()).alias("f"),
    (1/a + b).alias("df_dx1"), (a - b.cos()).alias("df_dx2")).sink_csv("{out}")
"""
MILLER = "$f = log($x1) + $x1*$x2 - sin($x2); $df_dx1 = 1/$x1 + $x2; $df_dx2 = $x1 - cos($x2)"
PEERS = ("DuckDB", "Polars", "Miller")


def make(path: Path, rows: int) -> None:
    """A table of two inputs and two other columns."""
    import numpy as np

    random = np.random.default_rng(7)
    block = 100_000
    with path.open("w") as file:
        file.write("id,x1,x2,name\n")
        for start in range(0, rows, block):
            count = min(block, rows - start)
            a, b = random.uniform(0.5, 3, count).round(6), random.uniform(-5, 5, count).round(6)
            lines = zip(range(start, start + count), a.tolist(), b.tolist(), strict=True)
            file.writelines(f"{i},{x},{y},row{i % 977}\n" for i, x, y in lines)


def check(peer: str, ours: Path, theirs: Path) -> None:
    """A peer wrote the same table, or there is nothing to compare.

    Raises:
        RuntimeError: it did not.
    """
    import numpy as np
    from pyarrow import csv

    one, other = csv.read_csv(ours), csv.read_csv(theirs)
    if one.column_names != other.column_names or one.num_rows != other.num_rows:
        raise RuntimeError(f"{peer}: {other.num_rows:,} rows of {other.column_names}")
    for name in one.column_names:
        a, b = one[name].to_numpy(), other[name].to_numpy()
        numbers = a.dtype.kind in "if" and b.dtype.kind in "if"
        same = np.allclose(a, b, rtol=1e-9, atol=1e-9) if numbers else np.array_equal(a, b)
        if not same:
            raise RuntimeError(f"{peer}: column {name} is not that of adcli")


def commands(table: Path, folder: Path) -> dict[str, tuple[list[str], Path]]:
    """Command and what it writes, of those that can be measured here."""
    out = {name: folder / f"{name}.csv" for name in ("adcli", *PEERS)}
    found = {"adcli": adcli("batch", PROGRAM, str(table), "-o", str(out["adcli"]))}
    for name, module, text in (("DuckDB", "duckdb", DUCKDB), ("Polars", "polars", POLARS)):
        if importlib.util.find_spec(module):
            found[name] = [sys.executable, "-c", text.format(table=table, out=out[name])]
    if shutil.which("mlr"):
        # Its standard output is a file, as that of the others is.
        inner = f"exec mlr --icsv --ocsv put '{MILLER}' '{table}' > '{out['Miller']}'"
        found["Miller"] = ["sh", "-c", inner]
    return {name: (command, out[name]) for name, command in found.items()}


def measure(rows: int, runs: int) -> dict[str, Timed]:
    """name -> times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = folder / "table.csv"
        apart(make, table, rows)
        found = commands(table, folder)
        for command, _ in found.values():
            subprocess.run(command, check=True)
        for peer, (_, out) in found.items():
            apart(check, peer, found["adcli"][1], out)
        timed = {peer: command for peer, (command, _) in found.items()}
        return apart(side_by_side, timed, runs, False)


def memory(sizes: tuple[int, ...], runs: int) -> dict[int, Timed]:
    """Rows -> peak of `batch`."""
    with tempfile.TemporaryDirectory() as folder:
        given = {}
        for rows in sizes:
            table = Path(folder, f"{rows}.csv")
            apart(make, table, rows)
            out = str(Path(folder, "out.csv"))
            given[str(rows)] = adcli("batch", PROGRAM, str(table), "-o", out)
        timed = apart(side_by_side, given, runs, False)
    return {rows: timed[str(rows)] for rows in sizes}


def row(rows: int = 2_000_000, runs: int = 5) -> Row:
    """The row of the table."""
    timed = measure(rows, runs)
    lines = []
    for name, one in timed.items():
        ratio = one.median / timed["adcli"].median
        text = f"{one.median:.2f} s, {one.peak / 1e6:.0f} MB"
        if name == "adcli":
            lines.append(Line(name, text))
        else:
            lines.append(at_least(name, f"{text}, {ratio:.2f} x adcli", ratio, 1, "x adcli"))
    lines += [left_out(name) for name in PEERS if name not in timed]
    return Row(f"batch whole process: CSV to CSV, {rows:,} rows, median of {runs}", lines)


def memory_row(sizes: tuple[int, int] = (1_000_000, 4_000_000), runs: int = 3) -> Row:
    """The row of the table about memory."""
    timed = memory(sizes, runs)
    base = timed[sizes[0]].peak
    lines = []
    for rows, one in timed.items():
        text = f"{one.peak / 1e6:.0f} MB, {one.median:.2f} s"
        what = f"{rows:,} rows"
        if rows == sizes[0]:
            lines.append(Line(what, text))
        else:
            limit = f"x that of {sizes[0]:,}"
            lines.append(at_most(what, text, one.peak / base, 1.5, limit))
    return Row(f"memory of batch: greatest of {runs}", lines)


def main() -> None:
    """Print the rows."""
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 2_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    show(row(rows, runs))
    show(memory_row())


if __name__ == "__main__":
    main()
