"""CSV and TSV: the fast way against the careful one, and blocks of any size."""

from __future__ import annotations

import csv
import io
import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adcli.batch import delimited, records
from adcli.batch.delimited import DelimitedReader
from adcli.batch.rows import Rows
from adcli.batch.source import Block
from adcli.errors import InputError, LimitError

# Of what is seen of a row: its line, its record, its numbers' bits and what is wrong with it.
Seen = tuple[int, bytes, tuple[bytes, ...], tuple[int, str, str, str] | None]


def bits(number: float) -> bytes:
    return b"nan" if math.isnan(number) else struct.pack("<d", number)


def seen(rows: Rows) -> list[Seen]:
    assert len(rows.source) == rows.count
    found: list[Seen] = []
    for row, record in enumerate(rows.source):
        numbers = tuple(bits(float(column[row])) for column in rows.columns.values())
        error = rows.errors.get(row)
        what = None if error is None else (error.line, error.message, error.column, error.text)
        found.append((rows.line(row), record, numbers, what))
    return found


def reader(text: bytes, form: str = "csv") -> DelimitedReader:
    return DelimitedReader(io.BytesIO(text), form)


def read(text: bytes, wanted: tuple[str, ...] = ("x",), form: str = "csv") -> list[Seen]:
    table = reader(text, form)
    return [row for block in table.blocks() for row in seen(table.decode(block, wanted))]


def read_carefully(
    monkeypatch: pytest.MonkeyPatch, text: bytes, wanted: tuple[str, ...], form: str = "csv"
) -> list[Seen]:
    with monkeypatch.context() as patch:
        patch.setattr(DelimitedReader, "_fast", lambda *_: None)
        return read(text, wanted, form)


def is_read_fast(text: bytes, wanted: tuple[str, ...] = ("x",)) -> bool:
    table = reader(text)
    (block,) = table.blocks()
    found = records.cut(block.data, ",", b"\n", block.line)
    return table._fast(block.data, found, wanted) is not None


CELLS = {
    "1": 1.0,
    "-0": -0.0,
    "+1": 1.0,
    "1.": 1.0,
    ".5": 0.5,
    "-.5e-3": -0.5e-3,
    "1E5": 1e5,
    "1e+5": 1e5,
    "007": 7.0,
    "1e400": math.inf,
    "1e-400": 0.0,
    "4.9e-324": 5e-324,
    "2.2250738585072011e-308": 2.2250738585072011e-308,
    "9007199254740993": 9007199254740992.0,
    "0.1": 0.1,
    "1" * 300: float("1" * 300),
    "inf": math.inf,
    "-INF": -math.inf,
    "Infinity": math.inf,
    "nan": math.nan,
    "NaN": math.nan,
    "-nan": math.nan,
    " 1 ": 1.0,
    "\t1": 1.0,
    '"1"': 1.0,
    '" 1 "': 1.0,
    '"1"2': 12.0,
}
NO_NUMBERS = (
    ".", "-", "e5", "1e", "1e+", "1_0", "0x10", "1d5", "1f", "1;5", "--1", "+-1",
    "1 2", "NULL", "null", "NA", "N/A", "n/a", "None", "#N/A", "true", "-", "infinit", "in",
    "nan(abc)", "nan()", "1.#IND", "1\x00", "\xa01", "\u0661", "\uff11", "\u22121", "\x0b1", "1%",
)  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_a_number(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"s,x\na,{cell}\n".encode()
    expected = [(2, f"a,{cell}".encode(), (bits(CELLS[cell]),), None)]
    assert read(text) == expected
    assert read_carefully(monkeypatch, text, ("x",)) == expected


@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_no_number(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"s,x\na,{cell}\nb,2\n".encode()
    expected = [
        (2, f"a,{cell}".encode(), (b"nan",), (2, "not a number", "x", cell)),
        (3, b"b,2", (bits(2.0),), None),
    ]
    assert read_carefully(monkeypatch, text, ("x",)) == expected
    assert read(text) == expected


@pytest.mark.parametrize("cell", ["", '""', " ", "\t", '" "', '"\t "'])
def test_a_blank_cell_is_an_error_and_nan_is_a_number(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"s,x\na,{cell}\nb,nan\n".encode()
    for got in (read(text), read_carefully(monkeypatch, text, ("x",))):
        first, second = got
        assert first[3] is not None
        assert first[3][:3] == (2, "the cell is blank", "x")
        assert second[3] is None
        assert first[2] == second[2] == (b"nan",)


def test_what_is_plain_is_read_fast() -> None:
    assert is_read_fast(b'x,s\n1,a\n2,"b,c"\n,d\n')
    assert is_read_fast(b"x,s\n1,a\nz,b\n")
    assert not is_read_fast(b"x,s\n1,a\n2\n")
    assert is_read_fast(b'x,s\n1,"a\nb"\n\n2,c\n')
    assert is_read_fast(b"x,s\r\n1,a\r\n2,c\r\n")


# Texts of a table with the columns x and s.
HOSTILE = {
    "plain": "x,s\n1,a\n2,b\n",
    "no final break": "x,s\n1,a\n2,b",
    "only a header": "x,s\n",
    "a header without break": "x,s",
    "CRLF": "x,s\r\n1,a\r\n2,b\r\n",
    "CRLF without the last": "x,s\r\n1,a\r\n2,b",
    "mixed breaks": "x,s\n1,a\r\n2,b\n",
    "mark": "\ufeffx,s\n1,a\n",
    "blank lines": "x,s\n\n1,a\n\n\n2,b\n\n",
    "blank CRLF lines": "x,s\r\n\r\n1,a\r\n\r\n2,b\r\n\r\n",
    "spaces alone": "x,s\n  \n1,a\n \t \n2,b\n",
    "quoted comma": 'x,s\n1,"a,b"\n2,"c"\n',
    "quoted break": 'x,s\n1,"a\nb"\n2,c\n',
    "quoted CRLF": 'x,s\r\n1,"a\r\nb"\r\n2,c\r\n',
    "quoted blank line": 'x,s\n1,"a\n\nb"\n2,c\n',
    "doubled quotes": 'x,s\n1,"a ""b"" c"\n2,""""\n',
    "quotes and breaks": 'x,s\n1,"a "" \n "" b"\n"2",c\n',
    "quoted number broken": 'x,s\n"1\n",a\n2,b\n',
    "short": "x,s\n1\n2,b\n",
    "long": "x,s\n1,a,c\n2,b\n",
    "short and long": "x,s\n1\n2,b,c\n3,d\n",
    "separators only": "x,s\n,\n1,a\n",
    "trailing separators": "x,s\n1,a,\n2,b,\n",
    "words": "x,s\none,a\n2,b\nthree,c\n",
    "carriage return inside": "x,s\n1,a\rb\n2,c\n",
    "quoted return": 'x,s\n1,"a\rb"\n2,c\n',
    "a return for a quoted break": 'x,s\n1,"a\nb"\n2,c\r3,d\n4,e\n',
    "not UTF-8": "x,s\n1,\udcff\udcfe\n2,b\n",
    "NUL": "x,s\n1,a\x00b\n2,c\n",
    "letters": "x,s\n1,ü€😀\n2,b\n",
    "space before a quote": 'x,s\n1, "a"\n2,b\n',
    "space behind a quote": 'x,s\n1,"a" \n2,b\n',
    "quotes inside": 'x,s\n1,a"b"c\n2,d\n',
    "an inch": 'x,s\n1,5" pipe\n2,b\n3,c\n',
    "two inches": 'x,s\n1,5" pipe\n2,6" pipe\n3,c\n',
    "open at the end": 'x,s\n1,a\n2,"b\n',
    "open, and more lines": 'x,s\n1,"a\n2,b\n3,c\n',
    "open in the number": 'x,s\n"1,a\n2,b\n',
    "a line separator": "x,s\n1,a\u2028b\n2,c\x85d\x0be\x0cf\n",
    "quoted header": '"x","s"\n1,a\n',
    "spaces in the header": " x , s \n1,a\n",
    "break in the header": 'x,"s\nt"\n1,a\nz,b\n',
    "error after breaks": 'x,s\n1,"a\n\nb"\n\nz,c\n',
}


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("name", HOSTILE)
def test_both_ways_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = encoded(HOSTILE[name])
    assert read(text) == read_carefully(monkeypatch, text, ("x",))


@pytest.mark.parametrize("wanted", [(), ("x", "y"), ("y", "x"), ("y",)])
@pytest.mark.parametrize(
    "text", ["x,y\n1,2\n,3\n4,\n,\n", "x,y\n1,2\nz,3\n4,z\nz,\n,z\n", 'x,y\n"1",2\n"","3"\n']
)
def test_both_ways_agree_on_several_columns(
    text: str, wanted: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(text.encode(), wanted) == read_carefully(monkeypatch, text.encode(), wanted)


@pytest.mark.parametrize(
    "text",
    ["x\ts\n1\ta,b\n2\t\n", "x\ts\n\t\n1\ta\n", "x\ts\n1\t\n\t \n \t\n", 'x\ts\n"1"\t"\t"\n'],
)
def test_both_ways_agree_on_tabs(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    careful = read_carefully(monkeypatch, text.encode(), ("x",), "tsv")
    assert read(text.encode(), ("x",), "tsv") == careful


def test_a_long_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell of any length is a cell, whichever way its block is read."""
    text = b"x,s\n1," + b"a" * 200_000 + b"\n2,b\n"
    assert [row[2] for row in read(text)] == [(bits(1.0),), (bits(2.0),)]
    assert read(text) == read_carefully(monkeypatch, text, ("x",))


def test_a_cell_elsewhere_does_not_change_a_row() -> None:
    """A block is read with care because of one cell: the other rows are as they were."""
    for name in ("an inch", "two inches", "open at the end", "quotes inside"):
        text = encoded(HOSTILE[name])
        header, rest = text.split(b"\n", 1)
        with_word = header + b"\nz,z\n" + rest
        after = [(line, *row) for line, *row in read(with_word)[1:]]
        assert [row[1:3] for row in after] == [row[1:3] for row in read(text)], name


def records_of(text: bytes, separator: str = ",") -> list[list[str]]:
    return [
        delimited.cells(record.decode(), separator)
        for record in records.cut(text, separator, b"\n", 1)
    ]


def as_csv(text: str, separator: str = ",") -> list[list[str]]:
    """The records as Python's own reader finds them, without empty lines."""
    stream = io.StringIO(text, newline="")
    return [record for record in csv.reader(stream, delimiter=separator) if record]


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "not UTF-8"])
def test_records_are_those_of_python(name: str) -> None:
    text = HOSTILE[name]
    assert records_of(text.encode()) == as_csv(text)


SIZES = (1, 2, 3, 5, 7, 11, 16, 64)


@pytest.mark.parametrize("name", HOSTILE)
def test_any_block_size_gives_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = encoded(HOSTILE[name])
    whole = reader(text)
    expected = read(text)
    for size in SIZES:
        monkeypatch.setattr("adcli.batch.source.BLOCK", size)
        assert reader(text).names == whole.names, size
        assert read(text) == expected, size


def test_blocks_are_whole_records_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'1,"a\nb"\n2,c\n\n3,"d""\n"",\ne"\n4,f\n'
    for size in range(1, 40):
        monkeypatch.setattr("adcli.batch.source.BLOCK", size)
        blocks: list[Block] = list(reader(b"x,s\n" + body).blocks())
        assert b"".join(block.data for block in blocks) == body
        line = 2
        for block in blocks:
            assert block.line == line
            assert block.data.count(b'"') % 2 == 0
            line += block.data.count(b"\n")


def test_lines_are_answered_as_they_come() -> None:
    class Slow(io.RawIOBase):
        """A pipe that gives a few bytes at a time."""

        def __init__(self, pieces: list[bytes]) -> None:
            self.pieces = pieces

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            if not self.pieces:
                return 0
            piece = self.pieces.pop(0)
            into[: len(piece)] = piece
            return len(piece)

    pieces = [b"x,", b"s\n1", b",a\n2,", b"b\n", b'3,"c\n', b'd"\n4,e']
    raw = Slow(list(pieces))
    table = DelimitedReader(io.BufferedReader(raw), "csv", as_they_come=True)
    blocks = table.blocks()
    first = next(blocks)
    assert (first.data, first.line) == (b"1,a\n", 2)
    assert len(raw.pieces) == 3  # no more was read than it took
    assert b"".join(block.data for block in blocks) == b'2,b\n3,"c\nd"\n4,e'


def test_the_lines_of_errors() -> None:
    got = read(b'x,s\n1,a\n\n2,"b\n\nc"\nz,d\n\n,e\n3\n')
    assert [row[3] for row in got if row[3]] == [
        (7, "not a number", "x", "z"),
        (9, "the cell is blank", "x", ""),
        (10, "1 cell, but the header has 2", "", "3"),
    ]
    assert [row[0] for row in got] == [2, 4, 7, 9, 10]


def test_the_first_cell_that_is_wrong_is_the_error() -> None:
    (row,) = read(b"x,y\nz,\n", ("y", "x"))
    assert row[3] == (2, "the cell is blank", "y", "")


def test_a_long_text_is_shortened() -> None:
    (row,) = read(b"x,s\n" + b"z" * 100 + b",a\n")
    assert row[3] == (2, "not a number", "x", "z" * 60 + "...")


@pytest.mark.parametrize("text", [b"", b"\n", b"\r\n", b"\xef\xbb\xbf", b"  \n1\n"])
def test_no_header(text: bytes) -> None:
    with pytest.raises(InputError, match="it has no header"):
        reader(text)


def test_a_record_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adcli.batch.source.BLOCK", 64)
    monkeypatch.setattr(delimited, "_LONGEST_RECORD", 1000)
    with pytest.raises(LimitError, match="more than 1,000 bytes; a quote is not closed"):
        read(b'x,s\n1,"a\n' + b"2,b\n" * 1000)
    with pytest.raises(LimitError, match=r"more than 1,000 bytes$"):
        read(b"x,s\n1," + b"a" * 2000 + b"\n")


NUMBERS = st.floats().map(repr) | st.integers().map(str) | st.sampled_from(list(CELLS))
PIECES = st.sampled_from(
    ["a", "1", " ", '"', '""', ",", "\n", "\r\n", "\r", "\t", "nan", "", "e5", ".", "é", "\x00"]
)
TABLES = st.lists(
    st.tuples(
        st.one_of(st.floats(), st.sampled_from(["", "z", "nan", " 1", "1 2"])),
        st.text(alphabet='ab ,"\n\r\té', max_size=5),
    ),
    max_size=8,
)


def patched(text: bytes, form: str = "csv") -> list[Seen]:
    with pytest.MonkeyPatch.context() as patch:
        return read_carefully(patch, text, ("x",), form)


@given(rows=TABLES, ending=st.sampled_from(["\n", "\r\n"]), separator=st.sampled_from(",\t"))
@settings(deadline=None, max_examples=200)
def test_both_ways_agree_on_generated_tables(
    rows: list[tuple[object, str]], ending: str, separator: str
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator=ending, quoting=1)
    writer.writerows([("x", "s"), *rows])
    text = stream.getvalue().encode()
    form = "csv" if separator == "," else "tsv"
    got = read(text, ("x",), form)
    assert got == patched(text, form)
    assert len(got) == len(rows)
    for row, (cell, _) in zip(got, rows, strict=True):
        if isinstance(cell, float):
            assert row[2:] == ((bits(cell),), None)


@given(pieces=st.lists(PIECES | NUMBERS, max_size=20))
@settings(deadline=None, max_examples=400)
def test_both_ways_agree_on_any_text(pieces: list[str]) -> None:
    text = ("x,s\n" + "".join(pieces)).encode()
    assert read(text) == patched(text)


@given(pieces=st.lists(PIECES, max_size=25), separator=st.sampled_from(",\t"))
@settings(deadline=None, max_examples=1000)
def test_any_records_are_those_of_python(pieces: list[str], separator: str) -> None:
    text = "".join(pieces)
    assert records_of(text.encode(), separator) == as_csv(text, separator)


@given(rows=TABLES, size=st.integers(1, 40))
@settings(deadline=None, max_examples=100)
def test_generated_tables_in_blocks_of_any_size(rows: list[tuple[object, str]], size: int) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n", quoting=1).writerows([("x", "s"), *rows])
    text = stream.getvalue().encode()
    expected = read(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adcli.batch.source.BLOCK", size)
        assert read(text) == expected
