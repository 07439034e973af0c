"""How tables begin: those that are something else, blank lines, names that are none, and how
soon a live pipe is answered.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from adcli.batch.job import Job
from adcli.batch.source import Source
from adcli.cli.main import main
from adcli.differentiate.rows import Wanted
from adcli.errors import AdcliError, ExitCode, InputError
from adcli.errors import Source as Text
from adcli.graph.program import Program

ADCLI = (sys.executable, "-m", "adcli", "batch")
# So long a command may take before it is said to hang.
PATIENCE = 60
F = "f(x) = x^2"


def binary(form: str) -> bytes:
    table = pa.table({"x": [1.0, 2.0]})
    sink = io.BytesIO()
    if form == "parquet":
        parquet.write_table(table, sink)
    else:
        made = pa.ipc.new_file if form == "arrow file" else pa.ipc.new_stream
        with made(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


class Drops(io.RawIOBase):
    """A pipe from which one byte comes at a time."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self.data[self.at : self.at + 1]
        self.at += len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


def computed(
    data: bytes, form: str = "csv", program: str = F, *, drops: bool = False, live: bool = False
) -> bytes | AdcliError:
    """What a table becomes, or why it does not."""
    job = Job(Wanted(0, None), {}, as_they_come=live)
    stream = io.BufferedReader(Drops(data) if drops else io.BytesIO(data))
    compiled, output, log = Program(Text(program)), io.BytesIO(), io.BytesIO()
    try:
        reader = job.read(stream, form, compiled)
        job.run(reader, job.compile(compiled, reader), output, form, log, is_file=False)
    except AdcliError as error:
        return error
    return output.getvalue()


PARQUET, ARROW = "write --from parquet", "write --from arrow"
LOOKS = "it looks like JSON: --from jsonl reads an object a line"
NEITHER = "its columns seem to be separated by '{}', not by commas or tabs"
# The bytes, the format they are taken for, the exit code, and what should be said among others.
OTHERS: dict[str, tuple[bytes, str, int, str]] = {
    "Parquet": (binary("parquet"), "csv", 5, PARQUET),
    "Parquet as TSV": (binary("parquet"), "tsv", 5, PARQUET),
    "Parquet as JSON lines": (binary("parquet"), "jsonl", 5, PARQUET),
    "Arrow file": (binary("arrow file"), "csv", 5, ARROW),
    "Arrow file as JSON lines": (binary("arrow file"), "jsonl", 5, ARROW),
    "Arrow stream": (binary("arrow stream"), "csv", 5, ARROW),
    "Arrow stream as TSV": (binary("arrow stream"), "tsv", 5, ARROW),
    "gzip": (gzip.compress(b"x\n1\n"), "csv", 5, "zcat unpacks it"),
    "gzip as JSON lines": (gzip.compress(b'{"x":1}\n'), "jsonl", 5, "zcat unpacks it"),
    "zstd": (pa.compress(b"x\n1\n", "zstd", asbytes=True), "csv", 5, "zstdcat unpacks it"),
    "JSON lines as CSV": (b'{"x":1}\n{"x":2}\n', "csv", 2, LOOKS),
    "wide JSON lines as CSV": (b'{"x": 1, "y": 2}\n', "csv", 2, LOOKS),
    "JSON lines as TSV": (b'{"x": 1, "y": 2}\n', "tsv", 2, LOOKS),
    "a JSON array as CSV": (b'[{"x": 1, "y": 2},\n{"x": 1, "y": 3}]\n', "csv", 2, LOOKS),
    "TSV as CSV": (b"x\ty\n1\t2\n", "csv", 2, "it looks like TSV: --from tsv"),
    "CSV as TSV": (b"x,y\n1,2\n", "tsv", 2, "it looks like CSV: --from csv"),
    "semicolons as CSV": (b"x;y\n1;2\n", "csv", 2, NEITHER.format(";")),
    "semicolons as TSV": (b"x;y\n1;2\n", "tsv", 2, NEITHER.format(";")),
    "bars as CSV": (b"x|y\n1|2\n", "csv", 2, NEITHER.format("|")),
}


@pytest.mark.parametrize("drops", [False, True], ids=["at once", "in drops"])
@pytest.mark.parametrize("live", [False, True], ids=["blocks", "live"])
@pytest.mark.parametrize("name", OTHERS)
def test_something_else_says_so(name: str, live: bool, drops: bool) -> None:
    data, form, code, said = OTHERS[name]
    error = computed(data, form, drops=drops, live=live)
    assert isinstance(error, AdcliError)
    assert error.exit_code == code
    assert [error.hint, *error.details].count(said) == 1
    if code == ExitCode.USAGE:
        assert error.message == "column 'x' is missing"


@pytest.mark.parametrize("name", [name for name, row in OTHERS.items() if row[1] == "csv"])
def test_something_else_in_a_pipe_of_the_command(name: str) -> None:
    data, _, code, said = OTHERS[name]
    done = subprocess.run(
        [*ADCLI, F, "-"], input=data, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (code, b"")
    assert said in done.stderr.decode().replace("\n  ", "\n").split("\n")


# Nothing is said of tables that are only wrong, or of none.
NO_OTHERS: dict[str, tuple[bytes, str]] = {
    "two columns": (b"a;b,c\n1,2\n", "csv"),
    "one column": (b"a\n1\n", "csv"),
    "JSON lines": (b'{"a": 1}\n', "jsonl"),
    "a brace behind": (b"a{,b\n1,2\n", "csv"),
}


@pytest.mark.parametrize("name", NO_OTHERS)
def test_what_is_only_wrong_is_not_said_to_be_else(name: str) -> None:
    error = computed(*NO_OTHERS[name])
    assert isinstance(error, InputError)
    assert not [line for line in error.details if "looks like" in line or "seem" in line]


MARKS = (b"PAR1", b"ARROW1", b"\xff\xff\xff\xff", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")
# Headers that begin as files of other kinds do, and go on in another way.
HEADERS = ("P", "PA", "PAR", "PAR2", "A", "AR", "ARR", "ARROW", "ARROW2", "(", "PAR_1")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("drops", [False, True])
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("header", HEADERS)
def test_headers_like_marks(header: str, live: bool, drops: bool, ending: str) -> None:
    data = f"{header},x{ending}1,3{ending}".encode()
    made = computed(data, drops=drops, live=live)
    assert made == f"{header},x,f{ending}1,3,9{ending}".encode()


@pytest.mark.parametrize("header", ["PAR1", "PAR1 (2020)", "ARROW1", "ARROW10"])
def test_a_column_of_text_may_be_called_like_a_mark(header: str) -> None:
    assert computed(f"{header},x\n1,3\n".encode()) == f"{header},x,f\n1,3,9\n".encode()


@pytest.mark.parametrize("data", [mark[:size] for mark in MARKS for size in range(1, len(mark))])
def test_what_ends_as_a_mark_begins_is_read(data: bytes) -> None:
    """At the end of the table there is nothing to wait for."""
    for live in (False, True):
        source = Source(
            io.BufferedReader(Drops(data)),  # type: ignore[arg-type]
            1000,
            lambda _: AssertionError("too long"),
            as_they_come=live,
        )
        assert source.peek() == data


def readable(stream: int, seconds: float = 20) -> bool:
    return bool(select.select([stream], [], [], seconds)[0])


def line_of(stream: int) -> bytes:
    """The next line, read so that nothing behind it is taken; an error if there is none."""
    found = b""
    while not found.endswith(b"\n"):
        assert readable(stream), f"no answer behind {found!r}"
        byte = os.read(stream, 1)
        if not byte:
            break
        found += byte
    return found


@pytest.mark.parametrize(
    ("form", "header", "column"),
    [
        *(("csv", f"{name}\n", name) for name in ("P", "A", "AR", "PAR", "ARROW", "x")),
        ("csv", "\n\r\nP\n", "P"),
        ("tsv", "PA\n", "PA"),
        ("jsonl", "", "P"),
    ],
)
def test_a_live_pipe_is_answered_at_once(form: str, header: str, column: str) -> None:
    """What may be the beginning of a mark is not waited for longer than that."""
    row = f'{{"{column}": %d}}\n' if form == "jsonl" else "%d\n"
    arguments = f"f({column}) = 3*{column}", "-", "--from", form, "--to", "csv", "--value-only"
    with subprocess.Popen(
        [*ADCLI, *arguments, "--line-buffered"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        try:
            for byte in header + row % 1:
                started.stdin.write(byte.encode())
                time.sleep(0.02)  # so that it comes alone
            stream = started.stdout.fileno()
            assert line_of(stream) == f"{column},f\n".encode()
            assert line_of(stream) == b"1,3\n"
            started.stdin.write((row % 2).encode())
            assert line_of(stream) == b"2,6\n"
            started.stdin.close()
            assert line_of(stream) == b""
        finally:
            started.kill()


BLANKS = ("", "\n", "\r\n", "\n\n\n", "\r\n\r\n", "\n\r\n\n")


@pytest.mark.parametrize("drops", [False, True])
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("blanks", BLANKS)
def test_blank_lines_before_the_header(
    blanks: str, ending: str, mark: bytes, live: bool, drops: bool
) -> None:
    table = mark + (blanks + "x,s" + ending + "3,a" + ending).encode()
    made = computed(table, drops=drops, live=live)
    assert made == f"x,s,f{ending}3,a,9{ending}".encode()
    error = computed(table + f"q,b{ending}".encode(), drops=drops, live=live)
    assert isinstance(error, AdcliError)
    assert error.exit_code == ExitCode.NO
    line = blanks.count("\n") + 3
    assert error.message == f"line {line}, column 'x': 'q' is not a number"


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("form", ["csv", "tsv"])
@pytest.mark.parametrize("data", [text.encode() for text in (*BLANKS, " ", " \n")])
def test_nothing_but_blank_lines(data: bytes, form: str, live: bool) -> None:
    error = computed(data, form, live=live)
    assert isinstance(error, InputError)
    assert error.message == "the table is empty: it has no header"


Batch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def batch(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Batch:
    """Runs the command in this process, over a table that is written to a file."""

    def run(table: str, program: str, *options: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "table.csv"  # or as --from says
        path.write_text(table)
        code = main(["batch", program, str(path), *options])
        sys.stdout.flush()
        return subprocess.CompletedProcess([], code, *capfd.readouterr())

    return run


# A program over columns x and one called like a constant, whether it is said that they are
# different, and the value where the column is 7 and x is 2 ({} is the constant).
CONSTANTS = {
    "a constant": ("f(x) = x*{}", True, lambda c: 2 * c),
    "a constant of a bare expression": ("x*{}", True, lambda c: 2 * c),
    "a constant of another function": ("g(x) = x*{}; f(x) = g(x)", True, lambda c: 2 * c),
    "a default": ("f(x, y={}) = x*y", True, lambda c: 2 * c),
    "no constant": ("f(x) = x", False, lambda c: 2),
    "a parameter": ("f({}, x) = x*{}", False, lambda c: 14),
    "a variable": ("f(x) = { {} = 3; x*{} }", False, lambda c: 6),
    "a parameter, and a constant elsewhere": (
        "g(x) = x*{}; f({}, x) = 0*g(x) + x*{}",
        False,
        lambda c: 14,
    ),
}
VALUES = {"e": 2.718281828459045, "pi": 3.141592653589793, "inf": float("inf")}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("constant", ["e", "pi"])
@pytest.mark.parametrize("name", CONSTANTS)
def test_columns_called_like_constants(batch: Batch, name: str, constant: str, form: str) -> None:
    program, is_said, value = CONSTANTS[name]
    program = program.replace("{}", constant)
    header = f"{constant},x\n7,2\n"
    table = header if form == "csv" else f'{{"{constant}": 7, "x": 2}}\n'
    done = batch(table, program, "--from", form, "--to", "jsonl", "--only-results",
                 "--value-only")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"f": pytest.approx(value(VALUES[constant]), rel=1e-15)}
    warning = (
        f"warning: '{constant}' is the constant here, not the column of that name\n"
        f"  a parameter takes the column: f({constant}, ...) = ...\n"
    )
    assert done.stderr == (warning if is_said else "")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("constant", ["inf", "nan"])
def test_columns_called_like_what_is_not_finite(batch: Batch, constant: str, form: str) -> None:
    table = f"{constant},x\n7,2\n" if form == "csv" else f'{{"{constant}": 7, "x": 2}}\n'
    used = f"f(x) = if x > 5 then {constant} else x"
    for program, is_said in ((used, True), ("f(x) = x", False)):
        done = batch(table, program, "--from", form, "--to", "csv", "--only-results")
        assert (done.returncode, done.stdout) == (0, "f,df_dx\n2,1\n")
        assert (f"'{constant}' is the constant here" in done.stderr) == is_said
    taken = f"f({constant}, x) = x*{constant}"
    done = batch(table, taken, "--from", form, "--to", "csv", "--only-results", "--value-only")
    assert (done.returncode, done.stdout, done.stderr) == (0, "f\n14\n", "")


def test_quiet_says_nothing_of_constants(batch: Batch) -> None:
    done = batch("e,x\n1,2\n", "f(x) = x*e", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")


# The header, the program, and the column that is to be renamed.
NO_NAMES = {
    "a space": ("unit price", "f(unit_price) = unit_price", "unit price"),
    "brackets": ("price ($)", "f(price) = price", "price ($)"),
    "a dash": ("unit-price,other", "f(unit_price) = unit_price", "unit-price"),
    "a digit first": ("1st,other", "f(st) = st", "1st"),
}


@pytest.mark.parametrize("name", NO_NAMES)
def test_columns_that_no_program_can_read(name: str) -> None:
    header, program, column = NO_NAMES[name]
    error = computed(f"{header}\n".encode(), program=program)
    assert isinstance(error, InputError)
    expected = f"no program can read '{column}', which is no name; rename the column"
    assert error.hint == expected


@pytest.mark.parametrize("header", ["prices", "Price", "price_", "prıce"])
def test_columns_that_a_program_can_read(header: str) -> None:
    error = computed(f"{header}\n".encode(), program="f(price) = price")
    assert isinstance(error, InputError)
    assert error.hint.startswith(f"did you mean '{header}'?")


@pytest.mark.parametrize(
    ("taken", "more"), [("f", ()), ("df_dx", ()), ("d2f_dx_dx", ("--hessian",))]
)
def test_a_result_called_like_a_column(batch: Batch, taken: str, more: Sequence[str]) -> None:
    done = batch(f"{taken},x\n1,2\n", F, *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: the table has a column called '{taken}' already, as a result is",
        "  --only-results leaves the columns of the table out",
        "  or give the function another name: g(x) = ...",
    ]
    # And both are of use.
    assert batch(f"{taken},x\n1,2\n", F, *more, "--only-results").returncode == 0
    assert batch(f"{taken},x\n1,2\n", "g(x) = x^2", *more).returncode == 0


@pytest.mark.parametrize(
    ("form", "typed", "expected"),
    [
        ("csv", b"x\n3\n", b"x,f\n3,9\n"),
        ("csv", b"\nx\n3\n", b"x,f\n3,9\n"),
        ("csv", b"x\n", b"x,f\n"),
        ("tsv", b"x\n3\n", b"x,f\n3,9\n"),
        ("jsonl", b'{"x":3}\n', b"x,f\n3,9\n"),
        ("csv", b"", None),
    ],
)
@pytest.mark.parametrize("more", [(), ("--line-buffered",)])
def test_a_terminal_ends_at_the_first_end(
    form: str, typed: bytes, expected: bytes | None, more: Sequence[str]
) -> None:
    outer, inner = pty.openpty()
    with subprocess.Popen(
        [*ADCLI, F, "-", "--value-only", "--from", form, *more],
        stdin=inner,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as started:
        os.close(inner)
        # What is typed is shown again, which somebody has to read.
        echo = threading.Thread(target=_drain, args=(outer,), daemon=True)
        echo.start()
        try:
            os.write(outer, typed)
            os.write(outer, b"\x04")
            output, errors = started.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            pytest.fail("it waits for a second Ctrl-D")
        finally:
            started.kill()
    os.close(outer)
    if expected is None:
        assert started.returncode == 2
        assert b"the table is empty" in errors
    else:
        assert (started.returncode, errors) == (0, b"")
        assert output == expected


def _drain(stream: int) -> None:
    try:
        while os.read(stream, 1000):
            pass
    except OSError:  # the other end is closed
        return
