"""Who computes the value and the gradient of many rows in memory, each in its own best way."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from hand import by_hand
from programs import PROGRAMS, formula

import adcli


class Peer(NamedTuple):
    """A program made ready by a peer.

    Attributes:
        call: computes all rows; what is timed.
        columns: what that gave as columns, the value first; not timed.
    """

    call: Callable[[], Any]
    columns: Callable[[Any], Sequence[Any]]


def with_adcli(name: str, given: Mapping[str, Any]) -> Peer:
    """adcli's columns; the first call traces, differentiates and compiles."""
    program = adcli.load(PROGRAMS[name])
    return Peer(lambda: program.columns(given), lambda result: list(result.values()))


def with_jax(name: str, given: Mapping[str, Any]) -> Peer:
    """jit(vmap(value_and_grad)) in double precision, inputs on the device already."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = import_module("jax.numpy")

    class Names:
        log, exp, sin, cos, sqrt, abs, where, erf = (
            jnp.log, jnp.exp, jnp.sin, jnp.cos, jnp.sqrt, jnp.abs, jnp.where,
            staticmethod(import_module("jax.scipy.special").erf),
        )  # fmt: skip

    arrays = [jnp.asarray(column) for column in given.values()]
    count = len(arrays)
    gradient = jax.value_and_grad(lambda *x: formula(name, Names, list(x)), tuple(range(count)))
    compiled = jax.jit(jax.vmap(gradient))
    return Peer(
        lambda: jax.block_until_ready(compiled(*arrays)), lambda result: [result[0], *result[1]]
    )


def with_casadi(name: str, given: Mapping[str, Any]) -> Peer:
    """Function.map over threads, inputs and results in matrices of its own."""
    casadi = import_module("casadi")

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
    return Peer(
        lambda: mapped(matrix),
        lambda result: [result[0].full().ravel(), *result[1].full()],
    )


def with_numpy(name: str, given: Mapping[str, Any]) -> Peer:
    """NumPy by hand, a whole column at a time, in one thread."""
    function = by_hand(name, import_module("scipy.special").erf)
    matrix = np.vstack(list(given.values()))

    def call() -> Any:
        out = np.empty((matrix.shape[0] + 1, matrix.shape[1]))
        function(matrix, out)
        return out

    return Peer(call, list)


def with_numba(name: str, given: Mapping[str, Any]) -> Peer:
    """Numba's njit of a loop over what was written by hand; the first call compiles."""
    njit = import_module("numba").njit
    function = njit(by_hand(name, math.erf))
    matrix = np.vstack(list(given.values()))

    @njit  # type: ignore[untyped-decorator]
    def loop(matrix: Any, out: Any) -> None:
        for row in range(matrix.shape[1]):
            function(matrix[:, row], out[:, row])

    def call() -> Any:
        out = np.empty((matrix.shape[0] + 1, matrix.shape[1]))
        loop(matrix, out)
        return out

    return Peer(call, list)


Maker = Callable[[str, Mapping[str, Any]], Peer]
# What makes a peer, and the module that it needs.
MAKERS: dict[str, tuple[Maker, str]] = {
    "adcli": (with_adcli, "adcli"),
    "JAX": (with_jax, "jax"),
    "CasADi": (with_casadi, "casadi"),
    "NumPy by hand": (with_numpy, "scipy"),
    "Numba by hand": (with_numba, "numba"),
}


def installed(names: Sequence[str]) -> dict[str, Maker]:
    """Those of the peers that can be measured here."""
    return {
        name: MAKERS[name][0]
        for name in names
        if importlib.util.find_spec(MAKERS[name][1]) is not None
    }


def check(peer: str, name: str, expected: Sequence[Any], got: Sequence[Any]) -> None:
    """A peer computes the same columns, or there is nothing to compare.

    Raises:
        RuntimeError: it does not.
    """
    if len(expected) != len(got):
        raise RuntimeError(f"{peer}, {name}: {len(got)} columns instead of {len(expected)}")
    for number, (one, other) in enumerate(zip(expected, got, strict=True)):
        one, other = np.asarray(one), np.asarray(other)
        if one.shape != other.shape or not np.allclose(one, other, rtol=1e-9, atol=1e-11):
            what = f"partial {number}" if number else "value"
            raise RuntimeError(f"{peer}, {name}: the {what} is not that of adcli")
