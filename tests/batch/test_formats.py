"""Every format in and out: the same numbers, other columns untouched."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
import struct
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from adcli.batch.formats import FORMATS
from adcli.batch.job import Job
from adcli.differentiate.rows import Wanted
from adcli.errors import AdcliError, Source
from adcli.graph.program import Program

TEXTS = ("csv", "tsv", "jsonl")


def program(text: str) -> Program:
    return Program(Source(text))


PROGRAM = program("f(x, y) = x*y")
X = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 1 / 3, 123456789.125, 2.0**53 + 2]
Y = [3.0, 2.0, 1.0, 1.0, 1e-300, -7.0, 1.0]
S = ["a", "b c", "", "d,e", 'f"g', "ü€😀", "1e5"]


def encode(form: str, columns: dict[str, list[Any]]) -> bytes:
    sink = io.BytesIO()
    if form == "jsonl":
        rows = zip(*columns.values(), strict=True)
        return "".join(
            json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows
        ).encode()
    if form in ("csv", "tsv"):
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter="," if form == "csv" else "\t", lineterminator="\n")
        writer.writerows([list(columns), *zip(*columns.values(), strict=True)])
        return text.getvalue().encode()
    table = pa.table(columns)
    if form == "parquet":
        parquet.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def decode(form: str, data: bytes) -> dict[str, list[Any]]:
    if form == "jsonl":
        rows = [json.loads(line) for line in data.splitlines()]
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    if form in ("csv", "tsv"):
        text = io.StringIO(data.decode(), newline="")
        names, *records = csv.reader(text, delimiter="," if form == "csv" else "\t")
        return {name: [record[i] for record in records] for i, name in enumerate(names)}
    return read_arrow(form, data).to_pydict()  # type: ignore[no-any-return]


def read_arrow(form: str, data: bytes) -> Any:
    if form == "parquet":
        return parquet.read_table(io.BytesIO(data))
    opened = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    return opened(io.BytesIO(data)).read_all()


def convert(data: bytes, source: str, target: str, program: Any = PROGRAM, **options: Any) -> bytes:
    is_file = options.pop("is_file", False)
    job = Job(Wanted(options.pop("order", 1)), {}, **options)
    reader = job.read(io.BufferedReader(io.BytesIO(data)), source, program)
    output = io.BytesIO()
    job.run(reader, job.compile(program, reader), output, target, is_file=is_file)
    return output.getvalue()


def bits(numbers: list[Any]) -> list[bytes]:
    return [struct.pack("<d", float(number)) for number in numbers]


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_the_same_numbers_from_and_to_each(source: str, target: str) -> None:
    data = encode(source, {"x": X, "s": S, "y": Y})
    got = decode(target, convert(data, source, target))
    assert list(got) == ["x", "s", "y", "f", "df_dx", "df_dy"]
    assert got["s"] == S
    assert bits(got["x"]) == bits(got["df_dy"]) == bits(X)
    assert bits(got["y"]) == bits(got["df_dx"]) == bits(Y)
    assert bits(got["f"]) == bits([x * y for x, y in zip(X, Y, strict=True)])


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_rows_left_out_and_left_empty(source: str, target: str) -> None:
    columns: dict[str, list[Any]] = {"x": [1.0, None, 3.0], "s": ["a", "b", "c"], "y": [1.0] * 3}
    data = encode(source, columns)
    skipped = decode(target, convert(data, source, target, on_error="skip"))
    assert skipped["s"] == ["a", "c"]
    assert [float(x) for x in skipped["df_dy"]] == [1.0, 3.0]
    empty = decode(target, convert(data, source, target, on_error="null"))
    assert empty["s"] == ["a", "b", "c"]
    for name in ("x", "f", "df_dx", "df_dy"):
        assert empty[name][1] in ("", None), name
        assert float(empty[name][2]) == (1.0 if name == "df_dx" else 3.0)


CSV_RECORDS = (
    "x,s,y",
    "1.50, a ,2",
    '"1","b ""c"", d",0002',
    '+1e0,"two\nlines",.5',
    "-0,ü,1.",
    "1,,1",
)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(("form", "separator"), [("csv", ","), ("tsv", "\t")])
def test_records_are_copied_as_they_stand(form: str, separator: str, ending: str) -> None:
    records = [record.replace(",", separator).replace("\n", ending) for record in CSV_RECORDS]
    data = (ending.join(records) + ending).encode()
    rest = ["f,df_dx,df_dy", "3,2,1.5", "2,2,1", "0.5,0.5,1", "-0,1,-0", "1,1,1"]
    expected = [
        record + separator + more.replace(",", separator)
        for record, more in zip(records, rest, strict=True)
    ]
    assert convert(data, form, form) == (ending.join(expected) + ending).encode()


@pytest.mark.parametrize(
    "record", [b'1,"a\r\nb",1', b"1,\xff\xfe,1", b"1,a\x00,1"], ids=["CRLF", "bytes", "NUL"]
)
def test_other_cells_keep_their_bytes(record: bytes) -> None:
    assert convert(b"x,s,y\n" + record + b"\n", "csv", "csv") == (
        b"x,s,y,f,df_dx,df_dy\n" + record + b",1,1,1\n"
    )


def test_lines_of_json_are_copied_as_they_stand() -> None:
    lines = [
        b'{"x":1.50, "y" : 2,"n":1152921504606846977,"o":{"p":[1, null]} }',
        b'  {"y":1,"x":1e0,"s":"\\u00fc}","t":true}  ',
    ]
    first, second = convert(b"\n".join(lines), "jsonl", "jsonl").splitlines()
    assert first == lines[0][:-2] + b',"f":3.0,"df_dx":2.0,"df_dy":1.5}'
    assert second == lines[1].rstrip()[:-1] + b',"f":1.0,"df_dx":1.0,"df_dy":1.0}'


@pytest.mark.parametrize("line", ["garbage", "[1]", "3", '{"x":', "null", '"a}"'])
def test_each_line_of_json_stays_json_where_one_was_none(line: str) -> None:
    data = f'{{"x":1,"y":2}}\n{line}\n'.encode()
    made = convert(data, "jsonl", "jsonl", on_error="null").splitlines()
    assert len(made) == 2
    assert json.loads(made[1])["f"] is None


@pytest.mark.parametrize("record", ["3", "3,a,1,9", '3,"a'])
def test_a_record_that_is_none_leaves_the_columns_where_they_are(record: str) -> None:
    data = f"x,s,y\n1,a,2\n{record}\n".encode()
    made = list(csv.reader(io.StringIO(convert(data, "csv", "csv", on_error="null").decode())))
    assert [len(row) for row in made] == [6, 6, 6]
    assert made[2][3:] == ["", "", ""]


def test_types_of_columns_stay() -> None:
    table = pa.table(
        {
            "x": pa.array([1, 2], pa.int32()),
            "y": pa.array([1.5, 2.5], pa.float32()),
            "n": pa.array([2**60 + 1, None], pa.int64()),
            "t": pa.array([datetime.datetime(2020, 1, 2), None], pa.timestamp("us")),
            "d": pa.array([decimal.Decimal("1.10"), None]),
            "b": pa.array([b"\xff", b""]),
            "l": pa.array([[1, 2], []]),
            "c": pa.array(["a", "b"]).dictionary_encode(),
        }
    )
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    for target in ("parquet", "arrow"):
        got = read_arrow(target, convert(sink.getvalue(), "parquet", target))
        assert got.select(table.column_names).equals(table)
        assert got.schema.types[len(table.column_names) :] == [pa.float64()] * 3
        assert got["f"].to_pylist() == [1.5, 5.0]


@pytest.mark.parametrize("kind", ["decimal", "binary", "list", "date", "boolean", "dictionary"])
@pytest.mark.parametrize("target", TEXTS)
def test_columns_of_any_type_become_text(kind: str, target: str) -> None:
    other = {
        "decimal": pa.array([decimal.Decimal("1.10")]),
        "binary": pa.array([b"ab"]),
        "list": pa.array([[1, 2]]),
        "date": pa.array([datetime.date(2020, 1, 2)]),
        "boolean": pa.array([True]),
        "dictionary": pa.array(["a"]).dictionary_encode(),
    }[kind]
    sink = io.BytesIO()
    parquet.write_table(pa.table({"x": [3.0], "y": [2.0], "o": other}), sink)
    got = decode(target, convert(sink.getvalue(), "parquet", target))
    assert float(got["f"][0]) == 6.0
    assert got["o"][0] not in ("", None)


@pytest.mark.parametrize("is_file", [True, False])
def test_an_arrow_file_and_stream(is_file: bool) -> None:
    data = encode("csv", {"x": X, "y": Y})
    made = convert(data, "csv", "arrow", is_file=is_file)
    assert made.startswith(b"ARROW1") is is_file
    again = convert(made, "arrow", "csv", program("g(df_dx, df_dy) = df_dx*df_dy"), order=0)
    got = decode("csv", again)
    assert bits(got["g"]) == bits(got["f"])


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", [x for x in FORMATS if x != "jsonl"])
def test_no_rows(source: str, target: str) -> None:
    data = (
        encode(source, {"x": [], "y": [], "s": []})
        if source in TEXTS
        else encode(source, {"x": pa.array([], pa.float64()), "y": pa.array([], pa.int8())})
    )
    got = decode(target, convert(data, source, target))
    if target == "jsonl":
        assert got == {}
    else:
        assert list(got) == [*decode(source, data), "f", "df_dx", "df_dy"]
        assert all(column == [] for column in got.values())


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_only_results(source: str, target: str) -> None:
    data = encode(source, {"x": X, "f": S, "y": Y})
    got = decode(target, convert(data, source, target, only_results=True))
    assert list(got) == ["f", "df_dx", "df_dy"]
    assert bits(got["df_dy"]) == bits(X)


@pytest.mark.parametrize("target", [x for x in FORMATS if x != "jsonl"])
def test_what_is_not_finite_stays_so(target: str) -> None:
    data = b"x,y\ninf,1\n-inf,1\nnan,1\n"
    got = decode(target, convert(data, "csv", target, order=0))
    assert [str(float(x)) for x in got["f"]] == ["inf", "-inf", "nan"]


def test_what_is_not_finite_is_null_in_json() -> None:
    got = decode("jsonl", convert(b"x,y\ninf,1\nnan,1\n2,1\n", "csv", "jsonl", order=0))
    assert got["f"] == [None, None, 2.0]


def test_whole_numbers_of_json_keep_their_digits() -> None:
    data = b'{"x":1,"y":1,"n":1152921504606846977}\n'
    assert decode("csv", convert(data, "jsonl", "csv"))["n"] == ["1152921504606846977"]


@pytest.mark.parametrize("second", ['"a"', "2.5", "null", "true"])
@pytest.mark.parametrize("first", ["1", "null", '"b"'])
@pytest.mark.parametrize("target", ["parquet", "csv"])
def test_json_of_several_types_in_several_blocks(
    first: str, second: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block that a line is in does not decide what becomes of it."""
    data = f'{{"x":1,"y":1,"s":{first}}}\n{{"x":2,"y":1,"s":{second}}}\n'.encode()

    def outcome() -> object:
        try:
            return decode(target, convert(data, "jsonl", target))
        except AdcliError as error:
            return str(error)

    expected = outcome()
    assert isinstance(expected, dict) or first == "1"
    monkeypatch.setattr("adcli.batch.source.BLOCK", 8)
    assert outcome() == expected


@pytest.mark.parametrize("size", [1, 5, 30, 100])
def test_json_lines_in_blocks_of_any_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'\n{"x":1,"y":2}\n\n  \n{"x":3,"y":4}\r\n{"x":5,"y":"z"}\n[1]\n{"x":5,"y":6}'
    whole = convert(data, "jsonl", "csv", on_error="skip")
    assert whole.count(b"\n") == 4
    monkeypatch.setattr("adcli.batch.source.BLOCK", size)
    assert convert(data, "jsonl", "csv", on_error="skip") == whole


@pytest.mark.parametrize("target", ["parquet", "arrow", "jsonl"])
def test_columns_of_one_name_are_not_lost(target: str) -> None:
    """Where two columns cannot have one name, it is an error, and no column goes missing."""
    data = b"x,s,s,y\n1,a,b,2\n"
    try:
        made = convert(data, "csv", target)
    except AdcliError:
        return
    if target == "jsonl":
        cells = list(json.loads(made).values())
    else:
        cells = [column[0].as_py() for column in read_arrow(target, made).columns]
    assert "a" in cells
    assert "b" in cells


def test_vectors_in_json_and_parquet() -> None:
    vector = program("f(x[2]) = x[1]*x[2]")
    data = b'{"x":[2,3]}\n{"x":[4,5]}\n'
    names = ["x[1]", "x[2]", "f", "df_dx[1]", "df_dx[2]"]
    assert decode("csv", convert(data, "jsonl", "csv", vector)) == dict(
        zip(names, [["2", "4"], ["3", "5"], ["6", "20"], ["3", "5"], ["2", "4"]], strict=True)
    )
    lists = encode("parquet", {"x": [[2.0, 3.0], [4.0, 5.0]]})
    got = decode("csv", convert(lists, "parquet", "csv", vector, only_results=True))
    assert got["f"] == ["6", "20"]


def test_a_key_of_a_result_is_there_once() -> None:
    data = b'{"x":1,"y":2}\n{"x":3,"f":7,"y":4}\n'
    made = convert(data, "jsonl", "jsonl", on_error="null")
    assert made.splitlines()[1] == b'{"x":3,"y":4,"f":null,"df_dx":null,"df_dy":null}'


@pytest.mark.parametrize("target", TEXTS)
def test_single_precision_is_written_as_it_is_computed_with(target: str) -> None:
    data = encode("parquet", {"x": pa.array([0.1], pa.float32()), "y": [1.0]})
    got = decode(target, convert(data, "parquet", target))
    assert float(got["x"][0]) == float(got["f"][0]) == 0.10000000149011612


@pytest.mark.parametrize("size", [100, 10_000])
def test_groups_of_rows_are_not_blocks(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has few groups of rows, however small the blocks; and the same for any jobs."""
    monkeypatch.setattr("adcli.batch.source.BLOCK", size)
    data = b"x,y\n" + b"1,2\n" * 8_000
    made = [convert(data, "csv", "parquet", jobs=jobs) for jobs in (1, 3)]
    assert made[0] == made[1]
    assert parquet.ParquetFile(io.BytesIO(made[0])).num_row_groups == 1
    assert parquet.read_table(io.BytesIO(made[0])).num_rows == 8_000


def test_a_batch_of_many_bytes_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adcli.batch.arrow._MOST_BYTES", 10_000)
    columns = {"x": [1.0] * 100, "y": [float(i) for i in range(100)], "s": ["a" * 1000] * 100}
    for source in ("parquet", "arrow"):
        job = Job(Wanted(0), {})
        stream = io.BufferedReader(io.BytesIO(encode(source, columns)))  # type: ignore[arg-type]
        blocks = list(job.read(stream, source, PROGRAM).blocks())
        assert [first for _, first in blocks] == list(range(1, 101, blocks[0][0].num_rows))
        assert 2 <= blocks[0][0].num_rows <= 10


def test_no_lines_of_json() -> None:
    for data in (b"", b"\n\n", b"\xef\xbb\xbf"):
        with pytest.raises(AdcliError, match="the table is empty"):
            convert(data, "jsonl", "csv")
