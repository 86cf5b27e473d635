"""A registry of images on loopback, Debian's `docker-registry`, that wants a login."""

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from nightjar_local.processes import free_ports, wait_for

USER, PASSWORD = "pusher", "secret"
# As `htpasswd -nbB` gives it: bcrypt of PASSWORD, with the least cost.
_ENTRY = f"{USER}:$2b$05$AWNnzmWe0Xvo54ZllbK/..Lps6qljPvOnWTsjIC5CY/hykrk4G2Ja\n"


@dataclass(frozen=True)
class DockerRegistry:
    """A running registry: `host` is `127.0.0.1:<port>`, `login` a docker config file with a login for it."""

    host: str
    login: Path
    registries: Path
    process: "subprocess.Popen[bytes]"

    def environment(self) -> dict[str, str]:
        """The environment in which buildah pushes and pulls there: with the login, and without TLS."""
        return {"REGISTRY_AUTH_FILE": str(self.login), "CONTAINERS_REGISTRIES_CONF": str(self.registries)}

    def stop(self) -> None:
        """End it; a second time changes nothing."""
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def docker_registry(directory: Path) -> Iterator[DockerRegistry]:
    """A registry that keeps everything below `directory`."""
    [port] = free_ports(1)
    host, log = f"127.0.0.1:{port}", directory / "registry.log"
    (directory / "htpasswd").write_text(_ENTRY)
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": host},
        "auth": {"htpasswd": {"realm": "of-a-test", "path": str(directory / "htpasswd")}},
    }
    (directory / "config.yml").write_text(json.dumps(configuration))
    login = {"auths": {host: {"auth": b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}}
    (directory / "login.json").write_text(json.dumps(login))
    (directory / "registries.conf").write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
    with log.open("w") as out:
        command = ["docker-registry", "serve", str(directory / "config.yml")]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    registry = DockerRegistry(host, directory / "login.json", directory / "registries.conf", process)

    def ready() -> bool:
        try:
            return httpx.get(f"http://{host}/v2/", trust_env=False).status_code == httpx.codes.UNAUTHORIZED
        except httpx.TransportError:
            return False

    def check() -> None:
        assert process.poll() is None, log.read_text()[-2000:]

    wait_for("the registry", ready, check, timeout=60)
    try:
        yield registry
    finally:
        registry.stop()
