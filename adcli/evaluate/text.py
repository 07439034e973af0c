"""Text of LLVM for one operation after another on vectors of doubles.

All of it is what LLVM's quick selection of instructions knows, where there is such a way:
it takes a fifth of the time of the thorough one, to which a single unknown instruction
turns for all that stands before it. So constants and the addresses of functions are loaded
from memory, and signs are changed by masks.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any

from adcli.evaluate.target import Target
from adcli.graph import conditions
from adcli.graph.conditions import Condition
from adcli.graph.primitives import BY_NAME, CONSTANT, POW, row_of
from adcli.graph.wengert import UNARY, Graph

_INFIX = {BY_NAME[name].code: f"f{name}" for name in ("add", "sub", "mul", "div")}
_INTRINSICS = {
    BY_NAME[name].code: function
    for name, function in {
        "floor": "floor",
        "ceil": "ceil",
        "round": "roundeven",
        "sqrt": "sqrt",
        "max": "maximum",
        "min": "minimum",
    }.items()
}
_NEG, _ABS, _SIGN, _MOD = (BY_NAME[name].code for name in ("neg", "abs", "sign", "mod"))
# Of the primitives that the C library calls otherwise.
_LIBRARY_NAMES = {"ln": "log"}
_COMPARE = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}
# The bits of a sign, and all others.
_SIGN_BIT = 1 << 63
_OTHER_BITS = _SIGN_BIT - 1

# A vector of eight doubles.
ALIGNMENT = 64


class Data:
    """What code reads from memory: addresses of functions, then constants in all lanes.

    Args:
        lanes: how many.
    """

    # There are fewer functions than this.
    _FUNCTIONS = 64

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._functions: list[int] = []
        self._constants: dict[int, int] = {}

    def function(self, address: int) -> int:
        """Where the address of a function is, in bytes."""
        if address not in self._functions:
            self._functions.append(address)
        return 8 * self._functions.index(address)

    def constant(self, bits: int) -> int:
        """Where a vector of a constant is, in bytes."""
        place = self._constants.setdefault(bits, len(self._constants))
        return 8 * self._FUNCTIONS + 8 * self._lanes * place

    def in_memory(self) -> tuple[Any, int]:
        """All of it as an object that owns it, and its address."""
        constants = b"".join(struct.pack("<Q", bits) * self._lanes for bits in self._constants)
        functions = struct.pack(f"<{len(self._functions)}Q", *self._functions)
        whole = functions.ljust(8 * self._FUNCTIONS, b"\0") + constants
        room = ctypes.create_string_buffer(len(whole) + ALIGNMENT)
        address = -(-ctypes.addressof(room) // ALIGNMENT) * ALIGNMENT
        ctypes.memmove(address, whole, len(whole))
        return room, address


class Text:
    """The lines of one function.

    Results have numbers and not names, which LLVM would have to look up.

    Args:
        target: the machine.
        data: what the code reads besides columns.
        declared: for each intrinsic function that is used its declaration, added to.

    Attributes:
        head: lines that are to stand at the beginning of the function.
        lines: the others.
        vector, mask: the types of doubles and of conditions.
    """

    def __init__(self, target: Target, data: Data, declared: dict[str, str]) -> None:
        self.head: list[str] = []
        self.lines: list[str] = []
        self.vector = f"<{target.lanes} x double>"
        self.mask = f"<{target.lanes} x i1>"
        self._bits = f"<{target.lanes} x i64>"
        self._packed = f"i{target.lanes}"
        self._alignment = 8 * target.lanes
        self._target = target
        self._data = data
        self._declared = declared
        self._count = 0
        self._pointers: set[str] = set()

    def put(self, text: str) -> str:
        """Add a line that computes something; its name."""
        name = f"%{self._count}"
        self._count += 1
        self.lines.append(f"{name} = {text}")
        return name

    # Memory.

    def constant(self, number: float) -> str:
        """A constant in each lane."""
        (bits,) = struct.unpack("<Q", struct.pack("<d", number))
        return self._constant(bits, self.vector)

    def _constant(self, bits: int, kind: str) -> str:
        at = self.put(f"getelementptr i8, ptr %data, i64 {self._data.constant(bits)}")
        return self.put(f"load {kind}, ptr {at}, align {self._alignment}")

    def column(self, array: str, position: int) -> str:
        """Where the current rows of a column of %in or %out are."""
        name = f"%{array}{position}"
        if name not in self._pointers:
            self._pointers.add(name)
            self.head.append(f"{name}at = getelementptr ptr, ptr %{array}, i64 {position}")
            self.head.append(f"{name} = load ptr, ptr {name}at")
        return self.put(f"getelementptr double, ptr {name}, i64 %row")

    def read(self, position: int) -> str:
        """The current rows of an input."""
        return self.put(f"load {self.vector}, ptr {self.column('in', position)}, align 8")

    def write(self, value: str, position: int, *, streams: bool) -> None:
        """Into the current rows of an output, past the caches if it streams."""
        how = f"align {self._alignment}, !nontemporal !0" if streams else "align 8"
        self.lines.append(f"store {self.vector} {value}, ptr {self.column('out', position)}, {how}")

    def save(self, value: str, slot: int, *, is_mask: bool) -> None:
        """Keep a value or a condition for functions that follow."""
        at = self._slot(slot)
        if is_mask:
            packed = self.put(f"bitcast {self.mask} {value} to {self._packed}")
            self.lines.append(f"store {self._packed} {packed}, ptr {at}")
        else:
            self.lines.append(f"store {self.vector} {value}, ptr {at}, align {self._alignment}")

    def restore(self, slot: int, *, is_mask: bool) -> str:
        """What a function before has kept."""
        at = self._slot(slot)
        if is_mask:
            packed = self.put(f"load {self._packed}, ptr {at}")
            return self.put(f"bitcast {self._packed} {packed} to {self.mask}")
        return self.put(f"load {self.vector}, ptr {at}, align {self._alignment}")

    def _slot(self, slot: int) -> str:
        return self.put(f"getelementptr i8, ptr %scratch, i64 {slot * self._alignment}")

    # Operations.

    def operation(self, code: int, operands: Sequence[str]) -> str:
        """An operation on vectors; the name of its result."""
        if code in _INFIX:
            return self.put(f"{_INFIX[code]} {self.vector} {operands[0]}, {operands[1]}")
        if code == _NEG:
            return self._masked("xor", operands[0], _SIGN_BIT)
        if code == _ABS:
            return self._masked("and", operands[0], _OTHER_BITS)
        if code in _INTRINSICS:
            return self._intrinsic(_INTRINSICS[code], operands)
        if code == _SIGN:
            zero = self.constant(0.0)
            is_signed = self.put(f"fcmp one {self.vector} {operands[0]}, {zero}")
            return self.select(is_signed, self._signed(1.0, operands[0]), operands[0])
        if code == _MOD:
            return self._modulo(*operands)
        name = row_of(code).name
        return self._library(_LIBRARY_NAMES.get(name, name), operands, code)

    def node(self, graph: Graph, node: int, operands: Sequence[str]) -> str:
        """An operation of a graph, a power with a constant exponent in its own way."""
        code, right = graph.op[node], graph.right[node]
        if code == POW and right != UNARY and graph.op[right] == CONSTANT:
            power = self._power(operands[0], graph.value[right])
            if power:
                return power
        return self.operation(code, operands)

    def select(self, condition: str, yes: str, no: str) -> str:
        """One of two values."""
        vector = self.vector
        return self.put(f"select {self.mask} {condition}, {vector} {yes}, {vector} {no}")

    def condition(self, condition: Condition, operands: Sequence[str]) -> str:
        """A condition, from the scalars that it compares or from those it is made of."""
        if condition.kind == conditions.COMPARE:
            sign = _COMPARE[condition.sign]
            return self.put(f"fcmp {sign} {self.vector} {operands[0]}, {operands[1]}")
        if condition.kind == conditions.NOT:
            return self.put(f"xor {self.mask} {operands[0]}, splat (i1 true)")
        word = "and" if condition.kind == conditions.AND else "or"
        return self.put(f"{word} {self.mask} {operands[0]}, {operands[1]}")

    def _masked(self, word: str, value: str, mask: int) -> str:
        """Bits of a value changed or taken away."""
        changed = self._bitwise(word, value, self._constant(mask, self._bits))
        return self.put(f"bitcast {self._bits} {changed} to {self.vector}")

    def _bitwise(self, word: str, value: str, mask: str) -> str:
        whole = self.put(f"bitcast {self.vector} {value} to {self._bits}")
        return self.put(f"{word} {self._bits} {whole}, {mask}")

    def _signed(self, number: float, like: str) -> str:
        """A positive constant with the sign of a value."""
        sign = self._bitwise("and", like, self._constant(_SIGN_BIT, self._bits))
        (bits,) = struct.unpack("<Q", struct.pack("<d", number))
        whole = self.put(f"or {self._bits} {sign}, {self._constant(bits, self._bits)}")
        return self.put(f"bitcast {self._bits} {whole} to {self.vector}")

    def _intrinsic(self, name: str, operands: Sequence[str]) -> str:
        """A call of an intrinsic function of LLVM."""
        vector = self.vector
        symbol = f"@llvm.{name}.v{self._target.lanes}f64"
        kinds = ", ".join([vector] * len(operands))
        self._declared[symbol] = f"declare {vector} {symbol}({kinds}) nounwind memory(none)"
        return self._call(symbol, vector, operands)

    def _call(self, function: str, kind: str, operands: Sequence[str]) -> str:
        listed = ", ".join([f"{kind} {operand}" for operand in operands])
        return self.put(f"call {kind} {function}({listed})")

    def _library(self, name: str, operands: Sequence[str], code: int = CONSTANT) -> str:
        """A function of the C library, of vectors or lane by lane; or else the code's kernel."""
        address, is_vector = self._target.function(name, len(operands), code)
        pointer = f"%{name}"
        if pointer not in self._pointers:
            self._pointers.add(pointer)
            place = self._data.function(address)
            self.head.append(f"{pointer}at = getelementptr i8, ptr %data, i64 {place}")
            self.head.append(f"{pointer} = load ptr, ptr {pointer}at")
        if is_vector:
            return self._call(pointer, self.vector, operands)
        whole = "poison"
        for lane in range(self._target.lanes):
            parts = [
                self.put(f"extractelement {self.vector} {operand}, i32 {lane}")
                for operand in operands
            ]
            value = self._call(pointer, "double", parts)
            whole = self.put(f"insertelement {self.vector} {whole}, double {value}, i32 {lane}")
        return whole

    def _modulo(self, u: str, w: str) -> str:
        """The remainder with the sign of w, as Python's: fmod, moved by w if need be."""
        vector = self.vector
        rest = self._library("fmod", [u, w])
        moved = self.put(f"fadd {vector} {rest}, {w}")
        zero = self.constant(0.0)
        negative = self.put(f"fcmp olt {vector} {rest}, {zero}")
        below = self.put(f"fcmp olt {vector} {w}, {zero}")
        differs = self.put(f"xor {self.mask} {negative}, {below}")
        other = self.select(differs, moved, rest)
        is_zero = self.put(f"fcmp oeq {vector} {rest}, {zero}")
        return self.select(is_zero, self._signed(0.0, w), other)

    def _power(self, base: str, exponent: float) -> str | None:
        """A power with an exponent for which there is something faster, to half an ulp or one."""
        vector = self.vector
        if exponent in (2.0, 3.0, 4.0):
            square = self.put(f"fmul {vector} {base}, {base}")
            if exponent == 2.0:
                return square
            return self.put(f"fmul {vector} {square}, {base if exponent == 3.0 else square}")
        if exponent in (-1.0, -2.0):
            inverted = self.put(f"fdiv {vector} {self.constant(1.0)}, {base}")
            if exponent == -1.0:
                return inverted
            return self.put(f"fmul {vector} {inverted}, {inverted}")
        if exponent in (0.5, -0.5):
            # The power of -0 is 0, and that of -inf is inf; the roots are not.
            positive = self.put(f"fadd {vector} {base}, {self.constant(0.0)}")
            plain = self._intrinsic("sqrt", [positive])
            lowest = self.constant(float("-inf"))
            is_end = self.put(f"fcmp oeq {vector} {base}, {lowest}")
            root = self.select(is_end, self.constant(float("inf")), plain)
            if exponent == 0.5:
                return root
            return self.put(f"fdiv {vector} {self.constant(1.0)}, {root}")
        return None
