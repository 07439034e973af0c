"""The machine that native code is made for, and the functions of its C library."""

from __future__ import annotations

import ctypes
import ctypes.util
import threading
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from adcli.graph.primitives import CONSTANT, compute


class Target:
    """The machine that code is made for.

    Args:
        vectors: whether the vector library of the C library may be used.

    Attributes:
        lanes: how many doubles a vector has.
        vector_library: the name of the vector library, "" if there is none or it is not
            to be used.
        fills_lines: whether a vector is a whole line of the cache.
    """

    def __init__(self, *, vectors: bool = True) -> None:
        _initialize()
        features = llvm.get_host_cpu_features()
        self.lanes = 8 if features.get("avx512f") else 4 if features.get("avx2") else 2
        self.fills_lines = self.lanes == 8
        # The letters of the vector ABI for x86: b SSE, d AVX2, e AVX-512.
        self._letter = {8: "e", 4: "d", 2: "b"}[self.lanes]
        self._library = _load("mvec", "libmvec.so.1") if vectors else None
        self._scalar = _load("m", "libm.so.6")
        self.vector_library = "libmvec" if self._library is not None else ""
        # Not 256 bits, as LLVM prefers on some machines that have 512.
        wide = ",-prefer-256-bit" if self.lanes == 8 else ""
        self._features = features.flatten() + wide

    def machine(self) -> llvm.TargetMachine:
        """Makes code for this machine.

        Level 0: such straight code runs no faster at others, and compiles slower.
        """
        return llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=self._features, opt=0, jit=True
        )

    def function(self, name: str, arity: int, code: int = CONSTANT) -> tuple[int, bool]:
        """The address of a function of the C library, and whether it takes vectors.

        Args:
            name: its name there, as `log`.
            arity: how many arguments it takes.
            code: of the primitive whose kernel it is if there is none; CONSTANT for none.

        Raises:
            RuntimeError: there is none.
        """
        symbol = f"_ZGV{self._letter}N{self.lanes}{'v' * arity}_{name}"
        for library, found, is_vector in (
            (self._library, symbol, True),
            (self._scalar, name, False),
        ):
            address = None if library is None else _address(library, found)
            if address is not None:
                return address, is_vector
        if code == CONSTANT:
            raise RuntimeError(f"the C library has no {name}")
        address = ctypes.cast(_kernel(code, arity), ctypes.c_void_p).value
        assert address is not None
        return address, False


@cache  # code may call it as long as there is any
def _kernel(code: int, arity: int) -> Any:
    """A primitive's kernel as a function of C: a call of Python for each number."""
    kind = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * arity)
    return kind(lambda *arguments: compute(code, *arguments))


_lock = threading.Lock()
_is_initialized = False


def _initialize() -> None:
    global _is_initialized
    with _lock:
        if not _is_initialized:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            _is_initialized = True


def _load(name: str, usual: str) -> ctypes.CDLL | None:
    """A shared library; the search for it runs a program, so its usual name comes first."""
    try:
        return ctypes.CDLL(usual)
    except OSError:
        path = ctypes.util.find_library(name)
    try:
        return ctypes.CDLL(path) if path else None
    except OSError:
        return None


def _address(library: ctypes.CDLL, symbol: str) -> int | None:
    try:
        return ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
    except AttributeError:
        return None
