"""The commands from outside: data formats, files, streams and exit codes."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from ran import Ran, captured
from usual_signals import usual_signals

SOURCE = "ln(x1) + x1*x2 - sin(x2)"
POINT = ("x1=2", "x2=5")
VALUE = math.log(2) + 2 * 5 - math.sin(5)
GRADIENT = {"x1": 1 / 2 + 5, "x2": 2 - math.cos(5)}


@pytest.fixture
def adcli(capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs a command line in this process."""

    def run(*arguments: str) -> Ran:
        return captured(capfd, *arguments)

    return run


def process(
    arguments: Sequence[str],
    *,
    text: str = "",
    env: dict[str, str] | None = None,
    **options: object,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adcli", *arguments],
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env={**os.environ, **(env or {})},
        timeout=120,
        **options,  # type: ignore[call-overload]
    )


def data(ran: Ran) -> dict[str, object]:
    assert ran.code == 0, ran.err
    assert ran.out.count("\n") == 1
    loaded = json.loads(ran.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert isinstance(loaded, dict)
    return loaded


def test_eval_json(adcli) -> None:  # type: ignore[no-untyped-def]
    assert data(adcli("eval", SOURCE, *POINT, "--format", "json")) == {
        "command": "eval",
        "function": "f",
        "inputs": {"x1": 2.0, "x2": 5.0},
        "results": {"f": pytest.approx(VALUE, rel=1e-15)},
        "warnings": [],
    }


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_grad_json(adcli, mode: str) -> None:  # type: ignore[no-untyped-def]
    got = data(adcli("grad", SOURCE, *POINT, "--mode", mode, "--format", "json"))
    assert got["mode"] == ("reverse" if mode == "auto" else mode)
    assert got["value"] == pytest.approx(VALUE, rel=1e-15)
    assert got["gradient"] == pytest.approx(GRADIENT, rel=1e-15)
    assert (got["command"], got["function"], got["result"]) == ("grad", "f", "f")
    assert got["warnings"] == []


def test_vector_and_matrix_inputs_keep_their_shape(adcli) -> None:  # type: ignore[no-untyped-def]
    got = data(adcli("grad", "sum(A @ x)", "A=[[1,2],[3,4]]", "x=[5, pi]", "--format", "json"))
    assert got["inputs"] == {"A": [[1.0, 2.0], [3.0, 4.0]], "x": [5.0, math.pi]}
    assert got["gradient"] == {"A": [[5.0, math.pi], [5.0, math.pi]], "x": [4.0, 6.0]}


def test_wrt_result_and_function(adcli) -> None:  # type: ignore[no-untyped-def]
    program = "f(a, b) = { q = a*b; q, a/b }\ng(a) = a^2"
    got = data(
        adcli(
            "grad", program, "--function", "f", "--result", "q", "--wrt", "b",
            "a=3", "b=4", "--format", "json",
        )
    )  # fmt: skip
    assert got["gradient"] == {"b": 3.0}
    assert got["value"] == 12.0
    assert data(adcli("grad", program, "a=3", "--format", "json"))["gradient"] == {"a": 6.0}
    several = adcli("grad", program, "--function", "f", "a=3", "b=4")
    assert several.code == 2
    assert "q, f[1]" in several.err


def test_non_finite_is_null_with_a_reason(adcli) -> None:  # type: ignore[no-untyped-def]
    got = adcli("grad", "ln(x1) + x2/x1", "x1=0", "x2=1", "--format", "json")
    loaded = data(got)
    assert loaded["value"] is None
    assert loaded["gradient"] == {"x1": None, "x2": None}
    kinds = {warning["kind"] for warning in loaded["warnings"]}  # type: ignore[attr-defined]
    assert kinds == {"value", "derivative"}
    first = loaded["warnings"][0]  # type: ignore[index]
    assert set(first) == {"kind", "node", "line", "column", "message"}
    assert (first["node"], first["line"], first["column"]) == ("v1", 1, 1)
    assert got.err.startswith("warning: ln is -inf at 0 (v₁ = ln(v₋₁))\n --> expression:1:1\n")


def test_strict_and_quiet(adcli) -> None:  # type: ignore[no-untyped-def]
    strict = adcli("eval", "ln(x)", "x=-1", "--strict")
    assert (strict.code, strict.out) == (4, "")
    assert strict.err.startswith("error: ln is undefined at -1 (v₁ = ln(v₀))\n")
    quiet = adcli("eval", "ln(x)", "x=-1", "--quiet", "--format", "csv")
    assert (quiet.code, quiet.out, quiet.err) == (0, "f\nnan\n", "")
    # A convention at a kink is no failure.
    kink = adcli("grad", "abs(x)", "x=0", "--strict", "--format", "csv")
    assert (kink.code, kink.out) == (0, "f,df_dx\n0.0,0.0\n")
    assert kink.err.startswith("note: abs has no derivative at 0; using 0\n")


def test_equality_that_held_is_a_warning(adcli) -> None:  # type: ignore[no-untyped-def]
    program = "if x == 0 then 1 else sin(x)/x"
    held = adcli("grad", program, "x=0", "--format", "json")
    (warning,) = data(held)["warnings"]  # type: ignore[misc]
    assert (warning["kind"], warning["column"]) == ("equality", 4)
    assert data(adcli("grad", program, "x=1", "--format", "json"))["warnings"] == []


def test_trace_json(adcli) -> None:  # type: ignore[no-untyped-def]
    got = data(adcli("trace", SOURCE, *POINT, "--format", "json"))
    forward, reverse = got["forward"], got["reverse"]
    assert forward["mode"] == "forward"  # type: ignore[index]
    assert [one["seed"] for one in forward["passes"]] == [  # type: ignore[index]
        {"x1": 1.0, "x2": 0.0},
        {"x1": 0.0, "x2": 1.0},
    ]
    rows = {row["node"]: row for row in forward["passes"][0]["rows"]}  # type: ignore[index]
    assert list(rows) == ["v-1", "v0", "v1", "v2", "v3", "v4", "v5", "y"]
    assert rows["v1"] == {
        "node": "v1",
        "expression": "ln v-1",
        "value": math.log(2),
        "tangent_expression": "v̇-1 / v-1",
        "tangent": 0.5,
    }
    assert rows["v2"]["tangent_expression"] == "v̇-1 * v0 + v̇0 * v-1"
    assert [step["node"] for step in reverse["adjoint"]] == [  # type: ignore[index]
        "v5", "v4", "v3", "v1", "v2", "v0", "v-1", "v0", "v-1", "x2", "x1",
    ]  # fmt: skip
    assert reverse["adjoint"][7] == {  # type: ignore[index]
        "node": "v0",
        "expression": "v̄0 + v̄2 * v-1",
        "value": pytest.approx(GRADIENT["x2"]),
    }
    only = data(adcli("trace", SOURCE, *POINT, "--mode", "reverse", "--format", "json"))
    assert only["mode"] == "reverse"
    assert only["adjoint"] == reverse["adjoint"]  # type: ignore[index]


def test_trace_seed_is_a_direction(adcli) -> None:  # type: ignore[no-untyped-def]
    got = data(
        adcli(
            "trace", "x[1]*x[2] + y", "x=[2,3]", "y=1", "--mode", "forward",
            "--seed", "x=[2,10],y=100", "--format", "json",
        )
    )  # fmt: skip
    (one,) = got["passes"]  # type: ignore[misc]
    assert one["seed"] == {"x[1]": 2.0, "x[2]": 10.0, "y": 100.0}
    assert one["derivatives"] == {"f": 2 * 3 + 10 * 2 + 100}
    elements = adcli(
        "trace", "x[1]*x[2]", "x=[2,3]", "--mode", "forward",
        "--seed", "x[1]=1", "--seed", "x[2]=10", "--format", "json",
    )  # fmt: skip
    assert data(elements)["passes"][0]["derivatives"] == {"f": 23.0}  # type: ignore[index]


def test_wrt_may_be_repeated(adcli) -> None:  # type: ignore[no-untyped-def]
    for wrt in (["--wrt", "a,c"], ["--wrt", "c", "--wrt", "a"]):
        got = adcli("grad", "a*b*c", "a=2", "b=3", "c=5", *wrt, "--format", "csv")
        assert got.out == "f,df_da,df_dc\n30.0,15.0,6.0\n"


def test_a_trace_too_long_to_read_is_refused(adcli) -> None:  # type: ignore[no-untyped-def]
    program = "s = sum(x); for i in 1..1000 { s = s*1.5 + i }; s"
    vector = "x=[" + ",".join("1" for _ in range(300)) + "]"
    got = adcli("trace", program, vector)
    assert (got.code, got.out) == (6, "")
    assert "300 forward and 1 reverse passes" in got.err
    assert adcli("trace", program, vector, "--mode", "reverse").code == 0


def test_every_format_of_every_command(adcli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    endings = {
        "json": ".json", "csv": ".csv", "tsv": ".tsv",
        "markdown": ".md", "latex": ".tex", "table": ".txt",
    }  # fmt: skip
    for command in ("eval", "grad", "trace"):
        for form, ending in endings.items():
            printed = adcli(command, SOURCE, *POINT, "--format", form)
            assert printed.code == 0
            assert printed.out
            file = tmp_path / f"{command}{ending}"
            written = adcli(command, SOURCE, *POINT, "-o", str(file))
            assert (written.code, written.out) == (0, "")
            assert file.read_text(encoding="utf-8") == printed.out
    for form in endings:
        assert adcli("rules", "sqrt", "--format", form).out
    assert not list(tmp_path.glob(".adcli*"))


def test_machine_formats_carry_every_digit(adcli) -> None:  # type: ignore[no-untyped-def]
    for form, separator in (("csv", ","), ("tsv", "\t")):
        printed = adcli("grad", SOURCE, *POINT, "--format", form).out
        head, row = csv.reader(io.StringIO(printed), delimiter=separator)
        assert head == ["f", "df_dx1", "df_dx2"]
        exact = adcli("grad", SOURCE, *POINT, "--format", "json").out
        loaded = json.loads(exact)
        assert [float(x) for x in row] == [loaded["value"], *loaded["gradient"].values()]


def test_sources(adcli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "square.ad"
    file.write_bytes(b"\xef\xbb\xbf# a comment\r\nx^2\r\n")
    for source in (str(file), f"@{file}"):
        assert adcli("eval", source, "x=3", "--format", "csv").out == "f\n9.0\n"
    piped = process(["eval", "-", "x=3", "--format", "csv"], text="x^2\n")
    assert (piped.returncode, piped.stdout) == (0, "f\n9.0\n")
    point = tmp_path / "point.json"
    point.write_text('{"x": 3, "w": [1, 2]}')
    got = adcli("eval", "x*sum(w)", "--at", str(point), "x=2", "--format", "csv")
    assert got.out == "f\n6.0\n"


@pytest.mark.parametrize(
    ("source", "bindings", "value"),
    [
        ("-x+1", ["x=2"], -1.0),
        ("-cos(x)", ["x=0"], -1.0),
        ("-o+1", ["o=2"], -1.0),
        ("-h", ["h=-3"], 3.0),
        ("--x", ["x=2"], None),
        ("--x+1", ["x=2"], 3.0),
        ("x*w[2]", ["x=-2", "w=[1, -3]"], 6.0),
        ("x", ["x=pi/4"], math.pi / 4),
        ("x", [" x = 2*3 "], 6.0),
    ],
)
def test_arguments_that_look_like_options(adcli, source, bindings, value) -> None:  # type: ignore[no-untyped-def]
    got = adcli("eval", source, *bindings, "--format", "csv")
    if source == "-h":
        assert got.out.startswith("Usage:")
        got = adcli("eval", "--format", "csv", "--", source, *bindings)
    if value is None:
        assert got.code == 2
        got = adcli("eval", "--format", "csv", "--", source, *bindings)
        value = 2.0
    assert got.code == 0
    assert float(got.out.split("\n")[1]) == value


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (2, ["eval", "x"]),
        (2, ["eval", "x", "y=1"]),
        (2, ["eval", "x", "x=1", "x=2"]),
        (2, ["eval", "x", "x="]),
        (2, ["eval", "x", "x=1 +"]),
        (2, ["eval", "x", "x=a"]),
        (2, ["eval", "x", "y"]),
        (2, ["eval", "x", "x=1", "--nonsense"]),
        (2, ["eval", "x", "x=1", "--format", "yaml"]),
        (2, ["eval", "x", "x=1", "--digits", "-1"]),
        (2, ["eval", "x", "x=1", "-o", "no.such.ending"]),
        (2, ["eval", "x", "x=1", "--function", "g"]),
        (2, ["eval", "f(w[3]) = sum(w)", "w=[1,2]"]),
        (2, ["grad", "x", "x=1", "--wrt", "y"]),
        (2, ["grad", "x", "x=1", "--result", "y"]),
        (2, ["grad", "x", "x=1", "--mode", "sideways"]),
        (2, ["trace", "x", "x=1", "--seed", "y=1"]),
        (2, ["trace", "x", "x=1", "--seed", "x=1,x=2"]),
        (2, ["trace", "x", "x=1", "--seed", "x"]),
        (2, ["grad", "x", "x=1", "--wrt", ","]),
        (2, ["eval", "y", "y=1,2"]),
        (2, ["eval", "x", "x=1", "--max-operations", "many"]),
        (2, ["trace", "x", "x=1", "--seed", "x=[1,2]"]),
        (2, ["trace", "x", "x=1", "--mode", "reverse", "--notation", "dual"]),
        (2, ["trace", "x", "x=1", "--mode", "reverse", "--seed", "x=1"]),
        (2, ["rules", "sine"]),
        (2, ["evaluate", "x"]),
        (2, []),
        (3, ["eval", ""]),
        (3, ["eval", "x +", "x=1"]),
        (3, ["eval", "sine(x)", "x=1"]),
        (3, ["eval", "x[4]", "x=[1,2]"]),
        (3, ["eval", "x + y", "x=[1,2]", "y=[1,2,3]"]),
        (4, ["eval", "1/x", "x=0", "--strict"]),
        (4, ["grad", "sqrt(x)", "x=0", "--strict"]),
        (4, ["trace", "sqrt(x)", "x=0", "--strict"]),
        (5, ["eval", "missing.ad"]),
        (5, ["eval", "@."]),
        (5, ["eval", "x", "--at", "missing.json"]),
        (5, ["eval", "x", "x=1", "-o", "/no/such/folder/file.csv"]),
        (6, ["eval", "while x > 0 { x = x + 1 }; x", "x=1", "--max-operations", "1000"]),
        (6, ["eval", "f(x) = f(x + 1)", "x=1"]),
        (6, ["eval", "zeros(10^12)"]),
        (6, ["eval", "sum(i for i in 1..10^12)", "--max-operations", "1000"]),
    ],
)
def test_exit_codes(adcli, code: int, arguments: list[str]) -> None:  # type: ignore[no-untyped-def]
    got = adcli(*arguments)
    assert got.code == code, got.err
    assert got.out == ""
    if arguments:
        assert got.err.startswith("error: ")
        assert "Traceback" not in got.err
        assert got.err.count("\n") < 10


def test_missing_inputs_are_listed_together(adcli) -> None:  # type: ignore[no-untyped-def]
    got = adcli("eval", "a + b*c", "b=1")
    assert "inputs without a value: a, c" in got.err
    assert "a=... c=..." in got.err


def test_huge_numbers_are_infinite_at_once(adcli) -> None:  # type: ignore[no-untyped-def]
    for source in ("9^9^9 + x", "1e400 + x", "9" * 400 + "+ x"):
        got = data(adcli("grad", source, "x=1", "--format", "json"))
        assert got["value"] is None
        assert got["gradient"] == {"x": 1.0}


# The command, which writes a dot before it runs the program.
SAYS_WHEN_IT_COMPUTES = """
import os
from adcli.cli.start import entry
from adcli.graph.program import Program
run = Program.run
def told(*given):
    os.write(1, b".")
    return run(*given)
Program.run = told
entry()
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals and pipes")
class TestStreams:
    def test_a_reader_that_goes_away(self) -> None:
        big = "[" + ", ".join("x" for _ in range(50_000)) + "]"
        command = f'"{sys.executable}" -m adcli eval - x=1 --format csv | head -c 1'
        done = subprocess.run(
            ["bash", "-c", command + '; echo "${PIPESTATUS[0]}" >&2'],
            input=big.encode(),
            capture_output=True,
            timeout=60,
        )
        assert done.stderr.decode().strip() == "141"

    def test_a_full_disk(self) -> None:
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "adcli", "eval", "x", "x=1"],
                stdout=full,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                timeout=60,
            )
        assert done.returncode == 5
        assert done.stderr.startswith("error: cannot write to standard output")

    def test_a_closed_standard_input(self) -> None:
        command = f'"{sys.executable}" -m adcli eval - x=1 <&-'
        done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60)
        assert (done.returncode, done.stdout) == (5, b"")
        assert done.stderr == b"error: cannot read standard input: it is closed\n"

    def test_a_broken_stderr_does_not_cost_the_result(self) -> None:
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "adcli", "eval", "ln(x)", "x=-1", "--format", "csv"],
                stdout=subprocess.PIPE,
                stderr=full,
                encoding="utf-8",
                timeout=60,
            )
        assert (done.returncode, done.stdout) == (0, "f\nnan\n")

    def test_an_interrupt(self) -> None:
        program = "s = x; while s > 0 { s = s + x }; s"
        started = subprocess.Popen(
            [
                *(sys.executable, "-c", SAYS_WHEN_IT_COMPUTES, "eval", program, "x=1"),
                *("--max-operations", "900000000"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=usual_signals,
        )
        assert started.stdout is not None
        assert started.stdout.read(1) == b"."
        time.sleep(0.2)
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=60)
        assert (started.returncode, out, err) == (130, b"", b"")

    def test_ascii_where_the_locale_asks(self) -> None:
        for env in ({"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii", "LC_ALL": "", "LANG": ""}):
            got = process(["trace", "sqrt(x1)*abs(x2)", *POINT], env=env)
            assert got.returncode == 0
            assert got.stdout.isascii()
            assert "vbar1 = vbar3 dv3/dv1 = vbar3 * v2 = 5" in got.stdout
        got = process(["eval", "ln(x1)", "x1=-1"], env={"LC_ALL": "C"})
        assert got.stderr.isascii()

    def test_a_pipe_has_no_colour_and_color_can_be_asked_for(self) -> None:
        assert "\x1b" not in process(["grad", SOURCE, *POINT]).stdout
        always = process(["grad", SOURCE, *POINT, "--color", "always"]).stdout
        assert "\x1b[" in always
        never = process(["grad", SOURCE, *POINT, "--color", "never"]).stdout
        assert "\x1b" not in never


def test_user_text_is_shown_not_interpreted(adcli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "[bold]evil\x1b[31m\u202e.ad"
    file.write_text("x + \x1b[31m")
    got = adcli("eval", str(file), "x=1")
    assert got.code == 3
    assert "\x1b" not in got.err
    assert "\u202e" not in got.err
    assert "[bold]evil\\x1b[31m\\u202e.ad" in got.err
    markup = adcli("eval", "[bold]red[/bold]", "bold=1")
    assert markup.code == 3
    assert "[bold]red[/bold]" in markup.err


def test_a_start_imports_only_what_it_needs() -> None:
    code = (
        "import sys; from adcli.cli.main import main; "
        "main(['grad', 'sin(x)', 'x=1', '--format', 'json']); "
        "print([m for m in ('lark', 'rich', 'numpy', 'mpmath', 'difflib') if m in sys.modules])"
    )
    for _ in range(2):  # the first may have to build the parser's tables
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60
        )
    assert done.stdout.splitlines()[-1] == "[]"
