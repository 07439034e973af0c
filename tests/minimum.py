"""The lowest version of each package that pyproject.toml allows, as constraints for pip.

python tests/minimum.py > minimum.txt
pip install -c minimum.txt -e '.[test]'

They go together on the oldest Python that is allowed; newer ones need newer packages.
What the benchmarks are compared with is left out, as no test needs it.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return found


def oldest_python() -> tuple[int, ...]:
    return tuple(map(int, project()["requires-python"].removeprefix(">=").split(".")))


def constraints() -> list[str]:
    about = project()
    extras = about["optional-dependencies"]
    needed = [*about["dependencies"]]
    needed += [x for name in extras if name != "bench" for x in extras[name]]
    return sorted({_lowest(x) for x in needed})


def _lowest(requirement: str) -> str:
    found = re.fullmatch(r"([\w-]+)>=([\d.]+)(,<[\d.]+)?", requirement)
    assert found is not None, f"{requirement} has no lowest version"
    return f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    print("\n".join(constraints()))
