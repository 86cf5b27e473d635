"""The secrets that a container mounts, as files in the folder of its pod.

A process has no file system of its own, so that a mount path is a folder below the pod's: a variable that names a mount
path, or a folder above one, is led there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kubernetes.environment import Bundles


class MountError(Exception):
    """A volume names a secret that is not there, and is not optional."""


def mount_secrets(pod: Mapping[str, Any], root: Path, secrets: Bundles) -> list[Path]:
    """Write the secrets that the pod's container mounts below `root`; returns the mount paths.

    Raises:
        MountError: a secret that is not optional does not exist.
    """
    mounted = []
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or []}
    for mount in pod["spec"]["containers"][0].get("volumeMounts") or []:
        if source := volumes[mount["name"]].get("secret"):
            name, path = source["secretName"], Path(mount["mountPath"])
            if name not in secrets and not source.get("optional"):
                raise MountError(f'MountVolume.SetUp failed for volume "{mount["name"]}" : secret "{name}" not found')
            _write(root / path.relative_to("/"), secrets.get(name, {}))
            mounted.append(path)
    return mounted


def led_to(root: Path, mounted: list[Path], variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, with those that name one of the mount paths, or a folder above, led below `root`."""
    folders = {str(folder) for path in mounted for folder in (path, *path.parents[:-1])}
    return {name: f"{root}{value}" if value in folders else value for name, value in variables.items()}


def _write(folder: Path, entries: Mapping[str, str]) -> None:
    """Files as the kubelet leaves them: links into a folder that is replaced as a whole."""
    (folder / "..first").mkdir(parents=True)
    (folder / "..data").symlink_to("..first")
    for name, text in entries.items():
        (folder / "..first" / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")
