"""Mermaid, as it is written, and as Mermaid itself draws it: every text as it is."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator

import mermaidx
import pytest
from drawn_programs import (
    ALL,
    HOSTILE,
    PROGRAMS,
    collapsed,
    draw,
    drawn,
    is_inert,
    load,
    one_line,
    path_of,
    random_drawings,
    shortened,
    structure,
    texts,
    with_comment,
)
from hypothesis import given, settings

from adcli.differentiate.diagram import Diagram
from adcli.render.diagram import Captions, place_name
from adcli.render.graph import Drawing
from adcli.render.palette import LIGHT
from adcli.render.safe import safe

SVG = "{http://www.w3.org/2000/svg}"
HTML = "{http://www.w3.org/1999/xhtml}"

NODE = re.compile(r'(n\w+)(\(\[|\(|\[|\{\{)"([^"]*)"(\]\)|\)|\]|\}\}):::([a-z]+)')
ARC = re.compile(r'(n\w+) (-->|---|-\.->|-\.-)(?:\|"([^"]*)"\|)? (n\w+)')
FRAME = re.compile(r'subgraph (\w+) \["([^"]*)"\]')
LABEL = re.compile(r"(?:[\w .,=+()/]|[^\x00-\x7f]|#\d+;|<br>)*")
CLOSING = {"([": "])", "(": ")", "[": "]", "{{": "}}"}
SHAPES = {
    "input": "([", "result": "([", "constant": "[", "condition": "{{",
    "operation": "(", "choice": "(", "outside": "(",
}  # fmt: skip


def lines_of(label: str) -> list[str]:
    """The lines of a label, where every sign that means something is a number."""
    assert LABEL.fullmatch(label), label
    lines = label.split("<br>") if label else []
    lines = [re.sub(r"#(\d+);", lambda found: chr(int(found[1])), line) for line in lines]
    # The names that Mermaid has for entities while it reads may stand for signs, too.
    return [re.sub(r"ﬂ°°(\d+)¶ß", lambda found: chr(int(found[1])), line) for line in lines]


class Text:
    """A flowchart, read line by line.

    Attributes:
        nodes: by name, their lines, shapes and kinds.
        arcs: their ends, arrows and lines.
        frames: by name, their lines.
        places: of nodes, the names of the frames around them.
    """

    def __init__(self, text: str) -> None:
        assert is_inert(text)
        head, title, rule, chart, *lines = text.rstrip("\n").split("\n")
        assert head == rule == "---"
        assert title.startswith('title: "')
        self.direction = chart.removeprefix("flowchart ")
        self.nodes: dict[str, tuple[list[str], str, str]] = {}
        self.arcs: list[tuple[str, str, str, list[str]]] = []
        self.frames: dict[str, list[str]] = {}
        self.places: dict[str, list[str]] = {}
        self.rest: list[str] = []
        around: list[str] = []
        for line in map(str.strip, lines):
            node, arc, frame = (x.fullmatch(line) for x in (NODE, ARC, FRAME))
            if node:
                name, opening, label, closing, kind = node.groups()
                assert closing == CLOSING[opening]
                assert name not in self.nodes
                self.nodes[name] = lines_of(label), opening, kind
                self.places[name] = [*around]
            elif arc:
                tail, arrow, label, head = arc.groups()
                self.arcs.append((tail, head, arrow, lines_of(label or "")))
            elif frame:
                assert frame[1] not in self.frames
                self.frames[frame[1]] = lines_of(frame[2])
                around.append(frame[1])
            elif line == "end":
                around.pop()
            else:
                self.rest.append(line)
        assert not around


def check(drawing: Drawing) -> None:
    """Every vertex is there once, with its texts and in its place; every arc is there once."""
    text = Text(drawing.mermaid())
    assert text.direction == ("BT" if drawing.drawings[0].mode == "reverse" else "TB")
    arcs = iter(text.arcs)
    several = len(drawing.drawings) > 1
    for k, one in enumerate(drawing.drawings):
        captions = Captions(one, drawing.digits, ascii_only=drawing.ascii_only)
        prefix = f"n{k}x" if several else "n"
        names = [f"{prefix}{i}" for i in range(len(one.vertices))]
        if several:
            assert text.frames[f"pass{k}"] == [captions.subtitle()]
        groups = [name for name in text.frames if name.startswith(f"{prefix}group")]
        for name, vertex in zip(names, one.vertices, strict=True):
            kind = vertex.kind
            assert text.nodes[name] == (captions.vertex(vertex).lines(), SHAPES[kind], kind)
            path = path_of(vertex.place) if groups else []
            around = text.places[name]
            assert around[:1] == [f"pass{k}"] or not several
            # Frames that are one have both names; the sign between them is another in ASCII.
            titles = [re.sub(" › ", " > ", text.frames[x][0]) for x in around if x in groups]
            assert " > ".join(titles) == " > ".join(captions.shown(place_name(x)) for x in path)
        check_arcs(one, captions, names, arcs)
    assert not list(arcs)
    assert len(text.nodes) == sum(len(one.vertices) for one in drawing.drawings)


def check_arcs(
    one: Diagram,
    captions: Captions,
    names: list[str],
    arcs: Iterator[tuple[str, str, str, list[str]]],
) -> None:
    is_reverse = one.mode == "reverse"
    for arc in one.arcs:
        tail, head, arrow, lines = next(arcs)
        ends = [names[arc.tail], names[arc.head]]
        # Inputs stay above where the arrows go from below, and the other arcs have no arrows.
        assert [tail, head] == (ends[::-1] if is_reverse else ends)
        is_arrow = arc.flows if is_reverse else one.vertices[arc.tail].kind != "constant"
        is_dashed = arc.role in ("compared", "if")
        expected = {
            (True, False): "-->", (False, False): "---", (True, True): "-.->", (False, True): "-.-"
        }  # fmt: skip
        assert arrow == expected[is_arrow, is_dashed]
        assert lines == captions.arc(arc)


@pytest.mark.parametrize(("name", "way"), ALL)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_as_it_is_written(name: str, way: str, ascii_only: bool) -> None:
    drawing = Drawing(drawn(name, way).drawings, ascii_only=ascii_only)
    check(drawing)
    assert drawing.mermaid().isascii() or not ascii_only


@settings(max_examples=60, deadline=None)
@given(random_drawings())
def test_any_program(drawing: Drawing) -> None:
    check(drawing)


@settings(max_examples=150, deadline=None)
@given(texts(), texts())
def test_any_texts(comment: str, name: str) -> None:
    """In a condition, and as the name of a file."""
    text = structure(with_comment(comment[:200]), name).mermaid()
    assert is_inert(text)
    condition = shortened(f"x #{one_line(comment[:200])}\n > 1", 40)
    assert list(Text(text).frames.values()) == [
        [safe(f"{condition}: {holds}")] for holds in ("true", "false")
    ]


# As Mermaid draws it.


class Picture:
    """What Mermaid drew: texts, arrows and colours.

    Attributes:
        nodes: by name, their lines.
        arcs: their ends, lines, whether they have arrows and are dashed, and their style.
        frames: by name, their lines.
        title: the text above.
    """

    def __init__(self, text: str) -> None:
        root = ET.fromstring(mermaidx.render(text).svg())
        assert root.get("aria-roledescription") == "flowchart-v2"
        self.nodes: dict[str, list[str]] = {}
        self.frames: dict[str, list[str]] = {}
        labels: dict[str, list[str]] = {}
        for group in root.iter(f"{SVG}g"):
            kinds = (group.get("class") or "").split()
            name = (group.get("id") or "").removeprefix("my-svg-")
            if "node" in kinds:
                name, _, number = name.removeprefix("flowchart-").rpartition("-")
                assert number.isdigit()
                self.nodes[name] = shown_lines(group)
            elif "cluster" in kinds:
                self.frames[name] = shown_lines(group)
            elif "label" in kinds and group.get("data-id"):
                labels[group.attrib["data-id"]] = shown_lines(group)
        self.arcs: list[tuple[str, str, list[str], bool, bool, str]] = []
        for path in root.iter(f"{SVG}path"):
            name = path.get("data-id") or ""
            if path.get("data-edge") == "true":
                _, tail, head, _ = name.split("_")
                kinds = (path.get("class") or "").split()
                has_arrow = path.get("marker-end") is not None
                style = path.get("style") or ""
                is_dashed = "edge-pattern-dotted" in kinds
                self.arcs.append((tail, head, labels[name], has_arrow, is_dashed, style))
        titles = ["".join(x.itertext()) for x in root.iter(f"{SVG}text")]
        self.title = "".join(titles)
        found = [*self.nodes.values(), *self.frames.values(), *labels.values()]
        assert {piece for x in root.iter(f"{HTML}p") for piece in shown_lines(x)} == {
            line for lines in found for line in lines
        }


def shown_lines(element: ET.Element) -> list[str]:
    """The lines of the paragraphs in an element, which hold nothing but lines."""
    lines = []
    for paragraph in element.iter(f"{HTML}p"):
        assert all(child.tag == f"{HTML}br" for child in paragraph)
        lines.append(paragraph.text or "")
        lines += [child.tail or "" for child in paragraph]
    return lines


def spaced(lines: list[str]) -> list[str]:
    return [collapsed(line) for line in lines]


def check_picture(drawing: Drawing, title: str) -> None:
    """What Mermaid shows is what was meant."""
    text = drawing.mermaid()
    written, picture = Text(text), Picture(text)
    assert collapsed(picture.title) == collapsed(title)
    assert picture.nodes == {name: lines for name, (lines, *_) in written.nodes.items()}
    assert picture.frames == {name: spaced(lines) for name, lines in written.frames.items()}
    flows = [arc.flows for one in drawing.drawings for arc in one.arcs]
    color = {"": "none", **LIGHT.passes}[drawing.drawings[0].mode]
    assert Counter(
        (tail, head, *lines, has_arrow, is_dashed, f"stroke:{color}" in style)
        for tail, head, lines, has_arrow, is_dashed, style in picture.arcs
    ) == Counter(
        (tail, head, *lines, ">" in arrow, "." in arrow, is_live)
        for (tail, head, arrow, lines), is_live in zip(written.arcs, flows, strict=True)
    )


DRAWN = [
    ("arms", "structure", "h(a) = if a > 1 then a^2 else -a f(x, y) = { if x > y { t = x*y } else"
     " { t = x/y }; h(t... (Computational graph)"),
    ("calls", "reverse", "g(a) = a*a + 1 h(a) = g(a) - sin(a) f(x) = h(x) + h(2*x)"
     " (Reverse mode, y\u0304 = 1)"),
    ("unused", "forward", "f(x, y) = { t = sin(x)*y; x + 1 }"),
    ("alike", "reverse", "x*x + (x - x) (Reverse mode, y\u0304 = 1)"),
    ("words", "structure", "f(end, click, graph, node, style, class) = end*click + graph*node -"
     " style/class (Computational graph)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "way", "title"), DRAWN, ids=[name for name, *_ in DRAWN])
def test_drawings(name: str, way: str, title: str) -> None:
    check_picture(drawn(name, way), title)


def test_drawing_of_conditions() -> None:
    text, at = PROGRAMS["conditions"]
    drawing = draw(load(text, "file.ad"), at, "values")
    check_picture(drawing, "file.ad: f (Computational graph, with values)")


def test_one_arc_each_of_two_operands() -> None:
    picture = Picture(draw(load("x*x"), {"x": 3.0}, "reverse").mermaid())
    ends = Counter((tail, head) for tail, head, *_ in picture.arcs)
    assert ends == {("n1", "n0"): 2, ("n2", "n1"): 1}


# Texts that a program may hold. Conditions in conditions make one frame of many texts.

IN_A_FRAME = 8
# Mermaid leaves these as they are, but not the library that draws it here.
DECODED = re.compile("&(?:nbsp|copy|reg|trade|[mn]dash|hellip);")


def nested(comments: list[str]) -> str:
    """A program with texts in the names of frames, eight in each."""
    lines = []
    for first in range(0, len(comments), IN_A_FRAME):
        some = comments[first : first + IN_A_FRAME]
        opening = " ".join(f"if (p #{one_line(x)}\n > 1) {{" for x in some)
        lines.append(f"{opening} t = t*t {'}' * len(some)}")
    return "f(p) = { t = p\n" + "\n".join(lines) + "\nt }"


def check_frames(comments: list[str]) -> None:
    picture = Picture(draw(load(nested(comments), "file.ad"), {"p": 2.0}, "values").mermaid())
    names = [safe(shortened(f"p #{one_line(x)}\n > 1", 40)) + ": true" for x in comments]
    found = [line for lines in picture.frames.values() for line in lines]
    assert sorted(" › ".join(found).split(" › ")) == sorted(names)
    assert picture.title == "file.ad: f (Computational graph, with values)"
    assert Counter(lines[0] for lines in picture.nodes.values())["v₀ > 1"] == 1


@pytest.mark.parametrize("part", range(3))
def test_hostile_texts(part: int) -> None:
    check_frames([x for x in HOSTILE[part::3] if not DECODED.search(x)])


BEGINNINGS = ["1. < p", "- p < 1", "+ p < 3", "[p, p][1] > 1", "not (p < 1)"]


def test_frames_that_begin_like_lists() -> None:
    """Markdown would see a list in `1. < x`, which Mermaid does not draw."""
    lines = [f"if {x} {{ t = t*t }}" for x in BEGINNINGS]
    text = "f(p) = { t = p*p\n" + "\n".join(lines) + "\nt }"
    picture = Picture(draw(load(text), {"p": 2.0}, "values").mermaid())
    found = [line for lines in picture.frames.values() for line in lines]
    assert sorted(found) == sorted(f"{x}: true" for x in BEGINNINGS)


def title_of(name: str) -> str:
    """The title of a drawing of a file."""
    picture = Picture(structure("f(x) = x", name).mermaid())
    assert list(picture.nodes.values()) == [["v₀ = x"], ["y = v₀"]]
    return picture.title


def check_title(name: str) -> None:
    title = safe(f"{name}: f (Computational graph)")
    assert collapsed(title_of(name)) == collapsed(title)


@pytest.mark.parametrize("part", range(3))
def test_hostile_titles(part: int) -> None:
    check_title(" ".join(x for x in HOSTILE[part::3] if not DECODED.search(x) and "<" not in x))


@pytest.mark.parametrize(
    "name", ["", "---", "a" * 4000, "ﬂ°lt¶ß"], ids=["empty", "rule", "long", "signs"]
)
def test_titles(name: str) -> None:
    check_title(name)


@pytest.mark.parametrize("name", ["a < b", "<b>a</b>", "<script>a</script>", "<b x="])
def test_titles_with_less_than(name: str) -> None:
    """Mermaid takes titles for HTML as soon as there is a < in them."""
    check_title(name)


@pytest.mark.parametrize("text", ["x, x # <b=", "x, x # ---"])
def test_titles_of_several_drawings(text: str) -> None:
    """The title is the text alone."""
    picture = Picture(draw(load(text), {"x": 1.0}, "reverse").mermaid())
    assert picture.title == text
    assert sorted(picture.frames) == ["pass0", "pass1"]


@settings(max_examples=4, deadline=None)
@given(texts(20))
def test_any_title(name: str) -> None:
    check_title(DECODED.sub("", name.replace("<", "")))


NAMES = ["ÿ", "漢字", "ﬂ", "חץ", "نعم", "𝒙", "__x__", "x_y_z"]


def test_identifiers() -> None:
    """Names in letters of any alphabet, and with what Markdown takes for emphasis."""
    text = f"f({', '.join(NAMES)}) = {' + '.join(NAMES)}"
    picture = Picture(structure(text, "file.ad").mermaid())
    names = [lines[0].partition(" = ")[2] for lines in list(picture.nodes.values())]
    assert set(NAMES) <= set(names)


def test_notation_in_ascii() -> None:
    """What the notation has signs for is written out, and not as numbers of characters."""
    text = "g(a) = a*a\nf(x) = { for i in 1..2 { x = g(x) }; sqrt(x) }"
    drawing = Drawing(draw(load(text), {"x": 1.5}, "reverse").drawings, ascii_only=True)
    written = Text(drawing.mermaid())
    found = [*(lines for lines, *_ in written.nodes.values()), *written.frames.values()]
    assert not [line for lines in found for line in lines if "\\" in line]
