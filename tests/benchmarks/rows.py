"""Value and gradient of a million rows in memory: adcli beside JAX, CasADi and NumPy by hand.

python tests/benchmarks/rows.py [ROWS] [RUNS] [PEERS]

All use all cores where they can. Results are compared before any time is taken; times are
medians of interleaved runs, the first call of each apart. Each call that is timed follows one
of the same peer that is not: else who runs after CasADi, which takes a second in one thread,
pays for cores that have gone to sleep. Peers that are not installed are left out.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import adcli

PROGRAMS = {
    "running example": "f(x1, x2) = ln(x1) + x1*x2 - sin(x2)",
    "Black-Scholes": (
        "f(S, K, r, sigma, T) = { d1 = (ln(S/K) + (r + sigma^2/2)*T)/(sigma*sqrt(T))\n"
        "S*normcdf(d1) - K*exp(-r*T)*normcdf(d1 - sigma*sqrt(T)) }"
    ),
    "Rosenbrock in 10": ("f(x[10]) = sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..9)"),
    "robust loss": (
        "f(a, b, d, x, y) = { r = y - a*x - b\nif abs(r) <= d then r^2/2 else d*(abs(r) - d/2) }"
    ),
    "camera": (
        "f(w1, w2, w3, t1, t2, t3, focal, k1, k2, X, Y, Z, u, v) = {\n"
        "angle = sqrt(w1^2 + w2^2 + w3^2); a = w1/angle; b = w2/angle; c = w3/angle\n"
        "cs = cos(angle); sn = sin(angle); dot = (a*X + b*Y + c*Z)*(1 - cs)\n"
        "px = X*cs + (b*Z - c*Y)*sn + a*dot + t1\n"
        "py = Y*cs + (c*X - a*Z)*sn + b*dot + t2\n"
        "pz = Z*cs + (a*Y - b*X)*sn + c*dot + t3\n"
        "x = -px/pz; y = -py/pz; n = x*x + y*y; d = 1 + n*(k1 + k2*n)\n"
        "(focal*d*x - u)^2 + (focal*d*y - v)^2 }"
    ),
}


def columns(name: str, rows: int) -> dict[str, Any]:
    """Values in the domain of a program."""
    random = np.random.default_rng(7)
    program = adcli.load(PROGRAMS[name])
    if name == "Rosenbrock in 10":
        return {f"x[{i}]": random.uniform(-2, 2, rows) for i in range(1, 11)}
    low, high = (0.1, 2.0) if name != "robust loss" else (-2.0, 2.0)
    return {x: random.uniform(low, high, rows) for x in program.inputs}


# The same by hand, in the vocabulary of an array library.


def formula(name: str, m: Any, x: list[Any]) -> Any:
    """The program over arrays or symbols; m has log, exp, sin, cos, sqrt, erf, abs, where."""
    if name == "running example":
        return m.log(x[0]) + x[0] * x[1] - m.sin(x[1])
    if name == "Black-Scholes":
        S, K, r, sigma, T = x  # noqa: N806
        d1 = (m.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * m.sqrt(T))

        def cdf(z: Any) -> Any:
            return 0.5 * (1 + m.erf(z / math.sqrt(2)))

        return S * cdf(d1) - K * m.exp(-r * T) * cdf(d1 - sigma * m.sqrt(T))
    if name == "Rosenbrock in 10":
        total = 0.0
        for i in range(9):
            total = total + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
        return total
    if name == "robust loss":
        a, b, d, px, y = x
        r = y - a * px - b
        return m.where(m.abs(r) <= d, r**2 / 2, d * (m.abs(r) - d / 2))
    w1, w2, w3, t1, t2, t3, focal, k1, k2, X, Y, Z, u, v = x  # noqa: N806
    angle = m.sqrt(w1**2 + w2**2 + w3**2)
    a, b, c = w1 / angle, w2 / angle, w3 / angle
    cs, sn = m.cos(angle), m.sin(angle)
    dot = (a * X + b * Y + c * Z) * (1 - cs)
    px = X * cs + (b * Z - c * Y) * sn + a * dot + t1
    py = Y * cs + (c * X - a * Z) * sn + b * dot + t2
    pz = Z * cs + (a * Y - b * X) * sn + c * dot + t3
    xx, yy = -px / pz, -py / pz
    n = xx * xx + yy * yy
    d = 1 + n * (k1 + k2 * n)
    return (focal * d * xx - u) ** 2 + (focal * d * yy - v) ** 2


Peer = Callable[[], list[Any]]


def with_adcli(name: str, given: Mapping[str, Any]) -> Peer:
    """adcli's columns; the first call traces, differentiates and compiles."""
    program = adcli.load(PROGRAMS[name])
    return lambda: list(program.columns(given).values())


def with_jax(name: str, given: Mapping[str, Any]) -> Peer | None:
    """jit(vmap(value_and_grad)) in double precision, inputs on the device already."""
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from jax.scipy.special import erf

    class Names:
        log, exp, sin, cos, sqrt, abs, where = (
            jnp.log, jnp.exp, jnp.sin, jnp.cos, jnp.sqrt, jnp.abs, jnp.where,
        )  # fmt: skip

    Names.erf = staticmethod(erf)  # type: ignore[attr-defined]
    arrays = [jnp.asarray(column) for column in given.values()]
    count = len(arrays)
    gradient = jax.value_and_grad(lambda *x: formula(name, Names, list(x)), tuple(range(count)))
    compiled = jax.jit(jax.vmap(gradient))

    def call() -> list[Any]:
        value, partials = jax.block_until_ready(compiled(*arrays))
        return [value, *partials]

    return call


def with_casadi(name: str, given: Mapping[str, Any]) -> Peer | None:
    """Function.map over threads."""
    try:
        import casadi
    except ImportError:
        return None

    class Names:
        log, exp, sin, cos, sqrt, erf = (
            casadi.log, casadi.exp, casadi.sin, casadi.cos, casadi.sqrt, casadi.erf,
        )  # fmt: skip
        abs = casadi.fabs
        where = casadi.if_else

    count = len(given)
    x = casadi.SX.sym("x", count)
    value = formula(name, Names, [x[i] for i in range(count)])
    both = casadi.Function("f", [x], [value, casadi.gradient(value, x)])
    matrix = casadi.DM(np.vstack(list(given.values())))
    mapped = both.map(matrix.shape[1], "thread", os.cpu_count() or 1)

    def call() -> list[Any]:
        value, partials = mapped(matrix)
        rows = partials.full()
        return [value.full().ravel(), *rows]

    return call


def main() -> None:
    """Print the table."""
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    makers = {"adcli": with_adcli, "JAX": with_jax, "CasADi": with_casadi}
    if len(sys.argv) > 3:
        makers = {peer: makers[peer] for peer in ("adcli", *sys.argv[3].split(","))}
    ratios: dict[str, list[float]] = {}
    print(f"{rows:,} rows, median of {runs}, ns a row; first: ms until the first result")
    for name in PROGRAMS:
        given = columns(name, rows)
        small = {key: column[:4096] for key, column in given.items()}
        firsts, peers = {}, {}
        expected: list[Any] | None = None
        for peer, make in makers.items():
            start = time.perf_counter()
            call = make(name, small)
            if call is None:
                continue
            got = [np.asarray(column) for column in call()]
            firsts[peer] = time.perf_counter() - start
            if expected is None:
                expected = got
            for one, other in zip(expected, got, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
            peers[peer] = make(name, given)
            peers[peer]()
        times: dict[str, list[float]] = {peer: [] for peer in peers}
        for _ in range(runs):
            for peer, call in peers.items():
                call()
                start = time.perf_counter()
                call()
                times[peer].append(time.perf_counter() - start)
        medians = {peer: statistics.median(found) for peer, found in times.items()}
        line = f"{name:18}"
        for peer, median in medians.items():
            ratio = median / medians["adcli"]
            ratios.setdefault(peer, []).append(ratio)
            first = f"first {firsts[peer] * 1e3:5.0f}"
            line += f" | {peer} {median / rows * 1e9:7.1f} ({ratio:5.1f} x) {first}"
        print(line, flush=True)
    for peer, found in ratios.items():
        print(f"{peer}: geometric mean {math.exp(sum(map(math.log, found)) / len(found)):.1f} x")


if __name__ == "__main__":
    main()
