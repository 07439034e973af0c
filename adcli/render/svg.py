"""What Graphviz draws as SVG, made fit for a page: a title, light and dark, fonts of the system.

Colours stay on the elements for readers that know no style sheets; for others classes tell
what an element is, and the sheet has the colours of a dark page too.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from adcli.render.palette import DARK, LIGHT, Palette

_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


def finished(drawn: bytes, title: str) -> bytes:
    """The picture as it is delivered.

    Args:
        drawn: what Graphviz made.
        title: what is drawn.
    """
    ET.register_namespace("", _SVG)
    root = ET.fromstring(drawn)
    root.set("role", "img")
    root.set("aria-label", title)
    for group in root.iter(_tag("g")):
        kinds = (group.get("class") or "").split()
        if "graph" in kinds:
            _background(group)
            _untitle(group)
        elif kinds:
            _unlink(group)
            if "node" in kinds:
                _center(group)
        group.attrib.pop("id", None)
    for text in root.iter(_tag("text")):
        _plain(text)
    style = ET.Element(_tag("style"))
    style.text = _style()
    heading = ET.Element(_tag("title"))
    heading.text = title
    root.insert(0, style)
    root.insert(0, heading)
    ET.indent(root, "")
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    # Spaces that do not break as entities: what was to be ASCII stays so.
    return body.replace("\u00a0".encode(), b"&#160;") + b"\n"


def _tag(name: str) -> str:
    return f"{{{_SVG}}}{name}"


def _background(group: ET.Element) -> None:
    """The first polygon is the page."""
    page = group.find(_tag("polygon"))
    if page is not None:
        page.set("class", "background")


def _untitle(group: ET.Element) -> None:
    """Remove the title that Graphviz gives to the whole: its name in DOT."""
    for child in group.findall(_tag("title")):
        group.remove(child)


def _unlink(group: ET.Element) -> None:
    """A tooltip as the title of its group, instead of a link to nowhere."""
    tooltip = ""
    for inner in [group, *group.findall(_tag("g"))]:
        for link in inner.findall(_tag("a")):
            tooltip = tooltip or link.get(f"{{{_LINK}}}title") or ""
            place = list(inner).index(link)
            inner.remove(link)
            for offset, child in enumerate(link):
                inner.insert(place + offset, child)
    for child in group.findall(_tag("title")):
        if tooltip:
            child.text = tooltip
        else:
            group.remove(child)


def _center(group: ET.Element) -> None:
    """Put the texts of a vertex in its middle, whatever font will be used."""
    shape = next(
        (x for x in group.iter() if x.tag in (_tag("path"), _tag("polygon"), _tag("ellipse"))),
        None,
    )
    if shape is None:
        return
    points = _NUMBERS.findall(shape.get("d") or shape.get("points") or "")
    across = [float(x) for x in points[::2]]
    middle = float(shape.get("cx") or 0) if not across else (min(across) + max(across)) / 2
    for text in group.iter(_tag("text")):
        text.set("x", f"{middle:.2f}")
        text.set("text-anchor", "middle")


_DERIVATIVES = {LIGHT.passes["forward"]: "tangent", LIGHT.passes["reverse"]: "adjoint"}


def _plain(text: ET.Element) -> None:
    """Leave fonts to the sheet, and say what a coloured text is."""
    text.attrib.pop("font-family", None)
    text.attrib.pop("{http://www.w3.org/XML/1998/namespace}space", None)
    fill = text.get("fill")
    if fill in _DERIVATIVES:
        text.set("class", _DERIVATIVES[fill])
    elif fill == LIGHT.faint:
        text.set("class", "faint")


def _style() -> str:
    lines = [
        f"text {{ font-family: {_FONTS}; }}",
        ".node, .edge { cursor: default; }",
        *_colors(LIGHT),
        "@media (prefers-color-scheme: dark) {",
        *_colors(DARK),
        "}",
    ]
    return "\n" + "\n".join(lines) + "\n"


def _colors(palette: Palette) -> list[str]:
    """The sheet for one set of colours."""
    lines = [
        f".background {{ fill: {palette.background}; }}",
        f"text {{ fill: {palette.text}; }}",
        f"text.faint, .group text {{ fill: {palette.faint}; }}",
        f"text.tangent {{ fill: {palette.passes['forward']}; }}",
        f"text.adjoint {{ fill: {palette.passes['reverse']}; }}",
        f".group path, .group polygon {{ stroke: {palette.frame}; fill: none; }}",
        ".pass polygon { fill: none; }",
        f".edge path {{ stroke: {palette.line}; }}",
        f".edge polygon {{ stroke: {palette.line}; fill: {palette.line}; }}",
    ]
    for kind, (fill, line) in palette.kinds.items():
        shapes = ", ".join(f".node.{kind} {shape}" for shape in ("path", "polygon"))
        lines.append(f"{shapes} {{ fill: {fill}; stroke: {line}; }}")
    for kind, color in palette.arcs.items():
        lines.append(f".edge.{kind} path {{ stroke: {color}; }}")
        lines.append(f".edge.{kind} polygon {{ stroke: {color}; fill: {color}; }}")
    return lines
