"""The chart renders and is linted by the real Helm engine, over all examples, and what is generated is fresh."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from docs import chart as generated
from docs import iam
from docs.generate import ROOT
from tests.helm.chart import CHART, EXAMPLES, MINIMAL, Manifest, check_kubernetes, example, merged, rendered

WARNING = 2  # and 3 an error
MADE = {generated.SCHEMA: generated.schema, generated.README: generated.readme}


def test_there_are_the_examples_that_people_look_for() -> None:
    assert {"values-minimal", "values-eks", "values-on-premises", "values-gpu"} <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_lint_finds_nothing(name: str) -> None:
    report = helm_python.lint(CHART, example(name), strict=True)
    assert [each for each in report["messages"] if each["severity"] >= WARNING] == []
    assert report["errors"] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_object_is_one_of_kubernetes(name: str) -> None:
    check_kubernetes(rendered(example(name)))


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_what_is_generated_is_fresh(path: Path) -> None:
    made: Callable[[], str] = MADE[path]
    assert path.read_text() == made(), "stale: run `make docs`"


def test_policies_are_fresh() -> None:
    stored = {path.name: path.read_text() for path in (ROOT / "helm" / "iam").glob("*.json")}
    assert stored == iam.texts(), "stale: run `make docs`"


@pytest.mark.parametrize("page", ["nightjar/README.md", "iam/README.md"])
def test_links_of_the_pages_lead_somewhere(page: str) -> None:
    path = ROOT / "helm" / page
    links = re.findall(r"\]\(([^)]+)\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def identity(each: Manifest) -> tuple[str, str, str]:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_object_is_there_twice(name: str) -> None:
    names = [identity(each) for each in rendered(example(name))]
    assert len(names) == len(set(names))


def freshly(values: Mapping[str, Any], *, upgrade: bool) -> list[str]:
    """The files, as another run of Helm would render them, but for Secrets: those are made once, and then found."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(dict(values), name="nightjar", namespace="nightjar", is_upgrade=upgrade)
    documents = (document for path in sorted(files) for document in files[path].split("\n---\n"))
    return [document for document in documents if "\nkind: Secret\n" not in document]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_values_give_the_same_objects(name: str) -> None:
    first = freshly(example(name), upgrade=False)
    assert first == freshly(example(name), upgrade=False)
    # What an upgrade changes is what the values change: nothing.
    assert first == freshly(example(name), upgrade=True)


# The database of values-minimal has a password that is made once.
@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "values-minimal"])
def test_where_helm_sees_no_cluster_nothing_is_made_up(name: str) -> None:
    assert [identity(each) for each in rendered(example(name)) if each["kind"] == "Secret"] == []


@pytest.mark.parametrize(
    ("release", "overrides", "prefix"),
    [
        ("nightjar", {}, "nightjar"),
        ("eu-nightjar", {}, "eu-nightjar"),
        ("prod", {}, "prod-nightjar"),
        ("prod", {"fullnameOverride": "cameras"}, "cameras"),
        ("prod", {"nameOverride": "cams"}, "prod-cams"),
        ("a" * 53, {}, "a" * 40),
    ],
)
def test_names_begin_with_the_release(release: str, overrides: Mapping[str, Any], prefix: str) -> None:
    objects = rendered(merged(MINIMAL, overrides), name=release)
    # Those of the stages' namespace have it to themselves, and priority classes are named by the values.
    named = [each for each in objects if each["kind"] in ("Deployment", "Service", "ConfigMap", "Role")]
    assert named
    for each in named:
        assert each["metadata"]["name"].startswith(f"{prefix}-")
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == release
        assert len(each["metadata"]["name"]) <= 63


def test_labels_of_the_company_are_on_every_object() -> None:
    for each in rendered(merged(MINIMAL, {"commonLabels": {"cost-centre": "video"}})):
        assert each["metadata"]["labels"]["cost-centre"] == "video", identity(each)


def test_every_value_has_a_meaning_and_a_type() -> None:
    text = (CHART / "values.yaml").read_text()
    meaning = generated.comments(text)
    schema = json.loads(generated.SCHEMA.read_text())
    for key, _ in generated.leaves(yaml.safe_load(text), meaning):
        assert meaning.get(key), f"values.yaml: expected a comment above {key}"
        kind: dict[str, Any] = schema
        for step in key.split("."):
            kind = kind.get("properties", {}).get(step, {})
            if "$ref" in kind:
                kind = schema["definitions"][kind["$ref"].rpartition("/")[2]]
            if kind.get("type") == "object" and "properties" not in kind:
                break
        assert kind, f"helm/schema: expected {key}"


@pytest.mark.parametrize(
    ("values", "said", "not_said"),
    [
        ({}, ["service/nightjar-api-server 8080:8080", "nightjar-airflow-admin", "Secret nightjar-s3"], ["no login"]),
        ({"airflow": {"auth": {"admin": {"existingSecret": "mine"}}}}, ["127.0.0.1:8080"], ["nightjar-airflow-admin"]),
        (
            {"airflow": {"onePod": True, "auth": {"trial": True}}},
            ["--container setup", "no login"],
            ["The first login"],
        ),
        (
            {"airflow": {"ingress": {"enabled": True, "host": "n.example.com", "tlsSecret": "t"}}},
            ["https://n.example.com"],
            ["port-forward"],
        ),
        ({"externalSecrets": {"enabled": True, "store": {"name": "s"}}}, ["2. Open"], ["Secret nightjar-s3"]),
        ({"postgres": {"enabled": True}}, ["nobody backs it up"], []),
    ],
)
def test_helm_says_what_to_do_next(values: Mapping[str, Any], said: list[str], not_said: list[str]) -> None:
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(merged(MINIMAL, values), name="nightjar", namespace="nightjar")
    notes = files["nightjar/templates/NOTES.txt"]
    assert [each for each in said if each not in notes] == []
    assert [each for each in not_said if each in notes] == []
    named = set(re.findall(r"(?:service|deployment)/([a-z-]+)", notes))
    assert named <= {name for _, _, name in map(identity, rendered(merged(MINIMAL, values)))}
