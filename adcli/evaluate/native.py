"""A graph over columns: LLVM vector code for it, compiled once and run over blocks of rows.

The code is straight: all rows go through the same operations, a vector of them at a time,
and a choice takes one of two values. Transcendental functions are those of the C library:
its vector library (glibc's libmvec, at most 4 ulp) by name where there is one, else the
scalar ones, lane by lane. There is no reassociation and no contraction, so that a row's
bits do not depend on its place.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import llvmlite.binding as llvm

from adcli.graph import conditions
from adcli.graph.conditions import Condition
from adcli.graph.open import SELECT, OpenGraph
from adcli.graph.primitives import BY_NAME, CONSTANT, INPUT, POW
from adcli.graph.wengert import UNARY, Scalar

# Functions of this many operations at most: beyond, compile time would not be linear.
_LONGEST = 1_000

_INFIX = {BY_NAME[name].code: f"f{name}" for name in ("add", "sub", "mul", "div")}
_INTRINSICS = {
    BY_NAME[name].code: function
    for name, function in {
        "abs": "fabs",
        "floor": "floor",
        "ceil": "ceil",
        "round": "roundeven",
        "sqrt": "sqrt",
        "max": "maximum",
        "min": "minimum",
    }.items()
}
_NEG, _SIGN, _MOD = (BY_NAME[name].code for name in ("neg", "sign", "mod"))
# Our names -> those of the C library.
_LIBRARY = {
    BY_NAME[name].code: {"ln": "log"}.get(name, name)
    for name in (
        *("pow", "atan2", "hypot", "cbrt", "exp", "exp2", "expm1", "ln", "log2", "log10", "log1p"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh"),
        *("atanh", "erf", "erfc"),
    )
}
_COMPARE = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}


class Target:
    """The machine that code is made for.

    Attributes:
        lanes: how many doubles a vector has.
        vector_library: the name of the vector library, "" if there is none or it is not
            to be used.
    """

    def __init__(self, *, vectors: bool = True) -> None:
        _initialize()
        features = llvm.get_host_cpu_features()
        self.lanes = 8 if features.get("avx512f") else 4 if features.get("avx2") else 2
        # The letters of the vector ABI for x86: b SSE, d AVX2, e AVX-512.
        self._letter = {8: "e", 4: "d", 2: "b"}[self.lanes]
        self._library = _load("mvec") if vectors else None
        self._scalar = _load("m")
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

    def function(self, name: str, arity: int) -> tuple[str, bool]:
        """The symbol to call for a function of the C library, and whether it takes vectors."""
        symbol = f"_ZGV{self._letter}N{self.lanes}{'v' * arity}_{name}"
        for library, found, is_vector in (
            (self._library, symbol, True),
            (self._scalar, name, False),
        ):
            address = None if library is None else _address(library, found)
            if address is not None:
                llvm.add_symbol(found, address)
                return found, is_vector
        raise RuntimeError(f"the C library has no {name}")


_lock = threading.Lock()
_is_initialized = False


def _initialize() -> None:
    global _is_initialized
    with _lock:
        if not _is_initialized:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            _is_initialized = True


def _load(name: str) -> ctypes.CDLL | None:
    path = ctypes.util.find_library(name)
    for candidate in (path, f"lib{name}.so.1", f"lib{name}.so.6"):
        if candidate:
            try:
                return ctypes.CDLL(candidate)
            except OSError:
                continue
    return None


def _address(library: ctypes.CDLL, symbol: str) -> int | None:
    try:
        return ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
    except AttributeError:
        return None


class Kernel:
    """Compiled code for the results of a graph.

    Args:
        graph: the graph.
        inputs: the nodes that columns are read into, in order.
        outputs: what is computed for each row, in order.
        target: the machine.

    Attributes:
        operations: how many operations a row takes.
        lanes: rows are computed so many at a time.
    """

    def __init__(
        self,
        graph: OpenGraph,
        inputs: Sequence[int],
        outputs: Sequence[Scalar | Condition | bool],
        target: Target,
    ) -> None:
        text, self.operations = _Writer(graph, inputs, outputs, target).module()
        module = llvm.parse_assembly(text)
        self._engine = llvm.create_mcjit_compiler(module, target.machine())
        self._engine.finalize_object()
        address = self._engine.get_function_address("kernel")
        pointers = ctypes.POINTER(ctypes.c_void_p)
        self._run = ctypes.CFUNCTYPE(None, pointers, pointers, ctypes.c_int64)(address)
        self.lanes = target.lanes

    def run(self, inputs: Sequence[int], outputs: Sequence[int], rows: int) -> None:
        """Compute rows; other threads run meanwhile.

        Args:
            inputs: the addresses of the columns.
            outputs: the addresses of columns of doubles to write.
            rows: how many rows, a multiple of `lanes`.
        """
        sources = (ctypes.c_void_p * max(len(inputs), 1))(*inputs)
        targets = (ctypes.c_void_p * max(len(outputs), 1))(*outputs)
        self._run(sources, targets, rows)


class _Writer:
    """Writes the code as text, a line an operation: parsing it is LLVM's own work."""

    def __init__(
        self,
        graph: OpenGraph,
        inputs: Sequence[int],
        outputs: Sequence[Scalar | Condition | bool],
        target: Target,
    ) -> None:
        self.graph = graph
        self.inputs = {node: i for i, node in enumerate(inputs)}
        self.outputs = outputs
        self.target = target
        self.vector = f"<{target.lanes} x double>"
        self.mask = f"<{target.lanes} x i1>"
        self.declared: dict[str, str] = {}
        self.fresh = 0

    def module(self) -> tuple[str, int]:
        """The text of the module, and how many operations it has."""
        nodes, used = self._needed()
        chunks = _Chunks(self, nodes, used)
        functions = chunks.functions()
        return "\n".join([*self.declared.values(), *functions]), len(nodes)

    def _needed(self) -> tuple[list[int], list[Condition]]:
        """The operations that the outputs need, and the conditions, in order."""
        graph = self.graph
        pending: list[Any] = [x for x in self.outputs if not isinstance(x, (float, bool))]
        nodes: set[int] = set()
        found: dict[int, Condition] = {}
        while pending:
            x = pending.pop()
            if isinstance(x, Condition):
                if x.index not in found:
                    found[x.index] = x
                    pending += x.parts
                    pending += [y for y in x.scalars if type(y) is int]
            elif x not in nodes and graph.op[x] > CONSTANT:
                nodes.add(x)
                pending += graph.operands(x)
                if graph.op[x] == SELECT:
                    pending.append(graph.chooses[x])
        return sorted(nodes), [found[i] for i in sorted(found)]

    def constant(self, number: float) -> str:
        """A constant in each lane."""
        (bits,) = struct.unpack("<Q", struct.pack("<d", number))
        return f"splat (double 0x{bits:016X})"

    def new(self) -> str:
        """A name that is not used yet."""
        self.fresh += 1
        return f"%t{self.fresh}"

    def intrinsic(self, name: str, arguments: Sequence[str]) -> str:
        """A call of an intrinsic function of LLVM on vectors."""
        symbol = f"llvm.{name}.v{self.target.lanes}f64"
        return self._call(symbol, self.vector, arguments)

    def _call(self, symbol: str, kind: str, arguments: Sequence[str]) -> str:
        kinds = ", ".join([kind] * len(arguments))
        self.declared[symbol] = f"declare {kind} @{symbol}({kinds}) nounwind memory(none)"
        listed = ", ".join(f"{kind} {argument}" for argument in arguments)
        return f"call {kind} @{symbol}({listed})"

    def operation(self, target: str, code: int, operands: Sequence[str]) -> Iterator[str]:
        """The lines that compute an operation."""
        vector = self.vector
        if code in _INFIX:
            yield f"{target} = {_INFIX[code]} {vector} {operands[0]}, {operands[1]}"
        elif code == _NEG:
            yield f"{target} = fneg {vector} {operands[0]}"
        elif code in _INTRINSICS:
            yield f"{target} = {self.intrinsic(_INTRINSICS[code], operands)}"
        elif code == _SIGN:
            one, is_signed = self.new(), self.new()
            zero = self.constant(0.0)
            yield f"{one} = {self.intrinsic('copysign', [self.constant(1.0), operands[0]])}"
            yield f"{is_signed} = fcmp one {vector} {operands[0]}, {zero}"
            yield self.select(target, is_signed, one, operands[0])
        elif code == _MOD:
            yield from self._modulo(target, *operands)
        else:
            yield from self.library(target, _LIBRARY[code], operands)

    def select(self, target: str, condition: str, yes: str, no: str) -> str:
        """One of two values."""
        vector = self.vector
        return f"{target} = select {self.mask} {condition}, {vector} {yes}, {vector} {no}"

    def library(self, target: str, name: str, operands: Sequence[str]) -> Iterator[str]:
        """A function of the C library, of vectors or lane by lane."""
        symbol, is_vector = self.target.function(name, len(operands))
        if is_vector:
            yield f"{target} = {self._call(symbol, self.vector, operands)}"
            return
        vector = self.vector
        whole = "poison"
        for lane in range(self.target.lanes):
            parts = []
            for operand in operands:
                part = self.new()
                yield f"{part} = extractelement {vector} {operand}, i32 {lane}"
                parts.append(part)
            value = self.new()
            yield f"{value} = {self._call(symbol, 'double', parts)}"
            last = lane == self.target.lanes - 1
            following = target if last else self.new()
            yield f"{following} = insertelement {vector} {whole}, double {value}, i32 {lane}"
            whole = following

    def _modulo(self, target: str, u: str, w: str) -> Iterator[str]:
        """The remainder with the sign of w, as Python's: fmod, moved by w if need be."""
        vector, zero = self.vector, self.constant(0.0)
        rest, moved, other = self.new(), self.new(), self.new()
        yield from self.library(rest, "fmod", [u, w])
        yield f"{moved} = fadd {vector} {rest}, {w}"
        negative, below, differs = self.new(), self.new(), self.new()
        is_zero, signed = self.new(), self.new()
        yield f"{negative} = fcmp olt {vector} {rest}, {zero}"
        yield f"{below} = fcmp olt {vector} {w}, {zero}"
        yield f"{differs} = xor {self.mask} {negative}, {below}"
        yield self.select(other, differs, moved, rest)
        yield f"{is_zero} = fcmp oeq {vector} {rest}, {zero}"
        yield f"{signed} = {self.intrinsic('copysign', [zero, w])}"
        yield self.select(target, is_zero, signed, other)

    def power(self, target: str, base: str, exponent: float) -> Iterator[str] | None:
        """A power with an exponent for which there is something faster, to half an ulp or one."""
        vector = self.vector

        def product(times: int, of: str) -> Iterator[str]:
            square = target if times == 2 else self.new()
            yield f"{square} = fmul {vector} {of}, {of}"
            if times > 2:
                yield f"{target} = fmul {vector} {square}, {of if times == 3 else square}"

        def inverse(times: int) -> Iterator[str]:
            one = self.constant(1.0)
            inverted = target if times == 1 else self.new()
            yield f"{inverted} = fdiv {vector} {one}, {base}"
            if times == 2:
                yield f"{target} = fmul {vector} {inverted}, {inverted}"

        def root(*, inverted: bool) -> Iterator[str]:
            # The power of -0 is 0, and that of -inf is inf; the roots are not.
            positive, plain, is_end = self.new(), self.new(), self.new()
            value = self.new() if inverted else target
            yield f"{positive} = fadd {vector} {base}, {self.constant(0.0)}"
            yield f"{plain} = {self.intrinsic('sqrt', [positive])}"
            yield f"{is_end} = fcmp oeq {vector} {base}, {self.constant(float('-inf'))}"
            yield self.select(value, is_end, self.constant(float("inf")), plain)
            if inverted:
                yield f"{target} = fdiv {vector} {self.constant(1.0)}, {value}"

        if exponent in (2.0, 3.0, 4.0):
            return product(int(exponent), base)
        if exponent in (-1.0, -2.0):
            return inverse(-int(exponent))
        if exponent in (0.5, -0.5):
            return root(inverted=exponent < 0)
        return None


class _Chunks:
    """Cuts the operations into functions that hand values on in memory.

    A value or condition that a later function needs has a slot of a scratch area; slots are
    used again when nobody needs them any more.
    """

    def __init__(self, writer: _Writer, nodes: Sequence[int], used: Sequence[Condition]) -> None:
        self.writer = writer
        self.steps: list[int | Condition] = list(_merged(writer.graph, nodes, used))
        self.count = max(1, -(-len(self.steps) // _LONGEST))
        self.slots = 0

    def functions(self) -> list[str]:
        """The functions, the last of them with the stores of the outputs."""
        self._plan()
        pieces = [self._piece(chunk) for chunk in range(self.count)]
        if self.count == 1:
            return [self._kernel(*pieces[0])]
        head = "(ptr %in, ptr %out, ptr %scratch, i64 %row) nounwind"
        functions = [
            f"define internal void @chunk{chunk}{head} {{\n  "
            + "\n  ".join([*first, *lines, "ret void"])
            + "\n}"
            for chunk, (first, lines) in enumerate(pieces)
        ]
        arguments = "ptr %in, ptr %out, ptr %scratch, i64 %row"
        calls = [f"call void @chunk{chunk}({arguments})" for chunk in range(self.count)]
        return [*functions, self._kernel([], calls)]

    def _plan(self) -> None:
        """Give slots to what is needed in later functions."""
        where = {}
        for position, step in enumerate(self.steps):
            where[_key(step)] = position // _LONGEST
        last_use: dict[Any, int] = {}
        for position, step in enumerate(self.steps):
            for x in self._operands(step):
                last_use[_key(x)] = position // _LONGEST
        for x in self.writer.outputs:
            if _is_computed(x, where):
                last_use[_key(x)] = self.count - 1
        self.slot: dict[Any, int] = {}
        free: list[int] = []
        ends: dict[int, list[Any]] = {}
        for chunk in range(self.count):
            for key in ends.pop(chunk - 1, ()):
                free.append(self.slot[key])
            for step in self.steps[chunk * _LONGEST : (chunk + 1) * _LONGEST]:
                key = _key(step)
                end = last_use.get(key, chunk)
                if end > chunk:
                    if free:
                        self.slot[key] = free.pop()
                    else:
                        self.slot[key] = self.slots
                        self.slots += 1
                    ends.setdefault(end, []).append(key)

    def _operands(self, step: int | Condition) -> list[Any]:
        graph = self.writer.graph
        if isinstance(step, Condition):
            return [*step.parts, *(x for x in step.scalars if type(x) is int)]
        found: list[Any] = list(graph.operands(step))
        if graph.op[step] == SELECT:
            found.append(graph.chooses[step])
        return found

    def _piece(self, chunk: int) -> tuple[list[str], list[str]]:
        """The lines of a function: those that only look up columns, and the others."""
        writer, graph = self.writer, self.writer.graph
        vector, mask = writer.vector, writer.mask
        bits = f"i{writer.target.lanes}"
        first: list[str] = []
        lines: list[str] = []
        known: dict[Any, str] = {}

        def operand(x: Any) -> str:
            """The name of a value here: it is loaded where it is used first."""
            if isinstance(x, float):
                return writer.constant(x)
            if not isinstance(x, Condition) and graph.op[x] == CONSTANT:
                return writer.constant(graph.value[x])
            key = _key(x)
            if key not in known:
                name = known[key] = writer.new()
                if isinstance(x, Condition):
                    address, packed = writer.new(), writer.new()
                    lines.append(
                        f"{address} = getelementptr {vector}, ptr %scratch, i64 {self.slot[key]}"
                    )
                    lines.append(f"{packed} = load {bits}, ptr {address}")
                    lines.append(f"{name} = bitcast {bits} {packed} to {mask}")
                elif graph.op[x] == INPUT:
                    source, address = writer.new(), writer.new()
                    slot = writer.new()
                    first.append(f"{slot} = getelementptr ptr, ptr %in, i64 {writer.inputs[x]}")
                    first.append(f"{source} = load ptr, ptr {slot}")
                    lines.append(f"{address} = getelementptr double, ptr {source}, i64 %row")
                    lines.append(f"{name} = load {vector}, ptr {address}, align 8")
                else:
                    address = writer.new()
                    lines.append(
                        f"{address} = getelementptr {vector}, ptr %scratch, i64 {self.slot[key]}"
                    )
                    lines.append(f"{name} = load {vector}, ptr {address}")
            return known[key]

        for step in self.steps[chunk * _LONGEST : (chunk + 1) * _LONGEST]:
            key = _key(step)
            name = writer.new()
            if isinstance(step, Condition):
                lines.append(self._condition(name, step, operand))
            elif graph.op[step] == SELECT:
                yes, no = (operand(x) for x in graph.operands(step))
                lines.append(writer.select(name, operand(graph.chooses[step]), yes, no))
            else:
                lines += self._operation(name, step, operand)
            known[key] = name
            if key in self.slot:
                address = writer.new()
                lines.append(
                    f"{address} = getelementptr {vector}, ptr %scratch, i64 {self.slot[key]}"
                )
                if isinstance(step, Condition):
                    packed = writer.new()
                    lines.append(f"{packed} = bitcast {mask} {name} to {bits}")
                    lines.append(f"store {bits} {packed}, ptr {address}")
                else:
                    lines.append(f"store {vector} {name}, ptr {address}")
        if chunk == self.count - 1:
            for position, x in enumerate(writer.outputs):
                column, slot = writer.new(), writer.new()
                first.append(f"{slot} = getelementptr ptr, ptr %out, i64 {position}")
                first.append(f"{column} = load ptr, ptr {slot}")
                lines += self._store(column, x, operand)
        return first, lines

    def _operation(self, name: str, node: int, operand: Any) -> Iterator[str]:
        writer, graph = self.writer, self.writer.graph
        code, left, right = graph.op[node], graph.left[node], graph.right[node]
        operands = [operand(left)]
        if code == POW and graph.op[right] == CONSTANT:
            lines = writer.power(name, operands[0], graph.value[right])
            if lines is not None:
                return lines
        if right != UNARY:
            operands.append(operand(right))
        return writer.operation(name, code, operands)

    def _condition(self, name: str, step: Condition, operand: Any) -> str:
        vector, mask = self.writer.vector, self.writer.mask
        if step.kind == conditions.COMPARE:
            one, other = (operand(x) for x in step.scalars)
            return f"{name} = fcmp {_COMPARE[step.sign]} {vector} {one}, {other}"
        if step.kind == conditions.NOT:
            return f"{name} = xor {mask} {operand(step.parts[0])}, splat (i1 true)"
        word = "and" if step.kind == conditions.AND else "or"
        one, other = (operand(part) for part in step.parts)
        return f"{name} = {word} {mask} {one}, {other}"

    def _store(self, column: str, x: Any, operand: Any) -> Iterator[str]:
        """An output into its column; a condition as 1 or 0."""
        writer = self.writer
        if isinstance(x, bool):
            value = writer.constant(float(x))
        elif isinstance(x, Condition):
            value = writer.new()
            one, zero = writer.constant(1.0), writer.constant(0.0)
            condition = operand(x)
            yield writer.select(value, condition, one, zero)
        else:
            value = operand(x)
        address = writer.new()
        yield f"{address} = getelementptr double, ptr {column}, i64 %row"
        yield f"store {writer.vector} {value}, ptr {address}, align 8"

    def _kernel(self, first: Sequence[str], lines: Sequence[str]) -> str:
        """The loop over rows."""
        lanes = self.writer.target.lanes
        before, inside = "\n  ".join(first), "\n  ".join(lines)
        return f"""define void @kernel(ptr %in, ptr %out, i64 %rows) nounwind {{
entry:
  %scratch = alloca {self.writer.vector}, i64 {max(self.slots, 1)}, align 64
  {before}
  %none = icmp sle i64 %rows, 0
  br i1 %none, label %end, label %loop
loop:
  %row = phi i64 [ 0, %entry ], [ %next, %loop ]
  {inside}
  %next = add i64 %row, {lanes}
  %more = icmp slt i64 %next, %rows
  br i1 %more, label %loop, label %end
end:
  ret void
}}
"""


def _key(x: Scalar | Condition) -> Any:
    """A step as a key."""
    return ("c", x.index) if isinstance(x, Condition) else x


def _is_computed(x: Any, where: dict[Any, int]) -> bool:
    return not isinstance(x, (float, bool)) and _key(x) in where


def _merged(
    graph: OpenGraph, nodes: Sequence[int], used: Sequence[Condition]
) -> Iterator[int | Condition]:
    """Operations and conditions in an order in which each comes behind what it needs.

    A condition was made after all it is made of, and before the choices that it decides.
    """
    upcoming = 0
    for node in nodes:
        if graph.op[node] == SELECT:
            index = graph.chooses[node].index
            while upcoming < len(used) and used[upcoming].index <= index:
                yield used[upcoming]
                upcoming += 1
        yield node
    yield from used[upcoming:]
