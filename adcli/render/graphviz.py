"""DOT laid out and drawn by Graphviz, through pygraphviz. Needs the extra `draw`.

The layout runs in a process of its own: the C library cannot be interrupted, prints what it
likes on standard error, and a graph that is too large for it would take adcli down with it.
"""

from __future__ import annotations

import importlib.util
import math
import subprocess

from adcli.errors import InputError, LimitError
from adcli.evaluate.processes import own_python
from adcli.render.safe import safe
from adcli.render.svg import finished

PICTURES = ("svg", "png", "pdf")
# Dots an inch of a PNG; the layout is in points, 72 an inch.
_DPI = 144.0
# The dots a PNG may have, and its sides; beyond, it gets coarser.
_MOST_DOTS = 40e6
_LONGEST_SIDE = 30_000.0
# Coarser than this nothing can be read.
_LEAST_DPI = 30.0
# Inches that readers of PDF can show.
_LARGEST_PAGE = 190

# What the child says with its exit code.
_BROKEN = 3
_CHILD = f"""
import signal, sys
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python would see it when all is drawn
try:
    import ctypes  # the kernel ends this process with its parent, where it can
    ctypes.CDLL(None).prctl(1, 9)
except (AttributeError, OSError, TypeError):
    pass
try:
    import pygraphviz
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit({_BROKEN})
form, prefix = sys.argv[1:]
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
for setting in prefix.split():
    name, _, value = setting.partition("=")
    graph.graph_attr[name] = value
sys.stdout.buffer.write(graph.draw(format=form, prog="dot"))
"""


def is_installed() -> bool:
    """Whether there is pygraphviz."""
    return importlib.util.find_spec("pygraphviz") is not None


def picture(dot: str, form: str, title: str) -> bytes:
    """A picture of a graph.

    Args:
        dot: the graph.
        form: "svg", "png" or "pdf".
        title: what is drawn, for the reader of an SVG that cannot see it.

    Raises:
        InputError: pygraphviz is not installed.
        LimitError: Graphviz did not manage, or the picture has too many dots for a PNG.
    """
    if not is_installed():
        raise InputError(
            "a picture needs pygraphviz", hint="install it with: pip install 'adcli[draw]'"
        )
    if form not in PICTURES:
        raise InputError(f"no picture is called '{form}'", details=(f"{', '.join(PICTURES)} are",))
    if form == "svg":
        return finished(_draw(dot, "svg", ""), title)
    if form == "pdf":
        return _draw(dot, "pdf", f"size={_LARGEST_PAGE},{_LARGEST_PAGE}")
    return _draw(dot, "png", f"dpi={math.floor(_resolution(dot))}")


def _resolution(dot: str) -> float:
    """The dots an inch at which a picture is small enough for a PNG.

    Raises:
        LimitError: nothing could be read then.
    """
    width, height = _size(_draw(dot, "plain", ""))
    dpi: float = min(
        _DPI, (_MOST_DOTS / (width * height)) ** 0.5, _LONGEST_SIDE / width, _LONGEST_SIDE / height
    )
    if dpi < _LEAST_DPI:
        raise LimitError(
            f"a picture of {width:.0f} by {height:.0f} inches is too large for a PNG",
            details=("SVG and PDF have no such limit: -o FILE.svg",),
        )
    return dpi


def _size(plain: bytes) -> tuple[float, float]:
    """Width and height in inches, of Graphviz's plain format."""
    _, _, width, height = plain.split(b"\n", 1)[0].split()
    return max(float(width), 0.1), max(float(height), 0.1)


def _draw(dot: str, form: str, settings: str) -> bytes:
    command, environment = own_python()
    done = subprocess.run(
        [*command, "-c", _CHILD, form, settings],
        input=dot.encode("utf-8", "backslashreplace"),
        capture_output=True,
        env=environment,
        check=False,
    )
    if done.returncode == 0 and done.stdout:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode == _BROKEN:
        raise InputError(
            "pygraphviz does not work here",
            hint="install it again: pip install --force-reinstall pygraphviz",
            details=tuple(safe(line) for line in said[-1:]),
        )
    raise LimitError(
        "Graphviz could not draw this graph",
        details=(
            *([f"it said: {safe(said[-1])}"] if said else [f"it ended with {done.returncode}"]),
            "draw a part of it (--result, --wrt), or --format tree",
        ),
    )
