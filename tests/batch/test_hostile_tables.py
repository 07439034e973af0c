"""Tables that mean harm: every format into every other against a reference by hand."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from halves import half
from hypothesis import given, settings
from hypothesis import strategies as st

from adcli.batch import lines as lines_module
from adcli.batch.formats import FORMATS
from adcli.batch.job import Job
from adcli.batch.pipeline import Totals
from adcli.differentiate.rows import Wanted
from adcli.errors import AdcliError, ExitCode, LimitError, Source
from adcli.graph.program import Program

SEPARATORS = {"csv": ",", "tsv": "\t"}
BINARY = ("parquet", "arrow")
# The cells of a row by the names of their columns.
Row = dict[str, Any]


def program(text: str) -> Program:
    return Program(Source(text))


SQUARE = program("f(x) = x*x")
LN = program("f(x, y) = ln(x)*y")


class Made:
    """What a table became."""

    def __init__(self, output: bytes, log: bytes, totals: Totals) -> None:
        self.output = output
        self.log = [json.loads(line) for line in log.splitlines()]
        self.totals = totals


def compute(
    data: Any,
    source: str,
    target: str,
    what: Program = SQUARE,
    *,
    order: int = 1,
    wrt: Sequence[str] | None = None,
    is_file: bool = False,
    **options: Any,
) -> Made:
    job = Job(Wanted(order, wrt), {}, **options)
    stream = io.BufferedReader(io.BytesIO(data) if isinstance(data, bytes) else data)
    reader = job.read(stream, source, what)
    output, log = io.BytesIO(), io.BytesIO()
    totals = job.run(reader, job.compile(what, reader), output, target, log, is_file=is_file)
    return Made(output.getvalue(), log.getvalue(), totals)


def attempt(data: bytes, source: str, target: str, *more: Any, **options: Any) -> Made | AdcliError:
    """What a table became, or why it did not."""
    try:
        return compute(data, source, target, *more, **options)
    except AdcliError as error:
        return error


def encode(form: str, names: Sequence[str], rows: Sequence[Row]) -> bytes:
    """A table as other programs write it; None is a blank cell, a null or "key missing"."""
    sink = io.BytesIO()
    if form in SEPARATORS:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=SEPARATORS[form], lineterminator="\n")
        writer.writerow(_spread(names, rows[0]) if rows else names)
        for row in rows:
            writer.writerow(list(_flat(names, row)))
        return text.getvalue().encode()
    if form == "jsonl":
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    table = pa.table({name: [row[name] for row in rows] for name in names})
    if form == "parquet":
        parquet.write_table(table, sink, row_group_size=2)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    return sink.getvalue()


def _spread(names: Sequence[str], row: Row) -> list[str]:
    """The names of the columns of a text, of vectors those of their elements."""
    found: list[str] = []
    for name in names:
        value = row[name]
        if not isinstance(value, list):
            found.append(name)
        elif isinstance(value[0], list):
            sizes = range(1, len(value) + 1), range(1, len(value[0]) + 1)
            found += [f"{name}[{i},{j}]" for i in sizes[0] for j in sizes[1]]
        else:
            found += [f"{name}[{i}]" for i in range(1, len(value) + 1)]
    return found


def _flat(names: Sequence[str], row: Row) -> list[Any]:
    found: list[Any] = []
    for name in names:
        value = row[name]
        if not isinstance(value, list):
            found.append(value)
        else:
            found += [x for part in value for x in (part if isinstance(part, list) else [part])]
    return found


def read_arrow(data: bytes) -> Any:
    if data.startswith(b"PAR1"):
        return parquet.read_table(io.BytesIO(data))
    opened = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    return opened(io.BytesIO(data)).read_all()


def decode(form: str, data: bytes) -> list[Row]:
    """The rows of a table; a blank cell is None."""
    if form == "jsonl":
        return [_loads(line) for line in data.splitlines()]
    if form in BINARY:
        rows: list[Row] = read_arrow(data).to_pylist()
        return rows
    text = io.StringIO(data.decode(), newline="")
    names, *records = csv.reader(text, delimiter=SEPARATORS[form])
    assert all(len(record) == len(names) for record in records)
    assert len(set(names)) == len(names)
    return [
        {name: cell or None for name, cell in zip(names, record, strict=True)} for record in records
    ]


def _loads(line: bytes) -> Row:
    try:
        found: Row = json.loads(line)
    except RecursionError:
        found = orjson.loads(line)
    return found


class Case:
    """A program with its derivatives, written by hand.

    Args:
        text: the program.
        rows: numbers for its inputs, None where a row is bad.
        reference: of the numbers of a row, all that is asked for, by name.
        options: what is asked for.
    """

    def __init__(
        self, text: str, rows: Sequence[Row], reference: Any, options: Mapping[str, Any]
    ) -> None:
        self.program = program(text)
        self.rows = rows
        self.reference = reference
        self.options = options

    def expected(self, row: Row) -> dict[str, float] | None:
        flat = _flat(list(row), row)
        if any(x is None or isinstance(x, str) for x in flat):
            return None
        found: dict[str, float] = self.reference(**row)
        return found


def _smooth(x: float, y: float) -> dict[str, float]:
    value = {"f": x * x * y + math.exp(x)}
    return value | {"df_dx": 2 * x * y + math.exp(x), "df_dy": x * x}


def _smooth2(x: float, y: float) -> dict[str, float]:
    seconds = {"d2f_dx_dx": 2 * y + math.exp(x), "d2f_dx_dy": 2 * x, "d2f_dy_dy": 0.0}
    return _smooth(x, y) | seconds


def _two(x: float, y: float) -> dict[str, float]:
    values = {"q": x * y, "r": x - y * y}
    return values | {"dq_dx": y, "dq_dy": x, "dr_dx": 1.0, "dr_dy": -2 * y}


def _vector(w: list[float], x: float) -> dict[str, float]:
    value = {"f": w[0] ** 2 * w[1] + x}
    return value | {"df_dw[1]": 2 * w[0] * w[1], "df_dw[2]": w[0] ** 2, "df_dx": 1.0}


def _matrix(M: list[list[float]], x: list[float]) -> dict[str, float]:  # noqa: N803
    found = {"f": sum(M[i][j] * x[j] for i in range(2) for j in range(2))}
    found |= {f"df_dM[{i + 1},{j + 1}]": x[j] for i in range(2) for j in range(2)}
    return found | {f"df_dx[{j + 1}]": M[0][j] + M[1][j] for j in range(2)}


NUMBERS: list[Row] = [
    {"x": 0.1, "y": 3.0},
    {"x": -1.5, "y": 1e-300},
    {"x": None, "y": 2.0},
    {"x": 2.25, "y": -7.125},
    {"x": 1 / 3, "y": None},
    {"x": -0.0, "y": 123456789.125},
]
PAIRS: list[Row] = [
    {"w": [1.5, 2.0], "x": 0.1},
    {"w": [-0.25, 1e9], "x": None},
    {"w": [3.0, -1.0], "x": 2.0},
]
MATRICES: list[Row] = [
    {"M": [[1.0, 2.0], [3.0, 4.5]], "x": [0.5, -1.0]},
    {"M": [[0.1, 0.2], [0.3, 0.4]], "x": [1.0, 3.0]},
]
SMOOTH = "f(x, y) = x^2*y + exp(x)"
CASES = {
    "gradient": Case(SMOOTH, NUMBERS, _smooth, {}),
    "value only": Case(SMOOTH, NUMBERS, lambda x, y: {"f": _smooth(x, y)["f"]}, {"order": 0}),
    "hessian": Case(SMOOTH, NUMBERS, _smooth2, {"order": 2}),
    "wrt": Case(
        SMOOTH,
        NUMBERS,
        lambda x, y: {name: _smooth(x, y)[name] for name in ("f", "df_dy")},
        {"wrt": ("y",)},
    ),
    "two results": Case("f(x, y) = { q = x*y; r = x - y^2; q, r }", NUMBERS, _two, {}),
    "vector": Case("f(w[2], x) = w[1]^2*w[2] + x", PAIRS, _vector, {}),
    "matrix": Case("f(M, x) = sum(M @ x)", MATRICES, _matrix, {}),
}


@pytest.mark.parametrize("only_results", [False, True])
@pytest.mark.parametrize("on_error", ["skip", "null"])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_every_conversion_against_a_reference(
    source: str, target: str, name: str, on_error: str, only_results: bool
) -> None:
    case = CASES[name]
    texts = ["a", 'b"', "c,d", "e\tf", "é€", "1e5"][: len(case.rows)]
    rows: list[Row] = [{**row, "s": x} for row, x in zip(case.rows, texts, strict=True)]
    data = encode(source, list(rows[0]), rows)
    made = compute(
        data,
        source,
        target,
        case.program,
        on_error=on_error,
        only_results=only_results,
        **case.options,
    )
    expected = [case.expected(row) for row in case.rows]
    assert made.totals.rows == len(rows)
    assert made.totals.failed == expected.count(None) == len(made.log)
    got = decode(target, made.output)
    kept = [i for i, numbers in enumerate(expected) if numbers is not None or on_error == "null"]
    assert len(got) == len(kept)
    for i, row in zip(kept, got, strict=True):
        numbers = expected[i]
        results = next(x for x in expected if x is not None)
        assert list(row)[-len(results) :] == list(results)
        for key in results:
            if numbers is None:
                assert row[key] is None, key
            else:
                assert float(row[key]) == pytest.approx(numbers[key], rel=1e-14, abs=1e-300), key
        if only_results:
            assert len(row) == len(results)
            continue
        assert row["s"] == rows[i]["s"]
        there = _cells(case.rows[i], row)
        assert len(row) == len(results) + 1 + len(there)
        for key, number in there.items():
            cell = row[key]
            flat = np.ravel(cell).tolist() if isinstance(cell, list) else [cell]
            assert [None if x is None else float(x) for x in flat] == number, key


def _cells(given: Row, row: Row) -> dict[str, list[Any]]:
    """The numbers that should stand in the columns of a row, of vectors in either form."""
    found: dict[str, list[Any]] = {}
    for name, value in given.items():
        if name in row or not isinstance(value, list):
            found[name] = _flat([name], given)
        else:
            labels = _spread([name], given)
            found |= {label: [x] for label, x in zip(labels, _flat([name], given), strict=True)}
    return found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_sums_of_every_format_are_exact(source: str, target: str, name: str) -> None:
    case = CASES[name]
    data = encode(source, list(case.rows[0]), case.rows)
    table = compute(data, source, "jsonl", case.program, on_error="skip", **case.options).output
    rows = decode("jsonl", table)
    made = compute(data, source, target, case.program, on_error="skip", sums=True, **case.options)
    (sums,) = decode(target, made.output)
    results = next(x for x in map(case.expected, case.rows) if x is not None)
    assert list(sums) == list(results)
    for key in results:
        assert float(sums[key]) == math.fsum(row[key] for row in rows), key


@pytest.mark.parametrize("target", FORMATS)
def test_the_sum_of_rows_that_all_fail(target: str) -> None:
    made = compute(b"x\nz\n\ny\n", "csv", target, on_error="skip", sums=True)
    assert made.totals.failed == 2
    assert [{key: float(x) for key, x in row.items()} for row in decode(target, made.output)] == [
        {"f": 0.0, "df_dx": 0.0}
    ]


@pytest.mark.parametrize(
    "text",
    [
        "f(x) = { q = x*x; dq_dx = 3*x; q, dq_dx }",
        "f(x, dy) = { x_dy = x*dy; x_dy, dy }",
    ],
)
@pytest.mark.parametrize("target", FORMATS)
def test_no_two_columns_of_the_result_have_one_name(text: str, target: str) -> None:
    """It is an error, or all are there: never fewer cells than names."""
    data = b'{"x":2.0,"dy":3.0}\n'
    made = attempt(data, "jsonl", target, program(text), only_results=True)
    if isinstance(made, AdcliError):
        return
    (row,) = decode(target, made.output)
    names = text.rpartition(";")[2].strip(" }").split(", ")
    inputs = 1 if "dy" not in text else 2
    assert len(row) == len(names) * (1 + inputs)


def test_second_derivatives_of_one_name() -> None:
    data = b"x_dy,x,y_dx,y\n4,2,3,5\n"
    what = program("f(x_dy, x, y_dx, y) = x*y_dx*x_dy^2*y")
    made = attempt(data, "csv", "csv", what, order=2, only_results=True)
    if isinstance(made, AdcliError):
        return
    names, numbers = made.output.decode().splitlines()
    assert len(numbers.split(",")) == len(names.split(",")) == 1 + 4 + 10


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=6).filter(
    lambda x: abs(x) < 10**12
)


@given(numbers=st.lists(DECIMALS, min_size=1, max_size=20))
@settings(deadline=None, max_examples=60)
def test_decimals_are_the_nearest_doubles(numbers: list[decimal.Decimal]) -> None:
    """As the same digits in a CSV are."""
    for kind in (pa.decimal128(38, 6), pa.decimal256(60, 6)):
        data = encode_table("arrow", pa.table({"x": pa.array(numbers, kind)}))
        made = compute(data, "arrow", "jsonl", program("f(x) = x"), order=0, only_results=True)
        assert [row["f"] for row in decode("jsonl", made.output)] == [float(x) for x in numbers]


def encode_table(form: str, table: Any) -> bytes:
    sink = io.BytesIO()
    if form == "parquet":
        parquet.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


D = decimal.Decimal
TYPES: dict[str, Any] = {
    "int8": pa.array([1, None, -3], pa.int8()),
    "uint64": pa.array([2**64 - 1, None, 3], pa.uint64()),
    "int64": pa.array([2**63 - 1, None, -(2**63)]),
    "float16": pa.array(np.array([1.5, 0, 2], np.float16)),
    "float32": pa.array([0.1, None, 2.5], pa.float32()),
    "decimal": pa.array([D("1.10"), None, D("-0.05")]),
    "decimal of 256 bits": pa.array([D("1.10"), None, D("1e30")], pa.decimal256(60, 2)),
    "bool": pa.array([True, None, False]),
    "date": pa.array([datetime.date(2020, 1, 2), None, datetime.date(1, 1, 1)]),
    "a date that is far": pa.array([10_000_000, None, 1], pa.int32()).cast(pa.date32()),
    "time of nanoseconds": pa.array([1, None, 2], pa.time64("ns")),
    "timestamp of nanoseconds": pa.array([1, None, 1_234_567_891], pa.timestamp("ns")),
    "timestamp in a zone": pa.array([1, None, 2], pa.timestamp("us", "Europe/Berlin")),
    "timestamp in no zone": pa.array([1, None, 2], pa.timestamp("us", "No/Where")),
    "duration of nanoseconds": pa.array([1, None, 2], pa.duration("ns")),
    "a duration that is long": pa.array([1, None, 2**60], pa.duration("s")),
    "interval": pa.array([pa.MonthDayNano([1, 2, 3]), None, pa.MonthDayNano([0, 0, 1])]),
    "binary": pa.array([b"\xff", None, b""]),
    "large_binary": pa.array([b"\xff", None, b""], pa.large_binary()),
    "fixed_size_binary": pa.array([b"\xff\x00", None, b"cd"], pa.binary(2)),
    "large_string": pa.array(['a,"b\n', None, ""], pa.large_string()),
    "string_view": pa.array(['a,"b\n', None, "x" * 50], pa.string_view()),
    "binary_view": pa.array([b"\xff", None, b"x" * 50], pa.binary_view()),
    "list": pa.array([[1, 2], None, []]),
    "fixed_size_list": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2)),
    "list_view": pa.array([[1, 2], None, []], pa.list_view(pa.int8())),
    "list of times": pa.array([[1], None, [None]], pa.list_(pa.timestamp("ns"))),
    "list of binary": pa.array([[b"\xff"], None, [None]]),
    "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
    "struct of times": pa.array([{"a": 1}, None, {"a": 3}], pa.struct([("a", pa.timestamp("ns"))])),
    "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int8())),
    "dictionary": pa.array(["a", None, "b"]).dictionary_encode(),
    "null": pa.nulls(3),
    "dense_union": pa.UnionArray.from_dense(
        pa.array([0, 1, 0], pa.int8()),
        pa.array([0, 0, 1], pa.int32()),
        [pa.array([1, 2]), pa.array(["a"])],
    ),
    "run_end_encoded": pa.RunEndEncodedArray.from_arrays(
        pa.array([1, 2, 3], pa.int32()), pa.array(["a", None, "b"])
    ),
    "extension": pa.ExtensionArray.from_storage(
        pa.opaque(pa.binary(), "t", "v"), pa.array([b"a", None, b"\xff"])
    ),
}


@pytest.mark.parametrize("on_error", ["skip", "null"])
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("kind", TYPES)
def test_columns_of_every_type_go_along(kind: str, target: str, on_error: str) -> None:
    """Into every format there is an answer, or an error that says what cannot be."""
    table = pa.table({"x": pa.array([1.5, None, 3.0]), "o": TYPES[kind]})
    for form in BINARY:
        try:
            data = encode_table(form, table)
        except pa.ArrowNotImplementedError:
            continue
        made = attempt(data, form, target, on_error=on_error)
        if isinstance(made, AdcliError):
            assert made.message
            assert "\n" not in made.message
            continue
        rows = [0, 2] if on_error == "skip" else [0, 1, 2]
        if target not in BINARY:
            assert len(decode(target, made.output)) == len(rows)
            continue
        got = read_arrow(made.output).column("o")
        if form == target == "arrow":
            assert got.type == TYPES[kind].type
        assert len(got) == len(rows)
        if got.type == TYPES[kind].type:
            for i, row in enumerate(rows):
                assert got[i].equals(TYPES[kind][row])


@pytest.mark.parametrize("target", BINARY)
@pytest.mark.parametrize("source", BINARY)
def test_what_is_said_of_columns_stays(source: str, target: str) -> None:
    schema = pa.schema(
        [
            pa.field("x", pa.float64(), nullable=False, metadata={"unit": "m"}),
            pa.field("s", pa.string(), metadata={"k": "v"}),
        ],
        metadata={"who": "me"},
    )
    data = encode_table(source, pa.table([[1.0, 2.0], ["a", "b"]], schema=schema))
    got = read_arrow(compute(data, source, target).output).schema
    assert not got.field("x").nullable
    assert got.field("x").metadata[b"unit"] == b"m"
    assert got.field("s").metadata[b"k"] == b"v"
    assert got.metadata[b"who"] == b"me"


@pytest.mark.parametrize("is_file", [True, False])
@pytest.mark.parametrize("target", FORMATS)
def test_dictionaries_may_change_from_batch_to_batch(target: str, is_file: bool) -> None:
    sink = io.BytesIO()
    batches = [
        pa.record_batch({"x": [1.0, 2.0], "s": pa.array(texts).dictionary_encode()})
        for texts in (["a", "b"], ["c", "a"])
    ]
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    made = compute(sink.getvalue(), "arrow", target, is_file=is_file).output
    assert [row["s"] for row in decode(target, made)] == ["a", "b", "c", "a"]


@pytest.mark.parametrize("target", FORMATS)
def test_slices_and_empty_batches(target: str) -> None:
    whole = pa.record_batch(
        {
            "x": pa.array([9.0, 1.0, None, 2.0, 9.0]),
            "w": pa.array([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0], None, [9.0, 9.0]]),
            "s": pa.array(["z", "a", "b", "c", "z"]).dictionary_encode(),
        }
    )
    part = whole.slice(1, 3)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        for batch in (part.slice(0, 0), part, part.slice(0, 0), part.slice(0, 1)):
            writer.write_batch(batch)
    what = program("f(x, w[2]) = x*w[1]*w[2]")
    made = compute(sink.getvalue(), "arrow", target, what, on_error="skip", order=0)
    got = decode(target, made.output)
    assert [(row["s"], float(row["f"])) for row in got] == [("a", 2.0), ("a", 2.0)]
    assert [(entry["line"], entry["column"]) for entry in made.log] == [(2, "x"), (3, "w")]


class Slow(io.RawIOBase):
    """A pipe that gives some bytes first, and then the rest."""

    def __init__(self, data: bytes, first: int) -> None:
        self.pieces = [data[:first], data[first:]]

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self.pieces:
            return 0
        piece, rest = self.pieces[0][: len(into)], self.pieces[0][len(into) :]
        self.pieces[:1] = [rest] if rest else []
        into[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("is_file", [True, False])
@pytest.mark.parametrize("first", [1, 3, 5, 7, 9])
def test_an_arrow_pipe_that_begins_slowly(first: int, is_file: bool) -> None:
    data = compute(b"y\n1\n2\n", "csv", "arrow", program("x(y) = y"), is_file=is_file).output
    made = compute(Slow(data, first), "arrow", "csv", program("f(x) = x*x"), only_results=True)
    assert made.output == b"f,df_dx\n1,2\n4,4\n"


def test_a_broken_arrow_table_is_an_error_not_a_crash() -> None:
    data = encode_table("arrow", pa.table({"x": [1.0, 2.0], "s": ["a", "bc"]}))
    offsets = np.array([0, 1, 3], np.int32).tobytes()
    assert data.count(offsets) == 1
    broken = data.replace(offsets, np.array([0, 1 << 30, 3], np.int32).tobytes())
    for target in ("csv", "jsonl", "parquet"):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "adcli", "batch", "f(x) = x", "-"),
                *("--from", "arrow", "--to", target),
            ],
            input=broken,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == ExitCode.FILE, target
        assert done.stderr.startswith(b"error: the table cannot be read")


def test_text_of_arrow_that_is_not_utf_8() -> None:
    texts = pa.StringArray.from_buffers(
        2, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xffa")
    )
    data = encode_table("arrow", pa.table({"x": [1.0, 2.0], "s": texts}))
    for target in FORMATS:
        made = attempt(data, "arrow", target, on_error="null")
        if isinstance(made, AdcliError):
            assert made.exit_code in (ExitCode.FILE, ExitCode.NO)


DEPTHS = (200, 300, 900, 1010, 1023, 2000)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", ["x", "o"])
def test_json_of_any_depth(depth: int, name: str, target: str) -> None:
    deep = "[" * depth + "]" * depth
    row = {"x": "2", "o": "3", name: deep}
    data = f'{{"x":1,"o":"a"}}\n{{"x":{row["x"]},"o":{row["o"]}}}\n{{"x":3,"o":"b"}}\n'
    made = compute(data.encode(), "jsonl", target, on_error="skip")
    assert made.totals.rows == 3
    assert made.totals.failed in ((0, 1) if name == "o" else (1,))
    assert len(decode(target, made.output)) == 3 - made.totals.failed


LISTS = ("[1,2,3]", "[1]", "[]", "[[1,2]]", "[[1],[2]]", "[1,null]", '[1,"2"]', "[1,true]",
         "null", "3", '"a"', "{}", "[[1,2],[3]]", "[1,[2]]", "[[],[]]")  # fmt: skip


@pytest.mark.parametrize("value", LISTS)
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("matrix", [False, True])
def test_json_lists_that_are_no_such_vector(value: str, target: str, matrix: bool) -> None:
    good = "[[1,2],[3,4]]" if matrix else "[1,2]"
    data = f'{{"w":{good},"s":"a"}}\n{{"w":{value},"s":"b"}}\n{{"w":{good},"s":"c"}}\n'.encode()
    what = program("f(w[2, 2]) = sum(w)" if matrix else "f(w[2]) = w[1]*w[2]")
    for on_error, expected in (("skip", ["a", "c"]), ("null", ["a", "b", "c"])):
        made = compute(data, "jsonl", target, what, on_error=on_error)
        assert made.totals.failed == 1
        assert made.log[0]["line"] == 2
        got = decode(target, made.output)
        assert [row["s"] for row in got] == expected
        assert all((row["f"] is None) is (row["s"] == "b") for row in got)


@pytest.mark.parametrize("source", ["jsonl", *BINARY])
def test_the_place_of_a_bad_vector_does_not_matter(source: str) -> None:
    """A row that is skipped where it is the second is skipped where it is the first."""
    what = program("f(w[2]) = w[1]*w[2]")
    rows: list[Row] = [{"w": None, "s": "a"}, {"w": [2.0, 3.0], "s": "b"}]
    data = encode(source, ["w", "s"], rows)
    made = compute(data, source, "jsonl", what, on_error="skip", order=0)
    assert [row["f"] for row in decode("jsonl", made.output)] == [6.0]


@pytest.mark.parametrize("digits", ["123456789012345678901234567890", "-" + "9" * 100])
@pytest.mark.parametrize("target", ["csv", "tsv", "jsonl"])
def test_whole_numbers_of_json_keep_all_their_digits(digits: str, target: str) -> None:
    data = f'{{"x":1,"n":7}}\n{{"x":1,"n":{digits}}}\n'.encode()
    made = compute(data, "jsonl", target, on_error="null")
    if made.totals.failed == 0:
        assert str(decode(target, made.output)[1]["n"]) == digits


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("cell", [b"\xff", b"1\xff", b"\xc3", b"\xed\xa0\x80"])
def test_numbers_that_are_not_utf_8_are_noted(cell: bytes, target: str) -> None:
    """Also among the rows without results, which are JSON."""
    made = compute(b"x,s\n" + cell + b",a\n2,b\n", "csv", target, on_error="skip")
    assert [entry["line"] for entry in made.log] == [2]
    assert [row["s"] for row in decode(target, made.output)] == ["b"]


def test_errors_in_a_column_whose_name_is_not_utf_8() -> None:
    data = b"x,s\xff\n1,a,b\nz,c\n2,d\n"
    made = compute(data, "csv", "csv", on_error="skip")
    assert [entry["line"] for entry in made.log] == [2, 3]
    assert made.output == b"x,s\xff,f,df_dx\n2,d,4,4\n"


def test_a_line_of_json_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stands it is not read into memory for ever."""
    monkeypatch.setattr("adcli.batch.source.BLOCK", 64)
    monkeypatch.setattr(lines_module, "_LONGEST_LINE", 1000)

    class Endless(io.RawIOBase):
        def __init__(self, start: bytes) -> None:
            self.start = start
            self.given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            if self.given > 100_000:
                return 0
            piece = self.start[: len(into)] or b"a" * len(into)
            self.start = self.start[len(into) :]
            into[: len(piece)] = piece
            self.given += len(piece)
            return len(piece)

    for start in (b"", b'{"x":1}\n', b'{"x":1}\n' * 20):
        stream = Endless(start)
        with pytest.raises((LimitError, AdcliError)) as caught:
            compute(stream, "jsonl", "csv", on_error="skip", jobs=1)
        assert caught.value.exit_code in (ExitCode.LIMIT, ExitCode.USAGE)
        assert stream.given < 50_000, start


def outcome(data: bytes, **options: Any) -> object:
    try:
        made = compute(data, "csv", "csv", LN, **options)
    except AdcliError as error:
        return int(error.exit_code), error.message
    return made.output, made.log, made.totals.first


KINDS = st.sampled_from(["2,3", "1,0.5", "0,1", "-1,2", "z,1", "3,", "4", '"1","2"'])


@given(
    rows=st.lists(KINDS, max_size=12),
    on_error=st.sampled_from(["fail", "skip", "null"]),
    strict=st.booleans(),
    size=st.integers(1, 40),
    jobs=st.sampled_from([1, 2, 3, 7]),
)
@settings(deadline=None, max_examples=150)
def test_blocks_and_threads_do_not_decide_what_becomes_of_a_table(
    rows: list[str], on_error: str, strict: bool, size: int, jobs: int
) -> None:
    """Neither which rows there are, nor which error there is."""
    data = "\n".join(["x,y", *rows, ""]).encode()
    expected = outcome(data, on_error=on_error, strict=strict, jobs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adcli.batch.source.BLOCK", size)
        assert outcome(data, on_error=on_error, strict=strict, jobs=jobs) == expected


HOSTILE = (
    b'x,s\n1,"a\nb"\n2,c\r\n"3",d\r4,"e""\r\n""f"\n',
    b'\xef\xbb\xbfx,"s\nt"\n1,"a,b"\n\n\n2, "c"\nz,5" pipe\n3,d"e"f\n',
    b"x,s\r\n1,a\xff\r\n\r\n2,\x00b\r\n3,\xc3\xa9\r\n4,\xe2\x82\xac,c\r\n5\r\n",
    b"x\n1\n\n2\n\nz\n3",
    b"x,\n1,\n2,a\n,b\n",
    b'x,s\n1,a\n2,"b\n3,c\n',
    "x,s\n١,a\n１,b\nnan,c\ninf,d\n0x1p3,e\n1e400,f\n".encode() + b"1" * 400 + b",g\n",
)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("data", half(HOSTILE))
def test_split_anywhere_a_text_becomes_the_same(
    data: bytes, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows() -> object:
        made = compute(data, "csv", target, on_error="null", order=0)
        output: object = made.output
        if target in BINARY:
            output = repr(read_arrow(made.output).to_pydict())
        return output, made.log, made.totals.rows

    expected = rows()
    for size in range(1, min(len(data), 60) + 1):
        monkeypatch.setattr("adcli.batch.source.BLOCK", size)
        assert rows() == expected, size


def test_wide_tables() -> None:
    names = [f"c{i}" for i in range(5000)]
    data = ",".join([*names, "x"]) + "\n" + ",".join(["1"] * 5000 + ["3"]) + "\n"
    for target in FORMATS:
        (row,) = decode(target, compute(data.encode(), "csv", target).output)
        assert len(row) == 5003
        assert float(row["f"]) == 9.0


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", ["csv", "tsv", "jsonl"])
def test_blocks_are_small_where_much_is_made_of_them(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first on: what was read with the header is cut too."""
    monkeypatch.setattr("adcli.batch.rows._MOST_NUMBERS", 200)
    data = encode(source, ["x"], [{"x": float(i)} for i in range(1000)])
    what = program("f(x) = { " + "; ".join(f"r{i} = {i}*x" for i in range(10)) + "; r0, r9 }")
    counts: list[int] = []
    job = Job(Wanted(1), {}, jobs=1)
    reader = job.read(io.BufferedReader(io.BytesIO(data)), source, what)
    job.run(reader, job.compile(what, reader), io.BytesIO(), target, None, counts.append)
    assert counts[-1] == 1000
    sizes = [after - before for before, after in zip([0, *counts], counts, strict=False)]
    assert max(sizes) <= 100


@pytest.mark.parametrize("target", FORMATS)
def test_many_rows_of_no_columns_that_are_read(target: str) -> None:
    made = compute(b"s\na\nb\n\nc\n", "csv", target, program("f(x=3) = x"))
    assert [row["s"] for row in decode(target, made.output)] == ["a", "b", "c"]
    assert [float(row["f"]) for row in decode(target, made.output)] == [3.0] * 3
