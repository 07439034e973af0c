"""A program that has been read: its inputs, and how to run it at a point."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Any

from adcli.errors import DEFAULT_MAX_OPERATIONS, InputError, ProgramError, Source, Span
from adcli.graph import arrays, primitives
from adcli.graph import code as c
from adcli.graph.arrays import Array, Several, Value
from adcli.graph.compiler import Compiler, Environment, is_builtin
from adcli.graph.definitions import Definitions
from adcli.graph.names import Names
from adcli.graph.rules import CONSTANTS
from adcli.graph.suggest import listing, lookalike, naming, suggestion
from adcli.graph.tracer import Tracer, called_at, declared, fits
from adcli.graph.wengert import Graph, Scalar
from adcli.language import parse, syntax

if TYPE_CHECKING:
    from adcli.graph.history import History
    from adcli.graph.notation import Labels

# What a user may give for an input: a number, a vector, or a matrix by rows.
Given = float | Sequence[float] | Sequence[Sequence[float]]

# Calls of Python inside of each other while both arms of branches are traced.
_ROOM_FOR_ARMS = 10_000
_makes_room = threading.RLock()

_prelude_definitions: Definitions | None = None


def _prelude_file() -> Definitions:
    global _prelude_definitions
    if _prelude_definitions is None:
        _prelude_definitions = Definitions("prelude.ad")
    return _prelude_definitions


@contextmanager
def _room_for_arms() -> Iterator[None]:
    """More calls inside calls, for one thread after the other: the limit is that of all."""
    with _makes_room:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, _ROOM_FOR_ARMS))
        try:
            yield
        finally:
            sys.setrecursionlimit(before)


def is_function(name: str) -> bool:
    """Whether a name is a function of the language or its prelude."""
    return is_builtin(name) or name in _prelude_file()


def function_names() -> list[str]:
    """The functions of the language and its prelude."""
    names = {row.name for row in primitives.TABLE} - primitives.OPERATORS
    names |= set(primitives.ALIASES) | set(arrays.FUNCTIONS) | set(arrays.FILLED)
    return sorted(names | set(_prelude_file().texts))


class Input:
    """An input as a run had it.

    Attributes:
        name: its name.
        shape: () of a number, (n,) of a vector, (m, n) of a matrix.
        nodes: its elements in the graph, row by row.
    """

    __slots__ = ("name", "nodes", "shape")

    def __init__(self, name: str, shape: tuple[int, ...], nodes: list[int]) -> None:
        self.name = name
        self.shape = shape
        self.nodes = nodes

    def labels(self) -> list[str]:
        """The names of the elements: x, or x[1], x[2], ..., or A[1,1], ..."""
        return element_names(self.name, self.shape)

    def arrange(self, numbers: Sequence[Any]) -> Any:
        """Numbers, one an element, in this input's shape: a number, list, or list of rows."""
        return arranged(numbers, self.shape)


def arranged(numbers: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Numbers, one an element, in a shape: a number, list, or list of rows."""
    if not shape:
        return numbers[0]
    if len(shape) == 1:
        return list(numbers)
    rows, columns = shape
    return [list(numbers[i * columns : (i + 1) * columns]) for i in range(rows)]


def derivative_name(result: str, *elements: str) -> str:
    """The name of a derivative in tables: df_dx1, d2f_dx1_dx2."""
    order = "" if len(elements) == 1 else len(elements)
    return "_d".join([f"d{order}{result}", *elements])


def labels(inputs: Iterable[Input]) -> list[str]:
    """The names of all elements of inputs, in order."""
    return [label for item in inputs for label in item.labels()]


def arrange(inputs: Iterable[Input], numbers: Sequence[Any]) -> dict[str, Any]:
    """Numbers, one an element, by input and in its shape."""
    values, position = {}, 0
    for item in inputs:
        values[item.name] = item.arrange(numbers[position : position + len(item.nodes)])
        position += len(item.nodes)
    return values


class Run:
    """What a program did at a point.

    Attributes:
        program: the program.
        graph: the operations executed.
        inputs: the inputs, in order.
        results: name -> scalar, in order.
        equalities: places of comparisons for equality that held, and the node compared.
        kinks: places of calls of the prelude at a kink, the node there, and a message.
        size: how many nodes the program made; derivatives may be recorded behind them.
        history: the calls, turns and comparisons it went through, if that was asked for.
    """

    __slots__ = (
        "_labels",
        "equalities",
        "graph",
        "history",
        "inputs",
        "kinks",
        "program",
        "results",
        "size",
    )

    def __init__(
        self,
        program: Program,
        graph: Graph,
        inputs: list[Input],
        results: dict[str, Scalar],
        equalities: dict[int, int],
        kinks: dict[int, tuple[int, str]],
        history: History | None = None,
    ) -> None:
        self.program = program
        self.graph = graph
        self.inputs = inputs
        self.results = results
        self.equalities = equalities
        self.kinks = kinks
        self.size = len(graph)
        self.history = history
        self._labels: Labels | None = None

    @property
    def labels(self) -> Labels:
        """The names of the nodes, made once: unlike those of the inputs."""
        from adcli.graph.notation import Labels

        if self._labels is None:
            hidden = self.unused_choices() if self.graph.is_open else ()
            self._labels = Labels(self.graph, self.program.inputs, hidden)
        return self._labels

    def unused_choices(self) -> set[int]:
        """The choices of an open graph that no result needs."""
        from adcli.graph.open import OpenGraph

        assert isinstance(self.graph, OpenGraph)
        return self.graph.unused_choices(self.results.values())

    @property
    def elements(self) -> dict[str, int]:
        """The elements of all inputs by name, with their nodes."""
        return {
            label: node
            for item in self.inputs
            for label, node in zip(item.labels(), item.nodes, strict=True)
        }

    def values(self) -> dict[str, float]:
        """The values of the results."""
        return {name: self.graph.number(scalar) for name, scalar in self.results.items()}

    def result(self, name: str | None, what: str = "a gradient") -> str:
        """The name of the one scalar result that is meant.

        Args:
            name: its name, or None for the only one.
            what: what is asked of it, for messages.

        Raises:
            InputError: there is no such result, or several and none was named.
        """
        if name is not None:
            if name in self.results:
                return name
            raise InputError(
                f"no result is called '{name}'",
                hint=suggestion(str(name), self.results),
                details=(naming("result", self.results),),
            )
        if len(self.results) == 1:
            return next(iter(self.results))
        if not self.results:
            raise InputError("the program has no result: its value is an empty vector")
        raise InputError(
            f"the program has {len(self.results)} results; {what} is of one",
            details=(f"choose with --result NAME: {listing(self.results)}",),
        )

    def wanted(self, names: str | Sequence[str] | None) -> list[Input]:
        """The inputs of these names, or of one, in the program's order; all if None.

        Raises:
            InputError: a name is not an input.
        """
        if names is None:
            return self.inputs
        if isinstance(names, str):
            names = [names]
        wanted = set(names)
        known = {item.name: item for item in self.inputs}
        for name in names:
            if name not in known:
                raise _unknown_input(str(name), list(known))
        return [item for item in self.inputs if item.name in wanted]

    def span(self, node: int) -> Span | None:
        """The text of the program that made a node."""
        place = called_at(self.graph.where[node])
        if place < 0:
            return None
        return self.program.span(place)


class Program:
    """A program, read and compiled.

    Args:
        source: its text.
        function: the function to take as main; None for the rule of the language.

    Raises:
        ProgramError: the text is not a program, or has no such function.
        LimitError: it is too long or too deep.
    """

    def __init__(self, source: Source, function: str | None = None) -> None:
        self.source = source
        items = parse(source, is_function)
        definitions = [item for item in items if isinstance(item, syntax.Function)]
        statements = [item for item in items if not isinstance(item, syntax.Function)]
        if not items:
            raise ProgramError("the program is empty", Span(source, 0, 0))
        self._environment = Environment(source, self._prelude, self._known)
        self._preluded: dict[str, c.Function | None] = {}
        names = Names(statements)
        self._environment.main_names = frozenset(names.first)
        self._define(definitions)
        self.main = self._choose(function, definitions, statements, names)

    @property
    def name(self) -> str:
        """The name of the main function; a bare program's is f."""
        return self.main.name

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs, in order."""
        return [parameter.name for parameter in self.main.parameters]

    @property
    def constants(self) -> set[str]:
        """The names it takes for constants, as pi."""
        return self._environment.constants

    @property
    def required(self) -> list[str]:
        """The names of the inputs without a default, in order."""
        return [item.name for item in self.main.parameters if item.default is None]

    @property
    def results(self) -> list[str]:
        """The names of the results as written; a vector's elements show only when it runs."""
        return _result_names(self.name, [(plain, 0.0) for plain in self.main.results], [])

    def check_input(self, name: str) -> None:
        """Refuse what is no input.

        Raises:
            InputError: there is no input of this name.
        """
        if name not in self.inputs:
            raise _unknown_input(str(name), self.inputs)

    def declared_shapes(self) -> dict[str, tuple[int, ...]]:
        """For each input its shape as declared; () where not all of that is."""
        return {
            parameter.name: tuple(n for n in parameter.shape or () if n is not None)
            if None not in (parameter.shape or ())
            else ()
            for parameter in self.main.parameters
        }

    def defaults(self, names: Collection[str]) -> dict[str, Given]:
        """The defaults of some inputs that have one."""
        tracer = Tracer(Graph())
        found: dict[str, Given] = {}
        for parameter in self.main.parameters:
            if parameter.name in names and parameter.default is not None:
                value = tracer.call(parameter.default, [])
                if isinstance(value, Several):
                    raise self._no_default(parameter)
                shape = arrays.shape_of(value)
                items = value.items if isinstance(value, Array) else [value]
                found[parameter.name] = Input(parameter.name, shape, []).arrange(items)
        return found

    def _no_default(self, parameter: c.Parameter) -> ProgramError:
        place = Span(self.source, parameter.start, parameter.end)
        return ProgramError(f"the default of '{parameter.name}' is not one value", place)

    def span(self, place: int) -> Span:
        """The text at an index of the program's spans."""
        return Span(self.source, *self._environment.spans[place])

    def run(
        self,
        values: Mapping[str, Given],
        max_operations: int = DEFAULT_MAX_OPERATIONS,
        history: History | None = None,
        *,
        fixed: Collection[str] = (),
    ) -> Run:
        """Run the program at a point.

        Args:
            values: the inputs by name; defaults fill the rest.
            max_operations: the most operations it may record.
            history: to be told what the program goes through.
            fixed: inputs that are constants, as in `open`.

        Raises:
            InputError: inputs that are missing, unknown, or of the wrong shape.
            ProgramError: what only shows when it runs: shapes, indices.
            LimitError: too many operations, or calls too deep.
        """
        graph = Graph(max_operations)
        tracer = Tracer(graph, history)
        inputs: list[Input] = []
        arguments: list[Value | None] = []
        for name, shape, numbers in self._bind(values, tracer):
            if name in fixed:
                arguments.append(_value(shape, numbers))
                continue
            nodes = [graph.add_input(number) for number in numbers]
            inputs.append(Input(name, shape, nodes))
            arguments.append(_value(shape, nodes))
        value = tracer.call(self.main, arguments)
        results = self._named(value)
        return Run(self, graph, inputs, results, tracer.equalities, tracer.kinks, history)

    def open(
        self,
        values: Mapping[str, Given],
        max_operations: int = DEFAULT_MAX_OPERATIONS,
        history: History | None = None,
        *,
        turns: int = 0,
        fixed: Collection[str] = (),
    ) -> Run:
        """Trace the program for inputs that are not known: its graph is an `OpenGraph`.

        Args:
            values: of some inputs by name; only their shapes matter.
            max_operations: the most operations it may record.
            history: to be told what the program goes through.
            turns: of a loop whose number of turns depends on the inputs, how many are
                recorded; 0 if such a loop is an error. See `OpenGraph`.
            fixed: the inputs that do have the values given.

        Raises:
            InputError: inputs that are unknown, or of the wrong shape.
            ProgramError: what has no formula: a loop or an index that depends on the
                inputs; and what `run` raises. With `turns` a `TooFewTurnsError` if more of
                them may help.
            LimitError: too many operations, or calls too deep.
        """
        from adcli.graph.open import OpenGraph, TooFewTurnsError, UndecidedError
        from adcli.graph.opentracer import OpenTracer

        graph = OpenGraph(max_operations, turns)
        tracer = OpenTracer(graph, history)
        inputs: list[Input] = []
        arguments: list[Value | None] = []
        unknown = [name for name in values if name not in self.inputs]
        if unknown:
            raise _unknown_input(str(unknown[0]), self.inputs)
        guessed = []
        for parameter in self.main.parameters:
            if parameter.name in fixed:
                arguments.append(self._fixed(parameter, values))
                continue
            shape = self._open_shape(parameter, values, tracer)
            if shape is None:
                guessed.append(parameter.name)
                shape = ()
            size = math.prod(shape)
            arrays.check_size(graph, size)
            nodes = [graph.add_input(math.nan) for _ in range(size)]
            inputs.append(Input(parameter.name, shape, nodes))
            arguments.append(_value(shape, nodes))
        try:
            with _room_for_arms():
                results = self._named(tracer.call(self.main, arguments))
        except ProgramError as error:
            if graph.undecided is not False and not isinstance(error, UndecidedError):
                raise TooFewTurnsError(error) from error
            if guessed and not error.hint:
                name = guessed[0]
                error.details += (f"if '{name}' is a vector, say how long: {name}=[0,0,0]",)
            raise
        return Run(self, graph, inputs, results, {}, {}, history)

    def _fixed(self, parameter: c.Parameter, values: Mapping[str, Given]) -> Value:
        """The value of an input that is a constant."""
        shape, numbers = measure(parameter.name, values[parameter.name])
        _check_fits(parameter, shape)
        return _value(shape, numbers)

    def _open_shape(
        self, parameter: c.Parameter, values: Mapping[str, Given], tracer: Tracer
    ) -> tuple[int, ...] | None:
        """The shape of an input: of its value, as declared, of its default; None if unsaid."""
        if parameter.name in values:
            shape, _ = measure(parameter.name, values[parameter.name])
            _check_fits(parameter, shape)
            return shape
        if parameter.shape is not None and None not in parameter.shape:
            return tuple(n for n in parameter.shape if n is not None)
        if parameter.default is not None:
            default = tracer.call(parameter.default, [])
            return None if isinstance(default, Several) else arrays.shape_of(default)
        return None

    def _define(self, definitions: list[syntax.Function]) -> None:
        environment = self._environment
        for item in definitions:
            if item.name in environment.functions:
                raise environment.error_at(
                    f"'{item.name}' is defined twice", item.start, item.name_end
                )
            environment.functions[item.name] = c.Function(item.name, self.source, environment.spans)
        compiled = [_compile(environment, item) for item in definitions]
        # Bodies come after all heads: functions call each other in any order.
        for finish in compiled:
            finish()

    def _choose(
        self,
        function: str | None,
        definitions: list[syntax.Function],
        statements: list[syntax.Statement],
        names: Names,
    ) -> c.Function:
        functions = self._environment.functions
        if function is not None:
            if function not in functions:
                raise InputError(
                    f"the program has no function '{function}'",
                    hint=suggestion(function, functions),
                    details=(f"its functions are {listing(functions)}",) if functions else (),
                )
            return functions[function]
        if not statements:
            return functions[definitions[-1].name]
        main = c.Function("f", self.source, self._environment.spans)
        parameters = []
        for name, (position, is_read) in names.first.items():
            own = name in names.assigned
            aside = name in CONSTANTS or name in functions or is_function(name)
            if is_read and (own or not aside):
                parameters.append(syntax.Parameter(position, position + len(name), name))
        compiler = Compiler(self._environment, main, names)
        compiler.parameters(parameters)
        main.parameters = [c.Parameter(p.name, None, None, p.start, p.end) for p in parameters]
        compiler.body(statements, statements[-1])
        return main

    def _prelude(self, name: str) -> c.Function | None:
        if name not in self._preluded:
            file = _prelude_file()
            if name not in file:
                return None
            source, item = file.get(name)
            spans: list[tuple[int, int]] = []
            environment = Environment(source, self._prelude, self._known)
            environment.spans = spans
            function = c.Function(name, source, spans)
            function.from_prelude = True
            environment.functions[name] = self._preluded[name] = function
            _compile(environment, item)()
        return self._preluded[name]

    def _known(self) -> Iterable[str]:
        return [*self._environment.functions, *function_names()]

    def _named(self, value: Value) -> dict[str, Scalar]:
        """The results by name, vectors by element."""
        values, names = [value], self.main.results
        if isinstance(value, Several):
            values = value.items
            # Results passed on whole, as in f(x) = g(x), are another function's names.
            names = value.names if len(names) > 1 else [None] * len(values)
        pieces: list[Scalar] = []
        labels = _result_names(self.name, list(zip(names, values, strict=True)), pieces)
        return dict(zip(labels, pieces, strict=True))

    def _bind(
        self, values: Mapping[str, Given], tracer: Tracer
    ) -> list[tuple[str, tuple[int, ...], list[float]]]:
        """Name, shape and numbers of each input."""
        known = self.inputs
        names = set(known)
        unknown = [name for name in values if name not in names]
        missing = [
            parameter
            for parameter in self.main.parameters
            if parameter.name not in values and parameter.default is None
        ]
        if missing:
            place = _name_span(self.source, missing[0])
            raise _missing_inputs([p.name for p in missing], known, list(values), place)
        if unknown:
            raise _unknown_input(str(unknown[0]), known)
        bound = []
        for parameter in self.main.parameters:
            if parameter.name in values:
                shape, numbers = measure(parameter.name, values[parameter.name])
            else:
                assert parameter.default is not None
                default = tracer.call(parameter.default, [])
                if isinstance(default, Several):
                    raise self._no_default(parameter)
                shape = arrays.shape_of(default)
                items = default.items if isinstance(default, Array) else [default]
                numbers = [float(x) for x in items]
            if not fits(parameter, shape):
                assert parameter.shape is not None
                wanted = declared(parameter.shape)
                message = f"'{parameter.name}' is {wanted}, got {arrays.describe(shape)}"
                if parameter.name not in values:
                    place = Span(self.source, parameter.start, parameter.end)
                    raise ProgramError(f"the default of {message}", place)
                hint = f"write {parameter.name}=[...]" if not shape else ""
                raise InputError(f"input {message}", hint=hint)
            bound.append((parameter.name, shape, numbers))
        return bound


def _value(shape: tuple[int, ...], items: Sequence[Scalar]) -> Value:
    """Scalars as a value of a shape."""
    return Array(shape, list(items)) if shape else items[0]


def _check_fits(parameter: c.Parameter, shape: tuple[int, ...]) -> None:
    """Refuse a value of another shape than declared.

    Raises:
        InputError: it has one.
    """
    if not fits(parameter, shape):
        assert parameter.shape is not None
        wanted = declared(parameter.shape)
        message = f"'{parameter.name}' is {wanted}, got {arrays.describe(shape)}"
        raise InputError(f"input {message}")


def _name_span(source: Source, parameter: c.Parameter) -> Span:
    return Span(source, parameter.start, parameter.start + len(parameter.name))


def constant_value(program: Program, max_operations: int = DEFAULT_MAX_OPERATIONS) -> Given:
    """The value of a program without inputs: a number, a list, or a list of rows.

    Args:
        program: the program.
        max_operations: the most operations it may take.

    Raises:
        ProgramError: it reads a name that has no value, or has several results.
    """
    if program.main.parameters:
        parameter = program.main.parameters[0]
        place = _name_span(program.source, parameter)
        raise ProgramError(f"'{parameter.name}' has no value here; a constant is needed", place)
    value = Tracer(Graph(max_operations)).call(program.main, [])
    if isinstance(value, Several):
        whole = Span(program.source, 0, len(program.source.text))
        hint = f"write [{program.source.text.strip()}]"
        raise ProgramError(f"one value is needed, not {len(value.items)}", whole, hint=hint)
    if isinstance(value, Array):
        return Input(program.name, value.shape, []).arrange(value.items)  # type: ignore[no-any-return]  # numbers in that shape
    return value


def _compile(environment: Environment, item: syntax.Function) -> Any:
    """Compile the head of a function now; the body when what is returned is called."""
    function = environment.functions[item.name]
    compiler = Compiler(environment, function, Names(item.body))
    compiler.parameters(item.parameters)
    for parameter in item.parameters:
        default = None
        if parameter.default is not None:
            default = c.Function(item.name, environment.source, environment.spans)
            default.from_prelude = function.from_prelude
        function.parameters.append(
            c.Parameter(parameter.name, parameter.shape, default, parameter.start, parameter.end)
        )
        function.has_shapes |= parameter.shape is not None

    def finish() -> None:
        for parameter, compiled in zip(item.parameters, function.parameters, strict=True):
            if parameter.default is not None and compiled.default is not None:
                body: list[syntax.Statement] = [
                    syntax.Results(
                        parameter.default.start, parameter.default.end, [parameter.default]
                    )
                ]
                Compiler(environment, compiled.default, Names(body)).body(body, parameter)
        compiler.body(item.body, item)

    return finish


def measure(name: str, given: Any) -> tuple[tuple[int, ...], list[float]]:
    """The shape and the numbers of what was given for an input.

    Raises:
        InputError: it is not a number, a vector, or rows of one length.
    """
    if hasattr(given, "tolist"):
        given = given.tolist()
    if _is_number(given):
        return (), [_double(given)]
    if isinstance(given, (list, tuple, range)):
        rows: list[Any] = [row.tolist() if hasattr(row, "tolist") else row for row in given]
        if all(_is_number(x) for x in rows):
            return (len(rows),), [_double(x) for x in rows]
        if all(isinstance(row, (list, tuple, range)) for row in rows):
            lengths = sorted({len(row) for row in rows})
            if len(lengths) > 1:
                raise InputError(
                    f"input '{name}' has rows of {lengths[0]} and {lengths[1]} numbers"
                )
            flat = [x for row in rows for x in row]
            if all(_is_number(x) for x in flat):
                return (len(rows), lengths[0]), [_double(x) for x in flat]
    raise InputError(f"input '{name}' is not a number, a vector or a matrix")


def _is_number(x: Any) -> bool:
    return isinstance(x, Real) and not isinstance(x, bool)


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def element_names(name: str, shape: tuple[int, ...]) -> list[str]:
    """The names of the elements of a scalar, vector or matrix."""
    if not shape:
        return [name]
    if len(shape) == 1:
        return [f"{name}[{i}]" for i in range(1, shape[0] + 1)]
    return [f"{name}[{i},{j}]" for i in range(1, shape[0] + 1) for j in range(1, shape[1] + 1)]


def _result_names(
    function: str, results: list[tuple[str | None, Value]], pieces: list[Scalar]
) -> list[str]:
    """The names of results; their scalars are put into `pieces`, in the same order."""
    labels: list[str] = []
    taken: set[str] = set()
    others = 0
    for plain, value in results:
        arrays.check_numbers(value)
        shape = arrays.shape_of(value)
        name = function if len(results) == 1 else plain
        added = [] if name is None else element_names(name, shape)
        if name is None or name in taken or not taken.isdisjoint(added):
            others += 1
            while f"{function}[{others}]" in taken:  # a vector called like the function
                others += 1
            name = f"{function}[{others}]"
            added = element_names(name, shape)
        taken.update([name, *added])
        labels += added
        if isinstance(value, Array):
            pieces += value.items
        else:
            assert not isinstance(value, Several)
            pieces.append(value)
    return labels


# A message stays under ten lines.
_MOST_SHOWN = 3


def _unknown_input(name: str, known: list[str]) -> InputError:
    inputs = naming("input", known)
    stem = name.partition("[")[0]
    hint = suggestion(name, known)
    if stem != name and stem in known:
        hint = f"'{stem}' is taken whole"
    elif name in CONSTANTS:
        hint = f"'{name}' is a constant here"
    return InputError(f"no input is called '{name}'", hint=hint, details=(inputs,))


def _missing_inputs(
    missing: list[str], known: list[str], given: Sequence[str], place: Span | None
) -> InputError:
    if len(missing) == 1:
        message = f"input '{missing[0]}' has no value"
    else:
        message = f"inputs without a value: {', '.join(missing)}"
    example = " ".join(f"{name}=..." for name in missing[:8])
    details = [f"write {example}"]
    unknown = [name for name in given if name not in known]
    for name in missing[:1000]:
        for other in given:
            reason = lookalike(name, other)
            if reason and len(details) < _MOST_SHOWN:
                details.append(f"'{other}' was given; '{name}' only looks like it: {reason}")
                unknown = [x for x in unknown if x != other]
    shown = unknown if len(unknown) <= _MOST_SHOWN else unknown[: _MOST_SHOWN - 1]
    for name in shown:
        hint = suggestion(name, missing)
        details.append(
            f"'{name}' was given, but no input has that name" + (f"; {hint}" if hint else "")
        )
    if len(shown) < len(unknown):
        details.append(f"... and {len(unknown) - len(shown)} more")
    return InputError(message, place, details=tuple(details))
