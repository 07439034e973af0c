"""Every command of the README is run, and its output compared.

With ADCLI_UPDATE_CASES=1 the outputs are written into the README instead.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)


def run(command: str) -> str:
    """What a command prints in a pipe, errors first where it was made first."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LC_ALL", "LC_CTYPE", "NO_COLOR", "TERM")
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**environment, "PATH": path, "LANG": "C.UTF-8", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
    )
    return done.stdout


def commands(block: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def test_readme_commands() -> None:
    text = README.read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) >= 8
    made = {
        block: "".join(f"$ {command}\n{run(command)}" for command in commands(block))
        for block in blocks
    }
    if os.environ.get("ADCLI_UPDATE_CASES"):
        README.write_text(BLOCK.sub(lambda match: made[match[0]], text), encoding="utf-8")
        pytest.skip("the README was brought up to date")
    for block, expected in made.items():
        assert block == expected


PICTURE = re.compile(r"^(adcli graph .* -o )(samples/pictures/\S+\.svg)$", re.MULTILINE)
IMAGE = re.compile(r"!\[.+?\]\((\S+)\)")


def drawn(path: Path) -> list[tuple[str, str, str]]:
    """What a picture says: its elements with class and text; where they stand may differ."""
    root = ElementTree.parse(path).getroot()
    return sorted(
        (element.tag, element.get("class", ""), element.text or "") for element in root.iter()
    )


def test_readme_pictures_can_be_made_again(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    made = PICTURE.findall(text)
    assert IMAGE.findall(text) == [path for _, path in made]
    assert {ROOT / path for _, path in made} == set((ROOT / "samples" / "pictures").iterdir())
    for command, path in made:
        fresh = tmp_path / Path(path).name
        assert run(f"{command}{fresh}") == ""
        assert drawn(fresh) == drawn(ROOT / path)


def test_readme_names_every_command_option_and_function() -> None:
    from adcli.cli.main import COMMANDS, group
    from adcli.graph.program import function_names

    text = README.read_text(encoding="utf-8")
    (functions,) = re.findall(r"^Functions: (.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    words = set(re.findall(r"[a-z0-9]+", functions))
    aliases = {name for name in function_names() if name.startswith(("arc", "ar"))}
    missing = {name for name in function_names() if name not in words | aliases | {"logbase"}}
    assert not missing
    import click

    context = click.Context(group)
    for name in COMMANDS:
        assert f"`{name}`" in text
        command = group.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                shown = re.search(rf"`{re.escape(parameter.opts[0])}[\s`|]", text)
                assert shown, f"{name} {parameter.opts[0]}"
