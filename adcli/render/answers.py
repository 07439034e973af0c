"""The answers to many programs as lines of text: JSON, CSV, TSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adcli.render.safe import safe
from adcli.render.views import Cell, separated, to_json


class JsonLines:
    """An object for each answer.

    Args:
        ascii_only: whether only ASCII may be used.
    """

    def __init__(self, *, ascii_only: bool = False) -> None:
        self._ascii_only = ascii_only

    def head(self) -> str:
        """Nothing comes before the first."""
        return ""

    def line(self, answer: Mapping[str, Any]) -> str:
        """An answer.

        Args:
            answer: as `batch.programs.Answer.data` has it.
        """
        return to_json(answer, ascii_only=self._ascii_only)


class Separated:
    """A record for each answer, under a header: a column for each derivative, one for errors.

    Args:
        separator: "," or a tab.
        columns: for each input with derivatives their names, one an element.
    """

    def __init__(self, separator: str, columns: Mapping[str, Sequence[str]]) -> None:
        self._columns = columns
        self._separator = separator

    def head(self) -> str:
        """The header."""
        names = [name for names in self._columns.values() for name in names]
        return self._record(["line", "source", "value", *names, "error"])

    def line(self, answer: Mapping[str, Any]) -> str:
        """An answer.

        Args:
            answer: as `batch.programs.Answer.data` has it.
        """
        cells: list[Cell] = [str(answer["line"]), _safe(answer["source"])]
        if "error" in answer:
            count = 1 + sum(map(len, self._columns.values()))
            return self._record([*cells, *[""] * count, _said(answer["error"])])
        cells.append(answer["value"])
        gradient = answer["gradient"]
        for name, columns in self._columns.items():
            cells += _flat(gradient[name]) if name in gradient else [""] * len(columns)
        return self._record([*cells, ""])

    def _record(self, cells: Sequence[Cell]) -> str:
        return separated([cells], self._separator)


def _flat(numbers: Any) -> list[float]:
    """A number, a vector or a matrix by rows, as numbers one after the other."""
    if not isinstance(numbers, list):
        return [numbers]
    return [x for row in numbers for x in (row if isinstance(row, list) else [row])]


def _said(error: Mapping[str, Any]) -> str:
    """An error in a line: where, what, and what helps."""
    place = "" if error["column"] is None else f"{error['line']}:{error['column']}: "
    hint = f" ({error['hint']})" if "hint" in error else ""
    return safe(f"{place}{error['message']}{hint}")


def _safe(source: str) -> str:
    """A program with what terminals act upon made visible; its lines and tabs stay."""
    if source.isprintable():
        return source
    lines = [[safe(piece) for piece in line.split("\t")] for line in source.split("\n")]
    return "\n".join("\t".join(line) for line in lines)
