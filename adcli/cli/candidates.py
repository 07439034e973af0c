"""What may be written at a place of the command line: files, and the names of a program.

The program is the one that stands on the line already. What cannot be read or parsed has no
names, and nothing here waits: not for standard input, not for a pipe, not for a text that
takes long to parse.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator

import click
from click.shell_completion import CompletionItem

from adcli.errors import AdcliError, Source

# A text of this length is parsed before anybody notices.
MOST_CHARACTERS = 20_000
# Of a folder, so many entries are looked at.
MOST_ENTRIES = 20_000
_MOST_SHOWN = 40

Items = list[CompletionItem]


def programs(ctx: click.Context, incomplete: str) -> Items:
    """Files ending in .ad, all files behind @, and folders."""
    if incomplete.startswith("@"):
        return list(_paths("@", incomplete[1:], lambda name: True))
    return _files(incomplete, lambda name: name.endswith(".ad"))


def tables(ctx: click.Context, incomplete: str) -> Items:
    """Files that are tables by their ending, and folders."""
    from adcli.batch.formats import ENDINGS

    return _files(incomplete, lambda name: name.lower().endswith(tuple(ENDINGS)))


def points(ctx: click.Context, incomplete: str) -> Items:
    """Files of JSON, and folders."""
    return _files(incomplete, lambda name: name.lower().endswith(".json"))


def files(ctx: click.Context, incomplete: str) -> Items:
    """All files: the shell does that itself."""
    return [CompletionItem(incomplete, type="file")]


def listing(incomplete: str) -> Items:
    """The same by name, for a shell that does not."""
    return list(_paths("", incomplete, lambda name: True))


def bindings(ctx: click.Context, incomplete: str) -> Items:
    """The inputs that have no value yet, as `x1=`."""
    if "=" in incomplete:
        return []
    given = {text.partition("=")[0].strip() for text in ctx.params.get("bindings") or ()}
    return [
        CompletionItem(f"{name}=", type="open", help=text)
        for name, text in _inputs(ctx)
        if name not in given and name.startswith(incomplete)
    ]


def inputs(ctx: click.Context, incomplete: str) -> Items:
    """The names of inputs in x,y."""
    return _listed(incomplete, _inputs(ctx), "")


def input_numbers(ctx: click.Context, incomplete: str) -> Items:
    """The names of inputs in x=1,y=2."""
    return _listed(incomplete, _inputs(ctx), "=")


def result_numbers(ctx: click.Context, incomplete: str) -> Items:
    """The names of results in f=1,g=2."""
    return _listed(incomplete, _results(ctx), "=")


def results(ctx: click.Context, incomplete: str) -> Items:
    """The name of a result."""
    return _listed(incomplete, _results(ctx), "", commas=False)


def functions(ctx: click.Context, incomplete: str) -> Items:
    """The functions that the program defines."""
    from adcli.graph.program import is_function
    from adcli.language import parse, syntax

    source = _source(ctx)
    if source is None:
        return []
    items = [item for item in parse(source, is_function) if isinstance(item, syntax.Function)]
    named = [(item.name, _short(source.text[item.start : item.end])) for item in items]
    return _listed(incomplete, named, "", commas=False)


def primitives(ctx: click.Context, incomplete: str) -> Items:
    """The names of primitives."""
    from adcli.graph import primitives

    names = [*primitives.BY_NAME, *primitives.ALIASES]
    return _listed(incomplete, [(name, None) for name in names], "", commas=False)


def _listed(
    incomplete: str,
    names: Iterable[tuple[str, str | None]],
    end: str,
    *,
    commas: bool = True,
) -> Items:
    """The names that may come last in a list, each with what stands before it."""
    before, comma, last = incomplete.rpartition(",") if commas else ("", "", incomplete)
    given = {text.partition("=")[0].strip() for text in before.split(",")}
    kind = "open" if end else "plain"
    return [
        CompletionItem(f"{before}{comma}{name}{end}", type=kind, help=text)
        for name, text in names
        if name not in given and name.startswith(last)
    ]


def _inputs(ctx: click.Context) -> list[tuple[str, str | None]]:
    """The inputs of the program: each name, and how it is declared."""
    from adcli.graph.program import Program

    source = _source(ctx)
    if source is None:
        return []
    found = Program(source, ctx.params.get("main_function")).main.parameters
    text = source.text
    declared = [(item.name, _short(text[item.start : item.end])) for item in found]
    return [(name, None if shown == name else shown) for name, shown in declared]


def _results(ctx: click.Context) -> list[tuple[str, str | None]]:
    from adcli.graph.program import Program

    source = _source(ctx)
    if source is None:
        return []
    return [(name, None) for name in Program(source, ctx.params.get("main_function")).results]


def _short(text: str) -> str:
    """A text on one line, and not a long one."""
    from adcli.render.safe import safe

    line = safe(" ".join(text.split()))
    return line if len(line) <= _MOST_SHOWN else line[: _MOST_SHOWN - 3] + "..."


def _source(ctx: click.Context) -> Source | None:
    """The program on the command line, if it is there and can be read at once."""
    from adcli.cli.options import unshielded
    from adcli.language.files import program_path, program_source

    text = ctx.params.get("source")
    if text is None and ctx.args:  # an option without its value keeps Click from parsing
        text = unshielded(ctx.args[0])
    if not text or text == "-" or len(text) > MOST_CHARACTERS:
        return None
    path = program_path(text)
    if path is not None:
        if text.startswith("~"):  # as the shell will
            path = text = os.path.expanduser(text)
        if not os.path.isfile(path) or os.path.getsize(path) > MOST_CHARACTERS:
            return None
    try:
        return program_source(text)
    except AdcliError:
        return None


def _files(incomplete: str, is_wanted: Callable[[str], bool]) -> Items:
    """Files and folders; the home folders of users are left to the shell."""
    if incomplete.startswith("~"):
        return [CompletionItem(incomplete, type="file")]
    return list(_paths("", incomplete, is_wanted))


def _paths(
    before: str, incomplete: str, is_wanted: Callable[[str], bool]
) -> Iterator[CompletionItem]:
    """The files wanted and the folders that begin so, in order.

    What is not printable in a name could be mistaken by the shell, so such names are left out.
    """
    folder, slash, start = incomplete.rpartition("/")
    where = folder + slash
    try:
        with os.scandir(os.path.expanduser(where) or ".") as entries:
            found = sorted(
                (entry.name, entry.is_dir()) for entry in itertools.islice(entries, MOST_ENTRIES)
            )
    except (OSError, ValueError):
        return
    for name, is_folder in found:
        is_hidden = name.startswith(".") and not start.startswith(".")
        if is_hidden or not name.startswith(start) or not name.isprintable():
            continue
        if is_folder:
            yield CompletionItem(f"{before}{where}{name}/", type="folder")
        elif is_wanted(name):
            yield CompletionItem(f"{before}{where}{name}", type="path")
