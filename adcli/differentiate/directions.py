"""Directions in the space of the inputs, and weights of the results, by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from adcli.errors import InputError
from adcli.graph.arrays import describe
from adcli.graph.program import Given, Run, measure
from adcli.graph.suggest import naming, suggestion


class _Target:
    """What a name stands for: its elements, and the shape that values must have."""

    __slots__ = ("labels", "shape")

    def __init__(self, labels: list[str], shape: tuple[int, ...]) -> None:
        self.labels = labels
        self.shape = shape


def direction(run: Run, given: Mapping[str, Given], what: str = "direction") -> dict[str, float]:
    """A direction, by element of the inputs; what is left out is 0.

    Args:
        run: the program at a point.
        given: numbers by input (in its shape) or by element, such as x[2].
        what: what it is called in messages.

    Raises:
        InputError: a name is no input or element, comes twice, or has another shape.
    """
    targets = {item.name: _Target(item.labels(), item.shape) for item in run.inputs}
    return _spread(given, targets, run.elements, what, "input")


def weights(run: Run, given: Mapping[str, Given]) -> dict[str, float]:
    """Weights by result; what is left out is 0.

    Args:
        run: the program at a point.
        given: numbers by result, such as f[1], or for all elements of a vector f.

    Raises:
        InputError: a name is no result, comes twice, or has another length.
    """
    targets: dict[str, _Target] = {}
    for name in run.results:
        if name.endswith("]"):  # an element of a vector, or one of several results
            stem, _, index = name[:-1].rpartition("[")
            target = targets.setdefault(stem, _Target([], ()))
            target.labels.append(name)
            target.shape = tuple(int(i) for i in index.split(","))
    # f[1], f[2][1], f[2][2], f[3] are no vector f.
    whole = {
        stem: target
        for stem, target in targets.items()
        if math.prod(target.shape) == len(target.labels)
    }
    return _spread(given, whole, run.results, "weight", "result")


def _spread(
    given: Mapping[str, Given],
    targets: Mapping[str, _Target],
    elements: Iterable[str],
    what: str,
    noun: str,
) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise InputError(f"a {what} is given by name, as in {{'{next(iter(elements), 'x')}': 1}}")
    known = set(elements)
    found: dict[str, float] = {}
    for name, value in given.items():
        if not isinstance(name, str):
            raise InputError(f"a name is a text, not {name!r}")
        shape, numbers = measure(name, value)
        if not all(map(math.isfinite, numbers)):
            raise InputError(f"the {what} of '{name}' is not finite")
        # A result of a plain name may be called like the vector of the others.
        target = _Target([name], ()) if name in known else targets.get(name)
        if target is None:
            raise InputError(
                f"no {noun} is called '{name}'",
                hint=suggestion(name, [*targets, *known]),
                details=(naming(noun, elements),),
            )
        if shape != target.shape:
            raise InputError(
                f"the {what} of '{name}' is {describe(shape)}, the {noun} {describe(target.shape)}"
            )
        for label in target.labels:
            if label in found:
                raise InputError(f"the {what} of '{label}' is given twice")
        found.update(zip(target.labels, numbers, strict=True))
    return found
