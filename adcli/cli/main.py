"""The program itself: finds the command, runs it, and maps errors to exit codes."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from adcli.cli import version
from adcli.cli.environment import Environment
from adcli.errors import AdcliError, ExitCode, FileError, InputError, LimitError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Command -> what it does, for the list in --help. A command's module is imported only
# when it runs.
COMMANDS = {
    "eval": "The value of a program.",
    "grad": "The value and gradient of one result.",
    "trace": "The evaluation traces of the textbooks.",
    "graph": "The computational graph, as a tree, text or picture.",
    "jacobian": "The derivatives of all results: a matrix.",
    "hessian": "The value, gradient and second derivatives of one result.",
    "jvp": "The Jacobian times a direction, without the matrix.",
    "vjp": "Weights times the Jacobian, without the matrix.",
    "hvp": "The Hessian times a direction, without the matrix.",
    "taylor": "The Taylor series of one result.",
    "diff": "The symbolic derivatives, as text in the language itself.",
    "compare": "Numerical, symbolic and automatic differentiation side by side.",
    "check": "A gradient check, of exact derivatives or of some written by hand.",
    "batch": "Values and exact gradients beside the rows of a table.",
    "each": "Values and gradients of many programs, one a line.",
    "rules": "The primitives and their derivative rules.",
    "completion": "The script that lets a shell complete words.",
    "manual": "The manual page, of all commands.",
}
# In the environment where a shell asks for the words that may come next.
COMPLETE = "_ADCLI_COMPLETE"


class Commands(click.Group):
    """The group of all commands, each loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the documentation."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"adcli.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click's, with a suggestion for a name that is no command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from adcli.graph.suggest import suggestion

            hint = suggestion(args[0], COMMANDS) or "see adcli --help"
            raise InputError(f"no command is called '{args[0]}'", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes."""
        from adcli.cli import exits

        formatter.write_paragraph()
        formatter.write_text(exits.table())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that begin so, without importing any command."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    cls=Commands,
    params=[version.option()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def group() -> None:
    """Differentiation on the command line: values, gradients, traces.

    \b
    adcli COMMAND SOURCE [NAME=VALUE ...]

    SOURCE is an expression; or a file, when it ends in .ad or begins with @; or -,
    standard input.

    \b
    Example:
      adcli trace "ln(x1) + x1*x2 - sin(x2)" x1=2 x2=5
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: the command line without the program's name; sys.argv's if None.

    Returns:
        The exit code.
    """
    if sys.stderr is None:  # closed by the caller
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if instruction := os.environ.get(COMPLETE):
        from adcli.cli.completion import answer

        return answer(instruction)
    given = sys.argv[1:] if arguments is None else list(arguments)
    environment = Environment(given)
    if sys.stdout is None:
        return _report(FileError("standard output is closed"), environment)
    try:
        code = _run(given, environment)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:  # of a process that embeds the program: see `signals`
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _abandon(sys.stdout)
        return ExitCode.PIPE_CLOSED
    except OSError as error:
        from adcli.language.files import reason

        _abandon(sys.stdout)
        return _report(FileError(f"cannot write to standard output: {reason(error)}"), environment)


def _run(arguments: list[str], environment: Environment) -> int:
    """Run a command. The one map from errors to exit codes."""
    try:
        # Not Click's own main(), which has its own ways with interrupts and pipes.
        with group.make_context("adcli", arguments, obj=environment) as context:
            group.invoke(context)
    except AdcliError as error:
        return _report(error, environment)
    except MemoryError:
        return _report(LimitError("the memory is used up"), environment)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
        return ExitCode.USAGE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "adcli"
        sentence = " ".join(error.format_message().split()).rstrip(".")
        message = sentence[:1].lower() + sentence[1:]
        return _report(InputError(message, hint=f"see {command} --help"), environment)
    except RuntimeError as error:
        if "can't start new thread" not in str(error):
            raise
        from adcli.evaluate.processes import ALONE

        return _report(LimitError("no thread can be started", details=(ALONE,)), environment)
    return ExitCode.DONE


def _report(error: AdcliError, environment: Environment) -> int:
    """Print an error on stderr; its exit code."""
    from adcli.render.messages import Messages

    stderr = sys.stderr
    messages = Messages(
        color=environment.colored(stderr), ascii_only=environment.ascii_only(stderr)
    )
    with contextlib.suppress(OSError):
        stderr.write(messages.error(error))
    return error.exit_code


def _abandon(stream: object) -> None:
    """Let the interpreter's last flush of a broken stream go nowhere."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]
    except (OSError, ValueError, AttributeError):
        pass
