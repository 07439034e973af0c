"""CSV to CSV, whole processes: adcli beside DuckDB, Polars and Miller with derivatives by hand.

python tests/benchmarks/tables.py [ROWS] [RUNS]

The peers compute the derivatives that somebody wrote down; adcli finds them. Results are
compared before any time is taken. Then memory: the same table four times as long.
"""

from __future__ import annotations

import csv
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path

import numpy as np
from timing import adcli, side_by_side

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


def make(path: Path, rows: int) -> None:
    """A table of two inputs and two other columns."""
    random = np.random.default_rng(7)
    block = 100_000
    with path.open("w") as file:
        file.write("id,x1,x2,name\n")
        for start in range(0, rows, block):
            count = min(block, rows - start)
            a, b = random.uniform(0.5, 3, count).round(6), random.uniform(-5, 5, count).round(6)
            lines = zip(range(start, start + count), a.tolist(), b.tolist(), strict=True)
            file.writelines(f"{i},{x},{y},row{i % 977}\n" for i, x, y in lines)


def last(path: Path) -> dict[str, str]:
    """The last record of a table."""
    with path.open(newline="") as file:
        (record,) = deque(csv.DictReader(file), maxlen=1)
    return record


def main() -> None:
    """Print the table."""
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 2_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        table, long = Path(folder) / "table.csv", Path(folder) / "long.csv"
        make(table, rows)
        out = {
            name: Path(folder) / f"{name}.csv" for name in ("adcli", "DuckDB", "Polars", "Miller")
        }
        commands = {"adcli": adcli("batch", PROGRAM, str(table), "-o", str(out["adcli"]))}
        for name, module, text in (("DuckDB", "duckdb", DUCKDB), ("Polars", "polars", POLARS)):
            if importlib.util.find_spec(module):
                script = text.format(table=table, out=out[name])
                commands[name] = [sys.executable, "-c", script]
        if shutil.which("mlr"):
            # Its standard output is a file, as that of the others is.
            inner = f"exec mlr --icsv --ocsv put '{MILLER}' '{table}' > '{out['Miller']}'"
            commands["Miller"] = ["sh", "-c", inner]
        for command in commands.values():
            subprocess.run(command, check=True)
        records = {name: last(out[name]) for name in commands}
        for name, record in records.items():
            for key, text in records["adcli"].items():
                same = record[key] == text or abs(float(record[key]) - float(text)) < 1e-9
                if not same:
                    raise RuntimeError(f"{name} has {key} = {record[key]}, adcli {text}")
        timed = side_by_side(commands, runs, warm_up=False)
        print(f"CSV to CSV, {rows:,} rows, median of {runs}")
        for name, one in timed.items():
            ratio = one.median / timed["adcli"].median
            print(f"{name:8} {one.median:7.2f} s ({ratio:5.2f} x)  {one.peak / 1e6:6.0f} MB")
        make(table, 1_000_000)
        make(long, 4_000_000)
        memory = side_by_side(
            {
                "1 million rows": adcli("batch", PROGRAM, str(table), "-o", str(out["adcli"])),
                "4 million rows": adcli("batch", PROGRAM, str(long), "-o", str(out["adcli"])),
            },
            3,
            warm_up=False,
        )
        for name, one in memory.items():
            print(f"{name}: {one.peak / 1e6:.0f} MB, {one.median:.2f} s")


if __name__ == "__main__":
    main()
