"""Gradients, Hessians and series as whole processes, Hessians beside HIPS autograd.

    python tests/benchmarks/matrices.py [RUNS]

The same Hessians are computed by both, and compared, before any time is taken. Autograd
has the functions written with numpy arrays, which is how it is fast; both print all numbers.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import adcli, side_by_side

N = 1000
PROGRAMS = {
    "Rosenbrock": (
        "f(x[]) = sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..len(x)-1)",
        "np.sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
    ),
    "log-sum-exp": ("f(x[]) = ln(sum(exp(x)))", "np.log(np.sum(np.exp(x)))"),
}
AUTOGRAD = """\
import json
import autograd.numpy as np
from autograd import {what}
x = np.array(json.load(open({point!r}))["x"])
y = {what}(lambda x: {body})(x)
print(json.dumps(y.tolist()))
"""


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    has_peer = importlib.util.find_spec("autograd") is not None
    with tempfile.TemporaryDirectory() as folder:
        point = str(Path(folder, "point.json"))
        x = [(-1.2, 1.0)[i % 2] + i / N / 7 for i in range(N)]
        Path(point).write_text(json.dumps({"x": x}), encoding="utf-8")
        commands: dict[str, list[str]] = {}
        for name, (program, body) in PROGRAMS.items():
            common = (program, "--at", point, "--format", "json")
            commands[f"{name}: gradient"] = adcli("grad", *common)
            commands[f"{name}: sparse Hessian"] = adcli("hessian", "--sparse", *common)
            commands[f"{name}: Hessian"] = adcli("hessian", *common)
            if has_peer:
                for what in ("grad", "hessian"):
                    text = AUTOGRAD.format(what=what, point=point, body=body)
                    commands[f"{name}: {what} in autograd"] = [sys.executable, "-c", text]
                compare(commands[f"{name}: Hessian"], commands[f"{name}: hessian in autograd"])
        commands["ln(1 + x), order 999"] = adcli(
            "taylor", "ln(1 + x)", "x=0", "--order", "999", "--format", "json"
        )
        commands["exp(sin(x))*cos(x), order 999"] = adcli(
            "taylor", "exp(sin(x))*cos(x)", "x=0.5", "--order", "999", "--format", "json"
        )
        timed = side_by_side(commands, runs)
    print(f"median of {runs}, {N} variables")
    for name, one in timed.items():
        print(f"{name:36} {one.median:7.3f} s")
    if has_peer:
        for name in PROGRAMS:
            ours = timed[f"{name}: Hessian"].median
            theirs = timed[f"{name}: hessian in autograd"].median
            print(f"autograd takes {theirs / ours:.1f} x as long for the Hessian of {name}")


def compare(ours: list[str], theirs: list[str]) -> None:
    """Both Hessians are the same, or there is nothing to compare."""
    import numpy as np

    one = np.array(json.loads(subprocess.check_output(ours))["hessian"])
    other = np.array(json.loads(subprocess.check_output(theirs)))
    assert np.allclose(one, other, rtol=1e-10, atol=1e-12), np.abs(one - other).max()


if __name__ == "__main__":
    main()
