"""What the exit codes mean, and which a command can have."""

from __future__ import annotations

import click

from adcli.errors import ExitCode

MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.NO: "the answer is no: a check failed, some rows or lines have no result",
    ExitCode.USAGE: "usage: options, missing or unknown inputs or columns",
    ExitCode.PROGRAM: "the program text: syntax, names, shapes",
    ExitCode.NON_FINITE: "--strict and a non-finite value or derivative",
    ExitCode.FILE: "a file cannot be read or written",
    ExitCode.LIMIT: "a limit was reached (operations, depth, input size)",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.PIPE_CLOSED: "the reader of the pipe went away",
}
# The same in a word or two, for the help of a command.
_WORDS = {
    ExitCode.DONE: "done",
    ExitCode.NO: "the answer is no",
    ExitCode.USAGE: "usage",
    ExitCode.PROGRAM: "program",
    ExitCode.NON_FINITE: "--strict",
    ExitCode.FILE: "file",
    ExitCode.LIMIT: "limit",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.PIPE_CLOSED: "pipe closed",
}


def table() -> str:
    """All exit codes, for the help of the program."""
    rows = [f"  {code:<5}{meaning}" for code, meaning in MEANINGS.items()]
    return "\n".join(["\b", "Exit codes:", *rows])


def codes(command: click.Command) -> list[ExitCode]:
    """The exit codes that a command can have."""
    names = {parameter.name for parameter in command.params}
    possible = {
        ExitCode.NO: getattr(command, "can_say_no", False),
        ExitCode.PROGRAM: "source" in names,
        ExitCode.NON_FINITE: "strict" in names and not getattr(command, "answers_errors", False),
        ExitCode.LIMIT: "bindings" in names,
    }
    return [code for code in MEANINGS if possible.get(code, True)]


def line(command: click.Command) -> str:
    """The exit codes of a command, in a line or two."""
    listed = ", ".join(f"{code:d} {_WORDS[code]}" for code in codes(command))
    return f"Exit codes: {listed}; see adcli --help"
