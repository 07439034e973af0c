"""`adcli each` from outside: lines and their answers, formats, options, processes."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import Ran, captured

from adcli.batch import programs
from adcli.batch.programs import Answers, Common, blocks, lines_of
from adcli.cli.main import main

POINT = ("x=3", "y=2", "w=[1,2,3]")


Run = Callable[..., Ran]


@pytest.fixture
def each(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command on lines in a file, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(lines: str | bytes, *arguments: str) -> Ran:
        Path("lines").write_bytes(lines if isinstance(lines, bytes) else lines.encode())
        return captured(capfd, "each", "lines", *arguments)

    return run


def question(source: str, **keys: Any) -> str:
    return json.dumps({"source": source, **keys})


# A line, the value at POINT and the gradient, both worked out by hand.
ANSWERED: list[tuple[str, float, dict[str, Any]]] = [
    ("x^2*y", 18.0, {"x": 12.0, "y": 9.0}),
    ("  x + y  ", 5.0, {"x": 1.0, "y": 1.0}),
    ("7", 7.0, {}),
    ("-x", -3.0, {"x": -1.0}),
    ("sum(w)*x", 18.0, {"w": [3.0, 3.0, 3.0], "x": 6.0}),
    ("f(x, k = 4) = k*x", 12.0, {"x": 4.0, "k": 3.0}),
    ("g(t) = t^2; g(x) + 1", 10.0, {"x": 6.0}),
    ("s = 0; for i in 1..3 { s += x^i }; s", 39.0, {"x": 34.0}),
    ("if x > 2 then x*y else 0", 6.0, {"x": 2.0, "y": 3.0}),
    ("π*x", 3 * math.pi, {"x": math.pi}),
    (question("x*y", at={"x": 5}), 10.0, {"x": 2.0, "y": 5.0}),
    (question("x*y", wrt=["y"]), 6.0, {"y": 3.0}),
    (question("x*y", wrt="y, x"), 6.0, {"x": 2.0, "y": 3.0}),
    (question("x*y", mode="forward"), 6.0, {"x": 2.0, "y": 3.0}),
    (question("x, y^2", result="x"), 3.0, {"x": 1.0, "y": 0.0}),
    (question("a(x) = x^2; b(x) = x^3", function="a"), 9.0, {"x": 6.0}),
    (question("t = x\nt*y"), 6.0, {"x": 2.0, "y": 3.0}),
    (question("dot(v, v)", at={"v": [1, -2.5]}), 7.25, {"v": [2.0, -5.0]}),
    (question("A[2,1]", at={"A": [[1, 2], [3, 4]]}), 3.0, {"A": [[0.0, 0.0], [1.0, 0.0]]}),
    (question("1/z", at={"z": -0.0}), -math.inf, {"z": -math.inf}),
    (' {"source": "x", "at": {}} ', 3.0, {"x": 1.0}),
    ("x^2 # see f.ad", 9.0, {"x": 6.0}),
]


@pytest.mark.parametrize(("line", "value", "gradient"), ANSWERED, ids=[row[0] for row in ANSWERED])
def test_a_line_is_answered(each: Run, line: str, value: float, gradient: dict[str, Any]) -> None:
    ran = each(line + "\n", *POINT, "--quiet")
    assert ran.code == 0
    (answer,) = ran.answers
    is_json = line.lstrip().startswith("{")
    source = json.loads(line)["source"] if is_json else line.strip()
    assert (answer["line"], answer["source"]) == (1, source)
    finite = math.isfinite(value)
    assert answer["value"] == (pytest.approx(value, rel=1e-15) if finite else None)
    if finite:
        assert answer["gradient"] == gradient
        assert set(answer) == {"line", "source", "value", "gradient"}
    else:
        assert answer["warnings"]


# A line, a piece of the message, where it is (line and column of the program), and of the hint.
FAILED = [
    ("2x", "an operator is missing", (1, 1), "2*x"),
    ("x + sine(y)", "unknown function 'sine'", (1, 5), "'sin'"),
    ("(x", "never closed", (1, 1), ""),
    ("x, y", "2 results", None, "--result"),
    ("q", "input 'q' has no value", (1, 1), "q=..."),
    ("[x, y]", "2 results", None, ""),
    ("samples/newton.ad", "is no program", None, "not its file"),
    ("@x", "is no program", None, ""),
    ("while x > 0 { x += 1 }; x", "more than 1,000 operations", None, "--max-operations"),
    ("sum(i for i in 1..10^12)", "1,000,000,000,000 turns", (1, 16), ""),
    ("zeros(10^12)", "", (1, 1), ""),
    ("w[7]", "index 7 is outside", (1, 1), ""),
    ("(" * 3, "never closed", (1, 3), ""),
    ("x\0", "U+0000", (1, 2), ""),
    ("__import__('os')", "", (1, 12), ""),
    ("x.__class__", "", (1, 2), ""),
    ("{", "not JSON", (1, 2), ""),
    ('{"source": "x"', "not JSON", (1, 15), ""),
    ("{}", "no 'source'", None, '"source"'),
    ('{"source": 3}', "'source' is not a text", None, ""),
    ('{"source": "x", "att": {}}', "no 'att'", None, "'at'"),
    ('{"source": "x", "at": [1]}', "'at' is not an object", None, ""),
    ('{"source": "x", "at": {"x": "3"}}', "'x' is not a number", None, ""),
    ('{"source": "x", "at": {"x": true}}', "'x' is not a number", None, ""),
    ('{"source": "x", "at": {"x": null}}', "'x' is not a number", None, ""),
    ('{"source": "x", "at": {"x": {"a": 1}}}', "'x' is not a number", None, ""),
    ('{"source": "x", "at": {"x": [[1], [1, 2]]}}', "rows of 1 and 2", None, ""),
    ('{"source": "x", "at": {"z": 1}}', "no input is called 'z'", None, "x"),
    ('{"source": "x", "at": {"x": 1, "x": 2}}', "'x' is given twice", None, ""),
    ('{"source": "x", "source": "y"}', "'source' is given twice", None, ""),
    ('{"source": "x", "wrt": ["z"]}', "no input is called 'z'", None, ""),
    ('{"source": "x", "wrt": [1]}', "'wrt' is not a list", None, ""),
    ('{"source": "x", "wrt": {"x": 1}}', "'wrt' is not a list", None, ""),
    ('{"source": "x", "mode": "back"}', "no mode is called 'back'", None, "forward"),
    ('{"source": "x", "mode": 1}', "'mode' is not a text", None, ""),
    ('{"source": "x", "result": "r"}', "no result is called 'r'", None, ""),
    ('{"source": "x", "function": "r"}', "no function 'r'", None, ""),
    ('{"source": ""}', "empty", (1, 1), ""),
    ('{"source": "x"} {"source": "y"}', "not JSON", (1, 17), ""),
    ("{" * 2000, "not JSON", (1, 2), ""),
    ('{"source": ' + "[" * 100_000, "nested too deeply", None, ""),
]


@pytest.mark.parametrize(
    ("line", "message", "place", "hint"), FAILED, ids=[row[0][:40] for row in FAILED]
)
def test_a_bad_line_is_an_answer(
    each: Run, line: str, message: str, place: tuple[int, int] | None, hint: str
) -> None:
    ran = each(f"x\n{line}\ny\n", *POINT, "--max-operations", "1000")
    assert ran.code == 1
    first, bad, last = ran.answers
    assert (first["value"], last["value"]) == (3.0, 2.0)
    assert bad["line"] == 2
    assert set(bad) == {"line", "source", "error"}
    error = bad["error"]
    assert message in error["message"]
    if place is not None:
        assert (error["line"], error["column"]) == place
    assert hint in error.get("hint", "")
    assert ran.err.startswith("warning: 1 of 3 programs have no result; the first is in line 2: ")
    assert len(ran.err.splitlines()) < 10


def test_texts_that_are_no_text(each: Run) -> None:
    ran = each(b"\xef\xbb\xbfx\r\n\xff\xfe\r\n\r\n  # y\r\ny", *POINT)
    assert [answer["line"] for answer in ran.answers] == [1, 2, 5]
    assert ran.answers[0]["value"] == 3.0
    assert "0xff at offset 0" in ran.answers[1]["error"]["message"]
    assert ran.answers[2] == {"line": 5, "source": "y", "value": 2.0, "gradient": {"y": 1.0}}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_lines_in_utf_16(each: Run, jobs: str) -> None:
    ran = each("x\ny\n".encode("utf-16"), *POINT, "--jobs", jobs)
    assert (ran.code, ran.out) == (5, "")
    assert "UTF-16" in ran.err


def test_half_a_character_is_none(each: Run) -> None:
    ran = each('{"source": "x # \\ud800"}\nx # \u202e\x9b\n', *POINT)
    assert ran.code == 0
    assert ran.out.isascii() or "\ufffd" in ran.out
    assert [answer["source"] for answer in ran.answers] == ["x # \ufffd", "x # \u202e\x9b"]
    assert ran.out.replace("\n", "").isprintable()


def test_a_line_that_is_too_long(each: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "LONGEST_LINE", 100)
    ran = each(
        "x + " * 100_000 + "x\nx\n" + "x" * 99 + "\n", *POINT, f"{'x' * 99}=4", "--jobs", "1"
    )
    assert [answer["line"] for answer in ran.answers] == [1, 2, 3]
    assert "longer than 100 bytes" in ran.answers[0]["error"]["message"]
    assert len(ran.answers[0]["source"]) < 300
    assert [answer["value"] for answer in ran.answers[1:]] == [3.0, 4.0]


def test_a_line_without_end_is_refused_before_its_end() -> None:
    """As /dev/zero is one."""
    number, line = next(programs.blocks(bytes, 1 << 20))
    assert number == 1
    assert programs.LONGEST_LINE < len(line) <= programs.LONGEST_LINE + (1 << 20)


@pytest.mark.parametrize("lines", ["", "\n", "\n\n  \n# nothing\n#\n"])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_no_programs(each: Run, lines: str, form: str) -> None:
    ran = each(lines, "x=3", "--to", form)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == ("" if form == "jsonl" else "line,source,value,df_dx,error\n")


@pytest.mark.parametrize(("form", "separator"), [("csv", ","), ("tsv", "\t")])
def test_separated(each: Run, form: str, separator: str) -> None:
    lines = [
        "x^2*y",
        "w[1]*w[2]",
        "1e-300*x + 0.1",
        "f(a, b) = a",
        question('x # a "quote"\n', at={"x": 1 / 3}),
        "ln(-x)",
        "exp(x*1000)",
    ]
    ran = each("\n".join(lines), *POINT, "--to", form, "--quiet")
    rows = list(csv.reader(io.StringIO(ran.out, newline=""), delimiter=separator))
    head = ["line", "source", "value", "df_dx", "df_dy", "df_dw[1]", "df_dw[2]", "df_dw[3]"]
    assert rows[0] == [*head, "error"]
    assert {len(row) for row in rows} == {len(head) + 1}
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [record["line"] for record in records] == [str(i) for i in range(1, 8)]
    plain = each("\n".join(lines), *POINT, "--quiet").answers
    for record, answer in zip(records, plain, strict=True):
        assert record["source"] == answer["source"]
        if "error" in answer:
            assert answer["error"]["message"] in record["error"]
            assert not any(record[name] for name in head[2:])
            continue
        assert record["error"] == ""
        value = float(record["value"])
        assert value == answer["value"] or (answer["value"] is None and not math.isfinite(value))
        for name in ("x", "y"):
            given = answer["gradient"].get(name, ...)
            text = record[f"df_d{name}"]
            assert text == "" if given is ... else given is None or float(text) == given
    vector = [records[1][f"df_dw[{i}]"] for i in (1, 2, 3)]
    assert vector == ["2.0", "1.0", "0.0"]


@pytest.mark.parametrize("source", ["x*A[{}]", "A[{}]^2", "sin(A[{}]) + A[1,1]"])
def test_the_derivatives_of_a_matrix_are_under_their_elements(each: Run, source: str) -> None:
    """Each element in a line of its own, so that no two columns can be swapped."""
    places = [f"{i},{j}" for i in (1, 2) for j in (1, 2, 3)]
    lines = "\n".join(source.format(place) for place in places)
    given = ("x=3", "A=[[1,2,3],[4,5,6]]", "--wrt", "A")
    rows, answers = each(lines, *given, "--to", "csv").rows, each(lines, *given).answers
    for row, answer in zip(rows, answers, strict=True):
        assert answer["gradient"]["A"] == [
            [float(row[f"df_dA[{i},{j}]"]) for j in (1, 2, 3)] for i in (1, 2)
        ]
    if source == "x*A[{}]":
        found = [[row[f"df_dA[{place}]"] for place in places] for row in rows]
        assert found == [["3.0" if i == j else "0.0" for i in range(6)] for j in range(6)]


@pytest.mark.parametrize(
    ("line", "arguments", "message"),
    [
        ("a*x", ["x=1", "a=2", "--wrt", "x"], ""),
        ("f(x, k = 2) = k*x", ["x=1"], "towards 'k' has no column (choose columns with --wrt x,k)"),
        (question("v[1]", at={"v": [1, 2]}), ["--wrt", "v"], "2 derivatives towards 'v' for 1"),
        (question("v[1]", at={"v": [1, 2]}), ["v=[3,4]"], ""),
        (question("v[1]", at={"v": [1, 2]}), ["v=[3,4,5]"], "2 derivatives towards 'v' for 3"),
        (question("z", at={"z": 1}), [], "towards 'z' has no column (choose columns with --wrt z)"),
    ],
)
def test_derivatives_without_a_column(
    each: Run, line: str, arguments: list[str], message: str
) -> None:
    ran = each(line, *arguments, "--to", "csv")
    (record,) = csv.DictReader(io.StringIO(ran.out))
    assert message in record["error"]
    assert bool(message) == bool(record["error"]) == (ran.code == 1)


def test_what_is_common(each: Run, tmp_path: Path) -> None:
    (tmp_path / "at.json").write_text('{"x": 5, "unused": 1}')
    ran = each("x*y\nx\ny\n", "--at", "at.json", "y=pi", "--wrt", "x")
    assert ran.code == 0
    assert [answer["gradient"] for answer in ran.answers] == [{"x": math.pi}, {"x": 1.0}, {}]
    assert ran.err == "warning: no program has an input 'unused'\n"
    ran = each(question("x*y", wrt=["y"]) + "\nx*y", "x=1", "y=2", "--wrt", "x")
    assert [list(answer["gradient"]) for answer in ran.answers] == [["y"], ["x"]]
    ran = each("g(t) = 2*t; h(t) = t^2\n", "t=3", "--function", "g")
    assert ran.answers[0]["value"] == 6.0
    ran = each("x, x^2 \n", "x=3", "--result", "f[1]")
    assert ran.answers[0]["value"] == 9.0


@pytest.mark.parametrize(
    ("line", "arguments", "unused"),
    [
        ("x", ["x=3"], None),
        ("x", ["x=3", "q=1"], "q"),
        ("x", ["x=3", "--wrt", "x,q"], "q"),
        ("x*y", ["x=3", "y=2", "--wrt", "y"], None),
        (question("x", at={"x": 3}), ["--wrt", "x"], None),  # known by its name alone
        (question("x", at={"x": 3}), ["--wrt", "q"], "q"),
        ("7", ["--wrt", "q"], "q"),
        ("(", ["q=1", "--wrt", "p"], None),  # nobody knows what it has
    ],
)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_inputs_that_no_program_has(
    each: Run, line: str, arguments: list[str], unused: str | None, jobs: str
) -> None:
    ran = each(line, *arguments, "--jobs", jobs)
    said = f"warning: no program has an input '{unused}'\n" if unused else ""
    assert [note for note in ran.err.splitlines(True) if "has an input" in note] == [said] * bool(
        unused
    )


def test_numbers_that_are_not_finite(each: Run) -> None:
    ran = each("1/(x - 3)\nabs(x - 3)\n", "x=3")
    assert ran.code == 0
    first, second = ran.answers
    assert "1 of 2 programs have a value or derivatives that are not finite" in ran.err
    assert "in line 1: " in ran.err
    assert (first["value"], first["gradient"]) == (None, {"x": None})
    assert "division" in first["warnings"][0]["message"] or "/" in first["warnings"][0]["message"]
    assert [warning["kind"] for warning in second["warnings"]] == ["convention"]
    ran = each("1/(x - 3)\nabs(x - 3)\n", "x=3", "--strict")
    assert ran.code == 1
    first, second = ran.answers
    assert first["error"]["line"] == 1
    assert second["gradient"] == {"x": 0.0}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing"], 5, "cannot read 'missing'"),
        (["."], 5, "is a directory"),
        (["lines", "x"], 2, "'x' is not NAME=VALUE"),
        (["lines", "x=q"], 2, "'q' has no value here"),
        (["lines", "x=1", "x=2"], 2, "'x' is given twice"),
        (["lines", "--jobs", "0"], 2, "not a whole number"),
        (["lines", "--to", "parquet"], 2, "parquet"),
        (["lines", "-o", "missing/out.jsonl"], 5, "cannot write 'missing/out.jsonl'"),
        (["lines", "-o", "out.xlsx"], 2, "no ending that says a format"),
        (["lines", "-o", "lines"], 2, "'lines' is read too"),
        (["lines", "--at", "at.json", "-o", "at.json", "--to", "csv"], 2, "'at.json' is read too"),
        ([], 2, "missing argument"),
    ],
)
def test_usage(
    each: Run, capfd: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    each("x\n", "x=1")
    Path("at.json").write_text('{"x": 1}')
    assert main(["each", *arguments]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert message in err


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.tsv", "out.ndjson"])
def test_a_file_is_written(each: Run, name: str) -> None:
    ran = each("x\ny\nq\n", "x=1", "y=2", "-o", name)
    assert (ran.code, ran.out) == (1, "")
    form = {"ndjson": "jsonl"}.get(name.split(".")[1], name.split(".")[1])
    again = each("x\ny\nq\n", "x=1", "y=2", "--to", form)
    assert Path(name).read_text() == again.out


def many_lines() -> bytes:
    """Lines of all kinds, more than a block of them."""
    kinds = [line.encode() for line, *_ in ANSWERED] + [
        line.encode() for line, *_ in FAILED if len(line) < 1000
    ]
    kinds += [b"", b"# comment", b"\xff", b"x\r", b'{"source": "x"}\r', b"y" * 40_000]
    return b"\n".join(kinds[i * 7 % len(kinds)] + b" " * (i % 3) for i in range(2_000))


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_processes_give_the_same_output(
    each: Run, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = many_lines()
    given = (*POINT, "--max-operations", "1000", "--to", form)
    alone = each(lines, *given, "--jobs", "1")
    assert alone.code == 1
    assert alone.out.count("\n") > 1_500
    for jobs in ("2", "5"):
        shared = each(lines, *given, "--jobs", jobs)
        assert shared.out == alone.out
        assert (shared.code, shared.err) == (alone.code, alone.err)


def test_a_large_file_is_shared_without_being_asked(
    each: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adcli.evaluate import processes

    monkeypatch.setattr("os.cpu_count", lambda: 2)
    started = []
    start = processes.Process.__init__
    monkeypatch.setattr(
        processes.Process,
        "__init__",
        lambda self, *given: (started.append(1), start(self, *given))[1],
    )
    small = each("x + y\n" * 1_000, *POINT[:2])
    assert started == []
    large = each("x + y\n" * 50_000, *POINT[:2])
    assert 1 <= len(started) <= 2
    assert large.out.startswith(small.out)
    assert large.out.count("\n") == 50_000
    assert json.loads(large.out.splitlines()[-1])["line"] == 50_000


class Pieces(io.RawIOBase):
    """Bytes that come in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read1(self, size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\n", b"a\nbb\n\nccc", b"a\r\nb\r", b"\n\n\n", b"one", b"x\n" * 50),
        b"x\n\xff\xfey\0\nz",  # the mark of UTF-16, but not of the file
    ],
)
def test_lines_do_not_depend_on_how_they_come(data: bytes, step: int) -> None:
    pieces = [data[i : i + step] for i in range(0, len(data), step)]
    found = [
        pair for first, block in blocks(Pieces(pieces).read1, 64) for pair in lines_of(first, block)
    ]
    assert found == list(enumerate(io.BytesIO(data), 1))


def test_the_same_text_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    original = programs._read
    monkeypatch.setattr(programs, "_read", lambda *given: (read.append(given), original(*given))[1])
    answers = Answers(Common({"x": 2.0}))
    for i in range(50):
        line = question("x*y", at={"y": i}).encode()
        answer = answers.answer(i + 1, line)
        assert answer is not None
        assert answer.data()["gradient"] == {"x": float(i), "y": 2.0}
    assert read == [("x*y", None)]
