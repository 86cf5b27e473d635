"""Containers of images that buildah built, as a cluster runs them: another user, a root that nobody can write to.

`buildah run` leaves the root writable, and a container engine is more than a test needs. So the image's files are
mounted, made read-only in a mount namespace of the command alone, and the command is run there by chroot.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.debian import run

# Its arguments: root, user:group, how many folders follow that stay writable as `host:container`, these, the command.
_READ_ONLY = """
set -eu
root=$1; user=$2; count=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
while [ "$count" -gt 0 ]; do mount --bind "${1%%:*}" "$root${1#*:}"; shift; count=$((count - 1)); done
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind /sys "$root/sys"
exec /usr/sbin/chroot --userspec="$user" "$root" "$@"
"""


@dataclass(frozen=True)
class Container:
    """An image whose files are mounted at `root`; `config` is its configuration as OCI has it.

    `writable` maps folders of this machine to those of the container that can be written to; besides them only /tmp.
    """

    root: Path
    config: Mapping[str, Any]
    writable: Mapping[Path, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reference: str, buildah: Mapping[str, str]) -> "Container":
        """A container of the image; it goes with the storage."""
        name = run(["buildah", "from", reference], buildah)
        inspected = json.loads(run(["buildah", "inspect", "--type", "image", reference], buildah))
        return cls(Path(run(["buildah", "mount", name], buildah)), inspected["OCIv1"]["config"])

    @property
    def site(self) -> Path:
        """The packages of its Python."""
        return self.root / "opt" / "nightjar" / "venv" / "lib" / "python3.11" / "site-packages"

    def command(self, *arguments: str, user: str | None = None) -> list[str]:
        """The command line that runs the image's entrypoint, with its own command unless arguments are given."""
        words = [*(self.config.get("Entrypoint") or []), *(arguments or self.config["Cmd"])]
        mounts = [f"{host}:{inside}" for host, inside in self.writable.items()]
        script = ["/usr/bin/unshare", "--mount", "sh", "-c", _READ_ONLY, "sh"]
        return [*script, str(self.root), user or self.config["User"], str(len(mounts)), *mounts, *words]

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The image's environment with more variables."""
        return {**dict(each.split("=", 1) for each in self.config["Env"]), **variables}

    def run(self, *arguments: str, user: str | None = None, variables: Mapping[str, str] | None = None) -> str:
        """What the command printed; raises AssertionError with all of it if it fails."""
        result = self.result(*arguments, user=user, variables=variables)
        said = "\n".join((result.stdout + result.stderr).splitlines()[-40:])
        assert result.returncode == 0, f"{' '.join(arguments)} ended with {result.returncode}:\n{said}"
        return result.stdout.strip()

    def result(
        self, *arguments: str, user: str | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """How the command ended, and what it printed."""
        environment = self.environment(variables or {})
        command = self.command(*arguments, user=user)
        return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=300, check=False)


def writable_folder(path: Path, owner: int, group: int = 0) -> Path:
    """A new folder of the user of a container."""
    path.mkdir(parents=True)
    os.chown(path, owner, group)
    path.chmod(0o775)
    return path
