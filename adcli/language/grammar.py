"""Where the `grammar/` folder is: inside an installed wheel, or beside `adcli/` in a checkout."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_FOLDERS = (
    os.path.join(_PACKAGE, "grammar"),
    os.path.join(os.path.dirname(_PACKAGE), "grammar"),
)


def read(name: str) -> str:
    """The text of a file of the grammar folder.

    Args:
        name: `adcli.lark`, `derivatives.ad` or `prelude.ad`.
    """
    for folder in _FOLDERS:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return file.read()
    raise RuntimeError(f"the installation of adcli is incomplete: grammar/{name} is missing")
