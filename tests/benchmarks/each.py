"""How many expressions a second `each` differentiates, beside SymPy, autograd and cold starts.

    python tests/benchmarks/each.py [LINES] [RUNS]

Random formulas of 20 operations and four inputs, no two alike, a value and a gradient of each.
adcli is timed as whole processes, start and all; the peers in a process that has imported them,
from the same text to the same numbers, which are compared first.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from result import Line, Row, at_least, left_out, show
from timing import adcli, side_by_side

POINT = {"x": 1.3, "y": 0.7, "z": 2.1, "w": 0.4}
FUNCTIONS = ("sin", "cos", "tanh", "atan")
OPERATIONS = 20
# Expressions that the peers take part in: they need up to a second for each.
FEW = 12
Gradient = dict[str, float]


def formula(random_: random.Random) -> str:
    """A formula that adcli, SymPy and Python read alike, finite with its derivatives."""
    names = list(POINT)
    text = random_.choice(names)
    for _ in range(OPERATIONS):
        other = random_.choice(names)
        if random_.random() < 0.3:
            other = f"{random_.uniform(0.1, 5):.2f}"
        text = random_.choice(
            [
                f"{random_.choice(FUNCTIONS)}({text})",
                f"{random_.choice(FUNCTIONS)}({text})",
                f"{text} + {other}",
                f"{text} - {other}",
                f"({text})*{other}",
                f"({text})/{other}",
                f"({text})**2",
            ]
        )
    # Squares of squares would leave the doubles.
    return f"tanh(({text})*0.001)"


def by_sympy() -> Callable[[str], tuple[float, Gradient]]:
    """Parse, differentiate symbolically, evaluate."""
    import sympy

    symbols = {name: sympy.Symbol(name) for name in POINT}

    def differentiate(text: str) -> tuple[float, Gradient]:
        parsed = sympy.parse_expr(text, local_dict=symbols)
        at = {symbols[name]: number for name, number in POINT.items()}
        gradient = {
            str(name): float(parsed.diff(name).subs(at))
            for name in sorted(parsed.free_symbols, key=str)
        }
        return float(parsed.subs(at)), gradient

    return differentiate


def by_autograd() -> Callable[[str], tuple[float, Gradient]]:
    """Python's own parser, reverse mode."""
    import autograd
    import autograd.numpy as numpy

    scope = {"sin": numpy.sin, "cos": numpy.cos, "tanh": numpy.tanh, "atan": numpy.arctan}

    def differentiate(text: str) -> tuple[float, Gradient]:
        code = compile(text, "formula", "eval")

        def at(point: dict[str, float]) -> float:
            result: float = eval(code, scope, point)
            return result

        value, gradient = autograd.value_and_grad(at)(dict(POINT))
        return float(value), {
            name: float(x) for name, x in gradient.items() if name in code.co_names
        }

    return differentiate


PEERS = {"SymPy": ("sympy", by_sympy), "autograd": ("autograd", by_autograd)}


def rate(differentiate: Callable[[str], object], texts: list[str]) -> float:
    """Expressions a second, after one that is not counted."""
    differentiate(texts[0])
    start = time.perf_counter()
    for text in texts[1:]:
        differentiate(text)
    return (len(texts) - 1) / (time.perf_counter() - start)


def check(name: str, found: tuple[float, Gradient], answer: dict[str, object]) -> None:
    """Raise unless a peer found what adcli did.

    Raises:
        RuntimeError: it did not.
    """
    value, gradient = found
    pairs = [
        (value, answer["value"]),
        *((gradient.get(key, 0.0), x) for key, x in answer["gradient"].items()),
    ]  # type: ignore[attr-defined]
    for one, other in pairs:
        if not math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-12):  # type: ignore[arg-type]
            raise RuntimeError(f"{name} finds {found}, adcli {answer}")


def row(lines: int = 20_000, runs: int = 5) -> Row:
    """The row of the table."""
    random_ = random.Random(7)
    texts = [formula(random_) for _ in range(lines)]
    point = [f"{name}={number}" for name, number in POINT.items()]
    processors = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "formulas.txt"
        path.write_text("\n".join(texts) + "\n")
        each = adcli("each", str(path), *point)
        output = subprocess.run(each, stdout=subprocess.PIPE, check=True).stdout.splitlines()
        answers = [json.loads(line) for line in output]
        if len(answers) != lines or any(answer["value"] is None for answer in answers):
            raise RuntimeError("not every expression has a value")
        one = next(text for text in texts if all(name in text for name in POINT))
        again = "\n".join(json.dumps({"source": one, "at": {"x": i + 1}}) for i in range(lines))
        same = Path(folder) / "same.jsonl"
        same.write_text(again + "\n")
        shared = f"each, {processors} processes"
        timed = side_by_side(
            {
                "each, 1 process": [*each, "--jobs", "1"],
                shared: [*each, "--jobs", str(processors)],
                "each, one formula at other points, 1 process": adcli(
                    "each", str(same), *point, "--jobs", "1"
                ),
                "cold": adcli("grad", one, *point, "--format", "json"),
            },
            runs,
        )
    cold = 1 / timed.pop("cold").median
    found = [Line("grad, a process for each", f"{cold:.1f}/s")]
    for name, runs_of in timed.items():
        speed = lines / runs_of.median
        text = f"{speed:,.0f}/s, {speed / cold:,.0f} x"
        if name == "each, 1 process":
            found.append(at_least(name, text, speed, 1_000, "/s"))
        else:
            found.append(Line(name, text))
    for name, (module, make) in PEERS.items():
        if importlib.util.find_spec(module) is None:
            found.append(left_out(name))
            continue
        differentiate = make()
        for text, answer in zip(texts[:FEW], answers, strict=False):
            check(name, differentiate(text), answer)
        found.append(Line(name, f"{rate(differentiate, texts[:FEW]):,.1f}/s"))
    return Row("expressions a second, `each`", found)


if __name__ == "__main__":
    show(row(*map(int, sys.argv[1:])))
