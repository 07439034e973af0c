"""Programs, drawings and errors as objects of Python: copied, sent, shown, and uncaught."""

from __future__ import annotations

import copy
import importlib.util
import multiprocessing
import pickle
import traceback
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adcli
from adcli.errors import (
    AdcliError,
    FileError,
    InputError,
    LimitError,
    NonFiniteError,
    ProgramError,
    RowFailedError,
    Source,
    Span,
)


def sent(it: Any, protocol: int | None = None) -> Any:
    """What another process gets."""
    return pickle.loads(pickle.dumps(it, protocol))  # noqa: S301  # made here


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": partial(sent, protocol=protocol)
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}
# A program, and a point.
PROGRAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "a formula": ("ln(x1) + x1*x2 - sin(x2)", {"x1": 2.0, "x2": 5.0}),
    "a vector": ("f(v[3], x) = sum(v)*x", {"v": [1.0, 2.0, 3.0], "x": 2.0}),
    "functions": ("g(x) = x^2; f(x, y=pi) = g(x)*y", {"x": 3.0}),
    "a loop": ("f(x) = { s = 0; for i in 1..4 { s = s + x^i }; s }", {"x": 0.5}),
    "a loop of any length": ("f(x) = { y = x; while y < 9 { y = 2*y }; y }", {"x": 1.5}),
    "a branch": ("f(x) = if x > 0 then ln(x) else -x", {"x": 2.0}),
    "several results": ("f(x) = [x, x^2]", {"x": 3.0}),
}


def answers(program: adcli.Program, at: dict[str, Any]) -> list[Any]:
    """What a program says of itself and of a point."""
    found = [program.function, list(program.inputs), program.eval(at), repr(program)]
    return [*found, program.jacobian(at).jacobian, program.run(at).values()]


def in_columns(program: adcli.Program, at: dict[str, Any]) -> dict[str, list[float]]:
    """The same at two rows, by native code."""
    rows = {name: np.array([value, value], float) for name, value in at.items()}
    return {name: column.tolist() for name, column in program.columns(rows).items()}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("is_compiled", [False, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_copies_of_programs(name: str, is_compiled: bool, way: str) -> None:
    source, at = PROGRAMS[name]
    program = adcli.load(source)
    if is_compiled:
        in_columns(program, at)
    made = COPIES[way](program)
    assert made is not program
    assert answers(made, at) == answers(program, at)
    assert in_columns(made, at) == in_columns(program, at)


def test_a_copy_takes_no_native_code_along() -> None:
    source, at = PROGRAMS["a formula"]
    program = adcli.load(source)
    before = len(pickle.dumps(program))
    in_columns(program, at)
    assert len(pickle.dumps(program)) == before


def test_a_program_of_a_file_is_copied_without_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f.ad"
    path.write_text("f(x) = sine(x)\n".replace("sine", "sin"))
    made = sent(adcli.load(path))
    path.unlink()
    assert made.grad(x=0).gradient == {"x": 1}


def _worked(task: tuple[adcli.Program, dict[str, Any]]) -> tuple[list[Any], dict[str, list[float]]]:
    program, at = task
    return answers(program, at), in_columns(program, at)


def _fails(program: adcli.Program) -> None:
    program.eval()


def test_a_pool_of_processes() -> None:
    """Spawned ones: nothing is there but what was sent."""
    tasks = [(adcli.load(source), at) for source, at in PROGRAMS.values()]
    for program, at in tasks[::2]:
        in_columns(program, at)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map_async(_worked, tasks).get(120)
        assert found == [_worked(task) for task in tasks]
        with pytest.raises(InputError) as raised:
            pool.apply_async(_fails, (tasks[0][0],)).get(120)
    assert raised.value.message == "inputs without a value: x1, x2"


REPRS = {
    "f(x, y) = x*y": "<adcli.Program f(x, y)>",
    "x2 + x1": "<adcli.Program f(x2, x1)>",
    "g(v[2], s=1) = s*sum(v)": "<adcli.Program g(v, s)>",
    "1 + 1": "<adcli.Program f()>",
}


@pytest.mark.parametrize("source", REPRS)
def test_repr_of_a_program(source: str) -> None:
    assert repr(adcli.load(source)) == REPRS[source]


# What is asked for, and whether there are values.
ASKED: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, False),
    "inputs": ({"x": 3, "y": 2}, True),
    "a mode": ({"x": 3, "y": 2, "mode": "reverse"}, True),
    "a seed": ({"x": 3, "y": 2, "mode": "forward", "seed": {"x": 1}}, True),
    "values": ({"x": 3, "y": 2, "values": True}, True),
    "no values": ({"values": False}, False),
    "no values of inputs": ({"x": 3, "y": 2, "values": False}, False),
}


class TestDrawings:
    SOURCE = "f(x, y) = x^2*y"

    @pytest.mark.parametrize("name", ASKED)
    def test_values_where_there_are_inputs(self, name: str) -> None:
        asked, has_values = ASKED[name]
        text = adcli.load(self.SOURCE).graph(**asked).dot()
        assert ("18" in text) == has_values

    def test_inputs_in_one_mapping(self) -> None:
        assert "18" in adcli.load(self.SOURCE).graph({"x": 3, "y": 2}).dot()

    @pytest.mark.parametrize("asked", [{"values": True}, {"mode": "reverse"}, {"seed": {"x": 1}}])
    def test_values_need_inputs(self, asked: dict[str, Any]) -> None:
        with pytest.raises(InputError, match="inputs without a value: x, y"):
            adcli.load(self.SOURCE).graph(**asked)

    def test_defaults_are_inputs_where_values_are_asked_for(self) -> None:
        program = adcli.load("f(x=3, y=2) = x^2*y")
        assert "18" not in program.graph().dot()
        assert "18" in program.graph(values=True).dot()
        assert "18" in program.graph(mode="forward").dot()

    @pytest.mark.parametrize(
        ("asked", "title"),
        [
            ({}, "Computational graph"),
            ({"x": 3, "y": 2}, "Computational graph, with values"),
            ({"x": 3, "y": 2, "mode": "reverse"}, "Reverse mode, z̄ = 1"),
        ],
    )
    def test_repr(self, asked: dict[str, Any], title: str) -> None:
        drawing = adcli.load(self.SOURCE).graph(**asked)
        assert repr(drawing) == f"<adcli drawing of f(x, y) = x^2*y: {title}>"

    def test_notebooks_without_pygraphviz(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *more: None if name == "pygraphviz" else found(name, *more),
        )
        drawing = adcli.load(self.SOURCE).graph()
        assert drawing._repr_svg_() is None
        with pytest.raises(InputError, match="a picture needs pygraphviz"):
            drawing.svg()

    def test_notebooks_with_pygraphviz(self) -> None:
        pytest.importorskip("pygraphviz")
        drawing = adcli.load(self.SOURCE).graph()
        shown = drawing._repr_svg_()
        assert shown is not None
        assert shown.startswith(("<svg", "<?xml"))
        assert shown == drawing.svg()


SQUARE = adcli.load("f(x, y) = x^2*y")
AT = {"x": 1.5, "y": 2.0}
# Of the options of `check`.
BAD: dict[str, list[Any]] = {
    "points": [-1, 1.5, "3", None, float("nan"), [1]],
    "tolerance": [0, 0.0, -1e-9, "1e-3", float("nan"), float("inf"), [1], 1j],
    "ranges": [
        *({"x": pair} for pair in [(1,), (1, 2, 3), 5, "ab", None, (2, 1), ("1", "2")]),
        *({"x": (0, end)} for end in (float("inf"), float("nan"), None)),
        {"z": (0, 1)},
        {3: (0, 1)},
    ],
}
GOOD: dict[str, list[Any]] = {
    "points": [0, 2, np.int64(2)],
    "tolerance": [None, 1, 1e-3, np.float64(1e-3), Fraction(1, 1000)],
    "ranges": [None, {}, {"x": (1, 2)}, {"x": [1, 1]}, {"y": (np.float64(0.5), 2)}],
}


class TestCheck:
    @pytest.mark.parametrize("gradient", ["f(x, y) = [2*x*y, x^2]", "f(x, y) = [2*x*y, x]"])
    def test_gradients_by_hand(self, gradient: str, tmp_path: Path) -> None:
        path = tmp_path / "g.ad"
        path.write_text(gradient + "\n")
        found = [
            SQUARE.check(AT, gradient=given, points=3)
            for given in (gradient, str(path), path, adcli.load(gradient), adcli.load(path))
        ]
        passed = "x^2]" in gradient
        for one in found:
            assert one.passed == passed
            assert one.points == 4
            assert [(c.input, c.ad, c.reference, c.error, c.verdict) for c in one.components] == [
                (c.input, c.ad, c.reference, c.error, c.verdict) for c in found[0].components
            ]

    @pytest.mark.parametrize(
        ("gradient", "error"),
        [
            ("f(x, y) = [2*x*y, ", ProgramError),
            ("f(x, y) = x", InputError),
            ("f(x, z) = [x, z]", InputError),
            ("no_such_file.ad", FileError),
        ],
    )
    def test_gradients_that_are_none(self, gradient: str, error: type[AdcliError]) -> None:
        with pytest.raises(error):
            SQUARE.check(AT, gradient=gradient)

    @pytest.mark.parametrize(
        ("name", "given"), [(name, given) for name, all_ in BAD.items() for given in all_], ids=repr
    )
    def test_bad_numbers(self, name: str, given: Any) -> None:
        options = {"points": 1, name: given}
        with pytest.raises(InputError) as raised:
            SQUARE.check(AT, **options)
        told = {"points": "points", "tolerance": "tolerance"}.get(name)
        assert told is None or raised.value.message.startswith(f"{told} is a ")

    @pytest.mark.parametrize(
        "given",
        [[(0, 1)], "x", 5, {"x": (10**400, 10**401)}],
        ids=["list", "text", "number", "no doubles"],
    )
    def test_ranges_that_are_none(self, given: Any) -> None:
        with pytest.raises(InputError):
            SQUARE.check(AT, points=1, ranges=given)

    def test_a_tolerance_that_is_no_double(self) -> None:
        with pytest.raises(InputError):
            SQUARE.check(AT, tolerance=10**400)

    @pytest.mark.parametrize(
        ("name", "given"),
        [(name, given) for name, all_ in GOOD.items() for given in all_],
        ids=repr,
    )
    def test_good_numbers(self, name: str, given: Any) -> None:
        options = {"points": 1, name: given}
        assert SQUARE.check(AT, **options).passed

    def test_random_points_are_in_the_range(self) -> None:
        """Outside of it the program has another gradient."""
        program = adcli.load("f(x) = if x > 3 then 2*x else x")
        gradient = "f(x) = [2]"
        assert program.check(x=4, gradient=gradient, points=20, ranges={"x": (4, 5)}).passed
        assert not program.check(x=4, gradient=gradient, points=20, ranges={"x": (1, 2)}).passed


def uncaught(error: BaseException) -> list[str]:
    """The lines of an error that nobody caught, from its message on."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    message = str(error).splitlines()[0]
    return lines[next(i for i, line in enumerate(lines) if line.endswith(f": {message}")) :]


def raised_by(run: Callable[[], Any]) -> AdcliError:
    with pytest.raises(AdcliError) as raised:
        run()
    return raised.value


F = adcli.load("f(x, y) = x*y")
# What raises, and what is printed.
UNCAUGHT: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "place and hint": (
        lambda: adcli.load("y = 1 +\n  sine(x)"),
        [
            "adcli.errors.ProgramError: unknown function 'sine'",
            "--> expression:2:3",
            "did you mean 'sin'?",
        ],
    ),
    "details": (
        lambda: F.check(x=1, y=2, points=1, ranges={"z": (0, 1)}),
        ["adcli.errors.InputError: no input is called 'z'", "the inputs are x, y"],
    ),
    "only a message": (
        lambda: F.check(x=1, y=2, points=-1),
        ["adcli.errors.InputError: points is a whole number, 0 or more, not -1"],
    ),
}


@pytest.mark.parametrize("name", UNCAUGHT)
def test_uncaught_errors_say_all(name: str) -> None:
    run, expected = UNCAUGHT[name]
    assert uncaught(raised_by(run)) == expected


@pytest.mark.parametrize("name", UNCAUGHT)
def test_notes_are_added(name: str) -> None:
    run, expected = UNCAUGHT[name]
    error = raised_by(run)
    error.add_note("in row 7")
    error.add_note("of the table")
    assert uncaught(error) == [*expected, "in row 7", "of the table"]


def test_what_is_learnt_of_an_error_later_is_said() -> None:
    error = InputError("a message", hint="a hint")
    error.add_note("a note")
    error.details += ("a detail",)
    assert uncaught(error)[1:] == ["a hint", "a detail", "a note"]


ERRORS = (ProgramError, InputError, NonFiniteError, FileError, RowFailedError, LimitError)


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("kind", ERRORS)
def test_copies_of_errors(kind: type[AdcliError], way: str) -> None:
    span = Span(Source("1 + sine(x)", "f.ad"), 4, 8)
    error = kind("a message", span, hint="a hint", details=("a detail", "another"))
    error.add_note("a note")
    made = COPIES[way](error)
    assert type(made) is kind
    assert (str(made), made.message, made.exit_code) == ("a message", "a message", kind.exit_code)
    assert made.data() == error.data()
    assert uncaught(made) == uncaught(error)
    assert uncaught(made)[1:] == ["--> f.ad:1:5", "a hint", "a detail", "another", "a note"]


@pytest.mark.parametrize("name", UNCAUGHT)
def test_errors_of_programs_are_sent(name: str) -> None:
    run, expected = UNCAUGHT[name]
    assert uncaught(sent(raised_by(run))) == expected


@pytest.mark.parametrize("way", ["deepcopy", f"pickle {pickle.HIGHEST_PROTOCOL}"])
def test_notes_of_a_copy_are_its_own(way: str) -> None:
    error = InputError("a message")
    made = COPIES[way](error)
    made.add_note("a note")
    assert uncaught(error) == ["adcli.errors.InputError: a message"]
