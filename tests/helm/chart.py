"""The chart, rendered by the real Helm engine in this process; what was rendered once is kept."""

import copy
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml
from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

CHART = Path(__file__).resolve().parents[2] / "helm" / "nightjar"
EXAMPLES = tuple(sorted(path.stem for path in (CHART / "examples").glob("values-*.yaml")))
# The least that must be said; a test adds to it.
MINIMAL: Mapping[str, Any] = {
    "images": {"registry": "registry.example.com/nightjar"},
    "s3": {"bucket": "footage"},
    "airflow": {"database": {"existingSecret": "nightjar-database"}},
}
NAMESPACE = "nightjar"
# Of operators that a cluster may have: their schemas are not Kubernetes' own.
FOREIGN = ("external-secrets.io/", "monitoring.coreos.com/")
_SCHEMAS = "kubernetes-json-schema/v1.36.0-local-strict"

# An object of Kubernetes as it stands in a manifest: Any, since each kind has another shape.
Manifest = dict[str, Any]


def merged(*values: Mapping[str, Any]) -> dict[str, Any]:
    """Value files as Helm lays them over each other: mappings key by key, everything else as a whole."""
    result: dict[str, Any] = {}
    for each in values:
        for key, value in each.items():
            is_mapping = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merged(result[key], value) if is_mapping else copy.deepcopy(value)
    return result


def example(name: str) -> dict[str, Any]:
    """The values of `examples/<name>.yaml`."""
    values: dict[str, Any] = yaml.safe_load((CHART / "examples" / f"{name}.yaml").read_text())
    return values


def rendered(
    values: Mapping[str, Any] | None = None,
    *,
    name: str = "nightjar",
    namespace: str = NAMESPACE,
    upgrade: bool = False,
) -> list[Manifest]:
    """Every object of the chart with `values` over its defaults; raises helm_python.HelmError as Helm refuses them."""
    return copy.deepcopy(_objects(json.dumps(MINIMAL if values is None else values), name, namespace, upgrade))


def of_kind(objects: list[Manifest], kind: str) -> dict[str, Manifest]:
    """The objects of a kind, by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def environment(*values: Mapping[str, Any]) -> dict[str, str]:
    """The settings of Airflow's pods with `values` over the least that must be said."""
    settings: dict[str, str] = of_kind(rendered(merged(MINIMAL, *values)), "ConfigMap")["nightjar-airflow"]["data"]
    return settings


def pod_specs(objects: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The spec of every pod that these objects make, with `<kind>/<name>` of the object that has its template."""
    for each in objects:
        label = f"{each['kind']}/{each['metadata']['name']}"
        spec = each.get("spec") or {}
        if each["kind"] == "Pod":
            yield label, spec
        if each["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "spec" in spec.get("template", {}):
            yield label, spec["template"]["spec"]


def containers(spec: Manifest) -> list[Manifest]:
    """All containers of a pod, those that run first included."""
    return [*spec.get("initContainers", ()), *spec["containers"]]


def check_kubernetes(objects: list[Manifest]) -> None:
    """Raise jsonschema's ValidationError for an object that is none of Kubernetes 1.36: an unknown key, a wrong type.

    Objects of operators that a cluster may have are passed over. As kubernetes_validate.validate does in strict mode,
    which reads megabytes of schemas for each object.
    """
    for each in objects:
        if not each["apiVersion"].startswith(FOREIGN):
            _check(json.dumps(each))


@cache
def _check(manifest: str) -> None:
    each = json.loads(manifest)
    group, slash, version = each["apiVersion"].partition("/")
    validator = _validator(each["kind"].lower(), f"{group.partition('.')[0]}{'-' if slash else ''}{version}")
    validator.validate(each)


@cache
def _validator(kind: str, version: str) -> Draft202012Validator:
    schema = schema_contents(f"{_SCHEMAS}/{kind}-{version}.json", "1.36")
    return Draft202012Validator(schema, registry=_definitions().with_resource("", Resource.from_contents(schema)))


@cache
def _definitions() -> Registry[Any]:
    definitions: Resource[Any] = Resource.from_contents(schema_contents(f"{_SCHEMAS}/_definitions.json", "1.36"))
    return definitions @ Registry()


@cache
def _chart() -> helm_python.Chart:
    return helm_python.Chart.load(CHART)


@cache
def _objects(values: str, name: str, namespace: str, upgrade: bool) -> list[Manifest]:
    files = _chart().render(
        json.loads(values), name=name, namespace=namespace, is_upgrade=upgrade, is_install=not upgrade
    )
    documents = (
        document
        for path, text in sorted(files.items())
        if path.endswith((".yaml", ".yml"))
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader)
    )
    return [document for document in documents if document]
