"""Fuzzing uses the generators and machines of the tests of derivatives."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "differentiate"))
