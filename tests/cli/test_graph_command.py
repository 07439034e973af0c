"""adcli graph from outside: files and streams, what stands on the nodes, and its library call."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import mpmath
import pygraphviz
import pytest
from mpmath_functions import PRIMITIVES
from ran import Ran, captured
from usual_signals import usual_signals

import adcli
from adcli.differentiate import diagram
from adcli.differentiate.diagram import OPERATION, Diagram

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
SOURCE = "ln(x1) + x1*x2 - sin(x2)"
POINT = ("x1=2", "x2=5")
VERTICES, ARCS = 8, 9
SVG = "{http://www.w3.org/2000/svg}"
# The forms by endings.
ENDINGS = {
    ".txt": "tree",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
}
PICTURES = ("svg", "png", "pdf")
TEXTS = ("tree", "dot", "mermaid")
# 30 seconds of layout, and next to nothing before it.
LARGE = "f(A[40,40], x[40]) = { for i in 1..3 { x = A @ sin(x) }; sum(x) }\n"
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals, pipes and terminals")


Run = Callable[..., Ran]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in this process, in an empty folder that is not a terminal."""
    monkeypatch.chdir(tmp_path)
    for name in ("LANG", "LC_CTYPE", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def command(*arguments: str) -> Ran:
        return captured(capfd, *arguments)

    return command


def process(
    *arguments: str,
    stdout: int = subprocess.PIPE,
    code: Sequence[str] = ("-m", "adcli"),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs `adcli graph` in a process of its own."""
    return subprocess.run(
        [sys.executable, *code, "graph", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", "NO_COLOR": "1", **(env or {})},
        cwd=cwd,
        timeout=120,
        check=False,
    )


# What a file of each form is, whole.


def is_tree(content: bytes) -> None:
    lines = content.decode("utf-8").splitlines()
    assert lines[0] == SOURCE
    assert len([line for line in lines if "= " in line]) == VERTICES
    assert lines[1][0] + lines[-1][-1] == "╭╯"


def is_dot(content: bytes) -> None:
    graph = pygraphviz.AGraph(string=content.decode("utf-8"))
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (VERTICES, ARCS)
    assert content.endswith(b"}\n")


def is_mermaid(content: bytes) -> None:
    text = content.decode("utf-8")
    assert text.startswith(f'---\ntitle: "{SOURCE} (Computational graph)"\n---\nflowchart TB\n')
    assert len(re.findall(r"^  n\d+\W.*:::\w+$", text, re.MULTILINE)) == VERTICES
    assert len(re.findall(r"^  n\d+ --> n\d+$", text, re.MULTILINE)) == ARCS
    assert text.endswith("\n")


def is_svg(content: bytes) -> None:
    root = ElementTree.fromstring(content.decode("utf-8"))
    assert root.tag == f"{SVG}svg"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text == f"{SOURCE}: Computational graph"
    groups = [group.get("class", "").split() for group in root.iter(f"{SVG}g")]
    assert sum("node" in kinds for kinds in groups) == VERTICES
    assert sum("edge" in kinds for kinds in groups) == ARCS


def is_png(content: bytes) -> None:
    """Every block to the last, with its checksum."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    kinds, position = [], 8
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        block = content[position + 4 : position + 8 + length]
        kinds.append(block[:4])
        (check,) = struct.unpack_from(">I", content, position + 8 + length)
        assert zlib.crc32(block) == check
        position += 12 + length
    assert (kinds[0], kinds[-1], b"IDAT" in kinds) == (b"IHDR", b"IEND", True)
    assert min(struct.unpack_from(">II", content, 16)) > 100


def is_pdf(content: bytes) -> None:
    assert content.startswith(b"%PDF-1.")
    assert content.rstrip().endswith(b"%%EOF")


CHECKS = {
    "tree": is_tree,
    "dot": is_dot,
    "mermaid": is_mermaid,
    "svg": is_svg,
    "png": is_png,
    "pdf": is_pdf,
}


# Files.


@pytest.mark.parametrize("ending", [*ENDINGS, ".PNG", ".Dot"])
def test_every_ending(run: Run, tmp_path: Path, ending: str) -> None:
    got = run("graph", SOURCE, "-o", f"graph{ending}")
    assert (got.code, got.out, got.err) == (0, "", "")
    assert os.listdir(tmp_path) == [f"graph{ending}"]
    content = (tmp_path / f"graph{ending}").read_bytes()
    form = ENDINGS[ending.lower()]
    CHECKS[form](content)
    if form in TEXTS:
        assert content.decode("utf-8") == run("graph", SOURCE, "--format", form).out


@pytest.mark.parametrize("form", [*TEXTS, *PICTURES])
def test_a_format_comes_before_an_ending(run: Run, tmp_path: Path, form: str) -> None:
    name = "graph.txt" if form != "tree" else "graph.svg"
    assert run("graph", SOURCE, "--format", form, "-o", name).code == 0
    CHECKS[form]((tmp_path / name).read_bytes())
    assert run("graph", SOURCE, "--format", form, "-o", "no_ending").code == 0
    CHECKS[form]((tmp_path / "no_ending").read_bytes())


@pytest.mark.parametrize("form", [*TEXTS, *PICTURES])
def test_a_file_is_replaced(run: Run, tmp_path: Path, form: str) -> None:
    """Also a longer one, which keeps its mode, and the file a link leads to."""
    old = tmp_path / "old"
    old.write_bytes(b"old\n" * 100_000)
    old.chmod(0o640)
    (tmp_path / "link").symlink_to("old")
    assert run("graph", SOURCE, "--format", form, "-o", "link").code == 0
    CHECKS[form](old.read_bytes())
    assert (tmp_path / "link").is_symlink()
    assert old.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link", "old"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (2, ["x*y", "x=1"]),
        (2, ["x", "--result", "q"]),
        (3, ["sin(x"]),
        (3, ["while x < 9 { x = x + 1 }; x"]),
        (4, ["ln(x)", "x=0", "--strict"]),
        (6, ["sum(x*i for i in 1..5000)", "--max-operations", "999"]),
    ],
)
def test_an_error_leaves_the_old_file(
    run: Run, tmp_path: Path, ending: str, code: int, arguments: list[str]
) -> None:
    old = tmp_path / f"graph{ending}"
    old.write_bytes(b"old")
    got = run("graph", *arguments, "-o", old.name)
    assert (got.code, got.out) == (code, "")
    assert got.err.startswith("error: ")
    assert old.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [old.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_folder_is_no_file(run: Run, tmp_path: Path, ending: str) -> None:
    (tmp_path / f"graph{ending}").mkdir()
    got = run("graph", SOURCE, "-o", f"graph{ending}")
    assert (got.code, got.out) == (5, "")
    assert got.err == f"error: cannot write 'graph{ending}': is a directory\n"
    assert os.listdir(tmp_path) == [f"graph{ending}"]


# Streams.


@pytest.mark.parametrize("form", PICTURES)
def test_a_picture_to_a_pipe(form: str) -> None:
    done = process(SOURCE, "--format", form)
    assert (done.returncode, done.stderr) == (0, b"")
    CHECKS[form](done.stdout)


def test_a_large_picture_to_an_unbuffered_pipe(tmp_path: Path) -> None:
    """A write may take a part only."""
    arguments = ("s = x; for i in 1..60 { s = sin(s)*x }; s", "x=1", "--mode", "reverse")
    piped = process(*arguments, "--format", "svg", env={"PYTHONUNBUFFERED": "1"})
    process(*arguments, "-o", "graph.svg", cwd=tmp_path)
    assert piped.returncode == 0
    assert len(piped.stdout) > 1 << 17
    assert piped.stdout == (tmp_path / "graph.svg").read_bytes()


@posix
@pytest.mark.parametrize("form", [*TEXTS, *PICTURES])
def test_a_reader_that_goes_away(form: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = process(SOURCE, "--format", form, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("form", [*TEXTS, *PICTURES])
def test_a_full_disk(form: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = process(SOURCE, "--format", form, stdout=full)
    os.close(full)
    assert done.returncode == 5
    assert done.stderr == b"error: cannot write to standard output: no space left on device\n"
    done = process(SOURCE, "--format", form, "-o", "/dev/full")
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr == b"error: cannot write '/dev/full': no space left on device\n"


def on_terminal(*arguments: str) -> tuple[int, bytes, bytes]:
    """Exit code, what a terminal gets, and stderr."""
    import pty

    controller, terminal = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-m", "adcli", "graph", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "dumb", "COLUMNS": "100"},
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(controller, 1 << 16)
        except OSError:  # how Linux says that nobody has the terminal open any more
            break
        if not part:
            break
        shown += part
    os.close(controller)
    _, err = started.communicate(timeout=120)
    return started.returncode, shown.replace(b"\r\n", b"\n"), err


@posix
@pytest.mark.parametrize("form", ["png", "pdf"])
def test_no_bytes_to_a_terminal(form: str) -> None:
    code, shown, err = on_terminal(SOURCE, "--format", form)
    assert (code, shown) == (2, b"")
    name = form.upper()
    message = f"error: a {name} is no text for a terminal\n  write -o FILE.{form}\n"
    assert err.decode() == message


@posix
@pytest.mark.parametrize("form", [*TEXTS, "svg"])
def test_text_to_a_terminal(form: str) -> None:
    code, shown, err = on_terminal(SOURCE, "--format", form)
    assert (code, err) == (0, b"")
    CHECKS[form](shown)


@posix
def test_a_picture_to_a_file_from_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "graph.png"
    assert on_terminal(SOURCE, "-o", str(file)) == (0, b"", b"")
    is_png(file.read_bytes())


# Without pygraphviz, and with one that does not work.

# None in `sys.modules` is how Python itself says that a module cannot be imported.
WITHOUT = (
    "-c",
    "import sys; sys.modules['pygraphviz'] = None; "
    "from adcli.cli.main import main; sys.exit(main(sys.argv[1:]))",
)


@pytest.mark.parametrize("form", PICTURES)
def test_without_pygraphviz(tmp_path: Path, form: str) -> None:
    for arguments in (["-o", f"graph.{form}"], ["--format", form]):
        done = process(SOURCE, *arguments, code=WITHOUT, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.decode() == (
            "error: a picture needs pygraphviz\n  install it with: pip install 'adcli[draw]'\n"
        )
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("form", TEXTS)
def test_text_needs_no_pygraphviz(form: str) -> None:
    done = process(SOURCE, "--format", form, code=WITHOUT)
    assert (done.returncode, done.stderr) == (0, b"")
    CHECKS[form](done.stdout)


def test_a_broken_pygraphviz(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "pygraphviz"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('libcgraph.so: not found')\n")
    env = {"PYTHONPATH": str(package.parent)}
    done = process(SOURCE, "-o", "graph.svg", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        "error: pygraphviz does not work here\n"
        "  install it again: pip install --force-reinstall pygraphviz\n"
        "  libcgraph.so: not found\n"
    )
    assert os.listdir(tmp_path) == ["packages"]


# A search path that begins with the current folder, as an interactive Python has it.
FROM_HERE = ("-c", "import sys; from adcli.cli.main import main; sys.exit(main(sys.argv[1:]))")


def test_the_layout_imports_nothing_from_the_current_folder(run: Run, tmp_path: Path) -> None:
    for name in ("pygraphviz.py", "ctypes.py"):
        (tmp_path / name).write_text("open('imported', 'w')\n")
    assert run("graph", SOURCE, "-o", "one.svg").code == 0
    done = process(SOURCE, "-o", "two.svg", code=FROM_HERE, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(os.listdir(tmp_path)) == ["ctypes.py", "one.svg", "pygraphviz.py", "two.svg"]
    is_svg((tmp_path / "two.svg").read_bytes())


# Interrupts.


def is_running(one: int) -> bool:
    """Whether a process is there and not only its entry, which its new parent may keep."""
    status = Path(f"/proc/{one}/stat")
    if Path("/proc/self/stat").exists():
        try:
            return status.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
        except (FileNotFoundError, ProcessLookupError):
            return False
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(one)], capture_output=True, check=False)
    return found.stdout.strip()[:1] not in (b"", b"Z")


def children(parent: int) -> list[int]:
    """The processes a process has started."""
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    if listed.exists():
        return [int(one) for one in listed.read_text().split()]
    every = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, check=True)
    pairs = [line.split() for line in every.stdout.decode().splitlines()]
    return [int(one) for owner, one in pairs if owner == str(parent)]


def wait_for(what: Callable[[], object], seconds: float) -> object:
    """What is waited for, as soon as it is there; what it is then if it never is."""
    give_up = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < give_up:
        time.sleep(0.01)
    return found


@posix
@pytest.mark.parametrize("whom", ["all of them", "adcli alone"])
def test_an_interrupt_while_graphviz_works(tmp_path: Path, whom: str) -> None:
    """As Ctrl-C does it, and as `kill -INT` does it; the process of the layout goes too."""
    (tmp_path / "large.ad").write_text(LARGE)
    (tmp_path / "graph.svg").write_text("old")
    started = subprocess.Popen(
        [
            *(sys.executable, "-m", "adcli", "graph", "large.ad"),
            *("--max-nodes", "1000000", "-o", "graph.svg"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        start_new_session=True,
        preexec_fn=usual_signals,
    )
    try:
        assert wait_for(lambda: children(started.pid), 60)
        (working,) = children(started.pid)
        time.sleep(0.3)  # into the library, where Python does not see the interrupt
        assert started.poll() is None
        if whom == "adcli alone":
            started.send_signal(signal.SIGINT)
        else:
            os.killpg(started.pid, signal.SIGINT)
        out, err = started.communicate(timeout=60)
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
            started.communicate()
    assert (started.returncode, out, err) == (130, b"", b"")
    assert sorted(os.listdir(tmp_path)) == ["graph.svg", "large.ad"]
    assert (tmp_path / "graph.svg").read_text() == "old"
    # Left alone it would go on for longer than this.
    assert wait_for(lambda: not is_running(working), 10)


# What stands on the nodes.

_BRANCHES = re.compile(r"(?:\|  |   |\+- |`- )*(?:if |then |else )?")


class Table:
    """A table in ASCII: its title, columns and rows.

    Attributes:
        names: what is defined in the first column, `v3 = sin v0`: by its name the text
            behind the sign, and the row.
    """

    def __init__(self, title: str, rows: list[list[str]]) -> None:
        self.title = title
        self.columns, *self.rows = rows
        self.names: dict[str, tuple[str, list[str]]] = {}
        for row in self.rows:
            name, equals, text = _BRANCHES.sub("", row[0], count=1).partition(" = ")
            if equals:
                assert name not in self.names, "each is shown once"
                self.names[name] = text, row

    def cell(self, name: str, column: str) -> str:
        """What stands in the row that defines a name."""
        return self.names[name][1][self.columns.index(column)]

    def inputs(self, column: str) -> dict[str, float]:
        """The numbers in a column at the inputs."""
        return {
            text: float(row[self.columns.index(column)])
            for name, (text, row) in self.names.items()
            if re.fullmatch(r"[vw](-\d+|0)", name)
        }


def tables(text: str) -> list[Table]:
    """The tables of an output in ASCII."""
    found, title = [], ""
    lines = iter(text.splitlines())
    for line in lines:
        if not line.startswith("+-"):
            title = line
            continue
        cuts = [place for place, sign in enumerate(line) if sign == "+"]
        rows: list[list[str]] = []
        borders = 1
        while borders < 3:
            inside = next(lines)
            if inside.startswith("+-"):
                borders += 1
                continue
            cells = [inside[a + 2 : b].rstrip() for a, b in itertools.pairwise(cuts)]
            rows.append([cells[0], *(cell.strip() for cell in cells[1:])])
        found.append(Table(title, rows))
    return found


def drawn(run: Run, *arguments: str) -> list[Table]:
    """The trees of a command, every digit of numbers."""
    got = run("graph", *arguments, "--ascii", "--digits", "17")
    assert (got.code, got.err) == (0, "")
    return tables(got.out)


def data(run: Run, *arguments: str) -> dict[str, dict[str, float]]:
    """The JSON of a command."""
    got = run(*arguments, "--format", "json")
    assert got.code == 0, got.err
    loaded = json.loads(got.out)
    assert isinstance(loaded, dict)
    return loaded


def flat(gradient: Mapping[str, object]) -> dict[str, float]:
    """A gradient by elements: x[1], M[1,2]."""
    found: dict[str, float] = {}
    for name, value in gradient.items():
        if not isinstance(value, list):
            found[name] = float(value)  # type: ignore[arg-type]  # a number
            continue
        for i, row in enumerate(value, 1):
            if isinstance(row, list):
                found |= {f"{name}[{i},{j}]": x for j, x in enumerate(row, 1)}
            else:
                found[f"{name}[{i}]"] = row
    return found


SIGMOID = 1 / (1 + math.exp(-0.3))
# Program and point; the value, and the derivatives for the inputs, by hand.
BY_HAND: dict[str, tuple[list[str], float, dict[str, float]]] = {
    "textbook": (
        [SOURCE, *POINT],
        math.log(2) + 10 - math.sin(5),
        {"x1": 1 / 2 + 5, "x2": 2 - math.cos(5)},
    ),
    "shared": (
        ["exp(x)*exp(x) + exp(x)", "x=1"],
        math.e**2 + math.e,
        {"x": 2 * math.e**2 + math.e},
    ),
    "operands alike": (
        ["x*x + x^x + x/x - (x - x)", "x=2"],
        9.0,
        {"x": 4 + 4 * (math.log(2) + 1)},
    ),
    "vector and matrix": (
        ["v @ M @ v", "v=[1,2]", "M=[[1,2],[3,4]]"],
        27.0,
        {"v[1]": 12, "v[2]": 21, "M[1,1]": 1, "M[1,2]": 2, "M[2,1]": 2, "M[2,2]": 4},
    ),
    "prelude": (
        ["sigmoid(x)*w", "x=0.3", "w=5"],
        5 * SIGMOID,
        {"x": 5 * SIGMOID * (1 - SIGMOID), "w": SIGMOID},
    ),
    "branch": (
        [str(SAMPLES / "branch.ad"), "x=-1.5"],
        1 / 32,
        {"x": 3 / 16},
    ),
    # x1 = (a + 1)/2 with derivative 1/2, then (x1 + a/x1)/2.
    "while loop": (
        ["x = a; while abs(x^2 - a) > 0.01 { x = (x + a/x)/2 }; x", "a=2"],
        17 / 12,
        {"a": (1 / 2 + 1 / 1.5 - 2 * (1 / 2) / 1.5**2) / 2},
    ),
    "recursion": (
        ["power(x, n) = if n == 0 then 1 else x*power(x, n - 1); f(x) = power(x, 5)", "x=3"],
        243.0,
        {"x": 405},
    ),
    "structural zero": (
        ["floor(x)*y + max(x, 2)", "x=2.5", "y=3"],
        8.5,
        {"x": 1, "y": 2},
    ),
    "not needed": (["f(x, y) = x^2", "x=3", "y=1"], 9.0, {"x": 6, "y": 0}),
    "only an input": (["f(x, y) = y", "x=3", "y=1"], 1.0, {"x": 0, "y": 1}),
    "only a constant": (["f(x) = pi", "x=3"], math.pi, {"x": 0}),
    "tiny and huge": (
        ["1e200*x*y", "x=1e-250", "y=1e60"],
        1e10,
        {"x": 1e260, "y": 1e-50},
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
class TestByHand:
    def test_values(self, run: Run, name: str) -> None:
        arguments, value, _ = BY_HAND[name]
        (table,) = drawn(run, *arguments)
        (result,) = results(table)
        assert float(table.cell(result, "value")) == pytest.approx(value, rel=1e-15)
        exact = data(run, "eval", *arguments)
        assert float(table.cell(result, "value")) == exact["results"]["f"]
        assert table.inputs("value") == flat(exact["inputs"])

    def test_adjoints(self, run: Run, name: str) -> None:
        arguments, _, gradient = BY_HAND[name]
        (table,) = drawn(run, *arguments, "--mode", "reverse")
        assert table.inputs("adjoint") == pytest.approx(gradient, rel=1e-14, abs=1e-300)
        exact = data(run, "grad", *arguments, "--mode", "reverse")["gradient"]
        assert table.inputs("adjoint") == flat(exact)
        (result,) = results(table)
        assert table.cell(result, "adjoint") == "1"

    def test_tangents(self, run: Run, name: str) -> None:
        arguments, _, gradient = BY_HAND[name]
        passes = drawn(run, *arguments, "--mode", "forward")
        tangents = {}
        for table, moved in zip(passes, gradient, strict=True):
            seeds = table.inputs("tangent")
            assert seeds == {label: float(label == moved) for label in gradient}
            (result,) = results(table)
            tangents[moved] = float(table.cell(result, "tangent"))
        assert tangents == pytest.approx(gradient, rel=1e-14, abs=1e-300)
        exact = data(run, "grad", *arguments, "--mode", "forward")["gradient"]
        assert tangents == flat(exact)


def results(table: Table) -> list[str]:
    """The names at the margin that are no nodes."""
    return [name for name in table.names if not re.fullmatch(r"[vw]-?\d+", name)]


FILES = sorted(path.name for path in SAMPLES.glob("*.ad"))


@pytest.mark.parametrize("sample", FILES)
def test_formulas_and_values_are_those_of_the_trace(run: Run, sample: str) -> None:
    """v3 = sin v0 with -0.959 is the trace's v3 = sin v0 = sin 5 = -0.959."""
    path = str(SAMPLES / sample)
    (table,) = tables(run("graph", path, "--values", "--ascii").out)
    trace = tables(run("trace", path, "--mode", "reverse", "--ascii").out)[0]
    traced = {}
    for row in trace.rows:
        if row[0]:
            name, formula, *_, value = row[0].split(" = ")
            traced[name] = formula, value
    shown = {name: (text, table.cell(name, "value")) for name, (text, _) in table.names.items()}
    assert shown == traced
    assert len(shown) > 3


@pytest.mark.parametrize("sample", FILES)
def test_samples_in_reverse(run: Run, sample: str) -> None:
    """One pass for each result, whose adjoints at the inputs are the rows of the Jacobian."""
    path = str(SAMPLES / sample)
    jacobian = data(run, "jacobian", path, "--mode", "reverse")
    passes = drawn(run, path, "--mode", "reverse")
    for table, row in zip(passes, jacobian["jacobian"], strict=True):
        adjoints = table.inputs("adjoint")
        assert [adjoints[name] for name in jacobian["columns"]] == pytest.approx(row, rel=1e-12)
        assert sum(float(table.cell(name, "adjoint")) for name in results(table)) == 1


@pytest.mark.parametrize("name", PRIMITIVES)
def test_local_partial_derivatives(name: str) -> None:
    """Of each primitive, against mpmath; those that are always 0 have no number."""
    points = {"acosh": [(1.3,)], "two": [(2.3, 0.7), (0.6, 1.9)]}
    signs = {"add": "u + w", "sub": "u - w", "mul": "u*w", "div": "u/w", "pow": "u^w", "neg": "-u"}
    two = name in ("add", "sub", "mul", "div", "pow", "max", "min", "mod", "atan2", "hypot")
    text = signs.get(name, f"{name}(u, w)" if two else f"{name}(u)")
    program = adcli.load(f"f(u{', w' if two else ''}) = {text}")
    for point in points["two"] if two else points.get(name, [(0.4,)]):
        given = dict(zip(("u", "w"), point, strict=False))
        for mode in ("forward", "reverse"):
            for drawing in program.graph(given, mode=mode).drawings:
                found = [
                    arc.value or 0.0
                    for arc in drawing.arcs
                    if drawing.vertices[arc.head].kind == OPERATION
                ]
                with mpmath.workdps(40):
                    exact = [
                        mpmath.diff(
                            PRIMITIVES[name],
                            tuple(map(mpmath.mpf, point)),
                            tuple(int(i == j) for j in range(len(point))),
                        )
                        for i in range(len(point))
                    ]
                assert found == pytest.approx([float(x) for x in exact], rel=1e-14, abs=1e-14)


def test_the_tree_grows_with_the_graph_and_no_faster(run: Run) -> None:
    """Of 2^40 paths to the input, 40 operations with two operands each."""
    (table,) = drawn(run, "s = x; for i in 1..40 { s = s*s }; s", "x=1")
    assert len(table.rows) <= 1 + 2 * 40 + 40
    assert [name for name in table.names if name.startswith("v")] == sorted(
        table.names.keys() - {"y"}, key=lambda name: -int(name[1:])
    )


def test_a_deep_chain_goes_on_at_the_margin(run: Run) -> None:
    (table,) = drawn(run, "s = x; for i in 1..3000 { s = sin(s) }; s")
    assert len(table.names) == 3000 + 2
    assert max(len(row[0]) for row in table.rows) < 120
    # What is announced as below is defined later, what is said to be above was before.
    places = {name: table.rows.index(row) for name, (_, row) in table.names.items()}
    marks = [(i, row[0].split()[-2:]) for i, row in enumerate(table.rows) if row[0].endswith("w)")]
    assert {mark for _, (_, mark) in marks} == {"(below)"}
    assert all(places[name] > i for i, (name, _) in marks)
    (again,) = drawn(run, "exp(x)*2 + exp(x)")
    (above,) = [(i, row[0].split()[-2]) for i, row in enumerate(again.rows) if "(above)" in row[0]]
    assert again.rows.index(again.names[above[1]][1]) < above[0]


# With and without values.


def columns(run: Run, *arguments: str) -> list[str]:
    """The headings of the first tree."""
    return drawn(run, *arguments)[0].columns[1:]


def test_inputs_mean_values(run: Run, tmp_path: Path) -> None:
    (tmp_path / "at.json").write_text('{"x": 3}')
    program = "f(x = 2) = x^2"
    assert columns(run, program) == []
    assert columns(run, program, "x=5") == ["value"]
    assert columns(run, program, "--at", "at.json") == ["value"]
    assert columns(run, program, "--values") == ["value"]
    assert columns(run, program, "x=5", "--no-values") == []
    assert columns(run, program, "--at", "at.json", "--no-values") == []
    assert columns(run, program, "--mode", "reverse") == [
        "value",
        "adjoint",
        "local partial derivative",
    ]


def test_values_are_the_defaults_and_what_is_given(run: Run, tmp_path: Path) -> None:
    (tmp_path / "at.json").write_text('{"x": 3, "y": 7}')
    program = "f(x = 2, y = 20) = x + y"
    for arguments, values in (
        (["--values"], {"x": 2, "y": 20}),
        (["x=5"], {"x": 5, "y": 20}),
        (["y=5"], {"x": 2, "y": 5}),
        (["--at", "at.json", "x=5"], {"x": 5, "y": 7}),
    ):
        (table,) = drawn(run, program, *arguments)
        assert table.inputs("value") == values
        assert float(table.cell("z", "value")) == sum(values.values())


def test_without_values_only_the_shape_counts(run: Run) -> None:
    trees = {
        run("graph", "sum(x*x)", f"x={value}", "--no-values").out
        for value in ("[1,2,3]", "[0,0,0]", "[nan,-inf,1e300]")
    }
    assert len(trees) == 1
    (table,) = tables(run("graph", "sum(x*x)", "x=[1,2]", "--no-values", "--ascii").out)
    assert {text for text, _ in table.names.values()} >= {"x[1]", "x[2]"}
    assert "x[3]" in trees.pop()
    # The declaration says it, or the default, whose numbers do not count either.
    for program in ("f(x[2]) = sum(x*x)", "f(x = [5,6]) = sum(x*x)"):
        declared = tables(run("graph", program, "--ascii").out)[0]
        assert {name: text for name, (text, _) in declared.names.items()} == {
            name: text for name, (text, _) in table.names.items()
        }


def test_both_arms_without_values_and_one_with(run: Run) -> None:
    program = "if x > 1 then sin(x) else cos(x)"
    (both,) = drawn(run, program)
    assert {text for text, _ in both.names.values()} >= {"sin v0", "cos v0"}
    assert [row[0].strip("|`+- ") for row in both.rows if " if v0" in row[0]][-1] == "if v0 > 1"
    for value, text, decision in (("2", "sin v0", "true"), ("0.5", "cos v0", "false")):
        (one,) = drawn(run, program, f"x={value}")
        assert {formula for formula, _ in one.names.values()} == {"x", text, "v1"}
        (row,) = [row for row in one.rows if row[0] == "v0 > 1"]
        assert row[one.columns.index("value")] == decision


def test_the_role_of_operands_shown_before(run: Run) -> None:
    for program, roles in (
        ("if x > 0 then x else y", ["if v-1 > 0", "then v-1", "else v0"]),
        ("if x > 0 then y else x", ["if v-1 > 0", "then v0", "else v-1"]),
        ("if x > y then x else y", ["if v-1 > v0", "then v-1", "else v0"]),
    ):
        (table,) = drawn(run, program)
        lines = [row[0].lstrip("|`+- ").partition(" = ")[0] for row in table.rows]
        assert [line for line in lines if line.startswith(("if", "then", "else"))] == roles


def test_where_an_operation_is_from(run: Run) -> None:
    program = "h(x) = exp(x); g(x) = sin(h(x)); s = 0; for i in 1..2 { s = s + g(x*i) }; s"
    nested = program.replace("s = s + g(x*i)", "if x > 0 { s = s + g(x*i) }")
    for text, places in (
        (program, {"i = 1", "i = 1 › g", "i = 1 › g › h"}),
        (nested, {"i = 1 › x > 0: true", "i = 1 › x > 0: true › g", "... › x > 0: true › g › h"}),
    ):
        lines = run("graph", text, "x=1").out.splitlines()
        cells = {line.split("│")[-2].strip() for line in lines if line.startswith("│")}
        assert cells >= places
    dot = run("graph", "g(x) = sin(x)^2; s = x; for i in 1..2 { s = g(s) }; s", "--format", "dot")
    assert {f"label=<i = {i} › g>" in dot.out for i in (1, 2)} == {True}


def test_each_comparison_is_in_its_turn(run: Run) -> None:
    """Also the first, which no operation of the turn comes before."""
    (table,) = drawn(run, "s = x; while s < 10 { s = s*3 }; s", "x=2")
    place, value = table.columns.index("from"), table.columns.index("value")
    compared = [(row[place], row[value]) for row in table.rows if row[0].endswith(" < 10")]
    assert compared == [("turn 1", "true"), ("turn 2", "true"), ("turn 3", "false")]


def test_results_with_other_names_are_named(run: Run) -> None:
    def footer(*arguments: str) -> list[str]:
        out = run("graph", *arguments, "--ascii").out
        return [line for line in out.splitlines() if " is " in line]

    assert footer("f(x) = { p = 2*x; p, sin(x), [x, 3] }") == [
        "y2 is f[1]",
        "y3 is f[2][1]",
        "y4 is f[2][2]",
    ]
    assert footer("sin(x)") == []
    assert footer("f(x) = { p = 2*x; q = 3*x; p, q }") == []
    assert len(footer("x, x^2", "x=1", "--mode", "reverse")) == 2 * 2
    assert "y₁ is f[1]\ny₂ is f[2]\n" in run("graph", "x^2, 2*x").out


# Parts of it.


def test_result_takes_what_it_is_made_of(run: Run) -> None:
    program = "f(a, b, c) = { p = a*b; p, exp(b)/c, 3 }"
    for name, inputs in (("p", {"a", "b"}), ("f[1]", {"b", "c"}), ("f[2]", set())):
        (table,) = drawn(run, program, "a=2", "b=3", "c=4", "--result", name)
        assert set(table.inputs("value")) == inputs
        assert len(results(table)) == 1
        values = data(run, "eval", program, "a=2", "b=3", "c=4")["results"]
        assert float(table.cell(results(table)[0], "value")) == values[name]


def test_wrt_leaves_the_rest_out(run: Run) -> None:
    """What only feeds into it is named, but its own operands are not shown."""
    arguments = ("sin(x)*y + exp(y)*z", "x=1", "y=2", "z=3")
    (table,) = drawn(run, *arguments, "--wrt", "y", "--mode", "reverse")
    assert float(table.cell("v-1", "adjoint")) == pytest.approx(
        math.sin(1) + 3 * math.exp(2), rel=1e-15
    )
    assert table.names["v1"][0] == "sin v-2  (not drawn)"
    assert "v-2" not in table.names
    assert table.cell("v1", "adjoint") == "."
    assert table.cell("v0", "adjoint") == "."


def test_wrt_leaves_out_results_that_do_not_depend_on_it(run: Run) -> None:
    program = ("f(x, y) = { p = x*y; q = exp(y); p, q, 2*x, 1/4 }", "x=3", "y=5")
    for options, names in (
        (["--wrt", "x"], ["p", "y3"]),
        (["--wrt", "y"], ["p", "q"]),
        (["--wrt", "x,y"], ["p", "q", "y3"]),
        (["--wrt", "x", "--result", "p"], ["p"]),
    ):
        (table,) = drawn(run, *program, *options)
        assert results(table) == names
        assert len(drawn(run, *program, *options, "--mode", "reverse")) == len(names)
    for options in (["--wrt", "x", "--result", "q"], ["--wrt", "y", "--result", "f[1]"]):
        got = run("graph", *program, *options)
        assert (got.code, got.out) == (2, "")
        assert got.err == f"error: nothing that is drawn depends on {options[1]}\n"


@pytest.mark.parametrize("constant", [0, 1, 2, 3])
def test_a_constant_result_depends_on_nothing(run: Run, constant: int) -> None:
    """Whatever number it is: no node is meant by it."""
    (table,) = drawn(run, f"x*y, {constant}", "--wrt", "x")
    assert results(table) == ["y1"]
    got = run("graph", f"x*y, {constant}", "--wrt", "x", "--result", "f[2]")
    assert got.code == 2


@pytest.mark.parametrize(
    ("program", "name", "shown"), [("x", "x", "y"), ("x, y", "y", "y2"), ("[x, y]", "x", "y1")]
)
def test_wrt_an_input_that_is_a_result(run: Run, program: str, name: str, shown: str) -> None:
    (table,) = drawn(run, program, "--wrt", name)
    assert results(table) == [shown]
    assert {text for own, (text, _) in table.names.items() if own != shown} == {name}


def test_forward_passes_are_of_wrt(run: Run) -> None:
    program = ("x*y*w[1]*w[2]", "x=2", "y=3", "w=[5,7]", "--mode", "forward")
    titles = [table.columns[0] for table in drawn(run, *program, "--wrt", "w")]
    assert titles == [
        "Forward mode, xdot = 0, ydot = 0, dw[1] = 1, dw[2] = 0",
        "Forward mode, xdot = 0, ydot = 0, dw[1] = 0, dw[2] = 1",
    ]
    assert len(drawn(run, *program, "--wrt", "w", "--wrt", "x")) == 3
    assert len(drawn(run, *program, "--wrt", "w,x,y")) == len(drawn(run, *program)) == 4


def test_a_seed_is_one_pass(run: Run) -> None:
    program = ("x*y*w[1]*w[2]", "x=2", "y=3", "w=[5,7]", "--mode", "forward")
    for seed, slope in (
        ("x=1", 3 * 5 * 7),
        ("w=[1,10]", 2 * 3 * (7 + 10 * 5)),
        ("w[2]=-1,y=0.5", -2 * 3 * 5 + 0.5 * 2 * 5 * 7),
        ("x=0", 0),
    ):
        (table,) = drawn(run, *program, "--seed", seed)
        (result,) = results(table)
        assert float(table.cell(result, "tangent")) == slope


def test_where_a_pass_flows(run: Run) -> None:
    """Along what depends on the inputs that move; back along what leads to an input."""
    of_x1 = {("v-1", "v1"), ("v-1", "v2"), ("v1", "v4"), ("v2", "v4"), ("v4", "v5"), ("v5", "y")}
    of_x2 = {("v0", "v2"), ("v0", "v3"), ("v3", "v5"), ("v2", "v4"), ("v4", "v5"), ("v5", "y")}
    for options, arcs in (
        (["--mode", "forward", "--seed", "x1=1"], of_x1),
        (["--mode", "forward", "--wrt", "x2"], of_x2),
        (["--mode", "forward", "--seed", "x1=1,x2=1"], of_x1 | of_x2),
        (["--mode", "forward", "--seed", "x1=0"], set()),
        (["--mode", "reverse"], of_x1 | of_x2),
        (["--mode", "reverse", "--wrt", "x1"], of_x1),
    ):
        dot = run("graph", SOURCE, *POINT, *options, "--ascii", "--format", "dot").out
        graph = pygraphviz.AGraph(string=dot)
        names = {str(one): one.attr["label"].strip("<>").split(" ")[0] for one in graph.nodes()}
        flowing = [one for one in graph.edges() if one.attr["class"] == options[1]]
        assert {(names[one[0]], names[one[1]]) for one in flowing} == arcs
        back = [one for one in graph.edges() if one.attr["dir"] == "back"]
        assert back == (flowing if "reverse" in options else [])


def test_function_and_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "two.ad").write_text("g(x) = x^2\nf(x) = exp(g(x))\n")
    (whole,) = drawn(run, "two.ad")
    (part,) = drawn(run, "two.ad", "--function", "g")
    assert (whole.title, part.title) == ("two.ad: f", "two.ad: g")
    assert {text for text, _ in part.names.values()} == {"x", "v0^2", "v1"}
    done = subprocess.run(
        [sys.executable, "-m", "adcli", "graph", "-", "x=3", "--ascii"],
        input=b"x^2\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    (piped,) = tables(done.stdout.decode())
    assert piped.cell("v1", "value") == "9"


# Limits.


@pytest.mark.parametrize(
    "arguments",
    [
        [SOURCE],
        ["x^2 + 3*y - 1/x", "x=1", "y=2"],
        ["[x, x^2, x]"],
        [SOURCE, *POINT, "--mode", "forward"],
        [SOURCE, *POINT, "--mode", "forward", "--seed", "x1=1"],
        ["a*b, a/b, 3*a", "a=1", "b=2", "--mode", "reverse"],
        ["s = x; for i in 1..50 { s = sin(s)*i }; s"],
        ["if x > 1 then sin(x) else 2*x"],
        ["if x > 1 then sin(x) else 2*x", "x=2", "--mode", "reverse"],
        ["a*b, exp(b)*c, 3*c", "--wrt", "b"],
        ["a*b, exp(b)*c, 3*c", "a=1", "b=2", "c=3", "--mode", "forward", "--result", "f[2]"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_max_nodes_is_how_many_are_drawn(run: Run, arguments: list[str]) -> None:
    dot = run("graph", *arguments, "--format", "dot", "--max-nodes", "1e6").out
    count = pygraphviz.AGraph(string=dot).number_of_nodes()
    for form in ("dot", "mermaid", "svg"):
        at_most = run("graph", *arguments, "--format", form, "--max-nodes", str(count))
        assert (at_most.code, at_most.err) == (0, "")
        fewer = run("graph", *arguments, "--format", form, "--max-nodes", str(count - 1))
        assert (fewer.code, fewer.out) == (6, "")
        assert f"the limit is {count - 1} (--max-nodes)" in fewer.err
    assert run("graph", *arguments, "--max-nodes", "1").out == run("graph", *arguments).out


def test_a_chosen_result_is_all_that_counts(run: Run) -> None:
    program = "[x^i for i in 1..2500]"
    assert run("graph", program, "--format", "dot").code == 6
    got = run("graph", program, "--result", "f[7]", "--format", "dot", "--max-nodes", "4")
    assert (got.code, got.err) == (0, "")
    assert pygraphviz.AGraph(string=got.out).number_of_nodes() == 4


def turns(count: int) -> str:
    """A program whose tree has 4 lines, and 2 for each turn."""
    return f"s = x + y; for i in 1..{count} {{ s = s*x }}; s"


def test_a_tree_too_long_to_read_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagram, "MAX_LINES", 1000)
    point = ("x=1", "y=1", "--mode")
    assert run("graph", turns(498)).code == 0
    assert run("graph", turns(248), *point, "forward").code == 0
    assert run("graph", turns(498), *point, "reverse").code == 0
    assert run("graph", turns(498), *point, "forward", "--seed", "x=1").code == 0
    for arguments, problem in (
        ([turns(499)], "1,002 lines are too many; the limit is 1,000"),
        (
            [turns(249), *point, "forward"],
            "502 lines in each of 2 passes are too many; the limit is 1,000",
        ),
        ([turns(499), *point, "reverse"], "1,002 lines are too many; the limit is 1,000"),
    ):
        got = run("graph", *arguments)
        assert (got.code, got.out) == (6, "")
        assert got.err.splitlines()[0] == f"error: {problem}"
        assert run("graph", *arguments, "--format", "dot", "--max-nodes", "1e6").code == 0


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("form", ["tree", "dot"])
def test_what_is_too_large_is_refused_before_the_passes(
    run: Run, monkeypatch: pytest.MonkeyPatch, form: str, mode: str
) -> None:
    def made(*_: object) -> None:
        raise AssertionError("a pass was made")

    monkeypatch.setattr(diagram, "MAX_LINES", 19)
    for name in ("forward_pass", "reverse_pass"):
        monkeypatch.setattr(diagram, name, made)
    options = ("--mode", mode, "--format", form, "--max-nodes", "19")
    assert run("graph", "x*y, x/y, x + y, x^y", "x=2", "y=3", *options).code == 6


def test_six_passes_stand_side_by_side(run: Run) -> None:
    def arguments(count: int, mode: str) -> list[str]:
        numbers = ",".join(map(str, range(1, count + 1)))
        return ["x*x", f"x=[{numbers}]", "--mode", mode]

    for mode, one_pass in (
        ("forward", "one pass is drawn with --seed x[1]=1 or --wrt"),
        ("reverse", "one pass is drawn with --result NAME"),
    ):
        for form in ("dot", "mermaid", "svg"):
            assert run("graph", *arguments(6, mode), "--format", form).code == 0
            more = run("graph", *arguments(7, mode), "--format", form, "--max-nodes", "1e6")
            assert (more.code, more.out) == (6, "")
            assert more.err == (
                "error: 7 passes do not fit side by side; at most 6 do\n"
                f"  {one_pass}\n"
                "  --format tree has room for more\n"
            )
        assert len(drawn(run, *arguments(7, mode))) == 7
    assert run("graph", *arguments(7, "forward"), "--seed", "x[7]=1", "--format", "dot").code == 0
    assert run("graph", *arguments(7, "reverse"), "--result", "f[7]", "--format", "dot").code == 0


def test_many_arcs_have_their_texts_in_tooltips_only(run: Run) -> None:
    """It counts the arcs of each pass by itself."""
    for end, labels in (("sin(s)", 2 * 249), ("sin(sin(s))", 0)):
        # 248 arcs of the sum and the products, one of each sine and one to the result.
        program = f"s = x + y; for i in 1..123 {{ s = s*x }}; {end}"
        got = run("graph", program, "x=1", "y=1", "--mode", "forward", "--format", "dot")
        assert (got.code, got.err) == (0, "")
        lines = [line for line in got.out.splitlines() if " -> " in line]
        assert sum("[label=<" in line for line in lines) == labels
        # All but the arc to the result have one.
        assert sum(" tooltip=" in line or "[tooltip=" in line for line in lines) == len(lines) - 2


def test_more_than_mermaid_draws_comes_with_a_note(run: Run, tmp_path: Path) -> None:
    loop = "s = x; for i in 1..249 { s = s*x }"  # 498 arrows, and one to the result
    long = "s = x*y; for i in 1..29 { s = sin(s)*x + cos(s)*y }; s"
    passes = ["x=1.1", "y=1.2", "--mode", "forward"]
    for program, options, arrows, is_noted in (
        (f"{loop}; sin(s)", [], 500, False),
        (f"{loop}; sin(sin(s))", [], 501, True),
        (long, [*passes, "--digits", "3"], 470, False),
        (long, [*passes, "--digits", "17"], 470, True),
    ):
        got = run("graph", program, *options, "--format", "mermaid")
        assert got.code == 0
        assert len(re.findall(r"^ *n\w+ -\S+.* n\w+$", got.out, re.MULTILINE)) == arrows
        note = (
            f"note: {arrows:,} arrows and {len(got.out):,} characters: Mermaid draws at most "
            "500 and 50,000 unless a page allows more\n"
        )
        assert got.err == (note if is_noted else "")
        quiet = run("graph", program, *options, "--format", "mermaid", "--quiet")
        assert (quiet.code, quiet.out, quiet.err) == (0, got.out, "")
        saved = run("graph", program, *options, "-o", "graph.mmd", "--strict")
        assert (saved.code, saved.out, saved.err) == (0, "", got.err)
        assert (tmp_path / "graph.mmd").read_text("utf-8") == got.out
        assert run("graph", program, *options, "--format", "dot").err == ""


def test_no_results_are_not_no_inputs(run: Run) -> None:
    got = run("graph", "f(x) = zeros(0)", "x=1", "--mode", "reverse")
    assert (got.code, got.out) == (2, "")
    assert got.err == "error: there is no pass to draw: the program has no results\n"


# Warnings, notes and looks.

WARNED = {
    "kink": ["abs(x)*y", "x=0", "y=2"],
    "tie": ["max(x, y)", "x=1", "y=1"],
    "prelude": ["relu(x) + sigmoid(x)", "x=0"],
    "jump": ["floor(x)*x", "x=2"],
    "equality": ["if x == 0 then 1 else sin(x)/x", "x=0"],
    "value": ["ln(x) + 1/y", "x=0", "y=0"],
    "undefined": ["sqrt(x)*2", "x=-1"],
    "derivative": ["3*sqrt(x)", "x=0"],
    "overflow": ["exp(x)^2", "x=400"],
}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", WARNED)
def test_warnings_are_those_of_the_trace(run: Run, name: str, mode: str) -> None:
    arguments = [*WARNED[name], "--mode", mode]
    traced = run("trace", *arguments)
    assert re.match("warning: |note: ", traced.err)
    for form in TEXTS:
        got = run("graph", *arguments, "--format", form)
        assert (got.code, got.err) == (0, traced.err)
        assert got.out
        quiet = run("graph", *arguments, "--format", form, "--quiet")
        assert (quiet.code, quiet.out, quiet.err) == (0, got.out, "")
    strict = run("trace", *arguments, "--strict")
    got = run("graph", *arguments, "--strict")
    assert (got.code, got.err) == (strict.code, strict.err)
    assert (got.code == 4) == (name in ("value", "undefined", "derivative", "overflow"))
    assert (got.out == "") == (got.code == 4)


def test_a_graph_of_values_warns_of_values_alone(run: Run) -> None:
    """No pass meets a kink or an infinite derivative."""
    for name in ("kink", "tie", "prelude", "jump", "derivative"):
        got = run("graph", *WARNED[name])
        assert (got.code, got.err) == (0, ""), name
        assert run("graph", *WARNED[name], "--strict").code == 0
    for name in ("value", "undefined", "overflow", "equality"):
        got = run("graph", *WARNED[name])
        assert got.err.startswith("warning: "), name
        evaluated = run("eval", *WARNED[name]).err
        assert got.err == evaluated


def test_digits(run: Run) -> None:
    for form in TEXTS:
        few = run("graph", SOURCE, *POINT, "--format", form, "--digits", "1").out
        many = run("graph", SOURCE, *POINT, "--format", form, "--digits", "12").out
        assert "11.7" in few
        assert "11.652" not in few
        assert "11.652071455223" in many


@pytest.mark.parametrize("mode", [(), ("--mode", "forward"), ("--mode", "reverse")])
@pytest.mark.parametrize("form", ["tree", "dot", "mermaid", "svg"])
def test_ascii(run: Run, form: str, mode: tuple[str, ...]) -> None:
    program = "f(α, x) = if α <= 1 then sqrt(abs(α)) + x^2 else floor(x)"
    got = run("graph", program, "α=0.5", "x=2", *mode, "--format", form, "--ascii")
    assert (got.code, got.err) == (0, "")
    assert got.out.isascii()
    assert "sqrt v1" in got.out
    assert not run("graph", program, "α=0.5", "x=2", *mode, "--format", form).out.isascii()


def test_a_title_is_text_and_nothing_else(run: Run, tmp_path: Path) -> None:
    """What has a meaning in HTML, DOT, Mermaid or on a terminal has none here."""
    name = 'a<b>&amp;"\\n|]}\x1b[31m.ad'
    (tmp_path / name).write_text("if x < 1 then x else 2*x\n")
    shown = 'a<b>&amp;"\\n|]}\\x1b[31m.ad: f'
    assert run("graph", name).out.splitlines()[0] == shown
    assert run("graph", name, "-o", "graph.svg").code == 0
    title = ElementTree.parse(tmp_path / "graph.svg").getroot().find(f"{SVG}title")
    assert title is not None
    assert title.text == f"{shown}: Computational graph"
    mermaid = run("graph", name, "--format", "mermaid").out.splitlines()
    marked = re.sub("[<>&]", lambda sign: f"ﬂ°°{ord(sign[0])}¶ß", shown)  # Mermaid's own marks
    assert json.loads(mermaid[1].removeprefix("title: ")) == f"{marked} (Computational graph)"
    dot = run("graph", name, "--format", "dot").out
    assert "\x1b" not in dot
    graph = pygraphviz.AGraph(string=dot)
    assert "a&lt;b&gt;&amp;amp;&quot;" in graph.graph_attr["label"]


# The library.


def test_library() -> None:
    program = adcli.load(SOURCE)
    drawing = program.graph(x1=2, x2=5, mode="reverse")
    (one,) = drawing.drawings
    assert (one.mode, one.has_values) == ("reverse", True)
    adjoints = {vertex.name: vertex.derivative for vertex in one.vertices if vertex.name}
    assert adjoints == {"x1": 5.5, "x2": pytest.approx(2 - math.cos(5)), "y": 1.0}
    assert drawing.title() == f"{SOURCE}: Reverse mode, y\u0304 = 1"
    is_dot(drawing.dot().encode())
    root = ElementTree.fromstring(drawing.svg())
    assert root.tag == f"{SVG}svg"
    assert drawing._repr_svg_() == drawing.svg()
    is_png(drawing.picture("png"))
    is_pdf(drawing.picture("pdf"))
    assert drawing.mermaid().startswith("---\ntitle: ")


@pytest.mark.parametrize("mode", ["", "forward", "reverse"])
def test_library_and_command_draw_the_same(run: Run, mode: str) -> None:
    drawing = adcli.load(SOURCE).graph({"x1": 2}, x2=5, mode=mode)
    arguments = ["graph", SOURCE, *POINT, *(["--mode", mode] if mode else [])]
    assert drawing.dot() == run(*arguments, "--format", "dot").out
    assert drawing.mermaid() == run(*arguments, "--format", "mermaid").out
    assert drawing.svg() == run(*arguments, "--format", "svg").out


def test_library_parts() -> None:
    program = adcli.load("f(x = 2, y = 3) = { p = x*y; p, sin(x) }")

    def names(drawings: Sequence[Diagram]) -> list[set[str]]:
        return [{v.name for v in one.vertices if v.name} for one in drawings]

    assert names(program.graph().drawings) == [{"x", "y", "p", "y2"}]
    assert len(program.graph(mode="forward").drawings) == 2
    assert len(program.graph(mode="reverse").drawings) == 2
    assert len(program.graph(mode="forward", wrt="y").drawings) == 1
    assert len(program.graph(mode="reverse", result="p").drawings) == 1
    (seeded,) = program.graph(mode="forward", seed={"x": 1, "y": 10}).drawings
    assert [v.derivative for v in seeded.vertices if v.name == "p"] == [3 + 10 * 2]
    (only,) = program.graph(result="f[1]").drawings
    assert "y" not in names([only])[0]
    (bare,) = program.graph(values=False).drawings
    assert not bare.has_values
    assert {vertex.value for vertex in bare.vertices} == {None}
    vector = adcli.load("sum(x)")
    (shaped,) = vector.graph(values=False, x=[1, 2, 3]).drawings
    assert {"x[1]", "x[2]", "x[3]"} < names([shaped])[0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"values": False, "mode": "forward"}, adcli.InputError, "a pass needs values"),
        ({"mode": "sideways"}, adcli.InputError, "no mode is called 'sideways'"),
        ({"wrt": "q"}, adcli.InputError, "no input is called 'q'"),
        ({"result": "q"}, adcli.InputError, "no result is called 'q'"),
        ({"mode": "forward", "seed": {"q": 1}}, adcli.InputError, "no input is called 'q'"),
        ({"q": 1}, adcli.InputError, "no input is called 'q'"),
        ({"seed": {"x": 1}}, adcli.InputError, "a seed is for a forward pass"),
        ({"seed": {"x": 1}, "mode": "reverse"}, adcli.InputError, "a seed is for a forward pass"),
        (
            {"seed": {"x": 1}, "mode": "forward", "wrt": "x"},
            adcli.InputError,
            "a seed is one pass",
        ),
        ({"max_nodes": 3}, adcli.LimitError, "4 nodes are too many; the limit is 3"),
        (
            {"max_nodes": 7, "mode": "forward"},
            adcli.LimitError,
            "4 nodes in each of 2 passes are too many; the limit is 7",
        ),
        ({"values": False, "q": 1}, adcli.InputError, "no input is called 'q'"),
    ],
)
def test_library_errors(options: dict[str, object], error: type[Exception], message: str) -> None:
    program = adcli.load("f(x = 2, y = 3) = x*y")
    with pytest.raises(error, match=re.escape(message)):
        program.graph(**options)  # type: ignore[arg-type]  # what a caller could write


def test_library_limits() -> None:
    program = adcli.load("f(x = 2, y = 3) = x*y")
    assert len(program.graph(max_nodes=4).drawings[0].vertices) == 4
    assert len(program.graph(max_nodes=8, mode="forward").drawings) == 2
    vector = adcli.load("prod(x)")
    assert len(vector.graph(x=[1] * 6, mode="forward").drawings) == 6
    with pytest.raises(adcli.LimitError, match="7 passes do not fit side by side"):
        vector.graph(x=[1] * 7, mode="forward")


@pytest.mark.parametrize("form", ["gif", "", "SVG", "dot"])
def test_library_unknown_picture(form: str) -> None:
    with pytest.raises(adcli.InputError, match=f"no picture is called '{form}'"):
        adcli.load("x^2").graph(x=1).picture(form)


def test_library_without_values_where_they_decide() -> None:
    program = adcli.load("while x < 9 { x = 2*x }; x")
    with pytest.raises(adcli.ProgramError, match="has no graph without values"):
        program.graph(values=False)
    (drawing,) = program.graph(x=3).drawings
    assert max(vertex.value or 0 for vertex in drawing.vertices) == 12


def test_a_start_imports_only_what_it_needs() -> None:
    code = (
        "import sys; from adcli.cli.main import main; "
        f"main(['graph', {SOURCE!r}, '--format', 'dot']); "
        "print([m for m in ('lark', 'rich', 'numpy', 'mpmath', 'pygraphviz', 'matplotlib')"
        " if m in sys.modules])"
    )
    for _ in range(2):  # the first may have to build the parser's tables
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60
        )
    assert done.stdout.splitlines()[-1] == "[]"
