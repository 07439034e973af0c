"""adcli manual: the manual page, made from the commands themselves.

The macros are those of man(7), as groff and mandoc both know them.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import click

import adcli
from adcli.cli import exits, options

# What adcli looks at in its environment.
_STYLES = (
    "Colours, bold and all other styles are used on a terminal only. The option --color comes "
    "first, then what says something of the first four below, in this order."
)
ENVIRONMENT = {
    "NO_COLOR": "If it is not empty, no styles are used.",
    "CLICOLOR_FORCE": "If it is neither empty nor 0, they are used in files and pipes too.",
    "CLICOLOR": "If it is 0, none are used.",
    "TERM": "If it is dumb, none are used.",
    "COLUMNS": "The width of the terminal.",
    "LC_ALL, LC_CTYPE, LANG": "If the first one that is set is C or POSIX, tables are in ASCII.",
    "XDG_CACHE_HOME": "Where the folder of the cache is.",
}
FILES = {
    "$XDG_CACHE_HOME/adcli, ~/.cache/adcli": "The parser's tables, made at the first start. "
    "The folder may be deleted at any time.",
}
_EXAMPLE = "Example:"
# Of a line of text, with its escapes.
_WIDTH = 76
_ESCAPES = str.maketrans(
    {
        "\\": r"\e",
        "-": r"\-",
        "'": r"\(aq",
        "`": r"\(ga",
        "^": r"\(ha",
        "~": r"\(ti",
        '"': r"\(dq",
    }
)


def escaped(text: str) -> str:
    """A line of text that comes out as it is, whatever is in it."""
    line = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text.translate(_ESCAPES))
    return _guarded(line)


def _guarded(line: str) -> str:
    """A line that is no request, though it may begin as one."""
    return rf"\&{line}" if line.startswith(".") else line


def page() -> str:
    """The manual page of all commands, in roff."""
    from adcli.cli.main import COMMANDS, group

    ctx = _context(group)
    commands = {name: group.get_command(ctx, name) for name in COMMANDS}
    known = {name: command for name, command in commands.items() if command is not None}
    common = _common(known.values())
    first, *rest = [block for block in _blocks(group) if not _is_example(block)]
    title = first[0].rstrip(".")
    lines = [
        rf'.TH ADCLI 1 {_date()} "adcli {escaped(adcli.__version__)}" "User Commands"',
        ".nh",  # an option with a hyphen in it would be another
        ".ad l",
        ".SH NAME",
        rf"adcli \- {escaped(title[0].lower() + title[1:])}",
        ".SH SYNOPSIS",
        *_literal(line for block in rest if _is_literal(block) for line in block[1:]),
        ".SH DESCRIPTION",
        *_text(block for block in rest if not _is_literal(block)),
        ".SH OPTIONS",
        "Some are of many commands, and the same for each.",
        *_entries(dict.fromkeys([*_records(group), *common])),
        ".SH COMMANDS",
    ]
    for name, command in known.items():
        lines += _command(name, command, common)
    lines += [
        ".SH EXIT STATUS",
        *_entries(
            (f"{code:d}", f"{text[0].upper()}{text[1:]}.") for code, text in exits.MEANINGS.items()
        ),
        ".SH ENVIRONMENT",
        *_text([[_STYLES]]),
        *_entries(ENVIRONMENT.items()),
        ".SH FILES",
        *_entries(FILES.items()),
        ".SH EXAMPLES",
    ]
    for position, (name, command) in enumerate(known.items()):
        shown = [line for block in _blocks(command) if _is_example(block) for line in block[2:]]
        between = [".PP"] if position else []
        lines += [*between, escaped(COMMANDS[name]), *_literal(shown, indent=True)]
    return "\n".join(lines) + "\n"


Record = tuple[str, str]


def _context(command: click.Command) -> click.Context:
    return click.Context(command, **command.context_settings)


def _records(command: click.Command) -> list[Record]:
    """The options of a command, as its help has them; of the program also --help."""
    ctx = _context(command)
    every = command.get_params(ctx) if isinstance(command, click.Group) else command.params
    options = (parameter for parameter in every if isinstance(parameter, click.Option))
    return [record for option in options if (record := option.get_help_record(ctx))]


def _common(commands: Iterable[click.Command]) -> list[Record]:
    """The options that more than half of the commands have."""
    every = list(commands)
    count = Counter(record for command in every for record in _records(command))
    return [record for record, times in count.items() if 2 * times > len(every)]


def _command(name: str, command: click.Command, common: list[Record]) -> Iterator[str]:
    """What there is to say about a command."""
    records = _records(command)
    pieces = command.collect_usage_pieces(click.Context(command))
    yield f".SS adcli {name}"
    yield rf"\fBadcli {name}\fR {escaped(' '.join([*pieces[1:], pieces[0]]))}"
    for block in _blocks(command):
        if _is_example(block):
            continue
        if _is_literal(block):
            yield ".PP"
            yield from _literal(block[1:])
        else:
            yield from _text([block], first=".PP")
    yield from _entries(record for record in records if record not in common)
    shared = [record[0].split()[0] for record in records if record in common]
    if shared:
        yield from _text([[f"Also {', '.join(shared)}."]], first=".PP")


def _blocks(command: click.Command) -> list[list[str]]:
    r"""The paragraphs of a help text, in lines; those to be left as they are begin with \b."""
    return [block.split("\n") for block in inspect.cleandoc(command.help or "").split("\n\n")]


def _is_literal(block: list[str]) -> bool:
    return block[0] == "\b"


def _is_example(block: list[str]) -> bool:
    return _is_literal(block) and block[1] == _EXAMPLE


def _text(blocks: Iterable[list[str]], first: str = "") -> Iterator[str]:
    """Paragraphs to be filled."""
    between = first
    for block in blocks:
        if between:
            yield between
        between = ".PP"
        text = escaped(" ".join(block))
        # A word is never cut: it may be an option.
        for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False):
            yield _guarded(line)


def _literal(lines: Iterable[str], *, indent: bool = False) -> list[str]:
    """Lines to be left as they are."""
    shown = [escaped(line.strip() if indent else line) for line in lines]
    before, after = ([".RS 4"], [".RE"]) if indent else ([], [])
    return [*before, ".nf", *shown, ".fi", *after]


def _entries(records: Iterable[Record]) -> Iterator[str]:
    """Terms, each with what it means."""
    for term, meaning in records:
        yield ".TP"
        yield rf"\fB{escaped(term)}\fR"
        yield from _text([[meaning]])


def _date() -> str:
    """The day the page is made, or that of the sources: reproducible-builds.org."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    day = time.gmtime()
    with contextlib.suppress(ValueError, OverflowError, OSError):  # what is given is none
        day = time.gmtime(int(given))
    return time.strftime("%Y-%m-%d", day)


@click.command("manual", cls=options.Command)
def command() -> None:
    """The manual page of all commands, for man.

    \b
    To read it, and to install it:
      adcli manual | man -l -
      adcli manual > ~/.local/share/man/man1/adcli.1

    \b
    Example:
      adcli manual
    """
    click.echo(page(), nl=False)
