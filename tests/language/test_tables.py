"""The parser's tables and the cache they are kept in."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import adcli
from adcli.errors import Source
from adcli.language import cache, grammar, parse, syntax, tables

PROGRAM = """
# One of each form.
g(u, s = 1.5, w[3] = [1, 2, 3], A[2,], data[]) = { v = u*s; v += 1; v, w[2..3] }
f(x, y) = -x^2/y, [i*x for i in 3..1 by -1]
n = 0
for k in 1..10 by 2 { n += k; for v in [1, 2] { n -= v*2 } }
while n > 0 and not n == 3 or 1 < n <= 5 != 7 { n = n/2 - 1 }
if x > 0 { z = 1 } else if x < 0 { z = 2 } else { }
p, q = f(x, 2)
x[1], q = [[1, 2], [3, 4]] @ [5, 6], (if x >= 1 then 1e-3 else .5)
sum(x[i]*A[i,j] for i in x), +n - --n, max(1, 2)**2, [], zeros()
"""
CHECKSUM = 8  # hexadecimal digits


def shape(node: Any) -> Any:
    """A piece of syntax as nested lists, places included."""
    if isinstance(node, syntax.Node):
        fields = [part for kind in type(node).__mro__[:-1] for part in vars(kind)["__slots__"]]
        return [type(node).__name__, *((name, shape(getattr(node, name))) for name in fields)]
    if isinstance(node, list | tuple):
        return [shape(item) for item in node]
    return node


def parsed() -> Any:
    """The syntax of the program, by tables that are made or loaded now."""
    tables._loaded = None
    return shape(parse(Source(PROGRAM), lambda name: False))


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables as in a new process, and as they were when the test is over."""
    before = tables._loaded
    tables._loaded = None
    yield
    tables._loaded = before


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one whenever the tables are built from the grammar."""
    calls: list[str] = []
    build = tables._build

    def counted(text: str) -> dict[str, Any]:
        calls.append(text)
        return build(text)

    monkeypatch.setattr(tables, "_build", counted)
    return calls


@pytest.fixture(scope="module")
def reference() -> Any:
    """The syntax by tables that no cache has seen."""
    before = tables._loaded
    tables._loaded = tables.Tables(tables._build(grammar.read("adcli.lark")))
    found = shape(parse(Source(PROGRAM), lambda name: False))
    tables._loaded = before
    return found


def cached(home: Path) -> Path:
    """The file of the cache."""
    (path,) = (home / "adcli").iterdir()
    return path


def sealed(text: str) -> str:
    """A text with the checksum that makes it a cache file."""
    return f"{zlib.crc32(text.encode()):08x}\n{text}"


def test_same_parse_with_and_without_cache(home: Path, builds: list[str], reference: Any) -> None:
    assert parsed() == reference
    assert len(builds) == 1
    assert parsed() == reference
    assert len(builds) == 1


def test_built_once_in_a_process(home: Path, builds: list[str]) -> None:
    assert tables.tables() is tables.tables()
    assert len(builds) == 1


def test_cached_tables_equal_built_ones(home: Path) -> None:
    built = tables.tables()
    tables._loaded = None
    loaded = tables.tables()
    assert loaded is not built
    assert loaded.pattern == built.pattern
    assert loaded.keywords == built.keywords
    assert loaded.actions == built.actions
    assert loaded.gotos == built.gotos
    assert (loaded.start, loaded.end) == (built.start, built.end)
    rules = [
        [(rule.origin, rule.length, rule.callback, rule.keep) for rule in each.rules]
        for each in (built, loaded)
    ]
    assert rules[0] == rules[1]


def test_all_terminals_are_in_the_pattern(home: Path) -> None:
    built = tables.tables()
    known = {*built.pattern.groupindex, *built.keywords.values(), "DEF", "BY", "$END"}
    assert {terminal for row in built.actions for terminal in row} <= known


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_cache_is_private(home: Path) -> None:
    tables.tables()
    folder = home / "adcli"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(cached(home).stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_cache_is_private_whatever_the_umask(home: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        tables.tables()
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "adcli").stat().st_mode) == 0o700
    assert stat.S_IMODE(cached(home).stat().st_mode) == 0o600


def test_nothing_is_left_beside_the_cache(home: Path) -> None:
    tables.tables()
    assert [path.name for path in (home / "adcli").iterdir()] == [tables._CACHE_NAME]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o720, 0o702, 0o750, 0o777])
def test_shared_folder_is_not_trusted(
    home: Path, builds: list[str], reference: Any, mode: int
) -> None:
    tables.tables()
    path = cached(home)
    before = path.read_bytes()
    (home / "adcli").chmod(mode)
    assert parsed() == reference
    assert len(builds) == 2
    assert path.read_bytes() == before
    (home / "adcli").chmod(0o700)
    assert parsed() == reference
    assert len(builds) == 2


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_linked_folder_is_not_trusted(home: Path, builds: list[str], reference: Any) -> None:
    elsewhere = home / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (home / "adcli").symlink_to(elsewhere)
    assert parsed() == reference
    assert parsed() == reference
    assert len(builds) == 2
    assert list(elsewhere.iterdir()) == []


def spoilt(text: str, how: str) -> bytes:
    """The bytes of a cache file that has been spoilt."""
    checksum, _, body = text.partition("\n")
    data = json.loads(body)
    match how:
        case "empty":
            return b""
        case "truncated":
            return text.encode()[: len(text) // 2]
        case "one byte short":
            return text.encode()[:-1]
        case "one byte more":
            return text.encode() + b" "
        case "one byte else":
            return text.replace('"start":', '"stort":').encode()
        case "garbage":
            return bytes(range(256)) * 100
        case "not UTF-8":
            return checksum.encode() + b"\n" + b"\xff" * 100
        case "wrong checksum":
            return ("0" * CHECKSUM + "\n" + body).encode()
        case "no checksum":
            return body.encode()
        case "checksum alone":
            return checksum.encode()
        case "upper-case checksum":
            return f"{checksum.upper()}x\n{body}".encode()
        case "no JSON":
            return sealed("tables").encode()
        case "a list":
            return sealed("[1, 2]").encode()
        case "a number":
            return sealed("3").encode()
        case "null":
            return sealed("null").encode()
        case "an empty object":
            return sealed("{}").encode()
        case "deep JSON":
            return sealed("[" * 200_000).encode()
        case "another grammar":
            return sealed(json.dumps({**data, "grammar": data["grammar"] + " "})).encode()
        case "no rules":
            return sealed(json.dumps({**data, "rules": None})).encode()
        case "short rules":
            return sealed(json.dumps({**data, "rules": [["start"]]})).encode()
        case "no pattern":
            return sealed(json.dumps({**data, "pattern": None})).encode()
        case "bad pattern":
            return sealed(json.dumps({**data, "pattern": "(?P<NAME>"})).encode()
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        *("empty", "truncated", "one byte short", "one byte more", "one byte else", "garbage"),
        *("not UTF-8", "wrong checksum", "no checksum", "checksum alone", "upper-case checksum"),
        *("no JSON", "a list", "a number", "null", "an empty object", "deep JSON"),
        *("another grammar", "no rules", "short rules", "no pattern", "bad pattern"),
    ],
)
def test_spoilt_cache_is_built_again(
    home: Path, builds: list[str], reference: Any, how: str
) -> None:
    tables.tables()
    path = cached(home)
    path.write_bytes(spoilt(path.read_text("utf-8"), how))
    assert parsed() == reference
    assert len(builds) == 2
    # The good one has taken its place.
    assert parsed() == reference
    assert len(builds) == 2


def test_cache_file_is_a_folder(home: Path, builds: list[str], reference: Any) -> None:
    (home / "adcli").mkdir(mode=0o700)
    (home / "adcli" / tables._CACHE_NAME).mkdir()
    assert parsed() == reference
    assert parsed() == reference
    assert len(builds) == 2
    assert [path.name for path in (home / "adcli").iterdir()] == [tables._CACHE_NAME]


def works_uncached(builds: list[str], reference: Any) -> None:
    """Two parses, each by tables built for it."""
    assert parsed() == reference
    assert parsed() == reference
    assert len(builds) == 2


def test_home_is_a_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, builds: list[str], reference: Any
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    works_uncached(builds, reference)
    assert (home / "file").read_text() == ""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_home_cannot_be_written(home: Path, builds: list[str], reference: Any) -> None:
    home.chmod(0o500)
    try:
        works_uncached(builds, reference)
    finally:
        home.chmod(0o700)


def test_no_space_left(
    home: Path, monkeypatch: pytest.MonkeyPatch, builds: list[str], reference: Any
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    works_uncached(builds, reference)
    assert list((home / "adcli").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="a home is found otherwise there")
def test_home_in_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch, builds: list[str], reference: Any
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(home))
    assert cache.folder() == str(home / ".cache" / "adcli")
    assert parsed() == reference
    assert parsed() == reference
    assert len(builds) == 1


@pytest.mark.skipif(os.name == "nt", reason="a home is found otherwise there")
def test_no_home(
    home: Path, monkeypatch: pytest.MonkeyPatch, builds: list[str], reference: Any
) -> None:
    # A user without an entry in the password file, in a container for one.
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(home)
    assert cache.folder() is None
    works_uncached(builds, reference)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("place", ["relative/path", "", "~"])
def test_relative_cache_home_is_ignored(
    home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    # The XDG base directory specification: "must be absolute", others are ignored.
    monkeypatch.setenv("XDG_CACHE_HOME", place)
    monkeypatch.setenv("HOME", str(home / "nowhere"))
    monkeypatch.chdir(home)
    assert adcli.load("x + 1").eval(x=1) == {"f": 2.0}
    assert not (home / "relative").exists()
    assert not (home / "~").exists()
    assert not (home / "adcli").exists()


def test_home_is_made(home: Path, monkeypatch: pytest.MonkeyPatch, builds: list[str]) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "not" / "yet" / "there"))
    parsed()
    parsed()
    assert len(builds) == 1


def test_left_over_of_an_interrupted_start(home: Path, builds: list[str], reference: Any) -> None:
    """It is in nobody's way, whatever number the next process has."""
    (home / "adcli").mkdir(mode=0o700)
    (home / "adcli" / f"{tables._CACHE_NAME}.{os.getpid()}").write_text("half")
    assert parsed() == reference
    assert parsed() == reference
    assert len(builds) == 1


# What a start imports.

COMMAND = [sys.executable, "-c"]
REPORT = """
import sys
from adcli.cli.main import main
code = main({arguments!r})
heavy = {{"lark", "rich", "numpy", "pyarrow", "llvmlite", "orjson", "importlib.metadata"}}
sys.stderr.write(" ".join(sorted(heavy & sys.modules.keys())))
sys.exit(code)
"""


def start(home: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A new process that runs a command and says on stderr which libraries it imported."""
    return subprocess.run(
        [*COMMAND, REPORT.format(arguments=list(arguments))],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_CACHE_HOME": str(home), "LC_ALL": "C.UTF-8"},
        **options,
    )


GRAD = ("grad", "ln(x1) + x1*x2 - sin(x2)", "x1=2", "x2=5", "--format", "json")


def test_warm_start_imports_little(home: Path) -> None:
    cold = start(home, *GRAD)
    assert cold.returncode == 0
    assert "lark" in cold.stderr.split()
    warm = start(home, *GRAD)
    assert warm.returncode == 0
    assert warm.stdout == cold.stdout
    assert json.loads(warm.stdout)["gradient"]["x1"] == 5.5
    assert warm.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes, devices and limits")
@pytest.mark.parametrize("what", ["a pipe", "a pipe with a writer", "a device without end"])
def test_cache_file_is_no_file(home: Path, what: str) -> None:
    """Nobody waits for what is in it, nor reads on and on; a good one takes its place."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))

    (home / "adcli").mkdir(mode=0o700)
    path = home / "adcli" / tables._CACHE_NAME
    if what == "a device without end":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path)
    writer = os.open(path, os.O_RDWR) if what == "a pipe with a writer" else None
    try:
        run = start(home, *GRAD, preexec_fn=limit)
    finally:
        if writer is not None:
            os.close(writer)
    assert run.returncode == 0
    assert json.loads(run.stdout)["gradient"]["x1"] == 5.5
    assert run.stderr.split() == ["lark"]
    assert stat.S_ISREG(path.lstat().st_mode)
    assert start(home, *GRAD).stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("eval", "x^2 + sigmoid(x)", "x=[1,2,3]", "--format", "csv"), 0),
        (("grad", "sin x", "x=1"), 3),
        (("--help",), 0),
    ],
)
def test_other_starts_import_little(home: Path, arguments: tuple[str, ...], code: int) -> None:
    tables.tables()  # fills the cache
    run = start(home, *arguments)
    assert run.returncode == code
    assert run.stderr.splitlines()[-1:] in ([], ["  | ^^^^^ write sin(x)"])


def test_importing_the_library_imports_nothing() -> None:
    script = "import sys, adcli; print(*sorted(m for m in sys.modules if m.startswith('adcli')))"
    run = subprocess.run([*COMMAND, script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0
    assert run.stdout.split() == ["adcli", "adcli.errors"]
