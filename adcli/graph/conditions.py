"""Conditions on quantities that are not known yet: comparisons, and what is made of them.

Equal conditions are one object (see `open.OpenGraph`), so that they can be compared by
identity. There is no negation of a comparison: not x < y is not x >= y where one is nan.
"""

from __future__ import annotations

from adcli.graph import code as c
from adcli.graph.wengert import Scalar

COMPARE, AND, OR, NOT = range(4)

SIGNS = {c.LT: "<", c.LE: "<=", c.GT: ">", c.GE: ">=", c.EQ: "==", c.NE: "!="}


class Condition:
    """A condition.

    Attributes:
        kind: COMPARE, AND, OR or NOT.
        sign: of a comparison `<`, `<=`, `>`, `>=`, `==` or `!=`.
        scalars: the two scalars compared.
        parts: the conditions it is made of: two, or one of NOT.
        depth: how deep those are nested.
        index: its number in its graph.
    """

    __slots__ = ("depth", "index", "kind", "parts", "scalars", "sign")

    def __init__(
        self,
        kind: int,
        index: int,
        *,
        sign: str = "",
        scalars: tuple[Scalar, ...] = (),
        parts: tuple[Condition, ...] = (),
    ) -> None:
        self.kind = kind
        self.index = index
        self.sign = sign
        self.scalars = scalars
        self.parts = parts
        self.depth: int = 1 + max((part.depth for part in parts), default=0)


# What a condition may turn out to be while a program is traced.
Truth = bool | Condition
