"""adcli compare from outside: tables, data, the errors over steps as chart and picture."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ran import Ran, captured

import adcli
from adcli.cli.main import main
from adcli.differentiate import compare as module
from adcli.render.compare import CompareTables
from adcli.render.terminal import Screen
from adcli.render.views import Look

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
SOURCE = "ln(x1) + x1*x2 - sin(x2)"
POINT = ("x1=2", "x2=5")
GRADIENT = {"x1": 1 / 2 + 5, "x2": 2 - math.cos(5)}
METHODS = [
    "forward difference",
    "backward difference",
    "central difference",
    "five-point difference",
    "richardson",
    "symbolic",
    "forward mode",
    "reverse mode",
]
STEPPED = ["forward difference", "central difference", "five-point difference"]
STEPS = 46
SVG = "{http://www.w3.org/2000/svg}"


Compare = Callable[..., Ran]


@pytest.fixture
def compare(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Compare:
    """Runs `adcli compare` in this process, in an empty folder that is not a terminal."""
    monkeypatch.chdir(tmp_path)
    for name in ("LANG", "LC_CTYPE", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr(module, "_TIMES", 1)

    def run(*arguments: str) -> Ran:
        return captured(capfd, "compare", *arguments)

    return run


def loaded(ran: Ran) -> dict[str, Any]:
    """The JSON of a command, strict: one line, no NaN, no Infinity."""
    assert ran.code == 0, ran.err
    assert ran.out.count("\n") == 1
    found = json.loads(ran.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert isinstance(found, dict)
    return found


def table(text: str, separator: str = ",") -> list[dict[str, str]]:
    """The rows of CSV or TSV; each has as many cells as the heading."""
    head, *rows = csv.reader(io.StringIO(text), delimiter=separator)
    return [dict(zip(head, row, strict=True)) for row in rows]


# Data.


def test_json(compare: Compare) -> None:
    got = loaded(compare(SOURCE, *POINT, "--format", "json"))
    assert list(got) == [
        "command", "function", "inputs", "result", "value", "reference", "methods", "warnings",
    ]  # fmt: skip
    assert (got["command"], got["function"], got["result"]) == ("compare", "f", "f")
    assert got["inputs"] == {"x1": 2.0, "x2": 5.0}
    assert got["value"] == pytest.approx(11.652071455223084, rel=1e-15)
    assert got["reference"]["method"] == "reverse mode with 50 digits"
    assert got["reference"]["gradient"] == pytest.approx(GRADIENT, rel=1e-15)
    assert got["warnings"] == []
    assert [one["method"] for one in got["methods"]] == METHODS
    for one in got["methods"]:
        assert set(one) == {
            "method", "gradient", "error", "passes", "operations", "size", "seconds", "note",
        }  # fmt: skip
        assert one["gradient"] == pytest.approx(GRADIENT, rel=1e-6)
        assert one["seconds"] > 0
        assert type(one["passes"]) is type(one["operations"]) is type(one["size"]) is int


@pytest.mark.parametrize(("form", "separator"), [("csv", ","), ("tsv", "\t")])
def test_csv(compare: Compare, form: str, separator: str) -> None:
    """A row for each method, every digit; the derivatives named as `grad` names them."""
    rows = table(compare(SOURCE, *POINT, "--format", form).out, separator)
    assert [row["method"] for row in rows] == METHODS
    assert list(rows[0]) == [
        "method", "df_dx1", "df_dx2", "error", "passes", "operations", "size", "seconds",
    ]  # fmt: skip
    exact = {one["method"]: one for one in
             loaded(compare(SOURCE, *POINT, "--format", "json"))["methods"]}  # fmt: skip
    for row in rows:
        one = exact[row["method"]]
        assert [float(row[f"df_d{name}"]) for name in GRADIENT] == list(one["gradient"].values())
        for name in ("error", "passes", "operations", "size"):
            assert float(row[name]) == one[name], name


def test_csv_of_vectors_is_named_as_that_of_grad(
    compare: Compare, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("sum(A @ x)", "A=[[1,2],[3,4]]", "x=[5, 6]", "--format", "csv")
    (first, *_) = table(compare(*arguments).out)
    assert main(["grad", *arguments]) == 0
    (grad,) = table(capfd.readouterr().out)
    derivatives = [name for name in first if name.startswith("df_d")]
    assert derivatives == [name for name in grad if name.startswith("df_d")]
    assert len(derivatives) == 6


def test_wrt_and_result(compare: Compare) -> None:
    program = "f(a, b) = { q = a*b; q, a/b }"
    got = loaded(compare(program, "a=3", "b=4", "--result", "q", "--wrt", "b", "--format", "json"))
    assert (got["result"], got["value"]) == ("q", 12.0)
    assert got["reference"]["gradient"] == {"b": 3.0}
    assert got["methods"][-1]["gradient"] == {"b": 3.0}
    assert got["methods"][0]["passes"] == 2


def test_files_and_functions(compare: Compare, tmp_path: Path) -> None:
    (tmp_path / "p.ad").write_text("g(x) = x^2\nf(x) = sin(x)\n")
    (tmp_path / "at.json").write_text('{"x": 3}')
    got = loaded(compare("p.ad", "--function", "g", "--at", "at.json", "--format", "json"))
    assert (got["function"], got["reference"]["gradient"]) == ("g", {"x": 6.0})


@pytest.mark.parametrize(
    ("form", "ending"),
    [("json", ".json"), ("csv", ".csv"), ("tsv", ".tsv"),
     ("markdown", ".md"), ("latex", ".tex"), ("table", ".txt")],
)  # fmt: skip
@pytest.mark.parametrize("steps", [(), ("--steps",)])
def test_every_format(
    compare: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    ending: str,
    steps: tuple[str, ...],
) -> None:
    monkeypatch.setattr(module, "_seconds", lambda work: 0.001)  # they differ from run to run
    printed = compare(SOURCE, *POINT, *steps, "--format", form)
    assert (printed.code, printed.err) == (0, "")
    file = tmp_path / f"out{ending}"
    written = compare(SOURCE, *POINT, *steps, "-o", str(file))
    assert (written.code, written.out, written.err) == (0, "", "")
    text = file.read_text(encoding="utf-8")
    assert text == printed.out
    assert [one for one in os.listdir(tmp_path) if one.startswith(".adcli")] == []


def test_a_sample_without_formula(compare: Compare) -> None:
    """newton.ad: symbolic is left out with a note; null in JSON, empty in the table."""
    path = str(SAMPLES / "newton.ad")
    methods = {one["method"]: one for one in loaded(compare(path, "--format", "json"))["methods"]}
    note = "a loop whose length depends on the inputs has no formula"
    assert methods["symbolic"]["gradient"] is None
    assert methods["symbolic"]["error"] is None
    assert methods["symbolic"]["seconds"] is None
    assert methods["symbolic"]["note"] == note
    assert methods["reverse mode"]["gradient"] == pytest.approx({"a": 0.5 / math.sqrt(2)})
    shown = compare(path, "--ascii")
    assert f"symbolic: {note}" in shown.out
    (line,) = (line for line in shown.out.splitlines() if "symbolic" in line and note not in line)
    assert set(line) <= set("| symbolic")


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.ad")), ids=lambda path: path.stem)
def test_samples_from_the_command_line(compare: Compare, path: Path) -> None:
    result = ("--result", "f[2]") if path.stem == "composition" else ()
    for one in loaded(compare(str(path), *result, "--format", "json"))["methods"]:
        if one["gradient"] is not None:
            bound = 1e-12 if one["method"] in METHODS[-3:] else 1e-2
            assert one["error"] < bound, one["method"]


def test_the_table(compare: Compare) -> None:
    """The derivatives of up to three inputs; of more only errors."""
    shown = compare(SOURCE, *POINT)
    assert "f = 11.652071455223084" in shown.out
    assert "∂f/∂x1" in shown.out
    assert shown.out.rstrip().endswith("errors against reverse mode with 50 digits")
    assert [row for row in shown.out.splitlines() if row.startswith("│ reverse mode ")]
    many = compare("a*b*c*d", "a=1", "b=2", "c=3", "d=4")
    assert "∂" not in many.out
    assert "reverse mode" in many.out
    ascii_only = compare(SOURCE, *POINT, "--ascii", "--steps")
    assert ascii_only.out.isascii()
    assert "df/dx1" in ascii_only.out


def test_latex_rows_are_even(compare: Compare) -> None:
    for program in (SOURCE, str(SAMPLES / "newton.ad")):
        point = POINT if program == SOURCE else ()
        first, *rows, last = compare(program, *point, "--format", "latex").out.splitlines()
        columns = re.fullmatch(r"\\begin\{tabular\}\{(l?r*)\}", first)
        assert columns
        assert last == r"\end{tabular}"
        assert {row.count(" & ") + 1 for row in rows} == {len(columns[1])}
        assert rows[0].endswith(r" \\ \hline")
        assert all(row.endswith(r" \\") for row in rows[1:])


# Edges.


def test_non_finite_is_null(compare: Compare) -> None:
    ran = compare("sqrt(x)", "x=0", "--format", "json")
    got = loaded(ran)
    methods = {one["method"]: one["gradient"] for one in got["methods"]}
    assert methods["reverse mode"] == methods["symbolic"] == {"x": None}
    (warning,) = got["warnings"]
    assert warning == {
        "kind": "derivative",
        "node": "v1",
        "line": 1,
        "column": 1,
        "message": "the derivative of sqrt is inf at 0 (v₁ = √v₀)",
    }
    assert ran.err.startswith("warning: the derivative of sqrt is inf at 0 (v₁ = √v₀)\n")
    assert compare("sqrt(x)", "x=0", "--quiet").err == ""


def test_strict(compare: Compare, tmp_path: Path) -> None:
    for more in ([], ["--format", "json"], ["--steps", "-o", "s.svg"]):
        ran = compare("sqrt(x)", "x=-1", "--strict", *more)
        assert (ran.code, ran.out) == (4, "")
        assert ran.err.startswith("error: sqrt is undefined at -1 (v₁ = √v₀)\n")
    assert os.listdir(tmp_path) == []
    kink = compare("abs(x)", "x=0", "--strict", "--format", "csv")
    assert kink.code == 0
    assert kink.err.startswith("note: abs has no derivative at 0; using 0\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("abs(x)", "x=0"),
        ("f(x) = 3", "x=1"),
        ("ln(x)", "x=0"),
        ("ln(x)", "x=-1"),
        ("sin(x)/x", "x=0"),
        ("x^2", "x=inf"),
        ("x^2", "x=nan"),
        ("exp(x)", "x=1000"),
        ("x^x", "x=0"),
        ("x/x", "x=5e-324"),
        ("if x == 0 then 1 else sin(x)/x", "x=0"),
    ],
)
@pytest.mark.parametrize("steps", [(), ("--steps",)])
def test_edges_in_every_format(
    compare: Compare, arguments: tuple[str, ...], steps: tuple[str, ...]
) -> None:
    """Data stays strict, tables appear, nothing fails."""
    assert loaded(compare(*arguments, *steps, "--format", "json"))
    for form in ("table", "markdown", "latex"):
        assert compare(*arguments, *steps, "--format", form).code == 0
    rows = table(compare(*arguments, *steps, "--format", "csv").out)
    assert len(rows) == (STEPS if steps else len(METHODS))
    for row in rows:
        for name, cell in row.items():
            assert name == "method" or isinstance(float(cell), float)


def test_without_mpmath(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpmath", None)
    monkeypatch.delitem(sys.modules, "adcli.evaluate.precise", raising=False)
    name = "extrapolated difference quotients (50 digits need mpmath: pip install 'adcli[compare]')"
    assert f"errors against {name}" in compare(SOURCE, *POINT).out
    assert loaded(compare(SOURCE, *POINT, "--format", "json"))["reference"]["method"] == name


def test_what_takes_too_long(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST", 0.0)
    got = loaded(compare(SOURCE, *POINT, "--format", "json"))
    left_out = [one["method"] for one in got["methods"] if one["gradient"] is None]
    assert left_out == METHODS[:5]
    assert all(one["note"].startswith("left out") for one in got["methods"][:5])
    shown = compare(SOURCE, *POINT)
    assert shown.out.count("left out: it would take about") == 5
    steps = compare(SOURCE, *POINT, "--steps")
    assert (steps.code, steps.out) == (6, "")
    assert "--wrt chooses fewer inputs" in steps.err


# Steps.


def test_steps_as_data(compare: Compare) -> None:
    """The same numbers in CSV and JSON, a row for each step; nan is null."""
    rows = table(compare("sin(x)", "x=1", "--steps", "--format", "csv").out)
    steps = loaded(compare("sin(x)", "x=1", "--steps", "--format", "json"))["steps"]
    assert len(rows) == len(steps) == STEPS
    for row, one in zip(rows, steps, strict=True):
        assert list(row) == list(one) == ["step", *STEPPED]
        for name, cell in row.items():
            number = float(cell)
            assert (one[name] is None) == math.isnan(number)
            assert one[name] is None or one[name] == number
            assert cell == repr(number)
    assert [float(rows[i]["step"]) for i in (0, -1)] == pytest.approx([0.1, 1e-16], rel=1e-12)
    assert steps[-1] == {"step": pytest.approx(1e-16), **dict.fromkeys(STEPPED)}
    assert "steps" not in loaded(compare("sin(x)", "x=1", "--format", "json"))


def test_the_chart(compare: Compare) -> None:
    shown = compare("sin(x)", "x=1", "--steps").out.splitlines()
    start = shown.index("Error against step (relative to x)")
    lines = shown[start + 1 :]
    assert all(len(line) <= 80 for line in lines)
    assert sum("│" in line for line in lines) >= 10
    assert any("└" + "─" * 64 in line for line in lines)
    assert lines[-1] == "f forward difference, c central difference, 5 five-point difference"
    assert "│" not in compare("sin(x)", "x=1", "--steps", "--ascii").out


@pytest.mark.parametrize("name", ["gaussian", "baydin", "network", "logistic_map"])
def test_tables_and_chart_fit_a_terminal(name: str) -> None:
    """No line is wider than 80 columns, with all signs or in ASCII."""
    found = adcli.load(SAMPLES / f"{name}.ad").compare(steps=True)
    for ascii_only in (False, True):
        stream = io.StringIO()
        look = Look(None, ascii_only=ascii_only, width=80)
        views = CompareTables(found, look).views()
        Screen(stream, 80, color=False, ascii_only=ascii_only).show(views, None)
        lines = stream.getvalue().splitlines()
        assert max(map(len, lines)) <= 80
        assert any("reverse mode" in line for line in lines)
        assert stream.getvalue().isascii() is ascii_only


# Pictures.


@pytest.fixture(scope="module", autouse=True)
def matplotlib_is_there() -> None:
    """The pictures are tested wherever the tests' own dependencies are installed."""
    import matplotlib.figure  # noqa: F401  # once, outside of the warnings' filter


def test_svg(compare: Compare, tmp_path: Path) -> None:
    """Well-formed, with the text as text."""
    ran = compare(SOURCE, *POINT, "--steps", "-o", "steps.svg")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    root = ElementTree.parse(tmp_path / "steps.svg").getroot()
    assert root.tag == f"{SVG}svg"
    texts = ["".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")]
    for expected in (
        "step, relative to x",
        "error",
        "Difference quotients of f",
        *STEPPED,
    ):
        assert expected in texts
    assert os.listdir(tmp_path) == ["steps.svg"]


def test_svg_shows_what_automatic_differentiation_loses(compare: Compare, tmp_path: Path) -> None:
    """A line for its error, if there is one."""
    for program, point, lossy in (("sin(x)/x", "x=0.3", True), ("x^2", "x=1", False)):
        assert compare(program, point, "--steps", "-o", "s.svg").code == 0
        text = (tmp_path / "s.svg").read_text(encoding="utf-8")
        assert ("automatic differentiation" in text) is lossy


def test_png(compare: Compare, tmp_path: Path) -> None:
    ran = compare(SOURCE, *POINT, "--steps", "-o", "steps.png")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    data = (tmp_path / "steps.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data[12:16] == b"IHDR"
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (1050, 675)
    assert data[-8:-4] == b"IEND"


def test_the_same_command_gives_the_same_svg(compare: Compare, tmp_path: Path) -> None:
    """To the byte: in this process, and in another with other hashes."""
    for name in ("one.svg", "two.svg"):
        assert compare(SOURCE, *POINT, "--steps", "-o", name).code == 0
    command = [sys.executable, "-m", "adcli", "compare", SOURCE, *POINT, "--steps", "-o", "3.svg"]
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=env, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    first = (tmp_path / "one.svg").read_bytes()
    assert (tmp_path / "two.svg").read_bytes() == first
    assert (tmp_path / "3.svg").read_bytes() == first


@pytest.mark.parametrize(
    ("program", "point"),
    [
        ("f(x) = 3", "x=1"),  # no error is above 0
        ("sqrt(x)", "x=-1"),  # no error is finite
        ("x", "x=1"),
        ("abs(x)", "x=0"),
        ("f_1(x_2) = sin(x_2)", "x_2=1"),
        ("[sin(x), x][1]", "x=1"),
    ],
)
def test_pictures_of_anything(compare: Compare, tmp_path: Path, program: str, point: str) -> None:
    for name in ("s.svg", "s.png"):
        ran = compare(program, point, "--steps", "--quiet", "-o", name)
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    ElementTree.parse(tmp_path / "s.svg")


def test_a_picture_of_a_function_with_a_foreign_name(compare: Compare, tmp_path: Path) -> None:
    """A sign that the font has not is no reason to print warnings of matplotlib."""
    ran = compare("関数(x) = sin(x)", "x=1", "--steps", "-o", "s.svg")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert "関数" in (tmp_path / "s.svg").read_text(encoding="utf-8")


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which matplotlib cannot be imported."""
    for name in ("", ".figure", ".backends", ".backends.backend_agg"):
        monkeypatch.setitem(sys.modules, f"matplotlib{name}", None)


@pytest.mark.usefixtures("no_matplotlib")
@pytest.mark.parametrize("name", ["s.svg", "s.png"])
def test_without_matplotlib(compare: Compare, tmp_path: Path, name: str) -> None:
    """An error that names the extra; an old picture stays as it was."""
    (tmp_path / name).write_text("old")
    ran = compare(SOURCE, *POINT, "--steps", "-o", name)
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert lines == [
        "error: a picture needs matplotlib",
        "  install it with: pip install 'adcli[draw]'",
    ]
    assert (tmp_path / name).read_text() == "old"
    assert os.listdir(tmp_path) == [name]


@pytest.mark.usefixtures("no_matplotlib")
def test_all_else_needs_no_matplotlib(compare: Compare) -> None:
    assert compare(SOURCE, *POINT, "--steps").code == 0
    assert compare(SOURCE, *POINT, "--steps", "-o", "steps.csv").code == 0


@pytest.mark.parametrize("name", ["s.svg", "s.png", "S.SVG"])
def test_a_picture_is_of_steps(compare: Compare, tmp_path: Path, name: str) -> None:
    ran = compare(SOURCE, *POINT, "-o", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: only the errors over steps are a picture\n  add --steps\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("failing", ["replace", "chmod"])
def test_a_picture_is_written_whole_or_not_at_all(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """What fails on the way leaves the old file, and nothing else."""
    (tmp_path / "s.svg").write_text("old")

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    ran = compare(SOURCE, *POINT, "--steps", "-o", "s.svg")
    monkeypatch.undo()
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("error: cannot write 's.svg'")
    assert ran.err.count("\n") == 1
    assert (tmp_path / "s.svg").read_text() == "old"
    assert os.listdir(tmp_path) == ["s.svg"]


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that is reached before there is a picture."""
    (tmp_path / "s.png").write_text("old")
    monkeypatch.setattr(module, "_LONGEST", 0.0)
    assert compare(SOURCE, *POINT, "--steps", "-o", "s.png").code == 6
    assert (tmp_path / "s.png").read_text() == "old"
    assert os.listdir(tmp_path) == ["s.png"]


def test_a_picture_in_no_folder(compare: Compare) -> None:
    ran = compare(SOURCE, *POINT, "--steps", "-o", "nowhere/s.svg")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err == "error: cannot write 'nowhere/s.svg': no such file or directory\n"


def test_a_format_beside_a_picture(compare: Compare, tmp_path: Path) -> None:
    """--format says what a file holds, whatever its ending."""
    assert compare("sin(x)", "x=1", "--steps", "-o", "s.svg", "--format", "csv").code == 0
    assert (tmp_path / "s.svg").read_text().startswith("step,forward difference")


def test_help(compare: Compare) -> None:
    ran = compare("--help")
    assert ran.code == 0
    for word in ("--steps", "--wrt", "--result", "FILE.svg", "FILE.png"):
        assert word in ran.out
    for wrong in (["--steps", "3"], ["--mode", "forward"]):
        assert compare(SOURCE, *POINT, *wrong).code == 2
