"""Secrets as files: Kubernetes mounts a secret as a folder, and each file in it is read as the variable it is called.

In pods the folders are `/etc/nightjar/secrets/<secret>/`, and `NIGHTJAR_SECRETS_DIR` names the folder above them. So no
secret stands in the environment that a container is started with, which `kubectl describe`, crash reports and
`/proc/<pid>/environ` show.
"""

import os
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from nightjar.domain.stages import Secret
from nightjar.errors import UsageError

VARIABLE = "NIGHTJAR_SECRETS_DIR"
_NAME = re.compile(rf"({'|'.join(Secret)})[A-Z0-9_]+")


def take_up_secrets(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the variables that stand in files below the folder that `environment` names; without one, nothing is done.

    Only the names of credentials count, and a variable that is set already keeps its value. Raises UsageError, which
    shows no value, for a file that cannot be read or is no text.
    """
    folder = environment.get(VARIABLE)
    if not folder:
        return
    for file in _files(Path(folder)):
        if not environment.get(file.name):
            environment[file.name] = _text(file)


def _files(folder: Path) -> Iterator[Path]:
    """The files that are called like a variable of credentials; Kubernetes keeps folders of its own beside them."""
    for secret in sorted(folder.glob("*/")):
        yield from (file for file in sorted(secret.iterdir()) if _NAME.fullmatch(file.name))


def _text(file: Path) -> str:
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"expected a secret in {file}, one line of text: {why}") from None
    if "\0" in text:
        raise UsageError(f"expected a secret in {file}, one line of text: it has a zero byte")
    return text
