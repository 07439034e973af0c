"""Trees for the terminal: read back into a graph, and compared with the one drawn."""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from typing import Any, NamedTuple

import pytest
from drawn_programs import (
    ALL,
    HOSTILE,
    POINT,
    draw,
    drawn,
    is_inert,
    load,
    path_of,
    programs,
    random_drawings,
    single,
    structure,
    texts,
    with_comment,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from adcli.differentiate.diagram import Diagram
from adcli.graph.history import Place
from adcli.render.diagram import Captions, place_name
from adcli.render.graph import Drawing
from adcli.render.safe import safe, to_ascii, width
from adcli.render.terminal import Screen
from adcli.render.views import Cell, Look, View

# How deep lines are indented.
DEEPEST = 16
MARKS = {False: ("↑", "↓"), True: ("(above)", "(below)")}
BRANCH = {
    False: re.compile("((?:│  |   )*)(?:[├└]─ )"),
    True: re.compile(r"((?:\|  |   )*)(?:[+`]- )"),
}
# The columns of an indentation.
STEP = 3


def view_of(drawing: Drawing, *, ascii_only: bool = False, digits: int | None = None) -> View:
    (view,) = views_of(drawing, ascii_only=ascii_only, digits=digits)
    return view


def views_of(
    drawing: Drawing, *, ascii_only: bool = False, digits: int | None = None
) -> list[View]:
    return drawing.trees(Look(digits, ascii_only=ascii_only, width=None)).views()


class Line(NamedTuple):
    """A line of a tree.

    Attributes:
        depth: how far it is indented.
        role: what it is to a choice, with a space, or "".
        name: of what it is about.
        text: what it says.
        mark: "above" or "below" if that is shown elsewhere, else "".
        is_definition: whether it is shown here.
        cells: the other columns, by heading.
    """

    depth: int
    role: str
    name: str
    text: str
    mark: str
    is_definition: bool
    cells: dict[str, Cell]


def lines_of(view: View, *, ascii_only: bool, leaves: set[str]) -> list[Line]:
    """A tree line by line.

    Args:
        view: the table it is in.
        ascii_only: in which signs it is drawn.
        leaves: texts of what is its own name: conditions.
    """
    found = []
    for first, *cells in view.rows:
        assert isinstance(first, str)
        branch = BRANCH[ascii_only].match(first)
        depth = (len(branch[1]) // STEP + 1) if branch else 0
        text = first[branch.end() :] if branch else first
        mark = ""
        for sign, meaning in zip(MARKS[ascii_only], ("above", "below"), strict=True):
            if text.endswith(f" {sign}"):
                text, mark = text.removesuffix(f" {sign}"), meaning
        role = re.match("(?:(?:if|then|else) )?", text)
        assert role
        text = text[role.end() :]
        is_definition = not mark and (" = " in text or text in leaves)
        name = text.partition(" = ")[0]
        others = dict(zip(view.columns[1:], cells, strict=True))
        found.append(Line(depth, role[0], name, text, mark, is_definition, others))
    return found


class Meant:
    """What a tree of a drawing is to show.

    Attributes:
        one: the drawing.
        names: of its vertices.
        indices: those of a name, of which only conditions have several.
        operands: of each vertex, without constants, in order: what they are to it, and names.
    """

    def __init__(self, one: Diagram, captions: Captions) -> None:
        self.one = one
        self.captions = captions
        self.names = [captions.name(vertex) for vertex in one.vertices]
        self.indices: defaultdict[str, list[int]] = defaultdict(list)
        for index, vertex in enumerate(one.vertices):
            if vertex.kind != "constant":
                self.indices[self.names[index]].append(index)
        self.operands: list[list[tuple[str, str]]] = [[] for _ in one.vertices]
        for arc in one.arcs:
            if one.vertices[arc.tail].kind != "constant":
                self.operands[arc.head].append((captions.role(arc), self.names[arc.tail]))

    def conditions(self) -> set[str]:
        vertices = self.one.vertices
        return {x for x, v in zip(self.names, vertices, strict=True) if v.kind == "condition"}


def check(drawing: Drawing, *, ascii_only: bool = False, columns: int | None = None) -> list[View]:
    """A tree for each drawing, on a terminal of some columns or of none."""
    views = drawing.trees(Look(None, ascii_only=ascii_only, width=columns)).views()
    assert len(views) == len(drawing.drawings)
    for view, one in zip(views, drawing.drawings, strict=True):
        captions = Captions(one, None, ascii_only=ascii_only)
        meant = Meant(one, captions)
        lines = lines_of(view, ascii_only=ascii_only, leaves=meant.conditions())
        assert view.title == captions.title()
        assert view.columns[0] == captions.subtitle()
        check_graph(meant, lines)
        check_columns(meant, view, lines)
        texts_ = [view.title, *view.columns, *view.footer]
        texts_ += [cell for row in view.rows for cell in row if isinstance(cell, str)]
        assert all(map(is_inert, texts_))
        assert all(map(str.isascii, texts_)) or not ascii_only
        marks = {line.mark for line in lines}
        meanings = [
            f"{mark} shown {meaning}"
            for mark, meaning in zip(MARKS[False], ("above", "below"), strict=True)
            if meaning in marks and not ascii_only
        ]
        footer = [", ".join(meanings)] if meanings else []
        assert view.footer[: len(footer)] == footer
        rest = [line for line in view.footer[len(footer) :] if not line.startswith("no room")]
        assert rest == captions.results()
    return views


def check_graph(meant: Meant, lines: list[Line]) -> None:
    """Everything is defined once, and what it is computed from is below it."""
    defined = Counter(line.name for line in lines if line.is_definition)
    assert defined == {name: len(indices) for name, indices in meant.indices.items()}
    # The lines below each line.
    below: list[list[Line]] = [[] for _ in lines]
    way: list[int] = []
    for number, line in enumerate(lines):
        assert line.depth <= len(way)
        del way[line.depth :]
        if way:
            below[way[-1]].append(line)
        way.append(number)
        assert line.depth <= DEEPEST
    place = {line.name: i for i, line in reversed(list(enumerate(lines))) if line.is_definition}
    for number, line in enumerate(lines):
        assert line.name in meant.indices
        vertices = [meant.one.vertices[i] for i in meant.indices[line.name]]
        found = [(one.role, one.name) for one in below[number]]
        assert line.depth or not line.role
        if not line.is_definition:
            assert not found
            assert (line.mark == "above") == (number > place[line.name] and bool(line.mark))
            has_operands = any(meant.operands[i] for i in meant.indices[line.name])
            assert bool(line.mark) == has_operands
            assert number > place[line.name] or line.mark == "below"
            continue
        wanted = [meant.operands[i] for i in meant.indices[line.name]]
        if vertices[0].decision is None:
            assert found in wanted
        else:  # of a comparison there is only what is not shown above
            assert set(found) <= set(wanted[0])
            assert all(place[x] < number for _, x in wanted[0] if ("", x) not in found)
        (text,) = {meant.captions.definition(v) for v in vertices}
        is_outside = vertices[0].kind == "outside" and not vertices[0].name
        assert line.text == text + "  (not drawn)" * is_outside


def check_columns(meant: Meant, view: View, lines: list[Line]) -> None:
    """Values, derivatives, local partial derivatives, and where it is from."""
    one = meant.one
    has_places = any(vertex.place is not None for vertex in one.vertices)
    derivative = {"": "", "forward": "tangent", "reverse": "adjoint"}[one.mode]
    names = ["value"] * one.has_values + [derivative, "local partial derivative"] * bool(one.mode)
    names += ["from"] * has_places
    # Of a narrow terminal the columns from the right are left out, if that is said.
    shown = view.columns[1:]
    left_out = [name for name in reversed(names) if name not in shown]
    assert shown == [name for name in names if name in shown]
    assert set(left_out) <= {"local partial derivative", "from"}
    said = [line for line in view.footer if line.startswith("no room")]
    assert said == ([f"no room for: {', '.join(left_out)}"] if left_out else [])
    beside: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        vertices = [one.vertices[i] for i in meant.indices[line.name]]
        vertex = vertices[0]
        if one.has_values:
            holds = vertex.decision is not None and ("true" if vertex.decision.holds else "false")
            assert same(line.cells["value"], holds or vertex.value)
        if one.mode:
            assert same(line.cells[derivative], vertex.derivative)
        if "local partial derivative" in shown:
            text = line.cells["local partial derivative"]
            assert isinstance(text, str)
            beside[line.name][text] += 1
        if "from" in shown:
            allowed = {meant.captions.shown(origin(v.place)) for v in vertices}
            assert line.cells["from"] in (allowed if line.is_definition else {""})
    if "local partial derivative" in shown:
        expected: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for arc in one.arcs:
            text = " ".join(meant.captions.arc(arc))
            if text and one.vertices[arc.tail].kind != "constant":
                expected[meant.names[arc.tail]][text] += 1
        for name in {*beside, *expected}:
            del beside[name][""]
            assert beside[name] == expected[name]


def origin(place: Place | None) -> str:
    """The three innermost places."""
    path = path_of(place)
    return " › ".join(["..."] * (len(path) > 3) + [place_name(x) for x in path[-3:]])


def same(one: object, other: object) -> bool:
    """Numbers to the last bit, or nothing, or words."""
    return repr(one) == repr(other)


@pytest.mark.parametrize(("name", "way"), ALL)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_drawings(name: str, way: str, ascii_only: bool) -> None:
    check(drawn(name, way), ascii_only=ascii_only)


@settings(max_examples=120, deadline=None)
@given(random_drawings())
def test_any_program(drawing: Drawing) -> None:
    check(drawing)


@settings(max_examples=20, deadline=None)
@given(programs())
def test_what_no_result_needs(text: str) -> None:
    """Without values too there may be operations that lead to no result."""
    check(draw(load(text), POINT, "structure"))


@pytest.mark.parametrize("way", ["structure", "values", "forward", "reverse"])
def test_parts(way: str) -> None:
    """With operands from outside of what is drawn, and only for one result."""
    program = load("f(x, y) = { t = sin(x)*cos(y); t*y + sin(y), x*t, y }")
    at = {"x": 1.0, "y": 2.0}
    check(draw(program, at, way, wrt="x"))
    check(draw(program, at, way, result="f[2]"))
    check(draw(program, at, way, wrt="x", result="f[2]"))


# Written out.

WHOLE: list[tuple[str, str, dict[str, Any], list[str], list[str]]] = [
    ("x*y", "structure", {"x": 1.0, "y": 2.0},
     ["z = v₁", "└─ v₁ = v₋₁ × v₀", "   ├─ v₋₁ = x", "   └─ v₀ = y"], []),
    ("x*x + sin(x)", "structure", {"x": 1.0},
     ["y = v₃", "└─ v₃ = v₁ + v₂", "   ├─ v₁ = v₀ × v₀", "   │  ├─ v₀ = x", "   │  └─ v₀",
      "   └─ v₂ = sin v₀", "      └─ v₀"], []),
    ("f(x) = { t = sin(x); t*t }", "structure", {"x": 1.0},
     ["y = v₂", "└─ v₂ = v₁ × v₁", "   ├─ v₁ = sin v₀", "   │  └─ v₀ = x", "   └─ v₁ ↑"],
     ["↑ shown above"]),
    ("f(x, y) = x, 3, y", "structure", {"x": 1.0, "y": 2.0},
     ["y₁ = v₋₁", "└─ v₋₁ = x", "y₂ = 3", "y₃ = v₀", "└─ v₀ = y"],
     ["y₁ is x", "y₂ is f[1]", "y₃ is y"]),
    # What no result needs comes last.
    ("f(x, y) = { t = sin(x)*2; y }", "values", {"x": 1.0, "y": 2.0},
     ["z = v₀", "└─ v₀ = y", "v₂ = v₁ × 2", "└─ v₁ = sin v₋₁", "   └─ v₋₁ = x"], []),
    ("if x > 1 then x*x else -x", "structure", {"x": 1.0},
     ["y = v₃", "└─ v₃ = if v₀ > 1 then v₁ else v₂", "   ├─ if v₀ > 1", "   │  └─ v₀ = x",
      "   ├─ then v₁ = v₀ × v₀", "   │  ├─ v₀", "   │  └─ v₀", "   └─ else v₂ = -v₀",
      "      └─ v₀"], []),
    # A comparison stands alone, with what is not shown.
    ("f(x, y) = if y > 1 then x*x else -x", "values", {"x": 1.0, "y": 2.0},
     ["z = v₁", "└─ v₁ = v₋₁ × v₋₁", "   ├─ v₋₁ = x", "   └─ v₋₁", "v₀ > 1",
      "└─ v₀ = y"], []),
    ("f(x) = if x > 1 then x*x else -x", "values", {"x": 1.0},
     ["y = v₁", "└─ v₁ = -v₀", "   └─ v₀ = x", "v₀ > 1"], []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "way", "at", "expected", "footer"), WHOLE)
def test_trees(
    text: str, way: str, at: dict[str, Any], expected: list[str], footer: list[str]
) -> None:
    view = view_of(draw(load(text), at, way))
    assert [row[0] for row in view.rows] == expected
    assert view.footer == footer


def test_columns() -> None:
    view = view_of(draw(load("g(a) = a^2\nf(x) = g(sin(x))"), {"x": 0.0}, "reverse"))
    assert view.title == "g(a) = a^2 f(x) = g(sin(x))"
    assert view.columns == [
        "Reverse mode, y\u0304 = 1", "value", "adjoint", "local partial derivative", "from"
    ]  # fmt: skip
    assert view.rows == [
        ["y = v₂", 0.0, 1.0, "", ""],
        ["└─ v₂ = v₁²", 0.0, 1.0, "", "g"],
        ["   └─ v₁ = sin v₀", 0.0, 0.0, "∂v₂/∂v₁ = 2 × v₁ = 0", ""],
        ["      └─ v₀ = x", 0.0, 0.0, "∂v₁/∂v₀ = cos v₀ = 1", ""],
    ]
    assert view.digits == 3


@pytest.mark.parametrize(("digits", "shown"), [(None, 3), (7, 7), (17, 17)])
def test_digits(digits: int | None, shown: int) -> None:
    view = view_of(drawn("expression", "values"), digits=digits)
    assert view.digits == shown


def test_in_ascii() -> None:
    text = "g(a) = a*a\nf(x) = { for i in 1..2 { x = g(x) }; sqrt(x) }"
    view = view_of(draw(load(text), {"x": 4.0}, "reverse"), ascii_only=True)
    assert view.columns[0] == "Reverse mode, ybar = 1"
    assert [row[0] for row in view.rows] == [
        "y = v3", "`- v3 = sqrt v2", "   `- v2 = v1 * v1", "      +- v1 = v0 * v0",
        "      |  +- v0 = x", "      |  `- v0", "      `- v1 (above)",
    ]  # fmt: skip
    assert [row[-1] for row in view.rows] == ["", "", "i = 2 > g", "i = 1 > g", "", "", ""]
    assert view.footer == []


# Size and depth.


def check_size(drawing: Drawing) -> list[Line]:
    """There are no more lines than vertices and arcs, and none is long."""
    one = single(drawing)
    view = view_of(drawing)
    captions = Captions(one, None, ascii_only=False)
    lines = lines_of(view, ascii_only=False, leaves=Meant(one, captions).conditions())
    operands = sum(one.vertices[arc.tail].kind != "constant" for arc in one.arcs)
    assert len(lines) <= len(one.vertices) + operands
    assert max(width(str(row[0])) for row in view.rows) <= STEP * DEEPEST + 40
    return lines


def test_sharing() -> None:
    """x = x*x two hundred times: without references 2^200 lines."""
    drawing = structure("f(x) = { for i in 1..200 { x = x*x }; x }")
    check(drawing)
    lines = check_size(drawing)
    assert sum(line.is_definition for line in lines) == 202
    assert len(lines) < 450


def test_a_sum_of_many_terms() -> None:
    drawing = draw(load("f(x[]) = sum(x)"), {"x": [0.5] * 20_000}, "values")
    lines = check_size(drawing)
    assert Counter(line.is_definition for line in lines)[True] == 40_000
    assert max(line.depth for line in lines) == DEEPEST


LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@pytest.mark.parametrize("depth", [1, 13, 14, 15, 16, 17, 30, 31, 32, 33, 5000])
def test_depth(depth: int) -> None:
    """A chain goes on at the margin."""
    drawing = structure(f"f(x) = {{ for i in 1..{depth} {{ x = sin(x) }}; x }}")
    check(drawing)
    lines = check_size(drawing)
    names = [line.name for line in lines if line.is_definition]
    assert names == ["y", *(f"v{k}".translate(LOWERED) for k in range(depth, -1, -1))]
    below = [line for line in lines if line.mark == "below"]
    assert len(below) == depth // DEEPEST
    # What is to come does come, next at the margin.
    margins = [line.name for line in lines if line.depth == 0]
    assert margins == ["y", *(line.name for line in below)]


def test_depth_of_several_results() -> None:
    """What goes on at the margin does so before the next result."""
    loops = "for i in 1..20 { a = sin(a) }; b = x; for i in 1..20 { b = cos(b) }"
    drawing = structure(f"f(x) = {{ a = x; {loops}; a, b }}")
    lines = check_size(drawing)
    assert [line.name for line in lines if line.depth == 0] == ["a", "v₅", "b", "v₂₅"]


def test_deep_and_shared() -> None:
    """What was put off may be shown before its turn, and then is not shown again."""
    text = "f(x, y) = { a = x; for i in 1..40 { a = sin(a) + a*y }; a }"
    drawing = draw(load(text), {"x": 0.5, "y": 0.25}, "reverse")
    check(drawing)
    check_size(drawing)


# Texts that a program may hold.


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_hostile_texts(text: str, ascii_only: bool) -> None:
    check_text(text, text, ascii_only=ascii_only)


@settings(max_examples=100, deadline=None)
@given(texts(), texts())
def test_any_texts(comment: str, name: str) -> None:
    check_text(comment[:200], name, ascii_only=False)


def check_text(comment: str, name: str, *, ascii_only: bool) -> None:
    drawing = structure(with_comment(comment), name)
    check(drawing, ascii_only=ascii_only)
    view = view_of(drawing, ascii_only=ascii_only)
    title = safe(f"{name}: f")
    assert view.title == (to_ascii(title) if ascii_only else title)
    screen = printed([view], 80, ascii_only=ascii_only)
    assert is_inert(screen)
    assert screen.startswith(f"{view.title}\n")


@pytest.mark.parametrize("name", ["end", "ÿ", "α₁", "漢字", "ﬁ", "חץ", "ｎ０", "𝒙", "_", "x" * 500])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_identifiers(name: str, ascii_only: bool) -> None:
    text = f"{name}f({name}) = {{ for {name}i in 1..2 {{ {name} = {name}*{name} }}; {name} + 1 }}"
    drawing = draw(load(f"{text}\ng({name}) = {name}f({name})"), {name: 1.5}, "reverse")
    check(drawing, ascii_only=ascii_only)
    shown = to_ascii(name) if ascii_only else name
    sign = ">" if ascii_only else "›"
    view = view_of(drawing, ascii_only=ascii_only)
    assert any(str(row[0]).endswith(f" = {shown}") for row in view.rows)
    assert {f"{shown}f {sign} {shown}i = {turn}" for turn in (1, 2)} <= {
        row[-1] for row in view.rows
    }


# On a terminal.


def printed(views: list[View], columns: int | None, *, ascii_only: bool = False) -> str:
    stream = io.StringIO()
    Screen(stream, columns, color=False, ascii_only=ascii_only).show(views, None)
    return stream.getvalue()


def columns_of(text: str) -> list[list[str]]:
    """The columns of the tables on a screen, each all that stands in it without spaces.

    A table begins with its upper edge, which tells where columns end.
    """
    found: list[list[str]] = []
    ends: list[int] = []
    for line in text.split("\n"):
        if line.startswith("╭"):
            ends = [i for i, c in enumerate(line) if c in "┬╮"]
            found.append([""] * len(ends))
        elif line.startswith("╰"):
            ends = []
        elif ends and line.startswith("│"):
            column = place = 0
            for c in line[1:]:
                place += width(c)
                if column < len(ends) and place == ends[column] and width(c):
                    column += 1
                elif column < len(ends):
                    found[-1][column] += c
    return [["".join(column.split()) for column in table] for table in found]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize(("name", "way"), ALL)
def test_narrow_terminals(name: str, way: str, columns: int) -> None:
    """What there is no room for is less deep, or left out and said; nothing else is lost."""
    drawing = drawn(name, way)
    views = check(drawing, columns=columns)
    text = printed(views, columns)
    assert all(width(line) <= columns for line in text.split("\n") if line[:1] in set("╭│╰"))
    for view in views:
        assert text.count(f"{view.title}\n") == len(views)
        assert all(f"{line}\n" in text for line in view.footer)
    assert columns_of(text) == columns_of(printed(views, None))
    if columns == 200:
        assert [view.columns for view in views] == [view.columns for view in views_of(drawing)]
        assert [view.rows for view in views] == [view.rows for view in views_of(drawing)]


@settings(max_examples=60, deadline=None)
@given(random_drawings(), st.integers(1, 120))
def test_any_terminal(drawing: Drawing, columns: int) -> None:
    check(drawing, columns=columns)


def test_room() -> None:
    """First a little depth is given up, then columns, then more depth."""
    text = "g(a) = sin(a)\nf(x) = { for i in 1..30 { x = g(x) }; x }"
    drawing = draw(load(text), {"x": 0.5}, "reverse")
    found = []
    for columns in (200, 100, 80, 60, 40, 20):
        (view,) = check(drawing, columns=columns)
        lines = lines_of(view, ascii_only=False, leaves=set())
        found.append((max(line.depth for line in lines), len(view.columns)))
        is_fit = width(printed([view], None).split("\n")[1]) <= columns
        assert is_fit or found[-1] == (2, 3)
    assert found[0] == (16, 5)
    assert found == sorted(found, reverse=True)
    assert found[-1] == (2, 3)


@pytest.mark.parametrize("columns", [1, 7])
def test_very_narrow_terminals(columns: int) -> None:
    for name, way in ALL:
        views = check(drawn(name, way), ascii_only=True, columns=columns)
        assert printed(views, columns, ascii_only=True).isascii()
