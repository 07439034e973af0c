"""The functions of Arrow that tables are made with.

They are called by name: `pyarrow.compute` makes a documented Python function of each of the
three hundred when it is imported, which takes as long as a small table does altogether.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow import _compute

from adcli.errors import InputError


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
    """Some rows of a column; all if None.

    Raises:
        InputError: it is of a type that Arrow takes no rows of.
    """
    if rows is None:
        return column
    kind = column.type
    if pa.types.is_run_end_encoded(kind):
        return _run_ends(taken(plain(column), rows), kind)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return cast(taken(plain(column), rows), kind)
    try:
        return _compute.call_function("take", [column, rows])
    except pa.ArrowNotImplementedError:
        raise InputError(f"rows of a column of {kind} cannot be left out") from None


def _run_ends(column: Any, kind: Any) -> Any:
    options = _compute.RunEndEncodeOptions(kind.run_end_type)
    return _compute.call_function("run_end_encode", [column], options)


def plain(column: Any) -> Any:
    """A column with its values one behind the other: without dictionary, run ends or views."""
    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(_compute.call_function("run_end_decode", [column]))
    if isinstance(column, pa.ExtensionArray):
        return plain(column.storage)
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        return cast(column, pa.string())
    binary = (pa.types.is_binary_view, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    if any(is_kind(kind) for is_kind in binary):
        return cast(column, pa.binary())
    return column


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
