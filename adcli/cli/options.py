"""What the commands share: SOURCE and NAME=VALUE, the common options, and output."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from adcli.cli import version
from adcli.cli.environment import Environment
from adcli.errors import (
    DEFAULT_MAX_OPERATIONS,
    FileError,
    InputError,
    ProgramError,
    Source,
)

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic
    from adcli.differentiate.passes import Matrix
    from adcli.graph.history import History
    from adcli.graph.program import Given, Program, Run
    from adcli.render.views import Look, Tables, Views

FORMATS = ("table", "json", "csv", "tsv", "markdown", "latex")
TEXT_FORMATS = ("text", "json", "latex")
_ENDINGS = {
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".md": "markdown",
    ".tex": "latex",
    ".txt": "table",
}
PICTURES = ("svg", "png", "pdf")
GRAPH_FORMATS = ("tree", "dot", "mermaid", *PICTURES)
# Of a result that is a text in the language.
_TEXT_ENDINGS = {".ad": "text", ".txt": "text", ".json": "json", ".tex": "latex"}
# Pictures that are no text.
_BINARY = frozenset({"png", "pdf"})
_GRAPH_ENDINGS = {
    ".txt": "tree",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
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
            if not str(value).isascii():  # digits of other scripts
                raise ValueError
            number = float(value)
            whole = int(number)
        except (ValueError, OverflowError):
            self.fail(f"'{value}' is not a whole number", param, ctx)
        if whole != number or whole < self.least or (self.most is not None and whole > self.most):
            bounds = f"from {self.least}" + (f" to {self.most}" if self.most is not None else "")
            self.fail(f"'{value}' is not a whole number {bounds}", param, ctx)
        return whole


class PositiveNumber(click.ParamType):  # type: ignore[type-arg]  # generic since Click 8.3
    """A number above 0."""

    name = "T"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number a text says."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"'{value}' is not a number", param, ctx)
        if not 0 < number < float("inf"):
            self.fail(f"'{value}' is not a number above 0", param, ctx)
        return number


class Command(click.Command):
    """A command whose arguments may look like options: `adcli eval "-x+1" x=2`.

    Attributes:
        can_say_no: whether it may exit with 1.
        answers_errors: whether what is wrong with a program is its output.
    """

    def __init__(
        self,
        *given: Any,
        can_say_no: bool = False,
        answers_errors: bool = False,
        **named: Any,
    ) -> None:
        super().__init__(*given, **named)
        self.params.append(version.option())
        self.can_say_no = can_say_no
        self.answers_errors = answers_errors

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes, which end the help."""
        from adcli.cli import exits

        formatter.write_paragraph()
        formatter.write_text(exits.line(self))

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
        try:
            return super().parse_args(ctx, shielded)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # which the parser does not know
            raise


def unshield(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """A Click callback that takes the shield off arguments (see `Command`)."""
    if isinstance(value, tuple):
        return tuple(unshielded(item) for item in value)
    return unshielded(value) if isinstance(value, str) else value


def unshielded(argument: str) -> str:
    """An argument as it was given."""
    return argument.removeprefix(_SHIELD)


def completed(kind: str) -> Callable[[click.Context, click.Parameter, str], Any]:
    """What a shell may complete at a parameter.

    Args:
        kind: the name of a function of `cli.candidates`.
    """

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Any:
        from adcli.cli import candidates

        return getattr(candidates, kind)(ctx, incomplete)

    return complete


def unless_stdout(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A Click callback: the file called - is standard output."""
    return None if value == "-" else value


source_argument = click.argument("source", callback=unshield, shell_complete=completed("programs"))
bindings_argument = click.argument(
    "bindings",
    nargs=-1,
    metavar="[NAME=VALUE ...]",
    callback=unshield,
    shell_complete=completed("bindings"),
)
_AT = click.option(
    "--at",
    metavar="FILE.json",
    multiple=True,
    shell_complete=completed("points"),
    help="Read inputs from a JSON object.",
)
_FUNCTION = click.option(
    "--function",
    "main_function",
    metavar="NAME",
    shell_complete=completed("functions"),
    help="The function to run.",
)
_MAX_OPERATIONS = click.option(
    "--max-operations",
    type=WholeNumber(1),
    metavar="N",
    help="The most operations to record (default 10 million).",
)
_STRICT = click.option("--strict", is_flag=True, help="Fail (exit 4) on a non-finite result.")
_FORMAT = click.option("--format", "form", type=click.Choice(FORMATS), help="Default: table.")
_DIGITS = click.option(
    "--digits",
    type=WholeNumber(0, 17),
    metavar="N",
    help="Digits behind the point in tables.",
)
_COLOR = click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    help="Colours (default: on a terminal).",
)
_ASCII = click.option("--ascii", "ascii_only", is_flag=True, help="Only ASCII in tables and JSON.")
_QUIET = click.option("--quiet", is_flag=True, help="No warnings or notes.")


def _out(parameter: str, help_text: str) -> Callable[[Any], Any]:
    """-o FILE."""
    return click.option(
        "-o",
        parameter,
        metavar="FILE",
        callback=unless_stdout,
        shell_complete=completed("files"),
        help=help_text,
    )


_OUT = _out("out", "Write a file, in its ending's format.")
_TABLE_OUT = _out("target", "Write a file, whole or not at all.")
_GRAPH_FORMAT = click.option(
    "--format", "form", type=click.Choice(GRAPH_FORMATS), help="Default: tree."
)
_TEXT_FORMAT = click.option(
    "--format", "form", type=click.Choice(TEXT_FORMATS), help="Default: text."
)
_OUTPUT = ("form", "out", "digits", "quiet")
# What the environment knows already, from before the options were parsed.
_LOOK = ("color", "ascii_only")
_PROGRAM = ("source", "bindings", "at", "main_function", "max_operations", "strict")
_COMMON = _PROGRAM + _OUTPUT + _LOOK

# The options of many commands: how texts look, how a program runs, one program, its result.
_AS_TEXT = (_COLOR, _ASCII, _QUIET)
_RUN = (_AT, _FUNCTION, _MAX_OPERATIONS)
_ONE_PROGRAM = (source_argument, bindings_argument, *_RUN)
_RESULT = (_FORMAT, _OUT, _DIGITS, *_AS_TEXT)


class Request:
    """What the common options ask for.

    Attributes:
        source: SOURCE as it was given, None of a command without.
        output: where and how to write.
        strict: whether a non-finite result is an error.
    """

    def __init__(self, given: dict[str, Any], endings: Mapping[str, str]) -> None:
        self._given = given
        self.source: str | None = given.get("source")
        self.output = Output(endings, **{name: given.get(name) for name in _OUTPUT})  # type: ignore[arg-type]  # as Click has checked
        self.strict: bool = given.get("strict", False)

    def files(self) -> list[str]:
        """The files that hold the program and its inputs."""
        from adcli.language.files import program_path

        path = program_path(self.source or "")
        return [*([] if path is None else [path]), *self._given.get("at", ())]

    @property
    def has_inputs(self) -> bool:
        """Whether any input is given."""
        return bool(self._given["bindings"] or self._given["at"])

    def run(
        self, fallback: Mapping[str, Given] | None = None, history: History | None = None
    ) -> Run:
        """Load SOURCE and run it at the point given.

        Args:
            fallback: values for inputs that are not given and have no default.
            history: to be told what the program goes through.

        Raises:
            AdcliError: whatever is wrong with the program or the inputs.
        """
        program, values, limit = self.program()
        for name, value in (fallback or {}).items():
            if name in program.required:
                values.setdefault(name, value)
        return program.run(values, limit, history)

    def program(self) -> tuple[Program, dict[str, Given], int]:
        """SOURCE, the values given, and the most operations it may have.

        Raises:
            AdcliError: whatever is wrong with the program or the values.
        """
        program = load(self._given["source"], self.function)
        return program, self.values(), self.limit

    @property
    def function(self) -> str | None:
        """The function to take as main, if that was said."""
        name: str | None = self._given["main_function"]
        return name

    @property
    def limit(self) -> int:
        """The most operations that a program may have."""
        return self._given["max_operations"] or DEFAULT_MAX_OPERATIONS

    def values(self) -> dict[str, Given]:
        """The values given, by name; those on the command line come on top of files.

        Raises:
            AdcliError: whatever is wrong with them.
        """
        values: dict[str, Given] = {}
        for path in self._given["at"]:
            values.update(_read_point(path))
        values.update(parse_bindings(self._given["bindings"], self.limit))
        return values


def look_options(function: Callable[..., None]) -> Callable[..., None]:
    """Format, file, colour and ASCII; the function gets a Request and its own options."""
    return _with((_FORMAT, _OUT, _COLOR, _ASCII), function)


def program_options(function: Callable[..., None]) -> Callable[..., None]:
    """SOURCE, NAME=VALUE, how to run it, and how results look."""
    return _with((*_ONE_PROGRAM, _STRICT, *_RESULT), function)


def text_options(function: Callable[..., None]) -> Callable[..., None]:
    """SOURCE and NAME=VALUE, and a result that is a text in the language."""
    chosen = (*_ONE_PROGRAM, _TEXT_FORMAT, _OUT, *_AS_TEXT)
    return _with(chosen, function, _TEXT_ENDINGS)


def table_options(function: Callable[..., None]) -> Callable[..., None]:
    """How to run a program over a table, and where the output goes."""
    return _with((*_RUN, _STRICT, _TABLE_OUT, *_AS_TEXT), function)


def lines_options(function: Callable[..., None]) -> Callable[..., None]:
    """How to run each of many programs, and where the answers go."""
    strict = click.option("--strict", is_flag=True, help="A non-finite result is an error.")
    return _with((*_RUN, strict, _TABLE_OUT, *_AS_TEXT), function)


def graph_options(function: Callable[..., None]) -> Callable[..., None]:
    """SOURCE and NAME=VALUE, and a result that is a graph."""
    chosen = (*_ONE_PROGRAM, _STRICT, _GRAPH_FORMAT, _OUT, _DIGITS, *_AS_TEXT)
    return _with(chosen, function, _GRAPH_ENDINGS)


def picture_options(function: Callable[..., None]) -> Callable[..., None]:
    """As `program_options`, and a result may be a picture in a file."""
    endings = {**_ENDINGS, **{f".{form}": form for form in ("svg", "png")}}
    return _with((*_ONE_PROGRAM, _STRICT, *_RESULT), function, endings)


def _with(
    decorators: Sequence[Callable[[Any], Any]],
    function: Callable[..., None],
    endings: Mapping[str, str] = _ENDINGS,
) -> Callable[..., None]:
    @functools.wraps(function)
    def command(**given: Any) -> None:
        common = {name: given.pop(name) for name in _COMMON if name in given}
        request = Request(common, endings)
        out = request.output.out or given.get("target")
        if out is not None:
            keep(request.files(), out)
        function(request, **given)

    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def keep(files: Sequence[str], out: str) -> None:
    """Refuse to write a result over what it is the result of.

    Args:
        files: what is read.
        out: the file to write.

    Raises:
        InputError: it is one of them.
    """
    if any(is_same_file(file, out) for file in files):
        raise InputError(f"'{out}' is read too", hint="-o wants a file of its own")


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file, which need not be there yet."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
    except ValueError:  # no name of a file: who opens it says so
        return False


def mode_option(help_text: str) -> Callable[[Any], Any]:
    """--mode auto|forward|reverse."""
    return click.option(
        "--mode",
        type=click.Choice(("auto", "forward", "reverse")),
        default="auto",
        help=help_text,
    )


def result_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """--result NAME."""
    decorate = named_result_option("Which result, if there are several.")
    decorated: Callable[..., Any] = decorate(function)
    return decorated


def named_result_option(help_text: str) -> Callable[[Any], Any]:
    """--result NAME, for something else than `result_option`."""
    return click.option(
        "--result", metavar="NAME", shell_complete=completed("results"), help=help_text
    )


def sparse_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """--sparse."""
    decorate = click.option(
        "--sparse", is_flag=True, help="Only the entries that are not structurally zero."
    )
    return decorate(function)


def direction_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """--direction x1=1,x2=0."""
    decorated: Callable[..., Any] = named_numbers_option(
        "--direction", "direction", "The direction; inputs left out have 0."
    )(function)
    return decorated


def required(given: Mapping[str, Given] | None, option: str, example: str) -> Mapping[str, Given]:
    """What an option gave, which the command cannot do without.

    Raises:
        InputError: nothing.
    """
    if given is None:
        raise InputError(f"{option} is missing", hint=f"write {option} {example}")
    return given


def wrt_option(help_text: str) -> Callable[[Any], Any]:
    """--wrt x,y; it may be repeated."""
    return click.option(
        "--wrt",
        metavar="x,y",
        multiple=True,
        callback=_split_names,
        shell_complete=completed("inputs"),
        help=help_text,
    )


def _split_names(
    ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> list[str] | None:
    if not given:
        return None
    names = [name.strip() for text in given for name in text.split(",")]
    if not all(names):
        raise InputError("--wrt has an empty name", hint="write --wrt x,y")
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
    from adcli.language.files import program_path, program_source

    text = source if program_path(source) is not None else _decoded(source)
    return Program(program_source(text), function)


def _decoded(text: str) -> str:
    """An argument as UTF-8, where the locale is of less. Names of files stay what they are."""
    try:
        text.encode()
    except UnicodeEncodeError:
        with contextlib.suppress(UnicodeError):
            return os.fsencode(text).decode()
    return text


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
        name, value = parse_binding(_decoded(binding), max_operations)
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
        hint = "" if equals else "an expression with spaces needs quotes"
        if _NUMBER.fullmatch(text or name):
            hint = f"write the name of the input too, as in x={text or name}"
        elif binding.startswith("-"):
            raise InputError(f"no such option '{binding}'", hint="see --help")
        raise InputError(f"'{binding}' is not NAME=VALUE", hint=hint)
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


def named_numbers_option(
    option: str, what: str, help_text: str, *, of: str = "input"
) -> Callable[[Any], Any]:
    """An option of NAME=VALUE[,NAME=VALUE...]; it may be repeated.

    Args:
        option: its name.
        what: what a number is, for messages: "seed", "direction", "weight".
        help_text: what it is for.
        of: what has the names: "input" or "result".
    """

    def read(
        ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]
    ) -> dict[str, Given] | None:
        return _named_numbers(given, option, what) if given else None

    return click.option(
        option,
        metavar="x1=1,x2=0",
        multiple=True,
        callback=read,
        shell_complete=completed(f"{of}_numbers"),
        help=help_text,
    )


def range_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """--range x=0.1..5,y=1..2; it may be repeated."""

    def read(
        ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]
    ) -> dict[str, tuple[float, float]]:
        found: dict[str, tuple[float, float]] = {}
        for text in given:
            for binding in _split_at_commas(text):
                name, interval = _interval(binding)
                if name in found:
                    raise InputError(f"the range of '{name}' is given twice")
                found[name] = interval
        return found

    decorated: Callable[..., Any] = click.option(
        "--range",
        "ranges",
        metavar="x=0.1..5",
        multiple=True,
        callback=read,
        shell_complete=completed("input_numbers"),
        help="Where random values of an input are from.",
    )(function)
    return decorated


def _interval(binding: str) -> tuple[str, tuple[float, float]]:
    """The name and ends of NAME=LOW..HIGH.

    Raises:
        InputError: it has no such form, or the ends are no numbers in order.
    """
    name, equals, text = binding.partition("=")
    low, dots, high = text.partition("..")
    name = name.strip()
    if not (name and equals and dots):
        raise InputError(
            f"'{binding}' is not NAME=LOW..HIGH", hint=f"write --range {name or 'x'}=0.1..5"
        )
    ends = [constant(name, end, DEFAULT_MAX_OPERATIONS) for end in (low, high)]
    if not all(isinstance(end, float) for end in ends):
        raise InputError(f"the range of '{name}' is not of two numbers")
    if not -float("inf") < ends[0] <= ends[1] < float("inf"):  # type: ignore[operator]  # floats
        raise InputError(f"the range of '{name}' does not go from a number to a larger one")
    return name, (ends[0], ends[1])  # type: ignore[return-value]  # floats


def _named_numbers(texts: Sequence[str], option: str, what: str) -> dict[str, Given]:
    """The numbers in NAME=VALUE[,NAME=VALUE...], by name.

    Raises:
        InputError: one has no such form, is not constant, or comes twice.
    """
    found: dict[str, Given] = {}
    for text in texts:
        for binding in _split_at_commas(text):
            if "=" not in binding:
                raise InputError(
                    f"'{binding}' is not NAME=VALUE", hint=f"write {option} {binding or 'x'}=1"
                )
            name, value = parse_binding(binding)
            if name in found:
                raise InputError(f"the {what} of '{name}' is given twice")
            found[name] = value
    return found


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

    from adcli.language.files import read_program, unrepeated

    text = read_program(path).text
    try:
        data = json.loads(
            text, parse_int=float, object_pairs_hook=functools.partial(unrepeated, what="input ")
        )
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


class Output:
    """Where and how a command's result is written.

    Args:
        endings: the formats there are, by the endings of files.
        form: the format asked for, or None.
        out: the file asked for, or None.
        digits: digits behind the point, or None for the command's own.
        quiet: whether to keep warnings back.
    """

    def __init__(
        self,
        endings: Mapping[str, str],
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
            form = endings.get(ending.lower())
            if form is None:
                raise InputError(
                    f"'{out}' has no ending that says a format",
                    details=(f"endings: {', '.join(endings)}; or say --format",),
                )
        self.form = form or endings[".txt"]
        stdout = self.environment.stdout
        self.ascii_only = (
            self.environment.ascii_asked if out is not None else self.environment.ascii_only(stdout)
        )

    def report(self, diagnostics: Sequence[Diagnostic], *, strict: bool) -> None:
        """Print warnings and notes on stderr.

        Raises:
            NonFiniteError: strict, and one is about a number that is not finite.
        """
        if strict and diagnostics:
            from adcli.differentiate.blame import check_finite

            check_finite(diagnostics)
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

    def show(self, data: Callable[[], dict[str, Any]], tables: Callable[[Look], Tables]) -> None:
        """Write a result in the format asked for; only that one is made.

        Args:
            data: the result as JSON has it.
            tables: the result for all other formats.
        """
        from adcli.render import views
        from adcli.render.safe import to_ascii

        if self.form == "json":
            self.json(data())
            return
        if self.form == "table":
            self.show_views(tables)
            return
        look = views.Look(self.digits, ascii_only=self.ascii_only, width=None)
        made = tables(look)
        if self.form in ("csv", "tsv"):
            self.write(views.to_separated(made.record(), "," if self.form == "csv" else "\t"))
        elif self.form == "latex":
            self.write(made.latex())
        else:
            text = views.to_markdown(made.views(), self.digits)
            self.write(to_ascii(text) if self.ascii_only else text)

    def show_views(self, views: Callable[[Look], Views]) -> None:
        """Write tables for people, to the terminal, a pipe or a file."""
        import io

        from adcli.render.terminal import Screen
        from adcli.render.views import Look

        on_screen = self.out is None
        width = self.environment.width(self.environment.stdout) if on_screen else None
        look = Look(self.digits, ascii_only=self.ascii_only, width=width)
        shown = views(look).views()
        buffer = io.StringIO()
        color = self.out is None and self.environment.colored(self.environment.stdout)
        screen = Screen(buffer, look.width, color=color, ascii_only=look.ascii_only)
        screen.show(shown, self.digits)
        self.write(buffer.getvalue())

    def check_writable(self) -> None:
        """Refuse, before it is made, a picture for a terminal that is no text.

        Raises:
            InputError: it is one.
        """
        if self.out is None and self.form in _BINARY and self.environment.stdout.isatty():
            raise InputError(
                f"a {self.form.upper()} is no text for a terminal",
                hint=f"write -o FILE.{self.form}",
            )

    def write(self, content: str | bytes) -> None:
        """Write a finished text, or a picture, to the file or stdout, whole or not at all."""
        from adcli.cli.files import write_stream, write_whole

        if self.out is not None:
            write_whole(self.out, content)
        else:
            write_stream(self.environment.stdout, content)


def diagnostics_data(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """The `warnings` of JSON."""
    return [diagnostic.data() for diagnostic in diagnostics]


def matrix_data(
    name: str, rows: Sequence[str], columns: Sequence[str], matrix: Matrix, sparse: bool
) -> dict[str, Any]:
    """A matrix as a list of rows, or its entries by the names of row and column."""
    if not sparse:
        return {name: matrix.dense()}
    return {
        "entries": [
            {"row": row, "column": columns[j], "value": x}
            for row, places, numbers in zip(rows, matrix.rows, matrix.numbers, strict=True)
            for j, x in zip(places, numbers, strict=True)
        ]
    }


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
