"""The functions of Arrow that tables are made with.

They are called by name: `pyarrow.compute` makes a documented Python function of each of the
three hundred when it is imported, which takes as long as a small table does altogether.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow import _compute


def cast(column: Any, kind: Any, *, safe: bool = True) -> Any:
    """A column as another type.

    Raises:
        pyarrow.ArrowException: a value has no such form.
    """
    options = _compute.CastOptions.safe(kind) if safe else _compute.CastOptions.unsafe(kind)
    return _compute.call_function("cast", [column], options)


def join(*columns: Any, separator: str) -> Any:
    """Texts side by side with a separator between them; null is nothing."""
    options = _compute.JoinOptions(null_handling="replace", null_replacement="")
    return _compute.call_function("binary_join_element_wise", [*columns, separator], options)


def filled(column: Any, value: Any) -> Any:
    """A column with something in place of null."""
    return _compute.call_function("coalesce", [column, value])


def taken(column: Any, rows: Any | None) -> Any:
    """Some rows of a column, batch or table; all if None."""
    return column if rows is None else _compute.call_function("take", [column, rows])


def is_null(column: Any) -> Any:
    """Where a column is null, as an array of numpy."""
    return _compute.call_function("is_null", [column]).to_numpy(zero_copy_only=False)


def is_valid(column: Any) -> Any:
    """Where a column is not null."""
    return _compute.call_function("is_valid", [column])


def matches(column: Any, pattern: str) -> Any:
    """Where a pattern (RE2) is found in texts."""
    options = _compute.MatchSubstringOptions(pattern)
    return _compute.call_function("match_substring_regex", [column], options)


def trimmed(column: Any, characters: str) -> Any:
    """Texts without some characters at their ends."""
    return _compute.call_function("utf8_trim", [column], _compute.TrimOptions(characters))


def replaced(column: Any, old: str, new: str) -> Any:
    """Texts with a part replaced wherever it is."""
    options = _compute.ReplaceSubstringOptions(old, new)
    return _compute.call_function("replace_substring", [column], options)


def chosen(condition: Any, yes: Any, no: Any) -> Any:
    """One of two columns where a condition holds, the other elsewhere."""
    return _compute.call_function("if_else", [condition, yes, no])


def only(column: Any, condition: Any) -> Any:
    """Texts where a condition holds, null elsewhere."""
    return chosen(condition, column, pa.scalar(None, pa.string()))


def is_any(condition: Any) -> bool:
    """Whether a condition holds anywhere."""
    options = _compute.ScalarAggregateOptions()
    return bool(_compute.call_function("any", [condition], options).as_py())


def lengths(column: Any) -> Any:
    """How many elements the lists of a column have, as an array of numpy."""
    found = _compute.call_function("list_value_length", [column])
    return found.to_numpy(zero_copy_only=False)
