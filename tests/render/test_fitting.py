"""Tables of numbers on terminals of every width: what does not fit is rounded, or cut between
columns, never inside a number; nothing is left out or said twice.

What a screen should show is known from the tables before they were fitted, which are taken down
on their way to it.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import re
from collections.abc import Iterator, Sequence
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adcli.cli.main import main
from adcli.render.safe import to_ascii, width
from adcli.render.terminal import LONG, Screen
from adcli.render.views import Cell, View, cell_text, fitted

WIDTHS = st.integers(20, 120)
# Long and short, and letters that take one column or two, but six in ASCII.
NAMES = ("x", "y", "beta", "λ", "漢字", "a_name_of_some_length", "a" * 33, "b" * 50)
VALUES = ("0", "1", "2000", "1/7", "-1e-7/3", "123456.789", "2e300/3", "0.1")
ROUNDED = re.compile(r"rounded to (\d+) digits; --digits 17 shows all")
PLACE = re.compile(r"Column(?:s (\d+) to (\d+)| (\d+)) of (\d+)")

SCALAR, VECTOR = "{}^2/3 + sin({})/7 + {}", "[{}*sin({})/3, {}^2, 1/7]"
# The result of each command, and what else it is given; {} is a name of an input.
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "eval": (VECTOR, ()),
    "grad": (SCALAR, ()),
    "jvp": (VECTOR, ("--direction", "{}=1/3")),
    "vjp": (VECTOR, ("--weights", "f[1]=1/3")),
    "hvp": (SCALAR, ("--direction", "{}=1/3")),
    "taylor": (SCALAR, ("--direction", "{}=1/3")),
    "hessian": (SCALAR, ()),
    "jacobian": (VECTOR, ()),
    "check": (SCALAR, ()),
    "compare": (SCALAR, ()),
}
SLOW = ("compare",)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(room: int, *arguments: str) -> tuple[list[View], str]:
    """The tables of a command before they are fitted, and what a terminal shows of them."""
    views: list[View] = []
    show = Screen.show

    def taken_down(screen: Screen, given: Sequence[View], digits: int | None) -> None:
        views.extend(copy.deepcopy(list(given)))
        show(screen, given, digits)

    variables = {"COLUMNS": str(room), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    stream, errors = Terminal(), io.StringIO()
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch.object(Screen, "show", taken_down),
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(errors),
    ):
        code = main(arguments)
    assert code in (0, 1), errors.getvalue()
    return views, stream.getvalue()


@st.composite
def lines(draw: st.DrawFn, command: str) -> list[str]:
    """A command line without options of how it looks."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    pick = st.sampled_from(names)
    body, more = COMMANDS[command]
    body = body.format(*(draw(pick) for _ in range(body.count("{}"))))
    terms = " + ".join(f"0*{name}" for name in names)
    body = body[:-1] + f", {terms}]" if body.startswith("[") else f"{body} + {terms}"
    at = [f"{name}={draw(st.sampled_from(VALUES))}" for name in names]
    extra = [word.format(draw(pick)) if "{}" in word else word for word in more]
    return [command, f"f({', '.join(names)}) = {body}", *at, *extra]


class Part:
    """A table on the screen: its columns, of each the lines of its head and of its cells."""

    def __init__(self, text: Sequence[str]) -> None:
        bar = "|" if text[0].startswith("+") else "│"
        rule = next(i for i in range(1, len(text)) if not text[i].startswith(bar))
        assert all(line.startswith(bar) for line in text[rule + 1 : -1])
        self.widths = [width(line) for line in text]
        self.heads = self._columns(text[1:rule], bar)
        self.cells = self._columns(text[rule + 1 : -1], bar)

    @staticmethod
    def _columns(text: Sequence[str], bar: str) -> list[list[str]]:
        rows = [[cell.strip() for cell in line.split(bar)[1:-1]] for line in text]
        return [[cell for cell in column if cell] for column in zip(*rows, strict=True)]


class Reading:
    """The lines of a screen, read from the top."""

    def __init__(self, text: str) -> None:
        assert text.endswith("\n")
        self.lines = text.split("\n")[:-1]
        self.at = 0

    def next(self) -> str:
        self.at += 1
        return self.lines[self.at - 1]

    def peek(self) -> str:
        return self.lines[self.at] if self.at < len(self.lines) else ""

    def part(self) -> Part:
        start = self.at
        assert self.lines[start][:1] in ("╭", "+"), self.lines[start]
        while self.peek()[:1] in ("╭", "│", "├", "╰", "+", "|"):
            self.at += 1
        return Part(self.lines[start : self.at])


def squeezed(texts: Sequence[str]) -> str:
    """Words however they were folded."""
    return "".join("".join(texts).split())


def texts_of(view: View, digits: int | None, *, ascii_only: bool) -> list[list[str]]:
    """Of each column the texts that should be in it, its head first."""
    found = []
    for j, name in enumerate(view.columns):
        column = [name, *(cell_text(row[j], digits) for row in view.rows)]
        found.append([to_ascii(text) if ascii_only else text for text in column])
    return found


def assert_shown(
    reading: Reading, view: View, room: int, asked: int | None, *, ascii_only: bool = False
) -> None:
    """A table of numbers is there, whole, as far as it can fit."""

    def wide(columns: Sequence[Sequence[str]]) -> list[int]:
        return [3 + max(width(text) for text in column) for column in columns]

    full = texts_of(view, asked if view.digits is None else view.digits, ascii_only=ascii_only)
    fits_at_once = 1 + sum(wide(full)) <= room
    fewer = None if fits_at_once or asked is not None else view.fewer
    expected = full if fewer is None else texts_of(view, fewer, ascii_only=ascii_only)
    own, *others = wide(expected)
    can_fit = 1 + own + max(others) <= room

    title = to_ascii(view.title) if ascii_only else view.title
    column = 1
    while column < len(expected):
        above = reading.next() if title or PLACE.search(reading.peek()) else ""
        if column == 1:
            assert above.startswith(title)
            above = above.removeprefix(title).removeprefix("; ")
        place = PLACE.fullmatch(above)
        assert place or not above, above
        last = len(expected) - 1
        if place:
            assert not fits_at_once
            first, several, single, count = place.groups()
            assert (int(first or single), int(count)) == (column, last)
            last = int(several or single)
        title = ""
        part = reading.part()
        chosen = [0, *range(column, last + 1)]
        assert len(part.heads) == len(chosen)
        if can_fit:
            assert max(part.widths) <= room
        for j, head, cells in zip(chosen, part.heads, part.cells, strict=True):
            assert squeezed(head) == squeezed(expected[j][:1])
            if can_fit:
                assert len(head) <= 1
            if can_fit or view.numeric()[j]:  # each on a line of its own
                assert cells == [text for text in expected[j][1:] if text]
            assert squeezed(cells) == squeezed(expected[j][1:])
        column = last + 1
        if column < len(expected):
            assert reading.next() == ""
    for line in view.footer:
        assert reading.next() == (to_ascii(line) if ascii_only else line)
    is_rounded = ROUNDED.fullmatch(reading.peek())
    assert bool(is_rounded) == (expected != full)
    if is_rounded:
        assert is_rounded[1] == str(view.fewer)
        reading.next()


def assert_screen(
    views: Sequence[View], shown: str, room: int, asked: int | None, *, ascii_only: bool
) -> None:
    reading = Reading(shown)
    for position, view in enumerate(views):
        if position:
            assert reading.next() == ""
        assert_shown(reading, view, room, asked, ascii_only=ascii_only)
    assert reading.at == len(reading.lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_tables_of_commands(command: str) -> None:
    @settings(
        max_examples=15 if command in SLOW else 60,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(lines(command), WIDTHS, st.none() | st.integers(1, 17), st.booleans())
    def holds(line: list[str], room: int, digits: int | None, ascii_only: bool) -> None:
        looks = [] if digits is None else ["--digits", str(digits)]
        looks += ["--ascii"] if ascii_only else []
        views, shown = on_terminal(room, *line, *looks)
        assert_screen(views, shown, room, digits, ascii_only=ascii_only)

    holds()


CELLS = st.none() | st.sampled_from([1 / 3, 2.0, -1e-300 / 7, 5e9 / 3, 0.1, float("nan")])
HEADS = st.sampled_from(["", "a", "two words", "λ", "漢字", "long" * 8])


@st.composite
def tables(draw: st.DrawFn) -> View:
    """Tables as the commands make them: names first, then numbers, words among them."""
    heads = draw(st.lists(HEADS, min_size=2, max_size=8))
    of_words = [True, *draw(st.lists(st.booleans(), min_size=len(heads), max_size=len(heads)))]
    words = st.sampled_from(["ok", "a word", "words" * 3])
    rows: list[list[Cell]] = [
        [draw(words if is_word else CELLS) for is_word, _ in zip(of_words, heads, strict=False)]
        for _ in range(draw(st.integers(1, 4)))
    ]
    view = View(heads, rows, draw(st.sampled_from(["", "a title"])), ["a footer"])
    view.fewer = draw(st.sampled_from([6, 12]))
    return view


@settings(max_examples=300, deadline=None)
@given(tables(), WIDTHS, st.none() | st.integers(0, 17))
def test_tables(view: View, room: int, digits: int | None) -> None:
    if not any(view.numeric()):
        assert fitted(view, digits, room) == [view]
        return
    stream = io.StringIO()
    before = copy.deepcopy(view)
    Screen(stream, room, color=False, ascii_only=False).show([view], digits)
    assert_screen([before], stream.getvalue(), room, digits, ascii_only=False)


def test_a_long_table() -> None:
    """Those are set in another way."""
    view = View(["n", "a", "b"], [["row", 1 / 3, -2 / 3]] * LONG, "title", ["footer"])
    for room in (20, 30, 40, 80):
        stream = io.StringIO()
        Screen(stream, room, color=False, ascii_only=False).show([copy.deepcopy(view)], None)
        assert_screen([view], stream.getvalue(), room, None, ascii_only=False)


@pytest.mark.parametrize("room", [None, 1000])
@pytest.mark.parametrize("digits", [None, 3])
def test_nothing_is_done_where_there_is_room(room: int | None, digits: int | None) -> None:
    view = View(["name", "a", "b"], [["x", 1 / 3, 2 / 3]], "title", ["footer"])
    assert fitted(view, digits, room) == [view]
    assert (view.digits, view.footer) == (None, ["footer"])


@pytest.mark.parametrize("room", range(40, 121, 8))
@pytest.mark.parametrize("ascii_only", [False, True])
def test_chart_of_steps(room: int, ascii_only: bool) -> None:
    looks = ["--ascii"] if ascii_only else []
    views, shown = on_terminal(room, "compare", "exp(x)*sin(x)", "x=1", "--steps", *looks)
    reading = Reading(shown)
    assert_shown(reading, views[0], room, None, ascii_only=ascii_only)
    assert reading.next() == ""
    assert reading.next() == views[1].title
    corner, up = ("+", "|") if ascii_only else ("└", "│")
    rest = reading.lines[reading.at :]
    below = next(i for i, line in enumerate(rest) if line[7:8] == corner)
    chart, axis, ticks, legend = rest[:below], rest[below], rest[below + 1], rest[below + 2 :]
    assert "five-point difference" in "".join(legend)
    assert max(map(len, legend)) <= room
    assert axis.index(corner) == 7
    assert {line.index(up) for line in chart} == {7}
    assert max(map(len, (*chart, axis, ticks))) <= room
    assert max(map(len, chart)) <= len(axis)
    # The marks of the axis are where they say.
    scale = (len(axis) - 8) // 16
    assert scale == max(1, min(4, (room - 8) // 16))
    found = {match.start(): match[0] for match in re.finditer(r"1e-\d+", ticks)}
    assert found == {8 + scale * (16 - k): f"1e-{k}" for k in (16, 12, 8, 4)}
    # A point of each method at least.
    assert set("fc5") <= set("".join(chart))


def columns_of(shown: str) -> Iterator[str]:
    """The columns of all tables on a screen, however they were folded."""
    reading = Reading(shown)
    while reading.at < len(reading.lines):
        if reading.peek()[:1] == "╭":
            part = reading.part()
            for head, cells in zip(part.heads, part.cells, strict=True):
                yield squeezed([*head, *cells])
        else:
            reading.next()


# Of words: they fold them, and are neither rounded nor cut.
WORDS = {
    "trace": ["trace", "ln(x1) + x1*x2/3 - sin(x2)", "x1=2", "x2=5"],
    "trace forward": ["trace", "ln(x1)*x2/3", "x1=2", "x2=5", "--mode", "forward"],
    "dual numbers": ["trace", "x^2/3", "x=2", "--mode", "forward", "--notation", "dual"],
    "rules": ["rules"],
}


@pytest.mark.parametrize("line", WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("room", [30, 47, 80, 120])
def test_tables_of_words_are_folded(line: list[str], room: int) -> None:
    _, wide = on_terminal(1000, *line)
    _, shown = on_terminal(room, *line)
    assert list(columns_of(shown)) == list(columns_of(wide))
    assert all(width(text) <= room for text in shown.split("\n") if text[:1] in "╭│├╰")
    assert not ROUNDED.search(shown)
    assert not PLACE.search(shown)


@pytest.mark.parametrize("mode", [(), ("--mode", "reverse"), ("--mode", "forward")])
@pytest.mark.parametrize("room", [20, 40, 60, 120])
def test_trees_are_neither_rounded_nor_cut(mode: tuple[str, ...], room: int) -> None:
    _, shown = on_terminal(room, "graph", "ln(x1)/3 + sin(x1*x2)", "x1=2", "x2=1/7", *mode)
    assert not ROUNDED.search(shown)
    assert not PLACE.search(shown)
    assert max(map(width, re.findall("(?m)^[╭│├╰].*", shown))) <= room
    # A tree is one table: those of several passes are one below the other.
    _, wide = on_terminal(1000, "graph", "ln(x1)/3 + sin(x1*x2)", "x1=2", "x2=1/7", *mode)
    assert shown.count("╭") == wide.count("╭")


def test_numbers_that_lose_digits_say_so_once() -> None:
    """By example: what the properties above say of all."""
    _, shown = on_terminal(42, "grad", "f(a, b) = a/3 + b/7", "a=1/7", "b=2")
    assert shown == (
        "f = 0.3333333333333333\n"
        "╭───────┬──────────┬───────────╮\n"
        "│ input │    value │ ∂f/∂input │\n"
        "├───────┼──────────┼───────────┤\n"
        "│ a     │ 0.142857 │  0.333333 │\n"
        "│ b     │        2 │  0.142857 │\n"
        "╰───────┴──────────┴───────────╯\n"
        "reverse mode, 1 pass\n"
        "rounded to 6 digits; --digits 17 shows all\n"
    )
