"""`adcli batch` from outside: columns, errors, files, streams and exit codes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import Ran, captured

from adcli.cli.main import main

SOURCE = "ln(x1) + x1*x2 - sin(x2)"
TABLE = "id,x1,x2\na,2,5\nb,0.5,1\n"
LN = "f(x, y) = ln(x)*y"
ROWS = "x,y,s\n1,2,a\n2,q,b\n3,,c\n4,0.5,d\n"
Run = Callable[..., "Ran"]


@pytest.fixture
def batch(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs the command in a folder of its own, with a table in t.csv."""
    monkeypatch.chdir(tmp_path)

    def run(source: str, table: str, *arguments: str, name: str = "t.csv") -> Ran:
        Path(name).write_text(table, encoding="utf-8", newline="")
        return captured(capfd, "batch", source, name, *arguments)

    return run


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "adcli", *arguments], capture_output=True, timeout=60, **options
    )


def grad(capfd: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main((*arguments, "--format", "json")) == 0
    loaded = json.loads(capfd.readouterr().out)
    assert isinstance(loaded, dict)
    return loaded


def test_columns_are_those_of_grad(batch: Run, capfd: pytest.CaptureFixture[str]) -> None:
    got = batch(SOURCE, TABLE)
    assert (got.code, got.err) == (0, "")
    assert list(got.rows[0]) == ["id", "x1", "x2", "f", "df_dx1", "df_dx2"]
    for row in got.rows:
        alone = grad(capfd, "grad", SOURCE, f"x1={row['x1']}", f"x2={row['x2']}")
        assert float(row["f"]) == pytest.approx(alone["value"], rel=1e-15)
        for name, expected in alone["gradient"].items():
            assert float(row[f"df_d{name}"]) == pytest.approx(expected, rel=1e-15)


def test_libm_gives_the_bits_of_grad(batch: Run, capfd: pytest.CaptureFixture[str]) -> None:
    for row in batch(SOURCE, TABLE, "--math", "libm").rows:
        alone = grad(capfd, "grad", SOURCE, f"x1={row['x1']}", f"x2={row['x2']}")
        assert float(row["f"]) == alone["value"]
        assert [float(row["df_dx1"]), float(row["df_dx2"])] == list(alone["gradient"].values())


def test_hessian(batch: Run, capfd: pytest.CaptureFixture[str]) -> None:
    got = batch(SOURCE, TABLE, "--hessian", "--only-results")
    seconds = ["d2f_dx1_dx1", "d2f_dx1_dx2", "d2f_dx2_dx2"]
    assert list(got.rows[0]) == ["f", "df_dx1", "df_dx2", *seconds]
    for row, (x1, x2) in zip(got.rows, [("2", "5"), ("0.5", "1")], strict=True):
        matrix = grad(capfd, "hessian", SOURCE, f"x1={x1}", f"x2={x2}")["hessian"]
        triangle = [matrix[0][0], matrix[0][1], matrix[1][1]]
        assert [float(row[name]) for name in seconds] == pytest.approx(triangle, rel=1e-15)


def test_hessian_of_two_results(batch: Run) -> None:
    got = batch("f(x) = { q = x*x; q, x }", "x\n1\n", "--hessian")
    assert (got.code, got.out) == (2, "")
    assert "second derivatives are of one result; the program has 2" in got.err


def test_wrt_and_value_only(batch: Run) -> None:
    assert batch("f(x, y) = x*y", "x,y\n2,3\n", "--wrt", "y").out == "x,y,f,df_dy\n2,3,6,2\n"
    both = batch("f(x, y) = x*y", "x,y\n2,3\n", "--wrt", "y,x", "--only-results")
    assert both.rows == [{"f": "6", "df_dx": "3", "df_dy": "2"}]
    assert batch("f(x, y) = x*y", "x,y\n2,3\n", "--value-only").out == "x,y,f\n2,3,6\n"
    for more in (("--wrt", "x"), ("--hessian",)):
        got = batch("f(x, y) = x*y", "x,y\n2,3\n", "--value-only", *more)
        assert (got.code, got.out) == (2, "")
        assert "--value-only differentiates nothing" in got.err


def test_sum(batch: Run) -> None:
    assert batch("f(x) = x^2", "x,s\n1,a\n2,b\n-3,c\n", "--sum").out == "f,df_dx\n14,0\n"
    got = batch(LN, ROWS, "--sum", "--on-error", "skip", "--value-only")
    assert (got.code, got.out) == (1, f"f\n{math.log(4) * 0.5!r}\n")


def test_several_results(batch: Run) -> None:
    got = batch("f(x, y) = { q = x*y; q, x/y }", "x,y\n6,3\n", "--only-results")
    assert [float(x) for x in got.rows[0].values()][:2] == [18, 2]
    assert [x for x in got.rows[0] if x.startswith("dq")] == ["dq_dx", "dq_dy"]


def test_vectors_and_matrices_are_columns(batch: Run) -> None:
    table = '"A[1,2]",x[2],"A[1,1]",x[1]\n2,4,1,3\n'
    got = batch("sum(A @ x)", table)
    assert got.code == 0, got.err
    expected = {"f": 11, "df_dA[1,1]": 3, "df_dA[1,2]": 4, "df_dx[1]": 1, "df_dx[2]": 2}
    assert {name: float(got.rows[0][name]) for name in expected} == expected
    assert len(got.rows[0]) == 9


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("x[1],x[3]\n1,2\n", "column 'x[2]' is missing"),
        ("x[1],x[a]\n1,2\n", "'x[a]' is no element of 'x'"),
        ('x[1],"x[1,1]"\n1,2\n', "'x' has elements with one index and with two"),
        ("x[1],x[1]\n1,2\n", "the table has 2 columns called 'x[1]'"),
    ],
)
def test_vectors_that_are_none(batch: Run, table: str, message: str) -> None:
    got = batch("sum(x*x)", table)
    assert (got.code, got.out) == (2, "")
    assert message in got.err


def test_constants_and_defaults(batch: Run) -> None:
    assert batch("f(x, y=7) = x*y", "x\n2\n").out == "x,f,df_dx\n2,14,7\n"
    assert batch("f(x, y=7) = x*y", "x\n2\n", "y=3").out == "x,f,df_dx\n2,6,3\n"
    # A constant goes before a column, which stays as it is.
    assert batch("f(x, y) = x*y", "x,y\n2,z\n", "y=5").out == "x,y,f,df_dx\n2,z,10,5\n"
    assert batch("sum(a*x)", "x[1],x[2]\n2,3\n", "a=[5,7]", "--only-results").rows == [
        {"f": "31", "df_dx[1]": "5", "df_dx[2]": "7"}
    ]
    got = batch("f(x, y) = x*y", "x\n2\n", "y=5", "--wrt", "y")
    assert (got.code, got.out) == (2, "")
    assert "'y' has no column" in got.err


@pytest.mark.parametrize(
    ("source", "table", "message"),
    [
        ("f(x, y) = x*y", "x,z\n1,2\n", "column 'y' is missing"),
        ("f(x, y) = x*y", "a,b\n1,2\n", "columns are missing: x, y"),
        ("f(x, y) = x*y", "x,y,x\n1,2,3\n", "the table has 2 columns called 'x'"),
        ("f(x) = x", "x,f\n1,2\n", "the table has a column called 'f' already"),
        ("f(x) = x", "x,df_dx\n1,2\n", "the table has a column called 'df_dx' already"),
        ("f(x) = x", "", "the table is empty: it has no header"),
    ],
)
def test_columns_that_do_not_fit(batch: Run, source: str, table: str, message: str) -> None:
    got = batch(source, table)
    assert (got.code, got.out) == (2, "")
    assert got.err.startswith("error: ")
    assert message in got.err


def test_conflicts_do_not_matter_without_the_columns(batch: Run) -> None:
    assert batch("f(x) = x", "x,f\n3,2\n", "--only-results").out == "f,df_dx\n3,1\n"
    assert batch("f(x) = x", "x,f\n3,2\n", "--sum").out == "f,df_dx\n3,1\n"


def test_errors_fail(batch: Run) -> None:
    got = batch(LN, ROWS)
    assert (got.code, got.out) == (1, "")
    assert "error: line 3, column 'y': 'q' is not a number" in got.err
    assert "--on-error skip or null goes on" in got.err
    blank = batch(LN, "x,y\n1,\n")
    assert "line 2, column 'y': the cell is blank" in blank.err


def test_errors_skip_and_null(batch: Run) -> None:
    skipped = batch(LN, ROWS, "--on-error", "skip", "--errors", "e.jsonl")
    assert skipped.code == 1
    assert [row["s"] for row in skipped.rows] == ["a", "d"]
    assert "2 of 4 rows were left out" in skipped.err
    log = [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()]
    assert log == [
        {"line": 3, "column": "y", "text": "q", "message": "not a number"},
        {"line": 4, "column": "y", "text": "", "message": "the cell is blank"},
    ]
    empty = batch(LN, ROWS, "--on-error", "null")
    assert empty.code == 1
    assert empty.out.splitlines()[2:4] == ["2,q,b,,,", "3,,c,,,"]
    assert "2 of 4 rows have no result" in empty.err
    assert batch(LN, ROWS, "--on-error", "skip", "--quiet").err == ""


def test_no_errors_are_an_empty_file(batch: Run) -> None:
    assert batch(LN, "x,y\n1,2\n", "--on-error", "skip", "--errors", "e.jsonl").code == 0
    assert Path("e.jsonl").read_bytes() == b""


def test_not_finite_is_counted_and_blamed(batch: Run) -> None:
    got = batch(LN, "x,y\n1,2\n0,1\n-1,2\n")
    assert got.code == 0
    assert [row["f"] for row in got.rows] == ["0", "-inf", "nan"]
    assert "2 of 3 rows have results that are not finite; the first is at line 3" in got.err
    assert "ln is -inf at 0" in got.err
    strict = batch(LN, "x,y\n1,2\n0,1\n-1,2\n", "--strict")
    assert (strict.code, strict.out) == (4, "")
    assert "'f' is not finite at line 3" in strict.err
    assert batch(LN, "x,y\n1,2\n", "--strict").code == 0


@pytest.mark.parametrize(
    ("rows", "more", "code"), [(ROWS, (), 1), ("x,y\n1,2\n0,1\n", ("--strict",), 4)]
)
def test_an_output_is_whole_or_as_it_was(
    batch: Run, rows: str, more: tuple[str, ...], code: int
) -> None:
    Path("out.csv").write_text("before")
    assert batch(LN, rows, "-o", "out.csv", *more).code == code
    assert Path("out.csv").read_text() == "before"
    assert batch(LN, rows, "-o", "new.csv", "--errors", "e.jsonl", *more).code == code
    assert sorted(os.listdir()) == ["out.csv", "t.csv"]
    done = batch(LN, "x,y\n1,2\n", "-o", "out.csv")
    assert (done.code, done.out) == (0, "")
    assert Path("out.csv").read_text() == "x,y,f,df_dx,df_dy\n1,2,0,2,0\n"


def test_the_output_may_be_the_input(batch: Run) -> None:
    assert batch("f(x) = x", "x\n1\n2\n", "-o", "t.csv").code == 0
    assert Path("t.csv").read_text() == "x,f,df_dx\n1,1,1\n2,2,1\n"


@pytest.mark.parametrize("ending", ["csv", "CSV", "tsv", "tab", "jsonl", "ndjson"])
def test_endings(batch: Run, ending: str) -> None:
    text = {"s": "x\ts\n2\ta\n", "j": '{"x":2,"s":"a"}\n'}
    kind = {"tsv": "s", "tab": "s", "jsonl": "j", "ndjson": "j"}.get(ending, "")
    got = batch("f(x) = x", text.get(kind, "x,s\n2,a\n"), name=f"t.{ending}")
    assert (got.code, got.out) == (0, "x,s,f,df_dx\n2,a,2,1\n")
    assert batch("f(x) = x", "x,s\n2,a\n", "-o", f"o.{ending}").code == 0
    expected = {"s": "x\ts\tf\tdf_dx\n2\ta\t2\t1\n", "": "x,s,f,df_dx\n2,a,2,1\n"}
    if kind == "j":
        made = json.loads(Path(f"o.{ending}").read_text())
        assert made == {"x": 2, "s": "a", "f": 2, "df_dx": 1}
    else:
        assert Path(f"o.{ending}").read_text() == expected[kind]


@pytest.mark.parametrize("ending", ["parquet", "arrow", "feather", "ipc", "arrows"])
def test_binary_endings(batch: Run, ending: str) -> None:
    assert batch("f(x) = x", "x,s\n2,a\n", "-o", f"o.{ending}").code == 0
    assert main(("batch", "g(f) = 3*f", f"o.{ending}", "-o", "again.csv")) == 0
    assert Path("again.csv").read_text() == "x,s,f,df_dx,g,dg_df\n2,a,2,1,6,3\n"


def test_from_and_to(batch: Run) -> None:
    got = batch("f(x) = x", "x\ts\n2\ta\n", "--from", "tsv", "--to", "jsonl", name="t.txt")
    assert json.loads(got.out) == {"x": 2, "s": "a", "f": 2, "df_dx": 1}
    unknown = batch("f(x) = x", "x\n2\n", name="t.txt")
    assert unknown.code == 2
    assert "'t.txt' has no ending that says a format" in unknown.err
    assert batch("f(x) = x", "x\n2\n", "-o", "o.txt").code == 2
    assert not Path("o.txt").exists()


def test_the_most_operations(batch: Run) -> None:
    """Of the graph for all rows it is an error; of one row, a row that cannot be computed."""
    known = "f(x) = { s = 0; for i in 1..20 { s += sin(i*x) }; s }"
    assert batch(known, "x\n1\n", "--max-operations", "100").code == 0
    few = batch(known, "x\n1\n", "--max-operations", "20")
    assert (few.code, few.out) == (6, "")
    assert "more than 20 operations" in few.err
    of_the_row = "f(x) = { s = 0; i = 0; while i < x { s += sin(i*x); i = i + 1 }; s }"
    got = batch(of_the_row, "x\n1\n100\n", "--max-operations", "200", "--on-error", "null")
    assert (got.code, got.out) == (1, "x,f,df_dx\n1,0,0\n100,,\n")


def test_files_that_are_none(batch: Run) -> None:
    os.mkdir("d.csv")
    for name in ("no.csv", "d.csv"):
        assert main(("batch", "f(x) = x", name)) == 5
    broken = batch("f(x) = x", "no such thing", name="t.parquet")
    assert (broken.code, broken.out) == (5, "")
    assert "the table cannot be read" in broken.err


@pytest.mark.parametrize("to", ["csv", "jsonl", "parquet"])
def test_columns_are_numbers_or_it_is_an_error(batch: Run, to: str) -> None:
    got = batch("f(x) = x", '{"x":1,"s":"a"}\n{"x":"z"}\n', "--to", to, name="t.jsonl")
    assert (got.code, got.out) == (1, "")
    assert "line 2, column 'x': '\"z\"' is not a number" in got.err


class TestStreams:
    def test_standard_input(self) -> None:
        done = process("batch", "f(x) = x", "-", input=b"x\n2\n")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"x,f,df_dx\n2,2,1\n", b"")

    def test_a_closed_pipe(self, tmp_path: Path) -> None:
        table = tmp_path / "t.csv"
        table.write_text("x\n" + "1.5\n" * 2_000_000)
        command = f'"{sys.executable}" -m adcli batch "f(x) = x" "{table}" --jobs 2 | head -1'
        done = subprocess.run(
            ["bash", "-c", command + '; echo "${PIPESTATUS[0]}" >&2'],
            capture_output=True,
            timeout=60,
        )
        assert done.stdout == b"x,f,df_dx\n"
        assert done.stderr == b"141\n"

    def test_a_full_disk(self) -> None:
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        arguments = [sys.executable, "-m", "adcli", "batch", "f(x) = x", "-"]
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                arguments, input=b"x\n1\n", stdout=full, stderr=subprocess.PIPE, timeout=60
            )
        assert done.returncode == 5
        assert done.stderr.startswith(b"error: cannot write to standard output")
        named = process("batch", "f(x) = x", "-", "-o", "/dev/full", input=b"x\n1\n")
        assert named.returncode == 5
        assert named.stderr.startswith(b"error: cannot write '/dev/full'")

    @pytest.mark.parametrize("form", ["csv", "jsonl"])
    def test_lines_are_answered_before_the_end(self, form: str) -> None:
        started = subprocess.Popen(
            [
                *(sys.executable, "-m", "adcli", "batch", "f(x) = 3*x", "-"),
                *("--line-buffered", "--value-only", "--from", form, "--to", "csv"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert started.stdin is not None
        assert started.stdout is not None
        with started:
            for i in range(1, 4):
                if form == "csv" and i == 1:
                    started.stdin.write(b"x\n")
                started.stdin.write(b"%d\n" % i if form == "csv" else b'{"x":%d}\n' % i)
                started.stdin.flush()
                if i == 1:
                    assert started.stdout.readline() == b"x,f\n"
                assert started.stdout.readline() == b"%d,%d\n" % (i, 3 * i)
            started.stdin.close()
            assert started.stdout.read() == b""
        assert started.returncode == 0
