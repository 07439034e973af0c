"""`adcli check` from outside: exit codes, data, files, streams, and what it says."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ran import Ran, captured

from adcli.differentiate import check as checking

ROOT = Path(__file__).resolve().parents[2]
OWN_KEYS = (
    "result", "passed", "points", "skipped", "evaluations", "components", "failures",
)  # fmt: skip
COMPONENT_KEYS = [
    "input", "ad", "reference", "error", "tolerance", "verdict", "slip", "point",
]  # fmt: skip
VERDICTS = {"ok", "wrong", "unsure", "kink", "undefined"}
# A gradient of which the second component is wrong, and what is wrong with it.
WRONG = ("x*sin(y^2)", "x=3", "y=0.7", "--gradient", "sin(y^2), 2*x*cos(y^2)")
RIGHT = ("x*sin(y^2)", "x=3", "y=0.7", "--gradient", "sin(y^2), 2*x*y*cos(y^2)")


Check = Callable[..., Ran]


@pytest.fixture
def check(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs `adcli check` in this process."""
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Ran:
        ran = captured(capfd, "check", *arguments)
        assert "Traceback" not in ran.err
        return ran

    return run


def process(
    arguments: Sequence[str], text: str = "", cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adcli", "check", *arguments],
        input=text,
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )


def data(text: str) -> dict[str, Any]:
    """Strict JSON on one line, with all that the README promises."""
    assert text.count("\n") == 1
    assert text.endswith("\n")
    loaded = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert list(loaded) == ["command", "function", "inputs", *OWN_KEYS, "warnings"]
    assert loaded["command"] == "check"
    for one in [*loaded["components"], *loaded["failures"]]:
        assert list(one) == COMPONENT_KEYS
        assert one["verdict"] in VERDICTS
        assert list(one["point"]) == list(loaded["inputs"])
    assert loaded["passed"] == (not loaded["failures"])
    assert {one["verdict"] for one in loaded["failures"]} <= {"wrong", "undefined"}
    return loaded


def verdicts(loaded: dict[str, Any]) -> dict[str, str]:
    return {one["input"]: one["verdict"] for one in loaded["components"]}


# JSON.


def test_json_of_what_passes(check: Check) -> None:
    ran = check("x^2*y", "x=3", "y=4", "--format", "json")
    loaded = data(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert (loaded["function"], loaded["result"], loaded["inputs"]) == ("f", "f", {"x": 3, "y": 4})
    assert loaded["passed"] is True
    assert (loaded["points"], loaded["skipped"], loaded["evaluations"]) == (1, 0, 8)
    assert loaded["failures"] == loaded["warnings"] == []
    for one, (name, derivative) in zip(
        loaded["components"], (("x", 24.0), ("y", 9.0)), strict=True
    ):
        assert (one["input"], one["ad"], one["verdict"]) == (name, derivative, "ok")
        assert one["reference"] == pytest.approx(derivative, abs=1e-9)
        assert one["error"] == abs(one["ad"] - one["reference"]) / max(one["ad"], one["reference"])
        assert (one["tolerance"], one["slip"]) == (1e-8, None)
        assert one["point"] == {"x": 3.0, "y": 4.0}


def test_json_of_what_fails(check: Check) -> None:
    ran = check(*WRONG, "--points", "3", "--format", "json")
    loaded = data(ran.out)
    assert (ran.code, ran.err) == (1, "")
    assert loaded["passed"] is False
    assert (loaded["points"], loaded["skipped"], loaded["evaluations"]) == (4, 0, 0)
    assert verdicts(loaded) == {"x": "ok", "y": "wrong"}
    assert [one["input"] for one in loaded["failures"]] == ["y"] * 4
    assert {one["slip"] for one in loaded["failures"]} == {"a factor of y is missing"}
    assert loaded["failures"][0]["point"] == {"x": 3.0, "y": 0.7}
    worst = max(loaded["failures"], key=lambda one: one["error"])
    assert loaded["components"][1] == worst
    for one in loaded["failures"]:
        x, y = one["point"]["x"], one["point"]["y"]
        assert one["ad"] == pytest.approx(2 * x * y * math.cos(y * y), rel=1e-14)
        assert one["reference"] == pytest.approx(2 * x * math.cos(y * y), rel=1e-14)


def test_json_has_null_for_what_is_not_finite(check: Check) -> None:
    ran = check("ln(x)", "x=-1", "--format", "json")
    loaded = data(ran.out)
    assert ran.code == 1
    (one,) = loaded["components"]
    assert (one["ad"], one["reference"], one["error"]) == (None, None, None)
    assert one["verdict"] == "undefined"
    assert loaded["failures"] == [one]
    assert [warning["kind"] for warning in loaded["warnings"]] == ["value"]
    assert ran.err.startswith("warning: ln is undefined at -1")
    by_hand = check("x^2", "x=3", "--gradient", "1/(x - 3)", "--format", "json")
    (one,) = data(by_hand.out)["failures"]
    assert by_hand.code == 1
    assert (one["ad"], one["reference"], one["verdict"]) == (6.0, None, "wrong")


def test_json_of_vectors_and_matrices(check: Check) -> None:
    loaded = data(
        check("sum(A @ x)", "A=[[1,2],[3,4]]", "x=[5, pi]", "--points", "1", "--format", "json").out
    )
    assert loaded["inputs"] == {"A": [[1.0, 2.0], [3.0, 4.0]], "x": [5.0, math.pi]}
    assert list(verdicts(loaded)) == ["A[1,1]", "A[1,2]", "A[2,1]", "A[2,2]", "x[1]", "x[2]"]
    for one in loaded["components"]:
        assert [len(row) for row in one["point"]["A"]] == [2, 2]
        assert len(one["point"]["x"]) == 2


def test_json_says_the_same_for_the_same_seed(check: Check) -> None:
    arguments = ("samples/baydin.ad", "--points", "5", "--format", "json")
    first = check(*arguments, "--seed", "3").out
    assert check(*arguments, "--seed", "3").out == first
    assert check(*arguments, "--seed", "4").out != first
    assert check(*arguments, "--seed", "0").out == check(*arguments).out


# Tables and other formats.


def test_table(check: Check) -> None:
    ran = check(*WRONG, "--points", "100")
    assert (ran.code, ran.err) == (1, "")
    lines = ran.out.splitlines()
    assert re.search(r"input .*∂f/∂input .*written by hand .*error .*at most", lines[1])
    assert re.search(r"^│ x .*│ ok ", lines[3])
    assert re.search(r"^│ y .*│ wrong ", lines[4])
    assert lines[6] == "failed: 101 wrong or undefined in all, at 101 points"
    assert re.fullmatch(
        r"y: a factor of y is missing \(at x = [23]\.\d+, y = 0\.[67]\d+\)", lines[7]
    )
    assert len(lines) == 8
    passed = check(*RIGHT, "--points", "100")
    assert (passed.code, passed.err) == (0, "")
    assert passed.out.splitlines()[-1] == "passed at 101 points"
    assert check("x^2", "x=3").out.splitlines()[-1] == "passed at 1 point"
    assert "difference quotient" in check("x^2", "x=3").out


def test_table_names_no_place_at_one_point(check: Check) -> None:
    assert check(*WRONG).out.splitlines()[-1] == "y: a factor of y is missing"


def test_table_of_points_left_out(check: Check) -> None:
    ran = check("ln(x)", "x=0.5", "--range", "x=-1..1", "--points", "40")
    found = re.fullmatch(
        r"passed at (\d+) points; (\d+) left out, not finite there", ran.out.splitlines()[-1]
    )
    assert found
    assert int(found[1]) + int(found[2]) == 41
    assert int(found[2]) > 8
    failed = check(
        "ln(x)", "x=0.5", "--range", "x=-1..1", "--points", "40", "--gradient", "-1/x"
    ).out.splitlines()
    assert failed[-2] == (
        f"failed: {found[1]} wrong or undefined in all, at {found[1]} points; "
        f"{found[2]} left out, not finite there"
    )
    assert failed[-1].startswith("x: the sign is wrong (at x = ")


def test_table_of_many_failures(check: Check) -> None:
    """Six are told of, the others are counted."""
    ran = check("prod(x)", "x=[1,2,3,4,5,6,7,8,9]", "--gradient", "-x")
    lines = ran.out.splitlines()
    start = lines.index("failed: 9 wrong or undefined in all, at 1 point")
    assert [line.partition("]")[0] for line in lines[start + 1 : -1]] == [
        f"x[{i}" for i in range(1, 7)
    ]
    assert lines[-1] == "… and 3 more inputs"


def test_kinks_are_not_settled(check: Check) -> None:
    ran = check("relu(x) + y", "x=0", "y=1")
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "passed at 1 point, but x not settled"
    assert re.search(r"^│ x .*│ kink │$", ran.out, re.MULTILINE)
    assert re.search(r"^│ y .*│ ok   │$", ran.out, re.MULTILINE)
    assert ran.err.startswith("note: relu has no derivative at 0; using 0\n")
    assert check("relu(x) + y", "x=0", "y=1", "--quiet").err == ""
    # A kink is nothing that --strict forbids.
    assert check("relu(x) + y", "x=0", "y=1", "--strict").code == 0


def test_unsure_is_not_settled(check: Check) -> None:
    ran = check("x + 1e17 + y*0", "x=3", "y=1", "--format", "json")
    assert ran.code == 0
    assert verdicts(data(ran.out))["x"] == "unsure"
    text = check("x + 1e17", "x=3").out.splitlines()[-1]
    assert text == "passed at 1 point, but x not settled"


def test_csv_and_tsv(check: Check) -> None:
    for form, delimiter in (("csv", ","), ("tsv", "\t")):
        ran = check("A[1,1]^2*y", "A=[[3,2]]", "y=4", "--gradient", "6*y, 0, 7", "--format", form)
        assert (ran.code, ran.err) == (1, "")
        rows = list(csv.reader(io.StringIO(ran.out), delimiter=delimiter))
        assert rows == [
            ["input", "ad", "reference", "error", "tolerance", "verdict"],
            ["A[1,1]", "24.0", "24.0", "0.0", "1e-08", "ok"],
            ["A[1,2]", "0.0", "0.0", "0.0", "1e-08", "ok"],
            ["y", "9.0", "7.0", repr(2 / 9), "1e-08", "wrong"],
        ]
    rows = list(csv.reader(io.StringIO(check("ln(x)", "x=0", "--format", "csv").out)))
    assert rows[1] == ["x", "inf", "nan", "nan", "0.0", "undefined"]


def test_csv_carries_every_digit(check: Check) -> None:
    arguments = ("samples/black_scholes.ad", "--points", "3")
    rows = list(csv.DictReader(io.StringIO(check(*arguments, "--format", "csv").out)))
    loaded = data(check(*arguments, "--format", "json").out)
    for row, one in zip(rows, loaded["components"], strict=True):
        assert row["input"] == one["input"]
        assert row["verdict"] == one["verdict"]
        for name in ("ad", "reference", "error", "tolerance"):
            assert float(row[name]) == one[name]


def test_markdown(check: Check) -> None:
    lines = check(*WRONG, "--format", "markdown").out.splitlines()
    assert lines[0] == "| input | ∂f/∂input | written by hand | error | at most |  |"
    assert re.fullmatch(r"(\| --- )+\|", lines[1])
    assert re.fullmatch(r"\| y \| 3\.7.* \| 5\.2.* \| 3\.0e-01 \| 1\.0e-08 \| wrong \|", lines[3])
    assert lines[-1] == "y: a factor of y is missing"


def test_latex(check: Check) -> None:
    ran = check("x_1*sin(y^2)", "x_1=3", "y=0.7", "--gradient", WRONG[-1].replace("x", "x_1"),
                "--format", "latex")  # fmt: skip
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[:2] == [
        r"\begin{tabular}{lrrrl}",
        r"input & AD & by hand & error & \\ \hline",
    ]
    assert re.fullmatch(r"\$x_\{1\}\$ & \$0\.47\d*\$ & \$0\.47\d*\$ & \$0\$ & ok \\\\", lines[2])
    assert re.fullmatch(r"\$y\$ & \$3\.7\d*\$ & \$5\.2\d*\$ & \$0\.3\$ & wrong \\\\", lines[3])
    assert lines[4] == r"\end{tabular}"
    quotient = check("ln(x)", "x=0", "--format", "latex")
    assert r"AD & difference quotient &" in quotient.out
    assert r"\infty" in quotient.out
    assert quotient.out.count("$") % 2 == 0


def test_ascii(check: Check) -> None:
    ran = check(*WRONG, "--ascii", "--points", "3")
    assert ran.out.isascii()
    assert "df/dinput" in ran.out
    # No escapes where it is not a terminal, and escapes where they are asked for.
    assert "\x1b" not in check(*WRONG).out
    assert "\x1b[" in check(*WRONG, "--color", "always").out


def test_digits(check: Check) -> None:
    assert re.search(r"│ +0\.471 │ +0\.471 │", check(*WRONG, "--digits", "3").out)


@pytest.mark.parametrize(
    ("ending", "form"),
    [("json", "json"), ("csv", "csv"), ("tsv", "tsv"), ("md", "markdown"), ("tex", "latex"),
     ("txt", "table")],
)  # fmt: skip
def test_output_file(check: Check, tmp_path: Path, ending: str, form: str) -> None:
    """The file is written also when the check fails, and says what standard output would."""
    for arguments, code in ((WRONG, 1), (RIGHT, 0)):
        path = tmp_path / f"{code}.{ending}"
        ran = check(*arguments, "-o", str(path))
        assert (ran.code, ran.out, ran.err) == (code, "", "")
        assert path.read_text(encoding="utf-8") == check(*arguments, "--format", form).out


def test_output_file_that_cannot_be(check: Check, tmp_path: Path) -> None:
    ran = check(*RIGHT, "-o", str(tmp_path / "none" / "out.json"))
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("error: cannot write ")


# Exit codes.


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ("samples/baydin.ad", "--points", "20")),
        (0, ("f(x) = x^2", "x=3", "--gradient", "g(x) = x + x")),
        (0, ("pi",)),
        (1, ("x^2", "x=3", "--gradient", "3*x")),
        (1, ("sqrt(x)", "x=0")),
        (1, ("x^x", "x=-1")),
        (2, ("x^2",)),
        (2, ("x^2", "x=3", "--wrt", "y")),
        (2, ("x^2", "x=3", "--range", "y=0..1")),
        (2, ("x, x^2", "x=3")),
        (2, ("x^2", "x=3", "--gradient", "1, 2")),
        (2, ("x^2", "x=3", "--gradient", "y")),
        (2, ("x^2", "x=3", "--points", "some")),
        (3, ("x^2 +", "x=3")),
        (3, ("x^2", "x=3", "--gradient", "2*x +")),
        (3, ("x^2", "x=3", "--gradient", "[1, 2][x]")),
        (4, ("ln(x)", "x=0", "--strict")),
        (4, ("sqrt(x)", "x=0", "--strict", "--gradient", "1/(2*sqrt(x))")),
        (5, ("x^2", "x=3", "--gradient", "no_such_file.ad")),
        (5, ("x^2", "x=3", "--gradient", "@no_such_file")),
        (6, ("while x > 0 { x += 1 }; x", "x=3", "--max-operations", "1000")),
        (6, ("x^2", "x=3", "--gradient", "while x > 0 { x += 1 }; x", "--max-operations", "1000")),
        (6, ("x^2", "x=3", "--gradient", "r(n) = r(n + 1) + 1; g(x) = r(x)")),
    ],
)
def test_exit_codes(check: Check, code: int, arguments: tuple[str, ...]) -> None:
    ran = check(*arguments)
    assert ran.code == code
    assert bool(ran.out) == (code < 2)
    assert ran.err.startswith("error: ") == (code > 1)


def test_a_wrong_derivative_exits_1(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --gradient it is adcli itself that is under test, so it has to be broken."""
    right = checking.gradient

    def wrong(*arguments: Any) -> Any:
        found = right(*arguments)
        found.numbers[1] *= 1.0001
        return found

    arguments = ("samples/black_scholes.ad", "--points", "2", "--format", "json")
    assert check(*arguments).code == 0
    monkeypatch.setattr(checking, "gradient", wrong)
    ran = check(*arguments)
    loaded = data(ran.out)
    assert ran.code == 1
    assert verdicts(loaded) == {"S": "ok", "K": "wrong", "r": "ok", "sigma": "ok", "T": "ok"}
    assert [one["input"] for one in loaded["failures"]] == ["K"] * 3
    # There is nobody to tell what they may have done wrong.
    assert {one["slip"] for one in loaded["failures"]} == {None}
    table = check("samples/black_scholes.ad").out.splitlines()
    assert table[-2:] == ["failed: 1 wrong or undefined in all, at 1 point", "K"]


# What is differentiated.


def test_wrt(check: Check) -> None:
    loaded = data(check("x*y*z", "x=1", "y=2", "z=3", "--wrt", "z,x", "--format", "json").out)
    assert [(one["input"], one["ad"]) for one in loaded["components"]] == [("x", 6), ("z", 2)]
    # The gradient has a result for each of these, in the program's order.
    arguments = ("x*y^2*z^3", "x=1", "y=2", "z=3", "--wrt", "z", "--wrt", "x", "--points", "5")
    assert check(*arguments, "--gradient", "y^2*z^3, 3*x*y^2*z^2").code == 0
    assert check(*arguments, "--gradient", "3*x*y^2*z^2, y^2*z^3").code == 1


def test_result_and_function(check: Check) -> None:
    program = "f(a, b) = { q = a*b; q, a/b }\ng(a) = a^2"
    arguments = (program, "--function", "f", "a=3", "b=4", "--format", "json")
    for name, derivatives in (("q", [4.0, 3.0]), ("f[1]", [0.25, -0.1875])):
        loaded = data(check(*arguments, "--result", name).out)
        assert loaded["result"] == name
        assert loaded["function"] == "f"
        assert [one["ad"] for one in loaded["components"]] == derivatives
    several = check(program, "--function", "f", "a=3", "b=4")
    assert several.code == 2
    assert several.err.splitlines() == [
        "error: the program has 2 results; a gradient is of one",
        "  choose with --result NAME: q, f[1]",
    ]
    # --function is of the program, not of the gradient.
    assert check(program, "--function", "f", "--result", "q", "a=3", "b=4",
                 "--gradient", "b, a").code == 0  # fmt: skip


def test_no_inputs(check: Check) -> None:
    ran = check("2*pi", "--points", "2", "--format", "json")
    assert ran.code == 0
    assert (data(ran.out)["components"], data(ran.out)["points"]) == ([], 3)
    assert check("2*pi").out.splitlines()[-1] == "passed at 1 point"
    for form in ("csv", "tsv", "markdown", "latex"):
        assert check("2*pi", "--format", form).code == 0


# Random points.


def points(ran: Ran) -> list[dict[str, Any]]:
    """Those of a check whose gradient is wrong everywhere."""
    loaded = data(ran.out)
    names = {one["input"] for one in loaded["failures"]}
    assert len(loaded["failures"]) == loaded["points"] * len(names)
    return [one["point"] for one in loaded["failures"][:: len(names)]]


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [
        ("x=0.1..5", 0.1, 5.0),
        ("x=-2..-1", -2.0, -1.0),
        ("x=-pi..pi", -math.pi, math.pi),
        ("x=.1...5", 0.1, 0.5),
        ("x = 1 .. 2", 1.0, 2.0),
        ("x=1e-3..2e-3", 1e-3, 2e-3),
        ("x=sqrt(2)..2*pi", math.sqrt(2), 2 * math.pi),
        ("x=7..7", 7.0, 7.0),
        ("x=max(1, 2)..3,y=5..6", 2.0, 3.0),
    ],
)
def test_range(check: Check, given: str, low: float, high: float) -> None:
    ran = check("x + y", "x=100", "y=1", "--range", given, "--points", "50",
                "--gradient", "7, 7", "--format", "json")  # fmt: skip
    first, *random_points = points(ran)
    assert first == {"x": 100.0, "y": 1.0}
    numbers = [point["x"] for point in random_points]
    assert len(numbers) == 50
    assert all(low <= x <= high for x in numbers)
    assert max(numbers) - min(numbers) >= 0.8 * (high - low)
    others = [point["y"] for point in random_points]
    assert all((5 <= y <= 6) if "y=" in given else (0.9 <= y <= 1.1) for y in others)


def test_ranges_may_be_repeated(check: Check) -> None:
    arguments = ("x + y", "x=9", "y=9", "--points", "20", "--gradient", "7, 7", "--format", "json")
    once = check(*arguments, "--range", "x=0..1,y=2..3")
    twice = check(*arguments, "--range", "x=0..1", "--range", "y=2..3")
    assert once.out == twice.out
    assert all(0 <= p["x"] <= 1 and 2 <= p["y"] <= 3 for p in points(once)[1:])


def test_range_of_an_input_without_value(check: Check) -> None:
    """The given point is in the middle."""
    loaded = data(check("x^2*y", "y=1", "--range", "x=2..5", "--format", "json").out)
    assert loaded["inputs"] == {"x": 3.5, "y": 1.0}
    # A default comes first.
    loaded = data(check("f(x = 3) = x^2", "--range", "x=10..20", "--format", "json").out)
    assert loaded["inputs"] == {"x": 3.0}
    missing = check("x^2*y", "--range", "x=2..5")
    assert (missing.code, missing.out) == (2, "")
    assert missing.err.startswith("error: input 'y' has no value\n")


def test_range_of_a_vector(check: Check) -> None:
    """For each element; a range does not say how many there are."""
    ran = check("x @ x", "x=[1,2,3]", "--range", "x=-1..1", "--points", "20",
                "--gradient", "[9, 9, 9]", "--format", "json")  # fmt: skip
    for point in points(ran)[1:]:
        assert all(-1 <= x <= 1 for x in point["x"])
        assert len(set(point["x"])) == 3
    assert check("f(x[]) = x @ x", "--range", "x=-1..1").code == 2
    element = check("x[1]*x[2]", "x=[1,2]", "--range", "x[1]=0..1")
    assert element.code == 2
    assert "no input is called 'x[1]'" in element.err


def test_the_middle_of_a_wide_range(check: Check) -> None:
    """It is a number, however large the ends."""
    ran = check("x", "--range", "x=1e308..1.7e308", "--format", "json")
    assert data(ran.out)["inputs"] == {"x": pytest.approx(1.35e308)}
    assert ran.code == 0


@pytest.mark.parametrize("count", ["-1", "1000001", "1.5", "nan", "inf", "ten", ""])
def test_points_out_of_bounds(check: Check, count: str) -> None:
    ran = check("x", "x=1", "--points", count)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: invalid value for '--points': '{count}' is not a whole")
    assert ran.err.endswith("  see adcli check --help\n")


def test_points_within_bounds(check: Check) -> None:
    for count, wanted in (("0", 1), ("7", 8), ("1e2", 101)):
        ran = check("x", "x=1", "--gradient", "1", "--points", count, "--format", "json")
        assert data(ran.out)["points"] == wanted


@pytest.mark.parametrize("seed", ["-1", "0.5", "x"])
def test_seed_out_of_bounds(check: Check, seed: str) -> None:
    ran = check("x", "x=1", "--seed", seed)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: invalid value for '--seed'")


# Tolerances.


def test_tolerance(check: Check) -> None:
    arguments = ("x^2", "x=3", "--gradient", "2*x + 6e-6", "--points", "10")
    for tolerance, code in (("1e-3", 0), ("1.1e-6", 0), ("5e-7", 1), ("1e-15", 1)):
        assert check(*arguments, "--tolerance", tolerance).code == code
    assert check(*arguments).code == 1
    assert "5.0e-07" in check(*arguments, "--tolerance", "5e-7").out
    # Of quotients: they are not asked for more than they can say.
    assert check("exp(x)", "x=3", "--tolerance", "1e-300").code == 0
    loaded = data(check("exp(x)", "x=3", "--tolerance", "0.25", "--format", "json").out)
    assert loaded["components"][0]["tolerance"] == 0.25


@pytest.mark.parametrize("tolerance", ["0", "-1e-8", "nan", "inf", "small", ""])
def test_tolerance_out_of_bounds(check: Check, tolerance: str) -> None:
    ran = check("x", "x=1", "--tolerance", tolerance)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        f"error: invalid value for '--tolerance': '{tolerance}' is not a number"
    )


# Where the gradient comes from.


def test_gradient_in_a_file(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "by_hand.ad"
    path.write_text("# by hand\nother(x) = 0\ng(x, y) = {\n    2*x*y, x^2\n}\n", encoding="utf-8")
    arguments = ("x^2*y", "x=3", "y=4", "--points", "10", "--gradient")
    assert check(*arguments, str(path)).code == 0
    other = tmp_path / "by_hand.txt"
    other.write_text("x^2, 2*x*y", encoding="utf-8")
    ran = check(*arguments, f"@{other}")
    assert ran.code == 1
    assert "it is the derivative towards y" in ran.out
    path.write_text("g(x, y) = 2*x*y,\n    x^2 +* 2\n", encoding="utf-8")
    broken = check(*arguments, str(path))
    assert broken.code == 3
    assert f" --> {path}:2:10\n" in broken.err


@pytest.mark.parametrize("gradient", ["-sin(x)", "- sin(x)", "-1*sin(x)"])
def test_gradient_that_begins_with_minus(check: Check, gradient: str) -> None:
    assert check("cos(x)", "x=1", "--gradient", gradient).code == 0
    assert check("cos(x)", "x=1", f"--gradient={gradient}").code == 0
    assert check("-cos(x)", "x=1", "--gradient", gradient).code == 1


def test_gradient_on_standard_input() -> None:
    done = process(["x^2*y", "x=3", "y=4", "--gradient", "-"], "2*x*y, x^2\n")
    assert (done.returncode, done.stderr) == (0, "")
    done = process(["x^2*y", "x=3", "y=4", "--gradient", "-"], "x^2,\n2*x*\n")
    assert done.returncode == 3
    assert " --> standard input:2:" in done.stderr
    done = process(["-", "x=3", "y=4", "--gradient", "2*x*y, x^2"], "x^2*y\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_both_on_standard_input() -> None:
    """There is one standard input; the message must not say that it is empty."""
    done = process(["-", "x=3", "--gradient", "-"], "x^2\n")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "empty" not in done.stderr
    assert "standard input" in done.stderr


@pytest.mark.parametrize(
    ("gradient", "place", "text"),
    [
        ("2*x +", "1:5", "2*x +"),
        ("y = 3\n2*sine(x)", "2:3", "2*sine(x)"),
        ("[x, 1][3]", "1:1", "[x, 1][3]"),
        ("zeros(2) + [x, 1, 2]", "1:1", "zeros(2) + [x, 1, 2]"),
    ],
)
def test_an_error_in_the_gradient_points_at_it(
    check: Check, gradient: str, place: str, text: str
) -> None:
    ran = check("x^2 + 5*x", "x=3", "--gradient", gradient)
    assert (ran.code, ran.out) == (3, "")
    assert f":{place}\n" in ran.err
    assert f" | {text}\n" in ran.err
    assert "5*x" not in ran.err


# What is said about what is not finite.


def test_an_undefined_derivative_says_so(check: Check) -> None:
    ran = check("ln(x) + y", "x=0", "y=1")
    assert ran.code == 1
    assert "x: the derivative is inf" in ran.out.splitlines()
    assert ran.err.startswith("warning: ")
    assert "x: the derivative is nan" in check("ln(x)", "x=-1").out.splitlines()


def test_a_finite_derivative_is_not_blamed(check: Check) -> None:
    """Where the value is not finite, it is that which is wrong, not a derivative of 1."""
    ran = check("x + ln(y)", "x=1", "y=0")
    assert ran.code == 1
    assert "x: the derivative is 1" not in ran.out.splitlines()


def test_no_inputs_need_no_results(check: Check) -> None:
    ran = check("2*pi", "--gradient", "1")
    assert ran.code == 2
    assert ran.err.startswith("error: the gradient has 1 result, ")
    assert "for each of \n" not in ran.err


def test_guessing_what_went_wrong_is_no_error(check: Check) -> None:
    """Where the gradient works and is wrong, the answer is no, whatever it does elsewhere."""
    ran = check("x^n", "x=2", "n=3", "--wrt", "x", "--gradient", "v = [1, x, x^2]; v[n]")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.splitlines()[5] == "failed: 1 wrong or undefined in all, at 1 point"
