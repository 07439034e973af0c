"""adcli completion, and the answers to a shell that asks what may come next.

Click knows the commands, options and choices, `cli.candidates` the files and the names of a
program. The scripts are Click's, and can do what those cannot: leave out the space behind
`x1=`, quote names of files, and keep the commas of `x1=1,x2=0`. They send the line up to
the cursor.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import click
from click import shell_completion
from click.shell_completion import CompletionItem

from adcli.cli import options
from adcli.cli.main import COMPLETE

# An answer is Click's "plain", or "file" or "dir", which leave the names to the shell; or
# "open", which has no space behind it, "path", the name of a file, or "folder".
_BASH = """\
%(complete_func)s() {
    local response type value
    COMPREPLY=()
    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_CWORD="$2" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    while IFS=',' read -r type value; do
        case $type in
            plain) ;;
            open) compopt -o nospace ;;
            path) compopt -o filenames ;;
            folder) compopt -o filenames -o nospace ;;
            file) compopt -o default; continue ;;
            dir) compopt -o dirnames; continue ;;
            *) continue ;;
        esac
        COMPREPLY+=("$value")
    done <<< "$response"
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a response plain described open open_described paths folders
    local type key descr
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[1,CURRENT]}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    for type key descr in "${response[@]}"; do
        case "$type:$descr" in
            plain:_) plain+=("$key") ;;
            plain:*) described+=("$key:$descr") ;;
            open:_) open+=("$key") ;;
            open:*) open_described+=("$key:$descr") ;;
            path:*) paths+=("$key") ;;
            folder:*) folders+=("$key") ;;
            file:*) _path_files -f ;;
            dir:*) _path_files -/ ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#open_described )) && _describe -V unsorted open_described -U -S ''
    (( $#plain )) && compadd -U -V unsorted -a plain
    (( $#open )) && compadd -U -V unsorted -S '' -a open
    (( $#paths )) && compadd -U -V unsorted -a paths
    (( $#folders )) && compadd -U -V unsorted -S '' -a folders
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l response (env COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -ct) \\
        %(complete_var)s=fish_complete %(prog_name)s 2>/dev/null)
    for completion in $response
        set -l item (string split --max 1 "," -- $completion)
        printf "%%s\\n" $item[2]
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

# Ends the word at the cursor, even if that is empty or in quotes.
_CURSOR = "\x01"


class _WholeWords(shell_completion.ShellComplete):
    """What may stand in place of the word at the cursor, all of it."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """As Click's; behind `--wrt=` it has what follows."""
        items = self.listed(super().get_completions(list(args), incomplete))
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("--"):
            for item in items:
                item.value = f"{option}={item.value}"
        return items

    def listed(self, items: list[CompletionItem]) -> list[CompletionItem]:
        """Items without those that the shell would not complete itself."""
        return items


class Bash(_WholeWords, shell_completion.BashComplete):
    """Bash, for which a word ends at = and other characters too."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and what is there of the one at it."""
        words = shell_completion.split_arg_string(os.environ["COMP_WORDS"] + _CURSOR)
        return words[1:-1], words[-1].removesuffix(_CURSOR)

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Of the words that may stand there the part behind the last = or so."""
        piece = os.environ["COMP_CWORD"]
        if not incomplete.endswith(piece):
            piece = piece.replace("\\", "")
        if piece in ("=", ":"):
            piece = ""
        if not incomplete.endswith(piece):  # the cursor is inside of a word
            return []
        before = incomplete[: len(incomplete) - len(piece)]
        items = super().get_completions(args, incomplete)
        for item in items:
            item.value = item.value.removeprefix(before)
        return items


class Zsh(_WholeWords, shell_completion.ZshComplete):
    """Zsh."""

    source_template = _ZSH


class Fish(_WholeWords, shell_completion.FishComplete):
    """Fish."""

    source_template = _FISH

    def listed(self, items: list[CompletionItem]) -> list[CompletionItem]:
        """With the names of files, as Fish's own function knows no ~."""
        from adcli.cli.candidates import listing

        found = []
        for item in items:
            found += listing(item.value) if item.type == "file" else [item]
        return found


SHELLS: dict[str, type[shell_completion.ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def shell(name: str) -> shell_completion.ShellComplete:
    """What speaks with a shell: bash, zsh or fish."""
    from adcli.cli.main import group

    return SHELLS[name](group, {}, "adcli", COMPLETE)


def answer(instruction: str) -> int:
    """Answer a shell, as Click's own main program does; whatever is wrong is no answer.

    Args:
        instruction: as the script sets it: bash_complete, zsh_complete, fish_complete.

    Returns:
        The exit code.
    """
    name, _, what = instruction.partition("_")
    with contextlib.suppress(Exception):
        speaks = shell(name)
        text = {"source": speaks.source, "complete": speaks.complete}[what]()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
        return 0
    return 1


@click.command("completion", cls=options.Command)
@click.argument("name", metavar="bash|zsh|fish", type=click.Choice(tuple(SHELLS)))
def command(**given: Any) -> None:
    """The script that lets a shell complete commands, options, files and names of inputs.

    \b
    In ~/.bashrc, in ~/.zshrc below compinit, and once for fish:
      eval "$(adcli completion bash)"
      eval "$(adcli completion zsh)"
      adcli completion fish > ~/.config/fish/completions/adcli.fish

    \b
    Example:
      adcli completion bash
    """
    click.echo(shell(given["name"]).source(), nl=False)
