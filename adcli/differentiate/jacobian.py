"""The Jacobian of all results of a program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.differentiate.diagnosis import Failed, diagnosis
from adcli.differentiate.gradient import Mode, check_mode
from adcli.differentiate.passes import Matrix, derivatives
from adcli.differentiate.structure import MAX_NUMBERS
from adcli.errors import LimitError
from adcli.graph.program import Run, labels

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic

_DOUBLE = 8
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class Jacobian:
    """The Jacobian matrix: a row for each result, a column for each element of the inputs.

    Attributes:
        rows: the names of the results.
        columns: the names of the elements.
        values: the values of the results, by name.
        matrix: the derivatives; `.jacobian` has them as a list of rows.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = ("columns", "matrix", "rows", "values", "warnings")

    def __init__(
        self,
        rows: list[str],
        columns: list[str],
        values: dict[str, float],
        matrix: Matrix,
        warnings: list[Diagnostic],
    ) -> None:
        self.rows = rows
        self.columns = columns
        self.values = values
        self.matrix = matrix
        self.warnings = warnings

    @property
    def jacobian(self) -> list[list[float]]:
        """The matrix as a list of rows.

        Raises:
            LimitError: it is too large.
        """
        check_dense("Jacobian", len(self.rows), len(self.columns))
        return self.matrix.dense()

    @property
    def mode(self) -> str:
        """Forward or reverse, whichever was used."""
        return self.matrix.mode

    @property
    def passes(self) -> int:
        """How many passes were made: the colours of the columns, or of the rows."""
        return self.matrix.passes

    def __repr__(self) -> str:
        return f"Jacobian({len(self.rows)} x {len(self.columns)}, {self.passes} passes)"


def jacobian(run: Run, mode: Mode = "auto", wrt: str | Sequence[str] | None = None) -> Jacobian:
    """Differentiate all results of a run.

    Args:
        run: the program at a point.
        mode: forward makes a pass for each input, or group of inputs that no result has
            in common; reverse for each result, or group of results that have no input in
            common; auto takes whichever makes fewer.
        wrt: the inputs to differentiate with respect to; all if None.

    Raises:
        InputError: no such input or mode.
        LimitError: too many entries that are not structurally zero.
    """
    check_mode(mode)
    inputs = run.wanted(wrt)
    nodes = [node for item in inputs for node in item.nodes]
    outputs = list(run.results.values())
    matrix = derivatives(run.graph, outputs, nodes, mode)
    values = run.values()
    names = list(values)

    failed = None
    bad = matrix.first_bad()
    if bad is not None:
        output = outputs[bad[0]]
        seed = nodes[bad[1]] if matrix.mode == "forward" else output
        if type(seed) is int and type(output) is int:
            failed = Failed(matrix.mode, {seed: 1.0}, [output])
    finite = all(map(math.isfinite, values.values()))
    warnings = diagnosis(run, names, nodes, finite=finite, failed=failed)
    return Jacobian(names, labels(inputs), values, matrix, warnings)


def check_dense(what: str, rows: int, columns: int, *, instead: str = "") -> None:
    """Refuse a matrix that is too large to be written out.

    Args:
        what: "Jacobian" or "Hessian".
        rows: how many rows it has.
        columns: how many columns.
        instead: what to do instead.

    Raises:
        LimitError: it is too large.
    """
    count = rows * columns
    if count > MAX_NUMBERS:
        raise LimitError(
            f"a dense {what} of {rows:,} x {columns:,} is {count:,} numbers "
            f"({_size(count * _DOUBLE)}); the limit is {MAX_NUMBERS:,}",
            details=(instead,) if instead else (),
        )


def _size(count: float) -> str:
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.3g} {unit}"
