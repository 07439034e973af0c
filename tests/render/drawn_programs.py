"""Programs to be drawn in every way, and texts that would be more than text if they could."""

from __future__ import annotations

import functools
import html
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pygraphviz
from hypothesis import strategies as st

import adcli
from adcli.differentiate.diagram import Diagram
from adcli.errors import Source
from adcli.graph.history import Place
from adcli.render.graph import Drawing

# Texts that are something else in DOT, HTML, XML, Markdown, YAML or Mermaid, and on terminals.
HOSTILE = [
    *('"', '""', "'", '\\"', "<b>", "<b>bold</b>", "<", ">", "</TABLE>", "<BR/>", "<!--", "-->"),
    *("<script>alert(1)</script>", "<![CDATA[", "]]>", "<?xml?>", "<b", "<a href='x'>", "<svg>"),
    *("&", "&lt;", "&amp;", "&amp;amp;", "&#60;", "&#x3c;", "&nbsp;", "&bad", "#quot;", "#60;"),
    *("#lt;", "\\", "\\\\", "\\N", "\\G", "\\E", "\\L", "\\n", "\\l", "\\r", "\\x41", "a\\"),
    *("%%", "%%{init: {}}%%", "$$x$$", "$x$", "`a`", "`", "**a**", "*a*", "__a__", "~~a~~"),
    *("1. list", "1) list", "- list", "+ list", "* list", "# heading", "> quote", "---", "==="),
    *("end", "click", "click n0 href", "subgraph", "graph", "digraph", "node", "edge", "strict"),
    *("style n0", "classDef", "linkStyle 0", "default", "flowchart TB", "accTitle: a", "title: a"),
    *("(", ")", "()", "[", "]", "[[a]]", "([", "])", "{", "}", "{{a}}", "((", "))", "[/a/]", "@{"),
    *("-->", "---", "==>", "-.->", "--x", "n0 --> n1", ";", "|", "||", ":::a", "::", ":", "@", "!"),
    *("\x00", "\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b[31m", "\x1b]8;;http://x\x07", "\x7f"),
    *("\x85", "\x9b31m", "\u202e", "\u2066", "\u2069", "\u061c", "\u200b", "\u200d", "\u2060"),
    *("\ufeff", "\u00ad", "\u2028", "\u2029", "\ue000", "\ufffe", "\ufffd", "\U000e0041"),
    *("\ud800", "\udc80", "\udfff", "\U0001f600", "e\u0301", "\u05d0", "\u6f22", "\t", "\xa0"),
]

# Categories of what acts instead of being seen: controls, formats, surrogates, line ends.
_ACTIVE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def is_inert(text: str) -> bool:
    """Whether there is nothing in a text that acts, but the ends of lines."""
    return not any(unicodedata.category(c) in _ACTIVE for c in text.replace("\n", ""))


def texts(most: int = 6) -> st.SearchStrategy[str]:
    """Any texts, and often those above."""
    surrogates = st.integers(0xD800, 0xDFFF).map(chr)
    signs = st.sampled_from("\"'\\<>&;#%`*_$[](){}|:-=~@!/. \tabNn1")
    piece = st.sampled_from(HOSTILE) | signs | st.characters() | surrogates
    return st.lists(piece, max_size=most).map("".join)


def with_comment(comment: str) -> str:
    """A program with a text inside of a condition, which may be a comment only."""
    return f"f(x) = if (x #{one_line(comment)}\n > 1) then x^2 else 3*x"


def one_line(text: str) -> str:
    return text.replace("\n", " ")


def shortened(text: str, longest: int) -> str:
    """A text of a program as drawings have it: on one line, and not too long."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


def load(text: str, name: str = "expression") -> adcli.Program:
    return adcli.Program(Source(text, name))


# Each with and without values.
PROGRAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "expression": ("(x1^2 + x2^2)^(1/2)", {"x1": 3.0, "x2": 4.0}),
    "input": ("x", {"x": 3.0}),
    "constant": ("f(x) = 3", {"x": 3.0}),
    "constants": ("2*x - x/3 + 2^x + x^2 - 7", {"x": 2.0}),
    "alike": ("x*x + (x - x)", {"x": 2.0}),
    "results": ("f(x, y) = x*y, x, 3, x*y, -y", {"x": 2.0, "y": 3.0}),
    "unused": ("f(x, y) = { t = sin(x)*y; x + 1 }", {"x": 2.0, "y": 3.0}),
    "vector": ("f(v[2], A[2,2]) = [v[1]*v[2], A[1,2]*v[2]]",
               {"v": [1.0, 2.0], "A": [[1.0, 2.0], [3.0, 4.0]]}),
    "loop": ("f(x) = { s = 0; for i in 1..3 { s = s + sin(x)*i }; s }", {"x": 1.0}),
    "turns": ("f(x) = { for i in 1..2 { for j in 1..2 { x = x*(i + j) + 1 } }; x }", {"x": 1.0}),
    "calls": ("g(a) = a*a + 1\nh(a) = g(a) - sin(a)\nf(x) = h(x) + h(2*x)", {"x": 1.5}),
    "arms": ("h(a) = if a > 1 then a^2 else -a\n"
             "f(x, y) = { if x > y { t = x*y } else { t = x/y }; h(t) + y }", {"x": 2.0, "y": 3.0}),
    "conditions": ("f(x, y) = if x > 1 and not (y < 2 or x*y >= 3) then 2*x else x + y",
                   {"x": 2.0, "y": 3.0}),
    "choices": ("f(x, y) = { if x > y { a = x*y; b = -x } else { a = x; b = x/y }; a, b }",
                {"x": 2.0, "y": 3.0}),
    "prelude": ("f(x, y) = softplus(x) + abs(y) + max(x, y)", {"x": 2.0, "y": 3.0}),
    "words": ("f(end, click, graph, node, style, class) = end*click + graph*node - style/class",
              dict.fromkeys(("end", "click", "graph", "node", "style", "class"), 2.0)),
    "alphabets": ("größe = α*µ + 漢字\nحجم = größe^2 + v₁\nحجم*_x",
                  dict.fromkeys(("α", "µ", "漢字", "v₁", "_x"), 2.0)),
    "not finite": ("f(x, y) = 1/x + ln(y), sqrt(x)", {"x": 0.0, "y": -1.0}),
}  # fmt: skip

WAYS = ["structure", "values", "forward", "reverse"]
ALL = [(name, way) for name in PROGRAMS for way in WAYS]


@functools.cache
def drawn(name: str, way: str) -> Drawing:
    """A program of the table, drawn without values, with them, or with its passes."""
    text, at = PROGRAMS[name]
    return draw(load(text), at, way)


def structure(text: str, name: str = "expression") -> Drawing:
    """A program drawn without values, however large it is."""
    return load(text, name).graph(values=False, max_nodes=None)


def draw(program: adcli.Program, at: dict[str, Any], way: str, **options: Any) -> Drawing:
    options.setdefault("max_nodes", None)
    if way == "structure":
        shapes = {key: x for key, x in at.items() if not isinstance(x, float)}
        return program.graph(shapes, values=False, **options)
    return program.graph(at, mode="" if way == "values" else way, **options)


@st.composite
def programs(pick: st.DrawFn, *, needs_all: bool = False) -> str:
    """Programs of x and y with calls, loops, arms and conditions.

    Args:
        pick: hypothesis' own.
        needs_all: whether all that is computed leads to a result.
    """
    names = ["x", "y"]

    def atom() -> str:
        return pick(st.sampled_from([*names, "2", "0.5"]))

    def expression() -> str:
        forms = ["{}+{}", "{}*{}", "{}-{}", "sin({})", "{}^2", "h({})", "g({}, {})", "h(h({}))"]
        forms += ["if {} > {} then {} else 2*{}", "if {} < 1 or {} >= 2 then {} else x"]
        form = pick(st.sampled_from(forms))
        return form.format(*(atom() for _ in range(form.count("{}"))))

    lines = []
    for number in range(pick(st.integers(1, 6))):
        name = f"t{number}"
        kind = pick(st.sampled_from(["assign", "assign", "loop", "branch"]))
        if kind == "assign":
            lines.append(f"{name} = {expression()}")
        elif kind == "loop":
            turns = pick(st.integers(1, 3))
            step = pick(
                st.sampled_from([f"{name}*{atom()}", f"{name} + i*{atom()}", f"h(i*{name})"])
            )
            lines.append(f"{name} = {atom()}; for i in 1..{turns} {{ {name} = {step} }}")
        else:
            arms = f"{{ {name} = {expression()} }} else {{ {name} = {expression()} }}"
            lines.append(f"if {atom()} > {atom()} {arms}")
        names.append(name)
    results = pick(st.lists(st.sampled_from([*names, "x*y"]), min_size=1, max_size=3))
    if needs_all:
        results += names[2:]
    body = "; ".join([*lines, ", ".join(results)])
    return f"h(a) = if a > 1 then a^2 else -a\ng(a, b) = h(a)*b\nf(x, y) = {{ {body} }}"


POINT = {"x": 1.25, "y": -0.75}


@st.composite
def random_drawings(pick: st.DrawFn) -> Drawing:
    """Drawings of such programs in all ways."""
    way = pick(st.sampled_from(WAYS))
    return draw(load(pick(programs(needs_all=way == "structure"))), POINT, way)


# DOT, read by Graphviz.


class Cluster:
    """A frame: its name and tooltip, the nodes in it and in none of its frames, its frames."""

    def __init__(self, graph: pygraphviz.AGraph) -> None:
        attributes = dict(graph.graph_attr)
        self.label = label_lines(attributes["label"])
        self.tooltip = tooltip_text(attributes.get("tooltip") or "")
        self.kind = attributes.get("class") or ""
        inner = [x for x in graph.subgraphs() if (x.name or "").startswith("cluster")]
        self.clusters = [Cluster(x) for x in inner]
        deeper = {node for one in self.clusters for node in one.all_nodes()}
        self.nodes = [str(node) for node in graph.nodes() if str(node) not in deeper]

    def all_nodes(self) -> Iterator[str]:
        yield from self.nodes
        for one in self.clusters:
            yield from one.all_nodes()

    def groups(self) -> Iterator[Cluster]:
        """The frames inside, at any depth."""
        for one in self.clusters:
            yield one
            yield from one.groups()


class Dot:
    """A graph as Graphviz reads it."""

    def __init__(self, text: str) -> None:
        self.graph = pygraphviz.AGraph(string=text)
        self.top = Cluster(self.graph)
        self.nodes = {str(node): attributes(node) for node in self.graph.nodes()}
        self.edges = [(str(edge[0]), str(edge[1]), attributes(edge)) for edge in self.graph.edges()]

    def lines(self, node: str) -> list[str]:
        """The label of a node."""
        return label_lines(self.nodes[node]["label"])

    def tooltip(self, node: str) -> str:
        return tooltip_text(self.nodes[node]["tooltip"])

    def passes(self) -> list[Cluster]:
        """The drawings side by side."""
        several = [one for one in self.top.clusters if one.kind == "pass"]
        return several or [self.top]

    def svg(self) -> bytes:
        drawn_: bytes = self.graph.draw(format="svg", prog="dot")
        return drawn_

    def plain(self) -> str:
        laid_out: bytes = self.graph.draw(format="plain", prog="dot")
        return laid_out.decode()


def attributes(element: pygraphviz.Node | pygraphviz.Edge) -> Mapping[str, str]:
    """What is said of a node or an arc; "" is what is not."""
    return defaultdict(str, element.attr.to_dict())


def label_lines(label: str) -> list[str]:
    """The lines of an HTML-like label, without the space that keeps them off a line.

    How many backslashes one takes is not looked at: what is laid out tells whether it is right.
    """
    root = ET.fromstring(f"<r>{label}</r>")
    found = [""]

    def read(element: ET.Element) -> None:
        found[-1] += element.text or ""
        for child in element:
            if child.tag == "BR":
                found.append("")
            else:
                assert child.tag in ("B", "FONT"), child.tag
            read(child)
            found[-1] += child.tail or ""

    read(root)
    has_space = [line[:1] == line[-1:] == "\xa0" for line in found]
    lines = [line[1:-1] if has else line for line, has in zip(found, has_space, strict=True)]
    return list(map(single_backslashes, lines))


def tooltip_text(text: str) -> str:
    """A string of DOT, in which \\n ends a line and entities are read; see `label_lines`."""

    def read(found: re.Match[str]) -> str:
        is_end = bool(found[2]) and len(found[1]) % 2 == 1
        assert is_end or len(found[1]) > 1, text
        slash = "\\" if len(found[1]) > 1 else ""
        return slash + ("\n" if is_end else found[2])

    return html.unescape(re.sub(r"(\\+)(n?)", read, text))


def single_backslashes(text: str) -> str:
    """A text in which no backslash follows another."""
    return re.sub(r"\\+", lambda _: "\\", text)


def path_of(place: Place | None) -> list[Place]:
    """The places around something, the outermost first."""
    found = []
    while place is not None:
        found.append(place)
        place = place.parent
    return found[::-1]


def single(drawing: Drawing) -> Diagram:
    """The only one of its drawings."""
    (one,) = drawing.drawings
    return one


def collapsed(text: str) -> str:
    """A text as HTML has it: of several spaces one."""
    text = text.replace("\xa0", " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text
