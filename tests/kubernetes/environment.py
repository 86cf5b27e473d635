"""The environment and the command line of a container, worked out from its spec as the kubelet does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Bundles = Mapping[str, Mapping[str, str]]
"""Secrets or config maps: name to its entries."""

REFERENCE = re.compile(r"\$(?P<escaped>\$)?\((?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\)")
MAP_FIELD = re.compile(r"metadata\.(?P<map>labels|annotations)\['(?P<key>[^']+)'\]")


class ConfigError(Exception):
    """The spec names a secret, a config map, a key or a field that is not there."""


def base_environment(programs: Path, home: Path, name: str) -> dict[str, str]:
    """The variables that every container has; `programs` come first on its path, `name` is its pod's."""
    path = f"{programs}:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(home), "TMPDIR": str(home), "HOSTNAME": name, "LANG": "C.UTF-8"}


def container_environment(
    pod: Mapping[str, Any], container: Mapping[str, Any], secrets: Bundles, config_maps: Bundles
) -> dict[str, str]:
    """`envFrom`, then `env` over it; `$(NAME)` in values refers to variables set before.

    Raises:
        ConfigError: something that is referred to, and not optional, does not exist.
    """
    environment: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        kind, bundles = ("secret", secrets) if "secretRef" in source else ("configmap", config_maps)
        reference = source.get("secretRef") or source["configMapRef"]
        entries = _lookup(bundles, kind, reference)
        environment |= {source.get("prefix", "") + key: value for key, value in entries.items()}
    for variable in container.get("env") or []:
        value = _value(variable, pod, secrets, config_maps)
        if value is not None:
            environment[variable["name"]] = expand(value, environment)
    return environment


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by the variable, `$$(NAME)` by `$(NAME)`; an unknown name stays as it is."""

    def replacement(match: re.Match[str]) -> str:
        if match["escaped"]:
            return match[0][1:]
        return variables.get(match["name"], match[0])

    return REFERENCE.sub(replacement, text)


def _value(variable: Mapping[str, Any], pod: Mapping[str, Any], secrets: Bundles, config_maps: Bundles) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return str(variable.get("value", ""))
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    if "secretKeyRef" in source:
        return _entry(secrets, "secret", source["secretKeyRef"])
    if "configMapKeyRef" in source:
        return _entry(config_maps, "configmap", source["configMapKeyRef"])
    raise ConfigError(f"variable {variable['name']}: {', '.join(source)} is not supported by this double")


def _lookup(bundles: Bundles, kind: str, reference: Mapping[str, Any]) -> Mapping[str, str]:
    if reference["name"] not in bundles and not reference.get("optional"):
        raise ConfigError(f'{kind} "{reference["name"]}" not found')
    return bundles.get(reference["name"], {})


def _entry(bundles: Bundles, kind: str, reference: Mapping[str, Any]) -> str | None:
    entries = _lookup(bundles, kind, reference)
    if reference["key"] not in entries and not reference.get("optional"):
        raise ConfigError(f"couldn't find key {reference['key']} in {kind} {reference['name']}")
    return entries.get(reference["key"])


def _field(pod: Mapping[str, Any], path: str) -> str:
    fields = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "status.podIP": "127.0.0.1",
        "status.hostIP": "127.0.0.1",
    }
    if path in fields:
        return str(fields[path])
    if match := MAP_FIELD.fullmatch(path):
        return str((pod["metadata"].get(match["map"]) or {}).get(match["key"], ""))
    raise ConfigError(f"fieldPath {path} is not supported by this double")
