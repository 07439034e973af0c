"""Values of a table as JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson


def to_json(value: Any) -> bytes:
    """A value as JSON: dates as in ISO 8601, bytes in base 64, others as they print.

    Raises:
        RecursionError: it is nested too deeply.
    """
    try:
        return orjson.dumps(value, default=_simple, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # an integer of more than 64 bits, or nested deeper than it goes
        return json.dumps(
            value, default=_simple, ensure_ascii=False, separators=(",", ":")
        ).encode()


def _simple(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
