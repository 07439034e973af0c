"""Large programs: whole processes of `grad`, operations a second, bytes an operation.

    python tests/benchmarks/sizes.py [RUNS]

The sum and the loop run side by side with CasADi and HIPS autograd, which build them in a
Python loop; SymPy is given the text. Values and gradients are compared before any time is
taken. Memory is the peak of a process less that of the same process with a program of one
operation, or one turn.
"""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from result import Line, Row, left_out, show
from timing import Timed, adcli, apart, side_by_side

import adcli as library

SMALL = "one operation"
# The bodies of the peers, where y is the result: what the texts below say.
SUM = "y = y + x**(1 + k % 7)*k"
LOOP = "y = sin(y)*x + x/(2 + y)"
FUNCTION = """
def f(x):
    y = 0*x
    for k in range({turns}):
        {body}
    return y
"""
MODULES = {
    "CasADi": (
        "casadi",
        "from casadi import SX, Function, gradient, sin"
        + FUNCTION
        + 'x = SX.sym("x")\n'
        + 'y = f(x)\nvalue, slope = Function("f", [x], [y, gradient(y, x)])(0.5)\n'
        + "print(repr(float(value)), repr(float(slope)))",
    ),
    "autograd": (
        "autograd",
        "from autograd import value_and_grad\nfrom autograd.numpy import sin"
        + FUNCTION
        + "value, slope = value_and_grad(f)(0.5)\n"
        + "print(repr(float(value)), repr(float(slope)))",
    ),
}
SYMPY = """\
import sympy
f = sympy.sympify(open({path!r}).read())
x = sympy.Symbol("x")
print(float(f.subs(x, 0.5)), float(f.diff(x).subs(x, 0.5)))
"""


@dataclass(frozen=True)
class Size:
    """A large program.

    Attributes:
        text: of adcli.
        body: a turn of the peers' loop; empty if they cannot build it.
        turns: how many of those.
        sympy: whether SymPy may try to read the text.
    """

    text: str
    body: str = ""
    turns: int = 0
    sympy: bool = False


def programs(share: int) -> dict[str, Size]:
    """The programs by name, each a `share`-th as long as the contract has it."""
    n, turns = 100_000 // share, 200_000 // share
    terms = " + ".join(f"x^{1 + k % 7}*{k}" for k in range(n))
    loop = f"y = 0*x\nfor k in 1..{turns} {{ y = sin(y)*x + x/(2 + y) }}\ny"
    return {
        f"sum of {n:,} terms": Size(terms, SUM, n, sympy=True),
        f"{n:,} parentheses": Size("(" * n + "x" + ")" * n, sympy=True),
        f"{n // 5:,} nested calls": Size("sin(" * (n // 5) + "x" + ")" * (n // 5)),
        f"{n:,} minus signs": Size("-" * n + "x"),
        f"loop of {5 * turns:,} operations": Size(loop, LOOP, turns),
    }


def ours(command: list[str]) -> tuple[float, float]:
    """Value and derivative that adcli printed."""
    found = json.loads(subprocess.check_output(command))
    return found["value"], found["gradient"]["x"]


def check(peer: str, expected: tuple[float, float], command: list[str]) -> str:
    """Why a peer has no result; empty if it has the one of adcli.

    Raises:
        RuntimeError: it has another one.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "Error" in line]
        return errors[-1].split(":")[0] if errors else f"exit status {done.returncode}"
    for one, other in zip(expected, map(float, done.stdout.split()), strict=True):
        if not math.isclose(one, other, rel_tol=1e-10):
            raise RuntimeError(f"{peer} has {other!r}, adcli {one!r}")
    return ""


@dataclass
class Found:
    """What was measured.

    Attributes:
        timed: by command.
        operations: in the graph of each program.
        failed: why a peer has no result.
    """

    timed: dict[str, Timed]
    operations: dict[str, int]
    failed: dict[str, str]


def measure(share: int, runs: int) -> Found:
    """Whole processes, adcli's and the peers' in turn."""
    here = {peer for peer, (module, _) in MODULES.items() if importlib.util.find_spec(module)}
    sizes = programs(share)
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        options = ("x=0.5", "--mode", "reverse", "--format", "json")
        commands = {SMALL: adcli("grad", "sin(x)", *options)}
        for peer in sorted(here):
            one = MODULES[peer][1].format(body=LOOP, turns=1)
            commands[f"{peer}, {SMALL}"] = [sys.executable, "-c", one]
        for number, (name, size) in enumerate(sizes.items()):
            path = Path(folder, f"{number}.ad")
            path.write_text(size.text, encoding="utf-8")
            commands[name] = adcli("grad", str(path), *options)
            expected = ours(commands[name])
            peers = {}
            if size.body:
                for peer in sorted(here):
                    peers[peer] = MODULES[peer][1].format(body=size.body, turns=size.turns)
            if size.sympy and importlib.util.find_spec("sympy"):
                peers["SymPy"] = SYMPY.format(path=str(path))
            for peer, text in peers.items():
                command, key = [sys.executable, "-c", text], f"{peer}, {name}"
                reason = check(key, expected, command)
                if reason:
                    failed[key] = reason
                else:
                    commands[key] = command
        timed = apart(side_by_side, commands, runs, False)
    operations = {}
    for name, size in sizes.items():
        graph = library.load(size.text).run(x=0.5).graph
        operations[name] = sum(1 for _ in graph.operations())
    return Found(timed, operations, failed)


def inside(text: str) -> tuple[float, float]:
    """Operations a second of the tracer and of the reverse sweep, inside one process."""
    from adcli.differentiate.reverse import reverse
    from adcli.evaluate.floats import over_floats

    program = library.load(text)
    start = time.perf_counter()
    run = program.run(x=0.5)
    traced = time.perf_counter()
    graph = run.graph
    (output,) = run.results.values()
    assert isinstance(output, int)
    reverse(graph, {output: 1.0}, graph.inputs, over_floats(graph))
    swept = time.perf_counter()
    operations = sum(1 for _ in graph.operations())
    return operations / (traced - start), operations / (swept - traced)


def row(share: int = 1, runs: int = 3) -> Row:
    """The row of the table."""
    found = measure(share, runs)
    lines = []
    for name, count in found.operations.items():
        for peer in ("", *MODULES, "SymPy"):
            key = f"{peer}, {name}" if peer else name
            if key in found.failed:
                lines.append(Line(f"  {peer}", f"no result: {found.failed[key]}"))
                continue
            if key not in found.timed:
                continue
            one, small = found.timed[key], found.timed.get(f"{peer}, {SMALL}" if peer else SMALL)
            text = f"{one.median:.2f} s"
            if count > 1000 and small is not None:
                text += f", {(one.peak - small.peak) / count:,.0f} bytes an operation"
            if peer:
                ratio = one.median / found.timed[name].median
                lines.append(Line(f"  {peer}", f"{text}, {ratio:.1f} x adcli"))
            else:
                lines.append(Line(name, text, "finishes", True))
    for peer, module in (*((peer, MODULES[peer][0]) for peer in MODULES), ("SymPy", "sympy")):
        if not importlib.util.find_spec(module):
            lines.append(left_out(peer))
    traced, swept = inside(list(programs(share).values())[-1].text)
    lines.append(Line("the loop, in one process", f"{traced:,.0f} operations a second traced"))
    lines.append(Line("", f"{swept:,.0f} a second swept in reverse"))
    return Row(f"size: whole processes of grad, median of {runs}", lines)


def main() -> None:
    """Print the row."""
    show(row(runs=int(sys.argv[1]) if len(sys.argv) > 1 else 3))


if __name__ == "__main__":
    main()
