"""Wrong values are refused before anything is made, with the place and a reason."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import helm_python
import pytest
import yaml

from tests.helm.chart import CHART, MINIMAL, merged, rendered

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())

REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "an unknown section": ({"stage": {}}, "'stage' not allowed"),
    "an unknown key": ({"stages": {"quotas": {}}}, "'quotas' not allowed"),
    "a stage that is none": ({"stages": {"transcode": {"cpu": "1"}}}, "'transcode' not allowed"),
    "an unknown key of a stage": ({"stages": {"detect": {"cpus": "1"}}}, "'cpus' not allowed"),
    "CPU as a number": ({"stages": {"detect": {"cpu": 2}}}, "/stages/detect/cpu"),
    "memory without a unit": ({"stages": {"detect": {"memory": "2"}}}, "/stages/detect/memory"),
    "too many GPUs": ({"stages": {"detect": {"gpu": 17}}}, "/stages/detect/gpu"),
    "less disk than is asked for": ({"stages": {"detect": {"scratch": "0Gi"}}}, "/stages/detect/scratch"),
    "a toleration of everything": ({"stages": {"detect": {"tolerations": [{"operator": "Exists"}]}}}, "'key'"),
    "a runtime that is none": ({"stages": {"detect": {"runtime": "thread"}}}, "/stages/detect/runtime"),
    "a setting that is none": ({"settings": {"NIGHTJAR_MAX_SHARD": 5}}, "'NIGHTJAR_MAX_SHARD' not allowed"),
    "a setting beyond its bound": ({"settings": {"NIGHTJAR_MAX_SHARDS": 2000}}, "/settings/NIGHTJAR_MAX_SHARDS"),
    "a setting of another kind": ({"settings": {"NIGHTJAR_DEFERRABLE": "yes"}}, "/settings/NIGHTJAR_DEFERRABLE"),
    "a setting with a place of its own": ({"settings": {"NIGHTJAR_BUCKET": "b"}}, "'NIGHTJAR_BUCKET' not allowed"),
    "a secret in the values": ({"settings": {"SENDGRID_API_KEY": "SG.x"}}, "'SENDGRID_API_KEY' not allowed"),
    "no registry": ({"images": {"registry": ""}}, "images.registry is needed"),
    "a registry with its scheme": ({"images": {"registry": "https://r.example.com"}}, "/images/registry"),
    "the tag latest": ({"images": {"tag": "latest"}}, "/images/tag"),
    "the tag latest of a stage": ({"images": {"stages": {"detect": "latest"}}}, "/images/stages/detect"),
    "an image that is none": ({"images": {"stages": {"record": "1.0.0"}}}, "'record' not allowed"),
    "a digest that is none": ({"images": {"airflow": {"digest": "sha256:0"}}}, "/images/airflow/digest"),
    "a pull policy that is none": ({"images": {"pullPolicy": "always"}}, "/images/pullPolicy"),
    "no bucket": ({"s3": {"bucket": ""}}, "s3.bucket is needed"),
    "a bucket in capitals": ({"s3": {"bucket": "Footage"}}, "/s3/bucket"),
    "a password in the address": ({"s3": {"endpoint": "https://me:secret@s3.example.com"}}, "/s3/endpoint"),
    "an address without a scheme": ({"s3": {"endpoint": "s3.example.com"}}, "/s3/endpoint"),
    "a namespace in capitals": ({"stages": {"namespace": "Stages"}}, "/stages/namespace"),
    "a label that is none": ({"stages": {"podLabels": {"team": "a b"}}}, "/stages/podLabels/team"),
    "a label with a key that is none": (
        {"stages": {"podLabels": {"a b": "c"}}},
        "/stages/podLabels': 'a b' not allowed",
    ),
    "a variable that is none": ({"stages": {"extraEnv": {"A-B": "c"}}}, "/stages/extraEnv': 'A-B' not allowed"),
    "a label of nodes that is none": ({"stages": {"detect": {"nodeSelector": {"pool": "a b"}}}}, "/nodeSelector/pool"),
    "a namespace with a dot": ({"stages": {"namespace": "a.b"}}, "/stages/namespace"),
    "a name that is too long": ({"s3": {"secret": "s" * 64}}, "/s3/secret"),
    "an annotation as a number": ({"stages": {"podAnnotations": {"a": 1}}}, "/stages/podAnnotations/a"),
    "a peer that is everybody": ({"stages": {"networkPolicies": {"s3": {"to": [{}]}}}}, "/networkPolicies/s3/to/0"),
    "a port that is none": ({"stages": {"networkPolicies": {"messages": {"ports": [70000]}}}}, "/messages/ports/0"),
    "containers of its own": ({"stages": {"podSpec": {"containers": []}}}, "/stages/podSpec"),
    "a store without a name": ({"externalSecrets": {"enabled": True, "secrets": {"s3": "a"}}}, "store.name is needed"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_wrong_values_are_refused_with_their_place(why: str) -> None:
    values, expected = REFUSED[why]
    with pytest.raises(helm_python.HelmError) as refused:
        rendered(merged(MINIMAL, values))
    assert expected in str(refused.value).replace("additional properties ", "")


def test_as_a_part_of_another_chart_it_takes_global_values() -> None:
    assert rendered(merged(MINIMAL, {"global": {"imageRegistry": "r.example.com"}}))


# Any section and key of Airflow's own settings, but for those that would open what is shut.
FREE = "/airflow/config"


def kinds(kind: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each key that the schema has, by its path, with what it takes."""
    while "$ref" in kind:
        kind = SCHEMA["definitions"][kind["$ref"].rpartition("/")[2]]
    yield path, kind
    for name, inner in kind.get("properties", {}).items():
        if isinstance(inner, dict):  # false: a key of Airflow's that is refused
            yield from kinds(inner, f"{path}/{name}")


def test_every_key_is_checked() -> None:
    """Where the schema names keys, it takes no others; everything it names has a type."""
    found = dict(kinds(SCHEMA))
    assert len(found) > 200
    for path, kind in found.items():
        assert {"type", "enum"} & set(kind), path
        if "properties" in kind and not path.startswith(FREE):
            assert kind.get("additionalProperties") is False, path


def test_every_key_has_a_default_that_people_can_read() -> None:
    """Other than settings and tags of images: these are as many as in docs/settings.md, and as the images."""
    for path, _ in kinds(SCHEMA):
        steps = path.strip("/").split("/") if path else []
        if path.startswith(FREE) or steps[:1] in (["settings"], ["global"]) or steps[:2] == ["images", "stages"]:
            continue
        values: Any = VALUES
        for step in steps:
            if not values and values != 0:  # a default that is empty: whatever it takes is in the comment
                break
            assert step in values, path
            values = values[step]
