"""Pictures: SVG for light and dark pages, PNG and PDF."""

from __future__ import annotations

import importlib.util
import re
import struct
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from drawn_programs import (
    ALL,
    HOSTILE,
    Dot,
    collapsed,
    draw,
    drawn,
    load,
    random_drawings,
    single,
    structure,
    texts,
    with_comment,
)
from hypothesis import given, settings

from adcli.errors import InputError, LimitError
from adcli.render import graphviz
from adcli.render.diagram import Captions
from adcli.render.graph import Drawing
from adcli.render.palette import DARK, LIGHT, Palette
from adcli.render.safe import safe
from adcli.render.svg import finished

SVG = "{http://www.w3.org/2000/svg}"
PAINTED = ("path", "polygon", "ellipse", "polyline", "text")


def svg(drawing: Drawing) -> ET.Element:
    """What is delivered, laid out here and not by a process of its own."""
    return ET.fromstring(finished(Dot(drawing.dot()).svg(), drawing.title()))


def tag(element: ET.Element) -> str:
    return element.tag.removeprefix(SVG)


def classes(element: ET.Element) -> list[str]:
    return (element.get("class") or "").split()


def text_lines(group: ET.Element) -> list[str]:
    return [("".join(x.itertext())).strip("\xa0") for x in group.iter(f"{SVG}text")]


# A style sheet, as far as it is needed: classes and tags, and one inside of another.


class Rule(NamedTuple):
    """One selector of a sheet with what it sets."""

    path: list[tuple[str, set[str]]]
    sets: dict[str, str]

    def weight(self) -> tuple[int, int]:
        """How specific it is: classes count more than tags."""
        return sum(len(x) for _, x in self.path), sum(bool(x) for x, _ in self.path)

    def applies(self, way: list[ET.Element]) -> bool:
        """Whether it is about the last element on a way from the root."""
        *outer, last = self.path
        if not fits(last, way[-1]):
            return False
        rest = iter(way[:-1])
        return all(any(fits(one, element) for element in rest) for one in outer)


def fits(one: tuple[str, set[str]], element: ET.Element) -> bool:
    return one[0] in ("", tag(element)) and one[1] <= set(classes(element))


def rules(text: str) -> list[Rule]:
    found = []
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
        sets = {}
        for setting in filter(str.strip, body.split(";")):
            name, _, value = setting.partition(":")
            sets[name.strip()] = value.strip()
        for selector in selectors.split(","):
            path = []
            for piece in selector.split():
                name, *kinds = piece.split(".")
                path.append((name, set(kinds)))
            found.append(Rule(path, sets))
    return found


class Sheet:
    """The sheet of a picture, for light and for dark pages."""

    def __init__(self, root: ET.Element) -> None:
        (style,) = root.iter(f"{SVG}style")
        text = style.text or ""
        light, mark, rest = text.partition("@media (prefers-color-scheme: dark) {")
        assert mark
        dark, mark, after = rest.rpartition("}")
        assert mark
        assert not after.strip()
        self.light = rules(light)
        self.dark = [*self.light, *rules(dark)]
        self.only_dark = rules(dark)

    def get(self, sheet: list[Rule], way: list[ET.Element], name: str) -> str | None:
        """What a sheet sets for the last element on a way; of several rules the most specific."""
        best: tuple[tuple[int, int], str] | None = None
        for rule in sheet:
            if name in rule.sets and rule.applies(way) and (not best or rule.weight() >= best[0]):
                best = rule.weight(), rule.sets[name]
        return best[1] if best else None


def ways(root: ET.Element) -> Iterator[list[ET.Element]]:
    """The ways to what is painted."""
    pending = [[root]]
    while pending:
        way = pending.pop()
        if tag(way[-1]) in PAINTED:
            yield way
        pending += [[*way, child] for child in way[-1]]


def kind_of(way: list[ET.Element]) -> tuple[str, str]:
    """Of what an element is a part: ("node", "input"), ("edge", "still"), ("page", "")."""
    for element in reversed(way):
        found = classes(element)
        if found and found[0] in ("node", "edge"):
            return found[0], found[1] if len(found) > 1 else ""
        if found and found[0] == "cluster":
            return "cluster", found[1]
    return "page", ""


def meant(palette: Palette, way: list[ET.Element], name: str, mode: str) -> str:
    """The colour that something is to have."""
    element, (what, kind) = way[-1], kind_of(way)
    if tag(element) == "text":
        if what == "cluster":
            return palette.faint if kind == "group" else palette.text
        if what == "edge":
            return palette.passes[mode] if kind == mode and mode else palette.faint
        if what == "node" and mode and is_derivative("".join(element.itertext())):
            return palette.passes[mode]
        is_faint = what == "node" and kind in ("constant", "outside")
        return palette.faint if is_faint else palette.text
    if what == "node":
        return palette.kinds[kind][0 if name == "fill" else 1]
    if what == "edge":
        return palette.arcs[kind] if kind else palette.line
    if what == "cluster":
        return palette.frame if name == "stroke" else palette.background
    return palette.background


def is_derivative(text: str) -> bool:
    """Whether a line on a vertex is its tangent or adjoint."""
    left = text.partition(" = ")[0]
    return "\u0304" in left or "\u0307" in left or left.startswith(("d", "∂"))


def contrast(one: str, other: str) -> float:
    """By WCAG 2.2, from 1 to 21."""

    def luminance(color: str) -> float:
        assert re.fullmatch("#[0-9a-f]{6}", color), color
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast() -> None:
    """The measure itself, on pairs that are known."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)
    assert contrast("#123456", "#123456") == 1


# All that is to hold of a picture.


def check(drawing: Drawing) -> None:
    root = svg(drawing)
    check_document(root, drawing)
    check_texts(root, drawing)
    check_colors(root, drawing)
    for group in root.iter(f"{SVG}g"):
        if "node" in classes(group):
            check_middle(group)


def check_document(root: ET.Element, drawing: Drawing) -> None:
    """A title first, for who cannot see it; nothing that acts or comes from elsewhere."""
    title = drawing.title()
    assert (tag(root[0]), root[0].text) == ("title", title)
    assert root.get("role") == "img"
    assert root.get("aria-label") == title
    names = {tag(element) for element in root.iter()}
    assert names <= {"svg", "g", "title", "style", *PAINTED}
    for element in root.iter():
        for name, value in element.attrib.items():
            assert re.fullmatch(
                "width|height|viewBox|role|aria-label|class|transform|fill|stroke|points|d|x|y|"
                "stroke-width|stroke-dasharray|text-anchor|font-size|font-weight",
                name,
            ), name
            assert "url(" not in value
            assert "http" not in value or name == "aria-label"
    (style,) = root.iter(f"{SVG}style")
    assert "font-family" in (style.text or "")
    assert not re.search(r"url|import|@font|http|expression|[\\<]", style.text or "")
    assert {x for group in root.iter() for x in classes(group)} <= KNOWN


# The groups of Graphviz that need no colour of their own, and the classes there are.
STRUCTURE = {"graph", "cluster", "pass"}
KINDS = {"input", "constant", "operation", "choice", "condition", "result", "outside"}
ARCS = {"forward", "reverse", "still", "decides"}
KNOWN = {*STRUCTURE, *KINDS, *ARCS, "node", "edge", "group", "background"}
KNOWN |= {"tangent", "adjoint", "faint"}


def check_texts(root: ET.Element, drawing: Drawing) -> None:
    """What stands on vertices, arcs and frames is text, and all else is in titles of groups."""
    found: Counter[tuple[str, ...]] = Counter()
    arcs: Counter[tuple[str, ...]] = Counter()
    for group in root.iter(f"{SVG}g"):
        what = classes(group)[:1]
        titles = [x.text or "" for x in group.findall(f"{SVG}title")]
        if what == ["node"]:
            found[(classes(group)[1], *titles, *text_lines(group))] += 1
            assert len(titles) == 1
        elif what == ["edge"]:
            lines = text_lines(group)
            assert titles == (["\n".join(lines)] if lines else [])
            arcs[tuple(lines)] += 1
        elif what == ["cluster"]:
            assert len(titles) == (classes(group)[1] == "group")
        elif what == ["graph"]:
            assert not titles
    expected: Counter[tuple[str, ...]] = Counter()
    arcs_expected: Counter[tuple[str, ...]] = Counter()
    shown = text_lines(root)
    for one in drawing.drawings:
        captions = Captions(one, drawing.digits, ascii_only=drawing.ascii_only)
        for vertex in one.vertices:
            caption = captions.vertex(vertex)
            key = (vertex.kind, "\n".join(caption.tooltip), *caption.lines())
            expected[key] += 1
            assert set(caption.lines()) <= set(shown)
        for arc in one.arcs:
            arcs_expected[tuple(captions.arc(arc))] += 1
        assert captions.subtitle() in shown
    # References to far operands come on top.
    missing, more = expected - found, found - expected
    assert not missing
    assert {key[0] for key in more} <= {"outside"}
    assert arcs == arcs_expected


def check_colors(root: ET.Element, drawing: Drawing) -> None:
    """Attributes and the sheet agree on light pages; on dark ones nothing is left out."""
    sheet, mode = Sheet(root), drawing.drawings[0].mode
    covered = {x for rule in sheet.only_dark for _, kinds in rule.path for x in kinds}
    assert {x for element in root.iter() for x in classes(element)} <= covered | STRUCTURE
    for way in ways(root):
        element = way[-1]
        assert tag(element) in ("path", "polygon", "text")
        for name in ("fill", "stroke"):
            own = element.get(name) or "none"
            light = sheet.get(sheet.light, way, name)
            dark = sheet.get(sheet.dark, way, name)
            if own in ("none", "transparent"):
                assert light in (None, "none")
                assert dark in (None, "none")
            elif kind_of(way)[0] == "cluster" and name == "fill" and tag(element) != "text":
                assert own == LIGHT.background
                grounds = (LIGHT.background, DARK.background)
                assert (light, dark) in (("none", "none"), grounds)
            else:
                assert own == light == meant(LIGHT, way, name, mode)
                assert dark == meant(DARK, way, name, mode)
        if tag(element) == "text":
            family = sheet.get(sheet.light, way, "font-family")
            assert family is not None
            assert family.endswith("sans-serif")


def check_middle(group: ET.Element) -> None:
    """The texts of a vertex are in the middle of its shape, whatever font is used."""
    shapes = [x for x in group.iter() if tag(x) in ("path", "polygon", "ellipse")]
    if not shapes:  # a constant has none
        assert classes(group)[1] == "constant"
        return
    (shape,) = shapes
    numbers = re.findall(r"-?[\d.]+", shape.get("d") or shape.get("points") or "")
    across = [float(x) for x in numbers[::2]]
    down = [float(y) for y in numbers[1::2]]
    found = list(group.iter(f"{SVG}text"))
    assert found
    for text in found:
        assert text.get("text-anchor") == "middle"
        middle = (min(across) + max(across)) / 2
        assert float(text.get("x") or "nan") == pytest.approx(middle, abs=0.01)
        assert min(down) < float(text.get("y") or "nan") < max(down)


def first(drawing: Drawing) -> Drawing:
    """One of its passes."""
    return Drawing(drawing.drawings[:1])


@pytest.mark.parametrize(("name", "way"), ALL)
def test_drawings(name: str, way: str) -> None:
    check(first(drawn(name, way)))


@pytest.mark.parametrize(
    ("name", "way"), [("unused", "forward"), ("arms", "forward"), ("results", "reverse")]
)
def test_several_drawings(name: str, way: str) -> None:
    """Passes side by side."""
    check(drawn(name, way))


@settings(max_examples=25, deadline=None)
@given(random_drawings())
def test_any_program(drawing: Drawing) -> None:
    check(first(drawing))


@pytest.mark.parametrize("way", ["forward", "reverse"])
def test_parts(way: str) -> None:
    """With operands from outside of what is drawn."""
    program = load("f(x, y) = { t = sin(x)*cos(y); t*y + sin(y), x }")
    drawing = first(draw(program, {"x": 1.0, "y": 2.0}, way, wrt="x"))
    assert any(vertex.kind == "outside" for vertex in single(drawing).vertices)
    check(drawing)


def test_references() -> None:
    program = load("f(x, p) = { for i in 1..40 { x = sin(x)*p }; x }")
    drawing = draw(program, {"x": 1.0, "p": 2.0}, "reverse")
    check(drawing)
    groups = [group for group in svg(drawing).iter(f"{SVG}g") if "outside" in classes(group)]
    assert len(groups) > 30
    assert {text_lines(group)[0] for group in groups} == {"v₀"}


@settings(max_examples=40, deadline=None)
@given(texts(), texts())
def test_any_texts(comment: str, name: str) -> None:
    """Well-formed, and nothing but the title and the texts of the page tells of a name."""
    comment, name = comment.replace("\\", "")[:200], name.replace("\\", "")
    drawing = structure(with_comment(comment), name)
    root = svg(drawing)
    check_document(root, drawing)
    check_colors(root, drawing)
    title = safe(f"{name}: f")
    assert root[0].text == f"{title}: Computational graph"
    (page,) = (x for x in root.iter(f"{SVG}g") if "graph" in classes(x))
    assert collapsed(page.findtext(f"{SVG}text") or "") == collapsed(title)


@pytest.mark.parametrize("text", [x for x in HOSTILE if "\\" not in x])
def test_hostile_texts(text: str) -> None:
    drawing = structure(with_comment(text), text)
    root = svg(drawing)
    check_document(root, drawing)
    check_texts(root, drawing)


def test_title_of_several_drawings() -> None:
    root = svg(drawn("unused", "forward"))
    assert root[0].text == (
        "f(x, y) = { t = sin(x)*y; x + 1 }: Forward mode, x\u0307 = 1, y\u0307 = 0; "
        "Forward mode, x\u0307 = 0, y\u0307 = 1"
    )


def test_notebooks() -> None:
    """They show what a file gets."""
    drawing = drawn("expression", "reverse")
    shown = drawing._repr_svg_()
    assert shown == drawing.svg() == drawing.picture("svg").decode()
    assert shown.encode() == finished(Dot(drawing.dot()).svg(), drawing.title())
    assert shown.startswith("<?xml")
    assert shown.endswith("</svg>\n")


# The colours.

PALETTES = [("light", LIGHT), ("dark", DARK)]
# Invisible: what stands beside an operation has no frame.
FRAMED = [kind for kind in LIGHT.kinds if kind != "constant"]


@pytest.mark.parametrize(("name", "palette"), PALETTES)
def test_palettes(name: str, palette: Palette) -> None:
    """Texts have a contrast of 4.5 on all they may stand on, lines one of 1.8."""
    assert set(palette.kinds) == KINDS
    assert set(palette.arcs) == ARCS
    grounds = [palette.background, *(fill for fill, _ in palette.kinds.values())]
    for text in (palette.text, palette.faint, *palette.passes.values()):
        for ground in grounds:
            assert contrast(text, ground) >= 4.5
    lines = [palette.line, palette.frame, *(palette.kinds[kind][1] for kind in FRAMED)]
    lines += [color for kind, color in palette.arcs.items() if kind != "still"]
    for line in lines:
        assert contrast(line, palette.background) >= 1.8
    for kind in FRAMED:
        fill, line = palette.kinds[kind]
        assert contrast(line, fill) >= 1.8
    # What is still is there, and less than what is not.
    still = contrast(palette.arcs["still"], palette.background)
    live = [contrast(color, palette.background) for color in palette.passes.values()]
    assert 1.3 < still < min(live)
    assert palette.kinds["constant"] == (palette.background, palette.background)


def test_light_and_dark() -> None:
    assert contrast(LIGHT.background, "#ffffff") < 1.1
    assert contrast(DARK.background, "#000000") < 1.3


# PNG and PDF.


def dimensions(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert png[12:16] == b"IHDR"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def plain_size(drawing: Drawing) -> tuple[float, float]:
    """In inches, as Graphviz lays it out."""
    _, _, width, height = Dot(drawing.dot()).plain().splitlines()[0].split()
    return float(width), float(height)


def test_png() -> None:
    """144 dots an inch."""
    drawing = drawn("expression", "structure")
    png = drawing.picture("png")
    assert png.endswith(b"IEND\xaeB`\x82")
    # Beside the layout there is a margin of a quarter of an inch.
    for dots, inches in zip(dimensions(png), plain_size(drawing), strict=True):
        assert dots == pytest.approx(144 * (inches + 0.5), abs=2)


def test_pdf() -> None:
    pdf = drawn("expression", "structure").picture("pdf")
    assert pdf.startswith(b"%PDF-1.")
    assert pdf.rstrip().endswith(b"%%EOF")


def test_png_of_many_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets coarser, and keeps within its dots."""
    monkeypatch.setattr(graphviz, "_MOST_DOTS", 40_000)
    drawing = drawn("expression", "structure")
    width, height = dimensions(drawing.picture("png"))
    assert 20_000 < width * height < 60_000


class Child:
    """Stands in for the process that draws; its answers are in order.

    Attributes:
        calls: how it was called: the form, and the settings by name.
    """

    def __init__(self, *answers: bytes | subprocess.CompletedProcess[bytes]) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, str]]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        form, settings_ = command[-2:]
        parts = (setting.partition("=") for setting in settings_.split())
        self.calls.append((form, {name: value for name, _, value in parts}))
        answer = self.answers.pop(0)
        if isinstance(answer, bytes):
            return subprocess.CompletedProcess(command, 0, answer, b"")
        return answer


@pytest.mark.parametrize(
    ("width", "height", "dpi"),
    [
        (3.0, 4.0, 144),
        (0.0, 0.0, 144),
        (40.0, 40.0, 144),
        (43.9, 43.9, 144),
        (44.5, 44.5, 142),
        (100.0, 100.0, 63),
        (200.0, 200.0, 31),
        (210.0, 210.0, 30),
        (300.0, 2.0, 100),
        (2.0, 300.0, 100),
        (999.0, 0.5, 30),
        (1.0, 999.0, 30),
    ],
)
def test_resolution(monkeypatch: pytest.MonkeyPatch, width: float, height: float, dpi: int) -> None:
    """It falls for large drawings: up to 40 million dots, and 30,000 on a side."""
    child = Child(f"graph 1 {width} {height}\nstop\n".encode(), b"a picture")
    monkeypatch.setattr(subprocess, "run", child)
    assert graphviz.picture("digraph {}", "png", "a title") == b"a picture"
    assert [form for form, _ in child.calls] == ["plain", "png"]
    assert float(child.calls[1][1]["dpi"]) == dpi


@pytest.mark.parametrize(("width", "height"), [(220.0, 220.0), (1100.0, 1.0), (1.0, 1100.0)])
def test_too_large_for_png(monkeypatch: pytest.MonkeyPatch, width: float, height: float) -> None:
    """Nothing could be read in it; SVG has no such limit."""
    child = Child(f"graph 1 {width} {height}\nstop\n".encode())
    monkeypatch.setattr(subprocess, "run", child)
    with pytest.raises(LimitError) as caught:
        graphviz.picture("digraph {}", "png", "a title")
    assert f"{width:.0f} by {height:.0f} inches" in caught.value.message
    assert "PNG" in caught.value.message
    assert any("SVG" in line and ".svg" in line for line in caught.value.details)
    assert caught.value.exit_code == 6


def test_pdf_fits_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of PDF show no more than 200 inches."""
    child = Child(b"%PDF")
    monkeypatch.setattr(subprocess, "run", child)
    graphviz.picture("digraph {}", "pdf", "a title")
    ((form, options),) = child.calls
    assert form == "pdf"
    assert all(100 <= float(x) <= 200 for x in options["size"].split(","))


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_without_pygraphviz(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """It is said how to install it."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "pygraphviz" else found(name, *rest),
    )
    with pytest.raises(InputError) as caught:
        drawn("expression", "structure").picture(form)
    assert "pygraphviz" in caught.value.message
    assert "pip install 'adcli[draw]'" in caught.value.hint
    assert caught.value.exit_code == 2
    # Texts need nothing.
    assert drawn("expression", "structure").dot().startswith("digraph {")
    assert "flowchart" in drawn("expression", "structure").mermaid()


@pytest.mark.parametrize(
    ("code", "output", "errors", "line"),
    [
        (1, b"", b"Warning: a\nError: b is too large \n\n", "it said: Error: b is too large"),
        (-9, b"", b"", None),
        (0, b"", b"Error: nothing", "it said: Error: nothing"),
        (1, b"<svg/>", b"Error: half", "it said: Error: half"),
        (1, b"", b"\xff\xfe bytes", "it said: \ufffd\ufffd bytes"),
    ],
)
@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_failing_child(
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    output: bytes,
    errors: bytes,
    line: str | None,
    form: str,
) -> None:
    """What Graphviz said last is passed on."""
    child = Child(subprocess.CompletedProcess([], code, output, errors))
    monkeypatch.setattr(subprocess, "run", child)
    with pytest.raises(LimitError) as caught:
        graphviz.picture("digraph {}", form, "a title")
    assert "Graphviz" in caught.value.message
    said = [x for x in caught.value.details if x.startswith("it said")]
    assert said == ([line] if line else [])
    assert any("--format tree" in x for x in caught.value.details)


def test_what_is_not_dot() -> None:
    """The process itself fails."""
    with pytest.raises(LimitError):
        graphviz.picture("digraph {", "svg", "a title")


def test_a_vertex_has_one_title() -> None:
    """The whole tooltip, a line each."""
    drawing = drawn("expression", "reverse")
    captions = Captions(single(drawing), None, ascii_only=False)
    nodes = [x for x in svg(drawing).iter(f"{SVG}g") if "node" in classes(x)]
    (group,) = (x for x in nodes if "v₃ = v₁ + v₂" in text_lines(x))
    assert group.findtext(f"{SVG}title") == "\n".join(
        [
            "v₃ = v₁ + v₂ = 9 + 16 = 25",
            "v\u0304₃ = v\u0304₄ ∂v₄/∂v₃ = v\u0304₄ × 0.5 × v₃^(-0.5) = 0.1",
            "line 1: x1^2 + x2^2",
        ]
    )
    assert text_lines(group) == captions.vertex(single(drawing).vertices[6]).lines()
