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
from typing import TYPE_CHECKING, Any

from adcli.errors import (
    DEFAULT_MAX_NODES,
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
    from adcli.differentiate.check import Check
    from adcli.differentiate.columns import Kept
    from adcli.differentiate.compare import Comparison
    from adcli.differentiate.gradient import Gradient, Mode
    from adcli.differentiate.hessian import Hessian, Hvp
    from adcli.differentiate.jacobian import Jacobian
    from adcli.differentiate.products import Jvp, Vjp
    from adcli.differentiate.taylor import Taylor
    from adcli.graph.program import Given, Run
    from adcli.render.graph import Drawing
    from adcli.render.symbolic import Derivatives

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
        self._columns: Kept | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes along: native code belongs to a process."""
        return {**self.__dict__, "_columns": None}

    def __repr__(self) -> str:
        return f"<adcli.Program {self.function}({', '.join(self.inputs)})>"

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

    def jacobian(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        mode: Mode = "auto",
        wrt: str | Sequence[str] | None = None,
        **inputs: Given,
    ) -> Jacobian:
        """The Jacobian matrix of all results.

        Args:
            at: inputs by name; those given by keyword come on top.
            mode: "forward" makes a pass for each colour of the inputs, "reverse" for each
                colour of the results, "auto" whichever are fewer.
            wrt: the inputs to differentiate with respect to; all if None.
            inputs: inputs by name.

        Returns:
            An object with .jacobian (a list of rows), .rows and .columns (names), .values,
            .mode, .passes, .matrix (its structural entries) and .warnings.

        Raises:
            InputError: no such input; and what `run` raises.
            LimitError: more than 4 million entries.
        """
        from adcli.differentiate.jacobian import jacobian

        return jacobian(self.run({**(at or {}), **inputs}), mode, wrt)

    def hessian(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        wrt: str | Sequence[str] | None = None,
        result: str | None = None,
        **inputs: Given,
    ) -> Hessian:
        """The value, gradient and matrix of second derivatives of one scalar result.

        Args:
            at: inputs by name; those given by keyword come on top.
            wrt: the inputs to differentiate with respect to; all if None.
            result: which result, if there are several.
            inputs: inputs by name.

        Returns:
            An object with .value, .gradient, .hessian (a list of rows, symmetric to the last
            bit), .columns (names), .colors, .matrix (its structural entries) and .warnings.

        Raises:
            InputError: no such input or result, or several results and none named; and
                what `run` raises.
            LimitError: more than 4 million entries.
        """
        from adcli.differentiate.hessian import hessian

        return hessian(self.run({**(at or {}), **inputs}), wrt, result)

    def jvp(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        direction: Mapping[str, Given],
        **inputs: Given,
    ) -> Jvp:
        """The derivatives of all results along a direction, in one forward pass.

        Args:
            at: inputs by name; those given by keyword come on top.
            direction: numbers by input, in its shape, or by element ("x[2]"); inputs left
                out have 0.
            inputs: inputs by name.

        Returns:
            An object with .values, .jvp (result name -> number) and .warnings.

        Raises:
            InputError: a direction of another shape; and what `run` raises.
        """
        from adcli.differentiate.products import jvp

        return jvp(self.run({**(at or {}), **inputs}), direction)

    def vjp(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        weights: Mapping[str, Given],
        wrt: str | Sequence[str] | None = None,
        **inputs: Given,
    ) -> Vjp:
        """The gradient of a weighted sum of the results, in one reverse pass.

        Args:
            at: inputs by name; those given by keyword come on top.
            weights: numbers by result ("f[1]"), or for a whole vector ("f"); results left
                out have 0.
            wrt: the inputs to differentiate with respect to; all if None.
            inputs: inputs by name.

        Returns:
            An object with .values, .vjp (input name -> number, list, or list of rows) and
            .warnings.

        Raises:
            InputError: no such result or input, or another length; and what `run` raises.
        """
        from adcli.differentiate.products import vjp

        return vjp(self.run({**(at or {}), **inputs}), weights, wrt)

    def hvp(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        direction: Mapping[str, Given],
        wrt: str | Sequence[str] | None = None,
        result: str | None = None,
        **inputs: Given,
    ) -> Hvp:
        """The Hessian of one scalar result times a direction, without the matrix.

        Args:
            at: inputs by name; those given by keyword come on top.
            direction: numbers by input, in its shape, or by element ("x[2]"); inputs left
                out have 0.
            wrt: the inputs that the Hessian is of; all if None.
            result: which result, if there are several.
            inputs: inputs by name.

        Returns:
            An object with .value, .gradient, .hvp (input name -> number, list, or list of
            rows) and .warnings.

        Raises:
            InputError: no such input or result, or a direction of another shape; and what
                `run` raises.
        """
        from adcli.differentiate.hessian import hvp

        return hvp(self.run({**(at or {}), **inputs}), direction, wrt, result)

    def taylor(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        order: int = 8,
        wrt: str | Sequence[str] | None = None,
        direction: Mapping[str, Given] | None = None,
        result: str | None = None,
        **inputs: Given,
    ) -> Taylor:
        """The Taylor series of one scalar result, in one input or along a direction.

        Args:
            at: the point to expand about, by name; what is given by keyword comes on top.
            order: the order of the last coefficient, from 0 to 10,000.
            wrt: the input to expand in; it may be left out if there is only one.
            direction: instead of `wrt`, numbers by input or element.
            result: which result, if there are several.
            inputs: inputs by name.

        Returns:
            An object with .coefficients (c[0] to c[order], factorials divided out), .order,
            .direction and .warnings.

        Raises:
            InputError: no such input or result, an order out of range, or neither one input
                nor a direction; and what `run` raises.
        """
        from adcli.differentiate.taylor import taylor

        return taylor(self.run({**(at or {}), **inputs}), order, wrt, direction, result)

    def graph(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        values: bool | None = None,
        mode: str = "",
        seed: Mapping[str, Given] | None = None,
        wrt: str | Sequence[str] | None = None,
        result: str | None = None,
        max_nodes: int | None = DEFAULT_MAX_NODES,
        **inputs: Given,
    ) -> Drawing:
        """The computational graph, to be drawn.

        Args:
            at: inputs by name; those given by keyword come on top.
            values: whether there are values on it; without, inputs only say their shapes.
                None for values where any inputs are given, or a mode.
            mode: "forward" adds a pass for each input, "reverse" one for each result; ""
                adds none.
            seed: one forward pass along this direction instead.
            wrt: only what depends on these inputs, and forward passes for them.
            result: only what this result depends on, and a reverse pass for it.
            max_nodes: the most nodes of a picture.
            inputs: inputs by name.

        Returns:
            An object with .svg(), .picture("png" or "pdf"), .dot() and .mermaid(), which
            notebooks show as a picture. Pictures need pygraphviz: .svg() and .picture()
            raise InputError without it, and LimitError where Graphviz does not manage.

        Raises:
            InputError: no such input or result, or options that contradict each other; and
                what `run` raises.
            ProgramError: without values, where only they decide what the program does.
            LimitError: more nodes than `max_nodes`.
        """
        from adcli.differentiate.diagram import drawings, structure
        from adcli.graph.history import History
        from adcli.render.graph import Drawing

        given = {**(at or {}), **inputs}
        if values or (values is None and (given or mode or seed)):
            run = self._compiled.run(given, DEFAULT_MAX_OPERATIONS, History())
        else:
            run = structure(self._compiled, given)
        made = drawings(run, mode, seed=seed, wrt=wrt, result=result, max_nodes=max_nodes)
        return Drawing(made)

    def columns(
        self,
        columns: Mapping[str, Any],
        /,
        *,
        constants: Mapping[str, Given] | None = None,
        wrt: str | Sequence[str] | None = None,
        hessian: bool = False,
        values_only: bool = False,
        jobs: int | None = None,
    ) -> dict[str, Any]:
        """The results and their derivatives for many rows, by native code.

        The code is made for this program once, and kept.

        Args:
            columns: for each input an array of numbers (rows,); for a vector (rows, length),
                for a matrix (rows, height, width), or a column for each element ("x[1]",
                "A[1,2]").
            constants: values of inputs that are the same in all rows. What has neither
                columns nor a value here takes its default. Constants are not differentiated.
            wrt: the inputs to differentiate with respect to; all that have columns if None.
            hessian: whether to add second derivatives, of one result.
            values_only: whether to differentiate nothing.
            jobs: how many threads; as many as there are processors if None.

        Returns:
            Arrays of doubles (rows,) by name: the results ("f", or "f[1]", ...), then the
            derivatives ("df_dx1", "df_dx[1]"), then with `hessian` the upper triangle of the
            second ones ("d2f_dx1_dx2").

        Raises:
            InputError: inputs that are missing or unknown, or of the wrong shape; columns
                that are not of one length.
            ProgramError: a recursion or a shape that the inputs decide; and, of the first
                row that cannot be computed, what `grad` raises.
            LimitError: too many operations, in the program or in a row.
        """
        from adcli.differentiate.columns import Kept, Table, kept
        from adcli.differentiate.rows import Wanted

        if values_only and (hessian or wrt is not None):
            raise InputError("values_only differentiates nothing", hint="leave it out")
        order = 0 if values_only else 2 if hessian else 1
        names = (wrt,) if isinstance(wrt, str) else None if wrt is None else tuple(wrt)
        table = Table(self._compiled, columns)
        wanted = Wanted(order, names)
        if self._columns is None:
            self._columns = Kept()
        code = kept(self._columns, self._compiled, table.shapes, constants or {}, wanted)
        results, errors = code.compute(table.columns, table.rows, jobs, stop=True)
        for row in sorted(errors):
            error = errors[row]
            error.details += (f"in row {row:,}, counted from 0",)
            raise error
        return results

    def check(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        gradient: Program | str | os.PathLike[str] | None = None,
        points: int = 0,
        seed: int = 0,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        tolerance: float | None = None,
        wrt: str | Sequence[str] | None = None,
        result: str | None = None,
        **inputs: Given,
    ) -> Check:
        """Check the gradient of one scalar result, or one that was written by hand.

        The metric is |a - b|/max(1, |a|, |b|).

        Args:
            at: inputs by name; those given by keyword come on top.
            gradient: a program, or what `load` makes one of, that computes the gradient by
                hand, a result for each element of the inputs; None to check exact derivatives
                against difference quotients.
            points: how many random points besides the given one.
            seed: of the random points.
            ranges: for inputs by name, the interval their random values are from; others
                are within a tenth of the given value.
            tolerance: what the metric may be; None for 1e-8, of difference quotients for
                what their own error estimate allows.
            wrt: the inputs to differentiate with respect to; all if None.
            result: which result, if there are several.
            inputs: inputs by name.

        Returns:
            An object with .passed, .components (the worst of each over all points),
            .failures, .points, .skipped and .warnings.

        Raises:
            InputError: no such input or result, numbers that are none or out of range, or a
                gradient that does not fit the program; and what `run` raises, and `load`.
        """
        from adcli.differentiate.check import Plan, check

        if isinstance(gradient, (str, os.PathLike)):
            gradient = load(gradient)
        by_hand = None if gradient is None else gradient._compiled
        plan = Plan(points, seed, ranges, by_hand, tolerance)
        return check(self.run({**(at or {}), **inputs}), plan, wrt, result)

    def diff(
        self,
        shapes: Mapping[str, Given] | None = None,
        /,
        *,
        wrt: str | Sequence[str] | None = None,
        result: str | None = None,
        shared: bool = False,
    ) -> Derivatives:
        """The symbolic derivatives of one scalar result, in the language itself.

        Args:
            shapes: values of inputs, of which only the shapes matter; needed for vectors
                whose length is neither declared nor that of a default.
            wrt: the inputs to differentiate with respect to; all if None.
            result: which result, if there are several.
            shared: whether parts that occur more than once get names.

        Returns:
            An object with .derivatives (input name -> text, list, or list of rows),
            .program (all of them as one program), .latex() and .operations (of the program,
            of the derivatives written out, and with equal parts shared).

        Raises:
            InputError: no such input or result, or several results and none named.
            ProgramError: the program has no formula: a loop or an index depends on the
                inputs.
            LimitError: too many operations.
        """
        from adcli.differentiate.symbolic import symbolic
        from adcli.render.symbolic import Derivatives

        found = symbolic(self._compiled, shapes, wrt, result)
        return Derivatives(found, shared=shared)

    def compare(
        self,
        at: Mapping[str, Given] | None = None,
        /,
        *,
        wrt: str | Sequence[str] | None = None,
        result: str | None = None,
        steps: bool = False,
        **inputs: Given,
    ) -> Comparison:
        """Differentiate one scalar result in every way, and measure each.

        Args:
            at: inputs by name; those given by keyword come on top.
            wrt: the inputs to differentiate with respect to; all if None.
            result: which result, if there are several.
            steps: whether to measure difference quotients over many steps.
            inputs: inputs by name.

        Returns:
            An object with .methods (each with .name, .numbers, .error, .passes,
            .operations, .size and .seconds), .reference, .reference_name, .steps and
            .warnings.

        Raises:
            InputError: no such input or result, or several results and none named; and
                what `run` raises.
        """
        from adcli.differentiate.compare import compare

        return compare(self.run({**(at or {}), **inputs}), wrt, result, steps=steps)
