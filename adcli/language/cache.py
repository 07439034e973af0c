"""A folder of the user's own for what is slow to build, and never a shared temporary one.

What is read back is text that is checked, never code or pickles. Every failure here
means only that the thing is built again: a cache that cannot be used is no error.
"""

from __future__ import annotations

import os
import stat
import sys
import zlib

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
# Bytes; what is stored has a hundredth of that.
_LARGEST = 1 << 24


def folder() -> str | None:
    """The cache folder, or None where the user has no home."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "adcli") if os.path.isabs(base) else None


def _is_private(path: str) -> bool:
    """Whether a folder is ours alone, so that nobody else can plant a file in it."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        return False
    if os.name == "nt":
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o077


def load(name: str) -> str | None:
    """The text stored under a name, or None if there is none that can be trusted."""
    place = folder()
    if place is None:
        return None
    try:
        if not _is_private(place):
            return None
        # Not what waits for somebody to write into it, and no device without an end.
        descriptor = os.open(os.path.join(place, name), os.O_RDONLY | _AT_ONCE)
        with open(descriptor, encoding="utf-8") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                return None
            checksum, _, text = file.read().partition("\n")
    except (OSError, UnicodeError):
        return None
    return text if checksum == f"{zlib.crc32(text.encode()):08x}" else None


def store(name: str, text: str) -> None:
    """Keep a text under a name; readers see the old file or the whole new one."""
    place = folder()
    if place is None:
        return
    import tempfile

    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        if not _is_private(place):
            return
        descriptor, partial = tempfile.mkstemp(prefix=f"{name}.", dir=place)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{zlib.crc32(text.encode()):08x}\n{text}")
            os.replace(partial, os.path.join(place, name))
        except OSError:
            os.unlink(partial)
    except OSError:
        return
