"""DOT, as Graphviz reads it and lays it out: every text as it is, every vertex and arc once."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from drawn_programs import (
    ALL,
    HOSTILE,
    POINT,
    WAYS,
    Cluster,
    Dot,
    collapsed,
    draw,
    drawn,
    is_inert,
    label_lines,
    load,
    one_line,
    path_of,
    programs,
    random_drawings,
    shortened,
    single,
    single_backslashes,
    structure,
    texts,
    tooltip_text,
    with_comment,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from adcli.differentiate.diagram import Diagram
from adcli.render.diagram import Captions, place_name
from adcli.render.graph import Drawing
from adcli.render.palette import LIGHT
from adcli.render.safe import safe, to_ascii

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}title"

# Of more arcs than this the texts are in tooltips alone.
ROLES = ("if", "then", "else")
MOST_LABELLED = 250
# How many arcs pass over how many ranks before operands are referred to.
MANY_PASSED = 60


class Pass:
    """One of the drawings in DOT: its vertices by index, references, arcs, and frames.

    Args:
        dot: what Graphviz read.
        frame: the frame that it is in.
        one: what was drawn.
    """

    def __init__(self, dot: Dot, frame: Cluster, one: Diagram) -> None:
        self.one = one
        self.frame = frame
        self.at: dict[str, int] = {}
        self.references: set[str] = set()
        nodes = list(frame.all_nodes())
        assert len(nodes) == len(set(nodes))
        for node in nodes:
            found = re.fullmatch(r"(?:p\d+)?n(r?)(\d+)", node)
            assert found, node
            if found[1]:
                self.references.add(node)
            else:
                self.at[node] = int(found[2])
        self.edges = [edge for edge in dot.edges if edge[0] in nodes]

    def place(self, node: str) -> list[Cluster]:
        """The frames around a node, the outermost first."""

        def find(frame: Cluster) -> list[Cluster] | None:
            if node in frame.nodes:
                return []
            for inner in frame.clusters:
                found = find(inner)
                if found is not None:
                    return [inner, *found]
            return None

        found = find(self.frame)
        assert found is not None
        return found


def passes(drawing: Drawing) -> Iterator[tuple[Dot, Pass, Captions]]:
    dot = Dot(drawing.dot())
    frames = dot.passes()
    assert len(frames) == len(drawing.drawings)
    for frame, one in zip(frames, drawing.drawings, strict=True):
        captions = Captions(one, drawing.digits, ascii_only=drawing.ascii_only)
        yield dot, Pass(dot, frame, one), captions


def check(drawing: Drawing) -> None:
    """Every vertex is there once, with its texts and in its place; every arc is there once."""
    counted = 0
    for dot, found, captions in passes(drawing):
        check_vertices(dot, found, captions)
        check_arcs(dot, found, captions)
        counted += len(found.edges)
    assert counted == len(dot.edges)


def check_vertices(dot: Dot, found: Pass, captions: Captions) -> None:
    vertices = found.one.vertices
    assert sorted(found.at.values()) == list(range(len(vertices)))
    has_groups = any(found.frame.groups())
    for node, index in found.at.items():
        vertex = vertices[index]
        caption = captions.vertex(vertex)
        assert dot.lines(node) == caption.lines()
        assert dot.tooltip(node) == "\n".join(caption.tooltip)
        assert dot.nodes[node]["class"] == vertex.kind
        colors = dot.nodes[node]["fillcolor"], dot.nodes[node]["color"]
        assert colors == LIGHT.kinds[vertex.kind]
        path = path_of(vertex.place) if has_groups else []
        # Frames that are one have both names; the sign between them is another in ASCII.
        names = [re.sub(r" (?:›|\\u203a) ", " > ", frame.label[0]) for frame in found.place(node)]
        assert " > ".join(names) == " > ".join(captions.shown(place_name(x)) for x in path)
        tooltips = [frame.tooltip.split("\n")[-1] for frame in found.place(node)]
        everything = [captions.around(place)[-1] for place in path]
        rest = iter(everything)
        assert all(text in rest for text in tooltips)
        assert tooltips[-1:] == everything[-1:]


def check_arcs(dot: Dot, found: Pass, captions: Captions) -> None:
    """The arcs as they are drawn, with the texts beside them, are those there are."""
    vertices, drawn_arcs = found.one.vertices, Counter[tuple[int, int, tuple[str, ...], str]]()
    used = Counter[str]()
    for tail, head, attributes in found.edges:
        is_line = attributes["arrowhead"] == "none"
        if is_line and vertices[found.at[head]].kind == "constant":
            tail, head = head, tail  # it stands to the right of its use
        if tail in found.references:
            used[tail] += 1
            # Which of the operands is meant: the one of its name and tooltip.
            (index,) = {
                arc.tail
                for arc in found.one.arcs
                if arc.head == found.at[head]
                and captions.name(vertices[arc.tail]) == dot.lines(tail)[0]
                and "\n".join(captions.vertex(vertices[arc.tail]).tooltip) == dot.tooltip(tail)
            }
            assert dot.nodes[tail]["class"] == "outside"
            assert found.place(tail) == found.place(head)
        else:
            index = found.at[tail]
        assert is_line == (vertices[index].kind == "constant")
        lines = tooltip_text(attributes["tooltip"]).split("\n") if attributes["tooltip"] else []
        is_labelled = len(found.one.arcs) <= MOST_LABELLED or lines in ([x] for x in ROLES)
        assert beside(attributes) == (lines if is_labelled else [])
        drawn_arcs[index, found.at[head], tuple(lines), attributes["class"]] += 1
    assert used == Counter(dict.fromkeys(found.references, 1))
    assert drawn_arcs == Counter(
        (arc.tail, arc.head, tuple(captions.arc(arc)), arc_class(found.one, i))
        for i, arc in enumerate(found.one.arcs)
    )


def beside(attributes: Mapping[str, str]) -> list[str]:
    """The lines beside an arc."""
    return label_lines(attributes["label"]) if attributes["label"] else []


def arc_class(one: Diagram, number: int) -> str:
    """What a sheet of style calls an arc."""
    arc = one.arcs[number]
    if arc.role in ("compared", "if"):
        return "decides"
    if arc.flows:
        return one.mode
    is_constant = one.vertices[arc.tail].kind == "constant"
    return "still" if one.mode or is_constant else ""


@pytest.mark.parametrize(("name", "way"), ALL)
def test_drawings(name: str, way: str) -> None:
    check(drawn(name, way))


@settings(max_examples=60, deadline=None)
@given(random_drawings())
def test_any_program(drawing: Drawing) -> None:
    check(drawing)


@settings(max_examples=20, deadline=None)
@given(programs())
def test_what_no_result_needs(text: str) -> None:
    """Without values too there may be operations that lead to no result."""
    check(draw(load(text), POINT, "structure"))


# What the texts are, written out.

LABELS: list[tuple[str, str, list[str]]] = [
    ("expression", "structure",
     ["v₋₁ = x₁", "v₀ = x₂", "2", "v₁ = v₋₁²", "2", "v₂ = v₀²", "v₃ = v₁ + v₂", "0.5",
      "v₄ = v₃^0.5", "y = v₄"]),
    ("expression", "values",
     ["v₋₁ = x₁|3", "v₀ = x₂|4", "2", "v₁ = v₋₁²|9", "2", "v₂ = v₀²|16", "v₃ = v₁ + v₂|25",
      "0.5", "v₄ = v₃^0.5|5", "y = v₄|5"]),
    ("expression", "reverse",
     ["v₋₁ = x₁|3|v\u0304₋₁ = 0.6", "v₀ = x₂|4|v\u0304₀ = 0.8", "2", "v₁ = v₋₁²|9|v\u0304₁ = 0.1",
      "2", "v₂ = v₀²|16|v\u0304₂ = 0.1", "v₃ = v₁ + v₂|25|v\u0304₃ = 0.1", "0.5",
      "v₄ = v₃^0.5|5|v\u0304₄ = 1", "y = v₄|5|y\u0304 = 1"]),
    ("arms", "structure",
     ["v₋₁ = x", "v₀ = y", "v₁ = v₋₁ × v₀", "v₂ = v₋₁ / v₀", "v₋₁ > v₀",
      "v₃ = if v₋₁ > v₀ then v₁ else v₂", "2", "v₄ = v₃²", "v₅ = -v₃", "v₃ > 1",
      "v₆ = if v₃ > 1 then v₄ else v₅", "v₇ = v₆ + v₀", "z = v₇"]),
    ("arms", "values",
     ["v₋₁ = x|2", "v₀ = y|3", "v₋₁ > v₀|false", "v₁ = v₋₁ / v₀|0.667", "v₁ > 1|false",
      "v₂ = -v₁|-0.667", "v₃ = v₂ + v₀|2.333", "z = v₃|2.333"]),
    ("results", "structure",
     ["v₋₁ = x", "v₀ = y", "v₁ = v₋₁ × v₀", "v₂ = -v₀", "y₁ = v₁", "y₂ = v₋₁", "3", "y₃ = 3",
      "y₄ = v₁", "y₅ = v₂"]),
    # One condition decides two choices.
    ("choices", "structure",
     ["v₋₁ = x", "v₀ = y", "v₋₁ > v₀", "v₁ = v₋₁ × v₀", "v₂ = -v₋₁", "v₃ = v₋₁ / v₀",
      "v₄ = if v₋₁ > v₀ then v₁ else v₋₁", "v₅ = if v₋₁ > v₀ then v₂ else v₃", "a = v₄",
      "b = v₅"]),
    ("alphabets", "structure",
     ["w₋₄ = α", "w₋₃ = µ", "w₋₂ = 漢字", "w₋₁ = v₁", "w₀ = _x", "w₁ = w₋₄ × w₋₃",
      "w₂ = w₁ + w₋₂", "2", "w₃ = w₂²", "w₄ = w₃ + w₋₁", "w₅ = w₄ × w₀", "y = w₅"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "way", "expected"), LABELS)
def test_labels(name: str, way: str, expected: list[str]) -> None:
    dot = Dot(drawn(name, way).dot())
    assert Counter("|".join(dot.lines(node)) for node in dot.nodes) == Counter(expected)


TITLES = [
    ("expression", "structure", ["(x1^2 + x2^2)^(1/2)", "Computational graph"], []),
    ("expression", "values", ["(x1^2 + x2^2)^(1/2)", "Computational graph, with values"], []),
    ("expression", "reverse", ["(x1^2 + x2^2)^(1/2)", "Reverse mode, y\u0304 = 1"], []),
    ("expression", "forward", ["(x1^2 + x2^2)^(1/2)"],
     ["Forward mode, x\u0307₁ = 1, x\u0307₂ = 0", "Forward mode, x\u0307₁ = 0, x\u0307₂ = 1"]),
    ("unused", "forward", ["f(x, y) = { t = sin(x)*y; x + 1 }"],
     ["Forward mode, x\u0307 = 1, y\u0307 = 0", "Forward mode, x\u0307 = 0, y\u0307 = 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "way", "title", "subtitles"), TITLES)
def test_titles(name: str, way: str, title: list[str], subtitles: list[str]) -> None:
    top = Dot(drawn(name, way).dot()).top
    assert top.label == [*title, " "]
    assert [one.label[0] for one in top.clusters if one.kind == "pass"] == subtitles


def test_tooltip_of_an_operation() -> None:
    """The line of the trace, those of the adjoint, the text, and the places around it."""
    dot = Dot(drawn("calls", "reverse").dot())
    (node,) = (node for node in dot.nodes if dot.lines(node)[0] == "v₃ = sin v₀")
    assert dot.tooltip(node).split("\n") == [
        "v₃ = sin v₀ = sin 1.5 = 0.997", "v\u0304₃ = v\u0304₄ ∂v₄/∂v₃ = v\u0304₄ × (-1) = -1",
        "line 2: sin(a)", "in h(x)",
    ]  # fmt: skip


def test_tooltip_of_many_steps() -> None:
    """Of many contributions the first six and the last."""
    program = load("f(x, y) = x*y + x*y^2 + x*y^3 + x*sin(y) + x*cos(y) + x/y + x*exp(y) + x")
    dot = Dot(draw(program, {"x": 1.0, "y": 2.0}, "reverse").dot())
    (node,) = (node for node in dot.nodes if dot.lines(node)[0] == "v₋₁ = x")
    lines = dot.tooltip(node).split("\n")
    assert len(lines) == 9
    assert lines[7] == "..."
    assert lines[8].endswith(dot.lines(node)[2].partition(" = ")[2])


# Texts that a program may hold.


def check_texts(comment: str, name: str, *, ascii_only: bool = False) -> None:
    """A text in a condition, and the name of a file, as Graphviz has them and lays them out."""
    drawing = Drawing(structure(with_comment(comment), name).drawings, ascii_only=ascii_only)
    text = drawing.dot()
    assert is_inert(text)
    assert text.replace("\xa0", "").isascii() or not ascii_only

    def shown(raw: str) -> str:
        return to_ascii(safe(raw)) if ascii_only else safe(raw)

    dot = Dot(text)
    condition = f"x #{one_line(comment)}\n > 1"
    title = f"{name}: f"
    if name == "expression":
        title = shortened(with_comment(comment), 90)
    names = [shown(f"{shortened(condition, 40)}: {holds}") for holds in ("true", "false")]
    tooltips = [shown(f"if {shortened(condition, 90)}")]
    tooltips.append(shown(f"if not ({shortened(condition, 90)})"))
    line = shown(f"line 1: {shortened(condition, 90)}")

    # As it is read.
    assert dot.top.label[0] == single_backslashes(shown(title))
    labels = [frame.label[0] for frame in dot.top.groups()]
    assert labels == list(map(single_backslashes, names))
    (choice,) = (node for node in dot.nodes if dot.nodes[node]["class"] == "choice")
    assert [len(dot.lines(node)) for node in dot.nodes] == [1] * len(dot.nodes)

    # As it is laid out, where HTML makes one of several spaces.
    root = ET.fromstring(dot.svg())
    page = root.find(f"{SVG}g")
    assert page is not None
    assert collapsed(page.findtext(f"{SVG}text") or "") == collapsed(shown(title))
    clusters = [g for g in root.iter(f"{SVG}g") if "cluster" in (g.get("class") or "")]
    found = ["".join(x.itertext()) for g in clusters for x in g.iter(f"{SVG}text")]
    assert sorted(map(collapsed, found)) == sorted(map(collapsed, names))
    found = [str(x.get(LINK)) for g in clusters for x in g.iter(f"{SVG}a")]
    assert sorted(map(collapsed, found)) == sorted(map(collapsed, tooltips))
    (found,) = (
        [str(x.get(LINK)) for x in g.iter(f"{SVG}a")]
        for g in root.iter(f"{SVG}g")
        if g.findtext(f"{SVG}title") == choice
    )
    assert [collapsed(x.split("\n")[-1]) for x in found] == [collapsed(line)]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts(text: str) -> None:
    check_texts(text, text)
    check_texts(f"a{text}b{text}", f"{text}.ad")


@settings(max_examples=100, deadline=None)
@given(texts(), texts())
def test_any_texts(comment: str, name: str) -> None:
    check_texts(comment.replace("\\", "")[:200], name.replace("\\", ""))


@settings(max_examples=50, deadline=None)
@given(st.text("\\NGELTHnlrx&;#41 \"'<"), st.text("\\NGELTHnlrx&;#41 \"'<"))
def test_any_backslashes(comment: str, name: str) -> None:
    check_texts(comment[:200], name)


@settings(max_examples=50, deadline=None)
@given(texts(), texts())
def test_any_texts_in_ascii(comment: str, name: str) -> None:
    check_texts(comment.replace("\\", "")[:200], name.replace("\\", ""), ascii_only=True)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a" * 5000, "&" * 2000, '"' * 2000, "\\" * 1999, "\u202e" * 500, "<" * 3000],
    ids=["empty", "space", "letters", "ands", "quotes", "backslashes", "overrides", "brackets"],
)
def test_lengths(name: str) -> None:
    check_texts("", name)


@pytest.mark.parametrize("length", [0, 30, 31, 32, 33, 80, 81, 82, 83, 84, 85, 5000])
def test_long_conditions(length: int) -> None:
    """They are cut in the names of frames and in tooltips."""
    for letter in "a&\u6f22\u202e":
        check_texts(letter * length, "file.ad")


def test_long_title() -> None:
    short = "x" + " + x" * 22
    assert len(short) == 89
    assert Dot(structure(short).dot()).top.label[0] == short
    long = f"{short} + y"
    assert Dot(structure(long).dot()).top.label[0] == f"{long[:87]}..."
    piped = structure(long, "standard input")
    assert Dot(piped.dot()).top.label[0] == "standard input: f"


def test_text_of_a_call() -> None:
    """The texts of calls and of what loops run over are in the tooltips of frames."""
    text = 'g(a) = a*a\nf(x) = { for i in (1 # "</TABLE>%&lt;\n)..2 { x = g(x #<>"\n) }; x }'
    dot = Dot(draw(load(text), {"x": 1.0}, "values").dot())
    frames = [(frame.label, frame.tooltip) for frame in dot.top.groups()]
    assert frames == [
        ([f"i = {i} › g"], f'i = {i} of (1 # "</TABLE>%&lt; )..2\nin g(x #<>" )') for i in (1, 2)
    ]


NAMES = [
    "end",
    "ÿ",
    "ß",
    "α₁",
    "漢字",
    "ﬁ",
    "חץ",
    "نعم",
    "ｎ０",
    "𝒙",
    "ª",
    "_",
    "__x__",
    "x" * 3000,
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_identifiers(name: str, ascii_only: bool) -> None:
    """Names of inputs, functions and loops in letters of any alphabet."""
    text = f"{name}f({name}) = {{ for {name}i in 1..2 {{ {name} = {name}*{name} }}; {name} + 1 }}"
    program = load(f"{text}\ng({name}) = {name}f({name})")
    drawing = Drawing(draw(program, {name: 1.5}, "reverse").drawings, ascii_only=ascii_only)
    check(drawing)
    dot = Dot(drawing.dot())
    shown = to_ascii(name) if ascii_only else name
    inputs = [dot.lines(node)[0] for node in dot.nodes if dot.nodes[node]["class"] == "input"]
    assert [line.partition(" = ")[2] for line in inputs] == [shown]
    frames = [frame.label[0] for frame in dot.top.groups()]
    assert frames == [f"{shown}f", f"{shown}i = 1", f"{shown}i = 2"]
    pictured = {"".join(x.itertext()) for x in ET.fromstring(dot.svg()).iter(f"{SVG}text")}
    assert {*frames, *inputs} <= pictured


@pytest.mark.parametrize(("name", "way"), ALL)
def test_ascii_only(name: str, way: str) -> None:
    drawing = Drawing(drawn(name, way).drawings, ascii_only=True)
    check(drawing)
    assert drawing.dot().replace("\xa0", "").isascii()


def test_space_in_ascii() -> None:
    """What keeps constants and labels off their lines is in ASCII too."""
    assert Drawing(drawn("arms", "structure").drawings, ascii_only=True).dot().isascii()


def test_notation_in_ascii() -> None:
    """What the notation has signs for is written out, and not as numbers of characters."""
    text = "g(a) = a*a\nf(x) = { for i in 1..2 { x = g(x) }; sqrt(x) }"
    drawing = Drawing(draw(load(text), {"x": 1.5}, "reverse").drawings, ascii_only=True)
    assert "\\u" not in drawing.dot()


# Frames.


def frames_of(cluster: Cluster, dot: Dot) -> list[object]:
    """The names of the vertices of a frame, then its frames as (name, content)."""
    names = [dot.lines(node)[0].partition(" = ")[0] for node in cluster.nodes]
    inner = [(one.label[0], frames_of(one, dot)) for one in cluster.clusters]
    return [*sorted(names), *inner]


NESTED: list[tuple[str, str, list[object]]] = [
    ("f(x, y) = x*y", "structure", ["v₀", "v₁", "v₋₁", "z"]),
    ("g(a) = a*a\nf(x) = g(x) + x", "structure", ["v₀", "v₂", "y", ("g", ["v₁"])]),
    # A call of a function that does nothing but call.
    ("g(a) = a*a\nh(a) = g(a)\nf(x) = h(x)", "structure", ["v₀", "y", ("h › g", ["v₁"])]),
    ("g(a) = a*a\nh(a) = g(a)\nk(a) = h(a)\nf(x) = k(x)", "structure",
     ["v₀", "y", ("k › h › g", ["v₁"])]),
    ("g(a) = a*a\nh(a) = g(a) + a\nk(a) = h(a)\nf(x) = k(x)", "structure",
     ["v₀", "y", ("k › h", ["v₂", ("g", ["v₁"])])]),
    ("g(a) = a*a\nh(a) = g(a) + g(2)*g(a + 1)\nf(x) = h(x)", "structure",
     ["v₀", "y", ("h", ["1", "4", "v₂", "v₄", "v₅", ("g", ["v₁"]), ("g", ["v₃"])])]),
    ("f(x) = { for i in 1..2 { x = x*x }; x }", "structure",
     ["v₀", "y", ("i = 1", ["v₁"]), ("i = 2", ["v₂"])]),
    ("f(x) = { for i in [0.5, 2] { x = x*i }; x }", "structure",
     ["v₀", "y", ("i = 0.5", ["0.5", "v₁"]), ("i = 2", ["2", "v₂"])]),
    ("f(x, z[2]) = { for u in z { x = x*u }; x }", "structure",
     ["v₀", "v₋₁", "v₋₂", "y", ("u: turn 1", ["v₁"]), ("u: turn 2", ["v₂"])]),
    ("f(x) = { for i in 1..2 { for j in 1..2 { x = x*x } }; x }", "structure",
     ["v₀", "y", ("i = 1", [("j = 1", ["v₁"]), ("j = 2", ["v₂"])]),
      ("i = 2", [("j = 1", ["v₃"]), ("j = 2", ["v₄"])])]),
    ("g(a) = a*a\nf(x) = { for i in 1..2 { x = g(x) }; x }", "structure",
     ["v₀", "y", ("i = 1 › g", ["v₁"]), ("i = 2 › g", ["v₂"])]),
    ("f(x) = { while x < 10 { x = x*x }; x }", "values",
     ["v₀", "y", ("turn 1", ["v₀ < 10", "v₁"]), ("turn 2", ["v₁ < 10", "v₂"]),
      ("turn 3", ["v₂ < 10", "v₃"]), ("turn 4", ["v₃ < 10"])]),
    ("f(x) = if x > 1 then x*x else -x", "structure",
     ["v₀", "v₀ > 1", "v₃", "y", ("x > 1: true", ["v₁"]), ("x > 1: false", ["v₂"])]),
    ("f(x) = if x > 1 then x*x else -x", "values",
     ["v₀", "v₀ > 1", "y", ("x > 1: true", ["v₁"])]),
    ("f(x) = if x > 1 and x < 2 then x*x else -x", "reverse",
     ["v₀", "v₀ < 2", "v₀ > 1", "y", ("x > 1 and x < 2: true", ["v₁"])]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "way", "expected"), NESTED)
def test_frames(text: str, way: str, expected: list[object]) -> None:
    """Calls, turns and arms, each in what is around it; what only holds another is one with it."""
    program = load(text)
    at = {"x": 1.5, "y": 2.0, "z": [1.0, 2.0]}
    dot = Dot(draw(program, {name: at[name] for name in program.inputs}, way).dot())
    assert frames_of(dot.top, dot) == expected


def test_a_frame_has_its_own_style() -> None:
    dot = Dot(draw(load("g(a) = a*a\nf(x, y) = g(x)*y"), {"x": 1.0, "y": 2.0}, "forward").dot())
    assert Counter(frame.kind for frame in dot.top.groups()) == {"pass": 2, "group": 2}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("f(x) = { for i in 1..60 { x = x*x }; x }", 60),
        ("f(x) = { for i in 1..61 { x = x*x }; x }", 0),
        ("g(a) = a*a\nf(x) = { for i in 1..30 { x = g(x) }; x }", 30),
        ("g(a) = a*a\nf(x) = { for i in 1..31 { x = g(x) }; x }", 0),
        ("f(x) = { for i in 1..1000 { x = x*x }; x }", 0),
    ],
)
def test_many_frames(text: str, count: int) -> None:
    """More frames than sixty are none, and the tooltips say it all the same."""
    drawing = draw(load(text), {"x": 1.0}, "values")
    dot = Dot(drawing.dot())
    frames = list(dot.top.groups())
    assert len(frames) == count
    check(drawing)
    places = sum("of 1.." in dot.tooltip(node) for node in dot.nodes)
    assert places == len(dot.nodes) - 2


@pytest.mark.parametrize(("depth", "count"), [(1, 1), (7, 7), (8, 8), (9, 0), (300, 0)])
def test_deep_frames(depth: int, count: int) -> None:
    """Frames in frames, up to eight."""
    lines = ["g1(a) = a*a + 1"]
    lines += [f"g{k}(a) = g{k - 1}(a)*a" for k in range(2, depth + 1)]
    program = load("\n".join([*lines, f"f(x) = g{depth}(x)"]))
    drawing = draw(program, {"x": 1.0}, "values")
    assert len(list(Dot(drawing.dot()).top.groups())) == count
    check(drawing)


@pytest.mark.parametrize(("depth", "around"), [(6, 6), (7, 6), (300, 6)])
def test_places_in_tooltips(depth: int, around: int) -> None:
    """The innermost six, and that there are more."""
    lines = ["g1(a) = sin(a)", *(f"g{k}(a) = g{k - 1}(a + {k})" for k in range(2, depth + 1))]
    program = load("\n".join([*lines, f"f(x) = g{depth}(x)"]))
    dot = Dot(draw(program, {"x": 1.0}, "values").dot())
    (node,) = (node for node in dot.nodes if "sin" in dot.lines(node)[0])
    calls = [f"in g{k}(a + {k + 1})" for k in range(around, 0, -1)]
    if depth == around:
        calls[0] = f"in g{depth}(x)"
    assert dot.tooltip(node).split("\n")[2:] == ["..."] * (depth > around) + calls


# Far operands.


def ranks(dot: Dot) -> dict[str, int]:
    """How far down Graphviz has to put each node: below its operands, inputs at their uses."""
    rank = dict.fromkeys(dot.nodes, 0)
    edges = [(a, b) for a, b, attributes in dot.edges if attributes["arrowhead"] != "none"]
    changed = True
    while changed:
        changed = False
        for tail, head in edges:
            if rank[head] <= rank[tail]:
                rank[head], changed = rank[tail] + 1, True
    heads = {head for _, head in edges}
    for node in set(rank) - heads:
        uses = [rank[head] for tail, head in edges if tail == node]
        if uses:
            rank[node] = min(uses) - 1
    return rank


def passed(dot: Dot) -> list[int]:
    """Over how many ranks each arc passes."""
    rank = ranks(dot)
    return [
        rank[head] - rank[tail] - 1
        for tail, head, attributes in dot.edges
        if attributes["arrowhead"] != "none"
    ]


def parameters(turns: int) -> str:
    return f"f(x, p, q) = {{ for i in 1..{turns} {{ x = sin(x)*p + cos(q) }}; x }}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("turns", [2, 9, 40])
def test_every_arc_once(turns: int, way: str) -> None:
    check(draw(load(parameters(turns)), {"x": 1.0, "p": 0.5, "q": 2.0}, way))


def test_several_far_operands_of_one_vertex() -> None:
    """A condition may compare many things from far above."""
    step = "x = if x > p and x < q then sin(x) else 2*x"
    drawing = structure(f"f(x, p, q) = {{ for i in 1..30 {{ {step} }}; x }}")
    check(drawing)
    dot = Dot(drawing.dot())
    used = Counter(head for tail, head, _ in dot.edges if "r" in tail)
    assert max(used.values()) == 2


def test_far_operands_become_references() -> None:
    """Used in each turn of a loop, they would pass over all turns before."""
    near, far = (Dot(structure(parameters(n)).dot()) for n in (2, 300))
    assert not [node for node in near.nodes if "r" in node]
    references = [node for node in far.nodes if "r" in node]
    assert {far.lines(node)[0] for node in references} == {"v₋₁", "v₃"}
    assert len(references) >= 290
    assert {far.tooltip(node) for node in references} >= {"v₋₁ = p"}
    # Without them it would be some 300².
    assert sum(passed(far)) <= MANY_PASSED


def test_size_grows_with_the_graph() -> None:
    sizes = [len(structure(parameters(n)).dot()) for n in (150, 300, 600)]
    assert sizes[1] < 2.2 * sizes[0]
    assert sizes[2] < 2.2 * sizes[1]


def test_short_ways_stay() -> None:
    """Few arcs over many ranks are drawn as they are."""
    text = "f(x, p) = { p2 = p*p; for i in 1..20 { x = sin(x) }; x*p2 }"
    dot = Dot(structure(text).dot())
    assert not [node for node in dot.nodes if "r" in node]
    assert max(passed(dot)) >= 18


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.lists(st.integers(0, 59), max_size=30))
def test_any_far_operands(turns: int, uses: list[int]) -> None:
    """A chain of which anything may be used again anywhere below."""
    lines = ["t0 = sin(x)"]
    for k in range(1, turns):
        again = [u for u in uses if u < k and (u * 7 + k) % 3 == 0]
        lines.append(f"t{k} = sin(t{k - 1})" + "".join(f" + t{u}*p" for u in again))
    drawing = structure("f(x, p) = { " + "; ".join([*lines, f"t{turns - 1}"]) + " }")
    check(drawing)
    over = passed(Dot(drawing.dot()))
    assert sum(over) <= max(MANY_PASSED, 2 * len(over))


# Arcs.


def edge(dot: Dot, tail: str, head: str) -> Mapping[str, str]:
    """The attributes of the arc between two vertices, by their names."""
    (found,) = (
        attributes
        for a, b, attributes in dot.edges
        if dot.lines(a)[0].startswith(tail) and dot.lines(b)[0].startswith(head)
    )
    return found


def test_arcs_of_a_pass() -> None:
    """Where a pass goes they are bold and in its colour; in reverse the arrows point back."""
    forward, reverse = (
        Dot(draw(load("sin(x)*y"), {"x": 1.0, "y": 2.0}, way, **options).dot())
        for way, options in (("forward", {"seed": {"x": 1.0}}), ("reverse", {"wrt": "x"}))
    )
    live = edge(forward, "v₁ =", "v₂ =")
    assert (live["class"], live["color"], live["penwidth"]) == ("forward", "#0550ae", "1.6")
    assert live["dir"] != "back"
    assert beside(live) == ["∂v₂/∂v₁ = v₀ = 2"]
    still = edge(forward, "v₀ =", "v₂ =")
    assert (still["class"], still["color"], still["penwidth"]) == ("still", LIGHT.arcs["still"], "")
    back = edge(reverse, "v₁ =", "v₂ =")
    assert (back["class"], back["color"], back["dir"]) == ("reverse", "#b42318", "back")
    assert edge(reverse, "v₀", "v₂ =")["class"] == "still"
    assert edge(reverse, "v₀", "v₂ =")["dir"] != "back"


def test_arcs_of_conditions() -> None:
    dot = Dot(drawn("arms", "structure").dot())
    decides = edge(dot, "v₃ > 1", "v₆ =")
    assert beside(decides) == ["if"]
    assert (decides["style"], decides["color"]) == ("dashed", LIGHT.arcs["decides"])
    assert edge(dot, "v₃ =", "v₃ > 1")["style"] == "dashed"
    assert beside(edge(dot, "v₄ =", "v₆ =")) == ["then"]
    assert beside(edge(dot, "v₅ =", "v₆ =")) == ["else"]
    assert edge(dot, "v₄ =", "v₆ =")["style"] == ""


@pytest.mark.parametrize(
    ("text", "is_first"),
    [("2*x", True), ("x*2", False), ("2^x", True), ("x^2", False), ("2/x", True), ("x/2", False)],
)
def test_constants_beside_their_use(text: str, is_first: bool) -> None:
    """On the rank of the operation, on the side where they are written."""
    dot = Dot(structure(text).dot())
    (constant,) = (node for node in dot.nodes if dot.nodes[node]["class"] == "constant")
    (use,) = (node for node in dot.nodes if dot.nodes[node]["class"] == "operation")
    at = {line.split()[1]: line.split() for line in dot.plain().splitlines() if "node" in line}
    assert at[constant][3] == at[use][3]
    assert (float(at[constant][2]) < float(at[use][2])) == is_first


@pytest.mark.parametrize(("results", "count"), [("x", 250), ("x, y", 251)])
def test_labels_of_many_arcs(results: str, count: int) -> None:
    """Where they would take too much time, the texts beside arcs are in tooltips alone."""
    text = f"f(x, y) = {{ for i in 1..83 {{ x = sin(x)*y }}; {results} }}"
    drawing = draw(load(text), {"x": 1.0, "y": 1.0}, "reverse")
    dot = Dot(Drawing(drawing.drawings[:1]).dot())
    assert len(dot.edges) == count
    tooltips = [attributes["tooltip"] for *_, attributes in dot.edges if attributes["tooltip"]]
    assert len(tooltips) == 3 * 83
    assert all(tooltip.startswith("∂") for tooltip in tooltips)
    labels = [attributes for *_, attributes in dot.edges if beside(attributes)]
    assert len(labels) == (len(tooltips) if count == 250 else 0)


def test_two_operands_alike() -> None:
    """x*x has two arcs from one vertex, each with its own share."""
    one = single(draw(load("x*x"), {"x": 3.0}, "reverse"))
    assert [(arc.tail, arc.head) for arc in one.arcs] == [(0, 1), (0, 1), (1, 2)]
    dot = Dot(draw(load("x*x"), {"x": 3.0}, "reverse").dot())
    labels = [beside(attributes) for *_, attributes in dot.edges]
    assert sorted(labels) == [[], ["v₀ = 3"], ["v₀ = 3"]]
