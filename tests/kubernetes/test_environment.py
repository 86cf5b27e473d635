"""The environment that a container gets from its spec."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kubernetes.environment import ConfigError, container_environment, expand

POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a/b": "c"}},
    "spec": {"nodeName": "double"},
}
SECRETS = {"s3": {"KEY": "hidden"}}
CONFIG_MAPS = {"settings": {"COLOUR": "blue"}}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, {}),
        ({"env": [{"name": "A", "value": "1"}, {"name": "B"}]}, {"A": "1", "B": ""}),
        ({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}]}, {"A": "1", "B": "12"}),
        ({"envFrom": [{"secretRef": {"name": "s3"}}]}, {"KEY": "hidden"}),
        ({"envFrom": [{"secretRef": {"name": "s3"}, "prefix": "P_"}]}, {"P_KEY": "hidden"}),
        ({"envFrom": [{"configMapRef": {"name": "settings"}}]}, {"COLOUR": "blue"}),
        ({"envFrom": [{"secretRef": {"name": "none", "optional": True}}]}, {}),
        (
            {"envFrom": [{"secretRef": {"name": "s3"}}], "env": [{"name": "KEY", "value": "mine"}]},
            {"KEY": "mine"},
        ),
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "KEY"}}}]}, {"A": "hidden"}),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "x", "optional": True}}}]},
            {},
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "COLOUR"}}}]},
            {"A": "blue"},
        ),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}, {"A": "p"}),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a/b']"}}}]}, {"A": "c"}),
    ],
)
def test_environment(container: dict[str, Any], expected: dict[str, str]) -> None:
    assert container_environment(POD, container, SECRETS, CONFIG_MAPS) == expected


@pytest.mark.parametrize(
    "container",
    [
        {"envFrom": [{"secretRef": {"name": "none"}}]},
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s3", "key": "none"}}}]},
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "x"}}}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.none"}}}]},
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]},
    ],
)
def test_what_is_not_there_is_an_error(container: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        container_environment(POD, container, SECRETS, CONFIG_MAPS)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("", ""),
        ("$(A)", "1"),
        ("x$(A)y$(A)", "x1y1"),
        ("$$(A)", "$(A)"),
        ("$(B)", "$(B)"),
        ("$A {{ A }}", "$A {{ A }}"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded
