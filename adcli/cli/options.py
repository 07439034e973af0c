"""What the commands share: SOURCE and NAME=VALUE, the common options, and output."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.environment import Environment
from adcli.errors import (
    DEFAULT_MAX_OPERATIONS,
    FileError,
    InputError,
    NonFiniteError,
    ProgramError,
    Source,
)

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic
    from adcli.graph.program import Given, Program, Run
    from adcli.render.views import View

FORMATS = ("table", "json", "csv", "tsv", "markdown", "latex")
_ENDINGS = {
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".md": "markdown",
    ".tex": "latex",
    ".txt": "table",
}
# What a number looks like that needs no parser.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# An option, or something that is meant as one; any other word with two dashes is not.
_OPTION = re.compile(r"--[a-z][-a-z]*(=.*)?", re.DOTALL)
_MOST_SHOWN = 60
# Marks an argument that begins with "-" and is no option; no real argument contains it.
_SHIELD = "\0"


class WholeNumber(click.ParamType):  # type: ignore[type-arg]  # generic since Click 8.3
    """A whole number within bounds; 1e6 is one too."""

    name = "N"

    def __init__(self, least: int, most: int | None = None) -> None:
        self.least = least
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number a text says."""
        try:
            number = float(value)
            whole = int(number)
        except (ValueError, OverflowError):
            self.fail(f"'{value}' is not a whole number", param, ctx)
        if whole != number or whole < self.least or (self.most is not None and whole > self.most):
            bounds = f"from {self.least}" + (f" to {self.most}" if self.most is not None else "")
            self.fail(f"'{value}' is not a whole number {bounds}", param, ctx)
        return whole


class Command(click.Command):
    """A command whose arguments may look like options: `adcli eval "-x+1" x=2`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As Click's, with expressions shielded from its parser."""
        short: set[str] = set()
        takes_value: set[str] = set()
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option):
                short |= {name for name in parameter.opts if not name.startswith("--")}
                if not parameter.is_flag and not parameter.count:
                    takes_value |= set(parameter.opts)
        shielded = list(args)
        previous = ""
        for position, argument in enumerate(args):
            if argument == "--":
                break
            is_dash = argument.startswith("-") and argument != "-"
            is_option = argument in short or _OPTION.fullmatch(argument)
            if is_dash and not is_option and previous not in takes_value:
                shielded[position] = _SHIELD + argument
            previous = argument
        return super().parse_args(ctx, shielded)


def unshield(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """A Click callback that takes the shield off arguments (see `Command`)."""
    if isinstance(value, tuple):
        return tuple(item.removeprefix(_SHIELD) for item in value)
    return value.removeprefix(_SHIELD) if isinstance(value, str) else value


_PROGRAM_OPTIONS = (
    click.argument("source", callback=unshield),
    click.argument("bindings", nargs=-1, metavar="[NAME=VALUE ...]", callback=unshield),
    click.option(
        "--at", metavar="FILE.json", multiple=True, help="Read inputs from a JSON object."
    ),
    click.option("--function", "main_function", metavar="NAME", help="The function to run."),
    click.option(
        "--max-operations",
        type=WholeNumber(1),
        metavar="N",
        help="The most operations to record (default 10 million).",
    ),
    click.option("--strict", is_flag=True, help="Fail (exit 4) on a non-finite result."),
)
_OUTPUT_OPTIONS = (
    click.option("--format", "form", type=click.Choice(FORMATS), help="Default: table."),
    click.option("-o", "out", metavar="FILE", help="Write a file, in its ending's format."),
    click.option(
        "--digits",
        type=WholeNumber(0, 17),
        metavar="N",
        help="Digits behind the point in tables.",
    ),
    click.option(
        "--color",
        type=click.Choice(("auto", "always", "never")),
        default="auto",
        help="Colours (default: on a terminal).",
    ),
    click.option("--ascii", "ascii_only", is_flag=True, help="Only ASCII in tables."),
    click.option("--quiet", is_flag=True, help="No warnings or notes."),
)
_OUTPUT = ("form", "out", "digits", "quiet")
# What the environment knows already, from before the options were parsed.
_LOOK = ("color", "ascii_only")
_PROGRAM = ("source", "bindings", "at", "main_function", "max_operations", "strict")
_COMMON = _PROGRAM + _OUTPUT + _LOOK


# What is the same for a table that holds no results.
_LOOK_OPTIONS = tuple(_OUTPUT_OPTIONS[i] for i in (0, 1, 3, 4))


class Request:
    """What the common options ask for.

    Attributes:
        output: where and how to write.
        strict: whether a non-finite result is an error.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self.output = Output(**{name: given.get(name) for name in _OUTPUT})  # type: ignore[arg-type]  # as Click has checked
        self.strict: bool = given.get("strict", False)

    def run(self) -> Run:
        """Load SOURCE and run it at the point given.

        Raises:
            AdcliError: whatever is wrong with the program or the inputs.
        """
        given = self._given
        limit = given["max_operations"] or DEFAULT_MAX_OPERATIONS
        program = load(given["source"], given["main_function"])
        values: dict[str, Given] = {}
        for path in given["at"]:
            values.update(_read_point(path))
        values.update(parse_bindings(given["bindings"], limit))
        return program.run(values, limit)


def look_options(function: Callable[..., None]) -> Callable[..., None]:
    """Format, file, colour and ASCII; the function gets a Request and its own options."""
    return _with(_LOOK_OPTIONS, function)


def program_options(function: Callable[..., None]) -> Callable[..., None]:
    """SOURCE, NAME=VALUE, how to run it, and how results look."""
    return _with(_PROGRAM_OPTIONS + _OUTPUT_OPTIONS, function)


def _with(
    decorators: Sequence[Callable[[Any], Any]], function: Callable[..., None]
) -> Callable[..., None]:
    @functools.wraps(function)
    def command(**given: Any) -> None:
        common = {name: given.pop(name) for name in _COMMON if name in given}
        function(Request(common), **given)

    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def wrt_option(help_text: str) -> Callable[[Any], Any]:
    """--wrt x,y; it may be repeated."""
    return click.option(
        "--wrt", metavar="x,y", multiple=True, callback=_split_names, help=help_text
    )


def _split_names(
    ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> list[str] | None:
    if not given:
        return None
    names = [name.strip() for text in given for name in text.split(",")]
    if not all(names):
        raise InputError("--wrt names no input", hint="write --wrt x,y")
    return names


def load(source: str, function: str | None) -> Program:
    """The program that SOURCE says.

    Raises:
        FileError, ProgramError, InputError, LimitError: as `adcli.load` does.
    """
    from adcli.graph.program import Program

    if source == "-":
        from adcli.language.files import read_stream

        if sys.stdin is None:
            raise FileError("cannot read standard input: it is closed")
        return Program(read_stream(sys.stdin.buffer, "standard input"), function)
    from adcli.language.files import program_source

    return Program(program_source(source), function)


def parse_bindings(bindings: Sequence[str], max_operations: int) -> dict[str, Given]:
    """The values of all NAME=VALUE, by name.

    Args:
        bindings: as given.
        max_operations: the most operations a value may take.

    Raises:
        InputError: one has no such form, is not constant, or comes twice.
    """
    values: dict[str, Given] = {}
    for binding in bindings:
        name, value = parse_binding(binding, max_operations)
        if name in values:
            raise InputError(f"input '{name}' is given twice")
        values[name] = value
    return values


def parse_binding(binding: str, max_operations: int = DEFAULT_MAX_OPERATIONS) -> tuple[str, Given]:
    """The name and value of NAME=VALUE.

    Raises:
        InputError: it has no such form, or the value is not constant.
    """
    name, equals, text = binding.partition("=")
    name = name.strip()
    if not equals or not name:
        raise InputError(
            f"'{binding}' is not NAME=VALUE",
            hint="an expression with spaces needs quotes" if not equals else "",
        )
    return name, constant(name, text, max_operations)


def constant(name: str, text: str, max_operations: int) -> Given:
    """The value of a constant expression of the language.

    Args:
        name: what it is the value of, for messages.
        text: the expression.
        max_operations: the most operations it may take.

    Raises:
        InputError: it is not one.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if not text:
        raise InputError(f"'{name}=' has no value", hint=f"write {name}=2")
    from adcli.graph.program import Program, constant_value

    try:
        return constant_value(Program(Source(text, f"value of {name}")), max_operations)
    except ProgramError as error:
        raise InputError(error.message, error.span, hint=error.hint) from None


def read_direction(seeds: Sequence[str], elements: Mapping[str, int], run: Run) -> dict[str, float]:
    """The numbers in NAME=VALUE[,NAME=VALUE...], by element of the inputs.

    Args:
        seeds: what was given; an option may be repeated.
        elements: the elements there are.
        run: the program at a point.

    Raises:
        InputError: a name is no input or element, or a value has another shape.
    """
    from adcli.graph.program import measure
    from adcli.graph.suggest import counted, suggestion

    inputs = {item.name: item for item in run.inputs}
    direction: dict[str, float] = {}
    for seed in seeds:
        for binding in _split_at_commas(seed):
            if "=" not in binding:
                raise InputError(f"'{binding}' is not NAME=VALUE", hint=f"write --seed {binding}=1")
            name, value = parse_binding(binding)
            shape, numbers = measure(name, value)
            if name in inputs:
                labels = inputs[name].labels()
                if shape != inputs[name].shape:
                    raise InputError(
                        f"the seed of '{name}' has {counted(len(numbers), 'number')}, "
                        f"the input {len(labels)}"
                    )
            elif name in elements and not shape:
                labels = [name]
            else:
                hint = suggestion(name, [*inputs, *elements])
                raise InputError(f"no input is called '{name}'", hint=hint)
            twice = [label for label in labels if label in direction]
            if twice:
                raise InputError(f"the seed of '{twice[0]}' is given twice")
            direction.update(zip(labels, numbers, strict=True))
    return direction


def _split_at_commas(text: str) -> list[str]:
    """The pieces between the commas that stand in no brackets."""
    pieces, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            pieces.append(text[start:position])
            start = position + 1
    return [*pieces, text[start:]]


def _read_point(path: str) -> dict[str, Given]:
    """The inputs in a JSON object.

    Raises:
        FileError: the file cannot be read.
        InputError: it holds something else.
    """
    import json

    from adcli.language.files import read_program

    text = read_program(path).text
    try:
        data = json.loads(text, parse_int=float, object_pairs_hook=_no_repetition)
    except RecursionError:
        raise InputError(f"'{path}' is not JSON for inputs: nested too deeply") from None
    except ValueError as error:
        raise InputError(f"'{path}' is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise InputError(f"'{path}' holds no JSON object of inputs")
    from adcli.graph.program import measure

    for name, value in data.items():
        try:
            measure(name, value)
        except InputError as error:
            shown = json.dumps(value)
            shown = shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + "..."
            raise InputError(f"'{path}': {error.message}: {shown}") from None
    return data


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise InputError(f"input '{name}' is given twice")
        values[name] = value
    return values


class Output:
    """Where and how a command's result is written.

    Args:
        form: the format asked for, or None.
        out: the file asked for, or None.
        digits: digits behind the point, or None for the command's own.
        quiet: whether to keep warnings back.
    """

    def __init__(
        self,
        form: str | None,
        out: str | None,
        digits: int | None,
        quiet: bool,
    ) -> None:
        self.environment: Environment = click.get_current_context().obj
        self.out = out
        self.digits = digits
        self.quiet = quiet
        if form is None and out is not None:
            ending = out[out.rfind(".") :] if "." in out else ""
            form = _ENDINGS.get(ending.lower())
            if form is None:
                raise InputError(
                    f"'{out}' has no ending that says a format",
                    details=(f"endings: {', '.join(_ENDINGS)}; or say --format",),
                )
        self.form = form or "table"
        stdout = self.environment.stdout
        self.ascii_only = (
            self.environment.ascii_asked if out is not None else self.environment.ascii_only(stdout)
        )

    def report(self, diagnostics: Sequence[Diagnostic], *, strict: bool) -> None:
        """Print warnings and notes on stderr.

        Raises:
            NonFiniteError: strict, and one is about a number that is not finite.
        """
        if strict:
            for diagnostic in diagnostics:
                if diagnostic.is_non_finite:
                    raise NonFiniteError(diagnostic.message, diagnostic.span, hint=diagnostic.hint)
        if self.quiet or not diagnostics:
            return
        from adcli.render.messages import Messages

        stderr = self.environment.stderr
        messages = Messages(
            color=self.environment.colored(stderr),
            ascii_only=self.environment.ascii_only(stderr),
        )
        with contextlib.suppress(OSError):  # nobody may be listening; the result counts
            for diagnostic in diagnostics:
                stderr.write(messages.diagnostic(diagnostic))

    def json(self, data: dict[str, Any]) -> None:
        """Write one JSON object."""
        from adcli.render.views import to_json

        self.write(to_json(data, ascii_only=self.ascii_only))

    def show(
        self,
        *,
        data: Callable[[], dict[str, Any]],
        views: Callable[[], Sequence[View]],
        record: Callable[[], View],
        latex: Callable[[], str],
    ) -> None:
        """Write a result in the format asked for; only that one is made."""
        if self.form == "json":
            self.json(data())
        elif self.form in ("csv", "tsv"):
            from adcli.render.views import to_separated

            self.write(to_separated(record(), "," if self.form == "csv" else "\t"))
        elif self.form == "latex":
            self.write(latex())
        else:
            self.views(views())

    def views(self, views: Sequence[View]) -> None:
        """Write tables for people, on the terminal or as Markdown."""
        if self.form == "markdown":
            from adcli.render.views import to_markdown

            self.write(to_markdown(views, self.digits))
            return
        import io

        from adcli.render.terminal import Screen

        stdout = self.environment.stdout
        buffer = io.StringIO()
        if self.out is not None:
            screen = Screen(buffer, None, color=False, ascii_only=self.ascii_only)
        else:
            screen = Screen(
                buffer,
                self.environment.width(stdout),
                color=self.environment.colored(stdout),
                ascii_only=self.ascii_only,
            )
        screen.show(views, self.digits)
        self.write(buffer.getvalue())

    @property
    def columns(self) -> int | None:
        """The width of the terminal the result goes to, None of a pipe or file."""
        return None if self.out is not None else self.environment.width(self.environment.stdout)

    def write(self, text: str) -> None:
        """Write a finished text to the file or stdout, whole or not at all."""
        from adcli.cli.files import write_stream, write_whole

        if self.out is None:
            write_stream(self.environment.stdout, text)
        else:
            write_whole(self.out, text)


def diagnostics_data(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """The `warnings` of JSON."""
    return [
        {
            "kind": diagnostic.kind,
            "node": diagnostic.node or None,
            "line": diagnostic.span.line if diagnostic.span else None,
            "column": diagnostic.span.column if diagnostic.span else None,
            "message": diagnostic.message,
        }
        for diagnostic in diagnostics
    ]


def head(command: str, run: Run) -> dict[str, Any]:
    """What every JSON of one evaluation begins with."""
    value = run.graph.value
    return {
        "command": command,
        "function": run.program.name,
        "inputs": {
            item.name: item.arrange([value[node] for node in item.nodes]) for item in run.inputs
        },
    }
