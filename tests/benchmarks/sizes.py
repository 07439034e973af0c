"""Large programs: whole processes of `grad`, operations a second, bytes an operation.

    python tests/benchmarks/sizes.py [RUNS]

With HIPS autograd installed (the extra `bench`) the loop is run side by side with it.
Both gradients are compared before any time is taken.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import adcli, side_by_side

import adcli as library
from adcli.differentiate.reverse import reverse
from adcli.evaluate.floats import over_floats

TURNS = 250_000
LOOP = f"""\
x = 0*y
for i in 1..{TURNS} {{
    x = sin(x)*y + y/(2 + x)
}}
x
"""
PEER = "the loop in autograd"
AUTOGRAD_LOOP = f"""\
import autograd.numpy as np
from autograd import value_and_grad

def f(y):
    x = 0*y
    for i in range({TURNS}):
        x = np.sin(x)*y + y/(2 + x)
    return x

print(float(value_and_grad(f)(0.5)[1]))
"""


def programs() -> dict[str, str]:
    """The programs by name."""
    return {
        "sum of 100,000 terms": " + ".join(f"x^{1 + k % 7}*{k}" for k in range(100_000)),
        "100,000 parentheses": "(" * 100_000 + "x" + ")" * 100_000,
        "20,000 nested calls": "sin(" * 20_000 + "x" + ")" * 20_000,
        "100,000 minus signs": "-" * 100_000 + "x",
        f"loop, {5 * TURNS:,} operations": LOOP,
    }


def inside() -> None:
    """Operations a second of the tracer and of the reverse sweep, inside one process."""
    program = library.load(LOOP)
    start = time.perf_counter()
    run = program.run(y=0.5)
    traced = time.perf_counter()
    graph = run.graph
    (output,) = run.results.values()
    assert isinstance(output, int)
    reverse(graph, {output: 1.0}, graph.inputs, over_floats(graph))
    swept = time.perf_counter()
    operations = sum(1 for _ in graph.operations())
    print(f"traced         {operations / (traced - start):12,.0f} operations a second")
    print(f"differentiated {operations / (swept - traced):12,.0f} operations a second (reverse)")


def main() -> None:
    """Print the tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        paths: dict[str, tuple[Path, str]] = {}
        commands = {"one operation": adcli("grad", "sin(x)", "x=0.5", "--format", "json")}
        for number, (name, text) in enumerate(programs().items()):
            path = Path(folder, f"{number}.ad")
            path.write_text(text, encoding="utf-8")
            paths[name] = path, "y" if "loop" in name else "x"
            point = f"{paths[name][1]}=0.5"
            commands[name] = adcli(
                "grad", str(path), point, "--mode", "reverse", "--format", "json"
            )
        loop = name
        has_peer = importlib.util.find_spec("autograd") is not None
        if has_peer:
            commands[PEER] = [sys.executable, "-c", AUTOGRAD_LOOP]
            ours = json.loads(subprocess.check_output(commands[loop]))["gradient"]["y"]
            theirs = float(subprocess.check_output(commands[PEER]))
            assert abs(ours - theirs) <= 1e-12 * abs(theirs), (ours, theirs)
        timed = side_by_side(commands, runs, warm_up=False)

        # Counted last: a process that starts others passes its own peak on to them.
        operations = {"one operation": 1, PEER: 5 * TURNS}
        for name, (path, variable) in paths.items():
            graph = library.load(path).run({variable: 0.5}).graph
            operations[name] = sum(1 for _ in graph.operations())
    small = timed["one operation"].peak
    print(f"{'median of ' + str(runs):28} {'seconds':>8} {'operations':>11} {'bytes each':>11}")
    for name, one in timed.items():
        count = operations[name]
        each = f"{(one.peak - small) / count:11,.0f}" if count > 1000 else f"{'':11}"
        print(f"{name:28} {one.median:8.2f} {count:11,} {each}")
    if has_peer:
        ratio = timed[PEER].median / timed[loop].median
        print(f"autograd takes {ratio:.1f} x as long for the loop")
    inside()


if __name__ == "__main__":
    main()
