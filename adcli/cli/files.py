"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile

from adcli.errors import FileError
from adcli.language.files import reason


def write_whole(path: str, text: str) -> None:
    """Write a text to a file: a temporary one in the same folder, then renamed.

    A link is followed, and a device or pipe is written to directly.

    Raises:
        FileError: it cannot be written; an old file is then as it was.
    """
    target = os.path.realpath(path)
    data = text.encode("utf-8", "backslashreplace")
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:
                file.write(data)
            return
        mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else None
        descriptor, partial = tempfile.mkstemp(prefix=".adcli-", dir=os.path.dirname(target) or ".")
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            if mode is None:
                mask = os.umask(0)
                os.umask(mask)
                mode = 0o666 & ~mask
            os.chmod(partial, mode)
            os.replace(partial, target)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        raise FileError(f"cannot write '{path}': {reason(error)}") from None
