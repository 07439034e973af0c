"""Many programs, one a line: reading the lines and answering each.

A line is the text of a program, or a JSON object with one and with a point of its own. What is
wrong with a line is its answer, and nothing to the others.
"""

from __future__ import annotations

import io
import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from adcli.differentiate.blame import check_finite
from adcli.differentiate.gradient import Gradient, Mode, gradient
from adcli.errors import (
    DEFAULT_MAX_OPERATIONS,
    AdcliError,
    FileError,
    InputError,
    LimitError,
    ProgramError,
    Source,
    Span,
)
from adcli.graph.program import Given, Input, Program, derivative_name, element_names, measure
from adcli.graph.suggest import counted, suggestion
from adcli.language.files import TO_UTF8, UTF16, is_utf16, program_path, unrepeated

LONGEST_LINE = 1 << 26
# So much of a line that is too long is repeated in its answer.
_SHOWN = 200
# The same text often comes again at another point; a long one is not worth its memory.
_KEPT_PROGRAMS = 512
_LONGEST_KEPT = 2_000

_KEYS = ("source", "at", "wrt", "mode", "result", "function")


class Common:
    """What all lines share, unless a line says something else.

    Args:
        values: inputs by name; a program takes those that it has.
        mode: of differentiation.
        wrt: the inputs to differentiate with respect to, of those that a program has; all
            if None.
        result: which result, if a program has several.
        function: the function to take as main.
        max_operations: the most operations of one program.
        strict: whether a number that is not finite is an error.
        columns: for each input whose derivatives have columns their names, one an element;
            other derivatives are an error then. None if there are no columns.
    """

    def __init__(
        self,
        values: Mapping[str, Given],
        *,
        mode: Mode = "auto",
        wrt: Sequence[str] | None = None,
        result: str | None = None,
        function: str | None = None,
        max_operations: int = DEFAULT_MAX_OPERATIONS,
        strict: bool = False,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.values = dict(values)
        self.mode = mode
        self.wrt = None if wrt is None else list(wrt)
        self.result = result
        self.function = function
        self.max_operations = max_operations
        self.strict = strict
        self.columns = columns


class Answer:
    """What came of a line.

    Attributes:
        line: its number, counted from 1.
        source: the program, or the line itself if it holds none.
        gradient: the value and the derivatives; None if there was an error.
        error: what is wrong; None if nothing is.
    """

    __slots__ = ("error", "gradient", "line", "source")

    def __init__(
        self,
        line: int,
        source: str,
        gradient: Gradient | None = None,
        error: AdcliError | None = None,
    ) -> None:
        self.line = line
        self.source = source
        self.gradient = gradient
        self.error = error

    def data(self) -> dict[str, Any]:
        """As JSON has it; `warnings` is there if there are any."""
        head = {"line": self.line, "source": self.source}
        if self.error is not None:
            return {**head, "error": self.error.data()}
        found = self.gradient
        assert found is not None
        data = {**head, "value": found.value, "gradient": found.gradient}
        if found.warnings:
            data["warnings"] = [warning.data() for warning in found.warnings]
        return data


class Answers:
    """Answers lines.

    Args:
        common: what the lines share.

    Attributes:
        used: the common inputs that some program had.
    """

    def __init__(self, common: Common) -> None:
        self._common = common
        self.used: set[str] = set()
        self._names = {*common.values, *(common.wrt or ())}
        self._program = lru_cache(_KEPT_PROGRAMS)(_read)

    def answer(self, number: int, line: bytes) -> Answer | None:
        """The answer to a line; None if there is nothing in it.

        Args:
            number: of the line, counted from 1.
            line: its bytes, of which those beyond `LONGEST_LINE` do not matter.
        """
        source = None
        try:
            text = _decoded(number, line)
            if not text or text.startswith("#"):
                return None
            question = _object(text) if text.startswith("{") else {"source": text}
            if isinstance(question.get("source"), str):
                source = question["source"]
            _check_question(question)
            source = question["source"]
            _check_is_text(source)
            return Answer(number, source, self._gradient(source, question))
        except AdcliError as error:
            failed = error
        except MemoryError:
            failed = LimitError("the memory is used up")
        if source is None:
            source = line[:LONGEST_LINE].decode(errors="replace").strip()
            source = source if len(line) <= LONGEST_LINE else source[:_SHOWN] + "…"
        return Answer(number, source, error=failed)

    def _gradient(self, source: str, question: Mapping[str, Any]) -> Gradient:
        common = self._common
        function = question.get("function", common.function)
        read = self._program if len(source) <= _LONGEST_KEPT else _read
        program = read(source, function)
        inputs = program.inputs
        values = {name: common.values[name] for name in inputs if name in common.values}
        self.used |= self._names.intersection(inputs)
        values.update(question.get("at", {}))
        wrt = question.get("wrt")
        if wrt is None and common.wrt is not None:
            wrt = [name for name in common.wrt if name in inputs]
        run = program.run(values, common.max_operations)
        result = question.get("result", common.result)
        found = gradient(run, question.get("mode", common.mode), wrt, result)
        if common.strict:
            check_finite(found.warnings)
        if common.columns is not None:
            _check_columns(found.inputs, common.columns)
        return found


def _read(source: str, function: str | None) -> Program:
    return Program(Source(source), function)


def _check_is_text(source: str) -> None:
    """Raise if what stands there is meant as a file, which other commands would read.

    Raises:
        InputError: it is.
    """
    if len(source.split()) == 1 and program_path(source) is not None:
        raise InputError(
            f"'{source}' is no program", hint="a line is the text of a program, not its file"
        )


def _check_columns(inputs: Sequence[Input], columns: Mapping[str, Sequence[str]]) -> None:
    """Raise unless there are columns for the derivatives towards some inputs."""
    for item in inputs:
        if item.name not in columns:
            raise InputError(
                f"the derivative towards '{item.name}' has no column",
                hint=f"choose columns with --wrt {','.join([*columns, item.name])}",
            )
        count = len(columns[item.name])
        if count != len(item.nodes):
            raise InputError(
                f"{counted(len(item.nodes), 'derivative')} towards '{item.name}' "
                f"for {counted(count, 'column')}",
                hint=f"a vector {item.name}=[...] on the command line says how many",
            )


def _decoded(number: int, line: bytes) -> str:
    """The text of a line, without white space around it.

    Raises:
        LimitError: it is too long.
        ProgramError: it is no text.
    """
    if len(line) > LONGEST_LINE:
        raise LimitError(f"the line is longer than {LONGEST_LINE:,} bytes")
    if number == 1:
        line = line.removeprefix(BOM_UTF8)
    try:
        return line.decode().strip()
    except UnicodeDecodeError as error:
        message = f"the line is not UTF-8: byte 0x{line[error.start]:02x} at offset {error.start}"
        raise ProgramError(message) from None


def _object(text: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ProgramError: it is not JSON.
        InputError: a key comes twice.
    """
    try:
        found: dict[str, Any] = json.loads(text, parse_int=float, object_pairs_hook=unrepeated)
        return found  # it begins with {
    except RecursionError:
        raise ProgramError("the line is not JSON for a program: nested too deeply") from None
    except json.JSONDecodeError as error:
        place = Span(Source(text), error.pos, error.pos + 1)
        message = error.msg[0].lower() + error.msg[1:]
        raise ProgramError(f"the line is not JSON: {message}", place) from None


def _check_question(found: dict[str, Any]) -> None:
    """Raise unless an object is a question; names with commas become a list.

    Raises:
        InputError: it is not.
    """
    for key in found:
        if key not in _KEYS:
            hint = suggestion(key, _KEYS)
            raise InputError(
                f"a line has no '{key}'", hint=hint, details=(f"keys: {', '.join(_KEYS)}",)
            )
    for key in ("source", "mode", "result", "function"):
        if key in found and not isinstance(found[key], str):
            raise InputError(f"'{key}' is not a text")
    if "source" not in found:
        raise InputError("the line has no 'source'", hint='write {"source": "x^2", "at": {"x": 3}}')
    if not isinstance(found.get("at", {}), dict):
        raise InputError("'at' is not an object of inputs")
    wrt = found.get("wrt", "")
    if not isinstance(wrt, str) and not (
        isinstance(wrt, list) and all(isinstance(name, str) for name in wrt)
    ):
        raise InputError("'wrt' is not a list of names")
    if isinstance(wrt, str) and wrt:
        found["wrt"] = [name.strip() for name in wrt.split(",")]


def blocks(read: Callable[[int], bytes], size: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a stream, as many at a time as are there.

    Blocks of tables are `source.Source`'s, who counts their lines with NumPy: here that would
    only be imported.

    Args:
        read: so many of its bytes at most, fewer if there are not as many yet.
        size: about how many bytes a block may have; a longer line is one of its own.

    Yields:
        The number of the first line, and lines from there on.

    Raises:
        FileError: they are in UTF-16.
    """
    first = 1
    pieces: list[bytes] = []
    length = 0
    while True:
        data = read(size)
        ended = not data
        end = data.rfind(b"\n") + 1
        if not end and not ended:
            if length <= LONGEST_LINE:
                pieces.append(data)
                length += len(data)
                if length > LONGEST_LINE:  # it is too long, however it goes on
                    yield first, b"".join(pieces)
                    pieces = []
            continue
        if length > LONGEST_LINE:  # the rest of that line
            rest = data.find(b"\n") + 1
            data, end, first = data[rest:], end - rest, first + 1
        block = b"".join([*pieces, data[:end]])
        if first == 1 and is_utf16(block):
            raise FileError(f"the lines are {UTF16}", hint=TO_UTF8)
        if block:
            yield first, block
            first += block.count(b"\n")
        if ended:
            return
        pieces = [data[end:]]
        length = len(data) - end


def lines_of(first: int, block: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line of a block."""
    return enumerate(io.BytesIO(block), first)


def derivative_columns(
    values: Mapping[str, Given], wrt: Sequence[str] | None
) -> dict[str, list[str]]:
    """For each input whose derivatives have columns, their names.

    Args:
        values: what the lines have in common.
        wrt: the inputs to differentiate with respect to; all that have such a value if None.
    """
    columns = {}
    for name in values if wrt is None else wrt:
        shape = measure(name, values[name])[0] if name in values else ()
        columns[name] = [derivative_name("f", element) for element in element_names(name, shape)]
    return columns
