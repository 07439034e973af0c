"""Coverage-guided fuzzing with atheris; see the README here.

    python tests/fuzz/fuzz.py TARGET [CORPUS] [-max_total_time=600 ...]

TARGET is one of those of `targets.py`. CORPUS is a folder for what is found to be new, by
default a temporary one; the seeds are written into it. What follows are libFuzzer's options.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import atheris
import seeds

with atheris.instrument_imports(include=["adcli"]):
    import targets
# So long are the inputs, at most.
_LONGEST = 1024
# A seed may take the last byte's place, which says what is done with a table.
_CHOICES = (0, 5, 10, 26, 31)


def _seeds(name: str) -> Iterable[bytes]:
    if name in ("parse", "differentiate"):
        return [text.encode("utf-8", "surrogateescape") for text in seeds.programs()]
    tables = seeds.lines() if name == "lines" else seeds.tables()
    return [table + bytes([choice]) for table in tables for choice in _CHOICES]


def _dictionary(name: str) -> list[bytes]:
    if name in ("parse", "differentiate"):
        return [word.encode() for word in seeds.words()]
    signs = [b'"', b'""', b",", b"\t", b"\r\n", b"\r", b"\n\n", b"nan", b"inf", b"1e400", b"x,s\n"]
    return signs if name != "lines" else [*signs, b'{"x":', b'"v":[1,2]', b"null", b"[", b"}\n{"]


def main() -> None:
    """Fuzz until told to end, or until something is found."""
    if len(sys.argv) < 2 or sys.argv[1] not in targets.TARGETS:
        sys.exit(f"{__doc__}\ntargets: {', '.join(targets.TARGETS)}")
    name, *given = sys.argv[1:]
    found = [word for word in given if Path(word).is_file()]
    folders = [word for word in given if not word.startswith("-") and word not in found]
    corpus = Path(folders[0] if folders else tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in _seeds(name):
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    dictionary = corpus.parent / f"{corpus.name}.dict"
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in _dictionary(name))
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped))
    options = [word for word in given if word.startswith("-")]
    usual = [f"-max_len={_LONGEST}", "-timeout=20", "-rss_limit_mb=4096", f"-dict={dictionary}"]
    tried = found or [str(corpus)]
    atheris.Setup([sys.argv[0], *usual, *options, *tried], targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
