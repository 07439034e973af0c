"""What `adcli --version` says, which is what a report of a defect needs.

Every command has the option, so what the text needs is imported when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

import adcli

_GRAMMAR = ("adcli.lark", "derivatives.ad", "prelude.ad")
# Of the vector instructions with so many doubles, on machines that have these names.
_INSTRUCTIONS = {2: "SSE2", 4: "AVX2", 8: "AVX-512"}
_X86 = ("x86_64", "AMD64")
# How much of the hash tells two grammars apart.
_DIGITS = 12


def option() -> click.Option:
    """--version, of the program and of each command."""
    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show,
        help="Show the version and what it runs on, and exit.",
    )


def _show(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(text())
        ctx.exit()


def text() -> str:
    """At most five lines; what cannot be found out is said to be missing."""
    import platform

    lines = [
        f"adcli {adcli.__version__}",
        f"grammar {_grammar()} ({', '.join(_GRAMMAR)})",
        f"vector library: {_vectors()}",
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}",
    ]
    dependencies = ", ".join(_dependencies())
    return "\n".join([*lines, dependencies] if dependencies else lines)


def _grammar() -> str:
    """A hash of the language and its rules: the same for the same text."""
    import hashlib

    from adcli.language import grammar

    try:
        texts = [grammar.read(name) for name in _GRAMMAR]
    except (RuntimeError, OSError, UnicodeError):
        return "missing"
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:_DIGITS]


def _vectors() -> str:
    """The library that has the functions for whole vectors of rows, and how long these are."""
    import platform

    try:
        from adcli.evaluate.target import Target

        target = Target()
        is_vector = target.function("sin", 1)[1]
    except Exception as error:  # a broken installation may raise anything
        return f"unknown ({type(error).__name__})"
    name = target.vector_library if is_vector else "libm, one number at a time"
    instructions = _INSTRUCTIONS[target.lanes] if platform.machine() in _X86 else ""
    return ", ".join(filter(None, [name, instructions, f"{target.lanes} doubles in a vector"]))


def _dependencies() -> Iterator[str]:
    """The packages that adcli needs, with their versions."""
    import re
    from importlib import metadata

    try:
        required = metadata.requires("adcli") or []
    except metadata.PackageNotFoundError:  # it runs from its folder
        return
    for requirement in required:
        name = re.match(r"[-\w.]+", requirement)
        if name and "extra ==" not in requirement:
            try:
                yield f"{name[0]} {metadata.version(name[0])}"
            except metadata.PackageNotFoundError:
                yield f"{name[0]} missing"
