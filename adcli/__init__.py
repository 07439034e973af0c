"""adcli: differentiation on the command line, and as a library.

    >>> import adcli
    >>> f = adcli.load("ln(x1) + x1*x2 - sin(x2)")
    >>> f.eval(x1=2, x2=5)
    {'f': 11.652071455223084}
    >>> f.grad(x1=2, x2=5).gradient
    {'x1': 5.5, 'x2': 1.7163378145367738}

Importing this imports almost nothing; the rooms it needs are opened by the calls.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adcli.errors import (
    DEFAULT_MAX_OPERATIONS,
    AdcliError,
    ExitCode,
    FileError,
    InputError,
    LimitError,
    NonFiniteError,
    ProgramError,
    Source,
)

if TYPE_CHECKING:
    from adcli.differentiate.gradient import Gradient, Mode
    from adcli.graph.program import Given, Run

__all__ = [
    "AdcliError",
    "ExitCode",
    "FileError",
    "InputError",
    "LimitError",
    "NonFiniteError",
    "Program",
    "ProgramError",
    "load",
]

__version__ = "0.1.0"


def load(source: str | os.PathLike[str], function: str | None = None) -> Program:
    """Read a program.

    Args:
        source: its text; or its file, if this is a path object, ends in ".ad", or begins
            with "@".
        function: the function to take as main; the language's rule if None: the
            statements of the text, or its last function.

    Raises:
        ProgramError: the text is not a program.
        InputError: it has no such function.
        FileError: the file cannot be read.
        LimitError: the text is too long or too deep.
    """
    from adcli.language.files import program_source, read_program

    if isinstance(source, str):
        return Program(program_source(source), function)
    return Program(read_program(os.fspath(source)), function)


class Program:
    """A program that can be evaluated and differentiated.

    Inputs are given by keyword, or as a mapping for names that are no identifiers or are
    taken by the options; a value is a number, a vector, or a matrix by rows.
    """

    def __init__(self, source: Source, function: str | None = None) -> None:
        from adcli.graph.program import Program as Compiled

        self._compiled = Compiled(source, function)

    @property
    def function(self) -> str:
        """The name of the main function; "f" of a bare expression."""
        return self._compiled.name

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs, in order."""
        return self._compiled.inputs

    @property
    def results(self) -> list[str]:
        """The names of the results, in order; a vector's elements show when it is run."""
        return self._compiled.results

    def run(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        max_operations: int | None = None,
        **inputs: Given,
    ) -> Run:
        """Run the program at a point, into the graph of what was executed.

        Args:
            at: inputs by name; those given by keyword come on top.
            max_operations: the most operations it may record (default 10 million).
            inputs: inputs by name.

        Raises:
            InputError: inputs that are missing, unknown, or of the wrong shape.
            ProgramError: what shows only when it runs: shapes, indices.
            LimitError: too many operations, or calls too deep.
        """
        limit = DEFAULT_MAX_OPERATIONS if max_operations is None else max_operations
        return self._compiled.run({**(at or {}), **inputs}, limit)

    def eval(self, at: Mapping[str, Given] | None = None, /, **inputs: Given) -> dict[str, float]:
        """The values of the results by name. Raises what `run` does."""
        return self.run({**(at or {}), **inputs}).values()

    def grad(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        mode: Mode = "auto",
        wrt: str | Sequence[str] | None = None,
        result: str | None = None,
        **inputs: Given,
    ) -> Gradient:
        """The value and gradient of one scalar result.

        Args:
            at: inputs by name; those given by keyword come on top.
            mode: "forward" makes a pass for each input, "reverse" one in all.
            wrt: the inputs to differentiate with respect to; all if None.
            result: which result, if there are several.
            inputs: inputs by name.

        Returns:
            An object with .value, .gradient (input name -> number, list, or list of rows),
            .mode and .warnings.

        Raises:
            InputError: no such input or result, or several results and none named; and
                what `run` raises.
        """
        from adcli.differentiate.gradient import gradient

        return gradient(self.run({**(at or {}), **inputs}), mode, wrt, result)
